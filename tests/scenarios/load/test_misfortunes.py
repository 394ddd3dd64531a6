"""What the calendar of a scenario brings to a load run, and who carries it out."""

import signal
from time import sleep, time
from typing import Any, get_args

import pytest

from scenarios.live.parts import Api, PartFailedError
from scenarios.live.timeline import TimeLine
from scenarios.load.calendar import LoadCalendar
from scenarios.load.misfortunes import NOT_HERE, STOPPED, Plan, Strikes, as_order, plan, unstruck
from scenarios.load.targets import KILLED
from simulators.faults import moves
from simulators.faults.kinds import Fault
from simulators.faults.machine_clock import ClockStep
from simulators.faults.maintenance import MaintenanceAnnounced
from simulators.faults.moves import (
    CloseSystem,
    CrashPartition,
    ExpireCredential,
    MovePeriod,
    PausePartition,
    ResumePartition,
    ShutDown,
    StopProcess,
)
from simulators.faults.network import LostReply
from simulators.faults.operator import PartitionPaused
from simulators.faults.process import CrashAtCall, RandomCrashes
from tests.scenarios.load.a_run import profile

MINUTE_MS = 60_000
AWAY = CloseSystem(2_000, "maintenance_announced", 5_000, "erp", "erp-emea-1", True, "bare", 4_000)


def planned(*faults: Fault) -> Plan:
    """The plan of the hour before the cut-off with these faults."""
    made = profile()
    world = made.scenario.world.model_copy(update={"faults": faults})
    scenario = made.scenario.model_copy(update={"world": world})
    return plan(LoadCalendar(made.model_copy(update={"scenario": scenario})))


class APart:
    """A process that notes what is done to it."""

    def __init__(self, deeds: list[str]) -> None:
        self.deeds = deeds
        self.process = self
        self.pid = 17

    def kill(self) -> None:
        self.deeds.append("kill")

    def end(self, seconds: float) -> int:
        self.deeds.append(f"end in {seconds:g}")
        return 0

    def send_signal(self, number: signal.Signals) -> None:
        self.deeds.append(number.name)


class ARuntime:
    """A runtime whose process is struck; it starts again, unless `broken`."""

    def __init__(self, broken: bool = False) -> None:
        self.deeds: list[str] = []
        self.part: Any = APart(self.deeds)
        self.broken = broken

    def restart(self) -> None:
        if self.broken:
            raise PartFailedError("it did not start")
        self.deeds.append("restart")


