"""Whether our own hosts hold a month-end up."""

import pytest

from scenarios.capacity.hosts import late_min, packed


def test_the_heaviest_go_first_onto_the_lightest() -> None:
    """Four entities on two hosts are spread as evenly as one can by going down the list."""
    assert packed({"A": 5, "B": 4, "C": 3, "D": 1}, 2) == [["A", "D"], ["B", "C"]]
    assert packed({"A": 1}, 3) == [["A"], [], []]


def test_a_host_with_room_delays_nobody() -> None:
    """What comes more slowly than it is carried waits for nothing, and the host says how full it is."""
    late, fullest = late_min({"A": [10, 20, 5], "B": [0, 5, 0]}, 1, 50)
    assert (late, fullest) == ({"A": 0, "B": 0}, 0.5)


def test_a_host_that_is_too_small_delays_all_it_carries() -> None:
    """90 rows at 30 a minute are gone two minutes after they came; another host of the region is not asked to wait."""
    late, fullest = late_min({"A": [90, 0, 0, 0], "B": [10, 0, 0, 0]}, 2, 30)
    assert late == {"A": 2, "B": 0}
    assert fullest == pytest.approx(3.0)
