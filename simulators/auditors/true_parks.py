"""S8x, no false park: whatever is parked has a reason that is true in the simulator.

A reason is true when what REASONS asks for it is so: the ERP really refused the entry, or the facts of the case hold.
That the ERP refused is not enough where the feed itself had made the row wrong: the entry lacked nothing then.
"""

from collections.abc import Callable

from simulators.auditors.finding import Held
from simulators.auditors.pricing import EXCLUDED
from simulators.auditors.story import Story, pair
from simulators.evidence import ApprovedVersion, LedgerLine, Park

Truth = Callable[[Story, ApprovedVersion, Park], bool]


def _unpriced(story: Story, version: ApprovedVersion, park: Park) -> bool:
    """There is no one rate for it. Rates of another time type than the standard one are not published at all.

    Time of an excluded type needs none, so it is never parked for want of one.
    """
    if version.time_type in EXCLUDED:
        return False
    return bool(story.book.pricing.why_unpriced(version)) or version.time_type != "standard"


def _not_open(story: Story, version: ApprovedVersion, park: Park) -> bool:
    """Its period, or that of a line to be reversed, was not open at some instant when the feed may have asked."""
    days = dict.fromkeys([version.work_date, *(line.accounting_date for line in story.lines)])
    since = version.at_ms - story.book.news_lag_ms
    tracks = [story.book.calendar.of(day) for day in days]
    return any(track is None or track.ever_not_open(since, park.at_ms) for track in tracks)


def _late_news(story: Story, version: ApprovedVersion, park: Park) -> bool:
    """What it lacked was news of a project or period; news travels, so this may only hold for a while."""
    return story.place_of(park.version) != "parked"


def _by_hand(story: Story, version: ApprovedVersion, park: Park) -> bool:
    """Somebody posted the entry by hand."""
    return any(line.by_hand for line in story.lines)


def _by_hand_otherwise(story: Story, version: ApprovedVersion, park: Park) -> bool:
    """Somebody posted the entry by hand, for another amount than it was worth, on another project or another day."""
    worth = story.worth_of(park.version)
    return any(
        line.by_hand
        and (
            worth is None
            or (line.bill_minor, line.cost_minor) != (worth.bill_minor, worth.cost_minor)
            or (line.project, line.work_date) != (version.assignment.project, version.work_date)
        )
        for line in story.lines
    )


def _asked_for(story: Story, version: ApprovedVersion, park: Park) -> bool:
    """Somebody had configured the runtime to ask for what nobody publishes here."""
    return any(name == "must_know" and since <= park.at_ms for since, _, name in story.book.evidence.configured)


def _differs(story: Story, version: ApprovedVersion, park: Park) -> bool:
    """The ledger had something else than was sent: a line beside another, for another amount, or under a shared key."""
    lines = [line for line in story.lines if line.at_ms <= park.at_ms]
    evidence = story.book.evidence
    return (
        len(pair(lines)[0]) > 1
        or any(line.by_hand or line.key in evidence.changed_attempts for line in lines)
        or any(story.entry_id in (clash.entry_id, clash.held[0]) for clash in evidence.key_clashes)
        or any(line.leg == "post" and _is_worth_otherwise(story, line) for line in lines)
    )


def _is_worth_otherwise(story: Story, line: LedgerLine) -> bool:
    worth = story.worth_of(line.version)
    return worth is None or (line.bill_minor, line.cost_minor) != (worth.bill_minor, worth.cost_minor)


def _refused(*reasons: str) -> Truth:
    """The ERP really refused a row of the entry, for one of these reasons."""

    def refused(story: Story, version: ApprovedVersion, park: Park) -> bool:
        given = story.book.evidence.refused_rows.get(story.entry_id, set())
        return any(reason in given for reason in reasons)

    return refused


def _invalid(story: Story, version: ApprovedVersion, park: Park) -> bool:
    """The ERP refused it as invalid, and not for what the row itself said: the feed makes rows that can be posted."""
    return story.entry_id not in story.book.evidence.malformed and _refused("invalid")(story, version, park)


def _nothing_there(story: Story, version: ApprovedVersion, park: Park) -> bool:
    """The ERP found nothing to reverse, and there is nothing: no line of the feed stood by then, and does still."""
    left = any(not line.by_hand and line.at_ms <= park.at_ms for line in story.standing)
    return not left and _refused("nothing_to_reverse")(story, version, park)


def _or(*truths: Truth) -> Truth:
    return lambda story, version, park: any(holds(story, version, park) for holds in truths)


def _impatient(story: Story, version: ApprovedVersion, park: Park) -> bool:
    """Somebody had configured the runtime to give up at the first refusal, and the ERP had refused the entry once.

    It may have been an older version: its refusal counts for the entry, and a sane limit is far above one.
    """
    told = any(name == "refusals_max" and since <= park.at_ms for since, _, name in story.book.evidence.configured)
    return told and bool(story.book.evidence.refused_rows.get(story.entry_id))


REASONS: dict[str, Truth] = {
    "rate_gap": _unpriced,
    "rate_tie": _unpriced,
    "currency_unknown": _unpriced,
    "rate_unusable": _unpriced,
    "project_unknown": _late_news,
    "worker_unknown": _asked_for,
    "assignment_unknown": _asked_for,
    "period_unknown": _or(_not_open, _late_news),
    "period_held": _or(_not_open, _refused("period_on_hold")),
    "period_not_yet_open": _not_open,
    "no_open_period": _not_open,
    "erp_unknown_project": _refused("unknown_project"),
    "erp_unknown_worker": _refused("unknown_worker"),
    "erp_invalid": _invalid,
    "erp_keeps_refusing": _or(_refused("locked", "key_burned", "period_closed", "period_on_hold"), _impatient),
    "nothing_to_reverse": _nothing_there,
    "ledger_differs": _or(_differs, _refused("duplicate")),
    "manual_line_differs": _by_hand_otherwise,
    "standing_by_hand": _by_hand,
}
"""What has to be so for each reason; a reason that is not listed is true of nothing."""


def true_park(story: Story, held: Held, park: Park) -> None:
    """One park against what the ERP answered and what was so."""
    version = story.published(park.version)
    holds = REASONS.get(park.reason)
    if version is not None and holds is not None and holds(story, version, park):
        return
    worth = story.worth_of(park.version)
    held.found(
        story.entity,
        story.entry_id,
        f"{story.entry_id} version {park.version} was parked for {park.reason!r}, which was not so",
        (park.version,),
        None if worth is None else worth.bill_minor,
        "" if worth is None else worth.bill_currency,
        park.at_ms,
    )
