"""What the approvals of a time tracker are configured with: one TOML file.

Secrets never stand in it: a setting whose name ends in `_env` names an environment variable, one that ends in `_file`
a file. Durations are integers with their unit in the name. Targets and defaults are ours.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from runtime.configuration import ConfigurationError, dotted
from runtime.settings import AccessSettings, LimitSettings, LogSettings, ServerSettings

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
Code = Annotated[str, Field(min_length=1, max_length=200)]
Tag = Annotated[str, Field(pattern=r"^[^\s#A-Z]+$")]
"""As TimeTagger has them: in small letters, without the #."""


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TrackerSettings(_Settings):
    """Where the tracker is, and how it is read."""

    kind: Literal["timetagger"] = "timetagger"
    url: str = Field(pattern=r"^https?://")
    """With the path of its API: http://127.0.0.1:8090/timetagger/api/v2"""
    proxy_header: str = "X-Remote-User"
    """We come as its trusted proxy, and say in this header for whom."""
    poll_every_ms: int = Field(default=MINUTE_MS, ge=100)
    overlap_ms: int = Field(default=MINUTE_MS, ge=0)
    """Longer than the longest put may take. 0 loses rows (measured), and is there for who wants to see it."""
    recount_every_ms: int = Field(default=DAY_MS, ge=1_000)
    recount_days: int = Field(default=62, ge=1, le=3_660)
    """How far back the recount reaches that comes by itself."""
    calls_at_once: int = Field(default=8, ge=1, le=64)
    call_deadline_ms: int = Field(default=30_000, ge=100)


class LineSettings(_Settings):
    """How a record becomes a line."""

    increment_minutes: int = Field(default=15, ge=3, le=240, multiple_of=3)
    """Durations are rounded to these, half up. A multiple of 3, so that hours are an exact decimal."""
    longest_hours: int = Field(default=16, ge=1, le=24)
    """A longer one is a timer that somebody forgot (assumed), and goes to a person."""


class PersonSettings(_Settings):
    """A user of the tracker, and who they are to the firm."""

    worker: Code
    entity: Code
    """The legal entity that employs them; their time is at home there."""
    zone: str
    """In which their days begin."""
    approvers: Annotated[tuple[Code, ...], Field(min_length=1)]
    """Who may approve: "key:ID" of an API key, "jwt:SUBJECT" of a token. That it is somebody else, the firm sees to."""
    role: str = ""
    grade: str = ""
    assignment: str = ""

    @field_validator("zone")
    @classmethod
    def _is_known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is no time zone; give one such as Europe/Berlin") from None
        return zone


class ProjectSettings(_Settings):
    """A project that time can be booked on."""

    entity: Code
    """The legal entity whose project it is."""
    task: Code
    """Of lines that no tag gives a task."""
    billing_entity: str = ""
    """Who bills it; empty: the entity of the project."""
    billable: bool = True


class TagSettings(_Settings):
    """What a tag says about a record: one thing or several."""

    project: str = ""
    task: str = ""
    time_type: str = ""
    billable: bool | None = None


class KeptSettings(_Settings):
    """Where decisions are kept."""

    file: str = "var/approvals.jsonl"


class ApprovalSettings(_Settings):
    """Everything."""

    server: ServerSettings = ServerSettings(port=8081)
    tracker: TrackerSettings
    lines: LineSettings = LineSettings()
    kept: KeptSettings = KeptSettings()
    people: dict[Code, PersonSettings] = Field(min_length=1)
    projects: dict[Code, ProjectSettings] = Field(min_length=1)
    tags: dict[Tag, TagSettings] = Field(min_length=1)
    access: AccessSettings = AccessSettings()
    limits: LimitSettings = LimitSettings()
    log: LogSettings = LogSettings()

    @model_validator(mode="after")
    def _tags_name_what_is_there(self) -> Self:
        for tag, says in self.tags.items():
            if says.project and says.project not in self.projects:
                raise ValueError(
                    f"tags.{tag}: no project {says.project!r} is configured; add [projects.{says.project}]"
                )
            if says == TagSettings():
                raise ValueError(f"tags.{tag}: says nothing; give it a project, a task, a time_type or billable")
        return self


def read_approval_settings(path: Path) -> ApprovalSettings:
    """The settings in a TOML file. Raises ConfigurationError with every mistake, one a line."""
    try:
        tables: dict[str, Any] = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as fault:
        said = (fault.strerror or "cannot be read").lower()
        raise ConfigurationError(
            (f"{path}: {said}; `springtide approvals example` prints one to begin with",)
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise ConfigurationError((f"{path}: this is not TOML: {fault}; mend it there",)) from None
    try:
        return ApprovalSettings.model_validate(tables)
    except ValidationError as wrong:
        said_of = [
            (dotted(tuple(map(str, one["loc"]))), one["msg"].removeprefix("Value error, ")) for one in wrong.errors()
        ]
        raise ConfigurationError(
            tuple(f"{path}: {f'{place}: ' if place else ''}{text}" for place, text in said_of)
        ) from None
