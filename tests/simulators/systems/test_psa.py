"""Rules of the mock PSA: what is published, as which version, and what it can be asked."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from runtime.core.model import Approval, TimeEntry
from runtime.ports import Request
from simulators.evidence import AccountEvidence, Evidence
from simulators.firm.model import AssignmentPlan, LegalEntity
from simulators.people.acts import (
    AutoApproved,
    LineChanged,
    LinePlan,
    LinesApproved,
    LineWithdrawn,
    SheetPlan,
    SheetsDecided,
    SheetSubmitted,
)
from simulators.systems.psa import Psa, Publication, quantity_text
from simulators.systems.psa_profile import PsaProfile

AWKWARD = 'He said "ship it" \\ über 東京 \U0001f30a \t\n\x01\u2028 </script> %s {x}'


class ApprovedEvent(msgspec.Struct, tag_field="type", tag="time_entry.approved", forbid_unknown_fields=True):
    entry: TimeEntry
    approval: Approval


class WithdrawnEvent(msgspec.Struct, tag_field="type", tag="time_entry.withdrawn", forbid_unknown_fields=True):
    entry_id: str
    version: int
    reason: str
    at_ms: int


def decode(body: bytes) -> ApprovedEvent | WithdrawnEvent:
    return msgspec.json.decode(body, type=ApprovedEvent | WithdrawnEvent)


def assignment(name: str = "A1", dimensions: tuple[str, ...] = ("cc-7", "practice-x")) -> AssignmentPlan:
    return AssignmentPlan(
        name, "W1", f"P-{name}", "T1", "developer", "senior", "DE01", "C1", "K1", "Europe/Berlin", dimensions
    )


def line(number: int, narrative: str = "Design", sheet_id: str = "S1", quarter_hours: int = 29) -> LinePlan:
    day = date(2026, 3, 30)
    return LinePlan(
        f"{sheet_id}-{number}", number, assignment(), day, quarter_hours, "standard", True, narrative, booked_at_ms=1
    )


def sheet(count: int = 3, sheet_id: str = "S1", entity: str = "DE01") -> SheetPlan:
    lines = [line(number, sheet_id=sheet_id) for number in range(1, count + 1)]
    return SheetPlan(sheet_id, "W1", "M1", entity, date(2026, 3, 30), lines)


class World:
    """A PSA with two entities of its own and one of another account, and every body it ever published."""

    def __init__(self, **settings: Any) -> None:
        entities = [
            LegalEntity(code, "EMEA", "DE", "EUR", "Europe/Berlin", "erp", account)
            for code, account in (("DE01", "psa"), ("NO01", "psa"), ("US01", "other"))
        ]
        self.evidence = {entity.code: Evidence(entity.code) for entity in entities}
        self.door = AccountEvidence("psa")
        self.psa = Psa(PsaProfile(**settings), "psa", entities, self.evidence, seed=7, account_evidence=self.door)
        self.published: dict[tuple[str, int], bytes] = {}

    def does(self, act: Any) -> list[Publication]:
        made = [publication for _, group in self.psa.act(act, act.at_ms) for publication in group]
        for publication in made:
            assert (publication.entry_id, publication.version) not in self.published
            self.published[publication.entry_id, publication.version] = publication.body
        return made

    def heads(self, act: Any) -> list[tuple[str, int]]:
        return [(publication.entry_id, publication.version) for publication in self.does(act)]

    def asks(self, method: str, path: str, body: Any = None, now_ms: int = 1_000) -> tuple[int, Any]:
        reply = self.psa.answer(Request(method, path, {}, msgspec.json.encode(body)), now_ms)
        assert self.psa.profile.latency_low_ms <= reply.delay_ms <= self.psa.profile.latency_high_ms
        return reply.response.status, msgspec.json.decode(reply.response.body)

    def lists(self, since_ms: int = 0, entity: str = "DE01") -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        page = ""
        while True:
            status, answer = self.asks("GET", f"/published?entity={entity}&since_ms={since_ms}&page={page}")
            assert status == 200
            found += [(entry_id, version) for entry_id, version in answer["heads"]]
            page = answer["next_page"]
            if not page:
                return found


def handed_in(week: SheetPlan | None = None, **settings: Any) -> tuple[World, SheetPlan]:
    world = World(**settings)
    week = week or sheet()
    assert world.does(SheetSubmitted(10, week)) == []
    return world, week


def clicked(at_ms: int, *sheets: SheetPlan, rejected: tuple[str, ...] = (), hold: tuple[str, ...] = ()):
    return SheetsDecided(at_ms, "M1", "bulk", list(sheets), rejected, hold)


def approved(at_ms: int, *entry_ids: str) -> LinesApproved:
    return LinesApproved(at_ms, "DE01", "M2", entry_ids)


def test_an_approval_carries_the_line_as_it_was_booked():
    """Every field of an approved event decodes into the runtime's time entry and approval with the booked content."""
    world, week = handed_in()

    event = decode(world.does(clicked(20, week))[1].body)

    assert isinstance(event, ApprovedEvent)
    assert event.entry == TimeEntry(
        entry_id="S1-2",
        version=1,
        source_system="psa",
        source_id="S1",
        line=2,
        sheet="S1",
        worker="W1",
        assignment="A1",
        project="P-A1",
        task="T1",
        role="developer",
        grade="senior",
        employing_entity="DE01",
        project_entity="DE01",
        billing_entity="DE01",
        home_entity="DE01",
        work_date=date(2026, 3, 30),
        quantity=Decimal("7.25"),
        unit="hour",
        time_type="standard",
        billable=True,
        zone="Europe/Berlin",
        invoice_narrative="Design",
        dimensions=("cc-7", "practice-x"),
    )
    assert (event.approval.approver, event.approval.method, event.approval.decided_at_ms) == ("M1", "bulk", 20)
    assert event.approval.submitted_at_ms == 10


