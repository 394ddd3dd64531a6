"""A prediction beside the measurement of the same load.

    simulated run ─┐
                   ├─ the same profile? ─▶ percentiles, throughput, backlog, drains: predicted, measured, how far apart
    live run ──────┘

Rule 1. Both are of one load: scenario, seed, shape, window, factor, volume. Runs of different loads are not compared.
        The ERP's service times may differ: a prediction can be made with fitted ones.
Rule 2. The distance is that of the prediction from the measurement, in parts per million of the measurement.
Rule 3. The aims are ours: within 10 % at p50 and p95, within 15 % at p99 and for drains. What has no aim is shown.
Rule 4. A drain is over when 99 in 100 of the versions stand that waited when the outage ended. The last of them may
        have met a lost answer, which one run has there and another elsewhere; when it came is shown and has no aim.
Rule 5. A run that was cut off, or whose generator was the bottleneck, measured another load: that proves nothing.
Rule 6. Where the prediction has several draws of the systems' chance, it is their median, and the band from the least
        to the greatest of them stands beside it. A measurement within the band is as far off as chance alone is; it
        does not hold the aim for that.
Rule 7. What is not reached is explained as far as the runs can tell: what the gateway and the generator took, and
        where a percentile lies on a step of the curve, so that a few rows more or fewer move it far.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from runtime.cli import BadInputError
from runtime.core.value import value
from scenarios.judge import percentile
from scenarios.load.calibrate import with_latency
from scenarios.load.predict import drawn
from scenarios.load.profile import LoadProfile, Own
from scenarios.load.results import APPROVED, LANDINGS, REQUESTS, Codes, Column, LoadRun, Outage, read_run

PPM = 1_000_000
AIMS_PPM = {"p50": 100_000, "p95": 100_000, "p99": 150_000, "drain": 150_000}
STANDS = 99
"""Of a hundred versions that waited: when so many stand an outage is over (rule 4)."""
FASTEST_MS = 10_000
"""The highest throughput is that of the busiest ten seconds, as in a verdict."""
APART = "backlog curves, furthest apart"
STEP_MS = 1_000
"""Curves have a point a second."""
BESIDE = 5
"""Tenths of a percent to either side of p99 between which a step of the curve is looked for."""
ENOUGH = 200
"""With fewer versions half a percent of them is none."""
STEEP = 2
"""A percentile lies on a step where the curve doubles within `BESIDE` of it."""
VERSIONS = 1 << 20
"""More than any entry has versions: entry and version in one number."""
OF_ONE_LOAD = ("scenario", "seed", "shape", "from_ms", "until_ms", "factor", "volume", "rows_per_s")
Unit = Literal["ms", "rows/s", "versions", "ppm"]
State = Literal["held", "missed", "shown"]


@value
class Line:
    """One number of both runs. None: that run has none. `aim_ppm` None: it is shown, and held to nothing."""

    name: str
    unit: Unit
    predicted: float | None
    measured: float | None
    distance_ppm: int | None
    """Signed: below zero where the prediction is smaller. Of the backlog: the greatest distance of the curves."""
    aim_ppm: int | None
    state: State
    low: float | None = None
    high: float | None = None
    """The band of all draws of the prediction; None: there is one draw."""
    why: str = ""
    """What the runs can tell about a gap."""


@value
class Curve:
    """Versions that were approved and did not stand, second by second, and lines that came to stand in each second."""

    backlog: tuple[int, ...]
    landed: tuple[int, ...]


@value
class Side:
    """One of the two runs, measured."""

    folder: str
    run: LoadRun
    approved: int
    """Versions."""
    landed: int
    """Versions that have a line of their own."""
    waits: Column
    """From approval to posting, ms, sorted."""
    curve: Curve


@value
class Comparison:
    """What came of it. `proved` is empty, or why nothing was compared that means anything."""

    predicted: Side
    measured: Side
    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    unproved: str

    @property
    def exit(self) -> int:
        """0 within the aims, 1 not, 5 proved nothing."""
        if self.unproved:
            return 5
        return int(any(line.state == "missed" for line in self.lines))


def compare(predicted: Path, measured: Path) -> Comparison:
    """The two runs side by side. Raises BadInputError where a folder is no run, or they are of different loads."""
    ours, theirs = read_run(predicted), read_run(measured)
    _check(predicted, ours, "simulated")
    _check(measured, theirs, "live")
    _of_one_load(ours.profile, theirs.profile)
    draws = [_Books(predicted, ours, folder) for folder in drawn(predicted)]
    one, other = draws[0], _Books(measured, theirs, measured)
    lines = [_banded(same) for same in zip(*(_lines(draw, other) for draw in draws), strict=True)]
    unproved = _unproved(one, other)
    answers = _answers(measured, ours.profile.own)
    notes = [*_notes(one, other), *answers]
    explained = tuple(_explained(line, one, answers) for line in lines)
    return Comparison(one.side(), other.side(), explained, tuple(notes), unproved)


def _lines(one: "_Books", other: "_Books") -> list[Line]:
    return [*_percentiles(one, other), *_throughput(one, other), *_backlog(one, other), *_drains(one, other)]


def _banded(same: Sequence[Line]) -> Line:
    """One line of every draw as a line with the band of all of them."""
    first = same[0]
    if len(same) == 1:
        return first
    if first.name == APART:
        return replace(
            first, distance_ppm=_median([line.distance_ppm for line in same if line.distance_ppm is not None])
        )
    found = [line.predicted for line in same if line.predicted is not None]
    if not found:
        return first
    line = _line(first.name, first.unit, _median(found), first.measured, first.aim_ppm)
    return replace(line, low=min(found), high=max(found), why=first.why)


def _median(found: Sequence[Any]) -> Any:
    """The lower one of the middle, which is a number that there was."""
    return sorted(found)[(len(found) - 1) // 2] if found else None


def _check(folder: Path, run: LoadRun, kind: str) -> None:
    if run.kind != kind:
        raise BadInputError(f"{folder}: this is a {run.kind} run; springtide compare SIM_RUN LIVE_RUN, in that order")


def _of_one_load(predicted: LoadProfile, measured: LoadProfile) -> None:
    # A prediction may be made with fitted service times: that is another ERP under the same load.
    predicted = predicted.model_copy(
        update={"scenario": with_latency(predicted.scenario, measured.scenario.world.erp.latency)}
    )
    for name in OF_ONE_LOAD:
        ours, theirs = getattr(predicted, name), getattr(measured, name)
        if ours == theirs:
            continue
        if name == "scenario" and ours.name == theirs.name:
            raise BadInputError(f"the runs are of {ours.name} with different settings; predict the live run's profile")
        shown = (ours.name, theirs.name) if name == "scenario" else (ours, theirs)
        raise BadInputError(f"the runs are of different loads: {name} is {shown[0]} and {shown[1]}")


# ------------------------------------------------------------------ one run


class _Books:
    """Approvals and landings of one run, joined by version."""

    def __init__(self, folder: Path, run: LoadRun, landings: Path) -> None:
        """`landings` is the folder that has them: the run's own, or that of another draw."""
        self.folder, self.run = folder, run
        entries: Codes = {}
        legs: Codes = {"post": 0}
        told = {"entry": entries, "entity": {}, "region": {}, "currency": {}}
        approved = APPROVED.columns(folder, told)
        landed = LANDINGS.columns(landings, {**told, "leg": legs})
        keys = approved["entry"] * VERSIONS + approved["version"]
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        self.approved_ms: Column = approved["approved_ms"][order]
        posts = landed["leg"] == 0
        line_keys = landed["entry"][posts] * VERSIONS + landed["version"][posts]
        posted_ms = landed["posted_ms"][posts]
        never = np.iinfo(np.int64).max
        first = np.full(len(keys), never)
        if len(keys):
            at = np.minimum(np.searchsorted(keys, line_keys), len(keys) - 1)
            known = keys[at] == line_keys
            np.minimum.at(first, at[known], posted_ms[known])
        self.stands: NDArray[np.bool_] = first < never
        self.posted_ms: Column = first[self.stands]
        """Of the versions that have a line of their own, when the first of it stood."""
        self.since_ms: Column = self.approved_ms[self.stands]
        self.waits: Column = np.sort(np.maximum(0, self.posted_ms - self.since_ms))
        self.end_ms = int(max(run.profile.run_ms, self.posted_ms.max(initial=0)))

    def side(self) -> Side:
        """What is shown of it."""
        return Side(str(self.folder), self.run, len(self.approved_ms), len(self.waits), self.waits, self.curve())

    def curve(self, until_ms: int | None = None) -> Curve:
        """Its curves, up to its own end or to another instant."""
        steps = (self.end_ms if until_ms is None else until_ms) // STEP_MS + 1
        come, gone = (
            np.bincount(np.clip(at // STEP_MS, 0, steps - 1), minlength=steps) for at in (self.since_ms, self.posted_ms)
        )
        return Curve(tuple(np.cumsum(come - gone).tolist()), tuple(gone.tolist()))

    def drain(self, outage: Outage) -> tuple[float | None, float | None, int]:
        """(until 99 in 100 of what waited at its end stood, until all did, how many waited); None: nothing waited."""
        waited = (self.since_ms < outage.until_ms) & (self.posted_ms >= outage.until_ms)
        took = np.sort(self.posted_ms[waited] - outage.until_ms)
        if not len(took):
            return None, None, 0
        return percentile(took, STANDS), int(took[-1]), len(took)


# ------------------------------------------------------------------ lines of the table


def _line(name: str, unit: Unit, predicted: float | None, measured: float | None, aim_ppm: int | None) -> Line:
    distance = None
    if predicted is not None and measured:
        distance = round((predicted - measured) * PPM / measured)
    elif predicted == measured == 0:
        distance = 0
    state: State = "shown"
    if aim_ppm is not None and (predicted is not None or measured is not None):
        state = "held" if distance is not None and abs(distance) <= aim_ppm else "missed"
    return Line(name, unit, predicted, measured, distance, aim_ppm, state)


def _percentiles(one: _Books, other: _Books) -> Iterator[Line]:
    for percent in (50, 95, 99):
        ours, theirs = (percentile(books.waits, percent) if len(books.waits) else None for books in (one, other))
        yield _line(f"approval to posting p{percent}", "ms", ours, theirs, AIMS_PPM[f"p{percent}"])


def _throughput(one: _Books, other: _Books) -> Iterator[Line]:
    def mean(books: _Books) -> float | None:
        lines = np.sort(books.posted_ms)
        if not len(lines):
            return None
        # Until 99 in 100 stand: the last few wait for a doubt to end, and are no throughput.
        took = max(STEP_MS, percentile(lines, STANDS) - int(lines[0]))
        return round(len(lines) * STANDS / 100 * 1_000 / took, 1)

    def most(books: _Books) -> float | None:
        lines = np.sort(books.posted_ms)
        if not len(lines):
            return None
        ends = np.searchsorted(lines, lines + FASTEST_MS)
        return float((ends - np.arange(len(lines))).max()) * 1_000 / FASTEST_MS

    yield _line("throughput", "rows/s", mean(one), mean(other), None)
    yield _line("throughput, busiest 10 s", "rows/s", most(one), most(other), None)


def _backlog(one: _Books, other: _Books) -> Iterator[Line]:
    until_ms = max(one.end_ms, other.end_ms)
    ours, theirs = (np.array(books.curve(until_ms).backlog) for books in (one, other))
    peak = int(theirs.max(initial=0))
    yield _line("backlog, highest", "versions", int(ours.max(initial=0)), peak, None)
    apart = int(np.abs(ours - theirs).max(initial=0))
    distance = apart * PPM // peak if peak else None
    yield Line(APART, "versions", None, apart, distance, None, "shown")


def _drains(one: _Books, other: _Books) -> Iterator[Line]:
    """After each outage of the live run; several accounts that are away at once are one outage."""

    def drained(name: str, own: Outage, outage: Outage) -> Iterator[Line]:
        (ours, our_last, we), (theirs, their_last, they) = one.drain(own), other.drain(outage)
        few = max(we, they) < ENOUGH
        why = f"{we:,} versions waited in the prediction and {they:,} in the live run: a single call in doubt decides"
        yield replace(_line(name, "ms", ours, theirs, AIMS_PPM["drain"]), why=why if few else "")
        yield _line("  its last row", "ms", our_last, their_last, None)

    spans: dict[tuple[str, int, int], Outage] = {}
    for outage in other.run.outages:
        spans.setdefault((outage.kind, outage.from_ms // STEP_MS, outage.until_ms // STEP_MS), outage)
    for (kind, from_s, until_s), outage in spans.items():
        same = [own for own in one.run.outages if own.kind == kind]
        own = min(same, key=lambda own: abs(own.from_ms - outage.from_ms), default=outage)
        yield from drained(f"drain after {kind.replace('_', ' ')}, {from_s} to {until_s} s", own, outage)
    end = Outage(kind="end", from_ms=0, until_ms=other.run.profile.run_ms)
    yield from drained("drain after the last arrival", end, end)


# ------------------------------------------------------------------ what the runs can tell besides


def _unproved(one: _Books, other: _Books) -> str:
    if not len(other.waits):
        return "nothing came to stand in the live run"
    if not len(one.waits):
        return "nothing came to stand in the prediction"
    if other.run.interrupted:
        return "the live run was cut off, so it is a part of the load that was predicted"
    figures = other.run.generator
    if figures is not None and figures.saturated:
        return f"the generator was the bottleneck, so the load was another one: {figures.because}"
    return ""


def _notes(one: _Books, other: _Books) -> Iterator[str]:
    if len(one.approved_ms) != len(other.approved_ms):
        yield f"approved: {len(one.approved_ms):,} versions predicted, {len(other.approved_ms):,} in the live run"
    ours, theirs = (len(books.approved_ms) - len(books.waits) for books in (one, other))
    if ours != theirs:
        yield (
            f"without a line of their own: {ours:,} versions predicted, {theirs:,} in the live run (superseded before"
            " they were posted, kept out by rule, or parked)"
        )
    figures = other.run.generator
    if figures is not None:
        yield (
            f"the generator started half of its requests within {figures.lateness_p50_ms:,.0f} ms of their instant,"
            f" 99 in 100 within {figures.lateness_p99_ms:,.0f} ms"
        )


def _answers(folder: Path, own: Own) -> list[str]:
    if not REQUESTS.there(folder):
        return []
    rows = REQUESTS.columns(folder, {"user": {}})
    took = np.sort((rows["ended_ms"] - rows["intended_ms"])[(rows["status"] != 0) & (rows["items"] > 0)])
    if not len(took):
        return []
    p50, p95, p99 = (percentile(took, percent) for percent in (50, 95, 99))
    taken = f"{own.intake_p50_ms:,} ms at p50" if own.intake_p50_ms else "nothing"
    return [
        f"from the instant of a request to its answer the gateway took {p50:,} ms at p50, {p95:,} ms at p95 and"
        f" {p99:,} ms at p99, which the prediction takes for {taken}"
    ]


def _explained(line: Line, one: _Books, answers: list[str]) -> Line:
    """A line that missed its aim, with what the runs can tell about it."""
    if line.state != "missed":
        return replace(line, why="")
    if line.predicted is None or line.measured is None:
        return replace(line, why="one of the runs had nothing to wait for")
    why = [line.why] if line.why else []
    if line.low is not None and line.high is not None and line.low <= line.measured <= line.high:
        why.append(
            f"within what chance does: other draws of it give {line.low / 1000:,.2f} to {line.high / 1000:,.2f} s"
        )
    rank = line.name.rpartition(" p")[2]
    if rank == "99" and len(one.waits) >= ENOUGH:
        below, above = (
            int(one.waits[min(len(one.waits) - 1, len(one.waits) * (990 + beside) // 1_000)])
            for beside in (-BESIDE, BESIDE)
        )
        if above > STEEP * max(1, below):
            why.append(
                f"on a step of the curve: the prediction has {below:,} ms at p98.5 and {above:,} ms at p99.5, so a few"
                " calls in doubt more or fewer decide"
            )
    if line.unit == "ms" and line.measured > line.predicted and answers:
        why.append(f"{line.measured - line.predicted:,.0f} ms more than predicted; {answers[0]}")
    return replace(
        line, why="; ".join(why) or f"{line.predicted - line.measured:+,.0f} ms; nothing in the runs tells why"
    )
