"""The files of deploy/prometheus as data, and what an expression asks for."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from runtime.metrics import METRICS, Metric

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
RUNBOOKS = DEPLOY.parent / "docs" / "runbooks"
OF_PROMETHEUS = frozenset({"job", "instance", "le", "alertname", "alertstate", "severity"})
"""Labels that come from Prometheus itself, or from our rules."""
SELECTOR = re.compile(r"\b(springtide_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
RECORDED = re.compile(r"\bspringtide:[\w:]+")


@cache
def rules(name: str) -> tuple[dict[str, Any], ...]:
    """Every rule of a file, in order."""
    book = yaml.safe_load((PROMETHEUS / name).read_text(encoding="utf-8"))
    return tuple(rule for group in book["groups"] for rule in group["rules"])


def alerts() -> dict[str, dict[str, Any]]:
    """Every alert by name."""
    return {rule["alert"]: rule for rule in rules("alerts.yml")}


def recorded() -> frozenset[str]:
    """The names of what is recorded."""
    return frozenset(rule["record"] for rule in rules("recording.yml"))


def told_stories() -> Iterator[dict[str, Any]]:
    """Every story that promtool is told."""
    for path in sorted((PROMETHEUS / "tests").glob("*.yml")):
        yield from yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]


def metric_of(name: str) -> Metric | None:
    """The metric that a series belongs to: itself, or the histogram of a bucket, sum or count."""
    for metric in METRICS:
        parts = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
        if name in {f"{metric.name}{part}" for part in parts}:
            return metric
    return None


def flaws(expression: str) -> list[str]:
    """What an expression asks for that nobody shows: metrics, labels of metrics, recorded names."""
    found = []
    for name, matchers in SELECTOR.findall(expression):
        metric = metric_of(name)
        if metric is None:
            found.append(f"{name} is no metric")
            continue
        asked = {label for label, _ in MATCHER.findall(matchers)}
        found += [f"{name} has no label {label}" for label in sorted(asked - {*metric.labels} - OF_PROMETHEUS)]
    found += [f"{name} is not recorded" for name in RECORDED.findall(expression) if name not in recorded()]
    return found


def values_asked(expression: str) -> Iterator[tuple[str, str]]:
    """(label, value) of every matcher, alternatives one by one."""
    for label, text in MATCHER.findall(expression):
        for one in text.split("|"):
            yield label, one
