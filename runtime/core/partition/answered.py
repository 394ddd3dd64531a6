"""Word of our own calls: what is about to leave, what came back, what stayed silent, what the ledger said.

Each call ends in one `CallEnded`, after everything that it brought. A call that is not known any more (another process
made it) is not heard.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
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
from runtime.core.inputs import Answered
from runtime.core.model import Correction, Leg, Posting, TimeEntry, Valuation
from runtime.core.pacing import AskFirst, back_off
from runtime.core.partition.aside import Records, ask_by_entry, park
from runtime.core.partition.moves import REFUSAL_PARKS, Phase
from runtime.core.partition.state import Ask, OpenCall, State, Tracked
from runtime.core.partition.steps import Go, Stay, key_of, posting_for, price
from runtime.core.periods import Dated
from runtime.core.records import Record

T = TypeVar("T")

PAGE_LIVES_MS = 15 * 60_000
"""For how long after the first page of a recount its other pages are asked for again where they did not come (ours:
longer than many pages and a few failures take, and shorter than the tokens of most sources live)."""

# ------------------------------------------------------------------ our calls


def sending(state: State, command: i.Sending, now_ms: int, out: Records) -> None:
    """A call is about to leave: what it carries becomes durable first."""
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


def restarted(state: State, word: i.Restarted, now_ms: int, out: Records) -> None:
    """Every call that may have left is silent now; there is no second path for recovery."""
    out.append(r.PartitionRestarted(word.epoch, now_ms))
    asks = state.head.ask_seq
    # Whoever made these calls may have lived on without its store, and gives them up a deadline from now at the latest.
    given_up_ms = now_ms + state.policy.call_deadline_ms
    for call in state.calls.values():
        made = len(out)
        _call_answered(state, call, Silent(), {}, now_ms, out, asks, given_up_ms)
        asks += sum(isinstance(record, r.RowsDoubted) for record in out[made:])


def answered(state: State, word: Answered, now_ms: int, out: Records) -> None:
    """A call came back, or was given up."""
    call = state.calls.get(word.call_id)
    if call is not None:
        _call_answered(state, call, word.answer, word.seen, now_ms, out, state.head.ask_seq)


def _call_answered(
    state: State,
    call: OpenCall,
    answer: CallAnswer,
    seen: Any,
    now_ms: int,
    out: Records,
    asks: int,
    given_up_ms: int | None = None,
) -> None:
    match call.kind:
        case "post" if given_up_ms is not None:
            _silent(state, call.names, Doubt.SILENCE, now_ms, out, asks, given_up_ms)
        case "post":
            _batch_answered(state, call, answer, now_ms, out, asks)
        case "look_up" if given_up_ms is not None:
            # It only reads, and a late landing is impossible already: whoever goes on may ask at once.
            out.append(r.AskPostponed(call.ask_id, state.asks[call.ask_id].names, now_ms))
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
            elif state.head.recount_page and now_ms < state.head.recount_began_ms + PAGE_LIVES_MS:
                # The same page again after a rest. A recount that began longer ago begins anew, with `CallEnded`.
                out.append(r.RecountTurned(state.head.recount_page, now_ms + state.policy.tell_linger_ms))
        case "fetch":
            # What came is decided as news of its own; what did not come is still missing.
            came = {_head(news) for news in answer.news} if isinstance(answer, Republished) else set()
            left = tuple(head for head in call.heads if head not in came)
            # What came as a dead letter came: it is counted and kept, and asking again brings the same.
            dead = len(answer.dead_letters) if isinstance(answer, Republished) else 0
            if len(left) > dead:
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


def _silent(
    state: State,
    keys: tuple[str, ...],
    why: Doubt,
    now_ms: int,
    out: Records,
    asks: int,
    given_up_ms: int | None = None,
) -> int:
    """Doubt these rows, or return them; returns the number of the last question asked.

    `given_up_ms` is when the call was given up, if that is not now: a late landing counts from there.
    """
    policy = state.policy
    given_up_ms = now_ms if given_up_ms is None else given_up_ms
    verdict = policy.after_silence(given_up_ms, policy.late_landing_ms, policy.lookup_lag_ms)
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
            out.append(park(tracked, REFUSAL_PARKS[row.reason], row.detail or row.reason, now_ms))
    elif row.reason is Refusal.LOCKED:
        policy = state.policy
        rest_ms = back_off(tracked.refusals + 1, policy.back_off_ms, policy.back_off_max_ms)
        # Not before the refused request, delivered a second time on the way, would have landed.
        out.append(r.EntryBackedOff(tracked.entry_id, now_ms + max(rest_ms, policy.call_deadline_ms)))


# ------------------------------------------------------------------ the ledger was asked


def _looked_up(state: State, call: OpenCall, answer: CallAnswer, now_ms: int, out: Records) -> None:
    ask = state.asks[call.ask_id]
    policy = state.policy
    if not isinstance(answer, LinesFound):
        out.append(r.AskPostponed(ask.ask_id, ask.names, now_ms + policy.back_off_ms))
        return
    still_open: tuple[str, ...] = ()
    if ask.by == "key":
        still_open = _keys_looked_up(state, call, ask, answer.lines, now_ms, out)
    else:
        _entries_looked_up(state, ask, answer.lines, now_ms, out)
    shown = {line.key for line in answer.lines}
    seen_ms = now_ms if shown.issuperset(still_open) else None
    out.append(r.AskPostponed(ask.ask_id, still_open, now_ms + policy.staged_poll_ms, seen_ms))


def _keys_looked_up(
    state: State, call: OpenCall, ask: Ask, lines: tuple[LineFound, ...], now_ms: int, out: Records
) -> tuple[str, ...]:
    """Settle what the ledger has or lacks; returns the keys that are still to be asked after."""
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
    still_open: list[str] = []
    lost = now_ms - ask.since_ms > state.policy.staged_lost_after_ms
    for key in ask.names:
        tracked, intent = _intent(state, key)
        line = found.get(key)
        if line is None:
            if tracked.phase is Phase.STAGED:
                if lost:
                    out.append(park(tracked, "staged_lost", "the ERP does not show the row any more", now_ms))
                else:
                    still_open.append(key)
            elif ask.why is not Doubt.DUPLICATE or _post_of_nothing_standing(tracked, intent):
                missing.append(key)
            elif lost:
                out.append(park(tracked, "ledger_differs", "called a duplicate of what nobody can see", now_ms))
            else:
                still_open.append(key)
        elif key in twice:
            out.append(park(tracked, "ledger_differs", f"{line.ledger_id} stands beside another line", now_ms))
        elif line.status == "rejected":
            reason = _REFUSALS.get(line.reason, Refusal.INVALID)
            _refused(state, call, Refused(key, reason, line.reason), now_ms, out)
        elif line.fingerprint and line.fingerprint != intent.fingerprint:
            out.append(park(tracked, "ledger_differs", f"{line.ledger_id} holds something else", now_ms))
        elif line.status == "posted":
            applied.append((key, line.ledger_id))
        elif tracked.phase is Phase.STAGED:
            still_open.append(key)
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
            ask_by_entry(state, [state.keys[key] for key in missing], now_ms, out, Doubt.DUPLICATE)
    return tuple(still_open)


def _post_of_nothing_standing(tracked: Tracked, intent: FrozenRow) -> bool:
    """Whether a person's line may be what the ERP calls the same as ours."""
    return intent.posting.leg is Leg.POST and tracked.standing is None


