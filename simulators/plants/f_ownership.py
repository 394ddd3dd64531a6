"""Bugs of section F, ownership: two who write, and a time by which nobody should have looked at a lease."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from runtime.core.partition import look_again_ms
from runtime.journal.memory import MemoryJournal, MemoryStore
from runtime.ports import Owner, Recovered, StoreFullError
from simulators.faults.bases import HOUR_MS, MINUTE_MS
from simulators.faults.machine_clock import ClockStrobe
from simulators.faults.network import LostReply
from simulators.faults.ownership import SlowWorker, StopBeforeCheck, TwoOwners
from simulators.faults.process import CallCrashes
from simulators.faults.storage import FullDisk
from simulators.lane import Lane
from simulators.plants.plant import Plant
from simulators.plants.replace import Function
from simulators.process import Process

TWO_OWNERS = TwoOwners(ppm=1_000_000, draws=6)


def _no_fence(original: Function) -> Function:
    """A commit asks nobody whether it may."""

    @contextmanager
    def held_by(store: MemoryStore, owner: Owner) -> Iterator[None]:
        yield

    return held_by


def _no_look_at_the_lease(original: Function) -> Function:
    """The store has a fence, so nobody looks at the lease before a call."""

    def may_send(process: Process) -> bool:
        return True

    return may_send


def _mine_already(original: Function) -> Function:
    """A host that claims what is its own gets it as it is, under the same epoch."""

    def claim(store: MemoryStore, name: str, host: str, address: str, lease_ms: int) -> Owner:
        for owner in store.owners():
            if (owner.name, owner.host) == (name, host):
                return replace(owner, lease_until_ms=store.now_ms() + lease_ms)
        claimed: Owner = original(store, name, host, address, lease_ms)
        return claimed

    return claim


def _whole_pages(original: Function) -> Function:
    """A stand-by follows the log in pages of four frames and goes on from its last whole page."""

    def recover(journal: MemoryJournal) -> Recovered:
        recovered: Recovered = original(journal)
        return replace(recovered, frames=recovered.frames[: len(recovered.frames) // 4 * 4])

    return recover


def _tried_once(original: Function) -> Function:
    """A partition that cannot be recovered for want of room is logged, and that is that."""

    def ended(lane: Lane, process: Process, why: Exception) -> None:
        if isinstance(why, StoreFullError) and not process.begun:
            process.alive = False
            return
        original(lane, process, why)

    return ended


def _late_call_asks_nobody(original: Function) -> Function:
    """A commit went through, so the partition is ours; how long ago that was is nobody's business."""

    def still_ours(process: Process) -> bool:
        return True

    return still_ours


def _behind_the_cursor(original: Function) -> Function:
    """Timers are scanned forward: one that is due before the one set last is not looked at."""

    def set_timer(process: Process) -> None:
        due_ms = look_again_ms(process.shell.state, process.now_ms())
        if due_ms is not None and due_ms > process._timer_ms:
            original(process)

    return set_timer


def _by_the_wall(original: Function) -> Function:
    """The lease is looked at by the clock on the wall."""

    def mono_ms(process: Process) -> int:
        wall_ms: int = original(process) + process.lane.ahead_ms
        return wall_ms

    return mono_ms


PLANTS = (
    Plant(
        number="F1",
        name="no_fence_at_the_store",
        story="a former owner goes on writing, since the store does not ask under which epoch",
        replaces="runtime.journal.memory:MemoryStore.held_by",
        bug=_no_fence,
        caught_by="S11",
        faults=(TWO_OWNERS,),
        wild="azure#382 (second-hand), and the literature on fencing tokens",
    ),
    Plant(
        number="F2",
        name="no_lease_check_before_the_call",
        story="what is fenced at the store is not fenced at the ERP: a stopped owner's call leaves when it goes on",
        replaces="simulators.process:Process.may_send",
        bug=_no_look_at_the_lease,
        caught_by="S1",
        faults=(StopBeforeCheck(ppm=300_000, longest_ms=30 * MINUTE_MS),),
        profile="none",
        wild="a prototype of this project",
    ),
    Plant(
        number="F3",
        name="same_epoch_for_the_same_host",
        story="a second process on a host gets the epoch of the first, and both of them own the partition",
        replaces="runtime.journal.memory:MemoryStore.claim",
        bug=_mine_already,
        caught_by="S11",
        faults=(TWO_OWNERS,),
        wild="namastack#75, kafka-pixy#62",
    ),
    Plant(
        number="F6",
        name="stand_by_reads_whole_pages",
        story="a successor goes on from a list of work that is older than what its predecessor did last",
        replaces="runtime.journal.memory:MemoryJournal.recover",
        bug=_whole_pages,
        caught_by="S12",
        faults=(CallCrashes(ppm=150_000),),
        wild="dbos#742",
    ),
    Plant(
        number="F7",
        name="recovery_tried_once",
        story="a partition that could not be recovered once is never tried again",
        replaces="simulators.lane:Lane.ended",
        bug=_tried_once,
        caught_by="S7",
        faults=(FullDisk(day="every", at="14:00", lasts_ms=2 * HOUR_MS),),
        wild="dbos#716",
    ),
    Plant(
        number="F9",
        name="late_call_asks_nobody",
        story="a call that was held up since its commit leaves without a word from the store, when another owns it",
        replaces="simulators.process:Process._still_ours",
        bug=_late_call_asks_nobody,
        caught_by="S11",
        faults=(
            SlowWorker(day="every", at="08:00", lasts_ms=12 * HOUR_MS, turn_ms=30_000),
            TwoOwners(ppm=1_000_000, draws=30),
        ),
        wild="azure#1748",
    ),
    Plant(
        number="F11",
        name="timer_behind_the_cursor",
        story="a timer that is due before the one set last lies behind the scan and never fires",
        replaces="simulators.process:Process._set_timer",
        bug=_behind_the_cursor,
        caught_by="L1",
        faults=(LostReply(ppm=150_000),),
        changes={"runtime.recount_every_ms": 31 * 24 * HOUR_MS},
        wild="cadence#967",
    ),
    Plant(
        number="H5",
        name="lease_by_the_wall",
        story="a lease is looked at by a clock that somebody sets, and seems to run on when it is set back",
        replaces="simulators.process:Process.mono_ms",
        bug=_by_the_wall,
        caught_by="S11",
        faults=(
            StopBeforeCheck(ppm=400_000, longest_ms=MINUTE_MS),
            ClockStrobe(day="last", at="06:00", by_ms=60_000, every_ms=30_000, lasts_ms=16 * HOUR_MS),
        ),
    ),
)

NOT_YET = {
    "F5": "an answer finds its call by an id that carries the epoch; handed to another owner it changes nothing (tried:"
    " no difference in 8 runs)",
    "F8": "no work is addressed to a worker's id: deliveries go to the partition, whoever runs it, and come again until"
    " they are acknowledged",
}
