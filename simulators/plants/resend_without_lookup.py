"""The classic: a time-out is taken for a failure, and the batch is sent again without asking the ledger.

Seen in the wild as "lost response, then double entry" (toggl-open-source/toggldesktop#4801, second-hand). The ERP of
this plant honours no key, so the second sending bills the client a second time.
"""

from dataclasses import replace

from runtime.core.pacing import AskFirst, SendAgain
from runtime.core.policy import Policy
from simulators.faults.network import LostReply
from simulators.plants.plant import Plant


def after_silence(given_up_ms: int, late_landing_ms: int, lookup_lag_ms: int) -> AskFirst | SendAgain:
    """Replaces `runtime.core.pacing.after_silence`: silence is taken for "nothing happened"."""
    return SendAgain()


def _recompose(policy: Policy) -> Policy:
    return replace(policy, after_silence=after_silence)


RESEND_WITHOUT_LOOKUP = Plant(
    name="resend_without_lookup",
    story="a time-out is taken for a failure and the rows are sent again without asking the ledger",
    replaces="runtime.core.pacing.after_silence",
    recompose=_recompose,
    # One reply in ten: of 100 quiet weeks 99 then lose that of a posting, which S1 sees (measured; 88 at one in twenty,
    # where some lose only replies to reversals, and S7 sees those).
    faults=(LostReply(ppm=100_000, calls=("post",)),),
    profile="none",
    caught_by="S1",
)
