"""A real Prometheus with our rules, before a runtime: what it scrapes, and which alerts fire.

    with APrometheus(folder, gateway_url, key) as prometheus, AlertLog(prometheus) as log:
        prometheus.until_alert("AccountBroken", 30)         it fires; the labels of each
        prometheus.until_no_alert("AccountBroken", 30)      it does not any more
        prometheus.number('sum(springtide_backlog_entries)')
    log.fired                                               every alert that fired meanwhile, from when to when

Rule 1. The rules are the files of deploy/prometheus. In a hurry (`HURRY`) their `for:` and intervals are made short on
        the way, by `hurried`, since a demo cannot wait four hours; nothing else is changed, and no rule is kept here.
Rule 2. It listens on 127.0.0.1 on a port that is free, keeps its data in the folder, and ends with the block.
Rule 3. Where Prometheus is not installed, `PrometheusAbsentError` says how to get it; whoever can do without goes on.
"""

import contextlib
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from time import time
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

from scenarios.live.parts import LOOPBACK, Api, Part, PartFailedError, Unreachable, free_port, wait_for

RULES = Path(__file__).resolve().parents[2] / "deploy" / "prometheus"
RULE_FILES = ("recording.yml", "alerts.yml")
JOB = "springtide"
START_SECONDS = 30.0
"""How long it may take to start on a small machine that is busy (measured: 1 s on an idle one)."""
_FOR = re.compile(r"^(?P<head>\s+for: )\S+$", re.MULTILINE)
_INTERVAL = re.compile(r"^(?P<head>\s+interval: )\S+$", re.MULTILINE)


class PrometheusAbsentError(Exception):
    """There is no Prometheus here: one line that says how to get it."""


@dataclass(frozen=True, slots=True)
class Hurry:
    """How short things are made; durations as Prometheus writes them."""

    scrape: str
    patience: str
    """Instead of every `for:`."""


HURRY = Hurry(scrape="1s", patience="2s")
"""For demos and tests: an alert fires some three seconds after what it is about."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as Prometheus tells it."""

    name: str
    state: str
    """ "pending" or "firing"."""
    labels: Mapping[str, str]
    summary: str = field(compare=False)
    """Says numbers that change while it fires."""
    runbook: str = field(compare=False)


def hurried(rules: str, hurry: Hurry) -> str:
    """The text of a rule file with every `for:` and every interval made short."""
    patient = _FOR.sub(rf"\g<head>{hurry.patience}", rules)
    return _INTERVAL.sub(rf"\g<head>{hurry.scrape}", patient)


