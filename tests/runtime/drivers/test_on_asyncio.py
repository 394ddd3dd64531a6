"""The asyncio driver before mock systems: nothing is acknowledged that is not durable, nothing is posted twice."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runtime.core.inputs import Pause, Resume
from runtime.core.model import Place
from runtime.core.news import EntryApproved, EntryWithdrawn, PeriodPublished
from runtime.drivers import embedded
from runtime.drivers.embedded import Embedded
from runtime.drivers.on_asyncio import Host
from runtime.journal.memory import MemoryJournal, MemoryStore
from runtime.journal.sqlite import SqliteStore
from runtime.ports import IntakeRefusedError, NotOwnerError, Request, Response, StoreAwayError, StoreBrokenError, Taken
from tests.runtime.drivers.a_host import PATIENCE_S, Ground, reports_of, until, wall_ms


def run(test: "asyncio._CoroutineLike[None]") -> None:
    """Run a test in an event loop of its own."""
    asyncio.run(asyncio.wait_for(test, 4 * PATIENCE_S))


async def posted(*hosts: Host) -> int:
    """How many versions these hosts believe to stand."""
    reports = [report for host in hosts for report in await reports_of(host)]
    return sum(report.places[Place.POSTED].count for report in reports)


def test_what_is_approved_stands_in_the_ledger_once(tmp_path: Path) -> None:
    """Entries, corrections and withdrawals, delivered twice, end as the auditors want them; on SQLite."""

    async def story() -> None:
        async with Ground(SqliteStore(tmp_path)) as ground:
            host = await ground.host("one")
            published = ground.approve(120, corrections_ppm=100_000, withdrawals_ppm=50_000)
            for entity, news in published.items():
                first = await host.take(entity, news, 1_000, PATIENCE_S)
                again = await host.take(entity, news, 1_000, PATIENCE_S)
                assert {receipt.taken for receipt in first} == {Taken.ACCEPTED}
                assert {receipt.taken for receipt in again} == {Taken.DUPLICATE}
            await ground.settled(host)
            assert ground.breaches() == {}
            assert await posted(host) > 80

    run(story())


def test_a_report_counts_what_landed_and_what_calls_brought() -> None:
    """Versions that came to stand, and rows, calls and time of posting calls: what a forecast is made of."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one", account={"batch_max": 10})
            await ground.deliver(host, 60)
            await ground.settled(host)
            for report in await reports_of(host):
                stand = report.places[Place.POSTED].count
                assert report.work.landed == report.work.rows == stand > 0
                assert stand / 10 <= report.work.calls <= stand

    run(story())


def test_a_published_feed_cut_off_counts_besides_the_configured_one() -> None:
    """The first that is to come, whoever named it."""

    async def story() -> None:
        async with Ground(cut_off=datetime.fromtimestamp(wall_ms() / 1_000 + 7_200, UTC).isoformat()) as ground:
            host = await ground.host("one")
            entity = next(iter(ground.firm.by_code))
            (before,) = [report.cut_off_ms for report in await reports_of(host) if report.entity == entity]
            period = host.lanes[entity]._shell.state.calendar.periods[0]  # type: ignore[union-attr]  # it runs
            sooner_ms = wall_ms() + 3_600_000
            news = PeriodPublished(replace(period, version=period.version + 1, cutoff_feed_ms=sooner_ms))
            await host.take(entity, [news], 100, PATIENCE_S)
            (after,) = [report.cut_off_ms for report in await reports_of(host) if report.entity == entity]
            assert before is not None
            assert before - sooner_ms > 3_500_000
            assert after == sooner_ms

    run(story())


