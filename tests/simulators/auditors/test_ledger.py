"""What the ledger's lines may not say: S1, S2, S2b, S4, S5 and S6, each with the breaches that it has to name."""

import pytest

from simulators.auditors.finding import Finding
from tests.simulators.auditors.books import HOUR_MS, Books, assignment, at, day


def test_a_second_posting_names_both_lines_and_the_amount():
    """S1: the same version twice in the ledger is found whatever the keys say, with the money billed twice."""
    books = Books()
    first = books.good("E")
    second = books.post("E", key="quite another key", at_ms=first.at_ms + HOUR_MS)
    assert books.violated() == ["S1", "S2b"]
    assert books.audit()["S1"].examples == [
        Finding(
            invariant="S1",
            entity="DE01",
            entry_id="E",
            versions=(1,),
            text="E version 1 twice: lines L4 and L5 both stand, 800.00 EUR billed twice",
            amount_minor=800_00,
            currency="EUR",
            at_ms=second.at_ms,
        )
    ]


def test_a_double_that_was_repaired_was_still_a_double():
    """S1: at no point of the ledger's order may two stand, even if the sum is right again in the end."""
    books = Books()
    first = books.good("E")
    second = books.post("E", at_ms=first.at_ms + HOUR_MS)
    books.reverse(second, at_ms=second.at_ms + HOUR_MS)
    assert books.violated() == ["S1"]


def test_a_line_by_hand_beside_the_feeds_is_a_double():
    """S1: what a person posts counts like what the feed posts."""
    books = Books()
    line = books.good("E")
    books.post("E", by_hand=True, key="", version=1, at_ms=line.at_ms + HOUR_MS)
    assert books.violated() == ["S1", "S2b"]


def test_a_new_version_beside_the_old_is_a_double():
    """S1: an amendment posted before its reversal has two versions standing, if only for a minute."""
    books = Books()
    books.approve("E")
    books.approve("E", 2, quarter_hours=36)
    first = books.post("E")
    second = books.post("E", 2, quarter_hours=36, bill_minor=900_00, cost_minor=360_00)
    books.reverse(first, at_ms=second.at_ms + HOUR_MS)
    books.end("E", "superseded", 1)
    books.end("E", "posted", 2, told="posted")
    assert books.violated() == ["S1"]
    assert books.audit()["S1"].examples[0].versions == (1, 2)


def test_a_line_reversed_twice_is_found():
    """S1: a reversal, too, has at most one effect."""
    books = Books()
    books.approve("E")
    books.approve("E", 2, withdrawn=True)
    undoing = books.reverse(books.post("E"))
    books.reverse(books.evidence.lines[3], at_ms=undoing.at_ms + HOUR_MS)
    books.end("E", "superseded", told="withdrawn")
    assert books.violated() == ["S1", "S2b"]


def test_an_approved_entry_without_a_line_is_lost():
    """S2: approved, and neither in the ledger nor given up nor unfinished; S7 says the place is a lie."""
    books = Books()
    books.approve("E")
    books.end("E", "superseded", told="withdrawn")
    assert books.violated() == ["S2", "S7"]
    assert "800.00 EUR" in books.first("S2")


def test_an_entry_reversed_and_never_posted_anew_is_lost():
    """S2: a correction that stopped after its first leg leaves nothing where something should stand."""
    books = Books()
    books.approve("E")
    books.approve("E", 2, quarter_hours=36)
    books.reverse(books.post("E"))
    books.end("E", "superseded", 1)
    books.end("E", "posted", 2)
    assert books.violated() == ["S2", "S7"]


def test_what_is_given_up_or_unfinished_is_no_loss():
    """S2: parked, waived and in flight are visible places; L1 speaks about the last."""
    books = Books()
    books.approve("E", assignment=assignment("A9", contract="K9"))
    books.park("E", "rate_gap")
    books.approve("F")
    books.end("F", "waived")
    books.evidence.waived["F"] = at(19)
    books.approve("G")
    books.end("G", "in_flight")
    assert books.violated() == ["L1"]


