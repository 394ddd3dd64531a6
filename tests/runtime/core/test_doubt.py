"""Doubt is settled by asking: not before a late landing is impossible, and only then something is sent again."""

from dataclasses import replace

import pytest

from runtime.core.answers import Applied, Door, Doubt, LinesFound, Refusal, RowsAnswered, TurnedAway
from runtime.core.effects import LookUp
from runtime.core.model import Place
from runtime.core.pacing import AskFirst, after_silence, back_off
from runtime.core.partition.moves import Phase
from runtime.core.records import RowsDoubted, RowsFoundMissing
from tests.runtime.core.a_partition import (
    LATE_MS,
    LINGER_MS,
    amounts,
    answer,
    applied,
    approved,
    found,
    given,
    keys,
    line_of,
    refused,
    silence,
    unknown,
)


def test_silence_is_doubt_and_doubt_asks_before_it_sends_again() -> None:
    """A batch that got no answer is looked up first, and not before a late landing is impossible."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    partition.hears(silence(batch))
    assert partition.phase_of("TS-1") is Phase.IN_DOUBT
    assert partition.places_of("TS-1") == {1: Place.IN_DOUBT}
    assert partition.next_due_ms() == partition.now_ms + LATE_MS
    assert partition.due(after_ms=LATE_MS - 1) == []
    ask = partition.asks(after_ms=1)
    assert (ask.by, ask.names) == ("key", tuple(keys(batch)))


def test_a_lagging_look_up_is_asked_later() -> None:
    """Where look-ups lag behind the ledger, the question waits for that too."""
    partition = given(approved("TS-1"), lookup_lag_ms=7_000)
    partition.hears(silence(partition.sends()))
    assert partition.due(after_ms=LATE_MS + 6_999) == []
    assert isinstance(partition.due(after_ms=1)[0], LookUp)


def test_what_the_ledger_lacks_is_sent_again_as_it_was() -> None:
    """The same intent: key, text and fingerprint are the frozen ones, byte for byte."""
    partition = given(approved("TS-1"))
    first = partition.sends()
    partition.hears(silence(first))
    partition.hears(found(partition.asks(after_ms=LATE_MS)))
    assert partition.phase_of("TS-1") is Phase.QUEUED
    again = partition.sends(after_ms=0)
    assert again.rows == first.rows
    assert again.call_id != first.call_id
    partition.hears(applied(again))
    assert partition.phase_of("TS-1") is Phase.POSTED


def test_what_the_ledger_has_is_posted() -> None:
    """A line under our key with our fingerprint is ours: nothing is sent again."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    partition.hears(silence(batch))
    partition.hears(found(partition.asks(after_ms=LATE_MS), line_of(batch.rows[0])))
    assert partition.phase_of("TS-1") is Phase.POSTED
    assert partition.entry("TS-1").ledger_id == f"L-{keys(batch)[0]}"
    assert partition.due(after_ms=LINGER_MS) == []


def test_a_batch_in_doubt_is_settled_row_by_row() -> None:
    """One row is there, one is not, one waits in staging, one was rejected: each goes its own way."""
    partition = given(*(approved(f"TS-{n}") for n in range(4)))
    batch = partition.sends()
    partition.hears(silence(batch))
    rows = batch.rows
    partition.hears(
        found(
            partition.asks(after_ms=LATE_MS),
            line_of(rows[0]),
            line_of(rows[2], "staged", ledger_id="R-2"),
            line_of(rows[3], "rejected", reason="unknown_worker"),
        )
    )
    phases = [partition.phase_of(f"TS-{n}") for n in range(4)]
    assert phases == [Phase.POSTED, Phase.QUEUED, Phase.STAGED, Phase.QUEUED]
    again = partition.sends(after_ms=0)
    by_entry = {row.posting.entry_id: row for row in again.rows}
    assert by_entry["TS-1"] == rows[1]
    assert by_entry["TS-3"].posting.key != rows[3].posting.key, "a rejection closes its intent"
    partition.hears(refused(again, Refusal.UNKNOWN_WORKER, "TS-3"))
    assert partition.park_of("TS-3") == "erp_unknown_worker"


