"""Tryton 8.2 by JSON-RPC: approved time as timesheet lines of one company.

    batch    ──▶ model.timesheet.line.create([rows])            ──▶ ids in the order of the rows, or one error for all
    look-up  ──▶ model.timesheet.line.search_read(domain, ...)  ──▶ lines
    login    ──▶ common.db.login(user, {password})              ──▶ user id and token

Two modes, declared in the configuration. *Keyed* needs our module `trytond-extref` in Tryton: our key is the line's
`uuid`, which the database keeps unique, a correction is a line with the negative duration, and the period of the
accounting date must be open. *Unkeyed* is Tryton as it comes: the key stands in the description, nothing keeps a
second line out, and nothing can be reversed. There the promise rests on one writer for each company, on a user of our
own who sees that company, and on asking the ledger before anything is sent twice.

What Tryton does (measured: on 8.2.1 with PostgreSQL; source: read in its code; assumed: neither):

 1. A call is one transaction: one bad row, and nothing of the batch is stored (measured). The answer names the row
    only where its value does. Whoever is bad is found by halves.
 2. Nearly every error comes with status 200, as {"error": [kind, [message, ...]]}. The message alone tells errors
    apart, and comes in the language of the context: always "en" (measured).
 3. An error that Tryton did not expect has no kind: [text, traceback]. "'billable'", in quotes and nothing else, is a
    name that this server does not know: a field or a model (measured).
 4. 404 is an unknown database, and every database while the server cannot reach PostgreSQL (measured): ask again later.
 5. 503 says that PostgreSQL is away. With "couldn't get a connection" the call never began, after 30 s of waiting
    (measured). With any other text the connection may have been lost in the commit, and nobody knows (source: wsgi.py
    makes a 503 of every operational error of the database, one of the commit too).
 6. 401 is a session that ended, 403 a method that is not exported, 429 too many logins (measured; source).
 7. A session lives for 30 days, and in the database: it survives a restart of the server. It is bound to the address
    that it was opened from (source). The user name in its header is not looked at (measured).
 8. Which companies one sees hangs on the user's own `company_filter`: with "one" a look-up in another company finds
    nothing and says no word (measured). The integration user has "all", and nobody else uses it.
 9. Text fields lose the white space at their ends, refuse line breaks and tabs, and PostgreSQL refuses NUL (measured).
10. A duration keeps microseconds (measured).
11. Tryton has no quota. 100 to 250 rows a call are near its plateau of some 700 rows/s (measured); a call of thousands
    may still commit a minute after we gave it up: give `late_landing_ms` two minutes at least.
12. Warnings are questions to a person: a UserWarning is a refusal, and nobody here says yes to it.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Literal
from zlib import crc32

import msgspec

from runtime.connectors.doors import CONNECTION_REFUSED, retry_after_ms
from runtime.core.answers import (
    Applied,
    CallAnswer,
    Door,
    Doubt,
    LineFound,
    LinesFound,
    Refusal,
    RefusedAsOne,
    RowsAnswered,
    Silent,
    TurnedAway,
    Unknown,
)
from runtime.core.effects import Effect, FrozenRow, LookUp, SendBatch
from runtime.core.model import Posting
from runtime.crosswalk import Crosswalk
from runtime.ports import Request, Response

Mode = Literal["keyed", "unkeyed"]

DOORS: dict[int, Door] = {
    CONNECTION_REFUSED: Door.UNREACHABLE,
    401: Door.LOGIN_REFUSED,
    403: Door.LOCKED_OUT,
    404: Door.MAINTENANCE,
    429: Door.THROTTLED,
}
"""Statuses under which no transaction began (facts 4 and 6)."""
NO_CONNECTION = re.compile(rb"couldn(&#39;|')t get a connection")
REFUSED_STATUSES = {409: Refusal.INVALID, 423: Refusal.LOCKED}
"""What other envelopes make of a warning and of a stale write; every other 4xx is a request that was not taken."""

DUPLICATE = ("The UUID of timesheet line must be unique", "A timesheet line can be reversed only once")
FORBIDDEN = ("You are not allowed to", "You try to bypass an access rule")
"""What the integration user may not do is no fault of a row."""

REFUSALS: tuple[tuple[re.Pattern[str], Refusal], ...] = (
    (re.compile(r'reopen the period|closed period|"\(?\d{4}-\d\d\)?" is closed'), Refusal.PERIOD_CLOSED),
    (re.compile(r"must create a period"), Refusal.PERIOD_ON_HOLD),
    (re.compile(r"There is no timesheet line"), Refusal.NOTHING_TO_REVERSE),
    (re.compile(r'for field "Employee"'), Refusal.UNKNOWN_WORKER),
    (re.compile(r'for field "Work"'), Refusal.UNKNOWN_PROJECT),
)
"""Messages of a UserError, the first that fits; every other one is an invalid row. A period that nobody has created is
held: it opens one day."""

LOST_IN_COMMIT = re.compile(r"connection|server closed|terminating|commit|transaction", re.IGNORECASE)
"""An unexpected error with one of these words may have come after the rows were stored."""

NAMES_A_ROW: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r'^The value "(\d+)" for field "Employee" .*does not exist'), "employee"),
    (re.compile(r'^The value "(\d+)" for field "Work" .*does not exist'), "work"),
    (re.compile(r'^A value is required for field "(Employee)"'), "employee"),
    (re.compile(r'^A value is required for field "(Work)"'), "work"),
    (re.compile(r'^There is no timesheet line "(.+?)" that'), "external_reverses"),
)
"""Messages that name the value which is wrong, and the field of the row that has it."""

DETAIL_MAX = 300
DIGEST = re.compile(r"[0-9a-f]{32,64}")
MARK = re.compile(r"\[([^\]]+)\]")
OURS = re.compile(r".+/.+/.+/\d+/\w+/(post|reverse)/\d+")
"""The shape of a key that is not a digest (`runtime.core.keys`)."""
NO_NEGATIVE = 'for field "Duration"'


class _Date(msgspec.Struct, tag_field="__class__", tag="date"):
    year: int
    month: int
    day: int


class _Duration(msgspec.Struct, tag_field="__class__", tag="timedelta"):
    seconds: float


class _Row(msgspec.Struct):
    """A timesheet line as it is created; the fingerprint covers the text, in this order of fields."""

    company: int
    employee: int | None
    date: _Date
    duration: _Duration
    work: int | None
    description: str


class _KeyedRow(_Row):
    uuid: str
    external_entry: str
    external_reverses: str | None
    accounting_date: _Date | None


class _Line(msgspec.Struct):
    """A timesheet line as it is read."""

    id: int
    company: int
    employee: int
    date: _Date
    duration: _Duration
    work: int
    description: str | None
    uuid: str | None = None
    external_entry: str | None = None
    external_reverses: str | None = None
    accounting_date: _Date | None = None


class _Created(msgspec.Struct):
    id: str
    result: list[int] | msgspec.UnsetType = msgspec.UNSET
    error: list[Any] | msgspec.UnsetType = msgspec.UNSET


class _Read(msgspec.Struct):
    id: str
    result: list[_Line]


class _LoggedIn(msgspec.Struct):
    result: tuple[int, str, str | None] | msgspec.UnsetType = msgspec.UNSET
    error: list[Any] | msgspec.UnsetType = msgspec.UNSET


_encode = msgspec.json.Encoder().encode
_decode_created = msgspec.json.Decoder(_Created).decode
_decode_read = msgspec.json.Decoder(_Read).decode
_decode_login = msgspec.json.Decoder(_LoggedIn).decode
_decode_row = msgspec.json.Decoder(dict[str, Any]).decode

_READ_FIELDS = ("company", "employee", "date", "duration", "work", "description")
_KEYED_FIELDS = (*_READ_FIELDS, "uuid", "external_entry", "external_reverses", "accounting_date")
_MICRO = Decimal(1_000_000)


def freezer(mode: Mode, crosswalk: Crosswalk, hours_per_day: Decimal = Decimal(8)) -> Callable[[Posting], FrozenRow]:
    """The mapping of a posting to a timesheet line: the text that is sent, and crc32 of it in 8 hex digits."""

    def freeze(posting: Posting) -> FrozenRow:
        hours = posting.quantity * (hours_per_day if posting.unit == "day" else 1)
        micro = int((hours * 3600 * _MICRO).to_integral_value(ROUND_HALF_EVEN))
        said = _one_line(posting.narrative)
        row = (
            crosswalk.company,
            crosswalk.workers.get(posting.worker),
            _date(posting.work_date),
            _Duration(micro / 1_000_000),
            crosswalk.work(posting.project, posting.task),
        )
        if mode == "keyed":
            reverses, booked = posting.reverses or None, _date(posting.accounting_date)
            return _frozen(posting, _KeyedRow(*row, said, posting.key, posting.entry_id, reverses, booked))
        return _frozen(posting, _Row(*row, f"[{_mark(posting.key, posting.entry_id)}] {said}".rstrip()))

    return freeze


def _frozen(posting: Posting, row: _Row) -> FrozenRow:
    text = _encode(row)
    return FrozenRow(posting, text.decode(), f"{crc32(text):08x}")


def _date(day: Any) -> _Date:
    return _Date(day.year, day.month, day.day)


def _one_line(text: str) -> str:
    """The text as Tryton keeps it whole (fact 9)."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _mark(key: str, entry_id: str) -> str:
    """What stands in the description of a line without a key field. Long keys are digests, and name no entry."""
    return key if f"/{entry_id}/" in key else f"{key} {entry_id}"


