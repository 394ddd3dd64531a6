"""`springtide letters` shows what could not be taken in; `springtide replay` takes it in again, after a dry run.

A replay goes through the same door as any delivery: what was taken in meanwhile is a duplicate, and nothing happens
twice.
"""

import argparse
import json
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from importlib.metadata import entry_points
from itertools import islice
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from runtime.cli import BadInputError
from runtime.commands.connection import (
    Gateway,
    NotDoneError,
    add_connection,
    add_why,
    answering,
    connect,
    positive,
    read,
)
from runtime.commands.words import console, duration, grid, instant, money, printable, row, several

LETTERS = """\
examples:
  springtide letters                       what waits, and why
  springtide letters --state replayed
  springtide letters --json | jq -r '.letters[].letter_id'

exit codes: 0 shown, 1 the runtime refused or is away, 2 bad input
"""

REPLAY = """\
examples:
  springtide replay --all --why "connector understands schema 2 now"          what it would do
  springtide replay --all --yes --why "connector understands schema 2 now"    do it
  springtide replay 5f0c… --yes --per-second 10 --why "one to begin with"
  springtide replay scenarios/recorded/resend_without_lookup.json             a recorded failure again
  springtide replay failure.json --until 2026-03-31T18:00 --explain ENTRY     up to an instant, one entry's story

Without --yes nothing is changed: it prints how many, worth how much, how long it takes, and the command that does it.
Ids come from springtide letters; the first eight digits are enough.

exit codes: 0 done or shown, 1 something could not be replayed, or the runtime refused or is away, 2 bad input
"""
RECORDED = "springtide.recorded"
"""The group of entry points of whoever can let a recorded run happen again."""
_PAGE = 1_000
_SHORTEST_ID = 8
_FASTEST = 10_000
_STEP_S = 10
"""A replay is asked for in steps of about this many seconds, so that it can be watched and stopped."""
_MOST_IN_A_STEP = 500
"""What the gateway does in one request."""
_MOST_NAMED = 8
_TAKEN = ("accepted", "duplicate")


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add both subcommands."""
    letters = subparsers.add_parser(
        "letters",
        help="events that could not be taken in, and why",
        description="List dead letters.",
        epilog=LETTERS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    letters.add_argument("--state", choices=("waiting", "replayed", "dropped"), default="waiting")
    letters.add_argument("--most", type=positive, default=100, metavar="N", help="at most so many (default 100)")
    letters.add_argument("--json", action="store_true", help="print them as JSON, with their bodies in base64")
    add_connection(letters)
    letters.set_defaults(run=answering(run_letters))
    replay = subparsers.add_parser(
        "replay",
        help="take dead letters in again (shows first what it would do), or run a recorded failure again",
        description="Take dead letters in again; or, where a scenario file is named, let a recorded run happen again.",
        epilog=REPLAY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    replay.add_argument("letters", nargs="*", metavar="LETTER|FILE", help="ids of letters that wait; or a recorded run")
    replay.add_argument("--all", action="store_true", help="every letter that waits")
    replay.add_argument("--yes", action="store_true", help="really do it")
    replay.add_argument(
        "--per-second", type=positive, default=50, metavar="N", help="at most so many a second (default 50)"
    )
    replay.add_argument("--until", metavar="T", help="of a recorded run: only until then (2026-03-31T18:00, or +30d)")
    replay.add_argument("--explain", metavar="ENTRY", help="of a recorded run: the story of this entry")
    replay.add_argument("--json", action="store_true", help="of a recorded run: print what came of it as JSON")
    add_why(replay, required=False)
    add_connection(replay)
    replay.set_defaults(run=answering(run_replay))


def run_letters(arguments: argparse.Namespace) -> int:
    """Run `letters`; returns the exit code."""
    gateway = connect(arguments)
    found = list(islice(_pages(gateway, arguments.state, arguments.most, bodies=arguments.json), arguments.most))
    if arguments.json:
        print(json.dumps({"letters": found}, indent=2))
        return 0
    if not found:
        print(f"no dead letter is {arguments.state}")
        return 0
    table = grid("letter", "first", ">times", "source", "kind", ">bytes", "reason")
    for letter in read(found, list[_Listed]):
        cells = (letter.times, letter.source, letter.kind, letter.size, letter.reason)
        row(table, letter.letter_id, instant(letter.first_ms), *cells)
    console().print(table)
    if len(found) == arguments.most:
        print(f"there may be more: --most {10 * arguments.most} shows them", file=sys.stderr)
    if arguments.state == "waiting":
        print("springtide replay LETTER… --why … shows what taking them in again would do", file=sys.stderr)
    return 0


class _Listed(msgspec.Struct):
    """A letter as it is listed: without its body, but with its size."""

    letter_id: str
    source: str
    kind: str
    reason: str
    size: int
    first_ms: int
    times: int


def _pages(gateway: Gateway, state: str, most: int, *, bodies: bool) -> Iterator[dict[str, Any]]:
    """Every letter in this state, as it came, by id; pages of no more than are wanted."""
    query: dict[str, Any] = {"state": state, "after": "", "most": min(most, _PAGE), "bodies": int(bodies)}
    while True:
        answer = gateway.ask("/v1/dead-letters", query)
        yield from read(answer.get("letters"), list[dict[str, Any]])
        query["after"] = read(answer.get("next"), str)
        if not query["after"]:
            return


def run_replay(arguments: argparse.Namespace) -> int:
    """Run `replay`; returns the exit code."""
    if len(arguments.letters) == 1 and arguments.letters[0].endswith(".json"):
        return _recorded(arguments)
    if not arguments.why:
        raise BadInputError("replay: --why is missing; give the reason, for the audit")
    if arguments.all == bool(arguments.letters):
        raise BadInputError("replay: name letters (springtide letters lists them), or give --all")
    if arguments.per_second > _FASTEST:
        raise BadInputError(f"--per-second {arguments.per_second}: give at most {_FASTEST}")
    gateway = connect(arguments)
    listed = read(list(_pages(gateway, "waiting", _PAGE, bodies=False)), list[_Listed])
    waiting = [letter.letter_id for letter in listed]
    named = dict.fromkeys(_whole(given, waiting) for given in arguments.letters)
    ids = waiting if arguments.all else list(named)
    if not ids:
        print("no dead letter waits; there is nothing to replay")
        return 0
    return _replay(gateway, ids, arguments) if arguments.yes else _dry_run(gateway, ids, arguments)


def _recorded(arguments: argparse.Namespace) -> int:
    """A recorded run is replayed by who can simulate; the runtime alone cannot."""
    found = list(entry_points(group=RECORDED))
    if not found:
        raise BadInputError(f"replay {arguments.letters[0]}: nothing that can run a recorded scenario is installed")
    code: int = found[0].load()(arguments)
    return code


def _whole(given: str, waiting: Sequence[str]) -> str:
    found = [letter_id for letter_id in waiting if letter_id.startswith(given)] if len(given) >= _SHORTEST_ID else []
    if len(found) == 1:
        return found[0]
    what = "is the beginning of several letters" if found else "no such letter waits"
    raise BadInputError(f"replay {given}: {what}; springtide letters lists them")


class _Would(msgspec.Struct):
    """What the gateway says of a dry run."""

    count: int
    readable: int
    hours: Decimal
    days: Decimal
    seconds: int
    by_entity: dict[str, int]
    fails_again: dict[str, int]
    bills: dict[str, int]
    """Minor units by currency, of the entries that are `valued`."""
    valued: int
    known: int
    left_out: int
    unvalued: dict[str, int]


def _dry_run(gateway: Gateway, ids: Sequence[str], arguments: argparse.Namespace) -> int:
    """Say what it would do: how many, worth how much, how long; and the command."""
    chosen = None if arguments.all else ids
    would = read(gateway.tell("/v1/dead-letters/replay", _order(chosen, arguments, dry_run=True)), _Would)
    worth = " and ".join(
        f"{amount:,f} {unit}" for amount, unit in ((would.hours, "hours"), (would.days, "days")) if amount
    )
    print(
        f"would take in {several(would.count, 'letter')} again, in about {duration(would.seconds)}; nothing was changed"
    )
    print(f"{would.readable:,} can be read now: {worth or 'no time'}, for {_counted(would.by_entity) or 'nobody'}")
    for line in _worth(would):
        print(line)
    if would.fails_again:
        print(f"would fail again: {_counted(would.fails_again)}")
    named = ["--all"] if arguments.all else list(ids)
    rate = ["--per-second", str(arguments.per_second)]
    command = shlex.join(["springtide", "replay", *named, "--yes", *rate, "--why", arguments.why])
    print(f"to do it:  {printable(command)}")
    return 0


def _worth(would: _Would) -> Iterator[str]:
    """What the entries in them would bill, and of which of them nobody can say."""
    if would.valued:
        amounts = money(would.bills) if any(would.bills.values()) else "nothing"
        yield f"{several(would.valued, 'entry')} would bill {amounts}, at the rates known now"
    if would.known:
        yield f"{several(would.known, 'entry')} known already, in this version or a newer one: nothing would happen"
    if would.left_out:
        yield f"{several(would.left_out, 'entry')} left out of the ledger by a rule"
    if would.unvalued:
        reasons = {reason.replace("_", " "): count for reason, count in would.unvalued.items()}
        yield f"no amount can be given for {several(sum(reasons.values()), 'entry')}: {_counted(reasons)}"


class _Became(msgspec.Struct):
    """What became of one letter."""

    taken: str
    reason: str = ""


def _replay(gateway: Gateway, ids: Sequence[str], arguments: argparse.Namespace) -> int:
    """Do it, step by step, and say what became of them."""
    became: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    done = 0
    # By name and not "all that wait": a letter that fails again goes on waiting, and must not be met again and again.
    step = min(_MOST_IN_A_STEP, arguments.per_second * _STEP_S)
    columns = (TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=len(ids))
        for chosen in (ids[at : at + step] for at in range(0, len(ids), step)):
            try:
                answer = gateway.tell("/v1/dead-letters/replay", _order(chosen, arguments, dry_run=False))
            except NotDoneError as stopped:
                rest = f"{done:,} of {several(len(ids), 'letter')} were tried; the same command goes on with the rest"
                raise NotDoneError(f"{stopped}; {rest}") from None
            for letter in read(answer.get("results"), list[_Became]):
                became[letter.taken] += 1
                if letter.taken not in _TAKEN:
                    failed[letter.reason or letter.taken] += 1
            done += len(chosen)
            bar.update(task, completed=done)
    print(f"replayed {several(done, 'letter')}: {_counted(became) or 'none of them waits any more'}")
    if not failed:
        return 0
    raise NotDoneError(f"{several(failed.total(), 'letter')} failed again and wait on: {_counted(failed)}")


def _counted(counts: Mapping[str, int]) -> str:
    """The most frequent first: "DE01 (12), NO01 (3)"."""
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    more = f" and {several(len(ordered) - _MOST_NAMED, 'more kind')}" if ordered[_MOST_NAMED:] else ""
    return ", ".join(f"{printable(name)} ({counts[name]:,})" for name in ordered[:_MOST_NAMED]) + more


def _order(ids: Sequence[str] | None, arguments: argparse.Namespace, *, dry_run: bool) -> dict[str, Any]:
    return {"ids": ids, "dry_run": dry_run, "per_second": arguments.per_second, "why": arguments.why}
