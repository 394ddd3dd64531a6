"""A runtime that somebody else started, as what a load is put on: the same questions, but nothing here is ours.

    around = Elsewhere(profile, calendar, gateway, mocks, folder, timeline)
    around.prepare()        reference data to the runtime, what was handed in before to the source

Rule 1. No process is killed and no journal read: they are not ours. The report says that this was not tried.
Rule 2. Without mock systems (`mocks` None) nobody can say what stands in a ledger. The load goes on all the same and its
        HTTP answers are told, but the run has proved nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from time import time
from typing import NoReturn

from scenarios.live.deployment import NDJSON, in_bodies
from scenarios.live.parts import Api, Part, PartFailedError, Unreachable, wait_for
from scenarios.live.timeline import TimeLine
from scenarios.live.watch import look
from scenarios.load.calendar import LoadCalendar
from scenarios.load.deliveries import Entry, preparation
from scenarios.load.ends import CUT_OFF, Ends, standing
from scenarios.load.misfortunes import Strikes, as_order, plan
from scenarios.load.predict import outages
from scenarios.load.profile import LoadProfile, compressed
from scenarios.load.results import LANDINGS, SAMPLES, Findings, Outage, write_findings
from scenarios.load.samples import Sampler
from simulators.live import LiveFirm

BODY_BYTES = 4 << 20
"""Of one request with reference data (ours): half of what the gateway takes by default."""
TAKEN_SECONDS = 60.0
NOT_OURS = "the runtime is not ours to kill"
NO_JOURNALS = "journals: the runtime is not ours to end, so they are not read"
NO_LEDGER = "the ledger: without --erp-admin nobody can say what stands in it"


class _Nobody:
    """Stands for the process of a runtime that is not ours; nothing is planned to befall it."""

    part: Part

    def restart(self) -> NoReturn:
        raise PartFailedError(NOT_OURS)


@dataclass(slots=True)
class Elsewhere:
    """A runtime, and perhaps its mock systems, at addresses that were given to us."""

    profile: LoadProfile
    calendar: LoadCalendar
    gateway: Api
    mocks: Api | None
    folder: Path
    timeline: TimeLine
    started_at_ms: int = 0
    _strikes: Strikes | None = None
    _sampler: Sampler | None = None

    @property
    def outages(self) -> tuple[Outage, ...]:
        """What the mock systems take away, as planned."""
        return outages(self.calendar) if self.mocks is not None else ()

    def prepare(self) -> None:
        """Tell everybody what has to be known before the start. Raises PartFailedError."""
        if self.mocks is not None:
            lines: list[bytes] = self.mocks.must("GET", "/admin/reference?as=ndjson").splitlines()
        else:
            world = compressed(self.profile).world
            lines = LiveFirm(world, self.profile.seed, int(time() * 1_000)).reference_events()
        for body in in_bodies(lines, BODY_BYTES):
            wait_for("the reference data is taken in", TAKEN_SECONDS, lambda body=body: self._taken_in(body), 0.5)
        self.timeline.note("runtime", "the runtime knows the reference data")
        if self.mocks is None:
            return
        told = 0
        for one in preparation(self.profile):
            self.mocks.must(one.method, one.path, one.body)
            told += one.body.count(b"\n") + 1
        self.timeline.note("source", f"the source knows {told:,} lines that were handed in before")

    def _taken_in(self, lines: bytes) -> bool:
        try:
            status, told, _ = self.gateway.ask("POST", "/v1/bulk", lines, NDJSON)
        except Unreachable:
            return False
        if status not in (202, 429, 503):
            raise PartFailedError(f"the reference data was answered with {status}: {told.get('detail')}")
        return status == 202

    def begin(self, started_at_ms: int) -> None:
        """Run time 0 is at this instant of the systems' clock, ms UTC; misfortunes are set, and looks begin."""
        self.started_at_ms = started_at_ms
        planned = plan(self.calendar)
        erps = frozenset(entity.erp_account for entity in self.calendar.entities)
        self._sampler = Sampler(self.gateway, erps, lambda: 0, 0, lambda: int(time() * 1_000) - started_at_ms)
        self._sampler.start()
        if self.mocks is None:
            return
        self.mocks.must("POST", "/admin/befall", as_order(planned.accounts, started_at_ms))
        self._strikes = Strikes(replace(planned, processes=()), _Nobody(), self.mocks, self.gateway, self.timeline, 0)
        self._strikes.begin(started_at_ms)

    def settled(self) -> bool:
        """Whether everything that was to befall has befallen, and nothing is left to do."""
        found = look(self.gateway)
        if self._strikes is not None and not self._strikes.over:
            return False
        return found is not None and found.settled

    def standing(self) -> str:
        """How far everything is, in words."""
        return standing(self._sampler.latest if self._sampler is not None else None)

    def finish(self, unanswered: Iterable[Entry] = (), *, whole: bool = True) -> Findings:
        """Write down what is known at the end. `whole`: that everything was sent.

        Raises PartFailedError where the mock systems do not answer any more.
        """
        settled = self.settled()
        failed = ""
        if self._strikes is not None:
            self._strikes.stop()
            failed = self._strikes.failed
        if self._sampler is not None:
            self._sampler.stop()
            SAMPLES.write(self.folder, self._sampler.rows)
        planned = plan(self.calendar)
        killed = [f"{one.kind.replace('_', ' ')}: {NOT_OURS}" for one in planned.processes]
        not_tried = [*dict.fromkeys(killed), NO_JOURNALS]
        if self.mocks is None:
            LANDINGS.write(self.folder, ())
            findings = Findings(cores=1, settled=settled, audit={}, not_tried=(*not_tried, NO_LEDGER))
        else:
            ours = replace(planned, processes=())
            unaudited = "" if whole else CUT_OFF
            ends = Ends(self.folder, self.calendar, self.mocks, self.gateway, ours, self.started_at_ms, unaudited)
            known = ends.write(unanswered, (), {} if self._strikes is None else self._strikes.struck)
            findings = Findings(
                cores=1,
                settled=settled,
                audit=known.breaches,
                examples=known.examples,
                acknowledged=0,
                not_tried=(*known.not_tried, *not_tried),
                unstruck=(*known.unstruck, *((failed,) if failed else ())),
            )
        write_findings(self.folder, findings)
        return findings
