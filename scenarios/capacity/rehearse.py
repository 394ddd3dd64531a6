"""One component of a firm (entities that share accounts) through its cut-off at one setting.

    plan of the month (kept) ─▶ its cohorts ─▶ counted in virtual time ─▶ PartSeen      `count`, a tenth of a second
                           `──▶ every row, the whole month, the real core ─▶ PartSeen   `whole`, twenty seconds

An entity is clear when the promised share of what was due by its cut-off stands in the ledger. Shares are of the rows
of the window and per entity: stricter than the SLA of a scenario, which counts the whole month of the whole firm.
"""

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from time import process_time

from scenarios.capacity.cohorts import Approvals, approvals, window_start_ms
from scenarios.capacity.counting import CountingErp, CountingPartition, carry_out, plan_moves, weather_of
from scenarios.capacity.holdups import AccountSeen, Holdups, InLine
from scenarios.capacity.queueing import Service, lognormal, with_silence
from scenarios.capacity.setting import Setting, legal_entity, under
from simulators.evidence import AccountEvidence
from simulators.faults.network import LostReply, LostRequest
from simulators.faults.wall_time import Month as Calendar
from simulators.firm.model import Firm, LegalEntity
from simulators.people.plan import plan_month
from simulators.run import came_to_stand, due_to_stand, firm_of
from simulators.settings import DAY_MS, HOUR_MS, MINUTE_MS, WorldSettings
from simulators.virtual_time import WIRE_MS, Clock, Desk
from simulators.world import World, components, cutoff_ms, erp_account_policy, last_ms, partition_policy

PPM = 1_000_000
HORIZON_MS = 12 * HOUR_MS
"""A run goes on for so long after the last cut-off; what is not clear by then is "not within 12 h" (ours)."""
RUSH_MS = HOUR_MS
"""What holds an account up is asked from so long before its first cut-off until it is clear (ours)."""


EXACT_MS = 3 * DAY_MS
"""What was published longer before the first cut-off has arrived: how is asked no more (ours, for speed)."""


@dataclass(frozen=True, slots=True)
class Promise:
    """When an entity is clear: so much of what was due by its cut-off stands so long after it."""

    share_ppm: int
    grace_ms: int


@dataclass(frozen=True, slots=True)
class Month:
    """One component's month under one seed, as far as no ERP changes it: what people do, and what arrives."""

    firm: Firm
    approvals: Approvals
    entities: tuple[LegalEntity, ...]
    cutoff_ms: Mapping[str, int]

    @property
    def first_cutoff_ms(self) -> int:
        """The first cut-off of its entities."""
        return min(self.cutoff_ms.values())

    @property
    def last_cutoff_ms(self) -> int:
        """The last cut-off of its entities."""
        return max(self.cutoff_ms.values())


@dataclass(frozen=True, slots=True)
class EntitySeen:
    """One legal entity at its cut-off. `clear_ms`: how long after it (negative: before) the promised share stood; None:
    not within the run. `rows` are due rows of the window, `at_cutoff_ppm` and `in_grace_ppm` shares of them."""

    entity: str
    region: str
    account: str
    rows: int
    at_cutoff_ppm: int
    in_grace_ppm: int
    clear_ms: int | None
    clear: bool


@dataclass(frozen=True, slots=True)
class PartSeen:
    """One component at one setting under one seed."""

    entities: tuple[EntitySeen, ...]
    accounts: tuple[AccountSeen, ...]
    cpu_s: float

    @property
    def clear(self) -> bool:
        """Whether every entity is."""
        return all(entity.clear for entity in self.entities)


# ------------------------------------------------------------------ the month, as far as no ERP changes it


@lru_cache(maxsize=2)
def _month(world_json: str, seed: int, component: int) -> Month:
    world = WorldSettings.model_validate_json(world_json)
    firm = firm_of(world, seed)
    codes = components(firm)[component]
    acts = plan_month(firm, world.people, seed, codes)
    entities = tuple(entity for entity in firm.entities if entity.code in frozenset(codes))
    cutoffs = {entity.code: cutoff_ms(firm, world.people, entity) for entity in entities}
    weather = weather_of(world.faults, seed, last_ms(firm, world) - world.calm_before_end_ms)
    exact_from_ms = min(cutoffs.values()) - EXACT_MS
    return Month(firm, approvals(acts, weather, seed, cutoffs, exact_from_ms), entities, cutoffs)


def month_of(world: WorldSettings, seed: int, component: int) -> Month:
    """The component's month; the last two are kept, since many settings of the ERP ask for the same one."""
    same = {"erp": type(world)().erp, "runtime": type(world)().runtime, "sample_ms": HOUR_MS}
    return _month(world.model_copy(update=same).model_dump_json(), seed, component)


def service_of(world: WorldSettings, batch: int) -> Service:
    """How long a full call of the ERP holds a place, those that stay unanswered included."""
    latency = world.erp.latency
    silent = sum(fault.ppm for fault in world.faults if isinstance(fault, LostRequest | LostReply)) / PPM
    added_s = batch * latency.per_row_us / 1e6 + sum(WIRE_MS) / 1000
    served = lognormal(latency.p50_ms / 1000, latency.p99_ms / 1000)
    return with_silence(served, min(1.0, silent), world.runtime.call_deadline_ms / 1000, added_s)


