"""One legal entity's sense of time: its local hours as instants, when people are at their desks, how deadlines press.

Hours are counted from a Monday at local midnight, as the profiles of BPI Challenge 2020 are (measured: hour-of-week
weights of submissions and approvals, quantiles of waits). Rates are modulated by a gamma per hour (Cox process,
derived: cv 0.40 and 0.57). On public holidays people do a twentieth of what they do otherwise (assumed).

The deadline law is s = tau ((1 + W/tau)^U - 1) (derived from Alfi, Parisi, Pietronero 2007): s working minutes before
the deadline, a working day being the 480 minutes before the deadline's time of day.
"""

from datetime import date, time, timedelta
from functools import lru_cache

import numpy as np

from simulators.data import document
from simulators.firm.build import instant_ms, is_working_day, working_day_after
from simulators.firm.draws import Floats, Ints, Keys, gamma, keys_of, mixed, uniform
from simulators.firm.model import Firm, LegalEntity
from simulators.people.parameters import PeopleSettings

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
WORKING_DAY_MIN = 480
MACHINE_HOUR = 5
"""The approvals between 05:00 and 06:00 are the source's nightly batch, not people; that hour is left out."""

LAST_DAYS = 6
"""Nobody does anything later than this many days after month end (assumed: a close takes about five days)."""


@lru_cache(maxsize=4)
def _hour_of_week(which: str) -> Floats:
    weights = np.array(document("bpic2020_profile.json")[f"hour_of_week_{which}"])
    if which == "approve":
        weights[MACHINE_HOUR::24] = weights[MACHINE_HOUR - 1 :: 24]
    return weights


@lru_cache(maxsize=4)
def _quantiles(which: str) -> tuple[Floats, Floats]:
    table: dict[str, float] = document("bpic2020_profile.json")[which]
    points = sorted((float(share), seconds) for share, seconds in table.items())
    return np.array([share for share, _ in points]), np.array([seconds * 1000.0 for _, seconds in points])


def wait_ms(which: str, u: Floats) -> Ints:
    """Waits by the quantile table `which`, straight between its points. Milliseconds."""
    shares, milliseconds = _quantiles(which)
    return np.interp(u, shares, milliseconds).astype(np.int64)


@lru_cache(maxsize=256)
def _local_hours(zone: str, monday: date, days: int) -> Ints:
    """Instants of the local hours from `monday` on; within a day without a clock change they are arithmetic."""
    midnights = [instant_ms(monday + timedelta(days=i), time(0), zone) for i in range(days + 1)]
    hours = np.empty(days * 24, dtype=np.int64)
    for i in range(days):
        if midnights[i + 1] - midnights[i] == 24 * HOUR_MS:
            hours[i * 24 : (i + 1) * 24] = midnights[i] + np.arange(24) * HOUR_MS
        else:
            day = monday + timedelta(days=i)
            hours[i * 24 : (i + 1) * 24] = [instant_ms(day, time(h), zone) for h in range(24)]
    return hours


