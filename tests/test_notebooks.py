"""Notebooks as they are committed: without outputs, few words, nothing hidden, nothing of one machine."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MOST_WORDS = 220
"""Of prose in one notebook (ours)."""


def cells(path: Path, kind: str) -> list[dict[str, Any]]:
    """The cells of this kind."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_stripped(path: Path) -> None:
    """No outputs, no counts, no metadata of an editor: a diff shows what somebody changed, and nothing else."""
    notebook = json.loads(path.read_text(encoding="utf-8"))

    assert [(cell["outputs"], cell["execution_count"]) for cell in cells(path, "code")] == [([], None)] * len(
        cells(path, "code")
    )
    assert [cell["metadata"] for cell in notebook["cells"]] == [{}] * len(notebook["cells"])
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert notebook["metadata"]["language_info"] == {"name": "python"}
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    assert path.read_text(encoding="utf-8") == json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_few_words_and_plain_code(path: Path) -> None:
    """It begins with what it is about; its prose is short; its code is Python without magics."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    prose = " ".join("".join(cell["source"]) for cell in cells(path, "markdown"))

    assert notebook["cells"][0]["source"][0].startswith("# ")
    assert len(re.findall(r"\w+", prose)) < MOST_WORDS
    for cell in cells(path, "code"):
        ast.parse("".join(cell["source"]))


def test_every_notebook_is_told_and_every_one_that_is_told_is_there() -> None:
    """notebooks/README.md has a line for each."""
    told = set(re.findall(r"`(\w+\.ipynb)`", (FOLDER / "README.md").read_text(encoding="utf-8")))

    assert told == {path.name for path in NOTEBOOKS}
