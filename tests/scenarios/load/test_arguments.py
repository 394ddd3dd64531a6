"""The options that say which load is meant."""

import argparse
import json
from pathlib import Path

import pytest

from runtime.cli import BadInputError
from scenarios.load.arguments import add_load_arguments, load_asked_for
from scenarios.load.profile import LoadProfile, Shape
from simulators.settings import MINUTE_MS


def asked(*typed: str) -> LoadProfile:
    parser = argparse.ArgumentParser()
    add_load_arguments(parser)
    return load_asked_for(parser.parse_args(["quiet_week", *typed]))[0]


def a_file(folder: Path, text: str) -> str:
    path = folder / "fault.json"
    path.write_text(text)
    return str(path)


def test_what_is_typed_is_what_is_meant() -> None:
    """Every option reaches its field, minutes and seconds as milliseconds; what is left out has its shape's default."""
    made = asked("--factor", "10", "--volume", "1.5", "--from-min", "-30", "--settle-s", "7", "--seed", "3")
    assert (made.factor, made.volume, made.from_ms, made.until_ms) == (10, 1.5, -30 * MINUTE_MS, MINUTE_MS)
    assert (made.settle_ms, made.seed, made.shape) == (7_000, 3, Shape.CUTOFF_HOUR)
    assert asked("--shape", "sustained", "--rows-per-s", "500").rows_per_s == 500
    assert asked("--set", "world.firm.consultants=77").scenario.world.firm.consultants == 77


def test_a_fault_file_adds_to_the_scenario(tmp_path: Path) -> None:
    """A file holds one fault or a list of them; they come on top of the scenario's own."""
    fault = {"kind": "maintenance_announced", "day": "last", "at": "17:40", "lasts_ms": 600_000}
    plain = asked().scenario.world.faults
    one = asked("--fault", a_file(tmp_path, json.dumps(fault))).scenario.world.faults
    two = asked("--fault", a_file(tmp_path, json.dumps([fault, fault]))).scenario.world.faults
    assert one[: len(plain)] == plain
    assert [each.kind for each in one[len(plain) :]] == ["maintenance_announced"]
    assert len(two) == len(plain) + 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ('{"kind": "rain"}', "no fault is of kind 'rain'"),
        ("7", "no fault is of kind 'None'"),
        ('{"kind": "lost_reply", "ppm": -1}', "ppm"),
        ('{"kind": "lost_reply", "ppm": 1, "ppmm": 1}', "ppmm"),
        ('{"kind": "late_landing", "ppm": 1, "after_ms_high": 99999999}', "--fault"),
    ],
)
def test_a_bad_fault_file_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    """A file that holds no fault we know is refused in one line that names it."""
    with pytest.raises(BadInputError) as told:
        asked("--fault", a_file(tmp_path, text))
    assert said in str(told.value)
    assert "\n" not in str(told.value)


def test_a_file_that_is_not_there_is_told() -> None:
    """A missing file is refused by its name."""
    with pytest.raises(BadInputError, match=r"nowhere\.json: no such file"):
        asked("--fault", "nowhere.json")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("--factor", "0"), "--factor"),
        (("--volume", "0"), "--volume"),
        (("--from-min", "5"), "window ends"),
        (("--rows-per-s", "5"), "rows_per_s is for the shape sustained"),
        (("--shape", "sustained", "--rows-per-s", "0"), "that shape needs it"),
    ],
)
def test_a_load_that_cannot_be_is_one_line(typed: tuple[str, ...], said: str) -> None:
    """Numbers that do not fit together are refused in one line."""
    with pytest.raises(BadInputError, match=said):
        asked(*typed)
