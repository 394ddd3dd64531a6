"""kill -9 of the embedded process, in short; scripts/prove_runtime.py kills is the long proof."""

from pathlib import Path

from scenarios.live.burst import Traffic
from scenarios.live.kills import Plan, prove_kills
from scenarios.live.timeline import TimeLine


def test_a_process_that_is_killed_loses_nothing_and_posts_nothing_twice(tmp_path: Path) -> None:
    """After kills while entries come in and are posted, everything acknowledged is known, and stands once."""
    told = prove_kills(Plan(kills=3, traffic=Traffic(entries=2_000, seed=4)), tmp_path, TimeLine())

    assert (told["lost"], told["double"], told["wrong_amount"], told["unsettled"]) == (0, 0, 0, 0)
    assert told["acknowledged"] == told["versions"] > 2_000
    assert told["acknowledged_unknown"] == 0
    assert told["violations"] == []
    assert sum(told["met"]["moments"].values()) == 3
