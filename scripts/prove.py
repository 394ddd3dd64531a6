#!/usr/bin/env python3
"""Runs the proofs that are too long for every change, and prints their figures.

    crashes       the golden months, their processes killed at every durable boundary and beside every call, in the
                  tiny ones at every pair of boundaries: the same books every time
    determinism   the same draws and records, line by line, whatever PYTHONHASHSEED and Python; the same digest on any
                  number of cores; another seed, another digest
    parity        the same recorded input through virtual time and asyncio (with --ray: and Ray) leaves the same ledger

A small part of each runs with the tests (tests/laws). Random months are `springtide swarm`, planted bugs `springtide
mutants`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rich.console import Console
from rich.progress import track

from scenarios.crashes import KINDS, Crash, Struck, every_crash, every_pair, strike, undisturbed
from scenarios.draws import first_difference
from scenarios.golden import GOLDENS, Golden
from scenarios.parity import WORLDS, NotComparableError, Parity, parity
from scenarios.small import swarm_scenario
from simulators.a_ray_cluster import RayCannotStartError

EPILOG = """\
examples:
  .venv/bin/python scripts/prove.py                                   all, at the length the promise names
  .venv/bin/python scripts/prove.py crashes --every 7 --jobs 2        every seventh crash of each kind
  .venv/bin/python scripts/prove.py crashes --golden hasty            one golden month
  .venv/bin/python scripts/prove.py crashes --crash hasty:DE01/after/17+DE01/torn/18
  .venv/bin/python scripts/prove.py determinism --python python3.12   (Springtide installed there as well)
  .venv/bin/python scripts/prove.py parity --ray --world staged       (a throw-away Ray cluster on this machine)

