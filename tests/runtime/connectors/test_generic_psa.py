"""The generic PSA connector: events as news, statuses out, and a listing that finds what was lost."""

import json

import pytest

from runtime.connectors.psa.generic import GenericPsa, UndecodableEventError, read_event, read_events
from runtime.core.answers import Doubt, HeadsListed, Republished, Silent, StatusTaken, VersionHead
from runtime.core.effects import Fetch, Recount, Status, TellPsa
from runtime.core.news import EntryApproved, EntryWithdrawn
from runtime.ports import Response

ENTRY = {
    "entry_id": "E-1", "version": 2, "source_system": "psa", "source_id": "S", "line": 1, "sheet": "S", "worker": "W",
    "assignment": "A", "project": "P", "task": "T", "role": "dev", "grade": "senior", "employing_entity": "DE01",
    "project_entity": "DE01", "billing_entity": "DE01", "home_entity": "DE01", "work_date": "2026-03-31",
    "quantity": "7.25", "unit": "hour", "time_type": "standard", "billable": True, "zone": "Europe/Berlin",
    "invoice_narrative": "ü", "dimensions": ["cc"],
}  # fmt: skip
APPROVAL = {"fingerprint": "f", "approver": "M", "method": "bulk", "decided_at_ms": 5}
APPROVED = {"type": "time_entry.approved", "entry": ENTRY, "approval": APPROVAL}
PSA = GenericPsa("DE01")


def test_an_approval_is_read_with_exact_types() -> None:
    """Quantities are decimals, work dates civil dates, and absent fields have their defaults."""
    news = read_event(json.dumps(APPROVED).encode())
    assert isinstance(news, EntryApproved)
    assert (str(news.entry.quantity), news.entry.work_date.isoformat(), news.entry.start_ms) == (
        "7.25",
        "2026-03-31",
        None,
    )
    assert (news.approval.step, news.approval.method) == (1, "bulk")


def test_a_withdrawal_is_read() -> None:
    """A withdrawal is a version of its own."""
    event = {"type": "time_entry.withdrawn", "entry_id": "E-1", "version": 3, "reason": "cancelled", "at_ms": 9}
    assert read_event(json.dumps(event).encode()) == EntryWithdrawn("E-1", 3, "cancelled", 9)


@pytest.mark.parametrize(
    "broken",
    [
        b"not json",
        json.dumps({**APPROVED, "approval": None}).encode(),
        json.dumps({**APPROVED, "type": "time_entry.imagined"}).encode(),
        json.dumps({**APPROVED, "entry": {**ENTRY, "quantity": "-1"}}).encode(),
        json.dumps({**APPROVED, "entry": {**ENTRY, "unit": "fortnight"}}).encode(),
        json.dumps({**APPROVED, "entry": {**ENTRY, "version": 1_774_000_000_000}}).encode(),
        json.dumps({**APPROVED, "entry": {**ENTRY, "quantity": "NaN"}}).encode(),
        json.dumps({"type": "time_entry.withdrawn", "entry_id": "E", "version": 5_000, "at_ms": 1}).encode(),
        json.dumps({**APPROVED, "entry": {**ENTRY, "work_date": "2026-02-30"}}).encode(),
        json.dumps({**APPROVED, "entry": {k: v for k, v in ENTRY.items() if k != "worker"}}).encode(),
    ],
)
def test_what_cannot_be_read_is_a_dead_letter_with_one_line(broken: bytes) -> None:
    """An event that lacks something or has another type never becomes an entry with a guess in it."""
    with pytest.raises(UndecodableEventError) as caught:
        read_event(broken)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("event: ")


def test_a_dead_letter_keeps_nothing_else_away() -> None:
    """What can be read of a delivery is read, in its order; the rest is kept with a reason and its very bytes."""
    good, broken = json.dumps(APPROVED).encode(), b'{"type":"time_entry.imagined"}'
    news, dead_letters = read_events([good, broken, good])
    assert news == [read_event(good)] * 2
    (letter,) = dead_letters
    assert (letter.body, letter.reason) == (broken, "event: type 'time_entry.imagined' is not known here")


def test_a_republication_tells_of_its_dead_letters() -> None:
    """Fetched anew, an event that nobody can read is kept beside the news and not passed over in silence."""
    body = json.dumps({"events": [{"type": "?"}, APPROVED]}).encode()
    answer = PSA.read(Fetch("c", (("E-1", 2),)), Response(200, {}, body))
    assert isinstance(answer, Republished)
    assert len(answer.news) == 1
    (letter,) = answer.dead_letters
    assert json.loads(letter.body) == {"type": "?"}


def test_statuses_recounts_and_fetches_are_built_and_read() -> None:
    """The three calls of the PSA account."""
    tell = TellPsa("c", (Status("E-1", 2, "posted", "L1", 4),))
    assert json.loads(PSA.build(tell).body) == {
        "statuses": [{"entry_id": "E-1", "version": 2, "status": "posted", "detail": "L1", "seq": 4}]
    }
    assert PSA.read(tell, Response(200, {}, b'{"taken":1}')) == StatusTaken()
    recount = Recount("c", 100, "p2")
    assert PSA.build(recount).path == "/published?entity=DE01&since_ms=100&page=p2"
    listed = PSA.read(recount, Response(200, {}, b'{"heads":[["E-1",2]],"next_page":"p3"}'))
    assert listed == HeadsListed((VersionHead("E-1", 2),), "p3")
    fetch = Fetch("c", (("E-1", 2),))
    assert json.loads(PSA.build(fetch).body) == {"heads": [["E-1", 2]]}
    body = json.dumps({"events": [APPROVED]}).encode()
    news = PSA.read(fetch, Response(200, {}, body))
    assert isinstance(news, Republished)
    assert news.news == (read_event(json.dumps(APPROVED).encode()),)


def test_an_answer_nobody_can_read_is_silence() -> None:
    """A page of HTML, an error without a contract or half a listing is not an answer."""
    recount = Recount("c", 100, "")
    assert PSA.read(recount, Response(200, {}, b"<html>")) == Silent(Doubt.SERVER_ERROR)
    assert PSA.read(recount, Response(500, {}, b"")) == Silent(Doubt.SERVER_ERROR)
    assert PSA.read(recount, Response(404, {}, b"")) == Silent(Doubt.SERVER_ERROR)
