"""Harvest, detailed time report as CSV.

Columns as of a 541-row export of April 2026 (second-hand, public specification): Date, Client, Project, Project Code,
Task, Notes, Hours, Billable?, Invoiced?, Approved?, First Name, Last Name, Employee Id, Roles, Employee?, Billable
Rate, Billable Amount, Cost Rate, Cost Amount, Currency, External Reference URL. Drift seen: `Hours Rounded` added,
`Department` for `Roles`, no `Employee Id`, the shorter file Harvest imports (`Note`, `First name`), `;` with 26.01.2015
and "7,5" in Finnish and German exports, Currency as "Euro - EUR". German headings are assumed.
"""

from simulators.timesheets.cells import Cells
from simulators.timesheets.columns import Tool
from simulators.timesheets.numbers import hundredths
from simulators.timesheets.rows import TimesheetRow


def book(cells: Cells) -> TimesheetRow:
    """One booking: a day and hours, no times of day."""
    work_date = cells.day("date")
    name = " ".join(part for part in (cells.text("first"), cells.text("last")) if part)
    worker = name or cells.worker("email", "first", "last")
    project = cells.project("project")
    hours = hundredths(cells.exact_hours("hours", running=False))
    return TimesheetRow(
        line_number=cells.line,
        worker=cells.text("email") or worker,
        client=cells.text("client"),
        project=project,
        task=cells.text("task"),
        work_date=work_date,
        hours=hours,
        billable=cells.flag("billable"),
        narrative=cells.text("notes"),
        currency=cells.currency("currency", "rate", "amount"),
        bill_rate=cells.number("rate"),
        start=None,
        stop=None,
    )


HARVEST = Tool(
    name="harvest",
    title="Harvest",
    columns={
        "date": ("Date", "Spent date", "Datum", "Päivämäärä"),
        "client": ("Client", "Customer", "Kunde", "Asiakas"),
        "project": ("Project", "Projekt", "Projekti"),
        "task": ("Task", "Activity", "Aufgabe", "Tehtävä"),
        "notes": ("Notes", "Note", "Notizen", "Muistiinpanot"),
        "hours": ("Hours", "Stunden", "Tunnit"),
        "billable": ("Billable?", "Abrechenbar?", "Laskutettava?"),
        "first": ("First Name", "Vorname", "Etunimi"),
        "last": ("Last Name", "Nachname", "Sukunimi"),
        "email": ("Email", "E-mail"),
        "role": ("Roles", "Department"),
        "rate": ("Billable Rate",),
        "amount": ("Billable Amount",),
        "currency": ("Currency", "Währung", "Valuutta"),
    },
    needed=(("date",), ("project",), ("hours",)),
    dates=("date",),
    numbers=("hours", "rate", "amount"),
    day_first=False,
    book=book,
)
