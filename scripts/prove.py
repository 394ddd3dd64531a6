#!/usr/bin/env python3
"""Runs the proofs that are too long for every change, and prints their figures.

    swarm         many small months, each with a random subset of all faults: nothing violated, nothing left over
    crashes       one golden month, its processes killed at every durable boundary: the same books every time
    determinism   the same digest whatever PYTHONHASHSEED, number of processes and Python; another seed, another digest
    plant         a planted bug is caught in (nearly) every seed, by the oracle that it declares

A small part of each runs with the tests (tests/laws).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rich.console import Console
from rich.progress import track
from rich.table import Table

from scenarios.choose import choose
from scenarios.proofs import every_crash, golden_ending, plant_run, survives, swarm_run
from scenarios.small import swarm_scenario
from simulators.faults.kinds import FAULT_KINDS
from simulators.plants.catalogue import PLANTS
from simulators.systems.erp_profile import Idempotency

EPILOG = """\
examples:
  .venv/bin/python scripts/prove.py                                   all four, at the length the promise names
  .venv/bin/python scripts/prove.py swarm --seeds 2000 --jobs 2
  .venv/bin/python scripts/prove.py swarm --first 98 --seeds 1        one seed of the swarm again
  .venv/bin/python scripts/prove.py crashes --every 7 --jobs 2
  .venv/bin/python scripts/prove.py determinism --python python3.12   (Springtide installed there as well)
  .venv/bin/python scripts/prove.py plant --seeds 100 --on quiet_week

