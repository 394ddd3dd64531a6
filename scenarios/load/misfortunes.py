"""Misfortunes of a load run: what the scenario's calendar brings, brought at its instants of run time.

    LoadCalendar.moves ─▶ accounts   ─▶ the mock systems, all at once: each carries its own out at its instant
                       ├▶ processes  ─▶ a thread here: SIGKILL and a new process, SIGSTOP and SIGCONT, SIGTERM
                       ├▶ people     ─▶ the same thread: finance moves a period, an operator pauses a partition
                       └▶ not tried, and why

Faults of chance need nothing of this: the mock systems ask the same weather about each call as ever.

Rule 1. One process carries every entity here, so whatever befalls the process of one befalls all of them; what strikes
        while the process is down has struck it already.
Rule 2. From its death to its successor's first breath a process takes `restart_ms` of the scenario, which is real.
Rule 3. What was planned and left no trace is told as unstruck, and the run proved nothing by it.
"""

import json
import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from threading import Event, Thread
from typing import Any, Protocol, get_args

from runtime.core.value import value
from scenarios.live.deployment import NDJSON
from scenarios.live.parts import Api, Part, PartFailedError
from scenarios.live.timeline import TimeLine
from scenarios.load.calendar import LENGTHS, LoadCalendar
from scenarios.load.results import Outage
from scenarios.load.targets import KILLED
from simulators.faults.bases import BoundaryFault, FaultData, ReadingFault, StepFault
from simulators.faults.letters import UnreadableEvents
from simulators.faults.moves import (
    AccountMove,
    CloseSystem,
    CrashPartition,
    Move,
    MovePeriod,
    PausePartition,
    ResumePartition,
    ShutDown,
    StopProcess,
    strikes,
)
from simulators.faults.source import MissingEvent
from simulators.over_http import wall_ms

ProcessStrike = CrashPartition | StopProcess | ShutDown
PeopleStrike = MovePeriod | PausePartition | ResumePartition
STOPPED = "stopped"
ONE_PROCESS = "one process carries every entity; the proofs of processes and the cluster demo try it"
OF_THE_SOURCE = "what is sent is made before the run begins"
NOT_HERE: dict[str, str] = {
    "OverlapOwners": ONE_PROCESS,
    "SlowTurns": "nobody can slow a process down from outside without slowing the machine down",
    "DamageJournal": "a damaged journal stops the run until a person mends it; `springtide swarm` tries it",
    "FillDisk": "the disk is the machine's",
    "SetClock": "all processes share the machine's clock",
    "SkewClocks": "all processes share the machine's clock",
    "SlowLeaseClock": "all processes share the machine's clock",
    "ChangeBuild": "there is one build",
    "Backfill": OF_THE_SOURCE,
    "Configure": "what is configured wrongly is for the simulation",
    "WorkParked": "people who work parked rows are for the simulation",
    "TakeBack": OF_THE_SOURCE,
    "ApproveAgain": OF_THE_SOURCE,
    "EditInBulk": OF_THE_SOURCE,
    "DriftSchema": OF_THE_SOURCE,
}
"""Moves that a load run cannot carry out, by name, with the reason."""
NOT_MET: tuple[tuple[type[FaultData], str], ...] = (
    (BoundaryFault, "its instants are inside the process"),
    (StepFault, "its instants are inside the process"),
    (ReadingFault, "nobody reads the source's list in a load"),
    (MissingEvent, "what never comes is found by a recount every six hours, and a load lasts minutes"),
    (UnreadableEvents, OF_THE_SOURCE),
)
"""Faults that a load run never meets, likewise."""


@value
class Plan:
    """What is to happen, `at_ms` and ends in run time, each in order of time."""

    accounts: tuple[AccountMove, ...]
    processes: tuple[ProcessStrike, ...]
    people: tuple[PeopleStrike, ...]
    not_tried: tuple[str, ...]

    @property
    def kinds(self) -> list[str]:
        """Kinds of fault that are to strike, by name."""
        every: Iterable[Move] = (*self.accounts, *self.processes, *self.people)
        return sorted({move.kind for move in every if strikes(move)})


def plan(calendar: LoadCalendar) -> Plan:
    """What the calendar of a load brings, sorted by who carries it out."""
    accounts: list[AccountMove] = []
    processes: list[ProcessStrike] = []
    people: list[PeopleStrike] = []
    left: dict[str, str] = {}
    for fault in calendar.profile.scenario.world.faults:
        why = next((why for kind, why in NOT_MET if isinstance(fault, kind)), None)
        if why is not None:
            left[fault.kind] = why
    for move in calendar.moves():
        name = type(move).__name__
        if name in NOT_HERE:
            left[move.kind] = NOT_HERE[name]
        elif isinstance(move, get_args(AccountMove)):
            accounts.append(move)
        elif isinstance(move, ProcessStrike):
            processes.append(move)
        else:
            assert isinstance(move, PeopleStrike), f"{name} is neither carried out nor left out"
            people.append(move)
    not_tried = tuple(f"{kind.replace('_', ' ')}: {why}" for kind, why in sorted(left.items()))
    return Plan(tuple(accounts), tuple(processes), tuple(people), not_tried)


