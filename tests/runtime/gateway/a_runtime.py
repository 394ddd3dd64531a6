"""A gateway in front of a working runtime, without sockets: real partitions over a journal in memory, a real office.

    world = a_world()
    reply = world.post("/v1/bulk", ndjson(event("TS-1")), OPS)
    assert reply.taken() == ["accepted"]

Requests go straight to the ASGI application. The keys below are made anew in each process.
"""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import msgspec

from runtime.connectors.erp.generic import freeze
from runtime.core.inputs import Command
from runtime.core.news import EntryApproved, News
from runtime.core.partition.worth import Worth
from runtime.core.policy import Policy
from runtime.drivers.shell import Shell
from runtime.gateway.access import Access, new_key
from runtime.gateway.app import build_app
from runtime.journal.memory import MemoryJournal, MemoryOffice
from runtime.metrics import Metrics
from runtime.ports import (
    AccountReport,
    EntryTrace,
    Forecast,
    IntakeRefusedError,
    PartitionReport,
    Receipt,
    TraceStep,
)
from runtime.settings import Settings
from tests.runtime.core.a_partition import approved

NOW_MS = 1_770_000_000_000
SECRET = "s3cret-of-the-source"  # noqa: S105  # of a source that exists in tests alone


def _grant(name: str, *actions: str, **more: Any) -> tuple[str, Any]:
    return new_key(name, {"actions": actions, **more})


_KEYS = {
    "ops": _grant("ops", "*"),
    "psa-de": _grant("psa-de", "intake", "reference", entities=("DE01",)),
    "emea": _grant(
        "emea", "intake", "status", "trace", "command", "dead_letters", "audit", "metrics", regions=("emea",)
    ),
    "reader": _grant("reader", "status"),
    "scraper": _grant("scraper", "metrics"),
    "old": _grant("old", "*", expires="2020-01-01T00:00:00Z"),
}
OPS, PSA_DE, EMEA, READER, SCRAPER, OLD = (text for text, _ in _KEYS.values())
NOBODY = f"stk_ops_{'x' * 43}"


def settings(**limits: Any) -> Settings:
    """Two legal entities in two regions, a source of webhooks, and the keys above."""
    account = {"kind": "generic_erp", "url": "http://127.0.0.1:1"}
    return Settings.model_validate(
        {
            "tenant": "acme",
            "limits": limits,
            "accounts": {"erp": account, "erp-us": account, "psa": {**account, "kind": "generic_psa"}},
            "entities": {
                "DE01": {"region": "emea", "erp": "erp", "psa": "psa"},
                "US01": {"region": "amer", "erp": "erp-us", "psa": "psa"},
            },
            "access": {"keys": {name: held.model_dump() for name, (_, held) in _KEYS.items()}},
            "webhooks": {"psa": {"secret_env": "PSA_SECRET", "tolerance_s": 300, "entities": ["DE01"]}},
        }
    )


