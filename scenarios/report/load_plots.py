"""The pictures of a load run: rates, backlog, percentiles over time and the machine, one below the other on run time.

Below them, on the same axis, what was away and what struck. Curves are told apart by dashes beside their colour.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from scenarios.load.results import Outage, StrikeRow
from scenarios.load.truth import Span
from scenarios.load.verdict import LoadReport
from scenarios.report import plots
from scenarios.report.markup import Markup, el, joined
from scenarios.report.model import Band, PointMark
from scenarios.report.wording import count, duration

PANEL_HEIGHT, GAP, FIRST_TOP = 120, 46, 46
MOST_TICKS = 14
STEPS_MS = tuple(seconds * 1_000 for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600))
OURS = "the runtime"


class RunAxis(plots.Axis):
    """Milliseconds of a run on pixels; labels are seconds since its start."""

    __slots__ = ()

    def ticks(self) -> list[tuple[int, str]]:
        """Round numbers of seconds."""
        span = self.until_ms - self.from_ms
        step = next((step for step in STEPS_MS if span <= step * MOST_TICKS), STEPS_MS[-1])
        first = -(-self.from_ms // step) * step
        return [(at, f"{at // 1_000:,} s") for at in range(first, self.until_ms + 1, step)]

    def weekends(self) -> list[tuple[int, int]]:
        """A run has none."""
        return []

    def says(self, at_ms: int) -> str:
        """An instant of the run in words."""
        return f"{at_ms / 1_000:,.1f} s"


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a panel: its name in the legend, its look, and a number for each instant."""

    name: str
    look: str
    at: Sequence[int]
    values: Sequence[int]
    closed: bool = False

    @property
    def peak(self) -> int:
        """Its highest number."""
        return max(self.values, default=0)


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves on one scale. `said` puts the numbers of the scale into words."""

    name: str
    curves: Sequence[Curve]
    said: Callable[[int], str] | None = None


def run_timeline(report: LoadReport) -> Markup:
    """The whole run."""
    axis = RunAxis(0, max(1_000, report.truth.ended_ms))
    shown = [panel for panel in panels(report) if any(curve.peak for curve in panel.curves)]
    marks = cutoffs(report)
    away = [_band(one) for one in report.truth.run.outages]
    lanes = [
        *plots.account_lanes(axis, away, {"maintenance": "away", "login": "down"}),
        *plots.fault_lanes(axis, [_mark(one) for one in report.strikes]),
    ]
    tops = [FIRST_TOP + number * (PANEL_HEIGHT + GAP) for number in range(len(shown))]
    lanes_top = FIRST_TOP + len(shown) * (PANEL_HEIGHT + GAP) - 12
    bottom = lanes_top + sum(plots.LANE for _ in lanes) + 6
    drawn: list[Markup | None] = [plots.backdrop(axis, marks, 34, bottom)]
    for panel, top in zip(shown, tops, strict=True):
        scale = plots.nice(max(curve.peak for curve in panel.curves))
        drawn.append(plots.panel(panel.name, axis, scale, top, PANEL_HEIGHT, panel.said))
        drawn += [
            plots.curve(curve.look, axis, curve.at, curve.values, scale, top, PANEL_HEIGHT, curve.closed)
            for curve in panel.curves
        ]
    drawn += plots.drawn_lanes(axis, lanes, lanes_top)
    if report.partial:
        drawn.append(_cut_off(axis, report.truth.ended_ms, bottom))
    described = (
        f"{axis.says(axis.until_ms)}. "
        + " ".join(_described(panel) for panel in shown)
        + " "
        + "; ".join(f"{lane.name}: {lane.note}" for lane in lanes)
    )
    return el(
        "svg",
        el("title", "The run"),
        el("desc", described),
        drawn,
        el("line", x1=0, x2=0, y1=FIRST_TOP, y2=bottom, class_="cursor", visibility="hidden"),
        role="img",
        aria_label=f"The run. {described}",
        viewBox=f"0 0 1280 {bottom + 30}",
        class_="timeline",
        data_from=axis.from_ms,
        data_until=axis.until_ms,
        data_left=axis.left,
        data_right=axis.right,
    )


def panels(report: LoadReport) -> list[Panel]:
    """What is drawn, from top to bottom; a panel of which nothing is known is empty."""
    truth = report.truth
    curves, step = truth.curves, truth.curves.step_ms

    def each(values: Sequence[int]) -> list[int]:
        return [number * step for number in range(len(values))]

    def rate(name: str, look: str, values: Sequence[int], closed: bool = False) -> Curve:
        return Curve(name, look, each(values), [number * 1_000 // step for number in values], closed)

    return [
        Panel(
            "Versions a second",
            [
                rate("posted", "area posted", curves.posted, True),
                rate("accepted", "line accepted", curves.accepted),
                rate("offered", "line offered", curves.approved),
            ],
        ),
        Panel(
            "Backlog (versions)", [Curve("backlog", "area backlog", each(curves.backlog), list(curves.backlog), True)]
        ),
        Panel("Approval to posting", _percentiles(truth.waits_over_time), _ms),
        Panel("Answers over HTTP", _percentiles(truth.http_over_time), _ms),
        Panel("In doubt (versions)", [_sampled(report, "in doubt", "line in-doubt", "in_doubt")]),
        Panel(
            "Memory (MB)",
            [
                _sampled(report, "runtime", "line accepted", "runtime_rss_kb", 1024),
                _sampled(report, "mock systems", "line offered", "mocks_rss_kb", 1024),
            ],
        ),
        Panel("Busy share of cores", [_busy(report)], lambda number: f"{number} %"),
    ]


def legend(report: LoadReport) -> Markup:
    """What the lines are, once for each name."""
    looks: dict[str, str] = {}
    for panel in panels(report):
        for curve in panel.curves:
            if curve.peak:
                looks.setdefault(curve.name, curve.look)
    drawn = [
        el(
            "li",
            el(
                "svg",
                el("rect", width=30, height=16, class_=look)
                if look.startswith("area")
                else el("line", x1=0, x2=30, y1=8, y2=8, class_=look),
                viewBox="0 0 30 16",
                aria_hidden="true",
            ),
            name,
        )
        for name, look in looks.items()
    ]
    return el("ul", drawn, class_="legend")


def cutoffs(report: LoadReport) -> list[PointMark]:
    """Every cut-off of the run; entities that share one share a mark."""
    every = [share.cutoff_ms for share in report.truth.entities if share.cutoff_ms is not None]
    return [PointMark(at_ms, "cutoff") for at_ms in every]


def backlog_line(name: str, backlog: Sequence[int], cutoff_ms: int | None, step_ms: int) -> Markup:
    """One entity's backlog, on its own scale, without words."""
    width, height = 160, 28
    peak = max(backlog, default=0)
    last = max(1, len(backlog) - 1)
    thin = plots.thinned(backlog, 80)
    points = " ".join(
        f"{plots.px(n * width / max(1, len(thin) - 1))},{plots.px(height - number * (height - 2) / max(1, peak))}"
        for n, number in enumerate(thin)
    )
    at = None if cutoff_ms is None else plots.px(min(1.0, cutoff_ms / (last * step_ms)) * width)
    return el(
        "svg",
        el("title", f"{name}: backlog peaks at {count(peak)}"),
        el("polygon", points=f"0,{height} {points} {width},{height}", class_="area backlog") if peak else None,
        el("line", x1=at, x2=at, y1=0, y2=height, class_="cutoff") if at is not None else None,
        role="img",
        aria_label=f"{name}: backlog peaks at {count(peak)}",
        viewBox=f"0 0 {width} {height}",
        class_="spark",
    )


