"""A pytest plugin: our mock systems, faults and auditors in virtual time, for tests of integrations that are not ours.

    pytest_plugins = ["simulators.testing"]        in the top-level conftest.py, or: pytest -p simulators.testing

    def test_lost_replies_bill_nobody_twice(springtide_world, springtide_erp, springtide_faults, springtide_auditor):
        springtide_faults.strike("post", LoseTheReply(), times=3)
        mine = MyIntegration(post=springtide_erp.call)
        for event in springtide_world.approve(10):
            mine.take(event.body)
        springtide_auditor.assert_clean()

    springtide_settings     what the world is built from; a fixture of the same name in your tests replaces it
    springtide_seed         what chance depends on; likewise
    springtide_clock        virtual time: it passes when somebody sleeps or calls, and costs nothing
    springtide_world        the source: approve, correct, withdraw, close a period
    springtide_firm         people, projects, rates, periods: the ground truth
    springtide_erp, _psa    the systems: call(method, path, body, headers), as over HTTP
    springtide_faults       the fault schedule
    springtide_auditor      what approved and posted time have to do with each other

Rule 1. Time is the caller's. A call takes as long as the system takes, and a lost one as long as the caller waits.
Rule 2. A call without an answer raises `NoAnswerError`, a TimeoutError: whether its work was done, nobody says.
Rule 3. An auditor that had nothing to look at does not say that all is well.
"""

from collections.abc import Callable, Iterable, Mapping
from heapq import heappop, heappush
from itertools import count
from typing import Any

import pytest

from runtime.connectors.doors import DOORS
from runtime.ports import Request, Response
from simulators.faults.bases import FaultData
from simulators.faults.verdicts import (
    PASS,
    CallNote,
    Delay,
    DeliverTwice,
    Garble,
    LandLate,
    LoseTheReply,
    LoseTheRequest,
    Refuse,
    Verdict,
)
from simulators.faults.weather import Weather
from simulators.firm.easy_rates import easy_rates
from simulators.firm.model import Firm
from simulators.firm.settings import EntitySpec, FirmSettings
from simulators.live import Approved, LiveFirm
from simulators.over_http import KINDS
from simulators.people.acts import Act, LineChanged, LinesApproved, LineWithdrawn
from simulators.settings import WorldSettings
from simulators.systems.erp import Erp
from simulators.systems.erp_profile import ErpProfile, Login
from simulators.systems.maintenance import Style
from simulators.systems.psa import Psa
from simulators.systems.reply import garbled

TIMEOUT_S = 30.0
"""How long a caller waits for an answer unless it says so."""
BEGINS_MS = 1_775_600_000_000
"""When virtual time begins: 2026-04-07 22:13 UTC, a week after the month whose time is approved."""


class NoAnswerError(TimeoutError):
    """No answer came. Whether the work was done, nobody knows."""


