"""The mock ERP: one account, many legal entities, and its manners given by a profile.

    POST /token ─────────────────────────────▶ User: token, or one more failed login
    POST /ledger/{entity}/batches ─▶ Door ─▶ Intake ─▶ Ledger ─▶ Evidence
    GET  /ledger/{entity}/lines   ─▶ Door ─▶ Ledger

Rule 1. Stateful and without a clock: `answer(request, now_ms)` does the work at `now_ms`, in the order of the calls,
        and says how long the answer takes. A request delivered twice or late is simply answered again, or later.
Rule 2. Every call that reaches the door is evidence with its outcome, and so is every line that comes to stand.
Rule 3. Whatever is due (staged rows) happens before anything else is looked at.
Rule 4. Chance hangs on stable names: the key of a row, the `X-Call` header of a call.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from urllib.parse import unquote_plus
from zlib import crc32

import msgspec

from runtime.ports import Request, Response
from simulators.chance import happens
from simulators.evidence import AccountEvidence, Call, Evidence
from simulators.systems.erp.answers import Answers
from simulators.systems.erp.door import Door, Pace, header
from simulators.systems.erp.intake import NEVER_MS, Intake, always
from simulators.systems.erp.ledger import Ledger, Line
from simulators.systems.erp.wire import (
    LookUpReply,
    PostReply,
    Row,
    RowReply,
    read_batch,
    read_login,
    read_row,
    write,
)
from simulators.systems.erp_profile import ErpProfile
from simulators.systems.maintenance import Style, Window
from simulators.systems.reply import JSON, Reply, error

Read = tuple[Row, int]
"""A row and the crc32 of its text."""


class Erp:
    """One account of a mock ERP. Instants are ms UTC; amounts are signed minor units."""

    def __init__(
        self,
        profile: ErpProfile,
        account: str,
        seed: int,
        evidence: Mapping[str, Evidence],
        account_evidence: AccountEvidence,
        projects: Mapping[str, Iterable[str]],
        workers: Mapping[str, Iterable[str]],
        strike: Callable[[str, str, int], bool] | None = None,
        calm_ms: int = NEVER_MS,
    ) -> None:
        """`evidence`, `projects` and `workers` by legal entity; one ledger for each entity that has evidence.

        `strike(kind, what, at_ms)` is asked whether chance may make a row fail; from `calm_ms` on it makes none fail.
        """
        self.profile = profile
        self.account = account
        self._seed = seed
        self._calls = account_evidence
        self._door = Door(profile)
        self._pace = Pace(profile.latency, account, seed)
        self._jobs_ever = 0
        self._answers = Answers(profile, account, seed, strike or always, calm_ms)
        self._intakes: dict[str, Intake] = {}
        for entity, noted in evidence.items():
            ledger = Ledger(
                noted,
                projects.get(entity, ()),
                workers.get(entity, ()),
                profile.read_lag_ms,
                profile.exact_reversals,
            )
            self._intakes[entity] = Intake(ledger, profile, account, seed, strike, calm_ms)
        if profile.quota is not None:
            account_evidence.quota_calls = profile.quota.calls
            account_evidence.quota_window_ms = profile.quota.window_ms

    # What the connector sees.

    def answer(self, request: Request, now_ms: int) -> Reply:
        """Do what the request asks, now, and say what is answered and after how many milliseconds."""
        if request.path == "/token":
            return self._token(request, now_ms)
        path, _, query = request.path.partition("?")
        match (request.method, *path.strip("/").split("/")):
            case ("POST", "ledger", entity, "batches") if entity in self._intakes:
                kind = "post"
            case ("GET", "ledger", entity, "lines") if entity in self._intakes:
                kind = "look_up"
            case _:
                return Reply(error(404, "not_found"), self.profile.latency.door_ms)
        intake = self._intakes[entity]
        intake.advance(now_ms)
        turned_away = self._door.turned_away(request.headers, now_ms)
        if turned_away is not None:
            self._note(entity, kind, _rows_in(request), now_ms, turned_away.outcome)
            return Reply(turned_away.response, self.profile.latency.door_ms)
        call = header(request.headers, "X-Call") or request.path
        if kind == "post":
            response, rows = self._post(intake, request, call, now_ms)
        else:
            response, rows = self._look_up(intake, query, now_ms)
        self._note(entity, kind, rows, now_ms, "served")
        return Reply(response, self._pace.of(call, rows))

    # What the world does to the system.

    def advance(self, now_ms: int) -> None:
        """Let every staged row of every entity land or fail that is due."""
        for intake in self._intakes.values():
            intake.advance(now_ms)

    def set_period(
        self, entity: str, module: str, name: str, first_day: date, last_day: date, status: str, now_ms: int
    ) -> None:
        """From now on the ERP holds this status for the period; rows that were due before have landed before."""
        self._intakes[entity].advance(now_ms)
        self._intakes[entity].ledger.set_period(module, name, first_day, last_day, status)

    def add_project(self, entity: str, project: str) -> None:
        """The project is set up in the ERP."""
        self._intakes[entity].ledger.projects.add(project)

    def add_worker(self, entity: str, worker: str) -> None:
        """The worker is set up in the ERP."""
        self._intakes[entity].ledger.workers.add(worker)

    def close(self, from_ms: int, until_ms: int, kind: str, style: Style) -> None:
        """Down for maintenance between these instants. `kind` is "announced" or "unannounced", for the evidence."""
        self._door.close(Window(from_ms, until_ms, kind, style))
        self._calls.closed.append((from_ms, until_ms, kind))

    def exhaust_numbers(self, from_ms: int, until_ms: int) -> None:
        """No document number is left in this window; rows that were due before have landed before."""
        for intake in self._intakes.values():
            intake.advance(from_ms)
            intake.exhaust_numbers(from_ms, until_ms)

    def lag_reads(self, from_ms: int, until_ms: int, lag_ms: int) -> None:
        """What comes to stand in this window shows in look-ups so much later."""
        for intake in self._intakes.values():
            intake.ledger.lag_reads(from_ms, until_ms, lag_ms)

    def expire_credential(self) -> None:
        """The credential and its tokens are no longer valid, and no other is until `rotate_credential`."""
        self._door.user.change_credential(None)

    def rotate_credential(self, credential: str) -> None:
        """A person renews the credential and unlocks the user: only this one is valid now, tokens of the old end."""
        self._door.user.change_credential(credential)
        self._door.user.unlock()

    def end_sessions(self) -> None:
        """Every token ends before its time."""
        self._door.user.end_sessions()

    def eat_quota(self, from_ms: int, until_ms: int, left: int) -> None:
        """Another integration leaves us only so many calls of each quota window between these instants."""
        self._door.quota.eat(from_ms, until_ms, left)

    def fail_logins(self, times: int, now_ms: int) -> None:
        """Somebody else fails to log in as our integration user, so many times in a row."""
        self._door.user.fail(times, now_ms)

    @property
    def locked_out_until_ms(self) -> int:
        """Until when the integration user is, or was, locked out."""
        return self._door.user.locked_until_ms

    def post_by_hand(
        self,
        entity: str,
        entry_id: str,
        version: int,
        project: str,
        work_date: date,
        accounting_date: date,
        period: str,
        quarter_hours: int,
        bill_minor: int,
        bill_currency: str,
        cost_minor: int,
        cost_currency: str,
        now_ms: int,
    ) -> bool:
        """A careful accountant enters a line; False when one of the entry stands or the period is not open."""
        intake = self._intakes[entity]
        intake.advance(now_ms)
        line = Line(
            line_id="",
            entity=entity,
            key="",
            entry_id=entry_id,
            version=version,
            leg="post",
            project=project,
            work_date=work_date,
            accounting_date=accounting_date,
            period=period,
            quarter_hours=quarter_hours,
            bill_minor=bill_minor,
            bill_currency=bill_currency,
            cost_minor=cost_minor,
            cost_currency=cost_currency,
            adjusts="",
            reverses="",
            at_ms=now_ms,
            by_hand=True,
        )
        return intake.ledger.post_by_hand(line)

    # How a call is served.

    def _token(self, request: Request, now_ms: int) -> Reply:
        closed = self._door.closed(now_ms)
        locked = self._door.user.locked(now_ms)
        if closed is not None:
            outcome, response = closed
        elif locked is not None:
            outcome, response = "locked_out", locked
        else:
            try:
                response = self._door.user.log_in(read_login(request.body).credential, now_ms)
            except msgspec.DecodeError:
                response = error(400, "malformed")
            outcome = {200: "served", 403: "locked_out"}.get(response.status, "login")
        self._note("", "login", 0, now_ms, outcome)
        return Reply(response, self.profile.latency.door_ms)

    def _post(self, intake: Intake, request: Request, call: str, now_ms: int) -> tuple[Response, int]:
        try:
            raws = read_batch(request.body).rows
        except msgspec.DecodeError:
            return error(400, "malformed"), 0
        if len(raws) > self.profile.batch_rows_max:
            return error(400, "too_many_rows", max=self.profile.batch_rows_max), len(raws)
        rows, answers = _read_rows(intake, raws)
        lost = self._answers.unanswered([row for row, _ in rows], now_ms) if self._answers.loses else {}
        if not all(lost.values()):
            rows, answers = _served(rows, answers, lost)
        names = (self._seed, "erp/server_error", self.account, call)
        fails = happens(self.profile.server_error_ppm, *names)
        if not fails:
            return self._serve(intake, rows, answers, now_ms, lost), len(raws)
        new = intake.new_ones(rows)
        if happens(self.profile.server_error_worked_ppm, *names, "worked"):
            self._serve(intake, rows, answers, now_ms, lost)
        intake.server_error(new)
        return error(500, "internal"), len(raws)

    def _serve(
        self,
        intake: Intake,
        rows: list[Read],
        answers: list[RowReply | None],
        now_ms: int,
        lost: Mapping[str, bool],
    ) -> Response:
        """`answers` has a place for each row of the call; those that could not be read are answered already.

        The result of a row whose key is among `lost` is left out.
        """
        job = ""
        if intake.jobs:
            first = intake.known_job(rows)
            if first is not None:
                return error(409, "idempotency_error", location=first)
            # Its number is used up even when the job is then rolled back.
            self._jobs_ever += 1
            job = f"J-{self._jobs_ever}"
        if self.profile.batch_mode == "atomic":
            unread = next((answer for answer in answers if answer is not None), None)
            refused = unread or intake.first_refused(rows, now_ms, job)
            if refused is not None:
                return self._rolled_back(refused)
        take = intake.take
        done = iter([take(row, fingerprint, now_ms, job) for row, fingerprint in rows])
        replies = [next(done) if answer is None else answer for answer in answers]
        if lost:
            replies = [reply for reply in replies if reply.key not in lost]
        if self._answers.mixes and rows:
            replies = self._answers.mixed(replies, f"post/{rows[0][0].key}", now_ms)
        return Response(202 if job else 200, JSON, write(PostReply(replies, job)))

    def _rolled_back(self, refused: RowReply) -> Response:
        key = refused.key if self.profile.bad_row_named else None
        more: dict[str, object] = {"replayed": True} if refused.replayed else {}
        return error(422, "row_refused", None, reason=refused.reason, detail=refused.detail, key=key, **more)

    def _look_up(self, intake: Intake, query: str, now_ms: int) -> tuple[Response, int]:
        asked = dict(pair.split("=", 1) for pair in query.split("&") if "=" in pair)
        by, names = asked.get("by", "key"), _names_in(asked.get("names", ""))
        if by not in ("key", "entry"):
            return error(400, "malformed"), 0
        if by == "key":
            names = [intake.fold(name) for name in names]
        lines = intake.ledger.look_up(by, names, now_ms)
        if self._answers.mixes and names:
            lines = self._answers.mixed(lines, f"look_up/{names[0]}", now_ms)
        return Response(200, JSON, write(LookUpReply(lines))), len(names)

    def _note(self, entity: str, kind: str, rows: int, now_ms: int, outcome: str) -> None:
        self._calls.calls.append(Call(self.account, entity, kind, rows, now_ms, outcome))


def _read_rows(intake: Intake, raws: list[msgspec.Raw]) -> tuple[list[Read], list[RowReply | None]]:
    """The rows that can be read, and a place per row with the refusal of those that cannot."""
    rows: list[Read] = []
    answers: list[RowReply | None] = []
    attempts, note = intake.ledger.evidence.attempts, intake.note_other_bytes
    for raw in raws:
        fingerprint = crc32(raw)
        try:
            row = read_row(raw)
        except msgspec.DecodeError as problem:
            answers.append(intake.unreadable(raw, str(problem)))
            continue
        if attempts.setdefault(row.key, fingerprint) != fingerprint:
            note(row.key)
        if row.reverses:
            row.reverses = intake.fold(row.reverses)
        rows.append((row, fingerprint))
        answers.append(None)
    return rows, answers


def _served(
    rows: list[Read], answers: list[RowReply | None], lost: Mapping[str, bool]
) -> tuple[list[Read], list[RowReply | None]]:
    """The same without the rows that are neither served nor answered; `answers` is None where a row stands."""
    kept = [read for read in rows if lost.get(read[0].key, True)]
    told = [answer for answer in answers if answer is not None]
    return kept, [*([None] * len(kept)), *told] if told else [None] * len(kept)


def _names_in(text: str) -> list[str]:
    """Names joined by commas; each may be percent-encoded, or the whole list with its commas."""
    parts = text.split(",")
    if len(parts) == 1:
        parts = unquote_plus(text).split(",")
    elif "%" in text or "+" in text:
        parts = [unquote_plus(part) for part in parts]
    return [part for part in parts if part]


def _rows_in(request: Request) -> int:
    """How many rows a call that was turned away would have brought; nobody reads them, so it is counted by key."""
    return request.body.count(b'"entry_id":')
