"""Bugs of ownership and storage: each is caught by the oracle that it declares, and its world is clean without it."""

from simulators.plants import f_ownership, g_storage
from simulators.plants.catalogue import NOT_YET

BUGS = (*f_ownership.PLANTS, *g_storage.PLANTS)
SEEDS = range(1, 3)


def test_what_has_no_ground_says_why() -> None:
    """A number of these sections is planted, or there is a reason why not; never both."""
    wanted = {"A1", "A4", "A5", "H5", *(f"F{n}" for n in (1, 2, 3, 5, 6, 7, 8, 9, 11))}
    wanted |= {f"G{n}" for n in (1, 3, 4, 5, 6, 7)}
    planted = {plant.number for plant in BUGS}
    waiting = set(f_ownership.NOT_YET) | set(g_storage.NOT_YET)
    assert planted | waiting == wanted
    assert not planted & waiting
    assert all(NOT_YET[number] for number in waiting)
