"""The supervisor: whatever is lost, slow, moved or restarted, every entity ends with one living host of its region."""

import asyncio
from collections.abc import Callable, Coroutine
from itertools import pairwise

import pytest

from runtime.drivers.supervisor import SUPERVISOR
from runtime.ports import StoreAwayError
from runtime.scaling import MINUTE_MS
from tests.runtime.drivers.a_fleet import LEASE_MS, Cluster, the_settings

THREE_REGIONS = {"DE01": "emea", "FR01": "emea", "US01": "amer", "US02": "amer", "SG01": "apac"}


def played(story: Callable[[Cluster], Coroutine[None, None, None]], cluster: Cluster) -> None:
    """Play a story in an event loop of its own."""
    asyncio.run(story(cluster))


def test_everything_is_carried_in_its_own_region() -> None:
    """From nothing, hosts are started and every entity is carried by one of its own region."""

    async def story(cluster: Cluster) -> None:
        cluster.a_supervisor()
        await cluster.steps(3)
        homes = cluster.homes()
        assert sorted(homes) == sorted(THREE_REGIONS)
        assert all(home.split("/")[0] == THREE_REGIONS[entity] for entity, home in homes.items())
        assert len(cluster.fleet.started) == 3

    played(story, Cluster(the_settings(THREE_REGIONS)))


