"""The firm as it really is: the ground truth that mock systems are filled from and auditors price by.

Plain values that know nothing of the runtime, so that an auditor can use them and stay independent of it.
Rates are exact decimals in major units per hour ("125.50" EUR); hours are whole quarters.
"""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal


@dataclass(slots=True)
class LegalEntity:
    """One legal entity: its books, its clock, its holidays, and the connector accounts it shares with others."""

    code: str
    region: str
    country: str
    currency: str
    zone: str
    erp_account: str
    psa_account: str
    holidays: frozenset[date] = frozenset()


@dataclass(slots=True)
class Consultant:
    """A person who books time. `base_rate` scales how many rows a week they book (mean 1 over the firm)."""

    worker: str
    name: str
    entity: str
    grade: str
    role: str
    approver: str
    base_rate: float


@dataclass(slots=True)
class ProjectPlan:
    """A project with its client and contract, sold in `currency` by `entity`."""

    project: str
    name: str
    entity: str
    client: str
    contract: str
    currency: str
    tasks: tuple[str, ...]


@dataclass(slots=True)
class AssignmentPlan:
    """A worker on a task of a project in a role. Lines share it, so it is one object for many lines."""

    assignment: str
    worker: str
    project: str
    task: str
    role: str
    grade: str
    entity: str
    client: str
    contract: str
    zone: str
    dimensions: tuple[str, ...]


@dataclass(slots=True)
class RatePlan:
    """A published price. Fields mean what `runtime.core.model.RateLine` says; written down apart on purpose."""

    rate_id: str
    kind: str
    scope: str
    scope_key: str
    currency: str
    rate: Decimal
    valid_from: date
    valid_until: date | None
    known_from_ms: int
    amendment: int = 0


@dataclass(slots=True)
class PeriodPlan:
    """One period of one module as first known."""

    entity: str
    module: str
    name: str
    first_day: date
    last_day: date
    status: str
    gate: str


@dataclass(slots=True)
class PeriodMove:
    """Finance moves a period at an instant: the ERP's status, our feed gate, or both (None: unchanged)."""

    at_ms: int
    entity: str
    module: str
    name: str
    status: str | None = None
    gate: str | None = None


@dataclass(slots=True)
class Firm:
    """Everything that is true before the month begins, and the calendar of what finance will do."""

    tenant: str
    start_ms: int
    month_first: date
    month_last: date
    entities: list[LegalEntity] = field(default_factory=list)
    consultants: list[Consultant] = field(default_factory=list)
    projects: list[ProjectPlan] = field(default_factory=list)
    assignments: list[AssignmentPlan] = field(default_factory=list)
    rates: list[RatePlan] = field(default_factory=list)
    periods: list[PeriodPlan] = field(default_factory=list)
    period_moves: list[PeriodMove] = field(default_factory=list)
