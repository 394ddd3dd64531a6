"""From everything that was tried to a certificate: sums over seeds, the worst runs with their commands, the ruling."""

import platform
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from scenarios.certify.certificate import (
    GRAVITY,
    WORST_SHOWN,
    Assumption,
    CellFound,
    Certificate,
    CoverageFound,
    Item,
    LoadFound,
    SwarmFound,
    Worst,
    invariants_over,
    longest_drain,
    most_at_risk,
    nearness,
    rule,
    slas_over,
    spread,
)
from scenarios.certify.suite import Cell, Suite
from scenarios.certify.trial import RunFound, Tried
from scenarios.certify.untried import not_tried
from scenarios.judge import ASSUMPTIONS, MARK_OF, versions
from scenarios.report.wording import share
from scenarios.space import WHY_NOT, space_of
from scenarios.swarm import SeedRun, Swarm
from simulators.coverage import Coverage
from simulators.faults.kinds import FAULT_KINDS
from simulators.people.parameters import all_parameters

FOLDER = "scenarios"
"""Beside the certificate: the resolved scenarios that have no name to be called by."""


@dataclass(slots=True)
class Gathered:
    """What came in so far, in whatever order."""

    runs: list[RunFound] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """Invariant to its words, in the order of the auditors."""
    coverage: Coverage = field(default_factory=Coverage)
    swarm: Swarm = field(default_factory=Swarm)

    def add(self, tried: Tried) -> None:
        """One run of a scenario."""
        self.runs.append(tried.run)
        for oracle, name in tried.names.items():
            self.names.setdefault(oracle, name)
        if tried.coverage is not None:
            self.coverage.add(tried.coverage)

    def add_seed(self, run: SeedRun) -> None:
        """One seed of the swarm."""
        self.swarm.add(run)

    @property
    def failed(self) -> int:
        """How many runs and seeds were not as they should be."""
        return sum(1 for run in self.runs if run.exit) + len(self.swarm.failures)


def certificate(
    suite: Suite,
    where: str,
    folder: str,
    cells: Sequence[Cell],
    gathered: Gathered,
    loads: Sequence[LoadFound],
    *,
    canary: str,
    made_at: datetime,
    commit: str,
    wall_s: float,
) -> Certificate:
    """The certificate. `where`: how the suite was called; `folder`: where the certificate will stand, for commands."""
    order = {cell.key: number for number, cell in enumerate(cells)}
    runs = sorted(gathered.runs, key=lambda run: (order[run.cell], run.seed))
    found = [_cell(cell, [run for run in runs if run.cell == cell.key]) for cell in cells if not canary]
    invariants = invariants_over(runs, gathered.names)
    swarm = _swarm(suite, gathered.swarm) if suite.swarm is not None and not canary else None
    coverage = _coverage(gathered)
    items = [Item(f"{run.cell} seed {run.seed}", run.exit) for run in runs]
    if swarm is not None:
        items += [Item("the swarm", swarm.exit)]
    items += [Item(f"load {load.name}", load.exit) for load in loads if load.tried]
    return Certificate(
        suite=suite.name,
        suite_file=where,
        story=suite.story,
        ruling=rule(items, canary, [f"load {load.name}" for load in loads if not load.tried]),
        made_at=made_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        commit=commit,
        version=versions().get("springtide", ""),
        python=platform.python_version(),
        wall_s=round(wall_s, 1),
        canary=canary,
        cells=found,
        invariants=invariants,
        worst=_worst(cells, runs, folder),
        swarm=swarm,
        coverage=coverage,
        loads=list(loads),
        assumptions=[*ASSUMPTIONS, *suite.assumptions],
        assumed=[
            Assumption(name=one.name, value=str(one.value), mark=MARK_OF[one.mark], why=one.why)
            for one in all_parameters()
            if MARK_OF[one.mark] == "assumed"
        ],
        not_tried=not_tried(cells, invariants, swarm, coverage, loads),
        runs=[run.model_copy(update={"curve": None}) for run in runs],
    )


# ------------------------------------------------------------------ cells


def file_of(cell: Cell) -> str:
    """The file of the resolved scenario, from the certificate's folder; empty: it is called by its name."""
    return "" if cell.named else f"{FOLDER}/{cell.key.replace('/', '.')}.json"


