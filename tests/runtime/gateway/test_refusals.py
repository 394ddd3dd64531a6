"""Refused with a clear answer, and nothing lost: what cannot be used, as a whole or item by item."""

import asyncio
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from runtime.gateway import calls
from runtime.gateway.intake import BATCH, NDJSON, STRUCTURED
from tests.runtime.gateway.a_runtime import (
    EMEA,
    NOBODY,
    OLD,
    OPS,
    PSA_DE,
    READER,
    Reply,
    World,
    a_world,
    cloud,
    event,
    ndjson,
)

GOOD = ndjson(event("TS-1"))


def nothing_happened(world: World) -> None:
    """Nothing was taken in and nothing was kept, so a sender that mends its request loses nothing."""
    assert world.runtime.heard() == {}
    assert world.waiting() == []


# ------------------------------------------------------------------ whole requests


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (None, "not-authenticated"),
        (NOBODY, "not-authenticated"),
        ("hello", "not-authenticated"),
        (OLD, "token-expired"),
    ],
    ids=["no key", "an unknown key", "no key at all", "an expired key"],
)
def test_a_stranger_is_told_to_say_who_they_are(key: str | None, problem: str) -> None:
    """401 with WWW-Authenticate, whether there is no key, an unknown one or an expired one; nothing is read."""
    world = a_world()

    reply = world.post("/v1/bulk", GOOD, key)

    assert (reply.status, reply.problem) == (401, problem)
    assert reply.headers["www-authenticate"].startswith("Bearer ")
    nothing_happened(world)


def test_who_may_not_deliver_is_told_so() -> None:
    """403 for a key that may do other things."""
    world = a_world()

    reply = world.post("/v1/bulk", GOOD, READER)

    assert (reply.status, reply.problem) == (403, "forbidden")
    nothing_happened(world)


def test_a_key_for_another_entity_delivers_nothing() -> None:
    """403 with a result for each item, and nothing of them is kept."""
    world = a_world()

    reply = world.post("/v1/bulk", ndjson(event("TS-1", entity="US01")), PSA_DE)

    assert (reply.status, reply.problem) == (403, "forbidden")
    assert reply.taken() == ["refused"]
    nothing_happened(world)


def test_what_nobody_can_read_is_not_kept_for_another_entity_either() -> None:
    """An unknown type or a damaged entry of an entity that the key does not cover leaves nothing behind."""
    world = a_world()
    odd: list[Any] = [
        {"type": "invoice.paid", "entity": "US01"},
        {**event("TS-1", entity="US01"), "approval": 7},
        cloud(event("TS-2", entity="US01"), dataschema="urn:springtide:time_entry.approved:9"),
    ]

    reply = world.post("/v1/bulk", ndjson(*odd), PSA_DE)

    assert reply.status == 403
    nothing_happened(world)


def test_an_unknown_entity_is_for_the_sender_to_mend() -> None:
    """422 and nothing kept; whoever may not deliver everywhere does not learn what is configured."""
    world = a_world()
    body = ndjson(event("TS-1", entity="XX99"))

    told = world.post("/v1/bulk", body, OPS)
    guessing = world.post("/v1/bulk", body, EMEA)

    assert (told.status, told.problem) == (422, "nothing-taken")
    assert told.reasons() == ["unknown-entity: 'XX99' is not configured here"]
    assert (guessing.status, guessing.problem) == (403, "forbidden")
    nothing_happened(world)


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "", "application/x-ndjson-2"])
def test_a_body_of_another_type_is_not_guessed_at(content_type: str) -> None:
    """415 at /v1/bulk for anything but NDJSON."""
    world = a_world()

    reply = world.post("/v1/bulk", GOOD, OPS, content_type=content_type)

    assert (reply.status, reply.problem) == (415, "wrong-content-type")
    nothing_happened(world)


def test_plain_json_at_events_is_no_cloudevent() -> None:
    """415 says which forms there are."""
    world = a_world()

    reply = world.post("/v1/events", event("TS-1"), OPS)

    assert (reply.status, reply.problem) == (415, "wrong-content-type")
    assert STRUCTURED in reply.json["detail"]
    nothing_happened(world)


