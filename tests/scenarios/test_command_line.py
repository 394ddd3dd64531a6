"""The command line: what it prints and where, how it ends, and what it says to somebody who mistyped."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from runtime.cli import main
from scenarios.catalogue import all_scenarios
from scenarios.report.model import PLACES, from_json
from tests.simulators.timesheets.exports import HARVEST, harvest

TINY = ("--set", "world.firm.consultants=6", "--jobs", "1", "--quiet")
"""Six people: a tenth of a second."""
QUIET = all_scenarios()["quiet_week"]


def complaint(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line with which these words are turned down, with exit 2 and nothing on standard output."""
    code = main(words)
    said = capsys.readouterr()
    assert code == 2, said
    assert said.out == ""
    assert said.err.startswith("springtide: ")
    assert said.err.count("\n") == 1
    assert len(said.err) < 600
    return said.err.removeprefix("springtide: ").rstrip("\n")


def scenario_file(folder: Path, **changes: object) -> str:
    """quiet_week in a file, with some text of it replaced by other text."""
    text = QUIET.model_dump_json(indent=2)
    for old, new in changes.items():
        assert old in text
        text = text.replace(f'"{old}"', f'"{new}"', 1)
    path = folder / "mine.json"
    path.write_text(text, encoding="utf-8")
    return str(path)


# ------------------------------------------------------------------ bad input: one clear line and exit 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "quiet_weak",
            "scenario 'quiet_weak' is not known; did you mean quiet_week? (springtide scenarios lists them)",
        ),
        ("month-end", "scenario 'month-end' is not known; did you mean month_end? (springtide scenarios lists them)"),
    ],
)
@pytest.mark.parametrize("command", [("simulate",), ("scenarios", "describe"), ("scenarios", "diff", "quiet_week")])
def test_an_unknown_scenario_names_the_nearest(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...], name: str, said: str
) -> None:
    """A name that is nearly right is answered with the right one, wherever a scenario is asked for."""
    assert complaint(capsys, *command, name) == said


