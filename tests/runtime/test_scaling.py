"""Scaling: more room for what would miss its cut-off for lack of room, and for nothing else."""

from collections.abc import Callable, Sequence

import pytest

from runtime.scaling import MINUTE_MS, Memory, Outlook, ScalingPolicy, Sight, age_at_cut_off_ms, look

HOUR_MS = 60 * MINUTE_MS
POLICY = ScalingPolicy()


def a_sight(entity: str = "DE01", **changes: object) -> Sight:
    """An entity of weight 20 that shares its host, holds nothing up and has nothing to do."""
    fields: dict[str, object] = {
        "region": "emea",
        "weight": 20,
        "oldest_ms": None,
        "cut_off_ms": None,
        "held_by": "",
        "alone": False,
    }
    return Sight(entity, **{**fields, **changes})  # type: ignore[arg-type]  # the changes are those of the caller


def watched(
    pace: float,
    minutes: int,
    *,
    memory: Memory | None = None,
    from_ms: int = 100 * HOUR_MS,
    age_ms: int = 10 * MINUTE_MS,
    policy: ScalingPolicy = POLICY,
    hosts: int = 1,
    sight: Callable[[int], Sight] | None = None,
    others: Sequence[Sight] = (),
) -> Outlook:
    """The outlook after looking once a minute at an entity whose oldest work moves `pace` minutes in each."""
    outlook = Outlook({}, {}, {}, memory or Memory())
    for minute in range(minutes + 1):
        now_ms = from_ms + minute * MINUTE_MS
        oldest_ms = from_ms - age_ms + int(pace * minute * MINUTE_MS)
        one = a_sight(oldest_ms=min(now_ms, oldest_ms)) if sight is None else sight(oldest_ms)
        outlook = look(outlook.memory, [one, *others], {"emea": hosts}, now_ms, policy)
    return outlook


@pytest.mark.parametrize(
    ("pace", "age_min", "hours_left", "expected_min"),
    [
        (1.0, 10, 2, 10),  # keeps its distance
        (0.5, 10, 2, 70),  # falls behind by half an hour in each hour
        (1.5, 10, 2, 0),  # catches up long before
        (0.0, 10, 1, 70),  # stands still
        (1.1, 10, 1, 4),  # catches up six minutes in the hour
        (0.5, 10, 20, 130),  # no pace is believed for longer than the horizon
    ],
)
def test_the_forecast_is_the_age_at_the_cut_off(pace: float, age_min: int, hours_left: int, expected_min: int) -> None:
    """The age of the oldest work at the cut-off follows from its age and its pace, in whole arithmetic."""
    now_ms = 100 * HOUR_MS
    oldest_ms = now_ms - age_min * MINUTE_MS
    seen = ((now_ms - 5 * MINUTE_MS, oldest_ms - int(pace * 5 * MINUTE_MS)), (now_ms, oldest_ms))
    age = age_at_cut_off_ms(seen, now_ms + hours_left * HOUR_MS, now_ms, POLICY)
    assert age is not None
    assert age // MINUTE_MS == expected_min


def test_one_look_tells_no_pace() -> None:
    """Nobody is called late before the pace was seen for half the time that it is measured over."""
    assert watched(0.0, 2).weights == {"DE01": 20}
    assert watched(0.0, 2).reasons["DE01"] == "its pace is being measured"
    assert watched(0.0, 3).weights["DE01"] > 20


def test_a_large_backlog_that_clears_in_time_is_left_alone() -> None:
    """Work that is hours old but catches up before the cut-off changes nothing, however much of it there is."""
    outlook = watched(3.0, 10, age_ms=5 * HOUR_MS)
    assert outlook.weights == {"DE01": 20}
    assert outlook.reasons["DE01"] == "in time"
    assert outlook.wanted["emea"].hosts == 1


def test_work_that_would_miss_its_cut_off_gets_more_room_until_it_is_alone() -> None:
    """Late work grows its entity's weight step by step, each with time to settle, up to a whole host."""
    weights = [watched(0.2, minutes).weights["DE01"] for minutes in (3, 5, 6, 8, 9, 12, 30)]
    assert weights == [40, 40, 80, 80, 100, 100, 100]


def test_a_light_entity_jumps_to_a_quarter_of_a_host() -> None:
    """A tiny entity does not need ten steps before its lateness moves anything."""
    assert watched(0.0, 3, sight=lambda oldest: a_sight(weight=1, oldest_ms=oldest)).weights["DE01"] == 25


def test_late_entities_together_ask_for_more_hosts() -> None:
    """Two late entities that share a host make their region want two, and one in time stays where it is."""
    late = Sight("FR01", "emea", 60, 100 * HOUR_MS - HOUR_MS, None, "", False)
    quiet = Sight("NO01", "emea", 20, None, None, "", False)
    outlook = watched(0.0, 3, others=[late, quiet])
    assert outlook.weights == {"DE01": 40, "FR01": 100, "NO01": 20}
    assert outlook.wanted["emea"].hosts == 2


