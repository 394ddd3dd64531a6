"""Export files for tests: the samples beside this file, and files made of a header and a few lines."""

from pathlib import Path

from simulators.timesheets.read import read_timesheet
from simulators.timesheets.rows import TimesheetRead

SAMPLES = Path(__file__).parent / "samples"

HARVEST = "Date,Client,Project,Task,Notes,Hours,Billable?,First Name,Last Name,Billable Rate,Currency"
CLOCKIFY = (
    "Project,Client,Description,Task,User,Group,Email,Tags,Billable,Start Date,Start Time,End Date,End Time,"
    "Duration (h),Duration (decimal),Billable Rate (USD),Billable Amount (USD)"
)
TOGGL = (
    "User,Email,Client,Project,Task,Description,Billable,Start date,Start time,End date,End time,"
    "Duration,Tags,Amount ()"
)
TIMETAGGER = "key\tstart\tstop\ttags\tdescription"


def sample(name: str) -> TimesheetRead:
    """A sample file, read."""
    return read_timesheet(SAMPLES / name)


def export(folder: Path, *lines: str, encoding: str = "utf-8", zone: str = "UTC") -> TimesheetRead:
    """A file of these lines, called march.csv, read."""
    path = folder / "march.csv"
    path.write_bytes("\n".join(lines).encode(encoding))
    return read_timesheet(path, zone)


def harvest(
    day: str = "2026-03-02",
    hours: str = "7.5",
    project: str = "Website",
    worker: str = "Ada,Byron",
    rate: str = "120",
    currency: str = "EUR",
    billable: str = "Yes",
    client: str = "Acme",
) -> str:
    """One line under the `HARVEST` header."""
    return f"{day},{client},{project},Design,Note,{hours},{billable},{worker},{rate},{currency}"
