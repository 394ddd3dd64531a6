"""A prediction and a measurement side by side, as a page: the table, and three pictures with both in each.

One self-contained file, readable without scripts. The prediction is drawn dashed and the measurement solid, so that
they can be told apart without colour.
"""

from collections.abc import Callable, Sequence
from math import log10

import numpy as np

from runtime.core.value import value
from scenarios.load.compare import STEP_MS, Comparison, Line, Side
from scenarios.load.results import Column
from scenarios.report.markup import Markup, el, joined
from scenarios.report.plots import nice
from scenarios.report.wording import count, duration

STYLE = """
:root{color-scheme:light dark;--ink:#17202b;--soft:#546170;--paper:#fff;--line:#d9dee5;--predicted:#b3541e}
:root{--measured:#2f6fb3;--good:#14734f;--bad:#b3202c}
@media(prefers-color-scheme:dark){:root{--ink:#e8edf3;--soft:#a3b0be;--paper:#10151b;--line:#33404d;--good:#5fd8a8}
:root{--predicted:#f29a5c;--measured:#6fb1f5;--bad:#ff8d92}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:2rem auto;padding:0 1rem}
body{max-width:1100px}h1{font-size:28px;margin:0}h2{font-size:20px;margin:2rem 0 .3rem}
.verdict{font-size:20px;margin:.6rem 0}.good{color:var(--good)}.bad{color:var(--bad)}.hint{color:var(--soft)}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:5px 14px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}
td.n,th.n{text-align:right;white-space:nowrap}thead th{color:var(--soft)}td.inner{padding-left:1.2em}
svg{width:100%;height:auto;font:13px system-ui,sans-serif;fill:var(--ink)}
svg .grid{stroke:var(--line)}svg .predicted{stroke:var(--predicted);stroke-dasharray:7 5}
svg .measured{stroke:var(--measured)}svg polyline{fill:none;stroke-width:2.5}svg .away{fill:var(--line);opacity:.6}
svg .soft{fill:var(--soft)}svg .n{text-anchor:end}svg .m{text-anchor:middle}
"""
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 1080, 300, 70, 30, 34
MOST_POINTS = 600
SHOWN_SHARES = 300
"""Points of a curve of shares."""


def compare_page(found: Comparison) -> str:
    """compare.html as text."""
    ours, theirs = found.predicted, found.measured
    profile = ours.run.profile
    sign, look = ("✓ within the aims", "good") if found.exit == 0 else ("✕ not within the aims", "bad")
    said = found.unproved and f"? proved nothing: {found.unproved}"
    body = joined(
        el("h1", f"{profile.scenario.name}: predicted and measured"),
        el("p", said or sign, class_=f"verdict {look}"),
        el(
            "p",
            f"{profile.shape.value}, {duration((profile.until_ms - profile.from_ms) / 1000)} at {profile.factor} times"
            f" its speed and {profile.volume:g} times its volume, seed {profile.seed}."
            f" Predicted: {ours.folder}, {count(ours.approved)} versions."
            f" Measured: {theirs.folder}, {count(theirs.approved)} versions.",
            class_="hint",
        ),
        el("h2", "Side by side"),
        _table(found.lines),
        el("ul", [el("li", note) for note in found.notes]) if found.notes else None,
        el("h2", "Approval to posting"),
        el("p", "The share of versions that stand after so long; the scale of time is logarithmic.", class_="hint"),
        _shares(ours, theirs),
        el("h2", "Backlog"),
        el("p", "Versions approved and not standing yet, second by second of the run.", class_="hint"),
        _over_time("Backlog", ours, theirs, lambda side: side.curve.backlog),
        el("h2", "Throughput"),
        el("p", "Lines that came to stand in each second of the run.", class_="hint"),
        _over_time("Throughput", ours, theirs, lambda side: side.curve.landed),
    )
    head = joined(
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", f"{profile.scenario.name}: predicted and measured"),
        el("style", Markup(STYLE)),
    )
    return "<!DOCTYPE html>\n" + el("html", el("head", head), el("body", body), lang="en") + "\n"


# ------------------------------------------------------------------ the table


def told(line: Line, number: float | None) -> str:
    """One number of a line in its unit."""
    if number is None:
        return "–"
    match line.unit:
        case "ms":
            return f"{number / 1000:,.2f} s"
        case "rows/s":
            return f"{number:,.1f} /s"
        case _:
            return f"{number:,.0f}"


def band(line: Line) -> str:
    """What other draws of chance give, with the unit once."""
    if line.low is None:
        return ""
    number, _, unit = told(line, line.high).partition(" ")
    return f"{told(line, line.low).partition(' ')[0]} – {number} {unit}".rstrip()


def percent(ppm: int | None) -> str:
    """A distance, with its sign."""
    if ppm is None:
        return "–"
    return "0.0 %" if abs(ppm) < 500 else f"{ppm / 10_000:+.1f} %"


WORDS = {"held": "✓ within", "missed": "✕ beyond", "shown": ""}


def _table(lines: Sequence[Line]) -> Markup:
    rows = [
        el(
            "tr",
            el("td", line.name.strip(), class_="inner" if line.name.startswith(" ") else None),
            el("td", told(line, line.predicted), class_="n"),
            el("td", band(line), class_="n hint"),
            el("td", told(line, line.measured), class_="n"),
            el("td", percent(line.distance_ppm), class_="n"),
            el("td", f"± {line.aim_ppm // 10_000} %" if line.aim_ppm else "", class_="n"),
            el(
                "td",
                el("strong", WORDS[line.state], class_={"held": "good", "missed": "bad"}.get(line.state)),
                f" {line.why}" if line.why else None,
            ),
        )
        for line in lines
    ]
    names = ("", "predicted", "by chance", "measured", "distance", "aim")
    head = el("tr", [el("th", name, class_="n" if name else None) for name in names], el("th", ""))
    return el("table", el("thead", head), el("tbody", rows))


