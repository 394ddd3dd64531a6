"""Recovery is the normal path: what a new process reads from the journal is the state the old one had."""

from collections.abc import Callable
from itertools import permutations

import pytest

from runtime.core.answers import Doubt, LineFound, Refusal, RefusedAsOne, Republished
from runtime.core.effects import Fetch, LookUp, SendBatch
from runtime.core.model import Gate, PeriodStatus, Place, Project
from runtime.core.news import ProjectsPublished
from runtime.core.partition.moves import Phase
from runtime.core.partition.state import rebuild, take_head
from runtime.core.policy import Policy
from runtime.core.records import EntriesWoken, EntryReceived, RowsDoubted
from runtime.drivers.shell import Shell
from runtime.journal.format import UnknownRecordError, read_entry, read_frame, read_head, write_head
from runtime.journal.memory import MemoryJournal
from tests.runtime.core.a_partition import (
    BEGAN_MS,
    DEADLINE_MS,
    LATE_AFTER_RESTART_MS,
    LATE_MS,
    LINGER_MS,
    PATIENCE_MS,
    POLL_MS,
    Partition,
    answer,
    applied,
    approved,
    entries,
    found,
    given,
    hand_line,
    line_of,
    period,
    refused,
    silence,
    staged,
    taken,
    unknown,
    withdrawn,
)
from tests.runtime.core.a_recovery import as_written, assert_same, read_back
from tests.runtime.core.test_recount import EVERY_MS, fetch, heads, recount


class DiedError(Exception):
    """The process died at a durable boundary."""


def eventful(partition: Partition, look: Callable[[], None]) -> None:
    """A morning in which everything happens; `look` is called after each step."""

    def then(done: object) -> None:
        look()

    then(partition.hears(*(approved(f"TS-{n}") for n in range(8)), approved("TS-8", project="P9")))
    then(partition.hears(approved("LV-1", time_type="leave")))
    first = partition.sends()
    then(first)
    then(partition.hears(refused(first, Refusal.LOCKED, "TS-1", "TS-2")))
    then(partition.hears(approved("TS-3", 2, hours="6"), withdrawn("TS-4", 2), withdrawn("TS-9", 2)))
    tell = partition.tells()
    then(tell)
    rested = partition.asks()
    then(rested)
    then(partition.hears(found(rested)))
    corrections = partition.sends(after_ms=0)
    then(corrections)
    then(partition.hears(staged(corrections)))
    then(partition.hears(taken(tell)))
    then(partition.hears(approved("TS-9", 1), approved("TS-0"), approved("TS-0", 2, invoice_narrative="words")))
    then(partition.hears(approved("TS-10"), approved("TS-11")))
    again = partition.sends()
    then(again)
    then(partition.hears(silence(again)))
    then(partition.hears(*(approved(f"B-{n}") for n in range(6))))
    batch = partition.sends()
    then(batch)
    then(partition.hears(answer(batch, RefusedAsOne(Refusal.INVALID))))
    half = partition.sends(after_ms=0)
    then(half)
    then(partition.hears(refused(half, Refusal.PERIOD_CLOSED)))
    then(partition.hears(period("2026-03", PeriodStatus.OPEN, Gate.HELD, version=2)))
    ask = partition.asks(after_ms=LATE_AFTER_RESTART_MS)
    then(ask)
    then(partition.hears(found(ask, *(line_of(row) for row in again.rows[:1]))))
    then(partition.hears(*(approved(f"H-{n}") for n in range(3))))
    then(partition.starts(after_ms=LINGER_MS))
    then(partition.hears(period("2026-03", version=3)))
    for question in partition.starts(after_ms=POLL_MS, erp=9):
        then(partition.hears(silence(question)))
    then(partition.waits(60_000))


def test_what_is_read_back_is_what_was_there() -> None:
    """After every step of an eventful morning, a new process reads the state that the old one had."""
    partition = given()
    eventful(partition, lambda: assert_same(partition.state, read_back(partition)))
    assert len(partition.made(EntryReceived)) > 15


@pytest.mark.parametrize("every", [1, 2, 3, 5])
def test_checkpoints_change_nothing(every: int) -> None:
    """The same with a checkpoint after every few steps: what is settled is let go, and nothing else is lost."""
    partition = given()
    steps = 0

    def look() -> None:
        nonlocal steps
        steps += 1
        if steps % every == 0:
            partition.shell.checkpoint()
        assert_same(partition.state, read_back(partition))

    eventful(partition, look)
    assert steps > 20


