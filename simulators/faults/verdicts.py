"""The closed set of what a fault can do to one call between the runtime and a system."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Pass:
    """Nothing happens to this call."""


@dataclass(frozen=True, slots=True)
class LoseTheRequest:
    """The request never arrives; the caller waits until its deadline."""


@dataclass(frozen=True, slots=True)
class LoseTheReply:
    """The work is done and the answer is lost; the caller waits until its deadline."""


@dataclass(frozen=True, slots=True)
class LandLate:
    """The request lands `after_ms` after it was sent, later than its deadline; nobody hears the answer."""

    after_ms: int


@dataclass(frozen=True, slots=True)
class DeliverTwice:
    """The network delivers the request a second time, `gap_ms` later; the first answer is heard."""

    gap_ms: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """Something in front of the system answers instead of it. `retry_after` is the header as it is sent, if it is."""

    status: int
    retry_after: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Delay:
    """The answer takes this much longer."""

    ms: int


How = Literal["truncated", "html", "reset"]
"""Half of the body; a page for people under status 200; or the connection ends in the middle of the answer."""


@dataclass(frozen=True, slots=True)
class Garble:
    """The work is done, and nobody can read the answer."""

    how: How


Verdict = Pass | LoseTheRequest | LoseTheReply | LandLate | DeliverTwice | Refuse | Delay | Garble
PASS = Pass()

SORRY_PAGE = b"<html><head><title>Sorry</title></head><body><h1>Please try again later</h1></body></html>"
"""What a proxy shows to people, and to machines that it takes for people."""


@dataclass(frozen=True, slots=True)
class Die:
    """The process dies at this step."""


@dataclass(frozen=True, slots=True)
class Pause:
    """The process is stopped at this step for so long, and then goes on as if nothing had been."""

    ms: int


Step = Literal["leaving", "checked", "sent", "heard"]
"""A step of a process around a call: it is durable that it leaves; the lease was looked at; the call is on the wire;
its answer has come."""


@dataclass(frozen=True, slots=True)
class CallNote:
    """What a fault may know of a call: whose it is, what it does, and its stable name."""

    account: str
    system: str
    entity: str
    kind: str
    """"post", "look_up", "tell", "recount", "fetch"."""
    name: str
    rows: int
