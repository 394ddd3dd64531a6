"""Bugs of section B, idempotency: the same effect twice, or two effects under one name."""

from runtime.core.pacing import SendAgain
from simulators.faults.network import LostReply
from simulators.plants.plant import Plant
from simulators.plants.replace import Function


def _send_again(original: Function) -> Function:
    """Silence is taken for "nothing happened"."""

    def after_silence(given_up_ms: int, late_landing_ms: int, lookup_lag_ms: int) -> SendAgain:
        return SendAgain()

    return after_silence


PLANTS = (
    Plant(
        number="B3",
        name="resend_without_lookup",
        story="a time-out is taken for a failure and the rows are sent again without asking the ledger",
        replaces="runtime.core.pacing:after_silence",
        bug=_send_again,
        caught_by="S1",
        # One reply in ten: of 100 quiet weeks 99 then lose that of a posting, which S1 sees (measured; 88 at one in
        # twenty, where some lose only replies to reversals, and S7 sees those).
        faults=(LostReply(ppm=100_000, calls=("post",)),),
        profile="none",
        wild="toggl-open-source/toggldesktop#4801: lost response, then double entry",
    ),
)
