"""The nouns of the trade, as values: time entry, approval, project, rate line, period, posting.

Units everywhere: money is integer minor units of an ISO 4217 currency, quantities and rates are exact decimals
with their unit, instants are integer milliseconds since 1970 UTC, work and accounting dates are civil dates that
are never converted. The model carries the fields of day one even where nothing reads them yet, because a journal
outlives the code that wrote it.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum

from runtime.core.value import value


class RateKind(StrEnum):
    """What a rate values: what the client pays, what the hour costs us, what one entity charges another."""

    BILL = "bill"
    COST = "cost"
    TRANSFER = "transfer"


class PeriodStatus(StrEnum):
    """The six states an ERP knows for one period of one module of one legal entity."""

    NEVER_OPENED = "never_opened"
    FUTURE = "future"
    OPEN = "open"
    ON_HOLD = "on_hold"
    CLOSED = "closed"
    PERMANENTLY_CLOSED = "permanently_closed"


class Gate(StrEnum):
    """Our own gate in front of a period: whether the feed may still post into it (soft close, hold)."""

    OPEN = "open"
    HELD = "held"
    SHUT = "shut"


class Leg(StrEnum):
    """The two things one can do to a ledger with a version of an entry."""

    POST = "post"
    REVERSE = "reverse"


class PostingKind(StrEnum):
    """What a line of the ledger is about. A time line carries cost and bill together; the others come one by one."""

    TIME = "time"
    COST = "cost"
    BILL = "bill"
    TRANSFER = "transfer"
    ACCRUAL = "accrual"


class Correction(StrEnum):
    """What a newer version changed, gravest first; decides whether the ledger has to move at all."""

    PROJECT = "project"
    QUANTITY = "quantity"
    RATE = "rate"
    DIMENSION = "dimension"
    NARRATIVE = "narrative"
    NONE = "none"


class Place(StrEnum):
    """Where one approved version is, as the runtime sees it; each version is in exactly one place.

    `unseen` is not here: only somebody who counts at the source can know it.
    """

    IN_FLIGHT = "in_flight"
    STAGED = "staged"
    IN_DOUBT = "in_doubt"
    POSTED = "posted"
    PARKED = "parked"
    SUPERSEDED = "superseded"
    WAIVED = "waived"
    EXCLUDED = "excluded"


@value
class TimeEntry:
    """One line of approved work: who, on what, on which civil date, how much.

    `entry_id` is stable over the life of the line (source system, source id and line); `version` counts what the
    source published about it: 1, 2, 3, an approval or a withdrawal each. `quantity` is in `unit` ("hour" or
    "day"). `home_entity` is pinned at first acceptance and is the entity in every idempotency key.
    """

    entry_id: str
    version: int
    source_system: str
    source_id: str
    line: int
    sheet: str
    worker: str
    assignment: str
    project: str
    task: str
    role: str
    grade: str
    employing_entity: str
    project_entity: str
    billing_entity: str
    home_entity: str
    work_date: date
    quantity: Decimal
    unit: str
    time_type: str
    billable: bool
    zone: str
    invoice_narrative: str
    dimensions: tuple[str, ...] = ()
    internal_narrative: str = ""
    nonbillable_reason: str = ""
    start_ms: int | None = None
    stop_ms: int | None = None
    adjusts: str | None = None
    adjusts_reason: str = ""


@value
class Approval:
    """One decision on one line. `fingerprint` is of the content that was on the approver's screen."""

    fingerprint: str
    approver: str
    method: str
    decided_at_ms: int
    step: int = 1
    of_steps: int = 1
    on_behalf_of: str | None = None
    revoked_at_ms: int | None = None
    submitted_at_ms: int = 0
    """When the line was handed in, as its source tells it; 0: it does not tell."""


@value
class Assignment:
    """A worker booked on a task of a project for a time; may override rates through its own rate lines."""

    assignment_id: str
    worker: str
    project: str
    task: str
    role: str
    valid_from: date
    valid_until: date
    planned_quantity: Decimal = Decimal(0)
    version: int = 1


