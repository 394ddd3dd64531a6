"""Profiles of no vendor: one per way of treating idempotency keys, and some that vary one more thing.

All numbers are the marked defaults of `ErpProfile` unless given here; those given here are assumed.
"""

from simulators.systems.erp_profile import ErpProfile, Idempotency, Quota, Staging

BY_IDEMPOTENCY: dict[Idempotency, ErpProfile] = {
    how: ErpProfile(name=how.value, idempotency=how, staging=Staging() if how is Idempotency.ASYNC_JOB else None)
    for how in Idempotency
}
"""Each of the nine, everything else at its default."""

_VARIED: tuple[ErpProfile, ...] = (
    ErpProfile(name="atomic", batch_mode="atomic"),
    ErpProfile(name="atomic_unnamed", batch_mode="atomic", bad_row_named=False),
    ErpProfile(name="staging", staging=Staging()),
    ErpProfile(name="says_duplicate", duplicate_answer="duplicate"),
    ErpProfile(name="bare_throttle", quota=Quota(retry_after=False, refused_calls_count=True)),
    ErpProfile(name="lagging_reads", read_lag_ms=5_000),
    ErpProfile(name="record_locks", locked_ppm=3_000),
)

GENERIC: dict[str, ErpProfile] = {profile.name: profile for profile in (*BY_IDEMPOTENCY.values(), *_VARIED)}
"""Every generic profile by name."""
