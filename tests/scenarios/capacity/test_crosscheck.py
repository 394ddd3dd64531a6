"""Queueing theory beside the counting."""

from dataclasses import replace

import pytest

from scenarios.capacity.crosscheck import by_legal_entity, clears_ms, flows, least_by_theory, stationary_wait_s
from scenarios.capacity.rehearse import count, month_of, service_of
from scenarios.capacity.search import least
from scenarios.capacity.setting import changed, now
from simulators.faults.maintenance import MaintenanceAnnounced
from simulators.settings import HOUR_MS
from tests.scenarios.capacity.worlds import LOSSY, QUARTER, SLOW, TIGHT

SEED = 2


def test_where_calls_are_full_theory_and_counting_agree() -> None:
    """An account that serves row by row has no half-full calls: the least concurrency differs by one at the most."""
    (flow,) = flows(SLOW, SEED, month_of(SLOW, SEED, 0))
    by_theory = least_by_theory([flow], lambda _: SLOW, now(SLOW), "concurrency", (1, 16), QUARTER)
    counted = least(lambda n: count(SLOW, changed(now(SLOW), "concurrency", n), SEED, 0, QUARTER).clear, 1, 16).least
    assert by_theory is not None
    assert counted is not None
    assert abs(by_theory - counted) <= 1


def test_full_calls_are_the_least_that_theory_asks_for() -> None:
    """Calls that are half full need a larger quota, and the counted one lies at or above that of full calls."""
    (flow,) = flows(TIGHT, SEED, month_of(TIGHT, SEED, 0))
    full, half = (
        least_by_theory([flow], lambda _: TIGHT, now(TIGHT), "quota", (1, 48), QUARTER, fill) for fill in (1.0, 0.5)
    )
    counted = least(lambda n: count(TIGHT, changed(now(TIGHT), "quota", n), SEED, 0, QUARTER).clear, 1, 48).least
    assert full is not None
    assert half is not None
    assert counted is not None
    assert full <= counted
    assert full < half


def test_a_closed_erp_serves_nothing() -> None:
    """With maintenance until two hours after the cut-off nobody is clear before it ends."""
    world = TIGHT.model_copy(update={"faults": (MaintenanceAnnounced(day="last", at="17:00", lasts_ms=3 * HOUR_MS),)})
    (flow,) = flows(world, SEED, month_of(world, SEED, 0))
    late = clears_ms(flow, world, now(world), QUARTER.share_ppm)
    assert max(ms or 0 for ms in late.values()) >= 2 * HOUR_MS


def test_lost_calls_cost_capacity_and_time() -> None:
    """A world that loses a fifth of its calls is clear later than one that loses none."""
    latest = []
    for world in (TIGHT, LOSSY):
        (flow,) = flows(world, SEED, month_of(world, SEED, 0))
        latest.append(max(ms or 0 for ms in clears_ms(flow, world, now(world), QUARTER.share_ppm).values()))
    assert latest[0] < latest[1]


def test_the_random_part_is_that_of_the_narrower_limit() -> None:
    """A quota is one place that is free again after a fixed time; without it the places and their times count."""
    (flow,) = flows(TIGHT, SEED, month_of(TIGHT, SEED, 0))
    service = service_of(TIGHT, 10)
    wide = replace(now(TIGHT), quota=60)
    by_quota = stationary_wait_s(flow, wide, service)
    by_places = stationary_wait_s(flow, replace(wide, quota=None), service)
    assert 0 < by_places < by_quota
    assert stationary_wait_s(flow, replace(wide, quota=1), service) == 0.0


def test_a_legal_entity_is_clear_with_its_last_partition() -> None:
    """Partitions are put together by the latest, and one that never is makes it never."""
    assert by_legal_entity({"DE01.1": 5, "DE01.2": 9, "NO01": 3}) == {"DE01": 9, "NO01": 3}
    assert by_legal_entity({"DE01.1": 5, "DE01.2": None}) == {"DE01": None}


def test_the_flow_has_every_row_that_arrives() -> None:
    """What is counted and what theory is told are the same rows."""
    month = month_of(TIGHT, SEED, 0)
    (flow,) = flows(TIGHT, SEED, month)
    due = sum(entity.rows for entity in count(TIGHT, now(TIGHT), SEED, 0, QUARTER).entities)
    told = sum(sum(rows) for rows in flow.rows.values())
    assert told == pytest.approx(due, rel=0.25)
    assert told >= due * 0.9
