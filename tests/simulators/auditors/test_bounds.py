"""S18: what is in memory stays under its limits."""

from dataclasses import replace

import pytest

from tests.simulators.auditors.books import Books, at

NOTHING = dict.fromkeys(
    ("entries", "in line", "touched", "untold", "telling", "resting", "asked about", "parked", "sent", "calls"), 0
)


def holding(counts: dict[str, int], **memory: int) -> list[str]:
    """What is violated when a partition with a window of 10 and a checkpoint every 4 holds so much."""
    books = Books()
    books.allowances = replace(books.allowances, memory_window=10, checkpoint_every=4, batch_max=2, calls_max=8)
    named = {name.replace("_", " "): number for name, number in memory.items()}
    books.checkpoint(at(20), **(counts or {"posted": 3})).memory = {**NOTHING, **named}
    return books.violated()


def test_a_line_longer_than_the_window_is_found():
    """S18: the window, what came since the last checkpoint and what was taken from the shelf; no entry more."""
    assert holding({"in_flight": 18}, in_line=18, entries=18, touched=3) == []
    assert holding({"in_flight": 19}, in_line=19, entries=19, touched=3) == ["S18"]


def test_entries_that_are_settled_and_stay_are_found():
    """S18: in memory is what is unfinished, what the PSA has to hear, and what was touched since the checkpoint."""
    assert holding({"parked": 2, "posted": 9}, parked=2, entries=6, touched=2, untold=1, telling=1) == []
    assert holding({"parked": 2, "posted": 9}, parked=2, entries=7, touched=2, untold=1, telling=1) == ["S18"]


def test_a_parked_entry_without_a_version_is_unfinished():
    """S18: taken back before its approval was heard, with a person's line in the ledger: one entry, in no place yet."""
    assert holding({"posted": 9}, parked=1, entries=1) == []
    assert holding({"posted": 9}, entries=1) == ["S18"]


@pytest.mark.parametrize(("what", "most"), [("touched", 2_016), ("calls", 12)])
def test_a_limit_of_its_own(what: str, most: int):
    """S18: touched entries and calls at once have limits, and reaching them is fair."""
    assert holding({}, **{what: most}) == []
    assert holding({}, **{what: most + 1}) == ["S18"]


def test_a_limit_that_stays_broken_is_one_finding():
    """S18: a leak is found once, not at every checkpoint."""
    books = Books()
    for hour in (12, 18):
        books.checkpoint(at(20, hour), posted=3).memory = {**NOTHING, "entries": 5}
    assert books.audit()["S18"].violations == 1
