"""The pictures of a report, as SVG text: a timeline, a small chart per entity, a range of percentiles, a split bar.

Every picture has a name and a description for people who hear it, uses pattern or shape beside colour, and takes its
colours from the page's style sheet (`assets/page.css`), so that it follows light and dark. Pictures are drawn without
scripts, because some archives of CI runs forbid them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, log10

from scenarios.report.markup import Markup, el, joined
from scenarios.report.model import PLACES, Band, EntitySeries, Percentiles, PointMark, Series
from scenarios.report.wording import DAYS, MONTHS, PLACE_WORDS, count, duration, instant, kind_words, share

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

BAND_WORDS: dict[str, str] = {
    "maintenance": "maintenance",
    "throttled": "throttled",
    "login": "login refused",
    "slow": "slow",
}

_STEPS_MS = tuple(hours * HOUR_MS for hours in (1, 2, 3, 6, 12, 24, 48, 72, 168))
_MOST_TICKS = 14
LANE = 22
LEFT = 216
RIGHT = 1264
_MOST_LANES = 14
_MOST_POINTS = 1_100
_MOST_NAMED = 24


@dataclass(frozen=True, slots=True)
class Axis:
    """Instants `from_ms` to `until_ms` on the pixels `left` to `right`."""

    from_ms: int
    until_ms: int
    left: int = LEFT
    right: int = RIGHT

    def x(self, at_ms: float) -> float:
        """The pixel of an instant, kept inside the picture."""
        share_of = (at_ms - self.from_ms) / max(1, self.until_ms - self.from_ms)
        return round(self.left + min(1.0, max(0.0, share_of)) * (self.right - self.left), 1)

    def ticks(self) -> list[tuple[int, str]]:
        """Whole days (or hours, on a short axis) in UTC, with their labels."""
        span = self.until_ms - self.from_ms
        step = next((step for step in _STEPS_MS if span <= step * _MOST_TICKS), 14 * DAY_MS)
        first = -(-self.from_ms // step) * step
        if step > DAY_MS:
            # Weeks and pairs of days are counted from the first midnight of the axis, not from 1970.
            first = -(-self.from_ms // DAY_MS) * DAY_MS
        return [(at, _tick_words(at, step)) for at in range(first, self.until_ms + 1, step)]

    def weekends(self) -> list[tuple[int, int]]:
        """Saturdays and Sundays in UTC that the axis shows."""
        first = self.from_ms // DAY_MS * DAY_MS
        days = [day for day in range(first, self.until_ms, DAY_MS) if (day // DAY_MS + 3) % 7 >= 5]
        return [(max(day, self.from_ms), min(day + DAY_MS, self.until_ms)) for day in days]

    def says(self, at_ms: int) -> str:
        """An instant in words."""
        return instant(at_ms)


def _tick_words(at_ms: int, step: int) -> str:
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    if step >= DAY_MS:
        return f"{DAYS[at.weekday()]} {at.day} {MONTHS[at.month - 1]}"
    return f"{at.hour:02d}:{at.minute:02d}" if at.hour else f"{at.day} {MONTHS[at.month - 1]}"


def whole_firm(series: Series) -> EntitySeries:
    """All entities together, sample by sample. An entity whose samples end early keeps its last value."""
    every = list(series.entities.values())
    return EntitySeries(
        backlog=_added([each.backlog for each in every]),
        posted=_added([each.posted for each in every]),
        in_doubt=_added([each.in_doubt for each in every]),
        parked=_added([each.parked for each in every]),
    )


def _added(lists: Sequence[Sequence[int]]) -> list[int]:
    length = max(map(len, lists), default=0)
    total = [0] * length
    for values in lists:
        if values:
            padded = [*values, *([values[-1]] * (length - len(values)))]
            total = [a + b for a, b in zip(total, padded, strict=True)]
    return total


def thinned(values: Sequence[int], most: int, keep: Callable[[Sequence[int]], int] = max) -> list[int]:
    """At most `most` values, one for each run of neighbours: its peak, so that no peak is lost, or what `keep` says."""
    stride = max(1, ceil(len(values) / most))
    return [keep(values[i : i + stride]) for i in range(0, len(values), stride)]


def _first(values: Sequence[int]) -> int:
    return values[0]


def per_hour(posted: Sequence[int], step_ms: int) -> list[int]:
    """Posted per hour in each step, from standing totals."""
    return [
        max(0, later - earlier) * HOUR_MS // max(1, step_ms)
        for earlier, later in zip([0, *posted], posted, strict=False)
    ]


def nice(top: int) -> int:
    """The next round number from `top` up, so that the scale can be read aloud."""
    if top <= 4:
        return 4
    size = 10 ** int(log10(top))
    return next(int(size * step) for step in (1, 2, 4, 5, 8, 10, 20) if size * step >= top)


def short(number: int) -> str:
    """A number as a scale says it: 12500 -> "12.5k"."""
    if number >= 1_000_000:
        return f"{number / 1_000_000:.2f}".rstrip("0").rstrip(".") + "M"
    if number >= 10_000:
        return f"{number / 1_000:.1f}".removesuffix(".0") + "k"
    return count(number)


@dataclass(frozen=True, slots=True)
class Lane:
    """A row of the timeline below the curves: its name, and what is drawn in it."""

    name: str
    note: str
    drawn: Markup


def timeline(
    name: str,
    series: Series,
    firm: EntitySeries,
    bands: Sequence[Band],
    marks: Sequence[PointMark],
    from_ms: int,
    until_ms: int,
) -> Markup:
    """Backlog, throughput, the accounts' bad times and the faults, one below the other on one time axis."""
    axis = Axis(from_ms, until_ms)
    step = max(1, series.step_ms)
    first = max(0, (from_ms - series.start_ms) // step)
    last = max(first, -(-(until_ms - series.start_ms) // step) + 1)
    at = [series.start_ms + i * step for i in range(first, min(last, len(firm.backlog)))]
    at = thinned(at, _MOST_POINTS, keep=_first)
    shown = {
        kind: thinned(values[first:last], _MOST_POINTS)
        for kind, values in (("backlog", firm.backlog), ("in_doubt", firm.in_doubt), ("parked", firm.parked))
    }
    rates = thinned(per_hour(firm.posted, step)[first:last], _MOST_POINTS)

    backlog_top, backlog_height, gap = 46, 210, 46
    posted_top, posted_height = backlog_top + backlog_height + gap, 120
    lanes = [*account_lanes(axis, bands), *fault_lanes(axis, marks)]
    lanes_top = posted_top + posted_height + 34
    bottom = lanes_top + sum(LANE for _ in lanes) + 6
    height = bottom + 30

    peak = max(shown["backlog"], default=0)
    fastest = max(rates, default=0)
    scale, rate_scale = nice(peak), nice(fastest)
    drawn: list[Markup | None] = [
        backdrop(axis, marks, 34, bottom),
        panel("Backlog (versions)", axis, scale, backlog_top, backlog_height),
        curve("area backlog", axis, at, shown["backlog"], scale, backlog_top, backlog_height, closed=True),
        curve("line parked", axis, at, shown["parked"], scale, backlog_top, backlog_height),
        curve("line in-doubt", axis, at, shown["in_doubt"], scale, backlog_top, backlog_height),
        panel("Posted per hour", axis, rate_scale, posted_top, posted_height),
        curve("area posted", axis, at, rates, rate_scale, posted_top, posted_height, closed=True),
    ]
    drawn += drawn_lanes(axis, lanes, lanes_top)
    described = (
        f"From {instant(from_ms)} to {instant(until_ms)}. Backlog peaks at {count(peak)} versions; "
        f"at most {count(fastest)} posted in an hour. " + "; ".join(f"{lane.name}: {lane.note}" for lane in lanes)
    )
    return el(
        "svg",
        el("title", name),
        el("desc", described),
        drawn,
        el("line", x1=0, x2=0, y1=backlog_top, y2=bottom, class_="cursor", visibility="hidden"),
        role="img",
        aria_label=f"{name}. {described}",
        viewBox=f"0 0 1280 {height}",
        class_="timeline",
        data_from=from_ms,
        data_until=until_ms,
        data_left=axis.left,
        data_right=axis.right,
    )


def drawn_lanes(axis: Axis, lanes: Iterable[Lane], top: int) -> list[Markup | None]:
    """Lanes one below the other, from this height on."""
    drawn: list[Markup | None] = []
    for number, lane in enumerate(lanes):
        y = top + number * LANE
        drawn.append(
            el(
                "g",
                el("text", _cut(lane.name), x=LEFT - 10, y=y + 13, class_="lane-name"),
                el("line", x1=axis.left, x2=axis.right, y1=y + 9, y2=y + 9, class_="lane"),
                el("g", lane.drawn, transform=f"translate(0 {y})"),
                el("title", f"{lane.name}: {lane.note}"),
            )
        )
    return drawn


def _cut(name: str) -> str:
    return name if len(name) <= 28 else name[:27] + "…"


def backdrop(axis: Axis, marks: Sequence[PointMark], top: int, bottom: int) -> Markup:
    """What lies behind the curves: weekends, the grid of the axis with its labels, cut-offs."""
    drawn = [
        el(
            "rect",
            x=px(axis.x(a)),
            width=px(axis.x(b) - axis.x(a)),
            y=top,
            height=bottom - top,
            class_="weekend",
        )
        for a, b in axis.weekends()
    ]
    for at, words in axis.ticks():
        x = px(axis.x(at))
        drawn.append(el("line", x1=x, x2=x, y1=top, y2=bottom, class_="grid"))
        drawn.append(el("text", words, x=x, y=bottom + 20, class_="tick"))
    free_from = 0.0
    cutoffs: dict[int, int] = {}
    for mark in marks:
        if mark.kind == "cutoff" and axis.from_ms <= mark.at_ms <= axis.until_ms:
            cutoffs[mark.at_ms] = cutoffs.get(mark.at_ms, 0) + 1
    for at, entities in sorted(cutoffs.items()):
        where = axis.x(at)
        words = "cut-off" if len(cutoffs) == 1 else f"cut-off, {entities} entit{'y' if entities == 1 else 'ies'}"
        drawn.append(
            el(
                "g",
                el("title", f"{words}: {axis.says(at)}"),
                el("line", x1=px(where), x2=px(where), y1=top, y2=bottom, class_="cutoff"),
                el("text", "cut-off", x=px(where - 4), y=top - 6, class_="cutoff-name") if where >= free_from else None,
            )
        )
        free_from = where + 60 if where >= free_from else free_from
    return joined(drawn)


def panel(name: str, axis: Axis, scale: int, top: int, height: int, says: Callable[[int], str] | None = None) -> Markup:
    """The frame of some curves: its name, and a scale from 0 to `scale` whose numbers `says` puts into words."""
    said = short if says is None else says
    drawn = [el("text", name, x=axis.left - 10, y=top - 14, class_="panel-name")]
    for quarter in range(5):
        y = px(top + height - quarter * height / 4)
        drawn.append(el("line", x1=axis.left, x2=axis.right, y1=y, y2=y, class_="grid" if quarter else "base"))
        if quarter % 2 == 0:
            drawn.append(el("text", said(scale * quarter // 4), x=axis.left - 10, y=px(float(y) + 5), class_="scale"))
    return joined(drawn)


def curve(
    class_: str,
    axis: Axis,
    at: Sequence[int],
    values: Sequence[int],
    scale: int,
    top: int,
    height: int,
    closed: bool = False,
) -> Markup | None:
    """One number for each instant as a line, or (`closed`) as an area; nothing where all are 0."""
    pairs = list(zip(at, values, strict=False))
    if not pairs or not any(values):
        return None
    points = " ".join(f"{px(axis.x(t))},{px(top + height - v * height / scale)}" for t, v in pairs)
    if closed:
        ground = top + height
        points = f"{px(axis.x(pairs[0][0]))},{ground} {points} {px(axis.x(pairs[-1][0]))},{ground}"
        return el("polygon", points=points, class_=class_)
    return el("polyline", points=points, class_=class_)


def account_lanes(axis: Axis, bands: Sequence[Band], said: Mapping[str, str] = BAND_WORDS) -> Iterable[Lane]:
    """A lane for each account that did not serve us as usual; `said` puts kinds of bands into words."""
    by_account: dict[str, list[Band]] = {}
    for band in bands:
        by_account.setdefault(band.account, []).append(band)
    # The accounts in trouble longest come first, the rest share one lane; names decide between equals.
    ranked = sorted(by_account, key=lambda account: (-covered_ms(by_account[account]), account))
    groups = [(account, [account]) for account in sorted(ranked[:_MOST_LANES])]
    if ranked[_MOST_LANES:]:
        groups.append((f"{len(ranked) - _MOST_LANES} more accounts", ranked[_MOST_LANES:]))
    for name, members in groups:
        mine = [band for account in members for band in by_account[account]]
        drawn, notes = [], []
        for kind, words in said.items():
            spans = _merged(axis, [band for band in mine if band.kind == kind])
            lasted_ms = covered_ms([band for band in mine if band.kind == kind])
            if lasted_ms:
                notes.append(f"{words} {duration(lasted_ms / 1000)}")
            y, height = (4, 10) if kind == "throttled" else (1, 16)
            if len(spans) > _MOST_NAMED:
                drawn.append(el("path", d=_boxes(axis, spans, y, height), class_=f"band {kind}"))
                continue
            for span in spans:
                title = el("title", f"{name}: {words} from {axis.says(span[0])} to {axis.says(span[1])}")
                drawn.append(el("path", title, d=_boxes(axis, [span], y, height), class_=f"band {kind}"))
        yield Lane(name, ", ".join(notes) or "as usual", joined(drawn))


def _merged(axis: Axis, bands: Iterable[Band], apart: int = 2) -> list[tuple[int, int]]:
    """Spans that the axis shows; what is less than `apart` pixels apart is one, so that a picture has its size."""
    pixel = apart * (axis.until_ms - axis.from_ms) / (axis.right - axis.left)
    spans: list[tuple[int, int]] = []
    for band in sorted(bands, key=lambda band: (band.from_ms, band.until_ms)):
        if band.until_ms <= axis.from_ms or band.from_ms >= axis.until_ms:
            continue
        if spans and band.from_ms - spans[-1][1] <= pixel:
            spans[-1] = (spans[-1][0], max(spans[-1][1], band.until_ms))
        else:
            spans.append((band.from_ms, band.until_ms))
    return spans


def _boxes(axis: Axis, spans: Iterable[tuple[int, int]], y: int, height: int) -> str:
    """One path for many spans, each at least two pixels wide: a quarter of an hour in a month must not vanish."""
    boxes = []
    for from_ms, until_ms in spans:
        x = axis.x(from_ms)
        width = px(max(2.0, axis.x(until_ms) - x))
        boxes.append(f"M{px(x)} {y}h{width}v{height}h-{width}z")
    return "".join(boxes)


def covered_ms(bands: Iterable[Band]) -> int:
    """How long at least one of these bands lasted; overlapping time counts once."""
    total = reached = 0
    for band in sorted(bands, key=lambda band: (band.from_ms, band.until_ms)):
        total += max(0, band.until_ms - max(reached, band.from_ms))
        reached = max(reached, band.until_ms)
    return total


# Shapes go round by rank of name, so that lanes can be told apart without colour; each fits in 9 x 12 pixels.
_SHAPES = ("M0 -6L4.5 5H-4.5Z", "M0 -6L5 0L0 6L-5 0Z", "M-4 -5H4V5H-4Z", "M0 6L4.5 -5H-4.5Z", "M-1.5 -6H1.5V6H-1.5Z")


def fault_lanes(axis: Axis, marks: Sequence[PointMark]) -> Iterable[Lane]:
    """A lane for each kind of fault that struck."""
    by_kind: dict[str, list[PointMark]] = {}
    for mark in marks:
        if mark.kind != "cutoff" and axis.from_ms <= mark.at_ms <= axis.until_ms:
            by_kind.setdefault(mark.kind, []).append(mark)
    ranked = sorted(by_kind, key=lambda kind: (-len(by_kind[kind]), kind))
    shown = sorted(ranked[:_MOST_LANES])
    groups = [(kind_words(kind), by_kind[kind]) for kind in shown]
    if ranked[_MOST_LANES:]:
        rest = [mark for kind in ranked[_MOST_LANES:] for mark in by_kind[kind]]
        groups.append((f"{len(ranked) - _MOST_LANES} more kinds", rest))
    for number, (name, mine) in enumerate(groups):
        # Marks closer than eight pixels are one mark that is darker and says how many it stands for.
        cells: dict[int, list[PointMark]] = {}
        for mark in mine:
            cells.setdefault(int(axis.x(mark.at_ms) // 8), []).append(mark)
        drawn = []
        for cell, inside in sorted(cells.items()):
            first = min(inside, key=lambda mark: (mark.at_ms, mark.entity))
            who = first.entity or "all"
            times = "" if len(inside) == 1 else f" and {count(len(inside) - 1)} more"
            weight = 1 if len(inside) == 1 else 2 if len(inside) < 10 else 3
            drawn.append(
                el(
                    "path",
                    el("title", f"{who}, {axis.says(first.at_ms)}{times}"),
                    d=_SHAPES[number % len(_SHAPES)],
                    transform=f"translate({cell * 8 + 4} 9)",
                    class_=f"fault w{weight}",
                )
            )
        yield Lane(name, f"{count(len(mine))} shown", joined(drawn))


def small_chart(
    code: str, own: EntitySeries, series: Series, bands: Sequence[Band], marks: Sequence[PointMark], most: int = 240
) -> Markup:
    """One entity: backlog above, posted per hour below, its account's bad times behind, its faults at the foot.

    Without words inside, so that the page can stretch it; each curve is on its own scale.
    """
    step = max(1, series.step_ms)
    length = max(len(own.backlog), len(own.posted), 1)
    axis = Axis(series.start_ms, series.start_ms + length * step, 0, 1000)
    backlog, rates = thinned(own.backlog, most), thinned(per_hour(own.posted, step), most)
    drawn: list[Markup | None] = [el("path", d=_boxes(axis, axis.weekends(), 0, 200), class_="weekend")]
    for kind in BAND_WORDS:
        spans = _merged(axis, [band for band in bands if band.kind == kind], apart=4)
        if spans:
            drawn.append(el("path", d=_boxes(axis, spans, 186, 14), class_=f"band {kind}"))
    for at in sorted({mark.at_ms for mark in marks if mark.kind == "cutoff"}):
        x = px(axis.x(at))
        drawn.append(el("line", x1=x, x2=x, y1=0, y2=186, class_="cutoff"))
    cells = sorted({int(axis.x(mark.at_ms) // 8) for mark in marks if mark.kind != "cutoff"})
    ticks = "".join(f"M{cell * 8 + 4} 178v8" for cell in cells)
    drawn += [
        _outline("area backlog", backlog, 0, 110),
        _outline("area posted", rates, 118, 56),
        el("path", d=ticks, class_="fault-ticks") if ticks else None,
    ]
    described = (
        f"{code}: backlog peaks at {count(max(own.backlog, default=0))} versions, "
        f"{count(own.posted[-1] if own.posted else 0)} posted in the end"
    )
    return el(
        "svg",
        el("title", described),
        drawn,
        role="img",
        aria_label=described,
        viewBox="0 0 1000 200",
        preserveAspectRatio="none",
        class_="small",
    )


def _outline(class_: str, values: Sequence[int], top: int, height: int) -> Markup | None:
    peak = max(values, default=0)
    if not peak:
        return None
    width = 1000 / max(1, len(values) - 1)
    points = " ".join(
        f"{round(i * width)},{round(top + height - value * height / peak)}" for i, value in enumerate(values)
    )
    return el("polygon", points=f"0,{top + height} {points} 1000,{top + height}", class_=class_)


@dataclass(frozen=True, slots=True)
class LogScale:
    """Seconds on a logarithmic scale of `width` units, from a second (or less) to the slowest."""

    least_s: float
    most_s: float
    width: int = 260

    def x(self, seconds: float) -> float:
        """Where a number of seconds lies."""
        low, high = log10(self.least_s), log10(self.most_s)
        at = (log10(max(seconds, self.least_s)) - low) / (high - low)
        return round(8 + min(1.0, at) * (self.width - 16), 1)


# Round spans a person knows, in seconds; the scale begins and ends at one of them.
_KNOWN_SPANS = (0.001, 0.01, 0.1, 1, 10, 60, 600, 3_600, 6 * 3_600, 86_400, 3 * 86_400, 10 * 86_400, 40 * 86_400)


def log_scale(all_percentiles: Iterable[Percentiles]) -> LogScale:
    """The scale that holds every p50 and p99."""
    every = list(all_percentiles)
    low = min((p.p50_s for p in every), default=1.0)
    high = max((p.p99_s for p in every), default=10.0)
    least = max((span for span in _KNOWN_SPANS if span <= low), default=_KNOWN_SPANS[0])
    most = min((span for span in _KNOWN_SPANS if span >= high and span > least), default=_KNOWN_SPANS[-1])
    return LogScale(least, most)


def percentile_axis(scale: LogScale) -> Markup:
    """The scale itself, for the head of a column of ranges."""
    # A label needs its room; the last one is at the right edge and always there.
    names: list[tuple[float, float]] = []
    for span in reversed([s for s in _KNOWN_SPANS if scale.least_s <= s <= scale.most_s]):
        if not names or names[-1][1] - scale.x(span) >= 52:
            names.append((span, scale.x(span)))
    labels = []
    for span, x in names:
        class_ = "tick first" if x <= 8 else "tick last" if x >= scale.width - 8 else "tick"
        labels.append(el("text", duration(span), x=px(x), y=12, class_=class_))
        labels.append(el("line", x1=px(x), x2=px(x), y1=16, y2=20, class_="base"))
    return el("svg", labels, viewBox=f"0 0 {scale.width} 20", class_="range", aria_hidden="true")


def percentile_range(whose: str, found: Percentiles, scale: LogScale) -> Markup:
    """p50 as a circle, p95 as a diamond, p99 as a bar on one line."""
    words = f"{whose}: p50 {duration(found.p50_s)}, p95 {duration(found.p95_s)}, p99 {duration(found.p99_s)}"
    p50, p95, p99 = scale.x(found.p50_s), scale.x(found.p95_s), scale.x(found.p99_s)
    return el(
        "svg",
        el("title", words),
        el("line", x1=8, x2=scale.width - 8, y1=10, y2=10, class_="lane"),
        el("line", x1=px(p50), x2=px(p99), y1=10, y2=10, class_="reach"),
        el("circle", cx=px(p50), cy=10, r=5, class_="p50"),
        el("path", d=f"M{px(p95)} 4l6 6l-6 6l-6 -6z", class_="p95"),
        el("path", d=f"M{px(p99 - 1.5)} 2h3v16h-3z", class_="p99"),
        role="img",
        aria_label=words,
        viewBox=f"0 0 {scale.width} 20",
        class_="range",
    )


def split_bar(whose: str, parts: Sequence[tuple[str, int]]) -> Markup | None:
    """How a total is split over places, as one bar; parts are (place, size) and negative ones count as their size."""
    total = sum(abs(size) for _, size in parts)
    if not total:
        return None
    drawn, at, words = [], 0.0, []
    for place in PLACES:
        size = abs(dict(parts).get(place, 0))
        if not size:
            continue
        # The smallest part stays visible: parked money is the point of the picture and often a thousandth.
        width = max(3.0, 400 * size / total)
        said = f"{PLACE_WORDS[place]} {share(1_000_000 * size // total)}"
        words.append(said)
        drawn.append(
            el(
                "rect",
                el("title", f"{whose}: {said}"),
                x=px(at),
                width=px(width),
                y=0,
                height=16,
                class_=f"place {place.replace('_', '-')}",
            )
        )
        at += width
    return el(
        "svg",
        drawn,
        role="img",
        aria_label=f"{whose}: {', '.join(words)}",
        viewBox=f"0 0 {px(at)} 16",
        preserveAspectRatio="none",
        class_="split",
    )


def patterns() -> Markup:
    """The hatchings that tell bands and places apart without colour; once per page, invisible."""
    hatchings = (
        ("hatch-maintenance", "M0 0L8 8M-2 6L2 10M6 -2L10 2"),
        ("hatch-login", "M0 0L8 8M8 0L0 8"),
        ("hatch-throttled", "M2 0V8M6 0V8"),
        ("hatch-slow", "M0 4H8"),
        ("hatch-parked", "M8 0L0 8M2 -2L-2 2M10 6L6 10"),
    )
    drawn = [
        el(
            "pattern",
            el("rect", width=8, height=8, class_=f"ground {name}"),
            el("path", d=strokes, class_=f"strokes {name}"),
            id=name,
            width=8,
            height=8,
            patternUnits="userSpaceOnUse",
        )
        for name, strokes in hatchings
    ]
    return el("svg", el("defs", drawn), width=0, height=0, aria_hidden="true", class_="unseen")


def busiest(firm: EntitySeries, series: Series, hours: int = 72) -> tuple[int, int] | None:
    """The hours around the highest backlog; None when they are a large part of the run anyway."""
    if not any(firm.backlog) or not series.step_ms:
        return None
    end = series.start_ms + (len(firm.backlog) - 1) * series.step_ms
    if end - series.start_ms < 3 * hours * HOUR_MS:
        return None
    peak = series.start_ms + firm.backlog.index(max(firm.backlog)) * series.step_ms
    from_ms = min(max(series.start_ms, peak - hours * HOUR_MS // 3), end - hours * HOUR_MS)
    return from_ms, from_ms + hours * HOUR_MS


def px(number: float) -> str:
    """A length or place as markup has it."""
    return f"{number:.1f}".removesuffix(".0")
