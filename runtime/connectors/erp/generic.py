"""The project ledger of a generic ERP: our own dialect, spoken by the mock ERP and by nobody else.

What a vendor's connector does is the same: postings to rows, answers to the four answers. Vendors get a file each.
Facts of this dialect are ours: rows are keyed by `key`, a batch is answered row by row, or refused as one (422), or
taken as a job (202); a repeated job is answered 409 with the first job's location, which means "we have it".
"""

from datetime import date
from urllib.parse import quote
from zlib import crc32

import msgspec

from runtime.connectors.doors import read_door
from runtime.core.answers import (
    Applied,
    CallAnswer,
    Door,
    Doubt,
    LineFound,
    LinesFound,
    Refusal,
    Refused,
    RefusedAsOne,
    RowAnswer,
    RowsAnswered,
    Silent,
    Staged,
    Unknown,
)
from runtime.core.effects import Effect, FrozenRow, LookUp, SendBatch
from runtime.core.model import Posting
from runtime.ports import Request, Response


class _Row(msgspec.Struct):
    """A row as it is written; the field order is part of the dialect, since the fingerprint covers the text."""

    key: str
    entry_id: str
    version: int
    leg: str
    project: str
    task: str
    worker: str
    role: str
    work_date: str
    accounting_date: str
    period: str
    quantity: str
    unit: str
    bill_minor: int
    bill_currency: str
    cost_minor: int
    cost_currency: str
    narrative: str
    dimensions: tuple[str, ...]
    adjusts: str
    reverses: str


class _RowAnswer(msgspec.Struct):
    key: str
    status: str
    ledger_id: str = ""
    fingerprint: str = ""
    reference: str = ""
    reason: str = ""
    detail: str = ""
    replayed: bool = False


class _BatchAnswer(msgspec.Struct):
    rows: list[_RowAnswer]


class _RefusedAsOne(msgspec.Struct):
    reason: str
    detail: str = ""
    key: str | None = None
    replayed: bool = False


class _Line(msgspec.Struct):
    key: str
    entry_id: str
    ledger_id: str
    status: str
    fingerprint: str
    bill_minor: int
    cost_minor: int
    reason: str = ""
    by_hand: bool = False
    project: str = ""
    work_date: date | None = None
    accounting_date: date | None = None
    period: str = ""


class _Lines(msgspec.Struct):
    lines: list[_Line]


class _Token(msgspec.Struct):
    token: str
    expires_in_ms: int


_encode = msgspec.json.Encoder().encode
_decode_batch = msgspec.json.Decoder(_BatchAnswer).decode
_decode_refused = msgspec.json.Decoder(_RefusedAsOne).decode
_decode_lines = msgspec.json.Decoder(_Lines).decode
_decode_token = msgspec.json.Decoder(_Token).decode
_REFUSALS = {reason.value: reason for reason in Refusal}


def freeze(posting: Posting) -> FrozenRow:
    """The canonical text of a posting, and its fingerprint: crc32 of the text, 8 hex digits."""
    text = _encode(
        _Row(
            posting.key,
            posting.entry_id,
            posting.version,
            posting.leg,
            posting.project,
            posting.task,
            posting.worker,
            posting.role,
            posting.work_date.isoformat(),
            posting.accounting_date.isoformat(),
            posting.period,
            str(posting.quantity),
            posting.unit,
            posting.bill_minor,
            posting.bill_currency,
            posting.cost_minor,
            posting.cost_currency,
            posting.narrative,
            posting.dimensions,
            posting.adjusts,
            posting.reverses,
        )
    )
    return FrozenRow(posting, text.decode(), f"{crc32(text):08x}")


class GenericErp:
    """Connector to the generic project ledger of one legal entity."""

    def __init__(self, entity: str) -> None:
        self.entity = entity

    def build(self, effect: Effect) -> Request:
        """The request that carries out `effect` (a batch or a look-up)."""
        headers = {"X-Call": effect.call_id}
        if isinstance(effect, SendBatch):
            body = '{"rows":[' + ",".join([row.text for row in effect.rows]) + "]}"
            return Request("POST", f"/ledger/{self.entity}/batches", headers, body.encode())
        assert isinstance(effect, LookUp), f"{effect} is not for the ERP"
        names = ",".join(quote(name, safe="") for name in effect.names)
        return Request("GET", f"/ledger/{self.entity}/lines?by={effect.by}&names={names}", headers, b"")

    def read(self, effect: Effect, response: Response) -> CallAnswer:
        """What the response says about the effect. Never raises: what nobody can read is doubt."""
        turned_away = read_door(response)
        if turned_away is not None:
            return turned_away
        try:
            if isinstance(effect, LookUp):
                return _read_lines(response)
            return _read_batch(effect, response)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return Silent(Doubt.SERVER_ERROR)


def _read_lines(response: Response) -> CallAnswer:
    if response.status != 200:
        return Silent(Doubt.SERVER_ERROR)
    return LinesFound(
        tuple(
            LineFound(
                line.key,
                line.entry_id,
                line.ledger_id,
                line.status,
                line.fingerprint,
                line.bill_minor,
                line.cost_minor,
                line.reason,
                line.by_hand,
                line.project,
                line.work_date,
                line.accounting_date,
                line.period,
            )
            for line in _decode_lines(response.body).lines
        )
    )


def _read_batch(effect: Effect, response: Response) -> CallAnswer:
    assert isinstance(effect, SendBatch), f"{effect} is not a batch"
    match response.status:
        case 200 | 202:
            return RowsAnswered(tuple(map(_read_row, _decode_batch(response.body).rows)))
        case 409:
            return RowsAnswered(tuple(Unknown(row.posting.key, Doubt.DUPLICATE) for row in effect.rows))
        case 422:
            refused = _decode_refused(response.body)
            if refused.replayed and refused.key is not None:
                # The answer to an earlier attempt, told again; what it says of the others is for the ledger to say.
                return RowsAnswered((Unknown(refused.key, Doubt.STORED_ERROR),))
            return RefusedAsOne(_REFUSALS.get(refused.reason, Refusal.INVALID), refused.detail, refused.key)
    return Silent(Doubt.SERVER_ERROR)


def _read_row(row: _RowAnswer) -> RowAnswer:
    match row.status:
        case "posted":
            return Applied(row.key, row.ledger_id, row.fingerprint)
        case "staged":
            return Staged(row.key, row.reference)
        case "refused" if not row.replayed:
            return Refused(row.key, _REFUSALS.get(row.reason, Refusal.INVALID), row.detail)
        case "refused":
            # The answer to an earlier attempt, told again: whether that attempt got in is for the ledger to say.
            return Unknown(row.key, Doubt.STORED_ERROR)
        case "duplicate":
            return Unknown(row.key, Doubt.DUPLICATE)
    return Unknown(row.key, Doubt.SERVER_ERROR)


def build_login(credential: str) -> Request:
    """The request that opens a session."""
    return Request("POST", "/token", {}, _encode({"credential": credential}))


def read_login(response: Response) -> tuple[str, int] | Door | None:
    """(token, session length in ms), the door that refused us, or None for an answer nobody can read."""
    if response.status == 200:
        try:
            token = _decode_token(response.body)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        return token.token, token.expires_in_ms
    turned_away = read_door(response)
    return None if turned_away is None or isinstance(turned_away, Silent) else turned_away.door
