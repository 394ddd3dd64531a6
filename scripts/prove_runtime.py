#!/usr/bin/env python3
"""Runs the proofs of the production runtime that are too long for every change, and prints their figures.

    kills      the embedded process is killed with -9 fifty times in a run of 20,000 entries
    zombies    a host is stopped for longer than its lease and goes on, at five places; against an ERP that honours keys
               and against one that does not
    cluster    `springtide cluster-demo`, with Ray and without

A small part of each runs with the tests (tests/real/runtime).
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scenarios.live.burst import Traffic
from scenarios.live.journey import Route, travel
from scenarios.live.kills import Plan, prove_kills
from scenarios.live.parts import PartFailedError, ended_tidily
from scenarios.live.timeline import TimeLine
from scenarios.live.verdict import PROVED_NOTHING
from scenarios.live.zombie_host import BEFORE_SEND, PLACES
from scenarios.live.zombies import UNKEYED, prove_zombies

EPILOG = """\
examples:
  .venv/bin/python scripts/prove_runtime.py                            all of them; about six minutes
  .venv/bin/python scripts/prove_runtime.py kills --seed 7             other moments
  .venv/bin/python scripts/prove_runtime.py kills --kills 200 --entries 80000
  .venv/bin/python scripts/prove_runtime.py zombies --json

exit codes: 0 every proof held, 1 one failed, 2 bad usage
"""

Proof = Callable[[argparse.Namespace, Path, TimeLine], Mapping[str, Any]]


def main(argv: Sequence[str] | None = None) -> int:
    """Run what was asked for; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("proofs", nargs="*", metavar="PROOF", choices=[*PROOFS, []], help=", ".join(PROOFS))
    parser.add_argument("--seed", type=int, default=1, help="what chance depends on (default 1)")
    parser.add_argument("--kills", type=int, default=50, help="how often the process is killed (default 50)")
    parser.add_argument("--entries", type=int, default=20_000, help="how many are approved (default 20000)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, nothing else")
    arguments = parser.parse_args(argv)
    told: dict[str, Mapping[str, Any]] = {}
    with ended_tidily():
        for name in arguments.proofs or PROOFS:
            for which, proof in PROOFS[name].items():
                if not arguments.json:
                    print(f"\n{which}", file=sys.stderr)
                told[which] = _run(proof, arguments)
                if not arguments.json:
                    _print(which, told[which])
    if arguments.json:
        print(json.dumps(told, indent=2))
    failed = [which for which, figures in told.items() if figures["exit"]]
    if not arguments.json:
        print(f"\nFAILED: {', '.join(failed)}" if failed else "\nevery proof held")
    return 1 if failed else 0


def _run(proof: Proof, arguments: argparse.Namespace) -> Mapping[str, Any]:
    with tempfile.TemporaryDirectory(prefix="springtide-proof-") as folder:
        try:
            return proof(arguments, Path(folder), TimeLine())
        except PartFailedError as fault:
            return {"exit": PROVED_NOTHING, "failed": str(fault)}


def _print(which: str, figures: Mapping[str, Any]) -> None:
    for name, figure in figures.items():
        if name == "time_line":
            continue  # it was told while it happened
        for one in figure if isinstance(figure, list) else [figure]:
            print(f"{which}: {name}: {json.dumps(one)}")


def _kills(arguments: argparse.Namespace, folder: Path, timeline: TimeLine) -> Mapping[str, Any]:
    traffic = Traffic(entries=arguments.entries, seed=arguments.seed)
    return prove_kills(Plan(kills=arguments.kills, traffic=traffic), folder, timeline)


def _zombies(arguments: argparse.Namespace, folder: Path, timeline: TimeLine) -> Mapping[str, Any]:
    return prove_zombies(folder, timeline, "", PLACES, arguments.seed)


def _zombies_unkeyed(arguments: argparse.Namespace, folder: Path, timeline: TimeLine) -> Mapping[str, Any]:
    return prove_zombies(folder, timeline, UNKEYED, (BEFORE_SEND,), arguments.seed)


def _journey(with_ray: bool) -> Proof:
    def proof(arguments: argparse.Namespace, folder: Path, timeline: TimeLine) -> Mapping[str, Any]:
        traffic = Traffic(entries=arguments.entries, batch=500, block=1_200, seed=arguments.seed)
        return travel(Route(with_ray, traffic), folder, timeline, lambda burst, watch: None)

    return proof


PROOFS: dict[str, dict[str, Proof]] = {
    "kills": {"kills": _kills},
    "zombies": {"zombies": _zombies, "zombies without keys": _zombies_unkeyed},
    "cluster": {"journey in one process": _journey(False), "journey on Ray": _journey(True)},
}

if __name__ == "__main__":
    sys.exit(main())
