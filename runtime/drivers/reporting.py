"""How a partition stands, and the story of one entry, read from its state and its journal. Changes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import fields as fields_of
from datetime import UTC, datetime
from decimal import Decimal

from runtime.core import records as r
from runtime.core.answers import HeadsListed
from runtime.core.model import Approval, Place
from runtime.core.partition.moves import AT_REST, PARKS, Phase
from runtime.core.partition.state import Tracked
from runtime.core.records import Record
from runtime.drivers.shell import Shell
from runtime.forecast import cut_off_of
from runtime.journal.format import read_entry, read_frame
from runtime.ports import EntryTrace, History, Owner, ParkedPile, PartitionReport, Pile, TraceStep, Work

_ZERO = Decimal(0)


@dataclass(slots=True)
class Tally:
    """What one process saw of a partition's source and ledger since it took it over."""

    landed: int = 0
    """As in `ports.Work`, like the next three."""
    calls: int = 0
    rows: int = 0
    call_ms: int = 0
    dead_letters: int = 0
    source_listed: int = 0
    source_missing: int = 0
    last_recount_ms: int | None = None
    _listed: int = 0
    _missing: int = 0

    def listed(self, page: str, answer: HeadsListed, shell: Shell, now_ms: int) -> None:
        """Count a page of a recount: what the source listed, and what of that we had not heard of."""
        if not page:
            self._listed = self._missing = 0
        entries = shell.state.entries
        absent = [head.entry_id for head in answer.heads if head.entry_id not in entries]
        seen = shell.journal.seen(absent)
        for head in answer.heads:
            tracked = entries.get(head.entry_id)
            heard = tracked.heard if tracked is not None else seen.get(head.entry_id, 0)
            self._missing += not heard >> head.version & 1
        self._listed += len(answer.heads)
        if not answer.next_page:
            self.source_listed, self.source_missing = self._listed, self._missing
            self.last_recount_ms = now_ms


# ------------------------------------------------------------------ how it stands

_PLACE_OF_PHASE: dict[Phase, Place] = {
    Phase.QUEUED: Place.IN_FLIGHT,
    Phase.RESTING: Place.IN_FLIGHT,
    Phase.UNCONFIRMED: Place.IN_FLIGHT,
    Phase.IN_FLIGHT: Place.IN_FLIGHT,
    Phase.STAGED: Place.STAGED,
    Phase.IN_DOUBT: Place.IN_DOUBT,
    Phase.PARKED: Place.PARKED,
}
"""Where an unfinished entry's latest version waits."""


def report(
    entity: str,
    region: str,
    owner: Owner,
    state: str,
    now_ms: int,
    shell: Shell | None,
    tally: Tally,
    undecided_bytes: int,
    cut_offs: Sequence[int] = (),
) -> PartitionReport:
    """The partition at one moment; without a shell all that is known is that it does not run.

    `cut_offs` are those that were configured; what the source published counts besides.
    """
    if shell is None:
        return absent(entity, region, owner, state, now_ms, undecided_bytes)
    held = shell.state
    oldest: dict[Place, int] = {}
    parked: dict[str, list[Tracked]] = {}
    for tracked in held.entries.values():
        place = _PLACE_OF_PHASE.get(tracked.phase)
        if place is None:
            continue
        since_ms = _since_ms(tracked)
        if since_ms is not None and since_ms < oldest.get(place, now_ms + 1):
            oldest[place] = since_ms
        if tracked.park is not None:
            parked.setdefault(tracked.park.reason, []).append(tracked)
    books = held.head.books
    places = {
        place: Pile(
            books.counts[place], books.hours[place], dict(books.money[place]), oldest.get(place), books.unvalued[place]
        )
        for place in Place
    }
    waiting = [oldest[place] for place in (Place.IN_FLIGHT, Place.STAGED, Place.IN_DOUBT) if place in oldest]
    oldest_work_ms = min(waiting, default=None)
    published = [one.cutoff_feed_ms for one in held.calendar.periods if one.cutoff_feed_ms is not None]
    return PartitionReport(
        entity=entity,
        region=region,
        host=owner.host,
        epoch=owner.epoch,
        at_ms=now_ms,
        paused=held.head.paused_by or ("paused" if held.head.paused else ""),
        state=state,
        places=places,
        queued=held.ready_count + shell.shelved,
        shelved=shell.shelved,
        in_memory=len(held.entries),
        oldest_work_ms=oldest_work_ms,
        parked=tuple(_pile(reason, parked[reason]) for reason in sorted(parked)),
        untold=len(held.untold),
        undecided_bytes=undecided_bytes,
        calls_open=len(held.calls),
        commits=held.head.seq,
        dead_letters=tally.dead_letters,
        source_listed=tally.source_listed,
        source_missing=tally.source_missing,
        last_recount_ms=tally.last_recount_ms,
        chain=shell.journal.chain,
        work=Work(tally.landed, tally.calls, tally.rows, tally.call_ms),
        cut_off_ms=cut_off_of((*published, *cut_offs), oldest_work_ms, now_ms),
    )


