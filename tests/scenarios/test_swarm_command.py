"""`springtide swarm` and `springtide mutants`: what they print, how they end, and what they say to who mistypes."""

import json
from collections import Counter
from pathlib import Path

import pytest

from runtime.cli import main
from scenarios.commands import swarm as command
from scenarios.mutants import Hit, Score, chosen, shots_at, smoke_set
from scenarios.report.space_page import space_page
from scenarios.space import lean_towards, space_of, space_words
from scenarios.swarm import SeedRun, Swarm, Task, options_of, run_seed, world_of
from simulators.coverage import EDGES, Coverage
from simulators.faults.kinds import FAULT_KINDS
from simulators.plants.catalogue import NOT_YET, PLANTS, SECTIONS, TWINS
from simulators.probes import PROBES


def test_a_swarm_of_a_few_seeds_says_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output is the report and nothing else; the page has every edge and every kind."""
    code = main(["swarm", "--seeds", "3", "--population", "swarm", "--jobs", "1", "--json", "--out", str(tmp_path)])
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert (code, report["exit"], report["seeds"], report["violations"]) == (0, 0, 3, 0)
    assert report == json.loads((tmp_path / "swarm.json").read_text(encoding="utf-8"))
    assert report["bound"].startswith("0 failures in 3 seeds")
    assert report["entity_months"] > 0
    page = (tmp_path / "swarm.html").read_text(encoding="utf-8")
    assert all(edge.replace("|", " → ") in page for edge in EDGES)
    assert all(f">{kind}<" in page for kind in FAULT_KINDS)
    assert all(probe.name in page for probe in PROBES)
    assert "<script" not in page


def test_one_seed_prints_the_seed_first_and_all_it_drew(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever runs one seed again sees which world it is."""
    assert main(["swarm", "--first", "7", "--seeds", "1", "--population", "swarm", "--jobs", "1"]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0] == "seed 7  swarm"
    world = world_of(Task(7), "swarm")
    assert sum(line.startswith("  fault ") for line in lines) == len(world.faults)
    assert any(line.startswith("  struck: ") for line in lines)


