"""The rig of a load run: the runtime as it ships and the mock systems of the scenario, as processes on this machine.

    with load_rig(profile, folder, timeline) as rig:     mock systems, runtime, reference data, what was handed in before
        rig.url, rig.source_url, rig.key, rig.secrets     whom to load, and what opens the doors
        rig.begin(started_at_ms)                          run time 0: misfortunes are set, a look every second
        rig.settled()                                     whether nothing is left to do
        rig.finish(unanswered)                            landings.csv and everything else that is known at the end
                                                          whatever was started here is ended here

Rule 1. Ports are free ones of the loopback interface, and everything lives in one folder.
Rule 2. The mock systems are those of the compressed scenario: its quotas, manners and faults of chance.
Rule 3. The runtime is not told to ask the source for a list. What a load's source knows beforehand would come early.
Rule 4. `finish` reads approved.csv of the folder, which whoever sent has written by then; it may be called once.
"""

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from time import monotonic, sleep, time
from typing import Any

from runtime.core.model import Place
from scenarios.live.burst import Version
from scenarios.live.deployment import START_SECONDS, Deployment
from scenarios.live.parts import Api, Part, PartFailedError, wait_for
from scenarios.live.timeline import TimeLine
from scenarios.live.verdict import ASKED_MOST, Verdict, audited, check_journals, places_of
from scenarios.live.watch import Look, look
from scenarios.load.calendar import LoadCalendar
from scenarios.load.deliveries import WEBHOOKS, Entry, preparation
from scenarios.load.misfortunes import Plan, Strikes, as_order, outages_of, plan, unstruck
from scenarios.load.profile import LoadProfile, compressed
from scenarios.load.results import (
    APPROVED,
    BOOKS,
    DOORS,
    LANDINGS,
    PLACES,
    SAMPLES,
    STRIKES,
    ApprovedRow,
    BookRow,
    DoorRow,
    Findings,
    LandingRow,
    Outage,
    PlaceRow,
    StrikeRow,
    write_findings,
)
from scenarios.load.samples import Sampler
from scenarios.load.truth import REFUSED, UNKNOWN

SECRET_ENV = "SPRINGTIDE_LOAD_SECRET"
SCENARIO_FILE = "systems.json"
FOUND_SECONDS = 300.0
"""How long a firm of fifty thousand may take to be founded on a busy machine (measured: 10 s on an idle one)."""
CARRIED_SECONDS = 120.0
PLACED = ("lost", "double", "wrong_amount", "wrong_period", "wrong_order", "invented", "changed_rows")


@dataclass(frozen=True, slots=True)
class ScenarioFirm:
    """The systems of a scenario that stands in a file."""

    file: Path
    seed: int

    def arguments(self) -> list[str]:
        """For `springtide mocks serve`."""
        return [str(self.file), "--seed", str(self.seed)]


@dataclass(slots=True)
class Rig:
    """What runs during a load."""

    profile: LoadProfile
    folder: Path
    timeline: TimeLine
    calendar: LoadCalendar
    deployment: Deployment
    part: Part
    """The process of the runtime that lives now."""
    secret: str
    plan: Plan
    with_source: bool
    started_at_ms: int = 0
    strikes: Strikes | None = None
    sampler: Sampler | None = None
    _accounts_away: list[Outage] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where the runtime listens."""
        server = self.deployment.settings.server
        return f"http://{server.host}:{server.port}"

    @property
    def source_url(self) -> str:
        """Where the mock systems listen."""
        return self.deployment.mocks.url

    @property
    def key(self) -> str:
        """The bearer key of whoever loads it."""
        return self.deployment.key

    @property
    def secrets(self) -> dict[str, str]:
        """Of sources that sign their webhooks."""
        return {WEBHOOKS: self.secret}

    @property
    def runtime_version(self) -> str:
        """Of the runtime that is loaded."""
        return version("springtide")

    @property
    def outages(self) -> tuple[Outage, ...]:
        """What was away: accounts as it was planned, processes as it came."""
        ours = [] if self.strikes is None else self.strikes.outages
        return tuple(sorted((*self._accounts_away, *ours), key=lambda one: (one.from_ms, one.what)))

    def now_ms(self) -> int:
        """Run time."""
        return int(time() * 1000) - self.started_at_ms

    def begin(self, started_at_ms: int) -> None:
        """Run time 0 is at this instant of the wall clock, ms UTC, which may be to come."""
        self.started_at_ms = started_at_ms
        self.deployment.mocks.must("POST", "/admin/befall", as_order(self.plan.accounts, started_at_ms))
        self._accounts_away = outages_of(self.plan.accounts, self.profile.run_ms)
        self.strikes = Strikes(
            self.plan,
            self,
            self.deployment.mocks,
            self.deployment.gateway,
            self.timeline,
            self.profile.scenario.world.runtime.restart_ms,
        )
        erps = frozenset(entity.erp_account for entity in self.calendar.entities)
        self.sampler = Sampler(
            self.deployment.gateway,
            erps,
            lambda: self.part.process.pid,
            self.deployment.systems.process.pid,
            self.now_ms,
        )
        self.strikes.begin(started_at_ms)
        self.sampler.start()
        for one in self._accounts_away:
            self.timeline.note("planned", f"{one.what} is away from {one.from_ms / 1000:g} s ({one.kind})")

    def restart(self) -> None:
        """Start the runtime again, and wait until it carries every entity. Raises PartFailedError."""
        self.part = self.deployment.serve()
        self.part.hears(START_SECONDS)
        wait_for("every partition runs", CARRIED_SECONDS, self._carried, every_s=0.1)

    def settled(self) -> bool:
        """Whether everything that was to befall has befallen, and nothing is left to do."""
        found = look(self.deployment.gateway)
        if self.strikes is not None and not self.strikes.over:
            return False
        return found is not None and found.settled

    def settle(self, seconds: float) -> bool:
        """Wait until nothing is left to do, or so long; whether it came true."""
        until_s = monotonic() + seconds
        while not (done := self.settled()) and monotonic() < until_s:
            sleep(0.25)
        return done

    def standing(self) -> str:
        """How far everything is, in words."""
        found = self.sampler.latest if self.sampler is not None else None
        if found is None:
            return "the runtime does not answer"
        places = found.places
        return (
            f"{places[Place.POSTED]:,} posted, {places[Place.IN_FLIGHT]:,} in flight, {places[Place.IN_DOUBT]:,} in doubt"
        )

    def finish(self, unanswered: Iterable[Entry] = ()) -> Findings:
        """Write down everything that is known: tables and findings. `unanswered`: versions whose sender never heard
        that they were taken in. Ends the runtime, so that its journals can be read.

        Raises PartFailedError where the mock systems do not answer any more.
        """
        done = look(self.deployment.gateway)
        if self.strikes is not None:
            self.strikes.stop()
        if self.sampler is not None:
            self.sampler.stop()
            SAMPLES.write(self.folder, self.sampler.rows)
        ended_ms = self.now_ms()
        gave_up = set(unanswered)
        approved = list(APPROVED.read(self.folder)) if APPROVED.there(self.folder) else []
        stands = self._landings()
        missing = [
            Version(row.entity, row.entry, row.version)
            for row in approved
            if (row.entry, row.version) not in stands[0] and stands[1].get(row.entry, 0) == row.version
        ]
        raise NotImplementedError
