"""Queueing formulas against values that others published or that follow by hand."""

from math import inf

import pytest

from scenarios.capacity.queueing import Service, erlang_c, fluid, lognormal, wait_s, with_silence


@pytest.mark.parametrize(
    ("places", "load", "waits"),
    [
        (1, 0.5, 0.5),  # of one place, the chance to wait is the load
        (2, 1.0, 1 / 3),  # by hand: (1/2) / (1 + 1 + 1/2 + 1/2)
        (3, 2.0, 4 / 9),  # by hand
        (5, 2.5, 0.1304),  # 30 calls an hour of 5 minutes each: five are not enough for nine in ten at once,
        (6, 2.5, 0.0474),  # six are (Wolfram language documentation, ErlangC, example)
        (10, 8.0, 0.4092),  # Erlang C tables
        (20, 16.0, 0.2561),  # Erlang C tables
    ],
)
def test_erlang_c_is_that_of_the_tables(places: int, load: float, waits: float) -> None:
    """The chance to wait is that of published tables to four digits."""
    assert erlang_c(places, load) == pytest.approx(waits, abs=5e-5)


def test_too_much_load_waits_for_certain() -> None:
    """Where more comes than can go, everybody waits, without an end."""
    assert erlang_c(3, 3.0) == 1.0
    assert wait_s(3.0, 1.0, 3, 1.0, 1.0) == inf


def test_many_places_do_not_overflow() -> None:
    """The recursion has no factorials: a thousand places are no matter."""
    assert 0 < erlang_c(1_000, 990.0) < 1


@pytest.mark.parametrize(
    ("ca2", "cs2", "waits_s"),
    [
        (1.0, 1.0, 4.0),  # M/M/1 at 80 %: rho / (1 - rho) x 1 s
        (1.0, 0.0, 2.0),  # M/D/1: half of it (Pollaczek and Khinchine)
        (4.0, 2.0, 12.0),  # Kingman's formula
    ],
)
def test_one_place_is_kingmans_formula(ca2: float, cs2: float, waits_s: float) -> None:
    """For one server the wait is Kingman's, which is Pollaczek's and Khinchine's for Poisson arrivals."""
    assert wait_s(0.8, 1.0, 1, ca2, cs2) == pytest.approx(waits_s)


def test_several_places_are_erlangs_wait() -> None:
    """M/M/2 with one call a second of one second each: rho = 1/2, W = C / (c mu - lambda) = 1/3 s."""
    assert wait_s(1.0, 1.0, 2, 1.0, 1.0) == pytest.approx(1 / 3)
    assert wait_s(0.0, 1.0, 2, 1.0, 1.0) == 0.0


def test_a_lognormal_is_known_by_two_percentiles() -> None:
    """Median 0.4 s and p99 4 s have a mean of 0.65 s (derived in the load shapes), and a wide spread."""
    service = lognormal(0.4, 4.0)
    assert service.mean_s == pytest.approx(0.653, abs=0.001)
    assert service.cv2 == pytest.approx(1.66, abs=0.01)


def test_lost_calls_hold_their_place_to_the_deadline() -> None:
    """A hundredth of calls that last 30 s adds 0.3 s less their own time, and much of the spread."""
    lossy = with_silence(Service(1.0, 0.0), 0.01, 30.0)
    assert lossy.mean_s == pytest.approx(0.99 + 0.3)
    assert lossy.cv2 == pytest.approx((0.99 + 9.0) / 1.29**2 - 1)


def test_the_fluid_drains_at_its_capacity() -> None:
    """100 rows at 30 a step are done in the fourth step, and nothing is lost on the way."""
    (done,) = fluid([[100, 0, 0, 0, 0]], [30] * 5)
    assert done == pytest.approx([30, 60, 90, 100, 100])


def test_streams_share_fairly_and_nobody_s_share_is_wasted() -> None:
    """Who brings less than an even share has all of it done; the rest goes to the others."""
    small, large = fluid([[10, 0], [100, 0]], [50, 50])
    assert small == pytest.approx([10, 10])
    assert large == pytest.approx([40, 90])


def test_what_goes_again_counts_when_it_has_gone_again() -> None:
    """A tenth that is lost comes back two steps later, and again a tenth of that."""
    (done,) = fluid([[100, 0, 0, 0, 0]], [100] * 5, again=0.1, again_after=2)
    assert done == pytest.approx([90, 90, 99, 99, 99.9])