def _cell(cell: Cell, runs: Sequence[RunFound]) -> CellFound:
    exits: dict[str, int] = {}
    for run in runs:
        exits[str(run.exit)] = exits.get(str(run.exit), 0) + 1
    worst = max(runs, key=_badness)
    return CellFound(
        key=cell.key,
        scenario=cell.scenario.name,
        variant=cell.variant,
        story=cell.story or cell.scenario.story,
        promised=cell.promised,
        consultants=cell.scenario.world.firm.consultants,
        overrides=cell.overrides,
        faults=[fault.kind for fault in cell.scenario.world.faults],
        seeds=list(cell.seeds),
        exits=dict(sorted(exits.items())),
        slas=slas_over(runs, cell.promised),
        p50=spread((run.p50_s, run.seed) for run in runs),
        p95=spread((run.p95_s, run.seed) for run in runs),
        p99=spread((run.p99_s, run.seed) for run in runs),
        drain=longest_drain(runs),
        at_risk=most_at_risk(runs),
        file=file_of(cell),
        curve=worst.curve,
        curve_seed=worst.seed if worst.curve else None,
    )


def _badness(run: RunFound) -> tuple[int, float]:
    return GRAVITY[run.exit], nearness(run)[0]


def _worst(cells: Sequence[Cell], runs: Sequence[RunFound], folder: str) -> list[Worst]:
    """The gravest runs, and after them those that came nearest to a target; of each cell one at least is among them
    as far as there is room."""
    by_key = {cell.key: cell for cell in cells}
    ranked = sorted(runs, key=_badness, reverse=True)
    firsts = {run.cell: run for run in reversed(ranked)}
    chosen = [run for run in ranked if run.exit or firsts[run.cell] is run]
    chosen += [run for run in ranked if run not in chosen]
    return [
        Worst(
            cell=run.cell,
            seed=run.seed,
            exit=run.exit,
            why=_why(run, by_key[run.cell].promised),
            command=_command(by_key[run.cell], run.seed, folder),
            wrong=run.wrong,
        )
        for run in sorted(chosen[:WORST_SHOWN], key=_badness, reverse=True)
    ]


def _why(run: RunFound, promised: bool) -> str:
    if run.exit:
        return run.sentence
    if not promised:
        return "held; there are no targets to come near to"
    used, name = nearness(run)
    return f"held; nearest to its target: {name}, {share(round(1_000_000 * used))} of it used up" if name else "held"


def _command(cell: Cell, seed: int, folder: str) -> str:
    what = cell.scenario.name if cell.named else f"{folder}/{file_of(cell)}"
    return shlex.join(["springtide", "simulate", what, "--seed", str(seed)])


# ------------------------------------------------------------------ the swarm, and the space


def _swarm(suite: Suite, swarm: Swarm) -> SwarmFound:
    assert suite.swarm is not None
    return SwarmFound(
        first=suite.swarm.first,
        seeds=swarm.runs,
        full_seeds=swarm.full,
        populations=dict(sorted(swarm.by_population.items())),
        violations=swarm.violations,
        unsettled=swarm.unsettled,
        unknown=swarm.unknown,
        exit=swarm.exit,
        bound=swarm.bound,
        entries=swarm.entries,
        deaths=swarm.deaths,
        entity_months=round(swarm.months, 1),
        failures=[_failure(run) for run in swarm.failures[:WORST_SHOWN]],
    )


def _failure(run: SeedRun) -> Worst:
    words = ["springtide", "swarm", "--first", str(run.seed), "--seeds", "1", "--population", run.population]
    return Worst(
        cell=f"swarm, {run.population}",
        seed=run.seed,
        exit=3 if run.wrong else 4,
        why="; ".join([*run.wrong, *(f"not settled: {text}" for text in run.unsettled)]),
        command=shlex.join(words),
    )


def _coverage(gathered: Gathered) -> CoverageFound:
    coverage = Coverage()
    coverage.add(gathered.coverage)
    coverage.add(gathered.swarm.coverage)
    space = space_of(coverage)
    struck = _added([run.fired for run in gathered.runs] + [gathered.swarm.fired])
    return CoverageFound(
        runs=coverage.runs,
        edges=space.edges,
        cells=space.cells,
        pairs=space.pairs,
        probes=space.probes,
        states=len(coverage.states),
        next_new_state=round(coverage.unseen_share, 4),
        edges_never=[edge for edge in space.zero_edges if edge not in WHY_NOT],
        probes_never=list(space.zero_probes),
        faults=struck,
        faults_never=[kind for kind in FAULT_KINDS if not struck.get(kind)],
        kinds=len(FAULT_KINDS),
    )


def _added(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in counts:
        for kind, times in each.items():
            if times:
                total[kind] = total.get(kind, 0) + times
    return dict(sorted(total.items()))
