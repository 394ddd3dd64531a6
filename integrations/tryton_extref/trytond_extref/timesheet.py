# This file is part of trytond-extref. Copyright: the authors of Springtide. Licence: GPL-3.0-or-later, see LICENSE.
"""Time that comes from outside: under a key of its own, on an accounting date, and reversed instead of changed."""

from collections import defaultdict

from sql import For
from trytond.i18n import gettext
from trytond.model import Index, Unique, fields
from trytond.model.exceptions import ValidationError
from trytond.pool import Pool, PoolMeta
from trytond.pyson import TimeDelta
from trytond.transaction import Transaction


class ReversalError(ValidationError):
    """What is reversed is not there, or is not what the reversal says."""


class ClosedPeriodError(ValidationError):
    """The accounting date is in no open period."""


class Line(metaclass=PoolMeta):
    __name__ = "timesheet.line"

    external_entry = fields.Char(
        "External Entry", strip=False, help="The entry of the feeding system that the line is about."
    )
    external_reverses = fields.Char(
        "Reverses", strip=False, help="The UUID of the line that this one takes back, with the negative duration."
    )
    accounting_date = fields.Date(
        "Accounting Date", help="The date on which the time counts; its period must be open when the line is created."
    )

    @classmethod
    def __setup__(cls):
        super().__setup__()
        # Tryton 8.2 enforces read-only fields, and a key that no client may set is none.
        cls.uuid.readonly = False
        cls.duration.domain = ["OR", ("duration", ">=", TimeDelta()), ("external_reverses", "!=", None)]
        table = cls.__table__()
        cls._sql_constraints.append(
            ("external_reverses_unique", Unique(table, table.external_reverses), "extref.msg_reversed_once")
        )
        cls._sql_indexes.add(Index(table, (table.external_entry, Index.Equality(cardinality="high"))))

    @classmethod
    def copy(cls, lines, default=None):
        default = {} if default is None else default.copy()
        default.setdefault("external_reverses")
        default.setdefault("external_entry")
        return super().copy(lines, default=default)

    @classmethod
    def check_duration(cls, lines, field_names=None):
        super().check_duration([line for line in lines if not line.external_reverses], field_names)

    @classmethod
    def validate_fields(cls, lines, field_names):
        super().validate_fields(lines, field_names)
        if field_names is None or field_names & {"external_reverses", "duration", "work", "employee"}:
            cls._check_reversals([line for line in lines if line.external_reverses])
        if field_names is None or field_names & {"accounting_date", "company"}:
            cls._check_periods([line for line in lines if line.accounting_date])

    @classmethod
    def _check_reversals(cls, lines):
        reversed_ = {
            line.uuid: line for line in cls.search([("uuid", "in", [line.external_reverses for line in lines])])
        }
        for line in lines:
            first = reversed_.get(line.external_reverses)
            same = first is not None and (line.company, line.employee, line.work, -line.duration) == (
                first.company,
                first.employee,
                first.work,
                first.duration,
            )
            if not same:
                raise ReversalError(
                    gettext("extref.msg_nothing_to_reverse", reverses=line.external_reverses, line=line.rec_name)
                )

    @classmethod
    def _check_periods(cls, lines):
        model = Pool().get("account.period")
        dates = defaultdict(set)
        for line in lines:
            dates[line.company.id].add(line.accounting_date)
        for company, days in dates.items():
            found = model.search(
                [
                    ("company", "=", company),
                    ("type", "=", "standard"),
                    ("start_date", "<=", max(days)),
                    ("end_date", ">=", min(days)),
                ]
            )
            cls._hold(found)
            for day in sorted(days):
                periods = [period for period in found if period.start_date <= day <= period.end_date]
                if not periods:
                    raise ClosedPeriodError(gettext("extref.msg_period_missing", date=day))
                if all(period.state != "open" for period in periods):
                    raise ClosedPeriodError(gettext("extref.msg_period_closed", date=day, period=periods[0].rec_name))

    @classmethod
    def _hold(cls, periods):
        """Nobody closes these periods before this transaction ends.

        Where somebody just did, the database refuses the lock, and Tryton starts the call again from the beginning.
        """
        transaction = Transaction()
        if periods and transaction.database.has_select_for():
            table = Pool().get("account.period").__table__()
            ids = [period.id for period in periods]
            cursor = transaction.connection.cursor()
            cursor.execute(*table.select(table.id, where=fields.SQL_OPERATORS["in"](table.id, ids), for_=For("SHARE")))