def test_a_name_near_nothing_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is near no other is answered with all of them, on one line, without its control characters."""
    said = complaint(capsys, "simulate", "zzz\n\x1b[31m")
    assert said.startswith("scenario 'zzz [31m' is not known; there are ")
    assert all(name in said for name in all_scenarios())


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("world.firm.consultnats=3", "world.firm has no field 'consultnats'; did you mean consultants?"),
        ("wurld.firm.consultants=3", "the scenario has no field 'wurld'; did you mean world?"),
        ("world.faults.99.ppm=3", "world.faults has items 0 to"),
        ("world.firm.consultants.x=1", "world.firm.consultants is a single value and has no field 'x'"),
        ("world.erp.staging.rejected_ppm=1", "world.erp.staging is not set, so it has no fields; give it whole"),
        ("world.firm.consultants=abc", "this should be a valid integer"),
        ("world.firm.consultants=1.5", "this should be a valid integer, got a number with a fractional part, not 1.5"),
        ("world.firm.consultants=-4", "this should be greater than or equal to 1, not -4"),
        ("world.firm.consultants=99999999999", "this should be less than or equal to 200000"),
        ("world.firm=3", "give an object with fields, in braces, not 3"),
        ("world.erp=nosuch", "no profile is called 'nosuch'; there are none, key_ttl"),
        ("world.firm.entity_count=99", "world.firm: 99 entities need at least as many consultants"),
        ("world.faults.0.ppm=2000000", "--set world.faults.0.ppm: this should be less than or equal to 1000000"),
        ('world.faults=[{"kind":"lost_repli"}]', "no fault is of kind 'lost_repli'; did you mean lost_reply?"),
        (
            'world.faults=[{"kind":"late_landing","ppm":1,"after_ms_low":1,"after_ms_high":9}]',
            "late_landing: after_ms_low 1 is not later than the deadline, 30000 ms",
        ),
        ('world.gates=[{"day":"last","at":"25:00"}]', "world.gates.0.at: string should match pattern"),
        ("slas.p50_s=0", "this should be greater than or equal to 1, not 0"),
        ("consultants", "give PATH=VALUE, such as world.firm.consultants=200"),
        ("=3", "give PATH=VALUE"),
        (".=3", "the scenario has no field ''"),
    ],
)
def test_an_override_that_does_not_fit(capsys: pytest.CaptureFixture[str], setting: str, said: str) -> None:
    """An unknown field or a wrong type in --set is named with its path and, where one is near, the right field."""
    complained = complaint(capsys, "simulate", "quiet_week", "--set", setting)
    assert complained.startswith("--set ")
    assert said in complained


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("consultants", "consultnats", "world.firm.consultnats: there is no such field; did you mean consultants?"),
        ("story", "stroy", "story: this field is missing; add it (and 1 more)"),
        ("lost_reply", "lost_repli", "no fault is of kind 'lost_repli'; did you mean lost_reply?"),
        ("ppm", "pmm", "there is no such field; did you mean ppm?"),
    ],
)
def test_a_scenario_file_with_a_typo(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, old: str, new: str, said: str
) -> None:
    """A typo in a scenario file is found where it stands."""
    file = scenario_file(tmp_path, **{old: new})
    complained = complaint(capsys, "simulate", file)
    assert complained.startswith(f"{file}: ")
    if new == "pmm":
        assert "world.faults.0.ppm: this field is missing" in complained
    else:
        assert said in complained


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b'{"name": "x"', "this is not JSON (line 1 column 13: expecting ',' delimiter); mend the file"),
        (b"\xff\xfe\x00{", "this is not text in UTF-8"),
        (b"\x80PNG", "this is not text in UTF-8"),
        (b"[1]", "the scenario: give an object with fields, in braces"),
        (b"[" * 100_000, "this is nested too deeply to be a scenario"),
        (b'{"name": NaN}', "name: this should be a valid string, not nan"),
    ],
    ids=["empty", "blank", "cut", "utf16", "binary", "list", "deep", "nan"],
)
def test_a_file_that_is_no_scenario(capsys: pytest.CaptureFixture[str], tmp_path: Path, raw: bytes, said: str) -> None:
    """A file that holds no scenario says why, in a line."""
    file = tmp_path / "mine.json"
    file.write_bytes(raw)
    assert complaint(capsys, "simulate", str(file)).startswith(f"{file}: {said}")


def test_a_scenario_file_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A missing file and a folder are told apart."""
    assert complaint(capsys, "simulate", str(tmp_path / "gone.json")).endswith(
        "gone.json: no such file or directory; give a scenario file"
    )
    assert complaint(capsys, "simulate", str(tmp_path) + "/").endswith("is a directory; give a scenario file")


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("unknown", b"Day,Who,How long\n2026-03-02,Ada,7\n", "its header is of no known tool (Harvest, Toggl Track"),
        ("empty", b"", "is empty; export the detailed report as CSV"),
        ("binary", b"Date\x00\x01\x02", "is binary, not text (NUL bytes)"),
        ("sheet", b"PK\x03\x04rest", "is a spreadsheet or archive (xlsx, ods, zip), not text"),
        ("header", f"{HARVEST}\n".encode(), "has no row that can be rehearsed"),
    ],
)
def test_a_timesheet_that_cannot_be_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, raw: bytes, said: str
) -> None:
    """A timesheet of unknown format, an empty and a binary one end with one line and exit 2."""
    file = tmp_path / f"{name}.csv"
    file.write_bytes(raw)
    complained = complaint(capsys, "simulate", "quiet_week", "--timesheet", str(file))
    assert file.name in complained
    assert said in complained or name == "header"


def test_a_timesheet_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A missing timesheet and a folder say so."""
    words = ("simulate", "quiet_week", "--timesheet")
    assert "there is no such file; check the path" in complaint(capsys, *words, str(tmp_path / "gone.csv"))
    assert "is a folder, not a file" in complaint(capsys, *words, str(tmp_path))


@pytest.mark.parametrize(
    "words",
    [
        ("simulate", "quiet_week", "--seed", "x"),
        ("simulate", "quiet_week", "--jobs", "x"),
        ("simulate", "quiet_week", "--jobs", "-1"),
        ("simulate", "quiet_week", "--bogus"),
        ("simulate", "quiet_week", "--plant", "nosuch"),
        ("simulate",),
        ("scenarios", "bogus"),
        ("scenarios", "diff", "quiet_week"),
        ("bogus",),
        (),
    ],
    ids=" ".join,
)
def test_bad_usage_is_one_line(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    """Arguments that cannot be used are turned down like any other input."""
    assert complaint(capsys, *words)


def test_places_that_cannot_be_written_are_found_before_the_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Nobody waits for a month to be simulated only to hear that its report has nowhere to go."""
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    words = ("simulate", "month_end_50000")
    assert "file: cannot be made (file exists)" in complaint(capsys, *words, "--out", str(file))
    assert "cannot be made (not a directory)" in complaint(capsys, *words, "--out", str(file / "deeper"))
    assert "is a folder; name the file" in complaint(capsys, *words, "--junit", str(tmp_path))
    (tmp_path / "out" / "report.html").mkdir(parents=True)
    assert "report.html: is a folder" in complaint(capsys, *words, "--out", str(tmp_path / "out"))