def test_another_amount_than_the_sources_is_found():
    """S2b: per entry, so that two errors which cancel each other are two findings."""
    books = Books()
    for entry, off in (("E", 50), ("F", -50)):
        books.approve(entry)
        books.post(entry, bill_minor=800_00 + off)
        books.end(entry, "posted", told="posted")
    assert books.violated() == ["S2b"]
    assert [found.amount_minor for found in books.audit()["S2b"].examples] == [50, -50]


def test_cost_is_compared_as_well_as_the_bill():
    """S2b: a wrong cost under a right bill is a wrong value."""
    books = Books()
    books.approve("E")
    books.post("E", cost_minor=300_00)
    books.end("E", "posted", told="posted")
    assert books.violated() == ["S2b"]


def test_the_right_number_of_another_currency_is_the_wrong_value():
    """S2b: currencies are equal, in bill and in cost."""
    for field in ("bill_currency", "cost_currency"):
        books = Books()
        books.approve("E")
        books.post("E", **{field: "USD"})
        books.end("E", "posted", told="posted")
        assert books.violated() == ["S2b"]


def test_hours_taken_back_and_still_billed_are_found():
    """S2b: a withdrawn entry is worth nothing, so a line that still stands is money too much."""
    books = Books()
    books.approve("E")
    books.approve("E", 2, withdrawn=True)
    books.post("E")
    books.end("E", "posted", told="posted")
    assert books.violated() == ["S2b"]


def test_excluded_time_in_the_ledger_is_found():
    """S2b: leave is not posted, at whatever price."""
    books = Books()
    books.approve("E", time_type="leave")
    books.post("E")
    books.end("E", "posted", told="posted")
    assert books.violated() == ["S2b"]


def test_an_old_line_does_not_serve_a_version_that_costs_the_same_elsewhere():
    """S2b: equal amounts on another project, another day or under other dimensions are another effect."""
    for change in ({"assignment": assignment(project="P2")}, {"work_date": day(17)}, {"dimensions": ("south",)}):
        books = Books()
        books.approve("E")
        books.approve("E", 2, **change)
        books.post("E")
        books.end("E", "superseded", 1)
        books.end("E", "posted", 2, told="posted")
        assert books.violated() == ["S2b", "S7"], change


def test_a_line_on_the_wrong_project_is_found():
    """S2b: the right money on another project than was approved."""
    books = Books()
    books.approve("E")
    books.post("E", project="P2")
    books.end("E", "posted", told="posted")
    assert books.violated() == ["S2b"]


def test_money_is_integers():
    """S4: a float is not money, even where it is equal to the right amount."""
    books = Books()
    books.approve("E")
    books.post("E", bill_minor=800_00.0)
    books.end("E", "posted", told="posted")
    assert books.violated() == ["S4"]


def test_a_minor_unit_off_is_a_rounding_error_and_a_factor_a_wrong_exponent():
    """S4 names how a line was computed wrong, beside S2b that names the sum."""
    for wrong, words in ((800_01, "rounded it is 80000"), (800_00 * 100, "decimals it is 80000")):
        books = Books()
        books.approve("E")
        books.post("E", bill_minor=wrong)
        books.end("E", "posted", told="posted")
        assert books.violated() == ["S2b", "S4"]
        assert words in books.first("S4")


def test_a_reversal_is_the_exact_negative():
    """S4: one cent kept back in a reversal is a residue in the client's account."""
    books = Books()
    books.approve("E")
    books.approve("E", 2, withdrawn=True)
    books.reverse(books.post("E"), bill_minor=-799_99)
    books.end("E", "superseded", told="withdrawn")
    assert books.violated() == ["S2b", "S4"]


