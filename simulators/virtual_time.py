"""The virtual-time driver: partitions and accounts on a SimPy clock, with mock systems at the other end of the wire.

    publication --webhook--> Lane.deliver --> Process.turn --> Desk.pump --permit--> Process.start --> call
                                                   ^                                                     |
                                                   `-- Answered -- response, or silence <-- Weather <-- mock system

Nothing is decided here: what to do comes from the core, what goes wrong from `Weather`, what is answered from the
systems. Everything runs in callbacks of SimPy timeouts, so an exception reaches the caller as it is (a failed SimPy
process would rebuild it from its `args`). Times are integer milliseconds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import simpy

from runtime.connectors.doors import CONNECTION_REFUSED, DOORS
from runtime.connectors.erp.generic import build_login, read_login
from runtime.core.account import (
    AccountPolicy,
    CallLeft,
    CallServed,
    CallSilent,
    CallTurnedAway,
    CredentialRotated,
    LoginAnswered,
    MaintenanceAnnounced,
    Mode,
)
from runtime.core.answers import Silent, TurnedAway
from runtime.core.effects import Effect
from runtime.drivers.account_shell import AccountShell
from runtime.ports import Connector, Request, Response
from simulators.account_moves import in_the_way, slowed_ms
from simulators.chance import between
from simulators.evidence import AccountEvidence, Call
from simulators.faults.moves import AnswerInstead, CutOff
from simulators.faults.verdicts import (
    PASS,
    CallNote,
    Delay,
    DeliverTwice,
    Garble,
    How,
    LandLate,
    LoseTheReply,
    LoseTheRequest,
    Refuse,
)
from simulators.faults.weather import Weather
from simulators.systems.reply import Reply, garbled

WIRE_MS = (5, 60)
"""One way over the network, from and to, in milliseconds (assumed)."""
LOGIN_DEADLINE_MS = 30_000
"""How long a login may take before it is given up, as in the asyncio driver."""
OUTCOMES: dict[int, str] = {
    400: "throttled",
    401: "login",
    403: "locked_out",
    429: "throttled",
    503: "maintenance",
}
"""How a call that something in front of a system turned away is written down, by the status it heard."""


class System(Protocol):
    """A mock system without I/O."""

    def answer(self, request: Request, now_ms: int) -> Reply:
        """Do what is asked, now, and say what is answered and after how long."""


class Caller(Protocol):
    """Whoever makes calls and hears of them: one life of a process that holds a partition."""

    entity: str

    def connector_of(self, effect: Effect) -> Connector:
        """Who speaks for this effect."""

    def answered(self, effect: Effect, answer: Any) -> None:
        """Word of a call."""


class Partition(Protocol):
    """Whoever asks for permits."""

    def start(self, desk: "Desk") -> None:
        """A permit came: start what is due on that account."""


class Clock:
    """Virtual time: callbacks at instants, in the order in which they were asked for."""

    def __init__(self, start_ms: int) -> None:
        self.env = simpy.Environment(initial_time=start_ms)
        self.now_ms = start_ms
        """The instant, ms UTC."""

    def after(self, delay_ms: int, act: Callable[[], None]) -> None:
        """Let `act` happen `delay_ms` from now."""
        timeout = self.env.timeout(delay_ms)
        assert timeout.callbacks is not None
        timeout.callbacks.append(partial(self._happen, act))

    def _happen(self, act: Callable[[], None], _event: simpy.Event) -> None:
        self.now_ms = int(self.env.now)
        act()

    def at(self, at_ms: int, act: Callable[[], None]) -> None:
        """Let `act` happen at an instant, or now if that has passed."""
        self.after(max(0, at_ms - self.now_ms), act)

    def run(self, until_ms: int) -> None:
        """Let time pass."""
        self.env.run(until=until_ms)
        self.now_ms = until_ms


@dataclass(slots=True)
class Band:
    """A time in which an account was not open, as its runtime saw it."""

    account: str
    mode: str
    from_ms: int
    until_ms: int


class Desk:
    """One connector account in virtual time: the account machine, its system, and the lanes that share it."""

    def __init__(
        self,
        clock: Clock,
        policy: AccountPolicy,
        system: System,
        name: str,
        weather: Weather,
        seed: int,
        noted: AccountEvidence | None = None,
    ) -> None:
        """`noted`: where it is written down what left, and what was turned away before it reached the system."""
        self.noted = AccountEvidence(name) if noted is None else noted
        self.clock = clock
        self.name = name
        self.shell = AccountShell(
            policy,
            lambda: clock.now_ms,
            clock.at,
            lambda entity: self.lanes[entity].start(self),
            self._log_in,
            self._mode_changed,
        )
        self.system = system
        self.weather = weather
        self.seed = seed
        self.wire_ms = WIRE_MS
        """One way over the network, least and most."""
        self.lanes: dict[str, Partition] = {}
        self.credential = "first"
        self.token = ""
        self.logins = 0
        self.slow: list[tuple[int, int, int]] = []
        """(from, until, added ms): a slow system."""
        self.hindrances: list[CutOff | AnswerInstead] = []
        """What the calendar put between us and the system."""
        self.bands: list[Band] = []
        self.account = self.shell.account
        self.hear = self.shell.hear
        self.ask = self.shell.ask
        self.pump = self.shell.pump

    def _mode_changed(self, mode: Mode, now_ms: int) -> None:
        if self.bands and self.bands[-1].until_ms < 0:
            self.bands[-1].until_ms = now_ms
        if mode is not Mode.OPEN:
            self.bands.append(Band(self.name, mode, now_ms, -1))

    # ---------------------------------------------------------------- session

    def _log_in(self) -> None:
        self.logins += 1
        clock = self.clock
        verdict = in_the_way(self.hindrances, "login", "", clock.now_ms) if self.hindrances else PASS
        if isinstance(verdict, Refuse):
            self._note_refusal(verdict, "", "login", 0)
            refusal = _response(verdict)
            clock.after(2 * self.wire_ms[0], lambda: self._logged_in(refusal))
            return
        if not isinstance(verdict, LoseTheRequest):
            reply = self.system.answer(build_login(self.credential), clock.now_ms)
        if verdict is PASS:
            clock.after(max(1, reply.delay_ms), lambda: self._logged_in(reply.response))
        else:
            clock.after(LOGIN_DEADLINE_MS, lambda: self._logged_in(None))

    def _logged_in(self, response: Response | None) -> None:
        read = None if response is None else read_login(response)
        if isinstance(read, tuple):
            self.token = read[0]
            self.hear(LoginAnswered(read[1], None))
        else:
            self.hear(LoginAnswered(None, read))
        self.pump()

    def rotate(self, credential: str) -> None:
        """A person gives the runtime a credential that works."""
        self.credential = credential
        self.hear(CredentialRotated("operator"))
        self.pump()

    def announce(self, from_ms: int, until_ms: int) -> None:
        """The vendor tells of a maintenance window beforehand."""
        self.hear(MaintenanceAnnounced(from_ms, until_ms))
        self.shell.set_timer()

    # ---------------------------------------------------------------- calls

    def call(self, lane: Caller, effect: Effect, request: Request, note: CallNote, deadline_ms: int) -> None:
        """Put a call on the wire, with whatever befalls it there."""
        clock = self.clock
        left_ms = clock.now_ms
        self.noted.left.append(left_ms)
        self.hear(CallLeft(lane.entity))
        if self.token:
            request = Request(
                request.method, request.path, {**request.headers, "Authorization": f"Bearer {self.token}"}, request.body
            )
        out_ms = between(*self.wire_ms, self.seed, "wire", note.name, note.kind)
        verdict = in_the_way(self.hindrances, note.kind, note.entity, left_ms) if self.hindrances else PASS
        if verdict is PASS:
            verdict = self.weather.call(note, left_ms)
        heard = True
        how: How | None = None
        extra_ms = 0
        again_ms: int | None = None
        if verdict is not PASS:
            match verdict:
                case LoseTheRequest():
                    clock.after(deadline_ms, lambda: self._silence(lane, effect, left_ms))
                    return
                case Refuse():
                    self._note_refusal(verdict, note.entity, note.kind, note.rows)
                    refusal = _response(verdict)
                    clock.after(2 * out_ms, lambda: self._back(lane, effect, left_ms, refusal))
                    return
                case Garble():
                    how = verdict.how
                case LoseTheReply():
                    heard = False
                case LandLate():
                    clock.after(deadline_ms, lambda: self._silence(lane, effect, left_ms))
                    clock.after(verdict.after_ms, lambda: self._land_unheard(request))
                    return
                case DeliverTwice():
                    again_ms = verdict.gap_ms
                case Delay():
                    extra_ms = verdict.ms
        back_ms = out_ms + extra_ms
        clock.after(
            out_ms, lambda: self._land(lane, effect, request, left_ms, deadline_ms, back_ms, heard, again_ms, how)
        )

    def _note_refusal(self, refusal: Refuse, entity: str, kind: str, rows: int) -> None:
        """Write down a call that the system itself never saw."""
        outcome = OUTCOMES.get(refusal.status)
        if outcome is not None:
            self.noted.calls.append(Call(self.name, entity, kind, rows, self.clock.now_ms, outcome))

    def _land_unheard(self, request: Request) -> None:
        self.system.answer(request, self.clock.now_ms)

    def _land(
        self,
        lane: Caller,
        effect: Effect,
        request: Request,
        left_ms: int,
        deadline_ms: int,
        back_ms: int,
        heard: bool,
        again_ms: int | None,
        how: How | None,
    ) -> None:
        now_ms = self.clock.now_ms
        reply = self.system.answer(request, now_ms)
        if again_ms is not None and reply.response.status not in DOORS:
            # Had the door turned it away, a second copy that is let in would make a definite answer false.
            self.clock.after(again_ms, lambda: self._land_unheard(request))
        delay_ms = reply.delay_ms + back_ms
        if self.slow:
            delay_ms += slowed_ms(self.slow, now_ms)
        gives_up_ms = left_ms + deadline_ms
        if heard and now_ms + delay_ms < gives_up_ms:
            response = reply.response if how is None else garbled(reply.response, how)
            if response is None:
                self.clock.after(delay_ms, lambda: self._silence(lane, effect, left_ms))
            else:
                self.clock.after(delay_ms, lambda: self._back(lane, effect, left_ms, response))
        else:
            self.clock.at(gives_up_ms, lambda: self._silence(lane, effect, left_ms))

    def _silence(self, lane: Caller, effect: Effect, left_ms: int) -> None:
        self.hear(CallSilent(left_ms))
        lane.answered(effect, Silent())
        self.pump()

    def _back(self, lane: Caller, effect: Effect, left_ms: int, response: Response) -> None:
        if response.status in ASKS_TO_WAIT:
            self.noted.told.append((self.clock.now_ms, response.status, response.headers.get("Retry-After", "")))
        answer = lane.connector_of(effect).read(effect, response)
        if isinstance(answer, TurnedAway):
            self.hear(CallTurnedAway(left_ms, answer.door, answer.retry_after_ms, lane.entity))
        elif isinstance(answer, Silent):
            self.hear(CallSilent(left_ms))
        else:
            self.hear(CallServed(left_ms, lane.entity))
        lane.answered(effect, answer)
        self.pump()


def _response(refusal: Refuse) -> Response:
    headers = {} if refusal.retry_after is None else {"Retry-After": refusal.retry_after}
    return Response(refusal.status or CONNECTION_REFUSED, headers, refusal.body)


ASKS_TO_WAIT = (429, 503)
