"""Lives of a process in virtual time: who owns a partition, what a former owner may still do, what a bad disk does."""

from dataclasses import replace

import pytest

from runtime.core.model import RateLine
from runtime.core.records import EntryReceived, RatesChanged
from runtime.drivers.lane import PROVEN_MS
from runtime.journal.chain import GENESIS, link
from runtime.journal.format import UnknownRecordError, read_frame, write_frame
from runtime.ports import StoreBrokenError
from scenarios.golden import GOLDENS
from scenarios.small import small_world
from simulators.disk import PartitionDisk, as_a_newer_build_wrote, as_the_last_build_wrote, sound
from simulators.faults.bases import FaultData
from simulators.faults.kinds import FAULT_KINDS
from simulators.faults.machine_clock import ClockSkew, ClockStep, ClockStrobe, SlowLease
from simulators.faults.moves import OverlapOwners, StopProcess
from simulators.faults.ownership import (
    HastyShutDown,
    IdleStop,
    RollBack,
    RollingUpgrade,
    SlowWorker,
    StopBeforeCheck,
    StopBeforeSend,
    TwoOwners,
)
from simulators.faults.process import CallCrashes, CrashAtCall, FsyncFails, TornTail
from simulators.faults.storage import DamagedJournal, FullDisk, SlowFsync
from simulators.firm.build import build_firm
from simulators.lane import TAKE_OVER_MS, Lane
from simulators.people.plan import plan_month
from simulators.process import LEASE_MS
from simulators.run import not_held, simulate
from simulators.settings import HOUR_MS, MINUTE_MS
from simulators.world import World
from tests.runtime.journal.samples import sample

SEED = 1


def a_world() -> tuple[World, Lane]:
    """Four people, two entities; the world and one of its lanes, awake."""
    settings = small_world(consultants=4)
    firm = build_firm(settings.firm, SEED)
    world = World(settings, SEED, firm, plan_month(firm, settings.people, SEED), [e.code for e in firm.entities])
    lane = next(iter(world.lanes.values()))
    lane.wake_up()
    return world, lane


def epochs(lane: Lane, what: str) -> list[int]:
    """Under which epochs something was done."""
    return [deed.epoch for deed in lane._evidence.deeds if deed.what == what]