class EntityClock:
    """The local calendar of one entity from the Monday before the month to some days after it."""

    def __init__(self, firm: Firm, entity: LegalEntity, settings: PeopleSettings, seed: int) -> None:
        self.first = first_day(firm)
        self.monday = self.first - timedelta(days=self.first.weekday())
        self.days = (firm.month_last - self.monday).days + 15
        self.hours = _local_hours(entity.zone, self.monday, self.days)
        off = entity.holidays
        self.works = np.array([is_working_day(self.day(i), off) for i in range(self.days)])
        self.next_working = np.array([self._next_working(i) for i in range(self.days)])
        own = np.repeat(keys_of(seed, "people/hours", [entity.code]), self.days * 24)
        hour_keys = mixed(own, np.arange(self.days * 24) + self.monday.toordinal() * 24)
        self._submit = self._pressure("submit", hour_keys, settings.submit_cv_percent)
        self._approve = self._pressure("approve", hour_keys, settings.approve_cv_percent)

        self._ratio = settings.w_over_tau_percent / 100
        self._submit_window, self._approve_window = settings.submit_window_min, settings.approve_window_min
        self.cutoff_day = self.index(working_day_after(firm.month_last, settings.cutoff_working_days_after, off))
        self.cutoff_ms = self._instant(self.cutoff_day, settings.cutoff_local_minute)
        # Deadlines press on working days: a cut-off on a Saturday is met on the Friday before.
        self.due_day = self.cutoff_day
        while not self.works[self.due_day]:
            self.due_day -= 1
        self._working_back = [i for i in range(self.due_day, -1, -1) if self.works[i]]
        self._approve_ends = self._ends(settings.cutoff_local_minute)
        self._submit_ends = self._ends(settings.cutoff_local_minute - settings.submit_lead_min)
        self.submit_due_ms = int(self._submit_ends[0])
        self.approve_due_ms = int(self._approve_ends[0])
        self.rush_ms = self.approve_due_ms - settings.approve_window_min * MINUTE_MS
        self.horizon_ms = self._instant(self.index(firm.month_last) + LAST_DAYS, 18 * 60)

    def day(self, index: int) -> date:
        """The civil day number `index`."""
        return self.monday + timedelta(days=index)

    def index(self, day: date) -> int:
        """The number of a civil day."""
        return (day - self.monday).days

    def _instant(self, day: int, minute: int) -> int:
        return int(self.hours[day * 24 + minute // 60]) + minute % 60 * MINUTE_MS

    def _next_working(self, index: int) -> int:
        while index < self.days and not self.works[index]:
            index += 1
        return min(index, self.days - 1)

    def _pressure(self, which: str, hour_keys: Keys, cv_percent: int) -> Floats:
        """Cumulated weights of the hours, 0 first."""
        weights = np.tile(_hour_of_week(which), -(-self.days // 7))[: self.days * 24]
        idle = ~self.works & (np.arange(self.days) % 7 < 5)
        weights = weights * np.where(np.repeat(idle, 24), 0.05, 1.0) * gamma(hour_keys, which, cv_percent)
        return np.concatenate(([0.0], np.cumsum(weights + 1e-9)))

    def _ends(self, minute: int) -> Ints:
        """The deadline's time of day on the last working day, the one before, and so on."""
        return np.array([self._instant(i, minute) for i in self._working_back], dtype=np.int64)

    def _within(self, pressure: Floats, first: Ints, last: Ints, keys: Keys, purpose: str) -> Ints:
        """Instants between the hours `first` and `last` (excluded), drawn by pressure."""
        low, high = pressure[first], pressure[last]
        hours = np.searchsorted(pressure, low + uniform(keys, purpose) * (high - low), side="right") - 1
        hours = np.clip(hours, first, last - 1)
        return self.hours[hours] + (uniform(keys, f"{purpose}/minute") * HOUR_MS).astype(np.int64)

    def submitted_between(self, first: Ints, last: Ints, keys: Keys) -> Ints:
        """Submissions by the hour-of-week profile within hours of the clock."""
        return self._within(self._submit, first, last, keys, "submitted")

    def at_the_desk(self, wished: Ints, after: Ints, keys: Keys, purpose: str) -> Ints:
        """`wished`, moved to an hour of that day (or the next working day) by the profile of approvals.

        Never before a minute past `after` nor later than the horizon; who would come too early stays with the wish.
        """
        days = np.searchsorted(self.hours, wished, side="right") - 1
        days = self.next_working[np.clip(days // 24, 0, self.days - 1)]
        moved = self._within(self._approve, days * 24, days * 24 + 24, keys, purpose)
        moved = np.where(moved > after + MINUTE_MS, moved, np.maximum(wished, after + MINUTE_MS))
        return self.before_horizon(moved, after, keys, purpose)

    def before_horizon(self, at: Ints, after: Ints, keys: Keys, purpose: str) -> Ints:
        """`at`, or somewhere in what is left between `after` and the horizon."""
        left = np.maximum(self.horizon_ms - after, 2 * MINUTE_MS)
        squeezed = after + 1000 + (uniform(keys, f"{purpose}/squeezed") * (left - 2000)).astype(np.int64)
        return np.where(at < self.horizon_ms, at, squeezed)

    def by_submit_deadline(self, first_days: Ints, keys: Keys) -> Ints:
        """Submissions before the deadline. A sheet cannot be handed in before its first working day."""
        days_left = np.array([int(self.works[i : self.due_day + 1].sum()) for i in range(self.due_day + 2)])
        window = np.minimum(days_left[np.minimum(first_days, self.due_day + 1)] * WORKING_DAY_MIN, self._submit_window)
        return self._pressed(self._submit_ends, self._submit_window, np.maximum(window, 1), keys, "submit/deadline")

    def by_approve_deadline(self, after: Ints, keys: Keys) -> Ints:
        """Approvals before the deadline, of piles complete at `after`, which is before it."""
        window = np.minimum((self.approve_due_ms - after) / MINUTE_MS, self._approve_window)
        return self._pressed(self._approve_ends, self._approve_window, window, keys, "approve/deadline")

    def _pressed(self, ends: Ints, whole_min: int, window: Floats, keys: Keys, purpose: str) -> Ints:
        """Draws of the deadline law over `window` working minutes; tau belongs to the whole window."""
        tau = whole_min / self._ratio
        minutes = tau * ((1 + window / tau) ** uniform(keys, purpose) - 1)
        back = np.minimum((minutes // WORKING_DAY_MIN).astype(np.int64), len(ends) - 1)
        before = ((minutes - back * WORKING_DAY_MIN) * MINUTE_MS).astype(np.int64)
        return np.asarray(ends[back] - before - 1)


def first_day(firm: Firm) -> date:
    """The first civil day anybody books on: the day after `firm.start_ms` (see `firm.build.start_ms`)."""
    return date(1970, 1, 1) + timedelta(days=firm.start_ms // (24 * HOUR_MS) + 1)
