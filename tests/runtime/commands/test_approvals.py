"""`springtide approvals`: lines, approve and recount against the application itself; the example; what is assumed."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from runtime.cli import BadInputError, Parser
from runtime.commands import approvals
from runtime.commands.approvals import assumptions, register
from runtime.ports import Request
from tests.runtime.approvals.a_tracker import settings, tracked
from tests.runtime.approvals.test_app import Service, a_service

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """With two records of Anna: one waits, one runs."""
    made, tracker = a_service(tmp_path)
    tracker.put("anna", tracked("runs", minutes=0))
    made.read_tracker()
    return made


@pytest.fixture
def run(service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command as Max types it; (exit code, output, errors)."""

    def send(url: str, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        answer = service.ask(Request(method, target, headers, body))
        return answer.status, answer.body

    def typed(*words: str) -> tuple[int, str, str]:
        monkeypatch.setenv("SPRINGTIDE_KEY", service.keys["max"])
        parser = Parser(prog="springtide")
        register(parser.add_subparsers(required=True))
        arguments = parser.parse_args(["approvals", *words])
        arguments.send = send
        code: int = arguments.run(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return typed


def test_lines_are_shown_with_what_has_to_happen(run: Run) -> None:
    """What waits is a line of words; what is no line says who has to do what."""
    code, out, err = run("lines")

    assert code == 0
    assert out.splitlines() == [
        "unfit  anna  running: its timer runs; its owner stops it",
        "waiting  anna  2026-11-16  1 h  P-ALPINE  Consulting  design",
    ]
    assert err == "lines: 2\n"


def test_lines_for_programs_are_json_and_nothing_else(run: Run) -> None:
    """--json prints what the service says."""
    code, out, _ = run("lines", "--state", "waiting", "--json")

    told: dict[str, Any] = json.loads(out)
    assert (code, [line["state"] for line in told["lines"]]) == (0, ["waiting"])


def test_approve_takes_everything_that_waits_and_is_chosen(run: Run, service: Service) -> None:
    """What is approved already, or no line, is not asked about; a second time nothing waits."""
    assert run("approve", "--user", "ben") == (0, "", "nothing waits\n")
    assert run("approve", "--from", "2026-11-16", "--until", "2026-11-22")[:2] == (0, "1 approved\n")
    assert run("approve") == (0, "", "nothing waits\n")
    assert service.book.counts()["approved"] == 1


def test_who_may_not_approve_is_told_by_the_exit_code(run: Run, service: Service) -> None:
    """Ben's approver is Eva: Max is told, and the command did not do what it was asked."""
    service.book.capture("ben", [tracked()])

    assert run("approve", "--user", "ben")[:2] == (1, "1 not_theirs\n")


def test_a_recount_says_what_it_found(run: Run) -> None:
    """People, records, and how many of them had been lost."""
    code, out, _ = run("recount", "--from", "2026-11-16", "--until", "2026-11-22")

    assert (code, out) == (0, "people: 2, records: 2, news: 0, of it lost by readings: 0\n")


def test_a_refusal_is_one_line(run: Run) -> None:
    """A day that is none is refused by the service, and said with exit 1."""
    code, out, err = run("lines", "--from", "monday")

    assert (code, out) == (1, "")
    assert "'from' is a day" in err


def test_a_configuration_that_is_wrong_does_not_start(tmp_path: Path) -> None:
    """Exit 2 with all mistakes, before anything is opened."""
    path = tmp_path / "approvals.toml"
    path.write_text(approvals.EXAMPLE.replace("Europe/Berlin", "nowhere"), encoding="utf-8")
    parser = Parser(prog="springtide")
    register(parser.add_subparsers(required=True))
    arguments = parser.parse_args(["approvals", "serve", "--config", str(path)])

    with pytest.raises(BadInputError, match="is no time zone"):
        arguments.run(arguments)


def test_what_is_assumed_is_said_at_the_start() -> None:
    """Whom we read, and what an overlap can and cannot do; without one, that rows will be lost."""
    given = settings()
    without = given.model_copy(update={"tracker": given.tracker.model_copy(update={"overlap_ms": 0})})

    assert "no put of the tracker takes longer than 60000 ms" in assumptions(given)[1]
    assert "lost until a recount" in assumptions(without)[1]
    assert "people configured: 2." in assumptions(given)[0]
