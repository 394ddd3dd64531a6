"""The catalogue: what a scenario may say, and handfuls of faults that nobody thought of."""

from datetime import date
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from simulators.faults.bases import RowFault
from simulators.faults.kinds import FAULT_KINDS, NOT_BUILT, AnyFault, Fault, draw_random_subset
from simulators.faults.moves import BY_CHANCE, strikes
from simulators.faults.rows import MissingAnswers, OwnDuplicateCheck, ReorderedAnswers, RowFailures, StagedRejections
from simulators.faults.wall_time import Month
from simulators.faults.weather import Weather
from simulators.firm.model import LegalEntity, PeriodPlan
from simulators.systems.erp_profile import ErpProfile, Staging
from simulators.world import profile_under

SCENARIO: TypeAdapter[tuple[AnyFault, ...]] = TypeAdapter(tuple[Fault, ...])


def month() -> Month:
    """March 2026 for one legal entity."""
    entity = LegalEntity("DE01", "EMEA", "DE", "EUR", "Europe/Berlin", "erp", "psa")
    first, last = date(2026, 3, 1), date(2026, 3, 31)
    period = PeriodPlan("DE01", "projects", "2026-03", first, last, "open", "open")
    return Month(1_772_323_200_000, 1_775_001_600_000, first, last, (entity,), (period,))


def test_every_fault_says_what_it_is() -> None:
    """Every kind is told apart by its name and its mark, and says what ends it and what it must not break."""
    marks = [each.mark.letter for each in FAULT_KINDS.values()]

    assert len(set(marks)) == len(marks) == len(FAULT_KINDS)
    for kind, each in FAULT_KINDS.items():
        assert each.__doc__
        assert each.healing.endswith(".")
        assert each.breaks_nothing.startswith("S")
        assert each.model_fields["kind"].default == kind


def test_a_scenario_file_comes_back_as_it_was() -> None:
    """Faults written as JSON and read again are the same faults, whatever their kind."""
    everything = draw_random_subset(1, share_ppm=1_000_000)

    assert [fault.kind for fault in everything] == list(FAULT_KINDS)
    assert SCENARIO.validate_json(SCENARIO.dump_json(everything)) == everything


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ({"kind": "lost_reply", "pmm": 5, "ppm": 5}, "pmm"),
        ({"kind": "lost_rely", "ppm": 5}, "lost_rely"),
        ({"ppm": 5}, "kind"),
        ({"kind": "lost_reply"}, "ppm"),
        ({"kind": "lost_reply", "ppm": 1_000_001}, "1000000"),
        ({"kind": "lost_reply", "ppm": -1}, "greater than or equal to 0"),
        ({"kind": "lost_reply", "ppm": 5, "calls": ["pots"]}, "post"),
        ({"kind": "late_landing", "ppm": 5, "after_ms_low": 2, "after_ms_high": 1}, "above after_ms_high"),
        ({"kind": "duplicate_event", "ppm": 5, "gap_ms_low": 2, "gap_ms_high": 1}, "above gap_ms_high"),
        ({"kind": "reordered_event", "ppm": 5, "delay_ms_low": 2, "delay_ms_high": 1}, "above delay_ms_high"),
        ({"kind": "maintenance_announced", "at": "24:00"}, "pattern"),
        ({"kind": "maintenance_announced", "at": 1320}, "string"),
        ({"kind": "maintenance_announced", "day": 0}, "greater than or equal to 1"),
        ({"kind": "maintenance_announced", "day": "lats"}, "last"),
        ({"kind": "crash_at_boundary", "boundary": 0, "when": "before"}, "greater than or equal to 1"),
    ],
)
def test_a_typo_is_refused(fault: dict[str, Any], complaint: str) -> None:
    """A field, a kind or a value that does not exist is refused, with a word about what is wrong."""
    with pytest.raises(ValidationError, match=complaint):
        SCENARIO.validate_python([fault])


def test_faults_do_not_change() -> None:
    """A fault is frozen data."""
    with pytest.raises(ValidationError, match="frozen"):
        RowFailures(ppm=5).ppm = 6


ROW_FAULTS: dict[type[RowFault], str] = {
    RowFailures: "locked_ppm",
    StagedRejections: "staging.rejected_ppm",
    MissingAnswers: "answers_missing_ppm",
    ReorderedAnswers: "answers_reordered_ppm",
    OwnDuplicateCheck: "alike_ppm",
}
"""What befalls rows, and the manner of an ERP that it sets."""


