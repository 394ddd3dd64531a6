"""A partition and an ERP that count rows instead of reading them, between the real account machine and the real wire.

    Cohorts ─▶ CountingPartition ── wants ──▶ Desk: the account of the runtime, and the weather of the simulation
                   ▲                            │
                   └── served · turned away · silent ── CountingErp: the door of the mock ERP, and its pace

What is the runtime's own or the simulator's own here: quota, fairness between entities, breaker, maintenance, session
(`runtime.core.account`); the door and the latencies of the mock ERP; what befalls a call on the wire. What is written
again, for numbers of rows, is the partition:

Rule 1. A batch leaves when it is full, or when the first in line has lingered; questions to the ledger go first; a
        partition has so many calls open at most (`runtime.core.partition.due`, `queue`).
Rule 2. Silence is doubt: the ledger is asked once a late landing is impossible, and what it lacks goes to the end of
        the line. What was turned away at the door goes there at once.
Rule 3. A reversal stands before its posting joins the line.

Left out are bad rows, deaths of processes, disks and clocks: `MODELLED` says what is in.
"""

from bisect import insort
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from runtime.connectors.doors import read_door
from runtime.core.answers import Silent, TurnedAway
from runtime.core.policy import Policy
from runtime.ports import Request, Response
from scenarios.capacity.cohorts import Cohort
from simulators.chance import between, happens
from simulators.evidence import AccountEvidence, Call
from simulators.faults.moves import AnswerInstead, CloseSystem, CutOff, EatQuota, EndSession, Move, SlowSystem
from simulators.faults.verdicts import CallNote
from simulators.faults.weather import Weather
from simulators.systems.erp.door import Door, Pace, header
from simulators.systems.erp.wire import read_login
from simulators.systems.erp_profile import ErpProfile
from simulators.systems.maintenance import Style, Window
from simulators.systems.reply import JSON, Reply, error
from simulators.virtual_time import Clock, Desk

MODELLED = frozenset(
    {
        "lost_request",
        "lost_reply",
        "late_landing",
        "duplicate_request",
        "unreachable",
        "server_error",
        "slow_answer",
        "garbled_answer",
        "partition",
        "throttling",
        "concurrency_cap",
        "daily_quota",
        "shared_quota",
        "duplicate_event",
        "missing_event",
        "reordered_event",
        "maintenance_announced",
        "maintenance_unannounced",
        "read_only",
        "slow_erp",
        "unauthorized_maintenance",
        "session_ended",
    }
)
"""Kinds of fault that a counted run knows."""
_STYLES: dict[str, Style] = {"retry_after": "503_retry_after", "bare": "503_json", "sorry_page": "503_html"}


@dataclass(slots=True)
class Served:
    """A call was let in and answered."""


@dataclass(slots=True)
class OpenCall:
    """What is on the wire: some cohorts, and when their rows stand in the ledger (None: they have not arrived)."""

    kind: str
    cohorts: list[Cohort]
    stands_ms: list[int | None]


@dataclass(slots=True)
class Landing:
    """Due rows that came to stand together."""

    at_ms: int
    rows: int


