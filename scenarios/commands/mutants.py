"""`springtide mutants`: bugs planted on purpose, one at a time, and whether the auditors notice."""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from runtime.cli import BadInputError
from scenarios.choose import no_such_bug
from scenarios.isolation import TWO_RUNS
from scenarios.mutants import Hit, Score, Shot, Small, chosen, fire, make_small, not_yet, shots_at, smoke_set
from scenarios.report.table import console_for
from scenarios.side_by_side import cores, on_cores
from simulators.plants.catalogue import PLANTS, TWINS

EPILOG = """\
examples:
  springtide mutants                    every bug, each within its seed budget; a few seeds of every twin
  springtide mutants B3 D1              two of them
  springtide mutants --smoke            two of each section, for every change
  springtide mutants --twins 100        a hundred seeds of every twin
  springtide mutants B3 --shrink out/b3 the smallest run that shows it, as a scenario and a test
  springtide mutants --json > kills.json

exit codes: 0 every bug was caught by its own oracle and no twin alarmed, 2 bad input, 3 a twin alarmed,
5 a bug survived or was never reached: the harness would not notice it
"""

WEAKEST = 5
FEW_ENTRIES, FEW_STRIKES, PATIENCE_S = 5, 10, 120
"""What a shrunk failure should come to (ours)."""
TWIN_SEEDS = 5


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "mutants",
        help="plant bugs on purpose, and see whether they are caught",
        description="Plant each bug of the catalogue into the core and print the kill matrix.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("ids", nargs="*", metavar="ID", help="numbers or names of bugs (default: all)")
    parser.add_argument("--smoke", action="store_true", help="only the first bugs of each section")
    parser.add_argument("--seeds", type=int, metavar="N", help="seeds for each bug (default: its budget)")
    parser.add_argument("--twins", type=int, metavar="N", help=f"seeds for each twin (default {TWIN_SEEDS}; 0: none)")
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="processes side by side (default: all cores)")
    parser.add_argument("--shrink", metavar="DIR", type=Path, help="make each bug's first failure small, and keep it")
    parser.add_argument("--json", action="store_true", help="print the kill matrix as JSON and nothing else")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code."""
    try:
        plants = smoke_set() if arguments.smoke else chosen(arguments.ids)
    except LookupError as unknown:
        raise BadInputError(f"{unknown.args[0]}: {no_such_bug(str(unknown.args[0]), PLANTS)}") from None
    if arguments.seeds is not None and arguments.seeds < 1:
        raise BadInputError(f"--seeds {arguments.seeds}: give 1 or more")
    if arguments.jobs < 0:
        raise BadInputError(f"--jobs {arguments.jobs}: give 1 or more, or leave it out for all cores")
    twin_seeds = arguments.twins if arguments.twins is not None else 0 if arguments.ids else TWIN_SEEDS
    shots = shots_at(plants, arguments.seeds)
    twins = [Shot(name, seed) for name in TWINS for seed in range(1, twin_seeds + 1)]
    scores = {plant.name: Score(plant) for plant in plants}
    began = time.monotonic()
    hits = {}
    with _bar(len(shots) + len(twins), arguments) as bar:
        for hit in on_cores(fire, [*shots, *twins], arguments.jobs or cores()):
            hits[hit.name, hit.seed] = hit
            if bar:
                bar.update(bar.task_ids[0], advance=1, name=hit.name)
    for shot in shots:
        scores[shot.name].add(hits[shot.name, shot.seed])
    unreached = [
        name for name in TWINS if twins and not any(hits[s.name, s.seed].reached for s in twins if s.name == name)
    ]
    wrong = [hits[shot.name, shot.seed] for shot in twins if hits[shot.name, shot.seed].alarm]
    alarms = [f"{hit.name}, seed {hit.seed}: {hit.alarm}" for hit in wrong]
    shrunk = _shrink(scores.values(), hits, arguments) if arguments.shrink else []
    code = _exit(list(scores.values()), alarms, unreached)
    if arguments.json:
        rows = [score.to_json() for score in scores.values()] + ([] if arguments.ids or arguments.smoke else not_yet())
        report = {
            "bugs": rows,
            "shrunk": shrunk,
            "twins": {"twins": len(TWINS), "seeds": len(twins), "alarms": alarms, "never_reached": unreached},
            "exit": code,
        }
        sys.stdout.write(json.dumps(report, indent=1) + "\n")
    else:
        wall_s = time.monotonic() - began
        if arguments.shrink:
            _print_shrunk(shrunk, console_for(sys.stdout))
        _print(list(scores.values()), alarms, unreached, len(twins), wall_s, console_for(sys.stdout), arguments)
    return code


def _bar(total: int, arguments: argparse.Namespace) -> AbstractContextManager[Progress | None]:
    if arguments.quiet or arguments.json or not sys.stderr.isatty():
        return nullcontext()
    bar = Progress(
        TextColumn("mutants"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[name]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
    )
    bar.add_task("mutants", total=total, name="")
    return bar


def _shrink(scores: Iterable[Score], hits: dict[tuple[str, int], Hit], arguments: argparse.Namespace) -> list[Small]:
    """The first failure of each bug that was caught, made small and written down.

    What two runs show by their difference (S16, L4) is no failure of one run that could be made small.
    """
    firsts = [
        (score.plant.name, min(seed for (name, seed), hit in hits.items() if name == score.plant.name and hit.caught))
        for score in scores
        if score.caught and score.plant.caught_by not in TWO_RUNS
    ]
    make = partial(make_small, folder=str(arguments.shrink))
    with _bar(len(firsts), arguments) as bar:
        found = []
        for small in on_cores(make, firsts, arguments.jobs or cores(), chunk=1):
            found.append(small)
            if bar:
                bar.update(bar.task_ids[0], advance=1, name=small["name"])
    return sorted(found, key=lambda small: small["name"])


def _exit(scores: Sequence[Score], alarms: Sequence[str], unreached: Sequence[str]) -> int:
    if alarms:
        return 3
    return 0 if all(score.detected for score in scores) and not unreached else 5


def _print(
    scores: Sequence[Score],
    alarms: Sequence[str],
    unreached: Sequence[str],
    twin_seeds: int,
    wall_s: float,
    console: Console,
    arguments: argparse.Namespace,
) -> None:
    table = Table("bug", "name", "declared", "caught", "seeds", "rate", "also by", box=None)
    for at in (4, 5):
        table.columns[at].justify = "right"
    for score in scores:
        others = ", ".join(sorted(score.others, key=lambda oracle: -score.others[oracle]))
        table.add_row(
            score.plant.number,
            score.plant.name,
            score.plant.caught_by,
            _verdict(score),
            str(score.seeds_needed or "-"),
            f"{score.rate:.0%}",
            others,
            style=None if score.detected else "bold red",
        )
    console.print(table)
    caught = sum(score.detected for score in scores)
    console.print(
        f"\n{caught} of {len(scores)} planted bugs caught by their own oracle within their budget; {wall_s:,.0f} s"
    )
    weakest = sorted(scores, key=lambda score: score.rate)[:WEAKEST]
    told = (
        f"{score.plant.number} {score.plant.name} {score.rate:.0%} (99.9 % after {_certain(score)})"
        for score in weakest
    )
    console.print(f"weakest: {'; '.join(told)}")
    if not arguments.ids and not arguments.smoke:
        waiting = not_yet()
        console.print(f"not yet: {len(waiting)} without ground: {', '.join(row['id'] for row in waiting)}")
    if twin_seeds:
        console.print(f"twins: {len(TWINS)} harmless changes, {twin_seeds:,} seeds, {len(alarms)} alarms")
        for text in [*alarms, *(f"{name}: never reached" for name in unreached)]:
            console.print(f"  {text}", style="red", markup=False)


def _print_shrunk(shrunk: Sequence[Small], console: Console) -> None:
    table = Table("bug", "entries", "misfortunes", "runs", "seconds", box=None)
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    for small in shrunk:
        numbers = (str(small[name]) for name in ("entries", "strikes", "runs", "seconds"))
        table.add_row(small["name"], *numbers)
    console.print(table)
    good = sum(
        small["entries"] <= FEW_ENTRIES and small["strikes"] <= FEW_STRIKES and small["seconds"] <= PATIENCE_S
        for small in shrunk
    )
    console.print(
        f"{good} of {len(shrunk)} have at most {FEW_ENTRIES} entries and {FEW_STRIKES} misfortunes, and took at most"
        f" {PATIENCE_S} s; what two runs show by their difference is not made small"
    )
    if shrunk:
        console.print(f"springtide replay {shrunk[0]['file']} shows the first again; the others stand beside it\n")


def _verdict(score: Score) -> str:
    if score.detected:
        return "caught"
    if not score.reached:
        return "MASKED"
    return "late" if score.caught else "SURVIVED"


def _certain(score: Score) -> str:
    needed = score.seeds_for_certainty
    return "nobody knows" if needed is None else f"{needed:,} seeds"
