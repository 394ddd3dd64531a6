"""Versions of one entry: amended, cancelled, out of order, before sending, on the way, after posting, parked."""

from itertools import permutations

import pytest

from runtime.connectors.erp.generic import freeze
from runtime.core.answers import Refusal
from runtime.core.inputs import Retry, Waive
from runtime.core.model import Leg, Place
from runtime.core.news import EntryNews
from runtime.core.partition.moves import Phase
from runtime.core.records import (
    EntriesRequeued,
    EntriesWoken,
    EntryReceived,
    OldVersionReceived,
    OldWithdrawalReceived,
)
from tests.runtime.core.a_partition import (
    LATE_MS,
    LINGER_MS,
    RATES,
    Partition,
    amounts,
    applied,
    approved,
    entries,
    found,
    given,
    keys,
    line_of,
    refused,
    silence,
    withdrawn,
)


def test_an_amendment_before_sending_replaces() -> None:
    """Only the newest version leaves; the older one never had an effect."""
    partition = given(approved("TS-1"), approved("TS-1", 2, hours="6"))
    batch = partition.sends()
    assert entries(batch) == [("TS-1", 2, Leg.POST)]
    assert amounts(batch) == [(60_000, 36_000)]
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.IN_FLIGHT}


def test_an_amendment_on_the_way_waits_its_turn() -> None:
    """A sent version finishes first; then it is reversed and the newer one posted."""
    partition = given(approved("TS-1"))
    first = partition.sends()
    partition.hears(approved("TS-1", 2, hours="6"))
    assert partition.due(after_ms=LINGER_MS) == []
    partition.hears(applied(first))
    assert [record.entry_ids for record in partition.made(EntriesRequeued)] == [("TS-1",)]
    reversal = partition.sends()
    assert entries(reversal) == [("TS-1", 1, Leg.REVERSE)]
    partition.hears(applied(reversal))
    second = partition.sends(after_ms=0)
    assert entries(second) == [("TS-1", 2, Leg.POST)]
    partition.hears(applied(second))
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.POSTED}


def test_an_amendment_of_a_version_in_doubt_waits_for_the_answer() -> None:
    """Behind an in-doubt version a newer one waits; if the ledger lacks the older, it is superseded and never sent."""
    partition = given(approved("TS-1"))
    partition.hears(silence(partition.sends()))
    partition.hears(approved("TS-1", 2, hours="6"))
    assert partition.places_of("TS-1") == {1: Place.IN_DOUBT, 2: Place.IN_FLIGHT}
    partition.hears(found(partition.asks(after_ms=LATE_MS)))
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.IN_FLIGHT}
    assert entries(partition.sends()) == [("TS-1", 2, Leg.POST)]


def test_a_withdrawal_on_the_way_reverses_what_came_to_stand() -> None:
    """Cancelled in flight: the posting is finished and then taken back."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    partition.hears(withdrawn("TS-1", 2)).hears(applied(batch))
    reversal = partition.sends()
    assert entries(reversal) == [("TS-1", 1, Leg.REVERSE)]
    partition.hears(applied(reversal)).stands_still()
    assert partition.phase_of("TS-1") is Phase.SUPERSEDED
    assert partition.entry("TS-1").standing is None


def test_a_withdrawal_on_the_way_of_what_was_refused_needs_nothing() -> None:
    """Cancelled in flight and refused: nothing stands, nothing is parked, nobody is bothered."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    partition.hears(withdrawn("TS-1", 2)).hears(refused(batch, Refusal.INVALID)).stands_still()
    assert partition.phase_of("TS-1") is Phase.SUPERSEDED
    assert partition.parks() == []


def test_cancelled_and_approved_again_posts_the_new_version() -> None:
    """After a reversal the entry can come back under a new version and a new key."""
    partition = given(approved("TS-1"))
    first = partition.posts()
    partition.posts(withdrawn("TS-1", 2))
    partition.stands_still()
    again = partition.hears(approved("TS-1", 3)).sends()
    assert entries(again) == [("TS-1", 3, Leg.POST)]
    assert not set(keys(first)) & set(keys(again))


def test_a_parked_version_is_cured_by_a_newer_one() -> None:
    """Most exceptions are cured at the source: the newer version goes, the parked one is superseded."""
    partition = given(approved("TS-1", project="P9")).stands_still()
    assert partition.places_of("TS-1") == {1: Place.PARKED}
    batch = partition.hears(approved("TS-1", 2)).sends()
    assert entries(batch) == [("TS-1", 2, Leg.POST)]
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.IN_FLIGHT}
    assert partition.park_of("TS-1") == ""


