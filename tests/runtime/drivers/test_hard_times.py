"""Hosts in hard times: failed steps, leases that end, moves that cross, clocks that were wrong, neighbours that hang.

Each test is a misfortune that once did harm. Times are made short and waits are for what must happen, so that a slow
machine makes these tests slow and nothing else.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from threading import Event
from time import monotonic_ns, time_ns
from typing import Any

import pytest
from pydantic import ValidationError

from runtime.core.account import AccountPolicy, CallLeft, Mode, PermitUnused
from runtime.core.answers import CallAnswer
from runtime.core.effects import Effect
from runtime.core.inputs import Pause
from runtime.core.loans import LEASE_MS, Ask, Lent, came_back
from runtime.core.model import Place
from runtime.core.news import ConfigurationPublished, News
from runtime.core.partition import look_again_ms
from runtime.core.partition.due import LOOK_AGAIN_MOST_MS, LOOK_AGAIN_MS
from runtime.drivers import counters, embedded, on_asyncio
from runtime.drivers.clock import Clock
from runtime.drivers.counters import BorrowedAccount, OwnedAccount
from runtime.drivers.desk import Desk
from runtime.drivers.embedded import Embedded
from runtime.drivers.lane import PROVEN_MS, Lane
from runtime.drivers.on_asyncio import Host
from runtime.journal.memory import MemoryStore
from runtime.ports import (
    IntakeRefusedError,
    NotOwnerError,
    Owner,
    Receipt,
    Request,
    Response,
    StoreAwayError,
    StoreBrokenError,
    StoreFullError,
    Taken,
)
from tests.runtime.core.a_partition import LINGER_MS, TELL_MS, approved, given
from tests.runtime.drivers.a_fleet import StillClock
from tests.runtime.drivers.a_host import PATIENCE_S, Ground, reports_of, until
from tests.runtime.drivers.test_on_asyncio import posted, run

CALL_MS = 30_000
HOUR_MS = 3_600_000
HOUR_NS = 3_600_000_000_000
NARROW = {"concurrent_max": 1, "batch_max": 5}
SLOW = {"call_deadline_ms": 20_000, "late_landing_ms": 600_000}
"""Doubt would last longer than any test: whatever is posted here was never in doubt."""


class Held:
    """Batches on their way to the ERP, held up until a test lets them go."""

    def __init__(self, ground: Ground, entity: str = "") -> None:
        self.sent = 0
        self.cut = 0
        self._room = asyncio.Semaphore(0)
        self._entity = entity
        ground.before_call = self._hold

    async def _hold(self, _account: str, request: Request) -> None:
        if not request.path.endswith("/batches") or self._entity not in request.path:
            return
        self.sent += 1
        try:
            await self._room.acquire()
        except asyncio.CancelledError:
            self.cut += 1
            raise

    def go(self, calls: int = 1_000) -> None:
        """Let so many calls go on, of those that are held and those that come."""
        for _ in range(calls):
            self._room.release()

    async def out(self, calls: int = 1) -> None:
        """Wait until so many calls are on the wire."""

        async def so_many() -> bool:
            return self.sent >= calls

        await until(so_many)


def erp_of(host: Host, entity: str) -> OwnedAccount:
    """The counter of the ERP account that an entity uses; its host owns it."""
    counter = host.lanes[entity]._desks["erp"].counter
    assert isinstance(counter, OwnedAccount)
    return counter


async def lost(host: Host, entity: str) -> None:
    """Wait until a partition has stopped by itself."""

    async def stopped() -> bool:
        return host.lanes[entity].lost

    await until(stopped)


async def all_posted(host: Host, entity: str, count: int) -> None:
    """Wait until so many versions of an entity stand in the ledger."""

    async def stand() -> bool:
        (report,) = [one for one in await reports_of(host) if one.entity == entity]
        return report.places[Place.POSTED].count == count

    await until(stand)


def fails(act: Callable[..., Any], *faults: Exception) -> Callable[..., Any]:
    """The same act, which raises these faults first, one after the other."""
    left = list(faults)

    def acted(*words: Any) -> Any:
        if left:
            raise left.pop(0)
        return act(*words)

    return acted


# ------------------------------------------------------------------ permits


class NoRequest:
    """A connector with a bug: it cannot build a request."""

    def build(self, effect: Effect) -> Request:
        """Raises."""
        raise RuntimeError("a bug")

    def read(self, effect: Effect, response: Response) -> CallAnswer:
        """Nothing was sent, so nothing comes back."""
        raise AssertionError("nothing was sent")


@pytest.mark.parametrize("trouble", ["the lease ends", "a bug", "the store breaks"])
def test_the_permits_of_a_partition_that_stops_go_to_its_neighbour(trouble: str) -> None:
    """A turn that fails, or may let nothing leave any more, gives its permits back: no neighbour starves."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one", account=NARROW)
            stops, goes_on = list(ground.firm.by_code)
            lane = host.lanes[stops]
            published = ground.approve(40)
            if trouble == "the lease ends":
                lane.lease_ends_mono_ms = 0
            elif trouble == "a bug":
                lane._connectors = {**lane._connectors, "erp": NoRequest()}
            else:
                # Its news is durable; the step that would let a call leave is not.
                commit, left = lane._journal.commit, [1]

                def breaks(frame: bytes) -> None:
                    if b"BatchSent" in frame and left[0]:
                        left[0] = 0
                        raise StoreBrokenError("fsync failed")
                    commit(frame)

                lane._journal.commit = breaks  # type: ignore[method-assign]  # the disk is gone at this one step
            await host.take(stops, published[stops], 1_000, PATIENCE_S)
            await lost(host, stops)
            await host.take(goes_on, published[goes_on], 1_000, PATIENCE_S)
            await all_posted(host, goes_on, len(published[goes_on]))
            assert erp_of(host, goes_on).report().on_the_wire == 0

    run(story())


