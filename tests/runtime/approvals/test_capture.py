"""Reading a user over and over: an overlap, no double, a recount that finds what a cursor lost."""

from runtime.approvals.capture import Capture
from runtime.connectors.psa.timetagger import TrackedRecord, Updates
from tests.runtime.approvals.a_tracker import NINE_S, tracked

SECOND = 1_000_000


def read_at(server_us: int, *records: TrackedRecord, reset: bool = False) -> Updates:
    """An answer of the server."""
    return Updates(server_us, reset, records)


def test_a_reading_begins_one_overlap_before_the_last() -> None:
    """The first reading is of everything; each later one reaches back over the last one's end."""
    capture = Capture(overlap_us=60 * SECOND)
    assert capture.since_us() == 0

    capture.hear(read_at(100 * SECOND), 0)

    assert capture.since_us() == 40 * SECOND


def test_what_comes_twice_is_no_news() -> None:
    """By (user, key, version): the overlap brings the same versions again and again, and they change nothing."""
    capture = Capture(overlap_us=60 * SECOND)
    first = capture.hear(read_at(100 * SECOND, tracked(st_us=90 * SECOND)), 0)
    again = capture.hear(read_at(110 * SECOND, tracked(st_us=90 * SECOND)), capture.since_us())

    assert [one.key for one in first.changed] == ["k"]
    assert again.changed == ()


def test_the_newer_version_counts_in_whatever_order_they_come() -> None:
    """An older version that is read later, out of an answer that was slow, changes nothing."""
    capture = Capture(overlap_us=60 * SECOND)
    capture.hear(read_at(100 * SECOND, tracked(ds="new", st_us=95 * SECOND)), 0)
    late = capture.hear(read_at(101 * SECOND, tracked(ds="old", st_us=94 * SECOND)), capture.since_us())

    assert late.changed == ()
    assert capture.records["k"].ds == "new"


def test_what_a_cursor_without_overlap_lost_is_found_by_a_recount_and_counted() -> None:
    """A put that took its version before a reading and showed after it: no later reading brings it, a recount does."""
    capture = Capture(overlap_us=0)
    capture.hear(read_at(100 * SECOND), 0)
    hidden = tracked("late", st_us=99 * SECOND)

    found = capture.recount(NINE_S, NINE_S + 10, [hidden])

    assert (found.changed, found.lost) == ((hidden,), ("late",))
    assert capture.records["late"] == hidden


def test_what_the_next_reading_would_have_brought_was_not_lost() -> None:
    """A recount takes in what is new besides, and does not call it lost: the overlap would have brought it."""
    capture = Capture(overlap_us=60 * SECOND)
    capture.hear(read_at(100 * SECOND), 0)

    found = capture.recount(
        NINE_S, NINE_S + 10, [tracked("late", st_us=99 * SECOND), tracked("new", st_us=101 * SECOND)]
    )

    assert len(found.changed) == 2
    assert found.lost == ()


def test_the_list_of_the_server_is_right_also_where_it_is_older() -> None:
    """After a server was restored from a copy its versions are older than ours; a recount believes the server."""
    capture = Capture(overlap_us=0)
    capture.hear(read_at(100 * SECOND, tracked(ds="after the copy", st_us=90 * SECOND)), 0)

    capture.recount(NINE_S, NINE_S + 10, [tracked(ds="before the copy", st_us=80 * SECOND)])

    assert capture.records["k"].ds == "before the copy"


def test_what_moved_out_of_the_days_is_asked_about_and_not_taken_for_gone() -> None:
    """A record that is known in a range and no longer listed there is named, since only a full reading can tell."""
    capture = Capture(overlap_us=0)
    capture.hear(read_at(100 * SECOND, tracked("moved", st_us=90 * SECOND)), 0)

    assert capture.recount(NINE_S, NINE_S + 10, []).unlisted == ("moved",)
    assert capture.recount(NINE_S + 86_400, NINE_S + 90_000, []).unlisted == ()
    assert "moved" in capture.records


def test_a_running_record_is_in_every_later_range() -> None:
    """The server lists a timer that runs whenever it began before the end, and so do we."""
    capture = Capture(overlap_us=0)
    running = tracked("runs", minutes=0, st_us=90 * SECOND)
    capture.hear(read_at(100 * SECOND, running), 0)

    assert capture.recount(NINE_S + 86_400, NINE_S + 90_000, [running]).unlisted == ()
    assert capture.recount(NINE_S + 86_400, NINE_S + 90_000, []).unlisted == ("runs",)


def test_a_reset_voids_what_was_known() -> None:
    """After it, the answer is all there is: older versions count, and what is missing has vanished."""
    capture = Capture(overlap_us=0)
    capture.hear(read_at(100 * SECOND, tracked("a", st_us=90 * SECOND), tracked("b", st_us=91 * SECOND)), 0)

    heard = capture.hear(read_at(200 * SECOND, tracked("a", ds="older", st_us=50 * SECOND), reset=True), 100 * SECOND)

    assert [one.ds for one in heard.changed] == ["older"]
    assert heard.vanished == ("b",)
    assert list(capture.records) == ["a"]
