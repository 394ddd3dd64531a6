"""`springtide certify`: what it writes, how it ends, what changed since, and what it says to who mistypes."""

import argparse
import contextlib
import io
import json
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest

from runtime.cli import BadInputError, Parser, main
from scenarios.certify import trial
from scenarios.certify.certificate import read
from scenarios.choose import with_plant
from scenarios.commands import certify
from scenarios.report.certificate_page import WORDS, certificate_page
from simulators.plants.catalogue import PLANTS
from simulators.run import Outcome, simulate
from simulators.settings import WorldSettings
from tests.scenarios.certify.a_certificate import a_certificate
from tests.scenarios.report.test_html import HOSTILE, Reader

SUITE = """
name = "ours"
story = "What a test wants to try before it says go."
scenarios = ["quiet_week"]
seeds = 1

[variants.small]
story = "Twelve people instead of sixty."
set = { "world.firm.consultants" = 12 }

[swarm]
seeds = 1
population = "swarm"
"""


class Said(NamedTuple):
    """The exit code and both outputs."""

    code: int
    out: str
    err: str


def springtide(*argv: str) -> Said:
    """Run the subcommand as `runtime.cli.main` does."""
    parser = Parser(prog="springtide")
    certify.register(parser.add_subparsers(dest="command", required=True))
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            arguments: argparse.Namespace = parser.parse_args(["certify", *argv, "--jobs", "1"])
            code = arguments.run(arguments)
        except BadInputError as bad:
            err.write(f"springtide: {bad}\n")
            code = 2
    return Said(code, out.getvalue(), err.getvalue())


@pytest.fixture
def suite(tmp_path: Path) -> str:
    """A suite of two small runs and two seeds."""
    path = tmp_path / "ours.toml"
    path.write_text(SUITE, encoding="utf-8")
    return str(path)