def test_any_text_survives_the_wire():
    """Quotes, backslashes, control characters and any script come out of every text field as they went in."""
    world = World()
    plan = AssignmentPlan(*[AWKWARD] * 10, (AWKWARD, ""))
    odd = LinePlan(AWKWARD, 1, plan, date(2026, 3, 30), 1, AWKWARD, False, AWKWARD, 1)
    week = SheetPlan(AWKWARD, "W1", "M1", "DE01", date(2026, 3, 30), [odd])
    world.does(SheetSubmitted(10, week))

    [publication] = world.does(SheetsDecided(20, AWKWARD, AWKWARD, [week]))
    [taken_back] = world.does(LineWithdrawn(30, "DE01", AWKWARD, AWKWARD))

    event = decode(publication.body)
    assert isinstance(event, ApprovedEvent)
    entry = event.entry
    assert {
        entry.entry_id,
        entry.source_id,
        entry.sheet,
        entry.worker,
        entry.assignment,
        entry.project,
        entry.task,
        entry.role,
        entry.grade,
        entry.time_type,
        entry.zone,
        entry.invoice_narrative,
        event.approval.approver,
        event.approval.method,
    } == {AWKWARD}
    assert entry.dimensions == (AWKWARD, "")
    assert not entry.billable
    assert decode(taken_back.body) == WithdrawnEvent(AWKWARD, 2, AWKWARD, 30)


def test_an_assignment_that_changed_under_its_name_is_told_as_it_is():
    """Lines on two states of one assignment each carry their own state, also when they alternate."""
    world, _ = handed_in()
    changed = replace(assignment(), role="architect", dimensions=("cc-8",))
    world.does(LineChanged(15, "DE01", "S1-2", assignment=changed))
    world.does(approved(20, "S1-1", "S1-2", "S1-3"))

    told = [(e.entry.role, e.entry.dimensions) for e in map(decode, world.published.values())]
    assert told == [("developer", ("cc-7", "practice-x")), ("architect", ("cc-8",)), told[0]]


@pytest.mark.parametrize(
    ("quarters", "text"), [(0, "0"), (1, "0.25"), (2, "0.5"), (29, "7.25"), (32, "8"), (4_000, "1000"), (-3, "-0.75")]
)
def test_quantities_are_plain_decimals_of_hours(quarters: int, text: str):
    """A quantity is exact hours without exponent and without trailing zeros."""
    assert quantity_text(quarters) == text


