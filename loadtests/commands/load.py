"""`springtide load SCENARIO`: a scenario's cut-off against a running Springtide, and whether it held.

The exit codes are those of every run: 0 all held, 1 an SLA was missed, 3 money or data wrong, 4 not settled, 5 proved
nothing (the generator was the bottleneck, its rate was not reached, it was interrupted, or hardly anything stood).
"""

import argparse
import os
import shlex
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from runtime.cli import BadInputError
from runtime.commands.connection import Gateway, add_connection, connect, over_http
from scenarios.load.arguments import add_load_arguments, load_asked_for

if TYPE_CHECKING:
    from loadtests.crew import Size
    from loadtests.preflight import Site
    from loadtests.run import Around
    from loadtests.screen import Screen
    from scenarios.live.timeline import TimeLine
    from scenarios.load.calendar import LoadCalendar
    from scenarios.load.profile import LoadProfile

EPILOG = """\
examples:
  springtide load --demo                                   runtime, mock systems and load on this machine, 5 minutes
  springtide load --demo --set world.erp.quota.calls=6     the same against a small quota: who misses, and what binds
  springtide load month_end_5000 --demo --shape sustained --rows-per-s 500
  springtide load month_end_5000 --url https://staging.example --erp-admin http://10.0.0.7:8090 --volume 1.5
  springtide load month_end_50000 --url https://staging.example --master 2        leads two other machines
  springtide load --worker 10.0.0.5 --processes 2                                 one of them

The key of the runtime comes from SPRINGTIDE_KEY or --key-file, the secret of its webhooks (webhooks.load in its
settings) from SPRINGTIDE_WEBHOOK_SECRET.
exit codes: 0 all held, 1 an SLA was missed, 2 bad input, 3 money or data wrong, 4 not settled, 5 proved nothing
"""
NEEDED = {"locust": "load"}
NEEDED_FOR_A_DEMO = {**NEEDED, "uvicorn": "serve", "aiohttp": "serve"}
"""Package to the extra that brings it."""
DEMO, DEMO_VOLUME = "month_end_50000", 1.5
DEMO_OUTAGE = {"day": "last", "at": "17:31", "lasts_ms": 6 * 60_000}
"""Of every ERP, in scenario time: in the middle of the hour, for a tenth of it."""
DEMO_SETTINGS = ("world.runtime.late_landing_ms=60000",)
"""After so long nothing lands any more that was given up: a demo does not wait five minutes for each doubt (ours)."""
SECRET_ENV = "SPRINGTIDE_WEBHOOK_SECRET"  # noqa: S105  # where the secret is, not what it is
WEB_PORT = 8089
MASTER_PORT = 5557
MOST_PROCESSES = 64


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "load",
        help="load a running Springtide with a scenario's cut-off, and judge it",
        description="Open arrivals of a scenario against a running Springtide, judged by what stands in the ledger.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_load_arguments(parser, may_be_left_out=True)
    parser.add_argument("--like", metavar="RUN", type=Path, help="the load of that run's folder, live or predicted")
    add_connection(parser)
    where = parser.add_argument_group("what is loaded")
    where.add_argument("--demo", action="store_true", help="start runtime and mock systems here, with an ERP outage")
    where.add_argument("--erp-admin", metavar="URL", help="the mock systems of that runtime (springtide mocks serve)")
    how = parser.add_argument_group("the generator")
    how.add_argument("--processes", type=int, default=1, metavar="N", help="that send, on this machine (default 1)")
    how.add_argument("--connections", type=int, default=500, metavar="N", help="of each process, at most (default 500)")
    how.add_argument("--late-ms", type=float, metavar="MS", help="p99 of late starts that is no bottleneck (250)")
    how.add_argument("--web", type=int, nargs="?", const=WEB_PORT, metavar="PORT", help="Locust's web page (8089)")
    how.add_argument("--master", type=int, default=0, metavar="N", help="lead so many workers on other machines")
    how.add_argument("--worker", metavar="HOST", help="be a worker of the master on that machine")
    how.add_argument("--master-port", type=int, default=MASTER_PORT, metavar="PORT", help="where they meet (5557)")
    out = parser.add_argument_group("what is left")
    out.add_argument("--out", metavar="DIR", type=Path, help="the folder of the run (default out/load)")
    out.add_argument("--junit", metavar="FILE", type=Path, help="write JUnit XML for a CI system")
    out.add_argument("--json", action="store_true", help="print the report on standard output, nothing else")
    out.add_argument("--quiet", action="store_true", help="no progress on standard error")
    parser.set_defaults(run=run, volume=None, options=parser._actions, named=False)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code of the verdict."""
    for package, extra in (NEEDED_FOR_A_DEMO if arguments.demo else NEEDED).items():
        if find_spec(package) is None:
            raise BadInputError(f"load needs {package}, which is not installed; install springtide[{extra}]")
    _check_numbers(arguments)
    if arguments.worker is not None:
        return _work(arguments)
    return _load(arguments)


def _check_numbers(arguments: argparse.Namespace) -> None:
    bounds = {
        "--processes": (arguments.processes, 1, MOST_PROCESSES),
        "--connections": (arguments.connections, 1, 2_000),
        "--master": (arguments.master, 0, MOST_PROCESSES),
        "--master-port": (arguments.master_port, 1, 65_535),
        "--web": (arguments.web or WEB_PORT, 1, 65_535),
        "--late-ms": (arguments.late_ms or 1, 1, 60_000),
    }
    for option, (given, least, most) in bounds.items():
        if not least <= given <= most:
            raise BadInputError(f"{option} {given}: give a number from {least} to {most}")
    together = [name for name in ("demo", "url", "worker") if getattr(arguments, name)]
    if len(together) > 1:
        named = " and ".join(f"--{name}" for name in together)
        raise BadInputError(f"{named} do not go together; give one of them")
    if arguments.demo and arguments.erp_admin:
        raise BadInputError("--demo brings mock systems of its own; leave --erp-admin out, or --demo")
    if arguments.worker is not None and arguments.master:
        raise BadInputError("--worker and --master do not go together; a machine leads or follows")


def _work(arguments: argparse.Namespace) -> int:
    """Be a worker until the master needs us no more. The master says what is to be sent, and to whom."""
    from loadtests.crew import work
    from scenarios.live.parts import ended_tidily

    if not arguments.quiet:
        said = f"springtide: {arguments.processes} workers for the master at {arguments.worker}"
        print(f"{said}, port {arguments.master_port}; Ctrl-C ends them", file=sys.stderr)
    with ended_tidily(), TemporaryDirectory(prefix="springtide-worker-") as scratch:
        return work(Path(scratch), arguments.worker, arguments.master_port, arguments.processes)


# ------------------------------------------------------------------ a run


def _load(arguments: argparse.Namespace) -> int:
    # Here and not above: every command loads this module, and what it stands on is heavy, or comes with an extra.
    from loadtests.crew import Size
    from loadtests.screen import screen
    from scenarios.live.parts import PartFailedError, ended_tidily
    from scenarios.live.timeline import TimeLine
    from scenarios.load.calendar import LoadCalendar

    profile = _profile(arguments)
    calendar = LoadCalendar(profile)
    folder: Path = arguments.out or Path("out/load")
    _make_room(folder)
    size = Size(arguments.processes, arguments.master, arguments.master_port, arguments.web or 0, arguments.connections)
    try:
        with ExitStack() as stack:
            stack.enter_context(ended_tidily())
            shown = stack.enter_context(screen(arguments.quiet or arguments.json, profile))
            timeline = TimeLine(shown.moment)
            site, around = _place(stack, arguments, profile, calendar, folder, timeline)
            _run(site, around, profile, calendar, folder, size, arguments, shown)
            return _tell(folder, calendar, arguments)
    except PartFailedError as fault:
        print(f"springtide: {fault}; nothing is proved (exit 5)", file=sys.stderr)
        return 5


def _profile(arguments: argparse.Namespace) -> "LoadProfile":
    """The load that is meant. The demo's own has an outage in its middle."""
    from scenarios.load.results import read_run
    from simulators.faults.maintenance import MaintenanceUnannounced

    arguments.named = arguments.scenario is not None
    if arguments.like is not None:
        if arguments.named:
            raise BadInputError("--like RUN has its own scenario; leave the other out")
        return read_run(arguments.like).profile
    own = arguments.demo and not arguments.named
    if not (arguments.named or own):
        raise BadInputError("no scenario; name one (springtide scenarios lists them), or give --demo")
    arguments.scenario = arguments.scenario or DEMO
    if arguments.volume is None:
        arguments.volume = DEMO_VOLUME if own else 1.0
    if not own:
        return load_asked_for(arguments)[0]
    # Before what was typed, which wins.
    overrides = [*DEMO_SETTINGS, *arguments.overrides]
    profile, _ = load_asked_for(argparse.Namespace(**{**vars(arguments), "overrides": overrides}))
    world = profile.scenario.world
    outage = MaintenanceUnannounced.model_validate(DEMO_OUTAGE)
    world = world.model_copy(update={"faults": (*world.faults, outage)})
    return profile.model_copy(update={"scenario": profile.scenario.model_copy(update={"world": world})})


