"""The PostgreSQL store: journals, ownership and the office of a cluster in one database.

    commit       one statement, one round trip: locks the owner's epoch, inserts the frame if it is ours
    checkpoint   one transaction: the same lock, then head, rows and effect keys
    claim        changes the epoch, so it waits for a running commit and turns every later one away
    renew        changes the end of the lease alone, which waits for no commit and holds none up

Rule 1. What passed the epoch check is durable before a new owner can read: the lock is held until the commit is.
Rule 2. A frame has its number in the log as primary key, a checkpoint its count. A step that we gave up on and that
        lands late either is found by `recover`, or makes our next step fail and is found then. It overwrites nothing.
Rule 3. After any failure but StoreFullError the journal takes no step before `recover`: whether the last one is
        durable is not known.
Rule 4. Nothing waits for ever: the server ends a statement after `patience_s`, and if it does not even say so, we
        close the connection after one and a half times that. Connecting, locks and silent networks have limits too.
Rule 5. A server that promises durability and does not keep it (synchronous_commit, fsync or full_page_writes off) is
        refused on every new connection.
Rule 6. Leases run on the server's clock. A fail-over to a server whose clock is ahead ends them early, which costs a
        move and nothing else: the epoch is what fences.

All journals of a process share a small pool of connections. Needs a session: behind PgBouncer, use session pooling.
"""

import select
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any, NoReturn, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from runtime.journal.chain import GENESIS, link, named
from runtime.journal.migrations import MIGRATIONS, Migration, missing
from runtime.ports import (
    LETTER_BYTES,
    AuditNote,
    EffectRow,
    HostOrder,
    JournalError,
    Letter,
    NotOwnerError,
    Owner,
    Recovered,
    Row,
    StoreAwayError,
    StoreBrokenError,
    StoreFullError,
)

ROWS_AT_ONCE = 2_000
"""Rows in one statement of a checkpoint or a load: large enough to be cheap, small enough for any patience."""
FRAMES_AT_ONCE = 50
SEGMENT_BYTES = 4 * 1024 * 1024
"""A segment holds frames of about so many bytes: what one look into the archive has to expand."""
SEGMENT_LEVEL = 1
"""zlib; more takes longer and saves next to nothing on our frames (measured for the SQLite journal)."""

NOW_MS = "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"

MEANING: dict[str, type[JournalError]] = {
    "53100": StoreFullError,  # disk full: the statement was rolled back
    "23505": StoreAwayError,  # somebody's step has our number: one that we had given up on (rule 2)
    "25006": StoreAwayError,  # read-only: a standby answers, the new primary is elsewhere
    "08": StoreAwayError,  # connection
    "25": StoreAwayError,  # transaction state
    "40": StoreAwayError,  # deadlock, serialisation, outcome unknown
    "53": StoreAwayError,  # memory, connections
    "55": StoreAwayError,  # a lock was not to be had in time
    "57": StoreAwayError,  # shut down, cancelled, out of time
}
"""SQLSTATE, or its class, to what it means for a journal. What is not listed (damage, I/O errors, missing tables and
rights) is for a person to look at."""

T = TypeVar("T")


