"""The forecast: when what waits will have landed, at what was seen and at what is allowed, against the cut-off."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from runtime.core.account import AccountPolicy
from runtime.core.model import Place
from runtime.drivers.reporting import absent
from runtime.forecast import ForecastPolicy, Outlook, Way, cut_off_of, look
from runtime.ports import AccountReport, Clearing, Forecast, Owner, PartitionReport, Pile, Work

MINUTE_MS = 60_000
STRETCH_MS = 15_000
"""A twentieth of the window of the account below."""
HOUR_MS = 60 * MINUTE_MS
START_MS = 100 * HOUR_MS
LOOK_MS = 2_000
POLICY = ForecastPolicy()
WAY = Way("erp", batch_max=100, calls_max=8, concurrent_max=8)
WINDOW_MS = 5 * MINUTE_MS
MARGIN_MS = AccountPolicy("").quota_margin_ms
ERP = AccountReport("erp", "h1", "open", 0, 0, 600, 0, WINDOW_MS - MARGIN_MS, 0, {})
"""With our margin its windows are five minutes long."""


def a_report(waits: int, entity: str = "DE01", **changes: object) -> PartitionReport:
    """A partition that runs, with so much in flight and in the queue."""
    plain = absent(entity, "emea", Owner(entity, 1, "h1", "", 0), "running", START_MS)
    places = {Place.IN_FLIGHT: Pile(waits, Decimal(waits), {})}
    return replace(plain, places=places, queued=waits, **changes)  # type: ignore[arg-type]  # those of the caller


def paced(
    per_minute: Callable[[int], int],
    minutes: int,
    waits: int,
    *,
    call_ms: int = 1_000,
    cut_off_ms: int | None = None,
    account: Callable[[int], AccountReport] = lambda minute: ERP,
    start: Outlook = Outlook(),  # noqa: B008  # a frozen value
    began_ms: int = START_MS,
    **changes: object,
) -> Outlook:
    """The outlook after so many minutes in which `per_minute(minute)` versions land, and `waits` wait all the time."""
    outlook, work = start, Work()
    for at_ms in range(began_ms, began_ms + minutes * MINUTE_MS + 1, LOOK_MS):
        minute = (at_ms - began_ms) // MINUTE_MS
        report = a_report(waits, at_ms=at_ms, work=work, cut_off_ms=cut_off_ms, **changes)
        outlook = look(outlook.memory, [report], [account(minute)], {"DE01": WAY}, POLICY)
        landed = per_minute(minute) * LOOK_MS // MINUTE_MS
        calls = -(-landed // WAY.batch_max)
        work = Work(work.landed + landed, work.calls + calls, work.rows + landed, work.call_ms + calls * call_ms)
    return outlook


def only(outlook: Outlook) -> Forecast:
    """The one forecast."""
    (one,) = outlook.forecasts
    return one


def current(outlook: Outlook) -> Clearing:
    """The one forecast's clearing at the current rate, which is known."""
    clearing = only(outlook).current
    assert clearing is not None
    return clearing


def permitted(outlook: Outlook) -> Clearing:
    """The same at the permitted rate."""
    clearing = only(outlook).permitted
    assert clearing is not None
    return clearing


def edges(clearing: Clearing) -> tuple[int, int, int]:
    """Early, expected, late; all of them are known."""
    found = [one for one in (clearing.early_ms, clearing.expected_ms, clearing.late_ms) if one is not None]
    assert len(found) == 3
    return found[0], found[1], found[2]


def test_a_steady_rate_clears_in_backlog_over_rate() -> None:
    """6,000 a minute and 60,000 waiting take ten minutes, and without variation the band has no width."""
    outlook = paced(lambda minute: 6_000, 5, 60_000)

    in_ten = only(outlook).at_ms + 10 * MINUTE_MS
    assert current(outlook).per_hour == 360_000
    assert current(outlook).early_ms == current(outlook).expected_ms == current(outlook).late_ms == in_ten


def test_the_band_follows_the_variation() -> None:
    """A rate that goes up and down keeps its expectation and gets a band around it, the wider the less steady it is."""
    mild = current(paced(lambda minute: 6_000 + 600 * (-1) ** minute, 4, 60_000))
    wild = current(paced(lambda minute: 6_000 + 3_000 * (-1) ** minute, 4, 60_000))

    assert mild.expected_ms == wild.expected_ms
    (mild_early, _, mild_late), (wild_early, expected, wild_late) = edges(mild), edges(wild)
    assert wild_early < mild_early < expected < mild_late < wild_late


