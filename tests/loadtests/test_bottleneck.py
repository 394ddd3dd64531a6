"""Whether the generator limited the run."""

import pytest

from loadtests.bottleneck import Seen, bottleneck, percentile, rates

GOOD = Seen(
    planned=1_000,
    last_ms=10_000,
    lateness_ms=[1] * 1_000,
    left_in_time=1_000,
    without_place=0,
    connections=500,
    cpu=[[0.5] * 10],
)


def test_a_run_in_which_all_left_in_time_has_no_bottleneck() -> None:
    """Nothing is said where nothing was short."""
    assert bottleneck(GOOD) == ""
    assert rates(GOOD) == (100.0, 100.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"left_in_time": 979}, "97.9 of 100.0 requests a second"),
        ({"lateness_ms": [1] * 980 + [251] * 20}, "251 ms late"),
        ({"without_place": 2}, "2 arrivals found all 500 connections taken"),
        ({"cpu": [[0.2] * 30, [0.2] * 10 + [0.95] * 10 + [0.2] * 10]}, "95% of a core for 10 seconds"),
    ],
    ids=["rate", "late", "connections", "cpu"],
)
def test_each_bound_has_its_sentence(change: dict[str, object], words: str) -> None:
    """What was beyond its bound is named, and nothing else."""
    why = bottleneck(GOOD._replace(**change))

    assert words in why
    assert ";" not in why


def test_at_the_bound_is_within_it() -> None:
    """The bounds themselves are allowed."""
    at = GOOD._replace(left_in_time=980, lateness_ms=[250] * 1_000, without_place=1, cpu=[[0.89] * 10])

    assert bottleneck(at) == ""


def test_a_second_of_full_load_is_no_bottleneck() -> None:
    """The busiest ten seconds count, not the busiest one."""
    assert bottleneck(GOOD._replace(cpu=[[0.1] * 9 + [1.0] + [0.1] * 9])) == ""


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_a_value_that_was_there(share: float, expected: int) -> None:
    """Nearest rank: the smallest value that so many do not exceed."""
    assert percentile(list(range(100, 0, -1)), share) == expected
