"""`springtide pause`, `resume`, `retry`, `waive`: what a person may tell partitions, journalled with who and why."""

import argparse
import sys
from collections.abc import Sequence

import msgspec

from runtime.commands.connection import Gateway, NotDoneError, add_connection, add_why, answering, connect, read, said
from runtime.commands.trace import all_entities, trace_of
from runtime.commands.words import printable, several

_CODES = "exit codes: 0 done, 1 nothing to do, or the runtime refused or is away, 2 bad input\n"

PAUSE = f"""\
examples:
  springtide pause --entity DE01 --why "ledger under repair, ask Anna"
  springtide pause --account erp --why "vendor asks us to stop"
  springtide resume --entity DE01 --why "repaired"

Intake goes on while a partition is paused; only posting waits.

{_CODES}"""

RETRY = f"""\
examples:
  springtide retry TS-1001 TS-1002 --why "document unlocked"
  springtide retry TS-1001 --entity DE01 --why "manual line removed"

Most parked entries need no retry: the event that they wait for wakes them (springtide status names the fix).

{_CODES}"""

WAIVE = f"""\
example:
  springtide waive TS-1001 --why "written off with the client, CR-77"

A waived entry is given up for good: nothing is posted for it, and it is counted as waived for ever.

{_CODES}"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the four subcommands."""
    for verb, does in (("pause", "hold posting back; intake goes on"), ("resume", "let a paused partition post again")):
        parser = _parser(subparsers, verb, does, PAUSE)
        whom = parser.add_mutually_exclusive_group(required=True)
        whom.add_argument("--entity", type=said, help="one legal entity")
        whom.add_argument("--region", type=said, help="every legal entity of a region")
        whom.add_argument("--account", type=said, help="every legal entity that uses this connector account")
        _finish(parser)
    parser = _parser(subparsers, "retry", "try parked entries again", RETRY)
    parser.add_argument("entries", nargs="+", metavar="ENTRY", type=said, help="the entry's id at its source")
    parser.add_argument(
        "--entity", type=said, help="the legal entity they belong to (default: wherever they are parked)"
    )
    _finish(parser)
    parser = _parser(subparsers, "waive", "give a parked entry up for good", WAIVE)
    parser.add_argument("entries", nargs=1, metavar="ENTRY", type=said, help="the entry's id at its source")
    parser.add_argument("--entity", type=said, help="the legal entity it belongs to (default: the one that knows it)")
    _finish(parser)


def _parser(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", verb: str, does: str, epilog: str
) -> argparse.ArgumentParser:
    return subparsers.add_parser(
        verb,
        help=does,
        description=f"{does[0].upper()}{does[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _finish(parser: argparse.ArgumentParser) -> None:
    add_why(parser)
    add_connection(parser)
    parser.set_defaults(run=answering(run), verb=parser.prog.split()[-1])


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code."""
    gateway = connect(arguments)
    whom = {
        name: given
        for name in ("entity", "region", "account", "entries")
        if (given := getattr(arguments, name, None)) is not None
    }
    if arguments.verb == "waive" and arguments.entity is None:
        whom["entity"] = _home_of(gateway, arguments.entries[0])
    answer = gateway.tell("/v1/commands", {"verb": arguments.verb, **whom, "why": arguments.why})
    results = read(answer.get("results"), list[_Result])
    done = [result.entity for result in results if result.done]
    late = [f"{result.entity} ({result.reason})" for result in results if result.reason]
    idle = [result.entity for result in results if not result.done and not result.reason]
    if done:
        # Entries are looked for everywhere, so that nothing was to be done elsewhere is no news.
        elsewhere = f"; nothing to do in {_named(idle)}" if idle and "entries" not in whom else ""
        print(f"{_DONE[arguments.verb]} {_named(done)}{elsewhere}")
    for result in results:
        if result.audit:
            print(f"springtide: {printable(result.entity)}: {printable(result.audit)}", file=sys.stderr)
    if late:
        raise NotDoneError(f"not carried out in {_named(late)}; give the same command again in a moment")
    if not done:
        raise NotDoneError(_NOTHING[arguments.verb])
    return 0


def _home_of(gateway: Gateway, entry: str) -> str:
    """The one entity that knows the entry: a waiver is for good, so it is never given to two."""
    found = [entity for entity in all_entities(gateway) if trace_of(gateway, entity, entry) is not None]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotDoneError(f"{printable(entry)} is known in {_named(found)}; say which with --entity")
    raise NotDoneError(_NOTHING["waive"])


class _Result(msgspec.Struct):
    """What became of a command in one entity; a reason says why it could not be carried out now."""

    entity: str
    done: bool
    reason: str = ""
    audit: str = ""
    """Said where the outcome is not in the audit."""


_DONE = {"pause": "paused", "resume": "resumed", "retry": "trying again in", "waive": "waived in"}
_NOTHING = {
    "pause": "nothing to pause: it is paused already; springtide status says by whom",
    "resume": "nothing to resume: none of it is paused; springtide status shows what is",
    "retry": "nothing to retry: none of these is parked; springtide trace ENTRY tells where one is",
    "waive": "nothing to waive: it is not parked; springtide trace ENTRY tells where it is",
}


def _named(entities: Sequence[str]) -> str:
    shown = ", ".join(map(printable, entities[:10]))
    return shown if len(entities) <= 10 else f"{shown} and {several(len(entities) - 10, 'more entity')}"