def test_the_permits_of_a_turn_that_is_tried_again_are_used_then() -> None:
    """A store that is away for the step of a batch takes no permit with it: the partition posts all the same."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one", account=NARROW)
            entity, other = list(ground.firm.by_code)
            journal = host.lanes[entity]._journal
            commit, left = journal.commit, [2]

            def away(frame: bytes) -> None:
                if b"BatchSent" in frame and left[0]:
                    left[0] -= 1
                    raise StoreAwayError("a hiccup")
                commit(frame)

            journal.commit = away  # type: ignore[method-assign]  # the store is away at these two steps
            published = ground.approve(40)
            for each in (entity, other):
                await host.take(each, published[each], 1_000, PATIENCE_S)
            for each in (entity, other):
                await all_posted(host, each, len(published[each]))
            assert left == [0]
            assert erp_of(host, entity).report().on_the_wire == 0
            assert ground.breaches() == {}

    run(story())


@pytest.mark.parametrize("how", ["stopped", "leaving"])
def test_a_grant_that_reaches_a_partition_too_late_goes_back(how: str) -> None:
    """A permit for a partition that stopped or is about to leave is given back at once, and not lost with it."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one", account=NARROW)
            entity = next(iter(ground.firm.by_code))
            lane, counter = host.lanes[entity], erp_of(host, entity)
            if how == "stopped":
                lane._stop_for_good("a broken file")
            else:
                lane._leaving = True
            counter.hear(CallLeft(entity))
            lane._desks["erp"].permit(entity)
            assert counter.report().on_the_wire == 0

    run(story())


