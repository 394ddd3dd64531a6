"""The numbers on /metrics: they say what the reports say, labels stay bounded, and the page is fresh."""

import importlib.util
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from decimal import Decimal
from math import inf
from pathlib import Path
from threading import Thread
from time import sleep
from types import ModuleType

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from runtime.core.answers import (
    Applied,
    CallAnswer,
    Door,
    Doubt,
    Refusal,
    Refused,
    RefusedAsOne,
    RowsAnswered,
    Silent,
    Staged,
    StatusTaken,
    TurnedAway,
    Unknown,
)
from runtime.core.effects import Effect, FrozenRow, SendBatch, TellPsa
from runtime.core.model import Place, Posting
from runtime.core.partition.moves import PARKS
from runtime.metrics import METRICS, Metrics
from runtime.ports import AccountReport, Clearing, Forecast, ParkedPile, PartitionReport, Pile

ROOT = Path(__file__).resolve().parents[2]
BOUNDED = frozenset(
    {"entity", "region", "host", "account", "place", "currency", "reason", "owner", "outcome", "call", "mode", "state"}
    | {"status_class", "rate", "edge"}
)
REPORT = PartitionReport(
    entity="DE01",
    region="emea",
    host="host-1",
    epoch=3,
    at_ms=100_000,
    paused="",
    state="running",
    places={
        Place.IN_FLIGHT: Pile(5, Decimal("40.5"), {"EUR": 405_000}, 40_000),
        Place.IN_DOUBT: Pile(2, Decimal(16), {"EUR": 160_000, "JPY": 7}, 70_000),
        Place.STAGED: Pile(1, Decimal(8), {"EUR": 80_000}, 95_000),
        Place.POSTED: Pile(1_000, Decimal(8_000), {"EUR": 80_000_000}),
        Place.PARKED: Pile(3, Decimal(24), {"EUR": 80_000}, 10_000, unvalued_hours=Decimal(16)),
    },
    queued=4,
    shelved=1_000,
    in_memory=9,
    oldest_work_ms=40_000,
    parked=(
        ParkedPile("rate_gap", "project accounting", "publish a rate", 2, Decimal(16), {}, 10_000),
        ParkedPile("erp_invalid", "", "", 1, Decimal(8), {"EUR": 80_000}, 90_000),
    ),
    untold=6,
    undecided_bytes=512,
    calls_open=1,
    commits=77,
    dead_letters=0,
    source_listed=1_010,
    source_missing=2,
    last_recount_ms=60_000,
    chain="ab",
)
ACCOUNT = AccountReport("erp", "host-1", "maintenance", 0, 0, 600, 150, 300_000, 2, {"DE01": 3, "NO01": 1})

CLEARING = Clearing(9_000, 130_000, 160_000, None, "unlikely")
FORECAST = Forecast("DE01", "emea", 100_000, 150, 150_000, CLEARING, None, "", "")


