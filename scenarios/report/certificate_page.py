"""The certificate as a page for the meeting that decides: one file, read top to bottom in ten minutes.

The ruling; what changed since the last one; each scenario with its targets and its worst seed; whether the books were
right; the money that would be at risk; the runs to look at, with their commands; the swarm; the load; how much of what
can happen did happen; what nobody tried; and what all of it assumes.
"""

from collections.abc import Sequence

from scenarios.certify.certificate import (
    AT_RISK,
    CellFound,
    Certificate,
    Change,
    Difference,
    LoadFound,
    SlaOverSeeds,
    Worst,
    used_up,
)
from scenarios.report import plots
from scenarios.report.markup import Child, Markup, el, joined
from scenarios.report.model import EntitySeries, Percentiles, PointMark, Series, Verdict
from scenarios.report.sheet import LOOKS, Right, sheet, state, table, top
from scenarios.report.wording import PLACE_WORDS, amount, count, duration, hours, kind_words, money, several

WORDS: dict[int, str] = {
    0: "Go",
    1: "Not yet: a target was missed",
    3: "No: money or data is wrong",
    4: "No: work was left over",
    5: "No: nothing was proved",
}
ALMOST = 0.8
"""A target of which more is used up is marked, although it held (ours)."""


def certificate_page(made: Certificate) -> str:
    """certificate.html as text."""
    verdict = Verdict(made.ruling.exit, made.ruling.word, made.ruling.sentence)
    return sheet(
        f"{made.suite}: {WORDS[made.ruling.exit]}",
        top(
            f"Certificate: {kind_words(made.suite)}",
            made.story,
            verdict,
            _facts(made),
            _tiles(made),
            WORDS[verdict.exit],
        ),
        el(
            "main",
            _difference(made.difference),
            _tried(made),
            _targets(made.cells),
            _books(made),
            _money(made),
            _worst(made),
            _swarm(made),
            _loads(made.loads),
            _coverage(made),
            _not_tried(made),
            _assumptions(made),
        ),
    )


def _facts(made: Certificate) -> list[tuple[str, Child]]:
    before = made.difference
    facts: list[tuple[str, Child]] = [
        ("made", made.made_at.replace("T", " ").replace("Z", " UTC")),
        ("took", duration(made.wall_s)),
        ("springtide", made.version or "unknown"),
        ("commit", el("code", made.commit or "unknown")),
        ("again", el("code", f"springtide certify {made.suite_file}")),
    ]
    if before is not None:
        facts.append(("before", f"{before.made_at.replace('T', ' ').replace('Z', ' UTC')}, exit {before.exit}"))
    return facts


def _tiles(made: Certificate) -> list[tuple[str, Child]]:
    runs = made.runs
    held = sum(1 for run in runs if not run.exit)
    slas = [sla for cell in made.cells for sla in cell.slas]
    kinds = made.coverage.kinds
    return [
        ("runs that held", f"{count(held)} of {count(len(runs))}"),
        ("targets that held", f"{sum(1 for s in slas if s.held == s.runs)} of {len(slas)}"),
        ("swarm seeds", count(made.swarm.seeds) if made.swarm else "none"),
        ("load runs", f"{sum(1 for load in made.loads if load.tried)} of {len(made.loads)}"),
        ("kinds of fault that struck", f"{kinds - len(made.coverage.faults_never)} of {kinds}"),
        ("not tried", count(len(made.not_tried))),
    ]


# ------------------------------------------------------------------ what changed


def _difference(since: Difference | None) -> Markup:
    if since is None:
        return el(
            "section",
            el("h2", "What changed"),
            el("p", "There was no certificate before this one, so there is nothing to compare with.", class_="hint"),
        )
    nothing = not (since.better or since.worse or since.newly_tried or since.no_longer_tried)
    return el(
        "section",
        el("h2", "What changed"),
        el(
            "p",
            f"Since the certificate of {since.made_at.replace('T', ' ').replace('Z', ' UTC')}",
            [" at commit ", el("code", since.commit)] if since.commit else None,
            f", which ended with exit {since.exit} ({kind_words(since.word)}). Only what both tried is compared; a "
            "number counts as changed beyond a twentieth.",
            class_="hint",
        ),
        el("p", "Nothing changed.") if nothing else None,
        _changes("Worse", since.worse, False),
        _changes("Better", since.better, True),
        _names("Newly tried", since.newly_tried),
        _names("No longer tried", since.no_longer_tried),
    )


