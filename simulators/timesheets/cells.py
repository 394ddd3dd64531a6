"""One row under a tool's header: each question names a field and gets a value, or the row's problem."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from simulators.timesheets.currencies import NotACurrency, parse_currency
from simulators.timesheets.dates import DateOrder, NotADate, parse_clock, parse_date
from simulators.timesheets.numbers import NotANumber, hundredths, parse_decimal, parse_hours
from simulators.timesheets.problems import CellProblem

OWNER = "owner"
"""Who worked, where an export has no column for it: the person whose export it is."""

DAY_HOURS = 24

YES = frozenset({"yes", "y", "true", "1", "x", "ja", "oui", "sí", "si", "sim", "kyllä", "はい"})
NO = frozenset({"no", "n", "false", "0", "-", "nein", "nee", "non", "não", "nao", "ei", "nej", "nei", "いいえ"})

AS_BILLABLE = "no word on whether it is billable, taken as billable"
PAST_MIDNIGHT = "crosses midnight, belongs to the day it began"
NO_WORKER = f"no worker, booked for '{OWNER}'"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How this file writes things, decided once from all of it."""

    header: Sequence[str]
    places: Mapping[str, int]
    currencies: Mapping[str, str]
    order: DateOrder
    decimal_sign: str
    zone: ZoneInfo


@dataclass(slots=True)
class Cells:
    """The values of one row. `remarks` collects what is noteworthy and keeps nothing out."""

    line: int
    values: Sequence[str]
    dialect: Dialect
    remarks: list[str] = field(default_factory=list)

    def has(self, name: str) -> bool:
        """Whether the file has a column for this field."""
        return name in self.dialect.places

    def text(self, name: str) -> str:
        """The trimmed text of a field; empty where the file has no such column or the row is short."""
        place = self.dialect.places.get(name)
        return "" if place is None or place >= len(self.values) else self.values[place].strip()

    def problem(self, name: str, reason: str) -> CellProblem:
        """The problem of this row, at this field."""
        place = self.dialect.places.get(name)
        return CellProblem(self.dialect.header[place].strip() if place is not None else name, self.text(name), reason)

    def day(self, name: str) -> date:
        """The civil date of a field."""
        text = self.text(name)
        if not text:
            raise self.problem(name, "is empty: a row needs its date; enter it like 2026-03-31")
        try:
            return parse_date(text, self.dialect.order)
        except NotADate as error:
            raise self.problem(name, str(error)) from None

    def clock(self, name: str) -> int | None:
        """Seconds since midnight of a field, None where it is empty."""
        text = self.text(name)
        if not text:
            return None
        try:
            return parse_clock(text)
        except NotADate as error:
            raise self.problem(name, str(error)) from None

    def exact_hours(self, name: str, running: bool) -> Fraction:
        """The hours of a field before rounding. `running`: the row has no end, so a negative one is a timer."""
        text = self.text(name)
        if not text:
            if running:
                raise self.problem(
                    name, "is empty and so is the end: the timer is still running; stop it, export again"
                )
            raise self.problem(name, "is empty: a row needs its hours; enter them like 7.5 or 07:30:00")
        try:
            hours = parse_hours(text, self.dialect.decimal_sign)
        except NotANumber as error:
            raise self.problem(name, str(error)) from None
        self.check_hours(name, hours, running)
        return hours

    def check_hours(self, name: str, hours: Fraction, running: bool) -> None:
        """Refuse what cannot be the hours of one booking."""
        if hours < 0 and (running or hours < -DAY_HOURS):
            # A running timer's duration is minus the epoch second of its start, so it is never a small number.
            raise self.problem(name, "is negative: the timer is still running; stop it, export again")
        if hours < 0:
            raise self.problem(name, "is negative; enter hours above zero, or correct the row that it takes back")
        rounded = hundredths(hours)
        if rounded > DAY_HOURS:
            raise self.problem(name, f"is more than {DAY_HOURS} hours in a day; split it over days")
        if rounded == 0:
            raise self.problem(name, "is no time at all (under 0.005 h); enter the hours or delete the row")

    def flag(self, name: str) -> bool:
        """Whether the work is billable; what says nothing is billable and remarked on."""
        text = self.text(name).casefold()
        if not text:
            self.remarks.append(AS_BILLABLE)
            return True
        if text in YES or text == "billable":
            return True
        if text in NO or text in {"non-billable", "not billable"}:
            return False
        raise self.problem(name, "is neither yes nor no; write Yes or No")

    def worker(self, *names: str) -> str:
        """Who worked: the first of these fields that says so."""
        for name in names:
            if self.text(name):
                return self.text(name)
        known = [name for name in names if self.has(name)]
        if known:
            raise self.problem(known[0], "is empty: nobody to book the hours for; enter who worked")
        self.remarks.append(NO_WORKER)
        return OWNER

    def project(self, name: str) -> str:
        """The project, which a row must have to be posted anywhere."""
        text = self.text(name)
        if not text:
            raise self.problem(name, "is empty: hours need a project to be posted to; enter the project")
        return text

    def number(self, name: str) -> Decimal | None:
        """A rate or an amount, never negative; None where the field is empty."""
        text = self.text(name)
        if not text or text == "-":
            return None
        try:
            value = parse_decimal(text, self.dialect.decimal_sign)
        except NotANumber as error:
            raise self.problem(name, str(error)) from None
        if value < 0:
            raise self.problem(name, "is negative; enter a rate of zero or more")
        return value

    def currency(self, column: str, *money: str) -> str | None:
        """The row's currency: of its own column, else the one in the header of a money column ("Amount (EUR)")."""
        try:
            if self.text(column):
                return parse_currency(self.text(column))
        except NotACurrency as error:
            raise self.problem(column, str(error)) from None
        for name in money:
            if name in self.dialect.currencies:
                code = self.dialect.currencies[name]
                try:
                    return parse_currency(code)
                except NotACurrency as error:
                    header = self.dialect.header[self.dialect.places[name]].strip()
                    raise CellProblem(header, code, str(error)) from None
        return None
