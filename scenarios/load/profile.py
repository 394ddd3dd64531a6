"""What a load run is made of, as data: a scenario, a window of it, and by how much it is compressed.

    scenario time   ──from_ms───────────── cut-off ──until_ms──
                        └──────── ÷ factor ────────┘
    run time        0 ─────────────────────────────── run_ms ── settle_ms ──

Rule 1. Arrivals are compressed: what comes within `factor` minutes of scenario time comes within one minute. So are
        cut-offs, and faults that stand in the calendar.
Rule 2. What the systems do is real: latencies, time-outs, lingering. Quotas are multiplied by the factor, so that a
        system lets as much of the load through as it would have. Probes of a system that is away are as much quicker as
        it is away for less.
Rule 3. The live run and its prediction read the same profile; `compressed` is the world of both.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from runtime.settings import AccountSettings
from scenarios.model import Scenario
from simulators.faults.maintenance import MaintenanceAnnounced, MaintenanceUnannounced
from simulators.faults.source import DuplicateEvent, MissingEvent, ReorderedEvent
from simulators.settings import HOUR_MS, MINUTE_MS, WorldSettings

DELIVERED_BY_US = (DuplicateEvent, MissingEvent, ReorderedEvent)
"""Faults of the way from the source to the runtime: the load itself carries them out, no system does."""


MAINTENANCE = (MaintenanceAnnounced, MaintenanceUnannounced)


STANDS_STILL = ("gates", "hand_postings", "late_master_data", "never_back")
"""What the calendar of a month brings and a load leaves out, as the mock systems behind sockets do."""


class Shape(StrEnum):
    """Named shapes of a load; `scenarios.load.deliveries` says where each comes from."""

    CUTOFF_HOUR = "cutoff_hour"
    FOLLOW_THE_SUN = "follow_the_sun"
    PAYMENT_RUN = "payment_run"
    MAINTENANCE_OVERLAP = "maintenance_overlap"
    SUSTAINED = "sustained"


PROBES = {name: AccountSettings.model_fields[name].default for name in ("probe_first_ms", "probe_max_ms")}
WINDOWS: dict[Shape, tuple[int, int, int]] = {
    Shape.CUTOFF_HOUR: (-59 * MINUTE_MS, MINUTE_MS, 20),
    Shape.FOLLOW_THE_SUN: (-24 * HOUR_MS, MINUTE_MS, 240),
    Shape.PAYMENT_RUN: (-10 * MINUTE_MS, 5 * MINUTE_MS, 5),
    Shape.MAINTENANCE_OVERLAP: (-2 * HOUR_MS, MINUTE_MS, 40),
    Shape.SUSTAINED: (-10 * MINUTE_MS, 0, 1),
}
"""(from, until, factor) of each shape where nobody says otherwise. Three minutes for the hour that ends a minute after
the cut-off, since that is when the machine approves what is left; six for a day; three for a payment run and for two
hours with maintenance in them; ten at a steady rate."""


class Own(BaseModel):
    """What the runtime's own machine needs, in a prediction; `springtide calibrate` takes it from a live run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    intake_p50_ms: int = Field(default=0, ge=0)
    intake_p99_ms: int = Field(default=0, ge=0)
    """From a request until its news is durable: log-normal by these two; 0: no time at all."""
    turn_ms: int = Field(default=0, ge=0)
    """Of each step of a partition, in which it does nothing else."""


