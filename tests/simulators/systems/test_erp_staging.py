"""Rows that are accepted first and posted, or rejected, later."""

from typing import Any

from tests.simulators.systems.an_erp import HOUR_MS, Bench, profile, reversal, row

MINUTE_MS = 60_000


def staging(rejected_ppm: int = 0, **settings: Any) -> Bench:
    fixed = {"shortest_ms": MINUTE_MS, "longest_ms": MINUTE_MS, "rejected_ppm": rejected_ppm}
    return Bench(profile(staging=fixed, **settings))


def statuses(world: Bench, key: str, at_ms: int) -> list[str]:
    return [line["status"] for line in world.look_up(key, at_ms=at_ms)]


def test_a_staged_row_lands_at_its_due_time():
    """A staged row is answered with a reference, is no line before it is due, and stands from its due time on."""
    world = staging()

    (answer,) = world.post(row())

    assert answer == {"key": "TS-1/1/post", "status": "staged", "reference": "DE01-S1"}
    assert (statuses(world, "TS-1/1/post", MINUTE_MS - 1), world.evidence.lines) == (["staged"], [])
    assert statuses(world, "TS-1/1/post", HOUR_MS) == ["posted"]
    assert [line.at_ms for line in world.evidence.lines] == [MINUTE_MS]
    assert [line["status"] for line in world.look_up("TS-1", by="entry", at_ms=HOUR_MS)] == ["posted"]


def test_a_staged_row_stands_for_its_entry():
    """By entry a staged row is seen as well, so a careful accountant does not post beside it."""
    world = staging()
    world.post(row())

    assert [line["status"] for line in world.look_up("TS-1", by="entry")] == ["staged"]
    assert world.by_hand("TS-1", 1) is False
    assert world.by_hand("TS-1", HOUR_MS) is False


def test_an_import_can_fail():
    """A rejected row stays visible under its key with its reason, but not for its entry, and can be sent again."""
    world = staging(rejected_ppm=1_000_000)
    world.post(row())

    (found,) = world.look_up("TS-1/1/post", at_ms=HOUR_MS)

    assert (found["status"], found["reason"], found["ledger_id"]) == ("rejected", "locked", "DE01-S1")
    assert world.look_up("TS-1", by="entry", at_ms=HOUR_MS) == []
    assert world.evidence.refused_rows == {"TS-1": {"locked"}}
    assert world.post(row(), at_ms=HOUR_MS)[0]["reference"] == "DE01-S2"


def test_a_share_of_imports_fails():
    """As many imports fail as the setting says, and a second attempt of the same key is drawn anew."""
    world = staging(rejected_ppm=200_000)
    rows = [row(f"TS-{number}") for number in range(400)]

    world.post(*rows)
    world.erp.advance(HOUR_MS)
    after_one = len(world.evidence.lines)
    world.post(*rows, at_ms=HOUR_MS)
    world.erp.advance(2 * HOUR_MS)

    assert 280 < after_one < 360
    assert after_one < len(world.evidence.lines) < 400


def test_a_period_that_closes_meanwhile_rejects():
    """What was due before a period closed has landed; what is due after is rejected because it closed."""
    world = staging()
    world.post(row("TS-1"), at_ms=0)
    world.post(row("TS-2"), at_ms=1)

    world.period("closed", MINUTE_MS)
    world.period("open", HOUR_MS)

    assert statuses(world, "TS-1/1/post", HOUR_MS) == ["posted"]
    assert statuses(world, "TS-2/1/post", HOUR_MS) == ["rejected"]
    assert world.evidence.refused_rows == {"TS-2": {"period_closed"}}


def test_two_staged_reversals_take_back_one_line():
    """Of two staged reversals of one line the first to land wins, and the second finds nothing to reverse."""
    world = staging(idempotency="none")
    world.post(row())
    world.erp.advance(MINUTE_MS)
    world.post(reversal(row()), reversal(row(), key="other"), at_ms=MINUTE_MS)

    assert statuses(world, "TS-1/1/reverse", HOUR_MS) == ["posted"]
    assert statuses(world, "other", HOUR_MS) == ["rejected"]
    assert world.standing == 0


def test_a_replay_tells_where_a_staged_row_stands_today():
    """The same row again is answered staged while it waits and posted once it has landed."""
    world = staging()
    answers = [world.post(row(), at_ms=at_ms)[0] for at_ms in (0, 1, HOUR_MS)]

    assert [answer["status"] for answer in answers] == ["staged", "staged", "posted"]
    assert [answer.get("replayed", False) for answer in answers] == [False, True, True]
    assert world.standing == 1


def test_rows_wait_differently_long():
    """How long a row is staged is drawn between the two settings, by its key: same seed, same times."""

    def landed(seed: int) -> list[int]:
        world = Bench(profile(staging={"shortest_ms": 10, "longest_ms": 5_000, "rejected_ppm": 0}), seed)
        world.post(*(row(f"TS-{number}") for number in range(50)))
        world.erp.advance(HOUR_MS)
        return [line.at_ms for line in world.evidence.lines]

    assert landed(1) == landed(1) != landed(2)
    assert landed(1) == sorted(landed(1))
    assert 10 <= landed(1)[0] < 1_000 < landed(1)[-1] <= 5_000


def test_a_staged_row_stays_visible_when_it_lands_under_a_read_lag():
    """A row that could be read while it was staged does not vanish for the lag after it has landed."""
    world = staging(read_lag_ms=5_000)
    world.post(row())

    seen = [statuses(world, "TS-1/1/post", at_ms) for at_ms in (4_999, 5_000, MINUTE_MS, MINUTE_MS + 1)]

    assert seen == [[], ["staged"], ["posted"], ["posted"]]
