"""What an hour is worth: the most specific rate, by effective date, as it was known when the time was approved."""

from dataclasses import replace
from datetime import date
from decimal import Decimal, localcontext
from typing import Any

import pytest

from runtime.core.model import Project, RateKind, RateLine, TimeEntry, Valuation
from runtime.core.news import ProjectsPublished, RatesPublished
from runtime.core.rating import DEFAULT_ORDER, SCOPES, RateCard, Unpriced, value_entry
from tests.runtime.core.a_partition import (
    BEGAN_MS,
    PROJECTS,
    Partition,
    amounts,
    approved,
    given,
    period,
    rate_line,
    time_entry,
)

PROJECT = Project("P1", "DE01", "C1", "K1")
COST = rate_line(RateKind.COST, "60")


def card(*lines: RateLine) -> RateCard:
    """These bill rates and the usual cost rate."""
    known = RateCard()
    known.learn((*lines, COST))
    return known


def bill(
    known: RateCard, entry: TimeEntry | None = None, known_ms: int = 10**15, **changes: Any
) -> Valuation | Unpriced:
    """What TS-1 is worth by this card."""
    return value_entry(known, DEFAULT_ORDER, entry or time_entry("TS-1", **changes), PROJECT, known_ms)


def bill_minor(known: RateCard, **changes: Any) -> int:
    """What TS-1 bills by this card, in minor units."""
    priced = bill(known, **changes)
    assert isinstance(priced, Valuation), priced
    return priced.bill_minor


def reason(known: RateCard, **changes: Any) -> str:
    """Why TS-1 has no price by this card."""
    priced = bill(known, **changes)
    assert isinstance(priced, Unpriced), priced
    return priced.reason


def scoped(scope: str, rate: str, **changes: Any) -> RateLine:
    """A bill rate of this scope that covers TS-1."""
    key = SCOPES[scope](time_entry("TS-1"), PROJECT)
    return replace(rate_line(RateKind.BILL, rate, f"by-{scope}", scope), scope_key=key, **changes)


@pytest.mark.parametrize("scope", DEFAULT_ORDER)
def test_the_most_specific_scope_decides(scope: str) -> None:
    """Of all scopes from this one on, this one gives the rate; and each scope alone is enough."""
    rest = DEFAULT_ORDER[DEFAULT_ORDER.index(scope) :]
    lines = [scoped(name, str(100 + number)) for number, name in enumerate(rest)]
    assert bill_minor(card(*lines)) == 80_000
    assert bill_minor(card(*reversed(lines))) == 80_000
    assert bill_minor(card(lines[0])) == 80_000


def test_the_order_is_data() -> None:
    """Another order gives another rate from the same card."""
    known = card(scoped("client", "100"), scoped("entity", "90"))
    priced = value_entry(known, ("entity", "client"), time_entry("TS-1"), PROJECT, 0)
    assert isinstance(priced, Valuation)
    assert priced.bill_minor == 72_000


def test_a_more_specific_rate_that_does_not_hold_lets_the_next_scope_decide() -> None:
    """A scope whose lines are all out of date is no answer; the next one is asked."""
    ended = scoped("assignment", "500", valid_until=date(2026, 3, 1))
    assert bill_minor(card(ended, scoped("entity", "100"))) == 80_000


@pytest.mark.parametrize(
    ("day", "expected"),
    [(date(2026, 3, 9), 80_000), (date(2026, 3, 10), 88_000), (date(2026, 3, 19), 88_000), (date(2026, 3, 20), 96_000)],
)
def test_effective_dates_are_half_open(day: date, expected: int) -> None:
    """A rate holds from its first day up to, and not on, its end: the day of change has exactly one rate."""
    known = card(
        scoped("entity", "100", valid_until=date(2026, 3, 10)),
        replace(scoped("entity", "110"), rate_id="second", valid_from=date(2026, 3, 10), valid_until=date(2026, 3, 20)),
        replace(scoped("entity", "120"), rate_id="third", valid_from=date(2026, 3, 20)),
    )
    assert bill_minor(known, work_date=day) == expected


def test_a_gap_is_not_zero() -> None:
    """A day without a rate has no price."""
    known = card(
        scoped("entity", "100", valid_until=date(2026, 3, 10)),
        replace(scoped("entity", "110"), rate_id="second", valid_from=date(2026, 3, 11)),
    )
    assert reason(known) == "rate_gap"
    assert reason(card()) == "rate_gap"
    assert reason(RateCard()) == "rate_gap"