def _changes(title: str, changes: Sequence[Change], good: bool) -> Markup | None:
    if not changes:
        return None
    sign = el("span", "▲ better" if good else "▼ worse", class_=f"state {'good' if good else 'bad'}")
    return table(
        title,
        ("", "what", "before", "now"),
        [(sign, change.what, change.before, change.after) for change in changes],
    )


def _names(title: str, names: Sequence[str]) -> Markup | None:
    if not names:
        return None
    return joined(el("h3", title), el("ul", [el("li", name) for name in names]))


# ------------------------------------------------------------------ what was tried


def _tried(made: Certificate) -> Markup | None:
    if not made.cells:
        return None
    scale = plots.log_scale([found for cell in made.cells if (found := _worst_percentiles(cell)) is not None])
    return el(
        "section",
        el("h2", "What was tried"),
        el(
            "p",
            "Each scenario as it is written, and then in its variants. Percentiles are seconds of simulated time from "
            "approval to the ledger, each the worst over the seeds (logarithmic scale: circle p50, diamond p95, bar "
            "p99). The picture is the backlog of the worst seed in its busiest days, and below it what was posted.",
            class_="hint",
        ),
        el(
            "div",
            el(
                "table",
                el("caption", "Scenarios, variants and seeds"),
                el(
                    "thead",
                    el(
                        "tr",
                        [el("th", words, scope="col") for words in ("scenario", "people", "seeds", "held")],
                        el("th", plots.percentile_axis(scale), scope="col"),
                        [el("th", words, scope="col") for words in ("longest drain", "backlog, worst seed")],
                    ),
                ),
                el("tbody", [_cell_row(cell, scale) for cell in made.cells]),
            ),
            class_="scroll",
        ),
        el(
            "details",
            el("summary", "What each of them is"),
            [
                el(
                    "p",
                    el("b", cell.key),
                    f": {cell.story} ",
                    el("span", f"Faults: {', '.join(map(kind_words, cell.faults)) or 'none'}.", class_="hint"),
                    [
                        " Changed: ",
                        [joined(el("code", f"{path}={value}"), " ") for path, value in cell.overrides.items()],
                    ]
                    if cell.overrides
                    else None,
                )
                for cell in made.cells
            ],
        ),
    )


def _worst_percentiles(cell: CellFound) -> Percentiles | None:
    if cell.p50 is None or cell.p95 is None or cell.p99 is None:
        return None
    return Percentiles(cell.p50.most, cell.p95.most, cell.p99.most, cell.p99.most, 0)


def _cell_row(cell: CellFound, scale: plots.LogScale) -> Markup:
    held = cell.exits.get("0", 0)
    worst = _worst_percentiles(cell)
    drain = cell.drain
    return el(
        "tr",
        el("th", cell.key, None if cell.promised else el("div", el("span", "no targets", class_="pill")), scope="row"),
        el("td", count(cell.consultants), class_="n"),
        el("td", count(len(cell.seeds)), class_="n"),
        el("td", state(held == len(cell.seeds), f"{held} of {len(cell.seeds)}")),
        el("td", _range(cell, worst, scale)),
        el("td", f"{duration(drain.seconds)} ({drain.entity}, seed {drain.seed})" if drain else "no outage"),
        el("td", _picture(cell), class_="picture"),
    )


def _range(cell: CellFound, worst: Percentiles | None, scale: plots.LogScale) -> Child:
    if worst is None:
        return "nothing posted"
    said = f"p50 {duration(worst.p50_s)}, p95 {duration(worst.p95_s)}, p99 {duration(worst.p99_s)}"
    return joined(plots.percentile_range(cell.key, worst, scale), el("span", said, class_="hint tight"))


