"""What goes over the wire between a connector and the mock ERP: the generic dialect, typed.

A row's fingerprint is the crc32 of its text exactly as it came. Task, role, narrative and dimensions decide nothing
in the ledger, and a row may leave them out; what it says of them is kept for the auditors.
"""

from datetime import date
from typing import Literal

import msgspec


class Row(msgspec.Struct, gc=False):
    """One row of a batch. Amounts are signed minor units, `quantity` a decimal text in `unit`, dates ISO texts."""

    key: str
    entry_id: str
    version: int
    leg: Literal["post", "reverse"]
    project: str
    worker: str
    work_date: str
    accounting_date: str
    quantity: str
    unit: str
    bill_minor: int
    bill_currency: str
    cost_minor: int
    cost_currency: str
    period: str = ""
    adjusts: str = ""
    reverses: str = ""
    task: str | None = None
    role: str | None = None
    narrative: str | None = None
    dimensions: tuple[str, ...] | None = None


class Named(msgspec.Struct):
    """As much of a malformed row as an answer needs."""

    key: str = ""
    entry_id: str = ""


class Batch(msgspec.Struct):
    """A posting call; rows stay raw so that each can be fingerprinted as it came."""

    rows: list[msgspec.Raw]


class TokenRequest(msgspec.Struct):
    """A login."""

    credential: str


class RowReply(msgspec.Struct, omit_defaults=True, gc=False):
    """The answer to one row; what does not apply is left out."""

    key: str
    status: str
    ledger_id: str = ""
    fingerprint: str = ""
    reference: str = ""
    reason: str = ""
    detail: str = ""
    replayed: bool = False


class LineReply(msgspec.Struct, gc=False):
    """A line in a look-up. A staged or rejected row has its staging reference for a `ledger_id`.

    Dates are ISO texts on the wire; null is the date of a staged row that named none.
    """

    key: str
    entry_id: str
    ledger_id: str
    status: str
    fingerprint: str
    bill_minor: int
    cost_minor: int
    reason: str
    by_hand: bool
    project: str
    work_date: date | None
    accounting_date: date | None
    period: str


class PostReply(msgspec.Struct, omit_defaults=True):
    """The answer to a posting call; `job` only where the ERP works in jobs."""

    rows: list[RowReply]
    job: str = ""


class LookUpReply(msgspec.Struct):
    """The answer to a look-up."""

    lines: list[LineReply]


read_batch = msgspec.json.Decoder(Batch).decode
read_row = msgspec.json.Decoder(Row).decode
read_named = msgspec.json.Decoder(Named).decode
read_login = msgspec.json.Decoder(TokenRequest).decode
write = msgspec.json.Encoder().encode
