"""What is asked of an integration, and when: real time, real sockets, one misfortune after the other.

    reference data ─▶ calm ─▶ STEPS, one by one ─▶ calm until everything stands, nothing moves, or time is up
                                 │
      approve at the mock PSA ───┤   Postman ── webhook, again until it is taken ──▶ integration
      faults on its calls        │   MockSystems ◀── posts, look-ups, statuses, listings ──┘
      kill -9                    └─▶ Seen: all that the card is made of

Rule 1. The integration is a black box. What it takes in and what it does to the mock systems is all that counts; it
        says where an entry is that does not stand by telling the PSA "parked".
Rule 2. A fault strikes by entry and not by clock: the first call that carries an entry of a step loses its reply,
        however slow the integration is and however it batches. So a fault that was due did strike, or nothing came.
Rule 3. The next step begins when the entries of the last one stand, or when nothing moves any more.
Rule 4. The postman is as postmen are: several at once, no order, again until a 2xx. Who answers 2xx has it.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from time import time
from urllib.parse import urlsplit

import msgspec

from runtime.ports import Request, Response
from scenarios.conform.firm import ERP, LATE_LANDING_MS, MAIN, PSA, QUOTA, YEN, founded, quarters
from scenarios.live.parts import Part, PartFailedError
from scenarios.live.timeline import TimeLine
from simulators.auditors.story import GIVEN_UP, by_entry, pair
from simulators.chance import between
from simulators.evidence import PsaStatus
from simulators.faults.verdicts import PASS, CallNote, Delay, LoseTheReply, Refuse, Verdict
from simulators.firm.build import is_working_day
from simulators.firm.model import AssignmentPlan
from simulators.live import LiveFirm
from simulators.over_http import MockSystems, served
from simulators.people.acts import Act, LineChanged, LinePlan, LinesApproved, LineWithdrawn, SheetPlan, SheetSubmitted
from simulators.systems.reply import seconds_until

SECRET = "conform"  # noqa: S105  # a secret of mock systems is none; it is told to the integration in its environment
RETRY_AFTER_S = 3
AWAY_S = 6
DOWN_S = 1.0
"""How long a killed integration stays away before it is started again."""
MASTER_DATA_S = 2.5
"""How long the project, and the news of the closed period, are late (assumed: enough to be refused first)."""
STEP_S = 20.0
"""The longest one step may take (ours)."""
QUIET_S = 16.0
"""How long an integration may rest between two calls before it counts as done (assumed)."""
POSTING_S = 4.0
"""How long the kill waits for a call to strike."""
DEADLINE_S = 60.0
"""How long everything may take to settle at the end, unless more is asked for."""
START_S = 60.0
LAST_STATUS_S = 1.5
"""After everything stands, so long for the last statuses."""
POSTMEN = 4
POST_S = 5.0
"""How long a postman waits for an answer."""

CALM, LOST, THROTTLED, AWAY, DUPLICATED, REORDERED, MISSED, CLOSED, LATE, CORRECTED, WITHDRAWN, KILLED = (
    "calm",
    "lost_replies",
    "throttling",
    "maintenance",
    "duplicates",
    "reordering",
    "missing",
    "closed_period",
    "late_project",
    "corrections",
    "withdrawals",
    "kill",
)
SHARES = {
    CALM: 14,
    LOST: 12,
    THROTTLED: 10,
    AWAY: 12,
    DUPLICATED: 8,
    REORDERED: 6,
    MISSED: 5,
    CLOSED: 6,
    LATE: 6,
    CORRECTED: 8,
    WITHDRAWN: 5,
    KILLED: 8,
}
"""Per cent of the entries that each step has (ours)."""
FAULTS = tuple(name for name in SHARES if name != CALM)
"""What may be asked for by name."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is exercised, and how."""

    url: str = ""
    """Where webhooks go; empty: the integration asks the PSA itself."""
    command: tuple[str, ...] = ()
    """What starts it; empty: it runs already, and nobody kills it."""
    entries: int = 80
    seed: int = 1
    faults: tuple[str, ...] = FAULTS
    psa_port: int = 0
    erp_port: int = 0
    patience_s: float | None = None
    """How long it may take to settle, however quiet it is; None: until nothing moved for a while."""
    quiet_s: float = QUIET_S
    """Nothing reached the ERP for so long: it has done what it will do. Within a step a quarter of it is enough."""


