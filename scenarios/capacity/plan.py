"""A capacity plan: settings × seeds × components, each counted through its cut-off, and what that says together.

    Question ─▶ tasks (setting, seed, component) ─▶ on cores or on Ray ─▶ Answer ─▶ Plan: a row for each setting
           `──▶ once more for concurrency, at the quota that was found

Rule 1. A component (entities that share accounts) is searched by itself, under each seed by itself: so the band of the
        answer is that of the months, and nothing waits for anything.
Rule 2. A number is enough for a month when it is enough for every component of it, and the plan's answer is the least
        that was enough in every month that was drawn.
Rule 3. Numbers over the whole range are tried first. They make the curves, and they are the check that more is never
        worse; where it is, the plan says so.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import process_time

from scenarios.capacity.confidence import Spread, at_least, spread
from scenarios.capacity.counting import MODELLED
from scenarios.capacity.crosscheck import by_legal_entity, clears_ms, flows, least_by_theory
from scenarios.capacity.holdups import NOTHING
from scenarios.capacity.hosts import late_min
from scenarios.capacity.rehearse import HORIZON_MS, EntitySeen, PartSeen, Promise, count, month_of, without_collector
from scenarios.capacity.search import Found, least
from scenarios.capacity.setting import Setting, changed, legal_entity, under
from simulators.run import firm_of
from simulators.settings import MINUTE_MS, WorldSettings
from simulators.world import components

HOSTS = "hosts"
KNOBS = ("concurrency", "quota")
PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class Search:
    """A number to be found: "concurrency" or "quota", from `low` to `high`."""

    knob: str
    low: int
    high: int

    def first(self, now: int | None) -> tuple[int, ...]:
        """What is tried first: the present number, its half, quarter, one and a half and double, inside the range.

        Of concurrency, powers of two up to double the present, for it is small.
        """
        some = {1, 2, 4, 8, 16} if self.knob == "concurrency" else set[int]()
        if now is not None:
            some = {number for number in some if number <= 2 * now}
            some |= {now} if self.knob == "concurrency" else {now // 4, now // 2, now, now * 3 // 2, now * 2}
        return tuple(sorted(number for number in some if self.low <= number <= self.high))


@dataclass(frozen=True, slots=True)
class Task:
    """One component under one seed at one setting, with what is to be found of it."""

    world: WorldSettings
    setting: Setting
    seed: int
    component: int
    promise: Promise
    searches: tuple[Search, ...]
    row: int


@dataclass(frozen=True, slots=True)
class Searched:
    """One number of one component in one month: what was found, what was seen where, and what theory says.

    `theory` assumes full calls; `theory_filled` calls as full as they were at the number that was found. Concurrency is
    asked of theory without the quota.
    """

    found: Found
    seen: Mapping[int, PartSeen]
    theory: int | None
    theory_filled: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a task came to. `theory` is when each entity is clear by queueing theory, in ms after its cut-off, with full
    calls; `arrivals` are its rows by the minute from `start_min` (minutes since 1970) on."""

    task: Task
    now: PartSeen
    searched: Mapping[str, Searched]
    theory: Mapping[str, int | None]
    arrivals: Mapping[str, Sequence[float]]
    start_min: int
    cpu_s: float


def answer(task: Task) -> Answer:
    """Count one component; runs in a process or on a node of its own."""
    with without_collector():
        return _answer(task)


