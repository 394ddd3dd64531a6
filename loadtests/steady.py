"""`python -m loadtests.steady FOLDER PLACE WORKERS`: a share of a made-up schedule, evenly spaced.

The load on standard input is JSON, see `Steady`. Nothing of it means anything to a runtime: it measures the generator
itself, against a server that says yes to everything.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from loadtests.schedule import write_share
from scenarios.load.deliveries import Delivery, Entry, User


class Steady(msgspec.Struct):
    """A made-up load."""

    per_s: float
    """Arrivals a second."""
    seconds: float
    users: tuple[User, ...] = ("machines",)
    """Kinds of senders, in turn."""
    items: int = 2
    """Entries that each delivery carries."""
    bytes: int = 0
    """Of its body, and some more."""


def steady(load: Steady) -> Iterator[Delivery]:
    """The schedule; delivery n says {"number": n}."""
    for number in range(int(load.per_s * load.seconds)):
        yield Delivery(
            at_ms=int(number * 1_000 / load.per_s),
            user=load.users[number % len(load.users)],
            to="runtime",
            method="POST",
            path="/v1/bulk",
            headers={"Content-Type": "application/json"},
            body=json.dumps({"number": number, "filler": "x" * load.bytes}).encode(),
            entries=tuple(Entry(f"TS-{number}-{line}", 1, "DE01") for line in range(load.items)),
        )


def main(folder: str, place: str, workers: str) -> int:
    """Write the share into this folder."""
    load = msgspec.json.decode(sys.stdin.buffer.read(), type=Steady)
    share = write_share(steady(load), Path(folder), int(place), int(workers))
    sys.stdout.write(json.dumps(share._asdict()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
