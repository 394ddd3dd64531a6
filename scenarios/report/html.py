"""The page: one file that a person opens from disk, shows on a wall, or finds among the artefacts of a CI run.

It asks nobody for anything (a content policy forbids it), is complete without scripts, and reads top to bottom: the
verdict, what was promised and kept, where the money is, the month as pictures, each entity, what people have to do,
and what the run was made of. With 90 entities and 800 samples it stays below 1.5 MB, because curves are thinned.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from scenarios.report import plots
from scenarios.report.markup import Child, Markup, el, joined
from scenarios.report.model import (
    PLACES,
    Band,
    EntityRow,
    EntitySeries,
    Invariant,
    Percentiles,
    PointMark,
    Report,
    Series,
    Sla,
)
from scenarios.report.sheet import Right, Samples, sheet, state, table, top
from scenarios.report.wording import (
    PLACE_MEANINGS,
    PLACE_WORDS,
    again,
    amount,
    count,
    day,
    duration,
    hours,
    instant,
    kind_words,
    money,
    several,
    share,
)

_MOST_KEPT_OUT = 200
_MOST_FINDINGS = 100
_MOST_CASES = 200
_MOST_ROWS = 25


def page(report: Report) -> str:
    """report.html as text."""
    firm = plots.whole_firm(report.series)
    return sheet(
        f"{report.scenario}, seed {report.seed}: {report.verdict.word}",
        _header(report, firm),
        el(
            "main",
            promises(report.slas, report.invariants),
            _findings(report),
            _identity(report),
            _month(report, firm),
            _entities(report),
            _cases(report),
            _faults(report),
            _made_of(report),
        ),
        samples=Samples(
            report.series.start_ms,
            max(1, report.series.step_ms),
            {"backlog": firm.backlog, "posted": firm.posted, "in doubt": firm.in_doubt, "parked": firm.parked},
        ),
    )


def _header(report: Report, firm: EntitySeries) -> Markup:
    posted = report.entries.get("posted", 0)
    overall = report.latency.overall
    speed = f" ({report.simulated_seconds / report.wall_seconds:,.0f} × real time)" if report.wall_seconds else ""
    facts: list[tuple[str, Child]] = [
        ("simulated", duration(report.simulated_seconds)),
        ("took", duration(report.wall_seconds) + speed),
        ("seed", el("code", str(report.seed))),
        ("commit", el("code", report.commit[:12] or "unknown")),
        ("digest", el("code", report.digest[:16] or "none", title=report.digest)),
        ("again", el("code", again(report))),
    ]
    tiles = [
        ("versions approved", count(report.approved)),
        ("posted", share(1_000_000 * posted // report.approved) if report.approved else "-"),
        ("highest backlog", count(max(firm.backlog, default=0))),
        ("p99 to the ledger", duration(overall.p99_s if overall else None)),
        ("parked", count(report.entries.get("parked", 0))),
        ("faults fired", count(sum(fault.fired for fault in report.faults))),
    ]
    return top(kind_words(report.scenario), report.description, report.verdict, facts, tiles)


def promises(slas: Sequence[Sla], invariants: Sequence[Invariant]) -> Markup:
    """Service levels with their sums, and what must always be true."""
    return el(
        "section",
        el("h2", "What was promised"),
        table(
            "Service levels, each with the sum it was derived from",
            ("SLA", "target", Right("actual"), "state", "arithmetic"),
            [
                (
                    s.name,
                    el("span", _target(s), class_="tight"),
                    Right(amount(s.actual, s.unit, s.unmeasured)),
                    state(s.held, "missed"),
                    s.arithmetic,
                )
                for s in slas
            ],
        ),
        el("h3", "Invariants: what must be true under every fault"),
        table(
            "Not held",
            ("id", "invariant", "state", Right("violations"), "what was seen"),
            [
                (el("code", i.id), i.name, state(i.held, "violated"), Right(count(i.violations)), _seen(i))
                for i in invariants
                if not i.held
            ],
        )
        if not all(i.held for i in invariants)
        else None,
        el(
            "ul",
            [el("li", state(True, ""), el("span", el("code", i.id), f" {i.name}")) for i in invariants if i.held],
            class_="chips",
        ),
    )


def _target(sla: Sla) -> str:
    return f"{'≤' if sla.compare == 'at_most' else '≥'} {amount(sla.target, sla.unit)}"


def _seen(invariant: Invariant) -> Child:
    if invariant.examples:
        return el("ul", [el("li", example) for example in invariant.examples[:5]])
    return invariant.reason


def _findings(report: Report) -> Markup | None:
    planted = None
    if report.planted:
        added = ", ".join(kind_words(fault) for fault in report.planted.faults) or "nothing"
        planted = el(
            "p",
            "The bug ",
            el("code", report.planted.name),
            f" was planted on purpose. Added so that it can show: {added}; ERP profile: {report.planted.profile}.",
        )
    if not report.findings and planted is None:
        return None
    more = len(report.findings) - _MOST_FINDINGS
    return el(
        "section",
        el("h2", "What went wrong"),
        planted,
        table(
            "Violations by name",
            ("invariant", "entity", "entry", "versions", Right("amount"), "what happened"),
            [
                (
                    el("code", f.invariant),
                    f.entity,
                    el("code", f.entry),
                    ", ".join(map(str, f.versions)),
                    Right(f"{money(f.amount_minor, f.currency)} {f.currency}")
                    if f.amount_minor is not None
                    else Right(""),
                    f.text,
                )
                for f in report.findings[:_MOST_FINDINGS]
            ],
        ),
        el("p", f"and {count(more)} more in report.json", class_="hint") if more > 0 else None,
    )


def _identity(report: Report) -> Markup:
    used = [place for place in PLACES if report.entries.get(place) or report.hours.get(place)]
    used += [place for place in PLACES if place not in used and any(report.money.get(place, {}).values())]
    used = [place for place in PLACES if place in used]
    empty = [PLACE_WORDS[place] for place in PLACES if place not in used]
    currencies = sorted({currency for by_currency in report.money.values() for currency in by_currency})
    rows: list[Sequence[Child]] = [
        _identity_row("versions", report.approved, report.entries, used, count),
        _identity_row(
            "hours",
            round(4 * report.approved_hours),
            {place: round(4 * value) for place, value in report.hours.items()},
            used,
            lambda quarters: hours(quarters / 4),
        ),
    ]
    for currency in currencies:
        held = {place: report.money.get(place, {}).get(currency, 0) for place in PLACES}
        total = report.approved_money.get(currency, sum(held.values()))
        rows.append(_identity_row(currency, total, held, used, partial(money, currency=currency)))
    breaks = report.breaks()
    sums_up = (
        el("p", el("span", "✕ does not add up: ", class_="state bad"), "; ".join(breaks))
        if breaks
        else el("p", el("span", "✓ adds up ", class_="state good"), "in versions, in hours and in every currency.")
    )
    return el(
        "section",
        el("h2", "Where the time and the money are"),
        el(
            "p",
            "Each approved version is in exactly one place: approved = "
            + " + ".join(PLACE_WORDS[place] for place in PLACES)
            + (f". Nothing is {_or(empty)}." if empty else "."),
            class_="hint",
        ),
        sums_up,
        el(
            "ul",
            [
                el(
                    "li",
                    el(
                        "svg",
                        el("rect", width=30, height=16, class_=f"place {place.replace('_', '-')}"),
                        viewBox="0 0 30 16",
                        aria_hidden="true",
                    ),
                    el("span", el("b", PLACE_WORDS[place]), f": {PLACE_MEANINGS[place]}"),
                )
                for place in used
            ],
            class_="legend",
        ),
        table(
            "Amounts at bill value, in the currency of the contract; currencies are never added up",
            ("", "shares", Right("approved"), *(Right(PLACE_WORDS[place]) for place in used)),
            rows,
        ),
        el(
            "p",
            f"{hours(report.unvalued_hours)} hours have no value yet (no rate was found), and are in no amount above.",
            class_="hint",
        )
        if report.unvalued_hours
        else None,
    )


def _or(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _identity_row(
    name: str,
    total: int,
    held: dict[str, int],
    used: Sequence[str],
    say: Callable[[int], str],
) -> Sequence[Child]:
    bar = plots.split_bar(name, [(place, held.get(place, 0)) for place in PLACES])
    return (el("b", name), bar, Right(say(total)), *(Right(say(held.get(place, 0))) for place in used))


def _month(report: Report, firm: EntitySeries) -> Markup | None:
    series = report.series
    length = max(len(firm.backlog), len(firm.posted))
    if not length or not series.step_ms:
        return None
    until_ms = series.start_ms + max(1, length - 1) * series.step_ms
    pictures = [
        (
            "The whole run",
            plots.timeline("The whole run", series, firm, report.bands, report.marks, series.start_ms, until_ms),
        )
    ]
    close = plots.busiest(firm, series)
    if close:
        name = f"The busiest hours, {instant(close[0])} to {instant(close[1])}"
        pictures.append((name, plots.timeline(name, series, firm, report.bands, report.marks, *close)))
    return el(
        "section",
        el("h2", "The month"),
        el(
            "p",
            "All legal entities together; times are UTC, weekends are shaded. Below the curves, on the same axis: when "
            "the accounts did not serve us as usual, and each fault where it struck.",
            class_="hint",
        ),
        _legend(),
        [
            el("div", el("h3", name), picture, el("p", class_="reading hint", aria_live="polite"))
            for name, picture in pictures
        ],
        _accounts(report, series.start_ms, until_ms),
    )


def _accounts(report: Report, from_ms: int, until_ms: int) -> Markup | None:
    if not report.bands:
        return None
    rows: list[Sequence[Child]] = []
    for account in sorted({band.account for band in report.bands}):
        mine = [band for band in report.bands if band.account == account]
        lost_ms = plots.covered_ms([band for band in mine if band.kind in ("maintenance", "login")])
        cells = [plots.covered_ms([band for band in mine if band.kind == kind]) for kind in plots.BAND_WORDS]
        up = share(max(0, 1_000_000 - 1_000_000 * lost_ms // max(1, until_ms - from_ms)))
        rows.append((account, Right(up), *(Right(duration(ms / 1000) if ms else "-") for ms in cells)))
    return el(
        "details",
        el("summary", f"Availability of {len(rows)} accounts, in numbers"),
        table(
            "Available: neither in maintenance nor refusing our login, as a share of the whole run",
            ("account", Right("available"), *(Right(words) for words in plots.BAND_WORDS.values())),
            rows,
        ),
        open="open" if len(rows) <= 6 else None,
    )


def _legend() -> Markup:
    def swatch(drawn: Markup, words: str) -> Markup:
        return el("li", el("svg", drawn, viewBox="0 0 30 16", aria_hidden="true"), words)

    curves = [
        swatch(el("rect", width=30, height=16, class_="area backlog"), "backlog"),
        swatch(el("line", x1=0, x2=30, y1=8, y2=8, class_="line parked"), "parked (dashed)"),
        swatch(el("line", x1=0, x2=30, y1=8, y2=8, class_="line in-doubt"), "in doubt (dotted)"),
        swatch(el("rect", width=30, height=16, class_="area posted"), "posted per hour"),
    ]
    bands = [
        swatch(el("rect", width=30, height=16, class_=f"band {kind}"), words)
        for kind, words in plots.BAND_WORDS.items()
    ]
    others = [
        swatch(el("line", x1=15, x2=15, y1=0, y2=16, class_="cutoff"), "cut-off"),
        swatch(el("path", d="M15 2L20 13H10Z", class_="fault"), "a fault struck (darker: several)"),
    ]
    return el("ul", curves, bands, others, class_="legend")


def _entities(report: Report) -> Markup | None:
    known = {row.entity: row for row in report.per_entity}
    series = report.series
    ranked = sorted(series.entities, key=lambda code: (-max(series.entities[code].backlog, default=0), code))
    if not ranked and not known:
        return None
    bands: dict[str, list[Band]] = {}
    for band in report.bands:
        bands.setdefault(band.account, []).append(band)
    marks: dict[str, list[PointMark]] = {"": []}
    for mark in report.marks:
        marks.setdefault(mark.entity, []).append(mark)
    cards = []
    for code in ranked:
        row = known.get(code)
        struck = marks[""] + marks.get(code, []) if code else marks[""]
        cards.append(_card(code, series, row, bands.get(row.account, []) if row else [], struck))
    chooser = el(
        "div",
        el("label", "Show ", for_="pick"),
        el(
            "select",
            el("option", "the 12 with the highest backlog", value="top"),
            el("option", f"all {len(ranked)}", value="all"),
            [el("option", code, value=code) for code in sorted(ranked)],
            id="pick",
        ),
        class_="bar scripted",
        hidden="hidden",
    )
    return el(
        "section",
        el("h2", "Each legal entity"),
        el(
            "p",
            "Backlog above, posted per hour below, each on its own scale (the peak is printed); at the foot the bad "
            "times of its ERP account and the faults that struck it.",
            class_="hint",
        )
        if ranked
        else None,
        chooser if len(ranked) > 1 else None,
        el("div", cards, id="cards", class_="cards") if ranked else None,
        _entity_table(report),
    )


def _card(
    code: str, series: Series, row: EntityRow | None, bands: Sequence[Band], marks: Sequence[PointMark]
) -> Markup:
    own = series.entities[code]
    length = max(len(own.backlog), len(own.posted), 1)
    days = [series.start_ms + part * length * max(1, series.step_ms) // 4 for part in range(5)]
    return el(
        "figure",
        el(
            "figcaption",
            el("span", el("b", code), f" {row.region}" if row else None),
            el("span", f"peak {count(max(own.backlog, default=0))}"),
        ),
        plots.small_chart(code, own, series, bands, marks),
        el("div", [el("span", day(at)) for at in days], class_="dates", aria_hidden="true"),
        data_code=code,
    )


_SELDOM = (("drain_s", "drain"), ("oldest_in_doubt_s", "oldest in doubt"), ("oldest_staged_s", "oldest staged"))


def _entity_table(report: Report) -> Markup | None:
    if not report.per_entity:
        return None
    scale = plots.log_scale([*report.latency.entities.values(), *_all(report.latency.overall)])
    # A column that nobody has a number for is left out.
    seldom = [(name, words) for name, words in _SELDOM if any(getattr(r, name) is not None for r in report.per_entity)]
    rows: list[Markup] = []
    for row in report.per_entity:
        found = report.latency.entities.get(row.entity)
        if found is None and row.p50_s is not None and row.p95_s is not None and row.p99_s is not None:
            found = Percentiles(row.p50_s, row.p95_s, row.p99_s, row.p99_s, row.posted)
        cells = [
            el("th", row.entity, scope="row"),
            el("td", row.region),
            *(number_cell(value, count(value)) for value in (row.approved, row.posted, row.parked)),
            *(number_cell(value, duration(value)) for value in (row.p50_s, row.p95_s, row.p99_s)),
            el("td", plots.percentile_range(row.entity, found, scale) if found else None),
            number_cell(
                row.share_before_cutoff_ppm,
                "-" if row.share_before_cutoff_ppm is None else share(row.share_before_cutoff_ppm),
            ),
            *(number_cell(getattr(row, name), duration(getattr(row, name))) for name, _ in seldom),
        ]
        rows.append(el("tr", cells))
    heads = [
        "entity",
        "region",
        Right("approved"),
        Right("posted"),
        Right("parked"),
        Right("p50"),
        Right("p95"),
        Right("p99"),
    ]
    after = [Right("before cut-off"), *(Right(words) for _, words in seldom)]
    return joined(
        el("h3", "Approval to ledger, and what is left"),
        el(
            "ul",
            el("li", key(el("circle", cx=15, cy=8, r=5, class_="p50")), "p50"),
            el("li", key(el("path", d="M15 2l6 6l-6 6l-6 -6z", class_="p95")), "p95"),
            el("li", key(el("path", d="M13.5 0h3v16h-3z", class_="p99")), "p99 (logarithmic scale)"),
            class_="legend",
        ),
        el(
            "div",
            el(
                "table",
                el("caption", "Seconds of simulated time from approval to the ledger, and the rest, for each entity"),
                el(
                    "thead",
                    el(
                        "tr",
                        [head_cell(name) for name in heads],
                        el("th", plots.percentile_axis(scale), scope="col"),
                        [head_cell(name) for name in after],
                    ),
                ),
                el("tbody", rows),
                class_="sorts",
            ),
            class_="scroll tall" if len(rows) > _MOST_ROWS else "scroll",
            tabindex="0",
            role="region",
            aria_label="Legal entities in numbers",
        ),
    )


def _all(found: Percentiles | None) -> Iterable[Percentiles]:
    return [found] if found else []


def key(drawn: Markup) -> Markup:
    """What a sign in a legend looks like."""
    return el("svg", drawn, viewBox="0 0 30 16", aria_hidden="true")


def number_cell(value: float | None, words: str) -> Markup:
    """A number in words, which the column can be sorted by."""
    return el("td", words, class_="n", data_value="-1" if value is None else str(value))


def head_cell(name: str) -> Markup:
    """The head of a column that can be sorted."""
    right = "n" if isinstance(name, Right) else None
    return el("th", name, scope="col", class_=right, data_sort="yes")


def _cases(report: Report) -> Markup | None:
    if not report.cases and not report.incidents and not report.kept_out:
        return None
    kept_out = None
    if report.kept_out:
        shown = report.kept_out[:_MOST_KEPT_OUT]
        kept_out = el(
            "details",
            el(
                "summary",
                f"{several(len(report.kept_out), 'row')} of the timesheet kept out as unusable",
            ),
            table(
                f"The first {count(len(shown))}" if len(shown) < len(report.kept_out) else "All of them",
                ("file", Right("line"), "column", "reason"),
                [(row.file, Right(count(row.line)), row.column, row.reason) for row in shown],
            ),
            open="open" if len(shown) <= 12 else None,
        )
    return el(
        "section",
        el("h2", "What people have to do"),
        table(
            "Parked rows, one case for each cause",
            ("cause", Right("rows"), "owner", "suggested fix", "goes on when", "for example"),
            [
                (
                    kind_words(case.reason),
                    Right(count(case.count)),
                    case.owner,
                    case.fix,
                    case.wake,
                    joined([joined(el("code", entry), " ") for entry in case.examples[:3]]),
                )
                for case in report.cases[:_MOST_CASES]
            ],
        )
        if report.cases
        else None,
        table(
            "Incidents of whole accounts",
            ("account", "kind", "from", "until", "what happened"),
            [
                (i.account, kind_words(i.kind), instant(i.from_ms), instant(i.until_ms), i.text)
                for i in report.incidents
            ],
        )
        if report.incidents
        else None,
        kept_out,
    )


def _faults(report: Report) -> Markup | None:
    if not report.faults and not report.coverage:
        return None
    most = max((fault.fired for fault in report.faults), default=0)
    facts: list[tuple[str, Child]] = []
    for name in sorted(report.coverage):
        value = report.coverage[name]
        if isinstance(value, dict):
            said = ", ".join(f"{kind_words(key)} {count(value[key])}" for key in sorted(value))
        else:
            said = value if isinstance(value, str) else f"{value:,}"
        facts.append((kind_words(name), said))
    return el(
        "section",
        el("h2", "What went wrong on purpose, and what was reached"),
        table(
            "Faults that struck; a kind that never did proves nothing",
            ("fault", Right("fired"), "state"),
            [
                (
                    kind_words(fault.kind),
                    Right(count(fault.fired)),
                    el("span", "✓ fired", class_="state good") if fault.fired else state(None, ""),
                )
                for fault in report.faults
            ],
        )
        if most or report.faults
        else None,
        table("Coverage", ("what", "seen"), facts) if facts else None,
    )


def _made_of(report: Report) -> Markup:
    overrides = [(el("code", path), el("code", report.overrides[path])) for path in sorted(report.overrides)]
    versions = [(name, el("code", report.versions[name])) for name in sorted(report.versions)]
    return el(
        "section",
        el("h2", "What this run was made of"),
        el(
            "p",
            "Same commit, scenario and seed: same digest. ",
            el("code", report.digest or "no digest"),
            class_="hint",
        ),
        table("Changed with --set", ("path", "value"), overrides) if overrides else None,
        [el("h3", "Assumptions"), el("ul", [el("li", text) for text in report.assumptions])]
        if report.assumptions
        else None,
        el(
            "details",
            el("summary", f"Parameters ({len(report.parameters)}), each with its mark"),
            table(
                "measured, derived, documented, second-hand or assumed: where each number comes from",
                ("parameter", "value", "mark", "why"),
                [(el("code", p.name), p.value, el("span", p.mark, class_="pill"), p.why) for p in report.parameters],
            ),
        )
        if report.parameters
        else None,
        el(
            "details",
            el("summary", "Versions"),
            table("Python and packages", ("name", "version"), [("Python", el("code", report.python)), *versions]),
        ),
    )
