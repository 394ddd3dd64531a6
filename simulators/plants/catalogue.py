"""Every bug that can be planted, by name; the twins that must never alarm; and what has no ground yet."""

from simulators.plants import (
    a_delivery,
    b_idempotency,
    c_reading,
    d_order,
    e_retry,
    f_ownership,
    g_storage,
    h_time,
    i_money,
    j_erp_business,
    k_repair,
    l_schema,
    twins,
)
from simulators.plants.plant import Plant

SECTIONS = (
    a_delivery.PLANTS,
    b_idempotency.PLANTS,
    c_reading.PLANTS,
    d_order.PLANTS,
    e_retry.PLANTS,
    f_ownership.PLANTS,
    g_storage.PLANTS,
    h_time.PLANTS,
    i_money.PLANTS,
    j_erp_business.PLANTS,
    k_repair.PLANTS,
    l_schema.PLANTS,
)

PLANTS: dict[str, Plant] = {plant.name: plant for section in SECTIONS for plant in section}
"""Bugs, in the order of their sections."""

TWINS: dict[str, Plant] = {twin.name: twin for twin in twins.PLANTS}
"""Changes without harm, which no oracle may take for a bug."""

NOT_YET: dict[str, str] = {
    **d_order.NOT_YET,
    **f_ownership.NOT_YET,
    **g_storage.NOT_YET,
    "I4": "amounts are posted in the currency of the rate, and nobody converts: no rate of exchange is there",
    "J3": "there are no invoices yet, so nothing that is billed can change behind one",
}
"""Number in the catalogue to why it cannot be planted yet; never counted as caught."""


def by_name(name: str) -> Plant:
    """The bug or twin with this name. Raises KeyError where there is none."""
    return PLANTS[name] if name in PLANTS else TWINS[name]
