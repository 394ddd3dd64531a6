"""One partition in virtual time: its disk, whose it is, and what is on its way to it.

    a life ──ends──▶ the same host, at once            it died, its disk failed it, or it went
      │       `────▶ another host                      it was stopped for longer than its lease
      `─ lives on beside its successor                 until it finds out: a commit is refused, or a renewal

A `Process` is one life. Deliveries and permits go to whoever is believed to own the partition; a sender that was not
told keeps what it sent and sends it again.
"""

import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, Literal, Protocol

from runtime.connectors.psa.generic import read_events
from runtime.core.effects import Effect, Fetch, LookUp, Recount, SendBatch, TellPsa
from runtime.core.inputs import Input
from runtime.core.news import DeadLetter, EntryApproved, News
from runtime.core.policy import Policy
from runtime.core.records import Record
from runtime.drivers.clock import Clock as Watch
from runtime.drivers.shell import CHECKPOINT_EVERY, WINDOW, Shell
from runtime.journal.format import UnknownRecordError, read_frame
from runtime.journal.memory import MemoryStore
from runtime.ports import Connector, NotOwnerError, StoreBrokenError, StoreFullError
from simulators.chance import PPM, between, chance
from simulators.disk import REMEMBERED, PartitionDisk, PartitionJournal, ProcessDiedError
from simulators.evidence import Deed, Evidence, Log, Recovery
from simulators.faults.bases import Crash
from simulators.faults.moves import (
    Build,
    ChangeBuild,
    CrashPartition,
    DamageJournal,
    FillDisk,
    OverlapOwners,
    ProcessMove,
    SetClock,
    ShutDown,
    SkewClocks,
    SlowLeaseClock,
    SlowTurns,
    StopProcess,
)
from simulators.faults.verdicts import CallNote
from simulators.faults.weather import Weather
from simulators.process import LEASE_MS, Process
from simulators.remains import Remains, SecondReading, remains_of, without_shelf
from simulators.virtual_time import Clock, Desk

WEBHOOK_MS = (200, 3_000)
"""From a publication to its delivery (assumed)."""
DELIVERY_MAX = 200
"""Events in one delivery, at most (assumed)."""
REDELIVERY_MS = 30_000
"""A sender whose delivery was not acknowledged tries again after this long (assumed)."""
TAKE_OVER_MS = 2_000
"""From the end of a lease until another host has claimed the partition (assumed)."""
FULL_REST_MS = 60_000
"""A partition whose disk is full looks again after this long (assumed; the runtime begins with 0.2 s and doubles)."""
PERSON_MS = 15 * 60_000
"""A partition that stopped where a person has to look is started again after this long (assumed)."""
NS = 1_000_000

KINDS: dict[type, str] = {SendBatch: "post", LookUp: "look_up", TellPsa: "tell", Recount: "recount", Fetch: "fetch"}


class Publication(Protocol):
    """One event as the source publishes it."""

    entry_id: str
    version: int
    body: bytes


@dataclass(slots=True)
class Tally:
    """What one lane went through, counted from outside."""

    acknowledged: dict[str, int]
    """Entry to the bit mask of approved versions acknowledged at the door."""
    acknowledged_count: int = 0
    commits: int = 0
    deaths: int = 0
    deliveries: int = 0
    dead_letters: int = 0
    """Different events that could not be read, however often each came."""
    records: dict[str, int] = field(default_factory=dict)


