"""From a kind in the settings to what speaks to the system."""

import json
from pathlib import Path

import pytest

from runtime.connectors.catalogue import LEDGERS
from runtime.core.effects import SendBatch
from runtime.crosswalk import CrosswalkError
from runtime.settings import AccountSettings, TrytonSettings
from tests.runtime.connectors.test_tryton import POSTING


def tryton(folder: Path, text: str) -> AccountSettings:
    """An account at a Tryton with this crosswalk."""
    path = folder / "crosswalk.toml"
    path.write_text(text, encoding="utf-8")
    options = TrytonSettings(database="books", user="feed", mode="unkeyed", crosswalk_file=str(path))
    return AccountSettings(kind="tryton_erp", url="http://x", needs_session=True, tryton=options)


def test_a_tryton_speaks_as_it_was_told_to(tmp_path: Path) -> None:
    """Database, user, mode and numbers of the settings are in what is sent; a session says what it is."""
    ledger = LEDGERS["tryton_erp"](tryton(tmp_path, "[DE01]\ncompany = 3\n[DE01.workers]\nW1 = 12\n"))
    row = ledger.freezer("DE01")(POSTING)
    request = ledger.connector("DE01").build(SendBatch("c", (row,)))
    sent, context = json.loads(request.body)["params"]
    assert request.path == "/books/rpc/"
    assert (sent[0]["company"], sent[0]["employee"], context["company"]) == (3, 12, 3)
    assert "uuid" not in sent[0]
    assert json.loads(ledger.build_login("p").body)["params"][0] == "feed"
    assert (ledger.scheme, LEDGERS["generic_erp"](tryton(tmp_path, "")).scheme) == ("Session", "Bearer")


def test_an_entity_that_the_crosswalk_lacks_is_not_posted(tmp_path: Path) -> None:
    """Nothing is made up for it."""
    ledger = LEDGERS["tryton_erp"](tryton(tmp_path, "[DE01]\ncompany = 3\n"))
    with pytest.raises(CrosswalkError, match="FR01"):
        ledger.freezer("FR01")
