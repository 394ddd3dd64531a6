"""`springtide simulate SCENARIO`: let a month happen, and say what it means."""

import argparse
import os
import sys
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from runtime.cli import BadInputError
from scenarios.catalogue import all_scenarios
from scenarios.choose import choose, no_such_bug, override, with_plant
from scenarios.judge import judge
from scenarios.model import Scenario
from scenarios.report.html import page
from scenarios.report.junit import junit
from scenarios.report.model import Report
from scenarios.report.progress import progress
from scenarios.report.table import console_for, print_table
from simulators.plants.catalogue import PLANTS
from simulators.plants.plant import Plant
from simulators.run import firm_of, rehearsal, simulate
from simulators.timesheets.problems import NothingToRehearse, TimesheetUnreadable
from simulators.timesheets.rehearsal import Export
from simulators.timesheets.rows import TimesheetRead
from simulators.world import last_ms

EPILOG = """\
examples:
  springtide simulate quiet_week --seed 1
  springtide simulate month_end --seed 7 --out out/march --junit out/march/junit.xml
  springtide simulate month_end --set world.erp=none --set world.people.volume_percent=300
  springtide simulate quiet_week --plant resend_without_lookup
  springtide simulate quiet_week --timesheet harvest_time_report.csv --country US --zone America/Chicago

exit codes: 0 all held, 1 an SLA was missed, 2 bad input, 3 money or data wrong, 4 not settled, 5 proved nothing
"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "simulate",
        help="let a scenario happen in virtual time, and judge it",
        description="Simulate a scenario: people, mock systems and misfortunes around the real core, in virtual time.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenario", help="the name of a scenario, or a scenario file (.json)")
    parser.add_argument("--seed", type=int, default=1, help="what chance depends on (default 1)")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", dest="overrides")
    parser.add_argument("--timesheet", metavar="FILE", help="rehearse with your own export (Harvest, Toggl, …)")
    parser.add_argument("--country", default="DE", help="whose holidays the timesheet's people keep (default DE)")
    parser.add_argument("--zone", default="Europe/Berlin", help="where they live (default Europe/Berlin)")
    parser.add_argument("--plant", metavar="BUG", help=f"plant a bug that must be caught: {', '.join(PLANTS)}")
    parser.add_argument("--out", metavar="DIR", type=Path, help="write report.json, report.html and scenario.json")
    parser.add_argument("--junit", metavar="FILE", type=Path, help="write JUnit XML for a CI system")
    parser.add_argument("--json", action="store_true", help="print report.json on standard output, nothing else")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="processes side by side (default: all cores)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code of the verdict."""
    scenario, applied = override(choose(arguments.scenario), arguments.overrides)
    plant = _plant(arguments.plant)
    if plant is not None:
        scenario = _with_plant(scenario, plant)
    export = _export(arguments)
    timesheet = None if export is None else _read(export, arguments.seed)
    if arguments.jobs < 0:
        raise BadInputError(f"--jobs {arguments.jobs}: give 1 or more, or leave it out for all cores")
    _make_room(arguments)
    report = _simulate(scenario, arguments, applied, plant, export, timesheet)
    page_path = _write(report, scenario, arguments)
    if timesheet is not None:
        _say_kept_out(timesheet)
    if arguments.json:
        sys.stdout.write(report.to_json())
    else:
        print_table(report, console_for(sys.stdout), page=page_path)
    return report.verdict.exit


