"""The same recorded input through every driver leaves the same ledger: virtual time, asyncio, Ray.

    small world, no misfortunes ── virtual time ──▶ Transcript ──▶ Ledger
                                                        │
                  mock systems behind sockets ◀── acts ─┤
                          ▲                             └─ events, reference data ──▶ asyncio, or Ray ──▶ Ledger

What is the same input: every act at the source, every move of finance, every event and all reference data, in the
order in which they crossed the border of the recorded run, each once. What is not: when. Real time has no nights, so
a correction often arrives while the version before it is still on its way, which in the recorded run had long been
posted. The one thing whose moment counts is a move of finance, since what is posted before it and after it takes
another date: before each, every driver finishes what it has. A recorded run in which finance moved while work was
under way cannot be compared.

What is the same ledger, for each legal entity:

    standing   lines posted and not reversed: entry, version counted, project, work date, accounting date, quarters,
               bill, cost, currencies. The version counted is the one that the runtime holds for posted: a change of
               words alone is carried by the line that stands, whichever version brought it.
    nets       what all lines of an entry add up to, by project, accounting date and currencies; zeros left out.
    places     where each version ended, and why, if it is parked.
    told       what the source shows as "posted" or "parked". Another status is only told where the source showed one
               of these before, which is a matter of the path.

Ids, keys, instants, how many lines were posted and reversed on the way: those are the path, and may differ.
"""

import asyncio
import os
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import monotonic, time
from typing import Any, Protocol

from runtime.connectors.psa.generic import read_events
from runtime.core.news import News, PeriodPublished
from runtime.drivers.embedded import Embedded
from runtime.drivers.on_asyncio import Host, policy_of
from runtime.drivers.shell import Shell
from runtime.journal.stores import open_store
from runtime.metrics import Metrics
from runtime.ports import IntakeRefusedError, NotOwnerError, Owner, PartitionReport, Receipt, Store
from runtime.settings import Settings
from scenarios.small import small_world
from scenarios.transcript import UNFINISHED, Delivered, Told, Touched, Transcript, transcript_of
from simulators.a_ray_cluster import start_ray_cluster
from simulators.evidence import Evidence, FinalPlace
from simulators.live import LiveFirm
from simulators.over_http import MockSystems, served
from simulators.people.parameters import PeopleSettings
from simulators.settings import DAY_MS, LateMasterData, WorldSettings
from simulators.systems.erp_profile import Latency, Staging

SETTLE_S = 60.0
"""How long a driver may take to finish what it has (ours: it takes one to four seconds)."""
LOOK_S = 0.05
LEASE_MS = 3_000
YEARS_MS = 100 * 365 * DAY_MS
"""What waited long since its approval is asked about before it goes. By today's clock all of this has, and had not when
it was recorded."""
POSTED, PARKED = SHOWN = ("posted", "parked")
Row = tuple[Any, ...]


class NotComparableError(Exception):
    """The recorded run, or a driver's, is none that another could be compared with: one line."""


# ------------------------------------------------------------------ the ledger


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a run leaves behind, without the path; see above. Minor units; every tuple sorted."""

    standing: tuple[Row, ...]
    nets: tuple[Row, ...]
    places: tuple[Row, ...]
    told: tuple[Row, ...]

    def differences(self, other: "Ledger") -> list[str]:
        """What the other ledger says differently, each in a sentence."""
        found: list[str] = []
        for name in ("standing", "nets", "places", "told"):
            ours, theirs = dict.fromkeys(getattr(self, name)), dict.fromkeys(getattr(other, name))
            found += [f"{name}: {row} is missing" for row in ours if row not in theirs]
            found += [f"{name}: {row} is too much" for row in theirs if row not in ours]
            if not found and getattr(self, name) != getattr(other, name):
                found.append(f"{name}: a row stands more often than once")
        return found


def ledger_of(evidences: Mapping[str, Evidence], final: Mapping[str, Iterable[FinalPlace]]) -> Ledger:
    """The ledger by what the mock systems wrote down, and by the runtime's word on where versions are."""
    standing: list[Row] = []
    nets: dict[Row, list[int]] = {}
    places: list[Row] = []
    told: list[Row] = []
    for code, evidence in evidences.items():
        said = list(final[code])
        counted = {one.entry_id: one.version for one in said if one.place == POSTED}
        places += [(code, one.entry_id, one.version, one.place, _why(one)) for one in said]
        shown = (one for one in evidence.psa.values() if one.status in SHOWN)
        told += [(code, one.entry_id, one.version, one.status) for one in shown]
        gone = {line.reverses for line in evidence.lines if line.leg == "reverse"}
        for line in evidence.lines:
            booked = (line.project, line.work_date.isoformat(), line.accounting_date.isoformat())
            currencies = (line.bill_currency, line.cost_currency)
            amounts = (line.quarter_hours, line.bill_minor, line.cost_minor)
            if line.leg == "post" and line.key not in gone:
                version = counted.get(line.entry_id, 0)
                standing.append((code, line.entry_id, version, *booked, *amounts, *currencies))
            sums = nets.setdefault((code, line.entry_id, booked[0], booked[2], *currencies), [0, 0, 0])
            for at, amount in enumerate(amounts):
                sums[at] += amount
    return Ledger(
        tuple(sorted(standing)),
        tuple(sorted((*name, *sums) for name, sums in nets.items() if any(sums))),
        tuple(sorted(places)),
        tuple(sorted(told)),
    )


