"""The virtual-time driver: order of instants, and what becomes of what was on its way when a process died."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from runtime.connectors.erp.generic import GenericErp
from runtime.core.account import AccountPolicy
from runtime.core.answers import Door, Doubt, Republished, RowsAnswered, Silent, TurnedAway
from runtime.core.effects import Fetch, SendBatch
from runtime.core.news import DeadLetter
from runtime.ports import Request, Response
from scenarios.small import small_world
from simulators.evidence import Call
from simulators.faults.bases import FaultData
from simulators.faults.moves import AnswerInstead, CutOff, Way
from simulators.faults.network import DuplicateRequest, GarbledAnswer
from simulators.faults.verdicts import CallNote, How
from simulators.faults.weather import Weather
from simulators.firm.build import build_firm
from simulators.lane import REDELIVERY_MS, Lane
from simulators.people.plan import plan_month
from simulators.process import Process
from simulators.settings import DAY_MS, HOUR_MS, MINUTE_MS, RuntimeSettings
from simulators.systems.psa import Publication
from simulators.systems.reply import Reply
from simulators.virtual_time import Clock, Desk
from simulators.world import World

SEED = 1
START_MS = 1_000


def a_world(run: RuntimeSettings) -> World:
    """Four people, two entities, and these numbers of the runtime."""
    settings = small_world(consultants=4).model_copy(update={"runtime": run})
    firm = build_firm(settings.firm, SEED)
    return World(settings, SEED, firm, plan_month(firm, settings.people, SEED), [e.code for e in firm.entities])


def when_first(lane: Lane, verb: str, then: Callable[[], None]) -> list[int]:
    """Let `then` happen right before the lane does something for the first time; the list holds that instant."""
    does, at_ms = getattr(lane, verb), []

    def spied(*words: object) -> object:
        if not at_ms:
            at_ms.append(lane.clock.now_ms)
            then()
        return does(*words)

    setattr(lane, verb, spied)
    return at_ms


def test_time_passes_in_order() -> None:
    """Callbacks come at their instant, those of one instant in the order in which they were asked for."""
    clock, seen = Clock(START_MS), []
    for name, delay_ms in (("late", 20), ("first", 10), ("second", 10)):
        clock.after(delay_ms, lambda name=name: seen.append((name, clock.now_ms)))
    clock.run(START_MS + 30)
    assert seen == [("first", START_MS + 10), ("second", START_MS + 10), ("late", START_MS + 20)]
    assert clock.now_ms == START_MS + 30


def test_an_instant_that_has_passed_is_now() -> None:
    """What should have happened earlier happens at once, never in the past."""
    clock, seen = Clock(START_MS), []
    clock.at(START_MS - 500, lambda: seen.append(clock.now_ms))
    clock.run(START_MS + 1)
    assert seen == [START_MS]


def test_an_exception_reaches_the_caller_as_it_is() -> None:
    """A fault of ours inside virtual time is not rebuilt on its way out."""
    clock, ours = Clock(START_MS), AssertionError("a phase", "that cannot be")

    def fail() -> None:
        raise ours

    clock.after(1, fail)
    with pytest.raises(AssertionError) as caught:
        clock.run(START_MS + 10)
    assert caught.value is ours


def test_what_a_dead_process_was_sent_is_sent_again() -> None:
    """A delivery that met nobody is kept by its sender and acknowledged by the successor, without any recount."""
    world = a_world(RuntimeSettings(recount_every_ms=40 * DAY_MS, restart_ms=10 * MINUTE_MS))
    code, lane = next(iter(world.lanes.items()))
    met = when_first(lane, "deliver", lane.die)
    heard = []
    acknowledge = lane.acknowledge
    lane.acknowledge = lambda inputs: (
        acknowledge(inputs),
        heard.append((world.clock.now_ms, lane.tally.acknowledged_count)),
    )[0]
    seen = world.run()
    first_ms = next(at_ms for at_ms, count in heard if count)
    assert first_ms == met[0] + 10 * MINUTE_MS + REDELIVERY_MS
    assert (seen.deaths, seen.unsettled) == (1, [])
    assert lane.tally.acknowledged_count == world.evidences[code].approved


def test_an_answer_that_comes_after_a_restart_is_not_heard() -> None:
    """The successor takes the call for silent: it asks the ledger, and not before a late landing is impossible."""
    late_landing_ms = 7 * MINUTE_MS
    world = a_world(RuntimeSettings(restart_ms=1, late_landing_ms=late_landing_ms))
    code, lane = next(iter(world.lanes.items()))
    turns = []
    desk = lane.erp_desk
    calls = desk.call

    def call_and_die(of: Process, effect: object, *rest: object) -> None:
        calls(of, effect, *rest)
        if of.lane is lane and isinstance(effect, SendBatch) and not lane.tally.deaths:
            died, turn = lane.process, of.shell.turn
            of.shell.turn = lambda inputs, now_ms: (turns.append(inputs), turn(inputs, now_ms))
            world.clock.after(1, lambda: lane.process is died and lane.die())

    desk.call = call_and_die
    seen = world.run()
    assert lane.tally.deaths == 1
    assert turns == [], "a dead process heard an answer"
    assert seen.records["RowsDoubted"] >= 1
    assert late_landing_ms <= world.oldest_ms[code, "in_doubt"] < late_landing_ms + HOUR_MS
    assert seen.unsettled == []
    lines = [line for line in world.evidences[code].lines if line.leg == "post"]
    assert len({(line.entry_id, line.version) for line in lines}) == len(lines), "something was posted twice"


def test_a_process_that_is_down_at_the_end_is_told() -> None:
    """A run that ends while a process is dead has not settled, and says which."""
    world = a_world(RuntimeSettings(restart_ms=30 * DAY_MS))
    code, lane = next(iter(world.lanes.items()))
    world.clock.at(world.firm.start_ms + DAY_MS, lane.die)
    assert world.run().unsettled == [f"{code}: its process was down at the end"]


class ADoor:
    """A system that answers every request with this status, and remembers when it was asked."""

    def __init__(self, clock: Clock, status: int) -> None:
        self.clock, self.status, self.asked_ms = clock, status, []

    def answer(self, request: Request, now_ms: int) -> Reply:
        self.asked_ms.append(now_ms)
        return Reply(Response(self.status, {}, b'{"rows":[]}'), 1)


class ACaller:
    """Whoever made a call, and what was heard of it."""

    entity = "DE01"

    def __init__(self) -> None:
        self.heard = []

    def connector_of(self, _: object) -> GenericErp:
        return GenericErp("DE01")

    def answered(self, _: object, answer: object) -> None:
        self.heard.append(answer)


@pytest.mark.parametrize(("status", "copies"), [(200, 2), (500, 2), (422, 2), (401, 1), (403, 1), (429, 1), (503, 1)])
def test_what_the_door_turned_away_does_not_come_again(status: int, copies: int) -> None:
    """The network delivers a request twice only if it was let in: "turned away" is definite (A6)."""
    clock = Clock(START_MS)
    twice = Weather([DuplicateRequest(ppm=1_000_000, gap_ms_low=5_000, gap_ms_high=5_000)], SEED)
    door, caller = ADoor(clock, status), ACaller()
    desk = Desk(clock, AccountPolicy("erp", needs_session=False), door, "erp", twice, SEED)
    note = CallNote("erp", "erp", "DE01", "post", "a call", 0)
    desk.call(caller, SendBatch("c", ()), Request("POST", "/", {}, b""), note, 30_000)
    clock.run(START_MS + MINUTE_MS)
    assert [at_ms - door.asked_ms[0] for at_ms in door.asked_ms] == [0, 5_000][:copies]
    assert len(caller.heard) == 1


def heard_of(hindrance: CutOff | AnswerInstead | None, *faults: FaultData) -> tuple[list[object], list[int], Desk]:
    """What the maker of one call hears, and when it arrives at the door, with something between the two."""
    clock = Clock(START_MS)
    door, caller = ADoor(clock, 200), ACaller()
    weather = Weather(faults, SEED)
    desk = Desk(clock, AccountPolicy("erp", needs_session=False), door, "erp", weather, SEED)
    desk.hindrances += [] if hindrance is None else [hindrance]
    note = CallNote("erp", "erp", "DE01", "post", "a call", 3)
    desk.call(caller, SendBatch("c", ()), Request("POST", "/", {}, b""), note, 30_000)
    clock.run(START_MS + MINUTE_MS)
    return caller.heard, door.asked_ms, desk


@pytest.mark.parametrize(
    ("way", "arrives"),
    [("both", False), ("answers", True)],
)
def test_a_cut_is_silence_and_the_request_may_arrive(way: Way, arrives: bool) -> None:
    """Whether nothing gets through or only no answer does, the caller hears nothing."""
    heard, arrived, _ = heard_of(CutOff(0, "partition", MINUTE_MS, "erp", "erp", way))
    assert (heard, bool(arrived)) == ([Silent()], arrives)
    over, arrived, _ = heard_of(CutOff(0, "partition", START_MS, "erp", "erp", way))
    assert (over, len(arrived)) == ([RowsAnswered(())], 1)


@pytest.mark.parametrize(
    ("how", "heard"),
    [("truncated", Silent(Doubt.SERVER_ERROR)), ("html", Silent(Doubt.SERVER_ERROR)), ("reset", Silent())],
)
def test_a_garbled_answer_comes_after_the_work(how: How, heard: Silent) -> None:
    """The system has done it, and what comes back is doubt."""
    answers, arrived, _ = heard_of(None, GarbledAnswer(ppm=1_000_000, how=how))
    assert (answers, len(arrived)) == ([heard], 1)


def test_what_answers_instead_is_written_down() -> None:
    """The system never sees the call; what left, what was heard and who was turned away is evidence all the same."""
    until_ms = START_MS + 90_000
    instead = AnswerInstead(0, "daily_quota", until_ms, "erp", "erp", 429, ("post",), tells=True)
    heard, arrived, desk = heard_of(instead)
    assert (heard, arrived) == ([TurnedAway(Door.THROTTLED, 90_000)], [])
    assert desk.noted.left == [START_MS]
    assert [(status, text) for _, status, text in desk.noted.told] == [(429, "90")]
    assert desk.noted.calls == [Call("erp", "DE01", "post", 3, START_MS, "throttled")]


@pytest.mark.parametrize("changes", [{"calls": ("tell",)}, {"entity": "FR01"}])
def test_what_answers_instead_answers_only_whom_it_means(changes: dict[str, Any]) -> None:
    """Other kinds of call, and those of other entities, get through."""
    instead = AnswerInstead(0, "read_only", MINUTE_MS, "erp", "erp", 503, ("post",))
    _, arrived, _ = heard_of(replace(instead, **changes))
    assert len(arrived) == 1


@pytest.mark.parametrize(
    ("hindrance", "after_ms", "attempts"),
    [
        (CutOff(0, "partition", HOUR_MS, "erp", "erp", "both"), 30_000, 0),
        (CutOff(0, "partition", HOUR_MS, "erp", "erp", "answers"), 30_000, 1),
        (AnswerInstead(0, "unauthorized_maintenance", HOUR_MS, "erp", "erp", 503, ("login",)), 10, 0),
    ],
)
def test_a_login_is_hindered_as_a_call_is(hindrance: CutOff | AnswerInstead, after_ms: int, attempts: int) -> None:
    """It is silent until its deadline, or hears what answers instead."""
    clock = Clock(START_MS)
    door = ADoor(clock, 401)
    desk = Desk(clock, AccountPolicy("erp"), door, "erp", Weather((), SEED), SEED)
    desk.hindrances.append(hindrance)
    desk.ask("DE01", 1)
    desk.pump()
    assert desk.account.logging_in
    clock.run(START_MS + after_ms + 1)
    assert not desk.account.logging_in
    assert (len(door.asked_ms), desk.logins) == (attempts, 1)


def test_a_dead_letter_is_kept_and_holds_nothing_up() -> None:
    """An event that nobody can read is counted once and kept as it came; the events beside it arrive all the same."""
    world = a_world(RuntimeSettings(recount_every_ms=40 * DAY_MS))
    code, lane = next(iter(world.lanes.items()))
    deliver = lane.deliver
    broken = Publication("E-0", 1, b'{"type":"time_entry.imagined"}')
    lane.deliver = lambda publications: deliver([broken, *publications])
    seen = world.run()
    assert lane.tally.deliveries > 1
    assert (seen.dead_letters, lane.tally.dead_letters) == (1, 1)
    assert lane.dead_letters[broken.body].reason == "event: type 'time_entry.imagined' is not known here"
    assert lane.tally.acknowledged_count == world.evidences[code].approved > 0
    assert seen.unsettled == []


def test_a_dead_letter_that_was_fetched_is_kept_too() -> None:
    """Republished and still not readable: the lane counts it like one that was delivered."""
    world = a_world(RuntimeSettings())
    lane = next(iter(world.lanes.values()))
    lane.wake_up()
    lane.process.answered(Fetch("c", (("E-0", 1),)), Republished((), (DeadLetter("event: ?", b"?"),)))
    assert lane.tally.dead_letters == 1


def test_dying_twice_is_dying_once() -> None:
    """A process that is dead already cannot die, and has one successor."""
    world = a_world(RuntimeSettings())
    lane = next(iter(world.lanes.values()))
    for _ in range(2):
        world.clock.at(world.firm.start_ms + DAY_MS, lane.die)
    seen = world.run()
    assert (lane.tally.deaths, seen.records["PartitionRestarted"]) == (1, len(world.lanes) + 1)
