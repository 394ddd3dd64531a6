"""report.json is stable, whole and adds up."""

import json

import msgspec
import pytest

from scenarios.report.model import PLACES, Invariant, Report, from_json
from tests.scenarios.report.sample import sample


def test_what_was_written_can_be_read_again():
    """A report read from its JSON writes the same JSON."""
    report = sample(bad=True)

    again = from_json(report.to_json())

    assert again.to_dict() == report.to_dict()
    assert again.to_json() == report.to_json()
    assert again.findings == report.findings
    assert again.series == report.series


def test_keys_come_in_one_order():
    """The order in which somebody filled the mappings does not show in the file."""
    report, other = sample(), sample()
    other.money = {place: dict(reversed(money.items())) for place, money in reversed(report.money.items())}
    other.entries = dict(reversed(report.entries.items()))
    other.series.entities = dict(reversed(report.series.entities.items()))
    other.coverage = dict(reversed(report.coverage.items()))

    assert list(other.money) != list(report.money)
    assert other.to_json() == report.to_json()


def test_every_place_is_named():
    """Each of the nine places has a count, hours and money, none or not; `unseen` is never left out."""
    written = json.loads(Report(scenario="quiet_week", seed=1).to_json())

    for field in ("entries", "hours", "money"):
        assert tuple(written[field]) == PLACES


def test_the_fields_of_the_design_are_there():
    """The fields that other programs rely on keep their names."""
    written = json.loads(sample(bad=True).to_json())

    assert {"scenario", "seed", "commit", "digest", "simulated_seconds", "wall_seconds"} <= set(written)
    assert {"entries", "money", "unvalued_hours", "coverage", "verdict", "planted"} <= set(written)
    assert {"id", "name", "held", "status", "violations", "examples"} <= set(written["invariants"][0])
    assert {"name", "target", "actual", "held", "arithmetic"} <= set(written["slas"][0])
    assert {"kind", "fired"} == set(written["faults"][0])
    assert {"exit", "word", "sentence"} == set(written["verdict"])


@pytest.mark.parametrize(("status", "held"), [("held", True), ("violated", False), ("unknown", None)])
def test_held_follows_from_the_status(status, held):
    """`held` is true, false or null, and cannot contradict the status."""
    assert Invariant("S1", "at most once", status).held is held


def test_samples_stay_on_one_line():
    """A list of samples is one line of the file, so that a report can be read and compared by people."""
    few, many = sample(entities=2, samples=100), sample(entities=2, samples=700)

    assert len(many.to_json().splitlines()) == len(few.to_json().splitlines())


def test_a_report_that_adds_up_has_no_breaks():
    """The sum over the places is what was approved, in versions, hours and money."""
    assert sample().breaks() == []


@pytest.mark.parametrize("place", ["posted", "parked"])
def test_a_version_too_many_is_a_break(place):
    """One version, a quarter of an hour or one minor unit too many is seen and said."""
    report = sample()
    report.approved_money = {"EUR": report.money["posted"]["EUR"] + report.money["parked"]["EUR"]}
    for currency in ("NOK", "JPY"):
        report.approved_money[currency] = report.money["posted"][currency] + report.money["parked"][currency]
    assert report.breaks() == []

    report.entries[place] += 1
    report.hours[place] += 0.25
    report.money[place]["EUR"] -= 1

    said = report.breaks()
    assert len(said) == 3
    assert "versions" in said[0]
    assert "hours" in said[1]
    assert "EUR" in said[2]


def test_a_place_nobody_knows_is_a_break():
    """A count under a misspelt place is not silently dropped from the identity."""
    report = sample()
    report.entries["in-flight"] = 0

    assert report.breaks() == ["in-flight is not a place"]


def test_what_is_not_a_report_is_refused():
    """A wrong type is named, not guessed at."""
    with pytest.raises(msgspec.ValidationError):
        from_json('{"scenario": "x", "seed": "one"}')
