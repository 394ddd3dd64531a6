"""What a newer version changed about an entry that already stands in the ledger (D8).

A correction that moves money or dimensions reverses exactly what was posted and posts anew; a narrative change
leaves the ledger alone. The gravest difference names the correction.
"""

from runtime.core.model import Correction, Posting, TimeEntry, Valuation


def classify(standing: Posting, entry: TimeEntry, valuation: Valuation) -> Correction:
    """The gravest difference between what stands and what should stand."""
    if standing.project != entry.project or standing.task != entry.task:
        return Correction.PROJECT
    if standing.quantity != entry.quantity or standing.unit != entry.unit or standing.work_date != entry.work_date:
        return Correction.QUANTITY
    if (
        standing.bill_minor != valuation.bill_minor
        or standing.cost_minor != valuation.cost_minor
        or standing.bill_currency != valuation.bill_currency
        or standing.cost_currency != valuation.cost_currency
    ):
        return Correction.RATE
    if standing.dimensions != entry.dimensions or standing.worker != entry.worker or standing.role != entry.role:
        return Correction.DIMENSION
    if standing.narrative != entry.invoice_narrative:
        return Correction.NARRATIVE
    return Correction.NONE


LEDGER_MOVES: frozenset[Correction] = frozenset(
    {Correction.PROJECT, Correction.QUANTITY, Correction.RATE, Correction.DIMENSION}
)
"""The corrections that the ledger has to see; the others are carried by the newer version as it is."""
