"""The periods of one legal entity as they really were, instant by instant: the auditors' own calendar.

Facts are in force from their instant on. Where a question touches the very instant of a fact, both what held before
and what held after count, because nobody can say which of two things in one millisecond came first.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import date

from simulators.auditors.allowances import Allowances
from simulators.evidence import Evidence
from simulators.firm.model import Firm

OPEN = "open"
SHUT = "shut"
CLOSED = frozenset({"closed", "permanently_closed"})
NOT_YET = frozenset({"future", "never_opened"})
BEFORE_EVERYTHING_MS = -(1 << 62)
AFTER_EVERYTHING_MS = 1 << 62


@dataclass(slots=True)
class Track:
    """One period and its history: `states[i]` = (ERP status, feed gate) holds from `times[i]` on.

    `stretch`: from when until when (exclusive) both were open for the first time; empty when never. Nearly every line
    lands in it, and needs no further question.
    """

    name: str
    first_day: date
    last_day: date
    times: list[int] = field(default_factory=list)
    states: list[tuple[str, str]] = field(default_factory=list)
    stretch: tuple[int, int] = (0, 0)

    def during(self, from_ms: int, until_ms: int) -> list[tuple[str, str]]:
        """Every state in force at some instant from `from_ms` to `until_ms`, both included."""
        return self.states[max(0, bisect_left(self.times, from_ms) - 1) : bisect_right(self.times, until_ms)]

    def erp_open(self, from_ms: int, until_ms: int) -> bool:
        """Whether the ERP took lines for this period at some instant in between."""
        return any(status == OPEN for status, _ in self.during(from_ms, until_ms))

    def ever_open(self, from_ms: int, until_ms: int) -> bool:
        """Whether ERP and gate were both open at some instant in between."""
        return any(status == OPEN and gate == OPEN for status, gate in self.during(from_ms, until_ms))

    def ever_not_open(self, from_ms: int, until_ms: int) -> bool:
        """Whether ERP or gate was not open at some instant in between: shut, held, or not open yet."""
        return any(status != OPEN or gate != OPEN for status, gate in self.during(from_ms, until_ms))

    def ever_shut(self, from_ms: int, until_ms: int) -> bool:
        """Whether ERP or gate was shut at some instant in between; what is only held will go on, so it is not shut."""
        return any(status in CLOSED or gate == SHUT for status, gate in self.during(from_ms, until_ms))

    def ever_passed_over(self, from_ms: int, until_ms: int) -> bool:
        """Whether a search for the next open period could leave this one out: it was shut, or not open yet."""
        return any(status in CLOSED | NOT_YET or gate == SHUT for status, gate in self.during(from_ms, until_ms))


@dataclass(slots=True)
class BooksCalendar:
    """The periods that bind the project ledger of one entity, sorted by first day."""

    tracks: list[Track]
    by_day: dict[date, Track | None] = field(default_factory=dict)

    def of(self, day: date) -> Track | None:
        """The period that `day` falls into, if there is one."""
        if day not in self.by_day:
            self.by_day[day] = next((t for t in self.tracks if t.first_day <= day <= t.last_day), None)
        return self.by_day[day]


def books_calendar(firm: Firm, evidence: Evidence, allowances: Allowances) -> BooksCalendar:
    """The history of the entity's periods: what finance first planned, then every fact in its order."""
    plans = [plan for plan in firm.periods if plan.entity == evidence.entity]
    module = allowances.ledger_module
    tracks: dict[str, Track] = {}
    for plan in plans:
        if plan.module == module:
            tracks[plan.name] = Track(
                plan.name, plan.first_day, plan.last_day, [BEFORE_EVERYTHING_MS], [(plan.status, plan.gate)]
            )
    for fact in sorted((f for f in evidence.periods if f.module == module), key=lambda f: f.at_ms):
        track = tracks.setdefault(fact.name, Track(fact.name, fact.first_day, fact.last_day))
        track.times.append(fact.at_ms)
        track.states.append((fact.status, fact.gate))
    for track in tracks.values():
        track.stretch = _first_stretch(track)
    return BooksCalendar(sorted(tracks.values(), key=lambda t: t.first_day))


def _first_stretch(track: Track) -> tuple[int, int]:
    both = (OPEN, OPEN)
    opened = next((i for i, state in enumerate(track.states) if state == both), None)
    if opened is None:
        return 0, 0
    shut = next((i for i, state in enumerate(track.states) if i > opened and state != both), None)
    return track.times[opened], AFTER_EVERYTHING_MS if shut is None else track.times[shut]
