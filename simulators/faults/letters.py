"""Events that nobody can read, and the operator who mends and delivers them."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from simulators.chance import between, happens
from simulators.faults.bases import HOUR_MS, MINUTE_MS, FaultData, Mark, Ms, Ppm, Room


class UnreadableEvents(FaultData):
    """b15, o1: an event arrives cut short and becomes a dead letter; later an operator mends it and replays it.

    Each letter has its own delay, so that versions of one entry are replayed in any order, and is replayed up to
    `replays_most` times: the operator is not sure whether the first time helped. Meanwhile a recount may find it.
    """

    kind: Literal["unreadable_events"] = "unreadable_events"
    ppm: Ppm
    entities: tuple[str, ...] = ()
    replayed_ms_low: Ms = 10 * MINUTE_MS
    replayed_ms_high: Ms = 24 * HOUR_MS
    replays_most: Annotated[int, Field(ge=1, le=5)] = 2
    healing: ClassVar[str] = "The letter is mended and replayed, or the recount finds the version and fetches it."
    mark: ClassVar[Mark] = Mark("ö", "#8dd3c7")
    breaks_nothing: ClassVar[str] = "S2b and S5: an old version that is replayed late is old news. S1, S7."

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.replayed_ms_low > self.replayed_ms_high:
            raise ValueError("unreadable_events: replayed_ms_low is above replayed_ms_high")
        return self

    def strikes(self, entity: str, entry_id: str, version: int, seed: int) -> bool:
        """Whether this event arrives cut short."""
        return (not self.entities or entity in self.entities) and happens(
            self.ppm, seed, "fault/unreadable_events", entity, entry_id, version
        )

    def replays(self, entity: str, entry_id: str, version: int, seed: int) -> list[int]:
        """After how many ms the mended event is delivered, once or several times."""
        names = (entity, entry_id, version)
        times = between(1, self.replays_most, seed, "fault/unreadable_events/times", *names)
        low, high = self.replayed_ms_low, self.replayed_ms_high
        return [between(low, high, seed, "fault/unreadable_events/replay", *names, turn) for turn in range(times)]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "unreadable_events"
        high = room.number(10, 48 * 60, kind, "replayed") * MINUTE_MS
        return cls(
            ppm=room.ppm(1_000, 50_000, kind),
            replayed_ms_low=0,
            replayed_ms_high=high,
            replays_most=room.number(1, 3, kind, "replays"),
        )
