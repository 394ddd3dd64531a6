"""Environments of their own for programs of others; pip is not run here."""

import subprocess
from pathlib import Path

import pytest

from scenarios.real import environment
from scenarios.real.environment import STAMP, CannotBuildError, build


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would have been run, instead of running it: the environment's folder appears, nothing is installed."""
    commands: list[list[str]] = []

    def run(failed: str, command: list[str]) -> None:
        commands.append(command)
        if "venv" in command:
            (Path(command[-1]) / "bin").mkdir(parents=True)
            (Path(command[-1]) / "bin" / "python").touch()

    monkeypatch.setattr(environment, "_run", run)
    return commands


def test_an_environment_is_built_once(built: list[list[str]], tmp_path: Path) -> None:
    """Who asks again for the same packages gets what is there."""
    first = build("tool", ("tool==1",), tmp_path)
    again = build("tool", ("tool==1",), tmp_path)

    assert first == again == tmp_path / "tool" / "bin" / "python"
    assert len(built) == 2, "one venv, one pip"
    assert "tool==1" in built[1]


def test_other_packages_are_another_environment(built: list[list[str]], tmp_path: Path) -> None:
    """A changed pin, or a changed file of what is installed from the checkout, builds it anew."""
    local = tmp_path / "ours"
    local.mkdir()
    (local / "pyproject.toml").write_text("one")
    build("tool", ("tool==1",), tmp_path / "out", (local,))
    build("tool", ("tool==2",), tmp_path / "out", (local,))
    (local / "pyproject.toml").write_text("two")
    build("tool", ("tool==2",), tmp_path / "out", (local,))

    assert len(built) == 6
    assert str(local) in built[-1]


def test_an_interrupted_build_is_built_anew(
    built: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stamp is written last: half an environment is none."""
    build("tool", ("tool==1",), tmp_path)
    (tmp_path / "tool" / STAMP).unlink()
    build("tool", ("tool==1",), tmp_path)

    assert len(built) == 4


def test_what_cannot_be_built_says_why_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pip or venv fails, its last line is in ours, and the next try begins afresh."""

    def failing(command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.CompletedProcess(command, 1, "", "a lot\nERROR: no matching distribution\n")

    monkeypatch.setattr(environment.subprocess, "run", failing)
    with pytest.raises(CannotBuildError, match="no matching distribution") as fault:
        build("tool", ("tool==1",), tmp_path)

    assert "\n" not in str(fault.value)
    assert not (tmp_path / "tool" / STAMP).exists()
