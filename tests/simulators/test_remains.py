"""What a life knew is compared by checksum, and the journal is read a second time beside everybody who recovers."""

from runtime.core.records import Record
from runtime.drivers.shell import Shell
from runtime.journal.format import read_frame
from simulators.remains import SecondReading, remains_of
from tests.runtime.core.a_partition import USUAL, Partition, approved


def test_a_second_reading_goes_on_where_it_was_and_finds_what_all_at_once_gives() -> None:
    """Frame by frame, and over a checkpoint, both readers know the same as the process that wrote."""
    partition = Partition()
    partition.hears(*USUAL)
    read: list[bytes] = []

    def counted(frame: bytes) -> tuple[int, list[Record]]:
        read.append(frame)
        return read_frame(frame)

    second = SecondReading(partition.policy, counted)
    for number in range(6):
        partition.hears(approved(f"TS-{number}"))
        if number == 3:
            partition.posts()
            partition.shell.checkpoint()
        at_once = Shell(partition.policy, partition.journal)
        at_once.recover()
        assert second.of(partition.journal) == remains_of(at_once) == remains_of(partition.shell)
    assert len(read) == len({*read}), "no frame is read twice"


def test_what_is_read_differently_a_second_time_shows() -> None:
    """A reader that leaves out a record whenever it sees a frame again knows something else in the end."""
    partition = Partition()
    partition.hears(*USUAL)
    seen: set[bytes] = set()

    def forgets(frame: bytes) -> tuple[int, list[Record]]:
        at_ms, records = read_frame(frame)
        again = frame in seen
        seen.add(frame)
        return at_ms, records[:-1] if again else records

    second = SecondReading(partition.policy, forgets)
    partition.hears(approved("TS-1"), approved("TS-2"))
    first = Shell(partition.policy, partition.journal, read=forgets)
    first.recover()
    assert second.of(partition.journal) != remains_of(first)