def _entries_looked_up(state: State, ask: Ask, lines: tuple[LineFound, ...], now_ms: int, out: Records) -> None:
    """Settle entries that were asked after by name: what stands of them is ours, a person's, or nothing."""
    found: dict[str, list[LineFound]] = {}
    for line in lines:
        if line.status != "rejected":
            found.setdefault(line.entry_id, []).append(line)
    applied: list[tuple[str, str]] = []
    staged: list[tuple[str, str]] = []
    standing: list[str] = []
    absent: list[str] = []
    for entry_id in ask.names:
        tracked = state.entries[entry_id]
        held = found.get(entry_id)
        if held is None:
            absent.append(entry_id)
        elif len(held) > 1 or held[0].by_hand:
            out.extend(_found_by_hand(state, tracked, held, now_ms))
        elif _is_row(tracked.intent, held[0]):
            (applied if held[0].status == "posted" else staged).append((held[0].key, held[0].ledger_id))
        elif tracked.standing is not None and held[0].key == tracked.standing.key:
            standing.append(entry_id)
        elif (posting := _refused_before(state, tracked, held[0])) is not None:
            out.append(r.RefusedLineFound(posting, held[0].ledger_id, now_ms))
        else:
            text = f"{held[0].ledger_id} stands under a key we do not know"
            out.append(park(tracked, "ledger_differs", text, now_ms))
    if applied:
        _applied(state, applied, now_ms, out)
    if staged:
        out.append(r.RowsStaged(tuple(staged), _next_ask(state, out), now_ms + state.policy.staged_poll_ms, now_ms))
    if standing:
        out.append(r.StandingConfirmed(tuple(standing), now_ms))
    if ask.why is Doubt.DUPLICATE:
        absent = _still_puzzling(state, absent, now_ms, out)
    if absent:
        out.append(r.EntriesConfirmed(tuple(absent), now_ms))


def _is_row(intent: FrozenRow | None, line: LineFound) -> bool:
    """Whether the line is the row that we sent last, as we sent it."""
    return (
        intent is not None
        and line.key == intent.posting.key
        and (not line.fingerprint or line.fingerprint == intent.fingerprint)
    )


