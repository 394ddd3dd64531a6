"""The Ray driver: asyncio hosts inside actors, pinned to their regions; started, moved and replaced from outside.

    gateway ─▶ Router ─▶ RayHost ══ bytes ══▶ HostActor: Host ─▶ journal, ERP, PSA
                          ▲                        ▲
    store: who owns what ─┘    Supervisor ─▶ RayFleet: start, stop, carry, let go, report

Ray gives placement, processes and messages; it does not give durability. What follows from that:

Rule 1. `max_task_retries=0`: Ray never sends a call again. A call that raised may have run, and whoever sent it knows
        how to ask again. An actor's death is unknown, too.
Rule 2. `max_restarts=0`: a dead host is not brought back under its name, but replaced by the supervisor under one that
        was never used. A name may claim at once what it owned before, and a node that is merely cut off may still run
        the old process: with new names, what a lost host carried waits for its lease. There is one way to recover.
Rule 3. Hosts are detached: they outlive the gateway and supervisor that started them, which are restarted at will. On a
        cluster of our own ("local") they end with it.
Rule 4. Hosts of a region run on nodes with the label ray.io/region=REGION and nowhere else; each looks again when it
        begins. `num_cpus=0` and SPREAD: a host reserves no processor, so that its successor can start beside it, and
        `placement.hosts_max` bounds how many there are. A cluster of our own is one node and has no regions: hosts of
        all regions run on it, and the log says so.
Rule 5. Ray runs with token authentication, sends no usage statistics, and its nodes are in `ray.networks` (loopback, if
        nobody says otherwise). On loopback it listens there alone; a node with any other address listens on all of its
        interfaces (measured with 2.60), which the log says as well.
Rule 6. Secrets do not travel through Ray. Each node finds them in its own environment or files.
"""

import asyncio
import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, TypeVar, cast

from runtime.configuration import ConfigurationError
from runtime.core.inputs import Command
from runtime.core.loans import Ask, Lent
from runtime.core.news import EntryApproved, News
from runtime.core.partition.worth import Worth
from runtime.drivers import wire
from runtime.drivers.clock import Clock
from runtime.drivers.on_asyncio import Host
from runtime.drivers.router import RETRY_AFTER_MS, Router
from runtime.drivers.supervisor import FleetAwayError, HostLostError, HostReport, HostStartError, Supervisor
from runtime.forecast import Outlook, look, ways
from runtime.journal.stores import MissingExtraError, open_store
from runtime.logs import set_up_logs
from runtime.metrics import Metrics
from runtime.ports import (
    AccountReport,
    EntryTrace,
    Forecast,
    IntakeRefusedError,
    JournalError,
    Owner,
    PartitionReport,
    Receipt,
    Store,
)
from runtime.settings import Settings

REGION = "ray.io/region"
LOCAL = "local"
HOST = "host"
OPTIONS: Mapping[str, Any] = {
    "num_cpus": 0,
    "max_restarts": 0,
    "max_task_retries": 0,
    "lifetime": "detached",
    "scheduling_strategy": "SPREAD",
}
"""How every host is started; see the rules above."""
SPARE_CALLS = 100
"""Calls at once to a host, besides those of the intake: pings, reports and moves never wait behind deliveries."""
AT_ONCE = 500
"""Items of news to one call: a call costs 0.7 ms, an item 5 to 10 us (measured)."""
START_S = 60.0
"""How long a host may take to start: a process, imports, a connection to the journal."""
PING_S = 2.0
END_S = 30.0
"""How long a host is waited for: to say that it lives, and to end what it does once it was told to."""
READY_S = 60.0
"""How long the start of the whole waits for every entity to be carried, before it goes on without."""
LOOK_S = 1.0
SCRAPE_S = 5.0
"""How old the directory and the reports for metrics are, at most (ours)."""

T = TypeVar("T")
log = logging.getLogger("springtide.ray")


def fleet(settings: Settings, store: Store, address: str, environ: Mapping[str, str], metrics: Metrics) -> "OnRay":
    """The runtime on the Ray cluster at `address`, or on one of its own ("local").

    Raises ConfigurationError, MissingExtraError.
    """
    if find_spec("ray") is None:
        raise MissingExtraError("--ray needs ray, which is not installed; install springtide[ray]")
    if settings.journal.kind == "memory":
        raise ConfigurationError(("journal.kind: memory ends with its process; on Ray use postgres",))
    if settings.journal.kind == "sqlite" and not settings.journal.shared and address != LOCAL:
        raise ConfigurationError(
            (
                "journal.kind: a SQLite file dies with its node; use postgres, or set journal.shared = true where "
                "every node sees journal.directory and its locks work",
            )
        )
    return OnRay(settings, store, address, environ, metrics)


