"""A firm is founded from settings and a seed alone, and its books make sense."""

from collections import Counter
from datetime import date, time, timedelta
from functools import cache
from itertools import pairwise

import pytest
from pydantic import ValidationError

from simulators.data import minor_units
from simulators.firm.build import build_firm, instant_ms, is_working_day, working_day_after
from simulators.firm.model import Firm
from simulators.firm.settings import EntitySpec, FirmSettings, apportion

_MIDNIGHT = time(0)


@cache
def firm_of_5000() -> Firm:
    return build_firm(FirmSettings(consultants=5000, entity_count=15, regions=3, accounts=5), seed=1)


def test_the_same_seed_founds_the_same_firm_and_another_seed_another():
    """A firm depends on its settings and its seed, and on nothing else."""
    settings = FirmSettings(consultants=60, entity_count=3, regions=2)

    assert build_firm(settings, 7) == build_firm(settings, 7)
    assert build_firm(settings, 7).consultants != build_firm(settings, 8).consultants
    assert build_firm(settings, 7).rates != build_firm(settings, 8).rates


def test_month_end_5000_has_the_entities_regions_and_currencies_of_the_table():
    """Fifteen entities in three regions and eight or more currencies; 60 percent sit in the largest zone bloc."""
    firm = firm_of_5000()
    region = {entity.code: entity.region for entity in firm.entities}
    people = Counter(region[c.entity] for c in firm.consultants)

    assert len(firm.entities) == 15
    assert len({entity.currency for entity in firm.entities}) in range(8, 16)
    assert len(firm.consultants) == 5000
    assert people["EMEA"] in range(2950, 3051)
    assert set(people) == {"EMEA", "AMER", "APAC"}


def test_accounts_carry_about_the_same_number_of_people():
    """Entities are packed so that no account has more than 1.3 times the mean, and each entity has one pair."""
    firm = firm_of_5000()
    account = {entity.code: entity.erp_account for entity in firm.entities}
    load = Counter(account[c.entity] for c in firm.consultants)

    assert len(load) == 5
    assert max(load.values()) <= 1300
    assert {(e.erp_account, e.psa_account) for e in firm.entities} == {(a, a.replace("erp", "psa")) for a in load}


def test_one_account_pair_per_region_unless_more_are_asked_for():
    """Entities of a region share its accounts; an account never spans regions; one named by hand is kept."""
    few = build_firm(FirmSettings(consultants=40, entity_count=8, regions=4), 1)
    many = build_firm(FirmSettings(consultants=40, entity_count=8, regions=2, accounts_per_region=2), 1)
    by_hand = EntitySpec(
        code="XX01", region="EMEA", country="DE", currency="EUR", zone="Europe/Berlin", erp_account="e"
    )

    assert {e.erp_account for e in few.entities} == {"erp-emea-1", "erp-amer-1", "erp-apac-1", "erp-latam-1"}
    assert {e.erp_account for e in many.entities} == {"erp-emea-1", "erp-emea-2", "erp-amer-1", "erp-amer-2"}
    assert build_firm(FirmSettings(entities=(by_hand,)), 1).entities[0].erp_account == "e"


def test_an_approver_has_eight_to_twelve_people_of_one_entity():
    """Teams are of about ten and do not cross entities."""
    firm = firm_of_5000()
    teams = Counter((c.entity, c.approver) for c in firm.consultants)

    assert len({approver for _, approver in teams}) == len(teams)
    assert all(8 <= size <= 12 for size in teams.values())


def test_people_book_alike_on_the_mean_and_differ_one_by_one():
    """Base rates have mean 1 over a firm and the spread of the (clipped) gamma."""
    rates = [c.base_rate for c in firm_of_5000().consultants]
    mean = sum(rates) / len(rates)
    cv = (sum((r - mean) ** 2 for r in rates) / len(rates)) ** 0.5

    assert mean == pytest.approx(1, abs=0.01)
    assert cv == pytest.approx(0.7, abs=0.1)
    assert min(rates) > 0.1


def test_everybody_has_one_to_three_assignments_on_projects_of_their_own_entity():
    """Home, employing, project and billing entity of an hour are one in this firm."""
    firm = firm_of_5000()
    project = {p.project: p for p in firm.projects}
    entity = {c.worker: c.entity for c in firm.consultants}
    each = Counter(a.worker for a in firm.assignments)

    assert set(each) == set(entity)
    assert set(each.values()) == {1, 2, 3}
    assert len({a.assignment for a in firm.assignments}) == len(firm.assignments)
    for a in firm.assignments:
        plan = project[a.project]
        assert (plan.entity, plan.client, plan.contract) == (a.entity, a.client, a.contract)
        assert a.entity == entity[a.worker]
        assert a.task in plan.tasks


def test_a_project_has_about_five_people():
    """4.87 full-time people to a project (QSM 2021)."""
    firm = firm_of_5000()

    assert len(firm.consultants) / len(firm.projects) == pytest.approx(4.87, abs=0.1)


