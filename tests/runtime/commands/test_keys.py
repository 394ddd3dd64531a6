"""`springtide keys new`: a key that is shown once, and a block for the configuration that works."""

import argparse
import asyncio
import tomllib
from pathlib import Path

import pytest

from runtime.cli import BadInputError, Parser
from runtime.commands.keys import register
from runtime.configuration import read_settings
from runtime.gateway.access import Access
from tests.runtime.gateway.test_access import StoppedClock
from tests.runtime.test_configuration import GOOD


def run(*words: str) -> int:
    """Run the subcommand as the program does."""
    parser: argparse.ArgumentParser = Parser(prog="springtide")
    register(parser.add_subparsers(required=True))
    arguments = parser.parse_args(["keys", *words])
    code: int = arguments.run(arguments)
    return code


@pytest.mark.parametrize("name", ["psa-de", "psa.de", "7"])
def test_a_new_key_opens_the_door_it_is_configured_at(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    """The block, appended to a configuration, lets in whoever has the key; nothing printed there is the key."""
    code = run(
        "new", name, "--action", "intake", "--action", "reference", "--entity", "DE01", "--region", "EMEA",
        "--expires", "2999-12-31T23:59:59Z",
    )  # fmt: skip
    said = capsys.readouterr()
    key = said.err.splitlines()[-1]
    path = tmp_path / "springtide.toml"
    path.write_text(GOOD.rstrip("\n") + said.out, encoding="utf-8")

    settings = read_settings(path, {})
    guest = asyncio.run(Access(settings.access, StoppedClock()).let_in(f"Bearer {key}"))

    assert code == 0
    assert guest.who == f"key:{name}"
    assert guest.may("reference", "DE01", "EMEA")
    assert not guest.may("reference", "US01", "AMER")
    assert settings.access.keys[name].expires == "2999-12-31T23:59:59Z"
    assert key.removeprefix(f"stk_{name}_") not in said.out


def test_a_key_is_for_all_places_unless_it_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    """Regions and entities that are not named are all of them, and the block says so."""
    run("new", "ops", "--action", "*")
    block = tomllib.loads(capsys.readouterr().out)["access"]["keys"]["ops"]

    assert (block["actions"], block["regions"], block["entities"]) == (["*"], ["*"], ["*"])
    assert "expires" not in block


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a", "--action", "intak"], "--action 'intak': there is no such action; did you mean intake?"),
        (["a", "--action", "fly"], "--action 'fly': there is no such action; give one of intake, reference"),
        (["a b", "--action", "intake"], "ID 'a b': a name is 1 to 64 of A-Z"),
        (["*", "--action", "intake"], "ID '*': a name is 1 to 64 of A-Z"),
        (["a", "--action", "intake", "--entity", "DE*"], "--entity 'DE*': a name is"),
        (["a", "--action", "intake", "--region", ""], "--region '': a name is"),
        (["a", "--action", "intake", "--expires", "soon"], "--expires 'soon': write it such as"),
        (["a", "--action", "intake", "--expires", "2020-01-01T00:00:00Z"], "--expires 2020-01-01T00:00:00Z: this is"),
        (["a"], "the following arguments are required: --action"),
    ],
)
def test_what_cannot_be_is_told_and_makes_no_key(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    """One line says what to mend, and nothing was printed."""
    with pytest.raises(BadInputError) as caught:
        run("new", *words)

    assert str(caught.value).startswith(said)
    assert capsys.readouterr() == ("", "")
