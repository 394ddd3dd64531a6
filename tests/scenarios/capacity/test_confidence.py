"""Bands over a handful of seeds."""

import pytest

from scenarios.capacity.confidence import Spread, at_least, spread


@pytest.mark.parametrize(
    ("held", "seeds", "bound"), [(5, 5, 0.05 ** (1 / 5)), (10, 10, 0.05 ** (1 / 10)), (0, 5, 0.0), (9, 10, 0.6058)]
)
def test_the_bound_is_clopper_and_pearsons(held: int, seeds: int, bound: float) -> None:
    """After all of n held, at least the n-th root of 5 % of months hold; other values as in their tables."""
    assert at_least(held, seeds) == pytest.approx(bound, abs=1e-4)


def test_a_spread_is_the_median_and_the_ends() -> None:
    """Median, least and most; what lies beyond what was counted is more than any number."""
    assert spread([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)
    assert spread([1.0, 3.0]) == Spread(2.0, 1.0, 3.0)
    assert spread([1.0, 2.0, None]) == Spread(2.0, 1.0, None)
    assert spread([1.0, None, None]) == Spread(None, 1.0, None)
    assert spread([]) == Spread(None, None, None)
