"""Bugs of time, money, the ERP's business and repair are found by the oracle that each declares; twins alarm nobody."""

import pytest

from scenarios.choose import with_plant
from scenarios.proofs import TWO_RUNS, isolation, not_held, plant_run, twin_run
from scenarios.small import small_world, swarm_world
from simulators.faults.bases import FaultData
from simulators.faults.business import ApprovalsTakenBack
from simulators.faults.network import LostReply
from simulators.faults.operator import BackfillAgain, PartitionPaused, WrongConfiguration
from simulators.faults.periods import PeriodClosingMidBatch
from simulators.faults.process import BoundaryCrashes, RandomCrashes
from simulators.plants import h_time, i_money, j_erp_business, k_repair
from simulators.plants.catalogue import NOT_YET, PLANTS, TWINS
from simulators.run import simulate

OURS = tuple(plant.name for section in (h_time, i_money, j_erp_business, k_repair) for plant in section.PLANTS)
SEEDS = range(1, 4)
"""How often each is caught, `springtide mutants` says: in more than half of the seeds (measured over 20)."""


@pytest.mark.parametrize("plant", OURS)
def test_a_bug_is_caught_by_its_own_oracle(plant: str) -> None:
    """In one of three seeds at least, and the bug is reached in it."""
    runs = (plant_run(small_world(), plant, seed) for seed in SEEDS)
    assert any(run.caught and run.reached for run in runs)


@pytest.mark.parametrize("plant", OURS)
def test_without_the_bug_nothing_is_wrong(plant: str) -> None:
    """The misfortunes and settings that a bug needs violate nothing by themselves."""
    for seed in SEEDS[:1]:
        outcome = simulate(with_plant(small_world(), PLANTS[plant]), seed)
        assert (seed, not_held(outcome), outcome.unsettled, outcome.reached) == (seed, (), [], 0)


@pytest.mark.parametrize("twin", sorted(TWINS))
def test_a_twin_alarms_nobody(twin: str) -> None:
    """Another way to do the same thing is no finding, whatever else goes wrong."""
    runs = [twin_run(twin, seed) for seed in range(2)]
    assert [(run.seed, run.alarms) for run in runs if run.alarms] == []
    assert sum(run.reached for run in runs)


def test_there_are_enough_twins_and_none_is_a_bug() -> None:
    """At least twenty ways to do the same thing; a bug declares an oracle and a twin does not."""
    assert len(TWINS) >= 20
    assert not any(twin.caught_by for twin in TWINS.values())
    assert all(plant.caught_by for plant in PLANTS.values())
    assert not TWINS.keys() & PLANTS.keys()


def test_every_bug_of_these_sections_is_planted_or_has_no_ground() -> None:
    """What the catalogue lists of time, money, business and repair is here, or says why not."""
    listed = {"H": (1, 3, 4, 6), "I": (1, 2, 3, 4, 6), "J": (1, 2, 3, 4, 6, 8, 9), "K": (1, 2, 3, 5, 6)}
    numbers = {plant.number for plant in PLANTS.values()}
    wanted = [f"{section}{number}" for section, some in listed.items() for number in some]
    assert [number for number in wanted if number not in numbers and number not in NOT_YET] == []
    assert not numbers & NOT_YET.keys()


def test_what_befalls_one_entity_changes_nothing_for_another() -> None:
    """S16 and L4: with one entity's processes dying and its period closing, the other one's books are the same."""
    here = ("DE01",)
    faults: tuple[FaultData, ...] = (
        LostReply(ppm=200_000, entities=here),
        RandomCrashes(ppm=500_000, draws=3, entities=here),
        BoundaryCrashes(ppm=20_000, entities=here),
        PartitionPaused(entities=here),
        PeriodClosingMidBatch(entities=here),
        ApprovalsTakenBack(ppm=200_000, entities=here),
        BackfillAgain(entities=here),
        WrongConfiguration(entities=here),
    )
    for seed in SEEDS:
        held, _ = isolation(small_world(), faults, "DE01", seed)
        assert [each.id for each in held] == list(TWO_RUNS)
        assert [(each.id, each.examples[:1]) for each in held if each.violations] == []


def test_errors_that_cancel_leave_the_total_right() -> None:
    """K5: a reconciler that compares totals would see at most one minor unit, where every line is wrong."""
    outcomes = [simulate(small_world(), 1, plant=plant) for plant in ("", "errors_that_cancel")]
    wrong = next(held for held in outcomes[1].held if held.id == "S2b")
    assert wrong.violations > 50
    assert not_held(outcomes[0]) == ()


def test_small_months_happen_all_over_the_calendar() -> None:
    """c4, c5, b5: among the seeds are weeks in which clocks change, the year or February ends, and prices change."""
    firms = [swarm_world(seed).firm for seed in range(200)]
    assert {firm.month for firm in firms} == {"2026-03", "2026-10", "2026-12", "2027-02", "2028-02"}
    assert {region for firm in firms for region in firm.region_shares} == {"EMEA", "AMER", "APAC", "LATAM"}
    assert 20 < sum(firm.amended_ppm > 0 for firm in firms) < 80
