"""What real files do to a format: encodings, delimiters, dates, numbers, broken quotes, days that are too full."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tests.simulators.timesheets.exports import CLOCKIFY, HARVEST, TOGGL, export, harvest


def clockify(day: str, hours: str = "01:00:00", start: str = "09:00:00", end: str = "10:00:00") -> str:
    return f"Brand,Garage,Logo,,Hugo,,hugo@example.org,,Yes,{day},{start},{day},{end},{hours},,80,"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_delimiter(tmp_path: Path, delimiter: str) -> None:
    """The delimiter is the one under which the header is a tool's."""
    read = export(tmp_path, HARVEST.replace(",", delimiter), harvest().replace(",", delimiter))
    assert read.rows[0].hours == Decimal("7.50")


def test_excel_separator_line(tmp_path: Path) -> None:
    """Excel's first line names the delimiter and is no data."""
    read = export(tmp_path, "sep=;", HARVEST.replace(",", ";"), harvest().replace(",", ";"))
    assert (read.total_rows, read.rows[0].line_number) == (1, 3)


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-16", "the file is UTF-16"),
        ("cp1252", "the file is not UTF-8 and was read as Windows-1252"),
    ],
)
def test_encodings(tmp_path: Path, encoding: str, note: str | None) -> None:
    """A byte order mark is no part of the first header, and what is not UTF-8 is said."""
    read = export(tmp_path, HARVEST, harvest(client="Järvi"), encoding=encoding)
    assert read.rows[0].client == "Järvi"
    assert read.notes == ([note] if note else [])


@pytest.mark.parametrize(
    ("days", "expected", "note"),
    [
        (("03/04/2026", "15/04/2026"), date(2026, 4, 3), "dates are read day first: line 3 has '15/04/2026'"),
        (("03/04/2026", "03/15/2026"), date(2026, 3, 4), "dates are read month first: line 3 has '03/15/2026'"),
        (
            ("03/04/2026", "03/05/2026"),
            date(2026, 3, 4),
            "dates like 03/04/2026 are read month first, the habit of Clockify: no date of the file decides it",
        ),
        (
            ("03.04.2026", "05.04.2026"),
            date(2026, 4, 3),
            "dates like 03.04.2026 are read day first, as dots mean everywhere",
        ),
        (("2026-04-03", "2026-04-04"), date(2026, 4, 3), None),
    ],
)
def test_order_of_dates(tmp_path: Path, days: tuple[str, str], expected: date, note: str | None) -> None:
    """The file shows the order of its dates by a number above 12, else the tool's habit counts; the note says which."""
    read = export(tmp_path, CLOCKIFY, *map(clockify, days))
    assert read.rows[0].work_date == expected
    assert read.notes == ([note] if note else [])


def test_dates_against_the_order_of_the_file_are_kept_out(tmp_path: Path) -> None:
    """In a file of days first, a date of month first has no month 15."""
    read = export(tmp_path, CLOCKIFY, *map(clockify, ("15/09/2026", "16/09/2026", "09/17/2026")))
    assert [str(problem) for problem in read.problems] == [
        "march.csv:4: column 'Start Date': '09/17/2026' is a date that does not exist: there is no month 17; "
        "correct the date"
    ]


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("7.5", "7.50"),
        ('"7,5"', "7.50"),
        ("07:20:00", "7.33"),
        ("7:30", "7.50"),
        ("7h 30m", "7.50"),
        ("0.125", "0.13"),
        ("0.005", "0.01"),
        ("24", "24.00"),
    ],
)
def test_hours_are_exact_to_a_hundredth(tmp_path: Path, text: str, hours: str) -> None:
    """Decimal point or comma, clock or words: one number of hours, rounded half up to 0.01."""
    assert export(tmp_path, HARVEST, harvest(hours=text)).rows[0].hours == Decimal(hours)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("30", "is more than 24 hours in a day; split it over days"),
        ("24.01", "is more than 24 hours in a day; split it over days"),
        ("0", "is no time at all (under 0.005 h); enter the hours or delete the row"),
        ("0.004", "is no time at all (under 0.005 h); enter the hours or delete the row"),
        ("-1", "is negative; enter hours above zero, or correct the row that it takes back"),
        ("", "is empty: a row needs its hours; enter them like 7.5 or 07:30:00"),
        ("NaN", "is not a number of hours; write it like 7.5 or 07:30:00"),
        ("1e1", "is not a number of hours; write it like 7.5 or 07:30:00"),
        ("7:75", "is not a duration: minutes and seconds end at 59; write it like 07:30:00"),
    ],
)
def test_hours_that_cannot_be_used(tmp_path: Path, text: str, reason: str) -> None:
    """What is no booking's time keeps its row out and no other."""
    read = export(tmp_path, HARVEST, harvest(hours=text), harvest())
    assert [str(problem) for problem in read.problems] == [f"march.csv:2: column 'Hours': '{text}' {reason}"]
    assert len(read.rows) == 1


