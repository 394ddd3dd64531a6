"""A firm for live runs: its PSAs and ERPs in real time, what it publishes, and the audit of its ledgers at the end.

    reference_events ─▶ plain events: projects, rates, periods, workers, assignments of every entity
    approved         ─▶ plain events, approved at the source at that moment       ─┐
    hear             ◀─ plain events that somebody else made up, approved the same ├─▶ Evidence ─▶ audit
    psas, erps       ◀─ what the runtime tells, asks and posts                    ─┘

Rule 1. The systems are those of the simulated world; only the clock is real, and it is the caller's: `now_ms`.
Rule 2. The scenario's calendar stands still. Its month is open whatever the day is, and what it would have brought
        (maintenance, closings, late projects) is brought by hand, or by whoever turns its dates into instants
        (`befall`); its chance faults strike as ever (`weather`).
Rule 3. Everything is approved in the mock PSA itself, so that evidence, recounts and republished
        events are the source's.
Rule 4. The auditors are those of the simulated world. What they need the runtime's word for (where a row is parked) is
        handed in; without it a row that does not stand is lost.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, NamedTuple

import msgspec

from runtime.connectors.psa.generic import UndecodableEventError, read_event
from runtime.core.model import Assignment, Gate, Period, PeriodStatus, Project, TimeEntry, Worker
from runtime.core.news import EntryApproved, EntryWithdrawn, PeriodPublished, ProjectsPublished, RatesPublished
from runtime.settings import AccountSettings, EntitySettings
from simulators.account_moves import AccountMoves, Way
from simulators.auditors.allowances import Allowances
from simulators.auditors.audit import conclude, examine
from simulators.auditors.story import GIVEN_UP, UNSETTLED
from simulators.chance import between, chance, happens
from simulators.evidence import AccountEvidence, Evidence, FinalPlace, PeriodFact
from simulators.faults.moves import AccountMove
from simulators.faults.weather import NEVER_MS, Weather
from simulators.firm.build import build_firm, is_working_day
from simulators.firm.model import AssignmentPlan, Consultant, Firm, LegalEntity, RatePlan
from simulators.people.acts import (
    Act,
    LineChanged,
    LinePlan,
    LinesApproved,
    LineWithdrawn,
    SheetPlan,
    SheetsDecided,
    SheetSubmitted,
)
from simulators.settings import WorldSettings
from simulators.systems.erp import Erp
from simulators.systems.erp_profile import Idempotency
from simulators.systems.psa import Deliveries, Psa
from simulators.world import (
    ERP_WITHOUT_QUOTA_CALLS,
    MODULE,
    PSA_QUOTA_CALLS,
    QUOTA_WINDOW_MS,
    profile_under,
    rates_by_entity,
    reference_news,
)

SHEET_LINES = 10
"""Lines of a sheet that is approved as one (assumed: a week of two rows a day)."""
CORRECTED_AFTER = 1_000
"""Entries approved before an earlier one is corrected or taken back, so that it may stand by then (assumed)."""
UNBILLED_PPM = 50_000
"""Lines that are worked and not billed (assumed)."""
CREDENTIAL_ENV = "SPRINGTIDE_MOCK_CREDENTIAL"
"""The environment variable in which the runtime looks for what the mock ERPs ask at their door."""
KEY_ROOM = 200
"""Length of keys where an ERP names no limit; the runtime's own default."""
JUDGED = ("S1", "S2", "S2b", "S3", "S4", "S5", "S6", "S9")
"""What can be judged by evidence of the source and the ledger alone."""
EXAMPLES = 20

Places = Mapping[str, Iterable[Sequence[Any]]]
"""Entity to [entry_id, version, place, reason] for what the runtime says does not stand."""

_encode = msgspec.json.Encoder().encode


class Approved(NamedTuple):
    """One version that the source published: its plain event as the gateway takes it."""

    entity: str
    entry_id: str
    version: int
    body: bytes


