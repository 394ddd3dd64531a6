"""How much of the space a run walked through: which edges were taken, under which misfortunes, in which states.

    edges    every move of an entry (`MOVES`) and of an account (`MODES`): "queued|BatchSent", "open|Throttled"
    cells    an edge, and a kind of fault that was active in that legal entity while it was taken
    pairs    two kinds of fault that struck within the life of one entry, from its approval to its last line
    probes   named rare events (`simulators.probes`): "a late landing after the period closed"
    states   abstract states of an entry and what is around it, as short hashes; for "is there anything new?"

A watch wraps the two functions through which everything moves, for as long as the block lasts; without one a run
pays nothing. What a process that recovers goes through again was walked before, under other circumstances, and does
not count. A fault of chance is active for `ACTIVE_MS` after it struck, one of the calendar until it ends.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import combinations
from typing import Any

from runtime.core.account import MODES
from runtime.core.partition.moves import MOVES
from simulators.plants.replace import Function, replaced
from simulators.probes import probes_hit
from simulators.world import Seen, World

ACTIVE_MS = 2 * 3_600_000
"""How long a strike of chance counts as active (ours: longer than a doubt lasts, shorter than a day)."""

ENTRY_EDGES: tuple[str, ...] = tuple(f"{phase}|{cause.__name__}" for phase, after in MOVES.items() for cause in after)
ACCOUNT_EDGES: tuple[str, ...] = tuple(f"{mode}|{cause.__name__}" for mode, after in MODES.items() for cause in after)
EDGES = (*ENTRY_EDGES, *ACCOUNT_EDGES)
"""Every edge that there is, in the order of the tables."""


@dataclass(slots=True)
class Coverage:
    """What one run, or many together, walked through. Counts are runs, not times."""

    runs: int = 0
    edges: Counter[str] = field(default_factory=Counter)
    cells: Counter[tuple[str, str]] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    probes: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Coverage") -> None:
        """Count another run, or others, in."""
        self.runs += other.runs
        self.edges.update(other.edges)
        self.cells.update(other.cells)
        self.pairs.update(other.pairs)
        self.probes.update(other.probes)
        self.states.update(other.states)

    @property
    def unseen_share(self) -> float:
        """Good and Turing: how likely the next run is to show a state that none has shown yet, at most 1."""
        once = sum(1 for times in self.states.values() if times == 1)
        return min(1.0, once / self.runs) if self.runs else 1.0


def one_run(parts: Iterable[Coverage]) -> Coverage:
    """The coverage of one run that was simulated in parts."""
    whole = Coverage()
    for part in parts:
        whole.add(part)
    return Coverage(
        1,
        Counter(whole.edges.keys()),
        Counter(whole.cells.keys()),
        Counter(whole.pairs.keys()),
        Counter(whole.probes.keys()),
        Counter(whole.states.keys()),
    )


class Watch:
    """Looks on while one world happens."""

    def __init__(self) -> None:
        self.world: World | None = None
        self._edges: set[str] = set()
        self._cells: set[tuple[str, str]] = set()
        self._states: set[tuple[Any, ...]] = set()
        self._read = 0
        """Strikes that were read so far."""
        self._reads_again = False
        """A process recovers."""
        self._active: dict[str, dict[str, int]] = {}
        """Entity or account to kind of fault to the instant until which it is active."""

    @contextmanager
    def looking(self) -> Iterator["Watch"]:
        """While the block lasts, every move is seen."""
        with (
            replaced("runtime.core.partition.state:move", self._entries),
            replaced("runtime.core.account:apply_account", self._accounts),
            replaced("runtime.drivers.shell:Shell.recover", self._recoveries),
        ):
            yield self

    def _recoveries(self, recover: Function) -> Function:
        def recovered(shell: Any) -> None:
            self._reads_again = True
            try:
                recover(shell)
            finally:
                self._reads_again = False

        return recovered

    def _entries(self, move: Function) -> Function:
        def moved(state: Any, entry: Any, cause: type) -> Any:
            before = move(state, entry, cause)
            if self._reads_again:
                return before
            edge = f"{before}|{cause.__name__}"
            self._edges.add(edge)
            if self.world is not None:
                code, now_ms = state.policy.entity, state.now_ms
                self._note(edge, code, now_ms)
                self._states.add(self._state_of(entry, code))
            return before

        return moved

    def _accounts(self, apply_account: Function) -> Function:
        def applied(account: Any, record: Any, now_ms: int) -> None:
            if type(record) in MODES[account.mode]:
                edge = f"{account.mode}|{type(record).__name__}"
                self._edges.add(edge)
                if self.world is not None:
                    self._note(edge, account.policy.account, now_ms)
            apply_account(account, record, now_ms)

        return applied

    def _note(self, edge: str, where: str, now_ms: int) -> None:
        self._read_strikes()
        for kind, until_ms in self._active.get(where, {}).items():
            if until_ms > now_ms:
                self._cells.add((edge, kind))

    def _read_strikes(self) -> None:
        assert self.world is not None
        strikes = self.world.weather.strikes
        while self._read < len(strikes):
            at_ms, name = strikes[self._read]
            self._read += 1
            kind = name.partition(":")[0]
            until_ms = self.world.weather.lasting_ms.get(name, at_ms + ACTIVE_MS)
            for where in whom(name, self.world):
                active = self._active.setdefault(where, {})
                active[kind] = max(until_ms, active.get(kind, 0))

    def _state_of(self, entry: Any, code: str) -> tuple[Any, ...]:
        assert self.world is not None
        lane = self.world.lanes[code]
        return (
            entry.phase,
            min(len(entry.versions), 4),
            entry.standing is not None,
            entry.by_hand,
            entry.park.reason if entry.park is not None else "",
            min(entry.refusals, 3),
            entry.entry is None,
            entry.reversed is not None,
            min(entry.intents, 3),
            lane.erp_desk.account.mode,
            lane.psa_desk.account.mode,
            lane.tally.deaths > 0,
        )

    def coverage(self, seen: Seen) -> Coverage:
        """What was seen, once the run is over."""
        return Coverage(
            1,
            Counter(self._edges),
            Counter(self._cells),
            Counter(_pairs(seen)),
            Counter(probes_hit(seen)),
            Counter({blake2b(repr(each).encode(), digest_size=8).hexdigest() for each in self._states}),
        )


def whom(name: str, world: World) -> list[str]:
    """The entities and accounts that a strike concerns, from its name: an account's are also its entities'."""
    about = name.partition(":")[2].split("/")
    if about[0] in world.desks:
        account = about[0]
        return [account, *(e.code for e in world.entities if account in (e.erp_account, e.psa_account))]
    code = next((each for each in about[:2] if each in world.by_code), "")
    if not code:
        return [*world.desks, *world.by_code]
    entity = world.by_code[code]
    return [code, entity.erp_account, entity.psa_account]


def _pairs(seen: Seen) -> set[tuple[str, str]]:
    """Kinds of fault that struck the same entity while one entry was under way."""
    found: set[tuple[str, str]] = set()
    accounts = {e.code: (e.erp_account, e.psa_account) for e in seen.firm.entities}
    for code, evidence in seen.evidences.items():
        near = (code, *accounts[code])
        strikes = [
            (at_ms, name.partition(":")[0])
            for at_ms, name in seen.strikes
            if any(each in near for each in name.partition(":")[2].split("/")[:2])
        ]
        if len({kind for _, kind in strikes}) < 2:
            continue
        last_line = {line.entry_id: line.at_ms for line in evidence.lines}
        lives = {
            (versions[0].at_ms, last_line.get(entry_id, seen.end_ms))
            for entry_id, versions in evidence.versions.items()
        }
        told: set[frozenset[str]] = set()
        for from_ms, until_ms in lives:
            kinds = frozenset(kind for at_ms, kind in strikes if from_ms <= at_ms <= until_ms)
            if len(kinds) > 1 and kinds not in told:
                told.add(kinds)
                found.update(combinations(sorted(kinds), 2))
    return found
