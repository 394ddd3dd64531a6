"""The bounds of intake: the only reasons for 429 and 503, always with Retry-After, and never a loss."""

import asyncio
import gzip
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from runtime.gateway.problems import BOUNDS, PROBLEMS
from runtime.gateway.protocol import HEADERS, BoundedProtocol
from runtime.journal.memory import MemoryOffice
from runtime.ports import IntakeRefusedError, JournalError, Letter, StoreAwayError, StoreBrokenError, StoreFullError
from tests.runtime.gateway.a_runtime import OPS, PSA_DE, Reply, World, a_world, event, ndjson

BODY = ndjson(event("TS-1"), event("TS-2", entity="US01"))


@pytest.mark.parametrize("bound", BOUNDS)
def test_each_bound_has_its_status_and_says_when_to_come_again(bound: str) -> None:
    """429 where a partition has too much to decide, else 503; Retry-After is in whole seconds, rounded up."""
    world = a_world()
    world.runtime.bounds["DE01"] = IntakeRefusedError(bound, 2_100, "host h1")

    reply = world.post("/v1/bulk", ndjson(event("TS-1")), OPS)

    assert reply.status == (429 if bound in ("undecided_bytes", "letters_bytes") else 503)
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
    """The last free place is taken by one that waits; the next one is answered before its body is asked for."""
    world = a_world(concurrent_calls=1)
    said = {"content-type": "application/x-ndjson"}

    async def story() -> tuple[Reply, Reply, Reply]:
        free = asyncio.Event()

        async def wait(entity: str) -> None:
            await free.wait()

        world.runtime.before_take = wait
        first = asyncio.create_task(world.send("POST", "/v1/bulk", [ndjson(event("TS-1"))], said, OPS))
        await asyncio.sleep(0)

        second, answered = await told_before_it_was_read(world, "/v1/bulk", said | {"authorization": f"Bearer {OPS}"})
        assert answered
        free.set()
        await first
        return await first, second, await world.send("POST", "/v1/bulk", [ndjson(event("TS-2"))], said, OPS)

    first, second, third = asyncio.run(story())

    assert (second.status, second.problem) == (503, "concurrent_calls")
    assert second.headers["retry-after"] == "1"
    assert second.headers["connection"] == "close"
    assert (first.status, third.status) == (202, 202)


def test_all_bodies_together_take_no_more_than_their_room() -> None:
    """Who would take more hears 503 and closes, whatever they ask for; what was answered gives its room back."""
    world = a_world(bodies_bytes=1_024, body_bytes=1_024, expanded_bytes=1_024)
    said = {"content-type": "application/x-ndjson"}
    big = ndjson(event("TS-1")).ljust(1_000, b"\n")
    assert len(big) == 1_000

    async def story() -> tuple[list[Reply], list[Reply], Reply]:
        free = asyncio.Event()

        async def wait(entity: str) -> None:
            await free.wait()

        world.runtime.before_take = wait
        tasks = [asyncio.create_task(world.send("POST", "/v1/bulk", [body], said, OPS)) for body in (big, big)]
        for _ in range(5):
            await asyncio.sleep(0)
        beyond = [
            await world.send("POST", "/v1/bulk", [big[:100], big[100:]], said, OPS),
            await world.send("POST", "/v1/drain", [b" " * len(big)], {}, OPS),
        ]
        free.set()
        return list(await asyncio.gather(*tasks)), beyond, await world.send("POST", "/v1/bulk", [big], said, OPS)

    first, beyond, last = asyncio.run(story())

    assert [(one.status, one.problem) for one in beyond] == [(503, "bodies_bytes")] * 2
    assert [(one.headers["retry-after"], one.headers["connection"]) for one in beyond] == [("1", "close")] * 2
    assert [one.status for one in first] == [202, 202]
    assert last.taken() == ["duplicate"]
    assert 'springtide_intake_refused_total{reason="bodies_bytes"} 2.0' in world.get("/metrics", OPS).body.decode()


def test_what_a_gzip_expands_to_counts_among_the_bodies() -> None:
    """A small body that becomes a large one takes the room of both."""
    world = a_world(bodies_bytes=1_024, body_bytes=1_024, expanded_bytes=20_000)
    packed = gzip.compress(ndjson(event("TS-1", internal_narrative="x" * 9_000)))
    said = {"content-type": "application/x-ndjson", "content-encoding": "gzip"}

    async def story() -> list[Reply]:
        free = asyncio.Event()

        async def wait(entity: str) -> None:
            await free.wait()

        world.runtime.before_take = wait
        tasks = [asyncio.create_task(world.send("POST", "/v1/bulk", [packed], said, OPS)) for _ in range(3)]
        for _ in range(5):
            await asyncio.sleep(0)
        free.set()
        return list(await asyncio.gather(*tasks))

    assert sorted(reply.status for reply in asyncio.run(story())) == [202, 202, 503]


