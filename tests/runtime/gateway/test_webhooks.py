"""Deliveries that are signed: who is let in, and what a replay is."""

import asyncio
import json

import pytest

from runtime.configuration import ConfigurationError
from runtime.gateway import webhooks
from runtime.gateway.access import Access
from runtime.gateway.app import build_app
from runtime.gateway.intake import BATCH, STRUCTURED
from runtime.ports import IntakeRefusedError
from runtime.settings import AccessSettings
from tests.runtime.gateway.a_runtime import OPS, SECRET, Reply, World, a_world, cloud, event, ndjson

BODY = json.dumps(event("TS-1")).encode()
MINUTE_MS = 60_000


def test_a_signed_delivery_is_taken_in() -> None:
    """No key is needed; the signature is who asks."""
    world = a_world()

    reply = world.webhook(BODY)

    assert reply.status == 202
    assert reply.taken() == ["accepted"]
    assert world.runtime.heard() == {"DE01": ["TS-1"]}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ([event("TS-1"), event("TS-2")], "application/json"),
        (cloud(event("TS-1")), STRUCTURED),
        ([cloud(event("TS-1"))], BATCH),
    ],
    ids=["array", "structured", "batch"],
)
def test_webhooks_come_in_every_form(body: object, content_type: str) -> None:
    """Plain events alone or in an array, CloudEvents alone or in a batch."""
    world = a_world()

    assert set(world.webhook(json.dumps(body).encode(), content_type=content_type).taken()) == {"accepted"}


@pytest.mark.parametrize(
    "signature",
    ["", "v1=00", "t=1", "t=1770000000,v1=" + "0" * 64, "t=1770000000,v1=" + "0" * 63, "t=-1,v1=" + "0" * 64],
)
def test_without_the_right_signature_nothing_is_taken(signature: str) -> None:
    """401 for no signature, a damaged one and a wrong one."""
    world = a_world()

    reply = world.post("/v1/webhooks/psa", BODY, springtide_signature=signature)

    assert (reply.status, reply.problem) == (401, "webhook-unsigned")
    assert reply.headers["www-authenticate"].startswith("Springtide-Signature")
    assert world.runtime.heard() == {}


def test_a_signature_is_for_one_body_under_one_secret() -> None:
    """Another body, another secret and another source are as good as no signature."""
    world = a_world()
    signature = world.signature(BODY)

    for reply in (
        world.post("/v1/webhooks/psa", BODY + b" ", springtide_signature=signature),
        world.post("/v1/webhooks/other", BODY, springtide_signature=signature),
        world.post("/v1/webhooks/psa/psa", BODY, springtide_signature=signature),
        world.webhook(BODY, secret="another"),  # noqa: S106  # of nobody
    ):
        assert (reply.status, reply.problem) == (401, "webhook-unsigned")
    assert world.runtime.heard() == {}


def test_while_a_secret_changes_one_of_two_signatures_is_enough() -> None:
    """A source that signs under the old and the new secret is let in under either."""
    world = a_world()
    at, right = world.signature(BODY).split(",")
    _, other = world.signature(BODY, secret="the next one").split(",")  # noqa: S106  # of nobody

    reply = world.post("/v1/webhooks/psa", BODY, springtide_signature=f"{at}, {other}, {right}")

    assert reply.status == 202


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_signature_is_worth_nothing(minutes: int) -> None:
    """401 beyond the tolerance, on either side of now."""
    world = a_world()

    reply = world.webhook(BODY, world.clock.now_ms + minutes * MINUTE_MS)

    assert (reply.status, reply.problem) == (401, "webhook-too-old")
    assert world.webhook(BODY, world.clock.now_ms - 4 * MINUTE_MS).status == 202


