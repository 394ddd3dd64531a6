"""What people see and command: by their grants, with why, and written down."""

import asyncio

import pytest

from runtime.core.inputs import Command, Pause, Retry, Waive
from runtime.gateway.office import HOUR_MS, REFUSALS_MAX
from runtime.journal.memory import MemoryOffice
from runtime.ports import (
    AccountReport,
    AuditNote,
    IntakeRefusedError,
    JournalError,
    StoreAwayError,
    StoreBrokenError,
    StoreFullError,
)
from tests.runtime.gateway.a_runtime import EMEA, OPS, PSA_DE, READER, SCRAPER, a_world, event, ndjson

WHY = "ledger under repair"


def test_a_caller_sees_the_entities_of_their_grants() -> None:
    """Partitions, forecasts and accounts of another region are not there."""
    world = a_world()

    seen = [report["entity"] for report in world.get("/v1/status", EMEA).json["partitions"]]
    accounts = [report["account"] for report in world.get("/v1/accounts", EMEA).json["accounts"]]

    forecasts = [one["entity"] for one in world.get("/v1/status", EMEA).json["forecasts"]]
    assert seen == forecasts == ["DE01"]
    assert accounts == ["erp", "psa"]
    assert len(world.get("/v1/status", READER).json["partitions"]) == 2
    assert world.get("/v1/status", PSA_DE).problem == "forbidden"


def test_a_story_is_for_those_who_may_trace_its_entity() -> None:
    """404 for what was never heard of, 403 for another region; an id may hold a slash."""
    world = a_world()
    world.post("/v1/bulk", ndjson(event("TS/1 ü"), event("TS-2", entity="US01")), OPS)

    assert world.get("/v1/trace/DE01/TS%2F1%20%C3%BC", EMEA).json["entry_id"] == "TS/1 ü"
    assert world.get("/v1/trace/US01/TS-2", EMEA).problem == "forbidden"
    assert world.get("/v1/trace/DE01/TS-2", EMEA).problem == "unknown-entry"
    assert world.get("/v1/trace/DE01/%00", EMEA).problem == "unknown-entry"
    assert world.get("/v1/trace/XX99/TS-2", OPS).problem == "unknown-entity"


def test_a_command_is_journalled_and_audited() -> None:
    """With who and why; a second one has nothing to do, and the audit says so."""
    world = a_world()

    first = world.post("/v1/commands", {"verb": "pause", "entity": "DE01", "why": WHY}, OPS)
    again = world.post("/v1/commands", {"verb": "pause", "entity": "DE01", "why": WHY}, OPS)

    assert first.json == {"results": [{"entity": "DE01", "done": True}]}
    assert again.json == {"results": [{"entity": "DE01", "done": False}]}
    assert world.runtime.commands[0] == ("DE01", Pause("key:ops", WHY))
    assert world.notes() == [
        ("key:ops", "pause", "DE01", WHY, "begun"),
        ("key:ops", "pause", "DE01", WHY, "done"),
        ("key:ops", "pause", "DE01", WHY, "begun"),
        ("key:ops", "pause", "DE01", WHY, "nothing to do"),
    ]
    assert [note["outcome"] for note in world.get("/v1/audit?most=1", OPS).json["notes"]] == ["nothing to do"]


@pytest.mark.parametrize(
    ("whom", "entities"),
    [
        ({"region": "emea"}, ["DE01"]),
        ({"account": "erp-us"}, ["US01"]),
        ({"account": "psa"}, ["DE01", "US01"]),
    ],
)
def test_a_command_for_many_reaches_each(whom: dict[str, str], entities: list[str]) -> None:
    """A region and an account stand for the entities that run there or use it; each has its own result and note."""
    world = a_world()

    reply = world.post("/v1/commands", {"verb": "pause", **whom, "why": WHY}, OPS)

    assert [result["entity"] for result in reply.json["results"]] == entities
    begun, *done = world.notes()
    assert begun[2:] == (f"{next(iter(whom.values()))}: {', '.join(entities)}", WHY, "begun")
    assert sorted(target for _, _, target, _, _ in done) == entities