def _simulate(
    scenario: Scenario,
    arguments: argparse.Namespace,
    applied: dict[str, str],
    plant: Plant | None,
    export: Export | None,
    timesheet: TimesheetRead | None,
) -> Report:
    shown = not (arguments.json or arguments.quiet) and sys.stderr.isatty()
    jobs = arguments.jobs or _cores()
    firm = firm_of(scenario.world, arguments.seed, export)
    with progress(last_ms(firm, scenario.world) - firm.start_ms, shown, start_ms=firm.start_ms) as bar:
        outcome = simulate(
            scenario.world,
            arguments.seed,
            jobs=jobs,
            plant=plant.name if plant else "",
            timesheet=export,
            told=bar.update if shown else None,
        )
    report = judge(scenario, outcome, overrides=applied, plant=plant, timesheet=timesheet)
    if arguments.scenario not in all_scenarios():
        report.scenario_file = arguments.scenario
    if export is not None:
        report.timesheet = export.path
        report.timesheet_at = [export.country, export.zone]
        report.description = f"A rehearsal of {export.path} against the systems and mishaps of {scenario.name}."
    return report


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _plant(name: str | None) -> Plant | None:
    if name is None:
        return None
    if name not in PLANTS:
        raise BadInputError(f"--plant {name}: {no_such_bug(name, PLANTS)}")
    return PLANTS[name]


def _with_plant(scenario: Scenario, plant: Plant) -> Scenario:
    """The scenario with the least that the bug needs to show: its faults added, its ERP profile instead of the own."""
    words = ", ".join(f"{fault.kind} {getattr(fault, 'ppm', '')} ppm" for fault in plant.faults)
    print(f"planted {plant.name}: {plant.story}", file=sys.stderr)
    print(f"added: {words}; ERP profile {plant.profile}; must be caught by {plant.caught_by}", file=sys.stderr)
    return scenario.model_copy(update={"world": with_plant(scenario.world, plant)})


def _export(arguments: argparse.Namespace) -> Export | None:
    if arguments.timesheet is None:
        return None
    try:
        ZoneInfo(arguments.zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise BadInputError(f"--zone {arguments.zone}: not a time zone; give one such as America/Chicago") from None
    return Export(arguments.timesheet, arguments.country.upper(), arguments.zone)


def _read(export: Export, seed: int) -> TimesheetRead:
    try:
        return rehearsal(export, seed).read
    except (TimesheetUnreadable, NothingToRehearse) as fault:
        raise BadInputError(str(fault)) from fault


def _say_kept_out(read: TimesheetRead) -> None:
    used = len(read.rows)
    print(
        f"{read.file}: {read.tool} export, {read.total_rows} rows: {used} used, {len(read.problems)} kept out,"
        f" {read.total_rows - used - len(read.problems)} ignored",
        file=sys.stderr,
    )
    for problem in read.problems:
        print(str(problem), file=sys.stderr)
    for note in read.notes:
        print(f"note: {note}", file=sys.stderr)


OUTPUTS = ("report.json", "scenario.json", "report.html")


def _make_room(arguments: argparse.Namespace) -> None:
    """Make the folders that are to be written to, and find out before the run whether they can be."""
    targets = [arguments.out / name for name in OUTPUTS] if arguments.out else []
    for target in [*targets, *([arguments.junit] if arguments.junit else [])]:
        folder = target.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            why = (fault.strerror or "no reason given").lower()
            raise BadInputError(f"{folder}: cannot be made ({why}); give a folder you may write to") from fault
        if target.is_dir():
            raise BadInputError(f"{target}: is a folder; name the file that is to be written")
        if not os.access(target if target.exists() else folder, os.W_OK):
            raise BadInputError(f"{target}: cannot be written (permission denied); give a folder you may write to")


def _write(report: Report, scenario: Scenario, arguments: argparse.Namespace) -> str:
    texts: dict[Path, str] = {}
    if arguments.junit:
        texts[arguments.junit] = junit(report)
    if arguments.out:
        made = (report.to_json(), scenario.model_dump_json(indent=2) + "\n", page(report))
        texts |= {arguments.out / name: text for name, text in zip(OUTPUTS, made, strict=True)}
    for path, text in texts.items():
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as fault:
            why = (fault.strerror or "no reason given").lower()
            raise BadInputError(f"{path}: cannot be written ({why}); give a folder you may write to") from fault
    return str(arguments.out / OUTPUTS[-1]) if arguments.out else ""
