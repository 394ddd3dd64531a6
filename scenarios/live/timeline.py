"""What happened in a live run, and when: told while it happens, and printed in the report."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from time import monotonic


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened, `at_ms` after the run began. `what` is a short word that programs can look for."""

    at_ms: int
    what: str
    text: str


def to_stderr(moment: Moment) -> None:
    """One line for people."""
    print(f"{moment.at_ms / 1_000:7.1f} s  {moment.text}", file=sys.stderr, flush=True)  # noqa: T201  # the live time line


class TimeLine:
    """Moments in order. Threads may share it."""

    def __init__(self, tell: Callable[[Moment], None] = to_stderr) -> None:
        self._tell = tell
        self._began_s = monotonic()
        self._lock = Lock()
        self.moments: list[Moment] = []

    def now_ms(self) -> int:
        """Milliseconds since the run began."""
        return int((monotonic() - self._began_s) * 1_000)

    def note(self, what: str, text: str) -> None:
        """Something happened now."""
        with self._lock:
            moment = Moment(self.now_ms(), what, text)
            self.moments.append(moment)
            self._tell(moment)
