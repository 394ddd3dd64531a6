"""S18, bounds: what a partition holds in memory stays under its declared limits, however long the queue is.

A queue without a bound is a process that dies in the month-end burst, and then again while it recovers. What is
counted is read at checkpoints: entries in memory, those in line among them, and those changed since the journal's
last checkpoint.
"""

from simulators.auditors.allowances import Allowances
from simulators.auditors.finding import Held
from simulators.evidence import Checkpoint, Evidence

UNFINISHED = ("in_flight", "staged", "in_doubt")
"""Places of versions whose entries are in memory, if they are not behind the window. What is parked is counted in
entries: one may be parked of which no version was approved yet, as far as we have heard."""
CHECKPOINT_AT_LAST = 4
"""A journal is checkpointed at so many times its number of touched entries in any case (documented: the shell's)."""
ONE_TURN = 2_000
"""Entries that one turn may touch beside: the most deliveries that it takes in (documented: the drivers')."""
CALLS_BESIDE = 4
"""Calls to the PSA that may be on the wire beside those to the ERP."""


def bounded(evidence: Evidence, allowances: Allowances, held: Held) -> None:
    """Every limit at every checkpoint; one finding for each limit."""
    broken: set[str] = set()
    for checkpoint in evidence.checkpoints:
        for what, count, most in _limits(checkpoint, allowances) if checkpoint.memory else ():
            if count > most and what not in broken:
                broken.add(what)
                text = f"{evidence.entity}: {count} {what}, and {most} is the limit"
                held.found(evidence.entity, "", text, at_ms=checkpoint.at_ms)


def _limits(checkpoint: Checkpoint, allowances: Allowances) -> tuple[tuple[str, int, int], ...]:
    """What is bounded, how much there is of it, and how much there may be."""
    memory = checkpoint.memory
    touched = memory["touched"]
    unfinished = sum(checkpoint.counts.get(place, 0) for place in UNFINISHED) + memory["parked"]
    # Rows that were sent and came back, and entries of which the PSA has to hear, cannot leave memory.
    busy = memory["sent"] + memory["untold"] + memory["telling"]
    from_the_shelf = max(2 * allowances.batch_max, allowances.memory_window // 2)
    at_last = CHECKPOINT_AT_LAST * allowances.checkpoint_every
    return (
        # What else is in line beyond the window came since the last checkpoint, or was just taken from the shelf.
        ("entries in line in memory", memory["in line"], allowances.memory_window + busy + touched + from_the_shelf),
        # What is settled leaves with the next checkpoint, so everything else was touched since.
        (
            "entries in memory",
            memory["entries"],
            memory["in line"] + memory["resting"] + memory["asked about"] + unfinished + busy + touched,
        ),
        ("entries touched since a checkpoint", touched, at_last + ONE_TURN),
        ("calls at once", memory["calls"], allowances.calls_max + CALLS_BESIDE),
    )
