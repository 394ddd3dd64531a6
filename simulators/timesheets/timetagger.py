"""TimeTagger, records as CSV.

Columns (second-hand, better_timetagger_cli): key, start, stop, tags, description, parted by tabs; start and stop are
instants, as "2026-03-02T08:00:00Z" or as whole seconds since 1970 (`t1`, `t2` of a record); stop is empty, or start
itself, while the timer runs. There is no project: the first tag stands for it and the second for the task; a tag like
"#acme/website" names client and project (our reading, assumed). There is no worker: it is one person's own file.
The work date is the civil date of the start in the zone the reader was given.
"""

import re
from datetime import UTC, datetime, tzinfo
from fractions import Fraction

from simulators.timesheets.cells import AS_BILLABLE, OWNER, PAST_MIDNIGHT, Cells
from simulators.timesheets.clocked import check_span
from simulators.timesheets.columns import Tool
from simulators.timesheets.dates import YEARS
from simulators.timesheets.numbers import hundredths
from simulators.timesheets.rows import TimesheetRow

_SECONDS = re.compile(r"-?\d{1,12}(?:\.\d+)?", re.ASCII)
_TAG = re.compile(r"[^\s,]+")
_TAG_IN_TEXT = re.compile(r"#[^\s,#]+")


def instant(cells: Cells, name: str, zone: tzinfo) -> int:
    """The second since 1970 that a field holds; without an offset its time is in `zone`."""
    text = cells.text(name)
    if not text:
        raise cells.problem(name, "is empty: the timer is still running; stop it, export again")
    try:
        if _SECONDS.fullmatch(text):
            seconds = int(text.split(".")[0])
        else:
            read = datetime.fromisoformat(text)
            read = read if read.tzinfo is not None else read.replace(tzinfo=zone)
            seconds = int((read - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
        year = datetime.fromtimestamp(seconds, zone).year
    except (ValueError, OverflowError, OSError):
        reason = "is not an instant that exists; write seconds since 1970 or 2026-03-31T08:00:00Z"
        raise cells.problem(name, reason) from None
    if year not in YEARS:
        raise cells.problem(name, f"is outside the years {YEARS[0]} to {YEARS[-1]}; correct the start or the end")
    return seconds


def book(cells: Cells) -> TimesheetRow:
    """One record, booked on the day it began."""
    zone = cells.dialect.zone
    began, ended = instant(cells, "start", zone), instant(cells, "stop", zone)
    hours = Fraction(ended - began, 3600)
    check_span(cells, "stop", hours)
    start, stop = datetime.fromtimestamp(began, zone), datetime.fromtimestamp(ended, zone)
    description = cells.text("description")
    tags = _TAG.findall(cells.text("tags")) or _TAG_IN_TEXT.findall(description)
    if not tags:
        shown = "tags" if cells.has("tags") else "description"
        raise cells.problem(shown, "has no tag: the first tag is the project hours are posted to; tag the record")
    client, _, project = tags[0].lstrip("#").rpartition("/")
    if not project:
        raise cells.problem("tags", "has a tag without a name; the first tag is the project; tag the record")
    if stop.date() > start.date() and stop.time() != stop.time().min:
        cells.remarks.append(PAST_MIDNIGHT)
    cells.remarks.append(AS_BILLABLE)
    return TimesheetRow(
        line_number=cells.line,
        worker=OWNER,
        client=client,
        project=project,
        task=tags[1].lstrip("#") if len(tags) > 1 else "",
        work_date=start.date(),
        hours=hundredths(hours),
        billable=True,
        narrative=description,
        currency=None,
        bill_rate=None,
        start=start.strftime("%H:%M:%S"),
        stop=stop.strftime("%H:%M:%S"),
    )


TIMETAGGER = Tool(
    name="timetagger",
    title="TimeTagger",
    columns={
        "key": ("key",),
        "start": ("start", "t1"),
        "stop": ("stop", "t2"),
        "tags": ("tags",),
        "description": ("description", "ds"),
    },
    needed=(("key",), ("start",), ("stop",), ("tags", "description")),
    dates=(),
    numbers=(),
    day_first=True,
    book=book,
)
