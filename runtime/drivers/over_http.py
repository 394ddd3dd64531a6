"""Carries requests to one system over HTTP: a pool of connections, a deadline on everything, nothing decided.

What became of a request is one of three: a response as it came, status 0 where nobody listened (nothing was sent, so
it is definite), and None for silence. Silence covers the deadline, a reset, half an answer and a cancelled call: the
request may have been carried out. Nothing is sent twice here; retries are decided in the core.
"""

import ssl

import aiohttp

from runtime.connectors.doors import CONNECTION_REFUSED
from runtime.ports import Request, Response

ANSWER_MAX_BYTES = 64 * 1024 * 1024
"""More than this is no answer of an ERP; what is cut off cannot be read, and is silence."""
CONNECT_SECONDS = 10.0
"""How long a connection may take, within the deadline of the call; failing that nothing was sent."""


class HttpTransport:
    """A pool of connections to one base address. Created where an event loop runs."""

    def __init__(self, url: str, connections: int) -> None:
        self._url = url.rstrip("/")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=30.0),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
            trust_env=False,
        )

    async def send(self, request: Request, deadline_s: float) -> Response | None:
        """The response; status 0 where nobody listened; None for silence."""
        timeout = aiohttp.ClientTimeout(total=deadline_s, sock_connect=min(CONNECT_SECONDS, deadline_s))
        try:
            async with self._session.request(
                request.method,
                self._url + request.path,
                data=request.body or None,
                headers=request.headers,
                timeout=timeout,
                allow_redirects=False,
            ) as answer:
                body = await answer.content.read(ANSWER_MAX_BYTES) if answer.content_length != 0 else b""
                while not answer.content.at_eof():
                    more = await answer.content.read(ANSWER_MAX_BYTES)
                    if len(body) + len(more) > ANSWER_MAX_BYTES:
                        return None
                    body += more
                return Response(answer.status, answer.headers, body)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, ssl.SSLError):
            return Response(CONNECTION_REFUSED, {}, b"")
        except (TimeoutError, aiohttp.ClientError, OSError):
            return None

    async def close(self) -> None:
        """Close the pool."""
        await self._session.close()
