"""The reconciliation finds every way in which approved time, the ERP's lines and its invoices can differ."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from scenarios.real.reconcile import ApprovedLine, Books, Invoice, InvoiceLine, TimeLine, reconcile

DAY = date(2026, 11, 16)
RATES = {("DE01", "P", "Design"): 148_00, ("DE01", "P", "Build"): 132_40}
Change = Callable[[Books], Books]


def approved(entry_id: str, hours: str, task: str = "Design", version: int = 1, number: int = 1) -> ApprovedLine:
    """A line that stands, and was told about."""
    return ApprovedLine(entry_id, version, "DE01", "W", "P", task, DAY, Decimal(hours), "posted", str(number))


def line(
    number: int, entry_id: str, hours: str, on: int | None = 1, task: str = "Design", version: int = 1
) -> TimeLine:
    """A line of time in the ERP."""
    uuid = f"acme/DE01/{entry_id}/{version}/time/post/0"
    return TimeLine(number, "DE01", uuid, entry_id, version, "W", "P", task, DAY, Decimal(hours), "", on)


def takes_back(number: int, other: TimeLine, on: int | None = 1) -> TimeLine:
    """The line that takes another one back."""
    return replace(
        other, number=number, uuid=other.uuid.replace("post", "reverse"), hours=-other.hours, reverses=other.uuid,
        invoice_line=on,
    )  # fmt: skip


APPROVED = (approved("a", "2.25"), approved("b", "4", "Build", version=2, number=4))
OLD = line(2, "b", "1")
BOOKS = Books(
    (line(1, "a", "2.25"), OLD, takes_back(3, OLD), line(4, "b", "4", 2, "Build", version=2)),
    (InvoiceLine(1, 7, Decimal("2.25"), 148_00, 333_00), InvoiceLine(2, 7, Decimal(4), 132_40, 529_60)),
    (Invoice(7, "DE01", "DE01-1", "posted", "EUR", 862_60, 862_60),),
)
"""A version that was replaced, and everything right."""


def test_what_is_right_has_no_findings_and_all_figures() -> None:
    """A corrected entry stands once, in its latest version; what was taken back cancels out on its invoice."""
    made = reconcile(APPROVED, BOOKS, RATES)

    assert made.findings == []
    assert made.figures["lines that stand"] == "2"
    assert made.figures["DE01"] == "6.25 h × rates = 862.60 EUR, invoiced 862.60, booked as revenue 862.60"


def with_line(which: int, /, **changes: object) -> Change:
    """One line of time is otherwise."""

    def change(books: Books) -> Books:
        lines = tuple(replace(one, **changes) if one.number == which else one for one in books.lines)  # type: ignore[arg-type]  # by name
        return replace(books, lines=lines)

    return change


def without_line(number: int) -> Change:
    """One line of time is missing."""
    return lambda books: replace(books, lines=tuple(one for one in books.lines if one.number != number))


def with_invoice(**changes: object) -> Change:
    """The invoice is otherwise."""
    return lambda books: replace(books, invoices=(replace(books.invoices[0], **changes),))  # type: ignore[arg-type]  # by name


def with_amount(minor: int) -> Change:
    """The first invoice line has another amount."""
    return lambda books: replace(
        books, invoice_lines=(replace(books.invoice_lines[0], amount_minor=minor), books.invoice_lines[1])
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without_line(1), "approved, and not in the ERP: ('a', 1)"),
        (
            lambda books: replace(books, lines=(*books.lines, line(9, "c", "1"))),
            "in the ERP, and not approved: ('c', 1)",
        ),
        (without_line(3), "in the ERP, and not approved: ('b', 1)"),
        (lambda books: replace(books, lines=(*books.lines, books.lines[0])), "a key stands twice in the ERP"),
        (
            lambda books: replace(
                books, lines=(*books.lines, replace(books.lines[0], number=9, uuid="x/1/time/post/1"))
            ),
            "in the ERP more than once: ('a', 1)",
        ),
        (with_line(3, hours=Decimal("-0.5")), "a reversal that is not the exact opposite"),
        (with_line(3, worker="V"), "a reversal that is not the exact opposite"),
        (with_line(3, reverses="nothing"), "a reversal of nothing"),
        (with_line(1, hours=Decimal(3)), "not as it was approved: a"),
        (with_line(1, worker="V"), "not as it was approved: a"),
        (with_line(1, work_date=date(2026, 11, 17)), "not as it was approved: a"),
        (with_line(1, number=8), "the source was not told where it stands: ('a', 1)"),
        (with_line(1, invoice_line=None), "time that nobody invoiced"),
        (with_line(1, invoice_line=5), "time on an invoice line that is not there: 5"),
        (with_line(1, invoice_line=2), "an invoice line with other hours than its time"),
        (
            lambda books: replace(
                books, invoice_lines=(*books.invoice_lines, InvoiceLine(3, 7, Decimal(1), 148_00, 148_00))
            ),
            "an invoice line without time behind it: 3",
        ),
        (with_invoice(state="draft"), "an invoice that is not posted: DE01-1"),
        (with_amount(333_01), "hours × rate is not what the invoices say: DE01/P/Design 333.00 and 333.01"),
        (with_invoice(net_minor=862_61), "DE01: 6.25 h × rates = 862.60 EUR, invoiced 862.61"),
        (with_invoice(moved_minor=0), "booked as revenue 0.00"),
    ],
)
def test_every_difference_is_found(change: Change, said: str) -> None:
    """One thing is wrong in books that were right: it is named, with where it is."""
    made = reconcile(APPROVED, change(BOOKS), RATES)

    assert any(said in finding for finding in made.findings), made.findings


@pytest.mark.parametrize(("status", "ledger_id"), [("", "1"), ("parked", "1"), ("posted", "99")])
def test_the_source_has_to_know_where_it_stands(status: str, ledger_id: str) -> None:
    """A status that never came, another one, or one with the wrong line's number is a finding."""
    lines = (replace(APPROVED[0], status=status, ledger_id=ledger_id), APPROVED[1])

    assert reconcile(lines, BOOKS, RATES).findings == ["the source was not told where it stands: ('a', 1)"]


def test_many_differences_are_counted_and_not_all_named() -> None:
    """A disaster is one line with a few examples."""
    lines = [approved(f"e{number}", "1") for number in range(9)]

    made = reconcile(lines, Books((), (), ()), RATES)

    assert made.findings[0] == "approved, and not in the ERP: ('e0', 1), ('e1', 1), ('e2', 1) and 6 more"
