"""The accounts of one host: a desk for each, and at its counter the owner, or the way to the owner.

    alone:        every account is owned here
    on a cluster: the ownership table says who; a host that finds an account without an owner owns it

An owner grants nothing once its own clock says that its lease is over. A new one lets the leases of its predecessor end
first: what was lent may still leave.
"""

import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from runtime.configuration import has_secret, secret
from runtime.connectors.catalogue import LEDGERS
from runtime.core.account import AccountPolicy
from runtime.core.loans import LEASE_MS, Ask, Lent
from runtime.drivers.clock import Clock
from runtime.drivers.counters import BorrowedAccount, OwnedAccount
from runtime.drivers.desk import Desk
from runtime.ports import AccountReport, JournalError, NotOwnerError, Owner, Store, Transport
from runtime.settings import AccountSettings, Settings

log = logging.getLogger("springtide.account")

Connect = Callable[[str, int], Transport]
OwnerCall = Callable[[Owner, str, Ask], Awaitable[Lent]]
AtTheStore = Callable[[Callable[[], Any]], Awaitable[Any]]


@dataclass(slots=True)
class Seat:
    """An account that this host owns, and until when by its own monotonic clock."""

    owner: Owner
    ends_mono_ms: int


class Accounts:
    """Every account that the partitions of this host use."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        host: str,
        address: str,
        environ: Mapping[str, str],
        connect: Connect,
        call_owner: OwnerCall | None,
        clock: Clock,
        at_the_store: AtTheStore,
    ) -> None:
        """`connect(url, connections)` opens a pool; `call_owner` is None where this host is alone."""
        self.settings = settings
        self.store = store
        self.name = host
        self.address = address
        self.desks: dict[str, Desk] = {}
        self.seats: dict[str, Seat] = {}
        self._environ = environ
        self._connect = connect
        self._call_owner = call_owner
        self._clock = clock
        self._at_the_store = at_the_store
        self._owners: dict[str, Owner] = {}
        self._leaving = False

    async def desk(self, name: str, use: str) -> Desk:
        """The account's desk in this process, with somebody at its counter."""
        desk = self.desks.get(name)
        if desk is not None:
            return desk
        account = self.settings.accounts[name]
        transport = self._connect(account.url, account.concurrent_max + 1)
        # With sessions the secret goes into the login alone, and its token into the calls.
        always = (lambda: "") if account.needs_session else lambda: _credential(account, self._environ)
        scheme = LEDGERS[account.kind](account).scheme if account.needs_session else "Bearer"
        desk = self.desks[name] = Desk(name, use, transport, self._clock, always, account.call_deadline_ms, scheme)
        if self._call_owner is None:
            desk.seat(self._owned(desk, lambda: True, 0))
        else:
            await self._find_owner(desk)
        return desk

    def _owned(self, desk: Desk, valid: Callable[[], bool], opens_in_ms: int) -> OwnedAccount:
        account = self.settings.accounts[desk.name]
        policy = AccountPolicy(
            desk.name,
            quota_calls=account.quota_calls,
            quota_window_ms=account.quota_window_ms,
            concurrent_max=account.concurrent_max,
            needs_session=account.needs_session,
            probe_first_ms=account.probe_first_ms,
            probe_max_ms=account.probe_max_ms,
        )
        return OwnedAccount(
            policy,
            self._clock,
            desk,
            LEDGERS[account.kind](account) if account.needs_session else None,
            lambda: _credential(account, self._environ),
            self.name,
            account.call_deadline_ms,
            opens_in_ms,
            valid,
        )

    async def _find_owner(self, desk: Desk) -> None:
        """Own the account, if nobody does; else borrow from whoever does."""
        if self._leaving:
            return
        assert self._call_owner is not None, "an account is shared on a cluster alone"
        journal = self.settings.journal
        began_ms = self._clock.mono_ms()
        try:
            owner: Owner = await self._at_the_store(
                partial(self.store.claim, f"account:{desk.name}", self.name, self.address, journal.lease_ms)
            )
        except NotOwnerError:
            if desk.counter is None:
                desk.seat(BorrowedAccount(self.name, desk, self._clock, self._ask_owner))
            return
        seat = Seat(owner, began_ms + journal.lease_ms - journal.lease_margin_ms)
        self.seats[desk.name] = seat
        first = owner.epoch == 1
        desk.seat(self._owned(desk, lambda: self._clock.mono_ms() < seat.ends_mono_ms, 0 if first else LEASE_MS))
        log.info("owns the account", extra={"account": desk.name, "host": self.name, "epoch": owner.epoch})

    async def _ask_owner(self, account: str, ask: Ask) -> Lent:
        """Ask whoever owns the account; where that is, the directory knows."""
        assert self._call_owner is not None, "an account is shared on a cluster alone"
        owner = self._owners.get(account)
        if owner is None:
            owners = await self._at_the_store(self.store.owners)
            owner = next((one for one in owners if one.name == f"account:{account}"), None)
            if owner is None:
                raise NotOwnerError(f"nobody owns {account}")
            self._owners[account] = owner
        try:
            return await self._call_owner(owner, account, ask)
        except Exception:
            self._owners.pop(account, None)
            raise

    async def lend(self, account: str, ask: Ask) -> Lent:
        """What another host may start on an account that this one owns. Raises NotOwnerError."""
        seat, desk = self.seats.get(account), self.desks.get(account)
        if seat is None or desk is None or self._clock.mono_ms() >= seat.ends_mono_ms:
            raise NotOwnerError(f"{account} is not owned here")
        assert isinstance(desk.counter, OwnedAccount), f"{account}: owned, and borrowed"
        return await desk.counter.lend(ask)

    # ---------------------------------------------------------------- whose they are

    def renewed(self, kept: Mapping[str, Owner], ends_mono_ms: int) -> None:
        """The leases were renewed: owner by name. An account that is not among them is another host's now."""
        for account, seat in tuple(self.seats.items()):
            owner = kept.get(seat.owner.name)
            if owner is None:
                log.warning("another host owns the account now", extra={"account": account})
                del self.seats[account]
                desk = self.desks[account]
                desk.seat(BorrowedAccount(self.name, desk, self._clock, self._ask_owner))
            elif owner.lease_until_ms > seat.owner.lease_until_ms:
                seat.ends_mono_ms = ends_mono_ms
                seat.owner = owner

    async def take_up(self) -> None:
        """Own what nobody owns any more."""
        if self._call_owner is not None:
            for account, desk in tuple(self.desks.items()):
                if account not in self.seats:
                    await self._find_owner(desk)

    async def give_back(self) -> None:
        """Own nothing any more, so that nobody has to wait for our leases."""
        self._leaving = True
        seats = tuple(self.seats.values())
        self.seats.clear()
        for seat in seats:
            with contextlib.suppress(JournalError):
                await self._at_the_store(partial(self.store.release, seat.owner))

    def reports(self) -> Sequence[AccountReport]:
        """How the accounts stand that this host owns."""
        counters = [desk.counter for desk in self.desks.values()]
        return [counter.report() for counter in counters if isinstance(counter, OwnedAccount)]

    async def close(self) -> None:
        """Let go of counters and pools."""
        for desk in self.desks.values():
            await desk.close()


def _credential(account: AccountSettings, environ: Mapping[str, str]) -> str:
    """The secret as it is now; read at every use, so that a file that was replaced is found without a restart."""
    return secret(account, "credential", environ).reveal() if has_secret(account, "credential") else ""