def test_a_reversal_gives_back_the_hours_too():
    """S4: money back and hours kept is not the exact negative."""
    books = Books()
    books.approve("E")
    books.approve("E", 2, withdrawn=True)
    books.reverse(books.post("E"), quarter_hours=-31)
    books.end("E", "superseded", told="withdrawn")
    assert books.violated() == ["S4"]


def test_an_older_version_after_a_newer_one_is_out_of_order():
    """S5: the ledger goes forward, even where each step is undone and the end is right."""
    books = Books()
    books.approve("E")
    books.approve("E", 2, quarter_hours=36)
    newer = {"quarter_hours": 36, "bill_minor": 900_00, "cost_minor": 360_00}
    first = books.reverse(books.post("E", 2, **newer))
    stale = books.post("E", 1, at_ms=first.at_ms + 1)
    second = books.reverse(stale, at_ms=first.at_ms + 2)
    books.post("E", 2, at_ms=second.at_ms + 3, key="E/2/post/2", **newer)
    books.end("E", "superseded", 1)
    books.end("E", "posted", 2, told="posted")
    assert books.violated() == ["S5"]


def test_a_line_before_its_approval_is_invented():
    """S6: what landed before the source approved it came from nowhere."""
    books = Books()
    books.approve("E")
    books.post("E", at_ms=at(17))
    books.end("E", "posted", told="posted")
    assert books.violated() == ["S6"]


def test_a_line_of_an_entry_that_nobody_knows_is_invented():
    """S6: neither the entry nor the version exists at the source."""
    books = Books()
    books.post("GHOST")
    assert books.violated() == ["S6", "S7", "S13"]
    assert "GHOST" in books.first("S6")


def test_a_line_of_a_withdrawal_is_invented():
    """S6: a withdrawal is a version too, and nothing of it can be posted."""
    books = Books()
    books.approve("E")
    books.approve("E", 2, withdrawn=True)
    books.reverse(books.post("E", 2))
    books.end("E", "superseded", told="withdrawn")
    assert books.violated() == ["S6"]


WORDS = ("Build", "W1", "Developer", "Pair programming", ("north",))


@pytest.mark.parametrize(
    ("at", "said"), [(0, "Test"), (1, "W2"), (2, "Architect"), (3, "Client is difficult"), (4, ("north", "south"))]
)
def test_words_that_nobody_approved_are_invented(at: int, said: str | tuple[str, ...]) -> None:
    """S6: the money is right, and the client reads something else on the invoice than what was approved."""
    books = Books()
    line = books.good("E")
    line.words = WORDS
    assert books.violated() == []
    line.words = (*WORDS[:at], said, *WORDS[at + 1 :])
    assert books.violated() == ["S6"]
    assert repr(said) in books.first("S6")
    line.words = (*WORDS[:at], None, *WORDS[at + 1 :])
    assert books.violated() == []


def test_a_reversal_says_what_the_line_said() -> None:
    """S6: what takes a line back carries the words of that line, and not those that replace them."""
    books = Books()
    first, undoing, second = books.corrected("E")
    first.words = undoing.words = WORDS
    second.words = WORDS
    assert books.violated() == []
    undoing.words = (*WORDS[:3], "Corrected", WORDS[4])
    assert books.violated() == ["S6"]


def test_a_line_in_the_books_of_another_entity_is_invented():
    """S6: the entry was approved here and landed there."""
    books = Books()
    books.approve("E")
    books.post("E", entity="FR01")
    books.end("E", "posted", told="posted")
    assert books.violated() == ["S6"]


def test_a_reversal_of_nothing_is_invented():
    """S6: a reversal that arrived before or without its original has nothing to take back."""
    books = Books()
    books.approve("E")
    books.approve("E", 2, withdrawn=True)
    line = books.post("E")
    books.evidence.lines.remove(line)
    books.reverse(line, bill_minor=0, cost_minor=0)
    books.end("E", "superseded", told="withdrawn")
    assert books.violated() == ["S6"]
