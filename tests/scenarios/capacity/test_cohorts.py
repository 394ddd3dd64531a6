"""What people publish, as cohorts."""

from datetime import date

from scenarios.capacity.cohorts import Approvals, Cohort, approvals, window_start_ms
from simulators.faults.source import MissingEvent, ReorderedEvent
from simulators.faults.weather import Weather
from simulators.firm.model import AssignmentPlan
from simulators.people.acts import (
    Act,
    AutoApproved,
    LineChanged,
    LinePlan,
    LinesApproved,
    LineWithdrawn,
    SheetPlan,
    SheetsDecided,
    SheetSubmitted,
)
from simulators.settings import DAY_MS, HOUR_MS

CUTOFF = 100 * DAY_MS
ASSIGNMENT = AssignmentPlan("A", "W", "P", "T", "R", "G", "DE01", "C", "K", "Europe/Berlin", ())
CALM = Weather((), 1)


def sheet(name: str, rows: int, time_type: str = "standard") -> SheetPlan:
    """A sheet with so many rows."""
    day = date(2026, 3, 31)
    lines = [LinePlan(f"{name}:{n}", n, ASSIGNMENT, day, 8, time_type, True, "", 0) for n in range(1, rows + 1)]
    return SheetPlan(name, "W", "B", "DE01", day, lines)


def handed_in(*sheets: SheetPlan) -> list[Act]:
    """They are submitted first."""
    return [SheetSubmitted(1, each) for each in sheets]


def of(acts: list[Act], weather: Weather = CALM) -> Approvals:
    """What is published."""
    return approvals(acts, weather, 1, {"DE01": CUTOFF})


def rows(found: Approvals) -> list[tuple[int, int, int]]:
    """(rows, due, posts) of every cohort in the order in which they arrive."""
    return [(cohort.rows, cohort.due, cohort.posts) for _, cohort in found.arrivals]


def test_rows_of_one_click_are_one_cohort() -> None:
    """What one act approves arrives together, less what was rejected; after the cut-off it is not due."""
    first, second = sheet("S", 5), sheet("T", 3)
    click = SheetsDecided(CUTOFF - HOUR_MS, "B", "bulk", [first, second], rejected=("S:1",))
    late = LinesApproved(CUTOFF + HOUR_MS, "DE01", "B", ("S:1",))
    assert rows(of([*handed_in(first, second), click, late])) == [(7, 7, 0), (1, 0, 0)]


def test_a_large_click_comes_in_several_deliveries() -> None:
    """A delivery is no larger than the simulator's, and none of the rows is lost between them."""
    large = sheet("S", 450)
    found = of([*handed_in(large), SheetsDecided(CUTOFF - 1, "B", "bulk", [large])])
    assert sorted(each for each, _, _ in rows(found)) == [50, 200, 200]


def test_the_cut_off_takes_what_nobody_decided() -> None:
    """Auto-approval publishes what was submitted and neither decided nor approved before."""
    decided, left = sheet("S", 2), sheet("T", 3)
    acts = [*handed_in(decided, left), SheetsDecided(5, "B", "single", [decided]), AutoApproved(CUTOFF, "DE01")]
    assert rows(of(acts)) == [(2, 2, 0), (3, 3, 0)]


def test_a_change_is_a_reversal_and_then_a_posting() -> None:
    """A changed quantity costs two rows one after the other, other words cost none, a withdrawal costs a reversal."""
    one = sheet("S", 3)
    acts = [
        *handed_in(one),
        SheetsDecided(5, "B", "single", [one]),
        LineChanged(10, "DE01", "S:1", quarter_hours=4),
        LinesApproved(DAY_MS, "DE01", "B", ("S:1",)),
        LineChanged(10, "DE01", "S:2", narrative="clearer"),
        LinesApproved(DAY_MS, "DE01", "B", ("S:2",)),
        LineWithdrawn(2 * DAY_MS, "DE01", "S:3", "deleted"),
    ]
    assert rows(of(acts)) == [(2, 2, 0), (1, 0, 1), (1, 0, 0)]


def test_what_is_not_posted_by_rule_is_not_due() -> None:
    """Leave never reaches the ERP."""
    leave, work = sheet("S", 2, "leave"), sheet("T", 3)
    assert rows(of([*handed_in(leave, work), SheetsDecided(5, "B", "bulk", [leave, work])])) == [(3, 3, 0)]


def test_an_event_is_as_late_or_lost_as_in_a_full_run() -> None:
    """What never comes is in no cohort, and what is late is in one of its own."""
    one = sheet("S", 100)
    acts = [*handed_in(one), SheetsDecided(5, "B", "single", [one])]
    lost = of(acts, Weather((MissingEvent(ppm=1_000_000),), 1))
    late = of(acts, Weather((ReorderedEvent(ppm=500_000, delay_ms_low=HOUR_MS, delay_ms_high=DAY_MS),), 1))
    assert rows(lost) == []
    assert sum(each for each, _, _ in rows(late)) == 100
    assert len(rows(late)) > 30


def test_the_window_begins_where_nothing_was_left_over() -> None:
    """A day before the cut-off is early enough, unless what came before could not have gone by then."""
    before = CUTOFF - DAY_MS
    found = Approvals([(before - 3 * HOUR_MS + 1, Cohort(0, "DE01", 1_000, 1_000))], {})
    quick, slow, never = (window_start_ms(found, CUTOFF, 0, rate / HOUR_MS) for rate in (1_000, 334, 300))
    assert quick == before
    assert slow == before
    assert never == before - 3 * HOUR_MS
    assert window_start_ms(found, CUTOFF, before - HOUR_MS, 1 / HOUR_MS) == before - HOUR_MS