def test_bursts_of_a_quota_are_looked_at_by_whole_windows() -> None:
    """A quota that is used up in a minute of five is a steady rate once three windows were seen; before, a wild one."""
    wild = edges(current(paced(lambda minute: 30_000 if minute % 5 == 0 else 0, 10, 60_000)))
    steady = current(paced(lambda minute: 30_000 if minute % 5 == 0 else 0, 20, 60_000))

    assert wild[2] - wild[0] > 4 * (edges(steady)[2] - edges(steady)[0])
    assert steady.per_hour == pytest.approx(360_000, rel=0.1)


def test_what_a_quota_lets_through_comes_a_window_earlier_or_later() -> None:
    """Bursts leave when a window frees: the band is one of it either way, and none where the rest of it is enough."""
    bound = after_calls({"DE01": 100_000})["DE01"].permitted
    free = after_calls({"DE01": 10_000}, call_ms=1_000)["DE01"].permitted

    assert bound is not None
    assert free is not None
    early_ms, expected_ms, late_ms = edges(bound)
    assert (max(0, expected_ms - WINDOW_MS - early_ms), late_ms - expected_ms) == (0, WINDOW_MS)
    assert len(set(edges(free))) == 1


def test_a_rate_that_may_as_well_be_nought_has_no_late_edge() -> None:
    """One burst among many empty stretches: expected some day, and possibly never."""
    outlook = paced(lambda minute: 6_000 if minute == 2 else 0, 6, 3_000)

    assert current(outlook).expected_ms is not None
    assert current(outlook).late_ms is None


def test_nothing_is_told_before_enough_was_seen() -> None:
    """Two stretches are no rate; what is permitted needs no experience."""
    outlook = paced(lambda minute: 6_000, 0, 6_000)

    assert only(outlook).current is None
    assert only(outlook).permitted is not None


def test_nothing_waits_and_it_has_cleared() -> None:
    """An empty backlog clears now, whatever the rate, also in an outage, and in time."""
    broken = replace(ERP, mode="broken")
    outlook = paced(lambda minute: 0, 1, 0, cut_off_ms=START_MS + HOUR_MS, account=lambda minute: broken)

    for clearing in (current(outlook), permitted(outlook)):
        assert clearing.early_ms == clearing.expected_ms == clearing.late_ms == only(outlook).at_ms
        assert clearing.in_time == "yes"


@pytest.mark.parametrize("mode", ["broken", "logged_out", "locked_out"])
def test_in_an_outage_it_never_clears_at_the_current_rate(mode: str) -> None:
    """Nobody knows when an outage ends, whatever landed before; at best the next probe or login ends it."""
    probe_ms = START_MS + 20 * MINUTE_MS
    out = replace(ERP, mode=mode, until_ms=probe_ms)
    outlook = paced(lambda minute: 6_000, 5, 60_000, account=lambda minute: out if minute == 5 else ERP)

    assert (current(outlook).early_ms, current(outlook).expected_ms, current(outlook).late_ms) == (None, None, None)
    assert only(outlook).held_by == f"account erp: {mode}"
    assert edges(permitted(outlook))[0] > probe_ms


def test_a_silent_erp_uses_the_rate_up() -> None:
    """Nothing lands though the account counts as open: after five minutes of that, and a window of the quota, never."""
    before = paced(lambda minute: 6_000, 5, 60_000)
    after = paced(lambda minute: 0, 6, 60_000, start=before, began_ms=START_MS + 5 * MINUTE_MS)

    assert current(before).expected_ms is not None
    assert current(after).expected_ms is None
    assert current(after).per_hour == 0


def test_a_maintenance_shifts_by_what_is_left_of_it() -> None:
    """Closed for 30 minutes with ten minutes of work: 40 minutes, at the rate of before, however long it lasts."""
    until_ms = START_MS + 65 * MINUTE_MS
    shut = replace(ERP, mode="maintenance", until_ms=until_ms)
    before = paced(lambda minute: 6_000, 5, 60_000)
    outlook = paced(
        lambda minute: 0, 30, 60_000, account=lambda minute: shut, start=before, began_ms=START_MS + 5 * MINUTE_MS
    )

    assert only(outlook).at_ms == until_ms - 30 * MINUTE_MS
    assert current(outlook).expected_ms == until_ms + 10 * MINUTE_MS
    assert edges(permitted(outlook))[0] > until_ms


def test_a_paused_entity_never_clears() -> None:
    """At neither rate, since only a person lets it go on."""
    outlook = paced(lambda minute: 0, 1, 100, paused="anna: repair")

    assert current(outlook).expected_ms is None
    assert permitted(outlook).expected_ms is None
    assert only(outlook).held_by == "paused"


