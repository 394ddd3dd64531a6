"""What an hour is worth: rates by effective date, in an order given as data (D11).

Rule 1. The first scope in the order that has a rate line for the work date decides; a later scope is not asked.
Rule 2. Effective means valid_from <= work date < valid_until, and published when the entry was approved. Where what
        was published by then gives no one usable rate, the first later publication that gives one counts. Bill and
        cost are looked for apart: a late cost rate does not change what the entry bills.
Rule 3. Among lines of one scope the highest amendment counts. Two that are equally high are a tie.
Rule 4. A gap, a tie or a rate that nobody can calculate with parks the entry; it is never worth zero by accident.
        An explicit rate of zero is a rate.
Rule 5. Rounding happens once, on the product, at the minor unit of the rate's currency.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from runtime.core.currencies import EXPONENT
from runtime.core.model import Project, RateKind, RateLine, TimeEntry, Valuation
from runtime.core.money import ARITHMETIC, LARGEST, charged, minor
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

_ROUNDINGS = frozenset({"half_up"})
"""What `money.minor` does."""

_CONVERTIBLE = frozenset({("hour", "day"), ("day", "hour")})
"""(unit of the entry, unit of the rate) that `hours_per_day` leads between."""


@value
class Unpriced:
    """There is no price: `reason` is a key of PARKS, `detail` says where we looked.

    "rate_gap": no rate; "rate_tie": several; "currency_unknown" and "rate_unusable": one, and it gives no amount.
    """

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
    valued: dict[tuple[str, str, str, Decimal, bool], Valuation | Unpriced] = field(default_factory=dict)
    """Memos; both are empty after every change."""
    places: dict[tuple[str, str], tuple[str, str, str]] = field(default_factory=dict)
    """(kind, rate id) to where in `lines` it stands."""

    def learn(self, lines: tuple[RateLine, ...]) -> None:
        """Add published lines; a line published again (same id and kind) replaces itself, wherever it stood."""
        for line in lines:
            name, place = (line.kind, line.rate_id), (line.kind, line.scope, line.scope_key)
            earlier = self.places.get(name)
            if earlier is not None:
                self.lines[earlier] = [other for other in self.lines[earlier] if other.rate_id != line.rate_id]
                if not self.lines[earlier]:
                    del self.lines[earlier]
            self.places[name] = place
            self.lines.setdefault(place, []).append(line)
        self.known_from = sorted({*self.known_from, *(line.known_from_ms for line in lines)})
        ends = {day for line in lines for day in (line.valid_from, line.valid_until) if day is not None}
        self.breaks = sorted({*self.breaks, *ends})
        self.priced.clear()
        self.valued.clear()

    def is_news(self, line: RateLine) -> bool:
        """Whether the card would change: a line that is new, or another content in no older a version."""
        place = self.places.get((line.kind, line.rate_id))
        if place is None:
            return True
        known = next(other for other in self.lines[place] if other.rate_id == line.rate_id)
        # By their text: a rate that is no number does not even compare.
        return line.version >= known.version and repr(line) != repr(known)

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
        return _flaw(best[0], entry.unit) or best[0]
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
        entry.unit,
        bisect_right(card.breaks, entry.work_date),
        bisect_right(card.known_from, known_ms),
    )
    rates = card.priced.get(memo)
    if rates is None:
        rates = card.priced[memo] = _find_both(card, order, entry, project, known_ms)
    if isinstance(rates, Unpriced):
        return rates
    bill, cost = rates
    alike = (bill.rate_id, cost.rate_id, entry.unit, entry.quantity, entry.billable)
    valued = card.valued.get(alike)
    if valued is None:
        valued = card.valued[alike] = _valued(bill, cost, entry)
    return valued


def _valued(bill: RateLine, cost: RateLine, entry: TimeEntry) -> Valuation | Unpriced:
    bill_minor = _amount(bill, entry) if entry.billable else 0
    if isinstance(bill_minor, Unpriced):
        return bill_minor
    cost_minor = _amount(cost, entry)
    if isinstance(cost_minor, Unpriced):
        return cost_minor
    return Valuation(
        bill_minor,
        bill.currency,
        bill.rate,
        bill.rate_id,
        cost_minor,
        cost.currency,
        cost.rate,
        cost.rate_id,
    )


def _find_both(
    card: RateCard, order: tuple[str, ...], entry: TimeEntry, project: Project, known_ms: int
) -> tuple[RateLine, RateLine] | Unpriced:
    bill = _first_found(card, order, RateKind.BILL, entry, project, known_ms)
    if isinstance(bill, Unpriced):
        return bill
    cost = _first_found(card, order, RateKind.COST, entry, project, known_ms)
    return cost if isinstance(cost, Unpriced) else (bill, cost)


def _first_found(
    card: RateCard, order: tuple[str, ...], kind: RateKind, entry: TimeEntry, project: Project, known_ms: int
) -> RateLine | Unpriced:
    """Rule 2 for one kind: what holds at `known_ms`, else what the first publication after it brings about."""
    found = find_rate(card, order, kind, entry, project, known_ms)
    for instant in card.known_from[bisect_right(card.known_from, known_ms) :]:
        if not isinstance(found, Unpriced):
            break
        found = find_rate(card, order, kind, entry, project, instant)
    return found


def _flaw(line: RateLine, unit: str) -> Unpriced | None:
    """Why no quantity in `unit` can be priced by `line`, or None. Compares only finite numbers: others may raise."""
    numbers = (line.rate, line.hours_per_day, line.increment)
    if line.currency not in EXPONENT:
        return Unpriced("currency_unknown", f"currency {line.currency!r} of rate {line.rate_id} is not in ISO 4217")
    if line.rounding not in _ROUNDINGS:
        why = f"rounds {line.rounding!r}"
    elif unit != line.unit and (unit, line.unit) not in _CONVERTIBLE:
        why = f"is per {line.unit} and cannot price a quantity in {unit}"
    elif not all(number.is_finite() for number in numbers) or line.rate.copy_abs() > LARGEST:
        why = "is no amount of money"
    elif line.hours_per_day <= 0 or line.increment < 0:
        why = f"has days of {line.hours_per_day} hours and increments of {line.increment}"
    else:
        return None
    return Unpriced("rate_unusable", f"{line.kind} rate {line.rate_id} {why}")


def _amount(line: RateLine, entry: TimeEntry) -> int | Unpriced:
    """Rate times quantity in minor units, rounded once; a product that is no amount is not priced."""
    try:
        return minor(_product(line, entry), line.currency)
    except ArithmeticError:
        what = f"{line.kind} rate {line.rate_id} times {entry.quantity} {entry.unit} is no amount of money"
        return Unpriced("rate_unusable", what)


def _product(line: RateLine, entry: TimeEntry) -> Decimal:
    """Rate times the quantity in the rate's unit, divided last where it can be: a seventh is no decimal."""
    times, over = ARITHMETIC.multiply, ARITHMETIC.divide
    quantity, day, increment = entry.quantity, line.hours_per_day, line.increment
    if entry.unit == line.unit:
        return times(line.rate, charged(quantity, increment))
    if line.unit == "hour":
        return times(line.rate, charged(times(quantity, day), increment))
    if not increment:
        return over(times(line.rate, quantity), day)
    return times(line.rate, charged(over(quantity, day), increment))
