"""From a load profile to requests."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
import pytest

from runtime.gateway.events import Admission, elements_of, label, lines_of, read_items
from runtime.gateway.gate import Action
from scenarios.catalogue import all_scenarios
from scenarios.choose import override
from scenarios.load.calendar import LoadCalendar
from scenarios.load.deliveries import Delivery, deliveries, preparation
from scenarios.load.profile import LoadProfile, Shape, compressed, load_profile
from scenarios.load.results import ApprovedRow
from simulators.live import LiveFirm
from simulators.settings import MINUTE_MS

PEOPLE = 400


@cache
def profile(shape: Shape = Shape.CUTOFF_HOUR, *more: str, people: int = PEOPLE, **rest: Any) -> LoadProfile:
    scenario, _ = override(
        all_scenarios()["month_end"],
        [f"world.firm.consultants={people}", "world.faults=[]", *more],
    )
    return load_profile(scenario, shape, **rest)


def made(asked: LoadProfile) -> tuple[Delivery, ...]:
    return _made(asked.model_dump_json())


@cache
def _made(asked: str) -> tuple[Delivery, ...]:
    return tuple(deliveries(LoadProfile.model_validate_json(asked)))


def rows(some: Sequence[Delivery]) -> list[ApprovedRow]:
    return [row for one in some for row in one.approved]


def per_minute(asked: LoadProfile, user: str = "") -> Counter[int]:
    """First versions that were approved in each minute of scenario time; minute 58 is the last before the cut-off."""
    minute = MINUTE_MS // asked.factor
    chosen = [one for one in made(asked) if one.user == user or not user]
    return Counter(row.approved_ms // minute for row in rows(chosen) if row.version == 1)


class Everybody(Admission):
    """Whoever delivers may."""

    who = "load"
    everybody = ()

    def bar(self, action: Action, entity: str) -> str:
        return "" if entity else "unknown-entity"


def items(one: Delivery) -> Sequence[bytes]:
    said = one.headers["Content-Type"]
    if said == "application/x-ndjson":
        return lines_of(one.body, 10_000)
    return elements_of(one.body, 10_000) if one.body.startswith(b"[") else (one.body,)


DOUBLED = 'world.faults=[{"kind": "duplicate_event", "ppm": 100000}]'
LATE = 'world.faults=[{"kind": "reordered_event", "ppm": 100000}]'


@pytest.mark.parametrize("shape", Shape)
def test_the_same_profile_makes_the_same_requests_in_order_of_time(shape: Shape) -> None:
    """Every request is due within the run, in order, and the next time they are the same."""
    asked = profile(shape, people=60, **({"rows_per_s": 200, "from_ms": -20_000} if shape is Shape.SUSTAINED else {}))
    due = [one.at_ms for one in made(asked)]
    assert due == sorted(due)
    assert due[0] >= 0
    assert due[-1] <= asked.run_ms + 500
    assert tuple(deliveries(asked)) == made(asked)


@pytest.mark.parametrize("more", [(), (DOUBLED,), (LATE,)])
def test_the_gateway_reads_every_request_as_it_says(more: tuple[str, ...]) -> None:
    """What the border reads out of a body are the entries, versions and entities that the request names, in order."""
    for one in made(profile(Shape.CUTOFF_HOUR, *more)):
        if one.method == "GET" or one.to == "source":
            continue
        read = read_items(items(one), Everybody(), 64)
        assert not read.unread
        assert not read.barred
        found = {
            at: (*label(news), entity)
            for entity, group in read.groups.items()
            for at, news in zip(group.indexes, group.news, strict=True)
        }
        assert tuple(found[at] for at in range(len(found))) == one.entries


@pytest.mark.parametrize("more", [(), (DOUBLED,), (LATE,)])
def test_every_version_is_approved_once(more: tuple[str, ...]) -> None:
    """A version stands in approved.csv once however often it is delivered, and with the first request that has it."""
    seen: set[tuple[str, int]] = set()
    for one in made(profile(Shape.CUTOFF_HOUR, *more)):
        new = {(entry, version) for entry, version, _ in one.entries} - seen
        assert {(row.entry, row.version) for row in one.approved} == new
        seen |= new
    assert len(seen) > 1_000


def test_the_busiest_minute_has_its_share() -> None:
    """38.6 % of what people decide on the last day they decide in its last hour, and 1.15 % of it in one minute.

    Clicks of eight lift the busiest minute by a fifth to a half (derived, Monte Carlo of the same law).
    """
    asked = profile(people=6_000, from_ms=-60 * MINUTE_MS, until_ms=0)
    whole = 6_000 * 10 * 0.9
    minutes = per_minute(asked)
    assert sum(minutes.values()) == pytest.approx(whole * 0.386, rel=0.08)
    last = [minutes[m] for m in range(50, 60)]
    law = [whole * share for share in (0.0087, 0.0115)]
    assert law[0] < sum(last) / 10 < law[1] * 1.2
    assert max(minutes.values()) < whole * 0.0115 * 1.9


def test_fifty_thousand_people_make_thirty_nine_rows_a_second() -> None:
    """The bloc of month_end_50000 approves 39 rows a second in its busiest minute, with 45 % of the people."""
    # A tenth of the people in the same ninety entities, so that the firm is quickly founded.
    scenario, _ = override(all_scenarios()["month_end_50000"], ["world.firm.consultants=5000"])
    asked = load_profile(scenario)
    calendar = LoadCalendar(asked)
    assert {entity.region for entity in calendar.entities} == {"EMEA"}
    staff = Counter(person.entity for person in calendar.firm.consultants)
    people = 10 * sum(staff[entity.code] for entity in calendar.entities)
    assert people == pytest.approx(22_500, rel=0.01)
    assert people * 0.9 * 10 * 0.0115 / 60 == pytest.approx(39, rel=0.02)


def test_the_volume_multiplies() -> None:
    """At a volume of 1.5 there is half as much again, from people who hand in a second sheet with an id of its own."""
    once, more = (rows(made(profile(people=2_000, volume=volume))) for volume in (1.0, 1.5))
    assert len(more) == pytest.approx(1.5 * len(once), rel=0.1)
    assert len({(row.entry, row.version) for row in more}) == len(more)


def test_the_machine_approves_after_the_cut_off() -> None:
    """What nobody decided the source approves within a minute of the cut-off, three sheets in a hundred."""
    asked = profile(Shape.CUTOFF_HOUR, "world.people.auto_approve_ppm=200000")
    automatic = per_minute(asked, "auto_approval")
    assert set(automatic) == {59}
    assert automatic[59] == pytest.approx(0.2 * PEOPLE * 10, rel=0.25)


def test_a_click_has_about_eight_sheets() -> None:
    """People decide several sheets of one approver at once, and one request tells of them."""
    clicks = [one for one in made(profile(people=1_200)) if one.user == "managers"]
    sheets = [len({entry.rpartition("-")[0] for entry, _, _ in one.entries}) for one in clicks]
    assert sum(sheets) / len(sheets) == pytest.approx(8, abs=1.5)
    assert all(len({entity for _, _, entity in one.entries}) == 1 for one in clicks)


def test_what_comes_twice_comes_by_webhook_again() -> None:
    """One event in ten that comes twice is in two requests, and the second is a machine's."""
    asked = profile(Shape.CUTOFF_HOUR, DOUBLED)
    carried = Counter(entry[:2] for one in made(asked) for entry in one.entries)
    twice = sum(times == 2 for times in carried.values())
    assert twice == pytest.approx(len(carried) / 10, rel=0.2)
    assert max(carried.values()) == 2
    again: Counter[str] = Counter()
    seen: set[tuple[str, int]] = set()
    for one in made(asked):
        again[one.user] += sum(entry[:2] in seen for entry in one.entries)
        seen |= {entry[:2] for entry in one.entries}
    assert set(+again) == {"machines"}