def as_order(moves: Iterable[AccountMove], started_at_ms: int) -> dict[str, Any]:
    """The moves as POST /admin/befall of the mock systems takes them, at instants of the wall clock."""
    told = []
    for move in moves:
        ends = {name: getattr(move, name) + started_at_ms for name in LENGTHS if hasattr(move, name)}
        shifted: Any = replace(move, at_ms=move.at_ms + started_at_ms, **ends)
        told.append({"what": type(move).__name__, "move": asdict(shifted)})
    return {"moves": told}


class Runtime(Protocol):
    """The process that is struck, and how another one takes its place."""

    part: Part

    def restart(self) -> None:
        """Start it again, and wait until it carries every entity."""


@dataclass(slots=True)
class Strikes:
    """Carries out what befalls processes, and what people do, at its instants."""

    plan: Plan
    runtime: Runtime
    mocks: Api
    gateway: Api
    timeline: TimeLine
    restart_ms: int
    clock: Callable[[], int] = wall_ms
    """The wall clock, ms UTC."""
    outages: list[Outage] = field(default_factory=list)
    """What was really taken away, as it came."""
    struck: dict[str, int] = field(default_factory=dict)
    failed: str = ""
    """Why a misfortune could not be carried out, or its end did not come; empty: all went as planned."""
    _started_at_ms: int = 0
    _ended: Event = field(default_factory=Event)
    _thread: Thread | None = None

    def begin(self, started_at_ms: int) -> None:
        """Run time 0 is at that instant of the wall clock, ms UTC; it may be to come."""
        self._started_at_ms = started_at_ms
        self._thread = Thread(target=self._go_on, name="misfortunes", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Nothing more happens; a process that is being started again is waited for."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def over(self) -> bool:
        """Whether all that was planned has happened, or failed."""
        return self._thread is None or not self._thread.is_alive()

    def now_ms(self) -> int:
        """Run time."""
        return self.clock() - self._started_at_ms

    def _go_on(self) -> None:
        every: list[ProcessStrike | PeopleStrike] = [*self.plan.processes, *self.plan.people]
        for move in sorted(every, key=lambda one: one.at_ms):
            if self._ended.wait(max(0.0, (move.at_ms - self.now_ms()) / 1000)):
                return
            try:
                self._carry_out(move)
            except PartFailedError as fault:
                self.failed = f"{move.kind}: {fault}"
                return

    def _carry_out(self, move: ProcessStrike | PeopleStrike) -> None:
        match move:
            case CrashPartition() | ShutDown() | StopProcess():
                if not self.outages or self.outages[-1].until_ms <= move.at_ms:
                    self._strike(move)
            case MovePeriod():
                self._move_period(move)
            case PausePartition() | ResumePartition():
                verb = "pause" if isinstance(move, PausePartition) else "resume"
                why = f"the scenario's {move.kind.replace('_', ' ')}"
                self.gateway.must("POST", "/v1/commands", {"verb": verb, "entity": move.entity, "why": why})
        if strikes(move):
            self.struck[move.kind] = self.struck.get(move.kind, 0) + 1

    def _strike(self, move: ProcessStrike) -> None:
        part, from_ms = self.runtime.part, self.now_ms()
        pid = part.process.pid
        if isinstance(move, StopProcess):
            self.timeline.note(STOPPED, f"process {pid} is stopped for {move.for_ms / 1000:g} s")
            part.process.send_signal(signal.SIGSTOP)
            # Also where the run ends meanwhile: a stopped process could not be ended.
            self._ended.wait(move.for_ms / 1000)
            part.process.send_signal(signal.SIGCONT)
            self.outages.append(Outage(kind=STOPPED, what="", from_ms=from_ms, until_ms=self.now_ms()))
            return
        if isinstance(move, ShutDown):
            self.timeline.note(KILLED, f"process {pid} is told to end, and killed after {move.killed_after_ms} ms")
            part.end(move.killed_after_ms / 1000)
        else:
            self.timeline.note(KILLED, f"kill -9 of the process {pid}")
            part.kill()
        self._ended.wait(self.restart_ms / 1000)
        self.runtime.restart()
        self.outages.append(Outage(kind=KILLED, what="", from_ms=from_ms, until_ms=self.now_ms()))
        self.timeline.note("restarted", f"process {self.runtime.part.process.pid} carries every entity again")

    def _move_period(self, move: MovePeriod) -> None:
        order = {"entity": move.entity, "name": move.name, "status": move.status or "", "gate": move.gate or ""}
        told = self.mocks.must("POST", "/admin/period", order)
        self.gateway.must("POST", "/v1/bulk", json.dumps(told).encode(), NDJSON)


def unstruck(planned: Plan, fired: Mapping[str, int], turned_away: int) -> tuple[str, ...]:
    """Kinds that were planned and left no trace. `turned_away`: calls that met a closed system."""
    never = [kind for kind in planned.kinds if not fired.get(kind)]
    closed = {move.kind for move in planned.accounts if isinstance(move, CloseSystem)}
    if not turned_away:
        never += [f"{kind} (no call met it)" for kind in sorted(closed) if kind not in never]
    return tuple(never)
