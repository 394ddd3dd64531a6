"""One partition in one process, in real time: a mailbox, a crank in a thread, and calls on the wire.

    deliver, order ──▶ mailbox ─┐
    permit from a desk ─────────┼─▶ turn (in a thread) ─▶ journal ─▶ receipts, and calls that may leave
    answered ◀── transport ◀────┘        ▲                                            │
        └────────────────────────────────┴────────────────────────────────────────────┘

Rule 1. One turn at a time, and everything that came meanwhile goes into the next: many entries to one durable step,
        and no step of the store ever holds the event loop up.
Rule 2. The partition's state is touched inside a turn alone, under `_lock`.
Rule 3. Nothing leaves once the lease is over by our own monotonic clock, or once we know that it is lost. Whoever was
        held up between the durable step and the send asks the store first: a second process under the same name
        need not wait for our lease. What was journalled as leaving and did not is doubt for whoever owns the
        partition next.
Rule 4. After a durable step that failed, memory is worth nothing: the partition recovers from the store, or stays
        stopped where a person has to look. What waits in the mailbox waits on; senders wait until their deadline.
Rule 5. Nothing is decided here.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from runtime.configuration import instant_ms
from runtime.core.answers import CallAnswer, HeadsListed, Republished, RowsAnswered, Silent
from runtime.core.effects import Effect, Recount, SendBatch
from runtime.core.inputs import Answered, Command
from runtime.core.news import DeadLetter, EntryApproved, News
from runtime.core.partition import Permits, look_again_ms, wanted
from runtime.core.partition.worth import Worth
from runtime.core.policy import Policy
from runtime.core.records import Record, RowsApplied
from runtime.drivers.clock import Clock
from runtime.drivers.desk import Desk
from runtime.drivers.reporting import Tally, report, story
from runtime.drivers.shell import Shell
from runtime.drivers.turns import Turns
from runtime.journal.format import UnknownRecordError
from runtime.logs import told
from runtime.metrics import Metrics
from runtime.ports import (
    Connector,
    DurableJournal,
    EntryTrace,
    IntakeRefusedError,
    JournalError,
    NotOwnerError,
    Owner,
    PartitionReport,
    Receipt,
    Request,
    StoreBrokenError,
)
from runtime.settings import Settings
from runtime.telemetry import Spans

STOPPED_RETRY_MS = 15_000
"""When senders should ask again for a partition that a person has to look at (ours)."""
LONGEST_SLEEP_MS = 24 * 3_600_000
"""An event loop refuses timers that are too far away."""
COMPACT_FRAMES = 50
"""Frames that are compressed in one go: some tens of milliseconds for which a turn may have to wait (measured)."""
TURN_ITEMS = 2_000
"""Items of news in one turn, at most, so that word of calls never waits for long."""
PROVEN_MS = 100
"""For so long a durable step proves that the partition is ours, and a call may leave. Later the store is asked once
more (ours: far longer than a turn takes from its last step to the wire, and far shorter than it takes to start a
process)."""
REST_FIRST_S, REST_MAX_S = 0.2, 10.0
"""How long a partition rests before it tries its store again; doubles in between (ours)."""

log = logging.getLogger("springtide.partition")


@dataclass(slots=True)
class _Delivery:
    news: Sequence[News]
    size: int
    done: "asyncio.Future[Sequence[Receipt]]"


@dataclass(slots=True)
class _Order:
    command: Command
    done: "asyncio.Future[bool]"


@dataclass(slots=True)
class _Work:
    """What goes into one turn."""

    answers: list[tuple[Effect, CallAnswer]]
    orders: list[_Order]
    deliveries: list[_Delivery]
    permits: dict[str, int]


@dataclass(slots=True)
class _Done:
    """What came out of one turn."""

    receipts: list[Sequence[Receipt]] = field(default_factory=list)
    orders: list[bool] = field(default_factory=list)
    calls: list[tuple[Effect, Request]] = field(default_factory=list)
    wants: Permits = field(default_factory=Permits)
    trouble: JournalError | None = None
    """A checkpoint failed after everything else was durable."""
    look_again_ms: int | None = None
    """When time alone will have something to say."""


class Lane:
    """A partition that this process owns."""

    def __init__(
        self,
        entity: str,
        settings: Settings,
        policy: Policy,
        connectors: Mapping[str, Connector],
        desks: Mapping[str, Desk],
        journal: DurableJournal,
        owner: Owner,
        turns: Turns,
        clock: Clock,
        metrics: Metrics,
        on_letters: Callable[[str, Sequence[DeadLetter]], None],
        spans: Spans,
        renew: Callable[["Lane"], Awaitable[bool]],
    ) -> None:
        """`connectors` and `desks` by what they are for: "erp", "psa".

        `renew` prolongs the lease at the store and says whether it is still ours.
        """
        self.entity = entity
        self.owner = owner
        self.region = settings.entities[entity].region
        self.state = "recovering"
        self.undecided_bytes = 0
        self.lease_ends_mono_ms = 0
        self.fenced = False
        """Stopped since it is not ours any more, or was not for a while; nothing is wrong with it."""
        self._settings = settings
        configured = settings.entities[entity].cut_off
        self._cut_offs = (instant_ms(configured),) if configured else ()
        self._policy = policy
        self._connectors = connectors
        self._desks = desks
        self._journal = journal
        self._turns = turns
        self._clock = clock
        self._metrics = metrics
        self._on_letters = on_letters
        self._spans = spans
        self._renew = renew
        self._proven_mono_ms = 0
        """When the store last took a step of ours."""
        self._shell: Shell | None = None
        self._tally = Tally()
        self._lock = asyncio.Lock()
        self._event = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._answers: list[tuple[Effect, CallAnswer]] = []
        self._orders: list[_Order] = []
        self._deliveries: deque[_Delivery] = deque()
        self._permits: dict[str, int] = {}
        self._calls: set[asyncio.Task[None]] = set()
        self._ending = False
        self._leaving = False
        self._left = asyncio.Event()
        self._life: asyncio.Task[None] | None = None
        for desk in desks.values():
            desk.lanes[entity] = self

    # ---------------------------------------------------------------- life

    def start(self) -> None:
        """Recover, then turn until it is told to stop."""
        self._life = asyncio.get_running_loop().create_task(self._live(), name=f"partition {self.entity}")

    async def _live(self) -> None:
        rest_s = REST_FIRST_S
        while not self._ending:
            try:
                await self._recover()
                rest_s = REST_FIRST_S
                while not self._ending:
                    await self._event.wait()
                    self._event.clear()
                    await self._turn()
            except NotOwnerError:
                self.fenced = True
                self._stop_for_good("the lease is over, or another host owns it now")
            except (StoreBrokenError, UnknownRecordError) as fault:
                self._stop_for_good(str(fault))
            except JournalError as fault:
                # Away or full: what memory holds may not be what is durable. Recover, once the store is back.
                self._forget(f"recovering: {fault}")
                log.warning("the store did not take a step; recovering", extra=self._names(reason=fault))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._left.wait(), rest_s)
                rest_s = min(2 * rest_s, REST_MAX_S)
            except Exception as fault:
                # A bug of ours: this partition stops, its neighbours go on.
                log.exception("the partition stopped", extra=self._names())
                self._stop_for_good(told(fault))

    async def _recover(self) -> None:
        self.state = "recovering"
        shell = Shell(
            self._policy,
            _Timed(self.entity, self._journal, self._metrics, self._spans, self._proven),
            self._witness,
            self._settings.journal.checkpoint_every,
            self._settings.journal.window,
        )
        async with self._lock, self._turns.place():
            await self._turns.run(lambda: shell.wake_up(self._clock.wall_ms()))
        # A machine whose clock was ahead wrote instants down that are still to come here.
        self._clock.is_past(shell.state.now_ms)
        self._shell = shell
        self.state = "running"
        self._event.set()
        log.info("the partition runs", extra=self._names(epoch=self.owner.epoch))

    def _forget(self, state: str) -> None:
        """Memory is worth nothing now: calls on the wire are nobody's, permits go back."""
        self.state = state
        self._shell = None
        for task in self._calls:
            task.cancel()
        self._answers.clear()
        for name, permits in self._permits.items():
            for _ in range(permits):
                self._desks[name].unused()
        self._permits.clear()
        for desk in self._desks.values():
            if desk.lanes.get(self.entity) is self:
                desk.ask(self.entity, 0)

    def _stop_for_good(self, why: str) -> None:
        self._forget(f"stopped: {why}")
        log.error("the partition is stopped", extra=self._names(reason=why))
        self._ending = True
        self._turn_senders_away(why)

    def _turn_senders_away(self, why: str) -> None:
        refused: Exception = IntakeRefusedError("moving", STOPPED_RETRY_MS, why)
        if self._leaving or self.fenced:
            refused = NotOwnerError(why)
        for delivery in self._deliveries:
            if not delivery.done.done():
                delivery.done.set_exception(refused)
        for order in self._orders:
            if not order.done.done():
                order.done.set_exception(refused)
        self._deliveries.clear()
        self._orders.clear()
        self.undecided_bytes = 0

    @property
    def lost(self) -> bool:
        """Whether this lane has ended by itself."""
        return self._ending

    async def stop(self, grace_s: float, why: str = "the partition moves") -> None:
        """Take nothing more in, wait for calls on the wire as long as `grace_s`, checkpoint, close.

        What is still on the wire then is silence for the next owner.
        """
        self._leaving = True
        self._turn_senders_away(why)
        for desk in self._desks.values():
            if desk.lanes.get(self.entity) is self:
                desk.ask(self.entity, 0)
        if self._calls and grace_s > 0:
            await asyncio.wait(self._calls, timeout=grace_s)
            await self._answers_are_in()
        self._ending = True
        self._event.set()
        self._left.set()
        if self._life is not None:
            await asyncio.wait({self._life})
        # Those whose turn failed meanwhile wait again, and nobody will serve them here.
        self._turn_senders_away(why)
        shell = self._shell
        self._forget("stopped: let go")
        for desk in self._desks.values():
            if desk.lanes.get(self.entity) is self:
                del desk.lanes[self.entity]
        if self._timer is not None:
            self._timer.cancel()
        async with self._lock, self._turns.place():
            await self._turns.run(lambda: self._close(shell))

    async def _answers_are_in(self) -> None:
        """Let the answers of the calls that came back be taken in; they are certain, and doubt is dear."""
        while self._answers and self.state == "running":
            self._event.set()
            await asyncio.sleep(0.01)

    def _close(self, shell: Shell | None) -> None:
        try:
            if shell is not None:
                shell.checkpoint()
        except JournalError as fault:
            log.warning("no last checkpoint", extra=self._names(reason=fault))
        finally:
            self._journal.close()

    # ---------------------------------------------------------------- what is heard

    async def deliver(self, news: Sequence[News], size: int) -> Sequence[Receipt]:
        """Put news into the mailbox; the receipts come once everything accepted is durable."""
        self._turn_away()
        done: asyncio.Future[Sequence[Receipt]] = asyncio.get_running_loop().create_future()
        self._deliveries.append(_Delivery(news, size, done))
        self.undecided_bytes += size
        self._event.set()
        return await done

    async def order(self, command: Command) -> bool:
        """Journal a person's command; False when it found nothing to do."""
        self._turn_away()
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._orders.append(_Order(command, done))
        self._event.set()
        return await done

    def _turn_away(self) -> None:
        if self._leaving or self.fenced:
            raise NotOwnerError(f"{self.entity} is leaving this host")
        if self._ending:
            raise IntakeRefusedError("moving", STOPPED_RETRY_MS, self.state)

    def permit(self, name: str) -> None:
        """A desk lets one call start."""
        if self._leaving or self._ending:
            self._desks[name].unused()
            return
        self._permits[name] = self._permits.get(name, 0) + 1
        self._event.set()

    # ---------------------------------------------------------------- the turn

    async def _turn(self) -> None:
        async with self._lock, self._turns.place():
            work = self._collect()
            try:
                done = await self._turns.run(lambda: self._crank_once(work))
            except Exception:
                self._put_back(work)
                raise
        for delivery, receipts in zip(work.deliveries, done.receipts, strict=True):
            self.undecided_bytes -= delivery.size
            if not delivery.done.done():
                delivery.done.set_result(receipts)
        for order, found in zip(work.orders, done.orders, strict=True):
            if not order.done.done():
                order.done.set_result(found)
        if done.trouble is not None:
            self._give_back(work.permits)
            raise done.trouble
        if done.calls and self._clock.mono_ms() - self._proven_mono_ms >= PROVEN_MS:
            await self._prove(work.permits)
        self._set_off(work.permits, done)
        if self._deliveries or self._orders or self._answers or self._permits:
            self._event.set()

    def _collect(self) -> _Work:
        deliveries: list[_Delivery] = []
        items = 0
        while self._deliveries and items < TURN_ITEMS:
            deliveries.append(self._deliveries.popleft())
            items += len(deliveries[-1].news)
        # A command that nobody waits for any more was answered as not done: it must not be done later.
        orders = [order for order in self._orders if not order.done.done()]
        work = _Work(self._answers, orders, deliveries, self._permits)
        self._answers, self._orders, self._permits = [], [], {}
        return work

    def _put_back(self, work: _Work) -> None:
        """Nobody was told: whoever delivered still waits, and is served after the recovery."""
        self._deliveries.extendleft(reversed(work.deliveries))
        self._orders[:0] = work.orders
        self._give_back(work.permits)

    def _give_back(self, permits: Mapping[str, int]) -> None:
        for name, permitted in permits.items():
            self._permits[name] = self._permits.get(name, 0) + permitted

    def _crank_once(self, work: _Work) -> _Done:
        """One turn, in a thread: everything that was heard, then what may start."""
        with self._spans.span("partition.turn", entity=self.entity):
            return self._hear_and_start(work)

    def _hear_and_start(self, work: _Work) -> _Done:
        shell = self._shell
        assert shell is not None, f"{self.entity}: a turn without a state"
        now_ms = max(self._clock.wall_ms(), shell.state.now_ms)
        done = _Done()
        for effect, answer in work.answers:
            self._note(effect, answer)
            shell.turn((Answered(effect.call_id, answer),), now_ms)
        for order in work.orders:
            done.orders.append(shell.order(order.command, now_ms))
        if work.deliveries:
            receipts = shell.take([one for delivery in work.deliveries for one in delivery.news], now_ms)
            first = 0
            for delivery in work.deliveries:
                done.receipts.append(receipts[first : first + len(delivery.news)])
                first += len(delivery.news)
        else:
            shell.look_around(now_ms)
        for name, permits in work.permits.items():
            for _ in range(permits):
                for effect in shell.start(Permits(erp=1) if name == "erp" else Permits(psa=1), now_ms):
                    done.calls.append((effect, self._connectors[name].build(effect)))
        done.wants = wanted(shell.state, now_ms)
        done.look_again_ms = look_again_ms(shell.state, now_ms)
        try:
            shell.tidy()
        except JournalError as fault:
            # What was said is durable all the same: whoever waits hears it first.
            done.trouble = fault
        return done

    def _note(self, effect: Effect, answer: CallAnswer) -> None:
        """Keep what an answer says beside its rows: letters that nobody can read, and how a recount went."""
        if isinstance(answer, Republished) and answer.dead_letters:
            self._on_letters(self.entity, answer.dead_letters)
            self._tally.dead_letters += len(answer.dead_letters)
        if isinstance(answer, HeadsListed) and isinstance(effect, Recount):
            shell = self._shell
            assert shell is not None, f"{self.entity}: an answer without a state"
            self._tally.listed(effect.page, answer, shell, self._clock.wall_ms())

    def _witness(self, records: Sequence[Record], now_ms: int) -> None:
        """Durable, and not applied yet: how long did what comes to stand in the ledger wait since its approval?"""
        shell = self._shell
        if shell is None:
            return
        state = shell.state
        waits: list[float] = []
        for record in records:
            if isinstance(record, RowsApplied):
                self._tally.landed += len(record.rows)
                for key, _ in record.rows:
                    approval = state.entries[state.keys[key]].approval
                    if approval is not None:
                        waits.append((now_ms - approval.decided_at_ms) / 1_000)
        if waits:
            self._metrics.in_ledger(self.entity, waits)

    def _proven(self) -> None:
        self._proven_mono_ms = self._clock.mono_ms()

    async def _prove(self, permits: Mapping[str, int]) -> None:
        """Ask the store whether the partition is still ours, before calls leave so late after their durable step."""
        try:
            if not await self._renew(self):
                raise NotOwnerError(f"{self.entity}: another process took over before a call could leave")
        except JournalError:
            self._give_back(permits)
            raise

    def _set_off(self, permits: Mapping[str, int], done: _Done) -> None:
        """Let calls leave, give back permits that nobody needed, ask for more, and set the one timer."""
        used: dict[str, int] = {}
        for effect, request in done.calls:
            if self.fenced or self._clock.mono_ms() >= self.lease_ends_mono_ms:
                # Journalled as leaving, and it must not leave any more (rule 3).
                self._give_back({name: permitted - used.get(name, 0) for name, permitted in permits.items()})
                raise NotOwnerError(f"{self.entity}: the lease ended before a call could leave")
            used[effect.account] = used.get(effect.account, 0) + 1
            task = asyncio.get_running_loop().create_task(self._call(effect, request))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)
        for name, permitted in permits.items():
            for _ in range(permitted - used.get(name, 0)):
                self._desks[name].unused()
        for name, calls in (("erp", done.wants.erp), ("psa", done.wants.psa)):
            if self._leaving:
                continue
            desk = self._desks[name]
            desk.ask(self.entity, max(0, calls - self._permits.get(name, 0)))
            if calls or used.get(name, 0) < permits.get(name, 0):
                desk.pump()
        self._set_timer(done.look_again_ms)

    def _set_timer(self, at_ms: int | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if at_ms is not None:
            in_ms = min(max(0, at_ms - self._clock.wall_ms()), LONGEST_SLEEP_MS)
            self._timer = asyncio.get_running_loop().call_later(in_ms / 1_000, self._event.set)

    async def _call(self, effect: Effect, request: Request) -> None:
        began = perf_counter()
        answer: CallAnswer = Silent()
        desk = self._desks[effect.account]
        try:
            with self._spans.span("call.send", entity=self.entity, account=desk.name, call=effect.call_id):
                answer = await desk.call(effect, request, self._connectors[effect.account], self.entity)
        finally:
            # Cancelled or not: a call that left and was not answered is unknown, and never nothing.
            took_s = perf_counter() - began
            self._metrics.called(self.entity, desk.name, effect, answer, took_s)
            if isinstance(effect, SendBatch) and isinstance(answer, RowsAnswered):
                self._tally.calls += 1
                self._tally.rows += len(effect.rows)
                self._tally.call_ms += round(took_s * 1_000)
            if self._shell is not None:
                self._answers.append((effect, answer))
                self._event.set()

    async def compact(self) -> None:
        """While nothing else waits: let settled entries go, and move old frames out of the log, a little at a time."""
        while self.state == "running" and not self._event.is_set():
            async with self._lock, self._turns.place():
                shell = self._shell
                if shell is None:
                    return
                if shell.state.touched:
                    await self._turns.run(shell.checkpoint)
                moved = await self._turns.run(lambda: self._journal.compact(COMPACT_FRAMES))
            if not moved:
                return

    # ---------------------------------------------------------------- for people

    async def report(self) -> PartitionReport:
        """How the partition stands."""
        async with self._lock, self._turns.place():
            return await self._turns.run(self._report)

    def _report(self) -> PartitionReport:
        return report(
            self.entity,
            self.region,
            self.owner,
            self.state,
            self._clock.wall_ms(),
            self._shell,
            self._tally,
            self.undecided_bytes,
            self._cut_offs,
        )

    async def trace(self, entry_id: str) -> EntryTrace | None:
        """The story of an entry."""
        async with self._lock, self._turns.place():
            shell = self._shell
            if shell is None:
                raise IntakeRefusedError("moving", STOPPED_RETRY_MS, self.state)
            return await self._turns.run(lambda: story(self.entity, entry_id, shell, self._journal))

    async def worth(self, approved: Sequence[EntryApproved]) -> Sequence[Worth]:
        """What each of these would bring if it were taken in now; nothing is journalled."""
        async with self._lock, self._turns.place():
            shell = self._shell
            if shell is None:
                raise IntakeRefusedError("moving", STOPPED_RETRY_MS, self.state)
            return await self._turns.run(lambda: shell.worth(approved))

    def _names(self, **more: object) -> dict[str, object]:
        return {"entity": self.entity, "region": self.region, **more}


class _Timed:
    """The journal, its durable steps timed for metrics and traces. Each of them proves that the partition is ours."""

    def __init__(
        self, entity: str, journal: DurableJournal, metrics: Metrics, spans: Spans, proven: Callable[[], None]
    ) -> None:
        self._entity = entity
        self._journal = journal
        self._metrics = metrics
        self._spans = spans
        self._proven = proven
        self.load = journal.load
        self.seen = journal.seen
        self.shelf = journal.shelf
        self.known = journal.known
        self.recover = journal.recover

    @property
    def chain(self) -> str:
        return self._journal.chain

    def commit(self, frame: bytes) -> None:
        began = perf_counter()
        with self._spans.span("journal.commit", entity=self._entity):
            self._journal.commit(frame)
        self._proven()
        self._metrics.committed(perf_counter() - began)

    def checkpoint(
        self, head: bytes, rows: Iterable[tuple[str, object, int, int, bytes]], effects: object = ()
    ) -> None:
        began = perf_counter()
        self._journal.checkpoint(head, rows, effects)  # type: ignore[arg-type]  # handed on as it came
        self._metrics.checkpointed(perf_counter() - began)