class VirtualClock:
    """Time that passes when somebody waits. What is due meanwhile happens on the way, in order.

    Not the clock of the simulated world: there nobody waits, here a timer of an integration may call a system, which
    takes time, within which other timers fall due.
    """

    def __init__(self, now_ms: int = BEGINS_MS) -> None:
        self.now_ms = now_ms
        """The instant, ms UTC."""
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = count()

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Let `act` happen so many seconds from now."""
        heappush(self._due, (self.now_ms + round(seconds * 1_000), next(self._numbers), act))

    def sleep(self, seconds: float) -> None:
        """Let time pass; in the place of `time.sleep`."""
        until_ms = self.now_ms + round(seconds * 1_000)
        while self._due and self._due[0][0] <= until_ms:
            at_ms, _, act = heappop(self._due)
            self.now_ms = max(self.now_ms, at_ms)
            act()
        self.now_ms = max(self.now_ms, until_ms)

    def time(self) -> float:
        """Seconds since 1970; in the place of `time.time` and `time.monotonic`."""
        return self.now_ms / 1_000


class FaultSchedule:
    """What befalls calls: verdicts for the next ones of a kind, and beside them faults by chance.

    Kinds of calls: post, look_up, token at the ERP; tell, recount, fetch at the PSA.
    """

    def __init__(self, live: LiveFirm, clock: VirtualClock) -> None:
        self._live = live
        self._clock = clock
        self._next: list[tuple[str, Verdict]] = []
        self.struck: list[tuple[str, Verdict]] = []
        """(kind of call, what befell it), in order."""

    def strike(self, kind: str, verdict: Verdict, times: int = 1) -> None:
        """The next so many calls of this kind meet this."""
        self._next += [(kind, verdict)] * times

    def by_chance(self, *faults: FaultData) -> None:
        """From now on these faults strike, by chance under the seed; none ends what was by chance before."""
        self._live.weather = Weather(faults, self._live.seed)

    def away(self, seconds: float, account: str = "", style: Style = "503_retry_after") -> None:
        """The first ERP, or the account of this name, is down for maintenance from now on."""
        now_ms = self._clock.now_ms
        name = account or next(iter(self._live.erps))
        system = self._live.erps.get(name) or self._live.psas[name]
        system.close(now_ms, now_ms + round(seconds * 1_000), "unannounced", style)

    def befalls(self, note: CallNote) -> Verdict:
        """What befalls this call."""
        found = next((one for one in self._next if one[0] == note.kind), None)
        if found is not None:
            self._next.remove(found)
            verdict = found[1]
        else:
            verdict = self._live.weather.call(note, self._clock.now_ms)
        if verdict is not PASS:
            self.struck.append((note.kind, verdict))
        return verdict


class MockSystem:
    """One account of a mock system, called as over HTTP; paths begin behind the account's URL."""

    def __init__(self, name: str, system: Erp | Psa, clock: VirtualClock, faults: FaultSchedule) -> None:
        self.account = name
        self.system = system
        self._clock = clock
        self._faults = faults
        self._tries: dict[str, int] = {}

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
    ) -> Response:
        """The answer, after the time it takes. Raises NoAnswerError."""
        request = Request(method, path, dict(headers or {}), body)
        verdict = self._faults.befalls(self._note(request))
        match verdict:
            case Refuse() if verdict.status:
                after = verdict.retry_after
                more = {} if after is None else {"Retry-After": after}
                return Response(verdict.status, more, verdict.body)
            case LoseTheRequest() | Refuse():
                return self._gives_up(timeout_s)
            case LandLate():
                self._later(verdict.after_ms, request)
                return self._gives_up(timeout_s)
        reply = self.system.answer(request, self._clock.now_ms)
        if isinstance(verdict, DeliverTwice) and reply.response.status not in DOORS:
            self._later(verdict.gap_ms, request)
        takes_s = (reply.delay_ms + (verdict.ms if isinstance(verdict, Delay) else 0)) / 1_000
        if isinstance(verdict, LoseTheReply) or takes_s > timeout_s:
            return self._gives_up(timeout_s)
        self._clock.sleep(takes_s)
        response = garbled(reply.response, verdict.how) if isinstance(verdict, Garble) else reply.response
        if response is None:
            raise NoAnswerError(f"{self.account}: the connection ended in the middle of the answer")
        return response

    def _gives_up(self, timeout_s: float) -> Response:
        self._clock.sleep(timeout_s)
        raise NoAnswerError(f"{self.account}: no answer within {timeout_s:g} s")

    def _later(self, after_ms: int, request: Request) -> None:
        self._clock.after(after_ms / 1_000, lambda: self._land(request))

    def _land(self, request: Request) -> None:
        self.system.answer(request, self._clock.now_ms)

    def _note(self, request: Request) -> CallNote:
        path = request.path.partition("?")[0]
        parts = path.strip("/").split("/")
        kind = KINDS.get(parts[-1], parts[-1])
        tries = self._tries[path] = self._tries.get(path, 0) + 1
        system = "erp" if isinstance(self.system, Erp) else "psa"
        entity = parts[1] if len(parts) > 2 else ""
        return CallNote(self.account, system, entity, kind, f"{path}/{tries}", request.body.count(b'"entry_id":'))


class Source:
    """The world as the source sees it: people approve, correct and take back, and finance moves periods."""

    def __init__(self, live: LiveFirm, clock: VirtualClock, faults: FaultSchedule) -> None:
        self.live = live
        self.clock = clock
        accounts: dict[str, Erp | Psa] = {**live.erps, **live.psas}
        self.systems = {name: MockSystem(name, system, clock, faults) for name, system in accounts.items()}
        """Every account, by name."""

    def reference_events(self) -> list[bytes]:
        """Plain events with projects, rates, periods, workers and assignments."""
        return self.live.reference_events()

    def approve(self, entries: int = 1) -> list[Approved]:
        """So many new entries, spread over the entities; their events are in `body`."""
        return list(self.live.approved(entries, self.clock.now_ms))

    def correct(self, entry_id: str, quarter_hours: int | None = None) -> list[Approved]:
        """Half an hour more, or so many quarters, approved again. Raises KeyError for an unknown entry."""
        entity, current = self._current(entry_id)
        more = current.quarter_hours + 2 if quarter_hours is None else quarter_hours
        approver = next(p.approver for p in self.live.firm.consultants if p.worker == current.assignment.worker)
        now_ms = self.clock.now_ms
        return self._does(
            LineChanged(now_ms, entity, entry_id, more), LinesApproved(now_ms, entity, approver, (entry_id,))
        )

    def withdraw(self, entry_id: str, reason: str = "cancelled") -> list[Approved]:
        """An approved entry is taken back. Raises KeyError for an unknown entry."""
        entity, _ = self._current(entry_id)
        return self._does(LineWithdrawn(self.clock.now_ms, entity, entry_id, reason))

    def move_period(self, entity: str, name: str, status: str = "", gate: str = "") -> bytes:
        """Finance moves a period; the plain event that tells of it. See `LiveFirm.move_period`."""
        return self.live.move_period(entity, name, status, gate, self.clock.now_ms)

    def lines(self, entry_id: str) -> list[Any]:
        """Every line of an entry that ever came to stand, reversals too, in the order of landing."""
        now_ms = self.clock.now_ms
        self.live.advance(now_ms)
        return [line for one in self.live.evidences.values() for line in one.lines if line.entry_id == entry_id]

    def _current(self, entry_id: str) -> tuple[str, Any]:
        for code, evidence in self.live.evidences.items():
            if entry_id in evidence.versions:
                return code, evidence.versions[entry_id][-1]
        raise KeyError(entry_id)

    def _does(self, *acts: Act) -> list[Approved]:
        return [one for act in acts for one in self.live.act(act, self.clock.now_ms)]


