"""Environments of their own for programs of others; pip is not run here."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from scenarios.real import environment
from scenarios.real.environment import CannotInstallError, run, venv


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """What would have been run, instead of running it: the environment's folder appears, nothing is installed."""
    found: list[list[str]] = []

    def remembered(name: str, command: Sequence[str], environ: object = None) -> str:
        found.append(list(command))
        if "venv" in command:
            (Path(command[-1]) / "bin").mkdir(parents=True)
        return ""

    monkeypatch.setattr(environment, "run", remembered)
    monkeypatch.setattr(environment, "REAL", tmp_path)
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    # Nobody else builds there, and the lock's default was bound when it was defined.
    monkeypatch.setattr(environment, "alone", lambda: environment.contextmanager(lambda: iter([None]))())
    return found


def test_an_environment_is_built_once(commands: list[list[str]], tmp_path: Path) -> None:
    """Who asks again for the same packages gets what is there."""
    first = venv("tool", ("tool==1",))
    again = venv("tool", ("tool==1",))

    assert first == again
    assert first.parent.parent == tmp_path
    assert len(commands) == 2, "one venv, one pip"
    assert "tool==1" in commands[1]


def test_other_packages_or_other_sources_are_another_environment(commands: list[list[str]], tmp_path: Path) -> None:
    """A changed pin, or a changed file of what is installed from the checkout, builds one beside it."""
    ours = tmp_path / "ours"
    ours.mkdir()
    (ours / "pyproject.toml").write_text("one")
    found = [venv("tool", ("tool==1",), (ours,)), venv("tool", ("tool==2",), (ours,))]
    (ours / "pyproject.toml").write_text("two")
    found.append(venv("tool", ("tool==2",), (ours,)))

    assert len(set(found)) == 3


def test_an_interrupted_build_is_built_anew(commands: list[list[str]]) -> None:
    """What says that it is whole is written last: half an environment is none."""
    place = venv("tool", ("tool==1",)).parent
    (place / environment.WHOLE).unlink()
    venv("tool", ("tool==1",))

    assert len(commands) == 4


def test_what_cannot_be_installed_says_why_in_one_line() -> None:
    """Whatever fails is named, with its last words."""
    with pytest.raises(CannotInstallError, match="tool: sh failed: no such package") as fault:
        run("tool", ["sh", "-c", "echo 'no such package' >&2; exit 3"])

    assert "\n" not in str(fault.value)
    with pytest.raises(CannotInstallError, match="tool: "):
        run("tool", ["no-such-program-of-anybody"])
