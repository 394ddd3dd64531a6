"""Approval of what a tracker recorded: of content, by those who may, and what was approved stands."""

import json
from typing import Any

import pytest

from runtime.approvals.book import REMOVAL, Book, LineState, Outcome, Row, Told, Wish
from runtime.connectors.psa.generic import read_event
from runtime.core.news import EntryApproved, EntryWithdrawn
from tests.runtime.approvals.a_tracker import settings, tracked

ANNA = "timetagger:anna:k"
MAX, EVA = "key:max", "key:eva"


def a_book(**more: Any) -> Book:
    """A book with one line of Anna."""
    book = Book(settings(**more))
    book.capture("anna", [tracked(st_us=5_000_000)])
    return book


def row(book: Book, entry_id: str = ANNA) -> Row:
    """How a line is shown."""
    (found,) = [one for one in book.rows() if one.entry_id == entry_id]
    return found


def approve(
    book: Book, who: str = MAX, entry_id: str = ANNA, fingerprint: str | None = None, at_ms: int = 1_000
) -> Outcome:
    """Approve a line as it is shown, durably."""
    seen = row(book, entry_id).fingerprint if fingerprint is None else fingerprint
    decisions, (outcome,) = book.approve(who, [Wish(entry_id, seen)], at_ms)
    book.apply(decisions)
    return outcome


def test_an_approval_is_published_as_the_first_version() -> None:
    """What was approved is listed for its entity, and its event reads as that of any PSA."""
    book = a_book()
    assert row(book).state is LineState.WAITING

    assert approve(book) is Outcome.APPROVED

    assert book.published("DE01", 0, "") == ([(ANNA, 1)], "")
    assert book.published("US01", 0, "") == ([], "")
    (event,) = book.events([(ANNA, 1), (ANNA, 2), ("nobody's", 1)])
    news = read_event(event.encode())
    assert isinstance(news, EntryApproved)
    assert (news.entry.version, news.entry.home_entity, news.entry.project) == (1, "DE01", "P-ALPINE")
    assert (news.approval.approver, news.approval.method, news.approval.decided_at_ms) == (MAX, "single", 1_000)
    assert news.approval.submitted_at_ms == 5_000
    assert row(book).state is LineState.APPROVED


def test_an_approval_is_of_what_was_seen() -> None:
    """The record changed after it was shown: nothing is approved until the approver has seen that."""
    book = a_book()
    seen = row(book).fingerprint
    book.capture("anna", [tracked(minutes=120, st_us=6_000_000)])

    assert approve(book, fingerprint=seen) is Outcome.STALE
    assert book.published("DE01", 0, "") == ([], "")


def test_a_changed_record_waits_and_the_old_version_stands() -> None:
    """A tracker has no lock: what is changed after its approval is nothing until it is approved as version 2."""
    book = a_book()
    approve(book)
    book.capture("anna", [tracked(minutes=120, st_us=6_000_000)])
    assert row(book).state is LineState.CHANGED
    assert book.published("DE01", 0, "") == ([(ANNA, 1)], "")

    assert approve(book) is Outcome.APPROVED

    assert book.published("DE01", 0, "") == ([(ANNA, 1), (ANNA, 2)], "")
    assert json.loads(book.events([(ANNA, 2)])[0])["entry"]["quantity"] == "2"


def test_a_new_version_with_the_old_content_is_no_change() -> None:
    """A record that was stored again as it was stays approved: versions of the tracker are not versions of the line."""
    book = a_book()
    approve(book)
    book.capture("anna", [tracked(st_us=9_000_000)])

    assert row(book).state is LineState.APPROVED
    assert approve(book, fingerprint=book.decisions[ANNA][0].fingerprint) is Outcome.ALREADY


