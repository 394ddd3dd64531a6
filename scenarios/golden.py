"""The golden months: stories of which every durable boundary and every call is struck, each undisturbed in itself.

A golden month walks steps that others do not, and says which (`walks`): a month in which they stopped happening would
prove nothing about them. The tiny ones are short enough for every pair of boundaries.

Rule 1. What a crash delays must not be delayed past anything that reads the clock: the gates of a month stay open
        (an entry that comes after the close rightly goes into another period, and then the books do differ).
Rule 2. A month is clean and settles by itself; whatever is wrong after a crash, the crash brought about.
"""

from dataclasses import dataclass

from scenarios.small import CONFIRM_AFTER_MS, SMALL_FIRM
from simulators.faults.network import LostReply
from simulators.faults.rows import RowFailures
from simulators.faults.source import DuplicateEvent, MissingEvent
from simulators.firm.settings import FirmSettings
from simulators.people.parameters import PeopleSettings
from simulators.settings import DAY_MS, HOUR_MS, MINUTE_MS, FinanceGate, HandPostings, RuntimeSettings, WorldSettings
from simulators.systems.profiles.generic import GENERIC


@dataclass(frozen=True, slots=True)
class Golden:
    """One golden month. `walks`: names of records that it makes. `tiny`: every pair of its boundaries is struck too."""

    name: str
    story: str
    world: WorldSettings
    walks: tuple[str, ...]
    seed: int = 1
    tiny: bool = False


_RESTLESS = PeopleSettings(correction_ppm=200_000, withdrawal_ppm=60_000, duplicate_ppm=30_000)
_SIX = SMALL_FIRM.model_copy(update={"consultants": 6})
_RECOUNTS = {"recount_every_ms": DAY_MS, "recount_overlap_ms": 6 * HOUR_MS}
"""Once a day, so that most boundaries are about entries; far enough back that a lost event is found by the next one."""

