"""Progress is seen by people, costs a run nothing, and is silent where nobody looks."""

import io

import pytest
from rich.console import Console

from scenarios.report import progress as module
from scenarios.report.progress import Unseen, progress

DAY = 86_400_000
MARCH = 1_772_323_200_000  # 2026-03-01T00:00Z


def watched() -> tuple[Console, io.StringIO]:
    """A terminal that somebody looks at."""
    stream = io.StringIO()
    return Console(file=stream, force_terminal=True, width=120, color_system=None), stream


def test_it_shows_date_backlog_and_posted():
    """A person sees the simulated date, what waits and what is done."""
    console, stream = watched()

    with progress(31 * DAY, True, console=console) as shown:
        shown.update(MARCH, 1_234, 56_789)

    text = stream.getvalue()
    assert "Sun 1 Mar 2026 00:00 UTC" in text
    assert "backlog 1,234, posted 56,789" in text


def test_the_first_update_is_the_start(monkeypatch: pytest.MonkeyPatch):
    """Without a start the bar begins at the first update, so half a month later it is half full."""
    console, stream = watched()
    monkeypatch.setattr(module, "_REDRAW_S", 0.0)

    with progress(30 * DAY, True, console=console) as shown:
        shown.update(MARCH, 0, 0)
        shown.update(MARCH + 15 * DAY, 0, 0)

    assert "50%" in stream.getvalue()


def test_it_does_not_draw_at_every_update():
    """Thousands of updates in a moment are a few drawings."""
    console, stream = watched()

    with progress(30 * DAY, True, start_ms=MARCH, console=console) as shown:
        for i in range(5_000):
            shown.update(MARCH + i, i, i)

    assert stream.getvalue().count("backlog") < 500


@pytest.mark.parametrize("enabled", [True, False])
def test_nobody_looks_and_nothing_is_drawn(enabled: bool):
    """Not enabled, or not a terminal: nothing is written."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=not enabled)

    with progress(DAY, enabled, console=console) as shown:
        shown.update(MARCH, 1, 1)

    assert isinstance(shown, Unseen)
    assert stream.getvalue() == ""


def test_standard_output_stays_what_it_was(capsys: pytest.CaptureFixture[str]):
    """What is printed while progress is drawn goes where it was sent, so that a report on it stays whole."""
    console, stream = watched()

    with progress(DAY, True, console=console) as shown:
        shown.update(MARCH, 1, 1)
        print("the report")  # noqa: T201 - printing is the rule under test

    assert capsys.readouterr().out == "the report\n"
    assert "the report" not in stream.getvalue()
