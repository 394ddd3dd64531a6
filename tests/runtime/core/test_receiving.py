"""How approved time comes in: valued at once, queued once, and never worth zero by accident."""

from decimal import Decimal

import pytest

from runtime.core.inputs import Pause, Resume
from runtime.core.model import Leg, Place
from runtime.core.partition.moves import Phase
from runtime.core.records import EntryParked, EntryReceived
from tests.runtime.core.a_partition import (
    LINGER_MS,
    PROJECTS,
    RATES,
    amounts,
    applied,
    approved,
    entries,
    given,
    taken,
    withdrawn,
)


def test_an_approved_entry_is_valued_and_posted() -> None:
    """Eight hours at 100 and 60 euros are 800 and 480, posted once, on the work date."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    assert entries(batch) == [("TS-1", 1, Leg.POST)]
    assert amounts(batch) == [(80_000, 48_000)]
    assert batch.rows[0].posting.accounting_date == batch.rows[0].posting.work_date
    partition.hears(applied(batch))
    assert partition.phase_of("TS-1") is Phase.POSTED
    assert partition.places_of("TS-1") == {1: Place.POSTED}
    assert partition.due(after_ms=LINGER_MS) == []


def test_a_version_heard_twice_is_one_version() -> None:
    """Duplicate events change nothing: not in one delivery, not later, not after posting, not after a checkpoint."""
    partition = given(approved("TS-1"), approved("TS-1"))
    partition.hears(approved("TS-1"))
    partition.posts()
    partition.hears(approved("TS-1"))
    partition.shell.checkpoint()
    partition.hears(approved("TS-1"))
    assert len(partition.made(EntryReceived)) == 1
    assert partition.state.head.books.counts[Place.POSTED] == 1
    assert partition.due(after_ms=LINGER_MS) == []


def test_an_entry_of_a_finished_past_is_remembered() -> None:
    """An entry that was let go from memory is still known: its duplicate is old news, its amendment a correction."""
    partition = given(approved("TS-1"))
    partition.posts()
    partition.hears(taken(partition.tells()))
    partition.shell.checkpoint()
    assert "TS-1" not in partition.state.entries
    partition.hears(approved("TS-1"))
    assert len(partition.made(EntryReceived)) == 1
    batch = partition.hears(approved("TS-1", 2, hours="6")).sends()
    assert entries(batch) == [("TS-1", 1, Leg.REVERSE)]


@pytest.mark.parametrize("time_type", ["leave", "internal"])
def test_leave_is_not_posted(time_type: str) -> None:
    """Time that a rule excludes rests at once, counted as excluded, with the rule's name."""
    partition = given(approved("TS-1", time_type=time_type)).stands_still()
    assert partition.phase_of("TS-1") is Phase.EXCLUDED
    assert partition.entry("TS-1").excluded
    assert partition.state.head.books.counts[Place.EXCLUDED] == 1
    assert partition.state.head.books.hours[Place.EXCLUDED] == Decimal(8)


def test_posted_time_that_turns_into_leave_is_taken_back() -> None:
    """An entry excluded after it was posted is reversed, and then left out."""
    partition = given(approved("TS-1"))
    partition.posts()
    batch = partition.hears(approved("TS-1", 2, time_type="leave")).sends()
    assert entries(batch) == [("TS-1", 1, Leg.REVERSE)]
    partition.hears(applied(batch)).stands_still()
    assert partition.phase_of("TS-1") is Phase.EXCLUDED
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.EXCLUDED}


def test_what_cannot_be_priced_waits_for_its_price() -> None:
    """An entry without a rate parks unvalued, and goes by itself once the rate is published."""
    partition = given(approved("TS-1"), usual=(PROJECTS,)).stands_still()
    assert partition.park_of("TS-1") == "rate_gap"
    assert partition.state.head.books.unvalued[Place.PARKED] == Decimal(8)
    partition.hears(RATES).stands_still()
    assert partition.park_of("TS-1") == "period_unknown"
    assert partition.state.head.books.money[Place.PARKED] == {"EUR": 80_000}
    assert partition.state.head.books.unvalued[Place.PARKED] == 0


def test_an_unknown_project_waits_for_the_project() -> None:
    """The entry parks with the project office, and wakes when the project is published."""
    partition = given(approved("TS-1"), usual=(RATES,)).stands_still()
    assert partition.park_of("TS-1") == "project_unknown"
    partition.hears(PROJECTS)
    assert partition.phase_of("TS-1") is Phase.QUEUED


def test_a_withdrawal_of_what_was_never_sent_rests() -> None:
    """Nothing stood and nothing should stand: the entry is superseded without a call."""
    partition = given(approved("TS-1"), withdrawn("TS-1", 2)).stands_still()
    assert partition.phase_of("TS-1") is Phase.SUPERSEDED
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED}


def test_a_paused_partition_hears_and_does_not_post() -> None:
    """Intake goes on while a person has stopped posting; what was heard goes when posting is let go on."""
    partition = given(Pause("ana", "mapping under repair"), approved("TS-1"))
    assert partition.due(after_ms=LINGER_MS) == []
    assert partition.phase_of("TS-1") is Phase.QUEUED
    partition.hears(Resume("ana", "repaired"))
    assert entries(partition.sends()) == [("TS-1", 1, Leg.POST)]


def test_what_has_no_price_is_parked_in_the_same_breath() -> None:
    """Received and parked are one decision: no batch has to come by before project accounting hears of it."""
    partition = given(approved("TS-1"), approved("TS-2"), usual=(PROJECTS,))
    kinds = [type(record) for record in partition.records[-4:]]
    assert kinds == [EntryReceived, EntryParked, EntryReceived, EntryParked]
    assert partition.park_of("TS-1") == partition.park_of("TS-2") == "rate_gap"
    assert partition.state.ready_count == 0
    assert partition.places_of("TS-1") == {1: Place.PARKED}
