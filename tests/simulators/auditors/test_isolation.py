"""S16 and L4: two runs of the same month, laid side by side."""

from copy import deepcopy

from simulators.auditors.finding import Held
from simulators.auditors.isolation import SLACK_MS, isolated
from tests.simulators.auditors.books import Books


def side_by_side(struck: Books) -> dict[str, Held]:
    """The verdicts, where nothing at all befell the first run."""
    quiet = Books()
    quiet.good("E")
    held = isolated({"DE01": quiet.evidence}, {"DE01": struck.evidence}, ["DE01"])
    return {each.id: each for each in held}


def test_the_same_books_are_the_same() -> None:
    """A bystander that ends as it would have ended anyway was left alone."""
    struck = Books()
    struck.good("E")
    verdicts = side_by_side(struck)
    assert (verdicts["S16"].violations, verdicts["L4"].violations) == (0, 0)


def test_another_end_of_one_entry_is_found() -> None:
    """A line on another day, or another status, is an outcome of somebody else's misfortune."""
    struck = Books()
    line = struck.good("E")
    for change in ("accounting_date", "status"):
        other = deepcopy(struck)
        if change == "status":
            other.evidence.psa["E"].status = "parked"
        else:
            other.evidence.lines[0].accounting_date = line.accounting_date.replace(day=17)
        assert side_by_side(other)["S16"].violations == 1


def test_a_bystander_that_waits_is_found() -> None:
    """A row may be later by what shared calls cost, and not by an outage of the neighbours."""
    for late_ms, found in ((SLACK_MS, 0), (SLACK_MS + 1, 1)):
        struck = Books()
        struck.good("E").at_ms += late_ms
        assert side_by_side(struck)["L4"].violations == found
