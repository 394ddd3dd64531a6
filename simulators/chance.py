"""Chance under a name: a keyed hash instead of a stream, so that removing one thing shifts nothing else.

`chance(seed, "erp/latency", "DE01", "call-7")` is the same number in every run, process and Python version, whatever
else was drawn before. Probabilities are parts per million.
"""

from hashlib import blake2b

PPM = 1_000_000


def chance(seed: int, source: str, *names: str | int) -> int:
    """A number in 0 .. 2**64-1 that depends on its arguments alone."""
    text = "\x1f".join((str(seed), source, *map(str, names)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def happens(ppm: int, seed: int, source: str, *names: str | int) -> bool:
    """Whether something with a probability of `ppm` parts per million happens under this name."""
    return ppm > 0 and chance(seed, source, *names) % PPM < ppm


def between(low: int, high: int, seed: int, source: str, *names: str | int) -> int:
    """An integer from `low` to `high`, both included."""
    return low + chance(seed, source, *names) % (high - low + 1)
