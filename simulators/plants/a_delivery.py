"""Bugs of section A, delivery: what was done is done again, or what was not done is called done."""

from dataclasses import replace
from typing import Any

from runtime.core import records as r
from runtime.core.answers import Applied, CallAnswer, LineFound, Refused, RowAnswer, RowsAnswered, TurnedAway
from runtime.core.effects import Effect, SendBatch
from runtime.core.inputs import Answered, Restarted
from runtime.core.model import Leg
from runtime.core.partition import Permits
from runtime.core.partition.moves import ON_THE_WAY
from runtime.core.partition.state import Ask, OpenCall, State, Tracked, status_of
from runtime.core.records import Record
from simulators.faults.network import LostReply, LostRequest
from simulators.faults.process import BoundaryCrashes
from simulators.faults.quota import Throttling
from simulators.faults.rows import MissingAnswers, ReorderedAnswers
from simulators.plants.plant import Plant
from simulators.plants.replace import Function
from simulators.settings import DAY_MS, HOUR_MS, FinanceGate, LateMasterData

Records = list[Record]


def _repeat_after_a_crash(original: Function) -> Function:
    """A2: what was on the wire when the process died goes back into the queue, as if it had not left."""

    def restarted(state: State, word: Restarted, now_ms: int, out: Records) -> None:
        made: Records = []
        original(state, word, now_ms, made)
        posts = {key for call in state.calls.values() if call.kind == "post" for key in call.names}
        for record in made:
            if isinstance(record, r.RowsDoubted) and posts.issuperset(record.keys):
                out.append(r.RowsReturned(record.keys, None))
            else:
                out.append(record)

    return restarted


def _done_before_the_call(original: Function) -> Function:
    """A3: rows are marked as applied when their call is about to leave; what comes back interests nobody."""

    def start(shell: Any, permits: Permits, now_ms: int) -> list[Effect]:
        effects: list[Effect] = original(shell, permits, now_ms)
        for effect in effects:
            if isinstance(effect, SendBatch):
                done = tuple(Applied(row.posting.key, "") for row in effect.rows)
                shell.turn((Answered(effect.call_id, RowsAnswered(done)),), now_ms)
        return effects

    return start


def _all_for_one(original: Function) -> Function:
    """A8: one refused row makes the whole batch count as refused; its neighbours are made anew."""

    def rows_answered(
        state: State, call: OpenCall, rows: tuple[RowAnswer, ...], now_ms: int, out: Records, asks: int
    ) -> None:
        bad = next((row for row in rows if isinstance(row, Refused)), None)
        if bad is not None:
            rows = tuple(Refused(key, bad.reason, bad.detail) for key in call.names)
        original(state, call, rows, now_ms, out, asks)

    return rows_answered


def _nack_for_ack(original: Function) -> Function:
    """A9: a call that was turned away counts as handed over."""

    def batch_answered(state: State, call: OpenCall, answer: CallAnswer, now_ms: int, out: Records, asks: int) -> None:
        if isinstance(answer, TurnedAway):
            answer = RowsAnswered(tuple(Applied(key, "") for key in call.names))
        original(state, call, answer, now_ms, out, asks)

    return batch_answered


def _posted_when_sent(original: Function) -> Function:
    """A10: whoever asks about an entry whose row is on its way is told "posted"."""

    def status_of(entry: Tracked) -> tuple[int, str, str] | None:
        intent = entry.intent
        if entry.phase in ON_THE_WAY and intent is not None and intent.posting.leg is Leg.POST:
            return intent.posting.version, "posted", ""
        status: tuple[int, str, str] | None = original(entry)
        return status

    return status_of


def _by_position(original: Function) -> Function:
    """A20: the first result is taken for the first row's, whatever key it names."""

    def rows_answered(
        state: State, call: OpenCall, rows: tuple[RowAnswer, ...], now_ms: int, out: Records, asks: int
    ) -> None:
        placed = tuple(replace(row, key=key) for key, row in zip(call.names, rows, strict=False))
        placed = tuple(replace(row, as_read="") if isinstance(row, Applied) else row for row in placed)
        original(state, call, placed, now_ms, out, asks)

    return rows_answered


def _no_news_is_good_news(original: Function) -> Function:
    """A21: in a success, rows without a result count as applied."""

    def rows_answered(
        state: State, call: OpenCall, rows: tuple[RowAnswer, ...], now_ms: int, out: Records, asks: int
    ) -> None:
        named = {row.key for row in rows}
        silent = tuple(Applied(key, "") for key in call.names if key not in named)
        original(state, call, (*rows, *silent), now_ms, out, asks)

    return rows_answered


