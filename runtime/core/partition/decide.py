"""`decide(state, inputs, now_ms)`: what we make of the news. It makes records and changes nothing.

Rule 1. The inputs of one call speak of different entries; the shell sees to that, and it is asserted. News of an
        entry and word of a call about it are never decided together.
Rule 2. Without inputs, `decide` looks around: what was woken, what has rested. With `PermitCame` it looks at the head
        of the queue and takes out what cannot go. The shell asks either until nothing is left to say.
"""

from collections.abc import Callable, Sequence
from typing import Any

from runtime.core import inputs as i
from runtime.core import news as n
from runtime.core import records as r
from runtime.core.inputs import Input
from runtime.core.model import Valuation
from runtime.core.partition.answered import answered, restarted, sending
from runtime.core.partition.aside import Records, ask_by_entry, needs_a_look, park, parked
from runtime.core.partition.moves import AT_REST, Phase
from runtime.core.partition.queue import batch_due, first_in_line
from runtime.core.partition.state import State, Tracked
from runtime.core.partition.steps import Rest, Stay, next_step, price, rule_against
from runtime.core.policy import tuned


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
            _late_word(state, tracked, news, now_ms, out)
        return
    rule = rule_against(state.policy, entry)
    if rule is not None:
        out.append(r.EntryExcluded(entry, news.approval, rule, now_ms))
        _was_parked(state, tracked, entry.version, now_ms, out)
        return
    priced = price(state, entry, news.approval.decided_at_ms)
    valuation = priced if isinstance(priced, Valuation) else None
    out.append(r.EntryReceived(entry, news.approval, valuation, now_ms))
    if _was_parked(state, tracked, entry.version, now_ms, out) or isinstance(priced, Valuation):
        return
    if tracked is None or tracked.phase in _FREE_TO_PARK:
        out.append(parked(entry.entry_id, entry.version, priced.reason, priced.detail, now_ms))


def _late_word(state: State, tracked: Tracked, news: n.EntryApproved, now_ms: int, out: Records) -> None:
    """An older version is heard of after a newer one: a line that a person posted may stand for it."""
    if tracked.phase is Phase.PARKED:
        if needs_a_look(tracked):
            # What looked like a line for nothing may be the line for this version: it is compared again.
            out.append(r.EntriesWoken((tracked.entry_id,), f"version {news.entry.version} came late", now_ms))
            ask_by_entry(state, (tracked.entry_id,), now_ms, out)
    elif tracked.phase in _CAME_TO_NOTHING and news.approval.decided_at_ms < now_ms - state.policy.confirm_after_ms:
        # Approved long ago, taken back, and we hear of it only now: a person may have posted it meanwhile.
        ask_by_entry(state, (tracked.entry_id,), now_ms, out)


