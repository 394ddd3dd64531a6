"""The generic ERP connector: rows as frozen text, and every answer as one of the four."""

import json
from datetime import date
from decimal import Decimal
from zlib import crc32

import pytest

from runtime.connectors.erp.generic import GenericErp, build_login, freeze, read_login
from runtime.core.answers import (
    Applied,
    Door,
    Doubt,
    LineFound,
    LinesFound,
    Refusal,
    Refused,
    RefusedAsOne,
    RowsAnswered,
    Silent,
    Staged,
    TurnedAway,
    Unknown,
)
from runtime.core.effects import LookUp, SendBatch
from runtime.core.model import Leg, Posting
from runtime.ports import Response

POSTING = Posting(
    "k/1", "E-1", 1, Leg.POST, 1, "DE01", "P1", "T1", "W1", "dev", date(2026, 3, 31), date(2026, 4, 1), "2026-04",
    Decimal("7.25"), "hour", 90_625, "EUR", 40_000, "EUR", "B1", "C1", 'He said "ok" – ü', ("cc-1",), adjusts="shut",
)  # fmt: skip
ERP = GenericErp("DE01")
BATCH = SendBatch("c-1", (freeze(POSTING),))
ASK = LookUp("c-2", 1, "key", ("k/1",))


def answers(status: int, body: object, headers: dict[str, str] | None = None) -> Response:
    """A response with a JSON body."""
    return Response(status, headers or {}, json.dumps(body).encode())


def test_the_frozen_text_is_canonical_and_its_fingerprint_is_its_crc() -> None:
    """The same posting freezes to the same bytes, dates and decimals as the dialect writes them."""
    row = freeze(POSTING)
    assert row == freeze(POSTING)
    assert row.fingerprint == f"{crc32(row.text.encode()):08x}"
    sent = json.loads(row.text)
    assert (sent["key"], sent["quantity"], sent["work_date"]) == ("k/1", "7.25", "2026-03-31")
    assert (sent["accounting_date"], sent["bill_minor"], sent["narrative"]) == ("2026-04-01", 90_625, POSTING.narrative)


def test_a_batch_carries_the_frozen_texts_as_they_are() -> None:
    """Nothing is written anew when a batch is built: retries send the same row bytes."""
    request = ERP.build(BATCH)
    assert (request.method, request.path) == ("POST", "/ledger/DE01/batches")
    assert request.body.decode() == '{"rows":[' + BATCH.rows[0].text + "]}"
    assert "k/1" in request.body.decode()


def test_a_look_up_escapes_the_names_it_asks_for() -> None:
    """A key with slashes and commas is still one name."""
    request = ERP.build(LookUp("c", 1, "key", ("a/b", "c,d")))
    assert request.path == "/ledger/DE01/lines?by=key&names=a%2Fb,c%2Cd"


@pytest.mark.parametrize(
    ("row", "answer"),
    [
        ({"status": "posted", "ledger_id": "L1", "fingerprint": "f"}, Applied("k/1", "L1", "f")),
        ({"status": "posted", "ledger_id": "L1", "replayed": True}, Applied("k/1", "L1")),
        ({"status": "staged", "reference": "S1"}, Staged("k/1", "S1")),
        ({"status": "refused", "reason": "locked", "detail": "d"}, Refused("k/1", Refusal.LOCKED, "d")),
        ({"status": "refused", "reason": "novelty"}, Refused("k/1", Refusal.INVALID, "")),
        ({"status": "refused", "reason": "locked", "replayed": True}, Unknown("k/1", Doubt.STORED_ERROR)),
        ({"status": "duplicate"}, Unknown("k/1", Doubt.DUPLICATE)),
        ({"status": "something new"}, Unknown("k/1", Doubt.SERVER_ERROR)),
    ],
)
def test_each_row_has_one_of_four_answers(row: dict[str, object], answer: object) -> None:
    """Posted, staged, refused or unknown; a replayed refusal is doubt, and so is a status nobody knows."""
    assert ERP.read(BATCH, answers(200, {"rows": [{"key": "k/1", **row}]})) == RowsAnswered((answer,))


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (answers(429, {}, {"Retry-After": "30"}), TurnedAway(Door.THROTTLED, 30_000)),
        (answers(429, {}), TurnedAway(Door.THROTTLED, None)),
        (answers(429, {}, {"Retry-After": "0"}), TurnedAway(Door.THROTTLED, None)),
        (answers(429, {}, {"Retry-After": "soon"}), TurnedAway(Door.THROTTLED, None)),
        (answers(400, {"error": {"code": "SSS_REQUEST_LIMIT_EXCEEDED"}}), TurnedAway(Door.THROTTLED, None)),
        (answers(400, {"error": "malformed"}), Silent(Doubt.SERVER_ERROR)),
        (Response(503, {}, b"<html>Sorry"), TurnedAway(Door.MAINTENANCE, None)),
        (answers(401, {}), TurnedAway(Door.LOGIN_REFUSED, None)),
        (answers(403, {}), TurnedAway(Door.LOCKED_OUT, None)),
        (Response(0, {}, b""), TurnedAway(Door.UNREACHABLE, None)),
        (answers(500, {"error": "internal"}), Silent(Doubt.SERVER_ERROR)),
        (Response(504, {}, b""), Silent(Doubt.SERVER_ERROR)),
        (Response(200, {}, b'{"rows":[{"key"'), Silent(Doubt.SERVER_ERROR)),
        (Response(200, {}, b"<html>"), Silent(Doubt.SERVER_ERROR)),
        (Response(404, {}, b"{}"), Silent(Doubt.SERVER_ERROR)),
    ],
)
def test_a_call_that_did_not_reach_the_rows(response: Response, answer: object) -> None:
    """Doors are definite by contract; an error without a contract, or one that nobody can read, is silence."""
    assert ERP.read(BATCH, response) == answer
    assert ERP.read(ASK, response) == answer


