"""Rows that the ERP accepts first and posts or rejects later: polled, not sent again, not called posted too soon."""

from runtime.connectors.erp.generic import freeze
from runtime.core.answers import Refusal
from runtime.core.effects import SendBatch
from runtime.core.inputs import Retry
from runtime.core.model import Leg, PeriodStatus, Place
from runtime.core.news import MasterDataReady
from runtime.core.partition.moves import Phase
from runtime.core.records import PeriodFoundShut
from tests.runtime.core.a_partition import (
    LINGER_MS,
    POLL_MS,
    Partition,
    approved,
    entries,
    found,
    given,
    keys,
    line_of,
    period,
    staged,
    withdrawn,
)


def waiting() -> tuple[Partition, SendBatch]:
    """TS-1 is in the staging table."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    partition.hears(staged(batch))
    return partition, batch


def test_accepted_is_not_posted() -> None:
    """A staged row has its own place, and is asked after at the poll interval."""
    partition, batch = waiting()
    assert partition.phase_of("TS-1") is Phase.STAGED
    assert partition.places_of("TS-1") == {1: Place.STAGED}
    assert partition.due(after_ms=POLL_MS - 1) == []
    ask = partition.asks(after_ms=1)
    assert ask.names == tuple(keys(batch))


def test_a_staged_row_that_was_posted_is_posted() -> None:
    """The poll finds the line: done."""
    partition, batch = waiting()
    partition.hears(found(partition.asks(after_ms=POLL_MS), line_of(batch.rows[0])))
    assert partition.phase_of("TS-1") is Phase.POSTED
    assert partition.due(after_ms=POLL_MS) == []


def test_a_row_still_staged_is_asked_after_again() -> None:
    """Nothing new: the same question, one interval later; also when the line is not to be seen at all."""
    partition, batch = waiting()
    partition.hears(found(partition.asks(after_ms=POLL_MS), line_of(batch.rows[0], "staged")))
    partition.hears(found(partition.asks(after_ms=POLL_MS)))
    assert partition.phase_of("TS-1") is Phase.STAGED
    partition.hears(found(partition.asks(after_ms=POLL_MS), line_of(batch.rows[0])))
    assert partition.phase_of("TS-1") is Phase.POSTED


def test_one_question_settles_each_row_for_itself() -> None:
    """Of three staged rows one is posted, one rejected, one still waits; only the last is asked after again."""
    partition = given(*(approved(f"TS-{n}") for n in range(3)))
    batch = partition.sends()
    partition.hears(staged(batch))
    partition.hears(
        found(
            partition.asks(after_ms=POLL_MS),
            line_of(batch.rows[0]),
            line_of(batch.rows[1], "rejected", reason="invalid"),
            line_of(batch.rows[2], "staged"),
        )
    )
    assert [partition.phase_of(f"TS-{n}") for n in range(3)] == [Phase.POSTED, Phase.PARKED, Phase.STAGED]
    assert partition.asks(after_ms=POLL_MS).names == (keys(batch)[2],)


def test_a_rejection_is_a_definite_no() -> None:
    """A lock in the import rests and goes again under a new key; what is unknown to the ERP parks until it is known."""
    partition, batch = waiting()
    partition.hears(found(partition.asks(after_ms=POLL_MS), line_of(batch.rows[0], "rejected", reason="locked")))
    assert partition.phase_of("TS-1") is Phase.RESTING
    again = partition.sends_again(partition.policy.back_off_ms)
    assert keys(again) != keys(batch)
    partition.hears(staged(again))
    partition.hears(
        found(partition.asks(after_ms=POLL_MS), line_of(again.rows[0], "rejected", reason="unknown_worker"))
    )
    assert partition.park_of("TS-1") == "erp_unknown_worker"


def test_master_data_that_came_while_staged_is_not_missed() -> None:
    """The worker was created after the import had failed and before we asked: tried again, not parked for ever."""
    partition, batch = waiting()
    partition.hears(MasterDataReady(("worker:W1",)))
    partition.hears(
        found(partition.asks(after_ms=POLL_MS), line_of(batch.rows[0], "rejected", reason="unknown_worker"))
    )
    assert keys(partition.sends(after_ms=0)) != keys(batch)


def test_a_period_that_the_import_finds_closed_is_closed() -> None:
    """A staged row rejected as closed teaches the calendar; the row moves on with the reason instead of circling."""
    partition, batch = waiting()
    ask = partition.asks(after_ms=POLL_MS)
    partition.hears(found(ask, line_of(batch.rows[0], "rejected", reason="period_closed")))
    assert [record.period for record in partition.made(PeriodFoundShut)] == ["2026-03"]
    posting = partition.sends(after_ms=0).rows[0].posting
    assert posting.period == "2026-04"
    assert "2026-03" in posting.adjusts


def test_a_rejection_does_not_contradict_what_was_published_since() -> None:
    """The period was re-opened while the row was staged: the old rejection says nothing about the new publication."""
    partition, batch = waiting()
    partition.hears(period("2026-03", PeriodStatus.OPEN, version=2))
    ask = partition.asks(after_ms=POLL_MS)
    partition.hears(found(ask, line_of(batch.rows[0], "rejected", reason="period_closed")))
    assert partition.made(PeriodFoundShut) == []
    assert partition.sends(after_ms=0).rows[0].posting.period == "2026-03"


def test_news_of_a_staged_row_waits() -> None:
    """Amended or withdrawn while staged: first the staged row finishes, then it is taken back."""
    partition, batch = waiting()
    partition.hears(withdrawn("TS-1", 2))
    assert partition.due(after_ms=LINGER_MS) == []
    partition.hears(found(partition.asks(after_ms=POLL_MS), line_of(batch.rows[0])))
    assert entries(partition.sends()) == [("TS-1", 1, Leg.REVERSE)]


def test_a_staged_reversal_holds_its_version_until_it_is_through() -> None:
    """While the reversal waits in staging the version it reverses is counted as staged, then superseded."""
    partition = given(approved("TS-1"))
    partition.posts()
    batch = partition.hears(withdrawn("TS-1", 2)).sends()
    partition.hears(staged(batch))
    assert partition.places_of("TS-1") == {1: Place.STAGED}
    partition.hears(found(partition.asks(after_ms=POLL_MS), line_of(batch.rows[0]))).stands_still()
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED}


def test_a_staged_reversal_that_is_rejected_leaves_the_line_standing() -> None:
    """The import rejects the reversal: what stood still stands, and is called posted again."""
    partition = given(approved("TS-1"))
    partition.posts()
    batch = partition.hears(withdrawn("TS-1", 2)).sends()
    partition.hears(staged(batch))
    ask = partition.asks(after_ms=POLL_MS)
    partition.hears(found(ask, line_of(batch.rows[0], "rejected", reason=Refusal.LOCKED)))
    assert partition.places_of("TS-1") == {1: Place.POSTED}
    assert partition.phase_of("TS-1") is Phase.RESTING


def lost(**policy: int) -> tuple[Partition, SendBatch]:
    """TS-1 was staged, and the ERP has not shown it for too long."""
    partition = given(approved("TS-1"), staged_lost_after_ms=2 * POLL_MS, **policy)
    batch = partition.sends()
    partition.hears(staged(batch))
    for _ in range(2):
        partition.hears(found(partition.asks(after_ms=POLL_MS)))
        assert partition.phase_of("TS-1") is Phase.STAGED
    partition.hears(found(partition.asks(after_ms=POLL_MS)))
    return partition, batch


def test_a_staged_row_that_nobody_sees_any_more_is_for_a_person() -> None:
    """An import that dropped a row does not leave it staged for ever: after `staged_lost_after_ms` somebody looks."""
    partition, _ = lost()
    assert partition.park_of("TS-1") == "staged_lost"
    assert partition.places_of("TS-1") == {1: Place.PARKED}
    assert partition.due(after_ms=POLL_MS) == []


def test_a_row_that_is_shown_as_staged_is_waited_for_however_long() -> None:
    """Slow is not lost."""
    partition = given(approved("TS-1"), staged_lost_after_ms=2 * POLL_MS)
    batch = partition.sends()
    partition.hears(staged(batch))
    for _ in range(5):
        partition.hears(found(partition.asks(after_ms=POLL_MS), line_of(batch.rows[0], "staged")))
        assert partition.phase_of("TS-1") is Phase.STAGED


def test_a_retry_of_a_lost_row_asks_first() -> None:
    """It may have turned up: the ledger is asked by entry, and only what it lacks goes again, under the same key."""
    partition, batch = lost()
    partition.hears(Retry(("TS-1",), "ana", "not in the import log"))
    ask = partition.asks()
    assert ask.by == "entry"
    again = partition.hears(found(ask)).sends()
    assert keys(again) == keys(batch)

    partition, batch = lost()
    partition.hears(approved("TS-1", 2, hours="6"))
    assert partition.park_of("TS-1") == "staged_lost", "a newer version does not pass a row that may still come"
    partition.hears(Retry(("TS-1",), "ana", "it will have been dropped"))
    partition.hears(found(partition.asks(), line_of(batch.rows[0])))
    assert partition.places_of("TS-1") == {1: Place.POSTED, 2: Place.IN_FLIGHT}


def test_a_lost_reversal_leaves_its_line_standing() -> None:
    """The reversal was dropped: the line is posted as before, and the case is with a person."""
    partition = given(approved("TS-1"), staged_lost_after_ms=POLL_MS // 2)
    partition.posts()
    partition.hears(staged(partition.hears(approved("TS-1", 2, hours="6")).sends()))
    partition.hears(found(partition.asks(after_ms=POLL_MS)))
    assert partition.park_of("TS-1") == "staged_lost"
    assert partition.places_of("TS-1") == {1: Place.POSTED, 2: Place.PARKED}
    partition.hears(Retry(("TS-1",), "ana", "again"))
    standing = partition.entry("TS-1").standing
    assert standing is not None
    partition.hears(found(partition.asks(), line_of(freeze(standing))))
    assert entries(partition.sends()) == [("TS-1", 1, Leg.REVERSE)]


def test_a_period_that_the_import_finds_on_hold_is_held() -> None:
    """A staged row rejected for a hold waits for the release and takes no other date."""
    partition, batch = waiting()
    ask = partition.asks(after_ms=POLL_MS)
    partition.hears(found(ask, line_of(batch.rows[0], "rejected", reason="period_on_hold"))).stands_still()
    assert partition.park_of("TS-1") == "period_held"
