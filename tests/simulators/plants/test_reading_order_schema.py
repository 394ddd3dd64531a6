"""Bugs of the sections C, D and L: each is reached, and caught by the oracle that it declares."""

from simulators.plants import c_reading, d_order, l_schema
from simulators.plants.catalogue import NOT_YET, PLANTS

SECTIONS = (*c_reading.PLANTS, *d_order.PLANTS, *l_schema.PLANTS)


def test_the_table_of_these_sections_is_whole() -> None:
    """Every number of the catalogue's sections C, D and L is planted, or says why it is not yet."""
    wanted = {f"C{n}" for n in (1, 2, 3, 4, 6, 7, 9, 11, 12)} | {f"D{n}" for n in (1, 2, 3, 4, 6, 7, 8, 9, 10)}
    wanted |= {"L1", "L2", "L3"}

    planted = {plant.number for plant in SECTIONS}
    assert wanted <= planted | set(NOT_YET)
    assert not planted & set(NOT_YET)
    assert all(PLANTS[plant.name] is plant for plant in SECTIONS)
