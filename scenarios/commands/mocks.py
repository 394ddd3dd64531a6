"""`springtide mocks serve [SCENARIO]`: the mock systems of a scenario's firm behind a socket, in real time."""

import argparse
import json
import sys

from runtime.cli import BadInputError
from scenarios.choose import choose, override
from simulators.firm.catalogue import CATALOGUE
from simulators.live import LiveFirm
from simulators.over_http import MockSystems, announce, serve
from simulators.systems.profiles.generic import GENERIC

EPILOG = """\
examples:
  springtide mocks serve                                    the firm of quiet_week, with its faults
  springtide mocks serve --demo --port 8090                 answers at once, and nothing goes wrong
  springtide mocks serve --entities 12 --regions 3 --profile async_job --set world.firm.consultants=240

One line of JSON on standard output says where it listens. What can be asked of it beside what connectors ask stands
under /admin, on the loopback interface only: GET reference, settings, clock, example, ledgers, ledger/ENTITY,
landings/ENTITY, calls/ACCOUNT, doors, strikes, evidence; POST approve, approved, audit, away, slow, befall, period,
reset.
"""

FAST = (
    'world.erp.latency={"p50_ms": 2, "p99_ms": 10, "per_row_us": 10, "door_ms": 1}',
    "world.erp.quota=null",
    "world.psa.latency_low_ms=1",
    "world.psa.latency_high_ms=4",
    "world.runtime.batch_max=100",
    "world.runtime.linger_ms=200",
    "world.runtime.tell_linger_ms=1000",
    "world.runtime.call_deadline_ms=5000",
    "world.runtime.late_landing_ms=5000",
    "world.runtime.staged_poll_ms=1000",
)
"""Systems that answer at once, and a runtime that waits for nobody; numbers for demos and tests (ours)."""
FAST_STAGING = ("world.erp.staging.shortest_ms=100", "world.erp.staging.longest_ms=1000")


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("mocks", help="the mock systems behind sockets, in real time")
    verbs = parser.add_subparsers(title="commands", dest="verb", metavar="COMMAND", required=True)
    one = verbs.add_parser(
        "serve",
        help="serve a scenario's PSAs and ERPs over HTTP",
        description="Serve the mock PSAs and ERPs of a scenario's firm over HTTP on the loopback interface.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    one.add_argument("scenario", nargs="?", default="quiet_week", help="a scenario, or a scenario file (.json)")
    one.add_argument("--port", type=int, default=0, help="where to listen (default: any free port)")
    one.add_argument("--seed", type=int, default=1, help="what chance depends on (default 1)")
    one.add_argument("--entities", metavar="N|CODES", help="how many legal entities, or which: DE01,US01")
    one.add_argument("--regions", type=int, metavar="N", help="over how many regions they are spread (1 to 4)")
    one.add_argument("--accounts", type=int, metavar="N", help="how many pairs of ERP and PSA accounts they share")
    one.add_argument("--profile", metavar="NAME", help=f"the ERP's manners: {', '.join(GENERIC)}")
    one.add_argument("--month", metavar="YYYY-MM", help="the month that is open in the books")
    one.add_argument("--fast", action="store_true", help="systems that answer at once and have no quota")
    one.add_argument("--no-faults", action="store_true", help="leave the scenario's faults out")
    one.add_argument("--demo", action="store_true", help="the same as --fast --no-faults")
    one.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", dest="overrides")
    one.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code."""
    scenario, _ = override(choose(arguments.scenario), [*_asked(arguments), *arguments.overrides])
    if arguments.fast or arguments.demo:
        staged = FAST_STAGING if scenario.world.erp.staging is not None else ()
        scenario, _ = override(scenario, [*FAST, *staged, *arguments.overrides])
    try:
        app = MockSystems(lambda now_ms: LiveFirm(scenario.world, arguments.seed, now_ms))
    except ValueError as fault:
        raise BadInputError(f"{fault}; --no-faults leaves the faults out") from fault

    def ready(url: str) -> None:
        announce(app, scenario=scenario.name, month=scenario.world.firm.month)
        print(f"mock systems of {scenario.name} at {url}; Ctrl-C ends them", file=sys.stderr)

    try:
        serve(app, arguments.port, ready)
    except ModuleNotFoundError as missing:
        raise BadInputError(f"mocks serve needs {missing.name}; install springtide[serve]") from missing
    except (OSError, OverflowError) as fault:
        raise BadInputError(f"--port {arguments.port}: cannot listen there ({fault}); give another, or 0") from fault
    return 0


def _asked(arguments: argparse.Namespace) -> list[str]:
    """What the flags say, as overrides of the scenario."""
    asked: list[str] = []
    if arguments.profile is not None:
        if arguments.profile not in GENERIC:
            raise BadInputError(f"--profile {arguments.profile}: no such profile; there are {', '.join(GENERIC)}")
        asked.append(f"world.erp={arguments.profile}")
    if arguments.no_faults or arguments.demo:
        asked.append("world.faults=[]")
    if arguments.month is not None:
        asked.append(f"world.firm.month={json.dumps(arguments.month)}")
    if arguments.regions is not None:
        asked += [f"world.firm.regions={arguments.regions}", "world.firm.region_shares={}"]
    if arguments.accounts is not None:
        asked.append(f"world.firm.accounts={arguments.accounts}")
    if arguments.entities is None:
        return asked
    if arguments.entities.isdecimal():
        return [*asked, "world.firm.entities=[]", f"world.firm.entity_count={arguments.entities}"]
    return [*asked, f"world.firm.entities={json.dumps([_seat(code) for code in arguments.entities.split(',')])}"]


def _seat(code: str) -> dict[str, str]:
    for seats in CATALOGUE.values():
        for seat in seats:
            if seat.code == code:
                return {
                    "code": code,
                    "region": seat.region,
                    "country": seat.country,
                    "currency": seat.currency,
                    "zone": seat.zone,
                }
    raise BadInputError(f"--entities {code}: no such entity; there are DE01, GB01, US01, JP01 and 104 more")
