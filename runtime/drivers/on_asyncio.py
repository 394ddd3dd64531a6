"""The asyncio driver: one process that carries partitions and the accounts they share.

    gateway ──▶ Host.take ──▶ Lane ──▶ Desk ──▶ Transport ──▶ foreign systems
                  │            ▲
                  └ leases ────┘  one renewal for all, by the store's clock

A host carries what it is told to (`carry`, `let_go`): everything there is in the embedded case, what the supervisor
decides on a cluster. It takes nothing in for a partition that it does not own, and acknowledges nothing that is not
durable. Nothing is decided here; the three bounds on intake are counted here.
"""

import asyncio
import gc
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from runtime.connectors.catalogue import LEDGERS, SOURCES
from runtime.core.inputs import Command
from runtime.core.loans import Ask, Lent
from runtime.core.news import DeadLetter, EntryApproved, News
from runtime.core.partition.worth import Worth
from runtime.core.policy import Policy
from runtime.drivers.accounts import Accounts, Connect, OwnerCall
from runtime.drivers.clock import Clock
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
    StoreAwayError,
)
from runtime.settings import Settings
from runtime.telemetry import NoSpans, Spans

SWITCH_SECONDS = 0.001
"""How long a thread keeps the interpreter while another waits. Python's 5 ms make a short answer of the event loop
wait for a long decision of a partition; with 1 ms, intake over HTTP took in a fifth more (measured, busy machine)."""
GC_THRESHOLDS = (1_000, 10_000, 100)
"""Partitions make no cycles, and millions of values that live for a while. So each value is looked at once, while the
processor still has it at hand, and hardly ever again: ten million values pass before the older ones are. Python's
defaults look through them again and again, 10 of the 27 us that taking an entry in cost. A first look at 200,000 values
at a time, long after they left the cache, cost 4 to 5 us more than at a thousand, and a pause of 80 ms each (all
measured). What was there at the start is left alone."""
BUSY_RETRY_MS = 1_000
FULL_RETRY_MS = 30_000
"""What senders are asked to wait (ours): a busy moment passes, a full disk takes a person."""
TELL_MAX = 500
"""Statuses in one call to a PSA that names no limit (ours)."""
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
        self._spans = spans or NoSpans()
        self._clock = Clock()
        self._accounts = Accounts(
            settings, store, name, address, environ, connect, call_owner, self._clock, self._at_the_store
        )
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

    async def lend(self, account: str, ask: Ask) -> Lent:
        """What another host may start on an account that this one owns. Raises NotOwnerError."""
        return await self._accounts.lend(account, ask)

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
        desks = {"erp": await self._accounts.desk(where.erp, "erp"), "psa": await self._accounts.desk(where.psa, "psa")}
        account = self.settings.accounts[where.erp]
        ledger = LEDGERS[account.kind](account)
        connectors: dict[str, Connector] = {
            "erp": ledger.connector(entity),
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
            self._renew,
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

    async def _keep_leases(self) -> None:
        """Renew every lease in one go, three times within its length; own accounts that nobody owns any more."""
        journal = self.settings.journal
        lanes = {lane.owner.name: lane for lane in self.lanes.values() if not lane.lost}
        owners = [lane.owner for lane in lanes.values()] + [seat.owner for seat in self._accounts.seats.values()]
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
        self._accounts.renewed(kept, ends_ms)
        await self._accounts.take_up()

    async def _renew(self, lane: Lane) -> bool:
        """Prolong the lease of one lane at once; whether it is still ours. Raises StoreAwayError where nobody knows."""
        journal, held, began_ms = self.settings.journal, lane.owner, self._clock.mono_ms()
        for kept in await self._at_the_store(partial(self.store.renew, (held,), journal.lease_ms)):
            if kept.lease_until_ms <= held.lease_until_ms:
                raise StoreAwayError(f"{held.name}: the lease could not be prolonged")
            lane.lease_ends_mono_ms = began_ms + journal.lease_ms - journal.lease_margin_ms
            lane.owner = kept
            return True
        return False

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
            said = f"{entity} is busy; unless it was just being carried out, nothing was done: see its status"
            raise IntakeRefusedError("moving", BUSY_RETRY_MS, said) from None

    async def partitions(self) -> list[PartitionReport]:
        """Every configured partition; those that are not carried here with their last owner.

        One that is busy does not keep the others waiting: it is shown as it stood last. While the store is away, what
        is carried here is told from memory, and nobody knows of the rest.
        """
        owners: dict[str, Owner] = {}
        elsewhere = "not carried here"
        try:
            owners = {owner.name: owner for owner in await asyncio.to_thread(self.store.owners)}
        except JournalError as fault:
            log.warning("the store did not answer", extra={"host": self.name, "call": "owners", "reason": fault})
            elsewhere = "store away: nobody can tell who carries it"
        now_ms = self._clock.wall_ms()
        for entity, lane in self.lanes.items():
            if entity not in self._reporting:
                task = self._reporting[entity] = self._run(self._report(lane), f"report {entity}")
                task.add_done_callback(partial(self._reported, entity))
        if self._reporting:
            await asyncio.wait(tuple(self._reporting.values()), timeout=REPORT_S)
        reports = []
        for entity, where in self.settings.entities.items():
            state = elsewhere if entity not in self.lanes else "busy"
            known = self._reports.get(entity) if entity in self.lanes else None
            reports.append(known or absent(entity, where.region, owners.get(entity), state, now_ms))
        return reports

    def _reported(self, entity: str, _task: "asyncio.Task[None]") -> None:
        self._reporting.pop(entity, None)

    async def _report(self, lane: Lane) -> None:
        self._reports[lane.entity] = await lane.report()

    async def accounts(self) -> list[AccountReport]:
        """Every account that this host owns."""
        return list(self._accounts.reports())

    async def trace(self, entity: str, entry_id: str) -> EntryTrace | None:
        """The story of an entry."""
        lane = self.lanes.get(entity)
        if lane is None:
            if entity not in self.settings.entities:
                raise KeyError(entity)
            raise NotOwnerError(f"{entity} is not carried here")
        return await lane.trace(entry_id)

    async def worth(self, entity: str, approved: Sequence[EntryApproved]) -> Sequence[Worth]:
        """What each of these would bring if it were taken in now."""
        lane = self.lanes.get(entity)
        if lane is None:
            if entity not in self.settings.entities:
                raise KeyError(entity)
            raise NotOwnerError(f"{entity} is not carried here")
        try:
            async with asyncio.timeout(self.settings.limits.take_seconds):
                return await lane.worth(approved)
        except TimeoutError:
            raise IntakeRefusedError("moving", BUSY_RETRY_MS, f"{entity} is busy") from None

    def ready(self) -> str:
        """Empty when entries can be taken in; else what is waited for."""
        if self._draining:
            return f"draining: {self._draining}"
        # One that stopped for good is a case for people; it must not take its neighbours out of service.
        waiting = sorted(entity for entity, lane in self.lanes.items() if lane.state != "running" and not lane.lost)
        if waiting:
            return f"{', '.join(waiting[:5])}: {self.lanes[waiting[0]].state}"
        running = [lane for lane in self.lanes.values() if lane.state == "running"]
        if not running:
            return "no partition runs"
        now_ms = self._clock.mono_ms()
        if all(lane.lease_ends_mono_ms <= now_ms for lane in running):
            return "store away: no lease was renewed in time"
        return ""

    async def drain(self, who: str, why: str) -> None:
        """Take nothing in any more, finish what is on the wire, give the leases back. Asked twice, it is one drain."""
        if self._drained is None:
            self._draining = f"{who}: {why}"
            self._drained = self._run(self._drain(why), "drain")
        await asyncio.shield(self._drained)

    async def _drain(self, why: str) -> None:
        log.info("draining", extra={"host": self.name, "reason": why})
        await asyncio.gather(*(self.let_go(entity) for entity in tuple(self.lanes)))
        await self._accounts.give_back()

    async def close(self) -> None:
        """End what is left; call after `drain`."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._accounts.close()
        self._turns.close()
        self._clerk.shutdown(wait=True)
        await asyncio.to_thread(self._spans.close)


def policy_of(settings: Settings, entity: str) -> Policy:
    """What a partition is composed of: the numbers of its entity and of its ERP account."""
    where = settings.entities[entity]
    erp, psa = settings.accounts[where.erp], settings.accounts[where.psa]
    pulls = where.intake == "both"
    return Policy(
        settings.tenant,
        entity,
        LEDGERS[erp.kind](erp).freezer(entity),
        batch_max=erp.batch_max,
        tell_max=psa.batch_max if "batch_max" in psa.model_fields_set else TELL_MAX,
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
