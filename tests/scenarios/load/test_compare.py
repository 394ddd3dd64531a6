"""A prediction beside a measurement."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from runtime.cli import BadInputError
from scenarios.catalogue import all_scenarios
from scenarios.commands.compare import as_json
from scenarios.load.compare import Comparison, Line, compare
from scenarios.load.profile import LoadProfile, Own, load_profile
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
    write_run,
)
from scenarios.report.compare_page import compare_page

VERSIONS = 1_000
EVERY_MS = 100
Wait = Callable[[int], int]


def profile(**more: Any) -> LoadProfile:
    return load_profile(all_scenarios()["quiet_week"], **more)


def a_run(folder: Path, wait: Wait = lambda number: 1_000 + number, **more: Any) -> Path:
    """A run of a thousand versions, one every tenth of a second; version `number` stands `wait(number)` ms later."""
    folder.mkdir(parents=True, exist_ok=True)
    fields: dict[str, Any] = {"kind": "simulated", "profile": profile(), **more}
    at = range(0, VERSIONS * EVERY_MS, EVERY_MS)
    approved = [ApprovedRow(f"DE01-{n}", 1, "DE01", "EMEA", ms, True, 100, "EUR") for n, ms in enumerate(at)]
    landings = [LandingRow(f"DE01-{n}", 1, "DE01", ms + wait(n), "post", 100, "EUR") for n, ms in enumerate(at)]
    APPROVED.write(folder, approved)
    LANDINGS.write(folder, landings)
    write_run(folder, LoadRun(**fields))
    return folder


def compared(tmp_path: Path, wait: Wait = lambda number: 1_000 + number, **more: Any) -> Comparison:
    """The usual prediction beside a live run that is like it but for what is said."""
    predicted = a_run(tmp_path / "predicted", outages=more.get("outages", ()))
    return compare(predicted, a_run(tmp_path / "live", wait, kind="live", **more))


def slower(percent: int) -> Wait:
    """So slow that the usual prediction is so many percent below it."""
    return lambda number: (1_000 + number) * 100 // (100 - percent)


def line(found: Comparison, name: str) -> Line:
    (one,) = [line for line in found.lines if line.name.strip() == name]
    return one


def test_a_run_is_as_far_from_itself_as_nothing(tmp_path: Path) -> None:
    """Where prediction and measurement are the same, every distance is nothing and every aim is held."""
    found = compared(tmp_path)
    assert found.exit == 0
    # Nothing waited at the end of this load, so there is no drain to be apart in.
    assert {one.distance_ppm for one in found.lines} == {0, None}
    assert [line(found, f"approval to posting p{p}").measured for p in (50, 95, 99)] == [1_499, 1_949, 1_989]
    assert not any(one.why for one in found.lines)


def test_nine_percent_is_within_the_aim_and_eleven_is_not(tmp_path: Path) -> None:
    """The aim at p50 and p95 is a tenth of the measurement, at p99 15 hundredths."""
    for percent, code in ((9, 0), (11, 1)):
        found = compared(tmp_path / str(percent), slower(percent))
        assert found.exit == code, percent
        p50 = line(found, "approval to posting p50")
        assert p50.distance_ppm == pytest.approx(-percent * 10_000, abs=1_000)
        assert line(found, "approval to posting p99").state == "held"
        assert (p50.state == "missed") == bool(code) == bool(p50.why)


def test_a_drain_is_over_when_99_in_100_stand(tmp_path: Path) -> None:
    """After an outage it is counted until 99 in 100 of what waited stand; the last row is shown without an aim."""
    outage = Outage(kind="maintenance_announced", what="erp", from_ms=10_000, until_ms=60_000)

    def away(number: int) -> int:
        """Whatever is approved in the outage lands after it, a row every 10 ms; the very last a minute later."""
        at = number * EVERY_MS
        if not 10_000 <= at < 60_000:
            return 50
        turn = number - 100
        return 60_000 - at + turn * 10 + (60_000 if turn == 499 else 0)

    found = compared(tmp_path, away, outages=(outage,))
    drain = line(found, "drain after maintenance announced, 10 to 60 s")
    assert drain.measured == 4_940
    assert drain.aim_ppm == 150_000
    last = next(one for one in found.lines if one.name == "  its last row")
    assert (last.measured, last.aim_ppm, last.state) == (64_990, None, "shown")


def test_the_backlog_says_how_far_apart_the_curves_are(tmp_path: Path) -> None:
    """The greatest distance of the two backlogs is told against the highest backlog measured."""
    found = compared(tmp_path, lambda number: 3_000 + number)
    apart = line(found, "backlog curves, furthest apart")
    assert apart.measured == 20
    assert line(found, "backlog, highest").measured == 39
    assert apart.distance_ppm == 20 * 1_000_000 // 39


def test_draws_of_chance_are_a_band_around_their_median(tmp_path: Path) -> None:
    """Of several draws the prediction is the median; a measurement within their band is told to be within chance."""
    predicted = a_run(tmp_path / "predicted")
    for number, factor in ((2, 2), (3, 4)):
        a_run(predicted / f"draw-{number}", slower(100 - 100 // factor))
    live = a_run(tmp_path / "live", lambda n: 3 * (1_000 + n), kind="live")
    p50 = line(compare(predicted, live), "approval to posting p50")
    assert (p50.predicted, p50.low, p50.high, p50.measured) == (2_998, 1_499, 5_996, 4_497)
    assert p50.state == "missed"
    assert "within what chance does" in p50.why


def test_a_step_of_the_curve_is_named(tmp_path: Path) -> None:
    """Where p99 lies on a step, so that a few calls more or fewer decide, the table says so."""
    predicted = a_run(tmp_path / "predicted", lambda n: 60_000 if n % 111 == 0 else 1_000)
    live = a_run(tmp_path / "live", lambda n: 60_000 if n % 90 == 0 else 1_000, kind="live")
    found = compare(predicted, live)
    assert "on a step of the curve" in line(found, "approval to posting p99").why
    assert found.exit == 1


def test_what_the_gateway_took_stands_beside_a_gap(tmp_path: Path) -> None:
    """Where a live run is slower than predicted, the time of its answers is told with the gap."""
    live = a_run(tmp_path / "live", lambda n: 1_300 + n, kind="live")
    REQUESTS.write(live, [RequestRow(at, at + 5, at + 305, "managers", 202, 80, 80, 0, 0) for at in range(100)])
    found = compare(a_run(tmp_path / "predicted"), live)
    why = line(found, "approval to posting p50").why
    assert "the gateway took 305 ms at p50" in why
    assert why.endswith("which the prediction takes for nothing")
    calibrated = profile().model_copy(update={"own": Own(intake_p50_ms=90, intake_p99_ms=200)})
    (note,) = compare(a_run(tmp_path / "calibrated", profile=calibrated), live).notes
    assert note.endswith("which the prediction takes for 90 ms at p50")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"interrupted": True}, "cut off"),
        (
            {
                "generator": GeneratorFigures(
                    planned_per_s=9,
                    reached_per_s=4,
                    lateness_p50_ms=900,
                    lateness_p99_ms=9_000,
                    saturated=True,
                    because="its core was busy",
                )
            },
            "its core was busy",
        ),
    ],
)
def test_a_run_of_another_load_proves_nothing(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    """A run that was cut off, or whose generator was the bottleneck, was not the load that was predicted."""
    found = compared(tmp_path, **more)
    assert found.exit == 5
    assert said in found.unproved


def test_nothing_measured_proves_nothing(tmp_path: Path) -> None:
    """A live run in which nothing came to stand is no measurement."""
    live = a_run(tmp_path / "live", kind="live")
    LANDINGS.write(live, [])
    found = compare(a_run(tmp_path / "predicted"), live)
    assert (found.exit, found.unproved) == (5, "nothing came to stand in the live run")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (profile(factor=40), "factor is 20 and 40"),
        (profile(volume=1.5), "volume is 1.0 and 1.5"),
        (load_profile(all_scenarios()["month_end"]), "scenario is quiet_week and month_end"),
    ],
)
def test_runs_of_different_loads_are_not_compared(tmp_path: Path, other: LoadProfile, said: str) -> None:
    """What differs between two loads is told in one line, and nothing is compared."""
    predicted = a_run(tmp_path / "predicted")
    live = a_run(tmp_path / "live", kind="live", profile=other)
    with pytest.raises(BadInputError, match=said):
        compare(predicted, live)


def test_the_order_of_the_folders_matters(tmp_path: Path) -> None:
    """Who gives the live run first is told in which order they go."""
    predicted, live = a_run(tmp_path / "predicted"), a_run(tmp_path / "live", kind="live")
    with pytest.raises(BadInputError, match="in that order"):
        compare(live, predicted)


def test_a_version_counts_from_its_first_line(tmp_path: Path) -> None:
    """A version that stands twice has waited until its first line; a line that nobody approved has no wait."""
    live = a_run(tmp_path / "live", kind="live")
    rows = list(LANDINGS.read(live))
    LANDINGS.write(
        live, [*rows, rows[0]._replace(posted_ms=900_000), rows[1]._replace(entry="nobody", posted_ms=900_000)]
    )
    found = compare(a_run(tmp_path / "predicted"), live)
    assert found.exit == 0
    assert found.measured.landed == VERSIONS


def test_the_page_has_both_in_every_picture(tmp_path: Path) -> None:
    """The page is one well-formed file without scripts, with three pictures that show prediction and measurement."""
    outage = Outage(kind="maintenance_announced", what="erp", from_ms=10_000, until_ms=60_000)
    page = compare_page(compared(tmp_path, lambda n: 2_000 + n, outages=(outage,)))
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    body = ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n").replace("&nbsp;", " "))  # noqa: S314  # our own
    pictures = list(body.iter("svg"))
    assert len(pictures) == 3
    for picture in pictures:
        drawn = [one.get("class") for one in picture.iter("polyline")]
        assert drawn == ["predicted", "measured"]
    assert "✕ beyond" in page
    assert page.count('class="away"') == 2


def test_machines_read_the_same(tmp_path: Path) -> None:
    """The JSON has every line of the table, the curves, and the exit code."""
    found = compared(tmp_path)
    told = json.loads(json.dumps(as_json(found)))
    assert told["exit"] == 0
    assert [one["name"] for one in told["lines"]] == [one.name for one in found.lines]
    assert sum(told["measured"]["landed_per_s"]) == told["measured"]["landed"] == VERSIONS


def test_a_drain_of_a_few_says_so(tmp_path: Path) -> None:
    """Where hardly anything waited when an outage ended, a drain that is far off is told to be a matter of one call."""
    outage = Outage(kind="maintenance_announced", what="erp", from_ms=59_000, until_ms=60_000)
    found = compared(tmp_path, lambda n: 9_000 if n % 50 == 0 else 1_000 + n, outages=(outage,))
    drain = line(found, "drain after maintenance announced, 59 to 60 s")
    assert drain.state == "missed"
    assert "a single call in doubt decides" in drain.why
