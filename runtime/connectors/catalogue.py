"""Every kind of system that can be configured, and what speaks to it. A vendor is a file, and a line here."""

from collections.abc import Callable
from pathlib import Path

from runtime.connectors.erp import generic as generic_erp
from runtime.connectors.erp import tryton
from runtime.connectors.psa import generic as generic_psa
from runtime.core.answers import Door
from runtime.core.effects import FrozenRow
from runtime.core.model import Posting
from runtime.core.value import value
from runtime.crosswalk import Crosswalk, CrosswalkError, read_crosswalk
from runtime.ports import Connector, Request, Response
from runtime.settings import AccountSettings


@value
class Ledger:
    """An ERP: its connector for a legal entity, its mapping of a posting, and how one logs in."""

    connector: Callable[[str], Connector]
    freezer: Callable[[str], Callable[[Posting], FrozenRow]]
    build_login: Callable[[str], Request]
    read_login: Callable[[Response], tuple[str, int] | Door | None]
    scheme: str = "Bearer"
    """What stands before the token in the Authorization header."""


GENERIC = Ledger(
    generic_erp.GenericErp, lambda _entity: generic_erp.freeze, generic_erp.build_login, generic_erp.read_login
)


def _tryton(account: AccountSettings) -> Ledger:
    """Raises CrosswalkError where the crosswalk cannot be read; `configuration` looks before anything starts."""
    options = account.tryton
    assert options is not None, "a tryton_erp has its options; the configuration was checked"
    crosswalk = read_crosswalk(Path(options.crosswalk_file))

    def of(entity: str) -> Crosswalk:
        if entity not in crosswalk:
            raise CrosswalkError(f"{options.crosswalk_file} has no [{entity}]")
        return crosswalk[entity]

    return Ledger(
        lambda entity: tryton.TrytonErp(entity, options.mode, options.database, of(entity)),
        lambda entity: tryton.freezer(options.mode, of(entity)),
        tryton.login_builder(options.database, options.user),
        tryton.login_reader(options.user, options.session_ms),
        scheme="Session",
    )


LEDGERS: dict[str, Callable[[AccountSettings], Ledger]] = {
    "generic_erp": lambda _account: GENERIC,
    "tryton_erp": _tryton,
}

SOURCES: dict[str, Callable[[str], Connector]] = {"generic_psa": generic_psa.GenericPsa}
