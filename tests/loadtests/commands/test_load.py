"""What `springtide load` refuses before anything begins, and what it says how to type it again."""

import sys
from pathlib import Path

import pytest

from loadtests.commands import load
from runtime.cli import BadInputError, Parser


def typed(*words: str) -> int:
    """The command with these words."""
    parser = Parser(prog="springtide")
    load.register(parser.add_subparsers())
    arguments = parser.parse_args(["load", *words])
    code: int = arguments.run(arguments)
    return code


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder of its own, and no key of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in ("SPRINGTIDE_KEY", "SPRINGTIDE_URL", "SPRINGTIDE_WEBHOOK_SECRET"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "no scenario; name one"),
        (("nowhere",), "scenario 'nowhere' is not known"),
        (("quiet_week", "--processes", "0"), "--processes 0: give a number from 1"),
        (("quiet_week", "--connections", "100000"), "--connections 100000"),
        (("quiet_week", "--demo", "--url", "http://127.0.0.1:1"), "--demo and --url do not go together"),
        (("quiet_week", "--demo", "--erp-admin", "http://127.0.0.1:1"), "--demo brings mock systems of its own"),
        (("--worker", "10.0.0.1", "--master", "2"), "--worker and --master do not go together"),
        (("--like", "nowhere"), "nowhere/run.json: no such file"),
        (("quiet_week", "--like", "nowhere"), "--like RUN has its own scenario"),
        (("quiet_week", "--url", "http://127.0.0.1:1"), "no key: set SPRINGTIDE_KEY"),
        (("quiet_week", "--volume", "0"), "--volume: "),
        (("quiet_week", "--from-min", "5", "--until-min", "1"), "the window ends"),
        (("quiet_week", "--key", "stk_secret"), "--key: arguments are seen by everybody"),
    ],
)
def test_bad_input_is_one_line(words: tuple[str, ...], said: str) -> None:
    """What cannot be is refused in one line, before a process is started."""
    with pytest.raises(BadInputError) as told:
        typed(*words)

    assert said in str(told.value)
    assert "\n" not in str(told.value)


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    """Nothing that is there is written over."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("keep me")

    with pytest.raises(BadInputError, match="is not empty"):
        typed("quiet_week", "--demo", "--out", str(tmp_path / "full"))


def test_an_address_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The option and an example are in the line."""
    monkeypatch.setenv("SPRINGTIDE_KEY", "stk_key")

    with pytest.raises(BadInputError, match="--erp-admin ftp://x: give an address such as"):
        typed("quiet_week", "--url", "http://127.0.0.1:1", "--erp-admin", "ftp://x")


def test_what_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Locust the command says what to install."""
    monkeypatch.setattr(load, "find_spec", lambda package: None)

    with pytest.raises(BadInputError, match=r"load needs locust, .* install springtide\[load\]"):
        typed("quiet_week")


def test_locust_is_not_imported_by_the_command() -> None:
    """Sockets of this process stay as they are: Locust lives in processes of its own."""
    assert load.register is not None
    assert "locust" not in sys.modules
    assert "gevent" not in sys.modules


def test_the_command_can_be_typed_again() -> None:
    """Options that were given are repeated, those at their defaults are not."""
    parser = Parser(prog="springtide")
    load.register(parser.add_subparsers())
    words = ["load", "quiet_week", "--demo", "--factor", "40", "--set", "world.erp=none", "--set", "a=b c"]
    arguments = parser.parse_args(words)
    arguments.named = True

    again = load.typed_again(arguments)

    assert again == "springtide load quiet_week --set world.erp=none --set 'a=b c' --factor 40 --demo"
