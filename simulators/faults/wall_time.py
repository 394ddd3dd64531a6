"""When a fault written with a calendar strikes: a day of the scenario's month and a time on somebody's wall clock.

A scenario says "the last day at 22:00"; each legal entity, and each account through the first entity behind it, reads
that on its own clock. An hour that the clock skips is read as it would have been without the skip (02:30 becomes
03:30), an hour that comes twice means its first coming: both are `zoneinfo` with `fold=0`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from simulators.firm.model import Firm, LegalEntity, PeriodPlan

Day = Annotated[int, Field(ge=1, le=62)] | Literal["last", "every"]
"""1 is the first of the month; days past its end run on into the next month. "last" is the month's last day,
"every" each day of the run."""

At = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A wall time, "22:00"."""

System = Literal["erp", "psa"]


@dataclass(frozen=True, slots=True)
class Month:
    """What a calendar of faults must know of a firm: the run's instants, the month, the entities and their periods.

    `start_ms` is included and `end_ms` is not. `entities` may be a part of the firm (those simulated together);
    their order is the firm's.
    """

    start_ms: int
    end_ms: int
    month_first: date
    month_last: date
    entities: tuple[LegalEntity, ...]
    periods: tuple[PeriodPlan, ...] = ()

    @classmethod
    def of(cls, firm: Firm, end_ms: int, entities: Sequence[LegalEntity] | None = None) -> "Month":
        """The month of `firm`, for all of its entities or for the given part."""
        chosen = tuple(firm.entities if entities is None else entities)
        codes = {entity.code for entity in chosen}
        periods = tuple(period for period in firm.periods if period.entity in codes)
        return cls(firm.start_ms, end_ms, firm.month_first, firm.month_last, chosen, periods)

    def accounts(self, system: System) -> dict[str, str]:
        """Account of `system` to the zone of its clock: that of the first entity behind it, in the firm's order."""
        zones: dict[str, str] = {}
        for entity in self.entities:
            zones.setdefault(entity.erp_account if system == "erp" else entity.psa_account, entity.zone)
        return zones

    def days(self, day: Day) -> Iterable[date]:
        """The civil dates that `day` may mean; "every" reaches a day beyond the run on either side, for the zones."""
        if day == "last":
            return (self.month_last,)
        if day == "every":
            first = datetime.fromtimestamp(self.start_ms // 1000, UTC).date() - timedelta(days=1)
            last = datetime.fromtimestamp(self.end_ms // 1000, UTC).date() + timedelta(days=1)
            return tuple(first + timedelta(days=n) for n in range((last - first).days + 1))
        return (self.month_first + timedelta(days=day - 1),)

    def instants(self, day: Day, at: str, zone: str) -> list[int]:
        """When the clock of `zone` shows `at` on `day`, in ms UTC, as far as the run reaches; in order."""
        found = (instant_ms(each, at, zone) for each in self.days(day))
        return [at_ms for at_ms in found if self.start_ms <= at_ms < self.end_ms]


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def instant_ms(day: date, at: str, zone: str) -> int:
    """The instant at which the clock of `zone` shows `at` ("22:00") on `day`, in ms UTC."""
    wall = datetime.combine(day, time.fromisoformat(at), _zone(zone))
    return int(wall.timestamp()) * 1000
