"""Kimai, default export template as CSV.

Columns (documented: kimai/kimai src/Export/DefaultTemplate.php): date, begin, end, duration_decimal, currency, rate,
internal_rate, hourly_rate, fixed_rate, user.alias, user.name, user.email, user.account_number, customer.name,
project.name, activity.name, description, billable, tags, type, category, customer.number, project.number,
customer.vat_id, project.order_number, then meta fields. The file shows the names of the columns or their
translations, so both are known here (the German ones second-hand from exports in public tests, the English ones
assumed). A spreadsheet's last line holds `=SUBTOTAL(…)` formulas. `fixed_rate` is a price for the whole row whatever
its hours, so it is no hourly rate and is not read.
"""

from simulators.timesheets.cells import Cells
from simulators.timesheets.clocked import clocked
from simulators.timesheets.columns import Tool
from simulators.timesheets.numbers import hundredths
from simulators.timesheets.rows import TimesheetRow


def book(cells: Cells) -> TimesheetRow:
    """One record. There is one date, so an end before its begin is on the next day."""
    when = clocked(cells, ("duration",), "date", "begin", "end_date", "end")
    worker = cells.worker("email", "alias", "user")
    project = cells.project("project")
    return TimesheetRow(
        line_number=cells.line,
        worker=worker,
        client=cells.text("client"),
        project=project,
        task=cells.text("activity"),
        work_date=when.work_date,
        hours=hundredths(when.hours),
        billable=cells.flag("billable"),
        narrative=cells.text("description"),
        currency=cells.currency("currency", "hourly_rate"),
        bill_rate=cells.number("hourly_rate"),
        start=when.start,
        stop=when.stop,
    )


KIMAI = Tool(
    name="kimai",
    title="Kimai",
    columns={
        "date": ("date", "Datum"),
        "begin": ("begin", "from", "start", "Von", "Beginn"),
        "end": ("end", "to", "Bis", "Ende"),
        "end_date": ("end date",),
        "duration": ("duration_decimal", "duration", "Dauer"),
        "project": ("project.name", "project", "Projekt"),
        "activity": ("activity.name", "activity", "task", "Tätigkeit", "Aktivität"),
        "client": ("customer.name", "customer", "Kunde"),
        "email": ("user.email", "email", "E-Mail"),
        "alias": ("user.alias", "alias", "display name", "name"),
        "user": ("user.name", "username", "user", "Benutzername", "Benutzer"),
        "description": ("description", "Beschreibung"),
        "billable": ("billable", "Abrechenbar"),
        "currency": ("currency", "Währung"),
        "rate": ("rate", "total price", "Preis", "Gesamtpreis"),
        "hourly_rate": ("hourly_rate", "hourlyRate", "hourly price", "Stundenlohn", "Stundensatz"),
        "tags": ("tags", "Schlagworte"),
    },
    needed=(("date",), ("begin",), ("duration", "end"), ("project",), ("activity", "client")),
    dates=("date", "end_date"),
    numbers=("duration", "rate", "hourly_rate"),
    day_first=True,
    book=book,
)
