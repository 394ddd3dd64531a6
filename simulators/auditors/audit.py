"""The audit: every oracle over every book, in fixed order, and what that makes of the run.

    examine  one share of the run (an entity, a component of entities) -> Audited
    combine  shares that were examined apart                           -> Audited
    conclude                                                           -> list[Held], with "unknown" where due
    audit    = conclude(examine(...)) for a run in one piece

One pass per entity, grouped by entry. An entry to which nothing happened but approval and landing, which is nearly
every one, is recognised as such (`_plain`) and needs no oracle: what `_plain` asks for implies what each of them
asks for. Everything else is laid out as a `Story` and shown to all of them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from simulators.auditors.allowances import Allowances
from simulators.auditors.at_most_once import at_most_once
from simulators.auditors.audit_trail import audit_trail
from simulators.auditors.backlog import outages, recovered
from simulators.auditors.bounds import bounded
from simulators.auditors.calendar import Track, books_calendar
from simulators.auditors.call_budget import call_budget, fetched_once
from simulators.auditors.finding import EXAMPLES_KEPT, HELD, UNKNOWN, Held
from simulators.auditors.frozen_intent import frozen_intent
from simulators.auditors.identity import identity_over_time, places_at_the_end
from simulators.auditors.identity_of_rows import identity_of_rows
from simulators.auditors.livelock import no_livelock
from simulators.auditors.liveness import busy_spans, drained, merged_spans, progress
from simulators.auditors.money import exact_money
from simulators.auditors.no_loss import exact_value, no_loss
from simulators.auditors.order import in_order, no_invention, words_of
from simulators.auditors.parked_rows import reaches_a_person
from simulators.auditors.period import right_period
from simulators.auditors.places_money import UNSEEN, PlaceSum
from simulators.auditors.pricing import Pricing, Worth
from simulators.auditors.recovery import same_after_recovery
from simulators.auditors.rests import logins_rare, probed_one_by_one, rests_kept
from simulators.auditors.single_writer import single_writer
from simulators.auditors.status_truth import POSTED, claim_was_true, status_at_the_end
from simulators.auditors.story import Book, Story, by_entry, pair, places_by_entry
from simulators.auditors.true_parks import true_park
from simulators.auditors.typed_input import typed_input
from simulators.auditors.whole_reads import whole_reads
from simulators.evidence import AccountEvidence, ApprovedVersion, Evidence, FinalPlace, LedgerLine
from simulators.firm.model import Firm

INVARIANTS: dict[str, str] = {
    "S1": "at most once",
    "S2": "no loss",
    "S2b": "exact value",
    "S3": "period",
    "S4": "money",
    "S5": "order",
    "S6": "no invention",
    "S7": "accounting identity",
    "S8x": "no false park",
    "S9": "frozen intent",
    "S10": "call budget",
    "S11": "single writer",
    "S12": "recovery equivalence",
    "S13": "status truth",
    "S14": "identity",
    "S15": "typed input",
    "S17": "audit trail",
    "S18": "bounds",
    "L0": "no livelock",
    "L1": "drain",
    "L2": "progress per lane",
    "L3": "recovery",
    "L5": "whole reads",
    "L7": "parked rows reach a person",
}
"""Everything that is judged, in the order of the report."""

PER_ENTRY: tuple[tuple[str, Callable[[Story, Held], None]], ...] = (
    ("S1", at_most_once),
    ("S2", no_loss),
    ("S2b", exact_value),
    ("S3", right_period),
    ("S4", exact_money),
    ("S5", in_order),
    ("S6", no_invention),
    ("S7", places_at_the_end),
    ("S13", status_at_the_end),
    ("S15", typed_input),
    ("L1", drained),
    ("L7", reaches_a_person),
)

OF_THE_FINISHED = frozenset({"S2", "S2b", "S13", "L1"})
"""Oracles that compare the end of the source with the end of the ledger: not asked where nothing could finish."""

PPM = 1_000_000
FROM_CHECKPOINTS = frozenset({"S18", "L0", "L2"})
"""What is read from checkpoints; without any, nobody looked."""


@dataclass(slots=True)
class Audited:
    """What was found in one share of the run.

    `expected` entries should stand in the ledger by the source's word, `standing` of them do; `checkpoints` were read.
    `places` is the money by place.
    """

    held: dict[str, Held] = field(default_factory=lambda: {key: Held(key, name) for key, name in INVARIANTS.items()})
    expected: int = 0
    standing: int = 0
    checkpoints: int = 0
    places: dict[str, PlaceSum] = field(default_factory=dict)


def examine(
    firm: Firm, evidences: dict[str, Evidence], accounts: dict[str, AccountEvidence], allowances: Allowances
) -> Audited:
    """Judge these entities and the accounts they use. Accounts belong to one share, with every entity behind them."""
    audited = Audited()
    pricing = Pricing(firm.rates)
    busy = {name: busy_spans(account) for name, account in accounts.items()}
    out = {name: outages(account) for name, account in accounts.items()}
    account_of = {entity.code: entity.erp_account for entity in firm.entities}
    for name, evidence in evidences.items():
        _examine_entity(
            Book(
                evidence,
                pricing,
                books_calendar(firm, evidence, allowances),
                allowances.news_lag_ms,
                name not in allowances.unhealthy,
            ),
            audited,
        )
        identity_over_time(evidence, audited.held["S7"])
        frozen_intent(evidence, audited.held["S9"])
        single_writer(evidence, audited.held["S11"])
        same_after_recovery(evidence, audited.held["S12"])
        audit_trail(evidence, audited.held["S17"])
        identity_of_rows(evidence, audited.held["S14"])
        hindered = busy.get(account_of.get(name, ""), [])
        if evidence.paused:
            hindered = merged_spans([*hindered, *evidence.paused])
        progress(evidence, hindered, allowances, audited.held["L2"])
        whole_reads(evidence, allowances, audited.held["L5"])
        bounded(evidence, allowances, audited.held["S18"])
        fetched_once(evidence, audited.held["S10"])
        no_livelock(evidence, allowances, audited.held["L0"])
        recovered(evidence, out.get(account_of.get(name, ""), []), allowances, audited.held["L3"])
        audited.checkpoints += len(evidence.checkpoints)
    for name, account in accounts.items():
        for judge in (call_budget, rests_kept, probed_one_by_one, logins_rare):
            judge(account, allowances.account(name), audited.held["S10"])
    return audited


def combine(parts: Iterable[Audited]) -> Audited:
    """Put shares together that were examined apart, in the order given."""
    whole = Audited()
    for part in parts:
        whole.expected += part.expected
        whole.standing += part.standing
        whole.checkpoints += part.checkpoints
        for key, theirs in part.held.items():
            mine = whole.held[key]
            mine.violations += theirs.violations
            mine.examples.extend(theirs.examples[: EXAMPLES_KEPT - len(mine.examples)])
            if theirs.status != HELD:
                mine.status = theirs.status
        for place, total in part.places.items():
            whole.places.setdefault(place, PlaceSum()).join(total)
    return whole


def conclude(audited: Audited, allowances: Allowances) -> list[Held]:
    """The verdicts in fixed order. Where too little was posted, what found nothing has proved nothing."""
    vacuous = not audited.expected or audited.standing * PPM < audited.expected * allowances.least_posted_share_ppm
    for key, held in audited.held.items():
        if not held.violations:
            held.status = UNKNOWN if vacuous or (key in FROM_CHECKPOINTS and not audited.checkpoints) else HELD
    return [audited.held[key] for key in INVARIANTS]


def audit(
    firm: Firm, evidences: dict[str, Evidence], accounts: dict[str, AccountEvidence], allowances: Allowances
) -> list[Held]:
    """Judge a whole run."""
    return conclude(examine(firm, evidences, accounts, allowances), allowances)


def places_money(audited: Audited) -> dict[str, PlaceSum]:
    """Versions, hours and money of each place, with the auditors' own prices."""
    return audited.places


