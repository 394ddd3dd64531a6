"""What only a SQLite journal has to stand: torn files, full and failing disks, other schemas, other processes."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from runtime.journal import sqlite
from runtime.journal.sqlite import SqliteJournal, SqliteStore, file_name
from runtime.ports import JournalError, Keep, NotOwnerError, StoreAwayError, StoreBrokenError, StoreFullError
from tests.runtime.journal.contract import chain_of

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent
LEASE_MS = 60_000

Opens = Callable[..., SqliteStore]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the journals are; the store makes it."""
    return tmp_path / "journal"


@pytest.fixture
def opens(directory: Path) -> Iterator[Opens]:
    """Opens stores, in that directory unless another is named, and closes them when the test is over."""
    opened: list[SqliteStore] = []

    def open_store(where: Path = directory, patience_ms: int = sqlite.PATIENCE_MS) -> SqliteStore:
        opened.append(SqliteStore(where, patience_ms=patience_ms))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


def taken(store: SqliteStore, name: str = "DE01") -> SqliteJournal:
    """The journal of a name that was just claimed."""
    return store.journal(store.claim(name, "host-1", "", LEASE_MS))


def beside(directory: Path, name: str = "DE01") -> sqlite3.Connection:
    """A connection of our own to the file of a partition."""
    return sqlite3.connect(directory / file_name(name), isolation_level=None)


def test_files_are_their_owners_alone(directory: Path, opens: Opens) -> None:
    """Whatever the umask lets in, nobody else reads a journal, its log or its index, nor lists them."""
    before = os.umask(0)
    try:
        taken(opens()).commit(b"frame")
    finally:
        os.umask(before)

    files = {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()}
    assert {"DE01.sqlite", "DE01.sqlite-wal", "DE01.sqlite-shm", sqlite.SHARED} <= set(files)
    assert set(files.values()) == {0o600}
    assert directory.stat().st_mode & 0o777 == 0o700


# ------------------------------------------------------------------ torn and damaged files


def test_a_torn_tail_loses_the_last_commits_and_nothing_else(directory: Path, opens: Opens, tmp_path: Path) -> None:
    """Wherever the write-ahead log is cut, what is recovered is a prefix of what was committed, and its chain holds."""
    journal = taken(opens())
    frames = [b"frame %d " % number * (1 + number * 700 % 5_000) for number in range(8)]
    for number, frame in enumerate(frames):
        journal.commit(frame)
        if number == 3:
            journal.checkpoint(b"head", [("E-1", Keep.OPEN, 2, 0, b"body")])
    whole, log = (directory / f"DE01.sqlite{suffix}" for suffix in ("", "-wal"))
    size = log.stat().st_size
    chance = Random(7)
    cuts = sorted({size, size - 1, size - 24, *(chance.randrange(size) for _ in range(30))})
    found = []
    for cut in cuts:
        copy = tmp_path / f"cut-{cut}"
        copy.mkdir()
        shutil.copy(whole, copy)
        (copy / log.name).write_bytes(log.read_bytes()[:cut])
        torn = taken(opens(copy))
        recovered = torn.recover()
        count = torn.verify()
        assert recovered.chain == chain_of(*frames[:count])
        assert tuple(recovered.frames) == tuple(frames[4 if recovered.head else 0 : count])
        torn.commit(b"goes on")
        found.append(count)
    assert found == sorted(found)
    assert (found[-1], len(set(found)) > 4) == (8, True)


def test_a_damaged_file_is_refused(directory: Path, opens: Opens) -> None:
    """A file that is no database any more stops its partition with its name, and not the others."""
    store = opens()
    taken(store, "DE01")
    taken(store, "NO01")
    store.close()
    (directory / "DE01.sqlite").write_bytes(b"this was a disk once" * 2_000)
    again = opens()
    with pytest.raises(StoreBrokenError, match=r"DE01\.sqlite: file is not a database"):
        taken(again, "DE01")
    assert [owner.name for owner in again.owners()] == ["NO01"]
    taken(again, "NO01").commit(b"one")


def test_a_damaged_segment_is_found(directory: Path, opens: Opens) -> None:
    """Verification reads the archive too, and after damage the journal refuses everything."""
    journal = taken(opens())
    for number in range(4):
        journal.commit(b"frame %d" % number)
    journal.checkpoint(b"head", [])
    assert journal.compact() == 4
    assert journal.verify() == 4
    db = beside(directory)
    body = db.execute("SELECT body FROM segments").fetchone()[0]
    db.execute("UPDATE segments SET body = ?", (body[:-9] + bytes([body[-9] ^ 1]) + body[-8:],))
    db.close()
    for step in (journal.verify, journal.recover, lambda: journal.commit(b"five")):
        with pytest.raises(StoreBrokenError):
            step()


