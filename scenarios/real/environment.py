"""Environments for foreign programs, never the project's own: each a venv that is built once, below out/real/.

A folder is named after what is in it, so another version is another folder. A file in it says that it is whole; without
that file it is built anew. (It cannot be built elsewhere and moved: the programs of a venv know their place.)
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
REAL = ROOT / "out" / "real"
"""Where everything is that was installed or built for the real systems; it can be deleted at any time."""
PYTHONS = ("python3.12", "python3.13", "python3.11")
"""Tryton 8.2 was tried on all three (measured)."""
WHOLE = "whole"
INSTALL_SECONDS = 600.0
LAST_WORDS = 400

Say = Callable[[str], None]


class CannotInstallError(Exception):
    """A real system cannot be had here: one line that says which and why."""


def unheard(_line: str) -> None:
    """Whoever does not want to hear how it goes."""


@contextmanager
def alone(folder: Path = REAL) -> Iterator[None]:
    """Nobody else builds anything below this folder meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def built(place: Path, build: Callable[[Path], None]) -> Path:
    """`place`, built if it is not there and whole. Call it `alone`."""
    whole = place / WHOLE
    if not whole.exists():
        shutil.rmtree(place, ignore_errors=True)
        build(place)
        whole.touch()
    return place


def venv(name: str, requirements: Sequence[str], sources: Sequence[Path] = (), say: Say = unheard) -> Path:
    """The folder with the programs of a venv that has these packages, and those in `sources`.

    Raises CannotInstallError.
    """
    said = "\n".join([*requirements, *(digest(source) for source in sources)])
    place = REAL / f"{name}-{sha256(said.encode()).hexdigest()[:12]}"

    def build(folder: Path) -> None:
        say(f"installing {name} into an environment of its own ({place.relative_to(ROOT)}), some 20 s …")
        run(name, [_python(), "-m", "venv", str(folder)])
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run(name, [*pip, *requirements])
        for source in sources:
            # pip builds in the folder that it is given, and leaves its traces there.
            copy = folder / "sources" / source.name
            shutil.copytree(source, copy)
            run(name, [*pip, "--no-deps", str(copy)])

    with alone():
        return built(place, build) / "bin"


def digest(folder: Path) -> str:
    """Names and contents of the files of a folder, in one word."""
    found = sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        found.update(f"{path.relative_to(folder)}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def run(name: str, command: Sequence[str], environ: dict[str, str] | None = None) -> str:
    """Run it to its end; returns what it said. Raises CannotInstallError."""
    try:
        done = subprocess.run(  # noqa: S603  # pip and the programs that it installed
            command,
            env={**os.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise CannotInstallError(f"{name}: {fault}") from fault
    if done.returncode:
        words = " ".join((done.stderr or done.stdout).split())[-LAST_WORDS:]
        raise CannotInstallError(f"{name}: {Path(command[0]).name} failed: {words}")
    return done.stdout


def _python() -> str:
    """A Python that makes venvs: a newer one if there is one, or else ours."""
    for name in PYTHONS:
        found = shutil.which(name)
        if found is not None and _works(found):
            return found
    return sys.executable


def _works(python: str) -> bool:
    try:
        asked = [python, "-c", "import ensurepip, venv"]
        return subprocess.run(asked, capture_output=True, timeout=30).returncode == 0  # noqa: S603  # found on the path
    except (OSError, subprocess.TimeoutExpired):
        return False
