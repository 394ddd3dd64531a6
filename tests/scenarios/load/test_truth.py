"""What a load run really did, counted at both ends."""

from pathlib import Path
from typing import Any

import pytest

from runtime.cli import BadInputError
from scenarios.load.results import (
    BOOKS,
    PLACES,
    REQUESTS,
    ApprovedRow,
    BookRow,
    LandingRow,
    Outage,
    PlaceRow,
    RequestRow,
)
from scenarios.load.truth import Truth, truth
from tests.scenarios.load.a_run import ACCOUNTS, CUTOFF_MS, CUTOFFS, approved, folder_of, landed


def of(
    folder: Path,
    approvals: list[ApprovedRow],
    landings: list[LandingRow],
    places: list[tuple[str, str]] | None = None,
    **more: Any,
) -> Truth:
    """The truth of a run with these rows; `places` None: the runtime was asked, and knew nothing to tell."""
    return truth(folder_of(folder, approvals, landings, places or (), **more), CUTOFFS, ACCOUNTS, 10_000)


def test_latency_runs_from_approval_to_the_line(tmp_path: Path) -> None:
    """Percentiles are nearest ranks over versions with a line of their own, in total, by region and by entity."""
    rows = [approved(f"E-{n}", n, entity="DE01" if n % 2 else "GB01") for n in range(100)]
    lines = [landed(row.entry, row.approved_ms + 1_000 + n, entity=row.entity) for n, row in enumerate(rows)]
    found = of(tmp_path, rows, lines)
    wait = found.whole.wait
    assert (wait.count, wait.p50_ms, wait.p95_ms, wait.p99_ms, wait.max_ms) == (100, 1_049, 1_094, 1_098, 1_099)
    assert [(one.name, one.wait.count, one.wait.max_ms) for one in found.entities] == [
        ("DE01", 50, 1_099),
        ("GB01", 50, 1_098),
    ]
    assert [(one.name, one.wait.count, one.versions) for one in found.regions] == [("EMEA", 100, 100)]
    assert (found.whole.due, found.whole.standing) == (100, 100)


@pytest.mark.parametrize(
    ("lines", "double"),
    [
        ([landed("E-1"), landed("E-1", 4_000)], 1),
        ([landed("E-1"), landed("E-1", 4_000, 2), landed("E-1", 5_000, 2, leg="reverse", amount=-100)], 1),
        ([landed("E-1"), landed("E-1", 4_000, 2, leg="reverse", amount=-100), landed("E-1", 4_000, 2)], 0),
    ],
)
def test_two_lines_at_once_are_a_double(tmp_path: Path, lines: list[LandingRow], double: int) -> None:
    """Also where one was reversed afterwards; a reversal that came first makes room, in the same millisecond too."""
    found = of(tmp_path, [approved("E-0"), approved("E-1"), approved("E-1", 2_000, 2)], [landed("E-0"), *lines])
    assert (found.whole.double, found.entities[0].double) == (double, double)
    assert [text for text in found.examples if "twice" in text] == ["E-1 stands twice"] * double


@pytest.mark.parametrize(
    ("place", "counted"),
    [
        ("", "lost"),
        ("unknown", "lost"),
        ("posted", "lost"),
        ("superseded", "lost"),
        ("excluded", "lost"),
        ("in_flight", "unsettled"),
        ("staged", "unsettled"),
        ("in_doubt", "unsettled"),
        ("parked", "parked"),
        ("waived", "parked"),
        ("refused", "refused"),
    ],
)
def test_what_does_not_stand_is_where_somebody_says_it_is(tmp_path: Path, place: str, counted: str) -> None:
    """On its way, parked, or never taken in; acknowledged and nowhere is lost, whatever the runtime takes it for."""
    found = of(tmp_path, [approved("E-1"), approved("E-2")], [landed("E-2")], [("E-1", place)] if place else [])
    told = {name: getattr(found.whole, name) for name in ("lost", "unsettled", "parked", "refused")}
    assert told == {**dict.fromkeys(told, 0), counted: 1}
    assert found.whole.in_doubt == (place == "in_doubt")


def test_without_a_word_of_the_runtime_nothing_is_lost(tmp_path: Path) -> None:
    """A prediction says where lines are and no more: what has none has not settled."""
    folder = folder_of(tmp_path, [approved("E-1")], [], None, kind="simulated")
    found = truth(folder, CUTOFFS, ACCOUNTS)
    assert (found.whole.lost, found.whole.unsettled) == (0, 1)


def test_counts_explain_what_nobody_asked_about(tmp_path: Path) -> None:
    """Where too much is missing to ask for each, an entity's own counts say how much is under way; more is lost."""
    rows = [approved(f"E-{n}") for n in range(10)]
    folder = folder_of(tmp_path, rows, [landed("E-0")], [("E-1", "in_flight")])
    BOOKS.write(folder, [BookRow("DE01", "in_flight", 5), BookRow("DE01", "parked", 2), BookRow("DE01", "posted", 1)])
    whole = truth(folder, CUTOFFS, ACCOUNTS).whole
    assert (whole.unsettled, whole.parked, whole.lost) == (5, 2, 2)


