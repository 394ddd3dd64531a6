"""The books that a run leaves behind, as finance would read them, and in what two of them differ.

Rule 1. Books are compared by what they say (places, lines, money, statuses), never by how they came about.
Rule 2. A status that takes an earlier one back says the same as none: whether the PSA was told in between that a line
        stands, which then was taken away, is how it came about.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from simulators.evidence import Evidence
from simulators.world import Seen, World

TAKES_BACK = frozenset({"withdrawn", "excluded", "waived"})
"""Statuses that the PSA is told only where it was told another one before: nothing stands, as it knows itself."""


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
    """(entity, entry, version, status) as the PSA has it, where it says more than that nothing stands (rule 2)."""

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
        told.extend(
            (code, status.entry_id, status.version, status.status)
            for status in evidence.psa.values()
            if status.status not in TAKES_BACK
        )
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
