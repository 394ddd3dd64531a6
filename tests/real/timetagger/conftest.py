"""One TimeTagger for all tests of this folder; every test has users of its own."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from runtime.approvals.settings import ApprovalSettings
from scenarios.live.parts import PartFailedError
from scenarios.real.environment import CannotInstallError
from scenarios.real.timetagger import TimeTagger

_users = count(1)


@pytest.fixture(scope="session")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimeTagger]:
    """A running server; where none can be installed or started, the test is skipped and says why."""
    try:
        server = TimeTagger(tmp_path_factory.mktemp("timetagger"))
    except (CannotInstallError, PartFailedError) as fault:
        pytest.skip(str(fault))
    with server:
        yield server


@pytest.fixture
def user_name() -> str:
    """Somebody whom no other test knows."""
    return f"user.{next(_users)}"


@pytest.fixture
def settings_for(tracker: TimeTagger, tmp_path: Path) -> Callable[..., ApprovalSettings]:
    """Approvals of these users, whose only project has the tag #alpine."""

    def made(*users: str, **of_tracker: object) -> ApprovalSettings:
        person = {"entity": "DE01", "zone": "Europe/Berlin", "approvers": ["key:max"], "role": "consultant"}
        return ApprovalSettings.model_validate(
            {
                "tracker": {"url": tracker.url, **of_tracker},
                "kept": {"file": str(tmp_path / "approvals.jsonl")},
                "people": {user: {**person, "worker": f"W-{user}"} for user in users},
                "projects": {"P-ALPINE": {"entity": "DE01", "task": "Consulting"}},
                "tags": {"alpine": {"project": "P-ALPINE"}},
            }
        )

    return made
