"""Who stands at the head of the queue, and whether a batch should leave now."""

from runtime.core.partition.state import State, Tracked


def first_in_line(state: State, most: int) -> list[Tracked]:
    """The entries of the next batch, at most `most`: a bisected half alone, else the queue in order."""
    entries = state.entries
    if state.groups:
        half = next(iter(state.groups.values()))
        return [entries[entry_id] for entry_id in half[:most]]
    return queue_in_order(state, most)


def queue_in_order(state: State, most: int) -> list[Tracked]:
    """The entries in line, first come first, at most `most`."""
    entries = state.entries
    line: list[Tracked] = []
    for ticket, entry_id in state.ready:
        tracked = entries.get(entry_id)
        if tracked is None or tracked.ticket != ticket:
            continue
        line.append(tracked)
        if len(line) == most:
            break
    return line


def behind_window(state: State, window: int) -> list[Tracked]:
    """Queued entries that need not be in memory: behind the first `window` in line, with no call open about them."""
    line = queue_in_order(state, len(state.ready))
    return [tracked for tracked in line[window:] if _idle(state, tracked)]


def _idle(state: State, tracked: Tracked) -> bool:
    return tracked.intent is None and not tracked.telling and tracked.entry_id not in state.untold


def batch_due(state: State, now_ms: int) -> bool:
    """Whether a batch should leave: a full one, a bisected half, or one whose oldest row has lingered long enough."""
    if state.head.paused:
        return False
    if state.groups or state.ready_count >= state.policy.batch_max:
        return True
    due_ms = lingers_until(state)
    return due_ms is not None and due_ms <= now_ms


def lingers_until(state: State) -> int | None:
    """When the oldest queued row will have lingered long enough; None when nothing is queued."""
    if not state.ready_count:
        return None
    for ticket, entry_id in state.ready:
        tracked = state.entries.get(entry_id)
        if tracked is not None and tracked.ticket == ticket:
            return tracked.queued_ms + state.policy.linger_ms
    raise AssertionError("the queue counts entries that it does not hold")