@pytest.mark.parametrize("ppm", [7, 1_000_000])
def test_rows_are_handed_to_the_erp(ppm: int) -> None:
    """Faults of rows are manners of the mock ERP, each its own; together they set all of them."""
    plain = ErpProfile(name="plain", staging=Staging())
    assert set(ROW_FAULTS) == {each for each in FAULT_KINDS.values() if issubclass(each, RowFault)}
    assert profile_under(plain, Weather([], seed=1)) == plain

    whole = profile_under(plain, Weather([kind(ppm=ppm) for kind in ROW_FAULTS], seed=1))  # type: ignore[call-arg]  # each kind is told by its class
    for kind, manner in ROW_FAULTS.items():
        assert _said(whole, manner) == ppm
        alone = profile_under(plain, Weather([kind(ppm=ppm)], seed=1))  # type: ignore[call-arg]  # likewise
        assert {name for name in ROW_FAULTS.values() if _said(alone, name) == ppm} == {manner}


def _said(profile: ErpProfile, manner: str) -> int:
    where: Any = profile
    for name in manner.split("."):
        where = getattr(where, name)
    assert isinstance(where, int)
    return where


def test_only_an_erp_that_stages_rejects_later() -> None:
    """Rejections of staged rows change nothing about an ERP that posts at once."""
    plain = ErpProfile(name="plain")
    assert profile_under(plain, Weather([StagedRejections(ppm=7)], seed=1)) == plain


def test_what_cannot_be_simulated_yet_says_why() -> None:
    """A fault of the guide that has no kind has a reason, in a sentence."""
    assert all(why.endswith(".") and len(why) > 40 for why in NOT_BUILT.values())
    assert not set(NOT_BUILT) & set(FAULT_KINDS)


AFTERWARDS = ("backfill_again", "approvals_taken_back", "parked_rows_worked")
"""Kinds that also come after the days given, since they are about what is past by then. What chance brings on any day
of the run (`BY_CHANCE`) is ended by the calm."""


def test_handfuls_reach_every_kind_and_keep_within_bounds() -> None:
    """Over 100 seeds every kind comes up, no two handfuls are alike, and none breaks what the runtime declares."""
    handfuls = [draw_random_subset(seed, last_day=12) for seed in range(100)]
    for seed, faults in enumerate(handfuls):
        weather = Weather(faults, seed, deadline_ms=30_000, late_landing_ms=120_000)
        last_ms = month().start_ms + 13 * 86_400_000
        bound = [m for m in weather.moves(month()) if strikes(m) and not isinstance(m, BY_CHANCE)]
        assert all(m.at_ms < last_ms for m in bound if m.kind not in AFTERWARDS)

    assert {fault.kind for faults in handfuls for fault in faults} == set(FAULT_KINDS)
    assert len({SCENARIO.dump_json(faults) for faults in handfuls}) == 100
    mean = sum(len(faults) for faults in handfuls) / 100
    assert 0.35 <= mean / len(FAULT_KINDS) <= 0.45, "each kind is in with a share of 40 %"


def test_a_kind_is_drawn_alike_whoever_else_is_there() -> None:
    """The same seed draws the same fault of a kind in a small handful as in a full one."""
    for seed in range(20):
        full = draw_random_subset(seed, share_ppm=1_000_000)
        assert all(fault in full for fault in draw_random_subset(seed, share_ppm=300_000))


def test_a_kind_can_be_left_out_of_a_handful() -> None:
    """A kind that the target cannot bear stays out, and everything else is drawn as before."""
    full = draw_random_subset(3, share_ppm=1_000_000)
    fewer = draw_random_subset(3, share_ppm=1_000_000, without=("duplicate_request",))

    assert fewer == tuple(fault for fault in full if fault.kind != "duplicate_request")


def test_kinds_are_drawn_apart() -> None:
    """Numbers of one kind say nothing about those of another: two kinds of outage seldom share a day and a time."""
    same = 0
    for seed in range(50):
        drawn = {fault.kind: fault.model_dump() for fault in draw_random_subset(seed, share_ppm=1_000_000)}
        announced, unannounced = drawn["maintenance_announced"], drawn["maintenance_unannounced"]
        same += (announced["day"], announced["at"]) == (unannounced["day"], unannounced["at"])

    assert same < 5


def test_strength_scales_probabilities() -> None:
    """Half the strength is half the probability; none at all makes every chance fault idle."""
    full, half, idle = (
        draw_random_subset(3, share_ppm=1_000_000, strength_ppm=strength) for strength in (1_000_000, 500_000, 0)
    )

    for strong, weak, none in zip(full, half, idle, strict=True):
        if "ppm" in type(strong).model_fields:
            assert weak.model_dump()["ppm"] == strong.model_dump()["ppm"] // 2
            assert none.model_dump()["ppm"] == 0
