"""The virtual-time driver: partitions and accounts on a SimPy clock, with mock systems at the other end of the wire.

    publication --webhook--> Lane.deliver --> Shell.turn --> Desk.pump --permit--> Lane.start --> call
                                  ^                                                               |
                                  `---- Answered ---- response, or silence <---- Weather <---- mock system

Nothing is decided here: what to do comes from the core, what goes wrong from `Weather`, what is answered from the
systems. Everything runs in callbacks of SimPy timeouts, so an exception reaches the caller as it is (a failed SimPy
process would rebuild it from its `args`). Times are integer milliseconds.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import simpy

from runtime.connectors.doors import CONNECTION_REFUSED, DOORS
from runtime.connectors.erp.generic import build_login, read_login
from runtime.connectors.psa.generic import read_events
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
from runtime.core.answers import Republished, Silent, TurnedAway
from runtime.core.effects import Effect, Fetch, LookUp, Recount, SendBatch, TellPsa
from runtime.core.inputs import Answered, Input
from runtime.core.news import DeadLetter, EntryApproved, News
from runtime.core.partition import Permits, look_again_ms, wanted
from runtime.core.policy import Policy
from runtime.core.records import Record
from runtime.drivers.account_shell import AccountShell
from runtime.drivers.shell import CHECKPOINT_EVERY, WINDOW, Shell
from runtime.journal.memory import MemoryJournal
from runtime.ports import Connector, Request, Response
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
    Verdict,
)
from simulators.faults.weather import Weather
from simulators.systems.reply import Reply, garbled, seconds_until

WIRE_MS = (5, 60)
"""One way over the network, from and to, in milliseconds (assumed)."""
WEBHOOK_MS = (200, 3_000)
"""From a publication to its delivery (assumed)."""
DELIVERY_MAX = 200
"""Events in one delivery, at most (assumed)."""
REDELIVERY_MS = 30_000
"""A sender whose delivery was not acknowledged tries again after this long (assumed)."""
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


class ProcessDiedError(Exception):
    """The process of a partition died at a durable boundary."""


class Publication(Protocol):
    """One event as the source publishes it."""

    entry_id: str
    version: int
    body: bytes


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
        timeout.callbacks.append(lambda _event: self._happen(act))

    def _happen(self, act: Callable[[], None]) -> None:
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
        self.lanes: dict[str, Lane] = {}
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
        verdict = self._in_the_way("login", "", clock.now_ms) if self.hindrances else PASS
        if isinstance(verdict, Refuse):
            self._note_refusal(verdict, "", "login", 0)
            refusal = _response(verdict)
            clock.after(2 * WIRE_MS[0], lambda: self._logged_in(refusal))
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

    def call(self, lane: "Lane", effect: Effect, request: Request, note: CallNote, deadline_ms: int) -> None:
        """Put a call on the wire, with whatever befalls it there."""
        clock = self.clock
        left_ms = clock.now_ms
        self.noted.left.append(left_ms)
        self.hear(CallLeft(lane.entity))
        if self.token:
            request = Request(
                request.method, request.path, {**request.headers, "Authorization": f"Bearer {self.token}"}, request.body
            )
        out_ms = between(*WIRE_MS, self.seed, "wire", note.name, note.kind)
        verdict = self._in_the_way(note.kind, note.entity, left_ms) if self.hindrances else PASS
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

    def _in_the_way(self, kind: str, entity: str, now_ms: int) -> Verdict:
        """What the calendar put between us and the system, as far as it concerns this call."""
        for hindrance in self.hindrances:
            if not hindrance.at_ms <= now_ms < hindrance.until_ms:
                continue
            if isinstance(hindrance, CutOff):
                return LoseTheRequest() if hindrance.way == "both" else LoseTheReply()
            if kind in hindrance.calls and hindrance.entity in ("", entity):
                wait = seconds_until(hindrance.until_ms, now_ms) if hindrance.tells else None
                return Refuse(hindrance.status, wait, b"")
        return PASS

    def _note_refusal(self, refusal: Refuse, entity: str, kind: str, rows: int) -> None:
        """Write down a call that the system itself never saw."""
        outcome = OUTCOMES.get(refusal.status)
        if outcome is not None:
            self.noted.calls.append(Call(self.name, entity, kind, rows, self.clock.now_ms, outcome))

    def _land_unheard(self, request: Request) -> None:
        self.system.answer(request, self.clock.now_ms)

    def _land(
        self,
        lane: "Lane",
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
        for from_ms, until_ms, added_ms in self.slow:
            if from_ms <= now_ms < until_ms:
                delay_ms += added_ms
        gives_up_ms = left_ms + deadline_ms
        if heard and now_ms + delay_ms < gives_up_ms:
            response = reply.response if how is None else garbled(reply.response, how)
            if response is None:
                self.clock.after(delay_ms, lambda: self._silence(lane, effect, left_ms))
            else:
                self.clock.after(delay_ms, lambda: self._back(lane, effect, left_ms, response))
        else:
            self.clock.at(gives_up_ms, lambda: self._silence(lane, effect, left_ms))

    def _silence(self, lane: "Lane", effect: Effect, left_ms: int) -> None:
        self.hear(CallSilent(left_ms))
        lane.answered(effect, Silent())
        self.pump()

    def _back(self, lane: "Lane", effect: Effect, left_ms: int, response: Response) -> None:
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
KINDS: dict[type, str] = {SendBatch: "post", LookUp: "look_up", TellPsa: "tell", Recount: "recount", Fetch: "fetch"}


@dataclass(slots=True)
class Tally:
    """What one lane went through, counted from outside."""

    acknowledged: dict[str, int] = field(default_factory=dict)
    """Entry to the bit mask of approved versions acknowledged at the door."""
    acknowledged_count: int = 0
    deaths: int = 0
    deliveries: int = 0
    dead_letters: int = 0
    """Different events that could not be read, however often each came."""
    records: dict[str, int] = field(default_factory=dict)


class Lane:
    """One partition in virtual time: its shell while it lives, its journal always, and what is on its way to it."""

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
        self.checkpoint_every = checkpoint_every
        self.window = window
        self.tally = Tally()
        self.boundaries = 0
        self.over = False
        """The run has ended: what is still written is written for the auditors, and nobody dies of that."""
        self._side: str | None = None
        self._on_records = on_records
        self.journal = MemoryJournal(self._boundary)
        self.shell: Shell | None = None
        self.dead_letters: dict[bytes, DeadLetter] = {}
        """By body: what could not be read, as it came, for whoever can deliver it again."""
        self._undelivered: list[Sequence[Input]] = []
        self._cut_short: list[Iterable[Any]] = []
        """News that a process was taking in when it died: durable or not, nobody was told."""
        self._tries: dict[str, int] = {}
        self._timer_ms = -1
        for desk in desks:
            desk.lanes[entity] = self

    # ---------------------------------------------------------------- life and death

    def wake_up(self) -> None:
        """A process takes the partition over."""
        shell = Shell(self.policy, self.journal, self._witness, self.checkpoint_every, self.window)
        if not self._alive(lambda: shell.wake_up(self.clock.now_ms)):
            return
        self.shell = shell
        for news in self._cut_short:
            self._acknowledge(one for one in news if isinstance(one, EntryApproved) and self._recovered(shell, one))
        self._cut_short.clear()
        waiting, self._undelivered = self._undelivered, []
        for inputs in waiting:
            self.clock.after(REDELIVERY_MS, partial(self.hear, inputs))
        self._after_turn()

    def die(self) -> None:
        """The process is gone, and with it whatever was not durable."""
        if self.shell is None:
            return
        self.shell = None
        self.tally.deaths += 1
        self.erp_desk.ask(self.entity, 0)
        self.psa_desk.ask(self.entity, 0)
        self.clock.after(self.restart_ms, self.wake_up)

    def _alive(self, act: Callable[[], None]) -> bool:
        try:
            act()
            if self.shell is not None:
                self.shell.tidy()
        except ProcessDiedError:
            if self.shell is None:
                self.tally.deaths += 1
                self.clock.after(self.restart_ms, self.wake_up)
            else:
                self.die()
            return False
        return True

    def _boundary(self, side: str) -> None:
        if self.over:
            return
        if side == "before":
            self.boundaries += 1
            self._side = self.weather.boundary(self.entity, self.boundaries, self.clock.now_ms)
        if self._side == side:
            self._side = None
            raise ProcessDiedError(f"{self.entity} died {side} boundary {self.boundaries}")

    def _witness(self, records: Sequence[Record], now_ms: int) -> None:
        counts = self.tally.records
        for record in records:
            name = type(record).__name__
            counts[name] = counts.get(name, 0) + 1
        self._on_records(self.entity, records, now_ms)

    # ---------------------------------------------------------------- what is heard

    def deliver(self, publications: Sequence[Publication]) -> None:
        """The source delivers events; unless they are acknowledged, it will again."""
        self.tally.deliveries += 1
        news, dead_letters = read_events(publication.body for publication in publications)
        self._keep(dead_letters)
        self.hear(news)

    def _keep(self, dead_letters: Iterable[DeadLetter]) -> None:
        for letter in dead_letters:
            self.dead_letters.setdefault(letter.body, letter)
        self.tally.dead_letters = len(self.dead_letters)

    def hear(self, inputs: Sequence[Input]) -> None:
        """News or commands; kept by their sender until they are acknowledged."""
        shell = self.shell
        if shell is None:
            self._undelivered.append(inputs)
            return
        if not self._alive(lambda: shell.turn(inputs, self.clock.now_ms)):
            self._undelivered.append(inputs)
            self._cut_short.append(inputs)
            return
        self._acknowledge(inputs)
        self._after_turn()

    def _acknowledge(self, inputs: Iterable[Any]) -> None:
        known = self.tally.acknowledged
        for one in inputs:
            if isinstance(one, EntryApproved):
                entry_id, bit = one.entry.entry_id, 1 << one.entry.version
                mask = known.get(entry_id, 0)
                if not mask & bit:
                    known[entry_id] = mask | bit
                    self.tally.acknowledged_count += 1

    def _recovered(self, shell: Shell, news: EntryApproved) -> bool:
        """Whether a process that just recovered has this version: then it was durable before its predecessor died."""
        entry_id = news.entry.entry_id
        tracked = shell.state.entries.get(entry_id)
        heard = tracked.heard if tracked is not None else self.journal.seen((entry_id,)).get(entry_id, 0)
        return bool(heard >> news.entry.version & 1)

    def publish(self, news: News, delay_ms: int) -> None:
        """Reference data on its way to the partition; its sender retries until it is taken."""
        self.clock.after(delay_ms, lambda: self.hear((news,)))

    def answered(self, effect: Effect, answer: Any) -> None:
        """Word of a call; nobody hears it if the process that made the call is gone."""
        shell = self.shell
        if shell is None:
            return
        if isinstance(answer, Republished):
            self._keep(answer.dead_letters)
        if not self._alive(lambda: shell.turn((Answered(effect.call_id, answer),), self.clock.now_ms)):
            if isinstance(answer, Republished):
                self._cut_short.append(answer.news)
            return
        if isinstance(answer, Republished):
            self._acknowledge(answer.news)
        self._after_turn()

    # ---------------------------------------------------------------- what is done

    def _after_turn(self) -> None:
        """Ask for the permits that the partition could use now, and set its one timer."""
        shell = self.shell
        if shell is None:
            return
        now_ms = self.clock.now_ms
        wants = wanted(shell.state, now_ms)
        self.erp_desk.ask(self.entity, wants.erp)
        self.psa_desk.ask(self.entity, wants.psa)
        if wants.erp:
            self.erp_desk.pump()
        if wants.psa:
            self.psa_desk.pump()
        self._set_timer()

    def _set_timer(self) -> None:
        if self.shell is None:
            return
        now_ms = self.clock.now_ms
        due_ms = look_again_ms(self.shell.state, now_ms)
        if due_ms is None:
            return
        if not now_ms < self._timer_ms <= due_ms:
            self._timer_ms = due_ms
            self.clock.at(due_ms, self._time_came)

    def _time_came(self) -> None:
        shell = self.shell
        if shell is not None and self._alive(lambda: shell.look_around(self.clock.now_ms)):
            self._after_turn()

    def start(self, desk: Desk) -> None:
        """A permit came: start what is due on that account."""
        shell = self.shell
        if shell is None:
            desk.ask(self.entity, 0)
            return
        now_ms = self.clock.now_ms
        permits = Permits(erp=1) if desk is self.erp_desk else Permits(psa=1)
        effects: list[Effect] = []
        if not self._alive(lambda: effects.extend(shell.start(permits, now_ms))):
            return
        for effect in effects:
            request = self.connector_of(effect).build(effect)
            desk.call(self, effect, request, self._note(desk, effect), self.policy.call_deadline_ms)
        wants = wanted(shell.state, now_ms)
        desk.ask(self.entity, wants.erp if desk is self.erp_desk else wants.psa)
        if effects and desk.account.demand:
            desk.pump()
        self._set_timer()

    def connector_of(self, effect: Effect) -> Connector:
        """Who speaks for this effect."""
        return self.erp if effect.account == "erp" else self.psa

    def _note(self, desk: Desk, effect: Effect) -> CallNote:
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
