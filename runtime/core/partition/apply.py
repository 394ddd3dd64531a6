"""`apply(state, record)`: the only thing that changes a partition's state, live and in recovery alike.

It decides nothing: every value it writes stands in the record, and where an entry goes stands in MOVES.
"""

from bisect import insort
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from runtime.core import records as r
from runtime.core.answers import Doubt
from runtime.core.model import Leg, Place, TimeEntry
from runtime.core.partition.moves import ON_THE_WAY, Phase
from runtime.core.partition.state import (
    UNSURE,
    Ask,
    OpenCall,
    Parked,
    State,
    Tracked,
    VersionNote,
    close_ask,
    close_intent,
    enter_queue,
    leave_queue,
    move,
    note_status,
    note_version,
    open_ask,
    place,
)
from runtime.core.periods import Access, Dated
from runtime.core.policy import tuned
from runtime.core.records import Record


def apply(state: State, record: Record) -> None:
    """Change `state` as `record` says. Raises AssertionError where a record cannot follow (a bug of ours)."""
    APPLY[type(record)](state, record)


# ------------------------------------------------------------------ what the source said


def _entry_received(state: State, record: r.EntryReceived) -> None:
    entry = record.entry
    valuation = record.valuation
    tracked = _newer_version(state, entry.entry_id, entry.version, r.EntryReceived, record.at_ms)
    if tracked.standing is None:
        # Approved long ago and heard of only now: a person may have posted it meanwhile, as after a long wait here.
        tracked.wants_since_ms = min(tracked.wants_since_ms, record.approval.decided_at_ms)
    tracked.entry = entry
    tracked.approval = record.approval
    tracked.valuation = valuation
    tracked.excluded = ""
    note = (
        VersionNote(Place.IN_FLIGHT, hours_of(entry, state.policy.hours_per_day), None, "")
        if valuation is None
        else VersionNote(
            Place.IN_FLIGHT,
            hours_of(entry, state.policy.hours_per_day),
            valuation.bill_minor,
            valuation.bill_currency,
        )
    )
    note_version(state, tracked, entry.version, note)


def _entry_excluded(state: State, record: r.EntryExcluded) -> None:
    entry = record.entry
    tracked = _newer_version(state, entry.entry_id, entry.version, r.EntryExcluded, record.at_ms)
    tracked.entry = entry
    tracked.approval = record.approval
    tracked.valuation = None
    tracked.excluded = record.rule
    hours = hours_of(entry, state.policy.hours_per_day)
    note_version(state, tracked, entry.version, VersionNote(Place.EXCLUDED, hours, 0, ""))


def _entry_withdrawn(state: State, record: r.EntryWithdrawn) -> None:
    tracked = _newer_version(state, record.entry_id, record.version, r.EntryWithdrawn, record.at_ms)
    tracked.entry = None
    tracked.approval = None
    tracked.valuation = None
    tracked.excluded = ""


def _newer_version(state: State, entry_id: str, version: int, cause: type, at_ms: int) -> Tracked:
    """The entry, moved by news of a newer version; the version that is replaced is struck if it was never sent."""
    tracked = state.entries.get(entry_id)
    if tracked is None:
        tracked = state.entries[entry_id] = Tracked(entry_id, Phase.QUEUED, version, None)
        tracked.heard = 1 << version
        tracked.wants_since_ms = at_ms
        state.touched[entry_id] = None
        enter_queue(state, tracked, at_ms)
        return tracked
    if tracked.phase is Phase.PARKED:
        _unpark_places(state, tracked)
    replaced = tracked.versions.get(tracked.latest)
    if replaced is not None and replaced.place is Place.IN_FLIGHT and not _sent(tracked):
        place(state, tracked, tracked.latest, Place.SUPERSEDED)
    tracked.latest = version
    tracked.heard |= 1 << version
    tracked.refusals = 0
    if tracked.standing is None and not tracked.wants_since_ms:
        tracked.wants_since_ms = at_ms
    move(state, tracked, cause)
    if tracked.phase is Phase.QUEUED:
        enter_queue(state, tracked, at_ms)
    note_status(state, tracked, at_ms)
    return tracked