def test_a_newer_version_starts_with_a_clean_record() -> None:
    """An entry that the ERP refused too often is tried afresh when its newer version comes."""
    partition = given(approved("TS-1"), refusals_max=1, back_off_ms=1_000)
    partition.hears(refused(partition.sends(), Refusal.LOCKED))
    partition.hears(refused(partition.sends_again(30_000), Refusal.LOCKED))
    partition.hears(found(partition.asks(30_000))).stands_still()
    assert partition.park_of("TS-1") == "erp_keeps_refusing"
    assert entries(partition.hears(approved("TS-1", 2)).sends()) == [("TS-1", 2, Leg.POST)]


def test_a_withdrawal_after_too_many_refusals_clears() -> None:
    """What was refused too often and then cancelled is no exception any more."""
    partition = given(approved("TS-1"), refusals_max=1, back_off_ms=1_000)
    partition.hears(refused(partition.sends(), Refusal.LOCKED))
    partition.hears(refused(partition.sends_again(30_000), Refusal.LOCKED))
    partition.hears(withdrawn("TS-1", 2)).stands_still(after_ms=20_000)
    assert partition.phase_of("TS-1") is Phase.SUPERSEDED


def test_an_old_version_after_a_newer_is_in_the_books_and_nowhere_else() -> None:
    """A stale version never overwrites: it is superseded on arrival, counted once."""
    partition = given(approved("TS-1", 2, hours="6"), approved("TS-1", 1))
    partition.hears(approved("TS-1", 1))
    assert len(partition.made(OldVersionReceived)) == 1
    batch = partition.sends()
    assert entries(batch) == [("TS-1", 2, Leg.POST)]
    assert partition.places_of("TS-1") == {2: Place.IN_FLIGHT, 1: Place.SUPERSEDED}


def test_a_withdrawal_before_its_approval_wins() -> None:
    """The cancellation came first: the approval it cancels is old news and posts nothing."""
    partition = given(withdrawn("TS-1", 2), approved("TS-1", 1)).stands_still()
    assert partition.phase_of("TS-1") is Phase.SUPERSEDED
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED}


def test_an_old_withdrawal_changes_nothing() -> None:
    """A cancellation that a newer approval has replaced does not take that approval back."""
    partition = given(approved("TS-1"), approved("TS-1", 3, hours="6"), withdrawn("TS-1", 2))
    assert len(partition.made(OldWithdrawalReceived)) == 1
    assert entries(partition.sends()) == [("TS-1", 3, Leg.POST)]


ROUND: tuple[EntryNews, ...] = (
    approved("TS-1", 1),
    withdrawn("TS-1", 2),
    approved("TS-1", 3, hours="6"),
    approved("TS-1", 4, hours="7"),
)


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=lambda order: "".join(map(str, order)))
@pytest.mark.parametrize("posting", [False, True])
def test_any_order_of_versions_ends_the_same(order: tuple[int, ...], posting: bool) -> None:
    """Events are sorted by version, never by arrival: what stands in the end is the newest version, once."""
    partition = given()
    for number in order:
        partition.hears(ROUND[number])
        if posting:
            _finish(partition)
    _finish(partition)
    standing = partition.entry("TS-1").standing
    assert standing is not None
    assert (standing.version, standing.bill_minor) == (4, 70_000)
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 3: Place.SUPERSEDED, 4: Place.POSTED}


def _finish(partition: Partition) -> None:
    while effects := partition.starts(after_ms=LINGER_MS):
        for effect in effects:
            partition.hears(applied(effect))  # type: ignore[arg-type]  # without a PSA permit it is a batch


