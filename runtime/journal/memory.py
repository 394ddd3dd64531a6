"""A journal in memory that models durability: for the simulator, and for tests of everything above the disk.

What was committed survives `crash`; what was handed over and not committed does not exist. The table is as of the
last checkpoint, the frames are those since; together they are what a disk would hold. `MemoryStore` holds the
journals of one process, fenced by owner and epoch like those of the real stores; they forget when the process ends.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import chain as joined
from threading import RLock
from time import time

from runtime.journal.chain import GENESIS, link, named
from runtime.ports import (
    LETTER_BYTES,
    AuditNote,
    EffectRow,
    HostOrder,
    Keep,
    Letter,
    NotOwnerError,
    Owner,
    Recovered,
    Row,
    StoreAwayError,
    StoreBrokenError,
)


class Disk:
    """What a disk would hold of one partition. `keep_log`: also the frames that no recovery needs any more."""

    def __init__(self, keep_log: bool = False) -> None:
        self.keep_log = keep_log
        self.chain = GENESIS
        self.head: bytes | None = None
        self.frames: list[bytes] = []
        self.chain_before = GENESIS
        """The chain before the oldest frame that is kept."""
        self.old: list[bytes] = []
        self.archive: list[bytes] = []
        self.table: dict[str, bytes] = {}
        self.seen: dict[str, int] = {}
        self.open: dict[str, None] = {}
        self.shelved: dict[str, int] = {}
        self.shelf: list[tuple[int, str]] = []
        """(ticket, entry), sorted; what left the shelf stays in here until it is the larger half."""
        self.effects: dict[str, EffectRow] = {}


class MemoryJournal:
    """The durable memory of one partition. `boundary` is told before and after each durable step.

    `boundary("before")` may raise to let the process die with nothing written, `boundary("after")` to let it die
    with everything written and nobody told.
    """

    def __init__(
        self, boundary: Callable[[str], None] | None = None, keep_log: bool = False, disk: Disk | None = None
    ) -> None:
        """`disk` is what another journal left behind; without one there is nothing yet."""
        self._boundary = boundary or _no_boundary
        self._disk = disk or Disk(keep_log)
        self.commits = 0
        self.bytes_written = 0

    @property
    def chain(self) -> str:
        """Head of the hash chain over every frame ever committed."""
        return self._disk.chain

    def commit(self, frame: bytes) -> None:
        """Append one decision batch; durable on return."""
        self._boundary("before")
        disk = self._disk
        disk.chain = link(disk.chain, frame)
        disk.frames.append(frame)
        self.commits += 1
        self.bytes_written += len(frame)
        self._boundary("after")

    def checkpoint(self, head: bytes, rows: Iterable[Row], effects: Iterable[EffectRow] = ()) -> None:
        """Write rows, effect keys and head in one step and drop the frames before it; the chain goes on."""
        written = list(rows)
        self._boundary("before")
        disk = self._disk
        disk.head = head
        if disk.keep_log:
            disk.old += disk.frames
        else:
            disk.chain_before = disk.chain
        disk.frames.clear()
        for entry_id, keep, heard, ticket, row in written:
            disk.table[entry_id] = row
            disk.seen[entry_id] = heard
            if keep is Keep.OPEN:
                disk.open[entry_id] = None
            else:
                disk.open.pop(entry_id, None)
            if keep is Keep.SHELVED:
                disk.shelved[entry_id] = ticket
                at = bisect_left(disk.shelf, (ticket, entry_id))
                if disk.shelf[at : at + 1] != [(ticket, entry_id)]:
                    disk.shelf.insert(at, (ticket, entry_id))
            elif disk.shelved:
                disk.shelved.pop(entry_id, None)
            self.bytes_written += len(row)
        if len(disk.shelf) > 2 * len(disk.shelved):
            disk.shelf = sorted((ticket, entry_id) for entry_id, ticket in disk.shelved.items())
        for effect in effects:
            disk.effects[effect[0]] = effect
        self._boundary("after")

    def load(self, entry_ids: Iterable[str]) -> dict[str, bytes]:
        """Rows of the entries that the table knows, as of the last checkpoint."""
        table = self._disk.table
        return {entry_id: table[entry_id] for entry_id in entry_ids if entry_id in table}

    def seen(self, entry_ids: Iterable[str]) -> dict[str, int]:
        """Which versions the table knows of these entries, as bit masks."""
        known = self._disk.seen
        return {entry_id: known[entry_id] for entry_id in entry_ids if entry_id in known}

    def shelf(self, after_ticket: int, most: int) -> Sequence[bytes]:
        """Bodies of SHELVED rows with a ticket above `after_ticket`, by ticket, at most so many."""
        disk = self._disk
        found: list[bytes] = []
        for at in range(bisect_right(disk.shelf, after_ticket, key=_ticket), len(disk.shelf)):
            if len(found) >= most:
                break
            ticket, entry_id = disk.shelf[at]
            if disk.shelved.get(entry_id) == ticket:
                found.append(disk.table[entry_id])
        return found

    def known(self) -> Iterable[str]:
        """Every entry in the table, for a full read at the end of a run."""
        return self._disk.table.keys()

    def recover(self) -> Recovered:
        """What is durable, for a process that has just started."""
        disk = self._disk
        open_rows = {entry_id: disk.table[entry_id] for entry_id in disk.open}
        return Recovered(disk.head, open_rows, tuple(disk.frames), disk.chain, len(disk.shelved))

    def frames_about(self, entry_id: str) -> Iterable[bytes]:
        """Every frame that is kept and names the entry, oldest first."""
        needle = named(entry_id)
        return [frame for frame in self._log() if needle in frame]

    def effect(self, key: str) -> tuple[str, str] | None:
        """(entry_id, ledger_id) of an effect key, if it was ever applied."""
        found = self._disk.effects.get(key)
        return found and found[1:]

    def compact(self, most: int = 1_000) -> int:
        """Move frames that no recovery needs into the archive; how many."""
        disk = self._disk
        moved = disk.old[:most]
        disk.archive += moved
        del disk.old[:most]
        return len(moved)

    def verify(self) -> int:
        """Recompute the hash chain over the frames that are kept; returns their number."""
        chain = self._disk.chain_before
        count = 0
        for frame in self._log():
            chain = link(chain, frame)
            count += 1
        if chain != self._disk.chain:
            raise StoreBrokenError(f"the hash chain over {count} frames does not hold")
        return count

    def close(self) -> None:
        """Nothing is held open."""

    def _log(self) -> Iterator[bytes]:
        return joined(self._disk.archive, self._disk.old, self._disk.frames)


class MemoryOffice:
    """What the border keeps, for as long as the process lives."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._letters: dict[str, Letter] = {}
        self._shown: dict[str, int] = {}
        self._notes: list[AuditNote] = []
        self._orders: dict[str, HostOrder] = {}

    def quarantine(self, letters: Sequence[Letter], most_bytes: int = 0) -> bool:
        """Keep letters; one that is there already is counted, and one that was dropped waits again."""
        with self._lock:
            kept = dict(self._letters)
            for letter in letters:
                there = kept.get(letter.letter_id)
                if there is None:
                    kept[letter.letter_id] = letter
                    continue
                state = "waiting" if there.state == "dropped" else there.state
                kept[letter.letter_id] = replace(there, times=there.times + letter.times, state=state)
            if most_bytes and letters:
                source = letters[0].source
                if _waits(kept, source) > max(most_bytes, _waits(self._letters, source)):
                    return False
            self._letters = kept
            return True

    def letters(self, state: str = "waiting", after: str = "", most: int = 1_000) -> Sequence[Letter]:
        """Letters in a state, ordered by id, after an id."""
        with self._lock:
            there = sorted(self._letters.items())
        return [letter for letter_id, letter in there if letter_id > after and letter.state == state][:most]

    def count_letters(self) -> Mapping[str, int]:
        """State to number."""
        with self._lock:
            return Counter(letter.state for letter in self._letters.values())

    def settle_letter(self, letter_id: str, state: str) -> None:
        """What became of a letter."""
        with self._lock:
            if letter_id in self._letters:
                self._letters[letter_id] = replace(self._letters[letter_id], state=state)

    def first_time(self, name: str, until_ms: int, now_ms: int) -> bool:
        """Whether this name was never shown before; it is remembered until then."""
        with self._lock:
            if self._shown.get(name, 0) > now_ms:
                return False
            self._shown = {shown: end_ms for shown, end_ms in self._shown.items() if end_ms > now_ms}
            self._shown[name] = until_ms
            return True

    def note(self, note: AuditNote) -> None:
        """Write an audit note."""
        with self._lock:
            self._notes.append(replace(note, number=len(self._notes) + 1))

    def audit(self, most: int = 1_000, before: int = 0) -> Sequence[AuditNote]:
        """The latest notes, newest first; those before a number (0: all of them)."""
        with self._lock:
            older = self._notes[: before - 1] if before else self._notes
            return older[::-1][:most]

    def headroom_bytes(self) -> int | None:
        """Nobody can tell."""
        return None

    def order(self, orders: Sequence[HostOrder]) -> None:
        """Keep orders; a later one for the same host takes the place of an earlier one."""
        with self._lock:
            self._orders.update({order.host: order for order in orders})

    def orders(self) -> Sequence[HostOrder]:
        """Every order that stands, by time, then by host."""
        with self._lock:
            return sorted(self._orders.values(), key=lambda order: (order.at_ms, order.host))

    def carried_out(self, hosts: Sequence[str]) -> None:
        """Forget what was ordered for hosts that are no more."""
        with self._lock:
            for host in hosts:
                self._orders.pop(host, None)


