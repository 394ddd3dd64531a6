"""The generator's processes as the command starts and hears them.

    with Crew(folder, targets, order, processes=2) as crew:
        crew.run(told)          every line of the generator as it comes, until it ended; its last words

Rule 1. Ctrl-C ends the load and not the run: the generator is told, keeps what it has, and says how it ended. What
        comes after (the ledger, the report) is done with a part. A second Ctrl-C ends everything.
Rule 2. Nothing of ours is patched. Locust lives in those processes and nowhere else.
"""

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from loadtests.words import MAKER, Order, Task
from scenarios.live.parts import Part, PartFailedError, free_port

PREPARING_S = 900.0
"""How long the making of a schedule may take (ours): 1.2 million rows take 100 s (measured)."""
A_DAY_S = 86_400.0
"""How long is waited for a person at the web page, or for machines that are to join."""
HEARTBEAT_S = 60.0
"""Longest silence of a generator that runs; it speaks every second."""
Told = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How many processes send, and where they are."""

    processes: int = 1
    """On this machine."""
    elsewhere: int = 0
    """On other machines, each started there with --worker."""
    master_port: int = 5557
    web_port: int = 0
    connections: int = 500
    """Of one process, to one address."""


class Crew:
    """A generator and its workers."""

    def __init__(self, folder: Path, scratch: Path, order: Order, size: Size, maker: str = MAKER) -> None:
        """Files of the run go to `folder`, everything else to `scratch`."""
        self._stack = ExitStack()
        self._size = size
        self._patient = bool(size.elsewhere or size.web_port)
        alone = size.processes == 1 and not size.elsewhere
        workers = 0 if alone else size.processes
        port = size.master_port if size.elsewhere else free_port()
        task = Task(
            role="alone" if alone else "master",
            folder=str(folder),
            scratch=str(scratch),
            order=asdict(order) | {"workers": max(1, workers + size.elsewhere)},
            master_host="*" if size.elsewhere else "127.0.0.1",
            master_port=port,
            web_port=size.web_port,
            maker=maker,
        )
        self._lead = self._stack.enter_context(_a_process("generator", scratch, task))
        for number in range(workers):
            self._stack.enter_context(_a_worker(number, scratch, "127.0.0.1", port, maker))

    def run(self, told: Told) -> Mapping[str, Any]:
        """Until it ended: its last line. Raises PartFailedError where it could not begin, or is gone."""
        halted = False
        patience_s = A_DAY_S if self._patient else PREPARING_S
        while True:
            try:
                line = self._lead.hears(patience_s)
                if line["word"] in ("begun", "progress"):
                    patience_s = HEARTBEAT_S
                if line["word"] == "failed":
                    raise PartFailedError(line["why"])
                told(line)
                if line["word"] == "ended":
                    return line
            except KeyboardInterrupt:
                if halted:
                    raise
                halted = True
                self._lead.process.terminate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()


def work(folder: Path, host: str, port: int, processes: int) -> int:
    """Be workers for a master elsewhere, until it has no more use for us; the gravest exit code."""
    with ExitStack() as stack:
        parts = [stack.enter_context(_a_worker(number, folder, host, port, MAKER)) for number in range(processes)]
        return max(part.process.wait() for part in parts)


def _a_worker(number: int, folder: Path, host: str, port: int, maker: str) -> Part:
    return _a_process(f"worker{number}", folder, Task("worker", master_host=host, master_port=port, maker=maker))


def _a_process(name: str, folder: Path, task: Task) -> Part:
    part = Part(name, [sys.executable, "-m", "loadtests.generator"], folder)
    part.say(**asdict(task))
    return part