def rows_a_second(setting: Setting, service: Service) -> float:
    """What an account can carry in full calls: the narrower of its quota and its places."""
    calls = setting.concurrency / service.mean_s
    if setting.quota is not None:
        calls = min(calls, setting.quota * 1000 / setting.window_ms)
    return calls * setting.batch


def since_ms(month: Month, setting: Setting, service: Service) -> int:
    """When the window begins at this setting."""
    rate = rows_a_second(setting, service) / 1000
    return window_start_ms(month.approvals, month.first_cutoff_ms, month.firm.start_ms, rate)


# ------------------------------------------------------------------ counted


def count(world: WorldSettings, setting: Setting, seed: int, component: int, promise: Promise) -> PartSeen:
    """Let the cut-off of one component happen, counting rows."""
    began = process_time()
    with without_collector():
        settings = under(setting, world, lambda asked: firm_of(asked, seed))
        month = month_of(settings, seed, component)
        start_ms = since_ms(month, setting, service_of(settings, setting.batch))
        run = _Counted(settings, seed, month, start_ms)
        run.run()
        late = {code: _late(run.erps.values(), code, month.cutoff_ms[code]) for code in run.partitions}
        due = {code: sum(cohort.due for cohort in run.arrivals if cohort.entity == code) for code in run.partitions}
        entities = _entities(month, due, late, promise)
        accounts = _accounts(month, entities, run.holdups, run.noted, min(settings.runtime.batch_max, setting.batch))
        run.let_go()
    return PartSeen(tuple(entities), tuple(accounts), process_time() - began)


class _Counted:
    """One component, counted: clock, accounts, partitions, and what arrives."""

    def __init__(self, settings: WorldSettings, seed: int, month: Month, start_ms: int) -> None:
        self.month, self.start_ms = month, start_ms
        self.clock = Clock(start_ms)
        self.end_ms = last_ms(month.firm, settings)
        weather = weather_of(settings.faults, seed, self.end_ms - settings.calm_before_end_ms)
        self.erps: dict[str, CountingErp] = {}
        self.desks: dict[str, Desk] = {}
        self.noted: dict[str, AccountEvidence] = {}
        self.partitions: dict[str, CountingPartition] = {}
        self.holdups: dict[str, Holdups] = {}
        for account in dict.fromkeys(entity.erp_account for entity in month.entities):
            noted = self.noted[account] = AccountEvidence(account)
            erp = self.erps[account] = CountingErp(settings.erp, account, seed, noted)
            policy = erp_account_policy(settings, account, settings.erp)
            self.desks[account] = Desk(self.clock, policy, erp, account, weather, seed, noted)
            self.holdups[account] = Holdups(account)
        for entity in month.entities:
            desk, erp = self.desks[entity.erp_account], self.erps[entity.erp_account]
            made = partition_policy(settings, month.firm.tenant, entity.code, weather.read_lag_ms)
            self.partitions[entity.code] = desk.lanes[entity.code] = CountingPartition(self.clock, desk, erp, made)
        calendar = Calendar(start_ms, self.end_ms, month.firm.month_first, month.firm.month_last, month.entities)
        plan_moves(self.clock, weather.moves(calendar), lambda move: carry_out(move, self.erps, self.desks), self.desks)
        self.arrivals = month.approvals.since(start_ms)
        self._next = 0

    def run(self) -> None:
        """From the start of the window until so long after the last cut-off."""
        self._schedule()
        self.clock.at(self.month.first_cutoff_ms - RUSH_MS, self._look)
        self.clock.run(min(self.end_ms, self.month.last_cutoff_ms + HORIZON_MS))

    def let_go(self) -> None:
        """Undo the ties between clock, desks and partitions, so that a finished run is freed without a cycle hunt."""
        for part in (*self.desks.values(), self.clock):
            part.__dict__.clear()

    def _schedule(self) -> None:
        if self._next < len(self.arrivals):
            self.clock.at(self.arrivals[self._next].at_ms, self._arrive)

    def _arrive(self) -> None:
        now_ms = self.clock.now_ms
        while self._next < len(self.arrivals) and self.arrivals[self._next].at_ms <= now_ms:
            cohort = self.arrivals[self._next]
            self._next += 1
            self.partitions[cohort.entity].hear(cohort.fresh())
        self._schedule()

    def _look(self) -> None:
        for account, holdups in self.holdups.items():
            lines = (
                InLine(one.entity, one.rows, one.policy.batch_max, one.open_calls, one.policy.calls_max)
                for one in self.partitions.values()
                if one.desk.name == account
            )
            holdups.look(self.clock.now_ms, self.desks[account].account, lines)
        self.clock.after(MINUTE_MS, self._look)


def _late(erps: Iterable[CountingErp], code: str, cutoff: int) -> list[tuple[int, int]]:
    """(ms after the cut-off, rows) for everything due of an entity that came to stand, in order."""
    return sorted((landing.at_ms - cutoff, landing.rows) for erp in erps for landing in erp.stood.get(code, ()))


