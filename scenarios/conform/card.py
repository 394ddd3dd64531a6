"""The scorecard: what was asked, what was seen, whether it held, and why it hurts where it did not.

    Seen ─▶ judge ─▶ Card ─▶ told (JSON), junit, print_card

Rule 1. The books are judged by the auditors of the simulated world, from what the mock systems wrote down. Manners are
        judged here, from the calls themselves.
Rule 2. A step is judged by its entries alone, and by what stands of them, whatever it is worth: a wrong price is one
        fault and stands on one line, however many steps its entries were in.
Rule 3. A line that had nothing to look at is unknown, never held.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from xml.etree import ElementTree

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from scenarios.conform import exercise as steps
from scenarios.conform.exercise import AWAY_S, RETRY_AFTER_S, Cohort, Heard, Seen
from scenarios.conform.firm import QUOTA
from scenarios.report.wording import printable
from simulators.auditors.allowances import Allowances, fair_calls
from simulators.auditors.audit import Audited, examine
from simulators.auditors.finding import HELD, UNKNOWN, VIOLATED, Finding
from simulators.auditors.story import by_entry, pair
from simulators.evidence import FinalPlace, LedgerLine

CLEAN, MANNERS, WRONG, UNSETTLED, PROVED_NOTHING = 0, 1, 3, 4, 5
"""Exit codes; where several apply the gravest wins: 3, 5, 4, 1."""
SENTENCES = {
    CLEAN: "A clean card: every entry stands once, for what it is worth, and the systems were treated well.",
    MANNERS: "The books are right. Its manners are not.",
    WRONG: "The books are wrong: {named}.",
    UNSETTLED: "It did not settle: work was left when time was up, and it was still at it.",
    PROVED_NOTHING: "Nothing is proved.",
}
BOOKS, STEPS, MANNER, SPEED = "the books", "what was put to it", "manners", "recovery"
GROUPS = {
    BOOKS: "The books, compared with what was approved",
    STEPS: "What was put to it, and whether it came out right",
    MANNER: "Manners",
    SPEED: "Recovery",
}
OVER_QUOTA_FAIR = 4
"""Calls over the quota that teach where it is (assumed: the first one, and those on the wire by then)."""
IN_FLIGHT_MS = 300
"""After we said "wait", what arrives so soon had left before (assumed)."""
EARLY_MS = 150
"""Clocks and timers may be early by so much (assumed)."""
PROBES_FAIR = 2 + AWAY_S // 2
"""Calls during maintenance: those on the wire, and a probe every two seconds (assumed)."""
SENT_FAIR = 8
"""Times that one row may be sent in all (assumed): each fault that met it, and some air."""
RECOVERED_S = 10.0
"""How soon after a misfortune its entries should stand (assumed: some times the rest between two probes)."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the card. `count`: how many breaches; `rule` is where it comes from, an oracle or a decision."""

    id: str
    group: str
    name: str
    asked: str
    seen: str
    verdict: str
    why: str
    rule: str
    count: int = 0
    example: str = ""


@dataclass(slots=True)
class Card:
    """The whole of it, and the exit code that follows."""

    exit: int
    lines: list[Line]
    entries: int = 0
    standing: int = 0
    calls: int = 0
    seconds: float = 0.0
    seed: int = 0
    faults: tuple[str, ...] = ()
    failed: str = ""
    """Why nothing is proved."""
    time_line: list[tuple[int, str]] = field(default_factory=list)
    """(ms since the beginning, what happened)"""

    @property
    def sentence(self) -> str:
        """The verdict, in words."""
        named = ", ".join(line.name for line in self.lines if line.verdict == VIOLATED and line.group == BOOKS)
        words = SENTENCES[self.exit].format(named=named or "see above")
        if self.exit == CLEAN and any(line.verdict == UNKNOWN for line in self.lines):
            words = words.replace("A clean card", "A clean card, as far as could be asked", 1)
        return words + (f" {self.failed[:1].upper()}{self.failed[1:]}." if self.failed else "")

    def told(self) -> dict[str, Any]:
        """For machines."""
        named = ("id", "group", "name", "verdict", "count", "seen", "example", "asked", "why", "rule")
        return {
            "exit": self.exit,
            "verdict": self.sentence,
            "entries": self.entries,
            "standing": self.standing,
            "calls": self.calls,
            "seconds": self.seconds,
            "seed": self.seed,
            "faults": list(self.faults),
            "lines": [{name: getattr(line, name) for name in named} for line in self.lines],
            "time_line": [{"at_ms": at_ms, "text": text} for at_ms, text in self.time_line],
        }


