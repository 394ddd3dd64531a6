"""`python -m loadtests.make_share FOLDER PLACE WORKERS`, a profile on standard input: one process's share of the load.

Prints the share as one line of JSON.
"""

import json
import sys
from pathlib import Path

from loadtests.schedule import write_share
from scenarios.load.deliveries import deliveries
from scenarios.load.profile import LoadProfile


def main(folder: str, place: str, workers: str) -> int:
    """Write the share into this folder."""
    profile = LoadProfile.model_validate_json(sys.stdin.buffer.read())
    share = write_share(deliveries(profile), Path(folder), int(place), int(workers))
    sys.stdout.write(json.dumps(share._asdict()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
