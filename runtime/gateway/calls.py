"""One request as the gateway sees it, and its answer; and reading a body within its limits.

Rule 1. A body is read within `body_seconds`, up to `body_bytes`, and expands to `expanded_bytes` at most. Whoever is
        slower or larger gets one problem and the connection is closed; nothing of it was taken in.
Rule 2. Nothing is kept beyond a limit: a gzip bomb is expanded up to one byte past it.
Rule 3. What the bodies of all requests take in memory is bounded together, until each is answered: as they were sent,
        and what a gzip of them expanded to. Who would take more hears 503 and closes, whatever the request is for.
Rule 4. A request means one thing: a header that decides something stands in it once.
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote

import msgspec

from runtime.core.value import value
from runtime.gateway.events import key_twice, too_deep
from runtime.gateway.gate import Meters
from runtime.gateway.problems import Flaw, ProblemError
from runtime.ports import IntakeRefusedError
from runtime.settings import LimitSettings

T = TypeVar("T")
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CLOSE = (b"connection", b"close")
"""For answers before the whole request was read: what still comes must not be taken for the next request."""
JSON = b"application/json"
BUSY_RETRY_MS = 1_000
LINGER_S = 2.0
"""How long we read away what a client still sends after an answer that closes. Assumed."""
_ONCE = frozenset((b"authorization", b"content-type", b"content-encoding", b"springtide-signature"))
"""Headers that decide something, besides those of a CloudEvent: of two, a proxy may have seen the other."""


@value
class Answer:
    """What is sent back."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: Sequence[tuple[bytes, bytes]] = ()


def answer_json(content: Any, status: int = 200) -> Answer:
    """An answer that says `content`, whatever of ours it is."""
    return Answer(status, msgspec.json.encode(content))


class Bodies:
    """What the bodies of all requests take in memory at the moment."""

    def __init__(self, limits: LimitSettings, metrics: Meters) -> None:
        self._most = max(limits.bodies_bytes, limits.body_bytes + limits.expanded_bytes)
        """Room for one of the largest, in any case."""
        self._metrics = metrics
        self._held = 0

    def take(self, more: int) -> None:
        """So many more bytes are kept. Raises IntakeRefusedError."""
        if self._held + more > self._most:
            self._metrics.intake_refused("bodies_bytes")
            raise IntakeRefusedError("bodies_bytes", BUSY_RETRY_MS)
        self._held += more

    def give_back(self, held: int) -> None:
        """So many are kept no longer."""
        self._held -= held