def test_a_state_survives_being_written_and_read() -> None:
    """Head and entries mean the same after a round trip, and are written the same again."""
    partition = given()

    def look() -> None:
        state = partition.state
        head = write_head(take_head(state))
        rows = [as_written(entry) for entry in state.entries.values()]
        assert write_head(read_head(head)) == head
        assert [as_written(read_entry(row)) for row in rows] == rows
        back = rebuild(partition.policy, read_head(head), map(read_entry, rows))
        assert back.head.books == state.head.books

    eventful(partition, look)
    assert partition.state.entries


def test_a_crash_at_every_commit_loses_nothing_and_doubles_nothing() -> None:
    """Whether it dies before or after the disk has it: the same news again, and the entry is there exactly once."""
    for number in range(1, 14):
        for side in ("before", "after"):
            expect_one_effect_dying_at(number, side)


def expect_one_effect_dying_at(number: int, side: str) -> None:
    """An entry and its amendment, with a death before or after the commit of that number."""
    partition = given()
    count = 0

    def boundary(now: str) -> None:
        nonlocal count
        count += now == "before"
        if count == number and now == side:
            raise DiedError

    partition.journal._boundary = boundary
    sent: dict[str, str] = {}
    standing: set[str] = set()
    for _ in range(60):
        try:
            partition.hears(approved("TS-1"), approved("TS-1", 2, hours="6"))
            for effect in partition.starts(after_ms=20_000):
                if isinstance(effect, SendBatch):
                    for row in effect.rows:
                        assert sent.setdefault(row.posting.key, row.text) == row.text, "the frozen row changed"
                        standing.add(row.posting.key)
                    partition.hears(applied(effect))
                elif isinstance(effect, LookUp):
                    partition.hears(found(effect, *_lines(partition, standing)))
        except DiedError:
            partition.journal._boundary = lambda _: None
            partition.crashes()
    entry = partition.entry("TS-1")
    assert entry.phase is Phase.POSTED, f"{side} commit {number}"
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.POSTED}
    versions = sorted(key.split("/")[3] + key.split("/")[5] for key in standing)
    assert versions in (["1post", "1reverse", "2post"], ["2post"]), f"{side} commit {number}: {versions}"


def _lines(partition: Partition, standing: set[str]) -> list[LineFound]:
    return [
        line_of(entry.intent)
        for entry in partition.state.entries.values()
        if entry.intent is not None and entry.intent.posting.key in standing
    ]


def test_a_restart_turns_every_call_into_doubt() -> None:
    """What may have left is silent now: asked about after a late landing, and only then sent again."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    partition.crashes(after_ms=1_000)
    assert partition.phase_of("TS-1") is Phase.IN_DOUBT
    assert partition.state.calls == {}
    assert partition.due(after_ms=LATE_AFTER_RESTART_MS - 1) == []
    partition.hears(found(partition.asks(after_ms=1)))
    assert partition.sends(after_ms=0).rows == batch.rows


@pytest.mark.parametrize("before_ms", [0, 29_999, 3_600_000])
def test_a_successor_waits_for_the_calls_of_whoever_lived_on(before_ms: int) -> None:
    """A host that lost its store and not the ERP gives its call up a deadline later, and only from then it may land
    late: whatever became known how long ago, nothing is asked before that, and nothing is sent twice."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    partition.crashes(after_ms=before_ms)
    assert partition.next_due_ms() == partition.now_ms + DEADLINE_MS + LATE_MS
    assert partition.due(after_ms=DEADLINE_MS + LATE_MS - 1) == []
    partition.hears(found(partition.asks(after_ms=1), *(line_of(row) for row in batch.rows)))
    assert partition.phase_of("TS-1") is Phase.POSTED
    assert partition.due(after_ms=LINGER_MS) == []


def test_a_call_that_was_given_up_is_not_waited_for_again() -> None:
    """Where the process heard the silence itself, the late landing counts from there, restart or not."""
    partition = given(approved("TS-1"))
    partition.hears(silence(partition.sends()))
    partition.crashes(after_ms=1_000)
    assert partition.due(after_ms=LATE_MS - 1_001) == []
    assert [type(effect) for effect in partition.due(after_ms=1)] == [LookUp]


