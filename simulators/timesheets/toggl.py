"""Toggl Track, detailed report as CSV.

Columns (second-hand, public connector code): User, Email, Client, Project, Task, Description, Billable, Start date,
Start time, End date, End time, Duration, Tags, Amount (EUR). The last header holds the workspace's currency, or
nothing ("Amount ()"), or is missing; a byte order mark is possible. A timer still running has a negative duration:
minus the epoch second of its start. There is an amount and no rate, so the rate is the amount by the exact hours;
an amount of zero is what Toggl writes where no rate was set, so it is no rate.
"""

from decimal import Decimal
from fractions import Fraction

from simulators.timesheets.cells import Cells
from simulators.timesheets.clocked import clocked
from simulators.timesheets.columns import Tool
from simulators.timesheets.numbers import hundredths
from simulators.timesheets.rows import TimesheetRow

FROM_AMOUNT = "bill rate is the amount by the hours, to 0.01"


def book(cells: Cells) -> TimesheetRow:
    """One timer entry, booked on the day it began."""
    when = clocked(cells, ("duration",), "start_date", "start_time", "end_date", "end_time")
    worker = cells.worker("email", "user")
    project = cells.project("project")
    amount = cells.number("amount")
    rate: Decimal | None = None
    if amount:
        rate = hundredths(Fraction(amount) / when.hours)
        cells.remarks.append(FROM_AMOUNT)
    return TimesheetRow(
        line_number=cells.line,
        worker=worker,
        client=cells.text("client"),
        project=project,
        task=cells.text("task"),
        work_date=when.work_date,
        hours=hundredths(when.hours),
        billable=cells.flag("billable"),
        narrative=cells.text("description"),
        currency=cells.currency("currency", "amount"),
        bill_rate=rate,
        start=when.start,
        stop=when.stop,
    )


TOGGL = Tool(
    name="toggl",
    title="Toggl Track",
    columns={
        "project": ("Project",),
        "start_date": ("Start date",),
        "duration": ("Duration",),
        "user": ("User", "Member"),
        "email": ("Email",),
        "client": ("Client",),
        "task": ("Task", "Activity"),
        "description": ("Description",),
        "billable": ("Billable",),
        "start_time": ("Start time",),
        "end_date": ("End date", "Stop date"),
        "end_time": ("End time", "Stop time"),
        "tags": ("Tags",),
        "amount": ("Amount", "Billable amount"),
        "currency": ("Currency",),
    },
    needed=(("project",), ("start_date",), ("duration", "end_time"), ("user", "email", "description")),
    dates=("start_date", "end_date"),
    numbers=("duration", "amount"),
    day_first=False,
    book=book,
)
