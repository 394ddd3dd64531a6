"""What really happened, written down at the source while it happens, one `Evidence` per legal entity.

Mock systems and the driver write it; auditors read it and nothing else. It knows nothing of the runtime.
"""

from dataclasses import dataclass, field
from datetime import date

from simulators.firm.model import AssignmentPlan


@dataclass(slots=True)
class ApprovedVersion:
    """The PSA published this version: approved content, or (`withdrawn`) that the entry no longer stands."""

    entry_id: str
    version: int
    at_ms: int
    withdrawn: bool
    assignment: AssignmentPlan
    work_date: date
    quarter_hours: int
    time_type: str
    billable: bool
    narrative: str
    dimensions: tuple[str, ...]


@dataclass(slots=True)
class LedgerLine:
    """A line that came to stand in the ERP's project ledger. Minor units, signed as the ledger holds them."""

    line_id: str
    entity: str
    key: str
    entry_id: str
    version: int
    leg: str
    project: str
    work_date: date
    accounting_date: date
    period: str
    quarter_hours: int
    bill_minor: int
    bill_currency: str
    cost_minor: int
    cost_currency: str
    adjusts: str
    reverses: str
    at_ms: int
    by_hand: bool = False
    words: tuple[str | tuple[str, ...] | None, ...] = ()
    """Task, worker, role, narrative and dimensions, as the row said them; None: it did not. (): nobody wrote any."""


@dataclass(slots=True)
class Call:
    """A call that reached the door of a system. `outcome`: served, throttled, maintenance, login, locked_out."""

    account: str
    entity: str
    kind: str
    rows: int
    at_ms: int
    outcome: str


@dataclass(slots=True)
class Park:
    """The runtime parked a version: why, as it says, and who is asked to mend it how."""

    entry_id: str
    version: int
    reason: str
    at_ms: int
    owner: str = ""
    fix: str = ""


@dataclass(slots=True)
class Checkpoint:
    """What the runtime reported at an instant, beside what it had acknowledged by then.

    `counts`, `quarters` per place; `approved` and `acknowledged` are counted at the source and at the door.
    `records` is how many it has made so far, over all of its processes; `memory` is how much of what it holds, by name.
    """

    at_ms: int
    approved: int
    acknowledged: int
    counts: dict[str, int]
    quarters: dict[str, int]
    records: int = 0
    memory: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class FinalPlace:
    """Where the runtime says one version ended. `bill_minor` None: not valued."""

    entry_id: str
    version: int
    place: str
    reason: str
    bill_minor: int | None
    quarter_hours: int


@dataclass(slots=True)
class PsaStatus:
    """What the PSA was told about an entry, last. `detail`: the line that is posted, or why it is parked."""

    entry_id: str
    version: int
    status: str
    detail: str = ""


@dataclass(slots=True)
class ListingRead:
    """The source showed one page of its list: since when, which page, and the token of the next one ("": none)."""

    at_ms: int
    since_ms: int
    page: str
    next_page: str


@dataclass(slots=True)
class PeriodFact:
    """From this instant on the ERP and our gate held these states for a period."""

    at_ms: int
    module: str
    name: str
    first_day: date
    last_day: date
    status: str
    gate: str


@dataclass(slots=True)
class Deed:
    """Something a process did under an epoch of the store: "claimed" it, "wrote" under it, "called" under it.

    Of deeds in a row under one epoch only the first is here. `checked_ms` is when whoever called had last looked at
    its lease: before `at_ms` where it was stopped in between.
    """

    at_ms: int
    what: str
    epoch: int
    checked_ms: int


@dataclass(slots=True)
class Recovery:
    """A process has read what its predecessor left: checksums by unfinished entry, the books among them.

    `before` is what the predecessor knew; None where it did not live to see what had become durable last. `again` is
    what a second reading gave. `lost`: versions that had been acknowledged and are not there.
    """

    at_ms: int
    epoch: int
    before: dict[str, int] | None
    found: dict[str, int]
    again: dict[str, int]
    lost: list[tuple[str, int]]


@dataclass(slots=True)
class Log:
    """The frames of the journal since its last checkpoint, and the hash chain before and after them."""

    at_ms: int
    chain_before: str
    frames: tuple[bytes, ...]
    chain: str


@dataclass(slots=True)
class KeyClash:
    """A row came under a key that another (entry, version, leg) has in the ledger, as the ERP keeps keys."""

    key: str
    entry_id: str
    version: int
    leg: str
    held: tuple[str, int, str]
    """The (entry, version, leg) that had it."""
    at_ms: int


