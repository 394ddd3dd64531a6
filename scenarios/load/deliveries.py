"""From a load profile to requests, each with the instant it is due."""

from typing import Literal, NamedTuple

from runtime.core.value import value
from scenarios.load.results import ApprovedRow

User = Literal["consultants", "managers", "machines", "auto_approval", "corrections", "operators"]
"""Who sends: people by their roles, and machines."""
To = Literal["runtime", "source"]
"""Whom a request goes to: the gateway of the runtime, or /admin of the mock source."""


class Entry(NamedTuple):
    """One version that a request carries."""

    entry: str
    version: int
    entity: str


@value
class Delivery:
    """One request, due `at_ms` after the start of the run (run time, ms)."""

    at_ms: int
    user: User
    to: To
    method: str
    path: str
    headers: dict[str, str]
    """Without who asks: the generator adds its key, or signs (`signed_by`)."""
    body: bytes
    entries: tuple[Entry, ...] = ()
    """What the runtime is told of by it, in the order of the body."""
    approved: tuple[ApprovedRow, ...] = ()
    """Versions that were approved and are not in any earlier delivery: the lines of approved.csv that it causes."""
    signed_by: str = ""
    """The source of webhooks whose secret signs the body when it is sent; empty: a bearer key."""
