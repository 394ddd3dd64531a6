"""Hosts in one event loop, before the mock systems of a live firm: no sockets, real time, real journal.

async with Ground() as ground:
    host = await ground.host("one")
    await ground.deliver(host, 20)
    await ground.settled(host)
    assert ground.breaches() == {}
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic, time
from types import TracebackType
from typing import Any

from runtime.connectors.psa.generic import read_event
from runtime.core.loans import Ask, Lent
from runtime.core.model import Place
from runtime.core.news import EntryNews, News
from runtime.drivers.on_asyncio import Host
from runtime.gateway.events import read_items
from runtime.gateway.gate import Action
from runtime.journal.memory import MemoryStore
from runtime.ports import Owner, PartitionReport, Receipt, Request, Response, Store
from runtime.settings import Settings
from simulators.live import LiveFirm
from tests.simulators.a_feed import a_world

PATIENCE_S = 20.0
"""How long a test waits for what must happen; far more than it takes."""
FAULTS = ("lost", "double", "wrong_amount", "wrong_period", "wrong_order", "invented", "changed_rows", "unsettled")


def wall_ms() -> int:
    """Now, in ms UTC."""
    return int(time() * 1_000)


class Anybody:
    """Whoever delivers may deliver everything."""

    who = "test"
    everybody: Sequence[str] = ()

    def bar(self, action: Action, entity: str) -> str:
        """Nobody is barred."""
        return ""


class Wire:
    """The way to one system: answers at once, unless a test has something happen there."""

    def __init__(self, ground: "Ground", url: str) -> None:
        place, name = url.rsplit("/", 2)[1:]
        self._ground = ground
        self._system = (ground.firm.erps if place == "erp" else ground.firm.psas)[name]
        self._account = name

    async def send(self, request: Request, deadline_s: float) -> Response | None:
        """The response, or what the test makes of it."""
        ground = self._ground
        ground.on_the_wire[self._account] = ground.on_the_wire.get(self._account, 0) + 1
        most = ground.most_on_the_wire
        most[self._account] = max(most.get(self._account, 0), ground.on_the_wire[self._account])
        try:
            await ground.before_call(self._account, request)
            reply = self._system.answer(request, wall_ms())
            return await ground.after_call(self._account, request, reply.response)
        finally:
            ground.on_the_wire[self._account] -= 1

    async def close(self) -> None:
        """Nothing is held open."""


class Ground:
    """A firm, a store, and the hosts that a test starts on them."""

    def __init__(self, store: Store | None = None, **entity: Any) -> None:
        self.firm = LiveFirm(a_world(), 1, wall_ms())
        self.store = store or MemoryStore()
        self.hosts: dict[str, Host] = {}
        self.on_the_wire: dict[str, int] = {}
        self.most_on_the_wire: dict[str, int] = {}
        self.before_call: Callable[[str, Request], Awaitable[None]] = _nothing
        self.after_call: Callable[[str, Request, Response], Awaitable[Response | None]] = _as_it_is
        self._entity = {"linger_ms": 5, "tell_linger_ms": 20, "intake": "push", **entity}

    async def __aenter__(self) -> "Ground":
        return self

    async def __aexit__(self, kind: type | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        for host in self.hosts.values():
            await host.drain("test", "over")
            await host.close()
        self.store.close()

    def settings(self, journal: dict[str, Any], limits: dict[str, Any], account: dict[str, Any]) -> Settings:
        """The firm's deployment with what a test wants different."""
        told = self.firm.deployment("http://127.0.0.1:1")
        for code in told["entities"]:
            told["entities"][code] |= self._entity
        for name in self.firm.erps:
            told["accounts"][name] |= {"call_deadline_ms": 300, "late_landing_ms": 50, "staged_poll_ms": 100, **account}
        return Settings.model_validate(
            told | {"journal": {"kind": "memory", "disk_headroom_bytes": 0, **journal}, "limits": limits}
        )

    async def host(
        self,
        name: str,
        carry: Sequence[str] | None = None,
        *,
        together: bool = False,
        journal: dict[str, Any] | None = None,
        limits: dict[str, Any] | None = None,
        account: dict[str, Any] | None = None,
    ) -> Host:
        """A host that carries these entities (all, when none are named). `together`: it shares its accounts."""
        settings = self.settings(journal or {}, limits or {}, account or {})
        host = Host(
            settings,
            self.store,
            name,
            name,
            environ=self.firm.environment,
            connect=lambda url, _: Wire(self, url),
            call_owner=self._call_owner if together else None,
        )
        self.hosts[name] = host
        await host.start()
        for entity in self.firm.by_code if carry is None else carry:
            await host.carry(entity)
        for entity, group in read_items(self.firm.reference_events(), Anybody(), 64).groups.items():
            if entity in host.lanes:
                await host.take(entity, group.news, group.size, PATIENCE_S)
        return host

    async def _call_owner(self, owner: Owner, account: str, ask: Ask) -> Lent:
        return await self.hosts[owner.host].lend(account, ask)

    def approve(self, count: int, **manners: int) -> dict[str, list[EntryNews]]:
        """The source approves so many entries: entity to what it publishes."""
        published: dict[str, list[EntryNews]] = {}
        for approved in self.firm.approved(count, wall_ms(), **manners):
            published.setdefault(approved.entity, []).append(read_event(approved.body))
        return published

    async def deliver(self, host: Host, count: int, **manners: int) -> list[Receipt]:
        """The source approves so many entries and delivers them."""
        receipts: list[Receipt] = []
        for entity, news in self.approve(count, **manners).items():
            receipts += await host.take(entity, list[News](news), 1_000, PATIENCE_S)
        return receipts

    async def settled(self, *hosts: Host) -> None:
        """Wait until nothing is on its way any more."""
        await until(lambda: self._nothing_moves(hosts))

    async def _nothing_moves(self, hosts: Sequence[Host]) -> bool:
        reports = [report for host in hosts for report in await reports_of(host)]
        moving = (Place.IN_FLIGHT, Place.STAGED, Place.IN_DOUBT)
        return bool(reports) and all(
            report.state == "running" and not report.untold and not any(report.places[p].count for p in moving)
            for report in reports
        )

    def breaches(self) -> dict[str, Any]:
        """What the auditors find wrong, by name; empty when the ledgers are right."""
        said = self.firm.audit()
        return {name: said[name] for name in FAULTS if said[name]}


async def reports_of(host: Host) -> list[PartitionReport]:
    """How the partitions stand that this host carries."""
    return [report for report in await host.partitions() if report.entity in host.lanes]


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it holds; what does not hold in time fails the test."""
    ends = monotonic() + PATIENCE_S
    while not await holds():
        assert monotonic() < ends, "what had to happen did not"
        await asyncio.sleep(0.01)


async def _nothing(_account: str, _request: Request) -> None:
    """Nothing befalls the call on its way there."""


async def _as_it_is(_account: str, _request: Request, response: Response) -> Response | None:
    """Nothing befalls the answer."""
    return response
