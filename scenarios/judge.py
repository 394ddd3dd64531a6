"""From what happened to what it means: the outcome of a run against a scenario's SLAs, as a report.

Rule 1. Invariants come from the auditors alone; SLAs are measured here, over all entities, in simulated time.
Rule 2. The gravest verdict wins: 3 (money or data wrong), 5 (proved nothing), 4 (did not settle), 1 (an SLA missed).
Rule 3. A run in which a fault that the scenario is about never struck has proved nothing.
"""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenarios.model import Scenario, Slas
from scenarios.report.model import (
    Band,
    BandKind,
    Case,
    EntityRow,
    EntitySeries,
    Finding,
    FiredFault,
    Incident,
    Invariant,
    KeptOut,
    Latency,
    Mark,
    Parameter,
    Percentiles,
    Planted,
    PointMark,
    Report,
    Series,
    Sla,
    verdict,
)
from simulators.auditors.finding import HELD, UNKNOWN, VIOLATED, Held
from simulators.auditors.finding import Finding as AuditFinding
from simulators.people.parameters import all_parameters
from simulators.plants.plant import Plant
from simulators.run import OUTAGE_MS, Outcome
from simulators.timesheets.rows import TimesheetRead
from simulators.virtual_time import Band as SeenBand

PPM = 1_000_000
PINNED = ("faker", "holidays", "msgspec", "numpy", "pydantic", "simpy", "tzdata")

ASSUMPTIONS = (
    "A1 the ERP honours our key or can be asked by it",
    "A2 a call that was given up lands within late_landing_ms, or never",
    "A3 what the journal committed is durable",
    "A4 the source lists every version it published",
    "A5 finance posts by hand only what has waited longer than confirm_after_ms, and looks first",
    "A6 a request that was turned away at the door is not delivered again by the network",
)

BAND_OF: dict[str, BandKind] = {
    "maintenance": "maintenance",
    "broken": "maintenance",
    "throttled": "throttled",
    "logged_out": "login",
    "locked_out": "login",
}
MARK_OF: dict[str, Mark] = {
    "measured": "measured",
    "derived": "derived",
    "sourced": "second-hand",
    "assumed": "assumed",
}
SHOWN_BAND_MS = 60_000
"""Shorter bands (a token renewed between two calls) are not drawn."""


