"""When to try again: pure functions, state in and out."""

from runtime.core.value import value


@value
class AskFirst:
    """The outcome is unknown: look it up, and not before this instant."""

    ask_at_ms: int


@value
class SendAgain:
    """The call definitely did nothing: the same intent may be sent again."""


def after_silence(given_up_ms: int, late_landing_ms: int, lookup_lag_ms: int) -> AskFirst | SendAgain:
    """What follows a call that got no answer (D4).

    Silence is doubt. The ledger is asked once a call we gave up on can no longer arrive and its look-up has caught
    up; only what it then lacks is sent again.
    """
    return AskFirst(given_up_ms + late_landing_ms + lookup_lag_ms)


def back_off(times: int, first_ms: int, most_ms: int) -> int:
    """How long to rest after the n-th failure in a row (n from 1): doubling, with a ceiling."""
    return int(min(most_ms, first_ms << min(times - 1, 30)))
