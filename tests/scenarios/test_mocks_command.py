"""`springtide mocks serve`: what its flags make of a scenario, and what it says of those it cannot use."""

import argparse
from typing import Any

import pytest

from runtime.cli import BadInputError, Parser
from scenarios.commands import mocks
from simulators.over_http import MockSystems


def served(monkeypatch: pytest.MonkeyPatch, *flags: str) -> MockSystems:
    """The systems that would be served."""
    apps: list[MockSystems] = []

    def keep(app: MockSystems, port: int, ready: Any) -> None:
        apps.append(app)

    monkeypatch.setattr(mocks, "serve", keep)
    parser = Parser()
    mocks.register(parser.add_subparsers())  # type: ignore[arg-type]  # a subclass, as in runtime.cli
    arguments: argparse.Namespace = parser.parse_args(["mocks", "serve", *flags])
    assert arguments.run(arguments) == 0
    return apps[0]


def test_flags_shape_the_firm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve entities in three regions share four pairs of accounts, in the month that is asked for."""
    flags = ("--entities", "12", "--regions", "3", "--accounts", "4", "--month", "2026-11", "--profile", "async_job")
    live = served(monkeypatch, *flags).live

    assert [len(each) for each in (live.by_code, live.erps, live.psas)] == [12, 4, 4]
    assert {entity.region for entity in live.firm.entities} == {"EMEA", "AMER", "APAC"}
    assert f"{live.firm.month_first:%Y-%m}" == "2026-11"
    assert live.profile.name == "async_job"


def test_entities_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Legal entities of the catalogue are taken by their codes."""
    live = served(monkeypatch, "--entities", "US02,JP01").live

    assert [(entity.code, entity.region, entity.currency) for entity in live.firm.entities] == [
        ("US02", "AMER", "USD"),
        ("JP01", "APAC", "JPY"),
    ]


@pytest.mark.parametrize("flags", [("--fast", "--no-faults"), ("--demo",)])
def test_fast_and_faultless_are_for_demos(monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...]) -> None:
    """Nothing is left of quota, faults and long waits, and what is set by hand still counts."""
    live = served(monkeypatch, *flags, "--set", "world.runtime.linger_ms=7").live

    assert live.profile.quota is None
    assert live.profile.latency.p99_ms <= 10
    assert live.weather.faults == ()
    assert (live.settings.runtime.batch_max, live.settings.runtime.linger_ms) == (100, 7)


def test_staging_is_fast_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ERP that works in jobs finishes them while somebody watches."""
    live = served(monkeypatch, "--fast", "--no-faults", "--profile", "async_job").live

    assert live.profile.staging is not None
    assert live.profile.staging.longest_ms <= 1_000


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (("no_such_week",), "quiet_week"),
        (("--profile", "sap"), "--profile sap"),
        (("--entities", "XX99"), "--entities XX99"),
        (("--entities", "3000"), "entities need at least as many consultants"),
        (("--month", "March"), "month"),
        (("--set", "world.firm.consultans=3"), "consultants"),
        (("--fast", "--set", 'world.faults=[{"kind":"late_landing","ppm":1,"after_ms_low":9000,"after_ms_high":9000}]'),
         "late_landing"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], why: str
) -> None:
    """A flag that makes no sense is bad input, with a way to mend it."""
    with pytest.raises(BadInputError, match=why) as bad:
        served(monkeypatch, *flags)

    assert "\n" not in str(bad.value)
