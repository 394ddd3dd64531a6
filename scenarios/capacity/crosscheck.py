"""What queueing theory says of the same cut-off: an account as a fluid that its entities share, and a random part.

    rows by the minute, as the people approve them ─▶ fluid at the account's capacity ─▶ when the promised share is done
                                                    + W of the hour before the cut-off (G/G/c) + one service time

Of the simulation it takes what people do, and nothing else: no account machine, no partition, no draw of chance. It
assumes full calls (`fill` 1), capacity that never idles while somebody waits, and even shares; the formulas and their
sources are in `queueing`.

    calls a second    min(concurrency / S, quota / window), less the share that asks after rows in doubt
    S                 mean of the log-normal answer + a share for each row + the wire, lost calls at their deadline
    capacity          calls a second x rows of a full call; none while the ERP is closed for maintenance
    again             the share of lost requests goes once more, a deadline and a late landing later
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isinf
from statistics import fmean, pvariance

from scenarios.capacity.counting import weather_of
from scenarios.capacity.queueing import Service, fluid, wait_s
from scenarios.capacity.rehearse import HORIZON_MS, PPM, Month, Promise, rows_a_second, service_of
from scenarios.capacity.search import least
from scenarios.capacity.setting import Setting, changed, legal_entity
from simulators.faults.moves import CloseSystem
from simulators.faults.network import LostReply, LostRequest
from simulators.faults.wall_time import Month as Calendar
from simulators.settings import HOUR_MS, MINUTE_MS, WorldSettings
from simulators.world import last_ms

BEFORE_MS = 12 * HOUR_MS
"""The fluid begins so long before the first cut-off: the rush lasts eight hours (`people.approve_window_min`)."""
HOUR_MIN = 60


@dataclass(frozen=True, slots=True)
class Flow:
    """One account's cut-off as numbers by the minute from `start_ms` on: rows by entity, whether the ERP is open."""

    start_ms: int
    rows: Mapping[str, Sequence[float]]
    open: Sequence[bool]
    cutoff_min: Mapping[str, int]


