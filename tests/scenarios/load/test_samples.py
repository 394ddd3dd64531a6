"""How everything stands while a load runs."""

import os
from typing import Any

from runtime.core.model import Place
from scenarios.live.parts import Api, Unreachable
from scenarios.load.samples import NOBODY_ANSWERS, Sampler, busy_ms, used_by

IDLE = {"untold": 0, "calls_open": 0}


class Runtime(Api):
    """A runtime with two accounts, of which one PSA and one ERP are closed; or one that is away."""

    def __init__(self, away: bool = False) -> None:
        self.away = away

    def ask(
        self, method: str, path: str, body: object = b"", kind: str = "", seconds: float = 1.0
    ) -> tuple[int, Any, dict[str, str]]:
        if self.away:
            raise Unreachable(path)
        if path == "/v1/accounts":
            modes = {"erp-1": "maintenance", "erp-2": "open", "psa-1": "broken"}
            return 200, {"accounts": [{"account": name, "mode": mode} for name, mode in modes.items()]}, {}
        counts = {place.value: {"count": number} for number, place in enumerate(Place)}
        return 200, {"partitions": [{"entity": "DE01", "state": "running", "places": counts, **IDLE}]}, {}


def sampler(runtime: Runtime) -> Sampler:
    """One that looks at this runtime, and at this process as both others."""
    return Sampler(runtime, frozenset({"erp-1", "erp-2"}), os.getpid, os.getpid(), lambda: 1_234)


def test_a_look_tells_places_accounts_and_what_was_used() -> None:
    """By the runtime's word and the machine's: only ERP accounts count as closed."""
    row = sampler(Runtime()).take()
    assert (row.at_ms, row.closed) == (1_234, 1)
    assert (row.in_flight, row.staged, row.in_doubt, row.posted, row.parked) == (0, 1, 2, 3, 4)
    assert row.runtime_rss_kb > 1_000
    assert row.busy_ms > 0


def test_a_runtime_that_is_down_is_no_number() -> None:
    """Where nobody answers there is nothing to say, and the look goes on."""
    looks = sampler(Runtime(away=True))
    row = looks.take()
    assert (row.in_flight, row.posted, row.closed) == (NOBODY_ANSWERS, NOBODY_ANSWERS, NOBODY_ANSWERS)
    assert looks.latest is None
    assert looks.rows == [row]


def test_a_process_that_is_gone_has_used_nothing() -> None:
    """Nothing is resident, and nobody fails."""
    assert used_by(2**22 + 1) == (0, 0)
    assert used_by(os.getpid())[0] > 1_000
    assert busy_ms() > 0


def test_looks_end_when_they_are_told_to() -> None:
    """A thread that looks ends at once."""
    looks = sampler(Runtime())
    looks.start()
    looks.stop()
    assert looks.rows == []
