"""From a load profile to requests, each with the instant at which it is due, whether or not earlier ones were answered.

    firm ─▶ sheets ─▶ clicks ─┬─ a CloudEvents batch                   managers
                              ├─ signed webhooks of up to 200 events   machines (PSAs that push; and what comes again
                              │                                        or late, whoever sent it first)
                              └─ NDJSON at the cut-off                 auto_approval
    sheets handed in ────────── to the source                          consultants
    lines changed ───────────── one CloudEvent                         corrections
    people who look ─────────── GET status, accounts, trace            operators

Rule 1. Arrivals are open. Every instant is drawn before the first request leaves, from the seed and names alone.
Rule 2. Handing in is a matter of the source: the gateway knows no event for it, so nothing of it reaches the runtime.
        The mock source takes a line on when it is handed in, with every version that there will be of it, which is
        before anybody delivers one; so it knows whatever the runtime hears of, and its audit is a second opinion.
        `preparation` is what was handed in before the window. The runtime is set up not to ask the source (`deployed`).
        With `source=False` nobody tells the source anything: any URL may be loaded.
Rule 3. Every event is made by the mock PSA itself from acts of people, so that it is byte for byte the dialect that
        the gateway knows. Sheets are made when their request is due and forgotten after it.
Rule 4. An event that the scenario's faults delay leaves its click and comes later with others, by webhook; one that
        comes twice comes again likewise; none comes after the end. Events that never come are left out: what finds
        them is a recount every six hours, and a load lasts minutes.

Where the numbers come from:

    9 in 10 sheets in time, 38.6 % of the last day's in the last hour, 1.15 % in the busiest minute
                                    derived: s = tau ((1 + W/tau)^U - 1) minutes before it, W = 480, tau = W / 15.8
    0.233 % of sheets handed in in the busiest minute      derived, the same law, W = 2,400 min
    10 rows in a sheet (Poisson, by the person's own rate) measured (CESAW), spread derived
    8 sheets in a click                                    assumed
    3 % approved by the machine at the cut-off, within a minute of it      measured (05:15 batch), the minute assumed
    5 % corrected, 0.5 % taken back                        measured, assumed; that it happens within the window: assumed
    184 to 350 documents in one minute of a payment run    measured (BPIC 2020), one document taken as a sheet
    2 to 3 in 10 entities push webhooks, 200 events in one; NDJSON of 500     assumed
    somebody looks every second of run time                assumed
"""

from collections.abc import Iterator
from datetime import date
from functools import cache
from heapq import heappop, heappush
from itertools import count, pairwise
from operator import attrgetter
from typing import Literal, NamedTuple

import numpy as np

from runtime.core.value import value
from scenarios.load.calendar import LoadCalendar
from scenarios.load.profile import LoadProfile, Shape
from scenarios.load.results import ApprovedRow
from simulators.auditors.pricing import EXCLUDED, Pricing
from simulators.chance import between, happens
from simulators.evidence import ApprovedVersion, Evidence
from simulators.faults.bases import SourceFault
from simulators.faults.source import Fates, MissingEvent
from simulators.firm import draws
from simulators.firm.draws import Floats, Ints, Keys, keys_of, mixed, poisson, uniform
from simulators.firm.model import AssignmentPlan, Consultant, LegalEntity
from simulators.firm.names import narratives
from simulators.people.acts import (
    AutoApproved,
    LineChanged,
    LinePlan,
    LinesApproved,
    LineWithdrawn,
    SheetPlan,
    SheetsDecided,
    SheetSubmitted,
)
from simulators.people.plan import quarters_table
from simulators.settings import HOUR_MS, MINUTE_MS
from simulators.systems.psa import Psa, Publication

User = Literal["consultants", "managers", "machines", "auto_approval", "corrections", "operators"]
"""Who sends: people by their roles, and machines."""
To = Literal["runtime", "source"]
"""Whom a request goes to: the gateway of the runtime, or /admin of the mock source."""

