"""Throttling that is not our own doing: somebody else has used the quota up, or the vendor counts by load.

Vendors differ in whether they say how long to wait: seconds (Dynamics 365, Harvest), nothing (NetSuite, Workday,
Kantata), or a zero (documented and second-hand; the zero is assumed from clients that had to guard against it).
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from simulators.faults.bases import CallFault, Mark, Room
from simulators.faults.verdicts import PASS, CallNote, Refuse, Verdict


class Throttling(CallFault):
    """429 in front of the system, with Retry-After in `seconds`, without one, or with a zero. Definite: no row seen."""

    kind: Literal["throttling"] = "throttling"
    retry_after: Literal["seconds", "absent", "zero"] = "seconds"
    seconds: Annotated[int, Field(ge=1, le=3_600)] = 5
    healing: ClassVar[str] = "The wait it asks for, or a back-off of our own where it asks for none or for zero."
    mark: ClassVar[Mark] = Mark("t", "#17becf")
    breaks_nothing: ClassVar[str] = "S10: no call before the wait is over, and no storm after a zero. S7."

    def verdict(self, call: CallNote, now_ms: int, seed: int) -> Verdict:
        if not self.strikes(call, seed):
            return PASS
        wait_ms = {"seconds": self.seconds * 1_000, "absent": None, "zero": 0}[self.retry_after]
        return Refuse(429, wait_ms, b'{"error":"throttled"}')

    @classmethod
    def drawn(cls, room: Room) -> Self:
        style: Literal["seconds", "absent", "zero"] = ("seconds", "absent", "zero")[
            room.number(0, 2, "throttling", "retry_after")
        ]
        seconds = room.number(1, 60, "throttling", "seconds")
        return cls(ppm=room.ppm(5_000, 150_000, "throttling"), retry_after=style, seconds=seconds)
