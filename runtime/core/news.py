"""What the source and the reference systems publish to a partition."""

from runtime.core.model import Approval, Assignment, Period, Project, RateLine, TimeEntry, Worker
from runtime.core.value import value


@value
class EntryApproved:
    """The source approved this version of this entry."""

    entry: TimeEntry
    approval: Approval


@value
class EntryWithdrawn:
    """The source took the entry back: un-approved, cancelled or deleted. A version of its own."""

    entry_id: str
    version: int
    reason: str
    at_ms: int


@value
class PeriodPublished:
    """A period was opened, held, closed, re-opened, or its feed gate moved."""

    period: Period


@value
class RatesPublished:
    """New or amended rate lines."""

    lines: tuple[RateLine, ...]


@value
class ProjectsPublished:
    """New or changed projects."""

    projects: tuple[Project, ...]


@value
class WorkersPublished:
    """New or changed workers."""

    workers: tuple[Worker, ...]


@value
class AssignmentsPublished:
    """New or changed assignments."""

    assignments: tuple[Assignment, ...]


@value
class ConfigurationPublished:
    """The numbers of a partition, changed while it runs: (name, value as text); `version` counts 1, 2, 3 ...

    Every publication replaces what the earlier ones changed. Names and values are those of `policy.TUNABLE`.
    """

    version: int
    changes: tuple[tuple[str, str], ...]
    who: str = ""
    why: str = ""


@value
class MasterDataReady:
    """The ERP now knows something it refused before: "project:P1", "worker:W7"."""

    names: tuple[str, ...]


@value
class DeadLetter:
    """An event that cannot be read: why, and its bytes as they came, so that it can be read again one day."""

    reason: str
    body: bytes


EntryNews = EntryApproved | EntryWithdrawn
ReferenceNews = (
    PeriodPublished
    | RatesPublished
    | ProjectsPublished
    | WorkersPublished
    | AssignmentsPublished
    | ConfigurationPublished
    | MasterDataReady
)
News = EntryNews | ReferenceNews
