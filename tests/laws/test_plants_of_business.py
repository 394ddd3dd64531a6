"""Bugs of time, money, the ERP's business and repair are found by the oracle that each declares; twins alarm nobody."""

from scenarios.isolation import TWO_RUNS, isolation
from scenarios.small import small_world, swarm_world
from simulators.faults.bases import FaultData
from simulators.faults.business import ApprovalsTakenBack
from simulators.faults.network import LostReply
from simulators.faults.operator import BackfillAgain, PartitionPaused, WrongConfiguration
from simulators.faults.periods import PeriodClosingMidBatch
from simulators.faults.process import BoundaryCrashes, RandomCrashes
from simulators.plants import h_time, i_money, j_erp_business, k_repair
from simulators.plants.catalogue import NOT_YET, PLANTS
from simulators.run import not_held, simulate

OURS = tuple(plant.name for section in (h_time, i_money, j_erp_business, k_repair) for plant in section.PLANTS)
SEEDS = range(1, 4)
"""How often each is caught, `springtide mutants` says: in more than half of the seeds (measured over 20)."""


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
