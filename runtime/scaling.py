"""How much of a host each legal entity needs, and how many hosts a region: a pure function of ages and cut-offs.

    sights + what is remembered  --look-->  weights and hosts wanted, each with its reason, and what to remember

Rule 1. What counts is how old the oldest work will be at the cut-off, at the pace at which the oldest moves now; counts
        say nothing. An entity that clears its work in time is left alone, however much of it there is.
Rule 2. Only work that a host could do counts: what is in flight. What is staged or in doubt waits for the ERP.
Rule 3. More room is given only where room is what lacks: not to a paused partition, not where the ERP's account is
        closed or its quota is used up, not to an entity that has a host alone already. The reason says which.
Rule 4. Late work doubles the weight of its entity, to a quarter of a host at least, so that placement gives it more of
        a host and in the end one alone; then it has `settle_ms` to show what it makes of it.
Rule 5. Going down is slow: a weight halves, and a region gives hosts back, only after `calm_ms` in which nothing was
        late. A process that has just started takes what it finds for wanted.
Rule 6. Never more hosts than the region may have. Ages, durations and instants are integer milliseconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field

from runtime.core.value import value
from runtime.placement import hosts_needed

MINUTE_MS = 60_000


@value
class ScalingPolicy:
    """What we call late, and how quickly we believe it. All of it targets of ours (assumed)."""

    whole_host: int = 100
    hosts_max: Mapping[str, int] = field(default_factory=dict)
    slack_ms: int = 15 * MINUTE_MS
    """The oldest work may be this old at the cut-off; younger work was approved too late for anybody to be in time."""
    horizon_ms: int = 4 * 60 * MINUTE_MS
    """How far ahead a pace is believed; where no cut-off is known or it is farther away, this is the cut-off."""
    pace_ms: int = 5 * MINUTE_MS
    """A pace is measured over this long, and not before half of it was seen."""
    settle_ms: int = 3 * MINUTE_MS
    calm_ms: int = 30 * MINUTE_MS


@value
class Sight:
    """One entity as it is now. `oldest_ms` is when its oldest work in flight was approved; None when there is none.

    `held_by` says what no host can help with (paused, maintenance, quota), "" for nothing. Without a report that is
    fresh, `known` is False and the rest is not looked at.
    """

    entity: str
    region: str
    weight: int
    oldest_ms: int | None
    cut_off_ms: int | None
    held_by: str
    alone: bool
    known: bool = True


@value
class Watch:
    """What is remembered of one entity: its weight, since when it is calm, and where its oldest work was when."""

    weight: int
    grown_ms: int | None = None
    calm_since_ms: int | None = None
    seen: tuple[tuple[int, int], ...] = ()
    """(at, oldest), oldest first, over the last `pace_ms`."""


@value
class RegionWatch:
    """What is remembered of a region: the hosts it was given, and since when it needs fewer."""

    hosts: int
    fewer_since_ms: int | None = None


@value
class Memory:
    """Everything that is remembered from one look to the next."""

    entities: Mapping[str, Watch] = field(default_factory=dict)
    regions: Mapping[str, RegionWatch] = field(default_factory=dict)


@value
class Wanted:
    """How many hosts a region should have, and why."""

    hosts: int
    reason: str


@value
class Outlook:
    """What scaling makes of it: a weight and a sentence for each entity, hosts for each region, what to remember."""

    weights: Mapping[str, int]
    reasons: Mapping[str, str]
    wanted: Mapping[str, Wanted]
    memory: Memory


def look(
    memory: Memory, sights: Sequence[Sight], hosts_now: Mapping[str, int], now_ms: int, policy: ScalingPolicy
) -> Outlook:
    """Look at every configured entity. `hosts_now` is the hosts that each region has; used where none is remembered."""
    watches: dict[str, Watch] = {}
    reasons: dict[str, str] = {}
    for sight in sights:
        watches[sight.entity], reasons[sight.entity] = _watch(memory.entities.get(sight.entity), sight, now_ms, policy)
    wanted: dict[str, Wanted] = {}
    regions: dict[str, RegionWatch] = {}
    for region in sorted({sight.region for sight in sights}):
        weights = [watches[sight.entity].weight for sight in sights if sight.region == region]
        before = memory.regions.get(region, RegionWatch(hosts_now.get(region, 0)))
        wanted[region], regions[region] = _region(
            before, hosts_needed(weights, policy.whole_host), region, now_ms, policy
        )
    weights_of = {entity: watch.weight for entity, watch in watches.items()}
    return Outlook(weights_of, reasons, wanted, Memory(watches, regions))


def age_at_cut_off_ms(
    seen: Sequence[tuple[int, int]], cut_off_ms: int | None, now_ms: int, policy: ScalingPolicy
) -> int | None:
    """How old the oldest work will be at the cut-off if the oldest goes on moving at its present pace.

    The oldest work moves through the approval times: in `dt` it advanced by `progress`, so its age changes by
    `dt - progress` in each `dt`. None while too little was seen to tell. Never negative.
    """
    at_ms, oldest_ms = seen[-1]
    first_at_ms, first_oldest_ms = seen[0]
    dt = at_ms - first_at_ms
    if 2 * dt < policy.pace_ms:
        return None
    ahead = policy.horizon_ms
    if cut_off_ms is not None and cut_off_ms > oldest_ms:
        ahead = min(ahead, max(0, cut_off_ms - now_ms))
    growing = dt - (oldest_ms - first_oldest_ms)
    return max(0, at_ms - oldest_ms + ahead * growing // dt)


def _watch(before: Watch | None, sight: Sight, now_ms: int, policy: ScalingPolicy) -> tuple[Watch, str]:
    """What to remember of one entity, and the sentence about it."""
    watch = before or Watch(sight.weight)
    weight = max(watch.weight, sight.weight)
    if not sight.known:
        return Watch(weight, watch.grown_ms, None, watch.seen), "nobody reports"
    if sight.oldest_ms is None:
        return _calm(watch, weight, sight, now_ms, policy), "nothing waits"
    seen = _seen(watch.seen, now_ms, sight.oldest_ms, policy)
    age = age_at_cut_off_ms(seen, sight.cut_off_ms, now_ms, policy)
    if age is None:
        return Watch(weight, watch.grown_ms, watch.calm_since_ms, seen), "its pace is being measured"
    if age <= policy.slack_ms:
        calm = _calm(watch, weight, sight, now_ms, policy)
        return Watch(calm.weight, calm.grown_ms, calm.calm_since_ms, seen), "in time"
    late = f"late: its oldest work would be {age // MINUTE_MS} min old at the cut-off"
    if sight.held_by:
        return Watch(weight, watch.grown_ms, None, seen), f"{late}; more hosts do not help: {sight.held_by}"
    if sight.alone and weight >= policy.whole_host:
        return Watch(weight, watch.grown_ms, None, seen), f"{late}; more hosts do not help: it has one alone"
    if watch.grown_ms is not None and now_ms - watch.grown_ms < policy.settle_ms:
        return Watch(weight, watch.grown_ms, None, seen), f"{late}; it was given more room and is still settling"
    grown = max(weight, min(max(2 * weight, policy.whole_host // 4), policy.whole_host))
    return Watch(grown, now_ms, None, seen), f"{late}; it gets more room: {weight} -> {grown}"


def _seen(
    seen: tuple[tuple[int, int], ...], now_ms: int, oldest_ms: int, policy: ScalingPolicy
) -> tuple[tuple[int, int], ...]:
    """The sightings within one `pace_ms`, with this one."""
    return (*(one for one in seen if one[0] >= now_ms - policy.pace_ms), (now_ms, oldest_ms))


def _calm(watch: Watch, weight: int, sight: Sight, now_ms: int, policy: ScalingPolicy) -> Watch:
    """Nothing is late: after long enough, half of what it was given on top is taken back."""
    since = now_ms if watch.calm_since_ms is None else watch.calm_since_ms
    if weight > sight.weight and now_ms - since >= policy.calm_ms:
        return Watch(max(sight.weight, weight // 2), watch.grown_ms, now_ms)
    return Watch(weight, watch.grown_ms, since)


def _region(
    before: RegionWatch, needed: int, region: str, now_ms: int, policy: ScalingPolicy
) -> tuple[Wanted, RegionWatch]:
    """How many hosts a region should have: up at once, down after calm, never above what it may have."""
    most = policy.hosts_max.get(region, needed + before.hosts)
    if needed > most:
        reason = f"needs {needed} hosts and may have {most}; they are crowded"
        return Wanted(most, reason), RegionWatch(most)
    if needed >= before.hosts:
        return Wanted(needed, f"needs {needed} hosts"), RegionWatch(needed)
    since = now_ms if before.fewer_since_ms is None else before.fewer_since_ms
    if now_ms - since >= policy.calm_ms:
        return Wanted(needed, f"needs {needed} hosts, and has for {policy.calm_ms // MINUTE_MS} min"), RegionWatch(
            needed
        )
    held = min(before.hosts, most)
    return Wanted(held, f"needs {needed} hosts; keeps {held} until it was calm for long enough"), RegionWatch(
        held, since
    )
