"""What drivers have to agree on, and what they need not; playing to them is tested in tests/real and tests/on_ray."""

from dataclasses import replace
from datetime import date

import pytest

from scenarios.parity import WORLDS, Ledger, NotComparableError, ledger_of, ledger_of_virtual_time, parity
from scenarios.small import small_world
from scenarios.transcript import Asked, Delivered, Told, Touched, transcript_of
from simulators.evidence import Evidence, FinalPlace, LedgerLine, PsaStatus
from simulators.faults.network import LostReply
from simulators.settings import FinanceGate

DAY = date(2026, 3, 26)


def line(version: int, minor: int, reverses: str = "", day: date = DAY, number: int = 1) -> LedgerLine:
    """A line of entry E: posted, or the reversal of the line with this key."""
    leg = "reverse" if reverses else "post"
    key = f"k/{version}/{leg}/{number}"
    return LedgerLine(
        f"L{number}", "DE01", key, "E", version, leg, "P1", DAY, day, "2026-03", 8 if minor > 0 else -8, minor, "EUR",
        minor // 2, "EUR", "", reverses, 1_000 * number,
    )  # fmt: skip


def ledger(*lines: LedgerLine, places: tuple[str, ...] = ("superseded", "posted"), told: str = "posted") -> Ledger:
    """What is left of entry E, with its versions 1, 2 ... in these places."""
    evidence = Evidence("DE01")
    evidence.lines += lines
    evidence.psa["E"] = PsaStatus("E", len(places), told)
    final = [FinalPlace("E", at, place, "", None, 8) for at, place in enumerate(places, 1)]
    return ledger_of({"DE01": evidence}, {"DE01": final})


OVERTAKEN = ledger(line(2, 300))
"""Version 2 came before version 1 was posted."""


def test_the_way_to_a_ledger_does_not_count() -> None:
    """Posted, reversed and posted anew, or posted once under another key at another time: the same ledger."""
    way = ledger(line(1, 200), line(2, -200, "k/1/post/1", number=2), line(2, 300, number=3))
    assert way.differences(OVERTAKEN) == OVERTAKEN.differences(way) == []


def test_a_line_counts_for_the_version_that_it_carries() -> None:
    """After a change of words the first version's line stands for the second; where that came first, its own does."""
    assert ledger(line(1, 300)).differences(OVERTAKEN) == []


@pytest.mark.parametrize(
    ("other", "where"),
    [
        (ledger(line(2, 301)), "standing"),
        (ledger(line(2, 300), line(2, 300, number=2)), "nets"),
        (ledger(line(2, 300, day=date(2026, 4, 1))), "standing"),
        (ledger(), "standing"),
        (ledger(line(2, 300), line(2, -1, "another")), "nets"),
        (ledger(line(2, 300), places=("posted", "superseded")), "places"),
        (ledger(line(2, 300), told="parked"), "told"),
        (ledger(line(2, 300), told="withdrawn"), "told"),
    ],
    ids=["amount", "double", "period", "loss", "remainder", "place", "status", "silence"],
)
def test_every_other_end_is_a_difference(other: Ledger, where: str) -> None:
    """Money, dates, doubles, losses, places and what the source shows: each is named from both sides."""
    for said in (OVERTAKEN.differences(other), other.differences(OVERTAKEN)):
        assert any(text.startswith(where) for text in said), said


def test_a_row_that_stands_twice_is_no_row_that_stands_once() -> None:
    """Two equal lines are a difference, although every row of one ledger is in the other."""
    double = replace(OVERTAKEN, standing=OVERTAKEN.standing * 2)
    assert OVERTAKEN.differences(double) == ["standing: a row stands more often than once"]


def test_a_transcript_has_everything_that_crossed_the_border_and_changes_nothing() -> None:
    """What people did, what was delivered and told, and what was asked, in the order of time; the run is the same."""
    world, seed = WORLDS["late_projects"]
    one, other = transcript_of(world, seed), transcript_of(world, seed)
    assert one.seen.chains == other.seen.chains
    assert [moment.at_ms for moment in one.moments] == sorted(moment.at_ms for moment in one.moments)
    assert {type(moment) for moment in one.moments} == {Touched, Delivered, Told, Asked}
    versions = [each for evidence in one.seen.evidences.values() for each in evidence.versions.values()]
    published = sum(map(len, versions))
    assert sum(len(moment.bodies) for moment in one.moments if isinstance(moment, Delivered)) == published


def test_every_world_shows_what_it_is_for() -> None:
    """Dates of the next period, projects set up later, parks, staged rows, and corrections: none of it is lacking."""
    recorded = {name: transcript_of(*WORLDS[name]) for name in WORLDS}
    ledgers = {name: ledger_of_virtual_time(each) for name, each in recorded.items()}
    assert {row[5] for row in ledgers["closing"].standing} > {"2026-04-01"}
    late = [each.method for each in recorded["late_projects"].moments if isinstance(each, Touched)]
    assert late.count("add_project") == len(recorded["late_projects"].late_projects) > 0
    assert {row[3] for row in ledgers["parked"].places} == {"posted", "parked", "superseded", "excluded"}
    assert {row[3] for row in ledgers["parked"].told} == {"posted", "parked"}
    staged = [each.reply.response.status for each in recorded["staged"].moments if isinstance(each, Asked)]
    assert staged.count(202) > 10
    for name, each in ledgers.items():
        assert sum(row[3] == "superseded" for row in each.places) > 20, name


def test_what_cannot_be_compared_is_refused() -> None:
    """Misfortunes strike by the clock, and a gate that shuts while work is under way strikes whoever is on time."""
    with pytest.raises(NotComparableError, match="misfortunes"):
        parity(small_world().model_copy(update={"faults": (LostReply(ppm=1),)}), 1, ())
    busy = tuple(FinanceGate(day="last", at=f"17:{minute:02}", gate="open") for minute in range(0, 60, 2))
    with pytest.raises(NotComparableError, match="while work was under way"):
        parity(small_world().model_copy(update={"gates": busy}), 1, ())