# ------------------------------------------------------------------ the connection


class Connection:
    """This process's connection to a Ray cluster.

    Ray ends what a thread started when that thread ends, and takes signals over where it is initialised in the main
    thread; so everything that starts or ends a connection happens in one thread that lives as long as we do.
    """

    def __init__(self, settings: Settings, address: str, environ: Mapping[str, str]) -> None:
        self.local = address == LOCAL
        self.namespace = f"springtide-{settings.tenant}"
        self._settings = settings
        self._address = address
        self._environ = environ
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ray")

    async def open(self) -> None:
        """Connect, and look where the cluster is. Raises ConfigurationError."""
        await self._in_thread(self._open)
        if threading.current_thread() is threading.main_thread():
            # Ray's library prints a stack of its own when a signal comes. Set again, the handlers are Python's alone.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.getsignal(number))

    async def close(self) -> None:
        """Disconnect; a cluster of our own ends."""
        import ray

        await self._in_thread(ray.shutdown)
        self._thread.shutdown()

    async def _in_thread(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, act)

    def _open(self) -> None:
        _set_up_environment(self._address, self._environ)
        import ray

        options: dict[str, Any] = {
            "namespace": self.namespace,
            "log_to_driver": False,
            "logging_level": logging.ERROR,
        }
        try:
            if self.local:
                ray.init(address=LOCAL, _node_ip_address="127.0.0.1", include_dashboard=False, **options)
            else:
                ray.init(address=self._address, **options)
        except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as fault:
            raise ConfigurationError((f"--ray {self._address}: {str(fault).splitlines()[0]}",)) from fault
        try:
            self._look_around(ray.nodes())  # type: ignore[no-untyped-call]  # ray does not say what it returns
        except ConfigurationError:
            ray.shutdown()
            raise

    def _look_around(self, nodes: Sequence[Mapping[str, Any]]) -> None:
        """Refuse nodes outside the configured networks; say what Ray does not do."""
        try:
            networks = [ip_network(one) for one in self._settings.ray.networks]
        except ValueError as fault:
            raise ConfigurationError((f"ray.networks: {fault}; give networks such as 10.0.0.0/8",)) from fault
        addresses = sorted({node["NodeManagerAddress"] for node in nodes if node["Alive"]})
        outside = [one for one in addresses if not any(ip_address(one) in network for network in networks)]
        if outside:
            raise ConfigurationError(
                (f"--ray {self._address}: nodes at {', '.join(outside)} are outside ray.networks; add their network",)
            )
        if not all(ip_address(one).is_loopback for one in addresses):
            log.warning("Ray listens on every interface of its nodes; a firewall and the token are what protects it")
        if self.local:
            log.warning("a cluster of its own has one node: hosts of all regions run on it, whatever their region")

    async def regions(self) -> Sequence[str]:
        """The regions that some living node is in."""
        import ray

        nodes: list[Any] = await self._in_thread(ray.nodes)
        return sorted({node["Labels"].get(REGION, "") for node in nodes if node["Alive"]})


def _set_up_environment(address: str, environ: Mapping[str, str]) -> None:
    """What Ray reads when it is imported, and hands on to the processes it starts."""
    mode = os.environ.setdefault("RAY_AUTH_MODE", "token")
    if mode != "token":
        raise ConfigurationError((f"RAY_AUTH_MODE is {mode}; Ray is used with token authentication alone: unset it",))
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # A call after the connection was closed is a fault, and must not start a cluster of its own.
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"
    host = address.rpartition(":")[0].strip("[]")
    if address == LOCAL or host == "localhost" or (host and _is_loopback(host)):
        # Ray 2.60 replaces a loopback address by an outward one of the machine, unless it takes this for a desktop
        # system on which firewalls ask; only then 127.0.0.1 is what it listens on and calls.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    if address == LOCAL:
        # Hosts inherit the environment; a token that is new each time lets nobody else in.
        os.environ.update(environ)
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


# ------------------------------------------------------------------ inside the actor


