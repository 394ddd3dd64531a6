"""Finance closes a period while rows are on their way into it and perhaps opens it again."""

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from simulators.faults.bases import HOUR_MS, MINUTE_MS, Mark, Ms, Room, TimedFault
from simulators.faults.moves import Move, MovePeriod
from simulators.faults.wall_time import At, Day, Month


class PeriodClosingMidBatch(TimedFault):
    """The ERP's period of the scenario's month closes with rows in flight (e4), and our feed gate does not know.

    It re-opens after `reopens_after_ms` (e5), or never (None), and closes again `closes_again_after_ms` later, or
    stays open (None). `module` empty: every module. The period is the one that holds the month's last day. Read on
    each entity's own clock.
    """

    kind: Literal["period_closing_mid_batch"] = "period_closing_mid_batch"
    entities: tuple[str, ...] = ()
    module: str = ""
    day: Day = "last"
    at: At = "17:30"
    status: Literal["on_hold", "closed", "permanently_closed"] = "closed"
    reopens_after_ms: Ms | None = HOUR_MS
    closes_again_after_ms: Ms | None = None
    healing: ClassVar[str] = "Finance re-opens the period; else the rows move to the next open one, with the reason."
    mark: ClassVar[Mark] = Mark("P", "#c49c94")
    breaks_nothing: ClassVar[str] = "S3: no line in a closed period, none in one that was never opened. S5, S7, S8x."

    @model_validator(mode="after")
    def _for_good(self) -> Self:
        if self.status == "permanently_closed" and self.reopens_after_ms is not None:
            raise ValueError(
                "period_closing_mid_batch: what is permanently_closed has no reopens_after_ms (set it to null)"
            )
        if self.closes_again_after_ms is not None and self.reopens_after_ms is None:
            raise ValueError("period_closing_mid_batch: what never re-opens has no closes_again_after_ms")
        return self

    def schedule(self, month: Month, seed: int) -> list[Move]:
        moves: list[Move] = []
        for entity in month.entities:
            if self.entities and entity.code not in self.entities:
                continue
            for at_ms in month.instants(self.day, self.at, entity.zone):
                for period in month.periods:
                    if period.entity != entity.code or not period.first_day <= month.month_last <= period.last_day:
                        continue
                    if self.module and period.module != self.module:
                        continue
                    where = (entity.code, period.module, period.name)
                    moves.append(MovePeriod(at_ms, self.kind, *where, self.status, None))
                    if self.reopens_after_ms is not None:
                        until_ms = at_ms + self.reopens_after_ms
                        moves.append(MovePeriod(until_ms, self.kind, *where, "open", None, heals=True))
                        if self.closes_again_after_ms is not None:
                            again_ms = until_ms + self.closes_again_after_ms
                            moves.append(MovePeriod(again_ms, self.kind, *where, self.status, None))
        return moves

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "period_closing_mid_batch"
        again = room.number(0, 3, kind, "again") == 0
        statuses: tuple[Literal["on_hold"], Literal["closed"]] = ("on_hold", "closed")
        return cls(
            day=room.day(kind),
            at=room.at(kind, 9, 19),
            # A hold that nobody ever ends would leave rows waiting; what is closed moves them on.
            status="closed" if again else statuses[room.number(0, 1, kind, "status")],
            reopens_after_ms=room.number(20, 240, kind, "reopens") * MINUTE_MS,
            closes_again_after_ms=room.number(20, 240, kind, "closes_again") * MINUTE_MS if again else None,
        )
