"""Which host carries which legal entity: a pure function, asked again and again by the supervisor.

    needs, hosts, limits  --place-->  homes + waits, and how to get there: moves, starts, stops

Rule 1. An entity runs in its own region or not at all. Where its region can have no host, it waits, and why is said.
Rule 2. What runs well where it is stays. A plan that is carried out and asked for again with the same needs comes to
        rest, and the loss of a host moves only what that host carried.
Rule 3. Large entities run alone, small ones share: heaviest first, onto the first host with room. An entity heavier
        than a host gets a host of its own. On an over-full host the heaviest stay and the light ones leave.
Rule 4. Nobody is put down to wait: a running entity stays where it is until the host it shall go to is there.
Rule 5. Crowded is better than standing still: where a region has all the hosts it may have, they carry more than they
        should, and the plan names them.
Rule 6. A host is emptied for thrift only when its region is at rest, one host at a time, and never below what scaling
        wants to keep. A host that is being drained takes nothing, does not count as a host of its region any more (so
        its successor may start before it ends), and is stopped once it is empty.

Weights are abstract; `whole_host` of them fill a host. A host is stopped only once it carries nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from runtime.core.value import value


@value
class EntityNeed:
    """Where one entity runs, and how much of a host it needs now."""

    region: str
    weight: int


@value
class HostState:
    """One living host: what it carries, and whether it shall end."""

    name: str
    region: str
    draining: bool
    carries: tuple[str, ...]


@value
class Limits:
    """What a host holds, and how many hosts a region may have (absent: as many as are needed).

    `hosts_least` is what scaling wants to keep: thrift does not go below it. `starting` counts hosts that are on
    their way and cannot carry anything yet.
    """

    whole_host: int
    hosts_max: Mapping[str, int] = field(default_factory=dict)
    hosts_least: Mapping[str, int] = field(default_factory=dict)
    starting: Mapping[str, int] = field(default_factory=dict)


@value
class Move:
    """Carry this entity there. `source` is who carries it now, "" for nobody; `target` "" is nowhere any more."""

    entity: str
    source: str
    target: str


@value
class Plan:
    """Where everything shall be, and the steps that can be taken now. The same input gives the same plan.

    Every entity is in exactly one of `homes` (the host that carries it, or shall) and `waits` (why nobody can).
    `moves` are ordered: first what nobody carries. `start` is hosts to start by region, `stop` hosts that carry nothing
    and are not needed, `crowded` hosts that carry more than they should until there are more, or may be more.
    """

    homes: Mapping[str, str]
    waits: Mapping[str, str]
    moves: tuple[Move, ...]
    start: Mapping[str, int]
    stop: tuple[str, ...]
    crowded: tuple[str, ...]


def place(entities: Mapping[str, EntityNeed], hosts: Sequence[HostState], limits: Limits) -> Plan:
    """The plan for these entities on these hosts; see the rules above. No entity may be carried by two hosts."""
    runs_at = _runs_at(hosts)
    draft = _Draft()
    for region in sorted({need.region for need in entities.values()} | {host.region for host in hosts}):
        weights = {name: need.weight for name, need in entities.items() if need.region == region}
        _place_region(region, weights, [host for host in hosts if host.region == region], limits, draft)
    # What nobody wants any more, and what waits although it runs (it can only be outside its region), is let go.
    targets = {**dict.fromkeys(runs_at, ""), **draft.homes}
    moves = [Move(name, runs_at.get(name, ""), home) for name, home in targets.items() if runs_at.get(name, "") != home]
    return Plan(
        dict(sorted(draft.homes.items())),
        dict(sorted(draft.waits.items())),
        tuple(sorted(moves, key=lambda move: (move.source != "", move.entity))),
        draft.start,
        tuple(sorted(draft.stop)),
        tuple(sorted(draft.crowded)),
    )


def hosts_needed(weights: Iterable[int], whole_host: int) -> int:
    """How many hosts these weights fill, heaviest first onto the first host with room."""
    return len(set(_packed(sorted(weights, reverse=True), whole_host)))


@dataclass(slots=True)
class _Draft:
    """A plan while it grows, region by region."""

    homes: dict[str, str] = field(default_factory=dict)
    waits: dict[str, str] = field(default_factory=dict)
    start: dict[str, int] = field(default_factory=dict)
    stop: list[str] = field(default_factory=list)
    crowded: list[str] = field(default_factory=list)


def _runs_at(hosts: Sequence[HostState]) -> dict[str, str]:
    runs_at: dict[str, str] = {}
    for host in hosts:
        for entity in host.carries:
            assert entity not in runs_at, (
                f"{entity} is carried by {runs_at[entity]} and {host.name}; ownership is one row"
            )
            runs_at[entity] = host.name
    return runs_at


def _fits(load: int, weight: int, whole_host: int) -> bool:
    """An empty host takes anything: what is heavier than a host is alone on it."""
    return load == 0 or load + weight <= whole_host


def _place_region(
    region: str, weights: Mapping[str, int], hosts: Sequence[HostState], limits: Limits, draft: _Draft
) -> None:
    """One region, which shares nothing with the others."""
    whole = limits.whole_host
    runs_here = {entity: host.name for host in hosts for entity in host.carries if entity in weights}
    loads = dict.fromkeys(sorted(host.name for host in hosts if not host.draining), 0)
    homes: dict[str, str] = {}

    leaving = []
    for entity in _heaviest_first(weights):
        home = runs_here.get(entity, "")
        if home in loads and _fits(loads[home], weights[entity], whole):
            _put(entity, weights[entity], home, homes, loads)
        else:
            leaving.append(entity)
    homeless = [entity for entity in leaving if not _settled(entity, weights[entity], homes, loads, whole)]

    starting = limits.starting.get(region, 0)
    if homeless:
        most = limits.hosts_max.get(region, len(loads) + starting + len(homeless))
        to_come = max(starting, most - len(loads))
        numbers = _packed([weights[entity] for entity in homeless], whole)
        for entity, number in zip(homeless, numbers, strict=True):
            here = runs_here.get(entity, "")
            if here and (number < to_come or here in loads or not loads):
                homes[entity] = here
            elif number < to_come:
                draft.waits[entity] = f"a host of region {region} is being started"
            elif loads:
                _put(entity, weights[entity], min(loads, key=lambda name: (loads[name], name)), homes, loads)
            else:
                draft.waits[entity] = f"region {region} may have {most} hosts and has none"
        if (more := min(max(numbers) + 1, to_come) - starting) > 0:
            draft.start[region] = more
    elif not leaving and not starting and len(loads) == len(hosts):
        _empty_one(weights, homes, loads, limits.hosts_least.get(region, 0), whole)
    draft.homes.update(homes)

    full: dict[str, list[int]] = {host.name: [] for host in hosts}
    for entity, home in homes.items():
        full[home].append(weights[entity])
    draft.crowded.extend(name for name, parts in full.items() if sum(parts) > whole and len(parts) > 1)
    idle = sorted((host for host in hosts if not host.carries and not full[host.name]), key=lambda host: host.name)
    draft.stop.extend(host.name for host in idle if host.draining)
    spare = max(0, len(loads) - limits.hosts_least.get(region, 0))
    draft.stop.extend([host.name for host in idle if not host.draining][:spare])


def _heaviest_first(weights: Mapping[str, int]) -> list[str]:
    return sorted(weights, key=lambda name: (-weights[name], name))


def _put(entity: str, weight: int, home: str, homes: dict[str, str], loads: dict[str, int]) -> None:
    homes[entity] = home
    loads[home] += weight


def _settled(entity: str, weight: int, homes: dict[str, str], loads: dict[str, int], whole: int) -> bool:
    """Put it on the first host with room, if there is one."""
    home = next((name for name, load in loads.items() if _fits(load, weight, whole)), None)
    if home is not None:
        _put(entity, weight, home, homes, loads)
    return home is not None


def _packed(weights: Sequence[int], whole: int) -> list[int]:
    """The number (0, 1, 2 ...) of the new host that each of these goes to, each onto the first with room."""
    loads: list[int] = []
    numbers = []
    for weight in weights:
        number = next((number for number, load in enumerate(loads) if _fits(load, weight, whole)), len(loads))
        if number == len(loads):
            loads.append(0)
        loads[number] += weight
        numbers.append(number)
    return numbers


def _empty_one(
    weights: Mapping[str, int], homes: dict[str, str], loads: dict[str, int], least: int, whole: int
) -> None:
    """Thrift: off the lightest host that the others have room for, if there are more than should be kept."""
    loaded = sorted((name for name in loads if loads[name]), key=lambda name: (loads[name], name))
    for light in loaded[: max(0, len(loaded) - least)]:
        others = {name: load for name, load in loads.items() if load and name != light}
        moved: dict[str, str] = {}
        leaving = _heaviest_first({entity: weights[entity] for entity, home in homes.items() if home == light})
        if all(_settled(entity, weights[entity], moved, others, whole) for entity in leaving):
            homes.update(moved)
            return
