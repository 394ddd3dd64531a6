"""The certificate: the gravest wins, the worst seed counts, and what was written can be read again."""

import json
from pathlib import Path

import pytest

from runtime.cli import BadInputError
from scenarios.certify.certificate import Item, LoadFound, nearness, read, rule
from scenarios.swarm import SeedRun
from tests.scenarios.certify.a_certificate import a_certificate, a_run


@pytest.mark.parametrize(
    ("codes", "ruling"),
    [((0, 0), 0), ((0, 1), 1), ((1, 4), 4), ((4, 5, 1), 5), ((5, 3, 4, 1, 0), 3), ((), 5)],
)
def test_the_gravest_wins(codes: tuple[int, ...], ruling: int) -> None:
    """Wrong books, then nothing proved, then work left over, then a missed target; nothing tried is 5."""
    items = [Item(f"run {number}", code) for number, code in enumerate(codes)]

    ruled = rule(items)

    assert ruled.exit == ruling
    assert all(f"run {number}" in ruled.sentence for number, code in enumerate(codes) if code)


def test_a_blind_harness_certifies_nothing() -> None:
    """However good everything looks: if the planted bug was not caught, nothing was proved."""
    made = a_certificate(canary="it was planted, and S1 did not fire")

    assert (made.ruling.exit, made.ruling.word) == (5, "blind")
    assert "S1 did not fire" in made.ruling.sentence


def test_everything_that_was_tried_counts() -> None:
    """A run, the swarm and a load each bring the certificate down; a load that nobody made does not."""
    load = LoadFound(name="hour", story="", tried=True, exit=1, word="missed", sentence="late")

    assert a_certificate().ruling.exit == 0
    assert a_certificate([a_run(), a_run("quiet_week/rough", 1, 4)]).ruling.exit == 4
    assert a_certificate(swarm=[SeedRun(7, "swarm", {}, wrong=["S1: twice"])]).ruling.exit == 3
    assert a_certificate(loads=[load]).ruling.exit == 1
    untried = a_certificate(loads=[load.model_copy(update={"tried": False})]).ruling
    assert (untried.exit, untried.sentence.endswith("Not tried: load hour.")) == (0, True)


def test_the_worst_seed_of_each_target_is_named() -> None:
    """At most: the largest; at least: the smallest. How many held is told beside it."""
    runs = [a_run(seed=1, p99_s=200), a_run(seed=2, p99_s=700, code=1), a_run("quiet_week/rough", 1)]
    made = a_certificate(runs)
    p99, share = made.cells[0].slas

    assert (p99.worst, p99.worst_seed, p99.middle, p99.held, p99.runs) == (700, 2, 450, 1, 2)
    assert (share.worst, share.held) == (999_000, 2)
    assert made.cells[0].exits == {"0": 1, "1": 1}
    assert made.cells[1].slas == []


def test_money_at_risk_is_that_of_one_run() -> None:
    """The seed with most versions outside the ledger: what lies where, and nothing added up over seeds."""
    risk = a_certificate().cells[0].at_risk

    assert risk is not None
    assert (risk.seed, risk.versions, risk.money) == (2, {"parked": 3}, {"parked": {"EUR": 12_345}})
    assert a_certificate([a_run(), a_run("quiet_week/rough")]).cells[0].at_risk is None


def test_the_longest_drain_is_told_with_its_entity_and_seed() -> None:
    """Over all entities and seeds; where there was no outage there is none."""
    made = a_certificate()
    drain = made.cells[0].drain

    assert drain is not None
    assert (drain.entity, drain.seed, drain.seconds) == ("DE01", 2, 120)
    assert made.cells[1].drain is None


def test_how_near_a_run_came_to_a_target() -> None:
    """The share of the target that was used up, of the one that was used up most."""
    assert nearness(a_run(p99_s=540)) == (0.9, "approval to ledger p99")
    used, name = nearness(a_run(p99_s=6))
    assert (round(used, 6), name) == (0.1, "in the ledger 30 min after cut-off")


def test_the_worst_runs_come_first_each_with_its_command() -> None:
    """Gravest first, then nearest to a target; a cell without a name is called by the file beside the certificate."""
    runs = [a_run(seed=1, p99_s=500), a_run(seed=2, p99_s=100), a_run("quiet_week/rough", 2, 3)]
    worst = a_certificate(runs).worst

    assert [(one.cell, one.seed) for one in worst] == [
        ("quiet_week/rough", 2),
        ("quiet_week", 1),
        ("quiet_week", 2),
    ]
    assert worst[0].command == "springtide simulate out/x/scenarios/quiet_week.rough.json --seed 2"
    assert worst[1].command == "springtide simulate quiet_week --seed 1"
    assert worst[0].wrong[0].amount_minor == 8_000


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    """Word for word; anything else is refused in one line."""
    made = a_certificate()
    path = tmp_path / "certificate.json"
    path.write_text(json.dumps(made.model_dump(mode="json")), encoding="utf-8")

    assert read(path) == made
    path.write_text('{"suite": "x"}', encoding="utf-8")
    with pytest.raises(BadInputError, match="no certificate that can be read") as refused:
        read(path)
    assert "\n" not in str(refused.value)
    with pytest.raises(BadInputError, match="no such file"):
        read(tmp_path / "nowhere.json")


def test_what_was_not_tried_is_listed() -> None:
    """Scenarios that the suite leaves out, faults that never struck, loads without results, real systems: all named."""
    load = LoadFound(name="hour", story="", tried=False, sentence="it has no results yet")
    told = a_certificate(loads=[load]).not_tried
    whats = " | ".join(one.what for one in told)

    assert "month_end_50000" in whats
    assert "your ERP and your PSA" in whats
    assert "load run hour" in whats
    assert "months that nobody thought of" in whats
    assert "lost_reply" not in whats
    assert "duplicate_event" in whats
    assert "load run" not in " | ".join(one.what for one in a_certificate().not_tried)
    assert all(one.why and one.how for one in told)
