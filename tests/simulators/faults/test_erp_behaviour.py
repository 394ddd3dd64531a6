"""What an ERP does that no contract promises: results left out or mixed up, no numbers, late readers, wrong twins."""

from typing import Any

import pytest

from simulators.faults.bookkeeping import LaggingReads, NumberRangeExhausted
from simulators.faults.moves import ExhaustNumbers, LagReads, MovePeriod
from simulators.faults.periods import PeriodClosingMidBatch
from simulators.faults.weather import Weather
from simulators.systems.erp import Erp
from simulators.systems.erp_profile import Idempotency
from tests.simulators.faults.test_calendar import BERLIN, march, utc
from tests.simulators.systems.an_erp import HOUR_MS, Bench, profile, reversal, row

ALL = 1_000_000
MINUTE_MS = 60_000
ROWS = [row(f"TS-{number}") for number in range(8)]


class Watched(Bench):
    """The same, with an account of what struck; strikes that are not allowed do not happen."""

    def __init__(self, calm_ms: int = 1 << 62, allowed: bool = True, **settings: Any) -> None:
        super().__init__(profile(**settings))
        self.strikes: list[str] = []

        def strike(kind: str, what: str, at_ms: int) -> bool:
            if allowed:
                self.strikes.append(f"{kind}:{what}")
            return allowed

        self.erp = Erp(
            profile(**settings),
            "erp-1",
            1,
            {"DE01": self.evidence},
            self.account,
            {"DE01": ["P1"]},
            {"DE01": ["W1"]},
            strike,
            calm_ms,
        )
        self.period("open", 0)
        self.log_in(0)


@pytest.mark.parametrize(("served_ppm", "stand"), [(ALL, 8), (0, 0)])
def test_a_success_may_say_nothing_of_its_rows(served_ppm: int, stand: int) -> None:
    """Rows without a result were served or were not, as drawn, and each strike names its row and its attempt."""
    bench = Watched(answers_missing_ppm=ALL, answers_missing_served_ppm=served_ppm)
    assert bench.post(*ROWS) == []
    assert len(bench.look_up(*[each["key"] for each in ROWS])) == bench.standing == stand
    bench.post(ROWS[0])
    assert bench.strikes[0] == "missing_answers:TS-0/1/post/1"
    assert bench.strikes[-1] == "missing_answers:TS-0/1/post/2"


def test_some_results_are_missing_and_the_others_are_right() -> None:
    """Where only some results are left out, the others belong to the rows that they name."""
    bench = Watched(answers_missing_ppm=400_000)
    answers = bench.post(*ROWS)
    assert 0 < len(answers) == 8 - len(bench.strikes) < 8
    lines = {line.key: line.line_id for line in bench.evidence.lines}
    assert {answer["key"]: answer["ledger_id"] for answer in answers}.items() <= lines.items()


def test_an_atomic_batch_is_served_whole() -> None:
    """All or nothing: a row without a result stands like its neighbours, or the batch would be in two parts."""
    bench = Watched(answers_missing_ppm=500_000, answers_missing_served_ppm=0, batch_mode="atomic")
    assert len(bench.post(*ROWS)) < 8
    assert bench.standing == 8


def test_results_come_in_another_order() -> None:
    """The same results, not in the order of the rows; a look-up is mixed up likewise."""
    bench = Watched(answers_reordered_ppm=ALL)
    keys = [each["key"] for each in ROWS]
    answers = [answer["key"] for answer in bench.post(*ROWS)]
    lines = [line["key"] for line in bench.look_up(*keys)]
    assert sorted(answers) == sorted(lines) == keys
    assert answers != keys != lines
    assert bench.strikes == ["reordered_answers:post/TS-0/1/post/1", "reordered_answers:look_up/TS-0/1/post/1"]


def test_what_looks_alike_is_called_a_duplicate_under_every_key() -> None:
    """The ERP's own check knows the content and not our key; nothing stands, and a reversal looks like nothing else."""
    bench = Watched(alike_ppm=ALL)
    other_key = row("TS-1", key="TS-1/1/post/2")
    assert [bench.post(one)[0]["status"] for one in (row("TS-1"), other_key)] == ["duplicate", "duplicate"]
    assert bench.post(reversal(row("TS-1")))[0]["reason"] == "nothing_to_reverse"
    assert bench.standing == 0
    assert bench.strikes == ["own_duplicate_check:TS-1/1"]
    assert bench.evidence.refused_rows["TS-1"] == {"duplicate", "nothing_to_reverse"}


@pytest.mark.parametrize(
    "settings", [{"answers_missing_ppm": ALL}, {"answers_reordered_ppm": ALL}, {"alike_ppm": ALL}], ids=str
)
@pytest.mark.parametrize("quiet", [{"calm_ms": 0}, {"allowed": False}], ids=str)
def test_nothing_strikes_in_the_calm_or_unasked(settings: dict[str, Any], quiet: dict[str, Any]) -> None:
    """After the calm, and where the strike is not among those allowed, an ERP answers every row in its place."""
    answers = Watched(**quiet, **settings).post(*ROWS)
    assert [(answer["key"], answer["status"]) for answer in answers] == [(each["key"], "posted") for each in ROWS]


