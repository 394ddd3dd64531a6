"""What people do in a month: as much as the table says, in an order that can be, the same for the same seed."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

import pytest

from simulators.firm.build import build_firm, instant_ms
from simulators.firm.model import Firm
from simulators.firm.settings import FirmSettings
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
from simulators.people.parameters import PeopleSettings
from simulators.people.plan import plan_month

EVERYTHING = PeopleSettings(split_week=True, duplicate_ppm=20_000, cross_midnight_ppm=20_000, auto_approve_ppm=100_000)


@cache
def firm() -> Firm:
    return build_firm(FirmSettings(consultants=300, entity_count=6, regions=4), seed=3)


@cache
def month() -> list[Act]:
    """A month in which everything that can happen does."""
    return plan_month(firm(), EVERYTHING, seed=3)


def sheets(acts: list[Act]) -> list[SheetPlan]:
    return [act.sheet for act in acts if isinstance(act, SheetSubmitted)]


def lines(acts: list[Act]) -> list[LinePlan]:
    return [line for sheet in sheets(acts) for line in sheet.lines]


def of_entity(acts: list[Act], code: str) -> list[Act]:
    mine = {c.approver for c in firm().consultants if c.entity == code}
    found = []
    for act in acts:
        if isinstance(act, SheetsDecided):
            belongs = act.approver in mine
        else:
            belongs = (act.sheet.entity if isinstance(act, SheetSubmitted) else act.entity) == code
        if belongs:
            found.append(act)
    return found


def test_5000_consultants_book_the_rows_of_the_table():
    """N x 10 x 4.33 rows: 216,500 within 2 percent; 68.9 percent of the hours are billable; rejects are 6 percent."""
    five = build_firm(FirmSettings(consultants=5000, entity_count=15, regions=3), seed=1)
    acts = plan_month(five, PeopleSettings(), seed=1)
    rows = lines(acts)
    hours = sum(line.quarter_hours for line in rows)
    decided = [act for act in acts if isinstance(act, SheetsDecided)]

    assert len(rows) == pytest.approx(216_500, rel=0.02)
    assert sum(line.quarter_hours for line in rows if line.billable) / hours == pytest.approx(0.689, abs=0.01)
    assert sum(line.time_type != "standard" for line in rows) / len(rows) == pytest.approx(0.03, abs=0.003)
    assert sum(len(act.rejected) for act in decided) / len(rows) == pytest.approx(0.06, abs=0.008)
    assert sum(len(act.sheets) for act in decided) / len(decided) == pytest.approx(8, abs=1)
    withdrawn = sum(isinstance(act, LineWithdrawn) and act.reason != "deleted" for act in acts)
    assert withdrawn / len(rows) == pytest.approx(0.005 * 2 / 3, abs=0.001)


def test_corrections_follow_five_percent_of_the_approved_lines():
    """Without rejections every single-line approval is a correction's: 5 percent of the lines, of all kinds."""
    acts = plan_month(firm(), PeopleSettings(rejected_ppm=0, withdrawal_ppm=0), seed=4)
    again = [act for act in acts if isinstance(act, LinesApproved)]
    changes = [act for act in acts if isinstance(act, LineChanged)]

    assert len(again) / len(lines(acts)) == pytest.approx(0.05, abs=0.006)
    assert 0.85 < len(changes) / len(again) < 0.95, "a tenth are approved again as they are"
    for field in ("quarter_hours", "narrative", "assignment", "dimensions"):
        assert any(getattr(act, field) is not None for act in changes), field


def test_the_same_seed_plans_the_same_month_and_another_seed_another():
    """Acts depend on firm, settings and seed alone."""
    assert plan_month(firm(), EVERYTHING, seed=3) == month()
    assert plan_month(firm(), EVERYTHING, seed=5) != month()


def test_planning_some_entities_gives_the_same_acts_as_planning_all():
    """The unit of parallel simulation may plan its own entities only."""
    codes = [entity.code for entity in firm().entities]
    for some in (codes[:1], codes[3:5]):
        wanted = [act for act in month() if any(act in of_entity([act], code) for code in some)]
        assert plan_month(firm(), EVERYTHING, seed=3, entities=some) == wanted


def test_one_consultant_less_changes_nobody_elses_rows():
    """Chance is keyed by worker, civil day and row, so removing somebody shifts nothing."""
    smaller = build_firm(FirmSettings(consultants=300, entity_count=6, regions=4), seed=3)
    gone = smaller.consultants.pop(0)
    left = plan_month(smaller, EVERYTHING, seed=3)

    def content(acts: list[Act]) -> list[tuple[object, ...]]:
        return sorted(
            (line.entry_id, line.work_date, line.quarter_hours, line.narrative, line.assignment.assignment)
            for line in lines(acts)
            if line.assignment.worker != gone.worker
        )

    assert content(left) == content(month())


