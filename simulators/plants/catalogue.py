"""Every bug that can be planted, by name."""

from simulators.plants.plant import Plant
from simulators.plants.resend_without_lookup import RESEND_WITHOUT_LOOKUP

PLANTS: dict[str, Plant] = {plant.name: plant for plant in (RESEND_WITHOUT_LOOKUP,)}