def percentile(sorted_values: NDArray[np.int64], percent: int) -> int:
    """The nearest-rank percentile of sorted numbers: the least that at least `percent` of them do not exceed."""
    rank = -(-len(sorted_values) * percent // 100)
    return int(sorted_values[max(0, rank - 1)])


def judge(
    scenario: Scenario,
    outcome: Outcome,
    *,
    overrides: dict[str, str] | None = None,
    plant: Plant | None = None,
    timesheet: TimesheetRead | None = None,
) -> Report:
    """The report of a run."""
    invariants = [_invariant(held) for held in outcome.held]
    waits = _sorted([entity.waits_ms for entity in outcome.entities])
    slas = _slas(scenario.slas, outcome, waits)
    proved, why_not = _proved(scenario, outcome, plant)
    report = Report(
        scenario=scenario.name,
        seed=outcome.seed,
        description=scenario.story,
        overrides=overrides or {},
        digest=outcome.digest,
        commit=revision(),
        simulated_seconds=(outcome.end_ms - outcome.start_ms) // 1000,
        wall_seconds=round(outcome.wall_s, 2),
        python=platform.python_version(),
        versions=versions(),
        verdict=verdict(
            invariants,
            slas,
            not outcome.unsettled,
            proved,
            unsettled_because="; ".join(outcome.unsettled[:3]),
            unproved_because=why_not,
        ),
        invariants=invariants,
        slas=slas,
        faults=[FiredFault(kind, fired) for kind, fired in sorted(outcome.fired.items())],
        findings=[_finding(f) for held in outcome.held for f in held.examples],
        cases=[Case(c.reason, c.count, c.owner, c.fix, c.wake, list(c.examples)) for c in outcome.cases],
        coverage={
            "records": dict(sorted(outcome.records.items())),
            "calls": dict(sorted(outcome.calls.items())),
            "commits": outcome.commits,
            "deaths": outcome.deaths,
            "components": outcome.components,
            "dead_letters": outcome.dead_letters,
        },
        assumptions=list(ASSUMPTIONS),
        parameters=_parameters(),
    )
    _fill_books(report, outcome)
    _fill_latency(report, outcome, waits)
    _fill_plots(report, outcome)
    if plant is not None:
        faults = [f"{fault.kind} at {getattr(fault, 'ppm', 0)} ppm" for fault in plant.faults]
        report.planted = Planted(plant.name, faults, plant.profile)
    if timesheet is not None:
        report.timesheet = timesheet.file
        report.kept_out = [KeptOut(p.file, p.line, p.column, p.reason) for p in timesheet.problems]
    return report


# ------------------------------------------------------------------ invariants and proof


def _invariant(held: Held) -> Invariant:
    assert held.status in (HELD, VIOLATED, UNKNOWN)
    return Invariant(
        held.id,
        held.name,
        held.status,  # type: ignore[arg-type]  # one of the three, asserted above
        held.violations,
        [finding.text for finding in held.examples],
        "too little was posted" if held.status == UNKNOWN else "",
    )


def _finding(finding: AuditFinding) -> Finding:
    return Finding(
        finding.invariant,
        finding.entity,
        finding.entry_id,
        list(finding.versions),
        finding.amount_minor,
        finding.currency,
        finding.text,
    )


def _proved(scenario: Scenario, outcome: Outcome, plant: Plant | None) -> tuple[bool, str]:
    if plant is not None and not outcome.reached:
        return False, f"the planted {plant.name} was never reached"
    approved = sum(entity.approved for entity in outcome.entities)
    posted = sum(entity.counts.get("posted", 0) for entity in outcome.entities)
    if posted * PPM < approved * scenario.slas.least_posted_ppm or not posted:
        return False, f"only {posted:,} of {approved:,} approved versions were posted"
    never = [kind for kind in scenario.must_fire if not outcome.fired.get(kind)]
    if never:
        return False, f"{', '.join(never)} never struck"
    return True, ""


# ------------------------------------------------------------------ SLAs


def _sorted(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.sort(np.concatenate(parts)) if parts else np.array([], dtype=np.int64)


def _slas(slas: Slas, outcome: Outcome, waits: NDArray[np.int64]) -> list[Sla]:
    made: list[Sla] = []

    def at_most(name: str, target: int, actual: float | None, said: str, unmeasured: str = "") -> None:
        """Where there was nothing to be late for, `unmeasured` says what, and the promise is kept."""
        held = (True if unmeasured else None) if actual is None else actual <= target
        made.append(Sla(name, target, actual, "s", held, slas.why.get(said, ""), unmeasured=unmeasured))

    for percent, target in ((50, slas.p50_s), (95, slas.p95_s), (99, slas.p99_s)):
        actual = percentile(waits, percent) / 1000 if len(waits) else None
        at_most(f"approval to ledger p{percent}", target, actual, f"p{percent}_s")
    due = sum(entity.due_to_stand for entity in outcome.entities)
    in_time = sum(int(np.searchsorted(e.in_time, slas.grace_s * 1000, side="right")) for e in outcome.entities)
    share = in_time * PPM // due if due else None
    made.append(
        Sla(
            f"in the ledger {slas.grace_s // 60} min after cut-off",
            slas.in_ledger_ppm,
            share,
            "ppm",
            share is None or share >= slas.in_ledger_ppm,
            slas.why.get("in_ledger_ppm", ""),
            "at_least",
            "nothing was due" if share is None else "",
        )
    )
    doubt = max((entity.oldest_in_doubt_ms for entity in outcome.entities), default=0)
    at_most("oldest in doubt", slas.oldest_in_doubt_s, doubt / 1000, "oldest_in_doubt_s")
    staged = max((entity.oldest_staged_ms for entity in outcome.entities), default=0)
    at_most("oldest staged", slas.oldest_staged_s, staged / 1000, "oldest_staged_s")
    drains = [entity.drain_ms for entity in outcome.entities if entity.drain_ms is not None]
    slowest = max(drains) / 1000 if drains else None
    at_most("drain after an outage", slas.drain_s, slowest, "drain_s", "" if drains else "no outage")
    return made


# ------------------------------------------------------------------ books, latency, plots


def _fill_books(report: Report, outcome: Outcome) -> None:
    for entity in outcome.entities:
        report.approved += entity.approved
        for place, count in entity.counts.items():
            report.entries[place] = report.entries.get(place, 0) + count
        for place, quarters in entity.quarters.items():
            report.hours[place] = report.hours.get(place, 0.0) + quarters / 4
        for place, held in entity.money.items():
            money = report.money.setdefault(place, {})
            for currency, minor in held.items():
                money[currency] = money.get(currency, 0) + minor
        report.unvalued_hours += entity.unvalued_quarters / 4
    report.approved_hours = sum(entity.approved_quarters for entity in outcome.entities) / 4


def _fill_latency(report: Report, outcome: Outcome, waits: NDArray[np.int64]) -> None:
    report.latency = Latency(_percentiles(waits), {})
    for entity in outcome.entities:
        measured = _percentiles(entity.waits_ms)
        if measured is not None:
            report.latency.entities[entity.entity] = measured
        in_time = len(entity.in_time[entity.in_time == 0])
        report.per_entity.append(
            EntityRow(
                entity.entity,
                entity.region,
                entity.approved,
                entity.counts.get("posted", 0),
                entity.counts.get("parked", 0),
                measured.p50_s if measured else None,
                measured.p95_s if measured else None,
                measured.p99_s if measured else None,
                min(PPM, in_time * PPM // entity.due_to_stand) if entity.due_to_stand else None,
                None if entity.drain_ms is None else entity.drain_ms / 1000,
                entity.oldest_in_doubt_ms / 1000,
                entity.oldest_staged_ms / 1000,
                entity.erp_account,
                entity.currency,
            )
        )


def _percentiles(waits: NDArray[np.int64]) -> Percentiles | None:
    if not len(waits):
        return None
    p50, p95, p99 = (percentile(waits, percent) / 1000 for percent in (50, 95, 99))
    return Percentiles(p50, p95, p99, int(waits[-1]) / 1000, len(waits))


def _fill_plots(report: Report, outcome: Outcome) -> None:
    for band in outcome.bands:
        if band.until_ms - band.from_ms >= SHOWN_BAND_MS:
            kind = BAND_OF[band.mode]
            report.bands.append(Band(band.account, kind, band.from_ms, band.until_ms))
    report.incidents = _incidents(outcome.bands)
    report.marks = [PointMark(at_ms, kind) for kind, at_ms in sorted(outcome.marks, key=lambda m: (m[1], m[0]))]
    for cutoff_ms in sorted({entity.cutoff_ms for entity in outcome.entities}):
        report.marks.append(PointMark(cutoff_ms, "cutoff"))
    report.series = Series(
        outcome.sample_ms,
        outcome.start_ms + outcome.sample_ms,
        {
            entity.entity: EntitySeries(
                entity.series.backlog, entity.series.posted, entity.series.in_doubt, entity.series.parked
            )
            for entity in outcome.entities
        },
    )


def _incidents(bands: list[SeenBand]) -> list[Incident]:
    """One incident per trouble of an account: bands that follow each other without a gap are one."""
    found: list[Incident] = []
    for band in sorted(bands, key=lambda band: (band.account, band.from_ms)):
        before = found[-1] if found else None
        words = band.mode.replace("_", " ")
        if before is not None and before.account == band.account and before.until_ms == band.from_ms:
            before.until_ms = band.until_ms
            if words not in before.text:
                before.text += f", then {words}"
        else:
            text = f"{band.account} was {words}"
            found.append(Incident(band.account, band.mode, band.from_ms, band.until_ms, text))
    return [incident for incident in found if incident.until_ms - incident.from_ms >= OUTAGE_MS]


# ------------------------------------------------------------------ where it came from


def _parameters() -> list[Parameter]:
    return [Parameter(p.name, str(p.value), MARK_OF[p.mark], p.why) for p in all_parameters()]


def versions() -> dict[str, str]:
    """Of the packages that a run depends on."""
    found = {}
    for name in (*PINNED, "springtide"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def revision() -> str:
    """The commit of the checkout this runs from; empty where there is none."""
    try:
        said = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],  # noqa: S607  whichever git this machine has
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return said.stdout.strip()
