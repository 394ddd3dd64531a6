"""From what a person typed to a scenario: by name or file, with `--set` overrides, checked like any other input.

Every way to get it wrong ends in BadInputError with one line: what, where, how to mend.
"""

import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from runtime.cli import BadInputError
from scenarios.catalogue import all_scenarios
from scenarios.model import Scenario


def choose(name: str) -> Scenario:
    """The scenario called `name`, or the one in the JSON file `name`."""
    known = all_scenarios()
    if name in known:
        return known[name]
    if name.endswith(".json") or "/" in name:
        return load(Path(name))
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    raise BadInputError(f"scenario {name!r} is not known; {hint} (springtide scenarios lists them)")


def load(path: Path) -> Scenario:
    """A scenario from its JSON file."""
    try:
        text = path.read_bytes()
    except OSError as fault:
        raise BadInputError(f"{path}: {(fault.strerror or 'cannot be read').lower()}; give a scenario file") from fault
    try:
        data = json.loads(text)
    except ValueError as fault:
        raise BadInputError(f"{path}: this is not JSON ({fault}); mend the file or export it anew") from fault
    return _checked(data, str(path))


def override(scenario: Scenario, settings: Iterable[str]) -> tuple[Scenario, dict[str, str]]:
    """The scenario with each `path=value` applied, and what was applied.

    A path names fields from the top ("world.firm.consultants", "world.faults.0.ppm"); a value is JSON, or text.
    """
    data = scenario.model_dump(mode="json")
    applied: dict[str, str] = {}
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals or not path:
            raise BadInputError(f"--set {setting}: give PATH=VALUE, such as world.firm.consultants=200")
        _put(data, path, _value(text))
        applied[path] = text
    return (_checked(data, "--set " + " ".join(applied)) if applied else scenario), applied


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _put(data: Any, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    place = data
    walked: list[str] = []
    for name in parents:
        place = _inside(place, name, path, walked)
        walked.append(name)
    _inside(place, last, path, walked)
    if isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value


def _inside(place: Any, name: str, path: str, walked: list[str]) -> Any:
    """What `name` holds in `place`; a name that is not there is a typo, never a new field."""
    where = ".".join(walked) or "the scenario"
    if isinstance(place, list):
        if name.isdigit() and int(name) < len(place):
            return place[int(name)]
        raise BadInputError(f"--set {path}: {where} has items 0 to {len(place) - 1}, not {name!r}")
    if isinstance(place, Mapping):
        if name in place:
            return place[name]
        near = get_close_matches(name, list(place), n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(place)}"
        raise BadInputError(f"--set {path}: {where} has no field {name!r}; {hint}")
    raise BadInputError(f"--set {path}: {where} is a single value and has no field {name!r}")


def _checked(data: Any, where: str) -> Scenario:
    try:
        return Scenario.model_validate(data)
    except ValidationError as fault:
        first = fault.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the scenario"
        more = f" (and {fault.error_count() - 1} more)" if fault.error_count() > 1 else ""
        raise BadInputError(f"{where}: {place}: {first['msg'].lower()}{_hint(data, first)}{more}") from fault


def _hint(data: Any, error: Any) -> str:
    """For a field that does not exist, the one that was probably meant; for a wrong value, what was given."""
    if error["type"] == "extra_forbidden":
        known = _fields_beside(error["loc"])
        near = get_close_matches(str(error["loc"][-1]), known, n=1)
        return f"; did you mean {near[0]}?" if near else "; remove it"
    return f", not {error['input']!r}" if isinstance(error.get("input"), (str, int, float, bool)) else ""


def _fields_beside(loc: tuple[Any, ...]) -> list[str]:
    model: Any = Scenario
    for part in loc[:-1]:
        field = getattr(model, "model_fields", {}).get(part)
        if field is None:
            return []
        model = field.annotation
    return list(getattr(model, "model_fields", {}))
