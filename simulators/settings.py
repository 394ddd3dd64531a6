"""What a world is made of, as data: the firm, its people, the ERP's manners, the runtime's numbers, the misfortunes.

A scenario wraps one `WorldSettings` with a name, a story and its SLAs. Durations are in milliseconds, probabilities
in parts per million; targets and limits are ours, and a mark says where anything else comes from.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from runtime.drivers.shell import WINDOW
from simulators.faults.kinds import Fault
from simulators.faults.wall_time import At, Day
from simulators.faults.weather import Weather
from simulators.firm.settings import FirmSettings
from simulators.people.parameters import PeopleSettings
from simulators.systems.erp_profile import ErpProfile
from simulators.systems.profiles.generic import GENERIC
from simulators.systems.psa_profile import PsaProfile

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RuntimeSettings(_Settings):
    """The numbers of the partitions and accounts; the same names as in `runtime.core.policy` and `account`."""

    batch_max: int = Field(default=100, ge=1, le=500)
    linger_ms: int = Field(default=20_000, ge=0)
    tell_linger_ms: int = Field(default=60_000, ge=0)
    lookup_max: int = Field(default=100, ge=1, le=500)
    """Names in one look-up, at most."""
    calls_max: int = Field(default=8, ge=1)
    concurrent_max: int = Field(default=8, ge=1)
    """Calls of one account on the wire at once."""
    call_deadline_ms: int = Field(default=30_000, ge=1_000)
    late_landing_ms: int = Field(default=5 * MINUTE_MS, ge=0)
    lookup_lag_ms: int = Field(default=0, ge=0)
    staged_poll_ms: int = Field(default=5 * MINUTE_MS, ge=1_000)
    confirm_after_ms: int = Field(default=6 * HOUR_MS, ge=0)
    recount_every_ms: int = Field(default=6 * HOUR_MS, ge=MINUTE_MS)
    recount_overlap_ms: int = Field(default=2 * HOUR_MS, ge=0)
    full_recount_every_ms: int = Field(default=0, ge=0)
    """Every so often a recount reaches back `full_recount_span_ms`; 0: never."""
    full_recount_span_ms: int = Field(default=62 * DAY_MS, ge=0)
    restart_ms: int = Field(default=20_000, ge=1)
    """From the death of a process to its successor's first breath."""
    checkpoint_every: int = Field(default=4_096, ge=1)
    """Entries touched before the journal is checkpointed; small, so that small worlds let go of entries and reload."""
    window: int = Field(default=WINDOW, ge=1)
    """Entries in memory beyond which the end of the queue stays on disk."""


class FinanceGate(_Settings):
    """Finance moves our feed gate, or the ERP's period, on an entity's own clock."""

    entity: str = "*"
    module: str = "time"
    day: Day
    at: At
    gate: Literal["open", "held", "shut"] | None = None
    status: Literal["open", "on_hold", "closed", "permanently_closed"] | None = None


class HandPostings(_Settings):
    """Finance enters by hand what has been approved for long and is not in the ledger, because the feed was late."""

    entity: str = "*"
    day: Day
    at: At
    older_than_ms: int = Field(default=8 * HOUR_MS, ge=0)


class LateMasterData(_Settings):
    """A share of the projects is set up in the ERP only later; until then it refuses their rows."""

    ppm: int = Field(default=0, ge=0, le=1_000_000)
    after_ms: int = Field(default=5 * DAY_MS, ge=0)


class NeverBack(_Settings):
    """An ERP account that closes at an instant and never opens again: everything else must finish without it."""

    account: str
    day: Day = "last"
    at: At = "12:00"


class WorldSettings(_Settings):
    """Everything a world is built from, apart from its seed."""

    firm: FirmSettings = FirmSettings()
    people: PeopleSettings = Field(default_factory=PeopleSettings)
    erp: Annotated[ErpProfile, Field(description="a profile, or the name of a generic one")] = GENERIC[
        "error_not_stored"
    ]
    psa: PsaProfile = PsaProfile()
    runtime: RuntimeSettings = RuntimeSettings()
    faults: tuple[Fault, ...] = ()
    only_strikes: tuple[str, ...] | None = None
    """The names of the strikes of chance and calendar that may happen (`simulators.faults.weather`); None: all."""
    only_entries: tuple[str, ...] | None = None
    """The entries that exist at all; None: all. What is left happens as it did among the others."""
    gates: tuple[FinanceGate, ...] = ()
    hand_postings: tuple[HandPostings, ...] = ()
    late_master_data: LateMasterData = LateMasterData()
    never_back: NeverBack | None = None
    period_news_ms: tuple[int, int] = (1_000, 30_000)
    """From finance moving a period or a gate to the partition hearing of it: least and most (assumed)."""
    calm_before_end_ms: int = Field(default=3 * DAY_MS, ge=0)
    """Chance faults end this long before the run does, so that everything can settle."""
    drain_ms: int = Field(default=8 * DAY_MS, ge=HOUR_MS)
    """The run goes on for so long after the last day of the month."""
    sample_ms: int = Field(default=HOUR_MS, ge=MINUTE_MS)

    @model_validator(mode="before")
    @classmethod
    def _name_a_profile(cls, data: object) -> object:
        """`erp` may be the name of a generic profile."""
        if isinstance(data, dict) and isinstance(data.get("erp"), str):
            name = data["erp"]
            if name not in GENERIC:
                raise ValueError(f"erp: no profile is called {name!r}; there are {', '.join(GENERIC)}")
            return {**data, "erp": GENERIC[name]}
        return data

    @model_validator(mode="after")
    def _assumptions_are_kept(self) -> Self:
        """A fault or a person that would break what the runtime is told of the world is refused before any run."""
        run = self.runtime
        Weather(
            self.faults,
            0,
            deadline_ms=run.call_deadline_ms,
            late_landing_ms=run.late_landing_ms,
            overlap_ms=run.recount_overlap_ms,
            full_recounts=run.full_recount_every_ms > 0,
        )
        for postings in self.hand_postings:
            if postings.older_than_ms <= run.confirm_after_ms:
                raise ValueError(
                    f"hand_postings.older_than_ms: {postings.older_than_ms} is not longer than"
                    f" runtime.confirm_after_ms, {run.confirm_after_ms}: the ledger is asked only about what has waited"
                    " for longer"
                )
        return self
