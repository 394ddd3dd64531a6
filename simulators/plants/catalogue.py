"""Every bug that can be planted, by name; the twins that must never alarm; and what has no ground yet."""

from simulators.plants import a_delivery, b_idempotency, e_retry, f_ownership, g_storage
from simulators.plants.plant import Plant

SECTIONS = (a_delivery.PLANTS, b_idempotency.PLANTS, e_retry.PLANTS, f_ownership.PLANTS, g_storage.PLANTS)

PLANTS: dict[str, Plant] = {plant.name: plant for section in SECTIONS for plant in section}
"""Bugs, in the order of their sections."""

TWINS: dict[str, Plant] = {}
"""Changes without harm, which no oracle may take for a bug."""

NOT_YET: dict[str, str] = {**f_ownership.NOT_YET, **g_storage.NOT_YET}
"""Number in the catalogue to why it cannot be planted yet; never counted as caught."""


def by_name(name: str) -> Plant:
    """The bug or twin with this name. Raises KeyError where there is none."""
    return PLANTS[name] if name in PLANTS else TWINS[name]
