"""From items to receipts: what was read is handed to the partitions and to the office, and the answer is made of both.

    POST /v1/events, /v1/bulk, /v1/webhooks/...  -->  Delivery  --+--> Intake.take, once per entity, side by side
                                                                  +--> Office.quarantine
                                                  answer  <-------+

Rule 1. 202 is only said once everything that was accepted, and every dead letter, is durable.
Rule 2. An item is accepted, a duplicate, refused (the sender mends it; nothing is kept) or quarantined (kept as a dead
        letter until somebody replays or drops it, as far as the disk and `letters_bytes` of its source have room). If
        every item was refused the answer is 422, or 403 where all were refused because of who asks; it has the same
        results.
Rule 3. An item that cannot be read is kept only where its sender may deliver for every entity that it names.
Rule 4. A change of configuration is a command: it gives a usable reason, and stands in the audit, also when refused.
Rule 5. Where a partition refuses because of a bound, the answer for the whole request is 429 or 503 with Retry-After,
        and the results tell what the other partitions accepted. The sender delivers everything again: what was
        accepted is a duplicate then.
"""

import asyncio
from base64 import b64decode
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import unquote

import msgspec

from runtime.core.news import ConfigurationPublished, EntryApproved, EntryWithdrawn
from runtime.gateway.calls import BUSY_RETRY_MS, CLOSE, JSON, Answer, Call
from runtime.gateway.events import (
    EVERYBODY,
    ITEM_MAX_BYTES,
    KINDS,
    Barred,
    Delivery,
    Group,
    TooDeepError,
    TooManyError,
    Unread,
    elements_of,
    in_one,
    lines_of,
    read_items,
)
from runtime.gateway.gate import Action, Caller, Clock, Meters
from runtime.gateway.office import STORE_RETRY_MS, Audit, at_office
from runtime.gateway.problems import PROBLEMS, ProblemError, retry_after
from runtime.ports import Intake, IntakeRefusedError, Letter, Office, Receipt, Taken
from runtime.settings import Settings

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")
QUARANTINED = "quarantined"
LETTERS_RETRY_MS = 5 * 60_000
"""How long a source waits whose dead letters take all the room they may: a person has to look at them. Ours."""
WHY_MAX = 500
"""Characters of a reason in the audit. Ours."""


def is_reason(why: str) -> bool:
    """Whether this can stand in the audit as why something was done."""
    return bool(why.strip()) and len(why) <= WHY_MAX and why.isprintable()


class Result(msgspec.Struct, omit_defaults=True, gc=False):
    """What became of one item. What is not said is empty: no entry, version 0, no reason."""

    index: int
    taken: str
    id: str = ""
    """Of the CloudEvent."""
    entry: str = ""
    version: int = 0
    reason: str = ""
    letter: str = ""
    """Of the dead letter."""


class Taking(msgspec.Struct):
    """The body of an answer to a delivery."""

    results: list[Result]
    counts: dict[str, int]


_encode = msgspec.json.Encoder().encode


Unpack = Callable[[bytes, int], Sequence[bytes]]
"""(body, most) to its items. Raises TooManyError, and ProblemError where it cannot be cut up."""


def unpacker(call: Call, plain: bool) -> Unpack:
    """How this request carries its items, by its headers; `plain` events may come alone or in an array.

    Raises ProblemError for a type that cannot be taken here.
    """
    said = call.content_type()
    if said == STRUCTURED:
        return _alone
    if said == BATCH:
        return _batch
    if said == "application/json" or (said.startswith("application/") and said.endswith("+json")):
        if b"ce-specversion" in call.headers:
            attributes = {
                name.removeprefix(b"ce-").decode("latin-1"): unquote(content.decode("latin-1"))
                for name, content in call.headers.items()
                if name.startswith(b"ce-") and name not in (b"ce-data", b"ce-data_base64")
            }
            return lambda body, most: (in_one(attributes, body),)
        if plain:
            return _alone_or_array
    known = [STRUCTURED, BATCH, "application/json with ce- headers", *(("application/json",) if plain else ())]
    raise ProblemError("wrong-content-type", f"send {', or '.join(known)}", headers=(CLOSE,))


def bulk_unpacker(call: Call) -> Unpack:
    """How a bulk request carries its items. Raises ProblemError."""
    if call.content_type() not in NDJSON:
        raise ProblemError("wrong-content-type", f"send {NDJSON[0]}", headers=(CLOSE,))
    return lines_of


def _alone(body: bytes, most: int) -> Sequence[bytes]:
    return (body,)


