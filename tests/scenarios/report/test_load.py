"""The report of a load run: page, table and files."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from runtime.cli import BadInputError
from scenarios.load.results import (
    DOORS,
    REQUESTS,
    SAMPLES,
    STRIKES,
    Outage,
    RequestRow,
    SampleRow,
    StrikeRow,
    write_findings,
)
from scenarios.load.verdict import LoadReport, judge_load
from scenarios.report.load_files import FILES, curves_csv, entities_csv, load_json, load_junit, write_load
from scenarios.report.load_page import load_page
from scenarios.report.load_plots import RunAxis, panels
from scenarios.report.load_table import print_load
from scenarios.report.table import console_for
from tests.scenarios.load.a_run import CUTOFF_MS, approved, folder_of, landed
from tests.scenarios.load.test_verdict import CALENDAR, CLEAN, full_doors
from tests.scenarios.report.test_html import HOSTILE, Reader

KILLED = Outage(kind="killed", from_ms=20_000, until_ms=23_000)
AWAY = Outage(kind="maintenance_unannounced", what="erp-emea-1", from_ms=60_000, until_ms=90_000)


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> LoadReport:
    """A run in which one entity was late against a small quota, with everything that a run can have."""
    folder = tmp_path_factory.mktemp("late")
    rows = [approved(f"E-{n}", CUTOFF_MS - 1_000 - n, entity="DE01" if n % 2 else "GB01") for n in range(60)]
    lines = [landed(row.entry, CUTOFF_MS + 2_000, entity="DE01") for row in rows if row.entity == "DE01"]
    left = [(row.entry, "in_flight") for row in rows if row.entity == "GB01"]
    folder_of(folder, rows, lines, left, outages=(KILLED, AWAY))
    full_doors(folder)
    REQUESTS.write(folder, [RequestRow(at, at + 1, at + 30, "managers", 202, 1, 1, 0, 0) for at in range(60)])
    SAMPLES.write(
        folder, [SampleRow(at * 1_000, 90_000 + at, 0, 50_000, 0, at * 900, 5, 0, 1, 0, 9, 0) for at in range(9)]
    )
    STRIKES.write(folder, [StrikeRow(20_000, "killed", 1), StrikeRow(61_000, "lost_reply", 7)])
    write_findings(folder, CLEAN.model_copy(update={"not_tried": ("clock step: the clock is the machine's",)}))
    return judge_load(folder, CALENDAR)


def marked(report: LoadReport) -> LoadReport:
    """The same, of a run that was cut off."""
    run = report.truth.run.model_copy(update={"interrupted": True})
    return replace(report, truth=replace(report.truth, run=run))


def text_of(report: LoadReport, **more: Any) -> str:
    """What the terminal shows."""
    out = io.StringIO()
    print_load(report, console_for(out), **more)
    return out.getvalue()


def test_the_page_is_well_formed_and_asks_nobody(late: LoadReport) -> None:
    """Each element is closed by its own end, no reference leads out of the file, and there are no scripts but ours."""
    text = load_page(late, "springtide load --demo")
    reader = Reader(text)
    assert reader.open == []
    assert reader.scripts == 2
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert not {"src", "href"} & {name for _, attributes in reader.tags for name in attributes}


def test_the_page_tells_who_was_late_and_what_binds(late: LoadReport) -> None:
    """With the sum behind it, the targets' arithmetic, what was away, and what was not tried."""
    words = " ".join(Reader(load_page(late)).words)
    for said in ("Who was late, and what binds", "ERP quota", "40 of 40 calls", "/ 20", "clock step", "never"):
        assert said in words, said
    assert "PART OF A RUN" not in words


def test_a_part_of_a_run_is_marked_wherever_it_is_told(late: LoadReport) -> None:
    """On the page in red and in its title, in the table, in the JSON and in every line of the CSV."""
    part = marked(late)
    page = load_page(part)
    assert 'class="part-of-a-run"' in page
    assert 'class="partial"' in page
    assert 'class="part"' in page
    assert "<title>PART OF A RUN" in page
    assert "PART OF A RUN" in text_of(part)
    assert json.loads(load_json(part))["partial"] is True
    assert {row["part_of_a_run"] for row in csv.DictReader(io.StringIO(entities_csv(part)))} == {"1"}
    assert {row["part_of_a_run"] for row in csv.DictReader(io.StringIO(entities_csv(late)))} == {"0"}


def test_no_name_becomes_a_tag(late: LoadReport) -> None:
    """Whatever an entity, a misfortune or a command is called."""
    strange = replace(late, strikes=[StrikeRow(1, HOSTILE, 1)])
    strange.truth.entities[0].name, before = HOSTILE, strange.truth.entities[0].name
    reader = Reader(load_page(strange, HOSTILE))
    strange.truth.entities[0].name = before
    assert reader.scripts == 2
    assert "img" not in [tag for tag, _ in reader.tags]


