"""When each legal entity will have cleared what waits, and whether that is before its cut-off: a pure function.

    reports of partitions and accounts + what is remembered  --look-->  a forecast for each entity, and what to remember

Rule 1. It is about what waits now: in flight, staged and in doubt. Postings leave in the order of approval, so what is
        approved later waits behind it and does not shift it. What is parked waits for people, and is not in it.
Rule 2. The current rate is what landed in stretches of time in which something waited and the account was open. Where
        there were enough in which more waited than one call carries, only these count: a trickle says nothing of a
        burst. What was measured before an outage is believed until newer stretches take its place.
Rule 3. The band is two standard errors either way: of the mean of these stretches, and of those still to come. A quota
        lets calls leave in bursts, so stretches are looked at by whole windows of it, once there are enough. What is
        not seen in them is not in the band: an outage to come, arrivals of others on the same account.
Rule 4. The permitted rate is what the account allows with calls as full and as quick as lately: what is left of the
        quota and its refill, a window earlier or later, since it comes in bursts; or its open slots. Entities that
        share an account are served in turn, so an entity has done its n-th call when each of the others has done n,
        or is through. Its own `calls_max` binds it too.
Rule 5. Closed until: what is shifted by a maintenance or a 429 clears that much later. An outage has no end that we
        know: never at the current rate, and at the permitted rate as if the next probe or login were served. Paused
        is never at either.
Rule 6. The cut-off is the first one after the approval of the oldest work that waits: work that missed it shows as late
        until it is done. Where nothing waits it is the next one to come.
Rule 7. No clock in here. Instants and durations are integer milliseconds.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from itertools import accumulate
from math import ceil, sqrt

from runtime.core.account import AccountPolicy
from runtime.core.model import Place
from runtime.core.value import value
from runtime.ports import AccountReport, Clearing, Forecast, PartitionReport, Work
from runtime.settings import Settings

HOUR_MS = 3_600_000
_UNFINISHED = (Place.IN_FLIGHT, Place.STAGED, Place.IN_DOUBT)
_OPEN = frozenset({"open", "throttled"})
"""Modes in which time counts as working time: resting after a 429 is part of how an account works."""
_OPENS_BY_ITSELF = frozenset({"open", "throttled", "maintenance"})
"""Modes of which it is known when they end, or when the next probe may end them."""
_MARGIN_MS = AccountPolicy("").quota_margin_ms


@value
class ForecastPolicy:
    """How long we look before we believe a rate, and for how long then. All of it targets of ours (assumed)."""

    stretch_ms: int = 10_000
    """How long one stretch is, at least; `stretches` of them span `stretches_least` windows of the quota."""
    stretches: int = 60
    stretches_least: int = 3
    believed_ms: int = 12 * HOUR_MS
    still_ms: int = HOUR_MS // 12
    """If nothing landed for so long, and for a whole window of the quota, nothing lands any more."""
    errors: float = 2.0
    """Standard errors either way; some 95 % if stretches did not depend on each other, which they do a little."""


@value
class Stretch:
    """Some time in which something waited and the account was open: what landed, and what calls brought."""

    ended_ms: int
    length_ms: int
    work: Work
    loaded: bool
    """Whether more waited at its beginning than one call carries."""


@value
class Mark:
    """Where the running stretch began, and what was known then."""

    at_ms: int
    epoch: int
    work: Work
    waiting: int
    queued: int
    closed: bool
    """Whether the account was closed or the entity paused at some look since."""


@value
class Watch:
    """What is remembered of one entity."""

    mark: Mark
    stretches: tuple[Stretch, ...] = ()


@value
class Way:
    """How an entity's postings go, by the configuration."""

    account: str
    batch_max: int
    calls_max: int
    concurrent_max: int


@value
class Outlook:
    """A forecast for each entity that runs, and what to remember until the next look."""

    forecasts: Sequence[Forecast] = ()
    memory: Mapping[str, Watch] = field(default_factory=dict)


def ways(settings: Settings) -> dict[str, Way]:
    """Entity to its way."""
    accounts = settings.accounts
    return {
        name: Way(one.erp, accounts[one.erp].batch_max, one.calls_max, accounts[one.erp].concurrent_max)
        for name, one in settings.entities.items()
    }