def test_thousands_are_not_decimals(tmp_path: Path) -> None:
    """Three digits after a comma are thousands where the file's other numbers have a decimal point."""
    read = export(tmp_path, HARVEST, harvest(rate='"1,250"'), harvest(rate='"1,250.50"', day="2026-03-03"))
    assert [row.bill_rate for row in read.rows] == [Decimal(1250), Decimal("1250.50")]


def test_three_digits_alone_prove_nothing(tmp_path: Path) -> None:
    """Where no other number decides, three digits are thousands between commas and decimals between semicolons."""
    assert export(tmp_path, HARVEST, harvest(rate='"1,250"', hours="7")).rows[0].bill_rate == Decimal(1250)
    line = harvest(hours="1#125").replace(",", ";").replace("#", ",")
    assert export(tmp_path, HARVEST.replace(",", ";"), line).rows[0].hours == Decimal("1.13")


def test_headers_drift_in_case_blanks_and_marks(tmp_path: Path) -> None:
    """A header is the same column with other capitals, underscores and without its question mark."""
    header = HARVEST.upper().replace("?", "").replace("FIRST NAME", " first_name ")
    row = export(tmp_path, header, harvest(billable="No")).rows[0]
    assert (row.billable, row.worker) == (False, "Ada Byron")


def test_a_comma_with_three_digits_is_a_decimal_where_others_are(tmp_path: Path) -> None:
    """Three digits after a comma are decimals where the file's other numbers have a decimal comma."""
    read = export(tmp_path, HARVEST, harvest(hours='"1,125"'), harvest(hours='"7,5"'))
    assert [row.hours for row in read.rows] == [Decimal("1.13"), Decimal("7.50")]


def test_a_day_has_24_hours_for_one_person(tmp_path: Path) -> None:
    """The row that takes a person past 24 hours on a day is kept out; other people and days are not touched."""
    read = export(
        tmp_path,
        HARVEST,
        harvest(hours="16"),
        harvest(hours="8.5"),
        harvest(hours="8"),
        harvest(hours="12", worker="Bo,Li"),
        harvest(hours="12", day="2026-03-03"),
    )
    assert [row.line_number for row in read.rows] == [2, 4, 5, 6]
    assert [str(problem) for problem in read.problems] == [
        "march.csv:3: column 'Hours': '8.5' brings 'Ada Byron' to 24.50 hours on 2026-03-02, more than 24; "
        "look for a double booking"
    ]


def test_equal_bookings_are_kept_and_said(tmp_path: Path) -> None:
    """Two equal rows are two bookings; the note names both lines."""
    read = export(tmp_path, HARVEST, harvest(hours="1"), harvest(hours="2"), harvest(hours="1"))
    assert len(read.rows) == 3
    assert read.notes == ["exact duplicates are kept, for two equal bookings are legitimate: line 4 repeats line 2"]


