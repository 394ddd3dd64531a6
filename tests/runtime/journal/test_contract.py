"""The stores that need no server keep the contract of every store."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.journal.memory import MemoryStore
from runtime.journal.sqlite import SqliteStore, file_name
from tests.runtime.journal.contract import Place, StoreContract


class Clock:
    """A wall clock that is set by hand."""

    def __init__(self) -> None:
        self.ms = 1_774_000_000_000

    def __call__(self) -> int:
        return self.ms


class InMemory:
    """A store that is there as long as the test: every process of it is the same object."""

    def __init__(self) -> None:
        self._clock = Clock()
        self._store = MemoryStore(self._clock)

    def store(self) -> MemoryStore:
        return self._store

    def later(self, ms: int) -> None:
        self._clock.ms += ms

    def flip_a_bit(self, name: str) -> None:
        frames = self._store.disk(name).frames
        frames[0] = bytes([frames[0][0] ^ 1, *frames[0][1:]])

    def close(self) -> None:
        """Nothing is held open."""


class InADirectory:
    """A directory; every store is a connection of its own, as processes have them."""

    def __init__(self, directory: Path) -> None:
        self._clock = Clock()
        self._directory = directory
        self._stores: list[SqliteStore] = []

    def store(self) -> SqliteStore:
        self._stores.append(SqliteStore(self._directory, self._clock))
        return self._stores[-1]

    def later(self, ms: int) -> None:
        self._clock.ms += ms

    def flip_a_bit(self, name: str) -> None:
        with sqlite3.connect(self._directory / file_name(name)) as db:
            seq, frame = db.execute("SELECT seq, frame FROM frames ORDER BY seq LIMIT 1").fetchone()
            db.execute("UPDATE frames SET frame = ? WHERE seq = ?", (bytes([frame[0] ^ 1, *frame[1:]]), seq))
        db.close()

    def close(self) -> None:
        """Close what the test opened."""
        for store in self._stores:
            store.close()


@pytest.fixture(params=["memory", "sqlite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """An empty place of either kind."""
    place = InMemory() if request.param == "memory" else InADirectory(tmp_path / "journal")
    yield place
    place.close()


class TestMemoryAndSqlite(StoreContract):
    """The whole suite, for both."""