def test_acts_are_in_order_of_time():
    """The driver reads acts as they come."""
    instants = [act.at_ms for act in month()]

    assert instants == sorted(instants)
    assert all(isinstance(at, int) for at in instants)


def test_nobody_works_on_weekends_or_holidays_nor_outside_the_month():
    """Work dates are working days of the entity's country within the month, split weeks excepted."""
    off = {entity.code: entity.holidays for entity in firm().entities}
    for sheet in sheets(plan_month(firm(), PeopleSettings(), seed=3)):
        for line in sheet.lines:
            assert line.work_date.weekday() < 5
            assert line.work_date not in off[sheet.entity]
            assert date(2026, 3, 1) <= line.work_date <= date(2026, 3, 31)
            assert timedelta(0) <= line.work_date - sheet.week_start < timedelta(days=7)


def test_a_row_has_quarters_of_an_hour_and_a_day_at_most_sixteen_hours():
    """Rows have 0.25 to 8 hours, a day no more than 16, whatever the dice say."""
    days: Counter[tuple[str, date]] = Counter()
    for line in lines(plan_month(firm(), PeopleSettings(volume_percent=300, duplicate_ppm=0), seed=1)):
        assert 1 <= line.quarter_hours <= 32
        days[line.assignment.worker, line.work_date] += line.quarter_hours

    assert max(days.values()) <= 64 + 32, "work past midnight of the evening before may come on top"
    assert sum(quarters > 64 for quarters in days.values()) < len(days) // 100


def test_entry_and_sheet_ids_are_unique_and_lines_are_numbered():
    """An entry is named by its sheet and line, a sheet by entity, worker and ISO week."""
    assert len({line.entry_id for line in lines(month())}) == len(lines(month()))
    for sheet in sheets(month()):
        year, week, _ = sheet.week_start.isocalendar()
        assert sheet.sheet_id == f"{sheet.entity}-{sheet.worker}-{year}W{week:02d}"
        assert [line.number for line in sheet.lines] == list(range(1, len(sheet.lines) + 1))
        assert [line.entry_id for line in sheet.lines] == [
            f"psa:{sheet.sheet_id}:{line.number}" for line in sheet.lines
        ]
        assert {line.assignment.worker for line in sheet.lines} == {sheet.worker}


def test_a_lines_acts_follow_each_other():
    """Booked, submitted, decided, changed, approved again: each later than the one before."""
    submitted: dict[str, int] = {}
    decided: dict[str, int] = {}
    open_lines: set[str] = set()
    for act in month():
        if isinstance(act, SheetSubmitted):
            for line in act.sheet.lines:
                assert firm().start_ms < line.booked_at_ms < act.at_ms
                submitted[line.entry_id] = act.at_ms
        elif isinstance(act, SheetsDecided):
            for sheet in act.sheets:
                assert sheet.approver == act.approver
                for line in sheet.lines:
                    assert submitted[line.entry_id] < act.at_ms
                    decided[line.entry_id] = act.at_ms
            open_lines |= set(act.rejected) | set(act.hold)
        elif isinstance(act, AutoApproved):
            for entry_id in submitted.keys() - decided.keys():
                if entry_id.startswith(f"psa:{act.entity}-"):
                    decided[entry_id] = act.at_ms
        elif isinstance(act, LinesApproved):
            for entry_id in act.entry_ids:
                assert decided[entry_id] < act.at_ms
                decided[entry_id] = act.at_ms
                open_lines.discard(entry_id)
        elif isinstance(act, LineChanged):
            assert decided[act.entry_id] < act.at_ms
            open_lines.add(act.entry_id)
        else:
            assert decided[act.entry_id] < act.at_ms
            assert (act.reason == "deleted") >= (act.entry_id in open_lines)
            open_lines.discard(act.entry_id)
    assert decided.keys() == submitted.keys(), "every line is decided in the end"
    assert len(open_lines) < len(submitted) // 50, "what stays open was rejected and left"


