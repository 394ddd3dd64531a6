"""What listens here sends its answers at once: Nagle's algorithm would hold the second piece of each back for 40 ms."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from runtime.commands import listening
from runtime.settings import ServerSettings
from simulators import over_http

SETTINGS = ServerSettings(port=0)


def gateway() -> AbstractContextManager[list[socket.socket]]:
    """The sockets on which the gateway listens."""
    return listening.listening(SETTINGS)


def mocks() -> AbstractContextManager[socket.socket]:
    """The socket on which the mock systems listen."""
    return over_http._listening(0)


@pytest.mark.parametrize("listens", [gateway, mocks])
def test_a_connection_that_was_accepted_sends_at_once(
    listens: Callable[[], AbstractContextManager[socket.socket | list[socket.socket]]],
) -> None:
    """With asyncio's own loop, as with uvloop, TCP_NODELAY is set on what a listening socket of ours accepts."""

    async def accepted() -> int:
        seen = asyncio.get_running_loop().create_future()

        async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            ours: socket.socket = writer.get_extra_info("socket")
            seen.set_result(ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with listens() as said:
            listening = said[0] if isinstance(said, list) else said
            async with await asyncio.start_server(meet, sock=listening):
                _, writer = await asyncio.open_connection(*listening.getsockname()[:2])
                found: int = await seen
                writer.close()
                await writer.wait_closed()
        return found

    assert asyncio.run(accepted()) == 1