@pytest.mark.parametrize("text", ["EUR", "eur", "Euro - EUR", "€"])
def test_currency_words(tmp_path: Path, text: str) -> None:
    """The ISO code is found in whatever the tool writes around it."""
    assert export(tmp_path, HARVEST, harvest(currency=text)).rows[0].currency == "EUR"


@pytest.mark.parametrize("text", ["ZZZ", "XAU", "$", "Euros"])
def test_unknown_currencies(tmp_path: Path, text: str) -> None:
    """What ISO 4217 does not list with minor units is no currency to bill in, and a bare $ is many."""
    problem = export(tmp_path, HARVEST, harvest(currency=text)).problems[0]
    assert (problem.column, problem.value) == ("Currency", text)
    assert problem.reason == "is an unknown currency; write its ISO 4217 code, like EUR"


def test_unknown_currency_in_a_header(tmp_path: Path) -> None:
    """A currency that stands in the header is checked as one in a column is."""
    header = CLOCKIFY.replace("USD", "QQQ")
    problem = export(tmp_path, header, clockify("2026-03-02")).problems[0]
    assert (problem.column, problem.value) == ("Billable Rate (QQQ)", "QQQ")


def test_a_total_is_no_booking_and_a_client_of_that_name_is(tmp_path: Path) -> None:
    """A total line has the word and no date; a client called Total has a date, or lacks one and is reported."""
    read = export(
        tmp_path,
        HARVEST,
        harvest(client="Total"),
        harvest(client="Total", day=""),
        ",,,,,,,,,,",
        "Total,,,,,15.0,,,,,EUR",
        "",
    )
    assert [row.client for row in read.rows] == ["Total"]
    assert [(line.line, line.what) for line in read.ignored] == [(4, "empty line"), (5, "total line")]
    assert [problem.reason for problem in read.problems] == [
        "is empty: a row needs its date; enter it like 2026-03-31",
    ]
    assert read.total_rows == 4


def test_a_quote_that_is_never_closed_costs_its_own_line(tmp_path: Path) -> None:
    """The rows below an open quote are read as if it were not there."""
    broken = '2026-03-02,Acme,"Website,Design,Note,1,Yes,Ada,Byron,120,EUR'
    read = export(tmp_path, HARVEST, broken, harvest(), harvest(project='"Web, site"'))
    assert [(problem.line, problem.reason) for problem in read.problems] == [
        (2, "has a quote out of place; close it, or double it inside a value")
    ]
    assert [row.project for row in read.rows] == ["Website", "Web, site"]


def test_a_value_with_a_bare_delimiter_is_reported(tmp_path: Path) -> None:
    """More values than columns means that a delimiter was not quoted, so no value is where it should be."""
    read = export(tmp_path, HARVEST, harvest(client="Acme, Inc."))
    assert str(read.problems[0]) == (
        "march.csv:2: column 'Currency': 'EUR' is more than the header's 11 columns; "
        "quote the value that holds a delimiter"
    )


def test_a_day_that_ends_before_it_begins(tmp_path: Path) -> None:
    """A stop before the start on the same dates is a slip, not a night."""
    line = "Ada,a@example.org,Acme,Web,,X,Yes,2026-03-02,09:00:00,2026-03-02,08:00:00,01:00:00,,"
    problem = export(tmp_path, TOGGL, line).problems[0]
    assert (problem.column, problem.reason) == ("End time", "is before the start; correct the start or the end")


def test_a_running_timer_with_hours_so_far(tmp_path: Path) -> None:
    """A start without an end still runs, whatever its duration says by now."""
    problem = export(tmp_path, CLOCKIFY, clockify("2026-03-02", end="")).problems[0]
    assert (problem.column, problem.reason) == (
        "End Time",
        "is empty: the timer is still running; stop it, export again",
    )


def test_silence_on_billable_is_billable_and_said(tmp_path: Path) -> None:
    """An empty Billable cell is taken as billable, and the note names the line."""
    read = export(tmp_path, HARVEST, harvest(billable=""))
    assert read.rows[0].billable
    assert read.notes == ["no word on whether it is billable, taken as billable: 1 row (line 2)"]
