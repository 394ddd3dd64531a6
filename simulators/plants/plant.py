"""What a planted bug is: a named function of the policy replaced at composition, and the least it needs to show.

None of it is in the runtime. A plant that nobody reaches proves nothing, so each counts how often it was reached.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from runtime.core.policy import Policy
from simulators.faults.bases import FaultData


@dataclass(frozen=True, slots=True)
class Plant:
    """A bug to plant. `recompose` replaces one named function; `faults` and `profile` are the least it needs.

    `caught_by` is the oracle that must fire; `story` says what the bug does and where it was seen in the wild.
    """

    name: str
    story: str
    replaces: str
    recompose: Callable[[Policy], Policy]
    faults: tuple[FaultData, ...]
    profile: str
    caught_by: str


@dataclass(slots=True)
class Planted:
    """A plant in one world. `reached`: how often the function that it replaces was asked."""

    plant: Plant
    reached: int = field(default=0)

    def recompose(self, policy: Policy) -> Policy:
        """The policy with the bug in it, and every question to the planted function counted."""
        name = self.plant.replaces.rpartition(".")[2]
        planted = self.plant.recompose(policy)
        function = getattr(planted, name)
        assert function is not getattr(policy, name), f"{self.plant.name} does not replace {self.plant.replaces}"

        def counted(*asked: Any) -> Any:
            self.reached += 1
            return function(*asked)

        changes: dict[str, Any] = {name: counted}
        return replace(planted, **changes)
