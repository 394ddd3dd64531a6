"""Plans what the people of a firm do in a month: book rows, hand them in, decide, correct, take back.

    rows --gathered by week--> sheets --submitted--> piles --clicks--> decided --+-- stands
                                                       |                         +-- corrected, approved again
                                                       |                         +-- taken back
                                                       |                         `-- returned, changed, approved | left
                                                       `-- nobody decides --> approved at the cut-off

Rule 1. Entities are planned one by one, and every draw is keyed by names (worker, civil day, row), so that planning
        some entities gives the same acts as planning all, and one worker less changes nobody else's rows.
Rule 2. A line's acts follow each other in time: booked, submitted, decided, changed, approved again.
Rule 3. A sheet is decided by one click, or by nobody and then at the cut-off; never by both.
Rule 4. Nobody acts later than six days after month end.

Everything is drawn in columns; objects are made once, at the end.
"""

import gc
import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from operator import add, attrgetter

import numpy as np
from numpy.typing import NDArray

from simulators.firm.draws import Ints, Keys, below, bits, happens, keys_of, mixed, poisson, uniform
from simulators.firm.model import AssignmentPlan, Consultant, Firm, LegalEntity
from simulators.firm.names import narratives
from simulators.people.acts import (
    Act,
    AutoApproved,
    LineChanged,
    LinePlan,
    LinesApproved,
    LineWithdrawn,
    SheetPlan,
    SheetsDecided,
    SheetSubmitted,
)
from simulators.people.clock import HOUR_MS, MINUTE_MS, EntityClock, wait_ms
from simulators.people.parameters import PeopleSettings

Mask = NDArray[np.bool_]

WEEKDAY_WEIGHTS = (197, 225, 214, 218, 136, 0, 0)
"""When rows are booked for, Monday to Friday in permille (measured: CESAW)."""

HOURS_MU, HOURS_SIGMA = 0.860, 1.346
"""Lognormal hours of a sheet row, cut to 0.25 .. 8 and rounded to quarters (measured: SiP, median 2.0)."""

LONGEST_DAY_QUARTERS = 64
"""A day with more than 16 hours is shortened row by row (assumed: the source refuses such days)."""

MOST_ROWS_A_DAY = 24
MAIN_ASSIGNMENT_PPM = 800_000
"""Rows on a worker's first assignment (assumed; measured: 96 % of person-weeks touch one project)."""

TIME_TYPES = ("standard", "leave", "internal")
WITHDRAWAL_REASONS = ("unapproved", "cancelled", "deleted")
PROMPT_MS = 4 * HOUR_MS
"""A wait up to this long is one sitting; after a longer one the approver comes at an hour of the profile (assumed)."""

SECOND_THOUGHTS_MOST = 3
SECOND_THOUGHTS_MS = 6 * MINUTE_MS
"""How often a line is changed in haste at most, and within how long each time (ours: shorter than a late landing)."""

CHANGE_KINDS = (("quantity", 40), ("narrative", 65), ("dimensions", 80), ("project", 90), ("rate", 100))
"""What a correction changes, as cumulated percent (assumed). "rate" changes nothing: it is only approved again."""


def plan_month(firm: Firm, settings: PeopleSettings, seed: int, entities: Collection[str] | None = None) -> list[Act]:
    """All acts of the month, or those of some entities (by code), by time; ties by entity, then as they follow."""
    staff: dict[str, list[Consultant]] = {entity.code: [] for entity in firm.entities}
    for consultant in firm.consultants:
        staff[consultant.entity].append(consultant)
    booked_on: dict[str, list[AssignmentPlan]] = {}
    for assignment in firm.assignments:
        booked_on.setdefault(assignment.worker, []).append(assignment)
    acts: list[Act] = []
    collecting = gc.isenabled()
    # Millions of acyclic objects: the cycle collector would walk them all, again and again, for a third of the time.
    gc.disable()
    try:
        for entity in sorted(firm.entities, key=attrgetter("code")):
            if staff[entity.code] and (entities is None or entity.code in entities):
                acts += _Month(firm, entity, staff[entity.code], booked_on, settings, seed).acts()
        acts.sort(key=attrgetter("at_ms"))
    finally:
        if collecting:
            gc.enable()
    return acts


