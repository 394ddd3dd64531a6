"""L1 and L2: what was begun finishes, and an open door is used."""

from dataclasses import replace

import pytest

from tests.simulators.auditors.books import DAY_MS, HOUR_MS, MINUTE_MS, Books, at


@pytest.mark.parametrize("place", ["in_flight", "in_doubt", "staged"])
def test_work_left_at_the_end_is_found(place: str):
    """L1: unfinished places are empty when a run has settled; S2 leaves them alone."""
    books = Books()
    books.approve("E")
    books.end("E", place)
    assert books.violated() == ["L1"]


def waiting(hours: int, **counts: int) -> Books:
    """The same three versions wait, hour after hour."""
    books = Books()
    for hour in range(hours + 1):
        books.checkpoint(at(20) + hour * HOUR_MS, **(counts or {"in_flight": 2, "posted": 1}))
    return books


def test_an_entity_that_stands_still_behind_an_open_door_is_found_once():
    """L2: six hours without anything finished is patience, a seventh is not; a long stall is one finding."""
    assert waiting(6).violated() == []
    assert waiting(7).violated() == ["L2"]
    assert waiting(30).audit()["L2"].violations == 1


def test_waiting_for_the_erp_or_for_a_person_is_no_stall():
    """L2: staged rows are the ERP's to post, parked ones a person's to decide."""
    assert waiting(30, staged=1, parked=1, posted=1).violated() == []


def test_anything_finished_starts_the_clock_anew():
    """L2: one row in five hours is slow, and it is progress."""
    books = waiting(5)
    books.checkpoint(at(20) + 6 * HOUR_MS, in_flight=1, posted=2)
    books.checkpoint(at(20) + 11 * HOUR_MS, in_flight=1, posted=2)
    assert books.violated() == []


def test_a_closed_door_stops_the_clock():
    """L2: hours of maintenance do not count, whether announced or found out by calling."""
    books = waiting(10)
    books.account.closed.append((at(20) + HOUR_MS, at(20) + 6 * HOUR_MS, "announced"))
    assert books.violated() == []
    books = waiting(10)
    books.call(at(20) + HOUR_MS, "locked_out")
    books.call(at(20) + 6 * HOUR_MS)
    assert books.violated() == []


def test_a_pause_stops_the_clock():
    """L2: a partition that an operator paused stands still on command."""
    books = waiting(10)
    books.evidence.paused.append((at(20) + HOUR_MS, at(20) + 6 * HOUR_MS))
    assert books.violated() == []
    books.evidence.paused[0] = (at(20) + HOUR_MS, at(20) + 2 * HOUR_MS)
    assert books.violated() == ["L2"]


def test_a_quota_used_up_by_others_stops_the_clock():
    """L2: whoever shares an account waits while there is no room in the window."""
    books = waiting(7)
    books.account.quota_calls, books.account.quota_window_ms = 10, HOUR_MS
    for number in range(60):
        books.call(at(20) + number * 6 * MINUTE_MS)
    assert books.violated() == []


def test_liveness_is_asked_for_when_the_faults_are_over():
    """L2: before the calm anything may stand still."""
    books = waiting(30)
    books.allowances = replace(books.allowances, calm_from_ms=at(20) + DAY_MS)
    assert books.violated() == []
    books.allowances = replace(books.allowances, calm_from_ms=at(20) + DAY_MS // 2)
    assert books.violated() == ["L2"]
