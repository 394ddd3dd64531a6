"""Environments of their own for programs of others: built once from pinned packages, and kept.

    build("timetagger", ("timetagger==26.1.3",), Path("out/real"))  ─▶  out/real/timetagger/bin/python

Rule 1. Nothing of theirs is ever installed beside us, and nothing of ours beside them: the two meet over sockets.
Rule 2. Built once. A stamp in the folder carries a checksum of everything the environment depends on: packages, the
        files of what is installed from this checkout, the Python, and the folder, since an environment cannot be moved.
        The stamp is written last, so an interrupted build is built anew.
Rule 3. Two processes that want one environment build it once: the second waits.
"""

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

FOLDER = Path("out/real")
"""Where they are kept, below the checkout; `make clean` takes them away."""
BUILD_SECONDS = 600.0
"""How long pip may take (measured: 12 s for TimeTagger, 17 s for Tryton, on a fast line)."""
STAMP = "springtide.stamp"


class CannotBuildError(Exception):
    """No such environment here; one line that says why."""


def build(name: str, packages: Sequence[str], folder: Path = FOLDER, local: Sequence[Path] = ()) -> Path:
    """The Python of an environment that has these packages; built where it is not there yet, or is another one.

    `packages` are requirements for pip, each pinned with ==; they come from the index that pip is configured with.
    `local` are folders of this checkout that are installed into it as packages.
    Raises CannotBuildError.
    """
    # Absolute and not resolved: the Python inside is a link, and following it leads out of the environment.
    home = (folder / name).absolute()
    python = home / "bin" / "python"
    wanted = _checksum(packages, local, home)
    stamp = home / STAMP
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / f".{name}.lock"):
            if stamp.is_file() and stamp.read_text() == wanted and python.exists():
                return python
            shutil.rmtree(home, ignore_errors=True)
            _run(f"{sys.executable} cannot make environments", [sys.executable, "-m", "venv", str(home)])
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
            _run(f"pip could not install {name}", [*pip, *packages, *map(str, local)])
            stamp.write_text(wanted)
    except OSError as fault:
        raise CannotBuildError(f"no environment in {home}: {fault.strerror or fault}") from fault
    return python


def _checksum(packages: Sequence[str], local: Sequence[Path], home: Path) -> str:
    summed = sha256(repr((sys.executable, sys.version, str(home), tuple(packages))).encode())
    for folder in local:
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
            summed.update(repr((str(path.relative_to(folder)), path.read_bytes())).encode())
    return summed.hexdigest()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Nobody else is in this block, in any process; the lock goes with the process that holds it."""
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _run(failed: str, command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)  # noqa: S603  # programs of our own choice
    except subprocess.TimeoutExpired:
        raise CannotBuildError(f"{failed}: not within {BUILD_SECONDS:g} s") from None
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise CannotBuildError(f"{failed}: {said[-1].strip() if said else f'exit {done.returncode}'}")
