"""S3: a line is dated on its work date in an open period, or says why not and takes the next open one."""

import pytest

from simulators.evidence import LedgerLine
from simulators.firm.model import PeriodPlan
from tests.simulators.auditors.books import HOUR_MS, Books, at, day

APRIL = {"accounting_date": day(1, 4), "period": "2026-04", "adjusts": "period 2026-03 is shut"}


def late(shut_at: int | None = at(3, 18, 4), **line: object) -> Books:
    """An hour of 16 March approved and posted on 6 April; April opened on the 1st, March's gate shut on the 3rd."""
    books = Books()
    books.period("2026-04", at(1, 0, 4))
    if shut_at is not None:
        books.period("2026-03", shut_at, gate="shut")
    books.approve("E", at_ms=at(6, 9, 4))
    books.post("E", at_ms=at(6, 10, 4), **line)
    books.end("E", "posted", told="posted")
    return books


def test_late_time_goes_to_the_next_open_period_and_says_so():
    """March is shut, so the first day of April, with the reason."""
    assert late(**APRIL).violated() == []


def test_a_move_without_a_flag_is_found():
    """The date may move, but never silently."""
    books = late(**{**APRIL, "adjusts": ""})
    assert books.violated() == ["S3"]
    assert "without saying so" in books.first("S3")


def test_a_move_without_need_is_found():
    """March was open all the while, so April is wrong, flag or no flag."""
    books = late(shut_at=None, **APRIL)
    assert books.violated() == ["S3"]
    assert "never shut" in books.first("S3")


@pytest.mark.parametrize("hold", [{"status": "on_hold"}, {"gate": "held"}])
def test_a_hold_is_no_reason_to_move(hold: dict[str, str]):
    """March was only on hold, in the ERP or by our gate: the hour waits for it and stays in March."""
    moved, waited = late(shut_at=None, **APRIL), late(shut_at=None)
    for books in (moved, waited):
        books.period("2026-03", at(3, 18, 4), **hold)
    assert moved.violated() == ["S3"]
    assert "never shut" in moved.first("S3")
    waited.period("2026-03", at(6, 9, 4) + 1)
    assert waited.violated() == []


@pytest.mark.parametrize("shut", [{"status": "closed"}, {"status": "permanently_closed"}, {"gate": "shut"}])
def test_a_hold_that_becomes_shut_is_a_reason_to_move(shut: dict[str, str]):
    """From the hold March went on to be shut before the line landed: then April is right."""
    books = late(shut_at=None, **APRIL)
    books.period("2026-03", at(3, 18, 4), status="on_hold")
    books.period("2026-03", at(6, 9, 4) + 1, **shut)
    assert books.violated() == []


def test_a_next_period_on_hold_is_waited_for():
    """March is shut and April on hold, which will end: a line in May has passed April over."""
    may = {"accounting_date": day(1, 5), "period": "2026-05", "adjusts": "period 2026-03 is shut"}
    books = late(**may)
    books.firm.periods.append(PeriodPlan("DE01", "time", "2026-05", day(1, 5), day(31, 5), "open", "open"))
    books.period("2026-04", at(3, 0, 4), status="on_hold")
    assert books.violated() == ["S3"]
    books.evidence.periods[-1].status = "future"
    assert books.violated() == []


def test_feeding_a_shut_gate_is_found():
    """The ERP would still take March, but our gate was shut from before the approval until the landing."""
    books = late()
    assert books.violated() == ["S3"]
    assert "gate was shut" in books.first("S3")


