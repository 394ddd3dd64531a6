"""Service times out of a live run: how fast the ERP was, and what the runtime itself needed.

    metrics.prom ─▶ springtide_call_seconds (send_batch) ─▶ log-normal: p50, p99 ─▶ world.erp.latency
              └───▶ springtide_journal_commit_seconds    ─▶ mean ─┐
    requests.csv ─▶ from request to answer: p50, p99 ─────────────┴▶ what the runtime needs (`Own`)

Rule 1. The mock ERP answers after a log-normal time and a share for each row. Its two percentiles are fitted by the
        greatest likelihood of the counts in the buckets; the share of a row cannot be told apart in them and stays as
        the scenario has it.
Rule 2. Calls that were turned away at the door took the door's time, and calls that nobody answered took as long as
        the runtime waited. Both are known by number and taken out of their buckets first.
Rule 3. The runtime measures from the outside: the way there and back is in its numbers. On one machine that is a
        millisecond or two, and is left in.
Rule 4. A fit says how far it is from what was counted. Where that is more than a tenth of all calls at some bucket the
        times are not log-normal, and a prediction made with them is off at the tail.
"""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from statistics import NormalDist

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runtime.cli import BadInputError
from runtime.core.value import value
from scenarios.judge import percentile
from scenarios.load.profile import LoadProfile, Own
from scenarios.load.results import METRICS_FILE, REQUESTS, read_run
from scenarios.model import Scenario
from simulators.systems.erp_profile import Latency

PPM = 1_000_000
CALLS_LEAST = 50
"""Fewer calls tell no 99th percentile (ours): with fifty it is the slowest one."""
ROUGH_PPM = 100_000
"""A fit that is further off at some bucket than this share of the calls is called rough (ours)."""
ROUNDS = 40
"""Of the search: each halves the step, so that the last one is far below a millisecond."""
CALL, COMMIT, CALLS, ROWS = (
    "springtide_call_seconds",
    "springtide_journal_commit_seconds",
    "springtide_calls_total",
    "springtide_attempts_total",
)
POSTING = "send_batch"
DOORS = ("throttled", "maintenance", "login", "locked_out", "connection_refused")
_NORMAL = NormalDist()
_Z99 = _NORMAL.inv_cdf(0.99)


class Fitted(BaseModel):
    """What a live run says about service times; a prediction can be made with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    latency: Latency
    """Of the ERP."""
    own: Own
    """Of the runtime."""
    assumed: Latency
    """What the run's scenario has."""
    calls: int = Field(ge=1)
    """That were fitted."""
    rows_per_call: float = Field(ge=0)
    apart_ppm: int = Field(ge=0)
    """The greatest distance between the share of calls counted up to some bucket and the fitted one."""

    @property
    def rough(self) -> bool:
        """Whether the times are hardly log-normal."""
        return self.apart_ppm > ROUGH_PPM

    @property
    def overrides(self) -> tuple[str, ...]:
        """The same as PATH=VALUE of a scenario."""
        fitted = self.latency.model_dump()
        return tuple(f"world.erp.latency.{name}={fitted[name]}" for name in ("p50_ms", "p99_ms"))


class TooFewCallsError(Exception):
    """There is not enough in the run to fit anything: one line."""


