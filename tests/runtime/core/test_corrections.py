"""Corrections of what stands: classified by what changed, reversed exactly as posted, both legs on one date."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from runtime.core.answers import Refusal
from runtime.core.corrections import LEDGER_MOVES, classify
from runtime.core.model import Correction, Gate, Leg, PeriodStatus, Place, RateKind, Valuation
from runtime.core.news import RatesPublished
from runtime.core.partition.moves import Phase
from tests.runtime.core.a_partition import (
    BEGAN_MS,
    COST_RATE,
    LINGER_MS,
    PROJECTS,
    Partition,
    amounts,
    applied,
    approved,
    entries,
    given,
    period,
    rate_line,
    refused,
    time_entry,
)

WORTH = Valuation(80_000, "EUR", Decimal(100), "B", 48_000, "EUR", Decimal(60), "C")

CLASSES: dict[Correction, dict[str, Any]] = {
    Correction.PROJECT: {"project": "P2"},
    Correction.QUANTITY: {"quantity": Decimal(6)},
    Correction.DIMENSION: {"dimensions": ("practice:cloud",)},
    Correction.NARRATIVE: {"invoice_narrative": "workshop, second day"},
    Correction.NONE: {},
}


def posted() -> Partition:
    """TS-1, version 1, stands with 800 euros."""
    partition = given(approved("TS-1"))
    partition.posts()
    return partition


@pytest.mark.parametrize("correction", list(CLASSES))
def test_the_gravest_difference_names_the_correction(correction: Correction) -> None:
    """Each class is named by what changed, also when all the milder things changed too."""
    standing = posted().entry("TS-1").standing
    assert standing is not None
    ranks = list(Correction)
    milder: dict[str, Any] = {}
    for other in reversed(ranks[ranks.index(correction) :]):
        milder |= CLASSES.get(other, {})
    assert classify(standing, replace(time_entry("TS-1", 2), **CLASSES[correction]), WORTH) is correction
    assert classify(standing, replace(time_entry("TS-1", 2), **milder), WORTH) is correction


@pytest.mark.parametrize(
    "change",
    [{"task": "T2"}, {"work_date": date(2026, 3, 11)}, {"worker": "W2"}, {"role": "partner"}],
    ids=lambda change: next(iter(change)),
)
def test_every_change_that_the_ledger_shows_moves_the_ledger(change: dict[str, Any]) -> None:
    """Task, day, worker and role are on the line, so a change of any of them is no narrative matter."""
    standing = posted().entry("TS-1").standing
    assert standing is not None
    assert classify(standing, replace(time_entry("TS-1", 2), **change), WORTH) in LEDGER_MOVES


def test_another_worth_is_a_rate_correction() -> None:
    """The same work at another price, or in another currency, is corrected in the ledger."""
    standing = posted().entry("TS-1").standing
    assert standing is not None
    entry = time_entry("TS-1", 2)
    assert classify(standing, entry, replace(WORTH, bill_minor=88_000)) is Correction.RATE
    assert classify(standing, entry, replace(WORTH, cost_minor=48_001)) is Correction.RATE
    assert classify(standing, entry, replace(WORTH, bill_currency="USD")) is Correction.RATE


@pytest.mark.parametrize("correction", sorted(LEDGER_MOVES))
def test_a_correction_reverses_exactly_what_was_posted(correction: Correction) -> None:
    """The reversal carries the exact negatives, as posted, and names the line it reverses; then the new line goes."""
    partition = given(approved("TS-1"))
    original = partition.posts().rows[0].posting
    changes: dict[str, Any] = dict(CLASSES.get(correction, {}))
    if correction is Correction.RATE:
        dearer = rate_line(RateKind.BILL, "110", "dearer", known_from_ms=BEGAN_MS + 1, amendment=1)
        partition.hears(RatesPublished((dearer,)))
    hours = str(changes.pop("quantity", "8"))
    batch = partition.hears(approved("TS-1", 2, hours=hours, decided_at_ms=BEGAN_MS + 1, **changes)).sends()
    assert entries(batch) == [("TS-1", 1, Leg.REVERSE)]
    reversal = batch.rows[0].posting
    assert (reversal.bill_minor, reversal.cost_minor, reversal.quantity) == (-80_000, -48_000, Decimal(-8))
    assert reversal.reverses == original.key
    assert reversal.correction is correction
    for field in ("project", "task", "worker", "role", "work_date", "accounting_date", "dimensions", "narrative"):
        assert getattr(reversal, field) == getattr(original, field), field
    partition.hears(applied(batch))
    second = partition.sends(after_ms=0)
    assert entries(second) == [("TS-1", 2, Leg.POST)]
    assert second.rows[0].posting.accounting_date == reversal.accounting_date
    partition.hears(applied(second))
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.POSTED}


@pytest.mark.parametrize("change", [{}, {"invoice_narrative": "workshop, second day"}], ids=["nothing", "narrative"])
def test_what_the_ledger_need_not_see_is_carried(change: dict[str, Any]) -> None:
    """A narrative change leaves the ledger alone: what stands counts for the newer version."""
    partition = posted().hears(approved("TS-1", 2, **change)).stands_still()
    assert partition.phase_of("TS-1") is Phase.POSTED
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.POSTED}
    assert partition.entry("TS-1").counts_for == 2


def test_what_was_carried_is_reversed_under_its_own_name() -> None:
    """After a carried version the reversal still names the version and the key that were posted."""
    partition = given(approved("TS-1"))
    original = partition.posts()
    partition.hears(approved("TS-1", 2, invoice_narrative="other words")).stands_still()
    batch = partition.hears(approved("TS-1", 3, hours="6")).sends()
    assert entries(batch) == [("TS-1", 1, Leg.REVERSE)]
    assert batch.rows[0].posting.reverses == original.rows[0].posting.key


def test_an_amendment_that_is_undone_before_it_left_moves_nothing() -> None:
    """Eight hours, six, eight again: when the last version equals what stands, nothing is sent."""
    partition = posted()
    partition.hears(approved("TS-1", 2, hours="6"), approved("TS-1", 3)).stands_still()
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.SUPERSEDED, 3: Place.POSTED}


def test_a_correction_in_a_shut_period_takes_the_next_open_one_with_the_reason() -> None:
    """Both legs move together: the first day of the next open period, and why."""
    partition = posted().hears(period("2026-03", PeriodStatus.CLOSED, version=2))
    reversal = partition.hears(approved("TS-1", 2, hours="6")).sends()
    partition.hears(applied(reversal))
    posting = partition.sends(after_ms=0)
    legs = [reversal.rows[0].posting, posting.rows[0].posting]
    assert [leg.leg for leg in legs] == [Leg.REVERSE, Leg.POST]
    assert {leg.accounting_date for leg in legs} == {date(2026, 4, 1)}
    assert {leg.period for leg in legs} == {"2026-04"}
    assert all("2026-03" in leg.adjusts for leg in legs)


def test_both_legs_keep_the_original_date_while_its_period_is_open() -> None:
    """A posting that was adjusted into April is corrected in April, with April's reason, though March re-opened."""
    partition = given(period("2026-03", PeriodStatus.CLOSED, version=2), approved("TS-1"))
    partition.posts()
    partition.hears(period("2026-03", version=3))
    reversal = partition.hears(approved("TS-1", 2, hours="6")).sends()
    partition.hears(applied(reversal))
    posting = partition.sends(after_ms=0).rows[0].posting
    assert reversal.rows[0].posting.accounting_date == posting.accounting_date == date(2026, 4, 1)
    assert posting.adjusts


