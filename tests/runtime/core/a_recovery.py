"""Recovery as the tests look at it: the state a new process reads from the journal, and what makes two states equal."""

from runtime.core.partition import State, decide
from runtime.core.partition.state import Tracked, settled, take_head
from runtime.core.records import Record
from runtime.drivers.shell import Shell
from runtime.journal.format import write_entry, write_head
from tests.runtime.core.a_partition import Partition


class Reader(Shell):
    """A process that has read the journal and has not begun to act."""

    def turn(self, inputs: object, now_ms: int) -> None:
        """Does nothing yet."""


def read_back(partition: Partition) -> State:
    """The state a new process would have, before it takes its first turn."""
    reader = Reader(partition.policy, partition.journal)
    reader.wake_up(partition.now_ms)
    return reader.state


def as_written(entry: Tracked) -> bytes:
    """An entry as a row of the table."""
    return write_entry(entry)


def assert_same(live: State, back: State) -> None:
    """Heads, unfinished entries and every queue beside them are equal."""
    assert write_head(take_head(back)) == write_head(take_head(live))
    open_ones = {name: as_written(entry) for name, entry in live.entries.items() if not settled(live, entry)}
    for name, row in open_ones.items():
        assert as_written(back.entries[name]) == row, name
    for name, entry in back.entries.items():
        assert name in live.entries or settled(back, entry), name
    assert back.keys == live.keys
    assert _line(back) == _line(live)
    assert back.ready_count == live.ready_count
    assert list(back.groups.items()) == list(live.groups.items())
    assert back.resting == live.resting
    assert back.ask_order == live.ask_order
    assert set(back.untold) == set(live.untold)
    assert {wake: set(names) for wake, names in back.parked.items() if names} == {
        wake: set(names) for wake, names in live.parked.items() if names
    }
    for wake in live.parked:
        assert decide_waking(back, wake) == decide_waking(live, wake)
    assert list(back.missing) == list(live.missing)


def _line(state: State) -> list[str]:
    """Who stands in the queue, in order."""
    return [name for ticket, name in state.ready if name in state.entries and state.entries[name].ticket == ticket]


def decide_waking(state: State, wake: str) -> list[Record]:
    """What would follow if that event came now; the state is left as it was."""
    stirred, state.head.stirred = state.head.stirred, [wake]
    records = decide(state, (), state.now_ms)
    state.head.stirred = stirred
    return records
