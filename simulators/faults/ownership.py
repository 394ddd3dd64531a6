"""A partition that is stopped, slow, or has two owners for a while: what leases and epochs are there for.

The runtime's lease is 15 s by default; a stop that is longer costs the partition, one that is shorter must cost
nothing. Every length here is assumed.
"""

from typing import ClassVar, Literal, Self

from simulators.chance import between, happens
from simulators.faults.bases import HOUR_MS, MINUTE_MS, ChanceFault, EntityFault, Mark, Ms, Ppm, Room, StepFault
from simulators.faults.moves import ChangeBuild, Move, OverlapOwners, ShutDown, SlowTurns, StopProcess
from simulators.faults.verdicts import Die, Pause, Step
from simulators.faults.wall_time import Month

SHORTEST_STOP_MS = 5_000
"""Well within a lease."""


class IdleStop(ChanceFault):
    """A process is stopped between two turns (p2) and goes on later, whoever owns the partition by then."""

    kind: Literal["idle_stop"] = "idle_stop"
    longest_ms: Ms = 10 * MINUTE_MS
    healing: ClassVar[str] = "It goes on; if its lease was taken over meanwhile, its next commit or renewal tells it."
    mark: ClassVar[Mark] = Mark("ζ", "#7b4173")
    breaks_nothing: ClassVar[str] = "S1, S7 and S11: what a former owner has heard meanwhile changes nothing."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        return [
            StopProcess(at_ms, self.kind, entity, self.size(SHORTEST_STOP_MS, self.longest_ms, seed, entity, at_ms))
            for entity, at_ms in self.onsets(month, seed)
        ]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "idle_stop"
        return cls(
            ppm=room.ppm(20_000, 300_000, kind),
            draws=room.number(1, 2, kind, "draws"),
            longest_ms=room.number(1, 20, kind, "longest") * MINUTE_MS,
        )


class _StopAtCall(StepFault):
    ppm: Ppm
    longest_ms: Ms = 10 * MINUTE_MS

    def _stops(self, entity: str, call: int, seed: int) -> Pause | None:
        source = f"fault/{self.kind}"
        if not self.means(entity) or not happens(self.ppm, seed, source, entity, call):
            return None
        return Pause(between(SHORTEST_STOP_MS, max(SHORTEST_STOP_MS, self.longest_ms), seed, source, entity, call))


class StopBeforeCheck(_StopAtCall):
    """A process is stopped when it is durable that a call leaves, before it looks at its lease (p2)."""

    kind: Literal["stop_before_check"] = "stop_before_check"
    healing: ClassVar[str] = "It sees that the lease is over, and the call never leaves; to its successor it is doubt."
    mark: ClassVar[Mark] = Mark("σ", "#a55194")
    breaks_nothing: ClassVar[str] = "S1 and S11: nothing leaves once the lease is over."

    def befalls(self, step: Step, entity: str, call: int, seed: int) -> Die | Pause | None:
        return self._stops(entity, call, seed) if step == "leaving" else None

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "stop_before_check"
        return cls(ppm=room.ppm(1_000, 20_000, kind), longest_ms=room.number(1, 20, kind, "longest") * MINUTE_MS)


