"""A whole run: every component of the firm in its own world, side by side on the cores, and what came of it together.

The unit of parallel simulation is a component (`world.components`): entities that share accounts. Parts are put
together in the order of the components, so the outcome does not depend on the number of cores.
"""

import gc
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path
from queue import Empty
from time import perf_counter
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from simulators.auditors.allowances import Allowances, CallAllowance, fair_calls
from simulators.auditors.audit import Audited, combine, conclude, examine
from simulators.auditors.finding import HELD, Held
from simulators.auditors.pricing import EXCLUDED
from simulators.coverage import Coverage, Watch, one_run
from simulators.evidence import ApprovedVersion, Evidence
from simulators.faults.machine_clock import ClockSkew, ClockStep, ClockStrobe
from simulators.faults.ownership import SlowWorker
from simulators.faults.rows import OwnDuplicateCheck
from simulators.faults.storage import SlowFsync
from simulators.firm.build import build_firm
from simulators.firm.model import Firm
from simulators.firm.settings import FirmSettings
from simulators.people.acts import Act, SheetSubmitted
from simulators.people.plan import plan_month
from simulators.plants.catalogue import by_name
from simulators.plants.plant import planting
from simulators.settings import HOUR_MS, MINUTE_MS, WorldSettings
from simulators.timesheets.read import read_timesheet
from simulators.timesheets.rehearsal import Export, RehearsalPlan, plan_from_rows
from simulators.virtual_time import Band
from simulators.world import Seen, Series, World, components, last_ms

K = TypeVar("K")
Told = Callable[[int, int, int], None]
Words: TypeAlias = "Queue[tuple[int, int, int, int]]"
"""(part, now_ms, backlog, posted) from the worker processes."""
OUTAGE_MS = 5 * MINUTE_MS
"""An account that was not open for at least this long had an outage."""
EXAMPLES = 3
"""Entries that a case of parked rows names, at most."""
STANDING_CALLS_AN_HOUR = 4
"""Calls that time alone causes at an account: polls, probes, tokens (assumed: one in a quarter of an hour)."""
STEP_MS = 6 * HOUR_MS
"""An entity with work waiting behind an open door finishes something within this time (ours)."""
TAKEN_FOR_A_TWIN_MS = 12 * 40 * MINUTE_MS
"""A row that the ERP takes for a duplicate by a check of its own is asked about a dozen times, with rests of up to a
quarter of an hour and look-ups that wait for a lagging ledger, before a person gets it; it may be all that waits."""
PROBE_LAST_STEP_MS = 5 * MINUTE_MS
"""The step between two probes of a system that stays closed (ours: the account's `probe_max_ms`)."""
PROBE_STEP_MS = 30_000
"""The longest step between two probes of a closed system that is still no storm (assumed)."""
NEWS_LAG_MS = 6 * HOUR_MS
"""How long an event may travel, besides what has waited for a confirmation (assumed: until a recount finds it)."""
HOLDS_UP = (
    "idle_stop",
    "stop_before_check",
    "stop_before_send",
    "slow_worker",
    "slow_fsync",
    "two_owners",
    "hasty_shut_down",
)
"""Kinds of fault by which a process has a permit and uses it late: the account cannot take it back."""
CAUSES_MORE_CALLS = ("duplicate_request", "late_landing")
"""Kinds of fault by which a call reaches the door without having been paced."""


@dataclass(slots=True, frozen=True)
class Job:
    """One component to be simulated: everything a worker process needs to know."""

    settings: WorldSettings
    seed: int
    entities: tuple[str, ...]
    plant: str = ""
    timesheet: Export | None = None
    number: int = 0
    watched: bool = False
    """Whether coverage is measured."""


@dataclass(slots=True)
class ParkedCase:
    """Parked rows with one cause."""

    reason: str
    count: int
    owner: str
    fix: str
    wake: str
    examples: list[str]