def _sent(tracked: Tracked) -> bool:
    """Whether the latest version itself is on its way."""
    intent = tracked.intent
    return (
        tracked.phase in ON_THE_WAY
        and intent is not None
        and intent.posting.leg is Leg.POST
        and intent.posting.version == tracked.latest
    )


def _old_version(state: State, record: r.OldVersionReceived) -> None:
    entry = record.entry
    tracked = state.entries[entry.entry_id]
    tracked.heard |= 1 << entry.version
    state.touched[entry.entry_id] = None
    hours = hours_of(entry, state.policy.hours_per_day)
    note_version(state, tracked, entry.version, VersionNote(Place.SUPERSEDED, hours, None, ""))


def _old_withdrawal(state: State, record: r.OldWithdrawalReceived) -> None:
    state.entries[record.entry_id].heard |= 1 << record.version
    state.touched[record.entry_id] = None


def hours_of(entry: TimeEntry, hours_per_day: Decimal) -> Decimal:
    """The entry's quantity in hours."""
    return entry.quantity if entry.unit == "hour" else entry.quantity * hours_per_day


# ------------------------------------------------------------------ what we decided about an entry


def _entry_valued(state: State, record: r.EntryValued) -> None:
    tracked = state.entries[record.entry_id]
    move(state, tracked, r.EntryValued)
    tracked.valuation = record.valuation
    note = tracked.versions[tracked.latest]
    books = state.head.books
    books.add(note, -1)
    note.bill_minor = record.valuation.bill_minor
    note.currency = record.valuation.bill_currency
    books.add(note, 1)


def _entry_parked(state: State, record: r.EntryParked) -> None:
    tracked = state.entries[record.entry_id]
    before = move(state, tracked, r.EntryParked)
    intent = tracked.intent
    if before in ON_THE_WAY and intent is not None:
        if intent.posting.leg is Leg.REVERSE:
            place(state, tracked, tracked.counts_for, Place.POSTED)
        else:
            place(state, tracked, intent.posting.version, Place.SUPERSEDED)
    if record.reason != "staged_lost":
        # Under a lost row's key it may still be found; every other park is definite, or a person's.
        close_intent(state, tracked)
    tracked.park = Parked(record.reason, record.detail, record.owner, record.fix, record.wake, record.at_ms)
    state.parked.setdefault(record.wake, {})[record.entry_id] = None
    # What cannot go on is the latest version; if that is a withdrawal, it is the version that (maybe) stands.
    version = tracked.latest
    if version not in tracked.versions:
        version = tracked.counts_for if tracked.standing is not None else max(tracked.versions, default=0)
    place(state, tracked, version, Place.PARKED)
    tracked.queued_ms = 0
    note_status(state, tracked, record.at_ms)


def _entries_woken(state: State, record: r.EntriesWoken) -> None:
    for entry_id in record.entry_ids:
        tracked = state.entries[entry_id]
        move(state, tracked, r.EntriesWoken)
        tracked.refusals = 0
        _unpark_places(state, tracked)
        enter_queue(state, tracked, record.at_ms)
        note_status(state, tracked, record.at_ms)
    if record.cause in state.head.stirred:
        state.head.stirred.remove(record.cause)


def _unpark_places(state: State, tracked: Tracked) -> None:
    for version, note in tracked.versions.items():
        if note.place is not Place.PARKED:
            continue
        if version == tracked.latest:
            place(state, tracked, version, Place.EXCLUDED if tracked.excluded else Place.IN_FLIGHT)
        elif version == tracked.counts_for and tracked.standing is not None:
            place(state, tracked, version, Place.POSTED)
        else:
            place(state, tracked, version, Place.SUPERSEDED)


