"""Whether our own hosts are what holds a month-end up: a fluid count beside the simulation.

In virtual time a turn of the core costs nothing, so the simulation cannot say. What can be said is arithmetic: entities
are packed onto the hosts of their region, heaviest first onto the lightest; a host carries so many rows a second; what
comes faster waits. The wait is that of `queueing.fluid`.

15,000 rows a second and host is our own target for one core, which `scripts/bench_runtime.py work` measures; give your
own figure with --host-rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scenarios.capacity.queueing import fluid

ROWS_A_SECOND = 15_000
"""Of one host with one core busy (target of ours, measured by the benchmark `work`)."""


@dataclass(frozen=True, slots=True)
class Host:
    """One host at the busiest minute: how full it is (1: as much as it carries), and the entities on it."""

    region: str
    entities: tuple[str, ...]
    fullest: float


def packed(weights: Mapping[str, float], hosts: int) -> list[list[str]]:
    """The entities of one region on so many hosts: heaviest first, each onto the lightest."""
    loads, carried = [0.0] * hosts, [[] for _ in range(hosts)]  # type: list[float], list[list[str]]
    for name in sorted(weights, key=lambda name: (-weights[name], name)):
        lightest = loads.index(min(loads))
        loads[lightest] += weights[name]
        carried[lightest].append(name)
    return carried


def late_min(arrivals: Mapping[str, Sequence[float]], hosts: int, rows_a_minute: float) -> tuple[dict[str, int], float]:
    """Minutes by which its host delays each entity of one region, and how full the fullest host is at its worst.

    `arrivals` are rows by the minute. The delay is the longest that a row waits for its host.
    """
    late: dict[str, int] = {}
    fullest = 0.0
    for names in packed({name: sum(rows) for name, rows in arrivals.items()}, hosts):
        if not names:
            continue
        together = [sum(rows) for rows in zip(*(arrivals[name] for name in names), strict=True)]
        fullest = max(fullest, max(together) / rows_a_minute)
        (done,) = fluid([together], [rows_a_minute] * len(together))
        late.update(dict.fromkeys(names, _longest(together, done)))
    return late, fullest


def _longest(came: Sequence[float], done: Sequence[float]) -> int:
    """The most steps between a row's coming and its going."""
    longest, so_far, t = 0, 0.0, 0
    for step, rows in enumerate(came):
        so_far += rows
        while t < len(done) - 1 and done[t] < so_far - 1e-6:
            t += 1
        longest = max(longest, t - step)
    return longest
