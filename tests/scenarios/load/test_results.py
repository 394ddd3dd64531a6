"""What a load run leaves behind."""

from pathlib import Path
from typing import Any

import pytest

from runtime.cli import BadInputError
from scenarios.catalogue import all_scenarios
from scenarios.load.profile import LoadProfile, Shape, compressed, load_profile
from scenarios.load.results import (
    APPROVED,
    LANDINGS,
    REQUESTS,
    ApprovedRow,
    GeneratorFigures,
    LandingRow,
    LoadRun,
    Outage,
    RequestRow,
    read_run,
    write_run,
)

ROWS = [
    ApprovedRow("DE01-1", 1, "DE01", "EMEA", 17, True, 12_345, "EUR"),
    ApprovedRow('odd, "name"', 2, "DE01", "EMEA", 18, False, None, ""),
]


def profile(**more: Any) -> LoadProfile:
    return load_profile(all_scenarios()["month_end"], **more)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Rows of all three tables come back as they were, commas, quotes and absent numbers included."""
    requests = [RequestRow(1, 2, 30, "managers", 202, 80, 79, 1, 0)]
    landings = [LandingRow("DE01-1", 1, "DE01", 900, "reverse", -12_345, "EUR")]
    APPROVED.write(tmp_path, ROWS)
    REQUESTS.write(tmp_path, requests)
    LANDINGS.write(tmp_path, landings)
    assert list(APPROVED.read(tmp_path)) == ROWS
    assert list(REQUESTS.read(tmp_path)) == requests
    assert list(LANDINGS.read(tmp_path)) == landings


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    """A run that was cut off in the middle of a line has every line but that one."""
    APPROVED.write(tmp_path, ROWS)
    file = tmp_path / APPROVED.name
    file.write_text(file.read_text() + "DE01-3,1,DE")
    assert list(APPROVED.read(tmp_path)) == ROWS


def test_rows_are_there_after_an_exception(tmp_path: Path) -> None:
    """Whoever is interrupted while writing leaves behind what was put so far."""

    def interrupted() -> None:
        with APPROVED.writing(tmp_path) as put:
            put(ROWS[:1])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(APPROVED.read(tmp_path)) == ROWS[:1]


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    """The profile, with its whole scenario, and the generator's figures survive the file."""
    figures = GeneratorFigures(planned_per_s=9.5, reached_per_s=9.25, lateness_p50_ms=1, lateness_p99_ms=20)
    outage = Outage(kind="maintenance_announced", what="erp-emea-1", from_ms=60_000, until_ms=90_000)
    run = LoadRun(kind="live", profile=profile(volume=1.5), url="http://x", generator=figures, outages=(outage,))
    write_run(tmp_path, run)
    assert read_run(tmp_path) == run


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no such file"),
        ("entry,version\n", "line 1 is not"),
        (f"{','.join(ApprovedRow._fields)}\nDE01-1,one,DE01,EMEA,17,1,,EUR\n", "line 2 cannot be read"),
        (f"{','.join(ApprovedRow._fields)}\nDE01-1,1,DE01,EMEA,17,yes,,EUR\n", "line 2 cannot be read"),
    ],
)
def test_a_foreign_file_is_told_in_one_line(tmp_path: Path, text: str | None, said: str) -> None:
    """A file that is not one of ours is refused with its name, its line and what to do."""
    if text is not None:
        (tmp_path / APPROVED.name).write_text(text)
    with pytest.raises(BadInputError, match=said) as told:
        list(APPROVED.read(tmp_path))
    assert "\n" not in str(told.value)


def test_a_broken_run_file_is_told_in_one_line(tmp_path: Path) -> None:
    """A run.json that says nothing usable is refused with the field that is wrong."""
    (tmp_path / "run.json").write_text('{"kind": "live"}')
    with pytest.raises(BadInputError, match="profile"):
        read_run(tmp_path)


def test_time_is_compressed() -> None:
    """An hour at factor twenty takes three minutes, and the cut-off comes a minute of scenario time before its end."""
    made = profile()
    assert (made.run_ms, made.run_time_ms(0), made.run_time_ms(made.until_ms)) == (180_000, 177_000, 180_000)


def test_quotas_grow_with_the_factor() -> None:
    """The systems of a load run let as much of the load through as they would have in the month: quota times factor."""
    made = profile(factor=20)
    before, after = made.scenario.world.erp.quota, compressed(made).world.erp.quota
    assert before is not None
    assert after is not None
    assert (after.calls, after.window_ms) == (before.calls * 20, before.window_ms)


def test_faults_of_the_way_belong_to_the_load() -> None:
    """Duplicate, late and missing events are made by whoever delivers, so the systems know nothing of them."""
    kinds = {fault.kind for fault in compressed(profile()).world.faults}
    assert kinds
    assert not kinds & {"duplicate_event", "reordered_event", "missing_event"}


def test_a_rate_belongs_to_a_steady_load() -> None:
    """A rate is for the shape that has none of its own; anywhere else it is a mistake."""
    assert profile(shape=Shape.SUSTAINED).rows_per_s == 2_000
    with pytest.raises(ValueError, match="rows_per_s"):
        profile(rows_per_s=5)
