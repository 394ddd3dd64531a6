"""`springtide config`: an example that is valid in all its parts, and a check that lists or prints everything."""

import argparse
import json
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from runtime.cli import BadInputError, Parser
from runtime.commands.configure import EXAMPLE, register, settings_from
from runtime.configuration import PREFIX, read_settings
from runtime.settings import Settings
from tests.runtime.test_configuration import ACCESS, GOOD

COMMENTED = re.compile(r"^# (?=\[|[a-z_]+ = )", re.MULTILINE)
"""What is commented out in the example, and not a sentence."""


@pytest.fixture(autouse=True)
def _no_settings_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [variable for variable in os.environ if variable.upper().startswith(PREFIX)]:
        monkeypatch.delenv(variable)


def run(*words: str) -> int:
    """Run the subcommand as the program does."""
    parser: argparse.ArgumentParser = Parser(prog="springtide")
    register(parser.add_subparsers(required=True))
    arguments = parser.parse_args(["config", *words])
    code: int = arguments.run(arguments)
    return code


def every_setting(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Where every plain setting is, with * for names."""
    for name, field in model.model_fields.items():
        kinds = [field.annotation, *get_args(field.annotation)]
        tables = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        star = ".*" if getattr(field.annotation, "__origin__", None) is dict and tables else ""
        if tables:
            yield from every_setting(tables[0], f"{path}{name}{star}.")
        else:
            yield f"{path}{name}"


def plain(found: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every setting of a parsed file, names replaced by *, with its value."""
    assert isinstance(found, dict)
    for name, inner in found.items():
        if isinstance(inner, dict) and name != "hosts_max":
            yield from plain(inner, f"{path}{'*' if path in NAMED else name}.")
        else:
            yield f"{path}{name}", inner


NAMED = {"accounts.", "entities.", "access.keys.", "webhooks."}


def test_the_example_is_valid_as_it_stands(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What `config example` prints passes `config check`, with nothing else prepared."""
    run("example")
    path = tmp_path / "springtide.toml"
    path.write_text(capsys.readouterr().out, encoding="utf-8")

    assert read_settings(path, {}).tenant == "acme"
    assert run("check", str(path)) == 0


def test_the_example_shows_every_setting_and_its_default() -> None:
    """Nothing is missing from the example, nothing in it is unknown, and what it calls a default is one."""
    whole = dict(plain(tomllib.loads(COMMENTED.sub("", EXAMPLE))))
    assert set(whole) == set(every_setting(Settings))

    told_apart = dict(re.findall(r"^(?:# )?([a-z_]+) = [^#\n]*#(.*)$", EXAMPLE, re.MULTILINE))
    defaults = dict(_defaults(Settings))
    for line in re.findall(r"^# ([a-z_]+ = .*)$", EXAMPLE.split("# A Tryton server")[0], re.MULTILINE):
        name, value = next(iter(tomllib.loads(line).items()))
        if "no default" not in told_apart.get(name, "") and not name.endswith(("_file", "_env")):
            shown = [json.dumps(default) for path, default in defaults.items() if path.endswith(f".{name}")]
            assert json.dumps(value) in shown, line


def _defaults(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, object]]:
    for name, field in model.model_fields.items():
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _defaults(kind, f"{path}{name}.")
        if not field.is_required() and not isinstance(field.default, BaseModel):
            yield f"{path}{name}", field.default


def test_the_example_is_valid_with_everything_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is commented out can be used: with all of it, and what it points to, there is no mistake."""
    alternatives = r"^(dsn_file|credential_file|secret_file|jwks_file) = .*\n"
    text = re.sub(alternatives, "", COMMENTED.sub("", EXAMPLE), flags=re.MULTILINE).replace("EMEA = 4", "AMER = 4")
    path = tmp_path / "springtide.toml"
    path.write_text(text, encoding="utf-8")
    (tmp_path / "crosswalk.toml").write_text("[DE01]\ncompany = 1\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    environ = {"ERP_TOKEN": "t", "PSA_WEBHOOK_SECRET": "s", "SPRINGTIDE_DSN": "d", "TRYTON_PASSWORD": "p"}

    assert read_settings(path, environ).access.jwt is not None


def test_check_prints_what_comes_of_it_all(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings are printed as TOML that means the same, with the environment's in it and no secret."""
    monkeypatch.setenv("SPRINGTIDE__SERVER__PORT", "9000")
    monkeypatch.setenv("ERP_TOKEN", "hunter2-and-more")
    path = tmp_path / "springtide.toml"
    text = (GOOD + ACCESS).replace("[entities.DE01]", '[entities."DE.01"]')
    path.write_text(text.replace('kind = "generic_erp"', 'kind = "generic_erp"\ncredential_env = "ERP_TOKEN"'))

    code = run("check", str(path))

    printed = capsys.readouterr().out
    again = tmp_path / "again.toml"
    again.write_text(printed, encoding="utf-8")
    assert code == 0
    assert "server.port = 9000\n" in printed
    assert 'entities."DE.01".region = "EMEA"\n' in printed
    assert "hunter2" not in printed
    assert read_settings(again, {"ERP_TOKEN": "x"}) == settings_from(path)


def test_check_lists_every_mistake_and_prints_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """All mistakes come at once, one a line, under the name of the file; the program makes it exit 2."""
    path = tmp_path / "springtide.toml"
    path.write_text(GOOD.replace('"erp"', '"epr"').replace('tenant = "acme"', ""), encoding="utf-8")

    with pytest.raises(BadInputError) as caught:
        run("check", str(path))

    first, *rest = str(caught.value).splitlines()
    assert first == f"{path}: 3 mistakes"
    assert [line.strip().split(" ")[0] for line in rest] == ["tenant:", "entities.DE01.erp", "entities.US01.erp"]
    assert capsys.readouterr() == ("", "")