def _batch(body: bytes, most: int) -> Sequence[bytes]:
    try:
        return elements_of(body, most)
    except ValueError as fault:
        raise ProblemError("malformed", f"a batch is a JSON array of CloudEvents: {fault}") from None


def _alone_or_array(body: bytes, most: int) -> Sequence[bytes]:
    if body.lstrip()[:1] == b"[":
        try:
            return elements_of(body, most)
        except ValueError:
            # Whoever signs webhooks seldom mends them. Kept as one letter, it can be looked at.
            return (body,)
    return (body,)


def letter_of(source: str, unread: Unread, now_ms: int) -> Letter:
    """A dead letter of an item; the same item from the same source is the same letter."""
    head = f"{source}\0{unread.kind}\0".encode()
    return Letter(sha256(head + unread.body).hexdigest()[:32], source, unread.kind, unread.reason, unread.body, now_ms)


class CallerAdmission:
    """What one caller may deliver: an `events.Admission`."""

    def __init__(self, settings: Settings, who: str, may: Callable[[str, str | None, str | None], bool]) -> None:
        self.who = who
        self.everybody: Sequence[str] = tuple(settings.entities)
        self._entities = settings.entities
        self._may = may

    def bar(self, action: Action, entity: str) -> str:
        """Why not, or "". Of an entity that is not configured only those hear who may do it everywhere."""
        configured = self._entities.get(entity)
        if not self._may(action, entity, configured.region if configured is not None else None):
            return "forbidden"
        return "" if configured is not None else "unknown-entity"


