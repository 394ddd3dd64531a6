"""One curve with its band, as SVG: the median over the months, and least to most as a shade behind it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, log10

from scenarios.report.markup import Markup, el

WIDTH, HEIGHT = 520, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 26, 44
Point = tuple[float, float | None, float | None, float | None]
"""Where, the median, the least and the most; None: beyond what was counted."""
TICKS = 5


@dataclass(frozen=True, slots=True)
class Curve:
    """What is drawn. `found`: the number that was found, as a line up; `limit`: a promise, as a line across; `top`:
    where the scale ends, None: above everything. What is None is drawn at the upper edge."""

    points: Sequence[Point]
    across: str
    upwards: str
    found: float | None
    limit: float | None
    top: float | None


def curve(what: Curve) -> Markup:
    """The drawing."""
    known = [value for _, *values in what.points for value in values if value is not None]
    top = what.top or nice(max([*known, (what.limit or 0.0) * 1.2, 1.0]))
    first, last = (what.points[0][0], what.points[-1][0]) if what.points else (0.0, 1.0)
    first, last = min(first, what.found or first), max(last, what.found or last)

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * ((value - first) / (last - first) if last > first else 0.5)

    def y(value: float | None) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(1.0, (top if value is None else value) / top)

    grid = []
    for tick in range(TICKS + 1):
        at = top * tick / TICKS
        grid.append(el("line", x1=LEFT, x2=WIDTH - RIGHT, y1=f"{y(at):.1f}", y2=f"{y(at):.1f}", class_="grid"))
        grid.append(el("text", f"{at:g}", x=LEFT - 6, y=f"{y(at) + 4:.1f}", text_anchor="end"))
    marks = [
        el("text", f"{n:g}", x=f"{x(n):.1f}", y=HEIGHT - BOTTOM + 16, text_anchor="middle") for n, *_ in what.points
    ]
    upper = [f"{x(n):.1f},{y(most):.1f}" for n, _, _, most in what.points]
    lower = [f"{x(n):.1f},{y(least):.1f}" for n, _, least, _ in reversed(what.points)]
    middle = [f"{x(n):.1f},{y(median):.1f}" for n, median, _, _ in what.points]
    described = f"{what.upwards} by {what.across}" + ("" if what.found is None else f"; found: {what.found:g}")
    return el(
        "svg",
        el("title", described),
        grid,
        el("polygon", points=" ".join([*upper, *lower]), class_="band") if what.points else None,
        el("polyline", points=" ".join(middle), class_="curve"),
        [el("circle", cx=f"{x(n):.1f}", cy=f"{y(median):.1f}", r=3, class_="dot") for n, median, _, _ in what.points],
        _limit(what.limit, y) if what.limit is not None else None,
        _found(what.found, x) if what.found is not None else None,
        marks,
        el("line", x1=LEFT, x2=WIDTH - RIGHT, y1=HEIGHT - BOTTOM, y2=HEIGHT - BOTTOM, class_="axis"),
        el("text", what.across, x=(LEFT + WIDTH - RIGHT) // 2, y=HEIGHT - 8, text_anchor="middle"),
        el("text", what.upwards, x=LEFT, y=14),
        role="img",
        aria_label=described,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
    )


def _limit(limit: float, y: Callable[[float | None], float]) -> list[Markup]:
    at = f"{y(limit):.1f}"
    return [
        el("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, class_="limit"),
        el(
            "text",
            f"promised: {limit:g}",
            x=WIDTH - RIGHT,
            y=f"{y(limit) - 5:.1f}",
            text_anchor="end",
            class_="limit-word",
        ),
    ]


def _found(found: float, x: Callable[[float], float]) -> list[Markup]:
    at = x(found)
    left = at < WIDTH / 2
    beside = f"{at + 5 if left else at - 5:.1f}"
    return [
        el("line", x1=f"{at:.1f}", x2=f"{at:.1f}", y1=TOP, y2=HEIGHT - BOTTOM, class_="found"),
        el(
            "text",
            f"enough: {found:g}",
            x=beside,
            y=HEIGHT - BOTTOM - 6,
            text_anchor="start" if left else "end",
            class_="found-word",
        ),
    ]


def nice(most: float) -> float:
    """The end of a scale: the next of 1, 2, 2.5, 5 and 10 times a power of ten; 37 -> 50."""
    unit = 10.0 ** (ceil(log10(most)) - 1)
    return next(unit * times for times in (1, 2, 2.5, 5, 10) if unit * times >= most)
