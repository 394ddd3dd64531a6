"""Reads a person's own timesheet export, found to be Harvest, Toggl Track, Clockify, Kimai or TimeTagger by its header.

Rule 1. Every data line ends in exactly one place: a row, a problem or an ignored line; the counts add up.
Rule 2. A row that cannot be used is reported with file, line, column, value and reason and kept out; the others go on.
Rule 3. What can be read in two ways is asked of the whole file first (order of dates, decimal sign), then of the
        tool's habit, and a note says which was taken.
Rule 4. Only a file of which nothing can be read raises, with one line that says what, where and how to mend.
"""

import csv
import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from simulators.timesheets.cells import DAY_HOURS, Cells, Dialect
from simulators.timesheets.clockify import CLOCKIFY
from simulators.timesheets.columns import Match, Tool, fold, match
from simulators.timesheets.dates import decide_order
from simulators.timesheets.harvest import HARVEST
from simulators.timesheets.kimai import KIMAI
from simulators.timesheets.numbers import decide_decimal_sign
from simulators.timesheets.problems import CellProblem, IgnoredLine, RowProblem, TimesheetUnreadable, quoted
from simulators.timesheets.rows import TimesheetRead, TimesheetRow
from simulators.timesheets.text import Record, read_text, records, split_lines
from simulators.timesheets.timetagger import TIMETAGGER
from simulators.timesheets.toggl import TOGGL

TOOLS: tuple[Tool, ...] = (HARVEST, TOGGL, CLOCKIFY, KIMAI, TIMETAGGER)
DELIMITERS = ",;\t|"
TOTAL_WORDS = frozenset({"total", "totals", "grand total", "total hours", "sum", "summe", "gesamt", "yhteensä"})
FORMULAS = ("=SUBTOTAL", "=SUM")
_WORD = re.compile(r"[^\W\d_]{4}|[a-z]{3}")
"""Letters that are neither a currency code nor the sign of a unit."""
SHOWN_LINES = 5
"""Line numbers a note shows before it says "…"."""
SHOWN_COLUMNS = 8
"""Columns of an unknown header that the message shows."""


def read_timesheet(path: Path, zone: str = "UTC") -> TimesheetRead:
    """Everything the export holds. `zone` is where instants (TimeTagger) become civil dates.

    Raises TimesheetUnreadable: missing, a folder, empty, binary, or a header of no known tool.
    """
    text, notes = read_text(path)
    lines = split_lines(text)
    first = next(index for index, line in enumerate(lines) if line.strip())
    delimiters = DELIMITERS
    if lines[first].strip().casefold().startswith("sep=") and len(lines[first].strip()) <= len("sep=") + 1:
        delimiters = lines[first].strip()[len("sep=") :] or "\t"
        first = next((index for index, line in enumerate(lines[first + 1 :], first + 1) if line.strip()), first)
    header, found, delimiter = _find_tool(path, lines[first], delimiters)
    data = list(records(lines, first + 1, delimiter))
    return _read_rows(path, header, found, delimiter, data, ZoneInfo(zone), notes)


def _find_tool(path: Path, line: str, delimiters: str) -> tuple[list[str], Match, str]:
    """The header read with the delimiter under which a tool is known best."""
    best: tuple[list[str], Match, str] | None = None
    for delimiter in delimiters:
        try:
            header = next(csv.reader([line], delimiter=delimiter), [])
        except csv.Error:
            header = [line]
        for tool in TOOLS:
            seen = match(tool, header)
            if best is None or (seen.nearness, len(header)) > (best[1].nearness, len(best[0])):
                best = (header, seen, delimiter)
    assert best is not None, "there is at least one delimiter and one tool"
    if not best[1].missing:
        return best
    header, seen, _ = best
    shown = ", ".join(quoted(name) for name in header[:SHOWN_COLUMNS])
    more = f" and {len(header) - SHOWN_COLUMNS} more" if len(header) > SHOWN_COLUMNS else ""
    known = ", ".join(tool.title for tool in TOOLS)
    raise TimesheetUnreadable(
        f"{path}: its header is of no known tool ({known}): found {shown}{more}; nearest is {seen.tool.title}, "
        f"which needs {', '.join(seen.missing)} as well; export the detailed report as CSV"
    )


