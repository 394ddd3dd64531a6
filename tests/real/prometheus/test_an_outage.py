"""A real Prometheus before a running runtime: an ERP goes away, somebody is told, and told when it is over."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from scenarios.live.deployment import START_SECONDS, Deployment, MockFirm
from scenarios.live.parts import wait_for
from scenarios.live.prometheus import RULES, AlertLog, APrometheus
from tests.deploy.a_rule_book import metric_of

AWAY_S = 8
ACCOUNT = {
    "call_deadline_ms": 500,
    "late_landing_ms": 500,
    "probe_first_ms": 500,
    "probe_max_ms": 1_000,
    "quota_calls": 1_000_000,
    "batch_max": 10,
}


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A runtime of one process with mock systems, which knows its reference data; both tests take turns with it."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed; scripts/install_prometheus.sh does")
    folder = tmp_path_factory.mktemp("runtime")
    with ExitStack() as stack:
        journal = {"journal": {"kind": "sqlite", "directory": str(folder / "journal")}}
        made = Deployment(stack, folder, MockFirm(entities=2, regions=1, accounts=1), journal, account=ACCOUNT)
        gateway = stack.enter_context(made.serve())
        gateway.hears(START_SECONDS)
        made.publish_reference_data()
        yield made


pytestmark = pytest.mark.xdist_group("prometheus")


def deliver(deployment: Deployment, entries: int) -> None:
    """The source approves so many and delivers them."""
    events = deployment.mocks.must("POST", "/admin/approve", {"entries": entries})
    deployment.gateway.must("POST", "/v1/bulk", events, "application/x-ndjson")


def test_an_outage_of_the_erp_fires_its_alert_and_resolves_it(deployment: Deployment, tmp_path: Path) -> None:
    """The shipped rules, in a hurry: AccountBroken fires while the ERP is away, and ends after it is back."""
    with (
        APrometheus(tmp_path, deployment.gateway_url, deployment.key) as prometheus,
        AlertLog(prometheus, every_s=0.2) as log,
    ):
        prometheus.until_scraped(START_SECONDS)
        deliver(deployment, 20)
        # Logged in, with something in the ledger: from here on it is the ERP that is away, and not the login.
        wait_for("the first stand", 20, lambda: prometheus.number("sum(springtide_entries{place='posted'})") == 20)
        assert prometheus.firing("AccountBroken") == []

        deployment.mocks.must("POST", "/admin/away", {"seconds": AWAY_S, "style": "reset"})
        # So many that batches are left for probes: what is in doubt is asked about ever more rarely.
        deliver(deployment, 400)

        (alert,) = prometheus.until_alert("AccountBroken", 20)
        assert alert.labels["severity"] == "page"
        assert alert.labels["account"] in deployment.settings.accounts
        assert (RULES.parents[1] / alert.runbook).is_file()
        forecasts = deployment.gateway.must("GET", "/v1/status")["forecasts"]
        held = [one for one in forecasts if one["held_by"]]
        assert [one["current"]["expected_ms"] for one in held if one["waiting"]] != []
        assert {one["current"]["expected_ms"] for one in held if one["waiting"]} == {None}

        prometheus.until_no_alert("AccountBroken", 30)
        (fired,) = wait_for(
            "the log has it", 5, lambda: [one for one in log.fired if one.alert == alert and one.ended_ms]
        )
        assert fired.ended_ms > fired.began_ms
        wait_for("it goes on", 20, lambda: prometheus.number("sum(springtide_entries{place='posted'})") > 20)


def test_what_it_scrapes_is_what_the_page_lists(deployment: Deployment, tmp_path: Path) -> None:
    """Every series that arrives is a metric of docs/metrics.md, or one of the process; forecasts are among them."""
    with APrometheus(tmp_path, deployment.gateway_url, deployment.key) as prometheus:
        prometheus.until_scraped(START_SECONDS)
        wait_for("a forecast", 20, lambda: prometheus.number("count(springtide_forecast_clears_in_seconds)"))
        names = prometheus.series_names()

    ours = {name for name in names if name.startswith("springtide_")}
    assert len(ours) > 30
    assert sorted(name for name in ours if metric_of(name) is None) == []
