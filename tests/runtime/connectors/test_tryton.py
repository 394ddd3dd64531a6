"""The Tryton connector: rows, questions and sessions as Tryton takes them, every answer as one of the four.

The bodies are what trytond 8.2.1 on PostgreSQL said, with the module trytond-extref active, shortened where it
repeats itself. A warning, a stale write and a lost connection could not be had there; those have the shape of
its source.
"""

import json
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from zlib import crc32

import pytest

from runtime.connectors.erp.tryton import TrytonErp, freezer, login_builder, login_reader
from runtime.core.answers import (
    Applied,
    CallAnswer,
    Door,
    Doubt,
    LineFound,
    LinesFound,
    Refusal,
    RefusedAsOne,
    RowsAnswered,
    Silent,
    TurnedAway,
    Unknown,
)
from runtime.core.effects import FrozenRow, LookUp, SendBatch
from runtime.core.model import Leg, Posting
from runtime.crosswalk import Crosswalk
from runtime.ports import Response

KEY = "acme/DE01/psa:W1-13:4/1/time/post/1"
POSTING = Posting(
    KEY, "psa:W1-13:4", 1, Leg.POST, 1, "DE01", "P1", "DEV", "W1", "dev", date(2026, 10, 5), date(2026, 11, 1),
    "2026-11", Decimal("7.25"), "hour", 90_625, "EUR", 40_000, "EUR", "B1", "C1", " Design\n  and\ttest ", (),
)  # fmt: skip
CROSSWALK = Crosswalk(1, {"W1": 5}, {"P1/DEV": 7, "P1": 6})
KEYED = TrytonErp("DE01", "keyed", "erp", CROSSWALK)
UNKEYED = TrytonErp("DE01", "unkeyed", "erp", CROSSWALK)
freeze = freezer("keyed", CROSSWALK)
freeze_plain = freezer("unkeyed", CROSSWALK)
MEASURED = "DE01.1.7"
"""The call under which the bodies were recorded."""

OK = '{"id":"DE01.1.7","result":[41]}'
UNIQUE = '{"id":"DE01.1.7","error":["UserError",["The UUID of timesheet line must be unique.","",null]]}'
CLOSED = (
    '{"id":"DE01.1.7","error":["UserError",["To post time on \\"2026-08-05\\", you must reopen the period '
    '\\"2026-08\\".","",null]]}'
)
STOCK_CLOSED = (
    '{"id":"DE01.1.7","error":["UserError",["You cannot create a journal-period in closed period \\"2026-08\\"."'
    ',"",null]]}'
)
NO_PERIOD = (
    '{"id":"DE01.1.7","error":["UserError",["To post time on \\"2027-10-05\\", you must create a period for the date."'
    ',"",null]]}'
)
NO_EMPLOYEE = (
    '{"id":"DE01.1.7","error":["UserError",["A value is required for field \\"Employee\\" in \\"Timesheet Line\\"."'
    ',"",null]]}'
)
UNKNOWN_EMPLOYEE = (
    '{"id":"DE01.1.7","error":["UserError",["The value \\"999\\" for field \\"Employee\\" in \\"Timesheet Line\\" does '
    'not exist.","",null]]}'
)
UNKNOWN_WORK = (
    '{"id":"DE01.1.7","error":["UserError",["The value \\"998\\" for field \\"Work\\" in \\"Timesheet Line\\" does not '
    'exist.","",null]]}'
)
OTHER_COMPANY = (
    '{"id":"DE01.1.7","error":["UserError",["The value \\"Worker 0\\" for field \\"Employee\\" in record \\"(14)\\" of '
    '\\"Timesheet Line\\" is not valid according to its domain.","",[[["company","=",2]],{"company":{}}]]]}'
)
NEGATIVE = (
    '{"id":"DE01.1.7","error":["UserError",["The value \\"-1 day, 23:59:00\\" for field \\"Duration\\" in record '
    '\\"(9)\\" of \\"Timesheet Line\\" is not valid according to its domain.","",[["duration",">=",{"__class__":'
    '"timedelta","seconds":0.0}],{}]]]}'
)
NOTHING_TO_REVERSE = (
    '{"id":"DE01.1.7","error":["UserError",["There is no timesheet line \\"k77\\" that \\"(8)\\" is the exact negative '
    'of.","",null]]}'
)
TWICE = '{"id":"DE01.1.7","error":["UserError",["A timesheet line can be reversed only once.","",null]]}'
UNKNOWN_FIELD = '{"id":"DE01.1.7","error":["\'billable\'",""]}'
BAD_TYPE = '{"id":"DE01.1.7","error":["invalid literal for int() with base 10: \'x\'",""]}'
NUL = '{"id":"DE01.1.7","error":["PostgreSQL text fields cannot contain NUL (0x00) bytes",""]}'
READ_ONLY = (
    '{"id":"DE01.1.7","error":["UserError",["You are not allowed to modify the field \\"UUID\\" in \\"Timesheet Line\\"'
    '.","",null]]}'
)
NO_ACCESS = (
    '{"id":"DE01.1.7","error":["UserError",["You are not allowed to access \\"Account Move\\".","Within groups: '
    'Timesheet Administration",null]]}'
)
WARNING = '{"id":"DE01.1.7","error":["UserWarning",["abc.some_check","Are you sure?",""]]}'
STALE = '{"id":"DE01.1.7","error":["ConcurrencyException","Record was modified in the meanwhile"]}'
LOST = '{"id":"DE01.1.7","error":["the connection is closed",""]}'
NO_CONNECTION = "<title>503 Service Unavailable</title>\n<p>couldn&#39;t get a connection after 30.00 sec</p>"
CUT = "<title>503 Service Unavailable</title>\n<p>server closed the connection unexpectedly</p>"
LOGGED_IN = '{"id":"login","result":[4,"c679b3f061f1155e",null]}'
ASKS_MORE = '{"id":"login","error":["LoginException",["password","Password for springtide","password"]]}'


