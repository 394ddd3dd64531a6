"""`springtide serve`: the runtime, until it is told to end.

    settings ─▶ store ─▶ host (or a fleet of hosts on Ray) ─▶ gateway ─▶ uvicorn on the configured address

The first SIGTERM or Ctrl-C drains: intake answers 503, calls on the wire are waited for, leases are given back. The
second ends the process at once; what was acknowledged is in the journal either way.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.request import Request, urlopen

from runtime.cli import BadInputError
from runtime.commands.configure import settings_from
from runtime.commands.listening import end_on_signals, in_a_loop, listening, served, url_of
from runtime.configuration import ConfigurationError
from runtime.drivers.clock import Clock
from runtime.journal.stores import MissingExtraError, open_store
from runtime.ports import Intake, JournalError, Operations, Store
from runtime.settings import Settings
from runtime.telemetry import tracer

EPILOG = """\
examples:
  springtide serve --demo                      mock systems, a throw-away key, and a curl to try
  springtide serve --config springtide.toml    one process, everything in it
  springtide serve --config springtide.toml --ray 10.0.0.5:6379
  springtide config example > springtide.toml  a file to begin with
"""
DEMO_PORT = 8080
EXIT_AWAY = 1
"""Exit when the store is away or broken at the start; whoever watches the process starts it again."""
EXIT_RIVAL = 4
"""Exit when another process turns out to serve the same journal."""


_CHILDREN: list[subprocess.Popen[str]] = []
"""What this process started and has to end, also when it ends at once."""


class Runtime(Intake, Operations, Protocol):
    """What the gateway is put in front of."""

    async def start(self) -> None:
        """Take up the work."""

    async def stop(self) -> None:
        """End, after `drain`."""


def register(subparsers: Any) -> None:
    """Add `serve` to the program."""
    parser = subparsers.add_parser(
        "serve",
        help="run it: gateway, partitions, journal",
        description="Takes approved time in over HTTP, keeps it durable, and posts it to the ERP. Ends on SIGTERM.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE", help="the settings (springtide.toml)")
    parser.add_argument("--demo", action="store_true", help="mock systems beside it, and a key that dies with it")
    parser.add_argument("--port", type=int, metavar="N", help="instead of server.port; 0 takes any that is free")
    parser.add_argument(
        "--ray", metavar="ADDRESS", help='hosts on a Ray cluster at ADDRESS, or on one of its own: "local"'
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve; the exit code."""
    try:
        import uvicorn  # noqa: F401  # only to say early, and in one line, what is missing

        from runtime.gateway.app import build_app  # noqa: F401  # likewise
    except ModuleNotFoundError as missing:
        raise BadInputError(f"serve needs {missing.name}, which is not installed; install springtide[serve]") from None
    try:
        if arguments.demo and arguments.config:
            raise BadInputError("--demo brings settings of its own; leave --config out, or --demo")
        if arguments.demo:
            with demo(arguments.port) as (settings, environ, prepare):
                return in_a_loop(_serve(settings, environ, arguments.ray, prepare))
        settings = settings_from(Path(arguments.config or "springtide.toml"))
        if arguments.port is not None:
            server = settings.server.model_copy(update={"port": arguments.port})
            settings = settings.model_copy(update={"server": server})
        return in_a_loop(_serve(settings, os.environ, arguments.ray, lambda url: None))
    except MissingExtraError as missing:
        raise BadInputError(str(missing)) from None
    except ConfigurationError as wrong:
        raise BadInputError("; ".join(wrong.mistakes)) from None
    except JournalError as fault:
        print(f"springtide: the journal cannot be used: {fault}", file=sys.stderr)
        return EXIT_AWAY


# ------------------------------------------------------------------ the process


async def _serve(
    settings: Settings, environ: Mapping[str, str], ray: str | None, prepare: Callable[[str], None]
) -> int:
    from runtime.gateway.access import Access
    from runtime.gateway.app import build_app
    from runtime.logs import set_up_logs
    from runtime.metrics import Metrics

    set_up_logs(settings.log)
    for line in assumptions(settings):
        print(f"assumption: {line}", file=sys.stderr)
    metrics = Metrics()
    clock = Clock()
    ended = asyncio.Event()
    code = 0

    def rival(why: str) -> None:
        nonlocal code
        code = EXIT_RIVAL
        print(f"springtide: {why}; this process ends, the other one goes on", file=sys.stderr)
        ended.set()

    store = open_store(settings.journal, environ)
    try:
        runtime = _runtime(settings, store, environ, metrics, ray, rival)
        gate = Access(settings.access, clock)
        operations = _Operations(runtime, ended)
        app = build_app(settings, runtime, operations, store.office(), gate, metrics, clock, environ)
        with listening(settings.server) as sockets:
            url = url_of(settings.server, sockets)
            end_on_signals(ended, _CHILDREN)
            await runtime.start()
            async with served(app, sockets):
                await asyncio.to_thread(prepare, url)
                print(json.dumps({"url": url, "ready": runtime.ready() == ""}), flush=True)
                await ended.wait()
                await runtime.drain("operator", "the process was told to end")
        await runtime.stop()
    finally:
        store.close()
    return code


def _runtime(
    settings: Settings,
    store: Store,
    environ: Mapping[str, str],
    metrics: Any,
    ray: str | None,
    rival: Callable[[str], None],
) -> Runtime:
    if ray is not None:
        try:
            from runtime.drivers.on_ray import fleet
        except ModuleNotFoundError as missing:
            raise MissingExtraError(
                f"--ray needs {missing.name}, which is not installed; install springtide[ray]"
            ) from None
        made: Runtime = fleet(settings, store, ray, environ, metrics)
        return made
    from runtime.drivers.embedded import Embedded
    from runtime.drivers.on_asyncio import Host

    name = f"embedded@{socket.gethostname()}"
    host = Host(settings, store, name, "", environ=environ, metrics=metrics, spans=tracer(settings.telemetry))
    embedded = Embedded(host, rival)
    metrics.watch(lambda: embedded.latest)
    return embedded


