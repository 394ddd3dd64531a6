"""The wire between gateway and host: whatever is said arrives as it was, and a no arrives as a no."""

import asyncio
from datetime import date
from decimal import Decimal

import msgspec
import pytest

from runtime.core.account import CallServed, CallTurnedAway
from runtime.core.answers import Door
from runtime.core.inputs import Command, Pause, Retry, Waive
from runtime.core.loans import Ask, Lent
from runtime.core.model import Approval, Place, TimeEntry
from runtime.core.news import ConfigurationPublished, EntryApproved, EntryWithdrawn, MasterDataReady, News
from runtime.core.partition.worth import Worth
from runtime.drivers import wire
from runtime.drivers.reporting import absent
from runtime.drivers.supervisor import HostReport
from runtime.ports import EntryTrace, IntakeRefusedError, NotOwnerError, Pile, Receipt, Taken, TraceStep

ENTRY = TimeEntry(
    *("psa:1", 2, "psa", "1", 1, "S1", "W1", "A1", "P1", "T1", "consultant", "G1", "DE01", "DE01", "DE01", "DE01"),
    *(date(2026, 3, 31), Decimal("7.25"), "hour", "standard", True, "Europe/Berlin", "Größe", ("cc:1",)),
)
NEWS: list[News] = [
    EntryApproved(ENTRY, Approval("f", "boss", "bulk", 1_774_000_000_000)),
    EntryWithdrawn("psa:1", 3, "deleted", 1_774_000_000_001),
    MasterDataReady(("project:P1",)),
    ConfigurationPublished(1, (("linger_ms", "50"),)),
]


async def _say(what: object) -> object:
    return what


async def _raise(fault: Exception) -> object:
    raise fault


def test_news_arrives_as_it_was() -> None:
    """Every kind of news, with exact decimals and civil dates, is the same on the other side, and in order."""
    assert wire.NEWS.read(wire.NEWS.write(NEWS)) == NEWS


def test_commands_and_asks_arrive_as_they_were() -> None:
    """People's commands and a borrower's words keep their kind."""
    commands: list[Command] = [Pause("ann", "audit"), Retry(("a", "b"), "ann", "again"), Waive("a", "ann", "gone")]
    assert wire.COMMANDS.read(wire.COMMANDS.write(commands)) == commands
    ask = Ask("host:1", {"DE01": 3}, (CallServed(1), CallTurnedAway(2, Door.THROTTLED, None)))
    assert wire.read_ask(wire.write_ask(ask)) == ask


def test_answers_arrive_as_they_were() -> None:
    """Receipts, truth values, reports, stories, loans and worths are the same on the other side."""
    report = absent("DE01", "emea", None, "running", 5)
    report.places = {Place.PARKED: Pile(1, Decimal("7.25"), {"EUR": 100}, 3)}  # type: ignore[misc]  # made as we go
    report.parked = []  # type: ignore[misc]  # likewise; what was a sequence arrives as a list
    trace = EntryTrace("DE01", "a", "posted", "posted", 1, "L-1", ["k"], [TraceStep(1, "EntryReceived", "v1")])
    for said, read in (
        ([Receipt(Taken.ACCEPTED), Receipt(Taken.REFUSED, "older")], wire.read_receipts),
        (True, wire.read_truth),
        (None, wire.read_trace),
        (trace, wire.read_trace),
        (HostReport("", [report], []), wire.read_report),
        (Lent(("DE01",), 5_000, "token"), wire.read_lent),
        (None, wire.read_nothing),
        ([Worth(7_250, "EUR"), Worth(0, "", "rate_gap")], wire.read_worths),
    ):
        assert wire.read_answer(asyncio.run(wire.answered(_say(said))), read) == said


def test_a_no_is_an_answer_and_anything_else_is_unknown() -> None:
    """NotOwner and refusals are raised again on the other side with what they said; other faults are no answers."""
    with pytest.raises(NotOwnerError, match="not here"):
        wire.read_answer(asyncio.run(wire.answered(_raise(NotOwnerError("not here")))), wire.read_truth)
    full = IntakeRefusedError("commit_queue", 1_000, "behind")
    with pytest.raises(IntakeRefusedError) as refused:
        wire.read_answer(asyncio.run(wire.answered(_raise(full))), wire.read_truth)
    assert (refused.value.bound, refused.value.retry_after_ms, refused.value.detail) == (
        "commit_queue",
        1_000,
        "behind",
    )
    with pytest.raises(ConnectionError):
        asyncio.run(wire.answered(_raise(ConnectionError("died"))))


def test_a_kind_of_a_newer_build_is_refused_by_name() -> None:
    """What this build does not know is never skipped: the call fails and says what it was."""
    body = msgspec.msgpack.encode([("EntryTeleported", {"entry_id": "a"})])
    with pytest.raises(wire.UnknownKindError, match="EntryTeleported"):
        wire.NEWS.read(body)
    with pytest.raises(wire.UnknownKindError, match="maybe"):
        wire.read_answer(msgspec.msgpack.encode(("maybe", None)), wire.read_truth)