class PostgresStore:
    """Everything durable in one PostgreSQL database (or one schema of it: the search path of `dsn` decides).

    `connections` bounds how many are open, `patience_s` how long one statement may take. `lossy` runs on a server that
    may lose what it confirmed; for experiments only. Opening applies what is missing of the migrations. Raises
    StoreAwayError, and StoreBrokenError for a database that is newer than this build or not durable.
    """

    kind = "postgres"

    def __init__(
        self,
        dsn: str,
        connections: int = 8,
        patience_s: float = 10.0,
        lossy: bool = False,
        migrations: Sequence[Migration] = MIGRATIONS,
    ) -> None:
        self._pool = _Pool(dsn, connections, patience_s, lossy)
        try:
            self._migrate(migrations)
        except JournalError:
            self._pool.close()
            raise

    def _migrate(self, migrations: Sequence[Migration]) -> None:
        with self._pool.lend() as server, server.transaction():
            server.execute("SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.springtide', 0))")
            server.execute(
                "CREATE TABLE IF NOT EXISTS schema_versions ("
                "version bigint PRIMARY KEY, title text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
            )
            (applied,) = _one(server, "SELECT coalesce(max(version), 0) FROM schema_versions")
            for migration in missing(applied, migrations):
                for statement in migration.statements:
                    server.execute(statement)
                server.execute(
                    "INSERT INTO schema_versions (version, title) VALUES (%s, %s)", (migration.version, migration.title)
                )

    def claim(self, name: str, host: str, address: str, lease_ms: int) -> Owner:
        """Become the owner under the next epoch. Raises NotOwnerError while another host's lease runs."""
        with self._pool.lend() as server:
            taken = server.execute(
                # Two steps in one statement, and no ON CONFLICT DO UPDATE: that watches one unique index alone, and
                # hosts that claim a new name at the same moment would meet an error from the other one.
                f"""WITH again AS (
                        UPDATE ownership SET epoch = epoch + 1, host = %(host)s, address = %(address)s,
                            lease_until = {NOW_MS} + %(lease_ms)s
                        WHERE name = %(name)s AND (host = %(host)s OR lease_until <= {NOW_MS})
                        RETURNING epoch, lease_until
                    ), first AS (
                        INSERT INTO ownership (name, epoch, host, address, lease_until)
                        SELECT %(name)s, 1, %(host)s, %(address)s, {NOW_MS} + %(lease_ms)s
                        WHERE NOT EXISTS (SELECT FROM again)
                        ON CONFLICT DO NOTHING
                        RETURNING epoch, lease_until
                    )
                    SELECT epoch, lease_until FROM again UNION ALL SELECT epoch, lease_until FROM first""",  # noqa: S608 the clock's expression is ours
                {"name": name, "host": host, "address": address, "lease_ms": lease_ms},
            ).fetchone()
        if taken is None:
            raise NotOwnerError(f"{name} has an owner whose lease still runs")
        return Owner(name, taken[0], host, address, taken[1])

    def renew(self, owners: Sequence[Owner], lease_ms: int) -> Sequence[Owner]:
        """Prolong leases, in one round trip; returns those that are still ours, with their new end."""
        with self._pool.lend() as server:
            renewed: dict[str, int] = dict(
                server.execute(
                    f"""UPDATE ownership AS o SET lease_until = {NOW_MS} + %s
                        FROM unnest(%s::text[], %s::bigint[]) AS ours (name, epoch)
                        WHERE o.name = ours.name AND o.epoch = ours.epoch AND o.lease_until > 0
                        RETURNING o.name, o.lease_until""",  # noqa: S608 the clock's expression is ours
                    (lease_ms, [owner.name for owner in owners], [owner.epoch for owner in owners]),
                ).fetchall()
            )
        return [
            Owner(owner.name, owner.epoch, owner.host, owner.address, renewed[owner.name])
            for owner in owners
            if owner.name in renewed
        ]

    def release(self, owner: Owner) -> None:
        """Give a name up at once. Not ours any more: nothing happens."""
        with self._pool.lend() as server:
            server.execute(
                "UPDATE ownership SET lease_until = 0 WHERE name = %s AND epoch = %s", (owner.name, owner.epoch)
            )

    def owners(self) -> Sequence[Owner]:
        """The last owner of every name, by name."""
        with self._pool.lend() as server:
            rows = server.execute("SELECT name, epoch, host, address, lease_until FROM ownership ORDER BY name")
            return [Owner(*row) for row in rows]

    def now_ms(self) -> int:
        """The server's clock."""
        with self._pool.lend() as server:
            (now_ms,) = _one(server, f"SELECT {NOW_MS}")
            return int(now_ms)

    def journal(self, owner: Owner) -> "PostgresJournal":
        """The journal of a partition. Opening it writes nothing, so a reader may."""
        return PostgresJournal(self._pool, owner)

    def office(self) -> "PostgresOffice":
        """The office."""
        return PostgresOffice(self._pool)

    def headroom_bytes(self) -> int | None:
        """A database does not tell."""
        return None

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


