"""The supervisor: sees to it that every legal entity is carried by a living host of its region. Runs outside Ray.

    observe   which hosts live (the fleet), who owns what until when (the store), how it goes (reports of the hosts)
    decide    scaling: how much of a host each entity needs;  placement: which host carries it
    act       start a host, carry, let go, move, stop a host; each in a task of its own, never two for one entity

Rule 1. Only who holds the lease row "supervisor:main" acts, and looks at its own clock before every act. Two of them
        for a moment do no harm to money: ownership of a partition is fenced by the store, whoever asks for it.
Rule 2. Nothing is remembered that matters: a new supervisor observes and goes on. (Weights that scaling gave are
        forgotten; hosts that are there are kept until it was calm.)
Rule 3. Leases are the heartbeat. A host that does not answer and whose leases run on is slow, and is left alone for
        `patience_ms`; one whose leases ran out, or that holds none, has `deaf_ms`. Then it is ended and replaced.
Rule 4. What a lost host carried is claimed by another one once the lease has run out, and not before: the lost one may
        still be sending. An act that raised is unknown: nothing is concluded, the next look tells.
Rule 5. What people want of a host is an order in the office, where any gateway puts it and whoever leads finds it: to
        drain it now, or to restart it in its turn. A rolling restart drains one host at a time, and only while nobody
        waits. An order stands until its host is no more; that stands in the audit.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from runtime.configuration import instant_ms
from runtime.core.model import Place
from runtime.core.value import value
from runtime.drivers.clock import Clock
from runtime.logs import told
from runtime.placement import EntityNeed, HostState, Limits, Move, Plan, place
from runtime.ports import (
    AccountReport,
    AuditNote,
    HostOrder,
    JournalError,
    NotOwnerError,
    Owner,
    PartitionReport,
    Store,
)
from runtime.scaling import Memory, Outlook, ScalingPolicy, Sight, look
from runtime.settings import Settings

SUPERVISOR = "supervisor:main"
QUOTA_SPENT_PPM = 900_000
"""A quota of which so much is used binds (ours): the account grants calls one by one, and never quite all of them."""

log = logging.getLogger("springtide.supervisor")


class HostLostError(Exception):
    """This host is certainly no more, or was never there."""


class HostStartError(Exception):
    """No host could be started, and why."""


class FleetAwayError(Exception):
    """Nobody can say at the moment which hosts there are."""


@value
class HostReport:
    """What a host says of itself."""

    ready: str
    """Empty, or what it waits for."""
    partitions: Sequence[PartitionReport]
    accounts: Sequence[AccountReport]
    counted: bytes = b""
    """What it counted since its start, as `Metrics.tell` says it."""


class Fleet(Protocol):
    """Hosts that can be started, asked and ended. Whatever a call raises but HostLostError, its outcome is unknown."""

    async def hosts(self) -> Mapping[str, str]:
        """Name to region of every host that may be alive and has finished starting. Raises FleetAwayError."""

    async def start_host(self, region: str) -> str:
        """Start a host in a region; returns its name, never used before, once it can carry. Raises HostStartError."""

    async def stop_host(self, name: str) -> None:
        """End a host: it lets go of what it carries if it still listens, and is killed if it does not."""

    async def carry(self, host: str, entity: str) -> None:
        """Let the host claim, recover and run an entity. Raises NotOwnerError while another host's lease runs."""

    async def let_go(self, host: str, entity: str) -> None:
        """Let the host finish what it does for an entity and give the lease back."""

    async def report(self, host: str) -> HostReport:
        """Ask a host how it stands."""


@value
class Pace:
    """How often the supervisor looks, and how long it waits for whom. Milliseconds; all of it ours (assumed)."""

    look_every_ms: int = 1_000
    report_every_ms: int = 5_000
    report_deadline_ms: int = 4_000
    deaf_ms: int = 10_000
    """A host without a running lease may be silent for so long."""
    patience_ms: int = 120_000
    """A host whose leases run on may be silent for so long."""
    act_deadline_ms: int = 60_000
    """No act is waited for longer than this; what it did is then unknown."""
    rest_after_failure_ms: int = 5_000
    """Before something that failed is tried again: the start of a host in a region, the carrying of an entity."""
    moves_at_once: int = 2
    """Moves of running entities under way in one region; what nobody carries does not wait for its turn."""


