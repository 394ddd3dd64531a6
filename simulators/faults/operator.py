"""People at the runtime: they stop it, feed it the past again, configure it wrongly, and work what is parked."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from simulators.faults.bases import HOUR_MS, MINUTE_MS, Mark, Ms, Ppm, Room, TimedFault
from simulators.faults.moves import Backfill, Configure, Move, PausePartition, ResumePartition, WorkParked
from simulators.faults.wall_time import At, Day, Month

DAY_MS = 24 * HOUR_MS


class _OperatorFault(TimedFault):
    """Somebody does something to the partitions of some entities (none named: all), on each one's own clock."""

    entities: tuple[str, ...] = ()
    day: Day = "last"
    at: At = "15:00"

    def onsets(self, month: Month) -> list[tuple[str, int]]:
        """Whom it strikes, and when, in ms UTC."""
        return [
            (entity.code, at_ms)
            for entity in month.entities
            if not self.entities or entity.code in self.entities
            for at_ms in month.instants(self.day, self.at, entity.zone)
        ]


class PartitionPaused(_OperatorFault):
    """o2: an operator pauses a partition with a reason, and resumes it. Intake goes on; nothing is posted."""

    kind: Literal["partition_paused"] = "partition_paused"
    lasts_ms: Ms = 2 * HOUR_MS
    healing: ClassVar[str] = "The operator resumes it, and the queue drains."
    mark: ClassVar[Mark] = Mark("y", "#bc80bd")
    breaks_nothing: ClassVar[str] = "S2 and S7: what waits is counted. L2: standing still on command is no standstill."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        moves: list[Move] = []
        for entity, at_ms in self.onsets(month):
            until_ms = at_ms + self.lasts_ms
            moves += [PausePartition(at_ms, self.kind, entity, until_ms), ResumePartition(until_ms, self.kind, entity)]
        return moves

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "partition_paused"
        return cls(day=room.day(kind), at=room.at(kind, 8, 19), lasts_ms=room.number(5, 720, kind, "lasts") * MINUTE_MS)


class BackfillAgain(_OperatorFault):
    """o4: an operator runs a back-fill over an old window: what was published then comes again, out of order."""

    kind: Literal["backfill_again"] = "backfill_again"
    reaches_back_ms: Ms = 7 * DAY_MS
    ppm: Ppm = 1_000_000
    """Of the versions published within the window, how many come again."""
    spread_ms: Ms = 30 * MINUTE_MS
    """Over how long they come."""
    healing: ClassVar[str] = "Nothing to heal: all of it is old news, and what was missing is found."
    mark: ClassVar[Mark] = Mark("B", "#ccebc5")
    breaks_nothing: ClassVar[str] = "S1 and S5: the past told again posts nothing twice, and nothing older later. S7."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        return [
            Backfill(at_ms, self.kind, entity, at_ms - self.reaches_back_ms, self.ppm, self.spread_ms)
            for entity, at_ms in self.onsets(month)
        ]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "backfill_again"
        return cls(
            # Also days after the window of the other faults: a back-fill is about what is long past.
            day=room.number(room.first_day, room.last_day + 5, kind, "day"),
            at=room.at(kind),
            reaches_back_ms=room.number(1, 9, kind, "reach") * DAY_MS,
            ppm=room.ppm(100_000, 1_000_000, kind),
            spread_ms=room.number(0, 120, kind, "spread") * MINUTE_MS,
        )


class WrongConfiguration(_OperatorFault):
    """o5: a wrong configuration is deployed and rolled back after a while; a person then retries what it parked.

    What changes how an hour is priced (`rate_order`) or whether it is posted at all (`excluded_time_types`) is not
    here: an entry is decided once, by the configuration of that moment, and money decided wrongly by rule is right
    by every promise that is made.
    """

    kind: Literal["wrong_configuration"] = "wrong_configuration"
    what: Literal["must_know", "batch_of_one", "mapping", "impatient"] = "must_know"
    lasts_ms: Ms = HOUR_MS
    healing: ClassVar[str] = "It is rolled back, and a person retries the rows that it parked."
    mark: ClassVar[Mark] = Mark("z", "#ffed6f")
    breaks_nothing: ClassVar[str] = (
        "S9: a row that was sent keeps its bytes. S8x: its parks are true. L7: none is left."
    )

    def schedule(self, month: Month, seed: int) -> list[Move]:
        moves: list[Move] = []
        for entity, at_ms in self.onsets(month):
            until_ms = at_ms + self.lasts_ms
            moves.append(Configure(at_ms, self.kind, entity, WRONG[self.what], until_ms))
            moves.append(Configure(until_ms, self.kind, entity, (), until_ms, heals=True))
            # Whoever retries comes back: the process may be down the first time.
            moves += [
                WorkParked(until_ms + after_ms, self.kind, entity, 0, UNKNOWN, 0, heals=True)
                for after_ms in (HOUR_MS, 6 * HOUR_MS, DAY_MS, 2 * DAY_MS)
            ]
        return moves

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "wrong_configuration"
        whats: tuple[Literal["must_know"], Literal["batch_of_one"], Literal["mapping"], Literal["impatient"]]
        whats = ("must_know", "batch_of_one", "mapping", "impatient")
        return cls(
            day=room.day(kind),
            at=room.at(kind, 8, 19),
            what=whats[room.number(0, 3, kind, "what")],
            lasts_ms=room.number(5, 600, kind, "lasts") * MINUTE_MS,
        )


WRONG: dict[str, tuple[tuple[str, str], ...]] = {
    "must_know": (("must_know", "worker,assignment"),),
    "batch_of_one": (("batch_max", "1"), ("linger_ms", "0")),
    "mapping": (("mapping_version", "99"),),
    "impatient": (("refusals_max", "0"), ("back_off_ms", "100")),
}
"""What is deployed by mistake. Nobody publishes workers and assignments here, so asking for them parks everything."""
UNKNOWN = ("worker_unknown", "assignment_unknown")


class ParkedRowsWorked(_OperatorFault):
    """L7: a person goes through the parked rows every day, mends what can be mended, retries it, and waives some.

    `hasty`: also what only an event can wake is retried, whether anything was mended or not.
    """

    kind: Literal["parked_rows_worked"] = "parked_rows_worked"
    day: Day = "every"
    at: At = "10:00"
    older_than_ms: Ms = HOUR_MS
    waived_ppm: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    hasty: bool = False
    healing: ClassVar[str] = "What was mended is posted, what was not is parked again, what was waived stays so."
    mark: ClassVar[Mark] = Mark("W", "#80b1d3")
    breaks_nothing: ClassVar[str] = "S1: a retry is no second posting. S8x, and L7: a row that is retried moves."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        reasons = () if self.hasty else FOR_A_PERSON
        return [
            WorkParked(at_ms, self.kind, entity, self.older_than_ms, reasons, self.waived_ppm)
            for entity, at_ms in self.onsets(month)
            # What is retried on the last day could not be waited for.
            if at_ms < month.end_ms - DAY_MS
        ]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "parked_rows_worked"
        return cls(
            at=room.at(kind, 9, 19),
            older_than_ms=room.number(0, 240, kind, "older") * MINUTE_MS,
            waived_ppm=room.number(0, 1, kind, "waives") * 100_000,
            hasty=bool(room.number(0, 1, kind, "hasty")),
        )


FOR_A_PERSON = ("erp_invalid", "erp_keeps_refusing", "nothing_to_reverse", "ledger_differs", "manual_line_differs",
                "standing_by_hand", "staged_lost")  # fmt: skip
"""Reasons that only a person can lift."""
