"""Bugs of section I, money: one minor unit here, a factor of a hundred there."""

from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal

from runtime.core.currencies import EXPONENT
from runtime.core.model import Leg, Posting, Project, RateLine, TimeEntry, Valuation
from runtime.core.money import ARITHMETIC, minor
from runtime.core.partition.state import State, Tracked
from runtime.core.partition.steps import Go
from runtime.core.rating import RateCard, Unpriced
from simulators.firm.settings import EntitySpec
from simulators.plants.plant import Plant
from simulators.plants.replace import Function

_FEW_DECIMALS = (
    EntitySpec(code="JP01", region="APAC", country="JP", currency="JPY", zone="Asia/Tokyo"),
    EntitySpec(code="KW01", region="APAC", country="KW", currency="KWD", zone="Asia/Kuwait"),
)
"""A currency without a minor unit, and one with three decimals."""


def _binary_float(original: Function) -> Function:
    """Amounts are worked out in binary floating point, which rounds ties as it likes."""

    def in_minor_units(amount: Decimal, currency: str) -> int:
        return round(float(amount) * 10.0 ** EXPONENT[currency])

    return in_minor_units


def _half_even(original: Function) -> Function:
    """Ties are rounded to the even neighbour, as bankers are said to."""

    def in_minor_units(amount: Decimal, currency: str) -> int:
        exact = ARITHMETIC.scaleb(amount, EXPONENT[currency])
        return int(exact.to_integral_value(ROUND_HALF_EVEN))

    return in_minor_units


def _cut_off(original: Function) -> Function:
    """What is less than a minor unit is cut off."""

    def in_minor_units(amount: Decimal, currency: str) -> int:
        return int(ARITHMETIC.scaleb(amount, EXPONENT[currency]))

    return in_minor_units


def _two_decimals(original: Function) -> Function:
    """Every currency has cents."""

    def in_minor_units(amount: Decimal, currency: str) -> int:
        cents: int = original(amount, "EUR")
        return cents

    return in_minor_units


def _rounded_by_the_quarter(original: Function) -> Function:
    """A quarter of an hour is priced and rounded, and then counted."""
    quarter, four = Decimal("0.25"), Decimal(4)

    def amount(line: RateLine, entry: TimeEntry) -> int | Unpriced:
        if line.unit != "hour" or entry.unit != "hour":
            priced: int | Unpriced = original(line, entry)
            return priced
        return minor(line.rate * quarter, line.currency) * int(entry.quantity * four)

    return amount


def _rounded_hours(original: Function) -> Function:
    """Hours are rounded to one decimal before they are priced."""
    tenth = Decimal("0.1")

    def amount(line: RateLine, entry: TimeEntry) -> int | Unpriced:
        priced: int | Unpriced = original(line, replace(entry, quantity=entry.quantity.quantize(tenth)))
        return priced

    return amount


def _reversed_at_todays_worth(original: Function) -> Function:
    """A reversal takes back what the newest version is worth, where it should take back what was posted."""

    def reversal(state: State, tracked: Tracked, go: Go) -> Posting:
        posting: Posting = original(state, tracked, go)
        entry, worth = tracked.entry, tracked.valuation
        if entry is None or worth is None:
            return posting
        return replace(posting, quantity=-entry.quantity, bill_minor=-worth.bill_minor, cost_minor=-worth.cost_minor)

    return reversal


def _cost_for_bill(original: Function) -> Function:
    """Bill and cost change places on their way into the posting."""

    def value_entry(
        card: RateCard, order: tuple[str, ...], entry: TimeEntry, project: Project, known_ms: int
    ) -> Valuation | Unpriced:
        worth: Valuation | Unpriced = original(card, order, entry, project, known_ms)
        if isinstance(worth, Unpriced):
            return worth
        return replace(worth, bill_minor=worth.cost_minor, cost_minor=worth.bill_minor)

    return value_entry


def _everything_bills(original: Function) -> Function:
    """Whether time is billable is not asked."""

    def value_entry(
        card: RateCard, order: tuple[str, ...], entry: TimeEntry, project: Project, known_ms: int
    ) -> Valuation | Unpriced:
        worth: Valuation | Unpriced = original(card, order, replace(entry, billable=True), project, known_ms)
        return worth

    return value_entry


def _reversal_keeps_the_cost(original: Function) -> Function:
    """A reversal takes the bill back and leaves the cost in the ledger."""

    def reversal(state: State, tracked: Tracked, go: Go) -> Posting:
        posting: Posting = original(state, tracked, go)
        assert posting.leg is Leg.REVERSE
        return replace(posting, cost_minor=0)

    return reversal


_WORK_IS_CORRECTED = {"people.correction_ppm": 200_000, "people.withdrawal_ppm": 60_000}
_ANY_NEGATIVE_LINE = {**_WORK_IS_CORRECTED, "erp.exact_reversals": False}

PLANTS = (
    Plant(
        number="I1",
        name="binary_float",
        story="amounts are worked out in binary floating point, so that ties fall to either side",
        replaces="runtime.core.money:minor",
        bug=_binary_float,
        caught_by="S4",
        wild="invoice-generator#64: totals off by a cent",
    ),
    Plant(
        number="I2",
        name="rounded_by_the_quarter",
        story="the price of a quarter of an hour is rounded and then counted, where the product is rounded once",
        replaces="runtime.core.rating:_amount",
        bug=_rounded_by_the_quarter,
        caught_by="S4",
        wild="wpovernight#1431 and odoo/odoo#37896: rounded lines against a rounded total",
    ),
    Plant(
        number="I3",
        name="two_decimals",
        story="every currency is given two decimals, so that yen are a hundredfold and dinars a tenth",
        replaces="runtime.core.money:minor",
        bug=_two_decimals,
        caught_by="S4",
        changes={"firm.entities": _FEW_DECIMALS},
    ),
    Plant(
        number="I6",
        name="reversed_at_todays_worth",
        story="a reversal takes back what the newest version is worth and not what was posted: a residue stands",
        replaces="runtime.core.partition.steps:_reversal",
        bug=_reversed_at_todays_worth,
        caught_by="S2b",
        changes=_ANY_NEGATIVE_LINE,
    ),
    Plant(
        number="I20",
        name="half_even",
        story="ties are rounded to the even neighbour and not away from zero",
        replaces="runtime.core.money:minor",
        bug=_half_even,
        caught_by="S4",
    ),
    Plant(
        number="I21",
        name="cost_for_bill",
        story="bill and cost change places on their way into the posting",
        replaces="runtime.core.rating:value_entry",
        bug=_cost_for_bill,
        caught_by="S2b",
    ),
    Plant(
        number="I22",
        name="everything_bills",
        story="time that is not billable bills all the same",
        replaces="runtime.core.rating:value_entry",
        bug=_everything_bills,
        caught_by="S2b",
    ),
    Plant(
        number="I23",
        name="cut_off",
        story="what is less than a minor unit is cut off",
        replaces="runtime.core.money:minor",
        bug=_cut_off,
        caught_by="S4",
    ),
    Plant(
        number="I24",
        name="rounded_hours",
        story="hours are rounded to one decimal before they are priced, so that a quarter of an hour is a fifth",
        replaces="runtime.core.rating:_amount",
        bug=_rounded_hours,
        caught_by="S2b",
    ),
    Plant(
        number="I25",
        name="reversal_keeps_the_cost",
        story="a reversal takes the bill back and leaves the cost in the ledger",
        replaces="runtime.core.partition.steps:_reversal",
        bug=_reversal_keeps_the_cost,
        caught_by="S4",
        changes=_ANY_NEGATIVE_LINE,
    ),
)