class MemoryStore:
    """Journals, owners and the office of one process. Threads may share it."""

    kind = "memory"

    def __init__(self, clock_ms: Callable[[], int] | None = None) -> None:
        self._clock_ms = clock_ms or _wall_ms
        self._lock = RLock()
        self._owners: dict[str, Owner] = {}
        self._disks: dict[str, Disk] = {}
        self._office = MemoryOffice()

    def claim(self, name: str, host: str, address: str, lease_ms: int) -> Owner:
        """Become the owner under the next epoch. Raises NotOwnerError while another host's lease runs."""
        with self._lock:
            now_ms = self._clock_ms()
            last = self._owners.get(name, Owner(name, 0, host, address, 0))
            if last.host != host and last.lease_until_ms > now_ms:
                raise NotOwnerError(f"{name} belongs to {last.host} for another {last.lease_until_ms - now_ms} ms")
            owner = Owner(name, last.epoch + 1, host, address, now_ms + lease_ms)
            self._owners[name] = owner
            return owner

    def renew(self, owners: Sequence[Owner], lease_ms: int) -> Sequence[Owner]:
        """Prolong leases; returns those that are still ours."""
        with self._lock:
            until_ms = self._clock_ms() + lease_ms
            held = [owner for owner in owners if self._holds(owner) and self._owners[owner.name].lease_until_ms]
            renewed = [replace(owner, lease_until_ms=until_ms) for owner in held]
            self._owners.update({owner.name: owner for owner in renewed})
            return renewed

    def release(self, owner: Owner) -> None:
        """Give a name up at once."""
        with self._lock:
            if self._holds(owner):
                self._owners[owner.name] = replace(owner, lease_until_ms=0)

    def owners(self) -> Sequence[Owner]:
        """The last owner of every name, by name."""
        with self._lock:
            return [self._owners[name] for name in sorted(self._owners)]

    def now_ms(self) -> int:
        """The store's clock."""
        return self._clock_ms()

    def journal(self, owner: Owner) -> MemoryJournal:
        """The journal of a partition, for its owner."""
        with self._lock:
            return FencedMemoryJournal(self, owner, self.disk(owner.name))

    def disk(self, name: str) -> Disk:
        """What is durable of a partition."""
        with self._lock:
            return self._disks.setdefault(name, Disk(keep_log=True))

    def office(self) -> MemoryOffice:
        """The office."""
        return self._office

    def headroom_bytes(self) -> int | None:
        """Nobody can tell."""
        return None

    def close(self) -> None:
        """What is in memory stays there as long as the store does."""

    @contextmanager
    def held_by(self, owner: Owner) -> Iterator[None]:
        """A time in which nobody else becomes the owner. Raises NotOwnerError if somebody has already."""
        with self._lock:
            if not self._holds(owner):
                raise NotOwnerError(f"{owner.name} belongs to {self._owners[owner.name].host} now; nothing was written")
            yield

    def _holds(self, owner: Owner) -> bool:
        last = self._owners.get(owner.name)
        return last is not None and last.epoch == owner.epoch


