"""S13: the PSA says posted where a line stands, and never before."""

from tests.simulators.auditors.books import HOUR_MS, MINUTE_MS, Books


def test_posted_before_a_line_stood_is_found():
    """The status was written back before the ERP's answer was known."""
    books = Books()
    line = books.good("E")
    books.claim("E", line.at_ms - 1)
    assert books.violated() == ["S13"]


def test_posted_for_a_version_whose_line_is_not_there_yet_is_found():
    """The first version stands, and the PSA is told that the second, of other hours, is posted."""
    books = Books()
    first, _, second = books.corrected("E")
    books.claim("E", first.at_ms + MINUTE_MS, version=1)
    books.claim("E", second.at_ms + MINUTE_MS, version=2)
    assert books.violated() == []
    books.claim("E", first.at_ms + 2 * MINUTE_MS, version=2)
    assert books.violated() == ["S13"]


def test_a_claim_that_arrives_after_the_reversal_was_true_when_it_was_made():
    """Status feedback is late by nature: the line had landed, and that it was reversed since will be told next."""
    books = Books()
    _, undoing, _ = books.corrected("E")
    books.claim("E", undoing.at_ms + 1, version=1)
    assert books.violated() == []


def test_posted_in_the_psa_and_nothing_in_the_ledger_is_found():
    """At the end: the line was reversed, and the PSA was never told."""
    books = Books()
    books.approve("E")
    books.approve("E", 2, withdrawn=True)
    books.reverse(books.post("E"))
    books.end("E", "superseded", told="posted")
    assert books.violated() == ["S13"]


def test_posted_in_the_ledger_and_not_told_is_found():
    """At the end: the line stands, and the PSA knows nothing, or still the park of yesterday."""
    for told in (None, "parked"):
        books = Books()
        books.approve("E")
        books.post("E")
        books.end("E", "posted", told=told)
        assert books.violated() == ["S13"]


def test_a_line_by_hand_makes_posted_true():
    """Finance posted it, so it is posted."""
    books = Books()
    books.approve("E")
    line = books.post("E", by_hand=True, key="")
    books.end("E", "posted", told="posted")
    books.claim("E", line.at_ms + HOUR_MS)
    assert books.violated() == []


def test_a_line_that_is_named_and_gone_is_found():
    """At the end: the PSA leads its people to the line that was reversed, and not to the one that stands."""
    books = Books()
    first, _, second = books.corrected("E")
    books.evidence.psa["E"].detail = second.line_id
    assert books.violated() == []
    books.evidence.psa["E"].detail = first.line_id
    assert books.violated() == ["S13"]


def test_the_version_that_is_called_posted_is_the_one_that_is():
    """At the end: the PSA shows the first version as posted, and the second one stands."""
    books = Books()
    books.corrected("E")
    books.evidence.psa["E"].version = 1
    assert books.violated() == ["S13"]
    assert "version 1 is called posted in the PSA, and version 2 is" in books.first("S13")
