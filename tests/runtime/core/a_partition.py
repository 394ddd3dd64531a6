"""A small language for tests of the core: what a partition is given, hears, sends and makes of it.

    partition = given(approved("TS-1"))
    batch = partition.sends(after_ms=LINGER_MS)
    partition.hears(silence(batch))
    assert partition.phase_of("TS-1") is Phase.IN_DOUBT

Everything goes through the production `Shell` over a journal in memory, so every step is decided, journalled and
applied as in production. Time stands still unless `after_ms` says how much of it passes before the step.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from runtime.connectors.erp.generic import freeze
from runtime.core.answers import (
    Applied,
    Doubt,
    LineFound,
    LinesFound,
    Refusal,
    Refused,
    RowsAnswered,
    Silent,
    Staged,
    StatusTaken,
    Unknown,
)
from runtime.core.effects import Effect, FrozenRow, LookUp, SendBatch, TellPsa
from runtime.core.inputs import Answered, Input, PermitCame
from runtime.core.model import (
    Approval,
    Gate,
    Leg,
    Period,
    PeriodStatus,
    Place,
    Project,
    RateKind,
    RateLine,
    TimeEntry,
)
from runtime.core.news import EntryApproved, EntryWithdrawn, PeriodPublished, ProjectsPublished, RatesPublished
from runtime.core.partition import Permits, State, Tracked, decide, due, next_due_ms
from runtime.core.partition.moves import Phase
from runtime.core.policy import Policy
from runtime.core.records import EntryParked, Record
from runtime.drivers.shell import Shell
from runtime.journal.memory import MemoryJournal

BEGAN_MS = 1_000_000_000
LINGER_MS = 5_000
LATE_MS = 60_000
DEADLINE_MS = 30_000
LATE_AFTER_RESTART_MS = DEADLINE_MS + LATE_MS
"""Whoever made the call may have lived on for a while; a late landing counts from its deadline."""
POLL_MS = 300_000
TELL_MS = 30_000
HOUR_MS = 3_600_000
PATIENCE_MS = 6 * HOUR_MS


# ------------------------------------------------------------------ what is published


def time_entry(entry_id: str, version: int = 1, hours: str = "8", **changes: Any) -> TimeEntry:
    """A day of W1 on project P1 in March 2026; `changes` are fields of `TimeEntry`."""
    plain = TimeEntry(
        entry_id,
        version,
        source_system="psa",
        source_id=entry_id,
        line=1,
        sheet="S-1",
        worker="W1",
        assignment="A1",
        project="P1",
        task="T1",
        role="consultant",
        grade="senior",
        employing_entity="DE01",
        project_entity="DE01",
        billing_entity="DE01",
        home_entity="DE01",
        work_date=date(2026, 3, 10),
        quantity=Decimal(hours),
        unit="hour",
        time_type="standard",
        billable=True,
        zone="Europe/Berlin",
        invoice_narrative="workshop",
        dimensions=("practice:data",),
    )
    return replace(plain, **changes)


def approved(
    entry_id: str, version: int = 1, hours: str = "8", decided_at_ms: int = BEGAN_MS, **changes: Any
) -> EntryApproved:
    """News: this version of this entry was approved."""
    entry = time_entry(entry_id, version, hours, **changes)
    return EntryApproved(entry, Approval(f"{entry_id}/{version}", "M1", "single", decided_at_ms))


def withdrawn(entry_id: str, version: int) -> EntryWithdrawn:
    """News: the source took the entry back."""
    return EntryWithdrawn(entry_id, version, "booked twice", BEGAN_MS)


def rate_line(
    kind: RateKind = RateKind.BILL, rate: str = "100", rate_id: str = "", scope: str = "entity", **changes: Any
) -> RateLine:
    """A rate of legal entity DE01, in euros per hour, for all of time."""
    plain = RateLine(rate_id or f"{scope}-{kind}", kind, scope, "DE01", "EUR", Decimal(rate), date(2020, 1, 1))
    return replace(plain, **changes)


BILL_RATE = rate_line(RateKind.BILL, "100")
COST_RATE = rate_line(RateKind.COST, "60")
RATES = RatesPublished((BILL_RATE, COST_RATE))
PROJECT = Project("P1", "DE01", "C1", "K1")
PROJECTS = ProjectsPublished((PROJECT, Project("P2", "DE01", "C1", "K1")))

MONTHS: dict[str, tuple[date, date]] = {
    "2026-02": (date(2026, 2, 1), date(2026, 2, 28)),
    "2026-03": (date(2026, 3, 1), date(2026, 3, 31)),
    "2026-04": (date(2026, 4, 1), date(2026, 4, 30)),
    "2026-05": (date(2026, 5, 1), date(2026, 5, 31)),
}


def period(
    name: str, status: PeriodStatus = PeriodStatus.OPEN, gate: Gate = Gate.OPEN, version: int = 1, module: str = "time"
) -> PeriodPublished:
    """News: a month of DE01 is in this state."""
    first, last = MONTHS[name]
    return PeriodPublished(Period("DE01", module, name, first, last, status, gate, version))


MARCH_OPEN = period("2026-03")
APRIL_OPEN = period("2026-04")
USUAL: tuple[Input, ...] = (RATES, PROJECTS, MARCH_OPEN, APRIL_OPEN)


# ------------------------------------------------------------------ what the systems answer


def answer(call: Effect, rows: Any) -> Answered:
    """This call came back with this answer."""
    return Answered(call.call_id, rows)


def applied(batch: SendBatch) -> Answered:
    """Every row of the batch stands in the ledger."""
    return answer(batch, RowsAnswered(tuple(Applied(row.posting.key, f"L-{row.posting.key}") for row in batch.rows)))


def refused(batch: SendBatch, reason: Refusal, *entry_ids: str) -> Answered:
    """The rows of these entries (all, when none is named) are refused; the others stand."""
    return answer(
        batch,
        RowsAnswered(
            tuple(
                Refused(row.posting.key, reason, "so they say")
                if not entry_ids or row.posting.entry_id in entry_ids
                else Applied(row.posting.key, f"L-{row.posting.key}")
                for row in batch.rows
            )
        ),
    )


def staged(batch: SendBatch) -> Answered:
    """Every row was accepted, to be posted or rejected later."""
    return answer(batch, RowsAnswered(tuple(Staged(row.posting.key, f"R-{row.posting.key}") for row in batch.rows)))


def unknown(batch: SendBatch, why: Doubt) -> Answered:
    """The call came back, and nothing is known of any row."""
    return answer(batch, RowsAnswered(tuple(Unknown(row.posting.key, why) for row in batch.rows)))


def silence(call: Effect) -> Answered:
    """The call was given up."""
    return answer(call, Silent())


def taken(tell: TellPsa) -> Answered:
    """The PSA took the statuses."""
    return answer(tell, StatusTaken())


def line_of(row: FrozenRow, status: str = "posted", **changes: Any) -> LineFound:
    """What a look-up says of a row that the ledger (or its staging table) holds."""
    posting = row.posting
    plain = LineFound(
        posting.key,
        posting.entry_id,
        f"L-{posting.key}",
        status,
        row.fingerprint,
        posting.bill_minor,
        posting.cost_minor,
        project=posting.project,
        work_date=posting.work_date,
        accounting_date=posting.accounting_date,
        period=posting.period,
    )
    return replace(plain, **changes)


def hand_line(entry_id: str, bill_minor: int = 80_000, cost_minor: int = 48_000, **changes: Any) -> LineFound:
    """A line that a person entered beside the feed for the usual day on P1; `changes` are fields of `LineFound`."""
    day = date(2026, 3, 10)
    plain = LineFound(
        "",
        entry_id,
        f"H-{entry_id}",
        "posted",
        "",
        bill_minor,
        cost_minor,
        by_hand=True,
        project="P1",
        work_date=day,
        accounting_date=day,
        period="2026-03",
    )
    return replace(plain, **changes)


def found(ask: LookUp, *lines: LineFound) -> Answered:
    """The ledger holds these lines under the names asked for, and no others."""
    return answer(ask, LinesFound(lines))


# ------------------------------------------------------------------ the partition


class Partition:
    """One partition, its journal, and the time on the wall."""

    def __init__(self, **policy: Any) -> None:
        manners = {
            "linger_ms": LINGER_MS,
            "late_landing_ms": LATE_MS,
            "staged_poll_ms": POLL_MS,
            "tell_linger_ms": TELL_MS,
            "confirm_after_ms": PATIENCE_MS,
        }
        self.policy = Policy("T1", "DE01", freeze, **{**manners, **policy})
        self.journal = MemoryJournal()
        self.records: list[Record] = []
        self.now_ms = BEGAN_MS
        self.shell = self._process()

    def _process(self) -> Shell:
        shell = Shell(self.policy, self.journal, lambda records, now_ms: self.records.extend(records))
        shell.wake_up(self.now_ms)
        return shell

    @property
    def state(self) -> State:
        return self.shell.state

    # ---------------------------------------------------------------- what happens to it

    def hears(self, *inputs: Input, after_ms: int = 0) -> "Partition":
        """Take in these inputs, together."""
        self.now_ms += after_ms
        self.shell.turn(inputs, self.now_ms)
        return self

    def waits(self, after_ms: int) -> "Partition":
        """Nothing happens but time."""
        self.now_ms += after_ms
        self.shell.look_around(self.now_ms)
        return self

    def crashes(self, after_ms: int = 0) -> "Partition":
        """The process dies; another one takes over from the journal."""
        self.now_ms += after_ms
        self.shell = self._process()
        return self

    # ---------------------------------------------------------------- what it does

    def due(self, after_ms: int = 0, erp: int = 1, psa: int = 0) -> list[Effect]:
        """What it would do now; nothing of it leaves."""
        self.waits(after_ms)
        if erp:
            while decide(self.state, (PermitCame(),), self.now_ms):
                self.hears(PermitCame())
        return due(self.state, Permits(erp, psa), self.now_ms)

    def starts(self, after_ms: int = 0, erp: int = 1, psa: int = 0) -> list[Effect]:
        """What it does now."""
        self.waits(after_ms)
        return self.shell.start(Permits(erp, psa), self.now_ms)

    def stands_still(self, after_ms: int = LINGER_MS) -> "Partition":
        """A permit comes, and there is nothing to do with it; what cannot go has said so."""
        effects = self.starts(after_ms)
        assert effects == [], f"nothing should be due, but {effects}"
        return self

    def sends(self, after_ms: int = LINGER_MS) -> SendBatch:
        """The batch that leaves now."""
        effects = self.starts(after_ms)
        assert [type(effect) for effect in effects] == [SendBatch], f"no batch is due, but {effects}"
        assert isinstance(effects[0], SendBatch)
        return effects[0]

    def sends_again(self, after_ms: int = 0) -> SendBatch:
        """The batch of rows that rested: the ledger is asked first, holds nothing of them, and they leave."""
        self.hears(found(self.asks(after_ms)))
        return self.sends(after_ms=0)

    def asks(self, after_ms: int = 0) -> LookUp:
        """The question to the ledger that leaves now."""
        effects = self.starts(after_ms)
        assert [type(effect) for effect in effects] == [LookUp], f"no question is due, but {effects}"
        assert isinstance(effects[0], LookUp)
        return effects[0]

    def tells(self, after_ms: int = TELL_MS) -> TellPsa:
        """The statuses that leave for the PSA now."""
        effects = self.starts(after_ms, erp=0, psa=1)
        assert [type(effect) for effect in effects] == [TellPsa], f"nothing is to be told, but {effects}"
        assert isinstance(effects[0], TellPsa)
        return effects[0]

    def posts(self, *inputs: Input) -> SendBatch:
        """Hear these inputs, send what follows, and have it applied."""
        batch = self.hears(*inputs).sends()
        self.hears(applied(batch))
        return batch

    # ---------------------------------------------------------------- what one can see

    def entry(self, entry_id: str) -> Tracked:
        return self.state.entries[entry_id]

    def phase_of(self, entry_id: str) -> Phase:
        return self.entry(entry_id).phase

    def places_of(self, entry_id: str) -> dict[int, Place]:
        """Version to place."""
        return {version: note.place for version, note in self.entry(entry_id).versions.items()}

    def park_of(self, entry_id: str) -> str:
        """The reason for which the entry is parked, or ""."""
        park = self.entry(entry_id).park
        return "" if park is None else park.reason

    def made(self, kind: type) -> list[Any]:
        """Every record of this kind so far."""
        return [record for record in self.records if type(record) is kind]

    def parks(self) -> list[str]:
        """Every reason for which anything was ever parked."""
        return [record.reason for record in self.made(EntryParked)]

    def next_due_ms(self) -> int | None:
        return next_due_ms(self.state)


def given(*inputs: Input, usual: Sequence[Input] = USUAL, **policy: Any) -> Partition:
    """A partition that knows rates, projects, March and April (or `usual` instead), and then heard `inputs`."""
    partition = Partition(**policy)
    partition.hears(*usual)
    return partition.hears(*inputs)


def keys(batch: SendBatch) -> list[str]:
    """The keys of a batch."""
    return [row.posting.key for row in batch.rows]


def entries(batch: SendBatch) -> list[tuple[str, int, Leg]]:
    """(entry, version, leg) of each row."""
    return [(row.posting.entry_id, row.posting.version, row.posting.leg) for row in batch.rows]


def amounts(batch: SendBatch) -> list[tuple[int, int]]:
    """(bill, cost) of each row, in minor units."""
    return [(row.posting.bill_minor, row.posting.cost_minor) for row in batch.rows]
