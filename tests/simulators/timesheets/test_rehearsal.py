"""From rows to a firm and its acts."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from simulators.people.acts import LinePlan, SheetsDecided, SheetSubmitted
from simulators.timesheets.problems import NothingToRehearse
from simulators.timesheets.rehearsal import RehearsalPlan, plan_from_rows
from tests.simulators.timesheets.exports import HARVEST, export, harvest, sample

HOUR_MS = 3_600_000


def plan(folder: Path, *lines: str) -> RehearsalPlan:
    return plan_from_rows(export(folder, HARVEST, *lines), seed=1)


def submitted(made: RehearsalPlan) -> list[SheetSubmitted]:
    return [act for act in made.acts if isinstance(act, SheetSubmitted)]


def lines(made: RehearsalPlan) -> list[LinePlan]:
    return [line for act in submitted(made) for line in act.sheet.lines]


def own_rates(made: RehearsalPlan) -> list[tuple[Decimal, date, date | None]]:
    return [
        (rate.rate, rate.valid_from, rate.valid_until) for rate in made.firm.rates if rate.scope == "project_worker"
    ]


def test_a_sheet_is_a_worker_and_a_week(tmp_path: Path) -> None:
    """Sheets go in on Friday at 17:00 in Berlin and are decided on Monday at 10:00, in order of time."""
    made = plan(tmp_path, harvest(day="2026-03-02"), harvest(day="2026-03-03"), harvest(day="2026-03-10"))
    assert [len(act.sheet.lines) for act in submitted(made)] == [2, 1]
    friday_17_ms, monday_10_ms = 1772812800000, 1773046800000
    assert made.acts[0].at_ms == friday_17_ms
    assert made.acts[1].at_ms == monday_10_ms
    assert isinstance(made.acts[1], SheetsDecided)
    assert [act.at_ms for act in made.acts] == sorted(act.at_ms for act in made.acts)


def test_nothing_is_submitted_before_it_is_worked(tmp_path: Path) -> None:
    """Weekend work moves the sheet to its last day, the month's end cuts the week, holidays move the decision."""
    made = plan(tmp_path, harvest(day="2026-03-08"), harvest(day="2026-03-30"))
    sunday_17_ms, tuesday_31st_17_ms = 1772985600000, 1774969200000
    assert [act.at_ms for act in submitted(made)] == [sunday_17_ms, tuesday_31st_17_ms]
    for act in submitted(made):
        assert all(line.booked_at_ms < act.at_ms for line in act.sheet.lines)
    easter = plan(tmp_path, harvest(day="2026-04-02"))
    friday_is_a_holiday_and_so_is_monday = 1775548800000
    assert easter.acts[-1].at_ms == friday_is_a_holiday_and_so_is_monday


def test_one_month_is_rehearsed_and_the_others_are_reported(tmp_path: Path) -> None:
    """The month with most hours runs; rows of the others become problems, and the counts still add up."""
    read = export(
        tmp_path, HARVEST, harvest(day="2026-02-27"), harvest(), harvest(day="2026-03-04"), harvest(hours="30")
    )
    made = plan_from_rows(read, seed=1)
    assert (made.firm.month_first, made.firm.month_last) == (date(2026, 3, 1), date(2026, 3, 31))
    assert [str(problem) for problem in made.read.problems] == [
        "march.csv:2: column 'Date': '2026-02-27' is outside March 2026, the month with the most hours (15.00); "
        "rehearse its month from its own export",
        "march.csv:5: column 'Hours': '30' is more than 24 hours in a day; split it over days",
    ]
    assert made.read.total_rows == len(made.read.rows) + len(made.read.problems) + len(made.read.ignored)
    assert len(lines(made)) == len(made.read.rows)
    assert len(read.rows) == 3, "the export itself is left as it was read"


def test_rounding_to_quarters_is_told_exactly(tmp_path: Path) -> None:
    """Sheets hold quarters; a row never rounds to nothing, and the note has the rows and the net hours."""
    made = plan(tmp_path, harvest(hours="0.05"), harvest(hours="1.10"), harvest(hours="2.25"), harvest(hours="1.13"))
    assert [line.quarter_hours for line in lines(made)] == [1, 4, 9, 5]
    assert "rounded 3 rows to quarter hours, net +0.22 h" in made.read.notes


def test_rates_change_by_date(tmp_path: Path) -> None:
    """Differing rates by date become half-open rate lines without a gap."""
    made = plan(
        tmp_path,
        harvest(day="2026-03-03"),
        harvest(day="2026-03-12", rate="130"),
        harvest(day="2026-03-13", rate="130"),
    )
    assert own_rates(made) == [
        (Decimal(120), date(2026, 3, 1), date(2026, 3, 12)),
        (Decimal(130), date(2026, 3, 12), None),
    ]


def test_rates_of_rows_that_are_not_billable_are_no_prices(tmp_path: Path) -> None:
    """The zero that an export shows beside internal work does not become the price of billable work."""
    made = plan(tmp_path, harvest(), harvest(day="2026-03-03", billable="No", rate="0"))
    assert own_rates(made) == [(Decimal(120), date(2026, 3, 1), None)]


