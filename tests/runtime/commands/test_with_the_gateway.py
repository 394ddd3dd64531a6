"""The commands against the gateway itself, in front of working partitions: both sides mean the same."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from runtime.ports import PartitionReport
from tests.runtime.commands.a_gateway import springtide
from tests.runtime.gateway.a_runtime import OPS, READER, World, a_world, event, ndjson


class InFront:
    """The application of a world, without its socket."""

    def __init__(self, world: World) -> None:
        self.world = world

    def send(self, url: str, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """One request, as it would have come over HTTP."""
        reply = self.world.ask(method, target, body, headers)
        return reply.status, reply.body

    def rest(self, seconds: float) -> None:
        """Nobody watches here."""


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> InFront:
    """A gateway that has taken in two entries, one with a slash in its name, and quarantined what it does not know."""
    world = a_world()
    reports = world.runtime.partitions

    async def partitions() -> Sequence[PartitionReport]:
        # That runtime knows whether, and not who and why.
        return [replace(report, paused="ops: x" if report.paused else "") for report in await reports()]

    monkeypatch.setattr(world.runtime, "partitions", partitions)
    unknown = {"type": "time_entry.rejected"}
    assert world.post("/v1/bulk", ndjson(event("TS-1"), event("TS/2 x"), unknown), OPS).taken() == [
        "accepted",
        "accepted",
        "quarantined",
    ]
    monkeypatch.setenv("SPRINGTIDE_KEY", OPS)
    return InFront(world)


def test_status_and_trace(door: InFront) -> None:
    """Both entities are there, the dead letter is counted, and each entry has its story."""
    status = springtide(door, "status")
    assert (status.code, status.err) == (0, "")
    assert [line.split()[0] for line in status.out.splitlines()[1:3]] == ["US01", "DE01"]
    assert "dead letters: 1 waiting" in status.out

    assert "TS/2 x of DE01" in springtide(door, "trace", "TS/2 x").out
    assert "never heard of" in springtide(door, "trace", "TS-9").err
    assert "not configured here" in springtide(door, "trace", "TS-1", "--entity", "DE09").err


def test_commands_are_carried_out_and_audited(door: InFront) -> None:
    """A pause and what ends it change the partition; each stands in the audit with who and why."""
    assert springtide(door, "pause", "--region", "emea", "--why", "cut-over").out == "paused DE01\n"
    assert "DE01 is paused" in springtide(door, "status").out
    assert springtide(door, "pause", "--account", "erp", "--why", "again").code == 1
    assert springtide(door, "resume", "--entity", "DE01", "--why", "done").out == "resumed DE01\n"
    # Nobody has published a project, so both entries are parked.
    assert springtide(door, "retry", "TS-1", "--why", "published").out == "trying again in DE01\n"
    assert springtide(door, "waive", "TS/2 x", "--why", "written off").out == "waived in DE01\n"
    assert "nothing to waive" in springtide(door, "waive", "TS/2 x", "--why", "x").err
    assert "nothing to retry" in springtide(door, "retry", "TS-9", "--why", "x").err
    assert springtide(door, "pause", "--region", "moon", "--why", "x").code == 1

    audit = springtide(door, "audit", "--most", "50")
    assert "key:ops" in audit.out
    assert "cut-over" in audit.out


def test_dead_letters_are_shown_and_replayed(door: InFront) -> None:
    """A dry run changes nothing; what still cannot be read fails again and waits on."""
    (letter,) = springtide(door, "letters", "--json").json["letters"]

    dry = springtide(door, "replay", "--all", "--why", "mended")
    assert dry.code == 0
    assert "would take in 1 letter again" in dry.out
    assert "would fail again" in dry.out

    done = springtide(door, "replay", letter["letter_id"], "--yes", "--per-second", "10000", "--why", "mended")
    assert done.code == 1
    assert done.out == "replayed 1 letter: quarantined (1)\n"
    assert [waiting.letter_id for waiting in door.world.waiting()] == [letter["letter_id"]]


def test_drain_is_told(door: InFront) -> None:
    """The gateway takes the drain and says so."""
    assert springtide(door, "drain", "--why", "upgrade").code == 0


def test_a_key_for_less_sees_less(door: InFront, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader sees the status without the letters, and is refused what is not theirs, in one line."""
    monkeypatch.setenv("SPRINGTIDE_KEY", READER)

    assert "dead letters: this key may not see them" in springtide(door, "status").out
    for argv in (("audit",), ("letters",), ("drain", "--why", "x"), ("pause", "--entity", "DE01", "--why", "x")):
        said = springtide(door, *argv)
        assert (said.code, said.err.count("\n")) == (1, 1)
        assert "(403)" in said.err


def test_a_key_that_nobody_knows_is_told_so(door: InFront, monkeypatch: pytest.MonkeyPatch) -> None:
    """401 with what to do about it."""
    monkeypatch.setenv("SPRINGTIDE_KEY", "stk_ops_wrong")

    said = springtide(door, "status")

    assert said.code == 1
    assert "(401); set SPRINGTIDE_KEY" in said.err
