"""From what a person typed to a scenario: by name or file, with `--set` overrides, checked like any other input.

Every way to get it wrong ends in BadInputError with one line: what, where, how to mend.
"""

import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from runtime.cli import BadInputError
from scenarios.catalogue import all_scenarios
from scenarios.model import Scenario
from simulators.faults.kinds import FAULT_KINDS
from simulators.plants.plant import Plant
from simulators.settings import WorldSettings
from simulators.systems.profiles.generic import GENERIC

S = TypeVar("S", bound=BaseModel)
SHOWN = 60
"""Characters of a wrong value that are quoted back."""


def choose(name: str) -> Scenario:
    """The scenario called `name`, or the one in the JSON file `name`."""
    known = all_scenarios()
    if name in known:
        return known[name]
    if name.endswith(".json") or "/" in name:
        return load(Path(name))
    raise BadInputError(
        f"scenario {_quoted(name)} is not known; {_nearest(name, known)} (springtide scenarios lists them)"
    )


def load(path: Path) -> Scenario:
    """A scenario from its JSON file."""
    where = _plain(str(path))
    try:
        raw = path.read_bytes()
    except OSError as fault:
        raise BadInputError(f"{where}: {(fault.strerror or 'cannot be read').lower()}; give a scenario file") from fault
    if not raw.strip():
        raise BadInputError(f"{where}: the file is empty; springtide scenarios describe NAME writes a whole one")
    try:
        data = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as fault:
        raise BadInputError(f"{where}: this is not text in UTF-8; give a scenario file (.json)") from fault
    except json.JSONDecodeError as fault:
        said = f"line {fault.lineno} column {fault.colno}: {fault.msg[0].lower()}{fault.msg[1:]}"
        raise BadInputError(f"{where}: this is not JSON ({said}); mend the file or export it anew") from fault
    except RecursionError as fault:
        raise BadInputError(f"{where}: this is nested too deeply to be a scenario; give a scenario file") from fault
    return _checked(data, where)


def override(scenario: Scenario, settings: Iterable[str]) -> tuple[Scenario, dict[str, str]]:
    """The scenario with each `path=value` applied, and what was applied.

    A path names fields from the top ("world.firm.consultants", "world.faults.0.ppm"); a value is JSON, or text.
    """
    data = scenario.model_dump(mode="json")
    applied: dict[str, str] = {}
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals or not path:
            raise BadInputError(f"--set {_plain(setting)}: give PATH=VALUE, such as world.firm.consultants=200")
        _put(data, path, _value(text))
        applied[path] = text
    return (_checked(data, "--set", list(applied)) if applied else scenario), applied


def with_plant(world: WorldSettings, plant: Plant) -> WorldSettings:
    """The world with the least that the bug needs to show: its faults added, its ERP profile instead of the own."""
    kinds = {fault.kind for fault in plant.faults}
    kept = tuple(fault for fault in world.faults if fault.kind not in kinds)
    world = world.model_copy(update={"faults": (*kept, *plant.faults), "erp": GENERIC[plant.profile]})
    return with_changes(world, plant.changes)


def with_changes(world: WorldSettings, changes: Mapping[str, Any]) -> WorldSettings:
    """The world with these fields changed, by dotted path ("people.correction_ppm")."""
    for path, value in changes.items():
        world = _changed(world, path, value)
    return world


def _changed(settings: S, path: str, value: Any) -> S:
    """The settings with the field at a dotted path changed."""
    name, _, rest = path.partition(".")
    assert name in type(settings).model_fields, f"{type(settings).__name__} has no {name}"
    held = _changed(getattr(settings, name), rest, value) if rest else value
    return settings.model_copy(update={name: held})


def no_such_bug(name: str, known: Iterable[str]) -> str:
    """What is said to somebody who names a bug that nobody wrote: the nearest one, for there are too many to list."""
    near = get_close_matches(name, list(known), n=1)
    return "no such bug; " + (f"did you mean {near[0]}?" if near else "simulators/plants/ has all of them")


# ------------------------------------------------------------------ one override


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
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
    elif path == "world.erp" and isinstance(value, str) and value in GENERIC:
        # A profile by its name; whole, so that a later --set can go on inside it.
        place[last] = GENERIC[value].model_dump(mode="json")
    else:
        place[last] = value


