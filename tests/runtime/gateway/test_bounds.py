"""The bounds of intake: the only reasons for 429 and 503, always with Retry-After, and never a loss."""

import asyncio
from collections.abc import Sequence

import pytest

from runtime.gateway.problems import BOUNDS, PROBLEMS
from runtime.journal.memory import MemoryOffice
from runtime.ports import IntakeRefusedError, JournalError, Letter, StoreAwayError, StoreBrokenError, StoreFullError
from tests.runtime.gateway.a_runtime import OPS, Reply, a_world, event, ndjson

BODY = ndjson(event("TS-1"), event("TS-2", entity="US01"))


@pytest.mark.parametrize("bound", BOUNDS)
def test_each_bound_has_its_status_and_says_when_to_come_again(bound: str) -> None:
    """429 where a partition has too much to decide, else 503; Retry-After is in whole seconds, rounded up."""
    world = a_world()
    world.runtime.bounds["DE01"] = IntakeRefusedError(bound, 2_100, "host h1")

    reply = world.post("/v1/bulk", ndjson(event("TS-1")), OPS)

    assert reply.status == (429 if bound == "undecided_bytes" else 503)
    assert reply.problem == bound
    assert reply.headers["retry-after"] == "3"
    assert b"h1" not in reply.body
    assert world.runtime.heard() == {}


def test_what_one_entity_refuses_is_said_of_the_whole_delivery() -> None:
    """The results tell what the others accepted; the sender repeats everything, and that is a duplicate then."""
    world = a_world()
    world.runtime.bounds["DE01"] = IntakeRefusedError("undecided_bytes", 500)

    first = world.post("/v1/bulk", BODY, OPS)
    del world.runtime.bounds["DE01"]
    again = world.post("/v1/bulk", BODY, OPS)

    assert first.status == 429
    assert first.headers["retry-after"] == "1"
    assert first.taken() == ["refused", "accepted"]
    assert first.reasons()[0] == "undecided_bytes: deliver again"
    assert again.status == 202
    assert again.taken() == ["accepted", "duplicate"]


def test_the_gravest_bound_and_the_longest_wait_count() -> None:
    """503 says more than 429, and nobody should come back before the slowest is ready."""
    world = a_world()
    world.runtime.bounds |= {
        "DE01": IntakeRefusedError("undecided_bytes", 9_000),
        "US01": IntakeRefusedError("moving", 1_000),
    }

    reply = world.post("/v1/bulk", BODY, OPS)

    assert (reply.status, reply.problem, reply.headers["retry-after"]) == (503, "moving", "9")


def test_more_deliveries_at_once_than_allowed_are_not_even_read() -> None:
    """The last free place is taken by one that waits; the next one hears 503 before its body is asked for."""
    world = a_world(concurrent_calls=1)
    said = {"content-type": "application/x-ndjson"}

    async def story() -> tuple[Reply, Reply, Reply]:
        free = asyncio.Event()

        async def wait(entity: str) -> None:
            await free.wait()

        world.runtime.before_take = wait
        first = asyncio.create_task(world.send("POST", "/v1/bulk", [ndjson(event("TS-1"))], said, OPS))
        await asyncio.sleep(0)

        async def asked() -> None:
            raise AssertionError("the body was asked for")

        unread = asked()
        second = await world.send("POST", "/v1/bulk", [unread], said, OPS)
        unread.close()
        free.set()
        await first
        return await first, second, await world.send("POST", "/v1/bulk", [ndjson(event("TS-2"))], said, OPS)

    first, second, third = asyncio.run(story())

    assert (second.status, second.problem) == (503, "concurrent_calls")
    assert second.headers["retry-after"] == "1"
    assert second.headers["connection"] == "close"
    assert (first.status, third.status) == (202, 202)


class BrokenOffice(MemoryOffice):
    """An office whose store says no."""

    def __init__(self, fault: JournalError) -> None:
        super().__init__()
        self.fault: JournalError | None = fault

    def quarantine(self, letters: Sequence[Letter]) -> None:
        if self.fault is not None:
            raise self.fault
        super().quarantine(letters)


@pytest.mark.parametrize(
    ("fault", "bound"), [(StoreFullError("full"), "disk_headroom"), (StoreAwayError("away"), "moving")]
)
def test_a_dead_letter_that_cannot_be_kept_is_not_acknowledged(fault: JournalError, bound: str) -> None:
    """503 while the office's store is full or away; delivered again, the letter is kept."""
    office = BrokenOffice(fault)
    world = a_world(office)
    body = ndjson(event("TS-1"), b"{")

    first = world.post("/v1/bulk", body, OPS)
    office.fault = None
    again = world.post("/v1/bulk", body, OPS)

    assert (first.status, first.problem) == (503, bound)
    assert first.taken() == ["accepted", "refused"]
    assert again.taken() == ["duplicate", "quarantined"]
    assert len(world.waiting()) == 1


def test_a_store_that_is_broken_acknowledges_nothing() -> None:
    """500, and neither the letter nor the entry beside it is called taken."""
    world = a_world(BrokenOffice(StoreBrokenError("fsync failed")))

    reply = world.post("/v1/bulk", ndjson(event("TS-1"), b"{"), OPS)

    assert (reply.status, reply.problem) == (500, "internal")
    assert "results" not in reply.json


def test_only_bounds_answer_429_and_503() -> None:
    """A client that sees one of them knows: nothing is lost, deliver again."""
    assert {name for name, (status, _) in PROBLEMS.items() if status in (429, 503)} == set(BOUNDS)


def test_what_happens_at_the_border_is_counted() -> None:
    """Items by outcome, refusals by bound, requests by class of status, and the calls of the moment."""
    world = a_world()
    world.post("/v1/bulk", ndjson(event("TS-1"), event("TS-1"), b"{"), OPS)
    world.runtime.bounds["DE01"] = IntakeRefusedError("commit_queue", 500)
    world.post("/v1/bulk", ndjson(event("TS-2")), OPS)
    world.get("/nothing")

    text = world.get("/metrics", OPS).body.decode()

    for line in (
        'springtide_intake_items_total{outcome="accepted"} 1.0',
        'springtide_intake_items_total{outcome="duplicate"} 1.0',
        'springtide_intake_items_total{outcome="quarantined"} 1.0',
        'springtide_intake_refused_total{reason="commit_queue"} 1.0',
        'springtide_http_requests_total{status_class="2xx"} 1.0',
        'springtide_http_requests_total{status_class="4xx"} 1.0',
        'springtide_http_requests_total{status_class="5xx"} 1.0',
        "springtide_intake_calls 0.0",
    ):
        assert line in text
