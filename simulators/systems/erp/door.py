"""The door of one ERP account: maintenance, login, lock-out, quota, and how long an answer takes.

A call that is turned away here touched no row: every answer of this file is definite. The order is that of a gateway:
maintenance, then the user, then the token, then the quota.
"""

from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from math import exp, log
from statistics import NormalDist
from typing import NamedTuple

from runtime.ports import Response
from simulators.chance import chance
from simulators.systems.erp.wire import write
from simulators.systems.erp_profile import ErpProfile, Latency, Quota
from simulators.systems.maintenance import Window, Windows
from simulators.systems.reply import JSON, error, seconds_until


class TurnedAway(NamedTuple):
    """Why a call got no further, and what it heard."""

    outcome: str
    response: Response


class SlidingQuota:
    """At most so many calls in any window; `None` settings mean no quota."""

    def __init__(self, settings: Quota | None) -> None:
        self._settings = settings
        self._calls: deque[int] = deque()
        self._eaten: list[tuple[int, int, int]] = []

    def eat(self, from_ms: int, until_ms: int, left: int) -> None:
        """Somebody else uses the quota between these instants: only so many calls of a window are left for us."""
        self._eaten.append((from_ms, until_ms, left))

    def over(self, now_ms: int) -> Response | None:
        """Count this call; the 429 when it is one too many."""
        settings = self._settings
        if settings is None:
            return None
        calls = self._calls
        while calls and calls[0] <= now_ms - settings.window_ms:
            calls.popleft()
        left = settings.calls
        for from_ms, until_ms, so_many in self._eaten:
            if from_ms <= now_ms < until_ms:
                left = min(left, so_many)
        if len(calls) < left:
            calls.append(now_ms)
            return None
        if settings.refused_calls_count:
            # Only the latest calls decide when the next one passes.
            calls.append(now_ms)
            calls.popleft()
        again_ms = calls[len(calls) - left] + settings.window_ms
        return error(429, "throttled", {"Retry-After": seconds_until(again_ms, now_ms)} if settings.retry_after else {})


class User:
    """The integration user: one credential at a time, tokens, and a lock after too many failed logins."""

    def __init__(self, profile: ErpProfile) -> None:
        self._settings = profile.login
        self._credential: str | None = profile.login.credential
        self._tokens: dict[str, int] = {}
        self._tokens_ever = 0
        self._failures = 0
        self.locked_until_ms = 0

    def locked(self, now_ms: int) -> Response | None:
        """The 403 of a user who is locked out."""
        return error(403, "locked_out") if now_ms < self.locked_until_ms else None

    def refused(self, headers: Mapping[str, str], now_ms: int) -> Response | None:
        """The 401 of a call without a token that is valid now."""
        if not self._settings.required:
            return None
        token = header(headers, "Authorization").removeprefix("Bearer ")
        return None if now_ms < self._tokens.get(token, 0) else error(401, "login")

    def log_in(self, credential: str, now_ms: int) -> Response:
        """A token for the right credential; a wrong one counts towards the lock."""
        if self._credential is None or credential != self._credential:
            self.fail(1, now_ms)
            return self.locked(now_ms) or error(401, "login")
        self._failures = 0
        self._tokens_ever += 1
        life_ms, token = self._settings.token_life_ms, f"T-{self._tokens_ever}"
        self._tokens = {old: until for old, until in self._tokens.items() if now_ms < until}
        self._tokens[token] = now_ms + life_ms
        return Response(200, JSON, write({"token": token, "expires_in_ms": life_ms}))

    def fail(self, times: int, now_ms: int) -> None:
        """Count failed logins, ours or somebody else's with the same user."""
        self._failures += times
        if self._failures >= self._settings.failures_allowed:
            self._failures = 0
            self.locked_until_ms = now_ms + self._settings.locked_out_ms

    def change_credential(self, credential: str | None) -> None:
        """Make another credential the valid one (None: none is); tokens of the old one end at once."""
        self._credential = credential
        self._tokens.clear()

    def end_sessions(self) -> None:
        """Every token ends; the credential stays good."""
        self._tokens.clear()

    def unlock(self) -> None:
        """A person lets the user in again; failed logins count from none."""
        self._failures = 0
        self.locked_until_ms = 0


QUANTILES = 4096
"""In how many steps a draw of a latency falls."""


@lru_cache(maxsize=16)
def _quantiles(p50_ms: int, p99_ms: int) -> tuple[int, ...]:
    """The log-normal distribution with these percentiles, from fast to slow; a small world lasts not much longer."""
    normal = NormalDist()
    sigma = log(p99_ms / p50_ms) / normal.inv_cdf(0.99)
    return tuple(round(p50_ms * exp(sigma * normal.inv_cdf((step + 0.5) / QUANTILES))) for step in range(QUANTILES))


class Pace:
    """How long an answer takes: a log-normal draw per named call, and a share for each row."""

    def __init__(self, latency: Latency, account: str, seed: int) -> None:
        self._latency, self._account, self._seed = latency, account, seed
        self._quantiles = _quantiles(latency.p50_ms, latency.p99_ms)

    def of(self, call: str, rows: int) -> int:
        """Milliseconds for this call with so many rows."""
        drawn = self._quantiles[chance(self._seed, "erp/latency", self._account, call) % QUANTILES]
        return drawn + rows * self._latency.per_row_us // 1000


class Door:
    """Everything a call passes before a row is looked at."""

    def __init__(self, profile: ErpProfile) -> None:
        self.user = User(profile)
        self.quota = SlidingQuota(profile.quota)
        self._windows = Windows()

    def close(self, window: Window) -> None:
        """The system is closed in this window."""
        self._windows.add(window)

    def closed(self, now_ms: int) -> TurnedAway | None:
        """The maintenance answer, while the system is closed."""
        response = self._windows.closed(now_ms)
        return None if response is None else TurnedAway("maintenance", response)

    def turned_away(self, headers: Mapping[str, str], now_ms: int) -> TurnedAway | None:
        """Why this call gets no further; None when it is let in, and counted."""
        closed = self.closed(now_ms)
        if closed is not None:
            return closed
        if locked := self.user.locked(now_ms):
            return TurnedAway("locked_out", locked)
        if refused := self.user.refused(headers, now_ms):
            return TurnedAway("login", refused)
        if over := self.quota.over(now_ms):
            return TurnedAway("throttled", over)
        return None


def header(headers: Mapping[str, str], name: str) -> str:
    """A header's value; servers hand header names on in lower case, connectors do not."""
    return headers.get(name) or headers.get(name.lower()) or ""
