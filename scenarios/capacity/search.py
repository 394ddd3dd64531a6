"""The least number that is enough, found by bisection, and whether more is never worse.

    tried first (a few numbers over the range) ──▶ the bracket between what misses and what holds ──▶ halved until 1

Rule 1. "Enough" means that this number holds and so does every larger one that was tried. Where a smaller number
        held and a larger one missed, the answer is the careful one, and the search says that it is not monotone.
Rule 2. Whatever was tried counts as a check: the numbers tried first lie on both sides of the answer.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """The outcome of a search. `least` None: not even the largest holds. `contrary`: (held, missed) with held < missed,
    where more was worse; None where the answers were monotone."""

    least: int | None
    tried: Mapping[int, bool]
    contrary: tuple[int, int] | None


def least(holds: Callable[[int], bool], low: int, high: int, first: Iterable[int] = ()) -> Found:
    """The least number from `low` to `high` that holds; `first` are tried before the range is halved."""
    assert 0 < low <= high, "a range has a first and a last number"
    tried: dict[int, bool] = {}

    def ask(number: int) -> bool:
        if number not in tried:
            tried[number] = holds(number)
        return tried[number]

    for number in first:
        if low <= number <= high:
            ask(number)
    if _enough(tried) is None and not ask(high):
        return _found(tried)
    enough = _enough(tried)
    assert enough is not None, "the largest holds"
    missed = max((number for number, held in tried.items() if not held and number < enough), default=low - 1)
    while enough - missed > 1:
        # Nothing is known about `low` itself before it was asked: often it is enough, and nothing is to be halved.
        middle = low if missed < low else (missed + enough) // 2
        if ask(middle):
            enough = middle
        else:
            missed = middle
    return _found(tried)


def _enough(tried: Mapping[int, bool]) -> int | None:
    """The least that held and above which nothing missed (rule 1)."""
    answer = None
    for number in sorted(tried, reverse=True):
        if not tried[number]:
            break
        answer = number
    return answer


def _found(tried: Mapping[int, bool]) -> Found:
    held = min((number for number, yes in tried.items() if yes), default=None)
    missed = max((number for number, yes in tried.items() if not yes), default=None)
    contrary = (held, missed) if held is not None and missed is not None and held < missed else None
    return Found(_enough(tried), dict(sorted(tried.items())), contrary)
