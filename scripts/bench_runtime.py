#!/usr/bin/env python3
"""How fast the runtime is on this machine, and what limits it. A benchmark, not a test: it asserts nothing.

    scripts/bench_runtime.py                      everything, some minutes
    scripts/bench_runtime.py work postgres        some of it
    scripts/bench_runtime.py work --entries 50000

The work: entries of 20 legal entities, accepted durably over in-process intake, deduplicated per entry, posted over
loopback HTTP in batches of 100 to a mock ERP in a process of its own, confirmations durable, statuses told to the PSA.
CPU is that of the runtime's process, with everything in it; targets are ours.
"""

import argparse
import asyncio
import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import msgspec

from runtime.core.inputs import Pause
from runtime.core.model import Approval, Gate, Period, PeriodStatus, Place, Project, RateKind, RateLine, TimeEntry
from runtime.core.news import EntryApproved, News, PeriodPublished, ProjectsPublished, RatesPublished
from runtime.drivers.on_asyncio import Host
from runtime.journal.stores import open_store
from runtime.ports import Keep, Receipt, Store, Taken
from runtime.settings import Settings

ENTITIES = tuple(f"E{number:02d}" for number in range(20))
PATIENCE_S = 120.0
HTTP_BATCH = 500
PEOPLE = 125
"""In an entity; each has one assignment, and books some forty lines a month (as the generator's parameters say)."""
START_IN_S = 3.0
"""Hosts that are compared begin together, this long after they were told."""


# ------------------------------------------------------------------ the ground


