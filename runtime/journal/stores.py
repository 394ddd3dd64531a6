"""From settings to the store they name."""

from collections.abc import Mapping
from pathlib import Path

from runtime.configuration import ConfigurationError, secret
from runtime.ports import Store
from runtime.settings import JournalSettings


class MissingExtraError(Exception):
    """Something that is configured needs a package that is not installed; says which extra brings it."""


def open_store(settings: JournalSettings, environ: Mapping[str, str]) -> Store:
    """The store that the settings name. Raises JournalError, MissingExtraError, ConfigurationError."""
    match settings.kind:
        case "sqlite":
            from runtime.journal.sqlite import SqliteStore

            try:
                return SqliteStore(Path(settings.directory))
            except OSError as fault:
                said = (
                    f"journal.directory: {settings.directory} cannot be used ({fault.strerror}); give a folder of ours"
                )
                raise ConfigurationError((said,)) from None
        case "postgres":
            try:
                from runtime.journal.postgres import PostgresStore
            except ModuleNotFoundError as missing:
                raise MissingExtraError(
                    f'journal.kind "postgres" needs {missing.name}; install springtide[postgres]'
                ) from None
            # One for each turn at the store, and some for leases, directory and office.
            return PostgresStore(secret(settings, "dsn", environ).reveal(), settings.threads + 4)
        case "memory":
            from runtime.journal.memory import MemoryStore

            return MemoryStore()