def _refused_before(state: State, tracked: Tracked, line: LineFound) -> Posting | None:
    """What stands, if the line is a row of the latest version that was refused once, for the money it is worth."""
    entry, valuation = tracked.entry, tracked.valuation
    if (
        entry is None
        or valuation is None
        or tracked.excluded
        or tracked.standing is not None
        or line.status != "posted"
    ):
        return None
    keys = [key_of(state, tracked, entry.version, Leg.POST, intent) for intent in range(1, tracked.intents + 1)]
    if line.key not in keys or _as_read(line) != _as_worth(entry, valuation):
        return None
    posting = posting_for(state, tracked, _dated_as_read(line, entry), valuation)
    return replace(posting, key=line.key, intent=1 + keys.index(line.key))


def _as_read(line: LineFound) -> tuple[int, int, str, date | None]:
    return line.bill_minor, line.cost_minor, line.project, line.work_date


def _as_worth(entry: TimeEntry, valuation: Valuation) -> tuple[int, int, str, date | None]:
    return valuation.bill_minor, valuation.cost_minor, entry.project, entry.work_date


def _dated_as_read(line: LineFound, entry: TimeEntry) -> Go:
    return Go(Leg.POST, Dated(line.accounting_date or entry.work_date, line.period, ""), Correction.NONE)


def _found_by_hand(state: State, tracked: Tracked, held: list[LineFound], now_ms: int) -> Records:
    """A person's one line for the entry: ours from now on if it is what we would have posted, else a person's case."""
    line = held[0]
    ours = next((other for other in held if not other.by_hand), None)
    if ours is not None:
        return [park(tracked, "ledger_differs", f"{ours.ledger_id} stands beside another line", now_ms)]
    if len(held) > 1:
        return [park(tracked, "manual_line_differs", f"{line.ledger_id} is not the only line posted by hand", now_ms)]
    entry = tracked.entry
    if entry is None or tracked.excluded:
        return [
            park(tracked, "manual_line_differs", f"{line.ledger_id} was posted by hand and should not stand", now_ms)
        ]
    valued: Records = []
    valuation = tracked.valuation
    if valuation is None:
        assert tracked.approval is not None, f"{tracked.entry_id}: approved by nobody"
        priced = price(state, entry, tracked.approval.decided_at_ms)
        if isinstance(priced, Stay):
            return [park(tracked, priced.reason, f"{priced.detail}; {line.ledger_id} was posted by hand", now_ms)]
        valuation = priced
        valued.append(r.EntryValued(tracked.entry_id, valuation))
    if _as_read(line) != _as_worth(entry, valuation):
        text = f"{line.ledger_id} was posted by hand for something else"
        return [*valued, park(tracked, "manual_line_differs", text, now_ms)]
    posting = posting_for(state, tracked, _dated_as_read(line, entry), valuation)
    adopted = r.LineFoundByHand(posting, line.ledger_id, now_ms)
    return [*valued, adopted]


def _still_puzzling(state: State, absent: list[str], now_ms: int, out: Records) -> list[str]:
    """Rows called duplicates of what nobody can see stay in doubt, asked after ever later, until a person looks.

    Returns those that have no row of ours on its way after all.
    """
    policy = state.policy
    free: list[str] = []
    for entry_id in absent:
        tracked = state.entries[entry_id]
        if tracked.intent is None:
            free.append(entry_id)
        elif tracked.refusals > policy.refusals_max:
            out.append(park(tracked, "ledger_differs", "called a duplicate of what nobody can see", now_ms))
        else:
            # News since has set the count back.
            rest_ms = back_off(max(1, tracked.refusals), policy.back_off_ms, policy.back_off_max_ms)
            key = tracked.intent.posting.key
            out.append(r.RowsDoubted((key,), Doubt.DUPLICATE, _next_ask(state, out), now_ms + rest_ms, now_ms))
    return free


def _next_ask(state: State, out: Records) -> int:
    """The number of the next question, after those that this decision has opened already."""
    return 1 + max([state.head.ask_seq, *(o.ask_id for o in out if isinstance(o, _OPEN_AN_ASK))])


_OPEN_AN_ASK = (r.EntriesUnconfirmed, r.RowsStaged, r.RowsDoubted)
_REFUSALS = {reason.value: reason for reason in Refusal}
_CONTRADICTIONS: dict[Refusal, Callable[[str], Record]] = {
    Refusal.PERIOD_CLOSED: r.PeriodFoundShut,
    Refusal.PERIOD_ON_HOLD: r.PeriodFoundHeld,
}
"""Refusals that say something about the period, whatever was published."""
_WEIGHT = {"rejected": 0, "staged": 1, "posted": 2}
"""Of several lines under one key the one that says most about the books counts."""
_CURED_BY_MASTER_DATA = frozenset({Refusal.UNKNOWN_PROJECT, Refusal.UNKNOWN_WORKER})