@contextmanager
def fast_erp() -> Iterator[str]:
    """A mock ERP that does as little as an ERP can, in a process of its own."""
    child = subprocess.Popen(
        [sys.executable, "-m", "simulators.fast_erp", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        yield json.loads(child.stdout.readline())["url"]
    finally:
        child.terminate()
        child.wait()


def erp_totals(url: str) -> dict[str, Any]:
    """What the mock ERP counted: rows, keys, doubles, calls, its CPU seconds."""
    with urlopen(f"{url}/admin/totals") as answer:  # noqa: S310  # our own child's address
        told: dict[str, Any] = json.load(answer)
    return told


@contextmanager
def a_folder() -> Iterator[Path]:
    """A folder that goes with the block."""
    folder = Path(tempfile.mkdtemp(prefix="springtide-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def a_postgres() -> Iterator[str]:
    """A PostgreSQL that goes with the block."""
    from simulators.a_postgres import start_postgres

    dsn, stop = start_postgres()
    try:
        yield dsn
    finally:
        stop()


def settings_for(url: str, journal: dict[str, Any], entities: Sequence[str] = ENTITIES, **account: Any) -> Settings:
    """A deployment with one ERP and one PSA account whose quotas bind nobody."""
    free = {"quota_calls": 10_000_000, "concurrent_max": 16, "url": url}
    where = {"region": "here", "erp": "erp", "psa": "psa", "linger_ms": 100, "tell_linger_ms": 5_000, "intake": "push"}
    return Settings.model_validate(
        {
            "tenant": "bench",
            "journal": {"lease_ms": 60_000, **journal},
            "accounts": {"erp": {"kind": "generic_erp", **free, **account}, "psa": {"kind": "generic_psa", **free}},
            "entities": dict.fromkeys(entities, where),
        }
    )


def reference(entity: str) -> list[News]:
    """What an entity has to know before it can price and date an entry."""
    lines = tuple(
        RateLine(f"{kind}-{entity}", kind, "entity", entity, "EUR", Decimal(rate), date(2026, 1, 1))
        for kind, rate in ((RateKind.BILL, 120), (RateKind.COST, 60))
    )
    month = Period(entity, "time", "2026-03", date(2026, 3, 1), date(2026, 3, 31), PeriodStatus.OPEN, Gate.OPEN)
    projects = tuple(Project(f"P{number}", entity, "client", "contract") for number in range(20))
    return [ProjectsPublished(projects), RatesPublished(lines), PeriodPublished(month)]


def approved(entity: str, number: int, now_ms: int) -> EntryApproved:
    """A plausible line of a sheet."""
    sheet = f"TS-{entity}-{number // 10:06d}"
    entry = TimeEntry(
        f"{sheet}-{number % 10}",
        1,
        "psa",
        sheet,
        number % 10,
        sheet,
        f"W{number % PEOPLE:04d}",
        f"A{number % PEOPLE:04d}",
        f"P{number % PEOPLE % 20}",
        "Analysis",
        "consultant",
        "senior",
        entity,
        entity,
        entity,
        entity,
        date(2026, 3, 1 + number % 31),
        Decimal("7.25"),
        "hour",
        "standard",
        True,
        "Europe/Berlin",
        "workshop and follow-up as agreed",
        (f"CC-{entity}-400", "PRACTICE-DATA"),
    )
    return EntryApproved(entry, Approval("ec146e90", "M0001", "single", now_ms))


async def a_host(settings: Settings, store: Store) -> Host:
    """A host that carries everything and knows what it needs."""
    host = Host(settings, store, "bench", "", environ={})
    await host.start()
    for entity in settings.entities:
        await host.carry(entity)
        await host.take(entity, reference(entity), 1_000, PATIENCE_S)
    return host


async def until(holds: Callable[[Any], bool], host: Host) -> None:
    """Wait until it holds for the state of every partition; a look costs next to nothing."""
    ends = time.monotonic() + PATIENCE_S
    shells = [lane._shell for lane in host.lanes.values()]
    while not all(holds(shell.state) for shell in shells if shell is not None):
        assert time.monotonic() < ends, "it did not get there"
        await asyncio.sleep(0.01)


async def feed(host: Host, entity: str, news: Sequence[EntryApproved], per_call: int) -> None:
    """Deliver these entries, so many to a call; single ones come a hundred at a time, from as many senders."""
    receipts: list[Receipt] = []
    for first in range(0, len(news), max(per_call, 100)):
        some = news[first : first + max(per_call, 100)]
        calls = [some] if per_call > 1 else [[one] for one in some]
        taken = await asyncio.gather(*(host.take(entity, each, 900 * len(each), PATIENCE_S) for each in calls))
        receipts += [receipt for each in taken for receipt in each]
    assert all(receipt.taken is Taken.ACCEPTED for receipt in receipts), "what is new is accepted"


# ------------------------------------------------------------------ the work


async def carry_through(settings: Settings, store: Store, entries: int, per_call: int) -> tuple[float, float, float]:
    """(CPU, wall) seconds to the last durable confirmation, and CPU seconds until the PSA knows and all is settled."""
    host = await a_host(settings, store)
    share = entries // len(settings.entities)
    now_ms = int(time.time() * 1_000)
    news = {entity: [approved(entity, number, now_ms) for number in range(share)] for entity in settings.entities}
    cpu, wall = time.process_time(), time.perf_counter()

    await asyncio.gather(*(feed(host, entity, news[entity], per_call) for entity in settings.entities))
    await until(lambda state: state.head.books.counts[Place.POSTED] == share, host)
    confirmed = time.process_time() - cpu, time.perf_counter() - wall
    await until(lambda state: not state.untold and not state.calls, host)
    await host.drain("bench", "done")
    everything = time.process_time() - cpu
    await host.close()
    return *confirmed, everything


def work(kind: str, entries: int, per_call: int = 100, **account: Any) -> dict[str, Any]:
    """The work on one kind of journal."""
    with fast_erp() as url, a_folder() as folder:
        if kind == "postgres":
            with a_postgres() as dsn:
                return _work(url, {"kind": kind, "dsn_env": "DSN"}, {"DSN": dsn}, entries, per_call, account)
        return _work(url, {"kind": kind, "directory": str(folder)}, {}, entries, per_call, account)


def _work(
    url: str, journal: dict[str, Any], environ: dict[str, str], entries: int, per_call: int, account: dict[str, Any]
) -> dict[str, Any]:
    settings = settings_for(url, journal, **account)
    store = open_store(settings.journal, environ)
    before = erp_totals(url)
    cpu, wall, everything = asyncio.run(carry_through(settings, store, entries, per_call))
    store.close()
    after = erp_totals(url)
    assert after["doubles"] == 0, "the ERP saw a key twice"
    return {
        "entries": entries,
        "per_cpu_second": round(entries / cpu),
        "per_second": round(entries / wall),
        "cpu_us_per_entry": round(cpu / entries * 1e6, 1),
        "told_and_settled_cpu_us_per_entry": round(everything / entries * 1e6, 1),
        "cpu_s": round(cpu, 2),
        "wall_s": round(wall, 2),
        "erp_cpu_s": round(after["cpu_s"] - before["cpu_s"], 2),
        "erp_calls": after["calls"] - before["calls"],
    }


# ------------------------------------------------------------------ intake over HTTP


def intake(entries: int) -> dict[str, Any]:
    """NDJSON in batches over HTTP into `springtide serve`: alone (median of three), and with posting going on."""
    alone = [_intake(entries, paused=True) for _ in range(3)]
    beside = _intake(entries, paused=False)
    return {
        "per_second_alone": round(statistics.median(rate for rate, _ in alone)),
        "per_second_each": [round(rate) for rate, _ in alone],
        "cpu_us_per_entry_alone": round(statistics.median(cpu for _, cpu in alone), 1),
        "per_second_while_posting": round(beside[0]),
        "cpu_us_per_entry_while_posting": round(beside[1], 1),
    }


def _intake(entries: int, paused: bool) -> tuple[float, float]:
    """(entries a second, CPU microseconds of the runtime for each). Paused: posting waits, so that intake is alone."""
    with fast_erp() as url, a_folder() as folder, serving(folder, url) as (gateway, key, pid):
        if paused:
            call(f"{gateway}/v1/commands", key, {"verb": "pause", "region": "here", "why": "only intake is measured"})
        bodies = list(batches(entries))
        before = cpu_of(pid)
        wall = asyncio.run(send_all(f"{gateway}/v1/bulk", key, bodies))
        return entries / wall, (cpu_of(pid) - before) / entries * 1e6


@contextmanager
def serving(folder: Path, url: str) -> Iterator[tuple[str, str, int]]:
    """(address, key, pid) of a runtime in a process of its own that knows its reference data."""
    from runtime.gateway.access import demo_key

    key, held = demo_key()
    told = settings_for(url, {"kind": "sqlite", "directory": str(folder / "journal")}).model_dump(exclude_unset=True)
    told |= {"server": {"port": 0}, "access": {"keys": {"bench": held.model_dump()}}, "log": {"level": "error"}}
    config = folder / "springtide.toml"
    config.write_text("\n".join(as_toml(told)))
    child = subprocess.Popen(
        [sys.executable, "-m", "runtime.cli", "serve", "--config", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert child.stdout is not None
        address = json.loads(child.stdout.readline())["url"]
        key = key.replace("stk_demo_", "stk_bench_")
        for entity in ENTITIES:
            for news in reference(entity):
                asyncio.run(send_all(f"{address}/v1/bulk", key, [reference_event(entity, news)]))
        yield address, key, child.pid
    finally:
        child.terminate()
        child.wait()


def as_toml(table: dict[str, Any], name: str = "") -> Iterator[str]:
    """Nested tables of plain values as TOML."""
    if name:
        yield f"[{name}]"
    inner = {key: value for key, value in table.items() if isinstance(value, dict)}
    for key, value in table.items():
        if key not in inner:
            yield f"{key} = {json.dumps(value)}"
    for key, value in inner.items():
        yield from as_toml(value, f"{name}.{key}" if name else key)


def reference_event(entity: str, news: News) -> bytes:
    """Reference data as the plain event of the gateway."""
    match news:
        case ProjectsPublished():
            told: dict[str, Any] = {"type": "projects.published", "projects": news.projects}
        case RatesPublished():
            told = {"type": "rates.published", "lines": news.lines}
        case PeriodPublished():
            told = {"type": "periods.published", "periods": [news.period]}
        case _:
            raise AssertionError(f"{type(news).__name__} is not published here")
    return msgspec.json.encode(told | {"entity": entity})


def batches(entries: int) -> Iterator[bytes]:
    """Bodies of so many lines each, a mix of entities as a PSA would deliver it: sheet by sheet."""
    now_ms = int(time.time() * 1_000)
    sheets = (
        [approved(ENTITIES[sheet % len(ENTITIES)], sheet // len(ENTITIES) * 10 + line, now_ms) for line in range(10)]
        for sheet in range(entries // 10)
    )
    lines: list[bytes] = []
    for sheet in sheets:
        for news in sheet:
            event = {"type": "time_entry.approved", "entry": news.entry, "approval": news.approval}
            lines.append(msgspec.json.encode(event))
        if len(lines) >= HTTP_BATCH:
            yield b"\n".join(lines)
            lines = []
    if lines:
        yield b"\n".join(lines)


async def send_all(url: str, key: str, bodies: list[bytes]) -> float:
    """Seconds until every body was acknowledged, over sixteen connections side by side."""
    import aiohttp

    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}
    waiting = iter(bodies)
    async with aiohttp.ClientSession(headers=headers) as session:

        async def sender() -> None:
            for body in waiting:
                async with session.post(url, data=body) as answer:
                    text = await answer.text()
                    assert answer.status == 202, f"{answer.status}: {text[:300]}"

        began = time.perf_counter()
        await asyncio.gather(*(sender() for _ in range(16)))
        return time.perf_counter() - began


def call(url: str, key: str, body: dict[str, Any]) -> None:
    """A command."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with urlopen(Request(url, json.dumps(body).encode(), headers)):  # noqa: S310  # our own child's address
        pass


def cpu_of(*pids: int) -> float:
    """CPU seconds of these processes so far."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


# ------------------------------------------------------------------ one host, two hosts


class Member:
    """One host of a pair: it has its entries before the start, and says when all of them are confirmed."""

    def prepare(self, folder: str, url: str, entities: list[str], share: int, core: int | None) -> int:
        """Make the entries; returns the process id. `core`: the only one that this host may use; None: any."""
        self._made = folder, url, entities, share
        if core is not None:
            os.sched_setaffinity(0, {core})
        now_ms = int(time.time() * 1_000)
        self._news = {e: [approved(e, number, now_ms) for number in range(share)] for e in entities}
        return os.getpid()

    def go(self, begins: float) -> tuple[float, float]:
        """Carry everything through from that instant on; (when the last entry was confirmed, CPU seconds)."""
        folder, url, entities, share = self._made
        settings = settings_for(url, {"kind": "sqlite", "directory": folder}, entities)
        store = open_store(settings.journal, {})

        async def carry() -> tuple[float, float]:
            host = await a_host(settings, store)
            assert time.time() < begins, "not ready in time"
            await asyncio.sleep(begins - time.time())
            cpu = time.process_time()
            await asyncio.gather(*(feed(host, entity, self._news[entity], 100) for entity in entities))
            await until(lambda state: state.head.books.counts[Place.POSTED] == share, host)
            done = time.time(), time.process_time() - cpu
            await host.drain("bench", "done")
            await host.close()
            return done

        return asyncio.run(carry())


def scale(entries: int, pairs: int = 5) -> dict[str, Any]:
    """The same work on one host and on two, as Ray actors, in alternating pairs."""
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    import ray

    root = str(Path(__file__).resolve().parent.parent)
    ray.init(
        address="local",
        num_cpus=2,
        _node_ip_address="127.0.0.1",
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": f"{root}:{root}/scripts"}},
    )
    try:
        free = _pairs_of_hosts(ray, entries, pairs, pinned=False)
        pinned = _pairs_of_hosts(ray, entries, pairs, pinned=True) if hasattr(os, "sched_setaffinity") else {}
    finally:
        ray.shutdown()
    return free | {f"{name}_a_core_each": value for name, value in pinned.items()}


def _pairs_of_hosts(ray: Any, entries: int, pairs: int, pinned: bool) -> dict[str, Any]:
    """One host and two, by turns. `pinned`: each host may use one core of its own and no other."""
    ratios, rates, erp_cpu, ray_cpu, busy = [], {1: [], 2: []}, [], [], []  # type: ignore[var-annotated]  # of floats
    for pair in range(pairs):
        wall: dict[int, float] = {}
        for hosts in (1, 2) if pair % 2 else (2, 1):
            wall[hosts], own, erp, rays = _with_hosts(ray, hosts, entries, pinned)
            rates[hosts].append(round(entries / wall[hosts]))
            erp_cpu.append(erp)
            ray_cpu.append(rays)
            if hosts == 1:
                busy.append((own + erp + rays) / wall[1])
        ratios.append(wall[1] / wall[2])
        print(f"  pair {pair + 1}{', a core each' if pinned else ''}: {ratios[-1]:.2f} times", file=sys.stderr)
    return {
        "times_faster_on_two": round(statistics.median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
        "per_second_on_one": statistics.median(rates[1]),
        "per_second_on_two": statistics.median(rates[2]),
        "cores_busy_with_one": round(statistics.median(busy), 2),
        "erp_cpu_s": round(statistics.median(erp_cpu), 2),
        "ray_cpu_s": round(statistics.median(ray_cpu), 2),
    }


def _with_hosts(ray: Any, hosts: int, entries: int, pinned: bool) -> tuple[float, float, float, float]:
    """(wall seconds, CPU seconds of the hosts, of the ERP, and of Ray's own processes)."""
    with fast_erp() as url, a_folder() as folder:
        actors = [ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(Member).remote() for _ in range(hosts)]
        share = entries // len(ENTITIES)
        parts = [list(ENTITIES[number::hosts]) for number in range(hosts)]
        usable = sorted(os.sched_getaffinity(0)) if pinned else []
        cores = [usable[number % len(usable)] if usable else None for number in range(hosts)]
        made = [
            actor.prepare.remote(str(folder), url, part, share, core)
            for actor, part, core in zip(actors, parts, cores, strict=True)
        ]
        ray.get(made)
        theirs = ray_processes()
        before = cpu_of(*theirs)
        begins = time.time() + START_IN_S
        done = ray.get([actor.go.remote(begins) for actor in actors])
        wall = max(ended for ended, _ in done) - begins
        spent = erp_totals(url)["cpu_s"], cpu_of(*theirs) - before
        for actor in actors:
            ray.kill(actor)
        return wall, sum(cpu for _, cpu in done), *spent


def ray_processes() -> list[int]:
    """Raylet, GCS and their agents: everything of Ray that is no worker of ours."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().replace(b"\0", b" ")
            if any(name in words for name in (b"raylet/raylet", b"gcs_server", b"dashboard/agent", b"log_monitor")):
                found.append(int(path.parent.name))
    return found


# ------------------------------------------------------------------ memory and restart


def memory(settled: int, still_open: int) -> dict[str, Any]:
    """A partition with a long past: what it keeps in memory, and how long it takes to come back."""
    with fast_erp() as url, a_folder() as folder:
        settings = settings_for(url, {"kind": "sqlite", "directory": str(folder)}, ENTITIES[:1])
        asyncio.run(_a_past(settings, settled, still_open))
        size = sum(path.stat().st_size for path in folder.iterdir())
        program = f"import bench_runtime as b; b.come_back({str(folder)!r}, {url!r})"
        root = Path(__file__).resolve().parent
        environ = os.environ | {"PYTHONPATH": f"{root}:{root.parent}"}
        child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environ)
        return {"settled": settled, "open": still_open, "file_mb": size // 2**20, **json.loads(child.stdout)}


async def _a_past(settings: Settings, settled: int, still_open: int) -> None:
    """Entries that settled long ago, written as the shell writes them, and some that wait in a paused partition."""
    entity = ENTITIES[0]
    store = open_store(settings.journal, {})
    host = await a_host(settings, store)
    now_ms = int(time.time() * 1_000)
    await feed(host, entity, [approved(entity, 0, now_ms)], 1)
    await until(lambda state: state.head.books.counts[Place.POSTED] == 1 and not state.calls, host)
    await host.command(entity, Pause("bench", "what comes now stays open"))
    await feed(host, entity, [approved(entity, number, now_ms) for number in range(10, 10 + still_open)], 500)
    await host.drain("bench", "done")
    await host.close()
    journal = store.journal(store.claim(entity, "bench", "", 60_000))
    one = approved(entity, 0, now_ms).entry.entry_id
    row = journal.load([one])[one]
    head = journal.recover().head
    assert head is not None, "a drained partition has a head"
    for first in range(0, settled, 10_000):
        names = [f"TS-{entity}-P{number:07d}-0" for number in range(first, min(first + 10_000, settled))]
        rows = [(name, Keep.SETTLED, 2, 0, row.replace(one.encode(), name.encode())) for name in names]
        journal.checkpoint(head, rows, [(f"bench/{entity}/{name}/1/time/post/1", name, "L-1") for name in names])
    journal.close()
    store.close()


def come_back(folder: str, url: str) -> None:
    """In a process of its own: recover the partition, and say how long it took and what is resident."""
    settings = settings_for(url, {"kind": "sqlite", "directory": folder}, ENTITIES[:1])

    async def live() -> None:
        store = open_store(settings.journal, {})
        host = Host(settings, store, "bench", "", environ={})
        await host.start()
        began = time.perf_counter()
        await host.carry(ENTITIES[0])
        while host.ready():
            await asyncio.sleep(0.001)
        took = time.perf_counter() - began
        # A duplicate of the distant past is still known.
        (receipt,) = await host.take(ENTITIES[0], [approved(ENTITIES[0], 0, 1)], 900, PATIENCE_S)
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
        told = {"restart_s": round(took, 2), "resident_mb": resident // 2**20, "old_entry": receipt.taken}
        print(json.dumps(told))
        await host.drain("bench", "done")
        await host.close()
        store.close()

    asyncio.run(live())


# ------------------------------------------------------------------ which, and what it means

BENCHES: dict[str, tuple[str, Callable[[int], dict[str, Any]]]] = {
    "work": ("target: 15,000 entries per CPU second (aim 20,000)", lambda n: work("sqlite", n)),
    "one": ("one entry for each intake call; target: 6,000 per CPU second", lambda n: work("sqlite", n, 1)),
    "rows": (
        "one row for each call to the ERP, for comparison; no target",
        lambda n: work("sqlite", n // 5, batch_max=1),
    ),
    "postgres": ("target: 8,000 entries per second of wall clock", lambda n: work("postgres", n)),
    "intake": ("NDJSON over HTTP in batches of 500; target: 40,000 entries/s", lambda n: intake(5 * n)),
    "scale": ("one host and two; target: 1.6 times", lambda n: scale(2 * n)),
    "memory": ("target: 250 MB, restart under 3 s", lambda n: memory(50 * n, n // 20)),
}
LIMITS = """
what limits each, as profiles of these runs show:
  work, one   plain interpreter time in one process: pricing and deciding, writing records and rows, their hash chain;
              the wall clock besides waits for the disk's fsync, one for each durable step
  rows        the HTTP client: a request costs several times what its one row does
  postgres    round trips: each durable step of a partition is one, and the server's CPU shares the machine
  intake      decoding at the border and deciding behind it, in one process; the sender has the other core
  scale       the second core, which ERP, Ray and the kernel want a part of, and one host as well: while it hashes and
              waits for the disk another of its threads goes on, so one host alone keeps more than a core busy
  memory      the interpreter and its libraries; recovery reads open rows alone
"""


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", nargs="*", metavar="BENCH", help=f"of {', '.join(BENCHES)} (default: all)")
    parser.add_argument("--entries", type=int, default=20_000, help="size of the work (20,000)")
    parser.add_argument("--json", action="store_true", help="figures alone, as JSON")
    arguments = parser.parse_args()
    for name in arguments.which:
        if name not in BENCHES:
            parser.error(f"there is no {name!r}; there are {', '.join(BENCHES)}")
    found: dict[str, dict[str, Any]] = {}
    for name in arguments.which or BENCHES:
        target, bench = BENCHES[name]
        if not arguments.json:
            print(f"{name}: {target}", flush=True)
        found[name] = bench(arguments.entries)
        if not arguments.json:
            print("".join(f"  {key:36} {value}\n" for key, value in found[name].items()), flush=True)
    print(json.dumps(found) if arguments.json else LIMITS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
