"""The closed set of what a fault can do to the world at an instant of the calendar. The driver carries moves out.

`kind` names the fault that made the move, so that what fired can be counted under it. A move that only heals
(`HEALING`) is not counted, nor is a period's re-opening.
"""

from dataclasses import dataclass
from typing import Literal

Style = Literal["retry_after", "bare", "sorry_page"]
"""How a closed system answers: 503 with Retry-After, 503 without, or an HTML page for people."""


@dataclass(frozen=True, slots=True)
class CloseSystem:
    """`account` of `system` is down for maintenance from `at_ms` until `until_ms` (excluded).

    `promised_until_ms` is the end it names while it is down (in Retry-After); it may be too early. `announced` says
    whether it names one at all.
    """

    at_ms: int
    kind: str
    until_ms: int
    system: str
    account: str
    announced: bool
    style: Style
    promised_until_ms: int


@dataclass(frozen=True, slots=True)
class SlowSystem:
    """Every answer of `account` takes `added_ms` longer from `at_ms` until `until_ms` (excluded)."""

    at_ms: int
    kind: str
    until_ms: int
    system: str
    account: str
    added_ms: int


Way = Literal["both", "answers"]
"""What a cut takes away: every request, or only what comes back."""


@dataclass(frozen=True, slots=True)
class CutOff:
    """Nothing gets through to `account`, or no answer back, from `at_ms` until `until_ms` (excluded)."""

    at_ms: int
    kind: str
    until_ms: int
    system: str
    account: str
    way: Way


@dataclass(frozen=True, slots=True)
class AnswerInstead:
    """Something in front of `account` answers with `status` instead of it, from `at_ms` until `until_ms` (excluded).

    `calls` names the kinds of call it answers, "login" among them; `entity` whose, "" for everybody's. `tells` says
    whether it names the end in Retry-After.
    """

    at_ms: int
    kind: str
    until_ms: int
    system: str
    account: str
    status: int
    calls: tuple[str, ...]
    entity: str = ""
    tells: bool = False


@dataclass(frozen=True, slots=True)
class EatQuota:
    """Somebody else uses the quota of `account` from `at_ms` until `until_ms` (excluded): `left` calls a window stay.

    What was called before counts too.
    """

    at_ms: int
    kind: str
    until_ms: int
    system: str
    account: str
    left: int


@dataclass(frozen=True, slots=True)
class EndSession:
    """Every token of `account` ends, although its life is not over; the credential stays good."""

    at_ms: int
    kind: str
    system: str
    account: str


@dataclass(frozen=True, slots=True)
class ExpireCredential:
    """The credential of `account` stops working: calls and log-ins answer 401 until it is fixed."""

    at_ms: int
    kind: str
    system: str
    account: str


@dataclass(frozen=True, slots=True)
class FixCredential:
    """A person has renewed the credential of `account`."""

    at_ms: int
    kind: str
    system: str
    account: str


@dataclass(frozen=True, slots=True)
class LockOut:
    """The integration user of `account` is locked: everything answers 403 until it is unlocked."""

    at_ms: int
    kind: str
    system: str
    account: str


@dataclass(frozen=True, slots=True)
class Unlock:
    """A person has unlocked the integration user of `account`."""

    at_ms: int
    kind: str
    system: str
    account: str


@dataclass(frozen=True, slots=True)
class CrashPartition:
    """The process that holds `entity` dies; what was not durable is gone."""

    at_ms: int
    kind: str
    entity: str


@dataclass(frozen=True, slots=True)
class MovePeriod:
    """The ERP's `status` of a period, our feed `gate`, or both move (None: unchanged). `heals`: it opens again."""

    at_ms: int
    kind: str
    entity: str
    module: str
    name: str
    status: str | None
    gate: str | None
    heals: bool = False


Move = (
    CloseSystem
    | SlowSystem
    | CutOff
    | AnswerInstead
    | EatQuota
    | EndSession
    | ExpireCredential
    | FixCredential
    | LockOut
    | Unlock
    | CrashPartition
    | MovePeriod
)

HEALING = (FixCredential, Unlock)


def strikes(move: Move) -> bool:
    """Whether the move is a misfortune and not the end of one."""
    return not (isinstance(move, HEALING) or (isinstance(move, MovePeriod) and move.heals))


def about(move: Move) -> str:
    """Whom it strikes and when, as a stable name."""
    match move:
        case CrashPartition():
            whom = move.entity
        case MovePeriod():
            whom = f"{move.entity}/{move.module}/{move.name}"
        case AnswerInstead() if move.entity:
            whom = f"{move.account}/{move.entity}"
        case _:
            whom = move.account
    return f"{whom}/{move.at_ms}"