def _entries_unconfirmed(state: State, record: r.EntriesUnconfirmed) -> None:
    for entry_id in record.entry_ids:
        tracked = state.entries[entry_id]
        move(state, tracked, r.EntriesUnconfirmed)
        if record.why is Doubt.DUPLICATE:
            # As good as a refusal, unless the ledger shows a person's line.
            tracked.refusals += 1
        note_status(state, tracked, state.now_ms)
    open_ask(state, Ask(record.ask_id, "entry", record.entry_ids, record.ask_at_ms, record.why))


def _entry_backed_off(state: State, record: r.EntryBackedOff) -> None:
    tracked = state.entries[record.entry_id]
    move(state, tracked, r.EntryBackedOff)
    tracked.rests_until_ms = record.until_ms
    insort(state.resting, (record.until_ms, record.entry_id))


def _entries_rested(state: State, record: r.EntriesRested) -> None:
    for entry_id in record.entry_ids:
        tracked = state.entries[entry_id]
        move(state, tracked, r.EntriesRested)
        enter_queue(state, tracked, tracked.rests_until_ms)


def _entries_requeued(state: State, record: r.EntriesRequeued) -> None:
    for entry_id in record.entry_ids:
        tracked = state.entries[entry_id]
        move(state, tracked, r.EntriesRequeued)
        enter_queue(state, tracked, record.at_ms)
        note_status(state, tracked, record.at_ms)


def _version_carried(state: State, record: r.VersionCarried) -> None:
    tracked = state.entries[record.entry_id]
    move(state, tracked, r.VersionCarried)
    if tracked.counts_for != record.version:
        place(state, tracked, tracked.counts_for, Place.SUPERSEDED)
        tracked.counts_for = record.version
    place(state, tracked, record.version, Place.POSTED)
    close_intent(state, tracked)
    tracked.queued_ms = tracked.wants_since_ms = 0
    note_status(state, tracked, state.now_ms)


def _entry_cleared(state: State, record: r.EntryCleared) -> None:
    tracked = state.entries[record.entry_id]
    move(state, tracked, r.EntryCleared)
    _came_to_nothing(state, tracked)


def _entry_left_out(state: State, record: r.EntryLeftOut) -> None:
    tracked = state.entries[record.entry_id]
    move(state, tracked, r.EntryLeftOut)
    _came_to_nothing(state, tracked)


def _came_to_nothing(state: State, tracked: Tracked) -> None:
    close_intent(state, tracked)
    tracked.queued_ms = tracked.wants_since_ms = 0
    tracked.reversed = None
    note_status(state, tracked, state.now_ms)


def _entry_waived(state: State, record: r.EntryWaived) -> None:
    tracked = state.entries[record.entry_id]
    move(state, tracked, r.EntryWaived)
    for version, note in tracked.versions.items():
        if note.place is Place.PARKED:
            place(state, tracked, version, Place.WAIVED)
    note_status(state, tracked, state.now_ms)


# ------------------------------------------------------------------ reference data and people


def _stir(state: State, wake: str) -> None:
    if state.parked.get(wake) and wake not in state.head.stirred:
        state.head.stirred.append(wake)


def _period_changed(state: State, record: r.PeriodChanged) -> None:
    state.calendar.learn(record.period)
    _stir(state, "period")


def _period_found_shut(state: State, record: r.PeriodFoundShut) -> None:
    state.calendar.contradict(record.period, Access.SHUT)


def _period_found_held(state: State, record: r.PeriodFoundHeld) -> None:
    state.calendar.contradict(record.period, Access.HELD)


def _hold_forgotten(state: State, record: r.HoldForgotten) -> None:
    state.calendar.forget_hold(record.period)


def _rates_changed(state: State, record: r.RatesChanged) -> None:
    state.card.learn(record.lines)
    _stir(state, "rates")


def _projects_changed(state: State, record: r.ProjectsChanged) -> None:
    for project in record.projects:
        state.projects[project.project] = project
    state.card.priced.clear()
    _stir(state, "projects")