def test_what_is_late_counts_from_its_approval() -> None:
    """An event that is overtaken arrives by webhook later, and its latency counts from when it was decided."""
    asked = profile(Shape.CUTOFF_HOUR, LATE)
    waits = [one.at_ms - row.approved_ms for one in made(asked) for row in one.approved]
    assert sum(wait > 1_000 for wait in waits) == pytest.approx(len(waits) / 10, rel=0.25)
    assert min(waits) >= 0
    order: dict[str, list[int]] = {}
    for one in made(asked):
        for entry, version, _ in one.entries:
            order.setdefault(entry, []).append(version)
    assert any(versions == [2, 1] for versions in order.values()), "no newer version overtook an older one"
    # Delays of up to two hours reach far beyond the window; what they would bring after it comes within it.
    assert max(one.at_ms for one in made(asked)) <= asked.run_ms + 500


def test_missing_events_are_no_load() -> None:
    """Events that never come would be found by a recount hours later; a load of minutes leaves them out."""
    asked = profile(Shape.CUTOFF_HOUR, 'world.faults=[{"kind": "missing_event", "ppm": 500000}]')
    assert [one.entries for one in made(asked)] == [one.entries for one in made(profile())]


def test_webhooks_are_to_be_signed_and_nothing_else() -> None:
    """Machines sign; everybody else comes with a key."""
    for one in made(profile(Shape.CUTOFF_HOUR, DOUBLED)):
        assert (one.path == "/v1/webhooks/load") == (one.signed_by == "load") == (one.user == "machines")


