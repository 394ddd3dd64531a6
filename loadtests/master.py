"""The part of a generator that leads: it prepares the workers, lets them begin at one instant, and keeps what they say.

    workers are there ─▶ prepare ─▶ all prepared ─▶ whose clock is where ─▶ begin ─▶ rows, every second ─▶ all ended
                                                                              │                               │
                                                       told: the wall clock of run time 0        the files of the run

Rule 1. The start is an instant of the master's clock, told to each worker in its own: their clocks are compared by
        the midpoint of a question and its answer, the quickest of some.
Rule 2. Rows are written as they come. A run that is cut off leaves what it had.
Rule 3. A worker that is lost takes its share with it; what it did not send was planned and not reached.
"""

import json
import logging
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, time
from typing import Any

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.runners import MasterRunner, Runner

from loadtests.arrivals import Row
from loadtests.bottleneck import Seen, bottleneck, percentile, rates
from loadtests.schedule import Share
from loadtests.sender import AGAIN, NO_ANSWER
from loadtests.words import (
    ASK,
    BEGIN,
    ENDED,
    HALT,
    ITEMS_REFUSED,
    OUTCOMES,
    PREPARE,
    PREPARED,
    REFUSED,
    REPORT,
    TAKEN_IN,
    TOLD,
    UNANSWERED,
    UNSENT,
    Order,
)
from scenarios.load.results import REQUESTS, GeneratorFigures, RequestRow

log = logging.getLogger("locust.springtide")

QUESTIONS = 7
"""How often a worker is asked for its clock; the quickest answer counts."""
LEAD_S = 1.0
"""From the word to begin to run time 0 (ours): longer than a message takes."""
GRACE_S = 15.0
"""How long after the halt the last reports are waited for."""


class NotPreparedError(Exception):
    """The run cannot begin: one line."""


@dataclass(slots=True)
class _Hand:
    """One worker, as the master sees it."""

    place: int
    share: Share | None = None
    behind_s: float = 0.0
    """What its clock shows more than ours."""
    quickest_s: float = 1e9
    ended: bool = False
    started: int = 0
    open: int = 0
    without_place: int = 0
    cpu: list[float] = field(default_factory=list)


Tells = Callable[..., None]


