"""How a tool is known by its header, whatever was renamed, added or left out."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from simulators.timesheets.cells import Cells
from simulators.timesheets.rows import TimesheetRow

_MONEY_COLUMN = re.compile(r"(.*\b(?:amount|rate|betrag|satz))\s*\(\s*([A-Za-z]{3}|[€£$¥]?)\s*\)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool's detailed export.

    `columns` maps our name of a field to the spellings seen, the tool's own first; `needed` lists groups of which
    one field each must be there; `dates` and `numbers` name the fields that show the file's manner of writing them;
    `day_first` is how the tool writes 03/04/2026 when the file does not show it.
    """

    name: str
    title: str
    columns: Mapping[str, tuple[str, ...]]
    needed: tuple[tuple[str, ...], ...]
    dates: tuple[str, ...]
    numbers: tuple[str, ...]
    day_first: bool
    book: Callable[[Cells], TimesheetRow]


@dataclass(frozen=True, slots=True)
class Match:
    """A header seen as a tool's: where each field stands, the currency a header names, and what is missing."""

    tool: Tool
    places: Mapping[str, int]
    currencies: Mapping[str, str]
    missing: tuple[str, ...]

    @property
    def nearness(self) -> tuple[int, int, int]:
        """Greater is nearer: complete ones first, then by needed groups met, then by columns known."""
        met = len(self.tool.needed) - len(self.missing)
        return (not self.missing, met * 100 // len(self.tool.needed), len(self.places))


def fold(name: str) -> str:
    """A header without what drifts: case, blanks, underscores, closing marks."""
    return " ".join(name.replace("_", " ").split()).casefold().rstrip("?:* ")


def match(tool: Tool, header: Sequence[str]) -> Match:
    """`header` seen as `tool`'s; a column that comes twice counts where it comes first."""
    where: dict[str, int] = {}
    currency_of: dict[int, str] = {}
    for place, name in enumerate(header):
        money = _MONEY_COLUMN.fullmatch(name.strip())
        if money is not None:
            currency_of[place] = money[2]
        where.setdefault(fold(money[1] if money is not None else name), place)
    places: dict[str, int] = {}
    for field, spellings in tool.columns.items():
        for spelling in spellings:
            if fold(spelling) in where:
                places[field] = where[fold(spelling)]
                break
    currencies = {field: currency_of[place] for field, place in places.items() if currency_of.get(place)}
    missing = tuple(
        " or ".join(f"'{tool.columns[field][0]}'" for field in group)
        for group in tool.needed
        if not any(field in places for field in group)
    )
    return Match(tool, places, currencies, missing)