def test_a_rewritten_end_is_found(directory: Path, opens: Opens) -> None:
    """Whoever changes the last frame together with its chain does not change the head that its owner holds."""
    journal = taken(opens())
    journal.commit(b"one")
    db = beside(directory)
    db.execute("UPDATE frames SET frame = ?, chain = ?", (b"two", chain_of(b"two")))
    db.close()
    with pytest.raises(StoreBrokenError, match="frame 1"):
        journal.verify()


# ------------------------------------------------------------------ disks


def test_a_full_disk_refuses_and_goes_on_when_there_is_room(
    directory: Path, opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without room a step writes nothing and says so; with room again the same journal goes on."""
    connections: list[sqlite3.Connection] = []
    connect = sqlite._connect

    def connect_and_tell(path: Path) -> sqlite3.Connection:
        connections.append(connect(path))
        return connections[-1]

    monkeypatch.setattr(sqlite, "_connect", connect_and_tell)
    journal = taken(opens())
    journal.commit(b"one")
    disk = connections[-1]
    pages = disk.execute("PRAGMA page_count").fetchone()[0]
    disk.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreFullError):
        journal.commit(b"x" * 100_000)
    with pytest.raises(StoreFullError):
        journal.checkpoint(b"head", [(f"E-{number}", Keep.OPEN, 2, 0, b"y" * 9_000) for number in range(20)])
    assert (tuple(journal.recover().frames), journal.recover().head) == ((b"one",), None)
    disk.execute(f"PRAGMA max_page_count = {pages + 1_000}")
    journal.commit(b"x" * 100_000)
    assert journal.verify() == 2


@pytest.fixture(scope="session")
def failing_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that fails system calls on demand; where it cannot be built, the test is skipped and says why."""
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("a failing disk needs Linux and a C compiler (cc)")
    library = tmp_path_factory.mktemp("failing_disk") / "failing_disk.so"
    source = str(HERE / "failing_disk.c")
    built = subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", str(library), source, "-ldl"], capture_output=True, text=True, check=False
    )
    if built.returncode:
        pytest.skip(f"the failing disk does not compile here: {built.stderr[-300:]}")
    return library


@pytest.mark.parametrize(
    ("orders", "said", "kept"),
    [
        # A write-ahead log that cannot be synced: the step is in doubt, and nobody goes on.
        (
            "commit|sync -wal|commit|-|commit|checkpoint|renew|recover",
            "done StoreBrokenError StoreBrokenError StoreBrokenError AssertionError StoreBrokenError",
            (1, 2),
        ),
        # The file itself cannot be synced when the log is folded into it: what was committed is in the log.
        ("commit|sync .sqlite|commit|-|commit", "done StoreBrokenError StoreBrokenError", (2, 2)),
        # No room for the log: nothing was written, and with room again it goes on.
        ("commit|write -wal|commit|commit|-|commit", "done StoreFullError StoreFullError done", (2, 2)),
        # No room to fold the log: it stays as it is, and nothing is refused.
        ("commit|write .sqlite|commit|commit|-|commit", "done done done done", (4, 4)),
    ],
    ids=["log-sync", "file-sync", "log-room", "file-room"],
)
def test_a_failing_disk_is_never_taken_for_a_good_one(
    directory: Path, opens: Opens, failing_disk: Path, orders: str, said: str, kept: tuple[int, int]
) -> None:
    """A failed sync stops the journal for good, a full disk until there is room; what was confirmed is there."""
    control = directory.parent / "control"
    run = subprocess.run(
        [sys.executable, "-m", "tests.runtime.journal.on_a_failing_disk", directory, control, *orders.split("|")],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "LD_PRELOAD": str(failing_disk), "FAILING_DISK": str(control)},
    )
    assert run.stdout.split() == said.split()
    journal = taken(opens())
    assert kept[0] <= journal.verify() <= kept[1]


# ------------------------------------------------------------------ schemas and names


def test_a_file_of_a_newer_schema_is_refused(directory: Path, opens: Opens) -> None:
    """An older build does not touch what a newer one wrote, and says what to do."""
    taken(opens()).commit(b"one")
    db = beside(directory)
    db.execute("UPDATE format SET version = version + 1")
    db.close()
    with pytest.raises(JournalError, match=r"DE01\.sqlite is written in schema 2, this build reads 1; use a newer"):
        taken(opens())


