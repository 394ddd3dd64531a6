"""Open arrivals: a delivery leaves when the schedule says, whether or not anything that left before was answered.

    schedule of one kind ─▶ walk ─▶ wait for its instant ─▶ a greenlet of its own ─▶ connection ─▶ answer ─▶ a row
                             │                                                          │
                             └── goes on with the next one at once                      └── again, where it has to be

A closed loop, as users of load tests are by nature, sends its next request when the last one was answered: a server
that stalls is asked less, and the stall does not show. Here one greenlet walks through the instants and never waits for
an answer.

Rule 1. The walk waits for instants and for nothing else. An arrival has a greenlet of its own.
Rule 2. Every time is counted from the intended instant. A late start is therefore in the latency, and stands in the
        row beside it, so that it can be told from a slow server.
Rule 3. There are so many connections and no more. An arrival that finds none is late, and counted: then we are the
        bottleneck and not the server.
Rule 4. What senders deliver again is a further row with an intended instant of its own, after the Retry-After that was
        asked for. It is no arrival of the schedule and counts for no rate.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import NamedTuple, Protocol

import gevent
from gevent.event import Event
from gevent.lock import BoundedSemaphore

from loadtests.schedule import Arrival
from loadtests.sender import AGAIN, NO_ANSWER, Answer

REST_S = 0.5
"""Before a second try, doubled with each further one (assumed: what webhook senders do, made shorter)."""
REST_MAX_S = 8.0
"""And not longer, whatever is asked for: a run has no time to be polite."""
FAULTS_TOLD = 120
"""Characters of a fault that Locust's page shows."""


class Row(NamedTuple):
    """One request. Instants are run time: milliseconds since the start of the run."""

    number: int
    """Which delivery of the schedule."""
    attempt: int
    """0: the arrival; more: delivered again."""
    kind: str
    intended_ms: int
    started_ms: int
    ended_ms: int
    status: int
    items: int
    accepted: int
    duplicate: int
    refused: int
    items_refused: Sequence[tuple[int, str]] = ()
    """Places in the body, and why."""


class Sends(Protocol):
    """Sends one delivery and waits for its answer."""

    def send(self, arrival: Arrival) -> Answer:
        """See `loadtests.sender.Sender`."""


Told = Callable[[Row, Arrival, Answer], None]
"""Told of every request when it is over."""


class Arrivals:
    """The traffic of one process; the walks of all kinds share its connections."""

    def __init__(self, sender: Sends, connections: int, last_ms: int, told: Told) -> None:
        """Nothing leaves after `last_ms` of run time, and nothing is delivered again."""
        self._sender = sender
        self._places = BoundedSemaphore(connections)
        self._last_ms = last_ms
        self._told = told
        self._began_s = 0.0
        self._stopped = Event()
        self._rows: deque[Row] = deque()
        self.open = 0
        """Arrivals under way, and what waits to be delivered again."""
        self.started = 0
        """Arrivals of the schedule whose instant has come."""
        self.without_place = 0
        """Arrivals that found every connection taken."""
        self.walks = 0
        """Walks under way."""

    def begin(self, began_s: float) -> None:
        """`began_s` is the instant of run time 0 by the monotonic clock; it may be to come."""
        self._began_s = began_s

    def now_ms(self) -> int:
        """Run time; negative before the start."""
        return int((monotonic() - self._began_s) * 1000)

    def walk(self, kind: str, schedule: Iterable[Arrival]) -> None:
        """Let everything in this schedule arrive; returns when its last arrival is on its way, or when stopped."""
        self.walks += 1
        try:
            for arrival in schedule:
                self._pause_until(arrival.at_ms)
                if self._stopped.is_set():
                    return
                self.started += 1
                self.open += 1
                gevent.spawn(self._arrive, kind, arrival)
        finally:
            self.walks -= 1

    def stop(self) -> None:
        """Nothing arrives any more, and nothing is delivered again; what is under way may still be answered."""
        self._stopped.set()

    def rows(self) -> list[Row]:
        """What is over since this was asked last."""
        taken: list[Row] = []
        while self._rows:
            taken.append(self._rows.popleft())
        return taken

    def _pause_until(self, at_ms: int) -> None:
        """Other greenlets run at least once in a burst of arrivals, so that it does not hold answers up."""
        left_s = self._began_s + at_ms / 1000 - monotonic()
        if left_s > 0:
            self._stopped.wait(left_s)
        elif self.started % 16 == 0:
            gevent.sleep(0)

    def _arrive(self, kind: str, arrival: Arrival) -> None:
        attempt, intended_ms, rest_s = 0, arrival.at_ms, REST_S
        try:
            while True:
                answer = self._once(kind, arrival, attempt, intended_ms)
                if answer is None or answer.status not in AGAIN or arrival.method != "POST":
                    return
                wait_s = min(REST_MAX_S, answer.retry_after_s or rest_s)
                intended_ms = self.now_ms() + int(wait_s * 1000)
                if intended_ms > self._last_ms or self._stopped.wait(wait_s):
                    return
                attempt += 1
                rest_s *= 2
        finally:
            self.open -= 1

    def _once(self, kind: str, arrival: Arrival, attempt: int, intended_ms: int) -> Answer | None:
        """None where it did not leave in all the time there was."""
        if not self._places.acquire(blocking=False):
            self.without_place += 1
            left_s = max(0, self._last_ms - self.now_ms()) / 1000
            if not self._places.acquire(timeout=left_s):
                return None
        try:
            started_ms = self.now_ms()
            answer = self._sender.send(arrival)
        finally:
            self._places.release()
        row = Row(
            arrival.number,
            attempt,
            kind,
            intended_ms,
            started_ms,
            self.now_ms(),
            answer.status,
            arrival.items,
            answer.accepted,
            answer.duplicate,
            answer.refused,
            answer.items_refused,
        )
        self._rows.append(row)
        self._told(row, arrival, answer)
        return answer


def failed(answer: Answer) -> str:
    """Why Locust should count a request as failed; empty where it should not."""
    if answer.status == NO_ANSWER:
        return answer.fault[:FAULTS_TOLD] or "no answer"
    return f"status {answer.status}" if answer.status >= 400 else ""
