"""What can be delivered, in every form, and what the answer says of it."""

import asyncio
import base64
import gzip
import json
from typing import Any

import pytest

from runtime.gateway.intake import BATCH, STRUCTURED
from runtime.gateway.openapi import CONTENTS, plain_example
from tests.runtime.gateway.a_runtime import EMEA, OPS, PSA_DE, a_world, cloud, event, ndjson


def test_what_is_accepted_is_durable_and_what_was_accepted_is_a_duplicate() -> None:
    """202 names each item; a second delivery of the same changes nothing."""
    world = a_world()
    body = ndjson(event("TS-1"), event("TS-2", entity="US01"))

    first = world.post("/v1/bulk", body, OPS)
    second = world.post("/v1/bulk", body, OPS)

    assert first.status == 202
    assert first.json["results"] == [
        {"index": 0, "taken": "accepted", "entry": "TS-1", "version": 1},
        {"index": 1, "taken": "accepted", "entry": "TS-2", "version": 1},
    ]
    assert first.json["counts"] == {"accepted": 2, "duplicate": 0, "refused": 0, "quarantined": 0}
    assert second.status == 202
    assert second.taken() == ["duplicate", "duplicate"]
    assert world.runtime.heard() == {"DE01": ["TS-1"], "US01": ["TS-2"]}


def test_the_answer_waits_until_everything_is_durable() -> None:
    """As long as one partition has not committed, nobody hears 202."""
    world = a_world()

    async def story() -> None:
        durable = asyncio.Event()

        async def wait(entity: str) -> None:
            if entity == "US01":
                await durable.wait()

        world.runtime.before_take = wait
        body = ndjson(event("TS-1"), event("TS-2", entity="US01"))
        said = {"content-type": "application/x-ndjson"}
        asked = asyncio.create_task(world.send("POST", "/v1/bulk", [body], said, OPS))
        for _ in range(20):
            await asyncio.sleep(0)
        assert world.runtime.heard() == {"DE01": ["TS-1"]}, "entities are taken in side by side"
        assert not asked.done()
        durable.set()
        assert (await asked).status == 202
        assert world.runtime.heard() == {"DE01": ["TS-1"], "US01": ["TS-2"]}

    asyncio.run(story())


def test_one_entity_is_taken_in_with_one_call() -> None:
    """The news of an entity goes to its partition together, in order, with its size on the wire."""
    world = a_world()
    lines = [ndjson(event(f"TS-{n}", entity=entity)) for n, entity in enumerate(("DE01", "US01", "DE01"))]

    world.post("/v1/bulk", b"".join(lines), OPS)

    sizes = [len(line) - 1 for line in lines]
    assert sorted(world.runtime.sizes) == [("DE01", 2, sizes[0] + sizes[2]), ("US01", 1, sizes[1])]


def test_a_structured_cloudevent_is_an_event() -> None:
    """`type` is the type, `data` the rest, and the answer names the event's id."""
    world = a_world()

    reply = world.post("/v1/events", cloud(event("TS-1"), "e-77"), PSA_DE, content_type=f"{STRUCTURED}; charset=utf-8")

    assert reply.status == 202
    assert reply.json["results"] == [{"index": 0, "taken": "accepted", "id": "e-77", "entry": "TS-1", "version": 1}]


def test_a_batch_of_cloudevents_is_its_events() -> None:
    """Every element of the array has its own result, also in an empty array."""
    world = a_world()

    reply = world.post("/v1/events", [cloud(event("TS-1"), "a"), {"type": 7}], OPS, content_type=BATCH)

    assert reply.status == 202
    assert reply.taken() == ["accepted", "quarantined"]
    assert world.post("/v1/events", [], OPS, content_type=BATCH).json["results"] == []


def test_a_binary_cloudevent_has_its_attributes_in_headers() -> None:
    """Headers are the envelope, percent-encoded; the body is the data."""
    world = a_world()
    data = {name: content for name, content in event("TS-1").items() if name != "type"}
    headers = {"ce_specversion": "1.0", "ce_id": "e%201", "ce_source": "/psa", "ce_type": "time_entry.approved"}

    reply = world.post("/v1/events", data, OPS, **headers)
    damaged = world.post("/v1/events", b'{"entry":', OPS, **headers)

    assert reply.json["results"] == [{"index": 0, "taken": "accepted", "id": "e 1", "entry": "TS-1", "version": 1}]
    assert damaged.taken() == ["quarantined"]


@pytest.mark.parametrize("form", ["plain", "cloudevent"])
def test_bulk_takes_both_forms_line_by_line(form: str) -> None:
    """Blank lines and the ends of Windows lines are nothing."""
    world = a_world()
    events = [event("TS-1"), event("TS-2")]
    lines = [json.dumps(one if form == "plain" else cloud(one)) for one in events]

    reply = world.post("/v1/bulk", "\r\n\r\n".join(lines).encode() + b"\r\n", OPS)

    assert reply.taken() == ["accepted", "accepted"]


def test_a_packed_body_is_unpacked() -> None:
    """gzip in one member or several; it is the same delivery."""
    world = a_world()
    packed = gzip.compress(ndjson(event("TS-1"))) + gzip.compress(ndjson(event("TS-2")))

    reply = world.post("/v1/bulk", packed, OPS, content_encoding="gzip")

    assert reply.taken() == ["accepted", "accepted"]


@pytest.mark.parametrize("kind", CONTENTS)
def test_every_kind_is_taken_in(kind: str) -> None:
    """Entries, reference data and configuration come in through the same door."""
    world = a_world()
    if kind == "time_entry.withdrawn":
        world.post("/v1/bulk", ndjson(plain_example("time_entry.approved")), OPS)

    reply = world.post("/v1/bulk", ndjson(plain_example(kind)), OPS)

    assert reply.status == 202
    assert reply.taken() == ["accepted"]


