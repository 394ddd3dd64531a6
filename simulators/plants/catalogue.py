"""Every bug that can be planted, by name; the twins that must never alarm; and what has no ground yet."""

from simulators.plants import a_delivery, b_idempotency, c_reading, d_order, f_ownership, g_storage, l_schema
from simulators.plants.plant import Plant

SECTIONS = (
    a_delivery.PLANTS,
    b_idempotency.PLANTS,
    c_reading.PLANTS,
    d_order.PLANTS,
    f_ownership.PLANTS,
    g_storage.PLANTS,
    l_schema.PLANTS,
)

PLANTS: dict[str, Plant] = {plant.name: plant for section in SECTIONS for plant in section}
"""Bugs, in the order of their sections."""

TWINS: dict[str, Plant] = {}
"""Changes without harm, which no oracle may take for a bug."""

NOT_YET: dict[str, str] = {
    **d_order.NOT_YET,
    **f_ownership.NOT_YET,
    **g_storage.NOT_YET,
}
"""Number in the catalogue to why it cannot be planted yet; never counted as caught."""


def by_name(name: str) -> Plant:
    """The bug or twin with this name. Raises KeyError where there is none."""
    return PLANTS[name] if name in PLANTS else TWINS[name]