class Clock:
    """Time that stands still unless somebody moves it."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def wall_ms(self) -> int:
        return self.now_ms

    def mono_ms(self) -> int:
        return self.now_ms


class Runtime:
    """Intake and operations over real partitions, one per entity, each with its own journal."""

    def __init__(self, entities: Mapping[str, str], clock: Clock) -> None:
        self.clock = clock
        self.regions = entities
        self.shells = {
            entity: Shell(Policy("acme", entity, freeze), MemoryJournal(keep_log=True)) for entity in entities
        }
        for shell in self.shells.values():
            shell.wake_up(clock.now_ms)
        self.bounds: dict[str, IntakeRefusedError] = {}
        """Entity to the bound that it meets at the moment."""
        self.before_take: Callable[[str], Awaitable[None]] | None = None
        self.sizes: list[tuple[str, int, int]] = []
        """(entity, items, bytes) of each take."""
        self.rated: list[tuple[str, int]] = []
        """(entity, entries) of each question for their worth."""
        self.commands: list[tuple[str, Command]] = []
        self.drained: list[tuple[str, str]] = []
        self.waits_for = ""
        self.living: dict[str, str] | None = None
        """Hosts of the cluster, by name; None: there is none."""

    # ---------------------------------------------------------------- ports.Intake

    async def take(self, entity: str, news: Sequence[News], size: int, deadline_s: float) -> Sequence[Receipt]:
        if self.before_take is not None:
            await self.before_take(entity)
        shell = self.shells[entity]
        if entity in self.bounds:
            raise self.bounds[entity]
        self.sizes.append((entity, len(news), size))
        return shell.take(news, self.clock.now_ms)

    # ---------------------------------------------------------------- ports.Operations

    async def partitions(self) -> Sequence[PartitionReport]:
        return [self._report(entity) for entity in self.shells]

    def _report(self, entity: str) -> PartitionReport:
        state = self.shells[entity].state
        return PartitionReport(
            entity=entity,
            region=self.regions[entity],
            host="h1",
            epoch=state.head.epoch,
            at_ms=self.clock.now_ms,
            paused="somebody: some reason" if state.head.paused else "",
            state="running",
            places={},
            queued=0,
            shelved=0,
            in_memory=len(state.entries),
            oldest_work_ms=None,
            parked=(),
            untold=0,
            undecided_bytes=0,
            calls_open=0,
            commits=0,
            dead_letters=0,
            source_listed=0,
            source_missing=0,
            last_recount_ms=None,
            chain=self.shells[entity].journal.chain,
        )

    async def accounts(self) -> Sequence[AccountReport]:
        return [AccountReport(name, "h1", "open", 0, 0, 600, 0, 300_000, 0, {}) for name in ("erp", "erp-us", "psa")]

    async def forecasts(self) -> Sequence[Forecast]:
        return [
            Forecast(name, region, self.clock.now_ms, 0, None, None, None, "", "")
            for name, region in self.regions.items()
        ]

    async def trace(self, entity: str, entry_id: str) -> EntryTrace | None:
        tracked = self.shells[entity].state.entries.get(entry_id)
        if tracked is None:
            return None
        step = TraceStep(self.clock.now_ms, "EntryReceived", "version 1")
        return EntryTrace(entity, entry_id, "in_flight", tracked.phase.value, tracked.latest, "", (), (step,))

    async def worth(self, entity: str, approved: Sequence[EntryApproved]) -> Sequence[Worth]:
        if entity in self.bounds:
            raise self.bounds[entity]
        self.rated.append((entity, len(approved)))
        return self.shells[entity].worth(approved)

    async def command(self, entity: str, command: Command) -> bool:
        if entity in self.bounds:
            raise self.bounds[entity]
        self.commands.append((entity, command))
        return self.shells[entity].order(command, self.clock.now_ms)

    async def hosts(self) -> Mapping[str, str] | None:
        return self.living

    async def drain(self, who: str, why: str) -> None:
        self.drained.append((who, why))

    def ready(self) -> str:
        return self.waits_for

    # ---------------------------------------------------------------- what one can see

    def heard(self) -> dict[str, list[str]]:
        """Entity to the entries that its partition has, as a journal that was read anew says."""
        found = {}
        for entity, shell in self.shells.items():
            again = Shell(shell.policy, shell.journal)
            again.wake_up(self.clock.now_ms)
            found[entity] = sorted(again.state.entries)
        return {entity: entries for entity, entries in found.items() if entries}


@dataclass
class Reply:
    """An answer of the gateway."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def taken(self) -> list[str]:
        return [result["taken"] for result in self.json["results"]]

    def reasons(self) -> list[str]:
        return [result.get("reason", "") for result in self.json["results"]]

    @property
    def problem(self) -> str:
        """The problem, which says the same as the status line."""
        assert self.headers["content-type"] == "application/problem+json", self.body
        problem = self.json
        assert problem["status"] == self.status
        assert set(problem) >= {"type", "title", "status", "detail", "instance", "errors"}
        return str(problem["type"]).removeprefix("urn:springtide:problem:")


