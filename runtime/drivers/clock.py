"""Two clocks: the wall, which is journalled and never goes back, and a monotonic one for time-outs and leases."""

import time

_MONOTONIC = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""On Linux the one that goes on while the machine sleeps: a lease runs out meanwhile, too."""


class Clock:
    """The clocks of one process. `wall_ms` is ms UTC, clamped; `mono_ms` only tells how long something took."""

    def __init__(self) -> None:
        self._last_ms = 0

    def wall_ms(self) -> int:
        """Now. A clock that is set back stands still until it is past where it was."""
        self._last_ms = max(self._last_ms, time.time_ns() // 1_000_000)
        return self._last_ms

    def mono_ms(self) -> int:
        """Milliseconds since some instant; goes on while the wall clock is set."""
        return time.clock_gettime_ns(_MONOTONIC) // 1_000_000
