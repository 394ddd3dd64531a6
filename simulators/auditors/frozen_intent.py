"""S9, frozen intent: all attempts under one key carry the same bytes."""

from simulators.auditors.finding import Held
from simulators.evidence import Evidence


def frozen_intent(evidence: Evidence, held: Held) -> None:
    """Every key that came a second time with other bytes, with the entry of its line where one landed."""
    if not evidence.changed_attempts:
        return
    lines = {line.key: line for line in evidence.lines}
    for key in evidence.changed_attempts:
        line = lines.get(key)
        held.found(
            evidence.entity,
            line.entry_id if line else "",
            f"key {key} was sent again with other bytes",
            (line.version,) if line else (),
            line.bill_minor if line else None,
            line.bill_currency if line else "",
            line.at_ms if line else 0,
        )