def _why(one: FinalPlace) -> str:
    return one.reason if one.place == PARKED else ""


# ------------------------------------------------------------------ the worlds


_RESTLESS = PeopleSettings(correction_ppm=300_000, withdrawal_ppm=80_000, duplicate_ppm=30_000)
_HASTY = PeopleSettings(second_thoughts_ppm=400_000, correction_ppm=150_000, withdrawal_ppm=60_000)
_LATE = PeopleSettings(late_ppm=400_000, auto_approve_ppm=200_000, correction_ppm=200_000, withdrawal_ppm=60_000)


def _world(people: PeopleSettings, **changes: Any) -> WorldSettings:
    return small_world().model_copy(update={"people": people, **changes})


def _closing() -> WorldSettings:
    """The gate of the month shuts two working days after its end, while people hand in late and correct."""
    world = _world(_LATE)
    return world.model_copy(update={"firm": world.firm.model_copy(update={"close_after_working_days": 2})})


WORLDS: dict[str, tuple[WorldSettings, int]] = {
    "restless": (_world(_RESTLESS), 1),
    "second_thoughts": (_world(_HASTY), 2),
    "staged": (_world(_RESTLESS, erp=small_world("async_job").erp), 3),
    "closing": (_closing(), 4),
    "late_projects": (_world(_RESTLESS, late_master_data=LateMasterData(ppm=400_000, after_ms=10 * DAY_MS)), 6),
    "parked": (_world(_RESTLESS, late_master_data=LateMasterData(ppm=400_000, after_ms=365 * DAY_MS)), 9),
}
"""Worlds without misfortunes, each with its seed: everything that people and finance do is in one of them."""


def in_real_time(world: WorldSettings) -> WorldSettings:
    """The same world for people who wait: systems that answer at once, and a runtime that lingers for nobody.

    Nothing of this decides what is posted. Numbers are ours.
    """
    erp, run = world.erp, world.runtime
    staging = erp.staging
    if staging is not None:
        staging = Staging.model_validate({**staging.model_dump(), "shortest_ms": 20, "longest_ms": 200})
    return world.model_copy(
        update={
            "erp": erp.model_copy(
                update={
                    "latency": Latency(p50_ms=2, p99_ms=10, per_row_us=10, door_ms=1),
                    "quota": None,
                    "staging": staging,
                }
            ),
            "psa": world.psa.model_copy(update={"latency_low_ms": 1, "latency_high_ms": 4}),
            "runtime": run.model_copy(
                update={
                    "linger_ms": min(run.linger_ms, 30),
                    "tell_linger_ms": min(run.tell_linger_ms, 60),
                    "late_landing_ms": 5_000,
                    "call_deadline_ms": 5_000,
                    "confirm_after_ms": YEARS_MS,
                }
            ),
        }
    )


# ------------------------------------------------------------------ the drivers


class Runtime(Protocol):
    """What a driver of real time is to whoever feeds it."""

    async def start(self) -> None:
        """Carry every entity."""

    async def take(self, entity: str, news: Sequence[News], size: int, deadline_s: float) -> Sequence[Receipt]:
        """Take news in."""

    async def partitions(self) -> Sequence[PartitionReport]:
        """How every partition stands."""

    async def drain(self, who: str, why: str) -> None:
        """Finish what is on the wire."""

    async def stop(self) -> None:
        """End."""


Drive = Callable[[Settings, Store, Mapping[str, str]], AbstractAsyncContextManager[Runtime]]


