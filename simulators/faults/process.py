"""The process that holds a legal entity dies: at an instant, beside something that becomes durable, or beside a call.

A boundary is one commit or checkpoint of the journal. Boundaries count from 1 for each
entity over the whole run and go on counting after a restart, so a crash by chance cannot repeat itself for ever. A
crash at a named boundary is no chance, so the calm does not end it.
"""

from typing import Annotated, ClassVar, Literal, Self, get_args

from pydantic import Field

from simulators.chance import chance, happens
from simulators.faults.bases import BoundaryFault, ChanceFault, Crash, Mark, Ppm, Room, StepFault
from simulators.faults.moves import CrashPartition, Move
from simulators.faults.verdicts import Die, Pause, Step
from simulators.faults.wall_time import Month

STEPS: tuple[Step, ...] = get_args(Step)
"""Every step around a call, in the order in which they come."""


class CrashAtBoundary(BoundaryFault):
    """Death right before or after the entity's boundary number `boundary` (p1), or in the middle of it, so that a frame
    is half there: the list of these is a golden run's."""

    kind: Literal["crash_at_boundary"] = "crash_at_boundary"
    boundary: Annotated[int, Field(ge=1)]
    when: Literal["before", "after", "torn"]
    healing: ClassVar[str] = (
        "The process restarts, recovers from the journal and takes what was on the wire for silent."
    )
    mark: ClassVar[Mark] = Mark("X", "#000000")
    breaks_nothing: ClassVar[str] = "S1, S2, S9 and S12: the books end as if it had not happened."

    def crash(self, entity: str, boundary: int, seed: int) -> Crash | None:
        if boundary != self.boundary or (self.entities and entity not in self.entities):
            return None
        return self.when

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "crash_at_boundary"
        when: Literal["before", "after"] = "after" if room.number(0, 1, kind, "when") else "before"
        return cls(boundary=room.number(1, room.boundaries, kind, "boundary"), when=when)


class BoundaryCrashes(BoundaryFault):
    """Death by chance (p1) right before or after any boundary, half and half."""

    kind: Literal["boundary_crashes"] = "boundary_crashes"
    ppm: Ppm
    healing: ClassVar[str] = (
        "The process restarts, recovers from the journal and takes what was on the wire for silent."
    )
    mark: ClassVar[Mark] = Mark("x", "#393b79")
    breaks_nothing: ClassVar[str] = "S1, S2, S9 and S12: the books end as if it had not happened."

    def crash(self, entity: str, boundary: int, seed: int) -> Crash | None:
        if self.entities and entity not in self.entities:
            return None
        if not happens(self.ppm, seed, "fault/boundary_crashes", entity, boundary):
            return None
        return "after" if chance(seed, "fault/boundary_crashes/side", entity, boundary) & 1 else "before"

    @classmethod
    def drawn(cls, room: Room) -> Self:
        return cls(ppm=room.ppm(500, 20_000, "boundary_crashes"))


class RandomCrashes(ChanceFault):
    """Death at any instant (p1), also between boundaries: `draws` times a day with probability `ppm`, per entity."""

    kind: Literal["random_crashes"] = "random_crashes"
    healing: ClassVar[str] = (
        "The process restarts, recovers from the journal and takes what was on the wire for silent."
    )
    mark: ClassVar[Mark] = Mark("k", "#637939")
    breaks_nothing: ClassVar[str] = "S1, S2, S9 and S12; S16: the neighbours go on."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        return [CrashPartition(at_ms, self.kind, entity) for entity, at_ms in self.onsets(month, seed)]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        return cls(ppm=room.ppm(20_000, 500_000, "random_crashes"), draws=room.number(1, 3, "random_crashes", "draws"))


class CrashAtCall(StepFault):
    """Death (p1) beside the entity's call number `call`: before it leaves, though that is durable; while it is on the
    wire; or when its answer has come and nothing of it is durable yet."""

    kind: Literal["crash_at_call"] = "crash_at_call"
    call: Annotated[int, Field(ge=1)]
    step: Step
    healing: ClassVar[str] = "The process restarts and takes the call for silent, whether it ever left or not."
    mark: ClassVar[Mark] = Mark("Ξ", "#1b1b3a")
    breaks_nothing: ClassVar[str] = "S1, S2, S9 and S12: the books end as if it had not happened."

    def befalls(self, step: Step, entity: str, call: int, seed: int) -> Die | Pause | None:
        return Die() if call == self.call and step == self.step and self.means(entity) else None

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "crash_at_call"
        step = STEPS[room.number(0, len(STEPS) - 1, kind, "step")]
        return cls(call=room.number(1, room.boundaries // 4, kind, "call"), step=step)


class CallCrashes(StepFault):
    """Death by chance (p1) before a call leaves, or when its answer has come, half and half."""

    kind: Literal["call_crashes"] = "call_crashes"
    ppm: Ppm
    healing: ClassVar[str] = "The process restarts and takes the call for silent, whether it ever left or not."
    mark: ClassVar[Mark] = Mark("ξ", "#5254a3")
    breaks_nothing: ClassVar[str] = "S1, S2, S9 and S12: what was answered and not durable is looked up."

    def befalls(self, step: Step, entity: str, call: int, seed: int) -> Die | Pause | None:
        if step not in ("leaving", "heard") or not self.means(entity):
            return None
        source = "fault/call_crashes"
        if not happens(self.ppm, seed, source, entity, call):
            return None
        return Die() if step == ("heard" if chance(seed, source + "/side", entity, call) & 1 else "leaving") else None

    @classmethod
    def drawn(cls, room: Room) -> Self:
        return cls(ppm=room.ppm(1_000, 30_000, "call_crashes"))


class TornTail(BoundaryFault):
    """Death while a frame is being written (s1, s2): part of it is on the disk, and nobody was told of it."""

    kind: Literal["torn_tail"] = "torn_tail"
    ppm: Ppm
    healing: ClassVar[str] = "Recovery follows the hash chain and leaves out what lies beyond its head."
    mark: ClassVar[Mark] = Mark("τ", "#8c6d31")
    breaks_nothing: ClassVar[str] = "S2, S7 and S12: what was acknowledged is there, what was not is sent again."

    def crash(self, entity: str, boundary: int, seed: int) -> Crash | None:
        if self.entities and entity not in self.entities:
            return None
        return "torn" if happens(self.ppm, seed, "fault/torn_tail", entity, boundary) else None

    @classmethod
    def drawn(cls, room: Room) -> Self:
        return cls(ppm=room.ppm(500, 10_000, "torn_tail"))


class FsyncFails(BoundaryFault):
    """The disk fails to make a frame durable (s6): EIO once, and "ok" if one asked again. The frame is not there."""

    kind: Literal["fsync_fails"] = "fsync_fails"
    ppm: Ppm
    healing: ClassVar[str] = "The partition stops at once; a person looks at the disk and starts it again."
    mark: ClassVar[Mark] = Mark("φ", "#843c39")
    breaks_nothing: ClassVar[str] = "S2, S7 and S12: nothing is acknowledged or sent that is not durable."

    def crash(self, entity: str, boundary: int, seed: int) -> Crash | None:
        if self.entities and entity not in self.entities:
            return None
        return "failed" if happens(self.ppm, seed, "fault/fsync_fails", entity, boundary) else None

    @classmethod
    def drawn(cls, room: Room) -> Self:
        return cls(ppm=room.ppm(200, 5_000, "fsync_fails"))
