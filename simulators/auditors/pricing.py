"""What a version is worth, worked out a second time by somebody who shares no code with the runtime.

Rule 1. Scopes are asked in the order of SCOPES; the first that has a rate in force decides.
Rule 2. In force: valid_from <= work date < valid_until, and published no later than the approval.
Rule 3. The highest amendment counts; two equally high are a tie, and a tie or a gap is unpriced, never zero.
Rule 4. Amount = hours x rate in minor units of the rate's currency, rounded half away from zero, once.
Rule 5. Time that is not billable, or not of the standard type, bills 0 and still costs. EXCLUDED types are not posted.

Everything is integers: a rate is scaled to a fraction once. The plane (work date x approval instant) of one set of
rate lists falls into few rectangles; each is priced once, and each quantity in it once.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date

from simulators.auditors.currencies import minor_units
from simulators.evidence import ApprovedVersion
from simulators.firm.model import AssignmentPlan, RatePlan

SCOPES: tuple[tuple[str, Callable[[AssignmentPlan], str]], ...] = (
    ("assignment", lambda a: a.assignment),
    ("task", lambda a: f"{a.project}|{a.task}"),
    ("project_worker", lambda a: f"{a.project}|{a.worker}"),
    ("project_role", lambda a: f"{a.project}|{a.role}"),
    ("contract", lambda a: a.contract),
    ("client", lambda a: a.client),
    ("entity_role", lambda a: f"{a.entity}|{a.role}"),
    ("entity", lambda a: a.entity),
)
"""Most specific first, with the key a rate of that scope must carry to match an assignment (documented: D11)."""

EXCLUDED = frozenset({"leave", "internal"})
"""Time types that are not posted by rule."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What one version bills and costs, in minor units."""

    bill_minor: int
    bill_currency: str
    cost_minor: int
    cost_currency: str


@dataclass(slots=True)
class _Price:
    """A rate as an integer fraction: minor units per quarter of an hour are numerator / denominator."""

    numerator: int
    denominator: int
    currency: str

    def amount(self, quarter_hours: int) -> int:
        """Rounded half away from zero."""
        exact = abs(quarter_hours * self.numerator)
        rounded = (2 * exact + self.denominator) // (2 * self.denominator)
        return rounded if quarter_hours * self.numerator >= 0 else -rounded


@dataclass(slots=True)
class _Cell:
    """One rectangle of the plane: its two prices, or why there is none."""

    bill: _Price | None
    cost: _Price | None
    unpriced: str
    billed: dict[int, Worth] = field(default_factory=dict)
    unbilled: dict[int, Worth] = field(default_factory=dict)


@dataclass(slots=True)
class _Plane:
    """Every rate that can concern assignments with the same rate lists, most specific scope first."""

    lists: tuple[tuple[RatePlan, ...], ...]
    days: list[date]
    known: list[int]
    cells: dict[tuple[int, int], _Cell] = field(default_factory=dict)


def _price(rate: RatePlan) -> _Price | str:
    """The rate as a fraction, or "currency" when ISO 4217 does not know what it is in."""
    if rate.currency not in minor_units():
        return "currency"
    sign, digits, exponent = rate.rate.as_tuple()
    assert isinstance(exponent, int), f"rate {rate.rate_id} is not a number: {rate.rate}"
    units = int("".join(map(str, digits))) * (-1 if sign else 1)
    scale = exponent + minor_units()[rate.currency]
    # Four quarters to the hour.
    return _Price(units * 10 ** max(scale, 0), 4 * 10 ** max(-scale, 0), rate.currency)


def _in_force(plane: _Plane, kind: str, day: date, known_ms: int) -> _Price | str:
    """The one price of `kind` (rules 1 to 3), or why there is none: "gap", "tie" or "currency"."""
    for rates in plane.lists:
        live = [
            rate
            for rate in rates
            if rate.kind == kind
            and rate.known_from_ms <= known_ms
            and rate.valid_from <= day
            and (rate.valid_until is None or day < rate.valid_until)
        ]
        if live:
            newest = max(rate.amendment for rate in live)
            best = [rate for rate in live if rate.amendment == newest]
            return _price(best[0]) if len(best) == 1 else "tie"
    return "gap"


class Pricing:
    """Prices versions by the rates of one firm. Remembers per assignment, so it is for one run."""

    def __init__(self, rates: Iterable[RatePlan]) -> None:
        groups: dict[tuple[str, str], list[RatePlan]] = {}
        for rate in rates:
            groups.setdefault((rate.scope, rate.scope_key), []).append(rate)
        self._lists = [tuple(group) for group in groups.values()]
        numbers = {key: number for number, key in enumerate(groups)}
        # Only scopes that the firm uses cost a look-up per assignment.
        self._scopes = [
            (key_of, {key: number for (name, key), number in numbers.items() if name == scope})
            for scope, key_of in SCOPES
            if any(name == scope for name, _ in numbers)
        ]
        self._planes: dict[tuple[int, ...], _Plane] = {}
        self._assignments: dict[str, tuple[AssignmentPlan, _Plane]] = {}

    def worth(self, version: ApprovedVersion) -> Worth | None:
        """What `version` bills and costs; None when withdrawn, excluded or unpriced."""
        if version.withdrawn or version.time_type in EXCLUDED:
            return None
        cell = self._cell(version)
        if cell.unpriced:
            return None
        memo = cell.billed if version.billable and version.time_type == "standard" else cell.unbilled
        worth = memo.get(version.quarter_hours)
        if worth is None:
            assert cell.bill is not None, "a cell without a reason has a bill price"
            assert cell.cost is not None, "a cell without a reason has a cost price"
            worth = memo[version.quarter_hours] = Worth(
                cell.bill.amount(version.quarter_hours) if memo is cell.billed else 0,
                cell.bill.currency,
                cell.cost.amount(version.quarter_hours),
                cell.cost.currency,
            )
        return worth

    def why_unpriced(self, version: ApprovedVersion) -> str:
        """Why there is no price: "gap", "tie" or "currency"; empty when there is a bill rate and a cost rate."""
        return self._cell(version).unpriced

    def _cell(self, version: ApprovedVersion) -> _Cell:
        assignment = version.assignment
        seen = self._assignments.get(assignment.assignment)
        if seen is None or seen[0] is not assignment:
            seen = self._assignments[assignment.assignment] = (assignment, self._plane(assignment))
        plane = seen[1]
        where = (bisect_right(plane.days, version.work_date), bisect_right(plane.known, version.at_ms))
        cell = plane.cells.get(where)
        if cell is None:
            # Any point of the rectangle prices all of it, so this one does.
            bill = _in_force(plane, "bill", version.work_date, version.at_ms)
            cost = _in_force(plane, "cost", version.work_date, version.at_ms)
            cell = plane.cells[where] = _Cell(
                None if isinstance(bill, str) else bill,
                None if isinstance(cost, str) else cost,
                bill if isinstance(bill, str) else cost if isinstance(cost, str) else "",
            )
        return cell

    def _plane(self, assignment: AssignmentPlan) -> _Plane:
        found = (numbers.get(key_of(assignment)) for key_of, numbers in self._scopes)
        which = tuple(number for number in found if number is not None)
        plane = self._planes.get(which)
        if plane is None:
            lists = tuple(self._lists[number] for number in which)
            rates = [rate for group in lists for rate in group]
            edges = {rate.valid_from for rate in rates} | {r.valid_until for r in rates if r.valid_until is not None}
            plane = self._planes[which] = _Plane(lists, sorted(edges), sorted({rate.known_from_ms for rate in rates}))
        return plane
