"""What befalls an event on its way from the PSA: it comes twice, it is overtaken, or it never comes.

One 64-bit draw per event decides all three: each kind owns 20 bits of it, so that leaving one out shifts nothing for
the others. A delivery is a delay in ms after the event was sent:

    (0,)       as it should be          ()          never by push; only a recount can find it
    (0, 5000)  a second time 5 s later  (600000,)   ten minutes late, so that newer versions overtake it

Probabilities are exact to 1 ppm (2**20 steps). Measured: 0.9 to 1.05 µs per event.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from simulators.chance import between
from simulators.faults.bases import HOUR_MS, MINUTE_MS, Mark, Ms, Room, SourceFault

ON_TIME = (0,)
STEPS = 1 << 20
MASK = STEPS - 1


class MissingEvent(SourceFault):
    """The event is never sent (u3): a webhook subscription that lapsed for a moment, a queue that dropped it."""

    kind: Literal["missing_event"] = "missing_event"
    healing: ClassVar[str] = "The recount finds the version, and it is fetched."
    mark: ClassVar[Mark] = Mark("0", "#1f77b4")
    breaks_nothing: ClassVar[str] = "S2 and S7: what never came is counted as unseen, and is found."

    @classmethod
    def drawn(cls, room: Room) -> Self:
        return cls(ppm=room.ppm(1_000, 50_000, "missing_event"))


class DuplicateEvent(SourceFault):
    """The event comes twice (u1), from a webhook that was not acknowledged in time."""

    kind: Literal["duplicate_event"] = "duplicate_event"
    gap_ms_low: Ms = 0
    gap_ms_high: Ms = 30 * MINUTE_MS
    """Un-acknowledged events come again after up to 30 minutes (second-hand, Dynamics 365)."""
    healing: ClassVar[str] = "Nothing to heal: the second one is old news."
    mark: ClassVar[Mark] = Mark("e", "#aec7e8")
    breaks_nothing: ClassVar[str] = "S1: hearing twice is not posting twice. S7."

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.gap_ms_low > self.gap_ms_high:
            raise ValueError("duplicate_event: gap_ms_low is above gap_ms_high")
        return self

    @classmethod
    def drawn(cls, room: Room) -> Self:
        high = room.number(0, 6 * HOUR_MS, "duplicate_event", "gap")
        return cls(ppm=room.ppm(5_000, 200_000, "duplicate_event"), gap_ms_low=0, gap_ms_high=high)


class ReorderedEvent(SourceFault):
    """The event is late (u2), so that newer versions of the same entry may arrive first."""

    kind: Literal["reordered_event"] = "reordered_event"
    delay_ms_low: Ms = 1_000
    delay_ms_high: Ms = 2 * HOUR_MS
    healing: ClassVar[str] = "It comes; if a newer version was there first, it is old news."
    mark: ClassVar[Mark] = Mark("o", "#ffbb78")
    breaks_nothing: ClassVar[str] = "S5: an older version never follows a newer one into the ledger. S2, S7."

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.delay_ms_low > self.delay_ms_high:
            raise ValueError("reordered_event: delay_ms_low is above delay_ms_high")
        return self

    @classmethod
    def drawn(cls, room: Room) -> Self:
        high = room.number(1_000, 12 * HOUR_MS, "reordered_event", "delay")
        return cls(ppm=room.ppm(5_000, 200_000, "reordered_event"), delay_ms_low=0, delay_ms_high=high)


class Fates:
    """All source faults of one legal entity, asked together. Of two of one kind the first listed that covers it."""

    __slots__ = ("_doubled", "_doubled_below", "_entity", "_late", "_late_below", "_missing_below", "_prefix", "_seed")

    def __init__(self, faults: Sequence[SourceFault], entity: str, seed: int) -> None:
        meant = [fault for fault in reversed(faults) if not fault.entities or entity in fault.entities]
        by_type = {type(fault): fault for fault in meant}
        missing, doubled, late = (by_type.get(each) for each in (MissingEvent, DuplicateEvent, ReorderedEvent))
        assert doubled is None or isinstance(doubled, DuplicateEvent)
        assert late is None or isinstance(late, ReorderedEvent)
        self._doubled = doubled
        self._late = late
        self._missing_below = _steps(missing)
        self._doubled_below = _steps(doubled)
        self._late_below = _steps(late)
        self._seed = seed
        self._entity = entity
        self._prefix = f"{seed}\x1ffault/event\x1f{entity}\x1f"

    def of(
        self, entry_id: str, version: int, only: tuple[str, ...] | None = None
    ) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """The deliveries of one event and the kinds of fault that struck it (`only`: no others may).

        The number is `chance`'s own, inlined.
        """
        text = f"{self._prefix}{entry_id}\x1f{version}"
        number = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
        missing = number & MASK < self._missing_below
        doubled = number >> 20 & MASK < self._doubled_below
        late = number >> 40 & MASK < self._late_below
        if only is not None:
            missing, doubled, late = missing and MISSING in only, doubled and DOUBLED in only, late and LATE in only
        if not (missing or doubled or late):
            return UNTOUCHED
        if missing:
            return (), (MISSING,)
        first = 0
        struck: tuple[str, ...] = ()
        if late and self._late is not None:
            first = self._between(self._late.delay_ms_low, self._late.delay_ms_high, "late", entry_id, version)
            struck += (LATE,)
        if doubled and self._doubled is not None:
            gap = self._between(self._doubled.gap_ms_low, self._doubled.gap_ms_high, "gap", entry_id, version)
            return (first, first + gap), (*struck, DOUBLED)
        return (first,), struck

    def _between(self, low: int, high: int, what: str, entry_id: str, version: int) -> int:
        return between(low, high, self._seed, "fault/event/" + what, self._entity, entry_id, version)


MISSING, DOUBLED, LATE = "missing_event", "duplicate_event", "reordered_event"
UNTOUCHED: tuple[tuple[int, ...], tuple[str, ...]] = (ON_TIME, ())


def _steps(fault: SourceFault | None) -> int:
    """How many of the 2**20 steps strike; rounded up, so that 1 ppm is never none."""
    return 0 if fault is None else -(-fault.ppm * STEPS // 1_000_000)