def test_a_command_that_a_grant_covers_in_part_is_not_carried_out_in_part() -> None:
    """403 for an account that a foreign entity uses too; nothing was commanded, and the audit names who tried."""
    world = a_world()

    reply = world.post("/v1/commands", {"verb": "pause", "account": "psa", "why": WHY}, EMEA)

    assert (reply.status, reply.problem) == (403, "forbidden")
    assert world.runtime.commands == []
    assert world.notes() == [("key:emea", "pause", "psa", WHY, "refused: forbidden")]


def test_entries_are_retried_where_they_are_and_waived_one_by_one() -> None:
    """Without an entity every one that the caller may command is asked."""
    world = a_world()
    world.post("/v1/bulk", ndjson(event("TS-1"), event("TS-2"), event("TS-3", entity="US01")), OPS)

    retried = world.post("/v1/commands", {"verb": "retry", "entries": ["TS-1", "TS-3"], "why": WHY}, OPS)
    waived = world.post(
        "/v1/commands", {"verb": "waive", "entity": "DE01", "entries": ["TS-2", "TS-9"], "why": WHY}, OPS
    )

    assert [result["done"] for result in retried.json["results"]] == [True, True]
    assert waived.json["results"] == [{"entity": "DE01", "done": True}]
    assert world.runtime.commands[0] == ("DE01", Retry(("TS-1", "TS-3"), "key:ops", WHY))
    assert world.runtime.commands[2] == ("DE01", Waive("TS-2", "key:ops", WHY))
    assert world.notes()[-1][2] == "DE01 TS-2, TS-9"


def test_what_one_entity_cannot_do_now_is_said_of_it_alone() -> None:
    """A partition that moves has a reason in its result; the others are done."""
    world = a_world()
    world.runtime.bounds["US01"] = IntakeRefusedError("moving", 500)

    reply = world.post("/v1/commands", {"verb": "pause", "account": "psa", "why": WHY}, OPS)

    assert reply.json["results"] == [
        {"entity": "DE01", "done": True},
        {"entity": "US01", "done": False, "reason": "moving: try again"},
    ]
    assert sorted(outcome for *_, outcome in world.notes()[1:]) == ["done", "moving: try again"]


class FailingOffice(MemoryOffice):
    """An office whose audit cannot be written any more after so many notes."""

    def __init__(self, notes: int, fault: JournalError) -> None:
        super().__init__()
        self.left = notes
        self.fault = fault

    def note(self, note: AuditNote) -> None:
        self.left -= 1
        if self.left < 0:
            raise self.fault
        super().note(note)


@pytest.mark.parametrize("fault", [StoreFullError("full"), StoreAwayError("away"), StoreBrokenError("damaged")])
def test_nothing_is_done_that_the_audit_cannot_say_has_begun(fault: JournalError) -> None:
    """503 with a time to come back, and no entity heard of the command."""
    world = a_world(FailingOffice(0, fault))

    reply = world.post("/v1/commands", {"verb": "pause", "account": "psa", "why": WHY}, OPS)

    assert (reply.status, "retry-after" in reply.headers) == (503, True)
    assert world.runtime.commands == []


def test_an_outcome_that_cannot_be_noted_is_said_and_ends_nothing() -> None:
    """Both entities are paused and told of; what is not in the audit stands in the result."""
    world = a_world(FailingOffice(1, StoreAwayError("away")))

    reply = world.post("/v1/commands", {"verb": "pause", "account": "psa", "why": WHY}, OPS)

    assert reply.status == 200
    assert [(one["entity"], one["done"], bool(one["audit"])) for one in reply.json["results"]] == [
        ("DE01", True, True),
        ("US01", True, True),
    ]
    assert [(target, outcome) for _, _, target, _, outcome in world.notes()] == [("psa: DE01, US01", "begun")]


@pytest.mark.parametrize(
    ("fault", "reason"), [(StoreAwayError("x"), "moving: try again"), (RuntimeError("a bug"), "internal: its status")]
)
def test_what_fails_in_one_entity_does_not_hide_the_others(
    monkeypatch: pytest.MonkeyPatch, fault: Exception, reason: str
) -> None:
    """Whatever an entity answers, every other one has its result."""
    world = a_world()
    command = world.runtime.command

    async def failing(entity: str, what: Command) -> bool:
        if entity == "DE01":
            raise fault
        return await command(entity, what)

    monkeypatch.setattr(world.runtime, "command", failing)
    first, second = world.post("/v1/commands", {"verb": "pause", "account": "psa", "why": WHY}, OPS).json["results"]

    assert (first["done"], first["reason"].startswith(reason)) == (False, True)
    assert second == {"entity": "US01", "done": True}


