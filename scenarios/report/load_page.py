"""The page of a load run: one file for whoever decides whether a month-end will be held.

It reads top to bottom: the verdict, what was promised and measured, who was late and what binds, the run as pictures,
each entity against its cut-off, what answers said, what was broken on purpose, and what the run was made of. Of a run
that was cut off every number is marked as that of a part.
"""

from collections.abc import Sequence

from scenarios.load.results import Outage
from scenarios.load.truth import Answers, Drain, Percentiles, Share
from scenarios.load.verdict import Late, LoadReport
from scenarios.report.html import head_cell, number_cell, promises
from scenarios.report.load_plots import backlog_line, legend, run_timeline
from scenarios.report.markup import Child, Markup, el
from scenarios.report.sheet import Right, Samples, sheet, state, table, top
from scenarios.report.wording import count, duration, kind_words, several, share

MOST_ROWS = 25
MOST_LATE = 40
SHAPES = {
    "cutoff_hour": "the hour of the cut-off",
    "follow_the_sun": "a day around the world",
    "payment_run": "a payment run",
    "maintenance_overlap": "a cut-off with maintenance before it",
    "sustained": "a steady load",
}


def load_page(report: LoadReport, again: str = "") -> str:
    """report.html as text. `again` is the command that makes such a run."""
    truth = report.truth
    curves = truth.curves
    profile = truth.run.profile
    partial = "PART OF A RUN, " if report.partial else ""
    accepted = {"accepted": curves.accepted} if curves.accepted else {}
    return sheet(
        f"{partial}{profile.scenario.name}, load of seed {profile.seed}: {report.verdict.word}",
        _header(report, again),
        el(
            "main",
            promises(report.slas, report.invariants),
            _late(report),
            _run(report),
            _entities(report),
            _answers(report),
            _misfortunes(report),
            _made_of(report),
            class_="partial" if report.partial else None,
        ),
        samples=Samples(
            0,
            curves.step_ms,
            {"offered": curves.approved, **accepted, "posted": curves.posted, "backlog": curves.backlog},
            "run",
        ),
    )


def _header(report: LoadReport, again: str) -> Markup:
    truth = report.truth
    run, whole, profile = truth.run, truth.whole, truth.run.profile
    window = duration((profile.until_ms - profile.from_ms) / 1_000)
    pace = f"{window} of the scenario in {duration(profile.run_ms / 1_000)}, {profile.factor} times as fast"
    facts: list[tuple[str, Child]] = [
        ("what", SHAPES[profile.shape.value]),
        ("how fast", pace),
        ("volume", f"{profile.volume:g} × the modelled peak"),
        ("seed", el("code", str(profile.seed))),
        ("against", el("code", run.url) if run.url else "a simulation"),
        ("runtime", el("code", run.runtime_version or "unknown")),
        ("commit", el("code", report.commit or "unknown")),
    ]
    if again:
        facts.append(("again", el("code", again)))
    figures = run.generator
    tiles: list[tuple[str, Child]] = [
        ("versions approved", count(whole.versions)),
        ("posted a second, busiest 10 s", f"{truth.posted_per_s_most:,.0f}"),
        ("approval to posting p99", _ms(whole.wait.p99_ms)),
        ("highest backlog", count(whole.backlog_peak)),
        ("doubles, losses", f"{count(whole.double)}, {count(whole.lost)}"),
    ]
    if figures is not None:
        reached, planned = figures.reached_per_s, figures.planned_per_s
        tiles.insert(1, (f"requests a second, {planned:,.1f} planned", f"{reached:,.1f}"))
    kind = "" if run.kind == "live" else "Simulated, not measured. "
    name, story = f"{kind_words(profile.scenario.name)}: load", kind + profile.scenario.story
    return top(name, story, report.verdict, facts, tiles, above=_partial(report))


def _partial(report: LoadReport) -> Markup | None:
    if not report.partial:
        return None
    profile = report.truth.run.profile
    arrived = min(report.truth.ended_ms, profile.run_ms)
    return el(
        "div",
        el("strong", "PART OF A RUN. "),
        f"It was cut off after {duration(arrived / 1_000)} of {duration(profile.run_ms / 1_000)}. Every number on this "
        "page is that of the part, and says nothing about the whole.",
        class_="part-of-a-run",
        role="alert",
    )


