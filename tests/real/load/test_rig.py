"""The rig of a load run: a small firm's last minutes, over real sockets, with a real process that dies."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scenarios.catalogue import all_scenarios
from scenarios.choose import override
from scenarios.live.timeline import TimeLine
from scenarios.load.profile import LoadProfile, load_profile
from scenarios.load.results import SAMPLES, STRIKES, read_findings
from scenarios.load.rig import load_rig
from scenarios.load.verdict import LoadReport, judge_load
from scenarios.report.load_files import write_load
from tests.real.load.a_sender import ASender

QUICK = (
    "world.erp.quota=null",
    'world.erp.latency={"p50_ms": 20, "p99_ms": 60, "per_row_us": 10, "door_ms": 1}',
    "world.psa.latency_low_ms=1",
    "world.psa.latency_high_ms=4",
    "world.runtime.linger_ms=100",
    "world.runtime.tell_linger_ms=200",
    "world.runtime.call_deadline_ms=1000",
    "world.runtime.late_landing_ms=1000",
    "world.runtime.restart_ms=200",
)
MINUTE_MS = 60_000
OUTAGE = {"kind": "maintenance_unannounced", "day": "last", "at": "17:50", "lasts_ms": 4 * MINUTE_MS}
KILLS = {"kind": "random_crashes", "ppm": 1_000_000, "draws": 20}
"""Twenty times a day for each of two entities: one of them is in the window of these tests, after the outage."""


def profile(*faults: Mapping[str, Any]) -> LoadProfile:
    """Ten minutes before the cut-off and one after it in five and a half seconds."""
    asked = [*QUICK, f"world.faults={json.dumps(faults)}"]
    scenario, _ = override(all_scenarios()["quiet_week"], asked)
    return load_profile(scenario, from_ms=-10 * MINUTE_MS, until_ms=MINUTE_MS, factor=120, volume=2.0, settle_ms=60_000)


def loaded(folder: Path, *faults: Mapping[str, Any], until_ms: int | None = None) -> LoadReport:
    """The report of such a load; with `until_ms` it is cut off there."""
    with load_rig(profile(*faults), folder, TimeLine(lambda moment: None)) as rig:
        sender = ASender(rig, folder)
        if until_ms is None:
            sender.send_all()
            rig.settle(60)
        else:
            sender.send_all(until_ms)
        sender.finish(interrupted=until_ms is not None)
    return judge_load(folder)


def test_outages_and_kills_lose_nothing_and_post_nothing_twice(tmp_path: Path) -> None:
    """The ERP is away and the process is killed in the middle of a load, at the scenario's instants; afterwards every
    version stands once, the journals know it, and the run says what happened."""
    report = loaded(tmp_path, OUTAGE, KILLS)

    whole, run, findings = report.truth.whole, report.truth.run, read_findings(tmp_path)
    assert findings is not None
    assert report.verdict.exit in (0, 1), report.verdict.sentence
    assert {one.status for one in report.invariants} == {"held"}
    assert [one.id for one in report.invariants] == ["B1", "B2", "B3", "B4", "B5", "B6"]
    assert whole.standing == whole.due > 50
    assert (whole.unsettled, whole.parked, whole.refused) == (0, 0, 0)
    assert {one.kind for one in run.outages} == {"maintenance_unannounced", "killed"}
    assert findings.settled
    assert (findings.acknowledged, findings.acknowledged_unknown) == (whole.versions, 0)
    assert findings.unstruck == ()
    assert {row.kind for row in STRIKES.read(tmp_path)} >= {"maintenance_unannounced", "killed"}
    assert any(row.outcome == "maintenance" for row in report.doors)
    assert max(row.runtime_rss_kb for row in SAMPLES.read(tmp_path)) > 10_000


def test_a_load_that_is_cut_off_is_marked_as_a_part(tmp_path: Path) -> None:
    """Half-way through somebody has had enough: what was sent by then is counted, nothing is lost, and every file of
    the report says that it is of a part."""
    report = loaded(tmp_path, until_ms=2_500)
    page = write_load(report, tmp_path, tmp_path / "junit.xml")

    assert report.verdict.exit == 5
    assert "interrupted" in report.verdict.sentence
    assert report.truth.whole.versions > 0
    assert (report.truth.whole.lost, report.truth.whole.double, report.truth.whole.invented) == (0, 0, 0)
    assert "PART OF A RUN" in page.read_text()
    assert json.loads((tmp_path / "report.json").read_text())["partial"] is True
    assert "<error" in (tmp_path / "junit.xml").read_text()