class FencedMemoryJournal(MemoryJournal):
    """A journal of a MemoryStore: it writes while its owner's epoch is the last one."""

    def __init__(self, store: MemoryStore, owner: Owner, disk: Disk) -> None:
        super().__init__(disk=disk)
        self._store = store
        self._owner = owner
        self._closed = False

    def commit(self, frame: bytes) -> None:
        """Append one decision batch. Raises NotOwnerError for a zombie."""
        with self._fence():
            super().commit(frame)

    def checkpoint(self, head: bytes, rows: Iterable[Row], effects: Iterable[EffectRow] = ()) -> None:
        """Write rows, effect keys and head in one step. Raises NotOwnerError for a zombie."""
        with self._fence():
            super().checkpoint(head, rows, effects)

    def compact(self, most: int = 1_000) -> int:
        """Move frames that no recovery needs into the archive; how many. Raises NotOwnerError for a zombie."""
        with self._fence():
            return super().compact(most)

    def close(self) -> None:
        """It writes no more."""
        self._closed = True

    def _fence(self) -> AbstractContextManager[None]:
        if self._closed:
            raise StoreAwayError(f"the journal of {self._owner.name} is closed")
        return self._store.held_by(self._owner)


def _waits(letters: Mapping[str, Letter], source: str) -> int:
    """What waits of a source, in bytes."""
    waiting = [one for one in letters.values() if one.source == source and one.state == "waiting"]
    return sum(len(one.body) + LETTER_BYTES for one in waiting)


def _ticket(place: tuple[int, str]) -> int:
    return place[0]


def _wall_ms() -> int:
    return int(time() * 1_000)


def _no_boundary(_side: str) -> None:
    """Nobody is interested."""
