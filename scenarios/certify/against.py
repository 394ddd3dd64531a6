"""What changed since another certificate: better, worse, newly tried, no longer tried.

Rule 1. Only what both tried is compared: the same cell, the same target, the same oracle.
Rule 2. A number counts as changed beyond `NOTICED`, since the seeds need not be the same; what passed a target in
        either direction always does.
Rule 3. A different set of seeds of a cell is told: a worst over ten seeds is no better for being a worst over two.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from scenarios.certify.certificate import GRAVITY, CellFound, Certificate, Change, Difference, SlaOverSeeds, used_up
from scenarios.report.wording import amount, count, duration

NOTICED = 0.05
"""A twentieth (ours)."""
T = TypeVar("T")


def difference(now: Certificate, before: Certificate, file: str) -> Difference:
    """What changed from `before` to `now`; `file` is where `before` was read from."""
    better: list[Change] = []
    worse: list[Change] = []
    old, new = ({cell.key: cell for cell in one.cells} for one in (before, now))
    for key in _both(old, new):
        _cell(key, old[key], new[key], better, worse)
    _invariants(before, now, better, worse)
    _swarms(before, now, better, worse)
    _loads(before, now, better, worse)
    return Difference(
        file=file,
        made_at=before.made_at,
        commit=before.commit,
        exit=before.ruling.exit,
        word=before.ruling.word,
        better=better,
        worse=worse,
        newly_tried=_only_in(now, before),
        no_longer_tried=_only_in(before, now),
    )


def _both(old: Mapping[str, T], new: Mapping[str, T]) -> Iterable[str]:
    return (key for key in new if key in old)


# ------------------------------------------------------------------ what both tried


def _cell(key: str, old: CellFound, new: CellFound, better: list[Change], worse: list[Change]) -> None:
    targets = {sla.name: sla for sla in old.slas}
    for sla in new.slas:
        if sla.name in targets:
            _target(key, targets[sla.name], sla, better, worse)
    # Where targets count they say this already.
    if not (old.slas and new.slas) and old.p99 and new.p99:
        _number(f"{key}: worst p99", old.p99.most, new.p99.most, duration, better, worse)
    if old.drain and new.drain and not new.slas:
        _number(f"{key}: longest drain", old.drain.seconds, new.drain.seconds, duration, better, worse)
    was, now = (sum(one.at_risk.versions.values()) if one.at_risk else 0 for one in (old, new))
    _number(f"{key}: versions outside the ledger at the end", was, now, _counted, better, worse)


def _target(key: str, old: SlaOverSeeds, new: SlaOverSeeds, better: list[Change], worse: list[Change]) -> None:
    was, now = old.held == old.runs, new.held == new.runs
    change = Change(what=f"{key}: {new.name}", before=_said(old), after=_said(new))
    if was != now:
        (better if now else worse).append(change)
    elif old.worst is not None and new.worst is not None and _moved(old.worst, new.worst, new):
        (better if (new.worst < old.worst) == (new.compare == "at_most") else worse).append(change)


def _said(sla: SlaOverSeeds) -> str:
    held = "held" if sla.held == sla.runs else f"missed by {sla.runs - sla.held} of {sla.runs}"
    return f"{amount(sla.worst, sla.unit, sla.unmeasured)} ({held})"


def _number(
    what: str,
    old: float,
    new: float,
    say: Callable[[float], str],
    better: list[Change],
    worse: list[Change],
) -> None:
    if _apart(old, new):
        (better if new < old else worse).append(Change(what=what, before=say(old), after=say(new)))


def _moved(old: float, new: float, sla: SlaOverSeeds) -> bool:
    """Of a share that is near all of it a twentieth is no measure; there it is a twentieth of what may be missing."""
    if sla.compare == "at_most":
        return _apart(old, new)
    used = [used_up(number, sla.target, sla.compare) for number in (old, new)]
    return abs(used[1] - used[0]) > NOTICED


def _counted(number: float) -> str:
    return count(int(number))


def _apart(old: float, new: float) -> bool:
    return abs(new - old) > NOTICED * max(abs(old), abs(new))


def _invariants(before: Certificate, now: Certificate, better: list[Change], worse: list[Change]) -> None:
    known = {one.id: one for one in before.invariants}
    for one in now.invariants:
        if one.id in known and bool(one.violated) != bool(known[one.id].violated):
            said = [f"violated in {each.violated} runs" if each.violated else "held" for each in (known[one.id], one)]
            change = Change(what=f"{one.id} {one.name}", before=said[0], after=said[1])
            (worse if one.violated else better).append(change)


def _swarms(before: Certificate, now: Certificate, better: list[Change], worse: list[Change]) -> None:
    if before.swarm is None or now.swarm is None:
        return
    if before.swarm.exit != now.swarm.exit:
        said = [
            f"{one.violations} violated, {one.unsettled} not settled, {one.unknown} unknown, of {one.seeds:,} seeds"
            for one in (before.swarm, now.swarm)
        ]
        change = Change(what="swarm", before=said[0], after=said[1])
        (worse if GRAVITY[now.swarm.exit] > GRAVITY[before.swarm.exit] else better).append(change)


def _loads(before: Certificate, now: Certificate, better: list[Change], worse: list[Change]) -> None:
    known = {load.name: load for load in before.loads if load.tried}
    for load in now.loads:
        earlier = known.get(load.name)
        if load.tried and earlier is not None and load.exit != earlier.exit:
            change = Change(what=f"load {load.name}", before=earlier.sentence, after=load.sentence)
            (worse if GRAVITY[load.exit] > GRAVITY[earlier.exit] else better).append(change)


# ------------------------------------------------------------------ what only one tried


def _only_in(one: Certificate, other: Certificate) -> list[str]:
    """What `one` tried and `other` did not."""
    found = []
    theirs = {cell.key: cell for cell in other.cells}
    for cell in one.cells:
        if cell.key not in theirs:
            found.append(f"{cell.key}, {len(cell.seeds)} seeds")
            continue
        seeds = sorted(set(cell.seeds) - set(theirs[cell.key].seeds))
        if seeds:
            found.append(f"{cell.key}: {_ranges(seeds)}")
    if one.swarm is not None:
        mine = range(one.swarm.first, one.swarm.first + one.swarm.seeds)
        known = range(0)
        if other.swarm is not None:
            known = range(other.swarm.first, other.swarm.first + other.swarm.seeds)
        fresh = [seed for seed in mine if seed not in known]
        if fresh:
            found.append(f"swarm: {_ranges(fresh)}")
    loads = {load.name for load in other.loads if load.tried}
    found += [f"load {load.name}" for load in one.loads if load.tried and load.name not in loads]
    struck = [kind for kind in one.coverage.faults if kind not in other.coverage.faults]
    if struck:
        found.append(f"faults {', '.join(struck)}")
    oracles = {each.id for each in other.invariants}
    found += [f"oracle {each.id} {each.name}" for each in one.invariants if each.id not in oracles]
    return found


def _ranges(seeds: list[int]) -> str:
    """[1, 2, 3, 7] -> "seeds 1 to 3, 7"."""
    parts: list[list[int]] = []
    for seed in seeds:
        if parts and parts[-1][-1] == seed - 1:
            parts[-1][1:] = [seed]
        else:
            parts.append([seed])
    said = ", ".join(f"{part[0]} to {part[-1]}" if len(part) > 1 else str(part[0]) for part in parts)
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {said}"
