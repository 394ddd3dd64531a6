"""What an hour is worth: rates by effective date, in an order given as data (D11).

Rule 1. The first scope in the order that has a rate line for the work date decides; a later scope is not asked.
Rule 2. Effective means valid_from <= work date < valid_until, and published when the entry was approved. Where
        nothing was published by then, the first publication that closes the gap counts.
Rule 3. Among lines of one scope the highest amendment counts. Two that are equally high are a tie.
Rule 4. A gap or a tie parks the entry; it is never worth zero by accident. An explicit rate of zero is a rate.
Rule 5. Rounding happens once, on the product, at the minor unit of the rate's currency.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from runtime.core.model import Project, RateKind, RateLine, TimeEntry, Valuation
from runtime.core.money import charged, minor
from runtime.core.value import value

SCOPES: dict[str, Callable[[TimeEntry, Project], str]] = {
    "assignment": lambda entry, project: entry.assignment,
    "task": lambda entry, project: f"{entry.project}|{entry.task}",
    "project_worker": lambda entry, project: f"{entry.project}|{entry.worker}",
    "project_role": lambda entry, project: f"{entry.project}|{entry.role}",
    "contract": lambda entry, project: project.contract,
    "client": lambda entry, project: project.client,
    "entity_role": lambda entry, project: f"{entry.home_entity}|{entry.role}",
    "entity": lambda entry, project: entry.home_entity,
}
"""Every scope a rate line can have, and what of an entry it looks at."""

DEFAULT_ORDER: tuple[str, ...] = tuple(SCOPES)
"""Most specific first."""


@value
class Unpriced:
    """There is no one rate: `reason` is "rate_gap" or "rate_tie"; `detail` says where we looked."""

    reason: str
    detail: str


@dataclass(slots=True)
class RateCard:
    """All rate lines a partition knows; part of its state, changed only by `apply`."""

    lines: dict[tuple[str, str, str], list[RateLine]] = field(default_factory=dict)
    """(kind, scope, scope key) to lines."""
    known_from: list[int] = field(default_factory=list)
    """Every instant at which something was published, sorted."""
    breaks: list[date] = field(default_factory=list)
    """Every day on which any line begins or ends, sorted: between two of them all days are priced alike."""
    priced: dict[tuple[str | int, ...], tuple[RateLine, RateLine] | Unpriced] = field(default_factory=dict)
    amounts: dict[tuple[str, Decimal], int] = field(default_factory=dict)
    """Memos; both are empty after every change."""

    def learn(self, lines: tuple[RateLine, ...]) -> None:
        """Add published lines; a line published again (same id) replaces itself."""
        for line in lines:
            same = self.lines.setdefault((line.kind, line.scope, line.scope_key), [])
            same[:] = [*(other for other in same if other.rate_id != line.rate_id), line]
        self.known_from = sorted({*self.known_from, *(line.known_from_ms for line in lines)})
        ends = {day for line in lines for day in (line.valid_from, line.valid_until) if day is not None}
        self.breaks = sorted({*self.breaks, *ends})
        self.priced.clear()
        self.amounts.clear()

    def published(self) -> tuple[RateLine, ...]:
        """Every line, in a stable order."""
        return tuple(line for place in sorted(self.lines) for line in self.lines[place])


def find_rate(
    card: RateCard, order: tuple[str, ...], kind: RateKind, entry: TimeEntry, project: Project, known_ms: int
) -> RateLine | Unpriced:
    """The one rate line of `kind` for `entry`, with what was published at `known_ms` (rules 1 to 4)."""
    for scope in order:
        lines = card.lines.get((kind, scope, SCOPES[scope](entry, project)))
        if not lines:
            continue
        day = entry.work_date
        live = [
            line
            for line in lines
            if line.valid_from <= day
            and (line.valid_until is None or day < line.valid_until)
            and line.known_from_ms <= known_ms
            and line.time_type == entry.time_type
        ]
        if not live:
            continue
        newest = max(line.amendment for line in live)
        best = [line for line in live if line.amendment == newest]
        if len(best) > 1:
            names = ", ".join(sorted(line.rate_id for line in best))
            return Unpriced("rate_tie", f"{kind} rates {names} all hold on {day}")
        return best[0]
    return Unpriced("rate_gap", f"no {kind} rate for {entry.project} {entry.role} on {entry.work_date}")


def value_entry(
    card: RateCard, order: tuple[str, ...], entry: TimeEntry, project: Project, known_ms: int
) -> Valuation | Unpriced:
    """What the entry bills and costs. Time that is not billable bills an explicit zero and still costs."""
    memo = (
        entry.assignment,
        entry.task,
        entry.worker,
        entry.role,
        entry.project,
        entry.time_type,
        bisect_right(card.breaks, entry.work_date),
        bisect_right(card.known_from, known_ms),
    )
    rates = card.priced.get(memo)
    if rates is None:
        rates = card.priced[memo] = _find_both(card, order, entry, project, known_ms)
    if isinstance(rates, Unpriced):
        return rates
    bill, cost = rates
    return Valuation(
        _amount(card, bill, entry) if entry.billable else 0,
        bill.currency,
        bill.rate,
        bill.rate_id,
        _amount(card, cost, entry),
        cost.currency,
        cost.rate,
        cost.rate_id,
    )


def _find_both(
    card: RateCard, order: tuple[str, ...], entry: TimeEntry, project: Project, known_ms: int
) -> tuple[RateLine, RateLine] | Unpriced:
    later = card.known_from[bisect_right(card.known_from, known_ms) :]
    lacking = Unpriced("rate_gap", "nothing is published yet")
    for instant in (known_ms, *later):
        bill = find_rate(card, order, RateKind.BILL, entry, project, instant)
        cost = find_rate(card, order, RateKind.COST, entry, project, instant)
        if not isinstance(bill, Unpriced) and not isinstance(cost, Unpriced):
            return bill, cost
        lacking = bill if isinstance(bill, Unpriced) else cost if isinstance(cost, Unpriced) else lacking
        if lacking.reason == "rate_tie":
            return lacking
    return lacking


def _amount(card: RateCard, line: RateLine, entry: TimeEntry) -> int:
    memo = (
        (line.rate_id, entry.quantity) if entry.unit == line.unit else (f"{line.rate_id}/{entry.unit}", entry.quantity)
    )
    amount = card.amounts.get(memo)
    if amount is None:
        amount = card.amounts[memo] = minor(line.rate * charged(_in_unit(entry, line), line.increment), line.currency)
    return amount


def _in_unit(entry: TimeEntry, line: RateLine) -> Decimal:
    """The entry's quantity in the unit of the rate line."""
    if entry.unit == line.unit:
        return entry.quantity
    if (entry.unit, line.unit) == ("hour", "day"):
        return entry.quantity / line.hours_per_day
    if (entry.unit, line.unit) == ("day", "hour"):
        return entry.quantity * line.hours_per_day
    raise AssertionError(f"a rate per {line.unit} cannot price a quantity in {entry.unit}")
