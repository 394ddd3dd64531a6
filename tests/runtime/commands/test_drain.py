"""`springtide drain` and `springtide audit`."""

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


def test_the_audit_asks_for_at_least_one() -> None:
    """A number that makes no sense is bad input."""
    assert springtide(AGateway(), "audit", "--most", "0").code == 2
