"""The router: every delivery reaches whoever owns its entity now, or is not acknowledged."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from runtime.core.inputs import Pause
from runtime.core.news import EntryWithdrawn
from runtime.core.partition.worth import Worth
from runtime.drivers import router as the_module
from runtime.drivers.router import HostCalls, Router
from runtime.ports import IntakeRefusedError, Owner, Taken
from tests.runtime.core.a_partition import approved
from tests.runtime.drivers.a_fleet import LEASE_MS, Cluster, the_settings

ENTITIES = {"DE01": "emea", "US01": "amer"}


def news(*names: str) -> list[EntryWithdrawn]:
    """Something to take in, by name."""
    return [EntryWithdrawn(name, 1, "cancelled", 0) for name in names]


def a_router(cluster: Cluster) -> Router:
    """A router over the model hosts; whenever it waits, time passes for everybody."""

    def call(owner: Owner) -> HostCalls:
        return cluster.fleet.host(owner.address)

    async def pause(seconds: float) -> None:
        await cluster.step(max(1, int(seconds * 1_000)))

    return Router(cluster.store, cluster.settings, call, clock=cluster.clock, pause=pause)


def played(story: Callable[[Cluster, Router], Coroutine[None, None, None]]) -> None:
    """Play a story on a cluster whose entities are carried."""

    async def play() -> None:
        cluster = Cluster(the_settings(ENTITIES))
        cluster.a_supervisor()
        await cluster.steps(3)
        await story(cluster, a_router(cluster))

    asyncio.run(play())


def test_news_reaches_the_owner_and_its_receipts_come_back() -> None:
    """News is taken in by the host that owns its entity, and every item has its receipt, in order."""

    async def story(cluster: Cluster, router: Router) -> None:
        await router.take("DE01", news("a"), 10, 10.0)
        receipts = await router.take("DE01", news("a", "b"), 10, 10.0)
        assert [one.taken for one in receipts] == [Taken.DUPLICATE, Taken.ACCEPTED]
        assert cluster.directory.durable == {"DE01": {"a": 1, "b": 1}}
        assert (await router.take("US01", news("c"), 10, 10.0))[0].taken is Taken.ACCEPTED

    played(story)


def test_owners_are_remembered_until_one_turns_out_to_be_wrong() -> None:
    """The directory is read once for many deliveries, and again when a host says that it is not the owner."""

    async def story(cluster: Cluster, router: Router) -> None:
        for number in range(5):
            await router.take("DE01", news(f"a{number}"), 10, 10.0)
        before = cluster.directory.readings
        for number in range(5):
            await router.take("DE01", news(f"b{number}"), 10, 10.0)
        assert cluster.directory.readings == before

        old = cluster.homes()["DE01"]
        new = await cluster.fleet.start_host("emea")
        await cluster.fleet.let_go(old, "DE01")
        await cluster.fleet.carry(new, "DE01")
        cluster.supervisors.clear()
        await router.take("DE01", news("after the move"), 10, 10.0)
        assert cluster.directory.readings > before
        assert "after the move" in cluster.directory.durable["DE01"]

    played(story)


def test_a_call_that_raised_is_sent_again_and_nothing_is_doubled() -> None:
    """A host that took news in and died before it could say so leaves duplicates for the second try, not a loss."""

    async def story(cluster: Cluster, router: Router) -> None:
        host = cluster.fleet.host(cluster.homes()["DE01"])
        host.raises_after = [ConnectionError("died"), ConnectionError("died again")]
        receipts = await router.take("DE01", news("a", "b"), 10, 10.0)
        assert [one.taken for one in receipts] == [Taken.DUPLICATE, Taken.DUPLICATE]
        assert cluster.directory.durable["DE01"] == {"a": 1, "b": 1}

    played(story)


def test_a_delivery_waits_while_its_partition_moves() -> None:
    """A host is lost while entries arrive: with time enough, the delivery is taken in by the successor."""

    async def story(cluster: Cluster, router: Router) -> None:
        await router.take("DE01", news("a"), 10, 10.0)
        lost = cluster.homes()["DE01"]
        cluster.fleet.lose(lost)
        receipts = await router.take("DE01", news("a", "b"), 10, 2 * LEASE_MS / 1_000)
        assert [one.taken for one in receipts] == [Taken.DUPLICATE, Taken.ACCEPTED]
        assert cluster.homes()["DE01"] != lost

    played(story)


def test_after_the_deadline_nothing_is_acknowledged() -> None:
    """A partition that nobody carries refuses with "moving" and a time to come back, at the deadline and not before."""

    async def story(cluster: Cluster, router: Router) -> None:
        cluster.supervisors.clear()
        cluster.fleet.lose(cluster.homes()["DE01"])
        began_ms = cluster.clock.now_ms
        with pytest.raises(IntakeRefusedError) as refused:
            await router.take("DE01", news("a"), 10, 10.0)
        assert (refused.value.bound, refused.value.retry_after_ms) == ("moving", 2_000)
        assert cluster.clock.now_ms - began_ms == 10_000
        assert cluster.directory.durable == {}

    played(story)


def test_a_refusal_for_another_reason_is_passed_on_at_once() -> None:
    """A host that is full says so to the sender; nobody waits and nobody else is asked."""

    async def story(cluster: Cluster, router: Router) -> None:
        began_ms = cluster.clock.now_ms
        cluster.fleet.host(cluster.homes()["DE01"]).raises_after = [IntakeRefusedError("undecided_bytes", 1_000)]
        with pytest.raises(IntakeRefusedError) as refused:
            await router.take("DE01", news("a"), 10, 10.0)
        assert refused.value.bound == "undecided_bytes"
        assert cluster.clock.now_ms == began_ms + 1

    played(story)


def test_an_entity_that_is_not_configured_is_nobodys() -> None:
    """An unknown entity is a KeyError, for news, commands and traces alike, without a look at any host."""

    async def story(cluster: Cluster, router: Router) -> None:
        before = cluster.directory.readings
        for call in (
            router.take("XX", (), 0, 1.0),
            router.command("XX", Pause("ann", "?")),
            router.trace("XX", "a"),
            router.worth("XX", ()),
        ):
            with pytest.raises(KeyError):
                await call
        assert cluster.directory.readings == before

    played(story)


def test_all_who_wait_share_one_look_at_the_directory() -> None:
    """Hundreds of deliveries to an entity that moves read the directory about as often as one does."""

    async def story(cluster: Cluster, router: Router) -> None:
        cluster.supervisors.clear()
        cluster.fleet.lose(cluster.homes()["DE01"])
        slow = Router(cluster.store, cluster.settings, lambda owner: cluster.fleet.host(owner.address))
        await slow.refresh()
        before = cluster.directory.readings
        refused = await asyncio.gather(
            *(slow.take("DE01", news(f"a{number}"), 1, 0.2) for number in range(200)), return_exceptions=True
        )
        assert all(isinstance(one, IntakeRefusedError) for one in refused)
        assert cluster.directory.readings - before <= 10
        cluster.clock.now_ms += 1_000
        before = cluster.directory.readings
        await router.refresh()
        await router.refresh()
        assert cluster.directory.readings == before + 1

    played(story)


def test_a_store_that_is_away_is_waited_for() -> None:
    """While the directory cannot be read a delivery waits, and is served when it can."""

    async def story(cluster: Cluster, router: Router) -> None:
        cluster.supervisors.clear()
        for host in cluster.fleet.living.values():
            host.beat = lambda: None  # type: ignore[method-assign]  # nobody can renew either
        cluster.directory.away = True
        until_ms = cluster.clock.now_ms + 3_000

        def comes_back() -> None:
            cluster.directory.away = cluster.clock.now_ms < until_ms

        cluster.on_step.append(comes_back)
        assert (await router.take("DE01", news("a"), 10, 10.0))[0].taken is Taken.ACCEPTED
        assert cluster.clock.now_ms >= until_ms

    played(story)


def test_a_host_that_hangs_leaves_time_for_its_successor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped process costs half of the deadline, then the directory is read again and the successor is asked."""
    monkeypatch.setattr(the_module, "WAIT_LEAST_S", 0.01)

    async def story(cluster: Cluster, router: Router) -> None:
        timed = Router(cluster.store, cluster.settings, lambda owner: cluster.fleet.host(owner.address))
        await timed.take("DE01", news("a"), 10, 10.0)
        hung = cluster.fleet.host(cluster.homes()["DE01"])
        new = await cluster.fleet.start_host("emea")
        cluster.supervisors.clear()
        hung.frozen = True
        cluster.clock.now_ms += LEASE_MS
        await cluster.fleet.carry(new, "DE01")
        receipts = await timed.take("DE01", news("a", "b"), 10, 0.4)
        assert [one.taken for one in receipts] == [Taken.DUPLICATE, Taken.ACCEPTED]

    played(story)