@asynccontextmanager
async def on_asyncio(settings: Settings, store: Store, environ: Mapping[str, str]) -> AsyncIterator[Runtime]:
    """One host that carries everything, in this process."""
    host = Host(settings, store, f"parity@{socket.gethostname()}", "", environ=environ)

    def rival(why: str) -> None:
        raise AssertionError(f"nobody else knows this journal: {why}")

    async with _running(Embedded(host, rival)) as runtime:
        yield runtime


@cache
def _ray_token() -> str:
    """What is shown to our clusters; Ray reads it once in the life of a process."""
    return secrets.token_hex(32)


@asynccontextmanager
async def on_ray(settings: Settings, store: Store, environ: Mapping[str, str]) -> AsyncIterator[Runtime]:
    """Hosts on a throw-away Ray cluster with a node for each region.

    What Ray wants to know stays in the environment of this process.
    """
    from runtime.drivers.on_ray import fleet

    regions = tuple(dict.fromkeys(where.region for where in settings.entities.values()))
    cluster = await asyncio.to_thread(start_ray_cluster, regions, _ray_token(), environ)
    try:
        os.environ.update(cluster.environ)
        runtime = fleet(settings, store, cluster.address, {**os.environ, **environ}, Metrics())
        async with _running(runtime):
            yield runtime
    finally:
        await asyncio.to_thread(cluster.stop)


@asynccontextmanager
async def _running(runtime: Runtime) -> AsyncIterator[Runtime]:
    await runtime.start()
    try:
        yield runtime
    finally:
        await runtime.drain("parity", "everything was played")
        await runtime.stop()


DRIVERS: dict[str, Drive] = {"asyncio": on_asyncio, "ray": on_ray}
"""Every driver of real time; virtual time made the recording."""


@dataclass(frozen=True, slots=True)
class Parity:
    """What came of a comparison. `differences` empty: all drivers left the same ledger.

    `versions` and `standing` are those of the recorded run. `lines`: driver to lines that ever came to stand; where
    the numbers differ, corrections overtook what was on its way, and the paths were different ones.
    """

    versions: int
    standing: int
    lines: dict[str, int]
    differences: tuple[str, ...]


def parity(world: WorldSettings, seed: int, drivers: Sequence[str] = ("asyncio",)) -> Parity:
    """Record the input of a world in virtual time, play it through these drivers, and compare what they leave.

    Raises NotComparableError where a run did not settle, or finance moved while work was under way.
    """
    if world.faults:
        raise NotComparableError("misfortunes strike by the clock, and every driver has another one: leave them out")
    recorded = transcript_of(world, seed)
    ours = ledger_of_virtual_time(recorded)
    lines = {"simpy": lines_of(recorded.seen.evidences)}
    differences: list[str] = []
    for driver in drivers:
        theirs, lines[driver] = played(recorded, driver)
        differences += [f"{driver}: {text}" for text in ours.differences(theirs)]
    return Parity(len(ours.places), len(ours.standing), lines, tuple(differences))


def ledger_of_virtual_time(recorded: Transcript) -> Ledger:
    """What the recorded run itself left. Raises NotComparableError, see `parity`."""
    seen = recorded.seen
    if recorded.hasty or seen.unsettled:
        raise NotComparableError((recorded.hasty + seen.unsettled)[0])
    return ledger_of(seen.evidences, {code: evidence.final for code, evidence in seen.evidences.items()})


def lines_of(evidences: Mapping[str, Evidence]) -> int:
    """How many lines ever came to stand."""
    return sum(len(evidence.lines) for evidence in evidences.values())


def played(transcript: Transcript, driver: str) -> tuple[Ledger, int]:
    """What this driver makes of the recorded input, and how many lines ever came to stand."""
    evidences, final = asyncio.run(_played(transcript, driver))
    return ledger_of(evidences, final), lines_of(evidences)


async def _played(transcript: Transcript, driver: str) -> tuple[dict[str, Evidence], dict[str, list[FinalPlace]]]:
    """The whole input through one driver, to its end."""
    world = in_real_time(transcript.world)
    late = transcript.late_projects
    began_s, began_ms = monotonic(), transcript.seen.end_ms

    def now_ms() -> int:
        # After everything that people did, so that nothing is from the future.
        return began_ms + int((monotonic() - began_s) * 1_000)

    app = MockSystems(lambda at_ms: LiveFirm(world, transcript.seed, at_ms, late_projects=lambda _: late), now_ms)
    with tempfile.TemporaryDirectory(prefix="springtide-parity-") as folder:
        async with served(app, 0) as (url,):
            settings = _settings(app.live, url, Path(folder))
            store = open_store(settings.journal, os.environ)
            try:
                async with DRIVERS[driver](settings, store, app.live.environment) as runtime:
                    await _Feed(app.live, runtime).play(transcript)
                app.live.advance(app.now_ms())
                return app.live.evidences, await _places(store, settings)
            finally:
                store.close()


