"""`springtide swarm`: thousands of small months that nobody thought of, and what the auditors make of them."""

import argparse
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from runtime.cli import BadInputError
from scenarios.canary import blind
from scenarios.choose import choose
from scenarios.model import Scenario
from scenarios.on_ray import on_ray
from scenarios.record import record
from scenarios.report.space_page import space_page
from scenarios.report.table import console_for
from scenarios.shrink import UNSETTLED, shrink
from scenarios.side_by_side import cores, on_cores
from scenarios.space import lean_towards, space_words
from scenarios.swarm import ENTITIES, ENTRIES, KINDS, POPULATIONS, SeedRun, Swarm, Task, run_seed, world_of_run
from simulators.faults.kinds import FAULT_KINDS

EPILOG = """\
examples:
  springtide swarm                                     500 seeds of small months on all cores
  springtide swarm --minutes 30 --out out/swarm        half an hour, with swarm.json and swarm.html
  springtide swarm --first 4711 --seeds 1              one seed again, with everything it drew
  springtide swarm --population burst --seeds 200      only one population
  springtide swarm quiet_week --seeds 50               random misfortunes over a scenario of yours
  springtide swarm --ray 127.0.0.1:6379 --minutes 60   on a Ray cluster

exit codes: 0 everything held and settled, 2 bad input, 3 an invariant was violated, 4 a seed did not settle,
5 too many seeds proved nothing, or the harness is blind: a known bug, planted before the swarm begins, was not caught
"""

