"""Twins: the same change of a named function that a bug makes, without the harm. No oracle may alarm.

What they change is how something is done: how many at a time, in which order, how early, how often, and under which
name. What stands in the ledger in the end is the same, and whoever judges the way there has to see that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from hashlib import blake2b
from typing import Any

from runtime.core import records as r
from runtime.core.answers import Applied, Doubt, RowAnswer, Unknown
from runtime.core.effects import Effect, Fetch, LookUp, SendBatch, Status, TellPsa
from runtime.core.model import Correction, Posting, TimeEntry, Valuation
from runtime.core.pacing import AskFirst, SendAgain
from runtime.core.partition.due import Permits
from runtime.core.partition.state import State, Tracked
from runtime.core.periods import Calendar, Dated, Undated
from runtime.core.rating import RateCard
from runtime.ports import Request
from simulators.faults.bases import FaultData
from simulators.faults.business import ApprovalsTakenBack
from simulators.faults.letters import UnreadableEvents
from simulators.faults.maintenance import MaintenanceUnannounced
from simulators.faults.network import DuplicateRequest, LateLanding, LostReply, LostRequest
from simulators.faults.operator import BackfillAgain, PartitionPaused
from simulators.faults.process import BoundaryCrashes, RandomCrashes
from simulators.faults.quota import Throttling
from simulators.faults.rows import RowFailures
from simulators.faults.source import DuplicateEvent, MissingEvent, ReorderedEvent
from simulators.plants.plant import Plant
from simulators.plants.replace import Function
from simulators.settings import HOUR_MS, FinanceGate, LateMasterData

# ------------------------------------------------------------------ how many at a time


def _one_row_at_a_time(original: Function) -> Function:
    def first_in_line(state: State, most: int) -> list[Tracked]:
        line: list[Tracked] = original(state, 1)
        return line

    return first_in_line


def _one_name_a_question(original: Function) -> Function:
    def parts(names: tuple[Any, ...], most: int) -> list[tuple[Any, ...]]:
        return [(name,) for name in names]

    return parts


def _one_status_at_a_time(original: Function) -> Function:
    def statuses(state: State) -> tuple[Status, ...]:
        told: tuple[Status, ...] = original(state)
        return told[:1]

    return statuses


def _one_call_at_a_time(original: Function) -> Function:
    def wanted(state: State, now_ms: int) -> Permits:
        permits: Permits = original(state, now_ms)
        return Permits(min(permits.erp, 0 if state.calls else 1), permits.psa)

    return wanted


# ------------------------------------------------------------------ in which order


def _rows_backwards(original: Function) -> Function:
    def build(connector: Any, effect: Effect) -> Request:
        if isinstance(effect, SendBatch):
            effect = replace(effect, rows=effect.rows[::-1])
        elif isinstance(effect, LookUp):
            effect = replace(effect, names=effect.names[::-1])
        request: Request = original(connector, effect)
        return request

    return build


def _statuses_backwards(original: Function) -> Function:
    def build(connector: Any, effect: Effect) -> Request:
        if isinstance(effect, TellPsa):
            effect = replace(effect, statuses=effect.statuses[::-1])
        elif isinstance(effect, Fetch):
            effect = replace(effect, heads=effect.heads[::-1])
        request: Request = original(connector, effect)
        return request

    return build


def _answers_read_backwards(original: Function) -> Function:
    def rows_answered(
        state: State, call: Any, rows: tuple[RowAnswer, ...], now_ms: int, out: list[Any], asks: int
    ) -> None:
        original(state, call, rows[::-1], now_ms, out, asks)

    return rows_answered


def _events_backwards(original: Function) -> Function:
    def read_events(bodies: Iterable[bytes]) -> tuple[list[Any], list[Any]]:
        news, dead_letters = original(bodies)
        return news[::-1], dead_letters

    return read_events


def _woken_backwards(original: Function) -> Function:
    def wake(state: State, cause: str, now_ms: int, out: list[Any]) -> None:
        original(state, cause, now_ms, out)
        woken = next(record for record in out if isinstance(record, r.EntriesWoken))
        out[out.index(woken)] = replace(woken, entry_ids=woken.entry_ids[::-1])

    return wake


def _rates_backwards(original: Function) -> Function:
    def find_rate(card: RateCard, order: tuple[str, ...], *asked: Any) -> Any:
        backwards = {place: lines[::-1] for place, lines in reversed(card.lines.items())}
        return original(replace(card, lines=backwards), order, *asked)

    return find_rate


# ------------------------------------------------------------------ how early, and how late


def _never_lingers(original: Function) -> Function:
    def lingers_until(state: State) -> int | None:
        until_ms: int | None = original(state)
        return None if until_ms is None else until_ms - state.policy.linger_ms

    return lingers_until


def _waits_for_corrections(original: Function) -> Function:
    def lingers_until(state: State) -> int | None:
        until_ms: int | None = original(state)
        return None if until_ms is None else until_ms + HOUR_MS

    return lingers_until


def _waits_longer_after_silence(original: Function) -> Function:
    def after_silence(given_up_ms: int, late_landing_ms: int, lookup_lag_ms: int) -> AskFirst | SendAgain:
        answer: AskFirst | SendAgain = original(given_up_ms, 3 * late_landing_ms, 3 * lookup_lag_ms)
        return answer

    return after_silence


def _rests_longer(original: Function) -> Function:
    def back_off(times: int, first_ms: int, most_ms: int) -> int:
        rest_ms: int = original(times, first_ms, most_ms)
        return 2 * rest_ms

    return back_off


def _probes_less_often(original: Function) -> Function:
    def probe_rest(*asked: Any) -> int:
        rest_ms: int = original(*asked)
        return 3 * rest_ms

    return probe_rest


# ------------------------------------------------------------------ how often


def _reads_everything_twice(original: Function) -> Function:
    def read_events(bodies: Iterable[bytes]) -> tuple[list[Any], list[Any]]:
        news, dead_letters = original(bodies)
        return [*news, *news], dead_letters

    return read_events


def _recounts_twice_as_often(original: Function) -> Function:
    def recount_turned(state: State, record: r.RecountTurned) -> None:
        original(state, record)
        head = state.head
        if not record.next_page and head.recount_at_ms is not None:
            head.recount_at_ms = max(record.at_ms + 1, head.recount_at_ms - state.policy.recount_every_ms // 2)

    return recount_turned


def _recounts_from_the_start(original: Function) -> Function:
    def recount_turned(state: State, record: r.RecountTurned) -> None:
        original(state, record)
        state.head.recount_since_ms = 0

    return recount_turned


def _checkpoint_after_every_turn(original: Function) -> Function:
    def tidy(shell: Any) -> None:
        if shell.state.touched:
            shell.checkpoint()

    return tidy


def _recovers_twice(original: Function) -> Function:
    def recover(shell: Any) -> None:
        original(shell)
        original(shell)

    return recover


def _asks_before_every_first_send(original: Function) -> Function:
    def waited_too_long(tracked: Tracked, late_ms: int) -> bool:
        return 0 < tracked.wants_since_ms >= tracked.confirmed_ms

    return waited_too_long


def _looks_after_every_park(original: Function) -> Function:
    def needs_a_look(tracked: Tracked) -> bool:
        return tracked.park is not None or bool(original(tracked))

    return needs_a_look


def _replays_are_looked_up(original: Function) -> Function:
    def read_row(row: Any) -> RowAnswer:
        answer: RowAnswer = original(row)
        return Unknown(row.key, Doubt.DUPLICATE) if row.replayed and isinstance(answer, Applied) else answer

    return read_row


def _prices_without_memory(original: Function) -> Function:
    def value_entry(card: RateCard, *asked: Any) -> Any:
        card.priced.clear()
        card.valued.clear()
        return original(card, *asked)

    return value_entry


def _dates_without_memory(original: Function) -> Function:
    def accounting_date(calendar: Calendar, wanted: date) -> Dated | Undated:
        calendar.memo.clear()
        dated: Dated | Undated = original(calendar, wanted)
        return dated

    return accounting_date


# ------------------------------------------------------------------ under which name, and by which way


def _digests_for_keys(original: Function) -> Function:
    def effect_key(*facts: Any) -> str:
        *_, room, _folded = facts
        key: str = original(*facts)
        return blake2b(key.encode(), digest_size=min(20, room // 2)).hexdigest()

    return effect_key


def _words_move_the_ledger(original: Function) -> Function:
    def classify(standing: Posting, entry: TimeEntry, valuation: Valuation) -> Correction:
        found: Correction = original(standing, entry, valuation)
        return Correction.DIMENSION if found is Correction.NARRATIVE else found

    return classify


def _oldest_first(original: Function) -> Function:
    def queue_in_order(state: State, most: int) -> list[Tracked]:
        line: list[Tracked] = original(state, len(state.ready))
        return sorted(line, key=lambda tracked: (tracked.queued_ms, tracked.ticket))[:most]

    return queue_in_order


_SILENCE = (LostReply(ppm=50_000), LostRequest(ppm=50_000))
_RESTLESS = {"people.correction_ppm": 250_000, "people.withdrawal_ppm": 80_000}
_HELD = (FinanceGate(day="last", at="13:00", gate="held"), FinanceGate(day=32, at="09:00", gate="open"))


def _twin(
    name: str,
    story: str,
    replaces: str,
    change: Function,
    *faults: FaultData,
    profile: str = "error_not_stored",
    changes: Mapping[str, Any] | None = None,
) -> Plant:
    return Plant("T", name, story, replaces, change, "", faults, profile, changes or {})


PLANTS = (
    _twin(
        "one_row_at_a_time",
        "every batch has one row",
        "runtime.core.partition.queue:first_in_line",
        _one_row_at_a_time,
        *_SILENCE,
    ),
    _twin(
        "one_name_a_question",
        "the ledger is asked after one name at a time",
        "runtime.core.partition.answered:_parts",
        _one_name_a_question,
        *_SILENCE,
        profile="staging",
    ),
    _twin(
        "one_status_at_a_time",
        "the PSA is told of one entry at a time",
        "runtime.core.partition.due:_statuses",
        _one_status_at_a_time,
        ApprovalsTakenBack(ppm=200_000, day=32),
    ),
    _twin(
        "one_call_at_a_time",
        "no call starts while another one is on the wire",
        "runtime.core.partition.due:wanted",
        _one_call_at_a_time,
        *_SILENCE,
    ),
    _twin(
        "rows_backwards",
        "rows of a batch and names of a question go in reverse order",
        "runtime.connectors.erp.generic:GenericErp.build",
        _rows_backwards,
        RowFailures(ppm=50_000),
        LostReply(ppm=50_000),
        profile="atomic_unnamed",
    ),
    _twin(
        "statuses_backwards",
        "statuses are told in reverse order, and versions fetched in reverse order",
        "runtime.connectors.psa.generic:GenericPsa.build",
        _statuses_backwards,
        MissingEvent(ppm=100_000),
        changes=_RESTLESS,
    ),
    _twin(
        "answers_backwards",
        "the answers to a batch are read from the last to the first",
        "runtime.core.partition.answered:_rows_answered",
        _answers_read_backwards,
        RowFailures(ppm=50_000),
    ),
    _twin(
        "events_backwards",
        "the events of a delivery are read from the last to the first",
        "runtime.connectors.psa.generic:read_events",
        _events_backwards,
        ReorderedEvent(ppm=100_000),
        changes=_RESTLESS,
    ),
    _twin(
        "woken_backwards",
        "what waited for an event goes on from the last to the first",
        "runtime.core.partition.decide:_wake",
        _woken_backwards,
        changes={"gates": _HELD},
    ),
    _twin(
        "rates_backwards",
        "the rate card is searched from its end",
        "runtime.core.rating:find_rate",
        _rates_backwards,
        changes={"firm.amended_ppm": 500_000, "firm.amended_on": 30},
    ),
    _twin(
        "oldest_first",
        "the queue is served by how long an entry waits, not by its ticket",
        "runtime.core.partition.queue:queue_in_order",
        _oldest_first,
        Throttling(ppm=100_000),
    ),
    _twin(
        "never_lingers",
        "no row waits for others",
        "runtime.core.partition.queue:lingers_until",
        _never_lingers,
        *_SILENCE,
    ),
    _twin(
        "waits_for_corrections",
        "every row waits for an hour, so that a version that is corrected soon is never posted",
        "runtime.core.partition.queue:lingers_until",
        _waits_for_corrections,
        changes=_RESTLESS,
    ),
    _twin(
        "waits_longer_after_silence",
        "the ledger is asked three times as long after a silence",
        "runtime.core.pacing:after_silence",
        _waits_longer_after_silence,
        LateLanding(ppm=100_000, after_ms_low=60_000, after_ms_high=240_000),
        *_SILENCE,
        profile="none",
    ),
    _twin(
        "rests_longer",
        "every back-off is twice as long",
        "runtime.core.pacing:back_off",
        _rests_longer,
        RowFailures(ppm=100_000),
        Throttling(ppm=100_000),
    ),
    _twin(
        "probes_less_often",
        "a system that is down is probed a third as often",
        "runtime.core.account:_probe_rest",
        _probes_less_often,
        MaintenanceUnannounced(day="last", at="16:00"),
    ),
    _twin(
        "reads_everything_twice",
        "every event is read twice",
        "runtime.connectors.psa.generic:read_events",
        _reads_everything_twice,
        DuplicateEvent(ppm=100_000),
        BackfillAgain(day=32),
        changes=_RESTLESS,
    ),
    _twin(
        "recounts_twice_as_often",
        "the source is asked twice as often what it published",
        "runtime.core.partition.apply:_recount_turned",
        _recounts_twice_as_often,
        MissingEvent(ppm=100_000),
    ),
    _twin(
        "recounts_from_the_start",
        "every recount reaches back to the beginning",
        "runtime.core.partition.apply:_recount_turned",
        _recounts_from_the_start,
        MissingEvent(ppm=100_000),
        UnreadableEvents(ppm=50_000),
    ),
    _twin(
        "checkpoint_after_every_turn",
        "the journal is checkpointed after every turn",
        "runtime.drivers.shell:Shell.tidy",
        _checkpoint_after_every_turn,
        BoundaryCrashes(ppm=5_000),
        *_SILENCE,
    ),
    _twin(
        "recovers_twice",
        "a process that starts reads its journal twice",
        "runtime.drivers.shell:Shell.recover",
        _recovers_twice,
        RandomCrashes(ppm=300_000, draws=3),
    ),
    _twin(
        "asks_before_every_first_send",
        "the ledger is asked what stands of an entry before anything of it is sent",
        "runtime.core.partition.decide:_waited_too_long",
        _asks_before_every_first_send,
        *_SILENCE,
    ),
    _twin(
        "looks_after_every_park",
        "the ledger is asked after every park, whoever owned it",
        "runtime.core.partition.aside:needs_a_look",
        _looks_after_every_park,
        changes={"late_master_data": LateMasterData(ppm=300_000, after_ms=6 * 24 * HOUR_MS)},
    ),
    _twin(
        "replays_are_looked_up",
        "an answer that the ERP gives a second time is looked up in the ledger",
        "runtime.connectors.erp.generic:_read_row",
        _replays_are_looked_up,
        DuplicateRequest(ppm=100_000),
        LateLanding(ppm=100_000, after_ms_low=60_000, after_ms_high=240_000),
        *_SILENCE,
    ),
    _twin(
        "prices_without_memory",
        "every price is worked out anew",
        "runtime.core.rating:value_entry",
        _prices_without_memory,
        changes={"firm.amended_ppm": 500_000, "firm.amended_on": 30},
    ),
    _twin(
        "dates_without_memory",
        "every accounting date is worked out anew",
        "runtime.core.periods:accounting_date",
        _dates_without_memory,
        changes={"firm.close_after_working_days": 0},
    ),
    _twin(
        "digests_for_keys",
        "keys are digests of the same facts",
        "runtime.core.keys:effect_key",
        _digests_for_keys,
        *_SILENCE,
    ),
    _twin(
        "words_move_the_ledger",
        "a version that changes the narrative alone is reversed and posted anew",
        "runtime.core.corrections:classify",
        _words_move_the_ledger,
        PartitionPaused(day="last", at="16:00"),
        changes=_RESTLESS,
    ),
)
"""None of these may ever alarm. Their number is T: they are in no catalogue of bugs."""
