"""What a person sees while a load runs: a bar over the time of arrivals, and lines for what happens.

On a terminal the bar is redrawn with each word of the generator, once a second; elsewhere a line stands every ten
seconds, so that a log of a CI system tells how far it came.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from scenarios.live.timeline import Moment
from scenarios.load.profile import LoadProfile

LINE_MS = 10_000
"""Between two lines where there is no terminal."""


class Screen:
    """Where words go."""

    def __init__(self, quiet: bool, profile: LoadProfile, console: Console, bar: Progress | None) -> None:
        self._quiet = quiet
        self._console = console
        self._bar = bar
        self._next_ms = 0
        self._tasks = {} if bar is None else {"load": bar.add_task("", total=profile.run_ms, said="preparing")}

    def moment(self, moment: Moment) -> None:
        """Something happened."""
        self.line(f"{moment.at_ms / 1_000:7.1f} s  {moment.text}")

    def line(self, text: str) -> None:
        """One line that stays."""
        if not self._quiet:
            self._console.print(Text(text), soft_wrap=True)

    def hear(self, line: Mapping[str, Any]) -> None:
        """A word of the generator or of the run."""
        match line["word"]:
            case "waiting":
                self.line(f"{line['workers']} of {line['wanted']} workers are there")
            case "web":
                self.line(f"Locust's web page is at {line['url']}; start there")
            case "prepared":
                self.line("everything is prepared; the start is on the web page")
            case "begun":
                self._begun(line)
            case "progress":
                self._progress(line)
            case "settling":
                self._say(f"arrivals are over; {line['standing']}; {line['left_s']:.0f} s left", line["left_s"] * 1_000)
            case "counting":
                self.line("reading the ledger")

    def _begun(self, line: Mapping[str, Any]) -> None:
        workers = f" from {line['workers']} processes" if line["workers"] > 1 else ""
        apart = f"; their clocks differed by {line['clocks_apart_ms']:g} ms" if line["workers"] > 1 else ""
        seconds = max(1.0, line["last_ms"] / 1_000)
        rates = f"{line['arrivals'] / seconds:,.0f} requests and {line['items'] / seconds:,.0f} rows a second"
        whole = f"{line['arrivals']:,} requests with {line['items']:,} rows in {seconds:.0f} s"
        self.line(f"{whole}{workers}: {rates}{apart}")
        self._next_ms = LINE_MS

    def _progress(self, line: Mapping[str, Any]) -> None:
        said = f"{line['started']:,} requests left, {line['open']:,} open, {line['late_ms']} ms late"
        if self._bar is not None:
            self._bar.update(self._tasks["load"], completed=max(0, line["now_ms"]), said=said, refresh=True)
        elif line["now_ms"] >= self._next_ms:
            self._next_ms += LINE_MS
            self.line(f"{line['now_ms'] / 1_000:7.1f} s  {said}")

    def _say(self, text: str, left_ms: float) -> None:
        if self._bar is not None:
            self._bar.update(self._tasks["load"], said=text, refresh=True)
        elif -left_ms >= self._next_ms or self._next_ms > 0:
            self._next_ms = -int(left_ms) + LINE_MS
            self.line(text)


@contextmanager
def screen(quiet: bool, profile: LoadProfile) -> Iterator[Screen]:
    """Standard error, as far as somebody wants to see it."""
    console = Console(stderr=True, highlight=False)
    if quiet or not console.is_terminal:
        yield Screen(quiet, profile, console, None)
        return
    columns = (BarColumn(bar_width=16), TaskProgressColumn(), TextColumn("{task.fields[said]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, auto_refresh=False, transient=True, redirect_stdout=False) as bar:
        yield Screen(quiet, profile, console, bar)
