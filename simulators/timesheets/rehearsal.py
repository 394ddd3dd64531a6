"""A firm and a month's acts from a person's own export, so that `simulate --timesheet` rehearses that month.

    rows --one month--> workers, projects, assignments, rate lines --> sheets per worker and week --> submitted, decided

Rule 1. One month: the one with the most hours (the earlier on a tie). Rows of other months are kept out as problems.
Rule 2. A sheet is handed in on Friday at 17:00 local time, or at 17:00 of the last day worked where that is later, or
        of the last day of the month where that is earlier; it is decided on the next working day at 10:00 (assumed).
Rule 3. The rate of a row is the rate of its worker on its project from that date on: half-open rate lines per worker
        and project. Where an export shows several rates on one date the most common one counts, with a note. Who has
        no rate at all is sold at the entity's list price.
Rule 4. Sheets hold quarters of an hour; what that rounding moves is told exactly, in rows and in hours.
"""

import calendar
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar
from zoneinfo import ZoneInfo

import holidays

from simulators.chance import between
from simulators.data import gsa_cents_per_hour
from simulators.firm.model import (
    AssignmentPlan,
    Consultant,
    Firm,
    LegalEntity,
    PeriodMove,
    PeriodPlan,
    ProjectPlan,
    RatePlan,
)
from simulators.people.acts import Act, LinePlan, SheetPlan, SheetsDecided, SheetSubmitted
from simulators.timesheets.numbers import half_up
from simulators.timesheets.problems import NothingToRehearse, RowProblem, quoted
from simulators.timesheets.rows import TimesheetRead, TimesheetRow

MODULES = ("time", "gl")
SHEETS_A_CLICK = 8
"""Workers per approver, who decides them in one click (assumed: clicks of 8 sheets, load-shape parameters)."""
BOOKED_AT = time(16, 45)
SUBMITTED_AT = time(17, 0)
DECIDED_AT = time(10, 0)
LIST_PRICE_QUARTERS = (1, 3)
"""The list price is drawn between these quartiles of the GSA Schedule 70 card (measured), at par in any currency."""
COST_PPM = (450_000, 600_000)
"""Labour cost as a share of the list price (assumed)."""
DEFAULT_CURRENCY = "EUR"
DEFAULT_TASK = "General"
DEFAULT_CLIENT = "No client"
REGIONS = {
    "Europe": "EMEA",
    "Africa": "EMEA",
    "America": "AMER",
    "Asia": "APAC",
    "Australia": "APAC",
    "Pacific": "APAC",
}
FRIDAY = 4

SHOWN_NOTES = 5
"""Notes of one kind that are told one by one."""

V = TypeVar("V", str, Decimal)
ProjectKey = tuple[str, str, str]
"""Client, project, currency: one project has one contract currency."""


@dataclass(slots=True, frozen=True)
class Export:
    """A person's own export, and where its people work: the country of their holidays, the zone of their clocks."""

    path: str
    country: str = "DE"
    zone: str = "Europe/Berlin"


@dataclass(slots=True)
class RehearsalPlan:
    """What a rehearsal runs on, and the account of the file: `read` is the export with the other months kept out."""

    firm: Firm
    acts: list[Act]
    read: TimesheetRead


def plan_from_rows(
    read: TimesheetRead, seed: int, code: str = "MY01", country: str = "DE", zone: str = "Europe/Berlin"
) -> RehearsalPlan:
    """Build one legal entity out of the rows of one month. Leaves `read` as it is. Raises NothingToRehearse."""
    read = _one_month(read)
    notes = list(read.notes)
    first = read.rows[0].work_date.replace(day=1)
    last = _month_end(first)
    tz = ZoneInfo(zone)
    currency = _most_common(row.currency for row in read.rows if row.currency) or DEFAULT_CURRENCY
    entity = LegalEntity(
        code=code,
        region=REGIONS.get(zone.partition("/")[0], "EMEA"),
        country=country,
        currency=currency,
        zone=zone,
        erp_account=f"erp-{code}",
        psa_account=f"psa-{code}",
        holidays=_public_holidays(country, (first.year, (last + timedelta(days=1)).year), notes),
    )
    firm = Firm(
        tenant="timesheet",
        start_ms=_instant(first, time(0), tz),
        month_first=first,
        month_last=last,
        entities=[entity],
    )
    currencies = _project_currencies(read.rows, currency, notes)
    keys = [_project_key(row, currencies) for row in read.rows]
    _add_people(firm, code, read.rows)
    _add_projects(firm, code, read.rows, keys)
    assignments = _add_assignments(firm, code, zone, read.rows, keys)
    _add_rates(firm, entity, seed, read.rows, keys, notes)
    _add_periods(firm, code, tz)
    acts = _acts(firm, entity, tz, read.rows, [assignments[line] for line in range(len(read.rows))], notes)
    return RehearsalPlan(firm, acts, replace(read, notes=notes))