def test_one_process_forecasts_what_it_carries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every entity has a forecast once it was looked at; what has cleared clears now."""
    monkeypatch.setattr(embedded, "LOOK_S", 0.01)

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one")
            alone = Embedded(host, lambda why: None)
            await ground.deliver(host, 20)
            await ground.settled(host)
            alone._task = asyncio.ensure_future(alone._keep_carrying())

            async def all_told() -> bool:
                return {one.entity for one in await alone.forecasts()} == set(ground.firm.by_code)

            await until(all_told)
            alone._task.cancel()
            for one in await alone.forecasts():
                assert one.permitted is not None
                assert one.waiting or one.permitted.expected_ms == one.at_ms
            assert alone.latest == (*host.latest, await alone.forecasts())

    run(story())


def test_a_lost_answer_is_doubt_and_is_settled_by_asking() -> None:
    """The ERP did the work and we never heard: the rows are looked up, and stand once."""

    async def story() -> None:
        async with Ground() as ground:
            lost: list[str] = []

            async def swallow(account: str, request: Request, response: Response) -> Response | None:
                if request.path.endswith("/batches") and len(lost) < 3:
                    lost.append(request.path)
                    return None
                return response

            ground.after_call = swallow
            host = await ground.host("one", account={"batch_max": 10})
            await ground.deliver(host, 60)
            await ground.settled(host)
            assert len(lost) == 3
            assert ground.breaches() == {}

    run(story())


def test_nothing_is_acknowledged_that_is_not_durable() -> None:
    """While the store is away senders wait; what they get in the end is durable, and stands once."""

    async def story() -> None:
        store = MemoryStore()
        async with Ground(store) as ground:
            host = await ground.host("one")
            entity = next(iter(ground.firm.by_code))
            lane = host.lanes[entity]
            journal = lane._journal
            assert isinstance(journal, MemoryJournal)
            commit, failures = journal.commit, [3]

            def away(frame: bytes) -> None:
                if failures[0]:
                    failures[0] -= 1
                    raise StoreAwayError("no answer")
                commit(frame)

            journal.commit = away  # type: ignore[method-assign]  # the store is away for three steps
            receipts = await ground.deliver(host, 40)
            assert failures == [0]
            assert {receipt.taken for receipt in receipts} <= {Taken.ACCEPTED, Taken.DUPLICATE}
            await ground.settled(host)
            assert ground.breaches() == {}

    run(story())


def test_a_store_that_broke_stops_its_partition_and_no_other() -> None:
    """After a failed fsync nobody pretends: that partition takes nothing in any more, its neighbour goes on."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one")
            broken, fine = list(ground.firm.by_code)
            journal = host.lanes[broken]._journal
            assert isinstance(journal, MemoryJournal)

            def fail(frame: bytes) -> None:
                raise StoreBrokenError("fsync failed")

            journal.commit = fail  # type: ignore[method-assign]  # the disk is broken from now on
            published = ground.approve(40)
            with pytest.raises(IntakeRefusedError) as refused:
                await host.take(broken, published[broken], 1_000, PATIENCE_S)
            assert refused.value.bound == "moving"
            receipts = await host.take(fine, published[fine], 1_000, PATIENCE_S)
            assert {receipt.taken for receipt in receipts} == {Taken.ACCEPTED}
            states = {report.entity: report.state for report in await host.partitions()}
            assert states == {broken: "stopped: fsync failed", fine: "running"}

    run(story())


def test_while_the_store_is_away_a_host_tells_what_it_remembers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it carries is told from memory, of the rest it is said that nobody can tell; no question fails."""

    async def story() -> None:
        store = MemoryStore()
        async with Ground(store) as ground:
            carried, other = list(ground.firm.by_code)
            host = await ground.host("one", [carried])

            def away() -> None:
                raise StoreAwayError("no answer")

            with monkeypatch.context() as patch:
                patch.setattr(store, "owners", away)
                states = {report.entity: report.state for report in await host.partitions()}
            assert states == {carried: "running", other: "store away: nobody can tell who carries it"}

    run(story())


def test_a_host_is_not_ready_once_every_lease_has_run_out() -> None:
    """One lease that was renewed is enough; where none was, another host may own everything by now."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one")
            assert host.ready() == ""
            first, second = host.lanes.values()
            kept_ms = first.lease_ends_mono_ms
            # Nothing is awaited in between, so nobody renews them meanwhile.
            first.lease_ends_mono_ms = second.lease_ends_mono_ms = 0
            none = host.ready()
            first.lease_ends_mono_ms = kept_ms
            assert (none, host.ready()) == ("store away: no lease was renewed in time", "")

    run(story())


