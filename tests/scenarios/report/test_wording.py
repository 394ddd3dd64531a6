"""Numbers are said the way people say them, and never more nicely than they are."""

import pytest

from scenarios.report.model import Report
from scenarios.report.wording import again, amount, day, duration, instant, money, printable, share


@pytest.mark.parametrize(
    ("minor", "currency", "said"),
    [
        (123_456, "EUR", "1,234.56"),
        (-5, "EUR", "-0.05"),
        (123_456, "JPY", "123,456"),
        (123_456, "KWD", "123.456"),
        (0, "JPY", "0"),
    ],
)
def test_money_has_the_digits_of_its_currency(minor: int, currency: str, said: str):
    """Minor units are tenths, hundredths or thousandths as ISO 4217 says, exactly."""
    assert money(minor, currency) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "-"),
        (0, "0 s"),
        (0.25, "250 ms"),
        (75, "75 s"),
        (150, "2 min 30 s"),
        (9_000, "2 h 30 min"),
        (3_640, "60 min 40 s"),
        (7_200, "2 h"),
        (33 * 86_400, "33 d"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float | None, said: str):
    """A duration is said in the unit a person would choose."""
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("ppm", "said"),
    [(1_000_000, "100 %"), (999_999, "99.9999 %"), (984_433, "98.44 %"), (1, "0.0001 %"), (0, "0 %")],
)
def test_less_than_all_is_never_all(ppm: int, said: str):
    """A share just below all (or above none) is not rounded to all (or none)."""
    assert share(ppm) == said


def test_what_was_not_measured_is_not_a_number():
    """An SLA without an actual says so in words."""
    assert amount(None, "s") == "not measured"
    assert amount(None, "s", "no outage") == "no outage"
    assert amount(1_500, "ms") == "1.5 s"
    assert amount(12, "rows") == "12 rows"


def test_instants_are_utc_and_english():
    """An instant has weekday, date and time, whatever the locale or zone of the machine."""
    assert instant(1_774_978_200_000) == "Tue 31 Mar 2026 17:30 UTC"
    assert day(1_774_978_200_000) == "31 Mar"


def test_a_run_is_seen_again_by_what_was_typed():
    """The command names the scenario, or the file it was read from, and what was set."""
    overrides = {"world.people.volume_percent": "120"}
    assert again(Report(scenario="quiet_week", seed=3)) == "springtide simulate quiet_week --seed 3"
    assert (
        again(Report(scenario="quiet_week", scenario_file="out/my half/scenario.json", seed=3, overrides=overrides))
        == "springtide simulate 'out/my half/scenario.json' --seed 3 --set world.people.volume_percent=120"
    )


def test_no_control_characters_get_through():
    """Line ends, escapes, direction changes and half characters are replaced."""
    assert printable("a\nb\x1b[2J\u202e\ud800c") == "a\ufffdb\ufffd[2J\ufffd\ufffdc"
    assert printable("Müller 経費 🙂") == "Müller 経費 🙂"
