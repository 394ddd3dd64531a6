"""How the operations commands say things: numbers, money, ages, instants, strangers' words; and the tables' look."""

import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from runtime.core.currencies import EXPONENT

_NARROWEST = 120
# What would move a terminal's cursor, end a line or turn the reading direction around.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
# Seconds from which on two units are said, the larger and the smaller.
_SPANS = ((2 * 86_400, 86_400, "d", 3_600, "h"), (7_200, 3_600, "h", 60, "min"), (120, 60, "min", 1, "s"))


def printable(text: str) -> str:
    """A stranger's text on one line, with control and direction characters shown as a replacement character."""
    return _UNPRINTABLE.sub("\ufffd", text)


def several(number: int, noun: str) -> str:
    """(1, "row") -> "1 row", (1200, "row") -> "1,200 rows"; a noun in -y becomes -ies."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def money(by_currency: Mapping[str, int]) -> str:
    """Minor units by currency: {"EUR": 123456, "JPY": 5} -> "1,234.56 EUR, 5 JPY"; nothing -> "-"."""
    return ", ".join(_amount(by_currency[code], code) for code in sorted(by_currency) if by_currency[code]) or "-"


def _amount(minor: int, currency: str) -> str:
    digits = EXPONENT.get(currency, 2)
    whole, rest = divmod(abs(minor), 10**digits)
    return (
        f"{'-' if minor < 0 else ''}{whole:,}" + (f".{rest:0{digits}d}" if digits else "") + f" {printable(currency)}"
    )


def duration(seconds: float) -> str:
    """Seconds as people say them: 0.25 -> "250 ms", 75 -> "75 s", 9000 -> "2 h 30 min"."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for least, unit, name, smaller, smaller_name in _SPANS:
        if round(seconds) >= least:
            whole, rest = divmod(round(seconds), unit)
            return f"{whole} {name}" + (f" {rest // smaller} {smaller_name}" if rest // smaller else "")
    return f"{seconds:.1f}".removesuffix(".0") + " s"


def age(since_ms: int | None, now_ms: int) -> str:
    """How long ago that was; None -> "-"."""
    return "-" if since_ms is None else duration(max(0, now_ms - since_ms) / 1000)


def instant(at_ms: int) -> str:
    """Epoch milliseconds as "2026-03-31 15:30:00.123Z"."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "Z")


def console() -> Console:
    """Standard output: coloured on a terminal, plain and wide enough for the tables elsewhere."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(file=sys.stdout, highlight=False, width=_NARROWEST, force_terminal=False, no_color=True)


def words(text: str, style: str = "") -> Text:
    """Text for a table or a line: brackets in a stranger's name are not read as markup."""
    return Text(printable(text), style=style)


def grid(*heads: str) -> Table:
    """An empty table; a head that begins with ">" stands to the right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for head in heads:
        right = head.startswith(">")
        table.add_column(words(head.removeprefix(">")), justify="right" if right else "left", no_wrap=right)
    return table


def row(table: Table, *cells: str | int, style: str = "") -> None:
    """Add a row; whole numbers get their separators."""
    table.add_row(*(words(f"{cell:,}" if isinstance(cell, int) else cell) for cell in cells), style=style)
