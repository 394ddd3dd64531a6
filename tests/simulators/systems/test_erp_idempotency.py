"""The nine ways of treating an idempotency key, and what is common to them."""

import json
from typing import Any

import pytest

from simulators.systems.erp_profile import Idempotency
from simulators.systems.profiles.generic import BY_IDEMPOTENCY, GENERIC
from tests.simulators.systems.an_erp import HOUR_MS, Bench, fingerprint, profile, reversal, row

POSTED, REPLAYED, MISMATCH = "posted", "posted, replayed", "refused: invalid"
CLOSED, CLOSED_REPLAYED, JOB = "refused: period_closed", "refused: period_closed, replayed", "409"
STAGED = "staged"


def bench(how: Idempotency, **settings: Any) -> Bench:
    staging = {"shortest_ms": 1_000, "longest_ms": 1_000, "rejected_ppm": 0} if how is Idempotency.ASYNC_JOB else None
    return Bench(profile(idempotency=how, staging=staging, **settings))


def says(world: Bench, one: dict[str, Any], at_ms: int) -> str:
    """The answer to one row, in the words of the table."""
    response = world.call(one, at_ms=at_ms)
    if response.status == 409:
        assert response.body == b'{"error":"idempotency_error","location":"J-1"}'
        return JOB
    (answer,) = json.loads(response.body)["rows"]
    reason = f": {answer['reason']}" if "reason" in answer else ""
    return str(answer["status"] + reason + (", replayed" if answer.get("replayed") else ""))


# how: (send, send again, send other content, lines that stand, amount of the first line that stands)
TWICE: dict[Idempotency, tuple[str, str, str, int, int]] = {
    Idempotency.NONE: (POSTED, POSTED, POSTED, 3, 90_625),
    Idempotency.KEY_TTL: (POSTED, REPLAYED, MISMATCH, 1, 90_625),
    Idempotency.KEY_BODY_IGNORED: (POSTED, REPLAYED, REPLAYED, 1, 90_625),
    Idempotency.ERROR_NOT_STORED: (POSTED, REPLAYED, MISMATCH, 1, 90_625),
    Idempotency.ERROR_STORED: (POSTED, REPLAYED, MISMATCH, 1, 90_625),
    Idempotency.VALIDATE_BEFORE_DEDUPE: (POSTED, REPLAYED, MISMATCH, 1, 90_625),
    Idempotency.UPSERT_BY_EXTERNAL_ID: (POSTED, POSTED, POSTED, 1, 100),
    Idempotency.ID_BURNED: (POSTED, REPLAYED, MISMATCH, 1, 90_625),
    Idempotency.ASYNC_JOB: (STAGED, JOB, JOB, 1, 90_625),
}


@pytest.mark.parametrize("how", Idempotency)
def test_each_profile_answers_a_known_key_in_its_own_way(how: Idempotency):
    """Sending a row, the same row again, and other content under its key does what the profile is named for."""
    first, again, other, standing, amount = TWICE[how]
    world = bench(how)

    assert says(world, row(), 0) == first
    assert says(world, row(), 10_000) == again
    assert says(world, row(bill_minor=100), 20_000) == other
    world.erp.advance(HOUR_MS)

    assert world.standing == standing
    assert world.evidence.lines[0].bill_minor == amount
    assert world.evidence.changed_attempts == ["TS-1/1/post"]


# how: (refused because the period is closed; the period opens; the same row again; other content; lines that stand)
REFUSED: dict[Idempotency, tuple[str, str, str, int]] = {
    Idempotency.NONE: (CLOSED, POSTED, POSTED, 2),
    Idempotency.KEY_TTL: (CLOSED, POSTED, MISMATCH, 1),
    Idempotency.KEY_BODY_IGNORED: (CLOSED, POSTED, REPLAYED, 1),
    Idempotency.ERROR_NOT_STORED: (CLOSED, POSTED, MISMATCH, 1),
    Idempotency.ERROR_STORED: (CLOSED, CLOSED_REPLAYED, MISMATCH, 0),
    Idempotency.VALIDATE_BEFORE_DEDUPE: (CLOSED, POSTED, MISMATCH, 1),
    Idempotency.UPSERT_BY_EXTERNAL_ID: (CLOSED, POSTED, POSTED, 1),
    Idempotency.ID_BURNED: (CLOSED, POSTED, MISMATCH, 1),
    Idempotency.ASYNC_JOB: (STAGED, JOB, JOB, 0),
}