def test_a_missing_cost_is_a_gap_too() -> None:
    """An entry is valued twice, what it bills and what it costs; one of them is not enough."""
    known = RateCard()
    known.learn((scoped("entity", "100"),))
    assert reason(known) == "rate_gap"


def test_a_tie_is_not_a_choice() -> None:
    """Two equally specific rates on one day, under the same amendment: nobody guesses."""
    known = card(scoped("entity", "100"), replace(scoped("entity", "110"), rate_id="other"))
    assert reason(known) == "rate_tie"


def test_the_highest_amendment_counts() -> None:
    """An amendment replaces what it amends while it holds, and only then."""
    amended = replace(scoped("entity", "110"), rate_id="amended", amendment=1, valid_until=date(2026, 3, 11))
    known = card(scoped("entity", "100"), amended)
    assert bill_minor(known) == 88_000
    assert bill_minor(known, work_date=date(2026, 3, 11)) == 80_000


def test_zero_is_a_rate() -> None:
    """An explicit zero is legal and is no gap."""
    assert bill_minor(card(scoped("assignment", "0"), scoped("entity", "100"))) == 0


def test_time_that_is_not_billable_bills_nothing_and_costs_something() -> None:
    """Not billable is an explicit zero on the bill side only."""
    priced = bill(card(scoped("entity", "100")), billable=False)
    assert isinstance(priced, Valuation)
    assert (priced.bill_minor, priced.cost_minor) == (0, 48_000)


def test_an_entry_is_priced_with_what_was_known() -> None:
    """An amendment published later does not change what was approved before it; what is approved after it pays it."""
    later = replace(scoped("entity", "110"), rate_id="later", amendment=1, known_from_ms=1_000)
    known = card(scoped("entity", "100"), later)
    assert bill_minor(known, known_ms=999) == 80_000
    assert bill_minor(known, known_ms=1_000) == 88_000


def test_where_nothing_was_known_the_first_publication_counts() -> None:
    """Approved before any rate was published: the first publication that closes the gap, and not the latest."""
    first = scoped("entity", "100", known_from_ms=1_000)
    second = replace(scoped("entity", "110"), rate_id="second", amendment=1, known_from_ms=2_000)
    assert bill_minor(card(first, second), known_ms=5) == 80_000


def test_a_line_published_again_replaces_itself() -> None:
    """The same rate id with another rate is the newer word, not a tie; and nothing remembered outlives it."""
    known = card(scoped("entity", "100"))
    assert bill_minor(known) == 80_000
    known.learn((scoped("entity", "105"),))
    assert bill_minor(known) == 84_000


def test_a_bill_and_a_cost_line_may_share_an_id() -> None:
    """What the one comes to is not remembered for the other, whichever was asked first."""
    known = RateCard()
    known.learn((replace(scoped("entity", "100"), rate_id="R1"), replace(COST, rate_id="R1")))
    for hours in (8, 4):
        priced = bill(known, quantity=Decimal(hours))
        assert isinstance(priced, Valuation)
        assert (priced.bill_minor, priced.cost_minor) == (hours * 10_000, hours * 6_000)
    known.learn((replace(scoped("entity", "105"), rate_id="R1"),))
    assert bill(known) == Valuation(84_000, "EUR", Decimal(105), "R1", 48_000, "EUR", Decimal(60), "R1")


def test_hours_and_days_of_one_rate_are_remembered_apart() -> None:
    """The same number of hours and of days are two quantities."""
    known = card(scoped("entity", "100"))
    assert bill_minor(known, quantity=Decimal(2)) == 20_000
    assert bill_minor(known, quantity=Decimal(2), unit="day") == 160_000
    assert bill_minor(known, quantity=Decimal(2)) == 20_000


def test_what_is_remembered_is_of_both_rates_and_of_what_bills() -> None:
    """Entries that share a quantity, and one of their rates or none, have each their own worth."""
    known = card(scoped("entity", "100"), scoped("task", "150"))
    known.learn((replace(COST, rate_id="dearer", scope="project_role", scope_key="P1|other", rate=Decimal(90)),))
    worth = []
    for _ in range(2):
        for changes in ({}, {"billable": False}, {"task": "other"}, {"role": "other"}):
            priced = bill(known, **changes)
            assert isinstance(priced, Valuation)
            worth.append((priced.bill_minor, priced.cost_minor))
    assert worth == [(120_000, 48_000), (0, 48_000), (80_000, 48_000), (120_000, 72_000)] * 2


