"""A host is stopped for longer than its lease, another takes its partition over, and then the first one goes on.

    zombie     carry ─▶ post ─▶ SIGSTOP at a place ·········································· SIGCONT ─▶ ?
    successor                    waits for the lease to end ─▶ carry ─▶ post ─▶ settled      ─▶ post ─▶ settled

    Z1   the zombie makes nothing durable after it went on, and what it is asked to take in is refused
    Z2   the journal holds what the zombie committed before and what the successor committed, and its chain verifies
    Z3   nothing of the zombie reaches the ERP after it went on, but for one case:
    Z4   stopped between its last look at the lease and a send, it sends once more. An ERP that honours keys absorbs
         that. For one that does not, `springtide serve` prints the assumption, and what stands twice is told here.

Two processes on one SQLite directory; see `zombie_host` for the places. Cases run side by side, each with an entity
and a journal of its own, since most of a case is waiting.
"""

import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from runtime.commands.serve import assumptions
from runtime.journal.sqlite import SqliteStore
from scenarios.live.burst import Line, read_line
from scenarios.live.deployment import START_SECONDS, Deployment, MockFirm
from scenarios.live.parts import Part, wait_for
from scenarios.live.timeline import TimeLine
from scenarios.live.verdict import Verdict, audit
from scenarios.live.zombie_host import BEFORE_INTAKE, BEFORE_SEND, IDLE, PLACES

LEASE_MS, MARGIN_MS = 2_500, 800
PHASES = ("before", "when_stopped", "taken_over", "afterwards")
"""Entries are delivered at four times."""
ENTRIES = 20
"""So many each time."""
SETTLE_SECONDS = 40.0
FAST = ("world.runtime.call_deadline_ms=1000", "world.runtime.late_landing_ms=1000")
UNKEYED = "none"
"""The ERP profile that keeps no second row under one key out."""


@dataclass(slots=True)
class Told:
    """What came of one case."""

    place: str
    epochs: tuple[int, int] = (0, 0)
    refused: str = ""
    """What the zombie said to somebody who delivered after it went on."""
    rows_sent: int = 0
    """Rows that reached the ERP's door from the zombie after it went on."""
    zombie_steps: dict[str, int] = field(default_factory=dict)
    successor_steps: dict[str, int] = field(default_factory=dict)
    frames: int = 0
    broken: list[str] = field(default_factory=list)
    """Promises that did not hold."""


def prove_zombies(
    folder: Path, timeline: TimeLine, profile: str = "", places: Sequence[str] = PLACES, seed: int = 1
) -> dict[str, Any]:
    """Run these cases against an ERP of this profile.

    The figures, with "exit": 0 held, 3 violated. What stands twice in an ERP that honours no keys is no violation, but
    the printed assumption come false: "excused" names it.
    """
    with ExitStack() as stack:
        journal = {"kind": "sqlite", "lease_ms": LEASE_MS, "lease_margin_ms": MARGIN_MS}
        firm = MockFirm(len(places), min(len(places), 2), min(len(places), 2), seed, profile, FAST)
        deployment = Deployment(stack, folder, firm, {"journal": journal})
        asked = {"entries": ENTRIES * len(PHASES) * len(places)}
        lines = [read_line(body) for body in deployment.mocks.must("POST", "/admin/approve", asked).splitlines()]
        reference = deployment.mocks.must("GET", "/admin/reference?as=ndjson").splitlines()
        for entity in deployment.region_of:
            _write_files(folder, entity, [one for one in lines if one.about.entity == entity], reference)
        with ThreadPoolExecutor(len(places)) as threads:
            running = [
                threads.submit(_case, deployment, entity, place, folder, timeline)
                for entity, place in zip(deployment.region_of, places, strict=True)
            ]
            cases = [one.result() for one in running]
        verdict = Verdict(audit(deployment.mocks, deployment.gateway, [one.about for one in lines]))
        honoured = all(one.honours_keys for one in deployment.settings.accounts.values())
        assumed = [text for text in assumptions(deployment.settings) if "under one key" in text]
    verdict.violations += [f"{case.place}: {what}" for case in cases for what in case.broken]
    twice = verdict.audit["double"]
    if not honoured:
        if not assumed:
            verdict.violations.append("the assumption about keys is not printed")
        if twice > sum(case.rows_sent for case in cases):
            verdict.violations.append(f"{twice} entries stand twice, more than the zombie sent")
        verdict.excused = ("double", "wrong_amount")
    return {
        **verdict.audit,
        "violations": verdict.violations,
        "exit": verdict.code,
        "honours_keys": honoured,
        "assumptions_printed": assumed,
        "excused": verdict.excused,
        "cases": [asdict(case) for case in cases],
        "seconds": timeline.now_ms() / 1_000,
    }


def _write_files(folder: Path, entity: str, lines: Sequence[Line], reference: Sequence[bytes]) -> None:
    for number, phase in enumerate(PHASES):
        part = [line.body for line in lines[number * ENTRIES : (number + 1) * ENTRIES]]
        _file(folder, entity, phase).write_bytes(b"\n".join(part))
    needle = f'"entity":"{entity}"'.encode()
    _file(folder, entity, "reference").write_bytes(b"\n".join(line for line in reference if needle in line))


def _file(folder: Path, entity: str, phase: str) -> Path:
    return folder / f"{entity}-{phase}.ndjson"