def _late(report: LoadReport) -> Markup | None:
    """Who missed the cut-off, and what binds."""
    if not report.late:
        return None
    shown = sorted(report.late, key=lambda one: (-one.late, one.share.name))
    grace = duration(report.truth.grace_ms / 1_000)
    return el(
        "section",
        el("h2", "Who was late, and what binds"),
        el(
            "p",
            f"Late is what was due at an entity's cut-off and did not stand {grace} after it; parked and refused rows "
            "wait for people and are not among them.",
            class_="hint",
        ),
        table(
            f"{several(len(report.late), 'entity').replace('entitys', 'entities')} of {len(report.truth.entities)}",
            ("entity", Right("late"), Right("may be"), Right("due"), "what binds", "the sum"),
            [_late_row(one) for one in shown[:MOST_LATE]],
        ),
        el("p", f"and {len(shown) - MOST_LATE} more in entities.csv", class_="hint") if shown[MOST_LATE:] else None,
        el(
            "details",
            el("summary", f"Every suspect for {shown[0].share.name}, which was latest"),
            table(
                "A suspect binds from 90 % on; of several the one that is used most",
                ("suspect", Right("used"), "the sum"),
                [
                    (bound.name, Right(f"{bound.used_ppm / 10_000:,.0f} %"), bound.arithmetic)
                    for bound in shown[0].bounds
                ],
            ),
        ),
    )


def _late_row(one: Late) -> Sequence[Child]:
    return (
        el("b", one.share.name),
        Right(count(one.late)),
        Right(count(one.allowed)),
        Right(count(one.share.due_at_cutoff)),
        el("b", one.binds.name),
        one.binds.arithmetic,
    )


def _run(report: LoadReport) -> Markup:
    truth = report.truth
    whole = truth.whole
    return el(
        "section",
        el("h2", "The run"),
        el(
            "p",
            "Seconds since the first arrival was due. Approval to posting is drawn at the instant of approval, and "
            "answers at the instant at which the request should have left, whenever it did; both count from there.",
            class_="hint",
        ),
        legend(report),
        el("div", run_timeline(report), el("p", class_="reading hint", aria_live="polite")),
        table(
            "Approval to posting, over versions that have a line of their own",
            ("", Right("versions"), Right("p50"), Right("p95"), Right("p99"), Right("slowest")),
            [
                (el("b", one.name), *_waits(one.wait))
                for one in (whole, *(truth.regions if len(truth.regions) > 1 else ()))
            ],
        ),
        table(
            "Drains: from the end of an outage until everything that had been approved before stood",
            ("what was away", "from", "until", Right("waited"), Right("drained in"), "last of all"),
            [_drain_row(one) for one in truth.drains] + [_last_drain(whole, report)],
        ),
    )


def _waits(wait: Percentiles) -> Sequence[Child]:
    return (
        Right(count(wait.count)),
        *(Right(_ms(number)) for number in (wait.p50_ms, wait.p95_ms, wait.p99_ms, wait.max_ms)),
    )


def _drain_row(drain: Drain) -> Sequence[Child]:
    outage: Outage = drain.outage
    return (
        f"{outage.what or 'the runtime'}: {kind_words(outage.kind)}",
        _s(outage.from_ms),
        _s(outage.until_ms),
        Right(count(drain.waiting)),
        Right("never" if drain.drain_ms is None else _ms(drain.drain_ms) if drain.waiting else "-"),
        drain.slowest,
    )


def _last_drain(whole: Share, report: LoadReport) -> Sequence[Child]:
    last = report.truth.run.profile.run_ms
    return (
        "the last arrival",
        "",
        _s(last),
        Right(""),
        Right("never" if whole.unsettled else _ms(whole.last_drain_ms)),
        "",
    )


def _entities(report: LoadReport) -> Markup | None:
    truth = report.truth
    if not truth.entities:
        return None
    late = {one.share.name for one in report.late}
    rows = [_entity_row(one, report, one.name in late) for one in truth.entities]
    names = (
        Right("approved"),
        Right("due"),
        Right("stand"),
        Right("p50"),
        Right("p95"),
        Right("p99"),
    )
    after = (
        Right("at cut-off"),
        Right("in time"),
        Right("cleared after"),
        Right("drain"),
        Right("parked"),
        Right("refused"),
        Right("on their way"),
    )
    return el(
        "section",
        el("h2", "Each legal entity"),
        el(
            "p",
            "Entries, but for the approved versions. At cut-off: what was due and did not stand yet. In time: the "
            f"share that stood {duration(truth.grace_ms / 1_000)} after it. Cleared after: from the cut-off until all "
            "of it stood. The small picture is the backlog, with the cut-off.",
            class_="hint",
        ),
        el(
            "div",
            el(
                "table",
                el("caption", f"{len(truth.entities)} entities; click a head to sort"),
                el(
                    "thead",
                    el(
                        "tr",
                        head_cell("entity"),
                        head_cell("region"),
                        head_cell("state"),
                        [head_cell(name) for name in names],
                        [head_cell(name) for name in after],
                        el("th", "backlog", scope="col"),
                    ),
                ),
                el("tbody", rows),
                class_="sorts",
            ),
            class_="scroll tall" if len(rows) > MOST_ROWS else "scroll",
            tabindex="0",
            role="region",
            aria_label="Legal entities in numbers",
        ),
    )


