"""A person may have posted the time beside the feed: where that is likely the ledger is asked by entry first."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from runtime.core.answers import Door, Doubt, Refusal, TurnedAway
from runtime.core.effects import LookUp
from runtime.core.inputs import Pause, Resume, Retry, Waive
from runtime.core.model import Gate, Leg, PeriodStatus, Place, Project
from runtime.core.news import EntryNews, ProjectsPublished, RatesPublished
from runtime.core.partition.moves import Phase
from runtime.core.records import EntriesConfirmed, EntriesUnconfirmed
from tests.runtime.core.a_partition import (
    BEGAN_MS,
    HOUR_MS,
    LATE_MS,
    LINGER_MS,
    PATIENCE_MS,
    RATES,
    Partition,
    amounts,
    answer,
    approved,
    entries,
    found,
    given,
    hand_line,
    keys,
    line_of,
    period,
    refused,
    taken,
    unknown,
    withdrawn,
)
from tests.runtime.core.a_recovery import assert_same, read_back


def held() -> Partition:
    """TS-1 stands still for a hold on March."""
    partition = given(period("2026-03", gate=Gate.HELD, version=2), approved("TS-1")).stands_still()
    assert partition.park_of("TS-1") == "period_held"
    return partition


def asked_by_entry(partition: Partition, after_ms: int = 0) -> LookUp:
    """The question about TS-1 that leaves now."""
    ask = partition.asks(after_ms)
    assert (ask.by, ask.names) == ("entry", ("TS-1",))
    return ask


def test_a_released_hold_asks_first() -> None:
    """While finance held the period somebody may have posted by hand: the ledger is asked by entry before we send."""
    partition = held().hears(period("2026-03", version=3))
    assert partition.phase_of("TS-1") is Phase.UNCONFIRMED
    assert partition.places_of("TS-1") == {1: Place.IN_FLIGHT}
    partition.hears(found(asked_by_entry(partition)))
    assert entries(partition.sends()) == [("TS-1", 1, Leg.POST)]


def test_a_long_wait_asks_first() -> None:
    """An entry of which nothing stood for longer than `confirm_after_ms` is asked about, once per wait."""
    partition = given(approved("TS-1"))
    partition.now_ms += PATIENCE_MS
    assert entries(partition.hears(approved("TS-2")).sends(after_ms=0))[0] == ("TS-1", 1, Leg.POST)

    late = given(approved("TS-1"))
    ask = asked_by_entry(late, after_ms=PATIENCE_MS + 1)
    late.hears(found(ask))
    assert len(late.made(EntriesConfirmed)) == 1
    assert entries(late.sends(after_ms=0)) == [("TS-1", 1, Leg.POST)]


def test_a_confirmation_does_not_last_for_ever() -> None:
    """Confirmed, and then stuck for just as long again: asked again."""
    partition = given(approved("TS-1"))
    partition.hears(found(asked_by_entry(partition, after_ms=PATIENCE_MS + 1)))
    assert asked_by_entry(partition, after_ms=PATIENCE_MS + 1).by == "entry"


def test_a_line_by_hand_for_the_same_money_is_adopted() -> None:
    """The person's line counts as ours: nothing is sent, and the version is posted."""
    partition = held().hears(period("2026-03", version=3))
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1", 80_000, 48_000)))
    assert partition.phase_of("TS-1") is Phase.POSTED
    assert partition.places_of("TS-1") == {1: Place.POSTED}
    entry = partition.entry("TS-1")
    assert (entry.by_hand, entry.ledger_id) == (True, "H-TS-1")
    assert partition.due(after_ms=LINGER_MS) == []


def test_an_adopted_line_keeps_the_date_that_the_person_gave_it() -> None:
    """What is recorded as standing is what stands: accounting date and period as read, not as we would have dated."""
    partition = held().hears(period("2026-03", version=3))
    line = hand_line("TS-1", accounting_date=date(2026, 4, 2), period="2026-04")
    partition.hears(found(asked_by_entry(partition), line))
    standing = partition.entry("TS-1").standing
    assert standing is not None
    assert (standing.accounting_date, standing.period) == (date(2026, 4, 2), "2026-04")
    assert standing.work_date == date(2026, 3, 10)


def test_an_adopted_line_needs_no_open_period() -> None:
    """The period was shut for good meanwhile: what a person posted in time is ours all the same."""
    partition = held().hears(period("2026-03", PeriodStatus.CLOSED, version=3))
    partition.hears(period("2026-04", PeriodStatus.CLOSED, version=2))
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1")))
    assert partition.phase_of("TS-1") is Phase.POSTED


