"""What a load run means: books, promises and proof, as one verdict with the exit codes of every other run.

    truth ─▶ books right?  ─▶ 3      generator, clocks, too little ─▶ 5
          ─▶ left over?    ─▶ 4      targets in run time           ─▶ 1, with who missed and what binds

Rule 1. The gravest wins: 3 money or data wrong, 5 proved nothing, 4 did not settle, 1 an SLA missed.
Rule 2. Work that is left because the world's own limits did not let it through (a quota, the time an ERP takes, an
        outage) could not have finished. It makes its entity miss, and the run unsettled no more than that; nor has a
        run that shows whom a limit stops proved nothing for having posted little.
Rule 3. A run that was cut off has proved nothing, whatever its numbers are, except where books are wrong already.
Rule 4. Parked rows are people's work and refused ones their sender's: both are told, and neither is lost.
"""

from dataclasses import dataclass, field
from pathlib import Path

from scenarios.judge import revision
from scenarios.load.bounds import WORLDLY, Bound, Seen, binding, bounds
from scenarios.load.calendar import LoadCalendar
from scenarios.load.results import (
    DOORS,
    SAMPLES,
    STRIKES,
    DoorRow,
    Findings,
    SampleRow,
    StrikeRow,
    read_findings,
    read_run,
)
from scenarios.load.targets import Target, grace, targets
from scenarios.load.truth import PPM, Share, Truth, truth
from scenarios.report.model import Finding, Invariant, Sla, Verdict, verdict

NAMED = 5
"""Entities that were late and are named in a sentence."""
REACHED_PPM = 950_000
"""Of the planned rate; below it nobody knows what the planned one would have done (ours)."""
CLOCKS_MS = 50
"""By so much clocks may differ on one network (ours); a line that stands earlier proves that they differ by more."""


@dataclass(slots=True)
class Late:
    """An entity that missed, and why."""

    share: Share
    late: int
    """Entries that were due at its cut-off and did not stand in time; parked and refused ones are not among them."""
    allowed: int
    bounds: list[Bound]
    binds: Bound


@dataclass(slots=True)
class LoadReport:
    """Everything there is to say about a load run; what tables, pages and files are drawn from."""

    truth: Truth
    invariants: list[Invariant]
    slas: list[Sla]
    verdict: Verdict
    late: list[Late]
    binds: dict[str, str]
    """Entity that missed to what binds."""
    commit: str = ""
    findings: Findings | None = None
    strikes: list[StrikeRow] = field(default_factory=list)
    doors: list[DoorRow] = field(default_factory=list)
    samples: list[SampleRow] = field(default_factory=list)

    @property
    def partial(self) -> bool:
        """Whether its numbers are those of a part of a run."""
        return self.truth.run.interrupted


def judge_load(folder: Path, calendar: LoadCalendar | None = None) -> LoadReport:
    """The report of the run in this folder, live or simulated. Raises BadInputError where it is none."""
    run = read_run(folder)
    clock = calendar or LoadCalendar(run.profile)
    codes = [entity.code for entity in clock.entities]
    accounts = {entity.code: (entity.erp_account, entity.psa_account) for entity in clock.entities}
    # A cut-off that the run does not reach is promised nothing.
    cutoffs = {code: at for code in codes if 0 <= (at := clock.cutoff_run_ms(code)) <= run.profile.run_ms}
    grace_ms, _ = grace(run.profile, run.outages)
    found = truth(folder, cutoffs, accounts, grace_ms)
    seen = Seen(
        run.profile,
        list(DOORS.read(folder)) if DOORS.there(folder) else [],
        list(SAMPLES.read(folder)) if SAMPLES.there(folder) else [],
        run.outages,
        accounts=accounts,
    )
    findings = read_findings(folder)
    if findings is not None:
        seen.cores = findings.cores
    report = _report(found, seen, findings)
    report.strikes = list(STRIKES.read(folder)) if STRIKES.there(folder) else []
    report.doors, report.samples = list(seen.doors), list(seen.samples)
    return report


