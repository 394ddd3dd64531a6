"""The journey of the cluster demo: a burst of approved entries, three incidents while it runs, and a verdict.

    systems, journal, cluster ─▶ runtime ─▶ reference data
    wave 1 ─▶ a host process is killed     ─▶ everybody is carried again
    wave 2 ─▶ the ERP is away for 20 s     ─▶ it is back
    wave 3 ─▶ a node is lost               ─▶ a new node of its region joins, everybody is carried again
    wave 4 ─▶ everything is acknowledged   ─▶ settled ─▶ the end of all processes ─▶ audit

On Ray the journal is PostgreSQL and hosts are pinned to the nodes of their regions. Without Ray the same journey goes
through one process on SQLite: instead of a host and of a node it is that process which is killed and started again.

Each incident strikes in the middle of its wave, at a place that chance names under the seed. An incident that left
no trace did not happen, and a run in which one did not happen proved nothing.
"""

import secrets
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from runtime.core.model import Place
from scenarios.live.burst import Burst, Traffic
from scenarios.live.deployment import Deployment, MockFirm
from scenarios.live.nodes import HEAD, Hosts
from scenarios.live.parts import Part, PartFailedError, wait_for
from scenarios.live.timeline import TimeLine
from scenarios.live.verdict import Verdict, audit, check_journals
from scenarios.live.watch import Look, Watch
from simulators.a_postgres import start_postgres
from simulators.a_ray_cluster import start_ray_cluster
from simulators.chance import between

HOST_KILLED, ERP_AWAY, NODE_LOST, PROCESS_KILLED = "host_killed", "erp_away", "node_lost", "process_killed"
WAVES = 4
START_SECONDS = 120.0
RECOVER_SECONDS = 90.0
"""How long everybody may take to be carried again: a lease of 8 s, a process, a recovery."""
LEASE_MS, MARGIN_MS = 8_000, 2_000
"""Shorter than the default, so that a lost host is missed for 8 s; longer than a busy machine lets a process wait."""
NODE_DOWN_SECONDS = 3.0
"""How long a region has no node before a new one is started."""
PROBES = {"probe_first_ms": 2_000, "probe_max_ms": 4_000}
"""How soon the runtime looks whether a broken account works again: 30 s and more by default, and a demo has no time."""
TOUCHED_PPM = 100_000
"""A wave has begun when a tenth of it was delivered; an incident strikes up to half of a wave later."""


@dataclass(frozen=True, slots=True)
class Route:
    """What the journey is made of."""

    with_ray: bool = True
    traffic: Traffic = field(default_factory=lambda: Traffic(batch=500, block=1_200))
    firm: MockFirm = field(default_factory=lambda: MockFirm(entities=12, regions=3, accounts=4))
    away_seconds: float = 20.0
    settle_seconds: float = 120.0


@dataclass(slots=True)
class Incident:
    """One misfortune, and what was seen of it."""

    name: str
    what: str = ""
    struck_ms: int | None = None
    over_ms: int | None = None
    """When everything was as before."""
    traces: list[str] = field(default_factory=list)
    """What it did that could be seen from outside; without any it did not happen."""

    def told(self) -> dict[str, Any]:
        """For machines."""
        return {**asdict(self), "happened": bool(self.traces)}