def named(number: int, **changes: object) -> FrozenRow:
    """One of several rows."""
    return freeze(replace(POSTING, key=f"{KEY}-{number}", **changes))


def batch(*rows: FrozenRow) -> SendBatch:
    """A batch under the id that was recorded."""
    return SendBatch(MEASURED, rows or (freeze(POSTING),))


def says(body: str, status: int = 200) -> Response:
    """What the server said."""
    return Response(status, {}, body.encode())


def lines(*found: dict[str, object]) -> Response:
    """Timesheet lines as they are read."""
    return says(json.dumps({"id": MEASURED, "result": found}))


def as_read(number: int, row: FrozenRow) -> dict[str, object]:
    """A row that was created, as the server tells it: every field, in another order."""
    held = json.loads(row.text)
    return {"id": number, "external_reverses": None, **dict(sorted(held.items()))}


# ------------------------------------------------------------------ rows


def test_a_row_is_what_tryton_calls_everything() -> None:
    """Numbers of the crosswalk, seconds, the work date, one line of text; the key, and the date on which it counts."""
    row = freeze(POSTING)
    assert json.loads(row.text) == {
        "company": 1,
        "employee": 5,
        "date": {"__class__": "date", "year": 2026, "month": 10, "day": 5},
        "duration": {"__class__": "timedelta", "seconds": 26_100.0},
        "work": 7,
        "description": "Design and test",
        "uuid": KEY,
        "external_entry": "psa:W1-13:4",
        "external_reverses": None,
        "accounting_date": {"__class__": "date", "year": 2026, "month": 11, "day": 1},
    }
    assert row.fingerprint == f"{crc32(row.text.encode()):08x}"


def test_without_a_key_field_the_key_stands_in_the_description() -> None:
    """Stock Tryton gets nothing that it does not know; a digest is followed by the entry that it does not name."""
    plain = json.loads(freeze_plain(POSTING).text)
    assert plain["description"] == f"[{KEY}] Design and test"
    assert set(plain) == {"company", "employee", "date", "duration", "work", "description"}
    digest = json.loads(freeze_plain(replace(POSTING, key="a1" * 32, narrative="")).text)
    assert digest["description"] == f"[{'a1' * 32} psa:W1-13:4]"


def test_a_reversal_names_what_it_takes_back() -> None:
    """The negative time, under a key of its own."""
    taken = replace(POSTING, key="r", leg=Leg.REVERSE, quantity=-POSTING.quantity, reverses=KEY)
    sent = json.loads(freeze(taken).text)
    assert (sent["duration"]["seconds"], sent["external_reverses"], sent["uuid"]) == (-26_100.0, KEY, "r")


@pytest.mark.parametrize(
    ("quantity", "unit", "seconds"),
    [("0.333", "hour", 1_198.8), ("0.5", "day", 14_400.0), ("0.0000000003", "hour", 0.000001)],
)
def test_time_is_exact_to_the_microsecond(quantity: str, unit: str, seconds: float) -> None:
    """Hours and days become seconds; what is finer than Tryton keeps is rounded once."""
    row = freeze(replace(POSTING, quantity=Decimal(quantity), unit=unit))
    assert json.loads(row.text)["duration"]["seconds"] == seconds


