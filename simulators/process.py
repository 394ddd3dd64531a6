"""One life of a process that holds a partition: what it knows, under which epoch, and what holds it up.

    hear, answered, time ──▶ turn ──▶ durable ──▶ whoever waits is told
    permit ──▶ start ──▶ "leaving" is durable ──▶ the lease is looked at ──▶ the call leaves

Rule 1. One thing at a time. A process that is slow or stopped does nothing; what it is told meanwhile waits in line.
Rule 2. Nothing leaves once the lease is over by its own monotonic clock, and nothing that was held up since its durable
        step leaves before the store was asked once more. A process that is stopped between that look and the send
        sends once more when it goes on: a printed assumption.
Rule 3. It writes under its own epoch or not at all. Whatever a commit raises ends this life; what memory held is gone.
Rule 4. A bug of ours stops the partition for good; its neighbours go on, and the run has not settled.
Rule 5. An answer belongs to the life that made the call. When that is over, nobody hears it.

Leases cost no events: a process that runs has renewed its lease, and one that is stopped renewed it right before.
"""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from runtime.core.answers import Republished
from runtime.core.effects import Effect
from runtime.core.inputs import Answered, Input
from runtime.core.partition import Permits, look_again_ms, wanted
from runtime.drivers.clock import Clock as Watch
from runtime.drivers.lane import PROVEN_MS
from runtime.drivers.shell import Shell
from runtime.journal.format import UnknownRecordError
from runtime.ports import Connector, JournalError, NotOwnerError, Owner
from simulators.disk import PartitionJournal, ProcessDiedError
from simulators.faults.verdicts import CallNote, Die, Pause
from simulators.virtual_time import Desk

if TYPE_CHECKING:
    from simulators.lane import Lane

LEASE_MS = 15_000
LEASE_MARGIN_MS = 3_000
"""The runtime's own defaults (`runtime.settings`)."""


