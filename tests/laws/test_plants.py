"""A bug that is planted has to be found, by the oracle that it declares; its sane twin must not alarm."""

import json

import pytest

from runtime.cli import main
from scenarios.catalogue import all_scenarios
from scenarios.choose import with_plant
from scenarios.mutants import Shot, fire, shots_at
from scenarios.small import small_world
from simulators.plants.catalogue import PLANTS, TWINS
from simulators.plants.plant import Plant
from simulators.run import not_held, simulate

BASE = all_scenarios()["quiet_week"].world


@pytest.mark.parametrize("plant", PLANTS.values(), ids=lambda plant: f"{plant.number}-{plant.name}")
def test_a_bug_is_caught_by_its_own_oracle_and_nothing_is_without_it(plant: Plant) -> None:
    """Within its budget the declared oracle finds the bug, which was reached; the same month without it is clean."""
    clean = simulate(with_plant(small_world(), plant), 1)
    assert (not_held(clean), clean.unsettled, clean.reached) == ((), [], 0)
    others = []
    for shot in shots_at([plant], None):
        hit = fire(shot)
        if hit.caught:
            assert hit.reached > 0
            assert hit.example
            return
        others.append(hit.oracles)
    pytest.fail(f"{plant.caught_by} did not find it in {plant.budget} seeds; {others} did")


@pytest.mark.parametrize("twin", sorted(TWINS))
def test_a_twin_alarms_nobody(twin: str) -> None:
    """Another way to do the same thing is no finding, whatever else goes wrong, and it is really done that way."""
    hits = [fire(Shot(twin, seed)) for seed in range(2)]
    assert [(hit.seed, hit.alarm) for hit in hits if hit.alarm] == []
    assert sum(hit.reached for hit in hits)


def test_a_bug_shows_in_a_whole_scenario() -> None:
    """In at least nine of ten quiet weeks, each of which reaches it; without the bug the same weeks are clean."""
    hits = [fire(Shot("resend_without_lookup", seed), BASE) for seed in range(1, 11)]
    assert all(hit.reached for hit in hits)
    assert sum(hit.caught for hit in hits) * 10 >= 9 * len(hits)
    for seed in range(1, 4):
        assert not_held(simulate(with_plant(BASE, PLANTS["resend_without_lookup"]), seed)) == ()


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
