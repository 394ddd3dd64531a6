"""What one partition has on its disk, who may write to it, and what a bad disk does.

The journal is the runtime's own, in memory and fenced by epoch. Here it is told what befalls it: a boundary at which
its process dies, a frame of which only half was written, a disk that is full, that fails, or that holds something else
than what was written.

Rule 1. What was not acknowledged may be half there. A recovery follows the hash chain and leaves out what lies beyond
        its head.
Rule 2. Where the chain does not lead to its head, the journal is damaged. It is not read at all, and a person puts
        the good copy back.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

import msgspec

from runtime.journal.chain import link
from runtime.journal.format import VERSIONS
from runtime.journal.memory import Disk, FencedMemoryJournal, MemoryStore
from runtime.ports import EffectRow, Owner, Recovered, Row, StoreBrokenError, StoreFullError

REMEMBERED = 4_096
"""Frames of one partition of which it is remembered what they say: all of a small world's, little of a large one's."""


class ProcessDiedError(Exception):
    """The process of a partition died. `written_ppm`: how much of the frame that it was writing is on the disk."""

    def __init__(self, why: str, written_ppm: int = 0) -> None:
        super().__init__(why, written_ppm)
        self.written_ppm = written_ppm


class PartitionDisk(Disk):
    """The disk of one partition. Instants are ms UTC of the simulation."""

    def __init__(self) -> None:
        super().__init__()
        self.torn = b""
        """The beginning of a frame that its process did not live to finish."""
        self.torn_tails = 0
        """How many such there were."""
        self.good: list[bytes] | None = None
        """The frames as they were before the damage; None: nothing is damaged, or a recovery found it harmless."""
        self.mended_ms = 0
        """When a person has mended it."""
        self.full_until_ms = 0
        self.link = lru_cache(maxsize=REMEMBERED)(link)
        """The chain over frames that are read again and again, by every life from the first one on."""

    def damage(self, what: str, number: int) -> bool:
        """Spoil the frames since the last checkpoint, at a place that `number` picks; False: there are none."""
        if not self.frames or self.good is not None:
            return False
        self.good = list(self.frames)
        at = number % len(self.frames)
        frame = self.frames[at]
        match what:
            case "flipped":
                bit = number % (8 * len(frame))
                byte = frame[bit // 8] ^ 1 << bit % 8
                self.frames[at] = frame[: bit // 8] + bytes((byte,)) + frame[bit // 8 + 1 :]
            case "twice":
                self.frames.insert(at, frame)
            case "gone":
                self.frames.clear()
        return True

    def mend(self) -> None:
        """A person puts the good copy back."""
        if self.good is not None:
            self.frames, self.good = self.good, None


def sound(
    chain_before: str, frames: Sequence[bytes], chain: str, link: Callable[[str, bytes], str] = link
) -> list[bytes]:
    """The frames that lead from `chain_before` to `chain`. Raises StoreBrokenError where none do (rules 1 and 2)."""
    reached, whole = chain_before, 0
    for frame in frames:
        if reached == chain:
            break
        reached = link(reached, frame)
        whole += 1
    if reached != chain:
        raise StoreBrokenError(f"the hash chain over {len(frames)} frames does not hold; restore the journal")
    return list(frames[:whole])


class PartitionJournal(FencedMemoryJournal):
    """The journal of one life of a process. `boundary` is told before and after each durable step, and may raise."""

    def __init__(
        self,
        store: MemoryStore,
        owner: Owner,
        disk: PartitionDisk,
        boundary: Callable[[str], None],
        written: Callable[[], None],
        build: str = "",
    ) -> None:
        """`written` is told of every frame that became durable. `build`: see `moves.ChangeBuild`."""
        super().__init__(store, owner, disk)
        self._boundary = boundary
        self._written = written
        self._build = build
        self._place = disk
        self._now_ms = store.now_ms
        self.unseen = False
        """The last frame is durable, and its process did not live to apply it."""

    def commit(self, frame: bytes) -> None:
        """Append one decision batch. Raises what befalls the process or the disk."""
        self._find_room()
        if self._build == "older":
            frame = as_the_last_build_wrote(frame)
        chain = self._place.chain
        try:
            super().commit(frame)
        except ProcessDiedError as death:
            self.unseen = self._place.chain != chain
            if self.unseen:
                self._written()
            elif death.written_ppm:
                self._place.torn = frame[: 1 + len(frame) * death.written_ppm // 1_000_000]
                self._place.torn_tails += 1
            raise
        self._written()

    def checkpoint(self, head: bytes, rows: Iterable[Row], effects: Iterable[EffectRow] = ()) -> None:
        """Write rows, effect keys and head in one step."""
        self._find_room()
        super().checkpoint(head, rows, effects)

    def recover(self) -> Recovered:
        """What is durable. Raises StoreBrokenError for a damaged journal."""
        disk = self._place
        torn = [disk.torn] if disk.torn else []
        disk.frames = sound(disk.chain_before, [*disk.frames, *torn], disk.chain, disk.link)
        disk.torn, disk.good = b"", None
        recovered = super().recover()
        if self._build == "older_reader":
            return replace(recovered, frames=tuple(map(as_a_newer_build_wrote, recovered.frames)))
        return recovered

    def _find_room(self) -> None:
        if self._place.full_until_ms > self._now_ms():
            raise StoreFullError("no room is left on the disk; nothing was written")


def as_the_last_build_wrote(frame: bytes) -> bytes:
    """The frame with version 1 of RatesChanged, which knew only the first publication of a rate line."""
    if b'"RatesChanged"' not in frame:
        return frame
    written, at_ms, rows = msgspec.json.decode(frame)
    for row in rows:
        name, _, fields = row
        if name == "RatesChanged" and all(line["version"] == 1 for line in fields["lines"]):
            row[1] = 1
            for line in fields["lines"]:
                del line["version"]
    return msgspec.json.encode([written, at_ms, rows])


def as_a_newer_build_wrote(frame: bytes) -> bytes:
    """The frame as it is to a build that is one version behind with EntryReceived."""
    version = VERSIONS["EntryReceived"]
    return frame.replace(b'["EntryReceived",%d,' % version, b'["EntryReceived",%d,' % (version + 1))
