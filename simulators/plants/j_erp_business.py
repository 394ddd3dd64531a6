"""Bugs of section J, the ERP and the business: closed periods, late entries, rejections that nobody reads."""

from dataclasses import replace
from datetime import date
from typing import Any

from runtime.core import records as r
from runtime.core.answers import CallAnswer, LinesFound, Refusal, Refused
from runtime.core.effects import FrozenRow, Status
from runtime.core.model import Correction, Gate, Leg, Period, Posting, TimeEntry, Valuation
from runtime.core.news import EntryApproved
from runtime.core.partition.moves import Phase
from runtime.core.partition.state import OpenCall, State, Tracked
from runtime.core.partition.steps import Go, Rest, Stay
from runtime.core.periods import ACCESS, Access, Calendar, Dated, Undated
from simulators.faults.periods import PeriodClosingMidBatch
from simulators.faults.rows import RowFailures, StagedRejections
from simulators.plants.plant import Plant
from simulators.plants.replace import Function
from simulators.settings import HOUR_MS, FinanceGate, HandPostings


def _moved_in_silence(original: Function) -> Function:
    """What belongs into a shut period goes into the next one, and nothing says so."""

    def accounting_date(calendar: Calendar, wanted: date) -> Dated | Undated:
        dated: Dated | Undated = original(calendar, wanted)
        return replace(dated, adjusts="") if isinstance(dated, Dated) else dated

    return accounting_date


def _gate_ignored(original: Function) -> Function:
    """What the ERP holds open is open; finance's gate is not looked at."""

    def access(calendar: Calendar, period: Period) -> Access:
        return ACCESS[period.status][Gate.OPEN]

    return access


def _closed_is_an_answer(original: Function) -> Function:
    """A row refused for its period counts as dealt with, like any row that was answered."""

    def refused(state: State, call: OpenCall, row: Refused, now_ms: int, out: list[Any]) -> None:
        original(state, call, row, now_ms, out)
        tracked = state.entries[state.keys[row.key]]
        if row.reason is Refusal.PERIOD_CLOSED and tracked.latest in tracked.versions:
            out.append(r.VersionCarried(tracked.entry_id, tracked.latest))

    return refused


def _after_the_run(original: Function) -> Function:
    """What is heard of after its period's gate was shut has missed the run, and no later run picks it up."""

    def approved(state: State, news: EntryApproved, now_ms: int, out: list[Any]) -> None:
        day = news.entry.work_date
        home = next((p for p in state.calendar.periods if p.first_day <= day <= p.last_day), None)
        if home is None or home.gate is not Gate.SHUT or news.entry.entry_id in state.entries:
            original(state, news, now_ms, out)

    return approved


def _whole_sheet_posted(original: Function) -> Function:
    """One line of a sheet is posted, so the PSA is told that the sheet is."""

    def statuses(state: State) -> tuple[Status, ...]:
        told: tuple[Status, ...] = original(state)
        posted = [state.entries[status.entry_id].entry for status in told if status.status == "posted"]
        sheets = {entry.sheet for entry in posted if entry is not None}
        named = {status.entry_id for status in told}
        others = [
            each
            for each in state.entries.values()
            if each.entry is not None
            and each.entry.sheet in sheets
            and each.entry_id not in named
            and not each.telling
            and each.phase in (Phase.QUEUED, Phase.IN_FLIGHT, Phase.STAGED)
        ]
        first = told[-1].seq + 1
        return (*told, *(Status(e.entry_id, e.latest, "posted", "", first + i) for i, e in enumerate(others)))

    return statuses


def _accepted_is_accepted(original: Function) -> Function:
    """Whatever a staging table shows was accepted; that it was rejected since is not read."""

    def read_lines(response: Any) -> CallAnswer:
        answer: CallAnswer = original(response)
        if not isinstance(answer, LinesFound):
            return answer
        return LinesFound(tuple(replace(x, status="staged") if x.status == "rejected" else x for x in answer.lines))

    return read_lines


def _nobody_asks(original: Function) -> Function:
    """The ledger is not asked what stands of an entry: the feed is the only one who posts."""

    def ask_by_entry(state: State, entry_ids: Any, now_ms: int, out: list[Any], why: Any = None) -> None:
        return None

    return ask_by_entry


def _leave_is_work(original: Function) -> Function:
    """The rate card has no line for leave, so leave is mapped to the standard time type."""

    def read_approval(*read: Any) -> EntryApproved:
        news: EntryApproved = original(*read)
        return EntryApproved(replace(news.entry, time_type="standard"), news.approval)

    return read_approval


def _withdrawn_after_posting(original: Function) -> Function:
    """What is taken back after it was posted is left for finance to see."""

    def next_step(state: State, tracked: Tracked) -> Any:
        if tracked.entry is None and tracked.standing is not None:
            return Rest(r.EntryCleared(tracked.entry_id))
        return original(state, tracked)

    return next_step


