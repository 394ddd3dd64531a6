"""How rows leave together: linger, fill, bisect, take out the named one, read per-row answers."""

from datetime import date
from typing import Any

import pytest

from runtime.core.answers import Applied, Refusal, Refused, RefusedAsOne, RowsAnswered
from runtime.core.effects import SendBatch
from runtime.core.inputs import Pause
from runtime.core.model import Leg, Place
from runtime.core.news import MasterDataReady
from runtime.core.partition import wanted
from runtime.core.partition.moves import Phase
from tests.runtime.core.a_partition import (
    LINGER_MS,
    Partition,
    answer,
    applied,
    approved,
    found,
    given,
    keys,
    line_of,
    refused,
    withdrawn,
)
from tests.runtime.core.a_recovery import assert_same, read_back

REST_MS = 30_000
"""At least as long as a call may take."""


def of(batch: SendBatch) -> list[str]:
    """The entries of a batch, in order."""
    return [row.posting.entry_id for row in batch.rows]


def test_a_batch_lingers_for_others() -> None:
    """The oldest row waits `linger_ms` for company, and nobody asks for a permit before."""
    partition = given(approved("TS-1"))
    assert wanted(partition.state, partition.now_ms).erp == 0
    partition.hears(approved("TS-2"), after_ms=LINGER_MS - 1)
    assert partition.due() == []
    assert partition.next_due_ms() == partition.now_ms + 1
    assert of(partition.sends(after_ms=1)) == ["TS-1", "TS-2"]


def test_a_full_batch_leaves_at_once() -> None:
    """Nobody lingers behind a full batch; the rest goes on waiting for its own."""
    partition = given(*(approved(f"TS-{n}") for n in range(5)), batch_max=4)
    assert wanted(partition.state, partition.now_ms).erp == 1
    assert of(partition.sends(after_ms=0)) == ["TS-0", "TS-1", "TS-2", "TS-3"]
    assert partition.due() == []
    assert of(partition.sends()) == ["TS-4"]


def test_a_row_on_its_way_is_in_one_batch_only() -> None:
    """While a batch is out, its rows are in no other."""
    partition = given(*(approved(f"TS-{n}") for n in range(4)), batch_max=2)
    first, second = partition.sends(after_ms=0), partition.sends(after_ms=0)
    assert of(first) + of(second) == ["TS-0", "TS-1", "TS-2", "TS-3"]
    assert partition.due(after_ms=LINGER_MS) == []


def test_the_next_batch_is_not_offered_twice_before_it_left() -> None:
    """`due` proposes; asking it again proposes the same, and only `Sending` makes it so."""
    partition = given(approved("TS-1"))
    assert partition.due(after_ms=LINGER_MS) == partition.due()


def test_no_more_calls_than_the_partition_may_have_out() -> None:
    """Demand is bounded by `calls_max`, whatever waits."""
    partition = given(*(approved(f"TS-{n}") for n in range(20)), batch_max=2, calls_max=3)
    assert wanted(partition.state, partition.now_ms).erp == 3
    partition.sends(after_ms=0)
    assert wanted(partition.state, partition.now_ms).erp == 2


def test_each_row_has_its_own_answer() -> None:
    """One row of a batch refused parks that row alone."""
    partition = given(*(approved(f"TS-{n}") for n in range(3)))
    partition.hears(refused(partition.sends(), Refusal.UNKNOWN_PROJECT, "TS-1"))
    assert [partition.phase_of(f"TS-{n}") for n in range(3)] == [Phase.POSTED, Phase.PARKED, Phase.POSTED]
    assert partition.park_of("TS-1") == "erp_unknown_project"


def test_answers_in_another_order_belong_to_their_keys() -> None:
    """Rows are matched by key, not by position; what we did not ask about is not believed."""
    partition = given(approved("TS-1"), approved("TS-2"))
    one, two = keys(batch := partition.sends())
    partition.hears(
        answer(batch, RowsAnswered((Applied(two, "L-2"), Applied("strange", "L-9"), Refused(one, Refusal.INVALID))))
    )
    assert [partition.phase_of("TS-1"), partition.phase_of("TS-2")] == [Phase.PARKED, Phase.POSTED]
    assert partition.entry("TS-2").ledger_id == "L-2"


def rolled_back(partition: Partition, batch: SendBatch, bad: str | None, reason: Refusal = Refusal.INVALID) -> None:
    """All or nothing: `bad` is the entry they name, or None."""
    key = next((row.posting.key for row in batch.rows if row.posting.entry_id == bad), None)
    partition.hears(answer(batch, RefusedAsOne(reason, "one of them", key)))


