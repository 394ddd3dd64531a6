"""Dead letters: seen, tried, taken in again or dropped, by somebody who answers for it."""

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from runtime.gateway import events, letters
from runtime.gateway.openapi import plain_example
from runtime.ports import IntakeRefusedError
from tests.runtime.core.a_partition import PROJECTS, RATES
from tests.runtime.gateway.a_runtime import EMEA, OPS, World, a_world, cloud, event, ndjson

NEWER = cloud(event("TS-1", hours="7.5"), dataschema="urn:springtide:time_entry.approved:2")
DAMAGED = b'{"type":"time_entry.approved",'


def kept(*bodies: Mapping[str, Any] | bytes) -> World:
    """A world in which these could not be read."""
    world = a_world()
    world.post("/v1/bulk", ndjson(*bodies), OPS)
    return world


def learn_schema_2(monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer build, which knows schema 2 of approvals."""
    kind = events.KINDS[events.APPROVED]
    monkeypatch.setitem(events.KINDS, events.APPROVED, replace(kind, schema=2))


def test_a_letter_is_shown_as_it_came() -> None:
    """With its reason, how often it came, and, for those who ask, its bytes; by id, page by page."""
    world = kept(NEWER, DAMAGED, DAMAGED)

    page = world.get("/v1/dead-letters?most=1&bodies=1", OPS).json
    rest = world.get(f"/v1/dead-letters?after={page['next']}&bodies=1", OPS).json

    assert (page["counts"], page["next"]) == ({"waiting": 2}, page["letters"][0]["letter_id"])
    assert rest["next"] == ""
    (first,), (second,) = page["letters"], rest["letters"]
    by_kind = {letter["kind"]: letter for letter in (first, second)}
    assert base64.b64decode(by_kind["unreadable"]["body"]) == DAMAGED
    assert by_kind["unreadable"]["times"] == 2
    assert "schema" in by_kind["time_entry.approved"]["reason"]


def test_a_list_has_no_bodies_unless_somebody_asks() -> None:
    """The size stands in for them; `most` 0 asks for the numbers alone."""
    world = kept(DAMAGED)

    (letter,) = world.get("/v1/dead-letters", OPS).json["letters"]

    assert (letter["size"], "body" in letter) == (len(DAMAGED), False)
    assert world.get("/v1/dead-letters?most=0", OPS).json == {"letters": [], "counts": {"waiting": 1}, "next": ""}


def test_a_page_with_bodies_is_bounded_by_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends before it grows too large, has one letter at least, and all pages together have every letter once."""
    world = kept(*(b"[%d" % number + b" " * 100 + b"," for number in range(5)))
    monkeypatch.setattr(letters, "BODIES_MAX", 250)
    monkeypatch.setattr(letters, "READ", 2)
    pages: list[list[str]] = []
    after = ""
    while after or not pages:
        page = world.get(f"/v1/dead-letters?bodies=1&after={after}", OPS).json
        pages.append([letter["letter_id"] for letter in page["letters"]])
        after = page["next"]

    assert [len(page) for page in pages] == [2, 2, 1]
    assert [letter_id for page in pages for letter_id in page] == [letter.letter_id for letter in world.waiting()]
    monkeypatch.setattr(letters, "BODIES_MAX", 1)
    assert len(world.get("/v1/dead-letters?bodies=1", OPS).json["letters"]) == 1
    assert len(world.get("/v1/dead-letters", OPS).json["letters"]) == 5


def test_a_replay_never_takes_a_command_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of configuration that could not be read is sent again by whoever may command, or not at all."""
    change = plain_example("configuration.changed")
    world = kept(cloud(change, dataschema="urn:springtide:configuration.changed:2"))
    kind = events.KINDS["configuration.changed"]
    monkeypatch.setitem(events.KINDS, "configuration.changed", replace(kind, schema=2))

    would = world.post("/v1/dead-letters/replay", {"why": "x"}, OPS).json
    told = world.post("/v1/dead-letters/replay", {"why": "x", "dry_run": False, "per_second": 9_999}, OPS).json

    assert would["readable"] == 0
    assert told["counts"] == {"refused": 1}
    assert told["results"][0]["reason"].startswith("forbidden")
    assert len(world.waiting()) == 1
    assert world.runtime.sizes == []


def test_a_letter_beyond_the_limits_of_today_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was kept under other limits: it goes on waiting with its reason, and the others are replayed."""
    world = kept(NEWER, b'{"n":"' + b"x" * 2_000 + b'"}')
    learn_schema_2(monkeypatch)
    monkeypatch.setattr(events, "ITEM_MAX_BYTES", 1_500)

    would = world.post("/v1/dead-letters/replay", {"why": "x"}, OPS).json
    assert would["fails_again"] == {"item-too-large": 1}
    told = world.post("/v1/dead-letters/replay", {"why": "x", "dry_run": False, "per_second": 9_999}, OPS).json

    assert told["counts"] == {"accepted": 1, "refused": 1}
    assert any(result["reason"].startswith("item-too-large: ") for result in told["results"])
    assert len(world.waiting()) == 1


def test_letters_that_wait_are_counted_when_somebody_scrapes() -> None:
    """An alert sees them without anybody asking for a page."""
    world = kept(DAMAGED, b"[")

    assert b'springtide_dead_letters{state="waiting"} 2.0' in world.get("/metrics", OPS).body


def test_a_dry_run_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how many could be read now, their hours, for whom, what fails again and how long it would take."""
    world = kept(NEWER, DAMAGED, {"type": "invoice.paid"})
    learn_schema_2(monkeypatch)
    before = (world.waiting(), world.notes())

    told = world.post("/v1/dead-letters/replay", {"why": "schema 2", "per_second": 2}, OPS).json

    assert told["dry_run"] is True
    assert (told["count"], told["readable"], told["hours"], told["seconds"]) == (3, 1, "7.5", 2)
    assert told["by_kind"] == {"time_entry.approved": 1, "unreadable": 1, "unknown_type": 1}
    assert told["by_entity"] == {"DE01": 1}
    assert sum(told["fails_again"].values()) == 2
    assert (world.waiting(), world.notes()) == before
    assert world.runtime.heard() == {}


def test_a_replay_takes_in_what_can_be_read_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the same door; what fails again stays waiting, and the audit tells who, why and what came of it."""
    world = kept(NEWER, DAMAGED)
    learn_schema_2(monkeypatch)

    told = world.post("/v1/dead-letters/replay", {"why": "schema 2", "dry_run": False, "per_second": 9_999}, OPS).json

    assert told["counts"] == {"accepted": 1, "quarantined": 1}
    assert told["next"] == ""
    assert world.runtime.heard() == {"DE01": ["TS-1"]}
    assert [letter.body for letter in world.waiting()] == [DAMAGED]
    assert world.get("/v1/dead-letters?state=replayed", OPS).json["counts"] == {"replayed": 1, "waiting": 1}
    assert world.notes() == [
        ("key:ops", "replay", "2 letters", "schema 2", "begun"),
        ("key:ops", "replay", "2 letters", "schema 2", "accepted 1, quarantined 1"),
    ]


def test_a_letter_whose_entry_came_meanwhile_is_a_duplicate(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay posts nothing twice: the entry is known, and the letter is settled."""
    world = kept(NEWER)
    world.post("/v1/bulk", ndjson(event("TS-1", hours="7.5")), OPS)
    learn_schema_2(monkeypatch)

    told = world.post("/v1/dead-letters/replay", {"why": "x", "dry_run": False, "per_second": 9_999}, OPS).json

    assert told["counts"] == {"duplicate": 1}
    assert world.waiting() == []


def test_only_the_letters_named_are_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids choose; the others wait on."""
    world = kept(NEWER, {**NEWER, "id": "e-2", "data": {**event("TS-2"), "type": None}})
    learn_schema_2(monkeypatch)
    chosen = next(letter for letter in world.waiting() if b"TS-2" in letter.body)
    order = {"ids": [chosen.letter_id], "why": "one to begin with", "dry_run": False, "per_second": 9_999}

    told = world.post("/v1/dead-letters/replay", order, OPS).json

    assert [result["letter_id"] for result in told["results"]] == [chosen.letter_id]
    assert len(world.waiting()) == 1


def test_a_partition_that_refuses_leaves_the_letter_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound ends nothing: the letter says so and can be replayed later."""
    world = kept(NEWER)
    learn_schema_2(monkeypatch)
    world.runtime.bounds["DE01"] = IntakeRefusedError("moving", 500)

    told = world.post("/v1/dead-letters/replay", {"why": "x", "dry_run": False, "per_second": 9_999}, OPS).json

    assert told["counts"] == {"refused": 1}
    assert told["results"][0]["reason"] == "moving: deliver again"
    assert len(world.waiting()) == 1


def test_a_replay_is_throttled_and_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """No faster than asked, so many in one request, and `next` says after which letter to go on."""
    world = kept(*(b'{"n":%d' % number for number in range(5)))
    monkeypatch.setattr(letters, "REPLAYED_MAX", 2)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    desk = world.app._routes["/v1/dead-letters/replay"]["POST"].answer.__self__
    desk._sleep = sleep
    seen: list[str] = []
    after = ""
    for _ in range(3):
        order = {"after": after, "why": "x", "dry_run": False, "per_second": 4}
        told = world.post("/v1/dead-letters/replay", order, OPS).json
        seen += [result["letter_id"] for result in told["results"]]
        after = told["next"]

    assert slept == [0.25] * 5
    assert seen == [letter.letter_id for letter in world.waiting()]
    assert after == ""


def test_a_replay_that_is_cut_short_is_in_the_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was done until then is written down and settled; the rest waits."""
    world = kept(NEWER, {**NEWER, "data": {k: v for k, v in event("TS-2").items() if k != "type"}})
    learn_schema_2(monkeypatch)

    async def story() -> None:
        asked: asyncio.Task[object]

        async def sleep(seconds: float) -> None:
            asked.cancel()
            await asyncio.Event().wait()

        world.app._routes["/v1/dead-letters/replay"]["POST"].answer.__self__._sleep = sleep
        body = json.dumps({"why": "x", "dry_run": False}).encode()
        asked = asyncio.create_task(world.send("POST", "/v1/dead-letters/replay", [body], {}, OPS))
        with pytest.raises(asyncio.CancelledError):
            await asked

    asyncio.run(story())

    assert len(world.waiting()) == 1
    assert [outcome for *_, outcome in world.notes()] == ["begun", "accepted 1"]


def test_dropped_letters_are_named_and_stay_in_the_store() -> None:
    """Nobody drops what they have not seen, and what is gone already is said."""
    world = kept(DAMAGED, b"[")
    letter_id = world.waiting()[0].letter_id

    told = world.post("/v1/dead-letters/drop", {"ids": [letter_id, "0" * 32], "why": "a test of theirs"}, OPS).json

    assert told["results"] == [{"letter_id": letter_id, "done": True}, {"letter_id": "0" * 32, "done": False}]
    assert len(world.waiting()) == 1
    assert len(world.office.letters("dropped")) == 1
    assert world.notes() == [("key:ops", "drop", letter_id, "a test of theirs", "dropped 1")]
    assert world.post("/v1/dead-letters/drop", {"why": "all of them"}, OPS).status == 400


def test_letters_are_for_those_who_may_see_everything() -> None:
    """A grant for one region is not enough, since nobody knows whose a letter is; trying to change one is audited."""
    world = kept(DAMAGED)

    for reply in (
        world.get("/v1/dead-letters", EMEA),
        world.post("/v1/dead-letters/replay", {"why": "x"}, EMEA),
        world.post("/v1/dead-letters/drop", {"ids": ["0" * 32], "why": "x"}, EMEA),
    ):
        assert (reply.status, reply.problem) == (403, "forbidden")
    assert [(who, what, outcome) for who, what, _, _, outcome in world.notes()] == [
        ("key:emea", "replay", "refused: forbidden"),
        ("key:emea", "drop", "refused: forbidden"),
    ]


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("replay", {}),
        ("replay", {"why": ""}),
        ("replay", {"why": "x", "per_second": 0}),
        ("replay", {"why": "x", "ids": []}),
        ("replay", {"why": "x", "ids": ["short"]}),
        ("replay", {"why": "x", "ids": ["0" * 32] * 501, "dry_run": False}),
        ("replay", {"why": "x", "after": "zz"}),
        ("replay", {"why": "x", "dryrun": False}),
        ("drop", {"why": "x", "ids": []}),
    ],
)
def test_an_order_that_is_not_complete_is_refused(path: str, order: object) -> None:
    """400 with what is wrong; a name that nobody knows is a mistake, not a wish that is passed over."""
    world = kept(DAMAGED)

    reply = world.post(f"/v1/dead-letters/{path}", order, OPS)

    assert (reply.status, reply.problem) == (400, "invalid")
    assert reply.json["errors"]
    assert len(world.waiting()) == 1


