"""plan.html: one self-contained page, readable without scripts, with the curves that the numbers were read off."""

from collections.abc import Sequence

from scenarios.capacity.confidence import Spread
from scenarios.capacity.curves import Curve, Point, curve
from scenarios.capacity.plan import Finding, Plan, Row
from scenarios.capacity.told import (
    ASSUMPTIONS,
    KNOBS,
    binds_words,
    enough_words,
    least_words,
    minutes,
    minutes_band,
    months,
    needed_words,
    notes,
    number_band,
    number_words,
    sentence,
    setting_words,
    share_band,
    theory_words,
    validation_words,
)
from scenarios.capacity.validation import Validation
from scenarios.report.markup import Child, Markup, el, joined
from scenarios.report.wording import count, several, share

STYLE = """
:root{color-scheme:light dark;--ink:#1c2733;--paper:#fff;--line:#d5dde5;--soft:#eef3f8;--blue:#1f6fb2;--bad:#b3261e}
@media(prefers-color-scheme:dark){
:root{--ink:#e4ebf2;--paper:#12181f;--line:#344250;--soft:#1b242e;--blue:#6db3ee;--bad:#ff8a80}
}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:1080px}
body{margin:2rem auto;padding:0 1rem}
h1{margin-bottom:.2rem}h2{margin-top:2.2rem}
.answer{font-size:1.15rem;font-weight:600;padding:.7rem 1rem;background:var(--soft);border-left:4px solid var(--blue)}
.answer.bad{border-color:var(--bad)}.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:14px;min-width:60%}caption{text-align:left;padding:.4rem 0;opacity:.8}
th,td{border-bottom:1px solid var(--line);padding:4px 10px;text-align:left;vertical-align:top}
td.n,th.n{text-align:right;white-space:nowrap}tr.late td{color:var(--bad)}
.curves{display:flex;flex-wrap:wrap;gap:1.5rem;margin:1rem 0}
figure{margin:0;flex:1 1 460px}figcaption{font-weight:600}
svg{width:100%;height:auto;font:12px system-ui,sans-serif}text{fill:var(--ink)}
.axis{stroke:var(--ink);stroke-width:1}.grid{stroke:var(--line);stroke-width:1}.band{fill:var(--blue);opacity:.22}
.curve{fill:none;stroke:var(--blue);stroke-width:2}.dot{fill:var(--blue)}
.found{stroke:var(--blue);stroke-width:1.5;stroke-dasharray:5 4}.found-word{fill:var(--blue)}
.limit{stroke:var(--bad);stroke-width:1.5;stroke-dasharray:2 3}.limit-word{fill:var(--bad)}li{margin:.25rem 0}
"""


def page(plan: Plan, validation: Validation | None) -> str:
    """plan.html as text."""
    question = plan.question
    of = len(question.seeds)
    body = joined(
        el("h1", f"{question.scenario}: what its cut-off needs"),
        el(
            "p",
            f"{several(of, 'month')} drawn (seeds {question.seeds[0]} to {question.seeds[-1]}); {enough_words(plan)}.",
        ),
        el("p", sentence(plan), class_="answer" if plan.met else "answer bad"),
        _compared(plan) if len(plan.rows) > 1 else None,
        [_row(plan, row, of) for row in plan.rows],
        el("h2", "Where theory and counting part, and what else to know"),
        el("ul", [el("li", note) for note in notes(plan)]),
        el("h2", "How far the counting can be trusted"),
        el("ul", [el("li", line) for line in _trust(validation)]),
        el("h2", "Assumptions"),
        el("ul", [el("li", line) for line in ASSUMPTIONS]),
        el("p", f"{plan.cpu_s:.0f} s of CPU, {plan.wall_s:.0f} s of wall clock."),
    )
    head = joined(
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", f"Springtide plan: {question.scenario}"),
        el("style", Markup(STYLE)),
    )
    return "<!DOCTYPE html>\n" + el("html", el("head", head), el("body", body), lang="en") + "\n"


def _trust(validation: Validation | None) -> Sequence[str]:
    if validation is None:
        return ("Not measured in this plan: springtide plan … --validate prints the error against three whole months.",)
    return tuple(validation_words(validation))


