"""`springtide replay FILE`: a recorded run again, up to an instant if wanted, with the story of one entry."""

import argparse
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from textwrap import TextWrapper

from rich.console import Console

from runtime.cli import BadInputError
from scenarios.choose import load
from scenarios.explain import Moment, Told, explain, tell
from scenarios.report.table import WIDTH, console_for
from scenarios.report.wording import DAYS
from simulators.auditors.finding import HELD, VIOLATED
from simulators.run import firm_of

_STYLES = {"source": "cyan", "fault": "bold red", "runtime": "", "ledger": "green"}
_AFTER = re.compile(r"\+(\d+)([dhms])")
_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
MOST = 5
"""Entries whose story is told where none is named."""


def run(arguments: argparse.Namespace) -> int:
    """Replay the scenario file; returns the exit code of what the auditors say."""
    path = Path(arguments.letters[0])
    scenario = load(path)
    if scenario.seed is None:
        raise BadInputError(
            f"{path}: says no seed; only recorded runs can be replayed (springtide simulate runs others)"
        )
    told = tell(
        scenario.world,
        scenario.seed,
        scenario.plant,
        _until(arguments.until, firm_of(scenario.world, scenario.seed).start_ms),
    )
    published = [entry_id for evidence in told.seen.evidences.values() for entry_id in evidence.versions]
    wanted = [arguments.explain] if arguments.explain else _worth_telling(told, published)
    stories: dict[str, list[Moment]] = {}
    for entry_id in wanted:
        try:
            stories[entry_id] = explain(told, entry_id)
        except LookupError:
            named = ", ".join(published[:MOST]) or "none until then"
            raise BadInputError(f"--explain {entry_id}: no such entry in this run; there is {named}") from None
    violated = [held for held in told.held if held.status == VIOLATED]
    code = 3 if violated else 4 if told.seen.unsettled and not arguments.until else 0
    if arguments.json:
        _print_json(told, stories, code)
        return code
    console = console_for(sys.stdout)
    console.print(f"{scenario.name}, seed {scenario.seed}", style="bold", markup=False)
    console.print(scenario.story, markup=False)
    for entry_id, moments in stories.items():
        console.print(f"\n{entry_id}", style="bold", markup=False)
        for moment in moments:
            _print_moment(moment, console)
    console.print()
    for code_of, places in told.places().items():
        said = ", ".join(f"{number} {place.replace('_', ' ')}" for place, number in sorted(places.items()))
        console.print(f"{code_of}: {said or 'nothing'}", markup=False)
    for held in violated:
        console.print(f"{held.id} {held.name}: {held.examples[0].text}", style="bold red", markup=False)
    if told.held and not violated:
        unknown = [held.id for held in told.held if held.status != HELD]
        console.print("nothing is violated" + (f"; too little to say about {', '.join(unknown)}" if unknown else ""))
    for text in told.seen.unsettled if not arguments.until else ():
        console.print(f"not settled: {text}", style="bold yellow", markup=False)
    return code


def _worth_telling(told: Told, published: list[str]) -> list[str]:
    """The entries of the findings, or all of a few."""
    found = [example.entry_id for held in told.held for example in held.examples if example.entry_id in published]
    return list(dict.fromkeys(found))[:MOST] or published[:MOST]


def _until(text: str | None, start_ms: int) -> int | None:
    """An instant: "2026-03-31T18:00" (UTC), or "+2d" after the run begins; never before that."""
    if text is None:
        return None
    after = _AFTER.fullmatch(text)
    if after:
        return start_ms + max(1, int(after[1]) * _UNITS[after[2]])
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadInputError(f"--until {text}: give an instant such as 2026-03-31T18:00, or +30d") from None
    return max(start_ms + 1, int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000))


def _print_moment(moment: Moment, console: Console) -> None:
    at = datetime.fromtimestamp(moment.at_ms / 1000, UTC)
    head = f"{DAYS[at.weekday()]} {at.day:2} {at:%H:%M:%S}  {moment.system:8}"
    wrapped = TextWrapper(WIDTH - len(head) - 1, subsequent_indent=" ").wrap(moment.text)
    for number, line in enumerate(wrapped):
        console.print(f"{head if number == 0 else ' ' * len(head)} {line}", style=_STYLES[moment.system], markup=False)


def _print_json(told: Told, stories: dict[str, list[Moment]], code: int) -> None:
    report = {
        "places": told.places(),
        "invariants": [
            {"id": h.id, "status": h.status, "examples": [example.text for example in h.examples]} for h in told.held
        ],
        "unsettled": told.seen.unsettled,
        "stories": {
            entry_id: [{"at_ms": m.at_ms, "system": m.system, "text": m.text} for m in moments]
            for entry_id, moments in stories.items()
        },
        "exit": code,
    }
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