def calibrate(folder: Path, metrics: Path | None = None) -> Fitted:
    """Fit the service times of the live run in this folder. `metrics`: what /metrics said at its end.

    Raises BadInputError where one of them is missing, TooFewCallsError where too few calls were made.
    """
    run = read_run(folder)
    if run.kind != "live":
        raise BadInputError(f"{folder}: this is a simulated run, whose service times are those it was given")
    numbers = read_metrics(folder / METRICS_FILE if metrics is None else metrics)
    erp, runtime = run.profile.scenario.world.erp, run.profile.scenario.world.runtime
    spread = numbers.histogram(CALL, call=POSTING)
    outcomes = numbers.sums(CALLS, "outcome", call=POSTING)
    spread = spread.without(runtime.call_deadline_ms / 1_000, int(outcomes.get("silent", 0)))
    spread = spread.without(erp.latency.door_ms / 1_000, int(sum(outcomes.get(door, 0) for door in DOORS)))
    if spread.total < CALLS_LEAST:
        raise TooFewCallsError(f"{spread.total} calls were answered; {CALLS_LEAST} are needed to fit p99")
    rows = sum(numbers.sums(ROWS, "outcome").values())
    per_call = rows / max(1, sum(outcomes.values()))
    mu, sigma, apart = fit(spread, per_call * erp.latency.per_row_us / 1e6)
    p50_ms, p99_ms = round(math.exp(mu) * 1_000), round(math.exp(mu + sigma * _Z99) * 1_000)
    latency = erp.latency.model_copy(update={"p50_ms": max(1, p50_ms), "p99_ms": max(1, p50_ms, p99_ms)})
    own = _own(folder, numbers)
    return Fitted(
        latency=latency,
        own=own,
        assumed=erp.latency,
        calls=spread.total,
        rows_per_call=round(per_call, 1),
        apart_ppm=round(apart * PPM),
    )


def _own(folder: Path, numbers: "Numbers") -> Own:
    """What the runtime needed from a request to its answer, and for a turn."""
    commits = numbers.histogram(COMMIT)
    seconds = sum(numbers.sums(f"{COMMIT}_sum", "").values())
    turn_ms = round(seconds * 1_000 / commits.total) if commits.total else 0
    if not REQUESTS.there(folder):
        return Own(turn_ms=turn_ms)
    rows = REQUESTS.columns(folder, {"user": {}})
    # From the real start: when the generator was late, that was not the runtime.
    taken = (rows["status"] == _ACCEPTED) & (rows["items"] > 0)
    took = np.sort(np.maximum(0, rows["ended_ms"] - rows["started_ms"])[taken])
    if not len(took):
        return Own(turn_ms=turn_ms)
    return Own(intake_p50_ms=percentile(took, 50), intake_p99_ms=percentile(took, 99), turn_ms=turn_ms)


_ACCEPTED = 202


def read_fitted(path: Path) -> Fitted:
    """What `springtide calibrate --out` wrote. Raises BadInputError."""
    try:
        return Fitted.model_validate_json(path.read_bytes())
    except OSError as fault:
        why = (fault.strerror or "cannot be read").lower()
        raise BadInputError(f"{path}: {why}; springtide calibrate LIVE_RUN --out FILE writes one") from fault
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BadInputError(f"{path}: {where}: {first['msg'].lower()}; calibrate anew") from fault


def with_fitted(profile: LoadProfile, fitted: Fitted) -> LoadProfile:
    """The same load at an ERP, and by a runtime, that are as fast as they were measured to be."""
    return profile.model_copy(update={"scenario": with_latency(profile.scenario, fitted.latency), "own": fitted.own})


def with_latency(scenario: Scenario, latency: Latency) -> Scenario:
    """The scenario with an ERP that answers so fast."""
    world = scenario.world
    erp = world.erp.model_copy(update={"latency": latency})
    return scenario.model_copy(update={"world": world.model_copy(update={"erp": erp})})


# ------------------------------------------------------------------ numbers in buckets


