"""The PSA: sheets arrive, approvers decide line by line, and every decision that counts is published as a version.

    SUBMITTED --approve--> APPROVED --change--> CHANGED --approve--> APPROVED
      |   |                   `--withdraw--> UNAPPROVED | GONE
      |   `--reject--> REJECTED --change--> CHANGED
      `--hold--> HELD --approve--> APPROVED

Rule 1. Approval is per line and of content: a click on sheets approves them as they were handed in, so for a line
        changed since then it is refused and counted (`refusals`), and the line goes on waiting. An approval of
        single lines sees them as they are.
Rule 2. A version is what the PSA published about an entry, 1, 2, 3 ...: an approval or a withdrawal. Changing an
        approved line publishes nothing; the old version stands until the new content is approved. Approving
        unchanged content again is a new version all the same.
Rule 3. A rejected line needs a change before it can be approved. A click on sheets decides only what waits for a
        first decision. Automatic approval takes what was submitted and is neither decided nor held.
Rule 4. A withdrawal is published only where something stands. A line "cancelled" or "deleted" never comes back;
        for any other reason it can be approved again.
Rule 5. An event is made from the version's evidence and the decision, the first time and every later time, so a
        version published again is byte for byte what it was, and no bytes are kept.
Rule 6. Maintenance closes the API alone: meanwhile people go on, and what they decide is published as ever.
Rule 7. What is wrong with the list is asked of `Readings`: rows that show late or under an old stamp, pages that are
        cut or begin elsewhere. The evidence of approvals is right all the same.

The evidence of what was approved is written here, at the source, before anybody downstream has heard of it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum
from functools import cache
from json.encoder import encode_basestring_ascii as quoted
from operator import attrgetter
from sys import intern
from typing import assert_never
from urllib.parse import parse_qs, urlsplit
from zlib import crc32

import msgspec

from runtime.ports import Request, Response
from simulators.chance import between, happens
from simulators.evidence import AccountEvidence, ApprovedVersion, Call, Evidence, ListingRead, PsaStatus
from simulators.faults.moves import Form
from simulators.faults.reading import Readings
from simulators.firm.model import AssignmentPlan, LegalEntity
from simulators.people.acts import (
    Act,
    AutoApproved,
    LineChanged,
    LinePlan,
    LinesApproved,
    LineWithdrawn,
    SheetPlan,
    SheetsDecided,
    SheetSubmitted,
)
from simulators.systems.maintenance import Style, Window, Windows
from simulators.systems.psa_forms import FORMS
from simulators.systems.psa_profile import PsaProfile
from simulators.systems.reply import Reply
from simulators.systems.time_capture import TimeCapture


class LineState(IntEnum):
    """Where a line is between worker and approver."""

    SUBMITTED = 0
    HELD = 1
    REJECTED = 2
    APPROVED = 3
    CHANGED = 4
    UNAPPROVED = 5
    GONE = 6


SUBMITTED, HELD, REJECTED, APPROVED, CHANGED, UNAPPROVED, GONE = LineState

# What a line becomes when its worker changes it; a line that is not listed cannot be changed.
AFTER_CHANGE = {
    SUBMITTED: SUBMITTED,
    HELD: HELD,
    REJECTED: CHANGED,
    APPROVED: CHANGED,
    CHANGED: CHANGED,
    UNAPPROVED: CHANGED,
}
# Which lines an approver may approve one by one.
APPROVABLE = (SUBMITTED, HELD, APPROVED, CHANGED, UNAPPROVED)
FINAL_REASONS = ("cancelled", "deleted")


@dataclass(slots=True)
class Publication:
    """One event for the outside: which version it is of, and its JSON text."""

    entry_id: str
    version: int
    body: bytes


Deliveries = list[tuple[str, list[Publication]]]
"""Publications by legal entity, in the order they were made."""


@dataclass(slots=True)
class _Decision:
    """What made a version: who approved and how, or why it was withdrawn. One object for all lines of a click."""

    approver: str
    method: str
    reason: str
    """All three as JSON text."""


class _Line:
    """A line as the PSA holds it. Slotted by hand: there are millions."""

    __slots__ = ("changes", "decisions", "dimensions", "plan", "seq", "sheet", "state", "submitted_ms")

    def __init__(self, plan: LinePlan, sheet: "_Sheet", submitted_ms: int) -> None:
        self.plan = plan
        self.sheet = sheet
        self.submitted_ms = submitted_ms
        """When it was handed in last. It is never handed in again once it has a version."""
        self.state = SUBMITTED
        self.changes = 0
        """Changes since it was handed in: what a click on its sheet has not seen."""
        self.dimensions: tuple[str, ...] | None = None
        """Set where somebody re-coded the line; otherwise those of the assignment hold."""
        self.decisions: tuple[_Decision, ...] = ()
        """Of version 1, 2, 3 ...; while there is one only, the tuple is shared by all lines of the click."""
        self.seq = -1
        """Of the last status taken."""


@dataclass(slots=True, eq=False)
class _Sheet:
    """What the lines of a sheet share: the legal entity, and the part of their events up to the line number."""

    entity: str
    json: str


@dataclass(slots=True)
class _AssignmentText:
    """The parts of an event that only depend on the assignment, and where the fingerprint of content starts from."""

    plan: AssignmentPlan
    names: str
    ending: str
    crc: int


class _Books:
    """One legal entity's open sheets, its evidence and the log of what was published, oldest first."""

    __slots__ = ("evidence", "in_order", "issued", "log", "open_sheets", "told", "unshown")

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.open_sheets: list[list[_Line]] = []
        """Lines as they were handed in together, until automatic approval has seen them."""
        self.log: list[ApprovedVersion] = []
        self.told = 0
        """Positions of the log that a page has shown: they never move again."""
        self.in_order = 0
        """Positions that are sorted."""
        self.issued: dict[str, int] = {}
        """Page token to when it was given, where tokens expire."""
        self.unshown: list[tuple[int, ApprovedVersion]] = []
        """(from when the list shows it, the version as the list has it) of rows that take their place out of turn."""

    def put_in_order(self, now_ms: int) -> None:
        """Sort what was published since the last listing by (instant, entry, version).

        What a page has shown stays where it is: the page token says the position in the log, and a version published
        later in the same millisecond must come behind it, never before. Only a row that shows out of turn moves what
        is behind it by one, so that a page shows one row a second time.
        """
        self._sort()
        if not self.unshown:
            return
        for _, version in [row for row in self.unshown if row[0] <= now_ms]:
            position = bisect_right(self.log, version.at_ms, key=_AT)
            self.log.insert(position, version)
            self.in_order += 1
            if position < self.told:
                self.told += 1
        self.unshown = [row for row in self.unshown if row[0] > now_ms]

    def _sort(self) -> None:
        if self.in_order < len(self.log):
            start = self.told
            if start < self.in_order:
                start = bisect_left(self.log, self.log[self.in_order].at_ms, lo=start, key=_AT)
            self.log[start:] = sorted(self.log[start:], key=_PUBLISHED)
            self.in_order = len(self.log)


