"""`decide(state, inputs, now_ms)`: what we make of the news. It makes records and changes nothing.

Rule 1. The inputs of one call speak of different entries; the shell sees to that, and it is asserted. News of an
        entry and word of a call about it are never decided together.
Rule 2. Without inputs, `decide` looks around: what was woken, what has rested. With `PermitCame` it looks at the head
        of the queue and takes out what cannot go. The shell asks either until nothing is left to say.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from runtime.core import inputs as i
from runtime.core import news as n
from runtime.core import records as r
from runtime.core.answers import (
    Applied,
    CallAnswer,
    Doubt,
    HeadsListed,
    LineFound,
    LinesFound,
    Refusal,
    Refused,
    RefusedAsOne,
    Republished,
    RowAnswer,
    RowsAnswered,
    Silent,
    Staged,
    StatusTaken,
    TurnedAway,
)
from runtime.core.effects import Fetch, FrozenRow, LookUp, Recount, SendBatch, TellPsa
from runtime.core.inputs import Answered, Input
from runtime.core.model import Correction, Leg, Valuation
from runtime.core.pacing import AskFirst, back_off
from runtime.core.partition.moves import AT_REST, PARKS, REFUSAL_PARKS, Phase
from runtime.core.partition.queue import batch_due, first_in_line
from runtime.core.partition.state import Ask, OpenCall, State, Tracked
from runtime.core.partition.steps import Go, Rest, Stay, next_step, posting_for, price
from runtime.core.periods import Dated
from runtime.core.records import Record

Records = list[Record]
T = TypeVar("T")


def decide(state: State, inputs: Sequence[Input], now_ms: int) -> Records:
    """The records that follow from `inputs` at `now_ms` (ms UTC). Changes nothing; see the rules above."""
    out: Records = []
    if not inputs:
        _look_around(state, now_ms, out)
        return out
    for one in inputs:
        HEAR[type(one)](state, one, now_ms, out)
    assert len(inputs) == 1 or _different_entries(inputs), "one decide, two inputs about one entry"
    return out


def _different_entries(inputs: Sequence[Input]) -> bool:
    names: set[str] = set()
    for one in inputs:
        if isinstance(one, n.EntryApproved):
            name = one.entry.entry_id
        elif isinstance(one, n.EntryWithdrawn):
            name = one.entry_id
        elif isinstance(one, i.Sending):
            continue
        else:
            return False
        if name in names:
            return False
        names.add(name)
    return True


# ------------------------------------------------------------------ news


def _approved(state: State, news: n.EntryApproved, now_ms: int, out: Records) -> None:
    entry = news.entry
    tracked = state.entries.get(entry.entry_id)
    if tracked is not None and entry.version <= tracked.latest:
        if not tracked.heard >> entry.version & 1:
            out.append(r.OldVersionReceived(entry))
        return
    for time_type, rule in state.policy.excluded_time_types:
        if entry.time_type == time_type:
            out.append(r.EntryExcluded(entry, news.approval, rule, now_ms))
            _was_parked(state, tracked, entry.version, now_ms, out)
            return
    priced = price(state, entry, news.approval.decided_at_ms)
    valuation = priced if isinstance(priced, Valuation) else None
    out.append(r.EntryReceived(entry, news.approval, valuation, now_ms))
    if _was_parked(state, tracked, entry.version, now_ms, out) or isinstance(priced, Valuation):
        return
    if tracked is None or tracked.phase in _FREE_TO_PARK:
        out.append(_parked(entry.entry_id, entry.version, priced.reason, priced.detail, now_ms))


_FREE_TO_PARK = frozenset({Phase.QUEUED, Phase.RESTING, Phase.PARKED}) | AT_REST
"""Phases in which news of an entry leads to QUEUED, and from there to wherever it cannot go on from."""


def _withdrawn(state: State, news: n.EntryWithdrawn, now_ms: int, out: Records) -> None:
    tracked = state.entries.get(news.entry_id)
    if tracked is not None and news.version <= tracked.latest:
        if not tracked.heard >> news.version & 1:
            out.append(r.OldWithdrawalReceived(news.entry_id, news.version))
        return
    out.append(r.EntryWithdrawn(news.entry_id, news.version, news.reason, now_ms))
    _was_parked(state, tracked, news.version, now_ms, out)


def _was_parked(state: State, tracked: Tracked | None, version: int, now_ms: int, out: Records) -> bool:
    """A newer version cures a park (D6), but not what a person has to look at in the ledger first.

    Where the ledger holds something else under our key, the park stays; where a person may have posted by hand, the
    ledger is asked again. Returns whether either is so.
    """
    park = None if tracked is None else tracked.park
    if tracked is None or park is None:
        return False
    if park.reason == "ledger_differs":
        out.append(_parked(tracked.entry_id, version, park.reason, park.detail, now_ms))
    elif _may_stand_by_hand(tracked):
        _ask_by_entry(state, (tracked.entry_id,), now_ms, out)
    else:
        return False
    return True


def _period_published(state: State, news: n.PeriodPublished, now_ms: int, out: Records) -> None:
    period = news.period
    policy = state.policy
    if (period.entity, period.ledger, period.module) != (policy.entity, policy.ledger, policy.module):
        return
    known = state.calendar.find(period.name)
    if known is None or period.version > known.version:
        out.append(r.PeriodChanged(period))


def _rates_published(state: State, news: n.RatesPublished, now_ms: int, out: Records) -> None:
    out.append(r.RatesChanged(news.lines))


def _projects_published(state: State, news: n.ProjectsPublished, now_ms: int, out: Records) -> None:
    known = state.projects
    newer = tuple(p for p in news.projects if p.project not in known or p.version > known[p.project].version)
    if newer:
        out.append(r.ProjectsChanged(newer))


def _master_data(state: State, news: n.MasterDataReady, now_ms: int, out: Records) -> None:
    out.append(r.MasterDataArrived(news.names))


# ------------------------------------------------------------------ people


def _waive(state: State, command: i.Waive, now_ms: int, out: Records) -> None:
    tracked = state.entries.get(command.entry_id)
    if tracked is not None and tracked.phase is Phase.PARKED:
        out.append(r.EntryWaived(command.entry_id, command.who, command.why))


def _retry(state: State, command: i.Retry, now_ms: int, out: Records) -> None:
    parked = tuple(
        entry_id
        for entry_id in dict.fromkeys(command.entry_ids)
        if entry_id in state.entries and state.entries[entry_id].phase is Phase.PARKED
    )
    if parked:
        out.append(r.EntriesWoken(parked, f"{command.who}: {command.why}", now_ms))
        _ask_by_entry(state, [name for name in parked if _may_stand_by_hand(state.entries[name])], now_ms, out)


def _pause(state: State, command: i.Pause, now_ms: int, out: Records) -> None:
    if not state.head.paused:
        out.append(r.PartitionPaused(command.who, command.why))


def _resume(state: State, command: i.Resume, now_ms: int, out: Records) -> None:
    if state.head.paused:
        out.append(r.PartitionResumed(command.who, command.why))


# ------------------------------------------------------------------ looking around


def _look_around(state: State, now_ms: int, out: Records) -> None:
    if state.head.stirred:
        _wake(state, state.head.stirred[0], now_ms, out)
        return
    rested = tuple(entry_id for until_ms, entry_id in state.resting if until_ms <= now_ms)
    if rested:
        out.append(r.EntriesRested(rested))


def _wake(state: State, wake: str, now_ms: int, out: Records) -> None:
    """Let everything go on that waited for this event. What stood still for finance is confirmed before it is sent."""
    # By the time they were parked, which a new process knows as well as the old one.
    waiting = tuple(sorted(state.parked.get(wake, ()), key=lambda name: (_parked_ms(state.entries[name]), name)))
    out.append(r.EntriesWoken(waiting, wake, now_ms))
    _ask_by_entry(state, [name for name in waiting if _may_stand_by_hand(state.entries[name])], now_ms, out)


def _parked_ms(tracked: Tracked) -> int:
    assert tracked.park is not None, f"{tracked.entry_id}: listed as parked and is not"
    return tracked.park.at_ms


def _may_stand_by_hand(tracked: Tracked) -> bool:
    """Whether a parked entry needs a look into the ledger before it goes on: a person may have posted or mended it."""
    park = tracked.park
    return park is not None and park.reason in _LOOK_FIRST and (tracked.standing is None or tracked.by_hand)


_LOOK_FIRST = frozenset({"period_held", "manual_line_differs", "standing_by_hand", "ledger_differs", "staged_lost"})


def _ask_by_entry(state: State, entry_ids: Sequence[str], now_ms: int, out: Records, why: Doubt | None = None) -> None:
    """Ask the ledger what it holds of these entries, in questions no longer than it takes."""
    most = state.policy.lookup_max
    ask_id = state.head.ask_seq + sum(isinstance(record, r.EntriesUnconfirmed | r.RowsStaged) for record in out)
    for first in range(0, len(entry_ids), most):
        ask_id += 1
        out.append(r.EntriesUnconfirmed(tuple(entry_ids[first : first + most]), ask_id, now_ms, why))


def _permit_came(state: State, word: i.PermitCame, now_ms: int, out: Records) -> None:
    """Take from the head of the queue what cannot go with the next batch, each with its reason."""
    if not batch_due(state, now_ms):
        return
    policy = state.policy
    late_ms = now_ms - policy.confirm_after_ms
    line = first_in_line(state, policy.batch_max)
    unconfirmed: list[str] = []
    if any(_waited_too_long(tracked, late_ms) for tracked in line):
        # Where one waited so long, others behind it did: one question for as many as a look-up takes.
        longer = first_in_line(state, max(policy.batch_max, policy.lookup_max))
        unconfirmed = [tracked.entry_id for tracked in longer if _waited_too_long(tracked, late_ms)]
    for tracked in line:
        if _waited_too_long(tracked, late_ms):
            continue
        if tracked.refusals > policy.refusals_max:
            out.append(_park(tracked, "erp_keeps_refusing", f"refused {tracked.refusals} times", now_ms))
            continue
        step = next_step(state, tracked)
        if isinstance(step, Rest):
            out.append(step.record)
        elif isinstance(step, Stay):
            out.append(_park(tracked, step.reason, step.detail, now_ms))
        elif isinstance(step, Valuation):
            out.append(r.EntryValued(tracked.entry_id, step))
    _ask_by_entry(state, unconfirmed, now_ms, out)


def _waited_too_long(tracked: Tracked, late_ms: int) -> bool:
    """Whether a person may have posted the entry by hand: nothing of it stood for long, and nobody asked since."""
    return 0 < tracked.wants_since_ms < late_ms and tracked.confirmed_ms < late_ms


def _park(tracked: Tracked, reason: str, detail: str, now_ms: int) -> r.EntryParked:
    return _parked(tracked.entry_id, tracked.latest, reason, detail, now_ms)


def _parked(entry_id: str, version: int, reason: str, detail: str, now_ms: int) -> r.EntryParked:
    rule = PARKS[reason]
    return r.EntryParked(entry_id, version, reason, detail, rule.owner, rule.fix, rule.wake, now_ms)


# ------------------------------------------------------------------ our calls


def _sending(state: State, command: i.Sending, now_ms: int, out: Records) -> None:
    effect = command.effect
    match effect:
        case SendBatch():
            out.append(r.BatchSent(effect.call_id, effect.rows, now_ms))
        case LookUp():
            out.append(r.LookUpSent(effect.call_id, effect.ask_id, effect.by, effect.names))
        case TellPsa():
            out.append(r.StatusesSent(effect.call_id, effect.statuses))
        case Recount():
            out.append(r.RecountSent(effect.call_id, effect.since_ms, effect.page, now_ms))
        case Fetch():
            out.append(r.FetchSent(effect.call_id, effect.heads))


def _restarted(state: State, word: i.Restarted, now_ms: int, out: Records) -> None:
    """Every call that may have left is silent now; there is no second path for recovery."""
    out.append(r.PartitionRestarted(word.epoch, now_ms))
    asks = state.head.ask_seq
    for call in state.calls.values():
        made = len(out)
        _call_answered(state, call, Silent(), {}, now_ms, out, asks)
        asks += sum(isinstance(record, r.RowsDoubted) for record in out[made:])


def _answered(state: State, word: Answered, now_ms: int, out: Records) -> None:
    call = state.calls.get(word.call_id)
    if call is not None:
        _call_answered(state, call, word.answer, word.seen, now_ms, out, state.head.ask_seq)


def _call_answered(
    state: State, call: OpenCall, answer: CallAnswer, seen: Any, now_ms: int, out: Records, asks: int
) -> None:
    match call.kind:
        case "post":
            _batch_answered(state, call, answer, now_ms, out, asks)
        case "look_up":
            _looked_up(state, call, answer, now_ms, out)
        case "tell":
            if isinstance(answer, StatusTaken):
                told = tuple((status.entry_id, status.version, status.status) for status in call.statuses)
                out.append(r.StatusesTaken(told))
        case "recount":
            if isinstance(answer, HeadsListed):
                missing = tuple(
                    (head.entry_id, head.version)
                    for head in answer.heads
                    if not _heard(state, head.entry_id, seen) >> head.version & 1
                )
                if missing:
                    out.append(r.HeadsFoundMissing(missing, now_ms))
                out.append(r.RecountTurned(answer.next_page, now_ms))
        case "fetch":
            # What came is decided as news of its own; what did not come is still missing.
            came = {_head(news) for news in answer.news} if isinstance(answer, Republished) else set()
            left = tuple(head for head in call.heads if head not in came)
            if left:
                out.append(r.HeadsFoundMissing(left, now_ms + state.policy.back_off_max_ms))
    out.append(r.CallEnded(call.call_id, now_ms))


def _head(news: n.EntryNews) -> tuple[str, int]:
    if isinstance(news, n.EntryApproved):
        return news.entry.entry_id, news.entry.version
    return news.entry_id, news.version


def _heard(state: State, entry_id: str, seen: dict[str, int]) -> int:
    tracked = state.entries.get(entry_id)
    return tracked.heard if tracked is not None else seen.get(entry_id, 0)


# ------------------------------------------------------------------ a batch was answered


def _batch_answered(state: State, call: OpenCall, answer: CallAnswer, now_ms: int, out: Records, asks: int) -> None:
    match answer:
        case RowsAnswered():
            _rows_answered(state, call, answer.rows, now_ms, out, asks)
        case TurnedAway():
            out.append(r.RowsReturned(call.names, answer.door))
        case RefusedAsOne():
            _refused_as_one(state, call, answer, now_ms, out)
        case _:
            why = answer.why if isinstance(answer, Silent) else Doubt.SERVER_ERROR
            _silent(state, call.names, why, now_ms, out, asks)


def _silent(state: State, keys: tuple[str, ...], why: Doubt, now_ms: int, out: Records, asks: int) -> int:
    """Doubt these rows, or return them; returns the number of the last question asked."""
    policy = state.policy
    verdict = policy.after_silence(now_ms, policy.late_landing_ms, policy.lookup_lag_ms)
    if isinstance(verdict, AskFirst):
        for part in _parts(keys, policy.lookup_max):
            asks += 1
            out.append(r.RowsDoubted(part, why, asks, verdict.ask_at_ms, now_ms))
    else:
        out.append(r.RowsReturned(keys, None))
    return asks


def _parts(names: tuple[T, ...], most: int) -> list[tuple[T, ...]]:
    """The names in questions no longer than the ledger takes."""
    return [names[first : first + most] for first in range(0, len(names), most)]


def _refused_as_one(state: State, call: OpenCall, answer: RefusedAsOne, now_ms: int, out: Records) -> None:
    """One bad row rolled the batch back: take it out if it is named, else send each half alone."""
    keys = call.names
    bad = answer.bad_key if answer.bad_key in keys else None
    if bad is None and len(keys) == 1:
        bad = keys[0]
    if bad is not None:
        rest = tuple(key for key in keys if key != bad)
        if rest:
            out.append(r.RowsReturned(rest, None))
        _refused(state, call, Refused(bad, answer.reason, answer.detail), now_ms, out)
        return
    out.append(r.RowsReturned(keys, None))
    half = len(keys) // 2
    out.append(r.BatchBisected(keys[:half], keys[half:], state.head.group_seq + 1))


def _rows_answered(
    state: State, call: OpenCall, rows: tuple[RowAnswer, ...], now_ms: int, out: Records, asks: int
) -> None:
    answers = {row.key: row for row in rows}
    applied: list[tuple[str, str]] = []
    staged: list[tuple[str, str]] = []
    doubted: dict[Doubt, list[str]] = {}
    for key in call.names:
        row = answers.get(key)
        if isinstance(row, Applied):
            if row.as_read and row.as_read != _intent(state, key)[1].fingerprint:
                # They hold something else under our key: the ledger is asked, and a person if it is so.
                doubted.setdefault(Doubt.DUPLICATE, []).append(key)
            else:
                applied.append((key, row.ledger_id))
        elif isinstance(row, Staged):
            staged.append((key, row.reference))
        elif isinstance(row, Refused):
            _refused(state, call, row, now_ms, out)
        else:
            doubted.setdefault(Doubt.ROW_NOT_ANSWERED if row is None else row.why, []).append(key)
    if applied:
        _applied(state, applied, now_ms, out)
    for some in _parts(tuple(staged), state.policy.lookup_max):
        asks += 1
        out.append(r.RowsStaged(some, asks, now_ms + state.policy.staged_poll_ms, now_ms))
    for why, keys in doubted.items():
        if why is not Doubt.DUPLICATE:
            asks = _silent(state, tuple(keys), why, now_ms, out, asks)
            continue
        # They say they have it: nothing is on its way, so the look-up need not wait for a late landing.
        for part in _parts(tuple(keys), state.policy.lookup_max):
            asks += 1
            out.append(r.RowsDoubted(part, why, asks, now_ms + state.policy.lookup_lag_ms, now_ms))


def _applied(state: State, rows: list[tuple[str, str]], now_ms: int, out: Records) -> None:
    posted: list[tuple[str, str]] = []
    reversals: list[tuple[str, str]] = []
    newer: list[str] = []
    for row in rows:
        tracked, intent = _intent(state, row[0])
        if intent.posting.leg is Leg.REVERSE:
            reversals.append(row)
            continue
        posted.append(row)
        if tracked.latest != intent.posting.version:
            newer.append(tracked.entry_id)
    if posted:
        out.append(r.RowsApplied(tuple(posted), now_ms))
    if reversals:
        out.append(r.RowsReversed(tuple(reversals), now_ms))
    if newer:
        out.append(r.EntriesRequeued(tuple(newer), now_ms))


def _intent(state: State, key: str) -> tuple[Tracked, FrozenRow]:
    tracked = state.entries[state.keys[key]]
    assert tracked.intent is not None, f"{key}: no intent is open"
    return tracked, tracked.intent


def _refused(state: State, call: OpenCall, row: Refused, now_ms: int, out: Records) -> None:
    """A definite no closes the intent; then the entry parks, rests, or is decided anew at once."""
    tracked, intent = _intent(state, row.key)
    out.append(r.RowRefused(row.key, row.reason, row.detail))
    contradiction = _CONTRADICTIONS.get(row.reason)
    if contradiction is not None:
        known_then = call.calendar == state.calendar.version
        found = contradiction(intent.posting.period)
        if known_then and found not in out:
            out.append(found)
        return
    replaced = intent.posting.leg is Leg.POST and tracked.latest != intent.posting.version
    if row.reason in REFUSAL_PARKS:
        # What it lacked may have come while the row was on its way; nobody would wake the entry for that again.
        came_since = row.reason in _CURED_BY_MASTER_DATA and call.master != state.head.master
        if not replaced and not came_since:
            out.append(_park(tracked, REFUSAL_PARKS[row.reason], row.detail or row.reason, now_ms))
    elif row.reason is Refusal.LOCKED:
        policy = state.policy
        rest_ms = back_off(tracked.refusals + 1, policy.back_off_ms, policy.back_off_max_ms)
        out.append(r.EntryBackedOff(tracked.entry_id, now_ms + rest_ms))


# ------------------------------------------------------------------ the ledger was asked


def _looked_up(state: State, call: OpenCall, answer: CallAnswer, now_ms: int, out: Records) -> None:
    ask = state.asks[call.ask_id]
    if not isinstance(answer, LinesFound):
        out.append(r.AskPostponed(ask.ask_id, ask.names, now_ms + state.policy.back_off_ms))
        return
    if ask.by == "key":
        still_open = _keys_looked_up(state, call, ask, answer.lines, now_ms, out)
    else:
        still_open = ()
        _entries_looked_up(state, ask, answer.lines, now_ms, out)
    out.append(r.AskPostponed(ask.ask_id, still_open, now_ms + state.policy.staged_poll_ms))


def _keys_looked_up(
    state: State, call: OpenCall, ask: Ask, lines: tuple[LineFound, ...], now_ms: int, out: Records
) -> tuple[str, ...]:
    """Settle what the ledger has or lacks; returns the keys that are still staged."""
    found: dict[str, LineFound] = {}
    twice: set[str] = set()
    for each in lines:
        before = found.get(each.key)
        if before is None or _WEIGHT[each.status] > _WEIGHT[before.status]:
            found[each.key] = each
        if before is not None and each.status == before.status == "posted":
            twice.add(each.key)
    applied: list[tuple[str, str]] = []
    staged: list[tuple[str, str]] = []
    missing: list[str] = []
    still_staged: list[str] = []
    for key in ask.names:
        tracked, intent = _intent(state, key)
        line = found.get(key)
        if line is None:
            if tracked.phase is not Phase.STAGED:
                missing.append(key)
            elif now_ms - ask.since_ms > state.policy.staged_lost_after_ms:
                out.append(_park(tracked, "staged_lost", "the ERP does not show the row any more", now_ms))
            else:
                still_staged.append(key)
        elif key in twice:
            out.append(_park(tracked, "ledger_differs", f"{line.ledger_id} stands beside another line", now_ms))
        elif line.status == "rejected":
            reason = _REFUSALS.get(line.reason, Refusal.INVALID)
            _refused(state, call, Refused(key, reason, line.reason), now_ms, out)
        elif line.fingerprint and line.fingerprint != intent.fingerprint:
            out.append(_park(tracked, "ledger_differs", f"{line.ledger_id} holds something else", now_ms))
        elif line.status == "posted":
            applied.append((key, line.ledger_id))
        elif tracked.phase is Phase.STAGED:
            still_staged.append(key)
        else:
            staged.append((key, line.ledger_id))
    if applied:
        _applied(state, applied, now_ms, out)
    if staged:
        out.append(r.RowsStaged(tuple(staged), state.head.ask_seq + 1, now_ms + state.policy.staged_poll_ms, now_ms))
    if missing:
        # Under a key whose error is stored, the same intent would be refused for ever.
        out.append(r.RowsFoundMissing(tuple(missing), new_intent=ask.why is Doubt.STORED_ERROR))
        if ask.why is Doubt.DUPLICATE:
            # They have it, and not from us: a person may have entered it.
            _ask_by_entry(state, _posts_of_nothing_standing(state, missing), now_ms, out, Doubt.DUPLICATE)
    return tuple(still_staged)


def _posts_of_nothing_standing(state: State, keys: list[str]) -> list[str]:
    found = [_intent(state, key) for key in keys]
    return [
        tracked.entry_id
        for tracked, intent in found
        if intent.posting.leg is Leg.POST and tracked.standing is None and tracked.entry is not None
    ]


def _entries_looked_up(state: State, ask: Ask, lines: tuple[LineFound, ...], now_ms: int, out: Records) -> None:
    """Entries that may have been posted by hand: take the person's line as ours, or go on."""
    found: dict[str, list[LineFound]] = {}
    for line in lines:
        if line.status != "rejected":
            found.setdefault(line.entry_id, []).append(line)
    absent: list[str] = []
    for entry_id in ask.names:
        held = found.get(entry_id)
        if held is None:
            absent.append(entry_id)
        else:
            out.append(_found_standing(state, state.entries[entry_id], held, now_ms))
    if absent:
        out.append(r.EntriesConfirmed(tuple(absent), now_ms))
        if ask.why is Doubt.DUPLICATE:
            _rest_the_puzzling(state, absent, now_ms, out)


