"""Approved time in a real Tryton: all of it, once, at its last version, whatever happens to answers and server."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from runtime.core.answers import LinesFound, RefusedAsOne
from runtime.core.effects import LookUp, SendBatch
from runtime.core.model import Leg
from runtime.core.news import EntryApproved
from runtime.ports import Response
from scenarios.real.billing import bill
from scenarios.real.tryton import RealTryton
from tests.real.tryton.a_feed import Feed, id_of

MONTH = (date(2026, 3, 1), date(2026, 3, 31))


def run(story: Coroutine[Any, Any, None]) -> None:
    """Carry out a story to its end."""
    asyncio.run(story)


def test_keyed_what_was_approved_stands_and_what_was_corrected_is_taken_back(keyed: RealTryton) -> None:
    """Set and hours in Tryton are those of the source, with corrections and withdrawals of what stood already."""

    async def story() -> None:
        async with Feed(keyed) as feed:
            await feed.start()
            news = feed.approve(60, corrections_ppm=150_000, withdrawals_ppm=100_000)
            first = {id_of(one): one for one in reversed(news)}
            await feed.deliver(list(first.values()))
            await feed.settled()
            await feed.deliver([one for one in news if first[id_of(one)] is not one])
            await feed.settled()
            assert feed.stands() == feed.wanted()
            keys = feed.keys()
            assert len(keys) == len(set(keys))
            assert any("/reverse/" in key for key in keys)

    run(story())


def test_unkeyed_what_was_approved_stands_and_what_has_to_be_taken_back_waits_for_a_person(
    unkeyed: RealTryton,
) -> None:
    """Stock Tryton takes no negative time: nothing is deleted or changed behind anybody's back."""

    async def story() -> None:
        async with Feed(unkeyed) as feed:
            await feed.start()
            news = feed.approve(40)
            await feed.deliver(news)
            await feed.settled()
            assert feed.stands() == feed.wanted()
            corrected = next(one for one in news if isinstance(one, EntryApproved) and id_of(one) in feed.wanted())
            entry = replace(corrected.entry, version=2, quantity=corrected.entry.quantity + 1)
            before = feed.stands()
            await feed.deliver([replace(corrected, entry=entry)])
            await feed.settled()
            assert sum((await feed.parked()).values()) == 1
            assert feed.stands() == before

    run(story())


def loses_answers(feed: Feed, every: int) -> None:
    """Of every so many batches the answer of one is lost, after Tryton has stored it."""

    async def lost(response: Response | None) -> Response | None:
        return None if feed.batches % every == 0 else response

    feed.after_batch = lost


def test_answers_that_are_lost_after_the_commit_cost_nothing_and_double_nothing(
    keyed: RealTryton, unkeyed: RealTryton
) -> None:
    """In either mode every doubt is settled by asking: what is there is not sent again."""

    async def story(erp: RealTryton) -> None:
        async with Feed(erp, batch_max=10) as feed:
            loses_answers(feed, 2)
            await feed.start()
            await feed.deliver(feed.approve(60))
            await feed.settled()
            assert feed.stands() == feed.wanted()
            keys = feed.keys()
            assert len(keys) == len(set(keys))

    run(story(keyed))
    run(story(unkeyed))


def test_a_server_that_is_killed_and_a_database_that_goes_away_are_waited_for(keyed: RealTryton) -> None:
    """Killed in the middle of batches, then without its database: afterwards everything stands once."""

    async def story() -> None:
        async with Feed(keyed, batch_max=10) as feed:
            killed = asyncio.Event()

            async def strike() -> None:
                if feed.batches == 3:
                    killed.set()

            feed.before_batch = strike
            await feed.start()
            await feed.deliver(feed.approve(80))
            await killed.wait()
            await asyncio.to_thread(keyed.kill)
            await asyncio.sleep(1)
            await asyncio.to_thread(keyed.start)
            await feed.deliver(feed.approve(40))
            await asyncio.to_thread(keyed.database_stops)
            await asyncio.sleep(1)
            await asyncio.to_thread(keyed.database_starts)
            await feed.settled()
            assert feed.stands() == feed.wanted()
            keys = feed.keys()
            assert len(keys) == len(set(keys))

    run(story())


def test_a_session_that_ended_is_opened_again(keyed: RealTryton) -> None:
    """Everybody is logged out in the middle; no row is blamed for it."""

    async def story() -> None:
        async with Feed(keyed, batch_max=10) as feed:
            await feed.start()
            await feed.deliver(feed.approve(20))
            await feed.settled()
            keyed.forget_sessions()
            feed.session_is_old()
            await feed.deliver(feed.approve(20))
            await feed.settled()
            assert feed.stands() == feed.wanted()
            assert await feed.parked() == {}

    run(story())


