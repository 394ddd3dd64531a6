"""Misfortunes between two machines: requests and answers that get lost, late, doubled, or never find a door.

All but `unreachable` leave the caller in doubt, which is the reason the runtime has four answers and not two.
How likely each is in the field nobody publishes: every default here is assumed.

A first byte that comes late and a body that trickles are one thing on our wire, where an answer is read whole:
`slow_answer`. A name that does not resolve and a certificate that expired are `unreachable`: nothing was sent.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from simulators.faults.bases import MINUTE_MS, AccountFault, CallFault, Mark, Ms, Room
from simulators.faults.moves import CutOff, Move, Way
from simulators.faults.verdicts import (
    PASS,
    SORRY_PAGE,
    CallNote,
    Delay,
    DeliverTwice,
    Garble,
    LandLate,
    LoseTheReply,
    LoseTheRequest,
    Refuse,
    Verdict,
)
from simulators.faults.wall_time import At, Month

CONNECTION_REFUSED = 0
"""The status of `Refuse` when nobody opened the door: there is no HTTP status, and nothing was sent."""


class LostRequest(CallFault):
    """The request never arrives (n1): a packet storm, a proxy that restarts. The caller waits until its deadline."""

    kind: Literal["lost_request"] = "lost_request"
    healing: ClassVar[str] = "The call is given up at its deadline, looked up after the late landing, sent again."
    mark: ClassVar[Mark] = Mark("q", "#7f7f7f")
    breaks_nothing: ClassVar[str] = "S1, S2 and S9: it looks exactly like a lost answer and must not be taken for one."

    def verdict(self, call: CallNote, now_ms: int, seed: int) -> Verdict:
        return LoseTheRequest() if self.strikes(call, seed) else PASS

    @classmethod
    def drawn(cls, room: Room) -> Self:
        return cls(ppm=room.ppm(2_000, 80_000, "lost_request"))


class LostReply(CallFault):
    """The work is done and the answer is lost (n2): the time-out nobody can read."""

    kind: Literal["lost_reply"] = "lost_reply"
    healing: ClassVar[str] = "The call is given up at its deadline and the ledger is asked what it holds."
    mark: ClassVar[Mark] = Mark("r", "#d62728")
    breaks_nothing: ClassVar[str] = "S1: whoever sends again without a look bills twice. S2, S9, S13."

    def verdict(self, call: CallNote, now_ms: int, seed: int) -> Verdict:
        return LoseTheReply() if self.strikes(call, seed) else PASS

    @classmethod
    def drawn(cls, room: Room) -> Self:
        return cls(ppm=room.ppm(2_000, 80_000, "lost_reply"))


class LateLanding(CallFault):
    """The request lands after its caller has given up, and is carried out (n3): a queue in a gateway that woke up.

    Later than the caller's deadline and no later than the declared `late_landing_ms`, which `Weather` checks: beyond
    that the printed assumption is broken, not the runtime.
    """

    kind: Literal["late_landing"] = "late_landing"
    after_ms_low: Ms
    after_ms_high: Ms
    healing: ClassVar[str] = "It lands; a look-up after `late_landing_ms` sees it."
    mark: ClassVar[Mark] = Mark("l", "#9467bd")
    breaks_nothing: ClassVar[str] = "S1, S3 and S5: an early look-up says 'not there', and then it is there."

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.after_ms_low > self.after_ms_high:
            raise ValueError("late_landing: after_ms_low is above after_ms_high")
        return self

    def verdict(self, call: CallNote, now_ms: int, seed: int) -> Verdict:
        if not self.strikes(call, seed):
            return PASS
        return LandLate(self.between(self.after_ms_low, self.after_ms_high, call, seed))

    @classmethod
    def drawn(cls, room: Room) -> Self:
        low = room.number(room.deadline_ms + 1, room.late_landing_ms, "late_landing", "low")
        high = room.number(low, room.late_landing_ms, "late_landing", "high")
        return cls(ppm=room.ppm(2_000, 50_000, "late_landing"), after_ms_low=low, after_ms_high=high)


class DuplicateRequest(CallFault):
    """A gateway delivers the request twice (n6), `gap_ms_low` to `gap_ms_high` later; the first answer is heard."""

    kind: Literal["duplicate_request"] = "duplicate_request"
    gap_ms_low: Ms = 0
    gap_ms_high: Ms = 2_000
    healing: ClassVar[str] = "Nothing to heal: the target's key makes the second delivery a replay."
    mark: ClassVar[Mark] = Mark("2", "#e377c2")
    breaks_nothing: ClassVar[str] = (
        "S1 and S9, given a target that honours keys; a target without any is an assumption."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.gap_ms_low > self.gap_ms_high:
            raise ValueError("duplicate_request: gap_ms_low is above gap_ms_high")
        return self

    def verdict(self, call: CallNote, now_ms: int, seed: int) -> Verdict:
        if not self.strikes(call, seed):
            return PASS
        return DeliverTwice(self.between(self.gap_ms_low, self.gap_ms_high, call, seed))

    @classmethod
    def drawn(cls, room: Room) -> Self:
        high = room.number(0, room.deadline_ms, "duplicate_request", "gap")
        return cls(ppm=room.ppm(2_000, 50_000, "duplicate_request"), gap_ms_low=0, gap_ms_high=high)


class Unreachable(CallFault):
    """Connection refused (n8): a deployment, a firewall. Definite, because not a byte of the request was sent."""

    kind: Literal["unreachable"] = "unreachable"
    healing: ClassVar[str] = "The call is sent again after a back-off; nothing is in doubt."
    mark: ClassVar[Mark] = Mark("u", "#8c564b")
    breaks_nothing: ClassVar[str] = "S7 and S10: a definite answer makes no doubt and no look-up."

    def verdict(self, call: CallNote, now_ms: int, seed: int) -> Verdict:
        return Refuse(CONNECTION_REFUSED, None, b"") if self.strikes(call, seed) else PASS

    @classmethod
    def drawn(cls, room: Room) -> Self:
        return cls(ppm=room.ppm(2_000, 80_000, "unreachable"))


class ServerError(CallFault):
    """The system answers 500, or answers nothing readable at all; without a contract nobody knows whether it worked.

    `work` "undone": a 500 from in front of the system. "done": the system did it and broke while answering, which on
    the wire is an answer that is lost.
    """

    kind: Literal["server_error"] = "server_error"
    work: Literal["undone", "done"] = "undone"
    healing: ClassVar[str] = "Doubt, settled by a look-up."
    mark: ClassVar[Mark] = Mark("5", "#ff7f0e")
    breaks_nothing: ClassVar[str] = "S1 and S2: a 500 is neither a refusal nor a success."

    def verdict(self, call: CallNote, now_ms: int, seed: int) -> Verdict:
        if not self.strikes(call, seed):
            return PASS
        return LoseTheReply() if self.work == "done" else Refuse(500, None, b'{"error":"internal"}')

    @classmethod
    def drawn(cls, room: Room) -> Self:
        work: Literal["undone", "done"] = "done" if room.number(0, 1, "server_error", "work") else "undone"
        return cls(ppm=room.ppm(2_000, 50_000, "server_error"), work=work)


class GarbledAnswer(CallFault):
    """Something comes back that nobody can read (n5, n8).

    `how` "truncated": half of the body, under its status. "reset": the connection ends in the middle of it. "html":
    the work is done, and on the way back a proxy puts its page, with status 200, in the place of the answer.
    "html_instead": the proxy answers so without asking the system, and nothing is done.
    """

    kind: Literal["garbled_answer"] = "garbled_answer"
    how: Literal["truncated", "reset", "html", "html_instead"] = "truncated"
    healing: ClassVar[str] = "Doubt, settled by a look-up; what only reads is asked again."
    mark: ClassVar[Mark] = Mark("g", "#843c39")
    breaks_nothing: ClassVar[str] = "S1, S2 and S13: a 200 that says nothing is neither a refusal nor a success."

    def verdict(self, call: CallNote, now_ms: int, seed: int) -> Verdict:
        if not self.strikes(call, seed):
            return PASS
        return Refuse(200, None, SORRY_PAGE) if self.how == "html_instead" else Garble(self.how)

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "garbled_answer"
        how: Literal["truncated", "reset", "html", "html_instead"] = ("truncated", "reset", "html", "html_instead")[
            room.number(0, 3, kind, "how")
        ]
        return cls(ppm=room.ppm(2_000, 60_000, kind), how=how)


class Partition(AccountFault):
    """The way to one account is cut for a while (n7): one system, or with an account for each region one region.

    `way` "both": no request arrives. "answers": requests arrive and are carried out, answers do not come back.
    `flaps`: in so many pieces of equal length, with gaps as long as the pieces. Webhooks find us by another way.
    """

    kind: Literal["partition"] = "partition"
    at: At = "15:00"
    lasts_ms: Ms = 30 * MINUTE_MS
    way: Way = "both"
    flaps: Annotated[int, Field(ge=1, le=20)] = 1
    healing: ClassVar[str] = "The last piece ends; the breaker's probe gets through, and doubt is looked up."
    mark: ClassVar[Mark] = Mark("÷", "#3182bd")
    breaks_nothing: ClassVar[str] = "S1 and S2: what arrives unheard is done once. S10: one probe at a time. L1, L3."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        piece_ms = self.lasts_ms // (2 * self.flaps - 1)
        return [
            CutOff(from_ms, self.kind, from_ms + piece_ms, self.system, account, self.way)
            for account, at_ms in self.onsets(month)
            for from_ms in range(at_ms, at_ms + 2 * piece_ms * self.flaps, max(1, 2 * piece_ms))
        ]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "partition"
        return cls(
            system="psa" if room.number(0, 3, kind, "system") == 0 else "erp",
            day=room.day(kind),
            at=room.at(kind),
            lasts_ms=room.number(2, 180, kind, "lasts") * MINUTE_MS,
            way="answers" if room.number(0, 1, kind, "way") else "both",
            flaps=room.number(1, 6, kind, "flaps"),
        )


class SlowAnswer(CallFault):
    """The answer takes longer (n4): a garbage collection, a busy database. Past the deadline it is an answer lost."""

    kind: Literal["slow_answer"] = "slow_answer"
    added_ms_low: Ms = 1_000
    added_ms_high: Ms = Field(default=20_000, le=600_000)
    healing: ClassVar[str] = "It comes, or the deadline ends the waiting."
    mark: ClassVar[Mark] = Mark("d", "#bcbd22")
    breaks_nothing: ClassVar[str] = "S1 and S10: an answer that comes after its deadline is not a second success."

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.added_ms_low > self.added_ms_high:
            raise ValueError("slow_answer: added_ms_low is above added_ms_high")
        return self

    def verdict(self, call: CallNote, now_ms: int, seed: int) -> Verdict:
        if not self.strikes(call, seed):
            return PASS
        return Delay(self.between(self.added_ms_low, self.added_ms_high, call, seed))

    @classmethod
    def drawn(cls, room: Room) -> Self:
        high = min(600_000, room.number(1_000, room.deadline_ms * 2, "slow_answer", "high"))
        return cls(ppm=room.ppm(5_000, 100_000, "slow_answer"), added_ms_low=0, added_ms_high=high)
