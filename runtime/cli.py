"""The command line: one program, `springtide`, whose subcommands are found as entry points.

A subcommand module offers `register(subparsers)`, which adds its parser and sets `run` to a function from the parsed
arguments to an exit code. Words for people go to standard error; bad input is one clear line and exit 2.
"""

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import entry_points, version
from typing import NoReturn

GROUP = "springtide.commands"
EPILOG = """\
examples:
  springtide scenarios                              what can be rehearsed
  springtide simulate quiet_week --seed 1           a week of a small firm, in a second
  springtide simulate month_end --out out/march     a month, with report.json and report.html
  springtide simulate month_end --set world.erp=none --plant resend_without_lookup
  springtide serve --demo                           the runtime beside mock systems, and what to try next
  springtide config example > springtide.toml       a configuration to begin with
  springtide status                                 how a running one stands
  springtide trace TS-1001                          what became of one entry
"""


class BadInputError(Exception):
    """Something a person gave us that cannot be used: what, where and how to mend it, in one line."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong with an argument in one line, as with any other input, and where the usage stands."""

    def error(self, message: str) -> NoReturn:
        """What argparse calls when an argument cannot be used."""
        said = f"{message.removeprefix('argument ')} ({self.prog} --help shows the usage)"
        raise BadInputError(" ".join(said.split()))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns the exit code (see README, "Exit codes")."""
    parser = Parser(
        prog="springtide",
        description="Carries approved time into the ERP that bills it, and rehearses the month-end beforehand.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"springtide {version('springtide')}")
    subparsers = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    try:
        for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
            point.load()(subparsers)
        arguments = parser.parse_args(argv)
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except BadInputError as bad:
        print(f"springtide: {bad}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("springtide: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output (head, less) has seen enough; what is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception:
        traceback.print_exc()
        print(
            "springtide: a fault of Springtide itself, not of your input; nothing is proved (exit 5)", file=sys.stderr
        )
        return 5
    return code


if __name__ == "__main__":
    # Under its own name: commands raise the BadInputError of `runtime.cli`, which is not the one of `__main__`.
    sys.exit(import_module("runtime.cli").main())