def _examine_entity(book: Book, audited: Audited) -> None:
    evidence = book.evidence
    lines_of = by_entry(evidence.lines)
    places_of = places_by_entry(evidence.final)
    value = book.pricing.worth
    calendar_of = book.calendar.of
    entity, psa, sums = evidence.entity, evidence.psa, audited.places
    otherwise = evidence.sent_otherwise
    posted = sums.setdefault(POSTED, PlaceSum())
    nothing: list[LedgerLine] = []
    nowhere: list[FinalPlace] = []
    plain = 0
    for entry_id, versions in evidence.versions.items():
        lines = lines_of.get(entry_id, nothing)
        places = places_of.get(entry_id, nowhere)
        if len(versions) == 1 and len(lines) == 1 and len(places) == 1:
            version, line, place = versions[0], lines[0], places[0]
            worth = value(version)
            told = psa.get(entry_id)
            if (
                worth is not None
                and told is not None
                and told.status == POSTED
                and line.entity == entity
                and (not otherwise or (entry_id, version.version) not in otherwise)
                and _plain(version, line, place, worth, calendar_of(line.accounting_date))
            ):
                posted.add(version.quarter_hours, worth)
                plain += 1
                continue
        _show(_story(book, entry_id, versions, lines, places), audited)
    audited.expected += plain
    audited.standing += plain
    # What only the ledger or only the runtime knows.
    for entry_id in dict.fromkeys([*lines_of, *places_of]) if _strangers(evidence, lines_of, places_of) else ():
        if entry_id not in evidence.versions:
            story = _story(book, entry_id, [], lines_of.get(entry_id, nothing), places_of.get(entry_id, nowhere))
            _show(story, audited)

    def story_of(entry_id: str) -> Story:
        return _story(
            book,
            entry_id,
            evidence.versions.get(entry_id, []),
            lines_of.get(entry_id, nothing),
            places_of.get(entry_id, nowhere),
        )

    for at_ms, entry_id, number, status in evidence.psa_claims:
        if status == POSTED:
            lines = lines_of.get(entry_id, nothing)
            first = lines[0] if lines else None
            # Mostly the claim is about the first line that landed, and came after it.
            if first is None or first.at_ms > at_ms or first.version != number or first.leg == "reverse":
                claim_was_true(story_of(entry_id), audited.held["S13"], at_ms, number)
    for park in evidence.parks:
        true_park(story_of(park.entry_id), audited.held["S8x"], park)


