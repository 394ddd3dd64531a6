"""S8x: whatever is parked has a reason that is true in the simulator."""

import pytest

from simulators.evidence import KeyClash
from tests.simulators.auditors.books import HOUR_MS, Books, assignment, at

SAID_BY_THE_ERP = {
    "erp_unknown_project": "unknown_project",
    "erp_unknown_worker": "unknown_worker",
    "erp_invalid": "invalid",
    "erp_keeps_refusing": "locked",
    "nothing_to_reverse": "nothing_to_reverse",
}


@pytest.mark.parametrize("reason", SAID_BY_THE_ERP)
def test_what_the_erp_is_said_to_have_refused_it_refused(reason: str):
    """A transient answer classed as permanent parks rows that the ERP would have taken."""
    books = Books()
    books.approve("E")
    books.park("E", reason)
    assert books.violated() == ["S8x"]
    books.evidence.refused_rows["E"] = {SAID_BY_THE_ERP[reason]}
    assert books.violated() == []


@pytest.mark.parametrize("reason", ["period_held", "erp_keeps_refusing"])
def test_a_row_refused_for_a_hold_may_wait_for_its_end(reason: str):
    """The ERP's own word for a hold is enough to park for it."""
    books = Books()
    books.approve("E")
    books.park("E", reason)
    assert books.violated() == ["S8x"]
    books.evidence.refused_rows["E"] = {"period_on_hold"}
    assert books.violated() == []


def test_a_missing_rate_is_missing():
    """Parked for a gap or a tie only where the auditors find no one rate either."""
    books = Books()
    books.approve("E")
    books.park("E", "rate_gap")
    assert books.violated() == ["S8x"]
    books.evidence.versions["E"][0].assignment = assignment("A9", contract="K9")
    assert books.violated() == []


def test_a_period_that_stops_an_entry_was_not_open():
    """Parked for a period only if that period was not open at some instant since the approval."""
    books = Books()
    books.approve("E")
    books.park("E", "no_open_period")
    assert books.violated() == ["S8x"]
    books.period("2026-03", at(17, 20), status="on_hold")
    assert books.violated() == []


def test_a_line_by_hand_stops_the_feed_only_if_there_is_one():
    """Parked behind a manual line that really stands, and that differs where it is said to differ."""
    books = Books()
    books.approve("E")
    books.park("E", "manual_line_differs")
    assert books.violated() == ["S8x"]
    line = books.post("E", by_hand=True, key="")
    assert books.violated() == ["S8x"]
    line.bill_minor = 700_00
    assert books.violated() == []
    line.bill_minor, line.project = 800_00, "P2"
    assert books.violated() == []


def test_time_of_an_excluded_type_wants_no_rate():
    """Leave is left out by rule; parked for want of a rate it was never looked at."""
    books = Books()
    books.approve("E", time_type="leave")
    books.park("E", "rate_gap")
    assert books.violated() == ["S8x"]


def test_asking_for_what_nobody_publishes_parks_only_what_was_asked_for():
    """A worker is unknown where somebody had configured that workers must be known, and nowhere else."""
    books = Books()
    books.approve("E")
    books.park("E", "worker_unknown")
    assert books.violated() == ["S8x"]
    books.evidence.configured.append((at(17), at(19), "must_know"))
    assert books.violated() == []


def test_missing_news_parks_for_a_while_and_not_for_good():
    """A project that the feed had not heard of yet wakes the entry when it comes; the firm has no unknown ones."""
    books = Books()
    books.approve("E")
    books.park("E", "project_unknown")
    assert books.violated() == ["S8x"]
    books.post("E")
    books.evidence.final.pop()
    books.end("E", "posted", told="posted")
    assert books.violated() == []


def test_a_reason_that_nobody_listed_is_true_of_nothing():
    """A new reason needs its truth written down here first."""
    books = Books()
    books.approve("E")
    books.park("E", "bad_weather")
    assert books.violated() == ["S8x"]


def test_a_ledger_that_is_said_to_differ_differs():
    """A line exactly as it was sent is no reason to stop; one beside another, by hand or for another amount is."""
    books = Books()
    books.approve("E")
    books.park("E", "ledger_differs")
    assert books.violated() == ["S8x"]
    line = books.post("E")
    assert "S8x" in books.violated()
    for field, value, usual in (("bill_minor", 700_00, 800_00), ("by_hand", True, False)):
        setattr(line, field, value)
        assert "S8x" not in books.violated()
        setattr(line, field, usual)
    books.post("E", key="E/1/post/again")
    assert "S8x" not in books.violated()


@pytest.mark.parametrize("why", ["other bytes", "a shared key", "a duplicate"])
def test_what_made_the_ledger_differ_may_have_left_no_line(why: str):
    """Other bytes under a key, a key for two rows, or the ERP's word for a copy make the doubt a true one."""
    books = Books()
    books.approve("E")
    line = books.post("E")
    books.park("E", "ledger_differs")
    assert "S8x" in books.violated()
    if why == "other bytes":
        books.evidence.changed_attempts.append(line.key)
    elif why == "a shared key":
        books.evidence.key_clashes.append(KeyClash("K", "F", 1, "post", ("E", 1, "post"), at(18)))
    else:
        books.evidence.refused_rows["E"] = {"duplicate"}
    assert "S8x" not in books.violated()


def test_a_row_that_the_feed_made_wrong_is_no_fault_of_the_entry() -> None:
    """The ERP calls the row invalid, and it is: what was approved could be posted all the same."""
    books = Books()
    books.approve("E")
    books.evidence.refused_rows["E"] = {"invalid"}
    books.park("E", "erp_invalid")
    assert books.violated() == []
    books.evidence.malformed["E"] = "currency is missing"
    assert books.violated() == ["S8x"]


def test_nothing_to_reverse_is_no_reason_while_the_line_stands() -> None:
    """The ERP was asked to reverse something else than what stands; that it said no is true, and the park is not."""
    books = Books()
    line = books.good("E")
    books.approve("E", 2, withdrawn=True)
    books.evidence.final.pop()
    books.evidence.refused_rows["E"] = {"nothing_to_reverse"}
    books.park("E", "nothing_to_reverse", 1, at_ms=line.at_ms + 3 * HOUR_MS)
    assert "S8x" in books.violated()
    books.reverse(line)
    assert "S8x" not in books.violated()
