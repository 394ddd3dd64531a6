"""Two clocks: the wall, which is journalled and never goes back, and a monotonic one for time-outs and leases."""

import time
from collections.abc import Callable

_MONOTONIC = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""On Linux the one that goes on while the machine sleeps: a lease runs out meanwhile, too."""


class Clock:
    """A pair of clocks. `wall_ms` is ms UTC and never goes back; `mono_ms` only tells how long something took."""

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        mono_ns: Callable[[], int] = lambda: time.clock_gettime_ns(_MONOTONIC),
    ) -> None:
        self._wall_ns = wall_ns
        self._mono_ns = mono_ns
        self._last_ms = 0
        self._last_mono_ms = self.mono_ms()

    def wall_ms(self) -> int:
        """Now. Where the machine's clock was set back, time goes on from where it was."""
        mono_ms = self.mono_ms()
        went_on_ms = self._last_ms + max(0, mono_ms - self._last_mono_ms)
        self._last_ms = max(went_on_ms, self._wall_ns() // 1_000_000)
        self._last_mono_ms = mono_ms
        return self._last_ms

    def is_past(self, at_ms: int) -> None:
        """It is no earlier than this, whatever the machine says: somebody wrote it down."""
        self._last_ms = max(self.wall_ms(), at_ms)

    def mono_ms(self) -> int:
        """Milliseconds since some instant; goes on while the wall clock is set."""
        return self._mono_ns() // 1_000_000
