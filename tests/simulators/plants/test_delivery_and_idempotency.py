"""Bugs of delivery and idempotency are caught by the oracles that they declare, and their worlds alarm nobody else."""

import pytest

from scenarios.choose import with_plant
from scenarios.proofs import not_held, plant_run
from scenarios.small import small_world
from simulators.plants import a_delivery, b_idempotency
from simulators.plants.plant import Plant
from simulators.run import simulate

SEEDS = range(1, 6)
PLANTS = [
    pytest.param(plant, id=f"{plant.number}-{plant.name}") for plant in (*a_delivery.PLANTS, *b_idempotency.PLANTS)
]


@pytest.mark.parametrize("plant", PLANTS)
def test_a_bug_is_caught_by_its_own_oracle(plant: Plant) -> None:
    """In the least world that shows it, one of five seeds is enough, and each seed asks the replaced function."""
    runs = []
    for seed in SEEDS:
        runs.append(plant_run(small_world(), plant.name, seed))
        if runs[-1].caught:
            break
    assert all(run.reached for run in runs)
    assert runs[-1].caught, f"{plant.name}: {[run.others for run in runs]} found something, {plant.caught_by} did not"


@pytest.mark.parametrize("plant", PLANTS)
def test_the_same_world_without_the_bug_alarms_nobody(plant: Plant) -> None:
    """Faults, profile and settings of a plant violate nothing by themselves, and everything settles."""
    outcome = simulate(with_plant(small_world(), plant), seed=1)
    assert (not_held(outcome), outcome.unsettled, outcome.reached) == ((), [], 0)


def test_every_bug_has_a_number_of_its_own_section() -> None:
    """Numbers are those of the catalogue in the reliability guide, and from 20 on our own."""
    for section, letter in ((a_delivery, "A"), (b_idempotency, "B")):
        numbers = [plant.number for plant in section.PLANTS]
        assert len(set(numbers)) == len(numbers)
        assert all(number[0] == letter and number[1:].isdecimal() for number in numbers)