def _picture(cell: CellFound) -> Markup | None:
    curve = cell.curve
    if curve is None:
        return None
    series = Series(curve.step_ms, curve.start_ms)
    own = EntitySeries(curve.backlog, curve.posted)
    marks = [PointMark(at_ms, "cutoff") for at_ms in curve.cutoffs_ms]
    return joined(
        plots.small_chart(f"{cell.key} seed {cell.curve_seed}", own, series, [], marks),
        el("span", f"seed {cell.curve_seed}, peak {count(max(curve.backlog, default=0))}", class_="hint"),
    )


# ------------------------------------------------------------------ targets


def _targets(cells: Sequence[CellFound]) -> Markup | None:
    promised = [cell for cell in cells if cell.slas]
    if not promised:
        return None
    names = list(dict.fromkeys(sla.name for cell in promised for sla in cell.slas))
    # What stands for a grace of its own is one column: the promise is the same, the minutes are the scenario's.
    columns = list(dict.fromkeys(_column(name) for name in names))
    rows: list[Sequence[Child]] = []
    for cell in promised:
        by_column = {_column(sla.name): sla for sla in cell.slas}
        rows.append((el("b", cell.key), *(_target(by_column.get(name)) for name in columns)))
    return el(
        "section",
        el("h2", "Business targets"),
        el(
            "p",
            "The worst seed of each, against its target; the bar is how much of the target it used up. p50, p95 and "
            "p99 run from approval to the ledger; in the ledger is the share that stands soon after the cut-off. "
            "Targets are ours, each with its sum below. Variants without targets are beyond the load or the misfortune "
            "that the targets were summed up for; there only the books count.",
            class_="hint",
        ),
        table("Worst over the seeds, and the target", ("scenario", *columns), rows),
        el(
            "details",
            el("summary", "The sum behind each target"),
            [
                joined(
                    el("h3", cell.key),
                    table(
                        "Targets",
                        ("target", Right("at most / least"), Right("worst"), Right("middle"), "state", "arithmetic"),
                        [
                            (
                                sla.name,
                                Right(f"{'≤' if sla.compare == 'at_most' else '≥'} {amount(sla.target, sla.unit)}"),
                                Right(
                                    amount(sla.worst, sla.unit, sla.unmeasured)
                                    + (f" (seed {sla.worst_seed})" if sla.worst_seed is not None else "")
                                ),
                                Right(amount(sla.middle, sla.unit, sla.unmeasured)),
                                state(sla.held == sla.runs, f"missed in {sla.runs - sla.held} of {sla.runs}"),
                                sla.arithmetic,
                            )
                            for sla in cell.slas
                        ],
                    ),
                )
                for cell in promised
            ],
        ),
    )


def _column(name: str) -> str:
    if name.startswith("in the ledger"):
        return "in the ledger"
    return name.removeprefix("approval to ledger ").removesuffix(" after an outage")


def _target(sla: SlaOverSeeds | None) -> Child:
    if sla is None:
        return ""
    if sla.worst is None:
        return el("span", sla.unmeasured, class_="hint")
    part = used_up(sla.worst, sla.target, sla.compare)
    held = sla.held == sla.runs
    look = "bad" if not held else "warn" if part > ALMOST else "good"
    sign = "✕" if not held else "!" if part > ALMOST else "✓"
    width = max(2, min(100, round(100 * part)))
    return joined(
        el("span", f"{sign} {amount(sla.worst, sla.unit)}", class_=f"state {look}"),
        el(
            "svg",
            el("rect", width=100, height=6, class_="ground"),
            el("rect", width=width, height=6, class_=f"used {look}"),
            viewBox="0 0 100 6",
            preserveAspectRatio="none",
            class_="meter",
            role="img",
            aria_label=f"{round(100 * part)} per cent of the target used up",
        ),
        el("span", f"of {amount(sla.target, sla.unit)}", class_="hint"),
    )


# ------------------------------------------------------------------ books and money


