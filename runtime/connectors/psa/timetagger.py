"""TimeTagger 26.1, a time tracker without projects, approval or a list of users: what is asked of it, what it answers.

Facts, with where they come from (source: read in the installed code of 26.1.3; measured: against a running one):

- A record is {key, mt, t1, t2, ds, st}: key is the client's own and unique for its user alone, mt the client's clock,
  t1 and t2 whole seconds, ds at most 255 characters, st the server's clock when it was stored (source).
- A version of a record is its st: it grows each time the record is put, also where nothing changed, and where an older
  one (by mt) was put and ignored (source: `_push_items`).
- A deleted record is one whose ds begins with HIDDEN. So is one whose owner begins a sentence with this word (source).
- t1 == t2 is a timer that runs. t2 < t1 is stored as it comes (measured).
- GET updates?since=T brings everything with st >= T, and server_time. The documentation tells clients to ask from
  there the next time. That loses rows: a put takes st when it begins and shows when it is committed, so a reading in
  between brings a later server_time and not the rows (measured: all of 1,000 rows, in 4 trials of 5). Who asks from
  an overlap before it loses nothing, as long as no put takes longer than the overlap. So nobody here asks without one.
- reset: true means that what a client knows is void, and these records are everything (source).
- GET records?timerange=A-B brings what touches these seconds, hidden and running ones too, without pages (source).
- One token is one user's. Behind a trusted proxy a header says who asks, and a web token (14 days) comes back;
  401 later means that it ran out or was revoked: ask again. An API token does not run out (source).
- No quota: "rate limiting" is a wish in its source. No list of users: who they are has to be configured.
- An answer is JSON with 200. 401 is the token, 403 the proxy; a body that is no list is 500 (measured).
"""

from base64 import b64encode
from collections.abc import Sequence
from decimal import Decimal
from urllib.parse import urlencode

import msgspec

from runtime.core.value import value
from runtime.ports import Request, Response

DELETED = "HIDDEN"
"""What the description of a deleted record begins with."""
_MICRO = 1_000_000
_encode = msgspec.json.Encoder().encode


@value
class TrackedRecord:
    """A record as it is on the server. `st_us` is its version: when it was stored, in microseconds of its clock."""

    key: str
    st_us: int
    mt_s: int
    t1_s: int
    t2_s: int
    ds: str

    @property
    def deleted(self) -> bool:
        """Whether its owner deleted it."""
        return self.ds.startswith(DELETED)

    @property
    def running(self) -> bool:
        """Whether its timer still runs."""
        return self.t1_s == self.t2_s

    def touches(self, from_s: int, until_s: int) -> bool:
        """Whether the server lists it for these seconds."""
        return (self.t2_s >= from_s or self.running) and self.t1_s <= until_s


@value
class Updates:
    """What changed since an instant. `reset`: the records are all there are, and what was known before is void."""

    server_time_us: int
    reset: bool
    records: tuple[TrackedRecord, ...]


class UnreadableAnswerError(Exception):
    """The answer is not what TimeTagger says: one line. `status` is 0 where nobody listened."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(status, said)
        self.status = status

    def __str__(self) -> str:
        return f"answered with {self.args[0]}: {self.args[1]}"


class _Record(msgspec.Struct):
    key: str
    st: Decimal
    mt: int
    t1: int
    t2: int
    ds: str = ""


class _Updates(msgspec.Struct):
    server_time: Decimal
    records: list[_Record]
    reset: bool | int = False


class _Records(msgspec.Struct):
    records: list[_Record]


class _Token(msgspec.Struct):
    token: str


_decode_updates = msgspec.json.Decoder(_Updates).decode
_decode_records = msgspec.json.Decoder(_Records).decode
_decode_token = msgspec.json.Decoder(_Token).decode

# ------------------------------------------------------------------ what is asked


def ask_token(user: str, header: str) -> Request:
    """For a web token of this user, as the trusted proxy that says in `header` who they are."""
    body = b64encode(_encode({"method": "proxy"}))
    return Request("POST", "/bootstrap_authentication", {header: user}, body)


def ask_updates(token: str, since_us: int) -> Request:
    """For everything that was stored since (microseconds; 0: ever)."""
    since = f"{since_us // _MICRO}.{since_us % _MICRO:06d}"
    return Request("GET", f"/updates?{urlencode({'since': since})}", {"authtoken": token}, b"")


def ask_records(token: str, from_s: int, until_s: int) -> Request:
    """For everything that touches these seconds, deleted or running as well."""
    return Request("GET", f"/records?timerange={from_s}-{until_s}", {"authtoken": token}, b"")


# ------------------------------------------------------------------ what comes back


def read_token(response: Response) -> str:
    """The token. Raises UnreadableAnswerError."""
    try:
        return _decode_token(_served(response)).token
    except (msgspec.MsgspecError, ValueError) as fault:
        raise UnreadableAnswerError(response.status, str(fault)) from fault


def read_updates(response: Response) -> Updates:
    """What changed. Raises UnreadableAnswerError."""
    try:
        found = _decode_updates(_served(response))
        return Updates(_micros(found.server_time), bool(found.reset), _records(found.records))
    except (msgspec.MsgspecError, ValueError, ArithmeticError) as fault:
        raise UnreadableAnswerError(response.status, str(fault)) from fault


def read_records(response: Response) -> tuple[TrackedRecord, ...]:
    """The records. Raises UnreadableAnswerError."""
    try:
        return _records(_decode_records(_served(response)).records)
    except (msgspec.MsgspecError, ValueError, ArithmeticError) as fault:
        raise UnreadableAnswerError(response.status, str(fault)) from fault


def _served(response: Response) -> bytes:
    if response.status != 200:
        raise UnreadableAnswerError(response.status, " ".join(response.body[:200].decode(errors="replace").split()))
    return response.body


def _records(found: Sequence[_Record]) -> tuple[TrackedRecord, ...]:
    return tuple(TrackedRecord(one.key, _micros(one.st), one.mt, one.t1, one.t2, one.ds) for one in found)


def _micros(seconds: Decimal) -> int:
    """Down to the microsecond below: a clock with more digits is asked from a little earlier, never from later."""
    return int(seconds * _MICRO)
