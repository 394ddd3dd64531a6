"""What the gateway asks of its neighbours, besides `ports`: who somebody is, what time it is, who counts.

Rule 1. Everything is closed: a caller may do what a grant names, and nothing else. A grant is actions x regions x
        entities, "*" for all.
Rule 2. `may` with an entity asks about that entity in its region. `may` without asks about what belongs to no one
        entity (the audit, the dead letters, the process): only a grant for every entity of every region covers it.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol


class Action(StrEnum):
    """What one can be allowed to do."""

    INTAKE = "intake"
    """Deliver approvals and withdrawals."""
    REFERENCE = "reference"
    """Publish rates, projects, periods, workers, assignments, and that master data is ready."""
    STATUS = "status"
    TRACE = "trace"
    COMMAND = "command"
    """Pause, resume, retry, waive; and change the configuration while it runs."""
    DEAD_LETTERS = "dead_letters"
    AUDIT = "audit"
    METRICS = "metrics"
    DRAIN = "drain"


class NotLetInError(Exception):
    """Nobody we know, or not in this way: the request is answered with 401.

    `problem` is a key of `problems.PROBLEMS` ("not-authenticated", "token-expired"); `detail` is one sentence for
    the sender, and never repeats the credential.
    """

    def __init__(self, problem: str, detail: str) -> None:
        super().__init__(problem, detail)
        self.problem = problem
        self.detail = detail


class Caller(Protocol):
    """Somebody who was let in."""

    @property
    def who(self) -> str:
        """The name for the audit: "key:ops-1", "jwt:alice@example.com", "webhook:psa-de"."""

    def may(self, action: str, entity: str | None, region: str | None) -> bool:
        """Whether a grant covers this action on this entity in its region.

        Both None: whether a grant covers it for everything (rule 2). Region None with an entity: the entity is not
        configured, so only a grant for every region can cover it.
        """

    def may_somewhere(self, action: str) -> bool:
        """Whether any grant names this action at all, wherever."""


class Gatekeeper(Protocol):
    """Tells who somebody is."""

    async def let_in(self, authorization: str | None) -> Caller:
        """The caller behind an Authorization header (None: there was none). Raises NotLetInError."""


class Clock(Protocol):
    """The clocks of this process."""

    def wall_ms(self) -> int:
        """Now, ms UTC; never goes back."""

    def mono_ms(self) -> int:
        """Milliseconds that only tell how long something took."""


class Meters(Protocol):
    """Who counts what happens at the border, and shows it."""

    def intake_calls(self, calls: int) -> None:
        """So many intake requests are being served now."""

    def items(self, counts: Mapping[str, int]) -> None:
        """What became of the items of one delivery."""

    def intake_refused(self, bound: str) -> None:
        """A delivery met a bound of `ports.IntakeRefusedError`."""

    def requested(self, status: int, seconds: float) -> None:
        """A request was answered."""

    def webhook_refused(self, reason: str) -> None:
        """A delivery was not let in: "webhook-unsigned", "webhook-too-old" or "webhook-replayed"."""

    def refusal_left_out(self) -> None:
        """A refusal was not written into the audit, since its caller had enough of them there."""

    def dead_letters(self, counts: Mapping[str, int]) -> None:
        """How many dead letters are in each state."""

    def render(self) -> bytes:
        """All numbers in Prometheus' text format 0.0.4."""