def cut_off_of(known: Iterable[int], oldest_ms: int | None, now_ms: int) -> int | None:
    """The cut-off that counts for what waits (rule 6); None where none is known."""
    since_ms = now_ms if oldest_ms is None else oldest_ms
    return min((at_ms for at_ms in known if at_ms > since_ms), default=None)


def look(
    memory: Mapping[str, Watch],
    partitions: Sequence[PartitionReport],
    accounts: Sequence[AccountReport],
    ways: Mapping[str, Way],
    policy: ForecastPolicy = ForecastPolicy(),  # noqa: B008  # a frozen value
) -> Outlook:
    """Look at everything that reports. An entity that does not run keeps what is remembered, and has no forecast."""
    owned = {one.account: one for one in accounts}
    remembered = dict(memory)
    running = [one for one in partitions if one.state == "running" and one.entity in ways]
    for report in running:
        way = ways[report.entity]
        remembered[report.entity] = _seen(remembered.get(report.entity), report, way, owned.get(way.account), policy)
    by_account: dict[str, list[PartitionReport]] = {}
    for report in running:
        by_account.setdefault(ways[report.entity].account, []).append(report)
    forecasts: list[Forecast] = []
    for name, sharing in by_account.items():
        forecasts += _of_account(sharing, owned.get(name), ways, remembered, policy)
    return Outlook(tuple(sorted(forecasts, key=lambda one: (one.region, one.entity))), remembered)


def waiting(report: PartitionReport) -> int:
    """How many versions wait (rule 1)."""
    return sum(report.places[place].count for place in _UNFINISHED if place in report.places)


# ------------------------------------------------------------------ what was seen