def _answer(task: Task) -> Answer:
    began = process_time()
    world, setting = task.world, task.setting

    def at(some: Setting) -> PartSeen:
        return count(world, some, task.seed, task.component, task.promise)

    def world_at(some: Setting) -> WorldSettings:
        return under(some, world, lambda asked: firm_of(asked, task.seed))

    now = at(setting)
    month = month_of(world_at(setting), task.seed, task.component)
    some = flows(world_at(setting), task.seed, month)
    theory: dict[str, int | None] = {}
    for flow in some:
        theory |= clears_ms(flow, world_at(setting), setting, task.promise.share_ppm)
    searched = {}
    for search in task.searches:
        number = setting.concurrency if search.knob == "concurrency" else setting.quota
        seen = {} if number is None else {number: now}

        def holds(number: int, knob: str = search.knob, seen: dict[int, PartSeen] = seen) -> bool:
            if number not in seen:
                seen[number] = at(changed(setting, knob, number))
            return seen[number].clear

        bounds = (search.low, search.high)
        found = least(holds, *bounds, first=search.first(number))
        # What places alone have to carry: with a quota that binds, theory would find no concurrency at all.
        alone = replace(setting, quota=None) if search.knob == "concurrency" else setting
        by_theory = least_by_theory(some, world_at, alone, search.knob, bounds, task.promise)
        filled = None
        if found.least is not None:
            fill = min(account.fill for account in seen[found.least].accounts)
            filled = least_by_theory(some, world_at, alone, search.knob, bounds, task.promise, fill)
        searched[search.knob] = Searched(found, dict(sorted(seen.items())), by_theory, filled)
    arrivals: dict[str, Sequence[float]] = {}
    for flow in some:
        arrivals |= flow.rows
    start_min = some[0].start_ms // MINUTE_MS
    return Answer(task, now, searched, by_legal_entity(theory), arrivals, start_min, process_time() - began)


@dataclass(frozen=True, slots=True)
class Question:
    """What a plan is asked: a scenario's world, the settings to compare, the seeds, the promise, what to find."""

    scenario: str
    world: WorldSettings
    settings: tuple[Setting, ...]
    seeds: tuple[int, ...]
    promise: Promise
    searches: tuple[Search, ...]
    host_rows_a_second: int

    def tasks(self) -> Iterator[Task]:
        """What is counted first, month by month, so that a process uses a month it has made: all but a concurrency that
        waits for a quota."""
        for row, setting in enumerate(self.settings):
            knobs = ("concurrency",) if setting.quota is None else ("quota",)
            if setting.quota is not None and not any(search.knob == "quota" for search in self.searches):
                knobs = ("concurrency",)
            yield from self._tasks(row, setting, knobs)

    def tasks_at(self, rows: Sequence["Row"]) -> Iterator[Task]:
        """Concurrency, at the quota that was found to be enough (rule 4)."""
        for number, row in enumerate(rows):
            for finding in row.findings:
                if finding.knob == "quota":
                    quota = max(finding.least or 0, row.setting.quota or 0)
                    yield from self._tasks(number, replace(row.setting, quota=quota), ("concurrency",))

    def _tasks(self, row: int, setting: Setting, knobs: Sequence[str]) -> Iterator[Task]:
        searches = tuple(search for search in self.searches if search.knob in knobs)
        for seed in self.seeds:
            for component in range(self.components):
                yield Task(self.world, setting, seed, component, self.promise, searches, row)

    @property
    def components(self) -> int:
        """How many components the firm has; neither seed nor setting changes that."""
        return len(components(firm_of(self.world, self.seeds[0])))

    @property
    def size(self) -> int:
        """How many tasks there are at the most."""
        twice = len(self.searches) == len(KNOBS)
        return len(self.settings) * len(self.seeds) * self.components * (1 + twice)


# ------------------------------------------------------------------ what it says together


@dataclass(frozen=True, slots=True)
class EntityPlan:
    """One legal entity over all months: rows (median), when it is clear (minutes after its cut-off), in how many months
    it is in time, what theory says, and what holds its account up."""

    entity: str
    region: str
    account: str
    rows: int
    clear_min: Spread
    at_cutoff_ppm: int
    in_time: int
    theory_min: Spread
    binds: str


