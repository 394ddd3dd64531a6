"""What the senders know at the end of a run: what they were told is safe, what they gave up, and what never left.

    what became of each delivery ─┐
                                  ├─▶ approved.csv, of everything that left
    the schedule, once more ──────┘   acknowledged versions; given up ones, and why

Rule 1. A version is acknowledged when any delivery of it was: senders deliver again, and some things come twice.
Rule 2. It is given up when none was. The runtime may have it all the same, where an answer got lost: ask it first.
Rule 3. What never left was not approved, as far as this run goes. A version whose first delivery did not leave counts
        from the first one that did.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.words import ITEMS_REFUSED, OUTCOMES, REFUSED, TAKEN_IN, UNSENT
from scenarios.live.burst import Version
from scenarios.load.deliveries import Delivery
from scenarios.load.results import APPROVED, ApprovedRow

NO_ANSWER = "no answer, or try again later, until the end of the run"
WHOLE = "the whole delivery was refused"


@dataclass(slots=True)
class SendersWord:
    """By version."""

    acknowledged: dict[Version, None] = field(default_factory=dict)
    given_up: dict[Version, str] = field(default_factory=dict)
    """Why."""
    unsent: int = 0
    """Deliveries that never left."""


def senders_word(scratch: Path, schedule: Iterable[Delivery], folder: Path) -> SendersWord:
    """Read what a generator left in `scratch`, go through its schedule again, and write approved.csv."""
    outcomes = (scratch / OUTCOMES).read_bytes()
    refused: dict[int, dict[int, str]] = {}
    with (scratch / ITEMS_REFUSED).open(encoding="utf-8") as file:
        for line in file:
            number, items = json.loads(line)
            refused[number] = dict(items)
    said = SendersWord()
    waiting: dict[tuple[str, int], ApprovedRow] = {}
    with APPROVED.writing(folder) as put:
        for number, one in enumerate(schedule):
            outcome = outcomes[number] if number < len(outcomes) else UNSENT
            if outcome == UNSENT:
                said.unsent += 1
                waiting |= {(row.entry, row.version): row for row in one.approved}
                continue
            put(one.approved)
            if waiting:
                came = [waiting.pop(name) for each in one.entries if (name := (each.entry, each.version)) in waiting]
                put(came)
            _note(said, one, outcome, refused.get(number, {}))
    return said


def _note(said: SendersWord, one: Delivery, outcome: int, refused: dict[int, str]) -> None:
    for place, each in enumerate(one.entries):
        version = Version(each.entity, each.entry, each.version)
        if outcome == TAKEN_IN and place not in refused:
            said.acknowledged[version] = None
            said.given_up.pop(version, None)
        elif version not in said.acknowledged:
            why = refused.get(place) or (WHOLE if outcome == REFUSED else NO_ANSWER)
            said.given_up[version] = why
