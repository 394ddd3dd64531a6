"""Every named scenario: the modules of `scenarios/named`, each a docstring and one constant `SCENARIO`."""

import pkgutil
from functools import cache
from importlib import import_module

from scenarios import named
from scenarios.model import Scenario


@cache
def all_scenarios() -> dict[str, Scenario]:
    """Name to scenario, in order of name. Raises AssertionError where a file and its scenario differ in name."""
    found: dict[str, Scenario] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(named.__path__)):
        scenario = import_module(f"{named.__name__}.{module}").SCENARIO
        assert isinstance(scenario, Scenario), f"scenarios/named/{module}.py has no SCENARIO"
        assert scenario.name == module, f"scenarios/named/{module}.py calls its scenario {scenario.name}"
        found[module] = scenario
    return found