def test_the_named_row_is_taken_out() -> None:
    """One bad row rolled the batch back and is named: it parks, the others go again as they were."""
    partition = given(*(approved(f"TS-{n}") for n in range(4)))
    first = partition.sends()
    rolled_back(partition, first, "TS-2")
    assert partition.park_of("TS-2") == "erp_invalid"
    again = partition.sends(after_ms=0)
    assert set(again.rows) == {row for row in first.rows if row.posting.entry_id != "TS-2"}


def test_a_name_that_is_not_in_the_batch_names_nobody() -> None:
    """A key that we never sent does not acquit the batch: it is bisected."""
    partition = given(*(approved(f"TS-{n}") for n in range(4)))
    partition.hears(answer(partition.sends(), RefusedAsOne(Refusal.INVALID, "who?", "strange")))
    assert of(partition.sends(after_ms=0)) == ["TS-0", "TS-1"]


@pytest.mark.parametrize("bad", range(8))
def test_an_unnamed_bad_row_is_found_by_halving(bad: int) -> None:
    """Halves go alone until the bad row stands alone; the seven others are posted, in at most seven calls in all."""
    partition = given(*(approved(f"TS-{n}") for n in range(8)))
    batch = partition.sends()
    calls = 1
    while True:
        if f"TS-{bad}" in of(batch):
            rolled_back(partition, batch, None)
        else:
            partition.hears(applied(batch))
        effects = partition.starts()
        if not effects:
            break
        assert isinstance(effects[0], SendBatch)
        batch = effects[0]
        calls += 1
    assert calls <= 7
    phases = [partition.phase_of(f"TS-{n}") for n in range(8)]
    assert phases == [Phase.PARKED if n == bad else Phase.POSTED for n in range(8)]


def test_a_bisected_half_does_not_linger_and_is_not_mixed() -> None:
    """A half goes alone and at once, even while the queue is full of others; the timer knows of it."""
    partition = given(*(approved(f"TS-{n}") for n in range(4)))
    rolled_back(partition, partition.sends(), None)
    partition.hears(*(approved(f"TS-{n}") for n in range(4, 9)))
    due_ms = partition.next_due_ms()
    assert due_ms is not None
    assert due_ms <= partition.now_ms
    assert of(partition.sends(after_ms=0)) == ["TS-0", "TS-1"]
    assert of(partition.sends(after_ms=0)) == ["TS-2", "TS-3"]
    assert of(partition.sends()) == ["TS-4", "TS-5", "TS-6", "TS-7", "TS-8"]


def test_the_timer_of_a_half_does_not_depend_on_others() -> None:
    """With nothing else queued a bisected half still falls due; paused, nothing does."""
    partition = given(*(approved(f"TS-{n}") for n in range(4)))
    rolled_back(partition, partition.sends(), None)
    due_ms = partition.next_due_ms()
    assert due_ms is not None
    assert due_ms <= partition.now_ms
    partition.hears(Pause("ana", "audit"))
    due_ms = partition.next_due_ms()
    assert due_ms is None or due_ms > partition.now_ms


def test_a_row_that_leaves_its_half_does_not_hold_it_up() -> None:
    """Withdrawn while its half waits: it clears, the rest of the half goes."""
    partition = given(*(approved(f"TS-{n}") for n in range(4)))
    rolled_back(partition, partition.sends(), None)
    partition.hears(withdrawn("TS-0", 2))
    assert of(partition.sends(after_ms=0)) == ["TS-1"]
    assert partition.phase_of("TS-0") is Phase.SUPERSEDED


def test_a_locked_row_rests_and_goes_again() -> None:
    """A passing refusal closes the intent and rests; the next attempt has a new key, later each time."""
    partition = given(approved("TS-1"), call_deadline_ms=500, back_off_ms=1_000, back_off_max_ms=3_000)
    seen: list[str] = []
    for rest_ms in (1_000, 2_000, 3_000, 3_000):
        batch = partition.sends_again() if seen else partition.sends()
        seen += keys(batch)
        partition.hears(refused(batch, Refusal.LOCKED))
        assert partition.phase_of("TS-1") is Phase.RESTING
        assert partition.next_due_ms() == partition.now_ms + rest_ms
        assert partition.due(after_ms=rest_ms - 1) == []
        partition.waits(1)
    assert len(set(seen)) == 4


def test_too_many_passing_refusals_are_one_for_a_person() -> None:
    """What never stops passing is looked at by somebody, once."""
    partition = given(approved("TS-1"), refusals_max=3, back_off_ms=1_000, back_off_max_ms=1_000)
    partition.hears(refused(partition.sends(), Refusal.LOCKED))
    for _ in range(3):
        partition.hears(refused(partition.sends_again(REST_MS), Refusal.LOCKED))
    partition.hears(found(partition.asks(REST_MS))).stands_still()
    assert partition.parks() == ["erp_keeps_refusing"]