def test_calls_that_we_cut_ourselves_say_nothing_of_the_system() -> None:
    """A hiccup of one partition's store cuts its calls; the account that it shares stays open for its neighbours."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one", account={**SLOW, "concurrent_max": 16, "batch_max": 5})
            entity = next(iter(ground.firm.by_code))
            held = Held(ground, entity)
            published = ground.approve(200)[entity]
            await host.take(entity, published[:-1], 1_000, PATIENCE_S)
            counter = erp_of(host, entity)
            enough = counter._shell.account.policy.silences_to_break
            await held.out(enough)
            journal = host.lanes[entity]._journal
            journal.commit = fails(journal.commit, StoreAwayError("a hiccup"))  # type: ignore[method-assign]  # once
            await host.take(entity, published[-1:], 10, PATIENCE_S)
            assert held.cut >= enough
            assert counter.report().mode is Mode.OPEN
            held.go()

    run(story())


# ------------------------------------------------------------------ accounts that hosts share


class NoWire:
    """A transport over which nothing is sent."""

    async def send(self, request: Request, deadline_s: float) -> Response | None:
        """Nobody sends anything here."""
        raise AssertionError("nothing is sent")

    async def close(self) -> None:
        """Nothing is held open."""


class Waiting:
    """A partition that takes every permit, and has not used one yet."""

    def __init__(self) -> None:
        self.permits = 0

    def permit(self, name: str) -> None:
        """One more."""
        self.permits += 1


def an_account(clock: StillClock, desk: Desk, concurrent_max: int) -> OwnedAccount:
    """An account that somebody owns from now on; its calls take `CALL_MS` at most."""
    policy = AccountPolicy("erp", concurrent_max=concurrent_max, needs_session=False)
    account = OwnedAccount(policy, clock, desk, None, lambda: "", "owner", CALL_MS)
    desk.seat(account)
    return account


def a_desk(clock: StillClock) -> Desk:
    """The desk of an account, before anybody sits at its counter."""
    return Desk("erp", "erp", NoWire(), clock, lambda: "", CALL_MS)


def test_a_new_owner_counts_none_of_the_calls_that_were_borrowed_before() -> None:
    """Word of calls that another owner lent frees nothing here: never are fewer on the wire than none, or than ours."""

    async def story() -> None:
        clock = StillClock()
        desk = a_desk(clock)
        lane = desk.lanes["DE01"] = Waiting()

        async def lends(_account: str, _ask: Ask) -> Lent:
            await asyncio.sleep(0)
            return Lent(("DE01", "DE01"), LEASE_MS)

        borrowed = BorrowedAccount("here", desk, clock, lends)
        desk.seat(borrowed)
        desk.ask("DE01", 2)

        async def lent() -> bool:
            return lane.permits >= 2

        await until(lent)
        borrowed.close()
        out = lane.permits
        account = an_account(clock, desk, concurrent_max=8)
        for _ in range(out):
            desk.unused()
        assert account.report().on_the_wire == 0
        desk.ask("DE01", 1)
        desk.pump()
        assert (lane.permits, account.report().on_the_wire) == (out + 1, 1)
        desk.unused()
        assert account.report().on_the_wire == 0
        await desk.close()

    run(story())


def test_loans_of_which_nobody_hears_say_nothing_of_the_system() -> None:
    """A borrower that is gone takes its loans with it: its room is free again, and the account stays open."""

    async def story() -> None:
        clock = StillClock()
        desk = a_desk(clock)
        account = an_account(clock, desk, concurrent_max=8)
        lent = await account.lend(Ask("gone", {"DE01": 8}, ()))
        assert (len(lent.grants), account.report().on_the_wire) == (8, 8)
        clock.now_ms += LEASE_MS + CALL_MS
        account.pump()
        assert (account.report().mode, account.report().on_the_wire) == (Mode.OPEN, 0)
        await desk.close()

    run(story())


def test_a_loan_that_was_written_off_is_not_handed_out() -> None:
    """Grants that lay ready for a borrower until they were overdue are gone, and not used beside the count."""

    async def story() -> None:
        clock = StillClock()
        desk = a_desk(clock)
        account = an_account(clock, desk, concurrent_max=2)
        first = await account.lend(Ask("far", {"DE01": 2}, ()))
        assert len(first.grants) == 2
        # It asks for more and goes away; the first two come back, and two are laid ready for it.
        asked = asyncio.ensure_future(account.lend(Ask("far", {"DE01": 2}, ())))
        await asyncio.sleep(0)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        for _ in first.grants:
            assert came_back(account._loans, "far")
            account.hear(PermitUnused())
        account.pump()
        assert account.report().on_the_wire == 2
        clock.now_ms += LEASE_MS + CALL_MS
        account.pump()
        late = await account.lend(Ask("far", {"DE01": 2}, ()))
        assert len(late.grants) == account.report().on_the_wire == 2
        await desk.close()

    run(story())


# ------------------------------------------------------------------ moves


def test_who_lets_go_sends_nothing_more_and_hears_what_it_sent() -> None:
    """During the grace the calls on the wire come back and no other leaves; nothing is in doubt at the next host."""

    async def story() -> None:
        async with Ground() as ground:
            account = {**SLOW, "concurrent_max": 4, "batch_max": 2}
            one = await ground.host("one", account=account)
            entity = next(iter(ground.firm.by_code))
            held = Held(ground)
            published = ground.approve(200)[entity]
            await one.take(entity, published, 1_000, PATIENCE_S)
            await held.out(4)
            lane = one.lanes[entity]
            going = asyncio.ensure_future(one.let_go(entity))

            async def leaves() -> bool:
                return lane._leaving

            await until(leaves)
            for call in range(1, 4):
                # One by one, so that there would be room and time for others.
                held.go(1)
                await all_posted(one, entity, 2 * call)
            held.go()
            await going
            assert (held.sent, held.cut) == (4, 0)
            two = await ground.host("two", [entity], account=account)
            (report,) = await reports_of(two)
            assert report.places[Place.IN_DOUBT].count == 0
            await all_posted(two, entity, len(published))

    run(story())


def test_a_claim_waits_for_a_move_that_has_begun() -> None:
    """Told to carry what it is letting go of, a host carries it in the end, and its accounts know the partition."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one", account=SLOW)
            entity = next(iter(ground.firm.by_code))
            held = Held(ground)
            published = ground.approve(40)[entity]
            await host.take(entity, published[:3], 1_000, PATIENCE_S)
            await held.out()
            lane = host.lanes[entity]
            going = asyncio.ensure_future(host.let_go(entity))

            async def leaves() -> bool:
                return lane._leaving

            await until(leaves)
            coming = asyncio.ensure_future(host.carry(entity))
            await asyncio.sleep(0)
            held.go()
            await going
            owner = await coming
            assert host.carried[entity].epoch == owner.epoch > lane.owner.epoch
            await host.take(entity, published[3:], 1_000, PATIENCE_S)
            await all_posted(host, entity, len(published))

    run(story())


