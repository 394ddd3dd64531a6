"""Failures of the past, as the smallest runs that show them: each must pass for ever. One JSON file for each."""

from functools import cache
from pathlib import Path

from scenarios.model import Scenario

HERE = Path(__file__).resolve().parent


@cache
def recorded_names() -> tuple[str, ...]:
    """Every recorded scenario, in order of name."""
    return tuple(sorted(path.stem for path in HERE.glob("*.json")))


@cache
def recorded_scenario(name: str) -> Scenario:
    """The recorded scenario with this name. Raises FileNotFoundError where there is none."""
    return Scenario.model_validate_json((HERE / f"{name}.json").read_bytes())
