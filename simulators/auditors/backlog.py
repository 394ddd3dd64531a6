"""L3, recovery: after an outage of length w the backlog is cleared within w times a factor, and a constant.

Judged per legal entity and outage of its ERP account: of the entries that we had heard of before its end and that
had not landed by then, three quarters have landed by the bound. A quarter may be late for reasons of its own: a doubt,
a lock, a number that is taken. Outages whose bounds run into each other are one. Where finance moved a period
meanwhile, and beyond the calm end of the run, nothing is judged; nor is what was parked, corrected or excluded.
"""

from collections.abc import Iterable

from simulators.auditors.allowances import Allowances
from simulators.auditors.finding import Held
from simulators.evidence import AccountEvidence, Evidence

PPM = 1_000_000
LATE_SHARE = 4
"""At most one in so many may be late."""
FEWEST = 4
"""With fewer entries waiting a share says nothing."""
APART_MS = 6 * 3_600_000
"""Outages closer to each other than this are judged as one (assumed: the bound of a short one, and time to work)."""

Span = tuple[int, int]


def outages(account: AccountEvidence) -> list[Span]:
    """When the account could really not be used, as the source knows it: sorted, joined where they are close."""
    return joined_spans((at, until) for at, until, _ in (*account.closed, *account.away))


def joined_spans(spans: Iterable[Span]) -> list[Span]:
    """Sorted, and joined where they are close."""
    joined: list[Span] = []
    for from_ms, until_ms in sorted(spans):
        if joined and from_ms <= joined[-1][1] + APART_MS:
            joined[-1] = (joined[-1][0], max(joined[-1][1], until_ms))
        else:
            joined.append((from_ms, until_ms))
    return joined


def recovered(evidence: Evidence, out: list[Span], allowances: Allowances, held: Held) -> None:
    """Every outage that left enough waiting."""
    if not out or not evidence.checkpoints:
        return
    if evidence.paused:
        # An operator's pause holds up like an outage, and what it touches ends with the later of the two.
        out = joined_spans((*out, *evidence.paused))
    end_ms = evidence.checkpoints[-1].at_ms
    expected = _expected(evidence)
    landed: dict[str, int] = {}
    for line in evidence.lines:
        landed.setdefault(line.entry_id, line.at_ms)
    for from_ms, until_ms in out:
        by_ms = until_ms + (until_ms - from_ms) * allowances.recovery_ppm // PPM + allowances.recovery_ms
        if by_ms > end_ms or any(from_ms < period.at_ms <= by_ms for period in evidence.periods):
            continue
        waiting = [
            entry_id for entry_id, heard_ms in expected.items() if heard_ms < until_ms <= landed.get(entry_id, end_ms)
        ]
        late = sum(landed.get(entry_id, end_ms) > by_ms for entry_id in waiting)
        if len(waiting) >= FEWEST and late * LATE_SHARE > len(waiting):
            hours = (by_ms - until_ms) // 3_600_000
            text = f"{evidence.entity}: {late} of {len(waiting)} that waited still did {hours} hours after an outage"
            held.found(evidence.entity, "", text, at_ms=until_ms)


def _expected(evidence: Evidence) -> dict[str, int]:
    """Entries that were approved once and ended posted, with nothing in their way but the account; and since when.

    Since when is when the runtime first had them: what was lost or unreadable on its way waited for its source.
    """
    parked = {park.entry_id for park in evidence.parks}
    posted = {place.entry_id for place in evidence.final if place.place == "posted"}
    return {
        entry_id: evidence.heard_ms[entry_id]
        for entry_id, versions in evidence.versions.items()
        if len(versions) == 1 and entry_id in posted and entry_id not in parked and entry_id in evidence.heard_ms
    }