def test_a_move_goes_through_though_nobody_waits_for_it() -> None:
    """Whoever asked for it and gave up leaves no orphan: the partition stops, and its lease is given back."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one", account=SLOW)
            entity = next(iter(ground.firm.by_code))
            held = Held(ground)
            await host.take(entity, ground.approve(20)[entity], 1_000, PATIENCE_S)
            await held.out()
            lane = host.lanes[entity]
            going = asyncio.ensure_future(host.let_go(entity))

            async def leaves() -> bool:
                return lane._leaving

            await until(leaves)
            going.cancel()
            await asyncio.gather(going, return_exceptions=True)
            held.go()

            async def given_back() -> bool:
                (owner,) = [one for one in ground.store.owners() if one.name == entity]
                return entity not in host.lanes and owner.lease_until_ms <= ground.store.now_ms()

            await until(given_back)
            assert held.cut == 0

    run(story())


def test_two_drains_are_one() -> None:
    """A hook that drains and a signal that does it again: both wait for the calls on the wire, and none is cut."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one", account=SLOW)
            entity = next(iter(ground.firm.by_code))
            held = Held(ground)
            await host.take(entity, ground.approve(20)[entity], 1_000, PATIENCE_S)
            await held.out()
            first = asyncio.ensure_future(host.drain("ops", "a hook"))

            async def leaves() -> bool:
                return host.lanes[entity]._leaving

            await until(leaves)
            early: list[bool] = []
            let_go: list[str] = []
            second = asyncio.ensure_future(host.drain("operator", "a signal"))
            second.add_done_callback(lambda _: early.append(not let_go))
            # Long enough for a second drain that waits for nothing; one that waits is not disturbed by it.
            await asyncio.wait({second}, timeout=0.05)
            let_go.append("the call on the wire")
            held.go()
            await asyncio.gather(first, second)
            assert (early, held.cut) == ([False], 0)
            assert [one.name for one in ground.store.owners() if one.lease_until_ms > ground.store.now_ms()] == []

    run(story())


