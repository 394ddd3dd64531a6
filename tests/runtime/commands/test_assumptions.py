"""What `springtide serve` prints at its start: what the promise rests on with these settings."""

from pathlib import Path

import pytest

from runtime.commands.serve import assumptions
from runtime.settings import Settings

ENTITIES = {"DE01": {"region": "EMEA", "erp": "erp", "psa": "psa"}}


@pytest.mark.parametrize("mode", ["keyed", "unkeyed"])
def test_the_mode_of_a_tryton_is_printed(mode: str, tmp_path: Path) -> None:
    """Which of the two it is, and what it rests on; without keys also what nobody finds."""
    tryton = {"database": "erp", "user": "feed", "mode": mode, "crosswalk_file": str(tmp_path / "crosswalk.toml")}
    keyed = mode == "keyed"
    erp = {"kind": "tryton_erp", "url": "http://x", "needs_session": True, "honours_keys": keyed, "tryton": tryton}
    accounts = {"erp": erp, "psa": {"kind": "generic_psa", "url": "http://y"}}
    told = list(assumptions(Settings.model_validate({"tenant": "acme", "accounts": accounts, "entities": ENTITIES})))
    assert f"erp is Tryton in {mode} mode" in told[0]
    assert any("can send a row twice" in line for line in told) is not keyed
