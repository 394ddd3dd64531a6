# This file is part of trytond-extref. Copyright: the authors of Springtide. Licence: GPL-3.0-or-later, see LICENSE.
"""Moves and invoices that come from outside: each external reference once in a company."""

from trytond.model import Unique, fields
from trytond.pool import PoolMeta


class _ExternalReference:
    __slots__ = ()

    external_ref = fields.Char("External Reference", strip=False, help="The key of the feeding system.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints.append(
            ("external_ref_unique", Unique(table, table.company, table.external_ref), "extref.msg_external_ref_unique")
        )

    @classmethod
    def copy(cls, records, default=None):
        default = {} if default is None else default.copy()
        default.setdefault("external_ref")
        return super().copy(records, default=default)


class Move(_ExternalReference, metaclass=PoolMeta):
    __name__ = "account.move"


class Invoice(_ExternalReference, metaclass=PoolMeta):
    __name__ = "account.invoice"