def test_a_line_published_again_elsewhere_leaves_its_old_place() -> None:
    """The same rate id under another key or scope is no longer in force where it was, and may come back."""
    special = scoped("client", "500")
    known = card(scoped("entity", "100"), special)
    assert bill_minor(known) == 400_000
    for moved in (replace(special, scope_key="C9"), replace(special, scope="contract", scope_key="K9")):
        known.learn((moved,))
        assert bill_minor(known) == 80_000
    assert len(known.published()) == 3
    known.learn((special,))
    assert bill_minor(known) == 400_000


def test_a_late_cost_rate_does_not_change_what_is_billed() -> None:
    """Each kind is looked for on its own: the bill rate of the approval stays, though the cost rate came after it."""
    amended = replace(scoped("entity", "120"), rate_id="b1", amendment=1, known_from_ms=1_000)
    known = RateCard()
    known.learn((scoped("entity", "100"), amended, replace(COST, known_from_ms=2_000)))
    assert bill_minor(known, known_ms=5) == 80_000
    assert bill_minor(known, known_ms=1_000) == 96_000


def test_a_late_bill_rate_does_not_change_what_it_costs() -> None:
    """The same the other way round."""
    raised = replace(COST, rate=Decimal(70), rate_id="c1", amendment=1, known_from_ms=1_000)
    known = card(scoped("entity", "100", known_from_ms=2_000), raised)
    priced = bill(known, known_ms=5)
    assert isinstance(priced, Valuation)
    assert (priced.bill_minor, priced.cost_minor) == (80_000, 48_000)


def test_a_later_amendment_cures_a_tie() -> None:
    """Where two rates tied at approval, the first publication that leaves one of them standing highest counts."""
    tied = (scoped("entity", "100"), replace(scoped("entity", "110"), rate_id="other"))
    first = replace(scoped("entity", "120"), rate_id="first", amendment=1, known_from_ms=1_000)
    second = replace(scoped("entity", "130"), rate_id="second", amendment=2, known_from_ms=2_000)
    assert reason(card(*tied), known_ms=5) == "rate_tie"
    assert bill_minor(card(*tied, first, second), known_ms=5) == 96_000
    assert bill_minor(card(*tied, first, second), known_ms=2_000) == 104_000