@pytest.mark.parametrize(
    "query", ["state=gone", "bodies=2", "most=1001", "most=x", "after=%2F", "page=1", "most=1&most=2"]
)
def test_a_query_that_nobody_knows_is_refused(query: str) -> None:
    """400 names the parameter."""
    reply = a_world().get(f"/v1/dead-letters?{query}", OPS)

    assert (reply.status, reply.problem) == (400, "invalid")


def publish(world: World) -> None:
    """Rates and projects, so that DE01 can value what it takes in."""
    world.runtime.shells["DE01"].take((RATES, PROJECTS), world.clock.now_ms)


def worth_of(world: World) -> dict[str, Any]:
    """What a dry run over everything says of amounts."""
    told = world.post("/v1/dead-letters/replay", {"why": "schema 2"}, OPS).json
    return {name: told[name] for name in ("bills", "valued", "known", "left_out", "unvalued")}


def newer(entry_id: str, version: int = 1, **changes: Any) -> dict[str, Any]:
    """An approval in a schema that is not known yet."""
    letter_id = f"{entry_id}/{version}"
    schema = "urn:springtide:time_entry.approved:2"
    return cloud(event(entry_id, version, **changes), letter_id, dataschema=schema)


def test_a_dry_run_says_what_the_letters_are_worth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each partition rates its own: amounts by currency, what is known already, and why the rest has none."""
    world = kept(newer("TS-1"), newer("TS-2", hours="0.5"), newer("TS-3", project="P9"), newer("TS-4"))
    publish(world)
    world.post("/v1/bulk", ndjson(event("TS-4")), OPS)
    learn_schema_2(monkeypatch)
    before = world.runtime.shells["DE01"].journal.chain

    assert worth_of(world) == {
        "bills": {"EUR": 85_000},
        "valued": 2,
        "known": 1,
        "left_out": 0,
        "unvalued": {"project_unknown": 1},
    }
    assert world.runtime.shells["DE01"].journal.chain == before
    assert world.runtime.heard() == {"DE01": ["TS-4"]}


def test_of_several_versions_the_newest_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two letters about one entry are worth what its newer version is, in whatever order they lie there."""
    world = kept(newer("TS-1", 2, hours="2"), newer("TS-1", 1), newer("TS-1", 3, hours="1"))
    publish(world)
    learn_schema_2(monkeypatch)

    assert worth_of(world)["bills"] == {"EUR": 10_000}
    assert worth_of(world)["valued"] == 1


def test_a_partition_is_asked_for_a_few_hundred_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no turn of its own is long; all of them are counted all the same."""
    world = kept(*(newer(f"TS-{number}") for number in range(5)))
    publish(world)
    learn_schema_2(monkeypatch)
    monkeypatch.setattr(letters, "RATED_AT_ONCE", 2)

    assert worth_of(world)["bills"] == {"EUR": 400_000}
    assert world.runtime.rated == [("DE01", 2), ("DE01", 2), ("DE01", 1)]


def test_a_partition_that_cannot_be_asked_costs_its_amounts_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count, hours and duration are told all the same; it is asked once and not again for the next few hundred."""
    world = kept(newer("TS-1"), newer("TS-2"), newer("US-1", entity="US01"))
    world.runtime.bounds["DE01"] = IntakeRefusedError("moving", 500)
    learn_schema_2(monkeypatch)
    monkeypatch.setattr(letters, "RATED_AT_ONCE", 1)

    told = world.post("/v1/dead-letters/replay", {"why": "schema 2"}, OPS).json

    assert (told["count"], told["hours"], told["unvalued"]) == (3, "24", {"partition_away": 2, "project_unknown": 1})