async def told_before_it_was_read(world: World, path: str, headers: Mapping[str, str]) -> tuple[Reply, bool]:
    """The answer, and whether it was complete (but for its end) when the body was first asked for."""
    told: list[Any] = []
    early: list[bool] = []

    async def receive() -> Any:
        early.append(len(told) == 2)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        told.append(message)

    said = [(name.encode(), content.encode()) for name, content in headers.items()]
    await world.app({"type": "http", "method": "POST", "path": path, "headers": said}, receive, send)
    names = {name.decode(): content.decode() for name, content in told[0]["headers"]}
    return Reply(told[0]["status"], names, told[1]["body"]), early == [True]


class BrokenOffice(MemoryOffice):
    """An office whose store says no."""

    def __init__(self, fault: JournalError) -> None:
        super().__init__()
        self.fault: JournalError | None = fault

    def quarantine(self, letters: Sequence[Letter], most_bytes: int = 0) -> bool:
        if self.fault is not None:
            raise self.fault
        return super().quarantine(letters, most_bytes)


class SmallDisk(MemoryOffice):
    """An office on a disk of which somebody says how much room is left."""

    room: int | None = 0

    def headroom_bytes(self) -> int | None:
        return self.room


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


def test_dead_letters_of_one_source_take_no_more_than_their_room() -> None:
    """429 with a time to come back, what can be read is in, another source is not touched, a drop makes room."""
    world = a_world(letters_bytes=2_500)
    first, second = b'{"type": "1"}', b'{"type": "2"}'
    assert world.post("/v1/bulk", ndjson(first, second), OPS).taken() == ["quarantined", "quarantined"]

    full = world.post("/v1/bulk", ndjson(event("TS-1"), b'{"type": "3"}'), OPS)
    known = world.post("/v1/bulk", ndjson(first), OPS)
    another = world.post("/v1/bulk", ndjson(b'{"type": "3"}'), PSA_DE)

    assert (full.status, full.problem, full.headers["retry-after"]) == (429, "letters_bytes", "300")
    assert full.taken() == ["accepted", "refused"]
    assert "letters_bytes: deliver again" in full.reasons()
    assert known.taken() == another.taken() == ["quarantined"]
    assert len(world.waiting()) == 3
    assert 'springtide_intake_refused_total{reason="letters_bytes"} 1.0' in world.get("/metrics", OPS).body.decode()

    dropped = {"ids": [world.waiting()[0].letter_id, world.waiting()[1].letter_id], "why": "noise"}
    assert world.post("/v1/dead-letters/drop", dropped, OPS).status == 200
    assert world.post("/v1/bulk", ndjson(event("TS-1"), b'{"type": "3"}'), OPS).taken() == ["duplicate", "quarantined"]


def test_no_dead_letter_is_kept_on_a_disk_that_is_nearly_full() -> None:
    """503 before the journal has no room left; with room again the letter is kept."""
    office = SmallDisk()
    world = a_world(office)

    full = world.post("/v1/bulk", ndjson(b"{"), OPS)
    office.room = world.settings.journal.disk_headroom_bytes
    again = world.post("/v1/bulk", ndjson(b"{"), OPS)

    assert (full.status, full.problem) == (503, "disk_headroom")
    assert again.taken() == ["quarantined"]


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


# ------------------------------------------------------------------ one connection


