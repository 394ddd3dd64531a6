"""Bugs of section D, order and versions: the ledger follows the source backwards, twice, or not at all."""

from dataclasses import replace
from typing import Any

from runtime.core.model import Correction, Leg, Posting, TimeEntry, Valuation
from runtime.core.news import EntryApproved, EntryWithdrawn
from runtime.core.partition.state import State, Tracked
from runtime.core.partition.steps import Go, Stay, _post
from simulators.faults.bulk import BulkEdit
from simulators.faults.reading import ClearedField
from simulators.faults.source import MissingEvent, ReorderedEvent
from simulators.plants.plant import Plant
from simulators.plants.replace import Function
from simulators.settings import DAY_MS, HOUR_MS, MINUTE_MS, HandPostings

RESTLESS = {"people.correction_ppm": 400_000, "people.withdrawal_ppm": 100_000}
MOVED = {**RESTLESS, "people.moved_day_ppm": 400_000}
OVERTAKEN = ReorderedEvent(ppm=400_000, delay_ms_low=MINUTE_MS, delay_ms_high=3 * DAY_MS)
NEVER_RECOUNTED = {"runtime.recount_every_ms": 60 * DAY_MS}
"""A source that only pushes: what a decision dropped does not come a second time."""
NONE_MISSING = MissingEvent(ppm=0)
"""And that pushes everything, which such a source must."""


def _last_come_counts(original: Function) -> Function:
    """Whether this very version was heard is asked, and whether a newer one was is not."""

    def approved(state: State, news: EntryApproved, now_ms: int, out: list[Any]) -> None:
        tracked = state.entries.get(news.entry.entry_id)
        if tracked is None or tracked.heard >> news.entry.version & 1:
            original(state, news, now_ms, out)
            return
        latest, tracked.latest = tracked.latest, 0
        try:
            original(state, news, now_ms, out)
        finally:
            tracked.latest = latest

    return approved


def _correction_of_nothing(original: Function) -> Function:
    """A correction of what was never approved here is dropped: "the original will come, and then it again"."""

    def approved(state: State, news: EntryApproved, now_ms: int, out: list[Any]) -> None:
        if news.entry.version > 1 and news.entry.entry_id not in state.entries:
            return
        original(state, news, now_ms, out)

    return approved


def _withdrawal_of_nothing(original: Function) -> Function:
    """There is nothing to take back of what never came."""

    def withdrawn(state: State, news: EntryWithdrawn, now_ms: int, out: list[Any]) -> None:
        if news.entry_id in state.entries:
            original(state, news, now_ms, out)

    return withdrawn


def _late_word_is_only_counted(original: Function) -> Function:
    """An older version that comes late is history: what stands by hand is not compared with it."""

    def late_word(state: State, tracked: Tracked, news: EntryApproved, now_ms: int, out: list[Any]) -> None:
        return None

    return late_word


def _from_what_is_current(original: Function) -> Function:
    """The reversal is worked out from the entry and its price as they are by now."""

    def reversal(state: State, tracked: Tracked, go: Go) -> Posting:
        posting: Posting = original(state, tracked, go)
        entry, valuation = tracked.entry, tracked.valuation
        if entry is None or valuation is None:
            return posting
        return replace(
            posting,
            quantity=-entry.quantity,
            bill_minor=-valuation.bill_minor,
            cost_minor=-valuation.cost_minor,
        )

    return reversal


def _without_reversing(original: Function) -> Function:
    """An amendment is posted, and what stands is left to stand."""

    def next_step(state: State, tracked: Tracked) -> Any:
        step = original(state, tracked)
        entry = tracked.entry
        if isinstance(step, Go) and step.leg is Leg.REVERSE and entry is not None and not tracked.excluded:
            posted: Go | Stay = _post(state, tracked, entry)
            return posted
        return step

    return next_step


def _cleared_is_missing(original: Function) -> Function:
    """A version that says nothing in a field leaves the field as it was."""

    def classify(standing: Posting, entry: TimeEntry, valuation: Valuation) -> Correction:
        if not entry.dimensions:
            entry = replace(entry, dimensions=standing.dimensions)
        found: Correction = original(standing, entry, valuation)
        return found

    return classify


def _by_money_alone(original: Function) -> Function:
    """What moves no money needs no correction."""

    def classify(standing: Posting, entry: TimeEntry, valuation: Valuation) -> Correction:
        if (standing.bill_minor, standing.cost_minor) == (valuation.bill_minor, valuation.cost_minor):
            return Correction.NONE
        found: Correction = original(standing, entry, valuation)
        return found

    return classify


def _first_price_is_kept(original: Function) -> Function:
    """A correction keeps the price that the entry had: "the rate has not changed"."""

    def new_posting(state: State, tracked: Tracked, go: Go, valuation: Valuation | None) -> Posting:
        posting: Posting = original(state, tracked, go, valuation)
        earlier = first.setdefault((state.policy.entity, tracked.entry_id), posting)
        return replace(posting, bill_minor=earlier.bill_minor, cost_minor=earlier.cost_minor)

    first: dict[tuple[str, str], Posting] = {}
    return new_posting


