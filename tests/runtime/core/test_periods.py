"""Which accounting date a posting takes: six states of a period, three of our gate, and what the ERP says."""

from dataclasses import replace
from datetime import date
from itertools import product

import pytest

from runtime.core.answers import Door, Refusal, TurnedAway
from runtime.core.model import Gate, Period, PeriodStatus, Place
from runtime.core.news import PeriodPublished
from runtime.core.partition.moves import Phase
from runtime.core.periods import ACCESS, Access, Calendar, Dated, Undated, accounting_date
from runtime.core.records import PeriodChanged, PeriodFoundHeld, PeriodFoundShut
from tests.runtime.core.a_partition import (
    APRIL_OPEN,
    LINGER_MS,
    MARCH_OPEN,
    MONTHS,
    PROJECTS,
    RATES,
    answer,
    approved,
    found,
    given,
    keys,
    period,
    refused,
)

S, G = PeriodStatus, Gate
MARCH_10 = date(2026, 3, 10)


def calendar(*periods: PeriodPublished) -> Calendar:
    """A calendar that has learnt these periods."""
    known = Calendar()
    for one in periods:
        known.learn(one.period)
    return known


def test_every_state_and_gate_has_an_answer() -> None:
    """The table is whole: six states times three gates."""
    assert {(status, gate) for status, row in ACCESS.items() for gate in row} == set(product(S, G))


EXPECTED: dict[tuple[PeriodStatus, Gate], str] = {
    (S.OPEN, G.OPEN): "itself",
    (S.OPEN, G.HELD): "period_held",
    (S.OPEN, G.SHUT): "next",
    (S.ON_HOLD, G.OPEN): "period_held",
    (S.ON_HOLD, G.HELD): "period_held",
    (S.ON_HOLD, G.SHUT): "next",
    (S.CLOSED, G.OPEN): "next",
    (S.CLOSED, G.HELD): "next",
    (S.CLOSED, G.SHUT): "next",
    (S.PERMANENTLY_CLOSED, G.OPEN): "next",
    (S.PERMANENTLY_CLOSED, G.HELD): "next",
    (S.PERMANENTLY_CLOSED, G.SHUT): "next",
    (S.FUTURE, G.OPEN): "period_not_yet_open",
    (S.FUTURE, G.HELD): "period_not_yet_open",
    (S.FUTURE, G.SHUT): "period_not_yet_open",
    (S.NEVER_OPENED, G.OPEN): "period_not_yet_open",
    (S.NEVER_OPENED, G.HELD): "period_not_yet_open",
    (S.NEVER_OPENED, G.SHUT): "period_not_yet_open",
}


@pytest.mark.parametrize(("status", "gate"), list(EXPECTED), ids="-".join)
def test_the_work_date_s_own_period_decides(status: PeriodStatus, gate: Gate) -> None:
    """Open takes the work date itself; shut takes the next open period with the reason; anything else waits."""
    dated = accounting_date(calendar(period("2026-03", status, gate), APRIL_OPEN), MARCH_10)
    match EXPECTED[status, gate]:
        case "itself":
            assert dated == Dated(MARCH_10, "2026-03", "")
        case "next":
            assert dated == Dated(date(2026, 4, 1), "2026-04", "period 2026-03 is shut")
        case reason:
            assert isinstance(dated, Undated)
            assert dated.reason == reason


@pytest.mark.parametrize("status", [S.NEVER_OPENED, S.FUTURE, S.CLOSED, S.PERMANENTLY_CLOSED])
def test_next_open_never_means_never_opened(status: PeriodStatus) -> None:
    """A later period that is not open is passed over, whatever stands behind it; a posting never goes into it."""
    periods = (period("2026-03", S.CLOSED), period("2026-04", status), period("2026-05"))
    assert accounting_date(calendar(*periods), MARCH_10) == Dated(date(2026, 5, 1), "2026-05", "period 2026-03 is shut")
    alone = accounting_date(calendar(*periods[:2]), MARCH_10)
    assert isinstance(alone, Undated)
    assert alone.reason == "no_open_period"


def test_a_later_period_on_hold_is_waited_for() -> None:
    """Finance will decide about the held one; nothing jumps over it."""
    known = calendar(period("2026-03", S.CLOSED), period("2026-04", gate=G.HELD), period("2026-05"))
    dated = accounting_date(known, MARCH_10)
    assert isinstance(dated, Undated)
    assert dated.reason == "period_held"