# ------------------------------------------------------------------ rows that are kept out


def test_rows_that_cannot_be_used_are_kept_out_and_the_others_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Each is reported with file, line, column and reason; the others run, and the counts add up."""
    file = tmp_path / "march.csv"
    good = [harvest(day=f"2026-03-{day:02}", worker=who) for day in range(2, 28) for who in ("Ada,Byron", "Alan,T")]
    bad = [harvest(hours="30"), harvest(currency="XQX"), harvest(day="2026-02-30"), harvest(day="2026-13-01")]
    file.write_text("\n".join([HARVEST, *good, *bad]), encoding="utf-8")

    code = main(["simulate", "quiet_week", "--timesheet", str(file), "--json", "--jobs", "1"])
    said = capsys.readouterr()
    report = from_json(said.out)

    assert code in (0, 1), said.err
    first = len(good) + 2
    kept = [(row.file, row.line, row.column) for row in report.kept_out]
    assert kept == [
        ("march.csv", first, "Hours"),
        ("march.csv", first + 1, "Currency"),
        ("march.csv", first + 2, "Date"),
        ("march.csv", first + 3, "Date"),
    ]
    assert all(row.reason for row in report.kept_out)
    assert f"{len(good) + len(bad)} rows: {len(good)} used, {len(bad)} kept out, 0 ignored" in said.err
    for line, column in ((first, "Hours"), (first + 1, "Currency"), (first + 2, "Date")):
        assert f"march.csv:{line}: column '{column}': " in said.err
    assert "is more than 24 hours in a day" in said.err
    assert report.approved >= len(good)
    assert sum(report.entries[place] for place in PLACES) == report.approved


# ------------------------------------------------------------------ what is printed and written


def test_json_prints_the_report_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json, standard output is the report."""
    assert main(["simulate", "quiet_week", "--json", *TINY]) in (0, 1)
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert report["scenario"] == "quiet_week"
    assert sum(report["entries"].values()) == report["approved"] > 0
    assert set(report) >= {
        "scenario", "seed", "commit", "digest", "simulated_seconds", "wall_seconds", "entries", "money", "invariants",
        "slas", "faults", "coverage", "verdict",
    }  # fmt: skip
    assert said.err == ""


def test_what_is_written_can_be_run_again(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """--out leaves report.json, report.html and scenario.json, and that scenario has the same digest again."""
    out, junit = tmp_path / "deep" / "out", tmp_path / "ci" / "junit.xml"
    words = ["--seed", "3", "--set", "world.people.volume_percent=120", *TINY]
    code = main(["simulate", "quiet_week", *words, "--out", str(out), "--junit", str(junit)])
    shown = capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "report.json", "scenario.json"]
    report = from_json((out / "report.json").read_bytes())
    assert report.verdict.exit == code
    assert report.digest[:12] in shown
    assert report.digest in (out / "report.html").read_text(encoding="utf-8")

    assert main(["simulate", str(out / "scenario.json"), "--seed", "3", "--json", "--jobs", "1"]) == code
    again = from_json(capsys.readouterr().out.encode())
    assert (again.digest, again.scenario_file) == (report.digest, str(out / "scenario.json"))
    assert report.scenario_file == ""

    suite = ElementTree.fromstring(junit.read_text(encoding="utf-8"))  # noqa: S314  our own file
    assert len(list(suite.iter("testcase"))) == len(report.invariants) + len(report.slas) + 1


def test_the_table_says_the_verdict_and_what_was_set(capsys: pytest.CaptureFixture[str]) -> None:
    """People see the verdict, the exit code and their overrides."""
    code = main(["simulate", "quiet_week", *TINY])
    shown = capsys.readouterr().out
    assert f"exit {code}" in shown
    assert "set world.firm.consultants = 6" in shown


def test_a_profile_by_name_can_be_set_and_then_changed(capsys: pytest.CaptureFixture[str]) -> None:
    """world.erp takes the name of a profile, and later overrides reach into it."""
    assert main(["scenarios", "describe", "quiet_week"]) == 0
    capsys.readouterr()
    words = ["--set", "world.erp=none", "--set", "world.erp.batch_mode=atomic", "--json", *TINY]
    assert main(["simulate", "quiet_week", *words]) in (0, 1)
    assert json.loads(capsys.readouterr().out)["overrides"]["world.erp"] == "none"


