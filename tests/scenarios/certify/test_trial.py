"""One run of a certificate: judged by what counts in its cell, the same every time, and never the end of the others."""

import pytest

from scenarios.catalogue import all_scenarios
from scenarios.certify import trial
from scenarios.certify.suite import Cell
from scenarios.certify.trial import Trial, attempt

QUIET = all_scenarios()["quiet_week"]
SMALL = QUIET.world.model_copy(update={"firm": QUIET.world.firm.model_copy(update={"consultants": 12})})


def a_cell(p99_s: int = 1_000_000, promised: bool = True) -> Cell:
    """A dozen people, and a target."""
    slas = QUIET.slas.model_copy(update={"p99_s": p99_s})
    scenario = QUIET.model_copy(update={"world": SMALL, "slas": slas})
    return Cell(scenario=scenario, variant="as_written", story="", promised=promised, seeds=(1,))


def test_a_run_says_the_same_every_time() -> None:
    """A trial is a function of its cell and seed, but for how long it took."""
    first, second = (attempt(Trial(a_cell(), 1)).run.model_copy(update={"wall_s": 0}) for _ in range(2))

    assert first == second
    assert (first.exit, first.approved > 20, len(first.entities)) == (0, True, 2)
    assert first.curve is not None
    assert first.curve.posted[-1] == first.places["posted"]
    assert first.digest != attempt(Trial(a_cell(), 2)).run.digest


def test_targets_count_where_they_were_promised_and_nowhere_else() -> None:
    """The same run misses a target of a second, and misses nothing in a cell without targets."""
    missed = attempt(Trial(a_cell(p99_s=1), 1)).run
    unpromised = attempt(Trial(a_cell(p99_s=1, promised=False), 1)).run

    assert (missed.exit, unpromised.exit) == (1, 0)
    assert missed.p99_s == unpromised.p99_s
    assert missed.digest == unpromised.digest


def test_a_world_that_raises_is_a_finding_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug that an assertion stops counts as wrong books, with what it said."""

    def broken(*_: object, **__: object) -> None:
        raise AssertionError("cannot follow")

    monkeypatch.setattr(trial, "simulate", broken)

    run = attempt(Trial(a_cell(), 1)).run

    assert run.exit == 3
    assert "AssertionError: cannot follow" in run.sentence