@dataclass(frozen=True, slots=True)
class Point:
    """One number of a curve: share of entities that are clear, and minutes until the last one is, over months."""

    number: int
    clear_ppm: Spread
    last_clear_min: Spread


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one number, at a setting that is otherwise `at`.

    `least`: enough in every month (None: nothing in the range is). `band`: the least over months. `below`: in how many
    months one less is enough too, `half` in how many half of it (None: there is no half). `theory` and `theory_filled`:
    by queueing theory, as in `Searched`. `contrary`: where more was worse: (component, seed, held, missed).
    """

    knob: str
    at: Setting
    low: int
    high: int
    least: int | None
    band: Spread
    below: int
    half: int | None
    theory: Spread
    theory_filled: Spread
    contrary: tuple[tuple[int, int, int, int], ...]
    curve: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One setting over all months.

    `in_time`: months in which every entity is clear in time; `sure`: the least share of months of which one can say so
    (one-sided, 95 %). `by_cutoff`: how many entities are clear by the cut-off itself. `held_min`: minutes of waiting in
    a month, by cause. `binds`: the gravest. `where`: the account it was worst on, and `hot`: the entity whose rows
    mostly waited there.
    """

    setting: Setting
    in_time: int
    sure: float
    clear_ppm: Spread
    by_cutoff: Spread
    last_clear_min: Spread
    theory_last_min: Spread
    entities: tuple[EntityPlan, ...]
    held_min: Mapping[str, float]
    binds: str
    where: str
    hot: str
    fill: float
    host_fullest: float
    hosts_needed: int
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class Plan:
    """The whole answer."""

    question: Question
    rows: list[Row]
    cpu_s: float
    wall_s: float = 0.0

    @property
    def left_out(self) -> tuple[str, ...]:
        """Kinds of fault of the scenario, and what finance does in it, that a counted run does not know."""
        world = self.question.world
        by_people = {
            "gates of finance": world.gates,
            "postings by hand": world.hand_postings,
            "late master data": world.late_master_data.ppm,
            "an ERP that never comes back": world.never_back,
            "the close of the month": world.firm.close_after_working_days is not None,
        }
        kinds = {fault.kind for fault in world.faults} - MODELLED
        return (*sorted(kinds), *(name for name, there in by_people.items() if there))

    @property
    def met(self) -> bool:
        """Whether some setting that was looked at, or found, meets the promise in every month."""
        months = len(self.question.seeds)
        return any(row.in_time == months or any(f.least is not None for f in row.findings) for row in self.rows)


def answered(question: Question, spread_out: Callable[[Iterator[Task]], Iterator[Answer]]) -> Plan:
    """Ask everything and put the answers together; `spread_out` answers tasks side by side, in any order."""
    first = list(spread_out(question.tasks()))
    rows = [_row(question, number, first) for number in range(len(question.settings))]
    second: list[Answer] = []
    if any(search.knob == "concurrency" for search in question.searches):
        second = list(spread_out(question.tasks_at(rows)))
    for number, row in enumerate(rows):
        months = _months([one for one in second if one.task.row == number])
        if months:
            found = tuple(_finding(search, months) for search in question.searches if search.knob == "concurrency")
            rows[number] = replace(row, findings=(*found, *row.findings))
    return Plan(question, rows, sum(one.cpu_s for one in (*first, *second)))


def _months(own: Iterable[Answer]) -> dict[int, list[Answer]]:
    """The answers by seed, each month in the order of its components."""
    months: dict[int, list[Answer]] = {}
    for one in sorted(own, key=lambda one: (one.task.seed, one.task.component)):
        months.setdefault(one.task.seed, []).append(one)
    return months