def absent(
    entity: str, region: str, owner: Owner | None, state: str, now_ms: int, undecided_bytes: int = 0
) -> PartitionReport:
    """A partition of which nobody knows more than its name and its last owner."""
    nothing: Mapping[Place, Pile] = {place: Pile(0, _ZERO, {}) for place in Place}
    host, epoch = ("", 0) if owner is None else (owner.host, owner.epoch)
    return PartitionReport(
        entity=entity,
        region=region,
        host=host,
        epoch=epoch,
        at_ms=now_ms,
        paused="",
        state=state,
        places=nothing,
        queued=0,
        shelved=0,
        in_memory=0,
        oldest_work_ms=None,
        parked=(),
        untold=0,
        undecided_bytes=undecided_bytes,
        calls_open=0,
        commits=0,
        dead_letters=0,
        source_listed=0,
        source_missing=0,
        last_recount_ms=None,
        chain="",
    )


def _since_ms(tracked: Tracked) -> int | None:
    if tracked.park is not None:
        return tracked.park.at_ms
    return tracked.approval.decided_at_ms if tracked.approval is not None else tracked.queued_ms or None


def _pile(reason: str, entries: Iterable[Tracked]) -> ParkedPile:
    count, hours, oldest_ms = 0, _ZERO, -1
    money: dict[str, int] = {}
    for tracked in entries:
        assert tracked.park is not None, f"{tracked.entry_id}: listed as parked and is not"
        count += 1
        oldest_ms = tracked.park.at_ms if oldest_ms < 0 else min(oldest_ms, tracked.park.at_ms)
        for note in tracked.versions.values():
            if note.place is Place.PARKED:
                hours += note.hours
                if note.bill_minor is not None:
                    money[note.currency] = money.get(note.currency, 0) + note.bill_minor
    rule = PARKS[reason]
    return ParkedPile(reason, rule.owner, rule.fix, count, hours, money, oldest_ms)


# ------------------------------------------------------------------ the story of one entry

_UNTOLD_FIELDS = frozenset({"entry", "approval", "entry_ids", "key", "names", "at_ms", "posting"})
"""Fields of a record that a trace shows otherwise, or that hold what people wrote."""


def story(entity: str, entry_id: str, shell: Shell, history: History) -> EntryTrace | None:
    """Everything the journal knows of an entry, in order, and where it is now; None if it was never heard of."""
    tracked = shell.state.entries.get(entry_id)
    if tracked is None:
        row = shell.journal.load([entry_id]).get(entry_id)
        if row is None:
            return None
        tracked = read_entry(row)
    steps: list[TraceStep] = []
    keys: dict[str, None] = {}
    calls: dict[str, None] = {}
    for frame in history.frames_about(entry_id):
        at_ms, records = read_frame(frame)
        for record in records:
            told = told_of(record, entry_id, keys, calls)
            if told is not None:
                steps.append(TraceStep(at_ms, type(record).__name__, told))
    note = tracked.versions.get(tracked.latest)
    # A withdrawal is no version that is counted: until what it takes back is reversed, it is on its way.
    unnoted = Place.SUPERSEDED if tracked.phase in AT_REST else _PLACE_OF_PHASE[tracked.phase]
    place = Place.PARKED if tracked.phase is Phase.PARKED else unnoted if note is None else note.place
    return EntryTrace(
        entity, entry_id, place, tracked.phase, tracked.latest, tracked.ledger_id, tuple(keys), tuple(steps)
    )


