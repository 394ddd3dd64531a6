"""Maintenance windows of a mock system: while one lasts, every call is turned away with 503, in one of three styles.

A call that is turned away here touched nothing: the answer is definite.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

from runtime.ports import Response
from simulators.systems.reply import error, seconds_until

Style = Literal["503_json", "503_html", "503_retry_after"]
SORRY = b"<html><head><title>Sorry</title></head><body><h1>We are down for maintenance</h1></body></html>"

MAINTENANCE: dict[Style, Callable[[int, int], Response]] = {
    "503_json": lambda until_ms, now_ms: error(503, "maintenance"),
    "503_html": lambda until_ms, now_ms: Response(503, {"Content-Type": "text/html"}, SORRY),
    "503_retry_after": lambda until_ms, now_ms: error(
        503, "maintenance", {"Retry-After": seconds_until(until_ms, now_ms)}
    ),
}
"""What a closed system says, by style: how long it stays closed is told only by the last."""


class Window(NamedTuple):
    """A time in which the system is closed, in ms UTC; `until_ms` is excluded."""

    from_ms: int
    until_ms: int
    kind: str
    style: Style


class Windows:
    """All windows of one system. Where two overlap, the one that was made known first answers."""

    def __init__(self) -> None:
        self._windows: list[Window] = []

    def add(self, window: Window) -> None:
        """The system is closed in this window."""
        self._windows.append(window)

    def closed(self, now_ms: int) -> Response | None:
        """The maintenance answer, while the system is closed."""
        for window in self._windows:
            if window.from_ms <= now_ms < window.until_ms:
                return MAINTENANCE[window.style](window.until_ms, now_ms)
        return None