def test_a_deletion_withdraws_only_when_it_is_approved() -> None:
    """Its owner deletes an approved record: it stands until the approver agrees, and is a withdrawal then."""
    book = a_book()
    approve(book)
    book.capture("anna", [tracked(ds="HIDDEN design #alpine", st_us=6_000_000)])
    assert (row(book).state, row(book).fingerprint) == (LineState.DELETED, REMOVAL)
    assert book.published("DE01", 0, "") == ([(ANNA, 1)], "")

    assert approve(book) is Outcome.WITHDRAWN

    news = read_event(book.events([(ANNA, 2)])[0].encode())
    assert isinstance(news, EntryWithdrawn)
    assert (news.version, row(book).state) == (2, LineState.GONE)


def test_a_record_that_vanished_is_a_deleted_one() -> None:
    """After a reset of the tracker a record is there no more; what was approved of it stands and waits all the same."""
    book = a_book()
    approve(book)
    book.capture("anna", [], ["k"])

    assert row(book).state is LineState.DELETED
    assert approve(book) is Outcome.WITHDRAWN


def test_what_was_deleted_before_anybody_approved_it_is_gone() -> None:
    """Nothing of it stands, so nothing is published and nobody has to decide."""
    book = a_book()
    book.capture("anna", [tracked(ds="HIDDEN x", st_us=6_000_000)])

    assert row(book).state is LineState.GONE
    assert approve(book, fingerprint=REMOVAL) is Outcome.UNKNOWN


def test_a_running_timer_cannot_be_approved() -> None:
    """Nobody knows yet how long it will be; it is shown with its reason."""
    book = a_book()
    book.capture("anna", [tracked(minutes=0, st_us=6_000_000)])

    assert (row(book).state, row(book).reason, row(book).fingerprint) == (LineState.UNFIT, "running", "")
    assert approve(book) is Outcome.UNFIT


def test_a_record_whose_timer_runs_again_keeps_what_was_approved() -> None:
    """Its owner resumed an approved record: the approval stands, and the line is unfit until the timer stops."""
    book = a_book()
    approve(book)
    book.capture("anna", [tracked(minutes=0, st_us=6_000_000)])

    assert row(book).state is LineState.UNFIT
    assert book.decisions[ANNA][-1].version == 1


@pytest.mark.parametrize("who", [EVA, "key:anna", ""])
def test_nobody_approves_for_others(who: str) -> None:
    """Only the approvers that are configured for a person approve that person's lines, or take approvals back."""
    book = a_book()

    assert approve(book, who) is Outcome.NOT_THEIRS
    approve(book)
    assert book.withdraw(who, [ANNA], "no", 2_000) == ([], [Outcome.NOT_THEIRS])


def test_two_users_may_have_the_same_key() -> None:
    """Keys are unique for their user alone; their lines are two lines."""
    book = a_book()
    book.capture("ben", [tracked(st_us=7_000_000)])

    assert [one.entry_id for one in book.rows()] == [ANNA, "timetagger:ben:k"]
    assert approve(book, EVA, "timetagger:ben:k") is Outcome.APPROVED
    assert row(book).state is LineState.WAITING


def test_an_approval_that_is_taken_back_waits_again() -> None:
    """A withdrawal is a version of its own, and the line can be approved again as the next one."""
    book = a_book()
    approve(book)
    decisions, outcomes = book.withdraw(MAX, [ANNA, ANNA, "nobody's"], "wrong week", 2_000)
    book.apply(decisions)

    assert outcomes == [Outcome.WITHDRAWN, Outcome.ALREADY, Outcome.UNKNOWN]
    assert row(book).state is LineState.WAITING
    assert approve(book) is Outcome.APPROVED
    assert [one.version for one in book.decisions[ANNA]] == [1, 2, 3]


