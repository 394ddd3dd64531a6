"""One seed, one digest: whatever the process, the number of cores, or how a firm is cut into parts."""

import json
import os
import subprocess
import sys
from pathlib import Path

from scenarios.small import swarm_scenario
from simulators.run import Job, Outcome, firm_of, simulate, simulate_component
from simulators.world import components

ROOT = Path(__file__).resolve().parents[2]
SEED = 5
SCENARIO = swarm_scenario(SEED, accounts=2)
"""Two entities that share no account: two components."""


def in_a_process(file: Path, hash_seed: str) -> dict[str, object]:
    """The report of a run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "runtime.cli", "simulate", str(file), "--seed", str(SEED), "--jobs", "1", "--json"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    report: dict[str, object] = json.loads(done.stdout)
    return report


def said(outcome: Outcome) -> list[object]:
    """Everything of a run that a person is told, apart from how long it took."""
    entities = [(e.entity, e.counts, e.money, e.waits_ms.tolist(), e.series.backlog) for e in outcome.entities]
    held = [(h.id, h.status, h.violations) for h in outcome.held]
    return [outcome.digest, entities, held, outcome.fired, outcome.records, outcome.calls, outcome.boundaries]


def test_the_hash_seed_of_the_process_changes_nothing(tmp_path: Path) -> None:
    """Two processes with different PYTHONHASHSEED write the same report, digest and all."""
    file = tmp_path / "swarm.json"
    file.write_text(SCENARIO.model_dump_json(), encoding="utf-8")
    one, other = (in_a_process(file, hash_seed) for hash_seed in ("0", "4711"))
    assert one["digest"] == simulate(SCENARIO.world, SEED).digest
    for report in (one, other):
        del report["wall_seconds"]
    assert one == other


def test_one_process_or_two_say_the_same() -> None:
    """Components side by side end as components one after the other."""
    assert said(simulate(SCENARIO.world, SEED, jobs=2)) == said(simulate(SCENARIO.world, SEED, jobs=1))


def test_a_component_alone_ends_as_it_does_beside_the_others() -> None:
    """No part of a firm hears of a part that it shares no account with."""
    whole = simulate(SCENARIO.world, SEED)
    firm = firm_of(SCENARIO.world, SEED)
    parts = components(firm)
    assert len(parts) == 2
    together = simulate_component(Job(SCENARIO.world, SEED, tuple(code for part in parts for code in part)))
    alone = [simulate_component(Job(SCENARIO.world, SEED, part, number=n)) for n, part in enumerate(parts)]
    chains = {partition: head for part in alone for partition, head in part.chains.items()}
    assert chains == together.chains
    assert [e.money for part in alone for e in part.entities] == [e.money for e in whole.entities]


def test_another_seed_is_another_run() -> None:
    """A digest that never changes would say nothing."""
    digests = {simulate(SCENARIO.world, seed).digest for seed in range(SEED, SEED + 6)}
    assert len(digests) == 6