def test_a_click_is_delivered_entity_by_entity():
    """One click over sheets of several legal entities publishes to each its own, and counts it in its evidence."""
    world, german = handed_in()
    norwegian = sheet(2, "S2", "NO01")
    world.does(SheetSubmitted(11, norwegian))

    groups = world.psa.act(clicked(20, german, norwegian), 20)

    assert [(entity, len(made)) for entity, made in groups] == [("DE01", 3), ("NO01", 2)]
    assert (world.evidence["DE01"].approved, world.evidence["NO01"].approved) == (3, 2)
    assert list(world.evidence["NO01"].versions) == ["S2-1", "S2-2"]


def test_a_click_does_not_approve_what_it_has_not_seen():
    """A line changed after it was handed in is refused by fingerprint, and waits for an approval that sees it."""
    world, week = handed_in()
    world.does(LineChanged(15, "DE01", "S1-2", quarter_hours=8))

    assert world.heads(clicked(20, week)) == [("S1-1", 1), ("S1-3", 1)]
    assert world.psa.refusals == {"stale_fingerprint": 1}

    [publication] = world.does(approved(30, "S1-2"))
    event = decode(publication.body)
    assert isinstance(event, ApprovedEvent)
    assert (event.entry.version, event.entry.quantity) == (1, Decimal(2))


def test_the_fingerprint_is_of_the_content():
    """Equal content has an equal fingerprint, whatever the version and the line; any change of content changes it."""
    world, week = handed_in()
    world.does(clicked(20, week))
    world.does(approved(21, "S1-1"))
    changes: list[dict[str, Any]] = [
        {"quarter_hours": 4},
        {"narrative": "Build"},
        {"assignment": assignment("A2")},
        {"dimensions": ("cc-8",)},
        {"work_date": date(2026, 3, 31)},
    ]
    for at_ms, change in enumerate(changes, start=30):
        world.does(LineChanged(at_ms, "DE01", "S1-3", **change))
        world.does(approved(at_ms, "S1-3"))

    def fingerprint(entry_id: str, version: int) -> str:
        event = decode(world.published[entry_id, version])
        assert isinstance(event, ApprovedEvent)
        return event.approval.fingerprint

    assert fingerprint("S1-1", 1) == fingerprint("S1-2", 1) == fingerprint("S1-1", 2) == fingerprint("S1-3", 1)
    assert len({fingerprint("S1-3", version) for version in range(1, 7)}) == 6


def test_a_correction_stands_only_once_it_is_approved():
    """Changing an approved line publishes nothing; its re-approval is the next version, with the new content."""
    world, week = handed_in()
    world.does(clicked(20, week))

    assert world.does(LineChanged(30, "DE01", "S1-1", narrative="Build", dimensions=("cc-9",))) == []
    assert len(world.evidence["DE01"].versions["S1-1"]) == 1
    assert world.heads(clicked(35, week)) == []
    [publication] = world.does(approved(40, "S1-1"))

    event = decode(publication.body)
    assert isinstance(event, ApprovedEvent)
    assert (event.entry.version, event.entry.invoice_narrative, event.entry.dimensions) == (2, "Build", ("cc-9",))
    assert event.entry.quantity == Decimal("7.25")
    assert (event.approval.approver, event.approval.method) == ("M2", "single")
    first, second = world.evidence["DE01"].versions["S1-1"]
    assert (first.narrative, second.narrative, second.dimensions, second.at_ms) == ("Design", "Build", ("cc-9",), 40)


def test_approving_again_without_a_change_is_a_new_version():
    """Unchanged content approved again is published as the next version and counted as approved."""
    world, week = handed_in()
    world.does(clicked(20, week))

    assert world.heads(approved(30, "S1-1")) == [("S1-1", 2)]
    assert world.evidence["DE01"].approved == 4


def test_a_second_click_decides_only_what_still_waits():
    """Held lines are approved by a later click on their sheet; lines that were decided are left alone."""
    world, week = handed_in()

    assert world.heads(clicked(20, week, hold=("S1-2",))) == [("S1-1", 1), ("S1-3", 1)]
    assert world.heads(clicked(30, week)) == [("S1-2", 1)]
    assert world.heads(clicked(40, week)) == []