@pytest.mark.parametrize(("cut_off_min", "said"), [(60, "yes"), (10, "likely"), (9, "unlikely"), (1, "no"), (-1, "no")])
def test_it_is_said_whether_that_is_before_the_cut_off(cut_off_min: int, said: str) -> None:
    """Yes with the whole band, likely with the expectation, unlikely with the early edge, no with none of it."""
    steady = paced(lambda minute: 6_000 + 3_000 * (-1) ** minute, 4, 60_000)
    cut_off_ms = only(steady).at_ms + cut_off_min * MINUTE_MS
    outlook = paced(lambda minute: 6_000 + 3_000 * (-1) ** minute, 4, 60_000, cut_off_ms=cut_off_ms)

    assert current(outlook).in_time == said


def test_without_a_cut_off_nothing_is_late() -> None:
    """It clears when it clears."""
    assert current(paced(lambda minute: 0, 5, 60_000)).in_time == ""


def test_a_trickle_says_nothing_of_a_burst() -> None:
    """Once more waits than a call carries, only such stretches count; the trickle before them does not."""
    trickle = paced(lambda minute: 30, 5, 10)
    outlook = paced(lambda minute: 6_000, 1, 6_000, start=trickle, began_ms=START_MS + 5 * MINUTE_MS)

    assert current(trickle).per_hour == 30 * 60
    assert current(outlook).per_hour == 360_000


def test_another_life_counts_from_nought() -> None:
    """After a restart the counters begin again: no rate is made of the difference, and what was seen is kept."""
    before = paced(lambda minute: 6_000, 5, 60_000)
    restarted = paced(lambda minute: 6_000, 5, 60_000, start=before, began_ms=START_MS + 5 * MINUTE_MS, epoch=2)

    assert current(restarted).per_hour == 360_000
    assert current(restarted).early_ms == current(restarted).late_ms


def test_who_does_not_run_has_no_forecast_and_is_remembered() -> None:
    """A partition that recovers is not looked at, and knows its rate when it is back."""
    before = paced(lambda minute: 6_000, 5, 60_000)
    away = look(before.memory, [a_report(60_000, state="recovering")], [ERP], {"DE01": WAY}, POLICY)
    back = a_report(60_000, at_ms=START_MS + HOUR_MS, epoch=2)

    assert away.forecasts == ()
    assert current(look(away.memory, [back], [ERP], {"DE01": WAY}, POLICY)).per_hour == 360_000


# ------------------------------------------------------------------ what is permitted


def after_calls(
    waits: Mapping[str, int],
    account: AccountReport = ERP,
    call_ms: int = 1_000,
    way: Way = WAY,
    paused: Sequence[str] = (),
) -> Mapping[str, Forecast]:
    """Entity to its forecast after calls of that length were seen, with so much waiting now."""
    ways = dict.fromkeys(waits, way)
    outlook = Outlook()
    for step in range(6):
        work = Work(landed=step * 100, calls=step, rows=step * way.batch_max, call_ms=step * call_ms)
        reports = [
            a_report(
                count,
                entity,
                at_ms=START_MS + step * STRETCH_MS,
                work=work,
                paused="anna: repair" if entity in paused else "",
            )
            for entity, count in waits.items()
        ]
        outlook = look(outlook.memory, reports, [account], ways, POLICY)
    return {one.entity: one for one in outlook.forecasts}


def takes_ms(forecast: Forecast) -> int:
    """How long it takes at the permitted rate."""
    assert forecast.permitted is not None
    return edges(forecast.permitted)[1] - forecast.at_ms


@pytest.mark.parametrize(
    ("rows", "account", "call_ms", "way", "expected_ms", "bound"),
    [
        # 1,000 calls: 600 are left, the other 400 come at 2 a second.
        (100_000, ERP, 1_000, WAY, 200_000, "quota"),
        # the same with 300 used: 300 are left
        (100_000, replace(ERP, quota_used=300), 1_000, WAY, 350_000, "quota"),
        # 1,000 calls of 4 s on 8 slots
        (100_000, ERP, 4_000, WAY, 500_000, "concurrent_max"),
        # the entity may have 2 of them only
        (100_000, ERP, 4_000, replace(WAY, calls_max=2), 2_000_000, "calls_max"),
        # one call takes its time
        (5, ERP, 4_000, WAY, 4_000, "concurrent_max"),
    ],
)
def test_the_permitted_rate_is_quota_or_slots(
    rows: int, account: AccountReport, call_ms: int, way: Way, expected_ms: int, bound: str
) -> None:
    """What is left of the quota goes at once, the rest as it refills; slots turn over as fast as calls are answered."""
    forecast = after_calls({"DE01": rows}, account, call_ms, way)["DE01"]

    assert (takes_ms(forecast), forecast.bound_by) == (expected_ms, bound)