@pytest.mark.parametrize(
    "change",
    [
        {"bill_minor": 80_001},
        {"cost_minor": 47_999},
        {"project": "P2"},
        {"work_date": date(2026, 3, 11)},
        {"work_date": None},
    ],
    ids=["bill", "cost", "project", "day", "no day"],
)
def test_a_line_by_hand_for_something_else_parks(change: dict[str, Any]) -> None:
    """Money, project or day differ, or nobody can say: finance compares, and nothing is posted beside it."""
    partition = held().hears(period("2026-03", version=3))
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1", **change)))
    assert partition.park_of("TS-1") == "manual_line_differs"
    assert partition.places_of("TS-1") == {1: Place.PARKED}


def parked_beside_a_line() -> Partition:
    """A person's line for TS-1 stands with another amount."""
    partition = held().hears(period("2026-03", version=3))
    return partition.hears(found(asked_by_entry(partition), hand_line("TS-1", 1, 1)))


def test_a_retry_after_the_manual_line_was_corrected_asks_again() -> None:
    """The line was corrected rather than removed: a retry adopts it instead of posting beside it."""
    partition = parked_beside_a_line().hears(Retry(("TS-1",), "ana", "line corrected"))
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1", 80_000, 48_000)))
    assert partition.phase_of("TS-1") is Phase.POSTED


def test_a_newer_version_beside_a_manual_line_asks_again() -> None:
    """The amendment may be what makes the person's line right; in any case it is not posted beside it unasked."""
    partition = parked_beside_a_line().hears(approved("TS-1", 2, hours="6"))
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1", 60_000, 36_000)))
    assert partition.phase_of("TS-1") is Phase.POSTED
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.POSTED}


def test_a_newer_version_during_a_hold_does_not_slip_past_the_question() -> None:
    """Amended and released in one breath: the long hold is not forgotten."""
    partition = held()
    partition.hears(period("2026-03", version=3), approved("TS-1", 2, hours="6"))
    assert asked_by_entry(partition).by == "entry"


def test_news_while_the_question_is_out_is_what_the_answer_is_compared_with() -> None:
    """Amended while unconfirmed: the person's line is compared with the newest version."""
    partition = held().hears(period("2026-03", version=3))
    ask = asked_by_entry(partition)
    partition.hears(approved("TS-1", 2, hours="6")).hears(found(ask, hand_line("TS-1", 60_000, 36_000)))
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.POSTED}


@pytest.mark.parametrize(
    ("news", "reason"),
    [
        (withdrawn("TS-1", 2), "manual_line_differs"),
        (approved("TS-1", 2, time_type="leave"), "manual_line_differs"),
        (approved("TS-1", 2, time_type="overtime"), "rate_gap"),
        (approved("TS-1", 2, home_entity="FR01"), "entity_moved"),
    ],
    ids=["withdrawn", "excluded", "unpriced", "moved"],
)
def test_a_line_by_hand_that_should_not_stand_is_for_a_person(news: EntryNews, reason: str) -> None:
    """Taken back, excluded, without a price or moved while the question was out: the line is not called ours."""
    partition = held().hears(period("2026-03", version=3))
    ask = asked_by_entry(partition)
    partition.hears(news).hears(found(ask, hand_line("TS-1")))
    assert partition.park_of("TS-1") == reason
    assert partition.due(after_ms=LINGER_MS) == []


@pytest.mark.parametrize("news", [withdrawn("TS-1", 2), approved("TS-1", 2, time_type="leave")], ids=["back", "leave"])
def test_what_is_taken_back_during_a_hold_is_asked_about(news: EntryNews) -> None:
    """Somebody may have posted it by hand; it does not vanish from our books while it stands in the ledger."""
    partition = held().hears(news)
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1")))
    assert partition.park_of("TS-1") == "manual_line_differs"
    partition.hears(Retry(("TS-1",), "ana", "line removed")).hears(found(asked_by_entry(partition))).stands_still()
    assert partition.phase_of("TS-1") in (Phase.SUPERSEDED, Phase.EXCLUDED)


def test_withdrawn_while_the_question_is_out() -> None:
    """Nothing is wanted any more: whatever the answer, nothing is sent."""
    partition = held().hears(period("2026-03", version=3))
    ask = asked_by_entry(partition)
    partition.hears(withdrawn("TS-1", 2)).hears(found(ask)).stands_still()
    assert partition.phase_of("TS-1") is Phase.SUPERSEDED