class LoadProfile(BaseModel):
    """A load: whose, when, how much and how fast. Milliseconds; `from_ms` and `until_ms` count from the cut-off.

    The cut-off that they count from is that of most people, see `scenarios.load.deliveries.cutoff_ms`; in a day of
    `follow_the_sun` it is the last one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scenario: Scenario
    """As resolved: with its overrides, and with the faults that were added."""
    seed: int = 1
    shape: Shape = Shape.CUTOFF_HOUR
    from_ms: int
    until_ms: int
    factor: int = Field(ge=1, le=10_000)
    volume: float = Field(default=1.0, gt=0, le=100)
    """Of the modelled peak; 1.5 is what load-test practice asks for (sourced: Shopify tests at 150 %)."""
    rows_per_s: int = Field(default=0, ge=0, le=100_000)
    """Of the shape `sustained`, in run time; the others have their rate from the scenario."""
    settle_ms: int = Field(ge=0)
    """How long after the last arrival is waited, at most, for everything to stand."""
    wire_ms: tuple[int, int] = (0, 2)
    """One way between the runtime and its systems, least and most: both are on one machine (assumed). This and `own`
    are for the prediction alone; the live run has what it has."""
    own: Own = Own()

    @model_validator(mode="after")
    def _has_a_window(self) -> Self:
        if self.until_ms <= self.from_ms:
            raise ValueError(f"the window ends at {self.until_ms} ms, before it begins at {self.from_ms} ms")
        if (self.shape is Shape.SUSTAINED) != (self.rows_per_s > 0):
            raise ValueError(f"rows_per_s is for the shape {Shape.SUSTAINED.value}, and that shape needs it")
        return self

    @property
    def probes(self) -> dict[str, int]:
        """How soon the runtime looks whether a system that was away works again: settings of every account.

        Outages shrink with the factor, and so do these, or a system would be missed for longer than it was away.
        """
        return {name: max(100, default // self.factor) for name, default in PROBES.items()}

    @property
    def run_ms(self) -> int:
        """How long arrivals go on, in run time."""
        return (self.until_ms - self.from_ms) // self.factor

    def run_time_ms(self, relative_ms: int) -> int:
        """An instant of scenario time, counted from the cut-off, in run time; negative before the start."""
        return (relative_ms - self.from_ms) // self.factor


def deployed(profile: LoadProfile, systems: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a runtime for this load: those that the mock systems hand out, with what a load asks besides.

    Probes are compressed. Nobody asks the source for what it published (`intake`): it was told everything before the
    runtime is, so whoever asked would be ahead of the load.
    """
    accounts = {name: {**one, **profile.probes} for name, one in systems["accounts"].items()}
    entities = {code: {**one, "intake": "push"} for code, one in systems["entities"].items()}
    return {**systems, "accounts": accounts, "entities": entities}


def load_profile(
    scenario: Scenario,
    shape: Shape = Shape.CUTOFF_HOUR,
    *,
    seed: int = 1,
    from_ms: int | None = None,
    until_ms: int | None = None,
    factor: int | None = None,
    volume: float = 1.0,
    rows_per_s: int | None = None,
    settle_ms: int | None = None,
) -> LoadProfile:
    """A profile with the window and the factor of its shape wherever nobody says otherwise.

    Where the scenario has no maintenance, `maintenance_overlap` brings one: announced for half an hour, an hour before
    the cut-off, and ten minutes too long (assumed).

    Raises pydantic.ValidationError where they do not fit.
    """
    first, last, fast = WINDOWS[shape]
    if shape is Shape.MAINTENANCE_OVERLAP and not any(isinstance(f, MAINTENANCE) for f in scenario.world.faults):
        scenario = _with_maintenance(scenario)
    steady = 2_000 if shape is Shape.SUSTAINED else 0
    return LoadProfile(
        scenario=scenario,
        seed=seed,
        shape=shape,
        from_ms=first if from_ms is None else from_ms,
        until_ms=last if until_ms is None else until_ms,
        factor=fast if factor is None else factor,
        volume=volume,
        rows_per_s=steady if rows_per_s is None else rows_per_s,
        settle_ms=_settle_ms(scenario) if settle_ms is None else settle_ms,
    )


def _settle_ms(scenario: Scenario) -> int:
    """Long enough for a row that the last call left in doubt: its silence, the late landing, two look-ups, a minute."""
    run = scenario.world.runtime
    return 3 * run.call_deadline_ms + run.late_landing_ms + MINUTE_MS


def _with_maintenance(scenario: Scenario) -> Scenario:
    world = scenario.world
    hour, minute = divmod(world.people.cutoff_local_minute - 60, 60)
    window = MaintenanceAnnounced(
        day="last", at=f"{hour:02}:{minute:02}", lasts_ms=30 * MINUTE_MS, overruns_ms=10 * MINUTE_MS
    )
    return scenario.model_copy(update={"world": world.model_copy(update={"faults": (*world.faults, window)})})


def compressed(profile: LoadProfile) -> Scenario:
    """The scenario as the systems of a load run live it: quotas times the factor, arrivals' own faults left out.

    What stands in it is what `springtide mocks serve FILE` and the prediction are both given. What finance and the
    ERP's owners do on days of the month does not happen within a load. Faults of the calendar
    are left in, at the instants of the scenario; `LoadCalendar.moves` has them in run time.
    """
    world = profile.scenario.world
    quota = world.erp.quota
    erp = world.erp
    if quota is not None:
        erp = erp.model_copy(update={"quota": quota.model_copy(update={"calls": quota.calls * profile.factor})})
    faults = tuple(fault for fault in world.faults if not isinstance(fault, DELIVERED_BY_US))
    still: dict[str, object] = {name: WorldSettings.model_fields[name].get_default() for name in STANDS_STILL}
    changed = world.model_copy(update={"erp": erp, "faults": faults, **still})
    return profile.scenario.model_copy(update={"world": changed})
