"""S15: what came in a form that nobody agreed on never reaches the ERP."""

import pytest

from tests.simulators.auditors.books import HOUR_MS, Books

APPROVED_MS = 1_000 * HOUR_MS


def landed(*sent: tuple[int, str], at_ms: int = APPROVED_MS + 10, **more: object) -> Books:
    """An entry that was sent in these forms, and whose line landed for what it is worth."""
    books = Books()
    books.approve("E", at_ms=APPROVED_MS)
    books.post("E", at_ms=at_ms, **more)
    books.end("E", "posted", told="posted")
    books.evidence.sent_otherwise["E", 1] = list(sent)
    return books


def test_a_line_of_what_nobody_could_read_is_found() -> None:
    """Only a wrong form had come when the line landed: however right its amount, somebody guessed."""
    books = landed((APPROVED_MS, "new_enum"), (APPROVED_MS + 5, "new_enum"))

    assert "S15" in books.violated()
    assert "only come in the form 'new_enum'" in books.first("S15")


@pytest.mark.parametrize(
    "sent",
    [
        [(APPROVED_MS, "null"), (APPROVED_MS + 5, "")],
        [(APPROVED_MS + 5, "null")],
    ],
    ids=["sent again as agreed", "sent as agreed before"],
)
def test_a_line_of_the_right_form_is_fine(sent: list[tuple[int, str]]) -> None:
    """Once the event had come as agreed, the line is made of that."""
    assert "S15" not in landed(*sent).violated()


def test_the_right_form_must_come_first() -> None:
    """A line that landed before the event came as agreed was made of the wrong form."""
    assert "S15" in landed((APPROVED_MS, "null"), (APPROVED_MS + 20, "")).violated()


def test_a_person_may_post_what_the_feed_could_not_read() -> None:
    """A line by hand is not made of an event."""
    assert "S15" not in landed((APPROVED_MS, "comma"), by_hand=True).violated()