def test_an_unknown_packing_is_named() -> None:
    """415 says what can be unpacked."""
    world = a_world()

    reply = world.post("/v1/bulk", GOOD, OPS, content_encoding="br")

    assert (reply.status, reply.problem) == (415, "wrong-content-encoding")
    assert reply.headers["accept-encoding"] == "gzip"
    nothing_happened(world)


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_limit_is_not_taken(announced: bool) -> None:
    """413 whether its length is announced (then it is not even read) or found out; the connection is closed."""
    world = a_world(body_bytes=1_024)
    headers = {"content-type": "application/x-ndjson"} | ({"content-length": "2000"} if announced else {})

    reply = asyncio.run(world.send("POST", "/v1/bulk", [GOOD] if announced else [GOOD, b" " * 600], headers, OPS))

    assert (reply.status, reply.problem) == (413, "too-large")
    assert reply.headers["connection"] == "close"
    nothing_happened(world)


@pytest.mark.parametrize("packed", [1, 1_000])
def test_a_gzip_bomb_does_not_go_off(packed: int) -> None:
    """413 at one byte past the limit of what a body expands to, for small bombs and for large ones."""
    world = a_world(expanded_bytes=4_096)
    bomb = gzip.compress(GOOD + b" " * 4_096 * packed)

    reply = world.post("/v1/bulk", bomb, OPS, content_encoding="gzip")

    assert (reply.status, reply.problem) == (413, "too-large")
    assert "expanded" in reply.json["detail"]
    nothing_happened(world)


@pytest.mark.parametrize(
    "damaged",
    [b"not gzip", b"", gzip.compress(GOOD)[:-9], gzip.compress(GOOD) + b"rest", gzip.compress(b"") * 100],
    ids=["text", "empty", "cut off", "something behind", "endless members"],
)
def test_damaged_gzip_is_said_to_be_damaged(damaged: bytes) -> None:
    """400, and not half of it is taken in."""
    world = a_world()

    reply = world.post("/v1/bulk", damaged, OPS, content_encoding="gzip")

    assert (reply.status, reply.problem) == (400, "bad-gzip")
    nothing_happened(world)


def deep(levels: int) -> bytes:
    return b'{"type":"x","more":' + b"[" * levels + b"]" * levels + b"}"


@pytest.mark.parametrize("levels", [64, 1_000, 100_000])
@pytest.mark.parametrize("form", ["bulk", "structured", "batch", "binary", "webhook"])
def test_deep_json_is_not_followed_down(levels: int, form: str) -> None:
    """400 for the whole request, with what is good beside it: nothing of it was taken in by then."""
    world = a_world()
    body = deep(levels)
    headers = {"ce_specversion": "1.0", "ce_id": "1", "ce_source": "/", "ce_type": "time_entry.approved"}
    ways: dict[str, Callable[[], Reply]] = {
        "bulk": lambda: world.post("/v1/bulk", GOOD + body, OPS),
        "structured": lambda: world.post("/v1/events", body, OPS, content_type=STRUCTURED),
        "batch": lambda: world.post("/v1/events", b"[" + GOOD + b"," + body + b"]", OPS, content_type=BATCH),
        "binary": lambda: world.post("/v1/events", body, OPS, **headers),
        "webhook": lambda: world.webhook(body),
    }

    reply = ways[form]()

    assert (reply.status, reply.problem) == (400, "too-deep")
    nothing_happened(world)


def test_json_as_deep_as_allowed_is_read() -> None:
    """The limit is the last depth that is taken, and brackets in texts are none."""
    world = a_world()
    text = json.dumps({**event("TS-1"), "note": "[" * 500 + '"{'}).encode()

    reply = world.post("/v1/bulk", ndjson(deep(63), text), OPS)

    assert reply.taken() == ["quarantined", "accepted"]


