"""From a real TimeTagger through the approvals, as they ship, into the runtime, as it ships: like any other PSA."""

import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from runtime.gateway.access import new_key
from scenarios.live.deployment import Deployment, MockFirm, as_toml
from scenarios.live.parts import SPRINGTIDE, Api, Part, free_port, wait_for
from scenarios.real.timetagger import TimeTagger, Tracked

NINE_S = 1_772_438_400 + 8 * 3_600
"""Monday, 2 March 2026, in the month for which the mock firm's books are open."""
HOUR_S = 3_600
START_S, SYNC_S = 60.0, 60.0
READER_ENV = "SPRINGTIDE_APPROVALS_KEY"


class Scene:
    """The approvals of one user before a deployment of the runtime."""

    def __init__(self, stack: ExitStack, folder: Path, tracker: TimeTagger, user: str) -> None:
        self.user = tracker.user(user)
        self.firm = Deployment(
            stack,
            folder,
            MockFirm(entities=1, regions=1, accounts=1),
            {"journal": {"directory": str(folder / "journal")}},
        )
        (self.entity,) = self.firm.region_of
        keys = {name: new_key(name, {"actions": ("*",)}) for name in ("runtime", "max")}
        self.port = free_port()
        settings = {
            "server": {"port": self.port},
            "tracker": {"url": tracker.url, "poll_every_ms": 200},
            "kept": {"file": str(folder / "approvals.jsonl")},
            "people": {
                user: {
                    "worker": "DE01W00002",
                    "entity": self.entity,
                    "zone": "Europe/Berlin",
                    "approvers": ["key:max"],
                    "role": "Project Manager",
                    "grade": "principal",
                    "assignment": "DE01W00002-1",
                }
            },
            "projects": {"DE01P00001": {"entity": self.entity, "task": "Analysis"}},
            "tags": {"alpine": {"project": "DE01P00001"}},
            "access": {"keys": {name: held.model_dump(exclude_defaults=True) for name, (_, held) in keys.items()}},
        }
        (folder / "approvals.toml").write_text(as_toml(settings))
        self._command = [*SPRINGTIDE, "approvals", "serve", "--config", str(folder / "approvals.toml")]
        self._folder = folder
        self.approvals = self.serve()
        stack.callback(lambda: self.approvals.end())
        self.api = Api(f"http://127.0.0.1:{self.port}", keys["max"][0])
        self._point_the_runtime_here(keys["runtime"][0])
        stack.enter_context(self.firm.serve()).hears(START_S)
        self.firm.publish_reference_data()

    def serve(self) -> Part:
        """The approvals, started and listening."""
        part = Part("approvals", self._command, self._folder)
        part.hears(START_S)
        return part

    def _point_the_runtime_here(self, key: str) -> None:
        """The account of its PSA is the approvals now; everything else of the deployment stays."""
        data: dict[str, Any] = tomllib.loads(self.firm.config.read_text())
        where = data["entities"][self.entity]
        data["accounts"][where["psa"]] = {
            "kind": "generic_psa", "url": f"http://127.0.0.1:{self.port}/psa", "credential_env": READER_ENV,
            "quota_calls": 6_000, "probe_first_ms": 500, "probe_max_ms": 1_000,
        }  # fmt: skip
        where |= {"poll_every_ms": 1_000, "linger_ms": 200, "tell_linger_ms": 200, "intake": "both"}
        self.firm.config.write_text(as_toml(data))
        self.firm.environ[READER_ENV] = key

    def lines(self) -> dict[str, dict[str, Any]]:
        """Lines by the key of their record."""
        told = self.api.must("GET", "/v1/lines")["lines"]
        return {row["entry_id"].rpartition(":")[2]: row for row in told}

    def state_of(self, key: str) -> str:
        """How a line stands; empty while it was not read."""
        return str(self.lines().get(key, {}).get("state", ""))

    def approve(self, *keys: str) -> dict[str, int]:
        """Approve these lines as they are shown."""
        shown = self.lines()
        wishes = [(shown[key]["entry_id"], shown[key]["fingerprint"]) for key in keys]
        counts: dict[str, int] = self.api.must("POST", "/v1/approvals", {"lines": wishes})["counts"]
        return counts

    def told(self, key: str) -> tuple[str, int]:
        """What the runtime said of a line, and of which version."""
        row = self.lines()[key]
        return row["status"], row["told_version"]

    def ledger(self) -> list[tuple[str, int, str]]:
        """(key, version, leg) of every line in the ERP."""
        lines = self.firm.mocks.must("GET", f"/admin/ledger/{self.entity}")
        return sorted((line["entry_id"].rpartition(":")[2], line["version"], line["leg"]) for line in lines)


@pytest.fixture
def scene(tracker: TimeTagger, user_name: str, tmp_path: Path) -> Iterator[Scene]:
    """Everything runs."""
    with ExitStack() as stack:
        yield Scene(stack, tmp_path, tracker, user_name)


def test_what_is_approved_is_posted_corrected_and_taken_back_once(scene: Scene) -> None:
    """A record is approved, changed, approved, deleted, approved: each reaches the ERP once, also over a kill -9."""
    scene.user.put([Tracked("a", NINE_S, NINE_S + HOUR_S, "one #alpine"), Tracked("b", NINE_S, NINE_S, "runs #alpine")])
    wait_for("the record is read", SYNC_S, lambda: scene.state_of("a") == "waiting")
    assert scene.state_of("b") == "unfit"
    assert scene.approve("a") == {"approved": 1}
    wait_for("it is posted", SYNC_S, lambda: scene.told("a") == ("posted", 1))
    assert scene.ledger() == [("a", 1, "post")]

    scene.approvals.kill()
    scene.approvals = scene.serve()
    scene.user.put([Tracked("a", NINE_S, NINE_S + 2 * HOUR_S, "two #alpine")])
    wait_for("the change is read", SYNC_S, lambda: scene.state_of("a") == "changed")
    assert scene.told("a") == ("posted", 1)
    assert scene.approve("a") == {"approved": 1}
    wait_for("it is corrected", SYNC_S, lambda: scene.told("a") == ("posted", 2))
    assert scene.ledger() == [("a", 1, "post"), ("a", 1, "reverse"), ("a", 2, "post")]

    scene.user.put([Tracked("a", NINE_S, NINE_S + 2 * HOUR_S, "HIDDEN two #alpine")])
    wait_for("the deletion is read", SYNC_S, lambda: scene.state_of("a") == "deleted")
    assert scene.approve("a") == {"withdrawn": 1}
    wait_for("it is taken back", SYNC_S, lambda: scene.told("a") == ("withdrawn", 3))
    assert scene.ledger() == [("a", 1, "post"), ("a", 1, "reverse"), ("a", 2, "post"), ("a", 2, "reverse")]
