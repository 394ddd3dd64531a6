"""Localised dates and times of day.

03/04/2026 is a day in March or in April. One file has one order, so the file is asked first: a number above 12
decides. Only where no value of the file decides does the habit of the tool (or of dots, which are day first
wherever they are used: 26.01.2015 in Finnish and German exports) do so, and the note says which was taken.
"""

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from simulators.timesheets.problems import quoted

YEARS = range(1990, 2101)
"""Outside of it a year is a slip of the keyboard (assumed)."""

_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[T ].*)?", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})\s?([-/.])\s?(\d{1,2})\s?\2\s?(\d{4})(?:[T ,].*)?", re.ASCII)
_CLOCK = re.compile(
    r"(?:.*\d[T ,]+)?(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:\.\d+)?)?\s*(?:([AaPp])\.?\s?[Mm]\.?)?"
    r"(?:Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)

READS = {True: "day first", False: "month first"}


class NotADate(ValueError):  # noqa: N818  named for what it says
    """The text is no date or time; the message is the reason, ready to follow the quoted value."""


@dataclass(frozen=True, slots=True)
class DateOrder:
    """How dates with the year last are read: what the file itself shows (None: nothing), else the tool's habit."""

    shown_day_first: bool | None
    tool_day_first: bool

    def day_first(self, separator: str) -> bool:
        """Whether a date with this separator begins with the day."""
        if self.shown_day_first is not None:
            return self.shown_day_first
        return separator == "." or self.tool_day_first


def decide_order(values: Iterable[tuple[int, str]], tool_day_first: bool, tool: str) -> tuple[DateOrder, str | None]:
    """The order of a file's dates, from (line, text) of each, and the note about it (None: nobody could doubt it)."""
    votes: dict[bool, int] = {True: 0, False: 0}
    witness: dict[bool, str] = {}
    doubtful: str | None = None
    slashed: str | None = None
    for line, text in values:
        found = _YEAR_LAST.fullmatch(text.strip())
        if found is None:
            continue
        first, second = int(found[1]), int(found[3])
        if (first > 12) == (second > 12):
            if first <= 12 and first != second:
                doubtful = doubtful or text
                slashed = slashed or (text if found[2] != "." else None)
            continue
        votes[first > 12] += 1
        witness.setdefault(first > 12, f"line {line} has {quoted(text)}")
    if votes[True] != votes[False]:
        day_first = votes[True] > votes[False]
        note = f"dates are read {READS[day_first]}: {witness[day_first]}"
        if votes[not day_first]:
            note += f", although {witness[not day_first]}"
        return DateOrder(day_first, tool_day_first), note
    order = DateOrder(None, tool_day_first)
    if doubtful is None and not witness:
        return order, None
    example = quoted(slashed or doubtful or "03/04/2026")[1:-1]
    if slashed is None and not witness:
        return order, f"dates like {example} are read day first, as dots mean everywhere"
    why = "the file shows both" if witness else "no date of the file decides it"
    return order, f"dates like {example} are read {READS[tool_day_first]}, the habit of {tool}: {why}"


def parse_date(text: str, order: DateOrder) -> date:
    """The civil date a cell holds. Raises NotADate."""
    found = _YEAR_FIRST.fullmatch(text)
    if found is not None:
        year, month, day = int(found[1]), int(found[3]), int(found[4])
    else:
        found = _YEAR_LAST.fullmatch(text)
        if found is None:
            raise NotADate("is not a date; write it like 2026-03-31")
        year = int(found[4])
        pair = (int(found[3]), int(found[1]))
        month, day = pair if order.day_first(found[2]) else pair[::-1]
    if year not in YEARS:
        raise NotADate(f"is outside the years {YEARS[0]} to {YEARS[-1]}; correct the year")
    if not 1 <= month <= 12:
        raise NotADate(f"is a date that does not exist: there is no month {month}; correct the date")
    last = calendar.monthrange(year, month)[1]
    if not 1 <= day <= last:
        name = f"{calendar.month_name[month]} {year}"
        raise NotADate(f"is a date that does not exist: {name} has {last} days; correct the date")
    return date(year, month, day)


def parse_clock(text: str) -> int:
    """Seconds since midnight of a time of day, 24-hour or "02:00 PM". Raises NotADate."""
    found = _CLOCK.fullmatch(text)
    if found is not None:
        hour, minute, second, half = int(found[1]), int(found[2]), int(found[3] or 0), (found[4] or "").upper()
        if half and 1 <= hour <= 12:
            hour = hour % 12 + (12 if half == "P" else 0)
            half = ""
        if not half and hour < 24 and minute < 60 and second < 60:
            return hour * 3600 + minute * 60 + second
    raise NotADate("is not a time of day; write it like 14:00 or 02:00 PM")


def clock_text(seconds: int) -> str:
    """Seconds since midnight as "14:00:00"."""
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
