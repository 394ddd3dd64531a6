"""The ERP is open and does not do what it should: it has no numbers left, or reads from a copy that is behind.

Lengths are assumed. A window is read on each account's own clock.
"""

from typing import ClassVar, Literal, Self

from simulators.faults.bases import HOUR_MS, MINUTE_MS, AccountFault, Mark, Ms, Room
from simulators.faults.moves import ExhaustNumbers, LagReads, Move
from simulators.faults.wall_time import At, Month


class NumberRangeExhausted(AccountFault):
    """No document number is left (e7): every new row is refused, and so is every staged row that comes to its turn."""

    kind: Literal["number_range_exhausted"] = "number_range_exhausted"
    system: Literal["erp"] = "erp"
    at: At = "17:00"
    lasts_ms: Ms = HOUR_MS
    healing: ClassVar[str] = "Somebody extends the range; rested rows go again, each under a new intent."
    mark: ClassVar[Mark] = Mark("N", "#8ca252")
    breaks_nothing: ClassVar[str] = "S2, S8x and S10: a definite no that passes, without a storm. L1."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        return [
            ExhaustNumbers(at_ms, self.kind, at_ms + self.lasts_ms, account) for account, at_ms in self.onsets(month)
        ]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "number_range_exhausted"
        lasts_ms = room.number(5, 120, kind, "lasts") * MINUTE_MS
        return cls(day=room.day(kind), at=room.at(kind, 9, 21), lasts_ms=lasts_ms)


class LaggingReads(AccountFault):
    """Look-ups read from a copy that is behind (e8): what came to stand in the window shows only `lag_ms` later.

    The connector declares this worst lag, as it must (`lookup_lag_ms`); outside of the window it is shorter.
    """

    kind: Literal["lagging_reads"] = "lagging_reads"
    system: Literal["erp"] = "erp"
    at: At = "16:00"
    lasts_ms: Ms = 4 * HOUR_MS
    lag_ms: Ms = 15 * MINUTE_MS
    healing: ClassVar[str] = "The copy catches up; whoever asks no earlier than the declared lag sees all."
    mark: ClassVar[Mark] = Mark("h", "#b5cf6b")
    breaks_nothing: ClassVar[str] = "S1: 'not there' is true only of what is older than the lag. S2, S14."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        return [
            LagReads(at_ms, self.kind, at_ms + self.lasts_ms, account, self.lag_ms)
            for account, at_ms in self.onsets(month)
        ]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "lagging_reads"
        return cls(
            day=room.day(kind),
            at=room.at(kind, 9, 21),
            lasts_ms=room.number(30, 480, kind, "lasts") * MINUTE_MS,
            lag_ms=room.number(1_000, 20 * MINUTE_MS, kind, "lag"),
        )
