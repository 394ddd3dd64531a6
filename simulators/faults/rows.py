"""Single rows that go wrong inside a call that is served: manners of the mock ERP, which draws them by row key.

How likely each is nobody publishes: every range here is assumed.
"""

from typing import ClassVar, Literal, Self

from simulators.faults.bases import Mark, Ppm, Room, RowFault
from simulators.systems.erp_profile import ErpProfile


class RowFailures(RowFault):
    """A row is refused inside a success because somebody has its document open (e6, and the per-row errors of e2).

    NetSuite, Salesforce and Dynamics 365 do so (second-hand).
    """

    kind: Literal["row_failures"] = "row_failures"
    healing: ClassVar[str] = "The lock goes; the row is tried again alone."
    mark: ClassVar[Mark] = Mark("f", "#98df8a")
    breaks_nothing: ClassVar[str] = "S2, S7 and S8x: its neighbours are posted, and it is not forgotten."

    def upon(self, profile: ErpProfile) -> ErpProfile:
        return profile.model_copy(update={"locked_ppm": self.ppm or profile.locked_ppm})

    @classmethod
    def drawn(cls, room: Room) -> Self:
        return cls(ppm=room.ppm(1_000, 50_000, "row_failures"))


class StagedRejections(RowFault):
    """A row is accepted for staging and rejected later, in the background, where nobody is listening (e3)."""

    kind: Literal["staged_rejections"] = "staged_rejections"
    reason: Literal["locked", "invalid"] = "locked"
    healing: ClassVar[str] = "A look-up finds the rejection; the row is sent anew under a new intent, or parked."
    mark: ClassVar[Mark] = Mark("s", "#c5b0d5")
    breaks_nothing: ClassVar[str] = "S2, S7 and S13: accepted is not posted, and nobody was told that it was."

    def upon(self, profile: ErpProfile) -> ErpProfile:
        if profile.staging is None or not self.ppm:
            return profile
        changes = {"rejected_ppm": self.ppm, "rejected_reason": self.reason}
        return profile.model_copy(update={"staging": profile.staging.model_copy(update=changes)})

    @classmethod
    def drawn(cls, room: Room) -> Self:
        reasons: tuple[Literal["locked"], Literal["invalid"]] = ("locked", "invalid")
        reason = reasons[room.number(0, 1, "staged_rejections", "reason")]
        return cls(ppm=room.ppm(1_000, 50_000, "staged_rejections"), reason=reason)


class MissingAnswers(RowFault):
    """A success holds fewer results than rows (e2): of some rows it says nothing, whether they were served or not.

    `served_ppm`: of those, the share that was served all the same; where a batch is all or nothing, all of them.
    """

    kind: Literal["missing_answers"] = "missing_answers"
    served_ppm: Ppm = 500_000
    healing: ClassVar[str] = "The rows are in doubt; a look-up finds what was served, and the rest is sent again."
    mark: ClassVar[Mark] = Mark("i", "#756bb1")
    breaks_nothing: ClassVar[str] = "S1, S2 and S7: no result is neither a yes nor a no. S13."

    def upon(self, profile: ErpProfile) -> ErpProfile:
        return profile.model_copy(
            update={"answers_missing_ppm": self.ppm, "answers_missing_served_ppm": self.served_ppm}
        )

    @classmethod
    def drawn(cls, room: Room) -> Self:
        served_ppm = room.number(0, 2, "missing_answers", "served") * 500_000
        return cls(ppm=room.ppm(1_000, 50_000, "missing_answers"), served_ppm=served_ppm)


class ReorderedAnswers(RowFault):
    """The results of a call come in another order than its rows, as parallel workers finish (e2). `ppm` is of calls."""

    kind: Literal["reordered_answers"] = "reordered_answers"
    healing: ClassVar[str] = "Nothing to heal: results belong to keys, not to places."
    mark: ClassVar[Mark] = Mark("j", "#9e9ac8")
    breaks_nothing: ClassVar[str] = "S14: every result goes to the row that it names. S7, S13."

    def upon(self, profile: ErpProfile) -> ErpProfile:
        return profile.model_copy(update={"answers_reordered_ppm": self.ppm})

    @classmethod
    def drawn(cls, room: Room) -> Self:
        return cls(ppm=room.ppm(50_000, 1_000_000, "reordered_answers"))


class OwnDuplicateCheck(RowFault):
    """The ERP calls a posting a duplicate by a check of its own, not by our key (e9): it looks like another one.

    Same worker, same day, same hours: more often than not it is a second piece of work. Nothing of it stands.
    """

    kind: Literal["own_duplicate_check"] = "own_duplicate_check"
    healing: ClassVar[str] = "It is asked after a dozen times, ever more rarely, and then a person looks."
    mark: ClassVar[Mark] = Mark("c", "#bcbddc")
    breaks_nothing: ClassVar[str] = "S2 and S13: 'duplicate' is no proof that it stands. S8x: who looks finds it so."

    def upon(self, profile: ErpProfile) -> ErpProfile:
        return profile.model_copy(update={"alike_ppm": self.ppm})

    @classmethod
    def drawn(cls, room: Room) -> Self:
        return cls(ppm=room.ppm(1_000, 20_000, "own_duplicate_check"))