class Auditor:
    """Compares what was approved with what stands, by the auditors that judge our own runtime."""

    def __init__(self, live: LiveFirm, clock: VirtualClock) -> None:
        self._live = live
        self._clock = clock
        self._parked: dict[str, list[tuple[str, int, str, str]]] = {}

    def parked(self, entity: str, entry_id: str, version: int, reason: str = "") -> None:
        """Your integration says that this version does not stand, and why; without a word it is lost."""
        self._parked.setdefault(entity, []).append((entry_id, version, "parked", reason))

    def audit(self) -> dict[str, Any]:
        """What `simulators.live.audit` says: the breaches by name, counted, and examples of them."""
        self._live.advance(self._clock.now_ms)
        return self._live.audit(self._parked)

    def assert_clean(self) -> None:
        """Raises AssertionError with what is wrong, entry by entry, or when there was nothing to look at (rule 3)."""
        told = self.audit()
        wrong = [name for name in BREACHES if told[name]]
        said = "\n".join([f"{name}: {told[name]}" for name in wrong] + told["examples"])
        assert not wrong, f"the books are wrong\n{said}"
        assert told["approved"], "nothing was approved, so nothing is proved"
        assert told["standing"] or not told["expected"], "nothing stands, so nothing is proved"


BREACHES = ("lost", "double", "wrong_amount", "wrong_period", "wrong_order", "invented", "changed_rows")


# ------------------------------------------------------------------ fixtures


@pytest.fixture
def springtide_settings() -> WorldSettings:
    """A small firm in euros and yen, one ERP and one PSA, no login, no quota, no faults."""
    home = {"region": "EMEA", "erp_account": "erp", "psa_account": "psa"}
    entities: Iterable[dict[str, str]] = (
        {"code": "DE01", "country": "DE", "currency": "EUR", "zone": "Europe/Berlin"},
        {"code": "JP01", "country": "JP", "currency": "JPY", "zone": "Asia/Tokyo"},
    )
    specs = tuple(EntitySpec.model_validate(one | home) for one in entities)
    erp = ErpProfile(name="tested", quota=None, login=Login(required=False))
    return WorldSettings(firm=FirmSettings(consultants=16, entities=specs), erp=erp)


@pytest.fixture
def springtide_seed() -> int:
    """What chance depends on."""
    return 1


@pytest.fixture
def springtide_clock() -> VirtualClock:
    """Virtual time."""
    return VirtualClock()


@pytest.fixture
def springtide_live(
    springtide_settings: WorldSettings, springtide_seed: int, springtide_clock: VirtualClock
) -> LiveFirm:
    """The firm with its systems and evidence, as the other fixtures share it."""
    return LiveFirm(springtide_settings, springtide_seed, springtide_clock.now_ms, reprice=easy_rates)


@pytest.fixture
def springtide_firm(springtide_live: LiveFirm) -> Firm:
    """The ground truth: people, projects, rates, periods."""
    return springtide_live.firm


@pytest.fixture
def springtide_faults(springtide_live: LiveFirm, springtide_clock: VirtualClock) -> FaultSchedule:
    """The fault schedule; empty."""
    return FaultSchedule(springtide_live, springtide_clock)


@pytest.fixture
def springtide_world(
    springtide_live: LiveFirm, springtide_clock: VirtualClock, springtide_faults: FaultSchedule
) -> Source:
    """The source, and all systems by account."""
    return Source(springtide_live, springtide_clock, springtide_faults)


@pytest.fixture
def springtide_erp(springtide_world: Source) -> MockSystem:
    """The first ERP account."""
    return springtide_world.systems[next(iter(springtide_world.live.erps))]


@pytest.fixture
def springtide_psa(springtide_world: Source) -> MockSystem:
    """The first PSA account."""
    return springtide_world.systems[next(iter(springtide_world.live.psas))]


@pytest.fixture
def springtide_auditor(springtide_live: LiveFirm, springtide_clock: VirtualClock) -> Auditor:
    """The auditor."""
    return Auditor(springtide_live, springtide_clock)