def flows(world: WorldSettings, seed: int, month: Month) -> list[Flow]:
    """The accounts of a component."""
    start_ms = month.first_cutoff_ms - BEFORE_MS
    minutes = (month.last_cutoff_ms + HORIZON_MS - start_ms) // MINUTE_MS
    rows: dict[str, list[float]] = {entity.code: [0.0] * minutes for entity in month.entities}
    for cohort in month.approvals.since(start_ms):
        minute = (cohort.at_ms - start_ms) // MINUTE_MS
        if minute < minutes:
            rows[cohort.entity][minute] += cohort.rows + cohort.posts
    found = []
    for account in dict.fromkeys(entity.erp_account for entity in month.entities):
        own = [entity for entity in month.entities if entity.erp_account == account]
        closed = _closed(world, seed, month, account, start_ms)
        found.append(
            Flow(
                start_ms,
                {entity.code: rows[entity.code] for entity in own},
                [not any(first <= minute < last for first, last in closed) for minute in range(minutes)],
                {entity.code: (month.cutoff_ms[entity.code] - start_ms) // MINUTE_MS for entity in own},
            )
        )
    return found


def _closed(world: WorldSettings, seed: int, month: Month, account: str, start_ms: int) -> list[tuple[float, float]]:
    end_ms = last_ms(month.firm, world)
    weather = weather_of(world.faults, seed, end_ms)
    calendar = Calendar(start_ms, end_ms, month.firm.month_first, month.firm.month_last, month.entities)
    return [
        ((move.at_ms - start_ms) / MINUTE_MS, (move.until_ms - start_ms) / MINUTE_MS)
        for move in weather.moves(calendar)
        if isinstance(move, CloseSystem) and move.account == account
    ]


@dataclass(frozen=True, slots=True)
class Losses:
    """Shares of calls that are lost, and how long until such rows go again."""

    requests: float
    replies: float
    again_min: int


def losses(world: WorldSettings) -> Losses:
    """What the scenario's faults take."""
    run = world.runtime
    shares = {
        kind: sum(fault.ppm for fault in world.faults if isinstance(fault, kind)) / PPM
        for kind in (LostRequest, LostReply)
    }
    after_ms = run.call_deadline_ms + run.late_landing_ms + run.lookup_lag_ms + world.erp.read_lag_ms
    return Losses(shares[LostRequest], shares[LostReply], -(-after_ms // MINUTE_MS))


def clears_ms(
    flow: Flow, world: WorldSettings, setting: Setting, share_ppm: int, fill: float = 1.0
) -> dict[str, int | None]:
    """When each entity of an account has the promised share done, in ms after its cut-off; None: not within 12 h."""
    service, lost = service_of(world, setting.batch), losses(world)
    full = rows_a_second(setting, service) * 60 * fill / (1 + lost.requests + lost.replies)
    capacity = [full if is_open else 0.0 for is_open in flow.open]
    codes = list(flow.rows)
    done = fluid([flow.rows[code] for code in codes], capacity, lost.requests, lost.again_min)
    random_s = stationary_wait_s(flow, setting, service, fill) + service.mean_s
    found: dict[str, int | None] = {}
    for code, so_far in zip(codes, done, strict=True):
        cutoff = flow.cutoff_min[code]
        needed = sum(flow.rows[code][: cutoff + 1]) * share_ppm / PPM
        minute = _reached(so_far, needed, cutoff)
        found[code] = None if minute is None else round(minute * MINUTE_MS + random_s * 1000)
    return found


def _reached(done: Sequence[float], needed: float, cutoff: int) -> float | None:
    """Minutes after the cut-off at which `done` reaches what is needed, straight between minutes; 0 at the least."""
    if done[cutoff] >= needed:
        return 0.0
    for minute in range(cutoff + 1, len(done)):
        if done[minute] >= needed:
            return minute - cutoff - 1 + (needed - done[minute - 1]) / (done[minute] - done[minute - 1]) + 1
    return None


def stationary_wait_s(flow: Flow, setting: Setting, service: Service, fill: float = 1.0) -> float:
    """The mean wait of a call in the hour before the first cut-off; 0 where more comes than can go, for then the fluid
    part is the wait.

    The narrower of the two limits is the server: c places of S seconds each, or one place that the quota frees again
    after window / quota seconds, always the same time.
    """
    first = min(flow.cutoff_min.values())
    hour = range(max(0, first - HOUR_MIN), first)
    calls = [sum(rows[minute] for rows in flow.rows.values()) / (setting.batch * fill) for minute in hour]
    mean = fmean(calls) if calls else 0.0
    if not mean:
        return 0.0
    ca2 = pvariance(calls) / mean
    places, time_s, cv2 = setting.concurrency, service.mean_s, service.cv2
    if setting.quota is not None and setting.quota * 1000 / setting.window_ms < places / time_s:
        places, time_s, cv2 = 1, setting.window_ms / 1000 / setting.quota, 0.0
    wait = wait_s(mean / HOUR_MIN, time_s, places, ca2, cv2)
    return 0.0 if isinf(wait) else wait


def least_by_theory(
    some: Sequence[Flow],
    world_at: Callable[[Setting], WorldSettings],
    setting: Setting,
    knob: str,
    bounds: tuple[int, int],
    promise: Promise,
    fill: float = 1.0,
) -> int | None:
    """The least number of the knob with which every entity clears in time; None: not even the largest."""

    def holds(number: int) -> bool:
        at = changed(setting, knob, number)
        world = world_at(at)
        return all(
            late is not None and late <= promise.grace_ms
            for flow in some
            for late in clears_ms(flow, world, at, promise.share_ppm, fill).values()
        )

    return least(holds, *bounds).least


def by_legal_entity(some: Mapping[str, int | None]) -> dict[str, int | None]:
    """Partitions put together: a legal entity is clear when its last partition is."""
    found: dict[str, int | None] = {}
    for code, late in some.items():
        name = legal_entity(code)
        before = found.get(name, 0)
        found[name] = None if late is None or before is None else max(before, late)
    return found