@pytest.mark.parametrize(
    "why", ["paused by ann: audit", "account erp is in maintenance", "quota of account erp is used up"]
)
def test_what_no_host_can_help_asks_for_none(why: str) -> None:
    """A paused partition, a closed account and a used-up quota never scale, and the reason says so."""
    outlook = watched(0.0, 60, sight=lambda oldest: a_sight(oldest_ms=oldest, held_by=why))
    assert outlook.weights == {"DE01": 20}
    assert outlook.wanted["emea"].hosts == 1
    assert "late" in outlook.reasons["DE01"]
    assert why in outlook.reasons["DE01"]


def test_an_entity_that_has_a_host_alone_gets_no_second_one() -> None:
    """One partition is one process: past a whole host there is nothing more to give, and the reason says so."""
    outlook = watched(0.0, 60, sight=lambda oldest: a_sight(weight=100, oldest_ms=oldest, alone=True))
    assert outlook.weights == {"DE01": 100}
    assert "it has one alone" in outlook.reasons["DE01"]


def test_never_more_hosts_than_the_region_may_have() -> None:
    """Wanted hosts stop at what the region may have, and the reason names what would be needed."""
    policy = ScalingPolicy(hosts_max={"emea": 2})
    others = [Sight(f"E{n}", "emea", 100, 0, None, "", True) for n in range(4)]
    wanted = watched(0.0, 10, policy=policy, others=others).wanted["emea"]
    assert wanted.hosts == 2
    assert wanted.reason == "needs 5 hosts and may have 2; they are crowded"


def test_up_at_once_and_down_only_after_calm() -> None:
    """What was given is taken back by halves, each after a whole calm time, and hosts go last."""
    grown = watched(
        0.0, 9, sight=lambda oldest: a_sight(weight=25, oldest_ms=oldest), others=[a_sight("FR01", weight=90)]
    )
    assert (grown.weights["DE01"], grown.wanted["emea"].hosts) == (100, 2)

    start_ms = 110 * HOUR_MS
    history = []
    memory = grown.memory
    for minute in range(130):
        sights = [a_sight(weight=25), a_sight("FR01", weight=70)]
        outlook = look(memory, sights, {"emea": 2}, start_ms + minute * MINUTE_MS, POLICY)
        memory = outlook.memory
        history.append((outlook.weights["DE01"], outlook.wanted["emea"].hosts))

    assert history[29] == (100, 2)
    assert history[30] == (50, 2)
    assert history[60][0] == 25
    assert history[-1] == (25, 1)


def test_a_late_moment_starts_the_calm_again() -> None:
    """Calm is counted anew after anything late, so that a limping entity keeps what it has."""
    memory = watched(0.0, 3).memory
    for hour in range(3):
        calm = watched(1.0, 25, memory=memory, from_ms=(110 + hour) * HOUR_MS, age_ms=MINUTE_MS)
        assert calm.weights["DE01"] >= 40
        memory = watched(0.0, 6, memory=calm.memory, from_ms=(110 + hour) * HOUR_MS + 30 * MINUTE_MS).memory


def test_a_new_supervisor_keeps_the_hosts_it_finds_until_it_has_seen_calm() -> None:
    """A process that has just started takes the hosts that are there for wanted, and gives them back after calm."""
    first = look(Memory(), [a_sight()], {"emea": 3}, 0, POLICY)
    assert first.wanted["emea"].hosts == 3
    later = look(first.memory, [a_sight()], {"emea": 3}, POLICY.calm_ms, POLICY)
    assert later.wanted["emea"].hosts == 1


def test_work_from_before_a_missed_cut_off_is_late_as_it_is() -> None:
    """After the cut-off, work from before it counts with its age now; younger work looks at the horizon again."""
    now_ms = 100 * HOUR_MS
    cut_off_ms = now_ms - 5 * MINUTE_MS
    fast = ((now_ms - 5 * MINUTE_MS, now_ms - 90 * MINUTE_MS), (now_ms, now_ms - 30 * MINUTE_MS))
    assert age_at_cut_off_ms(fast, cut_off_ms, now_ms, POLICY) == 30 * MINUTE_MS
    after = ((now_ms - 5 * MINUTE_MS, now_ms - 9 * MINUTE_MS), (now_ms, now_ms - 4 * MINUTE_MS))
    assert age_at_cut_off_ms(after, cut_off_ms, now_ms, POLICY) == 4 * MINUTE_MS


def test_an_entity_that_is_configured_no_more_is_forgotten() -> None:
    """Memory holds the entities of the last look and nobody else."""
    memory = look(Memory(), [a_sight("DE01"), a_sight("FR01")], {}, 0, POLICY).memory
    assert sorted(look(memory, [a_sight("FR01")], {}, 1, POLICY).memory.entities) == ["FR01"]


def test_silence_of_a_host_is_neither_late_nor_calm() -> None:
    """Where nobody reports, a weight stays as it is, and calm is counted anew."""
    memory = watched(0.0, 3).memory
    for minute in range(120):
        now_ms = 101 * HOUR_MS + minute * MINUTE_MS
        outlook = look(memory, [Sight("DE01", "emea", 20, None, None, "", False, known=False)], {}, now_ms, POLICY)
        assert (outlook.weights["DE01"], outlook.reasons["DE01"]) == (40, "nobody reports")
        memory = outlook.memory
