"""What is set aside: parked until an event or a person, or asked about in the ledger before it goes on."""

from collections.abc import Sequence

from runtime.core import records as r
from runtime.core.answers import Doubt
from runtime.core.partition.moves import PARKS
from runtime.core.partition.state import State, Tracked
from runtime.core.records import Record

Records = list[Record]
"""What a decision makes, in order."""


def park(tracked: Tracked, reason: str, detail: str, now_ms: int) -> r.EntryParked:
    """Park the latest version of an entry; `reason` is a key of PARKS, which names owner, fix and wake event."""
    return parked(tracked.entry_id, tracked.latest, reason, detail, now_ms)


def parked(entry_id: str, version: int, reason: str, detail: str, now_ms: int) -> r.EntryParked:
    """The same for a version that is just being received."""
    rule = PARKS[reason]
    return r.EntryParked(entry_id, version, reason, detail, rule.owner, rule.fix, rule.wake, now_ms)


def may_stand_by_hand(tracked: Tracked) -> bool:
    """Whether a parked entry needs a look into the ledger before it goes on: a person may have posted or mended it."""
    park = tracked.park
    return park is not None and park.reason in _LOOK_FIRST and (tracked.standing is None or tracked.by_hand)


_LOOK_FIRST = frozenset({"period_held", "manual_line_differs", "standing_by_hand", "ledger_differs", "staged_lost"})
"""Reasons for which a person looks into the ledger, and may have changed it."""


def ask_by_entry(state: State, entry_ids: Sequence[str], now_ms: int, out: Records, why: Doubt | None = None) -> None:
    """Ask the ledger what it holds of these entries, in questions no longer than it takes."""
    most = state.policy.lookup_max
    ask_id = state.head.ask_seq + sum(isinstance(record, r.EntriesUnconfirmed | r.RowsStaged) for record in out)
    for first in range(0, len(entry_ids), most):
        ask_id += 1
        out.append(r.EntriesUnconfirmed(tuple(entry_ids[first : first + most]), ask_id, now_ms, why))