@pytest.mark.parametrize(
    ("waits", "call_ms", "way", "expected"),
    [
        ({"DE01": 100_000}, 1_000, WAY, 7_200 * 100),  # 600 calls in 5 min
        ({"DE01": 100_000}, 4_000, WAY, 7_200 * 100),  # 8 slots are 2 calls a second, as many as the quota
        ({"DE01": 100_000}, 8_000, WAY, 3_600 * 100),  # half as many
        ({"DE01": 100_000}, 4_000, replace(WAY, calls_max=2), 1_800 * 100),
        ({"DE01": 100_000, "FR01": 1}, 1_000, WAY, 3_600 * 100),  # half of it is the other's
    ],
)
def test_the_permitted_rate_is_what_can_be_kept_up(
    waits: Mapping[str, int], call_ms: int, way: Way, expected: int
) -> None:
    """Rows in an hour at the refill of the quota or with the slots there are, whichever is less; shared."""
    forecast = after_calls(waits, call_ms=call_ms, way=way)["DE01"]

    assert forecast.permitted is not None
    assert forecast.permitted.per_hour == expected


def test_calls_that_vary_give_the_permitted_rate_a_band() -> None:
    """The fullest and quickest calls are the early edge, the emptiest and slowest the late one."""
    outlook = Outlook()
    work = Work()
    for step in range(8):
        report = a_report(10_000, at_ms=START_MS + step * STRETCH_MS, work=work)
        outlook = look(outlook.memory, [report], [ERP], {"DE01": WAY}, POLICY)
        work = Work(work.landed + 50, work.calls + 1, work.rows + 40 + 20 * (step % 2), work.call_ms + 8_000)

    early_ms, expected_ms, late_ms = edges(permitted(outlook))
    assert expected_ms - only(outlook).at_ms == pytest.approx(10_000 / 50 * 1_000, rel=0.05)
    assert early_ms < expected_ms < late_ms


def test_who_shares_an_account_is_served_in_turn() -> None:
    """The small one is through when each had so many calls; the large one has the account alone afterwards."""
    spent = replace(ERP, quota_used=600)
    shared = after_calls({"DE01": 10_000, "FR01": 30_000}, spent)

    assert takes_ms(shared["DE01"]) == (100 + 100) * 500
    assert takes_ms(shared["FR01"]) == (100 + 300) * 500
    assert takes_ms(after_calls({"DE01": 10_000}, spent)["DE01"]) == 100 * 500


def test_who_is_paused_or_has_nothing_leaves_its_calls_to_the_others() -> None:
    """A neighbour that asks for nothing shares nothing."""
    spent = replace(ERP, quota_used=600)

    paused = after_calls({"DE01": 10_000, "FR01": 30_000}, spent, paused=["FR01"])
    idle = after_calls({"DE01": 10_000, "FR01": 0}, spent)

    assert takes_ms(paused["DE01"]) == takes_ms(idle["DE01"]) == 100 * 500
    assert idle["DE01"].permitted == after_calls({"DE01": 10_000}, spent)["DE01"].permitted


def test_without_its_owner_nobody_knows_what_an_account_permits() -> None:
    """No report of the account: no permitted clearing, and never at the current rate."""
    outlook = look({}, [a_report(100)], [], {"DE01": WAY}, POLICY)

    assert only(outlook).permitted is None
    assert only(outlook).held_by == "nobody owns its account yet"


def test_calls_that_come_back_half_empty_make_the_permitted_rate_smaller() -> None:
    """Rows that cannot go in one call under load are not counted on; what was seen without load says nothing of it."""
    half = Outlook()
    for step in range(6):
        work = Work(landed=step * 500, calls=step * 10, rows=step * 500, call_ms=step * 10)
        report = a_report(100_000, at_ms=START_MS + step * STRETCH_MS, work=work)
        half = look(half.memory, [report], [replace(ERP, quota_used=600)], {"DE01": WAY}, POLICY)

    assert takes_ms(only(half)) == 2_000 * 500


# ------------------------------------------------------------------ the cut-off


@pytest.mark.parametrize(
    ("known", "oldest_ms", "expected_ms"),
    [
        ((), None, None),
        ((50, 150, 250), None, 150),  # the next one to come
        ((50, 150, 250), 40, 50),  # work that missed its own
        ((50, 150, 250), 60, 150),
        ((50,), 60, None),  # approved after the last one that is known
    ],
)
def test_the_cut_off_is_that_of_the_oldest_work(
    known: Sequence[int], oldest_ms: int | None, expected_ms: int | None
) -> None:
    """The first after its approval, also when it is over; without work the first that is to come."""
    assert cut_off_of(known, oldest_ms, 100) == expected_ms