def test_an_answer_to_a_call_of_a_dead_process_is_not_believed() -> None:
    """The old process's call is nobody's any more."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    partition.crashes().hears(applied(batch))
    assert partition.phase_of("TS-1") is Phase.IN_DOUBT


def test_calls_of_different_lives_have_different_names() -> None:
    """Every process has its own epoch, and it is in the name of its calls."""
    partition = given(approved("TS-1"))
    names = [partition.sends().call_id]
    for _ in range(3):
        partition.crashes()
        partition.hears(found(partition.asks(after_ms=LATE_AFTER_RESTART_MS)))
        names.append(partition.sends(after_ms=0).call_id)
    assert len(set(names)) == 4
    assert partition.state.head.epoch == 4


def test_two_batches_in_doubt_are_two_questions() -> None:
    """A restart over several calls opens a question for each, and each is settled."""
    partition = given(*(approved(f"TS-{n}") for n in range(6)), batch_max=3)
    batches = [partition.sends(after_ms=0), partition.sends(after_ms=0)]
    partition.crashes()
    assert len({record.ask_id for record in partition.made(RowsDoubted)}) == 2
    for _ in batches:
        partition.hears(
            found(partition.asks(after_ms=LATE_AFTER_RESTART_MS), *(line_of(row) for b in batches for row in b.rows))
        )
    assert partition.state.head.books.counts[Place.POSTED] == 6


def test_a_restart_changes_nothing_that_was_at_rest() -> None:
    """Dying twice in a row is dying once: the same phases, the same places, no call."""
    partition = given(approved("TS-1"), approved("TS-2", project="P9"))
    partition.posts()
    places = partition.state.head.books.counts.copy()
    partition.crashes().crashes()
    assert partition.state.head.books.counts == places
    assert partition.due(after_ms=LINGER_MS) == []
    assert partition.park_of("TS-2") == "project_unknown"


def test_news_of_an_entry_that_was_let_go_is_recovered() -> None:
    """Settled, let go, amended, crashed: the amendment is there with the history it belongs to."""
    partition = given(approved("TS-1"))
    partition.posts()
    partition.hears(taken(partition.tells()))
    partition.shell.checkpoint()
    partition.hears(approved("TS-1", 2, hours="6"))
    partition.crashes()
    assert partition.places_of("TS-1") == {1: Place.POSTED, 2: Place.IN_FLIGHT}
    batch = partition.sends()
    assert batch.rows[0].posting.bill_minor == -80_000


def test_old_news_of_an_entry_that_was_let_go_is_recovered() -> None:
    """Also a late old version, or an old withdrawal, is counted once, and known after a crash."""
    partition = given(approved("TS-1", 3))
    partition.posts()
    partition.hears(taken(partition.tells()))
    partition.shell.checkpoint()
    partition.hears(approved("TS-1", 1), withdrawn("TS-1", 2))
    partition.crashes().hears(approved("TS-1", 1), withdrawn("TS-1", 2))
    assert partition.places_of("TS-1") == {3: Place.POSTED, 1: Place.SUPERSEDED}
    assert partition.entry("TS-1").heard == 0b1110


def test_an_adopted_line_is_recovered() -> None:
    """A line by hand that counts as ours is still a person's line after a crash."""
    partition = given(approved("TS-1"))
    partition.hears(unknown(partition.sends(), Doubt.DUPLICATE))
    partition.hears(found(partition.asks()))
    partition.hears(found(partition.asks(), hand_line("TS-1", 80_000, 48_000)))
    partition.crashes()
    assert partition.entry("TS-1").by_hand
    partition.hears(approved("TS-1", 2, hours="6")).stands_still()
    assert partition.park_of("TS-1") == "standing_by_hand"


def test_what_this_build_cannot_read_stops_it() -> None:
    """A kind, a version or a format of a newer build is never skipped, since skipping a record is losing it."""
    for frame in (
        b'[1,5,[["TideTurned",1,{}]]]',
        b'[1,5,[["CallEnded",99,{}]]]',
        b'[2,5,[["CallEnded",1,{"call_id":"c","at_ms":1}]]]',
        b'[1,5,[["CallEnded"',
    ):
        with pytest.raises(UnknownRecordError):
            read_frame(frame)


def test_the_same_inputs_write_the_same_journal() -> None:
    """The chain head of two equal histories is the same, byte for byte."""
    chains = []
    for _ in range(2):
        partition = given()
        eventful(partition, lambda: None)
        chains.append(partition.journal.chain)
    assert chains[0] == chains[1]