exit codes: 0 every proof held, 1 one failed, 2 bad usage
"""

ROOT = Path(__file__).resolve().parent.parent
PROOFS = ("swarm", "crashes", "determinism", "plant")
SHOWN = 10
"""Failures that are printed; the others are counted."""

T = TypeVar("T")
R = TypeVar("R")


def main(argv: Sequence[str] | None = None) -> int:
    """Run what was asked for; returns the exit code."""
    arguments = _parser().parse_args(argv)
    out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True)
    failed = [name for name in arguments.proofs or PROOFS if not PROVE[name](arguments, out, err)]
    out.print(f"\nFAILED: {', '.join(failed)}" if failed else "\nevery proof held")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("proofs", nargs="*", metavar="PROOF", choices=[*PROOFS, []], help=", ".join(PROOFS))
    parser.add_argument("--seeds", type=_positive, help="how many seeds (default: swarm 500, plant 100)")
    parser.add_argument("--first", type=int, help="the first seed (default: swarm 0, plant 1)")
    parser.add_argument("--every", type=_positive, default=1, metavar="N", help="only every n-th boundary (default 1)")
    parser.add_argument("--plant", default="resend_without_lookup", choices=list(PLANTS), help="which bug")
    parser.add_argument("--on", default="quiet_week", metavar="SCENARIO", help="where the bug is planted")
    parser.add_argument("--least", type=int, default=95, metavar="PERCENT", help="of seeds that catch it (default 95)")
    parser.add_argument("--python", action="append", default=[], metavar="EXE", help="another Python to compare with")
    parser.add_argument("--jobs", type=_positive, default=1, help="processes side by side (default 1)")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"give 1 or more, not {text}")
    return number


def _each(function: Callable[[T], R], items: Sequence[T], jobs: int, err: Console, what: str) -> Iterable[R]:
    """The function of each item, in order, with a bar on standard error."""
    results = map(function, items) if jobs == 1 else _side_by_side(function, items, jobs)
    return track(results, what, total=len(items), console=err, transient=True)


def _side_by_side(function: Callable[[T], R], items: Sequence[T], jobs: int) -> Iterator[R]:
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(function, items, chunksize=8)


# ------------------------------------------------------------------ the proofs


def prove_swarm(arguments: argparse.Namespace, out: Console, err: Console) -> bool:
    """No violation and nothing unsettled in any seed; every kind of fault struck; every way of treating keys met."""
    first = 0 if arguments.first is None else arguments.first
    seeds = range(first, first + (arguments.seeds or 500))
    fired: Counter[str] = Counter(dict.fromkeys(FAULT_KINDS, 0))
    manners: Counter[str] = Counter(dict.fromkeys((each.value for each in Idempotency), 0))
    wrong: list[str] = []
    unsettled: list[str] = []
    for run in _each(swarm_run, seeds, arguments.jobs, err, "swarm"):
        fired.update(run.fired)
        manners[run.idempotency] += 1
        wrong += [f"seed {run.seed} ({run.profile}): {text}" for text in run.wrong]
        unsettled += [f"seed {run.seed} ({run.profile}): {text}" for text in run.unsettled]
    out.print(f"\nswarm: {len(seeds)} seeds, {len(wrong)} violations, {len(unsettled)} unsettled")
    _failures([*wrong, *unsettled], out)
    _counts("fault", "fired", fired, out)
    _counts("treats keys as", "seeds", manners, out)
    # One seed asked for by hand cannot meet everything; a swarm has to.
    never = [name for counts in (fired, manners) for name, count in counts.items() if not count]
    if len(seeds) < len(fired):
        never = []
    if never:
        out.print(f"never met: {', '.join(never)}")
    if not wrong and not unsettled:
        n = len(seeds)
        out.print(f"0 failures in {n} seeds: failure rate below {3 / n:.2%} (3/n) at 95 % for this distribution")
    return not (wrong or unsettled or never)


def prove_crashes(arguments: argparse.Namespace, out: Console, err: Console) -> bool:
    """Before, after, and after with a second death in recovery, at every durable boundary: the same books."""
    quiet = golden_ending()
    crashes = [crash for crash in every_crash(quiet.boundaries) if crash.boundary % arguments.every == 0]
    bad = [text for text in _each(survives, crashes, arguments.jobs, err, "crashes") if text]
    counted = ", ".join(f"{entity} {count}" for entity, count in sorted(quiet.boundaries.items()))
    lines = len(quiet.books.standing)
    out.print(f"\ncrashes: {sum(quiet.boundaries.values())} durable boundaries ({counted}), {lines} lines in the books")
    out.print(f"{len(crashes)} runs: before and after each, and after each with a death in recovery; {len(bad)} differ")
    _failures([*quiet.wrong, *bad], out)
    return not (quiet.wrong or bad)


def prove_determinism(arguments: argparse.Namespace, out: Console, err: Console) -> bool:
    """One digest for one seed, whatever the process is like; another for another seed."""
    pythons = [sys.executable, *arguments.python]
    ways = [(python, hash_seed, jobs) for python in pythons for hash_seed in ("0", "4711") for jobs in (1, 2)]
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for seed in (5, 6):
            file = Path(folder) / f"swarm_{seed}.json"
            file.write_text(swarm_scenario(seed, accounts=2).model_dump_json(), encoding="utf-8")
            ask = partial(digest_in_a_process, scenario=str(file), seed=seed)
            digests = {
                f"{way[0]} PYTHONHASHSEED={way[1]} --jobs {way[2]}": ask(python=way[0], hash_seed=way[1], jobs=way[2])
                for way in track(ways, "determinism", console=err, transient=True)
            }
            other = ask(python=sys.executable, hash_seed="0", jobs=1, seed=seed + 1000)
            same, differs = len({*digests.values()}) == 1, other not in digests.values()
            good = good and same and differs
            out.print(f"\ndeterminism: seed {seed}, {len(ways)} processes, {len({*digests.values()})} digest")
            for way, digest in digests.items():
                out.print(f"  {digest[:16]}  {way}")
            out.print(f"  {other[:16]}  seed {seed + 1000} of the same scenario{'' if differs else ': THE SAME'}")
    return good


def digest_in_a_process(*, python: str, hash_seed: str, jobs: int, scenario: str, seed: int) -> str:
    """The digest of a run in a process of its own; a process that fails is shown as its last words."""
    words = [python, "-m", "runtime.cli", "simulate", scenario, "--seed", str(seed), "--jobs", str(jobs), "--json"]
    done = subprocess.run(
        words,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return str(json.loads(done.stdout)["digest"])
    except (ValueError, KeyError):
        return f"exit {done.returncode}: {(done.stderr.strip() or 'nothing was said').splitlines()[-1]}"


def prove_plant(arguments: argparse.Namespace, out: Console, err: Console) -> bool:
    """The bug is caught in at least so many percent of the seeds, by the oracle that it declares."""
    first = 1 if arguments.first is None else arguments.first
    seeds = range(first, first + (arguments.seeds or 100))
    world = choose(arguments.on).world
    ask = partial(plant_run, world, arguments.plant)
    runs = list(_each(ask, seeds, arguments.jobs, err, "plant"))
    caught = sum(run.caught for run in runs)
    missed = [run for run in runs if not run.caught]
    reached = sum(run.reached > 0 for run in runs)
    asked = sum(run.reached for run in runs)
    oracle = PLANTS[arguments.plant].caught_by
    out.print(f"\nplant: {arguments.plant} on {arguments.on}, caught by {oracle} in {caught} of {len(runs)} seeds")
    out.print(f"reached in {reached} seeds, {asked} times in all; for example:")
    _failures([run.example for run in runs if run.caught][:3], out)
    for run in missed:
        others = ", ".join(run.others) or "nothing"
        out.print(f"  seed {run.seed}: not by {oracle} but by {others}; reached {run.reached} times")
    return caught * 100 >= int(arguments.least) * len(runs)


PROVE: dict[str, Callable[[argparse.Namespace, Console, Console], bool]] = {
    "swarm": prove_swarm,
    "crashes": prove_crashes,
    "determinism": prove_determinism,
    "plant": prove_plant,
}


def _failures(lines: Sequence[str], out: Console) -> None:
    for line in lines[:SHOWN]:
        out.print(f"  {line}", markup=False)
    if len(lines) > SHOWN:
        out.print(f"  and {len(lines) - SHOWN} more")


def _counts(name: str, of_what: str, counts: Counter[str], out: Console) -> None:
    table = Table(name, of_what, box=None)
    table.columns[1].justify = "right"
    for each, count in counts.items():
        table.add_row(each, f"{count:,}")
    out.print(table)


if __name__ == "__main__":
    sys.exit(main())