def _another_day_is_words(original: Function) -> Function:
    """The day is not among what is compared."""

    def classify(standing: Posting, entry: TimeEntry, valuation: Valuation) -> Correction:
        found: Correction = original(standing, replace(entry, work_date=standing.work_date), valuation)
        return found

    return classify


PLANTS = (
    Plant(
        number="D1",
        name="last_come_counts",
        story="an older version that comes late overwrites a newer one",
        replaces="runtime.core.partition.decide:_approved",
        bug=_last_come_counts,
        caught_by="S5",
        faults=(OVERTAKEN, NONE_MISSING),
        changes={"people.correction_ppm": 900_000, **NEVER_RECOUNTED},
        wild="laravel/cashier-stripe#1201, stripe/stripe-cli#418",
    ),
    Plant(
        number="D2",
        name="withdrawal_of_nothing",
        story="a withdrawal that overtakes its approval finds nothing to take back, and the approval is posted",
        replaces="runtime.core.partition.decide:_withdrawn",
        bug=_withdrawal_of_nothing,
        caught_by="S2b",
        faults=(OVERTAKEN, NONE_MISSING),
        changes={"people.withdrawal_ppm": 400_000, **NEVER_RECOUNTED},
    ),
    Plant(
        number="D3",
        name="reversal_of_what_is_current",
        story="a reversal takes back what the entry is worth by now, and not what was posted",
        replaces="runtime.core.partition.steps:_reversal",
        bug=_from_what_is_current,
        caught_by="S2b",
        # An ERP that takes a reversal of any amount; others refuse this one, and a person is asked.
        changes={**RESTLESS, "erp.exact_reversals": False},
    ),
    Plant(
        number="D6",
        name="amended_without_reversing",
        story="an amendment is posted beside what stands",
        replaces="runtime.core.partition.steps:next_step",
        bug=_without_reversing,
        caught_by="S1",
        changes=RESTLESS,
        wild="eclipse/dirigible#7071 (the inverse: old amounts were kept)",
    ),
    Plant(
        number="D10",
        name="cleared_is_missing",
        story="a field that was cleared is read as one that was left out, and its old value is kept",
        replaces="runtime.core.corrections:classify",
        bug=_cleared_is_missing,
        caught_by="S2b",
        faults=(ClearedField(ppm=600_000),),
        changes=RESTLESS,
        wild="submersion#474",
    ),
    Plant(
        number="D20",
        name="correction_of_nothing",
        story="a correction that overtakes its original is dropped, and the original is posted for good",
        replaces="runtime.core.partition.decide:_approved",
        bug=_correction_of_nothing,
        caught_by="S2b",
        faults=(OVERTAKEN, NONE_MISSING),
        changes={**RESTLESS, **NEVER_RECOUNTED},
    ),
    Plant(
        number="D21",
        name="corrections_move_money",
        story="a correction that changes no amount is taken for words, and project or dimension stay wrong",
        replaces="runtime.core.corrections:classify",
        bug=_by_money_alone,
        caught_by="S2b",
        faults=(BulkEdit(day=32, at="09:00", share_ppm=500_000, pushed=True),),
        changes={"runtime.full_recount_every_ms": DAY_MS},
    ),
    Plant(
        number="D22",
        name="first_price_is_kept",
        story="a correction is posted at the amount of the version before it",
        replaces="runtime.core.partition.steps:_new_posting",
        bug=_first_price_is_kept,
        caught_by="S2b",
        changes=RESTLESS,
    ),
    Plant(
        number="D30",
        name="another_day_is_words",
        story="a line that moved to another day keeps standing on the day on which it was",
        replaces="runtime.core.corrections:classify",
        bug=_another_day_is_words,
        caught_by="S2b",
        changes=MOVED,
    ),
    Plant(
        number="D31",
        name="late_word_is_only_counted",
        story="an approval that comes after its withdrawal is counted, and a line that was posted by hand for it stays",
        replaces="runtime.core.partition.decide:_late_word",
        bug=_late_word_is_only_counted,
        caught_by="S7",
        faults=(OVERTAKEN, NONE_MISSING),
        changes={
            **NEVER_RECOUNTED,
            "people.withdrawal_ppm": 400_000,
            "runtime.confirm_after_ms": HOUR_MS,
            "hand_postings": tuple(
                HandPostings(day=day, at=at, older_than_ms=HOUR_MS + HOUR_MS // 4)
                for day in (30, "last")
                for at in ("11:30", "14:30", "18:30")
            ),
        },
    ),
)

NOT_YET = {
    "D4": "there are no deltas to freeze: a correction reverses what stands, as it was posted, and posts anew",
    "D7": "one row of an entry is on its way at a time: MOVES lets no other follow, and a lane that tried would stop",
    "D8": "the source's versions are counted, and its approvals are stamped by one clock: no two hosts order them",
    "D9": "a move between legal entities is parked (entity_moved) and not carried yet",
}
