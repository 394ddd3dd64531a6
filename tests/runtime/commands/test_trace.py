"""`springtide trace`: the whole story of an entry, wherever it is."""

from runtime.ports import EntryTrace, TraceStep
from tests.runtime.commands.a_gateway import AGateway, springtide
from tests.runtime.commands.test_status import DE01, NO01, NOW_MS

STORY = EntryTrace(
    entity="DE01",
    entry_id="TS/1 001",
    place="in_flight",
    phase="queued",
    latest=2,
    ledger_id="L-7",
    keys=("acme|DE01|TS/1 001|1|post|0|1",),
    steps=(
        TraceStep(NOW_MS, "EntryReceived", "version 1"),
        TraceStep(NOW_MS + 5_250, "BatchSent", "call B-1"),
        TraceStep(NOW_MS + 5_250, "RowsApplied", "ledger L-7"),
        TraceStep(NOW_MS + 9_005_250, "EntryReceived", "version 2"),
    ),
)


def a_gateway() -> AGateway:
    """Two entities, one of which knows the entry."""
    return AGateway(partitions=[NO01, DE01], traces={("DE01", "TS/1 001"): STORY})


def test_the_story_is_told_in_order_with_the_time_between_steps() -> None:
    """Where it is now, then each step with its instant and how long after the one before, then its keys."""
    said = springtide(a_gateway(), "trace", "TS/1 001", "--entity", "DE01")

    assert said.code == 0
    assert "version 2 is in flight (queued), in the ledger as L-7" in said.out
    steps = [line for line in said.out.splitlines() if line.startswith("2026-")]
    assert [" ".join(step.split()) for step in steps] == [
        "2026-03-31 15:30:00.000Z entry received version 1",
        "2026-03-31 15:30:05.250Z +5.2 s batch sent call B-1",
        "2026-03-31 15:30:05.250Z rows applied ledger L-7",
        "2026-03-31 18:00:05.250Z +2 h 30 min entry received version 2",
    ]
    assert "  acme|DE01|TS/1 001|1|post|0|1\n" in said.out


def test_without_an_entity_every_one_that_the_key_sees_is_asked() -> None:
    """A person who has an entry's id need not know whose it is."""
    gateway = a_gateway()

    assert "TS/1 001 of DE01" in springtide(gateway, "trace", "TS/1 001").out
    assert [target for _, target in gateway.asked] == [
        "/v1/status",
        "/v1/trace/DE01/TS%2F1%20001",
        "/v1/trace/NO01/TS%2F1%20001",
    ]


def test_json_is_every_story_found() -> None:
    """An entry known to two entities has two stories."""
    gateway = a_gateway()
    gateway.traces["NO01", "TS/1 001"] = STORY

    found = springtide(gateway, "trace", "TS/1 001", "--json").json["traces"]

    assert [one["steps"][1]["kind"] for one in found] == ["BatchSent", "BatchSent"]


def test_never_heard_of_is_exit_1_and_says_where_it_may_be() -> None:
    """Not here may mean at the source, or in a dead letter."""
    said = springtide(a_gateway(), "trace", "TS-2", "--entity", "NO01")

    assert (said.code, said.out) == (1, "")
    assert "never heard of in NO01" in said.err
    assert "springtide letters" in said.err


def test_an_entity_that_is_not_configured_is_said() -> None:
    """A slip in the entity is not taken for an entry that was never heard of."""
    said = springtide(a_gateway(), "trace", "TS/1 001", "--entity", "DE10")

    assert said.code == 1
    assert "No such legal entity" in said.err
    assert "never heard of" not in said.err
