"""Mock systems, and a runtime configured to work with them: a settings file, a port, and a key to throw away.

    deployment = Deployment(stack, folder, MockFirm(entities=12, regions=3, accounts=4), journal, timeline)
    gateway = deployment.serve()              the runtime as it ships, `springtide serve --config …`, as a process
    deployment.publish_reference_data()       projects, rates, periods, workers, assignments, over HTTP like all news

Everything lives in one folder and on the loopback interface, and ends with the stack.
"""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from runtime.configuration import dotted, toml
from runtime.gateway.access import demo_key
from runtime.settings import Settings
from scenarios.live.parts import SPRINGTIDE, Api, Part, PartFailedError, Unreachable, free_port, wait_for

NDJSON = "application/x-ndjson"
START_SECONDS = 60.0
"""How long our servers may take to start on a small machine that is busy (measured: 2 s on an idle one)."""


class Mocked(Protocol):
    """A firm whose systems can be mocked."""

    def arguments(self) -> list[str]:
        """For `springtide mocks serve`."""


@dataclass(frozen=True, slots=True)
class MockFirm:
    """The firm whose systems are mocked: systems that answer at once, and nothing goes wrong unless it is made to."""

    entities: int = 4
    regions: int = 2
    accounts: int = 2
    seed: int = 1
    profile: str = ""
    """The ERP's manners; empty: as the scenario has them, which honours keys."""
    overrides: tuple[str, ...] = ()
    """PATH=VALUE of the scenario."""

    def arguments(self) -> list[str]:
        """For `springtide mocks serve`."""
        numbers = {"entities": self.entities, "regions": self.regions, "accounts": self.accounts, "seed": self.seed}
        said = [text for name, number in numbers.items() for text in (f"--{name}", str(number))]
        said += ["--profile", self.profile] if self.profile else []
        return ["--demo", *said, *(text for one in self.overrides for text in ("--set", one))]


class Deployment:
    """One deployment of the runtime, beside the systems it works with."""

    def __init__(
        self,
        stack: ExitStack,
        folder: Path,
        firm: Mocked,
        tables: Mapping[str, Mapping[str, object]],
        environ: Mapping[str, str] | None = None,
        account: Mapping[str, object] | None = None,
        adapted: Callable[[dict[str, Any]], dict[str, Any]] = lambda systems: systems,
        found_seconds: float = START_SECONDS,
    ) -> None:
        """Start the mock systems and write the settings. `tables` are settings besides accounts, entities and key.

        `account` comes on top of the settings of every account; `adapted` may change what the mock systems hand out.
        They have `found_seconds` to be there.
        """
        self.folder = folder
        self.systems = stack.enter_context(Part("mocks", [*SPRINGTIDE, "mocks", "serve", *firm.arguments()], folder))
        """The process of the mock systems."""
        told = self.systems.hears(found_seconds)
        key, held = demo_key()
        port = free_port()
        systems = adapted(tomllib.loads(told["settings"]))
        data: dict[str, Any] = systems | {
            "accounts": {name: one | (account or {}) for name, one in systems["accounts"].items()},
            "server": {"port": port},
            "access": {"keys": {"demo": held.model_dump(exclude_defaults=True)}},
            "log": {"format": "text", "level": "info"},
            **tables,
        }
        self.settings = Settings.model_validate(data)
        self.environ = {**(environ or {}), **told["environment"]}
        self.config = folder / "springtide.toml"
        self.config.write_text(as_toml(data))
        self.key = key
        self.systems_url: str = told["url"]
        self.mocks = Api(self.systems_url)
        self.gateway_url = f"http://{self.settings.server.host}:{port}"
        self.gateway = Api(self.gateway_url, key)
        self._serve = [*SPRINGTIDE, "serve", "--config", str(self.config)]

    @property
    def region_of(self) -> dict[str, str]:
        """Entity to region."""
        return {entity: one.region for entity, one in self.settings.entities.items()}

    def serve(self, *more: str) -> Part:
        """The runtime, started and not waited for; `Part.hears` tells that it listens."""
        return Part("runtime", [*self._serve, *more], self.folder, self.environ)

    def publish_reference_data(self, seconds: float = START_SECONDS) -> None:
        """Deliver what must be known before anything is approved; tried again until all of it is taken in."""
        deliver_reference_data(self.mocks, self.gateway, self.settings.limits.body_bytes, seconds)


def deliver_reference_data(mocks: Api, gateway: Api, most_bytes: int, seconds: float = START_SECONDS) -> None:
    """What mock systems publish of their reference data, in bodies of at most so many bytes, each until it is taken."""
    lines: bytes = mocks.must("GET", "/admin/reference?as=ndjson")
    for body in in_bodies(lines.splitlines(), most_bytes):
        wait_for("the reference data is taken in", seconds, partial(_taken_in, gateway, body), every_s=0.5)


def _taken_in(gateway: Api, lines: bytes) -> bool:
    try:
        status, told, _ = gateway.ask("POST", "/v1/bulk", lines, NDJSON)
    except Unreachable:
        return False
    if status not in (202, 429, 503):
        raise PartFailedError(f"the reference data was answered with {status}: {told.get('detail')}")
    return status == 202


def in_bodies(lines: Iterable[bytes], most_bytes: int) -> Iterator[bytes]:
    """Lines as bodies that are not larger than that, in their order."""
    body: list[bytes] = []
    size = 0
    for line in lines:
        if body and size + len(line) + 1 > most_bytes:
            yield b"\n".join(body)
            body, size = [], 0
        body.append(line)
        size += len(line) + 1
    if body:
        yield b"\n".join(body)


def as_toml(data: Mapping[str, object]) -> str:
    """Nested tables as a TOML file."""
    return "\n".join(_tables(data)) + "\n"


def _tables(data: Mapping[str, object], place: tuple[str, ...] = ()) -> list[str]:
    plain = {name: each for name, each in data.items() if not isinstance(each, Mapping)}
    lines = [f"\n[{dotted(place)}]"] if place and plain else []
    lines += [f"{dotted((name,))} = {toml(each)}" for name, each in plain.items()]
    for name, each in data.items():
        if isinstance(each, Mapping):
            lines += _tables(each, (*place, name))
    return lines