def test_the_source_knows_what_the_runtime_is_told() -> None:
    """The mock source accepts everything it is told, and knows each version before the runtime hears of it."""
    asked = profile(Shape.CUTOFF_HOUR, DOUBLED)
    calendar = LoadCalendar(asked)
    live = LiveFirm(compressed(asked).world, asked.seed, calendar.start_ms)
    handed_in = 0

    def tell(one: Delivery) -> None:
        for line in one.body.splitlines():
            assert live.hear(line, calendar.start_ms) == ""

    for one in preparation(asked):
        tell(one)
    for one in made(asked):
        if one.to == "source":
            handed_in += 1
            assert one.user == "consultants"
            tell(one)
        for entry, version, entity in one.entries:
            assert version <= len(live.evidences[entity].versions[entry])
    assert handed_in > 5


def test_amounts_are_those_of_the_auditors() -> None:
    """What is to be posted has an amount, what is kept out by rule or taken back has none."""
    for row in rows(made(profile())):
        assert (row.expected_minor is not None) == row.to_post
        assert row.currency or not row.to_post
    taken_back = [row for row in rows(made(profile())) if row.version == 2 and not row.to_post]
    assert taken_back


def test_nobody_tells_a_source_that_is_not_there() -> None:
    """Against a runtime without a mock source the same requests are made, but for what is handed in."""
    asked = profile()
    alone = list(deliveries(asked, source=False))
    assert alone == [one for one in made(asked) if one.to == "runtime"]


def test_events_are_stamped_by_the_clock_of_the_run() -> None:
    """With the wall clock of its start a run tells when it decided; nothing else in it depends on that."""
    asked = profile()
    later = list(deliveries(asked, 1_900_000_000_000))
    assert [(one.at_ms, one.entries, one.approved) for one in later] == [
        (one.at_ms, one.entries, one.approved) for one in made(asked)
    ]
    one = next(one for one in later if one.user == "managers")
    told = msgspec.json.decode(one.body)[0]["data"]["approval"]["decided_at_ms"]
    assert told == 1_900_000_000_000 + one.approved[0].approved_ms


def test_a_steady_load_is_eighty_rows_a_request() -> None:
    """A sustained load has its rate, in requests of eight sheets of ten rows."""
    asked = profile(Shape.SUSTAINED, rows_per_s=400, from_ms=-60_000)
    clicks = [one for one in made(asked) if one.user == "managers"]
    assert {len(one.entries) for one in clicks} == {80}
    assert len(rows(made(asked))) == pytest.approx(400 * 60, rel=0.01)
    assert len({entry for one in clicks for entry in one.entries}) == sum(len(one.entries) for one in clicks)


def test_a_payment_run_is_a_minute_of_documents() -> None:
    """Between 184 and 350 documents are decided in one minute of a payment run, and a trickle around it."""
    asked = profile(Shape.PAYMENT_RUN)
    minute = MINUTE_MS // asked.factor
    # From 17:31 on, where the window begins ten minutes before the cut-off: at once.
    by_minute: dict[int, set[str]] = {}
    for row in rows(made(asked)):
        if row.version == 1:
            by_minute.setdefault(row.approved_ms // minute, set()).add(row.entry.rpartition("-")[0])
    burst = max(len(sheets) for sheets in by_minute.values())
    assert 184 <= burst <= 360
    assert sorted(len(sheets) for sheets in by_minute.values())[-2] < burst / 4


def test_a_day_follows_the_sun() -> None:
    """The cut-offs of follow_the_sun come in the order of their zones, the last of them a minute before the end."""
    asked = load_profile(all_scenarios()["follow_the_sun"], Shape.FOLLOW_THE_SUN)
    calendar = LoadCalendar(asked)
    at = {code: calendar.cutoff_run_ms(code) for code in calendar.cutoff_ms}
    assert at["JP01"] < at["SG01"] < at["DE01"] < at["GB01"] < at["US01"] < at["US03"]
    assert max(at.values()) == at["US03"] == asked.run_time_ms(0)
    hours = Counter(row.entity for row in rows(made(asked)))
    assert set(hours) == set(at)


def test_maintenance_overlaps_the_busiest_hour() -> None:
    """A scenario without maintenance gets one; it begins an hour before the cut-off and shrinks with the factor."""
    asked = profile(Shape.MAINTENANCE_OVERLAP)
    closing = [move for move in LoadCalendar(asked).moves() if move.kind == "maintenance_announced"]
    assert closing
    for move in closing:
        assert move.at_ms == asked.run_time_ms(-60 * MINUTE_MS)
        assert move.until_ms - move.at_ms == 40 * MINUTE_MS // asked.factor  # type: ignore[union-attr]  # it closes
    own = load_profile(all_scenarios()["erp_maintenance_at_cutoff"], Shape.MAINTENANCE_OVERLAP)
    calendar = LoadCalendar(own)
    (move,) = calendar.moves()
    assert move.at_ms == own.run_time_ms(-60 * MINUTE_MS)
    # It ends after the last arrival, and whoever waits for everything to stand waits for that.
    assert move.until_ms > own.run_ms  # type: ignore[union-attr]  # it closes
    assert calendar.patience_ms == move.until_ms + own.settle_ms  # type: ignore[union-attr]  # it closes
