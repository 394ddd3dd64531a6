"""A plan: settings and months together."""

import json
from dataclasses import replace

import pytest

from scenarios.capacity.page import page
from scenarios.capacity.plan import HOSTS, Plan, Question, Search, answer, answered
from scenarios.capacity.rehearse import Promise, count, whole
from scenarios.capacity.setting import Setting, changed, now
from scenarios.capacity.told import notes, sentence, to_json
from scenarios.capacity.validation import compared, pairs, tasks_of
from simulators.settings import WorldSettings
from tests.scenarios.capacity.worlds import LOSSY, QUARTER, SLOW, TIGHT

SEEDS = (1, 2)
QUOTA, CONCURRENCY = Search("quota", 1, 24), Search("concurrency", 1, 16)


def asked(
    world: WorldSettings,
    *searches: Search,
    settings: tuple[Setting, ...] = (),
    promise: Promise = QUARTER,
    host_rows: int = 15_000,
) -> Question:
    """A question about a small world."""
    return Question("small", world, settings or (now(world),), SEEDS, promise, searches, host_rows)


def planned(question: Question) -> Plan:
    """Its plan, in this process."""
    return answered(question, lambda tasks: map(answer, tasks))


@pytest.fixture(scope="module")
def tight() -> Plan:
    """The plan of the tight world."""
    return planned(asked(TIGHT, CONCURRENCY, QUOTA))


