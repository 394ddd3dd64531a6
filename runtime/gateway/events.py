"""Bytes into news: the one place where an event of a stranger is read, live and when a dead letter is replayed.

    bulk:       a line                               --+
    structured: the body                               |          Admission           +--> Group of an entity
    batch:      an element of the array                +--> item --(may they?)--> news
    binary:     headers and body, put together         |     |                        +--> refused: nothing is kept
    letter:     what was kept                        --+     +--> unread: a dead letter, its bytes as they came

A plain event is `{"type": T, ...}`. In a CloudEvent `type` is T and `data` is the rest. Every T is a row of KINDS.

Rule 1. Each item is decoded once, straight into the values of the core, and checked here. Behind the border nobody
        checks again.
Rule 2. What cannot be read is never thrown away: an unknown type, a newer schema, a number out of range, a key that
        stands twice. It becomes a dead letter, so it can be read again when we have learned to.
Rule 3. What the sender must mend is refused, and nothing of it is kept: an entity that the caller may not deliver for,
        or that nobody configured.
Rule 4. An item longer than ITEM_MAX_BYTES is not looked at: it is refused, and nothing of it is kept. One that is
        nested too deeply makes the whole request unusable; nothing of the request was taken in by then.

A key that stands twice: the decoder keeps the last one and says nothing. So we count. No JSON object can have fewer
keys than we found different ones, and every key is followed by a colon. Where there are as many colons as different
keys, no key stands twice, there is no key that we do not know, and so nothing deep either. Where there are more (a
colon inside a text, a key of the sender's own), those behind a quote are counted (unless somebody puts a space in
between, which is looked for first), and where these are too many as well, the standard library reads the item again,
slowly, and decides. So the usual line costs a count instead of a second parser.
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from decimal import Decimal
from io import BytesIO
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar, get_type_hints

import msgspec

from runtime.connectors.psa.generic import (
    VERSION_MAX,
    UndecodableEventError,
    read_approval,
    read_withdrawal,
)
from runtime.core.model import Approval, Assignment, Period, Project, RateLine, TimeEntry, Worker
from runtime.core.news import (
    AssignmentsPublished,
    ConfigurationPublished,
    EntryApproved,
    EntryWithdrawn,
    MasterDataReady,
    News,
    PeriodPublished,
    ProjectsPublished,
    RatesPublished,
    WorkersPublished,
)
from runtime.core.value import value
from runtime.gateway.gate import Action

T = TypeVar("T")
APPROVED = "time_entry.approved"
EVERYBODY = "*"
"""The entity of reference data that is meant for all of them."""
ITEM_MAX_BYTES = 1024 * 1024
"""Assumed: an approval takes a kilobyte, a publication of a thousand rates 200. The slow look at a longer item would
hold everybody else up."""
SCHEMA = "urn:springtide:"
"""What a dataschema begins with: "urn:springtide:rates.published:1"."""


class TooDeepError(Exception):
    """An item is nested more deeply than the limit allows; `index` says which."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


class TooManyError(Exception):
    """There are more items than one request may have."""


# ------------------------------------------------------------------ the wire

_UNSET = msgspec.UNSET
_astuple = msgspec.structs.astuple


class _Part(Generic[T]):
    """An object of an event that is a value of the core, read so that one can tell which of its keys were written.

    `wire` has the same fields in the same order; what has a default there is UNSET here where nobody wrote it.
    """

    def __init__(self, make: type[T]) -> None:
        every = fields(make)  # type: ignore[arg-type]  # a dataclass, which a type variable cannot say
        of = get_type_hints(make)
        self._make = make
        self._defaults = tuple(one.default for one in every if one.default is not MISSING)
        self._always = len(every) - len(self._defaults)
        """Keys without which it cannot be read; they come first."""
        always = [(one.name, of[one.name]) for one in every[: self._always]]
        maybe = [(one.name, of[one.name] | msgspec.UnsetType, _UNSET) for one in every[self._always :]]
        self.wire = msgspec.defstruct(f"_{make.__name__}", [*always, *maybe], gc=False)

    def read(self, written: msgspec.Struct | None) -> tuple[T | None, int]:
        """The value of the core, and in how many different keys it was written."""
        if written is None:
            return None, 0
        values = _astuple(written)
        maybe = values[self._always :]
        absent = maybe.count(_UNSET)
        if absent:
            filled = (default if one is _UNSET else one for one, default in zip(maybe, self._defaults, strict=True))
            values = (*values[: self._always], *filled)
        return self._make(*values), len(values) - absent