class HostActor:
    """A host in an actor. Answers no in its answers; whatever it raises is unknown to the caller."""

    def __init__(self, settings: bytes, name: str, region: str, namespace: str) -> None:
        """`region` is where it has to be, or "" where that does not matter."""
        self._settings = Settings.model_validate_json(settings)
        self._name = name
        self._region = region
        self._namespace = namespace
        self._host: Host | None = None
        self._store: Store | None = None
        self._lenders: dict[str, RayHost] = {}
        self._begun = asyncio.Event()

    async def begin(self) -> str:
        """Open the store and begin; empty, or why this cannot be."""
        import ray

        if self._region:
            here = ray.get_runtime_context().get_node_labels().get(REGION, "")
            if here != self._region:
                return f"a host of region {self._region} was started on a node of region {here or '(none)'}"
        set_up_logs(self._settings.log)
        try:
            self._store = await asyncio.to_thread(open_store, self._settings.journal, os.environ)
        except (ConfigurationError, JournalError) as fault:
            return str(fault)
        self._host = Host(
            self._settings, self._store, self._name, self._name, environ=os.environ, call_owner=self._call_owner
        )
        await self._host.start()
        self._begun.set()
        return ""

    async def _here(self) -> Host:
        await self._begun.wait()
        assert self._host is not None, "a host that has begun is there"
        return self._host

    async def _call_owner(self, owner: Owner, account: str, ask: Ask) -> Lent:
        lender = self._lenders.setdefault(owner.address, RayHost(owner.address, self._namespace))
        try:
            return await lender.lend(account, ask)
        except HostLostError:
            self._lenders.pop(owner.address, None)
            raise

    async def ping(self) -> None:
        """Answers as soon as this process does anything at all."""

    async def carry(self, entity: str) -> bytes:
        """Claim, recover and run an entity."""
        return await wire.answered(_nothing((await self._here()).carry(entity)))

    async def let_go(self, entity: str) -> bytes:
        """Finish and give the lease back."""
        return await wire.answered((await self._here()).let_go(entity))

    async def report(self) -> bytes:
        """How this host and what it carries stood a moment ago."""
        host = await self._here()
        partitions, accounts = host.latest
        carried = [one for one in partitions if one.entity in host.lanes]
        return await wire.answered(_said(HostReport(host.ready(), carried, accounts, host.metrics.tell())))

    async def take(self, entity: str, news: bytes, size: int, deadline_s: float) -> bytes:
        """Take news in."""
        return await wire.answered((await self._here()).take(entity, wire.NEWS.read(news), size, deadline_s))

    async def command(self, entity: str, command: bytes) -> bytes:
        """Journal a command."""
        (one,) = wire.COMMANDS.read(command)
        return await wire.answered((await self._here()).command(entity, one))

    async def trace(self, entity: str, entry_id: str) -> bytes:
        """Tell the story of an entry."""
        return await wire.answered((await self._here()).trace(entity, entry_id))

    async def worth(self, entity: str, approved: bytes) -> bytes:
        """Say what these would bring."""
        news = cast("list[EntryApproved]", wire.NEWS.read(approved))
        return await wire.answered((await self._here()).worth(entity, news))

    async def lend(self, account: str, ask: bytes) -> bytes:
        """Lend calls of an account that this host owns."""
        return await wire.answered((await self._here()).lend(account, wire.read_ask(ask)))

    async def end(self) -> None:
        """Let go of everything; the process is ended by whoever asked."""
        host = await self._here()
        await host.drain("supervisor", "the host ends")
        await host.close()
        if self._store is not None:
            await asyncio.to_thread(self._store.close)


async def _nothing(act: Awaitable[object]) -> None:
    await act


async def _said(what: T) -> T:
    return what


# ------------------------------------------------------------------ a host, called from outside


