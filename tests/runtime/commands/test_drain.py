"""`springtide drain` and `springtide audit`."""

from dataclasses import replace

import pytest

from runtime.ports import AuditNote
from tests.runtime.commands.a_gateway import AGateway, springtide

NOTE = AuditNote(1_774_971_000_000, "key:ops", "pause", "DE01", "ledger under repair", "done")


def test_drain_hands_its_reason_over() -> None:
    """A process ends because somebody wants it to, and says why."""
    gateway = AGateway()

    said = springtide(gateway, "drain", "--why", "upgrade")

    assert (said.code, gateway.draining) == (0, "upgrade")
    assert "drains" in said.out


@pytest.mark.parametrize("body", [b"{}", b'{"draining": false}', b'{"draining": "soon"}', b"[]"])
def test_drain_believes_nothing_else_than_that_it_drains(body: bytes) -> None:
    """Whoever waits for the process to end must not wait because something else said 200."""
    said = springtide(AGateway(instead=(200, body)), "drain", "--why", "upgrade")

    assert (said.code, said.out, said.err.count("\n")) == (1, "", 1)


def test_one_host_is_drained_and_the_process_goes_on() -> None:
    """With --host the process that answers does not drain; a host that nobody knows is one line and exit 1."""
    gateway = AGateway(hosts={"host:EMEA:1": "EMEA", "host:EMEA:2": "EMEA"})

    said = springtide(gateway, "drain", "--host", "host:EMEA:2", "--why", "node goes")
    unknown = springtide(gateway, "drain", "--host", "host:EMEA:9", "--why", "node goes")

    assert (said.code, gateway.ordered, gateway.draining) == (0, [("drain", "host:EMEA:2", "node goes")], "")
    assert "host:EMEA:2 is emptied" in said.out
    assert (unknown.code, unknown.out, unknown.err.count("\n")) == (1, "", 1)
    assert "living hosts: host:EMEA:1" in unknown.err


def test_restart_names_every_host_that_will_be_replaced() -> None:
    """All of them, or those of a region; in one process it is one line that says so, and exit 1."""
    gateway = AGateway(hosts={"host:EMEA:1": "EMEA", "host:AMER:2": "AMER"})

    region = springtide(gateway, "restart", "--region", "AMER", "--why", "new build")
    everybody = springtide(gateway, "restart", "--why", "new build")
    embedded = springtide(AGateway(), "restart", "--why", "new build")

    assert (region.code, everybody.code) == (0, 0)
    assert region.out.startswith("1 host will be replaced, one after the other: host:AMER:2\n")
    assert "2 hosts will be replaced" in everybody.out
    assert [host for verb, host, _ in gateway.ordered if verb == "restart"] == [
        "host:AMER:2",
        "host:EMEA:1",
        "host:AMER:2",
    ]
    assert (embedded.code, embedded.out, embedded.err.count("\n")) == (1, "", 1)
    assert "nothing to roll" in embedded.err


def test_drain_needs_a_reason() -> None:
    """Without one nothing is sent."""
    gateway = AGateway()

    assert springtide(gateway, "drain").code == 2
    assert gateway.asked == []


def test_the_audit_says_who_commanded_what_and_why() -> None:
    """One row a note, the instant in UTC."""
    said = springtide(AGateway(notes=[NOTE]), "audit")

    (row,) = said.out.splitlines()[1:]
    assert " ".join(row.split()) == "2026-03-31 15:30:00.000Z key:ops pause DE01 ledger under repair done"


def test_the_audit_for_machines() -> None:
    """JSON and nothing else, at most as many as asked for."""
    said = springtide(AGateway(notes=[NOTE, NOTE, NOTE]), "audit", "--json", "--most", "2")

    assert len(said.json["notes"]) == 2
    assert springtide(AGateway(), "audit").out == "nothing was commanded yet\n"


def test_the_audit_goes_back_page_by_page() -> None:
    """Many notes are several requests; it says how to see those before, and shows them."""
    gateway = AGateway(notes=[replace(NOTE, target=f"E{number}") for number in range(2_500)])

    latest = springtide(gateway, "audit", "--most", "1200", "--json")
    older = springtide(gateway, "audit", "--most", "5000", "--before", str(latest.json["next"]))
    few = springtide(gateway, "audit", "--most", "2")

    assert [note["target"] for note in latest.json["notes"]] == [f"E{number}" for number in range(1_200)]
    assert [line.split()[4] for line in older.out.splitlines()[1:]] == [f"E{number}" for number in range(1_200, 2_500)]
    assert (few.err, older.err) == ("older ones: springtide audit --before 2499\n", "")
    assert springtide(gateway, "audit", "--before", "1").out == "nothing was commanded before note 1\n"


def test_the_audit_asks_for_at_least_one() -> None:
    """A number that makes no sense is bad input."""
    assert springtide(AGateway(), "audit", "--most", "0").code == 2