def test_a_command_goes_to_all_entities_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is slow keeps no other waiting: each is told although nobody has answered yet."""
    world = a_world()
    told: list[str] = []

    async def story() -> list[str]:
        everybody = asyncio.Event()

        async def slow(entity: str, what: Command) -> bool:
            told.append(entity)
            if len(told) == 2:
                everybody.set()
            await everybody.wait()
            return True

        monkeypatch.setattr(world.runtime, "command", slow)
        body = b'{"verb":"pause","account":"psa","why":"x"}'
        reply = await asyncio.wait_for(world.send("POST", "/v1/commands", [body], {}, OPS), 5)
        return [one["entity"] for one in reply.json["results"]]

    assert asyncio.run(story()) == ["DE01", "US01"]


@pytest.mark.parametrize("path", ["/v1/status", "/v1/accounts", "/v1/trace/DE01/TS-1"])
def test_a_question_that_the_store_cannot_answer_now_is_to_be_asked_again(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """503 "moving" with a time to come back, and never 500."""
    world = a_world()

    async def away(*_: object) -> None:
        raise StoreAwayError("no answer from 10.0.0.7")

    for name in ("partitions", "accounts", "trace"):
        monkeypatch.setattr(world.runtime, name, away)
    reply = world.get(path, OPS)

    assert (reply.status, reply.problem, reply.headers["retry-after"]) == (503, "moving", "5")
    assert b"10.0.0.7" not in reply.body


def test_what_others_do_is_told_to_those_who_may_see_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the process waits for, and who waits at an account, may name entities of others."""
    world = a_world()
    world.runtime.waits_for = "US01 recovers"

    async def accounts() -> list[AccountReport]:
        return [AccountReport("psa", "h1", "open", 0, 0, 600, 0, 300_000, 0, {"DE01": 1, "US01": 2})]

    monkeypatch.setattr(world.runtime, "accounts", accounts)

    assert world.get("/v1/status", EMEA).json["ready"] == "not ready"
    assert world.get("/v1/status", OPS).json["ready"] == "US01 recovers"
    assert world.get("/v1/accounts", EMEA).json["accounts"][0]["waiting"] == {"DE01": 1}
    assert world.get("/v1/accounts", OPS).json["accounts"][0]["waiting"] == {"DE01": 1, "US01": 2}


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ({"verb": "pause", "entity": "DE01"}, "invalid"),
        ({"verb": "pause", "entity": "DE01", "why": " "}, "invalid"),
        ({"verb": "pause", "entity": "DE01", "why": "a\nb"}, "invalid"),
        ({"verb": "stop", "entity": "DE01", "why": WHY}, "invalid"),
        ({"verb": "pause", "why": WHY}, "invalid"),
        ({"verb": "pause", "entity": "DE01", "region": "emea", "why": WHY}, "invalid"),
        ({"verb": "pause", "entity": "DE01", "entries": ["TS-1"], "why": WHY}, "invalid"),
        ({"verb": "retry", "why": WHY}, "invalid"),
        ({"verb": "retry", "entries": [], "why": WHY}, "invalid"),
        ({"verb": "waive", "entity": "DE01", "entries": [""], "why": WHY}, "invalid"),
        ({"verb": "waive", "entries": ["TS-1"], "why": WHY}, "invalid"),
        ({"verb": "waive", "region": "emea", "entries": ["TS-1"], "why": WHY}, "invalid"),
        ({"verb": "pause", "entity": "DE01", "why": WHY, "force": True}, "invalid"),
        ([], "invalid"),
        (b"{", "malformed"),
        (b'{"verb":"pause","verb":"resume","entity":"DE01","why":"x"}', "malformed"),
        (b'{"why":' + b"[" * 1_000 + b"]" * 1_000 + b"}", "too-deep"),
        ({"verb": "pause", "entity": "XX99", "why": WHY}, "unknown-entity"),
        ({"verb": "pause", "region": "mars", "why": WHY}, "unknown-entity"),
    ],
)
def test_a_command_that_is_not_clear_is_not_guessed_at(command: object, problem: str) -> None:
    """One problem says what is missing, and nothing was commanded."""
    world = a_world()

    reply = world.post("/v1/commands", command, OPS)

    assert reply.problem == problem
    assert reply.status == {"unknown-entity": 404}.get(problem, 400)
    assert world.runtime.commands == []


