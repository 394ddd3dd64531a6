"""The memory journal: what a disk would still hold after the process died."""

from hashlib import sha256

import pytest

from runtime.journal.memory import GENESIS, MemoryJournal


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
        before.checkpoint(b"head", [("E-1", True, 2, b"row")])
    recovered = before.recover()
    assert (recovered.head, recovered.frames, dict(recovered.open_rows)) == (None, (b"one",), {})

    after = dies("after", 2)
    after.commit(b"one")
    with pytest.raises(DiedError):
        after.checkpoint(b"head", [("E-1", True, 2, b"row"), ("E-2", False, 6, b"done")])
    recovered = after.recover()
    assert (recovered.head, recovered.frames, dict(recovered.open_rows)) == (b"head", (), {"E-1": b"row"})


def test_settled_rows_are_loaded_by_id() -> None:
    """A row that is no longer open is not recovered, but found by its id, with the versions heard of it."""
    journal = MemoryJournal()
    journal.checkpoint(b"head", [("E-1", True, 2, b"open"), ("E-2", False, 6, b"done")])
    assert journal.load(["E-2", "E-9"]) == {"E-2": b"done"}
    assert journal.seen(["E-1", "E-2", "E-9"]) == {"E-1": 2, "E-2": 6}
    assert sorted(journal.known()) == ["E-1", "E-2"]


def test_a_row_that_settles_leaves_the_open_ones() -> None:
    """A later checkpoint replaces a row and its openness."""
    journal = MemoryJournal()
    journal.checkpoint(b"1", [("E-1", True, 2, b"open")])
    journal.checkpoint(b"2", [("E-1", False, 2, b"done")])
    assert dict(journal.recover().open_rows) == {}
    assert journal.load(["E-1"]) == {"E-1": b"done"}


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
