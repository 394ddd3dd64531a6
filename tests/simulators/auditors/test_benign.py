"""Books that look odd and are right: nobody may alarm."""

from simulators.auditors.finding import HELD
from tests.simulators.auditors.books import HOUR_MS, MINUTE_MS, Books, assignment, at, day


def test_good_books_hold_everything():
    """Approved, posted, told: every invariant is held."""
    books = Books()
    books.checkpoint(at(18), posted=3)
    verdicts = books.audit()
    assert [held.status for held in verdicts.values()] == [HELD] * len(verdicts)


def test_a_correction_by_the_book_is_no_breach():
    """Reversed exactly as posted, then posted anew on the same date: one effect stands at every point."""
    books = Books()
    books.corrected("E")
    assert books.violated() == []


def test_a_version_superseded_before_it_was_sent_is_no_loss():
    """Of two versions only the newer was ever posted, and the older one has no net effect."""
    books = Books()
    books.approve("E")
    books.approve("E", 2, quarter_hours=4)
    books.post("E", 2, quarter_hours=4, bill_minor=100_00, cost_minor=40_00)
    books.end("E", "superseded", 1)
    books.end("E", "posted", 2, told="posted")
    assert books.violated() == []


def test_a_narrative_change_leaves_the_older_line_standing():
    """The newer version differs in words only, so the line of the older one serves it."""
    books = Books()
    books.approve("E")
    line = books.post("E")
    books.approve("E", 2, narrative="Pair programming, second half")
    books.end("E", "superseded", 1)
    books.end("E", "posted", 2, told="posted")
    books.claim("E", line.at_ms + HOUR_MS, version=2)
    assert books.violated() == []


def test_a_line_posted_by_hand_counts_as_the_effect():
    """Finance posted first, the feed found it: one line stands, told as posted."""
    books = Books()
    books.approve("E")
    books.post("E", by_hand=True, key="")
    books.end("E", "posted", told="posted")
    assert books.violated() == []


def test_a_duplicate_delivery_that_was_ignored_leaves_no_trace():
    """The same claim told twice, and statuses told again, are the same truth."""
    books = Books()
    line = books.good("E")
    books.claim("E", line.at_ms + 2 * MINUTE_MS)
    books.claim("E", line.at_ms + 3 * MINUTE_MS)
    assert books.violated() == []


def test_a_withdrawal_after_posting_is_reversed_to_nothing():
    """Taken back at the source, exactly reversed in the ledger, and called withdrawn in the PSA."""
    books = Books()
    books.approve("E")
    books.approve("E", 2, withdrawn=True)
    books.reverse(books.post("E"))
    books.end("E", "superseded", 1, told="withdrawn")
    assert books.violated() == []


def test_a_withdrawal_and_a_new_approval_stand_once():
    """Posted, taken back, approved again: two postings over time and never two at once."""
    books = Books()
    books.approve("E")
    books.approve("E", 2, withdrawn=True)
    books.approve("E", 3)
    undoing = books.reverse(books.post("E"))
    books.post("E", 3, at_ms=undoing.at_ms + HOUR_MS)
    books.end("E", "superseded", 1)
    books.end("E", "posted", 3, told="posted")
    assert books.violated() == []


def test_leave_is_excluded_and_not_lost():
    """Time that is not posted by rule has no line, and is called excluded."""
    books = Books()
    books.approve("E", time_type="leave")
    books.end("E", "excluded", told="excluded")
    assert books.violated() == []


def test_time_that_is_not_billable_stands_with_its_cost():
    """A bill of zero in the contract's currency and the full cost."""
    books = Books()
    books.approve("E", billable=False)
    books.post("E", bill_minor=0)
    books.end("E", "posted", told="posted")
    assert books.violated() == []


def test_a_correction_that_cannot_go_on_leaves_the_old_line_and_says_so():
    """The newer version has no rate and is parked; the older one stands and is called posted."""
    books = Books()
    books.approve("E")
    books.approve("E", 2, assignment=assignment("A9", contract="K9"))
    books.post("E")
    books.end("E", "posted", 1)
    books.park("E", "rate_gap", 2)
    assert books.violated() == []


def test_a_correction_under_way_is_unfinished_and_nothing_worse():
    """The first leg has landed and the second is on its way: L1 says so, the amounts and the PSA are not judged yet."""
    books = Books()
    books.approve("E")
    books.approve("E", 2, quarter_hours=36)
    books.reverse(books.post("E"))
    books.end("E", "superseded", 1, told="posted")
    books.end("E", "in_flight", 2)
    books.approve("F")
    books.approve("F", 2, quarter_hours=36)
    books.post("F")
    books.end("F", "posted", 1, told="posted")
    books.end("F", "in_doubt", 2)
    assert books.violated() == ["L1"]


def test_a_manual_line_that_differs_is_between_the_person_and_the_case():
    """Finance entered another amount, the feed parked the entry for it: the feed's own lines are right."""
    books = Books()
    books.approve("E")
    books.post("E", by_hand=True, key="", bill_minor=750_00)
    books.park("E", "manual_line_differs")
    assert books.violated() == []


def test_a_move_to_another_day_may_date_its_legs_apart():
    """Each leg is dated on its own work date when the work date is what was corrected."""
    books = Books()
    books.approve("E")
    books.approve("E", 2, work_date=day(17))
    undoing = books.reverse(books.post("E"))
    books.post("E", 2, at_ms=undoing.at_ms + 1, work_date=day(17), accounting_date=day(17))
    books.end("E", "superseded", 1)
    books.end("E", "posted", 2, told="posted")
    assert books.violated() == []
