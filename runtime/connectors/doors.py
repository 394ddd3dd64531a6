"""How an HTTP answer that never reached the rows reads, the same for every system unless its vendor differs."""

from runtime.core.answers import Door, Doubt, Silent, TurnedAway
from runtime.ports import Response

CONNECTION_REFUSED = 0
"""Status that a transport reports when nobody listened: the request definitely did nothing."""

DOORS: dict[int, Door] = {
    CONNECTION_REFUSED: Door.UNREACHABLE,
    401: Door.LOGIN_REFUSED,
    403: Door.LOCKED_OUT,
    429: Door.THROTTLED,
    503: Door.MAINTENANCE,
}
"""Statuses by which the systems say, by contract, that they did not look at the request."""

BUSY: dict[int, bytes] = {400: b'"SSS_REQUEST_LIMIT_EXCEEDED"'}
"""A limit that comes under a status for bad requests, known by its code: NetSuite's cap on calls at once (second-hand).

The code is a JSON text of its own, and a request that was refused at this door did nothing either.
"""


def read_door(response: Response) -> TurnedAway | Silent | None:
    """The door that turned the call away; `Silent` for an error without a contract; None when it was served."""
    door = DOORS.get(response.status)
    if response.status in BUSY and BUSY[response.status] in response.body:
        door = Door.THROTTLED
    if door is not None:
        return TurnedAway(door, retry_after_ms(response))
    if response.status >= 500:
        return Silent(Doubt.SERVER_ERROR)
    return None


LONGEST = 9
"""More digits than thirty years of seconds have are no seconds."""


def retry_after_ms(response: Response) -> int | None:
    """The Retry-After header in milliseconds; None when it is absent or says nothing usable."""
    text = next((value for name, value in response.headers.items() if name.lower() == "retry-after"), "")
    usable = text.isascii() and text.isdigit() and len(text) <= LONGEST and int(text) > 0
    return int(text) * 1_000 if usable else None
