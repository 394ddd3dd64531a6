"""One connector account as the partitions of this process see it: permits, a transport, and words for its owner.

    lane --ask--> Desk --> Counter: owned here (OwnedAccount), or by another host (BorrowedAccount)
    lane <--permit-- Desk <--grant--'
    lane --call--> transport --> foreign system --> word for the counter, answer for the lane

A grant counts as a call that left: between the grant and the first byte lies a durable step, and meanwhile nobody else
may be given the same room. A lane that finds nothing to send gives the permit back (`unused`).
"""

from collections.abc import Callable
from typing import Protocol

from runtime.core.account import (
    AccountInput,
    CallAbandoned,
    CallServed,
    CallSilent,
    CallTurnedAway,
    PermitUnused,
)
from runtime.core.answers import CallAnswer, Silent, TurnedAway
from runtime.core.effects import Effect
from runtime.drivers.clock import Clock
from runtime.ports import Connector, Request, Transport


class Lane(Protocol):
    """A partition, as far as its accounts know it."""

    def permit(self, name: str) -> None:
        """One call may start."""


class Counter(Protocol):
    """Who grants calls of an account: its owner, or the way to its owner."""

    token: str

    def ask(self, entity: str, calls: int) -> None:
        """A partition of this process would start so many calls."""

    def hear(self, word: AccountInput) -> None:
        """Word of a call, or of a permit that was not needed."""

    def pump(self) -> None:
        """Grant what may be granted."""

    def close(self) -> None:
        """End."""


class Desk:
    """One account in this process."""

    def __init__(
        self,
        name: str,
        use: str,
        transport: Transport,
        clock: Clock,
        credential: Callable[[], str],
        deadline_ms: int,
        scheme: str = "Bearer",
    ) -> None:
        """`use` is "erp" or "psa". `credential` is sent with every call where the system knows no sessions.

        `deadline_ms` is how long a call of this account may take before it is given up. `scheme` stands before the
        token of a session.
        """
        self._deadline_s = deadline_ms / 1_000
        self._scheme = scheme
        self.name = name
        self.use = use
        self.transport = transport
        self.lanes: dict[str, Lane] = {}
        self._clock = clock
        self._credential = credential
        self._demand: dict[str, int] = {}
        self.counter: Counter | None = None
        self._out = 0
        """Permits of which no word came yet."""
        self._of_others = 0
        """Those among them that a former counter gave; the present one never counted them."""

    def seat(self, counter: Counter) -> None:
        """From now on this counter grants; what was asked of the one before is asked of it."""
        if self.counter is not None:
            self.counter.close()
        self._of_others = self._out
        self.counter = counter
        for entity, calls in self._demand.items():
            counter.ask(entity, calls)
        counter.pump()

    def ask(self, entity: str, calls: int) -> None:
        """A partition would start so many calls if it were free to."""
        if calls:
            self._demand[entity] = calls
        else:
            self._demand.pop(entity, None)
        if self.counter is not None:
            self.counter.ask(entity, calls)

    def pump(self) -> None:
        """Grant what may be granted."""
        if self.counter is not None:
            self.counter.pump()

    def permit(self, entity: str) -> None:
        """One call of this entity may start; if nobody is there to start it, the permit goes back."""
        self._out += 1
        lane = self.lanes.get(entity)
        if lane is None:
            self.ask(entity, 0)
            self.unused()
            return
        calls = self._demand.get(entity, 0)
        if calls > 1:
            self._demand[entity] = calls - 1
        else:
            self._demand.pop(entity, None)
        lane.permit(self.use)

    def unused(self) -> None:
        """A lane had a permit and nothing to send."""
        self._say(PermitUnused())

    def _say(self, word: AccountInput) -> None:
        """Exactly one word for each permit."""
        self._out -= 1
        if self._of_others:
            self._of_others -= 1
        elif self.counter is not None:
            self.counter.hear(word)

    async def call(self, effect: Effect, request: Request, connector: Connector, entity: str = "") -> CallAnswer:
        """Put a call of an entity on the wire and read what came of it. Cancelled: nobody knows."""
        left_ms = self._clock.wall_ms()
        word: AccountInput = CallAbandoned()
        try:
            response = await self.transport.send(self._signed(request), self._deadline_s)
            answer: CallAnswer = Silent() if response is None else connector.read(effect, response)
            if isinstance(answer, TurnedAway):
                word = CallTurnedAway(left_ms, answer.door, answer.retry_after_ms, entity)
            elif isinstance(answer, Silent):
                word = CallSilent(left_ms)
            else:
                word = CallServed(left_ms, entity)
        finally:
            self._say(word)
            self.pump()
        return answer

    def _signed(self, request: Request) -> Request:
        token = (self.counter.token if self.counter is not None else "") or self._credential()
        headers = {**request.headers, "Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"{self._scheme} {token}"
        return Request(request.method, request.path, headers, request.body)

    async def close(self) -> None:
        """Let go of counter and transport."""
        if self.counter is not None:
            self.counter.close()
        await self.transport.close()