def test_the_bounds_refuse_intake_and_say_which() -> None:
    """Too much undecided, a journal that is behind, a disk nearly full: refused, with a time to come back."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one", limits={"undecided_bytes": 1_024, "commit_queue": 1})
            entity = next(iter(ground.firm.by_code))
            news = ground.approve(40)[entity]
            lane = host.lanes[entity]
            # The lock keeps the turn from beginning, as a slow disk would.
            async with lane._lock:
                waiting = asyncio.ensure_future(host.take(entity, news[:1], 1_000, PATIENCE_S))

                async def undecided() -> bool:
                    return lane.undecided_bytes > 0

                await until(undecided)
                with pytest.raises(IntakeRefusedError) as refused:
                    await host.take(entity, news[1:2], 1_000, PATIENCE_S)
                assert (refused.value.bound, refused.value.retry_after_ms > 0) == ("undecided_bytes", True)
            assert [receipt.taken for receipt in await waiting] == [Taken.ACCEPTED]
            host._turns.waiting = 5
            with pytest.raises(IntakeRefusedError, match="commit_queue"):
                await host.take(entity, news[1:2], 10, PATIENCE_S)
            host._turns.waiting, host._headroom = 0, -1
            with pytest.raises(IntakeRefusedError, match="disk_headroom"):
                await host.take(entity, news[1:2], 10, PATIENCE_S)

    run(story())


def test_a_partition_moves_with_calls_on_the_wire_and_nothing_is_double() -> None:
    """What was on the wire when a host let go is doubt for the next one, which asks before it sends."""

    async def story() -> None:
        async with Ground() as ground:
            held = asyncio.Event()

            async def hold(account: str, request: Request, response: Response) -> Response | None:
                if request.path.endswith("/batches") and not held.is_set():
                    held.set()
                    await asyncio.sleep(PATIENCE_S)
                return response

            ground.after_call = hold
            one = await ground.host("one")
            await ground.deliver(one, 60)
            await asyncio.wait_for(held.wait(), PATIENCE_S)
            two = await ground.host("two", carry=())
            for entity in list(one.lanes):
                await one.let_go(entity, grace_s=0.01)
                await two.carry(entity)
            await ground.settled(two)
            assert ground.breaches() == {}
            with pytest.raises(NotOwnerError):
                await one.take(next(iter(ground.firm.by_code)), (), 0, 1)

    run(story())


def test_nothing_leaves_after_the_lease() -> None:
    """A host whose lease is over by its own clock sends nothing: the partition stops, and the next owner asks first."""

    async def story() -> None:
        async with Ground() as ground:
            one = await ground.host("one")
            for lane in one.lanes.values():
                lane.lease_ends_mono_ms = 0
            await ground.deliver(one, 40)

            async def stopped() -> bool:
                return all(lane.lost for lane in one.lanes.values())

            await until(stopped)
            assert all(not evidence.lines for evidence in ground.firm.evidences.values())
            for entity in list(one.lanes):
                await one.let_go(entity)
            two = await ground.host("two")
            await ground.settled(two)
            assert ground.breaches() == {}

    run(story())


def test_another_owner_fences_this_one() -> None:
    """A host that was taken for dead and comes back commits nothing, whatever it believes."""

    async def story() -> None:
        async with Ground() as ground:
            one = await ground.host("one")
            entity, other = list(ground.firm.by_code)
            two = await ground.host("two", carry=())
            await one.let_go(other)
            await two.carry(other)
            owner = one.lanes[entity].owner
            ground.store.release(owner)
            await two.carry(entity)
            published = ground.approve(20)
            with pytest.raises(NotOwnerError):
                await one.take(entity, published[entity], 1_000, PATIENCE_S)
            receipts = await two.take(entity, published[entity], 1_000, PATIENCE_S)
            assert {receipt.taken for receipt in receipts} == {Taken.ACCEPTED}
            await two.take(other, published[other], 1_000, PATIENCE_S)
            await ground.settled(two)
            assert ground.breaches() == {}

    run(story())


def test_hosts_share_an_account_and_keep_its_limit_together() -> None:
    """One host owns the account and lends; never are more calls out than the account allows, and nobody starves."""

    async def story() -> None:
        async with Ground() as ground:
            first, second = list(ground.firm.by_code)
            narrow = {"concurrent_max": 1, "batch_max": 5}
            one = await ground.host("one", [first], together=True, account=narrow)
            two = await ground.host("two", [second], together=True, account=narrow)
            published = ground.approve(100)
            await one.take(first, published[first], 1_000, PATIENCE_S)
            await two.take(second, published[second], 1_000, PATIENCE_S)
            await ground.settled(one, two)
            assert ground.breaches() == {}
            assert [ground.most_on_the_wire[account] for account in ground.firm.erps] == [1] * len(ground.firm.erps)
            owners = [report.host for report in [*await one.accounts(), *await two.accounts()]]
            assert sorted(owners) == sorted(["one"] * len(owners))

    run(story())


def test_an_account_finds_a_new_owner_when_its_owner_is_gone() -> None:
    """The owner's lease runs out; a borrower takes the account over, waits out the leases, and goes on."""

    async def story() -> None:
        async with Ground() as ground:
            first, second = list(ground.firm.by_code)
            short = {"lease_ms": 1_000, "lease_margin_ms": 100}
            one = await ground.host("one", [first], together=True, journal=short)
            two = await ground.host("two", [second], together=True, journal=short)
            for task in one._tasks:
                task.cancel()
            del ground.hosts["one"]
            news = ground.approve(40)[second]
            await two.take(second, news, 1_000, PATIENCE_S)
            await ground.settled(two)
            assert await posted(two) == len(news)
            assert {report.host for report in await two.accounts()} == {"two"}
            await one.close()

    run(story())


