"""`springtide certify SUITE`: everything that is tried before going live, in one go, and one page for the meeting."""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from runtime.cli import BadInputError
from scenarios.canary import blind
from scenarios.certify.against import difference
from scenarios.certify.certificate import Certificate, read
from scenarios.certify.loads import all_loads, with_results
from scenarios.certify.making import FOLDER, Gathered, certificate, file_of
from scenarios.certify.suite import Cell, Suite, cells_of, find
from scenarios.certify.trial import Trial, Tried, attempt
from scenarios.judge import revision
from scenarios.on_ray import on_ray
from scenarios.report.certificate_page import certificate_page
from scenarios.report.table import console_for
from scenarios.report.wording import amount, duration, kind_words
from scenarios.side_by_side import cores, on_cores
from scenarios.swarm import Task, run_seed

EPILOG = """\
examples:
  springtide certify smoke                        half a minute: what a certificate looks like
  springtide certify go_live                      everything, before the first month-end
  springtide certify ours.toml --seeds 20         your own suite; docs/certify.md says what stands in one
  springtide certify go_live --load cutoff_hour=out/load/march
  springtide certify go_live --against last_quarter/certificate.json

Written to out/certify/SUITE (or --out): certificate.html, certificate.json, and the scenarios of its variants. A
certificate that was there before becomes previous.json, and the new one says what changed since.

exit codes, the gravest wins: 3 money or data wrong, 5 proved nothing or the harness is blind, 4 not settled,
1 a target missed, 0 all held; 2 bad input
"""

