"""A price list that is read in a minute, for whoever tests an integration of their own.

A price stands under (entity, role) and nowhere else, so nobody has to learn our order of scopes first. Two traps are
left in it, because every real list has them: the first role's price changes within the month, and quarters of an hour
at these prices end in half a cent. Numbers are assumed.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from simulators.firm.model import Firm, LegalEntity, RatePlan

BILL, COST = Decimal("112.50"), Decimal("54.30")
"""An hour of the first role. A quarter of 112.50 is 28.125: half a cent."""
PER_UNIT = {"JPY": 100}
"""How many times as much an hour is where the currency has no minor unit worth naming."""
CHANGES_AFTER_DAYS = 15
KNOWN_FROM_MS = 0
"""All prices were published long before anything was approved."""


def easy_rates(firm: Firm) -> Iterator[RatePlan]:
    """Bill and cost for each entity and role; the first role of an entity bills more from the middle of the month."""
    began = firm.month_first.replace(year=firm.month_first.year - 1)
    changes = firm.month_first + timedelta(days=CHANGES_AFTER_DAYS)
    for entity in firm.entities:
        times = PER_UNIT.get(entity.currency, 1)
        for number, role in enumerate(sorted({one.role for one in firm.assignments if one.entity == entity.code})):
            bill = times * BILL * (5 + number) / 5
            if number:
                yield _rate(entity, role, "bill", bill, began)
            else:
                yield _rate(entity, role, "bill", bill, began, changes)
                yield _rate(entity, role, "bill", bill * 11 / 10, changes)
            yield _rate(entity, role, "cost", times * COST, began)


def _rate(entity: LegalEntity, role: str, kind: str, rate: Decimal, first: date, until: date | None = None) -> RatePlan:
    key = f"{entity.code}|{role}"
    name = f"{kind}:{key}:{first}"
    return RatePlan(name, kind, "entity_role", key, entity.currency, rate, first, until, KNOWN_FROM_MS)