def test_people_pause_resume_and_trace() -> None:
    """A paused partition takes in and posts nothing; resumed, it posts; the trace tells every step."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one")
            entity = next(iter(ground.firm.by_code))
            assert await host.command(entity, Pause("ann", "ledger check"))
            assert not await host.command(entity, Pause("ann", "again"))
            news = ground.approve(20)[entity]
            await host.take(entity, news, 1_000, PATIENCE_S)
            (report,) = [report for report in await host.partitions() if report.entity == entity]
            assert (report.paused, report.places[Place.IN_FLIGHT].count) == ("ann: ledger check", len(news))
            assert await host.command(entity, Resume("ann", "done"))

            async def all_posted() -> bool:
                return await posted(host) == len(news)

            await until(all_posted)
            first = news[0]
            assert isinstance(first, EntryApproved)
            trace = await host.trace(entity, first.entry.entry_id)
            assert trace is not None
            kinds = [step.kind for step in trace.steps]
            assert kinds[0] == "EntryReceived"
            instants = {
                "submitted at": first.approval.submitted_at_ms,
                f"approved {first.approval.method} at": first.approval.decided_at_ms,
            }
            for what, at_ms in instants.items():
                assert at_ms > 0
                assert f"{what} {datetime.fromtimestamp(at_ms // 1_000, UTC):%Y-%m-%dT%H:%M:%SZ}" in trace.steps[0].text
            assert {"BatchSent", "RowsApplied"} <= set(kinds)
            assert (trace.place, len(trace.keys), trace.ledger_id != "") == (Place.POSTED, 1, True)
            assert await host.trace(entity, "no-such-entry") is None

    run(story())


def test_what_is_taken_back_is_on_its_way_until_it_is_reversed() -> None:
    """While its line stands a withdrawn entry is in flight, and superseded only when nothing of it stands."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one")
            entity = next(iter(ground.firm.by_code))
            (first, *_) = ground.approve(20)[entity]
            assert isinstance(first, EntryApproved)
            await host.take(entity, [first], 1_000, PATIENCE_S)

            async def stands() -> bool:
                return await posted(host) == 1

            await until(stands)
            await host.command(entity, Pause("ann", "ledger check"))
            withdrawn = EntryWithdrawn(first.entry.entry_id, first.entry.version + 1, "cancelled", 0)
            await host.take(entity, [withdrawn], 1_000, PATIENCE_S)
            trace = await host.trace(entity, first.entry.entry_id)
            assert trace is not None
            assert trace.place == Place.IN_FLIGHT
            await host.command(entity, Resume("ann", "done"))

            async def reversed_() -> bool:
                told = await host.trace(entity, first.entry.entry_id)
                return told is not None and told.place == Place.SUPERSEDED

            await until(reversed_)

    run(story())


def test_a_command_that_was_given_up_is_not_carried_out_later() -> None:
    """Whoever was told that nothing was done finds nothing done, however long the partition was busy."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one", limits={"take_seconds": 0.05})
            entity = next(iter(ground.firm.by_code))
            lane = host.lanes[entity]
            async with lane._lock:
                with pytest.raises(IntakeRefusedError, match="nothing was done"):
                    await host.command(entity, Pause("ann", "ledger check"))
            await host.take(entity, ground.approve(20)[entity], 1_000, PATIENCE_S)
            assert [report.paused for report in await reports_of(host) if report.entity == entity] == [""]

    run(story())


def test_what_entries_are_worth_is_told_without_taking_them_in() -> None:
    """The host says what each would bill, as it does bill later; its journal does not grow by the question."""

    async def story() -> None:
        async with Ground() as ground:
            host = await ground.host("one")
            entity = next(iter(ground.firm.by_code))
            news = [one for one in ground.approve(30)[entity] if isinstance(one, EntryApproved)]
            (before,) = [report for report in await reports_of(host) if report.entity == entity]
            told = await host.worth(entity, news)
            (after,) = [report for report in await reports_of(host) if report.entity == entity]
            assert replace(after, at_ms=0) == replace(before, at_ms=0)
            assert {one.why for one in told} == {""}
            await host.take(entity, news, 1_000, PATIENCE_S)
            (report,) = [report for report in await reports_of(host) if report.entity == entity]
            money = dict.fromkeys({one.currency for one in told}, 0)
            for one in told:
                money[one.currency] += one.bill_minor
            booked: dict[str, int] = {}
            for pile in report.places.values():
                for currency, minor in pile.money.items():
                    booked[currency] = booked.get(currency, 0) + minor
            assert {code: minor for code, minor in booked.items() if minor} == money
            with pytest.raises(KeyError):
                await host.worth("XX", news)
            await host.let_go(entity)
            with pytest.raises(NotOwnerError):
                await host.worth(entity, news)

    run(story())
