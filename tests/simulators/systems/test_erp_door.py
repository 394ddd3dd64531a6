"""What a call meets before a row is looked at: maintenance, login, lock-out, quota; and how long answers take."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from runtime.ports import Request
from simulators.systems.erp.door import Pace
from simulators.systems.erp_profile import ErpProfile, Latency, Login
from tests.simulators.systems.an_erp import Bench, profile, row


def throttled(**settings: Any) -> Bench:
    return Bench(profile(quota={"calls": 2, "window_ms": 1_000} | settings))


def outcomes(world: Bench) -> list[str]:
    return [call.outcome for call in world.account.calls if call.kind != "login"]


def test_a_quota_slides():
    """No window of its length ever sees more calls than the quota, and Retry-After names the next free second."""
    world = throttled()

    answers = [world.call(row(), at_ms=at_ms) for at_ms in (0, 600, 999, 1_000, 1_599, 1_600)]

    assert [answer.status for answer in answers] == [200, 200, 429, 200, 429, 200]
    assert (answers[2].headers["Retry-After"], json.loads(answers[2].body)) == ("1", {"error": "throttled"})
    assert outcomes(world) == ["served", "served", "throttled", "served", "throttled", "served"]
    assert (world.account.quota_calls, world.account.quota_window_ms) == (2, 1_000)


def test_a_throttle_can_be_bare_and_can_count_refused_calls():
    """Without Retry-After the header is absent; where refused calls count, knocking keeps the door shut."""
    world = throttled(retry_after=False, refused_calls_count=True)

    answers = [world.call(row(), at_ms=at_ms) for at_ms in (0, 0, 900, 1_100, 1_800, 2_900)]

    assert [answer.status for answer in answers] == [200, 200, 429, 200, 429, 200]
    assert "Retry-After" not in answers[2].headers


def test_a_look_up_uses_the_quota_and_a_throttled_call_touches_no_row():
    """Every kind of call counts, and what was throttled has not been posted nor counted as an attempt."""
    world = throttled()
    world.look_up("TS-1")
    world.look_up("TS-1")

    assert world.call(row("TS-1"), row("TS-2")).status == 429
    assert (world.evidence.lines, world.evidence.attempts) == ([], {})
    assert [(call.kind, call.rows) for call in world.account.calls[1:]] == [("look_up", 1), ("look_up", 1), ("post", 2)]


@pytest.mark.parametrize(
    ("style", "header", "body"),
    [
        ("503_json", None, b'{"error":"maintenance"}'),
        ("503_retry_after", "9", b'{"error":"maintenance"}'),
        ("503_html", None, b"<html"),
    ],
)
def test_maintenance_closes_the_door_for_everybody(style: Any, header: str | None, body: bytes):
    """In a maintenance window posting and login are answered 503 in the window's style; outside it, as ever."""
    world = Bench(profile())
    world.erp.close(1_000, 10_000, "unannounced", style)

    answers = [world.call(row(), at_ms=at_ms) for at_ms in (999, 1_000, 9_999, 10_000)]

    assert [answer.status for answer in answers] == [200, 503, 503, 200]
    assert answers[1].headers.get("Retry-After") == header
    assert answers[1].body.startswith(body)
    assert world.log_in(5_000).status == 503
    assert world.account.closed == [(1_000, 10_000, "unannounced")]
    assert outcomes(world) == ["served", "maintenance", "maintenance", "served"]


def test_staged_rows_land_while_the_door_is_closed():
    """Maintenance of the door does not stop what was accepted: it lands when it is due."""
    world = Bench(profile(staging={"shortest_ms": 5, "longest_ms": 5, "rejected_ppm": 0}))
    world.post(row())
    world.erp.close(1, 100, "announced", "503_json")

    world.call(row("TS-2"), at_ms=50)

    assert [line.at_ms for line in world.evidence.lines] == [5]


