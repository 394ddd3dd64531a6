"""All faults of a run, asked in one place, and how often each has struck.

The driver asks `call` before a call leaves, `event` when the source publishes, `boundary` at every durable boundary,
`step` at every step of a process around a call, and carries `moves` out at their time; mock systems ask `strikes` for
what they draw themselves. Chance faults end at `calm_after_ms`, so that everything can settle; what the calendar
brings has its own end and stays, and so does a crash at a named boundary or call. Answers depend on names, seed and
time alone: `Weather` only counts.

**Strikes have names**, `kind:what it struck` ("lost_reply:DE01/post/…/1"), which are the same in every run of the
seed whatever else is left out. `strikes` lists them in order of time, and `only` lets none but the named ones happen:
that is how a failing run is told again with a few misfortunes, and how it is shrunk.
"""

from collections.abc import Iterable, Sequence

from simulators.faults.bases import (
    BoundaryFault,
    CallFault,
    Crash,
    FaultData,
    RowFault,
    SourceFault,
    StepFault,
    TimedFault,
)
from simulators.faults.bookkeeping import LaggingReads
from simulators.faults.letters import UnreadableEvents
from simulators.faults.machine_clock import ClockSkew, ClockStep, ClockStrobe
from simulators.faults.moves import BY_CHANCE, Move, about, strikes
from simulators.faults.network import DuplicateRequest, LateLanding
from simulators.faults.ownership import StopBeforeSend
from simulators.faults.process import CrashAtBoundary, CrashAtCall
from simulators.faults.reading import Readings, SourceClockBehind
from simulators.faults.source import ON_TIME, Fates
from simulators.faults.verdicts import PASS, CallNote, Die, Pause, Step, Verdict
from simulators.faults.wall_time import Month

NEVER_MS = 1 << 62
CLOCK_FAULTS = (ClockSkew, ClockStep, ClockStrobe)
MARK_MS = 3_600_000
"""Strikes are counted for plots by the hour."""


