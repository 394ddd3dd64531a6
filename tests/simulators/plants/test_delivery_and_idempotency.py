"""Bugs of delivery and idempotency are caught by the oracles that they declare, and their worlds alarm nobody else."""

import pytest

from simulators.plants import a_delivery, b_idempotency

SEEDS = range(1, 6)
PLANTS = [
    pytest.param(plant, id=f"{plant.number}-{plant.name}") for plant in (*a_delivery.PLANTS, *b_idempotency.PLANTS)
]


def test_every_bug_has_a_number_of_its_own_section() -> None:
    """Numbers are those of the catalogue in the reliability guide, and from 20 on our own."""
    for section, letter in ((a_delivery, "A"), (b_idempotency, "B")):
        numbers = [plant.number for plant in section.PLANTS]
        assert len(set(numbers)) == len(numbers)
        assert all(number[0] == letter and number[1:].isdecimal() for number in numbers)