def shown(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample of a scrape."""
    families = text_string_to_metric_families(metrics.render().decode())
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def number(metrics: Metrics, name: str, **labels: str) -> float | None:
    """One sample of a scrape; None where it is absent."""
    return shown(metrics).get((f"springtide_{name}", frozenset(labels.items())))


def watching(
    partitions: Sequence[PartitionReport] = (REPORT,),
    accounts: Sequence[AccountReport] = (ACCOUNT,),
    forecasts: Sequence[Forecast] = (FORECAST,),
) -> Metrics:
    """Metrics over these reports."""
    metrics = Metrics()
    metrics.watch(lambda: (partitions, accounts, forecasts))
    return metrics


def batch(rows: int) -> SendBatch:
    """A call that posts so many rows; nobody looks into them."""
    blank = {field.name: None for field in fields(Posting)}
    posting = Posting(**blank)  # type: ignore[arg-type]  # only counted
    return SendBatch("B-1", tuple(FrozenRow(posting, "{}", "f") for _ in range(rows)))


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("backlog_entries", {}, 8),
        ("oldest_work_age_seconds", {}, 60),
        ("entries", {"place": "in_doubt"}, 2),
        ("entries", {"place": "waived"}, 0),
        ("amount_minor_units", {"place": "in_doubt", "currency": "JPY"}, 7),
        ("oldest_age_seconds", {"place": "in_doubt"}, 30),
        ("oldest_age_seconds", {"place": "staged"}, 5),
        ("unvalued_hours", {}, 16),
        ("not_in_ledger_hours", {}, 88.5),
        ("not_in_ledger_amount_minor_units", {"currency": "EUR"}, 725_000),
        ("parked_entries", {"reason": "rate_gap", "owner": "project accounting"}, 2),
        ("parked_hours", {"reason": "rate_gap"}, 16),
        ("parked_amount_minor_units", {"reason": "erp_invalid", "currency": "EUR"}, 80_000),
        ("parked_oldest_age_seconds", {"reason": "rate_gap"}, 90),
        ("parked_unowned_entries", {}, 1),
        ("undecided_bytes", {}, 512),
        ("commits_total", {}, 77),
        ("source_listed_versions", {}, 1_010),
        ("source_missing_versions", {}, 2),
        ("last_recount_age_seconds", {}, 40),
        ("partition_info", {"host": "host-1"}, 1),
        ("partition_epoch", {}, 3),
        ("partition_running", {}, 1),
        ("paused", {}, 0),
    ],
)
def test_a_scrape_says_what_the_report_says(name: str, labels: dict[str, str], expected: float) -> None:
    """Counts, hours, amounts and ages of a partition are those of its report, at the instant of the report."""
    assert number(watching(), name, entity="DE01", region="emea", **labels) == expected


def test_a_forecast_is_shown_with_its_band_and_its_distance_to_the_cut_off() -> None:
    """Each edge of each known rate is a sample, never is infinite, and what nobody can tell is absent."""
    metrics = watching()
    where = {"entity": "DE01", "region": "emea"}

    assert number(metrics, "cut_off_in_seconds", **where) == 50
    assert number(metrics, "forecast_entries_per_hour", rate="current", **where) == 9_000
    clears = {e: number(metrics, "forecast_clears_in_seconds", rate="current", edge=e, **where) for e in EDGES}
    assert clears == {"early": 30, "expected": 60, "late": inf}
    margin = {e: number(metrics, "forecast_cut_off_margin_seconds", rate="current", edge=e, **where) for e in EDGES}
    assert margin == {"early": 20, "expected": -10, "late": -inf}
    assert number(metrics, "forecast_entries_per_hour", rate="permitted", **where) is None


def test_without_a_cut_off_there_is_no_distance_to_it() -> None:
    """When work clears is told all the same."""
    at_once = Clearing(0, 100_000, 100_000, 100_000, "")
    metrics = watching(forecasts=[Forecast("DE01", "emea", 100_000, 0, None, at_once, at_once, "", "")])

    named = {name for name, _ in shown(metrics) if "forecast" in name or "cut_off" in name}
    assert named == {"springtide_forecast_clears_in_seconds", "springtide_forecast_entries_per_hour"}


EDGES = ("early", "expected", "late")


def test_a_paused_or_stopped_partition_shows() -> None:
    """Paused is 1 when somebody paused it, and running is 0 in every state but running."""
    metrics = watching([replace(REPORT, paused="anna: repair", state="stopped: disk")])

    assert number(metrics, "paused", entity="DE01", region="emea") == 1
    assert number(metrics, "partition_running", entity="DE01", region="emea") == 0


def test_nothing_waiting_is_age_nought_and_never_counted_is_absent() -> None:
    """Without work the oldest work is 0 s old, so that an alert ends; a recount that never was has no age at all."""
    metrics = watching([replace(REPORT, oldest_work_ms=None, last_recount_ms=None)])

    assert number(metrics, "oldest_work_age_seconds", entity="DE01", region="emea") == 0
    assert number(metrics, "last_recount_age_seconds", entity="DE01", region="emea") is None


def test_an_account_shows_its_quota_its_queue_and_exactly_one_mode() -> None:
    """Quota use is a ratio, waiting calls stand by entity, and one mode of all is 1."""
    metrics = watching()
    modes = {labels: value for (name, labels), value in shown(metrics).items() if name == "springtide_account_mode"}

    assert number(metrics, "account_quota_used_ratio", account="erp") == 0.25
    assert number(metrics, "account_waiting_calls", account="erp", entity="NO01") == 1
    assert [dict(labels)["mode"] for labels, value in modes.items() if value] == ["maintenance"]
    assert len(modes) == 6


ANSWERS: list[tuple[CallAnswer, str, dict[tuple[str, str], int]]] = [
    (
        RowsAnswered(
            (Applied("a", "L"), Staged("b", "r"), Refused("c", Refusal.LOCKED), Unknown("d", Doubt.DUPLICATE))
        ),
        "served",
        {("applied", ""): 1, ("staged", ""): 1, ("refused", "locked"): 1, ("unknown", "duplicate"): 1},
    ),
    (
        RefusedAsOne(Refusal.INVALID, bad_key="a"),
        "refused_as_one",
        {("refused", "invalid"): 1, ("returned", "invalid"): 3},
    ),
    (RefusedAsOne(Refusal.INVALID), "refused_as_one", {("returned", "invalid"): 4}),
    (TurnedAway(Door.THROTTLED), "throttled", {("turned_away", "throttled"): 4}),
    (Silent(), "silent", {("unknown", "silence"): 4}),
]


@pytest.mark.parametrize(("answer", "outcome", "rows"), ANSWERS)
def test_every_row_that_left_has_one_outcome(
    answer: CallAnswer, outcome: str, rows: dict[tuple[str, str], int]
) -> None:
    """Whatever a call brought back, the rows it carried are all counted, once, under the account that made it."""
    metrics = Metrics()

    metrics.called("DE01", "erp-emea-1", batch(4), answer, 0.3)

    seen = {
        (dict(labels)["outcome"], dict(labels)["reason"]): value
        for (name, labels), value in shown(metrics).items()
        if name == "springtide_attempts_total"
    }
    assert seen == rows
    assert sum(seen.values()) == 4
    assert number(metrics, "calls_total", account="erp-emea-1", call="send_batch", outcome=outcome) == 1
    assert number(metrics, "call_seconds_bucket", account="erp-emea-1", call="send_batch", le="0.25") == 0
    assert number(metrics, "call_seconds_bucket", account="erp-emea-1", call="send_batch", le="0.5") == 1


def test_only_postings_are_attempts() -> None:
    """Telling the PSA is a call, and no attempt to post."""
    metrics = Metrics()
    effect: Effect = TellPsa("T-1", ())

    metrics.called("DE01", "psa-emea-1", effect, StatusTaken(), 0.1)

    assert number(metrics, "calls_total", account="psa-emea-1", call="tell_psa", outcome="served") == 1
    assert not [name for name, _ in shown(metrics) if name == "springtide_attempts_total"]


def test_latency_falls_into_cumulative_buckets_from_a_second_to_six_hours() -> None:
    """A wait of exactly a bound belongs to it, one beyond six hours only to +Inf, and the sum is that of all."""
    metrics = Metrics()

    metrics.in_ledger("DE01", [0.5, 1.0, 1.5, 21_600.0, 21_601.0])

    bounds = {le: number(metrics, "approval_to_ledger_seconds_bucket", entity="DE01", le=le) for le in ("1.0", "5.0")}
    assert bounds == {"1.0": 2, "5.0": 3}
    assert number(metrics, "approval_to_ledger_seconds_bucket", entity="DE01", le="21600.0") == 4
    assert number(metrics, "approval_to_ledger_seconds_bucket", entity="DE01", le="+Inf") == 5
    assert number(metrics, "approval_to_ledger_seconds_sum", entity="DE01") == 43_204.0


def test_what_the_gateway_tells_is_shown() -> None:
    """Items, refusals, requests, letters, webhooks and the bounds of intake each have a number."""
    metrics = Metrics()
    metrics.items({"accepted": 3, "duplicate": 1})
    metrics.items({"accepted": 2})
    metrics.intake_refused("commit_queue")
    metrics.requested(202, 0.002)
    metrics.requested(503, 0.002)
    metrics.webhook_refused("webhook-replayed")
    metrics.refusal_left_out()
    metrics.dead_letters({"waiting": 4})
    metrics.dead_letters({"waiting": 1, "replayed": 3})
    metrics.intake_calls(9)
    metrics.commit_queue(2)
    metrics.disk_headroom(10**9)
    metrics.disk_headroom(None)
    metrics.committed(0.002)
    metrics.checkpointed(0.1)

    assert number(metrics, "intake_items_total", outcome="accepted") == 5
    assert number(metrics, "intake_refused_total", reason="commit_queue") == 1
    assert number(metrics, "http_requests_total", status_class="5xx") == 1
    assert number(metrics, "webhook_refusals_total", reason="webhook-replayed") == 1
    assert number(metrics, "dead_letters", state="waiting") == 1
    assert number(metrics, "intake_calls") == 9
    assert number(metrics, "commit_queue_turns") == 2
    assert number(metrics, "disk_headroom_bytes") == 10**9
    assert number(metrics, "journal_commit_seconds_count") == 1
    assert number(metrics, "checkpoint_seconds_count") == 1


class Interrupted(float):
    """A number that lets other threads run in the middle of being added."""

    def __radd__(self, other: float) -> float:
        sleep(0)
        return float(other) + float(self)


def test_nothing_is_lost_between_threads() -> None:
    """Journals commit on threads of their own; every commit is counted, with its time."""
    metrics = Metrics()

    def commit() -> None:
        for _ in range(500):
            metrics.committed(Interrupted(1))

    threads = [Thread(target=commit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert number(metrics, "journal_commit_seconds_count") == 2_000
    assert number(metrics, "journal_commit_seconds_sum") == 2_000


def test_names_follow_prometheus_and_labels_are_bounded() -> None:
    """Counters end in _total, histograms in _seconds with rising bounds, and no label can hold an entry or a person."""
    names = [metric.name for metric in METRICS]

    assert len(set(names)) == len(names)
    for metric in METRICS:
        assert re.fullmatch(r"springtide_[a-z]+(_[a-z]+)*", metric.name)
        assert set(metric.labels) <= BOUNDED
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert metric.kind != "histogram" or (metric.name.endswith("_seconds") and metric.buckets)
        assert list(metric.buckets) == sorted(set(metric.buckets))
        assert metric.what.endswith(".")
        assert metric.do.endswith(".")


def test_every_metric_is_fed() -> None:
    """There is no metric that nothing can ever fill."""
    metrics = watching()
    metrics.called("DE01", "erp-emea-1", batch(1), Silent(), 1.0)
    metrics.in_ledger("DE01", [1.0])
    everything_told: tuple[Callable[[], None], ...] = (
        lambda: metrics.items({"accepted": 1}),
        lambda: metrics.intake_refused("moving"),
        lambda: metrics.requested(200, 0.1),
        lambda: metrics.webhook_refused("webhook-unsigned"),
        metrics.refusal_left_out,
        lambda: metrics.dead_letters({"waiting": 1}),
        lambda: metrics.intake_calls(1),
        lambda: metrics.commit_queue(1),
        lambda: metrics.disk_headroom(1),
        lambda: metrics.committed(0.1),
        lambda: metrics.checkpointed(0.1),
    )
    for tell in everything_told:
        tell()

    samples = {re.sub(r"_(bucket|sum|count)$", "", name) for name, _ in shown(metrics)}
    assert {metric.name for metric in METRICS} - samples == set()


def test_a_registry_of_ones_own_shows_them_too() -> None:
    """Whoever has a registry already gets the numbers in it, beside its own."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.committed(0.1)

    assert registry.get_sample_value("springtide_journal_commit_seconds_count") == 1
    assert b"process_cpu_seconds_total" in Metrics().render() or sys.platform != "linux"


def test_no_reason_for_parking_is_unowned() -> None:
    """The metric of unowned entries stays 0 as long as every reason names its owner."""
    assert [reason for reason, rule in PARKS.items() if not rule.owner] == []


def test_the_page_is_fresh() -> None:
    """docs/metrics.md is what scripts/list_metrics.py writes."""
    script = _script("list_metrics")

    assert (ROOT / "docs/metrics.md").read_text(encoding="utf-8") == script.page()


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"scripts_{name}", ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_hosts_counted_is_shown_where_somebody_scrapes() -> None:
    """Counters and histograms of hosts add up with our own; a host that tells again is not counted twice."""
    ours, host = Metrics(), Metrics()
    for metrics in (ours, host):
        metrics.in_ledger("DE01", [2.0, 40.0])
        metrics.items({"accepted": 3})
    ours.hear("host-1", host.tell())
    ours.hear("host-1", host.tell())
    shown = ours.render().decode()
    assert 'springtide_approval_to_ledger_seconds_count{entity="DE01"} 4.0' in shown
    assert 'springtide_approval_to_ledger_seconds_sum{entity="DE01"} 84.0' in shown
    assert 'springtide_intake_items_total{outcome="accepted"} 6.0' in shown
