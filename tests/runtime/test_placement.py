"""Placement: every entity in its own region, on a host that holds it, and as few moves as the world allows."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random

import pytest

from runtime.placement import EntityNeed, HostState, Limits, Move, Plan, hosts_needed, place

WHOLE = 100
REGIONS = ("amer", "apac", "emea")
CASES = range(300)


def carried_out(plan: Plan, hosts: Sequence[HostState], needs: Mapping[str, EntityNeed]) -> list[HostState]:
    """The hosts after everything that the plan says was done, and what it starts has come."""
    carries: dict[str, list[str]] = {host.name: [] for host in hosts if host.name not in plan.stop}
    now_at = {entity: host.name for host in hosts for entity in host.carries}
    for move in plan.moves:
        assert now_at.pop(move.entity, "") == move.source
        if move.target:
            now_at[move.entity] = move.target
    for entity, name in now_at.items():
        carries[name].append(entity)
    after = [
        HostState(host.name, host.region, host.draining, tuple(sorted(carries[host.name])))
        for host in hosts
        if host.name in carries
    ]
    number = len(hosts)
    for region, count in plan.start.items():
        for _ in range(count):
            number += 1
            after.append(HostState(f"{region}/new{number}-{len(needs)}", region, False, ()))
    return after


def until_at_rest(needs: Mapping[str, EntityNeed], hosts: list[HostState], limits: Limits) -> list[HostState]:
    """Plan and carry out until nothing is left to do; a plan that never comes to rest fails."""
    for _ in range(100):
        plan = place(needs, hosts, limits)
        if not (plan.moves or plan.start or plan.stop):
            return hosts
        hosts = carried_out(plan, hosts, needs)
    pytest.fail("the plans never come to rest")


def a_world(seed: int, bounded: bool = False) -> tuple[dict[str, EntityNeed], list[HostState], Limits]:
    """Entities and hosts in any state: misplaced, over-full, draining, carrying what nobody knows any more."""
    dice = Random(seed)
    needs = {
        f"E{number:02}": EntityNeed(dice.choice(REGIONS), dice.choice((1, 5, 20, 33, 50, 80, 100, 250)))
        for number in range(dice.randrange(1, 30))
    }
    names = [f"{region}/{number}" for region in REGIONS for number in range(dice.randrange(5))]
    carries: dict[str, list[str]] = {name: [] for name in names}
    for entity in (*needs, "gone-1", "gone-2"):
        if names and dice.random() < 0.7:
            own = [name for name in names if entity in needs and name.startswith(needs[entity].region)]
            carries[dice.choice(own if own and dice.random() < 0.9 else names)].append(entity)
    hosts = [HostState(name, name.split("/")[0], dice.random() < 0.2, tuple(carries[name])) for name in names]
    most = {region: dice.randrange(4) for region in REGIONS} if bounded else {}
    return needs, hosts, Limits(WHOLE, most)


def loads(plan: Plan, needs: Mapping[str, EntityNeed]) -> Iterator[tuple[str, list[int]]]:
    """Every host that carries something, with the weights it carries."""
    by_host: dict[str, list[int]] = {}
    for entity, home in plan.homes.items():
        by_host.setdefault(home, []).append(needs[entity].weight)
    yield from by_host.items()


@pytest.mark.parametrize("bounded", [False, True])
def test_every_entity_is_placed_once_or_waits_for_a_named_reason(bounded: bool) -> None:
    """Homes and waits together are the entities, each exactly once, and every wait says why."""
    for seed in CASES:
        needs, hosts, limits = a_world(seed, bounded)
        plan = place(needs, hosts, limits)
        assert sorted([*plan.homes, *plan.waits]) == sorted(needs), seed
        assert all(plan.waits.values()), seed


@pytest.mark.parametrize("bounded", [False, True])
def test_no_entity_runs_outside_its_region(bounded: bool) -> None:
    """A home is always a host of the entity's own region, and who runs elsewhere is moved or put down."""
    for seed in CASES:
        needs, hosts, limits = a_world(seed, bounded)
        plan = place(needs, hosts, limits)
        region_of = {host.name: host.region for host in hosts}
        assert all(region_of[home] == needs[entity].region for entity, home in plan.homes.items()), seed
        for host in carried_out(plan, hosts, needs):
            assert all(needs[entity].region == host.region for entity in host.carries), seed


