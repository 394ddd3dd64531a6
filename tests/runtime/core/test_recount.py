"""The recount: now and then the source is asked what it has published, and what never reached us is fetched."""

from runtime.core.answers import Door, HeadsListed, Republished, TurnedAway, VersionHead
from runtime.core.effects import Fetch, Recount
from runtime.core.model import Leg, Place
from runtime.core.news import DeadLetter, EntryApproved
from runtime.core.partition.answered import PAGE_LIVES_MS
from tests.runtime.core.a_partition import (
    BEGAN_MS,
    HOUR_MS,
    Partition,
    answer,
    approved,
    entries,
    given,
    silence,
    taken,
    withdrawn,
)

EVERY_MS = 6 * HOUR_MS
OVERLAP_MS = 2 * HOUR_MS


def recount(partition: Partition, after_ms: int = 0) -> Recount:
    """The recount that leaves now."""
    (effect,) = partition.starts(after_ms, erp=0, psa=1)
    assert isinstance(effect, Recount), effect
    return effect


def fetch(partition: Partition) -> Fetch:
    """The request for missing versions that leaves now."""
    (effect,) = partition.starts(0, erp=0, psa=1)
    assert isinstance(effect, Fetch), effect
    return effect


def lately(entry_id: str) -> EntryApproved:
    """News of an approval that is no older than the recount that found it."""
    return approved(entry_id, decided_at_ms=BEGAN_MS + EVERY_MS)


def heads(*listed: tuple[str, int], page: str = "") -> HeadsListed:
    """A page of a recount."""
    return HeadsListed(tuple(VersionHead(*head) for head in listed), page)


def test_a_recount_is_due_every_so_often_and_overlaps_the_last() -> None:
    """Each reaches back behind the beginning of the one before, since events are published late."""
    partition = given()
    assert partition.due(after_ms=EVERY_MS - 1, erp=0, psa=1) == []
    first = recount(partition, after_ms=1)
    assert first.since_ms == BEGAN_MS - OVERLAP_MS
    partition.hears(answer(first, heads()), after_ms=5_000)
    second = recount(partition, after_ms=EVERY_MS)
    assert second.since_ms == BEGAN_MS + EVERY_MS - OVERLAP_MS


def test_what_never_reached_us_is_fetched_and_taken_in() -> None:
    """A lost event is found by its absence; once fetched, it is news like any other."""
    partition = given(approved("TS-1"))
    partition.posts()
    partition.hears(taken(partition.tells()))
    call = recount(partition, after_ms=EVERY_MS)
    partition.hears(answer(call, heads(("TS-1", 1), ("TS-1", 2), ("TS-2", 1))))
    asked = fetch(partition)
    assert asked.heads == (("TS-1", 2), ("TS-2", 1))
    partition.hears(answer(asked, Republished((withdrawn("TS-1", 2), lately("TS-2")))))
    assert sorted(entries(partition.sends())) == [("TS-1", 1, Leg.REVERSE), ("TS-2", 1, Leg.POST)]


def test_what_we_know_is_not_fetched() -> None:
    """Neither what is in memory nor what was let go is asked for again, nor an old version that came late."""
    partition = given(approved("TS-1"))
    partition.posts()
    partition.hears(taken(partition.tells()))
    partition.shell.checkpoint()
    assert "TS-1" not in partition.state.entries
    partition.hears(approved("TS-2", 3), approved("TS-2", 1), withdrawn("TS-2", 2))
    call = recount(partition, after_ms=EVERY_MS)
    partition.hears(answer(call, heads(("TS-1", 1), ("TS-2", 1), ("TS-2", 2), ("TS-2", 3))))
    assert partition.state.missing == {}


def test_an_older_version_that_was_lost_is_fetched_for_the_books() -> None:
    """A version that a newer one has replaced still belongs to what was approved: it is fetched, and superseded."""
    partition = given(approved("TS-1", 2))
    partition.posts()
    partition.hears(taken(partition.tells()))
    partition.hears(answer(recount(partition, after_ms=EVERY_MS), heads(("TS-1", 1), ("TS-1", 2))))
    partition.hears(answer(fetch(partition), Republished((approved("TS-1", 1),))))
    assert partition.places_of("TS-1") == {2: Place.POSTED, 1: Place.SUPERSEDED}


def test_every_page_is_read() -> None:
    """The next page is due at once; a recount is complete only with its last page."""
    partition = given()
    first = recount(partition, after_ms=EVERY_MS)
    partition.hears(answer(first, heads(page="2")))
    second = recount(partition)
    assert (second.page, second.since_ms) == ("2", first.since_ms)
    partition.hears(answer(second, heads()))
    assert partition.due(erp=0, psa=1) == []


