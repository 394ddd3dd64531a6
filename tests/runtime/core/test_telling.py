"""What the PSA is told: the latest word on each entry, after the ledger has spoken, and again until it took it."""

from runtime.core.answers import Door, Refusal, TurnedAway
from runtime.core.effects import TellPsa
from runtime.core.inputs import Waive
from runtime.core.model import Project
from runtime.core.news import ProjectsPublished
from runtime.core.partition.due import PSA_CALLS_MAX, wanted
from runtime.core.partition.moves import Phase
from tests.runtime.core.a_partition import (
    LINGER_MS,
    TELL_MS,
    answer,
    applied,
    approved,
    given,
    refused,
    silence,
    taken,
    withdrawn,
)
from tests.runtime.core.a_recovery import assert_same, read_back


def words(tell: TellPsa) -> list[tuple[str, int, str]]:
    """(entry, version, status) of each."""
    return [(status.entry_id, status.version, status.status) for status in tell.statuses]


def test_posted_is_told_after_the_ledger_said_so() -> None:
    """Nothing is told of what is queued or on its way; what stands is told once, with its ledger id."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    assert partition.due(after_ms=TELL_MS, erp=0, psa=1) == []
    partition.hears(applied(batch))
    assert partition.due(after_ms=TELL_MS - 1, erp=0, psa=1) == []
    tell = partition.tells(after_ms=1)
    assert words(tell) == [("TS-1", 1, "posted")]
    assert tell.statuses[0].detail == partition.entry("TS-1").ledger_id
    partition.hears(taken(tell))
    assert partition.due(after_ms=TELL_MS, erp=0, psa=1) == []


def test_statuses_are_told_together() -> None:
    """The first news lingers for others; at most `tell_max` go in one call."""
    partition = given(*(approved(f"TS-{n}") for n in range(5)), tell_max=3)
    partition.posts()
    assert len(partition.tells(after_ms=0).statuses) == 3
    assert len(partition.tells().statuses) == 2


def test_a_slow_psa_is_not_called_without_end() -> None:
    """With four calls to the PSA on the wire no fifth is wanted, and with one answered there is room for one."""
    partition = given(*(approved(f"TS-{n}") for n in range(6)), tell_max=1)
    partition.posts()
    calls = [partition.tells() for _ in range(PSA_CALLS_MAX)]
    assert wanted(partition.state, partition.now_ms).psa == 0
    assert wanted(partition.hears(taken(calls[0])).state, partition.now_ms).psa == 1


def test_a_parked_entry_is_told_with_its_reason() -> None:
    """The consultant learns from the PSA why the hours are not billed."""
    partition = given(approved("TS-1", project="P9")).stands_still()
    tell = partition.tells()
    assert words(tell) == [("TS-1", 1, "parked")]
    assert tell.statuses[0].detail == "project_unknown"


def test_another_reason_is_told_although_the_entry_was_parked_before() -> None:
    """Woken and parked anew for something else, in time for the same call or after a restart: the PSA shows what is."""
    partition = given(approved("TS-1", project="P9")).stands_still()
    partition.hears(taken(partition.tells()))
    partition.hears(ProjectsPublished((Project("P9", "DE01", "C1", "K1"),)))
    partition.hears(refused(partition.sends(), Refusal.UNKNOWN_PROJECT))
    assert_same(partition.state, read_back(partition))
    tell = partition.tells()
    assert [status.detail for status in tell.statuses] == ["erp_unknown_project"]
    partition.hears(taken(tell))
    assert partition.due(after_ms=TELL_MS, erp=0, psa=1) == []


def test_telling_never_delays_posting() -> None:
    """An entry whose status is on its way to the PSA is amended and sent meanwhile."""
    partition = given(approved("TS-1"))
    partition.posts()
    partition.tells()
    assert len(partition.hears(approved("TS-1", 2, hours="6")).sends().rows) == 1


def test_the_latest_word_is_told_after_a_slow_call() -> None:
    """What changed while a call was out is told after it, and a later word has a higher number."""
    partition = given(approved("TS-1"))
    partition.posts()
    first = partition.tells()
    partition.posts(approved("TS-1", 2, hours="6"))
    partition.hears(applied(partition.sends(after_ms=0)))
    assert partition.due(after_ms=TELL_MS, erp=0, psa=1) == []
    partition.hears(taken(first))
    second = partition.tells()
    assert words(second) == [("TS-1", 2, "posted")]
    assert second.statuses[0].seq > first.statuses[0].seq


def test_what_was_not_taken_is_told_again() -> None:
    """Turned away or silent: the same word goes again later, with a higher number."""
    partition = given(approved("TS-1"))
    partition.posts()
    first = partition.tells()
    partition.hears(answer(first, TurnedAway(Door.MAINTENANCE)))
    second = partition.tells()
    partition.hears(silence(second))
    third = partition.tells()
    assert words(first) == words(second) == words(third)
    assert first.statuses[0].seq < second.statuses[0].seq < third.statuses[0].seq


def test_a_withdrawn_entry_that_was_told_is_told_again() -> None:
    """The PSA showed "posted": when the line is reversed it shows "withdrawn"."""
    partition = given(approved("TS-1"))
    partition.posts()
    partition.hears(taken(partition.tells()))
    partition.posts(withdrawn("TS-1", 2))
    partition.stands_still()
    assert words(partition.tells()) == [("TS-1", 2, "withdrawn")]


def test_what_the_psa_may_have_heard_counts_as_heard() -> None:
    """The call that told "posted" was never answered; the entry is withdrawn: the PSA must not go on showing posted."""
    partition = given(approved("TS-1"))
    partition.posts()
    tell = partition.tells()
    partition.hears(withdrawn("TS-1", 2), silence(tell))
    partition.posts()
    partition.stands_still()
    assert partition.phase_of("TS-1") is Phase.SUPERSEDED
    assert words(partition.tells()) == [("TS-1", 2, "withdrawn")]


def test_what_the_psa_may_have_heard_is_not_forgotten_in_a_crash() -> None:
    """The same, when the process dies over the call, before or after a checkpoint."""
    for checkpoints in (False, True):
        partition = given(approved("TS-1"))
        partition.posts()
        partition.shell.checkpoint()
        partition.tells()
        partition.hears(approved("TS-2"))
        if checkpoints:
            partition.shell.checkpoint()
        partition.crashes().hears(withdrawn("TS-1", 2))
        partition.posts()
        partition.stands_still()
        assert ("TS-1", 2, "withdrawn") in words(partition.tells()), f"checkpoint {checkpoints}"


def test_what_was_never_told_need_not_be_taken_back() -> None:
    """Withdrawn before anything was told: the PSA hears nothing."""
    partition = given(approved("TS-1"), withdrawn("TS-1", 2)).stands_still()
    assert partition.due(after_ms=LINGER_MS + TELL_MS, erp=0, psa=1) == []


def test_a_waived_entry_is_told() -> None:
    """Parked and told, then given up: the PSA shows that a person waived it."""
    partition = given(approved("TS-1"))
    partition.hears(refused(partition.sends(), Refusal.INVALID))
    partition.hears(taken(partition.tells()))
    partition.hears(Waive("TS-1", "ana", "write-off"))
    assert words(partition.tells()) == [("TS-1", 1, "waived")]


def test_a_carried_version_is_told_under_its_own_number() -> None:
    """The narrative changed: the PSA is told that the newer version is posted."""
    partition = given(approved("TS-1"))
    partition.posts()
    partition.hears(taken(partition.tells()))
    partition.hears(approved("TS-1", 2, invoice_narrative="other words")).stands_still()
    assert words(partition.tells()) == [("TS-1", 2, "posted")]


def test_an_entry_is_let_go_only_when_the_psa_knows() -> None:
    """Memory holds what has unfinished business; telling is business."""
    partition = given(approved("TS-1"))
    partition.posts()
    partition.shell.checkpoint()
    assert "TS-1" in partition.state.entries
    tell = partition.tells()
    partition.shell.checkpoint()
    assert "TS-1" in partition.state.entries
    partition.hears(taken(tell))
    partition.shell.checkpoint()
    assert partition.state.entries == {}


def test_what_stands_no_more_is_pending() -> None:
    """Posted and told, reversed for an amendment that cannot be posted yet: the PSA hears that it is pending."""
    partition = given(approved("TS-1"))
    partition.posts()
    partition.hears(taken(partition.tells()))
    partition.posts(approved("TS-1", 2, hours="6"))
    assert words(partition.tells()) == [("TS-1", 2, "pending")]


def test_pending_is_told_again_for_a_newer_version_and_ends_with_posted() -> None:
    """The word is about the latest version, whatever is on its way; what stands in the end has the last word."""
    partition = given(approved("TS-1"))
    partition.posts()
    partition.hears(taken(partition.tells()))
    partition.posts(approved("TS-1", 2, hours="6"))
    partition.hears(taken(partition.tells()))
    assert partition.due(after_ms=TELL_MS, erp=0, psa=1) == []
    batch = partition.sends()
    partition.hears(approved("TS-1", 3, hours="5"))
    assert_same(partition.state, read_back(partition))
    tell = partition.tells()
    assert words(tell) == [("TS-1", 3, "pending")]
    partition.hears(taken(tell), applied(batch))
    partition.posts()
    partition.hears(applied(partition.sends(after_ms=0)))
    assert words(partition.tells()) == [("TS-1", 3, "posted")]


def test_a_reversal_and_its_new_posting_within_a_breath_are_one_word() -> None:
    """Nothing was told in between: the PSA hears the newer "posted" alone."""
    partition = given(approved("TS-1"))
    partition.posts()
    partition.hears(taken(partition.tells()))
    partition.posts(approved("TS-1", 2, hours="6"))
    partition.hears(applied(partition.sends()))
    assert words(partition.tells()) == [("TS-1", 2, "posted")]


def test_a_posted_word_that_may_have_arrived_is_taken_back() -> None:
    """Nobody knows whether "posted" arrived, and nothing stands any more: the PSA hears "pending"."""
    partition = given(approved("TS-1"))
    partition.posts()
    tell = partition.tells()
    partition.posts(approved("TS-1", 2, hours="6"))
    partition.hears(silence(tell))
    assert words(partition.tells()) == [("TS-1", 2, "pending")]


def test_what_was_never_called_posted_is_not_called_pending() -> None:
    """Queued for the first time, or parked and woken: the PSA knows that it waits."""
    partition = given(approved("TS-1", project="P9"))
    partition.hears(taken(partition.tells()))
    partition.hears(approved("TS-1", 2))
    assert partition.due(after_ms=TELL_MS, erp=0, psa=1) == []
