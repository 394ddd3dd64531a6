"""A cluster in memory, for tests: hosts that take, claim and renew; a directory with leases; a clock that stands still.

cluster.step()   time passes, living hosts renew their leases, supervisors look, and what they began ends
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

from runtime.core.inputs import Command
from runtime.core.model import Place
from runtime.core.news import EntryApproved, EntryWithdrawn, News
from runtime.core.partition.worth import Worth
from runtime.drivers.clock import Clock
from runtime.drivers.reporting import absent
from runtime.drivers.supervisor import HostLostError, HostReport, HostStartError, Pace, Supervisor
from runtime.journal.memory import MemoryOffice
from runtime.ports import (
    AccountReport,
    EntryTrace,
    HostOrder,
    NotOwnerError,
    Owner,
    PartitionReport,
    Pile,
    Receipt,
    Store,
    StoreAwayError,
    Taken,
)
from runtime.scaling import ScalingPolicy
from runtime.settings import Settings

LEASE_MS = 15_000


def the_settings(regions: Mapping[str, str], weight: int = 30, **hosts_max: int) -> Settings:
    """Settings with these entities (entity to region), all of one weight."""
    return Settings.model_validate(
        {
            "tenant": "acme",
            "journal": {"lease_ms": LEASE_MS, "lease_margin_ms": 3_000},
            "accounts": {
                "erp": {"kind": "generic_erp", "url": "http://127.0.0.1:1"},
                "psa": {"kind": "generic_psa", "url": "http://127.0.0.1:1"},
            },
            "entities": {
                name: {"region": region, "erp": "erp", "psa": "psa", "weight": weight}
                for name, region in regions.items()
            },
            "placement": {"hosts_max": hosts_max},
        }
    )


class StillClock(Clock):
    """A clock that moves when it is told to; the store's leases run on it, too."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000
        super().__init__()

    def wall_ms(self) -> int:
        return self.now_ms

    def mono_ms(self) -> int:
        return self.now_ms


class Directory:
    """The ownership table of a store, and what its partitions have taken in."""

    def __init__(self, clock: StillClock) -> None:
        self.clock = clock
        self.rows: dict[str, Owner] = {}
        self.durable: dict[str, dict[str, int]] = {}
        """Entity to what it took in, with how often each was accepted as new."""
        self.away = False
        self.kept = MemoryOffice()
        self.readings = 0
        self.claims: list[tuple[str, str, int]] = []

    def now_ms(self) -> int:
        return self.clock.now_ms

    def claim(self, name: str, host: str, address: str, lease_ms: int) -> Owner:
        self._answer()
        row = self.rows.get(name)
        if row is not None and row.host != host and row.lease_until_ms > self.now_ms():
            raise NotOwnerError(f"{name} is {row.host}'s")
        owner = Owner(name, 1 if row is None else row.epoch + 1, host, address, self.now_ms() + lease_ms)
        self.rows[name] = owner
        self.claims.append((name, host, self.now_ms()))
        return owner

    def renew(self, owners: Sequence[Owner], lease_ms: int) -> Sequence[Owner]:
        self._answer()
        kept = []
        for owner in owners:
            row = self.rows[owner.name]
            if (row.host, row.epoch) == (owner.host, owner.epoch):
                self.rows[owner.name] = Owner(row.name, row.epoch, row.host, row.address, self.now_ms() + lease_ms)
                kept.append(self.rows[owner.name])
        return kept

    def release(self, owner: Owner) -> None:
        self._answer()
        row = self.rows[owner.name]
        if (row.host, row.epoch) == (owner.host, owner.epoch):
            self.rows[owner.name] = Owner(row.name, row.epoch, row.host, row.address, 0)

    def owners(self) -> Sequence[Owner]:
        self._answer()
        self.readings += 1
        return tuple(self.rows.values())

    def office(self) -> MemoryOffice:
        return self.kept

    def _answer(self) -> None:
        if self.away:
            raise StoreAwayError("the store is away")


