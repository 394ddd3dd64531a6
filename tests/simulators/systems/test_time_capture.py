"""Rules of the tool that time is booked in."""

from datetime import date

from simulators.firm.model import AssignmentPlan
from simulators.people.acts import LinePlan, SheetPlan
from simulators.systems.time_capture import TimeCapture

ASSIGNMENT = AssignmentPlan("A1", "W1", "P1", "T1", "developer", "senior", "DE01", "C1", "K1", "Europe/Berlin", ())


def line(number: int, quarter_hours: int = 32) -> LinePlan:
    return LinePlan(
        f"E{number}", number, ASSIGNMENT, date(2026, 3, 30), quarter_hours, "standard", True, "Design", booked_at_ms=1
    )


def sheet(*lines: LinePlan) -> SheetPlan:
    return SheetPlan("S1", "W1", "M1", "DE01", date(2026, 3, 30), list(lines))


def test_a_line_is_booked_once():
    """A second booking of the same entry is refused, as a draft and after submission alike."""
    capture = TimeCapture()

    assert capture.book(line(1))
    assert not capture.book(line(1))
    capture.submit(sheet(line(1)))

    assert not capture.book(line(1))


def test_only_drafts_are_submitted():
    """A submitted sheet takes along what is booked and not submitted yet, once."""
    capture = TimeCapture()
    capture.book(line(1))

    assert capture.submit(sheet(line(1), line(2))) == [line(1)]
    assert capture.submit(sheet(line(1), line(2))) == []


def test_handing_in_books_and_submits_in_one_step():
    """A sheet handed in has all its new lines booked and locked, and a second time nothing happens."""
    capture = TimeCapture()
    week = sheet(line(1), line(2))

    assert capture.hand_in(week) == [line(1), line(2)]
    assert capture.hand_in(week) == []
    assert not capture.revise(line(1))


def test_handing_in_takes_earlier_drafts_along():
    """Lines booked day by day and lines booked at the last moment are submitted together, in the sheet's order."""
    capture = TimeCapture()
    capture.book(line(2))

    assert capture.hand_in(sheet(line(1), line(2))) == [line(1), line(2)]


def test_a_submitted_line_is_locked_until_it_is_given_back():
    """A locked line cannot be revised; once given back it can, and is locked again by that."""
    capture = TimeCapture()
    capture.hand_in(sheet(line(1)))

    assert not capture.revise(line(1, quarter_hours=16))
    capture.give_back(line(1))
    assert capture.revise(line(1, quarter_hours=16))

    assert not capture.revise(line(1, quarter_hours=8))


def test_a_line_given_back_is_not_booked_again_but_handed_in_again():
    """A returned line stays booked: handing its sheet in again submits it and leaves the others locked."""
    capture = TimeCapture()
    week = sheet(line(1), line(2))
    capture.hand_in(week)
    capture.give_back(line(2))

    assert not capture.book(line(2))
    assert capture.hand_in(week) == [line(2)]
