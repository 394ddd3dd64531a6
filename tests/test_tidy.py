"""The rules of the repository itself: what every file in it has to look like."""

import ast
import os
import re
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from scenarios.commands.cluster_demo import NEEDED_ON_RAY

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ("runtime", "simulators", "scenarios", "loadtests")
PACKAGES = (*SHIPPED, "tests")
NOT_OURS = frozenset({"out", "dist", "build", "__pycache__"})
TEXT = frozenset({".py", ".md", ".toml", ".sh", ".json", ".csv", ".html", ".css", ".js", ".ipynb", ".lock", ".in", ""})
LARGEST = 1_000_000

# Put together from pieces, because this file obeys its own rules.
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b|#\s*XX" + r"X\b|\bNotImplemented" + r"Error\b")
SILENCED = re.compile(r"type: ig" + r"nore(?!\[[\w-]+\]  # \w)|no" + r"qa(?!: [A-Z]+\d+ +\S)|pragma: no " + r"cover")
MACHINE_PATH = re.compile(r"(?<![\w.:/}-])/(?:home|root|Users|opt|tmp|mnt|srv|work|private/var|var/folders)/")
VAGUE_NAMES = frozenset({"util", "utils", "helper", "helpers", "manager", "common", "misc"})
ASSERTING = re.compile(r"(assert|check|expect|verify)", re.IGNORECASE)

# What would make a run depend on the process, the machine or the moment.
UNSTEADY_CALLS = frozenset({"hash", "id"})
UNSTEADY_NAMES = frozenset({"uuid1", "uuid4", "now", "today", "utcnow", "time_ns", "urandom", "token_hex"})
UNSTEADY_MODULES = frozenset({"random", "secrets", "uuid"})
STEADY_FOLDERS = ("runtime/core", "runtime/connectors", "runtime/journal", "simulators")


def all_files() -> Iterator[Path]:
    """Every file of the repository: no hidden folders but .ci, nothing that a run or an installation leaves behind."""
    for folder, subfolders, names in os.walk(ROOT):
        subfolders[:] = sorted(
            name
            for name in subfolders
            if name not in NOT_OURS and not name.endswith(".egg-info") and (name == ".ci" or not name.startswith("."))
        )
        for name in sorted(names):
            if not name.startswith(".coverage") and name not in {".DS_Store", ".git"}:
                yield Path(folder, name)


def named(path: Path, line: int | None = None) -> str:
    """How a file, or a line of it, is named to people."""
    return f"{path.relative_to(ROOT)}:{line}" if line else str(path.relative_to(ROOT))


