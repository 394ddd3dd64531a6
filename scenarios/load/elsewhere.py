"""A load on a runtime that somebody else runs, anywhere: what can be done and seen there from outside.

    site = Elsewhere(profile, folder, timeline, gateway, mocks)
    site.prepare()               reference data, and what was handed in before: only where there are mock systems
    site.begin, settled, finish  as those of a rig

Rule 1. Nothing of it is ours: no process is started, struck or ended, and no journal is read.
Rule 2. Mock systems (`springtide mocks serve`) of the same scenario and seed tell what stands, and let accounts be
        away. Without them the load can be driven, and proves nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import time

from runtime.settings import LimitSettings
from scenarios.live.deployment import deliver_reference_data
from scenarios.live.parts import Api
from scenarios.live.timeline import TimeLine
from scenarios.live.watch import look
from scenarios.load.calendar import LoadCalendar
from scenarios.load.deliveries import Entry
from scenarios.load.misfortunes import Plan, as_order, plan
from scenarios.load.predict import outages
from scenarios.load.profile import LoadProfile
from scenarios.load.results import SAMPLES, Findings, Outage, write_findings
from scenarios.load.rig import hand_in
from scenarios.load.samples import Sampler
from scenarios.load.witness import Witness

NOT_OURS = "the runtime is somebody else's"
NO_SYSTEMS = "nobody gave us the mock systems"


@dataclass(slots=True)
class Elsewhere:
    """Whom somebody else runs."""

    profile: LoadProfile
    folder: Path
    timeline: TimeLine
    calendar: LoadCalendar
    gateway: Api
    mocks: Api | None = None
    ahead_ms: int = 0
    """What the clock of the mock systems shows more than ours."""
    started_at_ms: int = 0
    sampler: Sampler | None = None
    plan: Plan = field(init=False)

    def __post_init__(self) -> None:
        whole = plan(self.calendar)
        left = {move.kind: NOT_OURS for move in (*whole.processes, *whole.people)}
        if self.mocks is None:
            left |= {move.kind: NO_SYSTEMS for move in whole.accounts}
        told = tuple(f"{kind.replace('_', ' ')}: {why}" for kind, why in sorted(left.items()))
        self.plan = replace(
            whole,
            accounts=whole.accounts if self.mocks is not None else (),
            processes=(),
            people=(),
            not_tried=(*whole.not_tried, *told),
        )

    @property
    def outages(self) -> tuple[Outage, ...]:
        """What was away: accounts, as planned."""
        return outages(self.calendar) if self.mocks is not None else ()

    def now_ms(self) -> int:
        """Run time."""
        return int(time() * 1000) + self.ahead_ms - self.started_at_ms

    def prepare(self) -> None:
        """Make known what has to be known before the load. Raises PartFailedError."""
        if self.mocks is None:
            return
        deliver_reference_data(self.mocks, self.gateway, LimitSettings().body_bytes)
        lines = hand_in(self.mocks, self.profile)
        self.timeline.note("source", f"reference data is known, and the source knows {lines:,} lines of before")

    def begin(self, started_at_ms: int) -> None:
        """Run time 0 is at this instant of the mock systems' clock, ms UTC, which may be to come."""
        self.started_at_ms = started_at_ms
        if self.mocks is not None:
            self.mocks.must("POST", "/admin/befall", as_order(self.plan.accounts, started_at_ms))
        erps = frozenset(entity.erp_account for entity in self.calendar.entities)
        self.sampler = Sampler(self.gateway, erps, lambda: 0, 0, self.now_ms)
        self.sampler.start()

    def settled(self) -> bool:
        """Whether nothing is left to do."""
        found = look(self.gateway)
        return found is not None and found.settled

    def standing(self) -> str:
        """How far everything is, in words."""
        found = None if self.sampler is None else self.sampler.latest
        return "the runtime does not answer" if found is None else str(found)

    def stop(self) -> None:
        """Nobody looks any more."""
        if self.sampler is not None:
            self.sampler.stop()

    def finish(self, unanswered: Iterable[Entry] = (), *, whole: bool = True) -> Findings:
        """Write down everything that can be known from outside. `whole`: that everything was sent.

        Raises PartFailedError.
        """
        settled = self.settled()
        self.stop()
        if self.sampler is not None:
            SAMPLES.write(self.folder, self.sampler.rows)
        witness = Witness(self.folder, self.calendar, self.started_at_ms, self.gateway, self.mocks)
        seen = witness.look(unanswered, (), self.mocks is not None, whole)
        findings = seen.findings(self.plan, None, settled)
        write_findings(self.folder, findings)
        return findings
