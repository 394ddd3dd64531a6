"""What befalls events on their way from the PSA."""

import pytest

from simulators.chance import chance
from simulators.faults.source import ON_TIME, DuplicateEvent, Fates, MissingEvent, ReorderedEvent
from simulators.faults.weather import Weather

SURE = 1_000_000
Kind = type[MissingEvent] | type[DuplicateEvent] | type[ReorderedEvent]
KINDS: list[Kind] = [MissingEvent, DuplicateEvent, ReorderedEvent]
ENTRIES = [f"TS-{number}" for number in range(5_000)]


@pytest.mark.parametrize("kind", KINDS)
def test_certainty_strikes_always_and_zero_never(kind: Kind) -> None:
    """With 1,000,000 ppm every event is struck, with 0 none."""
    sure, never = Weather([kind(ppm=SURE)], seed=1), Weather([kind(ppm=0)], seed=1)

    assert all(sure.event("DE01", entry, 1, 0) != ON_TIME for entry in ENTRIES[:500])
    assert all(never.event("DE01", entry, 1, 0) == ON_TIME for entry in ENTRIES[:500])
    assert list(sure.fired.values()) == [500]
    assert list(never.fired.values()) == [0]
    assert sure.disturbs_events
    assert not never.disturbs_events


@pytest.mark.parametrize("kind", KINDS)
def test_a_tenth_is_about_a_tenth(kind: Kind) -> None:
    """With 100,000 ppm between 8.5 % and 11.5 % of 5,000 events are struck (3.5 standard deviations)."""
    weather = Weather([kind(ppm=100_000)], seed=7)

    struck = sum(weather.event("DE01", entry, 1, 0) != ON_TIME for entry in ENTRIES)

    assert 425 <= struck <= 575


def test_each_kind_of_delivery_is_what_it_says() -> None:
    """Missing is no delivery, doubled is two with a gap, late is one with a delay, late and doubled is both."""
    doubled = DuplicateEvent(ppm=SURE, gap_ms_low=5_000, gap_ms_high=5_000)
    late = ReorderedEvent(ppm=SURE, delay_ms_low=60_000, delay_ms_high=60_000)

    assert Fates([MissingEvent(ppm=SURE), doubled, late], "DE01", 1).of("TS-1", 1) == ((), ("missing_event",))
    assert Fates([doubled], "DE01", 1).of("TS-1", 1) == ((0, 5_000), ("duplicate_event",))
    assert Fates([late], "DE01", 1).of("TS-1", 1) == ((60_000,), ("reordered_event",))
    assert Fates([doubled, late], "DE01", 1).of("TS-1", 1)[0] == (60_000, 65_000)


@pytest.mark.parametrize("dropped", KINDS)
def test_leaving_a_kind_out_shifts_no_other(dropped: Kind) -> None:
    """Who is struck by a kind, and how hard, does not depend on which other kinds are there."""
    faults = [kind(ppm=150_000) for kind in KINDS]
    everything = Weather(faults, seed=5)
    fewer = Weather([fault for fault in faults if type(fault) is not dropped], seed=5)
    alone = Weather([fault for fault in faults if type(fault) is dropped], seed=5)

    for entry in ENTRIES:
        before, after = everything.event("DE01", entry, 1, 0), fewer.event("DE01", entry, 1, 0)
        if alone.event("DE01", entry, 1, 0) == ON_TIME:
            assert before == after
    assert min(alone.fired.values()) > 0
    assert min(everything.fired.values()) > 500, "kinds must not strike the same events"


def test_of_two_of_a_kind_the_first_that_covers_decides() -> None:
    """An entity may have a weather of its own, listed before everybody's."""
    weather = Weather([MissingEvent(ppm=SURE, entities=("DE01",)), MissingEvent(ppm=1)], seed=1)

    assert weather.event("DE01", "TS-1", 1, 0) == ()
    assert weather.event("FR01", "TS-1", 1, 0) == ON_TIME


def test_the_draw_is_chance_itself() -> None:
    """The number that decides is `chance` of the event's names, cut into 20 bits for each kind."""
    weather = Weather([MissingEvent(ppm=500_000)], seed=42)

    for entry in ENTRIES[:500]:
        missing = chance(42, "fault/event", "DE01", entry, 3) % (1 << 20) < 1 << 19
        assert (weather.event("DE01", entry, 3, 0) == ()) == missing


def test_versions_and_entities_have_their_own_fate() -> None:
    """Another version, or the same in another entity, is another draw; an entity that is not named is left alone."""
    weather = Weather([MissingEvent(ppm=500_000)], seed=2)
    fates = [
        [weather.event(entity, entry, version, 0) for entry in ENTRIES[:100]]
        for entity, version in (("DE01", 1), ("DE01", 2), ("FR01", 1))
    ]
    only = Weather([MissingEvent(ppm=SURE, entities=("DE01",))], seed=2)

    assert fates[0] != fates[1] != fates[2] != fates[0]
    assert only.event("DE01", "TS-1", 1, 0) == ()
    assert only.event("FR01", "TS-1", 1, 0) == ON_TIME


def test_calm_ends_chance() -> None:
    """From `calm_after_ms` on every event comes as it should."""
    weather = Weather([MissingEvent(ppm=SURE)], seed=1, calm_after_ms=1_000)

    assert weather.event("DE01", "TS-1", 1, 999) == ()
    assert weather.event("DE01", "TS-1", 1, 1_000) == ON_TIME