def test_a_drained_host_owns_nothing_again() -> None:
    """The renewal that comes after a drain claims no account: they are free for whoever goes on."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one", together=True)
            assert host._accounts.seats
            await host.drain("ops", "over")
            await host._keep_leases()
            assert [one.name for one in ground.store.owners() if one.lease_until_ms > ground.store.now_ms()] == []

    run(story())


# ------------------------------------------------------------------ leases


def test_a_hiccup_of_the_store_does_not_end_the_renewal() -> None:
    """Leases are renewed again after the store was away at one renewal, and after a bug in another."""

    async def story() -> None:
        store = MemoryStore()
        async with Ground(store) as ground:
            await ground.host("one", journal={"lease_ms": 1_000, "lease_margin_ms": 0})
            renewed: set[str] = set()
            failing = fails(store.renew, StoreAwayError("a hiccup"), RuntimeError("a bug"))

            def counted(owners: Sequence[Owner], lease_ms: int) -> Sequence[Owner]:
                kept: Sequence[Owner] = failing(owners, lease_ms)
                renewed.update(owner.name for owner in kept)
                return kept

            store.renew = counted  # type: ignore[method-assign]  # it fails twice

            async def goes_on() -> bool:
                return bool(renewed)

            await until(goes_on)
            assert renewed == set(ground.firm.by_code)

    run(story())


def test_an_account_that_cannot_be_claimed_just_now_is_claimed_later() -> None:
    """A store that fails when a borrower looks for the owner ends neither its renewal nor its search."""

    async def story() -> None:
        store = MemoryStore()
        async with Ground(store) as ground:
            first, second = list(ground.firm.by_code)
            short = {"lease_ms": 1_000, "lease_margin_ms": 0}
            one = await ground.host("one", [first], together=True, journal=short)
            two = await ground.host("two", [second], together=True, journal=short)
            await one.drain("ops", "over")
            claim = store.claim
            store.claim = fails(claim, StoreAwayError("a hiccup"))  # type: ignore[method-assign]  # it fails once

            async def owned() -> bool:
                return bool(two._accounts.seats)

            await until(owned)
            assert {report.host for report in await two.accounts()} == {"two"}

    run(story())


def test_slow_questions_to_the_office_do_not_hold_up_a_renewal() -> None:
    """However many threads wait for a slow file, leases are renewed, and entries are taken in."""

    async def story() -> None:
        store = MemoryStore()
        async with Ground(store) as ground:
            host = await ground.host("one")
            entity = next(iter(ground.firm.by_code))
            renew, renewals = store.renew, [0]

            def counted(owners: Sequence[Owner], lease_ms: int) -> Sequence[Owner]:
                renewals[0] += 1
                return renew(owners, lease_ms)

            store.renew = counted  # type: ignore[method-assign]  # counted
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
            answer = Event()
            asked = asyncio.ensure_future(asyncio.to_thread(answer.wait))
            try:
                renewal = asyncio.ensure_future(host._keep_leases())
                await asyncio.wait({renewal}, timeout=PATIENCE_S)
                assert (renewal.done(), renewals[0]) == (True, 1)
                receipts = await host.take(entity, ground.approve(20)[entity], 1_000, PATIENCE_S)
                assert {receipt.taken for receipt in receipts} == {Taken.ACCEPTED}
            finally:
                answer.set()
                await asked

    run(story())


def test_a_partition_whose_lease_ran_out_is_taken_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a machine slept, a process that is alone carries its partitions again, and nobody is called a rival."""
    monkeypatch.setattr(embedded, "LOOK_S", 0.01)

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one", carry=())
            rivals: list[str] = []
            alone = Embedded(host, rivals.append)
            await alone._take_up()
            entity = next(iter(ground.firm.by_code))
            before = host.lanes[entity]
            before.lease_ends_mono_ms = 0
            # Its news is taken in, and the call that follows may not leave.
            for each, group in ground.approve(20).items():
                await host.take(each, list[News](group), 1_000, PATIENCE_S)
            alone._task = asyncio.ensure_future(alone._keep_carrying())

            async def back() -> bool:
                lane = host.lanes.get(entity)
                return lane is not None and lane is not before and lane.state == "running"

            await until(back)
            alone._task.cancel()
            assert (rivals, alone.ready()) == ([], "")

    run(story())


