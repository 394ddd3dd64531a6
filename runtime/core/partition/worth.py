"""What approved entries would be worth here if they came in now: a question that changes nothing.

It asks the same `price` as `decide` does, with the rates and projects that the partition knows at this moment. What the
entries bring is theirs as a whole: of a newer version of an entry that stands already, the full new amount.
"""

from runtime.core.model import Valuation
from runtime.core.news import EntryApproved
from runtime.core.partition.state import State
from runtime.core.partition.steps import price, rule_against
from runtime.core.value import value

KNOWN = "known"
"""This version, or a newer one, is here already: taken in again it brings nothing."""
LEFT_OUT = "left_out"
"""A rule of the firm leaves such time out of the ledger."""


@value
class Worth:
    """What one entry would bill, in minor units of its currency.

    `why` is empty where the amount holds; else KNOWN, LEFT_OUT, or the key of PARKS that says why nobody can value it.
    """

    bill_minor: int
    currency: str
    why: str = ""


def worth(state: State, news: EntryApproved, seen: int) -> Worth:
    """What `news` would bring; `seen` is the bit mask of versions that the journal knows of an entry not in memory."""
    entry = news.entry
    tracked = state.entries.get(entry.entry_id)
    if seen >> entry.version or (tracked is not None and entry.version <= tracked.latest):
        return Worth(0, "", KNOWN)
    if rule_against(state.policy, entry) is not None:
        return Worth(0, "", LEFT_OUT)
    priced = price(state, entry, news.approval.decided_at_ms)
    if isinstance(priced, Valuation):
        return Worth(priced.bill_minor, priced.bill_currency)
    return Worth(0, "", priced.reason)
