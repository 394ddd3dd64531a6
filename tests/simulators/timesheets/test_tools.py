"""Each tool's own export, found by its header and read row by row."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from simulators.timesheets.rows import TimesheetRead
from tests.simulators.timesheets.exports import SAMPLES, TIMETAGGER, TOGGL, export, sample

COUNTS = {
    "harvest.csv": ("harvest", 5, 5, 1),
    "harvest_finnish.csv": ("harvest", 2, 0, 0),
    "toggl.csv": ("toggl", 3, 2, 0),
    "clockify.csv": ("clockify", 2, 1, 1),
    "kimai.csv": ("kimai", 2, 1, 1),
    "timetagger.csv": ("timetagger", 2, 4, 0),
}


def problems(read: TimesheetRead) -> list[str]:
    return [str(problem) for problem in read.problems]


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_every_line_is_a_row_a_problem_or_a_named_line(name: str) -> None:
    """The tool is found by the header alone, and rows, problems and ignored lines add up to the lines of data."""
    read = sample(name)
    assert (read.tool, len(read.rows), len(read.problems), len(read.ignored)) == COUNTS[name]
    assert read.total_rows == len(read.rows) + len(read.problems) + len(read.ignored)


def test_every_sample_is_counted() -> None:
    """A sample without expected counts would prove nothing."""
    assert sorted(path.name for path in SAMPLES.glob("*.csv")) == sorted(COUNTS)


def test_harvest_rows() -> None:
    """A Harvest row has a day and hours; a value over two lines is one, and lines count as in an editor."""
    rows = sample("harvest.csv").rows
    assert [row.line_number for row in rows] == [2, 3, 5, 11, 12]
    first = rows[0]
    assert (first.worker, first.client, first.project, first.task) == ("Ada Byron", "Acme", "Website", "Design")
    assert (first.work_date, first.hours, first.billable) == (date(2026, 3, 2), Decimal("7.50"), True)
    assert (first.currency, first.bill_rate, first.start, first.stop) == ("EUR", Decimal("120.00"), None, None)
    assert rows[1].narrative == "Footer, and\nthe imprint"
    assert not rows[2].billable


def test_harvest_problems_say_what_where_and_how_to_mend() -> None:
    """Dates that do not exist, 30 hours, unknown currency, no project, negative hours: one clear line for each."""
    assert problems(sample("harvest.csv")) == [
        "harvest.csv:6: column 'Date': '2026-02-30' is a date that does not exist: February 2026 has 28 days; "
        "correct the date",
        "harvest.csv:7: column 'Hours': '30' is more than 24 hours in a day; split it over days",
        "harvest.csv:8: column 'Currency': 'Florin - QQQ' is an unknown currency; write its ISO 4217 code, like EUR",
        "harvest.csv:9: column 'Project': '' is empty: hours need a project to be posted to; enter the project",
        "harvest.csv:10: column 'Hours': '-2' is negative; enter hours above zero, or correct the row that it "
        "takes back",
    ]


def test_harvest_in_finnish() -> None:
    """Semicolons, dotted dates, decimal commas with a thousands dot, Department for Roles, an added column."""
    read = sample("harvest_finnish.csv")
    assert [(row.work_date, row.hours, row.billable) for row in read.rows] == [
        (date(2015, 1, 5), Decimal("7.50"), True),
        (date(2015, 1, 26), Decimal("0.25"), False),
    ]
    assert read.rows[0].bill_rate == Decimal("1250.50")
    assert read.notes == ["dates are read day first: line 3 has '26.01.2015'", "numbers are read with decimal commas"]


def test_toggl_rows() -> None:
    """Toggl has amounts and no rate: the rate is amount by exact hours; midnight does not move a row off its day."""
    read = sample("toggl.csv")
    assert [(row.worker, row.work_date, row.hours, row.bill_rate) for row in read.rows] == [
        ("ada@example.org", date(2026, 3, 2), Decimal("1.33"), Decimal("90.00")),
        ("ada@example.org", date(2026, 3, 2), Decimal("1.25"), Decimal("90.00")),
        ("bo@example.org", date(2026, 3, 3), Decimal("0.50"), None),
    ]
    assert read.rows[1].start == "23:30:00"
    assert read.rows[1].stop == "00:45:00"
    assert "crosses midnight, belongs to the day it began: 1 row (line 3)" in read.notes


def test_toggl_problems() -> None:
    """A running timer's negative duration and a row of no length are kept out."""
    assert problems(sample("toggl.csv")) == [
        "toggl.csv:4: column 'Duration': '-1772528400' is negative: the timer is still running; stop it, export again",
        "toggl.csv:5: column 'Duration': '00:00:00' is no time at all (under 0.005 h); enter the hours or "
        "delete the row",
    ]