BATCH, ONE, LINES, PLAIN = (
    {"Content-Type": said}
    for said in (
        "application/cloudevents-batch+json",
        "application/cloudevents+json",
        "application/x-ndjson",
        "application/json",
    )
)
WEBHOOKS = "load"
"""The source of webhooks that the runtime is configured with: /v1/webhooks/load."""
SOURCE_PATH = "/admin/approved"
PUSHED_PPM = 250_000
"""Entities whose PSA pushes webhooks instead of batches at a click (assumed)."""
WEBHOOK_EVENTS = 200
"""Events in one webhook (assumed, as in the simulated world)."""
AUTO_LINES = 500
"""Lines in one NDJSON of automatic approval (assumed)."""
PREPARED_LINES = 1_000
"""Lines in one request of the preparation (ours)."""
GATHERED_MS = 500
"""Run time over which events that come again or late are gathered into one webhook (ours)."""
TRANSIT_MS = (200, 3_000)
"""From a decision to the webhook that tells of it, in scenario time (assumed, as in the simulated world)."""
SUBMIT_WINDOW_MIN = 2_400
WORKING_DAY_MIN = 480
IN_TIME_PPM = 900_000
"""Sheets that are decided on the last day at all (assumed: 10 % are late)."""
LOOKS_PER_S = 1
"""How often somebody looks, in run time: who watches a month-end does not watch it faster (assumed)."""
DOCUMENTS = (184, 350)
"""Of a payment run: median and most (measured); drawn evenly between them."""
PAYMENT_AT_MS = -29 * MINUTE_MS
"""17:31 where the cut-off is at 18:00 (measured: nearly always)."""
STEADY_SHEETS, STEADY_ROWS = 8, 10
"""Of each request of a sustained load."""
MOST_ROWS = 60
"""No sheet has more (assumed)."""


class Entry(NamedTuple):
    """One version that a request carries."""

    entry: str
    version: int
    entity: str


@value
class Delivery:
    """One request, due `at_ms` after the start of the run (run time, ms)."""

    at_ms: int
    user: User
    to: To
    method: str
    path: str
    headers: dict[str, str]
    """Without who asks: the generator adds its key, or signs (`signed_by`)."""
    body: bytes
    entries: tuple[Entry, ...] = ()
    """What the runtime is told of by it, in the order of the body."""
    approved: tuple[ApprovedRow, ...] = ()
    """Versions that are in no earlier request to the runtime: the lines of approved.csv that it causes."""
    signed_by: str = ""
    """The source of webhooks whose secret signs the body when it is sent; empty: a bearer key."""


def deliveries(profile: LoadProfile, started_at_ms: int | None = None, *, source: bool = True) -> Iterator[Delivery]:
    """Every request of a load in order of `at_ms`. `started_at_ms`: wall clock, ms UTC, at which run time is 0.

    Events say when they were decided by that clock; without it by the scenario's own. `source`: whether there is a
    mock source to be told what is handed in and changed.
    """
    return Load(profile, started_at_ms, source=source).deliveries()


def preparation(profile: LoadProfile, started_at_ms: int | None = None) -> Iterator[Delivery]:
    """What the source has to be told before the start: sheets that were handed in before the window."""
    return Load(profile, started_at_ms).preparation()


class _Event(NamedTuple):
    """One event of the source: its plain JSON, and what approved.csv says of it."""

    body: bytes
    row: ApprovedRow

    @property
    def name(self) -> Entry:
        return Entry(self.row.entry, self.row.version, self.row.entity)


class _Job(NamedTuple):
    """Something that is to be made a request of, when it is due."""

    at_ms: int
    what: Literal["click", "auto", "submit", "change", "look"]
    number: int
    of: int = 0
    """Row of a sheet; of a correction."""


