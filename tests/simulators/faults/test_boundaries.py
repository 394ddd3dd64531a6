"""Processes that die next to a durable boundary, or beside a call."""

from simulators.faults.process import STEPS, BoundaryCrashes, CallCrashes, CrashAtBoundary, CrashAtCall
from simulators.faults.verdicts import Die
from simulators.faults.weather import Weather


def test_the_named_boundary_and_no_other() -> None:
    """A crash at a boundary strikes there, on the side it names, once for each entity that it covers."""
    weather = Weather([CrashAtBoundary(boundary=3, when="after", entities=("DE01",))], seed=1)

    assert [weather.boundary("DE01", index, 0) for index in range(1, 6)] == [None, None, "after", None, None]
    assert [weather.boundary("FR01", index, 0) for index in range(1, 6)] == [None] * 5
    assert weather.fired == {"crash_at_boundary": 1}


def test_a_named_frame_is_torn() -> None:
    """A crash at a boundary may be one in the middle of the frame."""
    weather = Weather([CrashAtBoundary(boundary=2, when="torn")], seed=1)

    assert [weather.boundary("DE01", index, 0) for index in range(1, 4)] == [None, "torn", None]


def test_the_named_step_of_the_named_call_and_no_other() -> None:
    """A crash at a call strikes at one step of it: leaving, checked, sent or heard."""
    for meant in STEPS:
        weather = Weather([CrashAtCall(call=2, step=meant, entities=("DE01",))], seed=1, calm_after_ms=0)
        struck = [(call, step) for call in (1, 2, 3) for step in STEPS if weather.step(step, "DE01", call, 0) == Die()]
        assert struck == [(2, meant)]
        assert [weather.step(step, "FR01", 2, 0) for step in STEPS] == [None] * len(STEPS)
        assert weather.strikes == [(0, f"crash_at_call:DE01/2/{meant}")]


def test_chance_strikes_before_a_call_or_after_it() -> None:
    """Of calls beside which a process dies by chance it is before one half, and when the answer has come the other."""
    weather = Weather([CallCrashes(ppm=1_000_000)], seed=1)
    died = [step for call in range(1, 2_001) for step in STEPS if weather.step(step, "DE01", call, 0) is not None]
    assert len(died) == 2_000
    assert set(died) == {"leaving", "heard"}
    assert 900 <= died.count("heard") <= 1_100


def test_chance_strikes_as_often_as_it_says_and_on_both_sides() -> None:
    """Always at 1,000,000 ppm, never at 0, about a tenth at 100,000, before and after alike."""

    def sides(ppm: int) -> list[str]:
        weather = Weather([BoundaryCrashes(ppm=ppm)], seed=4)
        found = [weather.boundary("DE01", index, 0) for index in range(1, 5_001)]
        assert weather.fired["boundary_crashes"] == sum(side is not None for side in found)
        return [side for side in found if side is not None]

    assert len(sides(1_000_000)) == 5_000
    assert sides(0) == []
    assert 425 <= len(sides(100_000)) <= 575
    assert 2_300 <= sides(1_000_000).count("before") <= 2_700


def test_calm_ends_crashes() -> None:
    """From `calm_after_ms` on no process dies at a boundary by chance; at a boundary that was named it does."""
    weather = Weather([BoundaryCrashes(ppm=1_000_000)], seed=1, calm_after_ms=1_000)

    assert weather.boundary("DE01", 1, 999) is not None
    assert weather.boundary("DE01", 2, 1_000) is None
    named = Weather([CrashAtBoundary(boundary=2, when="before")], seed=1, calm_after_ms=1_000)
    assert named.boundary("DE01", 2, 1_000) == "before"
