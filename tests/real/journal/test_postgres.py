"""What only PostgreSQL can do to a journal: migrations, lost connections, waiting claims, servers that may forget."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import psycopg
import pytest

from runtime.journal import migrations
from runtime.journal.postgres import ROWS_AT_ONCE, PostgresJournal, PostgresStore
from runtime.ports import (
    Keep,
    Letter,
    NotOwnerError,
    StoreAwayError,
    StoreBrokenError,
    StoreFullError,
)

LEASE_MS = 60_000
LATER = migrations.Migration(
    migrations.MIGRATIONS[-1].version + 1, "a later one", ("ALTER TABLE heads ADD COLUMN later text",)
)


@dataclass
class Place:
    """A schema with a store, and a connection beside it that looks on and meddles."""

    dsn: str
    store: PostgresStore
    beside: psycopg.Connection[tuple[object, ...]]

    def journal(self, name: str = "DE01", host: str = "host-1") -> PostgresJournal:
        return self.store.journal(self.store.claim(name, host, "127.0.0.1:1", LEASE_MS))

    def asked(self, query: str) -> object:
        row = self.beside.execute(query.encode()).fetchone()
        assert row is not None, "the query has one row"
        return row[0]

    def waiting(self) -> object:
        """How many of the store's connections wait for a lock."""
        return self.asked("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")


@pytest.fixture
def opened() -> Iterator[list[PostgresStore]]:
    """Stores that are closed when the test is over."""
    stores: list[PostgresStore] = []
    yield stores
    for store in stores:
        store.close()


@pytest.fixture
def place(postgres_dsn: str, opened: list[PostgresStore]) -> Iterator[Place]:
    """An empty store."""
    opened.append(PostgresStore(postgres_dsn))
    with psycopg.connect(postgres_dsn, autocommit=True) as beside:
        yield Place(postgres_dsn, opened[-1], beside)


@pytest.fixture
def aside() -> Iterator[ThreadPoolExecutor]:
    """A second thread."""
    with ThreadPoolExecutor(4) as threads:
        yield threads


def until(holds: Callable[[], bool]) -> None:
    """Wait for what is bound to come; not for ever."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "what should have happened did not"
        time.sleep(0.01)


def fails_with(place: Place, sqlstate: str) -> None:
    """From now on, a commit meets this error in the server."""
    place.beside.execute(
        f"""CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN RAISE EXCEPTION 'as told' USING ERRCODE = '{sqlstate}'; END $$;
            CREATE TRIGGER failing BEFORE INSERT ON frames FOR EACH ROW EXECUTE FUNCTION fail()""".encode()
    )


# -------------------------------------------------------------------- migrations


def test_a_database_is_migrated_once(place: Place, opened: list[PostgresStore]) -> None:
    """Every migration is applied exactly once, however often the database is opened."""
    opened.append(PostgresStore(place.dsn))
    applied = place.beside.execute("SELECT version FROM schema_versions ORDER BY version").fetchall()
    assert [version for (version,) in applied] == [migration.version for migration in migrations.MIGRATIONS]


def test_hosts_that_start_at_once_migrate_once(
    postgres_dsn: str, opened: list[PostgresStore], aside: ThreadPoolExecutor
) -> None:
    """Hosts that open an empty database at the same moment do not get into each other's way."""
    opened += aside.map(PostgresStore, [postgres_dsn] * 4)
    with psycopg.connect(postgres_dsn) as beside:
        applied = beside.execute("SELECT count(*) FROM schema_versions").fetchone()
    assert applied == (len(migrations.MIGRATIONS),)


def test_an_older_database_is_brought_up_to_date(place: Place, opened: list[PostgresStore]) -> None:
    """A build with one migration more applies that one, and what was written before is still there."""
    place.journal().commit(b"one")
    opened.append(PostgresStore(place.dsn, migrations=(*migrations.MIGRATIONS, LATER)))
    newer = opened[-1].journal(opened[-1].claim("DE01", "host-1", "", LEASE_MS))
    assert newer.recover().frames == (b"one",)
    assert place.asked("SELECT max(version) FROM schema_versions") == LATER.version


def test_a_newer_database_is_refused(place: Place, opened: list[PostgresStore]) -> None:
    """A build does not touch a database that a newer build has migrated, and says what to do."""
    opened.append(PostgresStore(place.dsn, migrations=(*migrations.MIGRATIONS, LATER)))
    with pytest.raises(StoreBrokenError, match=r"at schema version \d+, this build knows \d+; use a newer build"):
        PostgresStore(place.dsn)


