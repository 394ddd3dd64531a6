"""Everything that crossed the border of a virtual-time run, in its order, so that it can be played again elsewhere.

    people, finance ─▶ mock systems            Touched: what was done to a system, and what it published or said
    source          ─▶ partition               Delivered: webhooks, byte for byte; Told: reference data
    partition       ─▶ mock systems            Asked: the request as it reached the system, and its reply

Two things are made of it: the same input for another driver (`scenarios.parity`), and the same questions to the same
systems behind a socket (`scenarios.fidelity`).
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Literal

from runtime.core.model import Place
from runtime.core.news import EntryApproved, EntryWithdrawn, News, PeriodPublished
from runtime.ports import Request
from simulators.firm.build import build_firm
from simulators.lane import Lane
from simulators.people.plan import plan_month
from simulators.plants.replace import Function, replaced
from simulators.settings import WorldSettings
from simulators.systems.reply import Reply
from simulators.world import Seen, World, is_late

ON_ERP = (
    "set_period",
    "add_project",
    "close",
    "exhaust_numbers",
    "lag_reads",
    "expire_credential",
    "rotate_credential",
    "end_sessions",
    "eat_quota",
    "fail_logins",
    "post_by_hand",
)
ON_PSA = ("act", "close", "drift", "edit_in_bulk")
"""Everything that the world does to a mock system; nothing else changes one but what is asked of it."""
CLASSES = {"erp": "simulators.systems.erp.system:Erp", "psa": "simulators.systems.psa:Psa"}

SystemKind = Literal["erp", "psa"]


@dataclass(frozen=True, slots=True)
class Touched:
    """The world did something to a system: a method of it, with what it was given, and what came of it."""

    at_ms: int
    system: SystemKind
    account: str
    method: str
    given: tuple[Any, ...]
    named: dict[str, Any]
    made: Any


@dataclass(frozen=True, slots=True)
class Asked:
    """A request reached a system, and what it replied."""

    at_ms: int
    system: SystemKind
    account: str
    request: Request
    reply: Reply


@dataclass(frozen=True, slots=True)
class Delivered:
    """Events reached a partition, in one delivery."""

    at_ms: int
    entity: str
    bodies: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A partition heard reference data."""

    at_ms: int
    entity: str
    news: tuple[News, ...]


Moment = Touched | Asked | Delivered | Told


@dataclass(slots=True)
class Transcript:
    """One run: what it was made of, what crossed its border, and what was seen of it."""

    world: WorldSettings
    seed: int
    seen: Seen
    moments: list[Moment] = field(default_factory=list)
    hasty: list[str] = field(default_factory=list)
    """Where finance moved a period, or the partition heard of it, while work of that entity was under way."""

    @property
    def late_projects(self) -> tuple[str, ...]:
        """Projects that no system knows at the start, whether they were set up later or never."""
        plans = self.seen.firm.projects
        return tuple(plan.project for plan in plans if is_late(self.world, self.seed, plan.project))


def transcript_of(settings: WorldSettings, seed: int) -> Transcript:
    """Let the month happen once in virtual time, and write down what crosses the border."""
    firm = build_firm(settings.firm, seed)
    acts = plan_month(firm, settings.people, seed)
    world = World(settings, seed, firm, acts, [entity.code for entity in firm.entities])
    moments: list[Moment] = []
    hasty: list[str] = []
    clock = world.clock

    def note_haste(entity: str, what: str) -> None:
        if not _quiet(world.lanes[entity]):
            hasty.append(f"{entity}: {what} at {clock.now_ms} while work was under way")

    def touching(system: SystemKind, method: str) -> Any:
        def wrap(original: Function) -> Function:
            def touched(self: Any, *given: Any, **named: Any) -> Any:
                if method == "set_period":
                    note_haste(given[0], f"period {given[2]} moved")
                made = original(self, *given, **named)
                moments.append(Touched(clock.now_ms, system, self.account, method, given, named, made))
                return made

            return touched

        return wrap

    def asking(system: SystemKind) -> Any:
        def wrap(original: Function) -> Function:
            def asked(self: Any, request: Request, now_ms: int) -> Reply:
                reply: Reply = original(self, request, now_ms)
                moments.append(Asked(now_ms, system, self.account, request, reply))
                return reply

            return asked

        return wrap

    def delivering(original: Function) -> Function:
        def deliver(self: Lane, publications: Sequence[Any]) -> None:
            moments.append(Delivered(clock.now_ms, self.entity, tuple(one.body for one in publications)))
            original(self, publications)

        return deliver

    def telling(original: Function) -> Function:
        def hear(self: Lane, inputs: Sequence[Any]) -> None:
            # Events of entries came through `deliver`, which has their bytes.
            news = tuple(one for one in inputs if not isinstance(one, EntryApproved | EntryWithdrawn))
            if news:
                for one in news:
                    if isinstance(one, PeriodPublished):
                        note_haste(self.entity, f"heard of period {one.period.name}")
                moments.append(Told(clock.now_ms, self.entity, news))
            original(self, inputs)

        return hear

    kinds: tuple[tuple[SystemKind, tuple[str, ...]], ...] = (("erp", ON_ERP), ("psa", ON_PSA))
    with ExitStack() as stack:
        for kind, methods in kinds:
            for method in methods:
                stack.enter_context(replaced(f"{CLASSES[kind]}.{method}", touching(kind, method)))
            stack.enter_context(replaced(f"{CLASSES[kind]}.answer", asking(kind)))
        stack.enter_context(replaced("simulators.lane:Lane.deliver", delivering))
        stack.enter_context(replaced("simulators.lane:Lane.hear", telling))
        seen = world.run()
    return Transcript(settings, seed, seen, moments, hasty)


def _quiet(lane: Lane) -> bool:
    """Whether the partition has nothing to do: what was delivered is settled, and the source knows."""
    shell = lane.shell
    if shell is None:
        return False
    state = shell.state
    return not any(state.head.books.counts[place] for place in UNFINISHED) and not state.untold


UNFINISHED = (Place.IN_FLIGHT, Place.STAGED, Place.IN_DOUBT)