def _one_month(read: TimesheetRead) -> TimesheetRead:
    if not read.rows:
        if not read.problems:
            raise NothingToRehearse(f"{read.file}: it has a header and no row; export a month with hours")
        first = f"none of its {read.total_rows} rows can be used; mend the first: {read.problems[0]}"
        raise NothingToRehearse(f"{read.file}: {first}")
    hours: dict[date, Decimal] = {}
    for row in read.rows:
        month = row.work_date.replace(day=1)
        hours[month] = hours.get(month, Decimal(0)) + row.hours
    chosen = min(hours, key=lambda month: (-hours[month], month))
    name = f"{calendar.month_name[chosen.month]} {chosen.year}"
    rows, problems = [], list(read.problems)
    reason = (
        f"is outside {name}, the month with the most hours ({hours[chosen]}); rehearse its month from its own export"
    )
    for row in read.rows:
        if row.work_date.replace(day=1) == chosen:
            rows.append(row)
        else:
            day = row.work_date.isoformat()
            problems.append(RowProblem(read.file, row.line_number, read.date_column, day, reason))
    problems.sort(key=lambda problem: problem.line)
    return replace(read, rows=rows, problems=problems)


def _month_end(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _instant(day: date, at: time, zone: ZoneInfo) -> int:
    local = datetime.combine(day, at, zone)
    return (local - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _most_common(values: Iterable[V]) -> V | None:
    """The value that comes most often, the smaller on a tie."""
    counts = Counter(values)
    return min(counts, key=lambda value: (-counts[value], value)) if counts else None


def _some(notes: Sequence[str], what: str) -> list[str]:
    """The first few notes of one kind, and how many more there are."""
    more = len(notes) - SHOWN_NOTES
    return [*notes[:SHOWN_NOTES], f"and {more} more {what}"] if more > 0 else list(notes)


def _public_holidays(country: str, years: Sequence[int], notes: list[str]) -> frozenset[date]:
    if country not in holidays.list_supported_countries():
        notes.append(f"no public holidays are known for country '{country}', so only weekends are free")
        return frozenset()
    return frozenset(holidays.country_holidays(country, years=sorted(set(years))))


def _project_currencies(rows: Sequence[TimesheetRow], currency: str, notes: list[str]) -> dict[tuple[str, str], str]:
    """The currency a project's rows without one take: the project's most common, else the entity's."""
    seen: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        named = seen.setdefault((row.client, row.project), [])
        if row.currency:
            named.append(row.currency)
    for (_, project), named in sorted(seen.items()):
        if len(set(named)) > 1:
            notes.append(
                f"project {quoted(project)} is sold in {', '.join(sorted(set(named)))} and becomes one project for each"
            )
    return {key: _most_common(named) or currency for key, named in seen.items()}


def _project_key(row: TimesheetRow, currencies: dict[tuple[str, str], str]) -> ProjectKey:
    return row.client, row.project, row.currency or currencies[row.client, row.project]


def _add_people(firm: Firm, code: str, rows: Sequence[TimesheetRow]) -> None:
    names = sorted({row.worker for row in rows})
    counts = Counter(row.worker for row in rows)
    for index, name in enumerate(names):
        firm.consultants.append(
            Consultant(
                worker=f"{code}-W{index + 1:04d}",
                name=name,
                entity=code,
                grade="standard",
                role="consultant",
                approver=f"{code}-M{index // SHEETS_A_CLICK + 1:03d}",
                base_rate=counts[name] * len(names) / len(rows),
            )
        )


def _add_projects(firm: Firm, code: str, rows: Sequence[TimesheetRow], keys: Sequence[ProjectKey]) -> None:
    tasks: dict[ProjectKey, set[str]] = {}
    for row, key in zip(rows, keys, strict=True):
        tasks.setdefault(key, set()).add(row.task or DEFAULT_TASK)
    for index, key in enumerate(sorted(tasks)):
        client, name, currency = key
        firm.projects.append(
            ProjectPlan(
                project=f"{code}-P{index + 1:04d}",
                name=name,
                entity=code,
                client=client or DEFAULT_CLIENT,
                contract=f"{code}-C{index + 1:04d}",
                currency=currency,
                tasks=tuple(sorted(tasks[key])),
            )
        )


def _names(rows: Sequence[TimesheetRow], keys: Sequence[ProjectKey], firm: Firm) -> list[tuple[str, str, str]]:
    """(worker, project, task) of each row, by the identifiers of the firm."""
    workers = {person.name: person.worker for person in firm.consultants}
    projects = {key: plan.project for key, plan in zip(sorted(set(keys)), firm.projects, strict=True)}
    return [(workers[row.worker], projects[key], row.task or DEFAULT_TASK) for row, key in zip(rows, keys, strict=True)]


def _add_assignments(
    firm: Firm, code: str, zone: str, rows: Sequence[TimesheetRow], keys: Sequence[ProjectKey]
) -> list[AssignmentPlan]:
    """The assignment of each row; rows of one worker, project and task share one."""
    names = _names(rows, keys, firm)
    plans = {project.project: project for project in firm.projects}
    made: dict[tuple[str, str, str], AssignmentPlan] = {}
    for index, name in enumerate(sorted(set(names))):
        worker, project, task = name
        made[name] = AssignmentPlan(
            assignment=f"{code}-A{index + 1:05d}",
            worker=worker,
            project=project,
            task=task,
            role="consultant",
            grade="standard",
            entity=code,
            client=plans[project].client,
            contract=plans[project].contract,
            zone=zone,
            dimensions=(),
        )
    firm.assignments.extend(made.values())
    return [made[name] for name in names]


def _add_rates(
    firm: Firm,
    entity: LegalEntity,
    seed: int,
    rows: Sequence[TimesheetRow],
    keys: Sequence[ProjectKey],
    notes: list[str],
) -> None:
    code = entity.code
    card = gsa_cents_per_hour()
    low, high = (len(card) * quarter // 4 for quarter in LIST_PRICE_QUARTERS)
    list_price = Decimal(card[between(low, high, seed, "timesheets/list_price", code)]).scaleb(-2)
    cost_ppm = between(*COST_PPM, seed, "timesheets/cost", code)
    cost = Decimal(half_up(Fraction(list_price) * cost_ppm / 1_000_000, 100)).scaleb(-2)

    def line(
        kind: str, scope: str, scope_key: str, currency: str, rate: Decimal, begin: date, end: date | None
    ) -> None:
        rate_id = f"{code}-R{len(firm.rates) + 1:05d}"
        firm.rates.append(RatePlan(rate_id, kind, scope, scope_key, currency, rate, begin, end, firm.start_ms))

    line("bill", "entity", code, entity.currency, list_price, firm.month_first, None)
    line("cost", "entity", code, entity.currency, cost, firm.month_first, None)
    shown: dict[tuple[str, str], dict[date, list[Decimal]]] = {}
    lacking: Counter[tuple[str, str]] = Counter()
    names = _names(rows, keys, firm)
    for row, (worker, project, _) in zip(rows, names, strict=True):
        days = shown.setdefault((worker, project), {})
        if row.bill_rate is None:
            lacking[worker, project] += row.billable
        elif row.billable:
            days.setdefault(row.work_date, []).append(row.bill_rate)
    people = {person.worker: person.name for person in firm.consultants}
    plans = {project.project: project for project in firm.projects}
    unpriced: list[str] = []
    patched: list[str] = []
    differing: list[str] = []
    for pair in sorted(shown):
        worker, project = pair
        plan, scope_key = plans[project], f"{project}|{worker}"
        days = shown[pair]
        if not days:
            if lacking[pair]:
                note = f"the list price {list_price} {plan.currency}"
                unpriced.append(
                    f"{quoted(people[worker])} on {quoted(plan.name)} has no rate in the file and is sold at {note}"
                )
            if plan.currency != entity.currency:
                line("bill", "project_worker", scope_key, plan.currency, list_price, firm.month_first, None)
            continue
        if lacking[pair]:
            what = f"rows without a rate take the one of the days around ({lacking[pair]})"
            patched.append(f"{quoted(people[worker])} on {quoted(plan.name)}: {what}")
        steps: list[tuple[date, Decimal]] = []
        for day in sorted(days):
            rate = _most_common(days[day])
            assert rate is not None, "a day stands here because a row of it has a rate"
            different = len(set(days[day]))
            if different > 1:
                differing.append(
                    f"{quoted(people[worker])} on {quoted(plan.name)} has {different} rates on {day}; "
                    f"the most common, {rate} {plan.currency}, is used for all its rows"
                )
            if not steps or steps[-1][1] != rate:
                steps.append((day if steps else firm.month_first, rate))
        ends: list[date | None] = [begin for begin, _ in steps[1:]]
        for (begin, rate), end in zip(steps, [*ends, None], strict=True):
            line("bill", "project_worker", scope_key, plan.currency, rate, begin, end)
    notes.extend(_some(unpriced, "without a rate"))
    notes.extend(_some(patched, "with a rate on some rows only"))
    notes.extend(_some(differing, "days with several rates"))


def _add_periods(firm: Firm, code: str, zone: ZoneInfo) -> None:
    previous = (firm.month_first - timedelta(days=1)).replace(day=1)
    following = firm.month_last + timedelta(days=1)
    after = _month_end(following) + timedelta(days=1)
    states = (
        (previous, "closed", "shut"),
        (firm.month_first, "open", "open"),
        (following, "future", "open"),
        (after, "never_opened", "open"),
    )
    for module in MODULES:
        for begin, status, gate in states:
            firm.periods.append(
                PeriodPlan(code, module, f"{begin:%Y-%m}", begin, _month_end(begin), status, gate),
            )
        at_ms = _instant(following, time(0), zone)
        firm.period_moves.append(PeriodMove(at_ms, code, module, f"{following:%Y-%m}", status="open"))


def _acts(
    firm: Firm,
    entity: LegalEntity,
    zone: ZoneInfo,
    rows: Sequence[TimesheetRow],
    assignments: Sequence[AssignmentPlan],
    notes: list[str],
) -> list[Act]:
    """Sheets submitted and decided, in the order of time."""
    rounded, net = 0, Fraction(0)
    weeks: dict[tuple[date, str], list[int]] = {}
    for index, (row, assignment) in enumerate(zip(rows, assignments, strict=True)):
        monday = row.work_date - timedelta(days=row.work_date.weekday())
        weeks.setdefault((monday, assignment.worker), []).append(index)
    approvers = {person.worker: person.approver for person in firm.consultants}
    acts: list[Act] = []
    decided: dict[tuple[int, str], list[SheetPlan]] = {}
    for (monday, worker), indexes in sorted(weeks.items()):
        last_worked = max(rows[index].work_date for index in indexes)
        handed_in = max(last_worked, min(monday + timedelta(days=FRIDAY), firm.month_last))
        submitted_ms = _instant(handed_in, SUBMITTED_AT, zone)
        sheet_id = f"{entity.code}-S-{monday.isoformat()}-{worker.rpartition('-')[2]}"
        lines: list[LinePlan] = []
        ordered = sorted(indexes, key=lambda index: (rows[index].work_date, rows[index].line_number))
        for number, index in enumerate(ordered, 1):
            row = rows[index]
            quarters = max(1, half_up(Fraction(row.hours), 4))
            difference = Fraction(quarters, 4) - Fraction(row.hours)
            rounded, net = rounded + (difference != 0), net + difference
            lines.append(
                LinePlan(
                    entry_id=f"{entity.code}-L{row.line_number:06d}",
                    number=number,
                    assignment=assignments[index],
                    work_date=row.work_date,
                    quarter_hours=quarters,
                    time_type="standard",
                    billable=row.billable,
                    narrative=row.narrative,
                    booked_at_ms=_instant(row.work_date, BOOKED_AT, zone),
                )
            )
        approver = approvers[worker]
        sheet = SheetPlan(sheet_id, worker, approver, entity.code, monday, lines)
        acts.append(SheetSubmitted(submitted_ms, sheet))
        decided_ms = _instant(_next_working_day(handed_in, entity.holidays), DECIDED_AT, zone)
        decided.setdefault((decided_ms, approver), []).append(sheet)
    for (at_ms, approver), sheets in decided.items():
        acts.append(SheetsDecided(at_ms, approver, "bulk" if len(sheets) > 1 else "single", sheets))
    acts.sort(key=lambda act: act.at_ms)
    if rounded:
        exact = Decimal(net.numerator) / Decimal(net.denominator)
        notes.append(f"rounded {rounded} {'row' if rounded == 1 else 'rows'} to quarter hours, net {exact:+.2f} h")
    return acts


def _next_working_day(day: date, free: frozenset[date]) -> date:
    day += timedelta(days=1)
    while day.weekday() > FRIDAY or day in free:
        day += timedelta(days=1)
    return day
