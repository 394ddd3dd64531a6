"""Failures of the past stay what they are: found with their bug, gone without one."""

import pytest

from scenarios.recorded import recorded_names, recorded_scenario
from scenarios.shrink import fails_alike
from simulators.plants.catalogue import PLANTS


@pytest.mark.parametrize("name", recorded_names())
def test_a_recorded_failure_is_found_with_its_bug_alone(name: str) -> None:
    """The declared oracle fires while the bug is planted; without it the same run is clean. A mended bug stays so."""
    scenario = recorded_scenario(name)
    assert scenario.name == name
    assert scenario.seed is not None
    assert scenario.found_by
    for oracle in scenario.found_by:
        assert fails_alike(scenario.world, scenario.seed, oracle) is None
        if scenario.plant:
            assert scenario.plant in PLANTS
            assert fails_alike(scenario.world, scenario.seed, oracle, scenario.plant) is not None


def test_at_least_three_bugs_are_recorded() -> None:
    """The documents show three shrunk failures; they are kept here."""
    assert sum(bool(recorded_scenario(name).plant) for name in recorded_names()) >= 3
