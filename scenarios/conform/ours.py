"""Our own runtime, exercised as any other integration: `springtide serve` with a settings file, as a child process.

Nothing of it is special. The webhooks it takes are signed deliveries of the source "conform", what never arrives it
finds by asking the PSA, and all that it knows of the exercise is what stands in the file.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from scenarios.conform.exercise import Plan
from scenarios.conform.firm import ERP, founded
from scenarios.live.deployment import as_toml
from scenarios.live.parts import LOOPBACK, free_port
from simulators.over_http import wall_ms

SOURCE = "conform"
SOON = {"probe_first_ms": 1_000, "probe_max_ms": 2_000}
"""How soon it looks whether an account works again: half a minute by default, and an exercise has no time."""
POLL_MS = 3_000


def settings_file(plan: Plan, port: int, journal: Path) -> str:
    """The settings of a runtime that listens on `port` and works with the systems of this exercise, in TOML."""
    told = founded(plan.seed, wall_ms()).deployment(f"http://{LOOPBACK}:{plan.psa_port}")
    elsewhere = {ERP: {"url": f"http://{LOOPBACK}:{plan.erp_port}/erp/{ERP}"}}
    data: dict[str, Any] = {
        "tenant": told["tenant"],
        "server": {"port": port},
        "journal": {"directory": str(journal)},
        "webhooks": {SOURCE: {"secret_env": "SPRINGTIDE_WEBHOOK_SECRET"}},
        "accounts": {name: one | SOON | elsewhere.get(name, {}) for name, one in told["accounts"].items()},
        "entities": {code: one | {"poll_every_ms": POLL_MS} for code, one in told["entities"].items()},
    }
    return as_toml(data)


def our_runtime(plan: Plan, folder: Path) -> Plan:
    """The same plan for our own runtime, its settings written to `folder`."""
    port = free_port()
    plan = replace(plan, psa_port=plan.psa_port or free_port(), erp_port=plan.erp_port or free_port())
    config = folder / "springtide.toml"
    config.write_text(settings_file(plan, port, folder / "journal"))
    return replace(
        plan,
        url=webhook_url(port),
        command=(sys.executable, "-m", "runtime.cli", "serve", "--config", str(config)),
    )


def webhook_url(port: int) -> str:
    """Where a runtime that listens on `port` takes these webhooks."""
    return f"http://{LOOPBACK}:{port}/v1/webhooks/{SOURCE}"
