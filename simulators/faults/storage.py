"""The disk of a partition: damaged, full, or slow.

Every length here is assumed; a damaged journal is mended by a person, so it takes minutes to hours.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from simulators.chance import chance
from simulators.faults.bases import HOUR_MS, MINUTE_MS, ChanceFault, EntityFault, Mark, Ms, Room
from simulators.faults.moves import Damage, DamageJournal, FillDisk, Move, SlowTurns
from simulators.faults.wall_time import Month


class DamagedJournal(ChanceFault):
    """A machine dies and its journal comes back damaged: a bit is flipped (s3), a frame is there twice (s4), or the
    log is missing beside the snapshot (s9)."""

    kind: Literal["damaged_journal"] = "damaged_journal"
    what: Damage = "flipped"
    mended_after_ms: Annotated[int, Field(ge=1, le=24 * HOUR_MS)] = HOUR_MS
    healing: ClassVar[str] = "Recovery stops with a clear word, and a person puts the good copy back."
    mark: ClassVar[Mark] = Mark("ð", "#ad494a")
    breaks_nothing: ClassVar[str] = "S2, S7, S12 and S17: nobody goes on from books that are not whole."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        return [
            DamageJournal(
                at_ms,
                self.kind,
                entity,
                self.what,
                chance(seed, "fault/damaged_journal/place", entity, at_ms) % 1_000_003,
                self.mended_after_ms,
            )
            for entity, at_ms in self.onsets(month, seed)
        ]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "damaged_journal"
        whats: tuple[Damage, ...] = ("flipped", "twice", "gone")
        return cls(
            ppm=room.ppm(10_000, 200_000, kind),
            what=whats[room.number(0, 2, kind, "what")],
            mended_after_ms=room.number(5, 240, kind, "mended_after") * MINUTE_MS,
        )


class FullDisk(EntityFault):
    """No room is left on the disk (s5): every durable step is refused, and nothing of it is written."""

    kind: Literal["full_disk"] = "full_disk"
    lasts_ms: Ms = 20 * MINUTE_MS
    healing: ClassVar[str] = "There is room again; the partition recovers, and senders deliver again."
    mark: ClassVar[Mark] = Mark("η", "#d6616b")
    breaks_nothing: ClassVar[str] = "S2 and S7: nothing is acknowledged or sent that is not durable. S12."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        return [FillDisk(at_ms, self.kind, at_ms + self.lasts_ms, entity) for entity, at_ms in self.onsets(month)]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "full_disk"
        return cls(day=room.day(kind), at=room.at(kind), lasts_ms=room.number(1, 40, kind, "lasts") * MINUTE_MS)


class SlowFsync(EntityFault):
    """To make something durable takes long (s7): whoever waits for it, waits; calls leave later."""

    kind: Literal["slow_fsync"] = "slow_fsync"
    lasts_ms: Ms = 2 * HOUR_MS
    turn_ms: Ms = 500
    healing: ClassVar[str] = "The disk is quick again."
    mark: ClassVar[Mark] = Mark("ψ", "#e7cb94")
    breaks_nothing: ClassVar[str] = "S7 and S12: nobody is told before it is durable. L2."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        return [
            SlowTurns(at_ms, self.kind, at_ms + self.lasts_ms, entity, self.turn_ms)
            for entity, at_ms in self.onsets(month)
        ]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "slow_fsync"
        return cls(
            day=room.day(kind),
            at=room.at(kind),
            lasts_ms=room.number(10, 240, kind, "lasts") * MINUTE_MS,
            turn_ms=room.number(20, 3_000, kind, "turn"),
        )
