"""The process that holds a legal entity dies: at an instant, or right before or after something became durable.

A boundary is one commit or checkpoint of the journal. Boundaries count from 1 for each
entity over the whole run and go on counting after a restart, so a crash by chance cannot repeat itself for ever. A
crash at a named boundary is no chance, so the calm does not end it.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from simulators.chance import chance, happens
from simulators.faults.bases import BoundaryFault, Mark, Ppm, Room, TimedFault
from simulators.faults.moves import CrashPartition, Move
from simulators.faults.wall_time import Month

DAY_MS = 86_400_000


class CrashAtBoundary(BoundaryFault):
    """Death right before or after the entity's boundary number `boundary`: the list of these is the golden run's."""

    kind: Literal["crash_at_boundary"] = "crash_at_boundary"
    boundary: Annotated[int, Field(ge=1)]
    when: Literal["before", "after"]
    healing: ClassVar[str] = (
        "The process restarts, recovers from the journal and takes what was on the wire for silent."
    )
    mark: ClassVar[Mark] = Mark("X", "#000000")
    breaks_nothing: ClassVar[str] = "S1, S2, S9 and S12: the books end as if it had not happened."

    def crash(self, entity: str, boundary: int, seed: int) -> Literal["before", "after"] | None:
        if boundary != self.boundary or (self.entities and entity not in self.entities):
            return None
        return self.when

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "crash_at_boundary"
        when: Literal["before", "after"] = "after" if room.number(0, 1, kind, "when") else "before"
        return cls(boundary=room.number(1, room.boundaries, kind, "boundary"), when=when)


class BoundaryCrashes(BoundaryFault):
    """Death by chance right before or after any boundary, half and half."""

    kind: Literal["boundary_crashes"] = "boundary_crashes"
    ppm: Ppm
    healing: ClassVar[str] = (
        "The process restarts, recovers from the journal and takes what was on the wire for silent."
    )
    mark: ClassVar[Mark] = Mark("x", "#393b79")
    breaks_nothing: ClassVar[str] = "S1, S2, S9 and S12: the books end as if it had not happened."

    def crash(self, entity: str, boundary: int, seed: int) -> Literal["before", "after"] | None:
        if self.entities and entity not in self.entities:
            return None
        if not happens(self.ppm, seed, "fault/boundary_crashes", entity, boundary):
            return None
        return "after" if chance(seed, "fault/boundary_crashes/side", entity, boundary) & 1 else "before"

    @classmethod
    def drawn(cls, room: Room) -> Self:
        return cls(ppm=room.ppm(500, 20_000, "boundary_crashes"))


class RandomCrashes(TimedFault):
    """Death at any instant, also between boundaries: `draws` times a day, each with probability `ppm`, per entity."""

    kind: Literal["random_crashes"] = "random_crashes"
    ppm: Ppm
    draws: Annotated[int, Field(ge=1, le=100)] = 1
    entities: tuple[str, ...] = ()
    healing: ClassVar[str] = (
        "The process restarts, recovers from the journal and takes what was on the wire for silent."
    )
    mark: ClassVar[Mark] = Mark("k", "#637939")
    breaks_nothing: ClassVar[str] = "S1, S2, S9 and S12; S16: the neighbours go on."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        days = range(-(-(month.end_ms - month.start_ms) // DAY_MS))
        moves: list[Move] = []
        for entity in month.entities:
            if self.entities and entity.code not in self.entities:
                continue
            for day in days:
                for number in range(self.draws):
                    if not happens(self.ppm, seed, "fault/random_crashes", entity.code, day, number):
                        continue
                    offset = chance(seed, "fault/random_crashes/at", entity.code, day, number) % DAY_MS
                    at_ms = month.start_ms + day * DAY_MS + offset
                    if at_ms < month.end_ms:
                        moves.append(CrashPartition(at_ms, self.kind, entity.code))
        return moves

    @classmethod
    def drawn(cls, room: Room) -> Self:
        return cls(ppm=room.ppm(20_000, 500_000, "random_crashes"), draws=room.number(1, 3, "random_crashes", "draws"))
