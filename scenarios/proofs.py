"""Proofs that are more than one run: swarms, crashes at every boundary, planted bugs. Each question is a function here;
`scripts/prove.py` asks them at full length, `tests/laws` a small part of each on every change.

Rule 1. A run without violation is no proof unless every invariant could look: "unknown" counts as not held.
Rule 2. Books are compared by what they say (places, lines, money, statuses), never by how they came about.
Rule 3. A crash disturbs the path and must not disturb the end; a run whose crash never struck proves nothing.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache

from scenarios.choose import with_changes, with_plant
from scenarios.small import GOLDEN, UNBEARABLE, swarm_world
from simulators.auditors.audit import audit
from simulators.auditors.finding import HELD, Held
from simulators.auditors.isolation import isolated
from simulators.evidence import Evidence
from simulators.faults.bases import FaultData
from simulators.faults.process import CrashAtBoundary
from simulators.firm.build import build_firm
from simulators.firm.model import Firm
from simulators.people.acts import Act
from simulators.people.plan import plan_month
from simulators.plants.catalogue import PLANTS, TWINS
from simulators.plants.plant import Plant, planting
from simulators.run import Outcome, allowances, simulate
from simulators.settings import WorldSettings
from simulators.world import Seen, World


def not_held(outcome: Outcome) -> tuple[str, ...]:
    """Every invariant that was violated or could not be judged, with its first example."""
    return tuple(
        f"{held.id} {held.status}: {held.examples[0].text if held.examples else 'too little to look at'}"
        for held in outcome.held
        if held.status != HELD
    )


# ------------------------------------------------------------------ the books


@dataclass(frozen=True, slots=True)
class Books:
    """What a run leaves behind, as finance would read it. Minor units; every tuple sorted."""

    places: tuple[tuple[str, str, int, str, str, int | None], ...]
    """(entity, entry, version, place, reason, bill value)"""
    standing: tuple[tuple[str, str, int, str, str, int, int, str, int, str], ...]
    """(entity, entry, version, project, accounting date, quarters, bill, currency, cost, currency) of each line."""
    money: tuple[tuple[str, str, str, int], ...]
    """(entity, place, currency, bill value)"""
    told: tuple[tuple[str, str, int, str], ...]
    """(entity, entry, version, status) as the PSA has it."""

    def difference(self, other: "Books") -> str:
        """The first thing that the other books say differently; empty if they say the same."""
        for name in ("places", "standing", "money", "told"):
            ours, theirs = getattr(self, name), getattr(other, name)
            if ours != theirs:
                lost = next((row for row in ours if row not in theirs), None)
                new = next((row for row in theirs if row not in ours), None)
                return f"{name}: {lost or 'nothing'} became {new or 'nothing'}"
        return ""


def books_of(seen: Seen, world: World) -> Books:
    """The books at the end of a run."""
    places: list[tuple[str, str, int, str, str, int | None]] = []
    standing: list[tuple[str, str, int, str, str, int, int, str, int, str]] = []
    money: list[tuple[str, str, str, int]] = []
    told: list[tuple[str, str, int, str]] = []
    for code, evidence in seen.evidences.items():
        places.extend((code, f.entry_id, f.version, f.place, f.reason, f.bill_minor) for f in evidence.final)
        standing.extend(_standing(code, evidence))
        told.extend((code, status.entry_id, status.version, status.status) for status in evidence.psa.values())
        shell = world.lanes[code].shell
        if shell is not None:
            for place, held in shell.state.head.books.money.items():
                money.extend((code, place.value, currency, minor) for currency, minor in held.items() if minor)
    return Books(
        tuple(sorted(places, key=lambda row: row[:3])),
        tuple(sorted(standing)),
        tuple(sorted(money)),
        tuple(sorted(told)),
    )


def _standing(code: str, evidence: Evidence) -> Iterator[tuple[str, str, int, str, str, int, int, str, int, str]]:
    reversed_keys = {line.reverses for line in evidence.lines if line.leg == "reverse"}
    for line in evidence.lines:
        if line.leg == "post" and line.key not in reversed_keys:
            yield (
                code,
                line.entry_id,
                line.version,
                line.project,
                line.accounting_date.isoformat(),
                line.quarter_hours,
                line.bill_minor,
                line.bill_currency,
                line.cost_minor,
                line.cost_currency,
            )


# ------------------------------------------------------------------ crashes


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run of the golden scenario ended. `boundaries`: durable boundaries per entity; `deaths`: of processes."""

    books: Books
    wrong: tuple[str, ...]
    boundaries: dict[str, int]
    deaths: int


@dataclass(frozen=True, slots=True)
class Crash:
    """The death of an entity's process right before or after a boundary, and again `again` boundaries later (0: once).

    Again after 1 is a death during recovery: the first thing that a successor makes durable is that it took over.
    """

    entity: str
    boundary: int
    when: str
    again: int = 0

    @property
    def faults(self) -> tuple[CrashAtBoundary, ...]:
        """The crash as faults."""
        numbers = (self.boundary, self.boundary + self.again) if self.again else (self.boundary,)
        return tuple(
            CrashAtBoundary(
                boundary=number, when="before" if self.when == "before" else "after", entities=(self.entity,)
            )
            for number in numbers
        )


GOLDEN_SEED = 1


@lru_cache(maxsize=2)
def _golden_firm(seed: int) -> tuple[Firm, list[Act]]:
    firm = build_firm(GOLDEN.firm, seed)
    return firm, plan_month(firm, GOLDEN.people, seed)