class Wire(asyncio.Transport):
    """The server's end of a connection that is not there."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.sent += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Line:
    """A connection to an application that reads the body (but for /early) and answers 200, once it is `free` to."""

    def __init__(self, head_s: float = 10.0, most: int = 9, others: int = 0) -> None:
        self.seen: list[list[bytes]] = []
        self.free = asyncio.Event()
        self.free.set()
        self.wire = Wire()
        state = ServerState()
        state.connections |= {object() for _ in range(others)}  # type: ignore[misc]  # they are only counted

        class Bounded(BoundedProtocol):
            pass

        Bounded.head_s, Bounded.most = head_s, most
        config = uvicorn.Config(self._app, lifespan="off", log_config=None, ws="none", interface="asgi3")
        self.protocol = Bounded(config, state, {})
        self.tasks = state.tasks
        self.protocol.connection_made(self.wire)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        message = {"more_body": scope["path"] != "/early"}
        while message.get("more_body"):
            message = await receive()
        await self.free.wait()
        self.seen.append([name for name, _ in scope["headers"]])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def feed(self, *chunks: bytes) -> bytes:
        """Send these; what was answered by the time that everything came to rest."""
        for chunk in chunks:
            if not self.wire.closed:
                self.protocol.data_received(chunk)
            for _ in range(5):
                await asyncio.sleep(0)
        return self.wire.sent

    async def closed(self) -> bytes:
        """What was answered once the server has closed."""
        async with asyncio.timeout(5):
            while not self.wire.closed:
                await asyncio.sleep(0.001)
        return self.wire.sent

    async def hang_up(self) -> None:
        """Both ends are gone, and nobody waits for anything any more."""
        self.protocol.connection_lost(None)
        for task in list(self.tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


GET = b"GET /live HTTP/1.1\r\nhost: x\r\n"


@pytest.mark.parametrize(
    ("chunks", "status"),
    [
        ([GET + b"a: " + b"x" * 70_000], 431),
        ([GET, *[b"x" * 1_000] * 70], 431),
        ([GET + b"\r\n", GET, *[b"x" * 1_000] * 70], 431),
        ([GET, *[b"a: " + b"x" * 1_000 + b"\r\n"] * 70], 431),
        ([GET + (b"a: " + b"x" * 1_000 + b"\r\n") * 70 + b"\r\n"], 431),
        ([GET + b"a: b\r\n" * HEADERS + b"\r\n"], 431),
        ([b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n"], 414),
        ([GET + b"a: b\r\n" * (HEADERS - 1) + b"\r\n"], 200),
        ([GET + b"a: " + b"x" * 60_000 + b"\r\n\r\n"], 200),
        ([GET + b"content-length: 200000\r\n\r\n", b"x" * 200_000], 200),
    ],
    ids=["header", "dripped", "later", "headers", "at once", "101", "url", "just so", "long", "a body is no head"],
)
def test_a_head_has_so_many_bytes_and_no_more(chunks: list[bytes], status: int) -> None:
    """431 or 414 and the end of the connection, whether the head is ever complete or not; a body is not counted."""

    async def story() -> tuple[bytes, bool]:
        line = Line()
        answer = await line.feed(*chunks)
        closed = line.wire.closed
        await line.hang_up()
        return answer, closed

    answer, closed = asyncio.run(story())

    assert answer[answer.rindex(b"HTTP/1.1 ") :].startswith(b"HTTP/1.1 %d " % status)
    assert closed == (status != 200)


@pytest.mark.parametrize(
    ("chunks", "answer"),
    [([], b""), ([GET], b"HTTP/1.1 408 "), ([b"\r\n"], b""), ([GET + b"\r\n", GET], b"HTTP/1.1 408 ")],
    ids=["nothing", "half a head", "an empty line", "half of the next"],
)
def test_a_head_is_not_waited_for(chunks: list[bytes], answer: bytes) -> None:
    """The connection ends when its time is over, for the first request and for each after it."""

    async def story() -> bytes:
        line = Line(head_s=0.02)
        await line.feed(*chunks)
        sent = await line.closed()
        await line.hang_up()
        return sent

    assert asyncio.run(story()).removeprefix(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").startswith(answer)


def test_who_waits_for_an_answer_or_between_requests_has_no_deadline() -> None:
    """Only a head has one: not a body, not the wait for an answer, not a quiet connection."""

    async def story() -> list[bool]:
        line, found = Line(head_s=0.01), []
        await line.feed(GET + b"content-length: 3\r\n\r\nab")
        await asyncio.sleep(0.03)
        found.append(line.wire.closed)
        line.free.clear()
        await line.feed(b"c" + GET)
        await asyncio.sleep(0.03)
        found.append(line.wire.closed)
        line.free.set()
        await line.feed(b"\r\n")
        await asyncio.sleep(0.03)
        found.append(line.wire.closed)
        assert line.wire.sent.count(b"HTTP/1.1 200 ") == 2
        await line.hang_up()
        return found

    assert asyncio.run(story()) == [False, False, False]


def test_one_connection_too_many_is_closed_at_once() -> None:
    """Nothing of it is read, and it does not count; the last that fits is served."""

    async def story() -> tuple[bool, bool, int]:
        last, over = Line(most=3, others=2), Line(most=3, others=3)
        await last.feed(GET + b"\r\n")
        found = last.wire.closed, over.wire.closed, len(over.protocol.connections)
        await last.hang_up()
        await over.hang_up()
        return found

    assert asyncio.run(story()) == (False, True, 3)


def test_trailers_are_no_headers_and_have_an_end() -> None:
    """What stands behind a chunked body decides nothing, and endless trailers end the connection."""
    chunked = GET + b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"

    async def story() -> tuple[list[list[bytes]], bytes, bool]:
        line, endless = Line(), Line()
        answer = await line.feed(chunked + b"authorization: Bearer x\r\n\r\n")
        await line.hang_up()
        await endless.feed(chunked, *[b"x" * 1_000] * 70)
        closed = endless.wire.closed
        await endless.hang_up()
        return line.seen, answer, closed

    seen, answer, closed = asyncio.run(story())

    assert seen == [[b"host", b"transfer-encoding"]]
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert closed


def test_an_answer_that_is_under_way_is_not_mixed_with_a_refusal() -> None:
    """The connection ends without either: nobody takes the refusal of the next request for the answer to this one."""

    async def story() -> tuple[bytes, bool]:
        line = Line()
        line.free.clear()
        await line.feed(GET + b"\r\n")
        answer = await line.feed(GET + b"a: " + b"x" * 70_000)
        closed = line.wire.closed
        await line.hang_up()
        return answer, closed

    assert asyncio.run(story()) == (b"", True)


def test_who_still_sends_after_the_answer_does_not_keep_the_connection() -> None:
    """A body that nobody waits for would hold a connection for as long as a byte comes now and then."""

    async def story() -> tuple[bytes, bool]:
        line = Line()
        answer = await line.feed(b"GET /early HTTP/1.1\r\ncontent-length: 9999\r\n\r\n")
        closed = line.wire.closed
        await line.hang_up()
        return answer, closed

    answer, closed = asyncio.run(story())

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert closed