class StopBeforeSend(_StopAtCall):
    """A process is stopped after it looked at its lease and before the call leaves (p2), so that it leaves later.

    The printed assumption: an ERP that honours keys absorbs it, one without keys would book twice. It is also a call
    that lands late, so it is stopped for no longer than the declared `late_landing_ms`: after that the ledger is asked,
    lacks the row, and where a newer version waits the row is never sent again under its key; what lands then stands
    beside the newer one, even in an ERP that honours keys (found by the swarm).
    """

    kind: Literal["stop_before_send"] = "stop_before_send"
    longest_ms: Ms = 5 * MINUTE_MS
    healing: ClassVar[str] = "The call leaves once more, under the same key; the next commit tells the former owner."
    mark: ClassVar[Mark] = Mark("Σ", "#ce6dbd")
    breaks_nothing: ClassVar[str] = "S1 where keys are honoured; S9: the same bytes under the same key."

    def befalls(self, step: Step, entity: str, call: int, seed: int) -> Die | Pause | None:
        return self._stops(entity, call, seed) if step == "checked" else None

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "stop_before_send"
        longest = room.number(1, room.late_landing_ms // MINUTE_MS, kind, "longest")
        return cls(ppm=room.ppm(1_000, 20_000, kind), longest_ms=min(room.late_landing_ms, longest * MINUTE_MS))


class TwoOwners(ChanceFault):
    """A second process starts while the first still lives (p3): rebalance, or an actor that was thought dead."""

    kind: Literal["two_owners"] = "two_owners"
    overlap_ms: Ms = 5 * MINUTE_MS
    healing: ClassVar[str] = "The first one's next commit is refused, for its epoch is over; at the latest it is ended."
    mark: ClassVar[Mark] = Mark("ω", "#e7969c")
    breaks_nothing: ClassVar[str] = "S1, S7 and S11: only one of them writes."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        return [OverlapOwners(at_ms, self.kind, entity, self.overlap_ms) for entity, at_ms in self.onsets(month, seed)]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "two_owners"
        return cls(
            ppm=room.ppm(20_000, 300_000, kind),
            draws=room.number(1, 2, kind, "draws"),
            overlap_ms=room.number(1, 30, kind, "overlap") * MINUTE_MS,
        )


class SlowWorker(EntityFault):
    """Every turn of the partition takes longer (p4), so that news, answers and timers wait in line."""

    kind: Literal["slow_worker"] = "slow_worker"
    lasts_ms: Ms = 2 * HOUR_MS
    turn_ms: Ms = 5_000
    healing: ClassVar[str] = "It gets its share again and works its line off; its lease was renewed all the while."
    mark: ClassVar[Mark] = Mark("ν", "#bd9e39")
    breaks_nothing: ClassVar[str] = "S1, S7 and S11: late is not lost, and not twice. L2."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        return [
            SlowTurns(at_ms, self.kind, at_ms + self.lasts_ms, entity, self.turn_ms)
            for entity, at_ms in self.onsets(month)
        ]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "slow_worker"
        return cls(
            day=room.day(kind),
            at=room.at(kind),
            lasts_ms=room.number(10, 180, kind, "lasts") * MINUTE_MS,
            turn_ms=room.number(100, 20_000, kind, "turn"),
        )


class HastyShutDown(ChanceFault):
    """A process is asked to end in good order and killed if it takes too long (p7): SIGTERM, then SIGKILL."""

    kind: Literal["hasty_shut_down"] = "hasty_shut_down"
    killed_after_ms: Ms = 10_000
    healing: ClassVar[str] = "Another host goes on; what was still on the wire is silence to it."
    mark: ClassVar[Mark] = Mark("δ", "#e7ba52")
    breaks_nothing: ClassVar[str] = "S1, S2, S7 and S12: an end in the middle is a crash, and no more."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        return [ShutDown(at_ms, self.kind, entity, self.killed_after_ms) for entity, at_ms in self.onsets(month, seed)]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "hasty_shut_down"
        return cls(
            ppm=room.ppm(20_000, 300_000, kind),
            draws=room.number(1, 2, kind, "draws"),
            killed_after_ms=room.number(50, 30_000, kind, "killed_after"),
        )


class RollingUpgrade(EntityFault):
    """The entity starts under the build before this one (p6), which writes older versions of records that have some.

    At the upgrade its process is replaced, and this build reads through its upcasters what the older one wrote.
    """

    kind: Literal["rolling_upgrade"] = "rolling_upgrade"
    healing: ClassVar[str] = "The new build reads whatever any build before it wrote."
    mark: ClassVar[Mark] = Mark("β", "#cedb9c")
    breaks_nothing: ClassVar[str] = "S2, S2b, S7 and S12: no record is read as something else."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        return [ChangeBuild(month.start_ms, self.kind, at_ms, entity, "older") for entity, at_ms in self.onsets(month)]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "rolling_upgrade"
        return cls(day=room.day(kind), at=room.at(kind))


class RollBack(EntityFault):
    """A build is rolled back for a while to one that does not know what it wrote last (p6)."""

    kind: Literal["roll_back"] = "roll_back"
    lasts_ms: Ms = HOUR_MS
    healing: ClassVar[str] = "The old build stops with a clear word; the newer one is started again and goes on."
    mark: ClassVar[Mark] = Mark("ρ", "#8ca252")
    breaks_nothing: ClassVar[str] = "S2, S7 and S12: no record is skipped."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        return [
            ChangeBuild(at_ms, self.kind, at_ms + self.lasts_ms, entity, "older_reader")
            for entity, at_ms in self.onsets(month)
        ]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "roll_back"
        return cls(day=room.day(kind), at=room.at(kind), lasts_ms=room.number(5, 180, kind, "lasts") * MINUTE_MS)
