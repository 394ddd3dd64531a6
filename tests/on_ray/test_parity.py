"""The same recorded input through virtual time, asyncio and Ray leaves the same ledger.

A process can be connected to one Ray cluster with one token, and this one is: so the proof runs in another.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from scenarios.parity import WORLDS

pytestmark = pytest.mark.xdist_group("ray")
ROOT = Path(__file__).resolve().parents[2]
WORLD = "staged"


def test_ray_leaves_the_ledger_of_virtual_time() -> None:
    """Rows that the ERP stages, corrections and withdrawals: the same lines stand, whoever drives."""
    assert WORLD in WORLDS
    done = subprocess.run(
        [sys.executable, "scripts/prove.py", "parity", "--ray", "--world", WORLD],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2_000:]
    assert "0 differences" in done.stdout
    for driver in ("simpy", "asyncio", "ray"):
        assert f"{driver} 1" in done.stdout, "each posted more than a hundred lines"
