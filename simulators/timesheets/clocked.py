"""When a booking with start and stop happened, and how long it was: shared by the tools that run a timer."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from simulators.timesheets.cells import DAY_HOURS, PAST_MIDNIGHT, Cells
from simulators.timesheets.dates import clock_text
from simulators.timesheets.numbers import hundredths

DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Clocked:
    """The day the work began, its times of day where the export has them, and its exact hours."""

    work_date: date
    start: str | None
    stop: str | None
    hours: Fraction


def check_span(cells: Cells, stop: str, hours: Fraction) -> None:
    """Refuse an end that cannot belong to the start; `stop` is the field the problem is shown at."""
    if hours < 0:
        raise cells.problem(stop, "is before the start; correct the start or the end")
    rounded = hundredths(hours)
    if rounded > DAY_HOURS:
        raise cells.problem(
            stop, f"is {rounded} h after the start, more than {DAY_HOURS} hours in a day; split it over days"
        )
    if rounded == 0:
        raise cells.problem(
            stop, "is the start itself, no time at all (under 0.005 h); enter the end or delete the row"
        )


def clocked(cells: Cells, durations: tuple[str, ...], day: str, start: str, stop_day: str, stop: str) -> Clocked:
    """Read a booking from these fields. The first of `durations` that is filled counts, else stop minus start.

    Without a column for the stop's day, a stop at or before the start is on the next day.
    """
    work_date = cells.day(day)
    began, ended = cells.clock(start), cells.clock(stop)
    last_day = cells.day(stop_day) if cells.text(stop_day) else None
    running = cells.has(stop) and ended is None
    if last_day is None and began is not None and ended is not None and ended < began:
        days = 1
    else:
        days = (last_day - work_date).days if last_day is not None else 0
    named = next((name for name in durations if cells.text(name)), None)
    if named is None and (began is None or ended is None):
        named = next((name for name in durations if cells.has(name)), None)
        if named is None:
            raise cells.problem(
                stop if ended is None else start, "is empty: the timer is still running; stop it, export again"
            )
    span = None if began is None or ended is None else Fraction(days * DAY_SECONDS + ended - began, 3600)
    if span is not None and span < 0:
        check_span(cells, stop_day if days < 0 else stop, span)
    if named is not None:
        hours = cells.exact_hours(named, running)
        if running and began is not None:
            raise cells.problem(stop, "is empty: the timer is still running; stop it, export again")
    else:
        assert span is not None, "without a duration both ends were asked for above"
        check_span(cells, stop, span)
        hours = span
    if days > 0 and ended:
        cells.remarks.append(PAST_MIDNIGHT)
    return Clocked(
        work_date,
        None if began is None else clock_text(began),
        None if ended is None else clock_text(ended),
        hours,
    )
