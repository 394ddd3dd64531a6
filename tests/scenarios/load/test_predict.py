"""The prediction of a load run."""

import json
from collections import Counter
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from runtime.drivers.on_asyncio import policy_of
from runtime.settings import Settings
from scenarios.catalogue import all_scenarios
from scenarios.choose import override
from scenarios.load.deliveries import Load, deliveries
from scenarios.load.predict import LoadWorld, drawn, predict
from scenarios.load.profile import LoadProfile, Shape, compressed, deployed, load_profile
from scenarios.load.results import APPROVED, LANDINGS, ApprovedRow, LandingRow, LoadRun, read_run
from simulators.live import LiveFirm

CALM = "world.faults=[]"
ROOM = 'world.erp.quota={"calls": 100000, "window_ms": 60000}'


def profile(*more: str, scenario: str = "month_end", people: int = 200, **rest: Any) -> LoadProfile:
    chosen, _ = override(all_scenarios()[scenario], [f"world.firm.consultants={people}", *more])
    return load_profile(chosen, **rest)


@cache
def _predicted(folder: Path, asked: str) -> tuple[LoadRun, list[ApprovedRow], list[LandingRow]]:
    run = predict(LoadProfile.model_validate_json(asked), folder)
    return run, list(APPROVED.read(folder)), list(LANDINGS.read(folder))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("predicted")


def where(folder: Path, asked: LoadProfile) -> Path:
    """A folder for each load."""
    return folder / sha256(asked.model_dump_json().encode()).hexdigest()[:8]


def predicted(folder: Path, asked: LoadProfile) -> tuple[LoadRun, list[ApprovedRow], list[LandingRow]]:
    return _predicted(where(folder, asked), asked.model_dump_json())


def test_what_is_approved_is_what_is_delivered(folder: Path) -> None:
    """The prediction approves exactly what the requests of the same profile approve, at the same instants."""
    asked = profile()
    _, approved, _ = predicted(folder, asked)
    assert approved == [row for one in deliveries(asked, source=False) for row in one.approved]


def test_every_last_version_comes_to_stand(folder: Path) -> None:
    """When nothing goes wrong every entry stands in the end with its last version's amount, and nothing twice."""
    asked = profile(CALM)
    run, approved, landings = predicted(folder, asked)
    last = {row.entry: row for row in approved}
    stands: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    for one in landings:
        stands[one.entry] += one.amount_minor
        lines[one.entry] += 1 if one.leg == "post" else -1
    for entry, row in last.items():
        assert lines[entry] == (1 if row.to_post else 0), entry
        assert stands[entry] == (row.expected_minor or 0), entry
    assert run.ended_ms < asked.run_ms + asked.settle_ms


def test_the_same_profile_predicts_the_same(folder: Path, tmp_path: Path) -> None:
    """A prediction depends on its profile alone, to the byte, and its run says of what it is one."""
    asked = profile()
    predicted(folder, asked)
    run = predict(asked, tmp_path)
    for name in ("approved.csv", "landings.csv", "run.json"):
        assert (tmp_path / name).read_bytes() == (where(folder, asked) / name).read_bytes()
    assert read_run(tmp_path) == run
    assert (run.kind, run.profile) == ("simulated", asked)


def test_half_the_quota_takes_longer(folder: Path, tmp_path: Path) -> None:
    """What binds in a load binds in its prediction: with a small quota the last line stands later."""
    narrow = 'world.erp.quota={"calls": 1, "window_ms": 120000}'
    ends = []
    for quota in (ROOM, narrow):
        asked = profile(CALM, quota, "world.runtime.batch_max=20", people=400)
        predict(asked, tmp_path)
        ends.append(max(row.posted_ms for row in LANDINGS.read(tmp_path)))
    assert ends[1] > ends[0] + 10_000


