"""u9: somebody edits many approved lines at once, and all of them are published in one millisecond."""

from typing import ClassVar, Literal, Self

from simulators.faults.bases import Mark, Ppm, Room, TimedFault
from simulators.faults.moves import EditInBulk, Move
from simulators.faults.wall_time import At, Day, Month


class BulkEdit(TimedFault):
    """u9: a share of all approved lines of a legal entity is approved again at one instant, as it is or with another
    first dimension (`recoded`). A bulk edit may send no events (`pushed` False): then only the list has it. Read on
    each entity's own clock.
    """

    kind: Literal["bulk_edit"] = "bulk_edit"
    entities: tuple[str, ...] = ()
    day: Day = "last"
    at: At = "15:00"
    share_ppm: Ppm = 300_000
    recoded: bool = True
    pushed: bool = False
    only_listed: ClassVar[bool] = True
    healing: ClassVar[str] = "The events, or a recount, bring the new versions; the ledger is corrected where it must."
    mark: ClassVar[Mark] = Mark("9", "#e7ba52")
    breaks_nothing: ClassVar[str] = (
        "S2b and S5: every line is corrected once. S2, S10, L5: many rows of one stamp are read."
    )

    def schedule(self, month: Month, seed: int) -> list[Move]:
        return [
            EditInBulk(at_ms, self.kind, entity.code, self.share_ppm, self.recoded, self.pushed)
            for entity in month.entities
            if not self.entities or entity.code in self.entities
            for at_ms in month.instants(self.day, self.at, entity.zone)
        ]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "bulk_edit"
        return cls(
            day=room.day(kind),
            at=room.at(kind, 8, 20),
            share_ppm=room.ppm(20_000, 400_000, kind),
            recoded=room.number(0, 1, kind, "recoded") == 1,
            pushed=room.number(0, 1, kind, "pushed") == 1,
        )