def _workers_changed(state: State, record: r.WorkersChanged) -> None:
    for worker in record.workers:
        state.workers[worker.worker] = worker
    _stir(state, "workers")


def _assignments_changed(state: State, record: r.AssignmentsChanged) -> None:
    for assignment in record.assignments:
        state.assignments[assignment.assignment_id] = assignment
    _stir(state, "assignments")


def _configuration_changed(state: State, record: r.ConfigurationChanged) -> None:
    state.head.configuration = record.version
    state.head.changes = record.changes
    state.policy = tuned(state.started_with, record.changes)


def _master_data_arrived(state: State, record: r.MasterDataArrived) -> None:
    state.head.master += 1
    _stir(state, "erp")


def _paused(state: State, record: r.PartitionPaused) -> None:
    state.head.paused = True
    state.head.paused_by = f"{record.who}: {record.why}"


def _resumed(state: State, record: r.PartitionResumed) -> None:
    state.head.paused = False
    state.head.paused_by = ""


def _restarted(state: State, record: r.PartitionRestarted) -> None:
    head = state.head
    head.epoch = record.epoch
    if record.epoch == 1:
        head.recount_since_ms = max(0, record.at_ms - state.policy.recount_overlap_ms)
        head.recount_at_ms = record.at_ms + state.policy.recount_every_ms
        head.full_recount_at_ms = record.at_ms + state.policy.full_recount_every_ms


# ------------------------------------------------------------------ our calls


def _batch_sent(state: State, record: r.BatchSent) -> None:
    state.now_ms = record.at_ms
    names = []
    for row in record.rows:
        posting = row.posting
        tracked = state.entries[posting.entry_id]
        move(state, tracked, r.BatchSent)
        if tracked.intent is not row:
            close_intent(state, tracked)
            tracked.intent = row
            tracked.intents = max(tracked.intents, posting.intent)
            state.keys[posting.key] = posting.entry_id
        names.append(posting.key)
    known = (state.calendar.version, state.head.master)
    _open_call(state, OpenCall(record.call_id, "post", tuple(names), calendar=known[0], master=known[1]))


def _open_call(state: State, call: OpenCall) -> None:
    state.head.seq += 1
    state.calls[call.call_id] = call


def _look_up_sent(state: State, record: r.LookUpSent) -> None:
    ask = state.asks[record.ask_id]
    ask.calling = True
    state.ask_order.remove((ask.at_ms, ask.ask_id))
    _open_call(
        state,
        OpenCall(
            record.call_id,
            "look_up",
            record.names,
            ask_id=record.ask_id,
            calendar=ask.calendar,
            master=ask.master,
        ),
    )


def _statuses_sent(state: State, record: r.StatusesSent) -> None:
    for status in record.statuses:
        tracked = state.entries[status.entry_id]
        tracked.telling = True
        tracked.told_status = UNSURE
        tracked.told_detail = status.detail
        state.untold.pop(status.entry_id, None)
    names = tuple(status.entry_id for status in record.statuses)
    state.head.seq += len(names)
    _open_call(state, OpenCall(record.call_id, "tell", names, statuses=record.statuses))


def _recount_sent(state: State, record: r.RecountSent) -> None:
    head = state.head
    head.recount_at_ms = None
    if not record.page:
        head.recount_began_ms = record.at_ms
    _open_call(state, OpenCall(record.call_id, "recount", ()))


def _fetch_sent(state: State, record: r.FetchSent) -> None:
    for entry_id, version in record.heads:
        state.missing.pop((entry_id, version), None)
    _open_call(state, OpenCall(record.call_id, "fetch", (), heads=record.heads))