def test_a_commit_that_fails_did_not_happen() -> None:
    """What is not durable is not applied."""
    partition = given()

    def boundary(_: str) -> None:
        raise DiedError

    partition.journal._boundary = boundary
    with pytest.raises(DiedError):
        partition.hears(approved("TS-1"))
    assert partition.state.entries == {}


def test_an_empty_journal_is_a_first_life() -> None:
    """Nothing to read: epoch 1, and a recount planned."""
    shell = Shell(Policy("T1", "DE01", given().policy.freeze), MemoryJournal())
    shell.wake_up(BEGAN_MS)
    assert shell.state.head.epoch == 1
    assert shell.state.head.recount_at_ms == BEGAN_MS + shell.policy.recount_every_ms


def test_a_bisected_batch_keeps_its_halves() -> None:
    """Halves that waited when the process died go alone afterwards, in their order."""
    partition = given(*(approved(f"TS-{n}") for n in (3, 1, 2, 0)))
    partition.hears(answer(partition.sends(), RefusedAsOne(Refusal.INVALID)))
    partition.shell.checkpoint()
    partition.crashes()
    assert [name for name, _, _ in entries(partition.sends(after_ms=0))] == ["TS-3", "TS-1"]
    assert [name for name, _, _ in entries(partition.sends(after_ms=0))] == ["TS-2", "TS-0"]


def test_what_was_found_held_is_still_held_after_a_crash() -> None:
    """What the ERP said of a period, against its publication, is part of the memory, checkpoint or not."""
    for checkpoints in (False, True):
        partition = given(approved("TS-1"))
        partition.hears(refused(partition.sends(), Refusal.PERIOD_ON_HOLD))
        if checkpoints:
            partition.shell.checkpoint()
        assert_same(partition.state, read_back(partition))
        partition.crashes().stands_still()
        assert partition.park_of("TS-1") == "period_held", f"checkpoint {checkpoints}"


def test_when_to_fetch_again_is_remembered() -> None:
    """A source that did not republish is left alone for as long after a crash as before it."""
    partition = given()
    partition.hears(answer(recount(partition, after_ms=EVERY_MS), heads(("TS-1", 1))))
    partition.hears(answer(fetch(partition), Republished(())))
    partition.shell.checkpoint()
    assert_same(partition.state, read_back(partition))
    rest_ms = partition.policy.back_off_max_ms
    partition.crashes(after_ms=1_000)
    assert partition.due(after_ms=rest_ms - 1_001, erp=0, psa=1) == []
    assert [type(effect) for effect in partition.due(after_ms=1, erp=0, psa=1)] == [Fetch]


def test_since_when_an_entry_waits_is_remembered() -> None:
    """Parked, let sleep over a crash and a checkpoint, and woken: the wait counts from the approval."""
    partition = given(approved("TS-1", project="P9")).stands_still()
    partition.shell.checkpoint()
    partition.crashes(after_ms=PATIENCE_MS).hears(ProjectsPublished((Project("P9", "DE01", "C1", "K1"),)))
    assert partition.asks(after_ms=LINGER_MS).by == "entry"


def test_since_when_a_row_is_staged_is_remembered() -> None:
    """The patience with the import does not begin anew with every process or every question."""
    partition = given(approved("TS-1"), staged_lost_after_ms=2 * POLL_MS)
    partition.hears(staged(partition.sends()))
    partition.hears(found(partition.asks(after_ms=POLL_MS)))
    partition.shell.checkpoint()
    partition.crashes().hears(found(partition.asks(after_ms=POLL_MS)))
    assert partition.phase_of("TS-1") is Phase.STAGED
    partition.hears(found(partition.asks(after_ms=POLL_MS)))
    assert partition.park_of("TS-1") == "staged_lost"


@pytest.mark.parametrize("order", list(permutations(("TS-1", "TS-2", "TS-3"))), ids="-".join)
def test_what_waited_together_wakes_in_the_same_order_after_a_crash(order: tuple[str, ...]) -> None:
    """Parked entries wake by the time they were parked, then by name: nothing depends on who had them in memory."""
    live, dead = given(), given()
    for partition in (live, dead):
        for name in order:
            partition.hears(approved(name, project="P9"), after_ms=1 if name == "TS-2" else 0)
        partition.shell.checkpoint()
    dead.crashes()
    for partition in (live, dead):
        partition.hears(ProjectsPublished((Project("P9", "DE01", "C1", "K1"),)))
    assert live.made(EntriesWoken) == dead.made(EntriesWoken)
    assert entries(live.sends()) == entries(dead.sends())
