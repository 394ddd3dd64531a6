"""Founds a firm: entities, people, clients, projects, assignments, prices and the periods of its books.

Everything depends on the seed and on its own name: an entity has the same people, projects and prices whatever other
entities the firm has, as long as it has as many consultants. In this firm the home, employing, project and billing
entity of an hour are one: a project belongs to the consultant's entity.
"""

import calendar
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
import numpy as np

from simulators.chance import between, chance, happens
from simulators.firm import names
from simulators.firm.catalogue import CATALOGUE, PER_USD
from simulators.firm.draws import Floats, gamma_quantiles
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
from simulators.firm.rates import GRADES, ROLES, RateDesk
from simulators.firm.settings import EntitySpec, FirmSettings, apportion

DAY_MS = 86_400_000
MODULES = ("time", "gl")
TASKS = ("Analysis", "Design", "Build", "Test", "Rollout", "Steering")
GAMMA_SHAPE_PERCENT = 157
"""Spread of how much people book: gamma of shape k = 1.57 (derived from CESAW's 63 entries a month, see the table)."""

BASE_RATE_RANGE = (0.2, 3.0)
"""Nobody books less or more than this times the mean (assumed): the gamma's tail would fill days beyond 24 hours."""

FOREIGN_CLIENT_PPM = 150_000
"""Clients billed in USD or EUR where that is not the entity's currency (assumed)."""

ASSIGNMENTS_OF = (1,) * 6 + (2,) * 3 + (3,)
"""Six in ten consultants have one assignment, three have two, one has three (assumed; CESAW: 96 % of person-weeks
touch one project, measured)."""


def build_firm(settings: FirmSettings, seed: int) -> Firm:
    """The firm of these settings and this seed: what is true before the month, and what finance will do in it."""
    first, last = settings.month_first, settings.month_last
    firm = Firm(settings.tenant, start_ms(settings), first, last)
    specs = _specs(settings)
    firm.entities = [_entity(spec, settings.month_first.year) for spec in specs]
    heads = apportion(settings.consultants, [spec.share for spec in specs])
    for entity, people in zip(firm.entities, heads, strict=True):
        _staff(firm, entity, people, settings, seed)
    firm.rates = _rates(firm, seed)
    firm.rates += _amendments(firm.rates, settings, seed)
    for entity in firm.entities:
        firm.periods += _periods(entity, first)
        firm.period_moves += _moves(entity, settings)
    firm.period_moves.sort(key=lambda move: (move.at_ms, move.entity, move.module, move.name))
    return firm


def start_ms(settings: FirmSettings) -> int:
    """A day before the first civil day anybody books on, at 00:00 UTC: before that day dawns anywhere on earth."""
    first = settings.month_first
    if settings.weeks is not None:
        first = max(first, settings.month_last - timedelta(days=7 * settings.weeks - 1))
    return instant_ms(first, time(0), "UTC") - DAY_MS


