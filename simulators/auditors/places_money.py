"""What lies where, counted at the source: versions, hours and money per place, per currency, in minor units.

The place is the runtime's word, the hours are the source's, and the money is the auditors' own price. Versions that
have no price, or are excluded, keep their hours apart as unvalued; money is never guessed.
"""

from dataclasses import dataclass, field

from simulators.auditors.pricing import Worth

UNSEEN = "unseen"


@dataclass(slots=True)
class PlaceSum:
    """One place: versions, quarters of an hour (`unvalued_quarters` of them without a price), and money."""

    count: int = 0
    quarters: int = 0
    unvalued_quarters: int = 0
    bill_minor: dict[str, int] = field(default_factory=dict)
    cost_minor: dict[str, int] = field(default_factory=dict)

    def add(self, quarter_hours: int, worth: Worth | None) -> None:
        """Count one version in."""
        self.count += 1
        self.quarters += quarter_hours
        if worth is None:
            self.unvalued_quarters += quarter_hours
            return
        bill, cost = self.bill_minor, self.cost_minor
        bill[worth.bill_currency] = bill.get(worth.bill_currency, 0) + worth.bill_minor
        cost[worth.cost_currency] = cost.get(worth.cost_currency, 0) + worth.cost_minor

    def join(self, other: "PlaceSum") -> None:
        """Add another sum of the same place."""
        self.count += other.count
        self.quarters += other.quarters
        self.unvalued_quarters += other.unvalued_quarters
        for mine, theirs in ((self.bill_minor, other.bill_minor), (self.cost_minor, other.cost_minor)):
            for currency, minor in theirs.items():
                mine[currency] = mine.get(currency, 0) + minor
