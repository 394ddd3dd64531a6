"""`springtide trace ENTRY`: the whole story of a time entry, from submission to posting, every attempt on its way."""

import argparse
import json
import re
from typing import Any

from rich.console import Console

from runtime.commands.connection import (
    Gateway,
    NotDoneError,
    RefusedError,
    add_connection,
    answering,
    connect,
    read,
    said,
    segment,
)
from runtime.commands.words import console, duration, grid, instant, printable, row, words
from runtime.ports import EntryTrace, PartitionReport

EPILOG = """\
examples:
  springtide trace TS-1001                   look in every legal entity that the key may see
  springtide trace TS-1001 --entity DE01     look in one
  springtide trace TS-1001 --json            {"traces": […]}

exit codes: 0 found, 1 never heard of, or the runtime refused or is away, 2 bad input
"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "trace",
        help="the whole story of one time entry",
        description="Tell what happened to a time entry, step by step, and where it is now.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("entry", type=said, help="the entry's id at its source")
    parser.add_argument(
        "--entity", type=said, help="the legal entity it belongs to (default: all that the key may see)"
    )
    parser.add_argument("--json", action="store_true", help="print the story as JSON, nothing else")
    add_connection(parser)
    parser.set_defaults(run=answering(run))


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code."""
    gateway = connect(arguments)
    entities = [arguments.entity] if arguments.entity else all_entities(gateway)
    found = {}
    for entity in entities:
        answer = trace_of(gateway, entity, arguments.entry)
        if answer is not None:
            found[entity] = answer
    if not found:
        where = f"in {arguments.entity}" if arguments.entity else "in any legal entity that this key may see"
        raise NotDoneError(
            f"{printable(arguments.entry)} was never heard of {where}; it may still be at its source, or in a dead "
            "letter (springtide letters)"
        )
    if arguments.json:
        print(json.dumps({"traces": list(found.values())}, indent=2))
        return 0
    for number, answer in enumerate(found.values()):
        if number:
            console().print()
        tell(read(answer, EntryTrace), console())
    return 0


def all_entities(gateway: Gateway) -> list[str]:
    return sorted(report.entity for report in read(gateway.ask("/v1/status").get("partitions"), list[PartitionReport]))


def trace_of(gateway: Gateway, entity: str, entry_id: str) -> dict[str, Any] | None:
    """The story as it came; None where this entity never heard of the entry."""
    try:
        return gateway.ask(f"/v1/trace/{segment(entity)}/{segment(entry_id)}")
    except RefusedError as refused:
        if refused.problem == "unknown-entry":
            return None
        raise


def tell(story: EntryTrace, out: Console) -> None:
    """Print the story: where it is now, then the time line, then the keys it went under."""
    out.print(words(f"{story.entry_id} of {story.entity}", "bold"))
    ledger = f", in the ledger as {story.ledger_id}" if story.ledger_id else ""
    phase = f" ({_spaced(story.phase)})" if story.phase != story.place else ""
    out.print(words(f"version {story.latest} is {_spaced(story.place)}{phase}{ledger}"))
    out.print()
    table = grid("when", ">after", "what", "")
    before_ms = story.steps[0].at_ms if story.steps else 0
    for step in story.steps:
        after = f"+{duration((step.at_ms - before_ms) / 1000)}" if step.at_ms != before_ms else ""
        row(table, instant(step.at_ms), after, _spaced(step.kind), step.text)
        before_ms = step.at_ms
    out.print(table)
    if story.keys:
        out.print()
        out.print(words("keys in the ledger", "dim"))
        for key in story.keys:
            # Never wrapped or cut: it is there to be searched for in the ERP.
            out.print(words(f"  {key}"), soft_wrap=True)


def _spaced(kind: str) -> str:
    """ "EntryReceived" -> "entry received", "in_doubt" -> "in doubt"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).replace("_", " ").lower()
