"""What happened, in the past tense: the only thing a partition journals, and the only thing that changes its state.

Every decided value stands in the record (rates, amounts, dates, who and why), so that recovery never asks a rule
again. A published record never changes its meaning: a new need is a new kind or a new version of one.
"""

from runtime.core.answers import Door, Doubt, Refusal
from runtime.core.effects import FrozenRow, Status
from runtime.core.model import (
    Approval,
    Assignment,
    Period,
    Posting,
    Project,
    RateLine,
    TimeEntry,
    Valuation,
    Worker,
)
from runtime.core.value import value

# What the source said


@value
class EntryReceived:
    """A new latest version of an entry, approved and to be posted. `valuation` is None while it has no price."""

    entry: TimeEntry
    approval: Approval
    valuation: Valuation | None
    at_ms: int


@value
class EntryExcluded:
    """A new latest version of an entry that is not to be posted, by the rule named."""

    entry: TimeEntry
    approval: Approval
    rule: str
    at_ms: int


@value
class EntryWithdrawn:
    """The source took the entry back; nothing of it should stand."""

    entry_id: str
    version: int
    reason: str
    at_ms: int


@value
class OldVersionReceived:
    """An approved version that a newer one had already replaced when it came."""

    entry: TimeEntry


@value
class OldWithdrawalReceived:
    """A withdrawal that a newer version had already replaced when it came."""

    entry_id: str
    version: int


# What we decided about an entry


@value
class EntryValued:
    """An entry without a price has one now."""

    entry_id: str
    valuation: Valuation


@value
class EntryParked:
    """The entry cannot go on by itself. `wake` is the event that may help, `owner` who should look.

    `version` is the latest one heard of, which is what cannot go on.
    """

    entry_id: str
    version: int
    reason: str
    detail: str
    owner: str
    fix: str
    wake: str
    at_ms: int


@value
class EntriesWoken:
    """What these parked entries were waiting for has happened (or a person said try again)."""

    entry_ids: tuple[str, ...]
    cause: str
    at_ms: int


@value
class EntriesUnconfirmed:
    """What stands of these entries may not be what we believe (a person may have posted, mended or removed it).

    The ledger is asked by entry before anything of them is sent.

    `why` is DUPLICATE where the ledger called a row of ours a duplicate and has nothing under its key.
    """

    entry_ids: tuple[str, ...]
    ask_id: int
    ask_at_ms: int
    why: Doubt | None = None


@value
class EntryBackedOff:
    """A passing refusal: the entry rests until then."""

    entry_id: str
    until_ms: int


@value
class EntriesRested:
    """The rest is over; these entries may be sent again."""

    entry_ids: tuple[str, ...]


@value
class EntriesRequeued:
    """A newer version came while an older one was on its way; now it is the newer one's turn."""

    entry_ids: tuple[str, ...]
    at_ms: int


@value
class VersionCarried:
    """The latest version differs in nothing that the ledger has to see; what stands counts for it."""

    entry_id: str
    version: int


@value
class EntryCleared:
    """Nothing of the entry should stand, and nothing does."""

    entry_id: str


@value
class EntryLeftOut:
    """The entry is excluded by rule, and nothing of it stands."""

    entry_id: str


@value
class EntryWaived:
    """A person gave the entry up."""

    entry_id: str
    who: str
    why: str


# Reference data and people


@value
class PeriodChanged:
    """A newer publication of a period."""

    period: Period


@value
class PeriodFoundShut:
    """The ERP refused a row because this period is closed, whatever had been published."""

    period: str


@value
class PeriodFoundHeld:
    """The ERP refused a row because this period is on hold, whatever had been published."""

    period: str


@value
class HoldForgotten:
    """A person says that the ERP has released this period; the next row finds out."""

    period: str


@value
class RatesChanged:
    """New or amended rate lines."""

    lines: tuple[RateLine, ...]


@value
class ProjectsChanged:
    """New or changed projects."""

    projects: tuple[Project, ...]


@value
class WorkersChanged:
    """New or changed workers."""

    workers: tuple[Worker, ...]


@value
class AssignmentsChanged:
    """New or changed assignments."""

    assignments: tuple[Assignment, ...]


@value
class ConfigurationChanged:
    """The partition's numbers from now on: those it was started with, and these changes, (name, value as text)."""

    version: int
    changes: tuple[tuple[str, str], ...]
    who: str
    why: str
    at_ms: int


@value
class MasterDataArrived:
    """The ERP now knows these projects or workers."""

    names: tuple[str, ...]


@value
class PartitionPaused:
    """A person stopped posting."""

    who: str
    why: str


@value
class PartitionResumed:
    """A person let posting go on."""

    who: str
    why: str


@value
class PartitionRestarted:
    """A new process took over (the first one, when `epoch` is 1)."""

    epoch: int
    at_ms: int


# Our calls


@value
class BatchSent:
    """These rows are about to leave, with exactly this text. Durable before the first byte."""

    call_id: str
    rows: tuple[FrozenRow, ...]
    at_ms: int


@value
class LookUpSent:
    """We are about to ask the ledger about an ask of ours."""

    call_id: str
    ask_id: int
    by: str
    names: tuple[str, ...]


