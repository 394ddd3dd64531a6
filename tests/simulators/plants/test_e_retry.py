"""Bugs of waiting and trying again are caught by the oracle that they declare, and by nothing where they are not."""

from simulators.plants.e_retry import PLANTS

SEEDS = range(1, 5)


def test_numbers_and_names_are_of_one_bug_each() -> None:
    """Nobody shares a number or a name."""
    assert len({plant.number for plant in PLANTS}) == len({plant.name for plant in PLANTS}) == len(PLANTS)