def test_a_gate_that_shuts_while_the_row_is_on_its_way_is_no_breach():
    """What was decided while the gate was open may land after it shut."""
    assert late(shut_at=at(6, 9, 4) + HOUR_MS // 2).violated() == []


def test_a_gate_reopened_in_between_is_no_breach():
    """Two hours of re-opening between approval and landing are enough."""
    books = late()
    books.period("2026-03", at(6, 9, 4) + 1)
    books.period("2026-03", at(6, 9, 4) + 2, gate="shut")
    assert books.violated() == []


def test_a_line_in_a_period_the_erp_had_closed_is_found():
    """The ERP's own status at the landing decides, for people's lines as well."""
    for by_hand in (False, True):
        books = Books()
        books.approve("E", at_ms=at(6, 9, 4))
        books.period("2026-03", at(6, 9, 4) + 1, status="closed", gate="shut")
        books.post("E", at_ms=at(6, 10, 4), by_hand=by_hand)
        books.end("E", "posted", told="posted")
        assert books.violated() == ["S3"]
        assert "not open" in books.first("S3")


def test_a_person_may_post_behind_our_gate():
    """The feed's gate binds the feed; finance posts by hand while the ERP takes it."""
    assert late(by_hand=True).violated() == []


def test_a_line_in_a_period_that_never_opened_is_found():
    """The next open period is never one that is still in the future."""
    books = Books()
    books.period("2026-03", at(16), gate="shut")
    books.approve("E")
    books.post("E", **APRIL)
    books.end("E", "posted", told="posted")
    assert books.violated() == ["S3"]


def test_another_day_than_the_first_of_the_next_open_period_is_found():
    """The date of a moved line is not a matter of taste."""
    books = late(**{**APRIL, "accounting_date": day(2, 4)})
    assert books.violated() == ["S3"]
    assert "not the first day" in books.first("S3")


def test_the_period_named_is_the_one_the_date_falls_in():
    """A line dated in March and booked in April is in neither."""
    books = Books()
    books.approve("E")
    books.post("E", period="2026-04")
    books.end("E", "posted", told="posted")
    assert books.violated() == ["S3"]


def test_a_day_outside_every_period_is_found():
    """A date nobody ever set up a period for cannot be posted on."""
    books = Books()
    books.approve("E", work_date=day(1, 6))
    books.post("E", work_date=day(1, 6), accounting_date=day(1, 6), period="2026-06")
    books.end("E", "posted", told="posted")
    assert books.violated() == ["S3"]


def correction(second_leg: dict[str, object], **first_leg: object) -> tuple[Books, LedgerLine]:
    """8 hours of 16 March posted in March and corrected to 9 on 6 April; March's gate shut on the 3rd."""
    books = Books()
    books.period("2026-04", at(1, 0, 4))
    books.approve("E")
    first = books.post("E")
    books.approve("E", 2, at_ms=at(6, 9, 4), quarter_hours=36)
    undoing = books.reverse(first, at_ms=at(6, 10, 4), **first_leg)
    nine = {"quarter_hours": 36, "bill_minor": 900_00, "cost_minor": 360_00}
    books.post("E", 2, at_ms=at(6, 11, 4), **nine, **second_leg)
    books.end("E", "superseded", 1)
    books.end("E", "posted", 2, told="posted")
    return books, undoing


def test_both_legs_of_a_correction_move_together():
    """March is shut: the reversal and the new posting are both dated on the first of April."""
    books, _ = correction(APRIL, **APRIL)
    books.period("2026-03", at(3, 18, 4), gate="shut")
    assert books.violated() == []


def test_legs_dated_apart_are_found():
    """March was open for both, so a second leg in April tears the correction in two."""
    books, _ = correction(APRIL)
    assert books.violated() == ["S3"]
    books, _ = correction({"accounting_date": day(16)}, accounting_date=day(17))
    assert "S3" in books.violated()


def test_legs_may_part_when_the_period_shuts_between_them():
    """The reversal landed in March, then March shut: the new posting has to go to April."""
    books, undoing = correction(APRIL)
    books.period("2026-03", undoing.at_ms + 1, gate="shut")
    assert books.violated() == []


def test_a_correction_may_keep_the_date_of_the_line_it_corrects():
    """Posted in April because March was shut; March is open again, and the correction stays in April."""
    books = late(**APRIL)
    books.period("2026-03", at(7, 0, 4))
    books.approve("E", 2, at_ms=at(9, 9, 4), quarter_hours=36)
    undoing = books.reverse(books.evidence.lines[-1], at_ms=at(9, 10, 4))
    nine = {"quarter_hours": 36, "bill_minor": 900_00, "cost_minor": 360_00}
    books.post("E", 2, at_ms=undoing.at_ms + 1, **nine, **APRIL)
    books.evidence.final[-1].place = "superseded"
    books.end("E", "posted", 2, told="posted")
    assert books.violated() == []


def test_news_of_a_period_may_travel():
    """The gate opened again just before the approval, and the feed had not heard of it yet."""
    books = late(**APRIL)
    books.period("2026-03", at(6, 9, 4) - HOUR_MS // 2)
    assert books.violated() == []
    books.evidence.periods[-1].at_ms = at(6, 9, 4) - 2 * HOUR_MS
    assert books.violated() == ["S3"]


def test_the_next_open_period_is_not_passed_over():
    """April was open, so May is too far."""
    may = {"accounting_date": day(1, 5), "period": "2026-05", "adjusts": "period 2026-03 is shut"}
    books = late(**may)
    books.firm.periods.append(PeriodPlan("DE01", "time", "2026-05", day(1, 5), day(31, 5), "open", "open"))
    assert books.violated() == ["S3"]
    books.period("2026-04", at(5, 0, 4), gate="shut")
    assert books.violated() == []


def test_a_withdrawal_between_two_legs_makes_them_no_pair():
    """Taken back in April while March is shut; approved anew in May on a March that is open again."""
    books = Books()
    books.period("2026-04", at(1, 0, 4))
    books.period("2026-03", at(3, 18, 4), gate="shut")
    books.period("2026-03", at(8, 0, 4))
    books.approve("E")
    first = books.post("E")
    books.approve("E", 2, at_ms=at(6, 9, 4), withdrawn=True)
    books.approve("E", 3, at_ms=at(9, 9, 4))
    books.reverse(first, at_ms=at(8, 9, 4), **APRIL)
    books.post("E", 3, at_ms=at(9, 10, 4))
    books.end("E", "superseded", 1)
    books.end("E", "posted", 3, told="posted")
    assert books.violated() == []
    # Without the withdrawal it is a correction, and its legs are torn apart.
    books.evidence.versions["E"][1].withdrawn = False
    books.end("E", "superseded", 2)
    books.evidence.acknowledged += 1
    assert books.violated() == ["S3"]


def test_what_moves_a_reversal_is_the_calendar_since_the_newer_version():
    """March was shut before the second approval only, and open for the correction: there is no reason to move."""
    books = Books()
    books.period("2026-04", at(1, 0, 4))
    books.period("2026-03", at(1, 0, 4), gate="shut")
    books.period("2026-03", at(2, 0, 4))
    books.approve("E")
    first = books.post("E")
    books.approve("E", 2, at_ms=at(6, 9, 4), withdrawn=True)
    books.reverse(first, at_ms=at(6, 10, 4), **APRIL)
    books.end("E", "superseded", told="withdrawn")
    assert books.violated() == ["S3"]


def test_a_work_date_that_was_converted_is_found():
    """A work date is a civil date: the line has the one that was approved, whatever its accounting date."""
    books = Books()
    books.approve("E")
    books.post("E", work_date=day(15), accounting_date=day(15))
    books.end("E", "posted", told="posted")
    assert "carries the work date 2026-03-15, approved was 2026-03-16" in books.first("S3")
