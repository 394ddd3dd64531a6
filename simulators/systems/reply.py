"""What a mock system answers, and how long it takes to."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from runtime.ports import Response
from simulators.faults.verdicts import SORRY_PAGE, How

JSON = {"Content-Type": "application/json"}
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Reply:
    """The response, and the milliseconds between the request's arrival and the answer's departure."""

    response: Response
    delay_ms: int


def error(status: int, name: str, headers: Mapping[str, str] | None = None, **more: object) -> Response:
    """An error answer of the dialect."""
    return Response(status, {**JSON, **(headers or {})}, _encode({"error": name, **more}))


def garbled(response: Response, how: How) -> Response | None:
    """What is left of an answer on a bad way back; None: the connection ended in the middle of it."""
    match how:
        case "truncated":
            return Response(response.status, response.headers, response.body[: len(response.body) // 2])
        case "html":
            return Response(200, {"Content-Type": "text/html"}, SORRY_PAGE)
    return None


def seconds_until(until_ms: int, now_ms: int) -> str:
    """The value of a Retry-After header: whole seconds, rounded up, at least one."""
    return str(max(1, -((now_ms - until_ms) // 1000)))
