"""What entries would be worth here: asked before they come in, and nothing is changed by asking."""

from runtime.core.news import EntryApproved
from runtime.core.partition.state import take_head
from runtime.core.partition.worth import KNOWN, LEFT_OUT, Worth
from runtime.journal.format import write_entry, write_head
from tests.runtime.core.a_partition import USUAL, Partition, approved, given, period, withdrawn


def whys(partition: Partition, *news: EntryApproved) -> list[str]:
    """Why each has no amount; empty where it has one."""
    return [told.why for told in partition.shell.worth(news)]


def test_an_entry_is_worth_what_it_will_be_valued_at() -> None:
    """The amount that is told beforehand is the amount that the partition gives the entry once it is taken in."""
    partition = given()
    news = approved("TS-1", hours="7.25")

    (told,) = partition.shell.worth([news])
    partition.hears(news)

    valuation = partition.state.entries["TS-1"].valuation
    assert valuation is not None
    assert told == Worth(valuation.bill_minor, valuation.bill_currency) == Worth(72_500, "EUR")


def test_asking_changes_nothing() -> None:
    """Head, entries and journal are the same after the question, also for entries that only the journal remembers."""
    partition = given(approved("TS-1"))
    partition.shell.checkpoint()
    entries = partition.state.entries
    chain = partition.journal.chain
    before = (write_head(take_head(partition.state)), [write_entry(one) for one in entries.values()], len(entries))
    held = entries.pop("TS-1")

    assert whys(partition, approved("TS-1"), approved("TS-1", 2), approved("TS-2"), approved("TS-3", project="P9")) == [
        *(KNOWN, "", "", "project_unknown")
    ]
    assert not entries
    entries["TS-1"] = held
    after = (write_head(take_head(partition.state)), [write_entry(one) for one in entries.values()], len(entries))
    assert (after, partition.journal.chain, partition.state.touched) == (before, chain, {})


def test_what_would_bring_nothing_has_no_amount() -> None:
    """A version that is here, or is older than what is here, and time that a rule leaves out, bill nothing."""
    partition = given(approved("TS-1", 2), withdrawn("TS-2", 2), excluded_time_types=(("travel", "not billed"),))

    assert whys(partition, approved("TS-1", 2), approved("TS-1"), approved("TS-2")) == [KNOWN] * 3
    assert whys(partition, approved("TS-3", time_type="travel")) == [LEFT_OUT]
    assert whys(partition, approved("TS-1", 3)) == [""]


def test_whoever_cannot_be_valued_is_told_with_the_reason_it_would_park_with() -> None:
    """A gap in the rates and an unknown project are named as PARKS names them, and no amount is made up."""
    partition = Partition()
    partition.hears(*USUAL[1:2]).hears(period("2026-03"))
    gap, unknown = approved("TS-1"), approved("TS-2", project="P9")

    told = partition.shell.worth([gap, unknown])
    partition.hears(gap, unknown)

    parks = [partition.state.entries[name].park for name in ("TS-1", "TS-2")]
    assert [one.why for one in told] == [park.reason for park in parks if park is not None]
    assert [(one.bill_minor, one.currency) for one in told] == [(0, "")] * 2
