"""The two counters of an account: the machine itself, for whoever owns it, and the way to it for everybody else.

    desk --ask, words--> OwnedAccount --grants--> desk
                             ^   |
              Ask, words     |   | Lent: grants, token          (from host to host)
                             |   v
    desk --ask, words--> BorrowedAccount --grants--> desk

What is lent, for how long, and what becomes of a loan of which nobody hears stands in `core/loans.py`.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from runtime.connectors.catalogue import Ledger
from runtime.core.account import (
    AccountInput,
    AccountPolicy,
    CallAbandoned,
    CallLeft,
    LoginAnswered,
    Mode,
    PermitUnused,
)
from runtime.core.loans import LEASE_MS, Ask, Lent, Loans, came_back, lend, overdue
from runtime.drivers.account_shell import AccountShell
from runtime.drivers.clock import Clock
from runtime.drivers.desk import Desk
from runtime.ports import AccountReport

LOGIN_SECONDS = 30.0
"""How long a login may take (ours)."""
LEND_WAIT_S = 0.25
"""How long an owner lets a borrower wait for a grant before it answers that there is none (ours)."""
REST_S = 1.0
"""How long a borrower rests when its owner does not answer (ours)."""
log = logging.getLogger("springtide.account")

LendCall = Callable[[str, Ask], Awaitable[Lent]]
"""Asks the owner of an account, wherever it is. Raises whatever the way there raises."""


class OwnedAccount:
    """The account machine, for the partitions of this process and for hosts that borrow."""

    def __init__(
        self,
        policy: AccountPolicy,
        clock: Clock,
        desk: Desk,
        login: Ledger | None,
        credential: Callable[[], str],
        host: str,
        longest_call_ms: int,
        opens_in_ms: int = 0,
        valid: Callable[[], bool] = lambda: True,
    ) -> None:
        """`opens_in_ms` lets the leases of a predecessor end first; `valid()` tells whether we still own the account.

        `login` is None where the system knows no sessions.
        """
        self.token = ""
        self._clock = clock
        self._desk = desk
        self._login = login
        self._credential = credential
        self._host = host
        self._longest_call_ms = longest_call_ms
        self._opens_mono_ms = clock.mono_ms() + opens_in_ms
        self._valid = valid
        self._closed = False
        self._loans = Loans()
        self._borrowers: dict[str, str] = {}
        self._outbox: dict[str, deque[str]] = {}
        self._news: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._shell = AccountShell(policy, clock.wall_ms, self._at, self._grant, self._begin_login, self._mode_changed)
        self.hear = self._shell.hear
        if opens_in_ms:
            self._at(clock.wall_ms() + opens_in_ms, self.pump)

    def _at(self, at_ms: int, act: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(max(0, at_ms - self._clock.wall_ms()) / 1_000, act)

    def ask(self, entity: str, calls: int) -> None:
        """A partition would start so many calls."""
        self._borrowers.pop(entity, None)
        self._shell.ask(entity, calls)

    def pump(self) -> None:
        """Grant what may be granted, as long as the account is ours and open to us."""
        if not self._closed and self._valid() and self._clock.mono_ms() >= self._opens_mono_ms:
            self._write_off()
            self._shell.pump()

    def _write_off(self) -> None:
        """Loans of which nobody will hear: a borrower is gone. That says nothing of the system."""
        for host, loans in overdue(self._loans, self._clock.wall_ms()).items():
            outbox = self._outbox.get(host)
            for _ in range(loans):
                self.hear(CallAbandoned())
                if outbox:
                    outbox.popleft()

    def _grant(self, entity: str) -> None:
        self.hear(CallLeft(entity))
        host = self._borrowers.get(entity)
        if host is None:
            self._desk.permit(entity)
            return
        lend(self._loans, host, self._clock.wall_ms(), self._longest_call_ms)
        self._outbox.setdefault(host, deque()).append(entity)
        if host in self._news:
            self._news[host].set()

    async def lend(self, ask: Ask) -> Lent:
        """What another host may start now; waits a moment when there is nothing yet."""
        for word in ask.words:
            if came_back(self._loans, ask.host):
                self.hear(word)
        for entity, calls in ask.demand.items():
            self._borrowers[entity] = ask.host
            self._shell.ask(entity, calls)
        gone = [e for e, host in self._borrowers.items() if host == ask.host and e not in ask.demand]
        for entity in gone:
            self._shell.ask(entity, 0)
            del self._borrowers[entity]
        self.pump()
        outbox = self._outbox.setdefault(ask.host, deque())
        if not outbox and ask.demand:
            news = self._news.setdefault(ask.host, asyncio.Event())
            news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), LEND_WAIT_S)
        granted = tuple(outbox)
        outbox.clear()
        return Lent(granted, LEASE_MS, self.token)

    def _mode_changed(self, mode: Mode, now_ms: int) -> None:
        log.info("the account is %s", mode, extra={"account": self._desk.name})

    def _begin_login(self) -> None:
        task = asyncio.get_running_loop().create_task(self._log_in(), name=f"login {self._desk.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _log_in(self) -> None:
        assert self._login is not None, f"{self._desk.name}: a login without sessions"
        answered = LoginAnswered(None, None)
        try:
            request = self._login.build_login(self._credential())
            response = await self._desk.transport.send(request, LOGIN_SECONDS)
            read = None if response is None else self._login.read_login(response)
            if isinstance(read, tuple):
                self.token = read[0]
                answered = LoginAnswered(read[1], None)
            else:
                answered = LoginAnswered(None, read)
        finally:
            self.hear(answered)
            self.pump()

    def report(self) -> AccountReport:
        """How the account stands."""
        account = self._shell.account
        policy = account.policy
        horizon_ms = self._clock.wall_ms() - policy.quota_window_ms
        return AccountReport(
            account=self._desk.name,
            host=self._host,
            mode=account.mode,
            since_ms=account.since_ms,
            until_ms=account.until_ms,
            quota_calls=policy.quota_calls,
            quota_used=sum(1 for left_ms in account.sent if left_ms > horizon_ms),
            quota_window_ms=policy.quota_window_ms,
            on_the_wire=account.on_the_wire,
            waiting=dict(account.demand),
        )

    def close(self) -> None:
        """Grant nothing any more."""
        self._closed = True
        for task in self._tasks:
            task.cancel()


# ------------------------------------------------------------------ owned elsewhere


class BorrowedAccount:
    """The way to the owner of an account: says what is wanted and what came of it, and takes what is lent."""

    def __init__(self, host: str, desk: Desk, clock: Clock, call_owner: LendCall) -> None:
        self.token = ""
        self._host = host
        self._desk = desk
        self._clock = clock
        self._call_owner = call_owner
        self._demand: dict[str, int] = {}
        self._words: list[AccountInput] = []
        self._wanted = asyncio.Event()
        self._asking: set[asyncio.Task[None]] = set()
        self._resting = False
        self._unsaid = False
        """Something changed since the last question."""
        self._task = asyncio.get_running_loop().create_task(self._borrow(), name=f"borrow {desk.name}")

    def ask(self, entity: str, calls: int) -> None:
        """A partition would start so many calls."""
        if calls:
            self._demand[entity] = calls
        else:
            self._demand.pop(entity, None)
        self._unsaid = True
        self._wanted.set()

    def hear(self, word: AccountInput) -> None:
        """Word of a lent call: the owner hears it with the next question."""
        self._words.append(word)
        self._unsaid = True
        self._wanted.set()

    def pump(self) -> None:
        """Nothing is granted here."""

    async def _borrow(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            # One question may wait at the owner for a grant. Word of a call must not wait with it: it frees room there.
            if self._asking and (self._resting or not self._words):
                continue
            task = asyncio.get_running_loop().create_task(self._ask())
            self._asking.add(task)
            task.add_done_callback(self._asked)

    def _asked(self, task: "asyncio.Task[None]") -> None:
        self._asking.discard(task)
        if self._demand or self._unsaid:
            self._wanted.set()

    async def _ask(self) -> None:
        asked_ms = self._clock.mono_ms()
        words, self._words, self._unsaid = tuple(self._words), [], False
        try:
            lent = await self._call_owner(self._desk.name, Ask(self._host, dict(self._demand), words))
        except Exception as fault:
            # The owner is gone or moves: nothing is granted meanwhile, and what it lent is overdue by itself.
            log.warning(
                "the account's owner did not answer",
                extra={"account": self._desk.name, "reason": type(fault).__name__},
            )
            self._resting = True
            try:
                await asyncio.sleep(REST_S)
            finally:
                self._resting = False
            return
        self.token = lent.token
        in_time = self._clock.mono_ms() < asked_ms + lent.lease_ms
        for entity in lent.grants:
            if in_time:
                left = self._demand.get(entity, 0) - 1
                if left > 0:
                    self._demand[entity] = left
                else:
                    self._demand.pop(entity, None)
                self._desk.permit(entity)
            else:
                self.hear(PermitUnused())

    def close(self) -> None:
        """Ask for nothing any more."""
        for task in (self._task, *self._asking):
            task.cancel()