class TrytonErp:
    """Connector to the timesheet of one company."""

    def __init__(self, entity: str, mode: Mode, database: str, crosswalk: Crosswalk) -> None:
        self.entity = entity
        self._mode = mode
        self._path = _path(database)
        self._context = {"company": crosswalk.company, "language": "en"}
        self._company = crosswalk.company

    def build(self, effect: Effect) -> Request:
        """The request that carries out `effect` (a batch or a look-up)."""
        if isinstance(effect, SendBatch):
            rows = ",".join([row.text for row in effect.rows])
            params = f"[[{rows}],{_encode(self._context).decode()}]"
            return self._call(effect.call_id, "model.timesheet.line.create", params)
        assert isinstance(effect, LookUp), f"{effect} is not for the ERP"
        fields = _KEYED_FIELDS if self._mode == "keyed" else _READ_FIELDS
        asked = _encode([self._domain(effect), 0, None, None, fields, self._context]).decode()
        return self._call(effect.call_id, "model.timesheet.line.search_read", asked)

    def _call(self, call_id: str, method: str, params: str) -> Request:
        body = f'{{"id":{_encode(call_id).decode()},"method":"{method}","params":{params}}}'
        return Request("POST", self._path, {"X-Call": call_id}, body.encode())

    def _domain(self, effect: LookUp) -> list[Any]:
        names = list(effect.names)
        if self._mode == "keyed" and effect.by == "key":
            return ["uuid", "in", names]
        if self._mode == "unkeyed" and effect.by == "key":
            return [["company", "=", self._company], _any_like(f"[{_escaped(name)}%" for name in names)]
        named = _any_like(f"%{_escaped(name)}%" for name in names)
        if self._mode == "keyed":
            named.append(["external_entry", "in", names])
        return [["company", "=", self._company], named]

    def read(self, effect: Effect, response: Response) -> CallAnswer:
        """What the response says about the effect. Never raises: what nobody can read is doubt."""
        at_the_door = _door(response)
        if at_the_door is not None:
            return at_the_door
        try:
            if isinstance(effect, LookUp):
                return self._read_lines(effect, response)
            assert isinstance(effect, SendBatch), f"{effect} is not for the ERP"
            return _read_batch(effect, response)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Silent(Doubt.SERVER_ERROR)

    # ---------------------------------------------------------------- look-ups

    def _read_lines(self, effect: LookUp, response: Response) -> CallAnswer:
        if response.status != 200:
            return Silent(Doubt.SERVER_ERROR)
        read = _decode_read(response.body)
        if read.id != effect.call_id:
            return Silent(Doubt.SERVER_ERROR)
        return LinesFound(tuple(self._found(effect, read.result)))

    def _found(self, effect: LookUp, lines: Sequence[_Line]) -> list[LineFound]:
        taken_back = {line.external_reverses for line in lines if line.external_reverses}
        asked = dict.fromkeys(effect.names)
        found: list[LineFound] = []
        for line in lines:
            key, entry_id = self._whose(line, asked)
            if effect.by == "key":
                if key in asked:
                    found.append(self._line(line, key, entry_id))
            elif not key:
                found += [self._by_hand(line, name) for name in asked if _names(line.description or "", name)]
            elif entry_id in asked and not line.external_reverses and key not in taken_back:
                # An entry is asked after for what stands of it.
                found.append(self._line(line, key, entry_id))
        return found

    def _whose(self, line: _Line, asked: Mapping[str, None]) -> tuple[str, str]:
        """Key and entry of a line of ours; empty for a line that a person made."""
        if self._mode == "keyed":
            return (line.uuid or "", line.external_entry or "") if line.external_entry else ("", "")
        marked = MARK.match(line.description or "")
        first, _, rest = marked[1].partition(" ") if marked is not None else ("", "", "")
        if rest and DIGEST.fullmatch(first):
            return first, rest
        if marked is None or not OURS.fullmatch(marked[1]):
            return "", ""
        return marked[1], next((name for name in asked if f"/{name}/" in marked[1]), "")

    def _line(self, line: _Line, key: str, entry_id: str) -> LineFound:
        row = (line.company, line.employee, line.date, line.duration, line.work, line.description or "")
        held = _Row(*row)
        if self._mode == "keyed":
            held = _KeyedRow(*row, key, entry_id, line.external_reverses, line.accounting_date)
        # Tryton prices time when it is invoiced; a line has no amount.
        return LineFound(key, entry_id, str(line.id), "posted", f"{crc32(_encode(held)):08x}", 0, 0)

    def _by_hand(self, line: _Line, entry_id: str) -> LineFound:
        return LineFound("", entry_id, str(line.id), "posted", "", 0, 0, by_hand=True)