@pytest.mark.parametrize("idempotency", [each for each in Idempotency if each is not Idempotency.ASYNC_JOB])
def test_without_numbers_every_new_row_is_refused_for_a_while(idempotency: Idempotency) -> None:
    """The refusal is one that passes, and definite: a copy of the call right after the window meets it too."""
    bench = Watched(idempotency=idempotency.value)
    bench.erp.exhaust_numbers(HOUR_MS, 2 * HOUR_MS)
    assert bench.post(row("TS-0"))[0]["status"] == "posted"
    late_ms = 2 * HOUR_MS - 1
    answer = bench.post(row("TS-1"), at_ms=late_ms)[0]
    assert (answer["status"], answer["reason"], answer["detail"]) == (
        "refused",
        "locked",
        "the number range is exhausted",
    )
    assert bench.post(row("TS-1"), at_ms=late_ms + 29_999)[0]["status"] == "refused"
    assert bench.post(row("TS-1", key="TS-1/1/post/2"), at_ms=late_ms + 30_000)[0]["status"] == "posted"
    assert bench.standing == 2


def test_without_numbers_a_known_key_is_still_a_replay() -> None:
    """Numbers are given to new documents; who asks again for one that stands hears its number."""
    bench = Watched()
    first = bench.post(row())[0]
    bench.erp.exhaust_numbers(HOUR_MS, 2 * HOUR_MS)
    again = bench.post(row(), at_ms=HOUR_MS)[0]
    assert (again["status"], again["ledger_id"]) == ("posted", first["ledger_id"])


def test_without_numbers_a_staged_row_is_rejected_at_its_turn() -> None:
    """What was accepted before the window and is due in it is rejected; a look-up says why."""
    bench = Watched(staging={"shortest_ms": 60_000, "longest_ms": 60_000, "rejected_ppm": 0})
    assert bench.post(row())[0]["status"] == "staged"
    bench.erp.exhaust_numbers(30_000, HOUR_MS)
    line = bench.look_up(row()["key"], at_ms=HOUR_MS)[0]
    assert (line["status"], line["reason"]) == ("rejected", "locked")
    assert bench.standing == 0


@pytest.mark.parametrize("usual_ms", [0, 5_000])
def test_readers_are_further_behind_in_a_window(usual_ms: int) -> None:
    """What comes to stand in the window shows after its lag, what came before and after it after the usual one."""
    bench = Watched(read_lag_ms=usual_ms)
    bench.erp.lag_reads(HOUR_MS, 2 * HOUR_MS, 10 * MINUTE_MS)
    cases = (("A", HOUR_MS - 1, usual_ms), ("B", HOUR_MS, 10 * MINUTE_MS), ("C", 2 * HOUR_MS, usual_ms))
    for entry, at_ms, lag_ms in cases:
        bench.post(row(entry), at_ms=at_ms)
        if lag_ms:
            assert bench.look_up(row(entry)["key"], at_ms=at_ms + lag_ms - 1) == []
        assert len(bench.look_up(row(entry)["key"], at_ms=at_ms + lag_ms)) == 1


def test_a_staged_row_that_lands_in_the_window_does_not_vanish() -> None:
    """A row that could be read while it was staged can be read when it has landed."""
    bench = Watched(staging={"shortest_ms": HOUR_MS, "longest_ms": HOUR_MS, "rejected_ppm": 0})
    bench.post(row())
    bench.erp.lag_reads(MINUTE_MS, 2 * HOUR_MS, 10 * MINUTE_MS)
    assert [bench.look_up(row()["key"], at_ms=at_ms)[0]["status"] for at_ms in (HOUR_MS - 1, HOUR_MS)] == [
        "staged",
        "posted",
    ]


def test_windows_of_the_erp_open_on_each_accounts_own_clock() -> None:
    """Exhausted numbers and lagging readers begin at the local hour and end by themselves."""
    at_ms = utc("2026-03-31 15:00")
    numbers = NumberRangeExhausted(lasts_ms=HOUR_MS).schedule(march(BERLIN), 1)
    assert numbers == [ExhaustNumbers(at_ms, "number_range_exhausted", at_ms + HOUR_MS, "erp-eu")]
    lag = LaggingReads(at="17:00", lasts_ms=HOUR_MS, lag_ms=5).schedule(march(BERLIN), 1)
    assert lag == [LagReads(at_ms, "lagging_reads", at_ms + HOUR_MS, "erp-eu", 5)]


def test_the_worst_lag_is_part_of_what_is_declared() -> None:
    """A run is told by how much look-ups may lag at worst; without the fault by nothing more than usual."""
    assert Weather([LaggingReads(lag_ms=7), LaggingReads(lag_ms=3)], seed=1).read_lag_ms == 7
    assert Weather([], seed=1).read_lag_ms == 0


def test_a_period_may_close_again_after_it_was_reopened() -> None:
    """Finance opens the books for an hour and shuts them for good; only the openings heal."""
    fault = PeriodClosingMidBatch(module="ledger", reopens_after_ms=HOUR_MS, closes_again_after_ms=MINUTE_MS)
    moves = fault.schedule(march(BERLIN), 1)
    at_ms = utc("2026-03-31 15:30")
    assert [(move.at_ms - at_ms, move.status, move.heals) for move in moves if isinstance(move, MovePeriod)] == [
        (0, "closed", False),
        (HOUR_MS, "open", True),
        (HOUR_MS + MINUTE_MS, "closed", False),
    ]
    with pytest.raises(ValueError, match="never re-opens"):
        PeriodClosingMidBatch(reopens_after_ms=None, closes_again_after_ms=1)


def test_a_row_nobody_can_read_keeps_its_answer_beside_rows_that_were_not_served() -> None:
    """A malformed row is refused by name even where every readable neighbour is passed over."""
    bench = Watched(answers_missing_ppm=ALL, answers_missing_served_ppm=0)
    answers = bench.post(row("TS-1"), row("TS-2") | {"version": "two"}, row("TS-3"))
    assert [(answer["key"], answer["reason"]) for answer in answers] == [("TS-2/1/post", "invalid")]
    assert bench.standing == 0
