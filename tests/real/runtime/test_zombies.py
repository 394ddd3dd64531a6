"""Hosts that are stopped for longer than their lease, and go on."""

from pathlib import Path

from scenarios.live.timeline import TimeLine
from scenarios.live.zombie_host import AFTER_COMMIT, BEFORE_COMMIT, BEFORE_INTAKE, BEFORE_SEND, IDLE, PLACES
from scenarios.live.zombies import ENTRIES, UNKEYED, prove_zombies


def test_a_zombie_makes_nothing_durable_and_a_keyed_erp_absorbs_its_last_send(tmp_path: Path) -> None:
    """Wherever a host was stopped, once it is replaced it commits nothing, takes nothing in, and doubles nothing."""
    told = prove_zombies(tmp_path, TimeLine())
    cases = {case["place"]: case for case in told["cases"]}

    assert told["violations"] == []
    assert (told["lost"], told["double"], told["standing"]) == (0, 0, ENTRIES * 4 * len(PLACES))
    assert set(cases) == {IDLE, BEFORE_INTAKE, BEFORE_COMMIT, AFTER_COMMIT, BEFORE_SEND}
    assert all(case["refused"] and "commit_after" not in case["zombie_steps"] for case in cases.values())
    assert {place: case["rows_sent"] for place, case in cases.items() if case["rows_sent"]} == {BEFORE_SEND: ENTRIES}
    assert cases[BEFORE_INTAKE]["zombie_steps"]["commit_after_fenced"] == 1
    assert cases[BEFORE_COMMIT]["zombie_steps"]["commit_after_fenced"] == 1


def test_for_an_erp_without_keys_the_assumption_is_printed_and_what_it_costs_is_known(tmp_path: Path) -> None:
    """Stopped after the last look at its lease a zombie sends once more; without keys that stands twice, as printed."""
    told = prove_zombies(tmp_path, TimeLine(), UNKEYED, (BEFORE_SEND,))

    assert told["violations"] == []
    assert told["lost"] == 0
    assert told["double"] == ENTRIES
    assert [text for text in told["assumptions_printed"] if "can send a row twice" in text]
