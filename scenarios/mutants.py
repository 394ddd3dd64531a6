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

from scenarios.choose import with_changes, with_plant
from scenarios.isolation import TWO_RUNS, isolation
from scenarios.record import record
from scenarios.shrink import RAISED, shrink
from scenarios.small import UNBEARABLE, small_world, swarm_world
from simulators.auditors.finding import VIOLATED, Held
from simulators.plants.catalogue import NOT_YET, PLANTS, SECTIONS, TWINS
from simulators.plants.plant import Plant
from simulators.run import not_held, simulate
from simulators.settings import WorldSettings

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


def fire(shot: Shot, base: WorldSettings | None = None) -> Hit:
    """Run a month (the small one, if none is given) with the bug in it; a twin has the swarm's month of its seed."""
    if shot.name in TWINS:
        return _twin(shot)
    plant = PLANTS[shot.name]
    world = with_plant(base or small_world(), plant)
    if plant.caught_by in TWO_RUNS:
        return _two_runs(shot, plant, world)
    try:
        outcome = simulate(world, shot.seed, plant=plant.name)
    except Exception as fault:  # an assertion of the core that stops a bug has caught it, and is told as such
        said = f"{type(fault).__name__}: {fault}"
        return Hit(shot.name, shot.seed, 1, (RAISED,), said, plant.caught_by == RAISED)
    return _hit(shot, plant, outcome.held, outcome.reached)


def _hit(shot: Shot, plant: Plant, held: Iterable[Held], reached: int) -> Hit:
    violated = {each.id: each for each in held if each.status == VIOLATED}
    found = violated.get(plant.caught_by)
    example = found.examples[0].text if found else ""
    return Hit(shot.name, shot.seed, reached, tuple(violated), example, found is not None and reached > 0)


def _two_runs(shot: Shot, plant: Plant, world: WorldSettings) -> Hit:
    """The bug's misfortunes are those of one entity; the other ones' books are compared with and without them."""
    confined = {entity for fault in plant.faults for entity in getattr(fault, "entities", ())}
    assert len(confined) == 1, f"{plant.name}: its faults name one entity"
    without = world.model_copy(update={"faults": tuple(f for f in world.faults if f not in plant.faults)})
    held, reached = isolation(without, plant.faults, confined.pop(), shot.seed, plant)
    return _hit(shot, plant, held, reached)


def _twin(shot: Shot) -> Hit:
    """What the twin's faults strike is added to what the seed drew; its ERP and its people stay the seed's, as far as
    the twin says nothing of them. A fault that the drawn ERP cannot bear is left out."""
    twin, world = TWINS[shot.name], swarm_world(shot.seed)
    drawn = {fault.kind for fault in world.faults} | set(UNBEARABLE.get(world.erp.idempotency.value, ()))
    faults = (*world.faults, *(fault for fault in twin.faults if fault.kind not in drawn))
    changed = with_changes(world, twin.changes).model_copy(update={"faults": faults})
    try:
        outcome = simulate(changed, shot.seed, plant=twin.name)
    except Exception as fault:  # a twin that raises is an alarm
        return Hit(shot.name, shot.seed, 1, (RAISED,), "", False, f"{type(fault).__name__}: {fault}")
    alarm = "; ".join([*not_held(outcome), *outcome.unsettled])
    return Hit(shot.name, shot.seed, outcome.reached, (), "", False, alarm)


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