def text_files() -> Iterator[tuple[Path, str]]:
    """Files that people read, with their text. Fixtures in strange encodings are no such files."""
    for path in all_files():
        if path.suffix in TEXT:
            try:
                yield path, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def modules(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    """Python files below `folders`, parsed."""
    for path, text in text_files():
        if path.suffix == ".py" and any(path.is_relative_to(ROOT / folder) for folder in folders):
            yield path, ast.parse(text)


def lines_matching(pattern: re.Pattern[str]) -> list[str]:
    """Where `pattern` stands in the repository."""
    return [
        f"{named(path, number)}: {line.strip()[:80]}"
        for path, text in text_files()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def imported_names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Dotted names that a module imports, with their lines; relative imports start with dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), node.lineno


def is_test(node: ast.AST) -> bool:
    """Whether pytest would collect this as a test function."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")


def asserts_something(test: ast.AST) -> bool:
    """Whether a test can fail: an assert, pytest.raises/warns/fail, or a call that says that it checks."""
    for node in ast.walk(test):
        match node:
            case ast.Assert() | ast.Attribute(attr="raises" | "warns" | "fail"):
                return True
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if ASSERTING.match(name):
                return True
    return False


def pins(lock: str) -> dict[str, str]:
    """Package -> exact version of a lock file; a line that is not pinned with == fails here.

    A package may be pinned once for each range of Pythons; the last one counts.
    """
    found = {}
    for line in (ROOT / "requirements" / lock).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith((" ", "#")):
            name, version = line.removesuffix("\\").split(";")[0].strip().split("==")
            found[name] = version
    return found


def test_nothing_is_left_unfinished() -> None:
    """Work that is not done is an issue, not a remark in the code."""
    assert lines_matching(UNFINISHED) == []


def test_no_check_is_silenced_wholesale() -> None:
    """Every ignore names the rule that it ignores, and says why."""
    assert lines_matching(SILENCED) == []


def test_no_file_knows_a_machine() -> None:
    """No path of one machine stands in the repository: it works wherever it is cloned."""
    assert lines_matching(MACHINE_PATH) == []


def test_no_file_is_large() -> None:
    """Every file is below one megabyte, so that a clone stays quick."""
    assert [named(path) for path in all_files() if path.stat().st_size >= LARGEST] == []


def test_every_package_folder_says_so() -> None:
    """Every folder with Python in it is a package, so that tests/runtime never shadows runtime."""
    folders = {path.parent for path in all_files() if path.suffix == ".py" and named(path).startswith(PACKAGES)}
    parents = {parent for folder in folders for parent in (folder, *folder.parents) if parent.is_relative_to(ROOT)}

    assert sorted(named(folder) for folder in parents - {ROOT} if not (folder / "__init__.py").is_file()) == []


def test_every_module_says_what_it_is_for() -> None:
    """A module opens with a docstring, or is an empty __init__.py."""
    assert [named(path) for path, tree in modules(*PACKAGES) if tree.body and not ast.get_docstring(tree)] == []


def test_no_module_has_a_vague_name() -> None:
    """A file is named after its one subject."""
    assert [named(path) for path in all_files() if path.suffix == ".py" and path.stem in VAGUE_NAMES] == []


def test_every_test_states_its_rule_and_can_fail() -> None:
    """Every test says its rule in a docstring and asserts something."""
    tests = [(path, node) for path, tree in modules("tests") for node in ast.walk(tree) if is_test(node)]
    poor = [
        named(path, node.lineno)
        for path, node in tests
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not (ast.get_docstring(node) and asserts_something(node))
    ]

    assert tests
    assert poor == []


def test_the_core_imports_the_standard_library_and_itself() -> None:
    """The core stands on the standard library alone, so that its decisions depend on nothing that is installed."""
    foreign = [
        f"{named(path, line)} imports {name}"
        for path, tree in modules("runtime/core")
        for name, line in imported_names(tree)
        if name.split(".")[0] not in sys.stdlib_module_names and not f"{name}.".startswith("runtime.core.")
    ]

    assert foreign == []


def test_nothing_that_reaches_a_digest_is_unsteady() -> None:
    """Core, connectors, journals and simulators ask no clock, no process-bound hash and no unnamed chance."""
    unsteady = []
    for path, tree in modules(*STEADY_FOLDERS):
        for name, line in imported_names(tree):
            if name.split(".")[0] in UNSTEADY_MODULES:
                unsteady.append(f"{named(path, line)} imports {name}")
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Name(id=name)) if name in UNSTEADY_CALLS | UNSTEADY_NAMES:
                    unsteady.append(f"{named(path, node.lineno)} calls {name}()")
                case ast.Call(func=ast.Attribute(value=ast.Name(id="datetime" | "date" | "uuid" | "os"), attr=name)):
                    if name in UNSTEADY_NAMES:
                        unsteady.append(f"{named(path, node.lineno)} calls {name}()")

    assert unsteady == []


def test_lock_files_pin_and_hash_everything() -> None:
    """Lock files hold exact versions with hashes and name no index, host or folder."""
    for lock in ("base.lock", "serve.lock", "cluster.lock", "dev.lock"):
        text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
        entries = re.split(r"\n(?=[a-z0-9])", text)[1:]

        assert len({entry.split("==")[0] for entry in entries}) == len(pins(lock)) > 10
        assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
        assert re.findall(r"://|file:|--index-url|--extra-index-url|--find-links|--trusted-host", text) == []


def test_one_lock_adds_to_another() -> None:
    """Everything of base.lock stands in serve.lock, of that in cluster.lock, of that in dev.lock: all may share one."""
    chain = [pins(f"{name}.lock").items() for name in ("base", "serve", "cluster", "dev")]
    assert all(one <= more for one, more in pairwise(chain))


def test_lock_files_follow_pyproject() -> None:
    """Every dependency of pyproject.toml is locked, and what is pinned there is locked at that version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = {
        "base.lock": project["dependencies"],
        "serve.lock": extras["serve"],
        "cluster.lock": [one for name in ("postgres", "ray", "telemetry") for one in extras[name]],
        "dev.lock": [requirement for requirements in extras.values() for requirement in requirements],
    }

    for lock, requirements in wanted.items():
        locked = pins(lock)
        for requirement in requirements:
            name, operator, version = re.split(r"([=>]=)|$", requirement.partition(";")[0], maxsplit=1)
            name = name.partition("[")[0].lower()
            assert name in locked, f"{name} is not in {lock}: run `make lock`"
            assert operator != "==" or locked[name] == version, f"{name} in {lock}: run `make lock`"


def test_what_the_cluster_demo_asks_for_is_what_its_extras_bring() -> None:
    """A package that the demo looks for is one that the extra it names really brings."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for package, extra in NEEDED_ON_RAY.items():
        assert any(re.match(rf"{package}\b", requirement) for requirement in extras[extra]), f"{package}: {extra}"


def test_scripts_can_be_run() -> None:
    """.ci/run and everything in scripts/ is executable and parses in its shell."""
    scripts = [ROOT / ".ci" / "run", *sorted((ROOT / "scripts").glob("*.sh"))]

    assert [named(script) for script in scripts if not os.access(script, os.X_OK)] == []
    for script in scripts:
        shell = "bash" if "bash" in script.read_text(encoding="utf-8").splitlines()[0] else "sh"
        assert subprocess.run([shell, "-n", str(script)], check=False).returncode == 0, named(script)


def test_every_entry_point_is_there() -> None:
    """A command that pyproject.toml names has a module in the repository: one that lacks breaks all commands."""
    points = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    modules = [target.partition(":")[0].replace(".", "/") + ".py" for target in points["springtide.commands"].values()]
    known = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607  git

    assert len(modules) > 5
    assert sorted(set(modules) - set(known.stdout.splitlines())) == []


def test_fast_tests_have_no_sockets() -> None:
    """A fast test that calls out fails at once, even if the code under test swallows every exception."""
    with socket.socket() as out, pytest.raises(pytest.fail.Exception, match="opened a socket"):
        out.connect(("127.0.0.1", 9))
