"""`springtide drain` and `restart` end processes in order; `springtide audit` tells who commanded what, and why."""

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from runtime.commands.connection import (
    Gateway,
    NotDoneError,
    add_connection,
    add_why,
    answering,
    connect,
    positive,
    read,
    said,
)
from runtime.commands.words import console, grid, instant, printable, row, several
from runtime.ports import AuditNote

DRAIN = """\
examples:
  springtide drain --why "upgrade to 0.3"
  springtide drain --host host:EMEA:1f2e3d4c --why "its node is taken away"

The gateway takes nothing in any more (503, sources deliver again), what is on the wire is finished, leases are given
back, and the process ends. Nothing is lost: what was acknowledged is durable.

With --host one host of the cluster is emptied and ended instead: what it carries goes to others, and the gateway goes
on. springtide status names the hosts.

exit codes: 0 it drains, 1 the runtime refused or is away, 2 bad input
"""

RESTART = """\
examples:
  springtide restart --why "new build"
  springtide restart --region EMEA --why "new build"

The supervisor empties one host at a time, ends it, and goes on with the next while every legal entity is carried.
springtide audit tells of each that has ended. In one process there is nothing to roll: springtide drain ends it.

exit codes: 0 it was ordered, 1 there is no cluster, or the runtime refused or is away, 2 bad input
"""

AUDIT = """\
examples:
  springtide audit
  springtide audit --most 20 --json
  springtide audit --before 1742         those written before note 1742

exit codes: 0 shown, 1 the runtime refused or is away, 2 bad input
"""

_PAGE = 1_000


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the three subcommands."""
    drain = subparsers.add_parser(
        "drain",
        help="end the process, or one host of a cluster, in order: finish, give back, stop",
        description="Stop taking in, finish what is on the wire, give the leases back, end.",
        epilog=DRAIN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    drain.add_argument("--host", type=said, help="one host of the cluster, and not the process that answers")
    add_why(drain)
    add_connection(drain)
    drain.set_defaults(run=answering(run_drain))
    restart = subparsers.add_parser(
        "restart",
        help="replace the hosts of a cluster, one after the other",
        description="Replace every host that lives now, one after the other.",
        epilog=RESTART,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    restart.add_argument("--region", type=said, help="the hosts of this region alone")
    add_why(restart)
    add_connection(restart)
    restart.set_defaults(run=answering(run_restart))
    audit = subparsers.add_parser(
        "audit",
        help="who commanded what, and why",
        description="Show the latest commands of people and acts on access, newest first.",
        epilog=AUDIT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    audit.add_argument("--most", type=positive, default=100, metavar="N", help="at most so many (default 100)")
    audit.add_argument("--before", type=positive, default=0, metavar="NUMBER", help="those before this note")
    audit.add_argument("--json", action="store_true", help="print the notes as JSON, nothing else")
    add_connection(audit)
    audit.set_defaults(run=answering(run_audit))


class _Drain(msgspec.Struct):
    """What the gateway says; anything else that answers there says nothing of the kind."""

    draining: bool = False


def run_drain(arguments: argparse.Namespace) -> int:
    """Run `drain`; returns the exit code."""
    gateway = connect(arguments)
    if arguments.host is not None:
        hosts = _ordered(gateway, "drain", {"host": arguments.host, "why": arguments.why})
        print(f"{', '.join(hosts)} is emptied, then ended; springtide audit tells when")
        return 0
    if not read(gateway.tell("/v1/drain", {"why": arguments.why}), _Drain).draining:
        raise NotDoneError(f"{gateway.url} did not say that it drains; springtide status shows what is going on")
    print(f"{gateway.url} drains; it ends once what is on the wire is finished")
    return 0


def run_restart(arguments: argparse.Namespace) -> int:
    """Run `restart`; returns the exit code."""
    where = {} if arguments.region is None else {"region": arguments.region}
    hosts = _ordered(connect(arguments), "restart", {**where, "why": arguments.why})
    print(f"{several(len(hosts), 'host')} will be replaced, one after the other: {', '.join(hosts)}")
    print("springtide audit tells of each that has ended")
    return 0


def _ordered(gateway: Gateway, verb: str, order: Mapping[str, str]) -> list[str]:
    """Order it; the hosts that are meant, in words for a terminal."""
    hosts = read(gateway.tell(f"/v1/hosts/{verb}", order).get("hosts"), list[str])
    if not hosts:
        raise NotDoneError(f"{gateway.url} named no host; springtide status shows what is going on")
    return [printable(host) for host in hosts]


def run_audit(arguments: argparse.Namespace) -> int:
    """Run `audit`; returns the exit code."""
    told, older = _notes(connect(arguments), arguments.most, arguments.before)
    if arguments.json:
        print(json.dumps({"notes": told, "next": older}, indent=2))
        return 0
    notes = read(told, list[AuditNote])
    if not notes:
        print(
            f"nothing was commanded before note {arguments.before}" if arguments.before else "nothing was commanded yet"
        )
        return 0
    table = grid("when", "who", "what", "on", "why", "outcome")
    for note in notes:
        row(table, instant(note.at_ms), note.who, note.what, note.target, note.why, note.outcome)
    console().print(table)
    if older:
        print(f"older ones: springtide audit --before {older}", file=sys.stderr)
    return 0


def _notes(gateway: Gateway, most: int, before: int) -> tuple[list[dict[str, Any]], int]:
    """So many notes as they came, page by page, and before which number there are more (0: there are none)."""
    found: list[dict[str, Any]] = []
    while True:
        answer = gateway.ask("/v1/audit", {"most": min(most - len(found), _PAGE), "before": before})
        page = read(answer.get("notes"), list[dict[str, Any]])
        found += page
        before = read(answer.get("next"), int)
        if not page or not before or len(found) >= most:
            return found, before
