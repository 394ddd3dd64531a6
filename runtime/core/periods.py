"""Which accounting date a posting takes.

    period of the work date    open, gate open      -> the work date itself
                               held                 -> wait: finance will decide
                               shut or closed       -> first day of the next open period, with the reason
                               not yet open         -> wait: it will open

Rule 1. "Next open" never means never opened: what is not open is passed over or waited for.
Rule 2. What the ERP refuses as closed is closed, and what it refuses as on hold is held, whatever was published, until
        something newer is published.
Rule 3. Both legs of a correction take one date: the original's if its period is open, else the next open one.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from runtime.core.model import Gate, Period, PeriodStatus
from runtime.core.value import value


class Access(StrEnum):
    """What a period means for the feed right now."""

    OPEN = "open"
    HELD = "held"
    SHUT = "shut"
    NOT_YET = "not_yet"


ACCESS: dict[PeriodStatus, dict[Gate, Access]] = {
    PeriodStatus.OPEN: {Gate.OPEN: Access.OPEN, Gate.HELD: Access.HELD, Gate.SHUT: Access.SHUT},
    PeriodStatus.ON_HOLD: {Gate.OPEN: Access.HELD, Gate.HELD: Access.HELD, Gate.SHUT: Access.SHUT},
    PeriodStatus.CLOSED: dict.fromkeys(Gate, Access.SHUT),
    PeriodStatus.PERMANENTLY_CLOSED: dict.fromkeys(Gate, Access.SHUT),
    PeriodStatus.FUTURE: dict.fromkeys(Gate, Access.NOT_YET),
    PeriodStatus.NEVER_OPENED: dict.fromkeys(Gate, Access.NOT_YET),
}


@value
class Dated:
    """The posting may go, with this accounting date; `adjusts` says why it is not the date asked for."""

    day: date
    period: str
    adjusts: str


@value
class Undated:
    """The posting has to wait: `reason` is a key of `partition.moves.PARKS`."""

    reason: str
    detail: str


@dataclass(slots=True)
class Calendar:
    """The periods of one module as the partition knows them; part of its state, changed only by `apply`."""

    periods: list[Period] = field(default_factory=list)
    """Sorted by first day."""
    found_shut: dict[str, int] = field(default_factory=dict)
    """Period name to the version that the ERP contradicted by refusing a row as closed."""
    found_held: dict[str, int] = field(default_factory=dict)
    """The same for a row refused as on hold."""
    version: int = 0
    memo: dict[date, Dated | Undated] = field(default_factory=dict)
    """Answers already given under this version of the calendar."""

    def learn(self, period: Period) -> None:
        """Take over a publication; the caller has made sure that it is newer than what is known."""
        self.periods = sorted((*(p for p in self.periods if p.name != period.name), period), key=lambda p: p.first_day)
        self.found_shut.pop(period.name, None)
        self.found_held.pop(period.name, None)
        self._changed()

    def contradict(self, name: str, access: Access) -> None:
        """The ERP says that this period is closed (`access` SHUT) or on hold (HELD)."""
        known = self.find(name)
        if known is not None:
            (self.found_shut if access is Access.SHUT else self.found_held)[name] = known.version
            self._changed()

    def forget_hold(self, name: str) -> None:
        """What the ERP said about this period once is not believed any more."""
        if self.found_held.pop(name, None) is not None:
            self._changed()

    def find(self, name: str) -> Period | None:
        """The period of that name, if it was ever published."""
        return next((p for p in self.periods if p.name == name), None)

    def access(self, period: Period) -> Access:
        """What the feed may do in `period` now."""
        if self.found_shut.get(period.name) == period.version:
            return Access.SHUT
        if self.found_held.get(period.name) == period.version:
            return Access.HELD
        return ACCESS[period.status][period.gate]

    def _changed(self) -> None:
        self.version += 1
        self.memo.clear()


def accounting_date(calendar: Calendar, wanted: date) -> Dated | Undated:
    """The accounting date for a posting that belongs on `wanted` (rule 1)."""
    known = calendar.memo.get(wanted)
    if known is None:
        known = calendar.memo[wanted] = _accounting_date(calendar, wanted)
    return known


def _accounting_date(calendar: Calendar, wanted: date) -> Dated | Undated:
    home = next((p for p in calendar.periods if p.first_day <= wanted <= p.last_day), None)
    if home is None:
        return Undated("period_unknown", f"no period is known for {wanted}")
    access = calendar.access(home)
    if access is Access.OPEN:
        return Dated(wanted, home.name, "")
    if access is Access.HELD:
        return Undated("period_held", f"period {home.name} is on hold")
    if access is Access.NOT_YET:
        return Undated("period_not_yet_open", f"period {home.name} is not open yet")
    for later in calendar.periods:
        if later.first_day <= home.last_day:
            continue
        access = calendar.access(later)
        if access is Access.OPEN:
            return Dated(later.first_day, later.name, f"period {home.name} is shut")
        if access is Access.HELD:
            return Undated("period_held", f"period {later.name} is on hold")
    return Undated("no_open_period", f"period {home.name} is shut and no later one is open")