@pytest.mark.parametrize("how", Idempotency)
def test_each_profile_remembers_a_refusal_in_its_own_way(how: Idempotency):
    """Only a profile that stores errors replays a refusal after its cause is gone; the others post."""
    first, again, other, standing = REFUSED[how]
    world = bench(how)
    world.period("closed", 0)

    assert says(world, row(), 0) == first
    world.erp.advance(5_000)
    world.period("open", 5_000)
    assert says(world, row(), 10_000) == again
    assert says(world, row(bill_minor=100), 20_000) == other
    world.erp.advance(HOUR_MS)

    assert world.standing == standing
    assert "period_closed" in world.evidence.refused_rows["TS-1"]


LOCKED_FIRST: dict[Idempotency, tuple[str, str]] = {
    Idempotency.ERROR_STORED: ("refused: locked", "refused: locked, replayed"),
    Idempotency.ID_BURNED: ("refused: locked", "refused: key_burned, replayed"),
    Idempotency.ERROR_NOT_STORED: ("refused: locked", POSTED),
    Idempotency.NONE: ("refused: locked", POSTED),
}


@pytest.mark.parametrize("how", LOCKED_FIRST)
def test_a_record_lock_passes_but_some_keys_never_recover(how: Idempotency):
    """A lock is refused until it is gone; a key that met it burns, or replays the error, where the profile says so."""
    first, later = LOCKED_FIRST[how]
    world = bench(how, locked_ppm=1_000_000, locked_ms=1_000)

    assert says(world, row(), 0) == first
    assert says(world, row(), 1_000) == later
    assert says(world, row(), 10**9).startswith(later.split(",")[0])


def test_a_lock_outlasts_a_second_delivery():
    """The same request delivered again while the lock lasts is refused again, so the first refusal stays definite."""
    world = bench(Idempotency.NONE, locked_ppm=1_000_000, locked_ms=1_000)

    assert says(world, row(), 0) == says(world, row(), 999) == "refused: locked"
    assert world.standing == 0


def test_a_share_of_keys_meets_a_lock():
    """The share is what the setting says, and which keys they are depends on the seed."""
    rows = [row(f"TS-{number}") for number in range(500)]

    def locked(seed: int) -> list[str]:
        answers = Bench(profile(locked_ppm=100_000), seed).post(*rows)
        return [answer["key"] for answer in answers if answer["status"] == "refused"]

    assert 25 < len(locked(1)) < 80
    assert locked(1) == locked(1) != locked(2)


def test_a_key_is_forgotten_after_its_life():
    """Within the life of a key its answer is replayed; from then on the row posts again, and the key lives anew."""
    world = bench(Idempotency.KEY_TTL, key_life_ms=HOUR_MS)

    answers = [says(world, row(), at_ms) for at_ms in (0, HOUR_MS - 1, HOUR_MS, 2 * HOUR_MS - 1, 2 * HOUR_MS)]

    assert answers == [POSTED, REPLAYED, POSTED, REPLAYED, POSTED]
    assert [line["ledger_id"] for line in world.look_up("TS-1/1/post")] == ["DE01-1", "DE01-2", "DE01-3"]


def test_validation_before_the_key_hides_a_line_that_stands():
    """An ERP that validates first refuses a row whose line stands, once its period has closed."""
    world = bench(Idempotency.VALIDATE_BEFORE_DEDUPE)

    assert says(world, row(), 0) == POSTED
    world.period("closed", 1)

    assert says(world, row(), 2) == CLOSED
    assert [line["status"] for line in world.look_up("TS-1/1/post")] == ["posted"]


def test_a_replay_carries_the_fingerprint_of_what_stands():
    """Where the body is ignored, the replayed answer tells the content that was posted first."""
    world = bench(Idempotency.KEY_BODY_IGNORED)
    world.post(row())

    (answer,) = world.post(row(narrative="other"))

    assert (answer["replayed"], answer["ledger_id"]) == (True, "DE01-1")
    assert answer["fingerprint"] == fingerprint(row()) != fingerprint(row(narrative="other"))