def test_a_migration_that_fails_leaves_nothing(place: Place) -> None:
    """Migrations are one transaction: the good half of a broken one is not there afterwards."""
    broken = migrations.Migration(LATER.version, "broken", (*LATER.statements, "ALTER TABLE nowhere ADD x text"))
    with pytest.raises(StoreBrokenError, match="nowhere"):
        PostgresStore(place.dsn, migrations=(*migrations.MIGRATIONS, broken))
    assert place.asked("SELECT max(version) FROM schema_versions") == LATER.version - 1
    columns = "SELECT count(*) FROM information_schema.columns WHERE table_schema = current_schema()"
    assert place.asked(columns + " AND column_name = 'later'") == 0


# -------------------------------------------------------------------- a server that may forget


def test_a_server_that_may_forget_is_refused(postgres_dsn: str, opened: list[PostgresStore]) -> None:
    """With synchronous_commit off the store does not open, unless it is told that losing is fine."""
    forgetful = f"{postgres_dsn}%20-csynchronous_commit%3Doff"
    with pytest.raises(StoreBrokenError, match="synchronous_commit off: it may lose what it confirmed"):
        PostgresStore(forgetful)
    opened.append(PostgresStore(forgetful, lossy=True))


def test_a_server_that_starts_to_forget_is_noticed(place: Place) -> None:
    """The setting is checked on every new connection, not only at the start."""
    journal = place.journal()
    try:
        place.beside.execute("ALTER ROLE springtide SET synchronous_commit = off")
        place.store._pool._forget_idle()
        with pytest.raises(StoreBrokenError, match="synchronous_commit off"):
            journal.commit(b"one")
    finally:
        place.beside.execute("ALTER ROLE springtide RESET synchronous_commit")
    assert journal.recover().frames == ()


# -------------------------------------------------------------------- ownership


def test_of_many_claims_one_wins(place: Place, aside: ThreadPoolExecutor) -> None:
    """Hosts that claim a name that never had an owner at the same moment: one owns it, the others are told so."""
    for name in [f"P{number}" for number in range(60)]:
        start = threading.Barrier(4)

        def claim(host: str, name: str = name, start: threading.Barrier = start) -> str:
            start.wait(20)
            try:
                return place.store.claim(name, host, "", LEASE_MS).host
            except NotOwnerError:
                return ""

        winners = [host for host in aside.map(claim, ["host-1", "host-2", "host-3", "host-4"]) if host]
        assert winners == [owner.host for owner in place.store.owners() if owner.name == name]


def test_a_claim_waits_for_a_running_commit_and_a_renewal_does_not(place: Place, aside: ThreadPoolExecutor) -> None:
    """A commit that passed its check is durable before the next owner has the name; a heartbeat passes by it."""
    former = place.journal()
    place.beside.execute(
        """CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql
           AS $$ BEGIN PERFORM pg_advisory_xact_lock(1, 1); RETURN NEW; END $$;
           CREATE TRIGGER stalling BEFORE INSERT ON frames FOR EACH ROW EXECUTE FUNCTION stall()"""
    )
    place.beside.execute("SELECT pg_advisory_lock(1, 1)")
    commit = aside.submit(former.commit, b"just in time")
    until(lambda: place.waiting() == 1)
    assert len(place.store.renew(place.store.owners(), LEASE_MS)) == 1
    claim: Future[PostgresJournal] = aside.submit(place.journal)
    until(lambda: place.waiting() == 2)
    assert not claim.done()
    place.beside.execute("SELECT pg_advisory_unlock(1, 1)")
    commit.result()
    assert claim.result().recover().frames == (b"just in time",)


def test_a_commit_waits_for_a_running_claim(place: Place, aside: ThreadPoolExecutor) -> None:
    """A commit that meets a claim in the middle sees the new epoch and writes nothing."""
    former = place.journal()
    with place.beside.transaction():
        place.beside.execute("UPDATE ownership SET epoch = epoch + 1")
        commit = aside.submit(former.commit, b"too late")
        until(lambda: place.waiting() == 1)
    with pytest.raises(NotOwnerError):
        commit.result()
    assert place.asked("SELECT count(*) FROM frames") == 0


# -------------------------------------------------------------------- lost connections


def test_a_backend_that_is_killed_in_the_middle(place: Place, aside: ThreadPoolExecutor) -> None:
    """A commit whose connection dies is unknown; the journal takes no step before it was recovered, then goes on."""
    journal = place.journal()
    journal.commit(b"one")
    with place.beside.transaction():
        place.beside.execute("SELECT FROM ownership FOR UPDATE")
        commit = aside.submit(journal.commit, b"two")
        until(lambda: place.waiting() == 1)
        place.asked("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        with pytest.raises(StoreAwayError):
            commit.result()
    with pytest.raises(StoreAwayError, match="has to be recovered"):
        journal.commit(b"two")
    assert journal.recover().frames == (b"one",)
    journal.commit(b"two")
    assert journal.verify() == 2


def test_an_idle_connection_that_died_does_not_matter(place: Place) -> None:
    """A connection that the server closed while nobody used it is replaced without anybody noticing."""
    journal = place.journal()
    place.beside.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'springtide'"
    )
    journal.commit(b"one")
    assert journal.recover().frames == (b"one",)