@dataclass(slots=True)
class _Seen:
    """What is known of one living host."""

    region: str
    heard_ms: int
    """When it last answered, or was first seen; on our monotonic clock."""
    report: HostReport | None = None
    reported_ms: int | None = None


@dataclass(slots=True)
class _World:
    """One look: everything that a decision needs, and nothing that changes under it."""

    hosts: dict[str, _Seen]
    owned: dict[str, Owner]
    """Entity to the owner whose lease runs."""
    now_ms: int
    """On the store's clock."""
    moving: dict[str, Move]
    starting: dict[str, int]
    """What was under way when the look began: an act that ended meanwhile is seen by the next one."""
    orders: Sequence[HostOrder]
    """What people want of the hosts that live, oldest first."""
    states: list[HostState] = field(default_factory=list)


class Supervisor:
    """Observes, decides with pure functions, acts. `run` goes on until it is cancelled; `tick` is one round of it."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        fleet: Fleet,
        name: str,
        *,
        clock: Clock | None = None,
        pace: Pace | None = None,
        scaling: ScalingPolicy | None = None,
    ) -> None:
        """`name` tells this supervisor from others in the ownership table."""
        self._settings = settings
        self._store = store
        self._office = store.office()
        self._fleet = fleet
        self._name = name
        self._clock = clock or Clock()
        self._pace = pace or Pace()
        self._scaling = scaling or ScalingPolicy(
            whole_host=settings.placement.whole_host, hosts_max=settings.placement.hosts_max
        )
        self._cut_offs = {
            entity: instant_ms(one.cut_off) if one.cut_off else None for entity, one in settings.entities.items()
        }
        self._lease: Owner | None = None
        self._lease_ends_mono_ms = 0
        self._hosts: dict[str, _Seen] = {}
        self._memory = Memory()
        self._outlook = Outlook({}, {}, {}, self._memory)
        self._looked_ms: int | None = None
        self._acts: dict[str, asyncio.Task[None]] = {}
        self._moving: dict[str, Move] = {}
        self._starting: dict[str, int] = {}
        self._ending: dict[str, None] = {}
        self._rest_until_ms: dict[str, int] = {}
        self._restarting = ""
        """The host whose turn it is in a rolling restart."""
        self.plan = Plan({}, {}, (), {}, (), ())
        """What was last decided; `waits` are the entities that nobody carries, and why."""
        self.failures: dict[str, str] = {}
        """What failed last, by "region NAME" or entity; gone once it succeeded."""

    # ---------------------------------------------------------------- life

    async def run(self) -> None:
        """Look again and again. On cancellation the lease is given back, the hosts go on."""
        try:
            while True:
                try:
                    await self.tick()
                except (JournalError, FleetAwayError) as fault:
                    log.warning("the supervisor cannot look", extra={"reason": str(fault)})
                await asyncio.sleep(self._pace.look_every_ms / 1_000)
        finally:
            await self.close()

    async def close(self) -> None:
        """End what is under way and give the lease back."""
        for task in self._acts.values():
            task.cancel()
        await asyncio.gather(*self._acts.values(), return_exceptions=True)
        lease, self._lease = self._lease, None
        if lease is not None:
            await asyncio.to_thread(self._store.release, lease)

    async def end_fleet(self) -> None:
        """End every host, each after it let go of what it carries; for a cluster that ends with its supervisor."""
        names = await self._fleet.hosts()
        await asyncio.gather(*(self._fleet.stop_host(name) for name in names), return_exceptions=True)

    async def settle(self) -> None:
        """Wait for the acts that are under way."""
        while self._acts:
            await asyncio.gather(*self._acts.values(), return_exceptions=True)

    @property
    def leads(self) -> bool:
        """Whether this supervisor is the one that acts."""
        return self._lease is not None and self._clock.mono_ms() < self._lease_ends_mono_ms

    @property
    def outlook(self) -> Outlook:
        """What scaling last made of the reports: weights and hosts, with reasons."""
        return self._outlook

    async def tick(self) -> None:
        """Observe, decide, act; waits for no act. Raises JournalError or FleetAwayError where it cannot look."""
        if not await self._take_the_lead():
            return
        world = await self._observe()
        self._decide(world)
        self._act(world)

    async def _take_the_lead(self) -> bool:
        """Hold the lease row, or stand by."""
        lease_ms = self._settings.journal.lease_ms
        asked_ms = self._clock.mono_ms()
        held = self._lease
        try:
            if held is None or asked_ms >= self._lease_ends_mono_ms:
                # Whatever we knew is from before somebody else may have led, or from before we were stopped.
                self._hosts.clear()
                self._looked_ms = None
                self._lease = await asyncio.to_thread(self._store.claim, SUPERVISOR, self._name, "", lease_ms)
                if held is None:
                    log.info("this supervisor leads now", extra={"epoch": self._lease.epoch})
            else:
                renewed = await asyncio.to_thread(self._store.renew, (held,), lease_ms)
                self._lease = renewed[0] if renewed else None
        except NotOwnerError:
            self._lease = None
        if self._lease is None:
            return False
        self._lease_ends_mono_ms = asked_ms + lease_ms - self._settings.journal.lease_margin_ms
        return self.leads

    # ---------------------------------------------------------------- observe

    async def _observe(self) -> _World:
        moving, starting, ending = dict(self._moving), dict(self._starting), dict(self._ending)
        living = await self._fleet.hosts()
        owners = await asyncio.to_thread(self._store.owners)
        now_ms = await asyncio.to_thread(self._store.now_ms)
        mono_ms = self._clock.mono_ms()
        for name in [name for name in self._hosts if name not in living]:
            log.warning("a host is gone", extra={"host": name, "region": self._hosts[name].region})
            del self._hosts[name]
        for name, region in living.items():
            seen = self._hosts.setdefault(name, _Seen(region, mono_ms))
            if seen.reported_ms is None or mono_ms - seen.reported_ms >= self._pace.report_every_ms:
                self._ask(name, seen)

        orders = await self._orders(living, now_ms)

        running = [owner for owner in owners if owner.lease_until_ms > now_ms]
        world = _World(
            {name: seen for name, seen in self._hosts.items() if name not in ending},
            {owner.name: owner for owner in running if owner.name in self._settings.entities},
            now_ms,
            moving,
            starting,
            orders,
        )
        beating = {owner.host for owner in running}
        for name, seen in tuple(world.hosts.items()):
            silent_ms = mono_ms - seen.heard_ms
            if silent_ms >= (self._pace.patience_ms if name in beating else self._pace.deaf_ms):
                log.error("a host is lost: ended and replaced", extra={"host": name, "ms": silent_ms})
                del world.hosts[name]
                self._end_host(name)
        # Who is on its way is counted where it is going, so that no plan sends it elsewhere meanwhile.
        carried: dict[str, list[str]] = {name: [] for name in world.hosts}
        carriers = {entity: owner.host for entity, owner in world.owned.items()}
        for entity, host in (carriers | {entity: move.target for entity, move in moving.items()}).items():
            if host in carried:
                carried[host].append(entity)
        draining = {order.host for order in orders if order.verb == "drain"} | {self._restarting}
        world.states = [
            HostState(name, seen.region, name in draining, tuple(sorted(carried[name])))
            for name, seen in sorted(world.hosts.items())
        ]
        return world

    async def _orders(self, living: Mapping[str, str], now_ms: int) -> Sequence[HostOrder]:
        """What people want of hosts that live; what they wanted of the others is done, and is written down."""
        orders = await asyncio.to_thread(self._office.orders)
        done = [order for order in orders if order.host not in living]
        for order in done:
            note = AuditNote(now_ms, order.who, f"{order.verb} host", order.host, order.why, "done: it has ended")
            await asyncio.to_thread(self._office.note, note)
        if done:
            await asyncio.to_thread(self._office.carried_out, [order.host for order in done])
        standing = [order for order in orders if order.host in living]
        if all(order.host != self._restarting for order in standing):
            self._restarting = ""
        return standing

    def _ask(self, name: str, seen: _Seen) -> None:
        """Ask a host for its report; nobody waits for the answer, and it is asked again only once this one ended."""

        async def asked() -> None:
            try:
                async with asyncio.timeout(self._pace.report_deadline_ms / 1_000):
                    seen.report = await self._fleet.report(name)
            except Exception as fault:
                # Whatever it raised, the host did not answer: that is all there is to know.
                log.info("a host did not report", extra={"host": name, "reason": f"{type(fault).__name__}: {fault}"})
            else:
                seen.heard_ms = seen.reported_ms = self._clock.mono_ms()
            finally:
                self._acts.pop(f"ask {name}", None)

        if f"ask {name}" not in self._acts:
            self._acts[f"ask {name}"] = asyncio.get_running_loop().create_task(asked(), name=f"ask {name}")

    # ---------------------------------------------------------------- decide

    def _decide(self, world: _World) -> None:
        entities = self._settings.entities
        self._next_restart(world)
        open_hosts: dict[str, int] = {}
        for state in world.states:
            open_hosts[state.region] = open_hosts.get(state.region, 0) + (not state.draining)
        mono_ms = self._clock.mono_ms()
        if self._looked_ms is None or mono_ms - self._looked_ms >= self._pace.report_every_ms:
            self._looked_ms = mono_ms
            self._outlook = look(self._memory, self._sights(world), open_hosts, world.now_ms, self._scaling)
            self._memory = self._outlook.memory
        needs = {
            name: EntityNeed(one.region, self._outlook.weights.get(name, one.weight)) for name, one in entities.items()
        }
        hosts_max = dict(self._settings.placement.hosts_max)
        for region in sorted({one.region for one in entities.values()}):
            if self._rests(f"region {region}"):
                # No more can be had just now: those that are there carry what there is.
                hosts_max[region] = open_hosts.get(region, 0)
        least = {region: wanted.hosts for region, wanted in self._outlook.wanted.items()}
        limits = Limits(self._settings.placement.whole_host, hosts_max, least, world.starting)
        self.plan = place(needs, world.states, limits)

    def _sights(self, world: _World) -> list[Sight]:
        reports: dict[str, PartitionReport] = {}
        accounts: dict[str, AccountReport] = {}
        stale_ms = self._clock.mono_ms() - 3 * self._pace.report_every_ms
        for name, seen in world.hosts.items():
            if seen.report is not None and seen.reported_ms is not None and seen.reported_ms > stale_ms:
                owned = (one for one in seen.report.partitions if one.entity in world.owned)
                reports.update((one.entity, one) for one in owned if world.owned[one.entity].host == name)
                accounts.update((one.account, one) for one in seen.report.accounts)
        crowd = {entity: len(state.carries) for state in world.states for entity in state.carries}
        sights = []
        for entity, one in self._settings.entities.items():
            report = reports.get(entity)
            pile = report.places.get(Place.IN_FLIGHT) if report is not None else None
            sights.append(
                Sight(
                    entity,
                    one.region,
                    one.weight,
                    pile.oldest_ms if pile is not None else None,
                    _cut_off_ms(report, self._cut_offs[entity]),
                    _held_by(report, accounts.get(one.erp)),
                    crowd.get(entity) == 1,
                    report is not None,
                )
            )
        return sights

    def _next_restart(self, world: _World) -> None:
        """Drain the next host of a rolling restart once the last one is gone and everybody is carried."""
        living = {entity for entity, owner in world.owned.items() if owner.host in world.hosts}
        everybody = living.issuperset(self._settings.entities)
        drains = self._restarting or any(order.verb == "drain" for order in world.orders)
        waiting = [order.host for order in world.orders if order.verb == "restart" and order.host in world.hosts]
        if waiting and everybody and not drains and not world.moving and not world.starting:
            self._restarting = waiting[0]
            log.info("a host is drained, to be replaced", extra={"host": self._restarting})
            world.states = [
                HostState(one.name, one.region, one.draining or one.name == self._restarting, one.carries)
                for one in world.states
            ]

    # ---------------------------------------------------------------- act

    def _act(self, world: _World) -> None:
        regions = {name: one.region for name, one in self._settings.entities.items()}
        for region, count in self.plan.start.items():
            for _ in range(count):
                self._start_host(region)
        for name in self.plan.stop:
            self._end_host(name)
        for move in self.plan.moves:
            if move.entity in world.moving or move.entity in self._moving or self._rests(move.entity):
                continue
            if move.source:
                region = world.hosts[move.source].region
                under_way = [one for one in self._moving.values() if one.source and regions.get(one.entity) == region]
                if len(under_way) < self._pace.moves_at_once:
                    self._move(move)
            elif move.entity not in world.owned:
                self._move(move)

    def _rests(self, what: str) -> bool:
        return self._clock.mono_ms() < self._rest_until_ms.get(what, 0)

    def _start_host(self, region: str) -> None:
        async def start() -> None:
            name = await self._fleet.start_host(region)
            log.info("a host was started", extra={"host": name, "region": region})

        def over() -> None:
            self._starting[region] -= 1
            if not self._starting[region]:
                del self._starting[region]

        number = self._starting.get(region, 0)
        self._starting[region] = number + 1
        self._under_way(f"start {region} {number}", f"region {region}", start(), over)

    def _end_host(self, name: str) -> None:
        if name in self._ending:
            return
        self._ending[name] = None
        self._under_way(f"end {name}", f"host {name}", self._fleet.stop_host(name), lambda: self._ending.pop(name))

    def _move(self, move: Move) -> None:
        async def carry_over() -> None:
            if move.source:
                try:
                    await self._fleet.let_go(move.source, move.entity)
                except HostLostError:
                    log.info("a host was lost while it let go", extra={"host": move.source, "entity": move.entity})
            if move.target and self.leads:
                await self._fleet.carry(move.target, move.entity)
            log.info("an entity moved", extra={"entity": move.entity, "host": move.target})

        self._moving[move.entity] = move
        self._under_way(f"move {move.entity}", move.entity, carry_over(), lambda: self._moving.pop(move.entity))

    def _under_way(self, key: str, what: str, act: Coroutine[None, None, None], over: Callable[[], object]) -> None:
        """Do it in a task of its own. What it raised is kept for people, and not tried again for a while."""
        if not self.leads:
            act.close()
            over()
            return

        async def watched() -> None:
            try:
                async with asyncio.timeout(self._pace.act_deadline_ms / 1_000):
                    await act
            except NotOwnerError as fault:
                log.info("somebody else's lease runs still", extra={"call": key, "reason": fault})
            except Exception as fault:
                # Whatever it raised, the outcome is unknown: the next look tells.
                self.failures[what] = told(fault)
                self._rest_until_ms[what] = self._clock.mono_ms() + self._pace.rest_after_failure_ms
                log.warning("an act of the supervisor failed", extra={"call": key, "reason": fault})
            else:
                self.failures.pop(what, None)
                self._rest_until_ms.pop(what, None)
            finally:
                over()
                self._acts.pop(key, None)

        self._acts[key] = asyncio.get_running_loop().create_task(watched(), name=key)


def _cut_off_ms(report: PartitionReport | None, configured_ms: int | None) -> int | None:
    """The cut-off that the partition knows, which hears of published ones too; else the configured one."""
    return configured_ms if report is None or report.cut_off_ms is None else report.cut_off_ms


def _held_by(report: PartitionReport | None, account: AccountReport | None) -> str:
    """What keeps a partition from working that no host can help with."""
    if report is not None and report.paused:
        return f"paused: {report.paused}"
    if report is not None and report.state != "running":
        return report.state
    if account is not None and account.mode != "open":
        return f"account {account.account} is in {account.mode}"
    if account is not None and account.quota_used * 1_000_000 >= account.quota_calls * QUOTA_SPENT_PPM:
        return f"the quota of account {account.account} is used up"
    return ""