@dataclass
class World:
    """A gateway and what is behind it."""

    settings: Settings
    clock: Clock
    runtime: Runtime
    office: Any
    metrics: Metrics
    app: Any = field(init=False)

    def __post_init__(self) -> None:
        gate = Access(self.settings.access, self.clock)
        self.app = build_app(
            self.settings,
            self.runtime,
            self.runtime,
            self.office,
            gate,
            self.metrics,
            self.clock,
            {"PSA_SECRET": SECRET},
        )

    # ---------------------------------------------------------------- asking

    def get(self, path: str, key: str | None = None) -> Reply:
        return self.ask("GET", path, key=key)

    def post(self, path: str, body: Any = b"", key: str | None = None, **headers: str) -> Reply:
        """`body` that is not bytes is sent as JSON; headers are named content_type and so on."""
        said = {"content-type": "application/x-ndjson" if path == "/v1/bulk" else "application/json"}
        said |= {name.replace("_", "-"): content for name, content in headers.items()}
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask("POST", path, sent, said, key)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> Reply:
        return asyncio.run(self.send(method, path, [body], headers, key))

    async def send(
        self,
        method: str,
        path: str,
        chunks: Sequence[bytes | Awaitable[None]],
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> Reply:
        """One request whose body comes in chunks; something to await among them is waited for."""
        said = dict(headers or {})
        if key is not None:
            said["authorization"] = f"Bearer {key}"
        raw, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": raw.replace("%2F", "/"),
            "raw_path": raw.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), content.encode("latin-1")) for name, content in said.items()],
        }
        rest = list(chunks)
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            if not rest:
                return {"type": "http.disconnect"}
            chunk = rest.pop(0)
            if not isinstance(chunk, bytes):
                await chunk
                chunk = b""
            return {"type": "http.request", "body": chunk, "more_body": bool(rest)}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        start, *bodies = sent
        names = {name.decode(): content.decode() for name, content in start["headers"]}
        return Reply(start["status"], names, b"".join(one["body"] for one in bodies))

    def webhook(self, body: bytes, signed_ms: int | None = None, secret: str = SECRET, **headers: str) -> Reply:
        """A delivery of the source "psa", signed as it should be unless told otherwise."""
        return self.post(
            "/v1/webhooks/psa", body, springtide_signature=self.signature(body, signed_ms, secret), **headers
        )

    def signature(self, body: bytes, signed_ms: int | None = None, secret: str = SECRET) -> str:
        at = (self.clock.now_ms if signed_ms is None else signed_ms) // 1_000
        return f"t={at},v1={hmac.new(secret.encode(), b'%d.' % at + body, sha256).hexdigest()}"

    # ---------------------------------------------------------------- looking

    def waiting(self) -> Sequence[Any]:
        """Dead letters that wait."""
        found: Sequence[Any] = self.office.letters("waiting")
        return found

    def notes(self) -> list[tuple[str, str, str, str, str]]:
        """The audit: (who, what, target, why, outcome), oldest first."""
        return [(one.who, one.what, one.target, one.why, one.outcome) for one in self.office.audit()][::-1]


def a_world(office: Any = None, **limits: Any) -> World:
    """A fresh gateway in front of a fresh runtime; `limits` are fields of LimitSettings."""
    clock = Clock()
    made = settings(**limits)
    runtime = Runtime({name: entity.region for name, entity in made.entities.items()}, clock)
    return World(made, clock, runtime, office or MemoryOffice(), Metrics())


# ------------------------------------------------------------------ what is delivered


def event(entry_id: str, version: int = 1, entity: str = "DE01", **changes: Any) -> dict[str, Any]:
    """A plain event: this entry was approved."""
    news = approved(entry_id, version, home_entity=entity, **changes)
    found: dict[str, Any] = msgspec.to_builtins(
        {"type": "time_entry.approved", "entry": news.entry, "approval": news.approval}
    )
    return found


def cloud(plain: Mapping[str, Any], event_id: str = "e-1", **more: Any) -> dict[str, Any]:
    """A plain event as a CloudEvent in structured mode."""
    data = {name: content for name, content in plain.items() if name != "type"}
    return {"specversion": "1.0", "id": event_id, "source": "/psa", "type": plain["type"], **more, "data": data}


def ndjson(*events: Mapping[str, Any] | bytes) -> bytes:
    """Events, one a line; bytes as they are."""
    return b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in events)
