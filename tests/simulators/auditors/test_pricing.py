"""The auditors' own prices: scope, date, knowledge, amendment, rounding, decimals of the currency."""

from datetime import date
from decimal import Decimal

import pytest

from simulators.auditors.currencies import minor_units
from simulators.auditors.pricing import SCOPES, Pricing
from simulators.evidence import ApprovedVersion
from simulators.firm.model import RatePlan
from tests.simulators.auditors.books import assignment, at, day, rate

COST = rate("cost", "40.00")


def version(**changes: object) -> ApprovedVersion:
    """One approved hour on 16 March."""
    approved = ApprovedVersion("E", 1, at(17), False, assignment(), day(16), 4, "standard", True, "", ())
    for field, value in changes.items():
        setattr(approved, field, value)
    return approved


def bill(*rates: RatePlan, **changes: object) -> int | None:
    """What one approved hour bills."""
    worth = Pricing([*rates, COST]).worth(version(**changes))
    return None if worth is None else worth.bill_minor


KEYS = {
    "assignment": "A1",
    "task": "P1|Build",
    "project_worker": "P1|W1",
    "project_role": "P1|Developer",
    "contract": "K1",
    "client": "C1",
    "entity_role": "DE01|Developer",
    "entity": "DE01",
}


def test_the_most_specific_scope_decides():
    """Scopes are asked in order, so each beats all that follow it."""
    order = [name for name, _ in SCOPES]
    assert order == list(KEYS)
    rates = [rate(amount=str(number + 1), scope=scope, key=KEYS[scope]) for number, scope in enumerate(order)]
    for number in range(len(order)):
        assert bill(*reversed(rates[number:])) == (number + 1) * 100


def test_a_rate_ends_the_day_before_valid_until():
    """`valid_until` is exclusive and `valid_from` inclusive, so on the day of change the new rate counts."""
    old = rate(amount="100", valid_until=day(16))
    new = rate(amount="120", valid_from=day(16))
    assert bill(old, new, work_date=day(15)) == 100_00
    assert bill(old, new, work_date=day(16)) == 120_00
    assert bill(old, work_date=day(16)) is None


def test_a_price_counts_from_the_instant_it_was_published():
    """An entry is priced with what was known when it was approved; a later amendment changes nothing before it."""
    amended = rate(amount="120", known_from_ms=at(20), amendment=1)
    assert bill(rate(), amended, at_ms=at(20) - 1) == 100_00
    assert bill(rate(), amended, at_ms=at(20)) == 120_00


def test_a_tie_and_a_gap_are_unpriced_and_never_zero():
    """Two equally high amendments are a tie even where a wider scope has a rate; no rate is a gap."""
    assert bill(rate(amount="100"), rate(amount="110"), rate(amount="90", scope="entity", key="DE01")) is None
    assert bill() is None
    assert bill(rate(currency="XQQ")) is None
    assert bill(rate(amount="0")) == 0


def test_why_there_is_no_price_is_told():
    """A gap, a tie and an unknown currency can be told apart."""
    assert Pricing([COST]).why_unpriced(version()) == "gap"
    assert Pricing([rate(), rate(amount="1"), COST]).why_unpriced(version()) == "tie"
    assert Pricing([rate(currency="XQQ"), COST]).why_unpriced(version()) == "currency"
    assert Pricing([rate(), COST]).why_unpriced(version()) == ""


@pytest.mark.parametrize(
    ("amount", "quarters", "minor"),
    [("0.02", 1, 1), ("0.06", 1, 2), ("0.0199", 1, 0), ("-0.02", 1, -1), ("125.50", 29, 909_88), ("1E+2", 4, 100_00)],
)
def test_halves_are_rounded_away_from_zero_once(amount: str, quarters: int, minor: int):
    """The product of hours and rate is rounded half up at the minor unit; half a cent is a cent."""
    assert bill(rate(amount=amount), quarter_hours=quarters) == minor


@pytest.mark.parametrize(("currency", "minor"), [("JPY", 101), ("EUR", 100_50), ("KWD", 100_500), ("CLF", 1_005_000)])
def test_a_currency_has_the_decimals_of_iso_4217(currency: str, minor: int):
    """Yen have no minor unit, dinars three decimals, and the half yen is rounded up."""
    assert bill(rate(amount="100.5", currency=currency)) == minor


def test_the_currency_table_leaves_out_what_has_no_minor_unit():
    """Codes without an exponent are no currencies to bill in."""
    units = minor_units()
    assert units["EUR"] == 2
    assert all(0 <= exponent <= 4 for exponent in units.values())


def test_time_that_is_not_billable_costs_and_bills_nothing():
    """Not billable, or not of the standard type: bill 0, cost as ever; leave and internal time have no value at all."""
    pricing = Pricing([rate(), COST])
    for changes in ({"billable": False}, {"time_type": "travel"}):
        worth = pricing.worth(version(**changes))
        assert worth is not None
        assert (worth.bill_minor, worth.cost_minor) == (0, 40_00)
    for changes in ({"time_type": "leave"}, {"time_type": "internal"}, {"withdrawn": True}):
        assert pricing.worth(version(**changes)) is None


def test_an_assignment_of_the_same_name_with_another_role_has_its_own_price():
    """Prices are remembered per assignment as it was approved, not per name."""
    pricing = Pricing(
        [rate(scope="project_role", key="P1|Developer"), rate(scope="entity", key="DE01", amount="50"), COST]
    )
    first = pricing.worth(version())
    second = pricing.worth(version(assignment=assignment(role="Architect")))
    assert first is not None
    assert second is not None
    assert (first.bill_minor, second.bill_minor) == (100_00, 50_00)


def test_prices_are_exact_where_binary_fractions_are_not():
    """1.1 x 1.25 hours is 1.375, and half up makes it 1.38; a float says 1.37 or 1.38 by accident."""
    assert bill(rate(amount="1.1"), quarter_hours=5) == 138
    assert bill(rate(amount=str(Decimal("2.675"))), quarter_hours=4) == 268
    assert date(2026, 3, 16) == day(16)
