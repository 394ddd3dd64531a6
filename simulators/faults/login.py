"""The integration user cannot get in: its credential ran out, or too many failed log-ins locked it.

One incident of the account, never thousands of exceptions. How long a person takes to mend it is assumed.
"""

from typing import ClassVar, Literal, Self

from simulators.faults.bases import HOUR_MS, MINUTE_MS, AccountFault, Mark, Ms, Room
from simulators.faults.moves import ExpireCredential, FixCredential, LockOut, Move, Unlock
from simulators.faults.wall_time import At, Month


class CredentialExpiry(AccountFault):
    """A secret runs out on the day nobody looks: 401 on every call until a person renews it."""

    kind: Literal["credential_expiry"] = "credential_expiry"
    at: At = "15:00"
    fixed_after_ms: Ms = 2 * HOUR_MS
    healing: ClassVar[str] = "A person renews the credential; a probe sees it."
    mark: ClassVar[Mark] = Mark("C", "#f7b6d2")
    breaks_nothing: ClassVar[str] = "S7 and S10: rows wait, nothing is parked row by row, log-ins are not stormed. L1."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        moves: list[Move] = []
        for account, at_ms in self.onsets(month):
            moves.append(ExpireCredential(at_ms, self.kind, self.system, account))
            moves.append(FixCredential(at_ms + self.fixed_after_ms, self.kind, self.system, account))
        return moves

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "credential_expiry"
        fixed_after_ms = room.number(10, 300, kind, "fixed") * MINUTE_MS
        return cls(day=room.day(kind), at=room.at(kind), fixed_after_ms=fixed_after_ms)


class LockedOut(AccountFault):
    """The integration user is locked after too many failed log-ins, perhaps somebody else's: 403 until unlocked."""

    kind: Literal["locked_out"] = "locked_out"
    at: At = "15:00"
    unlocked_after_ms: Ms = 2 * HOUR_MS
    healing: ClassVar[str] = "A person unlocks the user; a rare probe sees it."
    mark: ClassVar[Mark] = Mark("L", "#c7c7c7")
    breaks_nothing: ClassVar[str] = "S7 and S10: who is locked out does not go on knocking. L1."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        moves: list[Move] = []
        for account, at_ms in self.onsets(month):
            moves.append(LockOut(at_ms, self.kind, self.system, account))
            moves.append(Unlock(at_ms + self.unlocked_after_ms, self.kind, self.system, account))
        return moves

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "locked_out"
        unlocked_after_ms = room.number(10, 300, kind, "unlocked") * MINUTE_MS
        return cls(day=room.day(kind), at=room.at(kind), unlocked_after_ms=unlocked_after_ms)
