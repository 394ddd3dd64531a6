"""Who sends, as Locust sees it: a user class for each kind, and one user of each kind in every process.

A user of Locust's is a closed loop. Here one is the walk through the schedule of its kind, see `arrivals`. It stands
for everybody of that kind, so what Locust calls the number of users means nothing, and neither does the rate at which
they are spawned. Statistics, the web page and the report name the user class of each request.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from locust import User, task
from locust.dispatch import UsersDispatcher
from locust.exception import StopUser
from locust.runners import WorkerNode

from loadtests.worker import Worker


class Sender(User):
    """Everybody of one kind."""

    abstract = True
    kind: ClassVar[str] = ""
    worker: ClassVar[Worker]
    """The worker of this process, set before any user is spawned."""

    @task
    def walk(self) -> None:
        """Walk through the schedule, once."""
        type(self).worker.walk(self.kind)
        raise StopUser


class Consultants(Sender):
    """They submit what they booked."""

    kind = "consultants"


class Managers(Sender):
    """They approve in clicks of several sheets."""

    kind = "managers"


class Machines(Sender):
    """Source systems that deliver webhooks in batches."""

    kind = "machines"


class AutoApproval(Sender):
    """What approves the rest at the cut-off, all at once."""

    kind = "auto_approval"


class Corrections(Sender):
    """Newer versions of what was approved, and withdrawals."""

    kind = "corrections"


class Operators(Sender):
    """They look at the status, and at single entries."""

    kind = "operators"


SENDERS: tuple[type[Sender], ...] = (Consultants, Managers, Machines, AutoApproval, Corrections, Operators)
NAMES = {sender.kind: sender.__name__ for sender in SENDERS}
"""Kind to what Locust's tables say."""

Users = dict[str, dict[str, int]]
"""Worker to user class to how many."""


class OneOfEach(UsersDispatcher):
    """Puts one user of each class into every process, whatever number was asked for: each walks its share."""

    def __init__(self, worker_nodes: list[WorkerNode], user_classes: list[type[User]]) -> None:
        super().__init__(worker_nodes, user_classes)
        self._nodes = list(worker_nodes)
        self._classes = list(user_classes)
        self._left: Iterator[Users] = iter(())

    def new_dispatch(
        self, target_user_count: int, spawn_rate: float, user_classes: Sequence[type[User]] | None = None
    ) -> None:
        """One of each; none where none is wanted."""
        classes = self._classes if user_classes is None else user_classes
        count = 1 if target_user_count else 0
        self._left = iter([{node.id: {one.__name__: count for one in classes} for node in self._nodes}])

    def __next__(self) -> Users:
        return next(self._left)

    def add_worker(self, worker_node: WorkerNode) -> None:
        """Who comes while the run goes has no share of it."""

    def remove_worker(self, worker_node: WorkerNode) -> None:
        """The share of who is lost stays undelivered, and the verdict says so."""
        self._nodes = [node for node in self._nodes if node.id != worker_node.id]
