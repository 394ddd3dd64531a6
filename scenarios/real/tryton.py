"""A Tryton server before a PostgreSQL of its own, on loopback: filled once, copied for each run, ended with its user.

    prepare()              the programs, and a database cluster with Tryton's modules active: once, about 90 s
    with RealTryton(...)   a copy of the cluster, a database, a server, and what `seed` was told to put into it
        .client()          for whoever sets up and checks
        .settings()        the account as the runtime's settings have it
        .kill(), .start()  the server dies, and comes back at the same address
        .database_stops()  PostgreSQL goes away, and .database_starts() brings it back
        .keep(), .fresh()  the database as it is now, and again for the next test

Rule 1. The data of a run is where the user of PostgreSQL can reach it: in memory if there is room, else below the
        system's temporary folder. (On a busy disk copying, filling and removing it took 80 s, measured.)
Rule 2. Nothing outlives whoever started it, not even when that is killed.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from runtime.core.value import value
from runtime.crosswalk import Crosswalk, read_crosswalk
from scenarios.live.parts import LOOPBACK, Part, PartFailedError, free_port, wait_for
from scenarios.real.environment import REAL, ROOT, CannotInstallError, Say, alone, built, digest, run, unheard, venv
from scenarios.real.tryton_client import TrytonAwayError, TrytonClient, TrytonRefusedError
from scenarios.real.tryton_seed import ADMIN, FEED, SeedEntity, seed
from simulators.a_postgres import WATCHED, PostgresCannotStartError, start_postgres

REQUIREMENTS = (
    "trytond==8.2.1",
    "trytond_company==8.2.0",
    "trytond_party==8.2.0",
    "trytond_currency==8.2.0",
    "trytond_timesheet==8.2.0",
    "trytond_timesheet_cost==8.2.0",
    "trytond_project==8.2.0",
    "trytond_project_invoice==8.2.0",
    "trytond_project_revenue==8.2.0",
    "trytond_account==8.2.1",
    "trytond_account_invoice==8.2.0",
    "trytond_analytic_account==8.2.0",
    "psycopg[binary,pool]>=3.2",
)
MODULES = (
    *("company", "party", "currency", "timesheet", "timesheet_cost", "project", "project_invoice", "project_revenue"),
    *("account", "account_invoice", "analytic_account"),
)
EXTREF = ROOT / "integrations" / "tryton_extref"
ADMIN_PASSWORD = "adminpass1"  # noqa: S105  # of a server that listens on loopback, for as long as a run takes
FEED_PASSWORD = "springtide-1"  # noqa: S105  # the same
PASSWORD_ENV = "SPRINGTIDE_TRYTON_PASSWORD"  # noqa: S105  # a name
START_SECONDS = 60.0
MEMORY = Path("/dev/shm")  # noqa: S108  # a folder with a name of our own is made in it
ROOM_BYTES = 2 * 1024**3
"""A run takes some 300 MB (measured); the rest is for others."""
LATE_LANDING_MS = 2 * 60_000
"""How long a call of 250 rows may still commit after it was given up, with room to spare (assumed: 0.5 s measured)."""

Mode = Literal["keyed", "unkeyed"]

CONFIGURATION = """\
[database]
uri = postgresql://springtide@/?host={door}
[web]
listen = 127.0.0.1:{port}
root =
[session]
max_attempt = 50
timeout = 86400
"""
"""`timeout` is how old a session may be for acts that want a fresh one, such as posting a move (default: 300 s)."""

SQL = """\
import sys, psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as server:
    for text in sys.argv[2:]:
        server.execute(text)