def test_a_call_needs_a_living_token():
    """Without a token, with a strange one, or with one past its life, a call is answered 401 and touches nothing."""
    world = Bench(ErpProfile(name="short", login=Login(token_life_ms=1_000)))
    bare = Request("POST", "/ledger/DE01/batches", {}, world.request(row()).body)

    assert world.erp.answer(bare, 0).response.status == 401
    assert [world.call(row(), at_ms=at_ms).status for at_ms in (999, 1_000)] == [200, 401]
    assert world.log_in(1_000).status == 200
    assert world.call(row(), at_ms=1_001).status == 200
    assert outcomes(world) == ["login", "served", "login", "served"]


def test_a_credential_expires_and_is_rotated():
    """An expired credential ends its tokens and gives no new one, until another credential is put in its place."""
    world = Bench(profile())
    world.erp.expire_credential()

    assert (world.call(row()).status, world.log_in(1).status) == (401, 401)
    world.erp.rotate_credential("second")
    assert (world.log_in(2).status, world.log_in(3, "second").status, world.call(row()).status) == (401, 200, 200)


def test_too_many_failed_logins_lock_the_user_out():
    """The failed login that is one too many locks the user, tokens and all, until the lock has run out."""
    world = Bench(profile(login={"failures_allowed": 3, "locked_out_ms": 1_000}))

    statuses = [world.log_in(at_ms, "wrong").status for at_ms in (0, 1, 2)]

    assert statuses == [401, 401, 403]
    assert (world.log_in(500).status, world.call(row(), at_ms=1_001).status) == (403, 403)
    assert world.erp.locked_out_until_ms == 1_002
    assert (world.call(row(), at_ms=1_002).status, world.log_in(1_002).status) == (200, 200)
    assert [call.outcome for call in world.account.calls[1:]] == [
        "login", "login", "locked_out", "locked_out", "locked_out", "served", "served",
    ]  # fmt: skip


def test_somebody_else_can_lock_our_user_out():
    """Failed logins of others with our user count like ours; a login that succeeds starts the count anew."""
    world = Bench(profile(login={"failures_allowed": 3}))

    world.erp.fail_logins(2, 0)
    assert world.log_in(1).status == 200
    world.erp.fail_logins(2, 2)
    assert world.call(row(), at_ms=3).status == 200
    world.erp.fail_logins(1, 4)
    assert world.call(row(), at_ms=5).status == 403


def test_answers_take_as_long_as_the_settings_say():
    """Over many calls the median and the 99th percentile are the settings', and a name always draws the same."""
    pace = Pace(Latency(p50_ms=400, p99_ms=4_000, per_row_us=0), "erp-1", 1)

    drawn = sorted(pace.of(f"call-{number}", 0) for number in range(20_000))

    assert 380 < drawn[10_000] < 420
    assert 3_600 < drawn[19_800] < 4_400
    assert pace.of("call-7", 0) == Pace(Latency(per_row_us=0), "erp-1", 1).of("call-7", 0)


def test_rows_lengthen_an_answer():
    """Each row adds its share, and a call turned away is answered fast."""
    world = Bench(profile(latency={"p50_ms": 100, "p99_ms": 100, "per_row_us": 2_500, "door_ms": 7}))
    world.erp.close(3_000, 4_000, "announced", "503_json")
    request = world.request(row("TS-1"), row("TS-2"))

    assert [world.erp.answer(request, at_ms).delay_ms for at_ms in (0, 3_000)] == [105, 7]


def test_a_strange_path_is_not_found():
    """An entity or a path that the account does not serve is answered 404."""
    world = Bench(profile())

    assert world.erp.answer(Request("POST", "/ledger/XX99/batches", {}, b"{}"), 0).response.status == 404
    assert world.erp.answer(Request("GET", "/ledger/DE01/batches", {}, b""), 0).response.status == 404
    assert world.call().status == 200


def test_a_profile_refuses_typos_and_contradictions():
    """A misspelt setting, jobs without staging, and ranges the wrong way round are refused."""
    for wrong in (
        {"idempotence": "none"},
        {"idempotency": "async_job"},
        {"staging": {"shortest_ms": 2, "longest_ms": 1}},
        {"latency": {"p50_ms": 2, "p99_ms": 1}},
    ):
        with pytest.raises(ValidationError):
            ErpProfile.model_validate({"name": "wrong"} | wrong)