exit codes: 0 every proof held, 1 one failed, 2 bad usage
"""

ROOT = Path(__file__).resolve().parent.parent
PROOFS = ("crashes", "determinism", "parity")
FIGURES = "{:30}{:>11}{:>7}{:>7}{:>9}{:>13}{:>9}{:>8}"
"""A line of figures of a golden month."""
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
    parser.add_argument("--seeds", type=_positive, default=8, help="determinism: seeds of the swarm (default 8)")
    parser.add_argument("--every", type=_positive, default=1, metavar="N", help="crashes: only every n-th of a kind")
    parser.add_argument(
        "--golden", action="append", default=[], choices=GOLDENS, metavar="NAME", help=f"crashes: {', '.join(GOLDENS)}"
    )
    parser.add_argument("--crash", type=_crash, metavar="WHICH", help="crashes: this one alone, as a failure names it")
    parser.add_argument("--python", action="append", default=[], metavar="EXE", help="another Python to compare with")
    parser.add_argument("--ray", action="store_true", help="parity: through Ray as well")
    parser.add_argument(
        "--world", action="append", default=[], choices=WORLDS, help="parity: only this world (default: all of them)"
    )
    parser.add_argument("--jobs", type=_positive, default=1, help="processes side by side (default 1)")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"give 1 or more, not {text}")
    return number


def _crash(text: str) -> Crash:
    try:
        return Crash.told(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(str(fault)) from fault


def _each(function: Callable[[T], R], items: Sequence[T], jobs: int, err: Console, what: str) -> Iterable[R]:
    """The function of each item, in order, with a bar on standard error."""
    results = map(function, items) if jobs == 1 else _side_by_side(function, items, jobs)
    return track(results, what, total=len(items), console=err, transient=True)


def _side_by_side(function: Callable[[T], R], items: Sequence[T], jobs: int) -> Iterator[R]:
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(function, items, chunksize=16)


# ------------------------------------------------------------------ the proofs


def prove_crashes(arguments: argparse.Namespace, out: Console, err: Console) -> bool:
    """At every durable boundary and beside every call, and in tiny months at every pair of boundaries: equal books."""
    if arguments.crash is not None:
        struck = strike(arguments.crash)
        out.print(f"\n{struck.crash}: {struck.said or 'the books are equal'}", markup=False)
        return not struck.said
    goldens = [GOLDENS[name] for name in arguments.golden] or list(GOLDENS.values())
    crashes = {golden.name: _crashes_of(golden, arguments.every) for golden in goldens}
    tried: dict[str, list[Struck]] = {golden.name: [] for golden in goldens}
    everything = [crash for some in crashes.values() for crash in some]
    for struck in _each(strike, everything, arguments.jobs, err, f"{len(everything):,} crashes"):
        tried[struck.crash.golden].append(struck)
    bad = [f"{golden.name}: {wrong}" for golden in goldens for wrong in undisturbed(golden.name).wrong]
    out.print(
        "\n" + FIGURES.format("crashes", "boundaries", "calls", "lines", "at them", "half frames", "pairs", "differ")
    )
    for golden in goldens:
        out.print(_figures(golden, tried[golden.name]), markup=False)
    every = [struck for some in tried.values() for struck in some]
    kinds = {kind: sum(struck.crash.kind == kind for struck in every) for kind in KINDS}
    wrong = [struck for struck in every if struck.said]
    out.print(f"{len(every):,} tried, {len(wrong)} differ: " + ", ".join(f"{kind} {n:,}" for kind, n in kinds.items()))
    bad += [f"{struck.said}\n    .venv/bin/python scripts/prove.py crashes --crash {struck.crash}" for struck in wrong]
    _failures(bad, out)
    return not bad


def _crashes_of(golden: Golden, every: int) -> list[Crash]:
    """All crashes of a golden month, or every n-th of each kind."""
    crashes = [*every_crash(golden), *(every_pair(golden) if golden.tiny else ())]
    if every == 1:
        return crashes
    return [crash for kind in KINDS for crash in [each for each in crashes if each.kind == kind][::every]]


def _figures(golden: Golden, tried: Sequence[Struck]) -> str:
    """One golden month in a line: what there is to strike, what was struck, and how much of it differed."""
    quiet = undisturbed(golden.name)
    pairs = sum(struck.crash.kind == "pair" for struck in tried)
    counts = (
        sum(quiet.boundaries.values()),
        sum(quiet.calls.values()),
        len(quiet.books.standing),
        len(tried) - pairs,
        sum(struck.torn for struck in tried if struck.crash.kind == "torn"),
        pairs,
        sum(bool(struck.said) for struck in tried),
    )
    return FIGURES.format(golden.name, *(f"{count:,}" for count in counts))


def prove_determinism(arguments: argparse.Namespace, out: Console, err: Console) -> bool:
    """One run for one seed, whatever the process is like; another for another seed."""
    pythons = [sys.executable, *arguments.python]
    good = _draw_by_draw(pythons, arguments.seeds, out, err)
    ways = [(python, hash_seed, jobs) for python in pythons for hash_seed in ("0", "4711") for jobs in (1, 2)]
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


def _draw_by_draw(pythons: Sequence[str], seeds: int, out: Console, err: Console) -> bool:
    """Every draw and every record is the same in every process; the first that is not is named."""
    ways = [(python, hash_seed) for python in pythons for hash_seed in ("0", "4711")]
    bad = []
    count = 0
    for seed in track(range(seeds), "draw by draw", console=err, transient=True):
        runs = {way: _lines_in_a_process(*way, seed) for way in ways}
        first = runs[ways[0]]
        count += len(first)
        for (python, hash_seed), lines in runs.items():
            difference = first_difference(first, lines)
            if difference:
                bad.append(f"seed {seed}, {python} PYTHONHASHSEED={hash_seed}: {difference}")
    out.print(
        f"\ndraw by draw: {seeds} seeds in {len(ways)} processes each, {count:,} draws and records; {len(bad)} differ"
    )
    _failures(bad, out)
    return not bad and count > 0


def _lines_in_a_process(python: str, hash_seed: str, seed: int) -> list[str]:
    done = subprocess.run(
        [python, "-m", "scenarios.draws", str(seed)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.splitlines() if done.returncode == 0 else [f"exit {done.returncode}: {done.stderr[-300:]}"]


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


def prove_parity(arguments: argparse.Namespace, out: Console, err: Console) -> bool:
    """What stands is the same, whoever drives; only the way to it may differ."""
    drivers = ("asyncio", "ray") if arguments.ray else ("asyncio",)
    good = True
    for name in track(arguments.world or [*WORLDS], "parity", console=err, transient=True):
        world, seed = WORLDS[name]
        try:
            found = parity(world, seed, drivers)
        except (NotComparableError, RayCannotStartError) as fault:
            found = Parity(0, 0, {}, (str(fault),))
        lines = ", ".join(f"{driver} {count}" for driver, count in found.lines.items())
        out.print(
            f"\nparity: {name}, seed {seed}: {found.versions} versions, {found.standing} lines stand;"
            f" lines that ever stood: {lines}; {len(found.differences)} differences"
        )
        _failures(found.differences, out)
        good = good and not found.differences and found.standing > 0
    return good


PROVE: dict[str, Callable[[argparse.Namespace, Console, Console], bool]] = {
    "crashes": prove_crashes,
    "determinism": prove_determinism,
    "parity": prove_parity,
}


def _failures(lines: Sequence[str], out: Console) -> None:
    for line in lines[:SHOWN]:
        out.print(f"  {line}", markup=False)
    if len(lines) > SHOWN:
        out.print(f"  and {len(lines) - SHOWN} more")


if __name__ == "__main__":
    sys.exit(main())
