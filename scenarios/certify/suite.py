"""A suite: what is tried before somebody says "go". Scenarios × variants × seeds, a swarm, and load runs, as data.

    name = "smoke"
    story = "…"
    scenarios = ["quiet_week", "month_end"]
    seeds = 3

    [variants.lossy]                      every scenario again, with more misfortune than it was written for
    story = "…"
    promised = false                      its targets do not count: they were summed up for the scenario as written
    faults = [{ kind = "lost_reply", ppm = 20000 }]

    [swarm]
    seeds = 200

    [[loads]]
    name = "cutoff_hour"
    options = ["month_end_50000", "--volume", "1.5"]      for `springtide load`

Rule 1. Every scenario is tried as it is written, and then in each variant. A cell is one scenario in one variant.
Rule 2. What a variant adds takes the place of the scenario's own fault of that kind.
Rule 3. Everything is resolved, and checked, before the first run begins.
"""

import json
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from runtime.cli import BadInputError
from scenarios.choose import PLAIN_WORDS, choose, override
from scenarios.model import Scenario
from scenarios.report.wording import printable
from scenarios.suites import suite_names, suite_path
from scenarios.swarm import POPULATIONS
from simulators.faults.kinds import Fault

AS_WRITTEN = "as_written"
NAME = r"^[a-z0-9_]+$"


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Variant(_Told):
    """The scenarios once more, in another way. `set` is path to value, as for `springtide simulate --set`."""

    story: str = Field(min_length=10)
    scenarios: tuple[str, ...] = ()
    """Of the suite; empty: all of them."""
    seeds: int | None = Field(default=None, ge=1, le=10_000)
    """Instead of the suite's."""
    promised: bool = True
    """Whether the SLAs count. They do not where the load or the misfortune is beyond what they were summed up for."""
    set: dict[str, Any] = Field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


class SwarmPart(_Told):
    """Random small months, drawn as `springtide swarm` draws them."""

    seeds: int = Field(ge=1, le=1_000_000)
    first: int = Field(default=0, ge=0)
    population: str = ""
    """Empty: all of them, by share."""

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if self.population and self.population not in POPULATIONS:
            raise ValueError(f"no population is called {self.population}; there are {', '.join(POPULATIONS)}")
        return self


class LoadPart(_Told):
    """A load run. Without a folder with its results it is started where `--run-loads` asks for that, else not tried."""

    name: str = Field(pattern=NAME)
    story: str = ""
    options: tuple[str, ...] = ()
    """What `springtide load` is called with, besides `--out`."""
    results: str = ""
    """The folder of a run that was made before, relative to where the certificate is made."""


