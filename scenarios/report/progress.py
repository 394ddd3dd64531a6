"""What a person watches while a run goes: the simulated date, how much waits, how much is done.

Drawn on standard error, only if that is a terminal, and at most eight times a second, so that a run that is watched
takes as long as one that is not. The clock here decides when to draw and nothing else.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from scenarios.report.wording import count, instant

_REDRAW_S = 0.125


class Progress(Protocol):
    """Whoever wants to know how far the run is."""

    def update(self, now_ms: int, backlog: int, posted: int) -> None:
        """It is `now_ms` in the simulated month; may be called for every event."""


class Unseen:
    """Nobody watches."""

    __slots__ = ()

    def update(self, now_ms: int, backlog: int, posted: int) -> None:
        """Does nothing, at the price of a call."""


class Drawn:
    """A line at the bottom of a terminal. `start_ms` None: the first update is the start."""

    __slots__ = ("_bar", "_next_s", "_start_ms", "_task", "_total_ms")

    def __init__(self, bar: Bar, total_ms: int, start_ms: int | None) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=max(1, total_ms), date="", backlog="0", posted="0")
        self._start_ms = start_ms
        self._total_ms = total_ms
        self._next_s = 0.0

    def update(self, now_ms: int, backlog: int, posted: int) -> None:
        """Draws if the last drawing is long enough ago."""
        now_s = monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + _REDRAW_S
        if self._start_ms is None:
            self._start_ms = now_ms
        self._bar.update(
            self._task,
            completed=min(self._total_ms, now_ms - self._start_ms),
            date=instant(now_ms),
            backlog=count(backlog),
            posted=count(posted),
            refresh=True,
        )


@contextmanager
def progress(
    total_ms: int, enabled: bool, start_ms: int | None = None, console: Console | None = None
) -> Iterator[Progress]:
    """Progress over `total_ms` of simulated time; nothing is drawn unless `enabled` and the console is a terminal."""
    if not enabled or (console is None and not sys.stderr.isatty()):
        yield Unseen()
        return
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield Unseen()
        return
    # Without its thread: a drawing thread would take turns with the run; the run draws when it has something new.
    columns = (
        TextColumn("{task.fields[date]:>25}"),
        BarColumn(bar_width=16),
        TaskProgressColumn(),
        TextColumn("backlog {task.fields[backlog]}, posted {task.fields[posted]}"),
        TimeElapsedColumn(),
    )
    # Standard output belongs to whoever called; rich would send what is printed there to its own console.
    with Bar(*columns, console=console, auto_refresh=False, transient=True, redirect_stdout=False) as bar:
        yield Drawn(bar, total_ms, start_ms)