def test_a_period_that_is_closed_takes_nothing_more_and_nothing_is_lost(keyed: RealTryton) -> None:
    """Rows for a period that finance has closed go into the next open one, with that date, or to a person."""

    async def story() -> None:
        async with Feed(keyed, batch_max=10) as feed:
            await feed.start()
            await feed.deliver(feed.approve(20))
            await feed.settled()
            client = keyed.client()
            closed = client.find("account.period", ["start_date", "=", MONTH[0]])
            client.call("model.account.period.close", closed)
            before = len(feed.keys())
            await feed.deliver(feed.approve(20))
            await feed.settled()
            parked = sum((await feed.parked()).values())
            late = client.find("timesheet.line", ["accounting_date", ">", MONTH[1]])
            assert len(feed.keys()) == before + len(late)
            assert len(late) + parked == sum(1 for _ in feed.wanted()) - before

    run(story())


def test_a_field_that_the_server_does_not_know_parks_rows_and_stops_nothing_else(unkeyed: RealTryton) -> None:
    """Keyed rows before a Tryton without our module: each waits for a person, with the name of what is not known."""

    async def story() -> None:
        unkeyed.mode = "keyed"
        try:
            async with Feed(unkeyed, batch_max=5) as feed:
                await feed.start()
                news = feed.approve(10)
                await feed.deliver(news)
                await feed.settled()
                assert sum((await feed.parked()).values()) == len(feed.wanted())
                assert {report.mode for report in await feed.host.accounts()} == {"open"}
        finally:
            unkeyed.mode = "unkeyed"

    run(story())


def test_invoices_say_what_hours_and_rates_do_and_nothing_is_billed_twice(keyed: RealTryton) -> None:
    """Billing up to the cut-off, and again: every line on one posted invoice, hours times rate to the cent."""

    async def story() -> None:
        async with Feed(keyed) as feed:
            await feed.start()
            await feed.deliver(feed.approve(60))
            await feed.settled()
            client = keyed.client()
            numbers: list[list[int]] = []
            for _ in range(2):
                for one in keyed.crosswalk.values():
                    bill(client, one.company, MONTH[1], MONTH[1])
                numbers.append(client.find("account.invoice", ["state", "=", "posted"]))
            assert numbers[0] == numbers[1] != []
            fields = ("quantity", "unit_price", "amount")
            lines = {one["id"]: one for one in client.read("account.invoice.line", fields=fields)}
            assert feed.invoiced() == {number: Decimal(str(one["quantity"])) for number, one in lines.items()}
            assert sum(feed.invoiced().values()) == sum(feed.wanted().values())
            assert all(Decimal(str(one["quantity"])) * one["unit_price"] == one["amount"] for one in lines.values())

    run(story())


def test_the_database_settles_who_was_first(keyed: RealTryton) -> None:
    """The same row from two sides at once is there once, and the other side is told that it is."""

    async def story() -> None:
        async with Feed(keyed) as feed:
            await feed.start()
            await feed.deliver(feed.approve(20))
            await feed.settled()
            entity = next(iter(keyed.crosswalk))
            lane = feed.host.lanes[entity]
            shell = lane._shell
            assert shell is not None
            standing = next(one.standing for one in shell.state.entries.values() if one.standing is not None)
            row = shell.policy.freeze(replace(standing, leg=Leg.POST))
            connector, desk = lane._connectors["erp"], lane._desks["erp"]
            again = SendBatch("again", (row, shell.policy.freeze(replace(standing, key=f"{standing.key}/x"))))
            before = feed.keys()
            answer = connector.read(again, await sent(desk, connector, again))
            assert not isinstance(answer, RefusedAsOne)
            assert feed.keys() == before
            ask = LookUp("ask", 1, "key", (standing.key, f"{standing.key}/x"))
            found = connector.read(ask, await sent(desk, connector, ask))
            assert isinstance(found, LinesFound)
            assert [(line.key, line.fingerprint) for line in found.lines] == [(standing.key, row.fingerprint)]

    run(story())


async def sent(desk: Any, connector: Any, effect: Any) -> Response:
    """The response to an effect that no partition asked for."""
    response = await desk.transport.send(desk._signed(connector.build(effect)), 20.0)
    assert response is not None
    return response
