"""The month-ends, the rolling cut-off, the maintenance and the storm: what each promises, and that it can be missed."""

import re

import pytest

from scenarios.catalogue import all_scenarios
from scenarios.choose import override
from scenarios.judge import judge
from scenarios.model import Scenario, Slas
from scenarios.report.model import Report
from simulators.faults.kinds import FAULT_KINDS
from simulators.firm.build import build_firm
from simulators.run import simulate
from simulators.world import components

NAMES = (
    "auto_approve_storm",
    "erp_maintenance_at_cutoff",
    "follow_the_sun",
    "month_end",
    "month_end_5000",
    "month_end_50000",
)
PROMISES = tuple(name for name in Slas.model_fields if name not in ("why", "least_posted_ppm"))
COUNT_OF_PEOPLE = re.compile(r"([\d,]*\d) consultants")


def named(name: str) -> Scenario:
    """One of the scenarios of this file."""
    return all_scenarios()[name]


def run(name: str, *settings: str, seed: int = 1) -> Report:
    """A scenario with some settings changed, simulated in this process and judged."""
    scenario, _ = override(named(name), settings)
    return judge(scenario, simulate(scenario.world, seed))


def missed(report: Report) -> list[str]:
    """The names of the SLAs that did not hold."""
    return [sla.name for sla in report.slas if sla.held is False]


def half_the_quota(name: str) -> str:
    """The setting that leaves a scenario half of its ERP calls."""
    quota = named(name).world.erp.quota
    assert quota is not None
    assert quota.calls % 2 == 0, "a quota that cannot be halved proves nothing"
    return f"world.erp.quota.calls={quota.calls // 2}"


@pytest.mark.parametrize("name", NAMES)
def test_what_machines_write_is_the_same_scenario(name: str):
    """A scenario written as JSON and read again is the scenario."""
    scenario = named(name)

    assert Scenario.model_validate_json(scenario.model_dump_json()) == scenario


@pytest.mark.parametrize("name", NAMES)
def test_every_promise_shows_its_arithmetic(name: str):
    """Each target has a sentence with numbers in it, and nothing else has one."""
    why = named(name).slas.why

    assert sorted(why) == sorted(PROMISES)
    for promise, arithmetic in why.items():
        assert len(re.findall(r"\d+", arithmetic)) >= 1, f"{name}: {promise} shows no numbers"
        assert arithmetic.endswith("."), f"{name}: {promise} is not a sentence"


@pytest.mark.parametrize("name", NAMES)
def test_the_sum_behind_p99_is_done_with_the_quota_that_is_set(name: str):
    """Calls, window and rows per call in the arithmetic of p99 or of the drain are those of the world."""
    scenario = named(name)
    quota, batch = scenario.world.erp.quota, scenario.world.runtime.batch_max
    assert quota is not None
    sums = scenario.slas.why["p99_s"] + scenario.slas.why["drain_s"]

    assert f"{quota.calls} calls in {quota.window_ms // 60_000} min" in sums
    if scenario.world.erp.staging is None:
        assert f"x {batch} rows = {quota.calls * batch * 60_000 // quota.window_ms} a minute" in sums


@pytest.mark.parametrize("name", NAMES)
def test_the_story_counts_its_people_right(name: str):
    """The number of consultants that a story tells is the number that the firm has."""
    scenario = named(name)

    told = [int(count.replace(",", "")) for count in COUNT_OF_PEOPLE.findall(scenario.story)]

    assert told == [scenario.world.firm.consultants]


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_that_must_strike_is_there(name: str):
    """What a scenario is about is among its faults, and it is about something."""
    scenario = named(name)
    there = {fault.kind for fault in scenario.world.faults}

    assert scenario.must_fire
    assert set(scenario.must_fire) <= there <= set(FAULT_KINDS)


@pytest.mark.parametrize(
    ("name", "entities", "currencies", "regions", "accounts"),
    [
        ("month_end", 2, 2, 1, 1),
        ("month_end_5000", 15, None, 3, 5),
        ("month_end_50000", 90, None, 4, 12),
        ("follow_the_sun", 6, None, 3, 1),
    ],
)
def test_a_firm_is_cut_as_its_story_tells(
    name: str, entities: int, currencies: int | None, regions: int, accounts: int
):
    """Legal entities, currencies, regions and accounts are those of the parameter table; accounts come in pairs."""
    world = named(name).world
    firm = build_firm(world.firm, seed=1)

    pairs = {(entity.erp_account, entity.psa_account) for entity in firm.entities}

    assert len(firm.entities) == entities
    assert currencies in (None, len({entity.currency for entity in firm.entities}))
    assert len({entity.region for entity in firm.entities}) == regions
    assert len(pairs) == len({erp for erp, _ in pairs}) == len({psa for _, psa in pairs}) == accounts
    assert len(components(firm)) == accounts, "only entities that share an account are simulated together"


@pytest.mark.parametrize("name", ["month_end", "follow_the_sun"])
def test_as_it_is_everything_holds(name: str):
    """As it stands, the scenario ends with exit 0, and what it is about has struck."""
    report = run(name)

    assert (report.verdict.exit, missed(report)) == (0, []), report.verdict.sentence


@pytest.mark.parametrize("name", ["month_end", "follow_the_sun"])
def test_half_the_quota_misses_an_sla(name: str):
    """With half the ERP's calls the money is still right and the promises are not kept: the quota is a constraint."""
    report = run(name, half_the_quota(name))

    assert report.verdict.exit == 1, report.verdict.sentence
    assert "approval to ledger p99" in missed(report)


@pytest.mark.parametrize("name", ["month_end", "follow_the_sun"])
def test_three_times_the_volume_misses_an_sla(name: str):
    """With three times the rows the money is still right and the promises are not kept."""
    report = run(name, "world.people.volume_percent=300")

    assert report.verdict.exit == 1, report.verdict.sentence
    assert "approval to ledger p99" in missed(report)