def test_periods_of_both_modules_are_closed_open_future_and_never_opened():
    """Each entity knows the month before, the month, the next and the one after; the next opens at local midnight."""
    firm = build_firm(FirmSettings(consultants=4, entity_count=4, regions=4, month="2026-12"), 1)

    for entity in firm.entities:
        for module in ("time", "gl"):
            own = [p for p in firm.periods if (p.entity, p.module) == (entity.code, module)]
            assert [(p.name, p.status, p.gate) for p in own] == [
                ("2026-11", "closed", "shut"),
                ("2026-12", "open", "open"),
                ("2027-01", "future", "open"),
                ("2027-02", "never_opened", "open"),
            ]
            assert all(a.last_day + timedelta(days=1) == b.first_day for a, b in pairwise(own))
            moves = [m for m in firm.period_moves if (m.entity, m.module) == (entity.code, module)]
            midnight = instant_ms(date(2027, 1, 1), _MIDNIGHT, entity.zone)
            assert [(m.at_ms, m.name, m.status, m.gate) for m in moves] == [(midnight, "2027-01", "open", None)]


def test_the_feed_gate_shuts_some_working_days_after_month_end_if_asked():
    """Working days are counted past weekends and public holidays of the entity's country."""
    spec = EntitySpec(code="DE01", region="EMEA", country="DE", currency="EUR", zone="Europe/Berlin")
    firm = build_firm(FirmSettings(consultants=3, entities=(spec,), close_after_working_days=3), 1)
    shut = [m for m in firm.period_moves if m.gate == "shut"]

    # 1 and 2 April are worked; Good Friday 3 April, the weekend and Easter Monday are not; 7 April is the third.
    assert {(m.module, m.name) for m in shut} == {("time", "2026-03"), ("gl", "2026-03")}
    assert {m.at_ms for m in shut} == {1775577600000}  # 2026-04-07 18:00 in Berlin


def test_holidays_and_weekends_are_not_worked():
    """A working day is neither Saturday, Sunday nor a public holiday of the country."""
    off = firm_of_5000().entities[0].holidays

    assert date(2026, 4, 3) in off
    assert not is_working_day(date(2026, 4, 3), off)
    assert not is_working_day(date(2026, 4, 4), off)
    assert working_day_after(date(2026, 4, 2), 1, off) == date(2026, 4, 7)


def test_the_firm_starts_before_anybodys_first_day_and_a_week_only_before_that_week():
    """`start_ms` lies a day before the first booked civil day, so that it has begun nowhere on earth."""
    month = build_firm(FirmSettings(consultants=4, entity_count=4, regions=4), 1)
    week = build_firm(FirmSettings(consultants=4, entity_count=4, regions=4, weeks=1), 1)

    assert month.start_ms == instant_ms(date(2026, 2, 28), _MIDNIGHT, "UTC")
    assert week.start_ms == instant_ms(date(2026, 3, 24), _MIDNIGHT, "UTC")
    assert (week.month_first, week.month_last) == (date(2026, 3, 1), date(2026, 3, 31))


@pytest.mark.parametrize(("total", "weights"), [(10, [1, 1, 1]), (3, [1, 100, 1]), (5000, [60, 25, 15]), (7, [7])])
def test_apportioning_gives_everything_away_and_nobody_nothing(total, weights):
    """Parts add up to the total, are at least 1, and follow the weights."""
    parts = apportion(total, weights)

    assert sum(parts) == total
    assert min(parts) >= 1
    assert parts.index(max(parts)) == weights.index(max(weights)) or total == len(weights)


@pytest.mark.parametrize(
    "wrong",
    [
        {"consultant": 5},
        {"consultants": 0},
        {"month": "2026-13"},
        {"consultants": 5, "entity_count": 6},
        {"consultants": 500, "entity_count": 60, "regions": 1},
        {"region_shares": {"MOON": 100}},
        {"weeks": 5},
    ],
)
def test_settings_that_make_no_firm_are_refused(wrong):
    """A typo or an impossible firm is told when the settings are made, not later."""
    with pytest.raises(ValidationError):
        FirmSettings(**wrong)


@pytest.mark.parametrize("wrong", [{"currency": "XXX"}, {"zone": "Mars/Olympus"}, {"country": "ZZ"}, {"share": 0}])
def test_an_entity_that_cannot_be_is_refused(wrong):
    """Currency, zone and country of an entity have to exist."""
    good = {"code": "DE01", "region": "EMEA", "country": "DE", "currency": "EUR", "zone": "Europe/Berlin"}

    EntitySpec(**good)
    with pytest.raises(ValidationError):
        EntitySpec(**(good | wrong))


def test_the_90_entity_firm_has_currencies_without_and_with_three_decimals():
    """month_end_50000 meets yen and dinar, 90 entities, four regions and at least twelve accounts."""
    firm = build_firm(FirmSettings(consultants=900, entity_count=90, regions=4, accounts=12), 1)
    digits = {minor_units()[entity.currency] for entity in firm.entities}

    assert len(firm.entities) == 90
    assert len({entity.erp_account for entity in firm.entities}) == 12
    assert len({entity.currency for entity in firm.entities}) >= 30
    assert digits == {0, 2, 3}
