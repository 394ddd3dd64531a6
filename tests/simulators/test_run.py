"""A whole run: parts put together, what comes of it, and what it tells while it goes."""

import gc
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from scenarios.catalogue import all_scenarios
from scenarios.small import small_world
from simulators.auditors.audit import examine
from simulators.faults.bases import FaultData
from simulators.faults.network import DuplicateRequest, LostReply
from simulators.firm.build import build_firm
from simulators.people.plan import plan_month
from simulators.run import Job, allowances, came_to_stand, due_to_stand, not_held, simulate, simulate_component
from simulators.settings import DAY_MS, HOUR_MS, LateMasterData, WorldSettings
from simulators.world import Seen, World
from tests.simulators.auditors.books import Books, at

SEED = 1


def two_parts() -> WorldSettings:
    """Two entities that share no account."""
    world = small_world(consultants=6)
    return world.model_copy(update={"firm": world.firm.model_copy(update={"accounts_per_region": 2})})


def test_a_run_is_the_sum_of_its_parts() -> None:
    """What parts count is added, and every entity is there once, in the order of the components."""
    outcome = simulate(two_parts(), SEED)
    assert outcome.components == 2
    assert [entity.entity for entity in outcome.entities] == ["DE01", "GB01"]
    parts = [simulate_component(Job(two_parts(), SEED, (code,))) for code in ("DE01", "GB01")]
    for name in ("commits", "deaths"):
        assert getattr(outcome, name) == sum(getattr(part, name) for part in parts)
    for kind, count in outcome.records.items():
        assert count == sum(part.records.get(kind, 0) for part in parts)


def test_every_approved_version_is_in_one_place() -> None:
    """Per entity, approved is the sum of the places, and nothing is unseen at the end."""
    for entity in simulate(small_world(), SEED).entities:
        assert sum(entity.counts.values()) == entity.approved > 0
        assert entity.counts["unseen"] == 0
        assert len(entity.waits_ms) >= entity.counts["posted"]
        assert entity.waits_ms.tolist() == sorted(entity.waits_ms.tolist())


def test_a_log_in_uses_no_quota() -> None:
    """Six people seldom call, so their token has expired when they do: the log-in beside two calls a minute is fair.

    The auditor once counted it as a third call in the window and told of money gone wrong.
    """
    base = all_scenarios()["quiet_week"].world
    world = base.model_copy(update={"firm": base.firm.model_copy(update={"consultants": 6})})
    assert not_held(simulate(world, SEED)) == ()


def examined(*faults: FaultData) -> tuple[World, Seen, Callable[[], dict[str, int]]]:
    """A small world at its end, and how often each invariant is violated by its evidence under `allowances`."""
    settings = small_world().model_copy(update={"faults": faults})
    firm = build_firm(settings.firm, SEED)
    world = World(settings, SEED, firm, plan_month(firm, settings.people, SEED), [e.code for e in firm.entities])
    seen = world.run()

    def violations() -> dict[str, int]:
        audited = examine(firm, seen.evidences, seen.accounts, allowances(settings, seen))
        return {key: held.violations for key, held in audited.held.items() if held.violations}

    return world, seen, violations


def test_a_storm_of_calls_is_over_the_budget() -> None:
    """A run as it was is fair; one more call than rows, faults and the clock explain is not."""
    world, seen, violations = examined(LostReply(ppm=100_000))
    assert violations() == {}
    (account,) = (seen.accounts[name] for name in world.erps)
    account.quota_calls = 0
    fair = allowances(small_world(), seen).accounts[account.account].calls
    rows = sum(evidence.approved for evidence in seen.evidences.values())
    assert fair == rows + 8 * seen.fired["lost_reply"] + 4 * (seen.end_ms - seen.firm.start_ms) // HOUR_MS
    last = next(call for call in reversed(account.calls) if call.kind != "login")
    account.calls.extend([last] * (fair - len(account.calls)))
    assert violations() == {}
    account.calls.append(last)
    assert violations() == {"S10": 1}


def test_only_calls_that_nobody_paced_may_exceed_the_quota() -> None:
    """A lost reply explains another call, never one more in a window than the contract allows."""
    over = {}
    for fault in (LostReply(ppm=200_000), DuplicateRequest(ppm=200_000)):
        world, seen, _ = examined(fault)
        (account,) = (allowances(small_world(), seen).accounts[name] for name in world.erps)
        assert seen.fired[fault.kind] > 0
        over[fault.kind] = account.over_quota
        expected = seen.fired[fault.kind]
    assert over == {"lost_reply": 0, "duplicate_request": expected}


