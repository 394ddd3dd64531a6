"""The firm of the real demo and its week: two legal entities, twenty people, what they record, and what they get wrong.

Everything is data, and the same in every run: no clock, and chance under a name. The week is that of 16 November 2026.

Rates are multiples of four cents, so that a quarter of an hour is always a whole number of cents: whoever adds up
hours and whoever adds up amounts come to the same cent, and a cent of difference is a mistake and no rounding.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from runtime.core.value import value
from scenarios.real.timetagger import Tracked
from scenarios.real.tryton_seed import SeedEntity, SeedProject, SeedTask
from simulators.chance import between, chance

YEAR = 2026
MONDAY = date(YEAR, 11, 16)
SUNDAY = MONDAY + timedelta(days=6)
CUT_OFF = date(YEAR, 11, 30)
"""Up to this day everything is invoiced."""
DAYS = 5
SEED = 1
MINUTE_S = 60


@value
class Task:
    """A task of a project: its price for an hour in minor units, and the tag by which people mean it."""

    code: str
    rate_minor: int
    tag: str


@value
class FirmProject:
    """A project that people book on."""

    code: str
    customer: str
    tag: str
    tasks: tuple[Task, ...]


@value
class Entity:
    """A legal entity: its people, its projects, and the key of who approves their time."""

    code: str
    currency: str
    zone: str
    people: tuple[str, ...]
    approver: str
    projects: tuple[FirmProject, ...]


FIRM = (
    Entity(
        "DE01",
        "EUR",
        "Europe/Berlin",
        tuple(f"anna.{number:02}" for number in range(1, 13)),
        "maxine",
        (
            FirmProject(
                "P-ALPINE", "Alpine AG", "alpine",
                (Task("Design", 148_00, "alpine/design"), Task("Build", 132_40, "alpine/build")),
            ),
            FirmProject(
                "P-BALTIC", "Baltic GmbH", "baltic",
                (Task("Analysis", 156_80, "baltic/analysis"), Task("Support", 98_00, "baltic/support")),
            ),
        ),
    ),
    Entity(
        "US01",
        "USD",
        "America/New_York",
        tuple(f"joe.{number:02}" for number in range(1, 9)),
        "sam",
        (
            FirmProject(
                "P-CANYON", "Canyon Inc.", "canyon",
                (Task("Design", 210_00, "canyon/design"), Task("Build", 184_40, "canyon/build")),
            ),
            FirmProject(
                "P-DELTA", "Delta LLC", "delta",
                (Task("Advice", 236_00, "delta/advice"), Task("Support", 120_00, "delta/support")),
            ),
        ),
    ),
)  # fmt: skip
"""Twenty people, four projects, eight tasks."""

RUNS = "k-still-runs"
UNTAGGED = "k-no-project"
TORN = "k-two-projects"
SHORT = "k-four-minutes"
DROPPED = "k-deleted-at-once"
CHANGED = "k-changed-later"
WITHDRAWN = "k-deleted-later"
"""Keys of what goes wrong in the week; each is one record of the first of the people of an entity."""
UNFIT = frozenset({RUNS, UNTAGGED, TORN, SHORT})


def worker_of(user: str) -> str:
    """Who somebody is to the firm."""
    return f"W-{user.replace('.', '-').upper()}"


def rates() -> dict[tuple[str, str, str], int]:
    """(entity, project, task) to the price of an hour, in minor units."""
    return {
        (entity.code, project.code, task.code): task.rate_minor
        for entity in FIRM
        for project in entity.projects
        for task in project.tasks
    }


def recorded(entity: Entity, user: str) -> list[Tracked]:
    """What one of them records in the week, in order of time."""
    found: list[Tracked] = []
    tasks = [task for project in entity.projects for task in project.tasks]
    for day in range(DAYS):
        at_s = _at_s(entity, day, time(8, 0)) + between(0, 12, SEED, "week/begins", user, day) * 5 * MINUTE_S
        for block in range(between(3, 4, SEED, "week/blocks", user, day)):
            name = (user, day, block)
            task = tasks[chance(SEED, "week/task", *name) % len(tasks)]
            stop_s = at_s + between(9, 33, SEED, "week/minutes", *name) * 5 * MINUTE_S
            key = f"k{chance(SEED, 'week/key', *name):016x}"
            found.append(Tracked(key, at_s, stop_s, f"{task.code} for the week's goal #{task.tag}"))
            at_s = stop_s + between(0, 6, SEED, "week/pause", *name) * 5 * MINUTE_S
    return found + (list(_mishaps(entity)) if user == entity.people[0] else [])


def _mishaps(entity: Entity) -> Iterator[Tracked]:
    """What goes wrong, all of it on Friday evening."""
    first, second = entity.projects[0], entity.projects[1]
    evening_s = _at_s(entity, DAYS - 1, time(19, 0))
    hour_s = 60 * MINUTE_S
    task = first.tasks[0].tag
    yield Tracked(UNTAGGED, evening_s, evening_s + hour_s, "Call, whose was it?")
    yield Tracked(TORN, evening_s, evening_s + hour_s, f"Joint workshop #{first.tag} #{second.tag}")
    yield Tracked(SHORT, evening_s, evening_s + 4 * MINUTE_S, f"Mail #{task}")
    yield Tracked(DROPPED, evening_s, evening_s + hour_s, f"HIDDEN Booked twice #{task}")
    yield Tracked(CHANGED, evening_s, evening_s + hour_s, f"Review #{task}")
    yield Tracked(WITHDRAWN, evening_s, evening_s + hour_s, f"Review of the wrong week #{task}")
    yield Tracked(RUNS, evening_s + hour_s, evening_s + hour_s, f"Still at it #{task}")


def corrections(entity: Entity) -> list[Tracked]:
    """What the first of the people does after their week was approved: two hours instead of one, and a deletion."""
    evening_s = _at_s(entity, DAYS - 1, time(19, 0))
    task = entity.projects[0].tasks[1].tag
    return [
        Tracked(CHANGED, evening_s, evening_s + 120 * MINUTE_S, f"Review, longer and of the build #{task}"),
        Tracked(WITHDRAWN, evening_s, evening_s + 60 * MINUTE_S, f"HIDDEN Review of the wrong week #{task}"),
    ]


def _at_s(entity: Entity, day: int, clock: time) -> int:
    local = datetime.combine(MONDAY + timedelta(days=day), clock, ZoneInfo(entity.zone))
    return int(local.astimezone(UTC).timestamp())


# ------------------------------------------------------------------ what each system has to know


def for_tryton() -> tuple[SeedEntity, ...]:
    """The firm as Tryton is filled with it."""
    return tuple(
        SeedEntity(
            entity.code,
            entity.currency,
            tuple(map(worker_of, entity.people)),
            tuple(
                SeedProject(
                    project.code,
                    project.customer,
                    tuple(SeedTask(task.code, Decimal(task.rate_minor) / 100) for task in project.tasks),
                )
                for project in entity.projects
            ),
        )
        for entity in FIRM
    )


def for_approvals() -> dict[str, Any]:
    """People, projects and tags, as the approvals are configured with them."""
    people = {
        user: {
            "worker": worker_of(user),
            "entity": entity.code,
            "zone": entity.zone,
            "role": "consultant",
            "approvers": [f"key:{entity.approver}"],
        }
        for entity in FIRM
        for user in entity.people
    }
    projects: dict[str, Any] = {}
    tags: dict[str, Any] = {}
    for entity in FIRM:
        for project in entity.projects:
            projects[project.code] = {"entity": entity.code, "task": project.tasks[0].code}
            tags[project.tag] = {"project": project.code}
            tags |= {task.tag: {"project": project.code, "task": task.code} for task in project.tasks}
    return {"people": people, "projects": projects, "tags": tags}


def for_the_runtime() -> bytes:
    """Projects, rates and periods as events, a line each."""
    return b"".join(json.dumps(event).encode() + b"\n" for entity in FIRM for event in _reference(entity))


def _reference(entity: Entity) -> Iterator[dict[str, Any]]:
    projects = [
        {"project": one.code, "entity": entity.code, "client": one.customer, "contract": f"K-{one.code}"}
        for one in entity.projects
    ]
    yield {"type": "projects.published", "entity": entity.code, "projects": projects}
    since = {"valid_from": f"{YEAR}-01-01", "currency": entity.currency}
    lines = [
        {
            **since,
            "rate_id": f"R-{project.code}-{task.code}",
            "kind": "bill",
            "scope": "task",
            "scope_key": f"{project.code}|{task.code}",
            "rate": str(Decimal(task.rate_minor) / 100),
        }
        for project in entity.projects
        for task in project.tasks
    ]
    cost = {"rate_id": f"C-{entity.code}", "kind": "cost", "scope": "entity", "scope_key": entity.code, "rate": "60.00"}
    yield {"type": "rates.published", "entity": entity.code, "lines": [*lines, {**since, **cost}]}
    month = {"name": f"{YEAR}-11", "first_day": f"{YEAR}-11-01", "last_day": f"{YEAR}-11-30"}
    period = {"entity": entity.code, "module": "time", "status": "open", **month}
    yield {"type": "periods.published", "entity": entity.code, "periods": [period]}
