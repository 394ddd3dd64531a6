"""A person may have posted the time beside the feed: where that is likely the ledger is asked by entry first."""

import pytest

from runtime.core.answers import Doubt
from runtime.core.effects import LookUp
from runtime.core.inputs import Retry
from runtime.core.model import Gate, Leg, Place
from runtime.core.partition.moves import Phase
from runtime.core.records import EntriesConfirmed, EntriesUnconfirmed
from tests.runtime.core.a_partition import (
    HOUR_MS,
    LINGER_MS,
    PATIENCE_MS,
    Partition,
    approved,
    entries,
    found,
    given,
    hand_line,
    keys,
    line_of,
    period,
    unknown,
    withdrawn,
)


def held() -> Partition:
    """TS-1 stands still for a hold on March."""
    partition = given(period("2026-03", gate=Gate.HELD, version=2), approved("TS-1")).stands_still()
    assert partition.park_of("TS-1") == "period_held"
    return partition


def asked_by_entry(partition: Partition, after_ms: int = 0) -> LookUp:
    """The question about TS-1 that leaves now."""
    ask = partition.asks(after_ms)
    assert (ask.by, ask.names) == ("entry", ("TS-1",))
    return ask


def test_a_released_hold_asks_first() -> None:
    """While finance held the period somebody may have posted by hand: the ledger is asked by entry before we send."""
    partition = held().hears(period("2026-03", version=3))
    assert partition.phase_of("TS-1") is Phase.UNCONFIRMED
    assert partition.places_of("TS-1") == {1: Place.IN_FLIGHT}
    partition.hears(found(asked_by_entry(partition)))
    assert entries(partition.sends()) == [("TS-1", 1, Leg.POST)]


def test_a_long_wait_asks_first() -> None:
    """A row that waited longer than `confirm_after_ms` for its first send is asked about, once per wait."""
    partition = given(approved("TS-1"))
    partition.now_ms += PATIENCE_MS
    assert entries(partition.hears(approved("TS-2")).sends(after_ms=0))[0] == ("TS-1", 1, Leg.POST)

    late = given(approved("TS-1"))
    ask = asked_by_entry(late, after_ms=PATIENCE_MS + 1)
    late.hears(found(ask))
    assert len(late.made(EntriesConfirmed)) == 1
    assert entries(late.sends(after_ms=0)) == [("TS-1", 1, Leg.POST)]


def test_a_confirmation_does_not_last_for_ever() -> None:
    """Confirmed, and then stuck for just as long again: asked again."""
    partition = given(approved("TS-1"))
    partition.hears(found(asked_by_entry(partition, after_ms=PATIENCE_MS + 1)))
    assert asked_by_entry(partition, after_ms=PATIENCE_MS + 1).by == "entry"


def test_a_line_by_hand_for_the_same_money_is_adopted() -> None:
    """The person's line counts as ours: nothing is sent, and the version is posted."""
    partition = held().hears(period("2026-03", version=3))
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1", 80_000, 48_000)))
    assert partition.phase_of("TS-1") is Phase.POSTED
    assert partition.places_of("TS-1") == {1: Place.POSTED}
    entry = partition.entry("TS-1")
    assert (entry.by_hand, entry.ledger_id) == (True, "H-TS-1")
    assert partition.due(after_ms=LINGER_MS) == []


@pytest.mark.parametrize("line", [(80_001, 48_000), (80_000, 47_999)], ids=["bill", "cost"])
def test_a_line_by_hand_for_other_money_parks(line: tuple[int, int]) -> None:
    """Either amount differs: finance compares, and nothing is posted beside it."""
    partition = held().hears(period("2026-03", version=3))
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1", *line)))
    assert partition.park_of("TS-1") == "manual_line_differs"
    assert partition.places_of("TS-1") == {1: Place.PARKED}


def parked_beside_a_line() -> Partition:
    """A person's line for TS-1 stands with another amount."""
    partition = held().hears(period("2026-03", version=3))
    return partition.hears(found(asked_by_entry(partition), hand_line("TS-1", 1, 1)))


def test_a_retry_after_the_manual_line_was_corrected_asks_again() -> None:
    """The line was corrected rather than removed: a retry adopts it instead of posting beside it."""
    partition = parked_beside_a_line().hears(Retry(("TS-1",), "ana", "line corrected"))
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1", 80_000, 48_000)))
    assert partition.phase_of("TS-1") is Phase.POSTED


def test_a_newer_version_beside_a_manual_line_asks_again() -> None:
    """The amendment may be what makes the person's line right; in any case it is not posted beside it unasked."""
    partition = parked_beside_a_line().hears(approved("TS-1", 2, hours="6"))
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1", 60_000, 36_000)))
    assert partition.phase_of("TS-1") is Phase.POSTED
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.POSTED}


def test_a_newer_version_during_a_hold_does_not_slip_past_the_question() -> None:
    """Amended and released in one breath: the long hold is not forgotten."""
    partition = held()
    partition.hears(period("2026-03", version=3), approved("TS-1", 2, hours="6"))
    assert asked_by_entry(partition).by == "entry"


def test_news_while_the_question_is_out_is_what_the_answer_is_compared_with() -> None:
    """Amended while unconfirmed: the person's line is compared with the newest version."""
    partition = held().hears(period("2026-03", version=3))
    ask = asked_by_entry(partition)
    partition.hears(approved("TS-1", 2, hours="6")).hears(found(ask, hand_line("TS-1", 60_000, 36_000)))
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.POSTED}