def test_a_host_carries_what_it_holds_and_a_heavy_entity_is_alone() -> None:
    """At rest no host carries more than a whole host, unless it is one entity that is heavier than a host."""
    for seed in CASES:
        needs, hosts, limits = a_world(seed)
        plan = place(needs, until_at_rest(needs, hosts, limits), limits)
        assert not plan.waits
        assert not plan.crowded
        assert [weights for _, weights in loads(plan, needs) if sum(weights) > WHOLE and len(weights) > 1] == [], seed


@pytest.mark.parametrize("bounded", [False, True])
def test_plans_come_to_rest_and_stay_there(bounded: bool) -> None:
    """Carried out and asked for again, plans end with nothing to do; an unchanged input then moves nothing."""
    for seed in CASES:
        needs, hosts, limits = a_world(seed, bounded)
        at_rest = until_at_rest(needs, hosts, limits)
        again = place(needs, list(reversed(at_rest)), limits)
        assert (again.moves, again.start, again.stop) == ((), {}, ()), seed


def test_losing_a_host_moves_only_what_it_carried() -> None:
    """After the loss of any host, nothing moves but the entities it carried."""
    for seed in CASES:
        needs, hosts, limits = a_world(seed)
        at_rest = until_at_rest(needs, hosts, limits)
        for lost in at_rest:
            plan = place(needs, [host for host in at_rest if host is not lost], limits)
            assert {move.entity for move in plan.moves} | set(plan.waits) == set(lost.carries), (seed, lost.name)


def test_no_region_gets_more_hosts_than_it_may_have() -> None:
    """Hosts that are open, starting and to be started stay within the region's most; its entities run all the same."""
    for seed in CASES:
        needs, hosts, limits = a_world(seed, bounded=True)
        plan = place(needs, hosts, limits)
        for region, more in plan.start.items():
            open_hosts = [host for host in hosts if host.region == region and not host.draining]
            assert len(open_hosts) + more <= limits.hosts_max[region], seed
        at_rest = place(needs, until_at_rest(needs, hosts, limits), limits)
        assert all(limits.hosts_max[needs[entity].region] == 0 for entity in at_rest.waits), seed


def test_the_same_input_gives_the_same_plan_in_any_order() -> None:
    """A plan does not depend on the order in which entities and hosts are named."""
    for seed in CASES:
        needs, hosts, limits = a_world(seed)
        shuffled = dict(sorted(needs.items(), key=lambda item: item[0][::-1]))
        assert place(needs, hosts, limits) == place(shuffled, hosts[::-1], limits), seed


def test_large_entities_alone_and_small_ones_together() -> None:
    """An entity of a whole host's weight has a host to itself; the small ones share one."""
    needs = {"BIG": EntityNeed("emea", 100), **{f"S{n}": EntityNeed("emea", 10) for n in range(10)}}
    assert hosts_needed([need.weight for need in needs.values()], WHOLE) == 2
    hosts = [HostState("emea/1", "emea", False, ()), HostState("emea/2", "emea", False, ())]
    plan = place(needs, hosts, Limits(WHOLE))
    assert plan.homes["BIG"] == "emea/1"
    assert {home for entity, home in plan.homes.items() if entity != "BIG"} == {"emea/2"}


def test_a_region_without_a_host_waits_and_asks_for_one() -> None:
    """Entities of a region without hosts wait for the start of one, and a region that may have none says that."""
    needs = {"DE01": EntityNeed("emea", 1), "SG01": EntityNeed("apac", 1)}
    plan = place(needs, [HostState("amer/1", "amer", False, ())], Limits(WHOLE, {"apac": 0}))
    assert plan.start == {"emea": 1}
    assert plan.waits == {
        "DE01": "a host of region emea is being started",
        "SG01": "region apac may have 0 hosts and has none",
    }
    assert plan.stop == ("amer/1",)


