"""The six shapes of misfortune, by the question each can be asked. A fault is frozen data plus its one answer.

    CallFault      verdict(call, now_ms, seed)                      what befalls one call on the wire
    SourceFault    `fates` asks all of them with one draw           what befalls one event of the source
    ReadingFault   `Readings` asks all of them                      what befalls a version or page of the source's list
    RowFault       upon(profile)                                    what befalls one row inside a call that is served
    BoundaryFault  crash(entity, boundary, seed)                    what befalls a process at a durable boundary
    StepFault      befalls(step, entity, call, seed)                what befalls a process at a step around a call
    TimedFault     schedule(month, seed)                            what the calendar brings

Rule 1. Chance comes under a name (`simulators.chance`), never from a stream: leaving a fault out shifts no other.
Rule 2. Probabilities are parts per million, durations milliseconds.
Rule 3. A fault never does anything: it answers, and a driver or a mock system acts.
Rule 4. No fault may break an invariant. `breaks_nothing` names those that it strains most; ids are the auditors'.
"""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from simulators.chance import between, chance, happens
from simulators.faults.moves import Move
from simulators.faults.verdicts import CallNote, Die, Pause, Step, Verdict
from simulators.faults.wall_time import At, Day, Month, System
from simulators.systems.erp_profile import ErpProfile

Ppm = Annotated[int, Field(ge=0, le=1_000_000)]
Ms = Annotated[int, Field(ge=0, le=31 * 86_400_000)]
CallKind = Literal["post", "look_up", "tell", "recount", "fetch"]

BUSY_HOURS = (14, 18)
"""When approvers click on a last day: from the first of these hours to the end of the other (measured on the plan)."""
Crash = Literal["before", "after", "torn", "failed"]
"""Where a process dies at a durable boundary: with nothing written, with everything, with part of it; or the disk fails
and nothing is written."""

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Mark:
    """How a fault shows in a plot: one letter, and a CSS colour."""

    letter: str
    colour: str


