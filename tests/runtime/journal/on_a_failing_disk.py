"""Started by tests with the failing disk preloaded: writes to a journal, and says in words what became of each step.

    python -m tests.runtime.journal.on_a_failing_disk DIRECTORY CONTROL-FILE ORDER...

An order is "commit" (numbered frames), "checkpoint", "renew", or "CALL SUFFIX" for the control file ("-": all pass).
"""

import sys
from pathlib import Path

from runtime.journal import sqlite
from runtime.ports import JournalError, Keep


def carry_out(directory: Path, control: Path, orders: list[str]) -> None:
    """One word a step: "done" or the name of the error."""
    store = sqlite.SqliteStore(directory)
    owner = store.claim("DE01", "host-1", "", 60_000)
    journal = store.journal(owner)
    number = 0
    for order in orders:
        try:
            if order == "commit":
                number += 1
                journal.commit(b"frame %d" % number)
            elif order == "checkpoint":
                journal.checkpoint(b"head", [("E-1", Keep.OPEN, 2, 0, b"body")])
            elif order == "recover":
                journal.recover()
            elif order == "renew":
                assert store.renew([owner], 60_000)
            else:
                control.write_text("" if order == "-" else order, encoding="utf-8")
                continue
        except (JournalError, AssertionError) as fault:
            sys.stdout.write(f"{type(fault).__name__}\n")
        else:
            sys.stdout.write("done\n")


if __name__ == "__main__":
    sqlite.FOLD_BYTES = 1
    carry_out(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