class RayHost:
    """Implements HostCalls for the host of this name; calls that raise are unknown."""

    def __init__(self, name: str, namespace: str) -> None:
        self._name = name
        self._namespace = namespace
        self._handle: Any = None

    async def _call(self, method: str, *arguments: object) -> bytes:
        import ray

        try:
            if self._handle is None:
                self._handle = await asyncio.to_thread(ray.get_actor, self._name, self._namespace)
            said: bytes = await getattr(self._handle, method).remote(*arguments)
        except ValueError as fault:
            raise HostLostError(f"{self._name}: no living actor has this name") from fault
        except ray.exceptions.ActorDiedError as fault:
            raise HostLostError(f"{self._name}: {str(fault).splitlines()[0]}") from fault
        return said

    async def take(self, entity: str, news: Sequence[News], size: int, deadline_s: float) -> Sequence[Receipt]:
        """Receipts, in order. Long deliveries go in several calls; where one fails, all are taken for unknown."""
        parts = [news[first : first + AT_ONCE] for first in range(0, len(news), AT_ONCE)]
        answers = await asyncio.gather(
            *(
                self._call("take", entity, wire.NEWS.write(part), size * len(part) // len(news), deadline_s)
                for part in parts
            )
        )
        return [receipt for answer in answers for receipt in wire.read_answer(answer, wire.read_receipts)]

    async def command(self, entity: str, command: Command) -> bool:
        """Journal a command."""
        return wire.read_answer(await self._call("command", entity, wire.COMMANDS.write((command,))), wire.read_truth)

    async def trace(self, entity: str, entry_id: str) -> EntryTrace | None:
        """The story of an entry."""
        answer = await self._call("trace", entity, entry_id)
        told: EntryTrace | None = wire.read_answer(answer, wire.read_trace)
        return told

    async def worth(self, entity: str, approved: Sequence[EntryApproved]) -> Sequence[Worth]:
        """What each of these would bring if it were taken in now."""
        return wire.read_answer(await self._call("worth", entity, wire.NEWS.write(approved)), wire.read_worths)

    async def report(self) -> HostReport:
        """How it stands."""
        return wire.read_answer(await self._call("report"), wire.read_report)

    async def partitions(self) -> Sequence[PartitionReport]:
        """What it carries."""
        return (await self.report()).partitions

    async def accounts(self) -> Sequence[AccountReport]:
        """The accounts it owns."""
        return (await self.report()).accounts

    async def lend(self, account: str, ask: Ask) -> Lent:
        """Borrow calls of an account it owns."""
        return wire.read_answer(await self._call("lend", account, wire.write_ask(ask)), wire.read_lent)

    async def carry(self, entity: str) -> None:
        """Let it claim, recover and run an entity."""
        wire.read_answer(await self._call("carry", entity), wire.read_nothing)

    async def let_go(self, entity: str) -> None:
        """Let it give an entity back."""
        wire.read_answer(await self._call("let_go", entity), wire.read_nothing)

    async def ping(self) -> None:
        """Returns if it does anything at all."""
        await self._call("ping")

    async def end(self) -> None:
        """Let it give everything back."""
        await self._call("end")


# ------------------------------------------------------------------ the fleet


class RayFleet:
    """Implements Fleet: hosts are named, detached actors of one namespace."""

    def __init__(self, connection: Connection, settings: Settings, metrics: Metrics) -> None:
        import ray

        self._connection = connection
        self._hosts: dict[str, RayHost] = {}
        self._beginning: dict[str, None] = {}
        # A folder that is meant relative to where we run is not so for a process that Ray starts.
        directory = str(Path(settings.journal.directory).resolve())
        settings = settings.model_copy(update={"journal": settings.journal.model_copy(update={"directory": directory})})
        self._metrics = metrics
        self._settings = settings.model_dump_json().encode()
        self._actor: Any = ray.remote(HostActor)
        self._options = {**OPTIONS, "max_concurrency": settings.limits.concurrent_calls + SPARE_CALLS}

    def host(self, name: str) -> RayHost:
        """The host of this name, living or not."""
        return self._hosts.setdefault(name, RayHost(name, self._connection.namespace))

    async def hosts(self) -> Mapping[str, str]:
        """Name to region of every host that Ray knows. Raises FleetAwayError."""
        import ray

        try:
            names = await asyncio.to_thread(ray.util.list_named_actors)
        except (ray.exceptions.RayError, RuntimeError, ConnectionError) as fault:
            raise FleetAwayError(f"Ray does not answer: {fault}") from fault
        hosts = {name: name.split(":")[1] for name in names if name.startswith(f"{HOST}:")}
        for name in [name for name in self._hosts if name not in hosts]:
            del self._hosts[name]
        return {name: region for name, region in sorted(hosts.items()) if name not in self._beginning}

    async def start_host(self, region: str) -> str:
        """Start a host on a node of this region. Raises HostStartError."""
        if not self._connection.local and region not in await self._connection.regions():
            raise HostStartError(f"no living node has the label {REGION}={region}")
        name = f"{HOST}:{region}:{secrets.token_hex(4)}"
        bound = "" if self._connection.local else region
        where = {"label_selector": {REGION: bound}} if bound else {}
        actor = self._actor.options(**self._options, **where, name=name, namespace=self._connection.namespace)
        self._beginning[name] = None
        try:
            handle = actor.remote(self._settings, name, bound, self._connection.namespace)
            why = await asyncio.wait_for(handle.begin.remote(), START_S)
            if why:
                raise HostStartError(why)
        except BaseException as fault:
            await self._kill(name)
            if isinstance(fault, Exception) and not isinstance(fault, HostStartError):
                raise HostStartError(f"{name} did not begin: {type(fault).__name__} {fault}") from fault
            raise
        finally:
            del self._beginning[name]
        return name

    async def stop_host(self, name: str) -> None:
        """End a host; one that does not answer at once is killed."""
        host = self.host(name)
        try:
            await asyncio.wait_for(host.ping(), PING_S)
            await asyncio.wait_for(host.end(), END_S)
        except Exception as fault:
            log.warning("a host is killed", extra={"host": name, "reason": f"{type(fault).__name__}: {fault}"})
        await self._kill(name)

    async def _kill(self, name: str) -> None:
        import ray

        def kill() -> None:
            try:
                ray.kill(ray.get_actor(name, self._connection.namespace), no_restart=True)
            except ValueError:
                log.info("a host was gone already", extra={"host": name})

        await asyncio.to_thread(kill)
        self._hosts.pop(name, None)

    async def carry(self, host: str, entity: str) -> None:
        """Let the host claim, recover and run an entity. Raises NotOwnerError, HostLostError."""
        await self.host(host).carry(entity)

    async def let_go(self, host: str, entity: str) -> None:
        """Let the host give an entity back. Raises HostLostError."""
        await self.host(host).let_go(entity)

    async def report(self, host: str) -> HostReport:
        """How the host stands. Raises HostLostError."""
        report = await self.host(host).report()
        if report.counted:
            self._metrics.hear(host, report.counted)
        return report


# ------------------------------------------------------------------ the whole


class OnRay:
    """Implements `ports.Intake` and `ports.Operations` over the hosts of a cluster, and supervises them."""

    def __init__(
        self, settings: Settings, store: Store, address: str, environ: Mapping[str, str], metrics: Metrics
    ) -> None:
        self._settings = settings
        self._store = store
        self._connection = Connection(settings, address, environ)
        self._fleet: RayFleet | None = None
        self._clock = Clock()
        self._router = Router(store, settings, self._host_of, clock=self._clock)
        self.supervisor: Supervisor | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._reports: tuple[Sequence[PartitionReport], Sequence[AccountReport]] = ((), ())
        self._ways = ways(settings)
        self._outlook = Outlook()
        self.take = self._router.take
        self.command = self._router.command
        self.trace = self._router.trace
        self.worth = self._router.worth
        self.partitions = self._router.partitions
        self.accounts = self._router.accounts
        self.drain = self._router.drain
        self.ready = self._router.ready
        self._metrics = metrics
        metrics.watch(lambda: (*self._reports, self._outlook.forecasts))

    def _host_of(self, owner: Owner) -> RayHost:
        assert self._fleet is not None, "nobody is called before the start"
        return self._fleet.host(owner.address)

    async def start(self) -> None:
        """Connect, supervise, and wait until every entity is carried, or for long enough. Raises ConfigurationError."""
        await self._connection.open()
        self._fleet = RayFleet(self._connection, self._settings, self._metrics)
        name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.supervisor = Supervisor(self._settings, self._store, self._fleet, name, clock=self._clock)
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self.supervisor.run(), name="supervisor"),
            loop.create_task(self._look(), name="directory"),
            loop.create_task(self._scrape(), name="reports"),
        ]
        ends_ms = self._clock.mono_ms() + int(READY_S * 1_000)
        while self._router.missing() and self._clock.mono_ms() < ends_ms:
            await asyncio.sleep(0.1)

    async def forecasts(self) -> Sequence[Forecast]:
        """When every entity of which a host reports will have cleared, as of the last look."""
        return self._outlook.forecasts

    async def hosts(self) -> Mapping[str, str]:
        """Host to region, of every living host. Raises IntakeRefusedError."""
        assert self._fleet is not None, "nobody is asked before the start"
        try:
            return await self._fleet.hosts()
        except FleetAwayError as fault:
            raise IntakeRefusedError("moving", RETRY_AFTER_MS, str(fault)) from fault

    async def _look(self) -> None:
        """Keep the directory fresh: readiness is read from it."""
        while True:
            try:
                await self._router.refresh()
            except JournalError as fault:
                log.warning("the directory cannot be read", extra={"reason": str(fault)})
            await asyncio.sleep(LOOK_S)

    async def _scrape(self) -> None:
        """Keep reports for metrics, so that a scrape waits for no host."""
        while True:
            await asyncio.sleep(SCRAPE_S)
            try:
                self._reports = (await self._router.partitions(), await self._router.accounts())
                self._outlook = look(self._outlook.memory, *self._reports, self._ways)
            except JournalError as fault:
                log.warning("no reports", extra={"reason": str(fault)})

    async def stop(self) -> None:
        """End the supervision and disconnect. The hosts of a cluster go on; those of a cluster of our own end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.supervisor is not None and self._connection.local:
            await self.supervisor.end_fleet()
        await self._connection.close()
