"""`springtide pause`, `resume`, `retry`, `waive`: what is told, and what is said of it."""

import json
from dataclasses import replace

import pytest

from runtime.ports import EntryTrace
from tests.runtime.commands.a_gateway import AGateway, springtide
from tests.runtime.commands.test_status import DE01, NO01


def a_story(entity: str, entry_id: str) -> EntryTrace:
    """What an entity knows of an entry."""
    return EntryTrace(entity, entry_id, "parked", "parked", 1, "", (), ())


def test_pause_and_resume_change_one_entity_and_say_so() -> None:
    """The reason arrives with the command; what was done is named."""
    gateway = AGateway(partitions=[DE01, NO01])

    assert springtide(gateway, "pause", "--entity", "DE01", "--why", "repair").out == "paused DE01\n"
    assert gateway.partitions[0].paused == "ops: repair"
    assert springtide(gateway, "resume", "--entity", "DE01", "--why", "done").out == "resumed DE01\n"
    assert gateway.partitions[0].paused == ""


def test_a_region_is_paused_as_one_and_says_what_was_paused_already() -> None:
    """What is paused already is named apart."""
    gateway = AGateway(partitions=[DE01, NO01])

    said = springtide(gateway, "pause", "--region", "emea", "--why", "cut-over")

    assert said.out == "paused DE01; nothing to do in NO01\n"


def test_nothing_to_do_is_exit_1_with_the_next_command() -> None:
    """A script notices that nothing happened."""
    said = springtide(AGateway(partitions=[NO01]), "pause", "--entity", "NO01", "--why", "x")

    assert (said.code, said.out) == (1, "")
    assert "springtide status" in said.err


@pytest.mark.parametrize(
    "argv",
    [
        ("pause", "--why", "x"),
        ("pause", "--entity", "DE01", "--region", "emea", "--why", "x"),
        ("pause", "--entity", "DE01"),
        ("resume", "--account", "erp"),
        ("retry", "--why", "x"),
        ("waive", "TS-1"),
        ("waive", "TS-1", "TS-2", "--why", "x"),
        ("waive", "TS-1", "--why", " "),
        ("waive", "TS-1", "--why", "two\nlines"),
        ("waive", "TS-1", "--why", "x" * 501),
        ("pause", "--entity", "", "--why", "x"),
    ],
)
def test_who_and_why_are_asked_for(argv: tuple[str, ...]) -> None:
    """Without exactly one target, or without a reason, nothing is sent."""
    gateway = AGateway(partitions=[DE01])

    said = springtide(gateway, *argv)

    assert (said.code, said.err.count("\n")) == (2, 1)
    assert gateway.asked == []


def test_retry_takes_many_entries_and_waive_one() -> None:
    """A waiver is for good, so it is given one by one."""
    gateway = AGateway(partitions=[DE01], parked={"TS-1": "DE01", "TS-2": "DE01", "TS-3": "DE01"})
    gateway.traces = {("DE01", "TS-3"): a_story("DE01", "TS-3")}

    assert springtide(gateway, "retry", "TS-1", "TS-2", "--why", "unlocked").code == 0
    assert springtide(gateway, "waive", "TS-3", "--why", "written off").out == "waived in DE01\n"
    assert gateway.parked == {}
    assert "springtide trace" in springtide(gateway, "waive", "TS-3", "--why", "again").err


def test_a_waiver_names_the_one_entity_that_knows_the_entry() -> None:
    """It is looked up; where two know the id, or nobody does, nothing is sent, and --entity decides."""
    gateway = AGateway(partitions=[DE01, NO01], parked={"TS-1": "NO01"})
    gateway.traces = {(entity, "TS-1"): a_story(entity, "TS-1") for entity in ("DE01", "NO01")}

    twice = springtide(gateway, "waive", "TS-1", "--why", "x")
    nowhere = springtide(gateway, "waive", "TS-9", "--why", "x")

    assert (twice.code, nowhere.code) == (1, 1)
    assert "known in DE01, NO01; say which with --entity" in twice.err
    assert not any(method == "POST" for method, _ in gateway.asked)
    assert springtide(gateway, "waive", "TS-1", "--entity", "NO01", "--why", "x").out == "waived in NO01\n"


def test_what_could_not_be_carried_out_now_is_said_and_fails() -> None:
    """One entity moves at the moment: the others are paused, the command is to be given again, exit 1."""
    gateway = AGateway(partitions=[DE01, replace(NO01, paused="", state="moving")])

    said = springtide(gateway, "pause", "--region", "emea", "--why", "cut-over")

    assert (said.code, said.out) == (1, "paused DE01\n")
    assert "not carried out in NO01 (moving: try again)" in said.err


def test_an_outcome_that_is_not_in_the_audit_is_said() -> None:
    """The command was carried out, and whoever gave it hears which entity's outcome nobody will find there."""
    results = [
        {"entity": "DE01", "done": True, "audit": "the outcome could not be written into the audit"},
        {"entity": "NO01", "done": True},
    ]
    gateway = AGateway(instead=(200, json.dumps({"results": results}).encode()))

    said = springtide(gateway, "pause", "--region", "emea", "--why", "cut-over")

    assert (said.code, said.out) == (0, "paused DE01, NO01\n")
    assert said.err == "springtide: DE01: the outcome could not be written into the audit\n"
