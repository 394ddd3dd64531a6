"""Bugs of section K, dead letters, exceptions and repair: what was set aside, and what came of it."""

from dataclasses import replace
from typing import Any

from runtime.core import inputs as i
from runtime.core import records as r
from runtime.core.answers import Applied, RowAnswer
from runtime.core.model import Posting, Valuation
from runtime.core.news import EntryApproved
from runtime.core.partition.aside import park
from runtime.core.partition.state import OpenCall, State, Tracked
from runtime.core.partition.steps import Go
from simulators.faults.letters import UnreadableEvents
from simulators.faults.network import LostReply
from simulators.faults.operator import BackfillAgain, PartitionPaused, WrongConfiguration
from simulators.faults.rows import RowFailures
from simulators.plants.plant import Plant
from simulators.plants.replace import Function
from simulators.settings import DAY_MS, HOUR_MS, FinanceGate, LateMasterData


def _newest_is_what_came_last(original: Function) -> Function:
    """What is replayed is new: it has not been heard, so it is taken for the entry as it now is."""

    def approved(state: State, news: EntryApproved, now_ms: int, out: list[Any]) -> None:
        tracked = state.entries.get(news.entry.entry_id)
        if tracked is None or tracked.heard >> news.entry.version & 1 or tracked.latest < news.entry.version:
            original(state, news, now_ms, out)
        else:
            out.append(r.EntryReceived(news.entry, news.approval, None, now_ms))

    return approved


def _swept_too_early(original: Function) -> Function:
    """A sweeper moves what has been staged for more than one look to the exceptions; the import is only slow."""

    def keys_looked_up(
        state: State, call: OpenCall, ask: Any, lines: Any, now_ms: int, out: list[Any]
    ) -> tuple[str, ...]:
        still_open: tuple[str, ...] = original(state, call, ask, lines, now_ms, out)
        swept = (state.entries[state.keys[key]] for key in still_open)
        out.extend(park(tracked, "staged_lost", "no word for too long", now_ms) for tracked in swept)
        return ()

    return keys_looked_up


def _retention_ends(original: Function) -> Function:
    """What nobody has looked at for half a day is dropped from the exceptions."""

    def look_around(state: State, now_ms: int, out: list[Any]) -> None:
        original(state, now_ms, out)
        if not out:
            for names in state.parked.values():
                for entry_id in names:
                    parked = state.entries[entry_id].park
                    if parked is not None and parked.at_ms < now_ms - DAY_MS // 2:
                        out.append(r.EntryWaived(entry_id, "retention", "older than twelve hours"))

    return look_around


def _errors_that_cancel(original: Function) -> Function:
    """Each second line has a minor unit less and the one after it one more: every total is right."""
    turn = 0

    def new_posting(state: State, tracked: Tracked, go: Go, valuation: Valuation | None) -> Posting:
        nonlocal turn
        posting: Posting = original(state, tracked, go, valuation)
        turn += 1
        return replace(posting, cost_minor=posting.cost_minor + (1 if turn % 2 else -1))

    return new_posting


def _partial_is_complete(original: Function) -> Function:
    """An answer that names fewer rows than were sent is an answer to all of them."""

    def rows_answered(
        state: State, call: OpenCall, rows: tuple[RowAnswer, ...], now_ms: int, out: list[Any], asks: int
    ) -> None:
        named = {row.key for row in rows}
        unnamed = tuple(Applied(key, "") for key in call.names if key not in named)
        original(state, call, (*rows, *unnamed), now_ms, out, asks)

    return rows_answered


def _wakes_the_first(original: Function) -> Function:
    """An event wakes the entry that waited longest for it, and the others are for the next event."""

    def wake(state: State, cause: str, now_ms: int, out: list[Any]) -> None:
        original(state, cause, now_ms, out)
        first = out[0]
        assert isinstance(first, r.EntriesWoken)
        out[0] = replace(first, entry_ids=first.entry_ids[:1])
        out[1:] = []

    return wake


def _retries_unheard(original: Function) -> Function:
    """A retry is for rows that the ERP refused; others are passed over without a word."""

    def retry(state: State, command: i.Retry, now_ms: int, out: list[Any]) -> None:
        refused = tuple(name for name in command.entry_ids if name in state.entries and state.entries[name].refusals)
        original(state, replace(command, entry_ids=refused), now_ms, out)

    return retry


