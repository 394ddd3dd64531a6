"""What an auditor says: a finding names the entry, its versions and the money; a tally counts and keeps the first ten.

    held        looked, and found nothing
    violated    found at least one breach
    unknown     found nothing, but there was too little to look at

Amounts are integer minor units of `currency`; instants are ms UTC.
"""

from dataclasses import dataclass, field

HELD = "held"
VIOLATED = "violated"
UNKNOWN = "unknown"

EXAMPLES_KEPT = 10
"""How many findings of one invariant are kept as examples; the rest are only counted (assumed: enough to read)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach of one invariant. `versions` are those it concerns; `amount_minor` is None where no money is."""

    invariant: str
    entity: str
    entry_id: str
    versions: tuple[int, ...]
    text: str
    amount_minor: int | None
    currency: str
    at_ms: int


@dataclass(slots=True)
class Held:
    """How one invariant fared: `status` is HELD, VIOLATED or UNKNOWN; `examples` are the first ten findings."""

    id: str
    name: str
    violations: int = 0
    examples: list[Finding] = field(default_factory=list)
    status: str = HELD

    def found(
        self,
        entity: str,
        entry_id: str,
        text: str,
        versions: tuple[int, ...] = (),
        amount_minor: int | None = None,
        currency: str = "",
        at_ms: int = 0,
    ) -> None:
        """Count one breach, and keep it if it is among the first ten."""
        self.violations += 1
        self.status = VIOLATED
        if len(self.examples) < EXAMPLES_KEPT:
            self.examples.append(Finding(self.id, entity, entry_id, versions, text, amount_minor, currency, at_ms))
