"""The identifier crosswalk: what a foreign system calls our entities, workers and projects.

A TOML file, one table for each legal entity that the system knows:

    [DE01]
    company = 1

    [DE01.workers]
    DE01W00001 = 12

    [DE01.works]
    "DE01P00001/DEV" = 7        # a project's task
    DE01P00001 = 6              # every other task of the project

It is read when a partition starts, and what it says is in the text of a row from then on: a row that goes again goes as
it was. What it lacks the other system is asked without, and refuses; the entry parks with that reason.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from runtime.core.value import value


class CrosswalkError(Exception):
    """This file is no crosswalk: one line that says what and how to mend it."""


@value
class Crosswalk:
    """One legal entity in the other system."""

    company: int
    workers: Mapping[str, int]
    works: Mapping[str, int]

    def work(self, project: str, task: str) -> int | None:
        """The task's number, or else its project's."""
        return self.works.get(f"{project}/{task}", self.works.get(project))


def read_crosswalk(path: Path) -> dict[str, Crosswalk]:
    """Entity to its crosswalk. Raises CrosswalkError."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise CrosswalkError(f"{(fault.strerror or 'cannot be read').lower()}; name a file that can be read") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise CrosswalkError(f"is no TOML: {fault}") from None
    return {entity: _one(entity, table) for entity, table in tables.items()}


def _one(entity: str, table: object) -> Crosswalk:
    if not isinstance(table, dict) or not _is_number(table.get("company")):
        raise CrosswalkError(f"[{entity}] names no company; add company = NUMBER")
    unknown = sorted(set(table) - {"company", "workers", "works"})
    if unknown:
        raise CrosswalkError(f"[{entity}] has {unknown[0]}; it may have company, workers and works")
    found: list[dict[str, int]] = []
    for name in ("workers", "works"):
        numbers = table.get(name, {})
        if not isinstance(numbers, dict) or not all(map(_is_number, numbers.values())):
            raise CrosswalkError(f"[{entity}.{name}] is no table of numbers; write NAME = NUMBER")
        found.append(numbers)
    return Crosswalk(table["company"], *found)


def _is_number(given: object) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and given > 0
