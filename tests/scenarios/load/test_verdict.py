"""What a load run means."""

from pathlib import Path
from typing import Any

import pytest

from scenarios.load.bounds import QUOTA
from scenarios.load.calendar import LoadCalendar
from scenarios.load.results import (
    DOORS,
    LANDINGS,
    REQUESTS,
    ApprovedRow,
    DoorRow,
    Findings,
    GeneratorFigures,
    LandingRow,
    Outage,
    RequestRow,
    write_findings,
)
from scenarios.load.verdict import LoadReport, judge_load
from tests.scenarios.load.a_run import CUTOFF_MS, approved, folder_of, landed, profile

CALENDAR = LoadCalendar(profile())
ROWS = [approved(f"E-{n}", n * 100, entity="DE01" if n % 2 else "GB01") for n in range(100)]
LINES = [landed(row.entry, row.approved_ms + 5_000, entity=row.entity) for row in ROWS]
CLEAN = Findings(cores=2, settled=True, audit={"lost": 0, "double": 0})


def judged(
    folder: Path,
    rows: list[ApprovedRow] = ROWS,
    lines: list[LandingRow] = LINES,
    places: list[tuple[str, str]] | None = None,
    findings: Findings | None = CLEAN,
    **more: Any,
) -> LoadReport:
    """The report of a run with these rows."""
    folder_of(folder, rows, lines, places or (), **more)
    if findings is not None:
        write_findings(folder, findings)
    return judge_load(folder, CALENDAR)


def test_a_good_run_holds(tmp_path: Path) -> None:
    """Books right, everything in time, the rate reached: exit 0, and every target shows its sum."""
    report = judged(tmp_path)
    assert (report.verdict.exit, report.verdict.word) == (0, "held")
    assert not report.late
    assert {sla.held for sla in report.slas} == {True}
    assert all(sla.arithmetic for sla in report.slas)
    assert [sla.name for sla in report.slas][:3] == [f"approval to posting p{n}" for n in (50, 95, 99)]


