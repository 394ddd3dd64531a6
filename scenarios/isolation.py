"""What befalls one legal entity alone must change nothing for another: two runs, and the bystanders' books compared."""

from contextlib import nullcontext

from simulators.auditors.finding import Held
from simulators.auditors.isolation import isolated
from simulators.evidence import Evidence
from simulators.faults.bases import FaultData
from simulators.firm.build import build_firm
from simulators.people.plan import plan_month
from simulators.plants.plant import Plant, planting
from simulators.settings import WorldSettings
from simulators.world import World

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