class IntakeDesk:
    """Takes deliveries in."""

    def __init__(
        self, settings: Settings, intake: Intake, office: Office, audit: Audit, metrics: Meters, clock: Clock
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._office = office
        self._audit = audit
        self._metrics = metrics
        self._clock = clock
        self._calls = 0

    def admit(self, caller: Caller) -> CallerAdmission:
        """What this caller may deliver. Raises ProblemError where that is nothing at all."""
        if not any(caller.may_somewhere(action) for action in (Action.INTAKE, Action.REFERENCE, Action.COMMAND)):
            raise ProblemError("forbidden", "no grant of yours lets you deliver anything", headers=(CLOSE,))
        return CallerAdmission(self._settings, caller.who, caller.may)

    async def deliver(self, call: Call, admission: CallerAdmission, unpack: Unpack) -> Answer:
        """Read a request, take it in, answer."""
        with self.place():
            return await self.take_in(await call.body(self._settings.limits), admission, unpack)

    def place(self) -> "_Place":
        """A place among the concurrent calls, to be had before anything is read. Raises IntakeRefusedError."""
        return _Place(self)

    async def take_in(self, body: bytes, admission: CallerAdmission, unpack: Unpack) -> Answer:
        """The same for a body that was read."""
        delivery = self.read(body, admission, unpack)
        results, refused = await self.take(delivery, admission)
        counts = dict.fromkeys((*Taken, QUARANTINED), 0)
        for result in results:
            counts[result.taken] += 1
        self._metrics.items(counts)
        if refused:
            # The longest wait counts, and the bound that says most: 503 before 429.
            worst = max(refused, key=lambda one: (PROBLEMS[one.bound][0], one.retry_after_ms))
            wait_ms = max(one.retry_after_ms for one in refused)
            detail = "not everything could be taken in; deliver all of it again, what was accepted is a duplicate then"
            more = {"results": results, "counts": counts}
            raise ProblemError(worst.bound, detail, headers=(retry_after(wait_ms),), more=more)
        if results and counts[Taken.REFUSED] == len(results):
            forbidden = len(delivery.barred) == len(results) and all(one.why == "forbidden" for one in delivery.barred)
            more = {"results": results, "counts": counts}
            detail = "every item was refused, and nothing of them is kept; the results say why"
            raise ProblemError("forbidden" if forbidden else "nothing-taken", detail, more=more)
        return Answer(202, _encode(Taking(results, counts)), JSON)

    def read(self, body: bytes, admission: CallerAdmission, unpack: Unpack) -> Delivery:
        """What a body says. Raises ProblemError where it cannot be used as a whole."""
        limits = self._settings.limits
        try:
            if not body.strip() and unpack is not lines_of:
                raise ProblemError("malformed", "the body is empty")
            items = unpack(body, limits.items)
            if len(items) > limits.items:
                raise TooManyError
            return _bar_unread(read_items(items, admission, limits.depth), admission)
        except TooManyError:
            raise ProblemError("too-many-items", f"one request may have {limits.items} items; send several") from None
        except (TooDeepError, RecursionError) as fault:
            which = f"item {fault.index}" if isinstance(fault, TooDeepError) else "the body"
            detail = f"{which} is nested more than {limits.depth} deep; nothing of the request was taken in"
            raise ProblemError("too-deep", detail) from None

    async def take(
        self, delivery: Delivery, admission: CallerAdmission
    ) -> tuple[list[Result], list[IntakeRefusedError]]:
        """Hand everything over; a result for every item, in order, and the bounds that were met."""
        results: list[Any] = [None] * delivery.total
        unreasoned = _without_reason(delivery)
        groups = delivery.groups
        work: list[Awaitable[Any]] = [self._take_group(entity, group) for entity, group in groups.items()]
        letters: list[Letter] = []
        if delivery.unread:
            now_ms = self._clock.wall_ms()
            letters = [letter_of(admission.who, one, now_ms) for one in delivery.unread]
            work.append(at_office(self._keep, letters))
        # Everybody is waited for, whatever becomes of the others: what is under way cannot be called back.
        outcomes: list[Any] = await asyncio.gather(*work, return_exceptions=True)
        refused = [one for one in outcomes if isinstance(one, IntakeRefusedError)]
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, IntakeRefusedError):
                raise outcome
        for group, outcome in zip(groups.values(), outcomes, strict=False):
            bound = isinstance(outcome, IntakeRefusedError)
            _write_down(results, group, [_turned_away(outcome)] * len(group.news) if bound else outcome)
        for barred in delivery.barred:
            reason = _BARRED[barred.why].format(action=barred.action.value, entity=barred.entity[:100])
            results[barred.index] = Result(barred.index, Taken.REFUSED.value, "", barred.entry, barred.version, reason)
        for index in {index for _, index in unreasoned}:
            results[index] = Result(index, Taken.REFUSED.value, reason=_UNREASONED)
        for unread, letter in zip(delivery.unread, letters, strict=True):
            results[unread.index] = (
                Result(unread.index, Taken.REFUSED.value, reason=_turned_away(outcomes[-1]).reason)
                if isinstance(outcomes[-1], IntakeRefusedError)
                else Result(unread.index, QUARANTINED, reason=unread.reason, letter=letter.letter_id)
            )
        for index, event_id in delivery.ids.items():
            results[index].id = event_id
        for one in refused:
            self._metrics.intake_refused(one.bound)
        await self._note_configuration(delivery, unreasoned, results, admission)
        return results, refused

    def _keep(self, letters: Sequence[Letter]) -> None:
        """Keep dead letters of one source. Raises IntakeRefusedError where there is no room for them."""
        room = self._office.headroom_bytes()
        if room is not None and room < self._settings.journal.disk_headroom_bytes:
            raise IntakeRefusedError("disk_headroom", STORE_RETRY_MS, "the journal's disk is nearly full")
        if not self._office.quarantine(letters, self._settings.limits.letters_bytes):
            raise IntakeRefusedError("letters_bytes", LETTERS_RETRY_MS, "too much of this source waits as dead letters")

    async def _take_group(self, entity: str, group: Group) -> Sequence[Receipt]:
        receipts = await self._intake.take(entity, group.news, group.size, self._settings.limits.take_seconds)
        assert len(receipts) == len(group.news), f"{entity}: {len(group.news)} items and {len(receipts)} receipts"
        return receipts

    async def _note_configuration(
        self,
        delivery: Delivery,
        unreasoned: Sequence[tuple[str, int]],
        results: Sequence[Result],
        admission: CallerAdmission,
    ) -> None:
        """Changes of configuration are commands of a person: they stand in the audit, also when refused.

        What was accepted has a note each; of the rest there is one for each entity and outcome, with how many there
        were: a stranger does not fill the audit.
        """
        who = admission.who
        others: Counter[tuple[str, str]] = Counter()
        for entity, group in delivery.groups.items():
            for index, news in zip(group.indexes, group.news, strict=True):
                if isinstance(news, ConfigurationPublished):
                    result = results[index]
                    if result.taken == Taken.ACCEPTED:
                        what = f"configuration {news.version}"
                        await self._audit.note(who, what, entity, news.why, result.taken)
                    else:
                        others[entity, f"{result.taken}: {result.reason}" if result.reason else result.taken] += 1
        others.update((entity, f"{Taken.REFUSED.value}: {_UNREASONED}") for entity, _ in unreasoned)
        others.update((one.entity[:100], one.why) for one in delivery.barred if one.action is Action.COMMAND)
        for (entity, outcome), count in others.items():
            said = outcome if count == 1 else f"{outcome} ({count} times)"
            await self._audit.refused(who, "configuration", entity, "", said)


