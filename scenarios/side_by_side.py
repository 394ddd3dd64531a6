"""Many independent runs, side by side: on the cores of this machine, or on a Ray cluster. Results as they come.

The tasks may be endless: no more are taken than the processes have room for, so a swarm by the clock simply stops
offering them. A task is run by one function of the top level of a module, which is named and not shipped.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice
from multiprocessing import get_context
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

CHUNK = 8
"""Tasks that travel together: a second of work, against some milliseconds of travel (ours)."""


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_cores(function: Callable[[T], R], tasks: Iterable[T], jobs: int, chunk: int = CHUNK) -> Iterator[R]:
    """The function of every task, in `jobs` processes; with one job in this process and in order."""
    if jobs <= 1:
        yield from map(function, tasks)
        return
    offered = iter(tasks)
    waiting: set[Future[list[R]]] = set()
    # Fresh interpreters: what was imported or replaced here must not reach them.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        try:
            while True:
                while len(waiting) < 2 * jobs and (some := list(islice(offered, chunk))):
                    waiting.add(pool.submit(each_of, function, some))
                if not waiting:
                    return
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield from future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def each_of(function: Callable[[T], R], tasks: list[T]) -> list[R]:
    """The function of each of these tasks, in order."""
    return [function(task) for task in tasks]
