"""PostgreSQL keeps the contract of every store."""

from collections.abc import Iterator

import psycopg
import pytest

from runtime.journal.postgres import PostgresStore
from tests.runtime.journal.contract import Place, StoreContract


class InASchema:
    """A schema of a real server; every store has connections of its own, as processes have them."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._stores: list[PostgresStore] = []

    def store(self) -> PostgresStore:
        self._stores.append(PostgresStore(self._dsn))
        return self._stores[-1]

    def later(self, ms: int) -> None:
        """The server's clock cannot be set; to every lease it is the same if the lease ends so much earlier."""
        self._execute("UPDATE ownership SET lease_until = lease_until - %s", ms)

    def flip_a_bit(self, name: str) -> None:
        self._execute(
            """UPDATE frames SET frame = set_byte(frame, 0, get_byte(frame, 0) # 1)
               WHERE name = %s AND seq = (SELECT min(seq) FROM frames WHERE name = %s)""",
            name,
            name,
        )

    def close(self) -> None:
        """Close what the test opened."""
        for store in self._stores:
            store.close()

    def _execute(self, statement: str, *values: object) -> None:
        with psycopg.connect(self._dsn) as server:
            assert server.execute(statement.encode(), values).rowcount


@pytest.fixture
def place(postgres_dsn: str) -> Iterator[Place]:
    """An empty place in a running server."""
    place = InASchema(postgres_dsn)
    yield place
    place.close()


class TestPostgres(StoreContract):
    """The whole suite."""