@dataclass(slots=True)
class Cohort:
    """The entries of one step: (legal entity, entry)."""

    name: str
    entries: list[tuple[str, str]] = field(default_factory=list)
    struck: dict[str, None] = field(default_factory=dict)
    """Those that its fault has met."""
    began_ms: int = 0
    healed_ms: int = 0
    """When the misfortune was over; from here on recovery is counted."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A call of the integration, from its arrival to its answer. `status` None: the connection broke."""

    system: str
    kind: str
    at_ms: int
    over_ms: int
    status: int | None
    retry_after_ms: int
    rows: tuple[str, ...]
    """Entry, version and leg of each row that it wanted to post."""


@dataclass(slots=True)
class Seen:
    """Everything that the card is made of."""

    plan: Plan
    live: LiveFirm
    cohorts: dict[str, Cohort] = field(default_factory=dict)
    calls: list[Heard] = field(default_factory=list)
    away: tuple[int, int] = (0, 0)
    """From when until when the ERP was down."""
    settled: bool = False
    """Everything stood as it should before time was up."""
    quiet: bool = False
    """Nothing moved any more."""
    seconds: float = 0.0
    failed: str = ""
    """Why the exercise ended early."""


class _Row(msgspec.Struct):
    entry_id: str = ""
    version: int = 0
    leg: str = ""


class _Batch(msgspec.Struct):
    rows: list[_Row] = []


_NOTHING_SAID = PsaStatus("", 0, "")
_read_batch = msgspec.json.Decoder(_Batch).decode
Strikes = Callable[[CallNote, tuple[_Row, ...], int], Verdict | None]


async def exercise(plan: Plan, folder: Path, timeline: TimeLine, ready: Callable[[dict[str, str]], None]) -> Seen:
    """Run it; what the integration logs is in `folder` afterwards. `ready` is told the environment it works in.

    Raises OSError where a port is taken.
    """
    async with AsyncExitStack() as stack:
        app = MockSystems(lambda now_ms: founded(plan.seed, now_ms))
        scene = _Scene(plan, folder, timeline, app)
        psa, erp = await stack.enter_async_context(served(app, plan.psa_port, plan.erp_port))
        scene.environ = {
            "SPRINGTIDE_PSA_URL": f"{psa}/psa/{PSA}",
            "SPRINGTIDE_ERP_URL": f"{erp}/erp/{ERP}",
            "SPRINGTIDE_REFERENCE_URL": f"{psa}/admin/reference",
            "SPRINGTIDE_ENTITIES": f"{MAIN},{YEN}",
            "SPRINGTIDE_WEBHOOK_URL": plan.url,
            "SPRINGTIDE_WEBHOOK_SECRET": SECRET,
            "SPRINGTIDE_ERP_QUOTA_CALLS": str(QUOTA.calls),
            "SPRINGTIDE_ERP_QUOTA_WINDOW_MS": str(QUOTA.window_ms),
            "SPRINGTIDE_LATE_LANDING_MS": str(LATE_LANDING_MS),
        }
        ready(scene.environ)
        stack.push_async_callback(scene.end)
        try:
            await scene.play()
        except PartFailedError as fault:
            scene.seen.failed = str(fault)
        scene.finish()
        return scene.seen


