"""Whether the generator itself was what limited a run: then the run says nothing about the server.

    reached less than planned          arrivals whose request left by the end, per second of arrivals
    late                               requests left long after they should have
    no connection left                 arrivals waited for one
    busy                               a process took nearly a whole core, so its clock cannot be trusted

All four bounds are ours. A stalled server makes the third true as well: there are only so many connections, and
whoever keeps them all occupied makes an open load impossible. The sentence says which it was.
"""

from collections.abc import Sequence
from typing import NamedTuple

REACHED_SHARE = 0.98
"""Of the planned rate."""
LATE_P99_MS = 250.0
"""The start of a request, against its intended instant. It is in every latency too, so it makes none look better."""
BUSY_SHARE = 0.90
"""Of one core, in the busiest ten seconds."""
BUSY_SECONDS = 10
WAITED_SHARE = 0.001
"""Arrivals that may find no connection, of all: a hiccup is no bottleneck."""


class Seen(NamedTuple):
    """What was seen of a run's arrivals. Deliveries of the same thing again are none."""

    planned: int
    """Arrivals of the schedule, whoever was to send them."""
    last_ms: int
    """Run time of the last one."""
    lateness_ms: Sequence[int]
    """Of each that left, in any order."""
    left_in_time: int
    """Those that had left when the time of arrivals was over, and a lateness that is allowed."""
    without_place: int
    connections: int
    """In one process."""
    cpu: Sequence[Sequence[float]]
    """Of each process, second by second."""


def rates(seen: Seen) -> tuple[float, float]:
    """(planned, reached) arrivals a second."""
    seconds = max(1, seen.last_ms) / 1_000
    return seen.planned / seconds, seen.left_in_time / seconds


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so many of them do not exceed (nearest rank); 0 where there are none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return float(ordered[max(0, -(-len(ordered) * round(share * 1_000) // 1_000) - 1)])


def bottleneck(seen: Seen, late_p99_ms: float = LATE_P99_MS) -> str:
    """Why the generator was the bottleneck, gravest first; empty where it was not."""
    planned, reached = rates(seen)
    why = []
    if seen.left_in_time < REACHED_SHARE * seen.planned:
        why.append(f"{reached:.1f} of {planned:.1f} requests a second were reached")
    late_ms = percentile(seen.lateness_ms, 0.99)
    if late_ms > late_p99_ms:
        why.append(f"one start in a hundred was {late_ms:.0f} ms late or more ({late_p99_ms:.0f} are allowed)")
    if seen.without_place > WAITED_SHARE * seen.planned:
        why.append(f"{seen.without_place} arrivals found all {seen.connections} connections taken")
    busiest = max((_busiest(one) for one in seen.cpu), default=0.0)
    if busiest >= BUSY_SHARE:
        why.append(f"a process took {busiest:.0%} of a core for {BUSY_SECONDS} seconds")
    return "; ".join(why)


def _busiest(cpu: Sequence[float]) -> float:
    """The mean of the busiest ten seconds, or of everything if that is shorter."""
    if not cpu:
        return 0.0
    length = min(BUSY_SECONDS, len(cpu))
    return max(sum(cpu[at : at + length]) / length for at in range(len(cpu) - length + 1))
