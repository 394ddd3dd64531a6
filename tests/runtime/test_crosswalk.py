"""The crosswalk: what another system calls our entities, workers and projects."""

from pathlib import Path

import pytest

from runtime.crosswalk import Crosswalk, CrosswalkError, read_crosswalk

GOOD = """
[DE01]
company = 1
[DE01.workers]
W1 = 12
[DE01.works]
"P1/DEV" = 7
P1 = 6

[FR01]
company = 2
"""


def written(folder: Path, text: str) -> Path:
    """The file with this text."""
    path = folder / "crosswalk.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_entity_has_its_numbers(tmp_path: Path) -> None:
    """A table for each legal entity; what it has no people and projects for is empty."""
    read = read_crosswalk(written(tmp_path, GOOD))
    assert read == {"DE01": Crosswalk(1, {"W1": 12}, {"P1/DEV": 7, "P1": 6}), "FR01": Crosswalk(2, {}, {})}


def test_a_task_comes_before_its_project() -> None:
    """The task's own number, or else the project's, or else nothing."""
    known = Crosswalk(1, {}, {"P1/DEV": 7, "P1": 6})
    assert [known.work("P1", "DEV"), known.work("P1", "OPS"), known.work("P2", "DEV")] == [7, 6, None]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[DE01]\n", "names no company"),
        ("DE01 = 1\n", "names no company"),
        ("[DE01]\ncompany = true\n", "names no company"),
        ("[DE01]\ncompany = 0\n", "names no company"),
        ("[DE01]\ncompany = 1\nemployees = {}\n", "has employees"),
        ('[DE01]\ncompany = 1\nworkers = { W1 = "12" }\n', "no table of numbers"),
        ("[DE01]\ncompany = 1\nworks = 3\n", "no table of numbers"),
        ("[DE01\n", "is no TOML"),
    ],
)
def test_a_mistake_says_where_and_what(tmp_path: Path, text: str, said: str) -> None:
    """Nobody is posted under another's number because of a typing error."""
    with pytest.raises(CrosswalkError, match=said):
        read_crosswalk(written(tmp_path, text))


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    """And not taken for an empty one."""
    with pytest.raises(CrosswalkError, match="no such file"):
        read_crosswalk(tmp_path / "nothing.toml")
