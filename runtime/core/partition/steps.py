"""The next step of one entry towards what should be true in the ledger.

What should be true follows from the news; what is true is what stands; the step is the difference:

    stands nothing, wanted nothing      -> Rest    (cleared, or left out by rule)
    stands nothing, wanted v            -> Post v
    stands v, wanted nothing            -> Reverse v
    stands v, wanted w, ledger must see -> Reverse v (then nothing stands, and w is posted)
    stands v, wanted w, it need not     -> Rest    (w is carried by what stands)

A row that was sent before and definitely did nothing goes again as it was, as long as it is still the right step.
"""

from dataclasses import replace
from datetime import date

from runtime.core import records as r
from runtime.core.corrections import LEDGER_MOVES
from runtime.core.effects import FrozenRow
from runtime.core.model import Correction, Leg, Posting, TimeEntry, Valuation
from runtime.core.partition.state import State, Tracked
from runtime.core.periods import Access, Dated, Undated
from runtime.core.policy import Policy
from runtime.core.rating import Unpriced
from runtime.core.value import value


@value
class Go:
    """Send a posting that starts from these facts; the key and the frozen text are made when it leaves."""

    leg: Leg
    dated: Dated
    correction: Correction


@value
class Stay:
    """The entry cannot go now: a key of PARKS, and what exactly is lacking."""

    reason: str
    detail: str


@value
class Rest:
    """Nothing has to be sent; this record says so."""

    record: r.VersionCarried | r.EntryCleared | r.EntryLeftOut


Step = Go | FrozenRow | Stay | Rest | Valuation


def rule_against(policy: Policy, entry: TimeEntry) -> str | None:
    """The rule that leaves this time out of the ledger; None where it belongs there."""
    for time_type, rule in policy.excluded_time_types:
        if entry.time_type == time_type:
            return rule
    return None


def price(state: State, entry: TimeEntry, known_ms: int) -> Valuation | Stay:
    """What the entry is worth here, or why nobody can say."""
    if entry.home_entity != state.policy.entity:
        # D7: the home entity is pinned. A move between entities is two legs in two partitions, and not carried yet.
        return Stay("entity_moved", f"its home is {entry.home_entity}, this partition books {state.policy.entity}")
    project = state.projects.get(entry.project)
    if project is None:
        return Stay("project_unknown", f"project {entry.project} was never published")
    policy = state.policy
    lacking = _lacking(state, entry) if policy.must_know else None
    if lacking is not None:
        return lacking
    priced = policy.price(state.card, policy.rate_order, entry, project, known_ms)
    return Stay(priced.reason, priced.detail) if isinstance(priced, Unpriced) else priced


def _lacking(state: State, entry: TimeEntry) -> Stay | None:
    """What this firm wants to know of an entry besides its project and rates, and does not."""
    day = entry.work_date
    if "worker" in state.policy.must_know:
        worker = state.workers.get(entry.worker)
        if worker is None:
            return Stay("worker_unknown", f"worker {entry.worker} was never published")
        if not _holds(worker.valid_from, worker.valid_until, day):
            return Stay("worker_not_employed", f"worker {entry.worker} is not employed on {day}")
    if "assignment" in state.policy.must_know:
        assignment = state.assignments.get(entry.assignment)
        if assignment is None:
            return Stay("assignment_unknown", f"assignment {entry.assignment} was never published")
        if not _holds(assignment.valid_from, assignment.valid_until, day):
            return Stay("assignment_over", f"assignment {entry.assignment} does not hold on {day}")
    return None


def _holds(first: date | None, until: date | None, day: date) -> bool:
    """Whether a day lies in [first, until); None is open."""
    return (first is None or first <= day) and (until is None or day < until)


def next_step(state: State, tracked: Tracked) -> Step:
    """What a queued entry needs next. A `Valuation` means: it has a price now, record it and look again."""
    entry = None if tracked.excluded else tracked.entry
    standing = tracked.standing
    if entry is not None and tracked.valuation is None:
        assert tracked.approval is not None, f"{tracked.entry_id}: approved by nobody"
        return price(state, entry, tracked.approval.decided_at_ms)
    if standing is None:
        if entry is None:
            return Rest(r.EntryLeftOut(tracked.entry_id) if tracked.excluded else r.EntryCleared(tracked.entry_id))
        return _same_row(state, tracked, Leg.POST, entry.version) or _post(state, tracked, entry)
    correction = Correction.NONE
    if entry is not None:
        assert tracked.valuation is not None
        correction = state.policy.classify(standing, entry, tracked.valuation)
        if correction not in LEDGER_MOVES:
            return Rest(r.VersionCarried(tracked.entry_id, entry.version))
    if tracked.by_hand:
        return Stay(
            "standing_by_hand", f"line {tracked.ledger_id} was posted by hand and cannot be reversed by the feed"
        )
    return _same_row(state, tracked, Leg.REVERSE, standing.version) or _reverse(state, standing, correction)


