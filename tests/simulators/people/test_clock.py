"""Deadlines press as the law says, and local hours are what they are on the wall."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from simulators.firm.build import build_firm, instant_ms
from simulators.firm.draws import keys_of, mixed
from simulators.firm.settings import EntitySpec, FirmSettings
from simulators.people.clock import MINUTE_MS, EntityClock, wait_ms
from simulators.people.parameters import PeopleSettings

DRAWS = 200_000


def clock_of(zone: str = "Europe/Berlin", month: str = "2026-03", **settings: int) -> EntityClock:
    spec = EntitySpec(code="DE01", region="EMEA", country="DE", currency="EUR", zone=zone)
    firm = build_firm(FirmSettings(consultants=1, entities=(spec,), month=month), 1)
    return EntityClock(firm, firm.entities[0], PeopleSettings(**settings), seed=1)


def many_keys() -> np.ndarray:
    return mixed(np.repeat(keys_of(1, "test", ["x"]), DRAWS), np.arange(DRAWS))


def test_submissions_press_towards_the_deadline_as_the_law_says():
    """With five working days to go, half come on the last day, 11.8 % in the last hour, 0.233 % in the last minute."""
    clock = clock_of()
    at = clock.by_submit_deadline(np.zeros(DRAWS, dtype=np.int64), many_keys())
    left = clock.submit_due_ms - at

    assert left.min() > 0
    assert (left <= 480 * MINUTE_MS).mean() == pytest.approx(0.505, abs=0.01)
    assert (left <= 60 * MINUTE_MS).mean() == pytest.approx(0.118, abs=0.005)
    assert (left <= MINUTE_MS).mean() == pytest.approx(0.00233, abs=0.0005)


def test_approvals_press_harder_within_their_last_day():
    """With one working day to go, 38.6 % of the approvals come in the last hour and 1.15 % in the last minute."""
    clock = clock_of()
    at = clock.by_approve_deadline(np.zeros(DRAWS, dtype=np.int64), many_keys())
    left = clock.approve_due_ms - at

    assert left.min() > 0
    assert left.max() <= 480 * MINUTE_MS + 1
    assert (left <= 60 * MINUTE_MS).mean() == pytest.approx(0.386, abs=0.01)
    assert (left <= MINUTE_MS).mean() == pytest.approx(0.0115, abs=0.001)


def test_stress_sharpens_the_peak():
    """With W/tau = 160 the last hour holds 31.7 % of the submissions and the last minute 1.27 %."""
    clock = clock_of(w_over_tau_percent=16_000)
    left = clock.submit_due_ms - clock.by_submit_deadline(np.zeros(DRAWS, dtype=np.int64), many_keys())

    assert (left <= 60 * MINUTE_MS).mean() == pytest.approx(0.317, abs=0.01)
    assert (left <= MINUTE_MS).mean() == pytest.approx(0.0127, abs=0.001)


def test_nobody_approves_what_is_not_there_yet():
    """A pile that is complete ten minutes before the deadline is decided within these ten minutes."""
    clock = clock_of()
    ready = np.full(DRAWS, clock.approve_due_ms - 10 * MINUTE_MS)

    assert (clock.by_approve_deadline(ready, many_keys()) >= ready - 1).all()


def test_a_deadline_on_a_weekend_presses_on_the_friday_before():
    """31 January 2026 is a Saturday: the cut-off is then, and people decide until Friday at six."""
    clock = clock_of(month="2026-01")

    assert clock.cutoff_ms == instant_ms(date(2026, 1, 31), time(18), "Europe/Berlin")
    assert clock.approve_due_ms == instant_ms(date(2026, 1, 30), time(18), "Europe/Berlin")
    assert clock.submit_due_ms == instant_ms(date(2026, 1, 30), time(15), "Europe/Berlin")


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Australia/Adelaide"])
def test_local_hours_follow_the_wall_also_when_clocks_change(zone):
    """Every hour of the month is the local hour it says, but for the one that a clock change leaves out."""
    clock = clock_of(zone)
    wrong = 0
    for hour in range(clock.days * 24):
        local = datetime.fromtimestamp(int(clock.hours[hour]) / 1000, UTC).astimezone(ZoneInfo(zone))
        wrong += (local.date(), local.hour) != (clock.day(hour // 24), hour % 24)
    assert wrong <= 1
    assert (np.diff(clock.hours) >= 0).all()


def test_waits_for_approval_are_bimodal_as_measured():
    """A quarter within 48 s, half within 1.8 h, a quarter longer than 43 h (BPI Challenge 2020)."""
    waits = wait_ms("approval_step_wait_seconds_q", np.array([0.25, 0.5, 0.75]))

    assert waits.tolist() == [48_000, 6_324_000, 156_501_000]


def test_submissions_follow_the_hour_of_week():
    """In a plain week Monday has more than Friday, nights next to nothing, and noon dips (BPI Challenge 2020)."""
    clock = clock_of(submit_cv_percent=0)
    first = np.full(DRAWS, 168 + 0)
    at = clock.submitted_between(first, first + 168, many_keys())
    hours = (np.searchsorted(clock.hours, at, side="right") - 1) % 168
    by_day = np.bincount(hours // 24, minlength=7) / DRAWS
    by_hour = np.bincount(hours % 24, minlength=24) / DRAWS

    assert by_day[0] == pytest.approx(0.22, abs=0.01)
    assert by_day[4] == pytest.approx(0.154, abs=0.01)
    assert by_hour[9:12].sum() == pytest.approx(0.35, abs=0.02)
    assert by_hour[12] < by_hour[11]
    assert by_hour[0:6].sum() < 0.02