class Master:
    """Leads one run."""

    def __init__(
        self, environment: Environment, order: Order, folder: Path, tell: Tells, start: Callable[[int], None] | None
    ) -> None:
        """`tell` is called with words and numbers for whoever watches. Rows go to the folder's requests.csv.

        `start` lets Locust spawn so many users; None: a person does, on the web page.
        """
        assert environment.runner is not None, "a master belongs to a runner"
        self._runner: Runner = environment.runner
        self._order = order
        self._folder = folder
        self._tell = tell
        self._start = start
        self._spawned = Event()
        self._hands: dict[str, _Hand] = {}
        self._fault = ""
        self._all_prepared = Event()
        self._over = Event()
        self._began_s = 0.0
        self._outcomes = bytearray()
        self._items_refused: dict[int, Sequence[tuple[int, str]]] = {}
        self._lateness = array("l")
        self._left_in_time = 0
        self.interrupted = False
        for word, listener in {
            PREPARED: self._prepared,
            TOLD: self._told,
            REPORT: self._report,
            ENDED: self._end,
        }.items():
            self._runner.register_message(word, listener)
        environment.events.spawning_complete.add_listener(lambda user_count: self._spawned.set())
        environment.events.test_stopping.add_listener(lambda environment: self.halt())

    @property
    def share(self) -> Share:
        """Of the first worker, for what it says of the whole."""
        share = next(iter(self._hands.values())).share
        assert share is not None, "all are prepared"
        return share

    def lead(self) -> GeneratorFigures:
        """Run it, from preparing to the last answer. Raises NotPreparedError."""
        with REQUESTS.writing(self._folder) as put:
            self._put = put
            self._prepare()
            if not self.interrupted:
                self._spawn()
            if not self.interrupted:
                self._compare_clocks()
                self._begin()
                self._watch()
        return self._figures()

    def halt(self) -> None:
        """End it before its time, if it has not ended."""
        if self._over.is_set() or self.interrupted:
            return
        self.interrupted = True
        self._all_prepared.set()
        self._spawned.set()
        self._runner.send_message(HALT, {})

    def cpu(self) -> float:
        """The mean share of a core of the busiest process."""
        return max((sum(one.cpu) / len(one.cpu) for one in self._hands.values() if one.cpu), default=0.0)

    def write_outcomes(self, folder: Path) -> None:
        """What became of every delivery."""
        (folder / OUTCOMES).write_bytes(self._outcomes)
        with (folder / ITEMS_REFUSED).open("w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(one)}\n" for one in sorted(self._items_refused.items()))

    # ---------------------------------------------------------------- before

    def _prepare(self) -> None:
        waited_s = monotonic()
        while len(clients := self._clients()) < self._order.workers:
            if self.interrupted:
                return
            if monotonic() - waited_s > 5:
                waited_s = monotonic()
                self._tell(word="waiting", workers=len(clients), wanted=self._order.workers)
            gevent.sleep(0.1)
        for place, client in enumerate(clients[: self._order.workers]):
            self._hands[client] = _Hand(place)
        for client, hand in self._hands.items():
            self._say(client, PREPARE, place=hand.place, workers=len(self._hands), **self._prepare_order())
        self._all_prepared.wait()
        if self._fault:
            raise NotPreparedError(self._fault)
        if self.interrupted:
            return
        if len({hand.share.digest for hand in self._hands.values() if hand.share}) > 1:
            raise NotPreparedError("the workers made different schedules; install the same version everywhere")
        if not self.share.total_arrivals:
            raise NotPreparedError("nothing arrives in this window of the scenario; widen it, or choose another one")
        self._outcomes = bytearray([UNSENT]) * self.share.total_arrivals

    def _prepare_order(self) -> dict[str, Any]:
        order = self._order
        return {"load": order.load, "targets": order.targets, "settle_ms": order.settle_ms}

    def _clients(self) -> list[str]:
        """Workers that are there, first come first."""
        if not isinstance(self._runner, MasterRunner):
            return ["local"]
        return sorted(self._runner.clients, key=self._runner.get_worker_index)

    def _spawn(self) -> None:
        """A user of each kind in every process; they wait for the word to begin."""
        if self._start is None:
            self._tell(word="prepared")
        else:
            self._start(len(self._hands))
        self._spawned.wait()

    def _compare_clocks(self) -> None:
        for _ in range(QUESTIONS):
            for client in self._hands:
                self._say(client, ASK, sent_s=time())
            gevent.sleep(0.05)

    def _begin(self) -> None:
        at_s = max(time() + LEAD_S, self._order.start_at_ms / 1_000)
        self._began_s = monotonic() + at_s - time()
        for client, hand in self._hands.items():
            self._say(client, BEGIN, wall_s=at_s + hand.behind_s)
        share = self.share
        behind_ms = max(abs(hand.behind_s) for hand in self._hands.values()) * 1_000
        self._tell(
            word="begun",
            started_at_ms=int(at_s * 1_000),
            last_ms=share.last_ms,
            arrivals=share.total_arrivals,
            items=share.total_items,
            workers=len(self._hands),
            clocks_apart_ms=round(behind_ms, 1),
        )

    # ---------------------------------------------------------------- while it goes

    def _watch(self) -> None:
        halted_s = 0.0
        while not self._over.wait(1.0):
            if self.interrupted:
                halted_s = halted_s or monotonic()
                if monotonic() > halted_s + GRACE_S:
                    break
            self._tell(
                word="progress",
                now_ms=int((monotonic() - self._began_s) * 1_000),
                started=sum(hand.started for hand in self._hands.values()),
                open=sum(hand.open for hand in self._hands.values()),
                late_ms=max(self._lateness[-500:], default=0),
            )
            self._miss_who_is_lost()
        self._over.set()

    def _miss_who_is_lost(self) -> None:
        if isinstance(self._runner, MasterRunner):
            for client, hand in self._hands.items():
                if client not in self._runner.clients or client in {one.id for one in self._runner.clients.missing}:
                    hand.ended = True
                    log.warning("worker %d is lost, and its share with it", hand.place)
            self._see_who_ended()

    def _see_who_ended(self) -> None:
        if all(hand.ended for hand in self._hands.values()):
            self._over.set()

    def _prepared(self, environment: Environment, msg: Any) -> None:
        if "failed" in msg.data:
            self._fault = msg.data["failed"]
            self._all_prepared.set()
            return
        self._hands[msg.node_id].share = Share(**msg.data)
        if all(hand.share for hand in self._hands.values()):
            self._all_prepared.set()

    def _told(self, environment: Environment, msg: Any) -> None:
        """The worker's clock at the middle of the question's journey."""
        now_s = time()
        hand = self._hands[msg.node_id]
        took_s = now_s - msg.data["sent_s"]
        if took_s < hand.quickest_s:
            hand.quickest_s = took_s
            hand.behind_s = msg.data["wall_s"] - (msg.data["sent_s"] + now_s) / 2

    def _report(self, environment: Environment, msg: Any) -> None:
        hand = self._hands[msg.node_id]
        told = msg.data
        hand.started, hand.open = told["started"], told["open"]
        hand.without_place, hand.cpu = told["without_place"], told["cpu"]
        rows = [Row(*row) for row in told["rows"]]
        in_time_ms = self.share.last_ms + self._order.late_p99_ms
        for row in rows:
            self._outcomes[row.number] = max(self._outcomes[row.number], _outcome(row))
            if row.items_refused:
                self._items_refused[row.number] = row.items_refused
            if row.attempt == 0:
                self._lateness.append(max(0, row.started_ms - row.intended_ms))
                self._left_in_time += row.started_ms <= in_time_ms
        self._put(map(_as_written, rows))

    def _end(self, environment: Environment, msg: Any) -> None:
        self._report(environment, msg)
        self._hands[msg.node_id].ended = True
        self._see_who_ended()

    def _say(self, client: str, word: str, **data: Any) -> None:
        self._runner.send_message(word, data, client)

    # ---------------------------------------------------------------- afterwards

    def _figures(self) -> GeneratorFigures:
        if not self._outcomes:
            return GeneratorFigures(planned_per_s=0, reached_per_s=0, lateness_p50_ms=0, lateness_p99_ms=0)
        seen = Seen(
            planned=self.share.total_arrivals,
            last_ms=self.share.last_ms,
            lateness_ms=self._lateness,
            left_in_time=self._left_in_time,
            without_place=sum(hand.without_place for hand in self._hands.values()),
            connections=self._order.targets["connections"],
            cpu=[hand.cpu for hand in self._hands.values()],
        )
        planned, reached = rates(seen)
        because = "" if self.interrupted else bottleneck(seen, self._order.late_p99_ms)
        return GeneratorFigures(
            planned_per_s=round(planned, 3),
            reached_per_s=round(reached, 3),
            lateness_p50_ms=percentile(self._lateness, 0.5),
            lateness_p99_ms=percentile(self._lateness, 0.99),
            saturated=bool(because),
            because=because,
        )


def _outcome(row: Row) -> int:
    """A delivery is never refused after it was taken in: whatever comes again is a duplicate then."""
    if row.status in AGAIN:
        return UNANSWERED
    return TAKEN_IN if row.status < 300 else REFUSED


def _as_written(row: Row) -> RequestRow:
    return RequestRow(
        row.intended_ms,
        row.started_ms,
        0 if row.status == NO_ANSWER else row.ended_ms,
        row.kind,
        row.status,
        row.items,
        row.accepted,
        row.duplicate,
        row.refused,
    )
