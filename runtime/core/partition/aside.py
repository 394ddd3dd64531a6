"""What is set aside: parked until an event or a person, or asked about in the ledger before it goes on."""

from collections.abc import Sequence

from runtime.core import records as r
from runtime.core.answers import Doubt
from runtime.core.partition.moves import PARKS, Phase
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


def needs_a_look(tracked: Tracked) -> bool:
    """Whether the ledger has to be asked before the entry goes on: a person may have posted or mended something."""
    park = tracked.park
    if park is None:
        # What a person gave up on while something stood was given to that person to mend.
        return tracked.phase is Phase.WAIVED and tracked.standing is not None
    if park.reason in _LOOK_ALWAYS:
        return True
    return park.reason in _LOOK_FIRST and (tracked.standing is None or tracked.by_hand)


_LOOK_FIRST = frozenset({"period_held", "manual_line_differs", "standing_by_hand", "ledger_differs"})
"""Reasons for which a person looks into the ledger, and may have changed it, as far as nothing of ours stands."""
_LOOK_ALWAYS = frozenset({"nothing_to_reverse", "staged_lost"})
"""Reasons for which what we believe to stand may not, or what we sent may."""


def ask_by_entry(state: State, entry_ids: Sequence[str], now_ms: int, out: Records, why: Doubt | None = None) -> None:
    """Ask the ledger what it holds of these entries, in questions no longer than it takes."""
    most = state.policy.lookup_max
    ask_id = state.head.ask_seq + sum(isinstance(record, r.EntriesUnconfirmed | r.RowsStaged) for record in out)
    for first in range(0, len(entry_ids), most):
        ask_id += 1
        asked = tuple(entry_ids[first : first + most])
        out.append(r.EntriesUnconfirmed(asked, ask_id, now_ms + state.policy.lookup_lag_ms, why))
