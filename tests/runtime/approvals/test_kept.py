"""The file of decisions: durable before anybody hears of it, half a line is none, anything else stops the start."""

import os
from pathlib import Path

import pytest

from runtime.approvals.book import Decision, Told
from runtime.approvals.kept import KeptFile, NotKeptError

FIRST = Decision("timetagger:anna:k", 1, "DE01", 5, "key:max", "f", '{"type":"x"}')
SECOND = Decision("timetagger:anna:k", 2, "DE01", 6, "key:max", "deleted", "{}", withdrawn=True)
TOLD = Told("timetagger:anna:k", 1, "posted", "LL-1", 3)


def kept_in(path: Path) -> list[Decision | Told]:
    """What the next process finds."""
    file = KeptFile(path)
    try:
        return list(file.read())
    finally:
        file.close()


def test_what_was_kept_is_read_in_order(tmp_path: Path) -> None:
    """Decisions and statuses come back as they were, also what several processes wrote one after the other."""
    path = tmp_path / "new" / "approvals.jsonl"
    file = KeptFile(path)
    file.append([FIRST])
    file.append([])
    file.close()
    file = KeptFile(path)
    file.append([SECOND, TOLD])
    file.close()

    assert kept_in(path) == [FIRST, SECOND, TOLD]


def test_half_a_line_was_never_acknowledged(tmp_path: Path) -> None:
    """A process that died while it wrote leaves half a line: it is cut off, and the next one fits behind."""
    path = tmp_path / "approvals.jsonl"
    file = KeptFile(path)
    file.append([FIRST, SECOND])
    file.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])

    file = KeptFile(path)
    assert file.read() == [FIRST]
    file.append([SECOND])
    file.close()

    assert path.read_bytes() == whole


def test_a_line_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    """Nobody guesses at approvals: the file and the line are named, with what to do."""
    path = tmp_path / "approvals.jsonl"
    file = KeptFile(path)
    file.append([FIRST, SECOND])
    file.close()
    path.write_bytes(path.read_bytes().replace(b'"version":1', b'"version":"x"'))

    with pytest.raises(NotKeptError, match=r"approvals\.jsonl:1: .*restore it"):
        kept_in(path)


def test_two_processes_cannot_decide_at_once(tmp_path: Path) -> None:
    """The lock is the process's: the second one is refused, and may come when the first is gone."""
    path = tmp_path / "approvals.jsonl"
    first = KeptFile(path)
    with pytest.raises(NotKeptError, match="another process"):
        KeptFile(path)
    first.close()

    assert kept_in(path) == []


def test_a_full_disk_keeps_nothing_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of it was written when the room ended: it is taken back, and what comes later fits."""
    path = tmp_path / "approvals.jsonl"
    file = KeptFile(path)
    file.append([FIRST])
    write = os.write
    monkeypatch.setattr(os, "write", lambda number, text: write(number, text[:20]))
    with pytest.raises(NotKeptError, match="nothing was kept"):
        file.append([SECOND])
    monkeypatch.undo()
    file.append([TOLD])
    file.close()

    assert kept_in(path) == [FIRST, TOLD]


def test_a_disk_that_could_not_say_is_not_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed fsync says that nobody knows what is durable; the next one might lie, so nothing is kept any more."""
    file = KeptFile(tmp_path / "approvals.jsonl")

    def fails(number: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(NotKeptError, match="Input/output"):
        file.append([FIRST])
    monkeypatch.undo()

    with pytest.raises(NotKeptError, match="look at the disk"):
        file.append([SECOND])
    file.close()