class Call:
    """One request: its line, its headers, and its body for whoever asks."""

    __slots__ = ("_bodies", "_held", "_receive", "_scope", "complete", "headers", "method", "path", "raw", "rest")

    def __init__(self, scope: Scope, receive: Receive, bodies: Bodies) -> None:
        self._scope = scope
        self._receive = receive
        self._bodies = bodies
        self._held = 0
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = {name.lower(): content for name, content in scope["headers"]}
        raw: bytes = scope.get("raw_path") or b""
        self.raw = raw.partition(b"?")[0].decode("latin-1") or self.path
        """The path as it was sent."""
        self.complete = False
        """Whether nothing more of the body will come."""
        self.rest: tuple[str, ...] = ()
        """What the path says behind its route, decoded."""

    def check_headers(self) -> None:
        """Raises ProblemError where a header that decides something stands twice."""
        given = self._scope["headers"]
        if len(given) == len(self.headers):
            return
        seen: set[bytes] = set()
        for name in (name.lower() for name, _ in given):
            if name in seen and (name in _ONCE or name.startswith(b"ce-")):
                raise ProblemError("invalid", f"the header {name.decode('latin-1')} stands twice", headers=(CLOSE,))
            seen.add(name)

    def header(self, name: bytes) -> str:
        """A header as text; "" where there is none."""
        return self.headers.get(name, b"").decode("latin-1")

    def content_type(self) -> str:
        """What the body is said to be, without parameters, in small letters."""
        return self.header(b"content-type").partition(";")[0].strip().lower()

    def segments(self, behind: str) -> tuple[str, ...]:
        """The path behind a prefix: its first segment and the rest, each decoded, so that an id may hold a slash."""
        first, slash, rest = self.raw.removeprefix(behind).partition("/")
        return (unquote(first), unquote(rest)) if slash else (unquote(first),)

    def query(self, known: Mapping[str, str]) -> dict[str, str]:
        """The query over its defaults. Raises ProblemError for a name that nobody knows or that stands twice."""
        try:
            given = parse_qsl(self._scope.get("query_string", b"").decode("ascii"), keep_blank_values=True)
        except ValueError:
            raise ProblemError("invalid", "the query cannot be read") from None
        flaws = [Flaw("", f"query {name!r} is not known; known: {', '.join(known) or 'none'}") for name, _ in given]
        flaws = [flaw for flaw, (name, _) in zip(flaws, given, strict=True) if name not in known]
        names = [name for name, _ in given]
        flaws += [Flaw("", f"query {name!r} stands twice") for name in known if names.count(name) > 1]
        if flaws:
            raise ProblemError("invalid", "the query cannot be used", flaws)
        return {**known, **dict(given)}

    async def body(self, limits: LimitSettings) -> bytes:
        """The body, unpacked. Raises ProblemError: see the rules above."""
        return await self.unpacked(await self.sent(limits), limits)

    async def sent(self, limits: LimitSettings, keep: Callable[[int], None] | None = None) -> bytes:
        """The body as it was sent; `keep` hears of so many more bytes before they are kept, and may raise.

        Raises ProblemError.
        """
        if self._packing() not in ("", "identity", "gzip"):
            accept = ((b"accept-encoding", b"gzip"), CLOSE)
            raise ProblemError("wrong-content-encoding", "send the body as it is, or as gzip", headers=accept)
        length = self.header(b"content-length")
        if length.isdigit() and int(length) > limits.body_bytes:
            raise _too_large(limits.body_bytes, "")
        try:
            async with asyncio.timeout(limits.body_seconds):
                return await self._read(limits.body_bytes, keep)
        except TimeoutError:
            detail = f"a request has {limits.body_seconds:g} s to arrive; nothing of it was taken in"
            raise ProblemError("too-slow", detail, headers=(CLOSE,)) from None

    async def unpacked(self, sent: bytes, limits: LimitSettings) -> bytes:
        """A body that was sent, expanded if it is packed. Raises ProblemError."""
        if self._packing() != "gzip":
            return sent
        if len(sent) < _SMALL:
            expanded = expand(sent, limits.expanded_bytes)
        else:
            # As many as there are threads are counted only once they are there.
            expanded = await asyncio.to_thread(expand, sent, limits.expanded_bytes)
        self._hold(len(expanded))
        return expanded

    def _hold(self, more: int) -> None:
        self._bodies.take(more)
        self._held += more

    def let_go(self) -> None:
        """The request is answered, and nothing of its body is kept."""
        self._bodies.give_back(self._held)
        self._held = 0

    def _packing(self) -> str:
        return self.header(b"content-encoding").strip().lower()

    async def throw_away(self, most: int) -> None:
        """Read what is still sent and keep nothing of it, up to `most` bytes or LINGER_S.

        A connection that is closed over unread bytes is reset, and a client that sends first never sees the answer.
        """
        size = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while not self.complete and size <= most:
                    size += len((await self._next()).get("body", b""))

    async def _next(self) -> Message:
        message = await self._receive()
        self.complete = message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message

    async def _read(self, most: int, keep: Callable[[int], None] | None) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self._next()
            if message["type"] == "http.disconnect":
                raise ProblemError("client-left", "nothing of the request was taken in")
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size > most:
                raise _too_large(most, "")
            if keep is not None:
                keep(len(chunk))
            self._hold(len(chunk))
            chunks.append(chunk)
            if self.complete:
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)


_SMALL = 16 * 1024
"""A packed body up to this long expands (at most a thousandfold) in milliseconds; a longer one does so in a thread."""


_MEMBERS = 64
"""Assumed: one is usual. Each costs a copy of what follows, so endlessly many small ones would cost a minute."""


def expand(packed: bytes, most: int) -> bytes:
    """A gzip body (one or several members) expanded. Raises ProblemError where it is damaged or too large."""
    parts: list[bytes] = []
    room = most
    while packed:
        if len(parts) == _MEMBERS:
            raise ProblemError("bad-gzip", f"the body has more than {_MEMBERS} members")
        member = zlib.decompressobj(wbits=31)
        try:
            part = member.decompress(packed, room + 1)
        except zlib.error:
            raise ProblemError("bad-gzip", "the body is damaged, or is no gzip") from None
        if len(part) > room:
            raise _too_large(most, "expanded ")
        if not member.eof:
            raise ProblemError("bad-gzip", "the body ends too early")
        parts.append(part)
        room -= len(part)
        packed = member.unused_data
    if not parts:
        raise ProblemError("bad-gzip", "the body is empty")
    return b"".join(parts)


def _too_large(most: int, which: str) -> ProblemError:
    return ProblemError("too-large", f"the {which}body may have {most} bytes; send several requests", headers=(CLOSE,))


def read_json(body: bytes, into: type[T], depth: int) -> T:
    """What a person's request says. Raises ProblemError with where and what; a key that stands twice is wrong, too."""
    if too_deep(body, depth):
        raise ProblemError("too-deep", f"JSON may be nested {depth} deep here")
    try:
        content = msgspec.json.decode(body, type=into)
        twice = key_twice(body)
    except msgspec.ValidationError as fault:
        what, _, where = str(fault).rpartition(" - at `$")
        pointer = where.rstrip("`").replace(".", "/").replace("[", "/").replace("]", "")
        raise ProblemError("invalid", "the request cannot be used", (Flaw(pointer, what or str(fault)),)) from None
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise ProblemError("malformed", f"the body is not JSON: {fault}") from None
    if twice is not None:
        raise ProblemError("malformed", f"the key {twice[:100]!r} stands twice in one object")
    return content
