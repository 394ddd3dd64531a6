"""The audit as a whole: fixed order, shares put together, unknown where nothing is proved, exit codes, money."""

import ast
from pathlib import Path

import pytest

import simulators.auditors
from simulators.auditors.audit import INVARIANTS, audit, combine, conclude, examine, places_money
from simulators.auditors.finding import EXAMPLES_KEPT, UNKNOWN, VIOLATED
from simulators.evidence import Evidence
from tests.simulators.auditors.books import Books, assignment, at, day


def test_verdicts_come_in_fixed_order():
    """A report reads the same for every run."""
    books = Books()
    verdicts = audit(books.firm, {"DE01": books.evidence}, {}, books.allowances)
    assert [held.id for held in verdicts] == list(INVARIANTS)


def test_only_the_first_ten_findings_are_kept_and_all_are_counted():
    """A thousand doubles are one number and ten examples."""
    books = Books()
    for number in range(25):
        line = books.good(f"E{number}")
        books.post(f"E{number}", at_ms=line.at_ms + 1)
    doubles = books.audit()["S1"]
    assert (doubles.violations, len(doubles.examples)) == (25, EXAMPLES_KEPT)
    assert [found.entry_id for found in doubles.examples] == [f"E{number}" for number in range(10)]


def test_a_run_that_posted_too_little_proves_nothing():
    """Invariants that found nothing are unknown when most of what should stand does not; a breach stays a breach."""
    books = Books()
    for number in range(4):
        books.approve(f"E{number}")
        books.end(f"E{number}", "in_flight")
    verdicts = books.audit()
    assert {held.status for key, held in verdicts.items() if key != "L1"} == {UNKNOWN}
    assert verdicts["L1"].status == VIOLATED


def test_an_empty_run_proves_nothing():
    """No entry at all is no evidence of anything."""
    books = Books()
    verdicts = audit(books.firm, {"DE01": Evidence("DE01")}, {}, books.allowances)
    assert {held.status for held in verdicts} == {UNKNOWN}


def test_progress_without_checkpoints_is_unknown():
    """L2 is read from checkpoints; without them nobody looked."""
    assert Books().audit()["L2"].status == UNKNOWN


def test_shares_examined_apart_make_the_same_verdict():
    """Entities that were simulated on two cores are judged as if on one."""
    good, bad = Books(), Books()
    bad.evidence.entity = "FR01"
    for line in bad.evidence.lines:
        line.entity = "FR01"
    bad.firm.periods += [p for p in good.firm.periods if p.entity == "DE01"]
    for period in bad.firm.periods[:3]:
        period.entity = "FR01"
    line = bad.good("E")
    line.entity = "FR01"
    bad.post("E", entity="FR01", at_ms=line.at_ms + 1)
    parts = [
        examine(books.firm, {books.evidence.entity: books.evidence}, {}, books.allowances) for books in (good, bad)
    ]
    whole = examine(bad.firm, {"DE01": good.evidence, "FR01": bad.evidence}, {}, bad.allowances)
    assert combine(parts) == whole
    assert [held.id for held in conclude(whole, bad.allowances) if held.status == VIOLATED] == ["S1", "S2b"]


def test_money_lies_where_its_versions_lie():
    """Count, hours and money per place and currency, by the auditors' own prices; what has no price keeps its hours."""
    books = Books()
    books.corrected("E")
    books.approve("F", assignment=assignment("A9", contract="K9"))
    books.park("F", "rate_gap")
    books.approve("H")
    places = places_money(examine(books.firm, {"DE01": books.evidence}, {}, books.allowances))
    assert {name: (place.count, place.quarters, place.bill_minor) for name, place in places.items()} == {
        "posted": (4, 3 * 32 + 36, {"EUR": 3 * 800_00 + 900_00}),
        "superseded": (1, 32, {"EUR": 800_00}),
        "parked": (1, 32, {}),
        "unseen": (1, 32, {"EUR": 800_00}),
    }
    assert places["parked"].unvalued_quarters == 32
    assert places["posted"].cost_minor == {"EUR": 3 * 320_00 + 360_00}


SPOILED_LINES = {
    "version": 2,
    "leg": "reverse",
    "project": "P2",
    "period": "2026-04",
    "work_date": day(17),
    "accounting_date": day(17),
    "quarter_hours": 31,
    "bill_minor": 1,
    "bill_currency": "USD",
    "cost_minor": 320_00.0,
    "cost_currency": "USD",
    "entity": "FR01",
    "at_ms": at(1),
}
SPOILED_PLACES = {"version": 2, "place": "parked", "quarter_hours": 31, "bill_minor": 1}


@pytest.mark.parametrize(
    ("thing", "field", "value"),
    [("line", *spoil) for spoil in SPOILED_LINES.items()]
    + [("place", *spoil) for spoil in SPOILED_PLACES.items()]
    + [("psa", "status", "parked"), ("calendar", "gate", "shut")],
)
def test_the_short_way_hides_nothing(monkeypatch: pytest.MonkeyPatch, thing: str, field: str, value: object):
    """An entry recognised as plain would have passed every oracle: with one field spoiled, both ways find the same."""

    def books() -> Books:
        kept = Books()
        spoiled = {"line": kept.good("E"), "place": kept.evidence.final[-1], "psa": kept.evidence.psa["E"]}
        if thing == "calendar":
            kept.period("2026-03", at(1), gate=str(value))
        else:
            setattr(spoiled[thing], field, value)
        kept.evidence.psa_claims.clear()
        return kept

    short = books().audit()
    monkeypatch.setattr("simulators.auditors.audit._plain", lambda *_: False)
    assert short == books().audit()
    assert any(held.violations for held in short.values())


def test_auditors_know_nothing_of_the_runtime():
    """Own pricing, own calendar: no file imports the runtime, or anything but evidence, the firm and the acts."""
    allowed = ("simulators.auditors", "simulators.evidence", "simulators.firm.model", "simulators.people.acts")
    for path in sorted(Path(simulators.auditors.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                assert name.startswith(allowed) or name.split(".")[0] not in {"runtime", "simulators", "scenarios"}, (
                    name
                )