def _settings(live: LiveFirm, url: str, folder: Path) -> Settings:
    told = live.deployment(url)
    for account in told["accounts"].values():
        account["staged_poll_ms"] = 100
    run = live.settings.runtime
    journal = {
        "directory": str(folder / "journal"),
        "shared": True,
        "lease_ms": LEASE_MS,
        "lease_margin_ms": LEASE_MS // 6,
        "checkpoint_every": run.checkpoint_every,
    }
    return Settings.model_validate({**told, "journal": journal, "log": {"level": "warning"}})


class _Feed:
    """Plays a transcript to a runtime and to the systems it works with."""

    def __init__(self, live: LiveFirm, runtime: Runtime) -> None:
        self._live = live
        self._runtime = runtime
        self._fed_ms = 0
        self._settled = True

    async def play(self, transcript: Transcript) -> None:
        """Everything in its order, and then to the end."""
        for moment in transcript.moments:
            match moment:
                case Touched():
                    if moment.method == "set_period":
                        await self._settle()
                    systems: Mapping[str, Any] = self._live.erps if moment.system == "erp" else self._live.psas
                    getattr(systems[moment.account], moment.method)(*moment.given, **moment.named)
                case Told():
                    if any(isinstance(one, PeriodPublished) for one in moment.news):
                        await self._settle()
                    await self._take(moment.entity, moment.news, 0)
                case Delivered():
                    news, letters = read_events(moment.bodies)
                    assert not letters, "without misfortunes every event can be read"
                    await self._take(moment.entity, news, sum(map(len, moment.bodies)))
        await self._settle()

    async def _take(self, entity: str, news: Sequence[News], size: int) -> None:
        until_s = monotonic() + SETTLE_S
        while True:
            try:
                await self._runtime.take(entity, news, size, 10.0)
                break
            except IntakeRefusedError as busy:
                if monotonic() > until_s:
                    raise NotComparableError(f"{entity} takes nothing in: {busy}") from busy
                await asyncio.sleep(LOOK_S)
        self._fed_ms, self._settled = int(time() * 1_000), False

    async def _settle(self) -> None:
        """Wait until everything that was taken in is done with; a report from before that says nothing."""
        until_s = monotonic() + SETTLE_S
        while not self._settled:
            reports = await self._runtime.partitions()
            self._settled = all(one.at_ms > self._fed_ms and _done(one) for one in reports)
            if self._settled:
                return
            if monotonic() > until_s:
                left = [f"{one.entity} {one.state} {one.untold}" for one in reports if not _done(one)]
                raise NotComparableError(f"not settled within {SETTLE_S:g} s: {', '.join(left) or 'no fresh report'}")
            await asyncio.sleep(LOOK_S)


def _done(one: PartitionReport) -> bool:
    left = sum(one.places[place].count for place in UNFINISHED)
    return one.state == "running" and not (left or one.untold or one.calls_open or one.undecided_bytes)


async def _places(store: Store, settings: Settings) -> dict[str, list[FinalPlace]]:
    """Where each version ended, as the journals have it."""
    final: dict[str, list[FinalPlace]] = {}
    for entity in settings.entities:
        journal = store.journal(await _claimed(store, entity))
        shell = Shell(policy_of(settings, entity), journal)
        shell.recover()
        final[entity] = [
            FinalPlace(entry_id, version, note.place.value, reason, note.bill_minor, int(note.hours * 4))
            for entry_id, reason, versions in shell.places()
            for version, note in versions.items()
        ]
        journal.close()
    return final


async def _claimed(store: Store, entity: str) -> Owner:
    """Own a partition that nobody runs any more; a lease that was not given back has to end first."""
    until_s = monotonic() + 2 * LEASE_MS / 1_000
    while True:
        try:
            return store.claim(entity, "parity", "", 60_000)
        except NotOwnerError:
            if monotonic() > until_s:
                raise
            await asyncio.sleep(LOOK_S)