def test_a_stop_within_the_lease_costs_nothing() -> None:
    """The process goes on as the owner it was."""
    world, lane = a_world()
    first = lane.process
    lane.befall(StopProcess(0, "idle_stop", lane.entity, LEASE_MS // 2))
    world.clock.run(world.firm.start_ms + HOUR_MS)
    assert lane.process is first
    assert epochs(lane, "claimed") == [1]


def test_a_stop_beyond_the_lease_costs_the_partition() -> None:
    """Another host claims the next epoch once the lease is over, and the first finds out when it goes on."""
    world, lane = a_world()
    first = lane.process
    assert first is not None
    lane.befall(StopProcess(0, "idle_stop", lane.entity, 10 * MINUTE_MS))
    world.clock.run(world.firm.start_ms + LEASE_MS + TAKE_OVER_MS - 1)
    assert lane.process is first
    world.clock.run(world.firm.start_ms + LEASE_MS + TAKE_OVER_MS + 1)
    assert lane.process is not first
    assert epochs(lane, "claimed") == [1, 2]
    assert first.alive
    world.clock.run(world.firm.start_ms + HOUR_MS)
    assert not first.alive


def test_a_former_owner_cannot_write() -> None:
    """Of two processes only the one with the last epoch commits; the other one ends at its first try."""
    _, lane = a_world()
    first = lane.process
    assert first is not None
    lane.befall(OverlapOwners(0, "two_owners", lane.entity, HOUR_MS))
    assert lane.process is not first
    chain = lane.disk.chain
    lane.hear(())
    first._turn(first.shell.begin, lambda: pytest.fail("it wrote"))
    assert not first.alive
    assert lane.disk.chain == chain


def test_nobody_sends_on_a_lease_that_is_over() -> None:
    """Stopped before the look at the lease: the call never leaves. Stopped after it: it leaves once more."""
    for fault, leaves in ((StopBeforeCheck, False), (StopBeforeSend, True)):
        settings = small_world().model_copy(update={"faults": (fault(ppm=200_000, longest_ms=5 * MINUTE_MS),)})
        outcome = simulate(settings, SEED)
        firm = build_firm(settings.firm, SEED)
        world = World(settings, SEED, firm, plan_month(firm, settings.people, SEED), [e.code for e in firm.entities])
        world.run()
        late = [
            deed
            for evidence in world.evidences.values()
            for deed in evidence.deeds
            if deed.what == "called" and deed.epoch < max(d.epoch for d in evidence.deeds if d.at_ms <= deed.at_ms)
        ]
        assert bool(late) is leaves
        assert (not_held(outcome), outcome.unsettled) == ((), [])


def test_a_call_that_was_held_up_asks_the_store_before_it_leaves() -> None:
    """Durable, then slow: whoever was replaced meanwhile sends nothing, and whoever was not sends all the same."""
    for replaced in (False, True):
        _, lane = a_world()
        first = lane.process
        assert first is not None
        lane.clock.run(lane.clock.now_ms + PROVEN_MS)
        if replaced:
            lane.befall(OverlapOwners(0, "two_owners", lane.entity, HOUR_MS))
        assert first.may_send() is not replaced


@pytest.mark.parametrize(
    "fault",
    [
        CrashAtCall(call=7, step="leaving"),
        CrashAtCall(call=7, step="heard"),
        CallCrashes(ppm=100_000),
        TornTail(ppm=50_000),
        FsyncFails(ppm=50_000),
        IdleStop(ppm=1_000_000, draws=4),
        TwoOwners(ppm=1_000_000, draws=4),
        SlowWorker(day="every", at="08:00", lasts_ms=10 * HOUR_MS, turn_ms=20_000),
        HastyShutDown(ppm=1_000_000, draws=4, killed_after_ms=100),
        RollingUpgrade(day=30, at="12:00"),
        RollBack(day="last", at="14:00"),
        DamagedJournal(ppm=1_000_000, what="flipped"),
        DamagedJournal(ppm=1_000_000, what="twice"),
        DamagedJournal(ppm=1_000_000, what="gone"),
        FullDisk(day="last", at="12:00", lasts_ms=HOUR_MS),
        SlowFsync(day="every", at="08:00", lasts_ms=10 * HOUR_MS, turn_ms=3_000),
        ClockSkew(),
        ClockStep(day="last", at="12:00", by_ms=-2 * HOUR_MS, lasts_ms=2 * HOUR_MS),
        ClockStep(day="last", at="12:00", by_ms=2 * HOUR_MS, lasts_ms=2 * HOUR_MS),
        ClockStrobe(day="last", at="12:00"),
        SlowLease(ppm=1_000_000, draws=4),
    ],
    ids=lambda fault: fault.kind,
)
def test_whatever_befalls_a_process_the_books_are_right(fault: FaultData) -> None:
    """Each kind strikes, breaks no invariant, and leaves nothing over."""
    outcome = simulate(GOLDENS["every_step"].world.model_copy(update={"faults": (fault,)}), SEED)
    assert outcome.fired[fault.kind] > 0
    assert (not_held(outcome), outcome.unsettled) == ((), [])
    assert fault.kind in FAULT_KINDS


def test_a_bug_of_ours_stops_one_partition_and_no_other() -> None:
    """An assertion that fails ends the partition for good; the run says so, and the neighbour settles."""
    world, lane = a_world()
    assert lane.process is not None
    lane.process.shell.look_around = a_bug
    seen = world.run()
    assert [text.split(":")[0] for text in seen.unsettled] == [lane.entity]
    assert "AssertionError a phase that cannot be" in seen.unsettled[0]


def a_bug(_now_ms: int) -> None:
    """Fails."""
    raise AssertionError("a phase that cannot be")


def a_disk(*frames: bytes) -> PartitionDisk:
    """A disk with these frames."""
    disk = PartitionDisk()
    disk.frames = list(frames)
    for frame in frames:
        disk.chain = link(disk.chain, frame)
    return disk


def test_a_torn_tail_is_left_out() -> None:
    """What lies beyond the head of the chain was never acknowledged, and is not read."""
    disk = a_disk(b"one", b"two")
    assert sound(GENESIS, [*disk.frames, b"thr"], disk.chain) == [b"one", b"two"]


def test_nothing_is_read_from_a_damaged_log() -> None:
    """A flipped bit, a frame that is there twice, and a log that is missing stop a recovery; the good copy heals it."""
    for what in ("flipped", "twice", "gone"):
        disk = a_disk(b"one", b"two", b"three")
        assert disk.damage(what, 1)
        with pytest.raises(StoreBrokenError, match="restore"):
            sound(GENESIS, disk.frames, disk.chain)
        disk.mend()
        assert sound(GENESIS, disk.frames, disk.chain) == [b"one", b"two", b"three"]


def test_an_empty_log_cannot_be_damaged() -> None:
    """Right after a checkpoint there is nothing to spoil, and the fault has not struck."""
    assert not PartitionDisk().damage("flipped", 1)


def test_what_the_last_build_wrote_reads_as_it_was_meant() -> None:
    """Rates written in version 1 come back through the upcaster as the same record."""
    record = RatesChanged((replace(sample(RateLine), version=1),))
    old = as_the_last_build_wrote(write_frame([record], 5))
    assert old != write_frame([record], 5)
    assert read_frame(old) == (5, [record])


def test_what_a_newer_build_wrote_stops_an_older_one() -> None:
    """A version that a build does not know is never skipped."""
    frame = write_frame([sample(EntryReceived)], 5)
    with pytest.raises(UnknownRecordError, match="newer"):
        read_frame(as_a_newer_build_wrote(frame))
