"""Whole exercises over real sockets: a naive integration, a careful one, and our own runtime."""

import asyncio
import json
import sys
from argparse import ArgumentParser
from pathlib import Path

import pytest

from scenarios.commands.conform import register
from scenarios.conform.card import CLEAN, WRONG, Card, judge
from scenarios.conform.exercise import FAULTS, Plan, exercise
from scenarios.conform.ours import our_runtime
from scenarios.live.parts import LOOPBACK, free_port
from scenarios.live.timeline import TimeLine
from simulators.auditors.finding import VIOLATED

EXAMPLES = Path(__file__).resolve().parents[3] / "docs" / "examples"
NAIVE = (sys.executable, str(EXAMPLES / "naive_integration.py"))
CAREFUL = (sys.executable, str(EXAMPLES / "careful_integration.py"))


def exercised(plan: Plan, folder: Path) -> Card:
    """The card of an exercise."""
    return judge(asyncio.run(exercise(plan, folder, TimeLine(lambda moment: None), lambda environ: None)))


def violated(card: Card) -> list[str]:
    """The lines that did not hold, for messages too."""
    return [line.id for line in card.lines if line.verdict == VIOLATED]


def test_a_naive_integration_fails_in_many_ways_and_each_is_named(tmp_path: Path) -> None:
    """What people really write bills twice, loses, prices wrong, tells the PSA untruths and hammers the ERP."""
    faults = tuple(name for name in FAULTS if name not in ("closed_period", "maintenance"))
    url = f"http://{LOOPBACK}:{free_port()}/hook"

    card = exercised(Plan(url=url, command=NAIVE, entries=40, faults=faults, quiet_s=6.0), tmp_path)

    assert card.exit == WRONG, card.failed
    assert set(violated(card)) >= {
        "doubles",
        "losses",
        "wrong_amounts",
        "withdrawn_work",
        "false_status",
        "retry_after",
        "step_lost_replies",
        "step_duplicates",
        "step_missing",
        "step_late_project",
        "step_corrections",
        "step_withdrawals",
    }
    assert "step_calm" not in violated(card)
    assert "billed twice" in next(line.example for line in card.lines if line.id == "doubles")


def test_a_careful_integration_that_is_none_of_ours_gets_a_clean_card(tmp_path: Path) -> None:
    """Whoever asks before it sends again and mends what differs is cleared, without any part of our runtime."""
    faults = ("lost_replies", "missing", "corrections", "withdrawals", "kill")

    card = exercised(Plan(command=CAREFUL, entries=40, faults=faults), tmp_path)

    assert (card.exit, violated(card), card.failed) == (CLEAN, [], "")
    assert [line.id for line in card.lines if line.verdict == "unknown"] == ["retry_after", "maintenance"]


def test_our_own_runtime_gets_a_clean_card(tmp_path: Path) -> None:
    """Every misfortune, a kill among them, and every line holds."""
    card = exercised(our_runtime(Plan(entries=60), tmp_path), tmp_path)

    assert (card.exit, violated(card), card.failed) == (CLEAN, [], "")
    assert {line.verdict for line in card.lines} == {"held"}
    assert card.entries == card.standing + sum(
        int(line.seen.split()[0]) for line in card.lines if line.id == "step_withdrawals"
    )


def test_the_command_prints_a_card_and_writes_it_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json standard output is the card alone; --out has it too, as JSON and as JUnit XML."""
    parser = ArgumentParser()
    register(parser.add_subparsers())
    asked = ["--run", " ".join(CAREFUL), "--faults", "missing", "--entries", "40", "--json", "--quiet"]
    arguments = parser.parse_args(["conform", *asked, "--out", str(tmp_path / "out")])

    code = arguments.run(arguments)
    told = json.loads(capsys.readouterr().out)

    assert (code, told["exit"], told["faults"]) == (0, 0, ["missing"])
    assert json.loads((tmp_path / "out" / "card.json").read_text())["lines"] == told["lines"]
    assert "springtide.conform.the books" in (tmp_path / "out" / "junit.xml").read_text()
    assert any("the integration has the reference data" in one["text"] for one in told["time_line"])


def test_who_does_nothing_proves_nothing(tmp_path: Path) -> None:
    """An integration that takes every webhook and posts none is not clean."""
    script = tmp_path / "silent.py"
    port = free_port()
    script.write_text(
        "import http.server\n"
        "class Hook(http.server.BaseHTTPRequestHandler):\n"
        "    def do_POST(self):\n"
        "        self.rfile.read(int(self.headers['Content-Length']))\n"
        "        self.send_response(200)\n"
        "        self.end_headers()\n"
        f"http.server.HTTPServer(('{LOOPBACK}', {port}), Hook).serve_forever()\n"
    )
    plan = Plan(url=f"http://{LOOPBACK}:{port}/", command=(sys.executable, str(script)), entries=40, quiet_s=2.0)

    card = exercised(plan, tmp_path)

    assert card.standing == 0
    assert card.exit == 5
    assert "posted nothing" in card.sentence
