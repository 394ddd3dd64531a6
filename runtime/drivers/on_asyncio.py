"""The asyncio driver: one process that carries partitions and the accounts they share.

    gateway ──▶ Host.take ──▶ Lane ──▶ Desk ──▶ Transport ──▶ foreign systems
                  │            ▲
                  └ leases ────┘  one renewal for all, by the store's clock

A host carries what it is told to (`carry`, `let_go`): everything there is in the embedded case, what the supervisor
decides on a cluster. It takes nothing in for a partition that it does not own, and acknowledges nothing that is not
durable. Nothing is decided here; the three bounds on intake are counted here.
"""

import asyncio
import contextlib
import gc
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from runtime.configuration import has_secret, secret
from runtime.connectors.catalogue import LEDGERS, SOURCES
from runtime.core.account import AccountPolicy
from runtime.core.inputs import Command
from runtime.core.loans import LEASE_MS, Ask, Lent
from runtime.core.news import DeadLetter, News
from runtime.core.policy import Policy
from runtime.drivers.clock import Clock
from runtime.drivers.desk import BorrowedAccount, Desk, OwnedAccount
from runtime.drivers.lane import Lane
from runtime.drivers.over_http import HttpTransport
from runtime.drivers.reporting import absent
from runtime.drivers.turns import Turns
from runtime.metrics import Metrics
from runtime.ports import (
    AccountReport,
    Connector,
    EntryTrace,
    IntakeRefusedError,
    JournalError,
    Letter,
    NotOwnerError,
    Owner,
    PartitionReport,
    Receipt,
    Store,
    Transport,
)
from runtime.settings import Settings
from runtime.telemetry import NoSpans, Spans

SWITCH_SECONDS = 0.001
"""How long a thread keeps the interpreter while another waits. Python's 5 ms make a short answer of the event loop
wait for a long decision of a partition; at 1 ms the longest wait is a fifth, for no measurable cost (measured)."""
GC_THRESHOLDS = (200_000, 50, 100)
"""Partitions make no cycles, and millions of values that live for a while: Python's defaults look through all of them
again and again, which costs 10 to 15 % (measured). What was there before the start is never looked at."""
BUSY_RETRY_MS = 1_000
FULL_RETRY_MS = 30_000
"""What senders are asked to wait (ours): a busy moment passes, a full disk takes a person."""
GRACE_S = 20.0
"""How long calls on the wire are waited for when a partition is let go."""
COMPACT_EVERY_S = 60.0
"""How often logs are compacted (ours)."""
DISK_S = 1.0
"""How often the room on the disk is looked at (ours)."""
REPORT_S = 1.0
"""How long a report waits for a busy partition before it shows the last one (ours)."""
LOOK_S = 2.0
"""How old the numbers are that a scrape shows, at most (ours)."""
log = logging.getLogger("springtide.host")

Connect = Callable[[str, int], Transport]
OwnerCall = Callable[[Owner, str, Ask], Awaitable[Lent]]


@dataclass(slots=True)
class Seat:
    """An account that this host owns, and until when by its own monotonic clock."""

    owner: Owner
    ends_mono_ms: int