def _replay_is_an_amendment(original: Function) -> Function:
    """An event that comes again is an amendment, and gets the next number."""
    heard: dict[str, int] = {}

    def read_approval(*read: Any) -> EntryApproved:
        news: EntryApproved = original(*read)
        name, version = news.entry.entry_id, news.entry.version
        before = heard.get(name, 0)
        heard[name] = max(before, version) if version > before else before + 1
        return EntryApproved(replace(news.entry, version=heard[name]), news.approval)

    return read_approval


def _pause_stops_everybody(original: Function) -> Function:
    """Whether postings are paused is asked of the process."""
    paused: dict[str, bool] = {}

    def batch_due(state: State, now_ms: int) -> bool:
        paused[state.policy.entity] = state.head.paused
        return not any(paused.values()) and bool(original(state, now_ms))

    return batch_due


_HELD = (FinanceGate(day="last", at="13:00", gate="held"), FinanceGate(day=32, at="09:00", gate="open"))

PLANTS = (
    Plant(
        number="K1",
        name="replayed_as_newest",
        story="a dead letter that is replayed after a newer version is taken for the entry as it now is",
        replaces="runtime.core.partition.decide:_approved",
        bug=_newest_is_what_came_last,
        caught_by="S2b",
        faults=(UnreadableEvents(ppm=500_000, replayed_ms_low=HOUR_MS, replayed_ms_high=3 * DAY_MS),),
        # The recount would fetch most letters before anybody replays them.
        changes={"people.second_thoughts_ppm": 500_000, "runtime.recount_every_ms": 4 * DAY_MS},
        wild="an article on the order of dead letters, systemoverflow",
    ),
    Plant(
        number="K2",
        name="swept_too_early",
        story="rows whose import is slow are swept into the exceptions, and land afterwards",
        replaces="runtime.core.partition.answered:_keys_looked_up",
        bug=_swept_too_early,
        # That a park is false is what shows first; the row in two places, later.
        caught_by="S8x",
        profile="staging",
        wild="django-vtasks: 801 false entries among the dead letters",
    ),
    Plant(
        number="K3",
        name="retention_ends",
        story="what is parked for longer than half a day is dropped without a person",
        replaces="runtime.core.partition.decide:_look_around",
        bug=_retention_ends,
        caught_by="S2",
        changes={"late_master_data": LateMasterData(ppm=400_000, after_ms=12 * DAY_MS)},
        wild="queues that keep dead letters for 14 days",
    ),
    Plant(
        number="K5",
        name="errors_that_cancel",
        story="one line is a minor unit too high and the next one too low, so that every total is right",
        replaces="runtime.core.partition.steps:_new_posting",
        bug=_errors_that_cancel,
        # The bug of the catalogue is a reconciler that compares totals; ours has to see this one, entry by entry.
        caught_by="S2b",
    ),
    Plant(
        number="K6",
        name="partial_is_complete",
        story="an answer that names fewer rows than were sent is taken for an answer to all of them",
        replaces="runtime.core.partition.answered:_rows_answered",
        bug=_partial_is_complete,
        caught_by="S7",
        faults=(LostReply(ppm=300_000, calls=("post",)), RowFailures(ppm=200_000)),
        profile="error_stored",
        changes={"erp.batch_mode": "atomic"},
        wild="PerformanceMonitor#2448: half a set read as all of it",
    ),
    Plant(
        number="K20",
        name="wakes_the_first",
        story="an event wakes one of the rows that waited for it, and the others wait for ever",
        replaces="runtime.core.partition.decide:_wake",
        bug=_wakes_the_first,
        caught_by="L7",
        changes={"gates": _HELD},
    ),
    Plant(
        number="K21",
        name="retries_unheard",
        story="a person retries what was parked, and nothing happens to what the ERP had never refused",
        replaces="runtime.core.partition.decide:_retry",
        bug=_retries_unheard,
        caught_by="L7",
        faults=(WrongConfiguration(day="last", at="09:00", what="must_know", lasts_ms=12 * HOUR_MS),),
    ),
    Plant(
        number="K22",
        name="replay_is_an_amendment",
        story="an event that comes a second time is taken for an amendment and gets the next number",
        replaces="runtime.connectors.psa.generic:read_approval",
        bug=_replay_is_an_amendment,
        caught_by="S6",
        faults=(BackfillAgain(day=33),),
    ),
    Plant(
        number="K23",
        name="pause_stops_everybody",
        story="an operator pauses one partition, and every partition of the process stands still",
        replaces="runtime.core.partition.queue:batch_due",
        bug=_pause_stops_everybody,
        # Nothing is lost and nothing is wrong: only those who have nothing to do with it wait.
        caught_by="L4",
        faults=(PartitionPaused(entities=("DE01",), day="last", at="14:00", lasts_ms=8 * HOUR_MS),),
    ),
)