@dataclass(slots=True)
class EntityOutcome:
    """One legal entity at the end.

    `counts`, `quarters` (of an hour) and `money` (minor units per currency) are what the runtime says per place;
    `counts["unseen"]` is what the source approved beyond that. `waits_ms`: approval to ledger, one for each posting
    by the feed, sorted. Instants are ms UTC.
    """

    entity: str
    region: str
    currency: str
    erp_account: str
    approved: int
    counts: dict[str, int]
    quarters: dict[str, int]
    money: dict[str, dict[str, int]]
    unvalued_quarters: int
    waits_ms: NDArray[np.int64]
    approved_quarters: int
    due_to_stand: int
    """Entries whose last version by the cut-off is to stand in the ledger: it and the last version of all are neither
    withdrawn nor kept out (leave, internal)."""
    in_time: NDArray[np.int64]
    """Of those, how long after the cut-off that version, or a later one, came to stand (0: before it), sorted; what
    never stood is absent. A version that changed words only stands since the entry's first line."""
    drain_ms: int | None
    """Longest time from the end of an outage until what had been approved before stood; None: no outage."""
    oldest_in_doubt_ms: int
    """Longest time that a row was in doubt; one that still is counts with its age at the end."""
    oldest_staged_ms: int
    """Longest time that a row was staged, likewise."""
    cutoff_ms: int
    series: Series


@dataclass(slots=True)
class Part:
    """What one component leaves behind, small enough to travel between processes."""

    number: int
    chains: dict[str, str]
    entities: list[EntityOutcome]
    audited: Audited
    fired: dict[str, int]
    marks: dict[tuple[str, int], int]
    bands: list[Band]
    cases: list[ParkedCase]
    records: dict[str, int]
    unsettled: list[str]
    deaths: int
    commits: int
    boundaries: dict[str, int]
    calls: dict[str, int]
    end_ms: int
    start_ms: int
    timings: dict[str, float]
    reached: int = 0
    """How often the function that a plant replaces was asked."""
    dead_letters: int = 0
    """Different events that could not be read."""
    strikes: list[tuple[int, str]] = field(default_factory=list)
    """(instant, name) of every misfortune that struck, in order of time."""
    coverage: Coverage | None = None
    """What was walked through, where the run was watched."""


@dataclass(slots=True)
class Outcome:
    """A whole run."""

    settings: WorldSettings
    seed: int
    digest: str
    entities: list[EntityOutcome]
    held: list[Held]
    fired: dict[str, int]
    marks: dict[tuple[str, int], int]
    bands: list[Band]
    cases: list[ParkedCase]
    records: dict[str, int]
    unsettled: list[str]
    deaths: int
    commits: int
    boundaries: dict[str, int]
    calls: dict[str, int]
    start_ms: int
    end_ms: int
    sample_ms: int
    wall_s: float
    timings: dict[str, float] = field(default_factory=dict)
    components: int = 0
    reached: int = 0
    """How often the function that a plant replaces was asked; 0 without a plant."""
    dead_letters: int = 0
    """Different events that could not be read."""
    strikes: list[tuple[int, str]] = field(default_factory=list)
    """(instant, name) of every misfortune that struck, in order of time."""
    coverage: Coverage | None = None
    """What was walked through, where the run was watched."""


# ------------------------------------------------------------------ the firm, made up or read from a file


@lru_cache(maxsize=2)
def _firm(settings: str, seed: int) -> Firm:
    return build_firm(FirmSettings.model_validate_json(settings), seed)


@lru_cache(maxsize=2)
def rehearsal(timesheet: Export, seed: int) -> RehearsalPlan:
    """A person's own export as a firm with acts. Raises TimesheetUnreadable or NothingToRehearse."""
    read = read_timesheet(Path(timesheet.path), timesheet.zone)
    return plan_from_rows(read, seed, country=timesheet.country, zone=timesheet.zone)


def firm_of(settings: WorldSettings, seed: int, timesheet: Export | None = None) -> Firm:
    """The firm of a run."""
    return rehearsal(timesheet, seed).firm if timesheet else _firm(settings.firm.model_dump_json(), seed)


def _acts_of(job: Job, firm: Firm) -> list[Act]:
    if job.timesheet:
        return rehearsal(job.timesheet, job.seed).acts
    return plan_month(firm, job.settings.people, job.seed, job.entities)


