"""What every large page is made of: its head and policy, the verdict as a banner, facts, states and tables.

A page asks nobody for anything (a content policy forbids it), is complete without scripts, and says with a sign what
it says with a colour.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Literal

from scenarios.report import plots
from scenarios.report.markup import Child, Markup, el
from scenarios.report.model import Verdict

# Exit code -> sign, look and the word in large letters. The sign carries the meaning without colour.
LOOKS: dict[int, tuple[str, str, str]] = {
    0: ("✓", "good", "Held"),
    1: ("!", "warn", "SLA missed"),
    2: ("?", "doubt", "Unusable input"),
    3: ("✕", "bad", "Violated"),
    4: ("…", "warn", "Did not settle"),
    5: ("?", "doubt", "Proved nothing"),
}

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


class Right(str):
    """Text of a cell that is set to the right, as numbers are."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Samples:
    """What a page reads out where somebody points: curves by their names, one number for each step."""

    start_ms: int
    step_ms: int
    curves: Mapping[str, Sequence[int]]
    clock: Literal["utc", "run"] = "utc"
    """Whether instants are of the calendar, or seconds of a run."""


def sheet(title: str, *content: Child, samples: Samples | None = None) -> str:
    """A whole page as text."""
    data = "" if samples is None else json.dumps(asdict(samples), separators=(",", ":"))
    body = el(
        "body",
        plots.patterns(),
        content,
        # "<" is written as an escape, so that nothing in the data can end its element.
        el("script", Markup(data.replace("<", "\\u003c")), type="application/json", id="samples") if data else None,
        el("script", Markup(_asset("page.js"))),
    )
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", title),
        el("style", Markup(_asset("page.css"))),
    )
    return f"<!DOCTYPE html>\n{el('html', head, body, lang='en')}\n"


def _asset(name: str) -> str:
    return (files("scenarios.report") / "assets" / name).read_text(encoding="utf-8")


def top(
    heading: str,
    story: str,
    verdict: Verdict,
    facts: Sequence[tuple[str, Child]],
    tiles: Sequence[tuple[str, Child]],
    words: str = "",
    above: Child = None,
) -> Markup:
    """The head of a page: what it is about, the verdict in large letters (`words`, or the usual ones), the numbers.

    `above` stands between the first two.
    """
    sign, look, usual = LOOKS[verdict.exit]
    return el(
        "header",
        el(
            "div",
            el(
                "div",
                el("div", el("h1", heading), el("p", story, class_="hint")),
                el("button", "Light / dark", id="theme", type="button", class_="scripted", hidden="hidden"),
                class_="top-line",
            ),
            above,
            el(
                "div",
                el("span", sign, class_="sign", aria_hidden="true"),
                el("span", el("strong", f"{words or usual} (exit {verdict.exit})"), el("span", verdict.sentence)),
                class_=f"verdict {look}",
                role="status",
            ),
            el("dl", [el("div", el("dt", name), el("dd", value)) for name, value in facts], class_="facts"),
            el("dl", [el("div", el("dt", name), el("dd", value)) for name, value in tiles], class_="tiles"),
        ),
        class_="top",
    )


def state(held: bool | None, bad: str) -> Markup:
    """Whether something held, as a sign and a word; `bad` is the word where it did not."""
    if held is None:
        return el("span", "? unknown", class_="state doubt")
    return el("span", "✓ held" if held else f"✕ {bad}", class_=f"state {'good' if held else 'bad'}")


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[Child]]) -> Markup:
    """A table with a caption; `Right` text is set to the right."""

    def cell(tag: str, content: Child) -> Markup:
        return el(
            tag, content, class_="n" if isinstance(content, Right) else None, scope="col" if tag == "th" else None
        )

    return el(
        "div",
        el(
            "table",
            el("caption", caption),
            el("thead", el("tr", [cell("th", head) for head in heads])),
            el("tbody", [el("tr", [cell("td", content) for content in row]) for row in rows]),
        ),
        class_="scroll",
    )