def _row(plan: Plan, row: Row, of: int) -> Markup:
    rows: list[tuple[str, str, str, str]] = [_finding(finding, row, of) for finding in row.findings]
    rows += [
        ("in time as it is", months(row.in_time, of), f"95 % sure: at least {100 * row.sure:.0f} % of months", ""),
        ("entities in time", share(round(row.clear_ppm.middle or 0)), share_band(row.clear_ppm), ""),
        (
            "clear by the cut-off itself",
            f"{row.by_cutoff.middle or 0:g} of {len(row.entities)}",
            number_band(row.by_cutoff),
            "",
        ),
        (
            "last entity clear",
            f"{minutes(row.last_clear_min.middle)} after it",
            minutes_band(row.last_clear_min),
            minutes_band(row.theory_last_min),
        ),
        ("what binds", row.binds, binds_words(row), ""),
        (
            "hosts",
            f"{several(row.hosts_needed, 'host')} a region enough",
            f"fullest of {row.setting.hosts} a region: {100 * row.host_fullest:.2g} %",
            "fluid",
        ),
    ]
    return joined(
        el("h2", setting_words(row)),
        _table("", ("", "answer", "band over the months", "queueing theory"), rows, numbers=0),
        el("div", _curves(plan, row), class_="curves"),
        _entities(row, of),
    )


def _finding(finding: Finding, row: Row, of: int) -> tuple[str, str, str, str]:
    name = KNOBS[finding.knob]
    if finding.least is None:
        return (
            name,
            f"none from {finding.low} to {finding.high}",
            number_band(finding.band),
            number_band(finding.theory),
        )
    return name, least_words(finding, row), needed_words(finding, of), theory_words(finding)


def _curves(plan: Plan, row: Row) -> list[Markup]:
    drawn = []
    grace_min = plan.question.promise.grace_ms / 60_000
    for finding in row.findings:
        unit = "concurrent requests of an ERP account" if finding.knob == "concurrency" else "calls of an account"
        if finding.knob == "quota":
            unit += " per " + row.setting.quota_words().partition(" per ")[2]
        clear = [_point(p.number, p.clear_ppm, 10_000) for p in finding.curve]
        last = [_point(p.number, p.last_clear_min, 1) for p in finding.curve]
        drawn.append(
            _figure(
                f"Share of legal entities in time, by {unit}",
                curve(Curve(clear, unit, "% of entities in time", finding.least, None, 100.0)),
            )
        )
        drawn.append(
            _figure(
                f"Minutes until the last entity is clear, by {unit}",
                curve(Curve(last, unit, "minutes after the cut-off", finding.least, grace_min, None)),
            )
        )
    return drawn


def _point(number: int, band: Spread, unit: int) -> Point:
    median, least, most = (None if v is None else v / unit for v in (band.middle, band.least, band.most))
    return number, median, least, most


def _figure(caption: str, drawn: Markup) -> Markup:
    return el("figure", el("figcaption", caption), drawn)


def _entities(row: Row, of: int) -> Markup:
    heads = ("entity", "region", "account", "binds", "due rows", "at cut-off", "clear", "band", "in time", "theory")
    rows = [
        (
            e.entity,
            e.region,
            e.account,
            e.binds,
            count(e.rows),
            share(e.at_cutoff_ppm // 1000 * 1000),
            minutes(e.clear_min.middle),
            minutes_band(e.clear_min),
            f"{e.in_time}/{of}",
            minutes(e.theory_min.middle),
        )
        for e in sorted(row.entities, key=lambda e: (e.in_time, -(e.clear_min.middle or 0), e.entity))
    ]
    late = frozenset(e.entity for e in row.entities if e.in_time < of)
    return _table(
        "Every legal entity at this setting: median over the months, and band. Red: not in time in every month.",
        heads,
        rows,
        numbers=6,
        late=late,
    )


def _compared(plan: Plan) -> Markup:
    of = len(plan.question.seeds)
    heads = ("setting", "binds", "in time", "last clear", *(KNOBS[search.knob] for search in plan.question.searches))
    rows = []
    for row in plan.rows:
        found = {finding.knob: finding for finding in row.findings}
        numbers = []
        for search in plan.question.searches:
            finding = found.get(search.knob)
            least = None if finding is None else finding.least
            numbers.append("none" if finding is None or least is None else number_words(search.knob, least, row))
        rows.append(
            (setting_words(row), row.binds, f"{row.in_time}/{of}", minutes(row.last_clear_min.middle), *numbers)
        )
    return _table("The settings side by side.", heads, rows, numbers=len(heads) - 2)


def _table(
    caption: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    numbers: int,
    late: frozenset[str] = frozenset(),
) -> Markup:
    """`numbers`: how many of the last columns are set to the right."""
    first = len(heads) - numbers

    def cells(tag: str, row: Sequence[str]) -> list[Child]:
        return [el(tag, each, class_="n" if at >= first else None) for at, each in enumerate(row)]

    body = [el("tr", cells("td", row), class_="late" if row[0] in late else None) for row in rows]
    head = el("thead", el("tr", cells("th", heads)))
    return el("div", el("table", el("caption", caption) if caption else None, head, el("tbody", body)), class_="wide")