def test_a_rejected_line_needs_a_change_before_it_is_approved():
    """A rejected line goes back to its worker; approving it unchanged is refused, changed it becomes version 1."""
    world, week = handed_in()

    assert world.heads(clicked(20, week, rejected=("S1-2",))) == [("S1-1", 1), ("S1-3", 1)]
    assert world.heads(approved(30, "S1-2")) == []
    assert world.psa.refusals == {"approval_of_rejected": 1}

    world.does(LineChanged(40, "DE01", "S1-2", quarter_hours=4))
    assert world.heads(approved(50, "S1-2")) == [("S1-2", 1)]


def test_a_rejected_line_can_be_handed_in_again():
    """Handing the sheet in again submits what was rejected; a click may approve it then, and the event says when."""
    world, week = handed_in()
    world.does(clicked(20, week, rejected=("S1-2",)))

    world.does(SheetSubmitted(30, week))
    (published,) = world.does(clicked(40, week))

    event = decode(published.body)
    assert (published.entry_id, published.version) == ("S1-2", 1)
    assert (event.approval.submitted_at_ms, event.approval.decided_at_ms) == (30, 40)


def test_a_withdrawal_is_a_version_of_its_own():
    """Taking back a published line publishes the next version as withdrawn, once, and keeps what it was in evidence."""
    world, week = handed_in()
    world.does(clicked(20, week))

    [publication] = world.does(LineWithdrawn(30, "DE01", "S1-1", "unapproved"))

    assert decode(publication.body) == WithdrawnEvent("S1-1", 2, "unapproved", 30)
    assert world.does(LineWithdrawn(31, "DE01", "S1-1", "unapproved")) == []
    last = world.evidence["DE01"].versions["S1-1"][-1]
    assert (last.version, last.withdrawn, last.quarter_hours) == (2, True, 29)
    assert world.evidence["DE01"].approved == 3


def test_a_line_that_was_never_published_is_withdrawn_in_silence():
    """Nobody outside hears of the withdrawal of a line they never heard of, and no approval picks it up."""
    world, week = handed_in()

    assert world.does(LineWithdrawn(15, "DE01", "S1-1", "deleted")) == []
    assert world.heads(clicked(20, week)) == [("S1-2", 1), ("S1-3", 1)]
    assert "S1-1" not in world.evidence["DE01"].versions


@pytest.mark.parametrize(("reason", "heads"), [("unapproved", [("S1-1", 3)]), ("cancelled", []), ("deleted", [])])
def test_only_what_was_not_deleted_comes_back(reason: str, heads: list[tuple[str, int]]):
    """An un-approved line can be approved again as the next version; a cancelled or deleted one cannot."""
    world, week = handed_in()
    world.does(clicked(20, week))
    world.does(LineWithdrawn(30, "DE01", "S1-1", reason))

    assert world.heads(approved(40, "S1-1")) == heads


def test_automatic_approval_takes_what_nobody_decided():
    """At the cut-off every submitted line of the entity is approved, except held, rejected and decided ones."""
    world, week = handed_in()
    forgotten, foreign = sheet(2, "S2"), sheet(1, "S3", "NO01")
    world.does(SheetSubmitted(11, forgotten))
    world.does(SheetSubmitted(11, foreign))
    world.does(clicked(20, week, rejected=("S1-1",), hold=("S1-2",)))

    made = world.does(AutoApproved(30, "DE01"))

    assert [(publication.entry_id, publication.version) for publication in made] == [("S2-1", 1), ("S2-2", 1)]
    event = decode(made[0].body)
    assert isinstance(event, ApprovedEvent)
    assert (event.approval.method, event.approval.approver) == ("auto", "psa")
    assert world.does(AutoApproved(40, "DE01")) == []


def test_acts_on_unknown_lines_are_counted():
    """Changing, approving or taking back a line that never arrived does nothing and is counted."""
    world, _ = handed_in()

    assert world.does(LineChanged(20, "DE01", "X")) == []
    assert world.does(approved(20, "X")) == []
    assert world.does(LineWithdrawn(20, "DE01", "X", "deleted")) == []
    assert world.does(clicked(20, sheet(1, "S9"))) == []
    assert world.psa.refusals == {"unknown_line": 4}


def row(entry_id: str, status: str, seq: int, version: int = 1) -> dict[str, Any]:
    return {"entry_id": entry_id, "version": version, "status": status, "detail": "", "seq": seq}