def _row(question: Question, number: int, answers: Sequence[Answer]) -> Row:
    setting = question.settings[number]
    months = _months(one for one in answers if one.task.row == number)
    own = [one for some in months.values() for one in some]
    late, fullest = _hosts(question, setting, months)
    entities = {
        seed: [_behind_host(e, late[seed].get(e.entity, 0), question.promise) for one in some for e in one.now.entities]
        for seed, some in months.items()
    }
    in_time = sum(all(entity.clear for entity in some) for some in entities.values())
    held = _held(own, late)
    accounts = [account for one in own for account in one.now.accounts]
    worst = max(accounts, key=lambda account: sum(account.held_min.values()))
    posts = sum(account.posts for account in accounts)
    return Row(
        setting,
        in_time,
        at_least(in_time, len(months)),
        spread([_share([e.clear for e in some]) for some in entities.values()]),
        spread([float(sum(e.clear_ms is not None and e.clear_ms <= 0 for e in some)) for some in entities.values()]),
        spread([_last_min([e.clear_ms for e in some]) for some in entities.values()]),
        spread([_last_min([ms for one in some for ms in one.theory.values()]) for some in months.values()]),
        tuple(_entity_plans(entities, own)),
        {why: minutes / len(months) for why, minutes in sorted(held.items(), key=lambda pair: -pair[1])},
        _gravest(held),
        worst.account if worst.held_min else "",
        worst.hot,
        sum(account.fill * account.posts for account in accounts) / posts if posts else 1.0,
        fullest,
        _hosts_needed(question, setting, months),
        tuple(_finding(search, months) for search in question.searches if search.knob in own[0].searched),
    )


def _share(clear: Sequence[bool]) -> float:
    return sum(clear) * PPM / len(clear) if clear else PPM


def _last_min(late_ms: Sequence[int | None]) -> float | None:
    """Minutes after its cut-off at which the last entity is clear; 0 at the least."""
    if None in late_ms:
        return None
    return max((0, *(ms for ms in late_ms if ms is not None))) / MINUTE_MS


