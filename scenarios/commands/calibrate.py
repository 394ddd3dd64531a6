"""`springtide calibrate LIVE_RUN`: how fast the ERP and the runtime of a live run were, for the next simulation."""

import argparse
import sys
from pathlib import Path

from rich.table import Table

from runtime.cli import BadInputError
from scenarios.load.calibrate import Fitted, TooFewCallsError, calibrate, with_latency
from scenarios.load.results import read_run
from scenarios.report.table import console_for

EPILOG = """\
examples:
  springtide calibrate out/live                                 what was fitted, and the --set for simulate
  springtide calibrate out/live --out out/fitted.json           for predict --like out/live --fitted out/fitted.json
  springtide calibrate out/live --scenario out/fitted_scenario.json     for simulate out/fitted_scenario.json

exit codes: 0 fitted, 2 bad input, 5 too few calls to fit anything
"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "calibrate",
        help="fit the ERP's service times from a live run",
        description="Fit the service times of the ERP, and what the runtime itself needs, from a live load run.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("measured", metavar="LIVE_RUN", type=Path, help="the folder that springtide load wrote")
    parser.add_argument(
        "--metrics", metavar="FILE", type=Path, help="what GET /metrics said at the end (default: the run's own)"
    )
    parser.add_argument(
        "--out", metavar="FILE", type=Path, help="write what was fitted, for springtide predict --fitted"
    )
    parser.add_argument(
        "--scenario",
        metavar="FILE",
        type=Path,
        dest="as_scenario",
        help="write the run's scenario with the fitted times",
    )
    parser.add_argument("--json", action="store_true", help="print what was fitted as JSON, nothing else")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code."""
    try:
        fitted = calibrate(arguments.measured, arguments.metrics)
    except TooFewCallsError as few:
        print(f"springtide: {few}; nothing is proved (exit 5)", file=sys.stderr)
        return 5
    if arguments.out is not None:
        _write(arguments.out, fitted.model_dump_json(indent=2))
    if arguments.as_scenario is not None:
        scenario = with_latency(read_run(arguments.measured).profile.scenario, fitted.latency)
        _write(arguments.as_scenario, scenario.model_dump_json(indent=2))
    if arguments.json:
        sys.stdout.write(fitted.model_dump_json(indent=2) + "\n")
    else:
        _print(fitted)
    return 0


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as fault:
        why = (fault.strerror or "no reason given").lower()
        raise BadInputError(f"{path}: cannot be written ({why}); give a file you may write") from fault


def _print(fitted: Fitted) -> None:
    console = console_for(sys.stdout)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", "assumed", "fitted"):
        table.add_column(name, justify="right" if name else "left")
    table.add_row("the ERP's answer, p50", f"{fitted.assumed.p50_ms:,} ms", f"{fitted.latency.p50_ms:,} ms")
    table.add_row("the ERP's answer, p99", f"{fitted.assumed.p99_ms:,} ms", f"{fitted.latency.p99_ms:,} ms")
    table.add_row("the gateway's answer, p50", "0 ms", f"{fitted.own.intake_p50_ms:,} ms")
    table.add_row("the gateway's answer, p99", "0 ms", f"{fitted.own.intake_p99_ms:,} ms")
    table.add_row("a durable step", "0 ms", f"{fitted.own.turn_ms:,} ms")
    console.print(table)
    console.print(
        f"{fitted.calls:,} calls of {fitted.rows_per_call:,.1f} rows; the log-normal is off by at most"
        f" {fitted.apart_ppm / 10_000:.1f} %{': they are hardly log-normal' if fitted.rough else ''}"
    )
    console.print(
        "springtide simulate SCENARIO " + " ".join(f"--set {one}" for one in fitted.overrides), soft_wrap=True
    )
