"""Every draw of chance and every record of a run, line by line, so that two processes can be compared draw by draw.

    python -m scenarios.draws 5            the lines of swarm seed 5, on standard output
    python -m scenarios.draws 5 --digest   one line with a digest of them, and how many there were

Two runs of one seed must give the same lines, whatever PYTHONHASHSEED, Python version or number of processes. Where
they do not, the first line that differs names the draw or the record that went another way, which a digest of the
end cannot.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from hashlib import blake2b, sha256
from itertools import zip_longest
from typing import Any

from runtime.core.records import Record
from scenarios.small import swarm_world
from simulators.plants.replace import Function, replaced
from simulators.run import simulate
from simulators.settings import WorldSettings


def lines_of(settings: WorldSettings, seed: int) -> tuple[list[str], str]:
    """Every line of a run, and the digest of its journals."""
    lines: list[str] = []

    def one_draw(original: Function) -> Function:
        def drawn(seed: int, source: str, *names: str | int) -> Any:
            number = original(seed, source, *names)
            lines.append(f"draw {source} {'/'.join(map(str, names))} = {number}")
            return number

        return drawn

    def many_draws(original: Function) -> Function:
        def drawn(keys: Any, purpose: str) -> Any:
            numbers = original(keys, purpose)
            lines.append(f"draws {purpose} x{len(numbers)} = {blake2b(numbers.tobytes(), digest_size=8).hexdigest()}")
            return numbers

        return drawn

    def one_event(original: Function) -> Function:
        def fated(self: Any, *asked: Any) -> Any:
            fate = original(self, *asked)
            lines.append(f"fate {'/'.join(map(str, asked))} = {fate}")
            return fate

        return fated

    def journalled(original: Function) -> Function:
        def made(world: Any, entity: str, records: Sequence[Record], now_ms: int) -> None:
            lines.extend(f"record {now_ms} {entity} {record!r}" for record in records)
            original(world, entity, records, now_ms)

        return made

    with ExitStack() as stack:
        stack.enter_context(replaced("simulators.chance:chance", one_draw))
        stack.enter_context(replaced("simulators.firm.draws:bits", many_draws))
        stack.enter_context(replaced("simulators.faults.source:Fates.of", one_event))
        stack.enter_context(replaced("simulators.world:World._records_made", journalled))
        outcome = simulate(settings, seed)
    lines.append(f"end {outcome.digest}")
    return lines, outcome.digest


def first_difference(ours: Sequence[str], theirs: Sequence[str]) -> str:
    """Where two runs part, in a sentence; empty where they are the same."""
    for number, (one, other) in enumerate(zip_longest(ours, theirs), 1):
        if one != other:
            return f"line {number}: {one or 'nothing'}  <>  {other or 'nothing'}"
    return ""


def main(argv: Sequence[str] | None = None) -> int:
    """Print the lines of one seed of the swarm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seed", type=int)
    parser.add_argument("--digest", action="store_true", help="only how many lines there are, and their digest")
    arguments = parser.parse_args(argv)
    lines, _ = lines_of(swarm_world(arguments.seed), arguments.seed)
    if arguments.digest:
        text = "\n".join(lines).encode()
        lines = [f"{len(lines)} lines, sha256 {sha256(text).hexdigest()}"]
    sys.stdout.writelines(_ended(lines))
    return 0


def _ended(lines: Sequence[str]) -> Iterator[str]:
    return (f"{line}\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