def _same_row(state: State, tracked: Tracked, leg: Leg, version: int) -> FrozenRow | None:
    """The row that was sent before, if it is still the right one and its period still takes it."""
    row = tracked.intent
    if row is None:
        return None
    posting = row.posting
    if posting.leg is not leg or posting.version != version:
        return None
    period = state.calendar.find(posting.period)
    if period is None or state.calendar.access(period) is not Access.OPEN:
        return None
    return row


def _post(state: State, tracked: Tracked, entry: TimeEntry) -> Go | Stay:
    earlier = tracked.reversed
    if earlier is not None and tracked.reversed_work_day == entry.work_date.toordinal():
        return _go(state, Leg.POST, earlier, Correction.NONE)
    dated = state.policy.date_posting(state.calendar, entry.work_date)
    return Stay(dated.reason, dated.detail) if isinstance(dated, Undated) else Go(Leg.POST, dated, Correction.NONE)


def _reverse(state: State, standing: Posting, correction: Correction) -> Go | Stay:
    return _go(state, Leg.REVERSE, Dated(standing.accounting_date, standing.period, standing.adjusts), correction)


def _go(state: State, leg: Leg, earlier: Dated, correction: Correction) -> Go | Stay:
    """A leg of a correction: on the earlier leg's date if its period is open, with the reason that date had."""
    dated = state.policy.date_posting(state.calendar, earlier.day)
    if isinstance(dated, Undated):
        return Stay(dated.reason, dated.detail)
    return Go(leg, earlier if dated.day == earlier.day else dated, correction)


def posting_for(state: State, tracked: Tracked, go: Go, valuation: Valuation | None = None) -> Posting:
    """The posting that `go` leads to, with a fresh key: intent n+1 of this entry.

    `valuation` is for an entry that is being valued in the same decision.
    """
    if go.leg is Leg.REVERSE:
        return _reversal(state, tracked, go)
    return _new_posting(state, tracked, go, valuation or tracked.valuation)


def _reversal(state: State, tracked: Tracked, go: Go) -> Posting:
    """The exact negative of what stands, as it was posted (D8)."""
    standing = tracked.standing
    assert standing is not None, f"{tracked.entry_id}: nothing stands that could be reversed"
    return replace(
        standing,
        key=_fresh_key(state, tracked, standing.version, Leg.REVERSE),
        leg=Leg.REVERSE,
        intent=tracked.intents + 1,
        accounting_date=go.dated.day,
        period=go.dated.period,
        adjusts=go.dated.adjusts,
        quantity=-standing.quantity,
        bill_minor=-standing.bill_minor,
        cost_minor=-standing.cost_minor,
        functional_bill_minor=None if standing.functional_bill_minor is None else -standing.functional_bill_minor,
        correction=go.correction,
        reverses=standing.key,
        mapping_version=state.policy.mapping_version,
    )


def _new_posting(state: State, tracked: Tracked, go: Go, valuation: Valuation | None) -> Posting:
    entry = tracked.entry
    assert entry is not None, f"{tracked.entry_id}: nothing to post"
    assert valuation is not None, f"{tracked.entry_id}: has no price"
    return Posting(
        key=_fresh_key(state, tracked, entry.version, Leg.POST),
        entry_id=entry.entry_id,
        version=entry.version,
        leg=Leg.POST,
        intent=tracked.intents + 1,
        entity=entry.home_entity,
        project=entry.project,
        task=entry.task,
        worker=entry.worker,
        role=entry.role,
        work_date=entry.work_date,
        accounting_date=go.dated.day,
        period=go.dated.period,
        quantity=entry.quantity,
        unit=entry.unit,
        bill_minor=valuation.bill_minor,
        bill_currency=valuation.bill_currency,
        cost_minor=valuation.cost_minor,
        cost_currency=valuation.cost_currency,
        bill_rate_id=valuation.bill_rate_id,
        cost_rate_id=valuation.cost_rate_id,
        narrative=entry.invoice_narrative,
        dimensions=entry.dimensions,
        correction=go.correction,
        adjusts=go.dated.adjusts,
        mapping_version=state.policy.mapping_version,
    )


def _fresh_key(state: State, tracked: Tracked, version: int, leg: Leg) -> str:
    return key_of(state, tracked, version, leg, tracked.intents + 1)


def key_of(state: State, tracked: Tracked, version: int, leg: Leg, intent: int) -> str:
    """The key of one intent of an entry, sent or still to be sent."""
    policy = state.policy
    return policy.key(
        policy.tenant,
        policy.entity,
        tracked.entry_id,
        version,
        policy.module,
        leg,
        intent,
        policy.key_room,
        policy.key_case_folded,
    )
