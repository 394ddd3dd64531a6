"""What a mock system answers, and how long it takes to."""

from dataclasses import dataclass

from runtime.ports import Response


@dataclass(slots=True)
class Reply:
    """The response, and the milliseconds between the request's arrival and the answer's departure."""

    response: Response
    delay_ms: int