def _report(found: Truth, seen: Seen, findings: Findings | None) -> LoadReport:
    wanted = targets(found.run.profile, found.run.outages, found.whole.versions)
    late = _late(found, seen)
    slas = [sla for target in wanted if (sla := _sla(target, found)) is not None]
    if found.whole.due_at_cutoff:
        slas.append(_every_entity(found, late))
    invariants = _invariants(found, findings)
    excused = {one.share.name for one in late if one.binds.name in WORLDLY}
    left = _left(found, findings, excused)
    why_not = _unproved(found, findings, excused)
    return LoadReport(
        found,
        invariants,
        slas,
        verdict(
            invariants,
            slas,
            not left,
            not why_not,
            unsettled_because="; ".join(left),
            unproved_because="; ".join(why_not),
        ),
        late,
        {one.share.name: one.binds.name for one in late},
        revision(),
        findings,
    )


# ------------------------------------------------------------------ books


def _invariants(found: Truth, findings: Findings | None) -> list[Invariant]:
    whole = found.whole

    def told(id_: str, name: str, violations: int, words: str) -> Invariant:
        examples = [text for text in found.examples if words in text]
        return Invariant(id_, name, "violated" if violations else "held", violations, examples)

    made = [
        told("B1", "at most one line of an entry stands at any time", whole.double, "twice"),
        told("B2", "nothing that was acknowledged is lost", whole.lost, "lost"),
        told("B3", "every line stands with the amount of its version", whole.wrong_amount, "another amount"),
        told("B4", "nothing stands that nobody approved", whole.invented, "nobody approved"),
    ]
    if findings is None:
        return made
    if findings.audit:
        breaches = {name: number for name, number in findings.audit.items() if number}
        words = [f"{name.replace('_', ' ')}: {number:,}" for name, number in breaches.items()]
        made.append(
            Invariant(
                "B5",
                "the auditors of the simulated world find nothing",
                "violated" if breaches else "held",
                sum(breaches.values()),
                [*words, *findings.examples],
            )
        )
    if not findings.frames and not findings.violations and not findings.acknowledged_unknown:
        # Nobody could look into the journals.
        return made
    unknown = findings.acknowledged_unknown
    more = [f"{unknown:,} acknowledged versions are in no journal"] if unknown else []
    more += findings.violations
    made.append(
        Invariant(
            "B6",
            "journals know what was acknowledged, and their chains hold",
            "violated" if more else "held",
            unknown + len(findings.violations),
            more,
        )
    )
    return made


# ------------------------------------------------------------------ promises


def _sla(target: Target, found: Truth) -> Sla | None:
    """A target beside what was measured; None where the run has nothing that it is about."""
    name, whole = target.name, found.whole
    if target.least_ppm is not None:
        if not whole.due_at_cutoff:
            return None
        share = whole.in_time_ppm
        assert share is not None, "something was due"
        return Sla(name, target.least_ppm, share, "ppm", share >= target.least_ppm, target.arithmetic, "at_least")
    assert target.most_ms is not None, "a target has one bound"
    unmeasured = ""
    if name.startswith("approval"):
        measured = getattr(whole.wait, f"{name.rpartition(' ')[2]}_ms")
    elif name.startswith("drain"):
        waited = [drain for drain in found.drains if drain.waiting]
        measured, unmeasured = whole.drain_ms, "" if waited else "nothing waited for one"
        if any(drain.drain_ms is None for drain in waited):
            # What never came to stand drained no faster than the run lasted.
            measured = max(found.ended_ms - drain.outage.until_ms for drain in waited if drain.drain_ms is None)
    else:
        measured = next((one.wait.p99_ms for one in found.answers if one.user == "all"), None)
    actual = None if unmeasured or measured is None else measured / 1000
    held = actual <= target.most_ms / 1000 if actual is not None else (True if unmeasured else None)
    return Sla(name, target.most_ms / 1000, actual, "s", held, target.arithmetic, unmeasured=unmeasured)


