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
