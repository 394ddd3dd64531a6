"""`springtide predict SCENARIO --out DIR`: what a live run of this load will measure, from virtual time."""

import argparse
import json
import sys
from pathlib import Path

from runtime.cli import BadInputError
from scenarios.load.arguments import add_load_arguments, load_asked_for
from scenarios.load.calendar import LoadCalendar
from scenarios.load.calibrate import read_fitted, with_fitted
from scenarios.load.predict import predict
from scenarios.load.profile import LoadProfile
from scenarios.load.results import read_run
from scenarios.report.progress import progress

EPILOG = """\
examples:
  springtide predict month_end --volume 1.5 --out out/predicted
  springtide predict erp_maintenance_at_cutoff --shape maintenance_overlap --out out/predicted
  springtide predict --like out/live --out out/predicted            the load of a live run

springtide compare puts it beside a live run. What the runtime's own machine needs is not predicted, unless --fitted
says so: reading, deciding and committing take no time here.
"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "predict",
        help="simulate a load run, request by request",
        description="Simulate a load: the same requests at the same instants as a live run of it, in virtual time.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_load_arguments(parser, may_be_left_out=True)
    parser.add_argument("--like", metavar="RUN", type=Path, help="take the load of this run's folder")
    parser.add_argument("--fitted", metavar="FILE", type=Path, help="service times that springtide calibrate wrote")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="the folder to write")
    parser.add_argument(
        "--draws",
        type=int,
        default=1,
        metavar="N",
        help="simulate under N draws of the systems' chance, for a band around the prediction (default 1)",
    )
    parser.add_argument("--json", action="store_true", help="print run.json on standard output, nothing else")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code."""
    profile = _profile(arguments)
    if arguments.fitted is not None:
        profile = with_fitted(profile, read_fitted(arguments.fitted))
    if arguments.draws < 1:
        raise BadInputError(f"--draws {arguments.draws}: give 1 or more")
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        why = (fault.strerror or "no reason given").lower()
        raise BadInputError(f"--out {arguments.out}: cannot be made ({why}); give a folder you may write to") from fault
    shown = not (arguments.json or arguments.quiet) and sys.stderr.isatty()
    with progress(LoadCalendar(profile).patience_ms, shown) as bar:
        made = predict(profile, arguments.out, draws=arguments.draws, told=bar.update)
    if arguments.json:
        sys.stdout.write(json.dumps(made.model_dump(mode="json"), indent=2) + "\n")
    else:
        print(f"predicted {profile.scenario.name}, {profile.shape.value}, in {arguments.out}")
        print(f"to see it beside a live run: springtide compare {arguments.out} LIVE_RUN")
    return 0


def _profile(arguments: argparse.Namespace) -> LoadProfile:
    if arguments.like is None:
        if arguments.scenario is None:
            raise BadInputError("give a scenario, or --like RUN for the load of a run")
        return load_asked_for(arguments)[0]
    if arguments.scenario is not None:
        raise BadInputError("--like RUN has its own scenario; leave the other out")
    return read_run(arguments.like).profile
