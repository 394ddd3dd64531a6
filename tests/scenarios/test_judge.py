"""What a run means: the SLAs that have nothing to measure, what was not readable, and what is assumed."""

from dataclasses import replace

from scenarios.judge import ASSUMPTIONS, judge
from scenarios.model import Scenario, Slas
from scenarios.report.model import Sla
from scenarios.small import small_world
from simulators.run import Outcome, simulate

DAY_S = 86_400
SCENARIO = Scenario(
    name="small",
    story="A small month in which nothing goes wrong.",
    world=small_world(),
    slas=Slas(
        p50_s=DAY_S, p95_s=DAY_S, p99_s=DAY_S, in_ledger_ppm=900_000, oldest_in_doubt_s=DAY_S, oldest_staged_s=DAY_S,
        drain_s=DAY_S, why={"drain_s": "sum"},
    ),
)  # fmt: skip


def quiet() -> Outcome:
    """A small run in which nothing goes wrong."""
    return simulate(small_world(), 1)


def sla_of(outcome: Outcome, name: str) -> Sla:
    """The SLA whose name begins so."""
    (sla,) = [sla for sla in judge(SCENARIO, outcome).slas if sla.name.startswith(name)]
    return sla


def test_without_an_outage_there_is_no_drain() -> None:
    """The promise is kept, with its sum, and its actual is no number."""
    sla = sla_of(quiet(), "drain")
    assert (sla.actual, sla.held, sla.unmeasured, sla.arithmetic) == (None, True, "no outage", "sum")


def test_a_drain_of_no_time_is_a_number() -> None:
    """An outage behind which nothing had queued was drained at once, and the slowest entity counts."""
    outcome = quiet()
    outcome.entities[0].drain_ms = 0
    sla = sla_of(outcome, "drain")
    assert (sla.actual, sla.held, sla.unmeasured) == (0, True, "")
    outcome.entities[-1].drain_ms = 10**12
    assert (sla_of(outcome, "drain").actual, sla_of(outcome, "drain").held) == (10**9, False)


def test_where_nothing_was_due_nothing_was_late() -> None:
    """A share of nothing is no share, and no promise was broken."""
    outcome = quiet()
    measured = sla_of(outcome, "in the ledger")
    assert (measured.actual, measured.held, measured.unmeasured) == (1_000_000, True, "")
    outcome.entities = [replace(entity, due_to_stand=0, in_time=entity.in_time[:0]) for entity in outcome.entities]
    sla = sla_of(outcome, "in the ledger")
    assert (sla.actual, sla.held, sla.unmeasured) == (None, True, "nothing was due")
    assert judge(SCENARIO, outcome).verdict.exit == 0


def test_dead_letters_are_told() -> None:
    """The coverage says how many events could not be read, also when there were none."""
    outcome = quiet()
    assert judge(SCENARIO, outcome).coverage["dead_letters"] == 0
    outcome.dead_letters = 3
    assert judge(SCENARIO, outcome).coverage["dead_letters"] == 3


def test_every_assumption_is_printed_under_its_number() -> None:
    """A report names what it takes for granted, numbered without a gap."""
    assert judge(SCENARIO, quiet()).assumptions == list(ASSUMPTIONS)
    assert [text.split()[0] for text in ASSUMPTIONS] == [f"A{n}" for n in range(1, len(ASSUMPTIONS) + 1)]
