"""L0, no livelock: between two checkpoints a partition does no more than what changed, and the clock, explain.

A partition that decides and decides, and gets no version from one place to another, is as dead as one that stands
still, and busier. Work is counted in records, which are everything a partition ever decides.
"""

from bisect import bisect_right
from itertools import pairwise

from simulators.auditors.allowances import Allowances
from simulators.auditors.finding import Held
from simulators.evidence import Checkpoint, Evidence

HOUR_MS = 3_600_000


def no_livelock(evidence: Evidence, allowances: Allowances, held: Held) -> None:
    """Records between two checkpoints, against versions that came or moved, hours that passed, and lives that began."""
    lives = [recovery.at_ms for recovery in evidence.recoveries]
    for before, after in pairwise(evidence.checkpoints):
        made = after.records - before.records
        hours = -(-(after.at_ms - before.at_ms) // HOUR_MS)
        begun = bisect_right(lives, after.at_ms) - bisect_right(lives, before.at_ms)
        most = (
            allowances.records_per_move * _moves(before, after)
            + allowances.records_an_hour * hours
            + allowances.records_a_life * begun
        )
        if made > most:
            text = f"{evidence.entity}: {made} records in {hours} hours where {most} would do; nothing came of them"
            held.found(evidence.entity, "", text, at_ms=after.at_ms)


def _moves(before: Checkpoint, after: Checkpoint) -> int:
    """How many versions came, or are in another place; whoever left and came back counts for nothing."""
    places = {**before.counts, **after.counts}
    moved = sum(abs(after.counts.get(place, 0) - before.counts.get(place, 0)) for place in places)
    return after.approved - before.approved + moved
