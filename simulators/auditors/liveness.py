"""L1, drain, and L2, progress per lane: when the faults are over, what was begun finishes, entity by entity."""

from collections.abc import Iterable
from itertools import pairwise

from simulators.auditors.allowances import Allowances
from simulators.auditors.finding import Held
from simulators.auditors.story import UNSETTLED, Story
from simulators.evidence import AccountEvidence, Checkpoint, Evidence

WAITING = ("in_flight", "in_doubt")
"""Places where the runtime has to act. What is staged waits for the ERP."""

FINISHED = ("posted", "parked", "superseded", "waived", "excluded")

DOOR_SHUT = frozenset({"throttled", "maintenance", "login", "locked_out"})
"""Outcomes of a call after which the account cannot be used until one is served."""

NEARLY_FULL_PPM = 800_000
"""A quota window used to this share may well have had no room for one more entity (assumed)."""


def drained(story: Story, held: Held) -> None:
    """L1: nothing is in flight, in doubt, staged or unseen at the end."""
    for place in story.places:
        if place.place in UNSETTLED:
            worth = story.worth_of(place.version)
            held.found(
                story.entity,
                story.entry_id,
                f"{story.entry_id} version {place.version} is still {place.place} at the end",
                (place.version,),
                None if worth is None else worth.bill_minor,
                "" if worth is None else worth.bill_currency,
            )


def busy_spans(account: AccountEvidence) -> list[tuple[int, int]]:
    """When the account could not be used by everybody who wanted to: down, locked, throttling, or its quota used up.

    Sorted, not overlapping, half open.
    """
    spans = [(from_ms, until_ms) for from_ms, until_ms, _ in account.closed]
    window_ms = account.quota_window_ms
    used: dict[int, int] = {}
    shut_since: int | None = None
    for call in account.calls:
        if account.quota_calls and window_ms:
            used[call.at_ms // window_ms] = used.get(call.at_ms // window_ms, 0) + 1
        if call.outcome in DOOR_SHUT:
            shut_since = call.at_ms if shut_since is None else shut_since
        elif shut_since is not None:
            spans.append((shut_since, call.at_ms))
            shut_since = None
    if shut_since is not None:
        spans.append((shut_since, account.calls[-1].at_ms))
    enough = account.quota_calls * NEARLY_FULL_PPM
    spans += [(w * window_ms, (w + 1) * window_ms) for w, count in used.items() if count * 1_000_000 >= enough]
    return merged_spans(spans)


def merged_spans(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans sorted, and joined where they touch."""
    merged: list[tuple[int, int]] = []
    for from_ms, until_ms in sorted(spans):
        if merged and from_ms <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], until_ms))
        else:
            merged.append((from_ms, until_ms))
    return merged


def progress(evidence: Evidence, busy: list[tuple[int, int]], allowances: Allowances, held: Held) -> None:
    """L2: while work waits and the door is open, something finishes within `step_ms`.

    To be parked is to finish, also where a person tries again before the next look.
    """
    idle = position = 0
    parked = [park.at_ms for park in evidence.parks]
    for before, after in pairwise(evidence.checkpoints):
        waits = any(before.counts.get(place, 0) for place in WAITING)
        if (
            after.at_ms <= allowances.calm_from_ms
            or not waits
            or _finished(after) != _finished(before)
            or any(before.at_ms < at_ms <= after.at_ms for at_ms in parked)
        ):
            idle = 0
            continue
        while position < len(busy) and busy[position][1] <= before.at_ms:
            position += 1
        from_ms = max(before.at_ms, allowances.calm_from_ms)
        free = after.at_ms - from_ms
        for begin, end in busy[position:]:
            if begin >= after.at_ms:
                break
            free -= max(0, min(end, after.at_ms) - max(begin, from_ms))
        if idle <= allowances.step_ms < idle + free:
            waiting = sum(after.counts.get(place, 0) for place in WAITING)
            minutes = (idle + free) // 60_000
            text = (
                f"{evidence.entity}: {waiting} versions wait, the door is open, nothing finished for {minutes} minutes"
            )
            held.found(evidence.entity, "", text, at_ms=after.at_ms)
        idle += free


def _finished(checkpoint: Checkpoint) -> int:
    return sum(checkpoint.counts.get(place, 0) for place in FINISHED)
