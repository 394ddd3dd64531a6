"""The closed set of what a fault can do to the world at an instant of the calendar. The driver carries moves out.

`kind` names the fault that made the move, so that what fired can be counted under it. A move that only heals
(`HEALING`) is not counted, nor is a period's re-opening.
"""

from dataclasses import dataclass
from typing import Literal

Damage = Literal["flipped", "twice", "gone"]
"""What is wrong with the frames of a journal: a bit, a frame that is there twice, all of them missing."""

Build = Literal["older", "older_reader"]

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
class ExhaustNumbers:
    """The ERP `account` has no document numbers from `at_ms` until `until_ms` (excluded)."""

    at_ms: int
    kind: str
    until_ms: int
    account: str


@dataclass(frozen=True, slots=True)
class LagReads:
    """What comes to stand behind the ERP `account` from `at_ms` until `until_ms` (excluded) shows `lag_ms` later."""

    at_ms: int
    kind: str
    until_ms: int
    account: str
    lag_ms: int


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


@dataclass(frozen=True, slots=True)
class StopProcess:
    """The process of `entity` is stopped for `for_ms` between two turns, and then goes on as if nothing had been."""

    at_ms: int
    kind: str
    entity: str
    for_ms: int


@dataclass(frozen=True, slots=True)
class OverlapOwners:
    """A second process takes `entity` over; the first, if nothing tells it before, is ended `for_ms` later."""

    at_ms: int
    kind: str
    entity: str
    for_ms: int


@dataclass(frozen=True, slots=True)
class SlowTurns:
    """Every turn of `entity` takes `turn_ms` longer from `at_ms` until `until_ms` (excluded)."""

    at_ms: int
    kind: str
    until_ms: int
    entity: str
    turn_ms: int


@dataclass(frozen=True, slots=True)
class ShutDown:
    """The process of `entity` is asked to end in good order, and killed if it has not after `killed_after_ms`."""

    at_ms: int
    kind: str
    entity: str
    killed_after_ms: int


@dataclass(frozen=True, slots=True)
class DamageJournal:
    """The machine of `entity` dies, and its disk comes back damaged; a person mends it after `mended_after_ms`.

    `number` picks the place.
    """

    at_ms: int
    kind: str
    entity: str
    what: Damage
    number: int
    mended_after_ms: int


@dataclass(frozen=True, slots=True)
class FillDisk:
    """No room is left on the disk of `entity` from `at_ms` until `until_ms` (excluded)."""

    at_ms: int
    kind: str
    until_ms: int
    entity: str


@dataclass(frozen=True, slots=True)
class SetClock:
    """From now on the clock of the machine of `entity` is `ahead_ms` ahead of the true time (negative: behind).

    `heals`: it is set right again.
    """

    at_ms: int
    kind: str
    entity: str
    ahead_ms: int
    heals: bool = False


@dataclass(frozen=True, slots=True)
class SkewClocks:
    """Every machine that ever runs `entity` has a clock of its own, at most `most_ms` wrong either way."""

    at_ms: int
    kind: str
    entity: str
    most_ms: int


@dataclass(frozen=True, slots=True)
class SlowLeaseClock:
    """The monotonic clock of `entity` runs `slow_ppm` parts per million slower than the store's, to the end."""

    at_ms: int
    kind: str
    entity: str
    slow_ppm: int


@dataclass(frozen=True, slots=True)
class ChangeBuild:
    """`entity` runs `build` from `at_ms` until `until_ms`; its process is replaced at both ends.

    "older" writes older versions of some records. "older_reader" cannot read what this build wrote of new entries.
    """

    at_ms: int
    kind: str
    until_ms: int
    entity: str
    build: Build


ProcessMove = (
    CrashPartition
    | StopProcess
    | OverlapOwners
    | SlowTurns
    | ShutDown
    | DamageJournal
    | FillDisk
    | SetClock
    | SkewClocks
    | SlowLeaseClock
    | ChangeBuild
)
"""What befalls the process of an entity, its machine or its disk."""

AccountMove = (
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
    | ExhaustNumbers
    | LagReads
)
"""What befalls an account, or the way to it."""

Move = AccountMove | MovePeriod | ProcessMove

BY_CHANCE = (CrashPartition, StopProcess, OverlapOwners, ShutDown, DamageJournal)
"""Moves without a length of their own: faults of the calendar draw them by chance, so the calm ends them."""

HEALING = (FixCredential, Unlock)


def strikes(move: Move) -> bool:
    """Whether the move is a misfortune and not the end of one."""
    return not (isinstance(move, HEALING) or (isinstance(move, MovePeriod | SetClock) and move.heals))


def about(move: Move) -> str:
    """Whom it strikes and when, as a stable name."""
    if isinstance(move, MovePeriod):
        return f"{move.entity}/{move.module}/{move.name}/{move.at_ms}"
    if isinstance(move, AnswerInstead) and move.entity:
        return f"{move.account}/{move.entity}/{move.at_ms}"
    whom = move.account if isinstance(move, AccountMove) else move.entity
    return f"{whom}/{move.at_ms}"
