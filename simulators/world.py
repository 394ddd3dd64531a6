"""One world: a part of a firm (entities that share accounts), its systems, people and misfortunes, in virtual time.

    build firm and plan -> mock systems -> lanes and desks -> run to the end -> everything that was seen, as evidence

Entities tie each other together only through the accounts they share, so the unit that is simulated apart is a
connected component of entities and accounts (`components`). Whether a firm runs in one piece or in twelve, on one core
or on two, the same things happen.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import time
from decimal import Decimal
from functools import partial

from runtime.connectors.erp.generic import GenericErp, freeze
from runtime.connectors.psa.generic import GenericPsa
from runtime.core.account import AccountPolicy
from runtime.core.model import Gate, Period, PeriodStatus, Place, Project, RateKind, RateLine
from runtime.core.news import MasterDataReady, News, PeriodPublished, ProjectsPublished, RatesPublished
from runtime.core.partition import State
from runtime.core.policy import Policy
from runtime.core.records import (
    BatchSent,
    EntryParked,
    LineFoundByHand,
    Record,
    RefusedLineFound,
    RowRefused,
    RowsApplied,
    RowsDoubted,
    RowsFoundMissing,
    RowsReversed,
    RowsStaged,
)
from simulators.account_moves import AccountMoves
from simulators.auditors.pricing import EXCLUDED, Pricing
from simulators.chance import between, happens
from simulators.evidence import AccountEvidence, Checkpoint, Evidence, FinalPlace, Park, PeriodFact
from simulators.faults.moves import (
    AnswerInstead,
    ApproveAgain,
    Backfill,
    ChangeBuild,
    CloseSystem,
    Configure,
    CutOff,
    DriftSchema,
    EatQuota,
    EditInBulk,
    EndSession,
    ExhaustNumbers,
    ExpireCredential,
    FixCredential,
    LagReads,
    LockOut,
    Move,
    MovePeriod,
    PausePartition,
    ResumePartition,
    SlowSystem,
    TakeBack,
    Unlock,
    WorkParked,
)
from simulators.faults.wall_time import Month
from simulators.faults.weather import Weather
from simulators.firm.build import instant_ms, working_day_after
from simulators.firm.model import Firm, LegalEntity, RatePlan
from simulators.firm.rates import keys_by_scope
from simulators.lane import DELIVERY_MAX, WEBHOOK_MS, Lane
from simulators.operators import Operators
from simulators.people.acts import Act, SheetsDecided, SheetSubmitted, acts_about
from simulators.people.parameters import PeopleSettings
from simulators.settings import DAY_MS, FinanceGate, HandPostings, WorldSettings
from simulators.systems.erp import Erp
from simulators.systems.erp_profile import ErpProfile
from simulators.systems.psa import Psa, Publication
from simulators.virtual_time import Band, Clock, Desk

MASTER_DATA_NEWS_MS = 1_000
"""From a project being set up in the ERP to the partition hearing of it (assumed)."""
AMENDMENT_NEWS_MS = 2 * 3_600_000
"""So long before a later price is in force the partition hears of it (assumed: a publication names its own instant,
and travels ahead of the first approval that it prices)."""
CHECKPOINT_EVERY_SAMPLES = 6
"""How many samples lie between two checkpoints that are audited."""
QUOTA_WINDOW_MS = 60_000
"""The window of the two quotas that stand for none (assumed; far above what one world asks in a minute)."""
PSA_QUOTA_CALLS = 100_000
"""Calls of a PSA account per window, which nobody reaches (assumed: PSAs publish limits that bind bulk exports)."""
ERP_WITHOUT_QUOTA_CALLS = 1_000_000
"""Calls of an ERP account per window where its profile has no quota (assumed, likewise)."""
MODULE = "time"
_MIDNIGHT = time(0)
Recompose = Callable[[Policy], Policy]


@dataclass(slots=True)
class Series:
    """Samples of one entity, one number per step."""

    backlog: list[int] = field(default_factory=list)
    posted: list[int] = field(default_factory=list)
    in_doubt: list[int] = field(default_factory=list)
    parked: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Seen:
    """Everything that a world leaves behind."""

    firm: Firm
    evidences: dict[str, Evidence]
    accounts: dict[str, AccountEvidence]
    chains: dict[str, str]
    fired: dict[str, int]
    marks: dict[tuple[str, int], int]
    bands: list[Band]
    series: dict[str, Series]
    sample_ms: int
    cutoff_ms: dict[str, int]
    end_ms: int
    deaths: int
    commits: int
    boundaries: dict[str, int]
    """Durable boundaries by entity."""
    calls: dict[str, int]
    """Calls that were about to leave, by entity."""
    records: dict[str, int]
    unsettled: list[str]
    dead_letters: int = 0
    strikes: list[tuple[int, str]] = field(default_factory=list)
    """(instant, name) of every misfortune that struck."""
    unhealthy: tuple[str, ...] = ()
    """Entities whose ERP never came back; they need not finish, and all their books must be right."""


def components(firm: Firm) -> list[tuple[str, ...]]:
    """Entities that must be simulated together since they share accounts, each group sorted, in order of first code."""
    group_of: dict[str, int] = {}
    groups: list[list[LegalEntity]] = []
    for entity in sorted(firm.entities, key=lambda entity: entity.code):
        touching = sorted({group_of[a] for a in (entity.erp_account, entity.psa_account) if a in group_of})
        merged = [entity]
        for number in touching:
            merged = [*groups[number], *merged]
            groups[number] = []
        groups.append(merged)
        for member in merged:
            group_of[member.erp_account] = group_of[member.psa_account] = len(groups) - 1
    return [tuple(sorted(entity.code for entity in group)) for group in groups if group]


def last_ms(firm: Firm, settings: WorldSettings) -> int:
    """When a run ends: so long after the last day of the month, by UTC."""
    return instant_ms(firm.month_last, _MIDNIGHT, "UTC") + DAY_MS + settings.drain_ms


def cutoff_ms(firm: Firm, people: PeopleSettings, entity: LegalEntity) -> int:
    """The instant by which approved time should be in the ledger: the approval cut-off on the entity's clock."""
    day = working_day_after(firm.month_last, people.cutoff_working_days_after, entity.holidays)
    return instant_ms(day, time(*divmod(people.cutoff_local_minute, 60)), entity.zone)