def test_a_lane_that_stands_still_is_found() -> None:
    """Work that waits behind an open door for two checkpoints without anything being finished breaks L2."""
    _, seen, violations = examined()
    assert violations() == {}
    evidence = next(iter(seen.evidences.values()))
    stuck = replace(evidence.checkpoints[-1], counts={**evidence.checkpoints[-1].counts, "in_flight": 1})
    evidence.checkpoints.extend(replace(stuck, at_ms=stuck.at_ms + hours * HOUR_MS) for hours in (1, 7, 13))
    assert violations()["L2"] == 1


def in_time(books: Books, cutoff_ms: int) -> list[int] | None:
    """When the entry "E" came to stand; None when it was not due by the cut-off."""
    due = due_to_stand(books.evidence, cutoff_ms)
    return came_to_stand(books.evidence, {"E": due["E"]}) if "E" in due else None


def test_in_time_is_what_was_approved_by_the_cut_off() -> None:
    """A correction approved in time has to stand itself; the version that it corrects does not stand in for it."""
    books = Books()
    _, _, second = books.corrected("E")
    first_ms, second_ms = (version.at_ms for version in books.evidence.versions["E"])
    assert in_time(books, first_ms - 1) is None
    assert in_time(books, first_ms) == [first_ms + HOUR_MS // 2]
    assert in_time(books, second_ms) == [second.at_ms]


def test_a_later_version_stands_for_the_one_that_was_due() -> None:
    """Overtaken before it was posted, a due version stands as soon as the later one does."""
    books = Books()
    books.approve("E", at_ms=at(17))
    books.approve("E", 2, at_ms=at(18))
    line = books.post("E", 2, at_ms=at(19))
    assert in_time(books, at(17)) == [line.at_ms]


def test_a_change_of_words_stands_by_the_line_it_found() -> None:
    """A version that was carried has no line of its own; one that was parked stands nowhere."""
    books = Books()
    line = books.good("E")
    books.approve("E", 2, at_ms=at(18), narrative="Other words")
    carried = books.end("E", "posted", 2)
    assert in_time(books, at(18)) == [line.at_ms]
    carried.place = "parked"
    assert in_time(books, at(18)) == []


def test_what_was_taken_back_or_kept_out_is_not_due() -> None:
    """Neither at the cut-off nor at the end may the last word be a withdrawal, leave or internal time."""
    for last in ({"withdrawn": True}, {"time_type": "leave"}, {"time_type": "internal"}):
        books = Books()
        books.approve("E", at_ms=at(17))
        books.approve("E", 2, at_ms=at(18), **last)
        assert in_time(books, at(17)) is None
        assert in_time(books, at(18)) is None
        books.approve("E", 3, at_ms=at(19))
        assert in_time(books, at(17)) == []
        assert in_time(books, at(18)) is None


def test_a_wait_may_be_longer_than_a_month() -> None:
    """Milliseconds of 30 days do not fit into 32 bits."""
    late = small_world(consultants=4).model_copy(
        update={"late_master_data": LateMasterData(ppm=1_000_000, after_ms=40 * DAY_MS), "drain_ms": 40 * DAY_MS}
    )
    for entity in simulate(late, SEED).entities:
        assert int(entity.waits_ms[-1]) > 30 * DAY_MS
        assert int(entity.in_time[-1]) > 30 * DAY_MS


def test_whoever_watches_hears_of_every_hour() -> None:
    """Samples come once an hour of simulated time; in the last of them nothing waits."""
    told: list[tuple[int, int, int]] = []
    outcome = simulate(small_world(), SEED, told=lambda *words: told.append(words))
    instants = [now_ms for now_ms, _, _ in told]
    assert {later - now for now, later in pairwise(instants)} == {outcome.sample_ms}
    assert told[-1][1] == 0
    assert told[-1][2] == sum(entity.counts["posted"] for entity in outcome.entities)


def test_watching_changes_nothing() -> None:
    """A run that is watched has the digest of one that is not."""
    assert simulate(small_world(), SEED, told=lambda *_: None).digest == simulate(small_world(), SEED).digest


def test_the_cycle_collector_is_left_as_it_was() -> None:
    """A run turns it off for its own time, also when it fails."""
    assert gc.isenabled()
    simulate(small_world(consultants=2), SEED)
    assert gc.isenabled()
    with pytest.raises(KeyError):
        simulate_component(Job(small_world(consultants=2), SEED, ("DE01", "GB01"), plant="no such bug"))
    assert gc.isenabled()