def test_a_period_that_closes_between_the_legs_moves_the_second() -> None:
    """The reversal is in; its period shuts; the new posting takes the next open one, with the reason."""
    partition = posted()
    reversal = partition.hears(approved("TS-1", 2, hours="6")).sends()
    partition.hears(applied(reversal), period("2026-03", gate=Gate.SHUT, version=2))
    posting = partition.sends(after_ms=0).rows[0].posting
    assert reversal.rows[0].posting.accounting_date == date(2026, 3, 10)
    assert (posting.accounting_date, posting.period) == (date(2026, 4, 1), "2026-04")
    assert "2026-03" in posting.adjusts


def test_a_new_work_date_takes_its_own_accounting_date() -> None:
    """Where the work date itself moved, the new posting belongs on the new date."""
    partition = posted()
    reversal = partition.hears(approved("TS-1", 2, work_date=date(2026, 4, 2))).sends()
    partition.hears(applied(reversal))
    posting = partition.sends(after_ms=0).rows[0].posting
    assert (posting.accounting_date, posting.period, posting.adjusts) == (date(2026, 4, 2), "2026-04", "")


def test_the_second_leg_that_cannot_go_parks_and_what_was_reversed_stays_reversed() -> None:
    """Between the legs the ERP refuses the new project: the older version is superseded, the newer one parked."""
    partition = posted()
    partition.posts(approved("TS-1", 2, project="P2"))
    partition.hears(refused(partition.sends(after_ms=0), Refusal.UNKNOWN_PROJECT))
    assert partition.park_of("TS-1") == "erp_unknown_project"
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.PARKED}
    assert partition.entry("TS-1").standing is None


def test_a_later_rate_does_not_move_an_earlier_decision() -> None:
    """The same entry approved again at the same instant keeps its price, whatever was published since."""
    partition = given(approved("TS-1"), usual=(RatesPublished((rate_line(), COST_RATE)), PROJECTS, period("2026-03")))
    batch = partition.sends()
    assert amounts(batch) == [(80_000, 48_000)]
    partition.hears(applied(batch))
    dearer = rate_line(RateKind.BILL, "110", "dearer", known_from_ms=BEGAN_MS + 1, amendment=1)
    partition.hears(RatesPublished((dearer,)))
    assert partition.due(after_ms=LINGER_MS) == []
    partition.hears(approved("TS-1", 2, decided_at_ms=BEGAN_MS)).stands_still()
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.POSTED}