def test_a_file_of_an_older_schema_is_brought_up_to_date(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer build adds what its schema adds, once, and everything that was there is still there."""
    taken(opens()).commit(b"one")
    newer = (*sqlite.PARTITION_SCHEMA, ("ALTER TABLE head ADD COLUMN note TEXT",))
    monkeypatch.setattr(sqlite, "PARTITION_SCHEMA", newer)
    for _ in range(2):
        assert tuple(taken(opens()).recover().frames) == (b"one",)
    monkeypatch.undo()
    with pytest.raises(JournalError, match="schema 2"):
        taken(opens())


def test_no_two_names_share_a_file() -> None:
    """Whatever a partition is called, its file is in the directory, its own, and not the shared one."""
    names = ["DE01", "de01", "DE/01", "DE%2F01", "..", ".", "springtide", "%73pringtide", "Ö", "a b", "a+b"]
    files = [file_name(name) for name in names]
    assert len({*files, sqlite.SHARED}) == len(names) + 1
    assert [file for file in files if "/" in file] == []


def test_a_file_of_another_partition_is_refused(directory: Path, opens: Opens) -> None:
    """Where a file system takes two names for one, the second partition does not write into the first one's file."""
    store = opens()
    taken(store, "DE01").commit(b"one")
    store.close()
    (directory / "DE01.sqlite").rename(directory / "de01.sqlite")
    with pytest.raises(JournalError, match=r"de01\.sqlite belongs to DE01, not to de01"):
        taken(opens(), "de01")


# ------------------------------------------------------------------ other processes


def test_who_waits_too_long_for_the_lock_goes_away(directory: Path, opens: Opens) -> None:
    """While another process keeps the lock nothing is written and nobody is refused for good."""
    store = opens(patience_ms=30)
    owner = store.claim("DE01", "host-1", "", LEASE_MS)
    journal = store.journal(owner)
    stopped = beside(directory)
    stopped.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreAwayError, match="locked"):
        journal.commit(b"one")
    with pytest.raises(StoreAwayError):
        store.claim("DE01", "host-1", "", LEASE_MS)
    # Ours as far as anybody knows, and no longer than before.
    assert list(store.renew([owner], LEASE_MS)) == [owner]
    assert [owner.name for owner in opens(patience_ms=30).owners()] == ["DE01"]
    stopped.execute("ROLLBACK")
    stopped.close()
    journal.commit(b"two")
    assert tuple(journal.recover().frames) == (b"two",)


def test_two_processes_on_one_directory_fence_each_other(opens: Opens) -> None:
    """A partition that another process claimed is its own: the first one's next commit writes nothing."""
    store = opens()
    journal = store.journal(store.claim("DE01", "host-1", "", 0))
    journal.commit(b"ours")
    other = (
        "import sys; from pathlib import Path; from runtime.journal.sqlite import SqliteStore;"
        "store = SqliteStore(Path(sys.argv[1])); owner = store.claim('DE01', 'host-2', 'there', 60_000);"
        "store.journal(owner).commit(b'theirs'); print(owner.epoch)"
    )
    run = subprocess.run(
        [sys.executable, "-c", other, store.directory], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert run.stdout.split() == ["2"]
    with pytest.raises(NotOwnerError, match="host-2"):
        journal.commit(b"late")
    with pytest.raises(NotOwnerError, match="host-2"):
        store.claim("DE01", "host-1", "", LEASE_MS)
    assert tuple(journal.recover().frames) == (b"ours", b"theirs")
    assert [owner.address for owner in store.owners()] == ["there"]


def test_many_may_open_an_empty_directory_at_once(directory: Path, opens: Opens) -> None:
    """Processes that start at the same moment make one set of files and get each their partition."""
    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(lambda _: opens(), range(6)))
        list(pool.map(lambda at: taken(stores[at], "DE01").chain, range(6)))
    assert [(owner.name, owner.epoch) for owner in stores[0].owners()] == [("DE01", 6)]


# ------------------------------------------------------------------ room


def test_walks_in_small_steps_miss_nothing(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk over all entries, or over all effect keys, is made in pieces, and the pieces are the whole."""
    monkeypatch.setattr(sqlite, "AT_ONCE", 4)
    journal = taken(opens())
    ids = sorted(f"E-{number}" for number in range(12))
    journal.checkpoint(
        b"head",
        [(entry_id, Keep.SETTLED, 2, 0, b"body") for entry_id in ids],
        [(f"key of {entry_id}", entry_id, "GL-1") for entry_id in ids],
    )
    assert list(journal.known()) == ids
    assert [journal.effect(f"key of {entry_id}") for entry_id in ids] == [(entry_id, "GL-1") for entry_id in ids]
    assert journal.effect("key of nothing") is None


def test_an_archived_log_gives_its_room_back(directory: Path, opens: Opens) -> None:
    """Frames that were compressed make room for new ones: the file does not grow by what is written over and over."""
    journal = taken(opens())
    sizes = []
    for _ in range(6):
        for number in range(20):
            journal.commit(b'{"entry":"E-%d","hours":"7.5"}' % number * 500)
        journal.checkpoint(b"head", [])
        while journal.compact():
            pass
        db = beside(directory)
        sizes.append(db.execute("PRAGMA page_count").fetchone()[0])
        db.close()
    assert sizes[-1] <= sizes[0] + 2
    assert journal.verify() == 120


def test_the_room_on_the_disk_is_told(opens: Opens) -> None:
    """The store tells how many bytes its file system has left."""
    room = opens().headroom_bytes()
    assert room is not None
    assert room > 0
