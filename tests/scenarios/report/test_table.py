"""The table for people fits, adds up and is plain where nobody sees colours."""

import io

import pytest
from rich.console import Console

from scenarios.report.html import page as page_of
from scenarios.report.junit import junit
from scenarios.report.model import Report, Sla, verdict
from scenarios.report.table import WIDTH, console_for, identity, print_table
from tests.scenarios.report.sample import sample


def printed(report: Report, page: str = "out/report.html") -> str:
    """What somebody finds in a log file."""
    stream = io.StringIO()
    print_table(report, console_for(stream), page)
    return stream.getvalue()


def test_the_identity_adds_up():
    """The terms of the identity are the places that hold something, and their sum is what was approved."""
    report = sample()

    left, right = identity(report).split(" approved = ")
    terms = right.split(";")[0].split(" + ")

    assert int(left.replace(",", "")) == report.approved
    assert sum(int(term.split()[0].replace(",", "")) for term in terms) == report.approved


def test_an_identity_that_does_not_add_up_says_so():
    """No equals sign stands between two things that differ."""
    report = sample()
    report.entries["posted"] -= 1

    assert "approved = " not in identity(report)
    assert "does not add up" in printed(report)


def test_a_promise_about_nothing_is_kept_and_says_so():
    """Without an outage there is no drain: no number, no failure, in the table, the page and the CI file alike."""
    report = sample()
    report.slas = [Sla("drain after an outage", 21_600, None, "s", True, "2 h", unmeasured="no outage")]

    (line,) = [line for line in printed(report).splitlines() if line.lstrip().startswith("drain after an outage")]
    assert "no outage" in line
    assert "held" in line
    assert ">no outage<" in page_of(report)
    assert 'failures="0" errors="0" skipped="0"' in junit(report)
    assert verdict(report.invariants, report.slas, settled=True, proved=True).exit == 0


@pytest.mark.parametrize("bad", [False, True])
def test_a_hundred_columns_and_no_escape_codes(bad: bool):
    """In a file the table is plain text of at most 100 columns; only a command to be copied is never broken."""
    *lines, command = printed(sample(entities=12, bad=bad)).splitlines()

    assert max(map(len, lines)) <= WIDTH
    assert command.startswith("to see it again:  springtide simulate")
    assert not any("\x1b" in line for line in [*lines, command])


def test_a_terminal_gets_colours():
    """On a terminal the same words are coloured."""
    stream = io.StringIO()

    print_table(sample(bad=True), Console(file=stream, force_terminal=True, width=WIDTH, color_system="standard"))

    assert "\x1b[" in stream.getvalue()


def test_a_violation_names_entry_versions_and_amount():
    """A planted bug ends with the entry, its versions and the money billed twice."""
    text = " ".join(printed(sample(bad=True)).split())

    assert "planted resend_without_lookup; added: lost reply; ERP profile: no key, look-up by reference" in text
    assert "TS-100234 versions 1, 2, 913.37 EUR" in text
    assert "exit 3 (violated)" in text


def test_it_says_what_to_type_next():
    """The command that shows the same run again carries everything that shaped it, quoted for a shell."""
    report = sample(bad=True)
    report.overrides = {"people.note": "two words"}
    report.timesheet = "march 2026.csv"

    text = printed(report)

    assert "open out/report.html" in text
    assert (
        "springtide simulate month_end_emea --seed 42 --timesheet 'march 2026.csv' --plant resend_without_lookup "
        "--set 'people.note=two words'"
    ) in text


def test_strangers_cannot_write_to_the_terminal():
    """Control characters and rich markup in a name are shown, not obeyed."""
    report = sample(bad=True)
    report.cases[0].owner = "[red]finance[/red]\x1b[2J"
    report.findings[0].text = "[bold]\x07"
    report.slas[0].unit = "[link=x]"

    text = printed(report)

    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[red]" in text


def test_a_stream_that_cannot_write_a_name_still_gets_the_table():
    """A name in a foreign script on an ASCII stream becomes question marks and the run goes on."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    report = sample()
    report.description = "経費"

    print_table(report, console_for(stream))
    stream.flush()

    assert b"??" in raw.getvalue()
