"""The prediction of a load run: the same requests at the same instants, in virtual time.

    Load.deliveries ─▶ the gateway's own reading of each body ─▶ partitions ─▶ mock ERPs ─▶ landings
         └─▶ approved.csv                                                         └─▶ landings.csv

Rule 1. What is predicted is what is run: the same requests, the same mock systems with the same quotas times the
        factor, the same policies, the same faults of the calendar at the same instants of run time, as far as a load
        run can bring them (`misfortunes`). The clock alone differs, and the draws of chance, which are of the same
        distribution.
Rule 2. What costs a real runtime its CPU and its disk takes no time here, unless the profile says how much (`own`), as
        a calibrated one does. A runtime that keeps up waits for its systems, not for itself; where one does not,
        prediction and measurement part, and that is what a comparison is for.
Rule 3. Nobody tells the mock source what is handed in: the runtime asks it nothing within a load.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from math import exp, log
from pathlib import Path
from statistics import NormalDist
from typing import Any

from runtime.core.account import AccountPolicy
from runtime.core.model import Place
from runtime.core.policy import Policy
from runtime.gateway.events import elements_of, lines_of, read_items
from runtime.gateway.gate import Action
from scenarios.load.calendar import LoadCalendar
from scenarios.load.deliveries import LINES, Delivery, Load
from scenarios.load.misfortunes import STOPPED, ProcessStrike, plan
from scenarios.load.profile import LoadProfile, compressed
from scenarios.load.results import APPROVED, LANDINGS, LandingRow, LoadRun, Outage, Put, write_run
from scenarios.load.targets import KILLED
from simulators.chance import PPM, chance
from simulators.faults.moves import AnswerInstead, CloseSystem, CutOff, Move, StopProcess
from simulators.firm.model import Firm
from simulators.systems.erp_profile import ErpProfile
from simulators.world import UNFINISHED, World

DEPTH = 64
"""Nested JSON, at most: the runtime's own default."""
REDELIVERY_MS = 2_000
"""How long after the runtime is back a request that it did not take comes again (ours: a generator waits half a second,
then twice as long each time, up to eight)."""
STEP_MS = 1_000
"""How often it is looked whether everything stands."""
ITEMS = 10_000
OUTAGES = (CloseSystem, CutOff, AnswerInstead)
"""Moves that keep the runtime from a system."""
Told = Callable[[int, int, int], None]
"""(instant on the world's clock, versions that wait, lines that stand), for a progress bar."""


def predict(
    profile: LoadProfile, folder: Path, *, draws: int = 1, told: Told = lambda _now_ms, _backlog, _posted: None
) -> LoadRun:
    """Simulate a load run and write its folder. 130 to 160 µs and 7 KB a row (measured: 130,000 rows in 20 s, 1 GB).

    `draws`: under so many draws of the systems' chance the same requests are simulated, the first one being that of
    the profile's seed; the others are written to folders of their own inside (`drawn`), so that a comparison can tell
    chance from error.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stale = [one for one in drawn(folder)[1:] if LANDINGS.there(one)]
    for number in range(draws, len(stale) + 1):
        (folder / f"{DRAW}{number + 1}" / LANDINGS.name).unlink()
    load = Load(profile, source=False)
    run = LoadRun(kind="simulated", profile=profile, outages=(*outages(load.calendar), *_deaths(load.calendar)))
    for number in range(1, draws + 1):
        into = folder if number == 1 else folder / f"{DRAW}{number}"
        into.mkdir(exist_ok=True)
        with APPROVED.writing(folder) if number == 1 else nullcontext(_nobody) as put:
            world = LoadWorld(load, put, chance(profile.seed, "load/draw", number) >> 1 if number > 1 else profile.seed)
            ended_ms = world.happens(told)
        LANDINGS.write(into, world.landings())
        world.let_go()
        run = run.model_copy(update={"ended_ms": max(run.ended_ms, ended_ms)})
    write_run(folder, run)
    return run


def drawn(folder: Path) -> list[Path]:
    """The folders with the landings of each draw: the run's own first."""
    return [folder, *sorted(one for one in folder.glob(f"{DRAW}*") if LANDINGS.there(one))]