def acts_of(settings: WorldSettings, seed: int) -> list[Act]:
    """What the people of a whole firm do."""
    return plan_month(firm_of(settings, seed), settings.people, seed)


def entries_of(settings: WorldSettings, seed: int) -> tuple[str, ...]:
    """Every entry that somebody will hand in, in the order of time."""
    submitted = (act for act in acts_of(settings, seed) if isinstance(act, SheetSubmitted))
    return tuple(line.entry_id for act in submitted for line in act.sheet.lines)


# ------------------------------------------------------------------ one component


def simulate_component(job: Job, told: Told | None = None) -> Part:
    """Simulate and audit one component, in this process."""
    collecting = gc.isenabled()
    # Millions of small objects without cycles: the cycle collector would only walk them again and again.
    gc.disable()
    try:
        began = perf_counter()
        firm = firm_of(job.settings, job.seed, job.timesheet)
        acts = _acts_of(job, firm)
        planned = perf_counter()
        watch = Watch() if job.watched else None
        with (
            watch.looking() if watch else nullcontext(),
            planting(by_name(job.plant)) if job.plant else nullcontext() as planted,
        ):
            world = World(job.settings, job.seed, firm, acts, job.entities, planted.recompose if planted else None)
            if watch:
                watch.world = world
            seen = world.run(told)
        ran = perf_counter()
        audited = examine(firm, seen.evidences, seen.accounts, allowances(job.settings, seen))
        part = _part(job, seen, audited, world)
        part.reached = planted.reached if planted is not None else 0
        part.dead_letters = seen.dead_letters
        part.strikes = seen.strikes
        if watch:
            part.coverage = watch.coverage(seen)
            watch.world = None
        part.timings = {
            "people": planned - began,
            "world": ran - planned,
            "auditors": perf_counter() - ran,
        }
        world.let_go()
        return part
    finally:
        if collecting:
            gc.enable()


def allowances(settings: WorldSettings, seen: Seen) -> Allowances:
    """The bounds within which the auditors judge; they follow from the settings and from how much happened."""
    run = settings.runtime
    hours = (seen.end_ms - seen.firm.start_ms) // HOUR_MS
    faults = sum(seen.fired.values())
    held_up = sum(seen.fired.get(kind, 0) for kind in HOLDS_UP)
    slow_ms = sum(fault.turn_ms for fault in settings.faults if isinstance(fault, SlowWorker | SlowFsync))
    unpaced = sum(seen.fired.get(kind, 0) for kind in CAUSES_MORE_CALLS)
    accounts = {}
    for name in seen.accounts:
        behind = [e.code for e in seen.firm.entities if name in (e.erp_account, e.psa_account)]
        rows = sum(seen.evidences[code].approved for code in behind if code in seen.evidences)
        accounts[name] = CallAllowance(
            calls=fair_calls(rows, faults, standing_calls=STANDING_CALLS_AN_HOUR * hours + _probes(seen, name)),
            over_quota=unpaced,
            probe_step_ms=PROBE_STEP_MS,
            concurrent_calls=run.concurrent_max,
            late_leavers=held_up * run.concurrent_max,
            late_by_ms=slow_ms,
        )
    calm_ms = settings.calm_before_end_ms
    twins = any(isinstance(fault, OwnDuplicateCheck) for fault in settings.faults)
    return Allowances(
        accounts=accounts,
        step_ms=STEP_MS + (TAKEN_FOR_A_TWIN_MS if twins else 0),
        news_lag_ms=NEWS_LAG_MS + run.confirm_after_ms,
        overlap_ms=run.recount_overlap_ms,
        ahead_ms=_ahead_ms(settings),
        read_after_ms=_overdue_after_ms(seen.end_ms, calm_ms, run.recount_every_ms),
        full_read_after_ms=_overdue_after_ms(seen.end_ms, calm_ms, run.full_recount_every_ms),
        full_since_ms=seen.firm.start_ms,
        memory_window=run.window,
        checkpoint_every=run.checkpoint_every,
        batch_max=run.batch_max,
        calls_max=run.calls_max,
        unhealthy=seen.unhealthy,
    )