@pytest.mark.parametrize("form", ["bulk", "batch"])
def test_more_items_than_allowed_are_too_many(form: str) -> None:
    """413 before any of them is read."""
    world = a_world(items=2)
    events = [event(f"TS-{n}") for n in range(3)]

    reply = (
        world.post("/v1/bulk", ndjson(*events), OPS)
        if form == "bulk"
        else world.post("/v1/events", [cloud(one) for one in events], OPS, content_type=BATCH)
    )

    assert (reply.status, reply.problem) == (413, "too-many-items")
    nothing_happened(world)
    assert world.post("/v1/bulk", ndjson(*events[:2]), OPS).status == 202


@pytest.mark.parametrize(
    ("body", "path", "content_type"),
    [
        (b"\n" * 1_000, "/v1/bulk", "application/x-ndjson"),
        (b"[" + b"{}," * 1_000 + b"{}]", "/v1/events", BATCH),
    ],
    ids=["lines", "elements"],
)
def test_a_flood_of_nothing_is_not_cut_up(body: bytes, path: str, content_type: str) -> None:
    """Empty lines and empty elements are counted in the bytes, before they take memory."""
    world = a_world(items=100)

    reply = world.post(path, body, OPS, content_type=content_type)

    assert (reply.status, reply.problem) == (413, "too-many-items")


@pytest.mark.parametrize("body", [b"", b"{}", b"[1,2]", b"[{}", b"[{}]x"])
def test_a_batch_that_is_no_array_of_objects_has_no_items(body: bytes) -> None:
    """400, since nobody can say what its items are."""
    world = a_world()

    reply = world.post("/v1/events", body, OPS, content_type=BATCH)

    assert (reply.status, reply.problem) in [(400, "malformed"), (413, "too-many-items")]
    nothing_happened(world)


def test_a_slow_client_is_not_waited_for() -> None:
    """408 when the body is not there in time, and the place among the concurrent calls is free again."""
    world = a_world(body_seconds=0.02, concurrent_calls=1)

    async def story() -> Reply:
        never = asyncio.Event()
        said = {"content-type": "application/x-ndjson"}
        return await world.send("POST", "/v1/bulk", [GOOD[:10], never.wait(), GOOD[10:]], said, OPS)  # type: ignore[list-item]  # what is awaited is not looked at

    reply = asyncio.run(story())

    assert (reply.status, reply.problem) == (408, "too-slow")
    assert reply.headers["connection"] == "close"
    nothing_happened(world)
    assert world.post("/v1/bulk", GOOD, OPS).status == 202


def test_a_client_that_leaves_half_way_has_delivered_nothing() -> None:
    """What was sent of a body that never ends is not taken for a body."""
    world = a_world()

    async def story() -> Reply:
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/bulk",
            "query_string": b"",
            "headers": [(b"content-type", b"application/x-ndjson"), (b"authorization", f"Bearer {OPS}".encode())],
        }
        messages: list[Any] = [{"type": "http.request", "body": GOOD, "more_body": True}, {"type": "http.disconnect"}]
        sent: list[Any] = []

        async def receive() -> Any:
            return messages.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        await world.app(scope, receive, send)
        return Reply(sent[0]["status"], {}, sent[1]["body"])

    assert asyncio.run(story()).status == 400
    nothing_happened(world)


@pytest.mark.parametrize(
    ("method", "path", "status", "problem"),
    [
        ("GET", "/", 404, "not-found"),
        ("GET", "/v1/nothing", 404, "not-found"),
        ("POST", "/v1/webhooks/", 404, "not-found"),
        ("GET", "/v1/trace/", 404, "not-found"),
        ("GET", "/v1/trace/DE01", 404, "not-found"),
        ("GET", "/v1/bulk", 405, "method-not-allowed"),
        ("DELETE", "/v1/status", 405, "method-not-allowed"),
        ("POST", "/live", 405, "method-not-allowed"),
    ],
)
def test_what_is_not_there_is_a_problem_too(method: str, path: str, status: int, problem: str) -> None:
    """404 and 405 have the same form as everything else; 405 names what can be done."""
    reply = a_world().ask(method, path, key=OPS)

    assert (reply.status, reply.problem) == (status, problem)
    assert ("allow" in reply.headers) == (status == 405)


