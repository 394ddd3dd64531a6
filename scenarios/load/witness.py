"""What can be known of a load at its end, by whoever may look: into the ledgers, and at what the runtime says.

    mock systems ─▶ landings.csv, doors.csv, strikes.csv, the auditors' word
    runtime      ─▶ places.csv (of what has no line), books.csv, metrics.prom

Rule 1. Only what has no line of its own is asked about: first what does not stand at all, then newer versions that an
        older line may carry. More than `ASKED_MOST` would take minutes; counts explain the rest (`books.csv`).
Rule 2. The auditors judge only where it is known of every entry that does not stand where it is, and where the source
        was told what was sent, and nothing else.
Rule 3. Without the mock systems' own doors nobody can look into the ledger, and the run can prove nothing.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.core.model import Place
from scenarios.live.burst import Version
from scenarios.live.parts import Api, Unreachable
from scenarios.live.verdict import ASKED_MOST, audited, places_of
from scenarios.live.watch import look
from scenarios.load.calendar import LoadCalendar
from scenarios.load.deliveries import Entry
from scenarios.load.misfortunes import Plan, Strikes, unstruck
from scenarios.load.results import (
    APPROVED,
    BOOKS,
    DOORS,
    LANDINGS,
    METRICS_FILE,
    PLACES,
    STRIKES,
    BookRow,
    DoorRow,
    Findings,
    LandingRow,
    Outage,
    PlaceRow,
    StrikeRow,
)
from scenarios.load.truth import REFUSED, UNKNOWN

BREACHES = ("lost", "double", "wrong_amount", "wrong_period", "wrong_order", "invented", "changed_rows")
Name = tuple[str, int]
"""Entry and version."""


@dataclass(slots=True)
class Seen:
    """What a look has brought, besides the tables that it wrote."""

    acknowledged: list[Version]
    audit: Mapping[str, Any] = field(default_factory=dict)
    not_judged: str = ""
    """Why the auditors could not judge; empty: they did."""
    turned_away: int = 0
    """Calls that met a closed system."""
    fired: Mapping[str, int] = field(default_factory=dict)
    ledger: bool = True

    def findings(self, plan: Plan, strikes: Strikes | None, settled: bool) -> Findings:
        """As they are written down, where nobody may look into the journals."""
        fired = {**self.fired, **({} if strikes is None else strikes.struck)}
        failed = (strikes.failed,) if strikes is not None and strikes.failed else ()
        judged = (f"the auditors of the simulated world: {self.not_judged}",) if self.not_judged else ()
        return Findings(
            cores=os.cpu_count() or 1,
            settled=settled,
            ledger=self.ledger,
            audit={name: self.audit[name] for name in BREACHES if name in self.audit},
            examples=tuple(self.audit.get("examples", ())),
            not_tried=(*plan.not_tried, *judged),
            unstruck=(*unstruck(plan, fired, self.turned_away), *failed),
        )


@dataclass(frozen=True, slots=True)
class Witness:
    """Looks once, at the end, and writes down what it sees."""

    folder: Path
    calendar: LoadCalendar
    started_at_ms: int
    gateway: Api
    mocks: Api | None

    def look(
        self, unanswered: Iterable[Entry], strikes: Sequence[Outage], with_source: bool, whole: bool = True
    ) -> Seen:
        """Everything there is to see. `unanswered`: versions whose sender never heard that they were taken in; `whole`:
        that everything left that the source was told of.

        The ledger is read before the runtime is asked and after it, since a run that did not settle goes on meanwhile.

        Raises PartFailedError where the mock systems do not answer.
        """
        self._numbers()
        gave_up = {(one.entry, one.version) for one in unanswered}
        approved = list(APPROVED.read(self.folder)) if APPROVED.there(self.folder) else []
        seen = Seen(
            [Version(row.entity, row.entry, row.version) for row in approved if (row.entry, row.version) not in gave_up]
        )
        if self.mocks is None:
            LANDINGS.write(self.folder, ())
            seen.ledger = False
            return seen
        # Counts before single answers: what is on its way can only become less while we ask.
        self._counts()
        landed, standing, amounts = self._landings(self.mocks)
        last = {row.entry: row for row in approved}
        for row in approved:
            if row.version > last[row.entry].version:
                last[row.entry] = row
        without = [row for row in last.values() if (row.entry, row.version) not in landed]
        absent = [
            Version(row.entity, row.entry, row.version)
            for row in without
            if row.to_post and standing.get(row.entry, 0) <= 0
        ]
        carried = [row for row in without if standing.get(row.entry, 0) > 0]
        # An older line of the right amount speaks for a newer version; of another one it does not.
        carried.sort(key=lambda row: row.to_post and row.expected_minor in (None, amounts[row.entry]))
        doubtful = sum(not row.to_post or row.expected_minor not in (None, amounts[row.entry]) for row in carried)
        asked = [*absent, *(Version(row.entity, row.entry, row.version) for row in carried)]
        places = self._places(asked, gave_up)
        # Once more: asking takes minutes, and what the runtime says stands by now has its line by now.
        self._landings(self.mocks)
        if not with_source:
            seen.not_judged = "nobody told the source what was approved"
        elif not whole:
            seen.not_judged = "the source knows of more than was sent"
        elif len(absent) + doubtful > ASKED_MOST:
            seen.not_judged = (
                f"{len(absent) + doubtful:,} entries do not stand as they should, too many to ask for each"
            )
        else:
            refused = {one: (Place.IN_FLIGHT.value, "") for one in absent if one[1:] in gave_up}
            seen.audit = audited(self.mocks, {**places, **refused})
        seen.turned_away = self._doors(self.mocks)
        seen.fired = self._fired(self.mocks, strikes)
        return seen

    def _numbers(self) -> None:
        """Keep what the runtime's metrics say, for a calibration; where they are closed to us there is none."""
        try:
            status, told, _ = self.gateway.ask("GET", "/metrics")
        except Unreachable:
            return
        if status == 200 and isinstance(told, bytes):
            (self.folder / METRICS_FILE).write_bytes(told)

    def _landings(self, mocks: Api) -> tuple[set[Name], Counter[str], dict[str, int]]:
        """Write down every line of the ledgers: which versions have one, how many of each entry stand, and what its
        last one is worth."""
        landed: set[Name] = set()
        standing: Counter[str] = Counter()
        amounts: dict[str, int] = {}

        def lines() -> Iterator[LandingRow]:
            for entity in self.calendar.entities:
                for entry, number, at_ms, leg, minor, currency in mocks.must("GET", f"/admin/landings/{entity.code}"):
                    if leg == "post":
                        landed.add((entry, number))
                        amounts[entry] = minor
                    standing[entry] += 1 if leg == "post" else -1
                    yield LandingRow(entry, number, entity.code, at_ms - self.started_at_ms, leg, minor, currency)

        LANDINGS.write(self.folder, lines())
        return landed, standing, amounts

    def _places(self, missing: Sequence[Version], gave_up: set[Name]) -> dict[Version, tuple[str, str]]:
        """Write down where everything is that has no line, as far as somebody was asked."""
        asked = [one for one in missing if one[1:] not in gave_up][:ASKED_MOST]
        places = places_of(self.gateway, asked)
        rows = [PlaceRow(one.entry_id, one.version, one.entity, *places.get(one, (UNKNOWN, ""))) for one in asked]
        refused = [one for one in missing if one[1:] in gave_up]
        rows += [PlaceRow(one.entry_id, one.version, one.entity, REFUSED, "its sender gave up") for one in refused]
        PLACES.write(self.folder, rows)
        return places

    def _counts(self) -> None:
        """Write down how many versions of each entity are where; nothing where the runtime does not answer any more."""
        found = look(self.gateway)
        looks = {} if found is None else found.partitions
        counts = [BookRow(code, place, one["places"][place]["count"]) for code, one in looks.items() for place in Place]
        BOOKS.write(self.folder, counts)

    def _doors(self, mocks: Api) -> int:
        """Write down the calls at the doors; how many met a closed system."""
        rows = [DoorRow(at_ms - self.started_at_ms, *rest) for at_ms, *rest in mocks.must("GET", "/admin/doors")]
        DOORS.write(self.folder, rows)
        return sum(row.calls for row in rows if row.outcome == "maintenance")

    def _fired(self, mocks: Api, strikes: Sequence[Outage]) -> dict[str, int]:
        """Write down strikes of accounts, of chance and of processes; how often each of the first two kinds struck."""
        told = mocks.must("GET", "/admin/strikes")
        rows = [StrikeRow(at_ms - self.started_at_ms, kind, times) for at_ms, kind, times in told["strikes"]]
        rows += [StrikeRow(one.from_ms, one.kind, 1) for one in strikes]
        STRIKES.write(self.folder, sorted(rows))
        fired: dict[str, int] = told["fired"]
        return fired