def _cut_off(axis: RunAxis, ended_ms: int, bottom: int) -> Markup:
    """Everything is red of a run that is not whole: there is more that nobody knows."""
    return joined(
        el(
            "rect",
            x=axis.left,
            width=axis.right - axis.left,
            y=34,
            height=bottom - 34,
            class_="part",
        ),
        el("text", f"cut off at {axis.says(ended_ms)}", x=axis.right - 6, y=30, class_="part-name"),
    )


def _described(panel: Panel) -> str:
    said = panel.said or plots.short
    return f"{panel.name}: " + ", ".join(f"{curve.name} at most {said(curve.peak)}" for curve in panel.curves) + "."


def _ms(number: int) -> str:
    return duration(number / 1_000) if number else "0"


def _percentiles(spans: Iterable[Span]) -> list[Curve]:
    known = [span for span in spans if span.wait.count]
    at = [(span.from_ms + span.until_ms) // 2 for span in known]
    return [
        Curve(name, look, at, [getattr(span.wait, f"{name}_ms") or 0 for span in known])
        for name, look in (("p99", "line tail"), ("p95", "line most"), ("p50", "line half"))
    ]


def _sampled(report: LoadReport, name: str, look: str, column: str, divided_by: int = 1) -> Curve:
    rows = [row for row in report.samples if row.at_ms >= 0]
    return Curve(name, look, [row.at_ms for row in rows], [max(0, getattr(row, column)) // divided_by for row in rows])


def _busy(report: LoadReport) -> Curve:
    rows = [row for row in report.samples if row.at_ms >= 0]
    cores = report.findings.cores if report.findings is not None else 1
    pairs = [(a, b) for a, b in pairwise(rows) if b.at_ms > a.at_ms]
    used = [min(100, 100 * max(0, b.busy_ms - a.busy_ms) // ((b.at_ms - a.at_ms) * cores)) for a, b in pairs]
    return Curve("busy", "line half", [b.at_ms for _, b in pairs], used)


def _band(outage: Outage) -> Band:
    return Band(outage.what or OURS, "maintenance" if outage.what else "login", outage.from_ms, outage.until_ms)


def _mark(strike: StrikeRow) -> PointMark:
    return PointMark(strike.at_ms, strike.kind)
