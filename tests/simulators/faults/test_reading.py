"""What is wrong with the list that a source shows, and with the stamps that it goes by."""

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from simulators.faults.bases import HOUR_MS, FaultData, ReadingFault
from simulators.faults.reading import (
    ClearedField,
    EqualStamps,
    LateCommit,
    PageDrift,
    Readings,
    ShortPage,
    SourceClockBehind,
    UnbumpedStamp,
)
from simulators.faults.weather import Weather
from simulators.settings import DAY_MS, RuntimeSettings, WorldSettings

SURE = 1_000_000
CALM_MS = 10 * DAY_MS
ENTRIES = [f"TS-{number}" for number in range(2_000)]


def readings(*faults: FaultData, seed: int = 1, may: Callable[[str], bool] = lambda _: True) -> Readings:
    """These faults, asked until day ten; `may` says of a kind whether it may strike."""
    return Readings(faults, seed, CALM_MS, lambda kind, what, at_ms: may(kind))


def test_nothing_wrong_is_no_question() -> None:
    """Without such a fault, or with none that can strike, nobody needs to ask."""
    assert not readings().any
    assert not readings(ShortPage(ppm=0)).any
    assert readings(ShortPage(ppm=1)).any


def test_a_late_commit_shows_late_under_its_old_stamp_and_is_not_pushed() -> None:
    """The row has the stamp of when it was written, shows after its delay, and no event is sent."""
    asked = readings(LateCommit(ppm=SURE, delay_ms_low=5_000, delay_ms_high=5_000))

    assert asked.published("DE01", "TS-1", 1, 1_000, None) == (1_000, 6_000, False)
    assert asked.published("DE01", "TS-1", 1, CALM_MS, None) == (CALM_MS, CALM_MS, True)


def test_a_stamp_that_is_not_bumped_is_that_of_the_version_before() -> None:
    """A newer version keeps the older stamp and is not pushed; a first version has nothing to keep."""
    asked = readings(UnbumpedStamp(ppm=SURE))

    assert asked.published("DE01", "TS-1", 2, 9_000, 1_000) == (1_000, 9_000, False)
    assert asked.published("DE01", "TS-1", 1, 9_000, None) == (9_000, 9_000, True)


def test_a_clock_is_behind_for_a_whole_day() -> None:
    """All that an entity publishes on one day is behind alike, shows at once, and is pushed."""
    asked = readings(SourceClockBehind(ppm=500_000, behind_ms_low=1, behind_ms_high=HOUR_MS))

    behind: list[int] = []
    for day in range(9):
        found = {
            at_ms - asked.published("DE01", entry, 1, at_ms, None)[0]
            for entry, at_ms in (("TS-1", day * DAY_MS + 1), ("TS-2", (day + 1) * DAY_MS - 1))
        }
        assert len(found) == 1
        behind += found
    assert 0 in behind
    assert len(set(behind)) > 2


def test_page_drift_moves_the_begin_either_way_and_stays_within_the_list() -> None:
    """A page begins up to `rows_max` rows early or late, never before the first row or behind the last."""
    asked = readings(PageDrift(ppm=SURE, rows_max=3))
    begins = [asked.start("DE01", f"0/{number}", 50, 100, 0) for number in range(100)]

    assert set(begins) == {47, 48, 49, 51, 52, 53}
    assert {asked.start("DE01", f"1/{number}", 1, 2, 0) for number in range(50)} == {0, 2}
    assert asked.start("DE01", "2/0", 50, 100, CALM_MS) == 50


def test_a_cut_between_equal_stamps_is_one() -> None:
    """The last row shown and the first that is not have the same stamp; without such a pair the page is whole."""
    asked = readings(EqualStamps(ppm=SURE))
    stamps = [1, 2, 2, 3, 4, 4, 4, 5]

    ends = {asked.end("DE01", f"0/{number}", stamps, 7, 0) for number in range(50)}

    assert ends == {2, 5, 6}
    assert asked.end("DE01", "1/0", [1, 2, 3], 3, 0) == 3


def test_a_short_page_shows_at_least_one_row_and_not_all() -> None:
    """Paging goes on: every page brings something."""
    asked = readings(ShortPage(ppm=SURE))

    assert {asked.end("DE01", f"0/{number}", range(5), 5, 0) for number in range(50)} == {1, 2, 3, 4}
    assert asked.end("DE01", "1/0", range(1), 1, 0) == 1
    assert asked.end("DE01", "1/1", range(5), 5, CALM_MS) == 5


