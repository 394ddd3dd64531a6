"""What people do to the runtime and behind its back: pause, configure, back-fill, retry, waive; take back, approve.

`World` carries the moves of the calendar out here. Whoever gives a command keeps it until the process takes it, like
any sender. What a person does is evidence.
"""

from collections.abc import Callable, Mapping

from runtime.core.inputs import Pause, Resume, Retry, Waive
from runtime.core.news import ConfigurationPublished
from simulators.chance import between, chance, happens
from simulators.evidence import Evidence
from simulators.faults.moves import (
    ApproveAgain,
    Backfill,
    Configure,
    EntityMove,
    PausePartition,
    ResumePartition,
    TakeBack,
    WorkParked,
)
from simulators.lane import DELIVERY_MAX, Lane
from simulators.people.acts import Act, LinesApproved, LineWithdrawn
from simulators.systems.psa import Psa
from simulators.virtual_time import Clock

WHO = "operator"


class Operators:
    """The people around the partitions of one world."""

    def __init__(
        self,
        clock: Clock,
        seed: int,
        lanes: Mapping[str, Lane],
        psa_of: Mapping[str, Psa],
        evidences: Mapping[str, Evidence],
        happen: Callable[[Act], None],
    ) -> None:
        """`psa_of` by entity; `happen` lets a person's act happen at the PSA, and what it publishes be on its way."""
        self.clock = clock
        self.seed = seed
        self.lanes = lanes
        self.psa_of = psa_of
        self.evidences = evidences
        self._happen = happen
        self._configurations: dict[str, int] = {}
        self._taken_back: dict[tuple[str, int], list[str]] = {}

    def carry_out(self, move: EntityMove) -> bool:
        """Do what the move says; False when there was nobody to do it to."""
        if move.entity not in self.lanes:
            return False
        match move:
            case PausePartition():
                self.evidences[move.entity].paused.append((move.at_ms, move.until_ms))
                self.lanes[move.entity].hear((Pause(WHO, "looking into it"),))
            case ResumePartition():
                self.lanes[move.entity].hear((Resume(WHO, "looked into it"),))
            case Configure():
                self._configure(move)
            case Backfill():
                return self._backfill(move)
            case WorkParked():
                return self._work(move)
            case TakeBack():
                return self._take_back(move)
            case ApproveAgain():
                self._approve_again(move)
        return True

    def _configure(self, move: Configure) -> None:
        number = self._configurations[move.entity] = self._configurations.get(move.entity, 0) + 1
        configured = self.evidences[move.entity].configured
        configured += [(move.at_ms, move.until_ms, name) for name, _ in move.changes]
        why = "roll-back" if move.heals else "deployment"
        self.lanes[move.entity].hear((ConfigurationPublished(number, move.changes, WHO, why),))

    def _backfill(self, move: Backfill) -> bool:
        """Deliver again what was published in the window, in an order of chance."""
        again = [
            (chance(self.seed, "backfill/order", entry_id, version.version, move.at_ms), entry_id, version.version)
            for entry_id, versions in self.evidences[move.entity].versions.items()
            for version in versions
            if move.since_ms <= version.at_ms < move.at_ms
            and happens(move.ppm, self.seed, "backfill", entry_id, version.version, move.at_ms)
        ]
        psa, lane = self.psa_of[move.entity], self.lanes[move.entity]
        heads = [(entry_id, number) for _, entry_id, number in sorted(again)]
        for start in range(0, len(heads), DELIVERY_MAX):
            some = psa.publications(heads[start : start + DELIVERY_MAX], self.clock.now_ms)
            delay_ms = between(0, move.spread_ms, self.seed, "backfill/delay", move.entity, move.at_ms, start)
            self.clock.after(delay_ms, lambda some=some: lane.deliver(some))  # type: ignore[misc]  # bound on purpose
        return bool(heads)

    def _work(self, move: WorkParked) -> bool:
        """A person goes through what is parked; who finds the process down comes back another day."""
        shell = self.lanes[move.entity].shell
        if shell is None:
            return False
        evidence = self.evidences[move.entity]
        retried: dict[str, int] = {}
        waived: dict[str, int] = {}
        for entry_id in sorted(name for names in shell.state.parked.values() for name in names):
            park = shell.state.entries[entry_id].park
            assert park is not None, f"{entry_id}: listed as parked and is not"
            if move.at_ms - park.at_ms < move.older_than_ms or (move.reasons and park.reason not in move.reasons):
                continue
            gives_up = happens(move.waived_ppm, self.seed, "operator/waives", entry_id)
            (waived if gives_up else retried)[entry_id] = park.at_ms
        evidence.waived.update(waived)
        evidence.retried.update(retried)
        commands = [Waive(entry_id, WHO, "settled otherwise") for entry_id in waived]
        if retried:
            self.lanes[move.entity].hear((Retry(tuple(retried), WHO, "mended"),))
        for command in commands:
            self.lanes[move.entity].hear((command,))
        return bool(retried or waived)

    def _take_back(self, move: TakeBack) -> bool:
        taken = [
            entry_id
            for entry_id, versions in self.evidences[move.entity].versions.items()
            if not versions[-1].withdrawn and happens(move.ppm, self.seed, "approver/takes_back", entry_id, move.at_ms)
        ]
        self._taken_back[move.entity, move.at_ms] = taken
        for entry_id in taken:
            self._happen(LineWithdrawn(self.clock.now_ms, move.entity, entry_id, "unapproved"))
        return bool(taken)

    def _approve_again(self, move: ApproveAgain) -> None:
        """What is still withdrawn; what somebody else approved or deleted meanwhile is left alone."""
        versions = self.evidences[move.entity].versions
        again = tuple(
            entry_id
            for entry_id in self._taken_back.pop((move.entity, move.taken_ms), ())
            if versions[entry_id][-1].withdrawn
        )
        if again:
            self._happen(LinesApproved(self.clock.now_ms, move.entity, WHO, again))