def _found_standing(state: State, tracked: Tracked, held: list[LineFound], now_ms: int) -> Record:
    """What stands of the entry is none of the lines we know of: a person's one line may be ours, all else is a case."""
    ours = next((line for line in held if not line.by_hand), None)
    if ours is not None:
        return _park(tracked, "ledger_differs", f"{ours.ledger_id} stands under a key we do not know", now_ms)
    line = held[0]
    if len(held) > 1:
        return _park(tracked, "manual_line_differs", f"{line.ledger_id} is not the only line posted by hand", now_ms)
    return _found_by_hand(state, tracked, line, now_ms)


def _found_by_hand(state: State, tracked: Tracked, line: LineFound, now_ms: int) -> Record:
    """A person's line for the entry: ours from now on if it is what we would have posted, else a case for a person."""
    entry, valuation = tracked.entry, tracked.valuation
    if entry is None or tracked.excluded or valuation is None:
        return _park(
            tracked, "manual_line_differs", f"{line.ledger_id} was posted by hand and should not stand", now_ms
        )
    wanted = (valuation.bill_minor, valuation.cost_minor, entry.project, entry.work_date)
    if (line.bill_minor, line.cost_minor, line.project, line.work_date) != wanted:
        return _park(tracked, "manual_line_differs", f"{line.ledger_id} was posted by hand for something else", now_ms)
    as_read = Go(Leg.POST, Dated(line.accounting_date or entry.work_date, line.period, ""), Correction.NONE)
    return r.LineFoundByHand(posting_for(state, tracked, as_read), line.ledger_id, now_ms)


