"""A failing run becomes a minimal one by itself, and is written down so that anybody can see it again."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from runtime.cli import main
from scenarios.choose import load, with_plant
from scenarios.explain import explain, tell
from scenarios.record import pytest_of, record, scenario_of, written
from scenarios.shrink import Search, Shrunk, fails_alike, shrink
from scenarios.small import small_world, swarm_world
from simulators.plants.catalogue import PLANTS
from simulators.settings import HandPostings, WorldSettings

BUG = PLANTS["resend_without_lookup"]
SEED = 5


@pytest.fixture(scope="module")
def shrunk() -> Shrunk:
    """A swarm seed with a bug planted, made small."""
    found = shrink(with_plant(swarm_world(SEED), BUG), SEED, BUG.caught_by, BUG.name)
    assert found is not None
    return found


def test_a_failing_month_becomes_one_entry_and_one_misfortune(shrunk: Shrunk) -> None:
    """Of a hundred entries and a dozen kinds of faults that is left which is needed; the same oracle still fires."""
    assert len(shrunk.entries) == 1
    assert [name.partition(":")[0] for _, name in shrunk.strikes] == [fault.kind for fault in shrunk.world.faults]
    assert len(shrunk.strikes) == 1
    assert shrunk.world.drain_ms < swarm_world(SEED).drain_ms
    assert fails_alike(shrunk.world, SEED, "S1", BUG.name) is not None


def test_nothing_that_is_left_can_be_left_out(shrunk: Shrunk) -> None:
    """Without its misfortune, or without its bug, the small run is clean."""
    spared = shrunk.world.model_copy(update={"only_strikes": ()})
    assert fails_alike(spared, SEED, "S1", BUG.name) is None
    assert fails_alike(shrunk.world, SEED, "S1") is None


def test_a_smaller_world_keeps_the_assumptions() -> None:
    """Finance posts by hand only what waited longer than the runtime counts on; another world is no find."""
    world = small_world()
    quick = {"hand_postings": (HandPostings(day="last", at="17:30", older_than_ms=world.runtime.confirm_after_ms),)}
    assert not Search(world, SEED, "S2b", "", float("inf")).keep(**quick)
    with pytest.raises(ValidationError, match=r"older_than_ms: 21600000 is not longer than runtime\.confirm_after_ms"):
        WorldSettings.model_validate({**dict(world), **quick})


def test_what_does_not_fail_cannot_be_shrunk() -> None:
    """A clean run has nothing to make small."""
    assert shrink(small_world(), SEED, "S1") is None


def test_the_fewest_are_kept_whatever_must_stay_together() -> None:
    """Delta debugging keeps exactly the items that the failure needs, in their order."""
    search = Search(small_world(), 1, "S1", "", float("inf"))
    kept: list[tuple[int, ...]] = []

    def needs_3_and_11(items: tuple[int, ...]) -> bool:
        if {3, 11} <= {*items}:
            kept.append(items)
            return True
        return False

    search.fewest(range(20), needs_3_and_11)
    assert kept[-1] == (3, 11)


def test_a_recorded_failure_can_be_read_and_run_again(shrunk: Shrunk, tmp_path: Path) -> None:
    """The file is a scenario like any other, says what happened, and holds nothing that is not needed."""
    path = record(shrunk, tmp_path, "mine")
    scenario = load(path)
    assert scenario == scenario_of(shrunk, "mine")
    assert (scenario.seed, scenario.plant, scenario.found_by) == (SEED, BUG.name, ("S1",))
    assert "1 entry, 1 misfortune (" in scenario.story
    assert "billed twice" in scenario.story
    assert set(json.loads(written(scenario))["world"]) <= {
        "firm", "people", "erp", "faults", "only_strikes", "only_entries", "drain_ms", "calm_before_end_ms",
    }  # fmt: skip
    compile(pytest_of(scenario), "test_mine.py", "exec")
    assert (tmp_path / "test_mine.py").read_text(encoding="utf-8") == pytest_of(scenario)


def test_the_story_of_an_entry_goes_across_all_systems(shrunk: Shrunk) -> None:
    """Source, wire, runtime and ledger tell of it in the order of time, and the fault is between two lines."""
    moments = explain(tell(shrunk.world, SEED, BUG.name), shrunk.entries[0])
    assert [m.at_ms for m in moments] == sorted(m.at_ms for m in moments)
    assert {m.system for m in moments} == {"source", "fault", "runtime", "ledger"}
    systems = [m.system for m in moments if m.system in ("fault", "ledger")]
    assert "fault" in systems[:-1]
    assert systems[-1] == "ledger"


def test_a_story_can_be_stopped_early(shrunk: Shrunk) -> None:
    """Up to an instant nothing later is told, and the auditors are not asked."""
    whole = tell(shrunk.world, SEED, BUG.name)
    moments = explain(whole, shrunk.entries[0])
    until_ms = moments[len(moments) // 2].at_ms + 1
    early = tell(shrunk.world, SEED, BUG.name, until_ms)
    assert early.held == []
    assert [m for m in moments if m.at_ms < until_ms] == explain(early, shrunk.entries[0])
    with pytest.raises(LookupError):
        explain(whole, "nobody")


def test_the_command_replays_a_recorded_failure(
    shrunk: Shrunk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`springtide replay FILE` tells the story and ends with 3; with --json it prints nothing else."""
    path = str(record(shrunk, tmp_path, "mine"))
    assert main(["replay", path]) == 3
    said = capsys.readouterr().out
    assert shrunk.entries[0] in said
    assert "S1 at most once" in said
    assert main(["replay", path, "--json", "--explain", shrunk.entries[0]]) == 3
    report = json.loads(capsys.readouterr().out)
    assert next(h["id"] for h in report["invariants"] if h["status"] == "violated") == "S1"
    assert list(report["stories"]) == [shrunk.entries[0]]
    assert main(["replay", path, "--until", "+1d"]) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--explain", "nobody"), "--explain nobody: no such entry"),
        (("--until", "soon"), "--until soon: give an instant"),
    ],
)
def test_bad_wishes_are_said_in_one_line(
    shrunk: Shrunk, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    """What cannot be replayed is said, with exit 2."""
    assert main(["replay", str(record(shrunk, tmp_path, "mine")), *words]) == 2
    assert said in capsys.readouterr().err