# ------------------------------------------------------------------ judging


def judge(seen: Seen) -> Card:
    """The card of an exercise."""
    looked = _Looked(seen)
    lines = [*_books(looked), *_steps(looked), *_manners(looked), *_recovery(looked)]
    card = Card(
        CLEAN,
        lines,
        entries=len(looked.entries),
        standing=sum(bool(looked.standing(*one)) for one in looked.entries),
        calls=len(seen.calls),
        seconds=seen.seconds,
        seed=seen.plan.seed,
        faults=seen.plan.faults,
        failed=seen.failed,
    )
    violated = {line.group for line in lines if line.verdict == VIOLATED}
    if not looked.posted:
        card.exit = PROVED_NOTHING
    elif violated & {BOOKS, STEPS}:
        card.exit = WRONG
    elif seen.failed:
        card.exit = PROVED_NOTHING
    elif looked.unfinished:
        card.exit = UNSETTLED
    elif violated:
        card.exit = MANNERS
    return card


class _Looked:
    """What was seen, with the questions that several lines have."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.entries = [one for cohort in seen.cohorts.values() for one in cohort.entries]
        self.step_of = {entry_id: cohort.name for cohort in seen.cohorts.values() for _, entry_id in cohort.entries}
        self._lines = {code: by_entry(evidence.lines) for code, evidence in seen.live.evidences.items()}
        self.unfinished = [] if seen.settled or seen.quiet else [one for one in self.entries if self.outcome(*one)]
        """Entries on which it was still at work when time was up."""
        self.found: dict[str, list[Finding]] = {}
        """Invariant to its findings."""
        self.posted = any(evidence.lines for evidence in seen.live.evidences.values())
        self.told = sum(len(evidence.psa) for evidence in seen.live.evidences.values())
        for entity, entry_id in self.entries:
            for key, held in self._audited(entity, entry_id).held.items():
                self.found.setdefault(key, []).extend(held.examples)

    def standing(self, entity: str, entry_id: str) -> list[LedgerLine]:
        """The lines of an entry that stand."""
        return pair(self._lines[entity].get(entry_id, []))[0]

    def outcome(self, entity: str, entry_id: str) -> str:
        """What is wrong with what stands of an entry, in a word; empty: nothing (rule 2)."""
        current = self.seen.live.evidences[entity].versions[entry_id][-1]
        lines = self.standing(entity, entry_id)
        if current.withdrawn:
            return "still stand" if lines else ""
        if not lines:
            return "stand nowhere"
        if len(lines) > 1:
            return "stand more than once"
        return "" if lines[0].version == current.version else "stand in an old version"

    def _audited(self, entity: str, entry_id: str) -> Audited:
        """One entry, shown to the auditors by itself, so that every finding is kept."""
        live = self.seen.live
        whole = live.evidences[entity]
        parked = steps.said_parked(self.seen, entity).get(entry_id)
        final = [] if parked is None else [FinalPlace(entry_id, parked, "parked", "", None, 0)]
        if (entity, entry_id) in self.unfinished:
            final = [FinalPlace(entry_id, one.version, "in_flight", "", None, 0) for one in whole.versions[entry_id]]
        told = whole.psa.get(entry_id)
        alone = replace(
            whole,
            versions={entry_id: whole.versions[entry_id]},
            lines=self._lines[entity].get(entry_id, []),
            psa={} if told is None else {entry_id: told},
            psa_claims=[claim for claim in whole.psa_claims if claim[1] == entry_id],
            final=final,
            changed_attempts=[],
        )
        return examine(live.firm, {entity: alone}, {}, Allowances())


# ------------------------------------------------------------------ the books


@dataclass(frozen=True, slots=True)
class _Question:
    """A line of the books: which invariants it takes together, and what it means."""

    id: str
    name: str
    invariants: tuple[str, ...]
    asked: str
    held: str
    why: str
    rule: str


QUESTIONS = (
    _Question(
        "doubles",
        "doubles",
        ("S1",),
        "an approved entry has at most one standing line, at every moment",
        "no entry stands twice",
        "A client pays an hour twice, finds out, and checks every invoice from then on."
        " Make the key from entry and version, never from the attempt.",
        "S1 at most once",
    ),
    _Question(
        "losses",
        "losses",
        ("S2",),
        "what is approved stands, or the PSA was told that it is parked",
        "nothing is missing",
        "Work that was done is never billed, and nobody misses it."
        " Acknowledge after it is durable, retry what is unknown, and read the listing again.",
        "S2 no loss",
    ),
    _Question(
        "wrong_amounts",
        "wrong amounts",
        ("S2b", "S4"),
        "the line is worth quantity times the rate in force on the work date, rounded half up once",
        "every line is right to the cent",
        "An invoice that is off by a cent is rejected as a whole, one that is off by the rate is disputed."
        " Decimals, minor units of the currency, and the rate of the work date.",
        "S2b exact value, S4 money",
    ),
    _Question(
        "withdrawn_work",
        "withdrawn work",
        ("S2b",),
        "what was withdrawn is reversed, by the exact negative",
        "nothing that was withdrawn is billed",
        "The firm itself has taken the hour back, and bills it all the same.",
        "S2b exact value",
    ),
    _Question(
        "wrong_periods",
        "wrong periods",
        ("S3",),
        "a line is dated on its work date, or marked as adjusted on the first day of the next open period",
        "every line is in its period",
        "Revenue in the wrong month is an audit finding.",
        "S3 period",
    ),
    _Question(
        "order",
        "order",
        ("S5",),
        "no older version of an entry lands after a newer one",
        "versions landed in order",
        "What the client sees is what somebody had already corrected. Compare versions, not arrival.",
        "S5 order",
    ),
    _Question(
        "inventions",
        "inventions",
        ("S6",),
        "every line names a version that was approved when it landed, and a reversal names a line that stood",
        "every line has its approval",
        "A bill without an approval behind it cannot be defended.",
        "S6 no invention",
    ),
    _Question(
        "false_status",
        "status to the PSA",
        ("S13",),
        "the PSA is told 'posted' only after a line stood, and in the end exactly where one stands",
        "the PSA was told the truth",
        "People look at the PSA and believe it: what it calls posted nobody looks for again."
        " An error inside a 200 is an error.",
        "S13 status truth",
    ),
)


def _books(looked: _Looked) -> Iterator[Line]:
    doubled = {one.entry_id for key in ("S1", "S2") for one in looked.found.get(key, ())}
    for each in QUESTIONS:
        found = [one for key in each.invariants for one in looked.found.get(key, ())]
        if each.id == "wrong_amounts":
            # What stands twice, nowhere or after its withdrawal has a line of its own, and its sum is wrong by that.
            found = [one for one in found if one.entry_id not in doubled and not _is_withdrawn(looked, one)]
        elif each.id == "withdrawn_work":
            found = [one for one in found if _is_withdrawn(looked, one)]
        entries = dict.fromkeys(one.entry_id for one in found)
        verdict, said = (VIOLATED, _so_many(looked, entries)) if entries else (HELD, each.held)
        if not looked.posted or (each.id == "false_status" and not looked.told):
            verdict, said = UNKNOWN, "it told the PSA nothing" if looked.posted else "nothing was posted"
            found, entries = [], {}
        example = _in_words(found[0]) if found else ""
        yield Line(each.id, BOOKS, each.name, each.asked, said, verdict, each.why, each.rule, len(entries), example)
    yield _frozen(looked)


def _frozen(looked: _Looked) -> Line:
    changed = [key for evidence in looked.seen.live.evidences.values() for key in evidence.changed_attempts]
    tried = any(evidence.attempts for evidence in looked.seen.live.evidences.values())
    said = (
        f"{_count(len(changed), 'key')} came again with other content" if changed else "no key came with other content"
    )
    return Line(
        "changed_rows",
        BOOKS,
        "frozen rows",
        "a key that is sent again carries the same row, byte for byte",
        said if tried else "nothing was posted",
        VIOLATED if changed else HELD if tried else UNKNOWN,
        "The ERP answers the old row or refuses the new one, and neither side knows which of them stands.",
        "S9 frozen intent",
        len(changed),
        changed[0] if changed else "",
    )


def _is_withdrawn(looked: _Looked, finding: Finding) -> bool:
    return looked.seen.live.evidences[finding.entity].versions[finding.entry_id][-1].withdrawn


def _so_many(looked: _Looked, entries: Mapping[str, None]) -> str:
    """How many entries, and in which steps they were."""
    where = Counter(looked.step_of[entry_id] for entry_id in entries)
    told = ", ".join(f"{NAMES[name]} {count}" for name, count in where.most_common())
    return f"{len(entries)} of {_count(len(looked.entries), 'entry', 'entries')}: {told}"


def _in_words(finding: Finding) -> str:
    return finding.text if finding.entry_id in finding.text else f"{finding.entry_id}: {finding.text}"


# ------------------------------------------------------------------ the steps


@dataclass(frozen=True, slots=True)
class _Asked:
    """A step, and what it asks of whoever is exercised."""

    name: str
    asked: str
    why: str
    rule: str
    needs_a_strike: bool = False
    """Whether nothing is known unless its fault met a call."""
    needs_webhooks: bool = False


ASKED: dict[str, _Asked] = {
    steps.CALM: _Asked(
        "a calm beginning",
        "post what is approved while nothing goes wrong",
        "Whoever cannot do this cannot do anything.",
        "S2 no loss",
    ),
    steps.LOST: _Asked(
        "lost replies",
        "the ERP posts the row and its answer is lost: find out, and do not post it again under another key",
        "A time-out is neither yes nor no. Who takes it for no bills twice, who takes it for yes bills nothing.",
        "D3, D4: silence is doubt, and doubt is settled by asking, or by the same key",
        needs_a_strike=True,
    ),
    steps.THROTTLED: _Asked(
        "429",
        f"the ERP says 429, Retry-After: {RETRY_AFTER_S}: wait, and lose nothing",
        "A quota is met on the busiest day of the month, and what is dropped then is a lot.",
        "D3: 429 is a definite no, and the row waits",
        needs_a_strike=True,
    ),
    steps.AWAY: _Asked(
        "maintenance",
        f"the ERP is down for {AWAY_S} s and says until when: wait, and lose nothing",
        "Maintenance is announced for nights, and month-end is at night.",
        "D14: maintenance is a state of the account, not of a row",
    ),
    steps.DUPLICATED: _Asked(
        "duplicate events",
        "the same event twice at once, and a third time later: one line",
        "Every sender of webhooks delivers twice now and then, and says so.",
        "S1 at most once",
        needs_webhooks=True,
    ),
    steps.REORDERED: _Asked(
        "reordered versions",
        "version 2 arrives before version 1: version 2 stands, alone",
        "Webhooks arrive in any order. The last one to arrive is not the latest.",
        "S5 order",
        needs_webhooks=True,
    ),
    steps.MISSED: _Asked(
        "an event never sent",
        "the event never comes, the PSA's listing has it: find it there",
        "An hour nobody was told of is never billed. Only reading the listing again finds it.",
        "D15, L5: the source is asked again",
    ),
    steps.CLOSED: _Asked(
        "a closed period",
        "the ERP refuses the row, its period has closed: the next open period with a mark, or wait until it opens",
        "A row that is refused inside a 200 is gone when nobody reads the answer.",
        "D13: a row that cannot go on stops alone, and names what wakes it",
    ),
    steps.LATE: _Asked(
        "a late project",
        "the ERP does not know the project yet: try again when it is set up",
        "Projects are set up after people begin to work on them, every month.",
        "D13: a row that cannot go on stops alone, and names what wakes it",
    ),
    steps.CORRECTED: _Asked(
        "corrections",
        "a posted entry is corrected: reverse what was posted, exactly, and post the new version",
        "Both versions stand and the client pays for both, or the old one does and is wrong.",
        "D8: a correction is the exact negative and the new row",
    ),
    steps.WITHDRAWN: _Asked(
        "withdrawals",
        "a posted entry is withdrawn: reverse it",
        "The client is billed for work that the firm itself has taken back.",
        "D8: a reversal is the exact negative of what was posted",
    ),
    steps.KILLED: _Asked(
        "kill -9",
        "killed while its rows are on the wire, started again a second later: one line for each",
        "Processes die on the busiest day. What was answered with 2xx and lived in memory is gone.",
        "S12: what was acknowledged survives",
    ),
}
NAMES = {name: each.name for name, each in ASKED.items()}


def _steps(looked: _Looked) -> Iterator[Line]:
    for name, each in ASKED.items():
        cohort = looked.seen.cohorts.get(name)
        if name not in (steps.CALM, *looked.seen.plan.faults):
            continue
        verdict, said, wrong, example = _stepped(looked, name, each, cohort)
        yield Line(f"step_{name}", STEPS, each.name, each.asked, said, verdict, each.why, each.rule, wrong, example)


def _stepped(looked: _Looked, name: str, each: _Asked, cohort: Cohort | None) -> tuple[str, str, int, str]:
    """(verdict, what was seen, how many went wrong, an example)"""
    plan = looked.seen.plan
    if name == steps.KILLED and not plan.command:
        return UNKNOWN, "nobody was killed; give --run, or kill it yourself while this runs", 0, ""
    if each.needs_webhooks and not plan.url:
        return UNKNOWN, "no webhooks were asked for; give a URL", 0, ""
    if cohort is None or not cohort.entries:
        return UNKNOWN, "the exercise did not come to it", 0, ""
    wrong: dict[str, str] = {}
    periods = {one.entry_id for one in looked.found.get("S3", ())}
    for one in cohort.entries:
        outcome = "" if one in looked.unfinished else looked.outcome(*one)
        if not outcome and name == steps.CLOSED and one[1] in periods:
            outcome = "stand in a wrong period"
        if outcome:
            wrong[one[1]] = outcome
    total = len(cohort.entries)
    if wrong:
        told = ", ".join(f"{count} {what}" for what, count in Counter(wrong.values()).most_common())
        example = next(iter(wrong))
        return VIOLATED, f"{total - len(wrong)} of {total} right; {told} ({example})", len(wrong), example
    left = sum(one in looked.unfinished for one in cohort.entries)
    if left:
        return UNKNOWN, f"{left} of {total} were still on their way when time was up", 0, ""
    if each.needs_a_strike and not cohort.struck:
        return UNKNOWN, "its fault met no call", 0, ""
    return HELD, f"{total} of {total} right", 0, ""


# ------------------------------------------------------------------ manners


def _manners(looked: _Looked) -> Iterator[Line]:
    calls = [call for call in looked.seen.calls if call.system == "erp"]
    for line in (_quota(looked), _retry_after(calls), _maintenance(looked, calls), _storm(looked, calls)):
        yield line if calls else replace(line, verdict=UNKNOWN, seen="it never called the ERP", count=0, example="")


def _quota(looked: _Looked) -> Line:
    account = looked.seen.live.accounts["erp"]
    over = sum(call.outcome == "throttled" for call in account.calls)
    per = f"{QUOTA.calls} calls in {QUOTA.window_ms // 1_000} s"
    return Line(
        "quota",
        MANNER,
        "quota",
        f"no more than {per}; {OVER_QUOTA_FAIR} calls too many teach where it is",
        f"{_count(over, 'call')} over the quota of {per}" if over else f"never more than {per}",
        VIOLATED if over > OVER_QUOTA_FAIR else HELD,
        "The quota belongs to everybody who uses the account; who runs into it takes it from the rest.",
        "S10 call budget",
        over,
    )


def _retry_after(calls: list[Heard]) -> Line:
    asked = [call for call in calls if call.status == 429 and call.retry_after_ms]
    early = _before_time(calls, asked)
    said = (
        f"{_count(len(early), 'call')} before the time was over, up to {max(early, default=0) / 1_000:.1f} s too early"
    )
    if not asked:
        said = "it was never asked to wait"
    elif not early:
        said = f"waited as long as it was asked to, {_count(len(asked), 'time')}"
    return Line(
        "retry_after",
        MANNER,
        "Retry-After",
        "after 429 with Retry-After, no call before the time is over",
        said,
        VIOLATED if early else HELD if asked else UNKNOWN,
        "Some vendors lock the account for whoever does not wait, and then nobody posts.",
        "D3, and RFC 9110, section 10.2.3",
        len(early),
    )


def _maintenance(looked: _Looked, calls: list[Heard]) -> Line:
    from_ms, until_ms = looked.seen.away
    during = [call for call in calls if from_ms <= call.at_ms < until_ms]
    many = len(during) > PROBES_FAIR
    return Line(
        "maintenance",
        MANNER,
        "maintenance",
        f"at most {PROBES_FAIR} calls during {AWAY_S} s of maintenance with Retry-After: a probe now and then",
        f"{_count(len(during), 'call')} in {AWAY_S} s, {PROBES_FAIR} would do" if until_ms else "there was none",
        (VIOLATED if many else HELD) if until_ms else UNKNOWN,
        "Who hammers a system that is coming up keeps it down.",
        "D14: probes, rarely",
        len(during) if many else 0,
    )


def _storm(looked: _Looked, calls: list[Heard]) -> Line:
    sent = Counter(row for call in calls for row in call.rows)
    row, times = sent.most_common(1)[0] if sent else ("", 0)
    versions = sum(len(each) for evidence in looked.seen.live.evidences.values() for each in evidence.versions.values())
    struck = sum(len(cohort.struck) for cohort in looked.seen.cohorts.values())
    # Two legs and a look-up for each version, and the clock brings probes: one in two seconds.
    fair = fair_calls(3 * versions, struck, int(looked.seen.seconds / 2))
    much = len(calls) > fair
    stormy = much or times > SENT_FAIR
    return Line(
        "storms",
        MANNER,
        "storms",
        f"at most {SENT_FAIR} attempts for one row, and {fair:,} calls in all",
        f"{len(calls):,} calls, one row {_count(times, 'time')}",
        VIOLATED if stormy else HELD,
        "Attempts that do not wait longer each time become the outage they are waiting for.",
        "S10 call budget",
        times if times > SENT_FAIR else len(calls) if much else 0,
        f"{row}, {times} times" if stormy else "",
    )


def _before_time(calls: list[Heard], asked: list[Heard]) -> list[int]:
    """By how many milliseconds calls came too early, while one of these had asked to wait."""
    early: list[int] = []
    for call in calls:
        waits = [
            one.at_ms + one.retry_after_ms - call.at_ms
            for one in asked
            if one.over_ms + IN_FLIGHT_MS < call.at_ms < one.at_ms + one.retry_after_ms - EARLY_MS
        ]
        if waits:
            early.append(max(waits))
    return early


# ------------------------------------------------------------------ recovery


def _recovery(looked: _Looked) -> Iterator[Line]:
    after: tuple[tuple[str, str, str], ...] = (
        (steps.AWAY, "after maintenance", "the ERP is back"),
        (steps.THROTTLED, "after 429", "the ERP takes calls again"),
        (steps.LATE, "after a late project", "the project is set up"),
        (steps.KILLED, "after kill -9", "the process is back"),
    )
    for name, called, what in after:
        cohort = looked.seen.cohorts.get(name)
        if name not in looked.seen.plan.faults:
            continue
        yield _recovered(looked, name, called, what, cohort)


def _recovered(looked: _Looked, name: str, called: str, what: str, cohort: Cohort | None) -> Line:
    standing = [looked.standing(*one) for one in cohort.entries] if cohort is not None else []
    missing = sum(not lines for lines in standing)
    if cohort is None or not cohort.healed_ms:
        verdict, said = UNKNOWN, "the exercise did not come to it"
    elif missing:
        verdict, said = UNKNOWN, f"{missing} of {len(standing)} never came"
    else:
        took_s = max(0, max(lines[0].at_ms for lines in standing) - cohort.healed_ms) / 1_000
        verdict, said = (HELD if took_s <= RECOVERED_S else VIOLATED), f"{took_s:.1f} s until all of them stood"
    return Line(
        f"recovery_{name}",
        SPEED,
        called,
        f"{RECOVERED_S:g} s after {what}, all that waited stands",
        said,
        verdict,
        "Rests that have grown too long go on when the reason for them is over, and the cut-off does not wait.",
        "L3 recovery time",
        int(verdict == VIOLATED),
    )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


# ------------------------------------------------------------------ showing

STYLE = {HELD: "green", VIOLATED: "bold red", UNKNOWN: "yellow"}
SAYS = {HELD: "held", VIOLATED: "VIOLATED", UNKNOWN: "unknown"}


def print_card(card: Card, console: Console) -> None:
    """The card for people: what held in a line, what did not with its example and why it hurts."""
    for group, heading in GROUPS.items():
        lines = [line for line in card.lines if line.group == group]
        if not lines or card.exit == PROVED_NOTHING:
            continue
        console.print(Text(heading, style="bold"))
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(width=8, no_wrap=True)
        table.add_column(width=20, no_wrap=True)
        table.add_column(ratio=1)
        for line in lines:
            table.add_row(Text(SAYS[line.verdict], style=STYLE[line.verdict]), line.name, _cell(line))
        console.print(Padding(table, (0, 0, 1, 2), expand=False))
    console.print(Text(card.sentence, style=STYLE[VIOLATED if card.exit else HELD]))
    counted = Counter(line.verdict for line in card.lines)
    verdicts = ", ".join(f"{counted[key]} {key}" for key in (HELD, VIOLATED, UNKNOWN))
    about = f"{card.entries} entries, {card.calls:,} calls, {card.seconds:.0f} s, seed {card.seed}"
    console.print(Text(f"{verdicts}; {about}, exit {card.exit}", style="dim"))


def _cell(line: Line) -> Text:
    said = Text(line.seen)
    if line.verdict == VIOLATED:
        if line.example not in line.seen:
            said.append(f"\n{line.example}", style="red")
        said.append(f"\n{line.why} [{line.rule}]", style="dim")
    return said


def junit(card: Card) -> str:
    """junit.xml as text: a test case for each line; what is unknown is skipped."""
    suite = ElementTree.Element("testsuite", {"name": f"springtide conform seed {card.seed}"})
    for line in card.lines:
        names = {"classname": f"springtide.conform.{line.group}", "name": line.name, "time": "0"}
        case = ElementTree.SubElement(suite, "testcase", names)
        if line.verdict == VIOLATED:
            failure = ElementTree.SubElement(case, "failure", {"message": printable(line.seen), "type": VIOLATED})
            failure.text = printable(f"{line.example}\nasked: {line.asked}\n{line.why} [{line.rule}]")
        elif line.verdict == UNKNOWN:
            ElementTree.SubElement(case, "skipped", {"message": printable(line.seen)})
    if card.exit in (UNSETTLED, PROVED_NOTHING):
        case = ElementTree.SubElement(suite, "testcase", {"classname": "springtide.conform", "name": "it settled"})
        ElementTree.SubElement(case, "error", {"message": printable(card.sentence)})
    for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(kind, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite)))
    suite.set("time", f"{card.seconds:.3f}")
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"
