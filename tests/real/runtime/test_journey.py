"""The journey of the cluster demo in one process, in short; with Ray `springtide cluster-demo` itself is the proof."""

from pathlib import Path

from scenarios.live.burst import Traffic
from scenarios.live.journey import ERP_AWAY, PROCESS_KILLED, Route, travel
from scenarios.live.timeline import TimeLine


def test_a_burst_survives_two_deaths_and_an_erp_that_is_away(tmp_path: Path) -> None:
    """All incidents leave traces, every version is acknowledged, and the books are those of the source."""
    route = Route(with_ray=False, traffic=Traffic(entries=1_200, batch=50, block=100), away_seconds=3.0)
    told = travel(route, tmp_path, TimeLine(), lambda burst, watch: None)

    assert (told["lost"], told["double"], told["wrong_amount"], told["unsettled"]) == (0, 0, 0, 0)
    assert (told["acknowledged_unknown"], told["violations"], told["late"]) == (0, [], [])
    happened = [one["name"] for one in told["incidents"] if one["happened"]]
    assert happened == [PROCESS_KILLED, ERP_AWAY, PROCESS_KILLED]