@pytest.mark.parametrize("taken_over", [False, True])
def test_a_call_that_was_held_up_asks_the_store_before_it_leaves(taken_over: bool) -> None:
    """Between the durable step and the send another process took over under our name: nothing leaves any more."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one")
            entity = next(iter(ground.firm.by_code))
            lane = host.lanes[entity]
            slow_ms, asked = [0], [0]
            lane._clock = Clock(mono_ns=lambda: monotonic_ns() + slow_ms[0] * 1_000_000)
            lane.lease_ends_mono_ms = lane._clock.mono_ms() + HOUR_MS
            assert lane._shell is not None
            journal = lane._shell.journal
            commit, renew = journal.commit, lane._renew

            def held_up(frame: bytes) -> None:
                commit(frame)
                if b"BatchSent" in frame:
                    slow_ms[0] += PROVEN_MS
                    if taken_over:
                        ground.store.claim(entity, "one", "", 60_000)

            async def asking(one: Lane) -> bool:
                asked[0] += 1
                return await renew(one)

            journal.commit = held_up  # type: ignore[method-assign]  # it takes long from there on
            lane._renew = asking
            held = Held(ground, entity)
            held.go()
            published = ground.approve(20)[entity]
            await host.take(entity, published, 1_000, PATIENCE_S)
            if taken_over:
                await lost(host, entity)
                assert held.sent == 0
            else:
                await all_posted(host, entity, len(published))
            assert asked[0] > 0

    run(story())


def test_nothing_leaves_once_the_lease_is_known_to_be_lost() -> None:
    """A renewal that came back empty while a turn ran is enough, however long our own clock says the lease runs."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one")
            entity = next(iter(ground.firm.by_code))
            lane = host.lanes[entity]
            held = Held(ground, entity)
            commit = lane._journal.commit

            def lost_meanwhile(frame: bytes) -> None:
                commit(frame)
                if b"BatchSent" in frame:
                    lane.fenced = True

            lane._journal.commit = lost_meanwhile  # type: ignore[method-assign]  # the renewal was told meanwhile
            await host.take(entity, ground.approve(20)[entity], 1_000, PATIENCE_S)
            await lost(host, entity)
            assert held.sent == 0

    run(story())


# ------------------------------------------------------------------ clocks, disks, numbers


def test_a_clock_that_was_ahead_freezes_nothing() -> None:
    """After an hour that was a mistake, time goes on from there: in the same process, and in the next one."""

    async def story() -> None:
        async with Ground() as ground:
            one = await ground.host("one")
            entity = next(iter(ground.firm.by_code))
            published = ground.approve(60)[entity]
            ahead_ns = [HOUR_NS]
            one.lanes[entity]._clock = Clock(lambda: time_ns() + ahead_ns[0])
            await one.take(entity, published[:1], 1_000, PATIENCE_S)
            ahead_ns[0] = 0
            await one.take(entity, published[1:5], 1_000, PATIENCE_S)
            await all_posted(one, entity, 5)
            await one.let_go(entity)
            two = await ground.host("two", [entity])
            await two.take(entity, published[5:], 1_000, PATIENCE_S)
            await all_posted(two, entity, len(published))
            assert await posted(two) == len(published)

    run(story())


def test_the_disk_is_looked_at_again_after_it_failed_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that cannot tell its room just now ends the watch neither way: a full disk is noticed later."""
    monkeypatch.setattr(on_asyncio, "DISK_S", 0.01)

    async def story() -> None:
        store = MemoryStore()
        async with Ground(store) as ground:
            faults = StoreAwayError("no answer"), OSError(5, "Input/output error")
            host = await ground.host("one", journal={"disk_headroom_bytes": 1_000})
            store.headroom_bytes = fails(lambda: 0, *faults)  # type: ignore[method-assign]  # it fails twice
            entity = next(iter(ground.firm.by_code))

            async def full() -> bool:
                return host._headroom == 0

            await until(full)
            with pytest.raises(IntakeRefusedError, match="disk_headroom"):
                await host.take(entity, ground.approve(20)[entity], 1_000, PATIENCE_S)

    run(story())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("linger_ms", "9" * 400),
        ("linger_ms", str(2**63)),
        ("confirm_after_ms", "0"),
        ("staged_poll_ms", "1"),
        ("recount_every_ms", "0"),
        ("back_off_ms", "0"),
        ("calls_max", "0"),
    ],
)
def test_a_number_that_would_stop_a_partition_or_make_it_spin_is_refused(name: str, text: str) -> None:
    """A configuration with a number out of bounds is refused with its name, and the partition goes on as before."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one")
            entity = next(iter(ground.firm.by_code))
            changed = ConfigurationPublished(version=1, changes=((name, text),), who="ann", why="a slip")
            (receipt,) = await host.take(entity, [changed], 100, PATIENCE_S)
            assert (receipt.taken, name in receipt.reason, len(receipt.reason) < 200) == (Taken.REFUSED, True, True)
            published = ground.approve(20)[entity]
            await host.take(entity, published, 1_000, PATIENCE_S)
            await all_posted(host, entity, len(published))

    run(story())