def erp_account_policy(settings: WorldSettings, account: str, profile: ErpProfile) -> AccountPolicy:
    """The account's contracted limits are those of its profile; one session to begin with is not logged in."""
    quota = profile.quota
    return AccountPolicy(
        account,
        quota_calls=quota.calls if quota else ERP_WITHOUT_QUOTA_CALLS,
        quota_window_ms=quota.window_ms if quota else QUOTA_WINDOW_MS,
        concurrent_max=settings.runtime.concurrent_max,
        needs_session=profile.login.required,
    )


def partition_policy(settings: WorldSettings, tenant: str, entity: str, read_lag_ms: int) -> Policy:
    """What the partition of an entity is composed of; `read_lag_ms`: how much later look-ups show what stands."""
    run = settings.runtime
    return Policy(
        tenant,
        entity,
        freeze,
        batch_max=min(run.batch_max, settings.erp.batch_rows_max),
        linger_ms=run.linger_ms,
        lookup_max=run.lookup_max,
        tell_linger_ms=run.tell_linger_ms,
        calls_max=run.calls_max,
        call_deadline_ms=run.call_deadline_ms,
        late_landing_ms=run.late_landing_ms,
        lookup_lag_ms=run.lookup_lag_ms + settings.erp.read_lag_ms + read_lag_ms,
        staged_poll_ms=run.staged_poll_ms,
        key_room=settings.erp.key_length_max or 200,
        key_case_folded=settings.erp.key_case_folded,
        confirm_after_ms=run.confirm_after_ms,
        recount_every_ms=run.recount_every_ms,
        recount_overlap_ms=run.recount_overlap_ms,
        full_recount_every_ms=run.full_recount_every_ms,
        full_recount_span_ms=run.full_recount_span_ms,
    )


