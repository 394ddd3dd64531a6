"""Every crash of the golden months: one death or two at named places, after which the books are equal.

    boundary    before     nothing of it is durable
                torn       in the middle: a frame is half there, and nobody was told of it
                after      all of it is durable, and nothing has followed from it
                again      after, and once more when the successor has made durable that it took over
    call        leaving    it is durable that it leaves
                checked    the lease was looked at
                sent       it is on the wire
                heard      its answer has come, and nothing of it is durable
    pair        two boundaries of a tiny month, with every choice of sides

A second boundary is counted in the run that the first death has already disturbed, so that what a recovery makes
durable is struck as well.

Rule 1. A crash disturbs the path and must not disturb the end.
Rule 2. A run whose crash never struck proves nothing.
Rule 3. The list is the same in every process. Single crashes follow from the undisturbed month, the pairs from the
        runs with their first death.
"""

import gc
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from scenarios.books import Books, books_of
from scenarios.golden import GOLDENS, Golden
from simulators.auditors.audit import audit
from simulators.auditors.finding import HELD
from simulators.faults.process import STEPS, CrashAtBoundary, CrashAtCall
from simulators.firm.build import build_firm
from simulators.firm.model import Firm
from simulators.people.acts import Act
from simulators.people.plan import plan_month
from simulators.run import allowances
from simulators.settings import RuntimeSettings
from simulators.world import World

SIDES = ("before", "torn", "after")
KINDS = (*SIDES, "again", *STEPS, "pair")
"""Every kind of crash, in the order of the figures."""
STRIDE = 1_009
"""A prime: by such steps turns walk all over a list before they meet anything twice (no list is a multiple of it)."""


@dataclass(frozen=True, slots=True)
class Death:
    """The death of an entity's process at its boundary (`place` is one of SIDES) or call (one of STEPS) `number`."""

    entity: str
    place: str
    number: int

    @property
    def fault(self) -> CrashAtBoundary | CrashAtCall:
        """The death as a fault."""
        where = {"entities": (self.entity,)}
        if self.place in SIDES:
            return CrashAtBoundary.model_validate({**where, "boundary": self.number, "when": self.place})
        return CrashAtCall.model_validate({**where, "call": self.number, "step": self.place})

    def __str__(self) -> str:
        return f"{self.entity}/{self.place}/{self.number}"


@dataclass(frozen=True, slots=True)
class Crash:
    """One death in a golden month, or two. As text: `hasty:DE01/after/17+DE01/torn/18`."""

    golden: str
    kind: str
    deaths: tuple[Death, ...]

    def __str__(self) -> str:
        return f"{self.golden}:{'+'.join(map(str, self.deaths))}"

    @classmethod
    def told(cls, text: str) -> "Crash":
        """The crash that is written so. Raises ValueError for anything else."""
        golden, _, rest = text.partition(":")
        deaths = []
        for part in rest.split("+"):
            entity, place, number = part.split("/") if part.count("/") == 2 else ("", "", "")
            if place not in (*SIDES, *STEPS) or not number.isdigit() or number == "0":
                raise ValueError(f"{text}: {part or 'nothing'} is no death; write ENTITY/PLACE/NUMBER")
            deaths.append(Death(entity, place, int(number)))
        if golden not in GOLDENS:
            raise ValueError(f"{text}: no golden month is called {golden!r}; there are {', '.join(GOLDENS)}")
        return cls(golden, deaths[0].place if len(deaths) == 1 else "pair", tuple(deaths))


