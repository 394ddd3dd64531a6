"""The pages say what the code does: generated pages are fresh, and names, options, links and commands exist."""

import argparse
import hmac
import importlib.util
import json
import re
import shlex
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from runtime.cli import GROUP, main
from runtime.commands.serve import _DEMO
from runtime.core.policy import TUNABLE
from runtime.gateway.events import KINDS, elements_of, lines_of, read_items
from runtime.gateway.gate import Action
from runtime.gateway.openapi import plain_example
from runtime.gateway.problems import PROBLEMS
from runtime.metrics import METRICS
from runtime.ports import Taken
from runtime.settings import Name, Settings
from scenarios.catalogue import all_scenarios
from scenarios.choose import choose, override
from scenarios.commands.simulate import EPILOG
from simulators import testing
from simulators.auditors.audit import INVARIANTS

ROOT = Path(__file__).resolve().parent.parent
NOT_OURS = frozenset({"out", "dist", "build", "node_modules"})
GENERATED = {
    "docs/states.md": "draw_moves",
    "docs/parameters.md": "list_parameters",
    "docs/metrics.md": "list_metrics",
    "docs/faults.md": "list_faults",
    "docs/bugs.md": "list_bugs",
}
TRACKER = "docs/tutorials/from_a_time_tracker_to_an_invoice.md"
MANUALS = (
    "README.md",
    "docs/operations.md",
    "docs/conform.md",
    "docs/proof.md",
    "docs/certify.md",
    "docs/load.md",
    "docs/capacity.md",
    TRACKER,
)
"""Where every command and every option is told."""
NOT_TOLD = frozenset({"--help", "--key"})
"""Options that need no word: everybody has the first, and the second is there to be refused."""
ENDS_A_COMMAND = frozenset({">", ">>", "|", "2>"})
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)", re.DOTALL)
PYTHON_FILE = re.compile(r"(?<![\w<>*…/.])((?:[\w.]+/)*\w+\.py)\b")
# Put together from pieces, because no file says it whole.
NEVER_SAID = "exactly-once " + "delivery"


def pages() -> list[Path]:
    """Every page of the repository."""
    return sorted(
        path
        for path in ROOT.rglob("*.md")
        if not any(part.startswith(".") or part in NOT_OURS for part in path.relative_to(ROOT).parts)
    )


def page(name: str) -> str:
    """The text of one page."""
    return (ROOT / name).read_text(encoding="utf-8")