def told_of(record: Record, entry_id: str, keys: dict[str, None], calls: dict[str, None]) -> str | None:
    """What the record says of the entry, in words; None if it says nothing of it."""
    match record:
        case r.EntryReceived() if record.entry.entry_id == entry_id:
            return _received(record)
        case r.BatchSent():
            return _sent(record, entry_id, keys, calls)
        case r.RowsApplied() | r.RowsReversed() | r.RowsStaged():
            found = next((row for row in record.rows if row[0] in keys), None)
            return None if found is None else f"{_BECAME[type(record)]} {found[1]}"
        case r.RowRefused():
            return f"refused: {record.reason} {record.detail}".rstrip() if record.key in keys else None
        case r.RowsReturned() | r.RowsDoubted() | r.RowsFoundMissing():
            return _of_keys(record) if any(key in keys for key in record.keys) else None
        case r.LookUpSent():
            asked = entry_id in record.names or any(name in keys for name in record.names)
            return f"the ledger is asked, in call {record.call_id}" if asked else None
        case r.StatusesSent():
            told = next((status for status in record.statuses if status.entry_id == entry_id), None)
            return None if told is None else f"the PSA is told: version {told.version} {told.status}"
        case r.StatusesTaken():
            taken = next((status for status in record.statuses if status[0] == entry_id), None)
            return None if taken is None else f"the PSA knows: version {taken[1]} {taken[2]}"
        case r.EntriesUnconfirmed():
            said = "old, held up for long, or refused for now: the ledger is asked first what it holds of it"
            return said if entry_id in record.entry_ids else None
        case r.RefusedLineFound() if record.posting.entry_id == entry_id:
            return f"stands in the ledger as {record.ledger_id}: what was refused was delivered twice, and landed"
        case r.EntriesConfirmed():
            return "the ledger holds nothing of it" if entry_id in record.entry_ids else None
        case r.EntryWithdrawn() if record.entry_id == entry_id:
            return f"version {record.version}: taken back by the source ({record.reason or 'no reason given'})"
        case r.EntryCleared() if record.entry_id == entry_id:
            return "nothing of it should stand, and nothing does"
        case r.CallEnded():
            return f"call {record.call_id} ended" if record.call_id in calls else None
    inner = getattr(record, "entry", None) or getattr(record, "posting", None)
    named = inner.entry_id if inner is not None else getattr(record, "entry_id", "")
    if named == entry_id or entry_id in getattr(record, "entry_ids", ()):
        return _plain(record)
    return None


_BECAME: dict[type, str] = {
    r.RowsApplied: "stands in the ledger as",
    r.RowsReversed: "was reversed by",
    r.RowsStaged: "was accepted, to be posted or rejected later, as",
}


def _received(record: r.EntryReceived) -> str:
    entry, approval, worth = record.entry, record.approval, record.valuation
    money = "no price yet"
    if worth is not None:
        money = (
            f"bills {worth.bill_minor} {worth.bill_currency} at {worth.bill_rate} ({worth.bill_rate_id}), "
            f"costs {worth.cost_minor} {worth.cost_currency} (minor units)"
        )
    return (
        f"version {entry.version}: {entry.quantity} {entry.unit} on {entry.work_date}, project {entry.project}, "
        f"{money}; {_handed_in(approval)}approved {approval.method} at {_instant(approval.decided_at_ms)}"
    )


def _handed_in(approval: Approval) -> str:
    return f"submitted at {_instant(approval.submitted_at_ms)}, " if approval.submitted_at_ms else ""


def _sent(record: r.BatchSent, entry_id: str, keys: dict[str, None], calls: dict[str, None]) -> str | None:
    for row in record.rows:
        posting = row.posting
        if posting.entry_id == entry_id:
            keys[posting.key] = None
            calls[record.call_id] = None
            return (
                f"{posting.leg} version {posting.version} under key {posting.key}, accounting date "
                f"{posting.accounting_date}, in call {record.call_id}, {_company(len(record.rows) - 1)}"
            )
    return None


def _company(others: int) -> str:
    return "alone" if not others else f"with {others} {'other' if others == 1 else 'others'}"


def _instant(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _of_keys(record: r.RowsReturned | r.RowsDoubted | r.RowsFoundMissing) -> str:
    match record:
        case r.RowsReturned():
            return f"did nothing ({record.door or 'the call was refused as one'}); goes again as it was"
        case r.RowsDoubted():
            return f"nobody knows whether it stands ({record.why}); asked about not before {_instant(record.ask_at_ms)}"
        case _:
            return "the ledger does not have it; goes again" + (" under a new key" if record.new_intent else "")


def _plain(record: Record) -> str:
    """The small fields of a record, by name."""
    parts = []
    for each in fields_of(record):
        content = getattr(record, each.name)
        if each.name not in _UNTOLD_FIELDS and content not in ("", None, ()):
            parts.append(f"{each.name} {content}")
    return ", ".join(parts)