_ENTRY = _Part(TimeEntry)
_APPROVAL = _Part(Approval)


class _Content(msgspec.Struct, gc=False):
    """What any event may say; which of it is needed is the matter of its kind."""

    entry: _ENTRY.wire | None = None  # type: ignore[name-defined]  # made from the fields of the core's own class
    approval: _APPROVAL.wire | None = None  # type: ignore[name-defined]  # the same
    entity: str = ""
    entry_id: str = ""
    version: int = 0
    reason: str = ""
    at_ms: int = 0
    lines: tuple[RateLine, ...] = ()
    projects: tuple[Project, ...] = ()
    periods: tuple[Period, ...] = ()
    workers: tuple[Worker, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    names: tuple[str, ...] = ()
    changes: dict[str, str] = {}
    why: str = ""


class _Event(_Content, gc=False):
    """A plain event, or the envelope of a CloudEvent."""

    type: str = ""
    specversion: str = ""
    id: str = ""
    source: str = ""
    subject: str = ""
    time: str = ""
    datacontenttype: str = ""
    dataschema: str = ""
    data: _Content | None = None
    data_base64: str = ""


class _Label(msgspec.Struct, gc=False):
    """As much of an event as one needs to say why it cannot be read."""

    type: str = ""
    specversion: str = ""
    dataschema: str = ""


class _Object(msgspec.Struct, gc=False):
    """Any object at all."""


class _Home(msgspec.Struct, gc=False):
    home_entity: str = ""


class _Whose(msgspec.Struct, gc=False):
    """As much of an event as one needs to say whose it is."""

    entity: str = ""
    entry: _Home | None = None
    data: "_Whose | None" = None


_decode = msgspec.json.Decoder(_Event).decode
_decode_content = msgspec.json.Decoder(_Content).decode
_decode_label = msgspec.json.Decoder(_Label).decode
_decode_whose = msgspec.json.Decoder(_Whose).decode
_decode_objects = msgspec.json.Decoder(list[_Object]).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_raw = msgspec.json.Decoder(msgspec.Raw).decode
_encode = msgspec.json.Encoder().encode
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
"""What a decoder may raise: bytes that are no text are a ValueError, endless nesting is a RecursionError."""


# ------------------------------------------------------------------ keys that stand twice


def _surely_once(body: bytes, event: _Event, content: _Content, keys: int) -> bool:
    """Whether counting proves that an approval has no key twice, whose content has so many different keys.

    False proves nothing.
    """
    if content is event:
        different = keys + 1
    elif content is event.data:
        optional = (event.subject, event.time, event.datacontenttype, event.dataschema)
        different = keys + 5 + 4 - optional.count("")
    else:
        return False
    if body.count(b":") == different:
        return True
    return body.count(b'":') == different and _KEY_THEN_SPACE.search(body) is None


_KEY_THEN_SPACE = re.compile(rb'"[ \t\r\n]+:')


def key_twice(body: bytes) -> str | None:
    """A key that stands twice in one object of this (readable) JSON; by the standard library, which shows all pairs."""
    twice: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in found:
            if key in seen:
                twice.append(key)
                return
            seen.add(key)

    # Numbers stay text: nobody looks at them here, and an endless one must not be worked out.
    json.loads(body, object_pairs_hook=pairs, parse_int=str, parse_float=str)
    return twice[0] if twice else None


_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def too_deep(body: bytes, depth: int) -> bool:
    """Whether this JSON is nested more deeply than `depth` (or its brackets do not match, so that nobody can tell).

    Every round takes the innermost pairs away; what is left after `depth` rounds is deeper.
    """
    if body.count(b"[") + body.count(b"{") <= depth:
        return False
    brackets = _TEXT.sub(b"", body).translate(_BRACKETS, _NO_BRACKETS)
    for _ in range(depth):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


# ------------------------------------------------------------------ the kinds


@value
class Kind:
    """One type of event: what one must be allowed to do, the schema we know, and how its content reads as news."""

    action: Action
    schema: int
    read: Callable[[_Content, str, bytes], tuple[str, tuple[News, ...], int]]
    """(content, who, the bytes that say it) to (entity, news, keys). Raises UndecodableEventError.

    `keys` is how many different keys the content has, 0 where nobody counts them.
    """


def _approved(content: _Content, who: str, text: bytes) -> tuple[str, tuple[News, ...], int]:
    entry, of_entry = _ENTRY.read(content.entry)
    approval, of_approval = _APPROVAL.read(content.approval)
    news = read_approval(entry, approval, text)
    return news.entry.home_entity, (news,), 2 + of_entry + of_approval + (content.entity != "")


def _withdrawn(content: _Content, who: str, text: bytes) -> tuple[str, tuple[News, ...], int]:
    return content.entity, (read_withdrawal(content.entry_id, content.version, content.reason, content.at_ms),), 0


def _configuration(content: _Content, who: str, text: bytes) -> tuple[str, tuple[News, ...], int]:
    if not 0 < content.version <= VERSION_MAX or not content.changes or not content.why.strip():
        raise UndecodableEventError("event: a change of configuration needs 'version' (1, 2, 3 …), 'changes' and 'why'")
    changes = tuple(content.changes.items())
    return content.entity, (ConfigurationPublished(content.version, changes, who, content.why),), 0


def _periods(content: _Content, who: str, text: bytes) -> tuple[str, tuple[News, ...], int]:
    entity, news, _ = _read_periods(content, who, text)
    for period in content.periods:
        if period.first_day > period.last_day:
            raise UndecodableEventError(f"event: period {period.name[:100]} ends before it begins")
        if entity not in (EVERYBODY, period.entity):
            raise UndecodableEventError(f"event: period {period.name[:100]} is not of the entity the event names")
    return entity, news, 0


def _reference(name: str, make: Callable[[Any], tuple[News, ...]]) -> Callable[[_Content, str, bytes], Any]:
    def read(content: _Content, who: str, text: bytes) -> tuple[str, tuple[News, ...], int]:
        published = getattr(content, name)
        if not published:
            raise UndecodableEventError(f"event: {name!r} is missing or empty")
        _check(published)
        return content.entity, make(published), 0

    return read


_read_periods = _reference("periods", lambda periods: (*map(PeriodPublished, periods),))

KINDS: dict[str, Kind] = {
    APPROVED: Kind(Action.INTAKE, 1, _approved),
    "time_entry.withdrawn": Kind(Action.INTAKE, 1, _withdrawn),
    "rates.published": Kind(Action.REFERENCE, 1, _reference("lines", lambda lines: (RatesPublished(lines),))),
    "projects.published": Kind(Action.REFERENCE, 1, _reference("projects", lambda all_: (ProjectsPublished(all_),))),
    "periods.published": Kind(Action.REFERENCE, 1, _periods),
    "workers.published": Kind(Action.REFERENCE, 1, _reference("workers", lambda all_: (WorkersPublished(all_),))),
    "assignments.published": Kind(
        Action.REFERENCE, 1, _reference("assignments", lambda all_: (AssignmentsPublished(all_),))
    ),
    "master_data.ready": Kind(Action.REFERENCE, 1, _reference("names", lambda names: (MasterDataReady(names),))),
    "configuration.changed": Kind(Action.COMMAND, 1, _configuration),
}
"""Everything that can be delivered. Who may change the configuration may command."""

UNREADABLE = "unreadable"
UNKNOWN_TYPE = "unknown_type"
"""Kinds of dead letters besides those of KINDS; bounded, whatever a stranger writes as a type."""

_WHOLE = 2**53 - 1
_NUMBER = re.compile(r"-?\d{1,24}(\.\d{1,24})?")
_TEXT_MAX = 10_000


def _check(what: Any) -> None:
    """Reference data that every journal can write and everybody can calculate with, or UndecodableEventError."""
    if isinstance(what, Decimal):
        if not _NUMBER.fullmatch(str(what)):
            raise UndecodableEventError("event: a number is out of range: 24 digits on either side, no exponent")
    elif isinstance(what, int):
        if not -_WHOLE <= what <= _WHOLE:
            raise UndecodableEventError("event: a whole number is larger than 2^53 - 1")
    elif isinstance(what, str):
        if len(what) > _TEXT_MAX or "\0" in what:
            raise UndecodableEventError(f"event: a text is longer than {_TEXT_MAX} characters, or holds a NUL")
    elif isinstance(what, tuple):
        for one in what:
            _check(one)
    elif is_dataclass(what):
        for one in fields(what):
            _check(getattr(what, one.name))


# ------------------------------------------------------------------ what was read


class Admission(Protocol):
    """Who may deliver for which entity; asked once for each entity and action of a request."""

    who: str
    everybody: Sequence[str]
    """Every configured entity."""

    def bar(self, action: Action, entity: str) -> str:
        """Why not: "" when they may, or "forbidden", or "unknown-entity"."""


@dataclass(slots=True)
class Group:
    """The news for one entity, with the place of each in the delivery, and what it took on the wire."""

    indexes: list[int] = field(default_factory=list)
    news: list[News] = field(default_factory=list)
    size: int = 0

    def add(self, index: int, news: Sequence[News], size: int) -> None:
        """One more item; a list of periods is several pieces of news."""
        for one in news:
            self.indexes.append(index)
            self.news.append(one)
        self.size += size


@value
class Barred:
    """An item that was refused at the door: `why` is "forbidden", "unknown-entity" or "item-too-large"."""

    index: int
    why: str
    entity: str
    action: Action
    entry: str
    version: int


@value
class Unread:
    """An item that cannot be read: a dead letter. `kind` is a key of KINDS, UNREADABLE or UNKNOWN_TYPE."""

    index: int
    kind: str
    reason: str
    body: bytes


@dataclass(slots=True)
class Delivery:
    """A request, read: every item is in a group, barred or unread, and in one of them only."""

    total: int = 0
    groups: dict[str, Group] = field(default_factory=dict)
    barred: list[Barred] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    ids: dict[int, str] = field(default_factory=dict)
    """The id of each CloudEvent, by its place."""


def read_items(bodies: Sequence[bytes], admission: Admission, depth: int) -> Delivery:
    """What these items say, in order; takes nothing in.

    Raises TooDeepError.
    """
    some_too_large = max(map(len, bodies), default=0) > ITEM_MAX_BYTES
    delivery = Delivery(len(bodies))
    groups = delivery.groups
    admitted: dict[str, Group] = {}
    bars: dict[tuple[Action, str], str] = {}
    who = admission.who
    for index, body in enumerate(bodies):
        if some_too_large and len(body) > ITEM_MAX_BYTES:
            delivery.barred.append(Barred(index, "item-too-large", "", Action.INTAKE, "", 0))
            continue
        try:
            event = _decode(body)
            kind = KINDS.get(event.type)
            if kind is None:
                raise UndecodableEventError(_flaw(event))
            content: _Content = event
            text = body
            if event.specversion or event.data is not None or event.dataschema:
                content, text = _open(event, body)
                delivery.ids[index] = event.id
            entity, news, keys = kind.read(content, who, text)
            if not keys or not _surely_once(body, event, content, keys):
                if too_deep(body, depth):
                    raise TooDeepError(index)
                twice = key_twice(body)
                if twice is not None:
                    raise UndecodableEventError(f"event: the key {twice[:100]!r} stands twice in one object")
        except (UndecodableEventError, *_UNREADABLE) as fault:
            if too_deep(body, depth) or isinstance(fault, RecursionError):
                raise TooDeepError(index) from None
            _put_aside(delivery, index, body, fault, admission)
            continue
        group = admitted.get(entity)
        if group is not None and kind.action is Action.INTAKE:
            group.add(index, news, len(body))
            continue
        homes = admission.everybody if entity == EVERYBODY and kind.action is not Action.INTAKE else (entity,)
        for home in homes:
            bar = bars.get((kind.action, home))
            if bar is None:
                bar = bars[kind.action, home] = admission.bar(kind.action, home)
            if bar:
                delivery.barred.append(Barred(index, bar, home, kind.action, *label(news[0])))
                break
        else:
            for home in homes:
                group = groups.get(home)
                if group is None:
                    group = groups[home] = Group()
                if kind.action is Action.INTAKE:
                    admitted[home] = group
                group.add(index, news, len(body))
    return delivery


def label(news: News) -> tuple[str, int]:
    """(entry, version) that an item of news speaks of; ("", 0) for reference data."""
    if isinstance(news, EntryApproved):
        return news.entry.entry_id, news.entry.version
    if isinstance(news, EntryWithdrawn):
        return news.entry_id, news.version
    return "", 0


def _open(event: _Event, body: bytes) -> tuple[_Content, bytes]:
    """The content of a CloudEvent that is complete and of a schema that we know, and the bytes that say it."""
    flaw = _flaw(event)
    if flaw:
        raise UndecodableEventError(flaw)
    if not event.specversion:
        return event, body
    if not event.id or not event.source:
        raise UndecodableEventError("event: a CloudEvent needs 'id', 'source' and 'type'")
    if event.data_base64:
        data = b64decode(event.data_base64, validate=True)
        twice = key_twice(data)
        if twice is not None:
            raise UndecodableEventError(f"event: the key {twice[:100]!r} stands twice in one object")
        return _decode_content(data), data
    if event.data is None:
        raise UndecodableEventError("event: a CloudEvent needs 'data'")
    return event.data, body


def _flaw(event: _Event | _Label) -> str:
    """What of the label alone shows that we cannot read this, or ""."""
    if event.specversion not in ("", "1.0"):
        return f"event: CloudEvents {event.specversion[:20]!r} is not known here; 1.0 is"
    kind = KINDS.get(event.type)
    if kind is None:
        return f"event: type {event.type[:100]!r} is not known here; known are {', '.join(KINDS)}"
    if event.dataschema and event.dataschema not in (
        f"{SCHEMA}{event.type}:{version}" for version in range(1, kind.schema + 1)
    ):
        return f"event: schema {event.dataschema[:100]!r} is not known here; {SCHEMA}{event.type}:{kind.schema} is"
    return ""


def _put_aside(delivery: Delivery, index: int, body: bytes, fault: Exception, admission: Admission) -> None:
    """Make a dead letter of an item; of somebody else's entity nothing is kept, even if nobody can read it."""
    kind, reason = UNREADABLE, str(fault)
    try:
        labelled = _decode_label(body)
        kind = labelled.type if labelled.type in KINDS else UNKNOWN_TYPE
        reason = _flaw(labelled) or reason
    except _UNREADABLE:
        reason = f"not an event: {fault}"
    try:
        whose = _decode_whose(body)
        entity = _entity_of(whose)
    except _UNREADABLE:
        entity = ""
    if entity and entity != EVERYBODY:
        actions = (KINDS[kind].action,) if kind in KINDS else (Action.INTAKE, Action.REFERENCE)
        bars = [admission.bar(action, entity) for action in actions]
        if all(bars):
            delivery.barred.append(Barred(index, bars[0], entity, actions[0], "", 0))
            return
    delivery.unread.append(Unread(index, kind, reason, body))


def _entity_of(whose: _Whose) -> str:
    while whose.data is not None:
        whose = whose.data
    return whose.entity or (whose.entry.home_entity if whose.entry is not None else "")


# ------------------------------------------------------------------ forms of delivery


def lines_of(body: bytes, most: int) -> list[bytes]:
    """The items of NDJSON: one a line; empty lines are none. Raises TooManyError before a flood of lines is cut up."""
    lines = list(islice(BytesIO(body), 2 * most + 1))
    if len(lines) > 2 * most:
        raise TooManyError
    return [line.removesuffix(b"\n") for line in lines if not line.isspace()]


def elements_of(body: bytes, most: int) -> list[bytes]:
    """The items of a JSON array of objects.

    Raises ValueError when it is none, RecursionError when it is nested endlessly, and TooManyError before a flood of
    tiny elements takes memory: no event is as short as `_SHORTEST`.
    """
    objects = body.count(b"{")
    if (objects > most and objects * _SHORTEST > len(body)) or len(_decode_objects(body)) > most:
        raise TooManyError
    return [bytes(element) for element in _decode_array(body)]


_SHORTEST = 16


def in_one(attributes: Mapping[str, str], data: bytes) -> bytes:
    """A CloudEvent in binary mode as one in structured mode, so that there is one way to read it and to keep it."""
    try:
        _decode_raw(data)
    except _UNREADABLE:
        return _encode({**attributes, "data_base64": b64encode(data).decode()})
    return _encode({**attributes, "data": msgspec.Raw(data)})