def test_no_entity_starts_with_confirmations_all_the_time() -> None:
    """A deployment that would ask about every posting instead of sending it does not start."""
    with pytest.raises(ValidationError, match="confirm_after_ms"):
        Ground(confirm_after_ms=0).settings({}, {}, {})


def test_what_waits_for_a_permit_hides_nothing_that_falls_due() -> None:
    """The next look is when the next thing falls due; where everything waits for permits, it is not at once."""
    partition = given(approved("TS-1"))
    partition.posts()
    partition.waits(TELL_MS).hears(approved("TS-2"))
    assert look_again_ms(partition.state, partition.now_ms) == partition.now_ms + LINGER_MS
    partition.waits(LINGER_MS)
    assert look_again_ms(partition.state, partition.now_ms) == partition.now_ms + LOOK_AGAIN_MS


def test_what_waits_for_days_is_looked_after_rarely() -> None:
    """Where an account stays closed, a look costs little: every few minutes in the end, and not in the first hour."""
    partition = given(approved("TS-1"))
    partition.waits(HOUR_MS)
    assert look_again_ms(partition.state, partition.now_ms) == partition.now_ms + LOOK_AGAIN_MS
    partition.waits(3 * 24 * HOUR_MS)
    assert look_again_ms(partition.state, partition.now_ms) == partition.now_ms + LOOK_AGAIN_MOST_MS


def test_a_psa_that_is_down_does_not_hold_up_the_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for one system hides nothing that falls due for the other: entries linger as long as they should."""
    # The package gives the function of that name; the number is in the module.
    monkeypatch.setattr(import_module("runtime.core.partition.due"), "LOOK_AGAIN_MS", 3_600_000)

    async def story() -> None:
        async with Ground(linger_ms=50) as ground:

            async def closed(account: str, _request: Request, response: Response) -> Response | None:
                return Response(503, {"Retry-After": "600"}, b"") if account in ground.firm.psas else response

            ground.after_call = closed
            host = await ground.host("one")
            entity = next(iter(ground.firm.by_code))
            published = ground.approve(40)[entity]
            await host.take(entity, published[:5], 1_000, PATIENCE_S)
            await all_posted(host, entity, 5)

            async def turned_away() -> bool:
                psa = host.lanes[entity]._desks["psa"].counter
                assert isinstance(psa, OwnedAccount)
                return psa.report().mode is Mode.MAINTENANCE and bool(psa.report().waiting)

            await until(turned_away)
            await host.take(entity, published[5:], 1_000, PATIENCE_S)
            await all_posted(host, entity, len(published))
            assert await posted(host) == len(published)

    run(story())


# ------------------------------------------------------------------ what people are told


def test_what_is_durable_is_told_though_the_checkpoint_failed() -> None:
    """Senders and people hear what was done in the turn, and not what a second try would find to do."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one", journal={"checkpoint_every": 1})
            entity = next(iter(ground.firm.by_code))
            lane = host.lanes[entity]
            journal = lane._journal
            checkpoint = journal.checkpoint
            published = ground.approve(20)[entity]

            async def running() -> bool:
                return lane.state == "running"

            def has_no_room() -> None:
                failing = fails(checkpoint, StoreFullError("no room"))
                journal.checkpoint = failing  # type: ignore[method-assign]  # it fails once
                assert lane._shell is not None
                lane._shell.checkpoint_every = 0

            await until(running)
            has_no_room()
            receipts: list[Receipt] = list(await host.take(entity, published, 1_000, PATIENCE_S))
            assert {receipt.taken for receipt in receipts} == {Taken.ACCEPTED}
            assert lane.state != "running"
            await until(running)
            await all_posted(host, entity, len(published))
            await ground.settled(host)
            has_no_room()
            assert await host.command(entity, Pause("ann", "ledger check"))
            await until(running)
            (report,) = [one for one in await host.partitions() if one.entity == entity]
            assert report.paused == "ann: ledger check"

    run(story())