def _entity_row(one: Share, report: LoadReport, late: bool) -> Markup:
    curves = report.truth.curves
    judged = one.due_at_cutoff > 0
    after = None if one.cleared_ms is None or one.cutoff_ms is None else max(0, one.cleared_ms - one.cutoff_ms)
    return el(
        "tr",
        el("th", one.name, scope="row"),
        el("td", one.region),
        el("td", state(not late, "late") if judged else "no cut-off"),
        [number_cell(number, count(number)) for number in (one.versions, one.due, one.standing)],
        [number_cell(number, _ms(number)) for number in (one.wait.p50_ms, one.wait.p95_ms, one.wait.p99_ms)],
        number_cell(one.backlog_at_cutoff if judged else None, count(one.backlog_at_cutoff) if judged else "-"),
        number_cell(one.in_time_ppm, "-" if one.in_time_ppm is None else share(one.in_time_ppm)),
        number_cell(after, ("never" if judged else "-") if after is None else _ms(after)),
        number_cell(one.drain_ms, _ms(one.drain_ms)),
        [number_cell(number, count(number)) for number in (one.parked, one.refused, one.unsettled)],
        el("td", backlog_line(one.name, report.truth.backlogs.get(one.name, []), one.cutoff_ms, curves.step_ms)),
    )


def _answers(report: LoadReport) -> Markup | None:
    truth = report.truth
    figures = truth.run.generator
    if not truth.answers:
        return None
    said = "The generator was not the bottleneck." if figures is not None else None
    if figures is not None and figures.saturated:
        said = f"The generator was the bottleneck: {figures.because}."
    return el(
        "section",
        el("h2", "Answers"),
        el(
            "p",
            "Arrivals are open: each has its instant, whether or not earlier ones were answered, and its answer counts "
            "from there. ",
            said,
            class_="hint",
        ),
        table(
            "By who sends",
            (
                "who",
                Right("requests"),
                Right("items"),
                Right("p50"),
                Right("p95"),
                Right("p99"),
                Right("slowest"),
                Right("start late, p99"),
                "answers",
            ),
            [_answer_row(one) for one in truth.answers],
        ),
        table(
            "Items that were not taken in, by why; what is delivered again counts each time",
            ("why", Right("items")),
            [(_why(status), Right(count(items))) for status, items in sorted(truth.refusals.items())],
        )
        if truth.refusals
        else el("p", "Every item was taken in when it was first delivered."),
    )


def _answer_row(one: Answers) -> Sequence[Child]:
    statuses = ", ".join(f"{status} {count(number)}" for status, number in sorted(one.statuses.items()))
    wait = one.wait
    return (
        el("b", kind_words(one.user)),
        Right(count(one.requests)),
        Right(count(one.items)),
        *(Right(_ms(number)) for number in (wait.p50_ms, wait.p95_ms, wait.p99_ms, wait.max_ms)),
        Right(_ms(one.late.p99_ms)),
        statuses,
    )


WHY = {
    "429": "429: too much was undecided, or quarantined",
    "503": "503: the journal or the process had no room, or a partition was moving",
    "none": "no answer: the process was down, or the time was over",
    "item": "refused or quarantined in an answer that took others in",
}


def _why(status: str) -> str:
    return WHY.get(status, f"answered {status}")


def _misfortunes(report: LoadReport) -> Markup | None:
    fired: dict[str, int] = {}
    for row in report.strikes:
        fired[row.kind] = fired.get(row.kind, 0) + row.times
    findings = report.findings
    left = findings.not_tried if findings is not None else ()
    if not fired and not left:
        return None
    return el(
        "section",
        el("h2", "What went wrong on purpose"),
        table(
            "Misfortunes that struck",
            ("misfortune", Right("times")),
            [(kind_words(kind), Right(count(times))) for kind, times in sorted(fired.items())],
        )
        if fired
        else None,
        [el("h3", "What was not tried"), el("ul", [el("li", text) for text in left])] if left else None,
    )


def _made_of(report: LoadReport) -> Markup:
    run, findings = report.truth.run, report.findings
    figures = run.generator
    facts: list[tuple[str, Child]] = [("profile", "in run.json, with the whole scenario")]
    if figures is not None:
        facts += [
            ("requests a second", f"{figures.reached_per_s:,.2f} of {figures.planned_per_s:,.2f} planned"),
            ("starts late", f"p50 {_ms(int(figures.lateness_p50_ms))}, p99 {_ms(int(figures.lateness_p99_ms))}"),
        ]
    if findings is not None:
        facts += [
            (
                "journals",
                f"{count(findings.acknowledged)} versions asked about, {count(findings.frames)} frames verified",
            ),
            ("cores", count(findings.cores)),
        ]
    return el(
        "section",
        el("h2", "What this run was made of"),
        table("In short", ("what", "it was"), facts),
        el(
            "p",
            "Arrivals, quotas, outages and probes are compressed by the factor; latencies, time-outs and lingering are "
            "real. Targets are brought to run time accordingly, each with its sum above.",
            class_="hint",
        ),
    )


def _ms(number: int | None) -> str:
    return duration(None if number is None else number / 1_000)


def _s(number: int) -> str:
    return f"{number / 1_000:,.1f} s"
