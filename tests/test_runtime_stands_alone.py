"""The runtime ships without the folders that rehearse and test it."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Installed packages are put on the path by hand: the editable installation's own .pth file, which would bring every
# folder of this checkout back, is read by `site` only, and -S leaves that out.
IMPORT_EVERYTHING = """
import sys
alone, *installed = sys.argv[1:]
sys.path[:0] = [alone]
sys.path += installed

import importlib, importlib.util, pkgutil
for absent in ("simulators", "scenarios", "loadtests", "tests"):
    assert importlib.util.find_spec(absent) is None, absent

import runtime
for module in pkgutil.walk_packages(runtime.__path__, "runtime."):
    print(importlib.import_module(module.name).__name__)
"""


def test_every_module_of_the_runtime_imports_without_the_other_folders(tmp_path: Path) -> None:
    """The runtime folder alone, beside its installed dependencies, imports completely."""
    shutil.copytree(ROOT / "runtime", tmp_path / "runtime", ignore=shutil.ignore_patterns("__pycache__"))
    here = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "runtime").rglob("*.py")
    }

    alone = subprocess.run(
        [
            *(sys.executable, "-I", "-S", "-W", "error", "-c", IMPORT_EVERYTHING),
            *(str(tmp_path), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert alone.returncode == 0, alone.stderr
    assert {"runtime", *alone.stdout.split()} == here