def test_a_host_on_its_way_is_not_started_twice() -> None:
    """While a host is starting, the entities that it has room for wait for it and no other is asked for."""
    needs = {"DE01": EntityNeed("emea", 60), "FR01": EntityNeed("emea", 60)}
    assert place(needs, [], Limits(WHOLE, starting={"emea": 1})).start == {"emea": 1}
    assert place(needs, [], Limits(WHOLE, starting={"emea": 2})).start == {}


def test_a_draining_host_gives_everything_away_and_ends() -> None:
    """A draining host keeps what it runs until a successor is there, then gives it away, and is stopped when empty."""
    needs = {"DE01": EntityNeed("emea", 60)}
    draining = HostState("emea/1", "emea", True, ("DE01",))
    limits = Limits(WHOLE, {"emea": 1})
    first = place(needs, [draining], limits)
    assert (dict(first.homes), dict(first.start), first.moves, first.stop) == ({"DE01": "emea/1"}, {"emea": 1}, (), ())
    second = place(needs, [draining, HostState("emea/2", "emea", False, ())], limits)
    assert second.moves == (Move("DE01", "emea/1", "emea/2"),)
    last = place(needs, carried_out(second, [draining, HostState("emea/2", "emea", False, ())], needs), limits)
    assert (last.moves, last.stop) == ((), ("emea/1",))


def test_an_overfull_host_keeps_the_heavy_and_lets_the_light_go() -> None:
    """When an entity grows, the others of its host move and it stays; where no host may come, they are crowded."""
    needs = {"DE01": EntityNeed("emea", 100), "FR01": EntityNeed("emea", 10)}
    both = HostState("emea/1", "emea", False, ("DE01", "FR01"))
    assert place(needs, [both], Limits(WHOLE)).start == {"emea": 1}
    assert place(needs, [both], Limits(WHOLE)).moves == ()
    plan = place(needs, [both, HostState("emea/2", "emea", False, ())], Limits(WHOLE))
    assert plan.moves == (Move("FR01", "emea/1", "emea/2"),)
    crowded = place(needs, [both], Limits(WHOLE, {"emea": 1}))
    assert (crowded.moves, crowded.start, crowded.crowded) == ((), {}, ("emea/1",))


def test_thrift_stops_where_scaling_wants_to_keep_hosts() -> None:
    """Two half-empty hosts become one, and do not while scaling wants two."""
    needs = {"DE01": EntityNeed("emea", 10), "FR01": EntityNeed("emea", 20)}
    hosts = [HostState("emea/1", "emea", False, ("DE01",)), HostState("emea/2", "emea", False, ("FR01",))]
    assert place(needs, hosts, Limits(WHOLE)).moves == (Move("DE01", "emea/1", "emea/2"),)
    assert place(needs, hosts, Limits(WHOLE, hosts_least={"emea": 2})).moves == ()
    idle = [HostState("emea/1", "emea", False, ()), HostState("emea/2", "emea", False, ("DE01", "FR01"))]
    assert place(needs, idle, Limits(WHOLE)).stop == ("emea/1",)
    assert place(needs, idle, Limits(WHOLE, hosts_least={"emea": 2})).stop == ()


def test_thrift_waits_until_the_region_is_at_rest() -> None:
    """While somebody has to be placed, nobody else is moved to save a host."""
    needs = {"DE01": EntityNeed("emea", 10), "FR01": EntityNeed("emea", 20), "NO01": EntityNeed("emea", 5)}
    hosts = [HostState("emea/1", "emea", False, ("DE01",)), HostState("emea/2", "emea", False, ("FR01",))]
    assert [move.entity for move in place(needs, hosts, Limits(WHOLE)).moves] == ["NO01"]


def test_an_entity_on_two_hosts_is_a_bug_of_ours() -> None:
    """Ownership is one row, so an entity carried twice stops the planner with a sentence."""
    hosts = [HostState("emea/1", "emea", False, ("DE01",)), HostState("emea/2", "emea", False, ("DE01",))]
    with pytest.raises(AssertionError, match="ownership is one row"):
        place({"DE01": EntityNeed("emea", 1)}, hosts, Limits(WHOLE))