def _call_ended(state: State, record: r.CallEnded) -> None:
    state.now_ms = record.at_ms
    call = state.calls.pop(record.call_id)
    if call.kind == "tell":
        for entry_id in call.names:
            tracked = state.entries[entry_id]
            tracked.telling = False
            state.touched[entry_id] = None
            note_status(state, tracked, record.at_ms)
    elif call.kind == "recount" and state.head.recount_at_ms is None:
        # The page was not read: after a rest the recount begins anew, since a page token may not live for ever.
        state.head.recount_page = ""
        state.head.recount_at_ms = record.at_ms + state.policy.tell_linger_ms
    elif call.kind == "look_up":
        ask = state.asks.get(call.ask_id)
        if ask is not None and ask.calling:
            ask.calling = False
            insort(state.ask_order, (ask.at_ms, ask.ask_id))


# ------------------------------------------------------------------ what came of them


def _rows_applied(state: State, record: r.RowsApplied) -> None:
    at_ms = record.at_ms
    for key, ledger_id in record.rows:
        tracked = state.entries[state.keys[key]]
        move(state, tracked, r.RowsApplied)
        assert tracked.intent is not None, f"{key}: applied without an intent"
        posting = tracked.intent.posting
        close_intent(state, tracked)
        tracked.standing = posting
        tracked.ledger_id = ledger_id
        tracked.by_hand = False
        tracked.counts_for = posting.version
        tracked.refusals = 0
        tracked.reversed = None
        tracked.queued_ms = tracked.wants_since_ms = 0
        place(state, tracked, posting.version, Place.POSTED)
        note_status(state, tracked, at_ms)


def _rows_reversed(state: State, record: r.RowsReversed) -> None:
    for key, _ledger_id in record.rows:
        tracked = state.entries[state.keys[key]]
        move(state, tracked, r.RowsReversed)
        assert tracked.intent is not None, f"{key}: reversed without an intent"
        posting = tracked.intent.posting
        close_intent(state, tracked)
        place(state, tracked, tracked.counts_for, Place.SUPERSEDED)
        tracked.standing = None
        tracked.ledger_id = ""
        tracked.refusals = 0
        tracked.reversed = Dated(posting.accounting_date, posting.period, posting.adjusts)
        tracked.reversed_work_day = posting.work_date.toordinal()
        tracked.wants_since_ms = record.at_ms
        enter_queue(state, tracked, record.at_ms)
        note_status(state, tracked, record.at_ms)


def _rows_staged(state: State, record: r.RowsStaged) -> None:
    for key, reference in record.rows:
        tracked = state.entries[state.keys[key]]
        move(state, tracked, r.RowsStaged)
        tracked.staged_as = reference
        _place_subject(state, tracked, Place.STAGED)
    keys = tuple(key for key, _ in record.rows)
    known = (state.calendar.version, state.head.master)
    open_ask(
        state,
        Ask(
            record.ask_id,
            "key",
            keys,
            record.ask_at_ms,
            since_ms=record.at_ms,
            calendar=known[0],
            master=known[1],
        ),
    )


def _place_subject(state: State, tracked: Tracked, where: Place) -> None:
    """Place the version that the open intent is about."""
    assert tracked.intent is not None, f"{tracked.entry_id}: nothing is on its way"
    if tracked.intent.posting.leg is Leg.POST:
        place(state, tracked, tracked.intent.posting.version, where)
    else:
        place(state, tracked, tracked.counts_for, where)


def _back_in_queue(state: State, tracked: Tracked, at_ms: int) -> None:
    """The intent definitely did nothing: its version is queued, or superseded if a newer one is known."""
    assert tracked.intent is not None, f"{tracked.entry_id}: nothing was on its way"
    posting = tracked.intent.posting
    if posting.leg is Leg.REVERSE:
        place(state, tracked, tracked.counts_for, Place.POSTED)
    elif posting.version == tracked.latest:
        place(state, tracked, posting.version, Place.IN_FLIGHT)
    else:
        place(state, tracked, posting.version, Place.SUPERSEDED)
    enter_queue(state, tracked, at_ms)


def _row_refused(state: State, record: r.RowRefused) -> None:
    tracked = state.entries[state.keys[record.key]]
    move(state, tracked, r.RowRefused)
    _back_in_queue(state, tracked, state.now_ms)
    tracked.refusals += 1
    close_intent(state, tracked)


