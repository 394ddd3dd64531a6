"""What a generator is told to do, and what master and workers tell each other, as custom messages of Locust.

    master                                         worker
      PREPARE  place, workers, load, targets ─▶   makes its share of the schedule
                                                 ◀─  PREPARED  share, or why it failed
      ASK      sent_s                           ─▶
                                                 ◀─  TOLD      sent_s, wall_s, some times: whose clock is where
      BEGIN    wall_s, by the worker's own clock ─▶  run time 0
                                                 ◀─  REPORT    rows and figures, every second
      HALT                                      ─▶   nothing arrives any more
                                                 ◀─  ENDED     when everything was answered

In a process of its own, without workers elsewhere, master and worker are two objects and Locust calls one for the
other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loadtests.bottleneck import LATE_P99_MS

LOCUST_PAGE = "locust.html"
"""Locust's own report, beside ours."""
MAKER = "loadtests.make_share"
"""The program that makes a share; a process of its own, since it takes long and leaves much behind."""

PREPARE = "springtide.prepare"
PREPARED = "springtide.prepared"
ASK = "springtide.ask"
TOLD = "springtide.told"
BEGIN = "springtide.begin"
REPORT = "springtide.report"
HALT = "springtide.halt"
ENDED = "springtide.ended"


@dataclass(slots=True)
class Figures:
    """What a worker says of itself."""

    started: int = 0
    """Arrivals of the schedule whose instant has come."""
    open: int = 0
    """Under way, or waiting to be delivered again."""
    without_place: int = 0
    """Arrivals that found every connection taken."""
    cpu: list[float] = field(default_factory=list)
    """Share of one core that the process took, second by second of the time of arrivals."""

    def as_message(self) -> dict[str, Any]:
        """As it crosses the network."""
        return {"started": self.started, "open": self.open, "without_place": self.without_place, "cpu": self.cpu}


@dataclass(frozen=True, slots=True)
class Targets:
    """Whom requests go to, and what opens their doors."""

    runtime: str
    """Its address."""
    source: str = ""
    """The address of the mock systems, where deliveries go that are for the source."""
    key: str = ""
    """The bearer key of the runtime."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Of sources that sign their webhooks."""
    connections: int = 500
    """To each of them, at once."""
    patience_s: float = 30.0
    """How long an answer is waited for."""


@dataclass(slots=True)
class Order:
    """What a master is to run."""

    load: str
    """What the maker of shares reads on its standard input."""
    targets: dict[str, Any]
    """See `Targets`."""
    settle_ms: int
    """How long after the last arrival may be delivered again."""
    start_at_ms: int = 0
    """Wall clock, ms UTC, at which it should begin; later where the workers are not prepared by then."""
    workers: int = 1
    late_p99_ms: float = LATE_P99_MS


UNSENT, UNANSWERED, TAKEN_IN, REFUSED = range(4)
"""What became of a delivery; one byte for each in OUTCOMES."""
OUTCOMES = "outcomes.bin"
ITEMS_REFUSED = "items_refused.ndjson"
"""A line for each delivery of which a part was refused: [number, [[place in the body, why], …]]."""


@dataclass(slots=True)
class Task:
    """What this process is for."""

    role: str
    """ "alone", "master" or "worker"."""
    folder: str = ""
    """Where a master puts the files of the run."""
    scratch: str = ""
    """Where it puts what is needed for other files of the run."""
    order: dict[str, Any] = field(default_factory=dict)
    """See `Order`."""
    master_host: str = "127.0.0.1"
    """Where a worker finds its master, or where a master listens."""
    master_port: int = 5557
    web_host: str = "127.0.0.1"
    web_port: int = 0
    """Of Locust's web page; 0: none, and the run begins by itself."""
    maker: str = MAKER
    """The program that makes a worker's share of the schedule."""