@value
class Spread:
    """How many took how long: `counts[i]` up to `bounds[i]` seconds and beyond the bound before, the last one above."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """Of all buckets."""
        return sum(self.counts)

    def without(self, seconds: float, many: int) -> "Spread":
        """Without so many that took at least so long: out of the bucket that holds it, then out of slower ones."""
        counts = list(self.counts)
        for at in range(len(counts)):
            if at < len(self.bounds) and self.bounds[at] < seconds:
                continue
            gone = min(many, counts[at])
            counts[at] -= gone
            many -= gone
        return Spread(self.bounds, tuple(counts))


def fit(spread: Spread, fixed_s: float) -> tuple[float, float, float]:
    """(mu, sigma) of the log-normal of seconds that fits best beside a fixed time, and how far it is off at most."""
    edges = [math.log(bound - fixed_s) if bound > fixed_s else -math.inf for bound in spread.bounds]
    observed = np.cumsum(spread.counts) / spread.total
    seen = [edge for edge in edges if edge > -math.inf]
    middle = next((e for e, share in zip(edges, observed, strict=False) if share >= 0.5 and e > -math.inf), seen[-1])
    mu, log_sigma, step = middle, 0.0, 1.0
    best = _likelihood(edges, spread.counts, mu, log_sigma)
    for _ in range(ROUNDS):
        around = [(mu + a * step, log_sigma + b * step) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b]
        found = [(_likelihood(edges, spread.counts, *one), one) for one in around]
        better, (m, s) = max(found)
        if better > best:
            best, mu, log_sigma = better, m, s
        else:
            step /= 2
    sigma = math.exp(log_sigma)
    shares = [_share(edge, mu, sigma) for edge in edges]
    apart = max(abs(share - known) for share, known in zip(shares, observed, strict=False))
    return mu, sigma, float(apart)


def _share(edge: float, mu: float, sigma: float) -> float:
    return 0.0 if edge == -math.inf else _NORMAL.cdf((edge - mu) / sigma)


def _likelihood(edges: Sequence[float], counts: Sequence[int], mu: float, log_sigma: float) -> float:
    sigma = math.exp(min(5.0, max(-5.0, log_sigma)))
    below, total = 0.0, 0.0
    for edge, count in zip([*edges, math.inf], counts, strict=True):
        upto = 1.0 if edge == math.inf else _share(edge, mu, sigma)
        if count:
            total += count * math.log(max(1e-12, upto - below))
        below = upto
    return total


# ------------------------------------------------------------------ what /metrics says


class Numbers:
    """The samples of one scrape."""

    def __init__(self, samples: dict[tuple[str, tuple[tuple[str, str], ...]], float]) -> None:
        self._samples = samples

    def histogram(self, name: str, **labels: str) -> Spread:
        """All series of a histogram with these labels together."""
        upto: dict[float, float] = {}
        for (found, told), number in self._samples.items():
            about = dict(told)
            if found == f"{name}_bucket" and labels.items() <= about.items():
                bound = math.inf if about["le"] == "+Inf" else float(about["le"])
                upto[bound] = upto.get(bound, 0) + number
        bounds = sorted(upto)
        cumulated = [int(upto[bound]) for bound in bounds]
        counts = [b - a for a, b in zip([0, *cumulated], cumulated, strict=False)]
        return Spread(tuple(bound for bound in bounds if bound < math.inf), tuple(counts))

    def sums(self, name: str, by: str, **labels: str) -> dict[str, float]:
        """Sums of a counter by one of its labels."""
        found: dict[str, float] = {}
        for (sample, told), number in self._samples.items():
            about = dict(told)
            if sample == name and labels.items() <= about.items():
                found[about.get(by, "")] = found.get(about.get(by, ""), 0) + number
        return found


_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \d+)?")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def read_metrics(path: Path) -> Numbers:
    """The samples in a file with what GET /metrics answered. Raises BadInputError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        why = (getattr(fault, "strerror", None) or "cannot be read").lower()
        raise BadInputError(
            f"{path}: {why}; save what GET /metrics says at the end of the run there, or give --metrics FILE"
        ) from fault
    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        told = _SAMPLE.fullmatch(line.strip())
        try:
            if told is None:
                raise ValueError("it is no sample")
            samples[told[1], tuple(_LABEL.findall(told[2] or ""))] = float(told[3])
        except ValueError as fault:
            raise BadInputError(f"{path}: line {number}: {fault}; give what GET /metrics answered") from fault
    return Numbers(samples)