def test_a_correction_that_nobody_asked_about_is_explained_by_counts(tmp_path: Path) -> None:
    """An older line of another amount is right while so many versions are on their way, and wrong without them."""
    rows = [approved("E-1"), approved("E-1", 2_000, 2, worth=150)]
    folder = folder_of(tmp_path, rows, [landed("E-1")], places=())
    BOOKS.write(folder, [BookRow("DE01", "in_flight", 1)])
    whole = truth(folder, CUTOFFS, ACCOUNTS).whole
    assert (whole.wrong_amount, whole.lost, whole.unsettled) == (0, 0, 1)

    BOOKS.write(folder, [])
    whole = truth(folder, CUTOFFS, ACCOUNTS).whole
    assert (whole.wrong_amount, whole.lost, whole.unsettled) == (1, 0, 0)


def test_a_version_that_changed_words_is_carried_by_the_line_that_stands(tmp_path: Path) -> None:
    """It has no line and no latency of its own, and the entry stands since its first line."""
    rows = [approved("E-1"), approved("E-1", CUTOFF_MS, 2)]
    found = of(tmp_path, rows, [landed("E-1", 4_000)], [("E-1", "posted")])
    assert (found.whole.standing, found.whole.lost, found.whole.wait.count) == (1, 0, 1)
    assert (found.whole.due_at_cutoff, found.whole.by_cutoff) == (1, 1)


def test_a_correction_under_way_is_not_carried(tmp_path: Path) -> None:
    """While the runtime says that the new version is in flight, the old line does not speak for it."""
    rows = [approved("E-1"), approved("E-1", 2_000, 2, worth=150)]
    found = of(tmp_path, rows, [landed("E-1")], [("E-1", "in_flight")])
    assert (found.whole.standing, found.whole.unsettled, found.whole.wrong_amount) == (0, 1, 0)


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        ([approved("E-1")], [landed("E-1", amount=99)]),
        ([approved("E-1"), approved("E-1", 2_000, 2, worth=150)], [landed("E-1")]),
        ([approved("E-1"), approved("E-1", 2_000, 2, to_post=False)], [landed("E-1")]),
        (
            [approved("E-1"), approved("E-1", 2_000, 2)],
            [landed("E-1", amount=99), landed("E-1", leg="reverse", amount=-99), landed("E-1", 4_000, 2)],
        ),
    ],
    ids=["another amount", "a correction not carried out", "taken back, and it stands", "wrong, and reversed later"],
)
def test_a_wrong_amount_is_found(tmp_path: Path, rows: list[ApprovedRow], lines: list[LandingRow]) -> None:
    """A line is worth what its version is, and what stands is what the last version asks for."""
    assert of(tmp_path, rows, lines).whole.wrong_amount == 1


def test_what_nobody_approved_is_invented_unless_the_run_was_cut_off(tmp_path: Path) -> None:
    """A generator that was interrupted has not written down everything that it had sent."""
    rows, lines = [approved("E-1")], [landed("E-1"), landed("E-9")]
    assert of(tmp_path, rows, lines).whole.invented == 1
    assert of(tmp_path, rows, lines, interrupted=True).whole.invented == 0


def test_what_was_due_at_the_cut_off_stands_in_time_or_not(tmp_path: Path) -> None:
    """Due is the last version by the cut-off; in time is until the grace is over; the rest waits at the cut-off."""
    rows = [approved(f"E-{n}", CUTOFF_MS - 10) for n in range(4)] + [approved("E-9", CUTOFF_MS + 1)]
    after_ms = [-5, 10_000, 10_001]
    lines = [landed(f"E-{n}", CUTOFF_MS + late) for n, late in enumerate(after_ms)]
    found = of(tmp_path, rows, lines, [("E-3", "in_flight"), ("E-9", "in_flight")])
    de01 = found.entities[0]
    assert (de01.due_at_cutoff, de01.by_cutoff, de01.in_time, de01.backlog_at_cutoff) == (4, 1, 2, 3)
    assert de01.in_time_ppm == 500_000
    assert de01.cleared_ms is None


def test_the_backlog_rises_and_falls(tmp_path: Path) -> None:
    """What will get a line is in it from its approval to its line, what is left stays, and superseded versions are
    not in it."""
    rows = [approved("E-1", 500), approved("E-2", 1_500), approved("E-2", 1_600, 2), approved("E-3", 2_500)]
    lines = [landed("E-1", 2_100), landed("E-2", 3_900, 2)]
    found = of(tmp_path, rows, lines, [("E-3", "in_flight")], ended_ms=5_000)
    assert found.curves.backlog[:6] == [1, 2, 2, 1, 1, 1]
    assert found.backlogs["DE01"] == found.curves.backlog
    assert (found.curves.approved[:3], found.curves.posted[:4]) == ([1, 2, 1], [0, 0, 1, 1])
    assert found.whole.backlog_peak == 2


