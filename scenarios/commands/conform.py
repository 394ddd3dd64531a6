"""`springtide conform [URL]`: any integration beside our mock systems, with faults, and a scorecard at the end.

The exit codes are those of every run: 0 clean, 1 manners missed, 2 bad input, 3 money or data wrong, 4 not settled,
5 proved nothing.
"""

import argparse
import asyncio
import json
import shlex
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from runtime.cli import BadInputError

EPILOG = """\
examples:
  springtide conform http://127.0.0.1:9000/hook --run "python my_integration.py"
  springtide conform http://127.0.0.1:9000/hook --psa-port 8091 --erp-port 8092    it runs already, somewhere
  springtide conform --run "python my_poller.py"                                   it asks the PSA by itself
  springtide conform --our-runtime                                                 springtide serve
  springtide conform --example-config > springtide.toml                            the settings file of that

The integration finds everything in its environment: SPRINGTIDE_PSA_URL, SPRINGTIDE_ERP_URL and more; where --run is
not given they are printed. What it may ask of the systems, and what is asked of it, is told in docs/conform.md.
It takes about a minute.
exit codes: 0 clean, 1 manners missed, 2 bad input, 3 money or data wrong, 4 not settled, 5 proved nothing
"""
LEAST, MOST = 40, 5_000
NEEDED = "uvicorn"


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "conform",
        help="put any integration beside our mock systems, with faults, and print its scorecard",
        description="Exercise an integration against mock systems with faults, in real time, and print its scorecard.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("url", nargs="?", default="", metavar="URL", help="where it takes webhooks of approved time")
    parser.add_argument("--run", default="", metavar="COMMAND", dest="command", help="starts it; it is killed once too")
    parser.add_argument("--our-runtime", action="store_true", help="exercise springtide serve")
    parser.add_argument("--example-config", action="store_true", help="print a settings file for that, and end")
    parser.add_argument("--entries", type=int, default=80, metavar="N", help="about how many are approved (80)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="what chance depends on (default 1)")
    parser.add_argument("--faults", default="", metavar="NAMES", help="only these, by name, comma between (all)")
    parser.add_argument("--psa-port", type=int, default=0, metavar="P", help="where the PSA listens (any free port)")
    parser.add_argument("--erp-port", type=int, default=0, metavar="P", help="where the ERP listens (any free port)")
    parser.add_argument(
        "--minutes", type=float, metavar="M", help="how long it may take to settle, however quiet it is"
    )
    parser.add_argument("--json", action="store_true", help="print the card on standard output, nothing else")
    parser.add_argument("--out", metavar="DIR", type=Path, help="write card.json and junit.xml, and keep its log, here")
    parser.add_argument("--quiet", action="store_true", help="no time line on standard error")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code of the card."""
    if find_spec(NEEDED) is None:
        raise BadInputError(f"conform needs {NEEDED}, which is not installed; install springtide[serve]")
    # Here and not above: every command loads this module, and what it stands on comes with the extra.
    from scenarios.conform.card import judge, junit, print_card
    from scenarios.conform.exercise import FAULTS, Plan, exercise
    from scenarios.conform.ours import our_runtime, settings_file
    from scenarios.live.parts import ended_tidily
    from scenarios.live.timeline import Moment, TimeLine, to_stderr
    from scenarios.report.table import console_for

    faults = tuple(name.strip() for name in arguments.faults.split(",") if name.strip()) or FAULTS
    for name in faults:
        if name not in FAULTS:
            raise BadInputError(f"--faults {name}: no such fault; there are {', '.join(FAULTS)}")
    plan = Plan(
        url=arguments.url,
        command=_checked(arguments),
        entries=arguments.entries,
        seed=arguments.seed,
        faults=faults,
        psa_port=arguments.psa_port,
        erp_port=arguments.erp_port,
        patience_s=None if arguments.minutes is None else arguments.minutes * 60,
    )
    if arguments.example_config:
        # The ports stand in the file, so here they are not any.
        named = Plan(seed=plan.seed, psa_port=plan.psa_port or 8091, erp_port=plan.erp_port or 8092)
        print(settings_file(named, 8090, Path("var/conform")), end="")
        return 0
    with ExitStack() as stack:
        stack.enter_context(ended_tidily())
        folder = arguments.out or Path(stack.enter_context(TemporaryDirectory(prefix="springtide-conform-")))
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise BadInputError(f"--out {arguments.out}: {fault.strerror}; give another folder") from fault
        if arguments.our_runtime:
            if (folder / "journal").exists():
                raise BadInputError(f"--out {arguments.out}: has the journal of another run; give another folder")
            plan = our_runtime(plan, folder)
        timeline = TimeLine((lambda moment: None) if arguments.quiet else to_stderr)

        def ready(environ: dict[str, str]) -> None:
            if not plan.command:
                told = "\n".join(f"export {name}={shlex.quote(text)}" for name, text in environ.items() if text)
                print(f"{told}\nstart the integration with this environment", file=sys.stderr)

        try:
            seen = asyncio.run(exercise(plan, folder, timeline, ready))
        except (OSError, OverflowError) as fault:
            raise BadInputError(f"--psa-port, --erp-port: cannot listen there ({fault}); give others, or 0") from fault
        card = judge(seen)
        moments: list[Moment] = timeline.moments
        card.time_line = [(one.at_ms, one.text) for one in moments]
        if arguments.out is not None:
            (folder / "card.json").write_text(json.dumps(card.told(), indent=2) + "\n")
            (folder / "junit.xml").write_text(junit(card))
    if arguments.json:
        print(json.dumps(card.told(), indent=2))
    else:
        if not arguments.quiet:
            print(file=sys.stderr)
        print_card(card, console_for(sys.stdout))
    return card.exit


def _checked(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The command in words. Raises BadInputError for what cannot be exercised."""
    if not LEAST <= arguments.entries <= MOST:
        raise BadInputError(f"--entries {arguments.entries}: give a number from {LEAST} to {MOST}")
    if arguments.minutes is not None and not 0 < arguments.minutes <= 60:
        raise BadInputError(f"--minutes {arguments.minutes:g}: give a number up to 60")
    if arguments.our_runtime and (arguments.url or arguments.command):
        raise BadInputError("--our-runtime brings its own URL and command; leave yours out")
    address = urlsplit(arguments.url)
    if arguments.url and (address.scheme not in ("http", "https") or not address.hostname):
        raise BadInputError(f"{arguments.url}: not a URL; give one like http://127.0.0.1:9000/hook")
    named = arguments.url or arguments.command or arguments.our_runtime or arguments.example_config
    if not named and not (arguments.psa_port and arguments.erp_port):
        raise BadInputError(
            "nothing to exercise; give a URL, --run COMMAND, or --psa-port and --erp-port to be asked at"
        )
    try:
        command = tuple(shlex.split(arguments.command))
    except ValueError as fault:
        raise BadInputError(f"--run {arguments.command}: {fault}; quote it as in a shell") from fault
    if command and which(command[0]) is None:
        raise BadInputError(f"--run {command[0]}: there is no such program; give its path")
    return command
