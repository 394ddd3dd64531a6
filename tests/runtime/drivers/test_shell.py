"""The shell: receipts for what was taken in, and queued entries that wait on the shelf instead of in memory."""

from typing import Any

from runtime.core.inputs import Pause, Resume
from runtime.core.model import Place
from runtime.core.news import EntryApproved
from runtime.core.partition import Permits
from runtime.drivers.shell import CHECKPOINT_AT_LAST, Shell
from runtime.journal.format import read_entry
from runtime.journal.memory import MemoryJournal
from runtime.ports import Taken
from tests.runtime.core.a_partition import (
    BEGAN_MS,
    MARCH_OPEN,
    PROJECTS,
    RATES,
    USUAL,
    Partition,
    applied,
    approved,
    given,
    keys,
    withdrawn,
)

MANY = 60


def takes(partition: Partition, *news: Any) -> list[str]:
    """What became of each item."""
    return [receipt.taken.value for receipt in partition.shell.take(news, partition.now_ms)]


def test_news_is_accepted_once_and_a_duplicate_for_ever() -> None:
    """The same version again is a duplicate: in one delivery, in a later one, and after it was let go."""
    partition = given()
    assert takes(partition, approved("TS-1"), approved("TS-2"), approved("TS-1")) == [
        "accepted",
        "accepted",
        "duplicate",
    ]
    partition.posts()
    partition.shell.checkpoint()
    partition.crashes()
    assert takes(partition, approved("TS-2"), withdrawn("TS-1", 2), withdrawn("TS-1", 2)) == [
        "duplicate",
        "accepted",
        "duplicate",
    ]


def test_another_content_under_a_known_version_is_refused_and_not_swallowed() -> None:
    """A sender that changes content without a new version is told so; nothing changes."""
    partition = given(approved("TS-1", hours="8"))
    (receipt,) = partition.shell.take((approved("TS-1", hours="4"),), partition.now_ms)
    assert receipt.taken is Taken.REFUSED
    assert "new version" in receipt.reason
    assert partition.entry("TS-1").entry == approved("TS-1").entry


def test_an_older_version_that_was_never_heard_is_accepted() -> None:
    """It is late, not a duplicate: the books count it."""
    partition = given(approved("TS-1", 3))
    assert takes(partition, approved("TS-1", 1), approved("TS-1", 1)) == ["accepted", "duplicate"]
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 3: Place.IN_FLIGHT}


def test_reference_data_that_changes_nothing_is_a_duplicate() -> None:
    """A publication is accepted when it is new, and a duplicate when it is not."""
    partition = given(usual=())
    assert takes(partition, RATES, PROJECTS, MARCH_OPEN, RATES) == ["accepted", "accepted", "accepted", "duplicate"]


def test_a_command_says_whether_it_found_anything_to_do() -> None:
    """Pausing a paused partition does nothing, and says so; who and why stay with it."""
    partition = given()
    assert partition.shell.order(Pause("ann", "ledger check"), partition.now_ms)
    assert not partition.shell.order(Pause("bob", "again"), partition.now_ms)
    assert partition.state.head.paused_by == "ann: ledger check"
    assert partition.shell.order(Resume("ann", "done"), partition.now_ms)


# ------------------------------------------------------------------ the shelf


def month(
    window: int, checkpoint_every: int = 7, crash: bool = False
) -> tuple[list[list[str]], MemoryJournal, Partition]:
    """Many entries queue up, are posted in batches of five, and newer versions come in between."""
    partition = Partition(batch_max=5, linger_ms=0)

    def process() -> None:
        shell = Shell(partition.policy, partition.journal, None, checkpoint_every, window)
        shell.wake_up(partition.now_ms)
        partition.shell = shell

    process()
    partition.hears(*USUAL)
    for number in range(MANY):
        partition.hears(approved(f"TS-{number:02d}"))
        partition.shell.tidy()
    sent: list[list[str]] = []
    for round_ in range(40):
        partition.now_ms += 1_000
        if round_ == 3:
            partition.hears(approved("TS-50", 2, hours="4"), withdrawn("TS-55", 2))
        if crash and round_ % 4 == 1:
            process()
        batches = partition.shell.start(Permits(erp=1), partition.now_ms)
        for batch in batches:
            sent.append(keys(batch))  # type: ignore[arg-type]  # nothing but batches is due here
            partition.hears(applied(batch))  # type: ignore[arg-type]  # likewise
        partition.shell.tidy()
    return sent, partition.journal, partition


def test_a_small_window_changes_nothing_but_memory() -> None:
    """With room for ten entries the same rows are sent in the same order, and the same records are journalled."""
    narrow, narrow_journal, partition = month(window=10)
    wide, wide_journal, _ = month(window=10_000)
    assert narrow == wide
    assert narrow_journal.chain == wide_journal.chain
    assert partition.state.head.books.counts[Place.POSTED] == MANY - 1


def test_queued_entries_beyond_the_window_are_on_the_shelf() -> None:
    """Memory holds the window and what came since the last checkpoint, however long the queue is."""
    partition = Partition(batch_max=5, linger_ms=0)
    shell = Shell(partition.policy, partition.journal, None, 7, 10)
    shell.wake_up(BEGAN_MS)
    shell.turn(USUAL, BEGAN_MS)
    for number in range(MANY):
        shell.take([approved(f"TS-{number:02d}")], BEGAN_MS)
        shell.tidy()
        assert len(shell.state.entries) <= 10 + CHECKPOINT_AT_LAST * 7
    assert shell.shelved + len(shell.state.entries) == MANY


def test_a_crash_finds_the_shelf_as_it_was() -> None:
    """Processes that die again and again post every entry once, in the order of the queue."""
    sent, _, partition = month(window=10, crash=True)
    flat = [key for batch in sent for key in batch]
    assert len(flat) == len(set(flat))
    assert partition.state.head.books.counts[Place.POSTED] == MANY - 1


def test_news_of_an_entry_on_the_shelf_finds_it() -> None:
    """A newer version of a shelved entry takes its place in the line; nothing is sent twice."""
    partition = Partition(batch_max=5, linger_ms=0)
    shell = Shell(partition.policy, partition.journal, None, 1, 10)
    shell.wake_up(BEGAN_MS)
    shell.turn(USUAL, BEGAN_MS)
    shell.take([approved(f"TS-{number:02d}") for number in range(MANY)], BEGAN_MS)
    shell.tidy()
    assert "TS-40" not in shell.state.entries
    news: EntryApproved = approved("TS-40", 2)
    assert [receipt.taken for receipt in shell.take([news, news], BEGAN_MS)] == ["accepted", "duplicate"]
    shell.checkpoint()
    assert read_entry(partition.journal.load(["TS-40"])["TS-40"]).latest == 2