def test_a_suite_becomes_a_certificate(suite: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything of the suite is on it, standard output is the JSON alone, and its command shows the same run again."""
    out = tmp_path / "out"

    said = springtide(suite, "--out", str(out), "--json")

    made = read(out / "certificate.json")
    assert said.code == made.ruling.exit == 0, made.ruling
    assert json.loads(said.out) == json.loads((out / "certificate.json").read_text(encoding="utf-8"))
    assert [(cell.key, cell.seeds) for cell in made.cells] == [("quiet_week", [1]), ("quiet_week/small", [1])]
    assert made.swarm is not None
    assert made.swarm.seeds == 1
    assert made.coverage.runs == 3
    assert made.difference is None
    command = shlex.split(next(one.command for one in made.worst if one.cell == "quiet_week/small"))
    assert main([*command[1:], "--json", "--jobs", "1", "--quiet"]) == 0
    digest = next(run.digest for run in made.runs if run.cell == "quiet_week/small")
    assert json.loads(capsys.readouterr().out)["digest"] == digest
    page = (out / "certificate.html").read_text(encoding="utf-8")
    assert page == certificate_page(made)
    assert WORDS[0] in page


def test_the_next_certificate_says_what_changed(suite: str, tmp_path: Path) -> None:
    """The one before stays beside it; the same again changes nothing, and one that is named is taken instead."""
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    springtide(suite, "--out", str(out))
    first = (out / "certificate.json").read_bytes()

    again = springtide(suite, "--out", str(out), "--seeds", "2")

    since = read(out / "certificate.json").difference
    assert since is not None
    assert (out / "previous.json").read_bytes() == first
    assert "quiet_week: seed 2" in since.newly_tried
    assert "2 newly tried" in again.out
    springtide(suite, "--out", str(elsewhere), "--against", str(out / "previous.json"))
    since = read(elsewhere / "certificate.json").difference
    assert since is not None
    assert (since.better, since.worse, since.newly_tried, since.no_longer_tried) == ([], [], [], [])


def test_a_bug_in_the_core_is_no_go(suite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong books end with 3, the entry and the money are named, and the command to see it is printed."""
    plant = PLANTS["resend_without_lookup"]

    def buggy(world: WorldSettings, seed: int, *, jobs: int, watched: bool) -> Outcome:
        return simulate(with_plant(world, plant), seed, jobs=jobs, watched=watched, plant=plant.name)

    monkeypatch.setattr(trial, "simulate", buggy)
    out = tmp_path / "out"

    said = springtide(suite, "--out", str(out))

    made = read(out / "certificate.json")
    assert said.code == made.ruling.exit == 3
    assert made.worst[0].exit == 3
    assert any(one.amount_minor for one in made.worst[0].wrong)
    assert made.worst[0].command in said.out.replace("\n", " ")
    assert WORDS[3] in (out / "certificate.html").read_text(encoding="utf-8")


def test_a_missed_target_is_not_yet(suite: str, tmp_path: Path) -> None:
    """Ten times the load on the same quota misses targets and leaves the books right: exit 1."""
    path = tmp_path / "heavy.toml"
    heavy = SUITE.replace('"world.firm.consultants" = 12', '"world.people.volume_percent" = 400')
    path.write_text(heavy, encoding="utf-8")

    said = springtide(str(path), "--out", str(tmp_path / "out"))

    made = read(tmp_path / "out" / "certificate.json")
    assert said.code == made.ruling.exit == 1, made.ruling
    assert any(sla.held < sla.runs for sla in made.cells[1].slas)
    assert all(sla.held == sla.runs for sla in made.cells[0].slas)


def test_a_blind_harness_tries_nothing(suite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the planted bug is not caught, no run is made and the exit is 5."""
    monkeypatch.setattr(certify, "blind", lambda: "nothing fired")

    said = springtide(suite, "--out", str(tmp_path / "out"))

    made = read(tmp_path / "out" / "certificate.json")
    assert (said.code, made.runs, made.cells, made.swarm) == (5, [], [], None)
    assert "nothing fired" in said.out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("nosuch",), "suite nosuch is not known"),
        (("smoke", "--seeds", "0"), "--seeds 0: give 1 or more"),
        (("smoke", "--load", "hour"), "--load hour: give NAME=DIR"),
        (("smoke", "--load", "hour=x"), "the suite has no load run hour; it has none at all"),
        (("smoke", "--against", "nowhere.json"), "nowhere.json: no such file"),
        (("smoke", "--out", "/proc/x"), "--out /proc/x: cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    words: tuple[str, ...], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad input ends with 2 and one line, before anything runs."""
    monkeypatch.chdir(tmp_path)

    said = springtide(*words)

    assert said.code == 2
    assert complaint in said.err
    assert said.err.count("\n") == 1


def test_a_broken_certificate_is_not_written_over(suite: str, tmp_path: Path) -> None:
    """Where the one before cannot be read, that is said first, and it stays as it is."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "certificate.json").write_text("{", encoding="utf-8")

    said = springtide(suite, "--out", str(out))

    assert said.code == 2
    assert (out / "certificate.json").read_text(encoding="utf-8") == "{"


def test_the_page_trusts_no_name_and_asks_nobody() -> None:
    """Names that look like markup stay text; every element is closed; nothing leads out of the file."""
    calm = a_certificate()
    made = calm.model_copy(
        update={
            "story": HOSTILE,
            "suite": HOSTILE,
            "cells": [cell.model_copy(update={"key": HOSTILE, "story": HOSTILE}) for cell in calm.cells],
            "assumptions": [HOSTILE] * len(calm.assumptions),
        }
    )
    reader, plain = Reader(certificate_page(made)), Reader(certificate_page(calm))

    assert reader.open == []
    assert reader.scripts == plain.scripts
    assert [tag for tag, _ in reader.tags] == [tag for tag, _ in plain.tags]
    for _, attributes in reader.tags:
        assert not {"src", "href", "action"} & set(attributes)
