"""A journal in memory that models durability: for the simulator, and for tests of everything above the disk.

What was committed survives `crash`; what was handed over and not committed does not exist. The table is as of the
last checkpoint, the frames are those since; together they are what a disk would hold.
"""

from collections.abc import Callable, Iterable
from hashlib import sha256

from runtime.ports import Recovered

GENESIS = "0" * 64


class MemoryJournal:
    """The durable memory of one partition. `boundary` is told before and after each durable step.

    `boundary("before")` may raise to let the process die with nothing written, `boundary("after")` to let it die
    with everything written and nobody told.
    """

    def __init__(self, boundary: Callable[[str], None] | None = None) -> None:
        self._boundary = boundary or _no_boundary
        self._chain = GENESIS
        self._head: bytes | None = None
        self._frames: list[bytes] = []
        self._table: dict[str, bytes] = {}
        self._seen: dict[str, int] = {}
        self._open: dict[str, None] = {}
        self.commits = 0
        self.bytes_written = 0

    @property
    def chain(self) -> str:
        """Head of the hash chain over every frame ever committed."""
        return self._chain

    def commit(self, frame: bytes) -> None:
        """Append one decision batch; durable on return."""
        self._boundary("before")
        self._chain = sha256(self._chain.encode() + frame).hexdigest()
        self._frames.append(frame)
        self.commits += 1
        self.bytes_written += len(frame)
        self._boundary("after")

    def checkpoint(self, head: bytes, rows: Iterable[tuple[str, bool, int, bytes]]) -> None:
        """Write rows and head in one step and drop the frames before it; the chain goes on."""
        written = list(rows)
        self._boundary("before")
        self._head = head
        self._frames.clear()
        for entry_id, still_open, heard, row in written:
            self._table[entry_id] = row
            self._seen[entry_id] = heard
            if still_open:
                self._open[entry_id] = None
            else:
                self._open.pop(entry_id, None)
            self.bytes_written += len(row)
        self._boundary("after")

    def load(self, entry_ids: Iterable[str]) -> dict[str, bytes]:
        """Rows of the entries that the table knows, as of the last checkpoint."""
        table = self._table
        return {entry_id: table[entry_id] for entry_id in entry_ids if entry_id in table}

    def seen(self, entry_ids: Iterable[str]) -> dict[str, int]:
        """Which versions the table knows of these entries, as bit masks."""
        known = self._seen
        return {entry_id: known[entry_id] for entry_id in entry_ids if entry_id in known}

    def known(self) -> Iterable[str]:
        """Every entry in the table, for a full read at the end of a run."""
        return self._table.keys()

    def recover(self) -> Recovered:
        """What is durable, for a process that has just started."""
        open_rows = {entry_id: self._table[entry_id] for entry_id in self._open}
        return Recovered(self._head, open_rows, tuple(self._frames), self._chain)


def _no_boundary(_side: str) -> None:
    """Nobody is interested."""
