"""Small months that nobody thought of: whatever goes wrong, the money is right and nothing is left over."""

import pytest

from scenarios.small import VARIATIONS, swarm_world
from scenarios.swarm import POPULATIONS, SeedRun, Swarm, Task, population_of, run_seed
from simulators.faults.kinds import FAULT_KINDS
from simulators.systems.erp_profile import Idempotency

SEEDS = range(72)
"""Nine ways of treating keys with each of eight variations; springtide swarm runs as many as one likes."""


@pytest.fixture(scope="module")
def runs() -> list[SeedRun]:
    """The swarm, run once."""
    return [run_seed(Task(seed, "swarm")) for seed in SEEDS]


def test_nothing_is_violated_in_any_small_month(runs: list[SeedRun]) -> None:
    """Under any subset of all faults and any way of treating keys, every invariant holds and could look."""
    assert [(run.seed, run.wrong, run.unknown) for run in runs if run.wrong or run.unknown] == []


def test_everything_settles_in_any_small_month(runs: list[SeedRun]) -> None:
    """After the faults have ended no work is left over."""
    assert [(run.seed, run.unsettled) for run in runs if run.unsettled] == []


def test_every_fault_strikes_and_every_manner_is_met(runs: list[SeedRun]) -> None:
    """A swarm in which a kind of fault never strikes says nothing about it."""
    assert [kind for kind in FAULT_KINDS if not sum(run.fired.get(kind, 0) for run in runs)] == []
    profiles = [swarm_world(seed).erp for seed in SEEDS]
    assert {profile.idempotency for profile in profiles} == set(Idempotency)
    assert len({profile.name for profile in profiles}) == len(Idempotency) * len(VARIATIONS) == len(SEEDS)


def test_finance_posts_by_hand_in_some_small_months(runs: list[SeedRun]) -> None:
    """About one month in five has hand postings, while the gate is held, at an ERP that guards them."""
    worlds = [swarm_world(seed) for seed in range(500)]
    by_hand = [world for world in worlds if world.hand_postings]
    assert 75 < len(by_hand) < 125
    for world in by_hand:
        assert world.gates[0].gate == "held"
        assert world.erp.guards_hand_postings
        assert all(posting.older_than_ms > world.runtime.confirm_after_ms for posting in world.hand_postings)
    assert len({world.erp.idempotency for world in by_hand}) == len(Idempotency)
    assert sum(run.fired.get("manual_journal", 0) > 0 for run in runs) > 3


def test_no_target_without_keys_is_delivered_to_twice() -> None:
    """A fault that breaks what a profile declares is left out for that profile, and only there."""
    drawn = {
        (world.erp.idempotency, fault.kind)
        for seed in range(160)
        for world in [swarm_world(seed)]
        for fault in world.faults
    }
    manners = {manner for manner, kind in drawn if kind == "duplicate_request"}
    assert manners == set(Idempotency) - {Idempotency.NONE}


def test_a_seed_is_a_world() -> None:
    """The same seed draws the same world, another seed another one."""
    assert swarm_world(7) == swarm_world(7)
    assert len({swarm_world(seed).model_dump_json() for seed in range(40)}) == 40


def test_a_seed_has_enough_of_everything(runs: list[SeedRun]) -> None:
    """Of the seeds of the swarm at least four in five are full: entries, entities, kinds of faults, and a death."""
    assert 5 * sum(run.full for run in runs) >= 4 * len(runs)


def test_every_population_has_its_share_and_runs_clean() -> None:
    """Each population comes up by itself, and a seed of each holds and settles."""
    drawn = [population_of(seed) for seed in range(4_000)]
    for name, share in POPULATIONS.items():
        assert 0.6 * share <= drawn.count(name) / 4 <= 1.5 * share, name
        run = run_seed(Task(11, name))
        assert (name, run.wrong, run.unsettled, run.population) == (name, [], [], run.population)
    assert run_seed(Task(11, "none")).fired == {}
    assert len([kind for kind, times in run_seed(Task(11, "all-on")).fired.items() if times]) > len(FAULT_KINDS) // 2


def test_what_a_kind_is_leant_towards_comes_more_often() -> None:
    """A lean changes how often its kinds are in, and nothing about how strong any kind is."""
    plain = [{fault.kind: fault for fault in swarm_world(seed).faults} for seed in range(60)]
    leant = [{fault.kind: fault for fault in swarm_world(seed, lean=("throttling",)).faults} for seed in range(60)]
    assert sum("throttling" in faults for faults in leant) > 1.5 * sum("throttling" in faults for faults in plain)
    for before, after in zip(plain, leant, strict=True):
        both = before.keys() & after.keys()
        assert {kind: before[kind] for kind in both} == {kind: after[kind] for kind in both}


def test_a_swarm_adds_its_seeds_up() -> None:
    """Failures, unknowns and full seeds are counted apart, and only a clean swarm claims a bound."""
    swarm = Swarm()
    swarm.add(SeedRun(1, "swarm", {}, entries=200, entities=2, deaths=1, fired={"a": 1, "b": 2, "c": 1, "d": 0}))
    swarm.add(SeedRun(2, "swarm", {}, unknown=["S1"], entries=5))
    assert (swarm.runs, swarm.full, swarm.unknown, swarm.violations) == (2, 1, 1, 0)
    assert swarm.bound.startswith("0 failures in 2 seeds: failure rate below 150")
    swarm.add(SeedRun(3, "swarm", {}, wrong=["S1: twice"]))
    assert (swarm.violations, [run.seed for run in swarm.failures], swarm.bound) == (1, [3], "")