def _only_what_was_answered(original: Function) -> Function:
    """A22: the loop over the results forgets the rows that have none; they stay in flight for ever."""

    def rows_answered(
        state: State, call: OpenCall, rows: tuple[RowAnswer, ...], now_ms: int, out: Records, asks: int
    ) -> None:
        named = {row.key for row in rows}
        heard = replace(call, names=tuple(key for key in call.names if key in named))
        original(state, heard, rows, now_ms, out, asks)

    return rows_answered


def _nothing_found_is_done(original: Function) -> Function:
    """A23: a row that was in doubt and is not in the ledger is taken for one that somebody has archived."""

    def keys_looked_up(
        state: State, call: OpenCall, ask: Ask, lines: tuple[LineFound, ...], now_ms: int, out: Records
    ) -> tuple[str, ...]:
        made: Records = []
        still_open: tuple[str, ...] = original(state, call, ask, lines, now_ms, made)
        for record in made:
            if isinstance(record, r.RowsFoundMissing):
                posts = [key for key in record.keys if _leg_of(state, key) is Leg.POST]
                rest = tuple(key for key in record.keys if key not in posts)
                out.append(r.RowsApplied(tuple((key, "") for key in posts), now_ms))
                out.extend([replace(record, keys=rest)] if rest else [])
            else:
                out.append(record)
        return still_open

    return keys_looked_up


def _lines_by_position(original: Function) -> Function:
    """A24: the first line of a look-up is taken for the first row asked after, and the next for the next."""

    def keys_looked_up(
        state: State, call: OpenCall, ask: Ask, lines: tuple[LineFound, ...], now_ms: int, out: Records
    ) -> tuple[str, ...]:
        placed = []
        for key, line in zip(ask.names, lines, strict=False):
            placed.append(replace(line, key=key, fingerprint=""))
        still_open: tuple[str, ...] = original(state, call, ask, tuple(placed), now_ms, out)
        return still_open

    return keys_looked_up


def _doubt_is_a_case(original: Function) -> Function:
    """A25: a row that was in doubt and stands is a person's case, since nobody heard that it was posted."""

    def keys_looked_up(
        state: State, call: OpenCall, ask: Ask, lines: tuple[LineFound, ...], now_ms: int, out: Records
    ) -> tuple[str, ...]:
        if ask.why is not None:
            lines = tuple(replace(line, fingerprint="unheard") for line in lines)
        still_open: tuple[str, ...] = original(state, call, ask, lines, now_ms, out)
        return still_open

    return keys_looked_up


def _leg_of(state: State, key: str) -> Leg | None:
    intent = state.entries[state.keys[key]].intent
    return None if intent is None else intent.posting.leg


def _told_once(original: Function) -> Function:
    """Whether the status is news is asked, and of which version it is, is not."""

    def note_status(state: State, entry: Tracked, at_ms: int) -> None:
        status = status_of(entry)
        if status is not None and status[1] == entry.told_status:
            state.untold.pop(entry.entry_id, None)
        else:
            original(state, entry, at_ms)

    return note_status


def _parked_is_parked(original: Function) -> Function:
    """Version and status are compared, and the reason is not."""

    def note_status(state: State, entry: Tracked, at_ms: int) -> None:
        status = status_of(entry)
        if status is not None and status[:2] == (entry.told_version, entry.told_status):
            state.untold.pop(entry.entry_id, None)
        else:
            original(state, entry, at_ms)

    return note_status