@lru_cache(maxsize=1)
def quarters_table() -> Ints:
    """65,536 cells that hold 1 .. 32 quarters as often as the truncated lognormal does."""

    def below_hours(hours: float) -> float:
        return 0.5 * (1 + math.erf((math.log(hours) - HOURS_MU) / (HOURS_SIGMA * math.sqrt(2))))

    low, high = below_hours(0.25), below_hours(8.0)
    edges = [min(max((q + 0.5) / 4, 0.25), 8.0) for q in range(33)]
    bounds = [round(65_536 * (below_hours(edge) - low) / (high - low)) for edge in edges]
    return np.repeat(np.arange(1, 33), np.diff(bounds))


@dataclass(slots=True)
class _Rows:
    """The rows of one entity as columns, in the order of worker, week and day."""

    key: Keys
    worker: Ints
    day: Ints
    quarters: Ints
    sheet: Ints
    number: Ints


@dataclass(slots=True)
class _Sheets:
    """The sheets of one entity as columns. `rows` are the bounds of their rows, one more than there are sheets."""

    key: Keys
    worker: Ints
    week: Ints
    first_day: Ints
    rows: Ints
    submitted: Ints
    decided: Ints
    click: Ints


class _Month:
    """One entity's month in the making."""

    def __init__(
        self,
        firm: Firm,
        entity: LegalEntity,
        consultants: list[Consultant],
        booked_on: dict[str, list[AssignmentPlan]],
        settings: PeopleSettings,
        seed: int,
    ) -> None:
        self.firm, self.entity, self.settings, self.seed = firm, entity, settings, seed
        self.consultants, self.booked_on = consultants, booked_on
        self.clock = EntityClock(firm, entity, settings, seed)
        self.worker_keys = keys_of(seed, "people/worker", [c.worker for c in consultants])
        own = [booked_on[c.worker] for c in consultants]
        self.own_count = np.array([len(some) for some in own])
        self.own_first = np.concatenate(([0], np.cumsum(self.own_count)[:-1]))
        self.assignments = [assignment for some in own for assignment in some]
        names = list(dict.fromkeys(c.approver for c in consultants))
        rank = {name: i for i, name in enumerate(names)}
        self.approvers = names
        self.approver_of = np.array([rank[c.approver] for c in consultants])
        self.approver_keys = keys_of(seed, "people/approver", names)
        self.month_end = self.clock.index(firm.month_last)
        self.narratives = narratives()

    def acts(self) -> list[Act]:
        """The entity's acts by time."""
        rows = self._rows()
        if not len(rows.key):
            return []
        sheets = self._sheets(rows)
        sheets.submitted = self._submissions(sheets)
        clicks, autos = self._decisions(sheets)
        plans = self._objects(rows, sheets)
        return self._acts(rows, sheets, plans, clicks, autos)

    # ---- booking

    def _bookable(self) -> Mask:
        clock = self.clock
        bookable = clock.works.copy()
        bookable[: clock.index(clock.first)] = False
        last = self.month_end
        if self.settings.split_week:
            last = last // 7 * 7 + 6
        bookable[last + 1 :] = False
        return bookable

    def _rows(self) -> _Rows:
        clock, settings = self.clock, self.settings
        bookable = self._bookable()
        days = np.flatnonzero(bookable)
        weights = np.array(WEEKDAY_WEIGHTS, dtype=np.float64)
        # The month's rows are spread over its working days, whatever part of it is planned.
        month = [day for day in self._month_days() if day.weekday() < 5 and day not in self.entity.holidays]
        whole = sum(WEEKDAY_WEIGHTS[day.weekday()] for day in month)
        per_month = settings.rows_per_person_week * 52 / 12 * settings.volume_percent / 100
        base = np.array([c.base_rate for c in self.consultants])
        mean = base[:, None] * (per_month * weights[days % 7] / whole)[None, :]
        ordinals = days + clock.monday.toordinal()
        cells = mixed(self.worker_keys[:, None], ordinals[None, :])
        counts = poisson(cells, "rows", mean, max(MOST_ROWS_A_DAY, MOST_ROWS_A_DAY * settings.volume_percent // 100))

        flat = counts.ravel()
        cell = np.repeat(np.arange(flat.size), flat)
        turn = np.arange(cell.size) - np.repeat(np.cumsum(flat) - flat, flat)
        key = mixed(cells.ravel()[cell], turn)
        worker, day = cell // len(days), days[cell % len(days)]
        quarters = quarters_table()[below(key, "hours", 65_536)]
        total = np.bincount(cell, weights=quarters, minlength=flat.size)[cell]
        share = np.maximum(LONGEST_DAY_QUARTERS // np.maximum(flat, 1), 1)[cell]
        quarters = np.where(total > LONGEST_DAY_QUARTERS, np.minimum(quarters, share), quarters)

        twice = happens(key, "booked twice", settings.duplicate_ppm)
        # Work past midnight is two rows on two days, if the next day is one of the same sheet.
        next_open = np.concatenate((bookable[1:], [False]))[day] & (day % 7 < 6)
        past_midnight = happens(key, "past midnight", settings.cross_midnight_ppm) & next_open & ~twice & (quarters > 1)
        source = np.repeat(np.arange(key.size), 1 + (twice | past_midnight))
        copy = np.concatenate(([0], source[1:] == source[:-1])).astype(np.int64)[: source.size]
        split = past_midnight[source]
        quarters = quarters[source]
        quarters = np.where(split, np.where(copy == 1, quarters // 2, quarters - quarters // 2), quarters)
        worker, day = worker[source], day[source] + (split & (copy == 1))
        # A copy has the key of its original: what is drawn for the content of a row is drawn alike for both.
        none = np.empty(0, dtype=np.int64)
        order = np.argsort(worker * clock.days + day, kind="stable")
        return _Rows(key[source][order], worker[order], day[order], quarters[order], none, none)

    def _month_days(self) -> list[date]:
        return [self.firm.month_first.replace(day=i) for i in range(1, self.firm.month_last.day + 1)]

    def _sheets(self, rows: _Rows) -> _Sheets:
        """Gathers rows to sheets (worker and week), and tells the rows their sheet and number."""
        week = rows.day // 7
        group = rows.worker * (self.clock.days // 7 + 2) + week
        starts = np.flatnonzero(np.concatenate(([True], group[1:] != group[:-1])))
        bounds = np.concatenate((starts, [rows.key.size]))
        sizes = np.diff(bounds)
        rows.sheet = np.repeat(np.arange(starts.size), sizes)
        rows.number = np.arange(rows.key.size) - starts[rows.sheet] + 1
        worker = rows.worker[starts]
        mondays = week[starts] * 7 + self.clock.monday.toordinal()
        key = bits(mixed(self.worker_keys[worker], mondays), "sheet")
        none = np.full(starts.size, -1, dtype=np.int64)
        return _Sheets(key, worker, week[starts], rows.day[starts], bounds, none, none.copy(), none.copy())

    # ---- handing in

    def _submissions(self, sheets: _Sheets) -> Ints:
        """When each sheet is handed in: weekly from Friday noon to Tuesday noon, the last one by its deadline."""
        clock = self.clock
        key, week = sheets.key, sheets.week
        noon_friday = week * 168 + 4 * 24 + 12
        noon_tuesday = (week + 1) * 168 + 24 + 12
        on_time = clock.submitted_between(noon_friday, noon_tuesday, key)
        by_deadline = clock.by_submit_deadline(sheets.first_day, key)
        last = (week == self._last_week()) | (on_time >= clock.submit_due_ms)
        on_time = np.where(last, by_deadline, on_time)

        horizon_hour = int(np.searchsorted(clock.hours, clock.horizon_ms)) - 6
        end = np.minimum((week + 2) * 168 + 12, horizon_hour)
        weekly_late = clock.submitted_between(np.minimum(noon_tuesday, end - 1), end, key)
        one = int(clock.next_working[clock.cutoff_day + 1])
        two = int(clock.next_working[one + 1])
        day = np.where(happens(key, "very late", 400_000), two, one)
        month_late = clock.submitted_between(day * 24, day * 24 + 24, key)
        month_late = clock.before_horizon(month_late, np.full(key.size, clock.cutoff_ms), key, "late")
        late = happens(key, "late", self.settings.late_ppm)
        return np.where(late, np.where(last, month_late, weekly_late), on_time)

    def _last_week(self) -> int:
        """The week of the month's last working day: the sheet that closes the month."""
        day = self.month_end
        while not self.clock.works[day]:
            day -= 1
        return day // 7

    # ---- deciding

    def _decisions(self, sheets: _Sheets) -> tuple[list[tuple[int, int, list[int]]], bool]:
        """Clicks as (instant, approver, sheets), filled into the sheets too, and whether the cut-off approves any.

        A pile of a week is decided a wait (BPIC quantiles, bimodal) after its last sheet came. What is undecided when
        the rush before the cut-off begins is decided in it by the deadline law, or by nobody.
        """
        clock, settings = self.clock, self.settings
        submitted = sheets.submitted
        approver = self.approver_of[sheets.worker]
        after_cutoff = submitted >= clock.approve_due_ms - MINUTE_MS
        rush = (sheets.week == self._last_week()) & ~after_cutoff

        calm = np.flatnonzero(~rush)
        group = (sheets.week[calm] + clock.monday.toordinal() // 7) * 2 + after_cutoff[calm]
        piles = _piles(approver[calm], group, submitted[calm], settings.sheets_per_click)
        calm = calm[piles.order]
        ready = submitted[calm][piles.last]
        key = mixed(self.approver_keys[approver[calm][piles.last]], piles.name)
        wait = wait_ms("approval_step_wait_seconds_q", uniform(key, "wait")) + 1000
        at = np.where(
            wait <= PROMPT_MS,
            clock.before_horizon(ready + wait, ready, key, "prompt"),
            clock.at_the_desk(ready + wait, ready, key, "decided"),
        )
        in_rush = (at >= clock.rush_ms) & ~after_cutoff[calm][piles.last]
        stays = ~in_rush[piles.of]
        clicks = self._click(sheets, approver, calm, piles, at, ~in_rush)
        rush[calm[~stays]] = True

        nobody = rush & happens(sheets.key, "nobody decides", settings.auto_approve_ppm)
        autos = bool(settings.auto_approve_ppm)
        if autos:
            # Handed in between the last working moment and the cut-off itself: the cut-off takes it.
            stray = after_cutoff & (submitted < clock.cutoff_ms)
            clicks = _without(clicks, sheets, stray)
            nobody |= stray
        hurried = np.flatnonzero(rush & ~nobody)
        piles = _piles(approver[hurried], np.zeros_like(hurried), submitted[hurried], settings.sheets_per_click)
        hurried = hurried[piles.order]
        ready = submitted[hurried][piles.last]
        key = mixed(self.approver_keys[approver[hurried][piles.last]], piles.name)
        at = np.maximum(clock.by_approve_deadline(ready, key), ready + 1000)
        clicks += self._click(sheets, approver, hurried, piles, at, np.ones(at.size, dtype=np.bool_))
        sheets.decided = np.where(nobody, clock.cutoff_ms, sheets.decided)
        return clicks, autos

    def _click(
        self, sheets: _Sheets, approver: Ints, members: Ints, piles: "_Piles", at: Ints, which: Mask
    ) -> list[tuple[int, int, list[int]]]:
        clicked = which[piles.of]
        sheets.decided[members[clicked]] = at[piles.of][clicked]
        sheets.click[members[clicked]] = 1
        first = np.concatenate(([0], piles.last[:-1] + 1)) if piles.last.size else piles.last
        names, ordered = approver.tolist(), members.tolist()
        return [
            (instant, names[ordered[a]], ordered[a : b + 1])
            for instant, a, b, yes in zip(at.tolist(), first.tolist(), piles.last.tolist(), which.tolist(), strict=True)
            if yes
        ]

    # ---- objects

    def _objects(self, rows: _Rows, sheets: _Sheets) -> list[SheetPlan]:
        clock, code = self.clock, self.entity.code
        key, sheet = rows.key, rows.sheet
        mondays = [clock.day(i * 7) for i in range(clock.days // 7 + 1)]
        weeks = ["{}W{:02d}".format(*monday.isocalendar()[:2]) for monday in mondays]
        workers = [c.worker for c in self.consultants]
        sheet_worker, sheet_week = sheets.worker.tolist(), sheets.week.tolist()
        sheet_ids = [
            f"{code}-{workers[worker]}-{weeks[week]}" for worker, week in zip(sheet_worker, sheet_week, strict=True)
        ]
        bounds = sheets.rows.tolist()
        sizes = np.diff(sheets.rows).tolist()
        numbers = [f":{n}" for n in range(max(sizes) + 1)]
        number = rows.number.tolist()
        prefixes = [p for sheet_id, n in zip(sheet_ids, sizes, strict=True) for p in ["psa:" + sheet_id] * n]
        entry_ids = list(map(add, prefixes, map(numbers.__getitem__, number)))

        own = self.own_count[rows.worker]
        other = (uniform(key, "which assignment") * own).astype(np.int64)
        pick = np.where(happens(key, "main assignment", MAIN_ASSIGNMENT_PPM), 0, other)
        rows_assignment = (self.own_first[rows.worker] + pick).tolist()
        kind, billable = self._kinds(key)
        at = clock.hours[rows.day * 24 + 16] + (uniform(key, "booked") * (150 * MINUTE_MS)).astype(np.int64)
        # Nobody hands in what is not booked: days still to come are booked ahead.
        before = sheets.submitted[sheet] - MINUTE_MS - (uniform(key, "ahead") * (30 * MINUTE_MS)).astype(np.int64)
        dates = [clock.day(i) for i in range(clock.days)]
        said = below(key, "narrative", len(self.narratives)).tolist()
        lines = list(
            map(
                LinePlan,
                entry_ids,
                number,
                map(self.assignments.__getitem__, rows_assignment),
                map(dates.__getitem__, rows.day.tolist()),
                rows.quarters.tolist(),
                map(TIME_TYPES.__getitem__, kind.tolist()),
                billable.tolist(),
                map(self.narratives.__getitem__, said),
                np.minimum(at, before).tolist(),
            )
        )
        # From here on a row is a line of its own: a copy has its own fate.
        rows.key = bits(mixed(sheets.key[sheet], rows.number), "line")
        approvers = [c.approver for c in self.consultants]
        return [
            SheetPlan(sheet_id, workers[w], approvers[w], code, mondays[week], lines[a:b])
            for sheet_id, w, week, a, b in zip(
                sheet_ids, sheet_worker, sheet_week, bounds[:-1], bounds[1:], strict=True
            )
        ]

    def _kinds(self, key: Keys) -> tuple[Ints, Mask]:
        """Index into TIME_TYPES, and billable. Leave and internal take from the hours that are not billable."""
        away = self.settings.leave_internal_ppm
        u = below(key, "kind", 1_000_000)
        kind = np.where(u < away, 1 + (u % 2), 0)
        return kind, u >= max(1_000_000 - self.settings.utilisation_ppm, away)

    # ---- acts

    def _acts(
        self,
        rows: _Rows,
        sheets: _Sheets,
        plans: list[SheetPlan],
        clicks: list[tuple[int, int, list[int]]],
        autos: bool,
    ) -> list[Act]:
        acts: list[Act] = list(map(SheetSubmitted, sheets.submitted.tolist(), plans))
        rejected, held = self._rejected(rows, sheets), self._held(rows, sheets)
        rejected &= ~held
        refused, kept = _ids_by_sheet(rows, plans, rejected), _ids_by_sheet(rows, plans, held)
        for at, approver, members in clicks:
            method = "bulk" if len(members) > 1 else "single"
            no = tuple(i for m in members for i in refused.get(m, ()))
            hold = tuple(i for m in members for i in kept.get(m, ()))
            acts.append(SheetsDecided(at, self.approvers[approver], method, [plans[m] for m in members], no, hold))
        if autos:
            acts.append(AutoApproved(self.clock.cutoff_ms, self.entity.code))
        acts += self._after_rejection(rows, sheets, plans, refused)
        acts += self._after_hold(sheets, plans, kept)
        acts += self._after_approval(rows, sheets, plans, ~rejected & ~held)
        acts += self._second_thoughts(rows, sheets, plans, ~rejected & ~held)
        acts.sort(key=attrgetter("at_ms"))
        return acts

    def _rejected(self, rows: _Rows, sheets: _Sheets) -> Mask:
        """Lines rejected by a click: on returned sheets so many that the share of all line decisions comes out."""
        settings = self.settings
        if not settings.returned_sheets_ppm or not settings.rejected_ppm:
            return np.zeros(rows.key.size, dtype=np.bool_)
        returned = happens(sheets.key, "returned", settings.returned_sheets_ppm) & (sheets.click == 1)
        per_line = min(1_000_000, settings.rejected_ppm * 1_000_000 // settings.returned_sheets_ppm)
        hit = returned[rows.sheet] & happens(rows.key, "rejected", per_line)
        spared = returned & (np.bincount(rows.sheet[hit], minlength=returned.size) == 0)
        hit[sheets.rows[:-1][spared]] = True
        return np.asarray(hit)

    def _held(self, rows: _Rows, sheets: _Sheets) -> Mask:
        """Lines of the next month that the approver leaves undecided when the sheet is decided within the month."""
        ahead = rows.day > self.month_end
        opens = int(self.clock.hours[(self.month_end + 1) * 24])
        holds = happens(sheets.key, "hold", self.settings.hold_ppm) & (sheets.click == 1) & (sheets.decided < opens)
        return np.asarray(ahead & holds[rows.sheet])

    def _after_rejection(
        self, rows: _Rows, sheets: _Sheets, plans: list[SheetPlan], refused: dict[int, list[str]]
    ) -> list[Act]:
        """Rejected lines are changed and approved after all, or deleted, or left."""
        at = np.array(list(refused), dtype=np.int64)
        key, decided = sheets.key[at], sheets.decided[at]
        wait = wait_ms("reject_to_resubmit_seconds_q", uniform(key, "resubmit wait"))
        changed = self.clock.at_the_desk(decided + wait, decided, key, "resubmitted")
        again = self._some_hours_later(changed, key)
        comes = happens(key, "resubmit", self.settings.resubmit_ppm).tolist()
        deletes = happens(key, "delete", 500_000).tolist()
        code = self.entity.code
        acts: list[Act] = []
        for i, (sheet, ids) in enumerate(refused.items()):
            plan, when = plans[sheet], int(changed[i])
            if comes[i]:
                first = int(sheets.rows[sheet])
                for entry_id in ids:
                    line = plan.lines[int(entry_id.rpartition(":")[2]) - 1]
                    draw = int(rows.key[first + line.number - 1])
                    acts.append(self._change(when, line, ("quantity", "narrative")[draw >> 40 & 1], draw))
                acts.append(LinesApproved(int(again[i]), code, plan.approver, tuple(ids)))
            elif deletes[i]:
                acts += [LineWithdrawn(when, code, entry_id, "deleted") for entry_id in ids]
        return acts

    def _after_hold(self, sheets: _Sheets, plans: list[SheetPlan], kept: dict[int, list[str]]) -> list[Act]:
        """Held lines are approved when their days have been worked."""
        at = np.array(list(kept), dtype=np.int64)
        key = sheets.key[at]
        opens = np.full(at.size, self.clock.hours[(self.month_end + 1) * 24], dtype=np.int64)
        wish = opens + (uniform(key, "held") * (4 * 24 * HOUR_MS)).astype(np.int64)
        when = self.clock.at_the_desk(wish, opens, key, "held").tolist()
        return [
            LinesApproved(at_ms, self.entity.code, plans[sheet].approver, tuple(ids))
            for at_ms, (sheet, ids) in zip(when, kept.items(), strict=True)
        ]

    def _after_approval(self, rows: _Rows, sheets: _Sheets, plans: list[SheetPlan], stands: Mask) -> list[Act]:
        """Some approved lines are corrected and approved again, a few are taken back."""
        settings, code = self.settings, self.entity.code
        fate = below(rows.key, "fate", 1_000_000)
        touched = np.flatnonzero(stands & (fate < settings.correction_ppm + settings.withdrawal_ppm))
        key, sheet = rows.key[touched], rows.sheet[touched]
        decided = sheets.decided[sheet]
        wait = wait_ms("reject_to_resubmit_seconds_q", uniform(key, "correction wait"))
        changed = self.clock.at_the_desk(decided + wait, decided, key, "corrected")
        again = self._some_hours_later(changed, key)
        kinds = below(key, "correction", 100).tolist()
        corrects = (fate[touched] < settings.correction_ppm).tolist()
        acts: list[Act] = []
        for correct, when, then, kind, draw, at, number in zip(
            corrects,
            changed.tolist(),
            again.tolist(),
            kinds,
            key.tolist(),
            sheet.tolist(),
            rows.number[touched].tolist(),
            strict=True,
        ):
            plan = plans[at]
            line = plan.lines[number - 1]
            if not correct:
                acts.append(LineWithdrawn(when, code, line.entry_id, WITHDRAWAL_REASONS[draw % 3]))
                continue
            what = next(name for name, bound in CHANGE_KINDS if kind < bound)
            if what != "rate":
                acts.append(self._change(when, line, what, draw))
            acts.append(LinesApproved(then, code, plan.approver, (line.entry_id,)))
        return acts

    def _second_thoughts(self, rows: _Rows, sheets: _Sheets, plans: list[SheetPlan], stands: Mask) -> list[Act]:
        """Lines that are changed and approved again while the last approval has hardly left the building."""
        settings, code = self.settings, self.entity.code
        patient = below(rows.key, "fate", 1_000_000) >= settings.correction_ppm + settings.withdrawal_ppm
        hasty = np.flatnonzero(stands & patient & happens(rows.key, "second thoughts", settings.second_thoughts_ppm))
        acts: list[Act] = []
        if not hasty.size:
            return acts
        key, sheet = rows.key[hasty], rows.sheet[hasty]
        times = 1 + below(key, "second thoughts, times", SECOND_THOUGHTS_MOST)
        waits = [below(key, f"second thoughts, wait {n}", SECOND_THOUGHTS_MS) for n in range(2 * SECOND_THOUGHTS_MOST)]
        for i, (draw, at, number) in enumerate(
            zip(key.tolist(), sheet.tolist(), rows.number[hasty].tolist(), strict=True)
        ):
            plan = plans[at]
            line = plan.lines[number - 1]
            now = int(sheets.decided[at])
            for n in range(int(times[i])):
                now += 1_000 + int(waits[2 * n][i])
                acts.append(
                    self._change(now, line, ("quantity", "narrative", "project")[(draw >> 8 * n) % 3], draw >> n)
                )
                now += 1_000 + int(waits[2 * n + 1][i])
                acts.append(LinesApproved(now, code, plan.approver, (line.entry_id,)))
            if draw % 5 == 0:
                now += 1_000 + int(waits[0][i])
                acts.append(LineWithdrawn(now, code, line.entry_id, WITHDRAWAL_REASONS[draw % 3]))
        return acts

    def _some_hours_later(self, changed: Ints, key: Keys) -> Ints:
        wait = 30 * MINUTE_MS + (uniform(key, "approved again") * (8 * HOUR_MS)).astype(np.int64)
        return self.clock.before_horizon(changed + wait, changed, key, "approved again")

    def _change(self, at_ms: int, line: LinePlan, what: str, draw: int) -> LineChanged:
        """A change that really changes something. A worker with one assignment changes the quantity instead."""
        act = LineChanged(at_ms, self.entity.code, line.entry_id)
        if (draw >> 20) % 1_000_000 < self.settings.moved_day_ppm:
            one_day = timedelta(days=1)
            act.work_date = line.work_date + (one_day if line.work_date == self.firm.month_first else -one_day)
            return act
        if what == "project":
            others = [a for a in self._own(line.assignment) if a is not line.assignment]
            if others:
                act.assignment = others[draw % len(others)]
                return act
        if what == "narrative":
            said = self.narratives[draw % len(self.narratives)]
            act.narrative = said if said != line.narrative else f"{said} (corrected)"
        elif what == "dimensions":
            act.dimensions = (line.assignment.dimensions[0], f"WP-{draw % 90 + 10}")
        else:
            step = draw % 4 + 1
            less, more = line.quarter_hours - step, line.quarter_hours + step
            down = less >= 1 and (more > 32 or draw >> 8 & 1)
            act.quarter_hours = less if down else more
        return act

    def _own(self, assignment: AssignmentPlan) -> list[AssignmentPlan]:
        return self.booked_on[assignment.worker]


@dataclass(slots=True)
class _Piles:
    """Things in piles: `order` sorts them, `of` is each sorted one's pile, `last` each pile's last, `name` its name."""

    order: Ints
    of: Ints
    last: Ints
    name: Ints


def _piles(approver: Ints, group: Ints, submitted: Ints, per_pile: int) -> _Piles:
    """Piles of about `per_pile` sheets, of one approver and group each, in the order they came."""
    order = np.lexsort((np.arange(submitted.size), submitted, group, approver))
    if not order.size:
        return _Piles(order, order, order, order)
    approver, group = approver[order], group[order]
    new = np.concatenate(([True], (approver[1:] != approver[:-1]) | (group[1:] != group[:-1])))
    starts = np.flatnonzero(new)
    sizes = np.diff(np.concatenate((starts, [order.size])))
    bundle = np.repeat(np.arange(starts.size), sizes)
    position = np.arange(order.size) - starts[bundle]
    parts = np.maximum(1, (2 * sizes + per_pile) // (2 * per_pile))
    part = position * parts[bundle] // sizes[bundle]
    first = np.concatenate(([True], (bundle[1:] != bundle[:-1]) | (part[1:] != part[:-1])))
    last = np.concatenate((np.flatnonzero(first)[1:] - 1, [order.size - 1]))
    return _Piles(order, np.cumsum(first) - 1, last, (group * 1024 + part)[last])


def _without(clicks: list[tuple[int, int, list[int]]], sheets: _Sheets, gone: Mask) -> list[tuple[int, int, list[int]]]:
    """The clicks without some sheets, which nobody decides then."""
    if not gone.any():
        return clicks
    sheets.click[gone] = -1
    left = gone.tolist()
    thinned = ((at, approver, [m for m in members if not left[m]]) for at, approver, members in clicks)
    return [click for click in thinned if click[2]]


def _ids_by_sheet(rows: _Rows, plans: list[SheetPlan], which: Mask) -> dict[int, list[str]]:
    """Entry ids of some rows by their sheet."""
    found: dict[int, list[str]] = {}
    at = np.flatnonzero(which)
    for sheet, number in zip(rows.sheet[at].tolist(), rows.number[at].tolist(), strict=True):
        found.setdefault(sheet, []).append(plans[sheet].lines[number - 1].entry_id)
    return found
