"""From the bytes of a file to numbered records of text, for a file that a stranger's program wrote.

UTF-8 with or without a byte order mark, UTF-16 with one, else Windows-1252; an Excel "sep=;" line; quoted values over
several lines; and a quote that is never closed, which costs its own line and not the rest of the file.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulators.timesheets.problems import TimesheetUnreadable

_ARCHIVES = {
    b"PK\x03\x04": "a spreadsheet or archive (xlsx, ods, zip)",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet (xls)",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a compressed file (gz)",
}
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_MEND = "export the detailed report as CSV"


@dataclass(frozen=True, slots=True)
class Record:
    """One record: the line it begins on, counted from 1, and its values; None where a quote is never closed."""

    line: int
    values: Sequence[str] | None
    text: str


def read_text(path: Path) -> tuple[str, list[str]]:
    """The text of a file, and notes on how it was decoded. Raises TimesheetUnreadable."""
    try:
        raw = path.read_bytes()
    except IsADirectoryError:
        raise TimesheetUnreadable(f"{path}: is a folder, not a file; name the CSV file in it") from None
    except FileNotFoundError:
        raise TimesheetUnreadable(f"{path}: there is no such file; check the path") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise TimesheetUnreadable(f"{path}: cannot be read ({reason}); check its permissions") from None
    for start, what in _ARCHIVES.items():
        if raw.startswith(start):
            raise TimesheetUnreadable(f"{path}: is {what}, not text; {_MEND}")
    text, notes = _decode(path, raw)
    if not text.strip():
        raise TimesheetUnreadable(f"{path}: is empty; {_MEND}")
    first = text.lstrip().splitlines()[0]
    if "\x00" in text or _CONTROL.search(first):
        raise TimesheetUnreadable(f"{path}: is binary, not text; {_MEND}")
    return text, notes


def _decode(path: Path, raw: bytes) -> tuple[str, list[str]]:
    try:
        if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return raw.decode("utf-16"), ["the file is UTF-16"]
        if b"\x00" in raw:
            raise TimesheetUnreadable(f"{path}: is binary, not text (NUL bytes); {_MEND}")
        try:
            return raw.decode("utf-8-sig"), []
        except UnicodeDecodeError:
            return raw.decode("cp1252"), ["the file is not UTF-8 and was read as Windows-1252"]
    except UnicodeDecodeError:
        raise TimesheetUnreadable(f"{path}: is binary, not text in a known encoding; {_MEND} in UTF-8") from None


def split_lines(text: str) -> list[str]:
    """Lines as an editor counts them, with their ends (not at the separators that `str.splitlines` knows)."""
    return list(io.StringIO(text, newline=""))


def records(lines: Sequence[str], begin: int, delimiter: str) -> Iterator[Record]:
    """Every record from index `begin` on; blank lines are none.

    Read strictly: a quote that opens and does not close at a delimiter would otherwise shift values into other
    columns, or swallow the following lines. The line with such a quote is given up and reading goes on below it.
    """
    at = begin
    while at < len(lines):
        reader = csv.reader(map(lines.__getitem__, range(at, len(lines))), delimiter=delimiter, strict=True)
        start = at
        try:
            for values in reader:
                if values:
                    yield Record(start + 1, values, lines[start].rstrip("\r\n"))
                start = at + reader.line_num
            return
        except csv.Error:
            yield Record(start + 1, None, lines[start].rstrip("\r\n"))
            at = start + 1