def test_the_answer_is_enough_in_every_month_and_one_less_is_not(tight: Plan) -> None:
    """The least quota of the plan holds with the real core under every seed, and one less misses under one."""
    (row,) = tight.rows
    finding = row.findings[1]
    assert finding.knob == "quota"
    assert finding.least is not None

    def months(quota: int) -> int:
        return sum(whole(TIGHT, changed(now(TIGHT), "quota", quota), seed, 0, QUARTER).clear for seed in SEEDS)

    assert months(finding.least) == len(SEEDS)
    assert months(finding.least - 1) == finding.below < len(SEEDS)
    assert months(finding.least // 2) == finding.half
    assert (finding.band.least, finding.band.most) == (2, finding.least)


def test_curves_rise_and_drain_falls(tight: Plan) -> None:
    """More quota clears no fewer entities and no later; the present setting is a point of the curve."""
    finding = tight.rows[0].findings[1]
    clear = [point.clear_ppm.least or 0 for point in finding.curve]
    last = [point.last_clear_min.most or 0 for point in finding.curve]
    assert clear == sorted(clear)
    assert last == sorted(last, reverse=True)
    assert now(TIGHT).quota in [point.number for point in finding.curve]
    assert finding.contrary == ()


def test_concurrency_is_searched_at_the_quota_that_is_enough() -> None:
    """Where the present quota binds, the least concurrency is told at the one that was found."""
    narrow = replace(now(TIGHT), quota=2)
    row = planned(asked(TIGHT, CONCURRENCY, QUOTA, settings=(narrow,))).rows[0]
    concurrency, quota = row.findings
    assert row.in_time < len(SEEDS)
    assert quota.least is not None
    assert quota.least > 2
    assert (concurrency.least, concurrency.at.quota) == (1, quota.least)


def test_no_number_in_the_range_is_said_and_what_binds() -> None:
    """A range that is too low is not met, and the plan says so."""
    plan = planned(asked(TIGHT, Search("quota", 1, 2), settings=(replace(now(TIGHT), quota=1),)))
    assert not plan.met
    assert plan.rows[0].findings[0].least is None
    assert plan.rows[0].binds == "ERP quota"
    assert any("No quota from 1 to 2" in note for note in notes(plan))
    assert "no setting in the range" in sentence(plan)


def test_hosts_bind_when_they_carry_too_little() -> None:
    """Hosts that carry less than the people approve delay every entity, and the plan says how many are enough."""
    crowded = planned(asked(TIGHT, host_rows=1, settings=(replace(now(TIGHT), quota=None),))).rows[0]
    roomy = planned(asked(TIGHT, settings=(replace(now(TIGHT), quota=None),))).rows[0]
    assert (crowded.binds, roomy.binds) == (HOSTS, "nothing")
    assert roomy.host_fullest < 1 < crowded.host_fullest
    assert (roomy.hosts_needed, crowded.hosts_needed) == (1, 2)
    assert (crowded.last_clear_min.most or 0) > (roomy.last_clear_min.most or 0)


def test_rows_compare_settings() -> None:
    """Three times the volume needs a larger quota, larger calls a smaller one."""
    settings = (now(TIGHT), replace(now(TIGHT), volume_percent=300), replace(now(TIGHT), batch=20))
    once, thrice, large = (row.findings[0].least for row in planned(asked(TIGHT, QUOTA, settings=settings)).rows)
    assert once is not None
    assert thrice is not None
    assert large is not None
    assert large < once < thrice


def test_more_that_is_worse_is_in_the_notes(tight: Plan) -> None:
    """A response that is not monotone is reported by number, component and seed."""
    finding = replace(tight.rows[0].findings[1], contrary=((0, 2, 5, 9),))
    said = list(notes(replace_row(tight, findings=(finding,))))
    assert "NOT MONOTONE: quota 5 was enough and 9 was not (component 0, seed 2)." in said


def replace_row(plan: Plan, **changes: object) -> Plan:
    """The plan with its first row changed."""
    return Plan(plan.question, [replace(plan.rows[0], **changes)], plan.cpu_s)  # type: ignore[arg-type]  # its fields


def test_whole_months_give_the_error_of_counting() -> None:
    """Beside whole months the error is a number: none where nothing is chance, some where calls are lost."""
    for world, most in ((TIGHT, 0.02), (LOSSY, 40.0)):
        found = compared([pairs(task) for task in tasks_of(asked(world), 3)], 3)
        assert (found.months, found.entities) == (3, 6)
        assert found.clear_most_abs_min <= most
        assert found.rows_counted == found.rows_whole
        assert len(found.last_whole_min) == 3
    assert found.clear_most_abs_min > 0


def test_json_has_every_number_and_the_page_is_one_file(tight: Plan) -> None:
    """plan.json is the whole plan; plan.html needs nothing but itself and draws each curve twice."""
    told = json.loads(to_json(tight, None, 0))
    assert (told["exit"], told["met"], told["seeds"]) == (0, True, [1, 2])
    quota = told["rows"][0]["findings"][1]
    assert quota["answer"] == f"{quota['least']} calls per 5 minutes"
    assert {entity["entity"] for entity in told["rows"][0]["entities"]} == {e.entity for e in tight.rows[0].entities}
    made = page(tight, None)
    assert made.count("<svg") == 4
    assert "<script" not in made
    assert "http" not in made
    assert all(entity.entity in made for entity in tight.rows[0].entities)


def test_what_is_left_out_is_said() -> None:
    """A fault that a counted run does not know is named in the plan, and so is what finance does."""
    world = SLOW.model_copy(update={"faults": ()})
    assert planned(asked(world)).left_out == ()
    more = {"faults": [{"kind": "random_crashes", "ppm": 1}], "gates": [{"day": "last", "at": "12:00", "gate": "shut"}]}
    plan = planned(asked(WorldSettings.model_validate({**world.model_dump(), **more})))
    assert plan.left_out == ("random_crashes", "gates of finance")
    assert any("random_crashes" in note for note in notes(plan))


def test_a_split_entity_may_have_more_calls_open() -> None:
    """Where one partition's own calls bind, two partitions of the entity clear sooner."""
    wide = replace(now(SLOW), concurrency=64)
    alone, split = (count(SLOW, replace(wide, partitions=partitions), 2, 0, QUARTER).entities for partitions in (1, 4))
    assert [entity.entity for entity in alone] == [entity.entity for entity in split]
    assert max(entity.clear_ms or 0 for entity in split) < max(entity.clear_ms or 0 for entity in alone)
