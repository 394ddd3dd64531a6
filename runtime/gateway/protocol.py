"""What one connection may cost before the gateway sees a request: uvicorn's protocol, with bounds.

Rule 1. The head of a request (its line and its headers) has 64 KiB, 16 KiB of them for the URL, and 100 headers. More
        is 431 (or 414), and the connection is closed. The same 64 KiB hold for whatever comes behind a body.
Rule 2. A head is complete 10 s after the connection was made, or after the first byte of a further request. While
        nothing is sent between two requests, uvicorn's own patience counts (`timeout_keep_alive`).
Rule 3. There are so many connections and no more: who comes then is closed at once, and descriptors are left for the
        journal and for our own calls.
Rule 4. Trailers of a chunked body are no headers: they come after everything was decided.

uvicorn is an extra, so only who serves imports this.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_BYTES = 64 * 1024
URL_BYTES = 16 * 1024
HEADERS = 100
HEAD_S = 10.0
CONNECTIONS = 2_000
DESCRIPTORS_LEFT = 128
"""All assumed: ten times what a client with a long token sends; a thousand senders, twice."""


def connections_max() -> int:
    """How many connections this process can have: CONNECTIONS, or what its limit of descriptors leaves."""
    try:
        import resource
    except ImportError:  # not on Windows
        return CONNECTIONS
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return CONNECTIONS
    return max(1, min(CONNECTIONS, soft - DESCRIPTORS_LEFT))


class _OverBoundError(Exception):
    """Ends the parser; what is answered is known by then."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection within the bounds. `head_s` and `most` (connections) are there to be made smaller."""

    head_s = HEAD_S
    most = connections_max()

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._in_head = False
        self._in_body = False
        self._ended = 0
        """Requests that came to their end."""
        self._told = 0
        """Bytes of the URL and of the headers (then of the trailers) that are complete."""
        self._silent = 0
        """Bytes of the chunks that were nothing but head, or had nothing of a body: what the parser may keep."""
        self._body_came = False
        self._answer = 400
        self._deadline: asyncio.TimerHandle | None = None

    # ---------------------------------------------------------------- the connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Somebody connects."""
        if len(self.connections) >= self.most:
            self.transport = transport
            transport.abort()
            return
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self.head_s, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        """They are gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        in_body, ended, self._body_came = self._in_body, self._ended, False
        super().data_received(data)
        if self.transport.is_closing():
            return
        none_ended = self._ended == ended
        if self._body_came:
            self._silent = 0
        elif none_ended and (self._in_body if in_body else self._in_head):
            self._silent += len(data)
            if self._silent > HEAD_BYTES:
                self._answer = 431
                self.send_400_response("")
                return
        # Empty lines before a request are bytes of it, too.
        waits = self._in_head or (none_ended and not self._in_body)
        if waits and self._deadline is None:
            self._deadline = self.loop.call_later(self.head_s, self._late)

    def _late(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if self._answering():
            self._deadline = self.loop.call_later(self.head_s, self._late)
        elif self._in_head:
            self._answer = 408
            self.send_400_response("")
        else:
            self.transport.close()

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    # ---------------------------------------------------------------- what the parser tells

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head = True
        self._told = self._silent = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the URL."""
        super().on_url(url)
        self._told += len(url)
        if len(self.url) > URL_BYTES:
            self._answer = 414
            raise _OverBoundError

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer."""
        self._told += len(name) + len(value) + 4
        if self._told > HEAD_BYTES or (self._in_head and len(self.headers) >= HEADERS):
            self._answer = 431
            raise _OverBoundError
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is complete; a body may follow."""
        self._in_head = False
        self._in_body = True
        self._told = self._silent = 0
        self._stop_waiting()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._body_came = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request came to its end."""
        self._in_body = False
        self._ended += 1
        self._silent = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is sent. Who still sends the request would keep the connection for as long as they like."""
        super().on_response_complete()
        if self._in_body and self.cycle.response_complete and not self.transport.is_closing():
            self.transport.close()

    # ---------------------------------------------------------------- what is answered

    def send_400_response(self, msg: str) -> None:
        """Refuse the request by its status, and close."""
        if not self._answering():
            text = STATUS_LINE[self._answer].split(b" ", 2)[2].strip()
            head = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[self._answer] + head % len(text) + text)
        # An answer that is under way is not mixed with this one: without an answer everything may be sent again.
        self.transport.close()
