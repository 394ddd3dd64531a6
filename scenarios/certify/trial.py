"""One run of a certificate: a cell under one seed, and what of its report is kept.

A trial travels to a process of its own and comes back small: verdict, targets, percentiles, money by place, what
struck, and a thinned curve. The report itself can be had again: a run is a pure function of scenario and seed.
"""

from dataclasses import dataclass
from time import perf_counter

from pydantic import BaseModel, ConfigDict

from scenarios.certify.suite import Cell
from scenarios.judge import judge
from scenarios.model import NOTHING_PROMISED, Scenario
from scenarios.report.model import Report
from scenarios.report.plots import busiest, thinned, whole_firm
from simulators.coverage import Coverage
from simulators.run import simulate

CURVE_POINTS = 240
"""Samples of the curve that is kept: as many as a small picture shows."""
KEPT_FINDINGS = 5


class _Found(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SlaFound(_Found):
    """One target in one run. `held` None: it could not be measured, though it should have been."""

    name: str
    target: float
    actual: float | None
    unit: str
    held: bool | None
    compare: str
    arithmetic: str
    unmeasured: str = ""


class Wrong(_Found):
    """A violation by name: which entry, how much money (minor units; None: not about money), what happened."""

    invariant: str
    entity: str
    entry: str
    amount_minor: int | None
    currency: str
    text: str


class EntityFound(_Found):
    """One legal entity in one run. Seconds; None: nothing posted, no outage, nothing due."""

    entity: str
    region: str
    p95_s: float | None
    p99_s: float | None
    before_cutoff_ppm: int | None
    drain_s: float | None


class Curve(_Found):
    """Backlog, and what was posted so far, by sample of the busiest three days; instants are ms UTC."""

    start_ms: int
    step_ms: int
    backlog: list[int]
    posted: list[int]
    cutoffs_ms: list[int]


class RunFound(_Found):
    """What came of one run."""

    cell: str
    seed: int
    exit: int
    word: str
    sentence: str
    digest: str = ""
    slas: list[SlaFound] = []
    held: list[str] = []
    """Ids of the invariants that held."""
    violated: dict[str, int] = {}
    """Id to how often."""
    unknown: list[str] = []
    wrong: list[Wrong] = []
    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None
    approved: int = 0
    places: dict[str, int] = {}
    """Versions by place at the end."""
    money: dict[str, dict[str, int]] = {}
    """Place to currency to minor units, at bill value."""
    unvalued_hours: float = 0.0
    entities: list[EntityFound] = []
    fired: dict[str, int] = {}
    deaths: int = 0
    simulated_s: int = 0
    wall_s: float = 0.0
    curve: Curve | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """A run to be made. `jobs`: processes for the parts of its firm; 1: it shares the cores with other trials."""

    cell: Cell
    seed: int
    jobs: int = 1


@dataclass(frozen=True, slots=True)
class Tried:
    """What a trial brings back. `names`: invariant to what it says in words."""

    run: RunFound
    coverage: Coverage | None
    names: dict[str, str]


def attempt(trial: Trial) -> Tried:
    """Let it happen, and judge it. Whatever is raised inside the world is a finding about it."""
    began = perf_counter()
    scenario = held_to(trial.cell)
    try:
        outcome = simulate(scenario.world, trial.seed, jobs=trial.jobs, watched=True)
    except Exception as fault:
        said = f"The run raised {type(fault).__name__}: {fault}."
        run = RunFound(cell=trial.cell.key, seed=trial.seed, exit=3, word="violated", sentence=said)
        return Tried(run, None, {})
    report = judge(scenario, outcome)
    names = {invariant.id: invariant.name for invariant in report.invariants}
    return Tried(found(trial, report, round(perf_counter() - began, 2)), outcome.coverage, names)


def held_to(cell: Cell) -> Scenario:
    """The scenario with the SLAs that count in this cell."""
    scenario = cell.scenario
    if cell.promised:
        return scenario
    kept = {name: getattr(scenario.slas, name) for name in ("grace_s", "least_posted_ppm")}
    return scenario.model_copy(update={"slas": NOTHING_PROMISED.model_copy(update=kept)})


def found(trial: Trial, report: Report, wall_s: float) -> RunFound:
    """What of a report goes onto the certificate."""
    overall = report.latency.overall
    return RunFound(
        cell=trial.cell.key,
        seed=trial.seed,
        exit=report.verdict.exit,
        word=report.verdict.word,
        sentence=report.verdict.sentence,
        digest=report.digest,
        slas=[
            SlaFound(
                name=sla.name,
                target=sla.target,
                actual=sla.actual,
                unit=sla.unit,
                held=sla.held,
                compare=sla.compare,
                arithmetic=sla.arithmetic,
                unmeasured=sla.unmeasured,
            )
            for sla in report.slas
        ],
        held=[one.id for one in report.invariants if one.status == "held"],
        violated={one.id: one.violations for one in report.invariants if one.status == "violated"},
        unknown=[one.id for one in report.invariants if one.status == "unknown"],
        wrong=[
            Wrong(
                invariant=one.invariant,
                entity=one.entity,
                entry=one.entry,
                amount_minor=one.amount_minor,
                currency=one.currency,
                text=one.text,
            )
            for one in report.findings[:KEPT_FINDINGS]
        ],
        p50_s=overall.p50_s if overall else None,
        p95_s=overall.p95_s if overall else None,
        p99_s=overall.p99_s if overall else None,
        approved=report.approved,
        places={place: count for place, count in report.entries.items() if count},
        money={place: held for place, held in report.money.items() if any(held.values())},
        unvalued_hours=report.unvalued_hours,
        entities=[
            EntityFound(
                entity=row.entity,
                region=row.region,
                p95_s=row.p95_s,
                p99_s=row.p99_s,
                before_cutoff_ppm=row.share_before_cutoff_ppm,
                drain_s=row.drain_s,
            )
            for row in report.per_entity
        ],
        fired={fault.kind: fault.fired for fault in report.faults if fault.fired},
        deaths=deaths if isinstance(deaths := report.coverage["deaths"], int) else 0,
        simulated_s=report.simulated_seconds,
        wall_s=wall_s,
        curve=_curve(report),
    )


def _curve(report: Report) -> Curve | None:
    firm, series = whole_firm(report.series), report.series
    if not firm.backlog:
        return None
    first, last = 0, len(firm.backlog)
    window = busiest(firm, series)
    if window is not None:
        first, last = ((at_ms - series.start_ms) // series.step_ms for at_ms in window)
    stride = max(1, -(-(last - first) // CURVE_POINTS))
    return Curve(
        start_ms=series.start_ms + first * series.step_ms,
        step_ms=series.step_ms * stride,
        backlog=thinned(firm.backlog[first:last], CURVE_POINTS),
        posted=[posted - firm.posted[first] for posted in thinned(firm.posted[first:last], CURVE_POINTS)],
        cutoffs_ms=[mark.at_ms for mark in report.marks if mark.kind == "cutoff"],
    )