def _read_rows(
    path: Path,
    header: Sequence[str],
    found: Match,
    delimiter: str,
    data: Sequence[Record],
    zone: ZoneInfo,
    notes: list[str],
) -> TimesheetRead:
    tool, places = found.tool, found.places
    order, order_note = decide_order(
        (
            (record.line, record.values[places[name]])
            for record in data
            if record.values is not None
            for name in tool.dates
            if name in places and places[name] < len(record.values)
        ),
        tool.day_first,
        tool.title,
    )
    sign = decide_decimal_sign(
        (
            record.values[places[name]]
            for record in data
            if record.values is not None
            for name in tool.numbers
            if name in places and places[name] < len(record.values)
        ),
        delimiter,
    )
    if order_note is not None:
        notes.append(order_note)
    if sign == ",":
        notes.append("numbers are read with decimal commas")
    dialect = Dialect(header, places, found.currencies, order, sign, zone)
    day = next(name for name in ("date", "start_date", "start") if name in places)
    read = TimesheetRead([], [], tool.name, len(data), [], notes, path.name, header[places[day]].strip())
    booked: dict[tuple[str, date], Decimal] = {}
    seen: dict[tuple[str, ...], int] = {}
    repeats: list[str] = []
    remarked: dict[str, list[int]] = {}
    for record in data:
        try:
            row = _read_row(record, tool, dialect, len(header), day, read, booked, remarked)
        except CellProblem as error:
            read.problems.append(RowProblem(path.name, record.line, error.column, error.value, error.reason))
            continue
        if row is None:
            continue
        read.rows.append(row)
        assert record.values is not None, "a record without values is a problem, never a row"
        first = seen.setdefault(tuple(record.values), record.line)
        if first != record.line:
            repeats.append(f"line {record.line} repeats line {first}")
    notes.extend(f"{remark}: {_lines(where)}" for remark, where in remarked.items())
    if repeats:
        more = ", …" if len(repeats) > SHOWN_LINES else ""
        examples = ", ".join(repeats[:SHOWN_LINES])
        notes.append(f"exact duplicates are kept, for two equal bookings are legitimate: {examples}{more}")
    if not data:
        notes.append("the file has a header and no row")
    in_one_place = len(read.rows) + len(read.problems) + len(read.ignored)
    assert in_one_place == read.total_rows, "every data line ends in exactly one place"
    return read


def _lines(where: Sequence[int]) -> str:
    shown = ", ".join(str(line) for line in where[:SHOWN_LINES]) + (", …" if len(where) > SHOWN_LINES else "")
    return f"1 row (line {shown})" if len(where) == 1 else f"{len(where)} rows (lines {shown})"


def _read_row(
    record: Record,
    tool: Tool,
    dialect: Dialect,
    width: int,
    day: str,
    read: TimesheetRead,
    booked: dict[tuple[str, date], Decimal],
    remarked: dict[str, list[int]],
) -> TimesheetRow | None:
    """The booking of one record, or None when it is a named line without one. Raises CellProblem."""
    if record.values is None:
        column = dialect.header[0].strip()
        raise CellProblem(column, record.text, "has a quote out of place; close it, or double it inside a value")
    cells = Cells(record.line, record.values, dialect)
    what = _no_booking(cells, day)
    if what is not None:
        read.ignored.append(IgnoredLine(record.line, what))
        return None
    if any(value.strip() for value in record.values[width:]):
        extra = ", ".join(record.values[width:])
        reason = f"is more than the header's {width} columns; quote the value that holds a delimiter"
        raise CellProblem(dialect.header[-1].strip(), extra, reason)
    row = tool.book(cells)
    key = (row.worker, row.work_date)
    total = booked.get(key, Decimal(0)) + row.hours
    if total > DAY_HOURS:
        name = next(
            name for name in ("hours", "duration", "duration_decimal", "stop", "end", "end_time") if cells.text(name)
        )
        day_total = f"brings {quoted(row.worker)} to {total} hours on {row.work_date}"
        raise cells.problem(name, f"{day_total}, more than {DAY_HOURS}; look for a double booking")
    booked[key] = total
    if len(record.values) < width:
        cells.remarks.append("the line ends before the header does, the rest taken as empty")
    for remark in cells.remarks:
        remarked.setdefault(remark, []).append(record.line)
    return row


def _no_booking(cells: Cells, day: str) -> str | None:
    """What a line without a booking is: an empty line or a total. A client or project called "Total" has a date."""
    filled = [value.strip() for value in cells.values if value.strip()]
    if not filled:
        return "empty line"
    date_text = cells.text(day)
    if date_text and fold(date_text) not in TOTAL_WORDS:
        return None
    sums = [value for value in filled if fold(value) in TOTAL_WORDS or value.upper().startswith(FORMULAS)]
    # Other words would be a booking whose date was forgotten, for a client or a project of that name.
    words = [value for value in filled if value not in sums and _WORD.search(value)]
    return "total line" if sums and not words else None
