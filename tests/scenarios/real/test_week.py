"""The firm of the real demo: the same week in every run, rates without fractions, mishaps that are what they say."""

import json
from collections import Counter
from decimal import Decimal

from runtime.approvals.lines import Unfit, line_of
from runtime.approvals.settings import ApprovalSettings
from runtime.connectors.psa.timetagger import TrackedRecord
from runtime.core.model import TimeEntry
from runtime.gateway.events import read_items
from scenarios.real.timetagger import Tracked
from scenarios.real.week import (
    CHANGED,
    DROPPED,
    FIRM,
    MONDAY,
    RUNS,
    SHORT,
    TORN,
    UNFIT,
    UNTAGGED,
    WITHDRAWN,
    corrections,
    for_approvals,
    for_the_runtime,
    for_tryton,
    rates,
    recorded,
)
from tests.test_docs import Anybody

SETTINGS = ApprovalSettings.model_validate({"tracker": {"url": "http://127.0.0.1"}, **for_approvals()})


def found(user: str, tracked: Tracked) -> TimeEntry | Unfit:
    """What the approvals make of a record."""
    return line_of(user, TrackedRecord(tracked.key, 1, 1, tracked.t1, tracked.t2, tracked.ds), SETTINGS)


def test_the_week_is_the_same_in_every_run() -> None:
    """Chance under a name: nothing of it hangs on what was asked before, and keys are unique for their user."""
    for entity in FIRM:
        for user in entity.people:
            records = recorded(entity, user)
            assert records == recorded(entity, user)
            assert len({one.key for one in records}) == len(records) >= 15


def test_everything_people_record_is_a_line_but_the_mishaps() -> None:
    """Each record has a project and a task of its owner's entity, within the week; mishaps lack what they say."""
    lacks: Counter[tuple[str, str]] = Counter()
    for entity in FIRM:
        for user in entity.people:
            for one in recorded(entity, user):
                line = found(user, one)
                if isinstance(line, Unfit):
                    lacks[one.key, line.lack] += 1
                    continue
                assert (line.home_entity, line.project_entity) == (entity.code, entity.code)
                assert (entity.code, line.project, line.task) in rates()
                assert 0 <= (line.work_date - MONDAY).days < 5

    each = len(FIRM)
    assert lacks == {
        (UNTAGGED, "no_project"): each,
        (TORN, "contradiction"): each,
        (SHORT, "too_short"): each,
        (DROPPED, "deleted"): each,
        (RUNS, "running"): each,
    }
    assert {UNTAGGED, TORN, SHORT, RUNS} == UNFIT


def test_corrections_change_one_line_and_delete_another() -> None:
    """What is put after the approval has the key of an approved record, and other work in it, or none."""
    for entity in FIRM:
        user = entity.people[0]
        before = {one.key: found(user, one) for one in recorded(entity, user)}
        after = {one.key: found(user, one) for one in corrections(entity)}
        old, new = before[CHANGED], after[CHANGED]

        assert isinstance(old, TimeEntry)
        assert isinstance(new, TimeEntry)
        assert (old.task, old.quantity) != (new.task, new.quantity)
        assert isinstance(before[WITHDRAWN], TimeEntry)
        assert isinstance(after[WITHDRAWN], Unfit)


def test_a_quarter_of_an_hour_is_a_whole_number_of_cents() -> None:
    """So adding up hours and adding up amounts come to the same cent, and a difference is a mistake."""
    assert len(rates()) == 8
    assert all(rate * 25 % 100 == 0 for rate in rates().values())


def test_all_systems_are_told_the_same_rates() -> None:
    """What Tryton invoices with and what the runtime values with is the price that is compared with."""
    in_tryton = {
        (entity.code, project.code, task.code): int(task.rate * 100)
        for entity in for_tryton()
        for project in entity.projects
        for task in project.tasks
    }
    in_the_runtime = {
        (event["entity"], *line["scope_key"].split("|")): int(Decimal(line["rate"]) * 100)
        for event in map(json.loads, for_the_runtime().splitlines())
        if event["type"] == "rates.published"
        for line in event["lines"]
        if line["kind"] == "bill"
    }

    assert in_tryton == rates() == in_the_runtime


def test_the_runtime_can_read_what_it_is_told() -> None:
    """Every event is one that the gateway takes."""
    lines = for_the_runtime().splitlines()
    delivery = read_items(lines, Anybody(), 64)

    assert len(lines) == 3 * len(FIRM)
    assert delivery.unread == []
    assert delivery.barred == []
    assert sorted(delivery.groups) == [entity.code for entity in FIRM]