def test_a_reversal_that_is_refused_parks_what_still_stands() -> None:
    """Withdrawn, but the ERP finds nothing to reverse: the version that stands is parked until a person acts."""
    partition = given(approved("TS-1"))
    partition.posts()
    reversal = partition.hears(withdrawn("TS-1", 2)).sends()
    partition.hears(refused(reversal, Refusal.NOTHING_TO_REVERSE))
    assert partition.park_of("TS-1") == "nothing_to_reverse"
    assert partition.places_of("TS-1") == {1: Place.PARKED}
    partition.hears(Retry(("TS-1",), "ana", "line restored"))
    assert partition.places_of("TS-1") == {1: Place.POSTED}
    standing = partition.entry("TS-1").standing
    assert standing is not None
    partition.hears(found(partition.asks(), line_of(freeze(standing))))
    again = partition.sends()
    assert entries(again) == [("TS-1", 1, Leg.REVERSE)]
    assert keys(again) != keys(reversal), "a definite refusal closed the intent"
    partition.hears(applied(again)).stands_still()
    assert partition.phase_of("TS-1") is Phase.SUPERSEDED


def test_a_reversal_that_is_parked_can_be_waived() -> None:
    """A person may let the line stand: the version is waived, and nothing more is sent."""
    partition = given(approved("TS-1"))
    partition.posts()
    partition.hears(refused(partition.hears(withdrawn("TS-1", 2)).sends(), Refusal.NOTHING_TO_REVERSE))
    partition.hears(Waive("TS-1", "ana", "credited by hand"))
    assert partition.phase_of("TS-1") is Phase.WAIVED
    assert partition.places_of("TS-1") == {1: Place.WAIVED}
    assert partition.due(after_ms=LINGER_MS) == []


def test_a_leave_whose_reversal_was_parked_ends_excluded() -> None:
    """Posted, then excluded, the reversal refused and retried: the excluded version is back in its own place."""
    partition = given(approved("TS-1"))
    partition.posts()
    partition.hears(
        refused(partition.hears(approved("TS-1", 2, time_type="leave")).sends(), Refusal.NOTHING_TO_REVERSE)
    )
    assert partition.places_of("TS-1") == {1: Place.POSTED, 2: Place.PARKED}
    partition.hears(Retry(("TS-1",), "ana", "line restored"))
    standing = partition.entry("TS-1").standing
    assert standing is not None
    partition.hears(found(partition.asks(), line_of(freeze(standing))))
    partition.posts()
    partition.stands_still()
    assert partition.phase_of("TS-1") is Phase.EXCLUDED
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.EXCLUDED}


def test_a_newer_version_does_not_cure_a_line_that_differs() -> None:
    """Under our key the ledger holds something else: posting the newer version beside it would bill twice."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    partition.hears(silence(batch))
    ask = partition.asks(after_ms=LATE_MS)
    partition.hears(found(ask, line_of(batch.rows[0], fingerprint="00000000")))
    assert partition.park_of("TS-1") == "ledger_differs"
    partition.hears(approved("TS-1", 2, hours="6")).stands_still()
    assert partition.park_of("TS-1") == "ledger_differs"
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.PARKED}
    partition.hears(Retry(("TS-1",), "ana", "the strange line is gone"))
    ask = partition.asks()
    assert (ask.by, ask.names) == ("entry", ("TS-1",))
    partition.hears(found(ask))
    assert entries(partition.sends()) == [("TS-1", 2, Leg.POST)]


@pytest.mark.parametrize("news", [withdrawn("TS-1", 2), approved("TS-1", 2, time_type="leave")], ids=["back", "leave"])
def test_no_news_at_all_cures_a_line_that_differs(news: EntryNews) -> None:
    """Withdrawn or excluded: what stands under our key stands all the same, and a person looks."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    partition.hears(silence(batch))
    partition.hears(found(partition.asks(after_ms=LATE_MS), line_of(batch.rows[0], fingerprint="00000000")))
    partition.hears(news).stands_still()
    assert partition.park_of("TS-1") == "ledger_differs"
    partition.hears(Retry(("TS-1",), "ana", "gone"))
    partition.hears(found(partition.asks(), line_of(batch.rows[0], fingerprint="00000000")))
    assert partition.park_of("TS-1") == "ledger_differs"


def test_a_line_that_differs_parks_the_version_that_waited_behind_it() -> None:
    """In doubt with a newer version behind: when the ledger holds something else, no version is left in doubt."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    partition.hears(silence(batch)).hears(approved("TS-1", 2, hours="6"))
    ask = partition.asks(after_ms=LATE_MS)
    partition.hears(found(ask, line_of(batch.rows[0], fingerprint="00000000")))
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.PARKED}


def test_a_line_that_differs_parks_even_what_was_withdrawn_meanwhile() -> None:
    """Withdrawn while in doubt, and the ledger holds something else: the case does not vanish with the entry."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    partition.hears(silence(batch)).hears(withdrawn("TS-1", 2))
    ask = partition.asks(after_ms=LATE_MS)
    partition.hears(found(ask, line_of(batch.rows[0], fingerprint="00000000")))
    assert partition.places_of("TS-1") == {1: Place.PARKED}
    partition.hears(Waive("TS-1", "ana", "reversed by hand"))
    assert partition.places_of("TS-1") == {1: Place.WAIVED}