def _place(
    stack: ExitStack,
    arguments: argparse.Namespace,
    profile: "LoadProfile",
    calendar: "LoadCalendar",
    folder: Path,
    timeline: "TimeLine",
) -> "tuple[Site, Around]":
    """What is loaded: a rig of our own, or what the options name."""
    from loadtests.preflight import Site

    if arguments.demo:
        from scenarios.load.rig import load_rig

        rig = stack.enter_context(load_rig(profile, folder, timeline, calendar))
        return Site(Gateway(rig.url, rig.key, over_http), rig.source_url, rig.secrets), rig
    from scenarios.live.parts import Api
    from scenarios.load.deliveries import WEBHOOKS
    from scenarios.load.elsewhere import Elsewhere

    gateway = connect(arguments)
    source = _address("--erp-admin", arguments.erp_admin)
    mocks = Api(source) if source else None
    elsewhere = Elsewhere(profile, folder, timeline, calendar, Api(gateway.url, gateway.key), mocks)
    return Site(gateway, source, {WEBHOOKS: os.environ.get(SECRET_ENV, "").strip()}), elsewhere


def _address(option: str, given: str | None) -> str:
    """An address as it was given; empty where none is."""
    if not given:
        return ""
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInputError(f"{option} {given}: give an address such as http://127.0.0.1:8090")
    return given.rstrip("/")


