"""Journals, ownership and the office in a directory of SQLite files: what a single machine runs on.

    DIRECTORY/DE01.sqlite          one partition: its log, entries, effect keys, head, and the row of who owns it
    DIRECTORY/springtide.sqlite    owners of names that are no partition ("account:erp", "supervisor"), and the office

    commit      BEGIN IMMEDIATE, is the epoch ours?, frame and chain, COMMIT = one fsync of the write-ahead log
    checkpoint  BEGIN IMMEDIATE, is the epoch ours?, rows, effect keys, head, COMMIT = one fsync
    compact     frames before the head move into compressed segments; the chain heads on both sides stay

Rule 1. Whoever claims a name writes the next epoch into the file that the name's durable steps go to. A writer checks
        it after it holds the write lock of that file and before it writes, so nobody writes after he was replaced.
Rule 2. What SQLite does not confirm did not happen. No room: nothing was written, and the journal goes on when there
        is room. A failed write or fsync, or damage: this process does not touch the file any more (Linux may have
        dropped the pages that it could not write, so a second fsync that succeeds would prove nothing).
Rule 3. A process has one connection to a file, whoever uses it: a change over a second one would empty its cache.
        Its three descriptors (file, log, index of the log) stay open until the store is closed.
Rule 4. The lease clock is the wall clock of the machine. All users of a directory share it; a directory that several
        machines see needs clocks that agree to within the lease margin, and locks that work (not every NFS has them).

A process that is stopped (SIGSTOP) in the milliseconds of a transaction keeps the write lock: until it goes on or is
killed, nobody can claim its partition and StoreAwayError is the answer.
"""

import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from operator import itemgetter
from pathlib import Path
from shutil import disk_usage
from threading import RLock
from time import monotonic, sleep, time
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote, unquote

from runtime.journal.chain import GENESIS, link, named
from runtime.ports import (
    LETTER_BYTES,
    AuditNote,
    EffectRow,
    HostOrder,
    JournalError,
    Keep,
    Letter,
    NotOwnerError,
    Owner,
    Recovered,
    Row,
    StoreAwayError,
    StoreBrokenError,
    StoreFullError,
)

T = TypeVar("T")

PATIENCE_MS = 5_000
"""How long we wait for somebody else's write lock. Assumed: a checkpoint of 4,096 rows takes 50 ms (measured)."""

POLL_MS = 20
"""SQLite waits this long for a lock, in steps that grow; then we begin again with small ones. Left alone it would look
ten times a second, and whoever commits without a pause lets go of the lock for a fiftieth of the time: a claim did not
get in between for more than five seconds, and gets in after 0.2 s so (measured)."""

PAGE_BYTES = 16_384
"""Frames and rows are large: a checkpoint of 4,096 rows of 3 KB costs 12 us of CPU a row with pages of 4 KB, 6.4 us
with these and 5.5 us with 32 KB, which in turn write more for every key that lands on a random page (measured)."""

FOLD_BYTES = 16 * 1024 * 1024
"""The write-ahead log is folded into the file after so many bytes."""

CACHE_KIB = 8_192
"""Pages of one file kept in memory, at most."""

SEGMENT_BYTES = 4 * 1024 * 1024
"""A segment holds frames of about so many bytes: what one look into the archive has to expand."""

SEGMENT_LEVEL = 1
"""zlib. Level 3 takes half as long again and saves nothing on our frames (measured)."""

AT_ONCE = 10_000
"""Rows that a full walk over the table fetches at a time."""

NAMED_AT_ONCE = 500
"""Ids in one look-up: 2 us of CPU for an id that is new and 6 us for one of a million known ones, against 5 us and 9 us
one by one (measured)."""

SHARED = "springtide.sqlite"

_OWNERSHIP = """
    CREATE TABLE ownership (
        name TEXT PRIMARY KEY, epoch INTEGER NOT NULL, host TEXT NOT NULL, address TEXT NOT NULL,
        lease_until_ms INTEGER NOT NULL
    ) WITHOUT ROWID
"""