def instant_ms(day: date, at: time, zone: str) -> int:
    """The instant of a local time of day."""
    local = datetime.combine(day, at, ZoneInfo(zone))
    return (local.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def working_day_after(day: date, number: int, off: frozenset[date]) -> date:
    """The `number`-th working day after `day` (0: `day` itself). Saturdays, Sundays and `off` are not worked.

    The weekend is Saturday and Sunday everywhere, also in countries where people rest on Friday: a simplification.
    """
    while number > 0:
        day += timedelta(days=1)
        number -= is_working_day(day, off)
    return day


def is_working_day(day: date, off: frozenset[date]) -> bool:
    """Whether people work on this civil day."""
    return day.weekday() < 5 and day not in off


def _specs(settings: FirmSettings) -> list[EntitySpec]:
    """The firm's entities, each with its accounts."""
    specs = list(settings.entities) or _drawn(settings)
    regions = list(dict.fromkeys(spec.region for spec in specs))
    mass = {region: sum(spec.share for spec in specs if spec.region == region) for region in regions}
    pairs = dict.fromkeys(regions, settings.accounts_per_region if settings.accounts is None else 1)
    while settings.accounts is not None and sum(pairs.values()) < settings.accounts:
        # The next pair goes where an account carries most.
        pairs[max(regions, key=lambda region: mass[region] * 1000 // pairs[region])] += 1
    placed: dict[str, EntitySpec] = {}
    for region in regions:
        inside = [spec for spec in specs if spec.region == region]
        loads = [0] * min(pairs[region], len(inside))
        # Greedy packing, largest first: the accounts of a region get about the same number of people.
        for spec in sorted(inside, key=lambda spec: (-spec.share, spec.code)):
            bin_ = loads.index(min(loads))
            loads[bin_] += spec.share
            name = f"{region.lower()}-{bin_ + 1}"
            placed[spec.code] = EntitySpec(
                **spec.model_dump(exclude={"erp_account", "psa_account"}),
                erp_account=spec.erp_account or f"erp-{name}",
                psa_account=spec.psa_account or (f"psa-{region.lower()}-1" if settings.shared_psa else f"psa-{name}"),
            )
    return [placed[spec.code] for spec in specs]


def _drawn(settings: FirmSettings) -> list[EntitySpec]:
    """Entities of the catalogue: regions by their people, and within a region the first ones are the larger."""
    specs = []
    for region, wanted in settings.entities_by_region.items():
        seats, percent = CATALOGUE[region][:wanted], settings.shares[region]
        sizes = [1_000_000 // (rank + 4) for rank in range(wanted)]
        specs += [
            EntitySpec(
                code=seat.code,
                region=region,
                country=seat.country,
                currency=seat.currency,
                zone=seat.zone,
                share=percent * 10_000 * size // sum(sizes),
            )
            for seat, size in zip(seats, sizes, strict=True)
        ]
    return specs


@lru_cache(maxsize=256)
def _holidays(country: str, year: int) -> frozenset[date]:
    """Public holidays of a country from the year before to the year after (documented: the `holidays` package)."""
    return frozenset(holidays.country_holidays(country, years=(year - 1, year, year + 1)))


def _entity(spec: EntitySpec, year: int) -> LegalEntity:
    off = _holidays(spec.country, year)
    return LegalEntity(
        spec.code, spec.region, spec.country, spec.currency, spec.zone, spec.erp_account, spec.psa_account, off
    )


@lru_cache(maxsize=1)
def _base_rates() -> Floats:
    table = np.clip(gamma_quantiles(GAMMA_SHAPE_PERCENT), *BASE_RATE_RANGE)
    return np.asarray(table / table.mean())


def _base_rate(seed: int, entity: str, number: int) -> float:
    """How much the `number`-th consultant of an entity books, against the mean.

    Quantiles are taken along the golden ratio, so that the mean over an entity is near 1 however many it has, and
    one consultant more changes nobody else.
    """
    table = _base_rates()
    turn = chance(seed, "firm/base_rate", entity) + number * 0x9E3779B97F4A7C15
    return float(table[(turn % 2**64) * len(table) >> 64])


def _staff(firm: Firm, entity: LegalEntity, people: int, settings: FirmSettings, seed: int) -> None:
    """Consultants, clients, projects and assignments of one entity."""
    code = entity.code
    projects = _projects(entity, -(-people * 100 // settings.people_per_project_percent), seed)
    firm.projects += projects
    first_names, last_names = names.people(entity.country)
    teams = max(1, round(people / 10))
    units = {grade: (f"CC-{code}-{rank + 1}00", f"PRACTICE-{grade.upper()}") for rank, grade in enumerate(GRADES)}
    for number in range(people):
        worker = f"{code}W{number + 1:05d}"
        draw = chance(seed, "firm/consultant", worker)
        first = first_names[draw % len(first_names)]
        last = last_names[(draw >> 12) % len(last_names)]
        role = ROLES[(draw >> 24) % len(ROLES)]
        grade = GRADES[(draw >> 32) % len(GRADES)]
        approver = f"{code}M{number * teams // people + 1:04d}"
        rate = _base_rate(seed, code, number)
        firm.consultants.append(Consultant(worker, f"{first} {last}", code, grade, role, approver, rate))
        wanted = ASSIGNMENTS_OF[(draw >> 40) % len(ASSIGNMENTS_OF)]
        taken: dict[tuple[str, str], None] = {}
        for turn in range(wanted):
            # The first project is shared with the neighbours (4.87 people on each), the others are anywhere.
            pick = chance(seed, "firm/assignment", worker, turn)
            at = number * len(projects) // people if turn == 0 else pick % len(projects)
            project = projects[at]
            task = project.tasks[(pick >> 32) % len(project.tasks)]
            if (project.project, task) in taken:
                continue
            taken[(project.project, task)] = None
            firm.assignments.append(
                AssignmentPlan(
                    f"{worker}-{turn + 1}",
                    worker,
                    project.project,
                    task,
                    role,
                    grade,
                    code,
                    project.client,
                    project.contract,
                    entity.zone,
                    units[grade],
                )
            )


def _projects(entity: LegalEntity, count: int, seed: int) -> list[ProjectPlan]:
    """Two projects to a contract, four to a client (assumed)."""
    code = entity.code
    companies, undertakings = names.companies(), names.undertakings()
    projects = []
    for number in range(count):
        client = f"{code}C{number // 4 + 1:04d}"
        project = f"{code}P{number + 1:05d}"
        draw = chance(seed, "firm/project", project)
        company = companies[chance(seed, "firm/client", client) % len(companies)]
        title = undertakings[draw % len(undertakings)]
        first_task = (draw >> 16) % len(TASKS)
        tasks = tuple(TASKS[(first_task + i) % len(TASKS)] for i in range(3))
        contract = f"{code}K{number // 2 + 1:05d}"
        currency = _sold_in(entity, client, seed)
        projects.append(ProjectPlan(project, f"{company}: {title}", code, client, contract, currency, tasks))
    return projects


def _sold_in(entity: LegalEntity, client: str, seed: int) -> str:
    if not happens(FOREIGN_CLIENT_PPM, seed, "firm/client/foreign", client):
        return entity.currency
    return ("USD", "EUR")[between(0, 1, seed, "firm/client/currency", client)]


def _rates(firm: Firm, seed: int) -> list[RatePlan]:
    desk = RateDesk(seed, firm.month_first, firm.start_ms - 30 * DAY_MS)
    assert all(entity.currency in PER_USD for entity in firm.entities), "every currency has a factor"
    return desk.rates(firm.entities, firm.projects, firm.assignments)


def _amendments(rates: list[RatePlan], settings: FirmSettings, seed: int) -> list[RatePlan]:
    """Prices replaced backwards: 3 to 8 percent more (assumed) for the same days, known only from some day on."""
    if not settings.amended_ppm:
        return []
    known_ms = instant_ms(settings.month_first + timedelta(days=settings.amended_on - 1), time(12), "UTC")
    amended = []
    for line in rates:
        if line.kind == "bill" and happens(settings.amended_ppm, seed, "firm/rates/amended", line.rate_id):
            percent = between(103, 108, seed, "firm/rates/amended/by", line.rate_id)
            rate = (line.rate * percent / 100).quantize(line.rate)
            number = line.amendment + 1
            new = replace(line, rate_id=f"{line.rate_id}/{number}", rate=rate, known_from_ms=known_ms, amendment=number)
            amended.append(new)
    return amended


def _month(first: date, ahead: int) -> tuple[date, date]:
    """First and last day of the month `ahead` of the one that begins on `first`."""
    year, month = divmod(first.year * 12 + first.month - 1 + ahead, 12)
    return date(year, month + 1, 1), date(year, month + 1, calendar.monthrange(year, month + 1)[1])


STATES = ((-1, "closed", "shut"), (0, "open", "open"), (1, "future", "open"), (2, "never_opened", "open"))
"""Months from ours, the ERP's status and our feed gate as first known. The gate alone never opens a period."""


def _periods(entity: LegalEntity, first: date) -> list[PeriodPlan]:
    plans = []
    for ahead, status, gate in STATES:
        begins, ends = _month(first, ahead)
        name = f"{begins.year}-{begins.month:02d}"
        plans += [PeriodPlan(entity.code, module, name, begins, ends, status, gate) for module in MODULES]
    return plans


def _moves(entity: LegalEntity, settings: FirmSettings) -> list[PeriodMove]:
    """The next month opens at its first local midnight; the feed gate of ours may shut some working days later."""
    begins, _ = _month(settings.month_first, 1)
    opens = instant_ms(begins, time(0), entity.zone)
    following = f"{begins.year}-{begins.month:02d}"
    moves = [PeriodMove(opens, entity.code, module, following, status="open") for module in MODULES]
    if settings.close_after_working_days is not None:
        day = working_day_after(settings.month_last, settings.close_after_working_days, entity.holidays)
        at = instant_ms(day, time(18), entity.zone)
        moves += [PeriodMove(at, entity.code, module, settings.month, gate="shut") for module in MODULES]
    return moves
