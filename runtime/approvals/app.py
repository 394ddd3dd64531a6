"""The approvals behind a socket: a PSA to the runtime, a list and a pen to approvers.

    /psa/published, /psa/publish, /psa/status    what `connectors/psa/generic.py` asks of any PSA
    /v1/lines      what was recorded, and how it stands        /v1/approvals, /v1/withdrawals    what approvers decide
    /v1/recounts   count the tracker again for some days       /v1/status, /live, /ready         how this process stands

The application is the gateway's own (`runtime/gateway/app.py`) with other routes: one door, one way to say no.

Rule 1. Who approves is who holds the key. Nobody says in a body who they are.
Rule 2. A decision is durable before it is applied, and both happen in one step of the event loop: a listing has either
        all of it or nothing, and nothing ever shows later than its instant says.
Rule 3. The runtime's account needs the action "intake". Looking needs "status", deciding and recounting "command".
"""

from collections.abc import Sequence
from datetime import date

import msgspec

from runtime.approvals.book import Book, Kept, LineState, Outcome, Told, Wish
from runtime.approvals.kept import KeptFile, NotKeptError
from runtime.approvals.lines import FIXES
from runtime.approvals.reader import Reader
from runtime.approvals.settings import ApprovalSettings
from runtime.drivers.clock import Clock
from runtime.gateway.app import App, Closed, Gateway, Open, Routes
from runtime.gateway.calls import Answer, Call, answer_json, read_json
from runtime.gateway.gate import Action, Caller, Gatekeeper, Meters
from runtime.gateway.problems import Flaw, ProblemError
from runtime.ports import IntakeRefusedError

RETRY_MS = 5_000
WISHES_MAX = 10_000
DAYS_MAX = 3_660
_DIGITS = 15


class ApprovalRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/approvals: lines as they were seen, each with the fingerprint of what was seen."""

    lines: list[tuple[str, str]]


class WithdrawalRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/withdrawals: lines whose approval is taken back."""

    entries: list[str]
    reason: str


class RecountRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/recounts: the first and the last day."""

    from_day: date
    until_day: date


class _Told(msgspec.Struct):
    entry_id: str
    version: int
    status: str
    detail: str
    seq: int


class _Statuses(msgspec.Struct):
    statuses: list[_Told]


class _Heads(msgspec.Struct):
    heads: list[tuple[str, int]]


class Standing(msgspec.Struct):
    """How this process stands."""

    people: int
    unread: int
    """People who could not be read in the last turn."""
    last_turn_ms: int | None
    lines: dict[str, int]
    lost: int
    """Records that recounts have found since the start and the cursor had lost."""
    overlap_ms: int


def build_app(
    settings: ApprovalSettings,
    book: Book,
    kept: KeptFile,
    reader: Reader,
    gate: Gatekeeper,
    metrics: Meters,
    clock: Clock,
) -> App:
    """The application."""
    desk = _Desk(settings, book, kept, reader, clock)
    routes: Routes = {
        "/psa/published": {"GET": Closed(desk.published)},
        "/psa/publish": {"POST": Closed(desk.publish)},
        "/psa/status": {"POST": Closed(desk.take_statuses)},
        "/v1/lines": {"GET": Closed(desk.lines)},
        "/v1/approvals": {"POST": Closed(desk.approve)},
        "/v1/withdrawals": {"POST": Closed(desk.withdraw)},
        "/v1/recounts": {"POST": Closed(desk.recount)},
        "/v1/status": {"GET": Closed(desk.status)},
        "/live": {"GET": Open(desk.live)},
        "/ready": {"GET": Open(desk.ready)},
    }
    return Gateway(routes, gate, metrics, clock, settings.limits)


class _Desk:
    """Answers one request each."""

    def __init__(self, settings: ApprovalSettings, book: Book, kept: KeptFile, reader: Reader, clock: Clock) -> None:
        self._settings = settings
        self._book = book
        self._kept = kept
        self._reader = reader
        self._clock = clock

    # ---------------------------------------------------------------- a PSA

    async def published(self, call: Call, caller: Caller) -> Answer:
        """Which versions were published in a legal entity since an instant."""
        asked = call.query({"entity": "", "since_ms": "0", "page": ""})
        _must(caller, Action.INTAKE, asked["entity"])
        if not all(not asked[name] or _is_number(asked[name]) for name in ("since_ms", "page")):
            raise ProblemError("invalid", "'since_ms' and 'page' are whole numbers")
        try:
            heads, next_page = self._book.published(asked["entity"], int(asked["since_ms"] or 0), asked["page"])
        except ValueError as fault:
            raise ProblemError("invalid", str(fault)) from None
        return answer_json({"heads": heads, "next_page": next_page})

    async def publish(self, call: Call, caller: Caller) -> Answer:
        """The events of these versions again."""
        _must(caller, Action.INTAKE)
        asked = read_json(await call.body(self._settings.limits), _Heads, self._settings.limits.depth)
        events = [msgspec.Raw(event.encode()) for event in self._book.events(asked.heads)]
        return answer_json({"events": events})

    async def take_statuses(self, call: Call, caller: Caller) -> Answer:
        """What the runtime says about lines; kept, so that a restart knows it."""
        _must(caller, Action.INTAKE)
        asked = read_json(await call.body(self._settings.limits), _Statuses, self._settings.limits.depth)
        told = [Told(one.entry_id, one.version, one.status, one.detail, one.seq) for one in asked.statuses]
        self._keep(self._book.newer(told))
        return answer_json({"taken": len(told)})

    # ---------------------------------------------------------------- people

    async def lines(self, call: Call, caller: Caller) -> Answer:
        """Lines, by person and day."""
        asked = call.query({"user": "", "from": "", "until": "", "state": ""})
        _must(caller, Action.STATUS)
        for name in ("from", "until"):
            _day(name, asked[name])
        if asked["state"] not in ("", *LineState):
            raise ProblemError("invalid", f"'state' is one of {', '.join(LineState)}")
        rows = self._book.rows(asked["user"], asked["from"], asked["until"], asked["state"])
        return answer_json({"lines": rows, "fixes": FIXES})

    async def approve(self, call: Call, caller: Caller) -> Answer:
        """Approve lines as they were seen."""
        _must(caller, Action.COMMAND)
        asked = read_json(await call.body(self._settings.limits), ApprovalRequest, self._settings.limits.depth)
        _not_too_many(asked.lines)
        wishes = [Wish(*line) for line in asked.lines]
        decisions, outcomes = self._book.approve(caller.who, wishes, self._clock.wall_ms())
        self._keep(decisions)
        return _told([wish.entry_id for wish in wishes], outcomes)

    async def withdraw(self, call: Call, caller: Caller) -> Answer:
        """Take approvals back."""
        _must(caller, Action.COMMAND)
        asked = read_json(await call.body(self._settings.limits), WithdrawalRequest, self._settings.limits.depth)
        _not_too_many(asked.entries)
        if not asked.reason.strip() or not asked.reason.isprintable():
            raise ProblemError("invalid", "a withdrawal says why", (Flaw("/reason", "one line that says why"),))
        decisions, outcomes = self._book.withdraw(caller.who, asked.entries, asked.reason, self._clock.wall_ms())
        self._keep(decisions)
        return _told(asked.entries, outcomes)

    async def recount(self, call: Call, caller: Caller) -> Answer:
        """Count the tracker again; what the cursor had lost is there afterwards."""
        _must(caller, Action.COMMAND)
        asked = read_json(await call.body(self._settings.limits), RecountRequest, self._settings.limits.depth)
        if not 0 <= (asked.until_day - asked.from_day).days < DAYS_MAX:
            raise ProblemError("invalid", f"a recount covers 1 to {DAYS_MAX} days; 'until_day' is the last one")
        return answer_json(await self._reader.recount(asked.from_day, asked.until_day))

    async def status(self, call: Call, caller: Caller) -> Answer:
        """How this process stands."""
        call.query({})
        _must(caller, Action.STATUS)
        reader = self._reader
        counts = dict(self._book.counts())
        overlap_ms = self._settings.tracker.overlap_ms
        people = len(self._settings.people)
        return answer_json(Standing(people, len(reader.unread), reader.last_turn_ms, counts, reader.lost, overlap_ms))

    async def live(self, call: Call) -> Answer:
        """This process answers."""
        return answer_json({"live": True})

    async def ready(self, call: Call) -> Answer:
        """Whether everybody was read once since the start: until then lines are missing."""
        is_ready = self._reader.last_turn_ms is not None
        return answer_json({"ready": is_ready}, 200 if is_ready else 503)

    def _keep(self, kept: Sequence[Kept]) -> None:
        """Make durable, then apply (rule 2). Raises IntakeRefusedError: 503, nothing happened."""
        try:
            self._kept.append(kept)
        except NotKeptError as fault:
            raise IntakeRefusedError("disk_headroom", RETRY_MS, str(fault)) from fault
        self._book.apply(kept)


def _must(caller: Caller, action: Action, entity: str | None = None) -> None:
    """Raises ProblemError where the caller may not."""
    if not caller.may(action, entity, None):
        raise ProblemError("forbidden", f"this needs a key that may {action}")


def _told(entry_ids: Sequence[str], outcomes: Sequence[Outcome]) -> Answer:
    counts = {str(outcome): outcomes.count(outcome) for outcome in dict.fromkeys(outcomes)}
    return answer_json({"results": list(zip(entry_ids, outcomes, strict=True)), "counts": counts})


def _not_too_many(wishes: Sequence[object]) -> None:
    if not 0 < len(wishes) <= WISHES_MAX:
        raise ProblemError("invalid", f"one request decides 1 to {WISHES_MAX} lines")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS


def _day(name: str, text: str) -> None:
    try:
        if text:
            date.fromisoformat(text)
    except ValueError:
        raise ProblemError("invalid", f"{name!r} is a day such as 2026-11-16") from None