class _Scene:
    """One exercise while it runs."""

    def __init__(self, plan: Plan, folder: Path, timeline: TimeLine, app: MockSystems) -> None:
        self.plan = plan
        self.folder = folder
        self.timeline = timeline
        self.app = app
        self.live = app.live
        self.seen = Seen(plan, app.live)
        self.environ: dict[str, str] = {}
        self.child: Part | None = None
        self.postman = Postman(plan.url) if plan.url else None
        self._strikes: list[Strikes] = []
        self._numbers = 1000
        self._last_erp_ms = 0
        app.befalls = self._befalls
        app.answered = self._answered

    # ---------------------------------------------------------------- the play

    async def play(self) -> None:
        """Everything in order."""
        await self._start()
        if self.postman is not None:
            await self.postman.carry(self.live.reference_events(), within_s=START_S)
        self._note("ready", "the integration has the reference data; a calm beginning")
        await self._calm()
        if not self._any_stands():
            self.seen.failed = "it posted nothing, although nothing went wrong"
            return
        for names, step in STEPS:
            if any(name in self.plan.faults for name in names):
                await step(self)
        self._note("calm", "nothing goes wrong any more")
        await self._settle()

    async def _start(self) -> None:
        if self.plan.command:
            self._launch()
        until_ms = self.app.now_ms() + int(START_S * 1000)
        if self.postman is None:
            self._note("waiting", "waiting for the integration to ask the PSA")
            while not self.seen.calls:
                if self.app.now_ms() > until_ms:
                    raise PartFailedError("nobody asked the PSA for anything")
                await asyncio.sleep(0.1)
            return
        self._note("waiting", f"waiting for somebody to listen at {self.plan.url}")
        while not await self.postman.is_heard():
            if self.child is not None and not self.child.lives:
                raise PartFailedError(f"the integration ended by itself: {self.child.last_words()}")
            if self.app.now_ms() > until_ms:
                raise PartFailedError(f"nobody listens at {self.plan.url}")
            await asyncio.sleep(0.1)

    def _launch(self) -> None:
        try:
            self.child = Part("integration", self.plan.command, self.folder, self.environ)
        except OSError as fault:
            raise PartFailedError(f"{self.plan.command[0]}: {fault.strerror}") from fault

    async def end(self) -> None:
        """Nothing of ours goes on."""
        if self.postman is not None:
            self.postman.stop()
        if self.child is not None:
            await asyncio.to_thread(self.child.end, 5.0)

    def finish(self) -> None:
        """Write down how it stands."""
        self.live.advance(self.app.now_ms())
        if self.child is not None and not self.child.lives and not self.seen.failed:
            self.seen.failed = f"the integration ended by itself: {self.child.last_words()}"
        self.seen.quiet = self._quiet_for_s() >= self._step_quiet_s
        self.seen.seconds = self.timeline.now_ms() / 1_000

    def _note(self, what: str, text: str) -> None:
        self.timeline.note(what, text)

    # ---------------------------------------------------------------- steps

    async def _calm(self) -> None:
        cohort = self._cohort(CALM)
        bodies = self._approve(cohort, self._size(CALM))
        for name in (CORRECTED, WITHDRAWN):
            if name in self.plan.faults:
                bodies += self._approve(self._cohort(name), self._size(name))
        self._deliver(bodies)
        await self._until_stands(*self.seen.cohorts.values())

    async def _lose_replies(self) -> None:
        cohort = self._cohort(LOST)

        def strikes(note: CallNote, rows: tuple[_Row, ...], now_ms: int) -> Verdict | None:
            new = _new_ones(cohort, rows)
            cohort.struck.update(new)
            return LoseTheReply() if new else None

        self._deliver(self._approve(cohort, self._size(LOST)))
        self._note(LOST, f"{len(cohort.entries)} entries: the ERP posts them, and its answer is lost")
        await self._until_stands(cohort, strikes=strikes)

    async def _throttle(self) -> None:
        cohort = self._cohort(THROTTLED)
        until_ms = 0

        def strikes(note: CallNote, rows: tuple[_Row, ...], now_ms: int) -> Verdict | None:
            nonlocal until_ms
            if not until_ms and _new_ones(cohort, rows):
                until_ms = cohort.healed_ms = now_ms + RETRY_AFTER_S * 1_000
            if not now_ms < until_ms:
                return None
            cohort.struck.update(_new_ones(cohort, rows))
            # Whole seconds, rounded up: who waits as long as we say is let in.
            return Refuse(429, seconds_until(until_ms, now_ms), b'{"error":"throttled"}')

        self._deliver(self._approve(cohort, self._size(THROTTLED)))
        self._note(THROTTLED, f"{len(cohort.entries)} entries, and the ERP says 429, Retry-After: {RETRY_AFTER_S}")
        await self._until_stands(cohort, strikes=strikes)

    async def _go_away(self) -> None:
        cohort = self._cohort(AWAY)
        now_ms = self.app.now_ms()
        until_ms = cohort.healed_ms = now_ms + AWAY_S * 1_000
        self.seen.away = (now_ms, until_ms)
        self.live.erps[ERP].close(now_ms, until_ms, "unannounced", "503_retry_after")
        self._deliver(self._approve(cohort, self._size(AWAY)))
        self._note(AWAY, f"{len(cohort.entries)} entries, and the ERP is down for {AWAY_S} s of maintenance")
        await asyncio.sleep(AWAY_S)
        await self._until_stands(cohort)

    async def _muddle(self) -> None:
        """Events twice, in the wrong order, and one that never comes."""
        possible = (DUPLICATED, REORDERED, MISSED) if self.postman is not None else (MISSED,)
        wanted = [name for name in possible if name in self.plan.faults]
        cohorts = {name: self._cohort(name) for name in wanted}
        if DUPLICATED in cohorts:
            bodies = self._approve(cohorts[DUPLICATED], self._size(DUPLICATED))
            self._deliver([body for body in bodies for _ in range(2)])
            self._note(DUPLICATED, f"{len(bodies)} entries, each event delivered twice at once and once more later")
            self._later(1.0, bodies)
        if REORDERED in cohorts:
            first = self._approve(cohorts[REORDERED], self._size(REORDERED))
            second = self._change(cohorts[REORDERED])
            self._deliver(second)
            self._note(REORDERED, f"{len(first)} entries, version 2 arrives before version 1")
            self._later(1.0, first)
        if MISSED in cohorts:
            self._approve(cohorts[MISSED], self._size(MISSED))
            self._note(
                MISSED, f"{len(cohorts[MISSED].entries)} entries whose event is never sent; the listing has them"
            )
        await asyncio.sleep(1.2)
        await self._until_stands(*cohorts.values())

    async def _close_books(self) -> None:
        """What business brings: a closed period, a project that is set up late, corrections, withdrawals."""
        wanted: tuple[tuple[str, Callable[[], Awaitable[None]]], ...] = (
            (CLOSED, self._close_period),
            (LATE, self._set_up_late),
            (CORRECTED, self._correct),
            (WITHDRAWN, self._withdraw),
        )
        await asyncio.gather(*(act() for name, act in wanted if name in self.plan.faults))

    async def _close_period(self) -> None:
        cohort = self._cohort(CLOSED)
        month = f"{self.live.firm.month_first:%Y-%m}"
        closed = self.live.move_period(YEN, month, "closed", "shut", self.app.now_ms())
        self._deliver(self._approve(cohort, self._size(CLOSED), YEN))
        self._note(CLOSED, f"{len(cohort.entries)} entries of {YEN}, whose period has just closed")
        await asyncio.sleep(MASTER_DATA_S)
        self._deliver([closed])
        await self._until_stands(cohort, or_parked=True)
        cohort.healed_ms = self.app.now_ms()
        self._deliver([self.live.move_period(YEN, month, "open", "open", self.app.now_ms())])
        self._note("reopened", f"the period of {YEN} is open again")
        await self._until_stands(cohort)

    async def _set_up_late(self) -> None:
        cohort = self._cohort(LATE)
        project = self.live.late[0]
        self._deliver(self._approve(cohort, self._size(LATE), project=project))
        self._note(LATE, f"{len(cohort.entries)} entries for project {project}, which the ERP does not know yet")
        await asyncio.sleep(MASTER_DATA_S)
        cohort.healed_ms = self.app.now_ms()
        self._deliver([self.live.set_up(project)])
        self._note("set_up", f"project {project} is set up")
        await self._until_stands(cohort)

    async def _correct(self) -> None:
        cohort = self.seen.cohorts[CORRECTED]
        cohort.healed_ms = self.app.now_ms()
        self._deliver(self._change(cohort))
        self._note(CORRECTED, f"{len(cohort.entries)} posted entries are corrected")
        await self._until_stands(cohort)

    async def _withdraw(self) -> None:
        cohort = self.seen.cohorts[WITHDRAWN]
        cohort.healed_ms = self.app.now_ms()
        acts: list[Act] = [LineWithdrawn(self.app.now_ms(), *one, "cancelled") for one in cohort.entries]
        self._deliver(self._does(acts))
        self._note(WITHDRAWN, f"{len(cohort.entries)} posted entries are withdrawn")
        await self._until_stands(cohort)

    async def _kill(self) -> None:
        cohort = self._cohort(KILLED)
        if self.child is None:
            self._note(KILLED, "nobody is killed: without --run we did not start it")
            return
        met = asyncio.Event()

        def strikes(note: CallNote, rows: tuple[_Row, ...], now_ms: int) -> Verdict | None:
            new = _new_ones(cohort, rows)
            cohort.struck.update(new)
            if not new or met.is_set():
                return None
            met.set()
            # The rows are posted, and by the time the answer leaves nobody is there to read it.
            return Delay(int(POSTING_S * 1_000))

        self._strikes.append(strikes)
        self._deliver(self._approve(cohort, self._size(KILLED)))
        try:
            await asyncio.wait_for(met.wait(), POSTING_S)
        except TimeoutError:
            # It takes its time before it posts: the kill meets what waits in its memory, and that is a question too.
            cohort.struck.update({entry_id: None for _, entry_id in cohort.entries})
        await asyncio.to_thread(self.child.kill)
        self._note(KILLED, f"{len(cohort.entries)} entries on their way, and the integration is killed with -9")
        await asyncio.sleep(DOWN_S)
        self._launch()
        await self._start_again()
        cohort.healed_ms = self.app.now_ms()
        self._note("started", "it is started again")
        await self._until_stands(cohort)
        self._strikes.remove(strikes)

    async def _start_again(self) -> None:
        until_ms = self.app.now_ms() + int(START_S * 1000)
        while self.postman is not None and not await self.postman.is_heard():
            assert self.child is not None, "it was just started"
            if not self.child.lives or self.app.now_ms() > until_ms:
                raise PartFailedError(f"the integration did not come back: {self.child.last_words()}")
            await asyncio.sleep(0.05)

    async def _settle(self) -> None:
        patience_s = DEADLINE_S if self.plan.patience_s is None else self.plan.patience_s
        until_ms = self.app.now_ms() + int(patience_s * 1_000)
        while self.app.now_ms() < until_ms:
            if self._all_stand(self.seen.cohorts.values()):
                self.seen.settled = True
                self._note("settled", "everything stands as it should")
                await self._last_statuses()
                return
            if self.plan.patience_s is None and self._quiet_for_s() > self.plan.quiet_s:
                self._note("quiet", f"not everything stands, and nothing moves since {self.plan.quiet_s:g} s")
                return
            await asyncio.sleep(0.1)
        self._note("late", "time is up")

    async def _last_statuses(self) -> None:
        """Who tells the PSA at all may finish telling it."""
        until_ms = self.app.now_ms() + int(self.plan.quiet_s * 1_000)
        await asyncio.sleep(LAST_STATUS_S)
        while self.app.now_ms() < until_ms and self._some_untold():
            await asyncio.sleep(0.1)

    def _some_untold(self) -> bool:
        told = [evidence.psa for evidence in self.live.evidences.values()]
        if not any(told):
            return False
        return any(
            evidence.psa.get(entry_id, _NOTHING_SAID).status != "posted"
            for evidence in self.live.evidences.values()
            for entry_id, versions in evidence.versions.items()
            if not versions[-1].withdrawn
        )

    # ---------------------------------------------------------------- what people do

    def _cohort(self, name: str) -> Cohort:
        cohort = self.seen.cohorts[name] = Cohort(name, began_ms=self.app.now_ms())
        return cohort

    def _size(self, name: str) -> int:
        return max(2, self.plan.entries * SHARES[name] // 100)

    def _approve(self, cohort: Cohort, count: int, entity: str = "", project: str = "") -> list[bytes]:
        """So many new entries; by default three in four of the main entity, and the rest in yen."""
        acts: list[Act] = []
        for number in range(count):
            code = entity or (MAIN if project or number % 4 != 3 else YEN)
            self._numbers += 1
            entry_id = f"TS-{self._numbers}"
            plans = self._plans(code, project)
            plan = plans[between(0, len(plans) - 1, self.plan.seed, "conform/plan", entry_id)]
            sheet = self._sheet(entry_id, code, plan)
            now_ms = self.app.now_ms()
            acts += [SheetSubmitted(now_ms, sheet), LinesApproved(now_ms, code, sheet.approver, (entry_id,))]
            cohort.entries.append((code, entry_id))
        return self._does(acts)

    def _plans(self, entity: str, project: str) -> list[AssignmentPlan]:
        late = self.live.late
        return [
            one
            for one in self.live.firm.assignments
            if one.entity == entity and (one.project == project if project else one.project not in late)
        ]

    def _sheet(self, entry_id: str, entity: str, plan: AssignmentPlan) -> SheetPlan:
        firm, seed = self.live.firm, self.plan.seed
        holidays = self.live.by_code[entity].holidays
        days = [day for day in _days(firm.month_first, firm.month_last) if is_working_day(day, holidays)]
        day = days[between(0, len(days) - 1, seed, "conform/day", entry_id)]
        line = LinePlan(
            entry_id,
            1,
            plan,
            day,
            quarters(seed, entry_id),
            "standard",
            True,
            f"{plan.task} as agreed",
            self.app.now_ms(),
        )
        return SheetPlan(f"SHEET-{entry_id}", plan.worker, self._approver(plan), entity, day, [line])

    def _approver(self, plan: AssignmentPlan) -> str:
        return next(one.approver for one in self.live.firm.consultants if one.worker == plan.worker)

    def _change(self, cohort: Cohort) -> list[bytes]:
        """Half an hour more for each, approved."""
        acts: list[Act] = []
        now_ms = self.app.now_ms()
        for entity, entry_id in cohort.entries:
            before = self.live.evidences[entity].versions[entry_id][-1]
            acts += [
                LineChanged(now_ms, entity, entry_id, before.quarter_hours + 2),
                LinesApproved(now_ms, entity, self._approver(before.assignment), (entry_id,)),
            ]
        return self._does(acts)

    def _does(self, acts: Iterable[Act]) -> list[bytes]:
        now_ms = self.app.now_ms()
        return [one.body for act in acts for one in self.live.act(act, now_ms)]

    def _deliver(self, bodies: list[bytes]) -> None:
        if self.postman is not None:
            self.postman.send(bodies)

    def _later(self, seconds: float, bodies: list[bytes]) -> None:
        asyncio.get_running_loop().call_later(seconds, self._deliver, bodies)

    # ---------------------------------------------------------------- what befalls calls

    def _befalls(self, note: CallNote, request: Request, now_ms: int) -> Verdict:
        if note.system != "erp":
            return PASS
        self._last_erp_ms = now_ms
        rows = _rows(note, request)
        return next((found for strikes in self._strikes if (found := strikes(note, rows, now_ms))), PASS)

    def _answered(self, note: CallNote, request: Request, response: Response | None, at_ms: int) -> None:
        headers = {} if response is None else {name.lower(): text for name, text in response.headers.items()}
        after = headers.get("retry-after", "")
        rows = tuple(f"{row.entry_id} version {row.version} {row.leg}" for row in _rows(note, request))
        self.seen.calls.append(
            Heard(
                note.system,
                note.kind,
                at_ms,
                self.app.now_ms(),
                None if response is None else response.status,
                int(after) * 1_000 if after.isdecimal() else 0,
                rows,
            )
        )

    # ---------------------------------------------------------------- how it stands

    async def _until_stands(self, *cohorts: Cohort, strikes: Strikes | None = None, or_parked: bool = False) -> None:
        """Wait, with this misfortune on all calls meanwhile (rule 3); what is told as parked may count as an answer."""
        if strikes is not None:
            self._strikes.append(strikes)
        began_ms = self.app.now_ms()
        while self.app.now_ms() - began_ms < STEP_S * 1_000 and not self._all_stand(cohorts):
            waited_s = (self.app.now_ms() - began_ms) / 1_000
            if min(waited_s, self._quiet_for_s()) > self._step_quiet_s or (or_parked and self._all_parked(cohorts)):
                break
            await asyncio.sleep(0.05)
        if strikes is not None:
            self._strikes.remove(strikes)

    @property
    def _step_quiet_s(self) -> float:
        return self.plan.quiet_s / 4

    def _quiet_for_s(self) -> float:
        return (self.app.now_ms() - self._last_erp_ms) / 1_000

    def _all_parked(self, cohorts: Iterable[Cohort]) -> bool:
        return all(
            entry_id in said_parked(self.seen, entity) for cohort in cohorts for entity, entry_id in cohort.entries
        )

    def _any_stands(self) -> bool:
        return any(evidence.lines for evidence in self.live.evidences.values())

    def _all_stand(self, cohorts: Iterable[Cohort]) -> bool:
        self.live.advance(self.app.now_ms())
        lines = {code: by_entry(evidence.lines) for code, evidence in self.live.evidences.items()}
        for cohort in cohorts:
            for entity, entry_id in cohort.entries:
                current = self.live.evidences[entity].versions[entry_id][-1]
                standing = [line.version for line in pair(lines[entity].get(entry_id, []))[0]]
                if standing != ([] if current.withdrawn else [current.version]):
                    return False
        return True


Step = Callable[[_Scene], Awaitable[None]]
STEPS: tuple[tuple[tuple[str, ...], Step], ...] = (
    ((LOST,), _Scene._lose_replies),
    ((THROTTLED,), _Scene._throttle),
    ((AWAY,), _Scene._go_away),
    ((DUPLICATED, REORDERED, MISSED), _Scene._muddle),
    ((CLOSED, LATE, CORRECTED, WITHDRAWN), _Scene._close_books),
    ((KILLED,), _Scene._kill),
)
"""The steps in their order, and what each is there for."""


def _new_ones(cohort: Cohort, rows: tuple[_Row, ...]) -> dict[str, None]:
    """Entries of the cohort in this call that its fault has not met yet."""
    known = {entry_id for _, entry_id in cohort.entries}
    return {row.entry_id: None for row in rows if row.entry_id in known and row.entry_id not in cohort.struck}


def _rows(note: CallNote, request: Request) -> tuple[_Row, ...]:
    if note.kind != "post":
        return ()
    try:
        return tuple(_read_batch(request.body).rows)
    except msgspec.DecodeError:
        return ()


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


# ------------------------------------------------------------------ the postman


class Postman:
    """Delivers events to a webhook, several at once, each again until it is answered with a 2xx."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._pool = ThreadPoolExecutor(POSTMEN, thread_name_prefix="postman")
        self._tasks: dict[asyncio.Task[None], None] = {}

    def send(self, bodies: Iterable[bytes]) -> None:
        """Deliver these, in no order."""
        for body in bodies:
            task = asyncio.get_running_loop().create_task(self._carry(body, None))
            self._tasks[task] = None
            task.add_done_callback(self._tasks.pop)

    async def carry(self, bodies: Iterable[bytes], within_s: float) -> None:
        """Deliver these one after the other. Raises PartFailedError when one is not taken in time."""
        for body in bodies:
            await self._carry(body, within_s)

    async def is_heard(self) -> bool:
        """Whether somebody listens at all."""
        try:
            _, writer = await asyncio.open_connection(self._url.hostname, self._port)
        except OSError:
            return False
        writer.close()
        return True

    def stop(self) -> None:
        """Deliver nothing any more."""
        for task in list(self._tasks):
            task.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def _port(self) -> int:
        return self._url.port or (443 if self._url.scheme == "https" else 80)

    async def _carry(self, body: bytes, within_s: float | None) -> None:
        loop = asyncio.get_running_loop()
        began_s, tries = loop.time(), 0
        while True:
            status = await loop.run_in_executor(self._pool, self._post, body)
            if 200 <= status < 300:
                return
            tries += 1
            if within_s is not None and loop.time() - began_s > within_s:
                said = f"answered with {status}" if status else "not answered"
                raise PartFailedError(f"a webhook was {said}, {tries} times: {body[:120].decode()}")
            await asyncio.sleep(min(2.0, 0.25 * 2 ** min(tries, 8)))

    def _post(self, body: bytes) -> int:
        """The status; 0 where nobody answered."""
        signed_s = int(time())
        signature = hmac.new(SECRET.encode(), b"%d." % signed_s + body, "sha256").hexdigest()
        headers = {"Content-Type": "application/json", "Springtide-Signature": f"t={signed_s},v1={signature}"}
        connect = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        connection = connect(self._url.hostname or "", self._port, timeout=POST_S)
        path = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, HTTPException):
            return 0
        finally:
            connection.close()


def said_parked(seen: Seen, entity: str) -> dict[str, int]:
    """Entry to the version that the integration told the PSA it has given up for now."""
    told = seen.live.evidences[entity].psa
    return {entry_id: one.version for entry_id, one in told.items() if one.status in GIVEN_UP}
