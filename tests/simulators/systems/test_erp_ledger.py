"""What the ERP lets into its ledger, and what a look-up shows of it."""

from datetime import date
from typing import Any

import pytest

from simulators.evidence import LedgerLine
from tests.simulators.systems.an_erp import Bench, fingerprint, profile, reversal, row


def reasons(world: Bench, *rows: dict[str, Any], at_ms: int = 0) -> list[str]:
    return [answer.get("reason", answer["status"]) for answer in world.post(*rows, at_ms=at_ms)]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("never_opened", "period_closed"),
        ("future", "period_closed"),
        ("on_hold", "period_on_hold"),
        ("closed", "period_closed"),
        ("permanently_closed", "period_closed"),
    ],
)
def test_only_an_open_period_takes_a_line(status: str, reason: str):
    """Of the six states of a period only "open" lets a row in; a hold has its own word; re-opened, the row passes."""
    world = Bench(profile())
    world.period(status, 1)

    (answer,) = world.post(row(), at_ms=2)
    world.period("open", 3)

    assert (answer["status"], answer["reason"]) == ("refused", reason)
    assert world.evidence.refused_rows == {"TS-1": {reason}}
    assert status in answer["detail"]
    assert reasons(world, row(), at_ms=4) == ["posted"]


def test_the_accounting_date_chooses_the_period():
    """A row goes by its accounting date, whatever its work date, and a date without a period is closed."""
    world = Bench(profile())

    late = row("TS-1", work_date="2026-02-27")
    early = row("TS-2", accounting_date="2026-04-01")

    assert reasons(world, late, early) == ["posted", "period_closed"]


def test_another_module_does_not_close_time():
    """Closing the expense module leaves time open."""
    world = Bench(profile())

    world.erp.set_period("DE01", "expense", "2026-03", date(2026, 3, 1), date(2026, 3, 31), "closed", 1)

    assert reasons(world, row()) == ["posted"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"project": "P9"}, "unknown_project"),
        ({"worker": "W9"}, "unknown_worker"),
        ({"bill_currency": ""}, "invalid"),
        ({"cost_currency": ""}, "invalid"),
        ({"quantity": "7.1"}, "invalid"),
        ({"quantity": "seven"}, "invalid"),
        ({"unit": "day"}, "invalid"),
        ({"work_date": "2026-02-30"}, "invalid"),
        ({"accounting_date": "soon"}, "invalid"),
        ({"bill_minor": "90625"}, "invalid"),
        ({"leg": "both"}, "invalid"),
    ],
)
def test_a_bad_row_stops_alone(changed: dict[str, Any], reason: str):
    """A row that cannot be posted is refused with its reason inside the 200, and its neighbours are posted."""
    world = Bench(profile())

    answers = world.post(row("TS-1"), row("TS-2", **changed), row("TS-3"))

    assert [answer.get("reason", answer["status"]) for answer in answers] == ["posted", reason, "posted"]
    assert [answer["key"] for answer in answers] == ["TS-1/1/post", "TS-2/1/post", "TS-3/1/post"]
    assert world.evidence.refused_rows == {"TS-2": {reason}}
    assert world.standing == 2


def test_master_data_can_arrive_later():
    """A project or worker that is set up after a refusal is known from then on."""
    world = Bench(profile())
    strange = row(project="P9", worker="W9")

    assert reasons(world, strange) == ["unknown_project"]
    world.erp.add_project("DE01", "P9")
    assert reasons(world, strange) == ["unknown_worker"]
    world.erp.add_worker("DE01", "W9")
    assert reasons(world, strange) == ["posted"]


def test_a_line_is_written_down_as_it_stands():
    """The evidence of a line has the row's facts, hours as signed quarters and the instant it came to stand."""
    world = Bench(profile())
    world.post(row(adjusts="late"), at_ms=5)

    (line,) = world.evidence.lines

    assert isinstance(line, LedgerLine)
    assert (line.line_id, line.entity, line.key, line.entry_id, line.version) == (
        "DE01-1",
        "DE01",
        "TS-1/1/post",
        "TS-1",
        1,
    )
    assert (line.leg, line.project, line.period, line.adjusts, line.reverses) == ("post", "P1", "2026-03", "late", "")
    assert (line.work_date.isoformat(), line.accounting_date.isoformat()) == ("2026-03-10", "2026-03-10")
    assert (line.quarter_hours, line.at_ms, line.by_hand) == (29, 5, False)
    assert (line.bill_minor, line.bill_currency, line.cost_minor, line.cost_currency) == (90_625, "EUR", 43_500, "EUR")


