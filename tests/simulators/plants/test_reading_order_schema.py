"""Bugs of the sections C, D and L: each is reached, and caught by the oracle that it declares."""

import pytest

from scenarios.choose import with_plant
from scenarios.proofs import not_held, plant_run
from scenarios.small import small_world
from simulators.plants import c_reading, d_order, l_schema
from simulators.plants.catalogue import NOT_YET, PLANTS
from simulators.plants.plant import Plant
from simulators.run import simulate

SECTIONS = (*c_reading.PLANTS, *d_order.PLANTS, *l_schema.PLANTS)


@pytest.mark.parametrize("plant", SECTIONS, ids=lambda plant: plant.name)
def test_a_planted_bug_is_caught_by_its_oracle_and_by_nothing_without_it(plant: Plant) -> None:
    """Within the budget the declared oracle finds the bug; in the same world without it nothing is found."""
    clean = simulate(with_plant(small_world(), plant), 1)
    assert (not_held(clean), clean.unsettled) == ((), [])

    for seed in range(1, plant.budget + 1):
        run = plant_run(small_world(), plant.name, seed)
        assert run.reached
        if run.caught:
            return
    pytest.fail(f"{plant.name} survived {plant.budget} seeds")


def test_the_table_of_these_sections_is_whole() -> None:
    """Every number of the catalogue's sections C, D and L is planted, or says why it is not yet."""
    wanted = {f"C{n}" for n in (1, 2, 3, 4, 6, 7, 9, 11, 12)} | {f"D{n}" for n in (1, 2, 3, 4, 6, 7, 8, 9, 10)}
    wanted |= {"L1", "L2", "L3"}

    planted = {plant.number for plant in SECTIONS}
    assert wanted <= planted | set(NOT_YET)
    assert not planted & set(NOT_YET)
    assert all(PLANTS[plant.name] is plant for plant in SECTIONS)