def test_a_manual_line_cannot_be_reversed_by_the_feed() -> None:
    """An amendment of an adopted line is for finance: the feed reverses only what it posted."""
    partition = held().hears(period("2026-03", version=3))
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1", 80_000, 48_000)))
    partition.hears(approved("TS-1", 2, hours="6")).stands_still()
    assert partition.park_of("TS-1") == "standing_by_hand"
    assert partition.places_of("TS-1") == {1: Place.POSTED, 2: Place.PARKED}


def amended_beside_an_adopted_line(*news: EntryNews) -> Partition:
    """TS-1 counts as posted by a person's line; then it was amended to six hours, and parked."""
    partition = held().hears(period("2026-03", version=3))
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1")))
    partition.hears(*(news or (approved("TS-1", 2, hours="6"),))).stands_still()
    assert partition.park_of("TS-1") == "standing_by_hand"
    return partition


def test_an_adopted_line_that_was_removed_gives_way() -> None:
    """Retried, and the person's line is gone: its version is superseded, and the newer one is posted."""
    partition = amended_beside_an_adopted_line().hears(Retry(("TS-1",), "ana", "line removed"))
    partition.hears(found(asked_by_entry(partition)))
    entry = partition.entry("TS-1")
    assert (entry.standing, entry.by_hand, entry.ledger_id) == (None, False, "")
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.IN_FLIGHT}
    batch = partition.sends()
    assert entries(batch) == [("TS-1", 2, Leg.POST)]
    assert amounts(batch) == [(60_000, 36_000)]


def test_an_adopted_line_that_was_corrected_counts_for_the_newer_version() -> None:
    """Retried, and the person's line now says six hours: adopted for version 2, and version 1 is superseded."""
    partition = amended_beside_an_adopted_line().hears(Retry(("TS-1",), "ana", "line corrected"))
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1", 60_000, 36_000)))
    assert partition.phase_of("TS-1") is Phase.POSTED
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.POSTED}


def test_an_adopted_line_that_nobody_touched_stays_a_case() -> None:
    """Retried too soon: the line still says eight hours."""
    partition = amended_beside_an_adopted_line().hears(Retry(("TS-1",), "ana", "try"))
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1")))
    assert partition.park_of("TS-1") == "manual_line_differs"
    assert partition.places_of("TS-1") == {1: Place.POSTED, 2: Place.PARKED}
    partition.hears(Retry(("TS-1",), "ana", "removed now")).hears(found(asked_by_entry(partition)))
    assert entries(partition.sends()) == [("TS-1", 2, Leg.POST)]


def test_an_adopted_line_whose_entry_was_withdrawn_may_be_removed() -> None:
    """The person takes the line out and retries: nothing stands, nothing is wanted."""
    partition = amended_beside_an_adopted_line(withdrawn("TS-1", 2)).hears(Retry(("TS-1",), "ana", "removed"))
    partition.hears(found(asked_by_entry(partition))).stands_still()
    assert partition.phase_of("TS-1") is Phase.SUPERSEDED
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED}


def test_newer_news_of_a_line_that_stands_by_hand_asks_again() -> None:
    """The amendment was amended back: what the person posted is right again."""
    partition = amended_beside_an_adopted_line().hears(approved("TS-1", 3))
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1")))
    assert partition.phase_of("TS-1") is Phase.POSTED
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED, 2: Place.SUPERSEDED, 3: Place.POSTED}


def test_an_adopted_line_that_is_gone_is_posted_no_more_for_the_psa() -> None:
    """The PSA had heard "posted" for the person's line: it hears "pending" as soon as we know better."""
    partition = held().hears(period("2026-03", version=3))
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1")))
    partition.hears(taken(partition.tells()))
    partition.hears(approved("TS-1", 2, hours="6")).stands_still()
    partition.hears(Retry(("TS-1",), "ana", "line removed")).hears(found(asked_by_entry(partition)))
    assert_same(partition.state, read_back(partition))
    assert [status.status for status in partition.tells().statuses] == ["pending"]


def test_parking_does_not_shorten_the_wait() -> None:
    """For seven hours its project was unknown, then it wakes: somebody may have posted it meanwhile."""
    partition = given(approved("TS-1", project="P9"), approved("TS-2", project="P9", work_date=date(2026, 3, 11)))
    partition.hears(ProjectsPublished((Project("P9", "DE01", "C1", "K1"),)), after_ms=PATIENCE_MS + 1)
    ask = partition.asks(after_ms=LINGER_MS)
    assert (ask.by, ask.names) == ("entry", ("TS-1", "TS-2"))


