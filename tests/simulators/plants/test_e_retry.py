"""Bugs of waiting and trying again are caught by the oracle that they declare, and by nothing where they are not."""

import pytest

from scenarios.choose import with_plant
from scenarios.proofs import not_held, plant_run
from scenarios.small import small_world
from simulators.plants.e_retry import PLANTS
from simulators.plants.plant import Plant
from simulators.run import simulate

SEEDS = range(1, 5)


def name_of(plant: Plant) -> str:
    """The plant's name, for the test's own."""
    return f"{plant.number}-{plant.name}"


@pytest.mark.parametrize("plant", PLANTS, ids=name_of)
def test_the_declared_oracle_catches_it(plant: Plant) -> None:
    """Within four seeds the function is asked and its oracle finds the bug."""
    runs = (plant_run(small_world(), plant.name, seed) for seed in SEEDS)
    assert any(run.caught and run.reached for run in runs)


@pytest.mark.parametrize("plant", PLANTS, ids=name_of)
def test_its_misfortunes_alone_are_borne(plant: Plant) -> None:
    """The same small month without the bug breaks nothing and leaves nothing over."""
    outcome = simulate(with_plant(small_world(), plant), SEEDS[0])
    assert not_held(outcome) == ()
    assert outcome.unsettled == []


def test_numbers_and_names_are_of_one_bug_each() -> None:
    """Nobody shares a number or a name."""
    assert len({plant.number for plant in PLANTS}) == len({plant.name for plant in PLANTS}) == len(PLANTS)