def _project_moves_in_place(original: Function) -> Function:
    """An entry that moved to another project is taken for unchanged where hours and money are the same."""

    def classify(standing: Any, entry: Any, valuation: Any) -> Correction:
        found: Correction = original(standing, entry, valuation)
        return Correction.NARRATIVE if found in (Correction.PROJECT, Correction.DIMENSION) else found

    return classify


def _corrections_carried(original: Function) -> Function:
    """A corrected quantity is carried by the line that stands, as if only words had changed."""

    def classify(standing: Any, entry: Any, valuation: Any) -> Correction:
        found: Correction = original(standing, entry, valuation)
        return Correction.NARRATIVE if found is Correction.QUANTITY else found

    return classify


def _other_date_for_the_other_leg(original: Function) -> Function:
    """A reversal is dated on the day of the correction's period start, the new posting on its work date."""

    def reverse(state: State, standing: Any, correction: Correction) -> Any:
        go = original(state, standing, correction)
        period = state.calendar.find(standing.period)
        dated = getattr(go, "dated", None)
        if dated is None or period is None or dated.day != standing.accounting_date:
            return go
        return replace(go, dated=Dated(period.last_day, period.name, "correction of an earlier line"))

    return reverse


def _words_bill_again(original: Function) -> Function:
    """A version that changes words is posted like a first one, beside the line that stands."""

    def next_step(state: State, tracked: Tracked) -> Any:
        step = original(state, tracked)
        entry = tracked.entry
        if not (isinstance(step, Rest) and isinstance(step.record, r.VersionCarried)) or entry is None:
            return step
        dated = state.policy.date_posting(state.calendar, entry.work_date)
        return Go(Leg.POST, dated, Correction.NONE) if isinstance(dated, Dated) else step

    return next_step


def _one_calendar_for_all(original: Function) -> Function:
    """Answers are remembered by day and version; that each entity counts its own versions is forgotten."""
    known: dict[tuple[date, int], Dated | Undated] = {}

    def accounting_date(calendar: Calendar, wanted: date) -> Dated | Undated:
        place = (wanted, calendar.version)
        if place not in known:
            known[place] = original(calendar, wanted)
        return known[place]

    return accounting_date


def _internal_words(original: Function) -> Function:
    """The narrative of a row is what its worker wrote for the firm alone."""

    def new_posting(state: State, tracked: Tracked, go: Go, valuation: Valuation | None) -> Posting:
        posting: Posting = original(state, tracked, go, valuation)
        assert tracked.entry is not None
        return replace(posting, narrative=tracked.entry.internal_narrative)

    return new_posting


def _dated_like_the_other_leg(original: Function) -> Function:
    """Whatever was reversed gives its date to what follows, on whichever day that was worked."""

    def post(state: State, tracked: Tracked, entry: TimeEntry) -> Go | Stay:
        if tracked.reversed is not None:
            tracked.reversed_work_day = entry.work_date.toordinal()
        step: Go | Stay = original(state, tracked, entry)
        return step

    return post


def _reverses_nothing(original: Function) -> Function:
    """A row does not say which line it takes back."""

    def freeze(posting: Posting) -> FrozenRow:
        frozen: FrozenRow = original(replace(posting, reverses=""))
        return replace(frozen, posting=posting)

    return freeze