class LiveFirm:
    """The firm of a scenario, alive from `now_ms` on (ms UTC)."""

    def __init__(
        self,
        settings: WorldSettings,
        seed: int,
        now_ms: int,
        *,
        reprice: Callable[[Firm], Iterable[RatePlan]] | None = None,
        late_projects: Callable[[Firm], Iterable[str]] = lambda firm: (),
        calm_ms: int = NEVER_MS,
    ) -> None:
        """`reprice` replaces the firm's price lists, `late_projects` nobody knows before `set_up`.

        From `calm_ms` on chance brings no misfortune.

        What `evidence` writes says nothing of either, so such a firm is audited by itself.

        Raises ValueError where a fault breaks what the runtime is told of the world.
        """
        self.settings = settings
        self.seed = seed
        self.began_ms = now_ms
        self.firm = _firm(settings, seed, now_ms)
        if reprice is not None:
            self.firm.rates = list(reprice(self.firm))
        self.late = tuple(late_projects(self.firm))
        """Projects that are not set up yet."""
        run = settings.runtime
        self.weather = Weather(
            settings.faults, seed, calm_ms, deadline_ms=run.call_deadline_ms, late_landing_ms=run.late_landing_ms
        )
        self.by_code = {entity.code: entity for entity in self.firm.entities}
        self.evidences = {code: Evidence(code) for code in self.by_code}
        self.accounts: dict[str, AccountEvidence] = {}
        self.erps: dict[str, Erp] = {}
        self.psas: dict[str, Psa] = {}
        self._periods: dict[tuple[str, str, str], Period] = {}
        self._assignments: dict[str, AssignmentPlan] = {a.assignment: a for a in self.firm.assignments}
        self._workers: dict[str, Consultant] = {person.worker: person for person in self.firm.consultants}
        self._staffed = {code: [a for a in self.firm.assignments if a.entity == code] for code in self.by_code}
        self._days = {code: _working_days(self.firm, entity) for code, entity in self.by_code.items()}
        self._sheets = 0
        self._examples: dict[tuple[str, int], bytes] = {}
        self._build_systems()
        self._reference = self._publish(now_ms)

    # ---------------------------------------------------------------- building

    def _build_systems(self) -> None:
        self.profile = profile_under(self.settings.erp, self.weather)
        projects: dict[str, list[str]] = {code: [] for code in self.by_code}
        for project in self.firm.projects:
            if project.project not in self.late:
                projects[project.entity].append(project.project)
        workers: dict[str, list[str]] = {code: [] for code in self.by_code}
        for person in self.firm.consultants:
            workers[person.entity].append(person.worker)
        for account in dict.fromkeys(entity.erp_account for entity in self.firm.entities):
            behind = {e.code: self.evidences[e.code] for e in self.firm.entities if e.erp_account == account}
            noted = self.accounts[account] = AccountEvidence(account)
            self.erps[account] = Erp(
                self.profile,
                account,
                self.seed,
                behind,
                noted,
                projects,
                workers,
                self.weather.strike,
                self.weather.calm_after_ms,
            )
        for account in dict.fromkeys(entity.psa_account for entity in self.firm.entities):
            noted = self.accounts[account] = AccountEvidence(account)
            self.psas[account] = Psa(
                self.settings.psa,
                account,
                self.firm.entities,
                self.evidences,
                seed=self.seed,
                account_evidence=noted,
                readings=self.weather.readings,
            )
        self.ways = {account: Way() for account in self.accounts}
        login = self.profile.login
        self._account_moves = AccountMoves(
            self.erps,
            self.psas,
            self.ways,
            self.accounts,
            login.failures_allowed,
            NEVER_MS,
            # Whoever calls has its credential from its environment and cannot be given another: the old one is renewed.
            lambda move: login.credential,
            lambda account, credential: None,
        )

    def _publish(self, now_ms: int) -> list[bytes]:
        """Set the ERPs' periods, and make the plain events of all reference data."""
        rates = rates_by_entity(self.firm, self.by_code)
        made: list[bytes] = []
        for code in self.by_code:
            for news in reference_news(self.firm, code, rates[code]):
                match news:
                    case ProjectsPublished():
                        known = [project for project in news.projects if project.project not in self.late]
                        made.append(_event("projects.published", code, projects=known))
                    case RatesPublished():
                        made.append(_event("rates.published", code, lines=news.lines))
                    case PeriodPublished():
                        self._take_on(news.period, now_ms)
            periods = [period for (entity, _, _), period in self._periods.items() if entity == code]
            made.append(_event("periods.published", code, periods=periods))
            workers = [Worker(person.worker, code) for person in self.firm.consultants if person.entity == code]
            made.append(_event("workers.published", code, workers=workers))
            made.append(_event("assignments.published", code, assignments=self._assignments_of(code)))
        return made

    def _assignments_of(self, code: str) -> list[Assignment]:
        """An assignment lasts over the month and the next, in which corrections of it may still be booked."""
        first, last = self.firm.month_first, self.firm.month_last + timedelta(days=31)
        return [Assignment(a.assignment, a.worker, a.project, a.task, a.role, first, last) for a in self._staffed[code]]

    def befall(self, move: AccountMove, now_ms: int) -> bool:
        """Let something befall an account, and count it; False where there is no such account."""
        done = self._account_moves.carry_out(move, now_ms)
        if done:
            self.weather.carried_out(move)
        return done

    # ---------------------------------------------------------------- what is published

    def reference_events(self) -> list[bytes]:
        """Plain events, JSON, with everything that must be known before anything is approved, entity by entity.

        What was moved or set up since then follows, in its order.
        """
        return list(self._reference)

    def move_period(self, entity: str, name: str, status: str, gate: str, now_ms: int) -> bytes:
        """Finance moves a period of the books; empty texts leave ERP status or gate as they are.

        Returns the plain event that tells of it. Raises KeyError for an unknown entity or period, ValueError for an
        unknown status or gate.
        """
        known = self._periods[entity, MODULE, name]
        moved = replace(
            known,
            status=PeriodStatus(status) if status else known.status,
            gate=Gate(gate) if gate else known.gate,
            version=known.version + 1,
        )
        self._take_on(moved, now_ms)
        return self._tells(_event("periods.published", entity, periods=[moved]))

    def set_up(self, project: str) -> bytes:
        """A late project is set up in the ERP; the plain event that tells of it. Raises KeyError for any other."""
        if project not in self.late:
            raise KeyError(project)
        self.late = tuple(one for one in self.late if one != project)
        plan = next(plan for plan in self.firm.projects if plan.project == project)
        self.erps[self.by_code[plan.entity].erp_account].add_project(plan.entity, project)
        told = Project(plan.project, plan.entity, plan.client, plan.contract)
        return self._tells(_event("projects.published", plan.entity, projects=[told]))

    def _tells(self, event: bytes) -> bytes:
        self._reference.append(event)
        return event

    def _take_on(self, period: Period, now_ms: int) -> None:
        entity, module, name = period.entity, period.module, period.name
        days = (period.first_day, period.last_day)
        self._periods[entity, module, name] = period
        erp = self.erps[self.by_code[entity].erp_account]
        erp.set_period(entity, module, name, *days, period.status.value, now_ms)
        fact = PeriodFact(now_ms, module, name, *days, period.status.value, period.gate.value)
        self.evidences[entity].periods.append(fact)

    # ---------------------------------------------------------------- what is approved

    def approved(
        self, count: int, now_ms: int, *, corrections_ppm: int = 0, withdrawals_ppm: int = 0
    ) -> Iterator[Approved]:
        """Approve `count` new entries at the source, spread evenly over the entities, and yield what it publishes.

        Shares of them (parts per million) are corrected or taken back a while later; those versions come on top of
        `count`. Entries are approved ten at a time, as they are asked for. 12 µs an entry (measured).
        """
        later: deque[tuple[int, list[Act]]] = deque()
        made = 0
        while made < count:
            sheet = self._next_sheet(min(count - made, SHEET_LINES))
            yield from self._does(SheetSubmitted(now_ms, sheet), sheet.entity, now_ms)
            yield from self._does(SheetsDecided(now_ms, sheet.approver, "bulk", [sheet]), sheet.entity, now_ms)
            made += len(sheet.lines)
            for line in sheet.lines:
                if happens(corrections_ppm, self.seed, "live/corrected", line.entry_id):
                    later.append((made, self._correction(sheet, line, now_ms)))
                elif happens(withdrawals_ppm, self.seed, "live/withdrawn", line.entry_id):
                    later.append((made, [LineWithdrawn(now_ms, sheet.entity, line.entry_id, "cancelled")]))
            while later and (later[0][0] + CORRECTED_AFTER <= made or made == count):
                for act in later.popleft()[1]:
                    yield from self._does(act, _entity_of(act), now_ms)

    def example(self, entity: str, number: int, now_ms: int) -> bytes:
        """Entry number `number` for people to try things with, approved at the source when it is first asked for.

        Raises KeyError for an entity that the firm has not.
        """
        known = self._examples.get((entity, number))
        if known is None:
            assignment = self._staffed[entity][number % len(self._staffed[entity])]
            sheet_id = f"EXAMPLE-{entity}-{number}"
            sheet = self._sheet(sheet_id, assignment, [self._line(sheet_id, 1, assignment, self._days[entity][0], 30)])
            acts: list[Act] = [
                SheetSubmitted(now_ms, sheet),
                LinesApproved(now_ms, entity, sheet.approver, (sheet.lines[0].entry_id,)),
            ]
            known = next(one.body for act in acts for one in self._does(act, entity, now_ms))
            self._examples[entity, number] = known
        return known

    def hear(self, body: bytes, now_ms: int) -> str:
        """Approve (or take back) at the source what a plain event says; why that cannot be, or nothing.

        Whoever makes events up tells the source first: what lands before it was approved is an invention.
        """
        try:
            news = read_event(body)
        except UndecodableEventError as fault:
            return str(fault)
        acts = self._acts_of(news, now_ms) if isinstance(news, EntryApproved) else self._taking_back(news, now_ms)
        if isinstance(acts, str):
            return acts
        made = [one for act in acts for one in self._does(act, _entity_of(act), now_ms)]
        return "" if made else "the source does not publish that: the entry was taken back for good"

    def act(self, act: Act, now_ms: int) -> list[Approved]:
        """People do this at the source; what it publishes because of it."""
        return list(self._does(act, _entity_of(act), now_ms))

    def _does(self, act: Act, entity: str, now_ms: int) -> Iterator[Approved]:
        deliveries: Deliveries = self.psas[self.by_code[entity].psa_account].act(act, now_ms)
        for code, publications in deliveries:
            for one in publications:
                body = one.body
                if body.startswith(_WITHDRAWN):
                    # To the source an entry is an entry; a gateway has to know whose it is.
                    body = b'{"entity":' + _encode(code) + b"," + body[1:]
                yield Approved(code, one.entry_id, one.version, body)

    def _next_sheet(self, lines: int) -> SheetPlan:
        """The next sheet: entities take turns, and in each of them the assignments do."""
        number = self._sheets
        self._sheets += 1
        turn, at = divmod(number, len(self.by_code))
        entity = self.firm.entities[at].code
        round_, which = divmod(turn, len(self._staffed[entity]))
        assignment, days = self._staffed[entity][which], self._days[entity]
        sheet_id = f"{entity}-L{number + 1:06d}"
        return self._sheet(
            sheet_id,
            assignment,
            [
                self._line(
                    sheet_id,
                    line,
                    assignment,
                    days[(round_ * SHEET_LINES + line) % len(days)],
                    between(1, 32, self.seed, "live/quarters", sheet_id, line),
                )
                for line in range(1, lines + 1)
            ],
        )

    def _sheet(self, sheet_id: str, assignment: AssignmentPlan, lines: list[LinePlan]) -> SheetPlan:
        approver = self._workers[assignment.worker].approver
        return SheetPlan(sheet_id, assignment.worker, approver, assignment.entity, lines[0].work_date, lines)

    def _line(
        self, sheet_id: str, number: int, assignment: AssignmentPlan, work_date: date, quarter_hours: int
    ) -> LinePlan:
        entry_id = f"{sheet_id}-{number}"
        billable = not happens(UNBILLED_PPM, self.seed, "live/unbilled", entry_id)
        narrative = f"{assignment.task} as agreed"
        return LinePlan(entry_id, number, assignment, work_date, quarter_hours, "standard", billable, narrative, 0)

    def _correction(self, sheet: SheetPlan, line: LinePlan, now_ms: int) -> list[Act]:
        """A change of words, of the quantity, or of the assignment, and its approval."""
        changed = LineChanged(now_ms, sheet.entity, line.entry_id)
        match chance(self.seed, "live/correction", line.entry_id) % 3:
            case 0:
                changed.narrative = f"{line.narrative}, after a word with the client"
            case 1:
                changed.quarter_hours = line.quarter_hours + 1
            case _:
                others = [a for a in self._staffed[sheet.entity] if a.worker == sheet.worker and a != line.assignment]
                changed.assignment = others[0] if others else None
                changed.quarter_hours = line.quarter_hours + 2
        return [changed, LinesApproved(now_ms, sheet.entity, sheet.approver, (line.entry_id,))]

    def _acts_of(self, news: EntryApproved, now_ms: int) -> list[Act] | str:
        """What people did if this is what they approved; or why nobody can have done it."""
        entry = news.entry
        known = self.evidences.get(entry.home_entity)
        plan = self._assignments.get(entry.assignment)
        quarters = entry.quantity * 4
        if known is None:
            return f"{entry.entry_id}: no entity {entry.home_entity} here"
        if plan is None or plan.entity != entry.home_entity:
            return f"{entry.entry_id}: no assignment {entry.assignment} in {entry.home_entity}"
        if entry.unit != "hour" or quarters != quarters.to_integral_value():
            return f"{entry.entry_id}: time is booked in quarters of an hour here, not {entry.quantity} {entry.unit}"
        following = len(known.versions.get(entry.entry_id, ())) + 1
        if entry.version != following:
            return f"{entry.entry_id}: its next version is {following}, not {entry.version}"
        approver = news.approval.approver
        assigned = self._as_booked(plan, entry)
        approval = LinesApproved(now_ms, plan.entity, approver, (entry.entry_id,))
        if following > 1:
            changed = LineChanged(
                now_ms,
                plan.entity,
                entry.entry_id,
                int(quarters),
                entry.invoice_narrative,
                assigned,
                entry.dimensions,
                entry.work_date,
            )
            return [changed, approval]
        line = LinePlan(
            entry.entry_id,
            entry.line,
            assigned,
            entry.work_date,
            int(quarters),
            entry.time_type,
            entry.billable,
            entry.invoice_narrative,
            now_ms,
        )
        sheet = SheetPlan(entry.sheet, entry.worker, approver, plan.entity, entry.work_date, [line])
        return [SheetSubmitted(now_ms, sheet), approval]

    def _taking_back(self, news: EntryWithdrawn, now_ms: int) -> list[Act] | str:
        entity = next((code for code, evidence in self.evidences.items() if news.entry_id in evidence.versions), None)
        if entity is None:
            return f"{news.entry_id}: was never approved here"
        following = len(self.evidences[entity].versions[news.entry_id]) + 1
        if news.version != following:
            return f"{news.entry_id}: its next version is {following}, not {news.version}"
        return [LineWithdrawn(now_ms, entity, news.entry_id, news.reason)]

    def _as_booked(self, plan: AssignmentPlan, entry: TimeEntry) -> AssignmentPlan:
        """The assignment with whatever else the entry says; an unknown project has no client and no contract."""
        project = next((p for p in self.firm.projects if p.project == entry.project), None)
        booked = replace(
            plan,
            worker=entry.worker,
            project=entry.project,
            task=entry.task,
            role=entry.role,
            grade=entry.grade,
            client=project.client if project else "",
            contract=project.contract if project else "",
            zone=entry.zone,
            dimensions=entry.dimensions,
        )
        return plan if booked == plan else booked

    # ---------------------------------------------------------------- what the runtime is told of it

    def deployment(self, url: str) -> dict[str, Any]:
        """Tenant, accounts and entities as the runtime's settings file has them, for systems that listen at `url`."""
        run, profile, quota = self.settings.runtime, self.profile, self.profile.quota
        told: dict[str, Any] = {"call_deadline_ms": run.call_deadline_ms, "late_landing_ms": run.late_landing_ms}
        login: dict[str, Any] = {}
        if profile.login.required:
            login = {"needs_session": True, "credential_env": CREDENTIAL_ENV}
        accounts = {
            account: AccountSettings(
                kind="generic_erp",
                url=f"{url}/erp/{account}",
                quota_calls=quota.calls if quota else ERP_WITHOUT_QUOTA_CALLS,
                quota_window_ms=quota.window_ms if quota else QUOTA_WINDOW_MS,
                concurrent_max=run.concurrent_max,
                batch_max=min(run.batch_max, profile.batch_rows_max),
                lookup_lag_ms=run.lookup_lag_ms + profile.read_lag_ms,
                staged_poll_ms=run.staged_poll_ms,
                key_room=profile.key_length_max or KEY_ROOM,
                key_case_folded=profile.key_case_folded,
                honours_keys=profile.idempotency is not Idempotency.NONE,
                **told,
                **login,
            )
            for account in self.erps
        } | {
            account: AccountSettings(
                kind="generic_psa",
                url=f"{url}/psa/{account}",
                quota_calls=PSA_QUOTA_CALLS,
                quota_window_ms=QUOTA_WINDOW_MS,
                concurrent_max=run.concurrent_max,
                batch_max=self.settings.psa.status_batch_max,
                **told,
            )
            for account in self.psas
        }
        entities = {
            entity.code: EntitySettings(
                region=entity.region,
                erp=entity.erp_account,
                psa=entity.psa_account,
                linger_ms=run.linger_ms,
                tell_linger_ms=run.tell_linger_ms,
                calls_max=run.calls_max,
                confirm_after_ms=run.confirm_after_ms,
                poll_every_ms=run.recount_every_ms,
                poll_overlap_ms=run.recount_overlap_ms,
            )
            for entity in self.firm.entities
        }
        return {
            "tenant": self.firm.tenant,
            "accounts": {name: each.model_dump(exclude_unset=True) for name, each in accounts.items()},
            "entities": {code: each.model_dump(exclude_unset=True) for code, each in entities.items()},
        }

    @property
    def environment(self) -> dict[str, str]:
        """What the runtime's environment has to hold to get in; a mock's secret is none."""
        return {CREDENTIAL_ENV: self.profile.login.credential} if self.profile.login.required else {}

    # ---------------------------------------------------------------- the end

    def advance(self, now_ms: int) -> None:
        """Let every staged row land or fail that is due."""
        for erp in self.erps.values():
            erp.advance(now_ms)

    def evidence(self) -> bytes:
        """Everything an auditor needs, as JSON: what `audit` reads in another process."""
        settings = msgspec.Raw(self.settings.model_dump_json().encode())
        return _encode(_Bundle(settings, self.seed, self.began_ms, self.evidences, self.accounts))

    def audit(self, places: Places | None = None) -> dict[str, Any]:
        """Compare source and ledger, see `audit`."""
        return _judged(self.firm, self.evidences, self.accounts, places or {})