def test_a_waived_entry_comes_back_with_a_newer_version() -> None:
    """Giving up is about a version, not about the entry."""
    partition = given(approved("TS-1", project="P9")).stands_still()
    partition.hears(Waive("TS-1", "ana", "write-off"))
    assert partition.places_of("TS-1") == {1: Place.WAIVED}
    assert entries(partition.hears(approved("TS-1", 2)).sends()) == [("TS-1", 2, Leg.POST)]
    assert partition.places_of("TS-1") == {1: Place.WAIVED, 2: Place.IN_FLIGHT}


def test_only_what_is_parked_can_be_waived() -> None:
    """A command that comes too late does nothing: the entry has gone on."""
    partition = given(approved("TS-1"))
    partition.hears(Waive("TS-1", "ana", "write-off"), Waive("TS-9", "ana", "no such entry"))
    assert partition.phase_of("TS-1") is Phase.QUEUED


def test_a_version_that_cannot_be_priced_leaves_the_older_one_standing() -> None:
    """An amendment without a price is parked; the ledger keeps what it has until there is a price."""
    partition = given(approved("TS-1"))
    partition.posts()
    partition.hears(approved("TS-1", 2, time_type="overtime")).stands_still()
    assert partition.park_of("TS-1") == "rate_gap"
    assert partition.places_of("TS-1") == {1: Place.POSTED, 2: Place.PARKED}
    assert partition.entry("TS-1").standing is not None
    partition.hears(RATES)
    assert len(partition.made(EntryReceived)) == 2


def test_an_amendment_without_a_price_is_parked_at_once() -> None:
    """Queued, resting or parked for something else: news that cannot be priced says so in the same breath."""
    queued = given(approved("TS-1"))
    resting = given(approved("TS-1"))
    resting.hears(refused(resting.sends(), Refusal.LOCKED))
    parked = given(approved("TS-1", project="P9"))
    for partition in (queued, resting, parked):
        partition.hears(approved("TS-1", 2, time_type="overtime"))
        assert partition.park_of("TS-1") == "rate_gap"
        assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.PARKED}
        assert partition.state.ready_count == 0


def test_an_amendment_without_a_price_waits_behind_what_is_on_its_way() -> None:
    """A sent version finishes first; then the newer one is parked, and what was posted stands."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    partition.hears(approved("TS-1", 2, time_type="overtime"))
    assert partition.phase_of("TS-1") is Phase.IN_FLIGHT
    partition.hears(applied(batch)).stands_still()
    assert partition.park_of("TS-1") == "rate_gap"
    assert partition.places_of("TS-1") == {1: Place.POSTED, 2: Place.PARKED}


def test_a_retry_that_names_an_entry_twice_is_one_retry() -> None:
    """A list that a person pasted together does no harm."""
    partition = given(approved("TS-1"))
    partition.hears(refused(partition.sends(), Refusal.INVALID))
    partition.hears(Retry(("TS-1", "TS-9", "TS-1"), "ana", "mended"))
    assert [record.entry_ids for record in partition.made(EntriesWoken)] == [("TS-1",)]
    assert entries(partition.sends()) == [("TS-1", 1, Leg.POST)]


def test_an_entry_that_moved_to_another_home_is_for_a_person() -> None:
    """The home is in every key: what moved between entities is neither posted here nor reversed by itself."""
    fresh = given(approved("TS-1", home_entity="FR01")).stands_still()
    assert fresh.park_of("TS-1") == "entity_moved"
    partition = given(approved("TS-1"))
    partition.posts()
    partition.hears(approved("TS-1", 2, hours="6", home_entity="FR01")).stands_still()
    assert partition.park_of("TS-1") == "entity_moved"
    assert partition.places_of("TS-1") == {1: Place.POSTED, 2: Place.PARKED}
    assert entries(partition.hears(withdrawn("TS-1", 3)).sends()) == [("TS-1", 1, Leg.REVERSE)]
