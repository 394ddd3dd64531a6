"""Systems that are closed, or so slow that they might as well be: hours, not seconds.

SAP patches for 4 h a week (Europe: Saturday 22:00) and shows people a page, Oracle asks clients to bear up to 8 h of
503 (documented). Every length drawn or defaulted here is assumed. A window is read on each account's own clock.
"""

from typing import ClassVar, Literal, Self

from simulators.faults.bases import HOUR_MS, MINUTE_MS, AccountFault, Mark, Ms, Room
from simulators.faults.moves import AnswerInstead, CloseSystem, Move, SlowSystem, Style
from simulators.faults.wall_time import At, Month


class MaintenanceAnnounced(AccountFault):
    """The system is down and says until when (e1). `overruns_ms`: for so much longer than it said, as windows do."""

    kind: Literal["maintenance_announced"] = "maintenance_announced"
    at: At = "22:00"
    lasts_ms: Ms = 2 * HOUR_MS
    overruns_ms: Ms = 0
    style: Style = "retry_after"
    healing: ClassVar[str] = "It opens; a probe sees it and the backlog drains at the contracted quota."
    mark: ClassVar[Mark] = Mark("M", "#2ca02c")
    breaks_nothing: ClassVar[str] = "S7 and S10: one probe per step and account, and no exception per row. L1, L3."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        return [
            CloseSystem(
                at_ms=at_ms,
                kind=self.kind,
                until_ms=at_ms + self.lasts_ms + self.overruns_ms,
                system=self.system,
                account=account,
                announced=True,
                style=self.style,
                promised_until_ms=at_ms + self.lasts_ms,
            )
            for account, at_ms in self.onsets(month)
        ]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "maintenance_announced"
        return cls(
            system="psa" if room.number(0, 3, kind, "system") == 0 else "erp",
            day=room.day(kind),
            at=room.at(kind),
            lasts_ms=room.number(10, 240, kind, "lasts") * MINUTE_MS,
            overruns_ms=room.number(0, 60, kind, "overruns") * MINUTE_MS,
            style=("retry_after", "sorry_page")[room.number(0, 1, kind, "style")],
        )


class MaintenanceUnannounced(AccountFault):
    """The system is down and names no end (e1): a bare 503, or a page that says sorry in HTML."""

    kind: Literal["maintenance_unannounced"] = "maintenance_unannounced"
    at: At = "22:00"
    lasts_ms: Ms = 2 * HOUR_MS
    style: Literal["bare", "sorry_page"] = "sorry_page"
    healing: ClassVar[str] = "It opens; a rare probe sees it and the backlog drains at the contracted quota."
    mark: ClassVar[Mark] = Mark("m", "#006d2c")
    breaks_nothing: ClassVar[str] = "S7 and S10: an HTML page is not a success, and probes stay rare. L1, L3."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        return [
            CloseSystem(
                at_ms=at_ms,
                kind=self.kind,
                until_ms=at_ms + self.lasts_ms,
                system=self.system,
                account=account,
                announced=False,
                style=self.style,
                promised_until_ms=at_ms + self.lasts_ms,
            )
            for account, at_ms in self.onsets(month)
        ]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "maintenance_unannounced"
        return cls(
            system="psa" if room.number(0, 3, kind, "system") == 0 else "erp",
            day=room.day(kind),
            at=room.at(kind),
            lasts_ms=room.number(5, 240, kind, "lasts") * MINUTE_MS,
            style=("bare", "sorry_page")[room.number(0, 1, kind, "style")],
        )


class ReadOnly(AccountFault):
    """Maintenance that lets people read (e1): look-ups and listings are served, whatever writes hears 503."""

    kind: Literal["read_only"] = "read_only"
    at: At = "20:00"
    lasts_ms: Ms = HOUR_MS
    tells: bool = False
    healing: ClassVar[str] = "It ends; a probe that writes is served."
    mark: ClassVar[Mark] = Mark("R", "#74c476")
    breaks_nothing: ClassVar[str] = "S1: doubt may be looked up meanwhile, and is. S10: a look-up opens no floodgate."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        return [
            AnswerInstead(
                at_ms,
                self.kind,
                at_ms + self.lasts_ms,
                self.system,
                account,
                503,
                ("post", "tell"),
                tells=self.tells,
            )
            for account, at_ms in self.onsets(month)
        ]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "read_only"
        return cls(
            system="psa" if room.number(0, 3, kind, "system") == 0 else "erp",
            day=room.day(kind),
            at=room.at(kind),
            lasts_ms=room.number(5, 240, kind, "lasts") * MINUTE_MS,
            tells=room.number(0, 1, kind, "tells") == 1,
        )


class SlowErp(AccountFault):
    """Everybody closes at once and the ERP crawls (n4): each answer takes `added_ms` longer for a while."""

    kind: Literal["slow_erp"] = "slow_erp"
    at: At = "16:00"
    lasts_ms: Ms = 4 * HOUR_MS
    added_ms: Ms = 3_000
    healing: ClassVar[str] = "The window ends."
    mark: ClassVar[Mark] = Mark("w", "#dbdb8d")
    breaks_nothing: ClassVar[str] = "S1 and S10: an answer past its deadline is doubt, not a reason to send twice."

    def schedule(self, month: Month, seed: int) -> list[Move]:
        return [
            SlowSystem(at_ms, self.kind, at_ms + self.lasts_ms, self.system, account, self.added_ms)
            for account, at_ms in self.onsets(month)
        ]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "slow_erp"
        return cls(
            day=room.day(kind),
            at=room.at(kind),
            lasts_ms=room.number(30, 360, kind, "lasts") * MINUTE_MS,
            added_ms=room.number(500, room.deadline_ms * 3 // 2, kind, "added"),
        )