def test_a_reversal_takes_back_what_stands_once():
    """A reversal needs a line of its entry that stands, and leaves none: a second one finds nothing."""
    world = Bench(profile(idempotency="none"))
    one = row()

    assert reasons(world, reversal(one)) == ["nothing_to_reverse"]
    assert reasons(world, one, reversal(one), reversal(one, key="again")) == ["posted", "posted", "nothing_to_reverse"]
    assert [(line.quarter_hours, line.bill_minor) for line in world.evidence.lines] == [(29, 90_625), (-29, -90_625)]
    assert world.standing == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"bill_minor": -90_624},
        {"cost_minor": 43_500},
        {"quantity": "7.25"},
        {"bill_currency": "USD"},
        {"cost_currency": "USD"},
    ],
)
def test_a_reversal_is_the_exact_negative(changed: dict[str, Any]):
    """Hours, amounts and currencies of a reversal are the exact negatives of the line, or it is invalid."""
    world = Bench(profile())
    world.post(row())

    assert reasons(world, reversal(row(), **changed)) == ["invalid"]
    assert world.standing == 1


def test_an_erp_may_take_a_reversal_of_any_amount():
    """Where the profile says so, a reversal is a journal like any other: it undoes the line and leaves a residue."""
    world = Bench(profile(exact_reversals=False))
    world.post(row())

    assert reasons(world, reversal(row(), bill_minor=-90_624)) == ["posted"]
    assert (world.standing, sum(line.bill_minor for line in world.evidence.lines)) == (0, 1)


def test_a_reversal_stays_within_its_entry():
    """Naming the key of another entry's line, or of a reversal, finds nothing to reverse."""
    world = Bench(profile())
    one = row()
    world.post(one, row("TS-2"))

    assert reasons(world, reversal(one, entry_id="TS-2")) == ["nothing_to_reverse"]
    world.post(reversal(one))
    back = one | {"key": "back", "leg": "reverse", "reverses": "TS-1/1/reverse"}
    assert reasons(world, back) == ["nothing_to_reverse"]


def test_a_look_up_by_key_shows_everything_under_it():
    """All lines of a key come back, with the fingerprint of the text that was posted; a strange key has none."""
    world = Bench(profile(idempotency="none"))
    world.post(row(), row(), row("TS-2"))

    lines = world.look_up("TS-1/1/post", "TS-9/1/post")

    assert [(line["ledger_id"], line["status"]) for line in lines] == [("DE01-1", "posted"), ("DE01-2", "posted")]
    assert lines[0] == {
        "key": "TS-1/1/post", "entry_id": "TS-1", "ledger_id": "DE01-1", "status": "posted",
        "fingerprint": fingerprint(row()), "bill_minor": 90_625, "cost_minor": 43_500, "reason": "", "by_hand": False,
        "project": "P1", "work_date": "2026-03-10", "accounting_date": "2026-03-10", "period": "2026-03",
    }  # fmt: skip


def test_a_look_up_tells_where_a_line_is_booked():
    """Posted, by hand or staged: each line says its project, its two dates and its period."""
    world = Bench(profile())
    world.post(row(work_date="2026-02-27"))
    world.by_hand("TS-2", 1)
    staging = Bench(profile(staging={}))
    staging.post(row(work_date="2026-02-27"))

    def booked(line: dict[str, Any]) -> list[str | None]:
        return [line[name] for name in ("project", "work_date", "accounting_date", "period")]

    (posted,), (by_hand,) = world.look_up("TS-1", by="entry"), world.look_up("TS-2", by="entry")
    (staged,) = staging.look_up("TS-1", by="entry")
    assert staged["status"] == "staged"
    assert booked(posted) == booked(staged) == ["P1", "2026-02-27", "2026-03-10", "2026-03"]
    assert booked(by_hand) == ["P1", "2026-03-10", "2026-03-10", "2026-03"]


def test_a_staged_row_without_a_date_has_none():
    """A job takes rows unseen; what is no date is null in a look-up, and the line is still readable."""
    world = Bench(profile(idempotency="async_job", staging={}))
    world.post(row(work_date="soon"))

    (line,) = world.look_up("TS-1", by="entry")
    assert (line["work_date"], line["accounting_date"]) == (None, "2026-03-10")


