"""Whether the books are right: what was approved, what stands in the ledger, what was invoiced, and the money of it.

    approved (the source's file)   ==   standing lines (the ERP)      by key: entry and version
    hours × rate                   ==   invoice lines                 to the cent, for each task
    hours of an invoice line       ==   hours of its time             so nothing is invoiced twice, and nothing is left

Rule 1. Nothing here comes from the runtime, except what it told the source, which is one of the things compared.
Rule 2. Every difference is a finding with a name in it. Figures are counted on both sides and never taken over.
Rule 3. Money is in minor units. Hours are exact decimals.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from runtime.core.value import value

Key = tuple[str, int]
"""Entry and version."""
Priced = tuple[str, str, str]
"""Legal entity, project, task: what has a price."""
NAMED_MOST = 3


@value
class ApprovedLine:
    """The version of an entry that stands approved at the source, and what the runtime told about it."""

    entry_id: str
    version: int
    entity: str
    worker: str
    project: str
    task: str
    work_date: date
    hours: Decimal
    status: str = ""
    ledger_id: str = ""

    @property
    def key(self) -> Key:
        """What it is known by."""
        return self.entry_id, self.version


@value
class TimeLine:
    """A line of time in the ERP. `reverses` is the uuid of the line that it takes back."""

    number: int
    entity: str
    uuid: str
    entry_id: str
    version: int
    worker: str
    project: str
    task: str
    work_date: date
    hours: Decimal
    reverses: str = ""
    invoice_line: int | None = None


@value
class InvoiceLine:
    """A line of an invoice."""

    number: int
    invoice: int
    hours: Decimal
    price_minor: int
    amount_minor: int


@value
class Invoice:
    """An invoice. `net_minor` is without tax, `moved_minor` what its move books as revenue."""

    number: int
    entity: str
    name: str
    state: str
    currency: str
    net_minor: int
    moved_minor: int


@value
class Books:
    """Everything that was read back from the ERP."""

    lines: tuple[TimeLine, ...]
    invoice_lines: tuple[InvoiceLine, ...]
    invoices: tuple[Invoice, ...]


@dataclass(slots=True)
class Reconciliation:
    """Figures for people, and everything that differs."""

    figures: dict[str, str] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    def found(self, what: str, where: Iterable[object]) -> None:
        """Something differs, here and here; nothing where there is no place."""
        places = sorted(str(one) for one in where)
        if places:
            more = f" and {len(places) - NAMED_MOST} more" if len(places) > NAMED_MOST else ""
            self.findings.append(f"{what}: {', '.join(places[:NAMED_MOST])}{more}")


def reconcile(approved: Sequence[ApprovedLine], books: Books, rates: Mapping[Priced, int]) -> Reconciliation:
    """Compare. `rates` are minor units for an hour."""
    made = Reconciliation()
    standing = _standing(made, books.lines)
    _keys(made, approved, standing)
    _contents(made, approved, standing)
    _feedback(made, approved, standing)
    _invoiced_once(made, books)
    _money(made, approved, books, rates)
    return made


def _standing(made: Reconciliation, lines: Sequence[TimeLine]) -> list[TimeLine]:
    """Lines that nobody took back; those that were, and what took them back, must cancel each other out."""
    by_uuid = {line.uuid: line for line in lines}
    reversals = {line.reverses: line for line in lines if line.reverses}
    made.found(
        "a key stands twice in the ERP", [one for one, times in Counter(by.uuid for by in lines).items() if times > 1]
    )
    made.found("a reversal of nothing", [line.uuid for line in reversals.values() if line.reverses not in by_uuid])
    made.found(
        "a reversal that is not the exact opposite",
        [
            uuid
            for uuid, back in reversals.items()
            if uuid in by_uuid and (by_uuid[uuid].hours + back.hours != 0 or _place(by_uuid[uuid]) != _place(back))
        ],
    )
    standing = [line for line in lines if not line.reverses and line.uuid not in reversals]
    made.figures["lines in the ERP"] = f"{len(lines)}, of which {len(reversals)} take another one back"
    made.figures["lines that stand"] = str(len(standing))
    return standing


def _place(line: TimeLine) -> tuple[str, str, str, str]:
    return line.entity, line.worker, line.project, line.task


def _keys(made: Reconciliation, approved: Sequence[ApprovedLine], standing: Sequence[TimeLine]) -> None:
    wanted = {line.key for line in approved}
    there = Counter((line.entry_id, line.version) for line in standing)
    made.figures["approved versions that stand"] = str(len(wanted))
    made.found("approved, and not in the ERP", wanted - there.keys())
    made.found("in the ERP, and not approved", there.keys() - wanted)
    made.found("in the ERP more than once", [key for key, times in there.items() if times > 1])


def _contents(made: Reconciliation, approved: Sequence[ApprovedLine], standing: Sequence[TimeLine]) -> None:
    by_key = {line.key: line for line in approved}
    made.found(
        "not as it was approved",
        [
            line.entry_id
            for line in standing
            if (wanted := by_key.get((line.entry_id, line.version))) is not None
            and (wanted.entity, wanted.worker, wanted.project, wanted.task, wanted.work_date, wanted.hours)
            != (*_place(line), line.work_date, line.hours)
        ],
    )


def _feedback(made: Reconciliation, approved: Sequence[ApprovedLine], standing: Sequence[TimeLine]) -> None:
    numbers = {(line.entry_id, line.version): str(line.number) for line in standing}
    told = [line for line in approved if line.status == "posted" and numbers.get(line.key) == line.ledger_id]
    made.figures["told to the source, with the line's number"] = str(len(told))
    made.found("the source was not told where it stands", {line.key for line in approved} - {line.key for line in told})


def _invoiced_once(made: Reconciliation, books: Books) -> None:
    billed: dict[int, Decimal] = defaultdict(Decimal)
    for line in books.lines:
        if line.invoice_line is not None:
            billed[line.invoice_line] += line.hours
    known = {line.number: line for line in books.invoice_lines}
    made.found("time that nobody invoiced", [line.uuid for line in books.lines if line.invoice_line is None])
    made.found("an invoice line without time behind it", known.keys() - billed.keys())
    made.found("time on an invoice line that is not there", billed.keys() - known.keys())
    made.found(
        "an invoice line with other hours than its time",
        [number for number, hours in billed.items() if number in known and known[number].hours != hours],
    )
    made.found(
        "an invoice that is not posted", [one.name or one.number for one in books.invoices if one.state != "posted"]
    )
    made.figures["invoices posted"] = str(sum(one.state == "posted" for one in books.invoices))


def _money(made: Reconciliation, approved: Sequence[ApprovedLine], books: Books, rates: Mapping[Priced, int]) -> None:
    hours: dict[Priced, Decimal] = defaultdict(Decimal)
    for line in approved:
        hours[line.entity, line.project, line.task] += line.hours
    wanted = {priced: _minor(of * rates[priced]) for priced, of in hours.items()}
    invoiced = _invoiced(books)
    made.found(
        "hours × rate is not what the invoices say",
        [
            f"{'/'.join(priced)} {_written(wanted.get(priced, 0))} and {_written(invoiced.get(priced, 0))}"
            for priced in sorted({*wanted, *invoiced})
            if wanted.get(priced, 0) != invoiced.get(priced, 0)
        ],
    )
    currencies = {one.entity: one.currency for one in books.invoices}
    net, moved = Counter[str](), Counter[str]()
    for one in books.invoices:
        net[one.entity] += one.net_minor
        moved[one.entity] += one.moved_minor
    for entity in dict.fromkeys(line.entity for line in approved):
        worth = sum(of for (whose, _, _), of in wanted.items() if whose == entity)
        whole = sum(of for (whose, _, _), of in hours.items() if whose == entity)
        told = f"{whole} h × rates = {_written(worth)} {currencies.get(entity, '')}"
        made.figures[entity] = f"{told}, invoiced {_written(net[entity])}, booked as revenue {_written(moved[entity])}"
        if not worth == net[entity] == moved[entity]:
            made.findings.append(f"{entity}: {made.figures[entity]}")


def _invoiced(books: Books) -> dict[Priced, int]:
    """Amounts of invoice lines by what their time was for. A line with time of two prices is named as it is."""
    of_line: dict[int, dict[Priced, None]] = defaultdict(dict)
    for line in books.lines:
        if line.invoice_line is not None:
            of_line[line.invoice_line][line.entity, line.project, line.task] = None
    sums: dict[Priced, int] = defaultdict(int)
    for one in books.invoice_lines:
        priced = tuple(of_line.get(one.number, ()))
        sums[priced[0] if len(priced) == 1 else ("", "", f"invoice line {one.number}")] += one.amount_minor
    return sums


def _minor(exact: Decimal) -> int:
    """Whole minor units. The firm's rates leave no fraction; one would be a finding, so nothing is rounded away."""
    assert exact == int(exact), f"{exact} minor units: the rates of this firm leave no fraction"
    return int(exact)


def _written(minor: int) -> str:
    return f"{Decimal(minor) / 100:,.2f}"