def test_a_sheet_is_decided_by_one_click_or_by_the_cutoff():
    """Nobody decides twice, and what is undecided was handed in before its entity's cut-off."""
    clicked = Counter(s.sheet_id for act in month() if isinstance(act, SheetsDecided) for s in act.sheets)
    cutoff = {act.entity: act.at_ms for act in month() if isinstance(act, AutoApproved)}
    auto = 0
    for act in month():
        if isinstance(act, SheetSubmitted) and act.sheet.sheet_id not in clicked:
            assert act.at_ms < cutoff[act.sheet.entity]
            auto += 1
    assert set(clicked.values()) == {1}
    assert auto > 0
    assert set(cutoff) == {entity.code for entity in firm().entities}


@pytest.mark.parametrize("month_name", ["2026-01", "2026-03", "2026-05"])
def test_no_sheet_handed_in_before_the_cutoff_is_clicked_after_it(month_name):
    """What the cut-off approves, nobody approves again; also when it falls on a weekend and people are late."""
    some = build_firm(FirmSettings(consultants=200, entity_count=4, regions=4, month=month_name), 1)
    acts = plan_month(some, PeopleSettings(late_ppm=300_000), 1)
    cutoff = {act.entity: act.at_ms for act in acts if isinstance(act, AutoApproved)}
    came = {act.sheet.sheet_id: act.at_ms for act in acts if isinstance(act, SheetSubmitted)}
    for act in acts:
        if isinstance(act, SheetsDecided):
            for sheet in act.sheets:
                assert (came[sheet.sheet_id] < cutoff[sheet.entity]) == (act.at_ms <= cutoff[sheet.entity])


@pytest.mark.parametrize(("month_name", "last"), [("2026-03", date(2026, 3, 31)), ("2026-01", date(2026, 1, 31))])
def test_the_cutoff_is_at_six_in_the_entitys_evening_on_the_last_day(month_name, last):
    """A cut-off is an instant in the entity's zone; also on a Saturday, when people decide on the Friday before."""
    some = build_firm(FirmSettings(consultants=80, entity_count=4, regions=4, month=month_name), 1)
    acts = plan_month(some, PeopleSettings(late_ppm=0), 1)
    zones = {entity.code: entity.zone for entity in some.entities}

    assert {act.entity: act.at_ms for act in acts if isinstance(act, AutoApproved)} == {
        code: instant_ms(last, time(18), zone) for code, zone in zones.items()
    }


def test_without_late_people_everything_is_in_and_decided_at_the_cutoff():
    """Late rows are the only ones decided after the cut-off."""
    acts = plan_month(firm(), PeopleSettings(late_ppm=0), seed=1)
    cutoff = {act.entity: act.at_ms for act in acts if isinstance(act, AutoApproved)}

    assert all(act.at_ms < cutoff[act.sheet.entity] for act in acts if isinstance(act, SheetSubmitted))
    assert all(act.at_ms <= max(cutoff.values()) for act in acts if isinstance(act, SheetsDecided))


def test_late_people_are_a_tenth_of_the_last_sheets():
    """The late share of the sheets that close the month comes after the cut-off, the others before."""
    acts = plan_month(firm(), PeopleSettings(), seed=1)
    cutoff = {act.entity: act.at_ms for act in acts if isinstance(act, AutoApproved)}
    last = [a for a in acts if isinstance(a, SheetSubmitted) and a.sheet.week_start == date(2026, 3, 30)]
    late = sum(act.at_ms >= cutoff[act.sheet.entity] for act in last)

    assert late / len(last) == pytest.approx(0.1, abs=0.05)


def test_nobody_does_anything_later_than_six_days_after_month_end():
    """A run settles: the last act is on the sixth day, in the entity's evening."""
    for acts in (month(), plan_month(firm(), PeopleSettings(late_ppm=1_000_000, correction_ppm=900_000), seed=1)):
        assert acts[-1].at_ms < instant_ms(date(2026, 4, 7), time(18), "UTC")
        assert datetime.fromtimestamp(acts[-1].at_ms / 1000, UTC).date() >= date(2026, 4, 5)


def test_lines_are_held_in_split_weeks_only_and_approved_later():
    """A held line is one of the next month on a sheet that spans the month end; it is approved in that month."""
    held = {i for act in month() if isinstance(act, SheetsDecided) for i in act.hold}
    work_date = {line.entry_id: line.work_date for line in lines(month())}
    approved = {i: act.at_ms for act in month() if isinstance(act, LinesApproved) for i in act.entry_ids}
    periods = defaultdict(set)
    for sheet in sheets(month()):
        periods[sheet.sheet_id] |= {line.work_date.month for line in sheet.lines}

    assert held
    assert all(work_date[i] > date(2026, 3, 31) for i in held)
    assert held <= approved.keys()
    assert {3, 4} in periods.values()
    assert not any(act.hold for act in plan_month(firm(), PeopleSettings(), 3) if isinstance(act, SheetsDecided))