def test_a_question_that_got_no_answer_is_asked_again() -> None:
    """A silent look-up settles nothing and loses nothing."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    partition.hears(silence(batch))
    partition.hears(silence(partition.asks(after_ms=LATE_MS)))
    assert partition.phase_of("TS-1") is Phase.IN_DOUBT
    assert partition.due() == []
    ask = partition.asks(after_ms=partition.policy.back_off_ms)
    partition.hears(answer(ask, TurnedAway(Door.MAINTENANCE)))
    ask = partition.asks(after_ms=partition.policy.back_off_ms)
    partition.hears(answer(ask, LinesFound((line_of(batch.rows[0]),))))
    assert partition.phase_of("TS-1") is Phase.POSTED


def test_a_duplicate_is_looked_up_at_once() -> None:
    """They say they have it: nothing is on its way, so the ledger is asked now, and our line is marked done."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    partition.hears(unknown(batch, Doubt.DUPLICATE))
    ask = partition.asks()
    partition.hears(found(ask, line_of(batch.rows[0])))
    assert partition.phase_of("TS-1") is Phase.POSTED


def test_a_stored_error_gets_a_new_intent() -> None:
    """An old refusal told again, and the ledger lacks the row: under that key it would be refused for ever."""
    partition = given(approved("TS-1"))
    first = partition.sends()
    partition.hears(unknown(first, Doubt.STORED_ERROR))
    assert partition.due(after_ms=LATE_MS - 1) == []
    partition.hears(found(partition.asks(after_ms=1)))
    again = partition.sends(after_ms=0)
    assert keys(again) != keys(first)
    assert amounts(again) == amounts(first)
    assert again.rows[0].posting.intent == 2


def test_a_burned_key_gets_a_new_intent() -> None:
    """A definite no to the key itself closes the intent; the same posting goes under a fresh key."""
    partition = given(approved("TS-1"))
    first = partition.sends()
    partition.hears(refused(first, Refusal.KEY_BURNED))
    again = partition.sends(after_ms=0)
    assert keys(again) != keys(first)
    assert amounts(again) == amounts(first)


@pytest.mark.parametrize("door", list(Door))
def test_what_was_turned_away_at_the_door_is_not_in_doubt(door: Door) -> None:
    """A throttle, a maintenance window, a refused login: no row was touched, so the same rows go again."""
    partition = given(approved("TS-1"))
    first = partition.sends()
    partition.hears(answer(first, TurnedAway(door)))
    assert partition.phase_of("TS-1") is Phase.QUEUED
    assert partition.sends(after_ms=0).rows == first.rows


def test_a_row_that_was_not_answered_is_in_doubt() -> None:
    """Fewer answers than rows: the rows that were left out are unknown, the others are done."""
    partition = given(approved("TS-1"), approved("TS-2"))
    batch = partition.sends()
    partition.hears(answer(batch, RowsAnswered((Applied(keys(batch)[0], "L-1"),))))
    assert [partition.phase_of("TS-1"), partition.phase_of("TS-2")] == [Phase.POSTED, Phase.IN_DOUBT]
    (doubted,) = partition.made(RowsDoubted)
    assert (doubted.keys, doubted.why) == ((keys(batch)[1],), Doubt.ROW_NOT_ANSWERED)


def test_an_answer_after_the_call_was_given_up_is_not_believed() -> None:
    """Once silent, a call cannot speak again: the ledger itself is asked."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    partition.hears(silence(batch)).hears(applied(batch))
    assert partition.phase_of("TS-1") is Phase.IN_DOUBT


def test_a_line_with_other_content_under_our_key_is_for_a_person() -> None:
    """The same key with another fingerprint is never sent again under a new key: it parks with finance."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    partition.hears(silence(batch))
    partition.hears(found(partition.asks(after_ms=LATE_MS), line_of(batch.rows[0], fingerprint="deadbeef")))
    assert partition.park_of("TS-1") == "ledger_differs"
    assert partition.due(after_ms=LINGER_MS) == []