"""


@value
class Prepared:
    """The programs, and the folder with a cluster that has the databases "keyed" and "unkeyed"."""

    programs: Path
    cluster: Path


def prepare(say: Say = unheard) -> Prepared:
    """Install Tryton and activate its modules, unless that was done before. Raises CannotInstallError."""
    programs = venv("tryton", REQUIREMENTS, (EXTREF,), say)
    made_of = "\n".join((*REQUIREMENTS, *MODULES, digest(EXTREF)))
    place = REAL / f"tryton-cluster-{sha256(made_of.encode()).hexdigest()[:12]}"

    def build(folder: Path) -> None:
        say("building a database with Tryton's modules, some 60 s, once …")
        with _Cluster(programs, None) as cluster:
            cluster.sql("CREATE DATABASE unkeyed TEMPLATE template0 ENCODING 'UTF8'")
            # With an address at the second time, the user would lose what makes it the administrator (measured).
            _activate(
                programs, cluster, "unkeyed", *MODULES, "--activate-dependencies", "--email", "admin@localhost.test"
            )
            cluster.sql("CREATE DATABASE keyed TEMPLATE unkeyed")
            _activate(programs, cluster, "keyed", "extref", "--activate-dependencies")
            cluster.stop()
            folder.mkdir()
            run("the database", ["cp", "-a", str(cluster.data), str(folder / "data")])

    with alone():
        return Prepared(programs, built(place, build) / "data")


def _activate(programs: Path, cluster: "_Cluster", database: str, *modules_and_options: str) -> None:
    password = cluster.home / "adminpass"
    password.write_text(ADMIN_PASSWORD)
    command = [str(programs / "trytond-admin"), "-c", str(cluster.configured(0)), "-d", database]
    run("trytond-admin", [*command, "-u", *modules_and_options], {"TRYTONPASSFILE": str(password)})


def _in_memory() -> Path | None:
    """A folder in memory with room for a run, from which programs may be started; None where there is none."""
    if not os.access(MEMORY, os.W_OK):
        return None
    there = os.statvfs(MEMORY)
    return MEMORY if there.f_bavail * there.f_frsize >= ROOM_BYTES and not there.f_flag & os.ST_NOEXEC else None


class _Cluster:
    """A PostgreSQL whose socket stays where it is when the server is stopped and started again."""

    def __init__(self, programs: Path, filled: Path | None) -> None:
        """`filled`: a cluster to begin with; it is copied."""
        self.home = Path(tempfile.mkdtemp(prefix="springtide-tryton-", dir=_in_memory()))
        self.home.chmod(0o755)
        self.data = self.home / "pg" / "data"
        self._programs = programs
        self._door = self.home / "s"
        self._stop: Callable[[], None] | None = None
        try:
            if filled is not None:
                self.data.parent.mkdir()
                run("the database", ["cp", "-a", str(filled), str(self.data)])
            self.start()
        except BaseException:
            shutil.rmtree(self.home, ignore_errors=True)
            raise

    def start(self) -> None:
        """Start the server. Raises CannotInstallError."""
        try:
            _, self._stop = start_postgres(self.data.parent, self._door)
        except PostgresCannotStartError as fault:
            raise CannotInstallError(str(fault)) from fault

    def stop(self) -> None:
        """Stop the server; what was committed stays."""
        if self._stop is not None:
            self._stop()
            self._stop = None

    def sql(self, *texts: str, database: str = "postgres") -> None:
        """Carry out statements, each by itself."""
        address = f"postgresql://springtide@/{database}?host={self._door}"
        run("the database", [str(self._programs / "python"), "-c", SQL, address, *texts])

    def configured(self, port: int) -> Path:
        """The configuration file of a Tryton server before it."""
        path = self.home / f"trytond-{port}.conf"
        path.write_text(CONFIGURATION.format(door=self._door, port=port))
        return path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)


class RealTryton:
    """A Tryton server that runs for the length of a `with` block, filled with these legal entities."""

    def __init__(self, prepared: Prepared, mode: Mode, entities: Sequence[SeedEntity], year: int = 2026) -> None:
        self.mode = mode
        self.database = "erp"
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        self._prepared = prepared
        self._entities = entities
        self._year = year
        self._server: Part | None = None

    def __enter__(self) -> Self:
        self._cluster = _Cluster(self._prepared.programs, self._prepared.cluster)
        try:
            self._cluster.sql(f"CREATE DATABASE {self.database} TEMPLATE {self.mode}")
            self.start()
            self.crosswalk_file = self._cluster.home / "crosswalk.toml"
            text = seed(self.client(ADMIN), self._entities, self._year, FEED_PASSWORD)
            self.crosswalk_file.write_text(text, encoding="utf-8")
            self.crosswalk: Mapping[str, Crosswalk] = read_crosswalk(self.crosswalk_file)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
        self._cluster.__exit__(kind, fault, at)

    @property
    def folder(self) -> Path:
        """A folder for the length of the run; the server's log is in it."""
        return self._cluster.home

    # ---------------------------------------------------------------- the server

    def start(self) -> None:
        """Start the server, and wait until it answers. Raises PartFailedError."""
        command = [str(self._prepared.programs / "trytond"), "-c", str(self._cluster.configured(self.port))]
        watched = ["/bin/sh", "-c", WATCHED, "TERM", *command, "-d", self.database]
        self._server = Part("trytond", watched, self._cluster.home)
        wait_for("the Tryton server", START_SECONDS, self._answers)

    def _answers(self) -> bool:
        assert self._server is not None, "it was started"
        if not self._server.lives:
            raise PartFailedError(f"the Tryton server ended: {self._server.last_words()}")
        try:
            self.client(ADMIN)
        except (TrytonAwayError, TrytonRefusedError):
            return False
        return True

    def kill(self) -> None:
        """SIGKILL the server."""
        if self._server is not None:
            self._server.kill()
            self._server = None

    def stop(self) -> None:
        """End the server in good order."""
        if self._server is not None:
            self._server.end()
            self._server = None

    def database_stops(self) -> None:
        """PostgreSQL goes away; the server stays."""
        self._cluster.stop()

    def database_starts(self) -> None:
        """PostgreSQL comes back, where it was."""
        self._cluster.start()

    def keep(self) -> None:
        """Keep the database as it is now, for `fresh`. The server is ended and started for it."""
        self.stop()
        self._cluster.sql(f"CREATE DATABASE kept TEMPLATE {self.database}")
        self.start()

    def fresh(self) -> None:
        """Have the database again as it was kept. The server is ended and started for it."""
        self.stop()
        self._cluster.sql(
            f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)", f"CREATE DATABASE {self.database} TEMPLATE kept"
        )
        self.start()

    def forget_sessions(self) -> None:
        """Log everybody out, behind the server's back."""
        self._cluster.sql("DELETE FROM ir_session", database=self.database)

    # ---------------------------------------------------------------- its users

    def client(self, user: str = ADMIN, seconds: float = 300.0) -> TrytonClient:
        """A session of a user: the administrator, or the integration user. Raises what a login raises."""
        password = ADMIN_PASSWORD if user == ADMIN else FEED_PASSWORD
        return TrytonClient(self.url, self.database, user, password, seconds)

    def settings(self, **account: Any) -> dict[str, Any]:
        """The account as the runtime's settings file has it; its password is in the environment of `environ`."""
        tryton = {
            "database": self.database,
            "user": FEED,
            "mode": self.mode,
            "crosswalk_file": str(self.crosswalk_file),
        }
        return {
            "kind": "tryton_erp",
            "url": self.url,
            "credential_env": PASSWORD_ENV,
            "needs_session": True,
            "quota_calls": 6_000,
            "batch_max": 200,
            "concurrent_max": 4,
            "late_landing_ms": LATE_LANDING_MS,
            "honours_keys": self.mode == "keyed",
            "tryton": tryton,
            **account,
        }

    @property
    def environ(self) -> Mapping[str, str]:
        """What the runtime has to find in its environment."""
        return {PASSWORD_ENV: FEED_PASSWORD}