def test_a_page_that_did_not_come_is_asked_for_again() -> None:
    """After silence, a closed door or a crash over it the same page is asked for, later: the others were read."""
    partition = given()
    first = recount(partition, after_ms=EVERY_MS)
    partition.hears(answer(first, heads(page="2")))
    partition.hears(silence(recount(partition)))
    assert partition.due(erp=0, psa=1) == []
    again = recount(partition, after_ms=partition.policy.tell_linger_ms)
    assert (again.page, again.since_ms) == ("2", first.since_ms)
    partition.hears(answer(again, TurnedAway(Door.UNREACHABLE)))
    again = recount(partition, after_ms=partition.policy.tell_linger_ms)
    partition.hears(answer(again, heads(page="3")))
    assert recount(partition).page == "3"
    partition.crashes()
    assert recount(partition, after_ms=partition.policy.tell_linger_ms).page == "3"


def test_a_recount_that_began_long_ago_begins_anew() -> None:
    """A page token need not live for ever: in the end the first page is asked for."""
    partition = given()
    first = recount(partition, after_ms=EVERY_MS)
    partition.hears(answer(first, heads(page="2")))
    second = recount(partition)
    partition.waits(PAGE_LIVES_MS)
    partition.hears(silence(second))
    again = recount(partition, after_ms=partition.policy.tell_linger_ms)
    assert (again.page, again.since_ms) == ("", first.since_ms)


def test_a_fetch_that_failed_is_still_missing() -> None:
    """Silence or a crash over the fetch forgets nothing, and the source is not asked again at once."""
    partition = given()
    rest_ms = partition.policy.back_off_max_ms
    partition.hears(answer(recount(partition, after_ms=EVERY_MS), heads(("TS-1", 1))))
    partition.hears(silence(fetch(partition)))
    assert partition.due(after_ms=rest_ms - 1, erp=0, psa=1) == []
    partition.waits(1)
    fetch(partition)
    partition.crashes()
    assert partition.due(after_ms=rest_ms - 1, erp=0, psa=1) == []
    partition.waits(1)
    assert fetch(partition).heads == (("TS-1", 1),)


def test_a_dead_letter_is_not_fetched_for_ever() -> None:
    """The source lists a version whose event nobody can read: it came, was counted, and is not asked for again."""
    partition = given()
    partition.hears(answer(recount(partition, after_ms=EVERY_MS), heads(("TS-1", 1))))
    partition.hears(answer(fetch(partition), Republished((), (DeadLetter("event: unreadable", b"?"),))))
    assert partition.state.missing == {}


def test_what_the_source_did_not_republish_is_still_missing() -> None:
    """Of two versions asked for one came: the other is asked for again, later, and the timer knows when."""
    partition = given()
    partition.hears(answer(recount(partition, after_ms=EVERY_MS), heads(("TS-1", 1), ("TS-2", 1), ("TS-3", 2))))
    assert partition.next_due_ms() == partition.now_ms
    partition.hears(answer(fetch(partition), Republished((lately("TS-1"), withdrawn("TS-3", 2)))))
    assert list(partition.state.missing) == [("TS-2", 1)]
    assert partition.state.head.fetch_at_ms == partition.now_ms + partition.policy.back_off_max_ms
    partition.sends()
    partition.stands_still()
    assert partition.next_due_ms() == partition.state.head.fetch_at_ms
    partition.waits(partition.policy.back_off_max_ms)
    assert fetch(partition).heads == (("TS-2", 1),)


def test_fetches_come_in_parts() -> None:
    """At most `fetch_max` versions in one request; the rest follows."""
    partition = given(fetch_max=2)
    partition.hears(answer(recount(partition, after_ms=EVERY_MS), heads(("A", 1), ("B", 1), ("C", 1))))
    assert fetch(partition).heads == (("A", 1), ("B", 1))
    assert fetch(partition).heads == (("C", 1),)


def test_what_arrives_while_it_is_fetched_is_one_version() -> None:
    """The lost event comes after all, and then again by the fetch: once in the books."""
    partition = given()
    partition.hears(answer(recount(partition, after_ms=EVERY_MS), heads(("TS-1", 1))))
    asked = fetch(partition)
    partition.hears(approved("TS-1")).hears(answer(asked, Republished((approved("TS-1"),))))
    assert partition.state.head.books.counts[Place.IN_FLIGHT] == 1
