"""The PSA of a generic vendor: approved time comes in as events, statuses go back, and a listing finds what was lost.

The dialect is our own. Events carry exactly the fields of `model.TimeEntry` and `model.Approval`, so that reading
one is decoding it; a vendor's connector maps its own fields here.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import get_type_hints

import msgspec

from runtime.connectors.doors import read_door
from runtime.core.answers import CallAnswer, Doubt, HeadsListed, Republished, Silent, StatusTaken, VersionHead
from runtime.core.effects import Effect, Fetch, Recount, TellPsa
from runtime.core.model import Approval, TimeEntry
from runtime.core.news import DeadLetter, EntryApproved, EntryNews, EntryWithdrawn
from runtime.ports import Request, Response

VERSION_MAX = 4_096
"""Versions are counted, and remembered as a bit each; a source that numbers by time needs a counting connector."""


class UndecodableEventError(Exception):
    """An event that cannot be read at all: a dead letter, counted and kept outside the books."""


class _Event(msgspec.Struct):
    type: str
    entry: TimeEntry | None = None
    approval: Approval | None = None
    entry_id: str = ""
    version: int = 0
    reason: str = ""
    at_ms: int = 0


class _Events(msgspec.Struct):
    events: list[msgspec.Raw]


class _Heads(msgspec.Struct):
    heads: list[tuple[str, int]]
    next_page: str = ""


class _Taken(msgspec.Struct):
    taken: int


_encode = msgspec.json.Encoder().encode
_decode_event = msgspec.json.Decoder(_Event).decode
_decode_events = msgspec.json.Decoder(_Events).decode
_decode_heads = msgspec.json.Decoder(_Heads).decode
_decode_taken = msgspec.json.Decoder(_Taken).decode
_UNITS = ("hour", "day")
_ZERO = Decimal(0)
_MOST = Decimal(100_000)
"""Assumed: more hours or days than that in one line are a mistake of unit."""
_DIGITS = 32
"""Assumed: a longer quantity, or one with an exponent, was never meant, and costs time wherever it is multiplied."""
_WHOLE = 2**53 - 1
_LOWEST = -_WHOLE
"""Whole numbers beyond them lose digits in JSON readers (documented: RFC 8259, section 6)."""
_NAME_MAX = 256
"""Assumed. What is longer than a key's room goes into a key as a digest anyway."""
_TEXT_MAX = 10_000
_DIMENSIONS_MAX = 64
_DIMENSION_MAX = 200
"""Assumed: more than a person writes about a line of work, and little enough to keep and to show."""
_ESCAPE, _DELETE = ord("\\"), 0x7F
_PROSE = frozenset({"invoice_narrative", "internal_narrative", "nonbillable_reason", "adjusts_reason"})
"""What a person writes: it may have tabs, and several lines, however the person's system ends one (LF, CR LF)."""
_CONTROL = re.compile(r"[\x00-\x1f]")
_CONTROL_IN_PROSE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def read_event(body: bytes) -> EntryNews:
    """One event as news. Raises UndecodableEventError with one clear line."""
    try:
        event = _decode_event(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise UndecodableEventError(f"event: {fault}; ask the sender to publish it again") from fault
    return _news(event, body)


def _news(event: _Event, body: bytes) -> EntryNews:
    if event.type == "time_entry.approved":
        return read_approval(event.entry, event.approval, body)
    if event.type == "time_entry.withdrawn":
        return read_withdrawal(event.entry_id, event.version, event.reason, event.at_ms)
    raise UndecodableEventError(f"event: type {event.type!r} is not known here")


def read_approval(entry: TimeEntry | None, approval: Approval | None, text: bytes) -> EntryApproved:
    """An approval as news, or UndecodableEventError: what is here goes into the books, the journal and the ERP.

    `text` is the JSON that both were decoded from.
    """
    if entry is None or approval is None:
        raise UndecodableEventError("event: an approval needs both 'entry' and 'approval'")
    quantity = entry.quantity
    digits = str(quantity)
    if (
        entry.unit not in _UNITS
        or not 0 < entry.version <= VERSION_MAX
        or not quantity.is_finite()
        or not _ZERO <= quantity <= _MOST
        or len(digits) > _DIGITS
        or "E" in digits
    ):
        raise UndecodableEventError(f"event: {entry.entry_id[:100]}: unit, version or quantity is out of range")
    if (
        not (_is_plain(text) or _is_printable(entry, approval))
        or len(entry.dimensions) > _DIMENSIONS_MAX
        or len("".join(entry.dimensions)) > _DIMENSION_MAX
        or not 0 < len(entry.entry_id) <= _NAME_MAX
    ):
        _check_texts(entry, approval)
    if not (
        _LOWEST <= entry.line <= _WHOLE
        and _LOWEST <= approval.decided_at_ms <= _WHOLE
        and _LOWEST <= approval.submitted_at_ms <= _WHOLE
        and _LOWEST <= approval.step <= _WHOLE
        and _LOWEST <= approval.of_steps <= _WHOLE
        and (entry.start_ms is None or _LOWEST <= entry.start_ms <= _WHOLE)
        and (entry.stop_ms is None or _LOWEST <= entry.stop_ms <= _WHOLE)
        and (approval.revoked_at_ms is None or _LOWEST <= approval.revoked_at_ms <= _WHOLE)
    ):
        raise UndecodableEventError(f"event: {entry.entry_id[:100]}: a whole number is larger than 2^53 - 1")
    return EntryApproved(entry, approval)


def read_withdrawal(entry_id: str, version: int, reason: str, at_ms: int) -> EntryWithdrawn:
    """A withdrawal as news, or UndecodableEventError."""
    if not _is_name(entry_id) or not 0 < version <= VERSION_MAX or not _LOWEST <= at_ms <= _WHOLE:
        raise UndecodableEventError(f"event: a withdrawal needs 'entry_id' and a 'version' from 1 to {VERSION_MAX}")
    if not _is_text(reason, _TEXT_MAX, prose=True):
        raise UndecodableEventError(f"event: {entry_id[:100]}: reason {_NO_TEXT}")
    return EntryWithdrawn(entry_id, version, reason, at_ms)


def _is_plain(text: bytes) -> bool:
    """Whether the bytes of some JSON alone show that every text in it is short and printable.

    A control character in a text is an escape, or it is no JSON. So where there is no escape, no DEL and nothing beyond
    ASCII, nobody has to look at the texts themselves, which takes 1 of the 5 us that reading an entry costs (measured).
    """
    return text.isascii() and _ESCAPE not in text and _DELETE not in text and len(text) <= _TEXT_MAX


def _is_printable(entry: TimeEntry, approval: Approval) -> bool:
    """Whether all texts together are short and printable: then none of them breaks a rule, and one look is enough."""
    texts = "".join(
        (
            entry.entry_id,
            entry.source_system,
            entry.source_id,
            entry.sheet,
            entry.worker,
            entry.assignment,
            entry.project,
            entry.task,
            entry.role,
            entry.grade,
            entry.employing_entity,
            entry.project_entity,
            entry.billing_entity,
            entry.home_entity,
            entry.time_type,
            entry.zone,
            entry.invoice_narrative,
            entry.internal_narrative,
            entry.nonbillable_reason,
            entry.adjusts or "",
            entry.adjusts_reason,
            approval.fingerprint,
            approval.approver,
            approval.method,
            approval.on_behalf_of or "",
            *entry.dimensions,
        )
    )
    return texts.isprintable() and len(texts) <= _TEXT_MAX


def _check_texts(entry: TimeEntry, approval: Approval) -> None:
    """Whether every text by itself can be kept and shown, or UndecodableEventError."""
    if not _is_name(entry.entry_id):
        raise UndecodableEventError(f"event: an entry_id is 1 to {_NAME_MAX} printable characters")
    if len(entry.dimensions) > _DIMENSIONS_MAX or not all(_is_text(one, _DIMENSION_MAX) for one in entry.dimensions):
        raise UndecodableEventError(
            f"event: {entry.entry_id[:100]}: dimensions are at most {_DIMENSIONS_MAX} texts of {_DIMENSION_MAX} "
            "characters without control characters"
        )
    for part, names in ((entry, _ENTRY_TEXTS), (approval, _APPROVAL_TEXTS)):
        for name in names:
            if not _is_text(getattr(part, name) or "", _TEXT_MAX, name in _PROSE):
                raise UndecodableEventError(f"event: {entry.entry_id[:100]}: {name} {_NO_TEXT}")


def _texts_of(kind: type) -> tuple[str, ...]:
    return tuple(name for name, of in get_type_hints(kind).items() if of in (str, str | None))


_ENTRY_TEXTS = _texts_of(TimeEntry)
_APPROVAL_TEXTS = _texts_of(Approval)
_NO_TEXT = f"is longer than {_TEXT_MAX} characters, or holds a control character"


def _is_text(text: str, most: int, prose: bool = False) -> bool:
    return len(text) <= most and (_CONTROL_IN_PROSE if prose else _CONTROL).search(text) is None


def _is_name(text: str) -> bool:
    """Whether every store and every ERP can keep this as a name; a NUL, for one, does not fit in a text column."""
    return 0 < len(text) <= _NAME_MAX and text.isprintable()


def read_events(bodies: Iterable[bytes]) -> tuple[list[EntryNews], list[DeadLetter]]:
    """The news in many events, in the order in which they came, and what cannot be read.

    One dead letter must not keep the events beside it away for ever.
    """
    news: list[EntryNews] = []
    dead_letters: list[DeadLetter] = []
    for body in bodies:
        try:
            news.append(read_event(body))
        except UndecodableEventError as fault:
            dead_letters.append(DeadLetter(str(fault), body))
    return news, dead_letters


class GenericPsa:
    """Connector to the generic PSA of one legal entity."""

    def __init__(self, entity: str) -> None:
        self.entity = entity

    def build(self, effect: Effect) -> Request:
        """The request that carries out `effect` (tell, recount or fetch)."""
        headers = {"X-Call": effect.call_id}
        match effect:
            case TellPsa():
                return Request("POST", "/status", headers, _encode({"statuses": effect.statuses}))
            case Recount():
                path = f"/published?entity={self.entity}&since_ms={effect.since_ms}&page={effect.page}"
                return Request("GET", path, headers, b"")
            case Fetch():
                return Request("POST", "/publish", headers, _encode({"heads": effect.heads}))
        raise AssertionError(f"{effect} is not for the PSA")

    def read(self, effect: Effect, response: Response) -> CallAnswer:
        """What the response says about the effect. Never raises: what nobody can read is doubt."""
        turned_away = read_door(response)
        if turned_away is not None:
            return turned_away
        if response.status != 200:
            return Silent(Doubt.SERVER_ERROR)
        try:
            match effect:
                case TellPsa():
                    # Read, although nothing in it matters: a proxy's page comes with status 200 as well.
                    _decode_taken(response.body)
                    return StatusTaken()
                case Recount():
                    listed = _decode_heads(response.body)
                    heads = tuple(VersionHead(*head) for head in listed.heads if 0 < head[1] <= VERSION_MAX)
                    return HeadsListed(heads, listed.next_page)
                case _:
                    news, dead_letters = read_events(map(bytes, _decode_events(response.body).events))
                    return Republished(tuple(news), tuple(dead_letters))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return Silent(Doubt.SERVER_ERROR)
