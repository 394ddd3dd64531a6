"""What a live run is said to have proved."""

from pathlib import Path

import pytest

from runtime.connectors.erp.generic import freeze
from runtime.core.policy import Policy
from runtime.drivers.shell import Shell
from runtime.journal.sqlite import SqliteStore
from runtime.settings import Settings
from scenarios.live.burst import Version
from scenarios.live.verdict import HELD, PROVED_NOTHING, UNSETTLED, VIOLATED, Verdict, check_journals
from tests.runtime.core.a_partition import BEGAN_MS, USUAL, approved, withdrawn

CLEAN = dict.fromkeys(
    ("lost", "double", "wrong_amount", "wrong_period", "wrong_order", "invented", "changed_rows", "unsettled"), 0
)


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Verdict(CLEAN), HELD),
        (Verdict({**CLEAN, "unsettled": 1}), UNSETTLED),
        (Verdict(CLEAN, late=["one is late"]), UNSETTLED),
        (Verdict({**CLEAN, "unsettled": 1}, unproved=["the ERP was never away"]), PROVED_NOTHING),
        (Verdict({**CLEAN, "lost": 1}, unproved=["the ERP was never away"]), VIOLATED),
        (Verdict({**CLEAN, "double": 1}), VIOLATED),
        (Verdict({**CLEAN, "double": 1}, excused=("double",)), HELD),
        (Verdict({**CLEAN, "double": 1, "lost": 1}, excused=("double",)), VIOLATED),
        (Verdict(CLEAN, unknown=[Version("DE01", "TS-1", 1)]), VIOLATED),
        (Verdict(CLEAN, violations=["a chain is broken"]), VIOLATED),
    ],
)
def test_the_gravest_finding_is_the_exit_code(verdict: Verdict, code: int) -> None:
    """Wrong money comes before a run that proved nothing, and that before work that is left."""
    assert verdict.code == code


def settings_of(directory: Path) -> Settings:
    """One entity, and a journal in this directory."""
    account = {"kind": "generic_erp", "url": "http://127.0.0.1:1/erp"}
    return Settings.model_validate(
        {
            "tenant": "T1",
            "journal": {"kind": "sqlite", "directory": str(directory)},
            "accounts": {"erp": account, "psa": {**account, "kind": "generic_psa"}},
            "entities": {"DE01": {"region": "EMEA", "erp": "erp", "psa": "psa"}},
        }
    )


def test_what_was_acknowledged_is_looked_for_in_the_table_and_in_the_frames_behind_it(tmp_path: Path) -> None:
    """Versions before and after the last checkpoint are known, withdrawn ones too; one that nobody wrote is not."""
    store = SqliteStore(tmp_path)
    shell = Shell(Policy("T1", "DE01", freeze), store.journal(store.claim("DE01", "host-1", "", 60_000)))
    shell.wake_up(BEGAN_MS)
    shell.turn([*USUAL, approved("TS-1"), approved("TS-2")], BEGAN_MS)
    shell.checkpoint()
    shell.turn([approved("TS-1", 2), withdrawn("TS-2", 2), approved("TS-3")], BEGAN_MS)
    store.close()
    told = [
        Version("DE01", entry_id, number)
        for entry_id, number in (("TS-1", 1), ("TS-1", 2), ("TS-2", 1), ("TS-2", 2), ("TS-3", 1), ("TS-4", 1))
    ]

    verdict = Verdict(CLEAN)
    check_journals(verdict, settings_of(tmp_path), {}, told)

    assert verdict.acknowledged == 6
    assert verdict.unknown == [Version("DE01", "TS-4", 1)]
    assert verdict.frames >= 3
    assert verdict.violations == []


def test_acknowledged_versions_without_any_journal_are_a_violation(tmp_path: Path) -> None:
    """Where no partition ever wrote, nothing that was acknowledged can be known."""
    verdict = Verdict(CLEAN)
    check_journals(verdict, settings_of(tmp_path), {}, [Version("DE01", "TS-1", 1)])

    assert verdict.code == VIOLATED