_ALL = (
    Golden(
        "every_step",
        "Every step at least once: corrections and withdrawals in plenty, rows that the ERP takes first and posts later"
        " or rejects, look-ups after silence, events that only the recount finds, checkpoints that let go of entries.",
        WorldSettings(
            firm=SMALL_FIRM,
            people=_RESTLESS,
            erp=GENERIC["async_job"],
            runtime=RuntimeSettings(batch_max=8, checkpoint_every=8, **_RECOUNTS),
            faults=(
                LostReply(ppm=60_000),
                MissingEvent(ppm=40_000),
                DuplicateEvent(ppm=40_000),
                RowFailures(ppm=30_000),
            ),
        ),
        walks=(
            "RowsStaged",
            "RowsApplied",
            "RowsReversed",
            "RowRefused",
            "RowsDoubted",
            "HeadsFoundMissing",
            "FetchSent",
            "EntryWithdrawn",
            "EntryExcluded",
        ),
    ),
    Golden(
        "hasty",
        "People change and take back within minutes what they have just had approved, so that a newer version overtakes"
        " one that is on the wire or in doubt; a successor comes only after a minute, and batches are small.",
        WorldSettings(
            firm=_SIX,
            people=PeopleSettings(second_thoughts_ppm=300_000, correction_ppm=100_000),
            runtime=RuntimeSettings(batch_max=3, checkpoint_every=64, restart_ms=MINUTE_MS, **_RECOUNTS),
            faults=(LostReply(ppm=60_000),),
        ),
        walks=("VersionCarried", "RowsReversed", "RowsDoubted", "EntryWithdrawn"),
    ),
    Golden(
        "unkeyed",
        "The ERP knows no keys: what went unheard is looked up by reference, and goes again only when it is not there.",
        WorldSettings(
            firm=_SIX,
            people=_RESTLESS,
            erp=GENERIC["none"],
            runtime=RuntimeSettings(batch_max=8, checkpoint_every=4_096, **_RECOUNTS),
            faults=(LostReply(ppm=60_000),),
        ),
        walks=("LookUpSent", "RowsDoubted", "RowsReversed", "VersionCarried"),
    ),
    Golden(
        "staged",
        "The ERP takes rows into a table and posts or rejects them minutes later; the journal is checkpointed after"
        " every entry.",
        WorldSettings(
            firm=_SIX,
            people=_RESTLESS,
            erp=GENERIC["staging"],
            runtime=RuntimeSettings(batch_max=8, checkpoint_every=1, **_RECOUNTS),
            faults=(LostReply(ppm=60_000),),
        ),
        walks=("RowsStaged", "AskPostponed", "RowsApplied", "RowsReversed"),
    ),
    Golden(
        "upsert",
        "The ERP overwrites by our reference, and refuses some rows for a while; the successor is there at once, while"
        " the calls of the dead are still on the wire.",
        WorldSettings(
            firm=_SIX,
            people=_RESTLESS,
            erp=GENERIC["upsert_by_external_id"],
            runtime=RuntimeSettings(batch_max=8, checkpoint_every=64, restart_ms=1, **_RECOUNTS),
            faults=(LostReply(ppm=60_000), RowFailures(ppm=30_000)),
        ),
        walks=("RowRefused", "EntryBackedOff", "RowsDoubted", "RowsReversed"),
    ),
    Golden(
        "by_hand",
        "Finance holds our gate over the last afternoon and enters by hand what has waited for long; when the gate"
        " opens we ask the ledger first, and take what stands there for ours.",
        WorldSettings(
            firm=_SIX,
            runtime=RuntimeSettings(batch_max=8, checkpoint_every=64, confirm_after_ms=CONFIRM_AFTER_MS, **_RECOUNTS),
            gates=(
                FinanceGate(day="last", at="13:00", gate="held"),
                FinanceGate(day="last", at="18:45", gate="open"),
            ),
            hand_postings=(HandPostings(day="last", at="17:30", older_than_ms=CONFIRM_AFTER_MS + 15 * MINUTE_MS),),
        ),
        walks=("EntryParked", "EntriesWoken", "EntriesUnconfirmed", "LineFoundByHand"),
    ),
    Golden(
        "alone",
        "One person's last week in one entity: a few rows, some corrected, each let go of as soon as it is settled.",
        WorldSettings(
            firm=FirmSettings(consultants=1, entity_count=1, weeks=1),
            people=PeopleSettings(rows_per_person_week=2, correction_ppm=300_000),
            runtime=RuntimeSettings(checkpoint_every=1, recount_every_ms=4 * DAY_MS),
        ),
        walks=("RowsApplied", "RowsReversed", "StatusesTaken"),
        seed=3,
        tiny=True,
    ),
    Golden(
        "two",
        "Two people in two entities that share their accounts: one crash may strike each.",
        WorldSettings(
            firm=FirmSettings(consultants=2, entity_count=2, weeks=1),
            people=PeopleSettings(rows_per_person_week=2, correction_ppm=400_000),
            erp=GENERIC["staging"],
            runtime=RuntimeSettings(checkpoint_every=4, restart_ms=1, recount_every_ms=8 * DAY_MS),
        ),
        walks=("RowsApplied", "RowsStaged", "RowsReversed", "StatusesTaken"),
        seed=14,
        tiny=True,
    ),
)

_ALONE = next(golden for golden in _ALL if golden.name == "alone")
_MANNERS = tuple(
    Golden(
        f"alone_{name}",
        f"The same person's week, at the generic ERP of the profile {name}.",
        _ALONE.world.model_copy(update={"erp": profile}),
        walks=_ALONE.walks,
        seed=_ALONE.seed,
    )
    for name, profile in GENERIC.items()
    if profile != _ALONE.world.erp
)

GOLDENS: dict[str, Golden] = {golden.name: golden for golden in (*_ALL, *_MANNERS)}
"""Every golden month by name; the last ones once for every generic way of treating keys and rows."""