PARTITION_SCHEMA: tuple[tuple[str, ...], ...] = (
    (
        _OWNERSHIP,
        "CREATE TABLE frames (seq INTEGER PRIMARY KEY, frame BLOB NOT NULL, chain TEXT NOT NULL)",
        """CREATE TABLE segments (
            first_seq INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, chain_before TEXT NOT NULL,
            chain_after TEXT NOT NULL, count INTEGER NOT NULL, body BLOB NOT NULL
        )""",
        # heard: an integer, or the digits of one that has more than 63 bits. first_seq and last_seq: the frames that
        # may name the entry, from the checkpoint before its first row to its last one.
        """CREATE TABLE entries (
            entry_id TEXT NOT NULL UNIQUE, keep INTEGER NOT NULL, heard NOT NULL, ticket INTEGER NOT NULL,
            first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, body BLOB NOT NULL
        )""",
        "CREATE INDEX open_entries ON entries (entry_id) WHERE keep = 1",
        "CREATE INDEX shelf ON entries (ticket) WHERE keep = 2",
        # Appended and not indexed: an index over a million random keys takes two thirds of a checkpoint's time
        # (measured), and only a person who asks looks one up. The last row of a key counts.
        """CREATE TABLE effects (
            seq INTEGER PRIMARY KEY, key TEXT NOT NULL, entry_id TEXT NOT NULL, ledger_id TEXT NOT NULL
        )""",
        "CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, body BLOB NOT NULL)",
    ),
)
"""What every version of a partition's file adds to the one before. What was published once is not changed."""

