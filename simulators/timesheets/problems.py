"""What is said about a timesheet that cannot be read, wholly or in one row: what, where, how to mend, in one line."""

from dataclasses import dataclass

SHOWN = 60
"""Characters of a foreign value that are quoted back; enough to find it, too few to flood a terminal."""


def quoted(value: str) -> str:
    """A value of a stranger's file as it may be printed: one line, no control characters, cut when long."""
    plain = "".join(sign if sign.isprintable() else " " for sign in value)
    plain = " ".join(plain.split())
    return f"'{plain[:SHOWN]}…'" if len(plain) > SHOWN else f"'{plain}'"


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row that is kept out: file, line (as an editor counts), column as the header spells it, value and reason."""

    file: str
    line: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: column {quoted(self.column)}: {quoted(self.value)} {self.reason}"


@dataclass(frozen=True, slots=True)
class IgnoredLine:
    """A line that holds no booking, such as a total: named, so that the counts add up."""

    line: int
    what: str


class CellProblem(Exception):  # noqa: N818  named for what it says
    """A cell keeps its row out. Arguments: column as the header spells it, value, reason."""

    def __init__(self, column: str, value: str, reason: str) -> None:
        super().__init__(column, value, reason)
        self.column = column
        self.value = value
        self.reason = reason


class TimesheetUnreadable(Exception):  # noqa: N818  named for what it says
    """Nothing of the file can be read. Its only argument is the one line that says what, where and how to mend."""


class NothingToRehearse(Exception):  # noqa: N818  named for what it says
    """The file was read, and no row of it can be used. Its only argument is the line that says so."""