DRAW = "draw-"
_NORMAL = NormalDist()


def _nobody(rows: Iterable[tuple[Any, ...]], /) -> None:
    """What was approved is the same under every draw, and written once."""


def outages(calendar: LoadCalendar) -> tuple[Outage, ...]:
    """Times in which the calendar keeps the runtime from a system, in run time."""
    return tuple(
        Outage(kind=move.kind, what=move.account, from_ms=move.at_ms, until_ms=move.until_ms)
        for move in calendar.moves()
        if isinstance(move, OUTAGES)
    )


def _deaths(calendar: LoadCalendar) -> Iterator[Outage]:
    """Times in which the runtime itself is away: one that strikes while it is down has struck already."""
    restart_ms = calendar.profile.scenario.world.runtime.restart_ms
    until_ms = 0
    for strike in plan(calendar).processes:
        if strike.at_ms < until_ms:
            continue
        stopped = isinstance(strike, StopProcess)
        until_ms = strike.at_ms + (strike.for_ms if isinstance(strike, StopProcess) else restart_ms)
        yield Outage(kind=STOPPED if stopped else KILLED, from_ms=strike.at_ms, until_ms=until_ms)


class LoadWorld(World):
    """The world of a load: no people act in it and no finance; requests arrive. Its clock starts with the load."""

    def __init__(self, load: Load, approved: Put, seed: int) -> None:
        """`approved` is given the lines of approved.csv as they come; `seed` is what the systems' chance depends on."""
        self.load = load
        self.profile = load.profile
        self._approved = approved
        codes = [entity.code for entity in load.calendar.entities]
        settings = compressed(load.profile).world
        firm = _known_from_the_start(load.calendar.firm, load.calendar.start_ms)
        told_at_once = settings.psa.status_batch_max
        super().__init__(settings, seed, firm, (), codes, partial(_as_deployed, told_at_once))
        self._requests = 0
        for desk in self.desks.values():
            desk.wire_ms = load.profile.wire_ms
        for lane in self.lanes.values():
            lane.redelivery_ms = REDELIVERY_MS
        if load.profile.own.turn_ms:
            for lane in self.lanes.values():
                lane.slow.append((self.clock.now_ms, self.end_ms, load.profile.own.turn_ms))

    def _erp_account(self, account: str, profile: ErpProfile) -> AccountPolicy:
        probes: dict[str, Any] = dict(self.profile.probes)
        return replace(super()._erp_account(account, profile), **probes)

    def happens(self, told: Told) -> int:
        """Let it happen until everything stands, or nobody waits any longer; when that was, in run time."""
        for lane in self.lanes.values():
            lane.wake_up()
        self._publish_reference_data()
        start_ms, profile = self.load.calendar.start_ms, self.profile
        planned = plan(self.load.calendar)
        for move in (*planned.accounts, *planned.people):
            later = {name: getattr(move, name) + start_ms for name in _INSTANTS if hasattr(move, name)}
            moved: Move = replace(move, **later)
            self.clock.at(moved.at_ms, partial(self._carry_out, moved))
        for strike in planned.processes:
            self.clock.at(strike.at_ms + start_ms, partial(self._befall_everybody, strike))
        self._next(self.load.deliveries())
        most_ms = self.load.calendar.patience_ms
        over_ms = max([profile.run_ms, *(move.at_ms for move in self.load.calendar.moves())])
        for now_ms in range(STEP_MS, most_ms + STEP_MS, STEP_MS):
            self.clock.run(start_ms + now_ms)
            told(start_ms + now_ms, *self._counts())
            if now_ms > over_ms and self._all_stands():
                return now_ms
        return most_ms

    def _befall_everybody(self, strike: ProcessStrike) -> None:
        """One process carries every entity in a load run, so what befalls it befalls all of them."""
        struck = [lane.befall(replace(strike, entity=code)) for code, lane in self.lanes.items()]
        if any(struck):
            self.weather.carried_out(strike)

    def _counts(self) -> tuple[int, int]:
        """Versions that wait, and lines that stand."""
        books = [lane.shell.state.head.books.counts for lane in self.lanes.values() if lane.shell is not None]
        waiting = sum(counts[place] for counts in books for place in UNFINISHED)
        return waiting, sum(counts[Place.POSTED] for counts in books)

    def _next(self, coming: Iterator[Delivery]) -> None:
        one = next(coming, None)
        if one is not None:
            self.clock.at(self.load.calendar.start_ms + one.at_ms, partial(self._arrives, one, coming))

    def _arrives(self, one: Delivery, coming: Iterator[Delivery]) -> None:
        self._approved(one.approved)
        if one.entries:
            read = read_items(_items(one), _Everybody(), DEPTH)
            assert not read.unread, f"the gateway cannot read what {one.user} send: {read.unread[:1]}"
            after_ms = self._taken_in_after_ms()
            for entity, group in read.groups.items():
                if after_ms:
                    self.clock.after(after_ms, partial(self.lanes[entity].hear, group.news))
                else:
                    self.lanes[entity].hear(group.news)
        self._next(coming)

    def _taken_in_after_ms(self) -> int:
        """How long the gateway needs for this request."""
        own = self.profile.own
        if not own.intake_p50_ms:
            return 0
        self._requests += 1
        u = (chance(self.seed, "load/intake", self._requests) % PPM + 0.5) / PPM
        sigma = log(max(own.intake_p50_ms, own.intake_p99_ms) / own.intake_p50_ms) / _NORMAL.inv_cdf(0.99)
        return round(own.intake_p50_ms * exp(sigma * _NORMAL.inv_cdf(u)))

    def _all_stands(self) -> bool:
        """Whether no partition has anything left to do but what a person has to do."""
        for lane in self.lanes.values():
            shell = lane.shell
            if shell is None or shell.shelved or shell.state.calls or shell.state.ready_count:
                return False
            counts = shell.state.head.books.counts
            if any(counts[place] for place in UNFINISHED):
                return False
        return True

    def landings(self) -> Iterable[LandingRow]:
        """The lines of landings.csv, entity by entity."""
        for erp in self.erps.values():
            erp.advance(self.clock.now_ms)
        start_ms = self.load.calendar.start_ms
        for code, evidence in self.evidences.items():
            for one in evidence.lines:
                at_ms = one.at_ms - start_ms
                yield LandingRow(one.entry_id, one.version, code, at_ms, one.leg, one.bill_minor, one.bill_currency)


def _known_from_the_start(firm: Firm, start_ms: int) -> Firm:
    """The firm as a load finds it: the clock stands at the start of the load, and every price was published."""
    rates = [replace(rate, known_from_ms=min(rate.known_from_ms, start_ms)) for rate in firm.rates]
    return replace(firm, start_ms=start_ms, rates=rates)


def _as_deployed(told_at_once: int, policy: Policy) -> Policy:
    """The policy as a runtime has it that is set up for a load (`deployed`): the source is told, and not asked."""
    return replace(policy, tell_max=told_at_once, recounts=False)


def _items(one: Delivery) -> Sequence[bytes]:
    if one.headers is LINES:
        return lines_of(one.body, ITEMS)
    return elements_of(one.body, ITEMS) if one.body.startswith(b"[") else (one.body,)


class _Everybody:
    """Whoever delivers may."""

    who = "load"
    everybody: Sequence[str] = ()

    def bar(self, action: Action, entity: str) -> str:
        return ""


_INSTANTS: tuple[str, ...] = ("at_ms", "until_ms", "promised_until_ms")
