"""A whole load run: the schedule, the load, the waiting, and the folder that is left.

    generator's processes ─▶ begun ─▶ misfortunes, a look every second ─▶ arrivals are over ─▶ settled?
                                                                                                  │
         run.json ◀── approved.csv, what was given up ◀── the ledger, places, journals  ◀─────────┘

Rule 1. Run time 0 is told by the clock that stamps the ledger: ours, corrected by what that clock shows more.
Rule 2. run.json is there from the first moment on, as that of an interrupted run. Only a run that came to its end is
        marked as whole, so whatever ends us leaves no folder that claims too much.
Rule 3. A load that was cut off is not waited for. What stands by then is counted, and marked as a part.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep, time
from typing import Any, Protocol

from loadtests.bottleneck import LATE_P99_MS
from loadtests.crew import Crew, Size
from loadtests.preflight import Checked
from loadtests.senders_word import senders_word
from loadtests.words import Order, Targets
from scenarios.load.deliveries import Entry, deliveries
from scenarios.load.profile import LoadProfile, Shape
from scenarios.load.results import Findings, GeneratorFigures, LoadRun, Outage, write_run

MAKING_S, MAKING_S_PER_PERSON, MAKING_S_PER_ROW = 2.0, 0.00015, 0.0001
"""How long a schedule takes to be made (measured: 10 s for an hour of a firm of 50,000 at 1.5 times its peak; 80 µs a
row). Events say when they were decided, so the start has to be guessed before they are made."""
LOOK_S = 0.5


class Around(Protocol):
    """What is loaded, and what happens there besides."""

    @property
    def outages(self) -> tuple[Outage, ...]:
        """What was away, and when."""

    def begin(self, started_at_ms: int) -> None:
        """Run time 0 is at this instant, ms UTC; misfortunes are set, and looks begin."""

    def settled(self) -> bool:
        """Whether nothing is left to do."""

    def standing(self) -> str:
        """How far everything is, in words."""

    def finish(self, unanswered: Iterable[Entry] = (), *, whole: bool = True) -> Findings:
        """Write down what is known at the end. `whole`: that everything was sent."""


Tell = Callable[[Mapping[str, Any]], None]
"""Told of what happens, as the generator tells it: `word`, and numbers."""


class Load:
    """One run of a profile."""

    def __init__(
        self,
        profile: LoadProfile,
        targets: Targets,
        checked: Checked,
        around: Around,
        folder: Path,
        size: Size,
        tell: Tell,
        late_p99_ms: float = LATE_P99_MS,
    ) -> None:
        """Files go to `folder`, which is there."""
        self._profile = profile
        self._targets = targets
        self._checked = checked
        self._around = around
        self._folder = folder
        self._size = size
        self._tell = tell
        self._late_p99_ms = late_p99_ms
        self._events_at_ms = 0
        self._started_at_ms = 0

    def happens(self) -> LoadRun:
        """Run it to its end, or to where it is cut off.

        Raises PartFailedError where a part is gone, KeyboardInterrupt where it was cut off before it began.
        """
        with TemporaryDirectory(prefix="springtide-load-") as scratch:
            order = self._order()
            with Crew(self._folder, Path(scratch), order, self._size) as crew:
                ended = crew.run(self._hear)
                if not self._started_at_ms:
                    # Cut off before anything was sent: there is nothing to count.
                    raise KeyboardInterrupt
                interrupted = bool(ended["interrupted"]) or not self._waited()
                ended_ms = self._now_ms()
                self._tell({"word": "counting"})
                run = self._count(Path(scratch), ended, ended_ms, interrupted)
                self._tell({"word": "counted"})
        return run

    def _order(self) -> Order:
        profile = self._profile
        ours_ms = int((time() + _making_s(profile)) * 1_000)
        self._events_at_ms = ours_ms + self._checked.clock.ahead_ms
        load = {
            "profile": json.loads(profile.model_dump_json()),
            "started_at_ms": self._events_at_ms,
            "source": bool(self._targets.source),
        }
        return Order(json.dumps(load), asdict(self._targets), profile.settle_ms, ours_ms, late_p99_ms=self._late_p99_ms)

    def _hear(self, line: Mapping[str, Any]) -> None:
        if line["word"] == "begun":
            self._started_at_ms = line["started_at_ms"] + self._checked.clock.ahead_ms
            write_run(self._folder, self._run(None, 0, True))
            self._around.begin(self._started_at_ms)
        self._tell(line)

    def _now_ms(self) -> int:
        return int(time() * 1_000) + self._checked.clock.ahead_ms - self._started_at_ms

    def _waited(self) -> bool:
        """Wait until nothing is left to do, or as long as the profile says; False where a person had enough."""
        until_s = monotonic() + self._profile.settle_ms / 1_000
        try:
            while not self._around.settled() and (left_s := until_s - monotonic()) > 0:
                self._tell({"word": "settling", "left_s": left_s, "standing": self._around.standing()})
                sleep(LOOK_S)
        except KeyboardInterrupt:
            return False
        return True

    def _count(self, scratch: Path, ended: Mapping[str, Any], ended_ms: int, interrupted: bool) -> LoadRun:
        schedule = deliveries(self._profile, self._events_at_ms, source=bool(self._targets.source))
        said = senders_word(scratch, schedule, self._folder)
        given_up = [Entry(one.entry_id, one.version, one.entity) for one in said.given_up]
        self._around.finish(given_up, whole=not said.unsent)
        run = self._run(GeneratorFigures(**ended["figures"]), ended_ms, interrupted)
        write_run(self._folder, run)
        return run

    def _run(self, figures: GeneratorFigures | None, ended_ms: int, interrupted: bool) -> LoadRun:
        return LoadRun(
            kind="live",
            profile=self._profile,
            started_at_ms=self._started_at_ms,
            ended_ms=ended_ms,
            url=self._targets.runtime,
            runtime_version=self._checked.version,
            interrupted=interrupted,
            generator=figures,
            outages=self._around.outages if ended_ms else (),
        )


def _making_s(profile: LoadProfile) -> float:
    people = MAKING_S + profile.scenario.world.firm.consultants * profile.volume * MAKING_S_PER_PERSON
    if profile.shape is Shape.SUSTAINED:
        return people + profile.rows_per_s * profile.run_ms / 1_000 * MAKING_S_PER_ROW
    return people