def test_what_is_lost_stays_in_the_backlog(tmp_path: Path) -> None:
    """It will never get a line, and nobody may think that it was worked off."""
    found = of(tmp_path, [approved("E-1", 500), approved("E-2", 500)], [landed("E-2")], ended_ms=5_000)
    assert (found.whole.lost, found.curves.backlog[-1]) == (1, 1)


def test_a_drain_lasts_until_what_waited_at_the_end_of_the_outage_stands(tmp_path: Path) -> None:
    """Only what was approved before and had not landed counts, of entities behind the account; what never stands makes
    the drain unknown."""
    outage = Outage(kind="maintenance_unannounced", what="erp-emea-1", from_ms=5_000, until_ms=9_000)
    elsewhere = Outage(kind="maintenance_unannounced", what="erp-apac-1", from_ms=5_000, until_ms=9_000)
    rows = [approved("E-1"), approved("E-2", 8_000), approved("E-3", 9_001)]
    lines = [landed("E-1"), landed("E-2", 12_500), landed("E-3", 30_000)]
    found = of(tmp_path, rows, lines, outages=(outage, elsewhere))
    assert [(one.drain_ms, one.waiting) for one in found.drains] == [(0, 0), (3_500, 1)]
    assert (found.whole.drain_ms, found.entities[0].drain_ms, found.drains[1].slowest) == (3_500, 3_500, "DE01")
    assert found.whole.last_drain_ms == 30_000 - 9_001
    never = of(tmp_path, rows, lines[:1], [("E-2", "in_flight"), ("E-3", "in_flight")], outages=(outage,))
    assert [(one.drain_ms, one.waiting) for one in never.drains] == [(None, 1)]


def test_answers_count_from_the_intended_instant(tmp_path: Path) -> None:
    """A late start is in the latency, refusals are told by status, and what was accepted is on the curve."""
    folder = folder_of(tmp_path, [approved("E-1")], [landed("E-1")])
    rows = [
        RequestRow(0, 900, 1_000, "managers", 202, 10, 8, 1, 1),
        RequestRow(1_000, 1_000, 1_100, "managers", 503, 10, 4, 0, 0),
        RequestRow(2_000, 2_000, 0, "machines", 0, 5, 0, 0, 0),
    ]
    REQUESTS.write(folder, rows)
    found = truth(folder, CUTOFFS, ACCOUNTS)
    everybody, managers, machines = found.answers
    assert (everybody.requests, everybody.items, everybody.statuses) == (3, 25, {"none": 1, "202": 1, "503": 1})
    assert (managers.wait.max_ms, managers.late.max_ms, machines.wait.count) == (1_000, 900, 0)
    assert found.refusals == {"none": 5, "item": 1, "503": 6}
    assert found.curves.accepted[:2] == [0, 12]


def test_lines_before_their_approval_tell_of_clocks(tmp_path: Path) -> None:
    """They are counted, with the most that the clocks differ by."""
    found = of(tmp_path, [approved("E-1", 5_000), approved("E-2", 5_000)], [landed("E-1", 4_400), landed("E-2", 6_000)])
    assert (found.before_approval, found.ahead_ms, found.whole.wait.p50_ms) == (1, 600, 0)


def test_throughput_is_that_of_the_busiest_ten_seconds_and_of_all(tmp_path: Path) -> None:
    """A hundred lines in ten seconds, and one long after."""
    rows = [approved(f"E-{n}") for n in range(101)]
    lines = [landed(f"E-{n}", 2_000 + n * 90) for n in range(100)] + [landed("E-100", 102_000)]
    found = of(tmp_path, rows, lines)
    assert (found.posted_per_s_most, round(found.posted_per_s, 2)) == (10.0, 1.01)


def test_an_empty_run_has_a_truth(tmp_path: Path) -> None:
    """Nothing approved and nothing posted is no error of ours."""
    found = of(tmp_path, [], [])
    assert (found.whole.due, found.whole.wait.p50_ms, found.examples) == (0, None, [])


def test_a_place_that_nobody_knows_is_told_in_one_line(tmp_path: Path) -> None:
    """A table that was written by hand, or by another version, is refused."""
    folder = folder_of(tmp_path, [approved("E-1")], [])
    PLACES.write(folder, [PlaceRow("E-1", 1, "DE01", "nirvana", "")])
    with pytest.raises(BadInputError, match="nirvana"):
        truth(folder, CUTOFFS, ACCOUNTS)
