"""The throw-away PostgreSQL: it keeps what it should, and never outlives who started it."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from simulators.a_postgres import PostgresCannotStartError, start_postgres

ROOT = Path(__file__).resolve().parent.parent.parent
STARTED_AND_KILLED = """
import os, signal
from simulators.a_postgres import start_postgres
print(start_postgres()[0], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the user of the server can reach, whoever runs the tests; pytest's own only root could enter."""
    path = Path(tempfile.mkdtemp(prefix="springtide-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def test_data_in_a_folder_is_there_at_the_next_start(postgres_server: str, folder: Path) -> None:
    """With a folder, what was committed outlives the server."""
    for known in (0, 1):
        dsn, stop = start_postgres(folder / "database")
        try:
            with psycopg.connect(dsn) as server:
                server.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
                assert server.execute("SELECT count(*) FROM kept").fetchone() == (known,)
                server.execute("INSERT INTO kept VALUES (1)")
        finally:
            stop()


def test_it_does_not_outlive_who_started_it(postgres_server: str) -> None:
    """A program that is killed without a warning leaves no server behind."""
    started = subprocess.run(
        [sys.executable, "-c", STARTED_AND_KILLED], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    dsn = started.stdout.strip()
    assert dsn.startswith("postgresql://"), started.stderr
    home = Path(dsn.split("host=")[1])
    deadline = time.monotonic() + 20
    while (home / "data" / "postmaster.pid").exists():  # a server removes it as the last thing it does
        assert time.monotonic() < deadline, "the server is still there"
        time.sleep(0.02)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn)
    shutil.rmtree(home, ignore_errors=True)


def test_a_place_where_it_cannot_live_is_told(tmp_path: Path) -> None:
    """What hinders a start is one line."""
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(PostgresCannotStartError, match="no PostgreSQL here: ") as caught:
        start_postgres(tmp_path / "taken")
    assert "\n" not in str(caught.value)