def test_a_mistake_of_ours_says_nothing_of_the_request(caplog: pytest.LogCaptureFixture) -> None:
    """500 is a problem without details; nothing is acknowledged, and the log holds no text of the fault."""
    world = a_world()

    async def break_down(entity: str) -> None:
        raise RuntimeError("worker Jane Doe")

    world.runtime.before_take = break_down

    reply = world.post("/v1/bulk", GOOD, OPS)

    assert (reply.status, reply.problem) == (500, "internal")
    assert b"Jane" not in reply.body
    assert "Jane" not in caplog.text
    assert [record.message for record in caplog.records] == ["a request failed"]


@pytest.mark.parametrize("form", ["bulk", "structured", "batch", "webhook"])
def test_a_huge_item_is_not_read(form: str) -> None:
    """It is refused in every form, and neither the entry nor a dead letter is kept; items beside it are taken in."""
    world = a_world()
    huge = json.dumps(cloud(event("TS-1", invoice_narrative="x" * 1_100_000))).encode()
    ways: dict[str, Callable[[], Reply]] = {
        "bulk": lambda: world.post("/v1/bulk", huge, OPS),
        "structured": lambda: world.post("/v1/events", huge, OPS, content_type=STRUCTURED),
        "batch": lambda: world.post("/v1/events", b"[" + huge + b"]", OPS, content_type=BATCH),
        "webhook": lambda: world.webhook(huge),
    }

    reply = ways[form]()
    beside = world.post("/v1/bulk", GOOD + huge, OPS) if form == "bulk" else None

    assert (reply.status, reply.problem, reply.taken()) == (422, "nothing-taken", ["refused"])
    assert reply.reasons()[0].startswith("item-too-large: ")
    if beside is None:
        nothing_happened(world)
    else:
        assert (beside.status, beside.taken()) == (202, ["accepted", "refused"])
        assert world.waiting() == []


@pytest.mark.parametrize(
    ("name", "path", "status"),
    [
        ("Authorization", "/v1/bulk", 400),
        ("content-type", "/v1/bulk", 400),
        ("content-encoding", "/v1/bulk", 400),
        ("ce-type", "/v1/bulk", 400),
        ("springtide-signature", "/v1/webhooks/psa", 400),
        ("accept", "/v1/bulk", 202),
    ],
)
def test_what_decides_stands_once(name: str, path: str, status: int) -> None:
    """400 for a header that stands twice, since somebody in between may go by the other one."""
    world = a_world()
    given = {
        "authorization": f"Bearer {OPS}",
        "content-type": "application/x-ndjson",
        "springtide-signature": world.signature(GOOD),
    }
    headers = [*given.items(), *[(name, given.get(name.lower(), ""))] * (1 if name.lower() in given else 2)]

    reply, _ = asyncio.run(raw(world, {"path": path}, headers, [GOOD]))

    assert reply.status == status
    assert (world.runtime.heard() == {}) == (status == 400)


@pytest.mark.parametrize(
    ("raw_path", "path"),
    [
        (b"/v1%2Ftrace/DE01/TS-1", "/v1/trace/DE01/TS-1"),
        (b"/v1/trace%2FDE01/TS-1", "/v1/trace/DE01/TS-1"),
        (b"/v1/%73tatus", "/v1/status"),
        (b"/v1%2Fstatus", "/v1/status"),
    ],
)
def test_a_route_is_written_in_one_way(raw_path: bytes, path: str) -> None:
    """404 for a path that only means a route once it is decoded: what guards us by paths saw another one."""
    scope = {"method": "GET", "path": path, "raw_path": raw_path}

    reply, _ = asyncio.run(raw(a_world(), scope, [("authorization", f"Bearer {OPS}")], [b""]))

    assert (reply.status, reply.problem) == (404, "not-found")