@dataclass(slots=True)
class Scene:
    """Everything that runs during a journey."""

    route: Route
    timeline: TimeLine
    deployment: Deployment
    burst: Burst
    watch: Watch
    runtime: Part
    hosts: Hosts | None
    incidents: list[Incident] = field(default_factory=list)

    def strikes(self, name: str, what: str) -> Incident:
        """An incident begins now."""
        incident = Incident(name, what, self.timeline.now_ms())
        self.incidents.append(incident)
        self.timeline.note(name, f"{what}: {self.standing()}")
        return incident

    def over(self, incident: Incident, what: str) -> None:
        """It is over."""
        incident.over_ms = self.timeline.now_ms()
        self.timeline.note(f"{incident.name}_over", f"{what}: {self.standing()}")

    def standing(self) -> str:
        """How far everything is, in words."""
        found = self.watch.latest
        acknowledged = f"{len(self.burst.acknowledged):,} acknowledged"
        if found is None:
            return acknowledged
        places = found.places
        return (
            f"{acknowledged}, {places[Place.POSTED]:,} posted, {places[Place.IN_FLIGHT]:,} in flight, "
            f"{places[Place.IN_DOUBT]:,} in doubt"
        )

    def is_carried(self, seconds: float = RECOVER_SECONDS) -> None:
        """Wait until every partition runs."""
        wait_for("every partition runs", seconds, self._all_run, every_s=0.25)

    def owners(self) -> dict[str, str]:
        """Entity to the host that carries it now."""
        found: Look = wait_for("the runtime says how things stand", RECOVER_SECONDS, self.watch.now)
        return {entity: one["host"] for entity, one in found.partitions.items()}

    def _all_run(self) -> bool:
        found = self.watch.now()
        return found is not None and found.running

    def wave(self, number: int) -> None:
        """Release the next wave, and come back in the middle of it."""
        size = self.route.traffic.entries // WAVES
        last = number + 1 == WAVES
        self.burst.release(self.route.traffic.entries if last else size * (number + 1))
        if not last:
            into_ppm = TOUCHED_PPM + between(0, 500_000, self.route.traffic.seed, "live/strike", number)
            seen = size * number + size * into_ppm // 1_000_000
            wait_for(f"wave {number + 1} is delivered", RECOVER_SECONDS, lambda: self.burst.delivered(seen), 0.005)


def travel(route: Route, folder: Path, timeline: TimeLine, watched: Callable[[Burst, Watch], None]) -> dict[str, Any]:
    """The whole journey; the report, with "exit" as in DESIGN.md. `watched` is told what there is to watch.

    What all processes log is in `folder` afterwards.
    Raises PartFailedError where a part cannot start or does not do what it is waited for.
    """
    with ExitStack() as stack:
        scene = _set_up(stack, route, folder, timeline)
        watched(scene.burst, scene.watch)
        scene.burst.start()
        for number, strike in enumerate(_on_ray(scene) if route.with_ray else _in_one_process(scene)):
            scene.wave(number)
            strike()
        scene.wave(WAVES - 1)
        late = _settle(scene)
        verdict = Verdict(audit(scene.deployment.mocks, scene.deployment.gateway, scene.burst.versions), late=late)
        regions = _regions(scene, verdict)
        scene.watch.stop()
        scene.runtime.end()
        if scene.hosts is not None:
            scene.hosts.keep_logs(folder)
            scene.hosts.cluster.stop()
        timeline.note("ended", "the runtime has ended; its journals are read")
        check_journals(verdict, scene.deployment.settings, scene.deployment.environ, scene.burst.acknowledged)
        _judge(scene, verdict)
    return {
        "journey": "on_ray" if route.with_ray else "in_one_process",
        "seed": route.traffic.seed,
        **verdict.told(),
        "incidents": [one.told() for one in scene.incidents],
        "regions": regions,
        "deliveries": dict(sorted(scene.burst.answers.items())),
        "duplicates_answered": scene.burst.duplicates,
        "seconds": timeline.now_ms() / 1_000,
        "time_line": [asdict(one) for one in timeline.moments],
    }


# ------------------------------------------------------------------ the scene


def _set_up(stack: ExitStack, route: Route, folder: Path, timeline: TimeLine) -> Scene:
    journal: dict[str, object] = {"lease_ms": LEASE_MS, "lease_margin_ms": MARGIN_MS, "checkpoint_every": 512}
    environ: dict[str, str] = {}
    if route.with_ray:
        dsn, stop = start_postgres()
        stack.callback(stop)
        timeline.note("postgres", "PostgreSQL runs")
        journal |= {"kind": "postgres", "dsn_env": "SPRINGTIDE_DSN"}
        environ = {"SPRINGTIDE_DSN": dsn}
    else:
        journal |= {"kind": "sqlite", "directory": str(folder / "journal")}
    tables: dict[str, dict[str, object]] = {"journal": journal, "log": {"format": "json", "level": "info"}}
    deployment = Deployment(stack, folder, route.firm, tables, environ, PROBES)
    regions = tuple(dict.fromkeys(deployment.region_of.values()))
    timeline.note("mocks", f"mock systems of {len(deployment.region_of)} legal entities in {', '.join(regions)}")
    hosts: Hosts | None = None
    if route.with_ray:
        cluster = start_ray_cluster([HEAD, *regions], secrets.token_hex(32), deployment.environ)
        stack.callback(cluster.stop)
        deployment.environ |= cluster.environ
        hosts = Hosts(cluster, regions)
        stack.callback(hosts.keep_logs, folder)
        timeline.note("ray", f"a Ray cluster runs: a head and {len(regions)} nodes")
    runtime = deployment.serve(*(("--ray", hosts.cluster.address) if hosts is not None else ()))
    burst = Burst(deployment.mocks, deployment.gateway, deployment.region_of, route.traffic)
    watch = Watch(deployment.gateway)
    scene = Scene(route, timeline, deployment, burst, watch, runtime, hosts)
    # Which process that is then, only the scene knows: it is replaced where it was killed.
    stack.callback(lambda: scene.runtime.end())
    stack.callback(burst.stop)
    runtime.hears(START_SECONDS)
    watch.start()
    stack.callback(watch.stop)
    scene.is_carried(START_SECONDS)
    if hosts is not None:
        found = hosts.look()
        timeline.note("hosts", "; ".join(f"process {pid} in {region}" for pid, region in sorted(found.items())))
    deployment.publish_reference_data()
    timeline.note("ready", "every entity is carried, and its reference data is known; the burst begins")
    return scene


