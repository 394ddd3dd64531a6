"""Reads a tracker for everybody configured, over and over, and recounts it; what is new goes into the book.

    every poll_every_ms      updates since the last reading, less the overlap      for each user
    every recount_every_ms   the records of the last recount_days                  for each user
    when a person asks       the records of these days, at the end of a period

Rule 1. Nothing is decided here: what a record means, the book says; what is new, the capture.
Rule 2. One reading of a user at a time, and so many users at once as are configured.
Rule 3. Who cannot be read is counted and read again at the next turn; the others go on. A recount names whom it did
        not reach, because a period is not counted while somebody is missing.
Rule 4. A token that is not taken any more is asked for anew, once for a call.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta

import msgspec

from runtime.approvals.book import Book
from runtime.approvals.capture import Capture, Heard
from runtime.approvals.settings import DAY_MS, ApprovalSettings
from runtime.connectors.psa.timetagger import (
    TrackedRecord,
    UnreadableAnswerError,
    Updates,
    ask_records,
    ask_token,
    ask_updates,
    read_records,
    read_token,
    read_updates,
)
from runtime.drivers.clock import Clock
from runtime.ports import Request, Response, Transport

log = logging.getLogger("springtide.approvals")
_DAY_S = DAY_MS // 1_000
_REFUSED = (401, 403)
NO_ANSWER = Response(0, {}, b"nobody answered")


class Recounted(msgspec.Struct):
    """What a recount found: how much there is, what the cursor had lost, and whom it did not reach."""

    users: int = 0
    records: int = 0
    changed: int = 0
    """Records that were not known as the tracker has them; now they are."""
    lost: dict[str, list[str]] = {}
    """User to the keys that no later reading would have brought."""
    not_reached: list[str] = []


class Reader:
    """The tracker, read for one book."""

    def __init__(self, settings: ApprovalSettings, book: Book, transport: Transport, clock: Clock) -> None:
        self._settings = settings
        self._tracker = settings.tracker
        self._book = book
        self._transport = transport
        self._clock = clock
        overlap_us = settings.tracker.overlap_ms * 1_000
        self._captures = {user: Capture(overlap_us) for user in settings.people}
        self._locks = {user: asyncio.Lock() for user in settings.people}
        self._tokens: dict[str, str] = {}
        self._at_once = asyncio.Semaphore(settings.tracker.calls_at_once)
        self.unread: set[str] = set(settings.people)
        """Who was not read in the last turn."""
        self.last_turn_ms: int | None = None
        self.lost = 0
        """Records that recounts have found and the cursor had lost, since the start."""

    async def run(self) -> None:
        """Read for ever."""
        next_recount_ms = self._clock.mono_ms() + self._tracker.recount_every_ms
        while True:
            began_ms = self._clock.mono_ms()
            await self.read_all()
            if began_ms >= next_recount_ms:
                next_recount_ms = began_ms + self._tracker.recount_every_ms
                today = datetime.fromtimestamp(self._clock.wall_ms() // 1_000, UTC).date()
                await self.recount(today - timedelta(days=self._tracker.recount_days), today + timedelta(days=1))
            rest_ms = began_ms + self._tracker.poll_every_ms - self._clock.mono_ms()
            await asyncio.sleep(max(0, rest_ms) / 1_000)

    async def read_all(self) -> None:
        """One turn: everybody, once."""
        before = frozenset(self.unread)
        await asyncio.gather(*(self._reach(user, self._read) for user in self._captures))
        self.last_turn_ms = self._clock.wall_ms()
        if self.unread and self.unread != before:
            log.warning("people could not be read", extra={"count": len(self.unread)})

    async def recount(self, from_day: date, until_day: date) -> Recounted:
        """Compare everything that touches these days (inclusive, in any zone) with what is known."""
        # A day begins up to 14 hours before its midnight UTC somewhere, and ends up to 12 hours after it.
        from_s = _midnight_s(from_day) - _DAY_S
        until_s = _midnight_s(until_day) + 2 * _DAY_S
        found = Recounted(users=len(self._captures))

        async def one(user: str) -> None:
            heard, records = await self._recount(user, from_s, until_s)
            found.records += records
            found.changed += len(heard.changed) + len(heard.vanished)
            if heard.lost:
                found.lost[user] = list(heard.lost)

        reached = await asyncio.gather(*(self._reach(user, one) for user in self._captures))
        found.not_reached = sorted(user for user, well in zip(self._captures, reached, strict=True) if not well)
        found.lost = dict(sorted(found.lost.items()))
        lost = sum(map(len, found.lost.values()))
        self.lost += lost
        if lost:
            log.warning("a recount found what the cursor had lost", extra={"count": lost})
        return found

    # ---------------------------------------------------------------- one user

    async def _reach(self, user: str, ask: Callable[[str], Awaitable[object]]) -> bool:
        """Ask about one user; whether it went well (rule 3)."""
        async with self._at_once, self._locks[user]:
            try:
                await ask(user)
            except UnreadableAnswerError as fault:
                if user not in self.unread:
                    log.warning("a user cannot be read", extra={"status": fault.status})
                self.unread.add(user)
                return False
            self.unread.discard(user)
            return True

    async def _read(self, user: str) -> None:
        capture = self._captures[user]
        since_us = capture.since_us()
        self._take(user, capture.hear(await self._updates(user, since_us), since_us))

    async def _recount(self, user: str, from_s: int, until_s: int) -> tuple[Heard, int]:
        """What the recount of one user changed, and how many records there are."""
        capture = self._captures[user]
        if not capture.cursor_us:
            await self._read(user)
        listed = await self._records(user, from_s, until_s)
        heard = capture.recount(from_s, until_s, listed)
        self._take(user, heard)
        if heard.unlisted:
            every = capture.hear(await self._updates(user, 0), 0)
            self._take(user, every)
            lost = tuple(sorted({*heard.lost, *every.lost}))
            heard = Heard((*heard.changed, *every.changed), every.vanished, lost)
        return heard, len(listed)

    def _take(self, user: str, heard: Heard) -> None:
        self._book.capture(user, heard.changed, heard.vanished)

    # ---------------------------------------------------------------- the wire

    async def _updates(self, user: str, since_us: int) -> Updates:
        return read_updates(await self._ask(user, lambda token: ask_updates(token, since_us)))

    async def _records(self, user: str, from_s: int, until_s: int) -> tuple[TrackedRecord, ...]:
        return read_records(await self._ask(user, lambda token: ask_records(token, from_s, until_s)))

    async def _ask(self, user: str, request: Callable[[str], Request]) -> Response:
        for _ in range(2):
            if user not in self._tokens:
                self._tokens[user] = read_token(await self._send(ask_token(user, self._tracker.proxy_header)))
            response = await self._send(request(self._tokens[user]))
            if response.status not in _REFUSED:
                break
            del self._tokens[user]
        return response

    async def _send(self, request: Request) -> Response:
        response = await self._transport.send(request, self._tracker.call_deadline_ms / 1_000)
        return NO_ANSWER if response is None else response


def _midnight_s(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
