"""`due(state, permits, now_ms)`: what should be done next. The same after a restart as before it.

Questions to the ledger come first (doubt is money nobody can account for), then postings, then the PSA. An effect is
a proposal: it leaves only after the shell has journalled `Sending`, which is when the state learns of it.
"""

from bisect import bisect_left

from runtime.core.effects import Effect, Fetch, FrozenRow, LookUp, Recount, SendBatch, Status, TellPsa
from runtime.core.partition.queue import batch_due, first_in_line, lingers_until
from runtime.core.partition.state import State, Tracked, status_of
from runtime.core.partition.steps import Go, next_step, posting_for
from runtime.core.value import value


@value
class Permits:
    """How many calls may be started now, per account."""

    erp: int = 0
    psa: int = 0


def due(state: State, permits: Permits, now_ms: int) -> list[Effect]:
    """The effects that should start at `now_ms`, at most as many as permitted."""
    made: list[Effect] = []
    if permits.erp:
        _to_the_erp(state, permits.erp, now_ms, made)
    if permits.psa:
        _to_the_psa(state, permits.psa, now_ms, made)
    return made


def wanted(state: State, now_ms: int) -> Permits:
    """How many calls this partition would start now if it were free to."""
    policy = state.policy
    erp = bisect_left(state.ask_order, (now_ms + 1,))
    if batch_due(state, now_ms):
        erp += max(1, state.ready_count // policy.batch_max)
    psa = int(_tell_due(state, now_ms)) + int(_recount_due(state, now_ms)) + int(_fetch_due(state, now_ms))
    if not (erp or psa):
        return _NOTHING
    posting = sum(1 for call in state.calls.values() if call.kind in ("post", "look_up"))
    beside = len(state.calls) - posting
    return Permits(max(0, min(erp, policy.calls_max - posting)), max(0, min(psa, 2, PSA_CALLS_MAX - beside)))


_NOTHING = Permits()
PSA_CALLS_MAX = 4
"""Calls to the PSA that one partition has on the wire at once (ours): telling and fetching may wait for each other."""


def next_due_ms(state: State, after_ms: int = -1) -> int | None:
    """When to look again: one timer per partition, however many rows wait (None: nothing will fall due).

    With `after_ms`, instants up to then do not count: what fell due before waits for a permit, and must not hide what
    falls due next.
    """
    times = []
    if state.ask_order:
        times.append(state.ask_order[0][0])
    if state.resting:
        times.append(state.resting[0][0])
    if state.ready_count and not state.head.paused:
        lingers = lingers_until(state)
        assert lingers is not None
        times.append(lingers)
    if state.groups and not state.head.paused:
        times.append(state.now_ms)
    if state.untold:
        times.append(next(iter(state.untold.values())) + state.policy.tell_linger_ms)
    if state.head.recount_at_ms is not None and state.policy.recounts:
        times.append(state.head.recount_at_ms)
    if state.missing:
        times.append(state.head.fetch_at_ms)
    return min((at_ms for at_ms in times if at_ms > after_ms), default=None)


def look_again_ms(state: State, now_ms: int) -> int | None:
    """When a driver that has done everything it may should look again; None when only news can change anything."""
    first_ms = next_due_ms(state)
    if first_ms is None or first_ms > now_ms:
        return first_ms
    # Something waits for a permit, which wakes the partition. It is looked after now and then all the same; the more
    # rarely the longer it waits, since an account may stay closed for days.
    rest_ms = min(max(LOOK_AGAIN_MS, (now_ms - first_ms) // LOOK_AGAIN_SHARE), LOOK_AGAIN_MOST_MS)
    next_ms = next_due_ms(state, now_ms)
    return now_ms + rest_ms if next_ms is None else min(next_ms, now_ms + rest_ms)


LOOK_AGAIN_MS, LOOK_AGAIN_MOST_MS = 15_000, 5 * 60_000
"""How rarely a partition that waits for a permit looks for what else is to be done: at first, and in the end (ours)."""
LOOK_AGAIN_SHARE = 240
"""In between after this part of the time that it has waited, which is more than at first from an hour on (ours)."""


def _call_id(state: State, made: list[Effect]) -> str:
    return f"{state.policy.entity}.{state.head.epoch}.{state.head.seq + len(made) + 1}"


# ------------------------------------------------------------------ the ERP


def _to_the_erp(state: State, permits: int, now_ms: int, made: list[Effect]) -> None:
    for at_ms, ask_id in state.ask_order:
        if at_ms > now_ms or len(made) == permits:
            break
        ask = state.asks[ask_id]
        made.append(LookUp(_call_id(state, made), ask_id, ask.by, ask.names))
    if len(made) < permits and batch_due(state, now_ms):
        rows = tuple(
            row for tracked in first_in_line(state, state.policy.batch_max) if (row := _row(state, tracked)) is not None
        )
        if rows:
            made.append(SendBatch(_call_id(state, made), rows))


def _row(state: State, tracked: Tracked) -> FrozenRow | None:
    """The row that the entry sends next; None if it cannot go, which `decide` has said when the permit came."""
    step = next_step(state, tracked)
    if isinstance(step, FrozenRow):
        return step
    if isinstance(step, Go):
        return state.policy.freeze(posting_for(state, tracked, step))
    return None


# ------------------------------------------------------------------ the PSA


def _to_the_psa(state: State, permits: int, now_ms: int, made: list[Effect]) -> None:
    allowed = len(made) + permits
    if _tell_due(state, now_ms):
        made.append(TellPsa(_call_id(state, made), _statuses(state)))
    if len(made) < allowed and _fetch_due(state, now_ms):
        heads = tuple(head for head, _ in zip(state.missing, range(state.policy.fetch_max), strict=False))
        made.append(Fetch(_call_id(state, made), heads))
    if len(made) < allowed and _recount_due(state, now_ms):
        head = state.head
        made.append(Recount(_call_id(state, made), head.recount_since_ms, head.recount_page))


def _tell_due(state: State, now_ms: int) -> bool:
    if len(state.untold) >= state.policy.tell_max:
        return True
    return bool(state.untold) and next(iter(state.untold.values())) + state.policy.tell_linger_ms <= now_ms


def _fetch_due(state: State, now_ms: int) -> bool:
    return bool(state.missing) and state.head.fetch_at_ms <= now_ms


def _recount_due(state: State, now_ms: int) -> bool:
    at_ms = state.head.recount_at_ms
    return at_ms is not None and at_ms <= now_ms and state.policy.recounts


def _statuses(state: State) -> tuple[Status, ...]:
    seq = state.head.seq
    told: list[Status] = []
    for entry_id in state.untold:
        status = status_of(state.entries[entry_id])
        assert status is not None, f"{entry_id}: nothing to tell"
        seq += 1
        told.append(Status(entry_id, status[0], status[1], status[2], seq))
        if len(told) == state.policy.tell_max:
            break
    return tuple(told)