_LATE = {"firm.close_after_working_days": 0, "people.late_ppm": 400_000}
_RESTLESS = {"people.correction_ppm": 250_000, "people.withdrawal_ppm": 80_000}
_BY_HAND = {
    "erp.guards_hand_postings": False,
    "runtime.confirm_after_ms": HOUR_MS,
    "gates": (FinanceGate(day=30, at="09:00", gate="held"), FinanceGate(day="last", at="18:45", gate="open")),
    "hand_postings": (HandPostings(day="last", at="17:30", older_than_ms=HOUR_MS + HOUR_MS // 4),),
}

PLANTS = (
    Plant(
        number="J1",
        name="moved_in_silence",
        story="what belongs into a shut period goes into the next one, and no flag says so",
        replaces="runtime.core.periods:_accounting_date",
        bug=_moved_in_silence,
        caught_by="S3",
        changes=_LATE,
        wild="frappe/erpnext#27244 and #35118: postings that slip into another period",
    ),
    Plant(
        number="J2",
        name="closed_is_an_answer",
        story="a row that is refused because its period closed counts as dealt with, and is not sent again",
        replaces="runtime.core.partition.answered:_refused",
        bug=_closed_is_an_answer,
        caught_by="S2",
        # Closed at lunch and open again in the evening, and the feed hears of neither before it has met it.
        faults=tuple(
            PeriodClosingMidBatch(day=day, at=at, reopens_after_ms=HOUR_MS)
            for day, at in ((30, "09:30"), (30, "16:00"), (31, "10:00"), (31, "14:00"), (31, "17:15"))
        ),
        changes={"period_news_ms": (HOUR_MS, 2 * HOUR_MS)},
    ),
    Plant(
        number="J4",
        name="after_the_run",
        story="what is heard of after its period was shut has missed the run, and no later run picks it up",
        replaces="runtime.core.partition.decide:_approved",
        bug=_after_the_run,
        caught_by="S2",
        changes=_LATE,
        wild="getlago/lago#99 and pug#123: grace periods that end before the last event",
    ),
    Plant(
        number="J6",
        name="whole_sheet_posted",
        story="one line of a sheet is posted, and the PSA is told so of the whole sheet",
        replaces="runtime.core.partition.due:_statuses",
        bug=_whole_sheet_posted,
        caught_by="S13",
        faults=(RowFailures(ppm=300_000),),
        changes={"runtime.batch_max": 3, "runtime.tell_linger_ms": 1_000},
        wild="frappe/erpnext#42880 and #44167: a timesheet marked billed for one of its projects",
    ),
    Plant(
        number="J8",
        name="accepted_is_accepted",
        story="what a staging table rejects later is never read, so the row waits there for ever",
        replaces="runtime.connectors.erp.generic:_read_lines",
        bug=_accepted_is_accepted,
        caught_by="L1",
        faults=(StagedRejections(ppm=100_000),),
        profile="staging",
        # Asked after rarely, or the run takes as long as it waits.
        changes={"runtime.staged_poll_ms": 3 * HOUR_MS},
    ),
    Plant(
        number="J9",
        name="posts_beside_a_person",
        story="what was held for hours is sent without a look whether a person entered it meanwhile",
        replaces="runtime.core.partition.aside:ask_by_entry",
        bug=_nobody_asks,
        caught_by="S1",
        changes=_BY_HAND,
    ),
    Plant(
        number="J20",
        name="leave_is_work",
        story="leave is mapped to the standard time type, because no rate is published for it, and is billed",
        replaces="runtime.connectors.psa.generic:read_approval",
        bug=_leave_is_work,
        caught_by="S2b",
        changes={"people.leave_internal_ppm": 200_000},
    ),
    Plant(
        number="J21",
        name="withdrawn_after_posting",
        story="what is taken back after it was posted keeps standing in the ledger",
        replaces="runtime.core.partition.steps:next_step",
        bug=_withdrawn_after_posting,
        caught_by="S2b",
        changes=_RESTLESS,
    ),
    Plant(
        number="J22",
        name="project_moves_in_place",
        story="a line that moved to another project, or was re-coded, keeps standing where it was",
        replaces="runtime.core.corrections:classify",
        bug=_project_moves_in_place,
        caught_by="S2b",
        changes=_RESTLESS,
    ),
    Plant(
        number="J23",
        name="gate_ignored",
        story="finance's gate is not looked at as long as the ERP's own period is open",
        replaces="runtime.core.periods:Calendar.access",
        bug=_gate_ignored,
        caught_by="S3",
        changes=_LATE,
    ),
    Plant(
        number="J24",
        name="corrections_carried",
        story="a corrected quantity is carried by the old line, as if only words had changed",
        replaces="runtime.core.corrections:classify",
        bug=_corrections_carried,
        caught_by="S2b",
        changes=_RESTLESS,
    ),
    Plant(
        number="J25",
        name="legs_apart",
        story="a reversal is dated at the end of the period and the line that replaces it on its work date",
        replaces="runtime.core.partition.steps:_reverse",
        bug=_other_date_for_the_other_leg,
        caught_by="S3",
        changes=_RESTLESS,
    ),
    Plant(
        number="J26",
        name="words_bill_again",
        story="a version that changes the narrative alone is posted beside the line that stands",
        replaces="runtime.core.partition.steps:next_step",
        bug=_words_bill_again,
        caught_by="S1",
        changes=_RESTLESS,
    ),
    Plant(
        number="J27",
        name="one_calendar_for_all",
        story="dates are remembered by day and version of the calendar, and one memory serves every legal entity",
        replaces="runtime.core.periods:accounting_date",
        bug=_one_calendar_for_all,
        # In the entity whose period closed all is well; it is in the others that time is misdated.
        caught_by="S16",
        faults=(PeriodClosingMidBatch(entities=("DE01",), day="last", at="12:00", reopens_after_ms=6 * HOUR_MS),),
        changes={"people.late_ppm": 400_000},
    ),
    Plant(
        number="J30",
        name="internal_words",
        story="the client reads on the invoice what was written for the firm alone",
        replaces="runtime.core.partition.steps:_new_posting",
        bug=_internal_words,
        caught_by="S6",
    ),
    Plant(
        number="J31",
        name="dated_like_the_other_leg",
        story="a line that moved to another day is dated on the day on which it was, and nothing says why",
        replaces="runtime.core.partition.steps:_post",
        bug=_dated_like_the_other_leg,
        caught_by="S3",
        changes={**_RESTLESS, "people.moved_day_ppm": 400_000},
    ),
    Plant(
        number="J32",
        name="reverses_nothing",
        story="reversals do not say what they reverse: the ERP refuses them all, and each is parked for a person",
        replaces="runtime.connectors.erp.generic:freeze",
        bug=_reverses_nothing,
        caught_by="S8x",
        changes=_RESTLESS,
    ),
)
