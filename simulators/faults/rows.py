"""Single rows that go wrong inside a call that is served: settings for the mock ERP, which draws them by row key."""

from typing import ClassVar, Literal, Self

from simulators.faults.bases import Mark, Room, RowFault


class RowFailures(RowFault):
    """A row is refused inside a success because somebody has its document open.

    NetSuite, Salesforce and Dynamics 365 do so (second-hand).
    """

    kind: Literal["row_failures"] = "row_failures"
    healing: ClassVar[str] = "The lock goes; the row is tried again alone."
    mark: ClassVar[Mark] = Mark("f", "#98df8a")
    breaks_nothing: ClassVar[str] = "S2, S7 and S8x: its neighbours are posted, and it is not forgotten."

    @classmethod
    def drawn(cls, room: Room) -> Self:
        return cls(ppm=room.ppm(1_000, 50_000, "row_failures"))


class StagedRejections(RowFault):
    """A row is accepted for staging and rejected later, in the background, where nobody is listening."""

    kind: Literal["staged_rejections"] = "staged_rejections"
    reason: Literal["locked", "invalid"] = "locked"
    healing: ClassVar[str] = "A look-up finds the rejection; the row is sent anew under a new intent, or parked."
    mark: ClassVar[Mark] = Mark("s", "#c5b0d5")
    breaks_nothing: ClassVar[str] = "S2, S7 and S13: accepted is not posted, and nobody was told that it was."

    @classmethod
    def drawn(cls, room: Room) -> Self:
        reasons: tuple[Literal["locked"], Literal["invalid"]] = ("locked", "invalid")
        reason = reasons[room.number(0, 1, "staged_rejections", "reason")]
        return cls(ppm=room.ppm(1_000, 50_000, "staged_rejections"), reason=reason)