class Lane:
    """One partition: the process that owns it while there is one, its disk always, and what is on its way to it."""

    def __init__(
        self,
        clock: Clock,
        entity: str,
        policy: Policy,
        connectors: tuple[Connector, Connector],
        desks: tuple[Desk, Desk],
        weather: Weather,
        restart_ms: int,
        on_records: Callable[[str, Sequence[Record], int], None],
        evidence: Evidence,
        checkpoint_every: int = CHECKPOINT_EVERY,
        window: int = WINDOW,
    ) -> None:
        self.clock = clock
        self.entity = entity
        self.policy = policy
        self.erp, self.psa = connectors
        self.erp_desk, self.psa_desk = desks
        self.weather = weather
        self.restart_ms = restart_ms
        self.redelivery_ms = REDELIVERY_MS
        self.checkpoint_every = checkpoint_every
        self.window = window
        self.tally = Tally(evidence.heard)
        self.boundaries = 0
        self.calls = 0
        self.over = False
        """The run has ended: what is still written is written for the auditors, and nobody dies of that."""
        self.store = MemoryStore(lambda: clock.now_ms)
        self.disk = PartitionDisk()
        self.read = lru_cache(maxsize=REMEMBERED)(read_frame)
        """What the frames on its disk say. Every life reads them all, and then reads them once more (S12)."""
        self.build: Build | Literal[""] = ""
        """Another build than this one, while it runs."""
        self.process: Process | None = None
        """The owner, while it lives."""
        self.broken = ""
        """The bug of ours that stopped it for good."""
        self.lease_clock_slow_ppm = 0
        self.ahead_ms = 0
        """How far the clock of its machine is ahead."""
        self._skew_ms = 0
        self.slow: list[tuple[int, int, int]] = []
        """(from, until, ms a turn): a slow worker, or a slow disk."""
        self.dead_letters: dict[bytes, DeadLetter] = {}
        """By body: what could not be read, as it came, for whoever can deliver it again."""
        self._evidence = evidence
        self._newest: Process | None = None
        """The last life that began: whoever else still lives has been replaced."""
        self._host = 1
        self._left_behind: Remains | None = None
        """What the last life knew when it ended."""
        self._second = SecondReading(policy, self.read)
        self._replaced: Process | None = None
        """One that lives on beside its successor, and to whom senders and accounts still turn."""
        self._side: Crash | None = None
        self._on_records = on_records
        self._undelivered: list[Sequence[Input]] = []
        self._cut_short: list[Iterable[Any]] = []
        """News that a process was taking in when it died: durable or not, nobody was told."""
        self._tries: dict[str, int] = {}
        for desk in desks:
            desk.lanes[entity] = self

    @property
    def held_up(self) -> bool:
        """Whether its process is slow or stopped at this moment, with something in line."""
        return self.process is not None and self.process.held_up

    @property
    def shell(self) -> Shell | None:
        """What the owner knows."""
        return None if self.process is None else self.process.shell

    # ---------------------------------------------------------------- life and death

    def wake_up(self) -> None:
        """A process takes the partition over, if nobody has."""
        if self.process is None and not self.broken:
            self._live(f"host-{self._host}")

    def _live(self, host: str) -> None:
        try:
            owner = self.store.claim(self.entity, host, "", LEASE_MS)
        except NotOwnerError:
            self.clock.after(LEASE_MS, self.wake_up)
            return
        self._did("claimed", owner.epoch)
        journal = PartitionJournal(
            self.store, owner, self.disk, self._boundary, lambda: self._did("wrote", owner.epoch), self.build
        )
        process = self._newest = Process(self, owner, journal, self._watch())
        if not process.wake_up():
            return
        self.process = process
        for news in self._cut_short:
            taken = (one for one in news if isinstance(one, EntryApproved) and self._recovered(process.shell, one))
            self.acknowledge(taken)
        self._cut_short.clear()
        self._deliver_again()
        process.look_after()

    def _deliver_again(self) -> None:
        """Senders whose delivery was not acknowledged try again."""
        waiting, self._undelivered = self._undelivered, []
        for inputs in waiting:
            self.clock.after(self.redelivery_ms, partial(self.hear, inputs))

    def ended(self, process: Process, why: Exception) -> None:
        """A life is over: what it was told and did not acknowledge is sent again, and somebody comes after it."""
        process.alive = False
        self.tally.deaths += isinstance(why, ProcessDiedError)
        if process is self._replaced:
            self._replaced = None
        self._give_back(process)
        if process is self._newest:
            self._remember(process)
            self._gone(self._rest_ms(why))
        elif self.process is not None:
            self._deliver_again()

    def broke(self, process: Process, bug: Exception) -> None:
        """A bug of ours: nobody comes after this life, for the next one would meet the same."""
        where = traceback.extract_tb(bug.__traceback__)[-1]
        self.broken = f"{type(bug).__name__} {bug} at {where.name}, line {where.lineno}"
        self.ended(process, bug)

    def _rest_ms(self, why: Exception) -> int:
        """How long until somebody tries again."""
        match why:
            case StoreFullError():
                return FULL_REST_MS
            case StoreBrokenError() | UnknownRecordError():
                return max(PERSON_MS, self.disk.mended_ms - self.clock.now_ms)
        return self.restart_ms

    def left(self, process: Process) -> None:
        """A life ended in good order: its lease is given back, and another host goes on."""
        process.alive = False
        self._give_back(process)
        self.store.release(process.owner)
        if process is self._newest:
            self._remember(process)
            self._host += 1
            self._gone(self.restart_ms)

    def _gone(self, for_ms: int) -> None:
        self.process = None
        self.erp_desk.ask(self.entity, 0)
        self.psa_desk.ask(self.entity, 0)
        self.clock.after(for_ms, self.wake_up)

    def _give_back(self, process: Process) -> None:
        for news, waits in process.taking.values():
            self._cut_short.append(news)
            if waits:
                self._undelivered.append(news)
        process.taking.clear()

    def stopped(self, process: Process, for_ms: int) -> None:
        """A process is stopped for so long. When its lease has run out meanwhile, another host takes over."""
        if for_ms > LEASE_MS + TAKE_OVER_MS and process is self._newest:
            self.clock.after(LEASE_MS + TAKE_OVER_MS, partial(self._take_over, process))

    def _take_over(self, process: Process) -> None:
        if not process.alive or not process.stopped or process is not self._newest:
            return
        self._remember(process)
        self._give_back(process)
        self.process = None
        self._host += 1
        self.wake_up()

    def _overlap(self, first: Process, for_ms: int) -> bool:
        """The same host starts a second process, and the first lives on beside it until it finds out, or is ended."""
        self._remember(first)
        self.process = None
        self._replaced = first
        self.wake_up()
        self.clock.after(for_ms, lambda: self.ended(first, NotOwnerError("ended")) if first.alive else None)
        return True

    def befall(self, move: ProcessMove) -> bool:
        """Carry out what befalls this partition's process, machine or disk; False where there was nothing to strike."""
        now_ms, disk, process = self.clock.now_ms, self.disk, self.process
        match move:
            case SlowTurns():
                self.slow.append((move.at_ms, move.until_ms, move.turn_ms))
            case FillDisk():
                disk.full_until_ms = move.until_ms
            case SetClock():
                self.ahead_ms = move.ahead_ms
            case SkewClocks():
                self._skew_ms = move.most_ms
            case SlowLeaseClock():
                self.lease_clock_slow_ppm = move.slow_ppm
            case ChangeBuild():
                self.build = move.build
                self.die()
                self.clock.at(move.until_ms, self._current_build)
            case _ if process is None:
                return False
            case CrashPartition():
                self.die()
            case _ if process.stopped or process.leaving:
                return False
            case StopProcess():
                process.stop(move.for_ms)
            case OverlapOwners():
                return self._overlap(process, move.for_ms)
            case ShutDown():
                self.clock.after(move.killed_after_ms, lambda: self._kill(process))
                process.leave()
            case DamageJournal():
                if not disk.damage(move.what, move.number):
                    return False
                disk.mended_ms = now_ms + move.mended_after_ms
                self.clock.at(disk.mended_ms, disk.mend)
                self.die()
        return True

    def _kill(self, process: Process) -> None:
        if process.alive:
            self.ended(process, ProcessDiedError(f"{self.entity} was killed"))

    def _current_build(self) -> None:
        self.build = ""
        self.die()

    # ---------------------------------------------------------------- for the auditors

    def _remember(self, process: Process) -> None:
        if process.knows:
            self._left_behind = remains_of(process.shell, process.journal.unseen)

    def recovered(self, process: Process) -> None:
        """A life has read its disk and done nothing yet: what it found, beside what the last one knew."""
        self.show_log()
        before, self._left_behind = self._left_behind, None
        if before is None:
            return
        shell = process.shell
        found = remains_of(shell).sums
        again = self._second.of(process.journal).sums
        self._evidence.recoveries.append(
            Recovery(
                self.clock.now_ms,
                process.owner.epoch,
                None if before.unseen else without_shelf(before.sums, self.disk.shelved),
                without_shelf(found, self.disk.shelved),
                without_shelf(again, self.disk.shelved),
                [
                    (entry_id, version)
                    for entry_id, mask in self.tally.acknowledged.items()
                    for version in _bits(mask & ~self._heard(shell, entry_id))
                ],
            )
        )

    def show_log(self) -> None:
        """What stands in the log now."""
        disk = self.disk
        self._evidence.logs.append(Log(self.clock.now_ms, disk.chain_before, tuple(disk.frames), disk.chain))

    def _did(self, what: str, epoch: int, checked_ms: int | None = None) -> None:
        """Write down under which epoch something was done: every claim, and of other deeds in a row the first."""
        now_ms = self.clock.now_ms
        deeds = self._evidence.deeds
        if what != "claimed" and deeds[-1].epoch == epoch and checked_ms in (None, now_ms):
            return
        deeds.append(Deed(now_ms, what, epoch, now_ms if checked_ms is None else checked_ms))

    def called(self, epoch: int, checked_ms: int) -> None:
        """A call leaves, under this epoch; its process looked at its lease at `checked_ms`."""
        self._did("called", epoch, checked_ms)

    def next_call(self) -> int:
        """The number of the next call, from 1; it goes on counting after a restart."""
        self.calls += 1
        return self.calls

    def die(self) -> None:
        """The process is gone, and with it whatever was not durable."""
        if self.process is not None:
            self.ended(self.process, ProcessDiedError(f"{self.entity} died"))

    def _boundary(self, side: str) -> None:
        if self.over:
            return
        if side == "before":
            self.boundaries += 1
            self._side = self.weather.boundary(self.entity, self.boundaries, self.clock.now_ms)
        if self._side == side:
            self._side = None
            raise ProcessDiedError(f"{self.entity} died {side} boundary {self.boundaries}")
        if self._side == "torn":
            self._side = None
            written_ppm = chance(self.weather.seed, "torn", self.entity, self.boundaries) % PPM
            raise ProcessDiedError(f"{self.entity} died in boundary {self.boundaries}", written_ppm)
        if self._side == "failed":
            self._side = None
            raise StoreBrokenError(f"{self.entity}: the disk failed at boundary {self.boundaries}")

    def slow_ms(self) -> int:
        """How long a turn takes here now, beyond what it takes as a rule: nothing that could be seen."""
        if not self.slow:
            return 0
        now_ms = self.clock.now_ms
        return sum(turn_ms for from_ms, until_ms, turn_ms in self.slow if from_ms <= now_ms < until_ms)

    def _watch(self) -> Watch | None:
        """The clock of the machine on which a process starts; None: it is right."""
        if not self.weather.disturbs_clocks:
            return None
        most_ms, seed, clock = self._skew_ms, self.weather.seed, self.clock
        skew_ms = between(-most_ms, most_ms, seed, "machine/skew", self.entity, self._host)
        return Watch(lambda: (clock.now_ms + self.ahead_ms + skew_ms) * NS, lambda: clock.now_ms * NS)

    def witness(self, records: Sequence[Record], _now_ms: int) -> None:
        """What became durable, for whoever counts; by the true clock."""
        self.tally.commits += 1
        counts = self.tally.records
        for record in records:
            name = type(record).__name__
            counts[name] = counts.get(name, 0) + 1
        self._on_records(self.entity, records, self.clock.now_ms)

    # ---------------------------------------------------------------- what is heard

    def deliver(self, publications: Sequence[Publication]) -> None:
        """The source delivers events; unless they are acknowledged, it will again."""
        self.tally.deliveries += 1
        news, dead_letters = read_events(publication.body for publication in publications)
        self.keep(dead_letters)
        self.hear(news)

    def keep(self, dead_letters: Iterable[DeadLetter]) -> None:
        """Put letters that nobody can read aside, each once."""
        for letter in dead_letters:
            self.dead_letters.setdefault(letter.body, letter)
        self.tally.dead_letters = len(self.dead_letters)

    def hear(self, inputs: Sequence[Input]) -> None:
        """News or commands; kept by their sender until they are acknowledged."""
        process = self._replaced or self.process
        if process is None or process.leaving:
            self._undelivered.append(inputs)
        else:
            process.hear(inputs)

    def acknowledge(self, inputs: Iterable[Any]) -> None:
        """Whoever sent these is told that they are durable."""
        known = self.tally.acknowledged
        for one in inputs:
            if isinstance(one, EntryApproved):
                entry_id, bit = one.entry.entry_id, 1 << one.entry.version
                mask = known.get(entry_id, 0)
                if not mask:
                    self._evidence.heard_ms[entry_id] = self.clock.now_ms
                if not mask & bit:
                    known[entry_id] = mask | bit
                    self.tally.acknowledged_count += 1

    def _recovered(self, shell: Shell, news: EntryApproved) -> bool:
        """Whether a process that just recovered has this version: then it was durable before its predecessor died."""
        return bool(self._heard(shell, news.entry.entry_id) >> news.entry.version & 1)

    def _heard(self, shell: Shell, entry_id: str) -> int:
        tracked = shell.state.entries.get(entry_id)
        return tracked.heard if tracked is not None else self.disk.seen.get(entry_id, 0)

    def publish(self, news: News, delay_ms: int) -> None:
        """Reference data on its way to the partition; its sender retries until it is taken."""
        self.clock.after(delay_ms, lambda: self.hear((news,)))

    # ---------------------------------------------------------------- what is done

    def start(self, desk: Desk) -> None:
        """A permit came: start what is due on that account."""
        process = self._replaced or self.process
        if process is None:
            desk.ask(self.entity, 0)
        else:
            process.start(desk)

    def note(self, desk: Desk, effect: Effect) -> CallNote:
        """What chance may know of a call: a name made of what it carries and how often that was tried."""
        match effect:
            case SendBatch():
                about, rows = effect.rows[0].posting.key, len(effect.rows)
            case LookUp():
                about, rows = effect.names[0], len(effect.names)
            case TellPsa():
                first = effect.statuses[0]
                about, rows = f"{first.entry_id}/{first.version}/{first.status}", len(effect.statuses)
            case Recount():
                about, rows = f"{self.entity}/{effect.since_ms}/{effect.page}", 1
            case Fetch():
                about, rows = f"{effect.heads[0][0]}/{effect.heads[0][1]}", len(effect.heads)
        kind = KINDS[type(effect)]
        tries = self._tries.get(f"{kind}/{about}", 0) + 1
        self._tries[f"{kind}/{about}"] = tries
        system = "erp" if desk is self.erp_desk else "psa"
        return CallNote(desk.name, system, self.entity, kind, f"{about}/{tries}", rows)


def _bits(mask: int) -> list[int]:
    """The versions that a bit mask names."""
    return [version for version in range(mask.bit_length()) if mask >> version & 1]