def _plain(version: ApprovedVersion, line: LedgerLine, place: FinalPlace, worth: Worth, track: Track | None) -> bool:
    """Approved once, landed once afterwards, on its day in an open period, for what it is worth, and called posted."""
    return (
        place.place == POSTED
        and line.leg == "post"
        and line.version == version.version == place.version
        and line.at_ms >= version.at_ms
        and type(line.bill_minor) is int
        and type(line.cost_minor) is int
        and line.bill_minor == worth.bill_minor
        and line.cost_minor == worth.cost_minor
        and line.bill_currency == worth.bill_currency
        and line.cost_currency == worth.cost_currency
        and line.project == version.assignment.project
        and line.words == words_of(version)
        and line.work_date == version.work_date == line.accounting_date
        and track is not None
        and track.name == line.period
        and track.stretch[0] <= line.at_ms < track.stretch[1]
        and line.quarter_hours == version.quarter_hours == place.quarter_hours
        and (place.bill_minor is None or place.bill_minor == worth.bill_minor)
    )


def _strangers(
    evidence: Evidence, lines_of: dict[str, list[LedgerLine]], places_of: dict[str, list[FinalPlace]]
) -> bool:
    known = evidence.versions
    return not (lines_of.keys() <= known.keys() and places_of.keys() <= known.keys())


def _story(
    book: Book, entry_id: str, versions: list[ApprovedVersion], lines: list[LedgerLine], places: list[FinalPlace]
) -> Story:
    standing, undoings = pair(lines)
    worths = [book.pricing.worth(version) for version in versions]
    return Story(book, entry_id, versions, worths, lines, places, standing, undoings)


def _show(story: Story, audited: Audited) -> None:
    """Show one entry to every oracle, and count where its versions lie."""
    for key, oracle in PER_ENTRY:
        if story.book.may_finish or key not in OF_THE_FINISHED:
            oracle(story, audited.held[key])
    if story.should_stand() and (story.book.may_finish or story.standing):
        audited.expected += 1
        audited.standing += bool(story.standing)
    for version, worth in zip(story.versions, story.worths, strict=True):
        if not version.withdrawn:
            place = story.place_of(version.version) or UNSEEN
            audited.places.setdefault(place, PlaceSum()).add(version.quarter_hours, worth)
