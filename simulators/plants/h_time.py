"""Bugs of section H, time: days, months and moments mistaken for one another."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from runtime.core.effects import FrozenRow
from runtime.core.model import Correction, Leg, Project, RateKind, RateLine, TimeEntry
from runtime.core.news import EntryApproved
from runtime.core.partition.state import State, Tracked
from runtime.core.partition.steps import Go, Stay, price
from runtime.core.periods import Access, Calendar, Dated, Undated
from runtime.core.rating import SCOPES, RateCard, Unpriced
from simulators.faults.bases import HOUR_MS
from simulators.faults.maintenance import MaintenanceUnannounced
from simulators.faults.network import LostReply
from simulators.faults.rows import RowFailures
from simulators.plants.plant import Plant
from simulators.plants.replace import Function

_MONTH = timedelta(days=30)


def _work_date_to_utc(original: Function) -> Function:
    """The work date is taken for local midnight and written in UTC: east of Greenwich it is the day before."""

    def read_approval(*read: Any) -> EntryApproved:
        news: EntryApproved = original(*read)
        midnight = datetime.combine(news.entry.work_date, time(), ZoneInfo(news.entry.zone))
        return EntryApproved(replace(news.entry, work_date=midnight.astimezone(UTC).date()), news.approval)

    return read_approval


def _last_day_included(original: Function) -> Function:
    """A rate is taken to hold on the day on which it ends, and the older of two wins."""

    def find_rate(
        card: RateCard, order: tuple[str, ...], kind: RateKind, entry: TimeEntry, project: Project, known_ms: int
    ) -> RateLine | Unpriced:
        day = entry.work_date
        for scope in order:
            for line in card.lines.get((kind, scope, SCOPES[scope](entry, project)), ()):
                if line.valid_until == day and line.valid_from < day:
                    return line
        found: RateLine | Unpriced = original(card, order, kind, entry, project, known_ms)
        return found

    return find_rate


def _priced_at_each_attempt(original: Function) -> Function:
    """The price is looked up when the row leaves, with what is published by then, and anew whenever it leaves again."""

    def row(state: State, tracked: Tracked) -> FrozenRow | None:
        frozen: FrozenRow | None = original(state, tracked)
        if frozen is None or frozen.posting.leg is Leg.REVERSE or tracked.entry is None:
            return frozen
        now = price(state, tracked.entry, state.now_ms)
        if isinstance(now, Stay):
            return frozen
        posting = replace(
            frozen.posting,
            bill_minor=now.bill_minor,
            bill_rate_id=now.bill_rate_id,
            cost_minor=now.cost_minor,
            cost_rate_id=now.cost_rate_id,
        )
        return state.policy.freeze(posting)

    return row


def _months_of_thirty_days(original: Function) -> Function:
    """The last day of a month is its first day and 29 more."""

    def accounting_date(calendar: Calendar, wanted: date) -> Dated | Undated:
        home = next((p for p in calendar.periods if p.first_day <= wanted < p.first_day + _MONTH), None)
        if home is not None:
            dated: Dated | Undated = original(calendar, wanted)
            return dated
        later = next((p for p in calendar.periods if p.first_day > wanted), None)
        if later is None:
            return Undated("period_unknown", f"no period is known for {wanted}")
        if calendar.access(later) is not Access.OPEN:
            return Undated("period_not_yet_open", f"period {later.name} is not open yet")
        return Dated(later.first_day, later.name, f"{wanted} is after the end of its month")

    return accounting_date


def _dated_by_approval(original: Function) -> Function:
    """The accounting date is the day of the approval, by UTC."""

    def post(state: State, tracked: Tracked, entry: TimeEntry) -> Go | Stay:
        assert tracked.approval is not None
        day = datetime.fromtimestamp(tracked.approval.decided_at_ms // 1000, UTC).date()
        dated = state.policy.date_posting(state.calendar, day)
        return Stay(dated.reason, dated.detail) if isinstance(dated, Undated) else Go(Leg.POST, dated, Correction.NONE)

    return post


def _stamped_when_sent(original: Function) -> Function:
    """A row that goes again is made again, with the minute at which it leaves in its text; its key stays."""

    def same_row(state: State, tracked: Tracked, leg: Leg, version: int) -> FrozenRow | None:
        row: FrozenRow | None = original(state, tracked, leg, version)
        if row is None:
            return None
        at = datetime.fromtimestamp(state.now_ms // 1000, UTC)
        return state.policy.freeze(replace(row.posting, narrative=f"{row.posting.narrative} ({at:%H:%M})"))

    return same_row


PLANTS = (
    Plant(
        number="H1",
        name="work_date_to_utc",
        story="the civil work date is taken for local midnight and converted to UTC, so that it is the day before",
        replaces="runtime.connectors.psa.generic:read_approval",
        bug=_work_date_to_utc,
        caught_by="S3",
        # In March London is at UTC until the 29th and at UTC+1 afterwards; Berlin is never at UTC.
        wild="nats-io/dust#21238 and ryoppippi/ccusage#349: days and months shifted by a zone",
    ),
    Plant(
        number="H3",
        name="rate_ends_a_day_late",
        story="a rate is taken to hold on the day on which it ends, so that the old price bills one day too long",
        replaces="runtime.core.rating:find_rate",
        bug=_last_day_included,
        caught_by="S2b",
        # Prices change on the first of a month, which is a Wednesday in April, or on its 8th to 21st.
        changes={"firm.weeks": None, "firm.month": "2026-04"},
        wild="kimai/kimai#3396: end date of a rate counted in",
    ),
    Plant(
        number="H4",
        name="priced_at_each_attempt",
        story="the price is looked up again whenever the row leaves, so that an amendment changes what was decided",
        replaces="runtime.core.partition.due:_row",
        bug=_priced_at_each_attempt,
        caught_by="S2b",
        faults=(MaintenanceUnannounced(day="last", at="12:00", lasts_ms=30 * HOUR_MS),),
        changes={"firm.amended_ppm": 1_000_000, "firm.amended_on": 32},
        wild="kimai/kimai#666: rates read anew change old entries",
    ),
    Plant(
        number="H6",
        name="months_of_thirty_days",
        story="the last day of a month is its first and 29 days, so that the 31st belongs to the next month",
        replaces="runtime.core.periods:_accounting_date",
        bug=_months_of_thirty_days,
        caught_by="S3",
        wild="FinSight#804: month ends worked out by counting days",
    ),
    Plant(
        number="H20",
        name="dated_by_approval",
        story="the accounting date is the day of the approval and not the work date",
        replaces="runtime.core.partition.steps:_post",
        bug=_dated_by_approval,
        caught_by="S3",
    ),
    Plant(
        number="H21",
        name="stamped_when_sent",
        story="the text of a row has the minute in which it leaves, so that it differs between attempts under one key",
        replaces="runtime.core.partition.steps:_same_row",
        bug=_stamped_when_sent,
        caught_by="S9",
        # A row that was refused, and whose refusal was not heard, goes again under its key.
        faults=(LostReply(ppm=300_000, calls=("post",)), RowFailures(ppm=300_000)),
    ),
)
