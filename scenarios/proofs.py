"""Proofs that are more than one run: planted bugs, their twins, and what befalls one legal entity alone. Each question
is a function here; `springtide mutants` asks them at full length, `tests/laws` a small part on every change.

Rule 1. A run without violation is no proof unless every invariant could look: "unknown" counts as not held.
"""

from contextlib import nullcontext
from dataclasses import dataclass

from scenarios.choose import with_changes, with_plant
from scenarios.small import UNBEARABLE, swarm_world
from simulators.auditors.finding import HELD, Held
from simulators.auditors.isolation import isolated
from simulators.evidence import Evidence
from simulators.faults.bases import FaultData
from simulators.firm.build import build_firm
from simulators.people.plan import plan_month
from simulators.plants.catalogue import PLANTS, TWINS
from simulators.plants.plant import Plant, planting
from simulators.run import Outcome, simulate
from simulators.settings import WorldSettings
from simulators.world import World


def not_held(outcome: Outcome) -> tuple[str, ...]:
    """Every invariant that was violated or could not be judged, with its first example."""
    return tuple(
        f"{held.id} {held.status}: {held.examples[0].text if held.examples else 'too little to look at'}"
        for held in outcome.held
        if held.status != HELD
    )


# ------------------------------------------------------------------ planted bugs


@dataclass(frozen=True, slots=True)
class PlantRun:
    """One seed with a planted bug. `caught`: the oracle that the plant declares found it; `others`: what else did."""

    seed: int
    reached: int
    caught: bool
    others: tuple[str, ...]
    example: str


def plant_run(base: WorldSettings, plant: str, seed: int) -> PlantRun:
    """Run `base` with the bug planted; twice, where the oracle compares two runs."""
    if PLANTS[plant].caught_by in TWO_RUNS:
        return _isolated_plant_run(base, plant, seed)
    outcome = simulate(with_plant(base, PLANTS[plant]), seed, plant=plant)
    declared = PLANTS[plant].caught_by
    violated = {held.id: held for held in outcome.held if held.violations}
    example = violated[declared].examples[0].text if declared in violated else ""
    others = tuple(key for key in violated if key != declared)
    return PlantRun(seed, outcome.reached, declared in violated, others, example)


TWO_RUNS = ("S16", "L4")
"""Oracles that compare a run with a misfortune for one legal entity to the same run without it."""


def isolation(
    base: WorldSettings, faults: tuple[FaultData, ...], entity: str, seed: int, plant: Plant | None = None
) -> tuple[list[Held], int]:
    """S16 and L4: `base` without and with these faults, which must be confined to `entity`, and how often a plant
    was reached."""
    firm = build_firm(base.firm, seed)
    acts = plan_month(firm, base.people, seed)
    codes = [each.code for each in firm.entities]
    evidences: list[dict[str, Evidence]] = []
    reached = 0
    for disturbed in (base, base.model_copy(update={"faults": (*base.faults, *faults)})):
        # What a bug remembers it may remember for one world alone.
        with planting(plant) if plant else nullcontext() as planted:
            world = World(disturbed, seed, firm, acts, codes, planted.recompose if planted else None)
            evidences.append(world.run().evidences)
        reached += planted.reached if planted else 0
    quiet, struck = evidences
    return isolated(quiet, struck, [code for code in codes if code != entity]), reached


def _isolated_plant_run(base: WorldSettings, plant: str, seed: int) -> PlantRun:
    declared = PLANTS[plant]
    world = with_plant(base, declared)
    confined = {entity for fault in declared.faults for entity in getattr(fault, "entities", ())}
    assert len(confined) == 1, f"{plant}: its faults name one entity"
    without = world.model_copy(update={"faults": tuple(f for f in world.faults if f not in declared.faults)})
    held, reached = isolation(without, declared.faults, confined.pop(), seed, declared)
    violated = {each.id: each for each in held if each.violations}
    example = violated[declared.caught_by].examples[0].text if declared.caught_by in violated else ""
    others = tuple(key for key in violated if key != declared.caught_by)
    return PlantRun(seed, reached, declared.caught_by in violated, others, example)


@dataclass(frozen=True, slots=True)
class TwinRun:
    """One seed with a twin. `alarms`: every oracle that did not hold, and work that was left over."""

    seed: int
    reached: int
    alarms: tuple[str, ...]


def twin_run(twin: str, seed: int) -> TwinRun:
    """Run the small month that `seed` stands for, with the misfortunes that the twin needs, and the twin in place.

    What the twin's faults strike is added to what the seed drew; its ERP and its people stay the seed's, as far as
    the twin says nothing of them. A fault that the drawn ERP cannot bear is left out.
    """
    plant, world = TWINS[twin], swarm_world(seed)
    drawn = {fault.kind for fault in world.faults} | set(UNBEARABLE.get(world.erp.idempotency.value, ()))
    changed = with_changes(world, plant.changes)
    faults = (*world.faults, *(fault for fault in plant.faults if fault.kind not in drawn))
    outcome = simulate(changed.model_copy(update={"faults": faults}), seed, plant=twin)
    return TwinRun(seed, outcome.reached, (*not_held(outcome), *outcome.unsettled))
