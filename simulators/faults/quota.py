"""Throttling that is not our own doing: somebody else has used the quota up, or the vendor counts by load.

Vendors differ in whether they say how long to wait: seconds (Dynamics 365, Harvest), nothing (NetSuite, Workday,
Kantata), or a zero (documented and second-hand; the zero is assumed from clients that had to guard against it).
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from simulators.faults.bases import HOUR_MS, MINUTE_MS, AccountFault, CallFault, Mark, Ms, Room
from simulators.faults.moves import AnswerInstead, EatQuota, Move
from simulators.faults.verdicts import PASS, CallNote, Refuse, Verdict
from simulators.faults.wall_time import At, Month

RetryAfter = Literal["seconds", "absent", "zero", "huge", "past", "garbage"]
STYLES: tuple[RetryAfter, ...] = ("seconds", "absent", "zero", "huge", "past", "garbage")
TEXTS: dict[RetryAfter, str | None] = {
    "absent": None,
    "zero": "0",
    "huge": "86400000",
    "past": "Thu, 01 Jan 2015 00:00:00 GMT",
    "garbage": "soon",
}
"""What stands in Retry-After where it is not a sensible number: "huge" is a day in milliseconds, taken for seconds."""


class Throttling(CallFault):
    """429 in front of the system (q1), with Retry-After in `seconds`, without one, or with one of no use.

    Definite: no row was seen.
    """

    kind: Literal["throttling"] = "throttling"
    retry_after: RetryAfter = "seconds"
    seconds: Annotated[int, Field(ge=1, le=3_600)] = 5
    healing: ClassVar[str] = "The wait it asks for, or a back-off of our own where it asks for none or for zero."
    mark: ClassVar[Mark] = Mark("t", "#17becf")
    breaks_nothing: ClassVar[str] = "S10: no call before the wait is over, and no storm after a zero. S7."

    def verdict(self, call: CallNote, now_ms: int, seed: int) -> Verdict:
        if not self.strikes(call, seed):
            return PASS
        text = str(self.seconds) if self.retry_after == "seconds" else TEXTS[self.retry_after]
        return Refuse(429, text, b'{"error":"throttled"}')

    @classmethod
    def drawn(cls, room: Room) -> Self:
        style = STYLES[room.number(0, len(STYLES) - 1, "throttling", "retry_after")]
        seconds = room.number(1, 60, "throttling", "seconds")
        # One that asks for a day is rarer: each costs the account the longest rest there is.
        most = 10_000 if style == "huge" else 150_000
        return cls(ppm=room.ppm(5_000, most, "throttling"), retry_after=style, seconds=seconds)


class ConcurrencyCap(CallFault):
    """Too many calls at once, said with status 400 and a code (q2): NetSuite's, at second hand.

    Definite: no row was seen. Whoever takes a 400 for a bad row parks good rows.
    """

    kind: Literal["concurrency_cap"] = "concurrency_cap"
    systems: tuple[str, ...] = ("erp",)
    healing: ClassVar[str] = "A back-off of our own, for it names no time to wait."
    mark: ClassVar[Mark] = Mark("ü", "#6baed6")
    breaks_nothing: ClassVar[str] = "S8x and S10: a limit is no fault of a row, whatever status it comes with. S7."

    def verdict(self, call: CallNote, now_ms: int, seed: int) -> Verdict:
        if not self.strikes(call, seed):
            return PASS
        return Refuse(400, None, b'{"error":{"code":"SSS_REQUEST_LIMIT_EXCEEDED"}}')

    @classmethod
    def drawn(cls, room: Room) -> Self:
        return cls(ppm=room.ppm(5_000, 150_000, "concurrency_cap"))


class DailyQuota(AccountFault):
    """The calls of the day are used up in the middle of a run (q3): 429 to every call until the count starts anew.

    `tells`: whether Retry-After names that instant. It may lie further off than the longest rest that we grant anybody.
    """

    kind: Literal["daily_quota"] = "daily_quota"
    at: At = "16:00"
    resets_after_ms: Ms = 4 * HOUR_MS
    tells: bool = True
    healing: ClassVar[str] = "The count starts anew; the first call after the rest is served."
    mark: ClassVar[Mark] = Mark("đ", "#9ecae1")
    breaks_nothing: ClassVar[str] = "S10: no call before the wait is over, and rare ones where none is named. S7, L3."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        calls = ("post", "look_up", "tell", "recount", "fetch")
        return [
            AnswerInstead(
                at_ms, self.kind, at_ms + self.resets_after_ms, self.system, account, 429, calls, tells=self.tells
            )
            for account, at_ms in self.onsets(month)
        ]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "daily_quota"
        return cls(
            day=room.day(kind),
            at=room.at(kind),
            resets_after_ms=room.number(10, 480, kind, "resets") * MINUTE_MS,
            tells=room.number(0, 1, kind, "tells") == 1,
        )


class SharedQuota(AccountFault):
    """Another integration uses the same quota (q4): for a while only `left` calls of each window are ours."""

    kind: Literal["shared_quota"] = "shared_quota"
    system: Literal["erp"] = "erp"
    at: At = "15:00"
    lasts_ms: Ms = 2 * HOUR_MS
    left: Annotated[int, Field(ge=1, le=10_000)] = 1
    healing: ClassVar[str] = "The other one is done."
    mark: ClassVar[Mark] = Mark("Q", "#c6dbef")
    breaks_nothing: ClassVar[str] = "S10: a 429 that our own count did not expect is honoured all the same. S7, L3."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        return [
            EatQuota(at_ms, self.kind, at_ms + self.lasts_ms, self.system, account, self.left)
            for account, at_ms in self.onsets(month)
        ]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "shared_quota"
        return cls(
            day=room.day(kind),
            at=room.at(kind),
            lasts_ms=room.number(15, 360, kind, "lasts") * MINUTE_MS,
            left=room.number(1, 3, kind, "left"),
        )