def test_toggl_without_currency_or_amount(tmp_path: Path) -> None:
    """The last header may hold no currency; then the row has neither currency nor rate."""
    line = "Ada,ada@example.org,Acme,Website,,X,Yes,2026-03-02,09:00:00,2026-03-02,10:00:00,01:00:00,,"
    row = export(tmp_path, TOGGL, line).rows[0]
    assert (row.currency, row.bill_rate) == (None, None)


def test_clockify_rows() -> None:
    """Everything quoted, Activity for Task, American dates and times, the currency in the header, a Total line."""
    read = sample("clockify.csv")
    assert [(row.work_date, row.start, row.stop, row.hours) for row in read.rows] == [
        (date(2026, 9, 3), "14:00:00", "15:30:00", Decimal("1.50")),
        (date(2026, 9, 15), "00:05:00", "00:30:00", Decimal("0.42")),
    ]
    first = read.rows[0]
    assert (first.task, first.currency, first.bill_rate) == ("Design", "USD", Decimal("80.00"))
    assert [(line.line, line.what) for line in read.ignored] == [(5, "total line")]
    assert problems(read) == [
        "clockify.csv:4: column 'Duration (h)': '' is empty and so is the end: the timer is still running; "
        "stop it, export again"
    ]


def test_kimai_rows() -> None:
    """Kimai's column names, one date for begin and end, a formula line; the odd sign is reported, not guessed."""
    read = sample("kimai.csv")
    assert [(row.work_date, row.hours, row.bill_rate, row.task) for row in read.rows] == [
        (date(2026, 4, 3), Decimal("4.25"), Decimal(100), "Design"),
        (date(2026, 4, 3), Decimal("3.00"), Decimal(100), "Design"),
    ]
    assert [line.what for line in read.ignored] == ["total line"]
    assert problems(read) == ["kimai.csv:4: column 'billable': 'perhaps' is neither yes nor no; write Yes or No"]


def test_kimai_in_german(tmp_path: Path) -> None:
    """Kimai writes the translations of its columns; without a worker column the rows are the owner's."""
    read = export(
        tmp_path,
        "Datum;Von;Bis;Dauer;Kunde;Projekt;Tätigkeit;Beschreibung",
        "02.03.2026;08:00;09:15;01:15;Muster GmbH;Ausbildung;Schulung;Netze",
    )
    row = read.rows[0]
    assert (read.tool, row.worker, row.hours) == ("kimai", "owner", Decimal("1.25"))
    assert (row.client, row.project, row.task) == ("Muster GmbH", "Ausbildung", "Schulung")


def test_timetagger_rows() -> None:
    """Instants as ISO text or Unix seconds; the first tag is the project, with its client before a slash."""
    read = sample("timetagger.csv")
    assert [(row.client, row.project, row.task, row.start, row.hours) for row in read.rows] == [
        ("acme", "website", "design", "08:00:00", Decimal("1.50")),
        ("", "website", "", "22:30:00", Decimal("1.00")),
    ]
    assert problems(read) == [
        "timetagger.csv:4: column 'stop': '' is empty: the timer is still running; stop it, export again",
        "timetagger.csv:5: column 'tags': '' has no tag: the first tag is the project hours are posted to; "
        "tag the record",
        "timetagger.csv:6: column 'stop': '2026-03-05T10:00:00Z' is 26.00 h after the start, more than 24 hours in a "
        "day; split it over days",
        "timetagger.csv:7: column 'stop': '2026-03-04T07:00:00Z' is before the start; correct the start or the end",
    ]


def test_timetagger_work_date_is_local(tmp_path: Path) -> None:
    """22:30 UTC on 31 March is already 1 April in Berlin: the civil date of the start in the zone given."""
    line = "a\t1774996200\t1774999800\t#website\tLate"
    assert export(tmp_path, TIMETAGGER, line).rows[0].work_date == date(2026, 3, 31)
    row = export(tmp_path, TIMETAGGER, line, zone="Europe/Berlin").rows[0]
    assert (row.work_date, row.start) == (date(2026, 4, 1), "00:30:00")
