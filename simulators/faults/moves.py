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

Form = Literal["renamed", "new_enum", "null", "minutes", "comma"]
"""How an approval is written that nobody agreed on: `quantity` under another name, a unit that is not known, no
quantity at all, minutes and not hours, a decimal comma."""


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
class DriftSchema:
    """Approvals of `account` are sent in another form from `at_ms` until `until_ms` (excluded)."""

    at_ms: int
    kind: str
    until_ms: int
    system: str
    account: str
    form: Form


@dataclass(frozen=True, slots=True)
class EditInBulk:
    """A share of the approved lines of `entity` is approved again at once, re-coded or as it is, with events or not."""

    at_ms: int
    kind: str
    entity: str
    share_ppm: int
    recoded: bool
    pushed: bool


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


@dataclass(frozen=True, slots=True)
class PausePartition:
    """An operator stops the postings of `entity`, and means to resume them at `until_ms`."""

    at_ms: int
    kind: str
    entity: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class ResumePartition:
    """An operator lets `entity` post again."""

    at_ms: int
    kind: str
    entity: str


@dataclass(frozen=True, slots=True)
class Backfill:
    """What was published about `entity` since `since_ms` is delivered again, `ppm` of it, over `spread_ms`."""

    at_ms: int
    kind: str
    entity: str
    since_ms: int
    ppm: int
    spread_ms: int


@dataclass(frozen=True, slots=True)
class Configure:
    """A configuration is published to `entity` that holds until `until_ms`; `heals`: it is the right one again."""

    at_ms: int
    kind: str
    entity: str
    changes: tuple[tuple[str, str], ...]
    until_ms: int
    heals: bool = False


@dataclass(frozen=True, slots=True)
class WorkParked:
    """A person retries what is parked in `entity` for longer than `older_than_ms`, and waives `waived_ppm` of it.

    `reasons` empty: whatever the reason. `heals`: it is part of mending something else.
    """

    at_ms: int
    kind: str
    entity: str
    older_than_ms: int
    reasons: tuple[str, ...]
    waived_ppm: int
    heals: bool = False


@dataclass(frozen=True, slots=True)
class TakeBack:
    """An approver takes back `ppm` of what is approved in `entity`."""

    at_ms: int
    kind: str
    entity: str
    ppm: int


@dataclass(frozen=True, slots=True)
class ApproveAgain:
    """What was taken back at `taken_ms` is approved again."""

    at_ms: int
    kind: str
    entity: str
    taken_ms: int
    ppm: int


OperatorMove = PausePartition | ResumePartition | Backfill | Configure | WorkParked
ApproverMove = TakeBack | ApproveAgain
EntityMove = OperatorMove | ApproverMove
"""What people do to an entity's partition, and to its approvals."""

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
    | DriftSchema
)
"""What befalls an account, or the way to it."""

Move = AccountMove | MovePeriod | EditInBulk | ProcessMove | EntityMove

BY_CHANCE = (CrashPartition, StopProcess, OverlapOwners, ShutDown, DamageJournal)
"""Moves without a length of their own: faults of the calendar draw them by chance, so the calm ends them."""

HEALING = (FixCredential, Unlock, ResumePartition, ApproveAgain)


def strikes(move: Move) -> bool:
    """Whether the move is a misfortune and not the end of one."""
    return not (
        isinstance(move, HEALING) or (isinstance(move, MovePeriod | SetClock | Configure | WorkParked) and move.heals)
    )


def about(move: Move) -> str:
    """Whom it strikes and when, as a stable name."""
    if isinstance(move, MovePeriod):
        return f"{move.entity}/{move.module}/{move.name}/{move.at_ms}"
    if isinstance(move, AnswerInstead) and move.entity:
        return f"{move.account}/{move.entity}/{move.at_ms}"
    whom = move.account if isinstance(move, AccountMove) else move.entity
    return f"{whom}/{move.at_ms}"
