"""Bugs of section G, storage, recovery and upgrade, and of section A where something is said before it is durable."""

from collections.abc import Iterable, Sequence
from typing import Any
from zlib import crc32

from runtime.core.effects import Effect
from runtime.core.inputs import Restarted
from runtime.core.partition import Permits, State, due
from runtime.core.partition.state import Head, Tracked, adopt, rebuild
from runtime.core.policy import Policy
from runtime.core.records import PartitionRestarted, Record
from runtime.drivers.shell import Shell, _entries_of
from runtime.journal.format import UnknownRecordError, read_entry, read_frame, read_head
from runtime.ports import JournalError, StoreBrokenError
from simulators.faults.bases import HOUR_MS
from simulators.faults.maintenance import MaintenanceUnannounced
from simulators.faults.ownership import RollBack
from simulators.faults.process import BoundaryCrashes, CallCrashes, FsyncFails, RandomCrashes
from simulators.plants.plant import Plant
from simulators.plants.replace import Function
from simulators.process import Process

OFTEN = RandomCrashes(ppm=1_000_000, draws=6)


# ------------------------------------------------------------------ said before it is durable


def _acknowledged_at_once(original: Function) -> Function:
    """The sender is told before the news is durable, so it does not send it again."""

    def hear(process: Process, inputs: Sequence[Any]) -> None:
        process.lane.acknowledge(inputs)
        original(process, inputs)
        for number, (news, waits) in process.taking.items():
            process.taking[number] = (news, waits and news is not inputs)

    return hear


def _sent_inside_the_transaction(original: Function) -> Function:
    """Calls leave while the transaction is open, whether it goes through or not."""

    def start(shell: Shell, permits: Permits, now_ms: int) -> list[Effect]:
        try:
            effects: list[Effect] = original(shell, permits, now_ms)
        except JournalError:
            return due(shell.state, permits, now_ms)
        return effects

    return start


def _nothing_was_on_the_wire(original: Function) -> Function:
    """A new process takes nothing for silent: what was about to leave has left, and will be answered."""

    def restarted(state: State, word: Restarted, now_ms: int, out: list[Record]) -> None:
        out.append(PartitionRestarted(word.epoch, now_ms))

    return restarted


# ------------------------------------------------------------------ storage


def _all_but_the_last(original: Function) -> Function:
    """The checkpoint is taken while the last change is still on its way to the table, and the log is cut anyway."""

    def checkpoint(shell: Shell) -> None:
        if len(shell.state.touched) > 1:
            shell.state.touched.popitem()
        original(shell)

    return checkpoint


def _ok_when_asked_again(original: Function) -> Function:
    """fsync failed, was asked again and said "ok"; the page was dropped meanwhile."""

    def commit(shell: Shell, records: Sequence[Record], now_ms: int) -> None:
        try:
            original(shell, records, now_ms)
        except StoreBrokenError:
            shell._apply(records, now_ms)

    return commit


def _in_the_order_of_a_set(original: Function) -> Function:
    """Entries come back in the order of a set, and queue in that order."""

    def rebuild(policy: Policy, head: Head, entries: Iterable[Tracked]) -> State:
        state: State = original(policy, head, ())
        for tracked in sorted(entries, key=lambda tracked: crc32(tracked.entry_id.encode())):
            adopt(state, tracked)
        return state

    return rebuild


def _skipped_if_unknown(original: Function) -> Function:
    """A frame that this build cannot read is skipped, with a warning in a log."""

    def recover(shell: Shell) -> None:
        recovered = shell.journal.recover()
        head = Head() if recovered.head is None else read_head(recovered.head)
        shell.state = rebuild(shell.policy, head, map(read_entry, recovered.open_rows.values()))
        for frame in recovered.frames:
            try:
                at_ms, records = read_frame(frame)
            except UnknownRecordError:
                continue
            shell._load(_entries_of(records))
            shell._apply(records, at_ms)

    return recover


PLANTS = (
    Plant(
        number="A1",
        name="acknowledged_before_durable",
        story="a delivery is acknowledged before it is durable, and lost with the process that took it in",
        replaces="simulators.process:Process.hear",
        bug=_acknowledged_at_once,
        caught_by="S12",
        faults=(BoundaryCrashes(ppm=300_000),),
        wild="memU#518, apache/seatunnel#10574",
    ),
    Plant(
        number="A4",
        name="sent_inside_the_transaction",
        story="a call leaves inside a transaction that fails, and nobody knows of it",
        replaces="runtime.drivers.shell:Shell.start",
        bug=_sent_inside_the_transaction,
        caught_by="S1",
        faults=(FsyncFails(ppm=150_000),),
        profile="none",
        wild="sidekiq#3330",
    ),
    Plant(
        number="A5",
        name="no_outbox",
        story="what was durable as leaving and had not left when the process died is waited for without end",
        replaces="runtime.core.partition.answered:restarted",
        bug=_nothing_was_on_the_wire,
        caught_by="L1",
        faults=(CallCrashes(ppm=100_000),),
        wild="wso2 cs-tools#1446",
    ),
    Plant(
        number="G1",
        name="checkpoint_misses_the_last_change",
        story="the snapshot is one change short, and the log that had it is cut",
        replaces="runtime.drivers.shell:Shell.checkpoint",
        bug=_all_but_the_last,
        caught_by="S12",
        faults=(OFTEN,),
        changes={"runtime.checkpoint_every": 2},
        wild="a prototype of this project",
    ),
    Plant(
        number="G3",
        name="fsync_ok_when_asked_again",
        story="a failed fsync is asked again, says ok, and the frame is gone at the next start",
        replaces="runtime.drivers.shell:Shell._commit",
        bug=_ok_when_asked_again,
        caught_by="S12",
        faults=(FsyncFails(ppm=150_000), OFTEN),
    ),
    Plant(
        number="G4",
        name="queue_in_the_order_of_a_set",
        story="a replay puts the queue in another order than the one it had",
        replaces="runtime.core.partition.state:rebuild",
        bug=_in_the_order_of_a_set,
        caught_by="S12",
        faults=(OFTEN, MaintenanceUnannounced(day="every", at="12:00", lasts_ms=8 * HOUR_MS)),
        changes={"runtime.checkpoint_every": 2},
    ),
    Plant(
        number="G5",
        name="unknown_record_skipped",
        story="a build that was rolled back skips what it cannot read, and goes on without it",
        replaces="runtime.drivers.shell:Shell.recover",
        bug=_skipped_if_unknown,
        caught_by="S7",
        faults=tuple(RollBack(day=day, at="17:00") for day in (28, 29, 30, 31)),
        wild="camunda#52279",
    ),
)

NOT_YET = {
    "G6": "no backup is restored in a run: an intent's number is part of its key, so what was corrected since would go"
    " under another one; docs/operations.md tells people to look first",
    "G7": "no run changes the mapping while a row waits to be sent again",
}