def test_an_earlier_open_period_is_no_next_one() -> None:
    """Next means later: an open February does not take a posting of March."""
    dated = accounting_date(calendar(period("2026-02"), period("2026-03", S.CLOSED)), MARCH_10)
    assert isinstance(dated, Undated)


def test_first_and_last_day_belong_to_their_period() -> None:
    """The bounds are inclusive civil dates, and are never converted."""
    known = calendar(MARCH_OPEN, APRIL_OPEN)
    for name in ("2026-03", "2026-04"):
        for day in MONTHS[name]:
            assert accounting_date(known, day) == Dated(day, name, "")


def test_an_answer_does_not_outlive_its_calendar() -> None:
    """What was answered under one publication is asked anew under the next."""
    known = calendar(MARCH_OPEN, APRIL_OPEN)
    assert accounting_date(known, MARCH_10) == Dated(MARCH_10, "2026-03", "")
    known.learn(period("2026-03", S.CLOSED, version=2).period)
    assert accounting_date(known, MARCH_10) == Dated(date(2026, 4, 1), "2026-04", "period 2026-03 is shut")
    known.contradict("2026-04", Access.SHUT)
    assert isinstance(accounting_date(known, MARCH_10), Undated)


@pytest.mark.parametrize(
    ("usual", "reason"),
    [
        ((RATES, PROJECTS), "period_unknown"),
        ((RATES, PROJECTS, period("2026-03", gate=G.HELD)), "period_held"),
        ((RATES, PROJECTS, period("2026-03", S.FUTURE)), "period_not_yet_open"),
        ((RATES, PROJECTS, period("2026-03", S.CLOSED)), "no_open_period"),
    ],
    ids=["unknown", "held", "future", "closed"],
)
def test_what_has_no_date_parks_until_a_period_changes(usual: tuple[PeriodPublished, ...], reason: str) -> None:
    """No posting without an accounting date: it parks with finance and wakes with the next publication."""
    partition = given(approved("TS-1"), usual=usual).stands_still()
    assert partition.park_of("TS-1") == reason
    assert partition.places_of("TS-1") == {1: Place.PARKED}
    partition.hears(period("2026-03", version=2))
    assert partition.phase_of("TS-1") in (Phase.QUEUED, Phase.UNCONFIRMED)


def test_older_news_of_a_period_is_ignored() -> None:
    """A period publication that comes late, or twice, or of another module, changes nothing."""
    partition = given(period("2026-03", S.CLOSED, version=3))
    before = len(partition.made(PeriodChanged))
    partition.hears(
        period("2026-03", version=2), period("2026-03", version=3), period("2026-03", version=9, module="gl")
    )
    assert len(partition.made(PeriodChanged)) == before
    assert partition.hears(approved("TS-1")).sends().rows[0].posting.period == "2026-04"


def test_a_re_opened_period_takes_postings_again() -> None:
    """Closed, then open again: the work date is the accounting date once more, without a reason."""
    partition = given(period("2026-03", S.CLOSED, version=2), period("2026-03", version=3), approved("TS-1"))
    posting = partition.sends().rows[0].posting
    assert (posting.accounting_date, posting.adjusts) == (MARCH_10, "")


def test_what_the_erp_refuses_as_closed_is_closed() -> None:
    """Published open, refused as closed: the row moves to the next open period, and others do not try in vain."""
    partition = given(approved("TS-1"))
    first = partition.sends()
    partition.hears(approved("TS-2"), refused(first, Refusal.PERIOD_CLOSED))
    batch = partition.sends()
    assert {row.posting.period for row in batch.rows} == {"2026-04"}
    assert all("2026-03" in row.posting.adjusts for row in batch.rows)
    assert not set(keys(first)) & set(keys(batch))
    assert len(partition.made(PeriodFoundShut)) == 1


def test_a_newer_publication_overrides_what_the_erp_once_refused() -> None:
    """Found shut is about one publication; the next one counts again."""
    partition = given(approved("TS-1"))
    partition.hears(refused(partition.sends(), Refusal.PERIOD_CLOSED))
    partition.hears(period("2026-03", version=2))
    assert partition.sends(after_ms=0).rows[0].posting.period == "2026-03"


def test_a_refusal_of_before_says_nothing_about_what_was_published_since() -> None:
    """The period was re-opened while the row was out: the refusal is old news, and the row tries again."""
    partition = given(approved("TS-1"))
    first = partition.sends()
    partition.hears(period("2026-03", version=2), refused(first, Refusal.PERIOD_CLOSED))
    assert partition.made(PeriodFoundShut) == []
    assert partition.sends(after_ms=0).rows[0].posting.period == "2026-03"