def _ahead_ms(settings: WorldSettings) -> int:
    """How far the clock of one of our machines may be ahead, all faults of clocks taken together."""
    by_ms = 0
    for fault in settings.faults:
        match fault:
            case ClockSkew():
                by_ms += fault.most_ms
            case ClockStep() | ClockStrobe():
                by_ms += max(0, fault.by_ms)
    return by_ms


def _overdue_after_ms(end_ms: int, calm_ms: int, every_ms: int) -> int:
    """When the last of the reads that come every so often has to have begun: two turns before the end, if that is calm.

    0 where the calm is too short to say.
    """
    return end_ms - 2 * every_ms if 0 < 2 * every_ms <= calm_ms else 0


def _probes(seen: Seen, account: str) -> int:
    """How many probes an account that was closed for so long is worth, for each that probes in turn."""
    closed_ms = sum(min(until_ms, seen.end_ms) - from_ms for from_ms, until_ms, _ in seen.accounts[account].closed)
    return closed_ms // PROBE_LAST_STEP_MS


def _part(job: Job, seen: Seen, audited: Audited, world: World) -> Part:
    calls: dict[str, int] = {}
    for account in seen.accounts.values():
        for call in account.calls:
            calls[call.outcome] = calls.get(call.outcome, 0) + 1
    return Part(
        job.number,
        seen.chains,
        [_entity_outcome(seen, world, entity.code) for entity in world.entities],
        audited,
        seen.fired,
        seen.marks,
        seen.bands,
        _cases(world),
        seen.records,
        seen.unsettled,
        seen.deaths,
        seen.commits,
        seen.boundaries,
        calls,
        seen.end_ms,
        seen.firm.start_ms,
        {},
    )


def _cases(world: World) -> list[ParkedCase]:
    cases: dict[str, ParkedCase] = {}
    for code in sorted(world.lanes):
        shell = world.lanes[code].shell
        if shell is None:
            continue
        for entry_id in sorted(shell.state.entries):
            park = shell.state.entries[entry_id].park
            if park is None:
                continue
            case = cases.setdefault(park.reason, ParkedCase(park.reason, 0, park.owner, park.fix, park.wake, []))
            case.count += 1
            if len(case.examples) < EXAMPLES:
                case.examples.append(entry_id)
    return [cases[reason] for reason in sorted(cases)]


def _entity_outcome(seen: Seen, world: World, code: str) -> EntityOutcome:
    evidence = seen.evidences[code]
    entity = world.by_code[code]
    cutoff_ms = seen.cutoff_ms[code]
    approved_at = {
        (entry_id, version.version): version.at_ms
        for entry_id, versions in evidence.versions.items()
        for version in versions
        if not version.withdrawn
    }
    due = due_to_stand(evidence, cutoff_ms)
    waits: list[int] = []
    for line in evidence.lines:
        if line.leg != "post":
            continue
        at_ms = approved_at.get((line.entry_id, line.version))
        if at_ms is None:
            continue
        if not line.by_hand:
            waits.append(line.at_ms - at_ms)
    shell = world.lanes[code].shell
    counts: dict[str, int] = {}
    quarters: dict[str, int] = {}
    money: dict[str, dict[str, int]] = {}
    unvalued = 0
    if shell is not None:
        books = shell.state.head.books
        counts = {place.value: count for place, count in books.counts.items()}
        quarters = {place.value: int(hours * 4) for place, hours in books.hours.items()}
        money = {place.value: {c: m for c, m in held.items() if m and c} for place, held in books.money.items()}
        unvalued = int(sum(books.unvalued.values()) * 4)
    counts["unseen"] = evidence.approved - sum(counts.values())
    return EntityOutcome(
        code,
        entity.region,
        entity.currency,
        entity.erp_account,
        evidence.approved,
        counts,
        quarters,
        money,
        unvalued,
        np.array(sorted(waits), dtype=np.int64),
        sum(v.quarter_hours for versions in evidence.versions.values() for v in versions if not v.withdrawn),
        len(due),
        np.array(sorted(max(0, at_ms - cutoff_ms) for at_ms in came_to_stand(evidence, due)), dtype=np.int64),
        _drain_ms(seen, evidence, entity.erp_account, approved_at),
        world.oldest_ms[code, "in_doubt"],
        world.oldest_ms[code, "staged"],
        cutoff_ms,
        seen.series[code],
    )