PLANTS = (
    Plant(
        number="A2",
        name="repeat_after_a_crash",
        story="what was on the wire when a process died is sent again by its successor, without a question",
        replaces="runtime.core.partition.answered:restarted",
        bug=_repeat_after_a_crash,
        caught_by="S1",
        faults=(BoundaryCrashes(ppm=100_000), LostReply(ppm=400_000, calls=("post",))),
        profile="none",
        changes={"runtime.batch_max": 3},
        wild="Azure/azure-sdk issue 724; FoundationDB's commit_unknown_result",
    ),
    Plant(
        number="A3",
        name="done_before_the_call",
        story="rows are marked as posted when their call leaves, so that a failed call loses them",
        replaces="runtime.drivers.shell:Shell.start",
        bug=_done_before_the_call,
        caught_by="S2",
        faults=(LostRequest(ppm=100_000, calls=("post",)),),
        changes={"runtime.batch_max": 3},
        wild="kimai/kimai#2917: exported although saving the invoice failed",
    ),
    Plant(
        number="A8",
        name="all_for_one",
        story="one refused row makes the whole batch count as refused, and its good rows go again under new keys",
        replaces="runtime.core.partition.answered:_rows_answered",
        bug=_all_for_one,
        caught_by="S1",
        # The projects are there an hour after the burst: sooner than the ledger is asked about what waits.
        changes={"late_master_data": LateMasterData(ppm=200_000, after_ms=(7 * 24 + 18) * HOUR_MS)},
        wild="redpanda connect#4675, the other way round",
    ),
    Plant(
        number="A9",
        name="nack_for_ack",
        story="a batch that was turned away at the door counts as handed over",
        replaces="runtime.core.partition.answered:_batch_answered",
        bug=_nack_for_ack,
        caught_by="S2",
        faults=(Throttling(ppm=100_000),),
        changes={"runtime.batch_max": 3},
        wild="redpanda connect#4675: a nack treated like an ack",
    ),
    Plant(
        number="A10",
        name="posted_when_sent",
        story="the PSA is told that a row is posted while nobody knows whether it is",
        replaces="runtime.core.partition.state:status_of",
        bug=_posted_when_sent,
        caught_by="S13",
        faults=(LostRequest(ppm=400_000, calls=("post",)),),
        changes={"people.correction_ppm": 500_000, "runtime.late_landing_ms": 3_600_000},
        wild="frappe/erpnext#39227: the status is not what the ledger says",
    ),
    Plant(
        number="A20",
        name="results_by_position",
        story="results are matched with rows by their place in the answer and not by their key",
        replaces="runtime.core.partition.answered:_rows_answered",
        bug=_by_position,
        caught_by="S14",
        faults=(ReorderedAnswers(ppm=500_000),),
    ),
    Plant(
        number="A21",
        name="no_news_is_good_news",
        story="rows of which a success says nothing count as posted",
        replaces="runtime.core.partition.answered:_rows_answered",
        bug=_no_news_is_good_news,
        caught_by="S2",
        faults=(MissingAnswers(ppm=50_000, served_ppm=0),),
    ),
    Plant(
        number="A22",
        name="only_what_was_answered",
        story="rows of which a success says nothing are forgotten, and stay in flight",
        replaces="runtime.core.partition.answered:_rows_answered",
        bug=_only_what_was_answered,
        caught_by="L1",
        faults=(MissingAnswers(ppm=50_000),),
    ),
    Plant(
        number="A23",
        name="nothing_found_is_done",
        story="a row in doubt that the ledger does not show is taken for one that was posted and put away",
        replaces="runtime.core.partition.answered:_keys_looked_up",
        bug=_nothing_found_is_done,
        caught_by="S2",
        faults=(LostRequest(ppm=100_000, calls=("post",)),),
        changes={"runtime.batch_max": 3},
    ),
    Plant(
        number="A24",
        name="lines_by_position",
        story="lines of a look-up are matched with rows by their place in the answer and not by their key",
        replaces="runtime.core.partition.answered:_keys_looked_up",
        bug=_lines_by_position,
        caught_by="S14",
        faults=(LostReply(ppm=400_000, calls=("post",)), ReorderedAnswers(ppm=1_000_000)),
    ),
    Plant(
        number="A25",
        name="doubt_is_a_case",
        story="a posted row whose answer was lost is handed to a person, who finds nothing wrong with it",
        replaces="runtime.core.partition.answered:_keys_looked_up",
        bug=_doubt_is_a_case,
        caught_by="S8x",
        faults=(LostReply(ppm=300_000, calls=("post",)),),
    ),
    Plant(
        number="A30",
        name="told_once",
        story="the PSA was told that the entry is posted, so that a later version which is posted is no news to it",
        replaces="runtime.core.partition.state:note_status",
        bug=_told_once,
        caught_by="S13",
        changes={"people.correction_ppm": 400_000},
    ),
    Plant(
        number="A31",
        name="parked_is_parked",
        story="what is parked for another reason than before keeps the old one in the PSA, and that was mended",
        replaces="runtime.core.partition.state:note_status",
        bug=_parked_is_parked,
        caught_by="L7",
        # What finance held is set free, and then the ERP does not know its project.
        changes={
            "gates": (FinanceGate(day=30, at="09:00", gate="held"), FinanceGate(day="last", at="18:45", gate="open")),
            "late_master_data": LateMasterData(ppm=400_000, after_ms=30 * DAY_MS),
        },
    ),
)
