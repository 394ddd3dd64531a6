"""What a scenario promises, in run time."""

from typing import Any

import pytest

from scenarios.load.profile import LoadProfile, Shape
from scenarios.load.results import Outage
from scenarios.load.targets import Target, compressed_ms, grace, targets
from simulators.faults.network import LostReply
from simulators.systems.profiles.generic import GENERIC
from tests.scenarios.load.a_run import profile

AWAY = Outage(kind="maintenance_unannounced", what="erp-emea-1", from_ms=60_000, until_ms=100_000)
KILL = Outage(kind="killed", what="runtime", from_ms=60_000, until_ms=63_000)


def changed(**more: Any) -> LoadProfile:
    """The profile with another world: fields of the world by name."""
    made = profile()
    world = made.scenario.world.model_copy(update={"faults": (), **more})
    return made.model_copy(update={"scenario": made.scenario.model_copy(update={"world": world})})


def by_name(made: LoadProfile, *outages: Outage, versions: int = 10_000) -> dict[str, Target]:
    """Targets by the first words of their name."""
    return {one.name.removeprefix("approval to posting "): one for one in targets(made, outages, versions)}


def test_only_waiting_shrinks_with_the_factor() -> None:
    """What stays real is taken out of the promise, and put back after the rest was divided."""
    assert compressed_ms(20, 100_000, 24_000, "x")[0] == 24_000 + 76_000 // 20
    assert compressed_ms(1, 100_000, 24_000, "x")[0] == 100_000
    assert compressed_ms(20, 10_000, 24_000, "x")[0] == 24_000


def test_every_target_shows_its_arithmetic() -> None:
    """Both numbers of the division stand in it, and the sum behind the promise itself."""
    made = changed()
    p50 = by_name(made)["p50"]
    assert p50.most_ms == 24_002 + (made.scenario.slas.p50_s * 1_000 - 24_002) // 20
    assert "20 s linger + 4 s for a slow answer" in p50.arithmetic
    assert "/ 20" in p50.arithmetic
    assert made.scenario.slas.why["p50_s"] in p50.arithmetic


def test_a_tail_bears_a_doubt_where_doubts_may_fill_half_of_it() -> None:
    """One row in two hundred in doubt is half of what p99 leaves, and a tenth of what p95 does."""
    calm, doubtful = by_name(changed()), by_name(changed(faults=(LostReply(ppm=5_000),)))
    a_little = by_name(changed(faults=(LostReply(ppm=4_999),)))
    assert calm["p99"].most_ms == a_little["p99"].most_ms
    assert doubtful["p99"].most_ms is not None
    assert doubtful["p99"].most_ms > 330_000
    assert doubtful["p95"].most_ms == calm["p95"].most_ms


def test_a_kill_puts_what_was_on_the_wire_in_doubt() -> None:
    """The grace after a cut-off bears it always, a percentile where it is large against what was approved."""
    made = changed()
    assert grace(made, (KILL,))[0] > 330_000 > grace(made)[0]
    few, many = by_name(made, KILL, versions=1_000)["p99"], by_name(made, KILL, versions=10_000_000)["p99"]
    assert few.most_ms is not None
    assert many.most_ms is not None
    assert few.most_ms > many.most_ms


def test_only_where_there_is_an_outage_a_drain_is_promised() -> None:
    """And an outage makes no other promise longer: it shrinks with the factor, and so do probes."""
    calm, away = by_name(changed()), by_name(changed(), AWAY)
    assert set(away) - set(calm) == {"drain after an outage"}
    assert [away[name].most_ms for name in calm] == [calm[name].most_ms for name in calm]


def test_staging_stays_real() -> None:
    """An import job takes its time whatever the factor is."""
    staged = by_name(changed(erp=GENERIC["staging"]))["p99"]
    assert staged.most_ms is not None
    assert staged.most_ms > 600_000


def test_a_sustained_load_promises_answers_too() -> None:
    """A quarter of a second for one delivery in a hundred, and nowhere else."""
    steady = {one.name: one for one in targets(profile(shape=Shape.SUSTAINED, rows_per_s=100))}
    assert steady["answer to a delivery p99"].most_ms == 250
    assert "answer to a delivery p99" not in {one.name for one in targets(profile())}


@pytest.mark.parametrize("factor", [1, 20, 240])
def test_the_share_at_the_cut_off_is_that_of_the_scenario(factor: int) -> None:
    """Shares do not shrink; the time in which they are reached does."""
    made = profile(factor=factor)
    share = next(one for one in targets(made) if one.least_ppm is not None)
    assert share.least_ppm == made.scenario.slas.in_ledger_ppm
    assert f"{grace(made)[0] / 1000:,.1f}".removesuffix(".0") in share.name