def test_what_the_crosswalk_lacks_is_left_for_tryton_to_refuse() -> None:
    """A task falls back on its project; an unknown worker and project are sent as nothing, never as somebody else."""
    assert json.loads(freeze(replace(POSTING, task="OPS")).text)["work"] == 6
    sent = json.loads(freeze(replace(POSTING, project="P9", worker="W9")).text)
    assert (sent["employee"], sent["work"]) == (None, None)


# ------------------------------------------------------------------ requests


def test_a_batch_is_one_call_with_the_frozen_texts() -> None:
    """Nothing is written anew when a batch is built, and the language of the answers is fixed."""
    request = KEYED.build(batch())
    assert (request.method, request.path) == ("POST", "/erp/rpc/")
    text = freeze(POSTING).text
    assert request.body.decode() == (
        f'{{"id":"{MEASURED}","method":"model.timesheet.line.create",'
        f'"params":[[{text}],{{"company":1,"language":"en"}}]}}'
    )


def domain(erp: TrytonErp, by: str, *names: str) -> object:
    """What a look-up asks for."""
    asked = json.loads(erp.build(LookUp(MEASURED, 1, by, names)).body)
    assert asked["method"] == "model.timesheet.line.search_read"
    return asked["params"][0]


def test_a_look_up_asks_by_key_or_by_entry() -> None:
    """With a key field by the field, without one by the text; signs that mean something to LIKE mean themselves."""
    assert domain(KEYED, "key", "a", "b") == ["uuid", "in", ["a", "b"]]
    assert domain(UNKEYED, "key", "a_%") == [["company", "=", 1], ["OR", ["description", "like", r"[a\_\%%"]]]
    by_entry = [["company", "=", 1], ["OR", ["description", "like", "%e%"], ["external_entry", "in", ["e"]]]]
    assert domain(KEYED, "entry", "e") == by_entry
    assert domain(UNKEYED, "entry", "e") == [["company", "=", 1], ["OR", ["description", "like", "%e%"]]]


# ------------------------------------------------------------------ answers to a batch


def test_numbers_come_in_the_order_of_the_rows() -> None:
    """What was created is applied; an answer of another length, or to another call, says nothing."""
    assert KEYED.read(batch(), says(OK)) == RowsAnswered((Applied(KEY, "41"),))
    assert KEYED.read(batch(named(1), named(2)), says(OK)) == Silent(Doubt.SERVER_ERROR)
    assert KEYED.read(SendBatch("DE01.1.8", (freeze(POSTING),)), says(OK)) == Silent(Doubt.SERVER_ERROR)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (CLOSED, Refusal.PERIOD_CLOSED),
        (STOCK_CLOSED, Refusal.PERIOD_CLOSED),
        (NO_PERIOD, Refusal.PERIOD_ON_HOLD),
        (UNKNOWN_EMPLOYEE, Refusal.UNKNOWN_WORKER),
        (OTHER_COMPANY, Refusal.UNKNOWN_WORKER),
        (UNKNOWN_WORK, Refusal.UNKNOWN_PROJECT),
        (NOTHING_TO_REVERSE, Refusal.NOTHING_TO_REVERSE),
        (NEGATIVE, Refusal.INVALID),
        (UNKNOWN_FIELD, Refusal.INVALID),
        (BAD_TYPE, Refusal.INVALID),
        (NUL, Refusal.INVALID),
        (WARNING, Refusal.INVALID),
        (STALE, Refusal.LOCKED),
    ],
)
def test_an_error_refuses_the_whole_batch(body: str, reason: Refusal) -> None:
    """Nothing of it was stored; who is to blame is found by halves, and the reason is in the server's words."""
    answer = KEYED.read(batch(named(1), named(2)), says(body))
    assert isinstance(answer, RefusedAsOne)
    assert (answer.reason, answer.bad_key) == (reason, None)
    assert answer.detail