_AT = attrgetter("at_ms")
_PUBLISHED = attrgetter("at_ms", "entry_id", "version")


class _StatusRow(msgspec.Struct, gc=False):
    entry_id: str
    version: int
    status: str
    detail: str
    seq: int


class _StatusCall(msgspec.Struct, gc=False):
    statuses: list[_StatusRow]


class _PublishCall(msgspec.Struct, gc=False):
    heads: list[tuple[str, int]]


_STATUS_CALL = msgspec.json.Decoder(_StatusCall)
_PUBLISH_CALL = msgspec.json.Decoder(_PublishCall)
_JSON = {"content-type": "application/json"}
_KINDS = {"/status": "tell", "/published": "recount", "/publish": "fetch"}
"""What a call is for, by its path."""


def _quantity(quarter_hours: int) -> str:
    """Hours as a plain decimal: 29 quarters are "7.25", 32 are "8"."""
    whole, quarters = divmod(abs(quarter_hours), 4)
    return ("-" if quarter_hours < 0 else "") + str(whole) + ("", ".25", ".5", ".75")[quarters]


quantity_text = cache(_quantity)
_date_text = cache(date.isoformat)
_short_text = cache(quoted)
"""For the few names that repeat on every line, such as time types."""


def _ending(zone: str, dimensions: Iterable[str]) -> str:
    return f'"zone":{quoted(zone)},"dimensions":[{",".join(map(quoted, dimensions))}]}}'


