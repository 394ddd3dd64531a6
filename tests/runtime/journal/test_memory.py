"""The memory journal: what a disk would still hold after the process died."""

from hashlib import sha256

import pytest

from runtime.journal.chain import GENESIS
from runtime.journal.memory import MemoryJournal
from runtime.ports import Keep


class DiedError(Exception):
    """The process died here."""


def dies(side: str, at: int) -> MemoryJournal:
    """A journal whose process dies at its `at`-th durable step, before or after it."""
    count = {"before": 0, "after": 0}

    def boundary(where: str) -> None:
        count[where] += 1
        if where == side and count[where] == at:
            raise DiedError(f"{side} {at}")

    return MemoryJournal(boundary)


def test_what_was_not_committed_is_gone() -> None:
    """A process that dies before a commit leaves nothing of it."""
    journal = dies("before", 2)
    journal.commit(b"one")
    with pytest.raises(DiedError):
        journal.commit(b"two")
    assert journal.recover().frames == (b"one",)


def test_what_was_committed_is_there_though_nobody_was_told() -> None:
    """A process that dies right after a commit finds it when it comes back."""
    journal = dies("after", 2)
    journal.commit(b"one")
    with pytest.raises(DiedError):
        journal.commit(b"two")
    assert journal.recover().frames == (b"one", b"two")


def test_a_checkpoint_is_whole_or_not_there() -> None:
    """A process that dies before a checkpoint recovers from the frames; after it, from head and open rows."""
    before = dies("before", 2)
    before.commit(b"one")
    with pytest.raises(DiedError):
        before.checkpoint(b"head", [("E-1", Keep.OPEN, 2, 0, b"row")])
    recovered = before.recover()
    assert (recovered.head, recovered.frames, dict(recovered.open_rows)) == (None, (b"one",), {})

    after = dies("after", 2)
    after.commit(b"one")
    with pytest.raises(DiedError):
        after.checkpoint(b"head", [("E-1", Keep.OPEN, 2, 0, b"row"), ("E-2", Keep.SETTLED, 6, 0, b"done")])
    recovered = after.recover()
    assert (recovered.head, recovered.frames, dict(recovered.open_rows)) == (b"head", (), {"E-1": b"row"})


def test_frames_before_a_checkpoint_are_let_go_unless_the_log_is_kept() -> None:
    """The simulator's journal holds what recovery needs; one that keeps its log tells of everything."""
    for keep_log, expected in ((False, [b"two E-1"]), (True, [b"one E-1", b"two E-1"])):
        journal = MemoryJournal(keep_log=keep_log)
        journal.commit(b"one E-1")
        journal.checkpoint(b"head", [])
        journal.commit(b"two E-1")
        assert list(journal.frames_about("E-1")) == expected
        assert journal.verify() == len(expected)


def test_what_comes_back_to_the_shelf_stands_on_it_once() -> None:
    """A row that was taken from the shelf is gone from it, and stands once at its place when it comes back."""
    journal = MemoryJournal()
    journal.checkpoint(b"1", [(f"E-{at}", Keep.SHELVED, 2, at, b"%d" % at) for at in (3, 1, 4, 2)])
    journal.checkpoint(b"2", [("E-2", Keep.OPEN, 2, 2, b"2")])
    assert list(journal.shelf(0, 10)) == [b"1", b"3", b"4"]
    journal.checkpoint(b"3", [("E-2", Keep.SHELVED, 2, 2, b"2")])
    assert list(journal.shelf(0, 10)) == [b"1", b"2", b"3", b"4"]


def test_the_chain_covers_every_frame_and_survives_checkpoints() -> None:
    """The chain head is the hash over all frames ever committed, in order; dropping old frames keeps it."""
    journal = MemoryJournal()
    expected = GENESIS
    for frame in (b"one", b"two", b"three"):
        journal.commit(frame)
        expected = sha256(expected.encode() + frame).hexdigest()
        journal.checkpoint(b"head", [])
    assert journal.chain == expected
    swapped = MemoryJournal()
    for frame in (b"two", b"one", b"three"):
        swapped.commit(frame)
    assert swapped.chain != expected
