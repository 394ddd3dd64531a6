"""Moves as a journal for hledger: its form here, and its verdict where it is installed."""

from datetime import date
from pathlib import Path

import pytest

from scenarios.real import hledger
from scenarios.real.hledger import Move, MoveLine, journal

GOOD = Move(
    "DE01", "DE01-M-1", date(2026, 11, 30), "Invoice; of (November)", "EUR",
    (MoveLine("1.2  Receivable; all", 119_05), MoveLine("4.1 Services", -119_05)),
)  # fmt: skip
BAD = Move("US01", "US01-M-1", date(2026, 11, 29), "", "USD", (MoveLine("1", 1_00), MoveLine("4", -99)))


def test_a_move_is_a_transaction_with_a_line_for_each_side() -> None:
    """Accounts and currencies are declared first, moves come in order of time, amounts to the cent."""
    assert journal([GOOD, BAD]).splitlines() == [
        "commodity 1000.00 EUR",
        "commodity 1000.00 USD",
        "account DE01:1.2 Receivable all",
        "account DE01:4.1 Services",
        "account US01:1",
        "account US01:4",
        "",
        "2026-11-29 * (US01-M-1)",
        "    US01:1  1.00 USD",
        "    US01:4  -0.99 USD",
        "",
        "2026-11-30 * (DE01-M-1) Invoice of November",
        "    DE01:1.2 Receivable all  119.05 EUR",
        "    DE01:4.1 Services  -119.05 EUR",
    ]


def test_hledger_objects_to_what_does_not_balance(tmp_path: Path) -> None:
    """One cent is enough; what balances passes a strict check, whatever characters people wrote."""
    if hledger.program() is None:
        pytest.skip("hledger is not installed")
    path = tmp_path / "moves.journal"
    path.write_text(journal([GOOD]), encoding="utf-8")
    assert hledger.check(path) == ""

    path.write_text(journal([GOOD, BAD]), encoding="utf-8")
    assert "balance" in hledger.check(path)


def test_where_hledger_is_not_installed_nobody_says_that_it_agreed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without the program there is no verdict: asking for one is an error, and never an empty objection."""
    monkeypatch.setattr(hledger, "FOUND_AT", ())
    monkeypatch.setenv("PATH", str(tmp_path))

    assert hledger.program() is None
    with pytest.raises(FileNotFoundError):
        hledger.check(tmp_path / "moves.journal")
