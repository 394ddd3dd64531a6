"""What the proof by kill -9 can tell from outside."""

import sqlite3
from pathlib import Path

from scenarios.live.kills import LATER_MS, Plan, is_torn


def test_a_log_that_ends_within_a_step_is_torn(tmp_path: Path) -> None:
    """A write-ahead log whose last frames lack their commit mark was cut off while a step was written."""
    path = tmp_path / "one.sqlite"
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE pages (body BLOB)")
    db.execute("INSERT INTO pages VALUES (zeroblob(40000))")
    log = path.with_name("one.sqlite-wal")
    whole = log.read_bytes()
    page = 24 + int.from_bytes(whole[8:12])
    db.close()

    def ends(written: bytes) -> bool:
        log.write_bytes(written)
        return is_torn(log)

    assert not ends(whole)
    assert not ends(b"")
    assert ends(whole[:-page])
    assert ends(whole[:-100])


def test_every_kind_of_moment_comes_in_turn() -> None:
    """Among as many kills as there are kinds of moments each kind comes once, in an order that the seed makes."""
    plan = Plan()

    assert {plan.moment(number) for number in range(len(LATER_MS))} == set(LATER_MS)
    assert [plan.moment(number) for number in range(12)] == [Plan().moment(number) for number in range(12)]
    assert all(0 <= plan.later_ms(number) <= LATER_MS[plan.moment(number)] for number in range(50))
