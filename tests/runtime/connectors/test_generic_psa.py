"""The generic PSA connector: events as news, statuses out, and a listing that finds what was lost."""

import json
from dataclasses import fields
from typing import Any

import pytest

from runtime.connectors.psa.generic import (
    GenericPsa,
    UndecodableEventError,
    read_approval,
    read_event,
    read_events,
    read_withdrawal,
)
from runtime.core.answers import Doubt, HeadsListed, Republished, Silent, StatusTaken, VersionHead
from runtime.core.effects import Fetch, Recount, Status, TellPsa
from runtime.core.model import Approval, TimeEntry
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


PROSE = ["invoice_narrative", "internal_narrative", "nonbillable_reason", "adjusts_reason"]
TEXTS = [(kind, one.name) for kind in (TimeEntry, Approval) for one in fields(kind) if "str" in str(one.type)]
CODES = [(kind, name) for kind, name in TEXTS if name not in (*PROSE, "dimensions", "unit", "entry_id")]


def approved(**changes: Any) -> EntryApproved:
    """An approval with these fields, wherever they belong."""
    of_entry = {one.name for one in fields(TimeEntry)}
    entry = {**ENTRY, **{name: changes[name] for name in changes if name in of_entry}}
    approval = {**APPROVAL, **{name: changes[name] for name in changes if name not in of_entry}}
    news = read_event(json.dumps({**APPROVED, "entry": entry, "approval": approval}).encode())
    assert isinstance(news, EntryApproved)
    return news


def flaw(**changes: Any) -> str:
    """Why an approval with these fields is a dead letter: one short line without what was wrong."""
    with pytest.raises(UndecodableEventError) as caught:
        approved(**changes)
    said = str(caught.value)
    assert said.isprintable()
    assert len(said) < 300
    return said


@pytest.mark.parametrize("name", [name for _, name in TEXTS])
def test_no_text_holds_a_control_character_or_has_no_end(name: str) -> None:
    """Every text of an entry and its approval, those of tomorrow too, is bounded and can be kept by any store."""
    for text in ("a\0", "\x1b[2J", "\x01", "x" * 10_001, "ü" * 10_001):
        assert flaw(**{name: (text,) if name == "dimensions" else text})


@pytest.mark.parametrize("name", [name for _, name in CODES])
def test_a_code_is_one_line(name: str) -> None:
    """A newline or a tab is for what persons write; other signs of any script may stand anywhere."""
    assert name in flaw(**{name: "a\nb"})
    assert name in flaw(**{name: "a\tb"})
    assert approved(**{name: "Prüfung\u00a0Ⅱ 検査"})
    assert approved(**{name: "x" * 10_000})


@pytest.mark.parametrize("name", PROSE)
def test_what_a_person_writes_may_have_lines(name: str) -> None:
    """Lines, tabs and 10,000 characters of a narrative are kept as they came; an escape sequence is not let in."""
    for text in ("one\ntwo\r\n\tthree", "x" * 10_000, "\u200b\u00a0"):
        assert getattr(approved(**{name: text}).entry, name) == text
    assert name in flaw(**{name: "one\n\x1b[2J"})


def test_texts_are_bounded_each_for_itself() -> None:
    """Two long narratives are no longer than each of them."""
    assert approved(invoice_narrative="x" * 9_000, internal_narrative="x" * 9_000)


def test_dimensions_are_few_and_short() -> None:
    """At most 64, of 200 characters, on one line."""
    assert approved(dimensions=["x" * 200] * 64)
    for dimensions in (["x"] * 65, [""] * 65, ["x" * 201], ["a\nb"]):
        assert "dimensions" in flaw(dimensions=dimensions)


@pytest.mark.parametrize("entry_id", ["", "a\nb", "a\u200bb", "x" * 257])
def test_an_entry_id_is_a_short_printable_name(entry_id: str) -> None:
    """Stricter than other texts: it becomes a name in every store and ERP."""
    assert "entry_id" in flaw(entry_id=entry_id)


@pytest.mark.parametrize("sign", [*range(0x20), 0x7F, 0x85, 0x9B])
def test_a_control_character_is_found_however_it_is_written(sign: int) -> None:
    """As it is or as an escape, among plain texts or others: it does not get into a name."""
    for narrative in ("plain", "Prüfung"):
        entry = {**ENTRY, "entry_id": "E-@", "invoice_narrative": narrative}
        body = json.dumps({**APPROVED, "entry": entry}, ensure_ascii=False).encode()
        assert read_event(body)
        for written in (chr(sign).encode(), b"\\u%04x" % sign):
            with pytest.raises(UndecodableEventError):
                read_event(body.replace(b"@", written))


def test_a_plain_text_has_an_end_too() -> None:
    """So many characters of plain ASCII and no more."""
    for length, unread in ((10_000, 0), (10_001, 1)):
        body = json.dumps({**APPROVED, "entry": {**ENTRY, "invoice_narrative": "x" * length}}).encode()
        assert len(read_events([body])[1]) == unread


def test_the_reason_of_a_withdrawal_is_bounded_too() -> None:
    """It is prose like a narrative."""
    for reason in ("x" * 10_000, "two\nlines"):
        assert read_withdrawal("E-1", 2, reason, 1).reason == reason
    for reason in ("x" * 10_001, "a\0", "\x1b[2J"):
        with pytest.raises(UndecodableEventError) as caught:
            read_withdrawal("E-1", 2, reason, 1)
        assert "reason" in str(caught.value)


def test_an_approval_needs_both_parts() -> None:
    """Half of one is none."""
    with pytest.raises(UndecodableEventError):
        read_approval(approved().entry, None, b"{}")


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


@pytest.mark.parametrize("body", [b"<html>Please try again later</html>", b"", b'{"tak', b"{}"])
def test_a_page_with_status_200_took_no_status(body: bytes) -> None:
    """Statuses count as taken when the PSA says so; a proxy's page under status 200 says nothing."""
    tell = TellPsa("DE01.1.1", (Status("TS-1", 1, "posted", "L-1", 7),))
    assert PSA.read(tell, Response(200, {}, body)) == Silent(Doubt.SERVER_ERROR)