SHARED_SCHEMA: tuple[tuple[str, ...], ...] = (
    (
        _OWNERSHIP,
        """CREATE TABLE letters (
            letter_id TEXT PRIMARY KEY, source TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL,
            body BLOB NOT NULL, first_ms INTEGER NOT NULL, times INTEGER NOT NULL, state TEXT NOT NULL
        )""",
        "CREATE INDEX letters_by_state ON letters (state, letter_id)",
        "CREATE TABLE shown (name TEXT PRIMARY KEY, until_ms INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE INDEX shown_until ON shown (until_ms)",
        """CREATE TABLE audit (
            seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL,
            target TEXT NOT NULL, why TEXT NOT NULL, outcome TEXT NOT NULL
        )""",
    ),
    (
        """CREATE TABLE orders (
            host TEXT PRIMARY KEY, verb TEXT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, at_ms INTEGER NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX letters_by_source ON letters (source, state)",
    ),
)
"""The same for the shared file."""

_FULL = frozenset({sqlite3.SQLITE_FULL})
_HELD = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_AWAY = _HELD | {sqlite3.SQLITE_CANTOPEN}

_LAST = (1 << 63) - 1
"""Above every number that a row can have."""
_WIDE = 1 << 63
_KEPT = tuple(int(keep) for keep in Keep)
"""Plain integers: sqlite3 asks an enum for an adapter before it binds it."""

_UPSERT_ROW = """
    INSERT INTO entries (entry_id, keep, heard, ticket, body, first_seq, last_seq) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (entry_id) DO UPDATE SET keep = excluded.keep, heard = excluded.heard, ticket = excluded.ticket,
        body = excluded.body, last_seq = excluded.last_seq
"""
_UPSERT_HEAD = """
    INSERT INTO head (one, seq, body) VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET seq = excluded.seq,
        body = excluded.body
"""
_UPSERT_OWNER = """
    INSERT INTO ownership (name, epoch, host, address, lease_until_ms) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch, host = excluded.host, address = excluded.address,
        lease_until_ms = excluded.lease_until_ms
"""
_OWNED = "SELECT name, epoch, host, address, lease_until_ms FROM ownership"


def wall_ms() -> int:
    """The wall clock of this machine."""
    return int(time() * 1_000)


def file_name(name: str) -> str:
    """The file of a partition: percent-quoted, so that no two names share one and none is the shared file."""
    quoted = quote(name, safe="")
    return f"%73{quoted[1:]}.sqlite" if f"{quoted}.sqlite" == SHARED else f"{quoted}.sqlite"


class _File:
    """One SQLite file: how it is opened, locked, migrated, and what its failures mean."""

    def __init__(self, path: Path, name: str, schema: Sequence[Sequence[str]], patience_ms: int) -> None:
        self._path = path
        self._patience_ms = patience_ms
        self._lock = RLock()
        self._broken = ""
        self._unfolded = 0
        self._db: sqlite3.Connection | None = None
        try:
            self._db = _patiently(lambda: _connect(path), patience_ms)
            self._migrate(self._db, name, schema)
        except sqlite3.Error as fault:
            self.close()
            self._fail(fault)
        except JournalError:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one thread at a time; SQLite's failures leave as ours."""
        with self._lock:
            if self._broken:
                raise StoreBrokenError(self._broken)
            if self._db is None:
                raise StoreAwayError(f"{self._path.name} is closed")
            try:
                yield self._db
            except sqlite3.Error as fault:
                self._fail(fault)

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """The same, and all statements see the file as of one moment."""
        with self.reading() as db, _transaction(db, "BEGIN", self._patience_ms):
            yield db

    @contextmanager
    def writing(self, size: int = 0, patience_ms: int | None = None) -> Iterator[sqlite3.Connection]:
        """The same in a transaction that holds the write lock from its start; durable on exit, or nothing of it.

        `size` is about what it writes, in bytes; `patience_ms` how long it waits for somebody else's lock.
        """
        with self.reading() as db:
            with _transaction(db, "BEGIN IMMEDIATE", self._patience_ms if patience_ms is None else patience_ms):
                yield db
            self._unfolded += size + PAGE_BYTES
            if self._unfolded >= FOLD_BYTES:
                self._fold(db)

    def close(self) -> None:
        """Give the descriptors back."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def broken(self, what: str) -> NoReturn:
        """Nobody in this process uses the file any more."""
        self._broken = f"{self._path.name}: {what}; this process does not use it any more, a person has to look"
        raise StoreBrokenError(self._broken)

    def _fold(self, db: sqlite3.Connection) -> None:
        """Fold the write-ahead log into the file. SQLite would do it by itself, and keep a failure of it to itself."""
        try:
            db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as fault:
            # Without room the log stays as it is: what was committed is durable in it, and the next commit tries again.
            if _code(fault) not in _FULL:
                raise
        else:
            self._unfolded = 0

    def _migrate(self, db: sqlite3.Connection, name: str, schema: Sequence[Sequence[str]]) -> None:
        formatted = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'format'").fetchone()
        if formatted and db.execute("SELECT name, version FROM format").fetchone() == (name, len(schema)):
            return
        with _transaction(db, "BEGIN IMMEDIATE", self._patience_ms):
            db.execute("CREATE TABLE IF NOT EXISTS format (name TEXT NOT NULL, version INTEGER NOT NULL)")
            written = db.execute("SELECT name, version FROM format").fetchone()
            if written is None:
                written = (name, 0)
                db.execute("INSERT INTO format (name, version) VALUES (?, ?)", written)
            if written[0] != name:
                raise JournalError(
                    f"{self._path.name} belongs to {written[0]}, not to {name}: this file system takes their names"
                    " for one; rename an entity"
                )
            if written[1] > len(schema):
                raise JournalError(
                    f"{self._path.name} is written in schema {written[1]}, this build reads {len(schema)};"
                    " use a newer build"
                )
            for statement in [one for step in schema[written[1] :] for one in step]:
                db.execute(statement)
            db.execute("UPDATE format SET version = ?", (len(schema),))

    def _fail(self, fault: sqlite3.Error) -> NoReturn:
        code = _code(fault)
        if code is None:
            raise fault
        if code in _FULL:
            raise StoreFullError(f"{self._path.name}: {fault}; nothing was written") from fault
        if code in _AWAY:
            raise StoreAwayError(f"{self._path.name}: {fault}") from fault
        self.broken(str(fault))


@contextmanager
def _transaction(db: sqlite3.Connection, begin: str, patience_ms: int) -> Iterator[None]:
    _patiently(lambda: db.execute(begin), patience_ms)
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _code(fault: sqlite3.Error) -> int | None:
    """SQLite's primary result code; None for what Python refused by itself, which is a mistake of ours."""
    code: int | None = getattr(fault, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _connect(path: Path) -> sqlite3.Connection:
    """A connection to a file in WAL mode, which is the owner's alone; SQLite gives its log and index the same mode."""
    with suppress(OSError):
        # SQLite would make it for everybody whom the umask lets in. Where it cannot be made, SQLite says why.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=POLL_MS / 1_000)
    try:
        for setting in (
            f"page_size = {PAGE_BYTES}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "fullfsync = ON",
            "wal_autocheckpoint = 0",
            "secure_delete = OFF",
            f"cache_size = -{CACHE_KIB}",
        ):
            db.execute(f"PRAGMA {setting}")
    except sqlite3.Error:
        db.close()
        raise
    return db


def _patiently(attempt: Callable[[], T], patience_ms: int) -> T:
    """What `attempt` returns, once nobody else holds the lock that it needs, or its failure when patience is over."""
    until = monotonic() + patience_ms / 1_000
    while True:
        try:
            return attempt()
        except sqlite3.OperationalError as fault:
            if _code(fault) not in _HELD or monotonic() >= until:
                raise
        # Where waiting could be a deadlock, SQLite does not wait at all: while others turn a new file to WAL mode.
        sleep(0.001)


class SqliteJournal:
    """The durable memory of one partition, in its own file."""

    def __init__(self, file: _File, owner: Owner) -> None:
        self._file: _File | None = file
        self._owner = owner
        self._seq = 0
        self._chain = GENESIS
        self._checkpointed = 0
        with file.snapshot() as db:
            self._learn_place(db)

    @property
    def chain(self) -> str:
        """Head of the hash chain over every frame ever committed."""
        return self._chain

    def commit(self, frame: bytes) -> None:
        """Append one decision batch; durable on return."""
        chain = link(self._chain, frame)
        with self._here().writing(len(frame)) as db:
            self._fence(db)
            db.execute("INSERT INTO frames (seq, frame, chain) VALUES (?, ?, ?)", (self._seq + 1, frame, chain))
        self._seq += 1
        self._chain = chain

    def checkpoint(self, head: bytes, rows: Iterable[Row], effects: Iterable[EffectRow] = ()) -> None:
        """Write rows, effect keys and the head in one step; the frames before it stay for `compact`."""
        first, last = self._checkpointed + 1, self._seq
        written = [
            (entry_id, _KEPT[keep], heard if heard < _WIDE else str(heard), ticket, body, first, last)
            for entry_id, keep, heard, ticket, body in rows
        ]
        # In the order of the index, so that each of its pages is written once and not several times.
        written.sort(key=itemgetter(0))
        with self._here().writing(len(head) + sum(len(row[4]) for row in written)) as db:
            self._fence(db)
            db.executemany(_UPSERT_ROW, written)
            db.executemany("INSERT INTO effects (key, entry_id, ledger_id) VALUES (?, ?, ?)", effects)
            db.execute(_UPSERT_HEAD, (last, head))
        self._checkpointed = last

    def load(self, entry_ids: Iterable[str]) -> dict[str, bytes]:
        """Bodies of the entries that the table knows, by id."""
        return dict(self._named("SELECT entry_id, body FROM entries WHERE entry_id IN ({})", entry_ids))

    def seen(self, entry_ids: Iterable[str]) -> dict[str, int]:
        """Which versions the table knows of these entries, as bit masks."""
        found = self._named("SELECT entry_id, heard FROM entries WHERE entry_id IN ({})", entry_ids)
        return {entry_id: int(heard) for entry_id, heard in found}

    def shelf(self, after_ticket: int, most: int) -> Sequence[bytes]:
        """Bodies of SHELVED rows with a ticket above `after_ticket`, by ticket, at most so many."""
        with self._here().reading() as db:
            return [
                body
                for (body,) in db.execute(
                    "SELECT body FROM entries WHERE keep = 2 AND ticket > ? ORDER BY ticket LIMIT ?",
                    (after_ticket, most),
                )
            ]

    def known(self) -> Iterable[str]:
        """Every entry in the table, in the order of the ids, so many at a time."""
        start = ""
        while True:
            with self._here().reading() as db:
                found = db.execute(
                    "SELECT entry_id FROM entries WHERE entry_id >= ? ORDER BY entry_id LIMIT ?", (start, AT_ONCE)
                ).fetchall()
            yield from (entry_id for (entry_id,) in found)
            if len(found) < AT_ONCE:
                return
            start = found[-1][0] + "\0"

    def recover(self) -> Recovered:
        """What is durable, for a process that has just started."""
        with self._here().snapshot() as db:
            self._learn_place(db)
            head = db.execute("SELECT body FROM head").fetchone()
            open_rows = dict(db.execute("SELECT entry_id, body FROM entries WHERE keep = 1 ORDER BY entry_id"))
            shelved = db.execute("SELECT count(*) FROM entries WHERE keep = 2").fetchone()[0]
            frames = db.execute("SELECT frame FROM frames WHERE seq > ? ORDER BY seq", (self._checkpointed,)).fetchall()
        return Recovered(head and head[0], open_rows, tuple(frame for (frame,) in frames), self._chain, shelved)

    # ---------------------------------------------------------------- history

    def frames_about(self, entry_id: str) -> Iterable[bytes]:
        """Every frame whose text names the entry, oldest first: of the span in which it was worked on, and the last."""
        needle = named(entry_id)
        with self._here().reading() as db:
            span = db.execute("SELECT first_seq, last_seq FROM entries WHERE entry_id = ?", (entry_id,)).fetchone()
        checkpointed = self._checkpointed
        if span is not None:
            yield from (frame for frame in self._log(span[0], span[1]) if needle in frame)
        yield from (frame for frame in self._log(checkpointed + 1, self._seq) if needle in frame)

    def effect(self, key: str) -> tuple[str, str] | None:
        """(entry_id, ledger_id) of an effect key, if it was ever applied."""
        with self._here().reading() as db:
            last = db.execute("SELECT max(seq) FROM effects").fetchone()[0] or 0
        while last > 0:
            with self._here().reading() as db:
                found: tuple[str, str] | None = db.execute(
                    "SELECT entry_id, ledger_id FROM effects WHERE seq BETWEEN ? AND ? AND key = ?"
                    " ORDER BY seq DESC LIMIT 1",
                    (last - AT_ONCE + 1, last, key),
                ).fetchone()
            if found is not None:
                return found
            last -= AT_ONCE
        return None

    def compact(self, most: int = 1_000) -> int:
        """Move the oldest frames that no recovery needs into one segment; how many (at most SEGMENT_BYTES of them)."""
        file = self._here()
        with file.reading() as db:
            taken: list[tuple[int, bytes, str]] = []
            size = 0
            for row in db.execute(
                "SELECT seq, frame, chain FROM frames WHERE seq <= ? ORDER BY seq LIMIT ?", (self._checkpointed, most)
            ):
                taken.append(row)
                size += len(row[1])
                if size >= SEGMENT_BYTES:
                    break
            before = db.execute("SELECT chain_after FROM segments ORDER BY first_seq DESC LIMIT 1").fetchone()
        if not taken:
            return 0
        body = zlib.compress(b"".join(len(frame).to_bytes(4) + frame for _, frame, _ in taken), SEGMENT_LEVEL)
        first, last = taken[0][0], taken[-1][0]
        with file.writing(len(body)) as db:
            self._fence(db)
            db.execute(
                "INSERT INTO segments (first_seq, last_seq, chain_before, chain_after, count, body)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (first, last, before[0] if before else GENESIS, taken[-1][2], len(taken), body),
            )
            db.execute("DELETE FROM frames WHERE seq BETWEEN ? AND ?", (first, last))
        return len(taken)

    def verify(self) -> int:
        """Recompute the hash chain over archive and log; returns the number of frames."""
        file = self._here()
        chain = GENESIS
        count = 0
        marks: dict[int, str] = {}
        with file.reading() as db:
            for first, last, chain_before, chain_after in db.execute(
                "SELECT first_seq, last_seq, chain_before, chain_after FROM segments ORDER BY first_seq"
            ):
                marks[first - 1], marks[last] = chain_before, chain_after
            marks.update(db.execute("SELECT seq, chain FROM frames"))
            end = self._seq
            marks[end] = self._chain
        for frame in self._log(1, end):
            if marks.get(count, chain) != chain:
                break
            chain = link(chain, frame)
            count += 1
        if count != end or marks.get(count, chain) != chain:
            file.broken(f"the hash chain does not hold at frame {count}")
        return count

    def close(self) -> None:
        """The file stays open for the store, which still knows the partition's owner."""
        self._file = None

    # ---------------------------------------------------------------- inside

    def _here(self) -> _File:
        if self._file is None:
            raise StoreAwayError(f"the journal of {self._owner.name} is closed")
        return self._file

    def _named(self, query: str, entry_ids: Iterable[str]) -> list[tuple[str, Any]]:
        """Two columns of the entries with these ids, so many ids in one statement."""
        wanted = list(entry_ids)
        found: list[tuple[str, Any]] = []
        for at in range(0, len(wanted), NAMED_AT_ONCE):
            some = wanted[at : at + NAMED_AT_ONCE]
            with self._here().reading() as db:
                found += db.execute(query.format(",".join("?" * len(some))), some)
        return found

    def _learn_place(self, db: sqlite3.Connection) -> None:
        last = db.execute("SELECT seq, chain FROM frames ORDER BY seq DESC LIMIT 1").fetchone()
        if last is None:
            last = db.execute("SELECT last_seq, chain_after FROM segments ORDER BY first_seq DESC LIMIT 1").fetchone()
        head = db.execute("SELECT seq FROM head").fetchone()
        self._seq, self._chain = last or (0, GENESIS)
        self._checkpointed = head[0] if head else 0

    def _fence(self, db: sqlite3.Connection) -> None:
        owner = self._owner
        found = db.execute("SELECT epoch, host FROM ownership WHERE name = ?", (owner.name,)).fetchone()
        if found is None or found[0] != owner.epoch:
            raise NotOwnerError(f"{owner.name} belongs to {found and found[1]} now; nothing was written")

    def _log(self, first: int, last: int) -> Iterator[bytes]:
        """Frames by their numbers, out of the archive or the log, wherever `compact` has them by now."""
        file = self._here()
        at = first
        while at <= last:
            with file.reading() as db:
                segment = db.execute(
                    "SELECT first_seq, last_seq, body FROM segments WHERE first_seq <= ?"
                    " ORDER BY first_seq DESC LIMIT 1",
                    (at,),
                ).fetchone()
                if segment is None or segment[1] < at:
                    segment = None
                    found = db.execute(
                        "SELECT frame FROM frames WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT 16", (at, last)
                    ).fetchall()
            if segment is None:
                frames = [frame for (frame,) in found]
            else:
                try:
                    frames = _expand(segment[2])
                except zlib.error as fault:
                    file.broken(f"the segment at frame {segment[0]} cannot be expanded ({fault})")
                frames = frames[at - segment[0] : last - segment[0] + 1]
            if not frames:
                file.broken(f"frame {at} is missing")
            yield from frames
            at += len(frames)


def _expand(body: bytes) -> list[bytes]:
    """The frames of a segment."""
    joined = zlib.decompress(body)
    frames = []
    at = 0
    while at < len(joined):
        end = at + 4 + int.from_bytes(joined[at : at + 4])
        frames.append(joined[at + 4 : end])
        at = end
    return frames


class _TooMuchError(Exception):
    """Takes back what a transaction has written."""


def _waits(db: sqlite3.Connection, letters: Sequence[Letter]) -> int:
    """What waits of the source of these letters, in bytes."""
    (waits,) = db.execute(
        "SELECT coalesce(sum(length(body) + ?), 0) FROM letters WHERE source = ? AND state = 'waiting'",
        (LETTER_BYTES, letters[0].source if letters else ""),
    ).fetchone()
    return int(waits)


class SqliteOffice:
    """What the border keeps, in the shared file."""

    def __init__(self, file: _File, headroom_bytes: Callable[[], int | None]) -> None:
        self._file = file
        self.headroom_bytes = headroom_bytes

    def quarantine(self, letters: Sequence[Letter], most_bytes: int = 0) -> bool:
        """Keep letters; one that is there already is counted, and one that was dropped waits again."""
        with suppress(_TooMuchError), self._file.writing(sum(len(letter.body) for letter in letters)) as db:
            before = _waits(db, letters) if most_bytes else 0
            db.executemany(
                "INSERT INTO letters (letter_id, source, kind, reason, body, first_ms, times, state)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (letter_id) DO UPDATE SET times = times + excluded.times,"
                " state = CASE state WHEN 'dropped' THEN 'waiting' ELSE state END",
                [
                    (one.letter_id, one.source, one.kind, one.reason, one.body, one.first_ms, one.times, one.state)
                    for one in letters
                ],
            )
            if most_bytes and _waits(db, letters) > max(most_bytes, before):
                raise _TooMuchError
            return True
        return False

    def letters(self, state: str = "waiting", after: str = "", most: int = 1_000) -> Sequence[Letter]:
        """Letters in a state, ordered by id, after an id."""
        with self._file.reading() as db:
            return [
                Letter(*row)
                for row in db.execute(
                    "SELECT letter_id, source, kind, reason, body, first_ms, times, state FROM letters"
                    " WHERE state = ? AND letter_id > ? ORDER BY letter_id LIMIT ?",
                    (state, after, most),
                )
            ]

    def count_letters(self) -> dict[str, int]:
        """State to number."""
        with self._file.reading() as db:
            return dict(db.execute("SELECT state, count(*) FROM letters GROUP BY state ORDER BY state"))

    def settle_letter(self, letter_id: str, state: str) -> None:
        """What became of a letter."""
        with self._file.writing() as db:
            db.execute("UPDATE letters SET state = ? WHERE letter_id = ?", (state, letter_id))

    def first_time(self, name: str, until_ms: int, now_ms: int) -> bool:
        """Whether this name was never shown before; it is remembered until then."""
        with self._file.writing() as db:
            db.execute("DELETE FROM shown WHERE until_ms <= ?", (now_ms,))
            return (
                db.execute("INSERT OR IGNORE INTO shown (name, until_ms) VALUES (?, ?)", (name, until_ms)).rowcount > 0
            )

    def note(self, note: AuditNote) -> None:
        """Write an audit note."""
        with self._file.writing() as db:
            db.execute(
                "INSERT INTO audit (at_ms, who, what, target, why, outcome) VALUES (?, ?, ?, ?, ?, ?)",
                (note.at_ms, note.who, note.what, note.target, note.why, note.outcome),
            )

    def audit(self, most: int = 1_000, before: int = 0) -> Sequence[AuditNote]:
        """The latest notes, newest first; those before a number (0: all of them)."""
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT at_ms, who, what, target, why, outcome, seq FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?",
                (before or _LAST, most),
            )
            return [AuditNote(*row) for row in rows]

    def order(self, orders: Sequence[HostOrder]) -> None:
        """Keep orders; a later one for the same host takes the place of an earlier one."""
        with self._file.writing() as db:
            db.executemany(
                "INSERT OR REPLACE INTO orders (host, verb, who, why, at_ms) VALUES (?, ?, ?, ?, ?)",
                [(one.host, one.verb, one.who, one.why, one.at_ms) for one in orders],
            )

    def orders(self) -> Sequence[HostOrder]:
        """Every order that stands, by time, then by host."""
        with self._file.reading() as db:
            rows = db.execute("SELECT host, verb, who, why, at_ms FROM orders ORDER BY at_ms, host")
            return [HostOrder(*row) for row in rows]

    def carried_out(self, hosts: Sequence[str]) -> None:
        """Forget what was ordered for hosts that are no more."""
        with self._file.writing() as db:
            db.executemany("DELETE FROM orders WHERE host = ?", [(host,) for host in hosts])


class SqliteStore:
    """A directory of journals. Threads may share it."""

    kind = "sqlite"

    def __init__(self, directory: Path, clock_ms: Callable[[], int] = wall_ms, patience_ms: int = PATIENCE_MS) -> None:
        """Make the directory if there is none. Raises JournalError where the shared file cannot be used."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory = directory
        self._clock_ms = clock_ms
        self._patience_ms = patience_ms
        self._lock = RLock()
        self._files: dict[str, _File] = {}
        self._shared = _File(directory / SHARED, "", SHARED_SCHEMA, patience_ms)

    def claim(self, name: str, host: str, address: str, lease_ms: int) -> Owner:
        """Become the owner under the next epoch. Raises NotOwnerError while another host's lease runs."""
        with self._file(name).writing() as db:
            now_ms = self._clock_ms()
            epoch, last_host, until_ms = db.execute(
                "SELECT epoch, host, lease_until_ms FROM ownership WHERE name = ?", (name,)
            ).fetchone() or (0, host, 0)
            if last_host != host and until_ms > now_ms:
                raise NotOwnerError(f"{name} belongs to {last_host} for another {until_ms - now_ms} ms")
            owner = Owner(name, epoch + 1, host, address, now_ms + lease_ms)
            db.execute(_UPSERT_OWNER, (name, owner.epoch, host, address, owner.lease_until_ms))
        return owner

    def renew(self, owners: Sequence[Owner], lease_ms: int) -> Sequence[Owner]:
        """Prolong leases; returns those that are still ours.

        A file that cannot be written is ours as far as anybody knows, and keeps its old end. Whoever holds one up must
        not hold the others up: files that are locked come last.
        """
        renewed: list[Owner] = []
        locked: list[Owner] = []
        for owner in owners:
            try:
                renewed += self._prolonged(owner, lease_ms, 0)
            except JournalError:
                locked.append(owner)
        for owner in locked:
            try:
                renewed += self._prolonged(owner, lease_ms, self._patience_ms // len(locked))
            except StoreAwayError:
                renewed.append(owner)
            except JournalError:
                continue
        return renewed

    def _prolonged(self, owner: Owner, lease_ms: int, patience_ms: int) -> Sequence[Owner]:
        with self._file(owner.name).writing(patience_ms=patience_ms) as db:
            until_ms = self._clock_ms() + lease_ms
            changed = db.execute(
                "UPDATE ownership SET lease_until_ms = ? WHERE name = ? AND epoch = ? AND lease_until_ms > 0",
                (until_ms, owner.name, owner.epoch),
            ).rowcount
        return [Owner(owner.name, owner.epoch, owner.host, owner.address, until_ms)] if changed else []

    def release(self, owner: Owner) -> None:
        """Give a name up at once."""
        with self._file(owner.name).writing() as db:
            db.execute(
                "UPDATE ownership SET lease_until_ms = 0 WHERE name = ? AND epoch = ?", (owner.name, owner.epoch)
            )

    def owners(self) -> Sequence[Owner]:
        """The last owner of every name, by name. A file that cannot be read tells of nobody."""
        found = []
        names = [unquote(path.stem) for path in self.directory.glob("*.sqlite") if path.name != SHARED]
        for name in (":", *names):
            try:
                with self._file(name).reading() as db:
                    found += [Owner(*row) for row in db.execute(_OWNED)]
            except JournalError:
                continue
        return sorted(found, key=lambda owner: owner.name)

    def now_ms(self) -> int:
        """The store's clock."""
        return self._clock_ms()

    def journal(self, owner: Owner) -> SqliteJournal:
        """The journal of a partition, for its owner."""
        assert ":" not in owner.name, f"{owner.name} is no partition and has no journal"
        return SqliteJournal(self._file(owner.name), owner)

    def office(self) -> SqliteOffice:
        """The office."""
        return SqliteOffice(self._shared, self.headroom_bytes)

    def headroom_bytes(self) -> int | None:
        """Free bytes of the directory's file system."""
        try:
            return disk_usage(self.directory).free
        except OSError as fault:
            raise StoreAwayError(f"{self.directory.name}: {fault.strerror}") from fault

    def close(self) -> None:
        """Close every file."""
        with self._lock:
            for file in (self._shared, *self._files.values()):
                file.close()

    def _file(self, name: str) -> _File:
        if ":" in name:
            return self._shared
        with self._lock:
            file = self._files.get(name)
            if file is None:
                file = _File(self.directory / file_name(name), name, PARTITION_SCHEMA, self._patience_ms)
                self._files[name] = file
            return file