def test_a_look_up_by_entry_shows_what_stands():
    """By entry only lines that stand come back: a reversed line and its reversal are gone, a later one is there."""
    world = Bench(profile())
    world.post(row(), reversal(row()), row(version=2, quantity="1"))

    assert [line["key"] for line in world.look_up("TS-1", by="entry")] == ["TS-1/2/post"]
    assert [line["status"] for line in world.look_up("TS-1/1/post")] == ["posted"]


def test_names_survive_the_url():
    """A key with spaces, slashes, ampersands, plus signs or letters of any script is found when percent-encoded."""
    world = Bench(profile())
    keys = ["a b&c=d", "x+y/ü", "50%"]
    world.post(*(row(f"TS-{number}", key=key) for number, key in enumerate(keys)))

    assert [line["key"] for line in world.look_up(*keys)] == keys
    assert [line["key"] for line in world.look_up(keys[1])] == [keys[1]]


def test_reads_can_lag_behind_writes():
    """With a lag, a look-up does not see a line before it is that old; posting sees its own keys at once."""
    world = Bench(profile(read_lag_ms=5_000))
    world.post(row(), at_ms=1_000)

    assert world.look_up("TS-1/1/post", at_ms=5_999) == []
    assert world.post(row(), at_ms=5_999)[0]["replayed"] is True
    assert len(world.look_up("TS-1/1/post", at_ms=6_000)) == 1


def test_an_accountant_posts_by_hand_only_what_does_not_stand():
    """By hand a line is entered once, into an open period, under no key, and the look-up by entry marks it."""
    world = Bench(profile())
    world.post(row("TS-2"))

    assert (world.by_hand("TS-1", 1), world.by_hand("TS-1", 2), world.by_hand("TS-2", 3)) == (True, False, False)
    world.period("closed", 4)
    assert world.by_hand("TS-3", 5) is False

    (found,) = world.look_up("TS-1", by="entry")
    assert (found["key"], found["by_hand"], found["bill_minor"], found["ledger_id"]) == ("", True, 90_625, "DE01-2")
    assert world.evidence.lines[-1].by_hand is True


def test_a_row_beside_a_hand_posting_is_a_duplicate():
    """The entry is a unique reference: a row for an entry that stands by hand is answered "duplicate"."""
    guarded, open_door = Bench(profile()), Bench(profile(guards_hand_postings=False))

    for world in (guarded, open_door):
        assert world.by_hand("TS-1", 0)

    assert reasons(guarded, row()) == ["duplicate"]
    assert reasons(open_door, row()) == ["posted"]
    assert (guarded.standing, open_door.standing) == (1, 2)


@pytest.mark.parametrize("named", [True, False])
def test_an_atomic_batch_is_refused_as_one(named: bool):
    """One bad row rolls the call back with a 422 that names it or not; without it the others are posted."""
    world = Bench(profile(batch_mode="atomic", bad_row_named=named))
    good, bad = row("TS-1"), row("TS-2", project="P9")

    response = world.call(good, bad)

    key = b'"TS-2/1/post"' if named else b"null"
    assert response.status == 422
    assert b'"error":"row_refused","reason":"unknown_project"' in response.body
    assert b'"key":' + key in response.body
    assert world.evidence.lines == []
    assert reasons(world, good) == ["posted"]


@pytest.mark.parametrize(
    "clash",
    [
        [row("TS-2"), row("TS-2", narrative="other")],
        [reversal(row("TS-1")), reversal(row("TS-1"), key="other")],
        [row("TS-2", key=5)],
    ],
)
def test_an_atomic_batch_sees_clashes_within_itself(clash: list[dict[str, Any]]):
    """Rows that only clash with an earlier row of the same call roll it back too."""
    world = Bench(profile(batch_mode="atomic"))
    world.post(row("TS-1"))

    assert world.call(row("TS-3"), *clash).status == 422
    assert len(world.evidence.lines) == 1


def test_a_batch_has_a_maximum():
    """A call with too many rows, or that is not even JSON, is answered 400 and nothing is posted."""
    world = Bench(profile(batch_rows_max=2))

    assert world.call(row("TS-1"), row("TS-2"), row("TS-3")).status == 400
    assert world.evidence.lines == []
    assert world.call(row("TS-1"), row("TS-2")).status == 200
