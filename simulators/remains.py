"""What a process knew of its partition, in a form in which two lives can be compared.

Of every unfinished entry, and of the head with the books, the checksum of its written form; and of who stands in the
queue, in order. What is settled may have left memory and is left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zlib import crc32

from runtime.core.partition import State
from runtime.core.partition.state import settled, take_head
from runtime.core.policy import Policy
from runtime.core.records import Record
from runtime.drivers.shell import Shell
from runtime.journal.format import write_entry, write_head
from runtime.ports import Journal


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


class SecondReading:
    """Somebody who reads the journal beside every life that recovers, and has to find the same.

    A life reads everything at once. This reader reads the disk as often, but takes in only what came since it last
    did, until a checkpoint makes it begin anew: so each of many deaths costs what happened since the one before.
    """

    def __init__(self, policy: Policy, read: Callable[[bytes], tuple[int, list[Record]]]) -> None:
        self._policy = policy
        self._read = read
        self._shell: Shell | None = None
        self._head: bytes | None = None
        self._frames: tuple[bytes, ...] = ()

    def of(self, journal: Journal) -> Remains:
        """What it finds now."""
        found = journal.recover()
        frames, known = tuple(found.frames), len(self._frames)
        if self._shell is None or found.head is not self._head or frames[:known] != self._frames:
            self._shell = Shell(self._policy, journal, read=self._read)
            self._shell.recover()
        else:
            self._shell.replay(frames[known:])
        self._head, self._frames = found.head, frames
        return remains_of(self._shell)


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
