"""Makes a failing run small: the fewest misfortunes, entries, entities, days and odd settings that still fail alike.

    what is tried, in this order, each kept if the same oracle still fires
    1  one kind of fault alone; else without one after the other
    2  one entry alone (the one that was found, or one that led its batch); else without halves, quarters …
    3  no misfortune at all; else without halves, quarters … of those that struck
    4  one legal entity, fewer people, a shorter run
    5  every other setting as in a small month in which nothing goes wrong
    and once more from 1, until nothing gets smaller or the time is over

Chance is drawn under stable names, so leaving one thing out shifts no other. What changes with the entries is who
travels first in a batch, and with it the names of calls: such a step is tried like any other, and given up if the
failure goes away.

Rule 1. Smaller counts only if the same oracle fires, and in a run with a planted bug only if the bug was reached.
        What fires instead of it is another finding: its name is kept, and nothing more.
Rule 2. A smaller world keeps the assumptions under which anything is promised, as the one that was found did.
Rule 3. Nothing here is clever about why it fails. It asks, and asks again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, TypeVar

from pydantic import ValidationError

from scenarios.small import small_world
from simulators.auditors.finding import VIOLATED, Finding
from simulators.run import Outcome, entries_of, simulate
from simulators.settings import DAY_MS, WorldSettings

T = TypeVar("T")

BUDGET_S = 110.0
"""How long a shrinking may take (ours: under two minutes for whoever waits)."""
SUSPECTS = 12
"""Entries that are tried alone before halves are (ours)."""
UNSETTLED = "unsettled"
RAISED = "raised"
"""What stands for an oracle where work was left over, or where the run itself failed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """How a run failed. `finding` None: not by an auditor's finding about one entry."""

    text: str
    finding: Finding | None
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The smallest failing run that was found, and what it took.

    `entries` exist in it, `strikes` (instant, name) happened in it; `others` are oracles that fired instead at some
    step, which are findings of their own.
    """

    world: WorldSettings
    seed: int
    plant: str
    oracle: str
    failure: Failure
    entries: tuple[str, ...]
    strikes: tuple[tuple[int, str], ...]
    runs: int
    seconds: float
    others: tuple[str, ...]


def fails_alike(
    world: WorldSettings, seed: int, oracle: str, plant: str = "", others: dict[str, None] | None = None
) -> Failure | None:
    """How this run fails by this oracle; None where it does not. What else fired is put into `others`."""
    others = {} if others is None else others
    try:
        outcome = simulate(world, seed, plant=plant)
    except Exception as fault:  # a run that raises is a finding like any other
        if oracle == RAISED:
            return Failure(f"{type(fault).__name__}: {fault}", None, None)
        others[RAISED] = None
        return None
    if plant and not outcome.reached:
        return None
    if oracle == UNSETTLED and outcome.unsettled:
        return Failure(outcome.unsettled[0], None, outcome)
    violated = {held.id: held for held in outcome.held if held.status == VIOLATED}
    if oracle in violated:
        finding = violated[oracle].examples[0]
        return Failure(finding.text, finding, outcome)
    others.update(dict.fromkeys(violated))
    return None


def shrink(world: WorldSettings, seed: int, oracle: str, plant: str = "", budget_s: float = BUDGET_S) -> Shrunk | None:
    """The smallest run that fails as this one does; None where it does not fail so at all."""
    search = Search(world, seed, oracle, plant, monotonic() + budget_s)
    if not search.keep():
        return None
    before = None
    while before != search.world and not search.over:
        before = search.world
        for step in (_kinds, _entries, _strikes, _firm, _plain):
            step(search)
    return search.result(monotonic() - search.until + budget_s)


@dataclass(slots=True)
class Search:
    """One shrinking: the smallest failing world so far, how it fails, and how often was asked."""

    world: WorldSettings
    seed: int
    oracle: str
    plant: str
    until: float
    failure: Failure | None = None
    runs: int = 0
    others: dict[str, None] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Whether the time is over."""
        return monotonic() > self.until

    def keep(self, **changes: Any) -> bool:
        """Whether the world still fails with these changes; then it has them from now on."""
        if self.over:
            return False
        candidate = self.world.model_copy(update=changes)
        if changes and _keeps_the_assumptions(self.world) and not _keeps_the_assumptions(candidate):
            # It breaks what the runtime is told of the world: how that fails says nothing.
            return False
        self.runs += 1
        failure = fails_alike(candidate, self.seed, self.oracle, self.plant, self.others)
        if failure is not None:
            self.world, self.failure = candidate, failure
        return failure is not None

    def fewest(self, items: Sequence[T], keep: Callable[[tuple[T, ...]], bool]) -> None:
        """Leave out halves, then quarters, down to single ones, for as long as that fails alike (delta debugging)."""
        kept, size = tuple(items), max(1, len(items) // 2)
        while kept and not self.over:
            at, smaller = 0, False
            while at < len(kept):
                rest = kept[:at] + kept[at + size :]
                if keep(rest):
                    kept, smaller = rest, True
                else:
                    at += size
            if size == 1 and not smaller:
                return
            size = max(1, size // 2)

    @property
    def entries(self) -> tuple[str, ...]:
        """The entries that exist in the smallest world so far."""
        return self.world.only_entries if self.world.only_entries is not None else entries_of(self.world, self.seed)

    @property
    def strikes(self) -> tuple[tuple[int, str], ...]:
        """What struck in it."""
        outcome = self.failure.outcome if self.failure else None
        return tuple(outcome.strikes) if outcome else ()

    def result(self, seconds: float) -> Shrunk:
        """What was found."""
        assert self.failure is not None
        return Shrunk(
            self.world,
            self.seed,
            self.plant,
            self.oracle,
            self.failure,
            self.entries,
            self.strikes,
            self.runs,
            seconds,
            tuple(self.others),
        )


def _keeps_the_assumptions(world: WorldSettings) -> bool:
    """Whether everything in it is as the runtime was told; some bugs are planted into worlds that are not."""
    try:
        WorldSettings.model_validate(dict(world))
    except ValidationError:
        return False
    return True


# ------------------------------------------------------------------ the steps


def _kinds(search: Search) -> None:
    """One kind of fault alone; else as few as do."""
    faults = search.world.faults
    if len(faults) > 1 and any(search.keep(faults=(fault,)) for fault in faults):
        return
    search.fewest(faults, lambda kept: search.keep(faults=kept))


def _entries(search: Search) -> None:
    """One entry alone: the one that was found, or one that led a batch that was struck; else as few as do."""
    known = search.entries
    if len(known) < 2:
        return
    finding = search.failure.finding if search.failure else None
    found = [finding.entry_id] if finding and finding.entry_id in known else []
    named = [entry_id for entry_id in known if any(f"{entry_id}/" in f"{name}/" for _, name in search.strikes)]
    suspects = list(dict.fromkeys([*found, *named]))
    if any(search.keep(only_entries=(entry_id,)) for entry_id in suspects[:SUSPECTS]):
        return
    if 1 < len(suspects) < len(known):
        search.keep(only_entries=tuple(suspects))
    search.fewest(search.entries, lambda kept: bool(kept) and search.keep(only_entries=kept))


def _strikes(search: Search) -> None:
    """As few misfortunes as do; what did not happen is forbidden, so that nothing comes in its place."""
    if search.keep(only_strikes=()):
        return
    names = tuple(dict.fromkeys(name for _, name in search.strikes))
    if search.keep(only_strikes=names):
        search.fewest(names, lambda kept: search.keep(only_strikes=kept))


def _firm(search: Search) -> None:
    """One legal entity, fewer people, a run that ends soon."""
    firm = search.world.firm
    for entities, people in ((1, 1), (1, 4), (1, firm.consultants), (firm.entity_count, firm.consultants // 2)):
        smaller = firm.model_copy(update={"entity_count": entities, "consultants": max(people, entities)})
        if smaller != firm and smaller.consultants <= firm.consultants and search.keep(firm=smaller):
            break
    for days in (2, 3, 4, 6):
        drain_ms = days * DAY_MS
        if drain_ms < search.world.drain_ms and search.keep(
            drain_ms=drain_ms, calm_before_end_ms=min(search.world.calm_before_end_ms, drain_ms // 2)
        ):
            break


_OTHER_STEPS = frozenset({"faults", "only_entries", "only_strikes", "firm", "drain_ms", "calm_before_end_ms"})


def _plain(search: Search) -> None:
    """Every other setting as in the quiet small month: whole groups first, then field by field."""
    quiet = small_world()
    for name in WorldSettings.model_fields:
        plain = getattr(quiet, name)
        if name in _OTHER_STEPS or getattr(search.world, name) == plain or search.keep(**{name: plain}):
            continue
        for inner in getattr(type(plain), "model_fields", ()):
            group = getattr(search.world, name)
            if getattr(group, inner) != getattr(plain, inner):
                search.keep(**{name: group.model_copy(update={inner: getattr(plain, inner)})})
