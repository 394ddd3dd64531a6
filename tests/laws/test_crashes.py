"""A process that dies next to something durable: the books end as if it had not."""

from collections.abc import Iterator

import pytest

from scenarios.proofs import Crash, Ending, every_crash, golden_ending, survives
from scenarios.small import GOLDEN
from simulators.settings import RuntimeSettings

ENTITY = "GB01"
"""One of the golden scenario's entities; scripts/prove.py crashes strikes all of them."""
AGAIN_EVERY = 8


@pytest.fixture(scope="module")
def quiet() -> Ending:
    """The golden scenario, undisturbed."""
    return golden_ending()


def crashes(ending: Ending, when: str, again: int) -> Iterator[Crash]:
    """The crashes of one side at every boundary of the entity."""
    for crash in every_crash({ENTITY: ending.boundaries[ENTITY]}):
        if crash.when == when and crash.again == again:
            yield crash


def test_the_golden_month_walks_every_step(quiet: Ending) -> None:
    """The golden scenario holds and has something to lose: postings, superseded versions, checkpoints, look-ups."""
    assert quiet.wrong == ()
    assert quiet.deaths == 0
    assert {place for _, _, _, place, _, _ in quiet.books.places} >= {"posted", "superseded", "excluded"}
    assert quiet.boundaries[ENTITY] > 100
    without = GOLDEN.model_copy(update={"runtime": GOLDEN.runtime.model_copy(update={"checkpoint_every": 4_096})})
    assert golden_ending(settings=without).boundaries[ENTITY] < quiet.boundaries[ENTITY], "no checkpoint was made"


@pytest.mark.parametrize("when", ["before", "after"])
def test_death_at_every_durable_boundary_leaves_the_same_books(quiet: Ending, when: str) -> None:
    """Places, standing lines, money and what the PSA was told do not depend on where a process died."""
    assert [said for crash in crashes(quiet, when, 0) if (said := survives(crash))] == []


def test_death_while_recovering_leaves_the_same_books(quiet: Ending) -> None:
    """A successor that dies as soon as it took over is succeeded like any other."""
    some = list(crashes(quiet, "after", 1))[::AGAIN_EVERY]
    assert [said for crash in some if (said := survives(crash))] == []


def test_a_crash_that_does_not_strike_proves_nothing(quiet: Ending) -> None:
    """A boundary that is never reached is told, not counted as survived."""
    beyond = Crash(ENTITY, quiet.boundaries[ENTITY] + 1, "after")
    assert "died 0 times, not 1" in survives(beyond)


def test_what_is_written_for_the_auditors_is_no_boundary(quiet: Ending) -> None:
    """Reading the books at the end kills nobody: once the boundary after the last one ended the whole run."""
    for number in (quiet.boundaries[ENTITY], quiet.boundaries[ENTITY] + 1):
        assert golden_ending(*Crash(ENTITY, number, "after").faults).wrong == ()


def test_books_that_differ_are_told_apart(quiet: Ending) -> None:
    """The comparison names the first line that differs, so that equal books mean something."""
    other = golden_ending(seed=2)
    assert quiet.books.difference(quiet.books) == ""
    assert quiet.books.difference(other.books).startswith("places: ('DE01', 'psa:")


def test_checkpoints_change_no_books(quiet: Ending) -> None:
    """How often the journal is checkpointed, and entries let go of, changes no line of the books."""
    for every in (1, 4_096):
        run = RuntimeSettings.model_validate({**GOLDEN.runtime.model_dump(), "checkpoint_every": every})
        ending = golden_ending(settings=GOLDEN.model_copy(update={"runtime": run}))
        assert (ending.wrong, quiet.books.difference(ending.books)) == ((), "")