def test_questions_are_no_longer_than_the_ledger_takes() -> None:
    """A big batch in doubt becomes several look-ups, each of at most `lookup_max` names, and all are settled."""
    partition = given(*(approved(f"TS-{n}") for n in range(7)), lookup_max=3)
    batch = partition.sends()
    partition.hears(silence(batch))
    asks = partition.starts(after_ms=LATE_MS, erp=9)
    assert [len(ask.names) for ask in asks if isinstance(ask, LookUp)] == [3, 3, 1]
    for ask in asks:
        assert isinstance(ask, LookUp)
        partition.hears(found(ask, *(line_of(row) for row in batch.rows)))
    assert partition.state.head.books.counts[Place.POSTED] == 7


def test_doubt_comes_before_new_postings() -> None:
    """With one permit, the question to the ledger goes first."""
    partition = given(approved("TS-1"))
    partition.hears(silence(partition.sends()))
    partition.hears(approved("TS-2"))
    assert [type(effect).__name__ for effect in partition.due(after_ms=LATE_MS, erp=1)] == ["LookUp"]
    assert [type(effect).__name__ for effect in partition.due(erp=2)] == ["LookUp", "SendBatch"]


def test_missing_rows_keep_their_intent_unless_their_error_is_stored() -> None:
    """Only a stored error opens a new intent; silence never does."""
    for why, new in ((Doubt.SILENCE, False), (Doubt.SERVER_ERROR, False), (Doubt.STORED_ERROR, True)):
        partition = given(approved("TS-1"))
        partition.hears(unknown(partition.sends(), why))
        partition.hears(found(partition.asks(after_ms=LATE_MS)))
        assert [record.new_intent for record in partition.made(RowsFoundMissing)] == [new], why


def test_the_time_to_ask_is_written_once() -> None:
    """After silence: given up, plus late landing, plus the look-up's lag; back-off doubles up to its ceiling."""
    assert after_silence(1_000, 60_000, 500) == AskFirst(61_500)
    assert [back_off(n, 10, 75) for n in (1, 2, 3, 4, 99)] == [10, 20, 40, 75, 75]


@pytest.mark.parametrize("turned", [False, True], ids=["best last", "best first"])
def test_of_several_lines_under_one_key_the_one_that_says_most_counts(turned: bool) -> None:
    """A rejected attempt beside a staged or a posted one, in whatever order they are listed, is history."""
    partition = given(*(approved(f"TS-{n}") for n in range(3)))
    batch = partition.sends()
    partition.hears(silence(batch))
    first, second, third = batch.rows
    lines = [
        line_of(first, "rejected", reason="locked"),
        line_of(first, "staged"),
        line_of(first, "posted"),
        line_of(second, "rejected", reason="locked"),
        line_of(second, "staged"),
        line_of(third, "rejected", reason="locked"),
        line_of(third, "rejected", reason="locked"),
    ]
    partition.hears(found(partition.asks(after_ms=LATE_MS), *(reversed(lines) if turned else lines)))
    assert [partition.phase_of(f"TS-{n}") for n in range(3)] == [Phase.POSTED, Phase.STAGED, Phase.RESTING]


def test_two_posted_lines_under_one_key_are_for_a_person() -> None:
    """The ERP did not keep its promise about keys: neither line is called ours."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    partition.hears(silence(batch))
    line = line_of(batch.rows[0])
    partition.hears(found(partition.asks(after_ms=LATE_MS), line, replace(line, ledger_id="L-2")))
    assert partition.park_of("TS-1") == "ledger_differs"


def test_an_answer_about_other_content_is_doubt() -> None:
    """Applied, but as read it was not our row: the ledger is asked by key at once, and what it shows decides."""
    for shown, outcome in (("", Phase.POSTED), ("deadbeef", Phase.PARKED)):
        partition = given(approved("TS-1"), approved("TS-2"))
        batch = partition.sends()
        strange, plain = batch.rows
        answers = (
            Applied(strange.posting.key, "L-1", "deadbeef"),
            Applied(plain.posting.key, "L-2", plain.fingerprint),
        )
        partition.hears(answer(batch, RowsAnswered(answers)))
        assert [partition.phase_of("TS-1"), partition.phase_of("TS-2")] == [Phase.IN_DOUBT, Phase.POSTED]
        assert [record.why for record in partition.made(RowsDoubted)] == [Doubt.DUPLICATE]
        line = line_of(strange, fingerprint=shown or strange.fingerprint)
        partition.hears(found(partition.asks(), line))
        assert partition.phase_of("TS-1") is outcome
