"""The parts of a live run: each a process of its own, started and ended by its pid, and how they are talked to.

    with Part("mocks", [...], folder) as mocks:      started; its errors go to folder/mocks.log
        told = mocks.hears(30)                       its next line of JSON; with the first one a server is ready
        mocks.kill()                                 SIGKILL, at once
                                                     SIGTERM at the end of the block, SIGKILL if that is not enough

Rule 1. A part is in a session of its own: a Ctrl-C at the terminal is for us, and we end the parts.
Rule 2. Nothing is ended but what was started here.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic, sleep
from types import FrameType, TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"
END_SECONDS = 20.0
"""How long a part may take to end by itself (ours): a drain waits for calls on the wire."""
LAST_WORDS = 400
"""Characters of a part's log that are told when it failed."""
SPRINGTIDE = (sys.executable, "-m", "runtime.cli")
"""Our program, in this environment."""


class PartFailedError(Exception):
    """A part did not start or ended by itself: one line that says which and how."""


class Part:
    """A child process."""

    def __init__(
        self, name: str, command: Sequence[str], folder: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        """Start it. `environ` comes on top of ours."""
        self.name = name
        self._log = folder / f"{name}.log"
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._said: list[str] = []
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603  # our own programs
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **(environ or {})},
                start_new_session=True,
            )
        self._reader = Thread(target=self._read, name=f"output of {name}", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None, "it was started with a pipe"
        for line in self.process.stdout:
            self._said.append(line)
            self._lines.put(line)
        self._lines.put("")

    def hears(self, seconds: float) -> dict[str, Any]:
        """Its next line of JSON. Raises PartFailedError."""
        try:
            line = self._lines.get(timeout=seconds)
            told: dict[str, Any] = json.loads(line)
        except (Empty, json.JSONDecodeError):
            raise PartFailedError(f"{self.name} did not say what was waited for: {self.last_words()}") from None
        return told

    def said(self, words: str) -> bool:
        """Whether a line of its output had these words in it."""
        return any(words in line for line in self._said)

    def say(self, **words: object) -> None:
        """Give it a line of JSON to read."""
        assert self.process.stdin is not None, "it was started with a pipe"
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def last_words(self) -> str:
        """The end of its log, in one line."""
        words = " ".join(self._log.read_text(errors="replace").split())
        return words[-LAST_WORDS:] or "it said nothing"

    @property
    def lives(self) -> bool:
        """Whether it runs."""
        return self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self._gone()

    def end(self, seconds: float = END_SECONDS) -> int:
        """SIGTERM; SIGKILL after so many seconds. Returns the exit code."""
        if self.lives:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
        if self.lives:
            self.process.kill()
        return self._gone()

    def _gone(self) -> int:
        code = self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdout, self.process.stdin):
            assert pipe is not None, "it was started with pipes"
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.end()


class Unreachable(Exception):  # noqa: N818  # a state of the world and no error: parts are killed here on purpose
    """Nobody answered, or not to the end."""


class Api:
    """One of our servers, over HTTP."""

    def __init__(self, url: str, key: str = "") -> None:
        """`key` goes along with every request."""
        parts = urlsplit(url)
        self._address = parts.netloc
        self._connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def ask(
        self, method: str, path: str, body: object = b"", kind: str = "application/json", seconds: float = 60.0
    ) -> tuple[int, Any, Mapping[str, str]]:
        """(status, body, headers): a body of JSON is read, other bodies come as bytes. Raises Unreachable."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = self._connect(self._address, timeout=seconds)
        try:
            connection.request(method, path, sent, {**self._headers, "Content-Type": kind})
            answer = connection.getresponse()
            content = answer.read()
            said = answer.headers.get_content_type()
            told = json.loads(content) if said.endswith("json") and said != "application/x-ndjson" else content
            return answer.status, told, dict(answer.headers.items())
        except (OSError, HTTPException, json.JSONDecodeError) as fault:
            raise Unreachable(f"{method} {path}: {type(fault).__name__}") from fault
        finally:
            connection.close()

    def must(self, method: str, path: str, body: object = b"", kind: str = "application/json") -> Any:
        """The body of a successful answer. Raises PartFailedError for any other."""
        try:
            status, told, _ = self.ask(method, path, body, kind)
        except Unreachable as fault:
            raise PartFailedError(str(fault)) from fault
        if status >= 300:
            raise PartFailedError(f"{method} {path} was answered with {status}: {str(told)[:LAST_WORDS]}")
        return told


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as looking:
        looking.bind((LOOPBACK, 0))
        port: int = looking.getsockname()[1]
    return port


def wait_for(what: str, seconds: float, look: Any, every_s: float = 0.1) -> Any:
    """The first true answer of `look`, asked again and again. Raises PartFailedError when it takes too long."""
    until_s = monotonic() + seconds
    while not (found := look()):
        if monotonic() > until_s:
            raise PartFailedError(f"{what}: not within {seconds:g} seconds")
        sleep(every_s)
    return found


@contextlib.contextmanager
def ended_tidily() -> Iterator[None]:
    """In this block SIGTERM ends us as Ctrl-C does, so that whatever was started is ended on the way out."""

    def told(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, told)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