class Load:
    """A load in the making: arrivals as columns, requests one by one."""

    def __init__(self, profile: LoadProfile, started_at_ms: int | None = None, *, source: bool = True) -> None:
        self.profile = profile
        self.calendar = LoadCalendar(profile)
        self.started_at_ms = self.calendar.start_ms if started_at_ms is None else started_at_ms
        self._source = source
        world, seed = profile.scenario.world, profile.seed
        self._people = world.people
        self._seed = seed
        self.entities = {entity.code: entity for entity in self.calendar.entities}
        self._staff: list[Consultant] = sorted(
            (one for one in self.calendar.firm.consultants if one.entity in self.entities),
            key=attrgetter("entity", "approver"),
        )
        """Those who take part; who shares an approver stands together."""
        self._booked_on: dict[str, list[AssignmentPlan]] = {}
        for assignment in self.calendar.firm.assignments:
            self._booked_on.setdefault(assignment.worker, []).append(assignment)
        self._pricing = Pricing(self.calendar.firm.rates)
        self._days = {code: self._last_week(entity) for code, entity in self.entities.items()}
        self._week = f"{self.calendar.firm.month_last:%G-W%V}"
        faults = [f for f in world.faults if isinstance(f, SourceFault) and not isinstance(f, MissingEvent)]
        self._fates = {code: Fates(faults, code, seed) for code in self.entities}
        self._pushed = {code: happens(PUSHED_PPM, seed, "load/pushed", code) for code in self.entities}
        self._worker_keys = keys_of(seed, "load/worker", [one.worker for one in self._staff])
        self._plan_sheets()
        self._plan_times()

    # ---------------------------------------------------------------- columns: sheets, clicks, times

    def _plan_sheets(self) -> None:
        """Whose sheets there are. Columns: `_who` (index of a person), `_copy`, `_rows`; the sheet's key."""
        profile, staff = self.profile, len(self._staff)
        if profile.shape is Shape.SUSTAINED:
            total = profile.rows_per_s * profile.run_ms // 1_000 // STEADY_ROWS
            total -= total % STEADY_SHEETS
        elif profile.shape is Shape.PAYMENT_RUN:
            total = int(self._documents() + self._steady_sheets())
        else:
            total = int(staff * profile.volume)
        # A volume of 1.5 is a second sheet for every other person, each with an id of its own.
        number = np.arange(total, dtype=np.int64)
        self._copy = number // staff
        who = number % staff
        partial = staff * (total // staff)
        rest = total - partial
        if rest:
            # The part of the staff that hands in once more is spread evenly over all teams.
            who[partial:] = np.arange(rest) * staff // rest
        self._who: Ints = who
        self._keys: Keys = mixed(self._worker_keys[self._who], self._copy)
        if profile.shape is Shape.SUSTAINED:
            self._rows: Ints = np.full(total, STEADY_ROWS, dtype=np.int64)
            return
        rate = np.array([one.base_rate for one in self._staff])[self._who]
        mean = np.asarray(rate * self._people.rows_per_person_week * self._people.volume_percent / 100)
        self._rows = np.maximum(1, poisson(self._keys, "load/rows", mean, MOST_ROWS))

    def _documents(self) -> int:
        return int(between(*DOCUMENTS, self._seed, "load/documents") * self.profile.volume)

    def _steady_sheets(self) -> float:
        """Sheets that are approved in the window on any working day: a week's over forty hours."""
        window_ms = self.profile.until_ms - self.profile.from_ms
        return len(self._staff) * self.profile.volume * window_ms / (40 * HOUR_MS)

    def _plan_times(self) -> None:
        """When what happens. Jobs by time; clicks hold the sheets that they decide."""
        self._clicks: list[Ints] = []
        self._changes_of: dict[int, list[int]] = {}
        """Lines of a sheet that are corrected or taken back, by its number."""
        jobs: list[_Job] = []
        match self.profile.shape:
            case Shape.SUSTAINED:
                self._steady(jobs)
            case Shape.PAYMENT_RUN:
                self._payment_run(jobs)
            case _:
                self._deadline(jobs)
        self._looks(jobs)
        jobs.sort()
        self._jobs = jobs

    def _steady(self, jobs: list[_Job]) -> None:
        """A Poisson stream of clicks of eight sheets."""
        clicks = len(self._who) // STEADY_SHEETS
        at = self._anywhere(clicks, "load/steady")
        for number in range(clicks):
            first = number * STEADY_SHEETS
            self._click(jobs, int(at[number]), np.arange(first, first + STEADY_SHEETS))

    def _anywhere(self, many: int, purpose: str) -> Ints:
        """So many instants of the run, evenly drawn: what is left of a Poisson stream when its number is known."""
        keys = keys_of(self._seed, purpose, [""])
        at = uniform(mixed(np.repeat(keys, many), np.arange(many)), "load/at") * self.profile.run_ms
        return np.sort(at.astype(np.int64))

    def _payment_run(self, jobs: list[_Job]) -> None:
        """A steady stream, and in one minute of it a machine that decides everything it finds."""
        documents = self._documents()
        paid, steady = np.arange(documents), np.arange(documents, len(self._who))
        start = self.profile.run_time_ms(max(PAYMENT_AT_MS, self.profile.from_ms)) if self._has(PAYMENT_AT_MS) else 0
        minute = MINUTE_MS // self.profile.factor
        for at, sheets in _cut(paid, 20):
            self._click(jobs, start + int(at * minute), sheets)
        many = -(-len(steady) // self._people.sheets_per_click)
        at_steady = self._anywhere(many, "load/steady")
        for number, sheets in enumerate(np.array_split(steady, many) if many else ()):
            self._click(jobs, int(at_steady[number]), sheets)

    def _has(self, relative_ms: int) -> bool:
        return self.profile.from_ms <= relative_ms < self.profile.until_ms

    def _deadline(self, jobs: list[_Job]) -> None:
        """Clicks that the cut-off presses out of people, what the machine approves then, and who hands in late."""
        people, profile = self._people, self.profile
        in_time = draws.happens(self._keys, "load/in time", IN_TIME_PPM)
        nobody = draws.happens(self._keys, "load/nobody decides", people.auto_approve_ppm)
        approvers = [one.approver for one in self._staff]
        team = np.cumsum(np.array([True, *(a != b for a, b in pairwise(approvers))])) - 1
        offset = np.array(
            [self.calendar.cutoff_ms[one.entity] - self.calendar.counts_from_ms[one.entity] for one in self._staff]
        )
        decided = np.flatnonzero(in_time & ~nobody)
        decided = decided[np.lexsort((decided, team[self._who[decided]]))]
        piles = _piles(team[self._who[decided]], people.sheets_per_click)
        for first, last in piles:
            sheets = decided[first:last]
            key = self._keys[sheets[:1]]
            s_min = _before_deadline(uniform(key, "load/decided"), people.approve_window_min, people.w_over_tau_percent)
            relative = int(offset[self._who[sheets[0]]]) - int(s_min[0] * MINUTE_MS) - 1
            if self._has(relative):
                self._click(jobs, profile.run_time_ms(relative), sheets)
        self._auto(jobs, np.flatnonzero(nobody), offset)
        clicked = np.concatenate(self._clicks) if self._clicks else decided[:0]
        self._submissions(jobs, np.concatenate((clicked, self._automatic)), offset)

    def _auto(self, jobs: list[_Job], sheets: Ints, offset: Ints) -> None:
        """Within the minute after its cut-off the source approves what nobody decided, entity by entity."""
        self._automatic = sheets[:0]
        self._autos: list[Ints] = []
        taken: list[Ints] = []
        by_entity: dict[str, list[int]] = {}
        for sheet in sheets.tolist():
            by_entity.setdefault(self._staff[self._who[sheet]].entity, []).append(sheet)
        for code, some in by_entity.items():
            relative = int(offset[self._who[some[0]]])
            parts = max(1, -(-int(self._rows[some].sum()) // AUTO_LINES))
            for turn, part in enumerate(np.array_split(np.array(some), parts)):
                late = between(0, MINUTE_MS - 1, self._seed, "load/auto", code, turn)
                if len(part) and self._has(relative + late):
                    taken.append(part)
                    jobs.append(_Job(self.profile.run_time_ms(relative + late), "auto", len(self._autos)))
                    self._autos.append(part)
        if taken:
            self._automatic = np.concatenate(taken)

    def _click(self, jobs: list[_Job], at_ms: int, sheets: Ints) -> None:
        jobs.append(_Job(at_ms, "click", len(self._clicks)))
        self._clicks.append(sheets)
        self._changes(jobs, at_ms, sheets)

    def _changes(self, jobs: list[_Job], at_ms: int, sheets: Ints) -> None:
        """Some lines of a click are corrected or taken back in what is left of the window."""
        if self.profile.shape is Shape.SUSTAINED:
            return
        people, left_ms = self._people, self.profile.run_ms - at_ms
        rows = self._rows[sheets]
        sheet = np.repeat(sheets, rows)
        line = np.arange(sheet.size) - np.repeat(np.cumsum(rows) - rows, rows)
        keys = mixed(self._keys[sheet], line)
        fate = draws.below(keys, "load/fate", 1_000_000)
        for at in np.flatnonzero(fate < people.correction_ppm + people.withdrawal_ppm).tolist():
            when = at_ms + int(uniform(keys[at : at + 1], "load/changed")[0] * left_ms)
            jobs.append(_Job(when, "change", int(sheet[at]), int(line[at])))
            self._changes_of.setdefault(int(sheet[at]), []).append(int(line[at]))

    def _submissions(self, jobs: list[_Job], sheets: Ints, offset: Ints) -> None:
        """Sheets that are handed in within the window: by the law, and before they are decided."""
        self._handed_in: Ints = sheets
        self._in_window = np.zeros(len(self._who), dtype=np.bool_)
        if not self._source or not len(sheets):
            return
        decided = np.full(len(self._who), self.profile.run_ms, dtype=np.int64)
        for job in jobs:
            if job.what in ("click", "auto"):
                some = self._clicks[job.number] if job.what == "click" else self._autos[job.number]
                decided[some] = job.at_ms
        u = uniform(self._keys[sheets], "load/handed in")
        s_min = _before_deadline(u, SUBMIT_WINDOW_MIN, self._people.w_over_tau_percent)
        # Beyond a working day the law goes on into days before, none of which is in a window of ours.
        relative = offset[self._who[sheets]] - (s_min * MINUTE_MS).astype(np.int64) - 1
        inside = (s_min < WORKING_DAY_MIN) & (relative >= self.profile.from_ms)
        at = (relative - self.profile.from_ms) // self.profile.factor
        # Who would hand in after the decision did so shortly before it: a quarter of decisions takes under 48 s.
        at = np.minimum(at, decided[sheets] - 1 - 48_000 // self.profile.factor)
        inside &= at >= 0
        self._in_window[sheets[inside]] = True
        jobs += [_Job(when, "submit", sheet) for when, sheet in zip(at[inside], sheets[inside].tolist(), strict=True)]

    def _looks(self, jobs: list[_Job]) -> None:
        at = self._anywhere(LOOKS_PER_S * self.profile.run_ms // 1_000, "load/looks")
        jobs += [_Job(when, "look", number) for number, when in enumerate(at.tolist())]

    # ---------------------------------------------------------------- requests

    def preparation(self) -> Iterator[Delivery]:
        """See `preparation` above."""
        if self.profile.shape in (Shape.SUSTAINED, Shape.PAYMENT_RUN):
            before = np.arange(len(self._who))
        else:
            before = self._handed_in[~self._in_window[self._handed_in]]
        lines: list[bytes] = []
        for sheet in before.tolist():
            lines += self._for_the_source(sheet)
            if len(lines) >= PREPARED_LINES:
                yield _to_source(0, lines)
                lines = []
        if lines:
            yield _to_source(0, lines)

    def _for_the_source(self, sheet: int) -> list[bytes]:
        """Every version that there will be of a sheet's lines, in their order."""
        first = self._approved((sheet,), 0, "bulk")
        second = [self._changed(_Job(0, "change", sheet, line)) for line in self._changes_of.get(sheet, ())]
        return [one.body for one in (*first, *second) if one is not None]

    def deliveries(self) -> Iterator[Delivery]:
        """See `deliveries` above."""
        later: list[tuple[int, int, bool, _Event]] = []
        turn = count()
        end_ms = self.profile.run_ms
        newest: Entry | None = None
        for job in self._jobs:
            while later and later[0][0] + GATHERED_MS <= job.at_ms:
                yield from self._gathered(later)
            if job.what == "look":
                yield self._look(job, newest)
            elif job.what == "submit":
                yield _to_source(job.at_ms, self._for_the_source(job.number))
            else:
                for made in self._decided(job, later, turn, end_ms):
                    newest = made.entries[0] if made.entries else newest
                    yield made
        while later:
            yield from self._gathered(later)

    def _decided(
        self, job: _Job, later: list[tuple[int, int, bool, _Event]], turn: "count[int]", end_ms: int
    ) -> Iterator[Delivery]:
        """The requests of a click, of automatic approval or of a change; what comes late or again goes to `later`."""
        if job.what == "change":
            changed = self._changed(job)
            if changed is None:
                return
            events = [changed]
        else:
            sheets = self._clicks[job.number] if job.what == "click" else self._autos[job.number]
            events = self._approved(tuple(sheets.tolist()), job.at_ms, "auto" if job.what == "auto" else "bulk")
        now: list[_Event] = []
        for event in events:
            # approved.csv says it at the first request that carries the event.
            comes, _ = self._fates[event.row.entity].of(event.row.entry, event.row.version)
            for number, delay_ms in enumerate(comes):
                if delay_ms == 0:
                    now.append(event)
                else:
                    # What would come after the end comes within what is left of the window.
                    at_ms = job.at_ms + delay_ms // self.profile.factor % max(1, end_ms - job.at_ms)
                    heappush(later, (at_ms, next(turn), number == 0, event))
        if not now:
            return
        if job.what == "auto":
            body = b"\n".join(one.body for one in now)
            yield _request(job.at_ms, "auto_approval", "/v1/bulk", LINES, body, now)
        elif job.what == "change":
            yield _request(job.at_ms, "corrections", "/v1/events", ONE, _cloud_event(now[0]), now)
        elif self._pushed[now[0].row.entity] and self.profile.shape is not Shape.SUSTAINED:
            transit = between(*TRANSIT_MS, self._seed, "load/transit", job.number) // self.profile.factor
            for event in now:
                heappush(later, (min(end_ms, job.at_ms + transit), next(turn), True, event))
        else:
            body = b"[" + b",".join(map(_cloud_event, now)) + b"]"
            yield _request(job.at_ms, "managers", "/v1/events", BATCH, body, now)

    def _gathered(self, later: list[tuple[int, int, bool, _Event]]) -> Iterator[Delivery]:
        """One webhook, with what has gathered since its first event came."""
        sent_ms = later[0][0] + GATHERED_MS
        some: list[tuple[int, int, bool, _Event]] = []
        while later and len(some) < WEBHOOK_EVENTS and later[0][0] <= sent_ms:
            some.append(heappop(later))
        body = b"[" + b",".join(one.body for _, _, _, one in some) + b"]"
        yield Delivery(
            sent_ms,
            "machines",
            "runtime",
            "POST",
            f"/v1/webhooks/{WEBHOOKS}",
            PLAIN,
            body,
            tuple(one.name for _, _, _, one in some),
            tuple(one.row for _, _, first, one in some if first),
            WEBHOOKS,
        )

    def _look(self, job: _Job, newest: Entry | None) -> Delivery:
        """Somebody wants to know: how it stands, how the accounts are, or what became of the newest entry."""
        which = job.number % 4
        path = ("/v1/status", "/v1/accounts", "/v1/status", "/v1/status")[which]
        if which == 3 and newest is not None:
            path = f"/v1/trace/{newest.entity}/{newest.entry}"
        return Delivery(job.at_ms, "operators", "runtime", "GET", path, {}, b"")

    # ---------------------------------------------------------------- events, made by the mock PSA from acts

    def _last_week(self, entity: LegalEntity) -> list[int]:
        """Ordinals of the last five working days of the month."""
        first, last = self.calendar.firm.month_first.toordinal(), self.calendar.firm.month_last.toordinal()
        off = {day.toordinal() for day in entity.holidays}
        return [day for day in range(first, last + 1) if (day - 1) % 7 < 5 and day not in off][-5:]

    def _sheet_id(self, sheet: int) -> str:
        return f"{self._staff[self._who[sheet]].worker}-{self._week}-{self._copy[sheet]}"

    def _plans(self, sheets: tuple[int, ...]) -> list[SheetPlan]:
        """These sheets with their lines, as they are handed in."""
        which = np.array(sheets)
        rows = self._rows[which]
        keys = mixed(
            np.repeat(self._keys[which], rows), np.arange(rows.sum()) - np.repeat(np.cumsum(rows) - rows, rows)
        )
        settings = self._people
        quarters = quarters_table()[draws.below(keys, "load/hours", 65_536)].tolist()
        kind = draws.below(keys, "load/kind", 1_000_000).tolist()
        pick = draws.below(keys, "load/pick", 1_000).tolist()
        told = draws.below(keys, "load/narrative", len(_NARRATIVES)).tolist()
        unbilled = max(1_000_000 - settings.utilisation_ppm, settings.leave_internal_ppm)
        plans: list[SheetPlan] = []
        row = 0
        for sheet in sheets:
            person = self._staff[self._who[sheet]]
            own, days, sheet_id = self._booked_on[person.worker], self._days[person.entity], self._sheet_id(sheet)
            many = int(self._rows[sheet])
            lines: list[LinePlan] = []
            for number in range(many):
                u = kind[row]
                away = u < settings.leave_internal_ppm
                lines.append(
                    LinePlan(
                        f"{sheet_id}-{number + 1}",
                        number + 1,
                        # Eight rows in ten are on a person's first assignment, as in the simulated month.
                        own[0 if pick[row] < 800 else pick[row] % len(own)],
                        _day(days[number * len(days) // many]),
                        quarters[row],
                        ("leave", "internal")[u % 2] if away else "standard",
                        u >= unbilled,
                        _NARRATIVES[told[row]],
                        0,
                    )
                )
                row += 1
            plans.append(SheetPlan(sheet_id, person.worker, person.approver, person.entity, _day(days[0]), lines))
        return plans

    def _approved(self, sheets: tuple[int, ...], at_ms: int, method: str) -> list[_Event]:
        """The first versions of these sheets' lines, in their order."""
        by_entity: dict[str, list[SheetPlan]] = {}
        for plan in self._plans(sheets):
            by_entity.setdefault(plan.entity, []).append(plan)
        made: list[_Event] = []
        decided_ms = self.started_at_ms + at_ms
        for code, plans in by_entity.items():
            psa, evidence = self._a_psa(code)
            for plan in plans:
                psa.act(SheetSubmitted(decided_ms - MINUTE_MS, plan), decided_ms - MINUTE_MS)
            act = (
                AutoApproved(decided_ms, code)
                if method == "auto"
                else SheetsDecided(decided_ms, plans[0].approver, method, plans)
            )
            for _, published in psa.act(act, decided_ms):
                made += [self._event(code, one, evidence, at_ms) for one in published]
        return made

    def _changed(self, job: _Job) -> _Event | None:
        """The second version of a line: corrected and approved again, or taken back."""
        (plan,) = self._plans((job.number,))
        line = plan.lines[job.of]
        plan.lines = [line]
        psa, evidence = self._a_psa(plan.entity)
        at_ms = self.started_at_ms + job.at_ms
        psa.act(SheetSubmitted(at_ms - 2 * MINUTE_MS, plan), at_ms - 2 * MINUTE_MS)
        psa.act(SheetsDecided(at_ms - MINUTE_MS, plan.approver, "bulk", [plan]), at_ms - MINUTE_MS)
        key = mixed(self._keys[job.number : job.number + 1], np.array([job.of]))
        if draws.below(key, "load/fate", 1_000_000)[0] >= self._people.correction_ppm:
            made = psa.act(LineWithdrawn(at_ms, plan.entity, line.entry_id, "cancelled"), at_ms)
        else:
            change = LineChanged(at_ms, plan.entity, line.entry_id)
            if draws.below(key, "load/corrected", 2)[0]:
                change.quarter_hours = line.quarter_hours + (1 if line.quarter_hours < 32 else -1)
            else:
                change.narrative = f"{line.narrative} (corrected)"
            psa.act(change, at_ms)
            made = psa.act(LinesApproved(at_ms, plan.entity, plan.approver, (line.entry_id,)), at_ms)
        return next((self._event(code, one, evidence, job.at_ms) for code, some in made for one in some), None)

    def _a_psa(self, code: str) -> tuple[Psa, Evidence]:
        """A source that knows nothing yet, to be forgotten with the request that is made with it."""
        evidence = Evidence(code)
        entity = self.entities[code]
        return Psa(self.profile.scenario.world.psa, entity.psa_account, (entity,), {code: evidence}), evidence

    def _event(self, code: str, published: Publication, evidence: Evidence, at_ms: int) -> _Event:
        version: ApprovedVersion = evidence.versions[published.entry_id][published.version - 1]
        worth = self._pricing.worth(version)
        body = published.body
        if version.withdrawn:
            # To the source an entry is an entry; a gateway has to know whose it is.
            body = b'{"entity":"%s",' % code.encode() + body[1:]
        return _Event(
            body,
            ApprovedRow(
                published.entry_id,
                published.version,
                code,
                self.entities[code].region,
                at_ms,
                not version.withdrawn and version.time_type not in EXCLUDED,
                None if worth is None else worth.bill_minor,
                "" if worth is None else worth.bill_currency,
            ),
        )


# ------------------------------------------------------------------ words of the gateway


def _cloud_event(event: _Event) -> bytes:
    """A plain event as a CloudEvent: its type on the envelope, the rest as data."""
    kind, rest = (WITHDRAWN, event.body) if event.body.startswith(b'{"entity"') else (APPROVED, event.body)
    head = b'"type":"%s",' % kind
    data = rest.replace(head, b"", 1)
    row = event.row
    return b'{"specversion":"1.0","id":"%s/%d","source":"psa","type":"%s","data":%s}' % (
        row.entry.encode(),
        row.version,
        kind,
        data,
    )


APPROVED, WITHDRAWN = b"time_entry.approved", b"time_entry.withdrawn"


def _request(at_ms: int, user: User, path: str, headers: dict[str, str], body: bytes, events: list[_Event]) -> Delivery:
    names = tuple(one.name for one in events)
    return Delivery(at_ms, user, "runtime", "POST", path, headers, body, names, tuple(one.row for one in events))


def _to_source(at_ms: int, lines: list[bytes]) -> Delivery:
    return Delivery(at_ms, "consultants", "source", "POST", SOURCE_PATH, LINES, b"\n".join(lines))


# ------------------------------------------------------------------ draws

_NARRATIVES = narratives()


@cache
def _day(ordinal: int) -> date:
    return date.fromordinal(ordinal)


def _before_deadline(u: Floats, window_min: int, w_over_tau_percent: int) -> Floats:
    """Working minutes before a deadline, by the law of pressure 1 / (time left)."""
    ratio = w_over_tau_percent / 100
    tau = window_min / ratio
    return np.asarray(tau * ((1 + ratio) ** u - 1))


def _piles(team: Ints, per_pile: int) -> list[tuple[int, int]]:
    """Neighbours of one team in piles of about so many, none much smaller: (first, last excluded) of each."""
    if not team.size:
        return []
    edges = [0, *(np.flatnonzero(np.diff(team)) + 1).tolist(), team.size]
    piles: list[tuple[int, int]] = []
    for first, last in pairwise(edges):
        parts = max(1, round((last - first) / per_pile))
        bounds = [first + (last - first) * part // parts for part in range(parts + 1)]
        piles += pairwise(bounds)
    return piles


def _cut(sheets: Ints, size: int) -> Iterator[tuple[float, Ints]]:
    """Parts of about so many, each with how far through all of them it begins (0 to 1)."""
    for first in range(0, len(sheets), size):
        yield first / len(sheets), sheets[first : first + size]