def _books(made: Certificate) -> Markup | None:
    if not made.invariants:
        return None
    wrong = [one for one in made.invariants if one.violated]
    unknown = [one for one in made.invariants if one.unknown and not one.violated]
    held = [one for one in made.invariants if not one.violated and not one.unknown]
    return el(
        "section",
        el("h2", "Whether the books are right"),
        el(
            "p",
            f"{several(len(made.invariants), 'independent auditor')} looked at {several(len(made.runs), 'run')}, each "
            "with pricing and calendar of its own, none with code of the runtime.",
            class_="hint",
        ),
        table(
            "Not right",
            ("id", "invariant", "state", "where"),
            [
                (
                    el("code", one.id),
                    one.name,
                    state(False, f"violated in {one.violated} of {len(made.runs)}"),
                    "; ".join(one.where),
                )
                for one in wrong
            ],
        )
        if wrong
        else None,
        table(
            "Not always able to look, because too little was posted",
            ("id", "invariant", Right("runs without an answer")),
            [(el("code", one.id), one.name, Right(count(one.unknown))) for one in unknown],
        )
        if unknown
        else None,
        el(
            "ul",
            [el("li", state(True, ""), el("span", el("code", one.id), f" {one.name}")) for one in held],
            class_="chips",
        ),
    )


def _money(made: Certificate) -> Markup | None:
    if not made.cells:
        return None
    rows: list[Sequence[Child]] = []
    for cell in made.cells:
        risk = cell.at_risk
        if risk is None:
            continue
        for place in AT_RISK:
            if risk.versions.get(place):
                held = risk.money.get(place, {})
                said = ", ".join(f"{money(minor, code)} {code}" for code, minor in sorted(held.items()) if minor)
                rows.append(
                    (
                        cell.key,
                        Right(str(risk.seed)),
                        PLACE_WORDS[place],
                        Right(count(risk.versions[place])),
                        Right(said or "no value yet"),
                    )
                )
    unvalued = [(cell.key, cell.at_risk.unvalued_hours) for cell in made.cells if cell.at_risk]
    return el(
        "section",
        el("h2", "Money at risk"),
        el(
            "p",
            "Approved work that did not stand in the ledger when the month was over, at bill value, in the worst seed "
            "of each scenario. Months under different seeds are different months: nothing is added up.",
            class_="hint",
        ),
        table(
            "Outside the ledger at the end",
            ("scenario", Right("seed"), "where it was", Right("versions"), Right("bill value")),
            rows,
        )
        if rows
        else el("p", el("span", "✓ none ", class_="state good"), "In every run everything approved stands."),
        [
            el("p", f"{key}: {hours(number)} hours have no value yet, and are in no amount above.", class_="hint")
            for key, number in unvalued
            if number
        ],
    )


# ------------------------------------------------------------------ the runs to look at


def _worst(made: Certificate) -> Markup | None:
    if not made.worst:
        return None
    return el(
        "section",
        el("h2", "The worst seeds, and how to see them again"),
        table(
            "The gravest first; then those that came nearest to a target",
            ("run", "state", "why", "command"),
            [
                (
                    f"{one.cell} seed {one.seed}",
                    state(not one.exit, LOOKS[one.exit][2].lower()),
                    joined(one.why, _wrong(one)),
                    el("code", one.command),
                )
                for one in made.worst
            ],
        ),
    )


def _wrong(one: Worst) -> Markup | None:
    if not one.wrong:
        return None
    return el(
        "ul",
        [
            el(
                "li",
                el("code", each.invariant),
                f" {each.entity} ",
                el("code", each.entry),
                f" {money(each.amount_minor, each.currency)} {each.currency}" if each.amount_minor is not None else "",
                f": {each.text}",
            )
            for each in one.wrong
        ],
    )


