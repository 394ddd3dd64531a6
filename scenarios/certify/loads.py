"""The load runs of a suite: their results where there are any, made on demand, else said to be missing.

`springtide load` is an extra and lives above the scenarios, so it is started as a program. What it leaves behind is
judged where every load run is judged.
"""

from collections.abc import Sequence
from pathlib import Path

from runtime.cli import BadInputError
from scenarios.certify.certificate import LoadFound
from scenarios.certify.suite import LoadPart, Suite


def load_results(suite: Suite, given: Sequence[str], out: Path, *, run_them: bool) -> list[LoadFound]:
    """What is known of every load run of the suite, in its order. `given`: NAME=DIR. Raises BadInputError."""
    folders = _folders(suite, given)
    return [_result(part, folders.get(part.name), out, run_them) for part in suite.loads]


def _folders(suite: Suite, given: Sequence[str]) -> dict[str, Path]:
    names = [part.name for part in suite.loads]
    found = {}
    for text in given:
        name, equals, folder = text.partition("=")
        if not equals or not folder:
            raise BadInputError(f"--load {text}: give NAME=DIR")
        if name not in names:
            there = ", ".join(names) or "none at all"
            raise BadInputError(f"--load {text}: the suite has no load run {name}; it has {there}")
        found[name] = Path(folder)
    return found


def _result(part: LoadPart, folder: Path | None, out: Path, run_them: bool) -> LoadFound:
    return LoadFound(name=part.name, story=part.story, tried=False, sentence="it has no results yet")
