"""Planted bugs against the oracles: which is caught, by whom, how soon; and the twins, which nobody may catch.

A bug is caught when its declared oracle fires while the bug is reached; that another one fires as well is told, and
that only another one fires does not count. Power is the share of seeds that catch it: with p, 99.9 % certainty takes
ln(0.001) / ln(1 - p) seeds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil, log
from pathlib import Path
from typing import Any, TypedDict

from scenarios.choose import with_plant
from scenarios.proofs import TWO_RUNS, not_held, plant_run
from scenarios.record import record
from scenarios.shrink import RAISED, shrink
from scenarios.small import small_world
from simulators.auditors.finding import VIOLATED
from simulators.plants.catalogue import NOT_YET, PLANTS, SECTIONS, TWINS
from simulators.plants.plant import Plant
from simulators.run import simulate

SMOKE_EACH = 2
"""Bugs of each section in the smoke set."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One seed with one bug (or twin): to be run."""

    name: str
    seed: int


@dataclass(frozen=True, slots=True)
class Hit:
    """What came of a shot. `oracles`: every one that found something, in the order of the report."""

    name: str
    seed: int
    reached: int
    oracles: tuple[str, ...]
    example: str
    caught: bool = False
    """Whether the declared oracle was among them, and the bug was reached."""
    alarm: str = ""
    """For a twin: what was wrong, or left over, although nothing should be."""


@dataclass(slots=True)
class Score:
    """How one bug fared."""

    plant: Plant
    shots: int = 0
    caught: int = 0
    seeds_needed: int | None = None
    reached: int = 0
    others: dict[str, int] = field(default_factory=dict)
    example: str = ""

    def add(self, hit: Hit) -> None:
        """Count one shot in; shots come in the order of their seeds."""
        self.shots += 1
        self.reached += hit.reached
        if hit.caught:
            self.caught += 1
            if self.seeds_needed is None:
                self.seeds_needed, self.example = self.shots, hit.example
        for oracle in hit.oracles:
            if oracle != self.plant.caught_by:
                self.others[oracle] = self.others.get(oracle, 0) + 1

    @property
    def detected(self) -> bool:
        """Caught by its own oracle within its budget."""
        return self.seeds_needed is not None and self.seeds_needed <= self.plant.budget

    @property
    def rate(self) -> float:
        """The share of seeds that catch it."""
        return self.caught / self.shots if self.shots else 0.0

    @property
    def seeds_for_certainty(self) -> int | None:
        """Seeds after which it is caught with 99.9 %; None: nobody knows."""
        if not self.caught:
            return None
        return 1 if self.caught == self.shots else ceil(log(0.001) / log(1 - self.rate))

    def to_json(self) -> dict[str, Any]:
        """The row of the kill matrix."""
        return {
            "id": self.plant.number,
            "name": self.plant.name,
            "caught": self.detected,
            "caught_by": self.plant.caught_by if self.detected else "",
            "declared": self.plant.caught_by,
            "seeds_needed": self.seeds_needed,
            "budget": self.plant.budget,
            "detection_rate": round(self.rate, 4),
            "seeds_for_99_9_percent": self.seeds_for_certainty,
            "reached": self.reached,
            "also_by": self.others,
            "not_yet": "",
        }


def fire(shot: Shot) -> Hit:
    """Run the small month with the bug in it."""
    plant = PLANTS.get(shot.name) or TWINS[shot.name]
    if plant.caught_by in TWO_RUNS:
        run = plant_run(small_world(), plant.name, shot.seed)
        oracles = (plant.caught_by, *run.others) if run.caught else run.others
        return Hit(shot.name, shot.seed, run.reached, oracles, run.example, run.caught and run.reached > 0)
    try:
        outcome = simulate(with_plant(small_world(), plant), shot.seed, plant=plant.name)
    except Exception as fault:  # an assertion of the core that stops a bug has caught it, and is told as such
        said = f"{type(fault).__name__}: {fault}"
        return Hit(shot.name, shot.seed, 1, (RAISED,), said, plant.caught_by == RAISED, said)
    violated = {held.id: held for held in outcome.held if held.status == VIOLATED}
    found = violated.get(plant.caught_by)
    example = found.examples[0].text if found else ""
    alarm = "; ".join([*not_held(outcome), *outcome.unsettled]) if not plant.caught_by else ""
    caught = found is not None and outcome.reached > 0
    return Hit(shot.name, shot.seed, outcome.reached, tuple(violated), example, caught, alarm)


def chosen(names: Sequence[str]) -> list[Plant]:
    """The plants with these numbers or names, all without any. Raises LookupError with the name that is not there."""
    if not names:
        return list(PLANTS.values())
    by_number = {plant.number.upper(): plant for plant in PLANTS.values()}
    found = []
    for name in names:
        plant = PLANTS.get(name) or by_number.get(name.upper().removeprefix("PB-"))
        if plant is None:
            raise LookupError(name)
        found.append(plant)
    return found


def smoke_set() -> list[Plant]:
    """The first bugs of each section."""
    return [plant for section in SECTIONS for plant in section[:SMOKE_EACH]]


def shots_at(plants: Iterable[Plant], seeds: int | None) -> list[Shot]:
    """So many seeds at each plant, from 1 on; None: its budget."""
    return [Shot(plant.name, seed) for plant in plants for seed in range(1, (seeds or plant.budget) + 1)]


class Small(TypedDict):
    """What a shrinking came to: sizes, how often was asked, seconds, and where it was written to."""

    name: str
    seed: int
    oracle: str
    entries: int
    strikes: int
    runs: int
    seconds: float
    file: str


def make_small(first: tuple[str, int], folder: str) -> Small:
    """Shrink the failure of this bug under this seed, and write it down."""
    plant, seed = PLANTS[first[0]], first[1]
    shrunk = shrink(with_plant(small_world(), plant), seed, plant.caught_by, plant.name)
    assert shrunk is not None, f"{plant.name} under seed {seed} did not fail again"
    path = record(shrunk, Path(folder), plant.name)
    return Small(
        name=plant.name,
        seed=seed,
        oracle=plant.caught_by,
        entries=len(shrunk.entries),
        strikes=len(shrunk.strikes),
        runs=shrunk.runs,
        seconds=round(shrunk.seconds, 1),
        file=str(path),
    )


def not_yet() -> list[dict[str, Any]]:
    """Rows of the kill matrix for what has no ground yet: never counted as caught."""
    return [
        {
            "id": number,
            "name": "",
            "caught": False,
            "caught_by": "",
            "declared": "",
            "seeds_needed": None,
            "budget": 0,
            "detection_rate": 0.0,
            "seeds_for_99_9_percent": None,
            "reached": 0,
            "also_by": {},
            "not_yet": why,
        }
        for number, why in NOT_YET.items()
    ]
