"""The alerts: what they ask for exists, each has a page and a story, and severities mean what they say."""

import re

import yaml

from runtime.core.account import Mode
from runtime.core.model import Place
from runtime.metrics import LATENCY
from tests.deploy.a_rule_book import (
    PROMETHEUS,
    RUNBOOKS,
    alerts,
    flaws,
    recorded,
    rules,
    told_stories,
    values_asked,
)

CLOSED = {
    "mode": {*Mode},
    "place": {*Place},
    "rate": {"current", "permitted"},
    "edge": {"early", "expected", "late"},
    "state": {"waiting", "replayed", "dropped"},
    "status_class": {"2xx", "4xx", "5xx"},
    "severity": {"page", "ticket"},
}
"""Labels whose values are closed lists."""


def test_what_a_rule_asks_for_is_shown() -> None:
    """Every metric, every label of it and every recorded name in a rule exists: an alert on nothing never fires."""
    asked = [rule["expr"] for rule in (*rules("recording.yml"), *rules("alerts.yml"))]

    assert len(asked) > 50
    assert [flaw for expression in asked for flaw in flaws(expression)] == []


def test_what_a_rule_compares_with_can_be() -> None:
    """A mode, place, rate, edge or state in a matcher is one that there is."""
    asked = [one for rule in (*rules("recording.yml"), *rules("alerts.yml")) for one in values_asked(rule["expr"])]

    assert len(asked) > 10
    assert [f"{label}={text}" for label, text in asked if text not in CLOSED.get(label, {text})] == []


def test_a_mistake_in_a_rule_is_found() -> None:
    """A metric, a label and a recorded name that nobody knows are told."""
    assert flaws('springtide_backlog_entreis > 1 and springtide_entries{palce="x"} and springtide:nothing') == [
        "springtide_backlog_entreis is no metric",
        "springtide_entries has no label palce",
        "springtide:nothing is not recorded",
    ]


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    """The link of an alert leads to a page with its name that says what it means, what to do, and whom to wake."""
    pages = {path.stem: path.read_text(encoding="utf-8") for path in RUNBOOKS.glob("*.md") if path.stem != "README"}

    assert sorted(pages) == sorted(alerts())
    for name, rule in alerts().items():
        assert rule["annotations"]["runbook_url"] == f"{{{{ $externalLabels.runbooks }}}}/{name}.md"
        assert re.findall(r"^#+ (.*)$", pages[name], re.MULTILINE) == [name, "Look at", "Do", "Whom to wake"]


def test_every_alert_says_how_grave_it_is_and_what_happens() -> None:
    """Severity, for whom, and a summary; the list of the runbooks has each with its severity."""
    told = dict(re.findall(r"^\| \[(\w+)\]\(\1\.md\) \| (\w+) \|$", (RUNBOOKS / "README.md").read_text(), re.MULTILINE))

    assert told == {name: rule["labels"]["severity"] for name, rule in alerts().items()}
    for rule in alerts().values():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["labels"]["audience"] in {"business", "technical"}
        assert rule["annotations"]["summary"]


def test_business_comes_first() -> None:
    """Money, cut-offs and promises are asked about before machines."""
    audiences = [rule["labels"]["audience"] for rule in alerts().values()]

    assert audiences == sorted(audiences)


def test_every_alert_has_a_story_in_which_it_fires() -> None:
    """promtool is told at least once that it fires; which others fire at that instant is told with it."""
    fired = set()
    for story in told_stories():
        for case in story.get("alert_rule_test", ()):
            fired |= {case["alertname"]} if case["exp_alerts"] else set()
        for case in story.get("promql_expr_test", ()):
            fired |= {name for one in case["exp_samples"] for name in re.findall(r'alertname="(\w+)"', one["labels"])}

    assert sorted(fired) == sorted(alerts())


def test_the_stories_feed_what_the_runtime_shows() -> None:
    """A series that a story makes up is a metric of ours with labels of ours, or Prometheus' own."""
    fed = [one["series"] for story in told_stories() for one in story["input_series"]]

    assert len(fed) > 50
    assert [flaw for series in fed for flaw in flaws(series)] == []


def test_the_promise_is_counted_at_a_bound_of_the_histogram() -> None:
    """The share of late landings needs a bucket that ends at the promise; between two buckets nothing can be said."""
    bounds = set(re.findall(r'le="([\d.]+)"', "".join(rule["expr"] for rule in rules("recording.yml"))))

    assert bounds == {"1800.0"}
    assert bounds <= {str(bound) for bound in LATENCY.buckets}


def test_every_recorded_name_is_used() -> None:
    """What is recorded and asked by nobody costs and says nothing."""
    asked = "".join(rule["expr"] for rule in (*rules("alerts.yml"), *rules("recording.yml")))
    asked += "".join(path.read_text() for path in (PROMETHEUS.parent / "grafana").glob("*.json"))

    assert sorted(name for name in recorded() if not re.search(rf"{name}(?![\w:])", asked)) == []


def test_the_scrape_configuration_names_the_rules_and_carries_a_key() -> None:
    """Prometheus reads both rule files, asks with a key from a file, and knows where the runbooks are."""
    read = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))

    assert read["rule_files"] == ["recording.yml", "alerts.yml"]
    assert read["global"]["external_labels"]["runbooks"].startswith("https://")
    (job,) = read["scrape_configs"]
    assert (job["job_name"], job["metrics_path"]) == ("springtide", "/metrics")
    assert job["authorization"] == {"type": "Bearer", "credentials_file": "springtide.key"}