def golden_ending(*faults: FaultData, settings: WorldSettings = GOLDEN, seed: int = GOLDEN_SEED) -> Ending:
    """Run the golden scenario, with these faults added."""
    firm, acts = _golden_firm(seed)
    disturbed = settings.model_copy(update={"faults": (*settings.faults, *faults)})
    world = World(disturbed, seed, firm, acts, [entity.code for entity in firm.entities])
    seen = world.run()
    held = audit(firm, seen.evidences, seen.accounts, allowances(disturbed, seen))
    wrong = [f"{h.id} {h.status}: {h.examples[0].text if h.examples else ''}" for h in held if h.status != HELD]
    return Ending(books_of(seen, world), (*wrong, *seen.unsettled), seen.boundaries, seen.deaths)


def every_crash(boundaries: dict[str, int]) -> list[Crash]:
    """Before and after every durable boundary of every entity, and after each with a second death while recovering."""
    return [
        crash
        for entity in sorted(boundaries)
        for number in range(1, boundaries[entity] + 1)
        for crash in (
            Crash(entity, number, "before"),
            Crash(entity, number, "after"),
            Crash(entity, number, "after", again=1),
        )
    ]


def survives(crash: Crash) -> str:
    """What the crash did to the books; empty if they end the same. The undisturbed run is made once a process."""
    quiet = _undisturbed()
    ending = golden_ending(*crash.faults)
    meant = 2 if crash.again else 1
    if ending.deaths != meant:
        return f"{crash}: the process died {ending.deaths} times, not {meant}"
    if ending.wrong:
        return f"{crash}: {ending.wrong[0]}"
    difference = quiet.books.difference(ending.books)
    return f"{crash}: {difference}" if difference else ""


@lru_cache(maxsize=1)
def _undisturbed() -> Ending:
    return golden_ending()


# ------------------------------------------------------------------ planted bugs


@dataclass(frozen=True, slots=True)
class PlantRun:
    """One seed with a planted bug. `caught`: the oracle that the plant declares found it; `others`: what else did."""

    seed: int
    reached: int
    caught: bool
    others: tuple[str, ...]
    example: str


def plant_run(base: WorldSettings, plant: str, seed: int) -> PlantRun:
    """Run `base` with the bug planted; twice, where the oracle compares two runs."""
    if PLANTS[plant].caught_by in TWO_RUNS:
        return _isolated_plant_run(base, plant, seed)
    outcome = simulate(with_plant(base, PLANTS[plant]), seed, plant=plant)
    declared = PLANTS[plant].caught_by
    violated = {held.id: held for held in outcome.held if held.violations}
    example = violated[declared].examples[0].text if declared in violated else ""
    others = tuple(key for key in violated if key != declared)
    return PlantRun(seed, outcome.reached, declared in violated, others, example)


TWO_RUNS = ("S16", "L4")
"""Oracles that compare a run with a misfortune for one legal entity to the same run without it."""


def isolation(
    base: WorldSettings, faults: tuple[FaultData, ...], entity: str, seed: int, plant: Plant | None = None
) -> tuple[list[Held], int]:
    """S16 and L4: `base` without and with these faults, which must be confined to `entity`, and how often a plant
    was reached."""
    firm = build_firm(base.firm, seed)
    acts = plan_month(firm, base.people, seed)
    codes = [each.code for each in firm.entities]
    evidences: list[dict[str, Evidence]] = []
    reached = 0
    for disturbed in (base, base.model_copy(update={"faults": (*base.faults, *faults)})):
        # What a bug remembers it may remember for one world alone.
        with planting(plant) if plant else nullcontext() as planted:
            world = World(disturbed, seed, firm, acts, codes, planted.recompose if planted else None)
            evidences.append(world.run().evidences)
        reached += planted.reached if planted else 0
    quiet, struck = evidences
    return isolated(quiet, struck, [code for code in codes if code != entity]), reached


def _isolated_plant_run(base: WorldSettings, plant: str, seed: int) -> PlantRun:
    declared = PLANTS[plant]
    world = with_plant(base, declared)
    confined = {entity for fault in declared.faults for entity in getattr(fault, "entities", ())}
    assert len(confined) == 1, f"{plant}: its faults name one entity"
    without = world.model_copy(update={"faults": tuple(f for f in world.faults if f not in declared.faults)})
    held, reached = isolation(without, declared.faults, confined.pop(), seed, declared)
    violated = {each.id: each for each in held if each.violations}
    example = violated[declared.caught_by].examples[0].text if declared.caught_by in violated else ""
    others = tuple(key for key in violated if key != declared.caught_by)
    return PlantRun(seed, reached, declared.caught_by in violated, others, example)


@dataclass(frozen=True, slots=True)
class TwinRun:
    """One seed with a twin. `alarms`: every oracle that did not hold, and work that was left over."""

    seed: int
    reached: int
    alarms: tuple[str, ...]


def twin_run(twin: str, seed: int) -> TwinRun:
    """Run the small month that `seed` stands for, with the misfortunes that the twin needs, and the twin in place.

    What the twin's faults strike is added to what the seed drew; its ERP and its people stay the seed's, as far as
    the twin says nothing of them. A fault that the drawn ERP cannot bear is left out.
    """
    plant, world = TWINS[twin], swarm_world(seed)
    drawn = {fault.kind for fault in world.faults} | set(UNBEARABLE.get(world.erp.idempotency.value, ()))
    changed = with_changes(world, plant.changes)
    faults = (*world.faults, *(fault for fault in plant.faults if fault.kind not in drawn))
    outcome = simulate(changed.model_copy(update={"faults": faults}), seed, plant=twin)
    return TwinRun(seed, outcome.reached, (*not_held(outcome), *outcome.unsettled))
