"""L7: what is parked has an owner, is shown to its people, and goes on once it is mended or retried."""

from tests.simulators.auditors.books import HOUR_MS, Books, at

DAY_MS = 24 * HOUR_MS


def held(books: Books) -> None:
    """Entry E is parked for a hold that really was, in books that are looked at for three days more."""
    books.approve("E")
    books.period("2026-03", at(16), gate="held")
    books.park("E", "period_held", at_ms=at(18))
    books.checkpoint(at(18) + 3 * DAY_MS, parked=1)


def test_a_row_may_stay_parked_as_long_as_it_lacks_something() -> None:
    """A hold that lasts is a reason to wait, however long."""
    books = Books()
    held(books)
    assert books.audit()["L7"].violations == 0


def test_a_row_whose_hold_is_over_goes_on_within_a_day() -> None:
    """A period that opened long ago should have woken what waited for it."""
    books = Books()
    held(books)
    books.period("2026-03", at(19), gate="open")
    assert "was mended 48 hours ago" in books.first("L7")


def test_a_hold_that_has_just_ended_is_no_breach() -> None:
    """Whoever waits for the news of a period has a day."""
    books = Books()
    held(books)
    books.period("2026-03", at(18) + 3 * DAY_MS - HOUR_MS, gate="open")
    assert books.audit()["L7"].violations == 0


def test_a_project_that_was_set_up_sets_its_rows_free() -> None:
    """Rows of a project that the ERP knows since yesterday are not parked any more."""
    books = Books()
    books.approve("E")
    books.evidence.refused_rows["E"] = {"unknown_project"}
    books.park("E", "erp_unknown_project")
    books.checkpoint(at(18) + 3 * DAY_MS, parked=1)
    assert books.violated() == []
    books.evidence.set_up["P1"] = at(19)
    assert "which was mended" in books.first("L7")


def test_what_a_person_retried_has_moved() -> None:
    """A row that is still parked as it was before the retry was never looked at."""
    books = Books()
    held(books)
    books.evidence.retried["E"] = at(18)
    assert "after a person had retried it" in books.first("L7")
    books.evidence.parks[-1].at_ms = at(19) + 1
    assert books.audit()["L7"].violations == 0


def test_nobody_but_a_person_gives_up() -> None:
    """A version that is called waived without a person is lost (S2), and L7 says who did not do it."""
    books = Books()
    books.approve("E")
    books.end("E", "waived", told="waived")
    assert "nobody waived it" in books.first("L7")
    assert "stands nowhere in the ledger" in books.first("S2")
    books.evidence.waived["E"] = at(19)
    assert books.violated() == []


def test_a_park_has_an_owner_and_shows_in_the_psa() -> None:
    """Nobody mends what nobody is asked to mend, or cannot see."""
    books = Books()
    held(books)
    books.evidence.parks[-1].owner = ""
    assert "nobody is asked to mend it" in books.first("L7")
    books.evidence.parks[-1].owner = "finance"
    del books.evidence.psa["E"]
    assert "the PSA does not show it" in books.first("L7")


def test_the_psa_shows_why_a_row_is_parked_now() -> None:
    """Whoever mends what was lacking yesterday finds that it is parked all the same, and cannot see for what."""
    books = Books()
    held(books)
    books.evidence.psa["E"].detail = "project_unknown"
    assert "is parked for 'period_held', and the PSA shows 'project_unknown'" in books.first("L7")