_UNREASONED = f"why: 1 to {WHY_MAX} printable characters; it stands in the audit"


def _without_reason(delivery: Delivery) -> list[tuple[str, int]]:
    """Take changes of configuration out that give no usable reason; (entity, index) of each."""
    found = []
    for entity, group in tuple(delivery.groups.items()):
        unusable = {
            index
            for index, news in zip(group.indexes, group.news, strict=True)
            if isinstance(news, ConfigurationPublished) and not is_reason(news.why)
        }
        if not unusable:
            continue
        found += [(entity, index) for index in sorted(unusable)]
        kept = Group()
        for index, news in zip(group.indexes, group.news, strict=True):
            if index not in unusable:
                kept.add(index, (news,), 0)
        kept.size = group.size
        if kept.news:
            delivery.groups[entity] = kept
        else:
            del delivery.groups[entity]
    return found


class _Home(msgspec.Struct):
    home_entity: str = ""


class _Named(msgspec.Struct):
    """Wherever an item can name an entity."""

    entity: str = ""
    entry: _Home | None = None
    data: "_Named | None" = None
    data_base64: str = ""


_read_named = msgspec.json.Decoder(_Named).decode


def _entities_of(body: bytes) -> set[str]:
    """Every entity that an item names, as far as it can be read."""
    found: set[str] = set()
    named: _Named | None
    try:
        named = _read_named(body)
        while named is not None:
            found |= {named.entity, named.entry.home_entity if named.entry is not None else ""}
            packed = named.data_base64
            named = _read_named(b64decode(packed, validate=True)) if packed else named.data
    except (ValueError, RecursionError):
        pass
    return found - {"", EVERYBODY}


def _bar_unread(delivery: Delivery, admission: CallerAdmission) -> Delivery:
    """Refuse what cannot be read and names an entity for which its sender may deliver nothing (rule 3)."""
    kept = []
    for unread in delivery.unread:
        action = KINDS[unread.kind].action if unread.kind in KINDS else None
        actions = (Action.INTAKE, Action.REFERENCE) if action is None else (action,)
        for entity in sorted(_entities_of(unread.body)):
            bars = [admission.bar(one, entity) for one in actions]
            if all(bars):
                delivery.barred.append(Barred(unread.index, bars[0], entity, actions[0], "", 0))
                break
        else:
            kept.append(unread)
    delivery.unread[:] = kept
    return delivery


_BARRED: Mapping[str, str] = {
    "forbidden": "forbidden: no grant of yours covers {action} for {entity}",
    "unknown-entity": "unknown-entity: {entity!r} is not configured here",
    "item-too-large": f"item-too-large: an item may have {ITEM_MAX_BYTES} bytes; send it as several",
}


class _Place:
    """One of the concurrent calls."""

    def __init__(self, desk: IntakeDesk) -> None:
        self._desk = desk

    def __enter__(self) -> None:
        desk = self._desk
        if desk._calls >= desk._settings.limits.concurrent_calls:
            desk._metrics.intake_refused("concurrent_calls")
            raise IntakeRefusedError("concurrent_calls", BUSY_RETRY_MS)
        desk._calls += 1
        desk._metrics.intake_calls(desk._calls)

    def __exit__(self, *_: object) -> None:
        self._desk._calls -= 1
        self._desk._metrics.intake_calls(self._desk._calls)


def _turned_away(refused: IntakeRefusedError) -> Receipt:
    return Receipt(Taken.REFUSED, f"{refused.bound}: deliver again")


def _write_down(results: list[Any], group: Group, receipts: Sequence[Receipt]) -> None:
    """The receipts of one entity in the results. An item for several entities has the gravest of its outcomes."""
    for index, news, receipt in zip(group.indexes, group.news, receipts, strict=True):
        taken = receipt.taken
        if isinstance(news, EntryApproved):
            entry = news.entry
            results[index] = Result(index, taken, "", entry.entry_id, entry.version, receipt.reason)
        elif isinstance(news, EntryWithdrawn):
            results[index] = Result(index, taken, "", news.entry_id, news.version, receipt.reason)
        else:
            before = results[index]
            if before is None or _GRAVITY[taken] > _GRAVITY[before.taken]:
                results[index] = Result(index, taken, "", "", 0, receipt.reason)


_GRAVITY: Mapping[str, int] = {Taken.DUPLICATE: 0, Taken.ACCEPTED: 1, Taken.REFUSED: 2}
