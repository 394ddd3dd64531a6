"""How many rows a second the simulator carries, and where the time goes. A benchmark, not a test: it judges nothing.

A timer of the process's CPU time looks at the stack every few milliseconds; the innermost frame that belongs to one
of our parts gets the sample, so time in the standard library counts for whoever called it.

    python scripts/bench.py                         month_end, one process
    python scripts/bench.py month_end_5000 --seed 2
    python scripts/bench.py --consultants 1000      another size of the same firm
"""

import argparse
import platform
import resource
import signal
import sys
from collections import Counter
from pathlib import Path
from time import perf_counter, process_time
from types import FrameType

from scenarios.choose import choose, override
from simulators.run import simulate

ROOT = Path(__file__).parent.parent
EVERY_S = 0.003

PARTS: tuple[tuple[str, str], ...] = (
    ("simulators/people", "people"),
    ("simulators/firm", "people"),
    ("runtime/core", "core"),
    ("runtime/journal", "journal"),
    ("runtime/connectors", "connectors"),
    ("runtime/drivers", "shell"),
    ("simulators/systems", "mocks"),
    ("simulators/faults", "faults"),
    ("simulators/auditors", "auditors"),
    ("simulators", "virtual time and world"),
    ("scenarios", "report"),
)
"""Path to part, most specific first."""


def part_of(frame: FrameType | None) -> str:
    """The part that the innermost of our frames belongs to."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(str(ROOT)):
            inside = name[len(str(ROOT)) + 1 :]
            for path, part in PARTS:
                if inside.startswith(path):
                    return part
        frame = frame.f_back
    return "interpreter"


def main() -> int:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="?", default="month_end")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--consultants", type=int, help="size of the firm instead of the scenario's")
    arguments = parser.parse_args()
    sets = [f"world.firm.consultants={arguments.consultants}"] if arguments.consultants else []
    scenario, _ = override(choose(arguments.scenario), sets)
    samples: Counter[str] = Counter()

    def look(_signal: int, frame: FrameType | None) -> None:
        samples[part_of(frame)] += 1

    signal.signal(signal.SIGPROF, look)
    began, cpu_began = perf_counter(), process_time()
    signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
    outcome = simulate(scenario.world, arguments.seed, jobs=1)
    signal.setitimer(signal.ITIMER_PROF, 0)
    wall_s, cpu_s = perf_counter() - began, process_time() - cpu_began
    rows = sum(entity.approved for entity in outcome.entities)
    total = sum(samples.values()) or 1
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 * 1024 if sys.platform == "darwin" else 1024)
    print(f"{scenario.name} seed {arguments.seed}: {rows:,} rows, python {platform.python_version()}, one process")
    print(f"{rows / wall_s:,.0f} rows/s wall, {rows / cpu_s:,.0f} rows/s CPU, {cpu_s / rows * 1e6:.1f} us CPU a row")
    print(f"peak memory {peak_mib:,} MiB, {outcome.commits:,} commits, {sum(outcome.calls.values()):,} ERP calls")
    print(f"{'part':<24}{'share':>7}{'us a row':>10}")
    for part, count in samples.most_common():
        print(f"{part:<24}{count / total:>7.1%}{count / total * cpu_s / rows * 1e6:>10.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