# ------------------------------------------------------------------ exit codes


@pytest.mark.parametrize(
    ("code", "word", "settings"),
    [
        (0, "held", ("slas.p50_s=86400", "slas.p95_s=86400", "slas.p99_s=86400", "slas.in_ledger_ppm=0")),
        (1, "missed", ("slas.p50_s=1",)),
        (4, "unsettled", ("world.drain_ms=3600000", "world.calm_before_end_ms=0", "world.runtime.linger_ms=86400000")),
        (5, "unknown", ('must_fire=["credential_expiry"]',)),
    ],
)
def test_the_exit_code_is_the_verdict(
    capsys: pytest.CaptureFixture[str], code: int, word: str, settings: tuple[str, ...]
) -> None:
    """0 held, 1 an SLA missed, 4 not settled, 5 nothing proved; 3 is tests/laws/test_plants.py's."""
    words = [part for setting in settings for part in ("--set", setting)]
    ended = main(["simulate", "quiet_week", "--json", *TINY, *words])
    verdict = json.loads(capsys.readouterr().out)["verdict"]
    assert (ended, verdict["exit"], verdict["word"]) == (code, code, word), verdict["sentence"]


def test_a_fault_of_our_own_proves_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A harness that breaks down ends with exit 5 and says that the input is not to blame."""

    def broken(*_: object, **__: object) -> None:
        raise AssertionError("a phase that cannot be")

    monkeypatch.setattr("scenarios.commands.simulate.simulate", broken)
    assert main(["simulate", "quiet_week", *TINY]) == 5
    said = capsys.readouterr()
    assert "a phase that cannot be" in said.err
    assert said.err.endswith("a fault of Springtide itself, not of your input; nothing is proved (exit 5)\n")


# ------------------------------------------------------------------ scenarios


def test_scenarios_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a verb and with `list`: every scenario with its people and its story."""
    assert main(["scenarios"]) == 0
    plain = capsys.readouterr().out
    assert main(["scenarios", "list"]) == 0
    assert capsys.readouterr().out == plain
    for name, scenario in all_scenarios().items():
        assert any(line.startswith(name + " ") and scenario.story in line for line in plain.splitlines())


def test_a_described_scenario_is_one_that_can_be_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What `describe` prints is a scenario file; in a file it is the same scenario."""
    assert main(["scenarios", "describe", "quiet_week"]) == 0
    file = tmp_path / "mine.json"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    assert main(["scenarios", "diff", "quiet_week", str(file)]) == 0
    assert capsys.readouterr().out == ""


def test_diff_says_where_two_scenarios_differ(capsys: pytest.CaptureFixture[str]) -> None:
    """One line a field: path, the one's value, the other's."""
    assert main(["scenarios", "diff", "quiet_week", "month_end"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert 'name: "quiet_week" -> "month_end"' in lines
    assert "world.firm.consultants: 60 -> 500" in lines


# ------------------------------------------------------------------ as it is installed


def test_the_installed_program_keeps_its_streams_apart(tmp_path: Path) -> None:
    """`springtide` as a process: the report on standard output, words on standard error, the code as the exit."""
    program = Path(sys.executable).with_name("springtide")
    words = [str(program), "simulate", "quiet_week", *TINY, "--json", "--plant", "resend_without_lookup"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["verdict"]["exit"] == done.returncode
    assert done.stderr.startswith("planted resend_without_lookup: ")
    wrong = subprocess.run(
        [str(program), "simulate", "quiet"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (wrong.returncode, wrong.stdout, wrong.stderr.count("\n")) == (2, "", 1)


def test_a_bug_that_nobody_wrote_has_a_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    """A typing error in the name of a bug is met with the bug that was meant."""
    said = complaint(capsys, "simulate", "quiet_week", "--plant", "resend_without_look")
    assert said == "--plant resend_without_look: no such bug; did you mean resend_without_lookup?"


def test_as_a_module_it_says_the_same() -> None:
    """`python -m runtime.cli` is the program `springtide`: bad input is one line and exit 2 there too."""
    asked = [sys.executable, "-m", "runtime.cli", "simulate", "nosuch"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("springtide: scenario 'nosuch' is not known")
    assert done.stderr.count("\n") == 1
