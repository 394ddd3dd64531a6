"""report.html is one file that asks nobody for anything and trusts no name."""

import re
from html.parser import HTMLParser

import pytest

from scenarios.report.html import page
from scenarios.report.model import Band, PointMark, Report
from tests.scenarios.report.sample import START_MS, sample

VOID = {"meta", "br", "col", "input", "link", "img"}
HOSTILE = "</script><script>alert(1)</script><img src=https://evil.example/x onerror=alert(2)>\"'&\x00\u202e"


class Reader(HTMLParser):
    """Reads a page as a browser would, and notes what it would do."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts = 0
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        """Note the tag; scripts are counted."""
        self.tags.append((tag, dict(attrs)))
        self.scripts += tag == "script"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """An element without content."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        """Every end belongs to the last beginning."""
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        """What a person could read, styles and scripts aside."""
        if self.open and self.open[-1] not in ("script", "style"):
            self.words.append(data)


@pytest.mark.parametrize("bad", [False, True])
def test_the_page_is_well_formed(bad: bool):
    """Each element is closed by its own end, whatever the run said."""
    reader = Reader(page(sample(bad=bad)))

    assert reader.open == []
    assert [tag for tag, _ in reader.tags].count("main") == 1


def test_the_page_asks_nobody_for_anything():
    """No reference leads out of the file, neither in markup nor in styles, and a content policy forbids the rest."""
    text = page(sample(bad=True))
    reader = Reader(text)

    for tag, attributes in reader.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base")
        assert not {"src", "href", "xlink:href", "action", "srcset", "poster"} & set(attributes)
    assert not re.search(r"https?://|//[a-z]+\.|@import|url\((?!#)|\bfetch\(|XMLHttpRequest|import\(", text)
    policies = [a for _, a in reader.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert [policy["content"].split(";")[0] for policy in policies] == ["default-src 'none'"]


def test_hostile_names_stay_text():
    """A scenario, entity, account, entry or reason that looks like markup is shown, never obeyed."""
    report = sample(bad=True)
    calm = Reader(page(report))
    report.scenario = report.description = report.digest = report.commit = HOSTILE
    report.overrides = {HOSTILE: HOSTILE}
    report.cases[0].reason = report.cases[0].fix = HOSTILE
    report.cases[0].examples = [HOSTILE]
    report.findings[0].text = report.findings[0].entry = HOSTILE
    report.kept_out[0].reason = report.kept_out[0].file = HOSTILE
    report.invariants[0].examples = [HOSTILE]
    report.slas[0].name = report.slas[0].arithmetic = HOSTILE
    report.coverage = {HOSTILE: {HOSTILE: 1}}
    report.parameters[0].why = HOSTILE
    report.faults[0].kind = HOSTILE
    report.series.entities = {HOSTILE: report.series.entities["DE01"]}
    report.per_entity = [report.per_entity[0]]
    report.per_entity[0].entity = report.per_entity[0].region = HOSTILE
    report.money = {"posted": {HOSTILE: 5}}
    report.bands.append(Band(HOSTILE, "maintenance", START_MS, START_MS + 9_000_000))
    report.marks.append(PointMark(START_MS, HOSTILE, HOSTILE))

    text = page(report)
    reader = Reader(text)

    assert reader.open == []
    assert reader.scripts == calm.scripts
    assert {name for _, attributes in reader.tags for name in attributes if name.startswith("on")} == set()
    assert "img" not in {tag for tag, _ in reader.tags}
    assert "\x00" not in text
    assert "\u202e" not in text
    assert any("<img src=https://evil.example" in words for words in reader.words)


def test_pictures_have_names():
    """Each picture says what it shows to people who do not see it; pure decoration is hidden from them."""
    for tag, attributes in Reader(page(sample())).tags:
        if tag == "svg":
            assert attributes.get("aria-hidden") == "true" or (
                attributes.get("role") == "img" and attributes.get("aria-label")
            )


def test_state_is_said_in_words_and_signs():
    """Held, violated, missed and unknown can be told apart without colour."""
    words = " ".join(Reader(page(sample(bad=True))).words)

    for state in ("✓ held", "✕ violated", "✕ missed", "? unknown"):
        assert state in words
    assert "exit 3" in words


def test_the_page_says_that_it_does_not_add_up():
    """A broken identity is on the page, in words."""
    report = sample()
    assert "adds up in versions" in re.sub(r"<[^>]+>", "", page(report))
    report.entries["posted"] += 1

    text = page(report)

    assert "does not add up" in text
    assert "adds up in versions" not in re.sub(r"<[^>]+>", "", text)


def test_a_large_firm_fits():
    """90 entities, 800 samples, accounts that throttle all month and 20,000 faults stay below 1.5 MB."""
    report = sample(entities=90, samples=800)
    end_ms = report.simulated_seconds * 1000
    for i in range(12_000):
        at = START_MS + i * end_ms // 12_000
        report.bands.append(Band(f"erp-{i % 14}", "throttled", at, at + 60_000))
    for i in range(20_000):
        at = START_MS + i * end_ms // 20_000
        report.marks.append(PointMark(at, f"kind {i * 7 % 16}", report.per_entity[i % 90].entity))

    assert len(page(report).encode()) < 1_500_000


def test_an_empty_report_is_a_page():
    """A run that ended before its first sample still has a page with its verdict."""
    reader = Reader(page(Report(scenario="quiet_week", seed=1)))

    assert reader.open == []
    assert any("Proved nothing" in words for words in reader.words)