def test_every_panel_has_what_was_measured(late: LoadReport) -> None:
    """Rates, backlog, percentiles of posting and of answers, doubt, memory, and the machine."""
    drawn = {panel.name: {curve.name: curve.peak for curve in panel.curves} for panel in panels(late)}
    assert drawn["Versions a second"] == {"posted": 30, "accepted": 60, "offered": 59}
    assert drawn["Backlog (versions)"] == {"backlog": 60}
    assert drawn["Answers over HTTP"] == {"p99": 30, "p95": 30, "p50": 30}
    assert drawn["Approval to posting"]["p99"] >= 3_000
    assert drawn["Memory (MB)"]["runtime"] == 87
    assert drawn["Busy share of cores"] == {"busy": 45}


def test_a_simulated_run_has_a_page_without_what_nobody_measured(tmp_path: Path) -> None:
    """No answers, no machine, no findings."""
    rows = [approved("E-1"), approved("E-2")]
    folder = folder_of(tmp_path, rows, [landed("E-1"), landed("E-2")], None, kind="simulated", generator=None)
    page = load_page(judge_load(folder, CALENDAR))
    assert "Simulated, not measured" in page
    assert "Answers over HTTP" not in page
    assert "Memory (MB)" not in page


def test_the_axis_counts_seconds_of_the_run() -> None:
    """Three minutes have a label every fifteen seconds, and no weekend."""
    axis = RunAxis(0, 180_000)
    assert [words for _, words in axis.ticks()][:3] == ["0 s", "15 s", "30 s"]
    assert (axis.weekends(), axis.says(61_500)) == ([], "61.5 s")


def test_the_table_is_for_people_in_a_hurry(late: LoadReport) -> None:
    """The verdict, what was missed, who was late, and what to open; nothing wider than a terminal."""
    text = text_of(late, page=Path("out/report.html"), again="springtide load --demo")
    for said in ("GB01", "ERP quota", "exit 1 (missed)", "open out/report.html", "springtide load --demo", "0 double"):
        assert said in text, said
    assert max(map(len, text.splitlines())) <= 100


def test_a_console_without_colours_has_the_same_words(late: LoadReport) -> None:
    """Words carry the meaning."""
    out = io.StringIO()
    print_load(late, Console(file=out, no_color=True, width=100))
    assert "missed" in out.getvalue()


def test_machines_read_counts_curves_and_what_binds(late: LoadReport) -> None:
    """JSON with the verdict, one line of CSV for each entity and one for all, and one for each step."""
    told = json.loads(load_json(late))
    assert told["verdict"]["exit"] == 1
    assert [(one["entity"], one["binds"]) for one in told["late"]] == [("GB01", "ERP quota")]
    assert told["whole"]["versions"] == 60
    assert told["run"]["profile"]["scenario"]["name"] == "quiet_week"
    rows = {row["entity"]: row for row in csv.DictReader(io.StringIO(entities_csv(late)))}
    assert list(rows) == ["DE01", "GB01", "all"]
    assert (rows["GB01"]["late"], rows["GB01"]["binds"], rows["GB01"]["unsettled"]) == ("30", "ERP quota", "30")
    steps = list(csv.DictReader(io.StringIO(curves_csv(late))))
    assert sum(int(row["approved"]) for row in steps) == 60
    assert len(steps) == len(told["curves"]["backlog"])


def test_ci_sees_every_promise_and_whether_the_run_proved_anything(late: LoadReport) -> None:
    """A failure for what was missed, with its sum and who was late; an error where a run proved nothing."""
    suite = ElementTree.fromstring(load_junit(late))[0]  # noqa: S314  # we have just written it
    failed = {
        case.get("name"): case[0].text or "" for case in suite.iter("testcase") if case.find("failure") is not None
    }
    assert "legal entities that were late" in failed
    assert "Late: GB01 by 30 (ERP quota)" in failed["legal entities that were late"]
    assert suite.get("errors") == "0"
    part = replace(marked(late), verdict=replace(late.verdict, exit=5, word="unknown"))
    assert ElementTree.fromstring(load_junit(part))[0].get("errors") == "1"  # noqa: S314  # likewise


def test_every_file_is_written_or_the_reason_is_told(late: LoadReport, tmp_path: Path) -> None:
    """The page, the JSON, the tables and the CI file; a folder that cannot be written to is one line."""
    page = write_load(late, tmp_path / "out", tmp_path / "ci" / "junit.xml")
    assert page.name == "report.html"
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(FILES)
    assert (tmp_path / "ci" / "junit.xml").is_file()
    (tmp_path / "a_file").write_text("")
    with pytest.raises(BadInputError, match="cannot be written"):
        write_load(late, tmp_path / "a_file")
    assert DOORS.name not in FILES
