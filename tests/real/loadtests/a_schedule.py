"""`python -m tests.real.loadtests.a_schedule FOLDER PLACE WORKERS`: a share of a schedule that a test made up.

The load on standard input is JSON: {"per_s": arrivals a second, "seconds": so long, "users": kinds in turn}.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loadtests.schedule import write_share
from scenarios.load.deliveries import Delivery, Entry


def made_up(profile: dict[str, Any]) -> Iterator[Delivery]:
    """Deliveries at a steady rate, each with two entries."""
    users = profile.get("users", ["machines"])
    for number in range(int(profile["per_s"] * profile["seconds"])):
        names = [Entry(f"TS-{number}-{line}", 1, "DE01") for line in range(2)]
        yield Delivery(
            at_ms=int(number * 1_000 / profile["per_s"]),
            user=users[number % len(users)],
            to="runtime",
            method="POST",
            path="/v1/bulk",
            headers={"Content-Type": "application/x-ndjson"},
            body=json.dumps({"number": number, "filler": "x" * profile.get("bytes", 0)}).encode(),
            entries=tuple(names),
        )


if __name__ == "__main__":
    _, folder, place, workers = sys.argv
    share = write_share(made_up(json.load(sys.stdin)), Path(folder), int(place), int(workers))
    sys.stdout.write(json.dumps(share._asdict()) + "\n")