def _inside(place: Any, name: str, path: str, walked: list[str]) -> Any:
    """What `name` holds in `place`; a name that is not there is a typo, never a new field."""
    where, at = ".".join(walked) or "the scenario", f"--set {_plain(path)}"
    if isinstance(place, list):
        if name.isdecimal() and int(name) < len(place):
            return place[int(name)]
        held = f"has items 0 to {len(place) - 1}, not {_quoted(name)}" if place else "is empty; give it whole, as JSON"
        raise BadInputError(f"{at}: {where} {held}")
    if isinstance(place, Mapping):
        if name in place:
            return place[name]
        raise BadInputError(f"{at}: {where} has no field {_quoted(name)}; {_nearest(name, place)}")
    if place is None:
        raise BadInputError(f"{at}: {where} is not set, so it has no fields; give it whole, as JSON: {where}={{}}")
    raise BadInputError(f"{at}: {where} is a single value and has no field {_quoted(name)}")


# ------------------------------------------------------------------ what the model says of it


def _checked(data: Any, where: str, paths: Iterable[str] = ()) -> Scenario:
    """The scenario, or its first problem. `paths`: what `--set` named; the problem is told under the path it is at."""
    try:
        return Scenario.model_validate(data)
    except ValidationError as fault:
        first = fault.errors()[0]
        place = ".".join(_walk(data, first["loc"])) or "the scenario"
        near = [path for path in paths if _touches(path, place)] or list(paths)
        at = f"{where} {_plain(' '.join(near))}" if near and near != [place] else where
        said = f"{at} {place}" if at == where == "--set" else f"{at}: {place}"
        more = f" (and {fault.error_count() - 1} more)" if fault.error_count() > 1 else ""
        raise BadInputError(f"{said}: {_said(first)}{more}") from fault
    except RecursionError as fault:
        raise BadInputError(f"{where}: this is nested too deeply to be a scenario; give a scenario file") from fault


def _touches(path: str, place: str) -> bool:
    return f"{place}.".startswith(f"{path}.") or f"{path}.".startswith(f"{place}.")


def _walk(data: Any, loc: Iterable[Any]) -> list[str]:
    """Where a problem is, as a `--set` path: without the names of types that the model puts in between."""
    place, walked = data, []
    parts = list(loc)
    for number, part in enumerate(parts):
        in_a_list = isinstance(place, list) and isinstance(part, int) and part < len(place)
        if in_a_list or (isinstance(place, Mapping) and part in place):
            place = place[part]
        elif number < len(parts) - 1 or part in FAULT_KINDS:
            continue
        walked.append(_plain(str(part)))
    return walked


PLAIN_WORDS = {
    "missing": "this field is missing; add it",
    "model_type": "give an object with fields, in braces",
    "dict_type": "give an object with fields, in braces",
    "tuple_type": "give a list, in brackets",
    "union_tag_not_found": "give the fault's kind, such as lost_reply",
}
"""What the model finds wrong, where its own words are those of Python."""


def _said(error: Any) -> str:
    """What is wrong, in plain words, with what was given and what was probably meant."""
    given, kind = error.get("input"), error["type"]
    shown = f", not {_quoted(given)}" if isinstance(given, (str, int, float)) else ""
    if kind == "extra_forbidden":
        return f"there is no such field; {_nearest(str(error['loc'][-1]), _fields_beside(error['loc'][:-1]))}"
    if kind == "union_tag_invalid":
        tag = str(error["ctx"]["tag"])
        return f"no fault is of kind {_quoted(tag)}; {_nearest(tag, FAULT_KINDS)}"
    if kind == "value_error":
        return _plain(str(error["ctx"]["error"]))
    if kind in PLAIN_WORDS:
        return PLAIN_WORDS[kind] + shown
    words: str = error["msg"]
    return _plain(words[0].lower() + words[1:]).replace("input should be", "this should be") + shown


def _fields_beside(loc: Iterable[Any]) -> list[str]:
    """The fields of the model that holds the field at `loc`."""
    model: type[BaseModel] = Scenario
    for part in loc:
        if part in FAULT_KINDS:
            model = FAULT_KINDS[part]
        elif isinstance(part, str):
            field = model.model_fields.get(part)
            inner = _model_in(field.annotation) if field is not None else None
            model = inner or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part)) is not None), None)


def _nearest(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = get_close_matches(name, names, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"


def _plain(text: str) -> str:
    """Foreign text as it may be printed: one line, no control characters."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _quoted(value: Any) -> str:
    text = _plain(str(value))
    return f"'{text[:SHOWN]}…'" if len(text) > SHOWN else f"'{text}'" if isinstance(value, str) else text
