"""A bug that is planted has to be found, by the oracle that it declares; its sane twin must not alarm."""

import json

import pytest

from runtime.cli import main
from scenarios.catalogue import all_scenarios
from scenarios.choose import with_plant
from scenarios.proofs import not_held, plant_run
from simulators.plants.catalogue import PLANTS
from simulators.run import simulate

SEEDS = range(1, 11)
SHOWN = ("resend_without_lookup",)
"""Bugs that are shown on a whole scenario; tests/simulators/plants shows every bug in the least world that it needs."""
BASE = all_scenarios()["quiet_week"].world


@pytest.mark.parametrize("plant", SHOWN)
def test_a_planted_bug_is_caught_by_its_own_oracle(plant: str) -> None:
    """In at least nine of ten seeds; scripts/prove.py plant asks for 95 of 100. Every seed reaches the bug."""
    runs = [plant_run(BASE, plant, seed) for seed in SEEDS]
    assert all(run.reached for run in runs)
    assert sum(run.caught for run in runs) * 10 >= 9 * len(runs)


@pytest.mark.parametrize("plant", SHOWN)
def test_the_same_misfortunes_without_the_bug_alarm_nobody(plant: str) -> None:
    """The faults and the ERP profile of a plant violate nothing by themselves, and nobody counts a bug as reached."""
    for seed in SEEDS:
        outcome = simulate(with_plant(BASE, PLANTS[plant]), seed)
        assert (seed, not_held(outcome), outcome.unsettled, outcome.reached) == (seed, (), [], 0)


def test_what_was_billed_twice_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 3, and the finding names the entry, its version and the amount billed twice."""
    code = main(["simulate", "quiet_week", "--plant", "resend_without_lookup", "--json", "--jobs", "1"])
    said = capsys.readouterr()
    report = json.loads(said.out)
    found = next(finding for finding in report["findings"] if finding["invariant"] == "S1")
    assert (code, report["verdict"]["exit"]) == (3, 3)
    assert report["planted"]["name"] == "resend_without_lookup"
    assert found["entry"].startswith("psa:")
    assert found["versions"]
    assert found["amount_minor"] > 0
    assert found["currency"] in {"EUR", "GBP"}
    assert found["entry"] in found["text"]
    assert "billed twice" in found["text"]
    assert "planted resend_without_lookup" in said.err
    assert "lost_reply" in said.err
