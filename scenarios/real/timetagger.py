"""A TimeTagger of our own: installed into its own environment, started on a free port, talked to as its users.

    with TimeTagger(folder) as tracker:
        anna = tracker.user("anna.keller")       a login as a trusted proxy makes it; the account is there at once
        anna.put([Tracked("k-1", 1_763_625_600, 1_763_652_600, "Workshop #alpine")])

It listens on the loopback interface, and keeps one SQLite file for each user below `folder`.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import time
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec

from runtime.connectors.psa.timetagger import (
    TrackedRecord,
    Updates,
    ask_records,
    ask_token,
    ask_updates,
    read_records,
    read_token,
    read_updates,
)
from runtime.ports import Request, Response
from scenarios.live.parts import LOOPBACK, Part, PartFailedError, free_port, wait_for
from scenarios.real.environment import Say, unheard, venv

PACKAGES = ("timetagger==26.1.3",)
PROXY_HEADER = "X-Remote-User"
START_SECONDS = 60.0
"""How long it may take to start on a busy machine (measured: 2 s on an idle one)."""
ASK_SECONDS = 60.0
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Tracked:
    """A record as a client puts it. `mt` is when the client changed it; None: now."""

    key: str
    t1: int
    t2: int
    ds: str
    mt: int | None = None

    def told(self) -> dict[str, object]:
        """For the wire."""
        mt = int(time()) if self.mt is None else self.mt
        return {"key": self.key, "mt": mt, "t1": self.t1, "t2": self.t2, "ds": self.ds}


class User:
    """One user of the tracker, logged in."""

    def __init__(self, tracker: "TimeTagger", name: str, token: str) -> None:
        self.name = name
        self._tracker = tracker
        self._token = token

    def put(self, records: Sequence[Tracked]) -> dict[str, Any]:
        """Store records; what the server says: {"accepted", "failed", "errors"}."""
        body = _encode([one.told() for one in records])
        headers = {"authtoken": self._token, "content-type": "application/json"}
        response = self._tracker.ask(Request("PUT", "/records", headers, body))
        if response.status != 200:
            raise PartFailedError(f"{self.name} could not put records: {response.status} {response.body[:200]!r}")
        told: dict[str, Any] = msgspec.json.decode(response.body)
        return told

    def updates(self, since_us: int) -> Updates:
        """What was stored since."""
        return read_updates(self._tracker.ask(ask_updates(self._token, since_us)))

    def records(self, from_s: int, until_s: int) -> tuple[TrackedRecord, ...]:
        """What touches these seconds."""
        return read_records(self._tracker.ask(ask_records(self._token, from_s, until_s)))

    def force_reset(self) -> None:
        """Tell all clients that what they know is void."""
        self._tracker.ask(Request("PUT", "/forcereset", {"authtoken": self._token}, b""))


class TimeTagger:
    """The server, as a process of its own."""

    def __init__(self, folder: Path, say: Say = unheard) -> None:
        """Start it, with its data and its log in `folder`. Raises CannotInstallError and PartFailedError."""
        python = venv("timetagger", PACKAGES, say=say) / "python"
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.url = f"http://{LOOPBACK}:{port}/timetagger/api/v2"
        # Without ours: what we are started with is no business of theirs.
        without = {name: "" for name in os.environ if name.startswith(("TIMETAGGER_", "PYTHON"))}
        settings = {
            "TIMETAGGER_BIND": f"{LOOPBACK}:{port}",
            "TIMETAGGER_DATADIR": str(folder.absolute() / "data"),
            "TIMETAGGER_PROXY_AUTH_ENABLED": "true",
            "TIMETAGGER_PROXY_AUTH_TRUSTED": LOOPBACK,
            "TIMETAGGER_PROXY_AUTH_HEADER": PROXY_HEADER,
            "TIMETAGGER_LOG_LEVEL": "warning",
        }
        self._part = Part("timetagger", [str(python), "-m", "timetagger"], folder, without | settings)
        try:
            wait_for("TimeTagger answers", START_SECONDS, self._answers)
        except PartFailedError as fault:
            said = self._part.last_words()
            self.stop()
            raise PartFailedError(f"{fault}: {said}") from fault

    def _answers(self) -> bool:
        if not self._part.lives:
            raise PartFailedError("TimeTagger ended while it started")
        try:
            return self.ask(Request("GET", "", {}, b"")).status == 200
        except PartFailedError:
            return False

    def ask(self, request: Request) -> Response:
        """One request of anybody. Raises PartFailedError where nobody answers."""
        address = urlsplit(self.url)
        connection = HTTPConnection(address.netloc, timeout=ASK_SECONDS)
        try:
            path = address.path + (request.path or "/")
            connection.request(request.method, path, request.body or None, dict(request.headers))
            answer = connection.getresponse()
            return Response(answer.status, dict(answer.headers.items()), answer.read())
        except (OSError, HTTPException) as fault:
            raise PartFailedError(f"TimeTagger does not answer: {type(fault).__name__}") from fault
        finally:
            connection.close()

    def user(self, name: str) -> User:
        """Log somebody in; their account is made when they come for the first time."""
        return User(self, name, read_token(self.ask(ask_token(name, PROXY_HEADER))))

    def stop(self) -> None:
        """End it."""
        self._part.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
