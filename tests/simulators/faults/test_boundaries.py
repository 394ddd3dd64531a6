"""Processes that die next to a durable boundary."""

from simulators.faults.process import BoundaryCrashes, CrashAtBoundary
from simulators.faults.weather import Weather


def test_the_named_boundary_and_no_other() -> None:
    """A crash at a boundary strikes there, on the side it names, once for each entity that it covers."""
    weather = Weather([CrashAtBoundary(boundary=3, when="after", entities=("DE01",))], seed=1)

    assert [weather.boundary("DE01", index, 0) for index in range(1, 6)] == [None, None, "after", None, None]
    assert [weather.boundary("FR01", index, 0) for index in range(1, 6)] == [None] * 5
    assert weather.fired == {"crash_at_boundary": 1}


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