def _rest_the_puzzling(state: State, absent: list[str], now_ms: int, out: Records) -> None:
    """Rows that the ledger calls duplicates of what it does not hold go again, ever later, until a person looks."""
    policy = state.policy
    for entry_id in absent:
        # News since has set the count back.
        times = max(1, state.entries[entry_id].refusals)
        out.append(r.EntryBackedOff(entry_id, now_ms + back_off(times, policy.back_off_ms, policy.back_off_max_ms)))


_REFUSALS = {reason.value: reason for reason in Refusal}
_CONTRADICTIONS: dict[Refusal, Callable[[str], Record]] = {
    Refusal.PERIOD_CLOSED: r.PeriodFoundShut,
    Refusal.PERIOD_ON_HOLD: r.PeriodFoundHeld,
}
"""Refusals that say something about the period, whatever was published."""
_WEIGHT = {"rejected": 0, "staged": 1, "posted": 2}
"""Of several lines under one key the one that says most about the books counts."""
_CURED_BY_MASTER_DATA = frozenset({Refusal.UNKNOWN_PROJECT, Refusal.UNKNOWN_WORKER})

HEAR: dict[type, Callable[[State, Any, int, Records], None]] = {
    n.EntryApproved: _approved,
    n.EntryWithdrawn: _withdrawn,
    n.PeriodPublished: _period_published,
    n.RatesPublished: _rates_published,
    n.ProjectsPublished: _projects_published,
    n.MasterDataReady: _master_data,
    i.Waive: _waive,
    i.Retry: _retry,
    i.Pause: _pause,
    i.Resume: _resume,
    i.PermitCame: _permit_came,
    i.Sending: _sending,
    i.Answered: _answered,
    i.Restarted: _restarted,
}
