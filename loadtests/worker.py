"""The part of a generator process that sends: its share of the schedule, its arrivals, its reports to the master."""

import gc
import json
import logging
import sys
import tempfile
from pathlib import Path
from subprocess import PIPE
from time import monotonic, process_time, time
from typing import Any

import gevent
from gevent.event import Event
from gevent.subprocess import Popen
from locust.env import Environment
from locust.runners import Runner

from loadtests.arrivals import Arrivals, Row, failed
from loadtests.schedule import Arrival, Share, read_share
from loadtests.sender import Answer, Sender
from loadtests.words import ASK, BEGIN, ENDED, HALT, MAKER, PREPARE, PREPARED, REPORT, TOLD, Figures, Targets

log = logging.getLogger("locust.springtide")

REPORT_S = 1.0
ANSWERS_S = 2.0
"""How long answers are waited for after a halt (ours)."""


class Worker:
    """One process's share of a run."""

    def __init__(self, environment: Environment, names: dict[str, str], maker: str = MAKER) -> None:
        """`names` is what Locust calls each kind of sender."""
        assert environment.runner is not None, "a worker belongs to a runner"
        self._environment = environment
        self._runner: Runner = environment.runner
        self._names = names
        self._maker = maker
        self._folder = tempfile.TemporaryDirectory(prefix="springtide-share-")
        self._begun = Event()
        self._ended = False
        self._halted_s = 0.0
        self._arrivals: Arrivals | None = None
        self._figures = Figures()
        self._last_ms = 0
        hears = {PREPARE: self._prepare, ASK: self._tell, BEGIN: self._begin, HALT: self._halt}
        for word, listener in hears.items():
            self._runner.register_message(word, listener, concurrent=True)

    def walk(self, kind: str) -> None:
        """Everything of this kind; returns after its last arrival."""
        self._begun.wait()
        if self._arrivals is not None:
            self._arrivals.walk(kind, read_share(Path(self._folder.name), kind))

    def close(self) -> None:
        """Leave nothing behind."""
        self._folder.cleanup()

    # ---------------------------------------------------------------- what the master says

    def _prepare(self, environment: Environment, msg: Any) -> None:
        gevent.spawn(self._make_share, msg.data)

    def _make_share(self, order: dict[str, Any]) -> None:
        targets = Targets(**order["targets"])
        command = [sys.executable, "-m", self._maker, self._folder.name, str(order["place"]), str(order["workers"])]
        maker = Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        told, said = maker.communicate(order["load"].encode())
        if maker.returncode:
            why = said.decode(errors="replace").strip().rpartition("\n")[2]
            self._send(PREPARED, {"failed": f"the schedule could not be made: {why}"})
            return
        share = Share(**json.loads(told))
        self._last_ms = share.last_ms
        again_until_ms = share.last_ms + order["settle_ms"]
        self._arrivals = Arrivals(Sender(targets), targets.connections, again_until_ms, self._count)
        # What is there now stays: the collector need not look at it again while the run goes.
        gc.collect()
        gc.freeze()
        self._send(PREPARED, share._asdict())

    def _tell(self, environment: Environment, msg: Any) -> None:
        self._send(TOLD, {"sent_s": msg.data["sent_s"], "wall_s": time()})

    def _begin(self, environment: Environment, msg: Any) -> None:
        assert self._arrivals is not None, "it was prepared before it begins"
        self._arrivals.begin(monotonic() + msg.data["wall_s"] - time())
        self._begun.set()
        gevent.spawn(self._report)

    def _halt(self, environment: Environment, msg: Any) -> None:
        self._halted_s = monotonic()
        if self._arrivals is not None:
            self._arrivals.stop()
        self._begun.set()

    # ---------------------------------------------------------------- what it says

    def _report(self) -> None:
        arrivals = self._arrivals
        assert arrivals is not None, "it has begun"
        while not self._ended:
            at_s, busy_s = monotonic(), process_time()
            gevent.sleep(REPORT_S)
            if 0 < arrivals.now_ms() <= self._last_ms + 1_000 * REPORT_S:
                self._figures.cpu.append(round((process_time() - busy_s) / (monotonic() - at_s), 3))
            walked = arrivals.now_ms() > 0 and not arrivals.walks
            given_up = self._halted_s and monotonic() > self._halted_s + ANSWERS_S
            self._ended = bool(given_up or (walked and not arrivals.open))
            self._figures.started, self._figures.open = arrivals.started, arrivals.open
            self._figures.without_place = arrivals.without_place
            report = {"rows": arrivals.rows(), **self._figures.as_message()}
            self._send(ENDED if self._ended else REPORT, report)

    def _count(self, row: Row, arrival: Arrival, answer: Answer) -> None:
        """Into Locust's own statistics; its response times count from the intended instant, as ours do."""
        why = failed(answer)
        self._environment.events.request.fire(
            request_type=arrival.method,
            name=self._names[row.kind],
            response_time=row.ended_ms - row.intended_ms,
            response_length=answer.bytes,
            exception=why or None,
            context={},
        )

    def _send(self, word: str, data: dict[str, Any]) -> None:
        self._runner.send_message(word, data)
