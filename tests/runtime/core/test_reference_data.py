"""Reference data and configuration: versioned publications, gaps that park, and arrivals that wake."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from runtime.core.model import Assignment, Worker
from runtime.core.news import AssignmentsPublished, ConfigurationPublished, RatesPublished, WorkersPublished
from runtime.core.partition.moves import Phase
from runtime.core.policy import TUNABLE, Policy, tuned
from runtime.core.records import AssignmentsChanged, ConfigurationChanged, RatesChanged, WorkersChanged
from tests.runtime.core.a_partition import BILL_RATE, RATES, amounts, approved, entries, given

HIRED = WorkersPublished((Worker("W1", "DE01"),))
BOOKED = AssignmentsPublished((Assignment("A1", "W1", "P1", "T1", "consultant", date(2026, 1, 1), date(2026, 4, 1)),))


def test_a_worker_nobody_published_parks_the_entry_until_he_is() -> None:
    """Where the firm wants to know its workers, a gap parks with a reason, and the publication wakes."""
    partition = given(approved("TS-1"), must_know=("worker",))
    assert partition.park_of("TS-1") == "worker_unknown"
    partition.hears(HIRED)
    assert [name for name, _, _ in entries(partition.sends())] == ["TS-1"]


def test_a_worker_who_was_not_employed_on_the_day_parks_the_entry() -> None:
    """Employment dates count by the civil work date, the last one exclusive."""
    gone = WorkersPublished((Worker("W1", "DE01", valid_until=date(2026, 3, 10)),))
    partition = given(gone, approved("TS-1"), approved("TS-2", work_date=date(2026, 3, 9)), must_know=("worker",))
    assert partition.park_of("TS-1") == "worker_not_employed"
    assert partition.phase_of("TS-2") is Phase.QUEUED


def test_an_assignment_nobody_published_parks_until_it_is_and_holds_for_its_dates() -> None:
    """A gap in assignments parks as worker gaps do; a work date behind its end is a reason of its own."""
    partition = given(approved("TS-1"), approved("TS-2", work_date=date(2026, 4, 1)), must_know=("assignment",))
    assert partition.park_of("TS-1") == "assignment_unknown"
    partition.hears(BOOKED)
    partition.sends()
    assert partition.park_of("TS-2") == "assignment_over"


def test_nobody_has_to_publish_what_the_firm_does_not_ask_for() -> None:
    """Without `must_know`, entries of unknown workers and assignments are posted."""
    assert given(approved("TS-1")).sends().rows


def test_an_older_publication_that_comes_late_changes_nothing() -> None:
    """Workers, assignments and rate lines are versioned; what is older than what is known is old news."""
    newer = replace(BILL_RATE, rate=Decimal(200), version=2)
    partition = given(RatesPublished((newer,)), HIRED, BOOKED)
    before = len(partition.records)
    partition.hears(RATES).hears(HIRED).hears(BOOKED)
    assert partition.records[before:] == []
    partition.hears(approved("TS-1"))
    assert amounts(partition.sends())[0][0] == 8 * 200_00
    assert len(partition.made(WorkersChanged)) == len(partition.made(AssignmentsChanged)) == 1
    assert len(partition.made(RatesChanged)) == 2


def test_reference_data_survives_a_crash() -> None:
    """Workers, assignments and configuration are in the journal like everything else."""
    partition = given(HIRED, BOOKED, ConfigurationPublished(1, (("batch_max", "1"),)), must_know=("worker",))
    partition.shell.checkpoint()
    partition.crashes().hears(approved("TS-1"), approved("TS-2"))
    assert len(partition.sends().rows) == 1
    assert partition.state.assignments["A1"].task == "T1"


def test_a_configuration_holds_from_its_record_on_and_replaces_the_one_before() -> None:
    """Each version is a change of what the partition was started with, not of the version before."""
    partition = given(
        ConfigurationPublished(1, (("batch_max", "1"),), "ops", "slow"), approved("TS-1"), approved("TS-2")
    )
    assert partition.state.policy.batch_max == 1
    partition.hears(ConfigurationPublished(2, (("calls_max", "2"),)))
    assert partition.state.policy.batch_max == partition.policy.batch_max
    assert partition.state.policy.calls_max == 2
    assert [(record.version, record.who) for record in partition.made(ConfigurationChanged)] == [(1, "ops"), (2, "")]


def test_an_older_configuration_is_old_news() -> None:
    """Versions of the configuration only go up."""
    partition = given(ConfigurationPublished(3, (("batch_max", "7"),)))
    partition.hears(ConfigurationPublished(2, (("batch_max", "9"),)))
    assert partition.state.policy.batch_max == 7


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("late_landing_ms", "1"),
        ("batch_max", "many"),
        ("batch_max", "0"),
        ("linger_ms", "-1"),
        ("rate_order", "task,moon"),
    ],
)
def test_a_configuration_that_cannot_be_used_changes_nothing_and_says_why(name: str, text: str) -> None:
    """What the promise rests on cannot be changed while running, nor can nonsense be set."""
    partition = given()
    with pytest.raises(ValueError, match=name):
        tuned(partition.policy, ((name, text),))
    (receipt,) = partition.shell.take((ConfigurationPublished(1, ((name, text),)),), partition.now_ms)
    assert (receipt.taken, name in receipt.reason) == ("refused", True)
    assert partition.state.policy == partition.policy


def test_everything_tunable_is_a_number_of_the_policy() -> None:
    """No name in TUNABLE is a typo: each is a field that a policy has."""
    assert set(TUNABLE) <= set(Policy.__dataclass_fields__)  # type: ignore[attr-defined]  # a value is a dataclass
