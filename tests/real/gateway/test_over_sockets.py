"""The gateway behind a real server: clients that are slow, large or rude, and the connection afterwards."""

import asyncio
import contextlib
import gzip
import http.client
import socket
from collections.abc import AsyncIterator

import uvicorn

from runtime.gateway.protocol import BoundedProtocol
from tests.runtime.gateway.a_runtime import OPS, World, a_world, event, ndjson

BODY = ndjson(event("TS-1"))


@contextlib.asynccontextmanager
async def served(world: World) -> AsyncIterator[int]:
    """The world on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            world.app, lifespan="on", log_config=None, access_log=False, ws="none", http=BoundedProtocol
        )
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext  # type: ignore[assignment]  # signals are the test runner's
        running = asyncio.create_task(server.serve([listening]))
        while not server.started:
            await asyncio.sleep(0.005)
        yield listening.getsockname()[1]
        server.should_exit = True
        await running


def head(length: int, *more: str) -> bytes:
    lines = (
        "POST /v1/bulk HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {OPS}",
        "Content-Type: application/x-ndjson",
        f"Content-Length: {length}",
        *more,
    )
    return "\r\n".join((*lines, "", "")).encode()


async def talk(port: int, *sent: bytes) -> bytes:
    """Everything that is answered until the server closes the connection, or has answered the whole of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    try:
        for chunk in sent:
            writer.write(chunk)
            await writer.drain()
        with contextlib.suppress(ConnectionResetError):
            while chunk := await asyncio.wait_for(reader.read(65_536), 5):
                answer += chunk
    finally:
        writer.close()
    return answer


def test_a_slow_client_hears_408_and_is_let_go() -> None:
    """The request is never finished; the server answers by itself, closes, and serves the next client."""
    world = a_world(body_seconds=0.2, concurrent_calls=1)

    async def story() -> tuple[bytes, bytes]:
        async with served(world) as port:
            slow = await talk(port, head(len(BODY)), BODY[:20])
            return slow, await talk(port, head(len(BODY), "Connection: close"), BODY)

    slow, quick = asyncio.run(story())

    assert slow.startswith(b"HTTP/1.1 408 ")
    assert b"urn:springtide:problem:too-slow" in slow
    assert quick.startswith(b"HTTP/1.1 202 ")
    assert world.runtime.heard() == {"DE01": ["TS-1"]}


def test_a_body_that_is_announced_too_large_is_not_sent() -> None:
    """413 on the head alone, and the rest of the connection is not taken for a request."""
    world = a_world(body_bytes=1_024)

    async def story() -> bytes:
        async with served(world) as port:
            return await talk(port, head(10_000_000), b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")

    answer = asyncio.run(story())

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_client_that_sends_first_hears_why_it_was_refused() -> None:
    """Python's own client sends the whole body before it looks: without reading on, it would see a reset connection."""
    world = a_world()

    def ask(port: int) -> tuple[int, int]:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        client.request("POST", "/v1/bulk", b"x" * 6_000_000)
        answer = client.getresponse()
        return answer.status, len(answer.read())

    async def story() -> tuple[int, int]:
        async with served(world) as port:
            return await asyncio.to_thread(ask, port)

    status, size = asyncio.run(story())

    assert status == 401
    assert size > 0


def test_a_head_that_is_too_large_ends_the_connection() -> None:
    """431, and the next client is served."""
    world = a_world()

    async def story() -> tuple[bytes, bytes]:
        async with served(world) as port:
            large = await talk(port, head(0, *["X: y"] * 100))
            return large, await talk(port, head(len(BODY), "Connection: close"), BODY)

    large, good = asyncio.run(story())

    assert large.startswith(b"HTTP/1.1 431 ")
    assert good.startswith(b"HTTP/1.1 202 ")


def test_a_client_that_leaves_has_delivered_nothing() -> None:
    """Half a body and a closed connection leave no entry behind."""
    world = a_world()

    async def story() -> None:
        async with served(world) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head(len(BODY)) + BODY[:-5])
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            other = ndjson(event("TS-2"))
            await talk(port, head(len(other), "Connection: close"), other)

    asyncio.run(story())

    assert world.runtime.heard() == {"DE01": ["TS-2"]}


def test_requests_follow_one_another_on_one_connection() -> None:
    """Keep-alive with packed bodies in chunks: two deliveries, two answers."""
    world = a_world()
    packed = gzip.compress(BODY)
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed)
    first = head(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked\r\nContent-Encoding: gzip") + chunked

    async def story() -> bytes:
        async with served(world) as port:
            return await talk(port, first, head(len(BODY), "Connection: close"), BODY)

    answer = asyncio.run(story())

    assert answer.count(b"HTTP/1.1 202 ") == 2
    assert b'"accepted":1' in answer
    assert b'"duplicate":1' in answer
