"""What was approved, by whom, and what of it was published: the half of a PSA that a time tracker lacks.

    captured:   line --approve--> APPROVED --the record changes--> CHANGED --approve--> APPROVED
                                     |  `--the record is deleted--> DELETED --approve--> (withdrawn)
                                     `--an approver withdraws--> WAITING

    decide: approve, withdraw ─▶ decisions ─▶ (made durable) ─▶ apply ─▶ listed, sent again when asked for

Rule 1. Approval is of content. Who approves names the fingerprint of what they saw; of another one nothing is approved.
Rule 2. What was approved stands until an approver decides again. A record that was changed or deleted afterwards waits
        for them: a time tracker has no lock, and nobody's click may take back what was invoiced.
Rule 3. Versions count what was published about a line: 1, 2, 3, an approval or a withdrawal each. A decision carries
        the bytes of its event, so that what is sent again is byte for byte what it was.
Rule 4. A line stays at home in the legal entity where it was first approved.
Rule 5. Who recorded a line and who may approve it is configured; nobody approves for others.
Rule 6. `approve` and `withdraw` change nothing. Only `apply` does, live and at the start alike.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import msgspec

from runtime.approvals.lines import Lack, Unfit, entry_id_of, fingerprint_of, line_of
from runtime.approvals.settings import ApprovalSettings
from runtime.connectors.psa.generic import VERSION_MAX
from runtime.connectors.psa.timetagger import TrackedRecord
from runtime.core.model import Approval, TimeEntry
from runtime.core.value import value

LAST_DAY = "9999-12-31"
PAGE = 1_000
"""Heads on one page of the listing."""
FINAL_REASON = "deleted by its owner, and the deletion was approved"
REMOVAL = "deleted"
"""The fingerprint of a deleted record: there is nothing else to see of it."""


class LineState(StrEnum):
    """How a line stands."""

    WAITING = "waiting"
    """It was never approved, or its approval was taken back."""
    APPROVED = "approved"
    CHANGED = "changed"
    """It was approved, and is not what was approved any more."""
    DELETED = "deleted"
    """It was approved, and its owner deleted it since."""
    UNFIT = "unfit"
    """It is no line, and its owner has to mend it. What was approved of it stands."""
    GONE = "gone"
    """It was deleted, and nothing of it stands."""


APPROVABLE = frozenset({LineState.WAITING, LineState.CHANGED, LineState.DELETED})


class Outcome(StrEnum):
    """What became of one wish of an approver."""

    APPROVED = "approved"
    WITHDRAWN = "withdrawn"
    ALREADY = "already"
    """It is so already."""
    UNKNOWN = "unknown"
    """There is no such line, as far as the tracker was read."""
    STALE = "stale"
    """It is not what they saw any more."""
    UNFIT = "unfit"
    NOT_THEIRS = "not_theirs"
    """They are no approver of this person."""
    TOO_OFTEN = "too_often"
    """It was decided more often than versions can be counted."""


class Decision(msgspec.Struct, frozen=True, tag="decided", omit_defaults=True):
    """One version of a line, as it was published."""

    entry_id: str
    version: int
    entity: str
    at_ms: int
    who: str
    fingerprint: str
    event: str
    """The bytes of the event, as text."""
    withdrawn: bool = False


class Told(msgspec.Struct, frozen=True, tag="told", omit_defaults=True):
    """What the runtime said last about a line. `seq` grows; what is older is no news."""

    entry_id: str
    version: int
    status: str
    detail: str
    seq: int


Kept = Decision | Told
"""What is made durable."""


@value
class Wish:
    """That this line, as it was seen, be approved."""

    entry_id: str
    fingerprint: str


@dataclass(slots=True)
class _Line:
    user: str
    record: TrackedRecord | None
    """None: it is there no more."""
    found: TimeEntry | Unfit


class Row(msgspec.Struct, frozen=True):
    """A line as people see it."""

    entry_id: str
    user: str
    state: LineState
    fingerprint: str
    """What to name when approving it; empty where there is nothing to approve."""
    version: int
    """Published last; 0: none."""
    reason: str = ""
    worker: str = ""
    entity: str = ""
    project: str = ""
    task: str = ""
    work_date: str = ""
    hours: str = ""
    narrative: str = ""
    status: str = ""
    """What the runtime said about it last: "posted", "parked" ..."""
    detail: str = ""
    told_version: int = 0
    """Of which version it said that."""


class _Approved(msgspec.Struct):
    entry: TimeEntry
    approval: Approval
    type: str = "time_entry.approved"


class _Withdrawn(msgspec.Struct):
    entry_id: str
    version: int
    reason: str
    at_ms: int
    type: str = "time_entry.withdrawn"


_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Book:
    """Lines as they were captured, and everything that was decided about them."""

    settings: ApprovalSettings
    lines: dict[str, _Line] = field(default_factory=dict)
    decisions: dict[str, list[Decision]] = field(default_factory=dict)
    told: dict[str, Told] = field(default_factory=dict)
    log: dict[str, list[Decision]] = field(default_factory=dict)
    """Entity to everything published there, oldest first."""
    last_ms: int = 0

    # ---------------------------------------------------------------- what the tracker has

    def capture(self, user: str, changed: Iterable[TrackedRecord], vanished: Iterable[str] = ()) -> None:
        """These records of this user are so now, and those are there no more."""
        for record in changed:
            self.lines[entry_id_of(user, record.key)] = _Line(user, record, line_of(user, record, self.settings))
        for key in vanished:
            self.lines[entry_id_of(user, key)] = _Line(user, None, Unfit(Lack.DELETED))

    def state_of(self, entry_id: str) -> LineState | None:
        """How a line stands; None where the tracker has none of this name."""
        line = self.lines.get(entry_id)
        if line is None:
            return None
        standing = self._standing(entry_id)
        if isinstance(line.found, TimeEntry):
            if standing is None:
                return LineState.WAITING
            return LineState.APPROVED if standing.fingerprint == self._fingerprint(line) else LineState.CHANGED
        if line.found.lack is Lack.DELETED:
            return LineState.GONE if standing is None else LineState.DELETED
        return LineState.UNFIT

    def _standing(self, entry_id: str) -> Decision | None:
        """The approval that stands."""
        decided = self.decisions.get(entry_id)
        return decided[-1] if decided and not decided[-1].withdrawn else None

    def _fingerprint(self, line: _Line) -> str:
        return fingerprint_of(self._at_home(line.found)) if isinstance(line.found, TimeEntry) else REMOVAL

    def _at_home(self, entry: TimeEntry) -> TimeEntry:
        """The entry in the entity where its line was first approved (rule 4)."""
        decided = self.decisions.get(entry.entry_id)
        return replace(entry, home_entity=decided[0].entity) if decided else entry

    # ---------------------------------------------------------------- what approvers decide

    def approve(self, who: str, wishes: Sequence[Wish], now_ms: int) -> tuple[list[Decision], list[Outcome]]:
        """What comes of these wishes: the decisions to keep and apply, and an outcome for each wish."""
        made: dict[str, Decision] = {}
        outcomes: list[Outcome] = []
        method = "single" if len(wishes) == 1 else "bulk"
        for wish in wishes:
            outcome = Outcome.ALREADY if wish.entry_id in made else self._approvable(who, wish)
            if outcome in (Outcome.APPROVED, Outcome.WITHDRAWN):
                made[wish.entry_id] = self._decision(who, method, wish.entry_id, self._now(now_ms))
            outcomes.append(outcome)
        return list(made.values()), outcomes

    def _approvable(self, who: str, wish: Wish) -> Outcome:
        line, state = self.lines.get(wish.entry_id), self.state_of(wish.entry_id)
        if line is None or state in (None, LineState.GONE):
            return Outcome.UNKNOWN
        if not self._may(who, line.user):
            return Outcome.NOT_THEIRS
        if state is LineState.UNFIT:
            return Outcome.UNFIT
        if wish.fingerprint != self._fingerprint(line):
            return Outcome.STALE
        if state not in APPROVABLE:
            return Outcome.ALREADY
        if len(self.decisions.get(wish.entry_id, ())) >= VERSION_MAX:
            return Outcome.TOO_OFTEN
        return Outcome.WITHDRAWN if state is LineState.DELETED else Outcome.APPROVED

    def withdraw(
        self, who: str, entry_ids: Sequence[str], reason: str, now_ms: int
    ) -> tuple[list[Decision], list[Outcome]]:
        """Take approvals back: the decisions to keep and apply, and an outcome for each line."""
        made: dict[str, Decision] = {}
        outcomes: list[Outcome] = []
        for entry_id in entry_ids:
            standing = self._standing(entry_id)
            line = self.lines.get(entry_id)
            if line is None:
                outcomes.append(Outcome.UNKNOWN)
            elif not self._may(who, line.user):
                outcomes.append(Outcome.NOT_THEIRS)
            elif standing is None or entry_id in made:
                outcomes.append(Outcome.ALREADY)
            elif standing.version >= VERSION_MAX:
                outcomes.append(Outcome.TOO_OFTEN)
            else:
                made[entry_id] = self._withdrawal(who, entry_id, reason, self._now(now_ms))
                outcomes.append(Outcome.WITHDRAWN)
        return list(made.values()), outcomes

    def _may(self, who: str, user: str) -> bool:
        person = self.settings.people.get(user)
        return person is not None and who in person.approvers

    def _now(self, now_ms: int) -> int:
        """Never before what was published last: the listing is in order of time."""
        return max(now_ms, self.last_ms)

    def _decision(self, who: str, method: str, entry_id: str, now_ms: int) -> Decision:
        line = self.lines[entry_id]
        if not isinstance(line.found, TimeEntry):
            return self._withdrawal(who, entry_id, FINAL_REASON, now_ms)
        assert line.record is not None, f"{entry_id}: a line has a record"
        version = len(self.decisions.get(entry_id, ())) + 1
        entry = self._at_home(line.found)
        fingerprint = fingerprint_of(entry)
        submitted_ms = line.record.st_us // 1_000
        approval = Approval(fingerprint, who, method, now_ms, submitted_at_ms=submitted_ms)
        event = _encode(_Approved(replace(entry, version=version), approval)).decode()
        return Decision(entry_id, version, entry.home_entity, now_ms, who, fingerprint, event)

    def _withdrawal(self, who: str, entry_id: str, reason: str, now_ms: int) -> Decision:
        decided = self.decisions[entry_id]
        version = len(decided) + 1
        event = _encode(_Withdrawn(entry_id, version, reason, now_ms)).decode()
        return Decision(entry_id, version, decided[0].entity, now_ms, who, REMOVAL, event, withdrawn=True)

    def apply(self, kept: Iterable[Kept]) -> None:
        """These are durable now."""
        for one in kept:
            if isinstance(one, Told):
                self.told[one.entry_id] = one
                continue
            decided = self.decisions.setdefault(one.entry_id, [])
            assert one.version == len(decided) + 1, f"{one.entry_id}: version {one.version} follows {len(decided)}"
            decided.append(one)
            self.log.setdefault(one.entity, []).append(one)
            self.last_ms = max(self.last_ms, one.at_ms)

    # ---------------------------------------------------------------- what the runtime asks

    def published(self, entity: str, since_ms: int, page: str) -> tuple[list[tuple[str, int]], str]:
        """A page of (entry, version) published since, and the name of the next page. Raises ValueError."""
        log = self.log.get(entity, [])
        start = int(page) if page else next((at for at, one in enumerate(log) if one.at_ms >= since_ms), len(log))
        if not 0 <= start <= len(log):
            raise ValueError(f"there is no page {page!r}")
        end = start + PAGE
        return [(one.entry_id, one.version) for one in log[start:end]], str(end) if end < len(log) else ""

    def events(self, heads: Iterable[tuple[str, int]]) -> list[str]:
        """The events of these versions, as they were published; those that never were are left out."""
        asked = ((self.decisions.get(entry_id, []), version) for entry_id, version in heads)
        return [decided[version - 1].event for decided, version in asked if 0 < version <= len(decided)]

    def newer(self, told: Iterable[Told]) -> list[Told]:
        """Of what we are told, what is news about a line of ours."""
        return [
            one
            for one in told
            if one.entry_id in self.decisions
            and (one.entry_id not in self.told or self.told[one.entry_id].seq < one.seq)
        ]

    # ---------------------------------------------------------------- what people see

    def rows(self, user: str = "", from_day: str = "", until_day: str = "", state: str = "") -> list[Row]:
        """Lines by person and day. Days are inclusive; what has no day is there whatever the days."""
        every = (self._row(entry_id, line) for entry_id, line in self.lines.items() if user in ("", line.user))
        chosen = [
            row
            for row in every
            if state in ("", row.state) and (not row.work_date or from_day <= row.work_date <= (until_day or LAST_DAY))
        ]
        return sorted(chosen, key=lambda row: (row.user, row.work_date, row.entry_id))

    def _row(self, entry_id: str, line: _Line) -> Row:
        state = self.state_of(entry_id)
        assert state is not None, f"{entry_id}: a captured line has a state"
        decided = self.decisions.get(entry_id, ())
        told = self.told.get(entry_id)
        entry = self._at_home(line.found) if isinstance(line.found, TimeEntry) else None
        person = self.settings.people.get(line.user)
        row = Row(
            entry_id,
            line.user,
            state,
            self._fingerprint(line) if state in APPROVABLE else "",
            len(decided),
            worker=person.worker if person else "",
            entity=decided[0].entity if decided else person.entity if person else "",
            status=told.status if told else "",
            detail=told.detail if told else "",
            told_version=told.version if told else 0,
        )
        if entry is None:
            assert isinstance(line.found, Unfit), "what is no line says why"
            return msgspec.structs.replace(row, reason=": ".join(filter(None, (line.found.lack, line.found.detail))))
        return msgspec.structs.replace(
            row,
            project=entry.project,
            task=entry.task,
            work_date=entry.work_date.isoformat(),
            hours=str(entry.quantity),
            narrative=entry.invoice_narrative,
        )

    def counts(self) -> Mapping[str, int]:
        """State to number of lines."""
        found = dict.fromkeys(LineState, 0)
        for entry_id in self.lines:
            state = self.state_of(entry_id)
            if state is not None:
                found[state] += 1
        return {str(state): number for state, number in found.items()}
