"""The manners of one mock ERP, as settings: nothing about a vendor is hard-wired in the mock.

Every setting says where its default comes from: *documented* (a vendor or a standard says so), *second-hand*,
*measured*, *derived*, or *assumed* (ours; a hypothesis behind a setting). Times are integer milliseconds,
probabilities parts per million. `simulators/systems/profiles/` holds the named profiles.
"""

from enum import StrEnum
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

DAY_MS = 86_400_000


class Idempotency(StrEnum):
    """How an ERP treats a row whose key it has met before; what each does exactly is `erp.intake.MANNERS`."""

    NONE = "none"
    KEY_TTL = "key_ttl"
    KEY_BODY_IGNORED = "key_body_ignored"
    ERROR_NOT_STORED = "error_not_stored"
    ERROR_STORED = "error_stored"
    VALIDATE_BEFORE_DEDUPE = "validate_before_dedupe"
    UPSERT_BY_EXTERNAL_ID = "upsert_by_external_id"
    ID_BURNED = "id_burned"
    ASYNC_JOB = "async_job"


class Settings(BaseModel):
    """Frozen, and a typo is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Staging(Settings):
    """Rows are accepted into an interface table and posted, or rejected, later."""

    shortest_ms: int = Field(default=30_000, ge=0)
    """Assumed: an import job that runs every half minute."""
    longest_ms: int = Field(default=600_000, ge=0)
    """Assumed: ten minutes; import jobs at month-end queue behind each other."""
    rejected_ppm: int = Field(default=2_000, ge=0, le=1_000_000)
    """Assumed: two rows in a thousand fail in the import although they were accepted."""
    rejected_reason: Literal["locked", "invalid", "unknown_project", "unknown_worker"] = "locked"
    """Assumed: mostly record locks between parallel import jobs."""

    @model_validator(mode="after")
    def _shortest_first(self) -> Self:
        if self.shortest_ms > self.longest_ms:
            raise ValueError("shortest_ms is longer than longest_ms")
        return self


class Quota(Settings):
    """Calls per sliding window of one account."""

    calls: int = Field(default=600, ge=1)
    """Assumed: ten calls a second; vendors that publish a figure lie between 1/s and 100/s (documented)."""
    window_ms: int = Field(default=60_000, ge=1)
    """Assumed: a minute."""
    retry_after: bool = True
    """Documented both ways: some vendors send Retry-After with a 429, others send nothing."""
    refused_calls_count: bool = False
    """Assumed: whether a call that was throttled uses up quota itself. Not published by any vendor we read."""


class Latency(Settings):
    """Log-normal time to answer, given by its median and 99th percentile, plus a share per row."""

    p50_ms: int = Field(default=400, ge=1)
    """Assumed."""
    p99_ms: int = Field(default=4_000, ge=1)
    """Assumed."""
    per_row_us: int = Field(default=1_000, ge=0)
    """Assumed: a millisecond per row, given in microseconds."""
    door_ms: int = Field(default=40, ge=0)
    """Assumed: how long a call takes that is turned away at the door, or a login."""

    @model_validator(mode="after")
    def _median_first(self) -> Self:
        if self.p50_ms > self.p99_ms:
            raise ValueError("p50_ms is longer than p99_ms")
        return self


class Login(Settings):
    """Credentials, tokens and lock-out of the integration user."""

    required: bool = True
    credential: str = "first"
    """What is valid at the start; the system's methods expire and rotate it."""
    token_life_ms: int = Field(default=3_600_000, ge=1)
    """Documented: one hour is the usual life of a machine-to-machine token."""
    failures_allowed: int = Field(default=5, ge=1)
    """Assumed: the failed login that locks the user out; they count until one succeeds."""
    locked_out_ms: int = Field(default=1_800_000, ge=0)
    """Assumed: half an hour."""


class ErpProfile(Settings):
    """Everything that tells one mock ERP from another."""

    name: str
    idempotency: Idempotency = Idempotency.ERROR_NOT_STORED
    """Second-hand: most APIs remember successes and forget refusals."""
    key_life_ms: int = Field(default=DAY_MS, ge=0)
    """How long `key_ttl` remembers. Documented: 24 hours at several vendors, 30 minutes at one."""
    duplicate_answer: Literal["replay", "duplicate"] = "replay"
    """A known key is answered with the stored answer, or with the error "already exists" (documented both ways)."""
    key_length_max: int | None = Field(default=None, ge=1)
    """Longer keys are silently cut to this length (second-hand: a connector lost invoices at 30 characters)."""
    key_case_folded: bool = False
    """Keys are compared without case (second-hand: external ids of one vendor)."""
    batch_rows_max: int = Field(default=500, ge=1)
    """Assumed; vendors publish 50 to 1,000 (documented)."""
    batch_mode: Literal["per_row", "atomic"] = "per_row"
    """Each row has its own answer inside a 200, or one bad row rolls the call back with a 422 (documented both)."""
    bad_row_named: bool = True
    """Whether that 422 tells which row it was. Assumed."""
    staging: Staging | None = None
    """None: what is accepted is posted at once."""
    quota: Quota | None = Quota()
    """None: no quota."""
    login: Login = Login()
    latency: Latency = Latency()
    locked_ppm: int = Field(default=0, ge=0, le=1_000_000)
    """Share of keys that meet a record lock: refused inside the 200, until the lock is gone."""
    locked_ms: int = Field(default=30_000, ge=0)
    """Assumed: how long such a lock lasts. Where a request is delivered twice, the second delivery may find it gone,
    and post a row whose refusal was already heard."""
    server_error_ppm: int = Field(default=0, ge=0, le=1_000_000)
    """Share of posting calls that end in a bare 500, which says nothing about the rows."""
    server_error_worked_ppm: int = Field(default=500_000, ge=0, le=1_000_000)
    """Assumed: of those, the share where the rows had been posted before the error."""
    answers_missing_ppm: int = Field(default=0, ge=0, le=1_000_000)
    """Share of rows of which a success says nothing."""
    answers_missing_served_ppm: int = Field(default=500_000, ge=0, le=1_000_000)
    """Assumed: of those, the share that was served all the same; in an atomic batch all are."""
    answers_reordered_ppm: int = Field(default=0, ge=0, le=1_000_000)
    """Share of successes whose results come in another order than the rows or names asked for."""
    alike_ppm: int = Field(default=0, ge=0, le=1_000_000)
    """Share of posted versions that are called duplicates since they look like another posting."""
    read_lag_ms: int = Field(default=0, ge=0)
    """A look-up does not see lines younger than this. Assumed 0: the ledger reads its own writes."""
    exact_reversals: bool = True
    """A reversal has to be the exact negative of the line that it names. Assumed; with False any amount is taken, as
    where a reversal is a journal like any other."""
    guards_hand_postings: bool = True
    """A row for an entry that already stands by hand is answered "duplicate". Assumed: the entry is a unique
    reference in the project ledger (documented as "the record already exists" for one vendor's entity keys)."""

    @model_validator(mode="after")
    def _jobs_are_staged(self) -> Self:
        if self.idempotency is Idempotency.ASYNC_JOB and self.staging is None:
            raise ValueError("async_job answers with staged rows, so it needs `staging`")
        return self