def test_a_command_finds_its_owner_and_is_sent_again_when_its_answer_was_lost() -> None:
    """Commands are idempotent: one whose answer was lost is sent again."""

    async def story(cluster: Cluster, router: Router) -> None:
        assert await router.command("DE01", Pause("ann", "audit"))
        host = cluster.fleet.host(cluster.homes()["US01"])
        host.raises_after = [ConnectionError("died")]
        assert not await router.command("US01", Pause("ann", "audit"))
        assert len(host.commands) == 2
        assert await router.trace("DE01", "a") is None

    played(story)


def test_what_entries_are_worth_is_asked_of_their_owner_again_if_need_be() -> None:
    """A question that got no answer is asked again: asking changes nothing."""

    async def story(cluster: Cluster, router: Router) -> None:
        cluster.fleet.host(cluster.homes()["DE01"]).raises_after = [ConnectionError("died")]
        assert await router.worth("DE01", [approved("TS-1")]) == [Worth(100, "EUR")]

    played(story)


def test_every_configured_partition_is_reported_by_its_owner_or_as_silent() -> None:
    """A host that does not answer does not hide the others, and its partitions are listed all the same."""

    async def story(cluster: Cluster, router: Router) -> None:
        reports = {one.entity: one for one in await router.partitions()}
        assert {entity: one.state for entity, one in reports.items()} == {"DE01": "running", "US01": "running"}
        assert {entity: one.region for entity, one in reports.items()} == ENTITIES
        cluster.fleet.host(cluster.homes()["DE01"]).deaf = True
        states = {one.entity: one.state for one in await router.partitions()}
        assert states == {"DE01": "nobody reports on it", "US01": "running"}
        assert await router.accounts() == []

    played(story)