async def raw(world: World, scope: Any, headers: Any, chunks: list[bytes]) -> tuple[Reply, int]:
    """A request as the server hands it over, and how many bytes of its body were asked for in the end."""
    sent: list[Any] = []
    rest = list(chunks)

    async def receive() -> Any:
        if not rest:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": rest.pop(0), "more_body": bool(rest)}

    async def send(message: Any) -> None:
        sent.append(message)

    said = [(name.encode(), content.encode()) for name, content in headers]
    await world.app({"type": "http", "method": "POST", "query_string": b"", **scope, "headers": said}, receive, send)
    names = {name.decode(): content.decode() for name, content in sent[0]["headers"]}
    assert not sent[-1].get("more_body")
    body = b"".join(one["body"] for one in sent[1:])
    return Reply(sent[0]["status"], names, body), sum(map(len, chunks)) - sum(map(len, rest))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 401),
        ([("authorization", f"Bearer {OPS}"), ("content-type", "text/plain")], 415),
        ([("authorization", f"Bearer {OPS}"), ("content-type", NDJSON[0]), ("content-length", "99999")], 413),
    ],
)
def test_what_comes_after_a_refusal_is_thrown_away_up_to_a_body(headers: Any, status: int) -> None:
    """A client that sends first hears why; whoever sends more than a body could be is cut off, and nobody is kept."""
    world = a_world(body_bytes=1_024)

    for chunks, read in ([b"x" * 100] * 5, 500), ([b"x" * 100] * 50, 1_100):
        reply, got = asyncio.run(raw(world, {"path": "/v1/bulk"}, headers, chunks))
        assert (reply.status, got) == (status, read)
        assert len(reply.body) == int(reply.headers["content-length"])
    nothing_happened(world)