def test_a_commit_that_lands_late_is_found(place: Place, opened: list[PostgresStore]) -> None:
    """A server that stops answering is given up on; what it does later is found, neither lost nor overwritten."""
    opened.append(PostgresStore(place.dsn, patience_s=0.4))
    journal = opened[-1].journal(opened[-1].claim("DE01", "host-1", "", LEASE_MS))
    journal.commit(b"one")
    backend = place.asked("SELECT pid FROM pg_stat_activity WHERE query LIKE 'WITH mine%'")
    assert isinstance(backend, int)
    os.kill(backend, signal.SIGSTOP)
    try:
        with pytest.raises(StoreAwayError):
            journal.commit(b"late")
        assert journal.recover().frames == (b"one",)
    finally:
        os.kill(backend, signal.SIGCONT)
    until(lambda: place.asked("SELECT count(*) FROM frames") == 2)
    with pytest.raises(StoreAwayError):
        journal.commit(b"on top of what is not the last any more")
    assert journal.recover().frames == (b"one", b"late")
    journal.commit(b"next")
    assert journal.verify() == 3


def test_a_checkpoint_that_lands_late_overwrites_nothing(place: Place) -> None:
    """A checkpoint is refused if another one has been written since the journal last looked."""
    journal = place.journal()
    journal.commit(b"one")
    other = place.store.journal(place.store.owners()[0])
    other.checkpoint(b"of another life", [("E-1", Keep.OPEN, 2, 0, b"row")])
    with pytest.raises(StoreAwayError, match="has landed"):
        journal.checkpoint(b"head", [("E-1", Keep.OPEN, 2, 0, b"older row")])
    recovered = journal.recover()
    assert (recovered.head, recovered.frames, dict(recovered.open_rows)) == (b"of another life", (), {"E-1": b"row"})


def test_nothing_waits_for_ever(place: Place, opened: list[PostgresStore]) -> None:
    """A lock that is never given back ends a step within the store's patience."""
    opened.append(PostgresStore(place.dsn, patience_s=0.2))
    journal = opened[-1].journal(opened[-1].claim("DE01", "host-1", "", LEASE_MS))
    with place.beside.transaction():
        place.beside.execute("SELECT FROM ownership FOR UPDATE")
        with pytest.raises(StoreAwayError, match="SQLSTATE 55P03"):
            journal.commit(b"one")
    assert journal.recover().frames == ()


def test_a_busy_pool_is_away_not_stuck(place: Place, opened: list[PostgresStore]) -> None:
    """Whoever gets no connection in time is told so."""
    opened.append(PostgresStore(place.dsn, connections=1, patience_s=0.1))
    with opened[-1]._pool.lend(), pytest.raises(StoreAwayError, match="busy"):
        opened[-1].now_ms()


def test_many_journals_share_few_connections(
    place: Place, opened: list[PostgresStore], aside: ThreadPoolExecutor
) -> None:
    """Forty journals in four threads need no more connections than allowed."""
    opened.append(PostgresStore(f"{place.dsn}%20-cwork_mem%3D1MB", connections=2))

    def commit(number: int) -> None:
        journal = opened[-1].journal(opened[-1].claim(f"P{number}", "host-1", "", LEASE_MS))
        journal.commit(b"one")
        journal.commit(b"two")

    list(aside.map(commit, range(40)))
    assert len(opened[-1]._pool._idle) <= 2
    assert place.asked("SELECT count(*) FROM frames") == 80


# -------------------------------------------------------------------- what the server says


def test_a_full_disk_is_no_reason_to_stop(place: Place) -> None:
    """Where there is no room nothing is written, and the journal goes on when there is room again."""
    journal = place.journal()
    fails_with(place, "53100")
    with pytest.raises(StoreFullError):
        journal.commit(b"one")
    place.beside.execute("DROP TRIGGER failing ON frames")
    journal.commit(b"one")
    assert journal.recover().frames == (b"one",)


@pytest.mark.parametrize(
    ("sqlstate", "meaning"),
    [
        ("XX001", StoreBrokenError),  # data corrupted
        ("58030", StoreBrokenError),  # I/O error
        ("42501", StoreBrokenError),  # no right to
        ("53200", StoreAwayError),  # out of memory
        ("57P01", StoreAwayError),  # shut down
        ("25006", StoreAwayError),  # a standby
    ],
)
def test_what_an_error_means(place: Place, sqlstate: str, meaning: type[Exception]) -> None:
    """Damage is for a person to look at, a server in trouble is waited for; both stop the journal."""
    journal = place.journal()
    fails_with(place, sqlstate)
    with pytest.raises(meaning, match=sqlstate):
        journal.commit(b"one")
    place.beside.execute("DROP TRIGGER failing ON frames")
    with pytest.raises(StoreAwayError, match="has to be recovered"):
        journal.commit(b"one")
    assert journal.recover().frames == ()


