"""Counting a cut-off against the real core, row by row."""

from dataclasses import replace

import pytest

from scenarios.capacity.holdups import CLOSED, CONCURRENCY, NOTHING, PARTITION, QUOTA
from scenarios.capacity.rehearse import PartSeen, at_share, count, whole
from scenarios.capacity.search import least
from scenarios.capacity.setting import Setting, changed, now
from simulators.settings import MINUTE_MS, WorldSettings
from simulators.systems.erp_profile import ErpProfile, Staging
from tests.scenarios.capacity.worlds import LOSSY, QUARTER, SLOW, TIGHT

SEED = 2


def told(part: PartSeen) -> list[tuple[str, int, int | None, bool]]:
    """What is said of each entity."""
    return [(entity.entity, entity.rows, entity.clear_ms, entity.clear) for entity in part.entities]


@pytest.mark.parametrize("quota", [2, 3, 4, 6])
def test_without_misfortunes_counting_is_exact(quota: int) -> None:
    """Where nothing is lost, each entity is clear in the same second as with the real core, and waits as long."""
    setting = changed(now(TIGHT), "quota", quota)
    counted, real = count(TIGHT, setting, SEED, 0, QUARTER), whole(TIGHT, setting, SEED, 0, QUARTER)
    assert [entity.entity for entity in counted.entities] == [entity.entity for entity in real.entities]
    for one, other in zip(counted.entities, real.entities, strict=True):
        assert one.rows == other.rows
        assert one.clear_ms == pytest.approx(other.clear_ms, abs=1_000)
        assert one.clear == other.clear
    assert counted.accounts[0].binds == real.accounts[0].binds
    assert counted.accounts[0].fill == pytest.approx(real.accounts[0].fill, abs=0.02)


def test_lost_calls_are_doubted_and_sent_again_as_the_core_does_it() -> None:
    """With a fifth of the calls lost, counting and the core are a few minutes apart, and never in what they owe."""
    far = []
    for seed in (1, 2, 3):
        counted, real = (run(LOSSY, now(LOSSY), seed, 0, QUARTER) for run in (count, whole))
        assert sum(account.asks for account in counted.accounts) > 0
        for one, other in zip(counted.entities, real.entities, strict=True):
            assert one.rows == other.rows
            assert one.clear_ms is not None
            assert other.clear_ms is not None
            far.append((max(0, one.clear_ms) - max(0, other.clear_ms)) / MINUTE_MS)
    # A lost call costs ten minutes here, and chance loses others in the two.
    assert abs(sum(far) / len(far)) < 6


@pytest.mark.parametrize("seed", [1, 2])
def test_the_least_quota_is_that_of_brute_force(seed: int) -> None:
    """Bisection over counted runs finds what trying every quota with the real core finds."""

    def holds(quota: int) -> bool:
        return count(TIGHT, changed(now(TIGHT), "quota", quota), seed, 0, QUARTER).clear

    enough = [
        quota for quota in range(1, 7) if whole(TIGHT, changed(now(TIGHT), "quota", quota), seed, 0, QUARTER).clear
    ]
    found = least(holds, 1, 24, (6, 12))
    assert enough == list(range(enough[0], 7))
    assert (found.least, found.contrary) == (enough[0], None)


def test_half_the_least_concurrency_misses() -> None:
    """What was found is needed: one less misses, and so does half."""
    found = least(lambda number: count(SLOW, changed(now(SLOW), "concurrency", number), SEED, 0, QUARTER).clear, 1, 16)
    assert found.least is not None
    assert found.least >= 2
    for too_few in {found.least - 1, found.least // 2}:
        assert not count(SLOW, changed(now(SLOW), "concurrency", too_few), SEED, 0, QUARTER).clear
        assert not whole(SLOW, changed(now(SLOW), "concurrency", too_few), SEED, 0, QUARTER).clear


@pytest.mark.parametrize(
    ("world", "change", "binds"),
    [
        (TIGHT, {"quota": 2}, QUOTA),
        (TIGHT, {"quota": None}, NOTHING),
        (SLOW, {"concurrency": 1}, CONCURRENCY),
        (SLOW, {"concurrency": 16}, PARTITION),
        (TIGHT, {"quota": None, "maintenance": "17:30-19:30"}, CLOSED),
    ],
)
def test_what_binds_is_named(world: WorldSettings, change: dict[str, object], binds: str) -> None:
    """The cause of most of the waiting is the one that was made narrow, in counting and with the real core."""
    setting: Setting = replace(now(world), **change)  # type: ignore[arg-type]  # fields of a setting
    assert count(world, setting, SEED, 0, QUARTER).accounts[0].binds == binds
    assert whole(world, setting, SEED, 0, QUARTER).accounts[0].binds == binds


def test_staged_rows_stand_when_the_import_has_run() -> None:
    """An ERP that stages holds every entity back by its import, in counting as with the real core."""
    staged = TIGHT.model_copy(
        update={"erp": ErpProfile(name="staged", quota=None, staging=Staging(rejected_ppm=0, shortest_ms=500_000))}
    )
    counted, real = (run(staged, now(staged), SEED, 0, QUARTER) for run in (count, whole))
    latest = [max(entity.clear_ms or 0 for entity in part.entities) for part in (counted, real)]
    assert min(latest) > 500_000
    assert latest[0] == pytest.approx(latest[1], abs=100_000)


def test_the_same_question_has_the_same_answer() -> None:
    """A counted run depends on its arguments alone."""
    setting = now(LOSSY)
    assert told(count(LOSSY, setting, SEED, 0, QUARTER)) == told(count(LOSSY, setting, SEED, 0, QUARTER))


def test_a_share_is_reached_with_the_row_that_makes_it_up() -> None:
    """99.5 % of 200 rows stand with the 199th; what never stood is never reached; nothing due is there at once."""
    late = [(-5, 100), (10, 98), (20, 1), (30, 1)]
    assert at_share(late, 200, 995_000) == 20
    assert at_share(late, 200, 1_000_000) == 30
    assert at_share(late[:2], 200, 995_000) is None
    assert (at_share([], 0, 995_000) or 0) < 0
