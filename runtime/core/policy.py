"""What a partition is composed of: its numbers, the manners of its ERP, and the decisions it asks others for.

Everything that a firm may set or a harness may replace stands here by name. Targets and limits are ours.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from runtime.core.corrections import classify
from runtime.core.effects import FrozenRow
from runtime.core.keys import effect_key
from runtime.core.model import Correction, Leg, Posting, Project, TimeEntry, Valuation
from runtime.core.pacing import AskFirst, SendAgain, after_silence
from runtime.core.periods import Dated, Undated, accounting_date
from runtime.core.rating import DEFAULT_ORDER, RateCard, Unpriced, value_entry
from runtime.core.value import value

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


@value
class Policy:
    """The composition of one partition. Durations are in milliseconds."""

    tenant: str
    entity: str
    freeze: Callable[[Posting], FrozenRow]
    """The connector's mapping: a posting as the canonical text of a row, with its fingerprint."""

    batch_max: int = 100
    """Rows in one call, at most: the connector's maximum."""
    linger_ms: int = 5_000
    """How long the oldest queued row waits for others to fill its batch."""
    lookup_max: int = 100
    tell_max: int = 500
    tell_linger_ms: int = 30_000
    fetch_max: int = 200
    calls_max: int = 8
    """Calls of this partition on the wire at once, to one account."""

    call_deadline_ms: int = 30_000
    """How long a call may take before it is given up."""
    late_landing_ms: int = 10 * MINUTE_MS
    """After a call is given up, how long it may still land. Declared by the connector; the promise rests on it."""
    lookup_lag_ms: int = 0
    """How far the ERP's look-up may lag behind its ledger."""
    staged_poll_ms: int = 5 * MINUTE_MS
    """How often staged rows are asked after."""
    key_room: int = 200
    """The longest key the ERP keeps whole."""
    key_case_folded: bool = False
    """Whether the ERP takes keys that differ in case alone for one key."""
    staged_lost_after_ms: int = 24 * HOUR_MS
    """A staged row that the ERP does not show any more is a person's case after this long."""
    confirm_after_ms: int = 6 * HOUR_MS
    """An entry of which nothing stood for so long may have been posted by hand: the ledger is asked before a send."""
    recounts: bool = True
    """Whether the source is asked what it published. False rests on every event being delivered."""
    recount_every_ms: int = 6 * HOUR_MS
    recount_overlap_ms: int = 2 * HOUR_MS
    """Each recount reaches this far behind the last one, since events may be published late."""
    full_recount_every_ms: int = 0
    """Every so often a recount reaches back `full_recount_span_ms`, for what cursors and overlaps missed; 0: never."""
    full_recount_span_ms: int = 0
    must_know: tuple[str, ...] = ()
    """Reference data ("worker", "assignment") without which an entry parks, besides project, rates and period."""
    refusals_max: int = 12
    """Passing refusals of one row in a row before a person is asked."""
    back_off_ms: int = 30_000
    """Rest after a first passing refusal; doubles up to `back_off_max_ms`."""
    back_off_max_ms: int = 15 * MINUTE_MS

    module: str = "time"
    ledger: str = "primary"
    excluded_time_types: tuple[tuple[str, str], ...] = (("leave", "leave is not billed"), ("internal", "internal time"))
    """Time types that are not posted, each with the rule's name."""
    hours_per_day: Decimal = Decimal(8)
    rate_order: tuple[str, ...] = DEFAULT_ORDER
    mapping_version: int = 1

    key: Callable[[str, str, str, int, str, Leg, int, int, bool], str] = effect_key
    price: Callable[[RateCard, tuple[str, ...], TimeEntry, Project, int], Valuation | Unpriced] = value_entry
    date_posting: Callable[..., Dated | Undated] = accounting_date
    classify: Callable[[Posting, TimeEntry, Valuation], Correction] = classify
    after_silence: Callable[[int, int, int], AskFirst | SendAgain] = after_silence


LARGEST = 10 * 366 * 24 * HOUR_MS
"""No number that one may tune is larger: ten years in milliseconds."""


def _number(text: str) -> int:
    if len(text) > len(str(LARGEST)):
        raise ValueError(text)
    number = int(text)
    if not 0 <= number <= LARGEST:
        raise ValueError(text)
    return number


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _rules(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, f"{name} is excluded by configuration") for name in _names(text))


TUNABLE: dict[str, Callable[[str], Any]] = {
    "batch_max": _number,
    "linger_ms": _number,
    "tell_linger_ms": _number,
    "calls_max": _number,
    "staged_poll_ms": _number,
    "confirm_after_ms": _number,
    "recount_every_ms": _number,
    "recount_overlap_ms": _number,
    "full_recount_every_ms": _number,
    "full_recount_span_ms": _number,
    "refusals_max": _number,
    "back_off_ms": _number,
    "back_off_max_ms": _number,
    "mapping_version": _number,
    "rate_order": _names,
    "must_know": _names,
    "excluded_time_types": _rules,
}
"""What may be changed while a partition runs, and how its value is read. Lists are names with commas between them.

What the promise rests on (deadlines, late landing, the ERP's manners with keys) is not here: it takes a restart.
"""


LEAST = {
    "batch_max": 1,
    "calls_max": 1,
    "staged_poll_ms": 100,
    "confirm_after_ms": MINUTE_MS,
    "recount_every_ms": 1_000,
    "back_off_ms": 100,
    "back_off_max_ms": 100,
}
"""Below these a partition would ask all the time, or never send."""


def tuned(policy: Policy, changes: Iterable[tuple[str, str]]) -> Policy:
    """The policy with these changes. Raises ValueError, which says in one line what cannot be used."""
    read: dict[str, Any] = {}
    for name, text in changes:
        reader = TUNABLE.get(name)
        if reader is None:
            raise ValueError(f"{name} cannot be changed while a partition runs; one can change {', '.join(TUNABLE)}")
        try:
            read[name] = reader(text)
        except ValueError:
            shown = text if len(text) <= 40 else f"{text[:40]}…"
            raise ValueError(f"{name}: {shown!r} is no value for it; give a whole number from 0 to {LARGEST}") from None
    for name, least in LEAST.items():
        if read.get(name, least) < least:
            raise ValueError(f"{name} is at least {least}")
    unknown = [scope for scope in read.get("rate_order", ()) if scope not in DEFAULT_ORDER]
    if unknown:
        raise ValueError(f"rate_order: {unknown[0]!r} is no scope; there are {', '.join(DEFAULT_ORDER)}")
    return replace(policy, **read)
