"""What a run walked through is counted where everything passes, and looking on changes nothing."""

from scenarios.small import small_world, swarm_world
from simulators.coverage import EDGES, Coverage, one_run
from simulators.faults.network import LostReply
from simulators.faults.process import CrashAtBoundary
from simulators.probes import PROBES
from simulators.run import simulate

SEED = 7


def _covered(seed: int = SEED) -> Coverage:
    found = simulate(swarm_world(seed), seed, watched=True).coverage
    assert found is not None
    return found


def test_a_run_that_is_watched_is_the_same_run() -> None:
    """The digest is that of a run that nobody watches, which has no coverage."""
    watched, alone = simulate(swarm_world(SEED), SEED, watched=True), simulate(swarm_world(SEED), SEED)
    assert watched.digest == alone.digest
    assert alone.coverage is None


def test_edges_are_those_of_the_tables() -> None:
    """Nothing is counted that MOVES and MODES do not have, and a quiet month takes the straight way."""
    quiet = simulate(small_world(), SEED, watched=True).coverage
    assert quiet is not None
    assert {*quiet.edges} <= {*EDGES}
    assert {"queued|BatchSent", "in_flight|RowsApplied"} <= {*quiet.edges}
    assert "in_flight|RowsDoubted" not in quiet.edges
    assert not quiet.cells
    assert not quiet.pairs


def test_a_cell_is_an_edge_under_an_active_fault() -> None:
    """Where only answers get lost, every cell is about lost answers, and doubt is among them."""
    world = small_world().model_copy(update={"faults": (LostReply(ppm=300_000, calls=("post",)),)})
    found = simulate(world, SEED, watched=True).coverage
    assert found is not None
    assert {kind for _, kind in found.cells} == {"lost_reply"}
    assert ("in_flight|RowsDoubted", "lost_reply") in found.cells


def test_what_a_recovery_walks_through_again_does_not_count() -> None:
    """A death after which nothing moves any more makes no cells, although its successor applies the whole journal."""
    last = max(simulate(small_world(), SEED).boundaries.values())
    world = small_world().model_copy(update={"faults": (CrashAtBoundary(boundary=last, when="after"),)})
    outcome = simulate(world, SEED, watched=True)
    assert outcome.deaths == 1
    assert outcome.coverage is not None
    assert "queued|BatchSent" in outcome.coverage.edges
    assert not outcome.coverage.cells


def test_many_runs_are_counted_by_run() -> None:
    """Parts of one run count once; runs add up; what only one of them showed makes the next one likely to be new."""
    first, second = _covered(1), _covered(2)
    assert one_run([first, first]).edges["queued|BatchSent"] == 1
    both = Coverage()
    both.add(first)
    both.add(second)
    assert (both.runs, both.edges["queued|BatchSent"]) == (2, 2)
    assert both.states.total() == first.states.total() + second.states.total()
    assert 0 < both.unseen_share <= 1


def test_probes_have_names_of_their_own_and_are_hit_by_a_few_seeds() -> None:
    """Twenty seeds of the swarm hit at least half of the probes, and none that is not listed."""
    together = Coverage()
    for seed in range(20):
        together.add(_covered(seed))
    names = [probe.name for probe in PROBES]
    assert len(names) == len({*names})
    assert {*together.probes} <= {*names}
    assert 2 * len(together.probes) >= len(names)
