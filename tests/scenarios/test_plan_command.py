"""`springtide plan`: what it prints, how it ends, and what it says to who mistypes."""

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from runtime.cli import GROUP, main
from scenarios.model import Scenario, Slas
from simulators.settings import WorldSettings
from tests.scenarios.capacity.worlds import SLOW, TIGHT

ONE_AFTER_ANOTHER = ("--jobs", "1", "--seeds", "2")


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one command that is asked here, whatever is installed."""
    point = EntryPoint("plan", "scenarios.commands.plan:register", GROUP)
    monkeypatch.setattr("runtime.cli.entry_points", lambda group: [point])


def written(folder: Path, world: WorldSettings) -> str:
    """A scenario file with this world, which promises 99.5 % a quarter of an hour after the cut-off."""
    slas = Slas(
        p50_s=60,
        p95_s=900,
        p99_s=900,
        in_ledger_ppm=995_000,
        grace_s=900,
        oldest_in_doubt_s=900,
        oldest_staged_s=900,
        drain_s=900,
    )
    scenario = Scenario(name="small", story="Sixty people close the last week of March.", world=world, slas=slas)
    path = folder / "small.json"
    path.write_text(scenario.model_dump_json(), encoding="utf-8")
    return str(path)


def test_the_plan_is_a_table_a_file_and_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A person reads the least quota and concurrency in the vendor's units, and finds the same in the files."""
    code = main(["plan", written(tmp_path, TIGHT), *ONE_AFTER_ANOTHER, "--out", str(tmp_path / "out")])
    said = capsys.readouterr()
    told = json.loads((tmp_path / "out" / "plan.json").read_text(encoding="utf-8"))
    concurrency, quota = told["rows"][0]["findings"]
    assert (code, told["exit"], said.err) == (0, 0, "")
    assert f"{quota['least']} calls per 5 minutes" in said.out
    assert "1 concurrent request" in said.out
    assert concurrency["theory"]["most"] is not None
    assert "queueing theory" in said.out
    assert "--validate" in said.out
    assert (tmp_path / "out" / "plan.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_json_is_the_plan_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output is JSON; with --validate the error of counting is in it."""
    words = ["plan", written(tmp_path, TIGHT), *ONE_AFTER_ANOTHER, "--find", "quota", "--validate", "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["validation"]["months"] == 3
    assert told["validation"]["agree"] == told["validation"]["entities"] == 6
    assert [finding["knob"] for finding in told["rows"][0]["findings"]] == ["quota"]


def test_a_range_that_holds_nothing_ends_with_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A CI system sees that no setting in the range is enough."""
    words = ["plan", written(tmp_path, TIGHT), *ONE_AFTER_ANOTHER, "--quota", "1", "--find", "quota"]
    assert main([*words, "--quota-range", "1..2"]) == 1
    assert "none from 1 to 2" in capsys.readouterr().out
    assert main([*words, "--quota-range", "1..24"]) == 0


def test_several_values_make_a_row_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Volumes and windows are compared side by side, and a quota of another window is said in its own unit."""
    words = ["plan", written(tmp_path, TIGHT), *ONE_AFTER_ANOTHER, "--find", "none", "--json"]
    assert main([*words, "--volume", "1,2", "--maintenance", "none,17:00-18:30", "--quota", "30/60"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [(row["setting"]["volume_percent"], row["setting"]["maintenance"]) for row in rows] == [
        (100, "none"),
        (100, "17:00-18:30"),
        (200, "none"),
        (200, "17:00-18:30"),
    ]
    assert "30 calls per minute" in rows[0]["words"]
    assert rows[1]["binds"] == "ERP closed"


def test_an_erp_without_a_quota_is_asked_for_concurrency_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a vendor limits only requests at once, only their number is found."""
    assert main(["plan", written(tmp_path, SLOW), *ONE_AFTER_ANOTHER, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert [finding["knob"] for finding in row["findings"]] == ["concurrency"]
    assert row["findings"][0]["answer"].endswith("concurrent requests")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--concurrency", "0"), "--concurrency '0': give a whole number from 1 to 1000, or several: 1,2,4"),
        (("--quota", "many"), "--quota 'many': give a whole number from 1"),
        (("--quota", "5/0"), "--quota '0': give a whole number from 1 to 86400"),
        (("--batch", "501"), "--batch '501'"),
        (("--volume", "0.5"), "--volume '0.5': give a number from 1 to 5"),
        (("--volume", "nan"), "--volume 'nan'"),
        (("--maintenance", "five o'clock"), "give a window such as 17:00-19:00, or none"),
        (("--find", "happiness"), "--find 'happiness': give concurrency, quota, both or none"),
        (("--quota-range", "9..2"), "--quota-range '9..2': give the least and the most"),
        (("--seeds", "0"), "--seeds 0: give 1 or more"),
        (("--jobs", "-1"), "--jobs -1: give 1 or more"),
        (("--grace", "-1"), "--grace -1: give 0 or more minutes"),
        (("--share", "101"), "--share 101: give --share PERCENT"),
        (("--host-rows", "0"), "--host-rows 0: give 1 or more"),
        (("--concurrency", "1,2,3,4,5", "--batch", "1,2,3,4,5"), "these values make 25 settings"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path, words: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was wrong, and how to mend it, in one line on standard error; exit 2."""
    assert main(["plan", written(tmp_path, TIGHT), *words]) == 2
    said = capsys.readouterr()
    assert complaint in said.err
    assert (said.out, said.err.count("\n")) == ("", 1)


def test_a_scenario_that_promises_nothing_has_to_be_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a share in the SLAs nobody can say what is enough."""
    path = written(tmp_path, TIGHT)
    told = json.loads(Path(path).read_text(encoding="utf-8"))
    told["slas"]["in_ledger_ppm"] = 0
    Path(path).write_text(json.dumps(told), encoding="utf-8")
    assert main(["plan", path]) == 2
    assert "small promises no share: give --share PERCENT" in capsys.readouterr().err
    assert main(["plan", path, *ONE_AFTER_ANOTHER, "--share", "99", "--find", "none"]) == 0


def test_a_folder_that_cannot_be_made_is_said_before_anything_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file in the place of the folder ends the command at once."""
    (tmp_path / "out").write_text("", encoding="utf-8")
    assert main(["plan", written(tmp_path, TIGHT), "--out", str(tmp_path / "out" / "plan")]) == 2
    assert "give a folder you may write to" in capsys.readouterr().err