def test_a_gap_that_becomes_a_tie_is_cured_like_one() -> None:
    """Gap, then tie, then one rate: what counts is the first publication that gives one rate."""
    late = [
        replace(scoped("entity", rate), rate_id=rate, amendment=int(rate) // 120, known_from_ms=at)
        for rate, at in (("100", 1_000), ("110", 1_000), ("120", 2_000))
    ]
    assert reason(card(*late[:2]), known_ms=5) == "rate_tie"
    assert bill_minor(card(*late), known_ms=5) == 96_000


FLAWS: dict[str, tuple[str, dict[str, Any]]] = {
    "rounding": ("rate_unusable", {"rounding": "half_even"}),
    "unit": ("rate_unusable", {"unit": "month"}),
    "no day": ("rate_unusable", {"hours_per_day": Decimal(0), "unit": "day"}),
    "negative day": ("rate_unusable", {"hours_per_day": Decimal(-8), "unit": "day"}),
    "day is no number": ("rate_unusable", {"hours_per_day": Decimal("NaN")}),
    "increment": ("rate_unusable", {"increment": Decimal(-1)}),
    "tiny increment": ("rate_unusable", {"increment": Decimal("1E-60")}),
    "rate is no number": ("rate_unusable", {"rate": Decimal("NaN")}),
    "rate says that it is none": ("rate_unusable", {"rate": Decimal("sNaN")}),
    "endless rate": ("rate_unusable", {"rate": Decimal("Infinity")}),
    "huge rate": ("rate_unusable", {"rate": Decimal("1E30")}),
    "enormous rate": ("rate_unusable", {"rate": Decimal("-1E999999")}),
    "large product": ("rate_unusable", {"rate": Decimal("9E15")}),
    "currency": ("currency_unknown", {"currency": "XXX"}),
}


@pytest.mark.parametrize("flaw", FLAWS)
@pytest.mark.parametrize("kind", [RateKind.BILL, RateKind.COST])
def test_a_rate_that_cannot_be_used_is_no_price(kind: RateKind, flaw: str) -> None:
    """A rate that nobody can calculate with says so, on either side, and another scope does not step in for it."""
    expected, changes = FLAWS[flaw]
    bad = replace(rate_line(kind, "100", "bad", "client"), scope_key="C1", **changes)
    priced = bill(card(bad, scoped("entity", "100")))
    assert isinstance(priced, Unpriced), priced
    assert priced.reason == expected
    assert "bad" in priced.detail


def test_an_absurd_quantity_is_no_price() -> None:
    """A quantity whose product is no amount of money is not priced, and neither raises nor spoils the next one."""
    known = card(scoped("entity", "100"))
    assert reason(known, quantity=Decimal("1E40")) == "rate_unusable"
    assert reason(known, quantity=Decimal("9E999999")) == "rate_unusable"
    assert bill_minor(known, quantity=Decimal("1E-999999")) == 0
    assert bill_minor(known) == 80_000


@pytest.mark.parametrize("flaw", sorted(set(FLAWS) - {"tiny increment", "large product"}))
def test_a_later_amendment_cures_a_rate_that_cannot_be_used(flaw: str) -> None:
    """A rate that prices no quantity at all is lacking like a gap, until a publication replaces it."""
    bad = replace(scoped("entity", "100"), **FLAWS[flaw][1])
    amended = replace(scoped("entity", "120"), rate_id="amended", amendment=1, known_from_ms=1_000)
    assert reason(card(bad), known_ms=5) == FLAWS[flaw][0]
    assert bill_minor(card(bad, amended), known_ms=5) == 96_000


def test_a_unit_that_does_not_convert_is_no_price() -> None:
    """A rate that prices hours does not price weeks, whatever was asked before."""
    known = card(scoped("entity", "100"))
    assert bill_minor(known) == 80_000
    assert reason(known, unit="week") == "rate_unusable"
    assert bill_minor(known) == 80_000


def test_a_seventh_of_a_day_is_rounded_once() -> None:
    """Hours of a daily rate are divided last, so that a half is a half and not a little less."""
    known = card(scoped("entity", "0.035", unit="day", hours_per_day=Decimal(7)))
    assert bill_minor(known, quantity=Decimal(1)) == 1


def test_prices_do_not_depend_on_the_surroundings() -> None:
    """What a thread has set in its own decimal context changes no price, however the quantity is converted."""
    lines = (
        scoped("entity", "1234.567"),
        scoped("entity", "9876.543", unit="day", hours_per_day=Decimal("7.75")),
        scoped("entity", "9876.543", unit="day", increment=Decimal("0.125")),
    )
    for line in lines:
        for unit in ("hour", "day"):
            plain = bill_minor(card(line), quantity=Decimal("7.3333"), unit=unit)
            with localcontext() as context:
                context.prec = 2
                context.Emax = 2
                context.clear_traps()
                assert bill_minor(card(line), quantity=Decimal("7.3333"), unit=unit) == plain


def test_time_types_have_their_own_rates() -> None:
    """Overtime is not paid at the standard rate."""
    known = card(scoped("entity", "100"))
    assert reason(known, time_type="overtime") == "rate_gap"
    overtime: dict[str, Any] = {"time_type": "overtime"}
    known.learn((replace(scoped("entity", "150"), rate_id="o", **overtime), replace(COST, rate_id="oc", **overtime)))
    assert bill_minor(known, time_type="overtime") == 120_000
    assert bill_minor(known) == 80_000


@pytest.mark.parametrize(
    ("quantity", "unit", "rate", "rate_unit", "expected"),
    [
        ("8", "hour", "100", "hour", 80_000),
        ("8", "hour", "800", "day", 80_000),
        ("6", "hour", "800", "day", 60_000),
        ("1", "day", "100", "hour", 80_000),
        ("0.5", "day", "900", "day", 45_000),
    ],
)
def test_hours_and_days_convert_by_the_rate_s_day(
    quantity: str, unit: str, rate: str, rate_unit: str, expected: int
) -> None:
    """A rate per day prices hours by its own hours per day, and the other way round."""
    known = card(scoped("entity", rate, unit=rate_unit))
    assert bill_minor(known, quantity=Decimal(quantity), unit=unit) == expected


def test_a_short_day_is_a_short_day() -> None:
    """Seven and a half hours are a whole day where the rate says so."""
    known = card(scoped("entity", "750", unit="day", hours_per_day=Decimal("7.5")))
    assert bill_minor(known, quantity=Decimal("7.5")) == 75_000


@pytest.mark.parametrize(("hours", "charged"), [("7.25", "7.5"), ("7.5", "7.5"), ("7.51", "8"), ("0", "0")])
def test_increments_round_the_quantity_up(hours: str, charged: str) -> None:
    """The least quantity charged is a whole number of increments; nothing at all stays nothing."""
    known = card(scoped("entity", "100", increment=Decimal("0.5")))
    assert bill_minor(known, quantity=Decimal(hours)) == int(Decimal(charged) * 10_000)


@pytest.mark.parametrize(
    ("rate", "hours", "expected"), [("0.01", "0.5", 1), ("0.01", "0.49", 0), ("33.33", "0.25", 833)]
)
def test_rounding_happens_once_half_up(rate: str, hours: str, expected: int) -> None:
    """The product is rounded at the minor unit, half up, and nothing before it is."""
    assert bill_minor(card(scoped("entity", rate)), quantity=Decimal(hours)) == expected


def test_the_rate_used_is_pinned() -> None:
    """A valuation names its rate, its rate's number and its currency, for each of its two amounts."""
    priced = bill(card(scoped("entity", "100", currency="JPY")))
    assert priced == Valuation(800, "JPY", Decimal(100), "by-entity", 48_000, "EUR", Decimal(60), "entity-cost")


def test_entries_alike_but_for_what_matters_do_not_share_a_price() -> None:
    """Remembered prices are kept apart by everything that a rate may look at."""
    known = card(scoped("assignment", "130"), scoped("project_role", "120"), scoped("entity", "100"))
    assert bill_minor(known) == 104_000
    assert bill_minor(known, assignment="A9") == 96_000
    assert bill_minor(known, assignment="A9", role="partner") == 80_000
    assert bill_minor(known, assignment="A9", quantity=Decimal(4)) == 48_000
    assert bill_minor(known) == 104_000


def test_a_project_that_moves_to_another_client_is_priced_anew() -> None:
    """Rates by client follow the project as it is published now, for what is approved now."""
    by_client = replace(rate_line(RateKind.BILL, "90", "c2", "client"), scope_key="C2")
    partition = given(usual=(RatesPublished((by_client, scoped("entity", "100"), COST)), PROJECTS, period("2026-03")))
    assert amounts(partition.hears(approved("TS-1")).sends()) == [(80_000, 48_000)]
    partition.hears(ProjectsPublished((Project("P1", "DE01", "C2", "K1", version=2),)))
    assert amounts(partition.hears(approved("TS-2")).sends()) == [(72_000, 48_000)]
    partition.hears(ProjectsPublished((Project("P1", "DE01", "C1", "K1", version=1),)))
    assert amounts(partition.hears(approved("TS-3")).sends()) == [(72_000, 48_000)]


def parked_for(lines: tuple[RateLine, ...]) -> Partition:
    """A partition with these rates and one entry that cannot be priced."""
    return given(approved("TS-1"), usual=(RatesPublished(lines), PROJECTS, period("2026-03"))).stands_still()


def test_a_tie_parks_until_rates_change() -> None:
    """The tie parks with project accounting; ending one of the rates lets the entry go at the other."""
    other = replace(scoped("entity", "110"), rate_id="other")
    partition = parked_for((scoped("entity", "100"), other, COST))
    assert partition.park_of("TS-1") == "rate_tie"
    partition.hears(RatesPublished((replace(other, valid_until=date(2026, 1, 1)),)))
    assert amounts(partition.sends()) == [(80_000, 48_000)]


def test_a_currency_that_is_none_parks() -> None:
    """A rate in a currency that ISO 4217 does not list prices nothing."""
    partition = parked_for((scoped("entity", "100", currency="XXX"), COST))
    assert partition.park_of("TS-1") == "currency_unknown"


def test_a_tie_parks_until_an_amendment_breaks_it() -> None:
    """An amendment published after the approval wakes the entry, and it goes at the amended rate."""
    partition = parked_for((scoped("entity", "100"), replace(scoped("entity", "110"), rate_id="other"), COST))
    assert partition.park_of("TS-1") == "rate_tie"
    amended = replace(scoped("entity", "120"), rate_id="amended", amendment=1, known_from_ms=BEGAN_MS + 1)
    partition.hears(RatesPublished((amended,)))
    assert amounts(partition.sends()) == [(96_000, 48_000)]


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_rate_that_cannot_be_used_parks_until_rates_change(flaw: str) -> None:
    """The partition lives on: the entry parks for its reason, and goes when the line is published again, mended."""
    expected, changes = FLAWS[flaw]
    partition = parked_for((replace(scoped("entity", "100"), **changes), COST))
    assert partition.park_of("TS-1") == expected
    partition.crashes().hears(RatesPublished((scoped("entity", "100"),)))
    assert amounts(partition.sends()) == [(80_000, 48_000)]
