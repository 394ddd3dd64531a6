"""What the partition wants done in the world, in the imperative. A driver does it and brings the answer back.

Every effect is one call of one connector account. Before it leaves, the shell journals that it is about to
(`inputs.Sending`), so that after a crash every call that may have left is known.
"""

from runtime.core.model import Posting
from runtime.core.value import value


@value
class FrozenRow:
    """A posting and the canonical text that is sent for it, attempt after attempt."""

    posting: Posting
    text: str
    fingerprint: str


@value
class SendBatch:
    """Post these rows to the project ledger, in this order."""

    call_id: str
    rows: tuple[FrozenRow, ...]
    account: str = "erp"


@value
class LookUp:
    """Ask the ledger what it holds: by our keys, or by the entries themselves (`by="entry"`)."""

    call_id: str
    ask_id: int
    by: str
    names: tuple[str, ...]
    account: str = "erp"


@value
class Status:
    """The latest word on one entry for the PSA. `seq` grows with the partition's history; older news loses."""

    entry_id: str
    version: int
    status: str
    detail: str
    seq: int


@value
class TellPsa:
    """Tell the PSA where these entries stand."""

    call_id: str
    statuses: tuple[Status, ...]
    account: str = "psa"


@value
class Recount:
    """Ask the PSA which versions it has published since an instant; what we lack was lost on the way."""

    call_id: str
    since_ms: int
    page: str
    account: str = "psa"


@value
class Fetch:
    """Ask the PSA to publish these versions to us again."""

    call_id: str
    heads: tuple[tuple[str, int], ...]
    account: str = "psa"


Effect = SendBatch | LookUp | TellPsa | Recount | Fetch
