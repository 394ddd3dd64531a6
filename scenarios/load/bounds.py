"""What kept an entity from being in time: each suspect with how far it was used, and the sum behind that.

Rule 1. A suspect binds where it was used to `BINDING_PPM` of what there is. Of several the one that is used most binds;
        of equals the one that is told first.
Rule 2. The world's own limits (quota, time to serve, an outage) excuse work that is left: it could not have finished.
        Ours (refusals, one entity's calls, the machine) do not.
Rule 3. How long calls are served is not seen at a door. It is reckoned from the manners of the ERP (mean of its
        log-normal, a share for each row), so the concurrency is derived and not measured.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log
from statistics import NormalDist

import numpy as np

from runtime.core.value import value
from scenarios.load.profile import LoadProfile
from scenarios.load.results import DoorRow, Outage, SampleRow
from scenarios.load.truth import Truth

PPM = 1_000_000
BINDING_PPM = 900_000
REFUSED_PPM = 10_000
"""One item in a hundred refused for a bound of ours is enough to bind (ours)."""
BUSY_MS = 10_000
"""The calls of the busiest ten seconds say how far an account is used (ours)."""
HOT_PPM = 500_000
QUOTA, SERVICE, OUTAGE = "ERP quota", "ERP concurrency and time to serve", "an outage"
HOT, REFUSALS, HOST, NOTHING = "one hot entity", "the runtime's own refusals", "host CPU", "nothing that was measured"
WORLDLY = (QUOTA, SERVICE, OUTAGE)


@value
class Bound:
    """One suspect: how far it was used (parts per million of what there is), and how that was reckoned."""

    name: str
    used_ppm: int
    arithmetic: str

    @property
    def binds(self) -> bool:
        """Whether there was none of it left."""
        return self.used_ppm >= BINDING_PPM


@dataclass(slots=True)
class Seen:
    """What a run saw besides its entries; empty where nobody looked."""

    profile: LoadProfile
    doors: Sequence[DoorRow] = ()
    samples: Sequence[SampleRow] = ()
    outages: Sequence[Outage] = ()
    cores: int = 1
    accounts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Entity to its accounts, that of its ERP first."""


def bounds(entity: str, truth: Truth, seen: Seen) -> list[Bound]:
    """Every suspect for this entity, in a fixed order; those of which nothing is known are left out."""
    account = next(iter(seen.accounts.get(entity, ())), "")
    found = [
        _refusals(truth),
        _quota(account, seen),
        _service(account, seen),
        _hot(entity, account, truth, seen),
        _host(seen),
        _outage(entity, account, truth, seen),
    ]
    return [one for one in found if one is not None]


def binding(found: Sequence[Bound]) -> Bound:
    """The suspect that binds."""
    worst = max(found, key=lambda one: one.used_ppm, default=None)
    if worst is not None and worst.binds:
        return worst
    most = f"; most used: {worst.name}, {worst.used_ppm / 10_000:.0f} %" if worst is not None else ""
    return Bound(NOTHING, 0, f"no suspect was used to {BINDING_PPM // 10_000} %{most}")