def _assignment_text(plan: AssignmentPlan) -> _AssignmentText:
    names = (
        f'"worker":{quoted(plan.worker)},"assignment":{quoted(plan.assignment)},"project":{quoted(plan.project)},'
        f'"task":{quoted(plan.task)},"role":{quoted(plan.role)},"grade":{quoted(plan.grade)},'
    )
    return _AssignmentText(plan, names, _ending(plan.zone, plan.dimensions), crc32(names.encode()))


class Psa:
    """One PSA account, serving the legal entities that share it.

    `entities` are served if their `psa_account` is `account`; `evidence` holds one record per entity code, at least
    for those. Acts come in the order of time: `now_ms` never goes back.
    """

    def __init__(
        self,
        profile: PsaProfile,
        account: str,
        entities: Iterable[LegalEntity],
        evidence: dict[str, Evidence],
        *,
        seed: int = 0,
        time_capture: TimeCapture | None = None,
        account_evidence: AccountEvidence | None = None,
        readings: Readings | None = None,
    ) -> None:
        """`readings` knows what is wrong with the list; None: nothing is."""
        self.profile = profile
        self.account = account
        self.seed = seed
        self.time_capture = TimeCapture() if time_capture is None else time_capture
        self.refusals: dict[str, int] = {}
        """Decisions, changes and rows that were not accepted, by reason."""
        self._books = {e.code: _Books(evidence[e.code]) for e in entities if e.psa_account == account}
        self._lines: dict[str, _Line] = {}
        self._texts: dict[str, _AssignmentText] = {}
        self._now_ms = 0
        self._windows = Windows()
        self._readings = readings if readings is not None and readings.any else None
        self._drifts: list[tuple[int, int, Form]] = []
        """(from, until, form): approvals are sent in another form."""
        self._calls = AccountEvidence(account) if account_evidence is None else account_evidence

    # --- what the world does to the system ---

    def close(self, from_ms: int, until_ms: int, kind: str, style: Style) -> None:
        """The API is down for maintenance between these instants. `kind` is "announced" or "unannounced"."""
        self._windows.add(Window(from_ms, until_ms, kind, style))
        self._calls.closed.append((from_ms, until_ms, kind))

    def drift(self, from_ms: int, until_ms: int, form: Form) -> None:
        """Approvals that are sent between these instants are written in another form."""
        self._drifts.append((from_ms, until_ms, form))

    def edit_in_bulk(self, entity: str, share_ppm: int, recoded: bool, pushed: bool, now_ms: int) -> Deliveries:
        """A share of the entity's approved lines is approved again at once, with another first dimension if `recoded`.

        Returns what is pushed, which is nothing unless `pushed`.
        """
        chosen = [
            line
            for entry_id, line in self._lines.items()
            if line.state is APPROVED
            and line.sheet.entity == entity
            and happens(share_ppm, self.seed, "psa/bulk_edit", entity, entry_id, now_ms)
        ]
        if recoded:
            for line in chosen:
                dimensions = line.plan.assignment.dimensions if line.dimensions is None else line.dimensions
                line.dimensions = (f"moved-{now_ms % 997}", *dimensions[1:])
        made = self._deliver(entity, chosen, _Decision(quoted(self.profile.auto_approver), '"bulk"', ""), now_ms)
        return made if pushed else []

    # --- what people do ---

    def act(self, act: Act, now_ms: int) -> Deliveries:
        """Do what a person does, and return what the PSA publishes because of it."""
        assert now_ms >= self._now_ms, "the PSA's clock never goes back"
        self._now_ms = now_ms
        match act:
            case SheetSubmitted():
                self.receive(act.sheet, self.time_capture.hand_in(act.sheet))
                return []
            case SheetsDecided():
                return self._decide_sheets(act, now_ms)
            case LineChanged():
                self._change(act)
                return []
            case LinesApproved():
                return self._approve_lines(act, now_ms)
            case LineWithdrawn():
                return self._withdraw(act, now_ms)
            case AutoApproved():
                return self._approve_rest(act, now_ms)
            case _:
                assert_never(act)

    def receive(self, sheet: SheetPlan, lines: list[LinePlan] | None = None) -> None:
        """Lines arrive submitted: all of the sheet, or those given. A line that was rejected waits again."""
        sheet_json = quoted(sheet.sheet_id)
        entity = quoted(sheet.entity)
        shared = _Sheet(
            sheet.entity,
            f'"source_system":"psa","source_id":{sheet_json},"sheet":{sheet_json},"employing_entity":{entity},'
            f'"project_entity":{entity},"billing_entity":{entity},"home_entity":{entity},"unit":"hour","line":',
        )
        known = self._lines
        arrived: list[_Line] = []
        for plan in sheet.lines if lines is None else lines:
            if plan.entry_id in known:
                self._receive_again(known[plan.entry_id], plan, arrived)
            else:
                known[plan.entry_id] = line = _Line(plan, shared, self._now_ms)
                arrived.append(line)
        self._books[sheet.entity].open_sheets.append(arrived)

    def _receive_again(self, line: _Line, plan: LinePlan, arrived: list[_Line]) -> None:
        if line.state is not REJECTED:
            self._refuse("already_submitted")
            return
        line.plan = plan
        line.submitted_ms = self._now_ms
        line.state = SUBMITTED
        line.changes = 0
        arrived.append(line)

    def _decide_sheets(self, act: SheetsDecided, now_ms: int) -> Deliveries:
        made: dict[str, list[Publication]] = {}
        decisions = (_Decision(quoted(act.approver), quoted(act.method), ""),)
        rejected, hold = frozenset(act.rejected), frozenset(act.hold)
        known = self._lines
        for sheet in act.sheets:
            approved: list[_Line] = []
            for plan in sheet.lines:
                line = known.get(plan.entry_id)
                if line is None:
                    self._refuse("unknown_line")
                elif line.state is not SUBMITTED and line.state is not HELD:
                    if line.state is CHANGED:
                        self._refuse("stale_fingerprint")
                elif rejected and plan.entry_id in rejected:
                    line.state = REJECTED
                    self.time_capture.give_back(line.plan)
                elif hold and plan.entry_id in hold:
                    line.state = HELD
                elif line.changes:
                    self._refuse("stale_fingerprint")
                else:
                    approved.append(line)
            if approved:
                self._publish_approvals(sheet.entity, approved, decisions, now_ms, made.setdefault(sheet.entity, []))
        return list(made.items())

    def _approve_lines(self, act: LinesApproved, now_ms: int) -> Deliveries:
        approved: list[_Line] = []
        for entry_id in act.entry_ids:
            line = self._lines.get(entry_id)
            if line is None:
                self._refuse("unknown_line")
            elif line.state not in APPROVABLE:
                self._refuse(f"approval_of_{line.state.name.lower()}")
            else:
                approved.append(line)
        return self._deliver(act.entity, approved, _Decision(quoted(act.approver), '"single"', ""), now_ms)

    def _approve_rest(self, act: AutoApproved, now_ms: int) -> Deliveries:
        books = self._books[act.entity]
        waiting = [line for sheet in books.open_sheets for line in sheet if line.state is SUBMITTED]
        # Held lines may still be decided by a click, but never by this; so every sheet is done with.
        books.open_sheets.clear()
        return self._deliver(act.entity, waiting, _Decision(quoted(self.profile.auto_approver), '"auto"', ""), now_ms)

    def _change(self, act: LineChanged) -> None:
        line = self._lines.get(act.entry_id)
        if line is None:
            self._refuse("unknown_line")
            return
        state = AFTER_CHANGE.get(line.state)
        if state is None:
            self._refuse(f"change_of_{line.state.name.lower()}")
            return
        old = line.plan
        self.time_capture.give_back(old)
        line.plan = replace(
            old,
            quarter_hours=old.quarter_hours if act.quarter_hours is None else act.quarter_hours,
            narrative=old.narrative if act.narrative is None else act.narrative,
            assignment=old.assignment if act.assignment is None else act.assignment,
            work_date=old.work_date if act.work_date is None else act.work_date,
        )
        if act.dimensions is not None:
            line.dimensions = act.dimensions
        line.state = state
        line.changes += 1
        self.time_capture.revise(line.plan)

    def _withdraw(self, act: LineWithdrawn, now_ms: int) -> Deliveries:
        line = self._lines.get(act.entry_id)
        if line is None:
            self._refuse("unknown_line")
            return []
        line.state = GONE if act.reason in FINAL_REASONS else UNAPPROVED
        books = self._books[line.sheet.entity]
        versions = books.evidence.versions.get(act.entry_id)
        if not versions or versions[-1].withdrawn:
            return []
        version = replace(versions[-1], version=len(versions) + 1, at_ms=now_ms, withdrawn=True)
        line.decisions += (_Decision("", "", quoted(act.reason)),)
        versions.append(version)
        if not self._list(books, version, versions):
            return []
        return [(line.sheet.entity, [Publication(act.entry_id, version.version, self._event(line, version))])]

    def _refuse(self, reason: str) -> None:
        self.refusals[reason] = self.refusals.get(reason, 0) + 1

    # --- what is published ---

    def _deliver(self, entity: str, lines: list[_Line], decision: _Decision, now_ms: int) -> Deliveries:
        made: list[Publication] = []
        self._publish_approvals(entity, lines, (decision,), now_ms, made)
        return [(entity, made)] if made else []

    def _publish_approvals(
        self, entity: str, lines: list[_Line], decisions: tuple[_Decision], now_ms: int, made: list[Publication]
    ) -> None:
        """Publish these lines as they are. The evidence is written as one step with the publication."""
        books = self._books[entity]
        evidence = books.evidence
        history = evidence.versions
        log = books.log
        event = self._approved_event
        readings = self._readings
        drifted = self._form(now_ms) is not None
        decision = decisions[0]
        for line in lines:
            plan = line.plan
            entry_id = plan.entry_id
            assignment = plan.assignment
            number = len(line.decisions) + 1
            if readings is not None and number > 1 and _has_dimensions(line):
                self._clear_by_chance(line, number, now_ms)
            version = ApprovedVersion(
                entry_id,
                number,
                now_ms,
                False,
                assignment,
                plan.work_date,
                plan.quarter_hours,
                plan.time_type,
                plan.billable,
                plan.narrative,
                assignment.dimensions if line.dimensions is None else line.dimensions,
            )
            if number == 1:
                line.decisions = decisions
                history[entry_id] = [version]
            else:
                line.decisions += decisions
                history[entry_id].append(version)
            line.state = APPROVED
            if readings is None:
                log.append(version)
            elif not self._list(books, version, history[entry_id]):
                continue
            body = event(line, version, decision)
            made.append(Publication(entry_id, number, self._as_sent(version, body, now_ms) if drifted else body))
        evidence.approved += len(lines)

    def _clear_by_chance(self, line: _Line, number: int, now_ms: int) -> None:
        if self._readings is not None and self._readings.cleared(line.sheet.entity, line.plan.entry_id, number, now_ms):
            line.dimensions = ()

    def _list(self, books: _Books, version: ApprovedVersion, history: list[ApprovedVersion]) -> bool:
        """Give a version its place in the list. Returns whether it is pushed as well."""
        if self._readings is None:
            books.log.append(version)
            return True
        entity, at_ms = books.evidence.entity, version.at_ms
        earlier_ms = history[-2].at_ms if len(history) > 1 else None
        stamp_ms, from_ms, pushed = self._readings.published(
            entity, version.entry_id, version.version, at_ms, earlier_ms
        )
        if stamp_ms == from_ms == at_ms:
            books.log.append(version)
        else:
            books.unshown.append((from_ms, version if stamp_ms == at_ms else replace(version, at_ms=stamp_ms)))
        return pushed

    def _form(self, now_ms: int) -> Form | None:
        """The form in which approvals are sent now; None: the one that was agreed on."""
        return next((form for from_ms, until_ms, form in self._drifts if from_ms <= now_ms < until_ms), None)

    def _as_sent(self, version: ApprovedVersion, body: bytes, now_ms: int) -> bytes:
        """The event's bytes as they leave now. That a form was not as agreed is evidence, and that it was again."""
        sent = self._books[self._lines[version.entry_id].sheet.entity].evidence.sent_otherwise
        name = (version.entry_id, version.version)
        form = self._form(now_ms)
        if form is not None:
            sent.setdefault(name, []).append((now_ms, form))
            return FORMS[form](body)
        if name in sent:
            sent[name].append((now_ms, ""))
        return body

    def _event(self, line: _Line, version: ApprovedVersion) -> bytes:
        """The event of a version, made from its evidence and the decision behind it."""
        decision = line.decisions[version.version - 1]
        if not version.withdrawn:
            return self._approved_event(line, version, decision)
        return (
            f'{{"type":"time_entry.withdrawn","entry_id":{quoted(version.entry_id)},"version":{version.version},'
            f'"reason":{decision.reason},"at_ms":{version.at_ms}}}'
        ).encode()

    def _approved_event(self, line: _Line, version: ApprovedVersion, decision: _Decision) -> bytes:
        """An approval as JSON. Everything is escaped to ASCII, which is JSON as good as any and quick to encode.

        The fingerprint is the crc32 of what the approver saw: the assignment's names and all that the line adds.
        """
        assignment = version.assignment
        text = self._texts.get(assignment.assignment)
        if text is None or text.plan is not assignment:
            self._texts[assignment.assignment] = text = _assignment_text(assignment)
        ending = text.ending
        if version.dimensions is not assignment.dimensions:
            ending = _ending(assignment.zone, version.dimensions)
        content = (
            f'"work_date":"{_date_text(version.work_date)}","quantity":"{quantity_text(version.quarter_hours)}",'
            f'"time_type":{_short_text(version.time_type)},"billable":{"true" if version.billable else "false"},'
            f'"invoice_narrative":{quoted(version.narrative)},{ending}'
        )
        return (
            f'{{"type":"time_entry.approved","entry":{{"entry_id":{quoted(version.entry_id)},'
            f'"version":{version.version},{line.sheet.json}{line.plan.number},{text.names}{content},'
            f'"approval":{{"fingerprint":"{crc32(content.encode(), text.crc):08x}","approver":{decision.approver},'
            f'"method":{decision.method},"decided_at_ms":{version.at_ms},'
            f'"submitted_at_ms":{line.submitted_ms}}}}}'
        ).encode()

    # --- the API ---

    def answer(self, request: Request, now_ms: int) -> Reply:
        """Answer one request of the runtime: 503 in maintenance, 404 for an unknown path, 400 for what is unreadable.

        A call that meets maintenance is written down as evidence; of a PSA no other is.
        """
        url = urlsplit(request.path)
        delay_ms = between(
            self.profile.latency_low_ms,
            self.profile.latency_high_ms,
            self.seed,
            "psa/latency",
            self.account,
            request.path,
            crc32(request.body),
            now_ms,
        )
        closed = self._windows.closed(now_ms)
        if closed is not None:
            kind = _KINDS.get(url.path, url.path)
            self._calls.calls.append(Call(self.account, "", kind, 0, now_ms, "maintenance"))
            return Reply(closed, delay_ms)
        match request.method, url.path:
            case "POST", "/status":
                response = self._take_statuses(request.body, now_ms)
            case "GET", "/published":
                response = self._list_published(url.query, now_ms)
            case "POST", "/publish":
                response = self._publish_again(request.body, now_ms)
            case _:
                response = _error(404, "not_found")
        return Reply(response, delay_ms)

    def _take_statuses(self, body: bytes, now_ms: int) -> Response:
        try:
            rows = _STATUS_CALL.decode(body).statuses
        except msgspec.MsgspecError:
            return _error(400, "invalid")
        if len(rows) > self.profile.status_batch_max:
            return _error(413, "too_many_rows")
        if rows and happens(
            self.profile.status_refused_ppm, self.seed, "psa/status", rows[0].entry_id, rows[0].seq, now_ms
        ):
            return _error(429, "throttled")
        known, books = self._lines, self._books
        sheet: _Sheet | None = None
        taken = 0
        for row in rows:
            line = known.get(row.entry_id)
            if line is None:
                self._refuse("status_of_unknown_line")
                continue
            if row.seq <= line.seq:
                continue
            line.seq = row.seq
            taken += 1
            if line.sheet is not sheet:
                sheet = line.sheet
                evidence = books[sheet.entity].evidence
                statuses, claims = evidence.psa, evidence.psa_claims
            # Texts of our own, so that the call's can be forgotten.
            entry_id, status = line.plan.entry_id, intern(row.status)
            statuses[entry_id] = PsaStatus(entry_id, row.version, status, intern(row.detail))
            if status == "posted":
                claims.append((now_ms, entry_id, row.version, status))
        return Response(200, _JSON, b'{"taken":%d}' % taken)

    def _list_published(self, query: str, now_ms: int) -> Response:
        asked = parse_qs(query)
        try:
            books = self._books[asked["entity"][0]]
            since_ms = int(asked.get("since_ms", ("0",))[0])
            token = asked.get("page", ("",))[0]
            position = int(token.rpartition(".")[2]) if token else -1
        except (KeyError, ValueError):
            return _error(400, "invalid")
        life_ms = self.profile.page_token_life_ms
        if token and life_ms and now_ms > books.issued.get(token, now_ms) + life_ms:
            return _error(410, "page_token_expired")
        books.put_in_order(now_ms)
        log, entity, readings = books.log, books.evidence.entity, self._readings
        name = f"{since_ms}/{token}"
        if position < 0:
            position = bisect_left(log, since_ms, key=_AT)
        elif readings is not None:
            position = readings.start(entity, name, position, len(log), now_ms)
        end = min(position + self.profile.page_size, len(log))
        if readings is not None:
            stamps = [version.at_ms for version in log[position : end + 1]]
            end = position + readings.end(entity, name, stamps, end - position, now_ms)
        books.told = max(books.told, end)
        heads = [(version.entry_id, version.version) for version in log[position:end]]
        next_page = f"{log[end - 1].at_ms}.{end}" if end < len(log) else ""
        if next_page and life_ms:
            books.issued[next_page] = now_ms
        books.evidence.reads.append(ListingRead(now_ms, since_ms, token, next_page))
        return Response(200, _JSON, msgspec.json.encode({"heads": heads, "next_page": next_page}))

    def publications(self, heads: Iterable[tuple[str, int]], now_ms: int) -> list[Publication]:
        """These versions, published again in that order; one that was never published is left out."""
        again: list[Publication] = []
        for entry_id, number in heads:
            line = self._lines.get(entry_id)
            if line is not None and 1 <= number <= len(line.decisions):
                version = self._books[line.sheet.entity].evidence.versions[entry_id][number - 1]
                event = self._event(line, version)
                if self._drifts and not version.withdrawn:
                    event = self._as_sent(version, event, now_ms)
                again.append(Publication(entry_id, number, event))
        return again

    def _as_far_as_it_goes(self, heads: list[tuple[str, int]], now_ms: int) -> list[tuple[str, int]]:
        """What of the versions asked for the answer holds: all of them, or a part where the answer is a short one."""
        readings, first = self._readings, self._lines.get(heads[0][0]) if heads else None
        if readings is None or first is None:
            return heads
        name = f"publish/{heads[0][0]}/{heads[0][1]}"
        return heads[: readings.end(first.sheet.entity, name, range(len(heads)), len(heads), now_ms)]

    def _publish_again(self, body: bytes, now_ms: int) -> Response:
        """The events of the versions asked for, in that order; one that was never published is left out."""
        try:
            heads = _PUBLISH_CALL.decode(body).heads
        except msgspec.MsgspecError:
            return _error(400, "invalid")
        if len(heads) > self.profile.publish_batch_max:
            return _error(413, "too_many_rows")
        for entry_id, version in heads:
            line = self._lines.get(entry_id)
            evidence = None if line is None else self._books[line.sheet.entity].evidence
            if evidence is not None and evidence.heard.get(entry_id, 0) >> version & 1:
                evidence.asked_again[entry_id, version] = evidence.asked_again.get((entry_id, version), 0) + 1
        events = [each.body for each in self.publications(self._as_far_as_it_goes(heads, now_ms), now_ms)]
        return Response(200, _JSON, b'{"events":[' + b",".join(events) + b"]}")


def _has_dimensions(line: _Line) -> bool:
    """Whether the line has dimensions that could be cleared."""
    return bool(line.plan.assignment.dimensions if line.dimensions is None else line.dimensions)


def _error(status: int, name: str) -> Response:
    return Response(status, _JSON, msgspec.json.encode({"error": name}))