class ModelHost:
    """A host that takes in what it owns, and answers as told."""

    def __init__(self, name: str, region: str, directory: Directory) -> None:
        self.name = name
        self.region = region
        self.directory = directory
        self.carried: dict[str, Owner] = {}
        self.deaf = False
        """Answers no question, but renews its leases."""
        self.frozen = False
        """Does nothing at all."""
        self.piles: dict[str, int] = {}
        """Entity to when its oldest work in flight was approved."""
        self.cut_offs: dict[str, int] = {}
        """Entity to the cut-off that it knows."""
        self.raises_after: list[Exception] = []
        """What the next calls raise after they did what they were asked to."""
        self.commands: list[tuple[str, Command]] = []

    def beat(self) -> None:
        """Renew the leases, if there is life in it."""
        if not self.frozen:
            kept = {owner.name: owner for owner in self.directory.renew(tuple(self.carried.values()), LEASE_MS)}
            self.carried = kept

    async def take(self, entity: str, news: Sequence[News], size: int, deadline_s: float) -> Sequence[Receipt]:
        if self.frozen:
            await asyncio.sleep(60)
        self._own(entity)
        taken = self.directory.durable.setdefault(entity, {})
        receipts = []
        for one in news:
            assert isinstance(one, EntryWithdrawn)
            receipts.append(Receipt(Taken.DUPLICATE if one.entry_id in taken else Taken.ACCEPTED))
            taken[one.entry_id] = taken.get(one.entry_id, 0) + (receipts[-1].taken is Taken.ACCEPTED)
        self._raise_after()
        return receipts

    async def command(self, entity: str, command: Command) -> bool:
        self._own(entity)
        found = (entity, command) not in self.commands
        self.commands.append((entity, command))
        self._raise_after()
        return found

    async def trace(self, entity: str, entry_id: str) -> EntryTrace | None:
        self._own(entity)
        return None

    async def worth(self, entity: str, approved: Sequence[EntryApproved]) -> Sequence[Worth]:
        self._own(entity)
        self._raise_after()
        return [Worth(100, "EUR") for _ in approved]

    async def partitions(self) -> Sequence[PartitionReport]:
        if self.deaf or self.frozen:
            raise TimeoutError("no answer")
        reports = []
        for entity, owner in self.carried.items():
            report = absent(entity, self.region, owner, "running", self.directory.now_ms())
            oldest_ms = self.piles.get(entity)
            if oldest_ms is not None:
                places = {Place.IN_FLIGHT: Pile(1, Decimal(1), {}, oldest_ms)}
                report = replace(report, places=places, cut_off_ms=self.cut_offs.get(entity))
            reports.append(report)
        return reports

    async def accounts(self) -> Sequence[AccountReport]:
        return ()

    def _own(self, entity: str) -> None:
        if entity not in self.carried:
            raise NotOwnerError(f"{entity} is not carried here")

    def _raise_after(self) -> None:
        if self.raises_after:
            raise self.raises_after.pop()


class ModelFleet:
    """Implements Fleet over model hosts."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.living: dict[str, ModelHost] = {}
        self.started: list[str] = []
        self.stopped: list[str] = []
        self.no_room = False
        self.log: list[tuple[str, str, str]] = []
        """(verb, host, entity) of what was asked."""

    def lose(self, name: str) -> ModelHost:
        """The host is gone from one moment to the next."""
        return self.living.pop(name)

    def host(self, name: str) -> ModelHost:
        if name not in self.living:
            raise HostLostError(name)
        return self.living[name]

    async def hosts(self) -> Mapping[str, str]:
        return {name: host.region for name, host in self.living.items()}

    async def start_host(self, region: str) -> str:
        if self.no_room:
            raise HostStartError(f"no node of region {region} has room")
        name = f"{region}/{len(self.started)}"
        self.started.append(name)
        self.living[name] = ModelHost(name, region, self.directory)
        return name

    async def stop_host(self, name: str) -> None:
        self.stopped.append(name)
        host = self.living.pop(name, None)
        if host is not None and not host.frozen:
            for owner in host.carried.values():
                self.directory.release(owner)

    async def carry(self, host: str, entity: str) -> None:
        self.log.append(("carry", host, entity))
        carrier = self.host(host)
        carrier.carried[entity] = self.directory.claim(entity, host, host, LEASE_MS)
        carrier._raise_after()

    async def let_go(self, host: str, entity: str) -> None:
        self.log.append(("let_go", host, entity))
        owner = self.host(host).carried.pop(entity, None)
        if owner is not None:
            self.directory.release(owner)

    async def report(self, host: str) -> HostReport:
        carrier = self.host(host)
        return HostReport("", await carrier.partitions(), await carrier.accounts())


class Cluster:
    """Everything together, and the steps in which time passes."""

    def __init__(self, settings: Settings, scaling: ScalingPolicy | None = None) -> None:
        self.settings = settings
        self.clock = StillClock()
        self.directory = Directory(self.clock)
        self.store = cast(Store, self.directory)
        self.fleet = ModelFleet(self.directory)
        self.scaling = scaling
        self.supervisors: list[Supervisor] = []
        self.on_step: list[Callable[[], Any]] = []

    def a_supervisor(self, name: str = "one", **pace: int) -> Supervisor:
        """Another supervisor, which looks at every step from now on."""
        supervisor = Supervisor(
            self.settings,
            self.store,
            self.fleet,
            name,
            clock=self.clock,
            pace=Pace(**pace),
            scaling=self.scaling,
        )
        self.supervisors.append(supervisor)
        return supervisor

    async def step(self, ms: int = 1_000) -> None:
        """Time passes."""
        self.clock.now_ms += ms
        for host in tuple(self.fleet.living.values()):
            host.beat()
        for supervisor in self.supervisors:
            await supervisor.tick()
            await supervisor.settle()
        for act in self.on_step:
            act()

    async def steps(self, number: int) -> None:
        """So many seconds pass."""
        for _ in range(number):
            await self.step()

    def order(self, verb: str, *hosts: str) -> None:
        """Somebody orders this for these hosts."""
        self.directory.kept.order([HostOrder(host, verb, "key:ops", "new build", self.clock.now_ms) for host in hosts])

    def homes(self) -> dict[str, str]:
        """Entity to the host whose lease on it runs."""
        return {
            name: owner.host
            for name, owner in sorted(self.directory.rows.items())
            if owner.lease_until_ms > self.clock.now_ms and name in self.settings.entities
        }
