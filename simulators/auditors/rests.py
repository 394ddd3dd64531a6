"""S10, call budget, as manners: who asked us to wait was left alone, a closed system was probed by one call at a time,
and nobody hammered the login.

Judged by what left our side, as the driver saw it, so a call that was on the wire when we were told counts for nothing.
"""

from bisect import bisect_left, bisect_right
from itertools import pairwise

from simulators.auditors.allowances import CallAllowance
from simulators.auditors.finding import Held
from simulators.evidence import AccountEvidence

THROTTLED, MAINTENANCE = 429, 503
LOGIN = "login"
ELSE = frozenset({"throttled", "login", "locked_out"})
"""Outcomes of calls by which an account that was closed is thought to be open, or will be after a rest."""
HOUR_MS = 3_600_000
MOST_SECONDS = 1_000_000_000
"""A number of seconds beyond that is none."""


def rests_kept(account: AccountEvidence, allowance: CallAllowance, held: Held) -> None:
    """No call leaves between a 429 that says how long to wait and the end of that wait."""
    left, late = account.left, 0
    for at_ms, status, text in account.told:
        rest_ms = min(_seconds(text) * 1_000, allowance.longest_rest_ms) if status == THROTTLED else 0
        if rest_ms:
            count = max(0, bisect_left(left, at_ms + rest_ms) - bisect_right(left, at_ms + allowance.late_by_ms))
            late += count
            if count and late > allowance.late_leavers:
                what = f"{count} calls within {rest_ms // 1000} s of a 429 that asked for {text} s"
                held.found(account.account, "", f"{account.account}: {what}", at_ms=at_ms)


def probed_one_by_one(account: AccountEvidence, allowance: CallAllowance, held: Held) -> None:
    """Once we have heard that a system is down, calls leave apart from each other until it is up again."""
    if not account.closed or not account.told:
        return
    left = account.left
    for from_ms, until_ms, kind in account.closed:
        heard = (at for at, status, _ in account.told if status == MAINTENANCE and from_ms <= at < until_ms)
        first_ms = next(heard, until_ms)
        leaving = left[bisect_right(left, first_ms) : bisect_left(left, until_ms)]
        together = sum(later - earlier < allowance.probe_gap_ms for earlier, later in pairwise(leaving))
        if together <= allowance.outage_grace_calls:
            continue
        # Whoever is told something else in front of a closed system meets the closed door once more.
        met = sum(
            from_ms <= call.at_ms < until_ms and call.kind != LOGIN and call.outcome in ELSE for call in account.calls
        )
        if together > allowance.outage_grace_calls + met * allowance.concurrent_calls:
            minutes = (until_ms - from_ms) // 60_000
            text = f"{account.account}: {together} probes left together in a {kind} of {minutes} minutes"
            held.found(account.account, "", text, at_ms=from_ms)


def logins_rare(account: AccountEvidence, allowance: CallAllowance, held: Held) -> None:
    """In no hour are there more logins than back-off and a session war explain: a user must not lock itself out."""
    at = [call.at_ms for call in account.calls if call.kind == LOGIN]
    most = allowance.logins_an_hour
    for first, last in zip(at, at[most:], strict=False):
        if last - first < HOUR_MS:
            text = f"{account.account}: more than {most} logins within an hour"
            held.found(account.account, "", text, at_ms=first)
            return


def _seconds(text: str) -> int:
    """What a Retry-After says in seconds; 0 for a date, for words and for what is no length of time."""
    return int(text) if text.isascii() and text.isdigit() and int(text) < MOST_SECONDS else 0