@dataclass(slots=True)
class Evidence:
    """All there is to know about one legal entity's run."""

    entity: str
    versions: dict[str, list[ApprovedVersion]] = field(default_factory=dict)
    lines: list[LedgerLine] = field(default_factory=list)
    attempts: dict[str, int] = field(default_factory=dict)
    """Key of a row to the crc32 of the bytes of its first attempt."""
    changed_attempts: list[str] = field(default_factory=list)
    """Keys that came a second time with other bytes."""
    key_clashes: list[KeyClash] = field(default_factory=list)
    key_length_max: int | None = None
    key_case_folded: bool = False
    """How the ERP keeps keys: how many characters of them, and whether without case."""
    ledger_ids: list[tuple[str, str]] = field(default_factory=list)
    """(key, ledger id) of every row that the runtime took for applied, as it wrote it down."""
    adopted: list[tuple[str, str]] = field(default_factory=list)
    """(entry, ledger id) of every line by hand that the runtime took for its own."""
    refused_rows: dict[str, set[str]] = field(default_factory=dict)
    """Entry to the reasons the ERP really gave for refusing it; "duplicate" where it called a row a copy of another."""
    malformed: dict[str, str] = field(default_factory=dict)
    """Entry to what the ERP found wrong in a row of it by the row alone: no such date, no exact negative."""
    parks: list[Park] = field(default_factory=list)
    still_parked: dict[str, Park] = field(default_factory=dict)
    """Entry to its park, as the runtime shows it at the end; `parks` lacks what a process made durable and died of."""
    checkpoints: list[Checkpoint] = field(default_factory=list)
    final: list[FinalPlace] = field(default_factory=list)
    psa: dict[str, PsaStatus] = field(default_factory=dict)
    psa_claims: list[tuple[int, str, int, str]] = field(default_factory=list)
    """(at_ms, entry, version, status) whenever the PSA was told "posted"."""
    periods: list[PeriodFact] = field(default_factory=list)
    paused: list[tuple[int, int]] = field(default_factory=list)
    """(from_ms, until_ms) in which an operator had told the runtime not to post."""
    configured: list[tuple[int, int, str]] = field(default_factory=list)
    """(from_ms, until_ms, setting) that somebody changed while the runtime ran."""
    retried: dict[str, int] = field(default_factory=dict)
    """Entry to the park that a person retried last, by the stamp that the runtime gave it."""
    waived: dict[str, int] = field(default_factory=dict)
    """Entry to the park that a person gave up, likewise."""
    set_up: dict[str, int] = field(default_factory=dict)
    """Project to the instant at which it was set up in the ERP; those that were there from the start are left out."""
    reads: list[ListingRead] = field(default_factory=list)
    """Every page of its list that the source showed, in order."""
    asked_again: dict[tuple[str, int], int] = field(default_factory=dict)
    """(entry, version) to how often the source was asked to publish it again although it had been acknowledged."""
    sent_otherwise: dict[tuple[str, int], list[tuple[int, str]]] = field(default_factory=dict)
    """(entry, version) to when its event was sent in which form that nobody agreed on ("": as agreed, afterwards)."""
    acknowledged: int = 0
    approved: int = 0
    deeds: list[Deed] = field(default_factory=list)
    recoveries: list[Recovery] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    intents: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Key to the entry and version of every row that the journal has as sent."""
    heard: dict[str, int] = field(default_factory=dict)
    """Entry to the bit mask of versions that were delivered and acknowledged."""
    heard_ms: dict[str, int] = field(default_factory=dict)
    """Entry to the instant at which the first of them was acknowledged."""


@dataclass(slots=True)
class AccountEvidence:
    """What the door of one connector account saw, shared by the entities behind it.

    An ERP writes down every call, a PSA those that met maintenance.
    """

    account: str
    calls: list[Call] = field(default_factory=list)
    closed: list[tuple[int, int, str]] = field(default_factory=list)
    """(from_ms, until_ms, kind) in which the system was down for maintenance."""
    quota_calls: int = 0
    quota_window_ms: int = 0
    left: list[int] = field(default_factory=list)
    """Instants at which our calls left, in order, whatever became of them; logins apart. The driver's word."""
    told: list[tuple[int, int, str]] = field(default_factory=list)
    """(instant, status, Retry-After as it stood there) of every 429 and 503, when our side heard it."""
    away: list[tuple[int, int, str]] = field(default_factory=list)
    """(from_ms, until_ms, kind) in which it was cut off, answered for, slow, locked or out of quota. Known at the
    source; nobody told us."""
