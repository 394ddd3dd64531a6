"""S7: every approved version in exactly one place, at every checkpoint and, truly, at the end."""

import pytest

from simulators.auditors.allowances import Allowances
from simulators.evidence import FinalPlace
from tests.simulators.auditors.books import Books, at

HOURS = 32


def test_an_approved_version_in_no_place_is_unseen():
    """What the source approved and the runtime has no word about was never heard, or forgotten."""
    books = Books()
    books.approve("E")
    books.post("E")
    books.end("E", "posted", told="posted")
    books.evidence.final.pop()
    assert books.violated() == ["S7"]
    assert "unseen" in books.first("S7")


def test_an_older_version_is_counted_like_the_newest():
    """A version that was superseded before it arrived still has to be somewhere."""
    books = Books()
    books.corrected("E")
    books.evidence.final = [place for place in books.evidence.final if (place.entry_id, place.version) != ("E", 1)]
    assert books.violated() == ["S7"]


def test_a_version_in_two_places_is_found():
    """A row that is both posted and excluded would be replayed, or counted twice."""
    books = Books()
    books.good("E")
    books.end("E", "parked")
    assert books.violated() == ["S7"]
    assert "two places" in books.first("S7")


def test_a_place_of_a_version_nobody_approved_is_found():
    """The runtime has a version that the source does not know."""
    books = Books()
    books.evidence.final.append(FinalPlace("GHOST", 1, "superseded", "", None, HOURS))
    assert books.violated() == ["S7"]


def test_an_unknown_place_is_found():
    """There are eight places and no others."""
    books = Books()
    books.approve("E", time_type="leave")
    books.end("E", "somewhere")
    assert books.violated() == ["S7"]


def test_posted_without_a_line_is_found():
    """The runtime says posted, the ledger was emptied by a reversal."""
    books = Books()
    books.approve("E")
    books.approve("E", 2, withdrawn=True)
    books.reverse(books.post("E"))
    books.end("E", "posted", told="withdrawn")
    assert books.violated() == ["S7"]


def test_a_standing_line_that_is_called_posted_nowhere_is_found():
    """The ledger bills an hour that the runtime believes superseded."""
    books = Books()
    books.approve("E")
    books.post("E")
    books.end("E", "excluded", told="posted")
    assert books.violated() == ["S7"]


def test_excluded_is_by_rule_only():
    """Standard time cannot be left out by rule, even where nothing had to stand."""
    books = Books()
    books.approve("E")
    books.approve("E", 2, withdrawn=True)
    books.end("E", "excluded", told="withdrawn")
    assert books.violated() == ["S7"]


def test_superseded_with_its_line_still_standing_is_found():
    """A version that was replaced has no net effect."""
    books = Books()
    books.approve("E")
    books.approve("E", 2, quarter_hours=36)
    books.post("E")
    books.end("E", "superseded", 1)
    books.park("E", "erp_invalid", 2)
    books.evidence.refused_rows["E"] = {"invalid"}
    assert books.violated() == ["S2b", "S7"]


def test_a_line_that_cannot_be_reversed_may_stand_for_the_version_that_carried_it():
    """Version 2 changed words alone and is parked, since its withdrawal could not be made; the line is version 1's."""
    books = Books()
    books.approve("E")
    books.approve("E", 2, narrative="Pair programming, again")
    books.approve("E", 3, withdrawn=True)
    books.post("E")
    books.end("E", "superseded", 1)
    books.park("E", "erp_invalid", 2)
    books.evidence.refused_rows["E"] = {"invalid"}
    assert books.violated() == []


def test_a_withdrawal_may_wait_for_an_erp_that_never_comes_back():
    """A person's line of what was taken back stays where nobody can ask for it, and nowhere else."""
    books = Books()
    books.approve("E")
    books.approve("E", 2, withdrawn=True)
    books.post("E", by_hand=True, key="")
    books.end("E", "superseded", 1)
    assert "S7" in books.violated()
    books.allowances = Allowances(unhealthy=("DE01",))
    assert books.violated() == []


def test_the_newest_version_cannot_be_superseded():
    """On a change of words alone the newer version takes the line over; nothing later replaced it."""
    books = Books()
    books.approve("E")
    books.post("E")
    books.approve("E", 2, narrative="other words")
    books.end("E", "posted", 1, told="posted")
    books.end("E", "superseded", 2)
    assert books.violated() == ["S7"]


def test_two_versions_called_posted_are_found():
    """One entry has one effect, so one version of it is posted."""
    books = Books()
    books.approve("E")
    books.post("E")
    books.approve("E", 2, narrative="other words")
    books.end("E", "posted", 1)
    books.end("E", "posted", 2, told="posted")
    assert books.violated() == ["S7"]


def test_hours_of_a_place_are_the_sources():
    """The runtime read 8 hours as 8 quarters."""
    books = Books()
    books.good("E")
    books.evidence.final[-1].quarter_hours = 8
    assert books.violated() == ["S7"]


def test_money_of_a_place_is_the_auditors_price():
    """Where the runtime values a version, it values it right, superseded ones included."""
    books = Books()
    books.corrected("E")
    superseded, posted = books.evidence.final[-2:]
    superseded.bill_minor, posted.bill_minor = 800_00, 900_00
    assert books.violated() == []
    superseded.bill_minor = 800_01
    assert books.violated() == ["S7"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ({"counts": {"posted": 2}}, "3 versions acknowledged, the places hold 2"),
        ({"counts": {"posted": 4, "in_flight": -1}, "quarters": {}}, "in_flight holds -1"),
        ({"approved": 2}, "only 2 approved"),
        ({"quarters": {"posted": 3 * HOURS - 1}}, "the source 96"),
        ({"quarters": {"posted": 2 * HOURS, "parked": HOURS}}, "parked holds 0 versions"),
    ],
)
def test_the_places_sum_up_at_every_checkpoint(spoil: dict[str, object], words: str):
    """Counts sum to what was acknowledged, which was approved before, and hours follow."""
    books = Books()
    told = books.checkpoint(at(20), {"posted": 3 * HOURS}, posted=3, parked=0)
    assert books.violated() == []
    for field, value in spoil.items():
        setattr(told, field, value)
    assert books.violated() == ["S7"]
    assert words in books.first("S7")


def test_what_was_acknowledged_stays_acknowledged():
    """After a crash the door remembers what it said."""
    books = Books()
    books.checkpoint(at(20), posted=3)
    books.checkpoint(at(21), posted=2)
    assert books.violated() == ["S7"]


def test_everything_approved_is_acknowledged_at_the_end():
    """An approval that never came through the door is unseen, even if somebody made up a place for it."""
    books = Books()
    books.evidence.acknowledged -= 1
    assert books.violated() == ["S7"]
