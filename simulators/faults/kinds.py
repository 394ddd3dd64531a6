"""The catalogue: every fault there is, as one type that JSON can be read into, and random handfuls of them."""

from typing import Annotated, get_args

from pydantic import Field

from simulators.chance import PPM, chance
from simulators.faults import business
from simulators.faults.bases import FaultData, Room
from simulators.faults.bookkeeping import LaggingReads, NumberRangeExhausted
from simulators.faults.bulk import BulkEdit
from simulators.faults.business import ApprovalsTakenBack
from simulators.faults.letters import UnreadableEvents
from simulators.faults.login import (
    CredentialExpiry,
    EntityForbidden,
    LockedOut,
    SessionEnded,
    UnauthorizedMaintenance,
)
from simulators.faults.machine_clock import ClockSkew, ClockStep, ClockStrobe, SlowLease
from simulators.faults.maintenance import MaintenanceAnnounced, MaintenanceUnannounced, ReadOnly, SlowErp
from simulators.faults.network import (
    DuplicateRequest,
    GarbledAnswer,
    LateLanding,
    LostReply,
    LostRequest,
    Partition,
    ServerError,
    SlowAnswer,
    Unreachable,
)
from simulators.faults.operator import BackfillAgain, ParkedRowsWorked, PartitionPaused, WrongConfiguration
from simulators.faults.ownership import (
    HastyShutDown,
    IdleStop,
    RollBack,
    RollingUpgrade,
    SlowWorker,
    StopBeforeCheck,
    StopBeforeSend,
    TwoOwners,
)
from simulators.faults.periods import PeriodClosingMidBatch
from simulators.faults.process import (
    BoundaryCrashes,
    CallCrashes,
    CrashAtBoundary,
    CrashAtCall,
    FsyncFails,
    RandomCrashes,
    TornTail,
)
from simulators.faults.quota import ConcurrencyCap, DailyQuota, SharedQuota, Throttling
from simulators.faults.reading import (
    ClearedField,
    EqualStamps,
    LateCommit,
    PageDrift,
    ShortPage,
    SourceClockBehind,
    UnbumpedStamp,
)
from simulators.faults.rows import (
    MissingAnswers,
    OwnDuplicateCheck,
    ReorderedAnswers,
    RowFailures,
    StagedRejections,
)
from simulators.faults.schema import SchemaDrift
from simulators.faults.source import DuplicateEvent, MissingEvent, ReorderedEvent
from simulators.faults.storage import DamagedJournal, FullDisk, SlowFsync

AnyFault = (
    LostRequest
    | LostReply
    | LateLanding
    | DuplicateRequest
    | Unreachable
    | ServerError
    | SlowAnswer
    | GarbledAnswer
    | Partition
    | Throttling
    | ConcurrencyCap
    | DailyQuota
    | SharedQuota
    | MissingEvent
    | DuplicateEvent
    | ReorderedEvent
    | LateCommit
    | UnbumpedStamp
    | PageDrift
    | EqualStamps
    | ShortPage
    | SourceClockBehind
    | ClearedField
    | BulkEdit
    | SchemaDrift
    | RowFailures
    | StagedRejections
    | MissingAnswers
    | ReorderedAnswers
    | OwnDuplicateCheck
    | MaintenanceAnnounced
    | MaintenanceUnannounced
    | ReadOnly
    | SlowErp
    | PeriodClosingMidBatch
    | NumberRangeExhausted
    | LaggingReads
    | CredentialExpiry
    | LockedOut
    | SessionEnded
    | UnauthorizedMaintenance
    | EntityForbidden
    | CrashAtBoundary
    | BoundaryCrashes
    | RandomCrashes
    | CrashAtCall
    | CallCrashes
    | TornTail
    | FsyncFails
    | IdleStop
    | StopBeforeCheck
    | StopBeforeSend
    | TwoOwners
    | SlowWorker
    | HastyShutDown
    | RollingUpgrade
    | RollBack
    | DamagedJournal
    | FullDisk
    | SlowFsync
    | ClockSkew
    | ClockStep
    | ClockStrobe
    | SlowLease
    | UnreadableEvents
    | ApprovalsTakenBack
    | PartitionPaused
    | BackfillAgain
    | WrongConfiguration
    | ParkedRowsWorked
)

Fault = Annotated[AnyFault, Field(discriminator="kind")]
"""A fault as a scenario's JSON has it, told apart by `kind`."""

FAULT_KINDS: dict[str, type[FaultData]] = {each.model_fields["kind"].default: each for each in get_args(AnyFault)}
"""Kind to class, in the order above."""

NOT_BUILT: dict[str, str] = {
    "e12": "A background job that un-posts a document: nobody tells the feed, so only a reconciliation of ledger and"
    " journal by row could find it, and there is none yet.",
    **business.NOT_BUILT,
}
"""Fault of the reliability guide (section 4.2) to why it cannot be simulated yet."""


CRASH_KINDS = ("crash_at_boundary", "boundary_crashes", "random_crashes")
"""Kinds by which a process dies."""

LEANT_PPM = 850_000
"""How likely a kind is in that the swarm leans towards (ours)."""


def draw_random_subset(
    seed: int,
    *,
    share_ppm: int = 400_000,
    lean: tuple[str, ...] = (),
    least: int = 0,
    a_death: bool = False,
    strength_ppm: int = 1_000_000,
    deadline_ms: int = 30_000,
    late_landing_ms: int = 120_000,
    first_day: int = 1,
    last_day: int = 28,
    boundaries: int = 200,
    without: tuple[str, ...] = (),
) -> tuple[Fault, ...]:
    """A handful of faults for a run that nobody thought of: each kind is in with `share_ppm`, with random strength.

    Every number is drawn under the kind's own name, so that leaving a kind out leaves the others as they were.
    Windows lie on days `first_day` to `last_day` of the month (see `wall_time.Day`); the other bounds are `Room`'s.
    Kinds in `without` stay out: those that break an assumption of the profile at hand (a target without keys cannot
    bear `duplicate_request`). Kinds in `lean` are in more often. At least `least` kinds are in, and with `a_death` one
    by which a process dies; what is missing comes in the order of its own draw.
    """
    room = Room(seed, deadline_ms, late_landing_ms, first_day, last_day, boundaries, strength_ppm)
    assert set(without) <= set(FAULT_KINDS), f"no such kind of fault among {without}"
    shares = {kind: max(share_ppm, LEANT_PPM) if kind in lean else share_ppm for kind in FAULT_KINDS}
    draws = {kind: chance(seed, "swarm/has", kind) % PPM for kind in FAULT_KINDS if kind not in without}
    chosen = {kind for kind, draw in draws.items() if draw < shares[kind]}
    by_draw = sorted(draws, key=lambda kind: (draws[kind], kind))
    if a_death and chosen.isdisjoint(CRASH_KINDS):
        chosen.add(next(kind for kind in by_draw if kind in CRASH_KINDS))
    for kind in by_draw:
        if len(chosen) < least:
            chosen.add(kind)
    drawn = (FAULT_KINDS[kind].drawn(room) for kind in FAULT_KINDS if kind in chosen)
    return tuple(drawn)  # type: ignore[arg-type]  # FAULT_KINDS holds the members of the union and nothing else
