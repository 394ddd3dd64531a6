"""Hosts of ours in one event loop, between the mock PSAs of a live firm and a real Tryton.

async with Feed(erp) as feed:
    await feed.start()
    await feed.deliver(feed.approve(40))
    await feed.settled()
    assert feed.stands() == feed.wanted()
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from time import monotonic
from types import TracebackType
from typing import Any, Self

from runtime.connectors.psa.generic import read_event
from runtime.core.model import Place
from runtime.core.news import EntryApproved, EntryNews, News
from runtime.drivers.counters import OwnedAccount
from runtime.drivers.on_asyncio import Host
from runtime.drivers.over_http import HttpTransport
from runtime.gateway.events import read_items
from runtime.journal.memory import MemoryStore
from runtime.ports import Request, Response, Transport
from runtime.settings import Settings
from scenarios.real.tryton import RealTryton
from simulators.live import LiveFirm
from tests.runtime.drivers.a_host import Anybody, reports_of, wall_ms
from tests.simulators.a_feed import TWO_ENTITIES

PATIENCE_S = 120.0
"""How long a test waits for what must happen; far more than it takes."""
TAKE_S = 20.0
HOUR_MS = 3_600_000
CREATE = b'"method":"model.timesheet.line.create"'
MOVING = (Place.IN_FLIGHT, Place.STAGED, Place.IN_DOUBT)


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
        if CREATE in request.body:
            self._feed.batches += 1
            await self._feed.before_batch()
        response = await self._wire.send(request, deadline_s)
        if CREATE in request.body:
            response = await self._feed.after_batch(response)
        return response

    async def close(self) -> None:
        """Close the pool."""
        await self._wire.close()


class Feed:
    """A firm, a store, a Tryton, and the host that a test starts between them."""

    def __init__(self, erp: RealTryton, **account: Any) -> None:
        """`account`: what a test wants different of the account's settings."""
        self.erp = erp
        self.firm = LiveFirm(TWO_ENTITIES, 1, wall_ms())
        self.store = MemoryStore()
        self.batches = 0
        self.before_batch: Callable[[], Awaitable[None]] = _nothing
        self.after_batch: Callable[[Response | None], Awaitable[Response | None]] = _as_it_is
        self._account = {"call_deadline_ms": 20_000, "late_landing_ms": 1_000, "probe_first_ms": 500, **account}
        self._published: list[EntryNews] = []
        self._hosts: list[Host] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        for host in self._hosts:
            await host.drain("test", "over")
            await host.close()
        self.store.close()

    @property
    def host(self) -> Host:
        """The host that runs now."""
        return self._hosts[-1]

    async def start(self) -> None:
        """A host that carries every entity and knows the reference data."""
        told = self.firm.deployment("http://127.0.0.1:1")
        for account in self.firm.erps:
            told["accounts"][account] = self.erp.settings(**self._account)
        for code in told["entities"]:
            told["entities"][code] |= {"linger_ms": 100, "tell_linger_ms": 20, "intake": "push"}
        settings = Settings.model_validate(told | {"journal": {"kind": "memory", "disk_headroom_bytes": 0}})
        environ = dict(self.erp.environ)
        host = Host(settings, self.store, "one", "one", environ=environ, connect=self._connect)
        self._hosts.append(host)
        await host.start()
        for entity in self.firm.by_code:
            await host.carry(entity)
        for entity, group in read_items(self.firm.reference_events(), Anybody(), 64).groups.items():
            await host.take(entity, group.news, group.size, TAKE_S)

    def _connect(self, url: str, connections: int) -> Transport:
        return Erp(self, url, connections) if url == self.erp.url else Psa(self.firm, url)

    # ---------------------------------------------------------------- what happens

    def approve(self, count: int, **manners: int) -> list[EntryNews]:
        """The source approves so many entries: what it publishes, corrections and withdrawals last."""
        published = [read_event(one.body) for one in self.firm.approved(count, wall_ms(), **manners)]
        self._published += published
        return published

    async def deliver(self, news: Sequence[EntryNews]) -> None:
        """The source delivers what it published."""
        by_entity: dict[str, list[News]] = {}
        for one in news:
            by_entity.setdefault(entity_of(one), []).append(one)
        for entity, group in by_entity.items():
            await self.host.take(entity, group, 1_000, TAKE_S)

    def session_is_old(self) -> None:
        """An hour passes at the account: a session that ends right after it began is no matter for another login."""
        for desk in self.host._accounts.desks.values():
            if isinstance(desk.counter, OwnedAccount):
                desk.counter._shell.account.logged_in_ms -= HOUR_MS

    async def settled(self) -> None:
        """Wait until nothing is on its way any more."""

        async def nothing_moves() -> bool:
            reports = await reports_of(self.host)
            return all(
                one.state == "running" and not one.untold and not any(one.places[place].count for place in MOVING)
                for one in reports
            )

        await until(nothing_moves)

    async def parked(self) -> Mapping[str, int]:
        """Reason to entries that wait for a person."""
        piles = [pile for report in await reports_of(self.host) for pile in report.parked]
        return {reason: sum(p.count for p in piles if p.reason == reason) for reason in {p.reason for p in piles}}

    # ---------------------------------------------------------------- what comes of it

    def wanted(self) -> Mapping[str, Decimal]:
        """Entry to the hours of its last version, as the source published it; what is not billed is not here."""
        last: dict[str, EntryNews] = {}
        for one in self._published:
            last[id_of(one)] = one
        return {
            entry_id: one.entry.quantity
            for entry_id, one in last.items()
            if isinstance(one, EntryApproved) and one.entry.time_type == "standard"
        }

    def stands(self) -> Mapping[str, Decimal]:
        """Entry to the hours that stand in Tryton; asked of it directly."""
        found: dict[str, Decimal] = {}
        for key, _, seconds in self._lines():
            entry_id = key.split("/")[2]
            found[entry_id] = found.get(entry_id, Decimal(0)) + seconds / 3600
        return {entry_id: hours for entry_id, hours in found.items() if hours}

    def keys(self) -> list[str]:
        """The key of every line in Tryton, each as often as it is there."""
        return sorted(key for key, _, _ in self._lines())

    def invoiced(self) -> Mapping[int, Decimal]:
        """Invoice line (0: none yet) to the hours of time that are on it."""
        found: dict[int, Decimal] = {}
        for _, invoice_line, seconds in self._lines():
            found[invoice_line] = found.get(invoice_line, Decimal(0)) + seconds / 3600
        return found

    def _lines(self) -> Iterator[tuple[str, int, Decimal]]:
        """(key, invoice line, seconds) of every timesheet line."""
        fields = ("description", "duration", "invoice_line", *(("uuid",) if self.erp.mode == "keyed" else ()))
        for line in self.erp.client().read("timesheet.line", fields=fields):
            key = line.get("uuid") or line["description"].partition("[")[2].partition("]")[0]
            yield key, line["invoice_line"] or 0, Decimal(str(line["duration"]))


def id_of(one: EntryNews) -> str:
    """Which entry the news is about."""
    return one.entry.entry_id if isinstance(one, EntryApproved) else one.entry_id


def entity_of(one: EntryNews) -> str:
    """Whose entry it is; its id begins with that, in this firm."""
    return id_of(one).split("-")[0]


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it holds; what does not hold in time fails the test."""
    ends = monotonic() + PATIENCE_S
    while not await holds():
        assert monotonic() < ends, "what had to happen did not"
        await asyncio.sleep(0.05)


async def _nothing() -> None:
    """Nothing befalls the batch on its way there."""


async def _as_it_is(response: Response | None) -> Response | None:
    """Nothing befalls the answer."""
    return response