def test_a_scenario_of_ones_own_is_swarmed_over(capsys: pytest.CaptureFixture[str]) -> None:
    """Misfortunes are drawn over a named scenario, whose firm and ERP stay what they are."""
    words = ["swarm", "quiet_week", "--seeds", "1", "--population", "swarm", "--jobs", "1", "--json", "--no-shrink"]
    assert main(words) in (0, 5)
    report = json.loads(capsys.readouterr().out)
    assert report["entries"] > 500
    assert sum(report["faults_fired"].values()) > 0


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("swarm", "--seeds", "0"), "give more than nothing"),
        (("swarm", "--first", "soon"), "--first soon: give a seed, or commit"),
        (("swarm", "--lean", "rain"), "--lean rain: no such kind of fault"),
        (("swarm", "--jobs", "-1"), "--jobs -1: give 1 or more"),
        (("swarm", "nosuch"), "scenario 'nosuch' is not known"),
        (("mutants", "Z9"), "Z9: no such bug"),
        (("mutants", "--seeds", "0"), "--seeds 0: give 1 or more"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    words: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bad input ends with 2 and one line that says how to mend it."""
    assert main(list(words)) == 2
    said = capsys.readouterr()
    assert complaint in said.err
    assert said.err.count("\n") == 1


def test_how_a_swarm_ends_depends_on_the_gravest() -> None:
    """Violations before proving nothing, that before what did not settle."""
    clean = SeedRun(1, "swarm", {})
    exits = {}
    for name, run in {
        "clean": clean,
        "violated": SeedRun(2, "swarm", {}, wrong=["S1: twice"], unsettled=["left"]),
        "unknown": SeedRun(3, "swarm", {}, unknown=["S1"], unsettled=["left"]),
        "unsettled": SeedRun(4, "swarm", {}, unsettled=["left"]),
    }.items():
        swarm = Swarm()
        swarm.add(clean)
        swarm.add(run)
        exits[name] = swarm.exit
    assert exits == {"clean": 0, "violated": 3, "unknown": 5, "unsettled": 4}


def test_a_world_that_raises_is_a_finding_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug that an assertion stops is told with its seed, and the swarm goes on."""

    def broken(*_: object, **__: object) -> None:
        raise AssertionError("cannot follow")

    monkeypatch.setattr("scenarios.swarm.simulate", broken)
    run = run_seed(Task(3, "swarm"))
    assert run.wrong == ["raised AssertionError: cannot follow"]
    assert run.oracles == ["raised"]


def test_options_are_what_differs_from_a_quiet_month() -> None:
    """Nothing that is as usual is told, and every fault with its numbers."""
    world = world_of(Task(5), "swarm")
    assert options_of(world, world).keys() == {f"fault {fault.kind}" for fault in world.faults}


def test_holes_are_named_and_leant_towards() -> None:
    """An edge that is taken often and never met a kind is a hole; the kinds with most holes come next."""
    kinds = list(FAULT_KINDS)
    edge = EDGES[0]
    cells = Counter({(edge, kind): 5 for kind in kinds[1:]})
    coverage = Coverage(100, Counter({edge: 100}), cells, Counter(), Counter(), Counter({"a": 1, "b": 2}))
    assert lean_towards(coverage) == (kinds[0],)
    assert space_of(coverage).zero_cells == ((edge, kinds[0]),)
    assert coverage.unseen_share == 0.01
    assert f"1 of {len(EDGES)} edges" in space_words(coverage)[0]
    assert len(space_of(coverage).zero_probes) == len(PROBES)


def test_the_page_shows_failures() -> None:
    """A failing seed stands on the page with what was violated."""
    swarm = Swarm()
    swarm.add(SeedRun(4711, "swarm", {"a": "b"}, wrong=["S1 at most once: <twice>"], coverage=Coverage(1)))
    page = space_page(command._report(swarm, 0, 1.0, 3))
    assert "seed 4711, swarm" in page
    assert "&lt;twice&gt;" in page


# ------------------------------------------------------------------ mutants


def test_a_bug_is_caught_only_by_its_own_oracle() -> None:
    """Another oracle alone does not count, and neither does a catch beyond the budget."""
    plant = PLANTS["resend_without_lookup"]
    score = Score(plant)
    score.add(Hit(plant.name, 1, 4, ("S7",), ""))
    assert (score.detected, score.seeds_needed, score.others) == (False, None, {"S7": 1})
    score.add(Hit(plant.name, 2, 4, ("S1", "S7"), "twice", True))
    assert (score.detected, score.seeds_needed, score.rate, score.others) == (True, 2, 0.5, {"S7": 2})
    assert score.seeds_for_certainty == 10
    late = Score(plant)
    for seed in range(plant.budget):
        late.add(Hit(plant.name, seed, 4, (), ""))
    late.add(Hit(plant.name, plant.budget, 4, ("S1",), "twice", True))
    assert not late.detected


def test_the_catalogue_is_in_order() -> None:
    """Every bug has a number and a name of its own, an oracle, a budget and a story; what has no ground says why."""
    numbers = [plant.number for plant in PLANTS.values()]
    assert len(numbers) == len({*numbers})
    assert sum(len(section) for section in SECTIONS) == len(PLANTS) >= 55
    assert not {*numbers} & {*NOT_YET}
    for plant in PLANTS.values():
        assert plant.caught_by
        assert plant.budget >= 1
        assert len(plant.story) > 20, plant.name
    assert len(TWINS) >= 20
    assert not any(twin.caught_by for twin in TWINS.values())
    assert not {*TWINS} & {*PLANTS}


def test_bugs_are_chosen_by_number_or_name() -> None:
    """As people write them: B3, pb-b3, or by name; the smoke set has some of every section."""
    bug = PLANTS["resend_without_lookup"]
    assert chosen(["b3", "PB-B3", "resend_without_lookup"]) == [bug, bug, bug]
    with pytest.raises(LookupError, match="Q1"):
        chosen(["Q1"])
    smoke = smoke_set()
    assert 20 <= len(smoke) <= 30
    assert {plant.number[0] for plant in smoke} == {section[0].number[0] for section in SECTIONS}
    assert len(shots_at([bug], None)) == bug.budget
    assert len(shots_at([bug], 3)) == 3


def test_the_kill_matrix_can_be_read_by_programs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """With --json every bug has a row; shrunk failures are written down."""
    words = ["mutants", "B3", "--seeds", "2", "--jobs", "1", "--json", "--shrink", str(tmp_path)]
    assert main(words) == 0
    report = json.loads(capsys.readouterr().out)
    (row,) = report["bugs"]
    assert {"id", "caught", "caught_by", "seeds_needed", "detection_rate", "not_yet"} <= row.keys()
    assert (row["id"], row["caught"], row["caught_by"]) == ("B3", True, "S1")
    (small,) = report["shrunk"]
    assert (small["entries"], Path(small["file"]).exists()) == (1, True)
