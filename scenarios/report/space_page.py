"""The coverage of a swarm as a page: a heat map of edges by kinds of fault, the probes, the pairs, the holes.

One self-contained file, readable without scripts. A cell's shade is the share of seeds that met it (a logarithm of
it, since rare things are what one looks for); an empty one is a hole and says so to who listens instead of looking.
"""

from collections.abc import Mapping
from math import log10
from typing import Any

from scenarios.report.markup import Markup, el, joined
from scenarios.space import WHY_NOT
from simulators.coverage import ACCOUNT_EDGES, ENTRY_EDGES
from simulators.faults.kinds import FAULT_KINDS
from simulators.probes import PROBES

STYLE = """
:root{color-scheme:light dark;--ink:#1c2733;--paper:#fff;--line:#d5dde5;--hole:#b3261e;--hue:205}
@media(prefers-color-scheme:dark){:root{--ink:#e4ebf2;--paper:#12181f;--line:#344250;--hole:#ff8a80}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:2rem auto;padding:0 1rem}
body{max-width:1400px}
table{border-collapse:collapse;font-size:12px}caption{text-align:left;padding:.4rem 0}
th,td{border:1px solid var(--line);padding:2px 5px;text-align:right}
th{font-weight:600;text-align:left;white-space:nowrap}
thead th{writing-mode:vertical-rl;transform:rotate(180deg);height:11rem;vertical-align:bottom}
thead th:first-child{writing-mode:initial;transform:none}
td.hole{color:var(--hole)}td.never{color:var(--line)}.wide{overflow-x:auto}
dl.facts{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{font-weight:600}dd{margin:0}
h2{margin-top:2rem}li.hole{color:var(--hole)}.hint{opacity:.75}
"""


def space_page(report: Mapping[str, Any]) -> str:
    """The page of a swarm's report (the content of swarm.json)."""
    body = joined(
        el("h1", f"Swarm: {report['seeds']:,} seeds from {report['first']}"),
        el(
            "p",
            f"{report['violations']} violated an invariant, {report['unsettled']} did not settle,"
            f" {report['unknown']} proved nothing. {report['bound']}",
        ),
        _facts(report),
        _heat("Edges of an entry under faults", ENTRY_EDGES, report),
        _heat("Edges of an account under faults", ACCOUNT_EDGES, report),
        _probes(report),
        _pairs(report),
        _failures(report),
    )
    head = joined(el("meta", charset="utf-8"), el("title", "Springtide swarm"), el("style", Markup(STYLE)))
    return "<!DOCTYPE html>\n" + el("html", el("head", head), el("body", body), lang="en") + "\n"


def _facts(report: Mapping[str, Any]) -> Markup:
    coverage = report["coverage"]
    facts = {
        "full seeds": f"{report['full_seeds']:,} ({report['full_means']})",
        "populations": ", ".join(f"{name} {count:,}" for name, count in sorted(report["by_population"].items())),
        "simulated": f"{report['entity_months']:,} entity-months, {report['entries']:,} entries,"
        f" {report['deaths']:,} deaths",
        "speed": f"{report['seeds_per_core_hour']:,} seeds per core-hour",
        "states": f"{coverage['states']:,}; new ones in each thousand seeds:"
        f" {', '.join(map(str, coverage['new_states_per_1000']))};"
        f" the next seed shows a new one with {coverage['next_seed_new_state']:.1%}",
    }
    return el("dl", [joined(el("dt", name), el("dd", value)) for name, value in facts.items()], class_="facts")


def _heat(title: str, edges: tuple[str, ...], report: Mapping[str, Any]) -> Markup:
    coverage, runs = report["coverage"], max(1, report["seeds"])
    cells = {(edge, kind): seeds for edge, kind, seeds in coverage["cells"]}
    rows = []
    for edge in edges:
        taken = coverage["edges"].get(edge, 0)
        rows.append(
            el(
                "tr",
                el("th", edge.replace("|", " → "), scope="row", title=WHY_NOT.get(edge)),
                _shaded(taken, runs),
                [
                    _shaded(cells.get((edge, kind), 0), runs) if taken else el("td", "", class_="never")
                    for kind in FAULT_KINDS
                ],
            )
        )
    head = el("tr", el("th", "edge"), el("th", "all seeds"), [el("th", kind, scope="col") for kind in FAULT_KINDS])
    reasons = [(edge, WHY_NOT[edge]) for edge in edges if not coverage["edges"].get(edge) and edge in WHY_NOT]
    return joined(
        el("h2", title),
        el(
            "div",
            el(
                "table",
                el("caption", "Seeds in which the edge was taken while the fault was active; 0 is a hole."),
                el("thead", head),
                el("tbody", rows),
            ),
            class_="wide",
        ),
        el("ul", [el("li", f"{edge.replace('|', ' → ')}: {why}") for edge, why in reasons]) if reasons else None,
    )


def _shaded(seeds: int, runs: int) -> Markup:
    if not seeds:
        return el("td", "0", class_="hole")
    # From one seed in a million to all of them.
    depth = max(0.0, 1 + log10(seeds / runs) / 6)
    return el("td", f"{seeds:,}", style=f"background:hsl(var(--hue) 70% 50% / {depth * 0.75:.2f})")


def _probes(report: Mapping[str, Any]) -> Markup:
    hit = report["coverage"]["probes"]
    return joined(
        el("h2", "Rare probes"),
        el(
            "ul",
            [
                el(
                    "li",
                    f"{probe.name}: {hit.get(probe.name, 0):,} seeds",
                    class_=None if hit.get(probe.name) else "hole",
                )
                for probe in PROBES
            ],
        ),
    )


def _pairs(report: Mapping[str, Any]) -> Markup:
    runs = max(1, report["seeds"])
    pairs = {(a, b): seeds for a, b, seeds in report["coverage"]["pairs"]}
    kinds = sorted(FAULT_KINDS)
    rows = [
        el(
            "tr",
            el("th", first, scope="row"),
            [
                _shaded(pairs.get((first, second), 0), runs) if first < second else el("td", "", class_="never")
                for second in kinds
            ],
        )
        for first in kinds
    ]
    head = el("tr", el("th", ""), [el("th", kind, scope="col") for kind in kinds])
    return joined(
        el("h2", "Pairs of faults within one entry's life"),
        el("div", el("table", el("thead", head), el("tbody", rows)), class_="wide"),
    )


def _failures(report: Mapping[str, Any]) -> Markup | None:
    if not report["failures"]:
        return None
    return joined(
        el("h2", "Failures"),
        [
            joined(
                el("h3", f"seed {one['seed']}, {one['population']}"),
                el("ul", [el("li", text) for text in [*one["wrong"], *one["unsettled"]]]),
            )
            for one in report["failures"]
        ],
    )
