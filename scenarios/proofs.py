"""Proofs that are more than one run: swarms, crashes at every boundary, planted bugs. Each question is a function here;
`scripts/prove.py` asks them at full length, `tests/laws` a small part of each on every change.

Rule 1. A run without violation is no proof unless every invariant could look: "unknown" counts as not held.
Rule 2. Books are compared by what they say (places, lines, money, statuses), never by how they came about.
Rule 3. A crash disturbs the path and must not disturb the end; a run whose crash never struck proves nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from scenarios.choose import with_plant
from scenarios.small import GOLDEN
from simulators.auditors.audit import audit
from simulators.auditors.finding import HELD
from simulators.evidence import Evidence
from simulators.faults.bases import FaultData
from simulators.faults.process import CrashAtBoundary
from simulators.firm.build import build_firm
from simulators.firm.model import Firm
from simulators.people.acts import Act
from simulators.people.plan import plan_month
from simulators.plants.catalogue import PLANTS
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
    """Run `base` with the bug planted."""
    outcome = simulate(with_plant(base, PLANTS[plant]), seed, plant=plant)
    declared = PLANTS[plant].caught_by
    violated = {held.id: held for held in outcome.held if held.violations}
    example = violated[declared].examples[0].text if declared in violated else ""
    others = tuple(key for key in violated if key != declared)
    return PlantRun(seed, outcome.reached, declared in violated, others, example)
