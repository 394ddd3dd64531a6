"""The exit code is the gravest thing that happened, said in one sentence."""

import itertools

import pytest

from scenarios.report.model import Invariant, InvariantStatus, Sla, verdict


def judged(status: InvariantStatus = "held", sla: bool | None = True, settled: bool = True, proved: bool = True):
    """The verdict of a run with one invariant and one SLA."""
    invariants = [Invariant("S1", "at most once", status, violations=2 if status == "violated" else 0)]
    slas = [Sla("p99", 60, 10 if sla else 90, "s", sla, "linger + call")]
    return verdict(invariants, slas, settled, proved)


@pytest.mark.parametrize(
    ("status", "sla", "settled", "proved"),
    list(itertools.product(("held", "violated"), (True, False), (True, False), (True, False))),
)
def test_the_gravest_wins(status: InvariantStatus, sla: bool, settled: bool, proved: bool):
    """Violated (3) beats proved nothing (5) beats unsettled (4) beats missed (1) beats held (0), in every mixture."""
    wanted = 3 if status == "violated" else 5 if not proved else 4 if not settled else 1 if not sla else 0

    assert judged(status, sla, settled, proved).exit == wanted


def test_unknown_has_not_held():
    """An invariant or an SLA that nobody can judge makes the run prove too little, even if all else held."""
    assert judged(status="unknown").exit == 5
    assert judged(sla=None).exit == 5
    assert judged(status="unknown", sla=False, settled=False).exit == 5


def test_nothing_checked_is_not_held():
    """A run without a single invariant proved nothing."""
    assert verdict([], [], settled=True, proved=True).exit == 5


def test_the_sentence_names_everything_that_went_wrong():
    """Whoever reads only the sentence learns each thing that did not hold, the gravest first."""
    sentence = judged("violated", sla=False, settled=False).sentence

    assert sentence == (
        "Money or data is wrong: S1 at most once violated (2 times); also the run did not settle: work was left that "
        "should have finished; also an SLA was missed: p99."
    )


def test_the_reasons_given_are_said():
    """Why a run did not settle or proved nothing stands in its sentence."""
    found = verdict(
        [Invariant("S1", "at most once", "held")],
        [],
        settled=False,
        proved=False,
        unsettled_because="12 rows are in doubt",
        unproved_because="only 3 rows were posted",
    )

    assert found.exit == 5
    assert "only 3 rows were posted" in found.sentence
    assert "12 rows are in doubt" in found.sentence


def test_a_good_run_says_how_much_held():
    """A held run counts what held."""
    assert judged().sentence == "Every invariant (1) and every SLA (1) held."
    assert judged().word == "held"