def test_what_a_lost_host_carried_waits_for_its_lease_and_nothing_else_moves() -> None:
    """A successor claims after the lease has run out and not before, and other regions do not notice."""

    async def story(cluster: Cluster) -> None:
        cluster.a_supervisor()
        await cluster.steps(3)
        lost = cluster.homes()["DE01"]
        lease_until_ms = cluster.directory.rows["DE01"].lease_until_ms
        others = {entity: home for entity, home in cluster.homes().items() if home != lost}
        claimed, asked = len(cluster.directory.claims), len(cluster.fleet.log)
        cluster.fleet.lose(lost)
        await cluster.steps(LEASE_MS // 1_000 + 3)
        assert {entity: home for entity, home in cluster.homes().items() if entity in others} == others
        assert cluster.homes()["DE01"] not in {lost, ""}
        later = cluster.directory.claims[claimed:]
        assert {name for name, _, _ in later} == {"DE01", "FR01"}
        assert all(at_ms >= lease_until_ms for _, _, at_ms in later)
        assert sorted(entity for _, _, entity in cluster.fleet.log[asked:]) == ["DE01", "FR01"]

    played(story, Cluster(the_settings(THREE_REGIONS)))


def test_a_slow_host_is_left_alone_while_its_leases_run() -> None:
    """A host that answers no question but renews its leases works: it is replaced only when patience ends."""

    async def story(cluster: Cluster) -> None:
        cluster.a_supervisor(patience_ms=60_000)
        await cluster.steps(3)
        slow = cluster.homes()["DE01"]
        cluster.fleet.living[slow].deaf = True
        await cluster.steps(50)
        assert cluster.fleet.stopped == []
        assert cluster.homes()["DE01"] == slow
        await cluster.steps(20)
        assert cluster.fleet.stopped == [slow]
        assert cluster.homes()["DE01"] != slow

    played(story, Cluster(the_settings({"DE01": "emea"})))


def test_a_frozen_host_is_replaced_once_its_leases_have_run_out() -> None:
    """A host that neither answers nor renews is ended and replaced."""

    async def story(cluster: Cluster) -> None:
        cluster.a_supervisor()
        await cluster.steps(3)
        frozen = cluster.homes()["DE01"]
        cluster.fleet.living[frozen].frozen = True
        await cluster.steps(10)
        assert cluster.fleet.stopped == []
        await cluster.steps(10)
        assert cluster.fleet.stopped == [frozen]
        assert cluster.homes()["DE01"] != frozen

    played(story, Cluster(the_settings({"DE01": "emea"})))


def test_a_drained_host_gives_everything_away_before_it_ends() -> None:
    """Each entity is let go before it is carried elsewhere, few at a time, and the empty host is ended."""

    async def story(cluster: Cluster) -> None:
        cluster.a_supervisor(moves_at_once=2)
        await cluster.steps(3)
        old = cluster.homes()["E0"]
        cluster.fleet.log.clear()
        cluster.order("drain", old)
        per_step = []
        for _ in range(8):
            before = len(cluster.fleet.log)
            await cluster.step()
            per_step.append(len(cluster.fleet.log) - before)
        assert max(per_step) == 4
        for entity in cluster.settings.entities:
            assert [(verb, host == old) for verb, host, one in cluster.fleet.log if one == entity] == [
                ("let_go", True),
                ("carry", False),
            ]
        assert cluster.fleet.stopped == [old]
        assert len(cluster.homes()) == 5
        assert cluster.directory.kept.orders() == []
        (note,) = cluster.directory.kept.audit()
        assert (note.who, note.what, note.target, note.why) == ("key:ops", "drain host", old, "new build")
        assert note.outcome == "done: it has ended"

    played(story, Cluster(the_settings({f"E{n}": "emea" for n in range(5)}, weight=10)))


def test_a_rolling_restart_replaces_every_host_and_nobody_is_away_for_longer_than_a_move() -> None:
    """One host drains at a time, every entity has an owner after every step, and at the end all hosts are new."""

    async def story(cluster: Cluster) -> None:
        cluster.a_supervisor()
        await cluster.steps(3)
        old = set(cluster.fleet.living)
        cluster.order("restart", *old)
        draining: list[int] = []
        cluster.on_step.append(lambda: draining.append(sum(name in cluster.fleet.living for name in old)))
        for _ in range(30):
            await cluster.step()
            assert sorted(cluster.homes()) == sorted(THREE_REGIONS)
        assert not old & set(cluster.fleet.living)
        assert all(before - after <= 1 for before, after in pairwise(draining))
        claims = [name for name, _, _ in cluster.directory.claims if name != SUPERVISOR]
        assert sorted(claims) == sorted([*THREE_REGIONS, *THREE_REGIONS])

    played(story, Cluster(the_settings(THREE_REGIONS)))


def test_a_rolling_restart_goes_on_under_the_next_supervisor() -> None:
    """What was ordered outlives the one who led: the next one restarts the hosts that are left, and no other."""

    async def story(cluster: Cluster) -> None:
        first = cluster.a_supervisor("one")
        await cluster.steps(3)
        old = sorted(cluster.fleet.living)
        cluster.order("restart", *old)
        while not cluster.fleet.stopped:
            await cluster.step()
        cluster.supervisors.remove(first)
        cluster.a_supervisor("two")
        await cluster.steps(LEASE_MS // 1_000 + 30)
        assert sorted(cluster.fleet.stopped) == old
        assert cluster.directory.kept.orders() == []
        assert [note.target for note in cluster.directory.kept.audit()][::-1] == old

    played(story, Cluster(the_settings(THREE_REGIONS)))


def test_a_restart_waits_while_an_entity_is_not_carried() -> None:
    """A host that works is not drained while somebody waits for one; a drain is carried out all the same."""

    async def story(cluster: Cluster) -> None:
        cluster.a_supervisor()
        await cluster.steps(3)
        cluster.fleet.lose(cluster.homes()["US01"])
        cluster.order("restart", cluster.homes()["SG01"])
        cluster.order("drain", cluster.homes()["DE01"])
        await cluster.steps(8)
        assert [name.split("/")[0] for name in cluster.fleet.stopped] == ["emea"]
        await cluster.steps(LEASE_MS // 1_000 + 10)
        assert [name.split("/")[0] for name in cluster.fleet.stopped] == ["emea", "apac"]

    played(story, Cluster(the_settings(THREE_REGIONS)))


def test_of_two_supervisors_one_acts() -> None:
    """The second stands by, takes over when the first one's lease has run out, and finds nothing to do."""

    async def story(cluster: Cluster) -> None:
        first = cluster.a_supervisor("one")
        second = cluster.a_supervisor("two")
        await cluster.steps(5)
        assert (first.leads, second.leads) == (True, False)
        asked = len(cluster.fleet.log)
        cluster.supervisors.remove(first)
        await cluster.steps(LEASE_MS // 1_000 - 2)
        assert not second.leads
        await cluster.steps(4)
        assert second.leads
        assert not first.leads
        await cluster.steps(20)
        assert (len(cluster.fleet.started), len(cluster.fleet.log)) == (3, asked)

    played(story, Cluster(the_settings(THREE_REGIONS)))


def test_a_supervisor_that_lost_its_lease_in_the_middle_of_a_look_does_nothing() -> None:
    """Who was stopped for longer than the lease acts on nothing that it saw before."""

    async def story(cluster: Cluster) -> None:
        supervisor = cluster.a_supervisor()
        living = cluster.fleet.hosts

        async def sleeps() -> dict[str, str]:
            cluster.clock.now_ms += LEASE_MS
            return dict(await living())

        cluster.fleet.hosts = sleeps  # type: ignore[method-assign]  # the machine sleeps at this very moment
        await supervisor.tick()
        await supervisor.settle()
        assert cluster.fleet.started == []
        cluster.fleet.hosts = living  # type: ignore[method-assign]  # and is awake again
        await cluster.steps(3)
        assert len(cluster.fleet.started) == 3

    played(story, Cluster(the_settings(THREE_REGIONS)))


def test_a_supervisor_that_slept_does_not_take_the_hosts_for_dead() -> None:
    """After a long stop of the supervisor alone, it leads again, asks everybody anew, and ends nobody."""

    async def story(cluster: Cluster) -> None:
        supervisor = cluster.a_supervisor()
        await cluster.steps(3)
        cluster.supervisors.clear()
        for _ in range(300):
            await cluster.step()
        cluster.supervisors.append(supervisor)
        await cluster.steps(20)
        assert supervisor.leads
        assert cluster.fleet.stopped == []
        assert len(cluster.fleet.started) == 3

    played(story, Cluster(the_settings(THREE_REGIONS)))


def test_a_new_supervisor_goes_on_where_the_last_one_was() -> None:
    """A supervisor that starts among running hosts moves, starts and ends nothing."""

    async def story(cluster: Cluster) -> None:
        first = cluster.a_supervisor("one")
        await cluster.steps(5)
        await first.close()
        cluster.supervisors.clear()
        asked = list(cluster.fleet.log)
        successor = cluster.a_supervisor("two")
        await cluster.steps(10)
        assert successor.leads
        assert (cluster.fleet.log, len(cluster.fleet.started), cluster.fleet.stopped) == (asked, 3, [])

    played(story, Cluster(the_settings(THREE_REGIONS)))


def test_a_host_that_cannot_be_started_is_tried_again_later_and_says_why() -> None:
    """Without room for a host the entities wait with a reason, the start is not tried at every look, and goes on."""

    async def story(cluster: Cluster) -> None:
        supervisor = cluster.a_supervisor(rest_after_failure_ms=10_000)
        cluster.fleet.no_room = True
        await cluster.steps(5)
        assert set(supervisor.plan.waits) == {"DE01"}
        assert supervisor.failures == {"region emea": "HostStartError: no node of region emea has room"}
        cluster.fleet.no_room = False
        await cluster.steps(2)
        assert cluster.fleet.started == []
        await cluster.steps(10)
        assert list(cluster.homes()) == ["DE01"]
        assert supervisor.failures == {}

    played(story, Cluster(the_settings({"DE01": "emea"})))


def test_where_no_more_hosts_can_be_had_the_living_carry_everything() -> None:
    """A lost host that cannot be replaced leaves its entities to the others, though they are crowded."""

    async def story(cluster: Cluster) -> None:
        supervisor = cluster.a_supervisor()
        await cluster.steps(3)
        assert len(cluster.fleet.living) == 2
        cluster.fleet.no_room = True
        cluster.fleet.lose(cluster.homes()["DE01"])
        await cluster.steps(LEASE_MS // 1_000 + 3)
        assert len(cluster.homes()) == 2
        assert supervisor.plan.crowded == tuple(cluster.fleet.living)

    played(story, Cluster(the_settings({"DE01": "emea", "FR01": "emea"}, weight=80)))


def test_a_carry_that_raised_is_unknown_and_the_next_look_tells() -> None:
    """An act that raised although it was done is not done twice."""

    async def story(cluster: Cluster) -> None:
        supervisor = cluster.a_supervisor()
        cluster.fleet.no_room = True
        await cluster.steps(1)
        cluster.fleet.no_room = False
        await cluster.fleet.start_host("emea")
        cluster.fleet.living["emea/0"].raises_after = [ConnectionError("the answer was lost")]
        await cluster.steps(30)
        assert cluster.homes() == {"DE01": "emea/0"}
        assert [name for name, _, _ in cluster.directory.claims if name == "DE01"] == ["DE01"]
        assert supervisor.plan.moves == ()

    played(story, Cluster(the_settings({"DE01": "emea"})))


def test_late_work_gets_more_of_a_host() -> None:
    """The age that a host reports reaches scaling: an entity that stands still ends up with a host to itself."""

    async def story(cluster: Cluster) -> None:
        cluster.a_supervisor()
        await cluster.steps(3)
        first_ms = cluster.clock.now_ms
        assert len(cluster.fleet.living) == 1

        def stands_still() -> None:
            for host in cluster.fleet.living.values():
                host.piles = {"DE01": first_ms - 30 * MINUTE_MS}

        cluster.on_step.append(stands_still)
        for _ in range(8 * 60):
            await cluster.step()
        homes = cluster.homes()
        assert homes["DE01"] != homes["FR01"] == homes["NO01"]

    played(story, Cluster(the_settings({"DE01": "emea", "FR01": "emea", "NO01": "emea"}, weight=30)))


def test_the_cut_off_that_a_partition_knows_reaches_scaling() -> None:
    """Work that stands still is young enough at a cut-off that is near, so nobody gets more room for it."""

    async def story(cluster: Cluster) -> None:
        cluster.a_supervisor()
        await cluster.steps(3)
        first_ms = cluster.clock.now_ms

        def stands_still() -> None:
            for host in cluster.fleet.living.values():
                host.piles = {"DE01": first_ms - MINUTE_MS}
                host.cut_offs = {"DE01": first_ms + 9 * MINUTE_MS}

        cluster.on_step.append(stands_still)
        for _ in range(8 * 60):
            await cluster.step()
        assert len(set(cluster.homes().values())) == 1

    played(story, Cluster(the_settings({"DE01": "emea", "FR01": "emea", "NO01": "emea"}, weight=30)))


def test_a_store_that_is_away_stops_the_looking_and_nothing_else() -> None:
    """While the store is away the supervisor says so and ends no host; when it is back, it goes on."""

    async def story(cluster: Cluster) -> None:
        supervisor = cluster.a_supervisor()
        await cluster.steps(3)
        cluster.directory.away = True
        with pytest.raises(StoreAwayError):
            await supervisor.tick()
        cluster.directory.away = False
        await cluster.steps(3)
        assert cluster.fleet.stopped == []
        assert sorted(cluster.homes()) == sorted(THREE_REGIONS)

    played(story, Cluster(the_settings(THREE_REGIONS)))


def test_the_end_of_a_supervisor_leaves_the_hosts_alone_unless_they_end_with_it() -> None:
    """`run` gives the lease back when it is cancelled, and `end_fleet` ends every host."""

    async def story(cluster: Cluster) -> None:
        supervisor = cluster.a_supervisor(look_every_ms=1)
        running = asyncio.ensure_future(supervisor.run())
        while len(cluster.homes()) < len(THREE_REGIONS):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert cluster.directory.rows[SUPERVISOR].lease_until_ms == 0
        assert len(cluster.fleet.living) == 3
        await supervisor.end_fleet()
        assert cluster.fleet.living == {}
        assert cluster.homes() == {}

    played(story, Cluster(the_settings(THREE_REGIONS)))
