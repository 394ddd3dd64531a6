"""Clocks of machines that are wrong: all the time, suddenly, to and fro, or too slow for a lease.

The runtime keeps two: a wall clock that never goes back, for what is written down, and a monotonic one for time-outs
and leases. A wall clock that is set forward shortens every wait that was written down, also the one for a late
landing (D4): an ERP that honours keys absorbs that, for one without keys clocks must not be set by more than
`call_deadline_ms`.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from simulators.faults.bases import HOUR_MS, MINUTE_MS, ChanceFault, EntityFault, Mark, Ms, Room
from simulators.faults.moves import Move, SetClock, SkewClocks, SlowLeaseClock, StopProcess
from simulators.faults.wall_time import Month

AWAY_MS = Annotated[int, Field(ge=-24 * HOUR_MS, le=24 * HOUR_MS)]
LEASE_MS = 15_000
"""The runtime's default."""


class ClockSkew(EntityFault):
    """Every machine has a clock of its own, a little wrong (c1); a successor's may be behind its predecessor's."""

    kind: Literal["clock_skew"] = "clock_skew"
    most_ms: Ms = 5_000
    healing: ClassVar[str] = "It stays; a new process takes the latest instant of the journal for the present."
    mark: ClassVar[Mark] = Mark("γ", "#3182bd")
    breaks_nothing: ClassVar[str] = "S3, S5 and S7: time in a journal never goes back."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        codes = [entity.code for entity in month.entities if not self.entities or entity.code in self.entities]
        return [SkewClocks(month.start_ms, self.kind, code, self.most_ms) for code in codes]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        return cls(most_ms=room.number(50, 5_000, "clock_skew", "most"))


class ClockStep(EntityFault):
    """The machine's clock is set forward or back (c2), and set right some time later."""

    kind: Literal["clock_step"] = "clock_step"
    by_ms: AWAY_MS = -HOUR_MS
    lasts_ms: Ms = 6 * HOUR_MS
    healing: ClassVar[str] = "It is set right; the wall clock of a process never went back."
    mark: ClassVar[Mark] = Mark("χ", "#6baed6")
    breaks_nothing: ClassVar[str] = "S3, S7, S11 and S12: no lease or time-out hangs on it. L2."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        moves: list[Move] = []
        for entity, at_ms in self.onsets(month):
            moves.append(SetClock(at_ms, self.kind, entity, self.by_ms))
            moves.append(SetClock(at_ms + self.lasts_ms, self.kind, entity, 0, heals=True))
        return moves

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "clock_step"
        sign = 1 if room.number(0, 1, kind, "way") else -1
        return cls(
            by_ms=sign * room.number(1, 120, kind, "by") * MINUTE_MS,
            day=room.day(kind),
            at=room.at(kind),
            lasts_ms=room.number(5, 360, kind, "lasts") * MINUTE_MS,
        )


class ClockStrobe(EntityFault):
    """The machine's clock jumps to and fro (c3), between the true time and `by_ms` ahead of it."""

    kind: Literal["clock_strobe"] = "clock_strobe"
    by_ms: Annotated[int, Field(ge=1, le=60_000)] = 4_000
    every_ms: Annotated[int, Field(ge=1_000)] = 20_000
    lasts_ms: Ms = 20 * MINUTE_MS
    healing: ClassVar[str] = "It is set right."
    mark: ClassVar[Mark] = Mark("κ", "#9ecae1")
    breaks_nothing: ClassVar[str] = "S3, S7 and S11: time in a journal never goes back. L2."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        moves: list[Move] = []
        for entity, at_ms in self.onsets(month):
            for since_ms in range(0, self.lasts_ms, 2 * self.every_ms):
                moves.append(SetClock(at_ms + since_ms, self.kind, entity, self.by_ms))
                moves.append(SetClock(at_ms + since_ms + self.every_ms, self.kind, entity, 0, heals=True))
        return moves

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "clock_strobe"
        return cls(
            by_ms=room.number(100, 4_000, kind, "by"),
            every_ms=room.number(5, 60, kind, "every") * 1_000,
            day=room.day(kind),
            at=room.at(kind),
            lasts_ms=room.number(5, 30, kind, "lasts") * MINUTE_MS,
        )


class SlowLease(ChanceFault):
    """The monotonic clock by which an owner looks at its lease is slower than the store's (c8).

    It shows in stops of about the length of a lease. Legitimate while lease x drift stays below the margin (3 s of 15).
    """

    kind: Literal["slow_lease"] = "slow_lease"
    slow_ppm: Annotated[int, Field(ge=0, le=150_000)] = 100_000
    healing: ClassVar[str] = "The margin covers it: the owner stops sending before the store gives the name away."
    mark: ClassVar[Mark] = Mark("λ", "#c6dbef")
    breaks_nothing: ClassVar[str] = "S11: nobody sends on a lease that is over."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        onsets = list(self.onsets(month, seed))
        slow = dict.fromkeys(entity for entity, _ in onsets)
        return [
            *(SlowLeaseClock(month.start_ms, self.kind, entity, self.slow_ppm) for entity in slow),
            *(
                StopProcess(
                    at_ms, self.kind, entity, self.size(LEASE_MS - 5_000, LEASE_MS + 5_000, seed, entity, at_ms)
                )
                for entity, at_ms in onsets
            ),
        ]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "slow_lease"
        return cls(
            ppm=room.ppm(50_000, 400_000, kind),
            draws=room.number(1, 2, kind, "draws"),
            slow_ppm=room.number(1_000, 150_000, kind, "slow"),
        )
