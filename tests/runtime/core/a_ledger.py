"""A ledger and a PSA that work: they take rows, keep lines, stage, refuse, forget to answer, and can be asked.

Misfortunes come by name from `simulators.chance`, so a walk is the same in every run. The ledger honours keys and
guards lines entered by hand, as the printed assumptions say it does.
"""

from dataclasses import dataclass, field
from datetime import date

from runtime.core.answers import (
    Applied,
    CallAnswer,
    Door,
    Doubt,
    LineFound,
    LinesFound,
    Refusal,
    Refused,
    RefusedAsOne,
    RowAnswer,
    RowsAnswered,
    Silent,
    Staged,
    TurnedAway,
    Unknown,
)
from runtime.core.effects import FrozenRow, LookUp, SendBatch, TellPsa
from runtime.core.model import Leg, Posting
from simulators.chance import chance


@dataclass(slots=True)
class Line:
    """A line that stands, waits in the staging table, or was rejected there."""

    key: str
    entry_id: str
    ledger_id: str
    status: str
    fingerprint: str
    posting: Posting | None
    bill_minor: int
    cost_minor: int
    project: str
    work_date: date
    accounting_date: date
    period: str
    reason: str = ""
    by_hand: bool = False
    reversed_by: str = ""


@dataclass(slots=True)
class Ledger:
    """The project ledger of one legal entity."""

    seed: int
    calm: bool = False
    lines: dict[str, Line] = field(default_factory=dict)
    shut: set[str] = field(default_factory=set)
    on_hold: set[str] = field(default_factory=set)
    calls: int = 0
    complaints: list[str] = field(default_factory=list)

    def _draw(self, *names: str | int) -> int:
        return chance(self.seed, "ledger", *names) % 100

    def standing(self, entry_id: str) -> list[Line]:
        """Posted lines of the entry that nothing has reversed."""
        return [
            line
            for line in self.lines.values()
            if line.entry_id == entry_id
            and line.status == "posted"
            and not line.reversed_by
            and (line.posting is None or line.posting.leg is Leg.POST)
        ]

    def post_by_hand(self, entry_id: str, bill_minor: int, cost_minor: int, project: str, day: date) -> None:
        """A careful accountant enters a line on the work date, unless one of the entry stands or waits."""
        if self.standing(entry_id) or any(
            line.entry_id == entry_id and line.status == "staged" for line in self.lines.values()
        ):
            return
        key = f"hand/{entry_id}"
        self.lines[key] = Line(
            key,
            entry_id,
            f"H-{entry_id}",
            "posted",
            "",
            None,
            bill_minor,
            cost_minor,
            project,
            day,
            day,
            f"{day:%Y-%m}",
            by_hand=True,
        )

    def take_out(self, entry_id: str) -> None:
        """A person removes whatever stands or waits of the entry."""
        for line in tuple(self.lines.values()):
            if line.entry_id == entry_id and (line in self.standing(entry_id) or line.status == "staged"):
                del self.lines[line.key]

    def import_staged(self) -> None:
        """The import job runs over the staging table: it posts, rejects, and loses rows without a word."""
        for line in tuple(self.lines.values()):
            if line.status == "staged":
                fate = 99 if self.calm else self._draw("import", line.key)
                if fate < 20:
                    line.status, line.reason = "rejected", "locked"
                elif fate < 30:
                    del self.lines[line.key]
                else:
                    self._stand(line)

    def _stand(self, line: Line) -> None:
        posting = line.posting
        assert posting is not None
        if posting.leg is Leg.REVERSE:
            self.lines[posting.reverses].reversed_by = line.key
            original = self.lines[posting.reverses].posting
            assert original is not None
            if (original.bill_minor + posting.bill_minor, original.cost_minor + posting.cost_minor) != (0, 0):
                self.complaints.append(f"{line.key} is not the exact negative")
            if original.quantity + posting.quantity:
                self.complaints.append(f"{line.key} reverses other hours")
        elif self.standing(posting.entry_id):
            self.complaints.append(f"{posting.entry_id} stands twice")
        line.status = "posted"

    # ---------------------------------------------------------------- calls

    def answer(self, effect: SendBatch | LookUp) -> CallAnswer:
        """Serve the call, or not; whatever was done, the answer may be lost."""
        self.calls += 1
        fate = 99 if self.calm else self._draw("fate", effect.call_id)
        if fate < 6:
            return Silent()
        if fate < 10:
            return TurnedAway(Door.MAINTENANCE if fate % 2 else Door.THROTTLED)
        reply = self._look_up(effect) if isinstance(effect, LookUp) else self._take(effect, fate)
        return Silent() if fate < 18 else reply

    def _look_up(self, ask: LookUp) -> CallAnswer:
        names = set(ask.names)
        return LinesFound(
            tuple(
                LineFound(
                    line.key,
                    line.entry_id,
                    line.ledger_id,
                    line.status,
                    line.fingerprint,
                    line.bill_minor,
                    line.cost_minor,
                    line.reason,
                    line.by_hand,
                    line.project,
                    line.work_date,
                    line.accounting_date,
                    line.period,
                )
                for line in self.lines.values()
                if (line.key in names if ask.by == "key" else line.entry_id in names and self._counts(line))
            )
        )

    def _counts(self, line: Line) -> bool:
        """Whether a look-up by entry shows the line: what stands, and what waits in the staging table."""
        return line.status == "staged" or line in self.standing(line.entry_id)

    def _take(self, batch: SendBatch, fate: int) -> CallAnswer:
        if fate < 24:
            return RefusedAsOne(Refusal.LOCKED)
        answers: list[RowAnswer] = []
        for row in batch.rows:
            reply = self._take_row(row, batch.call_id)
            if reply is not None:
                answers.append(reply)
        return RowsAnswered(tuple(answers))

    def _take_row(self, row: FrozenRow, call_id: str) -> RowAnswer | None:
        posting = row.posting
        held = self.lines.get(posting.key)
        if held is not None:
            if held.fingerprint != row.fingerprint:
                self.complaints.append(f"{posting.key} came with other bytes")
            return Unknown(posting.key, Doubt.DUPLICATE)
        if posting.leg is Leg.POST and any(line.by_hand for line in self.standing(posting.entry_id)):
            return Unknown(posting.key, Doubt.DUPLICATE)
        if posting.period in self.shut:
            return Refused(posting.key, Refusal.PERIOD_CLOSED)
        if posting.period in self.on_hold:
            return Refused(posting.key, Refusal.PERIOD_ON_HOLD)
        if posting.leg is Leg.REVERSE and posting.reverses not in self.lines:
            return Refused(posting.key, Refusal.NOTHING_TO_REVERSE)
        fate = 99 if self.calm else self._draw("row", posting.key, call_id)
        if fate < 8:
            return Refused(posting.key, Refusal.LOCKED)
        if fate < 12:
            return Refused(posting.key, Refusal.UNKNOWN_WORKER)
        line = Line(
            posting.key,
            posting.entry_id,
            f"L-{len(self.lines) + 1}",
            "staged" if fate < 24 else "posted",
            row.fingerprint,
            posting,
            posting.bill_minor,
            posting.cost_minor,
            posting.project,
            posting.work_date,
            posting.accounting_date,
            posting.period,
        )
        if line.status == "staged":
            self.lines[posting.key] = line
            return Staged(posting.key, line.ledger_id)
        self._stand(line)
        self.lines[posting.key] = line
        return None if fate < 28 else Applied(posting.key, line.ledger_id, row.fingerprint)


@dataclass(slots=True)
class Psa:
    """What the PSA shows, by entry: the latest word that reached it."""

    shown: dict[str, tuple[int, int, str]] = field(default_factory=dict)

    def take(self, effect: TellPsa) -> None:
        """Older news of an entry is ignored."""
        for status in effect.statuses:
            known = self.shown.get(status.entry_id)
            if known is None or known[0] < status.seq:
                self.shown[status.entry_id] = (status.seq, status.version, status.status)