def _run(
    site: "Site",
    around: "Around",
    profile: "LoadProfile",
    calendar: "LoadCalendar",
    folder: Path,
    size: "Size",
    arguments: argparse.Namespace,
    shown: "Screen",
) -> None:
    from loadtests.bottleneck import LATE_P99_MS
    from loadtests.preflight import check
    from loadtests.run import Load
    from loadtests.words import Targets
    from scenarios.load.deliveries import WEBHOOKS
    from scenarios.load.elsewhere import Elsewhere

    checked = check(site, [entity.code for entity in calendar.entities], [WEBHOOKS])
    for note in checked.notes:
        shown.line(note)
    if isinstance(around, Elsewhere):
        around.ahead_ms = checked.clock.ahead_ms
        around.prepare()
    targets = Targets(site.gateway.url, site.source, site.gateway.key, site.secrets, size.connections)
    late_ms = arguments.late_ms or LATE_P99_MS
    Load(profile, targets, checked, around, folder, size, shown.hear, late_ms).happens()


def _make_room(folder: Path) -> None:
    """An empty folder for the run. Raises BadInputError where there is something else in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise BadInputError(f"--out {folder}: {(fault.strerror or '').lower()}; give another folder") from fault
    if any(folder.iterdir()):
        raise BadInputError(f"--out {folder}: is not empty; give another folder, or remove it")


def _tell(folder: Path, calendar: "LoadCalendar", arguments: argparse.Namespace) -> int:
    """Judge what is in the folder, write the report beside it, and print it."""
    from scenarios.load.verdict import judge_load
    from scenarios.report.load_files import load_json, write_load
    from scenarios.report.load_table import print_load
    from scenarios.report.table import console_for

    report = judge_load(folder, calendar)
    again = typed_again(arguments)
    page = write_load(report, folder, arguments.junit, again)
    if arguments.json:
        sys.stdout.write(load_json(report))
    else:
        print_load(report, console_for(sys.stdout), page, again)
    return report.verdict.exit


def typed_again(arguments: argparse.Namespace) -> str:
    """The command as it can be typed again: what was named, and every option that is not at its default."""
    words = ["springtide", "load", *([arguments.scenario] if arguments.named else [])]
    for action in arguments.options:
        given = getattr(arguments, action.dest, action.default)
        if not action.option_strings or given == action.default:
            continue
        for one in given if isinstance(given, list) else [given]:
            words += [action.option_strings[0], *(() if one is True else (str(one),))]
    return shlex.join(words)
