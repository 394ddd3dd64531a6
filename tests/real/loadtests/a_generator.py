"""A server and a generator as processes of their own, and what came of them."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadtests.words import OUTCOMES
from scenarios.live.parts import Part, free_port
from scenarios.load.results import REQUESTS, RequestRow

START_S = 60.0
"""How long a process may take to begin on a machine that is busy."""
ENVIRON = {"PYTHONPATH": os.pathsep.join(sys.path)}


@contextmanager
def a_server(folder: Path, delay_s: float = 0.0, status: int = 202) -> Iterator["Server"]:
    """Answers after so many seconds, with this status."""
    program = [sys.executable, "-m", "tests.real.loadtests.a_server", str(delay_s), str(status)]
    with Part("server", program, folder, ENVIRON) as part:
        yield Server(part, part.hears(START_S)["url"])


@dataclass
class Server:
    """A server that writes down what came."""

    part: Part
    url: str

    def came(self) -> list[tuple[float, int]]:
        """[seconds since the first, number of the delivery], in order of arrival; the server ends."""
        assert self.part.process.stdin is not None, "it was started with a pipe"
        self.part.process.stdin.close()
        return [(at_s, number) for at_s, number in self.part.hears(START_S)["came"]]


@dataclass
class Outcome:
    """What a generator said and left."""

    words: list[dict[str, Any]]
    rows: list[RequestRow]
    folder: Path
    figures: dict[str, Any] = field(default_factory=dict)

    def outcomes(self) -> list[int]:
        """What became of each delivery."""
        return list((self.folder / OUTCOMES).read_bytes())

    def word(self, name: str) -> dict[str, Any]:
        """The first line of this kind."""
        return next(one for one in self.words if one["word"] == name)


def generate(
    folder: Path,
    url: str,
    profile: Mapping[str, Any],
    *,
    connections: int = 200,
    workers: int = 0,
    settle_ms: int = 1_000,
    halt_after_ms: int | None = None,
) -> Outcome:
    """Run a made-up schedule; `workers` 0: one process that is all. `halt_after_ms`: told to end at that run time."""
    targets = {"runtime": url, "connections": connections, "patience_s": 20.0}
    order = {"load": json.dumps(profile), "targets": targets, "settle_ms": settle_ms, "workers": max(1, workers)}
    task: dict[str, Any] = {"folder": str(folder), "order": order, "maker": "loadtests.steady"}
    task |= {"role": "master" if workers else "alone", "master_port": free_port()}
    with ExitStack() as stack:
        part = stack.enter_context(_generator("generator", folder, task))
        for number in range(workers):
            stack.enter_context(_generator(f"worker{number}", folder, task | {"role": "worker", "order": {}}))
        words: list[dict[str, Any]] = []
        while not words or words[-1]["word"] not in ("ended", "failed"):
            words.append(part.hears(START_S))
            now_ms = words[-1].get("now_ms", -1)
            if halt_after_ms is not None and now_ms >= halt_after_ms:
                part.process.terminate()
                halt_after_ms = None
    return Outcome(words, list(REQUESTS.read(folder)), folder, words[-1].get("figures", {}))


def _generator(name: str, folder: Path, task: Mapping[str, Any]) -> Part:
    part = Part(name, [sys.executable, "-m", "loadtests.generator"], folder, ENVIRON)
    part.say(**task)
    return part