def test_a_flaw_is_named_by_its_place() -> None:
    """`errors` holds a JSON pointer for what is wrong inside the body."""
    reply = a_world().post("/v1/commands", {"verb": "retry", "entries": [7], "why": WHY}, OPS)

    assert reply.json["errors"] == [{"pointer": "/entries/0", "detail": "Expected `str`, got `int`"}]


def test_draining_is_said_before_it_is_done() -> None:
    """202 at once, the audit first, and the runtime is told who and why."""
    world = a_world()

    async def story() -> int:
        reply = await world.send("POST", "/v1/drain", [b'{"why":"upgrade"}'], {}, OPS)
        await asyncio.sleep(0)
        return reply.status

    assert asyncio.run(story()) == 202
    assert world.runtime.drained == [("key:ops", "upgrade")]
    assert world.notes() == [("key:ops", "drain", "", "upgrade", "begun")]
    assert world.post("/v1/drain", {"why": "x"}, EMEA).problem == "forbidden"
    assert world.notes()[-1] == ("key:emea", "drain", "", "", "refused: forbidden")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/events"),
        ("POST", "/v1/bulk"),
        ("GET", "/v1/status"),
        ("GET", "/v1/accounts"),
        ("GET", "/v1/trace/DE01/TS-1"),
        ("GET", "/v1/audit"),
        ("POST", "/v1/commands"),
        ("POST", "/v1/drain"),
        ("GET", "/v1/dead-letters"),
        ("POST", "/v1/dead-letters/replay"),
        ("POST", "/v1/dead-letters/drop"),
        ("GET", "/metrics"),
    ],
)
def test_everything_is_closed(method: str, path: str) -> None:
    """401 without a key, and 403 with one whose grants are about something else."""
    world = a_world()
    other = SCRAPER if path in ("/v1/status", "/v1/accounts") else READER

    assert world.ask(method, path).status == 401
    assert world.ask(method, path, key=other).status == 403


@pytest.mark.parametrize("path", ["/v1/audit", "/v1/dead-letters", "/metrics"])
def test_what_belongs_to_no_one_entity_takes_a_grant_for_everything(path: str) -> None:
    """A grant for a region does not show what happens in the others."""
    assert a_world().get(path, EMEA).problem == "forbidden"


def test_probes_are_open_and_tell_nothing() -> None:
    """Liveness is that it answers; readiness is what the runtime says, without why."""
    world = a_world()
    assert (world.get("/live").status, world.get("/ready").status) == (200, 200)

    world.runtime.waits_for = "DE01 recovers"

    assert world.get("/live").status == 200
    assert world.get("/ready").status == 503
    assert world.get("/ready").json == {"ready": False}
    assert world.get("/v1/status", OPS).json["ready"] == "DE01 recovers"


def test_metrics_are_text_for_those_who_may_scrape() -> None:
    """Prometheus reads the format that the type says."""
    reply = a_world().get("/metrics", SCRAPER)

    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b"springtide_" in reply.body


CLUSTER = {"host:EMEA:1": "EMEA", "host:EMEA:2": "EMEA", "host:AMER:1": "AMER"}


def test_a_rolling_restart_is_ordered_for_every_living_host() -> None:
    """The orders stand in the office, where whoever supervises finds them, and the audit says for whom."""
    world = a_world()
    world.runtime.living = dict(CLUSTER)

    reply = world.post("/v1/hosts/restart", {"why": "new build"}, OPS)
    region = world.post("/v1/hosts/restart", {"region": "AMER", "why": "again"}, OPS)

    assert (reply.status, reply.json["hosts"]) == (202, sorted(CLUSTER))
    assert region.json["hosts"] == ["host:AMER:1"]
    assert {(one.host, one.verb, one.who, one.why) for one in world.office.orders()} == {
        ("host:EMEA:1", "restart", "key:ops", "new build"),
        ("host:EMEA:2", "restart", "key:ops", "new build"),
        ("host:AMER:1", "restart", "key:ops", "again"),
    }
    assert world.notes()[0] == (
        "key:ops",
        "restart host",
        "every region: host:AMER:1, host:EMEA:1, host:EMEA:2",
        "new build",
        "begun",
    )