@pytest.mark.parametrize(
    ("lines", "findings", "broken"),
    [
        ([*LINES, landed("E-1", 9_000)], CLEAN, "B1"),
        (LINES[1:], CLEAN, "B2"),
        ([landed("E-0", 5_000, entity="GB01", amount=1), *LINES[1:]], CLEAN, "B3"),
        ([*LINES, landed("X-1")], CLEAN, "B4"),
        (LINES, CLEAN.model_copy(update={"audit": {"wrong_period": 1}}), "B5"),
        (LINES, CLEAN.model_copy(update={"acknowledged_unknown": 1}), "B6"),
        (LINES, CLEAN.model_copy(update={"violations": ("a chain is broken",)}), "B6"),
    ],
)
def test_wrong_books_come_first(tmp_path: Path, lines: list[LandingRow], findings: Findings, broken: str) -> None:
    """A double, a loss, a wrong amount, an invention, and what auditors and journals find: exit 3 whatever else is
    true, and even of a part of a run."""
    late = GeneratorFigures(planned_per_s=10, reached_per_s=1, lateness_p50_ms=0, lateness_p99_ms=0)
    report = judged(tmp_path, lines=lines, findings=findings, generator=late)
    assert report.verdict.exit == 3
    assert [one.id for one in report.invariants if one.status == "violated"] == [broken]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"interrupted": True}, "interrupted"),
        (
            {
                "generator": GeneratorFigures(
                    planned_per_s=10,
                    reached_per_s=10,
                    lateness_p50_ms=0,
                    lateness_p99_ms=0,
                    saturated=True,
                    because="busy",
                )
            },
            "bottleneck: busy",
        ),
        (
            {"generator": GeneratorFigures(planned_per_s=10, reached_per_s=9.4, lateness_p50_ms=0, lateness_p99_ms=0)},
            "9.4 of 10.0",
        ),
        ({"findings": CLEAN.model_copy(update={"unstruck": ("killed",)})}, "never happened: killed"),
        ({"lines": LINES[:40], "places": [(row.entry, "parked") for row in ROWS[40:]]}, "only 40 of 100"),
        ({"lines": [line._replace(posted_ms=max(0, line.posted_ms - 8_000)) for line in LINES]}, "clocks"),
    ],
)
def test_a_run_that_proves_nothing_says_why(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    """Cut off, a generator that could not, misfortunes that did not come, too little posted, clocks that differ."""
    report = judged(tmp_path, **more)
    assert report.verdict.exit == 5
    assert said in report.verdict.sentence


def test_work_that_is_left_has_not_settled(tmp_path: Path) -> None:
    """Where nothing of the world stood in its way it should have finished: exit 4, with who has it."""
    report = judged(tmp_path, lines=LINES[1:], places=[("E-0", "in_doubt")])
    assert report.verdict.exit == 4
    assert "GB01: 1 on their way" in report.verdict.sentence
    assert "1 of all in doubt" in report.verdict.sentence


def test_a_runtime_that_says_it_is_not_done_has_not_settled(tmp_path: Path) -> None:
    """Even where every line stands: the source may not have been told."""
    report = judged(tmp_path, findings=CLEAN.model_copy(update={"settled": False}))
    assert report.verdict.exit == 4


def full_doors(folder: Path) -> None:
    """An account whose quota was used up all the time."""
    quota = profile().scenario.world.erp.quota
    assert quota is not None
    DOORS.write(folder, [DoorRow(at_ms, "erp-emea-1", "post", "served", quota.calls * 20, 1) for at_ms in (0, 60_000)])


def test_a_small_quota_misses_and_is_named(tmp_path: Path) -> None:
    """Exit 1: who missed, by how much, and that the quota binds; what it left undone is no other failing of the run."""
    late = [row._replace(approved_ms=CUTOFF_MS - 1_000) for row in ROWS]
    left = [(row.entry, "in_flight") for row in late if row.entity == "GB01"]
    lines = [landed(row.entry, CUTOFF_MS + 2_000, entity="DE01") for row in late if row.entity == "DE01"]
    full_doors(tmp_path)
    report = judged(tmp_path, late, lines, left, findings=CLEAN.model_copy(update={"settled": False}))
    assert report.verdict.exit == 1
    assert report.binds == {"GB01": QUOTA}
    [missed] = report.late
    assert (missed.late, missed.allowed) == (50, 1)
    assert "legal entities that were late" in report.verdict.sentence


def test_what_people_have_to_do_makes_no_entity_late(tmp_path: Path) -> None:
    """Parked rows wait for a person and refused ones for their sender; one entry may always be late."""
    places = [("E-0", "parked"), ("E-1", "refused"), ("E-2", "parked")]
    report = judged(tmp_path, lines=LINES[3:], places=places)
    assert not report.late
    assert [sla.held for sla in report.slas if sla.unit == "entities"] == [True]


def test_a_slow_run_misses(tmp_path: Path) -> None:
    """Percentiles above their targets are exit 1, by name."""
    lines = [line._replace(posted_ms=line.posted_ms + 100_000) for line in LINES]
    report = judged(tmp_path, lines=lines)
    assert report.verdict.exit == 1
    assert next(sla.name for sla in report.slas if sla.held is False) == "approval to posting p50"


def test_a_drain_that_never_ended_is_as_long_as_the_run(tmp_path: Path) -> None:
    """What did not come to stand after an outage drained no faster than somebody looked."""
    outage = Outage(kind="maintenance_unannounced", what="erp-emea-1", from_ms=2_000, until_ms=20_000)
    report = judged(tmp_path, lines=LINES[1:], places=[("E-0", "in_flight")], outages=(outage,))
    drain = next(sla for sla in report.slas if sla.name == "drain after an outage")
    assert drain.actual == 180.0
    calm = judged(tmp_path, outages=(outage.model_copy(update={"from_ms": 170_000, "until_ms": 171_000}),))
    drain = next(sla for sla in calm.slas if sla.name == "drain after an outage")
    assert (drain.held, drain.unmeasured) == (True, "nothing waited for one")


def test_a_prediction_is_judged_by_the_same_targets(tmp_path: Path) -> None:
    """Without generator, requests and findings: books and promises, and nothing else."""
    folder_of(tmp_path, ROWS, LINES, None, kind="simulated", generator=None)
    report = judge_load(tmp_path, CALENDAR)
    assert report.verdict.exit == 0
    assert [one.id for one in report.invariants] == ["B1", "B2", "B3", "B4"]


def test_a_run_without_a_cut_off_promises_none(tmp_path: Path) -> None:
    """Where the window ends before anybody's cut-off, no share in time is judged."""
    early = profile(from_ms=-7_200_000, until_ms=-3_600_000)
    folder_of(tmp_path, ROWS, LINES, profile=early)
    report = judge_load(tmp_path, LoadCalendar(early))
    assert [sla.name for sla in report.slas] == [f"approval to posting p{n}" for n in (50, 95, 99)]


def test_the_tables_are_kept_for_whoever_draws(tmp_path: Path) -> None:
    """Doors and answers come with the report."""
    REQUESTS.write(tmp_path, [RequestRow(0, 0, 10, "managers", 202, 100, 100, 0, 0)])
    full_doors(tmp_path)
    report = judged(tmp_path)
    assert (len(report.doors), report.truth.answers[0].requests) == (2, 1)
    assert LANDINGS.there(tmp_path)