def test_a_page_is_wrong_once() -> None:
    """Whoever asks for the same page again gets it as it should be, so that paging cannot go round in circles."""
    asked = readings(ShortPage(ppm=SURE), PageDrift(ppm=SURE))

    assert asked.start("DE01", "0/9", 50, 100, 0) != 50
    assert asked.end("DE01", "0/9", range(20), 20, 0) < 20
    assert asked.start("DE01", "0/9", 50, 100, 0) == 50
    assert asked.end("DE01", "0/9", range(20), 20, 0) == 20


def test_what_may_not_strike_does_not() -> None:
    """A shrunk run names the only strikes allowed: every other row, stamp and page is as it should be."""
    asked = readings(
        LateCommit(ppm=SURE),
        UnbumpedStamp(ppm=SURE),
        SourceClockBehind(ppm=SURE),
        ClearedField(ppm=SURE),
        PageDrift(ppm=SURE),
        EqualStamps(ppm=SURE),
        ShortPage(ppm=SURE),
        may=lambda _: False,
    )

    assert asked.published("DE01", "TS-1", 2, 5_000, 1_000) == (5_000, 5_000, True)
    assert not asked.cleared("DE01", "TS-1", 2, 5_000)
    assert asked.start("DE01", "0/9", 50, 100, 0) == 50
    assert asked.end("DE01", "0/9", [1, 1, 1], 3, 0) == 3


@pytest.mark.parametrize(
    "fault", [LateCommit(ppm=100_000), UnbumpedStamp(ppm=100_000), ClearedField(ppm=100_000)], ids=lambda f: f.kind
)
def test_a_tenth_of_versions_is_about_a_tenth(fault: ReadingFault) -> None:
    """With 100,000 ppm between 7.5 % and 12.5 % of 2,000 versions are struck (3.7 standard deviations)."""
    asked = readings(fault, seed=7)

    struck = sum(
        asked.cleared("DE01", entry, 2, 9) or asked.published("DE01", entry, 2, 9, 1)[2] is False for entry in ENTRIES
    )

    assert 150 <= struck <= 250


def test_leaving_a_kind_out_shifts_no_other() -> None:
    """Which versions come late does not depend on what else may befall them."""
    late = LateCommit(ppm=100_000)
    alone, among = readings(late), readings(UnbumpedStamp(ppm=100_000), ShortPage(ppm=SURE), late)

    for entry in ENTRIES:
        if not alone.published("DE01", entry, 1, 9, None)[2]:
            assert among.published("DE01", entry, 1, 9, None) == alone.published("DE01", entry, 1, 9, None)
    assert sum(not alone.published("DE01", entry, 1, 9, None)[2] for entry in ENTRIES) > 100


def test_an_entity_that_is_not_meant_is_left_alone() -> None:
    """Of two of one kind the first listed that covers the entity decides."""
    asked = readings(ShortPage(ppm=SURE, entities=("DE01",)))

    assert asked.end("DE01", "0/1", range(9), 9, 0) < 9
    assert asked.end("FR01", "0/1", range(9), 9, 0) == 9


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ({"kind": "late_commit", "ppm": 1, "delay_ms_low": 2, "delay_ms_high": 1}, "above delay_ms_high"),
        ({"kind": "source_clock_behind", "ppm": 1, "behind_ms_low": 2, "behind_ms_high": 1}, "above behind_ms_high"),
        ({"kind": "source_clock_behind", "ppm": 1, "behind_ms_high": 3 * HOUR_MS}, "further than recounts overlap"),
        ({"kind": "late_commit", "ppm": 1}, "only a full recount is sure to find it"),
        ({"kind": "unbumped_stamp", "ppm": 1}, "only a full recount"),
        ({"kind": "page_drift", "ppm": 1}, "only a full recount"),
        ({"kind": "schema_drift"}, "only a full recount"),
        ({"kind": "bulk_edit"}, "only a full recount"),
    ],
)
def test_a_world_that_could_not_heal_is_refused(fault: dict[str, object], complaint: str) -> None:
    """What the overlap cannot reach, or what needs full recounts where there are none, is turned down."""
    with pytest.raises(ValidationError, match=complaint):
        WorldSettings.model_validate({"faults": [fault]})


def test_a_world_with_full_recounts_takes_them_all() -> None:
    """What only a full recount finds is fair where there is one."""
    run = RuntimeSettings(full_recount_every_ms=DAY_MS)
    faults = (LateCommit(ppm=1), UnbumpedStamp(ppm=1), PageDrift(ppm=1), SourceClockBehind(ppm=1))

    assert WorldSettings(runtime=run, faults=faults).faults == faults
    assert Weather(faults, seed=1).readings.any
