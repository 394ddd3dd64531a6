"""The integration user cannot get in: its credential ran out, its session ended, it may not, or it is locked.

One incident of the account, never thousands of exceptions. How long a person takes to mend it is assumed.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from simulators.faults.bases import HOUR_MS, MINUTE_MS, AccountFault, Mark, Ms, Room
from simulators.faults.moves import (
    AnswerInstead,
    EndSession,
    ExpireCredential,
    FixCredential,
    LockOut,
    Move,
    Unlock,
)
from simulators.faults.wall_time import At, Month


class CredentialExpiry(AccountFault):
    """A secret runs out on the day nobody looks (a1): 401 on every call until a person renews it."""

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


class SessionEnded(AccountFault):
    """The token ends before its time, in the middle of a batch (a1): once, or again and again.

    Again and again is a second session of the same user, where the system allows one (a2): each login of the other
    ends ours, and ours ends the other's. Our systems have no refresh tokens; one that is rotated twice looks like this.
    """

    kind: Literal["session_ended"] = "session_ended"
    system: Literal["erp"] = "erp"
    at: At = "14:00"
    times: Annotated[int, Field(ge=1, le=100)] = 1
    every_ms: Ms = 10 * MINUTE_MS
    healing: ClassVar[str] = "A new login; the other session goes away."
    mark: ClassVar[Mark] = Mark("T", "#e7969c")
    breaks_nothing: ClassVar[str] = "S2 and S8x: a 401 is no word about rows. S10: a session war is no storm. L1."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        return [
            EndSession(at_ms + number * self.every_ms, self.kind, self.system, account)
            for account, at_ms in self.onsets(month)
            for number in range(self.times)
        ]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "session_ended"
        war = room.number(0, 1, kind, "war")
        return cls(
            day=room.day(kind),
            at=room.at(kind),
            times=room.number(5, 30, kind, "times") if war else 1,
            every_ms=room.number(1, 10, kind, "every") * MINUTE_MS,
        )


class UnauthorizedMaintenance(AccountFault):
    """A system in maintenance that says 401 (a3): its gateway cannot ask who we are.

    `login` is what happens to logins meanwhile: they work, and the token is refused all the same; or the login service
    is away as well, and says 503.
    """

    kind: Literal["unauthorized_maintenance"] = "unauthorized_maintenance"
    at: At = "22:30"
    lasts_ms: Ms = HOUR_MS
    login: Literal["works", "away"] = "works"
    healing: ClassVar[str] = "It opens; a token is taken again, after a rest between logins."
    mark: ClassVar[Mark] = Mark("A", "#ad494a")
    breaks_nothing: ClassVar[str] = "S8x: nothing is parked for a 401. S10: a refused token is no reason for a storm."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        calls = ("post", "look_up", "tell", "recount", "fetch")
        moves: list[Move] = []
        for account, at_ms in self.onsets(month):
            until_ms = at_ms + self.lasts_ms
            moves.append(AnswerInstead(at_ms, self.kind, until_ms, self.system, account, 401, calls))
            if self.login == "away":
                moves.append(AnswerInstead(at_ms, self.kind, until_ms, self.system, account, 503, ("login",)))
        return moves

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "unauthorized_maintenance"
        return cls(
            day=room.day(kind),
            at=room.at(kind),
            lasts_ms=room.number(5, 180, kind, "lasts") * MINUTE_MS,
            login="away" if room.number(0, 1, kind, "login") else "works",
        )


class EntityForbidden(AccountFault):
    """The integration user loses its permission for one legal entity (a4): 403 for that one, the others are served.

    It strikes one entity of each account: the first behind it, or the one that is named.
    """

    kind: Literal["entity_forbidden"] = "entity_forbidden"
    system: Literal["erp"] = "erp"
    entity: str = ""
    at: At = "11:00"
    lasts_ms: Ms = 2 * HOUR_MS
    healing: ClassVar[str] = "A person gives the permission back; a rare call sees it."
    mark: ClassVar[Mark] = Mark("ä", "#d6616b")
    breaks_nothing: ClassVar[str] = "S16: the neighbours on the account go on. S7, S8x and S10."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        calls = ("post", "look_up")
        firsts: dict[str, str] = {}
        for entity in month.entities:
            if self.entity in ("", entity.code):
                firsts.setdefault(entity.erp_account, entity.code)
        return [
            AnswerInstead(
                at_ms, self.kind, at_ms + self.lasts_ms, self.system, account, 403, calls, entity=firsts[account]
            )
            for account, at_ms in self.onsets(month)
            if account in firsts
        ]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "entity_forbidden"
        return cls(day=room.day(kind), at=room.at(kind), lasts_ms=room.number(10, 240, kind, "lasts") * MINUTE_MS)