def test_a_row_rests_for_longer_than_its_request_may_be_under_way() -> None:
    """A refused request that the network delivers a second time has landed before the ledger is asked."""
    partition = given(approved("TS-1"), back_off_ms=1_000, call_deadline_ms=REST_MS)
    partition.hears(refused(partition.sends(), Refusal.LOCKED))
    assert partition.next_due_ms() == partition.now_ms + REST_MS


def refused_and_delivered_twice(**change: Any) -> Partition:
    """TS-1 was refused, and the second delivery of that request landed once the lock was gone."""
    partition = given(approved("TS-1"))
    first = partition.sends()
    partition.hears(refused(first, Refusal.LOCKED))
    ask = partition.asks(REST_MS)
    assert (ask.by, ask.names) == ("entry", ("TS-1",))
    return partition.hears(found(ask, line_of(first.rows[0], **change)))


def test_a_refused_row_that_landed_after_all_is_ours() -> None:
    """Nothing is sent under the next key; what stands is known under its own, and can be corrected like any line."""
    partition = refused_and_delivered_twice()
    assert partition.phase_of("TS-1") is Phase.POSTED
    assert partition.places_of("TS-1") == {1: Place.POSTED}
    standing = partition.entry("TS-1").standing
    assert standing is not None
    assert standing.intent == 1
    assert not partition.entry("TS-1").by_hand
    assert_same(partition.state, read_back(partition))
    reversal = partition.hears(approved("TS-1", 2, hours="6")).sends()
    assert [(row.posting.leg, row.posting.reverses) for row in reversal.rows] == [(Leg.REVERSE, standing.key)]


@pytest.mark.parametrize("change", [{"bill_minor": 1}, {"project": "P9"}, {"key": "nobody's"}])
def test_a_refused_row_that_landed_as_something_else_is_for_a_person(change: dict[str, Any]) -> None:
    """Another amount, another project, a key that no intent of the entry had: nothing is sent beside it."""
    partition = refused_and_delivered_twice(**change)
    assert partition.park_of("TS-1") == "ledger_differs"


def test_a_resting_row_holds_nobody_up() -> None:
    """A bad row stops alone: its partition goes on."""
    partition = given(approved("TS-1"))
    partition.hears(refused(partition.sends(), Refusal.LOCKED))
    assert of(partition.hears(approved("TS-2")).sends()) == ["TS-2"]


def test_master_data_wakes_what_waited_for_it() -> None:
    """A worker the ERP did not know: parked once, woken by the event, posted under a new key."""
    partition = given(approved("TS-1"))
    first = partition.sends()
    partition.hears(refused(first, Refusal.UNKNOWN_WORKER))
    assert partition.due(after_ms=LINGER_MS) == []
    again = partition.hears(MasterDataReady(("worker:W1",))).sends()
    assert keys(again) != keys(first)


def test_master_data_that_came_while_the_row_was_out_is_not_missed() -> None:
    """The event that would wake the entry came before the refusal was heard: the row is tried again, not parked."""
    partition = given(approved("TS-1"))
    first = partition.sends()
    partition.hears(MasterDataReady(("worker:W1",))).hears(refused(first, Refusal.UNKNOWN_WORKER))
    again = partition.sends(after_ms=0)
    assert keys(again) != keys(first)
    partition.hears(refused(again, Refusal.UNKNOWN_WORKER))
    assert partition.park_of("TS-1") == "erp_unknown_worker"


def test_what_cannot_go_does_not_take_room_in_the_batch() -> None:
    """Rows without a date are set aside before the batch is filled, and only as many as stand before its end."""
    may = date(2026, 5, 4)
    news = [approved(f"TS-{n}", **({"work_date": may} if n % 2 else {})) for n in range(8)]
    partition = given(*news, batch_max=4)
    assert of(partition.sends(after_ms=0)) == ["TS-0", "TS-2", "TS-4", "TS-6"]
    assert partition.state.head.books.counts[Place.PARKED] == 3, "TS-7 stands behind the full batch"


def test_news_takes_a_resting_row_and_no_other_out_of_its_rest() -> None:
    """Of several rows that rest, the amended one goes now; the others go when they have rested, in their order."""
    names = [f"TS-{n}" for n in range(5)]
    partition = given(*map(approved, names), back_off_ms=60_000)
    partition.hears(refused(partition.sends(), Refusal.LOCKED, *names))
    assert of(partition.hears(approved("TS-2", 2), withdrawn("TS-4", 2)).sends()) == ["TS-2"]
    assert [name for _, name in partition.state.resting] == ["TS-0", "TS-1", "TS-3"]
    assert of(partition.sends_again(60_000)) == ["TS-0", "TS-1", "TS-3"]
    assert partition.state.resting == []