_CAME_TO_NOTHING = frozenset({Phase.SUPERSEDED, Phase.WAIVED})
"""Phases of an entry that is done, and of which we believe nothing to stand."""


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

    Where the ledger holds something else under our key, or a staged row is lost from sight, the park stays; where a
    person may have posted or mended by hand, the ledger is asked again. Returns whether either is so.
    """
    if tracked is None:
        return False
    park = tracked.park
    if park is not None and park.reason in _FOR_A_PERSON:
        out.append(parked(tracked.entry_id, version, park.reason, park.detail, now_ms))
    elif needs_a_look(tracked):
        ask_by_entry(state, (tracked.entry_id,), now_ms, out)
    else:
        return False
    return True


_FOR_A_PERSON = frozenset({"ledger_differs", "staged_lost"})
"""Parks that no news cures: what was sent may stand, or come to stand, and is not what we believe."""


def _period_published(state: State, news: n.PeriodPublished, now_ms: int, out: Records) -> None:
    period = news.period
    policy = state.policy
    if (period.entity, period.ledger, period.module) != (policy.entity, policy.ledger, policy.module):
        return
    known = state.calendar.find(period.name)
    if known is None or period.version > known.version:
        out.append(r.PeriodChanged(period))


def _rates_published(state: State, news: n.RatesPublished, now_ms: int, out: Records) -> None:
    newer = tuple(line for line in news.lines if state.card.is_news(line))
    if newer:
        out.append(r.RatesChanged(newer))


def _projects_published(state: State, news: n.ProjectsPublished, now_ms: int, out: Records) -> None:
    known = state.projects
    newer = tuple(p for p in news.projects if p.project not in known or p.version > known[p.project].version)
    if newer:
        out.append(r.ProjectsChanged(newer))


def _workers_published(state: State, news: n.WorkersPublished, now_ms: int, out: Records) -> None:
    known = state.workers
    newer = tuple(w for w in news.workers if w.worker not in known or w.version > known[w.worker].version)
    if newer:
        out.append(r.WorkersChanged(newer))


def _assignments_published(state: State, news: n.AssignmentsPublished, now_ms: int, out: Records) -> None:
    known = state.assignments
    newer = tuple(
        a for a in news.assignments if a.assignment_id not in known or a.version > known[a.assignment_id].version
    )
    if newer:
        out.append(r.AssignmentsChanged(newer))


def _configuration_published(state: State, news: n.ConfigurationPublished, now_ms: int, out: Records) -> None:
    """A newer configuration that can be read; the shell says to the sender what cannot."""
    if news.version <= state.head.configuration:
        return
    try:
        tuned(state.started_with, news.changes)
    except ValueError:
        return
    out.append(r.ConfigurationChanged(news.version, news.changes, news.who, news.why, now_ms))


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
        if any(_park_reason(state.entries[name]) == "period_held" for name in parked):
            # Whoever retries what a hold stops says that the hold is over; the ERP need not have published that.
            out.extend(r.HoldForgotten(name) for name in state.calendar.found_held)
        ask_by_entry(state, [name for name in parked if needs_a_look(state.entries[name])], now_ms, out)


def _park_reason(tracked: Tracked) -> str:
    return "" if tracked.park is None else tracked.park.reason


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
    if state.resting and state.resting[0][0] <= now_ms:
        out.append(r.EntriesRested(tuple(entry_id for until_ms, entry_id in state.resting if until_ms <= now_ms)))


def _wake(state: State, wake: str, now_ms: int, out: Records) -> None:
    """Let everything go on that waited for this event. What stood still for finance is confirmed before it is sent."""
    # By the time they were parked, which a new process knows as well as the old one.
    waiting = tuple(sorted(state.parked.get(wake, ()), key=lambda name: (_parked_ms(state.entries[name]), name)))
    out.append(r.EntriesWoken(waiting, wake, now_ms))
    ask_by_entry(state, [name for name in waiting if needs_a_look(state.entries[name])], now_ms, out)


def _parked_ms(tracked: Tracked) -> int:
    assert tracked.park is not None, f"{tracked.entry_id}: listed as parked and is not"
    return tracked.park.at_ms


def _permit_came(state: State, word: i.PermitCame, now_ms: int, out: Records) -> None:
    """Take from the head of the queue what cannot go with the next batch, each with its reason."""
    if not batch_due(state, now_ms):
        return
    policy = state.policy
    late_ms = now_ms - policy.confirm_after_ms
    line = first_in_line(state, policy.batch_max)
    unconfirmed: list[str] = []
    if any(_look_first(tracked, late_ms, now_ms) for tracked in line):
        # Where one waited so long, others behind it did: one question for as many as a look-up takes.
        longer = first_in_line(state, max(policy.batch_max, policy.lookup_max))
        unconfirmed = [tracked.entry_id for tracked in longer if _look_first(tracked, late_ms, now_ms)]
    for tracked in line:
        if _look_first(tracked, late_ms, now_ms):
            continue
        if tracked.refusals > policy.refusals_max:
            out.append(park(tracked, "erp_keeps_refusing", f"refused {tracked.refusals} times", now_ms))
            continue
        step = next_step(state, tracked)
        if isinstance(step, Rest):
            out.append(step.record)
        elif isinstance(step, Stay):
            out.append(park(tracked, step.reason, step.detail, now_ms))
        elif isinstance(step, Valuation):
            out.append(r.EntryValued(tracked.entry_id, step))
    ask_by_entry(state, unconfirmed, now_ms, out)


def _look_first(tracked: Tracked, late_ms: int, now_ms: int) -> bool:
    """Whether the ledger is asked before anything of the entry is sent or called done."""
    return _waited_too_long(tracked, late_ms) or _refused_for_now(tracked, now_ms)


def _waited_too_long(tracked: Tracked, late_ms: int) -> bool:
    """Whether a person may have posted the entry by hand: nothing of it stood for long, and nobody asked since."""
    return 0 < tracked.wants_since_ms < late_ms and tracked.confirmed_ms < late_ms


def _refused_for_now(tracked: Tracked, now_ms: int) -> bool:
    """Whether it has rested since a passing refusal, and nobody asked since.

    It goes on under a fresh key, because some ERPs answer a key that they refused with the same refusal for ever. A
    network that delivered the refused request a second time, after the lock was gone, has let it land under the old
    key by now: the rest is longer than a call may take.
    """
    return bool(tracked.refusals) and tracked.confirmed_ms < tracked.rests_until_ms <= now_ms


HEAR: dict[type, Callable[[State, Any, int, Records], None]] = {
    n.EntryApproved: _approved,
    n.EntryWithdrawn: _withdrawn,
    n.PeriodPublished: _period_published,
    n.RatesPublished: _rates_published,
    n.ProjectsPublished: _projects_published,
    n.WorkersPublished: _workers_published,
    n.AssignmentsPublished: _assignments_published,
    n.ConfigurationPublished: _configuration_published,
    n.MasterDataReady: _master_data,
    i.Waive: _waive,
    i.Retry: _retry,
    i.Pause: _pause,
    i.Resume: _resume,
    i.PermitCame: _permit_came,
    i.Sending: sending,
    i.Answered: answered,
    i.Restarted: restarted,
}
