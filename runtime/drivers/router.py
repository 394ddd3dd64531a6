"""The gateway's side of a cluster: finds the host that owns an entity, and hands news, commands and questions to it.

    gateway --take--> Router --owner of the entity--> directory (ownership table, cached)
                        |                                 ^ read again when an owner turns out to be wrong
                        `--call--> host   receipts | not owner: look again | refused: say so | anything else: unknown

Rule 1. The ownership table is the directory. What is cached may be old: a host that says NotOwner, or that cannot be
        reached, costs one more look, which everybody who waits shares.
Rule 2. A call that raised is unknown, and is sent again: whoever was served answers "duplicate" (news), or finds
        nothing more to do (commands).
Rule 3. A partition that restarts or moves is waited for until the deadline; then nothing is acknowledged, and the
        sender is asked to come back.
Rule 4. Nobody but the owner takes anything in. A router decides nothing and keeps nothing.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from runtime.core.inputs import Command
from runtime.core.news import EntryApproved, News
from runtime.core.partition.worth import Worth
from runtime.drivers.clock import Clock
from runtime.drivers.reporting import absent
from runtime.drivers.supervisor import HostLostError
from runtime.ports import (
    AccountReport,
    EntryTrace,
    IntakeRefusedError,
    JournalError,
    NotOwnerError,
    Owner,
    PartitionReport,
    Receipt,
    Store,
)
from runtime.settings import Settings

RETRY_AFTER_MS = 2_000
"""What a sender is asked to wait for a partition that moves (ours): a move takes about as long."""
PAUSE_FIRST_S, PAUSE_MAX_S = 0.05, 0.5
"""Between two looks for an owner; doubles in between (ours)."""
LOOK_AGAIN_MS = 50
"""The directory is not read again sooner than this, whoever asks."""
WAIT_LEAST_S = 1.0
"""A host is waited for at least this long before it is asked again (ours)."""
DIRECTORY_OLD_MS = 5_000
"""Nobody sends entries to a gateway whose directory was not read for longer than this (ours)."""
REPORT_SECONDS = 5.0
"""How long a host is waited for when everybody is asked how things stand."""
log = logging.getLogger("springtide.router")
T = TypeVar("T")


class HostCalls(Protocol):
    """A host, as far as the gateway calls it. What these raise besides what they name is unknown."""

    async def take(self, entity: str, news: Sequence[News], size: int, deadline_s: float) -> Sequence[Receipt]:
        """Receipts, once everything accepted is durable. Raises NotOwnerError, IntakeRefusedError."""

    async def command(self, entity: str, command: Command) -> bool:
        """Journal a command; False when it found nothing to do. Raises NotOwnerError, IntakeRefusedError."""

    async def trace(self, entity: str, entry_id: str) -> EntryTrace | None:
        """The story of an entry. Raises NotOwnerError, IntakeRefusedError."""

    async def worth(self, entity: str, approved: Sequence[EntryApproved]) -> Sequence[Worth]:
        """What each of these would bring if it were taken in now. Raises NotOwnerError, IntakeRefusedError."""

    async def partitions(self) -> Sequence[PartitionReport]:
        """Partitions; those that it does not carry are not looked at."""

    async def accounts(self) -> Sequence[AccountReport]:
        """Its connector accounts."""


class Router:
    """Implements `ports.Intake` over many hosts, and `ports.Operations` but for `hosts`: who lives it cannot tell."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        call_host: Callable[[Owner], HostCalls],
        *,
        clock: Clock | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`call_host` gives the host that an owner names; it, and its calls, may raise HostLostError: it is no more."""
        self._store = store
        self._settings = settings
        self._call_host = call_host
        self._clock = clock or Clock()
        self._pause = pause
        self._owners: Mapping[str, Owner] = {}
        self._lost: dict[str, None] = {}
        """Hosts that are certainly no more; nobody asks them again, though their leases may still run."""
        self._read_mono_ms: int | None = None
        self._reading: asyncio.Task[None] | None = None
        self._draining = ""
        self._under_way = 0
        self._all_over = asyncio.Event()

    # ---------------------------------------------------------------- the directory

    async def refresh(self) -> None:
        """Read the directory again, unless that was just done; all who ask share one reading. Raises JournalError."""
        if self._read_mono_ms is not None and self._clock.mono_ms() - self._read_mono_ms < LOOK_AGAIN_MS:
            return
        if self._reading is None:
            self._reading = asyncio.get_running_loop().create_task(self._read(), name="directory")
        await asyncio.shield(self._reading)

    async def _read(self) -> None:
        try:
            now_ms = await asyncio.to_thread(self._store.now_ms)
            owners = await asyncio.to_thread(self._store.owners)
            self._owners = {owner.name: owner for owner in owners if owner.lease_until_ms > now_ms}
            self._read_mono_ms = self._clock.mono_ms()
            named = {owner.host for owner in owners}
            self._lost = {host: None for host in self._lost if host in named}
        finally:
            self._reading = None

    async def _ask_owner(self, entity: str, deadline_s: float, ask: Callable[[HostCalls, float], Awaitable[T]]) -> T:
        """Ask whoever owns the entity, as often as it takes until the deadline."""
        if entity not in self._settings.entities:
            raise KeyError(entity)
        if self._draining:
            raise IntakeRefusedError("moving", RETRY_AFTER_MS, f"this process is ending: {self._draining}")
        ends_ms = self._clock.mono_ms() + int(deadline_s * 1_000)
        pause_s = 0.0
        why = "nobody has carried it yet"
        self._under_way += 1
        try:
            while (left_s := (ends_ms - self._clock.mono_ms()) / 1_000) > 0:
                if pause_s or self._read_mono_ms is None:
                    await self._pause(min(pause_s, left_s))
                    try:
                        await self.refresh()
                    except JournalError as fault:
                        why = f"the directory cannot be read: {fault}"
                pause_s = min(max(2 * pause_s, PAUSE_FIRST_S), PAUSE_MAX_S)
                owner = self._owners.get(entity)
                if owner is None or owner.host in self._lost:
                    continue
                # A host that hangs gets half of the time, so that there is some left for whoever replaced it.
                wait_s = max(left_s / 2, min(left_s, WAIT_LEAST_S))
                try:
                    async with asyncio.timeout(wait_s):
                        return await ask(self._call_host(owner), wait_s)
                except IntakeRefusedError as refused:
                    if refused.bound != "moving":
                        raise
                    why = refused.detail
                except NotOwnerError as fault:
                    why = str(fault)
                except HostLostError as fault:
                    why = f"{owner.host} is lost"
                    if owner.host not in self._lost:
                        self._lost[owner.host] = None
                        log.info("a host is lost", extra={"host": owner.host, "reason": str(fault)})
                except Exception as fault:
                    # Nobody knows what it did, and it is done again (rule 2).
                    why = f"{owner.host} answered {type(fault).__name__}"
                    log.info("a host did not answer", extra={"host": owner.host, "reason": str(fault)})
            raise IntakeRefusedError("moving", RETRY_AFTER_MS, f"{entity}: {why}")
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._all_over.set()

    # ---------------------------------------------------------------- intake

    async def take(self, entity: str, news: Sequence[News], size: int, deadline_s: float) -> Sequence[Receipt]:
        """Receipts once everything accepted is durable. Raises IntakeRefusedError, KeyError."""
        return await self._ask_owner(entity, deadline_s, lambda host, left_s: host.take(entity, news, size, left_s))

    # ---------------------------------------------------------------- for people

    async def command(self, entity: str, command: Command) -> bool:
        """Journal a command; False when it found nothing to do, which a first try that got no answer may have done."""
        seconds = self._settings.limits.take_seconds
        return await self._ask_owner(entity, seconds, lambda host, _: host.command(entity, command))

    async def trace(self, entity: str, entry_id: str) -> EntryTrace | None:
        """The story of an entry; None where it was never heard of."""
        seconds = self._settings.limits.take_seconds
        return await self._ask_owner(entity, seconds, lambda host, _: host.trace(entity, entry_id))

    async def worth(self, entity: str, approved: Sequence[EntryApproved]) -> Sequence[Worth]:
        """What each of these would bring if it were taken in now."""
        seconds = self._settings.limits.take_seconds
        return await self._ask_owner(entity, seconds, lambda host, _: host.worth(entity, approved))

    async def partitions(self) -> Sequence[PartitionReport]:
        """Every configured partition as its owner sees it; of the others, that nobody reports on them.

        While the store is away those are asked who owned something when the directory was last read.
        """
        silent = await self._look()
        told: dict[str, PartitionReport] = {}
        for host, reports in await self._ask_everybody(lambda host: host.partitions()):
            told.update((one.entity, one) for one in reports if self._hosts_of(one.entity) == host)
        now_ms = self._clock.wall_ms()
        return [
            told.get(entity) or absent(entity, where.region, self._owners.get(entity), silent, now_ms)
            for entity, where in self._settings.entities.items()
        ]

    async def accounts(self) -> Sequence[AccountReport]:
        """Every connector account as the hosts that use it see it."""
        await self._look()
        return [one for _, reports in await self._ask_everybody(lambda host: host.accounts()) for one in reports]

    async def _look(self) -> str:
        """Read the directory, if that can be done; what is said of a partition that nobody reports on."""
        try:
            await self.refresh()
        except JournalError as fault:
            log.warning("the directory cannot be read", extra={"reason": fault})
            return "store away: the directory cannot be read"
        return "nobody reports on it"

    def _hosts_of(self, entity: str) -> str:
        owner = self._owners.get(entity)
        return owner.host if owner is not None else ""

    async def _ask_everybody(
        self, ask: Callable[[HostCalls], Awaitable[Sequence[T]]]
    ) -> Sequence[tuple[str, Sequence[T]]]:
        """What every host that owns an entity answers; who does not answer in time is left out."""
        hosts = {owner.host: owner for name, owner in self._owners.items() if name in self._settings.entities}

        async def one(owner: Owner) -> tuple[str, Sequence[T]]:
            try:
                async with asyncio.timeout(REPORT_SECONDS):
                    return owner.host, await ask(self._call_host(owner))
            except Exception as fault:
                log.info("a host did not report", extra={"host": owner.host, "reason": str(fault)})
                return owner.host, ()

        return await asyncio.gather(*(one(hosts[name]) for name in sorted(hosts)))

    async def drain(self, who: str, why: str) -> None:
        """Take nothing in any more and wait for what is under way. The hosts go on: they are others' to end."""
        self._draining = f"{who}: {why}"
        self._all_over.clear()
        if self._under_way:
            await self._all_over.wait()

    def missing(self) -> Sequence[str]:
        """Entities that nobody carried when the directory was last read."""
        return [entity for entity in self._settings.entities if entity not in self._owners]

    def ready(self) -> str:
        """Empty when the directory was read lately and names an owner for some entity; else what is waited for."""
        if self._draining:
            return f"draining: {self._draining}"
        if self._read_mono_ms is None:
            return "the directory was not read yet"
        if self._clock.mono_ms() - self._read_mono_ms > DIRECTORY_OLD_MS:
            return f"store away: the directory was not read for {DIRECTORY_OLD_MS // 1_000} s"
        if len(self.missing()) == len(self._settings.entities):
            return "no partition is carried yet"
        return ""
