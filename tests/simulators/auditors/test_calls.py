"""S9 and S10: what was sent, and how often."""

from simulators.auditors.allowances import Allowances, CallAllowance, fair_calls
from tests.simulators.auditors.books import HOUR_MS, MINUTE_MS, Books, at


def allow(**bounds: int) -> Allowances:
    """Bounds for the one account."""
    return Allowances(accounts={"erp-1": CallAllowance(**bounds)})


def test_other_bytes_under_the_same_key_are_found():
    """S9: the key is named, with the entry whose line it became."""
    books = Books()
    line = books.good("E")
    books.evidence.changed_attempts += [line.key, "lost"]
    assert books.violated() == ["S9"]
    assert [found.entry_id for found in books.audit()["S9"].examples] == ["E", ""]


def test_a_storm_of_calls_is_found():
    """S10: more calls than rows and faults explain; one less is fair."""
    books = Books()
    books.allowances = allow(calls=fair_calls(rows=10, faults=2, standing_calls=4))
    for second in range(30):
        books.call(at(20) + second * 1000)
    assert books.violated() == []
    books.call(at(21))
    assert books.violated() == ["S10"]


def test_a_window_over_the_quota_is_found():
    """S10: our own pacing keeps below the quota; what faults delivered twice is allowed for by name."""
    books = Books()
    books.account.quota_calls, books.account.quota_window_ms = 10, MINUTE_MS
    for number in range(12):
        books.call(at(20) + number, "served" if number < 10 else "throttled")
    assert books.violated() == ["S10"]
    books.allowances = allow(over_quota=2)
    assert books.violated() == []


def test_calls_spread_over_windows_are_within_the_quota():
    """S10: the full quota in every window, and calls that never reached the quota, are no breach."""
    books = Books()
    books.account.quota_calls, books.account.quota_window_ms = 10, MINUTE_MS
    for number in range(60):
        books.call(at(20) + number * MINUTE_MS // 10)
        books.call(at(20) + number * MINUTE_MS // 10, "login")
    assert books.violated() == []


def test_probing_a_closed_system_once_per_step_is_fair_and_more_is_found():
    """S10: in an hour of maintenance one call a minute; the first quick ones come on top."""
    books = Books()
    books.allowances = allow(outage_grace_calls=4)
    books.account.closed.append((at(20), at(20) + HOUR_MS, "announced"))
    for number in range(64):
        books.call(at(20) + number * 50_000, "maintenance")
    assert books.violated() == []
    books.call(at(20) + HOUR_MS - 1, "maintenance")
    assert books.violated() == ["S10"]


def test_what_was_acknowledged_is_not_fetched_for_ever() -> None:
    """A listing that crosses with a delivery is no storm; a version that every listing misses is."""
    books = Books()
    books.evidence.asked_again["G1", 1] = 8
    assert books.violated() == []
    books.evidence.asked_again["G1", 1] = 9
    assert books.violated() == ["S10"]
    assert "G1 version 1 was acknowledged, and fetched 9 times since" in books.first("S10")