def test_a_command_that_takes_too_long_says_that_it_is_not_known() -> None:
    """A busy partition answers a person in time: come back, and look at the status for whether it was carried out."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one", limits={"take_seconds": 0.05})
            entity = next(iter(ground.firm.by_code))
            async with host.lanes[entity]._lock:
                with pytest.raises(IntakeRefusedError, match="status"):
                    await host.command(entity, Pause("ann", "ledger check"))

    run(story())


def test_a_partition_that_hangs_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The status of all is there while one waits for its store; that one is shown as it stood last."""
    monkeypatch.setattr(on_asyncio, "REPORT_S", 0.05)

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one")
            hangs, runs = list(ground.firm.by_code)

            async def both_run() -> bool:
                return {one.state for one in await reports_of(host)} == {"running"}

            await until(both_run)
            async with host.lanes[hangs]._lock:
                for _ in range(2):
                    reports = await asyncio.wait_for(host.partitions(), PATIENCE_S)
                    states: Mapping[str, str] = {one.entity: one.state for one in reports}
                    assert states == {hangs: "running", runs: "running"}

    run(story())


def test_a_sender_whose_turn_failed_while_the_partition_left_is_turned_away() -> None:
    """A delivery that a failed turn gave back is nobody's once the partition is gone: its sender hears so at once."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one")
            entity = next(iter(ground.firm.by_code))
            lane = host.lanes[entity]
            begun, fail = Event(), Event()

            def away(frame: bytes) -> None:
                begun.set()
                fail.wait(PATIENCE_S)
                raise StoreAwayError("no answer")

            lane._journal.commit = away  # type: ignore[method-assign]  # the store goes away in the middle of a turn
            taking = asyncio.ensure_future(host.take(entity, ground.approve(20)[entity], 1_000, PATIENCE_S))

            async def in_a_turn() -> bool:
                return begun.is_set()

            await until(in_a_turn)
            going = asyncio.ensure_future(host.let_go(entity))

            async def leaves() -> bool:
                return lane._leaving

            await until(leaves)
            fail.set()
            with pytest.raises(NotOwnerError):
                await taking
            await going

    run(story())


def test_word_of_lent_calls_does_not_wait_for_a_grant(monkeypatch: pytest.MonkeyPatch) -> None:
    """A borrower that has every call of the account says that they came back while it waits for more: only then is
    there more to lend."""
    monkeypatch.setattr(counters, "LEND_WAIT_S", 3_600)

    async def story() -> None:
        async with Ground() as ground:
            first, second = list(ground.firm.by_code)
            await ground.host("one", [first], together=True, account=NARROW)
            two = await ground.host("two", [second], together=True, account=NARROW)
            published = ground.approve(60)[second]
            await two.take(second, published, 1_000, PATIENCE_S)
            await all_posted(two, second, len(published))
            assert await posted(two) == len(published)

    run(story())


def test_a_full_disk_is_full_while_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was known of the disk holds until the next answer, however long that takes."""
    monkeypatch.setattr(on_asyncio, "DISK_S", 0.01)

    async def story() -> None:
        store = MemoryStore()
        async with Ground(store) as ground:
            host = await ground.host("one", journal={"disk_headroom_bytes": 1_000})
            entity = next(iter(ground.firm.by_code))
            host._headroom = 0
            asked, answer = Event(), Event()

            def slow() -> int:
                asked.set()
                answer.wait(PATIENCE_S)
                return 0

            store.headroom_bytes = slow  # type: ignore[method-assign]  # it takes its time

            async def looks() -> bool:
                return asked.is_set()

            await until(looks)
            try:
                with pytest.raises(IntakeRefusedError, match="disk_headroom"):
                    await host.take(entity, ground.approve(20)[entity], 1_000, PATIENCE_S)
            finally:
                answer.set()

    run(story())
