"""A setting, in words and as a world."""

from dataclasses import replace

import pytest

from scenarios.capacity.setting import (
    NO_MAINTENANCE,
    calls,
    changed,
    concurrent,
    legal_entity,
    now,
    under,
    window_of,
    window_words,
)
from simulators.faults.maintenance import MaintenanceAnnounced
from simulators.firm.model import Firm
from simulators.run import firm_of
from simulators.settings import HOUR_MS, WorldSettings
from simulators.world import components
from tests.scenarios.capacity.worlds import SLOW, TIGHT


def founded(world: WorldSettings) -> Firm:
    """The firm under one seed."""
    return firm_of(world, 1)


def test_the_present_setting_changes_nothing() -> None:
    """The world under the scenario's own setting is the scenario's world."""
    for world in (TIGHT, SLOW):
        assert under(now(world), world, founded) == world


def test_numbers_are_said_in_the_vendors_units() -> None:
    """Calls per window, concurrent requests, rows a call."""
    assert now(TIGHT).words() == "8 concurrent requests, 6 calls per 5 minutes, 10 rows a call"
    assert now(SLOW).words() == "8 concurrent requests, no quota, 1 rows a call"
    assert (calls(1, 60_000), concurrent(1)) == ("1 call per minute", "1 concurrent request")
    assert [window_words(ms) for ms in (15_000, 3_600_000, 1_500)] == ["15 seconds", "hour", "1500 milliseconds"]


def test_every_field_reaches_the_world() -> None:
    """Concurrency, quota, batch and volume are those of the setting; a quota can come and go."""
    setting = replace(now(TIGHT), concurrency=3, quota=9, window_ms=60_000, batch=7, volume_percent=250)
    world = under(setting, TIGHT, founded)
    assert world.erp.quota is not None
    assert (world.erp.quota.calls, world.erp.quota.window_ms) == (9, 60_000)
    assert (world.runtime.concurrent_max, world.runtime.batch_max) == (3, 7)
    assert world.people.volume_percent == 250
    assert under(replace(setting, quota=None), TIGHT, founded).erp.quota is None
    back = under(replace(now(SLOW), quota=5), SLOW, founded).erp.quota
    assert back is not None
    assert back.calls == 5
    assert changed(setting, "quota", 4).quota == 4
    assert changed(setting, "concurrency", 4).concurrency == 4


def test_a_split_entity_keeps_its_people_its_account_and_its_name() -> None:
    """Three partitions of an entity have its people together, on the same ERP account, and are one entity again."""
    before, after = founded(TIGHT), founded(under(replace(now(TIGHT), partitions=3), TIGHT, founded))
    assert len(after.entities) == 3 * len(before.entities)
    assert len(components(after)) == len(components(before))
    for entity in before.entities:
        parts = [part for part in after.entities if legal_entity(part.code) == entity.code]
        heads = sum(person.entity in {part.code for part in parts} for person in after.consultants)
        assert heads == sum(person.entity == entity.code for person in before.consultants)
        assert {part.erp_account for part in parts} == {entity.erp_account}
        assert {(part.zone, part.country) for part in parts} == {(entity.zone, entity.country)}


def test_maintenance_can_be_moved_and_taken_away() -> None:
    """A window replaces those of the scenario for its ERP; none removes them; other faults stay."""
    world = TIGHT.model_copy(update={"faults": (MaintenanceAnnounced(at="22:00"), MaintenanceAnnounced(system="psa"))})
    moved = under(replace(now(world), maintenance="17:00-19:00"), world, founded).faults
    assert moved == (MaintenanceAnnounced(at="17:00", lasts_ms=2 * HOUR_MS), world.faults[1])
    assert under(replace(now(world), maintenance=NO_MAINTENANCE), world, founded).faults == world.faults[1:]


def test_a_window_may_run_past_midnight() -> None:
    """22:30 to 01:00 are two hours and a half; what is no window is refused."""
    assert window_of("22:30-01:00") == ("22:30", 2 * HOUR_MS + HOUR_MS // 2)
    for wrong in ("17:00", "17-19", "25:00-26:00", "17:00 19:00", "17:00-19:00-21:00"):
        with pytest.raises(ValueError, match=r"."):
            window_of(wrong)
