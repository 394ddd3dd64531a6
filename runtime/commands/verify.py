"""`springtide config verify`: recompute the hash chain of journals, straight from the store that a configuration names.

It asks no gateway, so it works while everything is stopped, and beside a running process: it reads what is durable
when it begins and writes nothing. A journal that does not hold was changed behind our back, or is damaged.
"""

import os
import sys
from pathlib import Path

from runtime.cli import BadInputError
from runtime.configuration import ConfigurationError
from runtime.journal.stores import MissingExtraError, open_store
from runtime.ports import JournalError, Store, StoreBrokenError
from runtime.settings import Settings

EPILOG = """\
examples:
  springtide config verify springtide.toml
  springtide config verify springtide.toml DE01 FR01

exit codes: 0 every chain holds, 1 one does not, or could not be read, 2 bad input
"""


def run(settings: Settings, entities: list[str]) -> int:
    """Verify the journals of these entities (none: all of them); the exit code."""
    unknown = [name for name in entities if name not in settings.entities]
    if unknown:
        raise BadInputError(f"verify: {', '.join(unknown)} is not configured; it knows {', '.join(settings.entities)}")
    journal = settings.journal
    if journal.kind == "memory":
        raise BadInputError("verify: journal.kind is memory; it ends with its process, and nothing is left to verify")
    if journal.kind == "sqlite" and not Path(journal.directory).is_dir():
        raise BadInputError(f"verify: there is no directory {journal.directory} (journal.directory)")
    try:
        store = open_store(journal, os.environ)
    except MissingExtraError as missing:
        raise BadInputError(str(missing)) from None
    except ConfigurationError as wrong:
        raise BadInputError("; ".join(wrong.mistakes)) from None
    except JournalError as fault:
        print(f"springtide: the journal cannot be used: {fault}", file=sys.stderr)
        return 1
    try:
        return max([_verify(store, name) for name in entities or settings.entities])
    finally:
        store.close()


def _verify(store: Store, entity: str) -> int:
    """One line about one journal; the exit code."""
    try:
        # Whoever owns it goes on: a journal is fenced where it writes, and this one never does.
        owner = next((one for one in store.owners() if one.name == entity), None)
        if owner is None:
            print(f"{entity}: nobody has carried it yet, there is no journal")
            return 0
        journal = store.journal(owner)
        try:
            frames, head = journal.verify(), journal.chain
        finally:
            journal.close()
    except StoreBrokenError as fault:
        print(f"{entity}: DOES NOT HOLD: {fault}")
        return 1
    except JournalError as fault:
        print(f"{entity}: cannot be read: {fault}")
        return 1
    print(f"{entity}: {frames:,} frames, the chain holds, its head is {head}")
    return 0
