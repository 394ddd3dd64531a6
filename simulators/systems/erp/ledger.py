"""The project ledger of one legal entity: its periods, what it knows, its lines, and its staging table.

Rule 1. A line comes to stand only in a period of module "time" that is open in the ERP's own books at that instant.
Rule 2. A reversal names the key of a line of the same entry that stands and is not reversed, and carries the exact
        negatives of its hours and amounts, unless the profile says that any amounts will do. A reversed line keeps
        its place in the ledger but no longer stands.
Rule 3. A person posts by hand only after having seen that no line of the entry stands, staged ones included.
Rule 4. Every line that comes to stand is evidence: it *is* the object in `Evidence.lines`, so nothing is held twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from heapq import heappop, heappush
from sys import intern
from typing import NamedTuple

from simulators.evidence import Evidence, KeyClash, LedgerLine
from simulators.systems.erp.wire import LineReply, Row

MODULE = "time"
OPEN = "open"
NOT_OPEN = {"on_hold": "period_on_hold"}
"""How a row is refused whose period is not open, by its status: a hold ends, anything else is closed to the row."""


@dataclass(slots=True)
class Line(LedgerLine):
    """A line as the ERP holds it: the evidence, plus the crc32 of the row's text and the line that reversed it."""

    fingerprint: int = 0
    reversed_by: str = ""


@dataclass(slots=True)
class Staged:
    """A row in the staging table. `status` is "staged" or "rejected"; once posted a `Line` takes its place."""

    key: str
    entry_id: str
    row: Row
    fingerprint: int
    reference: str
    job: str
    due_ms: int
    status: str = "staged"
    reason: str = ""


Words = tuple[str | tuple[str, ...] | None, ...]
Held = Line | Staged
Index = dict[str, Held | list[Held]]
"""Name to what is held under it; a list only where there is more than one, for most names have one."""


class No(NamedTuple):
    """Why a row cannot be posted: one of the reasons of the dialect, and words for people."""

    reason: str
    detail: str


class Day(NamedTuple):
    """A civil date, with the period that holds it as it is now; `period` None: nobody ever set one up."""

    date: date
    period: str | None
    status: str


@dataclass(slots=True)
class _Period:
    first_day: date
    last_day: date
    status: str


