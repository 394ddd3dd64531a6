"""What a foreign system can say to us. Doubt is a value: nothing here is a boolean.

A row has four answers: applied, staged, refused (definitely not applied, with a reason) and unknown. A whole call
can also be turned away before any row was looked at (`TurnedAway`: throttled, maintenance, login refused,
connection refused: all definite), or be refused as one because one row was bad (`RefusedAsOne`), or stay silent.
"""

from datetime import date
from enum import StrEnum

from runtime.core.news import DeadLetter, EntryNews
from runtime.core.value import value


class Refusal(StrEnum):
    """Why a row is definitely not in the ledger."""

    PERIOD_CLOSED = "period_closed"
    PERIOD_ON_HOLD = "period_on_hold"
    UNKNOWN_PROJECT = "unknown_project"
    UNKNOWN_WORKER = "unknown_worker"
    INVALID = "invalid"
    LOCKED = "locked"
    KEY_BURNED = "key_burned"
    NOTHING_TO_REVERSE = "nothing_to_reverse"


class Doubt(StrEnum):
    """Why we do not know whether a row is in the ledger."""

    SILENCE = "silence"
    DUPLICATE = "duplicate"
    STORED_ERROR = "stored_error"
    ROW_NOT_ANSWERED = "row_not_answered"
    SERVER_ERROR = "server_error"


class Door(StrEnum):
    """Why a whole call was turned away at the door. Definite: no row was touched."""

    THROTTLED = "throttled"
    MAINTENANCE = "maintenance"
    LOGIN_REFUSED = "login_refused"
    LOCKED_OUT = "locked_out"
    UNREACHABLE = "unreachable"


@value
class Applied:
    """The row stands in the ledger. `ledger_id` is theirs; `as_read` the fingerprint they hold, if they tell."""

    key: str
    ledger_id: str
    as_read: str = ""


@value
class Staged:
    """The row was accepted and will be posted or rejected later; `reference` is how to ask."""

    key: str
    reference: str


@value
class Refused:
    """The row is definitely not in the ledger, and will not be through this call."""

    key: str
    reason: Refusal
    detail: str = ""


@value
class Unknown:
    """Nobody can say whether the row is in the ledger; look it up."""

    key: str
    why: Doubt


RowAnswer = Applied | Staged | Refused | Unknown


@value
class RowsAnswered:
    """The call was served; each row has its own answer."""

    rows: tuple[RowAnswer, ...]


@value
class RefusedAsOne:
    """All or nothing: one bad row rolled the batch back. `bad_key` names it, or nobody does."""

    reason: Refusal
    detail: str = ""
    bad_key: str | None = None


@value
class TurnedAway:
    """Not served at all. `retry_after_ms` is what they asked us to wait, if they said so."""

    door: Door
    retry_after_ms: int | None = None
    detail: str = ""


@value
class Silent:
    """No answer within the deadline, or one that nobody can read."""

    why: Doubt = Doubt.SILENCE


@value
class LineFound:
    """A line that the ledger (or its staging table) holds, as a look-up returns it.

    `status` is "posted", "staged" or "rejected"; `reason` tells why it was rejected. `by_hand` marks a line a
    person entered beside the feed, found by the entry it names. Amounts are minor units. `work_date` and
    `accounting_date` are None where the ledger does not tell them.
    """

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


@value
class LinesFound:
    """Everything the ledger holds under the names we asked for; a name without a line is not there."""

    lines: tuple[LineFound, ...]


@value
class StatusTaken:
    """The PSA took the statuses we told it."""


@value
class VersionHead:
    """One line of a recount: the source has published this version of this entry (or its withdrawal)."""

    entry_id: str
    version: int


@value
class HeadsListed:
    """A page of a recount, in the source's order; `next_page` is empty on the last one."""

    heads: tuple[VersionHead, ...]
    next_page: str = ""


@value
class Republished:
    """The versions we asked the source to publish to us again, and what came of it that nobody can read."""

    news: tuple[EntryNews, ...]
    dead_letters: tuple[DeadLetter, ...] = ()


CallAnswer = RowsAnswered | RefusedAsOne | TurnedAway | Silent | LinesFound | StatusTaken | HeadsListed | Republished