def test_while_the_store_is_away_the_known_hosts_are_asked() -> None:
    """Status is told from the last directory; of whom nobody reports on it is said that the store is away."""

    async def story(cluster: Cluster, router: Router) -> None:
        await router.refresh()
        cluster.directory.away = True
        cluster.clock.now_ms += 1_000
        cluster.fleet.host(cluster.homes()["DE01"]).deaf = True
        states = {one.entity: one.state for one in await router.partitions()}
        assert states == {"DE01": "store away: the directory cannot be read", "US01": "running"}
        assert await router.accounts() == []

    played(story)


def test_a_router_that_drains_finishes_what_is_under_way_and_takes_nothing_more() -> None:
    """What was being taken in when the drain began gets its receipts; what comes later is told to come back."""

    async def story(cluster: Cluster, router: Router) -> None:
        await router.refresh()
        under_way = asyncio.ensure_future(router.take("DE01", news("a"), 10, 10.0))
        await asyncio.sleep(0)
        await router.drain("ann", "maintenance")
        assert under_way.done()
        assert under_way.result()[0].taken is Taken.ACCEPTED
        with pytest.raises(IntakeRefusedError, match="maintenance"):
            await router.take("DE01", news("b"), 10, 10.0)
        assert router.ready() == "draining: ann: maintenance"

    played(story)


def test_ready_means_that_somebody_is_there_to_take_entries_in() -> None:
    """A router is ready while the directory was read lately and names an owner of something, and not otherwise."""

    async def story(cluster: Cluster, router: Router) -> None:
        assert router.ready() == "the directory was not read yet"
        await router.refresh()
        assert router.ready() == ""
        cluster.clock.now_ms += 5_000
        assert router.ready() == ""
        cluster.clock.now_ms += 1
        assert router.ready() == "store away: the directory was not read for 5 s"
        cluster.supervisors.clear()
        for name in tuple(cluster.fleet.living):
            cluster.fleet.lose(name)
        await cluster.step(LEASE_MS + 1)
        await router.refresh()
        assert router.ready() == "no partition is carried yet"

    played(story)
