"""L5, every scheduled read covers its window: no gap between one read of the source's list and the next.

    read     the pages from the first one (no token) to the one that names no next page
    window   from the instant since which it was asked for, to when it began

A read counts when it was read to its end; one that was broken off, or taken for complete at a short page, covers
nothing. So the next read has to reach back to the begin of the last one that counted, and behind that as far as the
declared overlap, less what the clock of the reader's machine may be ahead. Tokens tell reads apart: a page belongs to
the read that was last given its token.
"""

from simulators.auditors.allowances import Allowances
from simulators.auditors.finding import Held
from simulators.evidence import Evidence, ListingRead


def whole_reads(evidence: Evidence, allowances: Allowances, held: Held) -> None:
    """Every read reaches back to where the last whole one began; and whole ones, plain and full, are never overdue."""
    began: dict[str, ListingRead] = {}
    covered: ListingRead | None = None
    last_full: ListingRead | None = None
    reach_ms = allowances.overlap_ms - allowances.ahead_ms
    for page in evidence.reads:
        first = page
        if page.page:
            first = began.get(page.page, page)
            if first.page:
                continue  # A page of a read whose begin nobody saw.
        elif covered is not None and page.since_ms > covered.at_ms - reach_ms:
            gap_s = (page.since_ms - covered.at_ms + reach_ms) // 1000
            text = f"{evidence.entity}: a read of the list leaves out {gap_s} s that no read before it covered"
            held.found(evidence.entity, "", text, at_ms=page.at_ms)
        if page.next_page:
            began[page.next_page] = first
            continue
        if covered is None or first.at_ms > covered.at_ms:
            covered = first
        if first.since_ms <= allowances.full_since_ms and (last_full is None or first.at_ms > last_full.at_ms):
            last_full = first
    _overdue(evidence, covered, allowances.read_after_ms, "read", held)
    _overdue(evidence, last_full, allowances.full_read_after_ms, "full read", held)


def _overdue(evidence: Evidence, last: ListingRead | None, after_ms: int, what: str, held: Held) -> None:
    if after_ms and (last is None or last.at_ms < after_ms):
        text = f"{evidence.entity}: no {what} of the list was begun and finished in the last part of the run"
        held.found(evidence.entity, "", text, at_ms=after_ms)
