"""The options that say which load is meant, for every command that takes one."""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from runtime.cli import BadInputError
from scenarios.choose import choose, override
from scenarios.load.profile import WINDOWS, LoadProfile, Shape, load_profile
from scenarios.model import Scenario
from simulators.faults.kinds import FAULT_KINDS, Fault
from simulators.settings import MINUTE_MS

_FAULT: TypeAdapter[Any] = TypeAdapter(Fault)


def add_load_arguments(parser: argparse.ArgumentParser, may_be_left_out: bool = False) -> None:
    """Scenario, shape, window, factor, volume, rate, faults. `may_be_left_out`: the scenario, which is None then."""
    first, last, fast = WINDOWS[Shape.CUTOFF_HOUR]
    many = "?" if may_be_left_out else None
    parser.add_argument("scenario", nargs=many, help="the name of a scenario, or a scenario file (.json)")
    parser.add_argument("--seed", type=int, default=1, help="what chance depends on (default 1)")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", dest="overrides")
    parser.add_argument(
        "--shape",
        choices=[shape.value for shape in Shape],
        default=Shape.CUTOFF_HOUR.value,
        help="what the load is like (default cutoff_hour)",
    )
    parser.add_argument(
        "--from-min",
        type=float,
        metavar="M",
        help=f"the window begins M minutes from the cut-off (cutoff_hour: {first // MINUTE_MS})",
    )
    parser.add_argument(
        "--until-min", type=float, metavar="M", help=f"and ends M minutes from it (cutoff_hour: {last // MINUTE_MS})"
    )
    parser.add_argument("--factor", type=int, metavar="N", help=f"arrivals come N times as fast (cutoff_hour: {fast})")
    parser.add_argument("--volume", type=float, default=1.0, metavar="X", help="times the modelled load (default 1)")
    parser.add_argument("--rows-per-s", type=int, metavar="N", help="the rate of --shape sustained (default 2000)")
    parser.add_argument(
        "--settle-s",
        type=int,
        metavar="S",
        help="wait so long at most after the last arrival (default: a doubt's time)",
    )
    parser.add_argument(
        "--fault", action="append", default=[], type=Path, metavar="FILE", help="add the fault in this JSON file"
    )


def load_asked_for(arguments: argparse.Namespace) -> tuple[LoadProfile, dict[str, str]]:
    """The load that the options mean, and which fields of the scenario were overridden. Raises BadInputError."""
    scenario, applied = override(choose(arguments.scenario), arguments.overrides)
    scenario = with_faults(scenario, arguments.fault)
    try:
        profile = load_profile(
            scenario,
            Shape(arguments.shape),
            seed=arguments.seed,
            from_ms=_ms(arguments.from_min, MINUTE_MS),
            until_ms=_ms(arguments.until_min, MINUTE_MS),
            factor=arguments.factor,
            volume=arguments.volume,
            rows_per_s=arguments.rows_per_s,
            settle_ms=_ms(arguments.settle_s, 1_000),
        )
    except ValidationError as fault:
        first = fault.errors()[0]
        option = _OPTIONS.get(str(first["loc"][0]), "") if first["loc"] else ""
        said = first["msg"].removeprefix("Value error, ")
        raise BadInputError(f"{option}{said[0].lower()}{said[1:]}; see --help") from fault
    return profile, applied


_OPTIONS = {
    "factor": "--factor: ",
    "volume": "--volume: ",
    "rows_per_s": "--rows-per-s: ",
    "settle_ms": "--settle-s: ",
}


def _ms(number: float | None, unit_ms: int) -> int | None:
    return None if number is None else round(number * unit_ms)


def with_faults(scenario: Scenario, files: Iterable[Path]) -> Scenario:
    """The scenario with the fault, or the list of faults, of each JSON file added. Raises BadInputError."""
    found: list[Fault] = []
    for path in files:
        try:
            data = json.loads(path.read_bytes())
        except OSError as fault:
            why = (fault.strerror or "cannot be read").lower()
            raise BadInputError(f"--fault {path}: {why}; give a JSON file with a fault") from fault
        except ValueError as fault:
            raise BadInputError(f"--fault {path}: this is not JSON ({fault}); give a fault as JSON") from fault
        found += [_fault(one, path) for one in (data if isinstance(data, list) else [data])]
    if not found:
        return scenario
    data = scenario.model_dump(mode="json")
    data["world"]["faults"] += [one.model_dump(mode="json") for one in found]
    try:
        return Scenario.model_validate(data)
    except ValidationError as fault:
        said = fault.errors()[0]["msg"].removeprefix("Value error, ")
        raise BadInputError(f"--fault: {said}; give one that fits {scenario.name}") from fault


def _fault(data: Any, path: Path) -> Fault:
    kind = data.get("kind") if isinstance(data, dict) else None
    if kind not in FAULT_KINDS:
        known = ", ".join(sorted(FAULT_KINDS)[:4])
        raise BadInputError(f"--fault {path}: no fault is of kind {str(kind)[:60]!r}; there are {known} and more")
    try:
        fault: Fault = _FAULT.validate_python(data)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "the fault"
        raise BadInputError(f"--fault {path}: {where}: {first['msg'].lower()}; mend the file") from wrong
    return fault
