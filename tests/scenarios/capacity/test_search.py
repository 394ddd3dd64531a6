"""The least number that is enough."""

from collections.abc import Callable

import pytest

from scenarios.capacity.search import least


def asked(holds: Callable[[int], bool]) -> tuple[Callable[[int], bool], list[int]]:
    """The same question, and a list of what was asked."""
    numbers: list[int] = []

    def ask(number: int) -> bool:
        numbers.append(number)
        return holds(number)

    return ask, numbers


@pytest.mark.parametrize("enough", [1, 2, 3, 7, 50, 99, 100])
@pytest.mark.parametrize("first", [(), (1, 50, 100), (25, 50, 75), (200,)])
def test_the_least_is_found_wherever_it_is(enough: int, first: tuple[int, ...]) -> None:
    """Of a response that is monotone, the least number that holds is found, and nothing is asked twice."""
    ask, numbers = asked(lambda number: number >= enough)
    found = least(ask, 1, 100, first)
    assert (found.least, found.contrary) == (enough, None)
    assert len(numbers) == len(set(numbers)) <= len(first) + 9
    assert set(numbers) <= set(range(1, 101))


def test_where_nothing_is_enough_it_says_so_after_the_largest() -> None:
    """No number is made up when not even the largest holds."""
    ask, numbers = asked(lambda number: False)
    found = least(ask, 1, 64, (8, 32))
    assert (found.least, found.contrary, max(numbers)) == (None, None, 64)


def test_more_that_is_worse_is_reported_and_the_answer_is_careful() -> None:
    """Where a smaller number held and a larger one missed, both are named, and the answer lies above the last miss."""
    found = least(lambda number: number in (4, 5) or number >= 20, 1, 32, (4, 8, 16, 32))
    assert found.contrary == (4, 19)
    assert found.least == 20


def test_every_number_tried_is_kept() -> None:
    """What was asked is told, so that a curve can be drawn of it."""
    found = least(lambda number: number >= 6, 1, 16, (4, 8, 16))
    assert found.tried == {4: False, 5: False, 6: True, 8: True, 16: True}