def test_older_news_about_an_entry_loses():
    """A status with an older or equal seq is not taken; the latest one stands, and each taken "posted" is a claim."""
    world, week = handed_in()
    world.does(clicked(20, week))

    first = [row("S1-1", "in_doubt", 5), row("S1-2", "posted", 6), row("unknown", "posted", 7)]
    assert world.asks("POST", "/status", {"statuses": first}, now_ms=50) == (200, {"taken": 2})
    second = [row("S1-1", "posted", 4), row("S1-2", "parked", 6), row("S1-1", "posted", 9, version=2)]
    assert world.asks("POST", "/status", {"statuses": second}, now_ms=60) == (200, {"taken": 1})

    evidence = world.evidence["DE01"]
    assert {key: (told.version, told.status) for key, told in evidence.psa.items()} == {
        "S1-1": (2, "posted"),
        "S1-2": (1, "posted"),
    }
    assert evidence.psa_claims == [(50, "S1-2", 1, "posted"), (60, "S1-1", 2, "posted")]


def test_statuses_go_to_the_entity_of_their_line():
    """One call may speak of lines of several entities; each is written to its own evidence."""
    world, _ = handed_in()
    world.does(SheetSubmitted(11, sheet(1, "S2", "NO01")))

    rows = [row("S1-1", "posted", 1), row("S2-1", "posted", 1), row("S1-2", "posted", 1)]
    world.asks("POST", "/status", {"statuses": rows})

    assert list(world.evidence["DE01"].psa) == ["S1-1", "S1-2"]
    assert list(world.evidence["NO01"].psa) == ["S2-1"]


def test_a_refused_status_call_changes_nothing():
    """Too many rows, a throttled call and a body nobody can read are refused as one, before any row is looked at."""
    body = {"statuses": [row("S1-1", "posted", 1), row("S1-2", "posted", 2)]}
    for settings, expected in (({"status_batch_max": 1}, 413), ({"status_refused_ppm": 1_000_000}, 429)):
        world, _ = handed_in(**settings)
        assert world.asks("POST", "/status", body)[0] == expected
        assert world.evidence["DE01"].psa == {}
    world, _ = handed_in()
    assert world.asks("POST", "/status", {"statuses": [{"entry_id": 3}]})[0] == 400
    assert world.asks("POST", "/nowhere", {})[0] == 404


def test_a_listing_is_complete_without_gaps_or_repeats():
    """The pages together hold every publication of the entity once, ordered by instant, entry and version."""
    world = World(page_size=3)
    later, earlier = sheet(4, "S2"), sheet(3, "S1")
    for week in (later, earlier):
        world.does(SheetSubmitted(10, week))
    world.does(clicked(20, later))
    world.does(clicked(20, earlier))
    world.does(LineWithdrawn(20, "DE01", "S1-2", "unapproved"))
    world.does(approved(30, "S2-1"))

    expected = [
        *[("S1-1", 1), ("S1-2", 1), ("S1-2", 2), ("S1-3", 1)],
        *[("S2-1", 1), ("S2-2", 1), ("S2-3", 1), ("S2-4", 1), ("S2-1", 2)],
    ]
    assert world.lists() == expected
    assert world.lists() == expected
    assert world.lists(since_ms=20) == expected
    assert world.lists(since_ms=21) == [("S2-1", 2)]
    assert world.lists(since_ms=31) == []
    assert world.lists(entity="NO01") == []


def test_what_is_published_while_pages_are_read_comes_behind_them():
    """A version published between two pages, even in the same millisecond, neither hides nor repeats another."""
    world = World(page_size=2)
    later, earlier = sheet(4, "S2"), sheet(3, "S1")
    for week in (later, earlier):
        world.does(SheetSubmitted(10, week))
    world.does(clicked(20, later))
    status, first = world.asks("GET", "/published?entity=DE01&since_ms=0&page=")

    world.does(clicked(20, earlier))
    found = [tuple(head) for head in first["heads"]]
    page = first["next_page"]
    while page:
        status, answer = world.asks("GET", f"/published?entity=DE01&since_ms=0&page={page}")
        found += [tuple(head) for head in answer["heads"]]
        page = answer["next_page"]

    assert status == 200
    assert len(found) == 7
    assert sorted(found) == sorted(world.published)