@value
class StatusesSent:
    """We are about to tell the PSA where these entries stand."""

    call_id: str
    statuses: tuple[Status, ...]


@value
class RecountSent:
    """We are about to ask the source what it has published."""

    call_id: str
    since_ms: int
    page: str
    at_ms: int


@value
class FetchSent:
    """We are about to ask the source for versions that never reached us."""

    call_id: str
    heads: tuple[tuple[str, int], ...]


@value
class CallEnded:
    """The call is no longer on the wire. What it brought stands in the records before this one."""

    call_id: str
    at_ms: int


# What came of them


@value
class RowsApplied:
    """These rows stand in the ledger: (key, their ledger id)."""

    rows: tuple[tuple[str, str], ...]
    at_ms: int


@value
class RowsReversed:
    """These reversals stand in the ledger: (key, their ledger id). Nothing of these entries stands any more."""

    rows: tuple[tuple[str, str], ...]
    at_ms: int


@value
class RowsStaged:
    """These rows were accepted, to be posted or rejected later: (key, reference). Ask `ask_id` at `ask_at_ms`."""

    rows: tuple[tuple[str, str], ...]
    ask_id: int
    ask_at_ms: int
    at_ms: int


@value
class RowRefused:
    """The row is definitely not in the ledger; its intent is closed."""

    key: str
    reason: Refusal
    detail: str


@value
class RowsReturned:
    """These rows definitely did not get in, for a reason that is not theirs. The same intent will be sent again."""

    keys: tuple[str, ...]
    door: Door | None


@value
class RowsDoubted:
    """Nobody knows whether these rows are in the ledger. Ask `ask_id` not before `ask_at_ms`."""

    keys: tuple[str, ...]
    why: Doubt
    ask_id: int
    ask_at_ms: int
    at_ms: int


@value
class RowsFoundMissing:
    """The ledger was asked after a late landing had become impossible, and does not have these rows."""

    keys: tuple[str, ...]
    new_intent: bool


@value
class AskPostponed:
    """The question stays open; ask again not before `ask_at_ms`. `names` are those still open.

    `seen_ms` is when all of them were last shown to us; None when some were not.
    """

    ask_id: int
    names: tuple[str, ...]
    ask_at_ms: int
    seen_ms: int | None = None


@value
class LineFoundByHand:
    """A person had posted this entry beside the feed, for the same money; that line counts as ours.

    `posting` is what we would have sent; its key never left.
    """

    posting: Posting
    ledger_id: str
    at_ms: int


@value
class RefusedLineFound:
    """A row that was refused stands after all, under the key of that intent: its request was delivered a second time.

    `posting` is what stands, as it was sent.
    """

    posting: Posting
    ledger_id: str
    at_ms: int


@value
class EntriesConfirmed:
    """The ledger was asked and holds nothing of these entries."""

    entry_ids: tuple[str, ...]
    at_ms: int


@value
class StandingConfirmed:
    """The ledger was asked and still holds what we know to stand of these entries, and nothing else."""

    entry_ids: tuple[str, ...]
    at_ms: int


@value
class BatchBisected:
    """One of these rows is bad and nobody says which: each half goes alone."""

    left: tuple[str, ...]
    right: tuple[str, ...]
    group_id: int


@value
class StatusesTaken:
    """The PSA knows: (entry, version, status)."""

    statuses: tuple[tuple[str, int, str], ...]


@value
class HeadsFoundMissing:
    """The source has published these versions and we never heard of them; ask for them not before `not_before_ms`."""

    heads: tuple[tuple[str, int], ...]
    not_before_ms: int


@value
class RecountTurned:
    """The next page of a recount, and from when on it is due; "" when the recount is complete.

    After a page that was read it is due at once. A page that did not come is the next one again, after a rest.
    """

    next_page: str
    at_ms: int


Record = (
    EntryReceived
    | EntryExcluded
    | EntryWithdrawn
    | OldVersionReceived
    | OldWithdrawalReceived
    | EntryValued
    | EntryParked
    | EntriesWoken
    | EntriesUnconfirmed
    | EntryBackedOff
    | EntriesRested
    | EntriesRequeued
    | VersionCarried
    | EntryCleared
    | EntryLeftOut
    | EntryWaived
    | PeriodChanged
    | PeriodFoundShut
    | PeriodFoundHeld
    | HoldForgotten
    | RatesChanged
    | ProjectsChanged
    | WorkersChanged
    | AssignmentsChanged
    | ConfigurationChanged
    | MasterDataArrived
    | PartitionPaused
    | PartitionResumed
    | PartitionRestarted
    | BatchSent
    | LookUpSent
    | StatusesSent
    | RecountSent
    | FetchSent
    | CallEnded
    | RowsApplied
    | RowsReversed
    | RowsStaged
    | RowRefused
    | RowsReturned
    | RowsDoubted
    | RowsFoundMissing
    | AskPostponed
    | LineFoundByHand
    | RefusedLineFound
    | EntriesConfirmed
    | StandingConfirmed
    | BatchBisected
    | StatusesTaken
    | HeadsFoundMissing
    | RecountTurned
)