def test_a_value_that_is_named_names_its_row() -> None:
    """Where the server says which value is wrong, the row that has it is known without halving."""
    nobody = replace(POSTING, key="nobody", worker="W9")
    taken = replace(POSTING, key="taken", leg=Leg.REVERSE, quantity=Decimal(-1), reverses="k77")
    wrong = Crosswalk(1, {"W1": 999}, {"P1": 998})
    odd = freezer("keyed", wrong)(replace(POSTING, key="odd"))
    for body, row in ((NO_EMPLOYEE, freeze(nobody)), (NOTHING_TO_REVERSE, freeze(taken)), (UNKNOWN_WORK, odd)):
        answer = KEYED.read(batch(named(1), row, named(2)), says(body))
        assert isinstance(answer, RefusedAsOne)
        assert answer.bad_key == row.posting.key


def test_a_field_that_the_server_does_not_know_is_said_by_name() -> None:
    """A schema that differs parks rows with the reason, in words that a person understands."""
    answer = KEYED.read(batch(), says(UNKNOWN_FIELD))
    assert isinstance(answer, RefusedAsOne)
    assert "'billable'" in answer.detail


@pytest.mark.parametrize("body", [UNIQUE, TWICE])
def test_a_duplicate_is_there_already(body: str) -> None:
    """One row is looked up at once. Of many nobody knows which: they are asked after once nothing can land any more."""
    assert KEYED.read(batch(), says(body)) == RowsAnswered((Unknown(KEY, Doubt.DUPLICATE),))
    many = KEYED.read(batch(named(1), named(2)), says(body))
    doubted = tuple(Unknown(f"{KEY}-{number}", Doubt.SERVER_ERROR) for number in (1, 2))
    assert many == RowsAnswered(doubted)


def test_time_that_stock_tryton_cannot_take_back_goes_to_a_person() -> None:
    """The reason says what a person can do."""
    answer = UNKEYED.read(batch(freeze_plain(POSTING)), says(NEGATIVE))
    assert isinstance(answer, RefusedAsOne)
    assert "trytond-extref" in answer.detail


@pytest.mark.parametrize("body", [READ_ONLY, NO_ACCESS])
def test_what_our_user_may_not_do_is_no_fault_of_a_row(body: str) -> None:
    """No entry parks because a permission is missing; the account waits for a person."""
    answer = KEYED.read(batch(), says(body))
    assert isinstance(answer, TurnedAway)
    assert answer.door is Door.LOCKED_OUT


@pytest.mark.parametrize(
    ("status", "body", "door"),
    [
        (0, "", Door.UNREACHABLE),
        (401, "", Door.LOGIN_REFUSED),
        (403, "<title>403 Forbidden</title>", Door.LOCKED_OUT),
        (404, "<title>404 Not Found</title>", Door.MAINTENANCE),
        (429, "<title>429 Too Many Requests</title>", Door.THROTTLED),
        (503, NO_CONNECTION, Door.MAINTENANCE),
    ],
)
def test_a_call_that_never_began_is_turned_away(status: int, body: str, door: Door) -> None:
    """Definite: no transaction began. 404 is a database that is away, and no wrong address."""
    for effect in (batch(), LookUp(MEASURED, 1, "key", (KEY,))):
        assert KEYED.read(effect, says(body, status)) == TurnedAway(door)


@pytest.mark.parametrize(
    ("status", "body"),
    [(503, CUT), (500, "oops"), (504, ""), (200, LOST), (200, "<html>a proxy</html>"), (200, "[]"), (302, "")],
)
def test_what_may_have_happened_in_the_commit_is_doubt(status: int, body: str) -> None:
    """A database that went away during a call, a proxy's page, half an answer: nobody knows."""
    assert KEYED.read(batch(), says(body, status)) == Silent(Doubt.SERVER_ERROR)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(400, Refusal.INVALID), (409, Refusal.INVALID), (413, Refusal.INVALID), (423, Refusal.LOCKED)],
)
def test_a_request_that_was_not_taken_did_nothing(status: int, reason: Refusal) -> None:
    """A body that is too large is halved; a stale write rests."""
    assert KEYED.read(batch(), says("", status)) == RefusedAsOne(reason, f"status {status}")


# ------------------------------------------------------------------ answers to a look-up


def found(erp: TrytonErp, by: str, names: Sequence[str], *held: dict[str, object]) -> CallAnswer:
    """What a look-up finds."""
    return erp.read(LookUp(MEASURED, 1, by, tuple(names)), lines(*held))