def _entity_plans(entities: Mapping[int, Sequence[EntitySeen]], own: Sequence[Answer]) -> Iterator[EntityPlan]:
    by_code: dict[str, list[EntitySeen]] = {}
    for some in entities.values():
        for entity in some:
            by_code.setdefault(entity.entity, []).append(entity)
    theory: dict[str, list[float | None]] = {}
    held: dict[str, dict[str, int]] = {}
    for one in own:
        for code, ms in one.theory.items():
            theory.setdefault(code, []).append(None if ms is None else ms / MINUTE_MS)
        for account in one.now.accounts:
            minutes = held.setdefault(account.account, {})
            for why, some_min in account.held_min.items():
                minutes[why] = minutes.get(why, 0) + some_min
    for code, seen in sorted(by_code.items()):
        causes = held.get(seen[0].account, {})
        yield EntityPlan(
            code,
            seen[0].region,
            seen[0].account,
            sorted(one.rows for one in seen)[len(seen) // 2],
            spread([None if one.clear_ms is None else max(0, one.clear_ms) / MINUTE_MS for one in seen]),
            sorted(one.at_cutoff_ppm for one in seen)[len(seen) // 2],
            sum(one.clear for one in seen),
            spread(theory.get(code, [])),
            _gravest(causes),
        )


def _gravest(minutes: Mapping[str, int]) -> str:
    """The cause with most minutes."""
    return max(minutes, key=lambda why: minutes[why], default=NOTHING)


def _held(own: Sequence[Answer], late: Mapping[int, Mapping[str, int]]) -> dict[str, int]:
    """Minutes of waiting by cause, over all months; only of components that are not in time, if there are any."""
    missed = [one for one in own if not one.now.clear] or own
    held: dict[str, int] = {}
    for one in missed:
        for account in one.now.accounts:
            for why, minutes in account.held_min.items():
                held[why] = held.get(why, 0) + minutes
    behind = sum(sum(minutes.values()) for minutes in late.values())
    if behind:
        held[HOSTS] = behind
    return held


def _finding(search: Search, months: Mapping[int, Sequence[Answer]]) -> Finding:
    knob = search.knob
    needed: list[int | None] = []
    by_theory: list[int | None] = []
    filled: list[int | None] = []
    contrary: list[tuple[int, int, int, int]] = []
    for seed, some in months.items():
        searched = [one.searched[knob] for one in some]
        needed.append(_most([each.found.least for each in searched]))
        by_theory.append(_most([each.theory for each in searched]))
        filled.append(_most([each.theory_filled for each in searched]))
        for one in some:
            pair = one.searched[knob].found.contrary
            if pair is not None:
                contrary.append((one.task.component, seed, *pair))
    enough = _most(needed)
    known = [number for number in needed if number is not None]
    return Finding(
        knob,
        next(iter(months.values()))[0].task.setting,
        search.low,
        search.high,
        enough,
        spread([None if number is None else float(number) for number in needed]),
        0 if enough is None else sum(number < enough for number in known),
        None if enough is None or enough < 2 else sum(number <= enough // 2 for number in known),
        spread([None if number is None else float(number) for number in by_theory]),
        spread([None if number is None else float(number) for number in filled]),
        tuple(contrary),
        tuple(_curve(knob, months)),
    )


def _most(numbers: Sequence[int | None]) -> int | None:
    """What is enough for all of them; None: for some nothing is."""
    return None if None in numbers else max(number for number in numbers if number is not None)


def _curve(knob: str, months: Mapping[int, Sequence[Answer]]) -> Iterator[Point]:
    """The numbers that every component tried in every month."""
    everywhere = [set(one.searched[knob].seen) for some in months.values() for one in some]
    for number in sorted(set.intersection(*everywhere)):
        clear: list[float | None] = []
        last: list[float | None] = []
        for some in months.values():
            entities = [entity for one in some for entity in one.searched[knob].seen[number].entities]
            clear.append(_share([entity.clear for entity in entities]))
            last.append(_last_min([entity.clear_ms for entity in entities]))
        yield Point(number, spread(clear), spread(last))


# ------------------------------------------------------------------ hosts


def _by_region(some: Sequence[Answer]) -> dict[str, dict[str, list[float]]]:
    """Rows of each entity by the minute, on one clock for a whole region."""
    first = min(one.start_min for one in some)
    last = max(one.start_min + len(rows) for one in some for rows in one.arrivals.values())
    regions: dict[str, dict[str, list[float]]] = {}
    for one in some:
        region_of = {entity.entity: entity.region for entity in one.now.entities}
        for code, rows in one.arrivals.items():
            before, after = one.start_min - first, last - one.start_min - len(rows)
            region = regions.setdefault(region_of[legal_entity(code)], {})
            region[code] = [*[0.0] * before, *rows, *[0.0] * after]
    return regions


def _hosts(
    question: Question, setting: Setting, months: Mapping[int, Sequence[Answer]]
) -> tuple[dict[int, dict[str, int]], float]:
    """By month and legal entity the minutes by which its host delays it, and how full the fullest host ever is."""
    late: dict[int, dict[str, int]] = {}
    fullest = 0.0
    for seed, some in months.items():
        late[seed] = {}
        for arrivals in _by_region(some).values():
            behind, full = late_min(arrivals, setting.hosts, question.host_rows_a_second * 60)
            fullest = max(fullest, full)
            for code, minutes in behind.items():
                name = legal_entity(code)
                late[seed][name] = max(late[seed].get(name, 0), minutes)
    return late, fullest


def _hosts_needed(question: Question, setting: Setting, months: Mapping[int, Sequence[Answer]]) -> int:
    """The least hosts in each region on which nothing ever waits for its host a whole minute."""
    regions = [arrivals for some in months.values() for arrivals in _by_region(some).values()]
    most = max(len(arrivals) for arrivals in regions)

    def nobody_waits(hosts: int) -> bool:
        return not any(
            any(late_min(arrivals, hosts, question.host_rows_a_second * 60)[0].values()) for arrivals in regions
        )

    return least(nobody_waits, 1, most).least or most


def _behind_host(entity: EntitySeen, late: int, promise: Promise) -> EntitySeen:
    """The entity as its host delays it: what comes later goes later."""
    if not late or entity.clear_ms is None:
        return entity
    clear_ms = max(0, entity.clear_ms) + late * MINUTE_MS
    return EntitySeen(
        entity.entity,
        entity.region,
        entity.account,
        entity.rows,
        entity.at_cutoff_ppm,
        entity.in_grace_ppm,
        clear_ms if clear_ms <= HORIZON_MS else None,
        clear_ms <= promise.grace_ms,
    )