def test_reference_data_for_everybody_goes_to_every_entity() -> None:
    """Entity "*" is every configured one, and one that refuses is what the item says."""
    world = a_world()

    workers = world.post("/v1/bulk", ndjson({**plain_example("workers.published"), "entity": "*"}), OPS)
    entries = world.post("/v1/bulk", ndjson({**plain_example("time_entry.withdrawn"), "entity": "*"}), OPS)

    assert workers.taken() == ["accepted"]
    assert [entity for entity, _, _ in world.runtime.sizes] == ["DE01", "US01"]
    assert entries.reasons() == ["unknown-entity: '*' is not configured here"]


def test_a_list_of_periods_is_one_item() -> None:
    """Several periods in one event are several pieces of news and one result."""
    world = a_world()
    published = plain_example("periods.published")
    other = {**published["periods"][0], "name": "2026-04", "first_day": "2026-04-01", "last_day": "2026-04-30"}
    taken: list[Any] = []
    shell = world.runtime.shells["DE01"]
    shell.witness = lambda records, now_ms: taken.extend(records)

    reply = world.post("/v1/bulk", ndjson({**published, "periods": [*published["periods"], other]}), OPS)

    assert reply.taken() == ["accepted"]
    assert len(taken) == 2
    assert world.runtime.sizes[0][1] == 2


def test_reference_data_wakes_what_waited_for_it() -> None:
    """In one delivery the order of lines is the order of news: rates first, then what they price."""
    world = a_world()
    rates = plain_example("rates.published")

    reply = world.post("/v1/bulk", ndjson(rates, event("TS-1"), rates), OPS)

    assert reply.taken() == ["accepted", "accepted", "duplicate"]


def test_configuration_is_refused_where_it_cannot_be_used_and_audited_in_any_case() -> None:
    """What a partition cannot use is refused with its reason; who tried stands in the audit."""
    world = a_world()
    change = plain_example("configuration.changed")

    done = world.post("/v1/bulk", ndjson(change), OPS)
    unusable = world.post("/v1/bulk", ndjson({**change, "version": 2, "changes": {"tenant": "x"}}), OPS)
    forbidden = world.post("/v1/bulk", ndjson({**change, "version": 3}), PSA_DE)

    assert done.taken() == ["accepted"]
    assert unusable.status == 422
    assert "tenant cannot be changed" in unusable.reasons()[0]
    assert forbidden.status == 403
    outcomes = [(who, target, outcome.split(":")[0]) for who, _, target, _, outcome in world.notes()]
    assert outcomes == [
        ("key:ops", "DE01", "accepted"),
        ("key:ops", "DE01", "refused"),
        ("key:psa-de", "DE01", "forbidden"),
    ]


def test_refused_changes_of_configuration_are_one_note_with_their_number() -> None:
    """However many a stranger sends in one request, the audit has one line for each entity and outcome."""
    world = a_world()
    change = plain_example("configuration.changed")

    world.post("/v1/bulk", ndjson(*({**change, "version": number} for number in range(1, 6))), PSA_DE)

    assert world.notes() == [("key:psa-de", "configuration", "DE01", "", "forbidden (5 times)")]


@pytest.mark.parametrize("why", ["x" * 501, "a\u202eb", "two\nlines"])
def test_a_change_of_configuration_gives_a_usable_reason(why: str) -> None:
    """The same rule as for commands: it stands in the audit. What is next to it is taken in."""
    world = a_world()
    change = plain_example("configuration.changed")

    reply = world.post("/v1/bulk", ndjson({**change, "why": why}, event("TS-1"), change), OPS)

    assert reply.taken() == ["refused", "accepted", "accepted"]
    assert "printable" in reply.reasons()[0]
    assert sorted((given, outcome.split(":")[0]) for *_, given, outcome in world.notes()) == [
        ("", "refused"),
        (change["why"], "accepted"),
    ]


def test_an_item_that_nobody_can_read_is_kept_only_for_entities_of_its_sender() -> None:
    """Each entity that it names has to be the sender's, in every envelope: a replay takes it in for any of them."""
    world = a_world()
    theirs = {name: content for name, content in event("TS-1", entity="US01").items() if name != "type"}
    newer = {"dataschema": "urn:springtide:time_entry.approved:2"}
    head = {"specversion": "1.0", "id": "e-1", "source": "/psa", "type": "time_entry.approved", **newer}
    packed = base64.b64encode(json.dumps(theirs).encode()).decode()

    outer = world.post("/v1/bulk", ndjson({**head, "data": {**theirs, "entity": "DE01"}}), PSA_DE)
    inner = world.post("/v1/bulk", ndjson({**head, "data_base64": packed}), PSA_DE)
    both = world.post("/v1/bulk", ndjson({**head, "data": {**theirs, "entity": "DE01"}}), OPS)

    assert (outer.status, inner.status) == (403, 403)
    assert "US01" in outer.reasons()[0]
    assert both.taken() == ["quarantined"]
    assert len(world.waiting()) == 1


def test_a_grant_for_a_region_covers_its_entities() -> None:
    """What is delivered for another region is refused, next to what is accepted."""
    world = a_world()

    reply = world.post("/v1/bulk", ndjson(event("TS-1"), event("TS-2", entity="US01")), EMEA)

    assert reply.status == 202
    assert reply.taken() == ["accepted", "refused"]
    assert reply.reasons()[1] == "forbidden: no grant of yours covers intake for US01"
    assert world.runtime.heard() == {"DE01": ["TS-1"]}