class World:
    """One component of a firm, ready to run."""

    def __init__(
        self,
        settings: WorldSettings,
        seed: int,
        firm: Firm,
        acts: Sequence[Act],
        entities: Sequence[str],
        recompose: Recompose | None = None,
    ) -> None:
        """`recompose` may replace named functions of every partition's policy: that is how a bug is planted."""
        self.settings = settings
        self.seed = seed
        self.firm = firm
        chosen = frozenset(entities)
        self.entities = [entity for entity in firm.entities if entity.code in chosen]
        self.by_code = {entity.code: entity for entity in self.entities}
        self.end_ms = last_ms(firm, settings)
        self.clock = Clock(firm.start_ms)
        self.acts = acts if settings.only_entries is None else acts_about(acts, settings.only_entries)
        self._next_act = 0
        run = settings.runtime
        self._calm_ms = self.end_ms - settings.calm_before_end_ms
        self.weather = Weather(
            settings.faults,
            seed,
            self._calm_ms,
            deadline_ms=run.call_deadline_ms,
            late_landing_ms=run.late_landing_ms,
            only=settings.only_strikes,
        )
        self.evidences = {entity.code: Evidence(entity.code) for entity in self.entities}
        self.accounts: dict[str, AccountEvidence] = {}
        self.pricing = Pricing(firm.rates)
        self.erps: dict[str, Erp] = {}
        self.psas: dict[str, Psa] = {}
        self.desks: dict[str, Desk] = {}
        self.lanes: dict[str, Lane] = {}
        self.series = {entity.code: Series() for entity in self.entities}
        self._periods: dict[tuple[str, str, str], Period] = {}
        self._late_projects: dict[str, list[str]] = {}
        self._samples = 0
        self._progress: Callable[[int, int, int], None] | None = None
        self._waiting: dict[str, dict[str, dict[str, int]]] = {
            code: {"in_doubt": {}, "staged": {}} for code in self.by_code
        }
        self.oldest_ms: dict[tuple[str, str], int] = {
            (code, where): 0 for code in self.by_code for where in ("in_doubt", "staged")
        }
        self._build_systems()
        self._build_lanes(recompose)
        self._operators = Operators(
            self.clock,
            seed,
            self.lanes,
            {entity.code: self.psas[entity.psa_account] for entity in self.entities},
            self.evidences,
            self._happen,
        )

    def let_go(self) -> None:
        """Undo the ties between lanes, desks and journals, so that a finished world is freed without a cycle hunt."""
        for part in (*self.lanes.values(), *self.desks.values()):
            part.__dict__.clear()
        self.__dict__.clear()

    # ---------------------------------------------------------------- building

    def _build_systems(self) -> None:
        settings = self.settings
        profile = profile_under(settings.erp, self.weather)
        codes = {entity.code for entity in self.entities}
        projects: dict[str, list[str]] = {code: [] for code in codes}
        for project in self.firm.projects:
            if project.entity in codes:
                late = is_late(settings, self.seed, project.project)
                (self._late_projects.setdefault(project.entity, []) if late else projects[project.entity]).append(
                    project.project
                )
        workers: dict[str, list[str]] = {code: [] for code in codes}
        for person in self.firm.consultants:
            if person.entity in codes:
                workers[person.entity].append(person.worker)
        for account in dict.fromkeys(entity.erp_account for entity in self.entities):
            behind = {e.code: self.evidences[e.code] for e in self.entities if e.erp_account == account}
            noted = self.accounts[account] = AccountEvidence(account)
            erp = self.erps[account] = Erp(
                profile, account, self.seed, behind, noted, projects, workers, self.weather.strike, self._calm_ms
            )
            self.desks[account] = Desk(
                self.clock, self._erp_account(account, profile), erp, account, self.weather, self.seed, noted
            )
        for account in dict.fromkeys(entity.psa_account for entity in self.entities):
            noted = self.accounts[account] = AccountEvidence(account)
            psa = self.psas[account] = Psa(
                settings.psa,
                account,
                self.entities,
                self.evidences,
                seed=self.seed,
                account_evidence=noted,
                readings=self.weather.readings,
            )
            self.desks[account] = Desk(
                self.clock,
                AccountPolicy(
                    account, quota_calls=PSA_QUOTA_CALLS, quota_window_ms=QUOTA_WINDOW_MS, needs_session=False
                ),
                psa,
                account,
                self.weather,
                self.seed,
                noted,
            )
        self._account_moves = AccountMoves(
            self.erps,
            self.psas,
            self.desks,
            self.accounts,
            settings.erp.login.failures_allowed,
            self.end_ms,
            lambda move: f"{_MENDED[type(move)]}-{move.at_ms}",
            lambda account, credential: self.desks[account].rotate(credential),
        )

    def _erp_account(self, account: str, profile: ErpProfile) -> AccountPolicy:
        """Limits and manners of one ERP account; a world that is deployed otherwise has its own."""
        return erp_account_policy(self.settings, account, profile)

    def _build_lanes(self, recompose: Recompose | None) -> None:
        run = self.settings.runtime
        for entity in self.entities:
            policy = partition_policy(self.settings, self.firm.tenant, entity.code, self.weather.read_lag_ms)
            if recompose is not None:
                policy = recompose(policy)
            self.lanes[entity.code] = Lane(
                self.clock,
                entity.code,
                policy,
                (GenericErp(entity.code), GenericPsa(entity.code)),
                (self.desks[entity.erp_account], self.desks[entity.psa_account]),
                self.weather,
                run.restart_ms,
                self._records_made,
                self.evidences[entity.code],
                run.checkpoint_every,
                run.window,
            )

    def _records_made(self, entity: str, records: Sequence[Record], now_ms: int) -> None:
        for record in records:
            match record:
                case EntryParked():
                    park = Park(record.entry_id, record.version, record.reason, now_ms, record.owner, record.fix)
                    self.evidences[entity].parks.append(park)
                case BatchSent():
                    intents = self.evidences[entity].intents
                    for row in record.rows:
                        intents[row.posting.key] = (row.posting.entry_id, row.posting.version)
                case RowsDoubted():
                    self._waits(entity, "in_doubt", record.keys, now_ms)
                case RowsStaged():
                    self._waits_no_more(entity, "in_doubt", [key for key, _ in record.rows], now_ms)
                    self._waits(entity, "staged", [key for key, _ in record.rows], now_ms)
                case LineFoundByHand():
                    self.evidences[entity].adopted.append((record.posting.entry_id, record.ledger_id))
                case RefusedLineFound():
                    self.evidences[entity].ledger_ids.append((record.posting.key, record.ledger_id))
                case RowsApplied() | RowsReversed():
                    self.evidences[entity].ledger_ids.extend(record.rows)
                    for where in ("in_doubt", "staged"):
                        self._waits_no_more(entity, where, [key for key, _ in record.rows], now_ms)
                case RowRefused():
                    for where in ("in_doubt", "staged"):
                        self._waits_no_more(entity, where, [record.key], now_ms)
                case RowsFoundMissing():
                    self._waits_no_more(entity, "in_doubt", record.keys, now_ms)

    def _waits(self, entity: str, where: str, keys: Iterable[str], now_ms: int) -> None:
        waiting = self._waiting[entity][where]
        for key in keys:
            waiting.setdefault(key, now_ms)

    def _waits_no_more(self, entity: str, where: str, keys: Iterable[str], now_ms: int) -> None:
        waiting = self._waiting[entity][where]
        if waiting:
            for key in keys:
                waited_ms = now_ms - waiting.pop(key, now_ms)
                self.oldest_ms[entity, where] = max(self.oldest_ms[entity, where], waited_ms)

    def _still_waits(self, entity: str, state: State | None) -> None:
        """At the end: what is still in doubt or staged has waited until now. `state` None: nobody knows better."""
        for where, waiting in self._waiting[entity].items():
            still = [key for key in waiting if state is None or _phase_of(key, state) == where]
            self._waits_no_more(entity, where, still, self.clock.now_ms)

    # ---------------------------------------------------------------- running

    def run(self, progress: Callable[[int, int, int], None] | None = None, until_ms: int | None = None) -> Seen:
        """Let the month happen, or a part of it. `progress(now_ms, backlog, posted)` is told at every sample."""
        self._progress = progress
        moves = self.weather.moves(Month.of(self.firm, self.end_ms, self.entities))
        for move in moves:
            if isinstance(move, ChangeBuild) and move.at_ms <= self.clock.now_ms:
                self._carry_out(move)
        for lane in self.lanes.values():
            lane.wake_up()
        self._publish_reference_data()
        self._plan_finance()
        self._plan_weather(moves)
        self._plan_the_end()
        self._schedule_acts()
        self.clock.after(self.settings.sample_ms, self._sample)
        self.clock.run(self.end_ms if until_ms is None else min(until_ms, self.end_ms))
        return self._seen()

    def _schedule_acts(self) -> None:
        if self._next_act < len(self.acts):
            self.clock.at(self.acts[self._next_act].at_ms, self._act)

    def _act(self) -> None:
        now_ms = self.clock.now_ms
        while self._next_act < len(self.acts) and self.acts[self._next_act].at_ms <= now_ms:
            act = self.acts[self._next_act]
            self._next_act += 1
            self._happen(act)
        self._schedule_acts()

    def _happen(self, act: Act) -> None:
        """Let somebody do something at the PSA now, and what it publishes be on its way."""
        now_ms = self.clock.now_ms
        psa = self.psas[self.by_code[_entity_of(act)].psa_account]
        for code, publications in psa.act(act, now_ms):
            self._on_the_way(code, publications, now_ms)

    def _on_the_way(self, entity: str, publications: list[Publication], now_ms: int) -> None:
        """Send publications as webhooks, in deliveries of a bounded size, with whatever befalls each event."""
        lane = self.lanes[entity]
        if not self.weather.disturbs_events:
            self._deliver(lane, publications, 0)
            return
        later: dict[int, list[Publication]] = {}
        for publication in publications:
            entry_id, version = publication.entry_id, publication.version
            arrives = publication
            replays = self.weather.letter(entity, entry_id, version, now_ms)
            if replays:
                arrives = Publication(entry_id, version, publication.body[: len(publication.body) // 2])
                for delay_ms in replays:
                    later.setdefault(delay_ms, []).append(publication)
            for delay_ms in self.weather.event(entity, entry_id, version, now_ms):
                later.setdefault(delay_ms, []).append(arrives)
        for delay_ms, these in later.items():
            self._deliver(lane, these, delay_ms)

    def _deliver(self, lane: Lane, publications: list[Publication], delay_ms: int) -> None:
        for start in range(0, len(publications), DELIVERY_MAX):
            some = publications[start : start + DELIVERY_MAX]
            transit_ms = between(*WEBHOOK_MS, self.seed, "webhook", lane.entity, some[0].entry_id, some[0].version)
            self.clock.after(delay_ms + transit_ms, partial(lane.deliver, some))

    # ---------------------------------------------------------------- reference data and finance

    def _publish_reference_data(self) -> None:
        rates = rates_by_entity(self.firm, self.by_code)
        for code in self.by_code:
            early = [rate for rate in rates[code] if rate.known_from_ms <= self.firm.start_ms]
            news = reference_news(self.firm, code, early)
            for one in news:
                if isinstance(one, PeriodPublished):
                    period = one.period
                    self._periods[code, period.module, period.name] = period
                    self._set_period(period)
            self.lanes[code].hear(news)
            self._announce_amendments(code, [rate for rate in rates[code] if rate.known_from_ms > self.firm.start_ms])
        for code, projects in self._late_projects.items():
            lane, erp = self.lanes[code], self.erps[self.by_code[code].erp_account]
            self.clock.after(
                self.settings.late_master_data.after_ms, partial(self._master_data, code, lane, erp, projects)
            )

    def _announce_amendments(self, code: str, rates: list[RatePlan]) -> None:
        """Prices that come later are told a while before they are in force, each publication by itself."""
        by_instant: dict[int, list[RatePlan]] = {}
        for rate in rates:
            by_instant.setdefault(rate.known_from_ms, []).append(rate)
        for at_ms, some in by_instant.items():
            news = RatesPublished(tuple(map(_rate_line, some)))
            self.clock.at(at_ms - AMENDMENT_NEWS_MS, partial(self.lanes[code].publish, news, 0))

    def _master_data(self, code: str, lane: Lane, erp: Erp, projects: list[str]) -> None:
        for project in projects:
            erp.add_project(code, project)
            self.evidences[code].set_up[project] = self.clock.now_ms
        lane.publish(MasterDataReady(tuple(f"project:{project}" for project in projects)), MASTER_DATA_NEWS_MS)

    def _set_period(self, period: Period) -> None:
        """The ERP takes the status on; what it and our gate are is a fact from this instant on."""
        now_ms = self.clock.now_ms
        self.erps[self.by_code[period.entity].erp_account].set_period(
            period.entity,
            period.module,
            period.name,
            period.first_day,
            period.last_day,
            period.status.value,
            now_ms,
        )
        self.evidences[period.entity].periods.append(
            PeriodFact(
                now_ms,
                period.module,
                period.name,
                period.first_day,
                period.last_day,
                period.status.value,
                period.gate.value,
            )
        )

    def _move_period(self, entity: str, module: str, name: str, status: str | None, gate: str | None) -> None:
        known = self._periods.get((entity, module, name))
        if known is None:
            return
        moved = Period(
            entity,
            module,
            name,
            known.first_day,
            known.last_day,
            PeriodStatus(status) if status else known.status,
            Gate(gate) if gate else known.gate,
            known.version + 1,
        )
        self._periods[entity, module, name] = moved
        self._set_period(moved)
        delay_ms = between(*self.settings.period_news_ms, self.seed, "news/period", entity, module, name, moved.version)
        self.lanes[entity].publish(PeriodPublished(moved), delay_ms)

    def _plan_finance(self) -> None:
        month = Month.of(self.firm, self.end_ms, self.entities)
        for move in self.firm.period_moves:
            if move.entity in self.lanes:
                self.clock.at(
                    move.at_ms,
                    partial(self._move_period, move.entity, move.module, move.name, move.status, move.gate),
                )
        name = f"{self.firm.month_first:%Y-%m}"
        for gate in self.settings.gates:
            for entity, at_ms in self._meant(gate, month):
                self.clock.at(at_ms, partial(self._move_period, entity.code, gate.module, name, gate.status, gate.gate))
        for posting in self.settings.hand_postings:
            for entity, at_ms in self._meant(posting, month):
                self.clock.at(at_ms, partial(self._post_by_hand, entity, posting.older_than_ms))

    def _meant(self, plan: FinanceGate | HandPostings, month: Month) -> Iterator[tuple[LegalEntity, int]]:
        """Whom a plan of finance means, and when by that entity's own clock."""
        for entity in self.entities:
            if plan.entity in ("*", entity.code):
                for at_ms in month.instants(plan.day, plan.at, entity.zone):
                    yield entity, at_ms

    def _post_by_hand(self, entity: LegalEntity, older_than_ms: int) -> None:
        """Finance enters what has long been approved and does not stand in the ledger."""
        now_ms = self.clock.now_ms
        erp = self.erps[entity.erp_account]
        evidence = self.evidences[entity.code]
        period = self._periods[entity.code, MODULE, f"{self.firm.month_first:%Y-%m}"]
        ever_posted = {line.entry_id for line in evidence.lines}
        for entry_id, versions in evidence.versions.items():
            current = versions[-1]
            if current.withdrawn or now_ms - current.at_ms < older_than_ms or entry_id in ever_posted:
                continue
            worth = self.pricing.worth(current)
            if (
                worth is None
                or current.time_type in EXCLUDED
                or not period.first_day <= current.work_date <= period.last_day
            ):
                continue
            posted = erp.post_by_hand(
                entity.code,
                entry_id,
                current.version,
                current.assignment.project,
                current.work_date,
                current.work_date,
                period.name,
                current.quarter_hours,
                worth.bill_minor,
                worth.bill_currency,
                worth.cost_minor,
                worth.cost_currency,
                now_ms,
            )
            if posted:
                self.weather.strike("manual_journal", f"{entity.code}/{entry_id}/{now_ms}", now_ms)

    # ---------------------------------------------------------------- misfortunes on the calendar

    def _plan_weather(self, moves: Iterable[Move]) -> None:
        for move in moves:
            if isinstance(move, ChangeBuild) and move.at_ms <= self.firm.start_ms:
                continue
            self.clock.at(move.at_ms, partial(self._carry_out, move))
            if isinstance(move, CloseSystem) and move.announced and move.account in self.desks:
                self.desks[move.account].announce(move.at_ms, move.promised_until_ms)

    def _plan_the_end(self) -> None:
        """One ERP account may close for good."""
        never = self.settings.never_back
        if never is None or never.account not in self.erps:
            return
        erp = self.erps[never.account]
        zone = next(entity.zone for entity in self.entities if entity.erp_account == never.account)
        for at_ms in Month.of(self.firm, self.end_ms, self.entities).instants(never.day, never.at, zone):
            close = partial(erp.close, at_ms, self.end_ms + DAY_MS, "unannounced", "503_json")
            self.clock.at(at_ms, close)
            self.weather.strike("never_back", f"{never.account}/{at_ms}", at_ms)

    def _carry_out(self, move: Move) -> None:
        """Do what the move says; it counts as struck only if there was somebody to strike."""
        if self._done(move):
            self.weather.carried_out(move)

    def _done(self, move: Move) -> bool:
        """Whether the move did anything: its account, process or period is there, and was not down already."""
        match move:
            case (
                CloseSystem()
                | SlowSystem()
                | CutOff()
                | AnswerInstead()
                | EatQuota()
                | ExpireCredential()
                | FixCredential()
                | LockOut()
                | Unlock()
                | EndSession()
                | ExhaustNumbers()
                | LagReads()
                | DriftSchema()
            ):
                return self._account_moves.carry_out(move, self.clock.now_ms)
            case MovePeriod():
                if (move.entity, move.module, move.name) not in self._periods:
                    return False
                self._move_period(move.entity, move.module, move.name, move.status, move.gate)
            case (
                PausePartition()
                | ResumePartition()
                | Backfill()
                | Configure()
                | WorkParked()
                | TakeBack()
                | ApproveAgain()
            ):
                return self._operators.carry_out(move)
            case EditInBulk():
                return self._edited(move)
            case _:
                lane = self.lanes.get(move.entity)
                return lane is not None and lane.befall(move)
        return True

    def _edited(self, move: EditInBulk) -> bool:
        """Somebody edits many lines in the PSA at once."""
        entity = self.by_code.get(move.entity)
        if entity is None:
            return False
        psa = self.psas[entity.psa_account]
        for code, made in psa.edit_in_bulk(entity.code, move.share_ppm, move.recoded, move.pushed, self.clock.now_ms):
            self._on_the_way(code, made, self.clock.now_ms)
        return True

    # ---------------------------------------------------------------- looking on

    def _sample(self) -> None:
        now_ms = self.clock.now_ms
        self._samples += 1
        backlog_all = posted_all = 0
        for code, lane in self.lanes.items():
            evidence, series = self.evidences[code], self.series[code]
            shell = lane.shell
            if shell is None:
                for samples in (series.backlog, series.posted, series.in_doubt, series.parked):
                    samples.append(samples[-1] if samples else 0)
            else:
                counts = shell.state.head.books.counts
                done = sum(counts[place] for place in _FINISHED)
                series.backlog.append(max(0, evidence.approved - done))
                series.posted.append(counts[Place.POSTED])
                series.in_doubt.append(counts[Place.IN_DOUBT])
                series.parked.append(counts[Place.PARKED])
                # Who is held up between a durable step and its word has more than it acknowledged.
                if self._samples % CHECKPOINT_EVERY_SAMPLES == 0 and not lane.held_up:
                    self._checkpoint(lane, evidence, now_ms)
            backlog_all += series.backlog[-1]
            posted_all += series.posted[-1]
        if self._progress is not None:
            self._progress(now_ms, backlog_all, posted_all)
        self.clock.after(self.settings.sample_ms, self._sample)

    def _checkpoint(self, lane: Lane, evidence: Evidence, now_ms: int) -> None:
        shell = lane.shell
        assert shell is not None
        state = shell.state
        books = state.head.books
        evidence.acknowledged = lane.tally.acknowledged_count
        evidence.checkpoints.append(
            Checkpoint(
                now_ms,
                evidence.approved,
                evidence.acknowledged,
                {place.value: count for place, count in books.counts.items()},
                {place.value: int(hours * 4) for place, hours in books.hours.items()},
                sum(lane.tally.records.values()),
                {
                    "entries": len(state.entries),
                    "in line": state.ready_count,
                    "touched": len(state.touched),
                    "untold": len(state.untold),
                    "telling": sum(len(call.statuses) for call in state.calls.values()),
                    "resting": len(state.resting),
                    "asked about": sum(len(ask.names) for ask in state.asks.values()),
                    "parked": sum(map(len, state.parked.values())),
                    "sent": len(state.keys),
                    "calls": len(state.calls),
                },
            )
        )

    def _seen(self) -> Seen:
        unsettled: list[str] = []
        never = self.settings.never_back
        unhealthy = tuple(e.code for e in self.entities if never is not None and e.erp_account == never.account)
        for code, lane in self.lanes.items():
            evidence = self.evidences[code]
            shell = lane.shell
            self._still_waits(code, None if shell is None else shell.state)
            if shell is None:
                unsettled.append(
                    f"{code}: its process was down at the end" + (f", {lane.broken}" if lane.broken else "")
                )
                continue
            self._checkpoint(lane, evidence, self.clock.now_ms)
            counts = shell.state.head.books.counts
            left = {place.value: counts[place] for place in UNFINISHED if counts[place]}
            if (left or shell.state.untold) and code not in unhealthy:
                untold = f", {len(shell.state.untold)} not told to the PSA" if shell.state.untold else ""
                unsettled.append(f"{code}: {left}{untold}")
            lane.over = True
            lane.show_log()
            final = evidence.final
            for entry_id, reason, versions in shell.places():
                for version, note in versions.items():
                    quarters = int(note.hours * _FOUR)
                    final.append(FinalPlace(entry_id, version, note.place.value, reason, note.bill_minor, quarters))
            for names in shell.state.parked.values():
                for entry_id in names:
                    tracked = shell.state.entries[entry_id]
                    park = tracked.park
                    assert park is not None, f"{entry_id}: listed as parked and is not"
                    evidence.still_parked[entry_id] = Park(
                        entry_id, tracked.latest, park.reason, park.at_ms, park.owner, park.fix
                    )
        records: dict[str, int] = {}
        for lane in self.lanes.values():
            for name, count in lane.tally.records.items():
                records[name] = records.get(name, 0) + count
        bands = [band for desk in self.desks.values() for band in desk.bands]
        for band in bands:
            if band.until_ms < 0:
                band.until_ms = self.end_ms
        return Seen(
            self.firm,
            self.evidences,
            self.accounts,
            {f"{self.firm.tenant}/{code}": lane.disk.chain for code, lane in self.lanes.items()},
            self.weather.fired,
            self.weather.marks,
            bands,
            self.series,
            self.settings.sample_ms,
            {entity.code: cutoff_ms(self.firm, self.settings.people, entity) for entity in self.entities},
            self.end_ms,
            sum(lane.tally.deaths for lane in self.lanes.values()),
            sum(lane.tally.commits for lane in self.lanes.values()),
            {code: lane.boundaries for code, lane in self.lanes.items()},
            {code: lane.calls for code, lane in self.lanes.items()},
            records,
            unsettled,
            sum(lane.tally.dead_letters for lane in self.lanes.values()),
            self.weather.strikes,
            unhealthy,
        )


def _phase_of(key: str, state: State) -> str:
    """Where the intent with this key is; empty when the key is settled, or its entry was parked with it."""
    entry_id = state.keys.get(key)
    return "" if entry_id is None else state.entries[entry_id].phase.value


def _entity_of(act: Act) -> str:
    if isinstance(act, SheetSubmitted):
        return act.sheet.entity
    return act.sheets[0].entity if isinstance(act, SheetsDecided) else act.entity


def is_late(settings: WorldSettings, seed: int, project: str) -> bool:
    """Whether the project is not set up in the ERP from the start."""
    return happens(settings.late_master_data.ppm, seed, "master_data/late", project)


def profile_under(profile: ErpProfile, weather: Weather) -> ErpProfile:
    """The ERP's manners with the faults of single rows, which the ERP draws itself."""
    for fault in weather.on_rows:
        profile = fault.upon(profile)
    return profile


def rates_by_entity(firm: Firm, codes: Iterable[str]) -> dict[str, list[RatePlan]]:
    """Each of these entities hears of the prices that any of its assignments may take."""
    found: dict[str, list[RatePlan]] = {code: [] for code in codes}
    wanted: dict[tuple[str, str], str] = {}
    for assignment in firm.assignments:
        if assignment.entity in found:
            for scope, key in keys_by_scope(assignment).items():
                wanted[scope, key] = assignment.entity
    for rate in firm.rates:
        code = wanted.get((rate.scope, rate.scope_key))
        if code is not None:
            found[code].append(rate)
    return found


def reference_news(firm: Firm, code: str, rates: Iterable[RatePlan]) -> list[News]:
    """What an entity hears before anything is approved: its projects, its rates, its periods as first known."""
    projects = (Project(p.project, p.entity, p.client, p.contract) for p in firm.projects if p.entity == code)
    news: list[News] = [ProjectsPublished(tuple(projects)), RatesPublished(tuple(map(_rate_line, rates)))]
    news += [
        PeriodPublished(
            Period(
                code, plan.module, plan.name, plan.first_day, plan.last_day, PeriodStatus(plan.status), Gate(plan.gate)
            )
        )
        for plan in firm.periods
        if plan.entity == code
    ]
    return news


def _rate_line(rate: RatePlan) -> RateLine:
    return RateLine(
        rate.rate_id,
        RateKind(rate.kind),
        rate.scope,
        rate.scope_key,
        rate.currency,
        rate.rate,
        rate.valid_from,
        rate.valid_until,
        rate.known_from_ms,
        rate.amendment,
    )


_FOUR = Decimal(4)
_FINISHED = (Place.POSTED, Place.PARKED, Place.SUPERSEDED, Place.WAIVED, Place.EXCLUDED)
UNFINISHED = (Place.IN_FLIGHT, Place.STAGED, Place.IN_DOUBT)
_MENDED: dict[type, str] = {FixCredential: "renewed", Unlock: "unlocked"}