def script(name: str) -> ModuleType:
    """A script of scripts/, imported without running it."""
    spec = importlib.util.spec_from_file_location(f"scripts_{name}", ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parser() -> argparse.ArgumentParser:
    """The command line's own parsers, as `runtime.cli` puts them together."""
    whole = argparse.ArgumentParser(prog="springtide")
    whole.add_argument("--version", action="version", version="")
    commands = whole.add_subparsers(dest="command", required=True)
    for point in entry_points(group=GROUP):
        point.load()(commands)
    return whole


def typed_commands() -> Iterator[tuple[str, str]]:
    """(page, command) of every `springtide …` in a shell block or in backticks, its comment left out."""
    names = {f"springtide {name}" for name, _ in all_commands()}
    for path in pages():
        text = path.read_text(encoding="utf-8")
        name = str(path.relative_to(ROOT))
        blocks = [body for language, body in FENCE.findall(text) if language in ("sh", "console", "bash")]
        lines = [line.removeprefix("$ ") for body in blocks for line in body.splitlines()]
        # The bare name of a command in a sentence is its name, and nothing that somebody types.
        inline = [said for said in re.findall(r"`([^`\n]+)`", FENCE.sub("", text)) if said not in names]
        for line in (*lines, *inline):
            said = line.removeprefix(".venv/bin/")
            if re.match(r"springtide (?:[a-z]|--)", said) and "…" not in said:
                yield name, said


def arguments_of(command: str) -> argparse.Namespace:
    """The arguments of a typed command, parsed and not run."""
    words = shlex.split(command, comments=True)[1:]
    ends = [number for number, word in enumerate(words) if word in ENDS_A_COMMAND]
    return parser().parse_args(words[: ends[0]] if ends else words)


def all_commands() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """("mocks serve", its parser) of every command that does something, however deep it stands."""

    def below(name: str, one: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
        groups = [action for action in one._actions if isinstance(action, argparse._SubParsersAction)]
        if not groups:
            yield name, one
        for group in groups:
            for verb, inner in group.choices.items():
                yield from below(f"{name} {verb}".strip(), inner)

    return below("", parser())


def json_examples(text: str) -> list[bytes]:
    """Every event that a page shows as JSON: alone, as an element of a batch, or as a line of NDJSON."""
    found: list[bytes] = []
    for language, body in FENCE.findall(text):
        if language == "json":
            found += elements_of(body.encode(), 1_000) if body.lstrip().startswith("[") else [body.encode()]
        elif language == "ndjson":
            found += lines_of(body.encode(), 1_000)
    return found


class Anybody:
    """An admission that bars nobody."""

    who = "test"
    everybody = ("DE01", "US01")

    def bar(self, action: Action, entity: str) -> str:
        """Why not: never."""
        return ""


def table_below(heading: str, text: str) -> list[list[str]]:
    """The cells of the first table after a heading, without its head."""
    rows = re.split(r"\n\n", text[text.index(f"\n{heading}\n") :].split("\n|", 1)[1])[0].splitlines()
    return [[cell.strip() for cell in row.strip().strip("|").split("|")] for row in rows[2:]]


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_page_is_fresh(name: str) -> None:
    """What a page says about a table of the code is what the table holds now."""
    made_by = GENERATED[name]

    assert page(name) == script(made_by).page(), f"run .venv/bin/python scripts/{made_by}.py"


def test_the_readme_lists_every_scenario_with_its_story() -> None:
    """The README's table holds the scenarios there are, with their size and story, and no others."""
    told = {row[0].strip("`"): (row[1], row[2]) for row in table_below("### Scenarios", page("README.md"))}
    there = {name: (f"{one.world.firm.consultants:,}", one.story) for name, one in all_scenarios().items()}

    assert told == there


def test_the_readme_explains_every_exit_code() -> None:
    """Every exit code that the program names in its help stands in the README's table."""
    told = {row[0] for row in table_below("### Exit codes", page("README.md"))}
    named = set(re.findall(r"\b(\d) [a-z]", EPILOG.split("exit codes:")[1]))

    assert len(named) == 6
    assert told == named


def test_every_command_and_every_option_is_told() -> None:
    """Every command stands in one of the manuals as one types it, and every option of it does."""
    text = "".join(map(page, MANUALS))
    lost = []
    commands = list(all_commands())
    for name, one in commands:
        if f"springtide {name}" not in text and f"make {name}" not in text:
            lost.append(name)
        options = {option for action in one._actions for option in action.option_strings if option.startswith("--")}
        lost += [
            f"{name} {option}"
            for option in sorted(options - NOT_TOLD)
            if not re.search(rf"(?<![\w-]){option}(?![\w-])", text)
        ]

    assert len(commands) > 15
    assert lost == []


def test_every_typed_command_parses() -> None:
    """A command that a page tells people to type is one that the program takes."""
    commands = list(typed_commands())
    wrong = []
    for name, command in commands:
        try:
            arguments_of(command)
        except SystemExit as end:
            if end.code:
                wrong.append(f"{name}: {command}")

    assert len(commands) > 10
    assert wrong == []


def test_every_typed_override_can_be_applied() -> None:
    """A scenario named in a command exists, and a path given to --set is one that it has."""
    tried = 0
    for _, command in typed_commands():
        if command.startswith("springtide --") or command.endswith("--help"):
            continue
        arguments = arguments_of(command)
        named = getattr(arguments, "scenario", "") or ""
        if named in ("", "SCENARIO", "NAME") or named.endswith(".json"):
            continue
        scenario, applied = override(choose(named), getattr(arguments, "overrides", []))
        assert len(applied) == len(getattr(arguments, "overrides", []))
        assert scenario.name == named
        tried += 1

    assert tried > 5


def test_the_curl_of_the_readme_is_the_one_that_the_demo_prints() -> None:
    """A newcomer types from the README or copies from the terminal: the same event, and one that is accepted."""
    shown = re.search(r"-d '\n(\{.*?\n\})'\n```", page("README.md"), re.DOTALL)
    printed = re.search(r"-d '\n(.*?\})'\n", _DEMO.format(url="", key="", mocks=""), re.DOTALL)
    assert shown is not None
    assert printed is not None

    # The shell puts the instant in, so that the approval is fresh whenever somebody tries it.
    event = shown[1].replace("'$(date +%s)000'", "1772470800000")
    delivery = read_items([event.encode()], Anybody(), depth=64)

    assert shown[1].split() == printed[1].split()
    assert (delivery.unread, delivery.barred, list(delivery.groups)) == ([], [], ["DE01"])


def test_every_event_of_the_gateway_page_is_taken() -> None:
    """Every event that docs/gateway.md shows is read, and there is one of each type, as the description has it."""
    examples = json_examples(page("docs/gateway.md"))
    delivery = read_items(examples, Anybody(), depth=64)
    shown = [json.loads(example) for example in examples]

    assert [(one.index, one.reason) for one in delivery.unread] == []
    assert delivery.total == len(examples) >= len(KINDS)
    assert [kind for kind in KINDS if plain_example(kind) not in shown] == []


def test_the_signature_of_the_gateway_page_is_right() -> None:
    """Who checks their own signing against the page's numbers is not misled."""
    told = {row[0]: row[1].strip("`") for row in table_below("### Webhooks", page("docs/gateway.md"))}
    right = hmac.new(told["secret"].encode(), f"{told['t']}.{told['body']}".encode(), "sha256").hexdigest()

    assert told["v1"] == right


def test_the_tables_of_the_gateway_page_are_those_of_the_code() -> None:
    """Problems, scopes, what becomes of an item, and what can be changed: all of them, and no others."""
    text = page("docs/gateway.md")
    problems = [(name.strip("`"), (int(status), title)) for name, status, title in table_below("## Problems", text)]
    scopes = [row[0].strip("`") for row in table_below("## Scopes", text)]
    taken = [row[0].strip("`") for row in table_below("## Answers", text)]
    changeable = text[text.index("These can be changed:") : text.index("Anything else is refused")]

    assert problems == list(PROBLEMS.items())
    assert scopes == list(Action)
    assert taken == [*Taken, "quarantined"]
    assert re.findall(r"`(\w+)`", changeable) == list(TUNABLE)


def test_every_metric_that_a_page_names_is_there() -> None:
    """An alert on a metric that nobody shows never fires; the fixtures of the pytest plugin are named alike."""
    named = {metric.name for metric in METRICS} | set(vars(testing))
    lost = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in pages()
        for name in re.findall(r"springtide_[a-z_]+", path.read_text(encoding="utf-8"))
        if name not in named and not name.endswith("_")
    }

    assert lost == set()


def test_every_setting_that_a_page_names_is_there() -> None:
    """`journal.lease_ms` in a page is a setting, so that a renamed one is renamed in the pages too."""

    def below(kind: Any, place: str) -> Iterator[str]:
        """`accounts.NAME.url` and all the others, and the tables that they are in."""
        yield place.removesuffix(".")
        inner = [one for one in (kind, *get_args(kind)) if isinstance(one, type) and issubclass(one, BaseModel)]
        if inner:
            named = "NAME." if get_args(kind)[:1] == (Name,) else ""
            for name, one in inner[0].model_fields.items():
                yield from below(one.annotation, f"{place}{named}{name}.")

    there = set(below(Settings, ""))
    tables = "|".join(Settings.model_fields)
    named = [
        (path.relative_to(ROOT).as_posix(), place)
        for path in pages()
        for place in re.findall(rf"`((?:{tables})\.[\w.]+)`", path.read_text(encoding="utf-8"))
        if not place.endswith((".py", ".md"))
    ]

    assert len(named) > 20
    assert [one for one in named if one[1] not in there] == []


def test_every_link_leads_somewhere() -> None:
    """Every relative link of every page names a file or folder that is there."""
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in pages()
        for target in LINK.findall(path.read_text(encoding="utf-8"))
        if not re.match(r"[a-z]+:|#", target) and not (path.parent / target.split("#")[0]).exists()
    ]

    assert broken == []