def test_maintenance_keeps_everything_out_at_its_compressed_instants(folder: Path) -> None:
    """Between the compressed ends of an outage nothing lands at that account; afterwards what waited does."""
    asked = profile(scenario="erp_maintenance_at_cutoff", shape=Shape.MAINTENANCE_OVERLAP)
    run, approved, landings = predicted(folder, asked)
    (outage,) = run.outages
    assert outage.until_ms - outage.from_ms == 165 * 60_000 // asked.factor
    assert not [row for row in landings if outage.from_ms <= row.posted_ms < outage.until_ms]
    waited = {row.entry for row in approved if outage.from_ms < row.approved_ms < outage.until_ms and row.to_post}
    after = {row.entry for row in landings if row.posted_ms >= outage.until_ms}
    assert waited
    assert len(waited - after) <= len(waited) * 0.02
    # The outage ends after the last arrival; until it does nobody gives up.
    assert asked.run_ms < outage.until_ms < run.ended_ms


def test_a_death_of_the_process_befalls_every_entity(folder: Path) -> None:
    """One process carries all: when it dies nothing lands anywhere until it is back, and what was sent comes again."""
    kills = [{"kind": "random_crashes", "ppm": 1_000_000, "draws": 60}]
    asked = profile(f"world.faults={json.dumps(kills)}", ROOM, "world.runtime.linger_ms=200", people=400)
    run, approved, landings = predicted(folder, asked)
    deaths = [one for one in run.outages if one.kind == "killed"]
    assert deaths
    for death in deaths:
        assert death.until_ms - death.from_ms == asked.scenario.world.runtime.restart_ms
        assert not [row for row in landings if death.from_ms + 100 <= row.posted_ms < death.until_ms]
    assert {row.entity for row in landings} == {"DE01", "GB01"}
    first = {row.entry: row.posted_ms for row in reversed(landings)}
    took = [
        first[row.entry] - death.until_ms
        for row in approved
        for death in deaths
        if death.from_ms < row.approved_ms < death.until_ms and row.entry in first
    ]
    assert took
    # Its sender tries again after two seconds; in the simulated month it is half a minute.
    assert sorted(took)[len(took) // 2] < 10_000


def test_a_probe_comes_as_much_sooner_as_an_outage_is_shorter() -> None:
    """The runtime looks for a system that was away at the compressed step, so that it does not miss it for longer."""
    asked = profile(factor=20)
    world = LoadWorld(Load(asked, source=False), lambda rows: None, 1)
    probed = {desk.account.policy.probe_first_ms for desk in world.desks.values() if desk.account.policy.needs_session}
    assert probed == {1_500}
    assert asked.probes == {"probe_first_ms": 1_500, "probe_max_ms": 15_000}


@pytest.mark.parametrize("scenario", ["month_end", "follow_the_sun"])
def test_partitions_are_composed_as_those_of_a_live_run(scenario: str) -> None:
    """Every number of a partition's policy is the one that a runtime has which is configured by the mock systems."""
    asked = profile(scenario=scenario)
    load = Load(asked, source=False)
    world = LoadWorld(load, lambda rows: None, 1)
    live = LiveFirm(compressed(asked).world, asked.seed, load.calendar.start_ms)
    settings = Settings.model_validate(deployed(asked, live.deployment("http://127.0.0.1:1")))
    for code, lane in world.lanes.items():
        theirs = policy_of(settings, code)
        differ = [
            name
            for name in type(theirs).__slots__  # type: ignore[attr-defined]  # a value has slots
            if getattr(theirs, name) != getattr(lane.policy, name)
        ]
        assert differ == [], code
        account = settings.accounts[settings.entities[code].erp]
        ours = lane.erp_desk.account.policy
        for name in ("quota_calls", "quota_window_ms", "concurrent_max", "needs_session", *asked.probes):
            assert getattr(ours, name) == getattr(account, name), name


def test_other_draws_have_the_same_load_and_other_chance(tmp_path: Path) -> None:
    """Under several draws the same versions are approved and other calls go astray; fewer draws leave none behind."""
    asked = profile()
    predict(asked, tmp_path, draws=3)
    folders = drawn(tmp_path)
    assert [one.name for one in folders[1:]] == ["draw-2", "draw-3"]
    landed = [sorted(row[:2] for row in LANDINGS.read(one)) for one in folders]
    waits = [tuple(LANDINGS.read(one)) for one in folders]
    assert len(set(waits)) == 3
    assert len(landed[0]) == pytest.approx(len(landed[1]), rel=0.05)
    predict(asked, tmp_path, draws=2)
    assert [one.name for one in drawn(tmp_path)[1:]] == ["draw-2"]
