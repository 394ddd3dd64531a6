"""What a live run prints for people: the time line while it happens, and the table at the end."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from runtime.core.model import Place
from scenarios.live.burst import Burst
from scenarios.live.timeline import Moment, to_stderr
from scenarios.live.verdict import HELD, PROVED_NOTHING, UNSETTLED, VIOLATED
from scenarios.live.watch import Watch

REDRAW_S = 0.25
SENTENCES = {
    HELD: "Everything held: nothing lost, nothing double, every acknowledged version is known.",
    VIOLATED: "VIOLATED: money or data wrong.",
    UNSETTLED: "Did not settle: work is left that should have finished.",
    PROVED_NOTHING: "Proved nothing: see below.",
}
FIGURES = {
    "entries": "entries approved at the source",
    "approved": "versions approved, with corrections",
    "acknowledged": "versions acknowledged to the senders",
    "acknowledged_unknown": "acknowledged, and in no journal",
    "standing": "entries that stand in the ledger",
    "expected": "entries that should",
    "lost": "lost",
    "double": "double",
    "wrong_amount": "wrong amount",
    "unsettled": "unsettled",
    "frames_verified": "frames of the journals, verified",
}

Tell = Callable[[Moment], None]
Watched = Callable[[Burst, Watch], None]


@contextmanager
def shown(quiet: bool) -> Iterator[tuple[Tell, Watched]]:
    """Where the time line goes, and who is to be told what there is to watch: a bar, where somebody sees it."""
    if quiet or not sys.stderr.isatty():
        yield (lambda moment: None) if quiet else to_stderr, lambda burst, watch: None
        return
    columns = (
        TextColumn("posted"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:,.0f}, in flight {task.fields[flying]:,}, in doubt {task.fields[doubt]:,}"),
        TimeElapsedColumn(),
    )
    ended = Event()
    threads: list[Thread] = []
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:

        def watched(burst: Burst, watch: Watch) -> None:
            task = bar.add_task("", total=burst.traffic.entries, flying=0, doubt=0)

            def draw() -> None:
                while not ended.wait(REDRAW_S):
                    found = watch.latest
                    if found is not None:
                        places = found.places
                        flying, doubt = places[Place.IN_FLIGHT], places[Place.IN_DOUBT]
                        bar.update(task, completed=places[Place.POSTED], flying=flying, doubt=doubt)

            threads.append(Thread(target=draw, name="bar", daemon=True))
            threads[-1].start()

        def tell(moment: Moment) -> None:
            bar.console.print(Text(f"{moment.at_ms / 1_000:7.1f} s  {moment.text}"))

        try:
            yield tell, watched
        finally:
            ended.set()
            for thread in threads:
                thread.join()


def print_journey(report: Mapping[str, Any], console: Console) -> None:
    """The figures, the incidents, where everything ran, and the verdict."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, words in FIGURES.items():
        table.add_row(words, Text(f"{report[name]:,}", justify="right"))
    console.print(table)
    console.print()
    for incident in report["incidents"]:
        took = "" if incident["over_ms"] is None else f", over after {_seconds(incident)}"
        console.print(Text(f"{incident['what']}{took}"))
        for trace in incident["traces"] or ["it left no trace"]:
            console.print(Text(f"    {trace}", style="dim"))
    if report["regions"]:
        console.print()
        for region in dict.fromkeys(one["region"] for one in report["regions"].values()):
            its = {name: one for name, one in report["regions"].items() if one["region"] == region}
            well = sum(one["in_its_region"] for one in its.values())
            where = f"{well} of {len(its)} entities of {region} ran on nodes of {region} and nowhere else"
            console.print(Text(f"{where}: {', '.join(its)}"))
    console.print()
    for wrong in (*report["violations"], *report["unproved"], *report["late"], *report["examples"]):
        console.print(Text(wrong))
    code = report["exit"]
    console.print(Text(SENTENCES[code], style="bold green" if code == HELD else "bold red"))
    console.print(Text(f"{report['seconds']:.0f} s, seed {report['seed']}, exit {code}", style="dim"))


def _seconds(incident: Mapping[str, Any]) -> str:
    return f"{(incident['over_ms'] - incident['struck_ms']) / 1_000:.1f} s"
