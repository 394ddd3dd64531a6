"""The swarm: for every seed a firm, a load, settings, and a random handful of misfortunes; then the auditors.

    population        what a seed becomes
    none              no misfortune at all: whatever alarms here is a false alarm
    swarm             a random subset of all kinds, of random strength: leaving kinds out lets the others reach far
    all-on            every kind at once, at a third of the strength
    burst             the swarm, and the month's sheets all decided in its last hour, two and a half times as many
    exhaustive-crash  a golden month with one crash of all those that are listed, by turns; the books have to be equal
    recorded          a failure of the past, by turns, as it was recorded

A run has two phases: misfortunes rage, then they stop, and everything that can finish must. In some seeds one ERP
account never comes back (`never_back`); then the other entities must finish as if nothing were wrong.

Rule 1. A seed is a world: with the same code, the same base and the same lean it is the same in every process.
Rule 2. A verdict is held, violated or unknown. A run in which too little happened is unknown and counts as such.
Rule 3. What is drawn is told as the difference to a small month in which nothing goes wrong, by dotted path.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import process_time
from typing import Any

from scenarios.crashes import crash_by_turn, strike
from scenarios.model import Scenario
from scenarios.recorded import recorded_names, recorded_scenario
from scenarios.small import FULL_RECOUNT_EVERY_MS, small_world, swarm_faults, swarm_world
from simulators.auditors.finding import HELD, UNKNOWN
from simulators.chance import between
from simulators.coverage import Coverage
from simulators.run import Outcome, simulate
from simulators.settings import WorldSettings

POPULATIONS: dict[str, int] = {
    "swarm": 760,
    "burst": 100,
    "all-on": 50,
    "exhaustive-crash": 50,
    "none": 20,
    "recorded": 20,
}
"""Every population, and how many seeds in a thousand become it where none is asked for (ours)."""

ENTRIES, ENTITIES, KINDS = 100, 2, 3
"""What a seed has at least to count as full: entries, legal entities, kinds of fault that struck, beside one death."""

UNKNOWN_PPM = 20_000
"""The share of seeds that may prove nothing before the swarm does not count as one (ours: 2 %)."""

MONTH_S = 365.25 / 12 * 86_400


@dataclass(frozen=True, slots=True)
class Task:
    """One seed to be run. `population` empty: it is drawn; `base`: the scenario over which misfortunes are drawn."""

    seed: int
    population: str = ""
    base: Scenario | None = None
    lean: tuple[str, ...] = ()


@dataclass(slots=True)
class SeedRun:
    """What came of one seed. `wrong`: a violated invariant in a line each; `unknown`: invariants that could not look.

    `options` is what was drawn, path to value. `months`: simulated months, summed over the entities.
    """

    seed: int
    population: str
    options: dict[str, str]
    lean: tuple[str, ...] = ()
    base: str = ""
    wrong: list[str] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    oracles: list[str] = field(default_factory=list)
    fired: dict[str, int] = field(default_factory=dict)
    entries: int = 0
    entities: int = 0
    deaths: int = 0
    months: float = 0.0
    cpu_s: float = 0.0
    digest: str = ""
    coverage: Coverage | None = None

    @property
    def failed(self) -> bool:
        """Whether anything was violated or left over."""
        return bool(self.wrong or self.unsettled)

    @property
    def full(self) -> bool:
        """Whether the seed was as busy and as troubled as one may ask."""
        struck = sum(1 for times in self.fired.values() if times)
        return self.entries >= ENTRIES and self.entities >= ENTITIES and struck >= KINDS and self.deaths > 0


# ------------------------------------------------------------------ drawing


def population_of(seed: int) -> str:
    """The population that a seed belongs to, where none is asked for."""
    number = between(0, sum(POPULATIONS.values()) - 1, seed, "swarm/population")
    for name, share in POPULATIONS.items():
        number -= share
        if number < 0:
            return name
    raise AssertionError("shares add up")


def world_of(task: Task, population: str) -> WorldSettings:
    """The world that a seed draws, for the populations that are drawn."""
    if task.base is None:
        return swarm_world(task.seed, population, task.lean)
    # What only a full recount finds must be found here too.
    runtime = task.base.world.runtime.model_copy(update={"full_recount_every_ms": FULL_RECOUNT_EVERY_MS})
    world = task.base.world.model_copy(update={"runtime": runtime})
    faults = swarm_faults(task.seed, population, world.erp, task.lean, first_day=1, last_day=31)
    return world.model_copy(update={"faults": faults})


def world_of_run(run: SeedRun, bases: Sequence[Scenario]) -> WorldSettings | None:
    """The world that a seed had drawn; None for populations that draw none."""
    if run.population in ("exhaustive-crash", "recorded"):
        return None
    base = next((each for each in bases if each.name == run.base), None)
    return world_of(Task(run.seed, run.population, base, run.lean), run.population)


def options_of(world: WorldSettings, base: WorldSettings) -> dict[str, str]:
    """What is different from `base`, as dotted path to value; a fault by its kind with all its numbers."""
    told: dict[str, str] = {}
    _differences("", world.model_dump(mode="json", exclude={"faults"}), base.model_dump(mode="json"), told)
    for fault in world.faults:
        fields = fault.model_dump(mode="json", exclude={"kind"}, exclude_defaults=True)
        told[f"fault {fault.kind}"] = " ".join(f"{name}={value}" for name, value in fields.items()) or "as it is"
    return told


def _differences(path: str, data: Mapping[str, Any], base: Mapping[str, Any], told: dict[str, str]) -> None:
    for name, value in data.items():
        before = base.get(name)
        if value == before:
            continue
        if isinstance(value, dict) and isinstance(before, dict):
            _differences(f"{path}{name}.", value, before, told)
        else:
            told[path + name] = str(value)


# ------------------------------------------------------------------ running


def run_seed(task: Task) -> SeedRun:
    """Let one seed happen, and judge it."""
    began = process_time()
    population = task.population or population_of(task.seed)
    if population == "recorded" and not recorded_names():
        population = "swarm"
    if population == "exhaustive-crash":
        run = _crash_run(task.seed)
    elif population == "recorded":
        names = recorded_names()
        scenario = recorded_scenario(names[task.seed % len(names)])
        assert scenario.seed is not None, f"{scenario.name} does not say which seed it was recorded under"
        run = _world_run(task.seed, population, scenario.world, scenario.seed)
        run.options = {"recorded": scenario.name}
    else:
        run = _world_run(task.seed, population, world_of(task, population), task.seed)
    run.lean, run.base = task.lean, task.base.name if task.base else ""
    run.cpu_s = process_time() - began
    return run


def _world_run(seed: int, population: str, world: WorldSettings, world_seed: int) -> SeedRun:
    run = SeedRun(seed, population, options_of(world, small_world()))
    try:
        outcome = simulate(world, world_seed, watched=True)
    except Exception as fault:  # whatever is raised inside a world is a finding about it, and the swarm goes on
        run.wrong.append(f"raised {type(fault).__name__}: {fault}")
        run.oracles.append("raised")
        return run
    judge_run(run, outcome)
    return run


def judge_run(run: SeedRun, outcome: Outcome) -> None:
    """Fill in what came of it."""
    for held in outcome.held:
        if held.status == UNKNOWN:
            run.unknown.append(held.id)
        elif held.status != HELD:
            run.oracles.append(held.id)
            run.wrong.append(f"{held.id} {held.name}: {held.examples[0].text}")
    run.unsettled = list(outcome.unsettled)
    run.fired = outcome.fired
    run.entries = sum(entity.approved for entity in outcome.entities)
    run.entities = len(outcome.entities)
    run.deaths = outcome.deaths
    run.months = len(outcome.entities) * (outcome.end_ms - outcome.start_ms) / 1000 / MONTH_S
    run.digest = outcome.digest
    run.coverage = outcome.coverage


def _crash_run(seed: int) -> SeedRun:
    crash = crash_by_turn(seed)
    run = SeedRun(seed, "exhaustive-crash", {"crash": str(crash)})
    struck = strike(crash)
    if struck.said:
        run.wrong.append(f"{crash}: {struck.said}")
        run.oracles.append("S12")
    run.deaths = len(crash.deaths)
    for death in crash.deaths:
        kind = death.fault.kind
        run.fired[kind] = run.fired.get(kind, 0) + 1
    return run


# ------------------------------------------------------------------ adding up


@dataclass(slots=True)
class Swarm:
    """Many seeds together."""

    runs: int = 0
    full: int = 0
    by_population: dict[str, int] = field(default_factory=dict)
    violations: int = 0
    unsettled: int = 0
    unknown: int = 0
    failures: list[SeedRun] = field(default_factory=list)
    fired: dict[str, int] = field(default_factory=dict)
    seeds_with: dict[str, int] = field(default_factory=dict)
    entries: int = 0
    deaths: int = 0
    months: float = 0.0
    cpu_s: float = 0.0
    coverage: Coverage = field(default_factory=Coverage)
    new_states: list[int] = field(default_factory=list)
    """New abstract states in each thousand seeds."""

    def add(self, run: SeedRun) -> None:
        """Count one seed in."""
        self.runs += 1
        self.full += run.full
        self.by_population[run.population] = self.by_population.get(run.population, 0) + 1
        self.violations += bool(run.wrong)
        self.unsettled += bool(run.unsettled)
        self.unknown += bool(run.unknown)
        if run.failed:
            self.failures.append(run)
        for kind, times in run.fired.items():
            self.fired[kind] = self.fired.get(kind, 0) + times
            if times:
                self.seeds_with[kind] = self.seeds_with.get(kind, 0) + 1
        self.entries += run.entries
        self.deaths += run.deaths
        self.months += run.months
        self.cpu_s += run.cpu_s
        if run.coverage is not None:
            before = len(self.coverage.states)
            self.coverage.add(run.coverage)
            at = (self.runs - 1) // 1_000
            self.new_states.extend([0] * (at + 1 - len(self.new_states)))
            self.new_states[at] += len(self.coverage.states) - before

    @property
    def bound(self) -> str:
        """What so many seeds without a failure prove, for this distribution alone."""
        if self.failures or not self.runs:
            return ""
        return (
            f"0 failures in {self.runs:,} seeds: failure rate below {3 / self.runs:.3%} (3/n) at 95 % for this"
            " distribution"
        )

    @property
    def exit(self) -> int:
        """What it comes to: 3 something was violated, 5 too many seeds proved nothing, 4 one did not settle, 0."""
        if self.violations:
            return 3
        if self.unknown * 1_000_000 > self.runs * UNKNOWN_PPM:
            return 5
        return 4 if self.unsettled else 0

    @property
    def seeds_per_core_hour(self) -> int:
        """How many seeds one core runs in an hour."""
        return round(self.runs / self.cpu_s * 3_600) if self.cpu_s else 0
