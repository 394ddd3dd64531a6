"""A whole deployment on one machine: mock systems, PostgreSQL, Ray in three nodes, and one gateway's side of it.

mocks (HTTP) ◀── hosts on Ray ──▶ PostgreSQL
                    ▲
the test ── OnRay: router, supervisor
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import Any, TypeVar
from urllib.request import Request, urlopen

import psutil  # type: ignore[import-untyped]  # it tells no types

from runtime.drivers.on_ray import OnRay, fleet
from runtime.gateway.events import read_items
from runtime.gateway.gate import Action
from runtime.journal.stores import open_store
from runtime.metrics import Metrics
from runtime.ports import IntakeRefusedError, PartitionReport, Receipt, Taken
from runtime.settings import Settings
from simulators.a_postgres import start_postgres
from simulators.a_ray_cluster import RayCluster

T = TypeVar("T")
REGIONS = ("EMEA", "AMER", "APAC")
DSN = "SPRINGTIDE_TEST_DSN"
LEASE_MS = 3_000


class Mocks:
    """The mock systems of a firm, in a process of their own."""

    def __init__(self, entities: int) -> None:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "runtime.cli", "mocks", "serve", "--demo", "--regions", str(len(REGIONS))),
                *("--entities", str(entities), "--set", "world.runtime.linger_ms=50"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        self.told: dict[str, Any] = json.loads(self.process.stdout.readline())
        self.url: str = self.told["url"]

    def ask(self, path: str, body: object = None) -> bytes:
        """GET, or POST with a body, below /admin."""
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"{self.url}/admin/{path}", data), timeout=60) as response:  # noqa: S310  # the mock's own http address
            said: bytes = response.read()
        return said

    def approve(self, entries: int) -> list[bytes]:
        """The source approves so many entries; returns the plain events."""
        return self.ask("approve", {"entries": entries}).splitlines()

    def audit(self) -> dict[str, Any]:
        """Source against ledger, by the auditors."""
        said: dict[str, Any] = json.loads(self.ask("audit", {"places": {}}))
        return said

    def stop(self) -> None:
        """End them."""
        self.process.terminate()
        self.process.communicate()


class Everybody:
    """Admission for everything that is configured."""

    who = "test"

    def __init__(self, entities: Sequence[str]) -> None:
        self.everybody = entities

    def bar(self, action: Action, entity: str) -> str:
        return "" if entity in self.everybody else "unknown-entity"


class Deployment:
    """Mocks, PostgreSQL, Ray, and one gateway's side of it in an event loop of its own."""

    def __init__(self, token: str, entities: int = 6) -> None:
        self.mocks = Mocks(entities)
        dsn, self._stop_postgres = start_postgres()
        told = json.loads(self.mocks.ask("settings"))
        environ: Mapping[str, str] = {**told.pop("environment"), DSN: dsn}
        self.settings = Settings.model_validate(
            {
                **told,
                "journal": {"kind": "postgres", "dsn_env": DSN, "lease_ms": LEASE_MS, "lease_margin_ms": 500},
                "log": {"level": "warning"},
            }
        )
        self.cluster = RayCluster(REGIONS, token, environ)
        self.environ = {**os.environ, **environ, **self.cluster.environ}
        os.environ.update(self.cluster.environ)
        self.store = open_store(self.settings.journal, self.environ)
        self.loop = asyncio.new_event_loop()
        self._thread = Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.runtime: OnRay | None = None

    # ---------------------------------------------------------------- life

    def up(self) -> None:
        """Start the nodes and the gateway's side, and publish the reference data if that was not done."""
        for region in REGIONS:
            self.cluster.start(region)
        self.runtime = fleet(self.settings, self.store, self.cluster.address, self.environ, Metrics())
        self.do(self.runtime.start(), 90)

    def down(self) -> None:
        """End the gateway's side, and then every node at once."""
        if self.runtime is not None:
            self.do(self.runtime.drain("test", "the end"))
            self.do(self.runtime.stop())
            self.runtime = None
        for region in reversed(REGIONS):
            self.cluster.lose(region)

    def close(self) -> None:
        """End everything."""
        self.down()
        self.store.close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()
        self.cluster.stop()
        self._stop_postgres()
        self.mocks.stop()

    def do(self, act: Coroutine[Any, Any, T], seconds: float = 60) -> T:
        """Run it where the gateway's side lives."""
        return self.begin(act).result(seconds)

    def begin(self, act: Coroutine[Any, Any, T]) -> "Future[T]":
        """Start it there."""
        return asyncio.run_coroutine_threadsafe(act, self.loop)

    # ---------------------------------------------------------------- what a gateway does

    async def take(self, bodies: Sequence[bytes], deadline_s: float = 60) -> list[Receipt]:
        """Deliver plain events as a gateway does, again and again while they are refused for the moment."""
        assert self.runtime is not None, "it has to be up"
        delivery = read_items(bodies, Everybody(list(self.settings.entities)), 64)
        assert not delivery.barred
        assert not delivery.unread
        receipts: list[Receipt] = []
        for entity, group in delivery.groups.items():
            ends = time.monotonic() + deadline_s
            while True:
                try:
                    receipts += await self.runtime.take(entity, group.news, group.size, 10.0)
                    break
                except IntakeRefusedError:
                    if time.monotonic() > ends:
                        raise
        return receipts

    def publish(self) -> None:
        """The reference data of the firm."""
        self.do(self.take(self.mocks.ask("reference?as=ndjson").splitlines()))

    # ---------------------------------------------------------------- what an observer sees

    def homes(self) -> dict[str, str]:
        """Entity to the host whose lease on it runs."""
        now_ms = self.store.now_ms()
        return {
            owner.name: owner.host
            for owner in self.store.owners()
            if owner.lease_until_ms > now_ms and owner.name in self.settings.entities
        }

    def region_of(self, host: str) -> str:
        """Where a host was started, by its name."""
        return host.split(":")[1]

    def processes(self, named: str = "") -> dict[int, str]:
        """Process of a node, whose command names this, to the node's region."""
        regions = {self.cluster.session(region): region for region in REGIONS if self.cluster.runs(region)}
        found = {}
        for process in psutil.process_iter(("pid", "cmdline")):
            if named in " ".join(process.info["cmdline"] or ()):
                with suppress(ProcessLookupError):
                    region = regions.get(os.getsid(process.pid), "")
                    if region:
                        found[process.pid] = region
        return found

    def kill(self, pid: int) -> None:
        """kill -9."""
        os.kill(pid, signal.SIGKILL)

    def reports(self) -> Sequence[PartitionReport]:
        """What the hosts say of their partitions."""
        assert self.runtime is not None, "it has to be up"
        return self.do(self.runtime.partitions())

    def until(self, what: str, holds: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until it holds."""
        ends = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < ends, f"not within {seconds} s: {what}; {self.mocks.audit()}"
            time.sleep(0.2)

    def until_everything_is_carried(self) -> None:
        """Every entity has an owner whose lease runs, and answers."""
        self.until(
            "every entity is carried",
            lambda: (
                len(self.homes()) == len(self.settings.entities)
                and all(one.state == "running" for one in self.reports())
            ),
        )

    def until_everything_stands(self) -> dict[str, Any]:
        """Whatever the source approved stands in the ledger; returns the audit."""
        self.until("everything stands", lambda: (one := self.mocks.audit())["standing"] >= one["expected"])
        return self.mocks.audit()


def accepted(receipts: Sequence[Receipt]) -> int:
    """How many were new."""
    return sum(one.taken is Taken.ACCEPTED for one in receipts)