class Weather:
    """The faults of one run (or of one part of it that is simulated apart).

    `calm_after_ms` None: never calm. `deadline_ms`, `late_landing_ms` and `overlap_ms` (of its
    recounts) are the runtime's; where given, a fault that would break the declared assumption is refused with
    `ValueError`. Without `full_recounts` so is every fault that only they heal.
    """

    def __init__(
        self,
        faults: Sequence[FaultData],
        seed: int,
        calm_after_ms: int | None = None,
        *,
        deadline_ms: int | None = None,
        late_landing_ms: int | None = None,
        overlap_ms: int | None = None,
        full_recounts: bool = True,
        only: Iterable[str] | None = None,
    ) -> None:
        """`only`: the names of the strikes that may happen; None: all."""
        self.faults = tuple(faults)
        self.only = None if only is None else frozenset(only)
        self.strikes: list[tuple[int, str]] = []
        """(instant, name) of every strike."""
        self.lasting_ms: dict[str, int] = {}
        """Name of a strike to the instant at which it ends, where it lasts."""
        self.seed = seed
        self.calm_after_ms = NEVER_MS if calm_after_ms is None else calm_after_ms
        self.fired: dict[str, int] = {fault.kind: 0 for fault in self.faults}
        """Kind to how often it has struck; every kind present is there, also with 0."""
        self.marks: dict[tuple[str, int], int] = {}
        """(kind, start of the hour in ms) to how often it struck in that hour."""
        self._on_calls = [fault for fault in self.faults if isinstance(fault, CallFault) and fault.ppm]
        self._on_boundaries = [fault for fault in self.faults if isinstance(fault, BoundaryFault)]
        self._on_steps = [fault for fault in self.faults if isinstance(fault, StepFault)]
        self.disturbs_steps = bool(self._on_steps)
        """Whether `step` can say anything."""
        self._on_events = [fault for fault in self.faults if isinstance(fault, SourceFault) and fault.ppm]
        self._on_letters = [fault for fault in self.faults if isinstance(fault, UnreadableEvents) and fault.ppm]
        self._events_until_ms = self.calm_after_ms if self._on_events else -NEVER_MS
        self._fates: dict[str, Fates] = {}
        self.on_rows = [fault for fault in self.faults if isinstance(fault, RowFault)]
        """What befalls single rows, for the mock ERP to draw."""
        self.read_lag_ms = max([fault.lag_ms for fault in self.faults if isinstance(fault, LaggingReads)], default=0)
        """How much further than usual look-ups may lag behind the ledger, in ms; part of what is declared."""
        self.readings = Readings(self.faults, seed, self.calm_after_ms, self.strike)
        """What is wrong with the source's list; the mock PSA asks."""
        for fault in self.faults:
            _check(fault, deadline_ms, late_landing_ms)
            _check_reading(fault, overlap_ms, full_recounts)

    @property
    def disturbs_clocks(self) -> bool:
        """Whether the clock of any machine may be wrong."""
        return any(isinstance(fault, CLOCK_FAULTS) for fault in self.faults)

    def step(self, step: Step, entity: str, number: int, now_ms: int) -> Die | Pause | None:
        """What befalls the entity's process at a step around its call number `number` (from 1, never reset)."""
        calm = now_ms >= self.calm_after_ms
        for fault in self._on_steps:
            if calm and not isinstance(fault, CrashAtCall):
                continue
            befalls = fault.befalls(step, entity, number, self.seed)
            if befalls is not None and self.strike(fault.kind, f"{entity}/{number}/{step}", now_ms):
                return befalls
        return None

    @property
    def disturbs_events(self) -> bool:
        """Whether `event` or `letter` can say anything but that all is well; if not, nobody needs to ask."""
        return bool(self._on_events or self._on_letters)

    def call(self, note: CallNote, now_ms: int) -> Verdict:
        """What befalls this call: the first fault that strikes, in the scenario's order."""
        if now_ms >= self.calm_after_ms:
            return PASS
        for fault in self._on_calls:
            verdict = fault.verdict(note, now_ms, self.seed)
            if verdict is not PASS and self.strike(fault.kind, f"{note.entity}/{note.kind}/{note.name}", now_ms):
                return verdict
        return PASS

    def event(self, entity: str, entry_id: str, version: int, now_ms: int) -> tuple[int, ...]:
        """The delays in ms after which the event is delivered: `()` never, `(0,)` as it should be."""
        if now_ms >= self._events_until_ms:
            return ON_TIME
        fates = self._fates.get(entity)
        if fates is None:
            fates = self._fates[entity] = Fates(self._on_events, entity, self.seed)
        deliveries, kinds = fates.of(entry_id, version)
        if kinds:
            about = f"{entity}/{entry_id}/{version}"
            happened = tuple(kind for kind in kinds if self.strike(kind, about, now_ms))
            if happened != kinds:
                return fates.of(entry_id, version, happened)[0]
        return deliveries

    def letter(self, entity: str, entry_id: str, version: int, now_ms: int) -> list[int]:
        """Where the event arrives unreadable: the delays in ms after which it is replayed; else nothing."""
        if now_ms < self.calm_after_ms:
            for fault in self._on_letters:
                if fault.strikes(entity, entry_id, version, self.seed) and self.strike(
                    fault.kind, f"{entity}/{entry_id}/{version}", now_ms
                ):
                    return fault.replays(entity, entry_id, version, self.seed)
        return []

    def boundary(self, entity: str, index: int, now_ms: int) -> Crash | None:
        """Whether and how the entity's process dies at durable boundary number `index` (from 1, never reset)."""
        calm = now_ms >= self.calm_after_ms
        for fault in self._on_boundaries:
            if calm and not isinstance(fault, CrashAtBoundary):
                continue
            side = fault.crash(entity, index, self.seed)
            if side is not None and self.strike(fault.kind, f"{entity}/{index}", now_ms):
                return side
        return None

    def moves(self, month: Month) -> list[Move]:
        """What the calendar brings, in the order of time; what comes by chance only before the calm."""
        found = [
            move for fault in self.faults if isinstance(fault, TimedFault) for move in fault.schedule(month, self.seed)
        ]
        kept = [m for m in found if not (isinstance(m, BY_CHANCE) and m.at_ms >= self.calm_after_ms)]
        if self.only is not None:
            kept = [m for m in kept if not strikes(m) or f"{m.kind}:{about(m)}" in self.only]
        return sorted(kept, key=lambda move: move.at_ms)

    def carried_out(self, move: Move) -> None:
        """Count a move under its fault, when the driver has carried it out. What only heals is not counted."""
        if strikes(move) and self.strike(move.kind, about(move), move.at_ms):
            until_ms = getattr(move, "until_ms", None)
            if until_ms is not None:
                self.lasting_ms[f"{move.kind}:{about(move)}"] = until_ms

    def strike(self, kind: str, what: str, at_ms: int) -> bool:
        """Chance has it that a fault strikes `what`: whether it may, and then it is counted.

        `what` is made of stable names: entity, entry, version, call, attempt, boundary, instant.
        """
        name = f"{kind}:{what}"
        if self.only is not None and name not in self.only:
            return False
        self.strikes.append((at_ms, name))
        self.fired[kind] = self.fired.get(kind, 0) + 1
        hour = (kind, at_ms - at_ms % MARK_MS)
        self.marks[hour] = self.marks.get(hour, 0) + 1
        return True


def _check(fault: FaultData, deadline_ms: int | None, late_landing_ms: int | None) -> None:
    """Refuse what would break the declared assumption instead of the runtime."""
    if isinstance(fault, LateLanding):
        if deadline_ms is not None and fault.after_ms_low <= deadline_ms:
            raise ValueError(
                f"late_landing: after_ms_low {fault.after_ms_low} is not later than the deadline, {deadline_ms} ms"
            )
        latest_ms = fault.after_ms_high
    elif isinstance(fault, DuplicateRequest):
        latest_ms = fault.gap_ms_high
    elif isinstance(fault, StopBeforeSend):
        latest_ms = fault.longest_ms
    else:
        return
    if late_landing_ms is not None and latest_ms > late_landing_ms:
        raise ValueError(
            f"{fault.kind}: a request may land {latest_ms} ms after it was sent, later than the declared"
            f" late_landing_ms {late_landing_ms}"
        )


def _check_reading(fault: FaultData, overlap_ms: int | None, full_recounts: bool) -> None:
    """Refuse what a reader with this overlap cannot find."""
    if isinstance(fault, SourceClockBehind) and overlap_ms is not None and fault.behind_ms_high > overlap_ms:
        raise ValueError(
            f"source_clock_behind: the source may be {fault.behind_ms_high} ms behind, further than recounts overlap,"
            f" {overlap_ms} ms"
        )
    if fault.only_listed and not full_recounts:
        raise ValueError(
            f"{fault.kind}: only a full recount is sure to find it; set runtime.full_recount_every_ms and"
            " full_recount_span_ms"
        )