def _path(database: str) -> str:
    return f"/{database}/rpc/"


def _escaped(text: str) -> str:
    """A text that LIKE takes as it is."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def _names(text: str, entry_id: str) -> bool:
    """Whether the entry is named in the text, and not one whose name only begins or ends alike."""
    return re.search(rf"(?<![\w:./-]){re.escape(entry_id)}(?![\w:/-])", text) is not None


def _any_like(patterns: Any) -> list[Any]:
    return ["OR", *(["description", "like", pattern] for pattern in patterns)]


# ------------------------------------------------------------------ answers


def _door(response: Response) -> TurnedAway | Silent | None:
    """The door that turned the call away; `Silent` where nobody knows; None when it was served."""
    door = DOORS.get(response.status)
    if response.status == 503 and NO_CONNECTION.search(response.body):
        door = Door.MAINTENANCE
    if door is not None:
        return TurnedAway(door, retry_after_ms(response))
    if response.status >= 500 or 200 < response.status < 400:
        return Silent(Doubt.SERVER_ERROR)
    return None


def _read_batch(effect: SendBatch, response: Response) -> CallAnswer:
    if response.status != 200:
        reason = REFUSED_STATUSES.get(response.status, Refusal.INVALID)
        return RefusedAsOne(reason, f"status {response.status}")
    answer = _decode_created(response.body)
    if answer.id != effect.call_id:
        return Silent(Doubt.SERVER_ERROR)
    if isinstance(answer.error, list):
        return _read_error(effect, answer.error)
    if not isinstance(answer.result, list) or len(answer.result) != len(effect.rows):
        return Silent(Doubt.SERVER_ERROR)
    pairs = zip(effect.rows, answer.result, strict=True)
    return RowsAnswered(tuple(Applied(row.posting.key, str(number)) for row, number in pairs))


def _read_error(effect: SendBatch, error: list[Any]) -> CallAnswer:
    """One error for the whole batch: what is wrong, and with which row if it says so."""
    match error:
        case ["UserError", [str(message), *_]]:
            return _user_error(effect, message)
        case ["UserWarning", [str(name), str(message), *_]]:
            return RefusedAsOne(Refusal.INVALID, f"a warning that nobody answered ({name}): {message}"[:DETAIL_MAX])
        case ["ConcurrencyException", str(message)]:
            return RefusedAsOne(Refusal.LOCKED, message[:DETAIL_MAX])
        case ["LoginException", *_]:
            return TurnedAway(Door.LOGIN_REFUSED)
        case [str(text), str()]:
            if LOST_IN_COMMIT.search(text):
                return Silent(Doubt.SERVER_ERROR)
            return RefusedAsOne(Refusal.INVALID, f"the server does not know, or cannot read: {text}"[:DETAIL_MAX])
    return Silent(Doubt.SERVER_ERROR)


def _user_error(effect: SendBatch, message: str) -> CallAnswer:
    if message.startswith(FORBIDDEN):
        return TurnedAway(Door.LOCKED_OUT, detail=message[:DETAIL_MAX])
    if message.startswith(DUPLICATE):
        # One of them is there, and nothing of this call was stored: an earlier one landed. For one row the ledger can
        # be asked at once; of many, whichever is there is found once nothing can land any more.
        why = Doubt.DUPLICATE if len(effect.rows) == 1 else Doubt.SERVER_ERROR
        return RowsAnswered(tuple(Unknown(row.posting.key, why) for row in effect.rows))
    reason = next((reason for pattern, reason in REFUSALS if pattern.search(message)), Refusal.INVALID)
    detail = message
    if NO_NEGATIVE in message:
        detail = f"Tryton takes no negative time without trytond-extref; a person has to correct it there: {message}"
    return RefusedAsOne(reason, detail[:DETAIL_MAX], _bad_key(effect, message))


def _bad_key(effect: SendBatch, message: str) -> str | None:
    """The row that the message is about, where it names a value that only one kind of row has."""
    for pattern, field in NAMES_A_ROW:
        named = pattern.search(message)
        if named is not None:
            wanted = None if message.startswith("A value is required") else named[1]
            for row in effect.rows:
                held = _decode_row(row.text).get(field)
                if (None if held is None else str(held)) == wanted:
                    return row.posting.key
    return None


# ------------------------------------------------------------------ sessions


def login_builder(database: str, user: str) -> Callable[[str], Request]:
    """The request that opens a session, from the password."""

    def build_login(credential: str) -> Request:
        params = [user, {"password": credential}, "en"]
        body = _encode({"id": "login", "method": "common.db.login", "params": params})
        return Request("POST", _path(database), {"Content-Type": "application/json"}, body)

    return build_login


def login_reader(user: str, session_ms: int) -> Callable[[Response], tuple[str, int] | Door | None]:
    """(token, session length in ms), the door that refused us, or None for an answer nobody can read."""

    def read_login(response: Response) -> tuple[str, int] | Door | None:
        turned_away = _door(response)
        if isinstance(turned_away, TurnedAway):
            return turned_away.door
        try:
            answer = _decode_login(response.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if isinstance(answer.result, tuple):
            number, token, _ = answer.result
            return b64encode(f"{user}:{number}:{token}".encode()).decode(), session_ms
        # It asks for something besides the password: a person has to look.
        return Door.LOGIN_REFUSED if answer.error else None

    return read_login