def _rows_returned(state: State, record: r.RowsReturned) -> None:
    for key in record.keys:
        tracked = state.entries[state.keys[key]]
        move(state, tracked, r.RowsReturned)
        _back_in_queue(state, tracked, state.now_ms)


def _rows_doubted(state: State, record: r.RowsDoubted) -> None:
    for key in record.keys:
        tracked = state.entries[state.keys[key]]
        move(state, tracked, r.RowsDoubted)
        _place_subject(state, tracked, Place.IN_DOUBT)
    open_ask(state, Ask(record.ask_id, "key", record.keys, record.ask_at_ms, record.why, since_ms=record.at_ms))


def _rows_found_missing(state: State, record: r.RowsFoundMissing) -> None:
    for key in record.keys:
        tracked = state.entries[state.keys[key]]
        move(state, tracked, r.RowsFoundMissing)
        _back_in_queue(state, tracked, state.now_ms)
        if record.new_intent:
            close_intent(state, tracked)


def _ask_postponed(state: State, record: r.AskPostponed) -> None:
    ask = close_ask(state, record.ask_id)
    if ask is not None and record.names:
        open_ask(
            state,
            Ask(
                record.ask_id,
                ask.by,
                record.names,
                record.ask_at_ms,
                ask.why,
                since_ms=ask.since_ms if record.seen_ms is None else record.seen_ms,
                calendar=ask.calendar,
                master=ask.master,
            ),
        )


def _line_found_by_hand(state: State, record: r.LineFoundByHand) -> None:
    _line_found(state, record, by_hand=True)


def _refused_line_found(state: State, record: r.RefusedLineFound) -> None:
    _line_found(state, record, by_hand=False)


def _line_found(state: State, record: r.LineFoundByHand | r.RefusedLineFound, by_hand: bool) -> None:
    tracked = state.entries[record.posting.entry_id]
    move(state, tracked, type(record))
    close_intent(state, tracked)
    tracked.refusals = 0
    tracked.reversed = None
    tracked.standing = record.posting
    tracked.ledger_id = record.ledger_id
    tracked.by_hand = by_hand
    if tracked.counts_for != record.posting.version:
        # Its line by hand was corrected, and stands for the newer version now.
        place(state, tracked, tracked.counts_for, Place.SUPERSEDED)
        tracked.counts_for = record.posting.version
    tracked.queued_ms = tracked.wants_since_ms = 0
    place(state, tracked, record.posting.version, Place.POSTED)
    note_status(state, tracked, record.at_ms)


def _entries_confirmed(state: State, record: r.EntriesConfirmed) -> None:
    for entry_id in record.entry_ids:
        tracked = state.entries[entry_id]
        move(state, tracked, r.EntriesConfirmed)
        tracked.confirmed_ms = record.at_ms
        if tracked.standing is not None:
            # What stood was taken out again by a person.
            close_intent(state, tracked)
            place(state, tracked, tracked.counts_for, Place.SUPERSEDED)
            tracked.standing = None
            tracked.ledger_id = ""
            tracked.by_hand = False
            tracked.wants_since_ms = record.at_ms
        enter_queue(state, tracked, record.at_ms)
        note_status(state, tracked, record.at_ms)


def _standing_confirmed(state: State, record: r.StandingConfirmed) -> None:
    for entry_id in record.entry_ids:
        tracked = state.entries[entry_id]
        move(state, tracked, r.StandingConfirmed)
        tracked.confirmed_ms = record.at_ms
        enter_queue(state, tracked, record.at_ms)
        note_status(state, tracked, record.at_ms)


def _batch_bisected(state: State, record: r.BatchBisected) -> None:
    for group_id, keys in ((record.group_id, record.left), (record.group_id + 1, record.right)):
        members = [state.keys[key] for key in keys]
        for entry_id in members:
            tracked = state.entries[entry_id]
            move(state, tracked, r.BatchBisected)
            leave_queue(state, tracked)
            tracked.group = group_id
        state.groups[group_id] = members
        state.head.group_seq = max(state.head.group_seq, group_id)