def _settle(scene: Scene) -> list[str]:
    """Wait until everything is acknowledged and nothing is left to do; what did not come true in time."""
    until_s = monotonic() + scene.route.settle_seconds
    while not scene.burst.finished:
        if monotonic() > until_s:
            return [f"{len(scene.burst.versions) - len(scene.burst.acknowledged)} versions were not acknowledged"]
        sleep(0.05)
    scene.timeline.note("delivered", f"every version is acknowledged: {len(scene.burst.acknowledged):,}")
    while (found := scene.watch.now()) is None or not found.settled:
        if monotonic() > until_s:
            return [f"not settled: {scene.standing()}"]
        sleep(0.25)
    scene.timeline.note("settled", f"settled: {found.places[Place.POSTED]:,} posted, nothing on its way")
    return []


# ------------------------------------------------------------------ the incidents


def _on_ray(scene: Scene) -> list[Callable[[], None]]:
    return [lambda: _kill_a_host(scene), lambda: _erp_away(scene), lambda: _lose_a_node(scene)]


def _in_one_process(scene: Scene) -> list[Callable[[], None]]:
    return [
        lambda: _kill_the_process(scene, 0.0),
        lambda: _erp_away(scene),
        lambda: _kill_the_process(scene, NODE_DOWN_SECONDS),
    ]


def _kill_a_host(scene: Scene) -> None:
    """The host process that carries the most entities is killed with -9."""
    hosts = scene.hosts
    assert hosts is not None, "there are hosts on a cluster alone"
    living = hosts.look()
    carried = Counter(one.pid for one in hosts.sightings() if one.pid in living)
    if not carried:
        raise PartFailedError("no host process was seen carrying anything")
    pid = max(sorted(carried), key=lambda one: carried[one])
    before = scene.owners()
    incident = scene.strikes(HOST_KILLED, f"kill -9 of the host process {pid} in {living[pid]}")
    hosts.kill(pid)
    wait_for("the process is gone", 10.0, lambda: pid not in hosts.look())
    _carried_elsewhere(scene, incident, before, f"the process {pid} is gone")
    scene.over(incident, "every entity is carried again")


def _lose_a_node(scene: Scene) -> None:
    """Every process of one region's node is killed at once; later a new node of the region joins.

    Which region: chance says.
    """
    hosts = scene.hosts
    assert hosts is not None, "there are nodes on a cluster alone"
    at = between(0, len(hosts.regions) - 1, scene.route.traffic.seed, "live/node")
    region = hosts.regions[at]
    gone = [pid for pid, where in hosts.look().items() if where == region]
    before = scene.owners()
    incident = scene.strikes(NODE_LOST, f"the node of {region} is lost, with its hosts")
    hosts.cluster.lose(region)
    wait_for("the node's hosts are gone", 10.0, lambda: not set(gone) & hosts.look().keys())
    sleep(NODE_DOWN_SECONDS)
    hosts.cluster.start(region)
    scene.timeline.note("node_joins", f"a new node of {region} has joined")
    _carried_elsewhere(scene, incident, before, f"the node of {region} and its host processes are gone")
    hosts.look()
    scene.over(incident, "every entity is carried again")