@pytest.mark.parametrize("query", ["", "entity=US01", "entity=DE01&since_ms=x", "entity=DE01&page=x"])
def test_a_listing_of_nothing_known_is_refused(query: str):
    """An entity of another account and numbers that are none are answered with 400."""
    assert World().asks("GET", f"/published?{query}")[0] == 400


def test_a_version_published_again_is_what_it_was():
    """Every historic version, withdrawals included, comes again byte for byte, in the order asked for."""
    world, week = handed_in()
    world.does(clicked(20, week))
    world.does(LineChanged(30, "DE01", "S1-1", quarter_hours=4, assignment=assignment("A1", ("cc-1",))))
    world.does(approved(31, "S1-1"))
    world.does(LineChanged(32, "DE01", "S1-1", narrative=AWKWARD, dimensions=("cc-2",)))
    world.does(LineWithdrawn(33, "DE01", "S1-1", "unapproved"))
    world.does(approved(34, "S1-1"))
    world.does(approved(35, "S1-2"))

    heads = sorted(world.published, reverse=True)
    body = msgspec.json.encode({"heads": [*heads, ("S1-1", 99), ("S1-1", 0), ("X", 1)]})
    reply = world.psa.answer(Request("POST", "/publish", {}, body), 99)

    events = msgspec.json.decode(reply.response.body, type=dict[str, list[msgspec.Raw]])["events"]
    assert [bytes(event) for event in events] == [world.published[head] for head in heads]
    assert len(heads) == 7
    assert world.asks("POST", "/publish", {"heads": [["S1-1", 1]] * 1_001})[0] == 413


def test_evidence_and_events_tell_the_same_story():
    """For every published version the evidence holds the content that the event carries."""
    world, week = handed_in()
    world.does(clicked(20, week))
    world.does(LineChanged(30, "DE01", "S1-2", quarter_hours=1, work_date=date(2026, 4, 1)))
    world.does(approved(31, "S1-2", "S1-3"))

    for (entry_id, number), body in world.published.items():
        version = world.evidence["DE01"].versions[entry_id][number - 1]
        event = decode(body)
        assert isinstance(event, ApprovedEvent)
        entry = event.entry
        assert (version.version, version.withdrawn) == (entry.version, False)
        assert Decimal(version.quarter_hours) / 4 == entry.quantity
        assert (version.work_date, version.dimensions) == (entry.work_date, entry.dimensions)
        assert (version.narrative, version.at_ms) == (entry.invoice_narrative, event.approval.decided_at_ms)


@pytest.mark.parametrize(
    "settings", [{"page_sise": 5}, {"page_size": 0}, {"latency_low_ms": 700}, {"status_refused_ppm": 1_000_001}]
)
def test_a_profile_with_a_mistake_is_refused(settings: dict[str, int]):
    """Unknown settings and impossible numbers are errors when the profile is made."""
    with pytest.raises(ValidationError):
        PsaProfile(**settings)


def test_maintenance_closes_the_api_and_nothing_else():
    """In a window every call is answered 503 and does nothing, while people decide and publish as ever."""
    world, week = handed_in()
    world.psa.close(1_000, 3_500, "announced", "503_retry_after")
    assert world.heads(clicked(1_200, week)) == [("S1-1", 1), ("S1-2", 1), ("S1-3", 1)]

    told = Request(
        "POST", "/status", {}, b'{"statuses":[{"entry_id":"S1-1","version":1,"status":"posted","detail":"","seq":1}]}'
    )
    listed = Request("GET", "/published?entity=DE01", {}, b"")
    assert [world.psa.answer(told, at_ms).response.status for at_ms in (1_000, 3_499)] == [503, 503]
    assert world.psa.answer(listed, 2_000).response.headers["Retry-After"] == "2"
    assert world.evidence["DE01"].psa == {}
    assert world.psa.answer(told, 3_500).response.status == 200

    assert world.door.closed == [(1_000, 3_500, "announced")]
    seen = [(call.kind, call.at_ms, call.outcome) for call in world.door.calls]
    assert seen == [("tell", 1_000, "maintenance"), ("tell", 3_499, "maintenance"), ("recount", 2_000, "maintenance")]