class CountingErp:
    """One account of an ERP: its door and its pace are the mock's own; its ledger is a number."""

    def __init__(self, profile: ErpProfile, account: str, seed: int, noted: AccountEvidence) -> None:
        self.profile, self.account, self.noted = profile, account, noted
        self.door = Door(profile)
        self.wire: dict[str, tuple[str, OpenCall]] = {}
        """Call to the entity and what it carries; stays until the caller has settled it."""
        self.stood: dict[str, list[Landing]] = {}
        self._pace = Pace(profile.latency, account, seed)
        self._seed = seed

    def answer(self, request: Request, now_ms: int) -> Reply:
        """Let the call in or turn it away; the rows of a posting stand from now on, or after staging."""
        if request.path == "/token":
            return Reply(self._token(request, now_ms), self.profile.latency.door_ms)
        name = header(request.headers, "X-Call")
        entity, call = self.wire.get(name, ("", None))
        rows = 0 if call is None else sum(cohort.rows for cohort in call.cohorts)
        kind = "post" if request.method == "POST" else "look_up"
        turned_away = self.door.turned_away(request.headers, now_ms)
        self._note(entity, kind, rows, now_ms, "served" if turned_away is None else turned_away.outcome)
        if turned_away is not None:
            return Reply(turned_away.response, self.profile.latency.door_ms)
        response = Response(200, JSON, b"")
        if kind == "post":
            names = (self._seed, "erp/server_error", self.account, name)
            if happens(self.profile.server_error_ppm, *names):
                response = error(500, "internal")
            if response.status == 200 or happens(self.profile.server_error_worked_ppm, *names, "worked"):
                self._land(entity, call, name, now_ms)
        return Reply(response, self._pace.of(name, rows))

    def _land(self, entity: str, call: OpenCall | None, name: str, now_ms: int) -> None:
        if call is None:
            return
        staging = self.profile.staging
        for number, cohort in enumerate(call.cohorts):
            if call.stands_ms[number] is not None:
                continue
            lasts_ms = (
                between(staging.shortest_ms, staging.longest_ms, self._seed, "erp/staging", name, number)
                if staging
                else 0
            )
            call.stands_ms[number] = now_ms + lasts_ms
            if cohort.due:
                self.stood.setdefault(entity, []).append(Landing(now_ms + lasts_ms, cohort.due))

    def _token(self, request: Request, now_ms: int) -> Response:
        closed = self.door.closed(now_ms)
        if closed is not None:
            return closed.response
        locked = self.door.user.locked(now_ms)
        return locked or self.door.user.log_in(read_login(request.body).credential, now_ms)

    def _note(self, entity: str, kind: str, rows: int, now_ms: int, outcome: str) -> None:
        self.noted.calls.append(Call(self.account, entity, kind, rows, now_ms, outcome))


