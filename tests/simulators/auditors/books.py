"""A small firm and its books, for tests to keep well or badly: one entity, one contract at 100.00 EUR an hour."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from simulators.auditors.allowances import Allowances
from simulators.auditors.audit import audit
from simulators.auditors.finding import VIOLATED, Held
from simulators.evidence import (
    AccountEvidence,
    ApprovedVersion,
    Call,
    Checkpoint,
    Evidence,
    FinalPlace,
    LedgerLine,
    Park,
    PeriodFact,
    PsaStatus,
)
from simulators.firm.model import AssignmentPlan, Firm, LegalEntity, PeriodPlan, RatePlan

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def at(day: int, hour: int = 12, month: int = 3) -> int:
    """An instant of spring 2026, ms UTC."""
    return int(datetime(2026, month, day, hour, tzinfo=UTC).timestamp() * 1000)


def day(number: int, month: int = 3) -> date:
    """A civil date of spring 2026."""
    return date(2026, month, number)


def assignment(name: str = "A1", project: str = "P1", **changes: str) -> AssignmentPlan:
    """A worker on a task of a project of DE01."""
    plan = AssignmentPlan(
        assignment=name,
        worker="W1",
        project=project,
        task="Build",
        role="Developer",
        grade="senior",
        entity="DE01",
        client="C1",
        contract="K1",
        zone="Europe/Berlin",
        dimensions=("north",),
    )
    for field, value in changes.items():
        setattr(plan, field, value)
    return plan


def rate(
    kind: str = "bill", amount: str = "100.00", scope: str = "contract", key: str = "K1", **more: object
) -> RatePlan:
    """A rate that is known and in force all year, unless `more` says otherwise."""
    plan = RatePlan(
        f"{kind}/{scope}/{key}/{amount}", kind, scope, key, "EUR", Decimal(amount), date(2026, 1, 1), None, 0
    )
    for field, value in more.items():
        setattr(plan, field, value)
    return plan


def firm(*rates: RatePlan) -> Firm:
    """One entity; March is open, April is not yet, February is closed."""
    months = (("2026-02", 2, 28, "closed"), ("2026-03", 3, 31, "open"), ("2026-04", 4, 30, "future"))
    return Firm(
        tenant="T",
        start_ms=at(1, 0),
        month_first=day(1),
        month_last=day(31),
        entities=[LegalEntity("DE01", "EMEA", "DE", "EUR", "Europe/Berlin", "erp-1", "psa-1")],
        rates=list(rates) or [rate(), rate("cost", "40.00")],
        periods=[
            PeriodPlan("DE01", "time", name, date(2026, month, 1), date(2026, month, last), status, "open")
            for name, month, last, status in months
        ],
    )


class Books:
    """The evidence of DE01, written entry by entry. Three good entries stand in it from the start."""

    def __init__(self) -> None:
        self.firm = firm()
        self.evidence = Evidence("DE01")
        self.account = AccountEvidence("erp-1")
        self.allowances = Allowances()
        for number in range(3):
            self.good(f"G{number}")

    def approve(self, entry: str, version: int = 1, at_ms: int | None = None, **more: object) -> ApprovedVersion:
        """The source publishes 8 hours on 16 March on A1, unless `more` says otherwise."""
        approved = ApprovedVersion(
            entry_id=entry,
            version=version,
            at_ms=at(17) + version * HOUR_MS if at_ms is None else at_ms,
            withdrawn=False,
            assignment=assignment(),
            work_date=day(16),
            quarter_hours=32,
            time_type="standard",
            billable=True,
            narrative="Pair programming",
            dimensions=("north",),
        )
        for field, value in more.items():
            setattr(approved, field, value)
        self.evidence.versions.setdefault(entry, []).append(approved)
        if not approved.withdrawn:
            self.evidence.approved += 1
            self.evidence.acknowledged += 1
        return approved

    def post(self, entry: str, version: int = 1, at_ms: int | None = None, **more: object) -> LedgerLine:
        """A line of 800.00 EUR bill and 320.00 EUR cost lands half an hour after the approval."""
        line = LedgerLine(
            line_id=f"L{len(self.evidence.lines) + 1}",
            entity="DE01",
            key=f"{entry}/{version}/post",
            entry_id=entry,
            version=version,
            leg="post",
            project="P1",
            work_date=day(16),
            accounting_date=day(16),
            period="2026-03",
            quarter_hours=32,
            bill_minor=800_00,
            bill_currency="EUR",
            cost_minor=320_00,
            cost_currency="EUR",
            adjusts="",
            reverses="",
            at_ms=at(17) + version * HOUR_MS + HOUR_MS // 2 if at_ms is None else at_ms,
        )
        for field, value in more.items():
            setattr(line, field, value)
        self._sent(line)
        return line

    def _sent(self, line: LedgerLine) -> None:
        """The line lands, as an intent in the journal had it, of a version that was delivered."""
        self.evidence.lines.append(line)
        self.evidence.intents[line.key] = (line.entry_id, line.version)
        self.evidence.heard[line.entry_id] = self.evidence.heard.get(line.entry_id, 0) | 1 << line.version

    def reverse(self, line: LedgerLine, at_ms: int | None = None, **more: object) -> LedgerLine:
        """The exact negative of `line` lands an hour after it."""
        undoing = replace(
            line,
            line_id=f"L{len(self.evidence.lines) + 1}",
            key=line.key.replace("post", "reverse"),
            leg="reverse",
            quarter_hours=-line.quarter_hours,
            bill_minor=-line.bill_minor,
            cost_minor=-line.cost_minor,
            reverses=line.key,
            at_ms=line.at_ms + HOUR_MS if at_ms is None else at_ms,
            by_hand=False,
        )
        for field, value in more.items():
            setattr(undoing, field, value)
        self._sent(undoing)
        return undoing

    def end(self, entry: str, place: str, version: int = 1, reason: str = "", told: str | None = None) -> FinalPlace:
        """The runtime says where the version ended; `told` is what the PSA heard of the entry last."""
        approved = next((v for v in self.evidence.versions.get(entry, []) if v.version == version), None)
        final = FinalPlace(entry, version, place, reason, None, approved.quarter_hours if approved else 0)
        self.evidence.final.append(final)
        if told is not None:
            self.evidence.psa[entry] = PsaStatus(entry, version, told, reason)
        return final

    def park(self, entry: str, reason: str, version: int = 1, at_ms: int | None = None) -> None:
        """The runtime parked the version for good."""
        parked_ms = at(18) if at_ms is None else at_ms
        park = Park(entry, version, reason, parked_ms, "finance", "mend it")
        self.evidence.parks.append(park)
        self.evidence.still_parked[entry] = park
        self.end(entry, "parked", version, reason, told="parked")

    def claim(self, entry: str, at_ms: int, version: int = 1) -> None:
        """The PSA is told that the version is posted."""
        self.evidence.psa_claims.append((at_ms, entry, version, "posted"))

    def good(self, entry: str) -> LedgerLine:
        """Approved, posted, told: as nearly every entry goes."""
        self.approve(entry)
        line = self.post(entry)
        self.end(entry, "posted", told="posted")
        self.claim(entry, line.at_ms + MINUTE_MS)
        return line

    def corrected(self, entry: str, quarter_hours: int = 36) -> tuple[LedgerLine, LedgerLine, LedgerLine]:
        """Approved with 8 hours, posted, approved again with 9, reversed and posted anew."""
        self.approve(entry)
        self.approve(entry, 2, quarter_hours=quarter_hours)
        first = self.post(entry)
        undoing = self.reverse(first)
        second = self.post(
            entry,
            2,
            at_ms=undoing.at_ms + MINUTE_MS,
            quarter_hours=quarter_hours,
            bill_minor=quarter_hours * 25_00,
            cost_minor=quarter_hours * 10_00,
        )
        self.end(entry, "superseded", 1)
        self.end(entry, "posted", 2, told="posted")
        return first, undoing, second

    def period(self, name: str, at_ms: int, status: str = "open", gate: str = "open") -> None:
        """From this instant on the period is in this state."""
        plan = next(p for p in self.firm.periods if p.name == name)
        self.evidence.periods.append(PeriodFact(at_ms, "time", name, plan.first_day, plan.last_day, status, gate))

    def checkpoint(self, at_ms: int, quarters: dict[str, int] | None = None, **counts: int) -> Checkpoint:
        """The runtime reports these counts per place, and the door and the source agree with their sum."""
        total = sum(counts.values())
        told = Checkpoint(at_ms, total, total, counts, quarters or {})
        self.evidence.checkpoints.append(told)
        return told

    def call(self, at_ms: int, outcome: str = "served") -> None:
        """A call reaches the door of the account."""
        self.account.calls.append(Call("erp-1", "DE01", "post", 1, at_ms, outcome))

    def audit(self) -> dict[str, Held]:
        """The verdict of every invariant, by id."""
        verdicts = audit(self.firm, {"DE01": self.evidence}, {"erp-1": self.account}, self.allowances)
        return {held.id: held for held in verdicts}

    def violated(self) -> list[str]:
        """The invariants that were found broken."""
        return [key for key, held in self.audit().items() if held.status == VIOLATED]

    def first(self, invariant: str) -> str:
        """What the first finding of an invariant says."""
        return self.audit()[invariant].examples[0].text