def test_all_or_nothing_names_the_bad_row_or_nobody_does() -> None:
    """A 422 refuses the batch as one."""
    named = answers(422, {"error": "row_refused", "reason": "invalid", "detail": "d", "key": "k/1"})
    assert ERP.read(BATCH, named) == RefusedAsOne(Refusal.INVALID, "d", "k/1")
    unnamed = answers(422, {"error": "row_refused", "reason": "locked", "detail": "", "key": None})
    assert ERP.read(BATCH, unnamed) == RefusedAsOne(Refusal.LOCKED, "", None)


def test_an_error_that_means_success_is_looked_up() -> None:
    """409 with the first job's location says that they have it; every row of the call is asked for."""
    conflict = answers(409, {"error": "idempotency_error", "location": "J-1"})
    assert ERP.read(BATCH, conflict) == RowsAnswered((Unknown("k/1", Doubt.DUPLICATE),))


def test_a_look_up_returns_what_the_ledger_holds() -> None:
    """Lines come back with status, fingerprint, amounts, reason, and whether a person entered them."""
    line = {
        "key": "", "entry_id": "E-1", "ledger_id": "L1", "status": "posted", "fingerprint": "f", "bill_minor": 5,
        "cost_minor": 3, "reason": "", "by_hand": True,
    }  # fmt: skip
    found = ERP.read(ASK, answers(200, {"lines": [line]}))
    assert found == LinesFound((LineFound("", "E-1", "L1", "posted", "f", 5, 3, "", True),))


def test_a_look_up_tells_where_a_line_is_booked() -> None:
    """Project, period and civil dates come back where the ledger tells them; null is no date."""
    line = {
        "key": "k", "entry_id": "E-1", "ledger_id": "L1", "status": "staged", "fingerprint": "f", "bill_minor": 5,
        "cost_minor": 3, "project": "P1", "work_date": "2026-03-31", "accounting_date": "2026-04-01",
        "period": "2026-04",
    }  # fmt: skip
    (booked,) = ERP.read(ASK, answers(200, {"lines": [line]})).lines
    assert (booked.project, booked.period) == ("P1", "2026-04")
    assert (booked.work_date, booked.accounting_date) == (date(2026, 3, 31), date(2026, 4, 1))
    (undated,) = ERP.read(ASK, answers(200, {"lines": [{**line, "work_date": None}]})).lines
    assert (undated.work_date, undated.accounting_date) == (None, date(2026, 4, 1))


def test_a_login_is_a_session_a_door_or_nothing_readable() -> None:
    """The three answers of a login."""
    assert json.loads(build_login("secret").body) == {"credential": "secret"}
    assert read_login(answers(200, {"token": "t", "expires_in_ms": 1000})) == ("t", 1000)
    assert read_login(answers(401, {})) is Door.LOGIN_REFUSED
    assert read_login(answers(403, {})) is Door.LOCKED_OUT
    assert read_login(Response(200, {}, b"?")) is None
    assert read_login(Response(500, {}, b"")) is None