def test_a_line_stays_at_home_where_it_was_first_approved() -> None:
    """Anna moves to another legal entity: a correction of her old line is still listed where the line began."""
    book = a_book()
    approve(book)
    moved = settings()
    person = moved.people["anna"].model_copy(update={"entity": "US01"})
    after = Book(moved.model_copy(update={"people": {**moved.people, "anna": person}}))
    after.apply(book.decisions[ANNA])
    after.capture("anna", [tracked(minutes=120, st_us=6_000_000)])

    assert approve(after) is Outcome.APPROVED

    assert after.published("DE01", 0, "")[0] == [(ANNA, 1), (ANNA, 2)]
    assert json.loads(after.events([(ANNA, 2)])[0])["entry"]["home_entity"] == "DE01"


def test_deciding_changes_nothing_until_it_is_durable() -> None:
    """Between the decision and its being kept nobody sees it; deciding twice makes the same version."""
    book = a_book()
    wish = Wish(ANNA, row(book).fingerprint)
    first, outcomes = book.approve(MAX, [wish, wish], 1_000)
    second, _ = book.approve(MAX, [wish], 1_000)

    assert outcomes == [Outcome.APPROVED, Outcome.ALREADY]
    assert len(first) == 1
    assert [one.version for one in (*first, *second)] == [1, 1]
    assert book.published("DE01", 0, "") == ([], "")


def test_the_listing_is_in_order_of_time_whatever_the_clock_does() -> None:
    """A clock that was set back publishes at the instant of what came before it, never earlier."""
    book = a_book()
    book.capture("anna", [tracked("b", st_us=1)])
    approve(book, at_ms=5_000)
    approve(book, entry_id="timetagger:anna:b", at_ms=3_000)

    assert [one.at_ms for one in book.log["DE01"]] == [5_000, 5_000]
    assert book.published("DE01", 5_000, "")[0] == [(ANNA, 1), ("timetagger:anna:b", 1)]
    assert book.published("DE01", 5_001, "")[0] == []


def test_a_long_listing_comes_in_pages() -> None:
    """Every head is on exactly one page, and the last page says that it is."""
    book = Book(settings())
    book.capture("anna", [tracked(f"k{number:04}", st_us=1) for number in range(2_345)])
    decisions, _ = book.approve(MAX, [Wish(one.entry_id, one.fingerprint) for one in book.rows()], 1_000)
    book.apply(decisions)

    found: list[tuple[str, int]] = []
    page, pages = "", 0
    while pages == 0 or page:
        heads, page = book.published("DE01", 0, page)
        found += heads
        pages += 1

    assert pages == 3
    assert found == [(one.entry_id, one.version) for one in book.log["DE01"]]
    assert len(set(found)) == 2_345
    with pytest.raises(ValueError, match="no page"):
        book.published("DE01", 0, "9999")


def test_what_the_runtime_says_is_shown_and_older_news_loses() -> None:
    """Statuses are numbered: the latest is kept, of lines that were published, and shown beside the line."""
    book = a_book()
    approve(book)
    first, second = Told(ANNA, 1, "posted", "LL-1", 4), Told(ANNA, 1, "parked", "no rate", 3)
    book.apply(book.newer([first]))

    assert book.newer([second, first, Told("nobody's", 1, "posted", "", 9)]) == []
    assert (row(book).status, row(book).detail) == ("posted", "LL-1")


def test_lines_are_chosen_by_person_day_and_state() -> None:
    """What has no day (a timer that runs) is shown whatever days were asked for: it may belong to any."""
    book = a_book()
    book.capture("anna", [tracked("later", t1_s=1_795_000_000, st_us=1), tracked("runs", minutes=0, st_us=1)])
    book.capture("ben", [tracked(st_us=1)])

    def keys(*asked: str) -> list[str]:
        return [one.entry_id.removeprefix("timetagger:") for one in book.rows(*asked)]

    assert keys("anna") == ["anna:runs", "anna:k", "anna:later"]
    assert keys("anna", "2026-11-16", "2026-11-16") == ["anna:runs", "anna:k"]
    assert keys("", "2026-11-17") == ["anna:runs", "anna:later"]
    assert keys("", "", "", "unfit") == ["anna:runs"]
    assert book.counts()["waiting"] == 3