def _swarm(made: Certificate) -> Markup | None:
    swarm = made.swarm
    if swarm is None:
        return None
    return el(
        "section",
        el("h2", "Months that nobody thought of"),
        el(
            "p",
            f"{count(swarm.seeds)} random months from seed {swarm.first}: {swarm.violations} violated an invariant, "
            f"{swarm.unsettled} did not settle, {swarm.unknown} proved nothing. {swarm.bound}",
        ),
        table(
            "What they were made of",
            ("what", "seen"),
            [
                ("populations", ", ".join(f"{kind_words(name)} {count(n)}" for name, n in swarm.populations.items())),
                ("busy and troubled enough to count as full", count(swarm.full_seeds)),
                ("entries", count(swarm.entries)),
                ("deaths of a process", count(swarm.deaths)),
                ("months of a legal entity", f"{swarm.entity_months:,}"),
            ],
        ),
        table(
            "Seeds that failed",
            ("seed", "what was wrong", "command"),
            [(f"{one.seed}, {one.cell}", one.why, el("code", one.command)) for one in swarm.failures],
        )
        if swarm.failures
        else None,
    )


def _loads(loads: Sequence[LoadFound]) -> Markup:
    if not loads:
        inside: Child = el("p", "The suite names no load run: nothing is said about a running runtime under load.")
    else:
        inside = [
            joined(
                el("h3", kind_words(load.name)),
                el("p", load.story, class_="hint") if load.story else None,
                el(
                    "p",
                    state(not load.exit, LOOKS[load.exit][2].lower())
                    if load.tried
                    else el("span", "? not tried", class_="state doubt"),
                    f" {load.sentence}",
                ),
                table("Measured", ("what", "value"), list(load.facts.items())) if load.facts else None,
                el("p", "Its own page: ", el("code", load.report)) if load.report else None,
            )
            for load in loads
        ]
    return el("section", el("h2", "Under load"), inside)


# ------------------------------------------------------------------ how much happened, and what did not


def _coverage(made: Certificate) -> Markup:
    seen = made.coverage
    most = max(seen.faults.values(), default=1)
    return el(
        "section",
        el("h2", "How much of what can happen did happen"),
        table(
            f"Walked through by {several(seen.runs, 'run')}",
            ("what", Right("seen"), Right("there are")),
            [
                ("moves of an entry or an account", Right(count(seen.edges[0])), Right(count(seen.edges[1]))),
                ("moves while a kind of fault was active", Right(count(seen.cells[0])), Right(count(seen.cells[1]))),
                ("pairs of faults within one entry's life", Right(count(seen.pairs[0])), Right(count(seen.pairs[1]))),
                ("rare events by name", Right(count(seen.probes[0])), Right(count(seen.probes[1]))),
                (
                    "states of an entry and what is around it",
                    Right(count(seen.states)),
                    Right(f"the next run shows a new one with {seen.next_new_state:.0%}"),
                ),
            ],
        ),
        el(
            "details",
            el("summary", f"The {len(seen.faults)} kinds of misfortune that struck"),
            table(
                "Strikes over all runs",
                ("fault", Right("strikes"), ""),
                [
                    (
                        kind_words(kind),
                        Right(count(times)),
                        el(
                            "svg",
                            el("rect", width=max(1, 100 * times // most), height=6, class_="used good"),
                            viewBox="0 0 100 6",
                            preserveAspectRatio="none",
                            class_="meter",
                            aria_hidden="true",
                        ),
                    )
                    for kind, times in sorted(seen.faults.items(), key=lambda pair: -pair[1])
                ],
            ),
        ),
    )


def _not_tried(made: Certificate) -> Markup:
    return el(
        "section",
        el("h2", "What was not tried"),
        el("p", "About all of this the certificate says nothing.", class_="hint"),
        table(
            "What, why, and how to try it",
            ("not tried", "why", "how"),
            [(el("span", one.what, class_="wraps"), one.why, one.how) for one in made.not_tried],
        ),
    )


def _assumptions(made: Certificate) -> Markup:
    return el(
        "section",
        el("h2", "What all of this assumes"),
        el("ul", [el("li", text) for text in made.assumptions]),
        el(
            "details",
            el("summary", f"{len(made.assumed)} numbers that nobody has measured"),
            table(
                "Assumed, each with its reason; measured and derived ones are in the page of every run",
                ("number", "value", "why"),
                [(el("code", one.name), one.value, one.why) for one in made.assumed],
            ),
        ),
        el(
            "p",
            "Same commit, suite and seeds: the same runs, digit for digit. Digests are in certificate.json.",
            class_="hint",
        ),
    )
