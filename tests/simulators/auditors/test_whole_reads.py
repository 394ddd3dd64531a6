"""L5: every read of the source's list covers its window."""

import pytest

from simulators.auditors.allowances import Allowances
from simulators.evidence import ListingRead
from tests.simulators.auditors.books import HOUR_MS, Books

OVERLAP_MS = 1_000


def books(*reads: tuple[int, int, str, str], **more: int) -> Books:
    """Books whose source showed these pages: (at, since, page, next page)."""
    made = Books()
    made.evidence.reads = [ListingRead(*read) for read in reads]
    made.allowances = Allowances(overlap_ms=OVERLAP_MS, **more)
    return made


def test_reads_that_reach_back_behind_each_other_are_whole() -> None:
    """Each begins an overlap before the begin of the one before, and the last page names no next."""
    held = books((10_000, 0, "", ""), (20_000, 9_000, "", "a"), (20_500, 9_000, "a", ""), (30_000, 19_000, "", ""))

    assert "L5" not in held.violated()


@pytest.mark.parametrize(
    ("since_ms", "gap"),
    [(9_001, True), (10_000, True), (9_000, False), (0, False)],
)
def test_a_read_that_leaves_a_gap_is_found(since_ms: int, gap: bool) -> None:
    """The next read reaches back to an overlap behind the begin of the last whole one, not a millisecond less."""
    held = books((10_000, 0, "", ""), (20_000, since_ms, "", ""))

    assert ("L5" in held.violated()) is gap


def test_a_short_page_is_not_the_end() -> None:
    """A read that stopped where a page named a next one covers nothing."""
    held = books((10_000, 0, "", ""), (20_000, 9_000, "", "a"), (30_000, 19_000, "", ""))

    assert "L5" in held.violated()
    assert "leaves out 10 s that no read before it covered" in held.first("L5")


def test_a_read_that_was_broken_off_and_begun_anew_is_fine() -> None:
    """Whoever starts again from where the broken read had started leaves nothing out."""
    held = books((10_000, 0, "", ""), (20_000, 9_000, "", "a"), (25_000, 9_000, "", ""), (30_000, 24_000, "", ""))

    assert "L5" not in held.violated()


def test_a_page_that_lands_late_covers_what_its_own_read_covered() -> None:
    """A late copy of the last page of an old read does not stand for a new one."""
    held = books((10_000, 0, "", "a"), (20_000, 0, "", ""), (21_000, 0, "a", ""), (30_000, 19_000, "", ""))

    assert "L5" not in held.violated()


def test_reads_that_stopped_are_overdue() -> None:
    """No whole read in the last part of the run is a finding, and so is none that reached back to the first day."""
    last = (HOUR_MS, 0, "", "")

    assert "L5" not in books(last, read_after_ms=HOUR_MS, full_read_after_ms=HOUR_MS).violated()
    assert "no read of the list" in books(last, read_after_ms=HOUR_MS + 1).first("L5")
    assert "no full read of the list" in books(last, (2 * HOUR_MS, 9, "", ""), full_read_after_ms=HOUR_MS + 1).first(
        "L5"
    )
    assert "L5" in books(read_after_ms=1).violated()
