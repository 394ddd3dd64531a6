"""Bugs of ownership and storage: each is caught by the oracle that it declares, and its world is clean without it."""

import pytest

from scenarios.choose import with_plant
from scenarios.proofs import not_held, plant_run
from scenarios.small import small_world
from simulators.plants import f_ownership, g_storage
from simulators.plants.catalogue import NOT_YET, PLANTS
from simulators.plants.plant import Plant
from simulators.run import simulate

BUGS = (*f_ownership.PLANTS, *g_storage.PLANTS)
SEEDS = range(1, 3)


@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.name)
def test_each_bug_is_reached_and_caught_by_its_oracle(plant: Plant) -> None:
    """Within its budget the declared oracle fires, in a run in which the wrong function was asked."""
    assert PLANTS[plant.name] is plant
    for seed in range(1, plant.budget + 1):
        run = plant_run(small_world(), plant.name, seed)
        if run.caught:
            assert run.reached > 0
            assert run.example
            return
    pytest.fail(f"{plant.name} was not caught by {plant.caught_by} in {plant.budget} seeds")


@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.name)
def test_the_same_world_without_the_bug_is_clean(plant: Plant) -> None:
    """What a bug needs to show harms nobody who does not have it."""
    for seed in SEEDS:
        outcome = simulate(with_plant(small_world(), plant), seed)
        assert (seed, not_held(outcome), outcome.unsettled) == (seed, (), [])


def test_what_has_no_ground_says_why() -> None:
    """A number of these sections is planted, or there is a reason why not; never both."""
    wanted = {"A1", "A4", "A5", "H5", *(f"F{n}" for n in (1, 2, 3, 5, 6, 7, 8, 9, 11))}
    wanted |= {f"G{n}" for n in (1, 3, 4, 5, 6, 7)}
    planted = {plant.number for plant in BUGS}
    waiting = set(f_ownership.NOT_YET) | set(g_storage.NOT_YET)
    assert planted | waiting == wanted
    assert not planted & waiting
    assert all(NOT_YET[number] for number in waiting)
