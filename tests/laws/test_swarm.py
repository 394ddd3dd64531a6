"""Small months that nobody thought of: whatever goes wrong, the money is right and nothing is left over."""

import pytest

from scenarios.proofs import SwarmRun, swarm_run
from scenarios.small import VARIATIONS, swarm_world
from simulators.faults.kinds import FAULT_KINDS
from simulators.systems.erp_profile import Idempotency

SEEDS = range(72)
"""Nine ways of treating keys with each of eight variations; scripts/prove.py swarm runs 500 seeds."""


@pytest.fixture(scope="module")
def runs() -> list[SwarmRun]:
    """The swarm, run once."""
    return [swarm_run(seed) for seed in SEEDS]


def test_nothing_is_violated_in_any_small_month(runs: list[SwarmRun]) -> None:
    """Under any subset of all faults and any way of treating keys, every invariant holds and could look."""
    assert [(run.seed, run.profile, run.wrong) for run in runs if run.wrong] == []


def test_everything_settles_in_any_small_month(runs: list[SwarmRun]) -> None:
    """After the faults have ended no work is left over."""
    assert [(run.seed, run.profile, run.unsettled) for run in runs if run.unsettled] == []


def test_every_fault_strikes_and_every_manner_is_met(runs: list[SwarmRun]) -> None:
    """A swarm in which a kind of fault never strikes says nothing about it."""
    assert [kind for kind in FAULT_KINDS if not sum(run.fired.get(kind, 0) for run in runs)] == []
    assert {run.idempotency for run in runs} == {each.value for each in Idempotency}
    assert len({run.profile for run in runs}) == len(Idempotency) * len(VARIATIONS) == len(SEEDS)


def test_finance_posts_by_hand_in_some_small_months(runs: list[SwarmRun]) -> None:
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
