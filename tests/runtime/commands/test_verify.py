"""`springtide config verify`: whether journals are what was written."""

import argparse
import sqlite3
from pathlib import Path

import pytest

from runtime.cli import BadInputError
from runtime.commands import configure
from runtime.journal.sqlite import SqliteStore

SETTINGS = """
tenant = "acme"
[journal]
kind = "{kind}"
directory = "{directory}"
[accounts.erp]
kind = "generic_erp"
url = "http://127.0.0.1:1"
[accounts.psa]
kind = "generic_psa"
url = "http://127.0.0.1:1"
[entities.DE01]
region = "EMEA"
erp = "erp"
psa = "psa"
[entities.FR01]
region = "EMEA"
erp = "erp"
psa = "psa"
[entities.NO01]
region = "EMEA"
erp = "erp"
psa = "psa"
"""


def run(folder: Path, *entities: str, kind: str = "sqlite") -> int:
    """Run it on the journals in this folder."""
    file = folder / "springtide.toml"
    file.write_text(SETTINGS.format(kind=kind, directory=folder / "journal"), encoding="utf-8")
    parser = argparse.ArgumentParser()
    configure.register(parser.add_subparsers())
    arguments = parser.parse_args(["config", "verify", str(file), *entities])
    code: int = arguments.run(arguments)
    return code


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the journals of DE01 and FR01: frames in the archive, frames in the log; nobody carried NO01."""
    store = SqliteStore(tmp_path / "journal")
    for entity in ("DE01", "FR01"):
        journal = store.journal(store.claim(entity, "host-1", "", 60_000))
        for number in range(3):
            journal.commit(b"old %d" % number)
        journal.checkpoint(b"head", [])
        journal.compact()
        journal.commit(b"new")
    store.close()
    return tmp_path


def test_journals_that_hold_are_told_with_their_heads(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each configured entity, beside a process that has them open; what is not there is not made."""
    running = SqliteStore(folder / "journal")
    heads = [running.journal(owner).chain for owner in running.owners() if owner.name in ("DE01", "FR01")]

    assert run(folder) == 0
    running.close()

    assert capsys.readouterr().out.splitlines() == [
        f"DE01: 4 frames, the chain holds, its head is {heads[0]}",
        f"FR01: 4 frames, the chain holds, its head is {heads[1]}",
        "NO01: nobody has carried it yet, there is no journal",
    ]
    assert not (folder / "journal" / "NO01.sqlite").exists()


def test_a_journal_that_was_changed_does_not_hold(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1, which one, and the others are verified all the same; those that were not asked for are not."""
    with sqlite3.connect(folder / "journal" / "DE01.sqlite") as db:
        db.execute("UPDATE frames SET frame = ?", (b"newer",))
    db.close()

    assert run(folder) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("DE01: DOES NOT HOLD: ")
    assert lines[1].startswith("FR01: 4 frames, the chain holds")
    assert run(folder, "FR01") == 0


def test_what_cannot_be_verified_is_bad_input(folder: Path, tmp_path: Path) -> None:
    """A name that is not configured, a journal in memory, and a directory that is not there and is not made."""
    with pytest.raises(BadInputError, match="XX is not configured"):
        run(folder, "XX")
    with pytest.raises(BadInputError, match="nothing is left to verify"):
        run(folder, kind="memory")
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(BadInputError, match="there is no directory"):
        run(tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere" / "journal").exists()