def test_an_id_that_cannot_be_stored_is_refused_whole(place: Place) -> None:
    """PostgreSQL has no NUL in texts: a checkpoint with one writes nothing and stops for a person."""
    journal = place.journal()
    with pytest.raises(StoreBrokenError, match="0x00"):
        journal.checkpoint(b"head", [("E-1", Keep.OPEN, 2, 0, b"row"), ("E\x00", Keep.OPEN, 2, 0, b"row")])
    assert journal.recover().head is None


def test_words_of_strangers_are_kept_as_far_as_they_can_be(place: Place) -> None:
    """A letter with unstorable characters in its words is kept, and its body is kept exactly."""
    office = place.store.office()
    office.quarantine([Letter("1", "psa\x00", "x", "\ud800", b"\x00\xff", 5)])
    assert office.letters() == [Letter("1", "psa�", "x", "?", b"\x00\xff", 5)]


@pytest.mark.parametrize(
    "dsn",
    ["postgresql://us:geheim@127.0.0.1:1/none?nonsense=1", "host=127.0.0.1 port=1 password=geheim", "geheim geheim"],
)
def test_no_error_tells_a_password(dsn: str) -> None:
    """Whatever is wrong with the connection string, its parts are not repeated."""
    with pytest.raises((StoreAwayError, StoreBrokenError)) as caught:
        PostgresStore(dsn)
    assert "geheim" not in f"{caught.value!r} {caught.value.__cause__!r}"


# -------------------------------------------------------------------- much, and damaged


def test_a_checkpoint_of_more_rows_than_a_statement_takes(place: Place) -> None:
    """Rows and keys beyond one statement are written in the same step, and found."""
    journal = place.journal()
    ids = [f"E-{number}" for number in range(ROWS_AT_ONCE + 5)]
    rows = [(entry_id, Keep.OPEN, 1 << 4_095, 0, entry_id.encode()) for entry_id in ids]
    journal.checkpoint(b"head", rows, [(f"key-{entry_id}", entry_id, f"L-{entry_id}") for entry_id in ids])
    assert journal.load(ids) == {entry_id: entry_id.encode() for entry_id in ids}
    assert journal.seen(ids[-1:]) == {ids[-1]: 1 << 4_095}
    assert journal.effect(f"key-{ids[-1]}") == (ids[-1], f"L-{ids[-1]}")
    assert list(journal.known()) == sorted(ids)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE frames SET frame = 'other' WHERE seq = 4",
        "UPDATE frames SET chain = 'other' WHERE seq = 5",
        "DELETE FROM frames WHERE seq = 4",
        "DELETE FROM frames WHERE seq >= 4",
        "DELETE FROM segments",
        "UPDATE segments SET packed = substr(packed, 1, 9)",
        "UPDATE segments SET chain = 'other'",
        "UPDATE heads SET chain = 'other'",
    ],
)
def test_damage_is_found(place: Place, damage: str) -> None:
    """A log or an archive that is not what was written does not pass for it."""
    journal = place.journal()
    for frame in (b"one", b"two", b"three"):
        journal.commit(frame)
    journal.checkpoint(b"head", [])
    assert journal.compact() == 3
    for frame in (b"four", b"five"):
        journal.commit(frame)
    assert journal.verify() == 5
    place.beside.execute(damage.encode())
    with pytest.raises(StoreBrokenError):
        journal.verify()


def test_compaction_while_somebody_reads(place: Place) -> None:
    """A reader that is in the middle of the log when its frames are archived misses none and gets none twice."""
    journal = place.journal()
    frames = [b'"E-1" %d' % number for number in range(120)]
    for frame in frames:
        journal.commit(frame)
    journal.checkpoint(b"head", [("E-1", Keep.OPEN, 2, 0, b"row")])
    reading = iter(journal.frames_about("E-1"))
    first = [next(reading) for _ in range(3)]
    assert journal.compact(most=80) == 80
    assert first + list(reading) == frames


def test_threads_may_take_turns(place: Place) -> None:
    """A journal is used from several threads over its life."""
    journal = place.journal()
    for number in range(4):
        thread = threading.Thread(target=journal.commit, args=(b"%d" % number,))
        thread.start()
        thread.join()
    assert journal.recover().frames == (b"0", b"1", b"2", b"3")
