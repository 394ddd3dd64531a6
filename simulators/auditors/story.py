"""All that the evidence says about one entry, put side by side: what was approved, what landed, where it ended.

A reversal is paired with the line whose key it names: first with one that still stands, else with one that was
already reversed (`again`), else with nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from simulators.auditors.calendar import BooksCalendar
from simulators.auditors.pricing import EXCLUDED, Pricing, Worth
from simulators.evidence import ApprovedVersion, Evidence, FinalPlace, LedgerLine

UNSETTLED = frozenset({"unseen", "in_flight", "staged", "in_doubt"})
"""Places where work is left; a run that has settled has nobody there (L1 says so)."""

GIVEN_UP = frozenset({"parked", "waived"})
"""Places where a version may rest without an effect in the ledger."""


@dataclass(slots=True)
class Book:
    """What all entries of one legal entity share."""

    evidence: Evidence
    pricing: Pricing
    calendar: BooksCalendar
    news_lag_ms: int
    may_finish: bool = True
    """Whether its ERP is there at the end; an entity whose ERP never came back need not finish."""


@dataclass(slots=True)
class Undoing:
    """A reversal and the line it reverses. `again`: that line had been reversed before."""

    reversal: LedgerLine
    target: LedgerLine | None
    again: bool


@dataclass(slots=True)
class Story:
    """One entry. `worths` runs beside `versions`; `lines` are in landing order; `standing` are un-reversed at the end.

    An entry that only the ledger or only the runtime knows has no versions.
    """

    book: Book
    entry_id: str
    versions: list[ApprovedVersion]
    worths: list[Worth | None]
    lines: list[LedgerLine]
    places: list[FinalPlace]
    standing: list[LedgerLine]
    undoings: list[Undoing]

    @property
    def entity(self) -> str:
        """Whose books these are."""
        return self.book.evidence.entity

    @property
    def current(self) -> ApprovedVersion | None:
        """The highest version that the source published."""
        return self.versions[-1] if self.versions else None

    @property
    def unsettled(self) -> bool:
        """Whether the runtime itself says that work is left on this entry.

        A withdrawal has no place of its own: where the ERP never came back, one over a standing line is work as well.
        """
        if any(place.place in UNSETTLED for place in self.places):
            return True
        current = self.current
        return not self.book.may_finish and current is not None and current.withdrawn and bool(self.standing)

    def published(self, number: int) -> ApprovedVersion | None:
        """The version with this number, if the source ever published it."""
        return next((version for version in self.versions if version.version == number), None)

    def worth_of(self, number: int) -> Worth | None:
        """What that version is worth, if it is priced."""
        return next((w for v, w in zip(self.versions, self.worths, strict=True) if v.version == number), None)

    def place_of(self, number: int) -> str:
        """Where the runtime says that version ended; empty when it says nothing."""
        return next((place.place for place in self.places if place.version == number), "")

    def same_effect(self, older: int, newer: int) -> bool:
        """Whether a line of `older` also serves `newer`: they differ in words only."""
        if older == newer:
            return True
        old, new = self.published(older), self.published(newer)
        if old is None or new is None or old.withdrawn or new.withdrawn:
            return False
        a, b = old.assignment, new.assignment
        return (
            self.worth_of(older) == self.worth_of(newer)
            and old.quarter_hours == new.quarter_hours
            and old.work_date == new.work_date
            and old.dimensions == new.dimensions
            and (a.project, a.task, a.worker, a.role) == (b.project, b.task, b.worker, b.role)
        )

    def should_stand(self) -> bool:
        """Whether the source wants this entry in the ledger, and it is not given up: parked, or waived by a person."""
        current = self.current
        if current is None or current.withdrawn or current.time_type in EXCLUDED:
            return False
        place = self.place_of(current.version)
        return place not in GIVEN_UP or (place == "waived" and self.entry_id not in self.book.evidence.waived)


def pair(lines: list[LedgerLine]) -> tuple[list[LedgerLine], list[Undoing]]:
    """What stands at the end, and which reversal undid what."""
    standing: list[LedgerLine] = []
    gone: list[LedgerLine] = []
    undoings: list[Undoing] = []
    for line in lines:
        if line.leg != "reverse":
            standing.append(line)
            continue
        target = next((other for other in standing if other.key == line.reverses), None)
        if target is not None:
            standing = [other for other in standing if other is not target]
            gone.append(target)
            undoings.append(Undoing(line, target, again=False))
        else:
            target = next((other for other in gone if other.key == line.reverses), None)
            undoings.append(Undoing(line, target, again=target is not None))
    return standing, undoings


def by_entry(things: Iterable[LedgerLine]) -> dict[str, list[LedgerLine]]:
    """The ledger's lines by entry, each list in landing order."""
    grouped: dict[str, list[LedgerLine]] = {}
    for thing in things:
        same = grouped.get(thing.entry_id)
        if same is None:
            grouped[thing.entry_id] = [thing]
        else:
            same.append(thing)
    return grouped


def places_by_entry(places: Iterable[FinalPlace]) -> dict[str, list[FinalPlace]]:
    """Where the runtime says the versions of each entry ended."""
    grouped: dict[str, list[FinalPlace]] = {}
    for place in places:
        same = grouped.get(place.entry_id)
        if same is None:
            grouped[place.entry_id] = [place]
        else:
            same.append(place)
    return grouped
