"""Everybody is read over and over; a recount finds what was lost, and names whom it did not reach."""

import asyncio
from datetime import date
from itertools import count

from runtime.approvals.book import Book
from runtime.approvals.reader import Reader
from runtime.drivers.clock import Clock
from tests.runtime.approvals.a_tracker import NINE_S, ATracker, settings, tracked

DAY = date(2026, 11, 16)
SECOND = 1_000_000


def a_reader(tracker: ATracker, overlap_ms: int = 60_000) -> tuple[Reader, Book]:
    """A reader of Anna and Ben, and its book."""
    given = settings()
    given = given.model_copy(update={"tracker": given.tracker.model_copy(update={"overlap_ms": overlap_ms})})
    book = Book(given)
    return Reader(given, book, tracker, Clock()), book


def names(book: Book) -> list[str]:
    """Lines, without what all names begin with."""
    return sorted(entry_id.removeprefix("timetagger:") for entry_id in book.lines)


def test_everybody_is_read_with_a_token_of_their_own() -> None:
    """Each user is logged in once, and read on from there."""
    tracker = ATracker()
    tracker.put("anna", tracked("a"))
    tracker.put("ben", tracked("b"))
    reader, book = a_reader(tracker)

    async def go() -> None:
        await reader.read_all()
        await reader.read_all()

    asyncio.run(go())

    assert names(book) == ["anna:a", "ben:b"]
    assert tracker.asked.count("/bootstrap_authentication") == 2
    assert tracker.asked.count("/updates") == 4
    assert reader.unread == set()


def test_a_put_that_shows_late_is_lost_without_an_overlap_and_read_with_one() -> None:
    """The race of the documented cursor: the put began before a reading and was committed after it."""
    for overlap_ms, read in ((0, []), (60_000, ["anna:late"])):
        tracker = ATracker()
        reader, book = a_reader(tracker, overlap_ms)

        async def go(tracker: ATracker = tracker, reader: Reader = reader) -> None:
            began_us = tracker.now_us
            tracker.now_us += SECOND
            await reader.read_all()
            tracker.put("anna", tracked("late"), began_us=began_us)
            tracker.now_us += SECOND
            await reader.read_all()

        asyncio.run(go())
        assert names(book) == read

        found = asyncio.run(reader.recount(DAY, DAY))

        assert names(book) == ["anna:late"]
        assert found.lost == ({} if read else {"anna": ["late"]})
        assert reader.lost == len(found.lost)


def test_a_recount_asks_for_everything_where_something_moved_away() -> None:
    """A lost change that moved a record to another week: the list of this week lacks it, so all is read anew."""
    tracker = ATracker()
    tracker.put("anna", tracked("moved"))
    reader, book = a_reader(tracker, overlap_ms=0)

    async def go() -> None:
        began_us = tracker.now_us + SECOND
        tracker.now_us += 2 * SECOND
        await reader.read_all()
        tracker.put("anna", tracked("moved", t1_s=1_795_500_000, st_us=2), began_us=began_us)

    asyncio.run(go())
    found = asyncio.run(reader.recount(DAY, DAY))

    assert found.lost == {"anna": ["moved"]}
    assert [row.work_date for row in book.rows("anna")] == ["2026-11-24"]


def test_who_cannot_be_read_keeps_nobody_else_back() -> None:
    """The others are read; a recount names who is missing, since a period is not counted without them."""
    tracker = ATracker(away=frozenset({"anna"}))
    tracker.put("anna", tracked("a"))
    tracker.put("ben", tracked("b"))
    reader, book = a_reader(tracker)

    asyncio.run(reader.read_all())
    found = asyncio.run(reader.recount(DAY, DAY))

    assert names(book) == ["ben:b"]
    assert reader.unread == {"anna"}
    assert (found.not_reached, found.users, found.records) == (["anna"], 2, 1)

    tracker.away = frozenset()
    asyncio.run(reader.read_all())
    assert names(book) == ["anna:a", "ben:b"]
    assert reader.unread == set()


def test_a_token_that_was_revoked_is_asked_for_anew() -> None:
    """A web token ends after two weeks, or when somebody revokes it; nobody has to restart us for that."""
    tracker = ATracker()
    reader, book = a_reader(tracker)

    async def go() -> None:
        await reader.read_all()
        tracker.revoke()
        tracker.put("anna", tracked("a"))
        await reader.read_all()

    asyncio.run(go())

    assert names(book) == ["anna:a"]
    assert reader.unread == set()
    assert tracker.asked.count("/bootstrap_authentication") == 4


def test_a_reset_of_the_tracker_is_believed() -> None:
    """What it does not have any more after a reset is gone from the lines that wait."""
    tracker = ATracker()
    tracker.put("anna", tracked("a"), tracked("b"))
    reader, book = a_reader(tracker, overlap_ms=0)

    async def go() -> None:
        tracker.now_us += SECOND
        await reader.read_all()
        del tracker.users["anna"]["b"]
        tracker.resets["anna"] = tracker.now_us + SECOND
        tracker.now_us += 2 * SECOND
        await reader.read_all()

    asyncio.run(go())

    assert {row.entry_id[-1]: row.state.value for row in book.rows("anna")} == {"a": "waiting", "b": "gone"}


def test_a_recount_comes_by_itself() -> None:
    """What a reading lost is found although nobody asks: every recount_every_ms the last days are counted again."""
    tracker = ATracker(now_us=NINE_S * SECOND)
    given = settings()
    changed = {"overlap_ms": 0, "poll_every_ms": 100, "recount_every_ms": 5_000, "recount_days": 3}
    given = given.model_copy(update={"tracker": given.tracker.model_copy(update=changed)})
    book = Book(given)
    mono_s = count()
    clock = Clock(wall_ns=lambda: (NINE_S + 86_400) * 1_000_000_000, mono_ns=lambda: next(mono_s) * 1_000_000_000)
    reader = Reader(given, book, tracker, clock)

    async def go() -> None:
        began_us = tracker.now_us
        tracker.now_us += SECOND
        await reader.read_all()
        tracker.put("anna", tracked("late"), began_us=began_us)
        tracker.now_us += SECOND
        reading = asyncio.create_task(reader.run())
        for _ in range(1_000):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    asyncio.run(go())

    assert names(book) == ["anna:late"]
    assert reader.lost == 1
