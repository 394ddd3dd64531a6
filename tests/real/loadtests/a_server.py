"""`python -m tests.real.loadtests.a_server SECONDS [STATUS]`: answers everything after so many seconds.

Its first line says where; when its input ends it says what came, and when: [seconds since the first, number].
"""

import asyncio
import json
import sys
from time import monotonic
from typing import Any


async def main(delay_s: float, status: int) -> None:
    """Serve until the input ends."""
    came: list[tuple[float, int]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
                body: dict[str, Any] = json.loads(await reader.readexactly(length) or b"{}")
                came.append((monotonic(), body.get("number", -1)))
                await asyncio.sleep(delay_s)
                told = json.dumps({"results": [], "counts": {"accepted": 2}}).encode()
                writer.write(b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\n" % status)
                writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(told), told))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{port}"}) + "\n")
    sys.stdout.flush()
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    await lines.read()
    first = came[0][0] if came else 0.0
    sys.stdout.write(json.dumps({"came": [(round(at - first, 3), number) for at, number in came]}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 202))
