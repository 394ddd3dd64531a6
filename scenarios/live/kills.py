"""The embedded process is killed with SIGKILL at random moments, over and over, while senders deliver.

    for each kill    release the next entries ─▶ start ─▶ wait for the moment that chance names ─▶ SIGKILL
    at the end       start once more ─▶ everything is acknowledged ─▶ settled ─▶ SIGTERM ─▶ audit, journals

Moments are named by what can be seen from outside, and each lies a few milliseconds behind it, by chance under the
seed: a start, a delivery in the air, growth of a write-ahead log (a commit is being written), growth by many pages
(a large commit, and the checkpoint behind it), an acknowledgement (its rows are posted next), and nothing at all.
What a kill really met is told by what it left: a delivery without an answer, a log with a step that was half written,
rows that the next process finds in doubt because they were on the wire.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from runtime.core.model import Place
from scenarios.live.burst import Burst, Traffic
from scenarios.live.deployment import START_SECONDS, Deployment, MockFirm
from scenarios.live.parts import Part, wait_for
from scenarios.live.timeline import TimeLine
from scenarios.live.verdict import Verdict, audit, check_journals
from scenarios.live.watch import Look, look
from simulators.chance import between, chance

STARTING, INTAKE, COMMIT, CHECKPOINT, POSTING, ANY = "starting", "intake", "commit", "checkpoint", "posting", "any"
LATER_MS = {STARTING: 1_200, INTAKE: 15, COMMIT: 2, CHECKPOINT: 5, POSTING: 500, ANY: 3_000}
"""How long after what can be seen a kill comes, at most. An acknowledged row lingers 200 ms, and is posted then."""
TRIGGER_SECONDS = 2.0
"""What chance waits for may not come; then the kill comes without it."""
CHECKPOINT_BYTES = 96 * 1024
"""A log that grows by so much at once: some thirty rows of 3 KB."""
FAST = (
    "world.runtime.call_deadline_ms=1000",
    "world.runtime.late_landing_ms=1000",
    'world.erp.latency={"p50_ms": 40, "p99_ms": 250, "per_row_us": 10, "door_ms": 1}',
)
"""The mock ERP lets nothing land after its caller is gone, so doubt may be asked about soon; and it takes its time,
so that calls are on the wire when a kill comes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How often, and meanwhile what."""

    kills: int = 50
    traffic: Traffic = field(default_factory=Traffic)
    firm: MockFirm = field(default_factory=lambda: MockFirm(overrides=FAST))
    checkpoint_every: int = 64
    settle_seconds: float = 90.0

    def moment(self, number: int) -> str:
        """What this kill waits for: each kind in turn, in an order that chance makes."""
        kinds = sorted(
            LATER_MS, key=lambda kind: chance(self.traffic.seed, "live/moment", number // len(LATER_MS), kind)
        )
        return kinds[number % len(kinds)]

    def later_ms(self, number: int) -> int:
        """How long after it."""
        return between(0, LATER_MS[self.moment(number)], self.traffic.seed, "live/later", number)


@dataclass(slots=True)
class Met:
    """What kills met."""

    moments: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    """Moments that did not come; the kill came without them."""
    deliveries: int = 0
    """Kills while a delivery was in the air."""
    before_ready: int = 0
    doubt: int = 0
    """Kills after which rows were found in doubt: a call was on the wire."""
    torn: int = 0
    """Kills that left a durable step half written at the end of a log."""
    by_itself: int = 0
    """Times that the process was gone before it was killed: never."""

    def told(self) -> dict[str, Any]:
        """For machines."""
        return {
            "moments": dict(sorted(self.moments.items())),
            "moments_missed": dict(sorted(self.missed.items())),
            "with_a_delivery_in_the_air": self.deliveries,
            "before_it_was_ready": self.before_ready,
            "with_calls_on_the_wire": self.doubt,
            "with_a_step_half_written": self.torn,
            "ended_by_itself": self.by_itself,
        }


def prove_kills(plan: Plan, folder: Path, timeline: TimeLine) -> dict[str, Any]:
    """Run it; the figures, with "exit" as in DESIGN.md: 0 held, 3 violated, 4 not settled, 5 proved nothing."""
    met = Met()
    with ExitStack() as stack:
        journal = {
            "kind": "sqlite",
            "directory": str(folder / "journal"),
            "checkpoint_every": plan.checkpoint_every,
        }
        deployment = Deployment(stack, folder, plan.firm, {"journal": journal})
        burst = Burst(deployment.mocks, deployment.gateway, deployment.region_of, plan.traffic)
        stack.callback(burst.stop)
        with deployment.serve() as first:
            first.hears(START_SECONDS)
            deployment.publish_reference_data()
            timeline.note("begun", f"serving {len(deployment.region_of)} entities; {plan.kills} kills to come")
        burst.start()
        for number in range(plan.kills):
            with deployment.serve() as runtime:
                _strike(plan, number, runtime, burst, deployment, met, timeline)
        with deployment.serve() as last:
            last.hears(START_SECONDS)
            burst.release(plan.traffic.entries)
            wait_for("every entry is acknowledged", plan.settle_seconds, lambda: burst.finished)
            timeline.note("delivered", f"every version is acknowledged: {len(burst.acknowledged):,}")
            settled = _settle(deployment, plan.settle_seconds)
            timeline.note("settled", f"{settled.places[Place.POSTED]:,} posted, {settled.unsettled:,} on their way")
            verdict = Verdict(audit(deployment.mocks, deployment.gateway, burst.versions))
            last.end()
        check_journals(verdict, deployment.settings, deployment.environ, burst.acknowledged)
    _judge(verdict, plan, met, burst)
    return {
        "kills": plan.kills,
        "versions": len(burst.versions),
        **verdict.told(),
        "met": met.told(),
        "deliveries": dict(sorted(burst.answers.items())),
        "duplicates_answered": burst.duplicates,
        "seconds": timeline.now_ms() / 1_000,
    }


def _strike(
    plan: Plan, number: int, runtime: Part, burst: Burst, deployment: Deployment, met: Met, timeline: TimeLine
) -> None:
    """Let the process live until its moment, and kill it."""
    moment, later_ms = plan.moment(number), plan.later_ms(number)
    released = plan.traffic.entries * (number + 1) // (plan.kills + 1)
    logs = Path(deployment.settings.journal.directory)
    doubt, came = 0, True
    if moment == STARTING:
        burst.release(released)
    else:
        runtime.hears(START_SECONDS)
        found = look(deployment.gateway)
        doubt = found.places[Place.IN_DOUBT] if found is not None else 0
        sign = _sign(moment, burst, logs)
        burst.release(released)
        came = _wait_until(sign)
    sleep(later_ms / 1_000)
    flying = burst.in_the_air
    met.by_itself += not runtime.lives
    runtime.kill()
    torn = sum(map(is_torn, logs.glob("*.sqlite-wal")))
    met.moments[moment] += 1
    met.missed[moment] += not came
    met.deliveries += flying > 0
    met.before_ready += moment == STARTING
    met.doubt += doubt > 0
    met.torn += torn > 0
    timeline.note(
        "killed",
        f"kill {number + 1:2d} ({moment}, {later_ms} ms later): {len(burst.acknowledged):,} acknowledged, "
        f"{flying} deliveries in the air, {torn} logs torn; this process began with {doubt} rows in doubt",
    )


def _sign(moment: str, burst: Burst, journal: Path) -> Callable[[], bool]:
    """What can be seen of a moment from outside."""
    match moment:
        case "intake":
            return lambda: burst.in_the_air > 0
        case "posting":
            before = len(burst.acknowledged)
            return lambda: len(burst.acknowledged) > before
        case "commit" | "checkpoint":
            least = CHECKPOINT_BYTES if moment == CHECKPOINT else 1
            sizes = _log_sizes(journal)

            def grew() -> bool:
                now = _log_sizes(journal)
                found = any(size - sizes.get(name, 0) >= least for name, size in now.items())
                sizes.update(now)
                return found

            return grew
    return lambda: True


def _log_sizes(journal: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in journal.glob("*.sqlite-wal")}


def is_torn(log: Path) -> bool:
    """Whether a write-ahead log ends in a step without its commit mark.

    Documented (sqlite.org, "WAL-mode file format"): a header of 32 bytes with the size of a page at 8 and the salts at
    16, then frames of 24 bytes and a page. A frame has its commit mark at 4 and repeats the salts at 8, or it is old.
    """
    written = log.read_bytes()
    page, salts = int.from_bytes(written[8:12]), written[16:24]
    at, committed = 32, True
    while page and written[at + 8 : at + 16] == salts:
        committed = any(written[at + 4 : at + 8]) and at + 24 + page <= len(written)
        at += 24 + page
    return not committed


def _wait_until(sign: Callable[[], bool]) -> bool:
    until_s = monotonic() + TRIGGER_SECONDS
    while monotonic() < until_s:
        if sign():
            return True
        sleep(0.0005)
    return False


def _settle(deployment: Deployment, seconds: float) -> Look:
    """Wait until nothing is left to do, or as long as it may take; how it stands then."""
    until_s = monotonic() + seconds
    while True:
        found = look(deployment.gateway)
        if found is not None and (found.settled or monotonic() > until_s):
            return found
        sleep(0.25)


def _judge(verdict: Verdict, plan: Plan, met: Met, burst: Burst) -> None:
    """What else has to be true, or the run proved nothing."""
    if burst.refused:
        verdict.violations.append(f"{len(burst.refused)} versions were refused: {next(iter(burst.refused.values()))}")
    if met.by_itself:
        verdict.violations.append(f"{met.by_itself} times the process had ended by itself")
    if verdict.audit["standing"] * 2 < plan.traffic.entries:
        verdict.unproved.append("less than half of the entries came to stand")
    for name, number in (("a delivery in the air", met.deliveries), ("calls on the wire", met.doubt)):
        if not number:
            verdict.unproved.append(f"no kill met {name}")
