"""A load on a runtime that somebody else runs."""

from pathlib import Path
from typing import Any

from scenarios.live.parts import Api
from scenarios.live.timeline import TimeLine
from scenarios.load.calendar import LoadCalendar
from scenarios.load.elsewhere import NO_SYSTEMS, NOT_OURS, Elsewhere
from scenarios.load.profile import LoadProfile
from scenarios.load.results import SAMPLES, read_findings
from simulators.faults.maintenance import MaintenanceAnnounced
from simulators.faults.process import RandomCrashes
from tests.scenarios.load.a_run import profile
from tests.scenarios.load.test_samples import Runtime

AWAY = MaintenanceAnnounced(at="17:30", lasts_ms=600_000)


class Systems(Api):
    """Mock systems that note what is to befall them."""

    def __init__(self) -> None:
        self.orders: list[Any] = []

    def must(self, method: str, path: str, body: Any = b"", kind: str = "application/json") -> Any:
        assert (method, path) == ("POST", "/admin/befall")
        self.orders += body["moves"]
        return {"moves": len(body["moves"])}


def with_faults() -> LoadProfile:
    """A load with maintenance, and with processes that die."""
    made = profile()
    world = made.scenario.world.model_copy(update={"faults": (AWAY, RandomCrashes(ppm=1_000_000, draws=100))})
    return made.model_copy(update={"scenario": made.scenario.model_copy(update={"world": world})})


def site(folder: Path, mocks: Api | None) -> Elsewhere:
    """Such a load, on a runtime that answers."""
    made = with_faults()
    return Elsewhere(made, folder, TimeLine(lambda moment: None), LoadCalendar(made), Runtime(), mocks)


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    """No process of somebody else's is struck, and the run says so; accounts may be away where the systems are ours."""
    ours, nobody = site(tmp_path, Systems()), site(tmp_path, None)
    assert [type(move).__name__ for move in ours.plan.accounts] == ["CloseSystem"]
    assert (ours.plan.processes, nobody.plan.accounts) == ((), ())
    assert ours.plan.not_tried == (f"random crashes: {NOT_OURS}",)
    assert nobody.plan.not_tried == (f"maintenance announced: {NO_SYSTEMS}", f"random crashes: {NOT_OURS}")
    assert [one.kind for one in ours.outages] == ["maintenance_announced"]
    assert nobody.outages == ()


def test_misfortunes_come_by_the_clock_of_the_systems(tmp_path: Path) -> None:
    """The start is an instant of theirs, and so is everything that befalls them."""
    systems = Systems()
    run = site(tmp_path, systems)
    run.begin(5_000_000)
    run.stop()
    assert [order["move"]["at_ms"] for order in systems.orders] == [5_000_000 + 87_000]


def test_without_systems_a_run_is_driven_and_knows_nothing(tmp_path: Path) -> None:
    """Looks are kept, nobody looked into a ledger, and nothing that could not happen is missed."""
    run = site(tmp_path, None)
    run.begin(0)
    run.finish()
    findings = read_findings(tmp_path)
    assert findings is not None
    assert (findings.ledger, findings.frames, findings.unstruck) == (False, 0, ())
    assert SAMPLES.there(tmp_path)