@pytest.mark.parametrize(("erp", "mapping"), [(KEYED, freeze), (UNKEYED, freeze_plain)], ids=["keyed", "unkeyed"])
def test_a_line_is_found_with_the_fingerprint_of_what_it_holds(erp: TrytonErp, mapping: object) -> None:
    """What was created reads back as what was sent; what somebody changed there does not."""
    assert callable(mapping)
    row = mapping(POSTING)
    line = as_read(41, row)
    for by, name in (("key", KEY), ("entry", "psa:W1-13:4")):
        entry_id = "psa:W1-13:4" if by == "entry" or erp is KEYED else ""
        expected = LineFound(KEY, entry_id, "41", "posted", row.fingerprint, 0, 0)
        assert found(erp, by, [name], line) == LinesFound((expected,))
    changed = found(erp, "key", [KEY], {**line, "work": 8})
    assert isinstance(changed, LinesFound)
    assert changed.lines[0].fingerprint != row.fingerprint


def test_a_name_that_begins_alike_is_another_one() -> None:
    """The text search finds more than was asked for; only what is meant counts."""
    others = [freeze_plain(replace(POSTING, key=f"{KEY}1", entry_id="psa:W1-13:4")), freeze_plain(POSTING)]
    held = [as_read(number, row) for number, row in enumerate(others)]
    answer = found(UNKEYED, "key", [KEY], *held)
    assert isinstance(answer, LinesFound)
    assert [line.ledger_id for line in answer.lines] == ["1"]
    longer = as_read(3, freeze_plain(replace(POSTING, key=KEY.replace(":4/", ":42/"), entry_id="psa:W1-13:42")))
    assert found(UNKEYED, "entry", ["psa:W1-13:4"], longer) == LinesFound(())


def test_what_was_taken_back_does_not_stand() -> None:
    """By key both lines are there; of the entry nothing stands."""
    taken = replace(POSTING, key=KEY.replace("post/1", "reverse/2"), quantity=-POSTING.quantity, reverses=KEY)
    held = [as_read(1, freeze(POSTING)), as_read(2, freeze(taken))]
    both = found(KEYED, "key", [KEY, taken.key], *held)
    assert isinstance(both, LinesFound)
    assert [line.key for line in both.lines] == [KEY, taken.key]
    assert found(KEYED, "entry", ["psa:W1-13:4"], *held) == LinesFound(())


def test_a_line_that_a_person_made_for_an_entry_is_told_apart() -> None:
    """It names the entry in its text and has no key of ours; an entry whose name is only alike is not meant."""
    held = {**as_read(9, freeze_plain(POSTING)), "description": "see psa:W1-13:4, by phone"}
    by_hand = LineFound("", "psa:W1-13:4", "9", "posted", "", 0, 0, by_hand=True)
    for erp in (KEYED, UNKEYED):
        assert found(erp, "entry", ["psa:W1-13:4", "psa:W1-13"], held) == LinesFound((by_hand,))


@pytest.mark.parametrize("body", [UNKNOWN_FIELD, '{"id":"other","result":[]}', "", "{"])
def test_a_look_up_that_failed_is_asked_again(body: str) -> None:
    """An error or another call's answer never means that nothing is there."""
    assert KEYED.read(LookUp(MEASURED, 1, "key", (KEY,)), says(body)) == Silent(Doubt.SERVER_ERROR)


# ------------------------------------------------------------------ sessions


def test_a_login_is_a_call_with_a_password() -> None:
    """It says its content type, without which Tryton does not read it."""
    request = login_builder("erp", "springtide")("secret")
    assert (request.path, request.headers["Content-Type"]) == ("/erp/rpc/", "application/json")
    assert json.loads(request.body)["params"] == ["springtide", {"password": "secret"}, "en"]


def test_a_session_is_told_as_tryton_wants_it_back() -> None:
    """The token of the header: user, number and key, in base64."""
    read = login_reader("springtide", 60_000)(says(LOGGED_IN))
    assert isinstance(read, tuple)
    assert (b64decode(read[0]), read[1]) == (b"springtide:4:c679b3f061f1155e", 60_000)


@pytest.mark.parametrize(
    ("status", "body", "door"),
    [
        (200, ASKS_MORE, Door.LOGIN_REFUSED),
        (401, "", Door.LOGIN_REFUSED),
        (404, "", Door.MAINTENANCE),
        (429, "", Door.THROTTLED),
        (503, NO_CONNECTION, Door.MAINTENANCE),
        (503, CUT, None),
        (500, "", None),
        (200, "<html>", None),
    ],
)
def test_a_login_that_fails_says_at_which_door(status: int, body: str, door: Door | None) -> None:
    """A database that is away answers a login with 404: try again later, and never call it a wrong password."""
    assert login_reader("springtide", 60_000)(says(body, status)) == door
