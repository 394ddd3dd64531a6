"""Everything in one process: one host carries every configured partition, and nobody else may.

The one thing to look after is that a partition which ended is taken up again: after its store was away, or when the
lease of a predecessor on another machine runs out. Where another process has taken partitions over that this one
carried, there are two of them on one journal: this one ends, since two would take turns for ever.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from runtime.core.inputs import Command
from runtime.core.news import EntryApproved, News
from runtime.core.partition.worth import Worth
from runtime.drivers.on_asyncio import BUSY_RETRY_MS, Host
from runtime.forecast import Outlook, look, ways
from runtime.ports import (
    AccountReport,
    EntryTrace,
    Forecast,
    IntakeRefusedError,
    JournalError,
    NotOwnerError,
    PartitionReport,
    Receipt,
)

LOOK_S = 1.0
"""How often it is looked whether every partition is carried (ours)."""
T = TypeVar("T")
log = logging.getLogger("springtide.embedded")


class Embedded:
    """`ports.Intake` and `ports.Operations` over one host that carries everything."""

    def __init__(self, host: Host, on_rival: Callable[[str], None]) -> None:
        """`on_rival(why)` is called once when another process carries what this one carried."""
        self._host = host
        self._on_rival = on_rival
        self._held: dict[str, int] = {}
        """Entity to the epoch under which this process carried it last."""
        self._waiting: dict[str, str] = {}
        self._ways = ways(host.settings)
        self._outlook = Outlook()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up every partition, and keep at it."""
        await self._host.start()
        await self._take_up()
        self._task = asyncio.get_running_loop().create_task(self._keep_carrying(), name="carry")

    async def _keep_carrying(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            await self._take_up()
            self._outlook = look(self._outlook.memory, *self._host.latest, self._ways)

    async def _take_up(self) -> None:
        for entity in self._host.settings.entities:
            lane = self._host.lanes.get(entity)
            if lane is not None and not lane.fenced:
                continue
            try:
                if entity in self._held and await self._is_taken(entity):
                    self._on_rival(f"another process carries {entity} on the same journal")
                    return
                owner = await self._host.carry(entity)
                self._held[entity] = owner.epoch
                self._waiting.pop(entity, None)
            except (NotOwnerError, JournalError) as fault:
                if self._waiting.get(entity) != str(fault):
                    log.warning("a partition waits", extra={"entity": entity, "reason": fault})
                self._waiting[entity] = str(fault)

    async def _is_taken(self, entity: str) -> bool:
        """Whether somebody owns it under a higher epoch than ours. A lease that only ran out is taken up again."""
        owners = await asyncio.to_thread(self._host.store.owners)
        return any(owner.name == entity and owner.epoch > self._held[entity] for owner in owners)

    async def stop(self) -> None:
        """Take nothing up any more, and end the host once it is drained."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._host.close()

    # ---------------------------------------------------------------- ports.Intake, ports.Operations

    async def take(self, entity: str, news: Sequence[News], size: int, deadline_s: float) -> Sequence[Receipt]:
        """Receipts once everything accepted is durable."""
        return await self._here(entity, self._host.take(entity, news, size, deadline_s))

    async def command(self, entity: str, command: Command) -> bool:
        """Journal a command."""
        return await self._here(entity, self._host.command(entity, command))

    async def trace(self, entity: str, entry_id: str) -> EntryTrace | None:
        """The story of an entry."""
        return await self._here(entity, self._host.trace(entity, entry_id))

    async def worth(self, entity: str, approved: Sequence[EntryApproved]) -> Sequence[Worth]:
        """What each of these would bring if it were taken in now."""
        return await self._here(entity, self._host.worth(entity, approved))

    async def _here(self, entity: str, asked: Awaitable[T]) -> T:
        try:
            return await asked
        except NotOwnerError as fault:
            raise IntakeRefusedError("moving", BUSY_RETRY_MS, self._waiting.get(entity, str(fault))) from None

    async def partitions(self) -> Sequence[PartitionReport]:
        """Every configured partition."""
        return await self._host.partitions()

    async def accounts(self) -> Sequence[AccountReport]:
        """Every account."""
        return await self._host.accounts()

    async def forecasts(self) -> Sequence[Forecast]:
        """When every entity will have cleared."""
        return self._outlook.forecasts

    @property
    def latest(self) -> tuple[Sequence[PartitionReport], Sequence[AccountReport], Sequence[Forecast]]:
        """What a scrape shows."""
        return *self._host.latest, self._outlook.forecasts

    async def hosts(self) -> None:
        """There is no cluster."""

    async def drain(self, who: str, why: str) -> None:
        """Take nothing in any more, finish what is on the wire, give the leases back."""
        if self._task is not None:
            self._task.cancel()
        await self._host.drain(who, why)

    def ready(self) -> str:
        """Empty when entries can be taken in."""
        if self._waiting:
            entity, why = next(iter(self._waiting.items()))
            return f"{entity}: {why}"
        return self._host.ready()
