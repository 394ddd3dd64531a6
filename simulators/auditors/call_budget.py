"""S10, call budget: no storm of calls, no more than the quota, and in maintenance one probe per back-off step.

Judged per connector account, for a quota and a maintenance window belong to the account. The findings carry the
account in place of an entity. A PSA has no quota here; there a version that was acknowledged is not fetched for ever.
"""

from bisect import bisect_left

from simulators.auditors.allowances import CallAllowance
from simulators.auditors.finding import Held
from simulators.evidence import AccountEvidence, Evidence

PPM = 1_000_000

USES_QUOTA = frozenset({"served", "throttled"})
"""Outcomes of calls that got as far as the quota; maintenance and log-in come before it."""
LOGIN = "login"
"""The kind of a call that asks for a token: served or not, it uses no quota."""


def call_budget(account: AccountEvidence, allowance: CallAllowance, held: Held) -> None:
    """The total, the fullest quota windows and every maintenance window."""
    calls = len(account.calls)
    if allowance.calls is not None and calls > allowance.calls:
        text = f"{account.account}: {calls} calls where {allowance.calls} would do"
        held.found(account.account, "", text, at_ms=account.calls[-1].at_ms)
    if account.quota_calls and account.quota_window_ms:
        # Windows stand on multiples of their length: a sliding and an aligned pacing both keep within those.
        fullest: dict[int, int] = {}
        for call in account.calls:
            if call.outcome not in USES_QUOTA or call.kind == LOGIN:
                continue
            window = call.at_ms // account.quota_window_ms
            fullest[window] = fullest.get(window, 0) + 1
        limit = account.quota_calls + account.quota_calls * allowance.quota_jitter_ppm // PPM + allowance.over_quota
        for window, count in fullest.items():
            if count > limit:
                text = f"{account.account}: {count} calls in one window, the quota is {account.quota_calls}"
                held.found(account.account, "", text, at_ms=window * account.quota_window_ms)
    if account.closed:
        instants = sorted(call.at_ms for call in account.calls)
        for from_ms, until_ms, kind in account.closed:
            count = bisect_left(instants, until_ms) - bisect_left(instants, from_ms)
            steps = -(-(until_ms - from_ms) // allowance.probe_step_ms)
            if count > steps + allowance.outage_grace_calls:
                seconds = (until_ms - from_ms) // 1000
                text = f"{account.account}: {count} calls in a {kind} of {seconds} s, {steps} would do"
                held.found(account.account, "", text, at_ms=from_ms)


ASKED_AGAIN_MOST = 8
"""Fetches of one version after it was acknowledged (ours): a listing may cross with the delivery, and the fetch that
follows is repeated for as long as its answers get lost, or come cut short. Unmodified code needs 3 in one seed of
fifty (measured); a recount that never learns needs 21."""


def fetched_once(evidence: Evidence, held: Held) -> None:
    """No version that was acknowledged is asked for again and again."""
    for (entry_id, version), times in evidence.asked_again.items():
        if times > ASKED_AGAIN_MOST:
            text = f"{entry_id} version {version} was acknowledged, and fetched {times} times since"
            held.found(evidence.entity, entry_id, text, (version,))