def _seen(
    before: Watch | None, report: PartitionReport, way: Way, account: AccountReport | None, policy: ForecastPolicy
) -> Watch:
    """What to remember of one entity after this report."""
    closed = bool(report.paused) or account is None or account.mode not in _OPEN
    here = Mark(report.at_ms, report.epoch, report.work, waiting(report), report.queued, closed)
    if before is None:
        return Watch(here)
    mark = before.mark
    if mark.epoch != report.epoch or _less(report.work, mark.work):
        # Another life: it counts from nought. What its predecessor did is still known.
        return Watch(here, before.stretches)
    length_ms = report.at_ms - mark.at_ms
    window_ms = _window_ms(account) if account is not None else 0
    if length_ms < max(policy.stretch_ms, window_ms * policy.stretches_least // policy.stretches):
        return Watch(replace(mark, closed=mark.closed or closed), before.stretches)
    kept = [one for one in before.stretches if one.ended_ms > report.at_ms - policy.believed_ms]
    if mark.waiting and not (mark.closed or closed):
        loaded = mark.queued > way.batch_max
        kept.append(Stretch(report.at_ms, length_ms, _between(mark.work, report.work), loaded))
    return Watch(here, tuple(kept[-policy.stretches :]))


def _less(one: Work, other: Work) -> bool:
    return one.landed < other.landed or one.calls < other.calls


def _between(before: Work, after: Work) -> Work:
    return Work(
        after.landed - before.landed,
        after.calls - before.calls,
        after.rows - before.rows,
        after.call_ms - before.call_ms,
    )


def _telling(watch: Watch, policy: ForecastPolicy) -> Sequence[Stretch]:
    """The stretches that say something of the rate (rule 2); none while there are too few."""
    loaded = [one for one in watch.stretches if one.loaded]
    for found in (loaded, watch.stretches):
        if len(found) >= policy.stretches_least:
            return found
    return ()


# ------------------------------------------------------------------ the two rates


@value
class _Allowed:
    """What one account allows those that share it, at each edge: early, expected, late."""

    account: AccountReport
    call_ms: tuple[float, float, float]
    """How long a call takes; nought where too few were seen to tell."""
    calls: tuple[Sequence[int], ...]
    """How many calls each of them needs, fewest first."""
    sums: tuple[Sequence[int], ...]
    """How many calls the first so many of these need together."""
    asking: int
    """How many of them have something waiting and are not paused."""


def _of_account(
    sharing: Sequence[PartitionReport],
    account: AccountReport | None,
    ways: Mapping[str, Way],
    memory: Mapping[str, Watch],
    policy: ForecastPolicy,
) -> Iterator[Forecast]:
    """Forecasts of the entities that post through one account."""
    telling = {one.entity: _telling(memory[one.entity], policy) for one in sharing}
    fills = {entity: _fill(found, ways[entity], policy) for entity, found in telling.items()}
    allowed = None
    if account is not None:
        times = [one.work.call_ms / one.work.calls for found in telling.values() for one in found if one.work.calls]
        # One that is paused asks for no calls.
        asking = [one for one in sharing if waiting(one) and not one.paused]
        calls = tuple(sorted(_calls(one, fills[one.entity][edge]) for one in asking) for edge in (0, 1, 2))
        sums = tuple(list(accumulate(each, initial=0)) for each in calls)
        call_ms = _spread(times, policy) or (0.0, 0.0, 0.0)
        allowed = _Allowed(account, call_ms, calls, sums, len(asking))
    for report in sharing:
        permitted, bound = None, ""
        if allowed is not None:
            permitted, bound = _permitted(report, allowed, ways[report.entity], fills[report.entity])
        yield Forecast(
            report.entity,
            report.region,
            report.at_ms,
            waiting(report),
            report.cut_off_ms,
            _current(report, account, telling[report.entity], policy),
            permitted,
            _held_by(report, account),
            bound,
        )


def _fill(telling: Sequence[Stretch], way: Way, policy: ForecastPolicy) -> tuple[float, float, float]:
    """Rows in a call, most first; full calls where none was seen that could have been full."""
    full = float(way.batch_max)
    seen = _spread([one.work.rows / one.work.calls for one in telling if one.loaded and one.work.calls], policy)
    if seen is None:
        return full, full, full
    fewest, mean, most = (min(full, max(1.0, rows)) for rows in seen)
    return most, mean, fewest


def _held_by(report: PartitionReport, account: AccountReport | None) -> str:
    if report.paused:
        return "paused"
    if account is None:
        return "nobody owns its account yet"
    return "" if account.mode == "open" else f"account {account.account}: {account.mode}"


def _begins_ms(report: PartitionReport, account: AccountReport) -> int:
    """From when on calls may leave: now, or when what closes the account is over at the earliest."""
    return report.at_ms if account.mode == "open" else max(report.at_ms, account.until_ms)


def _current(
    report: PartitionReport, account: AccountReport | None, telling: Sequence[Stretch], policy: ForecastPolicy
) -> Clearing | None:
    """At the rate at which work landed lately; None where too little was seen to tell."""
    rows = waiting(report)
    length_ms = sum(one.length_ms for one in telling)
    rate = sum(one.work.landed for one in telling) / length_ms if length_ms else 0.0
    if not rows:
        return _clearing(report, rate, report.at_ms, report.at_ms, report.at_ms)
    if report.paused or account is None or account.mode not in _OPENS_BY_ITSELF:
        return _clearing(report, 0.0, None, None, None)
    if not telling:
        return None
    if not rate or _stands_still(telling, max(policy.still_ms, _window_ms(account))):
        return _clearing(report, 0.0, None, None, None)
    begins_ms = report.at_ms if account.mode in _OPEN else _begins_ms(report, account)
    takes_ms = rows / rate
    rates = _rates(telling, _window_ms(account), policy)
    seen = len(rates)
    spread = sum((one - rate) ** 2 for one in rates) / (seen - 1)
    to_come = max(1.0, takes_ms * seen / length_ms)
    error = policy.errors * sqrt(spread * (1 / seen + 1 / to_come))
    late_ms = begins_ms + ceil(rows / (rate - error)) if rate > error else None
    return _clearing(report, rate, begins_ms + ceil(rows / (rate + error)), begins_ms + ceil(takes_ms), late_ms)


def _stands_still(telling: Sequence[Stretch], at_least_ms: int) -> bool:
    """Whether nothing landed in the latest stretches, which are at least so long together."""
    still_ms = 0
    for one in reversed(telling):
        if one.work.landed or still_ms >= at_least_ms:
            break
        still_ms += one.length_ms
    return still_ms >= at_least_ms


def _rates(telling: Sequence[Stretch], window_ms: int, policy: ForecastPolicy) -> Sequence[float]:
    """The rate of each whole window of the quota, latest first; of each stretch while there are too few of those."""
    windows: list[float] = []
    length_ms = landed = 0
    for one in reversed(telling):
        length_ms += one.length_ms
        landed += one.work.landed
        if length_ms >= window_ms:
            windows.append(landed / length_ms)
            length_ms = landed = 0
    if len(windows) >= policy.stretches_least:
        return windows
    return [one.work.landed / one.length_ms for one in telling]


def _permitted(
    report: PartitionReport, allowed: _Allowed, way: Way, fill: tuple[float, float, float]
) -> tuple[Clearing, str]:
    """At the rate that the account permits (rule 4), and what binds it."""
    account = allowed.account
    if report.paused and waiting(report):
        return _clearing(report, 0.0, None, None, None), ""
    sustained = _sustained(report, allowed, way) * fill[1]
    if not waiting(report):
        return _clearing(report, sustained, report.at_ms, report.at_ms, report.at_ms), ""
    begins_ms = _begins_ms(report, account)
    needs = []
    for edge in (0, 1, 2):
        # The early edge has the fullest and the quickest calls, the late one the emptiest and the slowest.
        mine, slot_ms, calls = _calls(report, fill[edge]), allowed.call_ms[edge], allowed.calls[edge]
        through = bisect_right(calls, mine)
        in_turn = allowed.sums[edge][through] + mine * (len(calls) - through)
        needs.append(
            {
                "quota": _quota_ms(in_turn, account, begins_ms - report.at_ms, edge),
                # However few calls there are, the last of them takes its time.
                "concurrent_max": max(1, in_turn / way.concurrent_max) * slot_ms,
                "calls_max": mine * slot_ms / way.calls_max,
            }
        )
    early_ms, expected_ms, late_ms = (begins_ms + ceil(max(need.values())) for need in needs)
    return _clearing(report, sustained, early_ms, expected_ms, late_ms), max(needs[1], key=lambda name: needs[1][name])


def _sustained(report: PartitionReport, allowed: _Allowed, way: Way) -> float:
    """Calls in a millisecond for as long as anybody waits: what a refilling quota and the slots allow, shared."""
    sharing = allowed.asking + (not waiting(report))
    calls = allowed.account.quota_calls / _window_ms(allowed.account) / sharing
    if slot_ms := allowed.call_ms[1]:
        calls = min(calls, way.concurrent_max / slot_ms / sharing, way.calls_max / slot_ms)
    return calls


def _calls(report: PartitionReport, rows: float) -> int:
    """How many calls what waits takes, with so many rows in each."""
    return ceil(waiting(report) / rows)


def _window_ms(account: AccountReport) -> int:
    """How long a window of the quota is for us, who count it a little longer."""
    return account.quota_window_ms + _MARGIN_MS


def _quota_ms(calls: int, account: AccountReport, closed_ms: int, edge: int) -> float:
    """How long the quota makes so many calls wait: first what is left of it goes, then what comes free again."""
    window_ms = _window_ms(account)
    used = account.quota_used * max(0.0, 1 - closed_ms / window_ms)
    behind = calls - max(0.0, account.quota_calls - used)
    if behind <= 0:
        return 0.0
    return max(0.0, behind * window_ms / account.quota_calls + (edge - 1) * window_ms)


def _spread(samples: Sequence[float], policy: ForecastPolicy) -> tuple[float, float, float] | None:
    """The mean of what was seen, between its errors either way; None where too little was seen."""
    if len(samples) < policy.stretches_least:
        return None
    mean = sum(samples) / len(samples)
    error = policy.errors * sqrt(sum((one - mean) ** 2 for one in samples) / (len(samples) - 1) / len(samples))
    return max(0.0, mean - error), mean, mean + error


def _clearing(
    report: PartitionReport, per_ms: float, early_ms: int | None, expected_ms: int | None, late_ms: int | None
) -> Clearing:
    in_time = ""
    if report.cut_off_ms is not None:
        held = [one is not None and one <= report.cut_off_ms for one in (late_ms, expected_ms, early_ms)]
        in_time = next((word for word, ok in zip(("yes", "likely", "unlikely"), held, strict=True) if ok), "no")
    return Clearing(round(per_ms * HOUR_MS), early_ms, expected_ms, late_ms, in_time)
