"""`python -m loadtests.make_share FOLDER PLACE WORKERS`, a load on standard input: one process's share of it.

A load is JSON: {"profile": a LoadProfile, "started_at_ms": wall clock of run time 0, "source": whether there is a mock
source to be told of what happens there}. The share is told as one line of JSON.
"""

import json
import sys
from pathlib import Path

import msgspec

from loadtests.schedule import write_share
from scenarios.load.deliveries import deliveries
from scenarios.load.profile import LoadProfile


class Load(msgspec.Struct):
    """What is to be made requests of."""

    profile: msgspec.Raw
    started_at_ms: int
    source: bool


def main(folder: str, place: str, workers: str) -> int:
    """Write the share into this folder."""
    load = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    profile = LoadProfile.model_validate_json(bytes(load.profile))
    schedule = deliveries(profile, load.started_at_ms, source=load.source)
    share = write_share(schedule, Path(folder), int(place), int(workers))
    sys.stdout.write(json.dumps(share._asdict()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