def test_a_change_really_changes_something():
    """A corrected line differs from what was on it, and only in what the change names."""
    by_id = {line.entry_id: line for line in lines(month())}
    for act in month():
        if isinstance(act, LineChanged):
            line = by_id[act.entry_id]
            fields = (act.quarter_hours, act.narrative, act.assignment, act.dimensions)
            assert sum(field is not None for field in fields) == 1
            assert act.quarter_hours is None or act.quarter_hours in range(1, 37)
            assert act.quarter_hours != line.quarter_hours
            assert act.narrative != line.narrative
            assert act.assignment != line.assignment
            assert act.dimensions != line.assignment.dimensions
            assert act.assignment is None or act.assignment.worker == line.assignment.worker


def test_a_users_duplicate_is_another_entry_with_the_same_content():
    """If everybody books everything twice, each content stands an even number of times under its own ids."""
    acts = plan_month(firm(), PeopleSettings(duplicate_ppm=1_000_000), seed=1)
    content = Counter(
        (x.assignment.assignment, x.work_date, x.quarter_hours, x.time_type, x.billable, x.narrative)
        for x in lines(acts)
    )

    assert all(count % 2 == 0 for count in content.values())
    assert len({line.entry_id for line in lines(acts)}) == len(lines(acts)) > 0


def test_leave_and_internal_time_is_not_billable():
    """What is not posted by rule is never sold."""
    for line in lines(month()):
        assert line.time_type in {"standard", "leave", "internal"}
        assert line.time_type == "standard" or not line.billable


def test_volume_and_rates_can_be_turned():
    """Three times the volume is three times the rows; nobody decides if the cut-off has to; nothing if nobody errs."""
    usual = len(lines(plan_month(firm(), PeopleSettings(), 1)))
    triple = len(lines(plan_month(firm(), PeopleSettings(volume_percent=300), 1)))
    storm = plan_month(firm(), PeopleSettings(auto_approve_ppm=1_000_000, late_ppm=0), 1)
    calm = plan_month(firm(), PeopleSettings(auto_approve_ppm=0, rejected_ppm=0, correction_ppm=0, withdrawal_ppm=0), 1)
    rush = instant_ms(date(2026, 3, 31), time(18), "UTC")

    assert triple / usual == pytest.approx(3, rel=0.03)
    assert not any(s.week_start == date(2026, 3, 30) for a in storm if isinstance(a, SheetsDecided) for s in a.sheets)
    assert max(act.at_ms for act in storm if isinstance(act, SheetsDecided)) < rush + 12 * 3_600_000
    assert {type(act) for act in calm} == {SheetSubmitted, SheetsDecided}


def test_a_week_of_a_month_is_only_that_week():
    """With `weeks` people book on the last days of the month only, as many rows a week as ever."""
    some = build_firm(FirmSettings(consultants=500, weeks=1), seed=1)
    rows = lines(plan_month(some, PeopleSettings(), seed=1))

    assert {line.work_date for line in rows} == {date(2026, 3, d) for d in (25, 26, 27, 30, 31)}
    assert len(rows) / 500 == pytest.approx(10, rel=0.1)


def test_a_firm_of_one_has_a_month_too():
    """Small is no special case, in whatever month."""
    for number in range(1, 13):
        one = build_firm(FirmSettings(consultants=1, entity_count=1, month=f"2026-{number:02d}"), seed=number)
        acts = plan_month(one, EVERYTHING, seed=number)
        assert sum(isinstance(act, AutoApproved) for act in acts) == 1
        assert sheets(acts)


def test_a_line_that_moves_goes_to_the_day_before_and_stays_in_its_month() -> None:
    """Where every change moves the day, nothing else changes; on the first of the month it is the day after."""
    acts = plan_month(firm(), PeopleSettings(correction_ppm=400_000, moved_day_ppm=1_000_000), seed=1)
    days = {
        line.entry_id: line.work_date for act in acts if isinstance(act, SheetSubmitted) for line in act.sheet.lines
    }
    moved = [act for act in acts if isinstance(act, LineChanged)]
    assert moved
    for act in moved:
        assert act.work_date is not None
        assert (act.quarter_hours, act.narrative, act.assignment, act.dimensions) == (None, None, None, None)
        step = (act.work_date - days[act.entry_id]).days
        assert step == (1 if days[act.entry_id] == firm().month_first else -1)
        assert act.work_date.month == days[act.entry_id].month
