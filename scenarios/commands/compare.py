"""`springtide compare SIM_RUN LIVE_RUN`: the prediction of a load beside what a live run of it measured."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from runtime.cli import BadInputError
from scenarios.load.compare import Comparison, Side, compare
from scenarios.report.compare_page import WORDS, band, compare_page, percent, told
from scenarios.report.table import console_for

EPILOG = """\
examples:
  springtide predict month_end --volume 1.5 --out out/predicted
  springtide compare out/predicted out/live
  springtide compare out/predicted out/live --out out/compared.html --json

aims (ours): p50 and p95 within 10 % of the measurement, p99 and drains within 15 %
exit codes: 0 within the aims, 1 not, 2 bad input (runs of different loads too), 5 proved nothing
"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "compare",
        help="a load's prediction beside its measurement",
        description="Put the prediction of a load beside what a live run of the same load measured.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("predicted", metavar="SIM_RUN", type=Path, help="the folder that springtide predict wrote")
    parser.add_argument("measured", metavar="LIVE_RUN", type=Path, help="the folder that springtide load wrote")
    parser.add_argument("--out", metavar="FILE", type=Path, help="write a page with the table and the curves")
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON, nothing else")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code."""
    found = compare(arguments.predicted, arguments.measured)
    if arguments.out is not None:
        try:
            arguments.out.parent.mkdir(parents=True, exist_ok=True)
            arguments.out.write_text(compare_page(found), encoding="utf-8")
        except OSError as fault:
            why = (fault.strerror or "no reason given").lower()
            raise BadInputError(f"{arguments.out}: cannot be written ({why}); give a file you may write") from fault
    if arguments.json:
        sys.stdout.write(json.dumps(as_json(found), indent=2) + "\n")
    else:
        _print(found, arguments.out)
    return found.exit


def as_json(found: Comparison) -> dict[str, Any]:
    """The comparison for machines."""
    return {
        "exit": found.exit,
        "proved_nothing": found.unproved,
        "scenario": found.predicted.run.profile.scenario.name,
        "predicted": _side(found.predicted),
        "measured": _side(found.measured),
        "lines": [asdict(line) for line in found.lines],
        "notes": list(found.notes),
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "folder": side.folder,
        "approved": side.approved,
        "landed": side.landed,
        "backlog": side.curve.backlog,
        "landed_per_s": side.curve.landed,
    }


def _print(found: Comparison, page: Path | None) -> None:
    console = console_for(sys.stdout)
    profile = found.predicted.run.profile
    console.print(
        f"{profile.scenario.name}, {profile.shape.value}, {profile.factor} times as fast, volume {profile.volume:g},"
        f" seed {profile.seed}"
    )
    table = Table(box=None, pad_edge=False, header_style="dim")
    banded = any(line.low is not None for line in found.lines)
    names = ("predicted", *(("by chance",) if banded else ()), "measured", "distance", "aim")
    table.add_column("", overflow="fold")
    for name in (*names, ""):
        table.add_column(name, justify="right", no_wrap=True)
    for line in found.lines:
        aim = f"± {line.aim_ppm // 10_000} %" if line.aim_ppm else ""
        predicted = (told(line, line.predicted), *((band(line),) if banded else ()))
        table.add_row(
            line.name, *predicted, told(line, line.measured), percent(line.distance_ppm), aim, WORDS[line.state][:1]
        )
    console.print(table)
    for line in found.lines:
        if line.why:
            console.print(f"{line.name.strip()}: {line.why}")
    for note in found.notes:
        console.print(note, style="dim")
    if page is not None:
        console.print(f"in pictures: {page}")
    missed = sum(line.state == "missed" for line in found.lines)
    if found.unproved:
        console.print(f"proved nothing: {found.unproved}")
    else:
        console.print(f"{missed} beyond its aim" if missed else "within every aim")
