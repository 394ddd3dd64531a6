"""Keyed chance for whole columns: the array form of `simulators.chance`.

A column of 64-bit keys (one per worker, sheet or row, made from `chance` over names) is mixed with the salt of a
purpose by the splitmix64 finaliser (Steele, Lea, Flood 2014), so every cell depends on its own names alone:
removing one worker or one row shifts nothing else, and a million draws cost milliseconds.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simulators.chance import chance

Keys = NDArray[np.uint64]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def keys_of(seed: int, source: str, names: list[str]) -> Keys:
    """A column of keys, one for each name."""
    return np.array([chance(seed, source, name) for name in names], dtype=np.uint64)


def mixed(keys: Keys, numbers: Ints) -> Keys:
    """Keys of the parts of a thing: part `number` of the thing `key`."""
    return _finalised(keys + (numbers.astype(np.uint64) + np.uint64(1)) * _GOLDEN)


def _finalised(z: Keys) -> Keys:
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    return z ^ (z >> np.uint64(31))


@lru_cache(maxsize=1024)
def _salt(purpose: str) -> np.uint64:
    return np.uint64(chance(0, "salt", purpose))


def bits(keys: Keys, purpose: str) -> Keys:
    """64 uniform bits per key, independent between purposes."""
    return _finalised(keys ^ _salt(purpose))


def uniform(keys: Keys, purpose: str) -> Floats:
    """Uniform numbers in [0, 1), one per key."""
    return (bits(keys, purpose) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def happens(keys: Keys, purpose: str, ppm: int) -> NDArray[np.bool_]:
    """Whether something with a probability of `ppm` parts per million happens, per key."""
    return below(keys, purpose, 1_000_000) < ppm


def below(keys: Keys, purpose: str, bound: int) -> Ints:
    """Uniform integers in 0 .. bound-1 (bound at most 2**32), one per key."""
    return (((bits(keys, purpose) >> np.uint64(32)) * np.uint64(bound)) >> np.uint64(32)).astype(np.int64)


def poisson(keys: Keys, purpose: str, mean: Floats, at_most: int) -> Ints:
    """Poisson counts by inversion, cut at `at_most`; `mean` per key."""
    left = uniform(keys, purpose)
    term = np.exp(-mean)
    counts = np.zeros(keys.shape, dtype=np.int64)
    for k in range(1, at_most + 1):
        left = left - term
        more = left >= 0
        if not more.any():
            break
        counts += more
        term = term * mean / k
    return counts


@lru_cache(maxsize=64)
def gamma_quantiles(shape_percent: int, cells: int = 1024) -> Floats:
    """The gamma distribution of shape `shape_percent`/100, mean 1, as quantiles at (i + 1/2)/cells.

    Integrated numerically (midpoint rule), because numpy has no inverse; the table's own mean is scaled to 1.
    """
    shape = shape_percent / 100
    top = shape + 12 * math.sqrt(shape) + 12
    x = (np.arange(200_000) + 0.5) * (top / 200_000)
    density = np.exp((shape - 1) * np.log(x) - x)
    cumulated = np.cumsum(density)
    table = np.interp((np.arange(cells) + 0.5) / cells, cumulated / cumulated[-1], x)
    scaled: Floats = np.asarray(table / table.mean(), dtype=np.float64)
    return scaled


def gamma(keys: Keys, purpose: str, cv_percent: int) -> Floats:
    """Gamma factors of mean 1 and coefficient of variation `cv_percent`/100, one per key."""
    if cv_percent == 0:
        return np.ones(keys.shape)
    table = gamma_quantiles(round(1_000_000 / cv_percent**2))
    return np.asarray(table[below(keys, purpose, len(table))])
