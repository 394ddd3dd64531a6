"""L0: a partition that decides and decides moves something."""

from tests.simulators.auditors.books import HOUR_MS, Books, at


def busy(records: int, hours: int = 1, **after: int) -> list[str]:
    """What is violated when so many records are made while three posted versions become what `after` says."""
    books = Books()
    books.checkpoint(at(20), posted=3)
    books.checkpoint(at(20) + hours * HOUR_MS, **(after or {"posted": 3})).records = records
    return books.violated()


def test_work_without_any_move_is_found():
    """L0: 400 records an hour are polls and rests; one more is a loop."""
    assert busy(400) == []
    assert busy(401) == ["L0"]
    assert busy(800, hours=2) == []


def test_every_version_that_comes_or_moves_explains_some_work():
    """L0: a version that came and is parked is two changes, of 40 records each."""
    assert busy(480, posted=3, parked=1) == []
    assert busy(481, posted=3, parked=1) == ["L0"]


def test_who_left_and_came_back_explains_nothing():
    """L0: only where versions are at the end of an interval counts, however often they went round."""
    books = Books()
    for hour in range(3):
        books.checkpoint(at(20) + hour * HOUR_MS, in_flight=1, posted=2).records = hour * 5_000
    assert books.audit()["L0"].violations == 2