def test_withdrawn_while_the_question_is_out() -> None:
    """Nothing is wanted any more: whatever the answer, nothing is sent."""
    partition = held().hears(period("2026-03", version=3))
    ask = asked_by_entry(partition)
    partition.hears(withdrawn("TS-1", 2)).hears(found(ask)).stands_still()
    assert partition.phase_of("TS-1") is Phase.SUPERSEDED


def test_a_manual_line_cannot_be_reversed_by_the_feed() -> None:
    """An amendment of an adopted line is for finance: the feed reverses only what it posted."""
    partition = held().hears(period("2026-03", version=3))
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1", 80_000, 48_000)))
    partition.hears(approved("TS-1", 2, hours="6")).stands_still()
    assert partition.park_of("TS-1") == "standing_by_hand"
    assert partition.places_of("TS-1") == {1: Place.POSTED, 2: Place.PARKED}


def duplicate_of_nothing_of_ours(partition: Partition) -> LookUp:
    """The ERP calls TS-1 a duplicate; under our key it has nothing; so it is asked by entry."""
    batch = partition.sends()
    partition.hears(unknown(batch, Doubt.DUPLICATE))
    by_key = partition.asks()
    assert by_key.by == "key"
    partition.hears(found(by_key))
    assert partition.phase_of("TS-1") is Phase.UNCONFIRMED
    return asked_by_entry(partition)


def test_a_duplicate_of_a_line_by_hand_is_found_and_adopted() -> None:
    """The ERP refused our row because a person's line stands: that line is found by entry and counts as ours."""
    partition = given(approved("TS-1"))
    ask = duplicate_of_nothing_of_ours(partition)
    partition.hears(found(ask, hand_line("TS-1", 80_000, 48_000)))
    assert partition.phase_of("TS-1") is Phase.POSTED
    entry = partition.entry("TS-1")
    assert entry.by_hand
    assert entry.intent is None
    assert partition.state.keys == {}


def test_a_duplicate_of_a_line_by_hand_for_other_money_parks() -> None:
    """It is not resent for ever: it parks with finance."""
    partition = given(approved("TS-1"))
    partition.hears(found(duplicate_of_nothing_of_ours(partition), hand_line("TS-1", 1, 1)))
    assert partition.park_of("TS-1") == "manual_line_differs"
    assert partition.state.keys == {}


def test_a_duplicate_that_nobody_finds_goes_again_ever_later_under_its_key_until_a_person_looks() -> None:
    """Neither key nor entry is there: the same intent goes again after a growing rest, and not for ever."""
    partition = given(approved("TS-1"), refusals_max=3)
    first: list[str] = []
    rests: list[int] = []
    for _ in range(4):
        batch = partition.sends() if not first else partition.sends(after_ms=rests[-1])
        first.append(keys(batch)[0])
        partition.hears(unknown(batch, Doubt.DUPLICATE))
        partition.hears(found(partition.asks()))
        partition.hears(found(asked_by_entry(partition)))
        assert partition.phase_of("TS-1") is Phase.RESTING
        rests.append(partition.entry("TS-1").rests_until_ms - partition.now_ms)
    assert len(set(first)) == 1
    assert rests == sorted(set(rests))
    partition.stands_still(after_ms=rests[-1])
    assert partition.park_of("TS-1") == "erp_keeps_refusing"


def test_our_own_line_is_no_line_by_hand() -> None:
    """A look-up by entry may also return lines of the feed; only a person's line is adopted."""
    partition = given(approved("TS-1"))
    batch = partition.posts()
    partition.posts(withdrawn("TS-1", 2))
    partition.stands_still()
    partition.hears(period("2026-03", gate=Gate.HELD, version=2), approved("TS-1", 3)).stands_still()
    partition.hears(period("2026-03", version=3))
    partition.hears(found(asked_by_entry(partition), line_of(batch.rows[0])))
    assert entries(partition.sends()) == [("TS-1", 3, Leg.POST)]


def test_a_duplicate_reversal_is_never_looked_for_by_hand() -> None:
    """Nobody reverses our lines under another name: what the ledger lacks is sent again."""
    partition = given(approved("TS-1"))
    partition.posts()
    reversal = partition.hears(withdrawn("TS-1", 2)).sends()
    partition.hears(unknown(reversal, Doubt.DUPLICATE))
    partition.hears(found(partition.asks()))
    assert partition.sends().rows == reversal.rows


def test_many_released_rows_are_asked_about_in_parts() -> None:
    """A hold on a whole month is released: the questions are no longer than the ledger takes."""
    news = [approved(f"TS-{n}") for n in range(7)]
    partition = given(period("2026-03", gate=Gate.HELD, version=2), *news, lookup_max=3).stands_still()
    partition.hears(period("2026-03", version=3))
    assert [len(record.entry_ids) for record in partition.made(EntriesUnconfirmed)] == [3, 3, 1]
    asks = partition.starts(erp=9)
    assert len(asks) == 3
    for ask in asks:
        assert isinstance(ask, LookUp)
        partition.hears(found(ask))
    assert len(partition.sends(after_ms=HOUR_MS).rows) == 7
