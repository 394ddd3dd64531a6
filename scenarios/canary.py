"""The canary: one known bug in one small month. A harness that does not see it would not see any other either.

It runs before every swarm and costs a tenth of a second (measured). What it takes is what a swarm takes: the world,
the misfortunes, the planting, the evidence, the oracle. If any of them has gone blind, a swarm without findings says
nothing, and says so.
"""

from scenarios.choose import with_plant
from scenarios.shrink import fails_alike
from scenarios.small import small_world
from simulators.plants.catalogue import PLANTS

CANARY = "resend_without_lookup"
SEEDS = (3, 4, 5)
"""The first catches it; the others are for the day on which its draws have changed (18 small months in 20 catch it)."""


def blind() -> str:
    """Why the harness is blind; empty where it sees."""
    plant = PLANTS[CANARY]
    world = with_plant(small_world(), plant)
    if any(fails_alike(world, seed, plant.caught_by, CANARY) for seed in SEEDS):
        return ""
    return f"{CANARY} was planted, and {plant.caught_by} did not fire in {len(SEEDS)} months: the harness is blind"
