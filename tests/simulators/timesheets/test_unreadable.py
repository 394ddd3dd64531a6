"""Files of which nothing can be read: one line that says what, where and how to mend."""

from pathlib import Path

import pytest

from simulators.timesheets.problems import TimesheetUnreadable
from simulators.timesheets.read import read_timesheet
from tests.simulators.timesheets.exports import HARVEST, export

BYTES = {
    "empty": (b"", "is empty; export the detailed report as CSV"),
    "blank": (b"\xef\xbb\xbf \r\n\r\n", "is empty; export the detailed report as CSV"),
    "nul": (b"Date,Project\x00,Hours\n", "is binary, not text (NUL bytes); export the detailed report as CSV"),
    "noise": (bytes(range(1, 32)) * 9, "is binary, not text; export the detailed report as CSV"),
    "undefined": (
        b"\x81\x8d\x8f",
        "is binary, not text in a known encoding; export the detailed report as CSV in UTF-8",
    ),
    "xlsx": (
        b"PK\x03\x04rest",
        "is a spreadsheet or archive (xlsx, ods, zip), not text; export the detailed report as CSV",
    ),
}


@pytest.mark.parametrize("name", sorted(BYTES))
def test_bytes_that_are_no_timesheet(tmp_path: Path, name: str) -> None:
    """Empty and binary files say so."""
    raw, message = BYTES[name]
    path = tmp_path / "march.csv"
    path.write_bytes(raw)
    with pytest.raises(TimesheetUnreadable) as error:
        read_timesheet(path)
    assert error.value.args == (f"{path}: {message}",)


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(TimesheetUnreadable, match=r"gone\.csv: there is no such file; check the path"):
        read_timesheet(tmp_path / "gone.csv")


def test_folder(tmp_path: Path) -> None:
    """A folder is not a file."""
    with pytest.raises(TimesheetUnreadable, match="is a folder, not a file; name the CSV file in it"):
        read_timesheet(tmp_path)


def test_unknown_header(tmp_path: Path) -> None:
    """The message names the known tools, the header found, and what the nearest tool needs besides."""
    with pytest.raises(TimesheetUnreadable) as error:
        export(tmp_path, "Date,Client,Project,Task,Worked", "2026-03-02,Acme,Web,Design,7.5")
    message = error.value.args[0]
    assert "\n" not in message
    assert message.endswith(
        "march.csv: its header is of no known tool (Harvest, Toggl Track, Clockify, Kimai, TimeTagger): "
        "found 'Date', 'Client', 'Project', 'Task', 'Worked'; nearest is Harvest, which needs 'Hours' as well; "
        "export the detailed report as CSV"
    )


def test_one_endless_line(tmp_path: Path) -> None:
    """A line longer than any value may be is an unknown header, shown cut."""
    with pytest.raises(TimesheetUnreadable) as error:
        export(tmp_path, "[" + "x" * 200_000)
    assert len(error.value.args[0]) < 600


def test_header_alone_is_readable(tmp_path: Path) -> None:
    """A header without rows was read: it holds nothing, and says so."""
    read = export(tmp_path, HARVEST)
    assert (read.total_rows, read.notes) == (0, ["the file has a header and no row"])