class Process:
    """One life. `alive` until it ended; a process that was replaced meanwhile lives on until it finds out."""

    def __init__(self, lane: "Lane", owner: Owner, journal: PartitionJournal, watch: Watch | None) -> None:
        """`watch`: the clock of its machine, where that is not right."""
        self.lane = lane
        self.entity = lane.entity
        self.owner = owner
        self.journal = journal
        self.shell = Shell(lane.policy, journal, lane.witness, lane.checkpoint_every, lane.window, lane.read)
        self.alive = True
        self.knows = False
        """It has read what is durable."""
        self.begun = False
        """It has taken the partition over."""
        self.leaving = False
        self.stopped = False
        self.lease_ends_ms: int | None = None
        """When its lease ends by its own monotonic clock; None: it is renewed in time."""
        self.taking: dict[int, tuple[Sequence[Any], bool]] = {}
        """News that nobody was told of yet, by a number of its own, and whether its sender waits for that."""
        self._taken = 0
        self._clock = lane.clock
        self._watch = watch
        self._weather = lane.weather
        self._held_until_ms = 0
        self._proven_mono_ms = 0
        """When its last turn was durable, by its monotonic clock."""
        self._line: deque[Callable[[], None]] = deque()
        self._numbers: dict[str, int] = {}
        self._timer_ms = -1

    @property
    def held_up(self) -> bool:
        """Whether it does nothing at this moment (rule 1)."""
        return self._held_until_ms > 0

    # ---------------------------------------------------------------- clocks

    def now_ms(self) -> int:
        """The wall clock of its machine, which never goes back."""
        if self._watch is None:
            return self._clock.now_ms
        return max(self._watch.wall_ms(), self.shell.state.now_ms)

    def mono_ms(self) -> int:
        """Its monotonic clock, which nobody sets."""
        now_ms = self._clock.now_ms
        return now_ms - now_ms * self.lane.lease_clock_slow_ppm // 1_000_000

    # ---------------------------------------------------------------- life

    def wake_up(self) -> bool:
        """Recover and take the partition over; whether it lived to see that."""
        try:
            self.shell.recover()
            self.knows = True
            self.lane.recovered(self)
            if self._watch is not None:
                self._watch.is_past(self.shell.state.now_ms)
            self.shell.begin(self.now_ms())
            self.begun = True
        except (ProcessDiedError, JournalError, UnknownRecordError) as why:
            self.lane.ended(self, why)
        except Exception as bug:
            self.lane.broke(self, bug)
        return self.alive

    def _turn(self, act: Callable[[int], object], then: Callable[[], None]) -> None:
        """One turn of the crank. `then` follows when it is durable, and never if the process does not live so long."""
        try:
            act(self.now_ms())
            self.shell.tidy()
        except (ProcessDiedError, JournalError) as why:
            self.lane.ended(self, why)
            return
        except Exception as bug:
            self.lane.broke(self, bug)
            return
        self._proven_mono_ms = self.mono_ms()
        slow_ms = self.lane.slow_ms()
        if slow_ms:
            self._line.appendleft(then)
            self._hold(slow_ms)
        else:
            then()

    def _do(self, act: Callable[[], None]) -> None:
        """Now, or when it is its turn (rule 1)."""
        if not self.alive:
            return
        if self._held_until_ms:
            self._line.append(act)
        else:
            act()

    def _hold(self, for_ms: int) -> None:
        self._held_until_ms = max(self._held_until_ms, self._clock.now_ms + for_ms)
        self._clock.at(self._held_until_ms, self._go_on)

    def _go_on(self) -> None:
        if not self.alive or not 0 < self._held_until_ms <= self._clock.now_ms:
            return
        self._held_until_ms = 0
        while self._line and not self._held_until_ms and self.alive:
            self._line.popleft()()
        if self._held_until_ms or not self.alive:
            return
        if self.stopped:
            self.stopped = False
            self._renew()
        if self.alive:
            self.look_after()

    def stop(self, for_ms: int, then: Callable[[], None] | None = None) -> None:
        """It is stopped in the middle of what it does, for so long; then it goes on, with `then` first."""
        self._renew()
        self.lease_ends_ms = self.mono_ms() + LEASE_MS - LEASE_MARGIN_MS
        self.stopped = True
        if then is not None:
            self._line.appendleft(then)
        self._ask(0, 0)
        self._hold(for_ms)
        self.lane.stopped(self, for_ms)

    def _renew(self) -> None:
        """Prolong the lease at the store, or learn that it is somebody else's."""
        held = self.lane.store.renew((self.owner,), LEASE_MS)
        self.lease_ends_ms = None
        if not held:
            self.lane.ended(self, NotOwnerError(f"{self.entity} belongs to somebody else now"))

    def leave(self) -> None:
        """Take nothing more in, wait for the calls on the wire, checkpoint, and give the lease back."""
        self.leaving = True
        self._ask(0, 0)
        self._do(self._close_if_quiet)

    def _close_if_quiet(self) -> None:
        if not self.shell.state.calls:
            self._turn(lambda _now_ms: self.shell.checkpoint(), lambda: self.lane.left(self))

    # ---------------------------------------------------------------- what is heard

    def hear(self, inputs: Sequence[Input]) -> None:
        """News or commands, whose sender waits until they are acknowledged."""
        told = self._take(inputs, waits=True)
        self._do(lambda: self._turn(lambda now_ms: self.shell.turn(inputs, now_ms), told))

    def _take(self, news: Sequence[Any], waits: bool) -> Callable[[], None]:
        """Note news that is being taken in; what is returned tells whoever sent it, once it is durable."""
        self._taken += 1
        self.taking[self._taken] = (news, waits)
        return partial(self._told_and_on, self._taken)

    def _told_and_on(self, number: int) -> None:
        # Where somebody took over meanwhile, senders have turned to the successor, and nobody hears this one.
        if number in self.taking:
            self.lane.acknowledge(self.taking.pop(number)[0])
        self.look_after()

    def answered(self, effect: Effect, answer: Any) -> None:
        """Word of a call; nobody hears it if this life is over (rule 5)."""
        if not self.alive:
            return
        then = self._take(answer.news, waits=False) if isinstance(answer, Republished) else self.look_after
        self._do(lambda: self._hear_answer(effect, answer, then))

    def _hear_answer(self, effect: Effect, answer: Any, then: Callable[[], None]) -> None:
        take = partial(self._take_answer, effect, answer, then)
        if self._weather.disturbs_steps:
            number = self._numbers.pop(effect.call_id)
            befalls = self._weather.step("heard", self.entity, number, self._clock.now_ms)
            if befalls is not None:
                self._befall(befalls, take)
                return
        take()

    def _take_answer(self, effect: Effect, answer: Any, then: Callable[[], None]) -> None:
        if isinstance(answer, Republished):
            self.lane.keep(answer.dead_letters)
        self._turn(lambda now_ms: self.shell.turn((Answered(effect.call_id, answer),), now_ms), then)

    # ---------------------------------------------------------------- what is done

    def look_after(self) -> None:
        """Ask for the permits that the partition could use now, and set its one timer."""
        if not self.alive or self._held_until_ms:
            return
        if self.leaving:
            self._close_if_quiet()
            return
        wants = wanted(self.shell.state, self.now_ms())
        erp_desk, psa_desk = self._ask(wants.erp, wants.psa)
        if wants.erp:
            erp_desk.pump()
        if wants.psa:
            psa_desk.pump()
        self._set_timer()

    def _ask(self, erp: int, psa: int) -> tuple[Desk, Desk]:
        erp_desk, psa_desk = self.lane.erp_desk, self.lane.psa_desk
        erp_desk.ask(self.entity, erp)
        psa_desk.ask(self.entity, psa)
        return erp_desk, psa_desk

    def _set_timer(self) -> None:
        if not self.alive:
            return
        now_ms = self.now_ms()
        due_ms = look_again_ms(self.shell.state, now_ms)
        if due_ms is None:
            return
        if not now_ms < self._timer_ms <= due_ms:
            self._timer_ms = due_ms
            self._clock.after(max(0, due_ms - now_ms), self._time_came)

    def _time_came(self) -> None:
        self._do(lambda: self._turn(self.shell.look_around, self.look_after))

    def start(self, desk: Desk) -> None:
        """A permit came: start what is due on that account."""
        if self._held_until_ms or self.leaving:
            desk.ask(self.entity, 0)
            return
        permits = Permits(erp=1) if desk is self.lane.erp_desk else Permits(psa=1)
        effects: list[Effect] = []
        self._turn(
            lambda now_ms: effects.extend(self.shell.start(permits, now_ms)), lambda: self._let_leave(desk, effects)
        )

    def _let_leave(self, desk: Desk, effects: list[Effect]) -> None:
        for effect in effects:
            self._do(partial(self._leave, desk, effect, self.lane.note(desk, effect)))
        if not self.alive or self._held_until_ms:
            return
        wants = wanted(self.shell.state, self.now_ms())
        desk.ask(self.entity, wants.erp if desk is self.lane.erp_desk else wants.psa)
        if effects and desk.account.demand:
            desk.pump()
        self._set_timer()

    def _leave(self, desk: Desk, effect: Effect, note: CallNote) -> None:
        """What is durable as leaving leaves, if the lease allows it (rule 2)."""
        number = self.lane.next_call()
        if self._weather.disturbs_steps:
            self._numbers[effect.call_id] = number
            befalls = self._weather.step("leaving", self.entity, number, self._clock.now_ms)
            if befalls is not None:
                self._befall(befalls, partial(self._checked, desk, effect, note))
                return
        self._checked(desk, effect, note)

    def _checked(self, desk: Desk, effect: Effect, note: CallNote) -> None:
        checked_ms = self._clock.now_ms
        if not self.may_send():
            self.lane.ended(self, NotOwnerError(f"{self.entity}: not its owner any more before a call could leave"))
            return
        if self._weather.disturbs_steps:
            number = self._numbers[effect.call_id]
            befalls = self._weather.step("checked", self.entity, number, self._clock.now_ms)
            if befalls is not None:
                self._befall(befalls, partial(self._send, desk, effect, note, checked_ms))
                return
        self._send(desk, effect, note, checked_ms)

    def may_send(self) -> bool:
        """Whether the lease runs, by the monotonic clock, with a margin, and the partition is still its own."""
        runs = self.lease_ends_ms is None or self.mono_ms() < self.lease_ends_ms
        return runs and self._still_ours()

    def _still_ours(self) -> bool:
        """Whether it is the owner by a durable step of just now, or else by the word of the store."""
        if self.mono_ms() - self._proven_mono_ms < PROVEN_MS:
            return True
        return bool(self.lane.store.renew((self.owner,), LEASE_MS))

    def _send(self, desk: Desk, effect: Effect, note: CallNote, checked_ms: int) -> None:
        self.lane.called(self.owner.epoch, checked_ms)
        desk.call(self, effect, self.connector_of(effect).build(effect), note, self.lane.policy.call_deadline_ms)
        if self._weather.disturbs_steps:
            number = self._numbers[effect.call_id]
            befalls = self._weather.step("sent", self.entity, number, self._clock.now_ms)
            if befalls is not None:
                self._befall(befalls, _nothing_more)

    def _befall(self, befalls: Die | Pause, then: Callable[[], None]) -> None:
        """It dies here, or is stopped and goes on with `then`."""
        match befalls:
            case Die():
                self.lane.ended(self, ProcessDiedError(f"{self.entity} died beside a call"))
            case Pause():
                self.stop(befalls.ms, then)

    def connector_of(self, effect: Effect) -> Connector:
        """Who speaks for this effect."""
        return self.lane.erp if effect.account == "erp" else self.lane.psa


def _nothing_more() -> None:
    """What follows when a call is on the wire: word of it, some time."""
