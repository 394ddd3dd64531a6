"""What a timesheet export holds, whichever tool wrote it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from simulators.timesheets.problems import IgnoredLine, RowProblem


@dataclass(slots=True)
class TimesheetRow:
    """One booking. `worker` is the e-mail address where the export has one, else the name.

    `hours` is exact to 0.01 h (half up); `work_date` is the civil date on which the work began; `bill_rate` is in
    major units of `currency` per hour; `start` and `stop` are local times of day ("14:00:00").
    """

    line_number: int
    worker: str
    client: str
    project: str
    task: str
    work_date: date
    hours: Decimal
    billable: bool
    narrative: str
    currency: str | None
    bill_rate: Decimal | None
    start: str | None
    stop: str | None


@dataclass(slots=True)
class TimesheetRead:
    """A whole file, every data line in exactly one place.

        total_rows == len(rows) + len(problems) + len(ignored)

    `notes` tell what was decided or noticed and kept nothing out. `date_column` is the header's own spelling.
    """

    rows: list[TimesheetRow]
    problems: list[RowProblem]
    tool: str
    total_rows: int
    ignored: list[IgnoredLine]
    notes: list[str]
    file: str
    date_column: str
