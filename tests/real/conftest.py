"""One PostgreSQL for each test process, and a schema of its own for each test."""

from collections.abc import Iterator
from itertools import count

import psycopg
import pytest

from simulators.a_postgres import PostgresCannotStartError, start_postgres

_schemas = count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Connection string of a running server; where none can start, the test is skipped and says why."""
    try:
        dsn, stop = start_postgres()
    except PostgresCannotStartError as fault:
        pytest.skip(str(fault))
    yield dsn
    stop()


@pytest.fixture
def postgres_dsn(postgres_server: str) -> str:
    """Connection string of an empty schema that nobody else uses."""
    schema = f"test_{next(_schemas)}"
    with psycopg.connect(postgres_server, autocommit=True) as server:
        server.execute(f"CREATE SCHEMA {schema}".encode())
    return f"{postgres_server}&options=-csearch_path%3D{schema}"