def test_every_python_file_that_a_page_names_is_there() -> None:
    """A page that names a file of ours names one that exists, so that a renamed file is renamed in the pages too."""
    there = [
        path.relative_to(ROOT).as_posix()
        for folder in ("runtime", "simulators", "scenarios", "loadtests", "tests", "scripts", "docs")
        for path in (ROOT / folder).rglob("*.py")
    ]
    lost = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in pages()
        if path.relative_to(ROOT).as_posix() not in GENERATED
        for name in PYTHON_FILE.findall(path.read_text(encoding="utf-8"))
        if not any(f"/{one}".endswith(f"/{name}") for one in there)
    ]

    assert lost == []


def test_the_tree_is_complete() -> None:
    """ARCHITECTURE.md names every module of the runtime and every package of the other folders."""
    text = page("ARCHITECTURE.md")
    tree = next(body for _, body in FENCE.findall(text) if "runtime/  " in body)
    modules = [
        path.name
        for path in (ROOT / "runtime").rglob("*.py")
        if path.name != "__init__.py" and path.name != "generic.py"
    ]
    packages = [
        f"{path.parent.name}/"
        for folder in ("runtime", "simulators", "scenarios")
        for path in (ROOT / folder).rglob("__init__.py")
    ]
    single = [
        path.name
        for folder in ("simulators", "scenarios")
        for path in (ROOT / folder).glob("*.py")
        if path.stem[0] != "_"
    ]

    assert sorted(name for name in {*modules, *packages, *single} if name not in tree) == []


def test_every_invariant_is_explained() -> None:
    """Every invariant that is judged stands in ARCHITECTURE.md under its name, and no other does."""
    told = {row[0]: row[1] for row in table_below("## What is checked", page("ARCHITECTURE.md"))}

    assert told == INVARIANTS


def test_the_notebook_reads_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notebook is committed without outputs, and every cell of it runs on what a run has just written."""
    notebook = json.loads(page("notebooks/read_a_report.ipynb"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    monkeypatch.chdir(tmp_path)
    small = ["--set", "world.firm.consultants=6", "--jobs", "1", "--quiet", "--out", "out/small"]
    main(["simulate", "quiet_week", *small])

    space: dict[str, Any] = {}
    for cell in cells:
        exec("".join(cell["source"]), space)  # noqa: S102  our own notebook

    assert (notebook["nbformat"], [cell["outputs"] for cell in cells]) == (4, [[]] * len(cells))
    assert space["name"] == "small"
    assert sorted(space["peaks"]) == ["DE01", "GB01"]


def test_no_page_promises_what_nobody_can_keep() -> None:
    """The promise is at most one standing effect under printed assumptions; the popular phrase is never used."""
    assert [path.name for path in pages() if NEVER_SAID in path.read_text(encoding="utf-8").lower()] == []
