"""`springtide drain` ends a process in order; `springtide audit` tells who commanded what, and why."""

import argparse
import json

import msgspec

from runtime.commands.connection import NotDoneError, add_connection, add_why, answering, connect, positive, read
from runtime.commands.words import console, grid, instant, row
from runtime.ports import AuditNote

DRAIN = """\
example:
  springtide drain --why "upgrade to 0.3"

The gateway takes nothing in any more (503, sources deliver again), what is on the wire is finished, leases are given
back, and the process ends. Nothing is lost: what was acknowledged is durable.

exit codes: 0 it drains, 1 the runtime refused or is away, 2 bad input
"""

AUDIT = """\
examples:
  springtide audit
  springtide audit --most 20 --json

exit codes: 0 shown, 1 the runtime refused or is away, 2 bad input
"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add both subcommands."""
    drain = subparsers.add_parser(
        "drain",
        help="end the process in order: finish, give back, stop",
        description="Stop taking in, finish what is on the wire, give the leases back, end.",
        epilog=DRAIN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_why(drain)
    add_connection(drain)
    drain.set_defaults(run=answering(run_drain))
    audit = subparsers.add_parser(
        "audit",
        help="who commanded what, and why",
        description="Show the latest commands of people and acts on access, newest first.",
        epilog=AUDIT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    audit.add_argument("--most", type=positive, default=100, metavar="N", help="at most so many (default 100)")
    audit.add_argument("--json", action="store_true", help="print the notes as JSON, nothing else")
    add_connection(audit)
    audit.set_defaults(run=answering(run_audit))


class _Drain(msgspec.Struct):
    """What the gateway says; anything else that answers there says nothing of the kind."""

    draining: bool = False


def run_drain(arguments: argparse.Namespace) -> int:
    """Run `drain`; returns the exit code."""
    gateway = connect(arguments)
    if not read(gateway.tell("/v1/drain", {"why": arguments.why}), _Drain).draining:
        raise NotDoneError(f"{gateway.url} did not say that it drains; springtide status shows what is going on")
    print(f"{gateway.url} drains; it ends once what is on the wire is finished")
    return 0


def run_audit(arguments: argparse.Namespace) -> int:
    """Run `audit`; returns the exit code."""
    answer = connect(arguments).ask("/v1/audit", {"most": arguments.most})
    if arguments.json:
        print(json.dumps(answer, indent=2))
        return 0
    notes = read(answer.get("notes"), list[AuditNote])
    if not notes:
        print("nothing was commanded yet")
        return 0
    table = grid("when", "who", "what", "on", "why", "outcome")
    for note in notes:
        row(table, instant(note.at_ms), note.who, note.what, note.target, note.why, note.outcome)
    console().print(table)
    return 0
