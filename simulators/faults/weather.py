"""All faults of a run, asked in one place, and how often each has struck.

The driver asks `call` before a call leaves, `event` when the source publishes, `boundary` at every durable boundary,
and carries `moves` out at their time. Chance faults end at `calm_after_ms`, so that everything can settle; what the
calendar brings has its own end and stays, and so does a crash at a named boundary. Answers depend on names, seed and
time alone: `Weather` only counts.
"""

from collections.abc import Sequence
from typing import Literal

from simulators.faults.bases import BoundaryFault, CallFault, FaultData, SourceFault, TimedFault
from simulators.faults.moves import CrashPartition, Move, strikes
from simulators.faults.network import DuplicateRequest, LateLanding
from simulators.faults.process import BoundaryCrashes
from simulators.faults.rows import RowFailures, StagedRejections
from simulators.faults.source import ON_TIME, Fates
from simulators.faults.verdicts import PASS, CallNote, Verdict
from simulators.faults.wall_time import Month

NEVER_MS = 1 << 62
MARK_MS = 3_600_000
"""Strikes are counted for plots by the hour."""


class Weather:
    """The faults of one run (or of one part of it that is simulated apart).

    `calm_after_ms` None: never calm. `deadline_ms` and `late_landing_ms` are the runtime's; where given, a fault that
    would break the declared assumption is refused with `ValueError`.
    """

    def __init__(
        self,
        faults: Sequence[FaultData],
        seed: int,
        calm_after_ms: int | None = None,
        *,
        deadline_ms: int | None = None,
        late_landing_ms: int | None = None,
    ) -> None:
        self.faults = tuple(faults)
        self.seed = seed
        self.calm_after_ms = NEVER_MS if calm_after_ms is None else calm_after_ms
        self.fired: dict[str, int] = {fault.kind: 0 for fault in self.faults}
        """Kind to how often it has struck; every kind present is there, also with 0."""
        self.marks: dict[tuple[str, int], int] = {}
        """(kind, start of the hour in ms) to how often it struck in that hour."""
        self._on_calls = [fault for fault in self.faults if isinstance(fault, CallFault) and fault.ppm]
        self._on_boundaries = [fault for fault in self.faults if isinstance(fault, BoundaryFault)]
        self._on_events = [fault for fault in self.faults if isinstance(fault, SourceFault) and fault.ppm]
        self._events_until_ms = self.calm_after_ms if self._on_events else -NEVER_MS
        self._fates: dict[str, Fates] = {}
        failures = [fault for fault in self.faults if isinstance(fault, RowFailures)]
        rejections = [fault for fault in self.faults if isinstance(fault, StagedRejections)]
        self.row_failures_ppm = failures[0].ppm if failures else 0
        self.staged_rejections_ppm = rejections[0].ppm if rejections else 0
        self.staged_rejections_reason = rejections[0].reason if rejections else "locked"
        for fault in self.faults:
            _check(fault, deadline_ms, late_landing_ms)

    @property
    def disturbs_events(self) -> bool:
        """Whether `event` can say anything but `ON_TIME`; if not, nobody needs to ask."""
        return bool(self._on_events)

    def call(self, note: CallNote, now_ms: int) -> Verdict:
        """What befalls this call: the first fault that strikes, in the scenario's order."""
        if now_ms >= self.calm_after_ms:
            return PASS
        for fault in self._on_calls:
            verdict = fault.verdict(note, now_ms, self.seed)
            if verdict is not PASS:
                self.struck(fault.kind, now_ms)
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
        for kind in kinds:
            self.struck(kind, now_ms)
        return deliveries

    def boundary(self, entity: str, index: int, now_ms: int) -> Literal["before", "after"] | None:
        """Whether the entity's process dies before or after durable boundary number `index` (from 1, never reset)."""
        calm = now_ms >= self.calm_after_ms
        for fault in self._on_boundaries:
            if calm and isinstance(fault, BoundaryCrashes):
                continue
            side = fault.crash(entity, index, self.seed)
            if side is not None:
                self.struck(fault.kind, now_ms)
                return side
        return None

    def moves(self, month: Month) -> list[Move]:
        """What the calendar brings, in the order of time; a crash by chance only before the calm."""
        found = [
            move for fault in self.faults if isinstance(fault, TimedFault) for move in fault.schedule(month, self.seed)
        ]
        kept = [m for m in found if not (isinstance(m, CrashPartition) and m.at_ms >= self.calm_after_ms)]
        return sorted(kept, key=lambda move: move.at_ms)

    def carried_out(self, move: Move) -> None:
        """Count a move under its fault, when the driver has carried it out. What only heals is not counted."""
        if strikes(move):
            self.struck(move.kind, move.at_ms)

    def struck(self, kind: str, at_ms: int, times: int = 1) -> None:
        """Count a fault that struck; for rows, the mock ERP tells."""
        self.fired[kind] = self.fired.get(kind, 0) + times
        hour = (kind, at_ms - at_ms % MARK_MS)
        self.marks[hour] = self.marks.get(hour, 0) + times


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
    else:
        return
    if late_landing_ms is not None and latest_ms > late_landing_ms:
        raise ValueError(
            f"{fault.kind}: a request may land {latest_ms} ms after it was sent, later than the declared"
            f" late_landing_ms {late_landing_ms}"
        )
