"""How everything stands while a load runs: a look every second, by the runtime's own word and the machine's.

What processes and cores have used is read from /proc, which Linux has; elsewhere those numbers are 0.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from runtime.core.account import Mode
from runtime.core.model import Place
from scenarios.live.parts import Api, Unreachable
from scenarios.live.watch import Look, look
from scenarios.load.results import SampleRow

EVERY_S = 1.0
TICK_MS = 1000 // os.sysconf("SC_CLK_TCK")
PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024
BUSY = (0, 1, 2, 5, 6, 7)
"""Columns of /proc/stat that are work: user, nice, system, interrupts and soft ones, stolen (documented: proc(5))."""
PLACES = (Place.IN_FLIGHT, Place.STAGED, Place.IN_DOUBT, Place.PARKED, Place.POSTED)
NOBODY_ANSWERS = -1


@dataclass(slots=True)
class Sampler:
    """Looks every second, in a thread."""

    gateway: Api
    erp_accounts: frozenset[str]
    runtime_pid: Callable[[], int]
    mocks_pid: int
    now_ms: Callable[[], int]
    """Run time."""
    rows: list[SampleRow] = field(default_factory=list)
    latest: Look | None = None
    _ended: Event = field(default_factory=Event)
    _thread: Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = Thread(target=self._go_on, name="samples", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _go_on(self) -> None:
        while not self._ended.wait(EVERY_S):
            self.take()

    def take(self) -> SampleRow:
        """Look once."""
        at_ms = self.now_ms()
        found = self.latest = look(self.gateway)
        places = [NOBODY_ANSWERS if found is None else found.places[place] for place in PLACES]
        runtime, mocks = used_by(self.runtime_pid()), used_by(self.mocks_pid)
        row = SampleRow._make((at_ms, *runtime, *mocks, busy_ms(), *places, self._closed()))
        self.rows.append(row)
        return row

    def _closed(self) -> int:
        """ERP accounts that the runtime takes for unusable."""
        try:
            status, told, _ = self.gateway.ask("GET", "/v1/accounts", seconds=10.0)
        except Unreachable:
            return NOBODY_ANSWERS
        if status != 200:
            return NOBODY_ANSWERS
        return sum(one["mode"] != Mode.OPEN and one["account"] in self.erp_accounts for one in told["accounts"])


def used_by(pid: int) -> tuple[int, int]:
    """(resident KB, processor ms since its start) of a process; zeros where it is gone."""
    try:
        # The name of the program stands in parentheses and may hold anything; the numbers follow.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0, 0
    return int(fields[21]) * PAGE_KB, (int(fields[11]) + int(fields[12])) * TICK_MS


def busy_ms() -> int:
    """What all cores together have worked since the machine started; 0 where nobody counts."""
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0].split()[1:]
    except OSError:
        return 0
    return sum(int(first[column]) for column in BUSY) * TICK_MS