def test_a_row_that_was_turned_away_for_long_is_asked_about_and_goes_as_it_was() -> None:
    """Sent before and definitely returned is no sign that nobody posted it by hand; absent, it goes at once."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    partition.hears(answer(batch, TurnedAway(Door.MAINTENANCE)))
    partition.hears(found(asked_by_entry(partition, after_ms=PATIENCE_MS + 1)))
    assert partition.phase_of("TS-1") is Phase.QUEUED
    assert partition.entry("TS-1").refusals == 0
    assert partition.sends(after_ms=0).rows == batch.rows


def test_a_row_that_was_turned_away_for_long_may_stand_by_hand() -> None:
    """The person's line is adopted, and the key that was frozen for it is awaited no more."""
    partition = given(approved("TS-1"))
    partition.hears(answer(partition.sends(), TurnedAway(Door.MAINTENANCE)))
    partition.hears(found(asked_by_entry(partition, after_ms=PATIENCE_MS + 1), hand_line("TS-1")))
    assert partition.phase_of("TS-1") is Phase.POSTED
    assert partition.state.keys == {}


def test_what_waited_long_is_asked_about_wherever_it_stands_in_line() -> None:
    """A fresh row at the head hides nobody: all late ones within reach of a question are asked about, the fresh go."""
    partition = given(approved("OLD-1", project="P9"), approved("OLD-2", project="P9"), batch_max=2, lookup_max=9)
    partition.waits(PATIENCE_MS)
    partition.hears(approved("NEW-1", decided_at_ms=partition.now_ms), after_ms=1)
    partition.hears(ProjectsPublished((Project("P9", "DE01", "C1", "K1"),)))
    effects = partition.starts(after_ms=0, erp=2)
    assert [effect.names for effect in effects if isinstance(effect, LookUp)] == [("OLD-1", "OLD-2")]
    assert entries(partition.sends()) == [("NEW-1", 1, Leg.POST)]


def test_an_approval_that_is_old_when_it_is_heard_may_stand_by_hand() -> None:
    """Its event was lost and found late: finance may have posted meanwhile, so the ledger is asked before a send."""
    partition = given(approved("TS-1", decided_at_ms=BEGAN_MS - PATIENCE_MS - 1), approved("TS-2"))
    partition.hears(found(asked_by_entry(partition, after_ms=LINGER_MS), hand_line("TS-1")))
    assert partition.phase_of("TS-1") is Phase.POSTED
    assert [name for name, _, _ in entries(partition.sends(after_ms=0))] == ["TS-2"]


def test_what_stands_is_not_asked_about() -> None:
    """A reversal may wait as long as it likes: what stands is our own line, and a person would not post beside it."""
    partition = given(approved("TS-1"))
    partition.posts()
    partition.hears(Pause("ana", "audit"), withdrawn("TS-1", 2)).waits(2 * PATIENCE_MS)
    assert entries(partition.hears(Resume("ana", "done")).sends(after_ms=0)) == [("TS-1", 1, Leg.REVERSE)]


def test_after_a_reversal_the_wait_begins() -> None:
    """Between the legs of a correction nothing stands: if that lasts, a person may have helped."""
    partition = given(approved("TS-1"))
    partition.posts()
    partition.waits(PATIENCE_MS)
    partition.posts(approved("TS-1", 2, hours="6"))
    reversed_ms = partition.now_ms
    assert partition.entry("TS-1").wants_since_ms == reversed_ms
    partition.hears(Pause("ana", "audit")).waits(PATIENCE_MS + 1)
    assert asked_by_entry(partition.hears(Resume("ana", "done"))).by == "entry"


def duplicate_of_nothing_of_ours(partition: Partition) -> LookUp:
    """The ERP calls TS-1 a duplicate; under our key it has nothing; so it is asked by entry."""
    batch = partition.sends()
    partition.hears(unknown(batch, Doubt.DUPLICATE))
    by_key = partition.asks()
    assert by_key.by == "key"
    partition.hears(found(by_key))
    assert partition.phase_of("TS-1") is Phase.UNCONFIRMED
    return asked_by_entry(partition)


def test_a_duplicate_of_a_line_by_hand_is_found_and_adopted() -> None:
    """The ERP refused our row because a person's line stands: that line is found by entry and counts as ours."""
    partition = given(approved("TS-1"))
    ask = duplicate_of_nothing_of_ours(partition)
    partition.hears(found(ask, hand_line("TS-1", 80_000, 48_000)))
    assert partition.phase_of("TS-1") is Phase.POSTED
    entry = partition.entry("TS-1")
    assert entry.by_hand
    assert entry.intent is None
    assert partition.state.keys == {}


