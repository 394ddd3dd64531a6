"""What kept an entity from being in time."""

import pytest

from scenarios.load.bounds import (
    HOST,
    HOT,
    NOTHING,
    OUTAGE,
    QUOTA,
    REFUSALS,
    SERVICE,
    Bound,
    Seen,
    binding,
    bounds,
)
from scenarios.load.results import DoorRow, LoadRun, Outage, SampleRow
from scenarios.load.truth import Answers, Share, Truth
from tests.scenarios.load.a_run import ACCOUNTS, CUTOFF_MS, profile

ERP = "erp-emea-1"


def a_truth(*, de01: int = 50, gb01: int = 50, refused: int = 0) -> Truth:
    """Two entities that waited at the cut-off, and a thousand items of which some were refused."""
    run = LoadRun(kind="live", profile=profile())
    shares = [Share("DE01", "EMEA", CUTOFF_MS), Share("GB01", "EMEA", CUTOFF_MS)]
    for share, waiting in zip(shares, (de01, gb01), strict=True):
        share.backlog_at_cutoff = waiting
    answers = [Answers("all", 10, 1_000)]
    return Truth(run, Share("all"), [], shares, answers=answers, refusals={"503": refused}, grace_ms=10_000)


def served(calls: int, seconds: range = range(100), rows: int = 0) -> list[DoorRow]:
    """So many posting calls in each of these seconds."""
    return [DoorRow(at * 1_000, ERP, "post", "served", calls, rows) for at in seconds]


def sample(at_ms: int, busy_ms: int) -> SampleRow:
    return SampleRow(at_ms, 0, 0, 0, 0, busy_ms, 0, 0, 0, 0, 0, 0)


def of(name: str, seen: Seen, found: Truth | None = None) -> Bound | None:
    """What is known of one suspect."""
    return next((one for one in bounds("DE01", found or a_truth(), seen) if one.name == name), None)


def test_a_quota_binds_where_a_window_was_full() -> None:
    """Calls in the fullest window against the quota times the factor; other accounts, logins and refusals apart."""
    quota = profile().scenario.world.erp.quota
    assert quota is not None
    half_of_it = quota.calls * 20 // 2
    window_s = quota.window_ms // 1_000
    other = [DoorRow(0, "erp-apac-1", "post", "served", 10**6, 0), DoorRow(0, ERP, "login", "served", 10**6, 0)]
    full = of(
        QUOTA, Seen(profile(), [*served(half_of_it, range(0, window_s, window_s - 1)), *other], accounts=ACCOUNTS)
    )
    half = of(
        QUOTA, Seen(profile(), [*served(half_of_it, range(0, 2 * window_s, window_s)), *other], accounts=ACCOUNTS)
    )
    assert full is not None
    assert half is not None
    assert (full.binds, full.used_ppm) == (True, 1_000_000)
    assert not half.binds
    assert f"({quota.calls} x 20)" in full.arithmetic


def test_a_call_that_was_turned_away_proves_the_quota() -> None:
    """Whatever was counted: the ERP itself said that it was too much."""
    rows = [*served(1), DoorRow(5_000, ERP, "post", "throttled", 1, 10)]
    found = of(QUOTA, Seen(profile(), rows, accounts=ACCOUNTS))
    assert found is not None
    assert found.binds


def test_time_to_serve_binds_where_all_calls_are_always_out() -> None:
    """The mean of a log-normal with 400 ms at the median and 4 s at p99 is 653 ms, so eight at once serve twelve."""
    busy = of(SERVICE, Seen(profile(), served(13), accounts=ACCOUNTS))
    idle = of(SERVICE, Seen(profile(), served(6), accounts=ACCOUNTS))
    assert busy is not None
    assert idle is not None
    assert (busy.binds, idle.binds) == (True, False)
    assert "653 ms a call" in busy.arithmetic


@pytest.mark.parametrize(("de01", "hot"), [(60, True), (40, False)])
def test_an_entity_is_hot_that_holds_most_of_what_waits(de01: int, hot: bool) -> None:
    """More than half of what waited at its account at the cut-off, and never more than a limit that binds everybody."""
    found = of(HOT, Seen(profile(), accounts=ACCOUNTS), a_truth(de01=de01, gb01=100 - de01))
    assert found is not None
    assert found.binds is hot
    assert binding([Bound(QUOTA, 1_000_000, ""), found]).name == QUOTA


@pytest.mark.parametrize(("refused", "binds"), [(10, True), (9, False)])
def test_our_own_refusals_bind_at_one_item_in_a_hundred(refused: int, binds: bool) -> None:
    """429 and 503 are bounds of the runtime, not of the world."""
    found = of(REFUSALS, Seen(profile(), accounts=ACCOUNTS), a_truth(refused=refused))
    assert found is not None
    assert found.binds is binds


@pytest.mark.parametrize(("busy_ms", "binds"), [(340_000, True), (200_000, False)])
def test_the_machine_binds_where_its_cores_had_no_rest(busy_ms: int, binds: bool) -> None:
    """Core seconds while load arrived, of all cores together."""
    seen = Seen(profile(), (), [sample(-5_000, 0), sample(0, 1_000), sample(180_000, 1_000 + busy_ms)], cores=2)
    found = of(HOST, seen)
    assert found is not None
    assert found.binds is binds


def test_an_outage_binds_that_lasted_into_the_grace() -> None:
    """One that was over at half-time left time to drain."""
    late = Outage(kind="maintenance", what=ERP, from_ms=100_000, until_ms=CUTOFF_MS)
    early = Outage(kind="maintenance", what=ERP, from_ms=50_000, until_ms=90_000)
    elsewhere = Outage(kind="maintenance", what="erp-apac-1", from_ms=50_000, until_ms=CUTOFF_MS)
    binds = [of(OUTAGE, Seen(profile(), outages=(one,), accounts=ACCOUNTS)) for one in (late, early, elsewhere)]
    assert [one and one.binds for one in binds] == [True, False, None]


def test_where_nothing_was_used_up_that_is_said() -> None:
    """And which of the suspects was used most."""
    told = binding([Bound(QUOTA, 300_000, ""), Bound(SERVICE, 500_000, "")])
    assert told.name == NOTHING
    assert SERVICE in told.arithmetic
    assert binding([]).name == NOTHING