def test_many_rows_refused_teach_the_calendar_once() -> None:
    """A whole batch refused as closed is one finding."""
    partition = given(*(approved(f"TS-{n}") for n in range(5)))
    partition.hears(refused(partition.sends(), Refusal.PERIOD_CLOSED))
    assert len(partition.made(PeriodFoundShut)) == 1
    assert {row.posting.period for row in partition.sends(after_ms=0).rows} == {"2026-04"}


def test_a_frozen_row_is_not_sent_into_a_period_that_shut_meanwhile() -> None:
    """The same intent goes again only while its period is open; else a new intent takes the next open date."""
    partition = given(approved("TS-1"))
    first = partition.sends()
    partition.hears(answer(first, TurnedAway(Door.MAINTENANCE)), period("2026-03", gate=G.SHUT, version=2))
    again = partition.sends(after_ms=0)
    assert keys(again) != keys(first)
    assert again.rows[0].posting.period == "2026-04"


def test_a_period_without_a_publication_cannot_be_contradicted() -> None:
    """A finding about a period nobody published is nothing to remember."""
    known = Calendar()
    for access in (Access.SHUT, Access.HELD):
        known.contradict("2026-03", access)
    assert known.found_shut == known.found_held == {}
    assert known.find("2026-03") is None
    open_march = Period("DE01", "time", "2026-03", *MONTHS["2026-03"], S.OPEN)
    known.learn(open_march)
    assert known.access(open_march) is Access.OPEN


def test_a_hold_is_not_an_error_of_the_row() -> None:
    """While a period is held nothing of it is sent, however long; released, it goes."""
    partition = given(period("2026-03", gate=G.HELD, version=2), approved("TS-1")).stands_still()
    assert partition.due(after_ms=LINGER_MS) == []
    assert partition.park_of("TS-1") == "period_held"


def test_what_the_erp_refuses_as_on_hold_is_waited_for() -> None:
    """Published open, refused as on hold: finance has not decided, so nothing moves to the next open period."""
    partition = given(approved("TS-1"), approved("TS-2"))
    partition.hears(refused(partition.sends(), Refusal.PERIOD_ON_HOLD)).stands_still()
    assert [partition.park_of("TS-1"), partition.park_of("TS-2")] == ["period_held", "period_held"]
    assert partition.made(PeriodFoundHeld) == [PeriodFoundHeld("2026-03")]
    partition.hears(approved("TS-3")).stands_still()
    assert partition.park_of("TS-3") == "period_held"


def test_a_hold_that_was_found_ends_with_the_next_publication() -> None:
    """Found held is about one publication; released, the ledger is asked for lines by hand, and then the rows go."""
    partition = given(approved("TS-1"))
    first = partition.sends()
    partition.hears(refused(first, Refusal.PERIOD_ON_HOLD)).stands_still()
    partition.hears(period("2026-03", version=2))
    ask = partition.asks()
    assert ask.by == "entry"
    again = partition.hears(found(ask)).sends()
    assert again.rows[0].posting.period == "2026-03"
    assert keys(again) != keys(first)


def test_a_hold_of_before_says_nothing_about_what_was_published_since() -> None:
    """The hold was released while the row was out: it tries again."""
    partition = given(approved("TS-1"))
    first = partition.sends()
    partition.hears(period("2026-03", version=2), refused(first, Refusal.PERIOD_ON_HOLD))
    assert partition.made(PeriodFoundHeld) == []
    assert partition.sends(after_ms=0).rows[0].posting.period == "2026-03"


def test_a_frozen_row_is_not_sent_into_a_period_that_was_found_held() -> None:
    """The row that was turned away waits as well, once another row has found the hold."""
    partition = given(approved("TS-1"), approved("TS-2"), batch_max=1)
    first, second = partition.sends(after_ms=0), partition.sends(after_ms=0)
    partition.hears(answer(first, TurnedAway(Door.MAINTENANCE)), refused(second, Refusal.PERIOD_ON_HOLD))
    partition.stands_still()
    assert [partition.park_of("TS-1"), partition.park_of("TS-2")] == ["period_held", "period_held"]


@pytest.mark.parametrize("foreign", [{"entity": "FR01"}, {"ledger": "local"}, {"module": "gl"}], ids=str)
def test_periods_of_others_are_not_ours(foreign: dict[str, str]) -> None:
    """Another entity, ledger or module closes March: ours stays open."""
    news = PeriodPublished(replace(period("2026-03", S.CLOSED, version=9).period, **foreign))
    partition = given(news, approved("TS-1"))
    assert partition.sends().rows[0].posting.period == "2026-03"
