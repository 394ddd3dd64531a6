"""The shell around one account: hear, apply, grant. Every driver turns the same crank around it.

    hear(word)      decide -> apply
    ask(entity, n)  a partition would start n calls
    pump()          what time brings, then who may start a call, until there is nothing more to grant

Nothing is decided here and nothing is journalled: a new process learns anew what the account allows.
"""

from collections.abc import Callable, Iterable

from runtime.core.account import (
    Account,
    AccountInput,
    AccountPolicy,
    AccountRecord,
    Asked,
    Grant,
    LoginBegan,
    Mode,
    account_next_due_ms,
    apply_account,
    decide_account,
    due_account,
    time_passed,
)


class AccountShell:
    """One account in one process; the driver brings the clock, the timer, and what a grant and a login mean."""

    def __init__(
        self,
        policy: AccountPolicy,
        now_ms: Callable[[], int],
        at: Callable[[int, Callable[[], None]], None],
        grant: Callable[[str], None],
        log_in: Callable[[], None],
        on_mode: Callable[[Mode, int], None] | None = None,
    ) -> None:
        """`at(instant, act)` lets `act` happen then; `grant(entity)` starts one call, or asks for none any more.

        `on_mode(mode, now_ms)` is told of every change of the account's mode.
        """
        self.account = Account(policy)
        self._now_ms = now_ms
        self._at = at
        self._grant = grant
        self._log_in = log_in
        self._on_mode = on_mode
        self._pumping = False
        self._again = False
        self._timer_ms = -1

    def hear(self, word: AccountInput) -> None:
        """Take in what was heard of the account; `pump` acts on it."""
        now_ms = self._now_ms()
        self._apply(decide_account(self.account, word, now_ms), now_ms)

    def ask(self, entity: str, calls: int) -> None:
        """A partition would start so many calls if it were free to."""
        if self.account.demand.get(entity, 0) != calls:
            self.hear(Asked(entity, calls))

    def _apply(self, records: Iterable[AccountRecord], now_ms: int) -> None:
        account = self.account
        for record in records:
            before = account.mode
            apply_account(account, record, now_ms)
            if account.mode is not before and self._on_mode is not None:
                self._on_mode(account.mode, now_ms)

    def pump(self) -> None:
        """Grant what may be granted, until there is nothing more to grant."""
        if self._pumping:
            self._again = True
            return
        self._pumping = True
        try:
            self._again = True
            while self._again:
                self._again = False
                now_ms = self._now_ms()
                self._apply(time_passed(self.account, now_ms), now_ms)
                for item in due_account(self.account, now_ms):
                    if isinstance(item, Grant):
                        self._grant(item.entity)
                    else:
                        self._apply([LoginBegan()], now_ms)
                        self._log_in()
        finally:
            self._pumping = False
        self.set_timer()

    def set_timer(self) -> None:
        """Look again when the account has something to say of its own."""
        now_ms = self._now_ms()
        due_ms = account_next_due_ms(self.account, now_ms)
        if due_ms is None:
            return
        due_ms = max(due_ms, now_ms + 1)
        if not now_ms < self._timer_ms <= due_ms:
            self._timer_ms = due_ms
            self._at(due_ms, self.pump)