def due_to_stand(evidence: Evidence, cutoff_ms: int) -> dict[str, int]:
    """Entry to the version approved last by the cut-off, where that is to be posted and was not taken back later."""
    due: dict[str, int] = {}
    for entry_id, versions in evidence.versions.items():
        by_then = versions[0]
        if by_then.at_ms > cutoff_ms:
            continue
        for version in versions[1:]:
            if version.at_ms <= cutoff_ms:
                by_then = version
        if _is_to_stand(by_then) and _is_to_stand(versions[-1]):
            due[entry_id] = by_then.version
    return due


def _is_to_stand(version: ApprovedVersion) -> bool:
    return not version.withdrawn and version.time_type not in EXCLUDED


def came_to_stand(evidence: Evidence, due: dict[str, int]) -> list[int]:
    """When each entry's due version, or a later one, came to stand; entries of which none did are left out.

    A version that changed nothing but words has no line of its own: it is carried by the line that stood already.
    """
    stood: dict[str, int] = {}
    first: dict[str, int] = {}
    for line in evidence.lines:
        version = due.get(line.entry_id)
        if version is None or line.leg != "post":
            continue
        first.setdefault(line.entry_id, line.at_ms)
        if line.version >= version:
            stood.setdefault(line.entry_id, line.at_ms)
    if len(first) > len(stood):
        for final in evidence.final:
            entry_id = final.entry_id
            if final.place == "posted" and entry_id in first and due[entry_id] <= final.version:
                stood.setdefault(entry_id, first[entry_id])
    return list(stood.values())


def _drain_ms(seen: Seen, evidence: Evidence, account: str, approved_at: dict[tuple[str, int], int]) -> int | None:
    """The longest time from the end of an outage until everything approved before it stood; None: no outage.

    What was parked meanwhile waited for a person and not for the account, so it does not count.
    """
    ends = _outage_ends(seen.bands, account)
    if not ends:
        return None
    parked = {park.entry_id for park in evidence.parks}
    slowest = 0
    for line in evidence.lines:
        if line.leg != "post" or line.by_hand or line.entry_id in parked:
            continue
        at_ms = approved_at.get((line.entry_id, line.version))
        if at_ms is None:
            continue
        for end_ms in ends:
            if at_ms <= end_ms < line.at_ms:
                slowest = max(slowest, line.at_ms - end_ms)
                break
    return slowest


def _outage_ends(bands: list[Band], account: str) -> list[int]:
    """When each outage of the account ended. One that changes its kind (logged out, then locked out) is one outage."""
    spans: list[tuple[int, int]] = []
    for band in bands:
        if band.account == account:
            from_ms = spans.pop()[0] if spans and spans[-1][1] == band.from_ms else band.from_ms
            spans.append((from_ms, band.until_ms))
    return [until_ms for from_ms, until_ms in spans if until_ms - from_ms >= OUTAGE_MS]


def not_held(outcome: Outcome) -> tuple[str, ...]:
    """Every invariant that was violated or could not be judged, with its first example; "unknown" is not held."""
    return tuple(
        f"{held.id} {held.status}: {held.examples[0].text if held.examples else 'too little to look at'}"
        for held in outcome.held
        if held.status != HELD
    )


# ------------------------------------------------------------------ all of them


