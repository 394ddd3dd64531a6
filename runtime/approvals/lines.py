"""From what somebody recorded to what somebody can approve: a line of work, or the reason why it is none yet.

    "Workshop #alpine #alpine/design"  ──tags──▶  project P-ALPINE, task Design
    09:00 .. 16:20, Europe/Berlin      ──zone──▶  work date, 7.25 hours

Rule 1. Tags are looked up in one table. Each may say a project, a task, a time type, whether it is billable. What two
        tags say about one thing has to be the same. Tags that are not in the table mean nothing here.
Rule 2. A record without a project, with contradicting tags, with a running timer or with an impossible duration is no
        line. It is never left out in silence: it waits for its owner with the reason.
Rule 3. A record belongs to the day on which it began, in its owner's zone.
Rule 4. Durations are rounded half up to the increment, each for itself. Start and stop go along as they were recorded.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from zoneinfo import ZoneInfo

import msgspec

from runtime.approvals.settings import ApprovalSettings, TagSettings
from runtime.connectors.psa.timetagger import TrackedRecord
from runtime.core.model import TimeEntry
from runtime.core.value import value

SOURCE = "timetagger"
_TAG = re.compile(r"#([0-9A-Za-z\-_/\u0080-\U0010ffff]+)")
"""A tag as TimeTagger reads one: letters and digits, dash, underscore, slash, and everything beyond ASCII (source)."""
_HOUR_S = 3_600
_NAME_MAX = 200
_encode = msgspec.json.Encoder().encode


class Lack(StrEnum):
    """Why a record is no line."""

    DELETED = "deleted"
    RUNNING = "running"
    NO_PROJECT = "no_project"
    CONTRADICTION = "contradiction"
    ENDS_FIRST = "ends_first"
    TOO_LONG = "too_long"
    TOO_SHORT = "too_short"
    BAD_NAME = "bad_name"


FIXES: dict[Lack, str] = {
    Lack.DELETED: "its owner deleted it",
    Lack.RUNNING: "its timer runs; its owner stops it",
    Lack.NO_PROJECT: "no tag of it names a project; its owner adds one, or [tags] learns it",
    Lack.CONTRADICTION: "its tags contradict each other; its owner takes one away",
    Lack.ENDS_FIRST: "it ends before it begins; its owner mends the times",
    Lack.TOO_LONG: "it is longer than a day of work; its owner mends the times",
    Lack.TOO_SHORT: "it rounds to nothing; its owner deletes it, or adds it to another",
    Lack.BAD_NAME: "its key cannot be a name here; its owner records it again",
}
"""What has to happen, and by whom."""


@value
class Unfit:
    """A record that is no line."""

    lack: Lack
    detail: str = ""


def entry_id_of(user: str, key: str) -> str:
    """The name of a record for everybody behind us. Keys are unique for their user alone."""
    return f"{SOURCE}:{user}:{key}"


def fingerprint_of(entry: TimeEntry) -> str:
    """Of everything that an approver approves; the version is no part of it."""
    return sha256(_encode(entry)).hexdigest()[:16]


def line_of(user: str, record: TrackedRecord, settings: ApprovalSettings) -> TimeEntry | Unfit:
    """The line that a record of this user makes (as version 1), or why it makes none."""
    entry_id = entry_id_of(user, record.key)
    if not entry_id.isprintable() or len(entry_id) > _NAME_MAX:
        return Unfit(Lack.BAD_NAME)
    if record.deleted:
        return Unfit(Lack.DELETED)
    if record.running:
        return Unfit(Lack.RUNNING)
    if record.t2_s < record.t1_s:
        return Unfit(Lack.ENDS_FIRST)
    duration_s = record.t2_s - record.t1_s
    if duration_s > settings.lines.longest_hours * _HOUR_S:
        return Unfit(Lack.TOO_LONG, f"{Decimal(duration_s) / _HOUR_S:.1f} h")
    quantity = hours(duration_s, settings.lines.increment_minutes)
    if not quantity:
        return Unfit(Lack.TOO_SHORT, f"{duration_s} s")
    means = _meaning(record.ds, settings)
    if isinstance(means, Unfit):
        return means
    person = settings.people[user]
    project = settings.projects[means.project]
    began = datetime.fromtimestamp(record.t1_s, UTC).astimezone(ZoneInfo(person.zone))
    year, week, _ = began.isocalendar()
    task = means.task or project.task
    billable = project.billable if means.billable is None else means.billable
    return TimeEntry(
        entry_id=entry_id,
        version=1,
        source_system=SOURCE,
        source_id=record.key,
        line=1,
        sheet=f"{user}/{year}-W{week:02d}",
        worker=person.worker,
        assignment=person.assignment,
        project=means.project,
        task=task,
        role=person.role,
        grade=person.grade,
        employing_entity=person.entity,
        project_entity=project.entity,
        billing_entity=project.billing_entity or project.entity,
        home_entity=person.entity,
        work_date=began.date(),
        quantity=quantity,
        unit="hour",
        time_type=means.time_type or "standard",
        billable=billable,
        zone=person.zone,
        invoice_narrative=narrative(record.ds) or task,
        nonbillable_reason="" if billable else "as tagged or by project",
        start_ms=record.t1_s * 1_000,
        stop_ms=record.t2_s * 1_000,
    )


def hours(duration_s: int, increment_minutes: int) -> Decimal:
    """Hours of a duration, rounded half up to the increment."""
    step_s = increment_minutes * 60
    return Decimal((2 * duration_s + step_s) // (2 * step_s) * increment_minutes) / 60


def tags(ds: str) -> tuple[str, ...]:
    """The tags of a description, in small letters, each once, in order."""
    return tuple(dict.fromkeys(tag.lower() for tag in _TAG.findall(ds)))


def narrative(ds: str) -> str:
    """A description without its tags, on one line."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in _TAG.sub(" ", ds)).split())


def _meaning(ds: str, settings: ApprovalSettings) -> TagSettings | Unfit:
    """What all tags together say (rule 1)."""
    said: dict[str, tuple[str, object]] = {}
    for tag in tags(ds):
        for about, what in settings.tags.get(tag, TagSettings()):
            if what in ("", None):
                continue
            before = said.setdefault(about, (tag, what))
            if before[1] != what:
                return Unfit(Lack.CONTRADICTION, f"{about}: #{before[0]} says {before[1]}, #{tag} says {what}")
    if "project" not in said:
        return Unfit(Lack.NO_PROJECT, " ".join(f"#{tag}" for tag in tags(ds)))
    return TagSettings.model_validate({about: what for about, (_, what) in said.items()})