ROUND = 1_000
"""After so many seeds the swarm looks at what it has not seen yet, and leans that way (ours)."""
SHRUNK = 3
"""Oracles of which a failing seed is made small (ours)."""
SHOWN = 20
"""Seeds up to which the options of every one are printed, and failures that are shown in full."""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "swarm",
        help="let thousands of random months happen, and judge them",
        description="Draw, for every seed, a firm, a load, settings and a random handful of misfortunes; run; judge.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="draw misfortunes over these (default: small)")
    parser.add_argument("--seeds", type=int, metavar="N", help="how many (default 500)")
    parser.add_argument("--minutes", type=float, metavar="M", help="as many as fit into so many minutes")
    parser.add_argument(
        "--first", default="0", metavar="SEED", help="the first seed (default 0); commit: far away, by the commit"
    )
    parser.add_argument("--population", choices=POPULATIONS, help="only this one (default: all of them, by share)")
    parser.add_argument("--lean", default="", metavar="KIND,…", help="kinds of fault that come more often")
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="processes side by side (default: all cores)")
    parser.add_argument("--ray", metavar="ADDRESS", help="run on a Ray cluster (HOST:PORT, or local)")
    parser.add_argument("--out", metavar="DIR", type=Path, help="write swarm.json and swarm.html")
    parser.add_argument("--json", action="store_true", help="print swarm.json on standard output, nothing else")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--verbose", action="store_true", help="print what every seed drew")
    parser.add_argument("--no-shrink", action="store_true", help="leave failing seeds as they are")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code."""
    bases: list[Scenario | None] = [choose(name) for name in arguments.scenarios]
    first = _first(arguments.first)
    lean = _lean(arguments.lean)
    seeds = arguments.seeds if arguments.seeds is not None else (None if arguments.minutes else 500)
    if (seeds is not None and seeds < 1) or (arguments.minutes is not None and arguments.minutes <= 0):
        raise BadInputError("--seeds and --minutes: give more than nothing")
    if arguments.jobs < 0:
        raise BadInputError(f"--jobs {arguments.jobs}: give 1 or more, or leave it out for all cores")
    if arguments.out:
        _make_room(arguments.out)
    why = blind()
    if why:
        return _blind(why, arguments)
    console = Console(stderr=True) if arguments.json else console_for(sys.stdout)
    swarm = Swarm()
    tasks = _tasks(bases or [None], first, seeds, arguments.minutes, arguments.population or "", lean, swarm)
    jobs = arguments.jobs or cores()
    results = on_ray(run_seed, tasks, arguments.ray) if arguments.ray else on_cores(run_seed, tasks, jobs)
    began = time.monotonic()
    verbose = arguments.verbose or (seeds or ROUND) <= SHOWN
    with _bar(seeds, arguments) as (bar, task):
        for one in results:
            swarm.add(one)
            if one.failed or verbose:
                _print_seed(one, arguments, bar.console if bar else console)
            if bar:
                bar.update(task, advance=1, failed=len(swarm.failures), states=len(swarm.coverage.states))
    wall_s = time.monotonic() - began
    code = swarm.exit
    report = _report(swarm, first, wall_s, code)
    if arguments.out:
        (arguments.out / "swarm.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        (arguments.out / "swarm.html").write_text(space_page(report), encoding="utf-8")
    if arguments.json:
        sys.stdout.write(json.dumps(report, indent=1) + "\n")
    else:
        _print_summary(swarm, first, wall_s, code, console, arguments.out)
    if swarm.failures and not arguments.no_shrink:
        _shrink(swarm, arguments, console)
    return code


# ------------------------------------------------------------------ what is asked for


def _first(text: str) -> int:
    """The first seed; "commit" begins somewhere else for every commit, so that short swarms add up over time."""
    if text == "commit":
        said = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607  # whichever git the person has
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parent,
        )
        return int(said.stdout[:10], 16) * 1_000 if said.returncode == 0 else 0
    try:
        return int(text)
    except ValueError:
        raise BadInputError(f"--first {text}: give a seed, or commit") from None


def _lean(text: str) -> tuple[str, ...]:
    kinds = tuple(kind for kind in text.split(",") if kind)
    unknown = [kind for kind in kinds if kind not in FAULT_KINDS]
    if unknown:
        raise BadInputError(f"--lean {unknown[0]}: no such kind of fault; there are {', '.join(FAULT_KINDS)}")
    return kinds


def _make_room(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        why = (fault.strerror or "no reason given").lower()
        raise BadInputError(f"--out {out}: cannot be made ({why}); give a folder you may write to") from fault


def _tasks(
    bases: list[Scenario | None],
    first: int,
    seeds: int | None,
    minutes: float | None,
    population: str,
    lean: tuple[str, ...],
    swarm: Swarm,
) -> Iterator[Task]:
    """Seed after seed, over each base in turn, until there were enough or the time is over."""
    ends = None if minutes is None else time.monotonic() + minutes * 60
    number = 0
    while (seeds is None or number < seeds) and (ends is None or time.monotonic() < ends):
        if not lean and number and number % ROUND == 0:
            leaning = lean_towards(swarm.coverage)
        elif number < ROUND or lean:
            leaning = lean
        for base in bases:
            yield Task(first + number, population, base, leaning)
        number += 1


# ------------------------------------------------------------------ what is made of failures


def _shrink(swarm: Swarm, arguments: argparse.Namespace, console: Console) -> None:
    """Make the first failing seed of each oracle small, and write it down."""
    folder = (arguments.out or Path("out/swarm")) / "failures"
    done: set[str] = set()
    for one in swarm.failures:
        oracle = one.oracles[0] if one.oracles else UNSETTLED
        world = world_of_run(one, [choose(name) for name in arguments.scenarios])
        if oracle in done or world is None or len(done) == SHRUNK:
            continue
        done.add(oracle)
        console.print(f"\nshrinking seed {one.seed} ({oracle}), two minutes at most …", markup=False)
        shrunk = shrink(world, one.seed, oracle)
        if shrunk is None:
            console.print("  it does not fail when run again: look at determinism first", style="red")
            continue
        path = record(shrunk, folder)
        console.print(
            f"  {len(shrunk.entries)} entries, {len(shrunk.strikes)} misfortunes, {shrunk.runs} runs,"
            f" {shrunk.seconds:.0f} s: {shrunk.failure.text}",
            markup=False,
        )
        if shrunk.others:
            console.print(f"  on the way others fired too: {', '.join(shrunk.others)}")
        console.print(f"  springtide replay {path}", markup=False)


# ------------------------------------------------------------------ what is told


def _bar(seeds: int | None, arguments: argparse.Namespace) -> Any:
    if arguments.quiet or arguments.json or not sys.stderr.isatty():
        return nullcontext((None, TaskID(0)))
    return _Bar(seeds)


class _Bar:
    """A bar on standard error: how many seeds, how many failed, how many states were seen."""

    def __init__(self, seeds: int | None) -> None:
        self.bar = Progress(
            TextColumn("swarm"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("seeds, {task.fields[failed]} failed, {task.fields[states]:,} states"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,
        )
        self.seeds = seeds

    def __enter__(self) -> tuple[Progress, TaskID]:
        self.bar.start()
        return self.bar, self.bar.add_task("swarm", total=self.seeds, failed=0, states=0)

    def __exit__(self, *_: object) -> None:
        self.bar.stop()


def _print_seed(one: SeedRun, arguments: argparse.Namespace, console: Console) -> None:
    """The seed first, then everything it drew, then what came of it and how to see it again."""
    console.print(f"\nseed {one.seed}  {one.population}", style="bold red" if one.failed else "bold", markup=False)
    for name, value in one.options.items():
        console.print(f"  {name}: {value}", markup=False)
    struck = ", ".join(f"{kind} {times}" for kind, times in one.fired.items() if times) or "nothing"
    console.print(f"  struck: {struck}; {one.deaths} deaths; {one.entries} entries", markup=False)
    for text in [*one.wrong, *(f"not settled: {text}" for text in one.unsettled)]:
        console.print(f"  {text}", style="red", markup=False)
    if one.unknown:
        console.print(f"  proved nothing about {', '.join(one.unknown)}", markup=False)
    if one.failed:
        console.print(f"  again:  {_again(one, arguments)}", markup=False, soft_wrap=True)


def _again(one: SeedRun, arguments: argparse.Namespace) -> str:
    words = ["springtide", "swarm", *arguments.scenarios, "--first", str(one.seed), "--seeds", "1"]
    words += ["--population", one.population]
    if one.lean:
        words += ["--lean", ",".join(one.lean)]
    return shlex.join(words)


def _blind(why: str, arguments: argparse.Namespace) -> int:
    """Nothing that this harness does not find would mean anything: no seed is run."""
    if arguments.json:
        sys.stdout.write(json.dumps({"blind": why, "seeds": 0, "exit": 5}, indent=1) + "\n")
    Console(stderr=True, soft_wrap=True).print(f"{why}; no seed was run", style="bold red", markup=False)
    return 5


def _report(swarm: Swarm, first: int, wall_s: float, code: int) -> dict[str, Any]:
    coverage = swarm.coverage
    return {
        "first": first,
        "seeds": swarm.runs,
        "full_seeds": swarm.full,
        "full_means": f"at least {ENTRIES} entries, {ENTITIES} entities, {KINDS} kinds of faults that struck, a death",
        "by_population": swarm.by_population,
        "violations": swarm.violations,
        "unsettled": swarm.unsettled,
        "unknown": swarm.unknown,
        "bound": swarm.bound,
        "wall_seconds": round(wall_s, 1),
        "cpu_seconds": round(swarm.cpu_s, 1),
        "seeds_per_core_hour": swarm.seeds_per_core_hour,
        "seeds_per_hour": round(swarm.runs / wall_s * 3_600) if wall_s else 0,
        "entity_months": round(swarm.months, 1),
        "entries": swarm.entries,
        "deaths": swarm.deaths,
        "faults_fired": swarm.fired,
        "seeds_with_fault": swarm.seeds_with,
        "failures": [asdict(run) | {"coverage": None} for run in swarm.failures[:SHOWN]],
        "coverage": {
            "edges": dict(coverage.edges),
            "cells": [[edge, kind, seeds] for (edge, kind), seeds in sorted(coverage.cells.items())],
            "pairs": [[a, b, seeds] for (a, b), seeds in sorted(coverage.pairs.items())],
            "probes": dict(coverage.probes),
            "states": len(coverage.states),
            "new_states_per_1000": swarm.new_states,
            "next_seed_new_state": round(coverage.unseen_share, 4),
        },
        "exit": code,
    }


def _print_summary(swarm: Swarm, first: int, wall_s: float, code: int, console: Console, out: Path | None) -> None:
    coverage = swarm.coverage
    console.print(
        f"\n{swarm.runs:,} seeds from {first}: {swarm.violations} violated an invariant, {swarm.unsettled} did not"
        f" settle, {swarm.unknown} proved nothing",
        style="bold green" if code == 0 else "bold red",
    )
    told = ", ".join(f"{name} {count:,}" for name, count in sorted(swarm.by_population.items()))
    console.print(f"populations: {told}")
    console.print(
        f"{swarm.full:,} of them had at least {ENTRIES} entries, {ENTITIES} entities, {KINDS} kinds of faults that"
        f" struck, and a death; {swarm.entries:,} entries, {swarm.deaths:,} deaths, {swarm.months:,.0f} entity-months"
    )
    hour = round(swarm.runs / wall_s * 3_600) if wall_s else 0
    console.print(
        f"{wall_s:,.0f} s: {hour:,} seeds an hour here, {swarm.seeds_per_core_hour:,} seeds per core-hour of computing"
    )
    table = Table("fault", "strikes", "seeds", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for kind in FAULT_KINDS:
        table.add_row(kind, f"{swarm.fired.get(kind, 0):,}", f"{swarm.seeds_with.get(kind, 0):,}")
    console.print(table)
    for line in space_words(coverage):
        console.print(line, markup=False)
    if swarm.bound:
        console.print(swarm.bound)
    if out:
        console.print(f"written: {out}/swarm.json, {out}/swarm.html")