class Ledger:
    """State and rules of one legal entity's ledger. Rows come in as `Row`, instants as ms UTC."""

    def __init__(
        self,
        evidence: Evidence,
        projects: Iterable[str],
        workers: Iterable[str],
        read_lag_ms: int,
        exact_reversals: bool = True,
    ) -> None:
        self.entity = evidence.entity
        self._exact_reversals = exact_reversals
        self.evidence = evidence
        self.projects = set(projects)
        self.workers = set(workers)
        self.by_key: Index = {}
        self._by_entry: Index = {}
        self._periods: dict[str, _Period] = {}
        self._days: dict[str, Day] = {}
        self._quarters: dict[str, int | None] = {}
        self._words: dict[Words, Words] = {}
        self._lines_ever = 0
        self._read_lag_ms = read_lag_ms
        self._exact_reversals = exact_reversals
        self._lags: list[tuple[int, int, int]] = []
        """(from, until, ms): windows in which readers are further behind."""
        self._unseen: set[str] = set()
        self._unseen_until: list[tuple[int, str]] = []

    def set_period(self, module: str, name: str, first_day: date, last_day: date, status: str) -> None:
        """Open, hold or close a period; only module "time" matters to time postings."""
        if module == MODULE:
            self._periods[name] = _Period(first_day, last_day, status)
            self._days.clear()

    def day(self, text: str) -> Day | None:
        """The civil date that `text` names, with its period; None when there is no such date."""
        known = self._days.get(text)
        if known is not None:
            return known
        try:
            day = date.fromisoformat(text)
        except ValueError:
            return None
        seen = self._days[text] = self._day(day)
        return seen

    def refusal(self, row: Row) -> No | None:
        """Why this row could not come to stand now; None when it could."""
        day = self._days.get(row.accounting_date) or self.day(row.accounting_date)
        if day is None or self.day(row.work_date) is None:
            return self._malformed(row, "work date or accounting date is no date")
        if day.status != OPEN:
            reason = NOT_OPEN.get(day.status, "period_closed")
            return No(reason, f"period {day.period or 'of ' + row.accounting_date} is {day.status}")
        if row.project not in self.projects:
            return No("unknown_project", f"project {row.project} is not set up")
        if row.worker not in self.workers:
            return No("unknown_worker", f"worker {row.worker} is not set up")
        if not row.bill_currency or not row.cost_currency:
            return self._malformed(row, "currency is missing")
        if self.quarters(row) is None:
            return self._malformed(row, f"quantity {row.quantity} {row.unit} is not in quarters of an hour")
        return self._reversal_refusal(row) if row.leg == "reverse" else None

    def quarters(self, row: Row) -> int | None:
        """The quantity in quarters of an hour; None when it is not a whole number of them."""
        try:
            quarters = self._quarters[row.quantity]
        except KeyError:
            quarters = self._quarters[row.quantity] = _quarters_of(row.quantity)
        return quarters if row.unit == "hour" else None

    def post(self, row: Row, key: str, fingerprint: int, at_ms: int) -> Line:
        """Let a row come to stand that `refusal` has nothing against. `key` is the row's key as the ERP keeps it."""
        line = self._line_of(row, key, fingerprint, at_ms)
        self.evidence.lines.append(line)
        _add(self.by_key, key, line)
        if row.leg == "reverse":
            target = self._standing_target(row)
            assert target is not None, f"{self.entity}: posted a reversal of {row.reverses}, which does not stand"
            target.reversed_by = line.line_id
            _drop(self._by_entry, target.entry_id, target)
        else:
            _add(self._by_entry, line.entry_id, line)
        self._hide(line.line_id, at_ms)
        return line

    def replace(self, line: Line, row: Row, fingerprint: int) -> None:
        """Overwrite a standing line with a row of the same key, in place; it keeps its id and its time."""
        new = self._line_of(row, line.key, fingerprint, line.at_ms)
        self._lines_ever -= 1
        for name in ("version", "project", "work_date", "accounting_date", "period", "quarter_hours", "bill_minor",
                     "bill_currency", "cost_minor", "cost_currency", "adjusts", "words", "fingerprint"):  # fmt: skip
            setattr(line, name, getattr(new, name))

    def stage(self, staged: Staged, now_ms: int) -> None:
        """Take a row into the staging table."""
        _add(self.by_key, staged.key, staged)
        _add(self._by_entry, staged.entry_id, staged)
        self._hide(staged.reference, now_ms)

    def land(self, staged: Staged) -> None:
        """Post a staged row at its due time; its line takes its place."""
        _drop(self.by_key, staged.key, staged)
        _drop(self._by_entry, staged.entry_id, staged)
        line = self.post(staged.row, staged.key, staged.fingerprint, staged.due_ms)
        # Its row could be read while it was staged, so it does not vanish again.
        self._unseen.discard(line.line_id)

    def reject(self, staged: Staged, reason: str) -> None:
        """The import refuses a staged row; it stays visible under its key and counts as an entry's line no more."""
        staged.status, staged.reason = "rejected", reason
        _drop(self._by_entry, staged.entry_id, staged)

    def note_clash(self, row: Row, key: str, now_ms: int) -> None:
        """Write down that a key came for another row than what is held under it; a rejected row gave its key up."""
        held = self.newest(key)
        if held is None or (isinstance(held, Staged) and held.status == "rejected"):
            return
        version, leg = (held.version, held.leg) if isinstance(held, Line) else (held.row.version, held.row.leg)
        if (held.entry_id, version, leg) != (row.entry_id, row.version, row.leg):
            self.evidence.key_clashes.append(
                KeyClash(row.key, row.entry_id, row.version, row.leg, (held.entry_id, version, leg), now_ms)
            )

    def newest(self, key: str) -> Held | None:
        """What was posted or staged last under this key; a rejected row only when there is nothing else."""
        held = self.by_key.get(key)
        if not isinstance(held, list):
            return held
        alive = [one for one in held if isinstance(one, Line) or one.status == "staged"]
        return (alive or held)[-1]

    def times(self, key: str) -> int:
        """How often something was posted or staged under this key."""
        return len(_all(self.by_key, key))

    def standing(self, entry_id: str) -> list[Held]:
        """The lines of an entry that stand: posted and not reversed, or staged."""
        return _all(self._by_entry, entry_id)

    def hand_line(self, entry_id: str) -> Line | None:
        """The line a person entered for this entry, while it stands."""
        held = self._by_entry.get(entry_id)
        if held is None:
            return None
        for one in held if isinstance(held, list) else (held,):
            if isinstance(one, Line) and one.by_hand:
                return one
        return None

    def look_up(self, by: str, names: Iterable[str], now_ms: int) -> list[LineReply]:
        """Everything held under these keys, or the standing lines of these entries, that a reader can see yet."""
        index = self.by_key if by == "key" else self._by_entry
        found = [self._reply(held) for name in names for held in _all(index, name)]
        if not self._unseen_until:
            return found
        self._reveal(now_ms)
        return [line for line in found if line.ledger_id not in self._unseen]

    def post_by_hand(self, line: Line) -> bool:
        """A careful accountant enters a line, unless one of the entry stands or the period is not open."""
        if self.standing(line.entry_id) or self._day(line.accounting_date).status != OPEN:
            return False
        self._lines_ever += 1
        line.line_id = f"{self.entity}-{self._lines_ever}"
        self.evidence.lines.append(line)
        _add(self._by_entry, line.entry_id, line)
        self._hide(line.line_id, line.at_ms)
        return True

    def _day(self, day: date) -> Day:
        for name, period in self._periods.items():
            if period.first_day <= day <= period.last_day:
                return Day(day, name, period.status)
        return Day(day, None, "never_opened")

    def _standing_target(self, row: Row) -> Line | None:
        held = self.by_key.get(row.reverses)
        if held is None:
            return None
        for one in held if isinstance(held, list) else (held,):
            if isinstance(one, Line) and one.leg == "post" and not one.reversed_by and one.entry_id == row.entry_id:
                return one
        return None

    def _reversal_refusal(self, row: Row) -> No | None:
        target = self._standing_target(row)
        if target is None:
            return No("nothing_to_reverse", f"no line with key {row.reverses} of this entry stands")
        exact = not self._exact_reversals or (
            row.bill_minor == -target.bill_minor
            and row.cost_minor == -target.cost_minor
            and self.quarters(row) == -target.quarter_hours
            and row.bill_currency == target.bill_currency
            and row.cost_currency == target.cost_currency
        )
        return None if exact else self._malformed(row, f"not the exact negative of {target.line_id}")

    def _malformed(self, row: Row, detail: str) -> No:
        """A row that nobody could post, whatever the books are: whoever made it did it wrong."""
        self.evidence.malformed[row.entry_id] = detail
        return No("invalid", detail)

    def _line_of(self, row: Row, key: str, fingerprint: int, at_ms: int) -> Line:
        day, work_day, quarters = self.day(row.accounting_date), self.day(row.work_date), self.quarters(row)
        assert day is not None, "a row is validated before it posts: accounting date"
        assert work_day is not None, "a row is validated before it posts: work date"
        assert quarters is not None, "a row is validated before it posts: quantity"
        self._lines_ever += 1
        # Few different words stand in millions of lines, so each is held once.
        words = (row.task, row.worker, row.role, row.narrative, row.dimensions)
        return Line(
            f"{self.entity}-{self._lines_ever}",
            self.entity,
            key,
            row.entry_id,
            row.version,
            intern(row.leg),
            intern(row.project),
            work_day.date,
            day.date,
            intern(row.period or day.period or ""),
            quarters,
            row.bill_minor,
            intern(row.bill_currency),
            row.cost_minor,
            intern(row.cost_currency),
            intern(row.adjusts),
            row.reverses,
            at_ms,
            False,
            self._words.setdefault(words, words),
            fingerprint,
        )

    def _reply(self, held: Held) -> LineReply:
        if isinstance(held, Line):
            # Nobody computes a fingerprint of what a person typed in.
            mark = "" if held.by_hand else f"{held.fingerprint:08x}"
            return LineReply(
                held.key,
                held.entry_id,
                held.line_id,
                "posted",
                mark,
                held.bill_minor,
                held.cost_minor,
                "",
                held.by_hand,
                held.project,
                held.work_date,
                held.accounting_date,
                held.period,
            )
        row = held.row
        # What is staged was perhaps never validated, so its dates may be none.
        work_day, day = self.day(row.work_date), self.day(row.accounting_date)
        return LineReply(
            held.key,
            held.entry_id,
            held.reference,
            held.status,
            f"{held.fingerprint:08x}",
            row.bill_minor,
            row.cost_minor,
            held.reason,
            False,
            row.project,
            None if work_day is None else work_day.date,
            None if day is None else day.date,
            row.period,
        )

    def lag_reads(self, from_ms: int, until_ms: int, lag_ms: int) -> None:
        """What comes to stand in this window shows so much later."""
        self._lags.append((from_ms, until_ms, lag_ms))

    def _hide(self, name: str, now_ms: int) -> None:
        lag_ms = self._read_lag_ms
        for from_ms, until_ms, further_ms in self._lags:
            if from_ms <= now_ms < until_ms:
                lag_ms = max(lag_ms, further_ms)
        if lag_ms:
            self._reveal(now_ms)
            self._unseen.add(name)
            heappush(self._unseen_until, (now_ms + lag_ms, name))

    def _reveal(self, now_ms: int) -> None:
        while self._unseen_until and self._unseen_until[0][0] <= now_ms:
            self._unseen.discard(heappop(self._unseen_until)[1])


def _quarters_of(quantity: str) -> int | None:
    try:
        quarters = Decimal(quantity) * 4
        return int(quarters) if quarters == quarters.to_integral_value() else None
    except (InvalidOperation, OverflowError, ValueError):
        return None


def _add(index: Index, name: str, held: Held) -> None:
    there = index.setdefault(name, held)
    if there is held:
        return
    if isinstance(there, list):
        there.append(held)
    else:
        index[name] = [there, held]


def _drop(index: Index, name: str, held: Held) -> None:
    there = index[name]
    if not isinstance(there, list):
        assert there is held, f"another line is held under {name}"
        del index[name]
        return
    left = [one for one in there if one is not held]
    index[name] = left if len(left) > 1 else left[0]


def _all(index: Index, name: str) -> list[Held]:
    held = index.get(name)
    if held is None:
        return []
    return list(held) if isinstance(held, list) else [held]