@dataclass(slots=True)
class CountingPartition:
    """One partition: how many rows are in line, which questions are due, how many calls are open."""

    clock: Clock
    desk: Desk
    erp: CountingErp
    policy: Policy
    ready: deque[Cohort] = field(default_factory=deque)
    rows: int = 0
    open_calls: int = 0
    asks: list[tuple[int, int, OpenCall]] = field(default_factory=list)
    _asked: int = 0
    _calls: int = 0
    _timer_ms: int = -1

    @property
    def entity(self) -> str:
        """Whose it is."""
        return self.policy.entity

    # ---------------------------------------------------------------- what it hears

    def hear(self, cohort: Cohort) -> None:
        """Rows arrive."""
        self._join(cohort)
        self.look_after()

    def _join(self, cohort: Cohort) -> None:
        if cohort.rows:
            self.ready.append(cohort)
            self.rows += cohort.rows

    def answered(self, effect: OpenCall, answer: Any) -> None:
        """Word of a call (rule 2)."""
        self.open_calls -= 1
        now_ms = self.clock.now_ms
        match answer:
            case TurnedAway() if effect.kind == "post":
                for cohort in effect.cohorts:
                    self._join(cohort)
            case TurnedAway():
                self._ask(effect, now_ms + self.policy.back_off_ms)
            case Silent() if effect.kind == "post":
                self._ask(effect, now_ms + self.policy.late_landing_ms + self.policy.lookup_lag_ms)
            case Silent():
                self._ask(effect, now_ms + self.policy.back_off_ms)
            case _:
                self._settle(effect, now_ms)
        self.look_after()

    def _settle(self, call: OpenCall, now_ms: int) -> None:
        """What stands is done; what has not arrived goes to the end of the line; what is staged is asked about."""
        staged = OpenCall("look_up", [], [])
        for cohort, stands_ms in zip(call.cohorts, call.stands_ms, strict=True):
            if stands_ms is None:
                self._join(cohort)
            elif stands_ms > now_ms:
                staged.cohorts.append(cohort)
                staged.stands_ms.append(stands_ms)
            else:
                self._join(Cohort(now_ms, self.entity, cohort.posts))
        if staged.cohorts:
            self._ask(staged, now_ms + self.policy.staged_poll_ms)

    def _ask(self, call: OpenCall, at_ms: int) -> None:
        call.kind = "look_up"
        self._asked += 1
        insort(self.asks, (at_ms, self._asked, call))

    # ---------------------------------------------------------------- what it does

    def wanted(self) -> int:
        """How many calls it would start now (rule 1)."""
        now_ms = self.clock.now_ms
        calls = 0
        for at_ms, _, _ in self.asks:
            if at_ms > now_ms:
                break
            calls += 1
        if self._batch_due(now_ms):
            calls += max(1, self.rows // self.policy.batch_max)
        return max(0, min(calls, self.policy.calls_max - self.open_calls))

    def _batch_due(self, now_ms: int) -> bool:
        if self.rows >= self.policy.batch_max:
            return True
        return bool(self.ready) and self.ready[0].at_ms + self.policy.linger_ms <= now_ms

    def look_after(self) -> None:
        """Ask for permits, and look again when something falls due."""
        wanted = self.wanted()
        self.desk.ask(self.entity, wanted)
        if wanted:
            self.desk.pump()
        self._set_timer()

    def _set_timer(self) -> None:
        now_ms = self.clock.now_ms
        times = [at_ms for at_ms, _, _ in self.asks[:1]]
        if self.ready:
            times.append(self.ready[0].at_ms + self.policy.linger_ms)
        due_ms = min((at_ms for at_ms in times if at_ms > now_ms), default=None)
        if due_ms is not None and not now_ms < self._timer_ms <= due_ms:
            self._timer_ms = due_ms
            self.clock.at(due_ms, self.look_after)

    def start(self, desk: Desk) -> None:
        """A permit came."""
        now_ms = self.clock.now_ms
        call: OpenCall | None = None
        if self.asks and self.asks[0][0] <= now_ms:
            call = self.asks.pop(0)[2]
        elif self._batch_due(now_ms):
            cohorts = self._take()
            call = OpenCall("post", cohorts, [None] * len(cohorts))
        if call is not None:
            self._leave(call)
        desk.ask(self.entity, self.wanted())
        if call is not None and desk.account.demand:
            desk.pump()
        self._set_timer()

    def _take(self) -> list[Cohort]:
        """The next batch, first come first; a cohort that does not fit is divided, what is due in front."""
        room, taken = self.policy.batch_max, []
        while room and self.ready:
            first = self.ready[0]
            if first.rows <= room:
                taken.append(self.ready.popleft())
                room -= first.rows
            else:
                part = Cohort(first.at_ms, first.entity, room, min(room, first.due), min(room, first.posts))
                first.rows, first.due, first.posts = first.rows - room, first.due - part.due, first.posts - part.posts
                taken.append(part)
                room = 0
        self.rows -= self.policy.batch_max - room
        return taken

    def _leave(self, call: OpenCall) -> None:
        self.open_calls += 1
        self._calls += 1
        name = f"{self.entity}/{self._calls}"
        self.erp.wire[name] = self.entity, call
        rows = sum(cohort.rows for cohort in call.cohorts)
        request = Request("POST" if call.kind == "post" else "GET", "/ledger", {"X-Call": name}, b"")
        note = CallNote(self.desk.name, "erp", self.entity, call.kind, name, rows)
        self.desk.call(self, call, request, note, self.policy.call_deadline_ms)  # type: ignore[arg-type]  # by count

    def connector_of(self, effect: object) -> "CountingPartition":
        """Who reads the answers: itself."""
        return self

    def build(self, effect: object) -> Request:
        """Nothing is asked of a connector that the partition has not built."""
        raise AssertionError("a counting partition builds its own requests")

    def read(self, effect: object, response: Response) -> Any:
        """What an answer says: let in, turned away, or an error that says nothing."""
        return read_door(response) or Served()


def carry_out(move: Move, erps: dict[str, CountingErp], desks: dict[str, Desk]) -> None:
    """Do what the calendar brings to an ERP account, as the world does."""
    account = getattr(move, "account", "")
    if account not in erps:
        return
    erp, desk = erps[account], desks[account]
    match move:
        case CloseSystem():
            kind = "announced" if move.announced else "unannounced"
            erp.door.close(Window(move.at_ms, move.until_ms, kind, _STYLES[move.style]))
        case SlowSystem():
            desk.slow.append((move.at_ms, move.until_ms, move.added_ms))
        case EatQuota():
            erp.door.quota.eat(move.at_ms, move.until_ms, move.left)
        case EndSession():
            erp.door.user.end_sessions()
        case CutOff() | AnswerInstead():
            desk.hindrances.append(move)


def plan_moves(clock: Clock, moves: Sequence[Move], act: Callable[[Move], None], desks: dict[str, Desk]) -> None:
    """Let every move happen at its time; what a vendor announces is heard beforehand."""
    for move in moves:
        clock.at(move.at_ms, lambda move=move: act(move))  # type: ignore[misc]  # bound now, not at its time
        if isinstance(move, CloseSystem) and move.announced and move.account in desks:
            desks[move.account].announce(move.at_ms, move.promised_until_ms)


def weather_of(kinds: Sequence[Any], seed: int, calm_ms: int) -> Weather:
    """The misfortunes that a counted run knows."""
    return Weather([fault for fault in kinds if fault.kind in MODELLED], seed, calm_ms)