LARGE = 5_000
"""Consultants above which a firm has all cores for itself: it takes some GB (month_end_5000: 1.2 GB, measured)."""
T = TypeVar("T")
PAGE, DATA, BEFORE = "certificate.html", "certificate.json", "previous.json"


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "certify",
        help="try a whole suite, and say whether to go live",
        description="Run scenarios, variants, a swarm and load results of a suite; one verdict, one page.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("suite", help="the name of a suite, or a suite file (.toml, .json)")
    parser.add_argument("--seeds", type=int, metavar="N", help="so many seeds for every scenario and variant")
    parser.add_argument("--out", metavar="DIR", type=Path, help="where to write it (default: out/certify/SUITE)")
    parser.add_argument(
        "--against",
        metavar="FILE",
        type=Path,
        help="the certificate to compare with (default: the one that stands where this one goes)",
    )
    parser.add_argument(
        "--load",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="the results of a load run of the suite; may be repeated",
    )
    parser.add_argument("--run-loads", action="store_true", help="make the load runs that have no results yet")
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="processes side by side (default: all cores)")
    parser.add_argument("--ray", metavar="ADDRESS", help="run on a Ray cluster (HOST:PORT, or local)")
    parser.add_argument("--json", action="store_true", help="print certificate.json on standard output, nothing else")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code of the ruling."""
    for option, value, least in (("--seeds", arguments.seeds, 1), ("--jobs", arguments.jobs, 0)):
        if value is not None and value < least:
            raise BadInputError(f"{option} {value}: give {least} or more, or leave it out")
    suite, where = find(arguments.suite)
    cells = cells_of(suite, where, arguments.seeds)
    out: Path = arguments.out or Path("out/certify") / suite.name
    _make_room(out)
    before, before_file = _before(arguments.against, out)
    known = with_results(suite, arguments.load)
    console = Console(stderr=True) if arguments.json else console_for(sys.stdout)
    began = time.monotonic()
    made_at, commit = datetime.now(UTC), revision()
    why = blind()
    gathered = Gathered()
    if not why:
        _write_scenarios(cells, out)
        _try(suite, cells, gathered, arguments)
    stamp = made_at.strftime("-%Y%m%dT%H%M%SZ")
    loads = all_loads(suite, known, out, run_them=arguments.run_loads and not why, stamp=stamp)
    made = certificate(
        suite,
        where,
        str(out),
        cells,
        gathered,
        loads,
        canary=why,
        made_at=made_at,
        commit=commit,
        wall_s=time.monotonic() - began,
    )
    if before is not None:
        made = made.model_copy(update={"difference": difference(made, before, before_file)})
    _write(made, out)
    if arguments.json:
        sys.stdout.write(json.dumps(made.model_dump(mode="json"), indent=1) + "\n")
    else:
        _print(made, console, out)
    return made.ruling.exit


# ------------------------------------------------------------------ trying


def _try(suite: Suite, cells: Sequence[Cell], gathered: Gathered, arguments: argparse.Namespace) -> None:
    """Every run and every seed: large firms one after the other on all cores, the rest side by side."""
    jobs = arguments.jobs or cores()
    large = [cell for cell in cells if cell.scenario.world.firm.consultants > LARGE and not arguments.ray]
    alone = [Trial(cell, seed, jobs) for cell in large for seed in cell.seeds]
    # The longest first, so that no core waits for the last one at the end.
    others = sorted(
        (Trial(cell, seed) for cell in cells if cell not in large for seed in cell.seeds),
        key=lambda trial: -trial.cell.scenario.world.firm.consultants,
    )
    swarm = suite.swarm
    seeds = [] if swarm is None else [Task(swarm.first + number, swarm.population) for number in range(swarm.seeds)]
    total = len(alone) + len(others) + len(seeds)
    with _bar(total, arguments) as bar:

        def watched(results: Iterable[T]) -> Iterator[T]:
            for one in results:
                yield one
                if bar is not None:
                    bar.update(bar.task_ids[0], advance=1, failed=gathered.failed)

        tried: Iterator[Tried] = watched(map(attempt, alone))
        for one in tried:
            gathered.add(one)
        for one in watched(_side_by_side(attempt, others, jobs, arguments.ray, 1)):
            gathered.add(one)
        for seed in watched(_side_by_side(run_seed, seeds, jobs, arguments.ray, 8)):
            gathered.add_seed(seed)


def _side_by_side(function: Any, tasks: Sequence[Any], jobs: int, ray: str | None, chunk: int) -> Iterator[Any]:
    if not tasks:
        return iter(())
    return on_ray(function, tasks, ray, chunk) if ray else on_cores(function, tasks, jobs, chunk)


def _bar(total: int, arguments: argparse.Namespace) -> Any:
    if arguments.quiet or arguments.json or not sys.stderr.isatty():
        return nullcontext(None)
    bar = Progress(
        TextColumn("certify"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("runs, {task.fields[failed]} not as they should be"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
    )
    bar.add_task("certify", total=total, failed=0)
    return bar


# ------------------------------------------------------------------ what is read and written


def _make_room(out: Path) -> None:
    try:
        (out / FOLDER).mkdir(parents=True, exist_ok=True)
        (out / ".touched").write_bytes(b"")
        (out / ".touched").unlink()
    except OSError as fault:
        why = (fault.strerror or "no reason given").lower()
        raise BadInputError(f"--out {out}: cannot be written ({why}); give a folder you may write to") from fault


def _before(against: Path | None, out: Path) -> tuple[Certificate | None, str]:
    """The certificate to compare with, and where it stands; one that cannot be read is told before the first run."""
    if against is not None:
        return read(against), str(against)
    if (out / DATA).exists():
        return read(out / DATA), str(out / BEFORE)
    return None, ""


def _write_scenarios(cells: Sequence[Cell], out: Path) -> None:
    for cell in cells:
        if file_of(cell):
            (out / file_of(cell)).write_text(cell.scenario.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _write(made: Certificate, out: Path) -> None:
    """The new one whole, or not at all; the old one stays beside it."""
    texts = {DATA: json.dumps(made.model_dump(mode="json"), indent=1) + "\n", PAGE: certificate_page(made)}
    if (out / DATA).exists():
        (out / DATA).replace(out / BEFORE)
    for name, text in texts.items():
        new = out / f"{name}.new"
        new.write_text(text, encoding="utf-8")
        new.replace(out / name)


# ------------------------------------------------------------------ what is told


def _print(made: Certificate, console: Console, out: Path) -> None:
    style = {0: "bold green", 1: "bold yellow"}.get(made.ruling.exit, "bold red")
    console.print(f"{made.suite}: {made.ruling.sentence}", style=style, markup=False)
    if made.cells:
        table = Table("scenario", "runs", "held", "p99, worst", "targets", box=None)
        for column in table.columns[1:4]:
            column.justify = "right"
        for cell in made.cells:
            missed = [sla for sla in cell.slas if sla.held < sla.runs]
            said = ", ".join(f"{sla.name} {amount(sla.worst, sla.unit, sla.unmeasured)}" for sla in missed)
            table.add_row(
                cell.key,
                str(len(cell.seeds)),
                str(cell.exits.get("0", 0)),
                duration(cell.p99.most if cell.p99 else None),
                said or ("all targets held" if cell.promised else "no targets"),
            )
        console.print(table)
    if made.swarm is not None:
        swarm = made.swarm
        console.print(
            f"swarm: {swarm.seeds:,} seeds, {swarm.violations} violated, {swarm.unsettled} not settled,"
            f" {swarm.unknown} unknown",
            markup=False,
        )
    for load in made.loads:
        console.print(f"load {load.name}: {load.sentence}", markup=False)
    if made.difference is not None:
        since = made.difference
        console.print(
            f"since {since.made_at} ({kind_words(since.word)}): {len(since.better)} better, {len(since.worse)} worse,"
            f" {len(since.newly_tried)} newly tried, {len(since.no_longer_tried)} no longer tried",
            markup=False,
        )
        for change in since.worse:
            console.print(f"  worse: {change.what}: {change.before} -> {change.after}", style="red", markup=False)
    for worst in made.worst:
        if worst.exit:
            console.print(f"  exit {worst.exit}: {worst.why}\n    {worst.command}", markup=False, soft_wrap=True)
    console.print(f"not tried: {len(made.not_tried)} things, listed on the page", markup=False)
    console.print(f"written: {out / PAGE}, {out / DATA}", markup=False, soft_wrap=True)
