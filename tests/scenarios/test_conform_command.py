"""`springtide conform` before anything starts: what it refuses, in one line, and the settings file it prints."""

from argparse import ArgumentParser
from pathlib import Path

import pytest

from runtime.cli import BadInputError
from runtime.configuration import read_settings
from scenarios.commands.conform import register


def run(*words: str) -> int:
    """The exit code of `springtide conform` with these words."""
    parser = ArgumentParser()
    register(parser.add_subparsers())
    arguments = parser.parse_args(["conform", *words])
    code: int = arguments.run(arguments)
    return code


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "nothing to exercise"),
        (("localhost:9000",), "not a URL"),
        (("--our-runtime", "--run", "x"), "brings its own"),
        (("--our-runtime", "--entries", "3"), "from 40 to 5000"),
        (("--our-runtime", "--faults", "rain"), "no such fault; there are lost_replies"),
        (("--our-runtime", "--minutes", "0"), "up to 60"),
        (("--run", "no-such-program-anywhere"), "no such program"),
        (("--run", "'"), "No closing quotation"),
    ],
)
def test_what_cannot_be_exercised_is_refused_in_a_line(words: tuple[str, ...], why: str) -> None:
    """Bad input says what, and how to mend it."""
    with pytest.raises(BadInputError, match=why) as refused:
        run(*words)

    assert "\n" not in str(refused.value)


def test_the_example_settings_are_settings_of_the_runtime(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What --example-config prints is read without a mistake, and points at the ports that were named."""
    assert run("--example-config", "--psa-port", "8101", "--erp-port", "8102") == 0
    config = tmp_path / "springtide.toml"
    config.write_text(capsys.readouterr().out)

    settings = read_settings(config, {"SPRINGTIDE_WEBHOOK_SECRET": "conform"})

    assert settings.accounts["erp"].url == "http://127.0.0.1:8102/erp/erp"
    assert settings.accounts["psa"].url == "http://127.0.0.1:8101/psa/psa"
    assert list(settings.webhooks) == ["conform"]
