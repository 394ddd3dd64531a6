"""Every hour of every assignment has exactly one price."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from functools import cache

import pytest

from simulators.data import gsa_cents_per_hour, minor_units
from simulators.firm.build import build_firm
from simulators.firm.catalogue import CATALOGUE, PER_USD
from simulators.firm.model import Firm, RatePlan
from simulators.firm.rates import SCOPES, keys_by_scope
from simulators.firm.settings import FirmSettings

DAYS = [date(2026, 1, 31) + timedelta(days=i) for i in range(100)]


@cache
def firm(seed: int = 1) -> Firm:
    return build_firm(FirmSettings(consultants=400, entity_count=12, regions=4), seed)


@cache
def by_key(seed: int = 1) -> dict[tuple[str, str, str], list[RatePlan]]:
    index = defaultdict(list)
    for rate in firm(seed).rates:
        index[rate.kind, rate.scope, rate.scope_key].append(rate)
    return index


def valid(rates: list[RatePlan], day: date) -> list[RatePlan]:
    return [r for r in rates if r.valid_from <= day and (r.valid_until is None or day < r.valid_until)]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", ["bill", "cost"])
def test_every_assignment_has_one_price_on_every_day(seed, kind):
    """In the first scope that has a line for the day there is one line: no gap and no tie, for bill and cost."""
    for assignment in firm(seed).assignments:
        keys = keys_by_scope(assignment)
        lines = [by_key(seed).get((kind, scope, keys[scope]), []) for scope in SCOPES]
        lines = [some for some in lines if some]
        for day in DAYS:
            found = next((hits for hits in (valid(some, day) for some in lines) if hits), [])
            assert len(found) == 1, (assignment, day)


def test_bill_rates_are_in_the_currency_the_project_is_sold_in_and_costs_in_the_entitys():
    """A line of any scope that prices an assignment has the contract's currency, or the employer's for cost."""
    sold_in = {p.project: p.currency for p in firm().projects}
    home = {e.code: e.currency for e in firm().entities}
    foreign = 0
    for a in firm().assignments:
        keys = keys_by_scope(a)
        for day in DAYS[::20]:
            hits = (valid(by_key().get(("bill", scope, keys[scope]), []), day) for scope in SCOPES)
            price = next(found for found in hits if found)[0]
            assert price.currency == sold_in[a.project]
            foreign += price.currency != home[a.entity]
        (cost, *_) = by_key()["cost", "entity_role", keys["entity_role"]]
        assert cost.currency == home[a.entity]
    assert foreign > 0


def test_every_scope_is_used_and_names_what_it_says():
    """Only the agreed scopes occur, each of them does, and costs stand at "entity_role" alone."""
    used = {(rate.kind, rate.scope) for rate in firm().rates}

    assert {scope for kind, scope in used if kind == "bill"} == set(SCOPES) - {"entity_role"}
    assert {scope for kind, scope in used if kind == "cost"} == {"entity_role"}


def test_some_prices_change_within_the_month_and_all_are_known_before_it():
    """Changes meet without gap or overlap: the old line ends, exclusively, on the day the new one begins."""
    changes = [rates for rates in by_key().values() if len(rates) == 2]

    assert all(old.valid_until == new.valid_from for old, new in changes)
    assert {new.valid_from == date(2026, 3, 1) for _, new in changes} == {True, False}
    assert any(date(2026, 3, 1) < new.valid_from <= date(2026, 3, 31) for _, new in changes)
    assert all(rate.known_from_ms < firm().start_ms for rate in firm().rates)
    assert len({rate.rate_id for rate in firm().rates}) == len(firm().rates)


def test_prices_come_from_the_gsa_card_at_a_sensible_scale():
    """In US dollars a bill rate lies within the card, and has at least two decimals (three for dinars)."""
    low, high = Decimal(gsa_cents_per_hour()[0]) / 100, Decimal(gsa_cents_per_hour()[-1]) / 100 * Decimal("1.2")

    for rate in firm().rates:
        assert -rate.rate.as_tuple().exponent == max(2, minor_units()[rate.currency])
        if rate.kind == "bill":
            assert low <= rate.rate / PER_USD[rate.currency] <= high


def test_the_gsa_card_has_the_median_that_is_documented():
    """The card shipped is the one described: about 4,150 prices, median 104, p5 55 and p95 214 US dollars."""
    prices = gsa_cents_per_hour()
    at = [prices[len(prices) * percent // 100] / 100 for percent in (5, 50, 95)]

    assert len(prices) > 4_100
    assert at == pytest.approx([55, 104, 214], rel=0.01)


def test_the_catalogue_is_large_enough_and_made_of_real_currencies():
    """At least 90 entities with distinct codes, 30 currencies of ISO 4217, each with a factor."""
    seats = [seat for region in CATALOGUE.values() for seat in region]
    currencies = {seat.currency for seat in seats}

    assert len({seat.code for seat in seats}) == len(seats) >= 90
    assert len(currencies) >= 30
    assert currencies <= set(minor_units())
    assert currencies <= set(PER_USD)
    assert {minor_units()[c] for c in ("JPY", "KWD", "EUR")} == {0, 3, 2}