def test_a_duplicate_of_a_line_by_hand_for_other_money_parks() -> None:
    """It is not resent for ever: it parks with finance."""
    partition = given(approved("TS-1"))
    partition.hears(found(duplicate_of_nothing_of_ours(partition), hand_line("TS-1", 1, 1)))
    assert partition.park_of("TS-1") == "manual_line_differs"
    assert partition.state.keys == {}


def test_a_duplicate_that_nobody_finds_stays_in_doubt_until_a_person_looks() -> None:
    """Neither key nor entry is there: it is asked after ever later, never sent under another key, and not for ever."""
    partition = given(approved("TS-1"), refusals_max=3)
    batch = partition.sends()
    partition.hears(unknown(batch, Doubt.DUPLICATE))
    rests: list[int] = []
    for _ in range(3):
        ask = partition.asks() if not rests else partition.asks(after_ms=rests[-1])
        assert (ask.by, list(ask.names)) == ("key", keys(batch))
        partition.hears(found(ask)).hears(found(asked_by_entry(partition)))
        assert partition.phase_of("TS-1") is Phase.IN_DOUBT
        rests.append(partition.state.ask_order[0][0] - partition.now_ms)
        assert partition.due(after_ms=0) == []
    assert rests == sorted(set(rests))
    partition.hears(approved("TS-1", 2, hours="6"))
    assert partition.phase_of("TS-1") is Phase.IN_DOUBT, "news does not send anything past a row in doubt"
    for _ in range(4):
        if partition.phase_of("TS-1") is Phase.PARKED:
            break
        partition.hears(found(partition.asks(after_ms=HOUR_MS))).hears(found(asked_by_entry(partition)))
    assert partition.park_of("TS-1") == "ledger_differs"


@pytest.mark.parametrize("status", ["posted", "staged"])
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside a line by hand"])
def test_a_line_of_the_feed_under_a_key_we_do_not_know_is_for_a_person(status: str, beside: bool) -> None:
    """A look-up by entry may return lines of the feed: none of ours can stand now, so nothing is sent beside it."""
    partition = given(approved("TS-1"))
    batch = partition.posts()
    partition.posts(withdrawn("TS-1", 2))
    partition.stands_still()
    partition.hears(period("2026-03", gate=Gate.HELD, version=2), approved("TS-1", 3)).stands_still()
    partition.hears(period("2026-03", version=3))
    strange = line_of(batch.rows[0], status)
    lines = [strange, hand_line("TS-1")] if beside else [strange]
    partition.hears(found(asked_by_entry(partition), *lines))
    assert partition.park_of("TS-1") == "ledger_differs"
    assert partition.due(after_ms=LINGER_MS) == []


def test_what_the_import_rejected_stands_nowhere() -> None:
    """A rejected row that a look-up by entry still lists is no reason to wait."""
    partition = given(approved("TS-1"))
    batch = partition.sends()
    partition.hears(unknown(batch, Doubt.STORED_ERROR))
    partition.hears(found(partition.asks(after_ms=LATE_MS)))
    ask = asked_by_entry(partition, after_ms=PATIENCE_MS + 1)
    partition.hears(found(ask, line_of(batch.rows[0], "rejected", reason="locked")))
    assert entries(partition.sends(after_ms=0)) == [("TS-1", 1, Leg.POST)]


def test_two_lines_by_hand_are_for_a_person() -> None:
    """Whichever is right, the other is one too many."""
    partition = held().hears(period("2026-03", version=3))
    second = hand_line("TS-1", 1, 1, ledger_id="H-2")
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1"), second))
    assert partition.park_of("TS-1") == "manual_line_differs"


def test_a_duplicate_reversal_that_nobody_shows_is_a_case_after_a_day() -> None:
    """Nobody reverses our lines under another name: the row stays in doubt, and a person looks in the end."""
    partition = given(approved("TS-1"))
    partition.posts()
    reversal = partition.hears(withdrawn("TS-1", 2)).sends()
    partition.hears(unknown(reversal, Doubt.DUPLICATE))
    partition.hears(found(partition.asks()))
    assert partition.phase_of("TS-1") is Phase.IN_DOUBT
    partition.hears(found(partition.asks(after_ms=25 * HOUR_MS)))
    assert partition.park_of("TS-1") == "ledger_differs"


