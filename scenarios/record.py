"""Writes a shrunk failure down: a scenario file that reads well, and a test that is ready to be kept.

The scenario says what happened in words, holds nothing but what is needed, and names its seed, the bug that was planted
(if one was) and the oracles that found it. In `scenarios/recorded` it is run with every swarm and every test run:
with its bug it must be found again, without one nothing may be found.
"""

import json
import re
from pathlib import Path
from typing import Any

from scenarios.model import NOTHING_PROMISED, Scenario
from scenarios.shrink import Shrunk
from simulators.plants.catalogue import by_name

TEST = '''"""{story}"""

from pathlib import Path

from scenarios.choose import load
from scenarios.shrink import fails_alike


def test_{name}() -> None:
    """{rule}"""
    scenario = load(Path(__file__).with_name("{name}.json"))
    assert scenario.seed is not None
    failure = fails_alike(scenario.world, scenario.seed, "{oracle}", scenario.plant)
    assert {claim}
'''


def scenario_of(shrunk: Shrunk, name: str = "") -> Scenario:
    """The shrunk failure as a scenario. Its SLAs promise nothing: it is about money, not about time."""
    name = name or name_of(shrunk)
    return Scenario(
        name=name,
        story=story_of(shrunk),
        world=shrunk.world,
        slas=NOTHING_PROMISED,
        seed=shrunk.seed,
        plant=shrunk.plant,
        found_by=(shrunk.oracle,),
    )


def name_of(shrunk: Shrunk) -> str:
    """A name for a file: the bug, or the oracle, and the seed."""
    what = shrunk.plant or f"found_by_{shrunk.oracle.lower()}"
    return re.sub(r"[^a-z0-9_]", "_", f"{what}_{shrunk.seed}")


def story_of(shrunk: Shrunk) -> str:
    """What happens, in a few sentences."""
    sentences = []
    if shrunk.plant:
        sentences.append(f"Planted: {by_name(shrunk.plant).story}.")
    entries, strikes = len(shrunk.entries), len(shrunk.strikes)
    kinds = ", ".join(dict.fromkeys(name.partition(":")[0].replace("_", " ") for _, name in shrunk.strikes))
    sentences.append(
        f"{_several(entries, 'entry', 'entries')}, {_several(strikes, 'misfortune', 'misfortunes')}"
        + (f" ({kinds})." if kinds else ".")
    )
    sentences.append(f"{shrunk.oracle}: {shrunk.failure.text}.")
    return " ".join(sentences)


def _several(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def written(scenario: Scenario) -> str:
    """The scenario's file: nothing but what differs from the defaults, and what every scenario has."""
    full = scenario.model_dump(mode="json")
    short: dict[str, Any] = scenario.model_dump(mode="json", exclude_defaults=True)
    for fault, whole in zip(short["world"].get("faults", ()), full["world"]["faults"], strict=False):
        fault["kind"] = whole["kind"]
    order = ("name", "story", "seed", "plant", "found_by", "world", "slas")
    return json.dumps({key: short[key] for key in order if key in short}, indent=2, ensure_ascii=False) + "\n"


def pytest_of(scenario: Scenario) -> str:
    """A test for the recorded failure: with a planted bug it is found, without one it must not come back."""
    oracle = scenario.found_by[0]
    rule = f"{oracle} finds it again." if scenario.plant else f"What {oracle} found does not come back."
    claim = "failure is not None" if scenario.plant else "failure is None, failure.text"
    story = scenario.story.replace("\\", "\\\\").replace('"""', "'''")
    return TEST.format(story=story, name=scenario.name, rule=rule, oracle=oracle, claim=claim)


def record(shrunk: Shrunk, folder: Path, name: str = "") -> Path:
    """Write the scenario and its test into the folder; returns where the scenario is."""
    scenario = scenario_of(shrunk, name)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{scenario.name}.json"
    path.write_text(written(scenario), encoding="utf-8")
    (folder / f"test_{scenario.name}.py").write_text(pytest_of(scenario), encoding="utf-8")
    return path
