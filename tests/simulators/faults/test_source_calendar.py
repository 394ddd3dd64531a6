"""What the calendar brings to the source: another form of its events, and many lines edited at once."""

from datetime import date

from simulators.faults.bases import HOUR_MS, Room
from simulators.faults.bulk import BulkEdit
from simulators.faults.moves import DriftSchema, EditInBulk, about, strikes
from simulators.faults.schema import FORMS, SchemaDrift
from simulators.faults.wall_time import Month
from simulators.faults.weather import Weather
from simulators.firm.model import LegalEntity

NOON = 1_774_954_800_000
"""Noon in London on 31 March 2026 (BST)."""


def month() -> Month:
    """March 2026 for two legal entities behind one PSA account."""
    entities = (
        LegalEntity("GB01", "EMEA", "GB", "GBP", "Europe/London", "erp", "psa"),
        LegalEntity("DE01", "EMEA", "DE", "EUR", "Europe/Berlin", "erp", "psa"),
    )
    return Month(1_772_323_200_000, 1_775_433_600_000, date(2026, 3, 1), date(2026, 3, 31), entities)


def test_a_drift_strikes_the_account_and_ends() -> None:
    """The form changes once for the account, on the clock of its first entity, and the end is part of the move."""
    drift = SchemaDrift(day="last", at="12:00", form="comma", lasts_ms=HOUR_MS)

    assert drift.schedule(month(), 1) == [DriftSchema(NOON, "schema_drift", NOON + HOUR_MS, "psa", "psa", "comma")]


def test_a_bulk_edit_strikes_each_entity_on_its_own_clock() -> None:
    """Noon in Berlin is an hour before noon in London; entities that are not meant are left alone."""
    edit = BulkEdit(at="12:00", share_ppm=7, recoded=False, pushed=True)

    assert edit.schedule(month(), 1) == [
        EditInBulk(NOON, "bulk_edit", "GB01", 7, False, True),
        EditInBulk(NOON - HOUR_MS, "bulk_edit", "DE01", 7, False, True),
    ]
    assert [move.entity for move in BulkEdit(entities=("DE01",)).schedule(month(), 1)] == ["DE01"]  # type: ignore[union-attr]  # it makes no other moves


def test_their_strikes_have_names() -> None:
    """A shrunk run allows some of them by name."""
    faults = (SchemaDrift(at="12:00"), BulkEdit(at="12:00"))
    moves = Weather(faults, 1).moves(month())
    names = [f"{move.kind}:{about(move)}" for move in moves if strikes(move)]

    assert names == [f"bulk_edit:DE01/{NOON - HOUR_MS}", f"schema_drift:psa/{NOON}", f"bulk_edit:GB01/{NOON}"]
    assert [m.kind for m in Weather(faults, 1, only=names[1:2]).moves(month())] == ["schema_drift"]


def test_every_form_is_drawn() -> None:
    """The swarm meets each form within 60 seeds."""
    rooms = (Room(seed, 30_000, 120_000, 1, 28, 200, 1_000_000) for seed in range(60))

    assert {SchemaDrift.drawn(room).form for room in rooms} == set(FORMS)
