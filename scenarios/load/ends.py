"""Both ends of a load run, read when it is over: the ledgers of the mock systems, and the runtime's word.

    GET /admin/landings ──────────────────────────────▶ landings.csv
    versions without a line ─▶ GET /v1/trace ─────────▶ places.csv ─▶ POST /admin/audit ─▶ a second opinion
    GET /v1/status ───────────────────────────────────▶ books.csv
    GET /admin/doors, /admin/strikes ─────────────────▶ doors.csv, strikes.csv

Instants of the mock systems are of their own clock; `started_at_ms` is by that clock, and what is written is run time.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.core.model import Place
from scenarios.live.burst import Version
from scenarios.live.parts import Api
from scenarios.live.verdict import ASKED_MOST, audited, places_of
from scenarios.live.watch import Look, look
from scenarios.load.calendar import LoadCalendar
from scenarios.load.deliveries import Entry
from scenarios.load.misfortunes import Plan, unstruck
from scenarios.load.results import (
    APPROVED,
    BOOKS,
    DOORS,
    LANDINGS,
    PLACES,
    STRIKES,
    ApprovedRow,
    BookRow,
    DoorRow,
    LandingRow,
    Outage,
    PlaceRow,
    StrikeRow,
)
from scenarios.load.truth import REFUSED, UNKNOWN

BREACHES = ("lost", "double", "wrong_amount", "wrong_period", "wrong_order", "invented", "changed_rows")


@dataclass(frozen=True, slots=True)
class Known:
    """What both ends say."""

    audit: Mapping[str, Any]
    """The auditors' figures; empty where they could not judge."""
    acknowledged: Sequence[Version]
    """Versions whose sender was told that they are safe."""
    not_tried: tuple[str, ...]
    unstruck: tuple[str, ...]

    @property
    def breaches(self) -> dict[str, int]:
        """Breach to how many."""
        return {name: self.audit[name] for name in BREACHES if name in self.audit}

    @property
    def examples(self) -> tuple[str, ...]:
        """Of breaches, a few."""
        return tuple(self.audit.get("examples", ()))


@dataclass(frozen=True, slots=True)
class Ends:
    """Whom to ask, and where to write it."""

    folder: Path
    calendar: LoadCalendar
    mocks: Api
    gateway: Api
    plan: Plan
    started_at_ms: int
    with_source: bool = True
    """Whether the mock source was told of everything, so that the auditors can judge."""

    def write(
        self, unanswered: Iterable[Entry], of_processes: Iterable[Outage] = (), struck: Mapping[str, int] | None = None
    ) -> Known:
        """Write every table. `unanswered`: versions whose sender never heard that they were taken in; `of_processes`
        and `struck`: what befell besides accounts.

        Reads approved.csv of the folder. Raises PartFailedError where the mock systems do not answer any more.
        """
        gave_up = {(one.entry, one.version) for one in unanswered}
        approved = list(APPROVED.read(self.folder)) if APPROVED.there(self.folder) else []
        missing = self._landings(approved)
        found = look(self.gateway)
        places = places_of(self.gateway, (one for one in missing if one[1:] not in gave_up))
        self._places(missing, places, gave_up, found)
        audit = self._audit(missing, places, gave_up)
        turned_away, fired = self._doors(), self._fired(of_processes)
        return Known(
            audit,
            [
                Version(row.entity, row.entry, row.version)
                for row in approved
                if (row.entry, row.version) not in gave_up
            ],
            self._not_tried(len(missing)),
            unstruck(self.plan, {**fired, **(struck or {})}, turned_away),
        )

    def _landings(self, approved: Iterable[ApprovedRow]) -> list[Version]:
        """Write down every line of the ledgers; the last versions that have none of their own."""
        landed: set[tuple[str, int]] = set()

        def lines() -> Iterator[LandingRow]:
            for entity in self.calendar.entities:
                told = self.mocks.must("GET", f"/admin/landings/{entity.code}")
                for entry, number, at_ms, leg, minor, currency in told:
                    if leg == "post":
                        landed.add((entry, number))
                    yield LandingRow(entry, number, entity.code, at_ms - self.started_at_ms, leg, minor, currency)

        LANDINGS.write(self.folder, lines())
        last = {row.entry: row for row in approved}
        for row in approved:
            if row.version > last[row.entry].version:
                last[row.entry] = row
        return [
            Version(row.entity, row.entry, row.version)
            for row in last.values()
            if (row.entry, row.version) not in landed
        ]

    def _places(
        self,
        missing: Iterable[Version],
        places: Mapping[Version, tuple[str, str]],
        gave_up: Container[tuple[str, int]],
        found: Look | None,
    ) -> None:
        """Write down where everything is that has no line, as far as somebody was asked, and the counts of all."""

        def rows() -> Iterator[PlaceRow]:
            asked = 0
            for one in missing:
                if one[1:] in gave_up:
                    yield PlaceRow(one.entry_id, one.version, one.entity, REFUSED, "its sender gave up")
                    continue
                asked += 1
                if asked <= ASKED_MOST:
                    place, reason = places.get(one, (UNKNOWN, ""))
                    yield PlaceRow(one.entry_id, one.version, one.entity, place, reason)

        PLACES.write(self.folder, rows())
        partitions = {} if found is None else found.partitions
        BOOKS.write(
            self.folder,
            [
                BookRow(code, place, one["places"][place]["count"])
                for code, one in partitions.items()
                for place in Place
            ],
        )

    def _audit(
        self,
        missing: Sequence[Version],
        places: Mapping[Version, tuple[str, str]],
        gave_up: Container[tuple[str, int]],
    ) -> dict[str, Any]:
        """The auditors' second opinion; nothing where they could not know where everything is that does not stand."""
        if not self._auditable(len(missing)):
            return {}
        refused = {one: (Place.IN_FLIGHT.value, "") for one in missing if one[1:] in gave_up}
        return audited(self.mocks, {**places, **refused})

    def _auditable(self, missing: int) -> bool:
        return self.with_source and missing <= ASKED_MOST

    def _not_tried(self, missing: int) -> tuple[str, ...]:
        if self._auditable(missing):
            return self.plan.not_tried
        why = f"{missing:,} entries have no line" if self.with_source else "nobody told the source"
        return (*self.plan.not_tried, f"the auditors of the simulated world: {why}, so they cannot judge")

    def _doors(self) -> int:
        """Write down the calls at the doors; how many met a closed system."""
        told = self.mocks.must("GET", "/admin/doors")
        rows = [DoorRow(at_ms - self.started_at_ms, *rest) for at_ms, *rest in told]
        DOORS.write(self.folder, rows)
        return sum(row.calls for row in rows if row.outcome == "maintenance")

    def _fired(self, of_processes: Iterable[Outage]) -> dict[str, int]:
        """Write down the strikes of accounts, of chance and of processes; how often each of the mocks' kinds struck."""
        told = self.mocks.must("GET", "/admin/strikes")
        rows = [StrikeRow(at_ms - self.started_at_ms, kind, times) for at_ms, kind, times in told["strikes"]]
        rows += [StrikeRow(one.from_ms, one.kind, 1) for one in of_processes]
        STRIKES.write(self.folder, sorted(rows))
        return dict(told["fired"])


def standing(found: Look | None) -> str:
    """How far everything is, in words."""
    if found is None:
        return "the runtime does not answer"
    posted, flying, doubt = (found.places[one] for one in (Place.POSTED, Place.IN_FLIGHT, Place.IN_DOUBT))
    return f"{posted:,} posted, {flying:,} in flight, {doubt:,} in doubt"
