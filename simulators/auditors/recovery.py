"""S12, recovery equivalence: a process that starts knows what the last one knew, and whatever was acknowledged.

Compared are checksums of every unfinished entry and of the books, as the last life left them and as the next one read
them. Where something became durable that the last life did not live to see, only the acknowledged is compared.
"""

from simulators.auditors.finding import Held
from simulators.evidence import Evidence


def same_after_recovery(evidence: Evidence, held: Held) -> None:
    """Before against found, found against a second reading, and nothing that was acknowledged lost."""
    for recovery in evidence.recoveries:
        where = f"{evidence.entity}, epoch {recovery.epoch}"
        for entry_id, version in recovery.lost:
            text = f"{where}: {entry_id} version {version} was acknowledged and is not there"
            held.found(evidence.entity, entry_id, text, (version,), at_ms=recovery.at_ms)
        for name in _differ(recovery.before, recovery.found):
            text = f"{where}: {name} is not as the last process knew it"
            held.found(evidence.entity, name, text, at_ms=recovery.at_ms)
        for name in _differ(recovery.found, recovery.again):
            text = f"{where}: {name} is read differently a second time"
            held.found(evidence.entity, name, text, at_ms=recovery.at_ms)


def _differ(one: dict[str, int] | None, other: dict[str, int]) -> list[str]:
    if one is None or one == other:
        return []
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