class AnApi(Api):
    """A server that notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []

    def must(self, method: str, path: str, body: object = b"", kind: str = "application/json") -> Any:
        self.asked.append((path, body))
        return {"type": "periods.published"}


def struck(*moves: Any, broken: bool = False) -> tuple[ARuntime, AnApi, Strikes]:
    """Let these happen, and wait until they are over."""
    runtime, api = ARuntime(broken), AnApi()
    kinds = (CrashPartition, StopProcess, ShutDown)
    ours = tuple(move for move in moves if isinstance(move, kinds))
    people = tuple(move for move in moves if not isinstance(move, kinds))
    strikes = Strikes(Plan((), ours, people, ()), runtime, api, api, TimeLine(lambda moment: None), 1)
    strikes.begin(int(time() * 1_000))
    while not strikes.over:
        sleep(0.005)
    return runtime, api, strikes


def test_the_calendar_is_brought_to_run_time() -> None:
    """Ten minutes at half past five are half a minute, half an hour before the cut-off and twenty times as fast."""
    found = planned(MaintenanceAnnounced(at="17:30", lasts_ms=10 * MINUTE_MS, overruns_ms=2 * MINUTE_MS))
    [move] = found.accounts
    assert isinstance(move, CloseSystem)
    assert (move.at_ms, move.promised_until_ms, move.until_ms) == (87_000, 117_000, 123_000)
    assert found.kinds == ["maintenance_announced"]


def test_each_misfortune_is_carried_out_by_whom_it_concerns() -> None:
    """Accounts are for the systems, processes and people for us; what a load cannot bring is told with its reason."""
    found = planned(
        MaintenanceAnnounced(at="17:30"),
        RandomCrashes(ppm=1_000_000, draws=100),
        PartitionPaused(at="17:20", lasts_ms=5 * MINUTE_MS),
        ClockStep(at="17:20", by_ms=1_000),
        CrashAtCall(call=1, step="sent"),
        LostReply(ppm=5),
    )
    assert {type(move) for move in found.accounts} == {CloseSystem}
    assert {type(move) for move in found.processes} == {CrashPartition}
    assert {type(move) for move in found.people} == {PausePartition, ResumePartition}
    assert [told.partition(":")[0] for told in found.not_tried] == ["clock step", "crash at call"]
    assert all(": " in told for told in found.not_tried)


def test_orders_are_at_instants_of_the_wall_clock() -> None:
    """Start, end and promise are moved by the start of the run; a move without an end has none."""
    expired = ExpireCredential(3_000, "credential_expiry", "erp", "erp-emea-1")
    first, second = as_order([AWAY, expired], 1_000_000)["moves"]
    assert first["what"] == "CloseSystem"
    instants = [first["move"][name] for name in ("at_ms", "until_ms", "promised_until_ms")]
    assert instants == [1_002_000, 1_005_000, 1_004_000]
    assert second["move"] == {"at_ms": 1_003_000, "kind": "credential_expiry", "system": "erp", "account": "erp-emea-1"}


@pytest.mark.parametrize(
    ("move", "deeds", "kind"),
    [
        (CrashPartition(0, "random_crashes", "DE01"), ["kill", "restart"], KILLED),
        (ShutDown(0, "hasty_shut_down", "DE01", 1_500), ["end in 1.5", "restart"], KILLED),
        (StopProcess(0, "idle_stop", "DE01", 5), ["SIGSTOP", "SIGCONT"], STOPPED),
    ],
)
def test_a_process_is_struck_and_another_takes_its_place(move: Any, deeds: list[str], kind: str) -> None:
    """Killed, told to end, or stopped and let go on; for how long it was away is written down."""
    runtime, _, strikes = struck(move)
    assert runtime.deeds == deeds
    [outage] = strikes.outages
    assert (outage.kind, outage.what, outage.until_ms >= outage.from_ms) == (kind, "", True)
    assert strikes.struck == {move.kind: 1}


def test_who_is_down_already_is_not_killed_again() -> None:
    """The process carries every entity: what strikes the next one while it is down has struck it."""
    deaths = tuple(
        CrashPartition(at_ms, "random_crashes", code) for at_ms, code in ((0, "DE01"), (5, "GB01"), (30, "DE01"))
    )
    # Each move asks for the time once, and each strike twice: down from 0 to 10, and from 30 to 40.
    times = iter((0, 0, 10, 10, 30, 30, 40))
    runtime, api = ARuntime(), AnApi()
    strikes = Strikes(
        Plan((), deaths, (), ()), runtime, api, api, TimeLine(lambda moment: None), 1, lambda: 7_000 + next(times)
    )
    strikes.begin(7_000)
    while not strikes.over:
        sleep(0.005)
    assert runtime.deeds == ["kill", "restart", "kill", "restart"]
    assert [(one.from_ms, one.until_ms) for one in strikes.outages] == [(0, 10), (30, 40)]
    assert strikes.struck == {"random_crashes": 3}


def test_people_do_what_the_calendar_says() -> None:
    """Finance moves a period and tells the runtime of it; an operator pauses and resumes."""
    moved = MovePeriod(0, "soft_close", "DE01", "time", "2026-03", "on_hold", None)
    _, api, strikes = struck(moved, PausePartition(1, "partition_paused", "DE01", 9), ResumePartition(2, "x", "DE01"))
    period, news, pause, resume = api.asked
    assert period == ("/admin/period", {"entity": "DE01", "name": "2026-03", "status": "on_hold", "gate": ""})
    assert news == ("/v1/bulk", b'{"type": "periods.published"}')
    assert [one[1]["verb"] for one in (pause, resume)] == ["pause", "resume"]
    assert strikes.struck == {"soft_close": 1, "partition_paused": 1}


def test_a_process_that_does_not_come_back_is_told() -> None:
    """Nothing more happens then, and the run says which misfortune it was."""
    deaths = [CrashPartition(at_ms, "random_crashes", "DE01") for at_ms in (0, 50)]
    runtime, _, strikes = struck(*deaths, broken=True)
    assert runtime.deeds == ["kill"]
    assert "random_crashes: it did not start" in strikes.failed


def test_the_end_of_a_run_calls_off_what_was_to_come() -> None:
    """A misfortune far ahead does not hold anybody up."""
    strikes = Strikes(
        Plan((), (CrashPartition(600_000, "random_crashes", "DE01"),), (), ()),
        ARuntime(),
        AnApi(),
        AnApi(),
        TimeLine(lambda moment: None),
        1,
    )
    strikes.begin(int(time() * 1_000))
    assert not strikes.over
    strikes.stop()
    assert strikes.over
    assert strikes.struck == {}


@pytest.mark.parametrize(
    ("fired", "turned_away", "told"),
    [
        ({"maintenance_announced": 1, "random_crashes": 2}, 3, ()),
        ({"maintenance_announced": 1}, 3, ("random_crashes",)),
        ({"random_crashes": 1}, 0, ("maintenance_announced",)),
        ({"maintenance_announced": 1, "random_crashes": 1}, 0, ("maintenance_announced (no call met it)",)),
    ],
)
def test_what_left_no_trace_did_not_happen(fired: dict[str, int], turned_away: int, told: tuple[str, ...]) -> None:
    """A kind that never struck, and a system that was closed and that nobody called meanwhile."""
    made = Plan((AWAY,), (CrashPartition(0, "random_crashes", "DE01"),), (), ())
    assert unstruck(made, fired, turned_away) == told


def test_every_move_of_the_calendar_has_its_place() -> None:
    """No kind of move can come from a scenario that is neither carried out nor told as left out."""
    made = {one.__name__ for one in vars(moves).values() if isinstance(one, type) and hasattr(one, "at_ms")}
    carried = {"CrashPartition", "StopProcess", "ShutDown", "MovePeriod", "PausePartition", "ResumePartition"}
    accounts = {one.__name__ for one in get_args(moves.AccountMove)}
    assert made - carried - accounts - set(NOT_HERE) == set()