class _Bundle(msgspec.Struct):
    settings: msgspec.Raw
    seed: int
    began_ms: int
    entities: dict[str, Evidence]
    accounts: dict[str, AccountEvidence]


def audit(evidence: bytes, places: Places | None = None) -> dict[str, Any]:
    """Compare what the source approved with what stands in the ledgers, by the auditors of the simulated world.

    `evidence` is what `LiveFirm.evidence` wrote. `places` is the runtime's word on what does not stand, see `Places`:
    parked and waived versions are not lost, those in flight, staged or in doubt are unsettled and not judged yet.

        lost, double, wrong_amount, wrong_period, wrong_order, invented, changed_rows    breaches, counted
        unsettled, given_up                                                              entries, by the runtime's word
        approved, entries, expected, standing                                            versions; entries; should; do
        held                                                                             no breach, nothing unsettled
        examples                                                                         texts of breaches, a few
    """
    bundle = msgspec.json.decode(evidence, type=_Bundle)
    settings = WorldSettings.model_validate_json(bytes(bundle.settings))
    firm = _firm(settings, bundle.seed, bundle.began_ms)
    return _judged(firm, bundle.entities, bundle.accounts, places or {})


def _judged(
    firm: Firm, evidences: Mapping[str, Evidence], accounts: dict[str, AccountEvidence], places: Places
) -> dict[str, Any]:
    final = {
        code: [FinalPlace(entry_id, version, place, reason, None, 0) for entry_id, version, place, reason in said]
        for code, said in places.items()
    }
    seen = {code: replace(evidence, final=final.get(code, [])) for code, evidence in evidences.items()}
    allowances = Allowances()
    audited = examine(firm, seen, accounts, allowances)
    held = {each.id: each for each in conclude(audited, allowances) if each.id in JUDGED}
    breaches = {
        "lost": held["S2"].violations,
        "double": held["S1"].violations,
        "wrong_amount": held["S2b"].violations + held["S4"].violations,
        "wrong_period": held["S3"].violations,
        "wrong_order": held["S5"].violations,
        "invented": held["S6"].violations,
        "changed_rows": held["S9"].violations,
    }
    unsettled = _entries_in(final, UNSETTLED)
    return {
        **breaches,
        "unsettled": unsettled,
        "given_up": _entries_in(final, GIVEN_UP),
        "approved": sum(evidence.approved for evidence in evidences.values()),
        "entries": sum(len(evidence.versions) for evidence in evidences.values()),
        "expected": audited.expected,
        "standing": audited.standing,
        "held": not unsettled and not any(breaches.values()),
        "examples": [f"{each.id}: {one.text}" for each in held.values() for one in each.examples][:EXAMPLES],
    }


def _entries_in(final: Mapping[str, list[FinalPlace]], where: frozenset[str]) -> int:
    return len({(code, one.entry_id) for code, said in final.items() for one in said if one.place in where})


# ------------------------------------------------------------------ the firm


def _firm(settings: WorldSettings, seed: int, now_ms: int) -> Firm:
    """The scenario's firm; what its calendar has published later than now is known from now on."""
    firm = build_firm(settings.firm, seed)
    firm.rates = [replace(rate, known_from_ms=min(rate.known_from_ms, now_ms)) for rate in firm.rates]
    return firm


def _working_days(firm: Firm, entity: LegalEntity) -> list[date]:
    days = (firm.month_first + timedelta(days=n) for n in range((firm.month_last - firm.month_first).days + 1))
    return [day for day in days if is_working_day(day, entity.holidays)]


def _event(kind: str, entity: str, **fields: object) -> bytes:
    return _encode({"type": kind, "entity": entity, **fields})


def _entity_of(act: Act) -> str:
    match act:
        case SheetSubmitted():
            return act.sheet.entity
        case SheetsDecided():
            return act.sheets[0].entity
    return act.entity


_WITHDRAWN = b'{"type":"time_entry.withdrawn"'
