"""How far counting is from the real thing: the same months counted, and whole with the real core, side by side.

A whole month is every row of it through partitions, journals and connectors, with every fault of the scenario; the
auditors are left out, who look at what happened and change nothing. Chance falls otherwise in the two (a call has
another name), so part of every difference is that a lost call struck another batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from scenarios.capacity.plan import Question, Task
from scenarios.capacity.rehearse import PartSeen, count, whole
from simulators.settings import MINUTE_MS


@dataclass(frozen=True, slots=True)
class Pair:
    """One component under one seed, counted and whole."""

    seed: int
    counted: PartSeen
    whole: PartSeen


@dataclass(frozen=True, slots=True)
class Validation:
    """What the pairs come to.

    Differences are counted less whole, in minutes. `clear_*`: when an entity is clear. `last_*`: when the last entity
    of a month is. `agree` of `entities` have the same verdict, `binds_agree` of `accounts` the same cause.
    """

    months: int
    entities: int
    agree: int
    clear_mean_min: float
    clear_median_abs_min: float
    clear_p95_abs_min: float
    clear_most_abs_min: float
    last_counted_min: tuple[float | None, ...]
    last_whole_min: tuple[float | None, ...]
    accounts: int
    binds_agree: int
    fill_counted: float
    fill_whole: float
    rows_counted: int
    rows_whole: int
    counted_cpu_s: float
    whole_cpu_s: float


def tasks_of(question: Question, months: int) -> Iterator[Task]:
    """Each component of the first so many months, at the first setting."""
    seeds = tuple(range(question.seeds[0], question.seeds[0] + months))
    return replace(question, seeds=seeds, settings=question.settings[:1], searches=()).tasks()


def pairs(task: Task) -> Pair:
    """Count it, and let it happen; runs in a process of its own."""
    arguments = (task.world, task.setting, task.seed, task.component, task.promise)
    return Pair(task.seed, count(*arguments), whole(*arguments))


def compared(found: Sequence[Pair], months: int) -> Validation:
    """The error of counting, over all pairs."""
    both = [
        (counted, real)
        for pair in found
        for counted, real in zip(pair.counted.entities, pair.whole.entities, strict=True)
    ]
    late = [
        (max(0, c.clear_ms) - max(0, w.clear_ms)) / MINUTE_MS
        for c, w in both
        if c.clear_ms is not None and w.clear_ms is not None
    ]
    far = sorted(abs(each) for each in late) or [0.0]
    accounts = [
        (counted, real)
        for pair in found
        for counted, real in zip(pair.counted.accounts, pair.whole.accounts, strict=True)
    ]
    seeds = sorted({pair.seed for pair in found})
    return Validation(
        months,
        len(both),
        sum(c.clear == w.clear for c, w in both),
        sum(late) / len(late) if late else 0.0,
        far[len(far) // 2],
        far[min(len(far) - 1, len(far) * 95 // 100)],
        far[-1],
        tuple(_last([pair.counted for pair in found if pair.seed == seed]) for seed in seeds),
        tuple(_last([pair.whole for pair in found if pair.seed == seed]) for seed in seeds),
        len(accounts),
        sum(c.binds == w.binds for c, w in accounts),
        sum(c.fill for c, _ in accounts) / len(accounts),
        sum(w.fill for _, w in accounts) / len(accounts),
        sum(c.rows for c, _ in both),
        sum(w.rows for _, w in both),
        sum(pair.counted.cpu_s for pair in found),
        sum(pair.whole.cpu_s for pair in found),
    )


def _last(parts: Sequence[PartSeen]) -> float | None:
    late = [entity.clear_ms for part in parts for entity in part.entities]
    return None if None in late else max(0, *(ms for ms in late if ms is not None)) / MINUTE_MS