def _carried_elsewhere(scene: Scene, incident: Incident, before: dict[str, str], gone: str) -> None:
    """Wait until other hosts carry what a lost one carried."""
    lost: dict[str, None] = {}

    def moved() -> bool:
        found = scene.watch.now()
        if found is None or not found.running:
            return False
        lost.update({entity: None for entity, one in found.partitions.items() if one["host"] != before[entity]})
        return bool(lost)

    wait_for("other hosts carry what the lost one carried", RECOVER_SECONDS, moved, every_s=0.25)
    incident.traces += [gone, f"{', '.join(sorted(lost))} went to other hosts"]


def _kill_the_process(scene: Scene, down_seconds: float) -> None:
    """The one process is killed with -9, and started again."""
    pid = scene.runtime.process.pid
    incident = scene.strikes(PROCESS_KILLED, f"kill -9 of the process {pid}")
    scene.runtime.kill()
    sleep(down_seconds)
    scene.runtime = scene.deployment.serve()
    scene.runtime.hears(START_SECONDS)
    scene.is_carried()
    incident.traces.append(f"the process {pid} is gone, {scene.runtime.process.pid} went on")
    scene.over(incident, "every entity is carried again")


def _erp_away(scene: Scene) -> None:
    """Every ERP closes its connections without a word for a while."""
    seconds = scene.route.away_seconds
    incident = scene.strikes(ERP_AWAY, f"the ERP is away for {seconds:g} s")
    until_s = monotonic() + seconds
    scene.deployment.mocks.must("POST", "/admin/away", {"seconds": seconds, "style": "reset"})
    lines = _lines(scene)
    modes: dict[str, None] = {}
    doubt = 0
    while monotonic() < until_s - 0.5:
        told = scene.deployment.gateway.must("GET", "/v1/accounts")["accounts"]
        modes.update({f"{one['account']} {one['mode']}": None for one in told if one["mode"] != "open"})
        found = scene.watch.now()
        doubt = max(doubt, found.places[Place.IN_DOUBT] if found is not None else 0)
        sleep(0.25)
    landed = _lines(scene) - lines
    if landed == 0 and (modes or doubt):
        incident.traces += [f"no line landed in {seconds:g} s, and up to {doubt:,} rows were in doubt", *sorted(modes)]
    sleep(max(0.0, until_s - monotonic()))
    scene.timeline.note("erp_back", "the ERP is back, and nobody has noticed yet")
    wait_for("lines land again", RECOVER_SECONDS, lambda: _lines(scene) > lines + landed, every_s=0.25)
    scene.over(incident, "lines land again")


def _lines(scene: Scene) -> int:
    """Lines in all ledgers."""
    told = scene.deployment.mocks.must("GET", "/admin/ledgers")
    return sum(one["lines"] for one in told.values())


# ------------------------------------------------------------------ the verdict


def _regions(scene: Scene, verdict: Verdict) -> dict[str, Any]:
    """On which nodes each entity was seen running; without Ray there are none."""
    hosts = scene.hosts
    if hosts is None:
        return {}
    hosts.look()
    sightings = hosts.sightings()
    told: dict[str, Any] = {}
    for entity, region in scene.deployment.region_of.items():
        seen = [one for one in sightings if one.entity == entity]
        nodes = sorted({one.region for one in seen if one.region})
        elsewhere = [one for one in nodes if one != region]
        if elsewhere:
            verdict.violations.append(f"{entity} of {region} ran on a node of {', '.join(elsewhere)}")
        if not nodes:
            verdict.unproved.append(f"{entity} was not seen running on any node")
        told[entity] = {
            "region": region,
            "node_regions": nodes,
            "processes": [one.pid for one in seen],
            "hosts": list(scene.watch.hosts.get(entity, ())),
            "in_its_region": nodes == [region],
        }
    return told


def _judge(scene: Scene, verdict: Verdict) -> None:
    """What else has to be true, or the run proved nothing."""
    burst = scene.burst
    if burst.refused:
        verdict.violations.append(f"{len(burst.refused)} versions were refused: {next(iter(burst.refused.values()))}")
    verdict.unproved += [f"{one.name} did not happen" for one in scene.incidents if not one.traces]
    if verdict.audit["standing"] * 2 < scene.route.traffic.entries:
        verdict.unproved.append("less than half of the entries came to stand")