# ------------------------------------------------------------------ the whole month, row by row


def whole(world: WorldSettings, setting: Setting, seed: int, component: int, promise: Promise) -> PartSeen:
    """Let the whole month happen with the real core, row by row and with every fault; judged by the same rows."""
    began = process_time()
    with without_collector():
        settings = under(setting, world, lambda asked: firm_of(asked, seed))
        month = month_of(settings, seed, component)
        window = month.approvals.due(since_ms(month, setting, service_of(settings, setting.batch)), month.cutoff_ms)
        codes = [entity.code for entity in month.entities]
        acts = plan_month(month.firm, settings.people, seed, codes)
        live = World(settings.model_copy(update={"sample_ms": MINUTE_MS}), seed, month.firm, acts, codes)
        holdups = {account: Holdups(account) for account in live.erps}

        def look(now_ms: int, _backlog: int, _posted: int) -> None:
            if now_ms >= month.first_cutoff_ms - RUSH_MS:
                for account, each in holdups.items():
                    each.look(now_ms, live.desks[account].account, _in_line(live, account))

        seen = live.run(look, month.last_cutoff_ms + HORIZON_MS)
        late: dict[str, list[tuple[int, int]]] = {}
        due: dict[str, int] = {}
        for code in codes:
            evidence, cutoff = seen.evidences[code], month.cutoff_ms[code]
            versions = {e: v for e, v in due_to_stand(evidence, cutoff).items() if e in window[code]}
            due[code] = len(versions)
            late[code] = sorted((at_ms - cutoff, 1) for at_ms in came_to_stand(evidence, versions))
        entities = _entities(month, due, late, promise)
        accounts = _accounts(month, entities, holdups, seen.accounts, min(settings.runtime.batch_max, setting.batch))
        live.let_go()
    return PartSeen(tuple(entities), tuple(accounts), process_time() - began)


def _in_line(live: World, account: str) -> Iterator[InLine]:
    for entity in live.entities:
        lane = live.lanes[entity.code]
        if entity.erp_account == account and lane.shell is not None:
            state = lane.shell.state
            calls = sum(1 for call in state.calls.values() if call.kind in ERP_CALLS)
            yield InLine(entity.code, state.ready_count, lane.policy.batch_max, calls, lane.policy.calls_max)


ERP_CALLS = ("post", "look_up")
"""Kinds of call that a partition makes to the ERP."""


@contextmanager
def without_collector() -> Iterator[None]:
    """As in `simulators.run`: millions of small objects without cycles, which the collector would walk in vain."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


# ------------------------------------------------------------------ what is told of either


def _entities(
    month: Month,
    due: Mapping[str, int],
    late: Mapping[str, Sequence[tuple[int, int]]],
    promise: Promise,
) -> list[EntitySeen]:
    """Every legal entity, its partitions put together."""
    about: dict[str, LegalEntity] = {}
    rows: dict[str, int] = {}
    stood: dict[str, list[tuple[int, int]]] = {}
    for entity in month.entities:
        name = legal_entity(entity.code)
        about.setdefault(name, entity)
        rows[name] = rows.get(name, 0) + due[entity.code]
        stood.setdefault(name, []).extend(late[entity.code])
    return [_entity(about[name], name, rows[name], sorted(stood[name]), promise) for name in sorted(about)]


def _entity(entity: LegalEntity, name: str, due: int, late: Sequence[tuple[int, int]], promise: Promise) -> EntitySeen:
    clear_ms = at_share(late, due, promise.share_ppm)
    return EntitySeen(
        name,
        entity.region,
        entity.erp_account,
        due,
        _share(late, due, 0),
        _share(late, due, promise.grace_ms),
        clear_ms,
        clear_ms is not None and clear_ms <= promise.grace_ms,
    )


def _share(late: Sequence[tuple[int, int]], due: int, by_ms: int) -> int:
    return sum(rows for ms, rows in late if ms <= by_ms) * PPM // due if due else PPM


def at_share(late: Sequence[tuple[int, int]], due: int, share_ppm: int) -> int | None:
    """When a share of `due` rows stood, by (ms, rows) in order; None: never. Nothing due stands from the start."""
    needed = -(-due * share_ppm // PPM)
    stood = 0
    if not needed:
        return -HORIZON_MS
    for ms, rows in late:
        stood += rows
        if stood >= needed:
            return ms
    return None


def _accounts(
    month: Month,
    entities: Sequence[EntitySeen],
    holdups: Mapping[str, Holdups],
    noted: Mapping[str, AccountEvidence],
    full: int,
) -> list[AccountSeen]:
    """Each account from an hour before its first cut-off until its entities were clear."""
    found = []
    for account in sorted(holdups):
        cutoffs = [month.cutoff_ms[entity.code] for entity in month.entities if entity.erp_account == account]
        late = [entity.clear_ms for entity in entities if entity.account == account]
        latest = HORIZON_MS if None in late else max(0, *(ms for ms in late if ms is not None))
        calls = noted[account].calls
        found.append(holdups[account].seen(calls, min(cutoffs) - RUSH_MS, max(cutoffs) + latest, full))
    return found
