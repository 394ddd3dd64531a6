"""Partitions move to and fro between two hosts that share their accounts, while stores and wires fail by chance.

What fails follows from a seed; what it meets depends on the moment, so every run is another story under the same rules.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from runtime.core.news import ConfigurationPublished, EntryNews, News
from runtime.drivers import lane
from runtime.drivers.on_asyncio import Host
from runtime.journal.memory import MemoryJournal, MemoryStore
from runtime.ports import (
    IntakeRefusedError,
    NotOwnerError,
    Owner,
    Request,
    Response,
    StoreAwayError,
    StoreFullError,
)
from simulators.chance import chance
from tests.runtime.drivers.a_host import PATIENCE_S, Ground, until
from tests.runtime.drivers.test_on_asyncio import posted, run

SEED = 20_261_120
ENTRIES = 400
LUMP = 25
MOVES = 6
SENDER_S = 1.0
"""How long a sender waits before it delivers again."""
PROMPT = ConfigurationPublished(1, (("back_off_ms", "100"), ("back_off_max_ms", "100")))
"""A question that got no answer is asked again soon."""


class Luck:
    """What fails, for as long as it is bad."""

    def __init__(self) -> None:
        self.bad = True
        self.struck: dict[str, int] = {}

    def strikes(self, what: str, per_mille: int) -> bool:
        """Whether this misfortune happens now."""
        count = self.struck[what] = self.struck.get(what, 0) + 1
        return self.bad and chance(SEED, what, count) % 1_000 < per_mille

    def befalls(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """A durable step that is refused now and then, or taken without a word of it."""

        def taken(*words: Any) -> Any:
            if self.strikes("away before", 15):
                raise StoreAwayError("before")
            if self.strikes("full", 5):
                raise StoreFullError("full")
            done = step(*words)
            if self.strikes("away after", 15):
                raise StoreAwayError("after")
            return done

        return taken


class UnluckyStore(MemoryStore):
    """A store whose journals fail as luck will have it."""

    def __init__(self, luck: Luck) -> None:
        super().__init__()
        self._luck = luck

    def journal(self, owner: Owner) -> MemoryJournal:
        """The journal of an owner."""
        journal = super().journal(owner)
        journal.commit = self._luck.befalls(journal.commit)  # type: ignore[method-assign]  # fails by chance
        journal.checkpoint = self._luck.befalls(journal.checkpoint)  # type: ignore[method-assign]  # fails by chance
        return journal


def test_whatever_fails_while_partitions_move_every_entry_stands_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No entry is lost or doubled, the chain of every journal holds, no account is overrun, and no permit is lost."""
    monkeypatch.setattr(lane, "REST_FIRST_S", 0.01)

    async def story() -> None:
        luck = Luck()
        async with Ground(UnluckyStore(luck)) as ground:

            async def swallow(_account: str, request: Request, response: Response) -> Response | None:
                lost = request.path.endswith("/batches") and luck.strikes("answer", 100)
                return None if lost else response

            ground.after_call = swallow
            luck.bad = False
            account = {"batch_max": 10, "concurrent_max": 4, "late_landing_ms": 20}
            account |= {"probe_first_ms": 100, "probe_max_ms": 200}
            journal = {"window": 100, "checkpoint_every": 17}
            hosts = [
                await ground.host(name, carry, together=True, journal=journal, account=account)
                for name, carry in (("one", None), ("two", ()))
            ]
            at = dict.fromkeys(ground.firm.by_code, 0)
            for entity in at:
                await hosts[0].take(entity, [PROMPT], 100, PATIENCE_S)
            luck.bad = True
            published = ground.approve(ENTRIES, corrections_ppm=100_000, withdrawals_ppm=50_000)
            fed = dict.fromkeys(at, 0)

            async def feed(entity: str, news: Sequence[EntryNews]) -> None:
                while fed[entity] < len(news):
                    lump = list[News](news[fed[entity] : fed[entity] + LUMP])
                    try:
                        await hosts[at[entity]].take(entity, lump, 100, SENDER_S)
                        fed[entity] += len(lump)
                    except (IntakeRefusedError, NotOwnerError):
                        await asyncio.sleep(0.01)

            async def move() -> None:
                for number in range(MOVES):
                    entity = sorted(at)[chance(SEED, "who moves", number) % len(at)]
                    due = ENTRIES * number // (3 * MOVES)

                    async def so_far(due: int = due) -> bool:
                        return await posted(*hosts) >= due

                    await until(so_far)
                    await hosts[at[entity]].let_go(entity, (0.0, 0.01, 0.1)[number % 3])
                    at[entity] = 1 - at[entity]
                    await hosts[at[entity]].carry(entity)

            await asyncio.gather(*(feed(entity, news) for entity, news in published.items()), move())
            luck.bad = False
            await ground.settled(*hosts)
            assert ground.breaches() == {}
            assert await posted(*hosts) > ENTRIES // 2
            for host in hosts:
                for carried in host.lanes.values():
                    carried._journal.verify()
            await until(lambda: nothing_out(hosts))
            assert max(ground.most_on_the_wire[name] for name in ground.firm.erps) <= 4

    run(story())


async def nothing_out(hosts: Sequence[Host]) -> bool:
    """Whether every permit came back to its account."""
    accounts = [account for host in hosts for account in await host.accounts()]
    return bool(accounts) and all(account.on_the_wire == 0 for account in accounts)
