"""What of the simulated space a swarm has not seen: edges, cells, pairs, probes; in words, and as where to lean next.

A cell is an edge with a kind of fault active while it was taken. Cells of edges that nobody took are counted with the
edge; cells of an edge and a kind that both came up, and never together, are the holes that leaning can close.
"""

from dataclasses import dataclass
from itertools import combinations

from simulators.coverage import EDGES, Coverage
from simulators.faults.kinds import FAULT_KINDS
from simulators.probes import PROBES

LEANING = 4
"""Kinds of fault that the swarm leans towards at a time (ours: more would be all-on)."""

_LEAVE = (
    "needs work that is corrected into leave, or leave into work: simulated people never change the type of time;"
    " tests/runtime/core/test_books.py does"
)
_WHOSE = (
    "needs a 403 of which nobody says whose call met it: the simulated desk always says so, and the entity is barred"
    " instead; tests/runtime/core/test_account.py leaves it out"
)
_SESSIONS = (
    "needs an account without sessions whose probe meets 401 or 403: every simulated account has sessions;"
    " tests/runtime/core/test_account.py has one without, in open and broken"
)
_SHOWN_LATE = (
    "needs a row of ours that the ledger does not show under its key, and shows under its entry a moment later, or one"
    " that was turned away at the door and landed all the same, which A6 excludes"
)
_NEVER = "listed in MODES, and decided nowhere: "
WHY_NOT: dict[str, str] = {
    **{
        f"{phase}|EntryExcluded": _LEAVE
        for phase in ("resting", "in_flight", "staged", "in_doubt", "posted", "parked", "waived")
    },
    "excluded|EntryReceived": _LEAVE,
    "staged|EntryParked": "needs a staged row that is lost from sight, or stands twice: the mock ERP shows each until"
    " it is posted or rejected; tests/runtime/core/test_staging.py loses one",
    "in_doubt|EntryParked": "needs a line under our key that is not ours, or stands twice: the mock ERP keeps what it"
    " was sent; planted bug A25 takes it, and so does tests/runtime/core/test_doubt.py",
    **{f"{mode}|LockedOut": _WHOSE for mode in ("open", "throttled", "maintenance", "broken")},
    "locked_out|LockedOut": "needs a lock that outlasts the half hour after which the login is tried again: the mock"
    " ERP's ends by then; scheduled: a lock of its own length",
    "maintenance|BreakerTripped": _SESSIONS,
    "broken|BreakerTripped": _SESSIONS,
    **{f"unconfirmed|{what}": _SHOWN_LATE for what in ("RowsApplied", "RowsStaged")},
    "open|LoggedIn": _NEVER + "a login begins only where one is needed, and that ends only with it",
    "throttled|ServedAgain": _NEVER + "a call that was served says nothing about a rest that was asked for",
    "logged_out|MaintenanceBegan": _NEVER + "while a login is needed, its own answers say whether the system is down",
}
"""Edge that swarms do not take to the reason, or to where it is taken instead."""


@dataclass(frozen=True, slots=True)
class Space:
    """What was seen of everything that there is, and what was not."""

    edges: tuple[int, int]
    cells: tuple[int, int]
    pairs: tuple[int, int]
    probes: tuple[int, int]
    zero_edges: tuple[str, ...]
    zero_cells: tuple[tuple[str, str], ...]
    """(edge, kind) of edges that were taken and kinds that struck, never together."""
    zero_pairs: tuple[tuple[str, str], ...]
    zero_probes: tuple[str, ...]


def space_of(coverage: Coverage) -> Space:
    """How much of the space was seen."""
    kinds = sorted({kind for _, kind in coverage.cells} | {*FAULT_KINDS})
    taken = [edge for edge in EDGES if coverage.edges[edge]]
    all_pairs = [*combinations(sorted(FAULT_KINDS), 2)]
    return Space(
        (len(taken), len(EDGES)),
        (len(coverage.cells), len(EDGES) * len(kinds)),
        (sum(1 for pair in all_pairs if coverage.pairs[pair]), len(all_pairs)),
        (sum(1 for probe in PROBES if coverage.probes[probe.name]), len(PROBES)),
        tuple(edge for edge in EDGES if not coverage.edges[edge]),
        tuple((edge, kind) for edge in taken for kind in FAULT_KINDS if not coverage.cells[edge, kind]),
        tuple(pair for pair in all_pairs if not coverage.pairs[pair]),
        tuple(probe.name for probe in PROBES if not coverage.probes[probe.name]),
    )


def lean_towards(coverage: Coverage) -> tuple[str, ...]:
    """The kinds with the most holes, counted at the edges that are taken often: there a hole is no accident."""
    often = coverage.runs // 50
    holes = {
        kind: sum(1 for edge in EDGES if coverage.edges[edge] > often and not coverage.cells[edge, kind])
        for kind in FAULT_KINDS
    }
    ranked = sorted((kind for kind in holes if holes[kind]), key=lambda kind: (-holes[kind], kind))
    return tuple(sorted(ranked[:LEANING]))


def space_words(coverage: Coverage) -> list[str]:
    """The coverage in a few lines."""
    space = space_of(coverage)
    lines = [
        f"coverage: {_of(space.edges)} edges, {_of(space.cells)} cells (edge under a fault),"
        f" {_of(space.pairs)} pairs of faults within one entry's life, {_of(space.probes)} rare probes",
        f"{len(coverage.states):,} abstract states; the next seed shows a new one with {coverage.unseen_share:.1%}",
    ]
    if space.zero_probes:
        lines.append(f"never seen: {'; '.join(space.zero_probes)}")
    unexplained = [edge for edge in space.zero_edges if edge not in WHY_NOT]
    if unexplained:
        lines.append(f"edges never taken: {', '.join(unexplained)}")
    explained = len(space.zero_edges) - len(unexplained)
    if explained:
        lines.append(f"{explained} more edges are not for a swarm to take; swarm.html says why")
    return lines


def _of(numbers: tuple[int, int]) -> str:
    return f"{numbers[0]:,} of {numbers[1]:,}"