class Host:
    """Partitions in one process. Implements `ports.Intake` and, for what it carries, `ports.Operations`."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        name: str,
        address: str,
        *,
        environ: Mapping[str, str],
        metrics: Metrics | None = None,
        connect: Connect = HttpTransport,
        call_owner: OwnerCall | None = None,
        spans: Spans | None = None,
    ) -> None:
        """`address` is where this host can be called, for the directory; `connect(url, connections)` opens a pool.

        `call_owner(owner, account, ask)` asks another host for calls of an account it owns (`Host.lend` there);
        None where this host is alone and owns every account.
        """
        self.settings = settings
        self.store = store
        self.name = name
        self.address = address
        self.metrics = metrics or Metrics()
        self.lanes: dict[str, Lane] = {}
        self._environ = environ
        self._spans = spans or NoSpans()
        self._connect = connect
        self._clock = Clock()
        self._desks: dict[str, Desk] = {}
        self._seats: dict[str, Seat] = {}
        self._owners_of_accounts: dict[str, Owner] = {}
        self._call_owner = call_owner
        self._turns = Turns(settings.journal.threads, self.metrics)
        self._clerk = ThreadPoolExecutor(1, thread_name_prefix="leases")
        self._doors: dict[str, asyncio.Lock] = {}
        """Entity to whoever carries it or lets it go at the moment."""
        self._drained: asyncio.Task[None] | None = None
        self._reports: dict[str, PartitionReport] = {}
        self._reporting: dict[str, asyncio.Task[None]] = {}
        self._headroom: int | None = None
        self._draining = ""
        self.latest: tuple[Sequence[PartitionReport], Sequence[AccountReport]] = ((), ())
        """The reports as of the last look, for whoever scrapes; a scrape never waits for a partition."""
        self._tasks: set[asyncio.Task[None]] = set()

    # ---------------------------------------------------------------- life

    async def start(self) -> None:
        """Begin to renew leases and to look after the disk."""
        sys.setswitchinterval(SWITCH_SECONDS)
        gc.set_threshold(*GC_THRESHOLDS)
        gc.freeze()
        self._headroom = await self._at_the_store(self.store.headroom_bytes)
        self._every(self.settings.journal.lease_ms / 3_000, self._keep_leases)
        self._every(DISK_S, self._watch_disk)
        self._every(LOOK_S, self._look)
        self._every(COMPACT_EVERY_S, self._compact)

    def _every(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        """Do something now and then, for as long as this host lives; what fails once is tried again."""

        async def keep_at_it() -> None:
            while True:
                await asyncio.sleep(seconds)
                try:
                    await act()
                except JournalError as fault:
                    log.warning("the store did not answer", extra={"host": self.name, "call": name, "reason": fault})
                except Exception:
                    log.exception(
                        "a task of the host failed; it is tried again", extra={"host": self.name, "call": name}
                    )

        name = act.__name__.strip("_")
        self._run(keep_at_it(), name)

    def _run(self, coroutine: Coroutine[Any, Any, None], name: str) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _at_the_store(self, act: Callable[[], Any]) -> Any:
        """Something short at the store that is no turn. It has a thread that nobody else can keep busy."""
        return await asyncio.get_running_loop().run_in_executor(self._clerk, act)

    # ---------------------------------------------------------------- what it carries

    @property
    def carried(self) -> Mapping[str, Owner]:
        """Entity to the ownership under which this host carries it."""
        return {entity: lane.owner for entity, lane in self.lanes.items() if not lane.lost}

    async def carry(self, entity: str) -> Owner:
        """Claim a partition, recover it and run it. Raises NotOwnerError while another host's lease runs."""
        async with self._doors.setdefault(entity, asyncio.Lock()):
            return await self._carry(entity)

    async def _carry(self, entity: str) -> Owner:
        lane = self.lanes.get(entity)
        if lane is not None and not lane.lost:
            return lane.owner
        if lane is not None:
            await self._let_go(entity, 0.0)
        began_ms = self._clock.mono_ms()
        lease_ms = self.settings.journal.lease_ms
        owner: Owner = await self._at_the_store(lambda: self.store.claim(entity, self.name, self.address, lease_ms))
        journal = await self._at_the_store(lambda: self.store.journal(owner))
        where = self.settings.entities[entity]
        desks = {"erp": await self._desk(where.erp, "erp"), "psa": await self._desk(where.psa, "psa")}
        connectors: dict[str, Connector] = {
            "erp": LEDGERS[self.settings.accounts[where.erp].kind].connector(entity),
            "psa": SOURCES[self.settings.accounts[where.psa].kind](entity),
        }
        lane = Lane(
            entity,
            self.settings,
            policy_of(self.settings, entity),
            connectors,
            desks,
            journal,
            owner,
            self._turns,
            Clock(),
            self.metrics,
            self._keep_letters,
            self._spans,
        )
        lane.lease_ends_mono_ms = began_ms + lease_ms - self.settings.journal.lease_margin_ms
        self.lanes[entity] = lane
        lane.start()
        return owner

    async def let_go(self, entity: str, grace_s: float = GRACE_S) -> None:
        """Finish the running turn, wait for calls on the wire, give the lease back.

        Once begun it is carried through, whoever asked for it and gave up.
        """

        async def through() -> None:
            async with self._doors.setdefault(entity, asyncio.Lock()):
                await self._let_go(entity, grace_s)

        await asyncio.shield(self._run(through(), f"let go {entity}"))

    async def _let_go(self, entity: str, grace_s: float) -> None:
        lane = self.lanes.get(entity)
        if lane is None:
            return
        # It stays among the lanes until it has stopped: its lease is renewed meanwhile.
        await lane.stop(grace_s)
        if self.lanes.get(entity) is lane:
            del self.lanes[entity]
        try:
            await self._at_the_store(partial(self.store.release, lane.owner))
        except JournalError as fault:
            log.warning("a lease was not given back", extra={"entity": entity, "reason": fault})

    async def _desk(self, name: str, use: str) -> Desk:
        """The account's desk in this process, with somebody at its counter."""
        desk = self._desks.get(name)
        if desk is not None:
            return desk
        account = self.settings.accounts[name]
        transport = self._connect(account.url, account.concurrent_max + 1)
        # With sessions the secret goes into the login alone, and its token into the calls.
        always = (lambda: "") if account.needs_session else lambda: _credential(account, self._environ)
        desk = self._desks[name] = Desk(name, use, transport, self._clock, always, account.call_deadline_ms)
        if self._call_owner is None:
            desk.seat(self._owned(desk, lambda: True, 0))
        else:
            await self._find_owner(desk)
        return desk

    def _owned(self, desk: Desk, valid: Callable[[], bool], opens_in_ms: int) -> OwnedAccount:
        account = self.settings.accounts[desk.name]
        policy = AccountPolicy(
            desk.name,
            quota_calls=account.quota_calls,
            quota_window_ms=account.quota_window_ms,
            concurrent_max=account.concurrent_max,
            needs_session=account.needs_session,
            probe_first_ms=account.probe_first_ms,
            probe_max_ms=account.probe_max_ms,
        )
        return OwnedAccount(
            policy,
            self._clock,
            desk,
            LEDGERS[account.kind] if account.needs_session else None,
            lambda: _credential(account, self._environ),
            self.name,
            account.call_deadline_ms,
            opens_in_ms,
            valid,
        )

    async def _find_owner(self, desk: Desk) -> None:
        """Own the account, if nobody does; else borrow from whoever does."""
        if self._draining:
            return
        assert self._call_owner is not None, "an account is shared on a cluster alone"
        journal = self.settings.journal
        began_ms = self._clock.mono_ms()
        try:
            owner: Owner = await self._at_the_store(
                partial(self.store.claim, f"account:{desk.name}", self.name, self.address, journal.lease_ms)
            )
        except NotOwnerError:
            if desk.counter is None:
                desk.seat(BorrowedAccount(self.name, desk, self._clock, self._ask_owner))
            return
        seat = Seat(owner, began_ms + journal.lease_ms - journal.lease_margin_ms)
        self._seats[desk.name] = seat
        first = owner.epoch == 1
        desk.seat(self._owned(desk, lambda: self._clock.mono_ms() < seat.ends_mono_ms, 0 if first else LEASE_MS))
        log.info("owns the account", extra={"account": desk.name, "host": self.name, "epoch": owner.epoch})

    async def _ask_owner(self, account: str, ask: Ask) -> Lent:
        """Ask whoever owns the account; where that is, the directory knows."""
        assert self._call_owner is not None, "an account is shared on a cluster alone"
        owner = self._owners_of_accounts.get(account)
        if owner is None:
            owners = await self._at_the_store(self.store.owners)
            owner = next((one for one in owners if one.name == f"account:{account}"), None)
            if owner is None:
                raise NotOwnerError(f"nobody owns {account}")
            self._owners_of_accounts[account] = owner
        try:
            return await self._call_owner(owner, account, ask)
        except Exception:
            self._owners_of_accounts.pop(account, None)
            raise

    async def lend(self, account: str, ask: Ask) -> Lent:
        """What another host may start on an account that this one owns. Raises NotOwnerError."""
        seat, desk = self._seats.get(account), self._desks.get(account)
        if seat is None or desk is None or self._clock.mono_ms() >= seat.ends_mono_ms:
            raise NotOwnerError(f"{account} is not owned here")
        assert isinstance(desk.counter, OwnedAccount), f"{account}: owned, and borrowed"
        return await desk.counter.lend(ask)

    async def _keep_leases(self) -> None:
        """Renew every lease in one go, three times within its length; own accounts that nobody owns any more."""
        journal = self.settings.journal
        lanes = {lane.owner.name: lane for lane in self.lanes.values() if not lane.lost}
        seats = {seat.owner.name: (account, seat) for account, seat in self._seats.items()}
        owners = [*(lane.owner for lane in lanes.values()), *(seat.owner for _, seat in seats.values())]
        began_ms = self._clock.mono_ms()
        # A store that fails here raises, and nothing is given up yet: each lane stops sending by its own clock.
        renewed: Sequence[Owner] = ()
        if owners:
            renewed = await self._at_the_store(partial(self.store.renew, owners, journal.lease_ms))
        ends_ms = began_ms + journal.lease_ms - journal.lease_margin_ms
        before = {owner.name: owner.lease_until_ms for owner in owners}
        kept = {owner.name: owner for owner in renewed}
        for name, lane in lanes.items():
            if name in kept:
                # One that could not be prolonged just now comes back with its old end.
                if kept[name].lease_until_ms > before[name]:
                    lane.lease_ends_mono_ms = ends_ms
                    lane.owner = kept[name]
            elif self.lanes.get(name) is lane and not lane.lost:
                log.warning("another host owns the partition now", extra={"entity": name})
                lane.fenced = True
                self._run(self._put_down(lane), f"stop {name}")
        for name, (account, seat) in seats.items():
            if name in kept:
                if kept[name].lease_until_ms > before[name]:
                    seat.ends_mono_ms = ends_ms
                    seat.owner = kept[name]
            elif self._seats.get(account) is seat:
                log.warning("another host owns the account now", extra={"account": account})
                del self._seats[account]
                desk = self._desks[account]
                desk.seat(BorrowedAccount(self.name, desk, self._clock, self._ask_owner))
        if self._call_owner is not None:
            for account, desk in tuple(self._desks.items()):
                if account not in self._seats:
                    await self._find_owner(desk)

    async def _put_down(self, lane: Lane) -> None:
        """Stop a lane that is not ours any more; it stays where people and `carry` can see that."""
        await lane.stop(0.0, "another host owns it now")

    async def _watch_disk(self) -> None:
        try:
            self._headroom = await asyncio.to_thread(self.store.headroom_bytes)
        except BaseException:
            self._headroom = None
            raise
        self.metrics.disk_headroom(self._headroom)

    async def _compact(self) -> None:
        """Keep the logs small. A store that fails here fails again at the next turn, which knows what to do."""
        for lane in tuple(self.lanes.values()):
            await lane.compact()

    async def _look(self) -> None:
        self.latest = (await self.partitions(), await self.accounts())

    # ---------------------------------------------------------------- intake

    async def take(self, entity: str, news: Sequence[News], size: int, deadline_s: float) -> Sequence[Receipt]:
        """Receipts once everything accepted is durable. Raises NotOwnerError, IntakeRefusedError, KeyError."""
        limits = self.settings.limits
        if self._draining:
            raise IntakeRefusedError("moving", BUSY_RETRY_MS, "this process is ending")
        if self._headroom is not None and self._headroom < self.settings.journal.disk_headroom_bytes:
            raise IntakeRefusedError("disk_headroom", FULL_RETRY_MS, "the journal's disk is nearly full")
        lane = self.lanes.get(entity)
        if lane is None:
            if entity not in self.settings.entities:
                raise KeyError(entity)
            raise NotOwnerError(f"{entity} is not carried here")
        if lane.undecided_bytes and lane.undecided_bytes + size > limits.undecided_bytes:
            raise IntakeRefusedError("undecided_bytes", BUSY_RETRY_MS, f"{entity} has more to decide than it may hold")
        if self._turns.waiting > limits.commit_queue:
            raise IntakeRefusedError("commit_queue", BUSY_RETRY_MS, "the journal is behind")
        try:
            with self._spans.span("intake.take", entity=entity, count=len(news)):
                async with asyncio.timeout(deadline_s):
                    return await lane.deliver(news, size)
        except TimeoutError:
            state = "busy" if lane.state == "running" else lane.state
            raise IntakeRefusedError("moving", BUSY_RETRY_MS, f"{entity} did not take it in time: {state}") from None

    def _keep_letters(self, entity: str, letters: Sequence[DeadLetter]) -> None:
        """What a source published and nobody can read goes to the office; called in a partition's thread."""
        now_ms = self._clock.wall_ms()
        self.store.office().quarantine(
            [Letter.of(f"psa of {entity}", "event", letter.reason, letter.body, now_ms) for letter in letters]
        )

    # ---------------------------------------------------------------- for people

    async def command(self, entity: str, command: Command) -> bool:
        """Journal a command; False when it found nothing to do."""
        lane = self.lanes.get(entity)
        if lane is None:
            if entity not in self.settings.entities:
                raise KeyError(entity)
            raise NotOwnerError(f"{entity} is not carried here")
        try:
            async with asyncio.timeout(self.settings.limits.take_seconds):
                return await lane.order(command)
        except TimeoutError:
            said = f"{entity} is busy; whether the command was carried out shows in its status"
            raise IntakeRefusedError("moving", BUSY_RETRY_MS, said) from None

    async def partitions(self) -> list[PartitionReport]:
        """Every configured partition; those that are not carried here with their last owner.

        One that is busy does not keep the others waiting: it is shown as it stood last.
        """
        owners = {owner.name: owner for owner in await asyncio.to_thread(self.store.owners)}
        now_ms = self._clock.wall_ms()
        for entity, lane in self.lanes.items():
            if entity not in self._reporting:
                task = self._reporting[entity] = self._run(self._report(lane), f"report {entity}")
                task.add_done_callback(partial(self._reported, entity))
        if self._reporting:
            await asyncio.wait(tuple(self._reporting.values()), timeout=REPORT_S)
        reports = []
        for entity, where in self.settings.entities.items():
            state = "not carried here" if entity not in self.lanes else "busy"
            known = self._reports.get(entity) if entity in self.lanes else None
            reports.append(known or absent(entity, where.region, owners.get(entity), state, now_ms))
        return reports

    def _reported(self, entity: str, _task: "asyncio.Task[None]") -> None:
        self._reporting.pop(entity, None)

    async def _report(self, lane: Lane) -> None:
        self._reports[lane.entity] = await lane.report()

    async def accounts(self) -> list[AccountReport]:
        """Every account that this host owns."""
        counters = [desk.counter for desk in self._desks.values()]
        return [counter.report() for counter in counters if isinstance(counter, OwnedAccount)]

    async def trace(self, entity: str, entry_id: str) -> EntryTrace | None:
        """The story of an entry."""
        lane = self.lanes.get(entity)
        if lane is None:
            if entity not in self.settings.entities:
                raise KeyError(entity)
            raise NotOwnerError(f"{entity} is not carried here")
        return await lane.trace(entry_id)

    def ready(self) -> str:
        """Empty when entries can be taken in; else what is waited for."""
        if self._draining:
            return f"draining: {self._draining}"
        # One that stopped for good is a case for people; it must not take its neighbours out of service.
        waiting = sorted(entity for entity, lane in self.lanes.items() if lane.state != "running" and not lane.lost)
        if waiting:
            return f"{', '.join(waiting[:5])}: {self.lanes[waiting[0]].state}"
        running = any(lane.state == "running" for lane in self.lanes.values())
        return "" if running else "no partition runs"

    async def drain(self, who: str, why: str) -> None:
        """Take nothing in any more, finish what is on the wire, give the leases back. Asked twice, it is one drain."""
        if self._drained is None:
            self._draining = f"{who}: {why}"
            self._drained = self._run(self._drain(why), "drain")
        await asyncio.shield(self._drained)

    async def _drain(self, why: str) -> None:
        log.info("draining", extra={"host": self.name, "reason": why})
        await asyncio.gather(*(self.let_go(entity) for entity in tuple(self.lanes)))
        seats = tuple(self._seats.values())
        self._seats.clear()
        for seat in seats:
            with contextlib.suppress(JournalError):
                await self._at_the_store(partial(self.store.release, seat.owner))

    async def close(self) -> None:
        """End what is left; call after `drain`."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(desk.close() for desk in self._desks.values()))
        self._turns.close()
        self._clerk.shutdown(wait=True)
        await asyncio.to_thread(self._spans.close)


def _credential(account: Any, environ: Mapping[str, str]) -> str:
    """The secret as it is now; read at every use, so that a file that was replaced is found without a restart."""
    return secret(account, "credential", environ).reveal() if has_secret(account, "credential") else ""


def policy_of(settings: Settings, entity: str) -> Policy:
    """What a partition is composed of: the numbers of its entity and of its ERP account."""
    where = settings.entities[entity]
    erp = settings.accounts[where.erp]
    pulls = where.intake == "both"
    return Policy(
        settings.tenant,
        entity,
        LEDGERS[erp.kind].freeze,
        batch_max=erp.batch_max,
        tell_max=settings.accounts[where.psa].batch_max,
        linger_ms=where.linger_ms,
        tell_linger_ms=where.tell_linger_ms,
        calls_max=where.calls_max,
        call_deadline_ms=erp.call_deadline_ms,
        late_landing_ms=erp.late_landing_ms,
        lookup_lag_ms=erp.lookup_lag_ms,
        staged_poll_ms=erp.staged_poll_ms,
        key_room=erp.key_room,
        key_case_folded=erp.key_case_folded,
        confirm_after_ms=where.confirm_after_ms,
        recount_every_ms=where.poll_every_ms,
        recount_overlap_ms=where.poll_overlap_ms,
        full_recount_every_ms=where.full_recount_every_ms if pulls else 0,
        full_recount_span_ms=where.full_recount_span_ms,
        must_know=where.must_know,
        recounts=pulls,
    )
