#!/usr/bin/env python
"""How many requests a second one process of the load generator can send on this machine, and still be on time.

    scripts/bench_generator.py                 requests of 80 rows (40 KB), as managers' clicks are
    scripts/bench_generator.py --bytes 500     single corrections

The rate is doubled until the generator calls itself the bottleneck; then it is halved in between, twice. The server
beside it answers at once and knows nothing of HTTP but where a request ends, so that it is not what is measured.
"""

import argparse
import asyncio
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from loadtests.crew import Crew, Size  # noqa: E402  # after the path is set
from loadtests.words import Order, Targets  # noqa: E402  # likewise
from scenarios.live.parts import Part  # noqa: E402  # likewise

SECONDS = 8
ITEMS = 80
FIRST = 100


class Wall(asyncio.Protocol):
    """Answers whatever ends."""

    ANSWER = json.dumps({"results": [], "counts": {"accepted": ITEMS}}).encode()
    REPLY = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        len(ANSWER),
        ANSWER,
    )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "it is a socket"
        self._transport = transport
        self._left = -1
        self._head = b""

    def data_received(self, data: bytes) -> None:
        if self._left < 0:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            length = int(self._head[:end].lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            self._left = length - (len(self._head) - end - 4)
        else:
            self._left -= len(data)
        if self._left == 0:
            self._transport.write(self.REPLY)
            self._left, self._head = -1, b""


async def answer() -> None:
    """Be the server until the input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Wall, "127.0.0.1", 0)
    print(json.dumps({"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def run(rate: int, size: int, url: str, folder: Path) -> dict[str, Any]:
    """The generator's figures at this rate, and the share of a core that it took."""
    folder.mkdir()
    load = {"per_s": rate, "seconds": SECONDS, "items": ITEMS, "bytes": size}
    order = Order(json.dumps(load), asdict(Targets(url)), settle_ms=2_000)
    with Crew(folder, folder, order, Size(), maker="loadtests.steady") as crew:
        told = crew.run(lambda line: None)
    figures: dict[str, Any] = {**told["figures"], "cpu": told["cpu"]}
    return figures


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", type=int, default=40_000, help="of each request's body (40000)")
    parser.add_argument("--answer", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.answer:
        asyncio.run(answer())
        return 0
    environ = {"PYTHONPATH": os.pathsep.join(sys.path)}
    good = FIRST
    best: dict[str, Any] = {}
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with Part("wall", [sys.executable, __file__, "--answer"], folder, environ) as wall:
            url = wall.hears(30)["url"]
            rate, step, halvings = FIRST, 0, 0
            while halvings < 3:
                figures = run(rate, arguments.bytes, url, folder / str(rate))
                late, cpu = figures["lateness_p99_ms"], figures["cpu"]
                said = figures["because"] or "on time"
                print(f"{rate:6,} requests/s: late p99 {late:.0f} ms, {cpu:.0%} of a core; {said}", flush=True)
                if not figures["saturated"]:
                    good, best = rate, figures
                if step == 0 and not figures["saturated"]:
                    rate *= 2
                    continue
                halvings += 1
                step = step // 2 if step else rate // 4
                rate = good + step
    rows = good * ITEMS
    cpu = best.get("cpu", 0.0)
    print(
        f"one process: {good:,} requests/s of {arguments.bytes:,} bytes on time"
        f" ({rows:,} rows/s at {ITEMS} a request), {cpu:.0%} of a core"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
