"""What can be known of a load at its end."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scenarios.catalogue import all_scenarios
from scenarios.live.parts import Api, Unreachable
from scenarios.load.calendar import LoadCalendar
from scenarios.load.profile import load_profile
from scenarios.load.results import METRICS_FILE
from scenarios.load.witness import Witness


class Runtime(Api):
    """A runtime that answers everything alike, or not at all."""

    def __init__(self, status: int, told: bytes = b"") -> None:
        super().__init__("http://127.0.0.1:1")
        self._answer = status, told

    def ask(self, *_: Any, **__: Any) -> tuple[int, Any, Mapping[str, str]]:
        status, told = self._answer
        if not status:
            raise Unreachable("GET /metrics")
        return status, told, {}


@pytest.mark.parametrize(("status", "kept"), [(200, b"up 1\n"), (403, None), (0, None)])
def test_what_the_metrics_say_is_kept(tmp_path: Path, status: int, kept: bytes | None) -> None:
    """The runtime's numbers at the end are kept for a calibration; where they are closed to us, nothing is."""
    calendar = LoadCalendar(load_profile(all_scenarios()["quiet_week"]))
    Witness(tmp_path, calendar, 0, Runtime(status, b"up 1\n"), None).look((), (), with_source=False)
    file = tmp_path / METRICS_FILE
    assert (file.read_bytes() if file.exists() else None) == kept
