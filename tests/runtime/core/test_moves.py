"""What may follow what: the tables are whole, and what they do not list is a bug of ours that raises."""

import typing
from copy import deepcopy

import pytest

from runtime.core import records
from runtime.core.answers import Refusal
from runtime.core.partition import moves
from runtime.core.partition.moves import AT_REST, MOVES, ON_THE_WAY, PARKS, REFUSAL_PARKS, Phase
from runtime.core.partition.state import move
from runtime.core.records import EntryParked, EntryReceived, EntryWithdrawn, Record
from tests.runtime.core.a_partition import approved, given

RECORDS: tuple[type, ...] = typing.get_args(Record)
MOVING = sorted({kind for row in MOVES.values() for kind in row}, key=lambda kind: kind.__name__)


def test_every_phase_has_a_row() -> None:
    """No phase is a dead end by omission: each says what may follow it, and news may follow all."""
    assert set(MOVES) == set(Phase)
    for phase, row in MOVES.items():
        assert EntryReceived in row, phase
        assert EntryWithdrawn in row, phase


def test_every_phase_can_be_reached_and_left_for_rest() -> None:
    """From the queue every phase can be reached, and from every phase the entry can come to rest."""
    after = {phase: set(row.values()) for phase, row in MOVES.items()}

    def reach(start: Phase) -> set[Phase]:
        seen, waiting = {start}, [start]
        while waiting:
            for phase in after[waiting.pop()] - seen:
                seen.add(phase)
                waiting.append(phase)
        return seen

    assert reach(Phase.QUEUED) == set(Phase)
    for phase in Phase:
        assert reach(phase) & AT_REST, phase


def test_the_table_speaks_of_records_and_phases_only() -> None:
    """What moves an entry is a record kind that exists, and where it leads is a phase."""
    for row in MOVES.values():
        assert set(row) <= set(RECORDS)
        assert set(row.values()) <= set(Phase)


@pytest.mark.parametrize("phase", list(Phase))
def test_an_unlisted_pair_raises_and_changes_nothing(phase: Phase) -> None:
    """A record that cannot follow stops the partition with a sentence, and leaves the entry as it was."""
    partition = given(approved("TS-1"))
    entry = partition.entry("TS-1")
    entry.phase = phase
    before = deepcopy(entry)
    for kind in MOVING:
        if kind in MOVES[phase]:
            continue
        with pytest.raises(AssertionError, match=f"TS-1: {kind.__name__} cannot follow {phase}"):
            move(partition.state, entry, kind)
        assert entry == before


def test_what_is_on_its_way_is_not_moved_by_news() -> None:
    """A sent version finishes before another version of the entry moves."""
    for phase in ON_THE_WAY:
        for news in (records.EntryReceived, records.EntryExcluded, records.EntryWithdrawn):
            assert MOVES[phase][news] is phase
        assert records.BatchSent not in MOVES[phase]


def test_only_the_queue_sends() -> None:
    """There is one door towards the ERP."""
    assert [phase for phase, row in MOVES.items() if records.BatchSent in row] == [Phase.QUEUED]


@pytest.mark.parametrize("reason", sorted(PARKS))
def test_every_reason_names_owner_fix_and_wake(reason: str) -> None:
    """A parked entry reaches a person: somebody owns it, something mends it, and an event wakes it."""
    rule = PARKS[reason]
    assert rule.owner
    assert rule.fix
    assert rule.wake in {"rates", "projects", "workers", "assignments", "period", "erp", "person"}


def test_every_refusal_is_met() -> None:
    """A refusal parks under a reason that exists, or is met by a new intent."""
    assert set(REFUSAL_PARKS.values()) <= set(PARKS)
    assert set(Refusal) - set(REFUSAL_PARKS) == {
        Refusal.PERIOD_CLOSED,
        Refusal.PERIOD_ON_HOLD,
        Refusal.LOCKED,
        Refusal.KEY_BURNED,
    }


def test_the_diagram_names_every_phase() -> None:
    """The picture at the top of the file shows every phase of the table."""
    assert moves.__doc__ is not None
    for phase in Phase:
        assert phase.name in moves.__doc__, phase


def test_parking_carries_the_words_of_the_table() -> None:
    """The record that parks an entry holds owner, fix and wake, so that a later table cannot change an old case."""
    partition = given(approved("TS-1", project="P9")).stands_still()
    (park,) = partition.made(EntryParked)
    rule = PARKS["project_unknown"]
    assert (park.reason, park.owner, park.fix, park.wake) == ("project_unknown", rule.owner, rule.fix, rule.wake)
