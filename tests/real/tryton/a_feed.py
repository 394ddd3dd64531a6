"""Hosts of ours in one event loop, between the mock PSAs of a live firm and a real Tryton.

async with Feed(erp) as feed:
    host = await feed.host("one")
    await feed.approve(host, 40)
    await feed.settled(host)
"""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from runtime.connectors.psa.generic import read_event
from runtime.core.model import Place
from runtime.core.news import EntryNews, News
from runtime.drivers.on_asyncio import Host
from runtime.drivers.over_http import HttpTransport
from runtime.gateway.events import read_items
from runtime.journal.memory import MemoryStore
from runtime.ports import Request, Response, Transport
from runtime.settings import Settings
from scenarios.real.tryton import RealTryton
from simulators.live import LiveFirm
from tests.runtime.drivers.a_host import PATIENCE_S, Anybody, reports_of, until, wall_ms
from tests.simulators.a_feed import TWO_ENTITIES


class Psa:
    """The way to a mock PSA: it answers at once."""

    def __init__(self, firm: LiveFirm, url: str) -> None:
        self._system = firm.psas[url.rsplit("/", 1)[1]]

    async def send(self, request: Request, deadline_s: float) -> Response | None:
        """The response."""
        return self._system.answer(request, wall_ms()).response

    async def close(self) -> None:
        """Nothing is held open."""


class Erp:
    """The way to Tryton, on which a test may have something happen."""

    def __init__(self, feed: "Feed", url: str, connections: int) -> None:
        self._feed = feed
        self._wire = HttpTransport(url, connections)

    async def send(self, request: Request, deadline_s: float) -> Response | None:
        """The response, or what the test makes of it."""
        await self._feed.before_call(request)
        response = await self._wire.send(request, deadline_s)
        return await self._feed.after_call(request, response)

    async def close(self) -> None:
        """Close the pool."""
        await self._wire.close()


class Feed:
    """A firm, a store, a Tryton, and the hosts that a test starts between them."""

    def __init__(self, erp: RealTryton, **account: Any) -> None:
        self.erp = erp
        self.firm = LiveFirm(TWO_ENTITIES, 1, wall_ms())
        self.store = MemoryStore()
        self.hosts: dict[str, Host] = {}
        self.before_call: Callable[[Request], Awaitable[None]] = _nothing
        self.after_call: Callable[[Request, Response | None], Awaitable[Response | None]] = _as_it_is
        self._account = {"call_deadline_ms": 20_000, "late_landing_ms": 20_000, "probe_first_ms": 500, **account}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        for host in self.hosts.values():
            await host.drain("test", "over")
            await host.close()
        self.store.close()

    async def host(self, name: str) -> Host:
        """A host that carries every entity."""
        told = self.firm.deployment("http://127.0.0.1:1")
        for account in self.firm.erps:
            told["accounts"][account] = self.erp.settings(**self._account)
        for code in told["entities"]:
            told["entities"][code] |= {"linger_ms": 200, "tell_linger_ms": 20, "intake": "push"}
        settings = Settings.model_validate(told | {"journal": {"kind": "memory", "disk_headroom_bytes": 0}})
        host = Host(settings, self.store, name, name, environ=dict(self.erp.environ), connect=self._connect)
        self.hosts[name] = host
        await host.start()
        for entity in self.firm.by_code:
            await host.carry(entity)
        for entity, group in read_items(self.firm.reference_events(), Anybody(), 64).groups.items():
            await host.take(entity, group.news, group.size, PATIENCE_S)
        return host

    def _connect(self, url: str, connections: int) -> Transport:
        return Erp(self, url, connections) if url == self.erp.url else Psa(self.firm, url)

    async def approve(self, host: Host, count: int, **manners: int) -> dict[str, list[EntryNews]]:
        """The source approves so many entries and delivers them; entity to what it published."""
        published: dict[str, list[EntryNews]] = {}
        for approved in self.firm.approved(count, wall_ms(), **manners):
            published.setdefault(approved.entity, []).append(read_event(approved.body))
        for entity, news in published.items():
            await host.take(entity, list[News](news), 1_000, PATIENCE_S)
        return published

    async def settled(self, host: Host) -> None:
        """Wait until nothing is on its way any more."""

        async def nothing_moves() -> bool:
            moving = (Place.IN_FLIGHT, Place.STAGED, Place.IN_DOUBT)
            return all(
                one.state == "running" and not one.untold and not any(one.places[place].count for place in moving)
                for one in await reports_of(host)
            )

        await until(nothing_moves)


async def _nothing(_request: Request) -> None:
    """Nothing befalls the call on its way there."""


async def _as_it_is(_request: Request, response: Response | None) -> Response | None:
    """Nothing befalls the answer."""
    return response
