"""What a scenario promises, brought to run time: the targets a load run is held to, each with its arithmetic.

    target = what stays real + (promised - what stays real) / factor

Rule 1. Waiting for a quota shrinks with the factor, since arrivals and quotas grow by it. Lingering, a slow answer, a
        time-out and a late landing stay as long as they are (rule 2 of `scenarios.load.profile`), so they are taken
        out of the promise before it is divided, and put back.
Rule 2. Where misfortune makes so many rows doubtful that they may fill half of the tail that a target leaves, the
        target bears one doubt: deadline, late landing and a slow answer. A cut-off always does: one call in doubt is
        a batch, and may be a large part of what a small entity has.
Rule 3. Outages shrink with the factor, and the probes that find out that one is over do too (`LoadProfile.probes`).
Rule 4. Targets are ours, as those of the scenario are. Nothing here is measured.
"""

from collections.abc import Mapping, Sequence

from runtime.core.value import value
from scenarios.load.profile import LoadProfile, Shape
from scenarios.load.results import Outage
from simulators.faults.bases import CallFault

PPM = 1_000_000
INTAKE_P99_MS = 250
"""Of a sustained load: from the intended instant of a request to its answer (ours)."""
DOUBTS = ("lost_request", "lost_reply", "late_landing", "garbled_answer", "server_error")
"""Faults that leave the caller in doubt about every row of a call."""
KILLED = "killed"
"""The kind of an outage in which the runtime itself was away."""


@value
class Target:
    """One promise in run time. `most` in ms, `least` in parts per million; one of them is set."""

    name: str
    most_ms: int | None
    least_ppm: int | None
    arithmetic: str


@value
class Reality:
    """What does not shrink with the factor, in ms, with words for each part."""

    usual_ms: int
    doubt_ms: int
    doubt_ppm: int
    words: Mapping[str, str]

    def of(self, *parts: str) -> tuple[int, str]:
        """(ms, words) of these parts together."""
        lengths = {"usual": self.usual_ms, "doubt": self.doubt_ms}
        used = [part for part in parts if lengths[part]]
        return sum(lengths[part] for part in used), " + ".join(self.words[part] for part in used)


def reality(profile: LoadProfile, outages: Sequence[Outage] = (), versions: int = 0) -> Reality:
    """What stays real in this run. `versions`: how many were approved, for the share of rows that a kill leaves."""
    world = profile.scenario.world
    run, latency = world.runtime, world.erp.latency
    batch = min(run.batch_max, world.erp.batch_rows_max)
    slow_ms = latency.p99_ms + batch * latency.per_row_us // 1000
    usual_ms = run.linger_ms + slow_ms
    staging = world.erp.staging
    usual = f"{_s(run.linger_ms)} linger + {_s(slow_ms)} for a slow answer"
    if staging is not None:
        usual_ms += staging.longest_ms + run.staged_poll_ms
        usual += f" + {_s(staging.longest_ms)} staged + {_s(run.staged_poll_ms)} until it is asked about"
    faults = [one for one in world.faults if isinstance(one, CallFault) and one.kind in DOUBTS]
    doubt_ppm = sum(one.ppm for one in faults if not one.calls or "post" in one.calls) + world.erp.server_error_ppm
    kills = [one for one in outages if one.kind == KILLED]
    if kills and versions:
        accounts = world.firm.accounts or 1
        doubt_ppm += min(PPM, len(kills) * accounts * run.concurrent_max * batch * PPM // versions)
    doubt_ms = run.call_deadline_ms + run.late_landing_ms + slow_ms if doubt_ppm or kills else 0
    doubt = (
        f"{_s(run.call_deadline_ms)} deadline + {_s(run.late_landing_ms)} late landing + {_s(slow_ms)} to ask after a"
        " row in doubt"
    )
    return Reality(usual_ms, doubt_ms, doubt_ppm, {"usual": usual, "doubt": doubt})


def targets(profile: LoadProfile, outages: Sequence[Outage] = (), versions: int = 0) -> list[Target]:
    """Every target of the run, in the order in which they are told."""
    slas, real = profile.scenario.slas, reality(profile, outages, versions)
    found: list[Target] = []

    def most(name: str, promised_s: int, why: str, *parts: str) -> None:
        ms, arithmetic = compressed_ms(profile.factor, promised_s * 1000, *real.of(*parts))
        found.append(Target(name, ms, None, _with_why(arithmetic, slas.why.get(why, ""))))

    for percent, promised_s in ((50, slas.p50_s), (95, slas.p95_s), (99, slas.p99_s)):
        doubtful = 2 * real.doubt_ppm >= PPM - percent * 10_000
        parts = ("usual", "doubt") if doubtful else ("usual",)
        most(f"approval to posting p{percent}", promised_s, f"p{percent}_s", *parts)
    grace_ms, arithmetic = grace(profile, outages, versions)
    found.append(
        Target(
            f"in the ledger {_s(grace_ms)} after cut-off",
            None,
            slas.in_ledger_ppm,
            _with_why(f"grace: {arithmetic}", slas.why.get("in_ledger_ppm", "")),
        )
    )
    if outages:
        most("drain after an outage", slas.drain_s, "drain_s", "usual", "doubt")
    if profile.shape is Shape.SUSTAINED:
        words = "ours: a sender with a connection to spare does not notice; counted from the intended instant"
        found.append(Target("answer to a delivery p99", INTAKE_P99_MS, None, words))
    return found


def grace(profile: LoadProfile, outages: Sequence[Outage] = (), versions: int = 0) -> tuple[int, str]:
    """(ms, arithmetic): how long after its cut-off an entity's rows are still in time."""
    real = reality(profile, outages, versions)
    return compressed_ms(profile.factor, profile.scenario.slas.grace_s * 1000, *real.of("usual", "doubt"))


def compressed_ms(factor: int, promised_ms: int, real_ms: int, words: str) -> tuple[int, str]:
    """(ms, arithmetic) of a promise in run time; one that is shorter than what stays real is that."""
    waits_ms = max(0, promised_ms - real_ms)
    ms = real_ms + waits_ms // factor
    return ms, f"{_s(promised_ms)} promised; real: {words} = {_s(real_ms)}; {_s(waits_ms)} / {factor} + it = {_s(ms)}"


def _with_why(arithmetic: str, why: str) -> str:
    return f"{arithmetic}. Of the promise: {why}" if why else arithmetic


def _s(ms: int) -> str:
    return f"{ms / 1000:,.1f}".removesuffix(".0") + " s"
