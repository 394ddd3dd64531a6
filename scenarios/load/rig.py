"""The rig of a load run: the runtime as it ships and the mock systems of the scenario, as processes on this machine.

    with load_rig(profile, folder, timeline) as rig:     mock systems, runtime, reference data, what was handed in
        rig.url, rig.source_url, rig.key, rig.secrets    whom to load, and what opens the doors
        rig.begin(started_at_ms)                         run time 0: misfortunes are set, a look every second
        rig.settled()                                    whether nothing is left to do
        rig.finish(unanswered)                           landings.csv and everything else that is known at the end
                                                         whatever was started here is ended here

Rule 1. Ports are free ones of the loopback interface, and everything lives in one folder.
Rule 2. The mock systems are those of the compressed scenario: its quotas, manners and faults of chance.
Rule 3. The runtime is not told to ask the source for a list. What a load's source knows beforehand would come early.
Rule 4. `finish` reads approved.csv of the folder, which whoever sent has written by then; it may be called once.
"""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import monotonic, sleep, time

from scenarios.live.deployment import START_SECONDS, Deployment
from scenarios.live.parts import Api, Part, wait_for
from scenarios.live.timeline import TimeLine
from scenarios.live.verdict import Verdict, check_journals
from scenarios.live.watch import look
from scenarios.load.calendar import LoadCalendar
from scenarios.load.deliveries import WEBHOOKS, Entry, preparation
from scenarios.load.misfortunes import Plan, Strikes, as_order, plan
from scenarios.load.predict import outages
from scenarios.load.profile import LoadProfile, compressed, deployed
from scenarios.load.results import SAMPLES, Findings, Outage, write_findings
from scenarios.load.samples import Sampler
from scenarios.load.witness import Witness

SECRET_ENV = "SPRINGTIDE_LOAD_SECRET"  # noqa: S105  # where the secret is, not what it is
SCENARIO_FILE = "systems.json"
FOUND_SECONDS = 300.0
"""How long a firm of fifty thousand may take to be founded on a busy machine (measured: 10 s on an idle one)."""
CARRIED_SECONDS = 120.0


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

    @property
    def url(self) -> str:
        """Where the runtime listens."""
        return self.deployment.gateway_url

    @property
    def source_url(self) -> str:
        """Where the mock systems listen."""
        return self.deployment.systems_url

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
        """What was away: accounts as planned, the runtime as it came."""
        ours = [] if self.strikes is None else self.strikes.outages
        return tuple(sorted((*outages(self.calendar), *ours), key=lambda one: (one.from_ms, one.what)))

    def now_ms(self) -> int:
        """Run time."""
        return int(time() * 1000) - self.started_at_ms

    def begin(self, started_at_ms: int) -> None:
        """Run time 0 is at this instant of the wall clock, ms UTC, which may be to come."""
        self.started_at_ms = started_at_ms
        self.deployment.mocks.must("POST", "/admin/befall", as_order(self.plan.accounts, started_at_ms))
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
        for one in outages(self.calendar):
            self.timeline.note("planned", f"{one.what} is away from {one.from_ms / 1000:g} s ({one.kind})")

    def restart(self) -> None:
        """Start the runtime again, and wait until it carries every entity. Raises PartFailedError."""
        self.part = self.deployment.serve()
        self.part.hears(START_SECONDS)
        wait_for("every partition runs", CARRIED_SECONDS, self.carried, every_s=0.1)

    def carried(self) -> bool:
        """Whether every partition runs."""
        found = look(self.deployment.gateway)
        return found is not None and found.running

    def stop(self) -> None:
        """No more misfortunes, and nobody looks any more."""
        if self.strikes is not None:
            self.strikes.stop()
        if self.sampler is not None:
            self.sampler.stop()

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
        return "the runtime does not answer" if found is None else str(found)

    def finish(self, unanswered: Iterable[Entry] = (), *, whole: bool = True) -> Findings:
        """Write down everything that is known: tables and findings. `unanswered`: versions whose sender never heard
        that they were taken in; `whole`: that everything was sent. Ends the runtime, so that its journals can be read.

        Raises PartFailedError where the mock systems do not answer any more.
        """
        settled = self.settled()
        self.stop()
        if self.sampler is not None:
            SAMPLES.write(self.folder, self.sampler.rows)
        witness = Witness(
            self.folder, self.calendar, self.started_at_ms, self.deployment.gateway, self.deployment.mocks
        )
        seen = witness.look(unanswered, () if self.strikes is None else self.strikes.outages, self.with_source, whole)
        self.part.end()
        self.timeline.note("ended", "the runtime has ended; its journals are read")
        verdict = Verdict(seen.audit)
        check_journals(verdict, self.deployment.settings, self.deployment.environ, seen.acknowledged)
        findings = seen.findings(self.plan, self.strikes, settled).model_copy(
            update={
                "acknowledged": verdict.acknowledged,
                "acknowledged_unknown": len(verdict.unknown),
                "frames": verdict.frames,
                "violations": tuple(verdict.violations),
            }
        )
        write_findings(self.folder, findings)
        return findings


@contextmanager
def load_rig(
    profile: LoadProfile, folder: Path, timeline: TimeLine, calendar: LoadCalendar | None = None, *, source: bool = True
) -> Iterator[Rig]:
    """Everything that a load needs on this machine, ready to be loaded. `source`: whether the mock source is told.

    Raises PartFailedError where a part cannot start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        yield _set_up(stack, profile, folder, timeline, calendar or LoadCalendar(profile), source)


def _set_up(
    stack: ExitStack, profile: LoadProfile, folder: Path, timeline: TimeLine, calendar: LoadCalendar, source: bool
) -> Rig:
    scenario = folder / SCENARIO_FILE
    scenario.write_text(compressed(profile).model_dump_json(indent=2) + "\n", encoding="utf-8")
    secret = secrets.token_hex(32)
    tables: dict[str, dict[str, object]] = {
        "journal": {"kind": "sqlite", "directory": str(folder / "journal")},
        "webhooks": {WEBHOOKS: {"secret_env": SECRET_ENV}},
    }
    deployment = Deployment(
        stack,
        folder,
        ScenarioFirm(scenario, profile.seed),
        tables,
        {SECRET_ENV: secret},
        adapted=partial(deployed, profile),
        found_seconds=FOUND_SECONDS,
    )
    timeline.note("systems", f"mock systems of {len(calendar.entities)} legal entities at {deployment.systems_url}")
    rig = Rig(profile, folder, timeline, calendar, deployment, deployment.serve(), secret, plan(calendar), source)
    # Which process that is then, only the rig knows: it is replaced where it was killed.
    stack.callback(lambda: rig.part.end())
    stack.callback(rig.stop)
    rig.part.hears(START_SECONDS)
    wait_for("every partition runs", CARRIED_SECONDS, rig.carried, every_s=0.1)
    deployment.publish_reference_data()
    timeline.note("runtime", f"the runtime carries every entity at {rig.url}, and knows the reference data")
    if source:
        timeline.note("source", f"the source knows {hand_in(deployment.mocks, profile):,} lines of before the window")
    return rig


def hand_in(mocks: Api, profile: LoadProfile) -> int:
    """Tell the source what was handed in before the window; how many lines."""
    lines = 0
    for one in preparation(profile):
        mocks.must(one.method, one.path, one.body)
        lines += one.body.count(b"\n") + 1
    return lines
