"""How an operations command reaches the gateway: one HTTP call at a time, with the key, and what went wrong in words.

The address comes from --url or SPRINGTIDE_URL, the key from --key-file or SPRINGTIDE_KEY. It is never an argument:
arguments are seen by everybody on the machine. The call goes straight to that address: no proxy of the environment
gets to see the key, and no redirect is followed with it.
"""

import argparse
import json
import os
import ssl
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from runtime.cli import BadInputError
from runtime.commands.words import printable

DEFAULT_URL = "http://127.0.0.1:8080"
DEADLINE_S = 120.0
"""The longest a call may take; a trace of an old entry reads the archive."""
_LONGEST_DETAIL = 300
_MOST_FLAWS = 3
_LONGEST_WHY = 500

Send = Callable[[str, str, str, Mapping[str, str], bytes], tuple[int, bytes]]
"""(url, method, target, headers, body) -> (status, body). Raises OSError or HTTPException when nobody answered."""

T = TypeVar("T")


class NotDoneError(Exception):
    """The runtime refused, or is away: one line, with what to do next. Exit 1."""


def over_http(url: str, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
    """Send one request over a connection of its own."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=DEADLINE_S)
    try:
        connection.request(method, parts.path.rstrip("/") + target, body or None, dict(headers))
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def add_connection(parser: argparse.ArgumentParser) -> None:
    """The options that every operations command has."""
    group = parser.add_argument_group("connection")
    group.add_argument("--url", help=f"where the gateway is (default: SPRINGTIDE_URL, or {DEFAULT_URL})")
    group.add_argument("--key-file", type=Path, metavar="FILE", help="file with the API key (default: SPRINGTIDE_KEY)")
    group.add_argument("--key", nargs="?", type=_not_here, help=argparse.SUPPRESS)
    parser.set_defaults(send=over_http)


def add_why(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """A command is journalled with who and why: who is the key's owner, why is asked for."""
    parser.add_argument("--why", required=required, type=_reason, help="the reason, for the audit")


def said(given: str) -> str:
    """An argument that has to say something."""
    if not given.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    return given


def _reason(given: str) -> str:
    if len(given) > _LONGEST_WHY or not given.isprintable():
        raise argparse.ArgumentTypeError(f"say it in one line of at most {_LONGEST_WHY} characters")
    return said(given)


def positive(given: str) -> int:
    """An argument that counts something: 1 or more."""
    if not (given.isascii() and given.isdigit() and int(given)):
        raise argparse.ArgumentTypeError(f"{printable(given)}: give a whole number, 1 or more")
    return int(given)


def _not_here(given: str) -> str:
    raise BadInputError("--key: arguments are seen by everybody here; set SPRINGTIDE_KEY, or give --key-file FILE")


class Gateway:
    """The gateway, for one command."""

    def __init__(self, url: str, key: str, send: Send) -> None:
        self.url = url
        self.key = key
        self._send = send
        self._headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}

    def ask(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """GET `path`. Raises NotDoneError."""
        return read(self._call("GET", f"{path}?{urlencode(query)}" if query else path, b""), dict[str, Any])

    def ask_if_allowed(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any] | None:
        """GET `path`; None where the key does not cover it."""
        try:
            return self.ask(path, query)
        except RefusedError as refused:
            if refused.status == 403:
                return None
            raise

    def tell(self, path: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """POST `content` to `path`. Raises NotDoneError."""
        return read(self._call("POST", path, json.dumps(content).encode()), dict[str, Any])

    def _call(self, method: str, target: str, body: bytes) -> bytes:
        headers = {**self._headers, "Content-Type": "application/json"} if body else self._headers
        try:
            status, answer = self._send(self.url, method, target, headers, body)
        except ssl.SSLError as distrusted:
            why = getattr(distrusted, "verify_message", "") or getattr(distrusted, "reason", "") or "no TLS"
            raise NotDoneError(
                f"no connection to {self.url} that can be trusted ({printable(why)}); is it https there, is the host "
                "the one in its certificate, and does SSL_CERT_FILE name the authority that signed it?"
            ) from None
        except (OSError, HTTPException) as away:
            why = getattr(away, "strerror", None) or type(away).__name__
            raise NotDoneError(
                f"no answer from {self.url} ({why}); is it running (springtide serve), and is --url or "
                "SPRINGTIDE_URL right?"
            ) from None
        if status // 100 != 2:
            raise RefusedError(status, self.url, answer)
        return answer


def read(answer: object, kind: type[T]) -> T:
    """An answer, or a part of one that was read already, as `kind`. Raises NotDoneError."""
    try:
        if isinstance(answer, bytes):
            return msgspec.json.decode(answer, type=kind)
        return msgspec.convert(answer, kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as unreadable:
        raise NotDoneError(
            f"the gateway answered what this version cannot read ({unreadable}); is it a Springtide of this version?"
        ) from None


_HINTS: dict[int, str] = {
    401: "set SPRINGTIDE_KEY, or give --key-file, with a key that is still valid",
    403: "the key lacks this right: use one whose grant covers it (access.keys in the configuration)",
    400: "--help shows what can be asked",
    404: "springtide status lists what there is",
    409: "nothing was changed",
    429: "try again in a moment",
    503: "try again in a moment; springtide status shows what is going on",
}


class RefusedError(NotDoneError):
    """The gateway answered, and did not do it."""

    def __init__(self, status: int, url: str, answer: bytes) -> None:
        super().__init__(status, url, answer)
        self.status = status
        self._url = url
        try:
            self._problem = msgspec.json.decode(answer, type=_Problem)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._problem = _Problem()

    @property
    def problem(self) -> str:
        """Which problem it is, for programs: "unknown-entry"; empty where nobody says."""
        return self._problem.type.rpartition(":")[2]

    def __str__(self) -> str:
        said = self._problem.detail or self._problem.title or "no reason given"
        flaws = [flaw.detail for flaw in self._problem.errors if flaw.detail]
        line = printable(" ".join(" ".join((f"{said}:" if flaws else said, "; ".join(flaws[:_MOST_FLAWS]))).split()))
        hint = _HINTS.get(self.status, "the gateway's log says more")
        return f"{self._url} refused: {line[:_LONGEST_DETAIL].rstrip('.')} ({self.status}); {hint}"


class _Flaw(msgspec.Struct):
    detail: str = ""


class _Problem(msgspec.Struct):
    """RFC 9457, as far as a person wants to read it."""

    type: str = ""
    title: str = ""
    detail: str = ""
    errors: list[_Flaw] = []


def connect(arguments: argparse.Namespace) -> Gateway:
    """The gateway that the arguments or the environment name. Raises BadInputError."""
    url = arguments.url or os.environ.get("SPRINGTIDE_URL") or DEFAULT_URL
    host = _host(url)
    if host is None:
        raise BadInputError(f"--url {printable(_without_user(url))}: give an address such as {DEFAULT_URL}")
    key = _key(arguments.key_file)
    if url.lower().startswith("http://") and host not in ("127.0.0.1", "::1", "localhost"):
        print(f"springtide: the key travels to {host} in clear; use https there", file=sys.stderr)
    return Gateway(url.rstrip("/"), key, arguments.send)


def _host(url: str) -> str | None:
    """The host of an address that can be called; None where it cannot be read, or could never be sent."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        # The same that a socket does with a name, so that it does not fail there: empty and overlong labels.
        host.encode("idna")
        sendable = parts.path.isascii() and url.isprintable() and " " not in url and parts.port != 0
    except ValueError:
        return None
    plain = parts.scheme in ("http", "https") and "@" not in parts.netloc and not (parts.query or parts.fragment)
    return host if host and plain and sendable else None


def _without_user(url: str) -> str:
    """An address without what stands before its host, which may be a password."""
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}…@{rest.rpartition('@')[2]}" if "@" in rest else url


def _key(file: Path | None) -> str:
    if file is None:
        key = os.environ.get("SPRINGTIDE_KEY", "").strip()
        if not key:
            raise BadInputError("no key: set SPRINGTIDE_KEY, or give --key-file FILE (serve --demo prints a key)")
        where = "SPRINGTIDE_KEY"
    else:
        try:
            key = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as unreadable:
            reason = getattr(unreadable, "strerror", None) or "not a text"
            raise BadInputError(f"--key-file {file}: {reason}; give a file that holds the key alone") from None
        where = f"--key-file {file}"
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise BadInputError(f"{where}: not a key; it is one line such as stk_… and nothing else")
    return key


def answering(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """`run`, with a refusal or an absence said in one line, and exit 1."""

    @wraps(run)
    def answered(arguments: argparse.Namespace) -> int:
        try:
            return run(arguments)
        except NotDoneError as not_done:
            print(f"springtide: {not_done}", file=sys.stderr)
            return 1

    return answered


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")
