"""What a planted bug is: one named function of ours replaced by a wrong one, and the least it needs to show.

None of it is in the runtime. A plant that nobody reaches proves nothing, so each counts how often the function that
it replaces was asked. A twin is the same without harm: it changes how something is done and must never alarm.

Rule 1. A bug replaces one function, and is written down as what a tired engineer would write.
Rule 2. `caught_by` is the oracle that must fire within `budget` seeds; that another one fires is reported beside it.
Rule 3. Whatever a bug remembers it remembers inside `bug(original)`, which is asked anew for every world.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any

from runtime.core.policy import Policy
from simulators.faults.bases import FaultData
from simulators.plants.replace import Function, replaced


@dataclass(frozen=True, slots=True)
class Plant:
    """A bug to plant, or a twin (`caught_by` empty).

    `number` is its place in the catalogue of planted bugs ("A2"); `replaces` is `module:function` or
    `module:Class.method`; `bug` makes the wrong function of the right one. `faults`, `profile` and `changes` (dotted
    path of a world's settings to its value, such as "people.correction_ppm") are the least it needs; `wild` names
    a public account of a bug of the same shape, as we have it at second hand.
    """

    number: str
    name: str
    story: str
    replaces: str
    bug: Callable[[Function], Function]
    caught_by: str
    faults: tuple[FaultData, ...] = ()
    profile: str = "error_not_stored"
    changes: Mapping[str, Any] = field(default_factory=dict)
    budget: int = 20
    wild: str = ""


@dataclass(slots=True)
class Planted:
    """A plant in one world. `reached`: how often the function that it replaces was asked."""

    plant: Plant
    reached: int = 0
    _original: Function | None = None
    _new: Function | None = None

    def wrap(self, original: Function) -> Function:
        """The wrong function, counted."""
        wrong = self.plant.bug(original)
        assert wrong is not original, f"{self.plant.name} does not replace {self.plant.replaces}"

        def counted(*asked: Any, **named: Any) -> Any:
            self.reached += 1
            return wrong(*asked, **named)

        self._original, self._new = original, counted
        return counted

    def recompose(self, policy: Policy) -> Policy:
        """The policy with the bug in it, where it holds the function that is replaced."""
        held = {each.name: getattr(policy, each.name) for each in fields(policy)}
        changes: dict[str, Any] = {name: self._new for name, what in held.items() if what is self._original}
        return replace(policy, **changes) if changes else policy


@contextmanager
def planting(plant: Plant) -> Iterator[Planted]:
    """While the block lasts, the bug is in the code of this process; compose policies with `recompose`."""
    planted = Planted(plant)
    with replaced(plant.replaces, planted.wrap):
        yield planted