# ------------------------------------------------------------------ pictures


@value
class _Frame:
    """Numbers of two axes on pixels."""

    left: float
    right: float
    top: float

    def point(self, x: float, y: float) -> str:
        across = LEFT + (x - self.left) / max(1e-9, self.right - self.left) * (WIDTH - LEFT - 10)
        down = TOP + (1 - y / max(1e-9, self.top)) * (HEIGHT - TOP - BOTTOM)
        return f"{across:.1f},{down:.1f}"

    def at(self, x: float, y: float) -> tuple[str, str]:
        across, down = self.point(x, y).split(",")
        return across, down


def _picture(name: str, frame: _Frame, behind: Markup | None, curves: Sequence[Markup]) -> Markup:
    key = joined(
        [
            joined(
                el("line", x1=LEFT + 190 * turn, x2=LEFT + 40 + 190 * turn, y1=14, y2=14, class_=word, stroke_width=3),
                el("text", word, x=LEFT + 48 + 190 * turn, y=18),
            )
            for turn, word in enumerate(("predicted", "measured"))
        ]
    )
    return el(
        "svg",
        el("title", f"{name}, predicted and measured"),
        behind,
        key,
        curves,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
    )


def _over_time(name: str, ours: Side, theirs: Side, of: Callable[[Side], Sequence[int]]) -> Markup:
    both = [(word, np.array(of(side))) for word, side in (("predicted", ours), ("measured", theirs))]
    seconds = max(len(values) for _, values in both)
    top = nice(int(max(values.max(initial=0) for _, values in both)))
    frame = _Frame(0, seconds, top)
    behind = joined(_away(theirs, frame), _grid(frame, top), _seconds(frame, seconds))
    curves = []
    for word, values in both:
        stride = -(-len(values) // MOST_POINTS)
        points = " ".join(frame.point(at, int(values[at : at + stride].max())) for at in range(0, len(values), stride))
        curves.append(el("polyline", points=points, class_=word))
    return _picture(name, frame, behind, curves)


def _away(side: Side, frame: _Frame) -> Markup:
    """Times in which a system was away, behind the curves."""
    drawn = []
    for from_ms, until_ms in sorted({(one.from_ms, one.until_ms) for one in side.run.outages}):
        x1, y1 = frame.at(from_ms / STEP_MS, frame.top)
        x2, y2 = frame.at(until_ms / STEP_MS, 0)
        width, height = float(x2) - float(x1), float(y2) - float(y1)
        drawn.append(el("rect", x=x1, y=y1, width=f"{width:.1f}", height=f"{height:.1f}", class_="away"))
    return joined(drawn)


def _grid(frame: _Frame, top: float) -> Markup:
    drawn = []
    for part in range(5):
        x1, y = frame.at(frame.left, top * part / 4)
        x2, _ = frame.at(frame.right, 0)
        drawn += [
            el("line", x1=x1, x2=x2, y1=y, y2=y, class_="grid"),
            el("text", count(round(top * part / 4)), x=LEFT - 8, y=f"{float(y) + 4:.1f}", class_="n soft"),
        ]
    return joined(drawn)


def _seconds(frame: _Frame, seconds: int) -> Markup:
    step = next((one for one in (10, 30, 60, 120, 300, 600, 1_800, 3_600) if seconds / one <= 12), 7_200)
    return joined(
        [
            el("text", duration(at) if at else "0", x=frame.at(at, 0)[0], y=HEIGHT - 10, class_="m soft")
            for at in range(0, seconds + 1, step)
        ]
    )


def _shares(ours: Side, theirs: Side) -> Markup:
    both = [(word, side.waits) for word, side in (("predicted", ours), ("measured", theirs)) if len(side.waits)]
    if not both:
        return el("p", "nothing came to stand", class_="hint")
    low = log10(max(10, min(int(waits[0]) for _, waits in both)))
    high = log10(max(100, *(int(waits[-1]) for _, waits in both)))
    frame = _Frame(low, max(high, low + 0.3), 100)
    drawn = []
    for decade in range(1, 8):
        for times in (1, 3):
            at_ms = times * 10**decade
            if low <= log10(at_ms) <= high:
                x, _ = frame.at(log10(at_ms), 0)
                drawn += [
                    el("line", x1=x, x2=x, y1=TOP, y2=HEIGHT - BOTTOM, class_="grid"),
                    el("text", _short(at_ms), x=x, y=HEIGHT - 10, class_="m soft"),
                ]
    curves = [el("polyline", points=_share_points(waits, frame), class_=word) for word, waits in both]
    return _picture("Share of versions that stand", frame, joined(_grid(frame, 100), drawn), curves)


def _short(at_ms: int) -> str:
    return f"{at_ms} ms" if at_ms < 1_000 else duration(at_ms / 1_000)


def _share_points(waits: Column, frame: _Frame) -> str:
    ranks = np.unique(np.linspace(0, len(waits) - 1, SHOWN_SHARES).astype(np.int64))
    return " ".join(frame.point(log10(max(10, int(waits[rank]))), 100 * (rank + 1) / len(waits)) for rank in ranks)