def simulate(
    settings: WorldSettings,
    seed: int,
    *,
    jobs: int = 1,
    plant: str = "",
    timesheet: Export | None = None,
    told: Told | None = None,
    watched: bool = False,
) -> Outcome:
    """Simulate a whole firm on up to `jobs` processes. `told(now_ms, backlog, posted)` hears of the slowest part."""
    began = perf_counter()
    firm = firm_of(settings, seed, timesheet)
    work = [Job(settings, seed, names, plant, timesheet, n, watched) for n, names in enumerate(components(firm))]
    if jobs <= 1 or len(work) == 1:
        parts = _one_after_the_other(work, told)
    else:
        parts = _side_by_side(work, min(jobs, len(work)), told, firm)
    parts.sort(key=lambda part: part.number)
    whole = combine(part.audited for part in parts)
    chains = sorted(chain for part in parts for chain in part.chains.items())
    digest = sha256("\n".join(f"{partition} {head}" for partition, head in chains).encode()).hexdigest()
    outcome = Outcome(
        settings,
        seed,
        digest,
        [entity for part in parts for entity in part.entities],
        conclude(whole, Allowances()),
        _added(part.fired for part in parts),
        _added(part.marks for part in parts),
        [band for part in parts for band in part.bands],
        _joined_cases(parts),
        _added(part.records for part in parts),
        [text for part in parts for text in part.unsettled],
        sum(part.deaths for part in parts),
        sum(part.commits for part in parts),
        _added(part.boundaries for part in parts),
        _added(part.calls for part in parts),
        firm.start_ms,
        last_ms(firm, settings),
        settings.sample_ms,
        perf_counter() - began,
        {},
        len(parts),
        sum(part.reached for part in parts),
        sum(part.dead_letters for part in parts),
        sorted(strike for part in parts for strike in part.strikes),
        one_run(part.coverage for part in parts if part.coverage is not None) if watched else None,
    )
    for part in parts:
        for name, seconds in part.timings.items():
            outcome.timings[name] = outcome.timings.get(name, 0.0) + seconds
    return outcome


def _heads(firm: Firm) -> dict[str, int]:
    """Consultants per entity."""
    heads: dict[str, int] = {}
    for person in firm.consultants:
        heads[person.entity] = heads.get(person.entity, 0) + 1
    return heads


def _added(counts: Iterable[dict[K, int]]) -> dict[K, int]:
    total: dict[K, int] = {}
    for part in counts:
        for key, count in part.items():
            total[key] = total.get(key, 0) + count
    return total


def _joined_cases(parts: list[Part]) -> list[ParkedCase]:
    cases: dict[str, ParkedCase] = {}
    for part in parts:
        for case in part.cases:
            known = cases.get(case.reason)
            if known is None:
                cases[case.reason] = case
            else:
                known.count += case.count
                known.examples = (known.examples + case.examples)[:EXAMPLES]
    return [cases[reason] for reason in sorted(cases)]


def _one_after_the_other(work: list[Job], told: Told | None) -> list[Part]:
    return [simulate_component(job, told) for job in work]


_words: "Words | None" = None


def _begin(words: "Words | None") -> None:
    global _words
    _words = words


def _simulate_in_worker(job: Job) -> Part:
    words = _words
    if words is None:
        return simulate_component(job)
    return simulate_component(job, lambda now_ms, backlog, posted: words.put((job.number, now_ms, backlog, posted)))


def _side_by_side(work: list[Job], jobs: int, told: Told | None, firm: Firm) -> list[Part]:
    """The heaviest parts first, so that no core waits long for the last one."""
    people = _heads(firm)
    context = get_context("spawn")
    words: Words | None = context.Queue() if told is not None else None
    heaviest = sorted(work, key=lambda job: (-sum(people.get(name, 0) for name in job.entities), job.number))
    parts: list[Part] = []
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(words,)) as pool:
        waiting = {pool.submit(_simulate_in_worker, job) for job in heaviest}
        if told is None or words is None:
            return [future.result() for future in as_completed(waiting)]
        heard: dict[int, tuple[int, int, int]] = {}
        while waiting:
            done = {future for future in waiting if future.done()}
            parts.extend(future.result() for future in done)
            waiting -= done
            try:
                number, now_ms, backlog, posted = words.get(timeout=0.2)
            except Empty:
                continue
            heard[number] = (now_ms, backlog, posted)
            progress = sum(now for now, _, _ in heard.values()) // len(work)
            unheard = (len(work) - len(heard)) * firm.start_ms // len(work)
            told(
                progress + unheard,
                sum(backlog for _, backlog, _ in heard.values()),
                sum(posted for _, _, posted in heard.values()),
            )
    return parts
