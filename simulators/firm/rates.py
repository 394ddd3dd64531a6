"""What things cost: rate lines for a firm such that every assignment has exactly one price on every day.

How that is held: an entity has a price list without end (scope "entity") in its own currency, and each client that
is billed in another currency has a card without end (scope "client") in that currency. Whatever is laid over them
(contract, project and role, project and worker, task, assignment) may begin, end and change as it likes, as long as
one scope and key has no two lines on one day. Costs stand at "entity_role", one for every role there is.

Bill rates are drawn from the GSA Schedule 70 card (measured), cost from the same draw times 45 to 60 percent
(assumed); how many projects have a price of their own is assumed throughout.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal

from simulators.chance import between, chance, happens
from simulators.data import gsa_cents_per_hour, minor_units
from simulators.firm.catalogue import PER_USD
from simulators.firm.model import AssignmentPlan, LegalEntity, ProjectPlan, RatePlan

SCOPES = ("assignment", "task", "project_worker", "project_role", "contract", "client", "entity_role", "entity")
"""Where a price is looked for, most particular first: the order every one of these firms is priced by."""

ROLES = ("Analyst", "Developer", "Consultant", "Engineer", "Architect", "Project Manager")
GRADES = ("junior", "professional", "senior", "principal")
GRADE_BANDS = {"junior": (5, 35), "professional": (20, 60), "senior": (45, 85), "principal": (65, 97)}
"""Percentiles of the GSA card a grade is drawn from (assumed)."""

_ALWAYS_FROM = date(2024, 1, 1)

OWN_PRICE_PPM = {
    "contract": 300_000,
    "project_role": 350_000,
    "project_worker": 60_000,
    "task": 80_000,
    "assignment": 60_000,
}
"""How many contracts, project roles ... have a price of their own (assumed)."""

CHANGE_PPM = 250_000
"""How many prices change: a third each before the month, on its 1st, on a day within it (assumed)."""


def keys_by_scope(assignment: AssignmentPlan) -> dict[str, str]:
    """What a price of each scope would name for this assignment."""
    a = assignment
    return {
        "assignment": a.assignment,
        "task": f"{a.project}|{a.task}",
        "project_worker": f"{a.project}|{a.worker}",
        "project_role": f"{a.project}|{a.role}",
        "contract": a.contract,
        "client": a.client,
        "entity_role": f"{a.entity}|{a.role}",
        "entity": a.entity,
    }


class RateDesk:
    """Publishes rate lines for one firm; `seed`, the month and the instant they are all known from."""

    def __init__(self, seed: int, month_first: date, known_from_ms: int) -> None:
        self._seed = seed
        self._first = month_first
        self._known_ms = known_from_ms
        self._prices = gsa_cents_per_hour()

    def rates(
        self, entities: list[LegalEntity], projects: list[ProjectPlan], assignments: list[AssignmentPlan]
    ) -> list[RatePlan]:
        """Every rate line of the firm, entity by entity. `assignments` and `projects` name only these entities."""
        lines: list[RatePlan] = []
        home = {entity.code: entity.currency for entity in entities}
        for entity in entities:
            lines += self._price("bill", "entity", entity.code, entity.currency, "professional")
            for role in ROLES:
                lines += self._price("cost", "entity_role", f"{entity.code}|{role}", entity.currency, "professional")
        sold_in = {project.project: project.currency for project in projects}
        for client, currency, own in dict.fromkeys((p.client, p.currency, home[p.entity]) for p in projects):
            if currency != own or happens(200_000, self._seed, "firm/rates/client", client):
                lines += self._price("bill", "client", client, currency, "professional")
        for contract, currency in dict.fromkeys((p.contract, p.currency) for p in projects):
            if self._has_own("contract", contract):
                lines += self._particular("contract", contract, currency, "professional")
        for scope in ("project_role", "task", "project_worker", "assignment"):
            lines += self._overlay(scope, assignments, sold_in)
        return lines

    def _overlay(
        self, scope: str, assignments: Iterable[AssignmentPlan], sold_in: dict[str, str]
    ) -> Iterator[RatePlan]:
        seen: dict[str, None] = {}
        for assignment in assignments:
            key = _KEY_OF[scope](assignment)
            if key in seen:
                continue
            seen[key] = None
            if self._has_own(scope, key):
                yield from self._particular(scope, key, sold_in[assignment.project], assignment.grade)

    def _has_own(self, scope: str, key: str) -> bool:
        return happens(OWN_PRICE_PPM[scope], self._seed, "firm/rates/own", scope, key)

    def _particular(self, scope: str, key: str, currency: str, grade: str) -> list[RatePlan]:
        """A price laid over a more general one: a fifth begin or end around the month, which leaves no gap."""
        lines = self._price("bill", scope, key, currency, grade)
        edge = between(0, 9, self._seed, "firm/rates/edge", scope, key)
        if edge == 0:
            lines[0].valid_from = self._first + timedelta(days=14) if len(lines) == 1 else lines[0].valid_from
        elif edge == 1 and len(lines) == 1:
            lines[0].valid_until = self._first + timedelta(days=14)
        return lines

    def _price(self, kind: str, scope: str, key: str, currency: str, grade: str) -> list[RatePlan]:
        """One line without end, or two that meet on the day of a change."""
        changed = self._change_day(kind, scope, key)
        first = self._line(kind, scope, key, currency, grade, 1, _ALWAYS_FROM, changed)
        if changed is None:
            return [first]
        second = self._line(kind, scope, key, currency, grade, 2, changed, None)
        # People notice a rise of a few percent; a new draw from the card could double the price overnight.
        percent = Decimal(between(102, 112, self._seed, "firm/rates/rise", kind, scope, key))
        second.rate = (first.rate * percent / 100).quantize(first.rate)
        return [first, second]

    def _change_day(self, kind: str, scope: str, key: str) -> date | None:
        if not happens(CHANGE_PPM, self._seed, "firm/rates/changes", kind, scope, key):
            return None
        when = chance(self._seed, "firm/rates/day", kind, scope, key) % 3
        return (
            (self._first - timedelta(days=1)).replace(day=1),
            self._first,
            self._first + timedelta(days=between(7, 20, self._seed, "firm/rates/mid", kind, scope, key)),
        )[when]

    def _line(
        self, kind: str, scope: str, key: str, currency: str, grade: str, number: int, since: date, until: date | None
    ) -> RatePlan:
        low, high = GRADE_BANDS[grade]
        size = len(self._prices)
        at = between(size * low // 100, size * high // 100, self._seed, "firm/rates/usd", kind, scope, key)
        cents = Decimal(self._prices[at])
        if kind == "cost":
            cents = cents * between(45, 60, self._seed, "firm/rates/margin", scope, key) / 100
        digits = max(2, minor_units()[currency])
        rate = (cents / 100 * PER_USD[currency]).quantize(Decimal(1).scaleb(-digits))
        name = f"{kind}:{scope}:{key}:{number}"
        return RatePlan(name, kind, scope, key, currency, rate, since, until, self._known_ms)


_KEY_OF: dict[str, Callable[[AssignmentPlan], str]] = {
    "project_role": lambda a: f"{a.project}|{a.role}",
    "task": lambda a: f"{a.project}|{a.task}",
    "project_worker": lambda a: f"{a.project}|{a.worker}",
    "assignment": lambda a: a.assignment,
}