class APrometheus:
    """A server of our own."""

    def __init__(self, folder: Path, url: str, key: str, hurry: Hurry = HURRY) -> None:
        """Start it before the gateway at `url`, which lets `key` see /metrics. Raises PrometheusAbsentError."""
        program = shutil.which("prometheus")
        if program is None:
            raise PrometheusAbsentError("prometheus is not installed: apt-get install prometheus (Debian, Ubuntu)")
        if missing := [name for name in RULE_FILES if not (RULES / name).is_file()]:
            raise PrometheusAbsentError(
                f"{RULES / missing[0]} is not there: run it from a checkout, which has the rules"
            )
        home = folder / "prometheus"
        home.mkdir(parents=True, exist_ok=True)
        for name in RULE_FILES:
            (home / name).write_text(hurried((RULES / name).read_text(encoding="utf-8"), hurry), encoding="utf-8")
        (home / "springtide.key").touch(mode=0o600)
        (home / "springtide.key").write_text(key, encoding="utf-8")
        # JSON is YAML, so nothing has to be installed to write it.
        (home / "prometheus.yml").write_text(json.dumps(_configuration(urlsplit(url).netloc, hurry)), encoding="utf-8")
        self.url = f"http://{LOOPBACK}:{free_port()}"
        self._api = Api(self.url)
        self._part = Part(
            "prometheus-server",
            [
                program,
                f"--config.file={home / 'prometheus.yml'}",
                f"--storage.tsdb.path={home / 'data'}",
                f"--web.listen-address={urlsplit(self.url).netloc}",
                "--storage.tsdb.retention.time=1d",
                "--log.level=warn",
            ],
            home,
        )

    def __enter__(self) -> Self:
        try:
            wait_for("Prometheus listens", START_SECONDS, self._is_ready)
        except PartFailedError as fault:
            self._part.end()
            raise PartFailedError(f"{fault}; it said: {self._part.last_words()}") from fault
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._part.end()

    def _is_ready(self) -> bool:
        if not self._part.lives:
            raise PartFailedError(f"Prometheus ended by itself: {self._part.last_words()}")
        try:
            return self._api.ask("GET", "/-/ready")[0] == 200
        except Unreachable:
            return False

    def until_scraped(self, seconds: float) -> None:
        """Wait until the gateway was scraped. Raises PartFailedError, with what Prometheus says of it."""
        try:
            wait_for("the gateway is scraped", seconds, lambda: self.number(f'up{{job="{JOB}"}}') == 1)
        except PartFailedError as fault:
            targets = self._data("/api/v1/targets?state=active")["activeTargets"]
            said = "; ".join(target.get("lastError", "") for target in targets)
            raise PartFailedError(f"{fault}: {said or 'it was not tried'}") from fault

    def number(self, expression: str) -> float | None:
        """What an expression comes to now; of several series the first; None where there is none."""
        found = self._data(f"/api/v1/query?query={quote(expression)}")["result"]
        if isinstance(found, list) and found and isinstance(found[0], dict):
            return float(found[0]["value"][1])
        return None

    def series_names(self) -> Sequence[str]:
        """The name of everything that was scraped or recorded."""
        names: list[str] = self._data("/api/v1/label/__name__/values")
        return names

    def alerts(self) -> Sequence[Alert]:
        """Every alert that is pending or fires now."""
        return [
            Alert(
                one["labels"]["alertname"],
                one["state"],
                {name: text for name, text in one["labels"].items() if name != "alertname"},
                one["annotations"].get("summary", ""),
                one["annotations"].get("runbook_url", ""),
            )
            for one in self._data("/api/v1/alerts")["alerts"]
        ]

    def firing(self, name: str) -> Sequence[Alert]:
        """The alerts of that name that fire now."""
        return [one for one in self.alerts() if one.name == name and one.state == "firing"]

    def until_alert(self, name: str, seconds: float) -> Sequence[Alert]:
        """Wait until an alert of that name fires. Raises PartFailedError."""
        found: Sequence[Alert] = wait_for(f"{name} fires", seconds, lambda: self.firing(name))
        return found

    def until_no_alert(self, name: str, seconds: float) -> None:
        """Wait until no alert of that name fires. Raises PartFailedError."""
        wait_for(f"{name} ends", seconds, lambda: not self.firing(name))

    def _data(self, path: str) -> Any:
        return self._api.must("GET", path)["data"]


@dataclass(slots=True)
class Fired:
    """One alert that fired: what, and from when to when it was seen (ms UTC); `ended_ms` is None while it fires."""

    alert: Alert
    began_ms: int
    ended_ms: int | None = None


class AlertLog:
    """Looks at the alerts every second for as long as the block runs, beside whatever else happens in it."""

    def __init__(self, prometheus: APrometheus, every_s: float = 1.0) -> None:
        self.fired: list[Fired] = []
        self._prometheus = prometheus
        self._every_s = every_s
        self._over = Event()
        self._thread = Thread(target=self._watch, name="alerts", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self._every_s):
            # On a machine that is busy an answer may not come in time; the next one tells.
            with contextlib.suppress(PartFailedError):
                self._note([one for one in self._prometheus.alerts() if one.state == "firing"], int(time() * 1_000))

    def _note(self, firing: Sequence[Alert], now_ms: int) -> None:
        for one in self.fired:
            if one.ended_ms is None and one.alert not in firing:
                one.ended_ms = now_ms
        known = [one.alert for one in self.fired if one.ended_ms is None]
        self.fired += [Fired(alert, now_ms) for alert in firing if alert not in known]


def _configuration(target: str, hurry: Hurry) -> dict[str, object]:
    """As deploy/prometheus/prometheus.yml, with the gateway that there is and nobody to send alerts to."""
    return {
        "global": {
            "scrape_interval": hurry.scrape,
            "scrape_timeout": hurry.scrape,
            "evaluation_interval": hurry.scrape,
            "external_labels": {"runbooks": "docs/runbooks"},
        },
        "rule_files": list(RULE_FILES),
        "scrape_configs": [
            {
                "job_name": JOB,
                "authorization": {"type": "Bearer", "credentials_file": "springtide.key"},
                "static_configs": [{"targets": [target]}],
            }
        ],
    }
