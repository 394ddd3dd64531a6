"""The business changes its mind: approvals are taken back and given again."""

from typing import ClassVar, Literal, Self

from simulators.faults.bases import HOUR_MS, MINUTE_MS, Mark, Ms, Ppm, Room, TimedFault
from simulators.faults.moves import ApproveAgain, Move, TakeBack
from simulators.faults.wall_time import At, Day, Month


class ApprovalsTakenBack(TimedFault):
    """b3: an approver takes back a share of what was approved, posted or not, and approves it again later.

    Each is a version of its own: withdrawn, then approved with the same content. The two may overtake each other.
    """

    kind: Literal["approvals_taken_back"] = "approvals_taken_back"
    ppm: Ppm
    entities: tuple[str, ...] = ()
    day: Day = "last"
    at: At = "16:00"
    again_after_ms: Ms = HOUR_MS
    healing: ClassVar[str] = "They are approved again, and posted again."
    mark: ClassVar[Mark] = Mark("a", "#fb8072")
    breaks_nothing: ClassVar[str] = "S1 and S5: reversed once, posted once, in the order of the versions. S2b, S13."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        moves: list[Move] = []
        for entity in month.entities:
            if self.entities and entity.code not in self.entities:
                continue
            for at_ms in month.instants(self.day, self.at, entity.zone):
                moves.append(TakeBack(at_ms, self.kind, entity.code, self.ppm))
                again_ms = at_ms + self.again_after_ms
                moves.append(ApproveAgain(again_ms, self.kind, entity.code, at_ms, self.ppm))
        return moves

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "approvals_taken_back"
        return cls(
            ppm=room.ppm(20_000, 400_000, kind),
            # Nearly everything is approved on the last days of the month.
            day=room.number(room.last_day - 1, room.last_day + 3, kind, "day"),
            at=room.at(kind, 9, 19),
            again_after_ms=room.number(0, 600, kind, "again") * MINUTE_MS,
        )


NOT_BUILT: dict[str, str] = {
    "b4": "a move between legal entities is two legs in two partitions; today it parks as entity_moved, and no firm of"
    " the simulator has entries with another home (a move between projects is people.correction_ppm).",
    "b6": "people of the simulated firms have one employer; see b4.",
    "b7": "purchase orders, budgets and caps are in no system that is simulated.",
    "b8": "tax codes are in no system that is simulated, nor in the runtime.",
    "b9": "amounts are posted in the currency of the rate; nobody converts.",
    "b10": "invoices are in no system that is simulated.",
    "b11": "invoices are in no system that is simulated.",
    "o6": "partitions are not split while they run: one for each legal entity, for good.",
}
"""Faults of the business and of operators that have no ground yet, and why.

Settings that bring the others: b1 and b2 `people.correction_ppm` and `withdrawal_ppm`; b5 `firm.amended_ppm`;
b12 `people.late_ppm` and `volume_percent`; b13 `hand_postings`; b14 `late_master_data`; c4 and c5 `firm.month`.
"""