def test_a_replay_is_told_that_there_is_nothing_to_repeat() -> None:
    """409 for the same bytes under the same signature, for as long as the signature is good; nothing is taken twice."""
    world = a_world()
    signature = world.signature(BODY)
    world.post("/v1/webhooks/psa", BODY, springtide_signature=signature)
    taken = len(world.runtime.sizes)

    for minutes in (0, 2, 4):
        world.clock.now_ms += minutes * MINUTE_MS // 2
        reply = world.post("/v1/webhooks/psa", BODY, springtide_signature=signature)
        assert (reply.status, reply.problem) == (409, "webhook-replayed")
    world.clock.now_ms += 5 * MINUTE_MS

    assert world.post("/v1/webhooks/psa", BODY, springtide_signature=signature).status == 401
    assert len(world.runtime.sizes) == taken


def test_what_was_not_taken_in_may_come_again() -> None:
    """After a 503 the same delivery, with the same signature, is no replay."""
    world = a_world()
    world.runtime.bounds["DE01"] = IntakeRefusedError("moving", 500)

    first = world.webhook(BODY)
    del world.runtime.bounds["DE01"]
    again = world.webhook(BODY)

    assert (first.status, again.status) == (503, 202)
    assert again.taken() == ["accepted"]


def test_what_a_webhook_says_that_nobody_can_read_is_kept() -> None:
    """A dead letter names its source; an array that is none is one letter."""
    world = a_world()
    array = b'[{"type":"time_entry.approved"'

    assert world.webhook(b'{"type":"new.thing"}').taken() == ["quarantined"]
    assert world.webhook(array).taken() == ["quarantined"]

    assert {letter.source for letter in world.waiting()} == {"webhook:psa"}
    assert array in {letter.body for letter in world.waiting()}


@pytest.mark.parametrize(
    "body",
    [
        event("TS-1", entity="US01"),
        {"type": "configuration.changed", "entity": "DE01", "version": 1, "changes": {"linger_ms": "1"}, "why": "x"},
    ],
    ids=["another entity", "a command"],
)
def test_a_source_speaks_for_its_entities_and_commands_nobody(body: object) -> None:
    """403 for another entity, and for what is a person's to decide."""
    world = a_world()

    reply = world.webhook(json.dumps(body).encode())

    assert (reply.status, reply.problem) == (403, "forbidden")


def test_a_webhook_without_a_secret_does_not_start() -> None:
    """Closed by default: a source whose secret cannot be read stops the start, and the error does not hold a secret."""
    world = a_world()

    with pytest.raises(ConfigurationError) as told:
        build_app(
            world.settings,
            world.runtime,
            world.runtime,
            world.office,
            Access(AccessSettings(), world.clock),
            world.metrics,
            world.clock,
            {"OTHER": SECRET},
        )

    assert SECRET not in str(told.value)


def test_refused_webhooks_are_counted_by_reason() -> None:
    """An alert can tell a rotated secret from a clock that is off."""
    world = a_world()
    world.webhook(BODY, secret="another")  # noqa: S106  # of nobody
    world.webhook(BODY, 1_000)
    world.webhook(BODY)
    world.webhook(BODY)

    text = world.metrics.render().decode()

    for reason in ("webhook-unsigned", "webhook-too-old", "webhook-replayed"):
        assert f'springtide_webhook_refusals_total{{reason="{reason}"}} 1.0' in text


async def crowd(
    world: World, bodies: list[bytes], said: dict[str, str]
) -> tuple[list[asyncio.Task[Reply]], asyncio.Event]:
    """Deliveries that have sent all but their end, which comes with the event."""
    free = asyncio.Event()

    async def end() -> None:
        await free.wait()

    one = "/v1/webhooks/psa"
    tasks = [asyncio.create_task(world.send("POST", one, [body, end()], said)) for body in bodies]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks, free