class _Host:
    """A host program, and what it said that nobody asked for yet."""

    def __init__(self, part: Part, entity: str, folder: Path) -> None:
        self.part = part
        self._entity = entity
        self._folder = folder
        self._heard: list[dict[str, Any]] = []
        self.hears("host")

    def hears(self, word: str, seconds: float = START_SECONDS) -> dict[str, Any]:
        """The next line with this word in it; others are kept."""
        until_s = monotonic() + seconds
        while True:
            for line in self._heard:
                if word in line:
                    self._heard.remove(line)
                    return line
            self._heard.append(self.part.hears(max(0.1, until_s - monotonic())))

    def takes(self, phase: str) -> None:
        """Deliver a file, and do not wait."""
        self.part.say(do="take", file=str(_file(self._folder, self._entity, phase)))

    def settles(self) -> None:
        """Wait until it has nothing left to do."""

        def settled() -> bool:
            self.part.say(do="report")
            return bool(self.hears("report")["report"]["idle"])

        wait_for(f"{self.part.name} settles", SETTLE_SECONDS, settled, every_s=0.2)

    def steps(self) -> dict[str, int]:
        """End it; what it made durable."""
        self.part.end()
        told: dict[str, int] = self.hears("steps")["steps"]
        return told


def _case(deployment: Deployment, entity: str, place: str, folder: Path, timeline: TimeLine) -> Told:
    told = Told(place)
    directory = folder / f"journal-{place}"

    def start(name: str) -> Part:
        program = [sys.executable, "-m", "scenarios.live.zombie_host"]
        return Part(
            f"{name}-{place}",
            [*program, str(deployment.config), name, entity, str(directory)],
            folder,
            deployment.environ,
        )

    with start("zombie") as first, start("successor") as second:
        zombie, successor = _Host(first, entity, folder), _Host(second, entity, folder)
        first.say(do="carry")
        before = zombie.hears("carries")["carries"]
        for phase in ("reference", "before"):
            zombie.takes(phase)
            zombie.hears("took")
        zombie.settles()

        first.say(do="stop_at", place=place)
        zombie.takes("when_stopped")
        zombie.hears("stopping")
        wait_for(f"{place}: the zombie is stopped", 10.0, lambda: _is_stopped(first.process.pid))
        timeline.note("stopped", f"{place}: a host of {entity} is stopped")

        second.say(do="carry")
        told.epochs = (before, successor.hears("carries")["carries"])
        timeline.note("taken_over", f"{place}: another host carries {entity} under epoch {told.epochs[1]}")
        for phase in ("when_stopped", "taken_over"):
            # Whoever delivered to the zombie and got no answer delivers again.
            successor.takes(phase)
            successor.hears("took")
        successor.settles()

        rows = _rows_at_the_door(deployment, entity)
        first.process.send_signal(signal.SIGCONT)
        zombie.hears("resumed")
        zombie.takes("afterwards")
        told.refused = _refusal(zombie, place)
        if place == BEFORE_SEND:
            zombie.hears("sent")
            wait_for("the zombie's batch is at the door", 5.0, lambda: _rows_at_the_door(deployment, entity) > rows)
        told.rows_sent = _rows_at_the_door(deployment, entity) - rows
        timeline.note(
            "resumed", f"{place}: the zombie went on; {told.rows_sent} rows of it reached the ERP; {told.refused}"
        )
        successor.takes("afterwards")
        successor.hears("took")
        successor.settles()
        told.zombie_steps, told.successor_steps = zombie.steps(), successor.steps()
    _check(told, directory, entity)
    return told


def _refusal(zombie: _Host, place: str) -> str:
    """What the zombie answered to the delivery after it went on; the one that was under way was refused before."""
    if place in (IDLE, BEFORE_INTAKE):
        zombie.hears("refused")
    refused: str = zombie.hears("refused")["refused"]
    return refused


def _rows_at_the_door(deployment: Deployment, entity: str) -> int:
    """Rows that reached the door of the entity's ERP in batches, whoever sent them and whatever became of them."""
    account = deployment.settings.entities[entity].erp
    calls = deployment.mocks.must("GET", f"/admin/calls/{account}")["calls"]
    return sum(call["rows"] for call in calls if call["entity"] == entity and call["kind"] == "post")


def _is_stopped(pid: int) -> bool:
    command = ["ps", "-o", "state=", "-p", str(pid)]
    state = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # a child of ours
    return state.stdout.strip().startswith("T")


def _check(told: Told, directory: Path, entity: str) -> None:
    """Z1, Z2 and Z3."""
    zombie, successor = told.zombie_steps, told.successor_steps
    if zombie.get("commit_after", 0) or zombie.get("checkpoint_after", 0):
        told.broken.append("the zombie made something durable after it went on")
    if told.epochs[1] <= told.epochs[0]:
        told.broken.append("the successor has no higher epoch")
    if told.rows_sent != (ENTRIES if told.place == BEFORE_SEND else 0):
        told.broken.append(f"{told.rows_sent} rows of the zombie reached the ERP")
    store = SqliteStore(directory)
    try:
        (owner,) = [one for one in store.owners() if one.name == entity]
        told.frames = store.journal(owner).verify()
        if owner.epoch != told.epochs[1]:
            told.broken.append(f"the directory says epoch {owner.epoch}, not {told.epochs[1]}")
    finally:
        store.close()
    if told.frames != zombie.get("commit_before", 0) + successor.get("commit_before", 0):
        told.broken.append("the journal holds other frames than those that were committed by its owners")