class _Operations:
    """The runtime's operations; whoever drains it by request has it end afterwards, as a signal does."""

    def __init__(self, runtime: Runtime, ended: asyncio.Event) -> None:
        self.partitions = runtime.partitions
        self.accounts = runtime.accounts
        self.forecasts = runtime.forecasts
        self.trace = runtime.trace
        self.worth = runtime.worth
        self.command = runtime.command
        self.hosts = runtime.hosts
        self.ready = runtime.ready
        self._runtime = runtime
        self._ended = ended

    async def drain(self, who: str, why: str) -> None:
        """Drain, then end the process."""
        await self._runtime.drain(who, why)
        self._ended.set()


TRYTON_MODES = {
    "keyed": "the module trytond-extref is active there, and keeps a second line under one key out.",
    "unkeyed": "Tryton as it comes. Lines are found by what stands in their description, nobody else writes for these "
    "companies through the integration user, and what has to be taken back waits for a person.",
}


def assumptions(settings: Settings) -> Iterator[str]:
    """What the promise rests on with these settings, beyond what every ERP is taken to do; printed at the start."""
    for name, account in settings.accounts.items():
        if account.tryton is not None:
            yield f"{name} is Tryton in {account.tryton.mode} mode: {TRYTON_MODES[account.tryton.mode]}"
        if not account.honours_keys:
            yield (
                f"{name} does not keep a second row under one key out. A process that is stopped between its last look "
                f"at the lease and its send can send a row twice. Nothing here prevents or finds "
                "that; a reconciliation does."
            )
    for entity, where in settings.entities.items():
        if where.intake == "push":
            yield f"{entity} is not asked what its source published: an event that never arrives is never missed."
    if settings.journal.kind == "memory":
        yield "the journal is in memory: what was acknowledged is gone when this process ends."


# ------------------------------------------------------------------ the demo


@contextmanager
def demo(port: int | None) -> Iterator[tuple[Settings, Mapping[str, str], Callable[[str], None]]]:
    """Mock systems in a process of their own, settings for them in a folder that goes with them, and a key."""
    from runtime.gateway.access import demo_key

    folder = Path(tempfile.mkdtemp(prefix="springtide-demo-"))
    mocks = subprocess.Popen(
        [sys.executable, "-m", "runtime.cli", "mocks", "serve", "--demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # so that Ctrl-C does not end them while the runtime waits for their answers
    )
    _CHILDREN.append(mocks)
    try:
        assert mocks.stdout is not None
        line = mocks.stdout.readline()
        if not line:
            raise BadInputError("the mock systems did not start; try: springtide mocks serve --demo")
        told = json.loads(line)
        key, held = demo_key()
        data = tomllib.loads(told["settings"])
        data |= {
            "server": {"port": DEMO_PORT if port is None else port},
            "journal": {"kind": "sqlite", "directory": str(folder / "journal")},
            "access": {"keys": {"demo": held.model_dump()}},
            "log": {"format": "text", "level": "warning"},
        }
        settings = Settings.model_validate(data)

        def prepare(url: str) -> None:
            """Publish the firm's reference data, as the systems of record would, and say what to try."""
            with urlopen(f"{told['url']}/admin/reference?as=ndjson") as published:  # noqa: S310  # our own child's address
                events = published.read()
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}
            with urlopen(Request(f"{url}/v1/bulk", events, headers)):  # noqa: S310  # our own address
                pass
            print(_DEMO.format(url=url, key=key, mocks=told["url"]), file=sys.stderr, flush=True)

        yield settings, {**os.environ, **told.get("environment", {})}, prepare
    finally:
        with contextlib.suppress(ProcessLookupError):
            mocks.terminate()
        mocks.wait()
        shutil.rmtree(folder, ignore_errors=True)


_DEMO = """
Springtide:        {url}
mock PSA and ERP:  {mocks}
Everything is gone when you press Ctrl-C. In another terminal:

  export SPRINGTIDE_URL={url}
  export SPRINGTIDE_KEY={key}

Approve a time entry, and see what becomes of it:

  curl -sS -w '\\n' "$SPRINGTIDE_URL/v1/events" -H "Authorization: Bearer $SPRINGTIDE_KEY" \\
    -H 'Content-Type: application/cloudevents+json' -d '
  {{
    "specversion": "1.0", "id": "e-1", "source": "/psa/de", "type": "time_entry.approved",
    "data": {{
      "entry": {{
        "entry_id": "TS-1001", "version": 1, "source_system": "psa", "source_id": "TS-1001", "line": 1,
        "sheet": "S-2026-10", "worker": "DE01W00002", "assignment": "DE01W00002-1", "project": "DE01P00001",
        "task": "Analysis", "role": "Project Manager", "grade": "principal", "employing_entity": "DE01",
        "project_entity": "DE01", "billing_entity": "DE01", "home_entity": "DE01", "work_date": "2026-03-02",
        "quantity": "7.5", "unit": "hour", "time_type": "standard", "billable": true, "zone": "Europe/Berlin",
        "invoice_narrative": "Analysis as agreed"
      }},
      "approval": {{
        "fingerprint": "ec146e90", "approver": "DE01M0001", "method": "single", "decided_at_ms": '$(date +%s)000'
      }}
    }}
  }}'

  springtide trace TS-1001
  springtide status
"""
