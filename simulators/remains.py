"""What a process knew of its partition, in a form in which two lives can be compared.

Of every unfinished entry, and of the head with the books, the checksum of its written form; and of who stands in the
queue, in order. What is settled may have left memory and is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

from runtime.core.partition import State
from runtime.core.partition.state import settled, take_head
from runtime.drivers.shell import Shell
from runtime.journal.format import write_entry, write_head


@dataclass(frozen=True, slots=True)
class Remains:
    """Checksums by entry, and under HEAD and QUEUE those of everything else."""

    sums: dict[str, int]
    unseen: bool = False
    """Something became durable that this life did not live to see."""


HEAD, QUEUE = "the books", "the queue"


def remains_of(shell: Shell, unseen: bool = False) -> Remains:
    """What the shell knows."""
    state = shell.state
    sums = {name: crc32(write_entry(state.entries[name])) for name in unfinished(state)}
    sums[HEAD] = crc32(write_head(take_head(state)))
    line = [name for ticket, name in state.ready if name in state.entries and state.entries[name].ticket == ticket]
    sums[QUEUE] = crc32("\n".join(line).encode())
    return Remains(sums, unseen)


def without_shelf(sums: Mapping[str, int], shelved: Mapping[str, int]) -> dict[str, int]:
    """Without what stands on the shelf, which one life may have had in memory and the next one has not.

    Nor is the queue compared then, of which memory holds the first part alone.
    """
    if not shelved:
        return dict(sums)
    return {name: checksum for name, checksum in sums.items() if name not in shelved and name != QUEUE}


def unfinished(state: State) -> list[str]:
    """Entries with which something is left to do, sorted."""
    return sorted(name for name, tracked in state.entries.items() if not settled(state, tracked))
