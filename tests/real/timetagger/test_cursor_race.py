"""What TimeTagger's documented cursor loses, against the real server: and that we do not, and find it where we did."""

import asyncio
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from runtime.approvals.book import Book
from runtime.approvals.reader import Reader, Recounted
from runtime.approvals.settings import ApprovalSettings
from runtime.drivers.clock import Clock
from runtime.drivers.over_http import HttpTransport
from scenarios.real.timetagger import TimeTagger, Tracked

ROWS = 2_000
"""In one put: it takes 0.2 s (measured), and hundreds of readings fall in between."""
ROUNDS = 6
"""Puts, until one of them is lost (measured: five of six of them are)."""
DAY = date(2026, 11, 16)
NINE_S = 1_794_816_000
"""9 o'clock in Berlin on that day."""


async def put_while_read(tracker: TimeTagger, reader: Reader, user: str, rows: list[Tracked]) -> None:
    """Put these rows, and read over and over meanwhile; then once more."""
    putting = asyncio.create_task(asyncio.to_thread(tracker.user(user).put, rows))
    while not putting.done():
        await reader.read_all()
        await asyncio.sleep(0.002)
    await putting
    await reader.read_all()


def rows_of(number: int) -> list[Tracked]:
    """The rows of one put."""
    return [Tracked(f"r{number}-{row}", NINE_S, NINE_S + 900, f"row {row} #alpine") for row in range(ROWS)]


async def raced(tracker: TimeTagger, settings: ApprovalSettings, user: str) -> tuple[int, int, Recounted, int]:
    """(put, read, what a recount found, known after it), where puts go on until one was lost, or for all rounds."""
    book = Book(settings)
    transport = HttpTransport(tracker.url, 4)
    reader = Reader(settings, book, transport, Clock())
    put = 0
    try:
        await reader.read_all()
        for number in range(ROUNDS):
            await put_while_read(tracker, reader, user, rows_of(number))
            put += ROWS
            if len(book.lines) < put:
                break
        read = len(book.lines)
        found = await reader.recount(DAY, DAY)
        return put, read, found, len(book.lines)
    finally:
        await transport.close()


def test_without_an_overlap_the_cursor_loses_rows_and_a_recount_repairs_it(
    tracker: TimeTagger, user_name: str, settings_for: Callable[..., Any]
) -> None:
    """Asked as its documentation says, TimeTagger hides a put that was going on; a recount finds every row of it."""
    settings = settings_for(user_name, overlap_ms=0)

    put, read, found, known = asyncio.run(raced(tracker, settings, user_name))

    assert read < put, "the race was not met: then this test proves nothing"
    assert sum(map(len, found.lost.values())) == put - read
    assert found.not_reached == []
    assert known == put


def test_with_an_overlap_nothing_is_lost(tracker: TimeTagger, user_name: str, settings_for: Callable[..., Any]) -> None:
    """The same puts and readings with an overlap that is longer than a put: nothing is missing, nothing is double."""
    settings = settings_for(user_name, overlap_ms=30_000)

    put, read, found, known = asyncio.run(raced(tracker, settings, user_name))

    assert put == ROUNDS * ROWS
    assert read == put == known
    assert found.lost == {}
    assert found.changed == 0


@pytest.mark.parametrize("overlap_ms", [0, 30_000])
def test_a_recount_that_finds_nothing_says_so(
    tracker: TimeTagger, user_name: str, settings_for: Callable[..., Any], overlap_ms: int
) -> None:
    """What was put while nobody read is read, whatever the overlap, and a recount has nothing to add."""
    settings = settings_for(user_name, overlap_ms=overlap_ms)
    user = tracker.user(user_name)

    async def go() -> tuple[int, Recounted]:
        book = Book(settings)
        transport = HttpTransport(tracker.url, 4)
        try:
            reader = Reader(settings, book, transport, Clock())
            user.put(rows_of(0))
            await reader.read_all()
            return len(book.lines), await reader.recount(DAY, DAY)
        finally:
            await transport.close()

    read, found = asyncio.run(go())

    assert read == found.records == ROWS
    assert (found.changed, found.lost) == (0, {})
