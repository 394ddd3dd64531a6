"""The numbers people live by are all marked, and settings start from them."""

import pytest
from pydantic import ValidationError

from simulators.data import document
from simulators.people.parameters import MARKS, PeopleSettings, all_parameters, parameters


def test_every_parameter_has_a_mark_and_a_reason_or_a_source():
    """No number is used of which nobody says how sure it is."""
    assert len(all_parameters()) > 60
    for parameter in all_parameters():
        assert parameter.mark in set(MARKS.values())
        assert parameter.why or parameter.mark == "sourced", parameter.name


def test_every_row_of_the_table_is_listed():
    """The list for reports leaves nothing of the shipped table out."""
    listed = {name.split(".")[0] for name in parameters()}

    assert set(document("generator_params.json")) <= listed


def test_a_parameter_keeps_value_range_and_mark():
    """Value, low, high and mark are those of the table, pairs of quantiles with their own ranges."""
    late = parameters()["late_share"]
    p99 = parameters()["erp_latency_s.p99"]

    assert (late.value, late.low, late.high, late.mark) == (0.1, 0.05, 0.3, "assumed")
    assert (p99.value, p99.low, p99.high, p99.mark) == (4.0, 1, 15, "assumed")
    assert parameters()["rows_per_person_week"].mark == "measured"
    assert parameters()["deadline_hazard.W_over_tau"].mark == "derived"


def test_defaults_come_from_the_table_in_integers():
    """Shares become parts per million, so that no float decides anything."""
    settings = PeopleSettings()

    assert settings.rows_per_person_week == 10
    assert settings.late_ppm == 100_000
    assert settings.rejected_ppm == 60_000
    assert settings.returned_sheets_ppm == 120_000
    assert settings.resubmit_ppm == 790_000
    assert settings.correction_ppm == 50_000
    assert settings.auto_approve_ppm == 30_000
    assert settings.duplicate_ppm == 300
    assert settings.w_over_tau_percent == 1580
    assert all(isinstance(value, int) for value in settings.model_dump().values())


@pytest.mark.parametrize("wrong", [{"late": 5}, {"late_ppm": -1}, {"late_ppm": 2_000_000}, {"volume_percent": "many"}])
def test_settings_refuse_what_they_do_not_know(wrong):
    """A typo or an impossible share is told when the settings are made."""
    with pytest.raises(ValidationError):
        PeopleSettings(**wrong)


def test_settings_do_not_change():
    """Settings are frozen: a scenario is data."""
    settings = PeopleSettings()
    with pytest.raises(ValidationError):
        settings.late_ppm = 5
