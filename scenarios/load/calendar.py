"""Who takes part in a load, and when scenario time is in run time.

    an entity's own cut-off ──▶ "relative": ms before (-) or after it ──▶ run time: (relative - from_ms) / factor

Rule 1. A shape about the cut-off takes one bloc: the entities of the region with most people, their cut-offs laid on
        one instant. That is the bloc of the derived peak (45 % of 50,000 people in four regions: 39 rows a second);
        that a whole region closes at once is assumed, and is more than its zones would do to us.
Rule 2. `follow_the_sun` and `sustained` take every entity. A day of follow_the_sun keeps the order of the zones: it
        counts from the last cut-off on earth.
Rule 3. Faults of the calendar strike at the same distance from the cut-off of whom they concern. Their lengths shrink
        with the factor; what a machine needs to come back does not (`for_ms`, `mended_after_ms`).
"""

from collections import Counter
from dataclasses import replace
from datetime import time
from typing import Any

from scenarios.load.profile import LoadProfile, Shape
from simulators.faults.moves import Move
from simulators.faults.wall_time import Month
from simulators.faults.weather import Weather
from simulators.firm.build import instant_ms, working_day_after
from simulators.firm.model import Firm, LegalEntity
from simulators.run import firm_of
from simulators.world import last_ms

EVERYBODY = (Shape.FOLLOW_THE_SUN, Shape.SUSTAINED)
"""Shapes that every entity takes part in."""
LENGTHS = ("until_ms", "promised_until_ms")
"""Instants of a move besides `at_ms`."""


class LoadCalendar:
    """The firm of a load, who of it takes part, and the two clocks."""

    def __init__(self, profile: LoadProfile) -> None:
        self.profile = profile
        world = profile.scenario.world
        self.firm: Firm = firm_of(world, profile.seed)
        staff = Counter(person.entity for person in self.firm.consultants)
        people = Counter[str]()
        for entity in self.firm.entities:
            people[entity.region] += staff[entity.code]
        largest = max(people, key=lambda region: people[region])
        everybody = profile.shape in EVERYBODY
        self.entities = [e for e in self.firm.entities if staff[e.code] and (everybody or e.region == largest)]
        """Who takes part, in the firm's order."""
        self.cutoff_ms = {entity.code: self._cutoff_ms(entity) for entity in self.firm.entities}
        """By entity, ms UTC of scenario time."""
        last = max(self.cutoff_ms[entity.code] for entity in self.entities)
        rolling = profile.shape is Shape.FOLLOW_THE_SUN
        self.counts_from_ms = {code: last if rolling else own for code, own in self.cutoff_ms.items()}
        """By entity, the instant that relative times of the profile count from."""
        self.start_ms = last + profile.from_ms
        """Scenario time at which the run starts, on the clock of the last entity."""

    def _cutoff_ms(self, entity: LegalEntity) -> int:
        people = self.profile.scenario.world.people
        day = working_day_after(self.firm.month_last, people.cutoff_working_days_after, entity.holidays)
        return instant_ms(day, time(*divmod(people.cutoff_local_minute, 60)), entity.zone)

    def run_ms(self, at_ms: int, entity: str) -> int:
        """An instant of scenario time on this entity's clock, in run time."""
        return self.profile.run_time_ms(at_ms - self.counts_from_ms[entity])

    def cutoff_run_ms(self, entity: str) -> int:
        """The cut-off of an entity, in run time."""
        return self.run_ms(self.cutoff_ms[entity], entity)

    @property
    def patience_ms(self) -> int:
        """When nobody waits any longer, in run time: so long after the last arrival, or the end of the last outage."""
        ends = [getattr(move, "until_ms", 0) for move in self.moves()]
        return max(self.profile.run_ms, *ends, 0) + self.profile.settle_ms

    def moves(self) -> list[Move]:
        """What the calendar of the scenario brings within the window, `at_ms` and ends in run time, by time.

        What began before the window and still lasts is there from its start on.
        """
        world = self.profile.scenario.world
        weather = Weather(
            world.faults,
            self.profile.seed,
            deadline_ms=world.runtime.call_deadline_ms,
            late_landing_ms=world.runtime.late_landing_ms,
        )
        month = Month.of(self.firm, last_ms(self.firm, world), self.entities)
        found: list[Move] = []
        for move in weather.moves(month):
            entity = self._whose(move)
            if entity is None:
                continue
            at_ms = self.run_ms(move.at_ms, entity)
            ends: dict[str, Any] = {
                name: self.run_ms(getattr(move, name), entity) for name in LENGTHS if hasattr(move, name)
            }
            lasts = ends.get("until_ms", at_ms)
            if at_ms < self.profile.run_ms and (at_ms >= 0 or lasts > 0):
                found.append(replace(move, at_ms=max(0, at_ms), **ends))
        return sorted(found, key=lambda move: move.at_ms)

    def _whose(self, move: Move) -> str | None:
        """The entity on whose clock it strikes; None where it concerns nobody who takes part."""
        code, account = getattr(move, "entity", ""), getattr(move, "account", "")
        for entity in self.entities:
            if code == entity.code or (not code and account in (entity.erp_account, entity.psa_account)):
                return entity.code
        return None