def test_one_host_is_drained_by_its_name() -> None:
    """That host and no other; a name that no living host has is 404 with those that can be named."""
    world = a_world()
    world.runtime.living = dict(CLUSTER)

    assert world.post("/v1/hosts/drain", {"host": "host:EMEA:2", "why": WHY}, OPS).json["hosts"] == ["host:EMEA:2"]
    unknown = world.post("/v1/hosts/drain", {"host": "host:EMEA:9", "why": WHY}, OPS)

    assert (unknown.status, unknown.problem) == (404, "unknown-host")
    assert "host:EMEA:1" in unknown.json["detail"]
    assert [(one.host, one.verb) for one in world.office.orders()] == [("host:EMEA:2", "drain")]
    assert world.notes()[-1][-1] == "refused: unknown-host"


def test_in_one_process_there_is_nothing_to_roll() -> None:
    """409 that says so, and what ends the process; nothing is ordered."""
    world = a_world()

    for path, what in (("restart", {}), ("drain", {"host": "h1"})):
        reply = world.post(f"/v1/hosts/{path}", {**what, "why": WHY}, OPS)
        assert (reply.status, reply.problem) == (409, "one-process")
        assert "nothing to roll" in reply.json["detail"]
    assert world.office.orders() == []


def test_hosts_are_ended_by_those_who_may_drain_everything() -> None:
    """A grant of one region, and a request without a reason, order nothing; the first stands in the audit."""
    world = a_world()
    world.runtime.living = dict(CLUSTER)

    assert world.post("/v1/hosts/restart", {"why": WHY}, EMEA).problem == "forbidden"
    assert world.post("/v1/hosts/drain", {"host": "host:EMEA:1", "why": WHY}, EMEA).problem == "forbidden"
    assert world.post("/v1/hosts/restart", {"why": " "}, OPS).problem == "invalid"
    assert world.office.orders() == []
    assert [(what, outcome) for _, what, _, _, outcome in world.notes()] == [
        ("restart host", "refused: forbidden"),
        ("drain host", "refused: forbidden"),
    ]


def test_nothing_is_ordered_while_nobody_can_tell_which_hosts_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with a time to come back."""
    world = a_world()

    async def away() -> None:
        raise IntakeRefusedError("moving", 2_000, "Ray does not answer")

    monkeypatch.setattr(world.runtime, "hosts", away)
    reply = world.post("/v1/hosts/restart", {"why": WHY}, OPS)

    assert (reply.status, reply.problem, reply.headers["retry-after"]) == (503, "moving", "2")
    assert world.office.orders() == []


def test_refusals_of_one_caller_are_written_down_so_often_and_then_counted() -> None:
    """Whoever may do nothing with their key fills no disk; others, and the next hour, have notes of their own."""
    world = a_world()
    for _ in range(REFUSALS_MAX + 5):
        assert world.post("/v1/drain", {"why": WHY}, READER).problem == "forbidden"
    world.post("/v1/commands", {"verb": "pause", "entity": "DE01", "why": WHY}, SCRAPER)

    notes = [(who, outcome) for who, *_, outcome in world.notes()]
    assert notes.count(("key:reader", "refused: forbidden")) == REFUSALS_MAX - 1
    assert notes[-2:] == [
        ("key:reader", "refused: forbidden; more refusals in this hour are only counted"),
        ("key:scraper", "refused: forbidden"),
    ]
    assert "springtide_audit_refusals_left_out_total 5.0" in world.get("/metrics", OPS).body.decode()

    world.clock.now_ms += HOUR_MS
    world.post("/v1/drain", {"why": WHY}, READER)
    assert len(world.notes()) == REFUSALS_MAX + 2


def test_the_audit_is_told_page_by_page() -> None:
    """`next` is the `before` of the next page, and 0 where there is none; what is no number is refused."""
    world = a_world()
    for number in range(3):
        world.post("/v1/drain", {"why": f"drill {number}"}, OPS)

    first = world.get("/v1/audit?most=2", OPS).json
    second = world.get(f"/v1/audit?most=2&before={first['next']}", OPS).json

    assert [note["why"] for note in first["notes"] + second["notes"]] == ["drill 2", "drill 1", "drill 0"]
    assert second["next"] == 0
    assert world.get("/v1/audit?before=-1", OPS).problem == "invalid"
