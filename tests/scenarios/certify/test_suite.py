"""A suite is data: whatever is wrong with it is told in one line before the first run, and its cells follow from it."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from runtime.cli import BadInputError
from scenarios.certify.suite import Suite, SwarmPart, Variant, cells_of, find
from scenarios.suites import suite_names

ROOT = Path(__file__).resolve().parents[3]
WHOLE = """
name = "ours"
story = "What a test wants to try before it says go."
scenarios = ["quiet_week", "month_end"]
seeds = 2

[variants.lossy]
story = "Far more calls get lost than usual."
scenarios = ["quiet_week"]
seeds = 1
promised = false
set = { "world.firm.consultants" = 6 }
faults = [{ kind = "lost_reply", ppm = 40000 }]

[swarm]
seeds = 3
"""


def written(folder: Path, text: str, name: str = "ours.toml") -> str:
    """A suite file with this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", suite_names())
def test_every_named_suite_resolves(name: str) -> None:
    """What ships can be tried: each cell is a whole scenario with seeds, and no two are called alike."""
    suite, where = find(name)
    cells = cells_of(suite, where)

    assert suite.name == name == where
    assert len({cell.key for cell in cells}) == len(cells) >= len(suite.scenarios)
    assert all(cell.seeds for cell in cells)


def test_a_variant_changes_what_it_says_and_nothing_else(tmp_path: Path) -> None:
    """As written stays as written; the variant has its setting, and its fault instead of the scenario's own."""
    suite, where = find(written(tmp_path, WHOLE))
    quiet, month, lossy = cells_of(suite, where)

    assert [(cell.key, cell.seeds) for cell in (quiet, month, lossy)] == [
        ("quiet_week", (1, 2)),
        ("month_end", (1, 2)),
        ("quiet_week/lossy", (1,)),
    ]
    (before,) = [fault for fault in quiet.scenario.world.faults if fault.kind == "lost_reply"]
    (after,) = [fault for fault in lossy.scenario.world.faults if fault.kind == "lost_reply"]
    assert (before.ppm, after.ppm) == (6_000, 40_000)
    assert lossy.scenario.world.firm.consultants == 6
    assert lossy.overrides == {"world.firm.consultants": "6"}
    kinds = [sorted(fault.kind for fault in cell.scenario.world.faults) for cell in (quiet, lossy)]
    assert kinds[0] == kinds[1]
    assert (quiet.named, quiet.promised, lossy.named, lossy.promised) == (True, True, False, False)


def test_the_suite_of_the_page_is_one() -> None:
    """What docs/certify.md shows as a suite is read as it stands, and its tables name every field."""
    page = (ROOT / "docs" / "certify.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    Suite.model_validate(tomllib.loads(example))

    told = " ".join(re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", page.split("## A suite")[1], flags=re.DOTALL)))
    fields = {*Suite.model_fields, *Variant.model_fields, *SwarmPart.model_fields} - {"name", "story"}
    assert sorted(field for field in fields if field.removesuffix("s") not in told) == []


def test_fewer_or_more_seeds_can_be_asked_for(tmp_path: Path) -> None:
    """One number stands for every number of seeds in the suite."""
    suite, where = find(written(tmp_path, WHOLE))

    assert {cell.seeds for cell in cells_of(suite, where, 3)} == {(1, 2, 3)}


def test_a_suite_in_json_is_the_same_suite(tmp_path: Path) -> None:
    """TOML is for people and JSON for programs; both say the same."""
    suite, _ = find(written(tmp_path, WHOLE))
    again, _ = find(written(tmp_path, json.dumps(suite.model_dump(mode="json")), "ours.json"))

    assert again == suite


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"month_end"]', '"month_ent"]', "did you mean month_end?"),
        ('"month_end"]', '"quiet_week"]', "quiet_week stands there twice"),
        ("seeds = 2", "seeds = 0", "seeds: "),
        ("seeds = 2", "seads = 2", "seads: there is no such field"),
        ("[variants.lossy]", "[variants.as_written]", "as_written is there anyway"),
        ('scenarios = ["quiet_week"]', 'scenarios = ["split_week"]', "split_week is not one of the suite's"),
        ("world.firm.consultants", "world.firm.consultant", "variants.lossy of quiet_week: set "),
        ("world.firm.consultants", "world.firm.consultant", "did you mean consultants?"),
        ("lost_reply", "lost_repply", "variants.lossy.faults.0"),
        ("[swarm]\n", "[swarm]\npopulation = 'bees'\n", "no population is called bees"),
        ('name = "ours"', 'name = "ours', "this is not TOML (illegal character"),
        ('name = "ours"', "", "name: this field is missing; add it"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    """The file, the place and how to mend it, before anything runs."""
    assert old in WHOLE
    path = written(tmp_path, WHOLE.replace(old, new, 1))

    with pytest.raises(BadInputError) as refused:
        cells_of(*find(path))
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_suite_that_is_not_there_is_said() -> None:
    """A name that nobody knows leads to the nearest one; a file that is not there is named."""
    with pytest.raises(BadInputError, match="did you mean smoke"):
        find("smok")
    with pytest.raises(BadInputError, match=r"there are .*smoke"):
        find("zzz")
    with pytest.raises(BadInputError, match=r"nowhere\.toml: no such file"):
        find("nowhere.toml")