def _statuses_taken(state: State, record: r.StatusesTaken) -> None:
    for entry_id, version, status in record.statuses:
        tracked = state.entries[entry_id]
        tracked.told_version = version
        tracked.told_status = status


def _heads_found_missing(state: State, record: r.HeadsFoundMissing) -> None:
    for head in record.heads:
        state.missing[head] = None
    state.head.fetch_at_ms = max(state.head.fetch_at_ms, record.not_before_ms)


def _recount_turned(state: State, record: r.RecountTurned) -> None:
    head, policy = state.head, state.policy
    head.recount_page = record.next_page
    if record.next_page:
        head.recount_at_ms = record.at_ms
    else:
        next_ms = head.recount_began_ms + policy.recount_every_ms
        reach_ms = policy.recount_overlap_ms
        if policy.full_recount_every_ms > 0 and head.full_recount_at_ms <= next_ms:
            reach_ms = max(reach_ms, policy.full_recount_span_ms)
            head.full_recount_at_ms = next_ms + policy.full_recount_every_ms
        head.recount_since_ms = max(0, head.recount_began_ms - reach_ms)
        head.recount_at_ms = next_ms


APPLY: dict[type, Callable[[State, Any], None]] = {
    r.EntryReceived: _entry_received,
    r.EntryExcluded: _entry_excluded,
    r.EntryWithdrawn: _entry_withdrawn,
    r.OldVersionReceived: _old_version,
    r.OldWithdrawalReceived: _old_withdrawal,
    r.EntryValued: _entry_valued,
    r.EntryParked: _entry_parked,
    r.EntriesWoken: _entries_woken,
    r.EntriesUnconfirmed: _entries_unconfirmed,
    r.EntryBackedOff: _entry_backed_off,
    r.EntriesRested: _entries_rested,
    r.EntriesRequeued: _entries_requeued,
    r.VersionCarried: _version_carried,
    r.EntryCleared: _entry_cleared,
    r.EntryLeftOut: _entry_left_out,
    r.EntryWaived: _entry_waived,
    r.PeriodChanged: _period_changed,
    r.PeriodFoundShut: _period_found_shut,
    r.PeriodFoundHeld: _period_found_held,
    r.HoldForgotten: _hold_forgotten,
    r.RatesChanged: _rates_changed,
    r.ProjectsChanged: _projects_changed,
    r.WorkersChanged: _workers_changed,
    r.AssignmentsChanged: _assignments_changed,
    r.ConfigurationChanged: _configuration_changed,
    r.MasterDataArrived: _master_data_arrived,
    r.PartitionPaused: _paused,
    r.PartitionResumed: _resumed,
    r.PartitionRestarted: _restarted,
    r.BatchSent: _batch_sent,
    r.LookUpSent: _look_up_sent,
    r.StatusesSent: _statuses_sent,
    r.RecountSent: _recount_sent,
    r.FetchSent: _fetch_sent,
    r.CallEnded: _call_ended,
    r.RowsApplied: _rows_applied,
    r.RowsReversed: _rows_reversed,
    r.RowsStaged: _rows_staged,
    r.RowRefused: _row_refused,
    r.RowsReturned: _rows_returned,
    r.RowsDoubted: _rows_doubted,
    r.RowsFoundMissing: _rows_found_missing,
    r.AskPostponed: _ask_postponed,
    r.LineFoundByHand: _line_found_by_hand,
    r.RefusedLineFound: _refused_line_found,
    r.EntriesConfirmed: _entries_confirmed,
    r.StandingConfirmed: _standing_confirmed,
    r.BatchBisected: _batch_bisected,
    r.StatusesTaken: _statuses_taken,
    r.HeadsFoundMissing: _heads_found_missing,
    r.RecountTurned: _recount_turned,
}