class Suite(_Told):
    """Everything that is tried in one go."""

    name: str = Field(pattern=NAME)
    story: str = Field(min_length=20)
    scenarios: tuple[str, ...] = Field(min_length=1)
    seeds: int = Field(default=3, ge=1, le=10_000)
    first_seed: int = Field(default=1, ge=0)
    variants: dict[str, Variant] = Field(default_factory=dict)
    swarm: SwarmPart | None = None
    loads: tuple[LoadPart, ...] = ()
    assumptions: tuple[str, ...] = ()
    """What this firm assumes besides what every run does; told on the certificate."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        twice = [name for name in self.scenarios if self.scenarios.count(name) > 1]
        if twice:
            raise ValueError(f"scenarios: {twice[0]} stands there twice")
        names = [load.name for load in self.loads]
        if len(set(names)) < len(names):
            raise ValueError("loads: every name may stand once")
        for name, variant in self.variants.items():
            if name == AS_WRITTEN:
                raise ValueError(f"variants: {AS_WRITTEN} is there anyway; call this one something else")
            stranger = [one for one in variant.scenarios if one not in self.scenarios]
            if stranger:
                raise ValueError(f"variants.{name}: {stranger[0]} is not one of the suite's scenarios")
        return self


class Cell(_Told):
    """One scenario in one variant, resolved; `seeds` are those it is run with."""

    scenario: Scenario
    variant: str
    story: str
    promised: bool
    seeds: tuple[int, ...]
    overrides: dict[str, str] = Field(default_factory=dict)
    named: bool = True
    """Whether `springtide simulate NAME` is this run; else it needs the file with the resolved scenario."""

    @property
    def key(self) -> str:
        """How it is called in certificates: "month_end", "month_end/lossy"."""
        return self.scenario.name if self.variant == AS_WRITTEN else f"{self.scenario.name}/{self.variant}"


def find(name: str) -> tuple[Suite, str]:
    """The suite of this name, or in this TOML or JSON file; and where it stands. Raises BadInputError."""
    if name in suite_names():
        return _read(suite_path(name), name), name
    if name.endswith((".toml", ".json")) or "/" in name:
        return _read(Path(name), printable(name)), name
    near = get_close_matches(name, suite_names(), n=1)
    said = f"did you mean {near[0]}?" if near else f"there are {', '.join(suite_names())}; or name a file"
    raise BadInputError(f"suite {printable(name)[:60]} is not known; {said}")


def _read(path: Path, where: str) -> Suite:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as fault:
        why = (fault.strerror or "cannot be read").lower()
        raise BadInputError(f"{where}: {why}; give a suite file (.toml or .json)") from fault
    except UnicodeDecodeError as fault:
        raise BadInputError(f"{where}: this is not text in UTF-8; give a suite file (.toml or .json)") from fault
    try:
        data = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as fault:
        kind = path.suffix.removeprefix(".").upper() or "TOML"
        raise BadInputError(f"{where}: this is not {kind} ({_first_line(fault)}); mend the file") from fault
    try:
        return Suite.model_validate(data)
    except ValidationError as fault:
        raise BadInputError(f"{where}: {_first_problem(fault)}") from fault


def _first_line(fault: Exception) -> str:
    words = printable(str(fault).partition("\n")[0])
    return words[:1].lower() + words[1:]


def _first_problem(fault: ValidationError) -> str:
    first = fault.errors()[0]
    at = ".".join(str(part) for part in first["loc"]) or "the suite"
    said = PLAIN_WORDS.get(first["type"]) or str(first.get("ctx", {}).get("error") or first["msg"])
    if first["type"] == "extra_forbidden":
        said = "there is no such field"
    more = f" (and {fault.error_count() - 1} more)" if fault.error_count() > 1 else ""
    return printable(f"{at}: {said[:1].lower()}{said[1:]}{more}")


# ------------------------------------------------------------------ what follows from it


def cells_of(suite: Suite, where: str, seeds: int | None = None) -> list[Cell]:
    """Every cell, resolved and checked; `seeds` instead of every number of seeds. Raises BadInputError."""
    chosen = {name: choose(name) for name in suite.scenarios}
    cells = []
    for name, scenario in chosen.items():
        numbers = _numbers(suite, seeds or suite.seeds)
        plain = name == scenario.name
        cells.append(Cell(scenario=scenario, variant=AS_WRITTEN, story="", promised=True, seeds=numbers, named=plain))
    for variant_name, variant in suite.variants.items():
        numbers = _numbers(suite, seeds or variant.seeds or suite.seeds)
        for name in variant.scenarios or suite.scenarios:
            try:
                changed, overrides = override(chosen[name], _settings(variant.set))
            except BadInputError as fault:
                said = str(fault).replace("--set ", "set ", 1)
                raise BadInputError(f"{where}: variants.{variant_name} of {name}: {said}") from fault
            cells.append(
                Cell(
                    scenario=_with_faults(changed, variant.faults),
                    variant=variant_name,
                    story=variant.story,
                    promised=variant.promised,
                    seeds=numbers,
                    overrides=overrides,
                    named=False,
                )
            )
    return cells


def _numbers(suite: Suite, seeds: int) -> tuple[int, ...]:
    return tuple(range(suite.first_seed, suite.first_seed + seeds))


def _settings(changes: Mapping[str, Any]) -> list[str]:
    return [f"{path}={json.dumps(value)}" for path, value in changes.items()]


def _with_faults(scenario: Scenario, faults: tuple[Fault, ...]) -> Scenario:
    added = {fault.kind for fault in faults}
    kept = tuple(fault for fault in scenario.world.faults if fault.kind not in added)
    world = scenario.world.model_copy(update={"faults": (*kept, *faults)})
    return scenario.model_copy(update={"world": world})