class PostgresJournal:
    """The durable memory of one partition, see `ports.DurableJournal`."""

    def __init__(self, pool: "_Pool", owner: Owner) -> None:
        self._pool = pool
        self._name = owner.name
        self._epoch = owner.epoch
        self._seq = -1
        """Number of the last frame; -1: not looked up yet."""
        self._chain = GENESIS
        self._head_seq = 0
        self._number = 0
        """Of the last checkpoint."""
        self._stopped = ""
        """Why no step may be taken before `recover`."""
        self._replaced = False
        """Whether that is because somebody else owns the name."""

    # ---------------------------------------------------------------- durable steps

    def commit(self, frame: bytes) -> None:
        """Append one decision batch; durable on return."""
        with self._step() as server:
            chain = link(self._chain, frame)
            written = server.execute(
                """WITH mine AS (SELECT name FROM ownership WHERE name = %s AND epoch = %s FOR KEY SHARE)
                   INSERT INTO frames (name, seq, frame, chain) SELECT name, %s, %b, %s FROM mine""",
                (self._name, self._epoch, self._seq + 1, frame, chain),
                prepare=True,
            ).rowcount
            if not written:
                self._not_owner()
        self._seq += 1
        self._chain = chain

    def checkpoint(self, head: bytes, rows: Iterable[Row], effects: Iterable[EffectRow] = ()) -> None:
        """Write rows, effect keys and the head in one step."""
        # One statement may not touch a row twice: the last one counts.
        fresh = list({row[0]: row for row in rows}.values())
        keys = list({effect[0]: effect for effect in effects}.values())
        with self._step() as server, server.transaction():
            written = server.execute(
                """WITH mine AS (SELECT name FROM ownership WHERE name = %s AND epoch = %s FOR KEY SHARE)
                   INSERT INTO heads AS h (name, number, seq, chain, head) SELECT name, %s, %s, %s, %b FROM mine
                   ON CONFLICT (name) DO UPDATE
                   SET number = excluded.number, seq = excluded.seq, chain = excluded.chain, head = excluded.head
                   WHERE h.number = excluded.number - 1""",
                (self._name, self._epoch, self._number + 1, self._seq, self._chain, head),
                prepare=True,
            ).rowcount
            if not written:
                self._check_owner(server)
                raise StoreAwayError(f"a checkpoint of {self._name} that was given up on has landed")
            for some in _slices(fresh, ROWS_AT_ONCE):
                server.execute(
                    """INSERT INTO entries (name, entry_id, keep, heard, ticket, first_seq, last_seq, body)
                       SELECT %s, id, keep, heard, ticket, %s, %s, body
                       FROM unnest(%b::text[], %b::smallint[], %b::bytea[], %b::bigint[], %b::bytea[])
                           AS fresh (id, keep, heard, ticket, body)
                       ON CONFLICT (name, entry_id) DO UPDATE SET keep = excluded.keep, heard = excluded.heard,
                           ticket = excluded.ticket, last_seq = excluded.last_seq, body = excluded.body""",
                    (
                        *(self._name, self._head_seq + 1, self._seq),
                        [row[0] for row in some],
                        [int(row[1]) for row in some],
                        [_mask_bytes(row[2]) for row in some],
                        [row[3] for row in some],
                        [row[4] for row in some],
                    ),
                    prepare=True,
                )
            for few in _slices(keys, ROWS_AT_ONCE):
                server.execute(
                    """INSERT INTO effects (name, key, entry_id, ledger_id)
                       SELECT %s, * FROM unnest(%b::text[], %b::text[], %b::text[])
                       ON CONFLICT (name, key) DO UPDATE
                       SET entry_id = excluded.entry_id, ledger_id = excluded.ledger_id""",
                    (self._name, *([effect[column] for effect in few] for column in range(3))),
                    prepare=True,
                )
        self._number += 1
        self._head_seq = self._seq

    @contextmanager
    def _step(self) -> "Iterator[_Server]":
        """A connection for one durable step; whatever goes wrong stops the journal, except a full disk."""
        if self._replaced:
            self._not_owner()
        if self._stopped:
            raise StoreAwayError(f"the journal of {self._name} has to be recovered: {self._stopped}")
        try:
            with self._pool.lend() as server:
                if self._seq < 0:
                    self._find_position(server)
                yield server
        except StoreFullError:
            raise
        except BaseException as fault:
            self._stopped = str(fault) or type(fault).__name__
            self._replaced = isinstance(fault, NotOwnerError)
            raise

    def _check_owner(self, server: "_Server") -> None:
        mine = "SELECT name FROM ownership WHERE name = %s AND epoch = %s FOR KEY SHARE"
        if server.execute(mine, (self._name, self._epoch)).fetchone() is None:
            self._not_owner()

    def _not_owner(self) -> NoReturn:
        raise NotOwnerError(f"{self._name} is owned under a higher epoch than {self._epoch}")

    # ---------------------------------------------------------------- recovery

    @property
    def chain(self) -> str:
        """Head of the hash chain over every frame ever committed."""
        if self._seq < 0:
            with self._pool.lend() as server:
                self._find_position(server)
        return self._chain

    def recover(self) -> Recovered:
        """What is durable, as of one moment."""
        with self._pool.lend() as server, server.transaction():
            server.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            head = self._find_position(server)
            frames = server.execute(
                "SELECT frame FROM frames WHERE name = %s AND seq > %s ORDER BY seq",
                (self._name, self._head_seq),
                binary=True,
            ).fetchall()
            open_rows = server.execute(
                "SELECT entry_id, body FROM entries WHERE name = %s AND keep = 1 ORDER BY entry_id",
                (self._name,),
                binary=True,
            ).fetchall()
            (shelved,) = _one(server, "SELECT count(*) FROM entries WHERE name = %s AND keep = 2", self._name)
        self._stopped = ""
        self._replaced = False
        return Recovered(head, dict(open_rows), tuple(frame for (frame,) in frames), self._chain, shelved)

    def _find_position(self, server: "_Server") -> bytes | None:
        """Where log and checkpoints stand; returns the head."""
        found = server.execute(
            "SELECT number, seq, chain, head FROM heads WHERE name = %s", (self._name,), binary=True
        ).fetchone()
        self._number, self._head_seq, chain, head = found or (0, 0, GENESIS, None)
        last = server.execute(
            "SELECT seq, chain FROM frames WHERE name = %s AND seq > %s ORDER BY seq DESC LIMIT 1",
            (self._name, self._head_seq),
        ).fetchone()
        self._seq, self._chain = last or (self._head_seq, chain)
        return head

    # ---------------------------------------------------------------- the table

    def load(self, entry_ids: Iterable[str]) -> dict[str, bytes]:
        """Bodies of the entries that the table knows."""
        return dict(self._of_entries("SELECT entry_id, body FROM entries", entry_ids))

    def seen(self, entry_ids: Iterable[str]) -> dict[str, int]:
        """Which versions the table knows of these entries, as bit masks."""
        found = self._of_entries("SELECT entry_id, heard FROM entries", entry_ids)
        return {entry_id: int.from_bytes(heard, "little") for entry_id, heard in found}

    def _of_entries(self, select_: str, entry_ids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        with self._pool.lend() as server:
            for some in _slices(entry_ids, ROWS_AT_ONCE):
                yield from server.execute(
                    f"{select_} WHERE name = %s AND entry_id = ANY(%b::text[])",
                    (self._name, some),
                    prepare=True,
                    binary=True,
                )

    def shelf(self, after_ticket: int, most: int) -> Sequence[bytes]:
        """Bodies of SHELVED rows with a ticket above `after_ticket`, by ticket, at most so many."""
        with self._pool.lend() as server:
            rows = server.execute(
                "SELECT body FROM entries WHERE name = %s AND keep = 2 AND ticket > %s ORDER BY ticket LIMIT %s",
                (self._name, after_ticket, most),
                binary=True,
            )
            return [body for (body,) in rows]

    def known(self) -> Iterable[str]:
        """Every entry in the table, by id."""
        after: str | None = None
        while True:
            with self._pool.lend() as server:
                page = server.execute(
                    """SELECT entry_id FROM entries WHERE name = %s AND (%s::text IS NULL OR entry_id > %s)
                       ORDER BY entry_id LIMIT %s""",
                    (self._name, after, after, ROWS_AT_ONCE),
                ).fetchall()
            if not page:
                return
            yield from (entry_id for (entry_id,) in page)
            after = page[-1][0]

    # ---------------------------------------------------------------- the past

    def frames_about(self, entry_id: str) -> Iterable[bytes]:
        """Every frame whose text names the entry, oldest first: of the span in which it was worked on, and the last."""
        with self._pool.lend() as server:
            head, first, last = server.execute(
                """SELECT h.seq, e.first_seq, e.last_seq FROM heads h
                   LEFT JOIN entries e ON e.name = h.name AND e.entry_id = %s WHERE h.name = %s""",
                (entry_id, self._name),
            ).fetchone() or (0, None, None)
        needle = named(entry_id)
        if first is not None:
            yield from (frame for _, frame, _ in self._log(first, last, needle) if frame)
        yield from (frame for _, frame, _ in self._log(head + 1, None, needle) if frame)

    def effect(self, key: str) -> tuple[str, str] | None:
        """(entry_id, ledger_id) of an effect key, if it was ever applied."""
        with self._pool.lend() as server:
            found: tuple[str, str] | None = server.execute(
                "SELECT entry_id, ledger_id FROM effects WHERE name = %s AND key = %s", (self._name, key)
            ).fetchone()
            return found

    def compact(self, most: int = 1_000) -> int:
        """Move the oldest frames that no recovery needs into one segment; how many (about SEGMENT_BYTES at most)."""
        with self._pool.lend() as server:
            self._check_owner(server)
            frames = server.execute(
                """SELECT seq, frame, chain FROM (
                       SELECT f.*, sum(octet_length(f.frame)) OVER (ORDER BY f.seq) - octet_length(f.frame) AS before
                       FROM (SELECT seq, frame, chain FROM frames WHERE name = %s
                             AND seq <= (SELECT seq FROM heads WHERE name = %s) ORDER BY seq LIMIT %s) AS f
                   ) AS settled WHERE before < %s ORDER BY seq""",
                (self._name, self._name, most, SEGMENT_BYTES),
                binary=True,
            ).fetchall()
        if not frames:
            return 0
        packed = _pack(frame for _, frame, _ in frames)
        first, last = frames[0][0], frames[-1][0]
        with self._pool.lend() as server, server.transaction():
            self._check_owner(server)
            server.execute(
                "INSERT INTO segments (name, first_seq, last_seq, chain, packed) VALUES (%s, %s, %s, %s, %b)",
                (self._name, first, last, frames[-1][2], packed),
            )
            server.execute("DELETE FROM frames WHERE name = %s AND seq BETWEEN %s AND %s", (self._name, first, last))
        return len(frames)

    def verify(self) -> int:
        """Recompute the hash chain over archive and log; returns the number of frames."""
        with self._pool.lend() as server:
            head_seq, head_chain = server.execute(
                "SELECT seq, chain FROM heads WHERE name = %s", (self._name,)
            ).fetchone() or (0, GENESIS)
        chain = GENESIS
        count = 0
        for count, frame, written in self._log(1, None):
            chain = link(chain, frame)
            if written not in ("", chain) or (count == head_seq and chain != head_chain):
                raise StoreBrokenError(f"the hash chain of {self._name} does not hold at frame {count}")
        if count < max(head_seq, self._seq):
            raise StoreBrokenError(f"frame {count + 1} of {self._name} is missing")
        return count

    def _log(self, first: int, last: int | None, needle: bytes = b"") -> Iterator[tuple[int, bytes, str]]:
        """(number, frame, chain), wherever `compact` has them by now; the chain is empty inside a segment.

        A frame without `needle` comes as nothing. The log is asked first: what has left it is in the archive.
        """
        at = first
        while last is None or at <= last:
            with self._pool.lend() as server:
                frames = server.execute(
                    """SELECT seq, CASE WHEN position(%b IN frame) > 0 THEN frame ELSE '' END, chain FROM frames
                       WHERE name = %s AND seq BETWEEN %s AND coalesce(%s, seq) ORDER BY seq LIMIT %s""",
                    (needle, self._name, at, last, FRAMES_AT_ONCE),
                    binary=True,
                ).fetchall()
                if not frames or frames[0][0] != at:
                    segment = server.execute(
                        """SELECT first_seq, last_seq, chain, packed FROM segments
                           WHERE name = %s AND first_seq <= %s AND last_seq >= %s""",
                        (self._name, at, at),
                        binary=True,
                    ).fetchone()
                    if segment is None and not frames and last is None:
                        return
                    if segment is None:
                        raise StoreBrokenError(f"frame {at} of {self._name} is missing")
                    frames = [
                        one for one in self._expand(*segment) if one[0] >= at and (last is None or one[0] <= last)
                    ]
            yield from ((seq, frame if needle in frame else b"", chain) for seq, frame, chain in frames)
            at = frames[-1][0] + 1

    def _expand(self, first: int, last: int, chain: str, packed: bytes) -> list[tuple[int, bytes, str]]:
        try:
            frames = _unpack(packed)
        except zlib.error as fault:
            raise StoreBrokenError(f"the segment of {self._name} at frame {first} is damaged: {fault}") from fault
        if len(frames) != last - first + 1:
            raise StoreBrokenError(f"the segment of {self._name} at frame {first} is damaged: frames are missing")
        return [(seq, frame, chain if seq == last else "") for seq, frame in enumerate(frames, first)]

    def close(self) -> None:
        """Nothing is held open between calls; a step that is taken all the same is refused."""
        self._stopped = "it was closed"


class _TooMuchError(Exception):
    """Takes back what a transaction has written."""


def _waits(server: "_Server", source: str) -> int:
    """What waits of a source, in bytes."""
    query = """SELECT coalesce(sum(octet_length(body) + %s), 0)::bigint FROM letters
               WHERE source = %s AND state = 'waiting'"""
    row = server.execute(query, (LETTER_BYTES, source)).fetchone()
    assert row is not None, "an aggregate is always a row"
    return int(row[0])


class PostgresOffice:
    """What the border keeps durably, see `ports.Office`."""

    def __init__(self, pool: "_Pool") -> None:
        self._pool = pool

    def quarantine(self, letters: Sequence[Letter], most_bytes: int = 0) -> bool:
        """Keep letters; one that is there already is counted, and one that was dropped waits again."""
        source = _storable(letters[0].source) if letters else ""
        with suppress(_TooMuchError), self._pool.lend() as server, server.transaction(), server.cursor() as cursor:
            before = 0
            if most_bytes:
                # Two gateways with letters of one source come one after the other, or neither would see the other's.
                lock = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.letters/' || %s::text, 0))"
                cursor.execute(lock, (source,))
                before = _waits(server, source)
            cursor.executemany(
                """INSERT INTO letters AS l (letter_id, source, kind, reason, body, first_ms, times, state)
                   VALUES (%s, %s, %s, %s, %b, %s, %s, %s)
                   ON CONFLICT (letter_id) DO UPDATE SET times = l.times + excluded.times,
                       state = CASE l.state WHEN 'dropped' THEN 'waiting' ELSE l.state END""",
                # Sorted, so that two gateways with the same letters do not wait for each other in a circle.
                [
                    (
                        *(letter.letter_id, _storable(letter.source), _storable(letter.kind), _storable(letter.reason)),
                        *(letter.body, letter.first_ms, letter.times, letter.state),
                    )
                    for letter in sorted(letters, key=lambda letter: letter.letter_id)
                ],
            )
            if most_bytes and _waits(server, source) > max(most_bytes, before):
                raise _TooMuchError
            return True
        return False

    def letters(self, state: str = "waiting", after: str = "", most: int = 1_000) -> Sequence[Letter]:
        """Letters in a state, ordered by id, after an id."""
        with self._pool.lend() as server:
            rows = server.execute(
                """SELECT letter_id, source, kind, reason, body, first_ms, times, state FROM letters
                   WHERE state = %s AND letter_id > %s ORDER BY letter_id LIMIT %s""",
                (state, after, most),
                binary=True,
            )
            return [Letter(*row) for row in rows]

    def count_letters(self) -> Mapping[str, int]:
        """State to number."""
        with self._pool.lend() as server:
            return dict(server.execute("SELECT state, count(*) FROM letters GROUP BY state ORDER BY state").fetchall())

    def settle_letter(self, letter_id: str, state: str) -> None:
        """What became of it."""
        with self._pool.lend() as server:
            server.execute("UPDATE letters SET state = %s WHERE letter_id = %s", (state, letter_id))

    def first_time(self, name: str, until_ms: int, now_ms: int) -> bool:
        """Whether this name was never shown before; it is remembered until then."""
        with self._pool.lend() as server:
            server.execute(
                """DELETE FROM deliveries WHERE name IN (SELECT name FROM deliveries WHERE until_ms <= %s
                   ORDER BY until_ms LIMIT 100 FOR UPDATE SKIP LOCKED)""",
                (now_ms,),
            )
            return bool(
                server.execute(
                    """INSERT INTO deliveries AS d (name, until_ms) VALUES (%s, %s)
                       ON CONFLICT (name) DO UPDATE SET until_ms = excluded.until_ms WHERE d.until_ms <= %s""",
                    (_storable(name), until_ms, now_ms),
                ).rowcount
            )

    def note(self, note: AuditNote) -> None:
        """Write an audit note."""
        with self._pool.lend() as server:
            server.execute(
                "INSERT INTO audit (at_ms, who, what, target, why, outcome) VALUES (%s, %s, %s, %s, %s, %s)",
                (note.at_ms, *map(_storable, (note.who, note.what, note.target, note.why, note.outcome))),
            )

    def audit(self, most: int = 1_000, before: int = 0) -> Sequence[AuditNote]:
        """The latest notes, newest first; those before a number (0: all of them)."""
        with self._pool.lend() as server:
            rows = server.execute(
                """SELECT at_ms, who, what, target, why, outcome, number FROM audit
                   WHERE number < %s OR %s = 0 ORDER BY number DESC LIMIT %s""",
                (before, before, most),
            )
            return [AuditNote(*row) for row in rows]

    def headroom_bytes(self) -> int | None:
        """A database does not tell."""
        return None

    def order(self, orders: Sequence[HostOrder]) -> None:
        """Keep orders; a later one for the same host takes the place of an earlier one."""
        with self._pool.lend() as server, server.transaction(), server.cursor() as cursor:
            cursor.executemany(
                """INSERT INTO orders (host, verb, who, why, at_ms) VALUES (%s, %s, %s, %s, %s)
                   ON CONFLICT (host) DO UPDATE SET verb = excluded.verb, who = excluded.who, why = excluded.why,
                       at_ms = excluded.at_ms""",
                # Sorted, so that two gateways with the same hosts do not wait for each other in a circle.
                [
                    (*map(_storable, (one.host, one.verb, one.who, one.why)), one.at_ms)
                    for one in sorted(orders, key=lambda order: order.host)
                ],
            )

    def orders(self) -> Sequence[HostOrder]:
        """Every order that stands, by time, then by host."""
        with self._pool.lend() as server:
            rows = server.execute("SELECT host, verb, who, why, at_ms FROM orders ORDER BY at_ms, host")
            return [HostOrder(*row) for row in rows]

    def carried_out(self, hosts: Sequence[str]) -> None:
        """Forget what was ordered for hosts that are no more."""
        with self._pool.lend() as server:
            server.execute("DELETE FROM orders WHERE host = ANY(%s)", (list(hosts),))


class _Server(psycopg.Connection[Any]):
    """A connection that does not wait for ever (rule 4)."""

    gives_up_after_s = 15.0

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for an answer; a server that says nothing in time has lost this connection."""
        try:
            return super().wait(gen, interval, self.gives_up_after_s if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()
            raise


class _Pool:
    """A few connections that the journals of a process take turns with. Errors leave it as JournalErrors."""

    def __init__(self, dsn: str, size: int, patience_s: float, lossy: bool) -> None:
        try:
            conninfo_to_dict(dsn)
        except psycopg.ProgrammingError:
            # The parser's words repeat parts of the text, which may hold a password.
            raise StoreBrokenError("the connection string of the journal's database cannot be read") from None
        self._dsn = dsn
        self._patience_s = patience_s
        self._lossy = lossy
        self._free = threading.BoundedSemaphore(size)
        self._idle: list[_Server] = []
        self._closed = False

    @contextmanager
    def lend(self) -> Iterator[_Server]:
        """A connection in autocommit; back in the pool if it is as it was, closed otherwise."""
        if not self._free.acquire(timeout=self._patience_s):
            raise StoreAwayError(f"every connection to the journal's database was busy for {self._patience_s:g} s")
        server: _Server | None = None
        try:
            server = self._take() or self._connect()
            yield server
        except psycopg.Error as fault:
            if server is None or server.closed:
                self._forget_idle()
            raise _meaning(fault) from fault
        except UnicodeEncodeError:
            raise StoreBrokenError("a text that is no Unicode cannot be stored") from None
        finally:
            if server is not None:
                if self._closed or server.pgconn.transaction_status != TransactionStatus.IDLE:
                    server.close()
                else:
                    self._idle.append(server)
            self._free.release()

    def close(self) -> None:
        """Close every connection; those lent out follow when they come back."""
        self._closed = True
        self._forget_idle()

    def _take(self) -> _Server | None:
        """An idle connection on which nothing has come in: what comes in unasked is a good-bye."""
        while self._idle:
            try:
                server = self._idle.pop()
            except IndexError:
                return None
            poll = select.poll()
            poll.register(server.pgconn.socket, select.POLLIN)
            if not poll.poll(0):
                return server
            server.close()
        return None

    def _forget_idle(self) -> None:
        """Where one connection broke, the others most likely did."""
        while self._idle:
            try:
                self._idle.pop().close()
            except IndexError:
                return

    def _connect(self) -> _Server:
        if self._closed:
            raise StoreAwayError("the store is closed")
        limit_ms = round(self._patience_s * 1000)
        server = _Server.connect(
            self._dsn,
            autocommit=True,
            connect_timeout=max(2, round(self._patience_s)),
            tcp_user_timeout=limit_ms,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            application_name="springtide",
        )
        server.gives_up_after_s = self._patience_s * 1.5
        try:
            _, _, _, _, *safe = _one(
                server,
                """SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false),
                          set_config('idle_in_transaction_session_timeout', %s, false),
                          set_config('client_connection_check_interval', %s, false),
                          current_setting('synchronous_commit'), current_setting('fsync'),
                          current_setting('full_page_writes')""",
                *map(str, (limit_ms, limit_ms // 2, limit_ms, limit_ms)),
            )
            names = ("synchronous_commit", "fsync", "full_page_writes")
            unsafe = [name for name, setting in zip(names, safe, strict=True) if setting == "off"]
            if unsafe and not self._lossy:
                raise StoreBrokenError(
                    f"the journal's database has {' and '.join(unsafe)} off: it may lose what it confirmed; turn it on"
                )
        except BaseException:
            server.close()
            raise
        return server


def _meaning(fault: psycopg.Error) -> JournalError:
    """What a database error means for a journal, in words that quote no data."""
    state = fault.sqlstate
    if state is None:
        words = (str(fault).strip() or type(fault).__name__).splitlines()[0]
        lost = isinstance(fault, psycopg.OperationalError | psycopg.InterfaceError)
        return StoreAwayError(words) if lost else StoreBrokenError(words)
    kind = MEANING.get(state) or MEANING.get(state[:2], StoreBrokenError)
    return kind(f"{fault.diag.message_primary} (SQLSTATE {state})")


def _one(server: _Server, query: str, *values: object) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = server.execute(query, values).fetchone()
    assert row is not None, "this query always has one row"
    return row


def _slices(items: Iterable[T], most: int) -> Iterator[list[T]]:
    source = iter(items)
    while some := list(islice(source, most)):
        yield some


def _mask_bytes(mask: int) -> bytes:
    return mask.to_bytes((mask.bit_length() + 7) // 8, "little")


def _storable(text: str) -> str:
    """Words of strangers as PostgreSQL can hold them: no NUL, no half of a surrogate pair."""
    return text.replace("\x00", "�").encode("utf-8", "replace").decode()


def _pack(frames: Iterable[bytes]) -> bytes:
    joined = b"".join(part for frame in frames for part in (len(frame).to_bytes(4, "big"), frame))
    return zlib.compress(joined, SEGMENT_LEVEL)


def _unpack(packed: bytes) -> list[bytes]:
    joined = zlib.decompress(packed)
    frames = []
    at = 0
    while at < len(joined):
        end = at + 4 + int.from_bytes(joined[at : at + 4], "big")
        frames.append(joined[at + 4 : end])
        at = end
    return frames