@dataclass(frozen=True, slots=True)
class Room:
    """What a random fault must keep within, and where its numbers come from: each drawn under its own name.

    `deadline_ms` and `late_landing_ms` are the runtime's; days count in the scenario's month; `boundaries` is about
    how many durable boundaries one entity passes. `strength_ppm` scales every probability.
    """

    seed: int
    deadline_ms: int
    late_landing_ms: int
    first_day: int
    last_day: int
    boundaries: int
    strength_ppm: int

    def number(self, low: int, high: int, kind: str, what: str) -> int:
        """An integer from `low` to `high`, both included."""
        return between(low, max(low, high), self.seed, "swarm/" + kind, what)

    def ppm(self, low: int, high: int, kind: str) -> int:
        """A probability from `low` to `high` ppm, scaled by the strength, never above certainty."""
        return min(1_000_000, self.number(low, high, kind, "ppm") * self.strength_ppm // 1_000_000)

    def busy(self, kind: str) -> bool:
        """Whether the fault strikes on the last afternoon, when most of a month is approved: every other one does.

        Elsewhere in a month an account is idle for nine hours in ten, and a window that nobody meets proves nothing.
        """
        return self.number(0, 1, kind, "busy") == 1

    def day(self, kind: str) -> int:
        """A day within the room."""
        return self.last_day if self.busy(kind) else self.number(self.first_day, self.last_day, kind, "day")

    def at(self, kind: str, low_hour: int = 0, high_hour: int = 23) -> str:
        """A wall time on a quarter of an hour."""
        if self.busy(kind) and (low_hour, high_hour) == (0, 23):
            low_hour, high_hour = BUSY_HOURS
        quarter = self.number(low_hour * 4, high_hour * 4 + 3, kind, "at")
        return f"{quarter // 4:02}:{quarter % 4 * 15:02}"


class FaultData(BaseModel):
    """What every fault has. Fields that nobody knows are refused, so a typo in a scenario is found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    healing: ClassVar[str]
    """What ends it, in a sentence."""
    mark: ClassVar[Mark]
    only_listed: ClassVar[bool] = False
    """Whether it may need a full recount to heal: an overlap does not reach back far enough for it."""
    breaks_nothing: ClassVar[str]
    """The invariants that it strains and must not break."""

    @classmethod
    @abstractmethod
    def drawn(cls, room: Room) -> Self:
        """One of this kind with random strength, within `room`, that heals before the run has to settle."""


class CallFault(FaultData):
    """Something befalls a call by chance. Empty filters let every call through.

    `name` tells two faults of one kind apart: with the same name they draw the same numbers.
    """

    ppm: Ppm
    name: str = ""
    calls: tuple[CallKind, ...] = ()
    systems: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()

    @abstractmethod
    def verdict(self, call: CallNote, now_ms: int, seed: int) -> Verdict:
        """What befalls this call."""

    def strikes(self, call: CallNote, seed: int) -> bool:
        """Whether the call is one of those meant, and chance says so."""
        return (
            (not self.calls or call.kind in self.calls)
            and (not self.systems or call.system in self.systems)
            and (not self.accounts or call.account in self.accounts)
            and (not self.entities or call.entity in self.entities)
            and happens(self.ppm, seed, self.source, call.entity, call.kind, call.name)
        )

    def between(self, low: int, high: int, call: CallNote, seed: int) -> int:
        """A number from `low` to `high` for this call."""
        return between(low, high, seed, self.source + "/size", call.entity, call.kind, call.name)

    @property
    def source(self) -> str:
        """The name of this fault's chance."""
        return f"fault/{self.kind}/{self.name}"


class SourceFault(FaultData):
    """Something befalls an event between the PSA and us by chance."""

    ppm: Ppm
    entities: tuple[str, ...] = ()


class ReadingFault(FaultData):
    """Something is wrong with what the source shows to those who read it, by chance; the mock PSA asks."""

    ppm: Ppm
    entities: tuple[str, ...] = ()


class RowFault(FaultData):
    """Something befalls a row inside a call that is served, by chance; the mock ERP draws it, under the row's key."""

    ppm: Ppm

    @abstractmethod
    def upon(self, profile: ErpProfile) -> ErpProfile:
        """The manners of an ERP to which this happens; those of one to which it cannot happen stay as they are."""


class BoundaryFault(FaultData):
    """A process dies at a durable boundary."""

    entities: tuple[str, ...] = ()

    @abstractmethod
    def crash(self, entity: str, boundary: int, seed: int) -> Crash | None:
        """Whether and how `entity` dies at its boundary number `boundary`.

        Boundaries count from 1 over the whole run and go on counting after a restart.
        """


class StepFault(FaultData):
    """A process dies or is stopped at a step around one of its calls."""

    entities: tuple[str, ...] = ()

    @abstractmethod
    def befalls(self, step: Step, entity: str, call: int, seed: int) -> Die | Pause | None:
        """What befalls `entity` at this step of its call number `call`.

        Calls count from 1 over the whole run and go on counting after a restart.
        """

    def means(self, entity: str) -> bool:
        """Whether the entity is one of those meant; none named: all are."""
        return not self.entities or entity in self.entities


class TimedFault(FaultData):
    """Something the calendar brings."""

    @abstractmethod
    def schedule(self, month: Month, seed: int) -> list[Move]:
        """Every move of this fault in the run, in no particular order."""


class ChanceFault(TimedFault):
    """Something that may befall an entity at any instant: `draws` times a day, each with probability `ppm`."""

    ppm: Ppm
    draws: Annotated[int, Field(ge=1, le=100)] = 1
    entities: tuple[str, ...] = ()

    def onsets(self, month: Month, seed: int) -> Iterator[tuple[str, int]]:
        """Whom it strikes, and when, in ms UTC; instants are different for different kinds."""
        days = range(-(-(month.end_ms - month.start_ms) // DAY_MS))
        source = f"fault/{self.kind}"
        for entity in month.entities:
            if self.entities and entity.code not in self.entities:
                continue
            for day in days:
                for number in range(self.draws):
                    if not happens(self.ppm, seed, source, entity.code, day, number):
                        continue
                    offset = chance(seed, source + "/at", entity.code, day, number) % DAY_MS
                    at_ms = month.start_ms + day * DAY_MS + offset
                    if at_ms < month.end_ms:
                        yield entity.code, at_ms

    def size(self, low: int, high: int, seed: int, entity: str, at_ms: int) -> int:
        """How long or how much this time, from `low` to `high`."""
        return between(low, max(low, high), seed, f"fault/{self.kind}/size", entity, at_ms)


class EntityFault(TimedFault):
    """Something the calendar brings to entities, each on its own clock. No entities named: to all."""

    entities: tuple[str, ...] = ()
    day: Day = "last"
    at: At = "22:00"

    def onsets(self, month: Month) -> list[tuple[str, int]]:
        """Which entity it strikes, and when, in ms UTC."""
        return [
            (entity.code, at_ms)
            for entity in month.entities
            if not self.entities or entity.code in self.entities
            for at_ms in month.instants(self.day, self.at, entity.zone)
        ]


class AccountFault(TimedFault):
    """Something the calendar brings to the accounts of a system, each on its own clock. No accounts named: to all."""

    system: System = "erp"
    accounts: tuple[str, ...] = ()
    day: Day = "last"
    at: At = "22:00"

    def onsets(self, month: Month) -> list[tuple[str, int]]:
        """Which account it strikes, and when, in ms UTC."""
        return [
            (account, at_ms)
            for account, zone in month.accounts(self.system).items()
            if not self.accounts or account in self.accounts
            for at_ms in month.instants(self.day, self.at, zone)
        ]
