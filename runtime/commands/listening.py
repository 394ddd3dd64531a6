"""A process that serves over HTTP until it is told to end: its loop, its socket, its signals, its server.

The first SIGTERM or Ctrl-C asks it to end, the second ends it at once.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from runtime.cli import BadInputError
from runtime.settings import ServerSettings


def in_a_loop(process: Coroutine[Any, Any, int]) -> int:
    """Run the process in uvloop where it is installed: intake takes in a fifth more there (measured, busy machine)."""
    try:
        from uvloop import new_event_loop
    except ModuleNotFoundError:
        return asyncio.run(process)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(process)


@contextmanager
def listening(settings: ServerSettings) -> Iterator[list[socket.socket]]:
    """A socket on the configured address. Raises BadInputError where it is taken."""
    host, port = settings.host, settings.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Where uvloop is not, Nagle's algorithm is turned off only if the protocol is named; with it an answer, which goes
    # out in two pieces, waits 40 ms for the caller's acknowledgement of the first (measured).
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as fault:
            raise BadInputError(
                f"cannot listen on {host}:{port}: {fault.strerror}; choose another --port (0 takes a free one)"
            ) from None
        yield [listening]


def url_of(settings: ServerSettings, sockets: Sequence[socket.socket]) -> str:
    """Where these sockets are reached."""
    name = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{name}:{sockets[0].getsockname()[1]}"


def end_on_signals(ended: asyncio.Event, children: Sequence[subprocess.Popen[str]] = ()) -> None:
    """The first SIGTERM or Ctrl-C sets `ended`; the second ends the process, and its children, at once."""

    def told(number: int) -> None:
        if ended.is_set():
            print("springtide: ended at once; what was acknowledged is in the journal", file=sys.stderr, flush=True)
            for child in children:
                child.terminate()
            os._exit(128 + number)
        print("springtide: draining; once more to end at once", file=sys.stderr, flush=True)
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told, number)


@asynccontextmanager
async def served(app: Any, sockets: list[socket.socket]) -> AsyncIterator[None]:
    """The gateway on its sockets, for as long as the block runs; it answers until the end of the drain."""
    import uvicorn

    from runtime.gateway.protocol import BoundedProtocol

    class Server(uvicorn.Server):
        """Leaves the signals to us."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        lifespan="off",
        log_config=None,
        access_log=False,
        ws="none",
        timeout_graceful_shutdown=5,
        server_header=False,
    )
    server = Server(config)
    task = asyncio.get_running_loop().create_task(server.serve(sockets), name="gateway")
    while not server.started and not task.done():
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await task
