"""An independent judge of the books: the account moves of an ERP as a journal that hledger reads, and its verdict.

hledger is a program of others (`apt install hledger`, or hledger.org), and shares no code or idea with us or with
Tryton. It found an unbalanced move that Tryton on SQLite had let through (measured). Where it is not installed, nothing
is checked, and that is said.
"""

import shutil
import subprocess
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path

from runtime.core.value import value

CHECK_SECONDS = 60.0
FOUND_AT = ("/usr/local/bin/hledger", "/usr/bin/hledger")


@value
class MoveLine:
    """One side of a move: debit positive, credit negative, in minor units of a currency with cents."""

    account: str
    amount_minor: int


@value
class Move:
    """A posted move."""

    entity: str
    number: str
    on: date
    text: str
    currency: str
    lines: tuple[MoveLine, ...]


def journal(moves: Iterable[Move]) -> str:
    """The moves as a journal: accounts and commodities are declared, so that a strict check knows them all."""
    every = sorted(moves, key=lambda move: (move.on, move.entity, move.number))
    accounts = sorted({_account(move, line) for move in every for line in move.lines})
    text = [f"commodity 1000.00 {currency}" for currency in sorted({move.currency for move in every})]
    text += [f"account {account}" for account in accounts]
    for move in every:
        text += ["", f"{move.on.isoformat()} * ({_plain(move.number)}) {_plain(move.text)}".rstrip()]
        text += [
            f"    {_account(move, line)}  {Decimal(line.amount_minor).scaleb(-2):.2f} {move.currency}"
            for line in move.lines
        ]
    return "\n".join(text) + "\n"


def _account(move: Move, line: MoveLine) -> str:
    return f"{_plain(move.entity)}:{_plain(line.account)}"


def _plain(text: str) -> str:
    """Without what means something in a journal: two spaces end an account, a semicolon begins a comment."""
    return " ".join("".join(sign if sign.isprintable() and sign not in ';()|"' else " " for sign in text).split())


def program() -> str | None:
    """Where hledger is; None where it is not installed."""
    return shutil.which("hledger") or next((path for path in FOUND_AT if Path(path).is_file()), None)


def check(path: Path) -> str:
    """What hledger has against the journal, in one line; empty: nothing. Raises FileNotFoundError without hledger."""
    found = program()
    if found is None:
        raise FileNotFoundError("hledger is not installed")
    command = [found, "-f", str(path), "check", "--strict"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=CHECK_SECONDS, check=False)  # noqa: S603  # as above
    return "" if done.returncode == 0 else " ".join((done.stderr or done.stdout or f"exit {done.returncode}").split())
