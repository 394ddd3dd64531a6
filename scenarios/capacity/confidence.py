"""How sure a handful of seeds makes us: a band for a share, and the spread of a number.

A seed is one month that might have been: its people, waits and mishaps drawn anew. Shares of seeds are binomial, so
their band is that of Clopper and Pearson (Biometrika 26, 1934, 404-413), which promises too little rather than too
much. Numbers such as minutes are told by their median, least and most: a handful of seeds has no better quantile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from statistics import median

LEVEL = 0.95
"""Of a one-sided bound (ours)."""
STEPS = 40


@dataclass(frozen=True, slots=True)
class Spread:
    """Of one number over seeds; None stands for "not within what was simulated"."""

    middle: float | None
    least: float | None
    most: float | None


def at_least(held: int, seeds: int, level: float = LEVEL) -> float:
    """The lower bound of the share of months that hold, after `held` of `seeds` did; (5, 5) -> 0.549."""
    assert 0 <= held <= seeds, "a share is between none and all"
    if held == 0:
        return 0.0

    def chance_of_so_many(share: float) -> float:
        return sum(comb(seeds, n) * share**n * (1 - share) ** (seeds - n) for n in range(held, seeds + 1))

    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if chance_of_so_many(middle) > 1 - level else (middle, high)
    return low


def spread(values: Sequence[float | None]) -> Spread:
    """Median, least and most; what is None counts as more than any number."""
    if not values:
        return Spread(None, None, None)
    known = sorted(value for value in values if value is not None)
    ordered = [*known, *[None] * (len(values) - len(known))]
    upper, lower = ordered[len(ordered) // 2], ordered[(len(ordered) - 1) // 2]
    middle = None if upper is None or lower is None else median((lower, upper))
    return Spread(middle, ordered[0], ordered[-1])