# ------------------------------------------------------------------ one run


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run of a golden month ended. `boundaries`, `calls`: by entity; `deaths`: of processes; `torn`: frames of
    which half was left on the disk; `records`: made in all, by kind."""

    books: Books
    wrong: tuple[str, ...]
    boundaries: dict[str, int]
    calls: dict[str, int]
    deaths: int
    torn: int
    records: dict[str, int]


@cache
def _plan_of(name: str, seed: int) -> tuple[Firm, list[Act]]:
    world = GOLDENS[name].world
    firm = build_firm(world.firm, seed)
    return firm, plan_month(firm, world.people, seed)


def ending_of(
    golden: Golden, *deaths: Death, seed: int | None = None, runtime: RuntimeSettings | None = None
) -> Ending:
    """Run a golden month, with these deaths in it; with its own seed and runtime unless others are given."""
    seed = golden.seed if seed is None else seed
    firm, acts = _plan_of(golden.name, seed)
    faults = (*golden.world.faults, *(death.fault for death in deaths))
    settings = golden.world.model_copy(update={"faults": faults, "runtime": runtime or golden.world.runtime})
    collecting = gc.isenabled()
    # A world is small and is taken apart below: the cycle collector would only walk its objects again and again.
    gc.disable()
    try:
        world = World(settings, seed, firm, acts, [entity.code for entity in firm.entities])
        seen = world.run()
        held = audit(firm, seen.evidences, seen.accounts, allowances(settings, seen))
        wrong = [f"{h.id} {h.status}: {h.examples[0].text if h.examples else ''}" for h in held if h.status != HELD]
        torn = sum(lane.disk.torn_tails for lane in world.lanes.values())
        books = books_of(seen, world)
        world.let_go()
    finally:
        if collecting:
            gc.enable()
    return Ending(books, (*wrong, *seen.unsettled), seen.boundaries, seen.calls, seen.deaths, torn, seen.records)


@cache
def undisturbed(name: str) -> Ending:
    """The golden month by itself; run once a process."""
    return ending_of(GOLDENS[name])


# ------------------------------------------------------------------ all of them


def every_crash(golden: Golden) -> Iterator[Crash]:
    """One death at every boundary, on each side, and again in recovery; one at every step of every call."""
    quiet = undisturbed(golden.name)
    for entity, boundaries in sorted(quiet.boundaries.items()):
        for number in range(1, boundaries + 1):
            for side in SIDES:
                yield Crash(golden.name, side, (Death(entity, side, number),))
            yield Crash(golden.name, "again", (Death(entity, "after", number), Death(entity, "after", number + 1)))
    for entity, calls in sorted(quiet.calls.items()):
        for number in range(1, calls + 1):
            for step in STEPS:
                yield Crash(golden.name, step, (Death(entity, step, number),))


def first_deaths(golden: Golden) -> tuple[Death, ...]:
    """With what a pair can begin: a death at any boundary, on any side."""
    boundaries = sorted(undisturbed(golden.name).boundaries.items())
    return tuple(Death(entity, side, i) for entity, last in boundaries for i in range(1, last + 1) for side in SIDES)


def pairs_after(golden: Golden, first: Death) -> list[Crash]:
    """The pairs that begin with this death: its own later boundaries, and all of the entities that come after it."""
    return [
        Crash(golden.name, "pair", (first, Death(entity, side, number)))
        for entity, last in sorted(ending_of(golden, first).boundaries.items())
        if entity >= first.entity
        for number in range(first.number + 1 if entity == first.entity else 1, last + 1)
        for side in SIDES
    ]


def every_pair(golden: Golden) -> Iterator[Crash]:
    """Two deaths at every pair of boundaries, on any side of each."""
    for first in first_deaths(golden):
        yield from pairs_after(golden, first)


def crash_by_turn(turn: int) -> Crash:
    """The golden months by turns, and in each its crashes by turns; in a tiny one every other is a pair."""
    golden = list(GOLDENS.values())[turn % len(GOLDENS)]
    turn //= len(GOLDENS)
    if golden.tiny and turn % 2:
        firsts = first_deaths(golden)
        pairs = pairs_after(golden, firsts[turn // 2 * STRIDE % len(firsts)])
        return pairs[turn // 2 // len(firsts) * STRIDE % len(pairs)]
    crashes = _crashes_of(golden.name)
    return crashes[(turn // 2 if golden.tiny else turn) * STRIDE % len(crashes)]


@cache
def _crashes_of(name: str) -> tuple[Crash, ...]:
    return tuple(every_crash(GOLDENS[name]))


# ------------------------------------------------------------------ what came of it


@dataclass(frozen=True, slots=True)
class Struck:
    """What a crash did. `said`: how the books differ, or what else was wrong; empty if they end the same. `torn`:
    frames of which half was left on the disk."""

    crash: Crash
    said: str
    torn: int


def strike(crash: Crash) -> Struck:
    """Let it happen, and compare the books with those of the undisturbed run."""
    try:
        ending = ending_of(GOLDENS[crash.golden], *crash.deaths)
    except Exception as fault:  # whatever is raised after a crash is what the crash did
        return Struck(crash, f"raised {type(fault).__name__}: {fault}", 0)
    return Struck(crash, _said(crash, ending), ending.torn)


def _said(crash: Crash, ending: Ending) -> str:
    if ending.deaths != len(crash.deaths):
        return f"the process died {ending.deaths} times, not {len(crash.deaths)}"
    if ending.wrong:
        return ending.wrong[0]
    return undisturbed(crash.golden).books.difference(ending.books)
