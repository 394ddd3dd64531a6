"""`springtide cluster-demo`: a burst, a host killed, a node lost, an ERP away; and whether the books are right.

The exit codes are those of every run: 0 all held, 3 money or data wrong, 4 not settled, 5 proved nothing.
"""

import argparse
import json
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from runtime.cli import BadInputError

EPILOG = """\
examples:
  springtide cluster-demo                      Ray with a head and three nodes, PostgreSQL, twelve legal entities
  springtide cluster-demo --without-ray        the same journey in one process, on SQLite
  springtide cluster-demo --seed 7 --json      the report and nothing else on standard output

Everything runs on this machine, on 127.0.0.1 alone, and is gone afterwards. It takes about a minute and a half.
exit codes: 0 all held, 2 bad input, 3 money or data wrong, 4 not settled, 5 proved nothing
"""
LEAST, MOST = 400, 100_000
NEEDED = {"uvicorn": "serve", "aiohttp": "serve"}
NEEDED_ON_RAY = {**NEEDED, "ray": "ray", "psycopg": "postgres"}
"""Package to the extra that brings it."""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "cluster-demo",
        help="kill a host, lose a node and take the ERP away while a burst is posted",
        description="A real cluster on this machine, three incidents, and the auditors' verdict.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--without-ray", action="store_true", help="one process on SQLite, killed and started again")
    parser.add_argument("--entries", type=int, default=20_000, metavar="N", help="how many are approved (20000)")
    parser.add_argument("--seed", type=int, default=1, help="what chance depends on (default 1)")
    parser.add_argument("--json", action="store_true", help="print the report on standard output, nothing else")
    parser.add_argument("--logs", metavar="DIR", type=Path, help="keep what every process logs, and the settings, here")
    parser.add_argument("--quiet", action="store_true", help="no time line on standard error")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code of the verdict."""
    if not LEAST <= arguments.entries <= MOST:
        raise BadInputError(f"--entries {arguments.entries}: give a number from {LEAST} to {MOST}")
    for package, extra in (NEEDED if arguments.without_ray else NEEDED_ON_RAY).items():
        if find_spec(package) is None:
            raise BadInputError(f"cluster-demo needs {package}, which is not installed; install springtide[{extra}]")
    # Here and not above: every command loads this module, and what it stands on comes with the extras.
    from scenarios.live.burst import Traffic
    from scenarios.live.deployment import MockFirm
    from scenarios.live.journey import Route, travel
    from scenarios.live.parts import PartFailedError, ended_tidily
    from scenarios.live.report import print_journey, shown
    from scenarios.live.timeline import TimeLine
    from scenarios.live.verdict import PROVED_NOTHING
    from scenarios.report.table import console_for
    from simulators.a_postgres import PostgresCannotStartError
    from simulators.a_ray_cluster import RayCannotStartError

    route = Route(
        with_ray=not arguments.without_ray,
        traffic=Traffic(entries=arguments.entries, batch=500, block=1_200, seed=arguments.seed),
        firm=MockFirm(entities=12, regions=3, accounts=4, seed=arguments.seed),
    )
    with ExitStack() as stack:
        stack.enter_context(ended_tidily())
        folder = arguments.logs or Path(stack.enter_context(TemporaryDirectory(prefix="springtide-cluster-")))
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise BadInputError(f"--logs {arguments.logs}: {fault.strerror}; give another folder") from fault
        if any(folder.iterdir()):
            raise BadInputError(f"--logs {arguments.logs}: is not empty; give another folder")
        tell, watched = stack.enter_context(shown(arguments.quiet))
        try:
            report = travel(route, folder, TimeLine(tell), watched)
        except (PartFailedError, PostgresCannotStartError, RayCannotStartError) as fault:
            report = {"exit": PROVED_NOTHING, "failed": str(fault)}
    if arguments.json:
        print(json.dumps(report, indent=2))
    elif "failed" in report:
        print(f"springtide: {report['failed']}; nothing is proved (exit {report['exit']})", file=sys.stderr)
    else:
        print_journey(report, console_for(sys.stdout))
    code: int = report["exit"]
    return code