def test_a_line_by_hand_is_adopted_once_its_rate_is_there() -> None:
    """Rates late and a manual journal: what was asked about without a price is priced then, and taken for ours."""
    partition = given(approved("TS-1", time_type="overtime"))
    assert partition.park_of("TS-1") == "rate_gap"
    partition.waits(7 * HOUR_MS)
    partition.hears(Retry(("TS-1",), "ana", "look")).waits(LINGER_MS)
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1")))
    assert partition.park_of("TS-1") == "rate_gap"
    late = [replace(line, rate_id=f"{line.rate_id}-ot", time_type="overtime") for line in RATES.lines]
    partition.hears(RatesPublished(tuple(late))).waits(7 * HOUR_MS)
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1")))
    assert partition.phase_of("TS-1") is Phase.POSTED


def test_what_a_person_took_out_of_the_ledger_is_not_called_posted() -> None:
    """Reversed by hand: the feed's reversal is refused, a person retries, and the ledger shows that nothing stands."""
    partition = given(approved("TS-1"))
    partition.posts()
    partition.hears(refused(partition.hears(approved("TS-1", 2, hours="6")).sends(), Refusal.NOTHING_TO_REVERSE))
    partition.hears(approved("TS-1", 3))
    partition.hears(found(asked_by_entry(partition)))
    assert entries(partition.sends()) == [("TS-1", 3, Leg.POST)]


def test_an_approval_that_is_heard_of_after_its_withdrawal_asks_what_stands() -> None:
    """The approval was lost, finance posted by hand, the source took the entry back: the line is a person's case."""
    partition = given(withdrawn("TS-1", 2)).stands_still()
    assert partition.phase_of("TS-1") is Phase.SUPERSEDED
    partition.waits(7 * HOUR_MS)
    partition.hears(approved("TS-1", 1))
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1")))
    assert partition.park_of("TS-1") == "manual_line_differs"
    assert partition.places_of("TS-1") == {1: Place.PARKED}
    partition.hears(Retry(("TS-1",), "ana", "line removed")).hears(found(asked_by_entry(partition))).stands_still()
    assert partition.phase_of("TS-1") is Phase.SUPERSEDED
    assert partition.places_of("TS-1") == {1: Place.SUPERSEDED}


def _taken_back_beside_a_line_by_hand() -> Partition:
    """The withdrawal is heard of hours after it was made, the approval not yet; a person's line was found."""
    partition = given(withdrawn("TS-1", 2)).stands_still()
    partition.waits(7 * HOUR_MS).hears(withdrawn("TS-1", 3))
    partition.waits(7 * HOUR_MS)
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1")))
    assert partition.park_of("TS-1") == "manual_line_differs"
    assert partition.places_of("TS-1") == {}
    return partition


def test_an_approval_that_comes_behind_a_manual_line_is_what_that_line_is_about() -> None:
    """Taken back, a person's line found, and only then the approval: its version is the one that is with a person."""
    partition = _taken_back_beside_a_line_by_hand().hears(approved("TS-1", 1))
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1")))
    assert partition.park_of("TS-1") == "manual_line_differs"
    assert partition.places_of("TS-1") == {1: Place.PARKED}
    assert_same(partition.state, read_back(partition))


def test_an_approval_that_comes_after_the_case_was_given_up_opens_it_again() -> None:
    """The person waived a line for nothing; now it turns out what it was for, so the ledger is asked once more."""
    partition = _taken_back_beside_a_line_by_hand().hears(Waive("TS-1", "ana", "line stays"))
    partition.hears(approved("TS-1", 1))
    partition.hears(found(asked_by_entry(partition), hand_line("TS-1")))
    assert partition.places_of("TS-1") == {1: Place.PARKED}


def test_many_released_rows_are_asked_about_in_parts() -> None:
    """A hold on a whole month is released: the questions are no longer than the ledger takes."""
    news = [approved(f"TS-{n}") for n in range(7)]
    partition = given(period("2026-03", gate=Gate.HELD, version=2), *news, lookup_max=3).stands_still()
    partition.hears(period("2026-03", version=3))
    assert [len(record.entry_ids) for record in partition.made(EntriesUnconfirmed)] == [3, 3, 1]
    asks = partition.starts(erp=9)
    assert len(asks) == 3
    for ask in asks:
        assert isinstance(ask, LookUp)
        partition.hears(found(ask))
    assert len(partition.sends(after_ms=HOUR_MS).rows) == 7