def test_rates_that_differ_within_a_date(tmp_path: Path) -> None:
    """The most common rate of the date counts, and the note says so."""
    made = plan(tmp_path, harvest(hours="1"), harvest(hours="2"), harvest(hours="3", rate="150"))
    assert own_rates(made) == [(Decimal(120), date(2026, 3, 1), None)]
    other = plan(tmp_path, harvest(hours="1"), harvest(hours="2", rate="150"), harvest(hours="3", rate="150"))
    assert own_rates(other) == [(Decimal(150), date(2026, 3, 1), None)]
    note = "'Ada Byron' on 'Website' has 2 rates on 2026-03-02; the most common, 120 EUR, is used for all its rows"
    assert note in made.read.notes


def test_many_notes_of_one_kind_are_counted(tmp_path: Path) -> None:
    """Five notes of a kind are told one by one, the others as a number."""
    made = plan(tmp_path, *(harvest(rate="", worker=f"No,{number}") for number in range(1, 9)))
    assert sum("has no rate in the file" in note for note in made.read.notes) == 5
    assert "and 3 more without a rate" in made.read.notes


def test_without_a_rate_the_list_price_counts(tmp_path: Path) -> None:
    """No rate in the file: the entity's list price, drawn from the seed alone, and a note."""
    made = plan(tmp_path, harvest(rate=""))
    assert own_rates(made) == []
    prices = {rate.kind: rate for rate in made.firm.rates}
    assert {rate.scope for rate in made.firm.rates} == {"entity"}
    assert Decimal(0) < prices["cost"].rate < prices["bill"].rate
    assert (
        f"'Ada Byron' on 'Website' has no rate in the file and is sold at the list price {prices['bill'].rate} EUR"
        in (made.read.notes)
    )


def test_one_project_has_one_currency(tmp_path: Path) -> None:
    """A project sold in two currencies becomes two, each priced in its own, even without a rate."""
    made = plan(tmp_path, harvest(), harvest(day="2026-03-03"), harvest(currency="USD", rate=""))
    assert [(project.name, project.currency) for project in made.firm.projects] == [
        ("Website", "EUR"),
        ("Website", "USD"),
    ]
    currency_of = {project.project: project.currency for project in made.firm.projects}
    for rate in made.firm.rates:
        if rate.scope == "project_worker":
            assert rate.currency == currency_of[rate.scope_key.partition("|")[0]]
    assert made.firm.entities[0].currency == "EUR"
    assert len(own_rates(made)) == 2


def test_periods(tmp_path: Path) -> None:
    """The month is open, the one before closed, the next opens on its first local midnight, later ones never did."""
    firm = plan(tmp_path, harvest()).firm
    assert [(period.module, period.name, period.status) for period in firm.periods] == [
        (module, name, status)
        for module in ("time", "gl")
        for name, status in (
            ("2026-02", "closed"),
            ("2026-03", "open"),
            ("2026-04", "future"),
            ("2026-05", "never_opened"),
        )
    ]
    first_of_april_ms = 1774994400000
    assert {(move.at_ms, move.name, move.status) for move in firm.period_moves} == {
        (first_of_april_ms, "2026-04", "open")
    }
    assert firm.start_ms == first_of_april_ms - 31 * 24 * HOUR_MS + HOUR_MS, "31 days before, one of them an hour short"


def test_ids_do_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    """Workers and projects are numbered by name; a line keeps the number it has in the file."""
    here, there = harvest(worker="Ada,Byron"), harvest(worker="Bo,Li", project="Brand")
    one, other = plan(tmp_path, here, there), plan(tmp_path, there, here)
    assert one.firm.consultants == other.firm.consultants
    assert one.firm.projects == other.firm.projects
    assert one.firm.assignments == other.firm.assignments
    assert {line.entry_id for line in lines(one)} == {"MY01-L000002", "MY01-L000003"}


def test_every_line_has_its_assignment(tmp_path: Path) -> None:
    """The same worker, project and task share one assignment, which the firm knows."""
    made = plan(tmp_path, harvest(), harvest(day="2026-03-03"), harvest(project="Brand"))
    assert len(made.firm.assignments) == 2
    assert all(any(line.assignment is known for known in made.firm.assignments) for line in lines(made))


@pytest.mark.parametrize(
    "name", ["harvest.csv", "harvest_finnish.csv", "toggl.csv", "clockify.csv", "kimai.csv", "timetagger.csv"]
)
def test_every_sample_can_be_rehearsed(name: str) -> None:
    """Each tool's file makes a month with as many lines as rows, the same from the same seed."""
    read = sample(name)
    made, again = plan_from_rows(read, seed=7), plan_from_rows(sample(name), seed=7)
    assert len(lines(made)) == len(read.rows)
    assert (made.firm, made.acts) == (again.firm, again.acts)


def test_nothing_to_rehearse(tmp_path: Path) -> None:
    """A file without one usable row says so, with the first problem."""
    with pytest.raises(
        NothingToRehearse, match=r"march\.csv: none of its 1 rows can be used; mend the first: march\.csv:2"
    ):
        plan(tmp_path, harvest(hours="30"))
    with pytest.raises(NothingToRehearse, match="it has a header and no row"):
        plan(tmp_path)