@value
class Worker:
    """Somebody who books time, as the partition needs it: who employs them, and from when until when."""

    worker: str
    employing_entity: str
    valid_from: date | None = None
    valid_until: date | None = None
    version: int = 1


@value
class ContractLine:
    """What was sold: who pays, in which currency, under which amendment, up to which cap."""

    contract: str
    line: int
    client: str
    sold_to: str
    bill_to: str
    billing_entity: str
    billing_type: str
    currency: str
    amendment: int = 0
    amendment_signed: date | None = None
    amendment_effective: date | None = None
    cap_minor: int | None = None
    purchase_order: str = ""
    correction_policy: str = "reverse_and_rebill"
    on_hold: bool = False


@value
class Project:
    """A project as the partition needs it: whose it is, and under which contract and client its time is sold."""

    project: str
    entity: str
    client: str
    contract: str
    version: int = 1


@value
class RateLine:
    """A price for a scope and a time. `valid_until` is exclusive; None means until further notice.

    `scope` is one of the names in `rating.SCOPES`, `scope_key` what it names (a project, "project|worker" ...).
    `known_from_ms` is when the price was published: an entry is priced with what was known when it was approved,
    so a later amendment never changes an earlier decision. `increment` is the least quantity charged (0: none).
    `version` counts the publications of this very line: an older one that comes late changes nothing.
    """

    rate_id: str
    kind: RateKind
    scope: str
    scope_key: str
    currency: str
    rate: Decimal
    valid_from: date
    valid_until: date | None = None
    known_from_ms: int = 0
    amendment: int = 0
    time_type: str = "standard"
    unit: str = "hour"
    hours_per_day: Decimal = Decimal(8)
    increment: Decimal = Decimal(0)
    rounding: str = "half_up"
    version: int = 1


@value
class Period:
    """One period of one module of one legal entity, with the ERP's state and our feed gate.

    `first_day` and `last_day` are inclusive civil dates. `version` counts publications; older news is ignored.
    Cut-offs are instants.
    """

    entity: str
    module: str
    name: str
    first_day: date
    last_day: date
    status: PeriodStatus
    gate: Gate = Gate.OPEN
    version: int = 1
    ledger: str = "primary"
    calendar: str = "gregorian"
    year: int = 0
    number: int = 0
    cutoff_submit_ms: int | None = None
    cutoff_approve_ms: int | None = None
    cutoff_feed_ms: int | None = None
    cutoff_sign_off_ms: int | None = None
    signed_off_ms: int | None = None


@value
class Valuation:
    """What an entry is worth, with the rates it was valued by: bill in contract currency, cost in the employer's."""

    bill_minor: int
    bill_currency: str
    bill_rate: Decimal
    bill_rate_id: str
    cost_minor: int
    cost_currency: str
    cost_rate: Decimal
    cost_rate_id: str


@value
class Posting:
    """One line for the project ledger, exactly as it was decided; a reversal names the key it reverses.

    Amounts are in minor units and signed: a reversal carries the exact negatives of what was posted. `adjusts`
    says why the accounting date is not the work date, and is empty when it is. The bill amount is in the document's
    currency; what it is in the ledger's own (`functional_…`, at `fx_rate`) is None where nobody converts.
    """

    key: str
    entry_id: str
    version: int
    leg: Leg
    intent: int
    entity: str
    project: str
    task: str
    worker: str
    role: str
    work_date: date
    accounting_date: date
    period: str
    quantity: Decimal
    unit: str
    bill_minor: int
    bill_currency: str
    cost_minor: int
    cost_currency: str
    bill_rate_id: str
    cost_rate_id: str
    narrative: str
    dimensions: tuple[str, ...]
    correction: Correction = Correction.NONE
    adjusts: str = ""
    reverses: str = ""
    mapping_version: int = 1
    kind: PostingKind = PostingKind.TIME
    document_date: date | None = None
    functional_bill_minor: int | None = None
    functional_currency: str = ""
    fx_rate: Decimal | None = None
