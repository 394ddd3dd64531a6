"""Clockify, detailed report as CSV.

Columns (second-hand, public connector code): Project, Client, Description, Task, User, Group, Email, Tags, Billable,
Start Date, Start Time, End Date, End Time, Duration (h), Duration (decimal), Billable Rate (USD), Billable Amount
(USD), then costs and profit, or `Date of creation`. `Task` may be renamed `Activity`; dates are 2026-03-02, 09/15/2026
or 15/09/2026 and times 24 hours or 02:00 PM, by each user's profile; a trailing `Total` line was reported.
"""

from simulators.timesheets.cells import Cells
from simulators.timesheets.clocked import clocked
from simulators.timesheets.columns import Tool
from simulators.timesheets.numbers import hundredths
from simulators.timesheets.rows import TimesheetRow


def book(cells: Cells) -> TimesheetRow:
    """One timer entry, booked on the day it began. The clock duration is exact, the decimal one already rounded."""
    when = clocked(cells, ("duration", "duration_decimal"), "start_date", "start_time", "end_date", "end_time")
    worker = cells.worker("email", "user")
    project = cells.project("project")
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
        currency=cells.currency("currency", "rate", "amount"),
        bill_rate=cells.number("rate"),
        start=when.start,
        stop=when.stop,
    )


CLOCKIFY = Tool(
    name="clockify",
    title="Clockify",
    columns={
        "project": ("Project",),
        "start_date": ("Start Date",),
        "duration": ("Duration (h)",),
        "duration_decimal": ("Duration (decimal)",),
        "client": ("Client", "Customer"),
        "description": ("Description",),
        "task": ("Task", "Activity"),
        "user": ("User",),
        "group": ("Group", "Department"),
        "email": ("Email",),
        "tags": ("Tags",),
        "billable": ("Billable",),
        "start_time": ("Start Time",),
        "end_date": ("End Date",),
        "end_time": ("End Time",),
        "rate": ("Billable Rate", "Hourly Rate"),
        "amount": ("Billable Amount", "Amount"),
        "currency": ("Currency",),
    },
    needed=(("project",), ("start_date",), ("duration", "duration_decimal")),
    dates=("start_date", "end_date"),
    numbers=("duration", "duration_decimal", "rate", "amount"),
    day_first=False,
    book=book,
)
