"""A few threads in which partitions take their turns, and the queue for them.

Whoever waits for a place goes on collecting what comes in, so the longer the queue, the more goes into one durable
step. The length of the queue is a bound of the intake ("commit_queue").
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from runtime.metrics import Metrics

T = TypeVar("T")


class Turns:
    """So many turns at once, in one process."""

    def __init__(self, threads: int, metrics: Metrics) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="partition")
        self._places = asyncio.Semaphore(threads)
        self._metrics = metrics
        self.waiting = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place for one turn, once there is one."""
        self.waiting += 1
        self._metrics.commit_queue(self.waiting)
        try:
            await self._places.acquire()
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self._places.release()

    async def run(self, act: Callable[[], T]) -> T:
        """Run `act` in a thread; for whoever has a place. Cancelled: `act` runs to its end, and nobody hears of it."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, act)

    def close(self) -> None:
        """Wait for what runs."""
        self._threads.shutdown(wait=True)
