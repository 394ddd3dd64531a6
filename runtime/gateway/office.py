"""The office as the desks use it: asked in a thread, and told of refusals within bounds.

Rule 1. A store that is full or away is one of the bounds: deliver, or ask, again.
Rule 2. That a command begins, and what came of it, is written into the audit, however many there are: whoever may
        command is trusted. A refusal is written up to REFUSALS_MAX times an hour for one caller, and the last of them
        says that more are only counted. So who has a key and may do nothing with it fills no disk.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from runtime.gateway.gate import Clock, Meters
from runtime.ports import AuditNote, IntakeRefusedError, Office, StoreAwayError, StoreFullError

T = TypeVar("T")
STORE_RETRY_MS = 5_000
"""How long somebody waits who came while the office's store was full or away. Ours."""
REFUSALS_MAX = 100
"""Assumed: more than a person or a program in trouble makes in an hour, and 100 MB a year at most."""
HOUR_MS = 3_600_000


async def at_office(ask: Callable[..., T], *what: Any) -> T:
    """Ask the office, in a thread. Raises IntakeRefusedError where its store is full or away."""
    try:
        return await asyncio.to_thread(ask, *what)
    except StoreFullError as fault:
        raise IntakeRefusedError("disk_headroom", STORE_RETRY_MS, "the store is full") from fault
    except StoreAwayError as fault:
        raise IntakeRefusedError("moving", STORE_RETRY_MS, "the store cannot be reached") from fault


class Audit:
    """Where the desks write down what people commanded."""

    def __init__(self, office: Office, metrics: Meters, clock: Clock) -> None:
        self._office = office
        self._metrics = metrics
        self._clock = clock
        self._hour = 0
        self._refusals: Counter[str] = Counter()
        """Of this hour, by caller."""

    async def note(self, who: str, what: str, target: str, why: str, outcome: str) -> None:
        """Write a note."""
        await at_office(self._office.note, AuditNote(self._clock.wall_ms(), who, what, target, why, outcome))

    async def refused(self, who: str, what: str, target: str, why: str, outcome: str) -> None:
        """Write down that something was refused, unless that was done often enough (rule 2)."""
        hour = self._clock.wall_ms() // HOUR_MS
        if hour != self._hour:
            self._hour = hour
            self._refusals.clear()
        self._refusals[who] += 1
        if self._refusals[who] > REFUSALS_MAX:
            self._metrics.refusal_left_out()
            return
        last = "; more refusals in this hour are only counted" if self._refusals[who] == REFUSALS_MAX else ""
        await self.note(who, what, target, why, outcome + last)
