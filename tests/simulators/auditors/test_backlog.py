"""L3: after an outage the backlog goes within a bound that follows from the outage."""

from simulators.evidence import Park
from tests.simulators.auditors.books import DAY_MS, HOUR_MS, MINUTE_MS, Books, at

DOWN_MS = at(20)
UP_MS = at(20) + 2 * HOUR_MS
BOUND_MS = UP_MS + 4 * HOUR_MS


def after_outage(*late: int, waiting: int = 4) -> Books:
    """Entries are approved during two hours of maintenance; they land at once, but for those that are so late."""
    books = Books()
    books.account.closed.append((DOWN_MS, UP_MS, "unannounced"))
    for number in range(waiting):
        books.approve(f"E{number}", at_ms=DOWN_MS + number * MINUTE_MS)
        books.post(f"E{number}", at_ms=late[number] if number < len(late) else UP_MS + MINUTE_MS)
        books.evidence.heard_ms[f"E{number}"] = DOWN_MS + number * MINUTE_MS
        books.end(f"E{number}", "posted", told="posted")
    books.checkpoint(at(20) + 3 * DAY_MS, posted=3 + waiting)
    return books


def test_a_backlog_that_outlives_the_bound_is_found():
    """L3: twice the length of an outage and two hours is patience; more than a quarter later than that is not."""
    assert after_outage().violated() == []
    assert after_outage(BOUND_MS, BOUND_MS).violated() == []
    assert after_outage(BOUND_MS + 1).violated() == []
    assert after_outage(BOUND_MS + 1, BOUND_MS + 1).violated() == ["L3"]


def test_what_was_not_heard_of_did_not_wait():
    """L3: an event that was lost waits for its source; a pause by an operator counts as an outage."""
    books = after_outage(*[BOUND_MS + 1] * 4)
    for number in range(4):
        books.evidence.heard_ms[f"E{number}"] = UP_MS + 1
    assert books.violated() == []
    books = after_outage(*[BOUND_MS + 1] * 4)
    books.evidence.paused.append((UP_MS + HOUR_MS, UP_MS + 2 * HOUR_MS))
    assert books.violated() == []


def test_too_few_say_nothing():
    """L3: three entries have no share."""
    assert after_outage(*[BOUND_MS + 1] * 3, waiting=3).violated() == []


def test_outages_close_to_each_other_are_one():
    """L3: the bound counts from the end of the last; one that nobody told us of counts as well."""
    books = after_outage(*[BOUND_MS + 1] * 4)
    books.account.away.append((UP_MS + HOUR_MS, UP_MS + 2 * HOUR_MS, "partition"))
    assert books.violated() == []


def test_what_waits_for_finance_is_not_judged():
    """L3: a period that moved meanwhile, or a person, may hold a backlog up."""
    books = after_outage(*[BOUND_MS + 1] * 4)
    books.period("2026-04", UP_MS + MINUTE_MS)
    assert books.violated() == []
    books = after_outage(*[BOUND_MS + 1] * 4)
    for number in range(4):
        books.evidence.parks.append(Park(f"E{number}", 1, "erp_invalid", UP_MS))
    assert "L3" not in books.violated()