def _refusals(truth: Truth) -> Bound | None:
    items = sum(one.items for one in truth.answers if one.user == "all")
    if not items:
        return None
    ours = sum(truth.refusals.get(status, 0) for status in ("429", "503"))
    share = ours * PPM // items
    # Used up where REFUSED_PPM is reached.
    used = min(PPM, share * BINDING_PPM // REFUSED_PPM)
    return Bound(
        REFUSALS, used, f"{ours:,} of {items:,} items were answered 429 or 503; {REFUSED_PPM // 10_000} % would bind"
    )


def _served(account: str, seen: Seen) -> list[DoorRow]:
    return [row for row in seen.doors if row.account == account and row.outcome == "served" and row.kind != "login"]


def _quota(account: str, seen: Seen) -> Bound | None:
    quota = seen.profile.scenario.world.erp.quota
    rows = _served(account, seen)
    if quota is None or not rows:
        return None
    allowed = quota.calls * seen.profile.factor
    most = _busiest(rows, quota.window_ms, lambda row: row.calls)
    turned = sum(row.calls for row in seen.doors if row.account == account and row.outcome == "throttled")
    said = f"{account}: {most:,} of {allowed:,} calls in a window of {quota.window_ms // 1000:,} s"
    said += f" ({quota.calls:,} x {seen.profile.factor})" + (f", {turned:,} turned away" if turned else "")
    return Bound(QUOTA, min(PPM, most * PPM // allowed) if not turned else PPM, said)


def _service(account: str, seen: Seen) -> Bound | None:
    rows = _served(account, seen)
    if not rows:
        return None
    world = seen.profile.scenario.world
    latency = world.erp.latency
    sigma = log(latency.p99_ms / latency.p50_ms) / NormalDist().inv_cdf(0.99)
    mean_ms = latency.p50_ms * exp(sigma * sigma / 2)

    def busy_ms(row: DoorRow) -> int:
        return round(row.calls * mean_ms + row.rows * latency.per_row_us / 1000)

    most_ms = _busiest(rows, BUSY_MS, busy_ms)
    room_ms = world.runtime.concurrent_max * BUSY_MS
    return Bound(
        SERVICE,
        min(PPM, most_ms * PPM // room_ms),
        f"{account}: {most_ms / 1000:,.0f} s of service in the busiest {BUSY_MS // 1000} s"
        f" ({mean_ms:,.0f} ms a call and {latency.per_row_us / 1000:g} ms a row, derived);"
        f" {world.runtime.concurrent_max} at once have room for {room_ms // 1000:,} s",
    )


def _hot(entity: str, account: str, truth: Truth, seen: Seen) -> Bound | None:
    """One entity holds most of what waits at its account, while the account has room."""
    neighbours = [share for share in truth.entities if next(iter(seen.accounts.get(share.name, ())), "") == account]
    waiting = sum(share.backlog_at_cutoff for share in neighbours)
    mine = next((share.backlog_at_cutoff for share in neighbours if share.name == entity), 0)
    if not waiting or len(neighbours) < 2:
        return None
    share = mine * PPM // waiting
    # A hundredth less than what binds everybody: a quota or a machine that is used up comes first.
    used = min(BINDING_PPM, share * BINDING_PPM // HOT_PPM)
    return Bound(
        HOT,
        used,
        f"{mine:,} of {waiting:,} entries that waited at {account} at the cut-off are of {entity}, one of"
        f" {len(neighbours)} entities there; {HOT_PPM // 10_000} % would bind",
    )


def _host(seen: Seen) -> Bound | None:
    while_arriving = [row for row in seen.samples if 0 <= row.at_ms <= seen.profile.run_ms]
    if len(while_arriving) < 2:
        return None
    first, last = while_arriving[0], while_arriving[-1]
    room_ms = (last.at_ms - first.at_ms) * seen.cores
    busy_ms = last.busy_ms - first.busy_ms
    return Bound(
        HOST,
        min(PPM, max(0, busy_ms) * PPM // max(1, room_ms)),
        f"{busy_ms / 1000:,.0f} of {room_ms / 1000:,.0f} core seconds while load arrived ({seen.cores} cores)",
    )


def _outage(entity: str, account: str, truth: Truth, seen: Seen) -> Bound | None:
    mine = [one for one in seen.outages if one.what in ("", entity, account)]
    share = next((share for share in truth.entities if share.name == entity), None)
    if not mine or share is None or share.cutoff_ms is None:
        return None
    over_ms = max(one.until_ms for one in mine)
    late_ms = share.cutoff_ms + truth.grace_ms
    away_ms = sum(one.until_ms - one.from_ms for one in mine)
    # An outage that is over well before the cut-off had time to drain.
    used = min(PPM, over_ms * PPM // max(1, late_ms))
    return Bound(
        OUTAGE,
        used,
        f"{account or entity} was away for {away_ms / 1000:,.0f} s, the last time until {over_ms / 1000:,.0f} s of the"
        f" run; in time is until {late_ms / 1000:,.0f} s",
    )


def _busiest(rows: Sequence[DoorRow], window_ms: int, worth: Callable[[DoorRow], int]) -> int:
    """The largest sum of `worth` within any window, by whole seconds."""
    seconds: dict[int, int] = {}
    for row in rows:
        seconds[row.at_ms // 1000] = seconds.get(row.at_ms // 1000, 0) + worth(row)
    if not seconds:
        return 0
    first = min(seconds)
    counts = np.zeros(max(seconds) - first + 1, dtype=np.int64)
    for at, number in seconds.items():
        counts[at - first] = number
    sums = np.concatenate(([0], np.cumsum(counts)))
    width = max(1, window_ms // 1000)
    ends = np.minimum(np.arange(len(counts)) + width, len(counts))
    return int((sums[ends] - sums[np.arange(len(counts))]).max())