def test_who_is_not_checked_takes_no_place_of_the_intake() -> None:
    """32 unsigned deliveries hang; a key delivers all the same, and so does a signature as soon as one of them ends."""
    world = a_world(concurrent_calls=1)
    said = {"springtide-signature": f"t={world.clock.now_ms // 1_000},v1={'0' * 64}"}
    bulk = {"content-type": "application/x-ndjson"}
    signed = {"content-type": "application/json", "springtide-signature": world.signature(BODY)}

    async def story() -> tuple[list[Reply], Reply, Reply, Reply]:
        tasks, free = await crowd(world, [b"x"] * webhooks.UNCHECKED, said)
        keyed = await world.send("POST", "/v1/bulk", [ndjson(event("TS-2"))], bulk, OPS)
        turned_away = await world.send("POST", "/v1/webhooks/psa", [BODY], signed)
        free.set()
        hung = await asyncio.gather(*tasks)
        return hung, keyed, turned_away, await world.send("POST", "/v1/webhooks/psa", [BODY], signed)

    hung, keyed, turned_away, after = asyncio.run(story())

    assert {reply.problem for reply in hung} == {"webhook-unsigned"}
    assert keyed.status == 202
    assert (turned_away.status, turned_away.problem, turned_away.headers["retry-after"]) == (
        503,
        "concurrent_calls",
        "1",
    )
    assert after.status == 202


def test_who_is_not_checked_takes_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be kept beyond the budget is turned away, and what was given back may be taken again."""
    monkeypatch.setattr(webhooks, "UNCHECKED_BYTES", 2_500)
    world = a_world(body_bytes=1_024)
    said = {"springtide-signature": f"t={world.clock.now_ms // 1_000},v1={'0' * 64}"}

    async def story() -> list[str]:
        found = []
        for _ in range(2):
            tasks, free = await crowd(world, [b"x" * 1_000] * 3, said)
            free.set()
            found += [reply.problem for reply in await asyncio.gather(*tasks)]
        return found

    assert asyncio.run(story()) == ["webhook-unsigned", "webhook-unsigned", "concurrent_calls"] * 2


def test_a_signed_delivery_has_a_place_of_the_intake() -> None:
    """Once it is checked it counts as any other: 503 where the intake is full."""
    world = a_world(concurrent_calls=1)

    async def story() -> tuple[Reply, Reply]:
        free = asyncio.Event()

        async def wait(entity: str) -> None:
            await free.wait()

        world.runtime.before_take = wait
        bulk = {"content-type": "application/x-ndjson"}
        first = asyncio.create_task(world.send("POST", "/v1/bulk", [ndjson(event("TS-2"))], bulk, OPS))
        await asyncio.sleep(0)
        signed = {"content-type": "application/json", "springtide-signature": world.signature(BODY)}
        second = await world.send("POST", "/v1/webhooks/psa", [BODY], signed)
        free.set()
        return await first, second

    first, second = asyncio.run(story())

    assert (first.status, second.status, second.problem) == (202, 503, "concurrent_calls")


@pytest.mark.parametrize("body", [b"{", b" " * 2_000], ids=["small", "too large"])
@pytest.mark.parametrize("minutes", [0, -6], ids=["now", "old"])
def test_nobody_learns_which_sources_there_are(body: bytes, minutes: int) -> None:
    """A source that is not configured is read and answered like one that signs wrongly, byte for byte."""
    world = a_world(body_bytes=1_024)
    said = {"springtide-signature": f"t={(world.clock.now_ms + minutes * MINUTE_MS) // 1_000},v1={'0' * 64}"}

    def told(source: str) -> tuple[int, dict[str, str], bytes]:
        reply = world.ask("POST", f"/v1/webhooks/{source}", body, said)
        return reply.status, reply.headers, reply.body.replace(source.encode(), b"???")

    assert told("psa") == told("hrm")


def test_nothing_that_is_not_signed_says_what_the_body_is() -> None:
    """415 for binary mode: its headers would say what the event is, and the signature covers the body alone."""
    world = a_world()
    data = json.dumps(cloud(event("TS-1"))["data"]).encode()

    reply = world.webhook(data, ce_specversion="1.0", ce_id="1", ce_source="/psa", ce_type="time_entry.approved")

    assert (reply.status, reply.problem) == (415, "wrong-content-type")
    assert world.runtime.heard() == {}