def test_an_upsert_changes_the_line_in_place():
    """The same key with other content overwrites the line under its old id; a reversed line is left alone."""
    world = bench(Idempotency.UPSERT_BY_EXTERNAL_ID)
    other = row(bill_minor=100, quantity="1.5")
    world.post(row())

    (answer,) = world.post(other)
    (found,) = world.look_up("TS-1/1/post")

    assert answer == {
        "key": "TS-1/1/post", "status": "posted", "ledger_id": "DE01-1", "fingerprint": fingerprint(other),
    }  # fmt: skip
    assert (found["bill_minor"], found["fingerprint"]) == (100, fingerprint(other))
    assert [line.quarter_hours for line in world.evidence.lines] == [6]
    assert world.post(row("TS-2"))[0]["ledger_id"] == "DE01-2"
    assert world.post(reversal(other, quantity="-1.5"))[0]["status"] == "posted"
    assert says(world, row(), 9) == MISMATCH


def test_a_job_refuses_every_row_beside_a_known_one():
    """A call with one key of an earlier job is answered 409 with that job, and its new rows are not taken."""
    world = bench(Idempotency.ASYNC_JOB)
    assert world.call(row("TS-1")).status == 202

    response = world.call(row("TS-2"), row("TS-1"))

    assert (response.status, b'"J-1"' in response.body) == (409, True)
    assert world.look_up("TS-2/1/post", at_ms=HOUR_MS) == []
    assert [line["status"] for line in world.look_up("TS-1/1/post", at_ms=HOUR_MS)] == ["posted"]


def test_a_known_key_can_be_called_a_duplicate():
    """An ERP may answer a known key with the error "already exists" instead of replaying."""
    world = Bench(profile(duplicate_answer="duplicate"))
    world.post(row())

    assert [answer["status"] for answer in world.post(row())] == ["duplicate"]
    assert world.standing == 1


@pytest.mark.parametrize(("worked_ppm", "standing"), [(1_000_000, 1), (0, 0)])
@pytest.mark.parametrize(("how", "later"), [("error_stored", "refused"), ("error_not_stored", "posted")])
def test_a_bare_500_may_have_posted_and_is_stored_where_errors_are(
    how: str, later: str, worked_ppm: int, standing: int
):
    """After a 500 a row stands or not, and nobody is told; an ERP that stores errors refuses its key ever after."""
    world = Bench(profile(idempotency=how, server_error_ppm=500_000, server_error_worked_ppm=worked_ppm))
    calls = [f"c-{number}" for number in range(20)]

    failing = next(call for call in calls if world.call(call=call).status == 500)
    passing = next(call for call in calls if world.call(call=call).status == 200)
    assert world.call(row(), call=failing).status == 500
    stood = world.standing
    (answer,) = json.loads(world.call(row(), call=passing).body)["rows"]

    assert stood == standing
    assert answer["status"] == later
    assert answer.get("replayed", False) == (later == "refused" or standing == 1)

    known = row("TS-2")
    assert json.loads(world.call(known, call=passing).body)["rows"][0]["status"] == "posted"
    assert world.call(known, call=failing).status == 500
    assert json.loads(world.call(known, call=passing).body)["rows"][0]["status"] == "posted"


@pytest.mark.parametrize(
    ("settings", "one", "other"),
    [({"key_length_max": 4}, "TS-1/1/post", "TS-1/2/post"), ({"key_case_folded": True}, "TS-a", "TS-A")],
)
def test_a_key_is_kept_as_the_erp_keeps_it(settings: dict[str, Any], one: str, other: str):
    """Keys that differ only beyond the declared length, or in case, are one key to the ERP."""
    world = Bench(profile(idempotency="key_body_ignored", **settings))

    first, second = world.post(row("TS-1", key=one), row("TS-2", key=other))

    assert (first["status"], second["ledger_id"], second["replayed"]) == ("posted", first["ledger_id"], True)
    assert (first["key"], second["key"]) == (one, other)
    assert [line["entry_id"] for line in world.look_up(other)] == ["TS-1"]
    assert world.post(reversal(row("TS-1", key=other), key="back"))[0]["status"] == "posted"


def test_every_way_has_a_generic_profile():
    """The generic profiles hold each of the nine ways under its name."""
    assert {how: GENERIC[how.value].idempotency for how in Idempotency} == {how: how for how in Idempotency}
    assert set(BY_IDEMPOTENCY) == set(Idempotency)