def test_a_refused_client_that_sends_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is there at once, and the connection ends after a moment."""
    monkeypatch.setattr(calls, "LINGER_S", 0.01)

    reply, _ = asyncio.run(raw(a_world(), {"path": "/v1/bulk"}, [], []))

    assert reply.status == 401


# ------------------------------------------------------------------ single items


def entry_with(**changes: Any) -> bytes:
    plain = event("TS-9")
    plain["entry"] |= changes
    return json.dumps(plain).encode()


HUGE = "9" * 400
TWICE = json.dumps(event("TS-9")).encode().replace(b'"quantity": "8"', b'"quantity": "8", "quantity": "80"')

UNREADABLE = {
    "no JSON": b"{",
    "half a text": b'{"type":"time_entry.approved',
    "no object": b'"TS-1"',
    "no UTF-8": b'{"type":"\xff"}',
    "half a surrogate": entry_with(sheet="?").replace(b'"?"', b'"\\ud800"'),
    "unknown type": b'{"type":"invoice.paid","entity":"DE01","amount":7}',
    "no type": b'{"entity":"DE01"}',
    "newer schema": json.dumps(cloud(event("TS-9"), dataschema="urn:springtide:time_entry.approved:2")).encode(),
    "foreign schema": json.dumps({**event("TS-9"), "dataschema": "https://example.com/x"}).encode(),
    "newer CloudEvents": json.dumps({**cloud(event("TS-9")), "specversion": "2.0"}).encode(),
    "CloudEvent without id": json.dumps({**cloud(event("TS-9")), "id": ""}).encode(),
    "CloudEvent without data": b'{"specversion":"1.0","id":"1","source":"/","type":"time_entry.approved"}',
    "NaN as a text": entry_with(quantity="NaN"),
    "NaN as a number": entry_with(quantity=float("nan")),
    "infinity": entry_with(quantity="Infinity"),
    "huge quantity": entry_with(quantity=HUGE),
    "huge exponent": entry_with(quantity="1e999999"),
    "tiny exponent": entry_with(quantity="1e-999999"),
    "endless digits": entry_with(quantity="0." + "1" * 100),
    "negative quantity": entry_with(quantity="-1"),
    "version 0": entry_with(version=0),
    "version 4097": entry_with(version=4_097),
    "version as a fraction": entry_with(version=1.5),
    "huge line": entry_with(line=10**30),
    "huge instant": entry_with(start_ms=2**60),
    "endless number": entry_with(line=7).replace(b'"line": 7', b'"line": ' + b"7" * 10_000),
    "unknown unit": entry_with(unit="fortnight"),
    "no such day": entry_with(work_date="2026-02-30"),
    "no name": entry_with(entry_id=""),
    "NUL in a name": entry_with(entry_id="TS\0"),
    "endless name": entry_with(entry_id="T" * 300),
    "key twice": TWICE,
    "key twice, escaped": TWICE.replace(b'"quantity": "80"', b'"quan\\u0074ity": "80"'),
    "key twice, spaced": TWICE.replace(b'"quantity": "80"', b'"quantity" \t: "80"'),
    "key twice, one missing": TWICE.replace(b'"start_ms": null, ', b""),
    "key twice, in a CloudEvent": json.dumps(cloud(event("TS-9"))).encode().replace(b'"id"', b'"id": "0", "id"'),
    "key twice, unknown": TWICE.replace(b'"quantity": "80"', b'"x": 1, "x": 2'),
    "entry twice": b'{"type":"time_entry.approved","entry":{},' + entry_with()[1:],
    "rate of infinity": b'{"type":"rates.published","entity":"DE01","lines":[{"rate_id":"R","kind":"bill",'
    b'"scope":"entity","scope_key":"DE01","currency":"EUR","rate":"Infinity","valid_from":"2026-01-01"}]}',
    "key twice, in names": b'{"type":"master_data.ready","entity":"DE01","names":["P1"],"names":["P2"]}',
    "nothing published": b'{"type":"rates.published","entity":"DE01","lines":[]}',
    "period of another entity": b'{"type":"periods.published","entity":"DE01","periods":[{"entity":"US01",'
    b'"module":"time","name":"2026-03","first_day":"2026-03-01","last_day":"2026-03-31","status":"open"}]}',
    "period that ends before it begins": b'{"type":"periods.published","entity":"DE01","periods":[{"entity":"DE01",'
    b'"module":"time","name":"2026-03","first_day":"2026-03-31","last_day":"2026-03-01","status":"open"}]}',
    "configuration without why": b'{"type":"configuration.changed","entity":"DE01","version":1,"changes":{"a":"1"}}',
    "huge withdrawal": b'{"type":"time_entry.withdrawn","entity":"DE01","entry_id":"T","version":1,"at_ms":%d}' % 2**60,
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_kept_with_its_bytes(body: bytes) -> None:
    """A dead letter with the reason, visible, beside what is good; the same again is the same letter."""
    world = a_world()

    reply = world.post("/v1/bulk", ndjson(body, event("TS-1")), OPS)
    world.post("/v1/bulk", ndjson(body), OPS)

    assert reply.status == 202
    assert reply.taken() == ["quarantined", "accepted"]
    (letter,) = world.waiting()
    assert letter.body == body
    assert letter.times == 2
    assert reply.json["results"][0]["letter"] == letter.letter_id
    assert reply.json["results"][0]["reason"] == letter.reason != ""
    assert world.runtime.heard() == {"DE01": ["TS-1"]}


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("unknown type", "type 'invoice.paid' is not known"),
        ("newer schema", "schema 'urn:springtide:time_entry.approved:2' is not known"),
        ("NaN as a text", "out of range"),
        ("key twice", "the key 'quantity' stands twice"),
        ("huge line", "larger than 2^53 - 1"),
    ],
)
def test_the_reason_is_one_clear_sentence(kind: str, says: str) -> None:
    """Whoever reads the answer or the letter knows what to mend."""
    world = a_world()

    reply = world.post("/v1/bulk", ndjson(UNREADABLE[kind]), OPS)

    assert says in reply.reasons()[0]


SPACED = json.dumps(event("TS-1")).encode().replace(b'"version":', b'"version" :')
COLONS = json.dumps(event("TS-1", invoice_narrative='he said "x": y, "quantity": 3')).encode()
UNKNOWN = json.dumps({**event("TS-1"), "x-trace": {"quantity": 1}}).encode()
BARE = json.dumps({**event("TS-1"), "entry": {k: v for k, v in event("TS-1")["entry"].items() if v not in ("", None)}})


@pytest.mark.parametrize("body", [SPACED, COLONS, UNKNOWN, BARE.encode()], ids=["spaced", "colons", "unknown", "bare"])
def test_what_only_looks_like_a_key_twice_is_taken(body: bytes) -> None:
    """Spaces, quotes in texts, keys of the sender's own and absent defaults are no mistakes."""
    world = a_world()

    assert world.post("/v1/bulk", ndjson(body), OPS).taken() == ["accepted"]