def _late(found: Truth, seen: Seen) -> list[Late]:
    """Entities of which more was late than the promise leaves; at least one entry may be."""
    share_ppm = seen.profile.scenario.slas.in_ledger_ppm
    missed: list[Late] = []
    for share in found.entities:
        late = share.due_at_cutoff - share.in_time - share.parked - share.refused
        allowed = max(1, share.due_at_cutoff * (PPM - share_ppm) // PPM)
        if late > allowed:
            suspects = bounds(share.name, found, seen)
            missed.append(Late(share, late, allowed, suspects, binding(suspects)))
    return missed


def _every_entity(found: Truth, late: list[Late]) -> Sla:
    judged = [share for share in found.entities if share.due_at_cutoff]
    seconds = found.grace_ms / 1000
    share = found.run.profile.scenario.slas.in_ledger_ppm / 10_000
    return Sla(
        "legal entities that were late",
        0,
        len(late),
        "entities",
        not late,
        f"each of {len(judged)} entities has {share:g} % of what was due at its cut-off in the ledger {seconds:,.1f} s"
        " after it, or all but one entry; what is parked or was refused waits for people and does not count"
        + _who(late),
    )


def _who(late: list[Late]) -> str:
    """Who was late, in words, the latest first."""
    ranked = sorted(late, key=lambda one: (-one.late, one.share.name))
    named = [f"{one.share.name} by {one.late:,} ({one.binds.name})" for one in ranked[:NAMED]]
    more = [f"{len(ranked) - NAMED} more"] if ranked[NAMED:] else []
    return f". Late: {', '.join([*named, *more])}" if named else ""


# ------------------------------------------------------------------ proof


def _left(found: Truth, findings: Findings | None, excused: set[str]) -> list[str]:
    """What should have finished and did not, in words."""
    left = [share for share in found.entities if share.unsettled and share.name not in excused]
    words = [f"{share.name}: {share.unsettled:,} on their way" for share in left[:3]]
    if len(left) > 3:
        words.append(f"{len(left) - 3} more entities")
    in_doubt = sum(share.in_doubt for share in left)
    if in_doubt:
        words.append(f"{in_doubt:,} of all in doubt")
    if not words and findings is not None and not findings.settled and not excused:
        words.append("the runtime had something left to do")
    return words


def _unproved(found: Truth, findings: Findings | None, excused: set[str]) -> list[str]:
    """Why the run says nothing, in words; empty where it does."""
    run, whole = found.run, found.whole
    why = []
    if run.interrupted:
        why.append("it was interrupted, so its numbers are those of a part")
    if findings is not None and not findings.ledger:
        why.append("nobody could look into the ledgers, so nobody knows what was posted")
    figures = run.generator
    if figures is not None:
        if figures.saturated:
            why.append(f"the generator was the bottleneck: {figures.because}")
        elif figures.reached_per_s * PPM < figures.planned_per_s * REACHED_PPM:
            why.append(f"{figures.reached_per_s:,.1f} of {figures.planned_per_s:,.1f} requests a second were reached")
    if found.before_approval and found.ahead_ms > CLOCKS_MS:
        why.append(
            f"{found.before_approval:,} lines stood up to {found.ahead_ms:,} ms before they were approved: the clocks"
            " of generator and systems differ"
        )
    least = run.profile.scenario.slas.least_posted_ppm
    if not whole.standing or (whole.standing * PPM < whole.due * least and not excused):
        why.append(f"only {whole.standing:,} of {whole.due:,} entries came to stand")
    if findings is not None and findings.unstruck:
        why.append(f"never happened: {', '.join(findings.unstruck)}")
    return why


def as_findings(report: LoadReport) -> list[Finding]:
    """What is wrong by name, for files that have a place for it."""
    return [
        Finding(one.id, "", "", [], None, "", text)
        for one in report.invariants
        if one.status == "violated"
        for text in one.examples
    ]
